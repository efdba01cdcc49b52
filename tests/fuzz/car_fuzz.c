/* SPDX-License-Identifier: 0BSD */
/* A carry file, read as an import reads it: strictly, then from wound to
 * wound. car_scan proves what is reported good and that it lies inside. What
 * is good then goes on to where such blocks go: frames and UnixFS nodes. */
#include "base/check.h"
#include "car_scan.h"
#include "form/unixfs.h"
#include "form/zpack.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static void check_seek(struct span s)
{
  for (size_t at = 0; at < s.n; at++) {
    size_t next = car_seek(s, at);
    CHECK(next == plain_seek(s, at));
    at = next;
  }
}

/* What was read, written again, is the same bytes. */
static void check_header(struct span s)
{
  struct cid roots[CAR_ROOTS_MAX];
  struct buf again = {0};
  uint64_t offset, bytes;
  size_t count = 0;
  struct err e;
  int64_t took = car_read_header(s, roots, &count, &e);
  CHECK(took <= (int64_t)s.n && took <= CAR_HEADER_MAX + 2);
  CHECK(count <= CAR_ROOTS_MAX && (took > 0 || count == 0));
  if (took > 0 && car_put_header(&again, roots, count) == 0 &&
      again.n == (size_t)took) { /* else there were foreign roots */
    CHECK(memcmp(again.p, s.p, again.n) == 0);
  }
  buf_free(&again);
  int rc = car_read_v2(s, &offset, &bytes, &e);
  CHECK(rc <= 0 || (offset >= CAR_V2_HEAD && offset + bytes <= INT64_MAX));
}

static void check_node(struct span block)
{
  struct unixfs_node n;
  struct unixfs_links it = {0};
  struct unixfs_link link;
  uint64_t sum;
  size_t count = 0;
  struct err e;
  if (unixfs_read(&n, block, &e) < 0) {
    CHECK(e.text[0] != '\0');
    return;
  }
  sum = n.data.n;
  while (unixfs_link_next(&n, &it, &link)) {
    sum += link.part;
    count++;
  }
  CHECK(count == n.links);
  CHECK((n.type != UNIXFS_FILE && n.type != UNIXFS_RAW_LEAF) ||
        sum == n.file_size);
}

static void check_frame(struct span block)
{
  static struct zpack *z; /* kept from run to run, as a session keeps it */
  struct buf out = {0};
  struct err e;
  z = z == NULL ? zpack_new() : z;
  CHECK(z != NULL);
  int rc = zpack_expand(z, &out, block, ZPACK_FRAME_RAW, &e);
  CHECK(rc == 0 ? out.n <= ZPACK_FRAME_RAW : out.n == 0);
  int64_t n = zpack_frame_size(block);
  CHECK(n <= (int64_t)block.n);
  CHECK(rc < 0 || n == (int64_t)block.n);
  buf_free(&out);
}

/* Each place as a section, proved or not: its block is foreign bytes. */
static void check_blocks(struct span s)
{
  size_t looked = 0;
  for (size_t at = car_seek(s, 0); at < s.n && looked < 16; looked++) {
    struct car_section c;
    struct span rest = {s.p + at, s.n - at};
    int64_t took = car_read_section(rest, &c, NULL);
    CHECK(took >= 0); /* what car_seek finds is at worst cut short */
    if (took > 0) {
      CHECK(c.block.p + c.block.n == rest.p + took);
      check_node(c.block);
      check_frame(c.block);
    }
    at = car_seek(s, at + 1);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct span s = {data, size};
  struct car_tally t;
  uint64_t ignored;
  (void)varint_read(s, &ignored);
  check_header(s);
  car_scan(s, &t);
  CHECK(t.salvage.wasted <= CAR_SALVAGE_FREE + CAR_SALVAGE_FACTOR * size);
  CHECK(t.last_good <= size);
  if (size <= 4096) {
    check_seek(s);
  }
  check_blocks(s);
  check_node(s);
  check_frame(s);
  return 0;
}
