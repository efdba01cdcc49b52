/* SPDX-License-Identifier: 0BSD */
/* The index does what text/recipe.h says: for questions of the collections
 * beside the repository ($SEARCH_DEV) its best ten are those of the exhaustive
 * scorer: before the second reading, after one of all that is to be read, and
 * after one that stops where the ten are known. All questions with ALL=1. */
#include "station/beside.h"

#include "dev_file.h"
#include "search_oracle.h"
#include "station/document.h"
#include "text/recipe.h"
#include "unit.h"

#include <math.h>
#include <unistd.h>

#define DEPTH 10
#define NEAR_ENOUGH 0.002 /* a score is whole 2^-16ths, and sums of some */

static struct err err;
static char dir[64], path[96];
static struct analyser *an;

struct texts {
  struct buf file;
  struct span *text; /* of each document, into file */
  size_t n;
};

static bool load(struct texts *t, const char *set)
{
  char command[4200];
  const char *root = getenv("SEARCH_DEV");
  struct span column[3];
  size_t at = 0, cap = 0, n = 1;
  (void)snprintf(command, sizeof command, "%s/%s/docs.tsv.gz",
                 root == NULL ? "" : root, set);
  if (access(command, R_OK) != 0) {
    return false;
  }
  (void)snprintf(command, sizeof command, "gzip -dc '%s/%s/docs.tsv.gz'", root,
                 set);
  FILE *f = popen(command, "r");
  NEED(f != NULL);
  while (n > 0) {
    NEED(buf_reserve(&t->file, 1 << 20) == 0);
    n = fread(t->file.p + t->file.n, 1, 1 << 20, f);
    t->file.n += n;
  }
  NEED(pclose(f) == 0);
  while (dev_line(buf_span(&t->file), &at, column, 3) == 3) {
    if (t->n == cap) {
      cap = cap == 0 ? 4096 : cap * 2;
      t->text = realloc(t->text, cap * sizeof *t->text);
      NEED(t->text != NULL);
    }
    t->text[t->n++] = column[2];
  }
  return true;
}

/* A document is a text alone; its number is 1 + its place. */
static void put(struct store *s, const struct texts *t)
{
  static struct store_doc d[500];
  for (size_t from = 0; from < t->n; from += 500) {
    size_t n = t->n - from < 500 ? t->n - from : 500;
    static struct buf terms[500];
    for (size_t i = 0; i < n; i++) {
      struct words it = {.text = t->text[from + i], .an = an};
      struct word w;
      d[i] = (struct store_doc){.ref = from + i + 1};
      while (words_next(&it, &w)) {
        struct term two[2];
        size_t k = word_terms(&w, TERM_STEM, two);
        for (size_t j = 0; j < k; j++) {
          NEED(buf_byte(&terms[i], (uint8_t)two[j].n) == 0);
          NEED(buf_put(&terms[i], two[j].b, two[j].n) == 0);
        }
        d[i].length++;
      }
      d[i].terms = buf_span(&terms[i]);
    }
    struct store_batch b = {.docs = d, .docs_n = n};
    NEED(s->ops->append(s, &b, NULL, NULL, &err) == 0);
    for (size_t i = 0; i < n; i++) {
      buf_free(&terms[i]);
    }
  }
  while (s->ops->tidy(s, true, &err) > 0) {
  }
}

static int order(const void *a, const void *b)
{
  const struct store_hit *x = a, *y = b;
  if (x->score < y->score || x->score > y->score) {
    return x->score > y->score ? -1 : 1;
  }
  return x->ref > y->ref ? -1 : 1;
}

enum reading { NONE, ALL, ENOUGH, READINGS };
static size_t texts_read[READINGS];

/* The second reading; hits that it leaves out come last. */
static void read_again(const struct texts *t, struct beside *b,
                       enum reading how, struct store_hit *hit, size_t n)
{
  if (how == ENOUGH) {
    beside_order(b, hit, n);
  }
  for (size_t i = 0; i < n; i++) {
    uint64_t marks = how == ENOUGH ? hit[i].marks : UINT64_MAX;
    double most = beside_most(b, marks);
    if (how == ENOUGH && i >= DEPTH) {
      qsort(hit, i, sizeof *hit, order);
      if (hit[i].score + most < hit[DEPTH - 1].score) {
        for (; i < n; i++) {
          hit[i].score = -1;
        }
        return;
      }
    }
    beside_start(b, marks);
    if (most > 0) {
      beside_read(b, an, t->text[hit[i].ref - 1]);
      texts_read[how]++;
    }
    hit[i].score += beside_given(b);
  }
}

/* As station/search.c does it, with nothing but texts. */
static int ask(struct store *s, const struct texts *t, struct span query,
               enum reading how, struct store_hit *hit)
{
  static struct plan_ask word[4 * QUERY_WORDS_MAX];
  struct words it = {.text = query, .an = an, .query = true};
  struct beside *beside = NULL;
  struct plan plan;
  size_t n = 0;
  while (n < 4 * QUERY_WORDS_MAX && words_next(&it, &word[n].word)) {
    word[n].exact = false;
    word[n++].how = STORE_ANY;
  }
  NEED(plan_words(&plan, s, an, word, n, &err) == 0);
  struct store_query q = {.group = plan.group, .groups = plan.groups};
  int found = 0;
  if (plan.groups > 0) {
    found = s->ops->query(s, &q, hit, RECIPE_HEAD, &err);
    NEED(found >= 0);
    NEED(beside_open(&beside, &plan) == 0);
  }
  if (how != NONE && found > 0) {
    read_again(t, beside, how, hit, (size_t)found);
  }
  qsort(hit, (size_t)found, sizeof *hit, order);
  beside_close(beside);
  plan_words_free(&plan);
  return found < DEPTH ? found : DEPTH;
}

/* The same documents in the same order, but for those whose scores can't be
 * told apart. */
static bool same(const struct store_hit *got, const struct oracle_hit *want,
                 int n)
{
  for (int i = 0; i < n; i++) {
    if (fabs(got[i].score - want[i].score) > NEAR_ENOUGH) {
      return false;
    }
    bool tie = (i > 0 && want[i - 1].score - want[i].score < NEAR_ENOUGH) ||
               (i + 1 < n && want[i].score - want[i + 1].score < NEAR_ENOUGH) ||
               i + 1 == DEPTH;
    if (got[i].ref != (uint64_t)want[i].doc + 1 && !tie) {
      return false;
    }
  }
  return true;
}

static void check_set(const char *set, const char *queries, size_t step)
{
  struct texts t = {.n = 0};
  struct store *s = NULL;
  struct store_options o = {.create = true, .memory = true};
  struct buf file = {0};
  struct span column[2];
  char name[64];
  size_t at = 0, asked = 0, wrong = 0;
  (void)snprintf(name, sizeof name, "%s/%s.tsv", set, queries);
  if (!load(&t, set) || !dev_load(&file, name)) {
    unit_skip(1, "no collections beside the repository");
    return;
  }
  NEED(store_sqlite_open(&s, path, &o, &err) == 0);
  put(s, &t);
  struct oracle *oracle = oracle_new();
  for (size_t i = 0; i < t.n; i++) {
    oracle_add(oracle, t.text[i]);
  }
  oracle_ready(oracle);
  for (size_t i = 0; dev_line(buf_span(&file), &at, column, 2) == 2; i++) {
    struct oracle_hit want[DEPTH];
    struct store_hit got[RECIPE_HEAD];
    if (i % step != 0) {
      continue;
    }
    for (enum reading how = NONE; how < READINGS; how++) {
      size_t n = oracle_search(oracle, column[1], how != NONE, want, DEPTH);
      int k = ask(s, &t, column[1], how, got);
      bool ok = k == (int)n && same(got, want, k);
      wrong += !ok;
      asked++;
      if (!ok && wrong < 4) {
        printf("  %s: %.*s\n", set, (int)column[1].n, column[1].p);
        for (int j = 0; j < k; j++) {
          printf("    %llu %.5f, expected %u %.5f\n",
                 (unsigned long long)got[j].ref, got[j].score, want[j].doc + 1,
                 want[j].score);
        }
      }
    }
  }
  EXPECT(asked > 0);
  EXPECT_INT(wrong, 0);
  oracle_del(oracle);
  s->ops->close(s);
  buf_free(&file);
  buf_free(&t.file);
  free(t.text);
}

static size_t step_of(size_t usual)
{
  return getenv("ALL") != NULL ? 1 : usual;
}

static void test_arabic(void)
{
  check_set("ar", "queries", step_of(40));
  check_set("ar", "queries.typoall", step_of(80));
}

static void test_sorani(void)
{
  check_set("ckbq", "queries-kw", step_of(60));
}

static void test_english(void)
{
  check_set("en", "queries", step_of(60));
  check_set("en", "queries.typoone", step_of(90));
}

static void test_vocalised(void)
{
  check_set("arq", "queries", step_of(40));
}

int main(void)
{
  (void)snprintf(dir, sizeof dir, "/tmp/plan_test.XXXXXX");
  NEED(mkdtemp(dir) != NULL && analyser_open(&an) == 0);
  (void)snprintf(path, sizeof path, "%s/store", dir);
  RUN(test_arabic);
  RUN(test_sorani);
  RUN(test_english);
  RUN(test_vocalised);
  EXPECT(texts_read[ALL] == 0 || texts_read[ENOUGH] < texts_read[ALL]);
  analyser_close(an);
  (void)rmdir(dir);
  return unit_done();
}
