/* SPDX-License-Identifier: 0BSD */
/* A query's text and options as the store takes them: words with what they
 * are for, filters, times, and phrases that only the texts can tell. */
#ifndef STATION_ASKING_H
#define STATION_ASKING_H

#include "station/document.h"
#include "station/plan.h"
#include "station/station.h"
#include "text/query.h"

#define ASK_WORDS_MAX (4 * QUERY_WORDS_MAX)
#define ASK_NOWHERE UINT32_MAX /* a word that the index is not asked for */

/* Words that must stand side by side, or (negated) must not. */
struct ask_phrase {
  size_t first, words; /* in asking.word */
  bool negated;
  bool alternative; /* to the phrase before: one of both is enough */
  bool loose;       /* joined with words: it may hold, and need not */
};

struct asking {
  struct plan_ask word[ASK_WORDS_MAX];
  size_t at[ASK_WORDS_MAX]; /* where each begins in the text */
  size_t words, wanted;
  struct ask_phrase phrase[QUERY_PARTS_MAX];
  size_t phrases;
  struct store_filter filter[QUERY_PARTS_MAX + 2];
  size_t filters;
  struct span facet[QUERY_PARTS_MAX + 2]; /* of the filters */
  size_t facets;
  struct buf bytes[QUERY_PARTS_MAX + 2];
  bool timed;
  int64_t from, to;
};

/* Zero-initialise; asking_free frees. ERR_NOMEM. Any text is a query. */
int asking_read(struct asking *a, const struct search_query *q,
                struct analyser *an) MUST_USE;
void asking_free(struct asking *a);

/* Do all phrases hold that must, in these texts of a record? */
bool asking_phrases_hold(const struct asking *a, struct analyser *an,
                         const struct span *text, size_t n);

#endif
