/* SPDX-License-Identifier: 0BSD */
/* A file of foreign blocks, walked as an export walks it. The first byte says:
 *   bit 0      the record claims a size: the second byte, times 100
 *   bit 1      some blocks are not here
 *   bit 2      the root is a raw block
 * Then blocks: kind (1 byte), length (2, big endian), bytes:
 *   kind even  the block, as it is
 *   kind odd   parts of a node that is put together well: which block (1
 *              byte; the highest bit: raw), its size (1 byte); bytes that are
 *              left over stand in the node
 * A link leads to the block that the first byte of its digest counts to. */
#include "form/unixfs.h"

#include "fuzz/demand.h"
#include "fuzz/pieces.h"
#include "unixfs_shelf.h"

#define BLOCKS_MAX 64
#define STEPS_MAX 3000

PIECES_MUTATOR(2, 1)

static struct buf block[BLOCKS_MAX];
static size_t blocks;

static size_t put_number(uint8_t *out, uint8_t tag, uint64_t v)
{
  out[0] = tag;
  return 1 + varint_put(out + 1, v);
}

/* The bytes of a node: links of two bytes each, and what stands in it. */
static void build(struct buf *out, struct span parts)
{
  struct buf data = {0};
  uint8_t head[1 + VARINT_BYTES_MAX], sizes[512];
  size_t links = parts.n / 2 < 40 ? parts.n / 2 : 40, sizes_n = 0;
  struct span rest = span_of(parts.p + 2 * links, parts.n - 2 * links);
  uint64_t sum = rest.n;
  for (size_t i = 0; i < links; i++) {
    struct cid c = {{1, 0, 0x12, 0x20, parts.p[2 * i] & 0x7f}};
    c.b[1] = (parts.p[2 * i] & 0x80) != 0 ? CID_RAW : CID_DAG_PB;
    put_link(out, &c, "", "\x01");
    sizes_n += put_number(sizes + sizes_n, 0x20, parts.p[2 * i + 1]);
    sum += parts.p[2 * i + 1];
  }
  NEED(buf_put(&data, "\x08\x02", 2) == 0); /* a file */
  if (rest.n > 0) {
    NEED(buf_put(&data, head, put_number(head, 0x12, rest.n)) == 0);
    NEED(buf_put(&data, rest.p, rest.n) == 0);
  }
  NEED(buf_put(&data, head, put_number(head, 0x18, sum)) == 0);
  NEED(buf_put(&data, sizes, sizes_n) == 0);
  put_data(out, (const char *)data.p, data.n);
  buf_free(&data);
}

static void take_blocks(struct span s)
{
  static struct pieces p;
  pieces_read(&p, (struct pieces_shape){0, 1}, s.p, s.n);
  for (blocks = 0; blocks < p.n && blocks < BLOCKS_MAX; blocks++) {
    const struct piece *one = &p.at[blocks];
    struct span body = span_of(one->body, one->n);
    buf_clear(&block[blocks]);
    if ((one->head[0] & 1) != 0) {
      build(&block[blocks], body);
    } else {
      NEED(buf_put(&block[blocks], body.p, body.n) == 0);
    }
  }
}

/* One block alone: what is read of it adds up. */
static void check_node(struct span bytes)
{
  struct unixfs_node n;
  struct unixfs_links it = {0};
  struct unixfs_link link;
  struct err e = {0};
  size_t count = 0;
  int rc = unixfs_read(&n, bytes, &e);
  demand((rc < 0) == (e.text[0] != '\0'));
  if (rc < 0) {
    return;
  }
  uint64_t sum = n.data.n;
  while (unixfs_link_next(&n, &it, &link)) {
    demand(cid_looks(link.cid.b));
    sum += link.part;
    count++;
  }
  demand(count == n.links);
  demand((n.type != UNIXFS_FILE && n.type != UNIXFS_RAW_LEAF) ||
         (sum == n.file_size && count <= UNIXFS_LINKS_MAX));
}

static void walk(struct unixfs_walk *w, bool gaps)
{
  struct unixfs_step step;
  uint64_t at = 0, skipped = 0;
  struct err e = {0};
  int more = 0, steps = 0;
  while (steps++ < STEPS_MAX && (more = unixfs_walk_next(w, &step, &e)) > 0) {
    struct span leaf = {NULL, 0};
    size_t which = step.cid.b[4] % blocks;
    demand(step.depth <= UNIXFS_DEPTH_MAX && step.offset == at + skipped);
    if (gaps && which % 4 == 3 && step.size != UNIXFS_SIZE_UNKNOWN) {
      unixfs_walk_skip(w);
      skipped += step.size;
      continue;
    }
    struct span bytes = buf_span(&block[which]);
    if ((more = unixfs_walk_feed(w, bytes, &leaf, &e)) < 0) {
      demand(leaf.n == 0);
      break;
    }
    demand(leaf.n == 0 || (leaf.p >= bytes.p && leaf.n <= bytes.n));
    at += leaf.n;
    demand(w->size == UNIXFS_SIZE_UNKNOWN || at + skipped <= w->size);
  }
  demand((more < 0) == (e.text[0] != '\0'));
  demand(more != 0 || at + skipped == w->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct unixfs_walk w;
  struct cid root = {{1, CID_DAG_PB, 0x12, 0x20, 0}};
  struct err e = {0};
  if (size < 2) {
    return 0;
  }
  take_blocks(span_of(data + 2, size - 2));
  for (size_t i = 0; i < blocks; i++) {
    check_node(buf_span(&block[i]));
  }
  if (blocks == 0) {
    return 0;
  }
  root.b[1] = (data[0] & 4) != 0 ? CID_RAW : CID_DAG_PB;
  uint64_t claim =
      (data[0] & 1) != 0 ? 100 * (uint64_t)data[1] : UNIXFS_SIZE_UNKNOWN;
  demand(unixfs_walk_start(&w, &root, claim, &e) == 0);
  walk(&w, (data[0] & 2) != 0);
  unixfs_walk_free(&w);
  return 0;
}
