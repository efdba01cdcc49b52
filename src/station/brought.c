/* SPDX-License-Identifier: 0BSD */
#include "station/brought.h"

#include "base/mem.h"
#include "form/cbor.h"
#include "form/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP 65536u
/* The text of a QR code is half as long again as its bytes. */
#define FILE_SIZE_MAX (SLIP_SIZE_MAX / 2 * 3 + 64)

static int too_large(const char *path, struct err *e)
{
  return err_set(e, ERR_LIMIT, "%s is no slip: not a file of up to %u bytes",
                 path, SLIP_SIZE_MAX);
}

static int read_all(struct buf *out, int fd, const char *path, struct err *e)
{
  for (;;) {
    if (out->n > FILE_SIZE_MAX) {
      return too_large(path, e);
    }
    if (buf_reserve(out, READ_STEP) < 0) {
      return err_set(e, ERR_NOMEM, "not enough memory");
    }
    ssize_t n = read(fd, out->p + out->n, READ_STEP);
    if (n < 0 && errno != EINTR) {
      return err_sys(e, errno, "can't read the slip %s", path);
    }
    if (n == 0) {
      return 0;
    }
    out->n += n > 0 ? (size_t)n : 0;
  }
}

/* Whatever lies under the name: only a plain file is read. */
static int read_file(struct buf *out, const char *path, struct err *e)
{
  struct stat info;
  int rc;
  if (strcmp(path, "-") == 0) {
    return read_all(out, STDIN_FILENO, "from standard input", e);
  }
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &info) < 0) {
    rc = err_sys(e, errno, "can't read the slip %s", path);
  } else if (!S_ISREG(info.st_mode) || info.st_size > (off_t)FILE_SIZE_MAX) {
    rc = too_large(path, e);
  } else {
    rc = read_all(out, fd, path, e);
  }
  if (fd >= 0) {
    (void)close(fd);
  }
  return rc;
}

static int read_shorts(struct brought *b, struct err *e)
{
  size_t at = 0;
  int rc = 1;
  b->shorts = mem_resize(NULL, SLIP_SHORTS_MAX, sizeof *b->shorts);
  if (b->shorts == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  while (rc > 0) {
    struct slip_short one;
    rc = slip_short_next(&one, buf_span(&b->bytes), &at, e);
    if (rc > 0 && b->shorts_n == SLIP_SHORTS_MAX) {
      rc = err_set(e, ERR_LIMIT, "more than %d short slips in one text",
                   SLIP_SHORTS_MAX);
    }
    if (rc > 0) {
      b->shorts[b->shorts_n++] = one;
    }
  }
  return rc;
}

static int read_any(struct brought *b, struct err *e)
{
  struct span text = buf_span(&b->bytes);
  int rc = 0;
  if (slip_short_looks(text)) {
    return read_shorts(b, e);
  }
  if (slip_scan_looks(text)) {
    struct buf plain = {0};
    rc = slip_scan_read(&plain, text, e);
    buf_free(&b->bytes);
    b->bytes = plain;
  }
  if (rc == 0 && (rc = slip_read(&b->slip, buf_span(&b->bytes), e)) == 0) {
    rc = slip_verify(&b->slip, e);
  }
  return rc;
}

int brought_load(struct brought *b, const char *path, struct err *e)
{
  struct err why = {0};
  int rc = read_file(&b->bytes, path, e);
  if (rc < 0) {
    return rc;
  }
  rc = read_any(b, &why);
  return rc == 0 ? 0
                 : err_set(e, rc, "%s is no slip: %s",
                           strcmp(path, "-") == 0 ? "standard input" : path,
                           why.text);
}

void brought_free(struct brought *b)
{
  buf_free(&b->bytes);
  mem_free(b->shorts);
  b->shorts = NULL;
  b->shorts_n = 0;
}

const struct slip_short *brought_short(const struct brought *b,
                                       struct span collection)
{
  uint8_t hash[HASH_SIZE];
  if (b->shorts_n == 0 || hash_sha256(hash, collection.p, collection.n) < 0) {
    return NULL;
  }
  for (size_t i = 0; i < b->shorts_n; i++) {
    if (memcmp(b->shorts[i].coll, hash, SLIP_SHORT_COLL) == 0) {
      return &b->shorts[i];
    }
  }
  return NULL;
}

int64_t brought_files(const struct brought *b, struct span collection)
{
  const struct slip_short *s = brought_short(b, collection);
  struct slip_walk it = {0};
  struct slip_wish wish;
  int64_t most = -1;
  if (s != NULL) {
    return s->files == 0 ? 0 : (int64_t)((UINT64_C(1) << s->files) - 1);
  }
  while (b->shorts_n == 0 && slip_wish_next(&b->slip, &it, &wish)) {
    if (pattern_matches(wish.collection, collection) && wish.files > most) {
      most = wish.files;
    }
  }
  return most;
}

bool brought_wanted(const struct brought *b, size_t skip, struct cid *out)
{
  struct slip_walk it = {0};
  struct slip_wish wish;
  while (b->shorts_n == 0 && slip_wish_next(&b->slip, &it, &wish)) {
    struct cbor_reader r = cbor_reader_of(wish.want);
    struct cbor_item item;
    if (cbor_next(&r, &item) != CBOR_LIST) {
      continue;
    }
    if (skip >= item.count) {
      skip -= item.count;
      continue;
    }
    r.p += skip * CBOR_LINK_SIZE;
    (void)cbor_next(&r, &item);
    cbor_item_cid(out, &item);
    return true;
  }
  return false;
}
