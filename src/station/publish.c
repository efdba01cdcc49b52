/* SPDX-License-Identifier: 0BSD */
#include "base/check.h"
#include "base/mem.h"
#include "station/admit.h"
#include "station/later.h"
#include "station/refset.h"
#include "station/station.h"
#include "station/way.h"

#include <string.h>

/* A parcel and its records shall fill one frame of a carry file at most:
 * there the record's CIDs stand twice, in the parcel and before each record,
 * and within a frame the second costs next to nothing. The arena never moves,
 * so views into it stay valid. */
#define ARENA_SIZE (ZPACK_FRAME_RAW - 512)
#define RECORD_OVERHEAD (CBOR_LINK_SIZE + CID_SIZE + 4)

_Static_assert(ARENA_SIZE >= RECORD_SIZE_MAX, "any record fits");

/* Records of a parcel under construction: their bytes lie in one arena. */
struct publisher {
  struct station *st;
  char collection[COLLECTION_NAME_MAX];
  size_t collection_n;
  int64_t time; /* < 0: now */
  struct buf arena;
  struct admit_record record[PARCEL_RECORDS_MAX];
  struct cid id[PARCEL_RECORDS_MAX];
  struct refset added; /* records of this parcel */
  struct refset gone;  /* records that this parcel takes back */
  struct refset keys;  /* version keys, of this parcel */
  int64_t after;       /* the parcel must be later: a version that it replaces
                          has this time */
  bool withdraws;      /* we have withdrawn something in this collection */
  size_t n;
  uint64_t committed;
};

int publisher_new(struct publisher **out, struct station *st,
                  struct span collection, int64_t time, struct err *e)
{
  int rc;
  if ((rc = station_writable(st, e)) < 0 ||
      (rc = collection_check(collection, e)) < 0) {
    return rc;
  }
  if (time > CBOR_INT_MAX) {
    return err_set(e, ERR_INVALID, "the time is out of range");
  }
  struct publisher *p = mem_zero(sizeof *p);
  if (p == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  p->st = station_ref(st);
  if (buf_reserve(&p->arena, ARENA_SIZE) < 0) {
    publisher_del(p);
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  memcpy(p->collection, collection.p, collection.n);
  p->collection_n = collection.n;
  p->time = time;
  p->after = INT64_MIN;
  *out = p;
  return 0;
}

void publisher_del(struct publisher *p)
{
  if (p != NULL) {
    buf_free(&p->arena);
    refset_free(&p->added);
    refset_free(&p->gone);
    refset_free(&p->keys);
    station_unref(p->st);
    mem_free(p);
  }
}

static struct span collection_of(const struct publisher *p)
{
  return span_of(p->collection, p->collection_n);
}

static int refuse_withdrawn(struct publisher *p, const struct cid *id,
                            struct err *e)
{
  const uint8_t *self = identity_key(p->st->id);
  int rc = 0;
  if (p->n == 0) { /* of a parcel: must each be looked up? */
    rc = withdraws_any(p->st, self, collection_of(p), e);
    p->withdraws = rc > 0;
  }
  if (rc >= 0) {
    rc = p->withdraws ? withdrawn(p->st, id, self, collection_of(p), e) : 0;
  }
  if (rc > 0 || (rc == 0 && refset_has_cid(&p->gone, id))) {
    rc = err_set(e, ERR_EXIST,
                 "this very record was withdrawn from %.*s and can't come "
                 "back: change it",
                 (int)p->collection_n, p->collection);
  }
  return rc;
}

static bool is_withdrawal(struct span block)
{
  struct record rec;
  struct err e;
  return !parcel_looks(block) && record_read(&rec, block, &e) == 0 &&
         rec.kind == RECORD_WITHDRAW;
}

/* A withdrawal stands: who tries to take it back is told, as it would have no
 * effect. */
static int refuse_undo(struct publisher *p, const struct record *rec,
                       struct err *e)
{
  struct buf block = {0};
  bool undo = false;
  int rc = 0;
  if (rec->kind != RECORD_WITHDRAW) {
    return 0;
  }
  for (size_t i = 0; i < p->n && !undo; i++) {
    undo = cid_equal(&p->record[i].cid, &rec->about) &&
           p->record[i].rec.kind == RECORD_WITHDRAW;
  }
  if (!undo) {
    rc = p->st->store->ops->get(p->st->store, &rec->about, &block, e);
    undo = rc == 0 && is_withdrawal(buf_span(&block));
    rc = rc == ERR_NOENT || rc == ERR_CORRUPT ? 0 : rc;
  }
  buf_free(&block);
  return !undo ? rc
               : err_set(e, ERR_INVALID,
                         "a withdrawal can't be withdrawn: publish what it "
                         "took back again, with a change");
}

/* A new version must be later than the one that it replaces, also within one
 * second, or their CIDs would decide which is current. 1: this parcel holds
 * the same key already, commit it first. */
static int order_version(struct publisher *p, const struct record *rec,
                         struct err *e)
{
  uint8_t key[CHANGE_KEY_MAX];
  uint64_t short_key, ref;
  int64_t newest;
  if (rec->key.n == 0 || p->time >= 0) {
    return 0; /* who sets the time sets the order */
  }
  int rc =
      version_key(key, collection_of(p), identity_key(p->st->id), rec->key);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  memcpy(&short_key, key, sizeof short_key);
  if (refset_has(&p->keys, short_key)) {
    return 1;
  }
  rc = p->st->store->ops->rows(p->st->store, IDX_VERSION,
                               span_of(key, sizeof key), INT64_MAX,
                               UINT64_MAX >> 1, true, &newest, &ref, 1, e);
  if (rc > 0 && newest > p->after) {
    p->after = newest;
  }
  if (rc >= 0 && (rc = refset_add(&p->keys, short_key)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  return rc < 0 ? rc : 0;
}

/* 1, or ERR_NOMEM. */
static int note_added(struct publisher *p, const struct admit_record *in,
                      struct err *e)
{
  int rc = 0;
  if (in->rec.kind == RECORD_WITHDRAW) {
    rc = refset_add_cid(&p->gone, &in->rec.about);
  }
  if (rc >= 0) {
    rc = refset_add_cid(&p->added, &in->cid);
  }
  return rc < 0 ? err_set(e, rc, "not enough memory") : rc;
}

/* Copy the record into the arena and read it there; undone when it is bad.
 * 1: taken, 0: it is in this parcel already, TAKE_LATER: in the next parcel. */
#define TAKE_LATER 2

static int take_record(struct publisher *p, struct span block,
                       struct admit_record *out, struct err *e)
{
  size_t was = p->arena.n;
  int rc = buf_put(&p->arena, block.p, block.n);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  struct span copy = span_of(p->arena.p + was, block.n);
  if ((rc = record_read(&out->rec, copy, e)) == 0 &&
      (rc = cid_of(&out->cid, CID_DAG_CBOR, copy.p, copy.n)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  if (rc == 0 && (rc = refuse_undo(p, &out->rec, e)) == 0) {
    rc = refuse_withdrawn(p, &out->cid, e);
  }
  if (rc == 0 && !refset_has_cid(&p->added, &out->cid)) {
    rc = order_version(p, &out->rec, e);
    rc = rc > 0 ? TAKE_LATER : rc;
    if (rc == 0) {
      rc = note_added(p, out, e);
    }
  }
  if (rc != 1) {
    p->arena.n = was;
  }
  return rc;
}

int publisher_add(struct publisher *p, struct span block, struct cid *id,
                  struct err *e)
{
  int rc = station_writable(p->st, e);
  if (rc < 0) {
    return rc;
  }
  if (block.n > RECORD_SIZE_MAX) {
    return err_set(e, ERR_LIMIT,
                   "a record has %zu bytes, more than %u: put "
                   "long text into a file",
                   block.n, RECORD_SIZE_MAX);
  }
  size_t full = p->arena.n + block.n + (p->n + 1) * RECORD_OVERHEAD;
  if (p->n == PARCEL_RECORDS_MAX || (p->n > 0 && full > ARENA_SIZE)) {
    uint64_t committed;
    if ((rc = publisher_commit(p, &committed, e)) < 0) {
      return rc;
    }
  }
  if ((rc = take_record(p, block, &p->record[p->n], e)) == TAKE_LATER) {
    uint64_t committed;
    if ((rc = publisher_commit(p, &committed, e)) == 0) {
      rc = take_record(p, block, &p->record[p->n], e);
    }
  }
  if (rc < 0) {
    return rc;
  }
  CHECK(rc != TAKE_LATER); /* it comes first in its parcel now */
  const struct admit_record *next = &p->record[p->n];
  *id = next->cid;
  p->id[p->n] = next->cid;
  p->n += (size_t)rc; /* the same bytes twice are one record */
  return 0;
}

/* A version from a clock that ran far ahead is not followed there: the parcel
 * would be held back. */
static int64_t parcel_time(struct publisher *p)
{
  if (p->time >= 0) {
    return p->time;
  }
  int64_t now = station_now(p->st);
  if (p->after >= now && p->after < now + CLOCK_SKEW_MAX_S) {
    return p->after + 1;
  }
  return now;
}

static void begin_parcel(struct publisher *p)
{
  p->n = 0;
  buf_clear(&p->arena);
  refset_clear(&p->added);
  refset_clear(&p->gone);
  refset_clear(&p->keys);
  p->after = INT64_MIN;
}

/* How far back a listed file is looked for among those just added. */
#define LOOK_BACK 4096

/* A sweep need not spare it any longer for a record that may yet come. */
static void forget_imported(struct station *st, const struct cid *root)
{
  size_t stop = st->imported_n > LOOK_BACK ? st->imported_n - LOOK_BACK : 0;
  for (size_t i = st->imported_n; i > stop; i--) {
    if (cid_equal(&st->imported[i - 1], root)) {
      memset(&st->imported[i - 1], 0, sizeof st->imported[i - 1]);
      return;
    }
  }
}

static void forget_listed(struct publisher *p)
{
  for (size_t i = 0; i < p->n && p->st->imported_n > 0; i++) {
    struct record_files it = {0};
    struct record_file file;
    while (record_file_next(&it, p->record[i].rec.files, &file)) {
      forget_imported(p->st, &file.data);
    }
  }
}

int publisher_commit(struct publisher *p, uint64_t *committed, struct err *e)
{
  struct admit_parcel in = {.record = p->record, .records = p->n};
  struct admit_counts counts = {0};
  struct buf block = {0};
  int rc = station_writable(p->st, e);
  if (rc < 0) {
    return rc;
  }
  if (p->n == 0) {
    begin_parcel(p);
    *committed = p->committed;
    return 0;
  }
  int64_t time = parcel_time(p);
  way_set(p->st, WAY_OWN);
  p->st->store->ops->hold(p->st->store, true);
  if ((rc = later_flush(p->st, e)) < 0 ||
      (rc = station_refresh(p->st, e)) < 0 ||
      (rc = admit_release_held(p->st, e)) < 0 ||
      (rc = indexing_slice(p->st, e)) < 0 ||
      (rc = parcel_write(&block, p->st->id, time < 0 ? 0 : time,
                         collection_of(p), p->id, p->n, e)) < 0 ||
      (rc = parcel_read(&in.view, buf_span(&block), e)) < 0) {
    goto done;
  }
  if ((rc = cid_of(&in.cid, CID_DAG_CBOR, block.p, block.n)) < 0) {
    rc = err_set(e, rc, "not enough memory");
    goto done;
  }
  if ((rc = admit_parcel(p->st, &in, &counts, e)) < 0) {
    goto done;
  }
  p->committed += p->n;
  forget_listed(p);
  begin_parcel(p);

done:
  buf_free(&block);
  p->st->store->ops->hold(p->st->store, false);
  if (rc == 0) {
    *committed = p->committed;
  }
  return rc;
}
