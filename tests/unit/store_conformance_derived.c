/* SPDX-License-Identifier: 0BSD */
/* What every engine derives: logs of collections, search, and dropping and
 * digesting all of it. */
#include "store_conformance.h"

#include "unit.h"

static store_opener *opener;
static struct err err;

static struct store *fresh(void)
{
  struct store *s = NULL;
  NEED(opener(&s, true) == 0);
  return s;
}

static struct store *again(struct store *s)
{
  s->ops->close(s);
  NEED(opener(&s, false) == 0);
  return s;
}

static struct span text(const char *t)
{
  return span_of(t, strlen(t));
}

/* ---- logs ---- */

static void append_to(struct store *s, const char *coll, uint64_t seed,
                      size_t n, uint64_t *ref)
{
  struct store_block b[8];
  uint64_t log[8];
  NEED(n <= 8);
  for (size_t i = 0; i < n; i++) {
    b[i] = block_make(seed + i, 50);
    log[i] = STORE_NEW(i);
  }
  struct store_batch batch = {.collection = text(coll),
                              .blocks = b,
                              .blocks_n = n,
                              .log = log,
                              .log_n = n};
  NEED(s->ops->append(s, &batch, ref, NULL, &err) == 0);
  for (size_t i = 0; i < n; i++) {
    block_free(&b[i]);
  }
}

static void test_logs(void)
{
  struct store *s = fresh();
  uint64_t a[24], b[8], got[64], count = 0;
  append_to(s, "x", 0, 8, a);
  append_to(s, "y", 100, 8, b);
  append_to(s, "x", 200, 8, a + 8);
  s = again(s);
  append_to(s, "x", 300, 8, a + 16);
  EXPECT_INT(s->ops->since(s, text("x"), 0, got, 64, &err), 24);
  EXPECT(memcmp(got, a, sizeof a) == 0);
  EXPECT_INT(s->ops->since(s, text("x"), a[9], got, 64, &err), 14);
  EXPECT(got[0] == a[10]);
  EXPECT_INT(s->ops->since(s, text("x"), a[9], got, 3, &err), 3);
  EXPECT_INT(s->ops->since(s, text("x"), a[23], got, 3, &err), 0);
  EXPECT_INT(s->ops->since(s, text("none"), 0, got, 3, &err), 0);
  EXPECT_INT(s->ops->count(s, text("x"), &count, &err), 0);
  EXPECT_INT((long long)count, 24);
  EXPECT_INT(s->ops->count(s, text("none"), &count, &err), 0);
  EXPECT_INT((long long)count, 0);
  /* An older block may enter a log late. */
  struct store_batch late = {.collection = text("x"), .log = b, .log_n = 2};
  NEED(s->ops->append(s, &late, NULL, NULL, &err) == 0);
  NEED(s->ops->append(s, &late, NULL, NULL, &err) == 0);
  EXPECT_INT(s->ops->since(s, text("x"), 0, got, 64, &err), 26);
  EXPECT(got[8] == b[0] && got[9] == b[1] && got[10] == a[8]);
  EXPECT_INT(s->ops->count(s, text("x"), &count, &err), 0);
  EXPECT_INT((long long)count, 26);
  s->ops->close(s);
}

static void test_collections(void)
{
  static const char *const name[] = {"b", "a", "ab", "\xd9\x83", "a/b", "B"};
  struct store *s = fresh();
  struct buf out = {0};
  for (size_t i = 0; i < 6; i++) {
    append_to(s, name[i], i * 10, 1, NULL);
  }
  EXPECT_INT(s->ops->collections(s, text(""), &out, 10, &err), 6);
  static const char all[] = "B\0a\0a/b\0ab\0b\0\xd9\x83";
  EXPECT(span_equal(buf_span(&out), span_of(all, sizeof all)));
  buf_clear(&out);
  EXPECT_INT(s->ops->collections(s, text("a"), &out, 2, &err), 2);
  EXPECT(span_equal(buf_span(&out), span_of("a/b\0ab", 7)));
  buf_clear(&out);
  EXPECT_INT(s->ops->collections(s, text("\xff"), &out, 2, &err), 0);
  buf_free(&out);
  s->ops->close(s);
}

static void test_ends(void)
{
  struct store *s = fresh();
  struct store_end ends[4];
  struct buf out = {0};
  uint64_t a[8], b[8];
  EXPECT_INT(s->ops->ends(s, text(""), &out, ends, 4, &err), 0);
  append_to(s, "a", 0, 3, a);
  append_to(s, "b", 10, 8, b);
  append_to(s, "a", 20, 2, a + 3);
  struct store_batch late = {.collection = text("a"), .log = b, .log_n = 2};
  NEED(s->ops->append(s, &late, NULL, NULL, &err) == 0);
  EXPECT_INT(s->ops->ends(s, text(""), &out, ends, 4, &err), 2);
  EXPECT(span_equal(buf_span(&out), span_of("a\0b", 4)));
  EXPECT(ends[0].last == a[4] && ends[0].count == 7);
  EXPECT(ends[1].last == b[7] && ends[1].count == 8);
  buf_clear(&out);
  EXPECT_INT(s->ops->ends(s, text("a"), &out, ends, 1, &err), 1);
  EXPECT(ends[0].count == 8);
  buf_free(&out);
  s->ops->close(s);
}

static void test_collection_name_limit(void)
{
  static uint8_t name[COLLECTION_NAME_MAX + 1];
  struct store *s = fresh();
  memset(name, 'n', sizeof name);
  for (size_t n = COLLECTION_NAME_MAX - 1; n <= sizeof name; n++) {
    struct store_block b = block_make(n, 10);
    uint64_t log = STORE_NEW(0);
    struct store_batch batch = {.collection = span_of(name, n),
                                .blocks = &b,
                                .blocks_n = 1,
                                .log = &log,
                                .log_n = 1};
    EXPECT_INT(s->ops->append(s, &batch, NULL, NULL, &err),
               n <= COLLECTION_NAME_MAX ? 0 : ERR_MISUSE);
    block_free(&b);
  }
  s->ops->close(s);
}

/* ---- search ---- */

struct span terms_list(uint8_t *out, const char *words)
{
  size_t n = 0;
  while (*words != '\0') {
    size_t len = strcspn(words, " ");
    out[n++] = (uint8_t)len;
    memcpy(out + n, words, len);
    n += len;
    words += len + (words[len] == ' ');
  }
  return span_of(out, n);
}

/* Documents ${from} .. ${to}: each has "all", its parity, its own number, and
 * every tenth "rare". In batches of ${batch}. */
static void docs_put(struct store *s, int from, int to, int batch, bool drop)
{
  static uint8_t terms[100][120], facets[100][40];
  static struct store_doc d[100];
  for (int i = from; i < to; i += batch) {
    int n = batch < to - i ? batch : to - i;
    NEED(n <= 100);
    for (int k = 0; k < n; k++) {
      char body[100];
      (void)snprintf(body, sizeof body, "all %s n%d %s %s",
                     (i + k) % 2 ? "odd" : "even", i + k,
                     (i + k) % 50 == 3 ? "odd odd odd" : "filler",
                     (i + k) % 10 == 0 ? "rare" : "\xd9\x83\xd8\xa8");
      d[k] = (struct store_doc){
          .ref = (uint64_t)(i + k + 1),
          .time = 1000 + i + k,
          .length = 5,
          .terms = terms_list(terms[k], body),
          .facets = terms_list(facets[k],
                               (i + k) % 4 == 0 ? "lar tlesson" : "tbook")};
    }
    struct store_batch b = {.docs = drop ? NULL : d,
                            .docs_n = drop ? 0 : (size_t)n,
                            .undocs = drop ? d : NULL,
                            .undocs_n = drop ? (size_t)n : 0};
    NEED(s->ops->append(s, &b, NULL, NULL, &err) == 0);
  }
}

struct ask {
  const char *word[4]; /* '-' in front: none of it, '+': one of it must be
                          there; alternatives by '|' */
  const char *facet;   /* '-' in front: without it */
  int64_t from, to;    /* times; 0: any */
};

/* A query that is asked; the store's structs point into it. */
struct asked {
  struct store_query q;
  struct store_group group[4];
  struct store_match match[4][4];
  struct store_filter filter;
  struct span facet;
};

static void ask_make(struct asked *out, const struct ask *a)
{
  memset(out, 0, sizeof *out);
  for (size_t i = 0; i < 4 && a->word[i] != NULL; i++) {
    const char *t = a->word[i];
    struct store_group *g = &out->group[i];
    g->how = *t == '-'   ? STORE_NOT
             : *t == '+' ? STORE_NEED + (unsigned)i
                         : STORE_ANY;
    g->match = out->match[i];
    g->weight = 1;
    t += g->how != STORE_ANY;
    while (*t != '\0') {
      size_t n = strcspn(t, "|");
      out->match[i][g->n++] = (struct store_match){span_of(t, n), 1, true};
      t += n + (t[n] == '|');
    }
    out->q.groups++;
  }
  out->q.group = out->group;
  if (a->facet != NULL) {
    out->filter.without = *a->facet == '-';
    out->facet = text(a->facet + out->filter.without);
    out->filter.facet = &out->facet;
    out->filter.n = 1;
    out->q.filter = &out->filter;
    out->q.filters = 1;
  }
  out->q.timed = a->to > 0;
  out->q.from = a->from;
  out->q.to = a->to;
}

static int ask(struct store *s, const struct ask *a, struct store_hit *hits,
               size_t max)
{
  struct asked q;
  ask_make(&q, a);
  return s->ops->query(s, &q.q, hits, max, &err);
}

static uint64_t total(struct store *s, const struct ask *a)
{
  struct asked q;
  static const int64_t bound[] = {INT64_MIN, 1001, 1002, 1250, 9999};
  uint64_t between[4] = {0}, sum = 0;
  struct store_tally t = {.bound = bound, .between = between, .bounds = 4};
  ask_make(&q, a);
  NEED(s->ops->tally(s, &q.q, &t, &err) == 0);
  for (size_t at = 0; at < t.sets.n;) {
    uint64_t docs = 0;
    uint32_t len = 0;
    for (int i = 7; i >= 0; i--) {
      docs = docs << 8 | t.sets.p[at + (size_t)i];
    }
    for (int i = 3; i >= 0; i--) {
      len = len << 8 | t.sets.p[at + 8 + (size_t)i];
    }
    at += 12 + len;
    sum += docs;
  }
  EXPECT_INT(sum, t.total); /* each document is of one set */
  for (size_t i = 0; i < 4; i++) {
    struct ask part = *a;
    part.from = a->to > 0 && a->from > bound[i] ? a->from : bound[i];
    part.to = a->to > 0 && a->to < bound[i + 1] ? a->to : bound[i + 1];
    static struct store_hit h[1000];
    EXPECT_INT(between[i], part.from < part.to ? ask(s, &part, h, 1000) : 0);
  }
  buf_free(&t.sets);
  return t.total;
}

/* The expected answers hold however the documents entered. */
static void queries(struct store *s)
{
  static struct store_hit h[1000];
  static const struct {
    struct ask ask;
    int hits;
  } want[] = {
      {{{"all"}, NULL, 0, 0}, 500},
      {{{"odd"}, NULL, 0, 0}, 250},
      {{{"+odd", "+rare"}, NULL, 0, 0}, 0},
      {{{"odd", "rare"}, NULL, 0, 0}, 300},
      {{{"+odd|even", "+rare"}, NULL, 0, 0}, 50},
      {{{"odd", "+rare"}, NULL, 0, 0}, 50},
      {{{"all", "-odd"}, NULL, 0, 0}, 250},
      {{{"all", "-odd", "-rare"}, NULL, 0, 0}, 200},
      {{{"n12"}, NULL, 0, 0}, 1},
      {{{"+\xd9\x83\xd8\xa8"}, "tbook", 0, 0}, 350},
      {{{"all"}, "tlesson", 0, 0}, 125},
      {{{"all"}, "-tlesson", 0, 0}, 375},
      {{{"tlesson"}, NULL, 0, 0}, 0},
      {{{NULL}, "lar", 0, 0}, 125},
      {{{"-even"}, "tbook", 0, 0}, 250},
      {{{"nothing"}, NULL, 0, 0}, 0},
      {{{"+nothing", "all"}, NULL, 0, 0}, 0},
      {{{"all"}, NULL, 1100, 1150}, 50},
      {{{NULL}, NULL, 1499, 1500}, 1},
      {{{"even"}, "lar", 1000, 1100}, 25},
  };
  for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
    int n = ask(s, &want[i].ask, h, 1000);
    EXPECT_INT(n, want[i].hits);
    EXPECT_INT(total(s, &want[i].ask), want[i].hits);
    for (int k = 1; k < n; k++) {
      EXPECT(h[k].score < h[k - 1].score ||
             (h[k].score <= h[k - 1].score && h[k].ref < h[k - 1].ref));
    }
    /* A part of the list is that part of it. */
    static struct store_hit part[1000];
    struct asked q;
    ask_make(&q, &want[i].ask);
    for (int k = 7; k < n; k += 61) {
      q.q.after = true;
      q.q.last = h[k - 1];
      int rest = n - k < 10 ? n - k : 10;
      EXPECT_INT(s->ops->query(s, &q.q, part, 10, &err), rest);
      EXPECT(memcmp(part, h + k, (size_t)rest * sizeof *part) == 0);
    }
  }
  /* What is rare, and what is said often, counts for more. */
  struct ask rare = {{"rare", "odd"}, NULL, 0, 0};
  EXPECT(ask(s, &rare, h, 50) == 50 && (h[49].ref - 1) % 10 == 0);
  struct ask odd = {{"odd"}, NULL, 0, 0};
  EXPECT(ask(s, &odd, h, 10) == 10 && (h[9].ref - 1) % 50 == 3);
  struct ask lesson = {{NULL}, "lar", 0, 0};
  EXPECT(ask(s, &lesson, h, 2) == 2 && h[0].ref == 497 && h[1].ref == 493);
}

/* Why: the parts are the score. */
static void explained(struct store *s)
{
  struct ask a = {{"rare", "odd", "n33"}, NULL, 0, 0};
  struct asked q;
  struct store_hit h[20];
  double parts[4];
  ask_make(&q, &a);
  NEED(s->ops->query(s, &q.q, h, 20, &err) == 20);
  for (int i = 0; i < 20; i++) {
    EXPECT_INT(s->ops->explain(s, &q.q, h[i].ref, parts, &err), 0);
    double sum = parts[0] + parts[1] + parts[2];
    EXPECT(sum <= h[i].score && sum >= h[i].score);
  }
  EXPECT_INT(s->ops->explain(s, &q.q, 9999, parts, &err), ERR_NOENT);
}

static void tidy(struct store *s)
{
  int rc, slices = 0;
  while ((rc = s->ops->tidy(s, true, &err)) > 0) {
    NEED(++slices < 1000);
  }
  EXPECT_INT(rc, 0);
}

static void test_search(void)
{
  struct store *s = fresh();
  docs_put(s, 0, 500, 100, false); /* in bulk */
  queries(s);
  explained(s);
  s->ops->close(s);
  s = fresh();
  docs_put(s, 0, 500, 1, false); /* one by one */
  queries(s);
  explained(s);
  s = again(s);
  queries(s);
  s->ops->close(s);
  s = fresh();
  docs_put(s, 200, 300, 3, false);
  docs_put(s, 0, 200, 100, false);
  docs_put(s, 300, 500, 7, false);
  queries(s);
  tidy(s);
  queries(s);
  explained(s);
  s->ops->close(s);
}

static void test_undocs(void)
{
  struct store *s = fresh();
  struct store_hit h[600];
  uint8_t clean[32], after[32];
  docs_put(s, 0, 500, 100, false);
  NEED(s->ops->derived_digest(s, clean, &err) == 0);
  docs_put(s, 500, 560, 10, false);
  docs_put(s, 560, 600, 1, false);
  struct ask all = {{"all"}, NULL, 0, 0};
  EXPECT_INT(ask(s, &all, h, 600), 600);
  docs_put(s, 580, 600, 1, true);
  docs_put(s, 500, 580, 20, true);
  docs_put(s, 500, 580, 20, true); /* not there any more: passed over */
  EXPECT_INT(ask(s, &all, h, 600), 500);
  queries(s);
  NEED(s->ops->derived_digest(s, after, &err) == 0);
  EXPECT(memcmp(clean, after, 32) == 0);
  /* One document a block: the first stays. */
  uint8_t x[2];
  struct store_doc twice = {.ref = 3, .length = 1, .terms = terms_list(x, "x")};
  struct store_batch b = {.docs = &twice, .docs_n = 1};
  EXPECT_INT(s->ops->append(s, &b, NULL, NULL, &err), 0);
  docs_put(s, 490, 500, 1, false);
  NEED(s->ops->derived_digest(s, after, &err) == 0);
  EXPECT(memcmp(clean, after, 32) == 0);
  /* Gone from segments and back, in other batches, tidied: the same. */
  docs_put(s, 100, 400, 30, true);
  EXPECT_INT(ask(s, &all, h, 600), 200);
  tidy(s);
  EXPECT_INT(ask(s, &all, h, 600), 200);
  docs_put(s, 100, 400, 90, false);
  NEED(s->ops->derived_digest(s, after, &err) == 0);
  EXPECT(memcmp(clean, after, 32) == 0);
  queries(s);
  tidy(s);
  NEED(s->ops->derived_digest(s, after, &err) == 0);
  EXPECT(memcmp(clean, after, 32) == 0);
  s->ops->close(s);
}

/* Facets and times change alone. */
static void test_retags(void)
{
  struct store *s = fresh();
  struct store_hit h[600];
  uint8_t facets[20];
  docs_put(s, 0, 300, 100, false);
  docs_put(s, 300, 310, 1, false);
  struct store_doc d[3] = {
      {.ref = 7, .time = 5, .facets = terms_list(facets, "lku tnew")},
      {.ref = 305, .time = 6, .facets = terms_list(facets, "lku tnew")},
      {.ref = 4000, .time = 7, .facets = terms_list(facets, "lku tnew")}};
  struct store_batch b = {.retags = d, .retags_n = 3};
  EXPECT_INT(s->ops->append(s, &b, NULL, NULL, &err), 0);
  struct ask fresh_type = {{NULL}, "tnew", 0, 0};
  EXPECT(ask(s, &fresh_type, h, 600) == 2 && h[0].ref == 305 && h[1].ref == 7);
  struct ask times = {{"all"}, NULL, 5, 7};
  EXPECT_INT(ask(s, &times, h, 600), 2);
  struct ask all = {{"all"}, NULL, 0, 0};
  EXPECT_INT(ask(s, &all, h, 600), 310);
  s->ops->close(s);
}

static void test_hostile_queries(void)
{
  struct store *s = fresh();
  struct store_hit h[2];
  uint8_t long_term[STORE_TERM_MAX + 1] = {1};
  docs_put(s, 0, 10, 10, false);
  for (size_t n = STORE_TERM_MAX - 1; n <= STORE_TERM_MAX + 1; n++) {
    struct store_match m = {span_of(long_term, n), 1, true};
    struct store_group g = {&m, 1, 1, STORE_ANY, 0};
    struct store_query q = {.group = &g, .groups = 1};
    EXPECT_INT(s->ops->query(s, &q, h, 2, &err),
               n <= STORE_TERM_MAX ? 0 : ERR_INVALID);
  }
  struct store_match m = {text("all"), -1, true};
  struct store_group g = {&m, 1, 1, STORE_ANY, 0};
  struct store_query q = {.group = &g, .groups = 1};
  EXPECT_INT(s->ops->query(s, &q, h, 2, &err), ERR_INVALID);
  m.weight = 1;
  g.how = STORE_NEED + QUERY_NEEDS_MAX - 1;
  EXPECT_INT(s->ops->query(s, &q, h, 2, &err), 2);
  g.how = STORE_NEED + QUERY_NEEDS_MAX;
  EXPECT_INT(s->ops->query(s, &q, h, 2, &err), ERR_INVALID);
  m.term = span_of("", 0);
  g.how = STORE_ANY;
  EXPECT_INT(s->ops->query(s, &q, h, 2, &err), ERR_INVALID);
  q.groups = 0;
  EXPECT_INT(s->ops->query(s, &q, h, 2, &err), ERR_INVALID);
  struct ask none = {{"-all"}, NULL, 0, 0};
  EXPECT_INT(ask(s, &none, h, 2), ERR_INVALID);
  s->ops->close(s);
}

static void test_hostile_docs(void)
{
  static const uint8_t bad[][4] = {{0}, {5, 'a'}, {3, 'a', 'b'}};
  static const uint8_t facets[] = {1, 'b', 1, 'a'};
  struct store *s = fresh();
  struct store_stats st;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct store_doc d = {.ref = 1, .terms = span_of(bad[i], 1 + i)};
    struct store_batch b = {.docs = &d, .docs_n = 1};
    EXPECT_INT(s->ops->append(s, &b, NULL, NULL, &err), ERR_INVALID);
  }
  struct store_doc d = {.ref = 1, .facets = span_of(facets, sizeof facets)};
  struct store_batch b = {.docs = &d, .docs_n = 1};
  EXPECT_INT(s->ops->append(s, &b, NULL, NULL, &err), ERR_INVALID);
  NEED(s->ops->stats(s, &st, &err) == 0);
  EXPECT_INT(st.documents, 0);
  s->ops->close(s);
}

static void test_query_limit(void)
{
  static struct store_group g[QUERY_GROUPS_MAX + 1];
  static struct store_match m[QUERY_TERMS_MAX + 1];
  struct store *s = fresh();
  struct store_hit h[2];
  docs_put(s, 0, 10, 10, false);
  for (size_t i = 0; i < QUERY_TERMS_MAX + 1; i++) {
    m[i] = (struct store_match){text("all"), 1, true};
  }
  for (size_t i = 0; i < QUERY_GROUPS_MAX + 1; i++) {
    g[i] = (struct store_group){m, 1, 1, STORE_ANY, 0};
  }
  for (size_t n = QUERY_GROUPS_MAX - 1; n <= QUERY_GROUPS_MAX + 1; n++) {
    struct store_query q = {.group = g, .groups = n};
    EXPECT_INT(s->ops->query(s, &q, h, 2, &err),
               n <= QUERY_GROUPS_MAX ? 2 : ERR_LIMIT);
  }
  for (size_t n = QUERY_TERMS_MAX - 1; n <= QUERY_TERMS_MAX + 1; n++) {
    g[0].n = n;
    struct store_query q = {.group = g, .groups = 1};
    EXPECT_INT(s->ops->query(s, &q, h, 2, &err),
               n <= QUERY_TERMS_MAX ? 2 : ERR_LIMIT);
  }
  s->ops->close(s);
}

/* ---- vocabulary ---- */

static void words_put(struct store *s, const char *const *word, int times)
{
  static uint64_t ref;
  uint8_t terms[64];
  for (; *word != NULL; word++) {
    for (int i = 0; i < times; i++) {
      struct store_doc d = {
          .ref = ++ref, .length = 1, .terms = terms_list(terms, *word)};
      struct store_batch b = {.docs = &d, .docs_n = 1};
      NEED(s->ops->append(s, &b, NULL, NULL, &err) == 0);
    }
  }
}

static void vocabulary(struct store *s)
{
  struct store_alike out[10];
  size_t n[2];
  struct store_like like[2] = {{text("newten"), 0.4},
                               {text("mesopotamia"), 0.5}};
  EXPECT_INT(s->ops->alike(s, like, 2, out, 5, n, &err), 0);
  EXPECT(n[0] == 4 && out[0].term[0] == STORE_WORD_MARK &&
         span_is(span_of(out[1].term, out[1].n), "newton") &&
         span_is(span_of(out[2].term, out[2].n), "newtons") &&
         span_is(span_of(out[3].term, out[3].n), "news"));
  EXPECT(n[1] == 1 && out[5].n == 12 && out[5].like > 0.8);
  like[0].least = 0;
  EXPECT_INT(s->ops->alike(s, like, 1, out, 2, n, &err), 0);
  EXPECT(n[0] == 2 && out[1].n == 6); /* the likest, no more */
  int k = s->ops->prefix(s, text("new"), out, 10, &err);
  EXPECT(k == 4 && span_is(span_of(out[0].term, out[0].n), "news"));
  EXPECT_INT(s->ops->prefix(s, text("zz"), out, 10, &err), 0);
  EXPECT_INT(s->ops->prefix(s, text(""), out, 10, &err), ERR_INVALID);
  struct span terms[3] = {text("news"), text("nowhere"), text("newton")};
  uint64_t docs[3], all;
  EXPECT_INT(s->ops->holding(s, terms, 3, docs, &all, &err), 0);
  EXPECT(all == 17 && docs[0] == 5 && docs[1] == 0 && docs[2] == 2);
}

static void test_vocabulary(void)
{
  static const char *const words[] = {
      "newton",     "newtons", "newspaper", "mesopotamian",
      "\001newton", "other",   NULL};
  static const char *const often[] = {"news", NULL};
  struct store *s = fresh();
  words_put(s, words, 2);
  words_put(s, often, 5);
  vocabulary(s);
  tidy(s);
  vocabulary(s);
  s->ops->close(s);
}

/* ---- upkeep ---- */

static void derive(struct store *s)
{
  static const char *const name[] = {"x", "y"};
  for (int i = 0; i < 10; i++) {
    struct store_row r = {1, text(name[i % 2]), i, (uint64_t)i + 1, false};
    uint64_t log = (uint64_t)i + 256;
    struct store_batch b = {.collection = text(name[i / 5]),
                            .log = &log,
                            .log_n = 1,
                            .add = &r,
                            .add_n = 1};
    NEED(s->ops->append(s, &b, NULL, NULL, &err) == 0);
  }
  docs_put(s, 0, 300, 100, false);
}

static void test_reset_and_digest(void)
{
  struct store *s = fresh();
  struct store_block b = block_make(1, 100);
  struct store_pair pair = {text("k"), text("v")};
  struct store_batch pairs = {.kv = &pair, .kv_n = 1};
  struct store_stats st;
  uint8_t empty[32], one[32], two[32], three[32];
  uint64_t got[2];
  struct buf out = {0};
  NEED(s->ops->put(s, &b, 1, false, NULL, NULL, &err) == 0);
  NEED(s->ops->append(s, &pairs, NULL, NULL, &err) == 0);
  NEED(s->ops->derived_digest(s, empty, &err) == 0);
  derive(s);
  NEED(s->ops->derived_digest(s, one, &err) == 0);
  EXPECT(memcmp(empty, one, 32) != 0);
  NEED(s->ops->derived_reset(s, &err) == 0);
  NEED(s->ops->derived_digest(s, two, &err) == 0);
  EXPECT(memcmp(empty, two, 32) == 0);
  EXPECT_INT(s->ops->since(s, text("x"), 0, got, 2, &err), 0);
  NEED(s->ops->stats(s, &st, &err) == 0);
  EXPECT(st.index_rows == 0 && st.documents == 0 && st.blocks == 1);
  derive(s);
  NEED(s->ops->derived_digest(s, two, &err) == 0);
  EXPECT(memcmp(one, two, 32) == 0);
  NEED(s->ops->derived_reset(s, &err) == 0);
  docs_put(s, 0, 300, 7, false); /* another way to the same documents */
  NEED(s->ops->derived_digest(s, two, &err) == 0);
  NEED(s->ops->derived_reset(s, &err) == 0);
  docs_put(s, 0, 300, 100, false);
  NEED(s->ops->derived_digest(s, three, &err) == 0);
  EXPECT(memcmp(two, three, 32) == 0 && memcmp(one, two, 32) != 0);
  NEED(s->ops->stats(s, &st, &err) == 0);
  EXPECT(st.documents == 300);
  EXPECT_INT(s->ops->get(s, &b.cid, &out, &err), 0);
  buf_free(&out);
  block_free(&b);
  s->ops->close(s);
}

int store_conformance_derived(store_opener *open, int *passed)
{
  opener = open;
  RUN(test_logs);
  RUN(test_collections);
  RUN(test_ends);
  RUN(test_collection_name_limit);
  RUN(test_search);
  RUN(test_undocs);
  RUN(test_retags);
  RUN(test_vocabulary);
  RUN(test_hostile_queries);
  RUN(test_hostile_docs);
  RUN(test_query_limit);
  RUN(test_reset_and_digest);
  *passed = unit_passed;
  return unit_failed;
}
