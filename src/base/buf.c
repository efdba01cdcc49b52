/* SPDX-License-Identifier: 0BSD */
#include "base/buf.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

bool span_equal(struct span a, struct span b)
{
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int span_compare(struct span a, struct span b)
{
  size_t n = a.n < b.n ? a.n : b.n;
  int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
  if (order != 0) {
    return order;
  }
  return a.n < b.n ? -1 : a.n > b.n;
}

bool span_is(struct span s, const char *text)
{
  return span_equal(s, span_of(text, strlen(text)));
}

#define SMALLEST 64u
#define LARGE                                                                  \
  (256u * 1024) /* from here on a quarter more, not twice as much              \
                 */

int buf_reserve(struct buf *b, size_t more)
{
  CHECK(b->n <= b->cap);
  if (more <= b->cap - b->n) {
    return 0;
  }
  if (more > SIZE_MAX / 2 - b->n) {
    return ERR_NOMEM;
  }
  size_t need = b->n + more;
  size_t cap = b->cap < LARGE ? 2 * b->cap : b->cap + b->cap / 4;
  cap = cap > SMALLEST ? cap : SMALLEST;
  cap = cap > need ? cap : need;
  uint8_t *p = mem_resize(b->p, cap, 1);
  if (p == NULL) {
    return ERR_NOMEM;
  }
  b->p = p;
  b->cap = cap;
  return 0;
}

int buf_put(struct buf *b, const void *p, size_t n)
{
  int rc = buf_reserve(b, n);
  if (rc < 0) {
    return rc;
  }
  if (n > 0) {
    memcpy(b->p + b->n, p, n);
    b->n += n;
  }
  return 0;
}

int buf_byte(struct buf *b, uint8_t byte)
{
  return buf_put(b, &byte, 1);
}

void buf_shift(struct buf *b, size_t n)
{
  CHECK(n <= b->n);
  b->n -= n;
  if (n > 0 && b->n > 0) {
    memmove(b->p, b->p + n, b->n);
  }
}

void buf_free(struct buf *b)
{
  mem_free(b->p);
  b->p = NULL;
  b->n = 0;
  b->cap = 0;
}
