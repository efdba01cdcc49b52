/* SPDX-License-Identifier: 0BSD */
/* What the peer lacks, in the order in which it goes: parcels that hold a
 * withdrawal, label or correction; then by the policy's rank; then the newest
 * first. */
#include "base/check.h"
#include "base/mem.h"
#include "station/link_int.h"
#include "station/listing.h"
#include "sync/handles.h"

#include <stdlib.h>
#include <string.h>

#define STEP 256           /* parcels in one slice */
#define BULK_PICKS 65536u  /* parcels: larger ones are walked by the index */
#define READ_RECORDS 4096u /* so many are looked at, else the urgent index */
#define PAGE 64
#define WALK_PAGES 64 /* in one slice, of rows that are not wanted */

/* ---- noting ---- */

/* 1 when it is new. */
static int add_pick(struct plan *p, uint64_t ref, int64_t rank, struct err *e)
{
  int rc = refset_add(&p->picked, ref);
  if (rc <= 0) {
    return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
  }
  if (p->n == p->cap) {
    size_t cap = p->cap > 0 ? p->cap * 2 : 64;
    struct pick *pick = mem_resize(p->pick, cap, sizeof *pick);
    if (pick == NULL) {
      return err_set(e, ERR_NOMEM, "not enough memory");
    }
    p->pick = pick;
    p->cap = cap;
  }
  p->pick[p->n++] = (struct pick){.ref = ref, .rank = rank};
  return 1;
}

static int note_handles(struct plan *p, const struct session_lack *l,
                        struct err *e)
{
  int found = 0;
  for (size_t i = 0; i < l->n; i++) {
    uint64_t ref;
    struct cid cid;
    int rc = sketches_parcel(p->st, l->name, UINT64_MAX >> 1, l->handle[i],
                             &ref, &cid, e);
    if (rc > 0 && l->sum != NULL && l->add) {
      setsum_add(l->sum, cid_digest(&cid));
    } else if (rc > 0 && l->sum != NULL) {
      setsum_remove(l->sum, cid_digest(&cid));
    }
    if (rc > 0 && l->send && add_pick(p, ref, l->rank, e) < 0) {
      return ERR_NOMEM;
    }
    if (rc < 0) {
      return rc;
    }
    found += rc;
  }
  return found;
}

static int put_handles(struct buf *to, const struct session_lack *l)
{
  return buf_put(to, l->handle, l->n * sizeof *l->handle);
}

static int note_keyed(struct plan *p, const struct session_lack *l,
                      struct err *e)
{
  struct keyed k = {.rank = l->rank};
  struct keyed *last = (struct keyed *)(void *)p->keyed.p +
                       (p->keyed_n > 0 ? p->keyed_n - 1 : 0);
  int rc;
  /* Long lists come in pieces. */
  if (p->keyed_n > 0 && last->cursor == 0 && p->step == PLAN_KEYED &&
      span_equal(buf_span(&last->name), l->name)) {
    rc = put_handles(&last->handles, l);
    return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
  }
  memcpy(k.key, l->key, sizeof k.key);
  if (buf_put(&k.name, l->name.p, l->name.n) < 0 ||
      put_handles(&k.handles, l) < 0 || buf_put(&p->keyed, &k, sizeof k) < 0) {
    buf_free(&k.name);
    buf_free(&k.handles);
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  p->keyed_n++;
  return 0;
}

static int note_bulk(struct plan *p, const struct session_lack *l,
                     struct err *e)
{
  struct bulk b = {.upto = l->upto, .rank = l->rank};
  if (buf_put(&b.name, l->name.p, l->name.n) < 0 ||
      put_handles(&b.except, l) < 0 || buf_put(&p->bulk, &b, sizeof b) < 0) {
    buf_free(&b.name);
    buf_free(&b.except);
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  p->bulk_n++;
  return 0;
}

int plan_lack(struct plan *p, const struct session_lack *l, struct err *e)
{
  if (l->key != NULL) {
    return l->send && l->n > 0 ? note_keyed(p, l, e) : 0;
  }
  return l->all_but ? note_bulk(p, l, e) : note_handles(p, l, e);
}

/* ---- putting it in order ---- */

static bool has_handle(const struct buf *list, uint64_t handle)
{
  return handles_have(handles_of(list), list->n / 8, handle);
}

/* The next parcels of a collection's log: their numbers and CIDs. */
static int log_page(struct plan *p, struct span name, uint64_t after,
                    uint64_t *refs, struct cid *cids, struct err *e)
{
  struct store *s = p->st->store;
  int n = s->ops->since(s, name, after, refs, PAGE, e);
  for (int i = 0; i < n; i++) {
    int rc = s->ops->get_ref(s, refs[i], &cids[i], NULL, e);
    if (rc < 0) {
      return rc;
    }
  }
  return n;
}

/* Find whose the keyed handles are. 1: more. */
static int resolve_keyed(struct plan *p, struct err *e)
{
  uint64_t refs[PAGE];
  struct cid cids[PAGE];
  if (p->step_at == p->keyed_n) {
    return 0;
  }
  struct keyed *k = (struct keyed *)(void *)p->keyed.p + p->step_at;
  if (k->cursor == 0) {
    handles_sort(handles_of(&k->handles), k->handles.n / 8);
  }
  int n = log_page(p, buf_span(&k->name), k->cursor, refs, cids, e);
  for (int i = 0; i < n; i++) {
    uint64_t handle = sketch_keyed_handle(k->key, cid_digest(&cids[i]));
    if (has_handle(&k->handles, handle) &&
        add_pick(p, refs[i], k->rank, e) < 0) {
      return ERR_NOMEM;
    }
    k->cursor = refs[i];
  }
  if (n == 0) {
    p->step_at++;
  }
  return n < 0 ? n : 1;
}

/* Small bulks become parcels one by one. 1: more. */
static int resolve_bulk(struct plan *p, struct err *e)
{
  uint64_t refs[PAGE], count = 0;
  struct cid cids[PAGE];
  if (p->step_at == p->bulk_n) {
    return 0;
  }
  struct bulk *b = (struct bulk *)(void *)p->bulk.p + p->step_at;
  int rc =
      p->st->store->ops->count(p->st->store, buf_span(&b->name), &count, e);
  if (rc < 0 || (count > BULK_PICKS && b->cursor == 0)) {
    p->walks = p->walks_urgent = true;
    p->sort = INT64_MAX;
    p->row = UINT64_MAX >> 1;
    p->step_at++;
    return rc < 0 ? rc : 1;
  }
  int n = b->cursor < b->upto
              ? log_page(p, buf_span(&b->name), b->cursor, refs, cids, e)
              : 0;
  for (int i = 0; i < n && refs[i] <= b->upto; i++) {
    if (!has_handle(&b->except, sketch_handle(cid_digest(&cids[i]))) &&
        add_pick(p, refs[i], b->rank, e) < 0) {
      return ERR_NOMEM;
    }
  }
  if (n > 0) {
    b->cursor = refs[n - 1];
  } else {
    b->upto = 0; /* done: no walk looks for it */
    p->step_at++;
  }
  return n < 0 ? n : 1;
}

/* When were they made, and of how many records are they? */
static int learn_times(struct plan *p, struct err *e)
{
  for (int i = 0; i < STEP && p->step_at < p->n; i++, p->step_at++) {
    const struct cached_parcel *c;
    int rc = station_parcel(p->st, p->pick[p->step_at].ref, &c, e);
    if (rc < 0) {
      return rc;
    }
    p->pick[p->step_at].time = c->view.time;
    p->records += c->view.count;
  }
  return p->step_at < p->n;
}

static bool is_urgent(const struct record *r)
{
  return r->kind != RECORD_PLAIN || r->corrects;
}

/* Does a parcel hold what can't wait? 1, 0. */
static int look_urgent(struct plan *p, uint64_t ref, struct err *e)
{
  const struct cached_parcel *c;
  struct store *s = p->st->store;
  uint64_t refs[PARCEL_RECORDS_MAX];
  struct record rec;
  int rc = station_parcel(p->st, ref, &c, e);
  size_t n = rc < 0 ? 0 : c->view.count;
  for (size_t i = 0; i < n; i++) {
    parcel_record(&c->view, i, &p->cid[i]);
  }
  if (rc == 0) {
    rc = s->ops->find(s, p->cid, n, refs, e);
  }
  bool urgent = false;
  for (size_t i = 0; rc == 0 && i < n && !urgent; i++) {
    buf_clear(&p->block);
    if (refs[i] != 0 &&
        (rc = s->ops->get_ref(s, refs[i], NULL, &p->block, e)) == 0 &&
        !parcel_looks(buf_span(&p->block)) &&
        (rc = record_read(&rec, buf_span(&p->block), e)) == 0) {
      urgent = is_urgent(&rec);
    }
  }
  return rc < 0 ? rc : urgent;
}

static int compare_ref(const void *a, const void *b)
{
  const struct pick *x = a, *y = b;
  return x->ref < y->ref ? -1 : x->ref > y->ref;
}

/* Next rows of an index over all, newest first. */
static int next_rows(struct plan *p, enum idx name, uint64_t *refs, size_t max,
                     struct err *e)
{
  int64_t sorts[PAGE];
  int n = p->st->store->ops->rows(p->st->store, (uint8_t)name, span_of(NULL, 0),
                                  p->sort, p->row, true, sorts, refs, max, e);
  if (n > 0) {
    p->sort = sorts[n - 1];
    p->row = refs[n - 1];
  }
  return n;
}

static int mark_urgent(struct plan *p, uint64_t record, struct err *e)
{
  struct listing by[LISTINGS_MAX];
  int n = listings(p->st, record, by, e);
  for (int i = 0; i < n; i++) {
    struct pick key = {.ref = by[i].parcel_ref};
    struct pick *hit =
        p->n == 0 ? NULL
                  : bsearch(&key, p->pick, p->n, sizeof *p->pick, compare_ref);
    if (hit != NULL) {
      hit->urgent = true;
    }
  }
  return n < 0 ? n : 0;
}

/* 1: more. Where there are many parcels, the index of what is urgent is the
 * shorter way. */
static int find_urgent(struct plan *p, struct err *e)
{
  uint64_t refs[PAGE];
  int rc = 0;
  if (p->records <= READ_RECORDS) {
    for (int i = 0; rc >= 0 && i < STEP && p->step_at < p->n; i++) {
      rc = look_urgent(p, p->pick[p->step_at].ref, e);
      p->pick[p->step_at++].urgent = rc > 0;
    }
    return rc < 0 ? rc : p->step_at < p->n;
  }
  if (p->step_at == 0) {
    qsort(p->pick, p->n, sizeof *p->pick, compare_ref);
    p->sort = INT64_MAX;
    p->row = UINT64_MAX >> 1;
    p->step_at = 1;
  }
  int n = next_rows(p, IDX_URGENT, refs, PAGE, e);
  for (int i = 0; rc == 0 && i < n; i++) {
    rc = mark_urgent(p, refs[i], e);
  }
  return rc < 0 ? rc : n > 0 ? 1 : n;
}

/* The last one goes first: picks are taken from the end. */
static int compare_pick(const void *a, const void *b)
{
  const struct pick *x = a, *y = b;
  if (x->urgent != y->urgent) {
    return x->urgent ? 1 : -1;
  }
  if (x->rank != y->rank) {
    return x->rank < y->rank ? 1 : -1;
  }
  if (x->time != y->time) {
    return x->time < y->time ? -1 : 1;
  }
  return x->ref < y->ref ? -1 : x->ref > y->ref;
}

static int sort_picks(struct plan *p)
{
  if (p->n > 0) {
    qsort(p->pick, p->n, sizeof *p->pick, compare_pick);
  }
  if (p->walks) {
    p->sort = INT64_MAX;
    p->row = UINT64_MAX >> 1;
  }
  return 0;
}

int plan_prepare(struct plan *p, struct err *e)
{
  int rc = 0;
  switch (p->step) {
  case PLAN_KEYED:
    rc = resolve_keyed(p, e);
    break;
  case PLAN_BULK:
    rc = resolve_bulk(p, e);
    break;
  case PLAN_TIMES:
    rc = learn_times(p, e);
    break;
  case PLAN_URGENT:
    rc = find_urgent(p, e);
    break;
  case PLAN_READY:
    return 0;
  }
  if (rc != 0) {
    return rc;
  }
  p->step = (enum plan_step)((int)p->step + 1);
  p->step_at = 0;
  return p->step == PLAN_READY ? sort_picks(p) : 1;
}

/* ---- the next parcel ---- */

/* Does a large bulk want this parcel? 1, 0. */
static int bulk_wants(struct plan *p, const struct cached_parcel *c)
{
  const struct bulk *b = (const struct bulk *)(const void *)p->bulk.p;
  for (size_t i = 0; i < p->bulk_n; i++, b++) {
    if (b->upto >= c->ref &&
        span_equal(buf_span(&b->name), c->view.collection)) {
      return !has_handle(&b->except, sketch_handle(cid_digest(&c->cid)));
    }
  }
  return 0;
}

/* Take the parcel of a walk's row if it is wanted and was not taken: 1, 0. */
static int take_walked(struct plan *p, uint64_t ref, struct err *e)
{
  const struct cached_parcel *c;
  int rc = station_parcel(p->st, ref, &c, e);
  if (rc < 0 || bulk_wants(p, c) == 0) {
    return rc;
  }
  rc = add_pick(p, ref, 0, e);
  return rc;
}

/* Walk on until parcels are picked: 1; 0: the walk is over; SESSION_SLICE. */
static int walk(struct plan *p, struct err *e)
{
  struct listing by[LISTINGS_MAX];
  uint64_t refs[PAGE];
  int rc = 0;
  for (int pages = 0; p->walks && p->n == 0; pages++) {
    if (pages == WALK_PAGES) {
      return SESSION_SLICE;
    }
    /* The last that is picked goes first. */
    int n = next_rows(p, p->walks_urgent ? IDX_URGENT : IDX_PARCEL, refs,
                      p->walks_urgent ? 1 : PAGE, e);
    int lists = n > 0 && p->walks_urgent ? listings(p->st, refs[0], by, e) : 0;
    if (n < 0 || lists < 0) {
      return n < 0 ? n : lists;
    }
    for (int i = lists; rc >= 0 && i > 0; i--) {
      rc = take_walked(p, by[i - 1].parcel_ref, e);
    }
    for (int i = p->walks_urgent ? 0 : n; rc >= 0 && i > 0; i--) {
      rc = take_walked(p, refs[i - 1], e);
    }
    if (rc < 0) {
      return rc;
    }
    if (n == 0) {
      p->walks = p->walks_urgent; /* after the urgent ones come all */
      p->walks_urgent = false;
      p->sort = INT64_MAX;
      p->row = UINT64_MAX >> 1;
    }
  }
  return p->n > 0;
}

/* The next one, its records found: 1; 0: there is none; SESSION_SLICE. */
static int next_parcel(struct plan *p, struct buf *out,
                       struct session_counts *counts, struct err *e)
{
  const struct cached_parcel *c;
  struct store *s = p->st->store;
  int rc = p->n > 0 ? 1 : walk(p, e);
  if (rc != 1) {
    return rc;
  }
  rc = station_parcel(p->st, p->pick[--p->n].ref, &c, e);
  if (rc < 0) {
    return rc;
  }
  rc = cid_verify(&c->cid, c->bytes.p, c->bytes.n);
  if (rc == ERR_HASH) {
    p->record_n = p->record_at = 0; /* damaged here: `verify` tells */
    return 1;
  }
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  if (session_entry_put(out, ENTRY_PARCEL, buf_span(&c->bytes),
                        span_of(NULL, 0)) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  counts->parcels++;
  counts->bytes += c->bytes.n;
  p->record_n = c->view.count;
  p->record_at = 0;
  for (size_t i = 0; i < p->record_n; i++) {
    parcel_record(&c->view, i, &p->cid[i]);
  }
  rc = s->ops->find(s, p->cid, p->record_n, p->record, e);
  return rc < 0 ? rc : 1;
}

static int put_record(struct plan *p, size_t i, struct buf *out,
                      struct session_counts *counts, struct err *e)
{
  struct store *s = p->st->store;
  buf_clear(&p->block);
  int rc = s->ops->get_ref(s, p->record[i], NULL, &p->block, e);
  if (rc < 0) {
    return rc == ERR_NOENT ? 0 : rc; /* taken back meanwhile */
  }
  rc = cid_verify(&p->cid[i], p->block.p, p->block.n);
  if (rc < 0) { /* or it is damaged here */
    return rc == ERR_HASH ? 0 : err_set(e, rc, "not enough memory");
  }
  if (session_entry_put(out, ENTRY_RECORD, buf_span(&p->block),
                        span_of(NULL, 0)) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  counts->records++;
  counts->bytes += p->block.n;
  return 0;
}

int plan_produce(struct plan *p, struct buf *out, struct session_counts *c,
                 struct err *e)
{
  int rc = 1;
  p->st->store->ops->hold(p->st->store, true);
  while (rc >= 0 && out->n < SESSION_BLOCKS_RAW - RECORD_SIZE_MAX) {
    if (p->record_at < p->record_n) {
      size_t i = p->record_at++;
      rc = p->record[i] != 0 ? put_record(p, i, out, c, e) : 0;
    } else if ((rc = next_parcel(p, out, c, e)) == 0 || rc == SESSION_SLICE) {
      break;
    }
  }
  p->st->store->ops->hold(p->st->store, false);
  if (rc == SESSION_SLICE && out->n == 0) {
    return rc;
  }
  if (rc >= 0 && out->n == 0) { /* all went: another round may follow */
    plan_free(p);
    return 0;
  }
  return rc < 0 ? rc : 1;
}

void plan_free(struct plan *p)
{
  struct station *st = p->st;
  struct keyed *k = (struct keyed *)(void *)p->keyed.p;
  struct bulk *b = (struct bulk *)(void *)p->bulk.p;
  for (size_t i = 0; i < p->keyed_n; i++) {
    buf_free(&k[i].name);
    buf_free(&k[i].handles);
  }
  for (size_t i = 0; i < p->bulk_n; i++) {
    buf_free(&b[i].name);
    buf_free(&b[i].except);
  }
  buf_free(&p->keyed);
  buf_free(&p->bulk);
  buf_free(&p->block);
  mem_free(p->pick);
  refset_free(&p->picked);
  memset(p, 0, sizeof *p);
  p->st = st;
}
