/* SPDX-License-Identifier: 0BSD */
/* The second reading of text/recipe.h: words that follow one another in a
 * query and in a text. No positions are in the index: texts are read again.
 */
#ifndef STATION_BESIDE_H
#define STATION_BESIDE_H

#include "station/plan.h"

struct beside;

/* ${plan} is lent. ERR_NOMEM. */
int beside_open(struct beside **out, const struct plan *plan) MUST_USE;
void beside_close(struct beside *b); /* NULL-safe */

/* The most that any text can be given. */
double beside_most(const struct beside *b);

/* One document: beside_start, its texts one after the other, then what it is
 * given. Linear. */
void beside_start(struct beside *b);
void beside_read(struct beside *b, struct analyser *an, struct span text);
double beside_given(const struct beside *b);

/* Does the text hold any of the query's words? */
bool beside_holds(const struct beside *b, struct analyser *an,
                  struct span text);

#endif
