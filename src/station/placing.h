/* SPDX-License-Identifier: 0BSD */
/* Placing: what rows and documents a pair (parcel, record) has. Used by
 * admit.c alone; apart so that one can read the rules in one place. */
#ifndef STATION_PLACING_H
#define STATION_PLACING_H

#include "station/admit.h"

/* Rows of one pair. */
enum place_how { PLACE_ADD, PLACE_DROP };
int place_pair(struct change *c, enum place_how how, const struct listing *by,
               const struct record *rec, uint64_t ref) MUST_USE;

/* Rows of one that others came before (IDX_BEYOND). */
int place_beyond(struct change *c, enum place_how how, const struct listing *by,
                 const struct cid *record) MUST_USE;

/* Note the files of a record that are not here, or drop those notes. */
int place_files(struct station *st, struct change *c, enum place_how how,
                const struct record *rec, uint64_t ref, struct err *e) MUST_USE;

/* Bring the search document from the listings ${before} to ${after}; none:
 * no document. Nothing for records that are not indexed yet. */
int place_doc(struct station *st, struct change *c, uint64_t ref,
              const struct record *rec, const struct facets *before,
              const struct facets *after, struct err *e) MUST_USE;
/* A document that comes, with the text of its files, or a note that they are
 * to be read. */
int place_new_doc(struct station *st, struct change *c, uint64_t ref,
                  const struct record *rec, const struct facets *facets,
                  struct err *e) MUST_USE;

/* Voices: an author in a collection each, one behind the other. */
int voices_add(struct buf *voices, struct span collection,
               const uint8_t *author) MUST_USE;

/* Take ${target} back for all of ${voices}: drop its pairs and notes, its
 * bytes when nobody else lists it. Returns 1 when there was something to take
 * back, else 0. Once a change for each target: it looks at the store as it is
 * before the change. */
int place_withdrawal(struct station *st, struct change *c,
                     const struct cid *target, struct span voices,
                     struct err *e) MUST_USE;

#endif
