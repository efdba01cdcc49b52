/* SPDX-License-Identifier: 0BSD */
/* Written against the table of operations alone. */
#include "store_conformance.h"

#include "base/mem.h"
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

struct store_block block_make(uint64_t seed, size_t n)
{
  struct store_block b;
  uint8_t *p = mem_alloc(n);
  NEED(p != NULL);
  uint64_t v = seed * 0x9e3779b97f4a7c15u + 1;
  for (size_t i = 0; i < n; i++) {
    v = v * 6364136223846793005u + 1442695040888963407u;
    /* The first half repeats: something to compress. */
    p[i] = i < n / 2 ? (uint8_t)('a' + (seed + i) % 7) : (uint8_t)(v >> 56);
  }
  NEED(cid_of(&b.cid, seed % 3 == 0 ? CID_RAW : CID_DAG_CBOR, p, n) == 0);
  b.bytes = span_of(p, n);
  return b;
}

void block_free(struct store_block *b)
{
  union {
    const uint8_t *in;
    void *out;
  } p = {b->bytes.p};
  mem_free(p.out);
  b->bytes.p = NULL;
}

static bool holds(struct store *s, const struct store_block *b)
{
  struct buf out = {0};
  bool same = s->ops->get(s, &b->cid, &out, &err) == 0 &&
              span_equal(buf_span(&out), b->bytes);
  buf_free(&out);
  return same;
}

static bool ref_holds(struct store *s, uint64_t ref,
                      const struct store_block *b)
{
  struct buf out = {0};
  struct cid c;
  bool same = s->ops->get_ref(s, ref, &c, &out, &err) == 0 &&
              cid_equal(&c, &b->cid) && span_equal(buf_span(&out), b->bytes);
  buf_free(&out);
  return same;
}

/* ---- blocks ---- */

static void put_and_get(bool file)
{
  enum { N = 300 };
  static struct store_block b[N];
  static uint64_t ref[N], ref2[N];
  static bool is_new[N];
  struct store *s = fresh();
  for (size_t i = 0; i < N; i++) {
    b[i] = block_make(i, i * i * 3 % 40000);
  }
  NEED(s->ops->put(s, b, N, file, ref, is_new, &err) == 0);
  for (int i = 1; i < N; i++) {
    EXPECT(is_new[i] || i % 100 == 0); /* 0, 100 and 200 may be empty */
    EXPECT(ref_holds(s, ref[i], &b[i]));
  }
  EXPECT_INT(s->ops->put(s, b, N, file, ref2, is_new, &err), 0);
  s = again(s);
  for (int i = 0; i < N; i++) {
    EXPECT(!is_new[i] && ref2[i] == ref[i] && ref[i] != 0);
    EXPECT(holds(s, &b[i]));
    block_free(&b[i]);
  }
  s->ops->close(s);
}

static void test_put_and_get_blocks(void)
{
  put_and_get(false);
}

static void test_put_and_get_file_blocks(void)
{
  put_and_get(true);
}

static void test_same_block_twice_in_a_batch(void)
{
  struct store *s = fresh();
  for (int file = 0; file < 2; file++) {
    struct store_block one = block_make((uint64_t)file + 7, 60000);
    struct store_block b[3] = {one, one, one};
    uint64_t ref[3];
    bool is_new[3];
    NEED(s->ops->put(s, b, 3, file != 0, ref, is_new, &err) == 0);
    EXPECT(is_new[0] && !is_new[1] && !is_new[2]);
    EXPECT(ref[0] == ref[1] && ref[1] == ref[2]);
    block_free(&one);
  }
  s->ops->close(s);
}

static void test_same_bytes_under_two_codecs(void)
{
  struct store *s = fresh();
  struct store_block a = block_make(1, 500), b = a;
  uint64_t ref[2];
  cid_make(&b.cid, CID_DAG_PB, cid_digest(&a.cid));
  struct store_block both[2] = {a, b};
  NEED(s->ops->put(s, both, 2, false, ref, NULL, &err) == 0);
  EXPECT(ref[0] != ref[1]);
  EXPECT(ref_holds(s, ref[0], &a) && ref_holds(s, ref[1], &b));
  block_free(&a);
  s->ops->close(s);
}

static void test_block_size_limit(void)
{
  struct store *s = fresh();
  for (int file = 0; file < 2; file++) {
    for (size_t n = BLOCK_SIZE_MAX - 1; n <= BLOCK_SIZE_MAX + 1; n++) {
      struct store_block b = block_make(n + (size_t)file * 3, n);
      int rc = s->ops->put(s, &b, 1, file != 0, NULL, NULL, &err);
      EXPECT_INT(rc, n <= BLOCK_SIZE_MAX ? 0 : ERR_LIMIT);
      EXPECT(holds(s, &b) == (n <= BLOCK_SIZE_MAX));
      block_free(&b);
    }
  }
  s->ops->close(s);
}

static void test_batch_limit(void)
{
  enum { N = STORE_BATCH_MAX + 1 };
  static struct store_block b[N];
  static uint64_t ref[N];
  struct store *s = fresh();
  for (size_t i = 0; i < N; i++) {
    b[i] = block_make(i, 40);
  }
  for (int file = 0; file < 2; file++) {
    EXPECT_INT(s->ops->put(s, b, N, file != 0, ref, NULL, &err), ERR_LIMIT);
    EXPECT_INT(s->ops->put(s, b, N - 2, file != 0, ref, NULL, &err), 0);
    EXPECT_INT(s->ops->put(s, b, N - 1, file != 0, ref, NULL, &err), 0);
  }
  for (size_t i = 0; i < N; i++) {
    block_free(&b[i]);
  }
  s->ops->close(s);
}

static void test_find_and_missing(void)
{
  struct store *s = fresh();
  struct store_block a = block_make(1, 100), b = block_make(2, 200),
                     c = block_make(3, 50000), none = block_make(4, 10);
  struct store_block in[2] = {a, b};
  struct cid ask[4] = {none.cid, a.cid, c.cid, b.cid};
  uint64_t ref[2], file = 0, got[4];
  struct buf out = {0};
  NEED(s->ops->put(s, in, 2, false, ref, NULL, &err) == 0);
  NEED(s->ops->put(s, &c, 1, true, &file, NULL, &err) == 0);
  NEED(s->ops->find(s, ask, 4, got, &err) == 0);
  EXPECT(got[0] == 0 && got[1] == ref[0] && got[2] == file && got[3] == ref[1]);
  EXPECT_INT(s->ops->get(s, &none.cid, &out, &err), ERR_NOENT);
  EXPECT_INT(s->ops->get_ref(s, ref[1] + 9999, NULL, &out, &err), ERR_NOENT);
  EXPECT_INT(s->ops->get_ref(s, 0, NULL, &out, &err), ERR_NOENT);
  EXPECT_INT(s->ops->get_ref(s, file + 9999, NULL, &out, &err), ERR_NOENT);
  EXPECT_INT((long long)out.n, 0);
  block_free(&a);
  block_free(&b);
  block_free(&c);
  block_free(&none);
  s->ops->close(s);
}

/* A block whose digest begins with the number ${prefix}: the store does not
 * ask whether the name is right. */
static struct store_block named_block(uint64_t prefix, uint8_t last,
                                      struct span bytes)
{
  uint8_t digest[32] = {0};
  struct store_block b = {.bytes = bytes};
  for (int i = 0; i < 8; i++) {
    digest[i] = (uint8_t)(prefix >> (56 - 8 * i));
  }
  digest[31] = last;
  cid_make(&b.cid, CID_DAG_CBOR, digest);
  return b;
}

static void expect_under(struct store *s, uint64_t prefix, size_t max,
                         const uint64_t *want, int n)
{
  uint64_t refs[8] = {0};
  struct cid cids[8], cid;
  int got = s->ops->find_prefix(s, prefix, refs, cids, max, &err);
  EXPECT_INT(got, n);
  for (int i = 0; i < got; i++) {
    int known = 0;
    for (int k = 0; want != NULL && k < n; k++) {
      known += refs[i] == want[k];
    }
    EXPECT(want == NULL || known == 1);
    EXPECT(s->ops->get_ref(s, refs[i], &cid, NULL, &err) == 0 &&
           cid_equal(&cid, &cids[i]));
  }
}

/* Both before and after an engine has put its directory in order. */
static void test_find_by_prefix(void)
{
  enum { MANY = 1000, ROUNDS = 40 };
  static const uint64_t prefix[] = {0, 1, UINT64_MAX, 1ull << 63, 77};
  static struct store_block b[MANY];
  struct store *s = fresh();
  uint64_t ref[3], file;
  struct store_block same[3] = {named_block(77, 1, text("one")),
                                named_block(77, 2, text("two")),
                                named_block(77, 3, text("three"))};
  struct store_block of_file = named_block(77, 4, text("four"));
  NEED(s->ops->put(s, same, 3, false, ref, NULL, &err) == 0);
  NEED(s->ops->put(s, &of_file, 1, true, &file, NULL, &err) == 0);
  for (uint8_t i = 0; i < 4; i++) {
    struct store_block one = named_block(prefix[i], i, text("block"));
    NEED(s->ops->put(s, &one, 1, false, NULL, NULL, &err) == 0);
  }
  for (size_t round = 0; round < ROUNDS; round++) {
    for (size_t i = 0; i < 4; i++) {
      expect_under(s, prefix[i], 8, NULL, 1);
    }
    expect_under(s, 77, 8, ref, 3);
    expect_under(s, 77, 2, NULL, 2);
    expect_under(s, 77, 0, NULL, 0);
    expect_under(s, 78, 8, NULL, 0);
    for (size_t i = 0; i < MANY; i++) {
      b[i] = named_block((round * MANY + i) * 0x9e3779b97f4a7c15u + 3,
                         (uint8_t)i, text("filling"));
    }
    NEED(s->ops->put(s, b, MANY, false, NULL, NULL, &err) == 0);
  }
  s = again(s);
  expect_under(s, 77, 8, ref, 3);
  struct store_batch drop = {.erase = ref, .erase_n = 1};
  NEED(s->ops->append(s, &drop, NULL, NULL, &err) == 0);
  expect_under(s, 77, 8, ref + 1, 2);
  s->ops->close(s);
}

static void test_get_appends(void)
{
  struct store *s = fresh();
  struct buf out = {0};
  for (int file = 0; file < 2; file++) {
    struct store_block b = block_make((uint64_t)file, 30000);
    NEED(s->ops->put(s, &b, 1, file != 0, NULL, NULL, &err) == 0);
    buf_clear(&out);
    NEED(buf_put(&out, "head", 4) == 0);
    EXPECT_INT(s->ops->get(s, &b.cid, &out, &err), 0);
    EXPECT_INT((long long)out.n, 30004);
    EXPECT(memcmp(out.p, "head", 4) == 0 &&
           memcmp(out.p + 4, b.bytes.p, 30000) == 0);
    block_free(&b);
  }
  buf_free(&out);
  s->ops->close(s);
}

static void walk_all(bool file)
{
  enum { N = 700 };
  static uint64_t ref[N], got[N];
  struct store *s = fresh();
  for (size_t i = 0; i < N; i += 7) {
    struct store_block b[7];
    for (size_t k = 0; k < 7; k++) {
      b[k] = block_make(i + k, 30 + i);
    }
    NEED(s->ops->put(s, b, 7, file, ref + i, NULL, &err) == 0);
    /* One of the other kind between them must not show. */
    struct store_block other = block_make(i + 100000, 20);
    NEED(s->ops->put(s, &other, 1, !file, NULL, NULL, &err) == 0);
    block_free(&other);
    for (int k = 0; k < 7; k++) {
      block_free(&b[k]);
    }
  }
  for (size_t step = 1; step < 900; step = step * 5 + 1) {
    uint64_t after = 0;
    size_t n = 0;
    int rc = 0;
    while ((rc = s->ops->walk(s, after, file, got, step, &err)) > 0) {
      for (int i = 0; i < rc; i++) {
        EXPECT(n < N && got[i] == ref[n] && got[i] > after);
        n++;
      }
      after = got[rc - 1];
    }
    EXPECT(rc == 0 && n == N);
  }
  s->ops->close(s);
}

static void test_walk(void)
{
  walk_all(false);
  walk_all(true);
}

static void test_many_blocks_are_found(void)
{
  /* More than an engine keeps in memory: across its bulk structures. */
  enum { GROUPS = 80, N = 1000 };
  static struct store_block b[N];
  struct cid some[GROUPS];
  uint64_t got[GROUPS], ref[N], first[GROUPS];
  struct store *s = fresh();
  for (size_t g = 0; g < GROUPS; g++) {
    for (size_t i = 0; i < N; i++) {
      b[i] = block_make(g * N + i, 24);
    }
    NEED(s->ops->put(s, b, N, false, ref, NULL, &err) == 0);
    some[g] = b[g * 7].cid;
    first[g] = ref[g * 7];
    for (size_t i = 0; i < N; i++) {
      block_free(&b[i]);
    }
  }
  for (int round = 0; round < 2; round++) {
    NEED(s->ops->find(s, some, GROUPS, got, &err) == 0);
    EXPECT(memcmp(got, first, sizeof got) == 0);
    s = again(s);
  }
  struct store_stats st;
  NEED(s->ops->stats(s, &st, &err) == 0);
  EXPECT_INT((long long)st.blocks, GROUPS * N);
  EXPECT_INT((long long)st.block_bytes, GROUPS * N * 24);
  s->ops->close(s);
}

/* ---- garbage ---- */

static void test_sweep(void)
{
  enum { N = 40 };
  struct store_block b[N], late, kept;
  struct store *s = fresh();
  uint64_t freed = 0, all = 0, numbers[N], next = 0;
  size_t gone = 0;
  int rc = 0;
  EXPECT_INT(s->ops->sweep(s, 5, &freed, &err), ERR_MISUSE);
  EXPECT_INT(s->ops->mark(s, NULL, 0, &err), ERR_MISUSE);
  for (size_t i = 0; i < N; i++) {
    b[i] = block_make(i, i % 2 ? 300 : 70000);
  }
  late = block_make(100, 5000);
  kept = block_make(101, 700);
  NEED(s->ops->put(s, b, N, true, numbers, NULL, &err) == 0);
  NEED(s->ops->put(s, &kept, 1, false, NULL, NULL, &err) == 0);
  NEED(s->ops->sweep_start(s, &err) == 0);
  for (size_t i = 0; i < N; i += 4) {
    NEED(s->ops->mark(s, &b[i].cid, 1, &err) == 0);
  }
  /* What is put during the generation stays, old or new. */
  NEED(s->ops->put(s, &late, 1, true, NULL, NULL, &err) == 0);
  NEED(s->ops->put(s, &b[1], 1, true, NULL, NULL, &err) == 0);
  while ((rc = s->ops->sweep(s, 7, &freed, &err)) > 0) {
    EXPECT(rc <= 7);
    gone += (size_t)rc;
    all += freed;
  }
  EXPECT_INT(rc, 0);
  EXPECT_INT((long long)gone, N - N / 4 - 1);
  EXPECT_INT((long long)all, 10 * 70000 + 19 * 300);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < N; i++) {
      EXPECT(holds(s, &b[i]) == (i % 4 == 0 || i == 1));
    }
    EXPECT(holds(s, &late) && holds(s, &kept));
    s = again(s);
  }
  EXPECT_INT(s->ops->sweep(s, 7, &freed, &err), ERR_MISUSE);
  /* Numbers are never given twice. */
  NEED(s->ops->put(s, &b[2], 1, true, &next, NULL, &err) == 0);
  EXPECT(next > numbers[N - 1]);
  for (int i = 0; i < N; i++) {
    block_free(&b[i]);
  }
  block_free(&late);
  block_free(&kept);
  s->ops->close(s);
}

static void test_swept_numbers_do_not_come_back(void)
{
  struct store *s = fresh();
  struct store_block a = block_make(1, 50000), b = block_make(2, 50000);
  uint64_t first = 0, second = 0, freed = 0;
  NEED(s->ops->put(s, &a, 1, true, &first, NULL, &err) == 0);
  NEED(s->ops->sweep_start(s, &err) == 0);
  EXPECT_INT(s->ops->sweep(s, 10, &freed, &err), 1);
  s = again(s);
  NEED(s->ops->put(s, &b, 1, true, &second, NULL, &err) == 0);
  EXPECT(second > first);
  block_free(&a);
  block_free(&b);
  s->ops->close(s);
}

static void test_a_block_that_is_also_a_files(void)
{
  struct store *s = fresh();
  struct store_block a = block_make(1, 20000);
  uint64_t as_file = 0, as_block = 0, freed = 0;
  bool is_new = false;
  NEED(s->ops->put(s, &a, 1, true, &as_file, NULL, &err) == 0);
  NEED(s->ops->put(s, &a, 1, false, &as_block, &is_new, &err) == 0);
  EXPECT(as_block != as_file);
  NEED(s->ops->sweep_start(s, &err) == 0);
  EXPECT_INT(s->ops->sweep(s, 10, &freed, &err), 1);
  EXPECT(holds(s, &a)); /* nobody's sweep takes a record away */
  block_free(&a);
  s->ops->close(s);
}

/* ---- append ---- */

static void test_append_resolves_new(void)
{
  struct store *s = fresh();
  struct store_block b[2] = {block_make(1, 100), block_make(2, 100)};
  uint64_t log[2] = {STORE_NEW(1), STORE_NEW(0)}, ref[2], got[4], refs[4];
  int64_t sorts[4];
  bool is_new[2];
  struct store_row row[2] = {{3, text("k"), -5, STORE_NEW(1), false},
                             {4, text("k"), 1, STORE_NEW(0), true}};
  struct store_batch batch = {.collection = text("a/b"),
                              .blocks = b,
                              .blocks_n = 2,
                              .log = log,
                              .log_n = 2,
                              .add = row,
                              .add_n = 2};
  NEED(s->ops->append(s, &batch, ref, is_new, &err) == 0);
  EXPECT(is_new[0] && is_new[1] && ref[0] < ref[1]);
  EXPECT_INT(s->ops->since(s, text("a/b"), 0, got, 4, &err), 2);
  EXPECT(got[0] == ref[0] && got[1] == ref[1]);
  EXPECT_INT(
      s->ops->rows(s, 3, text("k"), INT64_MIN, 0, false, sorts, refs, 4, &err),
      1);
  EXPECT(sorts[0] == -5 && refs[0] == ref[1]);
  EXPECT_INT(
      s->ops->rows(s, 4, text("k"), INT64_MIN, 0, false, sorts, refs, 4, &err),
      1);
  EXPECT(sorts[0] == (int64_t)ref[1] && refs[0] == ref[0]);
  /* The same again changes nothing. */
  uint64_t count = 0;
  NEED(s->ops->append(s, &batch, got, is_new, &err) == 0);
  EXPECT(!is_new[0] && !is_new[1] && got[0] == ref[0] && got[1] == ref[1]);
  EXPECT_INT(s->ops->count(s, text("a/b"), &count, &err), 0);
  EXPECT_INT((long long)count, 2);
  for (uint8_t name = 3; name < 5; name++) {
    EXPECT_INT(s->ops->rows(s, name, text("k"), INT64_MIN, 0, false, sorts,
                            refs, 4, &err),
               1);
  }
  block_free(&b[0]);
  block_free(&b[1]);
  s->ops->close(s);
}

static void test_append_is_atomic(void)
{
  struct store *s = fresh();
  struct store_block b = block_make(1, 100);
  uint64_t log = STORE_NEW(0), bad = STORE_NEW(1), got[2], count = 9;
  struct store_pair pair = {text("key"), text("value")};
  struct store_row row = {1, text("k"), 1, STORE_NEW(0), false};
  uint8_t words[8];
  struct store_doc doc = {
      .ref = STORE_NEW(0), .length = 3, .terms = terms_list(words, "a b c")};
  struct store_doc worse = {.ref = STORE_NEW(0), .terms = text("a-b")};
  struct store_batch good = {.collection = text("c"),
                             .blocks = &b,
                             .blocks_n = 1,
                             .log = &log,
                             .log_n = 1,
                             .add = &row,
                             .add_n = 1,
                             .docs = &doc,
                             .docs_n = 1,
                             .kv = &pair,
                             .kv_n = 1};
  uint8_t empty[32], after[32];
  NEED(s->ops->derived_digest(s, empty, &err) == 0);
  for (int i = 0; i < 4; i++) {
    struct store_batch batch = good;
    static const uint8_t long_key[STORE_KV_KEY_MAX + 1] = {1};
    struct store_pair too_long = {span_of(long_key, sizeof long_key),
                                  text("v")};
    batch.log = i == 0 ? &bad : &log;
    batch.docs = i == 1 ? &worse : &doc;
    batch.kv = i == 2 ? &too_long : &pair;
    batch.collection = i == 3 ? text("") : text("c");
    int rc = s->ops->append(s, &batch, NULL, NULL, &err);
    EXPECT(rc == (i == 0 || i == 3 ? ERR_MISUSE
                  : i == 1         ? ERR_INVALID
                                   : ERR_LIMIT));
    struct buf out = {0};
    EXPECT(!holds(s, &b));
    EXPECT_INT(s->ops->since(s, text("c"), 0, got, 2, &err), 0);
    EXPECT_INT(s->ops->kv_get(s, text("key"), &out, &err), ERR_NOENT);
    EXPECT_INT(s->ops->count(s, text("c"), &count, &err), 0);
    EXPECT_INT((long long)count, 0);
    NEED(s->ops->derived_digest(s, after, &err) == 0);
    EXPECT(memcmp(empty, after, 32) == 0);
    buf_free(&out);
  }
  EXPECT_INT(s->ops->append(s, &good, NULL, NULL, &err), 0);
  EXPECT(holds(s, &b));
  block_free(&b);
  s->ops->close(s);
}

/* ---- groups ---- */

static int append_one(struct store *s, const struct store_block *b,
                      struct span collection)
{
  uint64_t log = STORE_NEW(0);
  struct store_batch batch = {.collection = collection,
                              .blocks = b,
                              .blocks_n = 1,
                              .log = &log,
                              .log_n = 1};
  return s->ops->append(s, &batch, NULL, NULL, &err);
}

static void test_a_group_is_stored_together(void)
{
  struct store *s = fresh();
  struct store_block a = block_make(1, 100), b = block_make(2, 90000),
                     c = block_make(3, 100);
  uint64_t count = 0;
  NEED(s->ops->group(s, true, &err) == 0);
  EXPECT_INT(s->ops->group(s, true, &err), ERR_MISUSE);
  NEED(append_one(s, &a, text("g")) == 0);
  NEED(s->ops->put(s, &b, 1, true, NULL, NULL, &err) == 0);
  EXPECT(holds(s, &a) && holds(s, &b)); /* whoever writes sees it */
  s->ops->hold(s, true);
  EXPECT(holds(s, &a));
  s->ops->hold(s, false);
  NEED(append_one(s, &c, text("g")) == 0);
  EXPECT_INT(s->ops->group(s, false, &err), 0);
  EXPECT_INT(s->ops->group(s, false, &err), 0); /* there is none: fine */
  s = again(s);
  EXPECT(holds(s, &a) && holds(s, &b) && holds(s, &c));
  EXPECT_INT(s->ops->count(s, text("g"), &count, &err), 0);
  EXPECT_INT((long long)count, 2);
  block_free(&a);
  block_free(&b);
  block_free(&c);
  s->ops->close(s);
}

static void test_a_group_without_an_end_never_was(void)
{
  struct store *s = fresh();
  struct store_block a = block_make(1, 100), b = block_make(2, 100),
                     f = block_make(3, 90000);
  uint64_t count = 9;
  NEED(append_one(s, &a, text("g")) == 0);
  NEED(s->ops->group(s, true, &err) == 0);
  NEED(append_one(s, &b, text("g")) == 0);
  NEED(s->ops->put(s, &f, 1, true, NULL, NULL, &err) == 0);
  s = again(s);
  EXPECT(holds(s, &a) && !holds(s, &b));
  EXPECT_INT(s->ops->count(s, text("g"), &count, &err), 0);
  EXPECT_INT((long long)count, 1);
  EXPECT_INT(s->ops->check(s, &err), 0);
  NEED(append_one(s, &b, text("g")) == 0);
  NEED(s->ops->put(s, &f, 1, true, NULL, NULL, &err) == 0);
  EXPECT(holds(s, &b) && holds(s, &f));
  block_free(&a);
  block_free(&b);
  block_free(&f);
  s->ops->close(s);
}

static void test_erase(void)
{
  enum { N = 50 };
  struct store_block b[N];
  uint64_t ref[N], got[N];
  struct store *s = fresh();
  struct store_stats st;
  for (size_t i = 0; i < N; i++) {
    b[i] = block_make(i, 10 + i * 20);
  }
  NEED(s->ops->put(s, b, N, false, ref, NULL, &err) == 0);
  for (size_t i = 0; i < N; i += 2) {
    struct store_batch batch = {.erase = &ref[i], .erase_n = 1};
    EXPECT_INT(s->ops->append(s, &batch, NULL, NULL, &err), 0);
    EXPECT_INT(s->ops->append(s, &batch, NULL, NULL, &err), 0);
  }
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < N; i++) {
      EXPECT(holds(s, &b[i]) == (i % 2 == 1));
      EXPECT(ref_holds(s, ref[i], &b[i]) == (i % 2 == 1));
    }
    EXPECT_INT(s->ops->walk(s, 0, false, got, N, &err), N / 2);
    NEED(s->ops->stats(s, &st, &err) == 0);
    EXPECT_INT((long long)st.blocks, N / 2);
    EXPECT_INT((long long)st.block_bytes, N / 2 * (10 + 25 * 20));
    s = again(s);
  }
  /* It may come again, under a new number. */
  uint64_t next = 0;
  bool is_new = false;
  NEED(s->ops->put(s, &b[0], 1, false, &next, &is_new, &err) == 0);
  EXPECT(is_new && next > ref[N - 1] && ref_holds(s, next, &b[0]));
  for (size_t i = 0; i < N; i++) {
    block_free(&b[i]);
  }
  s->ops->close(s);
}

static void test_erase_file_block(void)
{
  struct store *s = fresh();
  for (size_t n = 100; n < 100000; n += 60000) {
    struct store_block b = block_make(n, n);
    uint64_t ref = 0;
    NEED(s->ops->put(s, &b, 1, true, &ref, NULL, &err) == 0);
    struct store_batch batch = {.erase = &ref, .erase_n = 1};
    EXPECT_INT(s->ops->append(s, &batch, NULL, NULL, &err), 0);
    EXPECT(!holds(s, &b));
    s = again(s);
    EXPECT(!holds(s, &b));
    block_free(&b);
  }
  s->ops->close(s);
}

/* ---- index rows ---- */

static void row_set(struct store *s, const struct store_row *r, bool add)
{
  struct store_batch batch = {.add = add ? r : NULL,
                              .add_n = add ? 1 : 0,
                              .drop = add ? NULL : r,
                              .drop_n = add ? 0 : 1};
  EXPECT_INT(s->ops->append(s, &batch, NULL, NULL, &err), 0);
}

static void test_rows(void)
{
  enum { N = 20 };
  struct store *s = fresh();
  int64_t sorts[N + 5];
  uint64_t refs[N + 5];
  for (int i = 0; i < N; i++) {
    struct store_row r = {1, text("k"), i / 4 - 2, (uint64_t)(i * 7 + 1),
                          false};
    struct store_row other = {2, text("k"), i, 5, false};
    struct store_row third = {1, text("k2"), i, 5, false};
    row_set(s, &r, true);
    row_set(s, &other, true);
    row_set(s, &third, true);
  }
  int n = s->ops->rows(s, 1, text("k"), INT64_MIN, 0, false, sorts, refs, N + 5,
                       &err);
  EXPECT_INT(n, N);
  for (int i = 0; i < n; i++) {
    EXPECT(sorts[i] == i / 4 - 2 && refs[i] == (uint64_t)(i * 7 + 1));
  }
  n = s->ops->rows(s, 1, text("k"), INT64_MAX, UINT64_MAX >> 1, true, sorts,
                   refs, 6, &err);
  EXPECT_INT(n, 6);
  EXPECT(refs[0] == 19 * 7 + 1 && refs[5] == 14 * 7 + 1);
  /* Pages follow one another without a gap, both ways. */
  n = s->ops->rows(s, 1, text("k"), sorts[5], refs[5], true, sorts, refs, 50,
                   &err);
  EXPECT_INT(n, N - 6);
  EXPECT(refs[0] == 13 * 7 + 1 && refs[13] == 1);
  n = s->ops->rows(s, 1, text("k"), 0, 9 * 7 + 1, false, sorts, refs, 50, &err);
  EXPECT_INT(n, N - 10);
  EXPECT(sorts[0] == 0 && refs[0] == 10 * 7 + 1);
  struct store_row gone = {1, text("k"), 0, 10 * 7 + 1, false};
  row_set(s, &gone, false);
  row_set(s, &gone, false);
  EXPECT_INT(
      s->ops->rows(s, 1, text("k"), 0, 9 * 7 + 1, false, sorts, refs, 50, &err),
      N - 11);
  EXPECT_INT(
      s->ops->rows(s, 9, text("k"), INT64_MIN, 0, false, sorts, refs, 5, &err),
      0);
  s->ops->close(s);
}

static void test_row_key_limit(void)
{
  static uint8_t key[65];
  struct store *s = fresh();
  memset(key, 0xff, sizeof key);
  for (size_t n = 63; n <= 65; n++) {
    struct store_row r = {1, span_of(key, n), 1, 1, false};
    struct store_batch batch = {.add = &r, .add_n = 1};
    EXPECT_INT(s->ops->append(s, &batch, NULL, NULL, &err),
               n <= 64 ? 0 : ERR_LIMIT);
  }
  s->ops->close(s);
}

/* ---- pairs ---- */

static int set(struct store *s, const char *key, const char *value)
{
  struct store_pair p = {text(key),
                         value == NULL ? span_of(NULL, 0) : text(value)};
  struct store_batch batch = {.kv = &p, .kv_n = 1};
  return s->ops->append(s, &batch, NULL, NULL, &err);
}

static void test_pairs(void)
{
  struct store *s = fresh();
  struct buf out = {0};
  EXPECT_INT(set(s, "a", "1"), 0);
  EXPECT_INT(set(s, "a", "22"), 0);
  EXPECT_INT(set(s, "empty", ""), 0);
  s = again(s);
  EXPECT_INT(s->ops->kv_get(s, text("a"), &out, &err), 0);
  EXPECT(span_is(buf_span(&out), "22"));
  buf_clear(&out);
  EXPECT_INT(s->ops->kv_get(s, text("empty"), &out, &err), 0);
  EXPECT_INT((long long)out.n, 0);
  EXPECT_INT(set(s, "a", NULL), 0);
  EXPECT_INT(set(s, "a", NULL), 0);
  EXPECT_INT(s->ops->kv_get(s, text("a"), &out, &err), ERR_NOENT);
  EXPECT_INT(set(s, "", "x"), ERR_LIMIT);
  buf_free(&out);
  s->ops->close(s);
}

static void test_pair_limits(void)
{
  static uint8_t key[STORE_KV_KEY_MAX + 1];
  static uint8_t value[STORE_KV_VALUE_MAX + 1];
  struct store *s = fresh();
  struct buf out = {0};
  memset(key, 'k', sizeof key);
  for (size_t n = STORE_KV_KEY_MAX - 1; n <= sizeof key; n++) {
    struct store_pair p = {span_of(key, n), text("v")};
    struct store_batch batch = {.kv = &p, .kv_n = 1};
    EXPECT_INT(s->ops->append(s, &batch, NULL, NULL, &err),
               n <= STORE_KV_KEY_MAX ? 0 : ERR_LIMIT);
  }
  for (size_t n = STORE_KV_VALUE_MAX - 1; n <= sizeof value; n++) {
    struct store_pair p = {text("v"), span_of(value, n)};
    struct store_batch batch = {.kv = &p, .kv_n = 1};
    EXPECT_INT(s->ops->append(s, &batch, NULL, NULL, &err),
               n <= STORE_KV_VALUE_MAX ? 0 : ERR_LIMIT);
  }
  EXPECT_INT(s->ops->kv_get(s, text("v"), &out, &err), 0);
  EXPECT_INT((long long)out.n, STORE_KV_VALUE_MAX);
  buf_free(&out);
  s->ops->close(s);
}

static void test_pair_list(void)
{
  struct store *s = fresh();
  struct buf out = {0};
  EXPECT_INT(set(s, "p/b", "2"), 0);
  EXPECT_INT(set(s, "p/a", "1"), 0);
  EXPECT_INT(set(s, "p", "0"), 0);
  EXPECT_INT(set(s, "q", "9"), 0);
  EXPECT_INT(s->ops->kv_list(s, text("p/"), text(""), &out, 9, &err), 2);
  EXPECT(
      span_equal(buf_span(&out),
                 span_of("\3\0\0\0p/a\1\0\0\0001\3\0\0\0p/b\1\0\0\0002", 24)));
  buf_clear(&out);
  EXPECT_INT(s->ops->kv_list(s, text("p/"), text("p/a"), &out, 9, &err), 1);
  EXPECT_INT(s->ops->kv_list(s, text(""), text(""), &out, 9, &err), 4);
  EXPECT_INT(s->ops->kv_list(s, text(""), text("p"), &out, 2, &err), 2);
  EXPECT_INT(s->ops->kv_list(s, text("zz"), text(""), &out, 2, &err), 0);
  buf_free(&out);
  s->ops->close(s);
}

/* ---- upkeep ---- */

static void test_stats_and_check(void)
{
  struct store *s = fresh();
  struct store_block a = block_make(1, 1000), b = block_make(2, 90000),
                     c = block_make(4, 900);
  struct store_stats st;
  uint64_t version = 0;
  NEED(s->ops->put(s, &a, 1, false, NULL, NULL, &err) == 0);
  NEED(s->ops->put(s, &b, 1, true, NULL, NULL, &err) == 0);
  NEED(s->ops->put(s, &c, 1, true, NULL, NULL, &err) == 0);
  for (int round = 0; round < 2; round++) {
    NEED(s->ops->stats(s, &st, &err) == 0);
    EXPECT(st.blocks == 3 && st.block_bytes == 91900);
    EXPECT(st.file_blocks == 2 && st.file_bytes == 90900);
    EXPECT(st.disk_bytes > 45000);
    s = again(s);
  }
  EXPECT_INT(s->ops->check(s, &err), 0);
  uint64_t same = 0, later = 0;
  EXPECT_INT(s->ops->version(s, &version, &err), 0);
  NEED(s->ops->stats(s, &st, &err) == 0); /* reading changes nothing */
  EXPECT_INT(s->ops->version(s, &same, &err), 0);
  EXPECT(version == same);
  struct store_block d = block_make(5, 700);
  NEED(s->ops->put(s, &d, 1, false, NULL, NULL, &err) == 0);
  EXPECT_INT(s->ops->version(s, &later, &err), 0);
  EXPECT(version != later);
  block_free(&d);
  EXPECT(s->ops->engine != NULL && *s->ops->engine != '\0');
  block_free(&a);
  block_free(&b);
  block_free(&c);
  s->ops->close(s);
}

int store_conformance(store_opener *open, int *passed)
{
  int found = 0, failed = store_conformance_derived(open, &found);
  opener = open;
  RUN(test_put_and_get_blocks);
  RUN(test_put_and_get_file_blocks);
  RUN(test_same_block_twice_in_a_batch);
  RUN(test_same_bytes_under_two_codecs);
  RUN(test_block_size_limit);
  RUN(test_batch_limit);
  RUN(test_find_and_missing);
  RUN(test_find_by_prefix);
  RUN(test_get_appends);
  RUN(test_walk);
  RUN(test_many_blocks_are_found);
  RUN(test_sweep);
  RUN(test_swept_numbers_do_not_come_back);
  RUN(test_a_block_that_is_also_a_files);
  RUN(test_append_resolves_new);
  RUN(test_append_is_atomic);
  RUN(test_a_group_is_stored_together);
  RUN(test_a_group_without_an_end_never_was);
  RUN(test_erase);
  RUN(test_erase_file_block);
  RUN(test_rows);
  RUN(test_row_key_limit);
  RUN(test_pairs);
  RUN(test_pair_limits);
  RUN(test_pair_list);
  RUN(test_stats_and_check);
  *passed = unit_passed + found;
  return unit_failed + failed;
}
