/* SPDX-License-Identifier: 0BSD */
#include "form/chunk.h"

#include "base/limits.h"
#include "form/chunk_tab.h"
#include "form/hash.h"
#include "unit.h"

/* Bytes that are the same on every machine: xorshift64 from ${seed}. */
static void fill(uint8_t *p, size_t n, uint64_t seed)
{
  for (size_t i = 0; i < n; i++) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    p[i] = (uint8_t)(seed >> 32);
  }
}

static void test_table(void)
{
  for (int i = 0; i < 256; i++) {
    uint8_t message[15] = "mahatta/gear/1", digest[HASH_SIZE];
    message[14] = (uint8_t)i;
    NEED(hash_sha256(digest, message, sizeof message) == 0);
    uint64_t word = 0;
    for (int k = 7; k >= 0; k--) {
      word = word << 8 | digest[k];
    }
    EXPECT(chunk_gear[i] == word);
  }
}

/* FORMAT.md's rule, said in the plainest way. */
static size_t plain_cut(const uint8_t *p, size_t n)
{
  uint64_t before = 0, after = 0, h = 0;
  for (unsigned i = 0; i < 20; i++) {
    before |= UINT64_C(1) << (63 - i * 48 / 20);
  }
  for (unsigned i = 0; i < 16; i++) {
    after |= UINT64_C(1) << (63 - i * 48 / 16);
  }
  for (size_t i = 0; i < n && i < CHUNK_MAX; i++) {
    if (i < CHUNK_MIN) {
      continue;
    }
    h = h * 2 + chunk_gear[p[i]];
    if ((h & (i < CHUNK_AVG ? before : after)) == 0) {
      return i + 1;
    }
  }
  return n < CHUNK_MAX ? n : CHUNK_MAX;
}

#define SIZE ((size_t)16 << 20)

/* Cut all of it; returns how many chunks, their lengths in ${out}. */
static size_t cut_all(const uint8_t *p, size_t n, size_t *out)
{
  size_t count = 0;
  for (size_t at = 0; at < n; count++) {
    size_t left = n - at < CHUNK_MAX ? n - at : CHUNK_MAX;
    out[count] = chunk_cut(p + at, left);
    EXPECT(out[count] > 0 && out[count] <= left);
    EXPECT(out[count] >= CHUNK_MIN || out[count] == n - at);
    EXPECT_INT(out[count], plain_cut(p + at, left));
    at += out[count];
  }
  return count;
}

static void test_known_cuts(void)
{
  static const size_t known[] = {125636, 365234, 288556,
                                 331727, 267917, 307238};
  static size_t cuts[512];
  uint8_t *p = malloc(SIZE);
  NEED(p != NULL);
  fill(p, SIZE, 1);
  size_t n = cut_all(p, SIZE, cuts);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    EXPECT_INT(cuts[i], known[i]);
  }
  EXPECT_INT(n, 59);
  double mean = (double)SIZE / (double)n;
  EXPECT(mean > 0.8 * CHUNK_AVG && mean < 1.5 * CHUNK_AVG);
  free(p);
}

/* Each chunk as (offset in the later file's terms, length): which of the
 * second list stand, shifted, in the first? */
static size_t moved(const size_t *a, size_t na, const size_t *b, size_t nb,
                    size_t shift)
{
  size_t count = 0, at_b = 0;
  for (size_t i = 0; i < nb; i++) {
    size_t at_a = 0;
    bool found = false;
    for (size_t k = 0; k < na && !found; k++) {
      found = at_a + shift == at_b && a[k] == b[i];
      at_a += a[k];
    }
    count += found ? 0 : 1;
    at_b += b[i];
  }
  return count;
}

/* A byte put in near the start moves few chunks, whatever the content. */
static void test_insertion(void)
{
  static size_t a[512], b[512];
  uint8_t *p = malloc(SIZE + 1);
  NEED(p != NULL);
  for (uint64_t seed = 1; seed <= 8; seed++) {
    fill(p, SIZE, seed);
    size_t na = cut_all(p, SIZE, a);
    memmove(p + 101, p + 100, SIZE - 100);
    p[100] = 0x5a;
    size_t nb = cut_all(p, SIZE + 1, b);
    EXPECT(moved(a, na, b, nb, 1) <= 3);
  }
  free(p);
}

static void test_lengths(void)
{
  uint8_t *p = calloc(1, CHUNK_MAX + 1);
  NEED(p != NULL);
  /* nothing but zeros has no cut of its own, or the same one for ever */
  static const size_t ends[] = {
      1,         CHUNK_MIN - 1, CHUNK_MIN,     CHUNK_MIN + 1, CHUNK_AVG - 1,
      CHUNK_AVG, CHUNK_AVG + 1, CHUNK_MAX - 1, CHUNK_MAX,     CHUNK_MAX + 1};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    EXPECT_INT(chunk_cut(p, ends[i]), plain_cut(p, ends[i]));
    EXPECT(chunk_cut(p, ends[i]) <= CHUNK_MAX);
    if (ends[i] <= CHUNK_MIN) {
      EXPECT_INT(chunk_cut(p, ends[i]), ends[i]);
    }
  }
  free(p);
}

/* What lies after the cut does not matter to it. */
static void test_streaming(void)
{
  uint8_t *p = malloc(SIZE);
  NEED(p != NULL);
  fill(p, SIZE, 7);
  size_t cut = chunk_cut(p, CHUNK_MAX);
  EXPECT_INT(chunk_cut(p, SIZE), cut);
  EXPECT_INT(chunk_cut(p, cut), cut);
  EXPECT_INT(chunk_cut(p, cut + 1), cut);
  EXPECT_INT(chunk_cut(p, cut - 1), cut - 1);
  free(p);
}

int main(void)
{
  RUN(test_table);
  RUN(test_known_cuts);
  RUN(test_insertion);
  RUN(test_lengths);
  RUN(test_streaming);
  return unit_done();
}
