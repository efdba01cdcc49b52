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

/* The most that a document can be given whose hit has these marks: two words
 * can't be beside one another where one of them isn't. */
double beside_most(const struct beside *b, uint64_t marks);

/* Hits in the order in which they are best read: those first that can come to
 * the greatest score. Once that of one is below what is wanted, those of all
 * after it are. */
void beside_order(const struct beside *b, struct store_hit *hit, size_t n);

/* One document: beside_start with its hit's marks, its texts one after the
 * other, then what it is given. Linear; no further than to where all that can
 * be found was. */
void beside_start(struct beside *b, uint64_t marks);
void beside_read(struct beside *b, struct analyser *an, struct span text);
double beside_given(const struct beside *b);

/* Does the text hold any of the query's words? */
bool beside_holds(const struct beside *b, struct analyser *an,
                  struct span text);

#endif
