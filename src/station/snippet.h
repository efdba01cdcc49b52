/* SPDX-License-Identifier: 0BSD */
/* The best window of a text for a query, with the found words marked. */
#ifndef STATION_SNIPPET_H
#define STATION_SNIPPET_H

#include "base/buf.h"
#include "base/limits.h"

struct snippet_query {
  const struct span *token; /* folded words, <= QUERY_WORDS_MAX */
  size_t tokens;
  struct span mark_open, mark_close;
};

/* Append the window of SNIPPET_WORDS words of ${text} that holds most
 * different words of the query, of equals the one in the middle; control
 * characters become spaces, cut ends get an ellipsis. Linear. ERR_NOMEM. */
int snippet(struct buf *out, struct span text,
            const struct snippet_query *q) MUST_USE;

#endif
