/* SPDX-License-Identifier: 0BSD */
/* The ranking of text/recipe.h done plainly, in memory: every document that
 * any word matches is scored. What an index answers is held to this. */
#ifndef SEARCH_ORACLE_H
#define SEARCH_ORACLE_H

#include "base/buf.h"

struct oracle;

struct oracle_hit {
  uint32_t doc; /* in order of adding, from 0 */
  double score;
};

/* A test's own tool: what fails here ends the program. */
struct oracle *oracle_new(void);
void oracle_del(struct oracle *o);

/* Add a document. The text is not kept. */
void oracle_add(struct oracle *o, struct span text);

/* All documents are there: make the vocabulary. Then search. */
void oracle_ready(struct oracle *o);

/* The best ${max} for a query, of equals the greater document first. Returns
 * how many there are. ${again}: with the second reading of the best. */
size_t oracle_search(struct oracle *o, struct span query, bool again,
                     struct oracle_hit *hits, size_t max);

#endif
