/* SPDX-License-Identifier: 0BSD */
#include "station/lacking.h"

#include "base/mem.h"
#include "station/listing.h"
#include "station/sketches.h"
#include "sync/peel.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 256
#define STEP 4096
/* Records that are asked for one by one whether they are urgent; of more, all
 * urgent ones are looked through. */
#define ASK_EACH 8192

enum stage { STAGE_COLLECT, STAGE_READ, STAGE_URGENT, STAGE_SORTED };

bool patterns_match(struct span patterns, struct span name)
{
  bool yes = patterns.n == 0;
  for (size_t at = 0; !yes && at < patterns.n;) {
    const char *pattern = (const char *)patterns.p + at;
    yes = pattern_matches(span_of(pattern, strlen(pattern)), name);
    at += strlen(pattern) + 1;
  }
  return yes;
}

static int add(struct lacking *l, uint64_t ref, struct err *e)
{
  if (l->n == l->cap) {
    size_t cap = l->cap > 0 ? l->cap * 2 : PAGE;
    struct lacking_parcel *p = mem_resize(l->parcel, cap, sizeof *p);
    if (p == NULL) {
      return err_set(e, ERR_NOMEM, "not enough memory");
    }
    l->parcel = p;
    l->cap = cap;
  }
  l->parcel[l->n++] = (struct lacking_parcel){.ref = ref};
  return 0;
}

/* ---- told by a sketch ---- */

/* What the slip says of one collection. */
struct told {
  uint64_t count;
  struct span digest; /* or its first bytes */
  struct span sketch; /* a part, or nothing */
  const struct slip_short *brief;
};

struct difference {
  struct sketch ours;
  struct sketch_part part;
  struct peel peel;
  struct setsum sum;
};

/* 1 when something can be taken apart, 0 when the slip holds no sketch. */
static int read_part(struct sketch_part *part, const struct told *t,
                     struct err *e)
{
  if (t->brief != NULL) {
    part->syndromes = t->brief->syndromes;
    memcpy(part->syndrome, t->brief->syndrome, sizeof t->brief->syndrome);
    part->begun = true;
    return part->syndromes > 0;
  }
  int rc = t->sketch.n > 0 ? sketch_part_read(part, t->sketch, e) : 0;
  return rc < 0 ? rc : t->sketch.n > 0;
}

/* Handles become parcels of ours. 1, or 0 when one is none: then the sketch
 * was made up, or the collection holds what was made up for it. */
static int take_found(struct lacking *l, struct span name, uint64_t upto,
                      struct difference *d, uint64_t *theirs, struct err *e)
{
  int rc = 1;
  *theirs = 0;
  for (uint32_t i = 0; rc > 0 && i < d->peel.n; i++) {
    uint64_t ref = 0;
    struct cid cid;
    if (!d->peel.ours[i]) {
      ++*theirs;
      continue;
    }
    rc = sketches_parcel(l->st, name, upto, d->peel.handle[i], &ref, &cid, e);
    if (rc > 0) {
      setsum_remove(&d->sum, cid_digest(&cid));
      int added = add(l, ref, e);
      rc = added < 0 ? added : 1;
    }
  }
  return rc;
}

/* Does what was found lead from our set to theirs? The digest knows where we
 * lack nothing; else the count is all there is. */
static int explains(const struct told *t, const struct difference *d,
                    uint64_t theirs, struct err *e)
{
  uint8_t digest[HASH_SIZE];
  if (d->sum.count + theirs != t->count) {
    return 0;
  }
  int rc = theirs > 0 ? 0 : setsum_digest(digest, &d->sum);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  return theirs > 0 || memcmp(digest, t->digest.p, t->digest.n) == 0;
}

/* 1: the difference was found, and added; 0: it can't be told. */
static int take_apart(struct lacking *l, struct span name, const struct told *t,
                      struct difference *d, struct err *e)
{
  struct sketches_view view;
  struct sketches_state state;
  struct sync_set set;
  uint64_t theirs = 0;
  size_t before = l->n;
  int rc = sketches_take(l->st, name, &d->ours, &d->sum, &state, e);
  if (rc < 0 || (state.count == t->count &&
                 memcmp(state.digest, t->digest.p, t->digest.n) == 0)) {
    return rc < 0 ? rc : 1;
  }
  if ((rc = read_part(&d->part, t, e)) <= 0) {
    return rc;
  }
  sketches_set(&set, &view, l->st, name, state.upto);
  rc = peel(&d->peel, &d->ours, &d->part, &set, e);
  if (rc != PEEL_DONE) {
    return rc < 0 ? rc : 0;
  }
  if ((rc = take_found(l, name, state.upto, d, &theirs, e)) < 0) {
    return rc;
  }
  rc = rc > 0 ? explains(t, d, theirs, e) : 0;
  if (rc > 0) {
    l->theirs += theirs;
  } else {
    l->n = before;
  }
  return rc;
}

/* 1: more to do first; 0: the collection is done, or its log is walked. */
static int by_sketch(struct lacking *l, struct span name, const struct told *t,
                     struct err *e)
{
  int rc = sketches_step(l->st, name, e);
  if (rc != 0) {
    return rc;
  }
  struct difference *d = mem_zero(sizeof *d);
  if (d == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  rc = take_apart(l, name, t, d, e);
  mem_free(d);
  if (rc == 0) {
    l->in_log = l->all = true;
    if ((rc = buf_put(&l->whole, name.p, name.n)) < 0 ||
        (rc = buf_byte(&l->whole, 0)) < 0) {
      return err_set(e, rc, "not enough memory");
    }
  }
  return rc < 0 ? rc : 0;
}

/* ---- told by handles ---- */

/* Is the parcel among those that the slip names? */
static bool named(const struct brought *b, struct span name,
                  const struct cid *cid)
{
  struct slip_walk it = {0};
  struct slip_wish wish;
  uint64_t handle = slip_handle(b->slip.salt, cid);
  while (slip_wish_next(&b->slip, &it, &wish)) {
    if (pattern_matches(wish.collection, name) && slip_has(wish.have, handle)) {
      return true;
    }
  }
  return false;
}

/* Some of the collection's log: 1, or 0 at its end. */
static int walk_log(struct lacking *l, struct span name, struct err *e)
{
  struct store *store = l->st->store;
  uint64_t refs[PAGE];
  int rc = 0, n = PAGE;
  for (int done = 0; rc == 0 && n == PAGE && done < STEP; done += PAGE) {
    n = store->ops->since(store, name, l->after, refs, PAGE, e);
    rc = n < 0 ? n : 0;
    for (int i = 0; rc == 0 && i < n; i++) {
      struct cid cid;
      l->after = refs[i];
      rc = l->all ? 0 : store->ops->get_ref(store, refs[i], &cid, NULL, e);
      if (rc == 0 && (l->all || !named(l->slip, name, &cid))) {
        rc = add(l, refs[i], e);
      }
    }
  }
  return rc < 0 ? rc : n == PAGE;
}

/* ---- one collection after another ---- */

static void next_set(struct lacking *l)
{
  l->set_at_hand = slip_set_next(&l->slip->slip, &l->sets, &l->set);
}

/* What the slip says of the collection as a whole: false, nothing. */
static bool find_told(struct lacking *l, struct span name, struct told *out)
{
  memset(out, 0, sizeof *out);
  out->brief = brought_short(l->slip, name);
  if (out->brief != NULL) {
    out->count = out->brief->count;
    out->digest = span_of(out->brief->digest, SLIP_SHORT_DIGEST);
    return true;
  }
  while (l->set_at_hand && span_compare(l->set.name, name) < 0) {
    next_set(l); /* one that is not here */
  }
  if (!l->set_at_hand || !span_equal(l->set.name, name)) {
    return false;
  }
  out->count = (uint64_t)l->set.count;
  out->digest = span_of(l->set.digest, HASH_SIZE);
  out->sketch = l->set.sketch;
  return true;
}

/* 1: the same collection again; 0: it is done. */
static int collect(struct lacking *l, struct span name, struct err *e)
{
  struct told told;
  if (l->in_log) {
    return walk_log(l, name, e);
  }
  if (!patterns_match(l->patterns, name) || brought_files(l->slip, name) < 0) {
    return 0;
  }
  if (!find_told(l, name, &told)) {
    l->in_log = true;
    return 1;
  }
  int rc = by_sketch(l, name, &told, e);
  return rc == 0 ? l->in_log : rc;
}

static int collect_next(struct lacking *l, struct err *e)
{
  if (l->names.n == 0) {
    int rc =
        station_collections(l->st, span_of(NULL, 0), SIZE_MAX, &l->names, e);
    next_set(l);
    if (rc < 0 || l->names.n == 0) {
      l->stage = STAGE_READ;
      return rc;
    }
  }
  struct span name =
      span_of(l->names.p + l->at, strlen((const char *)l->names.p + l->at));
  int rc = collect(l, name, e);
  if (rc == 0) {
    l->at += name.n + 1;
    l->after = 0;
    l->in_log = l->all = false;
    l->stage = l->at == l->names.n ? STAGE_READ : STAGE_COLLECT;
  }
  return rc;
}

/* ---- their order ---- */

static int by_ref(const void *a, const void *b)
{
  const struct lacking_parcel *x = a, *y = b;
  return x->ref < y->ref ? -1 : x->ref > y->ref;
}

static int by_turn(const void *a, const void *b)
{
  const struct lacking_parcel *x = a, *y = b;
  if (x->urgent != y->urgent) {
    return x->urgent ? -1 : 1;
  }
  if (x->time != y->time) {
    return x->time > y->time ? -1 : 1;
  }
  return -by_ref(a, b);
}

static int is_urgent(struct lacking *l, int64_t time, uint64_t record,
                     struct err *e)
{
  struct store *store = l->st->store;
  int64_t sort = 0;
  uint64_t ref = 0;
  int n = store->ops->rows(store, IDX_URGENT, span_of(NULL, 0), time,
                           record - 1, false, &sort, &ref, 1, e);
  return n <= 0 ? n : sort == time && ref == record;
}

static int ask_each(struct lacking *l, struct lacking_parcel *p, struct err *e)
{
  const struct cached_parcel *c;
  int rc = station_parcel(l->st, p->ref, &c, e);
  for (size_t i = 0; rc == 0 && i < c->view.count; i++) {
    struct cid cid;
    uint64_t ref = 0;
    parcel_record(&c->view, i, &cid);
    rc = l->st->store->ops->find(l->st->store, &cid, 1, &ref, e);
    rc = rc == 0 && ref != 0 ? is_urgent(l, p->time, ref, e) : rc;
  }
  p->urgent = rc > 0;
  return rc < 0 ? rc : 0;
}

/* Time and size of some more: 1, or 0 at the end. */
static int read_some(struct lacking *l, struct err *e)
{
  const struct cached_parcel *c;
  for (size_t i = 0; i < STEP && l->looked < l->n; i++, l->looked++) {
    struct lacking_parcel *p = &l->parcel[l->looked];
    int rc = station_parcel(l->st, p->ref, &c, e);
    if (rc < 0) {
      return rc;
    }
    p->time = c->view.time;
    p->records = (uint32_t)c->view.count;
    l->records += c->view.count;
  }
  return l->looked < l->n;
}

/* Parcels that list the urgent records of a page, if they lack: 1, or 0 when
 * no page is left. */
static int look_through(struct lacking *l, struct err *e)
{
  struct listing by[LISTINGS_MAX];
  int64_t sorts[PAGE];
  uint64_t refs[PAGE];
  int n = l->st->store->ops->rows(l->st->store, IDX_URGENT, span_of(NULL, 0),
                                  l->sort, l->row, true, sorts, refs, PAGE, e);
  for (int i = 0; i < n; i++) {
    int lists = listings(l->st, refs[i], by, e);
    for (int k = 0; k < lists; k++) {
      struct lacking_parcel key = {.ref = by[k].parcel_ref}, *hit;
      hit = bsearch(&key, l->parcel, l->n, sizeof key, by_ref);
      if (hit != NULL) {
        hit->urgent = true;
      }
    }
    if (lists < 0) {
      return lists;
    }
    l->sort = sorts[i];
    l->row = refs[i];
  }
  return n < 0 ? n : n > 0;
}

static int find_urgent(struct lacking *l, struct err *e)
{
  int rc = 0;
  if (l->records > ASK_EACH) {
    return look_through(l, e);
  }
  for (size_t i = 0; rc == 0 && i < l->n; i++) {
    rc = ask_each(l, &l->parcel[i], e);
  }
  return rc;
}

int lacking_step(struct lacking *l, struct err *e)
{
  int rc = 0;
  switch ((enum stage)l->stage) {
  case STAGE_COLLECT:
    rc = collect_next(l, e);
    break;
  case STAGE_READ:
    if ((rc = read_some(l, e)) == 0) {
      l->stage = STAGE_URGENT;
      l->sort = INT64_MAX;
      l->row = UINT64_MAX >> 1;
      if (l->n > 0) {
        qsort(l->parcel, l->n, sizeof *l->parcel, by_ref);
      }
    }
    break;
  case STAGE_URGENT:
    if ((rc = find_urgent(l, e)) == 0) {
      l->stage = STAGE_SORTED;
      if (l->n > 0) {
        qsort(l->parcel, l->n, sizeof *l->parcel, by_turn);
      }
    }
    break;
  case STAGE_SORTED:
    return 0;
  }
  return rc < 0 ? rc : 1;
}

void lacking_free(struct lacking *l)
{
  mem_free(l->parcel);
  buf_free(&l->whole);
  buf_free(&l->names);
  memset(l, 0, sizeof *l);
}
