/* SPDX-License-Identifier: 0BSD */
#include "base/check.h"
#include "base/mem.h"
#include "station/admit.h"
#include "station/station.h"

#include <string.h>

/* Records of a parcel under construction: their bytes lie in one arena. */
struct publisher {
  struct station *st;
  char collection[COLLECTION_NAME_MAX];
  size_t collection_n;
  int64_t time; /* < 0: now */
  struct buf arena;
  size_t end[PARCEL_RECORDS_MAX]; /* of each record in the arena */
  struct admit_record record[PARCEL_RECORDS_MAX];
  struct cid id[PARCEL_RECORDS_MAX]; /* of a parcel that is written */
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
  memcpy(p->collection, collection.p, collection.n);
  p->collection_n = collection.n;
  p->time = time;
  *out = p;
  return 0;
}

void publisher_del(struct publisher *p)
{
  if (p != NULL) {
    buf_free(&p->arena);
    station_unref(p->st);
    mem_free(p);
  }
}

static int refuse_withdrawn(struct publisher *p, const struct cid *id,
                            struct err *e)
{
  struct span collection = span_of(p->collection, p->collection_n);
  int rc = withdrawn(p->st, id, identity_key(p->st->id), collection, e);
  if (rc > 0) {
    rc = err_set(e, ERR_EXIST,
                 "this very record was withdrawn from %.*s and can't come "
                 "back: change it", (int)p->collection_n, p->collection);
  }
  return rc;
}

static bool is_added(const struct publisher *p, const struct cid *id)
{
  for (size_t i = 0; i < p->n; i++) {
    if (cid_equal(&p->record[i].cid, id)) {
      return true;
    }
  }
  return false;
}

int publisher_add(struct publisher *p, struct span block, struct cid *id,
                  struct err *e)
{
  struct record rec;
  struct cid cid;
  int rc;
  if ((rc = station_writable(p->st, e)) < 0 ||
      (rc = record_read(&rec, block, e)) < 0) {
    return rc;
  }
  if ((rc = cid_of(&cid, CID_DAG_CBOR, block.p, block.n)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  if ((rc = refuse_withdrawn(p, &cid, e)) < 0) {
    return rc;
  }
  *id = cid;
  if (is_added(p, &cid)) {
    return 0; /* the same bytes twice are one record */
  }
  if (p->n == PARCEL_RECORDS_MAX ||
      p->arena.n + block.n > STORE_BATCH_BYTES) {
    uint64_t committed;
    if ((rc = publisher_commit(p, &committed, e)) < 0) {
      return rc;
    }
  }
  if ((rc = buf_put(&p->arena, block.p, block.n)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  p->record[p->n].cid = cid;
  p->end[p->n++] = p->arena.n;
  return 0;
}

/* The arena may have moved while it grew: views are taken at the end. */
static int view_records(struct publisher *p, struct err *e)
{
  size_t at = 0;
  for (size_t i = 0; i < p->n; i++) {
    struct span block = span_of(p->arena.p + at, p->end[i] - at);
    int rc = record_read(&p->record[i].rec, block, e);
    if (rc < 0) {
      return rc;
    }
    p->id[i] = p->record[i].cid;
    at = p->end[i];
  }
  return 0;
}

int publisher_commit(struct publisher *p, uint64_t *committed, struct err *e)
{
  struct admit_parcel in = {.record = p->record, .records = p->n};
  struct admit_counts counts = {0};
  struct buf block = {0};
  int rc = station_writable(p->st, e);
  if (rc < 0 || p->n == 0) {
    goto done;
  }
  int64_t time = p->time >= 0 ? p->time : station_now(p->st);
  if ((rc = station_refresh(p->st, e)) < 0 ||
      (rc = admit_release_held(p->st, e)) < 0 ||
      (rc = view_records(p, e)) < 0 ||
      (rc = parcel_write(&block, p->st->id, time < 0 ? 0 : time,
                         span_of(p->collection, p->collection_n), p->id, p->n,
                         e)) < 0 ||
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
  p->n = 0;
  buf_clear(&p->arena);

done:
  buf_free(&block);
  if (rc == 0) {
    *committed = p->committed;
  }
  return rc;
}
