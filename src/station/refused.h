/* SPDX-License-Identifier: 0BSD */
/* Records that the policy refused are remembered, or they would be asked for
 * on each slip. */
#ifndef STATION_REFUSED_H
#define STATION_REFUSED_H

#include "station/inside.h"

/* Was this one refused? 1, 0. */
int refused_before(struct station *st, const struct cid *cid,
                   struct err *e) MUST_USE;
/* Was any? 1, 0. */
int refused_any(struct station *st, struct err *e) MUST_USE;
/* Of a parcel that is not here yet. */
int refused_note(struct station *st, const struct cid *cid, size_t n,
                 struct err *e) MUST_USE;
/* One that parcels here list: they don't wait for it any more. */
int refused_add(struct station *st, const struct cid *cid,
                struct err *e) MUST_USE;

#endif
