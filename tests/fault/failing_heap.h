/* SPDX-License-Identifier: 0BSD */
/* A heap that fails when told; it stands in for base/mem.c in the one program
 * that includes it. */
#ifndef FAILING_HEAP_H
#define FAILING_HEAP_H

#include "base/mem.h"

#include "unit.h"

enum heap_fault {
  HEAP_ONCE, /* one request fails, the next succeeds */
  HEAP_FROM  /* that one and all after it */
};

static struct {
  long requests; /* since heap_fail */
  long at;       /* the request that fails, counted from 1; 0: none */
  enum heap_fault fault;
} heap;

static inline void heap_fail(long at, enum heap_fault fault)
{
  heap.requests = 0;
  heap.at = at;
  heap.fault = fault;
}

static inline void heap_heal(void)
{
  heap.at = 0;
}

static inline bool heap_fails(void)
{
  heap.requests++;
  return heap.at > 0 && (heap.fault == HEAP_ONCE ? heap.requests == heap.at
                                                 : heap.requests >= heap.at);
}

void *mem_alloc(size_t n)
{
  return heap_fails() ? NULL : malloc(n > 0 ? n : 1);
}

void *mem_zero(size_t n)
{
  return heap_fails() ? NULL : calloc(1, n > 0 ? n : 1);
}

void *mem_resize(void *p, size_t count, size_t size)
{
  NEED(size == 0 || count <= SIZE_MAX / size);
  size_t n = count * size;
  return heap_fails() ? NULL : realloc(p, n > 0 ? n : 1);
}

void mem_free(void *p)
{
  free(p);
}

#endif
