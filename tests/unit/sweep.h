/* SPDX-License-Identifier: 0BSD */
/* Every damage of one kind to a good input: cut at each length, each bit
 * turned over. Each input lies in memory of exactly its size, so that ASan
 * sees a step over its end. */
#ifndef SWEEP_H
#define SWEEP_H

#include "base/buf.h"

#include "unit.h"

/* A parser's verdict: 0 good, or a negative code. */
typedef int sweep_parser(struct span s);

static inline int sweep_one(struct span s, sweep_parser *parse)
{
  uint8_t *copy = malloc(s.n > 0 ? s.n : 1);
  NEED(copy != NULL);
  if (s.n > 0) {
    memcpy(copy, s.p, s.n);
  }
  int rc = parse(span_of(copy, s.n));
  NEED(rc <= 0);
  free(copy);
  return rc;
}

/* How many of the proper prefixes of ${good} are taken. */
static inline int sweep_cuts(struct span good, sweep_parser *parse)
{
  int taken = 0;
  for (size_t n = 0; n < good.n; n++) {
    taken += sweep_one(span_of(good.p, n), parse) == 0;
  }
  return taken;
}

/* How many of the inputs that differ from ${good} in one bit are taken. */
static inline int sweep_flips(struct span good, sweep_parser *parse)
{
  int taken = 0;
  struct buf b = {0};
  NEED(buf_put(&b, good.p, good.n) == 0);
  for (size_t i = 0; i < 8 * good.n; i++) {
    b.p[i / 8] ^= (uint8_t)(1u << i % 8);
    taken += sweep_one(buf_span(&b), parse) == 0;
    b.p[i / 8] ^= (uint8_t)(1u << i % 8);
  }
  buf_free(&b);
  return taken;
}

#endif
