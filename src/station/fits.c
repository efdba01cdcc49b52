/* SPDX-License-Identifier: 0BSD */
#include "station/fits.h"

#include "station/quota.h"

#include <string.h>

/* Does this record take back something that is here, as the word of ${by}?
 * Such a withdrawal needs no room while it is small: there are no more of them
 * than records, as what it takes back is not here any longer. */
static int takes_back(struct station *st, const struct listing *by,
                      const struct record *rec, struct err *e)
{
  const struct cached_parcel *p;
  uint64_t ref = 0, at = 0;
  int rc = rec->kind != RECORD_WITHDRAW || rec->bytes.n > QUOTA_COST_MIN
               ? 0
               : st->store->ops->find(st->store, &rec->about, 1, &ref, e);
  if (rc < 0 || ref == 0) {
    return rc;
  }
  while ((rc = next_at(st, IDX_LISTED, span_of(NULL, 0), (int64_t)ref, &at,
                       e)) > 0) {
    if ((rc = station_parcel(st, at, &p, e)) < 0 ||
        (memcmp(p->view.author, by->author, CRYPT_KEY_SIZE) == 0 &&
         span_equal(p->view.collection, listing_collection(by)))) {
      return rc < 0 ? rc : 1;
    }
  }
  return rc;
}

static bool taken_before(const struct admit_parcel *in, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (cid_equal(&in->record[i].rec.about, &in->record[n].rec.about)) {
      return true;
    }
  }
  return false;
}

/* Does the parcel nothing but take back, each time something else? 1, 0. One
 * that has to wait (of a time to come) ends nothing yet. */
static int only_takes_back(struct station *st, const struct admit_parcel *in,
                           const struct listing *by, struct err *e)
{
  int rc = in->records == in->view.count && !admit_is_ahead(st, &in->view);
  for (size_t i = 0; rc > 0 && i < in->records; i++) {
    rc = takes_back(st, by, &in->record[i].rec, e);
    if (rc > 0 && taken_before(in, i)) {
      rc = 0;
    }
  }
  return rc;
}

static bool is_sent(const struct admit_parcel *in, const struct cid *cid)
{
  for (size_t i = 0; i < in->records; i++) {
    if (cid_equal(&in->record[i].cid, cid)) {
      return true;
    }
  }
  return false;
}

/* What a record costs that is here already, ${ref}, or not yet, 0. */
static int unsent_one(struct station *st, uint64_t ref, struct span collection,
                      struct buf *block, int64_t *out, struct err *e)
{
  struct record rec;
  *out = QUOTA_COST_MIN;
  buf_clear(block);
  int rc =
      ref == 0 ? 0 : st->store->ops->get_ref(st->store, ref, NULL, block, e);
  if (rc < 0 || ref == 0) {
    return rc;
  }
  rc = record_read(&rec, buf_span(block), e);
  return rc < 0 ? rc : quota_record_cost(st, &rec, collection, out, e);
}

/* Add to ${cost} what the records cost that the parcel lists and did not bring:
 * those that are here as much as if they had come. */
static int add_unsent(struct station *st, const struct admit_parcel *in,
                      int64_t *cost, struct err *e)
{
  struct buf block = {0};
  int rc = 0;
  for (size_t i = 0, at = 0; rc >= 0 && i < in->view.count; i++) {
    struct cid cid;
    uint64_t ref;
    int64_t one = 0;
    parcel_record(&in->view, i, &cid);
    if (at < in->records && cid_equal(&cid, &in->record[at].cid)) {
      at++; /* they mostly come in its order */
    } else if (!is_sent(in, &cid) &&
               (rc = st->store->ops->find(st->store, &cid, 1, &ref, e)) >= 0) {
      rc = unsent_one(st, ref, in->view.collection, &block, &one, e);
    }
    *cost = *cost < INT64_MAX / 4 ? *cost + one : *cost;
  }
  buf_free(&block);
  return rc < 0 ? rc : 0;
}

int fits_parcel(struct station *st, const struct admit_parcel *in,
                struct err *e)
{
  struct listing by;
  int64_t cost = quota_cost(in->view.bytes.n), one = 0;
  if (!st->room.counted) {
    return 0;
  }
  listing_of(&by, 0, &in->cid, &in->view);
  int rc = only_takes_back(st, in, &by, e);
  if (rc != 0) {
    return rc < 0 ? rc : 0;
  }
  rc = add_unsent(st, in, &cost, e);
  for (size_t i = 0; rc == 0 && i < in->records; i++) {
    rc =
        quota_record_cost(st, &in->record[i].rec, in->view.collection, &one, e);
    cost = cost < INT64_MAX / 4 ? cost + one : cost;
  }
  return rc < 0 ? rc : quota_check(st, &by, cost, e);
}

int fits_record(struct station *st, const struct admit_record *in,
                struct err *e)
{
  const struct cached_parcel *p;
  uint64_t at = 0;
  int64_t cost = 0;
  int rc = 0, fits = 0;
  while (st->room.counted && (rc = next_asking(st, &in->cid, &at, &p, e)) > 0) {
    struct listing by;
    listing_of(&by, at, &p->cid, &p->view);
    if ((rc = takes_back(st, &by, &in->rec, e)) != 0) {
      return rc < 0 ? rc : 0;
    }
    rc = quota_record_cost(st, &in->rec, listing_collection(&by), &cost, e);
    fits = rc < 0 ? rc : quota_check(st, &by, cost, e);
    if (fits != ERR_QUOTA) {
      return fits;
    }
  }
  return rc < 0 ? rc : fits;
}
