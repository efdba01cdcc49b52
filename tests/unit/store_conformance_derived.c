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

/* Documents ${from} .. ${to}: each has "all", its parity, its own number, and
 * every tenth "rare" in the title. In batches of ${batch}. */
static void docs_put(struct store *s, int from, int to, int batch, bool drop)
{
  static char title[100][40], body[100][80];
  static struct store_doc d[100];
  for (int i = from; i < to; i += batch) {
    int n = batch < to - i ? batch : to - i;
    NEED(n <= 100);
    for (int k = 0; k < n; k++) {
      (void)snprintf(title[k], sizeof title[k], "doc %s",
                     (i + k) % 10 == 0 ? "rare" : "\xd9\x83\xd8\xa8");
      (void)snprintf(body[k], sizeof body[k], "all %s n%d %s",
                     (i + k) % 2 ? "odd" : "even", i + k,
                     (i + k) % 50 == 3 ? "odd odd odd" : "filler");
      d[k] = (struct store_doc){
          (uint64_t)(i + k + 1),
          {text(title[k]), text(body[k]),
           (i + k) % 4 == 0 ? text("tlesson lar") : text("tbook")}};
    }
    struct store_batch b = {.docs = drop ? NULL : d,
                            .docs_n = drop ? 0 : (size_t)n,
                            .undocs = drop ? d : NULL,
                            .undocs_n = drop ? (size_t)n : 0};
    NEED(s->ops->append(s, &b, NULL, NULL, &err) == 0);
  }
}

struct ask {
  const char *word[4]; /* '-' in front: exclude; alternatives by '|' */
  const char *facet;
  bool must;
};

static int ask(struct store *s, const struct ask *a, size_t skip,
               struct store_hit *hits, size_t max)
{
  struct store_word w[4];
  struct span token[4][4], facet;
  struct store_query q = {.word = w, .must = a->must, .weight = {4, 1, 0}};
  for (; q.words < 4 && a->word[q.words] != NULL; q.words++) {
    const char *t = a->word[q.words];
    struct store_word *out = &w[q.words];
    out->exclude = *t == '-';
    t += out->exclude;
    out->token = token[q.words];
    out->count = 0;
    while (*t != '\0') {
      size_t n = strcspn(t, "|");
      token[q.words][out->count++] = span_of(t, n);
      t += n + (t[n] == '|');
    }
  }
  if (a->facet != NULL) {
    facet = text(a->facet);
    q.facet = &facet;
    q.facets = 1;
  }
  return s->ops->query(s, &q, skip, hits, max, &err);
}

/* The expected answers hold however the documents entered. */
static void queries(struct store *s)
{
  static struct store_hit h[1000];
  static const struct {
    struct ask ask;
    int hits;
  } want[] = {
      {{{"all"}, NULL, true}, 500},
      {{{"ALL"}, NULL, true}, 500},
      {{{"odd"}, NULL, true}, 250},
      {{{"odd", "rare"}, NULL, true}, 0},
      {{{"odd", "rare"}, NULL, false}, 300},
      {{{"odd|even", "rare"}, NULL, true}, 50},
      {{{"all", "-odd"}, NULL, true}, 250},
      {{{"all", "-odd", "-rare"}, NULL, true}, 200},
      {{{"n12*"}, NULL, true}, 11},
      {{{"n12"}, NULL, true}, 1},
      {{{"\xd9\x83*"}, NULL, true}, 450},
      {{{"\xd9\x83\xd8\xa8"}, "tbook", true}, 350},
      {{{"all"}, "tlesson", true}, 125},
      {{{"tlesson"}, NULL, true}, 0},
      {{{NULL}, "lar", true}, 125},
      {{{"nothing"}, NULL, true}, 0},
  };
  for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
    int n = ask(s, &want[i].ask, 0, h, 1000);
    EXPECT_INT(n, want[i].hits);
    for (int k = 1; k < n; k++) {
      EXPECT(h[k].score < h[k - 1].score ||
             (h[k].score <= h[k - 1].score && h[k].ref < h[k - 1].ref));
    }
  }
  /* The title weighs more, and what is said often counts for more. */
  struct ask rare = {{"rare", "odd"}, NULL, false};
  EXPECT(ask(s, &rare, 0, h, 50) == 50 && (h[49].ref - 1) % 10 == 0);
  struct ask odd = {{"odd"}, NULL, false};
  EXPECT(ask(s, &odd, 0, h, 10) == 10 && (h[9].ref - 1) % 50 == 3);
  struct store_hit page[7];
  EXPECT_INT(ask(s, &rare, 11, page, 7), 7);
  EXPECT(ask(s, &rare, 0, h, 50) == 50 && page[0].ref == h[11].ref &&
         page[6].ref == h[17].ref);
  struct ask lesson = {{NULL}, "lar", true};
  EXPECT(ask(s, &lesson, 0, h, 2) == 2 && h[0].ref == 497 && h[1].ref == 493);
}

static void test_search(void)
{
  struct store *s = fresh();
  docs_put(s, 0, 500, 100, false); /* in bulk */
  queries(s);
  s->ops->close(s);
  s = fresh();
  docs_put(s, 0, 500, 1, false); /* one by one */
  queries(s);
  s = again(s);
  queries(s);
  s->ops->close(s);
  s = fresh();
  docs_put(s, 200, 300, 3, false);
  docs_put(s, 0, 200, 100, false);
  docs_put(s, 300, 500, 7, false);
  queries(s);
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
  struct ask all = {{"all"}, NULL, true};
  EXPECT_INT(ask(s, &all, 0, h, 600), 600);
  docs_put(s, 580, 600, 1, true);
  docs_put(s, 500, 580, 20, true);
  docs_put(s, 500, 580, 20, true); /* not there any more: passed over */
  EXPECT_INT(ask(s, &all, 0, h, 600), 500);
  queries(s);
  NEED(s->ops->derived_digest(s, after, &err) == 0);
  EXPECT(memcmp(clean, after, 32) == 0);
  /* One document a block: the first stays. */
  struct store_doc twice = {3, {text("x"), text(""), text("")}};
  struct store_batch b = {.docs = &twice, .docs_n = 1};
  EXPECT_INT(s->ops->append(s, &b, NULL, NULL, &err), 0);
  docs_put(s, 490, 500, 1, false);
  NEED(s->ops->derived_digest(s, after, &err) == 0);
  EXPECT(memcmp(clean, after, 32) == 0);
  s->ops->close(s);
}

static void test_hostile_tokens(void)
{
  static const char *const bad[] = {"a\"b", "a b", "a*b",  "*",
                                    "",     "a:b", "(",    "a-b",
                                    "^a",   "a'b", "a\nb", "NOT("};
  struct store *s = fresh();
  struct store_hit h[2];
  docs_put(s, 0, 10, 10, false);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct span t = text(bad[i]);
    struct store_word w = {&t, 1, false};
    struct store_query q = {&w, 1, true, NULL, 0, {1, 1, 0}};
    EXPECT_INT(s->ops->query(s, &q, 0, h, 2, &err), ERR_INVALID);
    struct store_query f = {NULL, 0, true, &t, 1, {1, 1, 0}};
    EXPECT_INT(s->ops->query(s, &f, 0, h, 2, &err), ERR_INVALID);
  }
  static const char *const words[] = {"AND", "OR", "NOT", "NEAR", "title"};
  for (size_t i = 0; i < 5; i++) {
    struct ask a = {{words[i]}, NULL, true};
    EXPECT_INT(ask(s, &a, 0, h, 2), 0); /* words like any other */
  }
  struct ask none = {{"-all"}, NULL, true};
  EXPECT_INT(ask(s, &none, 0, h, 2), ERR_INVALID);
  s->ops->close(s);
}

static void test_query_limit(void)
{
  static struct store_word w[QUERY_WORDS_MAX + 1];
  struct store *s = fresh();
  struct span t = text("all");
  struct store_hit h[2];
  docs_put(s, 0, 10, 10, false);
  for (size_t n = 0; n < QUERY_WORDS_MAX + 1; n++) {
    w[n] = (struct store_word){&t, 1, false};
  }
  for (size_t n = QUERY_WORDS_MAX - 1; n <= QUERY_WORDS_MAX + 1; n++) {
    struct store_query q = {w, n, true, NULL, 0, {1, 1, 0}};
    EXPECT_INT(s->ops->query(s, &q, 0, h, 2, &err),
               n <= QUERY_WORDS_MAX ? 2 : ERR_LIMIT);
  }
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
  RUN(test_hostile_tokens);
  RUN(test_query_limit);
  RUN(test_reset_and_digest);
  *passed = unit_passed;
  return unit_failed;
}
