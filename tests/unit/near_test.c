/* SPDX-License-Identifier: 0BSD */
#include "text/near.h"

#include "base/utf8.h"
#include "unit.h"

static unsigned distance(const char *a, const char *b, unsigned limit)
{
  struct near_word x, y;
  near_word_of(&x, span_of(a, strlen(a)));
  near_word_of(&y, span_of(b, strlen(b)));
  unsigned d = near_distance(&x, &y, limit);
  EXPECT_INT(near_distance(&y, &x, limit), d);
  return d;
}

static void test_edits(void)
{
  EXPECT_INT(distance("", "", 8), 0);
  EXPECT_INT(distance("school", "school", 8), 0);
  EXPECT_INT(distance("school", "schol", 8), NEAR_EDIT);
  EXPECT_INT(distance("school", "scjhool", 8), NEAR_EDIT);
  EXPECT_INT(distance("school", "shcool", 8), NEAR_EDIT);
  EXPECT_INT(distance("school", "schqol", 8), NEAR_EDIT);
  EXPECT_INT(distance("school", "skhol", 8), 2 * NEAR_EDIT);
  EXPECT_INT(distance("كتاب", "كتب", 8), NEAR_EDIT);
  EXPECT_INT(distance("", "ab", 8), 2 * NEAR_EDIT);
}

static void test_dots_and_keys(void)
{
  EXPECT_INT(distance("كتاب", "كثاب", 8), 2);   /* teh, theh */
  EXPECT_INT(distance("جريده", "حريده", 8), 2); /* jeem, hah */
  EXPECT_INT(distance("جاز", "چار", 8), 4);     /* two of these */
  EXPECT_INT(distance("كتاب", "متاب", 8), 3);   /* kaf, meem touch */
  EXPECT_INT(distance("كتاب", "شتاب", 8), 4);
  EXPECT_INT(distance("school", "schopl", 8), 3);
  EXPECT_INT(distance("school", "schowl", 8), 4);
  EXPECT_INT(distance("گول", "كول", 8), 2);
}

static void test_limits(void)
{
  EXPECT_INT(distance("school", "schqol", NEAR_EDIT - 1), NEAR_EDIT);
  EXPECT_INT(distance("school", "schqol", NEAR_EDIT), NEAR_EDIT);
  EXPECT_INT(distance("school", "madrasa", 8), 9);
  EXPECT_INT(distance("a", "abcdefgh", 4), 5);
  struct near_word w;
  static const unsigned want[] = {0, 0, 0, 4, 4, 4, 4, 8, 8};
  for (size_t n = 0; n <= 8; n++) {
    near_word_of(&w, span_of("abcdefgh", n));
    EXPECT_INT(near_limit(&w), want[n]);
  }
}

/* Letters beyond NEAR_LETTERS_MAX are not looked at. */
static void test_long_words(void)
{
  char a[2 * NEAR_LETTERS_MAX + 1], b[2 * NEAR_LETTERS_MAX + 1];
  memset(a, 'a', sizeof a);
  memset(b, 'a', sizeof b);
  for (size_t n = NEAR_LETTERS_MAX - 1; n <= NEAR_LETTERS_MAX + 1; n++) {
    a[n] = b[n] = '\0';
    b[n - 1] = 'b';
    EXPECT_INT(distance(a, b, 8), n <= NEAR_LETTERS_MAX ? 4 : 0);
    uint64_t gram[NEAR_GRAMS_MAX];
    struct near_word w;
    near_word_of(&w, span_of(a, n));
    EXPECT_INT(w.n, n < NEAR_LETTERS_MAX ? n : NEAR_LETTERS_MAX);
    EXPECT(near_grams(&w, 2, gram) <= NEAR_GRAMS_MAX);
    a[n] = b[n] = b[n - 1] = 'a';
  }
}

static size_t grams(const char *word, unsigned k, uint64_t *out)
{
  struct near_word w;
  near_word_of(&w, span_of(word, strlen(word)));
  return near_grams(&w, k, out);
}

static void test_grams(void)
{
  uint64_t a[NEAR_GRAMS_MAX], b[NEAR_GRAMS_MAX];
  EXPECT_INT(grams("abc", 3, a), 3); /* 0ab abc bc0 */
  EXPECT_INT(a[0], (uint64_t)'a' << 21 | 'b');
  EXPECT_INT(a[1], (uint64_t)'a' << 42 | (uint64_t)'b' << 21 | 'c');
  EXPECT_INT(a[2], (uint64_t)'b' << 42 | (uint64_t)'c' << 21);
  EXPECT_INT(grams("abc", 2, a), 4);
  EXPECT_INT(grams("aaaa", 2, a), 3); /* each once */
  EXPECT_INT(grams("", 2, a), 0);
  EXPECT_INT(grams("", 3, a), 0);
  EXPECT_INT(grams("a", 3, a), 1);
  size_t na = grams("night", 3, a), nb = grams("nacht", 3, b);
  double d = near_dice(a, na, b, nb);
  EXPECT(d > 0.19 && d < 0.21); /* ht0 of 5 + 5 */
  EXPECT(near_dice(a, na, a, na) == 1.0);
  EXPECT(near_dice(a, 0, b, 0) == 0.0);
}

/* Against the plainest form of the same recursion. */
static unsigned slow(const char *a, size_t n, const char *b, size_t m)
{
  unsigned best = UINT32_MAX, d;
  if (n == 0 || m == 0) {
    return (unsigned)(n + m) * NEAR_EDIT;
  }
  char x[2] = {a[n - 1], '\0'}, y[2] = {b[m - 1], '\0'};
  d = slow(a, n - 1, b, m - 1) + distance(x, y, NEAR_EDIT);
  best = d < best ? d : best;
  d = slow(a, n - 1, b, m) + NEAR_EDIT;
  best = d < best ? d : best;
  d = slow(a, n, b, m - 1) + NEAR_EDIT;
  best = d < best ? d : best;
  if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1]) {
    d = slow(a, n - 2, b, m - 2) + NEAR_EDIT;
    best = d < best ? d : best;
  }
  return best;
}

static void test_against_plain(void)
{
  uint32_t x = 3;
  for (int round = 0; round < 400; round++) {
    char a[6] = "", b[6] = "";
    x = x * 1664525u + 1013904223u;
    size_t n = (x >> 20) % 6, m = (x >> 24) % 6;
    for (size_t i = 0; i < 5; i++) {
      x = x * 1664525u + 1013904223u;
      a[i] = i < n ? "abqz"[(x >> 20) % 4] : '\0';
      b[i] = i < m ? "abqz"[(x >> 24) % 4] : '\0';
    }
    unsigned want = slow(a, n, b, m);
    for (unsigned limit = 0; limit <= 20; limit += 5) {
      EXPECT_INT(distance(a, b, limit), want > limit ? limit + 1 : want);
    }
  }
}

int main(void)
{
  RUN(test_edits);
  RUN(test_dots_and_keys);
  RUN(test_limits);
  RUN(test_long_words);
  RUN(test_grams);
  RUN(test_against_plain);
  return unit_done();
}
