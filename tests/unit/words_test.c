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
  /* Koranic and plain spelling of prayer, and of a word whose waw sounds */
  expect_tokens("ٱلصَّلَوٰةَ الصلاة", "الصلاه الصلاه ");
  expect_tokens("ٱلسَّمَـٰوَٰتِ", "السموت ");
}

/* A word's bytes in the text: with its marks, without what parts words. */
static void test_ranges(void)
{
  static const char text[] = "«كِتَابٌ» Élan.";
  struct words w = {.text = span_of(text, strlen(text))};
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
    struct words w = {.text = span_of(text, n)};
    NEED(words_next(&w, &word));
    EXPECT_INT(word.token_n, n <= WORD_BYTES_MAX ? n : WORD_BYTES_MAX);
    EXPECT_INT(word.end, n);
    EXPECT(!words_next(&w, &word));
    memcpy(text + WORD_BYTES_MAX - 1, "ب", 2); /* over the edge */
    text[WORD_BYTES_MAX + 1] = 'z';
    struct words v = {.text = span_of(text, WORD_BYTES_MAX + 2)};
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
  struct analyser *a;
  NEED(analyser_open(&a) == 0);
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
    struct words w = {.text = span_of(copy, n), .an = a, .query = round % 2};
    struct word word;
    size_t last = 0;
    while (words_next(&w, &word)) {
      EXPECT(word.start >= last && word.end > word.start && word.end <= n);
      EXPECT(word.token_n > 0 && utf8_valid(word.token, word.token_n));
      EXPECT(word.stem_n > 0 && utf8_valid(word.stem, word.stem_n));
      EXPECT(utf8_valid(word.other, word.other_n));
      last = word.end;
    }
    free(copy);
  }
  analyser_close(a);
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

/* ---- with an analyser ---- */

/* "token/stem/lang" of each word, with "|other" behind a stem where there is
 * one, and "*" behind a stop word; separated by spaces. */
static const char *analysed(const char *text, bool query)
{
  static char out[4096];
  struct analyser *a;
  NEED(analyser_open(&a) == 0);
  struct words w = {
      .text = span_of(text, strlen(text)), .an = a, .query = query};
  struct word word;
  size_t n = 0;
  out[0] = '\0';
  while (words_next(&w, &word)) {
    int len = snprintf(out + n, sizeof out - n, "%s%.*s/%.*s%s%.*s/%s%s",
                       n > 0 ? " " : "", (int)word.token_n, word.token,
                       (int)word.stem_n, word.stem, word.other_n > 0 ? "|" : "",
                       (int)word.other_n, word.other, lang_name(word.lang),
                       word_is_stop(&word) ? "*" : "");
    NEED(len > 0 && (n += (size_t)len) < sizeof out);
  }
  analyser_close(a);
  return out;
}

static void test_languages(void)
{
  EXPECT_TEXT(analysed("قوانين الحركة الثلاثة", false),
              "قوانين/قوان/ar الحركه/حرك/ar الثلاثه/ثلاث/ar");
  EXPECT_TEXT(analysed("کتێبەکان لە شار", false),
              "كتيبهكان/كتيب/ckb له/له/ckb* شار/شار/ckb");
  EXPECT_TEXT(analysed("the running horses", false),
              "the/the/en* running/run/en horses/hors/en");
  EXPECT_TEXT(analysed("li welatê şêx", false),
              "li/li/kmr* welate/welat/kmr sex/sex/kmr");
  EXPECT_TEXT(analysed("٢٠٢٦ Привет", false), "2026/2026/ привет/привет/");
}

/* A word with a letter of its own keeps its language among others. */
static void test_word_among_others(void)
{
  EXPECT_TEXT(analysed("ذكرت صحيفة ڕۆژنامەکان أخبار الظهيرة ثم أوضحت", false),
              "ذكرت/ذكرت/ar صحيفه/صحيف/ar روژنامهكان/روژنام/ckb "
              "اخبار/اخبار/ar الظهيره/ظهير/ar ثم/ثم/ar* اوضحت/اوضحت/ar");
  const char *got = analysed("the word welatê stands amid other words that are "
                             "English all along, for there are many of them",
                             false);
  EXPECT(strstr(got, "welate/welat/kmr stands/stand/en") != NULL);
}

/* A long line votes for itself, a short one as its text does. */
static void test_lines(void)
{
  static const char text[] =
      "کوردستان وڵاتێکی جوانە و خەڵکەکەی ئازایە و دڵی گەورەیە\n"
      "باران\n"
      "قال وزير الثقافة إن الأبحاث الأثرية الحديثة مستمرة في باران\n";
  const char *got = analysed(text, false);
  const char *first = strstr(got, "باران/");
  NEED(first != NULL);
  EXPECT(strncmp(first, "باران/بار/ckb", strlen("باران/بار/ckb")) == 0);
  const char *second = strstr(first + 1, "باران/");
  NEED(second != NULL);
  EXPECT_TEXT(second, "باران/بار/ar");
  EXPECT(strstr(got, "الثقافه/ثقاف/ar") != NULL);
}

/* Begun inside of a text, a word has the language it has from the start. */
static void test_begun_inside(void)
{
  static const char text[] = "کوردستان وڵاتێکی جوانە\nشاران و باران";
  struct analyser *a;
  NEED(analyser_open(&a) == 0);
  struct words all = {.text = span_of(text, sizeof text - 1), .an = a};
  struct word want, got;
  while (words_next(&all, &want)) {
    struct words part = {
        .text = span_of(text, sizeof text - 1), .at = want.start, .an = a};
    NEED(words_next(&part, &got));
    EXPECT_INT(got.lang, want.lang);
    EXPECT(span_equal(word_stem(&got), word_stem(&want)));
  }
  analyser_close(a);
}

/* A query whose letters don't tell gets both stems; one that does, one. */
static void test_query(void)
{
  EXPECT_TEXT(analysed("كتيبهكان", true), "كتيبهكان/كتيبهك|كتيب/ar");
  EXPECT_TEXT(analysed("كتيبهكان", false), "كتيبهكان/كتيبهك/ar");
  EXPECT_TEXT(analysed("کتێبەکان", true), "كتيبهكان/كتيب/ckb");
  EXPECT_TEXT(analysed("كتيبهكان ثم", true), "كتيبهكان/كتيبهك/ar ثم/ثم/ar*");
  EXPECT_TEXT(analysed("welate", true), "welate/welat/en");
  EXPECT_TEXT(analysed("2026", true), "2026/2026/");
}

static void test_terms(void)
{
  struct analyser *a;
  static const char text[] = "running run";
  NEED(analyser_open(&a) == 0);
  struct words w = {.text = span_of(text, sizeof text - 1), .an = a};
  struct word word;
  struct term t[2];
  NEED(words_next(&w, &word));
  EXPECT_INT(word_terms(&word, TERM_STEM, t), 2);
  EXPECT(span_is(term_span(&t[0]), "run"));
  EXPECT(span_is(term_span(&t[1]), "\x01running"));
  EXPECT_INT(word_terms(&word, TERM_TITLE_STEM, t), 2);
  EXPECT(span_is(term_span(&t[0]), "\x02run"));
  EXPECT(span_is(term_span(&t[1]), "\x03running"));
  NEED(words_next(&w, &word));
  EXPECT_INT(word_terms(&word, TERM_STEM, t), 1);
  EXPECT(span_is(term_span(&t[0]), "run"));
  analyser_close(a);
}

/* The longest words there are: nothing is written beyond their arrays. */
static void test_longest(void)
{
  struct analyser *a;
  char text[4 * WORD_BYTES_MAX];
  NEED(analyser_open(&a) == 0);
  for (size_t n = WORD_BYTES_MAX - 2; n <= WORD_BYTES_MAX + 2; n++) {
    struct word word;
    struct term t[2];
    memset(text, 'x', n);
    memcpy(text + n - 3, "ing", 3);
    struct words w = {.text = span_of(text, n), .an = a, .query = true};
    NEED(words_next(&w, &word));
    EXPECT(word.stem_n > 0 && word.stem_n <= WORD_BYTES_MAX + 1);
    EXPECT(word_terms(&word, TERM_STEM, t) >= 1 && t[0].n <= TERM_BYTES_MAX);
  }
  analyser_close(a);
}

int main(void)
{
  RUN(test_tokens);
  RUN(test_ranges);
  RUN(test_token_limit);
  RUN(test_ill_formed);
  RUN(test_any_bytes);
  RUN(test_stable);
  RUN(test_languages);
  RUN(test_word_among_others);
  RUN(test_lines);
  RUN(test_begun_inside);
  RUN(test_query);
  RUN(test_terms);
  RUN(test_longest);
  return unit_done();
}
