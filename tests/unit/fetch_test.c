/* SPDX-License-Identifier: 0BSD */
/* What a session asks its peer for, of what is missing: the dearest first, each
 * block once, no more than is wanted, and an end to it when the peer has
 * nothing. */
#include "form/unixfs.h"
#include "station/link_int.h"
#include "station_shelf.h"

static struct home h;
static struct err e;
static struct fetch f;

#define MOST 6000
static struct cid got[MOST];
static size_t gots;

static void begin(void)
{
  home_new(&h);
  memset(&f, 0, sizeof f);
  f.st = h.st;
  gots = 0;
}

static void end(void)
{
  fetch_free(&f);
  home_end(&h);
}

/* All that it asks for, so many at a time. */
static void ask_all(size_t max)
{
  bool more = true;
  for (int n = 1; n > 0 || more;) {
    NEED(gots + max <= MOST);
    n = fetch_next(&f, got + gots, max, &more, &e);
    NEED(n >= 0 && (size_t)n <= max);
    gots += (size_t)n;
  }
}

static struct cid absent(enum cid_codec codec, int number)
{
  struct cid out;
  NEED(cid_of(&out, codec, &number, sizeof number) == 0);
  return out;
}

static void bring(struct crate *c)
{
  struct unpacked u = crate_unpack(c, &h);
  NEED(u.rc == 0 && u.bad == 0);
}

/* A record that lists one file. */
static void list_file(int n, int64_t time, const struct cid *file, int64_t size)
{
  struct crate c;
  struct made m = {.n = n, .files = 1, .file = file, .size = size};
  crate_start(&c);
  struct cid id = made_cid(&m);
  (void)crate_parcel(&c, 1, "c", time, &id, 1);
  (void)crate_record(&c, &m);
  bring(&c);
}

/* A node of a file with one part, 5 bytes. */
static void put_node(struct buf *b, const struct cid *part)
{
  uint8_t head[] = {0x12, CID_SIZE + 6, 0x0a, CID_SIZE};
  static const uint8_t tail[] = {0x12, 0x00, 0x18, 0x05, /* Name, Tsize */
                                 0x0a, 0x06, 0x08, 0x02,
                                 0x18, 0x05, 0x20, 0x05};
  NEED(buf_put(b, head, sizeof head) == 0);
  NEED(buf_put(b, part->b, CID_SIZE) == 0);
  NEED(buf_put(b, tail, sizeof tail) == 0);
}

/* ---- tests ---- */

/* Records; small files; parts of files that were begun; large files; of each
 * kind the newest. */
static void test_order(void)
{
  struct crate c;
  struct buf node = {0};
  struct cid record = absent(CID_DAG_CBOR, 1), part = absent(CID_RAW, 2);
  struct cid small = absent(CID_RAW, 3), newer = absent(CID_RAW, 4);
  struct cid large = absent(CID_DAG_PB, 5), largest = absent(CID_DAG_PB, 6);
  const struct cid *const want[] = {&record, &newer,   &small,
                                    &part,   &largest, &large};
  begin();
  crate_start(&c);
  (void)crate_parcel(&c, 1, "c", 500, &record, 1);
  bring(&c);
  list_file(1, 1000, &large, 1048577);
  list_file(2, 2000, &largest, 5000000);
  list_file(3, 3000, &small, 1048576);
  list_file(4, 4000, &newer, 1);
  put_node(&node, &part);
  struct cid root;
  NEED(cid_of(&root, CID_DAG_PB, node.p, node.n) == 0);
  list_file(5, 100, &root, 5);
  crate_start(&c); /* it comes without its part */
  (void)crate_put(&c, CID_DAG_PB, buf_span(&node));
  bring(&c);
  buf_free(&node);
  ask_all(4);
  EXPECT_INT(gots, 6);
  for (size_t i = 0; i < 6 && i < gots; i++) {
    if (!cid_equal(&got[i], want[i])) {
      printf("  the %zu. is another\n", i + 1);
      EXPECT(false);
    }
  }
  ask_all(4); /* nothing is asked for twice */
  EXPECT_INT(gots, 6);
  end();
}

/* Below a node that came its parts are next, in their order; what is here by
 * then is not asked for. */
static void test_below(void)
{
  struct cid part[2] = {absent(CID_RAW, 1), absent(CID_RAW, 2)};
  struct cid file = absent(CID_RAW, 3);
  struct buf node = {0};
  bool more;
  begin();
  list_file(1, 1000, &file, 5);
  do {
    gots = (size_t)fetch_next(&f, got, 1, &more, &e);
  } while (gots == 0 && more);
  EXPECT(gots == 1 && cid_equal(&got[0], &file));
  for (int i = 1; i >= 0; i--) { /* the later one comes first */
    buf_clear(&node);
    put_node(&node, &part[i]);
    EXPECT_INT(fetch_node(&f, buf_span(&node), &e), 0);
  }
  EXPECT_INT(fetch_next(&f, got, 5, &more, &e), 2);
  EXPECT(cid_equal(&got[0], &part[0]) && cid_equal(&got[1], &part[1]));
  /* A file that has come from elsewhere meanwhile. */
  struct buf leaf = {0};
  struct cid here;
  NEED(buf_put(&leaf, "here", 4) == 0);
  NEED(cid_of(&here, CID_RAW, leaf.p, leaf.n) == 0);
  struct store_block block = {here, buf_span(&leaf)};
  NEED(h.st->store->ops->put(h.st->store, &block, 1, true, NULL, NULL, &e) ==
       0);
  buf_clear(&node);
  put_node(&node, &here);
  EXPECT_INT(fetch_node(&f, buf_span(&node), &e), 0);
  gots = 0;
  ask_all(5);
  EXPECT_INT(gots, 0);
  /* What is no node says so, and leaves nothing behind. */
  EXPECT_INT(fetch_node(&f, buf_span(&leaf), &e), ERR_INVALID);
  EXPECT_INT(f.below.n, 0);
  buf_free(&leaf);
  buf_free(&node);
  end();
}

/* Nodes that are full of parts, one below the other: so many are kept. */
static void test_below_limit(void)
{
  struct buf links = {0}, data = {0}, node = {0};
  uint8_t head[VARINT_BYTES_MAX];
  begin();
  NEED(buf_put(&data, "\x08\x02\x18", 3) == 0);
  NEED(buf_put(&data, head, varint_put(head, UNIXFS_LINKS_MAX)) == 0);
  for (int i = 0; i < (int)UNIXFS_LINKS_MAX; i++) {
    struct cid part = absent(CID_RAW, i);
    const uint8_t before[] = {0x12, CID_SIZE + 6, 0x0a, CID_SIZE};
    NEED(buf_put(&links, before, sizeof before) == 0);
    NEED(buf_put(&links, part.b, CID_SIZE) == 0);
    NEED(buf_put(&links, "\x12\x00\x18\x01", 4) == 0);
    NEED(buf_put(&data, "\x20\x01", 2) == 0);
  }
  NEED(buf_put(&node, links.p, links.n) == 0 && buf_byte(&node, 0x0a) == 0);
  NEED(buf_put(&node, head, varint_put(head, data.n)) == 0);
  NEED(buf_put(&node, data.p, data.n) == 0);
  for (int i = 0; i < 20; i++) {
    EXPECT_INT(fetch_node(&f, buf_span(&node), &e), 0);
    size_t full = i < 16 ? (size_t)i + 1 : 16;
    EXPECT_INT(f.below.n, full * UNIXFS_LINKS_MAX * sizeof(struct fetch_asked));
  }
  ask_all(500); /* each once, though every node has it */
  EXPECT_INT(gots, UNIXFS_LINKS_MAX);
  buf_free(&links);
  buf_free(&data);
  buf_free(&node);
  end();
}

/* More than one walk notes: all are asked for, each once. */
static void test_many(void)
{
  static struct cid id[PARCEL_RECORDS_MAX];
  struct crate c;
  int number = 0;
  begin();
  crate_start(&c);
  for (int i = 0; i < 9; i++) { /* 4,608 */
    for (int k = 0; k < PARCEL_RECORDS_MAX; k++) {
      id[k] = absent(CID_DAG_CBOR, number++);
    }
    (void)crate_parcel(&c, 1, "c", 1000 + i, id, PARCEL_RECORDS_MAX);
  }
  bring(&c);
  ask_all(100);
  EXPECT_INT(gots, number);
  struct refset once = {0};
  for (size_t i = 0; i < gots; i++) {
    EXPECT_INT(refset_add(&once, (uint64_t)cid_order(&got[i])), 1);
  }
  refset_free(&once);
  end();
}

/* Parcels that each list ${each} records that are missing. */
static void list_records(int parcels, int each)
{
  static struct cid id[PARCEL_RECORDS_MAX];
  struct crate c;
  crate_start(&c);
  for (int i = 0; i < parcels; i++) {
    for (int k = 0; k < each; k++) {
      id[k] = absent(CID_DAG_CBOR, i * each + k);
    }
    (void)crate_parcel(&c, 1, "c", 1000 + i, id, (size_t)each);
  }
  bring(&c);
}

/* Ask for all, one by one; the peer has only the ${has}-th. */
static void ask_in_vain(size_t has)
{
  bool more = true;
  for (int n = 0; n > 0 || more; gots += (size_t)n) {
    n = fetch_next(&f, got + gots, 1, &more, &e);
    NEED(n >= 0 && gots < MOST - 1);
    if (n > 0 && gots == has) {
      fetch_came(&f, &got[gots]);
    } else if (n > 0) {
      fetch_gone(&f, &got[gots]);
    }
  }
}

/* A peer that has nothing of a parcel's long list is not asked for the rest;
 * one that has something now and then is. */
static void test_gone(void)
{
  begin();
  list_records(1, PARCEL_RECORDS_MAX);
  ask_in_vain(40);
  EXPECT_INT(gots, 40 + 1 + 64);
  end();
}

/* Nor is it for the rest of a kind, of whoever wants it; that ends no other
 * kind. */
static void test_gone_kind(void)
{
  begin();
  list_records(20, 100); /* of each 64 would be 1,280 */
  ask_in_vain(SIZE_MAX);
  EXPECT_INT(gots, 1024);
  struct cid file = absent(CID_RAW, 3);
  list_file(1, 1000, &file, 5);
  f.listed = false; /* the next round */
  ask_in_vain(SIZE_MAX);
  EXPECT_INT(gots, 1025);
  EXPECT(cid_equal(&got[1024], &file));
  end();
  begin();
  list_records(20, 100);
  ask_in_vain(10); /* one that came is one more */
  EXPECT_INT(gots, 1024 + 2);
  end();
}

int main(void)
{
  RUN(test_order);
  RUN(test_below);
  RUN(test_below_limit);
  RUN(test_many);
  RUN(test_gone);
  RUN(test_gone_kind);
  return unit_done();
}
