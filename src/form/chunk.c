/* SPDX-License-Identifier: 0BSD */
#include "form/chunk.h"

#include "base/check.h"
#include "base/limits.h"
#include "form/chunk_tab.h"

/* FORMAT.md, "Cuts": mask k of b bits has the bits 63 - floor(i * 48 / b),
 * i = 0 .. b - 1. High bits, because a gear hash moves bytes upwards: bit 63
 * has seen the last 64 bytes, bit 18 the last 19. An average of 2^18 wants 18
 * bits; normalised chunking (level 2) asks for two more before the average
 * is reached and two fewer after it, so that lengths gather around it. */
#define MASK_BEFORE UINT64_C(0xa94a94a94a940000) /* 20 bits */
#define MASK_AFTER UINT64_C(0x9249249249240000)  /* 16 bits */

/* First place in ${at} .. ${end} - 1 after whose byte the hash has no bit of
 * ${mask}, plus one; 0 when there is none. ${hash} goes in and out. */
static size_t seek_cut(const uint8_t *p, size_t at, size_t end, uint64_t mask,
                       uint64_t *hash)
{
  uint64_t h = *hash;
  for (; at < end; at++) {
    h = (h << 1) + chunk_gear[p[at]];
    if ((h & mask) == 0) {
      return at + 1;
    }
  }
  *hash = h;
  return 0;
}

size_t chunk_cut(const uint8_t *p, size_t n)
{
  CHECK(n > 0);
  if (n <= CHUNK_MIN) {
    return n;
  }
  size_t end = n < CHUNK_MAX ? n : CHUNK_MAX;
  size_t middle = end < CHUNK_AVG ? end : CHUNK_AVG;
  uint64_t hash = 0; /* begins anew at the shortest chunk, as in the paper */
  size_t cut = seek_cut(p, CHUNK_MIN, middle, MASK_BEFORE, &hash);
  if (cut == 0) {
    cut = seek_cut(p, middle, end, MASK_AFTER, &hash);
  }
  return cut > 0 ? cut : end;
}
