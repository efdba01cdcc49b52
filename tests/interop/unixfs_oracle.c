/* SPDX-License-Identifier: 0BSD */
/* UnixFS on the command line, to compare with other implementations:
 *   unixfs_oracle cid N [CAR] <file   cut every N bytes (0: by content), print
 *                                     the CID; keep the blocks in CAR
 *   unixfs_oracle cat <CAR >file      walk the first root, print its bytes */
#include "form/car.h"
#include "form/chunk.h"
#include "form/unixfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct out {
  bool keep;         /* are the blocks wanted? */
  struct buf blocks; /* CAR sections */
};

static int keep_block(void *ud, const struct cid *cid, struct span bytes)
{
  struct out *o = ud;
  return o->keep ? car_put_section(&o->blocks, cid, bytes) : 0;
}

static int fail(const struct err *e)
{
  fprintf(stderr, "%s\n", e->text);
  return 1;
}

/* Fill ${b} up to ${want} bytes from stdin; less only at its end. */
static int refill(struct buf *b, size_t want)
{
  int rc = buf_reserve(b, want > b->n ? want - b->n : 0);
  if (rc == 0 && b->n < want) {
    b->n += fread(b->p + b->n, 1, want - b->n, stdin);
  }
  return rc;
}

static int add_leaf(struct unixfs_builder *b, struct out *o, struct span leaf,
                    struct err *e)
{
  struct cid cid;
  int rc = cid_of(&cid, CID_RAW, leaf.p, leaf.n);
  if (rc == 0) {
    rc = keep_block(o, &cid, leaf);
  }
  return rc < 0 ? rc : unixfs_add_leaf(b, &cid, leaf.n, e);
}

static int write_car(const char *path, const struct cid *root,
                     const struct out *o)
{
  struct buf head = {0};
  int bad = car_put_header(&head, root, 1);
  FILE *f = fopen(path, "wb");
  if (f == NULL || bad < 0) {
    return 1;
  }
  bad |= fwrite(head.p, 1, head.n, f) != head.n;
  bad |=
      o->blocks.n > 0 && fwrite(o->blocks.p, 1, o->blocks.n, f) != o->blocks.n;
  bad |= fclose(f) != 0;
  buf_free(&head);
  return bad;
}

static int print_cid(size_t leaf_size, const char *car)
{
  struct out o = {car != NULL, {0}};
  struct unixfs_builder *b = NULL;
  struct err e = {0, "no memory"};
  struct buf window = {0};
  struct cid root;
  uint64_t size;
  char text[CID_TEXT_SIZE + 1];
  size_t want = leaf_size > 0 ? leaf_size : CHUNK_MAX;
  int rc = unixfs_builder_new(&b, keep_block, &o, &e);
  while (rc == 0 && (rc = refill(&window, want)) == 0 && window.n > 0) {
    size_t n = leaf_size > 0 ? window.n : chunk_cut(window.p, window.n);
    rc = add_leaf(b, &o, span_of(window.p, n), &e);
    buf_shift(&window, n);
  }
  if (rc == 0) {
    rc = unixfs_finish(b, &root, &size, &e);
  }
  if (rc == 0 && size == 0) { /* the builder leaves that one block to us */
    rc = keep_block(&o, &root, span_of(NULL, 0));
  }
  if (rc < 0) {
    return fail(&e);
  }
  cid_text(text, &root);
  printf("%s\n", text);
  rc = car != NULL ? write_car(car, &root, &o) : 0;
  unixfs_builder_del(b);
  buf_free(&window);
  buf_free(&o.blocks);
  return rc;
}

/* The block that ${cid} names, looked for from the front: test files are
 * small. */
static bool find_block(struct span sections, const struct cid *cid,
                       struct span *out)
{
  size_t at = 0;
  while (at < sections.n) {
    struct car_section c;
    struct span rest = {sections.p + at, sections.n - at};
    int64_t took = car_read_section(rest, &c, NULL);
    if (took <= 0) {
      return false;
    }
    if (cid_equal(&c.cid, cid)) {
      *out = c.block;
      return cid_verify(cid, c.block.p, c.block.n) == 0;
    }
    at += (size_t)took;
  }
  return false;
}

static int cat(void)
{
  struct cid roots[CAR_ROOTS_MAX];
  struct unixfs_walk w;
  struct unixfs_step step;
  struct err e = {0, "a block is missing"};
  struct buf car = {0};
  size_t count;
  while (refill(&car, car.n + (1u << 20)) == 0 && !feof(stdin)) {
  }
  int64_t at = car_read_header(buf_span(&car), roots, &count, &e);
  if (at <= 0 || count == 0) {
    return fail(&e);
  }
  struct span sections = {car.p + at, car.n - (size_t)at};
  int rc = unixfs_walk_start(&w, &roots[0], UNIXFS_SIZE_UNKNOWN, &e);
  while (rc == 0 && (rc = unixfs_walk_next(&w, &step, &e)) > 0) {
    struct span block, leaf;
    if (!find_block(sections, &step.cid, &block)) {
      rc = ERR_NOENT;
      break;
    }
    rc = unixfs_walk_feed(&w, block, &leaf, &e);
    if (rc == 0 && leaf.n > 0 && fwrite(leaf.p, 1, leaf.n, stdout) != leaf.n) {
      return 1;
    }
  }
  unixfs_walk_free(&w);
  buf_free(&car);
  return rc < 0 ? fail(&e) : 0;
}

int main(int argc, char **argv)
{
  if (argc >= 3 && strcmp(argv[1], "cid") == 0) {
    return print_cid((size_t)strtoul(argv[2], NULL, 10),
                     argc > 3 ? argv[3] : NULL);
  }
  if (argc == 2 && strcmp(argv[1], "cat") == 0) {
    return cat();
  }
  fprintf(stderr, "unixfs_oracle cid N [CAR] | cat\n");
  return 2;
}
