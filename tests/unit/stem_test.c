/* SPDX-License-Identifier: 0BSD */
#include "text/stem.h"

#include "base/utf8.h"
#include "text/fold.h"
#include "text/stem_en.h"
#include "unit.h"

typedef struct stem stemmer(const uint32_t *letter, size_t n);

/* The stem of ${word}, which is folded first. */
static const char *stem(stemmer *f, const char *word)
{
  static uint8_t out[256];
  uint32_t letter[64] = {0}, folded[FOLD_OUT_MAX];
  size_t n = 0, at = 0, len, count;
  for (size_t left = strlen(word); at < left; at += len) {
    uint32_t cp = utf8_next((const uint8_t *)word + at, left - at, &len);
    NEED(n + FOLD_OUT_MAX < 64);
    if (fold(cp, folded, &count) == FOLD_LETTER) {
      memcpy(letter + n, folded, count * sizeof *folded);
      n += count;
    }
  }
  struct stem s = f(letter, n);
  NEED(s.from <= s.to && s.to <= n && (n == 0 || s.from < s.to));
  at = 0;
  for (size_t i = s.from; i < s.to; i++) {
    at += utf8_put(out + at, letter[i]);
  }
  out[at] = '\0';
  return (const char *)out;
}

static void all(stemmer *f, const char *const *word, const char *want)
{
  for (; *word != NULL; word++) {
    EXPECT_TEXT(stem(f, *word), want);
  }
}

static void test_arabic(void)
{
  static const char *const book[] = {"كتاب",   "الكتاب", "والكتاب", "بالكتاب",
                                     "للكتاب", "كتابها", "كتابه",   NULL};
  static const char *const teacher[] = {"معلم",      "المعلمون", "معلمين",
                                        "والمعلمات", "المعلمة",  NULL};
  all(stem_ar, book, "كتاب");
  all(stem_ar, teacher, "معلم");
  /* What would leave one letter stays; "and" needs three. */
  EXPECT_TEXT(stem(stem_ar, "الو"), "الو");
  EXPECT_TEXT(stem(stem_ar, "ولد"), "ولد");
  EXPECT_TEXT(stem(stem_ar, "وحسن"), "حسن");
  EXPECT_TEXT(stem(stem_ar, "بيت"), "بيت"); /* no lone preposition */
  EXPECT_TEXT(stem(stem_ar, "في"), "في");
}

static void test_sorani(void)
{
  static const char *const book[] = {
      "کتێب",        "کتێبەکە",    "کتێبێک",    "کتێبەکان", "کتێبەکانی",
      "کتێبەکانیان", "کتێبەکەی",   "کتێبێکی",   "کتێبی",    "کتێبان",
      "کتێبانە",     "کتێبەکەمان", "کتێبەکەدا", "بەکتێب",   NULL};
  static const char *const man[] = {"پیاو",   "پیاوەکە", "پیاوێک",
                                    "پیاوان", "پیاوە",   NULL};
  all(stem_ckb, book, "كتيب");
  all(stem_ckb, man, "پياو");
  /* Three letters stay; a joined preposition needs four. */
  EXPECT_TEXT(stem(stem_ckb, "دوو"), "دوو");
  EXPECT_TEXT(stem(stem_ckb, "بەش"), "بهش");
  EXPECT_TEXT(stem(stem_ckb, "لە"), "له");
}

static void test_kurmanji(void)
{
  static const char *const land[] = {"welat",    "welatê",  "welatî",
                                     "welatan",  "welatên", "welatek",
                                     "welatekî", NULL};
  static const char *const woman[] = {"jinik", "jinikê", "jinika", "jinikan",
                                      NULL};
  static const char *const big[] = {"mezin", "mezintir", "mezintirîn", NULL};
  all(stem_kmr, land, "welat");
  all(stem_kmr, woman, "jinik");
  EXPECT_TEXT(stem(stem_kmr, "av"), "av");
  EXPECT_TEXT(stem(stem_kmr, "dar"), "dar");
  const char *root = stem(stem_kmr, big[0]);
  char want[64];
  (void)snprintf(want, sizeof want, "%s", root);
  all(stem_kmr, big, want);
}

static const char *english(struct stem_en *s, const char *word)
{
  static uint8_t out[WORD_BYTES_MAX + 2];
  size_t n = stem_en(s, span_of(word, strlen(word)), out);
  NEED(n <= WORD_BYTES_MAX + 1);
  out[n] = '\0';
  return (const char *)out;
}

static void test_english(void)
{
  struct stem_en *s;
  NEED(stem_en_open(&s) == 0);
  EXPECT_TEXT(english(s, "running"), "run");
  EXPECT_TEXT(english(s, "happiness"), "happi");
  EXPECT_TEXT(english(s, "motions"), "motion");
  EXPECT_TEXT(english(s, "at"), "at");
  EXPECT_TEXT(english(s, "2026"), "2026");
  EXPECT_TEXT(english(s, "running"), "run"); /* from memory now */
  stem_en_close(s);
}

/* What is remembered is what the library said: many words that share slots,
 * of all lengths, asked twice in different order. */
static void test_english_memory(void)
{
  struct stem_en *kept, *fresh;
  static const char *const ending[] = {"",   "s",    "ing",    "ed",
                                       "ly", "ness", "ational"};
  NEED(stem_en_open(&kept) == 0);
  for (uint32_t round = 0; round < 2; round++) {
    for (uint32_t i = 0; i < 9000; i++) {
      char word[WORD_BYTES_MAX], again[WORD_BYTES_MAX + 2];
      uint32_t x = i * 2654435761u;
      (void)snprintf(word, sizeof word, "%c%c%s%.*s%s", 'a' + x % 26,
                     'a' + x / 26 % 26, "tion", (int)(x % 20),
                     "zebraquickfoxjumpsover", ending[x / 7 % 7]);
      (void)snprintf(again, sizeof again, "%s", english(kept, word));
      if (i % 100 == 0) {
        NEED(stem_en_open(&fresh) == 0);
        EXPECT_TEXT(english(fresh, word), again);
        stem_en_close(fresh);
      }
      EXPECT_TEXT(english(kept, word), again);
    }
  }
  stem_en_close(kept);
}

/* Any letters: a part of the word, never nothing; the work is bounded by the
 * word (and the endings), whatever it is made of. */
static void test_any_letters(void)
{
  static const uint32_t likely[] = {0x0627, 0x0644, 0x0648, 0x0647,  0x064a,
                                    0x0643, 0x0646, 0x062a, 0x0628,  'e',
                                    'n',    'a',    'k',    0x10ffff};
  uint32_t x = 7, letter[12];
  for (int round = 0; round < 20000; round++) {
    size_t n = 1 + (size_t)round % 12;
    for (size_t i = 0; i < n; i++) {
      x = x * 1664525u + 1013904223u;
      letter[i] = likely[(x >> 16) % 14];
    }
    stemmer *const each[] = {stem_ar, stem_ckb, stem_kmr};
    for (size_t k = 0; k < 3; k++) {
      struct stem s = each[k](letter, n);
      EXPECT(s.from < s.to && s.to <= n);
      EXPECT(s.to - s.from == n || s.to - s.from >= 2);
    }
  }
}

int main(void)
{
  RUN(test_arabic);
  RUN(test_sorani);
  RUN(test_kurmanji);
  RUN(test_english);
  RUN(test_english_memory);
  RUN(test_any_letters);
  return unit_done();
}
