/* SPDX-License-Identifier: 0BSD */
/* For the simulation: one seed decides all that is left to chance, also what
 * libsodium draws, so that keys, tokens and salts are the same again. */
#ifndef SIM_DICE_H
#define SIM_DICE_H

#include "base/buf.h"
#include "unit.h"

#include <sodium.h>

struct dice {
  uint64_t state;
};

/* splitmix64, of Vigna's "Further scramblings of Marsaglia's xorshift". */
static inline uint64_t dice_next(struct dice *d)
{
  uint64_t x = d->state += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

/* 0 .. n - 1 */
static inline size_t dice_below(struct dice *d, size_t n)
{
  return (size_t)(dice_next(d) % n);
}

static inline bool dice_hit(struct dice *d, unsigned percent)
{
  return dice_below(d, 100) < percent;
}

static inline void dice_fill(struct dice *d, void *out, size_t n)
{
  uint8_t *p = out;
  for (size_t i = 0; i < n; i++) {
    p[i] = (uint8_t)(dice_next(d) >> 24);
  }
}

/* ---- libsodium draws from here ---- */

static struct dice dice_sodium;

static const char *dice_name(void)
{
  return "dice";
}

static uint32_t dice_u32(void)
{
  return (uint32_t)(dice_next(&dice_sodium) >> 16);
}

static void dice_buf(void *const out, const size_t n)
{
  dice_fill(&dice_sodium, out, n);
}

static inline void dice_rule_sodium(uint64_t seed)
{
  static struct randombytes_implementation dice = {
      .implementation_name = dice_name, .random = dice_u32, .buf = dice_buf};
  dice_sodium.state = seed;
  NEED(randombytes_set_implementation(&dice) == 0);
}

#endif
