/* SPDX-License-Identifier: 0BSD */
#include "form/unixfs.h"

#include "unixfs_shelf.h"

struct outcome {
  int rc;         /* 0, or why the walk ended */
  uint64_t bytes; /* given out */
  uint64_t visits;
};

/* Walk all of it, like an export. */
static struct outcome walk_all(const struct shelf *s, const struct cid *root,
                               uint64_t size, struct err *e)
{
  struct unixfs_walk w;
  struct unixfs_step step;
  struct outcome o = {0, 0, 0};
  int more = unixfs_walk_start(&w, root, size, e);
  while (more == 0 && (more = unixfs_walk_next(&w, &step, e)) > 0) {
    struct span block = {NULL, 0}, leaf = {NULL, 0};
    EXPECT_INT(step.offset, o.bytes);
    NEED(shelf_get(s, &step.cid, &block));
    more = unixfs_walk_feed(&w, block, &leaf, e);
    EXPECT(more == 0 || leaf.n == 0);
    o.bytes += leaf.n;
  }
  EXPECT(more < 0 || w.size == o.bytes);
  o.rc = more;
  o.visits = w.visits;
  unixfs_walk_free(&w);
  return o;
}

static void test_walk_whole(void)
{
  static const uint64_t leaves[] = {1, 2, 1024, 1025, 3000};
  for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
    struct shelf s = {0};
    struct cid root, leaf;
    uint64_t total;
    uint8_t zeros[8] = {0};
    build_same(&s, leaves[i], 8, &root, &total);
    size_t nodes = s.n;
    NEED(cid_of(&leaf, CID_RAW, zeros, 8) == 0);
    shelf_put(&s, &leaf, span_of(zeros, 8));
    struct outcome o = walk_all(&s, &root, total, NULL);
    EXPECT_INT(o.rc, 0);
    EXPECT_INT(o.bytes, total);
    EXPECT_INT(o.visits, leaves[i] + nodes);
    o = walk_all(&s, &root, UNIXFS_SIZE_UNKNOWN, NULL);
    EXPECT_INT(o.rc, 0);
    EXPECT_INT(o.bytes, total);
    EXPECT_INT(walk_all(&s, &root, total + 1, NULL).rc, ERR_INVALID);
    EXPECT_INT(walk_all(&s, &root, total - 1, NULL).rc, ERR_INVALID);
    shelf_free(&s);
  }
}

static void test_walk_empty(void)
{
  struct shelf s = {0};
  struct cid root;
  NEED(cid_of(&root, CID_RAW, NULL, 0) == 0);
  shelf_put(&s, &root, span_of(NULL, 0));
  EXPECT_INT(walk_all(&s, &root, 0, NULL).rc, 0);
  EXPECT_INT(walk_all(&s, &root, UNIXFS_SIZE_UNKNOWN, NULL).rc, 0);
  EXPECT_INT(walk_all(&s, &root, 1, NULL).rc, ERR_INVALID);
  /* the same as a dag-pb leaf */
  struct cid pb;
  NEED(cid_of(&pb, CID_DAG_PB, "\x0a\x04\x08\x02\x18\x00", 6) == 0);
  shelf_put(&s, &pb, span_of("\x0a\x04\x08\x02\x18\x00", 6));
  EXPECT_INT(walk_all(&s, &pb, 0, NULL).rc, 0);
  shelf_free(&s);
}

static void test_walk_size_limit(void)
{
  struct unixfs_walk w;
  struct cid root;
  NEED(cid_of(&root, CID_RAW, "x", 1) == 0);
  for (int over = -1; over <= 1; over++) {
    uint64_t size = (uint64_t)(UNIXFS_FILE_SIZE_MAX + over);
    EXPECT_INT(unixfs_walk_start(&w, &root, size, NULL),
               over <= 0 ? 0 : ERR_LIMIT);
    unixfs_walk_free(&w);
  }
}

/* Inline bytes stand before what is linked. */
static void test_walk_inline(void)
{
  struct shelf s = {0};
  struct cid leaf, root;
  struct buf b = {0};
  struct unixfs_walk w;
  struct unixfs_step step;
  struct span out;
  NEED(cid_of(&leaf, CID_RAW, "hello", 5) == 0);
  put_link(&b, &leaf, "", "\x05");
  put_data(&b, "\x08\x02\x12\x02hi\x18\x07\x20\x05", 10);
  NEED(cid_of(&root, CID_DAG_PB, b.p, b.n) == 0);
  NEED(unixfs_walk_start(&w, &root, 7, NULL) == 0);
  EXPECT_INT(unixfs_walk_next(&w, &step, NULL), 1);
  EXPECT_INT(unixfs_walk_next(&w, &step, NULL), 1); /* the same again */
  EXPECT(cid_equal(&step.cid, &root) && step.depth == 0);
  EXPECT_INT(unixfs_walk_feed(&w, buf_span(&b), &out, NULL), 0);
  EXPECT(span_is(out, "hi"));
  EXPECT_INT(unixfs_walk_next(&w, &step, NULL), 1);
  EXPECT(cid_equal(&step.cid, &leaf) && step.depth == 1);
  EXPECT_INT(step.offset, 2);
  EXPECT_INT(step.size, 5);
  unixfs_walk_skip(&w);
  EXPECT_INT(unixfs_walk_next(&w, &step, NULL), 0);
  unixfs_walk_free(&w);
  buf_free(&b);
  shelf_free(&s);
}

static void test_walk_not_a_file(void)
{
  static const struct {
    enum cid_codec codec;
    const char *bytes;
    size_t n;
  } blocks[] = {{CID_DAG_PB, "\x0a\x02\x08\x01", 4},          /* directory */
                {CID_DAG_PB, "\x0a\x05\x08\x04\x12\x01/", 7}, /* symlink */
                {CID_DAG_CBOR, "\xa0", 1},
                {CID_DAG_PB, "junk", 4}};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
    struct shelf s = {0};
    struct cid root;
    struct span block = {(const uint8_t *)blocks[i].bytes, blocks[i].n};
    struct err e = {0, ""};
    NEED(cid_of(&root, blocks[i].codec, block.p, block.n) == 0);
    shelf_put(&s, &root, block);
    EXPECT_INT(walk_all(&s, &root, UNIXFS_SIZE_UNKNOWN, &e).rc, ERR_INVALID);
    EXPECT(e.text[0] != '\0');
    shelf_free(&s);
  }
}

/* A chain of ${nodes} nodes with one link each, over a leaf of one byte. */
static void put_chain(struct shelf *s, int nodes, struct cid *root)
{
  NEED(cid_of(root, CID_RAW, "x", 1) == 0);
  shelf_put(s, root, span_of("x", 1));
  for (int i = 0; i < nodes; i++) {
    struct buf b = {0};
    put_link(&b, root, "", "\x01");
    put_data(&b, "\x08\x02\x18\x01\x20\x01", 6);
    NEED(cid_of(root, CID_DAG_PB, b.p, b.n) == 0);
    shelf_put(s, root, buf_span(&b));
    buf_free(&b);
  }
}

static void test_walk_depth_limit(void)
{
  for (int depth = UNIXFS_DEPTH_MAX - 1; depth <= UNIXFS_DEPTH_MAX + 1;
       depth++) {
    struct shelf s = {0};
    struct cid root;
    put_chain(&s, depth, &root);
    EXPECT_INT(walk_all(&s, &root, 1, NULL).rc,
               depth <= UNIXFS_DEPTH_MAX ? 0 : ERR_LIMIT);
    shelf_free(&s);
  }
}

/* Millions of links to one leaf of one byte: legal sizes, too many blocks. */
static void test_walk_visits(void)
{
  for (int over = -1; over <= 1; over++) {
    struct shelf s = {0};
    struct cid root;
    uint64_t total;
    /* leaves + nodes == visits allowed (+ over): 65536 + size / 4096 */
    uint64_t leaves = UNIXFS_VISITS_FREE - 51 + (uint64_t)(over + 1);
    build_same(&s, leaves, 1, &root, &total);
    uint64_t nodes = s.n;
    uint8_t zero = 0;
    struct cid leaf;
    NEED(cid_of(&leaf, CID_RAW, &zero, 1) == 0);
    shelf_put(&s, &leaf, span_of(&zero, 1));
    uint64_t allowed = UNIXFS_VISITS_FREE + total / UNIXFS_PART_AVG_MIN;
    struct outcome o = walk_all(&s, &root, total, NULL);
    EXPECT_INT(nodes, 65);
    EXPECT_INT(leaves + nodes, allowed + (uint64_t)over);
    EXPECT_INT(o.rc, leaves + nodes <= allowed ? 0 : ERR_LIMIT);
    EXPECT(o.visits <= allowed);
    shelf_free(&s);
  }
}

/* ---- the vectors ---- */

/* Every block of a carry file of the vectors. The first root comes out. */
static bool shelf_load(struct shelf *s, const char *name, struct cid *root)
{
  struct cid roots[CAR_ROOTS_MAX];
  struct car_section c;
  struct buf b = {0};
  size_t count;
  char path[128];
  snprintf(path, sizeof path, "own-hostile/car/%s.car", name);
  if (!vector_load(&b, path)) {
    unit_skip(1, "no $VECTORS/own-hostile/car");
    return false;
  }
  int64_t took = car_read_header(buf_span(&b), roots, &count, NULL);
  NEED(took > 0 && count > 0);
  *root = roots[0];
  size_t at = (size_t)took;
  while (at < b.n) {
    took = car_read_section(span_of(b.p + at, b.n - at), &c, NULL);
    NEED(took > 0 && cid_verify(&c.cid, c.block.p, c.block.n) == 0);
    shelf_put(s, &c.cid, c.block);
    at += (size_t)took;
  }
  buf_free(&b);
  return true;
}

static void test_dag_bomb(void)
{
  struct shelf s = {0};
  struct cid root;
  struct err e = {0, ""};
  if (shelf_load(&s, "dag-bomb-2pow40", &root)) {
    struct outcome o = walk_all(&s, &root, UNIXFS_SIZE_UNKNOWN, &e);
    EXPECT_INT(o.rc, ERR_LIMIT);
    EXPECT_INT(o.bytes, 0);
    EXPECT_INT(o.visits, 1); /* the root's claim was enough */
    EXPECT_INT(walk_all(&s, &root, 5, &e).rc, ERR_LIMIT);
  }
  shelf_free(&s);
}

static void test_dag_chain(void)
{
  struct shelf s = {0};
  struct cid root;
  if (shelf_load(&s, "dag-chain-depth-10000", &root)) {
    struct outcome o = walk_all(&s, &root, UNIXFS_SIZE_UNKNOWN, NULL);
    EXPECT_INT(o.rc, ERR_INVALID); /* dag-cbor: no file at all */
    EXPECT_INT(o.bytes, 0);
    EXPECT_INT(o.visits, 1);
  }
  shelf_free(&s);
  put_chain(&s, 10000, &root); /* the same in dag-pb */
  struct outcome o = walk_all(&s, &root, UNIXFS_SIZE_UNKNOWN, NULL);
  EXPECT_INT(o.rc, ERR_LIMIT);
  EXPECT_INT(o.bytes, 0);
  EXPECT_INT(o.visits, UNIXFS_DEPTH_MAX + 1);
  shelf_free(&s);
}

static void test_lying_sizes(void)
{
  struct shelf s = {0};
  struct cid root;
  if (shelf_load(&s, "unixfs-lying-sizes", &root)) {
    struct outcome o = walk_all(&s, &root, UNIXFS_SIZE_UNKNOWN, NULL);
    EXPECT_INT(o.rc, ERR_LIMIT); /* claims 2^62 bytes */
    EXPECT_INT(o.bytes, 0);
  }
  shelf_free(&s);
}

static void test_tsize_overflow(void)
{
  struct shelf s = {0};
  struct cid root;
  if (shelf_load(&s, "unixfs-tsize-overflow", &root)) {
    struct outcome o = walk_all(&s, &root, UNIXFS_SIZE_UNKNOWN, NULL);
    EXPECT_INT(o.rc, 0);
    EXPECT_INT(o.bytes, 5);
  }
  shelf_free(&s);
}

/* A part that turns out smaller or larger than its parent said. */
static void test_lying_parts(void)
{
  static const char *const tails[] = {"\x08\x02\x18\x04\x20\x04",
                                      "\x08\x02\x18\x06\x20\x06"};
  for (int i = 0; i < 2; i++) {
    struct shelf s = {0};
    struct cid leaf, root;
    struct buf b = {0};
    NEED(cid_of(&leaf, CID_RAW, "hello", 5) == 0);
    shelf_put(&s, &leaf, span_of("hello", 5));
    put_link(&b, &leaf, "", "\x05");
    put_data(&b, tails[i], 6);
    NEED(cid_of(&root, CID_DAG_PB, b.p, b.n) == 0);
    shelf_put(&s, &root, buf_span(&b));
    struct outcome o = walk_all(&s, &root, UNIXFS_SIZE_UNKNOWN, NULL);
    EXPECT_INT(o.rc, ERR_INVALID);
    EXPECT_INT(o.bytes, 0); /* not a byte of the wrong part came out */
    buf_free(&b);
    shelf_free(&s);
  }
}

/* Directories decode, whatever their names; no file is made of one. */
static void test_dirs(void)
{
  static const char *const dirs[] = {"duplicate-names-dir", "hostile-names-dir",
                                     "symlink-then-write"};
  for (int i = 0; i < 3; i++) {
    struct shelf s = {0};
    struct cid root;
    struct span block = {NULL, 0};
    struct unixfs_node n;
    struct err e = {0, ""};
    if (!shelf_load(&s, dirs[i], &root)) {
      continue;
    }
    NEED(shelf_get(&s, &root, &block));
    EXPECT_INT(unixfs_read(&n, block, &e), 0);
    EXPECT_INT(n.type, UNIXFS_DIR);
    struct unixfs_walk w;
    struct unixfs_step step;
    struct span leaf;
    EXPECT_INT(unixfs_walk_start(&w, &root, UNIXFS_SIZE_UNKNOWN, &e), 0);
    EXPECT_INT(unixfs_walk_next(&w, &step, &e), 1);
    EXPECT_INT(unixfs_walk_feed(&w, block, &leaf, &e), ERR_INVALID);
    unixfs_walk_free(&w);
    shelf_free(&s);
  }
}

int main(void)
{
  RUN(test_walk_whole);
  RUN(test_walk_empty);
  RUN(test_walk_size_limit);
  RUN(test_walk_inline);
  RUN(test_walk_not_a_file);
  RUN(test_walk_depth_limit);
  RUN(test_walk_visits);
  RUN(test_dag_bomb);
  RUN(test_dag_chain);
  RUN(test_lying_sizes);
  RUN(test_tsize_overflow);
  RUN(test_lying_parts);
  RUN(test_dirs);
  return unit_done();
}
