/* SPDX-License-Identifier: 0BSD */
/* Byte ranges: a span looks at bytes that somebody else owns, a buf owns and
 * grows them. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
  const uint8_t *p;
  size_t n;
};

/* Zero-initialised is empty and valid. */
struct buf {
  uint8_t *p;
  size_t n;   /* bytes in use */
  size_t cap; /* bytes allocated */
};

static inline struct span span_of(const void *p, size_t n)
{
  struct span s = {(const uint8_t *)p, n};
  return s;
}

static inline struct span buf_span(const struct buf *b)
{
  return span_of(b->p, b->n);
}

/* Bytes ${from} .. ${upto} - 1 of it. One that never held any has no memory to
 * point into. */
static inline struct span buf_part(const struct buf *b, size_t from,
                                   size_t upto)
{
  return upto > from ? span_of(b->p + from, upto - from) : span_of(NULL, 0);
}

/* Equality of bytes; two empty spans are equal. */
bool span_equal(struct span a, struct span b);

/* Order by bytes, a prefix first: < 0, 0, > 0. */
int span_compare(struct span a, struct span b);

/* Does ${s} hold exactly the bytes of the C string ${text}? */
bool span_is(struct span s, const char *text);

/* Make room for ${more} further bytes. ERR_NOMEM leaves ${b} as it was. */
int buf_reserve(struct buf *b, size_t more) MUST_USE;

/* Append ${n} bytes. ${p} may be NULL when ${n} is 0, and must not point into
 * ${b}. ERR_NOMEM leaves ${b} as it was. */
int buf_put(struct buf *b, const void *p, size_t n) MUST_USE;
int buf_byte(struct buf *b, uint8_t byte) MUST_USE;

/* Take off the first ${n} bytes, n <= b->n. Cannot fail. */
void buf_shift(struct buf *b, size_t n);

/* Forget the content, keep the memory. */
static inline void buf_clear(struct buf *b)
{
  b->n = 0;
}

/* Free the memory; the buf is empty and usable again. */
void buf_free(struct buf *b);

#endif
