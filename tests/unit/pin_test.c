/* SPDX-License-Identifier: 0BSD */
#include "sync/pin.h"
#include "sync/gf64.h"

#include "sketch_shelf.h"
#include "unit.h"

/* ---- the field ---- */

/* By hand: shift and add. */
static uint64_t slow_mul(uint64_t a, uint64_t b)
{
  uint64_t r = 0;
  for (int i = 63; i >= 0; i--) {
    r = (r << 1) ^ (r >> 63 != 0 ? 0x1b : 0);
    r ^= (b >> i & 1) != 0 ? a : 0;
  }
  return r;
}

static void expect_products(uint64_t a, uint64_t b)
{
  uint64_t want = slow_mul(a, b);
  EXPECT(gf64_mul(a, b) == want);
  EXPECT(gf64_mul(b, a) == want);
  EXPECT(gf64_mul_plain(a, b) == want);
  EXPECT(gf64_mul_plain(b, a) == want);
}

static void test_products(void)
{
  uint64_t seed = 1;
  expect_products(0, 0);
  expect_products(1, UINT64_MAX);
  expect_products(UINT64_MAX, UINT64_MAX);
  EXPECT(gf64_mul(UINT64_C(1) << 63, 2) == 0x1b);
  for (int i = 0; i < 64; i++) {
    for (int k = 0; k < 64; k++) {
      expect_products(UINT64_C(1) << i, UINT64_C(1) << k);
    }
  }
  for (int i = 0; i < 2000; i++) {
    expect_products(shelf_random(&seed), shelf_random(&seed));
  }
}

static void test_squares_and_inverses(void)
{
  uint64_t seed = 2;
  EXPECT(gf64_inverse(0) == 0);
  EXPECT(gf64_inverse(1) == 1);
  for (int i = 0; i < 200; i++) {
    uint64_t a = shelf_random(&seed) >> i % 64;
    EXPECT(gf64_square(a) == slow_mul(a, a));
    EXPECT(a == 0 || slow_mul(a, gf64_inverse(a)) == 1);
  }
}

static void test_odd_powers(void)
{
  uint64_t seed = 3;
  for (size_t n = 0; n <= SKETCH_SYNDROMES; n++) {
    uint64_t fast[SKETCH_SYNDROMES + 1] = {0},
                                     plain[SKETCH_SYNDROMES + 1] = {0};
    uint64_t x = shelf_random(&seed), power = x;
    fast[n] = plain[n] = 77; /* what lies behind them stays */
    gf64_add_odd_powers(fast, n, x);
    gf64_add_odd_powers_plain(plain, n, x);
    for (size_t i = 0; i < n; i++) {
      EXPECT(fast[i] == power && plain[i] == power);
      power = slow_mul(power, slow_mul(x, x));
    }
    EXPECT(fast[n] == 77 && plain[n] == 77);
  }
}

/* ---- sets ---- */

static bool among(uint64_t v, const uint64_t *list, size_t n)
{
  size_t times = 0;
  for (size_t i = 0; i < n; i++) {
    times += list[i] == v ? 1 : 0;
  }
  return times == 1;
}

/* ${count} handles, ${n} sums. */
static void expect_set(const uint64_t *handles, size_t count, size_t n)
{
  uint64_t sums[SKETCH_SYNDROMES] = {0}, out[SKETCH_SYNDROMES];
  for (size_t i = 0; i < count; i++) {
    gf64_add_odd_powers(sums, n, handles[i]);
  }
  EXPECT_INT(pin_decode(out, sums, n), count);
  for (size_t i = 0; i < count; i++) {
    EXPECT(among(handles[i], out, count));
  }
}

static void test_all_sizes(void)
{
  uint64_t seed = 4, handles[SKETCH_SYNDROMES];
  for (size_t n = 0; n <= SKETCH_SYNDROMES; n++) {
    for (size_t count = 0; count <= n; count++) {
      for (size_t i = 0; i < count; i++) {
        handles[i] = shelf_random(&seed);
      }
      expect_set(handles, count, n);
    }
  }
}

/* Handles that lie together, as somebody could grind them. */
static void test_close_handles(void)
{
  uint64_t handles[SKETCH_SYNDROMES];
  for (uint64_t base = 1; base < UINT64_C(1) << 60; base <<= 3) {
    for (size_t i = 0; i < SKETCH_SYNDROMES; i++) {
      handles[i] = base + i;
    }
    expect_set(handles, SKETCH_SYNDROMES, SKETCH_SYNDROMES);
  }
  for (size_t i = 0; i < SKETCH_SYNDROMES; i++) {
    handles[i] = UINT64_C(1) << 4 * i;
  }
  expect_set(handles, SKETCH_SYNDROMES, SKETCH_SYNDROMES);
}

/* One more than there are sums: no answer, or one with these very sums. */
static void test_one_too_many(void)
{
  uint64_t seed = 5;
  for (size_t n = 1; n <= SKETCH_SYNDROMES; n++) {
    int wrong = 0;
    for (int t = 0; t < 20; t++) {
      uint64_t sums[SKETCH_SYNDROMES] = {0}, out[SKETCH_SYNDROMES];
      for (size_t i = 0; i <= n; i++) {
        gf64_add_odd_powers(sums, n, shelf_random(&seed));
      }
      int got = pin_decode(out, sums, n);
      for (int i = 0; i < got; i++) {
        gf64_add_odd_powers(sums, n, out[i]);
        EXPECT_INT(sums[0] == 0, i == got - 1);
      }
      wrong += got >= 0 ? 1 : 0;
    }
    /* one in n! polynomials has all its roots: always for n = 1 */
    EXPECT(n > 1 ? wrong < 20 : wrong == 20);
    EXPECT(n < 8 || wrong == 0);
  }
}

/* Any bytes at all: what comes out has these sums. */
static void test_forged(void)
{
  uint64_t seed = 6;
  for (int t = 0; t < 3000; t++) {
    uint64_t sums[SKETCH_SYNDROMES], out[SKETCH_SYNDROMES];
    size_t n = 1 + shelf_random(&seed) % SKETCH_SYNDROMES;
    for (size_t i = 0; i < n; i++) {
      sums[i] =
          shelf_random(&seed) % 3 == 0 ? 0 : shelf_random(&seed) >> t % 64;
    }
    int got = pin_decode(out, sums, n);
    EXPECT(got >= -1 && got <= (int)n);
    for (int i = 0; i < got; i++) {
      EXPECT(out[i] != 0);
      gf64_add_odd_powers(sums, n, out[i]);
    }
    for (size_t i = 0; i < n && got >= 0; i++) {
      EXPECT(sums[i] == 0);
    }
  }
}

int main(void)
{
  RUN(test_products);
  RUN(test_squares_and_inverses);
  RUN(test_odd_powers);
  RUN(test_all_sizes);
  RUN(test_close_handles);
  RUN(test_one_too_many);
  RUN(test_forged);
  return unit_done();
}
