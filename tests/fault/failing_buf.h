/* SPDX-License-Identifier: 0BSD */
/* Each growth of a buf asks the failing heap, also where there is room enough
 * already: so every put of a writer fails in turn, and not those alone that
 * happen to cross a border. For the one program that includes it; it brings
 * base/buf with it. */
#ifndef FAILING_BUF_H
#define FAILING_BUF_H

#ifndef MEMORY_FAILS /* who has a table of faults says what asks it */
#include "failing_heap.h"
#define MEMORY_FAILS heap_fails
#endif

#include "base/buf.h"

int honest_put(struct buf *b, const void *p, size_t n);
int honest_byte(struct buf *b, uint8_t byte);
int honest_reserve(struct buf *b, size_t more);

#define buf_put honest_put
#define buf_byte honest_byte
#define buf_reserve honest_reserve
#include "base/buf.c"
#undef buf_put
#undef buf_byte
#undef buf_reserve

int buf_put(struct buf *b, const void *p, size_t n)
{
  return MEMORY_FAILS() ? ERR_NOMEM : honest_put(b, p, n);
}

int buf_byte(struct buf *b, uint8_t byte)
{
  return MEMORY_FAILS() ? ERR_NOMEM : honest_byte(b, byte);
}

int buf_reserve(struct buf *b, size_t more)
{
  return MEMORY_FAILS() ? ERR_NOMEM : honest_reserve(b, more);
}

#endif
