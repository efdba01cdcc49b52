/* SPDX-License-Identifier: 0BSD */
/* Small files that were added wait here, so that a folder of them costs one
 * commit and not one each. Nothing lists them yet, so nothing that was
 * promised depends on them: they go to the disk before the record that lists
 * them does, and before anything reads. */
#ifndef STATION_LATER_H
#define STATION_LATER_H

#include "station/inside.h"

/* Keep a copy of a raw block of a file until the next later_flush; flushes by
 * itself when LATER_BYTES or LATER_BLOCKS wait. */
int later_put(struct station *st, const struct store_block *block,
              struct err *e) MUST_USE;

/* Store what waits; durable on return. */
int later_flush(struct station *st, struct err *e) MUST_USE;

#endif
