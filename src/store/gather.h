/* SPDX-License-Identifier: 0BSD */
/* Documents turned over: their terms in order, each with its postings. */
#ifndef STORE_GATHER_H
#define STORE_GATHER_H

#include "base/buf.h"

struct gather_term {
  uint64_t key;  /* its first 8 bytes, as a number */
  uint32_t at;   /* in gather.bytes */
  uint32_t n;    /* bytes */
  uint32_t head; /* its first posting */
  uint32_t tail; /* its last posting */
  uint32_t df;
};

struct gather_post {
  uint32_t doc;
  uint32_t next; /* the next of the same term */
  uint32_t tf;
};

/* Zero-initialise; gather_free frees. */
struct gather {
  struct buf bytes;
  struct gather_term *term; /* after gather_sort in order of bytes */
  size_t terms, term_cap;
  struct gather_post *post;
  size_t posts, post_cap;
  uint32_t *slot; /* hash of bytes -> 1 + place in ${term}, 0: empty */
  size_t slots;
};

/* Add a document: numbers ascend. ${terms}: any number of (length in one byte,
 * bytes), in any order, one as often as it stands there. ERR_NOMEM, or
 * ERR_INVALID when they are not that. */
int gather_doc(struct gather *g, uint32_t doc, struct span terms) MUST_USE;

/* No document may be added after. ERR_NOMEM. */
int gather_sort(struct gather *g) MUST_USE;

static inline struct span gather_bytes(const struct gather *g,
                                       const struct gather_term *t)
{
  return span_of(g->bytes.p + t->at, t->n);
}

void gather_clear(struct gather *g); /* keeps the memory */
void gather_free(struct gather *g);

#endif
