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
/* From now on they are; parcels here that list them wait for them no more. */
int refused_note(struct station *st, const struct cid *cid, size_t n,
                 struct err *e) MUST_USE;

#endif
