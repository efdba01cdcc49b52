/* SPDX-License-Identifier: 0BSD */
/* Made-up sets of parcels, and the processor's clock, for the benches of
 * reconciling. */
#ifndef BENCH_SETS_H
#define BENCH_SETS_H

#include "sync/set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NEED(cond)                                                             \
  do {                                                                         \
    if (!(cond)) {                                                             \
      fprintf(stderr, "%s:%d: needed %s\n", __FILE__, __LINE__, #cond);        \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

typedef uint8_t digest[SET_DIGEST_SIZE];

static inline double seconds(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* SplitMix64: the same sets on every machine. */
static uint64_t state = 1;
static inline uint64_t next_random(void)
{
  uint64_t v = state += UINT64_C(0x9e3779b97f4a7c15);
  v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
  return v ^ v >> 31;
}

static inline void fill(digest *out, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    for (size_t k = 0; k < SET_DIGEST_SIZE; k += 8) {
      uint64_t v = next_random();
      memcpy(out[i] + k, &v, 8);
    }
  }
}

#endif
