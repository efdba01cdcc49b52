/* SPDX-License-Identifier: 0BSD */
/* What strangers may take of the disk. A stranger is an author who is not
 * this station and for whom nobody vouches: neither its owner nor its policy.
 *
 * When the room is taken, what comes is refused (ERR_QUOTA), the newest that
 * is. Nothing that is here goes: to throw out what came first would let a
 * flood drive out whatever it likes, and wear the disk. A part of the budget
 * (QUOTA_RESERVE) is only for those who are vouched for; what the station
 * itself publishes is never refused.
 *
 * Accounts (pairs "room/a/", "room/c/", "room/w/" and author, collection,
 * way) hold what strangers' parcels cost: their bytes, and those of the
 * records and files that they list, as far as the follow rules fetch them,
 * each at least QUOTA_COST_MIN. They change with the rows that they speak of,
 * in the same change, and are derived: a rebuild counts anew. They are kept
 * once a quota was set. */
#ifndef STATION_QUOTA_H
#define STATION_QUOTA_H

#include "station/change.h"
#include "station/listing.h"

/* Read st->room from the store. */
int quota_load(struct station *st, struct err *e) MUST_USE;

/* Forget all accounts: a rebuild begins. A part of them: 1 there are more. */
int quota_reset(struct station *st, struct err *e) MUST_USE;

/* Is this author vouched for? 1, 0. ${by} (room for 16), or NULL, gets by
 * whom. */
int quota_vouched(struct station *st, const uint8_t *author, char *by,
                  struct err *e) MUST_USE;

/* Is it this station, or vouched for? Such an author needs nobody's leave. 1,
 * 0. */
int quota_trusted(struct station *st, const uint8_t *author,
                  struct err *e) MUST_USE;

/* What a record costs whoever lists it in ${collection}. */
int quota_record_cost(struct station *st, const struct record *rec,
                      struct span collection, int64_t *out,
                      struct err *e) MUST_USE;
static inline int64_t quota_cost(size_t bytes)
{
  return bytes < QUOTA_COST_MIN ? QUOTA_COST_MIN : (int64_t)bytes;
}

/* May the author of ${by} take ${cost} bytes more, coming by today's way? 0,
 * or ERR_QUOTA. */
int quota_check(struct station *st, const struct listing *by, int64_t cost,
                struct err *e) MUST_USE;
/* May blocks of files of ${bytes} come, whoever lists them? */
int quota_check_files(struct station *st, size_t bytes, struct err *e) MUST_USE;

/* Note what a pair costs, or what its end gives back (< 0), with the way that
 * its parcel came by. */
int quota_charge(struct station *st, struct change *c, const struct listing *by,
                 int64_t cost, struct err *e) MUST_USE;

#endif
