/* SPDX-License-Identifier: 0BSD */
/* Allocation number 1, 2, 3 ... fails, until a run needs no more: each time
 * the answer is ERR_NOMEM, nothing leaks (under ASan) and nothing is half
 * done. This program brings its own base/mem. */
#include "form/car.h"
#include "form/unixfs.h"
#include "form/zpack.h"
#include "text/words.h"
#include "failing_heap.h"
#include "unit.h"

/* Run ${body} with every allocation failing in turn; returns how many. */
static long sweep(int (*body)(void))
{
  for (long at = 1;; at++) {
    heap_fail(at, HEAP_FROM);
    int rc = body();
    if (heap.requests < at) {
      EXPECT_INT(rc, 0);
      return heap.requests;
    }
    EXPECT_INT(rc, ERR_NOMEM);
    if (rc != ERR_NOMEM) {
      return heap.requests;
    }
  }
}

static int put_car(void)
{
  struct buf b = {0};
  struct cid c;
  int rc = cid_of(&c, CID_RAW, "hello", 5);
  if (rc == 0) {
    rc = car_put_header(&b, &c, 1);
  }
  size_t whole = b.n;
  for (int i = 0; rc == 0 && i < 20; i++) {
    rc = car_put_section(&b, &c, span_of("hello", 5));
    whole += rc == 0 ? 42 : 0;
  }
  EXPECT_INT(b.n, whole); /* no section is there in part */
  buf_free(&b);
  return rc;
}

static int drop(void *ud, const struct cid *cid, struct span bytes)
{
  size_t *nodes = ud;
  (void)cid;
  *nodes += bytes.n > 0;
  return 0;
}

static int build(void)
{
  struct unixfs_builder *b = NULL;
  struct err e = {0, ""};
  struct cid leaf, root;
  size_t nodes = 0;
  uint64_t size;
  int rc = unixfs_builder_new(&b, drop, &nodes, &e);
  if (rc == 0) {
    rc = cid_of(&leaf, CID_RAW, "x", 1);
  }
  for (int i = 0; rc == 0 && i < 1025; i++) {
    rc = unixfs_add_leaf(b, &leaf, 1, &e);
  }
  if (rc == 0) {
    rc = unixfs_finish(b, &root, &size, &e);
    EXPECT(rc < 0 || nodes == 3);
  }
  EXPECT(rc == 0 || (e.code == rc && e.text[0] != '\0'));
  unixfs_builder_del(b);
  return rc;
}

/* A node over two leaves of `x`. */
static const uint8_t node_head[] = {0x12, 0x2a, 0x0a, 0x24};
static const uint8_t node_tail[] = {0x0a, 0x08, 0x08, 0x02, 0x18,
                                    0x02, 0x20, 0x01, 0x20, 0x01};

static int walk(void)
{
  uint8_t node[2 * 44 + sizeof node_tail];
  struct unixfs_walk w;
  struct unixfs_step step;
  struct err e = {0, ""};
  struct span leaf;
  struct cid c, root;
  size_t bytes = 0;
  NEED(cid_of(&c, CID_RAW, "x", 1) == 0);
  for (int i = 0; i < 2; i++) {
    memcpy(node + 44 * i, node_head, 4);
    memcpy(node + 44 * i + 4, c.b, CID_SIZE);
    memcpy(node + 44 * i + 40, "\x12\x00\x18\x01", 4);
  }
  memcpy(node + 88, node_tail, sizeof node_tail);
  NEED(cid_of(&root, CID_DAG_PB, node, sizeof node) == 0);
  int rc = unixfs_walk_start(&w, &root, 2, &e);
  while (rc == 0 && (rc = unixfs_walk_next(&w, &step, &e)) > 0) {
    struct span block = {step.depth == 0 ? node : (const uint8_t *)"x",
                         step.depth == 0 ? sizeof node : 1};
    rc = unixfs_walk_feed(&w, block, &leaf, &e);
    bytes += rc == 0 ? leaf.n : 0;
  }
  EXPECT_INT(bytes, rc == 0 ? 2 : 0);
  EXPECT(rc == 0 || (e.code == rc && e.text[0] != '\0'));
  unixfs_walk_free(&w);
  return rc;
}

static int pack(void)
{
  struct buf frame = {0}, out = {0};
  struct err e = {0, ""};
  struct zpack *z = zpack_new();
  int rc = z == NULL ? err_set(&e, ERR_NOMEM, "no context") : 0;
  if (rc == 0) {
    rc = zpack_squeeze(z, &frame, span_of("hello", 5), 3, &e);
    EXPECT(rc == 0 || frame.n == 0);
  }
  if (rc == 0) {
    rc = zpack_expand(z, &out, buf_span(&frame), 5, &e);
    EXPECT_INT(out.n, rc == 0 ? 5 : 0);
  }
  EXPECT(rc == 0 || (e.code == rc && e.text[0] != '\0'));
  zpack_del(z);
  buf_free(&frame);
  buf_free(&out);
  return rc;
}

static int tokens(void)
{
  static const char text[] = "some words that need more than 64 bytes of room "
                             "before the last of them has been put out";
  struct buf b = {0};
  int rc = words_tokens(&b, span_of(text, sizeof text - 1));
  EXPECT(b.n == 0 || b.p[b.n - 1] == ' '); /* whole words only */
  buf_free(&b);
  return rc;
}

static void test_car(void)
{
  EXPECT(sweep(put_car) >= 2);
}

static void test_build(void)
{
  EXPECT(sweep(build) >= 6);
}

static void test_walk(void)
{
  EXPECT_INT(sweep(walk), 2);
}

static void test_pack(void)
{
  EXPECT_INT(sweep(pack), 3);
}

static void test_tokens(void)
{
  EXPECT(sweep(tokens) >= 2);
}

int main(void)
{
  RUN(test_car);
  RUN(test_build);
  RUN(test_walk);
  RUN(test_pack);
  RUN(test_tokens);
  return unit_done();
}
