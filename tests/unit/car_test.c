/* SPDX-License-Identifier: 0BSD */
#include "form/car.h"

#include "car_scan.h"
#include "unit.h"
#include "vector_file.h"

/* Three small blocks of raw bytes behind a header with one root. */
static void put_sample(struct buf *b)
{
  static const char *const texts[] = {"hello", "", "a third block"};
  struct cid c;
  NEED(cid_of(&c, CID_RAW, "hello", 5) == 0);
  NEED(car_put_header(b, &c, 1) == 0);
  for (int i = 0; i < 3; i++) {
    struct span block = span_of(texts[i], strlen(texts[i]));
    NEED(cid_of(&c, CID_RAW, block.p, block.n) == 0);
    NEED(car_put_section(b, &c, block) == 0);
  }
}

static void test_varint_forms(void)
{
  static const uint64_t values[] = {
      0,       1,       127,        128,           16383,    16384,
      2097151, 2097152, UINT32_MAX, INT64_MAX - 1, INT64_MAX};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    uint8_t b[VARINT_BYTES_MAX];
    uint64_t v = 1;
    size_t n = varint_put(b, values[i]);
    EXPECT_INT(varint_read(span_of(b, n), &v), n);
    EXPECT(v == values[i]);
    for (size_t cut = 0; cut < n; cut++) {
      EXPECT_INT(varint_read(span_of(b, cut), &v), 0);
    }
  }
}

static void test_varint_refused(void)
{
  uint64_t v;
  EXPECT_INT(varint_read(span_of("\x80\x00", 2), &v), ERR_INVALID);
  EXPECT_INT(varint_read(span_of("\xff\x80\x00", 3), &v), ERR_INVALID);
  /* 9 bytes hold 63 bits; a tenth is too many */
  EXPECT_INT(
      varint_read(span_of("\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9), &v), 9);
  EXPECT(v == INT64_MAX);
  EXPECT_INT(
      varint_read(span_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10), &v),
      ERR_INVALID);
}

static void test_header_bytes(void)
{
  struct buf b = {0};
  struct cid c;
  NEED(cid_of(&c, CID_RAW, "hello", 5) == 0);
  EXPECT_INT(car_put_header(&b, &c, 1), 0);
  EXPECT_INT(b.n, 59);
  EXPECT(memcmp(b.p, "\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00\x01\x55", 16) ==
         0);
  EXPECT(memcmp(b.p + b.n - 9, "\x67version\x01", 9) == 0);
  buf_free(&b);
}

static void test_header_roots(void)
{
  static const size_t counts[] = {0, 1, 23, 24, CAR_ROOTS_MAX};
  static struct cid in[CAR_ROOTS_MAX + 1], out[CAR_ROOTS_MAX];
  struct buf b = {0};
  size_t n;
  for (size_t i = 0; i < CAR_ROOTS_MAX + 1; i++) {
    NEED(cid_of(&in[i], CID_DAG_CBOR, &i, sizeof i) == 0);
  }
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    buf_clear(&b);
    EXPECT_INT(car_put_header(&b, in, counts[i]), 0);
    EXPECT_INT(car_read_header(buf_span(&b), out, &n, NULL), b.n);
    EXPECT_INT(n, counts[i]);
    EXPECT(memcmp(in, out, n * sizeof *in) == 0);
    for (size_t cut = 0; cut < b.n; cut++) {
      EXPECT_INT(car_read_header(span_of(b.p, cut), out, &n, NULL), 0);
    }
  }
  buf_clear(&b);
  EXPECT_INT(car_put_header(&b, in, CAR_ROOTS_MAX + 1), ERR_LIMIT);
  EXPECT_INT(b.n, 0);
  /* the same number from a stranger: c1 more, and a list head of 65 */
  NEED(car_put_header(&b, in, CAR_ROOTS_MAX) == 0);
  size_t body = b.n - 2 + 41;
  struct buf more = {0};
  uint8_t head[VARINT_BYTES_MAX];
  NEED(buf_put(&more, head, varint_put(head, body)) == 0);
  NEED(buf_put(&more, b.p + 2, 7) == 0 && buf_put(&more, "\x98\x41", 2) == 0);
  NEED(buf_put(&more, b.p + 11, 41) == 0);
  NEED(buf_put(&more, b.p + 11, b.n - 11) == 0);
  EXPECT_INT(more.n, 2 + body);
  EXPECT_INT(car_read_header(buf_span(&more), out, &n, NULL), ERR_LIMIT);
  buf_free(&more);
  buf_free(&b);
}

/* A header of ${n} bytes made by one root of a length that fits. */
static void put_header_of(struct buf *b, size_t n)
{
  uint8_t head[VARINT_BYTES_MAX], zeros[CAR_HEADER_MAX] = {0};
  size_t cid = n - 1 - 6 - 1 - 2 - 3 - 9; /* all but the link's bytes */
  NEED(cid > 255);
  NEED(buf_put(b, head, varint_put(head, n)) == 0);
  NEED(buf_put(b, "\xa2\x65roots\x81\xd8\x2a\x59", 11) == 0);
  NEED(buf_byte(b, (uint8_t)(cid >> 8)) == 0 && buf_byte(b, (uint8_t)cid) == 0);
  NEED(buf_put(b, zeros, cid) == 0);
  NEED(buf_put(b, "\x67version\x01", 9) == 0);
}

static void test_header_size_limit(void)
{
  struct cid roots[CAR_ROOTS_MAX];
  struct buf b = {0};
  struct err e;
  size_t n;
  for (size_t size = CAR_HEADER_MAX - 1; size <= CAR_HEADER_MAX + 1; size++) {
    buf_clear(&b);
    put_header_of(&b, size);
    EXPECT_INT(b.n, size + 2);
    EXPECT_INT(car_read_header(buf_span(&b), roots, &n, &e), ERR_LIMIT);
    /* up to the limit it is read, and the root is what is too large */
    EXPECT((strstr(e.text, "a root of") != NULL) == (size <= CAR_HEADER_MAX));
  }
  /* the length alone is enough to refuse: nothing more is asked for */
  EXPECT_INT(car_read_header(span_of("\x81\x20", 2), roots, &n, &e), ERR_LIMIT);
  EXPECT_INT(car_read_header(span_of("\x80\x20", 2), roots, &n, &e), 0);
  buf_free(&b);
}

static void test_header_root_size(void)
{
  struct cid roots[CAR_ROOTS_MAX];
  uint8_t h[256] = {0};
  size_t n;
  for (size_t size = 127; size <= 129; size++) {
    memcpy(h, "\x00\x01\xa2\x65roots\x81\xd8\x2a\x58", 13);
    size_t body = 11 + 1 + 1 + size + 9;
    NEED(varint_put(h, body) == 2);
    h[13] = (uint8_t)(size + 1);
    memset(h + 14, 0, size + 1);
    memcpy(h + 15 + size, "\x67version\x01", 9);
    int64_t want = size <= 128 ? (int64_t)body + 2 : ERR_LIMIT;
    EXPECT_INT(car_read_header(span_of(h, body + 2), roots, &n, NULL), want);
    EXPECT_INT(n, 0);
  }
}

struct bad_header {
  const char *bytes;
  size_t n;
};

#define BAD(text)                                                              \
  {                                                                            \
    text, sizeof(text) - 1                                                     \
  }

static void test_header_refused(void)
{
  static const struct bad_header bad[] = {
      BAD("\x00"),                                 /* no map */
      BAD("\x01\xa0"),                             /* an empty one */
      BAD("\x11\xa2\x67version\x01\x65roots\x80"), /* not sorted */
      BAD("\x11\xa2\x65roots\x80\x67version\x02"),
      BAD("\x11\xa2\x65roots\x80\x67version\x00"),
      BAD("\x12\xa2\x65roots\x80\x67version\x18\x01"), /* overlong one */
      BAD("\x12\xa2\x65roots\x98\x00\x67version\x01"), /* overlong zero */
      BAD("\x12\xa2\x65roots\x80\x67version\x01\x00"), /* trailing */
      BAD("\x12\xbf\x65roots\x80\x67version\x01\xff"), /* indefinite */
      BAD("\x18\xa3\x65roots\x80\x65roots\x80\x67version\x01"),
      BAD("\x11\xa2\x65rootz\x80\x67version\x01"),
      BAD("\x08\xa1\x65roots\x80"),
      BAD("\x0a\xa1\x67version\x01"),
      BAD("\x15\xa2\x65roots\x81\xd8\x2a\x41\x00\x67version\x01"), /* no CID */
      BAD("\x16\xa2\x65roots\x81\xd8\x2a\x42\x01\x55\x67version\x01"),
      BAD("\x16\xa2\x65roots\x81\xd8\x2b\x42\x00\x55\x67version\x01"),
      BAD("\x14\xa2\x65roots\x81\x42\x00\x55\x67version\x01"),
      BAD("\x80\x00"),     /* an overlong length */
      BAD("\x01\xb8"),     /* a cut head */
      BAD("\x02\xb9\x00"), /* another */
      BAD("\x18\xa2\x65roots\x81\xd8\x2a\x59\x00\x02\x00\x55\x67version\x01"),
      BAD("\x15\xa2\x65roots\x9b\x00\x00\x00\x00\x67version\x01"),
      BAD("\x0a\xa1\x67version\x02"), /* CARv2 */
  };
  struct cid roots[CAR_ROOTS_MAX];
  size_t n;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct err e = {0, ""};
    int64_t rc =
        car_read_header(span_of(bad[i].bytes, bad[i].n), roots, &n, &e);
    EXPECT_INT(rc, ERR_INVALID);
    EXPECT(e.text[0] != '\0');
    if (rc != ERR_INVALID) {
      printf("  header number %zu\n", i);
    }
  }
}

/* A byte may change a root or nothing; all else is refused. */
static void test_header_flips(void)
{
  struct cid roots[CAR_ROOTS_MAX];
  struct buf b = {0};
  size_t n, taken = 0;
  struct cid c;
  NEED(cid_of(&c, CID_RAW, "hello", 5) == 0);
  NEED(car_put_header(&b, &c, 1) == 0);
  for (size_t i = 0; i < b.n; i++) {
    for (int bit = 0; bit < 8; bit++) {
      b.p[i] ^= (uint8_t)(1 << bit);
      taken += car_read_header(buf_span(&b), roots, &n, NULL) > 0;
      b.p[i] ^= (uint8_t)(1 << bit);
    }
  }
  /* Only the bytes of the CID itself may be anything. */
  EXPECT_INT(taken, CID_SIZE * 8);
  buf_free(&b);
}

static void test_sections(void)
{
  struct buf b = {0};
  struct car_tally t;
  put_sample(&b);
  car_scan(buf_span(&b), &t);
  EXPECT_INT(t.header, 0);
  EXPECT_INT(t.roots, 1);
  EXPECT_INT(t.good, 3);
  EXPECT_INT(t.wounds, 0);
  EXPECT_INT(t.last_good, b.n);
  EXPECT_INT(t.salvage.wasted, 0);
  buf_free(&b);
}

static void test_section_cuts(void)
{
  struct buf b = {0};
  struct cid c;
  struct car_section out;
  NEED(cid_of(&c, CID_RAW, "hello", 5) == 0);
  NEED(car_put_section(&b, &c, span_of("hello", 5)) == 0);
  EXPECT_INT(b.n, 1 + CID_SIZE + 5);
  for (size_t cut = 0; cut < b.n; cut++) {
    EXPECT_INT(car_read_section(span_of(b.p, cut), &out, NULL), 0);
  }
  EXPECT_INT(car_read_section(buf_span(&b), &out, NULL), b.n);
  EXPECT(cid_equal(&out.cid, &c));
  EXPECT(span_is(out.block, "hello"));
  buf_free(&b);
}

static void test_block_size_limit(void)
{
  uint8_t *zeros = calloc(1, BLOCK_SIZE_MAX + 1);
  struct buf b = {0};
  struct cid c;
  struct car_section out;
  NEED(zeros != NULL);
  for (size_t n = BLOCK_SIZE_MAX - 1; n <= BLOCK_SIZE_MAX + 1; n++) {
    bool fits = n <= BLOCK_SIZE_MAX;
    buf_clear(&b);
    NEED(cid_of(&c, CID_RAW, zeros, n) == 0);
    EXPECT_INT(car_put_section(&b, &c, span_of(zeros, n)),
               fits ? 0 : ERR_LIMIT);
    uint8_t head[VARINT_BYTES_MAX + CID_SIZE];
    size_t at = varint_put(head, CID_SIZE + n);
    memcpy(head + at, c.b, CID_SIZE);
    /* a stranger's head is refused before its block is asked for */
    EXPECT_INT(car_read_section(span_of(head, at + CID_SIZE), &out, NULL),
               fits ? 0 : ERR_INVALID);
    if (fits) {
      EXPECT_INT(car_read_section(buf_span(&b), &out, NULL), b.n);
      EXPECT_INT(out.block.n, n);
      EXPECT(b.n <= CAR_SECTION_MAX);
    }
  }
  buf_free(&b);
  free(zeros);
}

static void test_foreign_sections(void)
{
  struct car_section out;
  uint8_t v0[40] = {39, 0x12, 0x20}; /* CIDv0 and five bytes */
  EXPECT_INT(car_read_section(span_of(v0, 40), &out, NULL), ERR_INVALID);
  EXPECT_INT(car_foreign_section(span_of(v0, 40)), 40);
  EXPECT_INT(car_foreign_section(span_of(v0, 34)), 0); /* not seen whole */
  EXPECT_INT(car_foreign_section(span_of(v0, 35)), 40);
  v0[2] = 0x1f; /* of another length: no CIDv0, nor any other */
  EXPECT_INT(car_foreign_section(span_of(v0, 40)), 0);
  /* an identity CID that holds two bytes, and nothing after it */
  static const uint8_t identity[] = {6, 0x01, 0x55, 0x00, 0x02, 'h', 'i'};
  EXPECT_INT(car_read_section(span_of(identity, 7), &out, NULL), ERR_INVALID);
  EXPECT_INT(car_foreign_section(span_of(identity, 7)), 7);
  /* no CID at all */
  static const uint8_t junk[] = {6, 0x02, 0x55, 0x00, 0x02, 'h', 'i'};
  EXPECT_INT(car_foreign_section(span_of(junk, 7)), 0);
  EXPECT_INT(car_foreign_section(span_of("\x00", 1)), 0);
  /* one of ours is never foreign, however wrong its length */
  struct buf b = {0};
  put_sample(&b);
  EXPECT_INT(car_foreign_section(span_of(b.p + 59, b.n - 59)), 0);
  buf_free(&b);
}

static void test_foreign_cid_limit(void)
{
  uint8_t b[256] = {0};
  for (size_t digest = 123; digest <= 125; digest++) {
    size_t at = varint_put(b, 4 + digest);
    memcpy(b + at, "\x01\x55\x00", 3);
    b[at + 3] = (uint8_t)digest;
    bool fits = 4 + digest <= 128;
    EXPECT_INT(car_foreign_section(span_of(b, at + 4 + digest)),
               fits ? (int64_t)(at + 4 + digest) : 0);
  }
}

/* What car_seek does, said in the plainest way. */
static size_t plain_seek(struct span s, size_t from)
{
  for (size_t at = from; at < s.n; at++) {
    uint64_t v;
    struct span rest = {s.p + at, s.n - at};
    int n = varint_read(rest, &v);
    if (n > 0 && v >= CID_SIZE && v <= CID_SIZE + BLOCK_SIZE_MAX &&
        rest.n - (size_t)n >= CID_SIZE && cid_looks(rest.p + n)) {
      return at;
    }
  }
  return s.n;
}

static void test_seek(void)
{
  struct buf b = {0};
  NEED(buf_put(&b, "\x80\xa4\x24\x24", 4) == 0); /* may all begin a length */
  put_sample(&b);
  for (size_t from = 0; from <= b.n; from++) {
    EXPECT_INT(car_seek(buf_span(&b), from), plain_seek(buf_span(&b), from));
  }
  /* several lengths before one CID: the earliest first */
  uint8_t s[4 + CID_SIZE] = {0xa4, 0xa4, 0xa4, 0x24};
  struct cid c;
  NEED(cid_of(&c, CID_RAW, "", 0) == 0);
  memcpy(s + 4, c.b, CID_SIZE);
  for (size_t from = 0; from <= sizeof s; from++) {
    EXPECT_INT(car_seek(span_of(s, sizeof s), from),
               plain_seek(span_of(s, sizeof s), from));
  }
  EXPECT_INT(car_seek(span_of(s, sizeof s - 1), 0), sizeof s - 1);
  EXPECT_INT(car_seek(span_of(NULL, 0), 0), 0);
  buf_free(&b);
}

/* One flipped bit costs at most one block. */
static void test_salvage_flips(void)
{
  struct buf b = {0};
  struct car_tally t;
  put_sample(&b);
  for (size_t i = 0; i < b.n; i++) {
    for (int bit = 0; bit < 8; bit++) {
      b.p[i] ^= (uint8_t)(1 << bit);
      car_scan(buf_span(&b), &t);
      b.p[i] ^= (uint8_t)(1 << bit);
      EXPECT_INT(t.good, i < 59 ? 3 : 2);
    }
  }
  buf_free(&b);
}

static void test_salvage_cuts(void)
{
  struct buf b = {0};
  struct car_tally t;
  put_sample(&b);
  for (size_t cut = 0; cut < b.n; cut++) {
    car_scan(span_of(b.p, cut), &t);
    size_t whole = cut < 59 + 42 ? 0 : cut < 59 + 42 + 37 ? 1 : 2;
    EXPECT_INT(t.good, whole);
    /* bytes taken out of the middle hurt what they touched only */
    struct buf hole = {0};
    NEED(buf_put(&hole, b.p, cut) == 0);
    NEED(buf_put(&hole, b.p + cut + 1, b.n - cut - 1) == 0);
    car_scan(buf_span(&hole), &t);
    EXPECT(t.good >= 2);
    buf_free(&hole);
  }
  buf_free(&b);
}

/* Heads of 2 MiB blocks and nothing else: the hashing stays in its budget. */
static void test_salvage_budget(void)
{
  const size_t size = 8u * 1024 * 1024;
  struct buf b = {0};
  struct car_tally t;
  struct cid c;
  NEED(cid_of(&c, CID_RAW, "x", 1) == 0);
  NEED(buf_reserve(&b, size + 64) == 0);
  while (b.n < size) {
    NEED(buf_put(&b, "\xa4\x80\x80\x01", 4) == 0);
    NEED(buf_put(&b, c.b, CID_SIZE) == 0);
  }
  car_scan(buf_span(&b), &t);
  EXPECT_INT(t.good, 0);
  EXPECT(t.salvage.wasted <= CAR_SALVAGE_FREE + CAR_SALVAGE_FACTOR * b.n);
  EXPECT(t.salvage.wasted >= CAR_SALVAGE_FREE - BLOCK_SIZE_MAX);
  buf_free(&b);
}

static void test_salvage_budget_edges(void)
{
  struct car_salvage v = {0};
  EXPECT(!car_salvage_try(&v, 0, CAR_SALVAGE_FREE + 1));
  EXPECT_INT(v.wasted, 0);
  EXPECT(car_salvage_try(&v, 0, CAR_SALVAGE_FREE));
  EXPECT(!car_salvage_try(&v, 0, 1));
  EXPECT(car_salvage_try(&v, 1, CAR_SALVAGE_FACTOR));
  EXPECT(!car_salvage_try(&v, 1, 1));
  car_salvage_good(&v, 1);
  EXPECT(car_salvage_try(&v, 1, 1));
  /* Nearer to the begin the way has earned less than was spent. */
  EXPECT(v.wasted > CAR_SALVAGE_FREE);
  EXPECT(!car_salvage_try(&v, 0, 0));
}

/* Where the size is known: all of it at once, and what the way earns. */
static void test_salvage_budget_sized(void)
{
  struct car_salvage v = {.size = 1000};
  EXPECT(!car_salvage_try(&v, 0, 1001));
  EXPECT(car_salvage_try(&v, 0, 999));
  EXPECT(car_salvage_try(&v, 0, 1));
  EXPECT(!car_salvage_try(&v, 0, 1));
  EXPECT(car_salvage_try(&v, 1000, 2000));
  EXPECT(!car_salvage_try(&v, 1000, 1));
  EXPECT_INT(v.wasted, 3 * v.size);
}

static void test_v2(void)
{
  uint8_t h[CAR_V2_HEAD] = "\x0a\xa1\x67version\x02";
  uint64_t at, n;
  h[11 + 16] = CAR_V2_HEAD;
  h[11 + 24] = 100;
  EXPECT(car_is_v2(span_of(h, sizeof h)));
  EXPECT(!car_is_v2(span_of(h, 10)));
  for (size_t cut = 0; cut < sizeof h; cut++) {
    EXPECT_INT(car_read_v2(span_of(h, cut), &at, &n, NULL), 0);
  }
  EXPECT_INT(car_read_v2(span_of(h, sizeof h), &at, &n, NULL), CAR_V2_HEAD);
  EXPECT_INT(at, CAR_V2_HEAD);
  EXPECT_INT(n, 100);
  h[11 + 16] = CAR_V2_HEAD - 1; /* inside of the head itself */
  EXPECT_INT(car_read_v2(span_of(h, sizeof h), &at, &n, NULL), ERR_INVALID);
  h[11 + 16] = CAR_V2_HEAD;
  memset(h + 11 + 24, 0xff, 8); /* offset + size overflows */
  EXPECT_INT(car_read_v2(span_of(h, sizeof h), &at, &n, NULL), ERR_INVALID);
}

struct expect {
  const char *name;
  int header;
  size_t good, foreign, wounds;
};

/* Scans each file of `folder` that the table names and compares. */
static void expect_tallies(const char *folder, const struct expect *table,
                           size_t count)
{
  struct buf b = {0};
  for (size_t i = 0; i < count; i++) {
    const struct expect *x = &table[i];
    char name[128];
    struct car_tally t;
    snprintf(name, sizeof name, "%s/%s.car", folder, x->name);
    if (!vector_load(&b, name)) {
      unit_skip((int)(count - i), "no $VECTORS, or not all of its cars");
      break;
    }
    car_scan(buf_span(&b), &t);
    if (t.header != x->header || t.good != x->good || t.foreign != x->foreign ||
        t.wounds != x->wounds) {
      printf("  %s: header %d, %zu good, %zu foreign, %zu wounds\n", x->name,
             t.header, t.good, t.foreign, t.wounds);
      EXPECT(false);
    }
  }
  buf_free(&b);
}

/* EXPECT.json as far as the form of the file goes. What a DAG in it means
 * (sizes, names, depth) is unixfs_test's, frames inside blocks zpack_test's;
 * "stored once" and "never outside the folder" belong to admit and export. */
static void test_hostile(void)
{
  static const struct expect table[] = {
      {"ok-tiny", 0, 1, 0, 0},
      {"cid-mismatch", 0, 0, 0, 1},
      {"first-bad-then-good", 0, 1, 0, 1},
      {"dag-bomb-2pow40", 0, 41, 0, 0},
      {"dag-chain-depth-10000", 0, 10001, 0, 0},
      {"unixfs-lying-sizes", 0, 2, 0, 0},
      {"unixfs-tsize-overflow", 0, 2, 0, 0},
      {"hostile-names-dir", 0, 2, 0, 0},
      {"duplicate-names-dir", 0, 2, 0, 0},
      {"symlink-then-write", 0, 3, 0, 0},
      {"identity-cid-1000B", ERR_LIMIT, 0, 0, 0},
      {"identity-root-only", 0, 0, 0, 0},
      {"weak-hash-sha1", 0, 0, 1, 0},
      {"truncated-digest-4B", 0, 0, 1, 0},
      {"cid-nonminimal-varint", 0, 0, 0, 1},
      {"section-len-nonminimal", 0, 0, 0, 1},
      {"section-len-10-bytes-ff", 0, 0, 0, 1},
      {"section-len-2pow62", 0, 0, 0, 1},
      {"header-len-2pow40", ERR_LIMIT, 0, 0, 0},
      {"header-version-9", ERR_INVALID, 1, 0, 0},
      {"header-no-roots", 0, 1, 0, 0},
      {"header-dup-key", ERR_INVALID, 1, 0, 0},
      {"header-100000-roots", ERR_LIMIT, 0, 0, 0},
      {"zero-len-section", 0, 2, 0, 1},
      {"trailing-garbage", 0, 1, 0, 1},
      {"empty", ERR_INVALID, 0, 0, 0},
      {"same-block-10000-times", 0, 10000, 0, 0},
      {"zstd-bomb-1GiB-in-raw-block", 0, 1, 0, 0},
      {"zstd-liefcs", 0, 1, 0, 0},
      {"zstd-win31", 0, 1, 0, 0},
  };
  expect_tallies("own-hostile/car", table, sizeof table / sizeof *table);
}

static void test_go_car(void)
{
  static const struct expect table[] = {
      {"sample-v1", 0, 0, 1049, 0}, /* blake2b-256 and identity */
      {"ipld-spec/specs/transport/car/fixture/carv1-basic/carv1-basic", 0, 5, 3,
       0},
      {"simple-unixfs", 0, 0, 22, 0} /* CIDv0 */,
      {"simple-unixfs-missing-blocks", 0, 0, 17, 0},
      {"badheaderlength", ERR_LIMIT, 0, 0, 0},
      {"badsectionlength", 0, 0, 0, 1},
      {"sample-v1-tailing-corrupt-section", 0, 0, 1048, 1},
      {"sample-v1-with-zero-len-section", 0, 0, 1049, 1},
      {"sample-v1-with-zero-len-section2", 0, 0, 20, 1},
      {"sample-rootless-v42", ERR_INVALID, 0, 0, 0},
      {"sample-corrupt-pragma", ERR_INVALID, 0, 0, 0},
  };
  expect_tallies("car", table, sizeof table / sizeof *table);
}

/* A CARv2's payload, read as a CARv1. */
static void test_go_car_v2(void)
{
  static const char *const names[] = {
      "car/sample-unixfs-v2.car", "car/sample-rw-bs-v2.car",
      "car/ipld-spec/specs/transport/car/fixture/carv2-basic/carv2-basic.car"};
  static const size_t good[] = {3, 3, 2}, foreign[] = {0, 0, 3};
  struct buf b = {0};
  for (int i = 0; i < 3; i++) {
    struct car_tally t;
    uint64_t at, n;
    if (!vector_load(&b, names[i])) {
      unit_skip(3 - i, "no $VECTORS/car");
      break;
    }
    EXPECT_INT(car_read_v2(buf_span(&b), &at, &n, NULL), CAR_V2_HEAD);
    NEED(at <= b.n && n <= b.n - at);
    car_scan(span_of(b.p + at, (size_t)n), &t);
    EXPECT_INT(t.header, 0);
    EXPECT_INT(t.good, good[i]);
    EXPECT_INT(t.foreign, foreign[i]);
    EXPECT_INT(t.wounds, 0);
  }
  buf_free(&b);
}

int main(void)
{
  RUN(test_varint_forms);
  RUN(test_varint_refused);
  RUN(test_header_bytes);
  RUN(test_header_roots);
  RUN(test_header_size_limit);
  RUN(test_header_root_size);
  RUN(test_header_refused);
  RUN(test_header_flips);
  RUN(test_sections);
  RUN(test_section_cuts);
  RUN(test_block_size_limit);
  RUN(test_foreign_sections);
  RUN(test_foreign_cid_limit);
  RUN(test_seek);
  RUN(test_salvage_flips);
  RUN(test_salvage_cuts);
  RUN(test_salvage_budget);
  RUN(test_salvage_budget_edges);
  RUN(test_salvage_budget_sized);
  RUN(test_v2);
  RUN(test_hostile);
  RUN(test_go_car);
  RUN(test_go_car_v2);
  return unit_done();
}
