/* SPDX-License-Identifier: 0BSD */
#include "station/snippet.h"

#include "base/utf8.h"
#include "unit.h"

/* The snippet of ${text} for up to three (folded) words. */
static const char *cut(const char *text, const char *a, const char *b)
{
  static char out[65536];
  struct span token[2];
  struct snippet_query q = {.token = token,
                            .mark_open = span_of("[", 1),
                            .mark_close = span_of("]", 1)};
  struct buf got = {0};
  const char *const word[2] = {a, b};
  for (int i = 0; i < 2; i++) {
    if (word[i] != NULL) {
      token[q.tokens++] = span_of(word[i], strlen(word[i]));
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

int main(void)
{
  RUN(test_marks);
  RUN(test_controls);
  RUN(test_window_size);
  RUN(test_window_place);
  RUN(test_any_bytes);
  return unit_done();
}
