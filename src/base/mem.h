/* SPDX-License-Identifier: 0BSD */
/* The core's one way to the heap. Memory that is Lua's comes from the host's
 * lua_Alloc instead and never passes here. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* ${n} bytes, not cleared, or NULL. ${n} may be 0 (then a valid pointer). */
void *mem_alloc(size_t n);

/* One cleared ${n}-byte object, or NULL. */
void *mem_zero(size_t n);

/* ${p} resized to ${count} elements of ${size} bytes, or NULL (and ${p} as it
 * was) when memory runs out or the product overflows. */
void *mem_resize(void *p, size_t count, size_t size);

/* NULL-safe. */
void mem_free(void *p);

#endif
