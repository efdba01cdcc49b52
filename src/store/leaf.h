/* SPDX-License-Identifier: 0BSD */
/* Leaves: terms in order, each with its list of postings or where that lies.
 *
 * A leaf is a row of about a page. Each term is told by what it shares with
 * the one before it. A list of up to POST_BLOCK postings stands in the leaf
 * itself; of a longer one the leaf holds the directory of its strips.
 *
 *   entry: varint(bytes shared), varint(bytes more), those; varint(df << 1 |
 *          long); then
 *     short: varint(first document), varint(last - first), varint(bytes), a
 *            block
 *     long:  varint(number of the first strip), varint(strips), per strip
 *            varint(last document - last of the strip before) and its bound
 */
#ifndef STORE_LEAF_H
#define STORE_LEAF_H

#include "store/post.h"

#define LEAF_BYTES 4000u
#define LEAF_TERM_MAX 255u

struct leaf_entry {
  struct span term;
  uint32_t df;
  bool has_strips;
  /* short */
  struct post_place place; /* n is df */
  struct span block;
  /* long */
  uint32_t strip, strips;
  struct span dir;
};

/* Zero-initialise and set ${data}; then leaf_next until 0. What it gives
 * points into ${data} and, the term, into the reader. */
struct leaf_reader {
  struct span data;
  size_t at;
  uint8_t term[LEAF_TERM_MAX];
  size_t term_n;
};
/* 1, 0 at the end, or ERR_CORRUPT. */
int leaf_next(struct leaf_reader *r, struct leaf_entry *out) MUST_USE;
/* To ${term}, which is greater than all that was read: 1 when it is there.
 * Else the reader stands before the next greater one, or at the end. */
int leaf_find(struct leaf_reader *r, struct span term,
              struct leaf_entry *out) MUST_USE;

/* Append an entry; ${before}: the term before it, empty at the leaf's start.
 * ERR_NOMEM. */
int leaf_put(struct buf *out, struct span before,
             const struct leaf_entry *en) MUST_USE;

/* The directory of a long list. */
struct leaf_strip {
  uint32_t last;
  struct post_bound bound;
};
/* Fill ${out}, which has room for en->strips. ERR_CORRUPT. */
int leaf_dir_get(struct leaf_strip *out, const struct leaf_entry *en) MUST_USE;
int leaf_dir_put(struct buf *out, const struct leaf_strip *dir,
                 size_t n) MUST_USE;

#endif
