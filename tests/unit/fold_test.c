/* SPDX-License-Identifier: 0BSD */
#include "text/fold.h"

#include "base/utf8.h"
#include "unit.h"

/* Fold every code point of ${text}; '|' for a break, nothing for a drop. */
static const char *folded(const char *text)
{
  static uint8_t out[256];
  size_t n = 0, at = 0, len, left = strlen(text);
  const uint8_t *p = (const uint8_t *)text;
  for (; at < left; at += len) {
    uint32_t cps[FOLD_OUT_MAX];
    size_t count;
    enum fold_class c = fold(utf8_next(p + at, left - at, &len), cps, &count);
    NEED(n + 4 * FOLD_OUT_MAX < sizeof out);
    if (c == FOLD_BREAK) {
      out[n++] = '|';
    }
    for (size_t i = 0; i < count; i++) {
      n += utf8_put(out + n, cps[i]);
    }
  }
  out[n] = '\0';
  return (const char *)out;
}

/* Both spellings fold alike, and into ${want}. */
static void same(const char *a, const char *b, const char *want)
{
  EXPECT_TEXT(folded(a), want);
  EXPECT_TEXT(folded(b), want);
}

static void test_ascii(void)
{
  EXPECT_TEXT(folded("Hello, World 42!"), "hello||world|42|");
  EXPECT_TEXT(folded("a_b-c'd"), "a|b|c|d");
}

static void test_latin(void)
{
  same("Élève", "eleve", "eleve");
  same("straße", "STRASSE", "strasse");
  same("Şêx Ûsiv", "sex usiv", "sex|usiv"); /* Kurmanji */
  same("çîrok", "cirok", "cirok");
  same("ÀÉÎÕÜÝ çñşğżŷ", "AEIOUY cnsgzy", "aeiouy|cnsgzy");
  EXPECT_TEXT(folded("æøłđðþħŧŋœŉ×÷"), "æøłđðþħŧŋœʼn||"); /* no accents */
  same("İstanbul", "ıstanbul", "istanbul");
  same("ﬁne", "fine", "fine");
  same("Ａ１", "a1", "a1"); /* full width */
  same("re\xcc\x81sume", "rėsume", "resume");
  same("Ελλάς", "ελλασ", "ελλασ");
}

static void test_alef_yeh_heh_kaf(void)
{
  same("أحمد", "احمد", "احمد");
  same("إلى", "الي", "الي");
  same("آخر", "اخر", "اخر");
  same("ٱلله", "الله", "الله");
  same("مدرسة", "مدرسه", "مدرسه");
  same("علی", "علي", "علي");
  same("کتاب", "كتاب", "كتاب");
  same("مسؤول", "مسوول", "مسوول");
  same("مسائل", "مسايل", "مسايل");
  same("سماء", "سما", "سما");
}

static void test_marks(void)
{
  same("كِتَابٌ", "كتاب", "كتاب");
  same("ٱلرَّحْمَـٰنِ", "الرحمن", "الرحمن");
  same("كــتاب", "كتاب", "كتاب"); /* tatweel */
  same("\xe2\x80\x8f"
       "كتاب"
       "\xe2\x80\x8e",
       "كتاب", "كتاب");                     /* RLM, LRM */
  same("ك\xe2\x80\x8dتاب", "كتاب", "كتاب"); /* ZWJ */
  same("ا\xd9\x94حمد", "أحمد", "احمد");     /* hamza as a mark of its own */
}

static void test_kurdish(void)
{
  same("کوردستان", "كوردستان", "كوردستان");
  same("ە", "ه", "ه");
  same("ئێوە", "ئيوه", "ييوه");
  /* heh and ZWNJ for U+06D5, as older keyboards write it */
  same("کوردەکان", "کورده\xe2\x80\x8cکان", "كوردهكان");
  same("گەڵ ڕۆژ", "گەل رۆژ", "گهل|روژ");
  same("ڤیان", "فیان", "فيان");
  same("ڕۆژ", "ڒۆژ", "روژ");
  same("ھەڵۆ", "هەلو", "ههلو");
}

static void test_digits(void)
{
  same("٢٠٢٦", "2026", "2026");
  same("۲۰۲۶", "2026", "2026");
}

static void test_presentation_forms(void)
{
  same("\xef\xbb\xa3\xef\xbb\xbc", "ملا", "ملا"); /* meem, lam-alef */
  same("ﷲ", "الله", "الله");
  EXPECT_TEXT(folded("ﷺ"), "|"); /* a whole phrase in one character */
  EXPECT_TEXT(folded("ﷻ"), "|");
}

static void test_breaks(void)
{
  EXPECT_TEXT(folded("، ؛ ؟"), "|||||");
  EXPECT_TEXT(folded("٪"), "|");
  EXPECT_TEXT(folded("۝۞"), "||"); /* between verses */
  EXPECT_TEXT(folded("½"), "|");
  EXPECT_TEXT(folded("😀"), "|");
  EXPECT_TEXT(folded("\xc2\xa0"), "|"); /* no-break space */
  EXPECT_TEXT(folded("a\xc2\xad"
                     "b"),
              "ab"); /* soft hyphen */
}

/* The vowel signs of other scripts carry the word. */
static void test_other_scripts(void)
{
  EXPECT_TEXT(folded("हिन्दी"), "हिन्दी");
  EXPECT_TEXT(folded("Привет"), "привет");
  EXPECT_TEXT(folded("中文"), "中文");
}

/* Every code point: a class, a bounded answer, and folding again changes
 * nothing. */
static void test_all_code_points(void)
{
  size_t unstable = 0, loud = 0;
  for (uint32_t cp = 0; cp <= 0x110000; cp++) {
    uint32_t out[FOLD_OUT_MAX], again[FOLD_OUT_MAX];
    size_t n = 99, m;
    enum fold_class c = fold(cp, out, &n);
    loud += n > FOLD_OUT_MAX || (n > 0) != (c == FOLD_LETTER);
    for (size_t i = 0; i < n && n <= FOLD_OUT_MAX; i++) {
      bool same_again = fold(out[i], again, &m) == FOLD_LETTER && m == 1 &&
                        again[0] == out[i];
      if (!same_again && unstable++ < 8) {
        printf("  U+%04X gives U+%04X, which folds on\n", cp, out[i]);
      }
    }
  }
  EXPECT_INT(loud, 0);
  EXPECT_INT(unstable, 0);
}

/* What is drawn together with the letter before it, and its neighbours. */
static void test_is_mark(void)
{
  static const struct {
    uint32_t cp;
    bool is;
  } all[] = {
      {'a', false},    {0x2ff, false},   {0x300, true},    {0x301, true},
      {0x370, false},  {0x63f, false},   {0x640, true},    {0x641, false},
      {0x64b, true},   {0x200b, false},  {0x200c, true},   {0x200d, true},
      {0x200e, false}, {0x20dd, true},   {0x1f3fa, false}, {0x1f3fb, true},
      {0x1f3ff, true}, {0x1f400, false}, {0x10ffff, false}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    EXPECT_INT(fold_is_mark(all[i].cp), all[i].is);
  }
}

int main(void)
{
  RUN(test_ascii);
  RUN(test_latin);
  RUN(test_alef_yeh_heh_kaf);
  RUN(test_marks);
  RUN(test_kurdish);
  RUN(test_digits);
  RUN(test_presentation_forms);
  RUN(test_breaks);
  RUN(test_other_scripts);
  RUN(test_all_code_points);
  RUN(test_is_mark);
  return unit_done();
}
