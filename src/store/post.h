/* SPDX-License-Identifier: 0BSD */
/* Postings as bytes: which documents hold a term, and how often.
 *
 * A list is cut into blocks of at most POST_BLOCK postings. A block's bytes
 * do not depend on where it stands: its first document is told beside it, so
 * that a merge copies blocks as they are. With each block goes a bound, from
 * which a query tells the best score that the block can hold without reading
 * it. Blocks of long lists lie in strips of a quarter page.
 *
 *   block: per posting varint((gap - 1) << 1 | (tf != 1)), then varint(tf)
 *          when it isn't 1. The gap of the first counts as 1.
 *   strip: the number of blocks (1 byte); per block varint(first - last of
 *          the block before, 0 at the start), varint(last - first), postings
 *          - 1 (1 byte), varint(bytes), bound (3 bytes); then the blocks.
 *
 * All of it is read from disk, and checked: what can't be is ERR_CORRUPT. */
#ifndef STORE_POST_H
#define STORE_POST_H

#include "base/buf.h"
#include "base/err.h"

#define POST_BLOCK 128u       /* postings */
#define POST_TF_MAX 65535u    /* a greater frequency counts as this */
#define POST_STRIP_BYTES 990u /* a strip is a row: four fit a page */
#define POST_STRIP_BLOCKS 32u

/* ---- varints: 7 bits a byte, the low ones first ---- */

#define POST_VARINT_MAX 10
int post_varint_put(struct buf *out, uint64_t v) MUST_USE;

/* Reads bytes in order; ${bad} is set by what ends too early or too late, and
 * stays. */
struct post_reader {
  const uint8_t *p, *end;
  bool bad;
};
static inline struct post_reader post_reader_of(struct span s)
{
  struct post_reader r = {s.p, s.n > 0 ? s.p + s.n : s.p, false};
  return r;
}
uint64_t post_varint_long(struct post_reader *r);
static inline uint64_t post_varint(struct post_reader *r)
{
  const uint8_t *p = r->p;
  if (r->end - p >= 2) {
    if (p[0] < 0x80) {
      r->p++;
      return p[0];
    }
    if (p[1] < 0x80) {
      r->p += 2;
      return (p[0] & 0x7fu) | (uint64_t)p[1] << 7;
    }
  }
  return post_varint_long(r);
}
uint8_t post_byte(struct post_reader *r);
/* The next ${n} bytes; an empty span when there are fewer. */
struct span post_bytes(struct post_reader *r, uint64_t n);

/* ---- lengths of documents, one byte each ----
 * Exact up to 31 words, then in steps of a sixteenth of an octave, downwards;
 * greater codes for greater lengths. */
uint8_t post_length(uint64_t words);
uint32_t post_words(uint8_t code);

/* ---- blocks ---- */

struct post {
  uint32_t doc[POST_BLOCK]; /* ascending */
  uint16_t tf[POST_BLOCK];  /* >= 1 */
  size_t n;
};

/* What bounds the scores of a block: the least length among those that hold
 * the term once, the greatest frequency and the least length among the
 * others. A score falls with length and grows with frequency. */
struct post_bound {
  uint8_t one;  /* POST_NONE: none holds it once */
  uint8_t tf;   /* 0: all hold it once; 255: or more */
  uint8_t more; /* of those with tf > 1 */
};
#define POST_NONE 255
static inline struct post_bound post_bound_none(void)
{
  struct post_bound b = {POST_NONE, 0, POST_NONE};
  return b;
}
void post_bound_add(struct post_bound *b, uint16_t tf, uint8_t length);
void post_bound_join(struct post_bound *b, const struct post_bound *other);

/* Append the bytes of ${p}, 1 to POST_BLOCK postings. ERR_NOMEM. */
int post_block_put(struct buf *out, const struct post *p) MUST_USE;

/* Read ${n} postings (1 .. POST_BLOCK), the first of document ${first}, none
 * greater than ${last}. ERR_CORRUPT. */
struct post_place {
  uint32_t first, last;
  uint32_t n;
};
int post_block_get(struct post *out, const struct post_place *at,
                   struct span bytes) MUST_USE;

/* ---- strips ---- */

struct post_head {
  struct post_place place;
  struct post_bound bound;
  struct span bytes; /* the block, in the strip's bytes */
};

struct post_strip {
  struct post_head head[POST_STRIP_BLOCKS];
  size_t n;
};

/* ${out} points into ${bytes}. ERR_CORRUPT. */
int post_strip_get(struct post_strip *out, struct span bytes) MUST_USE;
/* Append the strip's bytes. ERR_NOMEM. */
int post_strip_put(struct buf *out, const struct post_strip *s) MUST_USE;
/* What the bytes of a strip with one block more come to, at most. */
#define POST_HEAD_MAX 17u

#endif
