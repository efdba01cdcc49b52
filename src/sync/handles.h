/* SPDX-License-Identifier: 0BSD */
/* Lists of handles in order. */
#ifndef SYNC_HANDLES_H
#define SYNC_HANDLES_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Those of a list kept in a buf, which holds whole ones: ${b.n} / 8 of them;
 * NULL where it never held any. */
static inline uint64_t *handles_of(const struct buf *b)
{
  return (uint64_t *)(void *)b->p;
}

/* Put them in ascending order; ${handle} may be NULL when ${n} is 0. */
void handles_sort(uint64_t *handle, size_t n);

/* Is ${one} among them? They ascend; NULL as above. */
bool handles_have(const uint64_t *handle, size_t n, uint64_t one);

#endif
