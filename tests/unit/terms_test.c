/* SPDX-License-Identifier: 0BSD */
/* The search index against an exhaustive scorer that knows nothing of it: the
 * best of every query are the same, in the same order, however the documents
 * entered, left and were merged. */
#include "store/post.h"
#include "store/store.h"

#include "unit.h"

#include <math.h>
#include <unistd.h>

#define DOCS 6000
#define TERMS_MAX 40
#define VOCABULARY 3000

static struct err err;
static char dir[64], path[96];
static uint64_t seed = 7;

static uint64_t random64(void)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

/* A word by rank: few are frequent, many are rare. */
static int word_random(void)
{
  double u = (double)(random64() >> 11) / 9007199254740992.0;
  return (int)(exp(u * log(VOCABULARY)) - 1);
}

static struct made_doc {
  int word[TERMS_MAX], n;
  bool there;
  char facet;
} made[DOCS];

static size_t word_text(char out[16], int word)
{
  return (size_t)snprintf(out, 16, "w%d", word);
}

static struct span terms_of_doc(const struct made_doc *d, uint8_t *out)
{
  size_t n = 0;
  for (int i = 0; i < d->n; i++) {
    char text[16];
    size_t len = word_text(text, d->word[i]);
    out[n++] = (uint8_t)len;
    memcpy(out + n, text, len);
    n += len;
  }
  return span_of(out, n);
}

static void make_docs(void)
{
  for (int i = 0; i < DOCS; i++) {
    made[i].n = 1 + (int)(random64() % TERMS_MAX);
    for (int k = 0; k < made[i].n; k++) {
      made[i].word[k] = word_random();
    }
    made[i].facet = (char)('a' + i % 3);
    made[i].there = false;
  }
}

/* Documents ${from} .. ${to} come or go in one batch. Numbers run backwards
 * in pieces, so that segments do not ascend. */
static uint64_t ref_of(int doc)
{
  return (uint64_t)(doc / 500 * 500 + (499 - doc % 500) + 1);
}

static void batch(struct store *s, int from, int to, bool come)
{
  static struct store_doc d[1000];
  static uint8_t terms[1000][TERMS_MAX * 8], facets[1000][2];
  size_t n = 0;
  for (int i = from; i < to; i++) {
    if (made[i].there != come) {
      facets[n][0] = 1;
      facets[n][1] = (uint8_t)made[i].facet;
      d[n] = (struct store_doc){.ref = ref_of(i),
                                .time = i,
                                .length = (uint64_t)made[i].n,
                                .terms = terms_of_doc(&made[i], terms[n]),
                                .facets = span_of(facets[n], 2)};
      made[i].there = come;
      n++;
    }
  }
  struct store_batch b = {.docs = come ? d : NULL,
                          .docs_n = come ? n : 0,
                          .undocs = come ? NULL : d,
                          .undocs_n = come ? 0 : n};
  NEED(s->ops->append(s, &b, NULL, NULL, &err) == 0);
}

/* ---- the oracle ---- */

struct quest {
  struct {
    int word[4];
    double weight[4];
    int n;
    double w;
    unsigned how;
  } group[6];
  int groups;
  char facet; /* or 0 */
};

static int tf_of(const struct made_doc *d, int word)
{
  int tf = 0;
  for (int i = 0; i < d->n; i++) {
    tf += d->word[i] == word;
  }
  return tf;
}

static double part_of(const struct made_doc *d, int tf, double mean)
{
  double length = post_words(post_length((uint64_t)d->n));
  return tf * 2.2 / (tf + 1.2 * (1 - 0.75 + 0.75 * length / mean));
}

static int df_of(int word)
{
  int df = 0;
  for (int i = 0; i < DOCS; i++) {
    df += made[i].there && tf_of(&made[i], word) > 0;
  }
  return df;
}

static int order(const void *a, const void *b)
{
  const struct store_hit *x = a, *y = b;
  if (x->score < y->score || x->score > y->score) {
    return x->score > y->score ? -1 : 1;
  }
  return x->ref > y->ref ? -1 : 1;
}

/* The document's score, or -1 when it must not be given; ${marks}: a bit for
 * each group that it matches. */
static double score(const struct quest *q, const struct made_doc *d,
                    double idf[6][4], double mean, uint64_t *marks)
{
  double sum = 0;
  unsigned needs = 0, met = 0;
  bool any = false;
  for (int g = 0; g < q->groups; g++) {
    double best = 0;
    for (int m = 0; m < q->group[g].n; m++) {
      int tf = tf_of(d, q->group[g].word[m]);
      double w = q->group[g].w * q->group[g].weight[m] * idf[g][m] * 65536;
      double v = tf > 0 ? floor(w * part_of(d, tf, mean)) : 0;
      best = tf > 0 && best < 1 ? 1 : best;
      best = v > best ? v : best;
    }
    if (q->group[g].how == STORE_NOT) {
      if (best > 0) {
        return -1;
      }
      continue;
    }
    if (q->group[g].how >= STORE_NEED) {
      needs |= 1u << q->group[g].how;
      met |= best > 0 ? 1u << q->group[g].how : 0;
    }
    any = any || best > 0;
    *marks |= best > 0 ? UINT64_C(1) << g : 0;
    sum += best / 65536;
  }
  bool facet = q->facet == 0 || d->facet == q->facet;
  return any && needs == met && facet ? sum : -1;
}

static int exhaustive(const struct quest *q, struct store_hit *out)
{
  double idf[6][4], docs = 0, words = 0;
  int n = 0;
  for (int i = 0; i < DOCS; i++) {
    docs += made[i].there;
    words += made[i].there ? made[i].n : 0;
  }
  for (int g = 0; g < q->groups; g++) {
    int own = df_of(q->group[g].word[0]);
    for (int m = 0; m < q->group[g].n; m++) {
      int df = df_of(q->group[g].word[m]);
      df = df > own ? df : own;
      idf[g][m] = log(1 + (docs - df + 0.5) / (df + 0.5));
    }
  }
  for (int i = 0; i < DOCS; i++) {
    uint64_t marks = 0;
    double v =
        made[i].there ? score(q, &made[i], idf, words / docs, &marks) : -1;
    if (v >= 0) {
      out[n++] =
          (struct store_hit){.ref = ref_of(i), .score = v, .marks = marks};
    }
  }
  qsort(out, (size_t)n, sizeof *out, order);
  return n;
}

static struct quest quest_random(int i)
{
  struct quest q = {.groups = 1 + i % 6};
  for (int g = 0; g < q.groups; g++) {
    q.group[g].n = 1 + (int)(random64() % 4);
    q.group[g].w = g % 2 == 0 ? 1 : 0.3;
    for (int m = 0; m < q.group[g].n; m++) {
      q.group[g].word[m] = word_random();
      q.group[g].weight[m] = m == 0 ? 1 : 0.6;
    }
    q.group[g].how = i % 5 == 3 && g < 2    ? STORE_NEED + (unsigned)g
                     : i % 7 == 5 && g == 1 ? STORE_NOT
                                            : STORE_ANY;
  }
  q.facet = i % 4 == 1 ? 'b' : 0;
  return q;
}

static void check_quest(struct store *s, const struct quest *q)
{
  static struct store_hit want[DOCS], got[1000];
  struct store_group group[6];
  struct store_match match[6][4];
  char text[6][4][16];
  struct span facet = span_of(&q->facet, 1);
  struct store_filter filter = {&facet, 1, false};
  struct store_query sq = {.group = group,
                           .groups = (size_t)q->groups,
                           .filter = &filter,
                           .filters = q->facet != 0};
  for (int g = 0; g < q->groups; g++) {
    group[g] =
        (struct store_group){match[g], (size_t)q->group[g].n, q->group[g].w,
                             q->group[g].how, UINT64_C(1) << g};
    for (int m = 0; m < q->group[g].n; m++) {
      size_t n = word_text(text[g][m], q->group[g].word[m]);
      match[g][m] = (struct store_match){span_of(text[g][m], n),
                                         q->group[g].weight[m], m == 0};
    }
  }
  int n = exhaustive(q, want);
  static const int many[] = {1, 10, 60, 1000};
  for (size_t k = 0; k < 4; k++) {
    int most = n < many[k] ? n : many[k];
    EXPECT_INT(s->ops->query(s, &sq, got, (size_t)many[k], &err), most);
    for (int i = 0; i < most; i++) {
      if (got[i].ref != want[i].ref || got[i].score < want[i].score ||
          got[i].score > want[i].score) {
        EXPECT_INT(got[i].ref, want[i].ref);
        EXPECT_INT(got[i].score * 65536, want[i].score * 65536);
        break;
      }
      EXPECT_INT(got[i].marks, want[i].marks);
    }
  }
}

static void check_all(struct store *s)
{
  for (int i = 0; i < 70; i++) {
    struct quest q = quest_random(i);
    check_quest(s, &q);
  }
}

static struct store *open_new(void)
{
  struct store *s = NULL;
  struct store_options o = {.create = true};
  NEED(store_sqlite_open(&s, path, &o, &err) == 0);
  return s;
}

static void wipe(void)
{
  static const char *const end[] = {"", "-wal", "-shm", "-lock", "-files"};
  for (size_t i = 0; i < sizeof end / sizeof end[0]; i++) {
    char name[128];
    (void)snprintf(name, sizeof name, "%s%s", path, end[i]);
    (void)unlink(name);
  }
}

static void test_as_they_come(void)
{
  struct store *s = open_new();
  make_docs();
  for (int i = 0; i < DOCS; i += 200) {
    batch(s, i, i + 200, true);
    if (i == 1800) {
      check_all(s);
    }
  }
  check_all(s);
  batch(s, 900, 1700, false);
  batch(s, 5990, 6000, false);
  check_all(s);
  for (int i = 900; i < 1000; i++) {
    batch(s, i, i + 1, true); /* these wait */
  }
  check_all(s);
  while (s->ops->tidy(s, true, &err) > 0) {
    batch(s, 2000, 2001, made[2000].there == false); /* while it merges */
  }
  check_all(s);
  EXPECT_INT(s->ops->check(s, &err), 0);
  s->ops->close(s);
  wipe();
}

/* Opened and closed after each step, a merge goes on where it was. */
static void test_merge_is_interrupted(void)
{
  struct store *s = open_new();
  uint8_t before[32], after[32];
  int slices = 0, more = 1;
  make_docs();
  for (int i = 0; i < DOCS; i += 500) {
    batch(s, i, i + 500, true);
  }
  NEED(s->ops->derived_digest(s, before, &err) == 0);
  while (more > 0) {
    s->ops->close(s);
    s = open_new();
    more = s->ops->tidy(s, true, &err);
    NEED(s->ops->derived_digest(s, after, &err) == 0);
    EXPECT(memcmp(before, after, 32) == 0);
    slices++;
  }
  EXPECT_INT(more, 0);
  EXPECT(slices > 2);
  check_all(s);
  s->ops->close(s);
  wipe();
}

int main(void)
{
  (void)snprintf(dir, sizeof dir, "/tmp/terms_test.XXXXXX");
  NEED(mkdtemp(dir) != NULL);
  (void)snprintf(path, sizeof path, "%s/store", dir);
  RUN(test_as_they_come);
  RUN(test_merge_is_interrupted);
  (void)rmdir(dir);
  return unit_done();
}
