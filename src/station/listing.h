/* SPDX-License-Identifier: 0BSD */
/* Who lists a record: the pairs (parcel, record) that are in force. A pair
 * that was withdrawn has no rows, so what is found here may be shown. */
#ifndef STATION_LISTING_H
#define STATION_LISTING_H

#include "station/change.h"
#include "station/inside.h"

/* One author, one collection, one time. */
struct listing {
  uint64_t parcel_ref;
  struct cid parcel;
  int64_t time;
  uint8_t author[CRYPT_KEY_SIZE];
  char collection[COLLECTION_NAME_MAX + 1];
  size_t collection_n;
};

static inline struct span listing_collection(const struct listing *l)
{
  return span_of(l->collection, l->collection_n);
}

/* More listings than these of one record are passed over (by number of the
 * parcel): a flood of parcels that list a known record costs no more. Those
 * that somebody asks for by author or by collection are found beyond them. */
#define LISTINGS_MAX 32
#define BEYOND_MAX 8

/* Of the record with number ${record}: fill ${out} (room for LISTINGS_MAX);
 * returns how many. */
int listings(struct station *st, uint64_t record, struct listing *out,
             struct err *e) MUST_USE;

/* Beyond them, of one author, the newest first; or in a collection at
 * ${time}, in order of arrival, and after it when not ${exactly}. Fill
 * ${out} (room for BEYOND_MAX); how many. */
int listings_by(struct station *st, const struct cid *record,
                const uint8_t *author, struct listing *out,
                struct err *e) MUST_USE;
int listings_in(struct station *st, const struct cid *record,
                struct span collection, int64_t time, bool exactly,
                struct listing *out, struct err *e) MUST_USE;

/* A listing from a parcel's view. */
void listing_of(struct listing *out, uint64_t ref, const struct cid *cid,
                const struct parcel *view);

bool parcel_lists(const struct parcel *p, const struct cid *record);

/* 1 when ${author} withdrew ${record} in ${collection}, 0 when not. */
int withdrawn(struct station *st, const struct cid *record,
              const uint8_t *author, struct span collection,
              struct err *e) MUST_USE;
/* 1 when ${author} withdrew anything in ${collection}, 0 when not. */
int withdraws_any(struct station *st, const uint8_t *author,
                  struct span collection, struct err *e) MUST_USE;

/* Facets of a record's listings: those that count are the first LISTINGS_MAX
 * by number of the parcel. */
int listing_facets(struct station *st, uint64_t record, struct facets *out,
                   struct err *e) MUST_USE;
/* One listing more, later than the others. ERR_NOMEM. */
int facets_add(struct facets *f, const struct listing *by) MUST_USE;
int facets_copy(struct facets *to, const struct facets *from) MUST_USE;

/* Of the numbers under (name, key) whose sort is exactly ${sort}, the next
 * after ${*ref} (start with 0): 1 and it is in ${*ref}, or 0.
 * For what must not be cut at a number. */
int next_at(struct station *st, enum idx name, struct span key, int64_t sort,
            uint64_t *ref, struct err *e);

/* The next parcel that asks for the missing record ${record}: its number in
 * ${*ref}, itself in ${out} (valid until the next call). Passes over files'
 * notes that share the order. 1, or 0 at the end. */
int next_asking(struct station *st, const struct cid *record, uint64_t *ref,
                const struct cached_parcel **out, struct err *e);

#endif
