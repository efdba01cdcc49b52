/* SPDX-License-Identifier: 0BSD */
#include "base/check.h"
#include "form/hash.h"
#include "station/admit.h"
#include "station/change.h"
#include "station/listing.h"
#include "station/station.h"
#include "station/wanting.h"

#include <string.h>

#define MISSING_ROWS 64 /* of a step that counts what is missing */

void entry_free(struct entry *en)
{
  buf_free(&en->block);
  buf_free(&en->collection);
}

/* ---- one record ---- */

static int load(struct station *st, uint64_t ref, struct entry *out,
                struct err *e)
{
  out->ref = ref;
  buf_clear(&out->block);
  int rc = st->store->ops->get_ref(st->store, ref, &out->cid, &out->block, e);
  if (rc == 0) { /* nobody is shown what a record was not */
    rc = cid_verify(&out->cid, out->block.p, out->block.n);
    if (rc == 0) {
      rc = record_read(&out->record, buf_span(&out->block), e);
    } else if (rc == ERR_NOMEM) {
      (void)err_set(e, rc, "not enough memory");
    }
    if (rc < 0 && rc != ERR_NOMEM) {
      rc = err_set(e, ERR_CORRUPT,
                   "a stored record can't be read; verify "
                   "and rebuild %s",
                   st->path);
    }
  }
  return rc;
}

static int set_listing(struct entry *out, const struct listing *by)
{
  out->parcel = by->parcel;
  out->parcel_ref = by->parcel_ref;
  out->time = by->time;
  memcpy(out->author, by->author, CRYPT_KEY_SIZE);
  buf_clear(&out->collection);
  return buf_put(&out->collection, by->collection, by->collection_n);
}

/* A record may be listed by several voices (an author in a collection). Which
 * one speaks must not be for strangers to choose: anybody can list a record of
 * ours again, with any time. */

static bool is_voice(const struct listing *l, const uint8_t *author,
                     struct span collection)
{
  return memcmp(l->author, author, CRYPT_KEY_SIZE) == 0 &&
         span_equal(listing_collection(l), collection);
}

/* The newest listing of one voice, or NULL. */
static const struct listing *newest_of(const struct listing *by, int n,
                                       const uint8_t *author,
                                       struct span collection)
{
  const struct listing *best = NULL;
  for (int i = 0; i < n; i++) {
    if (is_voice(&by[i], author, collection) &&
        (best == NULL || by[i].time > best->time ||
         (by[i].time == best->time &&
          cid_compare(&by[i].parcel, &best->parcel) > 0))) {
      best = &by[i];
    }
  }
  return best;
}

static int take_listing(struct entry *en, const struct listing *best,
                        struct err *e)
{
  if (best == NULL) {
    return 0;
  }
  int rc = set_listing(en, best);
  return rc < 0 ? err_set(e, rc, "not enough memory") : 1;
}

/* The listings among which it is chosen. */
struct choice {
  struct listing by[LISTINGS_MAX + 2 * BEYOND_MAX];
  int n; /* < 0: the code */
};

/* The first of them; and where there are more, those of ${author} (or NULL). */
static void gather(struct choice *c, struct station *st, const struct entry *en,
                   const uint8_t *author, struct err *e)
{
  c->n = listings(st, en->ref, c->by, e);
  if (c->n == LISTINGS_MAX && author != NULL) {
    int more = listings_by(st, &en->cid, author, c->by + c->n, e);
    c->n = more < 0 ? more : c->n + more;
  }
}

/* And those in ${collection}, as listings_in. */
static void gather_in(struct choice *c, struct station *st,
                      const struct entry *en, struct span collection,
                      int64_t time, bool exactly, struct err *e)
{
  if (c->n >= LISTINGS_MAX && collection.n > 0) {
    int more =
        listings_in(st, &en->cid, collection, time, exactly, c->by + c->n, e);
    c->n = more < 0 ? more : c->n + more;
  }
}

/* Our own voice, else the one that was known here first; in ${collection}
 * when that is not empty. 1, or 0 when nobody lists it there. */
static int choose(struct station *st, struct entry *en, struct span collection,
                  struct err *e)
{
  struct choice c;
  const struct listing *voice = NULL;
  gather(&c, st, en, st->self, e); /* in order of arrival */
  gather_in(&c, st, en, collection, INT64_MIN, false, e);
  for (int i = 0; i < c.n; i++) {
    if (collection.n > 0 &&
        !span_equal(listing_collection(&c.by[i]), collection)) {
      continue;
    }
    if (memcmp(c.by[i].author, st->self, CRYPT_KEY_SIZE) == 0) {
      voice = &c.by[i];
      break;
    }
    voice = voice == NULL ? &c.by[i] : voice;
  }
  if (c.n < 0 || voice == NULL) {
    return c.n < 0 ? c.n : 0;
  }
  return take_listing(
      en, newest_of(c.by, c.n, voice->author, listing_collection(voice)), e);
}

/* The newest listing of one voice: 1, or 0 when it lists it not. */
static int choose_voice(struct station *st, struct entry *en,
                        struct span collection, const uint8_t *author,
                        struct err *e)
{
  struct choice c;
  gather(&c, st, en, author, e);
  return c.n < 0
             ? c.n
             : take_listing(en, newest_of(c.by, c.n, author, collection), e);
}

/* Why there is no record with that id: a withdrawal may name it, and tell who
 * took it back, and why. Anybody can write one, so it is only pointed at. */
static int absent(struct station *st, const struct cid *id, struct err *e)
{
  struct entry by = {0};
  int64_t sort;
  uint64_t ref;
  char text[CID_TEXT_SIZE + 1];
  int rc = st->store->ops->rows(st->store, IDX_WITHDRAW, cid_key(id), INT64_MIN,
                                0, false, &sort, &ref, 1, e);
  if (rc > 0 && (rc = load(st, ref, &by, e)) == 0 &&
      cid_equal(&by.record.about, id)) {
    cid_text(text, &by.cid);
    rc = err_set(e, ERR_NOENT,
                 "no such record here; there is a withdrawal of it: %s", text);
  } else if (rc >= 0) {
    rc = err_set(e, ERR_NOENT, "no such record here");
  }
  entry_free(&by);
  return rc;
}

int station_get(struct station *st, const struct cid *id, struct entry *out,
                struct err *e)
{
  struct entry en = {0};
  uint64_t ref = 0;
  int rc;
  if ((rc = station_alive(st, e)) < 0 || (rc = station_refresh(st, e)) < 0 ||
      (rc = st->store->ops->find(st->store, id, 1, &ref, e)) < 0) {
    return rc;
  }
  if (ref == 0 || cid_codec(id) != CID_DAG_CBOR) {
    return absent(st, id, e);
  }
  rc = load(st, ref, &en, e);
  if (rc == 0) {
    rc = choose(st, &en, span_of(NULL, 0), e);
  } else if (rc == ERR_CORRUPT) { /* a parcel is no record */
    rc = 0;
  }
  if (rc <= 0) {
    entry_free(&en);
    return rc < 0 ? rc : absent(st, id, e);
  }
  *out = en;
  return 0;
}

/* ---- versions ---- */

/* Newer first: (time, CID) as FORMAT.md has it. */
static bool newer(const struct entry *a, const struct entry *b)
{
  return a->time != b->time ? a->time > b->time
                            : cid_compare(&a->cid, &b->cid) > 0;
}

/* Load the record of a version row: 1 when it is a version that ${q} asks
 * for, 0 when the row's key only looks the same. */
static int load_version(struct station *st, const struct version_query *q,
                        uint64_t ref, struct entry *out, struct err *e)
{
  int rc = load(st, ref, out, e);
  if (rc < 0 || !span_equal(out->record.key, q->key)) {
    return rc;
  }
  return choose_voice(st, out, q->collection, q->author, e);
}

/* Is there a newer version than ${en}? 1, 0. */
static int superseded(struct station *st, const struct entry *en, struct err *e)
{
  struct version_query q = {buf_span(&en->collection), en->record.key,
                            en->author};
  int64_t sorts[LISTINGS_MAX];
  uint64_t refs[LISTINGS_MAX];
  uint8_t key[CHANGE_KEY_MAX];
  struct entry other = {0};
  int yes = 0;
  if (q.key.n == 0) {
    return 0;
  }
  int rc = version_key(key, q.collection, q.author, q.key);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  /* Rows of the same time stand in order of arrival, so all of them are
   * compared; they are few. */
  int n = st->store->ops->rows(st->store, IDX_VERSION, span_of(key, sizeof key),
                               INT64_MAX, UINT64_MAX >> 1, true, sorts, refs,
                               LISTINGS_MAX, e);
  for (int i = 0; i < n && !yes && sorts[i] >= en->time; i++) {
    if (refs[i] == en->ref) {
      continue;
    }
    rc = load_version(st, &q, refs[i], &other, e);
    if (rc < 0) {
      break;
    }
    yes = rc > 0 && newer(&other, en);
  }
  entry_free(&other);
  return n < 0 ? n : rc < 0 ? rc : yes;
}

/* Versions of the same time, which go by CID. */
struct same_time {
  struct station *st;
  const struct version_query *q;
  struct cid cid[LISTINGS_MAX];
  uint64_t ref[LISTINGS_MAX];
  size_t n;
};

/* Insert by CID, the greatest first. Of more than fit the last is dropped:
 * 32 versions within a second are no history that people read. */
static int note_same(struct same_time *s, uint64_t ref, struct err *e)
{
  struct cid cid;
  int rc = s->st->store->ops->get_ref(s->st->store, ref, &cid, NULL, e);
  if (rc < 0) {
    return rc;
  }
  size_t at = s->n < LISTINGS_MAX ? s->n++ : LISTINGS_MAX - 1;
  while (at > 0 && cid_compare(&cid, &s->cid[at - 1]) > 0) {
    s->cid[at] = s->cid[at - 1];
    s->ref[at] = s->ref[at - 1];
    at--;
  }
  s->cid[at] = cid;
  s->ref[at] = ref;
  return 0;
}

/* Give them out; 1 when the sink wants no more. */
static int give_same(struct same_time *s, int64_t sort, entry_sink *sink,
                     void *ud, struct err *e)
{
  struct entry en = {0};
  int rc = 0;
  for (size_t i = 0; i < s->n && rc == 0; i++) {
    rc = load_version(s->st, s->q, s->ref[i], &en, e);
    /* Listed again later by the same voice: it stands at that time. */
    if (rc > 0) {
      rc = en.time == sort ? sink(ud, &en) : 0;
    }
  }
  s->n = 0;
  entry_free(&en);
  return rc;
}

static int walk_versions(struct same_time *s, struct span key, entry_sink *sink,
                         void *ud, struct err *e)
{
  int64_t sort = INT64_MAX, next = INT64_MAX;
  uint64_t ref = UINT64_MAX >> 1;
  int rc = 0;
  while (rc == 0) {
    int n = s->st->store->ops->rows(s->st->store, IDX_VERSION, key, next, ref,
                                    true, &next, &ref, 1, e);
    if (n < 0) {
      return n;
    }
    if (s->n > 0 && (n == 0 || next != sort)) {
      rc = give_same(s, sort, sink, ud, e);
    }
    if (rc != 0 || n == 0) {
      return rc;
    }
    sort = next;
    rc = note_same(s, ref, e);
  }
  return rc;
}

int station_versions(struct station *st, const struct version_query *q,
                     entry_sink *sink, void *ud, struct err *e)
{
  struct same_time same = {.st = st, .q = q};
  uint8_t key[CHANGE_KEY_MAX];
  int rc = station_alive(st, e);
  if (rc < 0 || (rc = station_refresh(st, e)) < 0) {
    return rc;
  }
  if (q->key.n == 0 || q->key.n > RECORD_KEY_MAX ||
      q->collection.n > COLLECTION_NAME_MAX) {
    return 0; /* nothing can stand there */
  }
  if ((rc = version_key(key, q->collection, q->author, q->key)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  rc = walk_versions(&same, span_of(key, sizeof key), sink, ud, e);
  return rc < 0 ? rc : 0;
}

int view_entry(struct station *st, uint64_t ref, struct span collection,
               struct entry *out, struct err *e)
{
  int rc = load(st, ref, out, e);
  if (rc < 0 || (rc = choose(st, out, collection, e)) <= 0) {
    return rc;
  }
  rc = superseded(st, out, e);
  return rc < 0 ? rc : rc == 0;
}

/* ---- lists ---- */

/* What a row of a list stands for: each voice whose newest listing has the
 * row's time. */
struct showing {
  struct station *st;
  struct span collection; /* empty: any */
  const uint8_t *author;  /* NULL: any */
  bool history;           /* also what is superseded */
  entry_sink *sink;
  void *ud;
  size_t given;
};

/* Is it the newest of its voice? 1, 0. */
static int is_newest(struct station *st, const struct choice *c,
                     const struct entry *en, const struct listing *one,
                     struct err *e)
{
  struct listing more[BEYOND_MAX];
  struct span collection = listing_collection(one);
  if (newest_of(c->by, c->n, one->author, collection) != one) {
    return 0;
  }
  if (c->n < LISTINGS_MAX) {
    return 1;
  }
  int n = listings_by(st, &en->cid, one->author, more, e);
  const struct listing *best = newest_of(more, n, one->author, collection);
  return n < 0 ? n
         : best == NULL
             ? 1
             : best->parcel_ref == one->parcel_ref || best->time < one->time;
}

/* 1: the sink wants no more. */
static int show_row(struct showing *s, int64_t sort, struct entry *en,
                    struct err *e)
{
  struct choice c;
  gather(&c, s->st, en, s->author, e);
  gather_in(&c, s->st, en, s->collection, sort, true, e);
  int rc = c.n < 0 ? c.n : 0;
  for (int i = 0; i < c.n && rc == 0; i++) {
    struct span collection = listing_collection(&c.by[i]);
    if (c.by[i].time != sort ||
        (s->collection.n > 0 && !span_equal(collection, s->collection)) ||
        (s->author != NULL &&
         memcmp(c.by[i].author, s->author, CRYPT_KEY_SIZE) != 0)) {
      continue;
    }
    if ((rc = is_newest(s->st, &c, en, &c.by[i], e)) <= 0) {
      continue;
    }
    if ((rc = take_listing(en, &c.by[i], e)) < 0 ||
        (rc = s->history ? 0 : superseded(s->st, en, e)) < 0) {
      return rc;
    }
    if (rc == 0) {
      rc = s->sink(s->ud, en);
      s->given++;
    } else {
      rc = 0;
    }
  }
  return rc;
}

int station_page(struct station *st, const struct page_query *q,
                 struct page *page, entry_sink *sink, void *ud, struct err *e)
{
  struct showing s = {st, q->collection, NULL, q->history, sink, ud, 0};
  uint8_t key[COLL_KEY_SIZE];
  struct entry en = {0};
  int rc;
  if ((rc = station_alive(st, e)) < 0 || (rc = station_refresh(st, e)) < 0) {
    return rc;
  }
  if ((rc = coll_key(key, q->collection)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  if (!page->started) {
    page->started = true;
    page->sort = INT64_MAX;
    page->ref = UINT64_MAX >> 1;
  }
  while (s.given < q->max && !page->ended && rc == 0) {
    int n = st->store->ops->rows(st->store, IDX_TIME, span_of(key, sizeof key),
                                 page->sort, page->ref, true, &page->sort,
                                 &page->ref, 1, e);
    if (n <= 0) {
      page->ended = n == 0;
      rc = n;
      break;
    }
    if ((rc = load(st, page->ref, &en, e)) == 0) {
      rc = show_row(&s, page->sort, &en, e);
    }
  }
  entry_free(&en);
  return rc < 0 ? rc : 0;
}

/* Walk the rows ${name} under ${key}: all that are about ${id}. */
static int show_about(struct showing *s, enum idx name, struct span key,
                      const struct cid *id, struct err *e)
{
  struct entry en = {0};
  int64_t sort = INT64_MAX;
  uint64_t ref = UINT64_MAX >> 1;
  int rc = station_refresh(s->st, e);
  while (rc == 0) {
    int n = s->st->store->ops->rows(s->st->store, name, key, sort, ref, true,
                                    &sort, &ref, 1, e);
    if (n <= 0) {
      rc = n;
      break;
    }
    if ((rc = load(s->st, ref, &en, e)) == 0 && en.record.has_about &&
        cid_equal(&en.record.about, id)) {
      rc = show_row(s, sort, &en, e);
    }
  }
  entry_free(&en);
  return rc < 0 ? rc : 0;
}

int station_about(struct station *st, const struct cid *id, entry_sink *sink,
                  void *ud, struct err *e)
{
  struct showing s = {.st = st, .history = true, .sink = sink, .ud = ud};
  int rc = station_alive(st, e);
  return rc < 0 ? rc : show_about(&s, IDX_ABOUT, cid_key(id), id, e);
}

int station_about_by(struct station *st, const struct cid *id,
                     const uint8_t *author, entry_sink *sink, void *ud,
                     struct err *e)
{
  struct showing s = {.st = st, .history = true, .sink = sink, .ud = ud};
  uint8_t key[CHANGE_KEY_MAX];
  int rc = station_alive(st, e);
  s.author = author;
  if (rc == 0 && (rc = label_key(key, author, id)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  return rc < 0 ? rc
                : show_about(&s, IDX_SPEAKER, span_of(key, sizeof key), id, e);
}

/* ---- collections ---- */

int station_collections(struct station *st, struct span after, size_t max,
                        struct buf *names, struct err *e)
{
  struct buf last = {0}; /* a copy: ${names} moves as it grows */
  size_t some;
  int n;
  int rc = station_alive(st, e);
  if (rc < 0) {
    return rc;
  }
  do {
    size_t at = names->n;
    some = max < STORE_LIST_MAX ? max : STORE_LIST_MAX;
    n = st->store->ops->collections(st->store, after, names, some, e);
    max -= n > 0 ? (size_t)n : 0;
    for (int i = 1; i < n; i++) {
      at += strlen((const char *)names->p + at) + 1;
    }
    buf_clear(&last);
    if (n > 0 && buf_put(&last, names->p + at, names->n - at - 1) < 0) {
      n = err_set(e, ERR_NOMEM, "not enough memory");
    }
    after = buf_span(&last);
  } while (n == (int)some && max > 0);
  buf_free(&last);
  return n < 0 ? n : 0;
}

int station_collection_count(struct station *st, struct span name,
                             uint64_t *parcels, struct err *e)
{
  int rc = station_alive(st, e);
  return rc < 0 ? rc : st->store->ops->count(st->store, name, parcels, e);
}

/* ---- what is missing ---- */

/* One note of the missing index: the parent's links that it speaks of. */
struct note {
  struct station *st;
  int64_t order;
  struct cid parent;
  struct buf block;
  missing_sink *sink;
  void *ud;
};

static int tell(struct note *n, const struct cid *cid, const char *kind,
                struct err *e)
{
  uint64_t here;
  int rc = n->st->store->ops->find(n->st->store, cid, 1, &here, e);
  if (rc < 0 || here == 0) {
    return rc < 0 ? rc : n->sink(n->ud, cid, kind, &n->parent);
  }
  return n->st->readonly || cid_codec(cid) == CID_DAG_CBOR
             ? 0
             : admit_settle(n->st, cid, here, e);
}

/* A parent's links stand in it byte for byte, and it was decoded before it
 * was stored: so they are looked for by the digest's first bytes. Decoding it
 * for each of its missing links would cost the square of their number. */
static int tell_links(struct note *n, const char *kind, struct err *e)
{
  bool records = strcmp(kind, "record") == 0;
  uint8_t want[8];
  size_t at = 0;
  int rc = 0;
  for (int i = 0; i < 8; i++) {
    want[i] = (uint8_t)((uint64_t)n->order >> (56 - 8 * i));
  }
  while (rc == 0 && at < n->block.n) {
    const uint8_t *p =
        memmem(n->block.p + at, n->block.n - at, want, sizeof want);
    if (p == NULL) {
      break;
    }
    size_t digest = (size_t)(p - n->block.p);
    at = digest + 1;
    if (digest < CID_SIZE - HASH_SIZE || n->block.n - digest < HASH_SIZE ||
        !cid_looks(p - (CID_SIZE - HASH_SIZE))) {
      continue;
    }
    struct cid cid;
    memcpy(cid.b, p - (CID_SIZE - HASH_SIZE), CID_SIZE);
    if ((cid_codec(&cid) == CID_DAG_CBOR) == records) {
      rc = tell(n, &cid, kind, e);
    }
  }
  return rc;
}

static int tell_of(struct note *n, uint64_t ref, struct err *e)
{
  buf_clear(&n->block);
  int rc =
      n->st->store->ops->get_ref(n->st->store, ref, &n->parent, &n->block, e);
  if (rc == ERR_NOENT || rc == ERR_CORRUPT) {
    return 0; /* what wanted it was swept, or is damaged itself */
  }
  if (rc < 0) {
    return rc;
  }
  if (cid_codec(&n->parent) == CID_DAG_PB) {
    return tell_links(n, "part", e);
  }
  return tell_links(n, parcel_looks(buf_span(&n->block)) ? "record" : "file",
                    e);
}

/* Up to ${rows} notes from (*order, *ref) on: 1 when there may be more. */
static int tell_some(struct note *n, uint64_t *ref, int rows, struct err *e)
{
  int rc = 0;
  for (int i = 0; i < rows && rc == 0; i++) {
    int got =
        n->st->store->ops->rows(n->st->store, IDX_MISSING, span_of(NULL, 0),
                                n->order, *ref, false, &n->order, ref, 1, e);
    if (got <= 0) {
      return got;
    }
    rc = tell_of(n, *ref, e);
  }
  return rc < 0 ? rc : rc == 0;
}

int station_missing(struct station *st, missing_sink *sink, void *ud,
                    struct err *e)
{
  struct note note = {.st = st, .order = INT64_MIN, .sink = sink, .ud = ud};
  uint64_t ref = 0;
  int rc = station_alive(st, e);
  if (rc == 0) {
    rc = station_refresh(st, e);
  }
  if (rc == 0) {
    while ((rc = tell_some(&note, &ref, MISSING_ROWS, e)) > 0) {
    }
  }
  buf_free(&note.block);
  return rc;
}

/* ---- counting it, a slice at a time ---- */

struct counting {
  struct station *st;
  struct missing_count *to;
  struct err *e;
};

static int count_one(void *ud, const struct cid *cid, const char *kind,
                     const struct cid *wanted_by)
{
  struct counting *c = ud;
  struct wanting how;
  if (c->to->counted && cid_equal(cid, &c->to->last)) {
    return 0; /* wanted by several: they come one after the other */
  }
  int wants = wanting_told(c->st, cid, kind, wanted_by, &how, c->e);
  c->to->last = *cid;
  c->to->counted = wants > 0;
  c->to->n += wants > 0;
  return wants < 0 ? wants : 0;
}

int missing_step(struct station *st, struct missing_walk *at,
                 missing_sink *sink, void *ud, struct err *e)
{
  struct note note = {.st = st, .sink = sink, .ud = ud};
  note.order = at->ref == 0 ? INT64_MIN : at->order;
  int rc = tell_some(&note, &at->ref, MISSING_ROWS, e);
  at->order = note.order;
  buf_free(&note.block);
  return rc;
}

int missing_count_step(struct station *st, struct missing_count *c,
                       struct err *e)
{
  struct counting under_way = {st, c, e};
  return missing_step(st, &c->at, count_one, &under_way, e);
}
