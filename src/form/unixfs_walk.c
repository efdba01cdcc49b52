/* SPDX-License-Identifier: 0BSD */
#include "form/unixfs.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

/* A node's children stand on the stack while the first of them is walked: so
 * it holds at most this many steps, under 2 MiB. */
#define STACK_MAX ((size_t)UNIXFS_DEPTH_MAX * UNIXFS_LINKS_MAX + 1)

static int stack_reserve(struct unixfs_walk *w, size_t more)
{
  CHECK(w->n + more <= STACK_MAX);
  if (more <= w->cap - w->n) {
    return 0;
  }
  size_t cap = w->cap * 2 > w->n + more ? w->cap * 2 : w->n + more;
  struct unixfs_step *todo = mem_resize(w->todo, cap, sizeof *todo);
  if (todo == NULL) {
    return ERR_NOMEM;
  }
  w->todo = todo;
  w->cap = cap;
  return 0;
}

int unixfs_walk_start(struct unixfs_walk *w, const struct cid *root,
                      uint64_t size, struct err *e)
{
  memset(w, 0, sizeof *w);
  w->size = size;
  if (size != UNIXFS_SIZE_UNKNOWN && size > (uint64_t)UNIXFS_FILE_SIZE_MAX) {
    return err_set(e, ERR_LIMIT, "a file of %llu bytes, at most %lld",
                   (unsigned long long)size, UNIXFS_FILE_SIZE_MAX);
  }
  int rc = stack_reserve(w, 1);
  if (rc < 0) {
    return err_set(e, rc, "no memory to walk a file");
  }
  struct unixfs_step step = {*root, size, 0, 0};
  w->todo[w->n++] = step;
  return 0;
}

void unixfs_walk_free(struct unixfs_walk *w)
{
  mem_free(w->todo);
  memset(w, 0, sizeof *w);
}

/* Blocks that a file of this size may ask for, inner nodes included. */
static uint64_t visits_max(const struct unixfs_walk *w)
{
  uint64_t size = w->size == UNIXFS_SIZE_UNKNOWN ? 0 : w->size;
  return UNIXFS_VISITS_FREE + size / UNIXFS_PART_AVG_MIN;
}

int unixfs_walk_next(struct unixfs_walk *w, struct unixfs_step *out,
                     struct err *e)
{
  if (!w->has_now) {
    if (w->n == 0) {
      return 0;
    }
    if (w->visits >= visits_max(w)) {
      return err_set(e, ERR_LIMIT,
                     "a file of %llu bytes in more than %llu "
                     "blocks",
                     (unsigned long long)w->size,
                     (unsigned long long)w->visits);
    }
    w->visits++;
    w->now = w->todo[--w->n];
    w->has_now = true;
  }
  *out = w->now;
  return 1;
}

void unixfs_walk_skip(struct unixfs_walk *w)
{
  CHECK(w->has_now);
  w->has_now = false;
}

/* The block has ${size} bytes of the file in and below it: is that what was
 * claimed? The root's own word is taken when nobody else claimed any. */
static int check_size(struct unixfs_walk *w, uint64_t size, struct err *e)
{
  if (w->now.size == UNIXFS_SIZE_UNKNOWN) {
    w->size = size;
    return 0;
  }
  if (w->now.size != size) {
    return err_set(e, ERR_INVALID,
                   "UnixFS: the part at byte %llu has %llu "
                   "bytes, not the claimed %llu",
                   (unsigned long long)w->now.offset, (unsigned long long)size,
                   (unsigned long long)w->now.size);
  }
  return 0;
}

/* Put the children of ${n} on the stack, the last one first. */
static int push_children(struct unixfs_walk *w, const struct unixfs_node *n,
                         struct err *e)
{
  if (w->now.depth >= UNIXFS_DEPTH_MAX) {
    return err_set(e, ERR_LIMIT, "UnixFS: a file of more than %d levels",
                   UNIXFS_DEPTH_MAX);
  }
  int rc = stack_reserve(w, n->links);
  if (rc < 0) {
    return err_set(e, rc, "no memory to walk a file");
  }
  struct unixfs_links it = {0};
  struct unixfs_link link;
  size_t at = w->n + n->links;
  uint64_t offset = w->now.offset + n->data.n; /* inline bytes come first */
  while (unixfs_link_next(n, &it, &link)) {
    struct unixfs_step step = {link.cid, link.part, offset, w->now.depth + 1};
    w->todo[--at] = step;
    offset += link.part;
  }
  CHECK(at == w->n);
  w->n += n->links;
  return 0;
}

static int feed_node(struct unixfs_walk *w, struct span block,
                     struct span *leaf, struct err *e)
{
  struct unixfs_node n;
  int rc = unixfs_read(&n, block, e);
  if (rc < 0) {
    return rc;
  }
  if (n.type != UNIXFS_FILE && n.type != UNIXFS_RAW_LEAF) {
    return err_set(e, ERR_INVALID, "UnixFS: not a file at byte %llu",
                   (unsigned long long)w->now.offset);
  }
  rc = check_size(w, n.file_size, e);
  if (rc < 0) {
    return rc;
  }
  if (n.links > 0) {
    rc = push_children(w, &n, e);
    if (rc < 0) {
      return rc;
    }
  }
  *leaf = n.data;
  return 0;
}

int unixfs_walk_feed(struct unixfs_walk *w, struct span block,
                     struct span *leaf, struct err *e)
{
  CHECK(w->has_now);
  int rc = ERR_INVALID;
  struct span bytes = {NULL, 0};
  switch (cid_codec(&w->now.cid)) {
  case CID_RAW:
    rc = check_size(w, block.n, e);
    bytes = block;
    break;
  case CID_DAG_PB:
    rc = feed_node(w, block, &bytes, e);
    break;
  case CID_DAG_CBOR:
  default:
    rc = err_set(e, ERR_INVALID, "a dag-cbor block is not a file");
    break;
  }
  w->has_now = false;
  if (rc < 0) {
    w->n = 0; /* over: what was claimed cannot be trusted any more */
    return rc;
  }
  *leaf = bytes;
  return 0;
}
