/* SPDX-License-Identifier: 0BSD */
#include "form/parcel.h"

#include "base/limits.h"
#include "base/mem.h"
#include "form/cbor.h"
#include "hex.h"
#include "sweep.h"

#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"

/* FORMAT.md shows these very bytes. */
#define PARCEL                                                                 \
  "a663736967584096ad77bbd87d5d64efa845a0ffaf517f23e8c122c8252fe0f4"           \
  "c08b49278effef7c240f70747c50f172a229d49d605ee5913f0974d174ba612a"           \
  "11cf2539708103646b696e646870617263656c2f316474696d651a6553f10066"           \
  "617574686f725820d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325"           \
  "af021a68f707511a677265636f72647382d82a5825000171122034160dbe0ab0"           \
  "0c23b3adde0e514c0cc179d0df1ebd11c19de92c2bd60a9c1a31d82a58250001"           \
  "7112209aa9e8e33f2e123018cd0aae012c32a8c001a81453139ff0f589c0273c"           \
  "e9b2b96a636f6c6c656374696f6e6b6564752f70687973696373"

static struct identity *id;

static struct cid record_cid(int i)
{
  struct cid c;
  NEED(cid_of(&c, CID_DAG_CBOR, &i, sizeof i) == 0);
  return c;
}

static struct cid *record_cids(size_t n)
{
  struct cid *cids = mem_alloc(n * sizeof *cids);
  NEED(cids != NULL);
  for (size_t i = 0; i < n; i++) {
    cids[i] = record_cid((int)i);
  }
  return cids;
}

/* A parcel of ${n} records, or the code. */
static int write_n(struct buf *b, size_t n, struct err *e)
{
  struct cid *cids = record_cids(n + 1);
  int rc = parcel_write(b, id, 1, span_of("a", 1), cids, n, e);
  mem_free(cids);
  return rc;
}

static void test_known_answer(void)
{
  struct cid cids[2];
  struct buf b = {0};
  struct parcel p;
  NEED(cid_of(&cids[0], CID_DAG_CBOR, "\xa1\x64type\x61x", 8) == 0);
  NEED(cid_of(&cids[1], CID_DAG_CBOR, "\xa1\x64type\x61y", 8) == 0);
  EXPECT_INT(parcel_write(&b, id, 1700000000, span_of("edu/physics", 11), cids,
                          2, NULL),
             0);
  EXPECT(hex_is(buf_span(&b), PARCEL));
  EXPECT(parcel_looks(buf_span(&b)));
  NEED(parcel_read(&p, buf_span(&b), NULL) == 0);
  EXPECT_INT(p.time, 1700000000);
  EXPECT(span_is(p.collection, "edu/physics"));
  EXPECT_INT(p.count, 2);
  EXPECT(memcmp(p.author, identity_key(id), CRYPT_KEY_SIZE) == 0);
  for (size_t i = 0; i < 2; i++) {
    struct cid c;
    parcel_record(&p, i, &c);
    EXPECT(cid_equal(&c, &cids[i]));
  }
  EXPECT_INT(parcel_verify(&p, false, NULL), 0);
  EXPECT_INT(parcel_verify(&p, true, NULL), 0);
  /* The signature covers the domain and the map without `sig`. */
  struct buf bare = {0};
  NEED(buf_put(&bare, "mahatta/parcel/1\0\xa5", 18) == 0);
  NEED(buf_put(&bare, b.p + 71, b.n - 71) == 0);
  EXPECT(crypt_verify_raw(p.sig, p.author, buf_span(&bare)));
  buf_free(&bare);
  buf_free(&b);
}

/* Appends; a refused one leaves what was there. */
static void test_append(void)
{
  struct buf b = {0};
  struct cid c = record_cid(1);
  NEED(buf_put(&b, "before", 6) == 0);
  EXPECT_INT(parcel_write(&b, id, -1, span_of("a", 1), &c, 1, NULL),
             ERR_INVALID);
  EXPECT_INT(b.n, 6);
  EXPECT_INT(parcel_write(&b, id, 1, span_of("a", 1), &c, 1, NULL), 0);
  EXPECT(memcmp(b.p, "before", 6) == 0);
  EXPECT(parcel_looks(span_of(b.p + 6, b.n - 6)));
  buf_free(&b);
}

static int read_span(struct span s)
{
  struct parcel p;
  int rc = parcel_read(&p, s, NULL);
  return rc < 0 ? rc : parcel_verify(&p, false, NULL);
}

static int read_only(struct span s)
{
  struct parcel p;
  struct err e = {0};
  int rc = parcel_read(&p, s, &e);
  EXPECT_INT(e.code, rc);
  EXPECT((rc < 0) == (e.text[0] != '\0'));
  return rc;
}

static void test_sweep(void)
{
  struct buf b = {0};
  NEED(write_n(&b, 3, NULL) == 0);
  EXPECT_INT(sweep_one(buf_span(&b), read_span), 0);
  EXPECT_INT(sweep_cuts(buf_span(&b), read_only), 0);
  EXPECT_INT(sweep_flips(buf_span(&b), read_span), 0);
  /* Without the signature: all bits of sig, author and digests may turn. */
  int taken = sweep_flips(buf_span(&b), read_only);
  EXPECT(taken >= 8 * (64 + 32 + 3 * 32) && taken < 8 * (64 + 32 + 96) + 24);
  buf_free(&b);
}

/* ---- hand-made maps ---- */

struct parts {
  const char *kind, *collection;
  size_t sig, author, extra;
  int64_t time;
  enum cid_codec codec;
  int records; /* the same one twice when negative */
};

static const struct parts good = {"parcel/1", "a", 64,           32,
                                  0,          0,   CID_DAG_CBOR, 1};

static struct buf build(const struct parts *x)
{
  static const uint8_t zeros[100] = {0};
  struct buf b = {0};
  int n = x->records < 0 ? -x->records : x->records;
  int rc = cbor_put_map(&b, 6 + x->extra);
  rc |= cbor_put_key(&b, "sig") | cbor_put_bytes(&b, zeros, x->sig);
  rc |= cbor_put_key(&b, "kind") | cbor_put_key(&b, x->kind);
  rc |= cbor_put_key(&b, "time") | cbor_put_int(&b, x->time);
  rc |= cbor_put_key(&b, "author") | cbor_put_bytes(&b, zeros, x->author);
  rc |= cbor_put_key(&b, "records") | cbor_put_list(&b, (size_t)n);
  for (int i = 0; i < n; i++) {
    struct cid c = record_cid(x->records < 0 ? 0 : i);
    c.b[1] = (uint8_t)x->codec;
    rc |= cbor_put_link(&b, &c);
  }
  rc |= cbor_put_key(&b, "collection");
  rc |= cbor_put_text(&b, x->collection, strlen(x->collection));
  for (size_t i = 0; i < x->extra; i++) {
    rc |= cbor_put_key(&b, "zzzzzzzzzzzz") | cbor_put_null(&b);
  }
  NEED(rc == 0);
  return b;
}

static void reads(const struct parts *x, int code, const char *why)
{
  struct buf b = build(x);
  struct parcel p;
  struct err e = {0};
  EXPECT_INT(parcel_read(&p, buf_span(&b), &e), code);
  if (strstr(e.text, why) == NULL) {
    EXPECT_TEXT(e.text, why);
  }
  buf_free(&b);
}

#define WITH(field, v, code, why)                                              \
  do {                                                                         \
    struct parts x = good;                                                     \
    x.field = v;                                                               \
    reads(&x, code, why);                                                      \
  } while (0)

static void test_shapes(void)
{
  reads(&good, 0, "");
  WITH(kind, "parcel/2", ERR_INVALID, "`kind` is not parcel/1");
  WITH(sig, 63, ERR_INVALID, "`sig` has 63 bytes, not 64");
  WITH(sig, 65, ERR_INVALID, "`sig` has 65 bytes");
  WITH(author, 31, ERR_INVALID, "`author` has 31 bytes, not 32");
  WITH(author, 33, ERR_INVALID, "`author` has 33 bytes");
  WITH(time, -1, ERR_INVALID, "`time`");
  WITH(time, CBOR_INT_MAX, 0, "");
  WITH(codec, CID_RAW, ERR_INVALID, "entry 1 of `records`");
  WITH(codec, CID_DAG_PB, ERR_INVALID, "no link to a record");
  WITH(extra, 1, ERR_INVALID, "not a map of 6 keys");
  WITH(collection, "", ERR_INVALID, "it is empty");
  WITH(collection, "a//b", ERR_INVALID, "a segment is empty");
  WITH(records, -2, ERR_INVALID, "listed twice");
  WITH(records, -512, ERR_INVALID, "listed twice");
}

static void read_hex(const char *hex, const char *why)
{
  struct buf b = hex_buf(hex);
  struct parcel p;
  struct err e = {0};
  EXPECT_INT(parcel_read(&p, buf_span(&b), &e), ERR_INVALID);
  if (strstr(e.text, why) == NULL) {
    EXPECT_TEXT(e.text, why);
  }
  EXPECT(!parcel_looks(buf_span(&b)));
  buf_free(&b);
}

static void test_strangers(void)
{
  read_hex("", "an item is missing");
  read_hex("f6", "not a map of 6 keys");
  read_hex("a0", "not a map of 6 keys");
  read_hex("86000000000000", "not a map of 6 keys");
  read_hex("a6616100616200616300616400616500616600", "`sig` is not in its");
  read_hex("a000", "bytes after the end");
  read_hex("a6637369670064616161610064616162620064616263630064626363630064"
           "6363636300",
           "`sig` is of the wrong type");
}

/* ---- limits ---- */

static void test_count_limit(void)
{
  for (size_t n = PARCEL_RECORDS_MAX - 1; n <= PARCEL_RECORDS_MAX + 1; n++) {
    struct parts x = good;
    struct buf b = {0};
    struct err e = {0};
    int want = n <= PARCEL_RECORDS_MAX ? 0 : ERR_LIMIT;
    EXPECT_INT(write_n(&b, n, &e), want);
    EXPECT(b.n <= PARCEL_SIZE_MAX);
    if (want == 0) {
      EXPECT_INT(read_span(buf_span(&b)), 0);
    }
    buf_free(&b);
    x.records = (int)n;
    reads(&x, want, want == 0 ? "" : "513 records");
  }
  struct buf b = {0};
  EXPECT_INT(write_n(&b, 0, NULL), ERR_LIMIT);
  buf_free(&b);
  WITH(records, 0, ERR_LIMIT, "0 records");
}

/* Only what is no parcel can be as large: the size is looked at first. */
static void test_size_limit(void)
{
  for (size_t n = PARCEL_SIZE_MAX - 1; n <= PARCEL_SIZE_MAX + 1; n++) {
    uint8_t *zeros = mem_zero(n);
    struct parcel p;
    NEED(zeros != NULL);
    EXPECT_INT(parcel_read(&p, span_of(zeros, n), NULL),
               n <= PARCEL_SIZE_MAX ? ERR_INVALID : ERR_LIMIT);
    mem_free(zeros);
  }
}

static void test_write_refuses(void)
{
  struct buf b = {0};
  struct span a = span_of("a", 1);
  struct cid c[2] = {record_cid(0), record_cid(0)};
  EXPECT_INT(parcel_write(&b, id, 1, a, c, 2, NULL), ERR_INVALID);
  EXPECT_INT(parcel_write(&b, id, CBOR_INT_MAX, a, c, 1, NULL), 0);
  EXPECT_INT(parcel_write(&b, id, CBOR_INT_MAX + 1ll, a, c, 1, NULL),
             ERR_INVALID);
  EXPECT_INT(parcel_write(&b, id, 1, span_of("", 0), c, 1, NULL), ERR_INVALID);
  c[0].b[1] = CID_RAW;
  EXPECT_INT(parcel_write(&b, id, 1, a, c, 1, NULL), ERR_INVALID);
  buf_free(&b);
}

/* ---- collection names ---- */

static int name_code(const char *name)
{
  struct err e = {0};
  int rc = collection_check(span_of(name, strlen(name)), &e);
  EXPECT_INT(e.code, rc);
  return rc;
}

static void test_names(void)
{
  static const char *const taken[] = {
      "a",
      "edu/physics",
      "edu/physics/ar",
      "فيزياء/قوانين",
      "زانست/فیزیک",
      "a b",
      "a.b",
      ".a",
      "...",
      "A-Z_0~9",
      "می\xe2\x80\x8cخواهم",
      "a:b",
  };
  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
    if (name_code(taken[i]) != 0) {
      printf("  refused: %s\n", taken[i]);
      EXPECT(false);
    }
  }
}

static void test_bad_names(void)
{
  static const char *const refused[] = {
      "",
      "/",
      "/a",
      "a/",
      "a//b",
      ".",
      "..",
      "a/..",
      "./a",
      "a/./b",
      "*",
      "edu/*",
      "a*b",
      " a",
      "a ",
      "a / b",
      "a/ b",
      "\xc2\xa0"
      "a",
      "a\xe3\x80\x80",
      "a\nb",
      "\t",
      "a\x7f",
      "a\xc2\x85"
      "b",
      "a\xe2\x80\xae"
      "b",
      "a\xe2\x81\xa6"
      "b",
      "\xe2\x80\x8f"
      "a",
      "\xef\xbb\xbf"
      "a",
      "a\xff",
      "a\xc3",
      "a\xe2\x80\xa8"
      "b",
      "\xd8\x9c"
      "a",
  };
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    if (name_code(refused[i]) != ERR_INVALID) {
      printf("  not refused: %s\n", refused[i]);
      EXPECT(false);
    }
  }
  EXPECT_INT(collection_check(span_of("a\0b", 3), NULL), ERR_INVALID);
}

/* ${cp} alone, and with a letter on one side or both. */
static int code_with(uint32_t cp, bool before, bool after)
{
  char name[8];
  size_t n = 0;
  name[n] = 'a';
  n += before;
  if (cp < 0x80) {
    name[n++] = (char)cp;
  } else if (cp < 0x800) {
    name[n++] = (char)(0xc0 | cp >> 6);
    name[n++] = (char)(0x80 | (cp & 0x3f));
  } else {
    name[n++] = (char)(0xe0 | cp >> 12);
    name[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
    name[n++] = (char)(0x80 | (cp & 0x3f));
  }
  name[n] = 'a';
  n += after;
  return collection_check(span_of(name, n), NULL);
}

/* First and last of each run of characters, with their neighbours: those that
 * no name may have, and white space, which may not stand at an end. */
static void test_name_characters(void)
{
  static const struct {
    uint32_t first, last;
    bool space;
  } runs[] = {
      {0x0001, 0x001f, false}, {0x007f, 0x009f, false}, {0x061c, 0x061c, false},
      {0x200e, 0x200f, false}, {0x2028, 0x202e, false}, {0x2066, 0x2069, false},
      {0xfeff, 0xfeff, false}, {0x0020, 0x0020, true},  {0x00a0, 0x00a0, true},
      {0x1680, 0x1680, true},  {0x2000, 0x200a, true},  {0x202f, 0x202f, true},
      {0x205f, 0x205f, true},  {0x3000, 0x3000, true}};
  size_t n = sizeof runs / sizeof runs[0];
  for (size_t i = 0; i < n; i++) {
    for (uint32_t cp = runs[i].first - 1; cp <= runs[i].last + 1; cp++) {
      bool refused = cp == 0, space = false;
      for (size_t k = 0; k < n; k++) {
        bool in = cp >= runs[k].first && cp <= runs[k].last;
        refused = refused || (in && !runs[k].space);
        space = space || (in && runs[k].space);
      }
      EXPECT_INT(code_with(cp, true, true), refused ? ERR_INVALID : 0);
      EXPECT_INT(code_with(cp, true, false),
                 refused || space ? ERR_INVALID : 0);
      EXPECT_INT(code_with(cp, false, true),
                 refused || space ? ERR_INVALID : 0);
    }
  }
}

static void test_name_limit(void)
{
  char name[COLLECTION_NAME_MAX + 2];
  memset(name, 'a', sizeof name);
  for (size_t n = COLLECTION_NAME_MAX - 1; n <= COLLECTION_NAME_MAX + 1; n++) {
    EXPECT_INT(collection_check(span_of(name, n), NULL),
               n <= COLLECTION_NAME_MAX ? 0 : ERR_LIMIT);
  }
}

/* ---- patterns ---- */

static bool matches(const char *pattern, const char *name)
{
  return pattern_matches(span_of(pattern, strlen(pattern)),
                         span_of(name, strlen(name)));
}

static void test_patterns(void)
{
  static const char *const taken[] = {"*", "a", "a/*", "a/b/*", "a b/*"};
  static const char *const refused[] = {"",     "**",    "/*",   "a*",
                                        "a/**", "*/a",   "a//*", "a/",
                                        "*/*",  "a/*/*", "a /*", "../*"};
  for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
    struct span s = span_of(taken[i], strlen(taken[i]));
    EXPECT_INT(pattern_check(s, NULL), 0);
  }
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    struct span s = span_of(refused[i], strlen(refused[i]));
    EXPECT_INT(pattern_check(s, NULL), ERR_INVALID);
  }
  EXPECT(matches("*", "a") && matches("*", "a/b"));
  EXPECT(matches("a/*", "a/b") && matches("a/*", "a/b/c"));
  EXPECT(!matches("a/*", "a") && !matches("a/*", "ab"));
  EXPECT(!matches("a/*", "b/a") && !matches("a/*", "a/"));
  EXPECT(matches("a", "a") && !matches("a", "a/b") && !matches("a", "b"));
}

int main(void)
{
  struct buf seed = hex_buf(SEED);
  NEED(crypt_start(NULL) == 0);
  NEED(identity_from_seed(&id, seed.p, NULL) == 0);
  RUN(test_known_answer);
  RUN(test_append);
  RUN(test_sweep);
  RUN(test_shapes);
  RUN(test_strangers);
  RUN(test_count_limit);
  RUN(test_size_limit);
  RUN(test_write_refuses);
  RUN(test_names);
  RUN(test_bad_names);
  RUN(test_name_characters);
  RUN(test_name_limit);
  RUN(test_patterns);
  identity_del(id);
  buf_free(&seed);
  return unit_done();
}
