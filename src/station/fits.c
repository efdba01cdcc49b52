/* SPDX-License-Identifier: 0BSD */
#include "station/fits.h"

#include "station/quota.h"

#include <string.h>

/* Does this record take back something that is here, as this very voice's?
 * Such a withdrawal needs no room: there are no more of them than records. */
static int takes_back(struct station *st, const struct parcel *view,
                      const struct record *rec, struct err *e)
{
  const struct cached_parcel *p;
  uint64_t ref = 0, at = 0;
  int rc = rec->kind != RECORD_WITHDRAW
               ? 0
               : st->store->ops->find(st->store, &rec->about, 1, &ref, e);
  if (rc < 0 || ref == 0) {
    return rc;
  }
  while ((rc = next_at(st, IDX_LISTED, span_of(NULL, 0), (int64_t)ref, &at,
                       e)) > 0) {
    if ((rc = station_parcel(st, at, &p, e)) < 0 ||
        (memcmp(p->view.author, view->author, CRYPT_KEY_SIZE) == 0 &&
         span_equal(p->view.collection, view->collection))) {
      return rc < 0 ? rc : 1;
    }
  }
  return rc;
}

int fits_parcel(struct station *st, const struct admit_parcel *in,
                struct err *e)
{
  struct listing by;
  int64_t cost = quota_cost(in->view.bytes.n), one = 0;
  size_t back = 0;
  int rc = 0;
  if (!st->room.counted) {
    return 0;
  }
  for (size_t i = 0; rc >= 0 && i < in->records && back == i; i++) {
    rc = takes_back(st, &in->view, &in->record[i].rec, e);
    back += rc > 0;
  }
  if (rc < 0 || (back == in->view.count && in->records == back)) {
    return rc < 0 ? rc : 0;
  }
  rc = 0;
  listing_of(&by, 0, &in->cid, &in->view);
  cost += (int64_t)((in->view.count - in->records) * QUOTA_COST_MIN);
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
  int rc, fits = 0;
  while (st->room.counted && (rc = next_asking(st, &in->cid, &at, &p, e)) > 0) {
    struct listing by;
    listing_of(&by, at, &p->cid, &p->view);
    rc = quota_record_cost(st, &in->rec, listing_collection(&by), &cost, e);
    fits = rc < 0 ? rc : quota_check(st, &by, cost, e);
    if (fits != ERR_QUOTA) {
      break;
    }
  }
  return fits;
}
