/* SPDX-License-Identifier: 0BSD */
/* What every fuzz target has: its entry, and what must hold. */
#ifndef FUZZ_DEMAND_H
#define FUZZ_DEMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define demand(truth) demand_at((truth), __FILE__, __LINE__)
static inline void demand_at(bool truth, const char *file, int line)
{
  if (!truth) {
    fprintf(stderr, "%s:%d: does not hold\n", file, line);
    abort();
  }
}

#endif
