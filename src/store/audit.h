/* SPDX-License-Identifier: 0BSD */
/* What a search document comes to in three numbers, so that an index can be
 * held against the records that it was made of. */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "store/store.h"

/* The sum of a term, to be counted once for each time that it occurs. */
uint64_t audit_term(struct span term);
/* Of the rest: ${length} as post.h has lengths. */
uint64_t audit_rest(int64_t time, uint8_t length, struct span facets);
/* All of a document. */
struct store_audit audit_of(const struct store_doc *d);

#endif
