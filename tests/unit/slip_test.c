/* SPDX-License-Identifier: 0BSD */
#include "sync/slip.h"

#include "base/limits.h"
#include "base/mem.h"
#include "form/cbor.h"
#include "hex.h"
#include "sweep.h"
#include "sync/sketch.h"

#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"

/* FORMAT.md shows these very bytes. */
#define SLIP                                                                   \
  "a76373696758404912c98f32d42d711a75c6b20c42714acd49f83ecc331cc499"           \
  "d75edd58e0843a46d151a4ed417831900e721b39b4aa83eefff73a1b43dac162"           \
  "0a84040c31b103646b696e6466736c69702f316473616c745000010203040506"           \
  "0708090a0b0c0d0e0f6474696d651a6553f10066617574686f725820d75a9801"           \
  "82b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a66627564"           \
  "6765741b00000002000000006677697368657382a46468617665500000000000"           \
  "00000180000000000000006477616e7481d82a5825000171122034160dbe0ab0"           \
  "0c23b3adde0e514c0cc179d0df1ebd11c19de92c2bd60a9c1a316566696c6573"           \
  "1a00a000006a636f6c6c656374696f6e656564752f2aa4646861766540647761"           \
  "6e74806566696c6573006a636f6c6c656374696f6e646e657773"

static struct identity *id;
static const uint8_t salt[SLIP_SALT_SIZE] = {0, 1, 2,  3,  4,  5,  6,  7,
                                             8, 9, 10, 11, 12, 13, 14, 15};

static struct cid x_cid(void)
{
  struct cid c;
  NEED(cid_of(&c, CID_DAG_CBOR, "\xa1\x64type\x61x", 8) == 0);
  return c;
}

/* A list of ${n} links; the caller frees it. */
static struct buf links(size_t n)
{
  struct buf b = {0};
  struct cid c = x_cid();
  NEED(cbor_put_list(&b, n) == 0);
  for (size_t i = 0; i < n; i++) {
    NEED(cbor_put_link(&b, &c) == 0);
  }
  return b;
}

/* The ascending handles 1 .. n. */
static struct buf handles(size_t n)
{
  struct buf b = {0};
  for (uint64_t v = 1; v <= n; v++) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      NEED(buf_byte(&b, (uint8_t)(v >> shift)) == 0);
    }
  }
  return b;
}

static struct slip_wish wish_of(const char *collection)
{
  struct slip_wish w = {0};
  w.collection = span_of(collection, strlen(collection));
  return w;
}

static int finish(struct slip_writer *w, struct buf *out)
{
  int rc = slip_finish(w, out, id, salt, 1700000000, 8589934592, NULL);
  slip_writer_free(w);
  return rc;
}

static struct buf known(void)
{
  struct slip_writer w = {0};
  struct buf out = {0}, want = links(1);
  static const uint8_t have[16] = {0, 0, 0, 0, 0, 0, 0, 1, 0x80};
  struct slip_wish edu = wish_of("edu/*"), news = wish_of("news");
  edu.files = 10485760;
  edu.have = span_of(have, sizeof have);
  edu.want = buf_span(&want);
  NEED(slip_add(&w, &edu, NULL) == 0);
  NEED(slip_add(&w, &news, NULL) == 0);
  NEED(finish(&w, &out) == 0);
  buf_free(&want);
  return out;
}

static void test_known_answer(void)
{
  struct buf b = known();
  struct slip s;
  struct slip_walk it = {0};
  struct slip_wish w;
  EXPECT(hex_is(buf_span(&b), SLIP));
  NEED(slip_read(&s, buf_span(&b), NULL) == 0);
  EXPECT_INT(slip_verify(&s, NULL), 0);
  EXPECT_INT(s.time, 1700000000);
  EXPECT_INT(s.budget, 8589934592);
  EXPECT_INT(s.count, 2);
  EXPECT(memcmp(s.salt, salt, sizeof salt) == 0);
  EXPECT(memcmp(s.author, identity_key(id), CRYPT_KEY_SIZE) == 0);
  EXPECT(slip_wish_next(&s, &it, &w));
  EXPECT(span_is(w.collection, "edu/*"));
  EXPECT_INT(w.files, 10485760);
  EXPECT_INT(w.have.n, 16);
  EXPECT(slip_has(w.have, 1) && slip_has(w.have, 1ull << 63));
  EXPECT(!slip_has(w.have, 0) && !slip_has(w.have, 2));
  EXPECT_INT(w.want.n, 1 + CBOR_LINK_SIZE);
  EXPECT(slip_wish_next(&s, &it, &w));
  EXPECT(span_is(w.collection, "news"));
  EXPECT_INT(w.have.n, 0);
  EXPECT(!slip_wish_next(&s, &it, &w));
  EXPECT(!slip_wish_next(&s, &it, &w));
  buf_free(&b);
}

static int read_only(struct span f)
{
  struct slip s;
  struct err e = {0};
  int rc = slip_read(&s, f, &e);
  EXPECT_INT(e.code, rc);
  EXPECT((rc < 0) == (e.text[0] != '\0'));
  return rc;
}

static int read_span(struct span f)
{
  struct slip s;
  int rc = slip_read(&s, f, NULL);
  return rc < 0 ? rc : slip_verify(&s, NULL);
}

static void test_sweep(void)
{
  struct buf b = known();
  EXPECT_INT(sweep_one(buf_span(&b), read_span), 0);
  EXPECT_INT(sweep_cuts(buf_span(&b), read_only), 0);
  EXPECT_INT(sweep_flips(buf_span(&b), read_span), 0);
  EXPECT(sweep_flips(buf_span(&b), read_only) >= 8 * (64 + 32 + 16 + 32));
  buf_free(&b);
}

/* ---- sets ---- */

/* FORMAT.md shows these very bytes. */
#define SLIP_2                                                                 \
  "a86373696758403f8a3507421d47aa1094022939b5f0f07f49893c03b0c2905d"           \
  "281cd9fffa676f6b04af78b73257c5431bfccd41a6f9e2078382e5df5ff16c70"           \
  "bb6cacccb01f08646b696e6466736c69702f326473616c745000010203040506"           \
  "0708090a0b0c0d0e0f647365747381a4646e616d656b6564752f706879736963"           \
  "7365636f756e7403666469676573745820000102030405060708090a0b0c0d0e"           \
  "0f101112131415161718191a1b1c1d1e1f66736b657463685819000000010100"           \
  "0000000000010200000000000003065a1de9e06474696d651a6553f100666175"           \
  "74686f725820d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af02"           \
  "1a68f707511a666275646765741b00000002000000006677697368657381a464"           \
  "68617665406477616e74806566696c65731a00a000006a636f6c6c656374696f"           \
  "6e656564752f2a"

static struct slip_set set_of(const char *name, struct span part)
{
  static uint8_t digest[HASH_SIZE];
  for (size_t i = 0; i < sizeof digest; i++) {
    digest[i] = (uint8_t)i;
  }
  return (struct slip_set){span_of(name, strlen(name)), 3, digest, part};
}

/* One cell and one syndrome: of the handle 258 alone. */
static struct buf small_part(void)
{
  struct sketch *sk = mem_zero(sizeof *sk);
  struct buf part = {0};
  NEED(sk != NULL);
  sketch_add(sk, 258);
  NEED(sketch_part_put(&part, sk, 0, 1, 1) == 0);
  mem_free(sk);
  return part;
}

static struct buf known_2(void)
{
  struct slip_writer w = {0};
  struct buf out = {0}, part = small_part();
  struct slip_wish edu = wish_of("edu/*");
  struct slip_set physics = set_of("edu/physics", buf_span(&part));
  edu.files = 10485760;
  NEED(slip_add(&w, &edu, NULL) == 0);
  NEED(slip_add_set(&w, &physics, NULL) == 0);
  NEED(finish(&w, &out) == 0);
  buf_free(&part);
  return out;
}

static void test_known_sets(void)
{
  struct buf b = known_2(), part = small_part();
  struct slip s;
  struct slip_walk it = {0};
  struct slip_set set;
  EXPECT(hex_is(buf_span(&b), SLIP_2));
  NEED(slip_read(&s, buf_span(&b), NULL) == 0);
  EXPECT_INT(slip_verify(&s, NULL), 0);
  EXPECT(s.sets_n == 1 && s.count == 1);
  EXPECT(slip_set_next(&s, &it, &set));
  EXPECT(span_is(set.name, "edu/physics") && set.count == 3);
  EXPECT(set.digest[31] == 31 && span_equal(set.sketch, buf_span(&part)));
  EXPECT(!slip_set_next(&s, &it, &set));
  EXPECT_INT(sweep_one(buf_span(&b), read_span), 0);
  EXPECT_INT(sweep_cuts(buf_span(&b), read_only), 0);
  EXPECT_INT(sweep_flips(buf_span(&b), read_span), 0);
  buf_free(&b);
  buf_free(&part);
}

static void adds_set(struct slip_writer *w, const struct slip_set *set,
                     int code, const char *why)
{
  struct err e = {0};
  size_t before = w->sets_n;
  EXPECT_INT(slip_add_set(w, set, &e), code);
  EXPECT_INT(w->sets_n, before + (code == 0));
  if (strstr(e.text, why) == NULL) {
    EXPECT_TEXT(e.text, why);
  }
}

static void test_set_shapes(void)
{
  struct slip_writer w = {0};
  struct buf part = small_part();
  struct slip_set set = set_of("b", span_of(NULL, 0));
  adds_set(&w, &set, 0, "");
  adds_set(&w, &set, ERR_INVALID, "do not ascend");
  set = set_of("a", span_of(NULL, 0));
  adds_set(&w, &set, ERR_INVALID, "do not ascend");
  set = set_of("c/*", span_of(NULL, 0));
  adds_set(&w, &set, ERR_INVALID, "collection name");
  set = set_of("c", span_of(part.p, part.n - 1));
  adds_set(&w, &set, ERR_INVALID, "a sketch says");
  part.p[1] = 1; /* from cell 1 on */
  set = set_of("c", buf_span(&part));
  adds_set(&w, &set, ERR_INVALID, "a sketch has syndromes in a later part");
  buf_clear(&part); /* the same without syndromes */
  struct sketch *sk = mem_zero(sizeof *sk);
  NEED(sk != NULL && sketch_part_put(&part, sk, 1, 2, 0) == 0);
  set = set_of("c", buf_span(&part));
  adds_set(&w, &set, ERR_INVALID, "a sketch begins at cell 1");
  mem_free(sk);
  buf_free(&part);
  part = small_part();
  set = set_of("c", buf_span(&part));
  set.count = -1;
  adds_set(&w, &set, ERR_INVALID, "`count`");
  set.count = CBOR_INT_MAX;
  adds_set(&w, &set, 0, "");
  EXPECT_INT(w.sets_n, 2);
  slip_writer_free(&w);
  buf_free(&part);
}

/* Other things where the list of sets should be. */
static void test_sets_by_hand(void)
{
  static const struct {
    const char *bytes;
    size_t n;
    const char *why;
  } all[] = {{"\x00", 1, "`sets` is no list"},
             {"\xa0", 1, "`sets` is no list"},
             {"\x80", 1, "slip of 0 sets"},
             {"\x81\x00", 2, "a set is no map"},
             {"\x81\x80", 2, "a set is no map"},
             {"\x81\xa1\x61n\x00", 5, "a set is no map"}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    struct buf b = known_2(), other = {0};
    struct err e = {0};
    struct slip s;
    NEED(slip_read(&s, buf_span(&b), NULL) == 0);
    const uint8_t *end = memmem(b.p, b.n, "\x64time", 5);
    size_t at = (size_t)(s.sets.p - b.p), rest = (size_t)(end - b.p);
    NEED(end != NULL && rest > at);
    NEED(buf_put(&other, b.p, at) == 0);
    NEED(buf_put(&other, all[i].bytes, all[i].n) == 0);
    NEED(buf_put(&other, b.p + rest, b.n - rest) == 0);
    EXPECT_INT(slip_read(&s, buf_span(&other), &e), ERR_INVALID);
    if (strstr(e.text, all[i].why) == NULL) {
      EXPECT_TEXT(e.text, all[i].why);
    }
    buf_free(&b);
    buf_free(&other);
  }
}

static void test_sets_limit(void)
{
  struct slip_writer w = {0};
  struct buf out = {0}, more = {0};
  char name[16];
  for (int i = 0; i <= SLIP_SETS_MAX; i++) {
    (void)snprintf(name, sizeof name, "c%04d", i);
    struct slip_set set = set_of(name, span_of(NULL, 0));
    adds_set(&w, &set, i < SLIP_SETS_MAX ? 0 : ERR_LIMIT,
             i < SLIP_SETS_MAX ? "" : "more than 1024 sets");
  }
  size_t estimate = slip_size(&w), one = w.sets.n / SLIP_SETS_MAX;
  NEED(finish(&w, &out) == 0);
  EXPECT(out.n <= estimate);
  EXPECT_INT(read_span(buf_span(&out)), 0);
  /* One set more, by another hand: 0400 -> 0401. */
  struct slip s;
  NEED(slip_read(&s, buf_span(&out), NULL) == 0);
  size_t at = (size_t)(s.sets.p - out.p) + 3;
  NEED(buf_put(&more, out.p, at + one) == 0);
  NEED(buf_put(&more, out.p + at, out.n - at) == 0);
  more.p[at - 1] += 1;
  EXPECT_INT(read_only(buf_span(&more)), ERR_LIMIT);
  buf_free(&out);
  buf_free(&more);
}

/* ---- handles ---- */

static void test_handle(void)
{
  uint8_t other[SLIP_SALT_SIZE] = {0};
  struct cid c = x_cid(), d = c;
  EXPECT(slip_handle(salt, &c) == crypt_short(salt, c.b + 4, 32));
  EXPECT(slip_handle(salt, &c) != slip_handle(other, &c));
  d.b[CID_SIZE - 1] ^= 1;
  EXPECT(slip_handle(salt, &c) != slip_handle(salt, &d));
}

static void test_has(void)
{
  for (size_t n = 0; n < 40; n++) {
    struct buf b = handles(n);
    for (uint64_t v = 0; v <= n + 1; v++) {
      EXPECT_INT(slip_has(buf_span(&b), v), v >= 1 && v <= n);
    }
    EXPECT(!slip_has(buf_span(&b), UINT64_MAX));
    buf_free(&b);
  }
}

/* ---- wishes ---- */

static void adds(const struct slip_wish *w, int code, const char *why)
{
  struct slip_writer out = {0};
  struct err e = {0};
  EXPECT_INT(slip_add(&out, w, &e), code);
  EXPECT_INT(out.count, code == 0 ? 1 : 0);
  EXPECT((out.wishes.n > 0) == (code == 0));
  if (strstr(e.text, why) == NULL) {
    EXPECT_TEXT(e.text, why);
  }
  slip_writer_free(&out);
}

static void test_collections(void)
{
  static const char *const good[] = {"a", "a/*", "edu/physics/*", "a/b", "*"};
  static const char *const bad[] = {"",    "**",   "/*", "a*",   "a/**",
                                    "*/a", "a//*", "a/", "a/*/*"};
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    struct slip_wish w = wish_of(good[i]);
    adds(&w, 0, "");
  }
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    struct slip_wish w = wish_of(bad[i]);
    adds(&w, ERR_INVALID, "collection name");
  }
}

static void test_wish_shapes(void)
{
  struct slip_wish w = wish_of("a");
  struct buf three = handles(3), want = links(2);
  w.have = span_of(three.p, 23);
  adds(&w, ERR_INVALID, "no row of 8-byte handles");
  w.have = buf_span(&three);
  adds(&w, 0, "");
  memmove(three.p, three.p + 8, 8); /* 2 2 3 */
  adds(&w, ERR_INVALID, "handle 2 of `have` does not ascend");
  memset(three.p, 0xff, 8);
  adds(&w, ERR_INVALID, "handle 2 of `have`");
  w = wish_of("a");
  w.files = -1;
  adds(&w, ERR_INVALID, "`files`");
  w.files = CBOR_INT_MAX;
  adds(&w, 0, "");
  w.files = CBOR_INT_MAX + 1ll;
  adds(&w, ERR_INVALID, "`files`");
  w.files = 0;
  w.want = span_of("\xa0", 1);
  adds(&w, ERR_INVALID, "`want` is no list");
  w.want = span_of("\x81\x00", 2);
  adds(&w, ERR_INVALID, "what is no link");
  w.want = span_of("\x80\x80", 2);
  adds(&w, ERR_INVALID, "bytes after the end");
  w.want = span_of(want.p, want.n - 1);
  adds(&w, ERR_INVALID, "at byte");
  buf_free(&three);
  buf_free(&want);
}

static void test_missing_limit(void)
{
  for (size_t n = SLIP_MISSING_MAX - 1; n <= SLIP_MISSING_MAX + 1; n++) {
    struct buf want = links(n);
    struct slip_wish w = wish_of("a");
    w.want = buf_span(&want);
    adds(&w, n <= SLIP_MISSING_MAX ? 0 : ERR_LIMIT,
         n <= SLIP_MISSING_MAX ? "" : "16385 links; at most 16384");
    buf_free(&want);
  }
}

static void test_wishes_limit(void)
{
  struct slip_writer w = {0};
  struct slip_wish wish = wish_of("a");
  struct buf out = {0};
  for (size_t i = 1; i <= SLIP_WISHES_MAX; i++) {
    EXPECT_INT(slip_add(&w, &wish, NULL), 0);
  }
  EXPECT_INT(slip_add(&w, &wish, NULL), ERR_LIMIT);
  EXPECT_INT(finish(&w, &out), 0);
  EXPECT_INT(read_span(buf_span(&out)), 0);
  /* The same slip with one wish more, made by another hand: 0400 -> 0401. */
  struct slip s;
  NEED(slip_read(&s, buf_span(&out), NULL) == 0);
  size_t at = (size_t)(s.wishes.p - out.p);
  size_t one = (s.wishes.n - 3) / SLIP_WISHES_MAX;
  struct buf more = {0};
  NEED(buf_put(&more, out.p, out.n) == 0);
  NEED(buf_put(&more, out.p + at + 3, one) == 0);
  more.p[at + 2] += 1;
  EXPECT_INT(read_only(buf_span(&more)), ERR_LIMIT);
  buf_free(&more);
  buf_free(&out);
}

/* A slip of SLIP_SIZE_MAX bytes at most: handles fill it up. */
static void test_size_limit(void)
{
  struct buf have = handles(SLIP_SIZE_MAX / SLIP_HANDLE_SIZE);
  struct buf out = {0};
  struct slip_writer w = {0};
  struct slip_wish wish = wish_of("a");
  wish.have = span_of(have.p, 0x10000);
  NEED(slip_add(&w, &wish, NULL) == 0 && finish(&w, &out) == 0);
  size_t frame = out.n - wish.have.n; /* heads of 5 bytes from 65,536 on */
  for (size_t more = 0; more <= 2; more++) {
    /* The name's length fills what handles of 8 bytes can't. */
    char name[COLLECTION_NAME_MAX];
    size_t room = SLIP_SIZE_MAX - 1 + more - frame + 1;
    memset(name, 'a', sizeof name);
    wish = wish_of("");
    wish.collection = span_of(name, room % 8 + 8);
    wish.have = span_of(have.p, room - wish.collection.n);
    buf_clear(&out);
    NEED(slip_add(&w, &wish, NULL) == 0);
    EXPECT_INT(finish(&w, &out), more <= 1 ? 0 : ERR_LIMIT);
    EXPECT_INT(out.n, more <= 1 ? SLIP_SIZE_MAX - 1 + more : 0);
    if (more <= 1) {
      EXPECT_INT(read_span(buf_span(&out)), 0);
    }
  }
  uint8_t *zeros = mem_zero(SLIP_SIZE_MAX + 1);
  NEED(zeros != NULL);
  EXPECT_INT(read_only(span_of(zeros, SLIP_SIZE_MAX)), ERR_INVALID);
  EXPECT_INT(read_only(span_of(zeros, SLIP_SIZE_MAX + 1)), ERR_LIMIT);
  mem_free(zeros);
  buf_free(&have);
  buf_free(&out);
}

static void test_finish_refuses(void)
{
  struct slip_writer w = {0};
  struct buf out = {0};
  NEED(buf_put(&out, "before", 6) == 0);
  EXPECT_INT(slip_finish(&w, &out, id, salt, -1, 0, NULL), ERR_INVALID);
  EXPECT_INT(slip_finish(&w, &out, id, salt, 0, -1, NULL), ERR_INVALID);
  EXPECT_INT(slip_finish(&w, &out, id, salt, CBOR_INT_MAX + 1ll, 0, NULL),
             ERR_INVALID);
  EXPECT_INT(out.n, 6);
  EXPECT_INT(slip_finish(&w, &out, id, salt, 0, 0, NULL), 0);
  EXPECT_INT(read_span(span_of(out.p + 6, out.n - 6)), 0);
  buf_free(&out);
  slip_writer_free(&w);
}

/* ---- hand-made slips ---- */

struct parts {
  const char *kind;
  size_t sig, salt, author;
  int64_t time, budget;
  const char *wishes; /* hex */
};

static const struct parts good = {"slip/1", 64, 16, 32, 0, 0, "80"};

static void reads(const struct parts *x, int code, const char *why)
{
  static const uint8_t zeros[100] = {0};
  struct buf b = {0}, wishes = hex_buf(x->wishes);
  struct slip s;
  struct err e = {0};
  int rc = cbor_put_map(&b, 7);
  rc |= cbor_put_key(&b, "sig") | cbor_put_bytes(&b, zeros, x->sig);
  rc |= cbor_put_key(&b, "kind") | cbor_put_key(&b, x->kind);
  rc |= cbor_put_key(&b, "salt") | cbor_put_bytes(&b, zeros, x->salt);
  rc |= cbor_put_key(&b, "time") | cbor_put_int(&b, x->time);
  rc |= cbor_put_key(&b, "author") | cbor_put_bytes(&b, zeros, x->author);
  rc |= cbor_put_key(&b, "budget") | cbor_put_int(&b, x->budget);
  rc |= cbor_put_key(&b, "wishes") | buf_put(&b, wishes.p, wishes.n);
  NEED(rc == 0);
  EXPECT_INT(sweep_one(buf_span(&b), read_only), code);
  (void)!slip_read(&s, buf_span(&b), &e);
  if (strstr(e.text, why) == NULL) {
    EXPECT_TEXT(e.text, why);
  }
  buf_free(&b);
  buf_free(&wishes);
}

#define WITH(field, v, code, why)                                              \
  do {                                                                         \
    struct parts x = good;                                                     \
    x.field = v;                                                               \
    reads(&x, code, why);                                                      \
  } while (0)

#define BAD ERR_INVALID
#define WISH_HAVE "6468617665"
#define WISH_WANT "6477616e74"
#define WISH_FILES "6566696c6573"
#define WISH_NAME "6a636f6c6c656374696f6e"

static void test_shapes(void)
{
  reads(&good, 0, "");
  WITH(kind, "slip/2", BAD, "`kind` is not slip/1");
  WITH(sig, 63, BAD, "`sig` has 63 bytes, not 64");
  WITH(salt, 15, BAD, "`salt` has 15 bytes, not 16");
  WITH(salt, 17, BAD, "`salt` has 17 bytes");
  WITH(author, 33, BAD, "`author` has 33 bytes, not 32");
  WITH(time, -1, BAD, "`time` is below 0");
  WITH(budget, -1, BAD, "`budget` is below 0");
  WITH(wishes, "a0", BAD, "`wishes` is no list");
  WITH(wishes, "8100", BAD, "a wish is no map of 4 keys");
  WITH(wishes, "81a0", BAD, "a wish is no map of 4 keys");
  WITH(wishes,
       "81a4" WISH_HAVE "40" WISH_WANT "80" WISH_FILES "00" WISH_NAME "6161", 0,
       "");
  WITH(wishes,
       "81a4" WISH_HAVE "60" WISH_WANT "80" WISH_FILES "00" WISH_NAME "6161",
       BAD, "`have` is of the wrong type");
  WITH(wishes,
       "81a4" WISH_HAVE "4101" WISH_WANT "80" WISH_FILES "00" WISH_NAME "6161",
       BAD, "no row of 8-byte handles");
  WITH(wishes,
       "81a4" WISH_HAVE "40" WISH_WANT "8100" WISH_FILES "00" WISH_NAME "6161",
       BAD, "what is no link");
  WITH(wishes,
       "81a4" WISH_HAVE "40" WISH_WANT "80" WISH_FILES "20" WISH_NAME "6161",
       BAD, "`files` is below 0");
  WITH(wishes,
       "81a4" WISH_HAVE "40" WISH_WANT "80" WISH_FILES "00" WISH_NAME "622f2a",
       BAD, "collection name");
  EXPECT_INT(read_only(span_of("\xa0", 1)), BAD);
  EXPECT_INT(read_only(span_of("\xf6", 1)), BAD);
  EXPECT_INT(read_only(span_of("", 0)), BAD);
}

int main(void)
{
  struct buf seed = hex_buf(SEED);
  NEED(crypt_start(NULL) == 0);
  NEED(identity_from_seed(&id, seed.p, NULL) == 0);
  RUN(test_known_answer);
  RUN(test_sweep);
  RUN(test_known_sets);
  RUN(test_set_shapes);
  RUN(test_sets_by_hand);
  RUN(test_sets_limit);
  RUN(test_handle);
  RUN(test_has);
  RUN(test_collections);
  RUN(test_wish_shapes);
  RUN(test_missing_limit);
  RUN(test_wishes_limit);
  RUN(test_size_limit);
  RUN(test_finish_refuses);
  RUN(test_shapes);
  identity_del(id);
  buf_free(&seed);
  return unit_done();
}
