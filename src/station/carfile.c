/* SPDX-License-Identifier: 0BSD */
#include "station/carfile.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CHECK_STEP (1024u * 1024)

int carfile_start(struct carfile *f, const char *path, bool compress, int level,
                  struct err *e)
{
  memset(f, 0, sizeof *f);
  f->back_fd = -1;
  f->level = level;
  int rc = outfile_start_path(&f->out, path, e);
  if (rc < 0) {
    return rc;
  }
  f->hash = hash_new();
  f->zpack = compress ? zpack_new() : NULL;
  if (f->hash == NULL || (compress && f->zpack == NULL)) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  return 0;
}

int carfile_flush(struct carfile *f, struct err *e)
{
  struct span out = buf_span(&f->frame);
  int rc = 0;
  if (f->frame.n == 0) {
    return 0;
  }
  if (f->zpack != NULL) {
    buf_clear(&f->packed);
    rc = zpack_squeeze(f->zpack, &f->packed, out, f->level, e);
    out = buf_span(&f->packed);
  }
  if (rc == 0 && (rc = outfile_write(&f->out, out, e)) == 0 &&
      (rc = hash_add(f->hash, out.p, out.n)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  buf_clear(&f->frame);
  return rc;
}

int carfile_header(struct carfile *f, const struct cid *root, struct err *e)
{
  int rc = car_put_header(&f->frame, root, 1);
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

int carfile_block(struct carfile *f, const struct cid *cid, struct span block,
                  struct err *e)
{
  size_t section = block.n + CID_SIZE + VARINT_BYTES_MAX;
  int rc = 0;
  if (f->frame.n > 0 && f->frame.n + section > ZPACK_FRAME_RAW) {
    rc = carfile_flush(f, e);
  }
  if (rc == 0 && (rc = car_put_section(&f->frame, cid, block)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  f->blocks++;
  return rc;
}

/* A zstd frame that doesn't compress costs 18 bytes and 3 for each 128 KiB;
 * frames are cut at ZPACK_FRAME_RAW, or before a section that is larger. */
static uint64_t frame_cost(const struct carfile *f, uint64_t n)
{
  return f->zpack != NULL && n > 0 ? n + 24 * (n / 65536 + 1) : n;
}

uint64_t carfile_size_with(const struct carfile *f, uint64_t more)
{
  return f->out.bytes + frame_cost(f, f->frame.n) + frame_cost(f, more);
}

int carfile_sync(struct carfile *f, struct err *e)
{
  int rc = carfile_flush(f, e);
  if (rc < 0) {
    return rc;
  }
  if ((rc = hash_end(f->hash, f->written)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  if (fsync(f->out.fd) < 0) {
    return err_sys(e, errno, "can't bring the carry file to the disk");
  }
  /* Drop the cached pages, so that the disk itself is asked. */
  (void)posix_fadvise(f->out.fd, 0, 0, POSIX_FADV_DONTNEED);
  f->back_fd =
      openat(f->out.dirfd, f->out.part, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (f->back_fd < 0) {
    return err_sys(e, errno, "can't read the carry file back");
  }
  return buf_reserve(&f->packed, CHECK_STEP) < 0
             ? err_set(e, ERR_NOMEM, "not enough memory")
             : 0;
}

int carfile_check(struct carfile *f, struct err *e)
{
  uint8_t digest[HASH_SIZE];
  CHECK(f->back_fd >= 0 && f->packed.cap >= CHECK_STEP);
  ssize_t n = read(f->back_fd, f->packed.p, CHECK_STEP);
  if (n < 0 && errno == EINTR) {
    return 1;
  }
  if (n < 0) {
    return err_sys(e, errno, "can't read the carry file back");
  }
  f->read_back += (uint64_t)n;
  int rc = n > 0 ? hash_add(f->hash, f->packed.p, (size_t)n)
                 : hash_end(f->hash, digest);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  if (n > 0) {
    return 1;
  }
  if (f->read_back != f->out.bytes ||
      memcmp(digest, f->written, HASH_SIZE) != 0) {
    return err_set(e, ERR_IO,
                   "the disk gave other bytes back than were "
                   "written: don't trust this stick");
  }
  return 0;
}

int carfile_finish(struct carfile *f, const char *path, struct err *e)
{
  return outfile_finish(&f->out, path, false, e);
}

void carfile_free(struct carfile *f)
{
  if (f->back_fd >= 0) {
    (void)close(f->back_fd);
    f->back_fd = -1;
  }
  outfile_drop(&f->out);
  buf_free(&f->frame);
  buf_free(&f->packed);
  zpack_del(f->zpack);
  hash_del(f->hash);
  f->zpack = NULL;
  f->hash = NULL;
}
