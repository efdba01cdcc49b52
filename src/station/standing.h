/* SPDX-License-Identifier: 0BSD */
/* Where a record stands apart from its words: how new it is, how many hold
 * it, and what those say whose word counts. */
#ifndef STATION_STANDING_H
#define STATION_STANDING_H

#include "station/inside.h"

/* Factors on a score; small ones, so that words decide. */
#define STANDING_NEWER                                                         \
  0.03                     /* more for what is new, half of it a year later    \
                            */
#define STANDING_HELD 0.01 /* more for each that holds it, up to ... */
#define STANDING_HELD_MAX 3
#define STANDING_LOWER 0.5 /* for what is labelled so */
#define STANDING_MOST                                                          \
  ((1 + STANDING_NEWER) * (1 + STANDING_HELD * STANDING_HELD_MAX))

struct standing {
  double newer, held, labels;
  bool hidden;
};

/* Labels of q->trust: "hide", "spam", "abuse" and "malware" hide; "lower",
 * "wrong", "outdated" and "duplicate" push down. The newest word of each
 * counts, unless it expired or was taken back. */
int standing_of(struct station *st, const struct entry *en,
                const struct search_query *q, struct standing *out,
                struct err *e) MUST_USE;

#endif
