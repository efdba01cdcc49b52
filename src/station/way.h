/* SPDX-License-Identifier: 0BSD */
/* By which way blocks came: from this station itself, a peer, a carry file.
 * Numbers grow with arrival, so it is noted only where the way changes: the
 * pair "way/b/" (of files: "way/f/") and the first number's complement, so
 * that the first pair from a number on tells of it. Kept, not derived. */
#ifndef STATION_WAY_H
#define STATION_WAY_H

#include "station/inside.h"

#define WAY_KEY_SIZE (6 + 8)

/* What comes from now on comes by this way. Cut at QUOTA_WAY_MAX bytes. */
void way_set(struct station *st, const char *name);
#define WAY_OWN "own"
#define WAY_HELD "held until its time"

/* Blocks (of files?) are about to be stored: 1 and the pair to be stored with
 * them or before, 0: it is noted already. ${key} is the pair's. */
int way_note(struct station *st, bool file, uint8_t key[WAY_KEY_SIZE],
             struct store_pair *out, struct err *e) MUST_USE;
/* That pair is stored. */
void way_noted(struct station *st, bool file);

/* By which way block ${ref} came: its name into ${out}, or "". */
int way_of(struct station *st, uint64_t ref, bool file,
           char out[QUOTA_WAY_MAX + 1], struct err *e) MUST_USE;

#endif
