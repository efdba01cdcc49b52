/* SPDX-License-Identifier: 0BSD */
#include "form/zpack.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"

#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#define MAGIC_SIZE 4
#define HEADER_MAX 18 /* magic 4, descriptor 1, window 1, dict 4, size 8 */

static const uint8_t magic[MAGIC_SIZE] = {0x28, 0xb5, 0x2f, 0xfd};

struct zpack {
  ZSTD_CCtx *squeezer;
  ZSTD_DCtx *expander;
};

/* What a frame's header states (RFC 8878, 3.1.1.1). */
struct header {
  bool has_size;
  bool has_dict;
  uint64_t size;   /* content, bytes */
  uint64_t window; /* what a decoder must be able to look back, bytes */
};

struct zpack *zpack_new(void)
{
  struct zpack *z = mem_zero(sizeof *z);
  if (z == NULL) {
    return NULL;
  }
  z->squeezer = ZSTD_createCCtx();
  z->expander = ZSTD_createDCtx();
  if (z->squeezer == NULL || z->expander == NULL) {
    zpack_del(z);
    return NULL;
  }
  return z;
}

void zpack_del(struct zpack *z)
{
  if (z == NULL) {
    return;
  }
  (void)ZSTD_freeCCtx(z->squeezer); /* both are NULL-safe and return 0 */
  (void)ZSTD_freeDCtx(z->expander);
  mem_free(z);
}

static void set_param(ZSTD_CCtx *c, ZSTD_cParameter name, int value)
{
  CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(c, name, value)));
}

int zpack_squeeze(struct zpack *z, struct buf *out, struct span raw, int level,
                  struct err *e)
{
  if (level < 1 || level > 19) {
    return err_set(e, ERR_MISUSE, "zstd level %d is not in 1 .. 19", level);
  }
  int rc = buf_reserve(out, ZSTD_compressBound(raw.n));
  if (rc < 0) {
    return err_set(e, rc, "no memory to compress %zu bytes", raw.n);
  }
  /* The defaults state the content size and no checksum (the CIDs inside are
   * one). The window shrinks by itself to what a smaller input needs. */
  set_param(z->squeezer, ZSTD_c_compressionLevel, level);
  set_param(z->squeezer, ZSTD_c_windowLog, ZPACK_WINDOW_LOG_MAX);
  size_t n = ZSTD_compress2(z->squeezer, out->p + out->n, out->cap - out->n,
                            raw.p, raw.n);
  if (ZSTD_isError(n)) {
    return err_set(e, ERR_NOMEM, "cannot compress %zu bytes: %s", raw.n,
                   ZSTD_getErrorName(n));
  }
  out->n += n;
  return 0;
}

static uint64_t read_le(const uint8_t *p, size_t n)
{
  uint64_t v = 0;
  for (size_t i = 0; i < n; i++) {
    v |= (uint64_t)p[i] << 8 * i;
  }
  return v;
}

/* Window_Size from its descriptor: a power of two and eighths of it. */
static uint64_t window_size(uint8_t descriptor)
{
  uint64_t base = (uint64_t)1 << (10 + (descriptor >> 3));
  return base + base / 8 * (descriptor & 7u);
}

/* Read the header that ${f} starts with: bytes taken, or 0 when it is cut
 * short or sets a bit that zstd reserves. The magic number has been seen. */
static size_t header_read(struct header *h, struct span f)
{
  static const uint8_t dict_bytes[4] = {0, 1, 2, 4};
  static const uint8_t size_bytes[4] = {0, 2, 4, 8};
  memset(h, 0, sizeof *h);
  if (f.n < MAGIC_SIZE + 1 || (f.p[MAGIC_SIZE] & 0x08) != 0) {
    return 0;
  }
  unsigned descriptor = f.p[MAGIC_SIZE];
  bool single = (descriptor & 0x20u) != 0;
  size_t dict_n = dict_bytes[descriptor & 3u];
  size_t size_n = size_bytes[descriptor >> 6];
  if (size_n == 0 && single) {
    size_n = 1;
  }
  size_t at = MAGIC_SIZE + 1;
  size_t need = at + (single ? 0 : 1) + dict_n + size_n;
  if (f.n < need) {
    return 0;
  }
  if (!single) {
    h->window = window_size(f.p[at++]);
  }
  h->has_dict = dict_n > 0 && read_le(f.p + at, dict_n) != 0;
  at += dict_n;
  h->has_size = size_n > 0;
  h->size = read_le(f.p + at, size_n);
  if (size_n == 2) {
    h->size += 256; /* the two-byte form starts where one byte ends */
  }
  if (single) {
    h->window = h->size;
  }
  CHECK(need <= HEADER_MAX);
  return need;
}

/* Everything that can be refused before a byte is decoded. */
static int header_check(struct header *h, struct span frame, size_t raw_max,
                        struct err *e)
{
  const uint64_t window_max = (uint64_t)1 << ZPACK_WINDOW_LOG_MAX;
  if (!zpack_looks(frame)) {
    return err_set(e, ERR_INVALID, "not a zstd frame");
  }
  if (header_read(h, frame) == 0) {
    return err_set(e, ERR_INVALID, "zstd frame: bad or cut header");
  }
  if (h->has_dict) {
    return err_set(e, ERR_INVALID, "zstd frame needs a dictionary");
  }
  if (!h->has_size) {
    return err_set(e, ERR_INVALID, "zstd frame does not state its size");
  }
  if (h->size > raw_max) {
    return err_set(e, ERR_LIMIT, "zstd frame states %llu bytes, at most %zu",
                   (unsigned long long)h->size, raw_max);
  }
  if (h->window > window_max) {
    return err_set(e, ERR_INVALID,
                   "zstd frame: window of %llu bytes, at most "
                   "%llu",
                   (unsigned long long)h->window,
                   (unsigned long long)window_max);
  }
  if (zpack_frame_size(frame) != (int64_t)frame.n) {
    return err_set(e, ERR_INVALID,
                   "zstd frame is cut, damaged or followed by "
                   "other bytes");
  }
  return 0;
}

int zpack_expand(struct zpack *z, struct buf *out, struct span frame,
                 size_t raw_max, struct err *e)
{
  struct header h = {false, false, 0, 0};
  int rc = header_check(&h, frame, raw_max, e);
  if (rc < 0) {
    return rc;
  }
  size_t size = (size_t)h.size; /* <= raw_max */
  rc = buf_reserve(out, size > 0 ? size : 1);
  if (rc < 0) {
    return err_set(e, rc, "no memory to expand %zu bytes", size);
  }
  size_t n =
      ZSTD_decompressDCtx(z->expander, out->p + out->n, size, frame.p, frame.n);
  if (ZSTD_isError(n)) {
    return err_set(e, ERR_INVALID, "zstd frame: %s", ZSTD_getErrorName(n));
  }
  if (n != size) {
    return err_set(e, ERR_INVALID,
                   "zstd frame holds %zu bytes, not the %zu "
                   "that it states",
                   n, size);
  }
  out->n += n;
  return 0;
}

int64_t zpack_content_size(struct span frame)
{
  struct header h;
  if (!zpack_looks(frame) || header_read(&h, frame) == 0 || !h.has_size ||
      h.size > INT64_MAX) {
    return ERR_INVALID;
  }
  return (int64_t)h.size;
}

bool zpack_looks(struct span p)
{
  return p.n >= MAGIC_SIZE && memcmp(p.p, magic, MAGIC_SIZE) == 0;
}

size_t zpack_seek(struct span s, size_t from)
{
  if (from >= s.n) {
    return s.n;
  }
  const uint8_t *p = memmem(s.p + from, s.n - from, magic, MAGIC_SIZE);
  return p != NULL ? (size_t)(p - s.p) : s.n;
}

int64_t zpack_frame_size(struct span p)
{
  size_t head = p.n < MAGIC_SIZE ? p.n : MAGIC_SIZE;
  if (head > 0 && memcmp(p.p, magic, head) != 0) {
    return ERR_INVALID; /* skippable frames too */
  }
  if (p.n < MAGIC_SIZE) {
    return 0;
  }
  size_t n = ZSTD_findFrameCompressedSize(p.p, p.n);
  if (!ZSTD_isError(n)) {
    return (int64_t)n;
  }
  return ZSTD_getErrorCode(n) == ZSTD_error_srcSize_wrong ? 0 : ERR_INVALID;
}
