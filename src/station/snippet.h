/* SPDX-License-Identifier: 0BSD */
/* The best window of a text for a query, with the found words marked. */
#ifndef STATION_SNIPPET_H
#define STATION_SNIPPET_H

#include "base/buf.h"
#include "base/limits.h"
#include "text/words.h"

/* What counts as one of the query's words: a term as the index has it, a stem
 * or (TERM_SURFACE) a surface. */
struct snippet_term {
  struct span term;
  uint8_t word; /* < QUERY_WORDS_MAX */
  bool other;   /* a word like the query's, not the word itself */
};

struct snippet_query {
  const struct snippet_term *term;
  size_t terms; /* the first SNIPPET_TERMS_MAX count */
  /* What each of the query's words is worth, QUERY_WORDS_MAX of them: rare
   * ones more. NULL: all the same. */
  const uint32_t *worth;
  struct analyser *an; /* NULL: terms are tokens, without a mark */
  struct span mark_open, mark_close;
};

/* Append the window of SNIPPET_WORDS words of ${text} in which the query's
 * words are worth most, of equals the one in the middle; a word like one of
 * them is worth half. It begins and ends
 * with a word; control characters become spaces, cut ends get an ellipsis. No
 * letter is parted from its marks. Linear. ERR_NOMEM. */
int snippet(struct buf *out, struct span text,
            const struct snippet_query *q) MUST_USE;

#endif
