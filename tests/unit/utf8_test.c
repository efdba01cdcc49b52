/* SPDX-License-Identifier: 0BSD */
#include "base/utf8.h"
#include "unit.h"

/* Every code point goes out and comes back; surrogates don't. */
static void test_all_code_points(void)
{
  int faults = 0;
  for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
    uint8_t b[4];
    size_t len = 0, n = utf8_put(b, cp);
    uint32_t back = utf8_next(b, n, &len);
    bool surrogate = cp >= 0xd800 && cp <= 0xdfff;
    if (surrogate) {
      faults += back != UTF8_BAD || len != 1 || utf8_valid(b, n);
    } else {
      faults += back != cp || len != n || !utf8_valid(b, n);
      faults += n != (cp < 0x80      ? 1u
                      : cp < 0x800   ? 2u
                      : cp < 0x10000 ? 3u
                                     : 4u);
    }
  }
  EXPECT_INT(faults, 0);
}

/* All pairs of bytes: good exactly when they are two ASCII characters, or one
 * of two bytes in its shortest form. */
static void test_all_pairs(void)
{
  int faults = 0;
  for (int a = 0; a < 256; a++) {
    for (int z = 0; z < 256; z++) {
      uint8_t b[2] = {(uint8_t)a, (uint8_t)z};
      bool good = (a < 0x80 && z < 0x80) ||
                  (a >= 0xc2 && a <= 0xdf && z >= 0x80 && z <= 0xbf);
      faults += utf8_valid(b, 2) != good;
    }
  }
  EXPECT_INT(faults, 0);
}

static void test_ill_formed(void)
{
  static const char *const bad[] = {"\x80",
                                    "\xbf",
                                    "\xc0\x80",
                                    "\xc1\xbf",
                                    "\xe0\x80\x80",
                                    "\xe0\x9f\xbf",
                                    "\xed\xa0\x80",
                                    "\xed\xbf\xbf",
                                    "\xf0\x80\x80\x80",
                                    "\xf0\x8f\xbf\xbf",
                                    "\xf4\x90\x80\x80",
                                    "\xf5\x80\x80\x80",
                                    "\xff",
                                    "\xfe",
                                    "\xe2\x82",
                                    "\xf0\x9f\x98",
                                    "\xc3",
                                    "\xc3(",
                                    "\xe2(\xa1",
                                    "\xe2\x82("};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    const uint8_t *p = (const uint8_t *)bad[i];
    size_t len = 0;
    EXPECT(utf8_next(p, strlen(bad[i]), &len) == UTF8_BAD);
    EXPECT_INT(len, 1);
    EXPECT(!utf8_valid(p, strlen(bad[i])));
  }
}

/* A fault at each place of a long text is seen: the quick path takes eight
 * bytes at a time. */
static void test_valid_finds_each_place(void)
{
  for (size_t n = 0; n <= 40; n++) {
    uint8_t *b = malloc(n > 0 ? n : 1);
    NEED(b != NULL);
    memset(b, 'a', n > 0 ? n : 1);
    EXPECT(utf8_valid(b, n));
    for (size_t i = 0; i < n; i++) {
      b[i] = 0xe2;
      EXPECT(!utf8_valid(b, n));
      b[i] = 'a';
    }
    free(b);
  }
}

static void test_cut(void)
{
  static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  const uint8_t *p = (const uint8_t *)text;
  for (size_t max = 0; max <= 11; max++) {
    EXPECT_INT(utf8_cut(p, 10, max), want[max]);
    EXPECT(utf8_valid(p, utf8_cut(p, 10, max)));
  }
  EXPECT_INT(utf8_cut(p, 0, 0), 0);
}

int main(void)
{
  RUN(test_all_code_points);
  RUN(test_all_pairs);
  RUN(test_ill_formed);
  RUN(test_valid_finds_each_place);
  RUN(test_cut);
  return unit_done();
}
