/* SPDX-License-Identifier: 0BSD */
/* How a slip tells each collection: by handles, by a sketch of which size, or
 * not at all where the slip may not grow.
 *
 * A slip can't ask back, so how much will differ is a guess: SLIP_EXPECT_LEAST
 * parcels, and a sixteenth of a collection where that is more, unless the
 * caller knows better. Too small a sketch costs a courier the whole
 * collection; 4,096 cells, which tell 3,600 differences, cost 48 KiB. */
#ifndef STATION_SLIP_PLAN_H
#define STATION_SLIP_PLAN_H

#include "station/inside.h"
#include "sync/sketch.h"

#define SLIP_EXPECT_LEAST 512u
/* Bytes of a wish at most, beside its name, handles and links. */
#define SLIP_WISH_FRAME 42u

struct slip_item {
  struct span name;
  struct span pattern; /* the first wish that covers it */
  uint64_t count, upto;
  uint8_t digest[HASH_SIZE];
  bool told;
  bool dear;     /* see slip_plan_dearest */
  bool sketched; /* else by handles */
  uint32_t cells, syndromes;
};

struct slip_plan_options {
  uint64_t expect; /* parcels that differ; 0: the rule above */
  bool exact;      /* handles only */
  size_t max;      /* bytes of the slip; 0: as many as it takes */
};

struct slip_plan {
  struct slip_item *item; /* in order of their names */
  size_t n, left_out;
  bool narrow; /* only those told are wished for, each by its name */
  struct buf names, patterns;
};

/* Plan for the collections here that one of ${patterns} (each with a zero byte
 * behind it; copied) covers. ${fixed}: bytes that the slip has without
 * them, ${head}: without its wishes too. Zero-initialise ${p}; free it in any
 * case. ERR_LIMIT when not even one fits ${opt->max}. */
int slip_plan_make(struct slip_plan *p, struct station *st,
                   struct span patterns, const struct slip_plan_options *opt,
                   const size_t fixed[2], struct err *e) MUST_USE;
void slip_plan_free(struct slip_plan *p);

/* The told items: first those that a follow rule names exactly, or that this
 * station or somebody vouched for began; of others, whose names cost nothing,
 * every second by chance, so that the next slip tells what this one leaves
 * out. Otherwise the latest parcel first. Pointers into the plan, for the
 * caller to free. */
int slip_plan_dearest(struct slip_item ***out, struct slip_plan *p,
                      struct station *st, struct err *e) MUST_USE;

#endif
