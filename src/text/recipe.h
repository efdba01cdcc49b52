/* SPDX-License-Identifier: 0BSD */
/* How documents are ranked for a query: the one place of its constants.
 *
 * Measured on eight collections of questions, keywords and damaged queries
 * (make bench-search); tests/unit/search_oracle.c does all of this plainly
 * and is what the index is held to.
 *
 * A query's words, each different token once, the first QUERY_WORDS_MAX. Each
 * word gives a group of members (term, weight), a term once with its greatest
 * weight:
 *   own      its stem, and its other stem where it has one: 1.
 *   repairs  only when the vocabulary has neither stem, other stem nor
 *            surface: of the RECIPE_REPAIR_LOOK words of the vocabulary with
 *            the greatest Dice (of 3-grams with the token, at least
 *            RECIPE_REPAIR_DICE; of equals the lesser term) those within
 *            near_limit(token), ordered by distance, then frequency (the
 *            greater first), then term; the first RECIPE_REPAIR_MAX.
 *            d = distance / NEAR_EDIT: recipe_repair(d).
 *   expanded not for stop words: the RECIPE_EXPAND_LOOK words of the
 *            vocabulary with the greatest Dice with the stem (then with the
 *            other stem), at least RECIPE_EXPAND_DICE, of equals the lesser
 *            term, until RECIPE_EXPAND_MAX new members were found:
 *            recipe_expand(dice). Stems of fewer than 3 letters: none.
 * The vocabulary is the stems and surfaces of the text. A surface that was
 * found there stands for its stem, as the query's word was read (word_like),
 * when the index has that stem, else for itself; a repair gives its stem, the
 * other stem and the surface.
 *
 * A document's score for the word: the greatest over the members of
 *   weight * idf(member) * tf(member, document)
 * where the idf of a member is that of the more frequent of it and of the
 * word's own terms (own: the more frequent of the two), so that a rare
 * neighbour never counts for more than the word itself; a word without own
 * terms leaves each member its own. To that is added, when the index has the
 * surface, RECIPE_SURFACE * idf(surface) * tf(surface, document). Stop words
 * count RECIPE_STOP times. A document's score is the sum over the words.
 *
 * Then the best RECIPE_HEAD documents are read again. For each two words that
 * follow one another in the query, and whose members (or surfaces among them)
 * follow one another somewhere in the document,
 *   RECIPE_BESIDE * (a + b) / 2
 * is added, a and b being the weight of the word (1 or RECIPE_STOP) times the
 * idf of its own terms, or of its most frequent member when it has none. */
#ifndef TEXT_RECIPE_H
#define TEXT_RECIPE_H

#include <math.h>

#define RECIPE_K1 1.2
#define RECIPE_B 0.75

#define RECIPE_SURFACE 0.3
#define RECIPE_STOP 0.3

#define RECIPE_REPAIR_LOOK 400
#define RECIPE_REPAIR_DICE 0.1
#define RECIPE_REPAIR_MAX 5
#define RECIPE_EXPAND_LOOK 200
#define RECIPE_EXPAND_DICE 0.4
#define RECIPE_EXPAND_MAX 10
#define RECIPE_LETTERS_MIN 3 /* shorter words have no neighbours */

#define RECIPE_HEAD 60
#define RECIPE_BESIDE 0.45

/* ${df} of ${n} documents hold the term. Always > 0, also where the counts of a
 * damaged index say more than all. */
static inline double recipe_idf(double df, double n)
{
  df = df < n ? df : n;
  return log(1.0 + (n - df + 0.5) / (df + 0.5));
}

/* ${length}: the document's words, as the index rounds them; ${mean}: of all
 * documents, not rounded. */
static inline double recipe_tf(double tf, double length, double mean)
{
  double norm = 1.0 - RECIPE_B + RECIPE_B * length / mean;
  return tf * (RECIPE_K1 + 1.0) / (tf + RECIPE_K1 * norm);
}

static inline double recipe_repair(double edits)
{
  return 0.8 / (0.5 + edits / 2);
}

static inline double recipe_expand(double dice)
{
  return dice * sqrt(dice);
}

#endif
