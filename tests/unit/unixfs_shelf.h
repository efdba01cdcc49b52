/* SPDX-License-Identifier: 0BSD */
/* For the tests of UnixFS: a small store of blocks by CID, files built into
 * it, and nodes put together by hand. */
#ifndef UNIXFS_SHELF_H
#define UNIXFS_SHELF_H

#include "base/mem.h"
#include "form/car.h"
#include "form/unixfs.h"
#include "unit.h"
#include "vector_file.h"

struct kept {
  struct cid cid;
  struct buf bytes;
};

struct shelf {
  struct kept *list;
  size_t n;
  int fail_at; /* the sink fails at this block; 0: never */
};

static inline void shelf_put(struct shelf *s, const struct cid *c,
                             struct span bytes)
{
  struct kept *list = mem_resize(s->list, s->n + 1, sizeof *list);
  NEED(list != NULL);
  s->list = list;
  memset(&list[s->n], 0, sizeof *list);
  list[s->n].cid = *c;
  NEED(buf_put(&list[s->n].bytes, bytes.p, bytes.n) == 0);
  s->n++;
}

static inline bool shelf_get(const struct shelf *s, const struct cid *c,
                             struct span *out)
{
  for (size_t i = 0; i < s->n; i++) {
    if (cid_equal(&s->list[i].cid, c)) {
      *out = buf_span(&s->list[i].bytes);
      return true;
    }
  }
  return false;
}

static inline void shelf_free(struct shelf *s)
{
  for (size_t i = 0; i < s->n; i++) {
    buf_free(&s->list[i].bytes);
  }
  mem_free(s->list);
  memset(s, 0, sizeof *s);
}

static inline int sink(void *ud, const struct cid *cid, struct span bytes)
{
  struct shelf *s = ud;
  EXPECT_INT(cid_verify(cid, bytes.p, bytes.n), 0);
  EXPECT_INT(cid_codec(cid), CID_DAG_PB);
  if (s->fail_at > 0 && s->n + 1 == (size_t)s->fail_at) {
    return ERR_FULL;
  }
  shelf_put(s, cid, bytes);
  return 0;
}

/* A file of ${n} leaves of ${size} bytes, all the same. */
static inline void build_same(struct shelf *s, uint64_t n, size_t size,
                              struct cid *root, uint64_t *total)
{
  struct unixfs_builder *b = NULL;
  uint8_t *zeros = calloc(1, size);
  struct cid leaf;
  NEED(zeros != NULL && cid_of(&leaf, CID_RAW, zeros, size) == 0);
  NEED(unixfs_builder_new(&b, sink, s, NULL) == 0);
  for (uint64_t i = 0; i < n; i++) {
    NEED(unixfs_add_leaf(b, &leaf, size, NULL) == 0);
  }
  EXPECT_INT(unixfs_finish(b, root, total, NULL), 0);
  EXPECT_INT(*total, n * size);
  unixfs_builder_del(b);
  free(zeros);
}

/* Build a node by hand: links (each with its blocksize) and a Data tail. */
static inline void put_link(struct buf *b, const struct cid *c,
                            const char *name, const char *tsize)
{
  size_t body = 2 + CID_SIZE + (name ? 2 + strlen(name) : 0) +
                (tsize ? 1 + strlen(tsize) : 0);
  uint8_t head[VARINT_BYTES_MAX];
  NEED(buf_byte(b, 0x12) == 0);
  NEED(buf_put(b, head, varint_put(head, body)) == 0);
  NEED(buf_put(b, "\x0a\x24", 2) == 0 && buf_put(b, c->b, CID_SIZE) == 0);
  if (name != NULL) {
    NEED(strlen(name) < 128);
    NEED(buf_byte(b, 0x12) == 0 && buf_byte(b, (uint8_t)strlen(name)) == 0);
    NEED(buf_put(b, name, strlen(name)) == 0);
  }
  if (tsize != NULL) {
    NEED(buf_byte(b, 0x18) == 0 && buf_put(b, tsize, strlen(tsize)) == 0);
  }
}

static inline void put_data(struct buf *b, const char *data, size_t n)
{
  uint8_t head[VARINT_BYTES_MAX];
  NEED(buf_byte(b, 0x0a) == 0);
  NEED(buf_put(b, head, varint_put(head, n)) == 0 && buf_put(b, data, n) == 0);
}

#endif
