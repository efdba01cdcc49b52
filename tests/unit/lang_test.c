/* SPDX-License-Identifier: 0BSD */
#include "text/lang.h"

#include "unit.h"

static struct lang_vote count(const char *text)
{
  struct lang_vote v = {0};
  lang_count(&v, span_of(text, strlen(text)));
  return v;
}

static const char *arabic(const char *text)
{
  struct lang_vote v = count(text);
  return lang_name(lang_of_arabic(&v));
}

static const char *latin(const char *text)
{
  struct lang_vote v = count(text);
  return lang_name(lang_of_latin(&v));
}

static void test_sorani(void)
{
  EXPECT_TEXT(arabic("بەشى دووەم: پێناسەى بازرگانى"), "ckb");
  EXPECT_TEXT(arabic("کوردستان وڵاتێکی جوانە"), "ckb");
  /* heh and ZWNJ, none of the newer letters */
  EXPECT_TEXT(arabic("به\xe2\x80\x8cناوی خوای به\xe2\x80\x8cخشنده"), "ckb");
  EXPECT_TEXT(arabic("ئازادى ئاسمان ئابورى"), "ckb");
}

static void test_arabic(void)
{
  EXPECT_TEXT(arabic("قوانين نيوتن للحركة ثلاثة قوانين"), "ar");
  EXPECT_TEXT(arabic("ٱلْحَمْدُ لِلَّهِ رَبِّ ٱلْعَـٰلَمِينَ"), "ar");
  /* a foreign name amid much Arabic; hamza on yeh inside of words */
  EXPECT_TEXT(arabic("زار وزير الخارجية الألماني باپل عاصمة العراق وصرّح أن "
                     "العلاقات ثابتة"),
              "ar");
  EXPECT_TEXT(arabic("مسائل سائل قائد رئيس"), "ar");
  EXPECT_TEXT(arabic(""), "ar");
  EXPECT_TEXT(arabic("\xd8 \xff\xfe"), "ar");
}

static void test_latin(void)
{
  EXPECT_TEXT(latin("Newton's laws of motion"), "en");
  EXPECT_TEXT(latin("Çîroka zarokan li gundê xwe"), "kmr");
  EXPECT_TEXT(latin("ŞÊX ÛSIV Û ÇEND ÇÎROK"), "kmr");
  EXPECT_TEXT(latin("Le fête de la forêt était très ensoleillée, déjà"), "en");
  EXPECT_TEXT(latin("Türkçe öğrenmek için şimdi güzel bir gün"), "en");
  EXPECT_TEXT(latin(""), "en");
}

/* A short query may hold no letter that tells. */
static void test_told(void)
{
  struct lang_vote v = count("كتاب");
  EXPECT(!lang_arabic_told(&v));
  v = count("كتاب صغير");
  EXPECT(lang_arabic_told(&v));
  v = count("کتێب");
  EXPECT(lang_arabic_told(&v));
  v = count("book");
  EXPECT(!lang_latin_told(&v));
  v = count("pirtûk");
  EXPECT(lang_latin_told(&v));
}

/* The threshold itself: 3 points in 100 letters are not enough, 4 are. */
static void test_threshold(void)
{
  struct lang_vote v = {.arabic = 100, .sorani = 3};
  EXPECT_INT(lang_of_arabic(&v), LANG_AR);
  v.sorani = 4;
  EXPECT_INT(lang_of_arabic(&v), LANG_CKB);
  v.against_sorani = 1;
  EXPECT_INT(lang_of_arabic(&v), LANG_AR);
  v.against_sorani = 5;
  EXPECT_INT(lang_of_arabic(&v), LANG_AR);
}

int main(void)
{
  RUN(test_sorani);
  RUN(test_arabic);
  RUN(test_latin);
  RUN(test_told);
  RUN(test_threshold);
  return unit_done();
}
