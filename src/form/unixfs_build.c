/* SPDX-License-Identifier: 0BSD */
#include "form/unixfs.h"

#include "base/check.h"
#include "base/mem.h"
#include "form/car.h"

#include <string.h>

/* 1024^4 leaves of one byte are more than UNIXFS_FILE_SIZE_MAX; one level
 * more holds the root above them. */
#define LEVELS_MAX 5

/* A link of a dag-pb node: 12 len, 0a 24 cid, 12 00, 18 tsize; and its
 * blocksize in the Data: 20 size. */
#define LINK_BYTES_MAX (2 + 2 + CID_SIZE + 2 + 1 + VARINT_BYTES_MAX)
#define SIZE_BYTES_MAX (1 + VARINT_BYTES_MAX)
#define DATA_HEAD_MAX (2 + 1 + VARINT_BYTES_MAX) /* type and filesize */

_Static_assert(2 + CID_SIZE + 2 + 1 + VARINT_BYTES_MAX < 0x80,
               "a link's length is one byte");

struct child {
  struct cid cid;
  uint64_t size;  /* bytes of the file below */
  uint64_t tsize; /* bytes of all blocks below, as kubo counts them */
};

/* Children that wait for their parent; NULL until the level is reached. */
struct level {
  struct child *kids; /* UNIXFS_LINKS_MAX of them */
  size_t n;
};

struct unixfs_builder {
  unixfs_sink *sink;
  void *ud;
  struct level levels[LEVELS_MAX]; /* [0] holds leaves */
  uint64_t total;                  /* bytes of the file so far */
  struct buf node, data;           /* where nodes are encoded */
};

int unixfs_builder_new(struct unixfs_builder **out, unixfs_sink *sink, void *ud,
                       struct err *e)
{
  struct unixfs_builder *b = mem_zero(sizeof *b);
  if (b == NULL) {
    return err_set(e, ERR_NOMEM, "no memory to build a file");
  }
  b->sink = sink;
  b->ud = ud;
  *out = b;
  return 0;
}

void unixfs_builder_del(struct unixfs_builder *b)
{
  if (b == NULL) {
    return;
  }
  for (int i = 0; i < LEVELS_MAX; i++) {
    mem_free(b->levels[i].kids);
  }
  buf_free(&b->node);
  buf_free(&b->data);
  mem_free(b);
}

/* Append one byte and a varint; room has been made. */
static void put_field(struct buf *b, uint8_t tag, uint64_t v)
{
  CHECK(b->cap - b->n > VARINT_BYTES_MAX);
  b->p[b->n++] = tag;
  b->n += varint_put(b->p + b->n, v);
}

static void put_bytes(struct buf *b, const void *p, size_t n)
{
  CHECK(b->cap - b->n >= n);
  memcpy(b->p + b->n, p, n);
  b->n += n;
}

static size_t varint_size(uint64_t v)
{
  uint8_t scratch[VARINT_BYTES_MAX];
  return varint_put(scratch, v);
}

static void put_link(struct buf *b, const struct child *kid)
{
  size_t body = 2 + CID_SIZE + 2 + 1 + varint_size(kid->tsize);
  put_field(b, 0x12, body);
  put_field(b, 0x0a, CID_SIZE);
  put_bytes(b, kid->cid.b, CID_SIZE);
  put_field(b, 0x12, 0); /* Name: there, and empty */
  put_field(b, 0x18, kid->tsize);
}

/* The UnixFS message: type file, its size, the size below each link. */
static void put_data(struct buf *b, const struct level *l, uint64_t size)
{
  put_field(b, 0x08, 2);
  put_field(b, 0x18, size);
  for (size_t i = 0; i < l->n; i++) {
    put_field(b, 0x20, l->kids[i].size);
  }
}

/* Encode the node over the children of ${l} into b->node; sums into
 * ${parent}. */
static int encode_node(struct unixfs_builder *b, const struct level *l,
                       struct child *parent)
{
  buf_clear(&b->node);
  buf_clear(&b->data);
  int rc = buf_reserve(&b->data, DATA_HEAD_MAX + (l->n + 1) * SIZE_BYTES_MAX);
  if (rc == 0) {
    rc = buf_reserve(&b->node, l->n * (LINK_BYTES_MAX + SIZE_BYTES_MAX) +
                                   DATA_HEAD_MAX + 2 * SIZE_BYTES_MAX);
  }
  if (rc < 0) {
    return rc;
  }
  parent->size = 0;
  parent->tsize = 0;
  for (size_t i = 0; i < l->n; i++) {
    put_link(&b->node, &l->kids[i]);
    parent->size += l->kids[i].size;
    parent->tsize += l->kids[i].tsize;
  }
  put_data(&b->data, l, parent->size);
  put_field(&b->node, 0x0a, b->data.n);
  put_bytes(&b->node, b->data.p, b->data.n);
  parent->tsize += b->node.n;
  return cid_of(&parent->cid, CID_DAG_PB, b->node.p, b->node.n);
}

static int push(struct level *l, const struct child *kid)
{
  if (l->kids == NULL) {
    l->kids = mem_resize(NULL, UNIXFS_LINKS_MAX, sizeof *l->kids);
    if (l->kids == NULL) {
      return ERR_NOMEM;
    }
  }
  CHECK(l->n < UNIXFS_LINKS_MAX);
  l->kids[l->n++] = *kid;
  return 0;
}

/* Close the node over level ${i} and hand it to the level above. What the
 * sink fails with goes through as it is. */
static int close_level(struct unixfs_builder *b, int i, struct err *e)
{
  CHECK(i + 1 < LEVELS_MAX);
  struct child parent;
  int rc = encode_node(b, &b->levels[i], &parent);
  if (rc < 0) {
    return err_set(e, rc, "no memory for a node of the file");
  }
  rc = b->sink(b->ud, &parent.cid, buf_span(&b->node));
  if (rc < 0) {
    return rc;
  }
  rc = push(&b->levels[i + 1], &parent);
  if (rc < 0) {
    return err_set(e, rc, "no memory for a node of the file");
  }
  b->levels[i].n = 0;
  return 0;
}

int unixfs_add_leaf(struct unixfs_builder *b, const struct cid *leaf,
                    uint64_t size, struct err *e)
{
  if (cid_codec(leaf) != CID_RAW || size == 0 || size > BLOCK_SIZE_MAX) {
    return err_set(e, ERR_MISUSE, "a leaf is a raw block of 1 .. %u bytes",
                   BLOCK_SIZE_MAX);
  }
  if (size > (uint64_t)UNIXFS_FILE_SIZE_MAX - b->total) {
    return err_set(e, ERR_LIMIT, "a file of more than %lld bytes",
                   UNIXFS_FILE_SIZE_MAX);
  }
  struct child kid = {*leaf, size, size};
  int rc = push(&b->levels[0], &kid);
  if (rc < 0) {
    return err_set(e, rc, "no memory to build a file");
  }
  b->total += size;
  for (int i = 0; b->levels[i].n == UNIXFS_LINKS_MAX; i++) {
    rc = close_level(b, i, e);
    if (rc < 0) {
      return rc;
    }
  }
  return 0;
}

/* Is level ${i} all there is, with one child: the root? */
static bool is_root(const struct unixfs_builder *b, int i)
{
  size_t above = 0;
  for (int k = i + 1; k < LEVELS_MAX; k++) {
    above += b->levels[k].n;
  }
  return b->levels[i].n == 1 && above == 0;
}

static void builder_reset(struct unixfs_builder *b)
{
  for (int i = 0; i < LEVELS_MAX; i++) {
    b->levels[i].n = 0;
  }
  b->total = 0;
}

int unixfs_finish(struct unixfs_builder *b, struct cid *root, uint64_t *size,
                  struct err *e)
{
  if (b->total == 0) {
    int rc = cid_of(root, CID_RAW, NULL, 0);
    *size = 0;
    return rc < 0 ? err_set(e, rc, "cannot hash") : 0;
  }
  int i = 0;
  while (!is_root(b, i)) {
    if (b->levels[i].n > 0) {
      int rc = close_level(b, i, e);
      if (rc < 0) {
        return rc;
      }
    }
    i++;
  }
  *root = b->levels[i].kids[0].cid;
  *size = b->total;
  CHECK(b->levels[i].kids[0].size == b->total);
  builder_reset(b);
  return 0;
}
