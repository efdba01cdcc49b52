/* SPDX-License-Identifier: 0BSD */
#include "sync/gf64.h"

#include "base/check.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_CLMUL 1
#include <wmmintrin.h>
#else
#define HAVE_CLMUL 0
#endif

/* A product of 127 bits, ${hi} and ${lo}, modulo the polynomial. */
static inline uint64_t reduce(uint64_t hi, uint64_t lo)
{
  /* What hi * (x^4 + x^3 + x) carries beyond bit 63 comes around once more. */
  hi ^= hi >> 63 ^ hi >> 61 ^ hi >> 60;
  return lo ^ hi ^ hi << 1 ^ hi << 3 ^ hi << 4;
}

/* ---- any machine ---- */

/* Multiples of one factor by all polynomials of four bits. */
struct multiples {
  uint64_t lo[16], hi[16];
};

static void multiples_of(struct multiples *m, uint64_t b)
{
  m->lo[0] = m->hi[0] = 0;
  m->lo[1] = b;
  m->hi[1] = 0;
  for (size_t i = 2; i < 16; i += 2) {
    m->hi[i] = m->hi[i / 2] << 1 | m->lo[i / 2] >> 63;
    m->lo[i] = m->lo[i / 2] << 1;
    m->hi[i + 1] = m->hi[i];
    m->lo[i + 1] = m->lo[i] ^ b;
  }
}

static uint64_t mul_by(const struct multiples *m, uint64_t a)
{
  uint64_t hi = 0, lo = 0;
  for (int shift = 60; shift >= 0; shift -= 4) {
    size_t four = (size_t)(a >> shift) & 15;
    hi = (hi << 4 | lo >> 60) ^ m->hi[four];
    lo = lo << 4 ^ m->lo[four];
  }
  return reduce(hi, lo);
}

uint64_t gf64_mul_plain(uint64_t a, uint64_t b)
{
  struct multiples m;
  multiples_of(&m, b);
  return mul_by(&m, a);
}

void gf64_add_odd_powers_plain(uint64_t *sums, size_t n, uint64_t x)
{
  struct multiples square;
  multiples_of(&square, gf64_mul_plain(x, x));
  for (size_t i = 0; i < n; i++) {
    sums[i] ^= x;
    x = mul_by(&square, x);
  }
}

/* ---- with carry-less multiplication ---- */

#if HAVE_CLMUL

#define WITH_CLMUL __attribute__((target("pclmul,sse2")))

static inline int has_clmul(void)
{
  return __builtin_cpu_supports("pclmul");
}

/* Factors and product in the lower halves; what is in the upper ones does not
 * matter. */
WITH_CLMUL static inline __m128i mul_fast(__m128i a, __m128i b)
{
  const __m128i low_terms = _mm_cvtsi64_si128(0x1b); /* x^4 + x^3 + x + 1 */
  __m128i p = _mm_clmulepi64_si128(a, b, 0x00);
  __m128i once = _mm_clmulepi64_si128(p, low_terms, 0x01);
  __m128i twice = _mm_clmulepi64_si128(once, low_terms, 0x01);
  return _mm_xor_si128(p, _mm_xor_si128(once, twice));
}

WITH_CLMUL static uint64_t clmul(uint64_t a, uint64_t b)
{
  return (uint64_t)_mm_cvtsi128_si64(mul_fast(_mm_cvtsi64_si128((long long)a),
                                              _mm_cvtsi64_si128((long long)b)));
}

/* Four chains that do not wait for one another. */
WITH_CLMUL static void add_powers(uint64_t *sums, size_t n, uint64_t x)
{
  __m128i x1 = _mm_cvtsi64_si128((long long)x);
  __m128i x2 = mul_fast(x1, x1), x4 = mul_fast(x2, x2), x8 = mul_fast(x4, x4);
  __m128i power[4] = {x1, mul_fast(x1, x2), mul_fast(x1, x4), x1};
  power[3] = mul_fast(power[1], x4);
  for (size_t i = 0; i < n; i += 4) {
    for (size_t k = 0; k < 4 && i + k < n; k++) {
      sums[i + k] ^= (uint64_t)_mm_cvtsi128_si64(power[k]);
      power[k] = mul_fast(power[k], x8);
    }
  }
}

#endif

/* ---- both ---- */

uint64_t gf64_mul(uint64_t a, uint64_t b)
{
#if HAVE_CLMUL
  if (has_clmul()) {
    return clmul(a, b);
  }
#endif
  return gf64_mul_plain(a, b);
}

void gf64_add_odd_powers(uint64_t *sums, size_t n, uint64_t x)
{
#if HAVE_CLMUL
  if (has_clmul()) {
    add_powers(sums, n, x);
    return;
  }
#endif
  gf64_add_odd_powers_plain(sums, n, x);
}

/* The lower 32 bits of ${v}, a zero after each. */
static uint64_t spread(uint64_t v)
{
  v &= UINT64_C(0xffffffff);
  v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
  v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
  v = (v | v << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
  v = (v | v << 2) & UINT64_C(0x3333333333333333);
  return (v | v << 1) & UINT64_C(0x5555555555555555);
}

uint64_t gf64_square(uint64_t a)
{
  return reduce(spread(a >> 32), spread(a));
}

uint64_t gf64_inverse(uint64_t a)
{
  /* Fermat: a^(2^64 - 2), whose bits are 63 ones and a zero. */
  uint64_t r = a;
  for (int i = 0; i < 62; i++) {
    r = gf64_mul(gf64_square(r), a);
  }
  r = gf64_square(r);
  CHECK(a == 0 || gf64_mul(r, a) == 1);
  return r;
}
