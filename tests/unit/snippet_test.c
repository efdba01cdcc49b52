/* SPDX-License-Identifier: 0BSD */
#include "station/snippet.h"

#include "base/utf8.h"
#include "unit.h"

static struct analyser *an; /* NULL: words are tokens */

/* The snippet of ${text} for up to two (folded) words, or terms. */
static const char *cut(const char *text, const char *a, const char *b)
{
  static char out[65536];
  struct snippet_term term[2];
  struct snippet_query q = {.term = term,
                            .an = an,
                            .mark_open = span_of("[", 1),
                            .mark_close = span_of("]", 1)};
  struct buf got = {0};
  const char *const word[2] = {a, b};
  for (int i = 0; i < 2; i++) {
    if (word[i] != NULL) {
      term[q.terms] = (struct snippet_term){span_of(word[i], strlen(word[i])),
                                            (uint8_t)(2 * q.terms), false};
      q.terms++;
    }
  }
  NEED(snippet(&got, span_of(text, strlen(text)), &q) == 0);
  NEED(got.n < sizeof out && utf8_valid(got.p, got.n));
  if (got.n > 0) {
    memcpy(out, got.p, got.n);
  }
  out[got.n] = '\0';
  buf_free(&got);
  return out;
}

static void test_marks(void)
{
  EXPECT_TEXT(cut("", "a", NULL), "");
  EXPECT_TEXT(cut(" ,. ", "a", NULL), "");
  EXPECT_TEXT(cut("one two three", "two", NULL), "one [two] three");
  EXPECT_TEXT(cut("Two, two; TWO!", "two", NULL), "[Two], [two]; [TWO]");
  EXPECT_TEXT(cut("one two", NULL, NULL), "one two");
  EXPECT_TEXT(cut("one two", "three", NULL), "one two");
}

static void test_controls(void)
{
  EXPECT_TEXT(cut("a\x1b[31m b\n\n\tc \xc2\x85 d", "b", NULL),
              "a [31m [b] c d");
}

/* ${n} words "w0 w1 ...", with "hit" at place ${at} and "also" at ${also}. */
static const char *long_text(int n, int at, int also)
{
  static char text[16384];
  size_t used = 0;
  text[0] = '\0';
  for (int i = 0; i < n; i++) {
    char word[16];
    (void)snprintf(word, sizeof word, "w%d", i);
    int len =
        snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "",
                 i == at     ? "hit"
                 : i == also ? "also"
                             : word);
    NEED(len > 0 && (used += (size_t)len) < sizeof text);
  }
  return text;
}

static int words_in(const char *text)
{
  int n = 1;
  for (; *text != '\0'; text++) {
    n += *text == ' ';
  }
  return n;
}

static void test_window_size(void)
{
  for (int n = SNIPPET_WORDS - 1; n <= SNIPPET_WORDS + 1; n++) {
    const char *got = cut(long_text(n, 0, -1), "hit", NULL);
    EXPECT_INT(words_in(got), n < SNIPPET_WORDS ? n : SNIPPET_WORDS);
    bool whole = strstr(got, "\xe2\x80\xa6") == NULL;
    EXPECT_INT(whole, n <= SNIPPET_WORDS);
    EXPECT(strncmp(got, "[hit]", 5) == 0);
  }
}

/* The found word is in the window wherever it stands, and so are two that
 * fit one. */
static void test_window_place(void)
{
  for (int at = 0; at < 100; at++) {
    const char *got = cut(long_text(100, at, -1), "hit", NULL);
    EXPECT(strstr(got, "[hit]") != NULL);
    EXPECT_INT(words_in(got), SNIPPET_WORDS);
  }
  for (int gap = SNIPPET_WORDS - 2; gap <= SNIPPET_WORDS; gap++) {
    const char *got = cut(long_text(200, 50, 50 + gap), "hit", "also");
    EXPECT(strstr(got, "[hit]") != NULL);
    EXPECT_INT(strstr(got, "[also]") != NULL, gap < SNIPPET_WORDS);
  }
  /* Two different words are worth more than one word often. */
  static char text[16384];
  (void)snprintf(text, sizeof text, "hit hit hit hit hit hit %s",
                 long_text(100, 60, 62));
  const char *got = cut(text, "hit", "also");
  EXPECT(strstr(got, "[hit] w61 [also]") != NULL);
}

/* Any bytes are a text. */
static void test_any_bytes(void)
{
  char text[600];
  uint32_t x = 1;
  for (int round = 0; round < 2000; round++) {
    size_t n = (size_t)round % (sizeof text - 1);
    for (size_t i = 0; i < n; i++) {
      x = x * 1664525u + 1013904223u;
      text[i] = (char)((x >> 24) != 0 ? x >> 24 : 1);
      if (round % 2 == 0) {
        text[i] = "hit also \xd9\x86\xe2\x80"[(x >> 24) % 13];
      }
    }
    text[n] = '\0';
    (void)cut(text, "hit", "also");
  }
}

/* With an analyser terms are stems, and surfaces with their mark. */
static void test_stems(void)
{
  NEED(analyser_open(&an) == 0);
  EXPECT_TEXT(cut("Running horses run.", "run", NULL),
              "[Running] horses [run]");
  EXPECT_TEXT(cut("Running horses run.", "\x01running", NULL),
              "[Running] horses run");
  EXPECT_TEXT(cut("قرأ المُعَلِّمُون الكتابَ", "معلم", "كتاب"),
              "قرأ [المُعَلِّمُون] [الكتابَ]");
  EXPECT_TEXT(cut("کتێبەکانیان لە ماڵ بوو", "كتيب", NULL),
              "[کتێبەکانیان] لە ماڵ بوو");
  /* The window begins inside of the text; words keep their languages. */
  static char text[16384];
  (void)snprintf(text, sizeof text, "%s running %s", long_text(60, -1, -1),
                 long_text(60, -1, -1));
  EXPECT(strstr(cut(text, "run", NULL), "[running]") != NULL);
  analyser_close(an);
  an = NULL;
}

/* One rare word is worth more than two common ones. */
static void test_worth(void)
{
  static char text[16384], common[8192];
  uint32_t worth[QUERY_WORDS_MAX] = {1, 1, 5};
  struct snippet_term term[3] = {{span_of("hit", 3), 0, false},
                                 {span_of("also", 4), 1, false},
                                 {span_of("rare", 4), 2, false}};
  struct snippet_query q = {.term = term, .terms = 3, .worth = worth};
  struct buf got = {0};
  (void)snprintf(common, sizeof common, "%s", long_text(100, 3, 5));
  (void)snprintf(text, sizeof text, "%s rare %s", common,
                 long_text(100, -1, -1));
  NEED(snippet(&got, span_of(text, strlen(text)), &q) == 0);
  EXPECT(memmem(got.p, got.n, "rare", 4) != NULL);
  buf_clear(&got);
  worth[2] = 1;
  NEED(snippet(&got, span_of(text, strlen(text)), &q) == 0);
  EXPECT(memmem(got.p, got.n, "also", 4) != NULL);
  buf_free(&got);
}

/* A word itself goes before one like it, wherever they stand; where only the
 * other is, that one. */
static void test_other(void)
{
  struct snippet_term term[2] = {{span_of("hit", 3), 0, false},
                                 {span_of("also", 4), 0, true}};
  struct snippet_query q = {.term = term, .terms = 2};
  for (int at = 3; at <= 93; at += 90) {
    struct buf got = {0};
    const char *text = long_text(100, at, 96 - at);
    NEED(snippet(&got, span_of(text, strlen(text)), &q) == 0);
    EXPECT(memmem(got.p, got.n, "hit", 3) != NULL);
    buf_clear(&got);
    text = long_text(100, -1, at);
    NEED(snippet(&got, span_of(text, strlen(text)), &q) == 0);
    EXPECT(memmem(got.p, got.n, "also", 4) != NULL);
    buf_free(&got);
  }
}

/* More terms than there is room for: the first count, nothing breaks. */
static void test_many_terms(void)
{
  enum { MANY = SNIPPET_TERMS_MAX + 1 };
  static struct snippet_term term[MANY];
  static char name[MANY][8];
  for (size_t n = SNIPPET_TERMS_MAX - 1; n <= MANY; n++) {
    struct snippet_query q = {.term = term,
                              .terms = n,
                              .mark_open = span_of("[", 1),
                              .mark_close = span_of("]", 1)};
    struct buf got = {0};
    for (size_t i = 0; i < n; i++) {
      (void)snprintf(name[i], sizeof name[i], "t%zu", i);
      term[i] = (struct snippet_term){span_of(name[i], strlen(name[i])),
                                      (uint8_t)(i % QUERY_WORDS_MAX), false};
    }
    const char *last = name[n - 1];
    NEED(snippet(&got, span_of(last, strlen(last)), &q) == 0);
    EXPECT_INT(got.n > 0 && got.p[0] == '[', n <= SNIPPET_TERMS_MAX);
    buf_free(&got);
  }
}

/* A text that is one word: cut at SNIPPET_BYTES_MAX, never between a letter
 * and its marks. */
static void test_no_words(void)
{
  static const char *const unit[] = {"a", "بَ", "e\xcc\x81\xcc\x82", "हि",
                                     "ب\xe2\x80\x8c"};
  for (size_t k = 0; k < 5; k++) {
    size_t len = strlen(unit[k]);
    for (size_t n = SNIPPET_BYTES_MAX - 9; n <= SNIPPET_BYTES_MAX + 9; n++) {
      char text[2 * SNIPPET_BYTES_MAX];
      size_t used = 0;
      for (; used + len <= n; used += len) {
        memcpy(text + used, unit[k], len);
      }
      text[used] = '\0';
      const char *got = cut(text, "zz", NULL);
      size_t kept = strlen(got);
      if (used <= SNIPPET_BYTES_MAX) {
        EXPECT_TEXT(got, text);
      } else {
        EXPECT(kept > 3 && kept <= SNIPPET_BYTES_MAX + 3);
        EXPECT((kept - 3) % len == 0);
        EXPECT_TEXT(got + kept - 3, "\xe2\x80\xa6");
      }
    }
  }
}

/* Signs between two words: the found one stays in the window. */
static void test_wall_of_signs(void)
{
  static char text[8192];
  (void)snprintf(text, sizeof text, "one %0*d hit two", 3000, 0);
  memset(text + 4, '!', 3000);
  EXPECT_TEXT(cut(text, "hit", NULL), "\xe2\x80\xa6[hit] two");
}

int main(void)
{
  RUN(test_marks);
  RUN(test_controls);
  RUN(test_window_size);
  RUN(test_window_place);
  RUN(test_stems);
  RUN(test_worth);
  RUN(test_other);
  RUN(test_many_terms);
  RUN(test_no_words);
  RUN(test_wall_of_signs);
  RUN(test_any_bytes);
  return unit_done();
}
