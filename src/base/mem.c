/* SPDX-License-Identifier: 0BSD */
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>

void *mem_alloc(size_t n)
{
  return malloc(n > 0 ? n : 1);
}

void *mem_zero(size_t n)
{
  return calloc(1, n > 0 ? n : 1);
}

void *mem_resize(void *p, size_t count, size_t size)
{
  if (size != 0 && count > SIZE_MAX / size) {
    return NULL;
  }
  size_t n = count * size;
  return realloc(p, n > 0 ? n : 1);
}

void mem_free(void *p)
{
  free(p);
}
