/* SPDX-License-Identifier: 0BSD */
/* Salvage: read the pages of a damaged file one by one, without SQLite.
 *
 * Every block names its own bytes, so no structure above a table's leaf page
 * is needed: each page that looks like a leaf is taken apart, each cell that
 * has the shape of a row of `seg` or `file` is put together over its overflow
 * pages, and what hashes to its digest is good. A destroyed first page, or
 * inner page, loses nothing but itself. Committed pages of a left-over WAL
 * replace those of the file. Then every page of the file that they hid, and
 * every frame of the WAL, is taken apart by itself: where a disk lied about
 * its syncs, the last copy of a row may lie in either. */
#include "store/sqlite_int.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest row: a segment of one large block, or one of many tiny ones. */
#define ROW_MAX (SEG_RAW + BLOCK_SIZE_MAX + SEG_SLOTS * HEAD_ENTRY + 64u)
#define COLUMNS_MAX 5

/* A page in the WAL. */
struct frame {
  uint32_t page;
  uint64_t at;
};

struct scan {
  int fd, wal;
  uint32_t page_size;
  uint32_t pages;    /* of the file */
  struct buf frames; /* struct frame: each page once, in order */
  uint8_t *page;     /* the leaf under work */
  uint8_t *next;     /* an overflow page */
  struct buf row, raw;
  struct zpack *zpack;
  store_salvage_sink *sink;
  void *ud;
  uint64_t good, lost;
  bool aside;      /* pages that others stand for: what is known is passed
                      over */
  uint64_t *known; /* digests' first bytes of what was good: a set */
  size_t known_n, known_cap;
};

static uint32_t get32(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
         p[3];
}

static uint32_t get16(const uint8_t *p)
{
  return (uint32_t)p[0] << 8 | p[1];
}

/* SQLite's varint: up to 9 bytes. Returns its length, 0 when cut short. */
static size_t varint(const uint8_t *p, size_t n, uint64_t *out)
{
  uint64_t v = 0;
  for (size_t i = 0; i < n && i < 9; i++) {
    if (i == 8) {
      *out = v << 8 | p[i];
      return 9;
    }
    v = v << 7 | (p[i] & 0x7f);
    if (!(p[i] & 0x80)) {
      *out = v;
      return i + 1;
    }
  }
  return 0;
}

/* ---- pages ---- */

static bool read_at(int fd, void *out, size_t n, uint64_t at)
{
  uint8_t *p = out;
  while (n > 0) {
    ssize_t got = pread(fd, p, n, (off_t)at);
    if (got <= 0) {
      if (got < 0 && errno == EINTR) {
        continue;
      }
      return false;
    }
    p += got;
    n -= (size_t)got;
    at += (uint64_t)got;
  }
  return true;
}

static size_t frames(const struct scan *s)
{
  return s->frames.n / sizeof(struct frame);
}

static struct frame frame_at(const struct scan *s, size_t i)
{
  struct frame f;
  memcpy(&f, s->frames.p + i * sizeof f, sizeof f);
  return f;
}

static int frame_page(const void *a, const void *b)
{
  const struct frame *x = a, *y = b;
  return x->page < y->page ? -1 : x->page > y->page;
}

static int frame_order(const void *a, const void *b)
{
  const struct frame *x = a, *y = b;
  int pages = frame_page(a, b);
  return pages != 0 ? pages : x->at < y->at ? -1 : x->at > y->at;
}

static bool read_file_page(const struct scan *s, uint32_t n, uint8_t *out)
{
  return n > 0 && n <= s->pages &&
         read_at(s->fd, out, s->page_size, (uint64_t)(n - 1) * s->page_size);
}

static bool read_page(const struct scan *s, uint32_t n, uint8_t *out)
{
  struct frame key = {n, 0}, *f = NULL;
  if (n > 0 && s->frames.n > 0) {
    f = bsearch(&key, s->frames.p, frames(s), sizeof key, frame_page);
  }
  return f != NULL ? read_at(s->wal, out, s->page_size, f->at)
                   : read_file_page(s, n, out);
}

/* Page size from the header when it is whole, else the one that we create
 * files with. */
static uint32_t page_size_of(int fd, uint32_t ours)
{
  uint8_t h[100];
  if (!read_at(fd, h, sizeof h, 0) || memcmp(h, "SQLite format 3", 16) != 0) {
    return ours;
  }
  uint32_t n = get16(h + 16);
  n = n == 1 ? 65536 : n;
  return n >= 512 && (n & (n - 1)) == 0 ? n : ours;
}

/* Of a page's frames the last stands. */
static void wal_sort(struct scan *s)
{
  size_t n = frames(s), kept = 0;
  if (n == 0) {
    return;
  }
  qsort(s->frames.p, n, sizeof(struct frame), frame_order);
  for (size_t i = 0; i < n; i++) {
    struct frame f = frame_at(s, i);
    if (i + 1 == n || frame_at(s, i + 1).page != f.page) {
      memcpy(s->frames.p + kept++ * sizeof f, &f, sizeof f);
    }
  }
  s->frames.n = kept * sizeof(struct frame);
}

/* Frames up to the last commit. Only as much room is taken as there are: what
 * they say of pages and sizes may be damaged. */
static int wal_map(struct scan *s, struct err *e)
{
  uint8_t head[32], h[24];
  uint64_t size = 24 + (uint64_t)s->page_size;
  size_t end = 0;
  if (s->wal < 0 || !read_at(s->wal, head, sizeof head, 0) ||
      (get32(head) & ~1u) != 0x377f0682u || get32(head + 8) != s->page_size) {
    return 0;
  }
  for (uint64_t at = 32;
       read_at(s->wal, h, sizeof h, at) && memcmp(h + 8, head + 16, 8) == 0;
       at += size) {
    struct frame f = {get32(h), at + 24};
    if (buf_put(&s->frames, &f, sizeof f) < 0) {
      return sq_nomem(e);
    }
    end = get32(h + 4) > 0 ? s->frames.n : end; /* a commit */
  }
  s->frames.n = end;
  wal_sort(s);
  return 0;
}

/* ---- rows ---- */

struct column {
  uint64_t type; /* SQLite's serial type */
  const uint8_t *p;
  size_t n;
};

static size_t type_size(uint64_t type)
{
  static const uint8_t fixed[12] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
  return type < 12 ? fixed[type] : (size_t)((type - 12) / 2);
}

/* Take a record apart: how many columns, 0 when it is none of ours. A column
 * that reaches beyond what could be read is cut off there. */
static size_t columns(struct span row, struct column *out)
{
  uint64_t head = 0;
  size_t count = 0, at = varint(row.p, row.n, &head), body = (size_t)head;
  if (at == 0 || head > row.n || head > 64) {
    return 0;
  }
  while (at < (size_t)head) {
    uint64_t type = 0;
    size_t n = varint(row.p + at, (size_t)head - at, &type);
    if (n == 0 || count == COLUMNS_MAX || type_size(type) > ROW_MAX) {
      return 0;
    }
    size_t size = type_size(type), left = row.n - body;
    out[count].type = type;
    out[count].p = row.p + body;
    out[count++].n = size < left ? size : left;
    body += size < left ? size : left;
    at += n;
  }
  return count;
}

static bool is_blob(const struct column *c)
{
  return c->type >= 12 && c->type % 2 == 0;
}

static bool is_whole(const struct column *c)
{
  return c->n == type_size(c->type);
}

static bool is_int(const struct column *c, int64_t *out)
{
  uint64_t v = 0;
  if (c->type == 8 || c->type == 9) {
    *out = (int64_t)c->type - 8;
    return true;
  }
  if (c->type < 1 || c->type > 6 || !is_whole(c)) {
    return false;
  }
  for (size_t i = 0; i < c->n; i++) {
    v = v << 8 | c->p[i];
  }
  *out = (int64_t)v;
  return (c->p[0] & 0x80) == 0; /* none of ours is negative */
}

/* ---- blocks ---- */

/* 1: it was not there, 0: it was, or ERR_NOMEM. */
static int know(struct scan *s, const uint8_t *digest)
{
  uint64_t key = tail_prefix(digest) | 1;
  if (s->known_n * 2 >= s->known_cap) {
    uint64_t *old = s->known;
    size_t cap = s->known_cap, grown = cap > 0 ? cap * 2 : 1024;
    uint64_t *more = mem_resize(NULL, grown, sizeof *more);
    if (more == NULL) {
      return ERR_NOMEM;
    }
    memset(more, 0, grown * sizeof *more);
    for (size_t i = 0; i < cap; i++) {
      size_t at = (size_t)old[i] & (grown - 1);
      while (old[i] != 0 && more[at] != 0) {
        at = (at + 1) & (grown - 1);
      }
      more[at] = old[i] != 0 ? old[i] : more[at];
    }
    mem_free(old);
    s->known = more;
    s->known_cap = grown;
  }
  size_t at = (size_t)key & (s->known_cap - 1);
  while (s->known[at] != 0 && s->known[at] != key) {
    at = (at + 1) & (s->known_cap - 1);
  }
  bool fresh = s->known[at] == 0;
  s->known[at] = key;
  s->known_n += fresh;
  return fresh;
}

static int offer(struct scan *s, uint8_t codec, const uint8_t *digest,
                 struct span bytes, bool file)
{
  struct store_block b = {.bytes = bytes};
  if (codec != CID_RAW && codec != CID_DAG_PB && codec != CID_DAG_CBOR) {
    s->lost++;
    return 0;
  }
  cid_make(&b.cid, (enum cid_codec)codec, digest);
  int rc = cid_verify(&b.cid, bytes.p, bytes.n);
  if (rc == ERR_NOMEM) {
    return rc;
  }
  if (rc < 0) {
    s->lost++;
    return 0;
  }
  if ((rc = know(s, digest)) < 0 || (s->aside && rc == 0)) {
    return rc;
  }
  s->good++;
  return s->sink(s->ud, &b, file);
}

/* Frames into s->raw, up to the first that is damaged. ERR_NOMEM alone. */
static int expand(struct scan *s, struct span data, size_t size)
{
  int rc = 0;
  buf_clear(&s->raw);
  for (size_t at = 0; rc == 0 && at < data.n;) {
    struct span rest = span_of(data.p + at, data.n - at);
    int64_t n = zpack_frame_size(rest);
    if (n <= 0) {
      break;
    }
    rc = zpack_expand(s->zpack, &s->raw, span_of(rest.p, (size_t)n),
                      size - s->raw.n, NULL);
    at += (size_t)n;
  }
  return rc == ERR_NOMEM ? rc : 0;
}

/* What a data column holds, ${size} plain bytes when all is well. */
static int plain(struct scan *s, const struct column *data, int64_t size,
                 struct span *out)
{
  *out = span_of(data->p, data->n);
  if (is_whole(data) && data->n < (uint64_t)size) {
    int rc = expand(s, *out, (size_t)size);
    *out = buf_span(&s->raw);
    return rc;
  }
  return 0;
}

static int take_segment(struct scan *s, const struct column *c)
{
  int64_t size = 0;
  struct span raw;
  if (!is_int(&c[1], &size) || size > (int64_t)ROW_MAX || !is_blob(&c[2]) ||
      !is_blob(&c[3]) || type_size(c[2].type) % HEAD_ENTRY != 0) {
    return 0;
  }
  int rc = plain(s, &c[3], size, &raw);
  s->lost += (type_size(c[2].type) - c[2].n + HEAD_ENTRY - 1) / HEAD_ENTRY;
  for (size_t i = 0; rc == 0 && (i + 1) * HEAD_ENTRY <= c[2].n; i++) {
    const uint8_t *p = c[2].p + i * HEAD_ENTRY;
    uint32_t length = get32(p + 1), offset = get32(p + 5);
    if (p[0] == 0) {
      continue;
    }
    if (offset > raw.n || length > raw.n - offset) {
      s->lost++;
      continue;
    }
    struct span bytes = {length > 0 ? raw.p + offset : (const uint8_t *)"",
                         length};
    rc = offer(s, p[0], p + 9, bytes, false);
  }
  return rc;
}

static int take_file(struct scan *s, const struct column *c)
{
  int64_t codec = 0, size = 0;
  struct span raw;
  if (!is_int(&c[1], &codec) || !is_int(&c[2], &size) || codec > 255 ||
      size > (int64_t)BLOCK_SIZE_MAX || !is_blob(&c[3]) || c[3].n != 32 ||
      c[4].type == 0) {
    return 0; /* the last: its bytes are in the other file */
  }
  int rc = is_blob(&c[4]) ? plain(s, &c[4], size, &raw) : 0;
  if (rc < 0 || !is_blob(&c[4])) {
    return rc;
  }
  if (raw.n != (uint64_t)size) {
    s->lost++;
    return 0;
  }
  raw.p = raw.n > 0 ? raw.p : (const uint8_t *)"";
  return offer(s, (uint8_t)codec, c[3].p, raw, true);
}

/* ---- cells ---- */

/* How many of a row's ${n} bytes lie in the leaf itself. */
static size_t local_size(const struct scan *s, uint64_t n)
{
  uint64_t u = s->page_size, min = (u - 12) * 32 / 255 - 23;
  if (n <= u - 35) {
    return (size_t)n;
  }
  uint64_t k = min + (n - min) % (u - 4);
  return (size_t)(k <= u - 35 ? k : min);
}

/* Put a row together in s->row: shorter than it should be when its chain of
 * overflow pages breaks. */
static int gather(struct scan *s, const uint8_t *cell, size_t room, uint64_t n)
{
  size_t local = local_size(s, n);
  buf_clear(&s->row);
  if (local + (local < n ? 4 : 0) > room) {
    return 0;
  }
  int rc = buf_put(&s->row, cell, local);
  uint32_t next = local < n ? get32(cell + local) : 0;
  while (rc == 0 && s->row.n < n && read_page(s, next, s->next)) {
    uint64_t left = n - s->row.n, most = s->page_size - 4;
    rc = buf_put(&s->row, s->next + 4, (size_t)(left < most ? left : most));
    next = get32(s->next);
  }
  return rc;
}

static int take_cell(struct scan *s, uint32_t at)
{
  struct column c[COLUMNS_MAX];
  uint64_t n = 0, rowid = 0;
  const uint8_t *p = s->page + at;
  size_t room = s->page_size - at, a = varint(p, room, &n);
  size_t b = a > 0 ? varint(p + a, room - a, &rowid) : 0;
  if (b == 0 || n > ROW_MAX) {
    return 0;
  }
  int rc = gather(s, p + a + b, room - a - b, n);
  if (rc < 0) {
    return rc;
  }
  size_t count = columns(buf_span(&s->row), c);
  if (count == 4 && c[0].type == 0) {
    return take_segment(s, c);
  }
  return count == 5 && c[0].type == 0 ? take_file(s, c) : 0;
}

/* The page in s->page, whose bytes count from ${head}. */
static int take_leaf(struct scan *s, uint32_t head)
{
  if (s->page[head] != 0x0d) {
    return 0;
  }
  uint32_t cells = get16(s->page + head + 3);
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < cells; i++) {
    uint32_t slot = head + 8 + i * 2;
    if (slot + 2 > s->page_size) {
      break;
    }
    uint32_t at = get16(s->page + slot);
    if (at >= head + 8 && at < s->page_size) {
      rc = take_cell(s, at);
    }
  }
  return rc;
}

/* Pages that a frame hides, and frames, each by itself. What is found wanting
 * there is not lost: it was looked for before. */
static int take_aside(struct scan *s)
{
  uint64_t lost = s->lost, size = 24 + (uint64_t)s->page_size;
  int rc = 0;
  s->aside = true;
  for (size_t i = 0; rc == 0 && i < frames(s); i++) {
    uint32_t n = frame_at(s, i).page;
    if (read_file_page(s, n, s->page)) {
      rc = take_leaf(s, n == 1 ? 100 : 0);
    }
  }
  for (uint64_t at = 32 + 24;
       rc == 0 && s->wal >= 0 && read_at(s->wal, s->page, s->page_size, at);
       at += size) {
    rc = take_leaf(s, memcmp(s->page, "SQLite format 3", 16) == 0 ? 100 : 0);
  }
  s->aside = false;
  s->lost = lost;
  return rc;
}

/* ---- files ---- */

static int open_suffix(const char *path, const char *suffix, int *fd)
{
  char name[PATH_BYTES_MAX + 16];
  (void)snprintf(name, sizeof name, "%s%s", path, suffix);
  *fd = open(name, O_RDONLY | O_CLOEXEC);
  return *fd < 0 ? -errno : 0;
}

static int scan_pages(struct scan *s, struct err *e)
{
  struct stat info;
  if (fstat(s->fd, &info) != 0) {
    return err_sys(e, errno, "fstat");
  }
  uint64_t pages = ((uint64_t)info.st_size + s->page_size - 1) / s->page_size;
  s->pages = pages < UINT32_MAX ? (uint32_t)pages : UINT32_MAX - 1;
  int rc = wal_map(s, e);
  s->page = mem_alloc(s->page_size);
  s->next = mem_alloc(s->page_size);
  if (s->page == NULL || s->next == NULL) {
    return sq_nomem(e);
  }
  for (uint32_t n = 1; rc == 0 && n <= s->pages; n++) {
    if (read_page(s, n, s->page)) {
      rc = take_leaf(s, n == 1 ? 100 : 0);
    }
  }
  for (size_t i = 0; rc == 0 && i < frames(s); i++) {
    uint32_t n = frame_at(s, i).page; /* beyond the end of the file */
    if (n > s->pages && read_page(s, n, s->page)) {
      rc = take_leaf(s, 0);
    }
  }
  rc = rc == 0 ? take_aside(s) : rc;
  return rc == ERR_NOMEM ? sq_nomem(e) : rc;
}

static int scan_file(struct scan *s, const char *path, const char *suffix,
                     const char *wal, uint32_t page_size, struct err *e)
{
  s->fd = s->wal = -1;
  int rc = 0, gone = open_suffix(path, suffix, &s->fd);
  if (gone != 0) {
    return err_sys(e, -gone, "%s%s", path, suffix);
  }
  if (wal != NULL && open_suffix(path, wal, &s->wal) != 0) {
    s->wal = -1; /* none was left behind */
  }
  s->page_size = page_size_of(s->fd, page_size);
  rc = scan_pages(s, e);
  close(s->fd);
  if (s->wal >= 0) {
    close(s->wal);
  }
  buf_free(&s->frames);
  mem_free(s->page);
  mem_free(s->next);
  s->page = s->next = NULL;
  return rc;
}

int store_sqlite_salvage(const char *path, store_salvage_sink *sink, void *ud,
                         uint64_t *good, uint64_t *lost, struct err *e)
{
  struct scan s = {.sink = sink, .ud = ud, .zpack = zpack_new()};
  struct err why = {0, ""};
  int rc = s.zpack == NULL ? sq_nomem(e) : 0;
  if (rc == 0) {
    rc = scan_file(&s, path, "", "-wal", SQ_PAGE, e);
  }
  if (rc == 0) {
    rc = scan_file(&s, path, "-files", NULL, SQ_FILES_PAGE, &why);
    rc = rc == ERR_NOENT ? 0 : rc;
    if (rc < 0 && why.code != 0 && e != NULL) {
      *e = why;
    }
  }
  *good = s.good;
  *lost = s.lost;
  zpack_del(s.zpack);
  mem_free(s.known);
  buf_free(&s.row);
  buf_free(&s.raw);
  return rc;
}
