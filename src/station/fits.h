/* SPDX-License-Identifier: 0BSD */
/* Is there room for what comes? Asked by admit.c alone. */
#ifndef STATION_FITS_H
#define STATION_FITS_H

#include "station/admit.h"

/* For the parcel and what it lists? What is not at hand is asked about again
 * when it comes. 0, or ERR_QUOTA. */
int fits_parcel(struct station *st, const struct admit_parcel *in,
                struct err *e) MUST_USE;

/* For a record that came without its parcel, as of one of those who list it?
 */
int fits_record(struct station *st, const struct admit_record *in,
                struct err *e) MUST_USE;

#endif
