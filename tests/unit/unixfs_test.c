/* SPDX-License-Identifier: 0BSD */
#include "form/unixfs.h"

#include "unixfs_shelf.h"

/* ---- building ---- */

static void expect_cid(const struct cid *c, const char *want)
{
  char text[CID_TEXT_SIZE + 1];
  cid_text(text, c);
  EXPECT_TEXT(text, want);
}

/* The empty file is the empty raw block, a small one its own bytes. */
static void test_no_and_one_leaf(void)
{
  struct shelf s = {0};
  struct cid root;
  uint64_t total;
  build_same(&s, 0, 1, &root, &total);
  expect_cid(&root,
             "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
  struct unixfs_builder *b = NULL;
  struct cid leaf;
  NEED(unixfs_builder_new(&b, sink, &s, NULL) == 0);
  NEED(cid_of(&leaf, CID_RAW, "hello world", 11) == 0);
  EXPECT_INT(unixfs_add_leaf(b, &leaf, 11, NULL), 0);
  EXPECT_INT(unixfs_finish(b, &root, &total, NULL), 0);
  expect_cid(&root, /* what kubo's own tests expect */
             "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
  EXPECT_INT(s.n, 0); /* no node was needed */
  unixfs_builder_del(b);
  unixfs_builder_del(NULL);
}

static void test_node_bytes(void)
{
  struct shelf s = {0};
  struct cid root;
  uint64_t total;
  build_same(&s, 2, 300, &root, &total);
  NEED(s.n == 1);
  const uint8_t *p = s.list[0].bytes.p;
  EXPECT_INT(s.list[0].bytes.n, 2 * 45 + 2 + 11);
  EXPECT(memcmp(p, "\x12\x2b\x0a\x24\x01\x55\x12\x20", 8) == 0);
  EXPECT(memcmp(p + 40, "\x12\x00\x18\xac\x02\x12\x2b", 7) == 0);
  EXPECT(memcmp(p + 90, "\x0a\x0b\x08\x02\x18\xd8\x04\x20\xac\x02\x20\xac\x02",
                13) == 0);
  shelf_free(&s);
}

/* FORMAT.md's example. */
static void test_example(void)
{
  struct shelf s = {0};
  struct unixfs_builder *b = NULL;
  struct cid leaf, root;
  uint64_t size;
  NEED(unixfs_builder_new(&b, sink, &s, NULL) == 0);
  NEED(cid_of(&leaf, CID_RAW, "hello ", 6) == 0);
  EXPECT_INT(unixfs_add_leaf(b, &leaf, 6, NULL), 0);
  NEED(cid_of(&leaf, CID_RAW, "world", 5) == 0);
  EXPECT_INT(unixfs_add_leaf(b, &leaf, 5, NULL), 0);
  EXPECT_INT(unixfs_finish(b, &root, &size, NULL), 0);
  EXPECT_INT(size, 11);
  EXPECT_INT(s.list[0].bytes.n, 98);
  expect_cid(&root,
             "bafybeieawq5zxtuzklbx7l6qhz63ob62tvimtjq2q7nb462d5o32mzgu3m");
  unixfs_builder_del(b);
  shelf_free(&s);
}

/* How many blocks a balanced tree of width 1024 has, and how deep it is. */
static void test_shapes(void)
{
  static const struct {
    uint64_t leaves;
    size_t nodes;
  } shapes[] = {{2, 1},    {1023, 1}, {1024, 1},       {1025, 3},
                {2048, 3}, {2049, 4}, {1048576, 1025}, {1048577, 1028}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    struct shelf s = {0};
    struct cid root;
    uint64_t total;
    build_same(&s, shapes[i].leaves, 1, &root, &total);
    EXPECT_INT(s.n, shapes[i].nodes);
    EXPECT(s.n > 0 && cid_equal(&root, &s.list[s.n - 1].cid));
    for (size_t k = 0; k < s.n; k++) {
      struct unixfs_node n;
      EXPECT_INT(unixfs_read(&n, buf_span(&s.list[k].bytes), NULL), 0);
      EXPECT_INT(n.type, UNIXFS_FILE);
      EXPECT(n.links >= 1 && n.links <= UNIXFS_LINKS_MAX);
      EXPECT(k < s.n - 1 || n.file_size == total);
    }
    shelf_free(&s);
  }
}

static void test_builder_limits(void)
{
  struct shelf s = {0};
  struct unixfs_builder *b = NULL;
  struct cid leaf, node, root;
  uint64_t total;
  NEED(cid_of(&leaf, CID_RAW, "x", 1) == 0);
  NEED(cid_of(&node, CID_DAG_PB, "x", 1) == 0);
  NEED(unixfs_builder_new(&b, sink, &s, NULL) == 0);
  EXPECT_INT(unixfs_add_leaf(b, &leaf, 0, NULL), ERR_MISUSE);
  EXPECT_INT(unixfs_add_leaf(b, &node, 1, NULL), ERR_MISUSE);
  EXPECT_INT(unixfs_add_leaf(b, &leaf, BLOCK_SIZE_MAX + 1, NULL), ERR_MISUSE);
  const uint64_t whole = UNIXFS_FILE_SIZE_MAX / BLOCK_SIZE_MAX;
  for (uint64_t i = 0; i + 1 < whole; i++) {
    NEED(unixfs_add_leaf(b, &leaf, BLOCK_SIZE_MAX, NULL) == 0);
  }
  EXPECT_INT(unixfs_add_leaf(b, &leaf, BLOCK_SIZE_MAX - 1, NULL), 0);
  EXPECT_INT(unixfs_add_leaf(b, &leaf, 2, NULL), ERR_LIMIT);
  EXPECT_INT(unixfs_add_leaf(b, &leaf, 1, NULL), 0);
  EXPECT_INT(unixfs_add_leaf(b, &leaf, 1, NULL), ERR_LIMIT);
  EXPECT_INT(unixfs_finish(b, &root, &total, NULL), 0);
  EXPECT(total == (uint64_t)UNIXFS_FILE_SIZE_MAX);
  struct unixfs_node n;
  struct span bytes = {NULL, 0};
  NEED(shelf_get(&s, &root, &bytes));
  EXPECT_INT(unixfs_read(&n, bytes, NULL), 0);
  /* and the builder is as new */
  EXPECT_INT(unixfs_add_leaf(b, &leaf, 1, NULL), 0);
  EXPECT_INT(unixfs_finish(b, &root, &total, NULL), 0);
  EXPECT_INT(total, 1);
  EXPECT(cid_equal(&root, &leaf));
  unixfs_builder_del(b);
  shelf_free(&s);
}

static void test_sink_fails(void)
{
  struct cid leaf, root;
  uint64_t total;
  NEED(cid_of(&leaf, CID_RAW, "x", 1) == 0);
  for (int at = 1; at <= 3; at++) { /* 1025 leaves have three nodes */
    struct shelf s = {.fail_at = at};
    struct unixfs_builder *b = NULL;
    int rc = 0;
    NEED(unixfs_builder_new(&b, sink, &s, NULL) == 0);
    for (int i = 0; i < 1025 && rc == 0; i++) {
      rc = unixfs_add_leaf(b, &leaf, 1, NULL);
      EXPECT(rc == 0 || (at == 1 && i == 1023));
    }
    if (rc == 0) {
      rc = unixfs_finish(b, &root, &total, NULL);
    }
    EXPECT_INT(rc, ERR_FULL);
    unixfs_builder_del(b);
    shelf_free(&s);
  }
}

/* ---- ChaCha20, for kubo's golden files: their content is its key stream
 * under SHA-256(seed), nonce and counter 0. ---- */

#define ROTL(v, n) ((v) << (n) | (v) >> (32 - (n)))

static void quarter(uint32_t *s, int a, int b, int c, int d)
{
  s[a] += s[b], s[d] = ROTL(s[d] ^ s[a], 16);
  s[c] += s[d], s[b] = ROTL(s[b] ^ s[c], 12);
  s[a] += s[b], s[d] = ROTL(s[d] ^ s[a], 8);
  s[c] += s[d], s[b] = ROTL(s[b] ^ s[c], 7);
}

static void chacha_block(uint8_t out[64], const uint8_t key[32], uint32_t n)
{
  uint32_t in[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, s[16];
  for (int i = 0; i < 8; i++) {
    const uint8_t *k = key + 4 * i;
    in[4 + i] = (uint32_t)k[0] | (uint32_t)k[1] << 8 | (uint32_t)k[2] << 16 |
                (uint32_t)k[3] << 24;
  }
  in[12] = n;
  memcpy(s, in, sizeof s);
  for (int i = 0; i < 10; i++) {
    quarter(s, 0, 4, 8, 12), quarter(s, 1, 5, 9, 13);
    quarter(s, 2, 6, 10, 14), quarter(s, 3, 7, 11, 15);
    quarter(s, 0, 5, 10, 15), quarter(s, 1, 6, 11, 12);
    quarter(s, 2, 7, 8, 13), quarter(s, 3, 4, 9, 14);
  }
  for (int i = 0; i < 64; i++) {
    out[i] = (uint8_t)((s[i / 4] + in[i / 4]) >> 8 * (i % 4));
  }
}

static void golden_fill(uint8_t *p, size_t n, const char *seed)
{
  struct cid c; /* its digest is the key */
  NEED(cid_of(&c, CID_RAW, seed, strlen(seed)) == 0);
  for (size_t at = 0; at < n; at += 64) {
    uint8_t block[64];
    chacha_block(block, cid_digest(&c), (uint32_t)(at / 64));
    memcpy(p + at, block, n - at < 64 ? n - at : 64);
  }
}

/* kubo test/cli/cid_profiles_test.go, unixfs-v1-2025 (the 1 GiB ones are in
 * tests/interop). */
static void test_golden(void)
{
  const size_t n = UNIXFS_LEAF_SIZE + 1;
  uint8_t *p = malloc(n);
  struct shelf s = {0};
  struct unixfs_builder *b = NULL;
  struct cid leaf, root;
  uint64_t total;
  NEED(p != NULL && unixfs_builder_new(&b, sink, &s, NULL) == 0);
  golden_fill(p, n, "chunk-v1-seed");
  NEED(cid_of(&leaf, CID_RAW, p, UNIXFS_LEAF_SIZE) == 0);
  EXPECT_INT(unixfs_add_leaf(b, &leaf, UNIXFS_LEAF_SIZE, NULL), 0);
  EXPECT_INT(unixfs_finish(b, &root, &total, NULL), 0);
  expect_cid(&root,
             "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta");
  EXPECT_INT(unixfs_add_leaf(b, &leaf, UNIXFS_LEAF_SIZE, NULL), 0);
  NEED(cid_of(&leaf, CID_RAW, p + UNIXFS_LEAF_SIZE, 1) == 0);
  EXPECT_INT(unixfs_add_leaf(b, &leaf, 1, NULL), 0);
  EXPECT_INT(unixfs_finish(b, &root, &total, NULL), 0);
  expect_cid(&root,
             "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64");
  unixfs_builder_del(b);
  shelf_free(&s);
  free(p);
}

/* ---- reading ---- */

struct form {
  int want;
  const char *name, *tsize; /* of the one link; "-": no link */
  size_t n;
  const char *data;
};

#define FORM(want, name, tsize, text)                                          \
  {                                                                            \
    want, name, tsize, sizeof(text) - 1, text                                  \
  }

static const struct form forms[] = {
    FORM(0, "", "\x05", "\x08\x02\x18\x05\x20\x05"),
    FORM(0, NULL, NULL, "\x08\x02\x18\x05\x20\x05"),
    FORM(ERR_INVALID, "-", NULL, "\x08\x02\x18\x01"),
    FORM(0, "", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
         "\x08\x02\x18\x05\x20\x05"),
    FORM(ERR_INVALID, "", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
         "\x08\x02\x18\x05\x20\x05"),
    FORM(ERR_INVALID, "a", "\x05", "\x08\x02\x18\x05\x20\x05"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x05\x20\x04"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x05"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x20\x05"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x05\x20\x03\x20\x02"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x00\x20\x00"),
    FORM(ERR_INVALID, "", "\x05", "\x18\x05\x20\x05\x08\x02"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x20\x05\x18\x05"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x05\x22\x01\x05"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x85\x00\x20\x05"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x00\x18\x05\x20\x05"),
    /* numbers and lengths that are cut short, or too large */
    FORM(ERR_INVALID, "", "\x05", "\x08\x82"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x85"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x12\x85"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x05\x20\x05\x38\xa4"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x05\x20\x05\x42\x02\x08"),
    FORM(ERR_INVALID, "", "\x05",
         "\x08\x02\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
    FORM(ERR_INVALID, "", "\x05",
         "\x08\x02\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x80\x01"),
    FORM(ERR_LIMIT, "", "\x05", /* 2^64 - 1 bytes, of which 5 are told */
         "\x08\x02\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20\x05"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x03\x18\x05\x20\x05"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x06\x18\x05\x20\x05"),
    FORM(ERR_INVALID, "", "\x05", ""),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x05\x20\x05\x48\x01"),
    FORM(0, "", "\x05", "\x08\x02\x18\x05\x20\x05\x38\xa4\x03\x42\x02\x08\x01"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x18\x05\x20\x05\x28\x22\x30\x10"),
    /* inline bytes and a link */
    FORM(0, "", "\x05", "\x08\x02\x12\x02hi\x18\x07\x20\x05"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x02\x12\x03hi"),
    /* leaves in dag-pb */
    FORM(0, "-", NULL, "\x08\x02\x12\x02hi\x18\x02"),
    FORM(0, "-", NULL, "\x08\x00\x12\x02hi\x18\x02"),
    FORM(0, "-", NULL, "\x08\x02\x18\x00"),
    FORM(ERR_INVALID, "-", NULL, "\x08\x02\x12\x02hi\x18\x03"),
    /* directories, symlinks, shards */
    FORM(0, "a", "\x05", "\x08\x01"),
    FORM(0, "-", NULL, "\x08\x01"),
    FORM(0, "", "\x05", "\x08\x01"),
    FORM(0, NULL, "\x05", "\x08\x01"),
    FORM(ERR_INVALID, "a", "\x05", "\x08\x01\x12\x01x"),
    FORM(ERR_INVALID, "a", "\x05", "\x08\x01\x20\x05"),
    FORM(ERR_INVALID, "a", "\x05", "\x08\x01\x18\x05"),
    FORM(0, "-", NULL, "\x08\x04\x12\x01/"),
    FORM(0, "-", NULL, "\x08\x04\x12\x01/\x18\x01"),
    FORM(ERR_INVALID, "-", NULL, "\x08\x04\x12\x01/\x18\x02"),
    FORM(ERR_INVALID, "", "\x05", "\x08\x04\x12\x01/"),
    FORM(ERR_INVALID, "-", NULL, "\x08\x04\x12\x01/\x18\x01\x20\x01"),
    FORM(0, "0Fa", "\x05", "\x08\x05\x12\x01\x01\x28\x22\x30\x80\x02"),
};

static void test_forms(void)
{
  struct cid c;
  NEED(cid_of(&c, CID_RAW, "hello", 5) == 0);
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    const struct form *f = &forms[i];
    struct buf b = {0};
    struct unixfs_node n;
    struct err e = {0, ""};
    if (f->name == NULL || strcmp(f->name, "-") != 0) {
      put_link(&b, &c, f->name, f->tsize);
    }
    put_data(&b, f->data, f->n);
    int rc = unixfs_read(&n, buf_span(&b), &e);
    if (rc != f->want) {
      printf("  form %zu: %d %s\n", i, rc, e.text);
      EXPECT(false);
    }
    EXPECT(rc == 0 || e.text[0] != '\0');
    buf_free(&b);
  }
}

/* Things around the Data that are not canonical dag-pb. */
static void test_node_refused(void)
{
  struct cid c;
  struct buf b = {0};
  struct unixfs_node n;
  NEED(cid_of(&c, CID_RAW, "hello", 5) == 0);
  EXPECT_INT(unixfs_read(&n, span_of(NULL, 0), NULL), ERR_INVALID);
  put_link(&b, &c, "", "\x05");
  EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL), ERR_INVALID); /* no Data */
  buf_clear(&b);
  put_data(&b, "\x08\x02\x18\x05\x20\x05", 6); /* Data before the links */
  put_link(&b, &c, "", "\x05");
  EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL), ERR_INVALID);
  buf_clear(&b);
  put_data(&b, "\x08\x02\x18\x00", 4); /* Data twice */
  put_data(&b, "\x08\x02\x18\x00", 4);
  EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL), ERR_INVALID);
  buf_clear(&b);
  NEED(cid_of(&c, CID_DAG_CBOR, "\xa0", 1) == 0);
  put_link(&b, &c, "", "\x05"); /* a part in dag-cbor */
  put_data(&b, "\x08\x02\x18\x05\x20\x05", 6);
  EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL), ERR_INVALID);
  b.p[5] = 0x56; /* an unknown codec */
  EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL), ERR_INVALID);
  NEED(cid_of(&c, CID_RAW, "hello", 5) == 0);
  for (int cut = 0; cut < 2; cut++) { /* within Hash, within Tsize */
    buf_clear(&b);
    put_link(&b, &c, cut == 0 ? NULL : "", "\x85");
    put_data(&b, "\x08\x02\x18\x05\x20\x05", 6);
    b.p[3] = (uint8_t)(cut == 0 ? 0x7f : CID_SIZE);
    EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL), ERR_INVALID);
  }
  buf_free(&b);
}

/* A File node of ${links} one-byte parts. */
static void put_file(struct buf *b, size_t links)
{
  struct cid c;
  struct buf data = {0};
  uint8_t head[VARINT_BYTES_MAX];
  NEED(cid_of(&c, CID_RAW, "x", 1) == 0);
  NEED(buf_put(&data, "\x08\x02\x18", 3) == 0);
  NEED(buf_put(&data, head, varint_put(head, links)) == 0);
  for (size_t i = 0; i < links; i++) {
    put_link(b, &c, "", "\x01");
    NEED(buf_put(&data, "\x20\x01", 2) == 0);
  }
  put_data(b, (const char *)data.p, data.n);
  buf_free(&data);
}

static void test_links_limit(void)
{
  for (size_t links = UNIXFS_LINKS_MAX - 1; links <= UNIXFS_LINKS_MAX + 1;
       links++) {
    struct buf b = {0};
    struct unixfs_node n;
    put_file(&b, links);
    EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL),
               links <= UNIXFS_LINKS_MAX ? 0 : ERR_LIMIT);
    buf_free(&b);
  }
}

static void test_file_size_limit(void)
{
  for (int over = -1; over <= 1; over++) {
    struct buf b = {0}, data = {0};
    struct cid c;
    struct unixfs_node n;
    uint8_t v[VARINT_BYTES_MAX];
    size_t len = varint_put(v, (uint64_t)(UNIXFS_FILE_SIZE_MAX + over));
    NEED(cid_of(&c, CID_RAW, "x", 1) == 0);
    put_link(&b, &c, "", "\x01");
    NEED(buf_put(&data, "\x08\x02\x18", 3) == 0);
    NEED(buf_put(&data, v, len) == 0 && buf_byte(&data, 0x20) == 0);
    NEED(buf_put(&data, v, len) == 0);
    put_data(&b, (const char *)data.p, data.n);
    EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL), over <= 0 ? 0 : ERR_LIMIT);
    buf_free(&data);
    buf_free(&b);
  }
}

/* Two parts whose sum wraps round to what the node claims. */
static void test_sum_overflow(void)
{
  struct buf b = {0};
  struct cid c;
  struct unixfs_node n;
  NEED(cid_of(&c, CID_RAW, "x", 1) == 0);
  put_link(&b, &c, "", "\x01");
  put_link(&b, &c, "", "\x01");
  put_data(&b,
           "\x08\x02\x18\x01\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20"
           "\x02",
           17);
  EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL), ERR_LIMIT);
  buf_free(&b);
}

/* A directory node of about ${size} bytes, by names of equal length. */
static void put_dir(struct buf *b, size_t size)
{
  struct cid c;
  char name[64];
  NEED(cid_of(&c, CID_RAW, "x", 1) == 0);
  for (int i = 0; size - 4 - b->n >= 190; i++) {
    snprintf(name, sizeof name, "%046d", i);
    put_link(b, &c, name, "\x01");
  }
  size_t left = size - 4 - b->n - 45; /* a link whose length has two bytes */
  NEED(left >= 86 && left < 128);
  char last[128] = {0};
  memset(last, 'z', left);
  put_link(b, &c, last, "\x01");
  put_data(b, "\x08\x01", 2);
}

static void test_dir_size_limit(void)
{
  for (size_t size = UNIXFS_DIR_NODE_MAX - 1; size <= UNIXFS_DIR_NODE_MAX + 1;
       size++) {
    struct buf b = {0};
    struct unixfs_node n;
    put_dir(&b, size);
    EXPECT_INT(b.n, size);
    EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL),
               size <= UNIXFS_DIR_NODE_MAX ? 0 : ERR_LIMIT);
    buf_free(&b);
  }
}

static void test_name_limit(void)
{
  struct cid c;
  NEED(cid_of(&c, CID_RAW, "x", 1) == 0);
  for (size_t len = UNIXFS_NAME_MAX - 1; len <= UNIXFS_NAME_MAX + 1; len++) {
    struct buf b = {0};
    struct unixfs_node n;
    uint8_t head[VARINT_BYTES_MAX], name[UNIXFS_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    size_t body = 2 + CID_SIZE + 1 + 2 + len;
    NEED(buf_byte(&b, 0x12) == 0);
    NEED(buf_put(&b, head, varint_put(head, body)) == 0);
    NEED(buf_put(&b, "\x0a\x24", 2) == 0 && buf_put(&b, c.b, CID_SIZE) == 0);
    NEED(buf_byte(&b, 0x12) == 0);
    NEED(buf_put(&b, head, varint_put(head, len)) == 0);
    NEED(buf_put(&b, name, len) == 0);
    put_data(&b, "\x08\x01", 2);
    EXPECT_INT(unixfs_read(&n, buf_span(&b), NULL),
               len <= UNIXFS_NAME_MAX ? 0 : ERR_INVALID);
    buf_free(&b);
  }
}

/* A leaf in dag-pb, all of it inline. */
static void test_block_limit(void)
{
  uint8_t *p = calloc(1, BLOCK_SIZE_MAX + 1 + VARINT_BYTES_MAX);
  struct unixfs_node n;
  NEED(p != NULL);
  for (size_t size = BLOCK_SIZE_MAX - 1; size <= BLOCK_SIZE_MAX + 1; size++) {
    /* 0a len4 | 08 02 12 len3 bytes 18 len3: lengths just below 2^21 */
    size_t data = size - 1 - 3, at = 0;
    size_t bytes = data - 2 - 1 - 3 - 1 - 3;
    p[at++] = 0x0a;
    NEED(varint_put(p + at, data) == 3);
    memcpy(p + at + 3, "\x08\x02\x12", 3);
    NEED(varint_put(p + at + 6, bytes) == 3);
    p[size - 4] = 0x18;
    NEED(varint_put(p + size - 3, bytes) == 3);
    int rc = unixfs_read(&n, span_of(p, size), NULL);
    EXPECT_INT(rc, size <= BLOCK_SIZE_MAX ? 0 : ERR_LIMIT);
    EXPECT(rc < 0 || (n.type == UNIXFS_RAW_LEAF && n.data.n == bytes));
  }
  free(p);
}

/* Cut at every length; every bit flipped: no crash, and what is taken has
 * links and sizes that agree. */
static void test_cuts_and_flips(void)
{
  struct buf b = {0};
  struct unixfs_node n;
  put_file(&b, 5);
  for (size_t cut = 0; cut < b.n; cut++) {
    uint8_t *copy = malloc(cut + 1); /* ASan sees the byte after it */
    NEED(copy != NULL);
    copy = realloc(copy, cut > 0 ? cut : 1);
    memcpy(copy, b.p, cut);
    EXPECT(unixfs_read(&n, span_of(copy, cut), NULL) < 0);
    free(copy);
  }
  for (size_t i = 0; i < b.n * 8; i++) {
    b.p[i / 8] ^= (uint8_t)(1u << i % 8);
    if (unixfs_read(&n, buf_span(&b), NULL) == 0) {
      struct unixfs_links it = {0};
      struct unixfs_link link;
      uint64_t sum = n.data.n;
      size_t count = 0;
      while (unixfs_link_next(&n, &it, &link)) {
        sum += link.part;
        count++;
      }
      EXPECT_INT(count, n.links);
      EXPECT(n.type == UNIXFS_DIR || sum == n.file_size);
    }
    b.p[i / 8] ^= (uint8_t)(1u << i % 8);
  }
  buf_free(&b);
}

int main(void)
{
  RUN(test_no_and_one_leaf);
  RUN(test_node_bytes);
  RUN(test_example);
  RUN(test_shapes);
  RUN(test_builder_limits);
  RUN(test_sink_fails);
  RUN(test_golden);
  RUN(test_forms);
  RUN(test_node_refused);
  RUN(test_links_limit);
  RUN(test_file_size_limit);
  RUN(test_sum_overflow);
  RUN(test_dir_size_limit);
  RUN(test_name_limit);
  RUN(test_block_limit);
  RUN(test_cuts_and_flips);
  return unit_done();
}
