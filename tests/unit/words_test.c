/* SPDX-License-Identifier: 0BSD */
#include "text/words.h"

#include "base/utf8.h"
#include "text/fold.h"
#include "unit.h"

static void expect_tokens(const char *text, const char *want)
{
  struct buf b = {0};
  EXPECT_INT(words_tokens(&b, span_of(text, strlen(text))), 0);
  EXPECT_INT(buf_byte(&b, 0), 0);
  EXPECT_TEXT((const char *)b.p, want);
  buf_free(&b);
}

static void test_tokens(void)
{
  expect_tokens("", "");
  expect_tokens(" ,. ", "");
  expect_tokens("Newton's laws", "newton s laws ");
  expect_tokens("قوانينُ نيوتن، الثلاثة", "قوانين نيوتن الثلاثه ");
  expect_tokens("ء ـ ً", ""); /* nothing is left of these */
  expect_tokens("x", "x ");
}

/* A word's bytes in the text: with its marks, without what parts words. */
static void test_ranges(void)
{
  static const char text[] = "«كِتَابٌ» Élan.";
  struct words w = {span_of(text, strlen(text)), 0};
  struct word word;
  NEED(words_next(&w, &word));
  EXPECT_INT(word.start, 2);
  EXPECT_INT(word.end, 2 + 14);
  EXPECT(span_is(span_of(word.token, word.token_n), "كتاب"));
  NEED(words_next(&w, &word));
  EXPECT(span_is(span_of(text + word.start, word.end - word.start), "Élan"));
  EXPECT(span_is(span_of(word.token, word.token_n), "elan"));
  EXPECT(!words_next(&w, &word));
  EXPECT(!words_next(&w, &word));
}

/* What does not fit the token is left out; no letter is split, none that
 * follows slips in. */
static void test_token_limit(void)
{
  for (size_t n = WORD_BYTES_MAX - 1; n <= WORD_BYTES_MAX + 1; n++) {
    char text[2 * WORD_BYTES_MAX];
    struct word word;
    memset(text, 'A', n);
    struct words w = {span_of(text, n), 0};
    NEED(words_next(&w, &word));
    EXPECT_INT(word.token_n, n <= WORD_BYTES_MAX ? n : WORD_BYTES_MAX);
    EXPECT_INT(word.end, n);
    EXPECT(!words_next(&w, &word));
    memcpy(text + WORD_BYTES_MAX - 1, "ب", 2); /* over the edge */
    text[WORD_BYTES_MAX + 1] = 'z';
    struct words v = {span_of(text, WORD_BYTES_MAX + 2), 0};
    NEED(words_next(&v, &word));
    EXPECT_INT(word.token_n, WORD_BYTES_MAX - 1);
    EXPECT_INT(word.end, WORD_BYTES_MAX + 2);
  }
}

static void test_ill_formed(void)
{
  expect_tokens("ab\xff"
                "cd",
                "ab cd ");
  expect_tokens("\xd9", "");
  expect_tokens("ab\xed\xa0\x80"
                "cd",
                "ab cd "); /* a surrogate */
  expect_tokens("\xf4\x90\x80\x80z", "z ");
}

/* Any bytes, cut anywhere: ranges in order and inside, tokens well formed
 * and of folded letters only. */
static void test_any_bytes(void)
{
  uint32_t seed = 1;
  for (int round = 0; round < 3000; round++) {
    uint8_t text[64];
    for (size_t i = 0; i < sizeof text; i++) {
      seed = seed * 1664525u + 1013904223u;
      static const uint8_t likely[] = {0xd8, 0xd9, 0xa7, 0x84, 0xe2, 0x80,
                                       0x8c, 'a',  ' ',  0xcc, 0x81, 0xdb};
      uint32_t r = seed >> 16;
      text[i] = r % 4 == 0 ? (uint8_t)(r >> 2) : likely[(r >> 2) % 12];
    }
    size_t n = (size_t)(seed >> 8) % (sizeof text + 1);
    uint8_t *copy = malloc(n + 1); /* ASan sees the byte after it */
    NEED(copy != NULL);
    copy = realloc(copy, n > 0 ? n : 1);
    memcpy(copy, text, n);
    struct words w = {span_of(copy, n), 0};
    struct word word;
    size_t last = 0;
    while (words_next(&w, &word)) {
      EXPECT(word.start >= last && word.end > word.start && word.end <= n);
      EXPECT(word.token_n > 0 && utf8_valid(word.token, word.token_n));
      last = word.end;
    }
    free(copy);
  }
}

/* The tokens of tokens are the same tokens. */
static void test_stable(void)
{
  static const char text[] = "کوردستان Şêx Ûsiv مَدْرَسَةٌ ﷲ ٢٠٢٦ ½ "
                             "straße हिन्दी";
  struct buf a = {0}, b = {0};
  EXPECT_INT(words_tokens(&a, span_of(text, strlen(text))), 0);
  EXPECT_INT(words_tokens(&b, buf_span(&a)), 0);
  EXPECT(span_equal(buf_span(&a), buf_span(&b)));
  buf_free(&a);
  buf_free(&b);
}

int main(void)
{
  RUN(test_tokens);
  RUN(test_ranges);
  RUN(test_token_limit);
  RUN(test_ill_formed);
  RUN(test_any_bytes);
  RUN(test_stable);
  return unit_done();
}
