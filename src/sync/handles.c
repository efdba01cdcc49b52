/* SPDX-License-Identifier: 0BSD */
#include "sync/handles.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

void handles_sort(uint64_t *handle, size_t n)
{
  if (n > 1) {
    qsort(handle, n, sizeof *handle, compare);
  }
}

bool handles_have(const uint64_t *handle, size_t n, uint64_t one)
{
  return n > 0 && bsearch(&one, handle, n, sizeof one, compare) != NULL;
}
