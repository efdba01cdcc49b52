/* SPDX-License-Identifier: 0BSD */
/* Checked pairs of others (Apache Lucene's tests, AsoSoft's spelling errors):
 * what one of them folds or stems into, the other does too. Our Sorani stems
 * are shorter than Lucene's, so that for stems "the same" is: both forms of a
 * pair end in one stem. */
#include "text/near.h"
#include "text/words.h"

#include "dev_file.h"
#include "unit.h"

struct tally {
  size_t pairs, token, stem, repaired;
};

static bool repairs(const struct word *a, const struct word *b)
{
  struct near_word x, y;
  near_word_of(&x, word_token(a));
  near_word_of(&y, word_token(b));
  return near_distance(&x, &y, near_limit(&x)) <= near_limit(&x);
}

/* Compare the two columns of a file: how many agree. */
static struct tally compare(const char *name, enum lang lang)
{
  struct buf all = {0};
  struct tally t = {0};
  struct span column[2];
  struct word like = {.lang = lang};
  struct analyser *an;
  size_t at = 0, n;
  NEED(analyser_open(&an) == 0);
  if (!dev_load(&all, name)) {
    unit_skip(1, "no $SEARCH_DEV/pairs");
  }
  while ((n = dev_line(buf_span(&all), &at, column, 2)) > 0) {
    struct word a, b;
    bool has_a = word_like(an, column[0], &like, &a);
    bool has_b = n > 1 && word_like(an, column[1], &like, &b);
    if (!has_a && !has_b) {
      continue; /* marks alone, in both */
    }
    t.pairs++;
    if (!has_a || !has_b) {
      printf("  %s: one of two is no word\n", name);
      continue;
    }
    t.token += span_equal(word_token(&a), word_token(&b));
    t.stem += span_equal(word_stem(&a), word_stem(&b));
    t.repaired += repairs(&a, &b);
  }
  analyser_close(an);
  buf_free(&all);
  if (t.pairs > 0) {
    printf("  %s: %zu pairs, %zu fold alike, %zu stem alike, %zu are one slip "
           "apart\n",
           name, t.pairs, t.token, t.stem, t.repaired);
  }
  return t;
}

static void test_folding(void)
{
  struct tally ar = compare("pairs/lucene_ar_norm.tsv", LANG_AR);
  EXPECT_INT(ar.token, ar.pairs);
  struct tally ckb = compare("pairs/lucene_ckb_norm.tsv", LANG_CKB);
  EXPECT_INT(ckb.token, ckb.pairs);
}

static void test_stems(void)
{
  struct tally ar = compare("pairs/lucene_ar_stem.tsv", LANG_AR);
  EXPECT_INT(ar.stem, ar.pairs);
  struct tally ckb = compare("pairs/lucene_ckb_stem.tsv", LANG_CKB);
  EXPECT(ckb.stem + 1 >= ckb.pairs);
}

static void test_vocabulary(void)
{
  struct tally t = compare("pairs/lucene_ckb_vocab.tsv", LANG_CKB);
  EXPECT(t.stem * 100 >= t.pairs * 94);
}

/* Spelling errors of Sorani writers: most are letters that fold alike, nearly
 * all others are within the distance that is repaired. */
static void test_slips(void)
{
  struct tally t = compare("pairs/asosoft_typos_amani.tsv", LANG_CKB);
  EXPECT(t.token * 100 >= t.pairs * 55);
  EXPECT(t.repaired * 100 >= t.pairs * 95);
}

int main(void)
{
  RUN(test_folding);
  RUN(test_stems);
  RUN(test_vocabulary);
  RUN(test_slips);
  return unit_done();
}
