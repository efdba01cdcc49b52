/* SPDX-License-Identifier: 0BSD */
/* How near are two words? Two measures: the n-grams that they share (cheap,
 * and an index can answer it), and an edit distance in which the slips of a
 * hand that writes Arabic, Kurdish or English cost less than others. */
#ifndef TEXT_NEAR_H
#define TEXT_NEAR_H

#include "base/buf.h"

#define NEAR_LETTERS_MAX 32 /* longer words are compared by their beginning */
#define NEAR_GRAMS_MAX (NEAR_LETTERS_MAX + 1)

/* A folded word as letters. */
struct near_word {
  uint32_t letter[NEAR_LETTERS_MAX];
  size_t n;
};
void near_word_of(struct near_word *out, struct span token);

/* The n-grams of a word, its two ends marked by a letter 0: ${k} is 2 or 3.
 * Each gram is its letters, 21 bits each. Ascending, each once; returns how
 * many: at most w->n + 1. */
size_t near_grams(const struct near_word *w, unsigned k,
                  uint64_t out[NEAR_GRAMS_MAX]);

/* Twice the grams in common, divided by all of both: 0 .. 1. */
double near_dice(const uint64_t *a, size_t na, const uint64_t *b, size_t nb);

/* Cost of one edit. */
#define NEAR_EDIT 4u

/* Least cost of turning ${a} into ${b} by leaving out, putting in, replacing
 * a letter or swapping two neighbours (optimal string alignment), NEAR_EDIT
 * each; replacing costs 2 where the letters are one body with other dots, 3
 * where the keys touch. Above ${limit}: limit + 1, found early. At most
 * n^2 steps, n <= NEAR_LETTERS_MAX. */
unsigned near_distance(const struct near_word *a, const struct near_word *b,
                       unsigned limit);

/* What a distance may be at most for ${w} to be taken for a slip: one edit,
 * two from 7 letters on. Words of fewer than 3 letters: 0. */
unsigned near_limit(const struct near_word *w);

#endif
