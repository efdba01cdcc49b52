/* SPDX-License-Identifier: 0BSD */
#include "station/carsource.h"

#include "base/check.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE (256u * 1024)
/* One frame holds whole sections: ours up to ZPACK_FRAME_RAW or one block. */
#define FRAME_RAW_MAX (CAR_SECTION_MAX + ZPACK_FRAME_RAW)
#define FRAME_MAX (FRAME_RAW_MAX + FRAME_RAW_MAX / 128 + 1024)
#define MAGIC_SIZE 4

int carsource_open(struct carsource *s, const char *path, struct err *e)
{
  struct stat info;
  uint8_t head[MAGIC_SIZE] = {0};
  memset(s, 0, sizeof *s);
  s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (s->fd < 0) {
    return err_sys(e, errno, "can't read %s", path);
  }
  if (fstat(s->fd, &info) < 0) {
    return err_sys(e, errno, "can't read %s", path);
  }
  if (!S_ISREG(info.st_mode)) {
    return err_set(e, ERR_INVALID, "%s is not a plain file", path);
  }
  if (info.st_size == 0) {
    return err_set(e, ERR_INVALID, "%s is empty: no carry file", path);
  }
  s->size = (uint64_t)info.st_size;
  ssize_t n = pread(s->fd, head, sizeof head, 0);
  if (n < 0) {
    return err_sys(e, errno, "can't read %s", path);
  }
  /* The first frame may be the damaged one: then the name tells. */
  size_t len = strlen(path);
  s->compressed = zpack_looks(span_of(head, (size_t)n)) ||
                  (len > 4 && strcmp(path + len - 4, ".zst") == 0);
  if (s->compressed && (s->zpack = zpack_new()) == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  (void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  return 0;
}

void carsource_close(struct carsource *s)
{
  if (s->fd >= 0) {
    (void)close(s->fd);
    s->fd = -1;
  }
  buf_free(&s->raw);
  buf_free(&s->packed);
  zpack_del(s->zpack);
  s->zpack = NULL;
}

int carsource_rewind(struct carsource *s, struct err *e)
{
  if (lseek(s->fd, 0, SEEK_SET) < 0) {
    return err_sys(e, errno, "can't read the carry file again");
  }
  s->read = 0;
  s->end = s->lost = false;
  s->at = s->packed_at = 0;
  buf_clear(&s->raw);
  buf_clear(&s->packed);
  return 0;
}

void carsource_skip(struct carsource *s, size_t n)
{
  CHECK(n <= s->raw.n - s->at);
  s->at += n;
}

/* Append up to READ_SIZE bytes of the file; 0 at its end. */
static ssize_t read_more(struct carsource *s, struct buf *to, struct err *e)
{
  if (buf_reserve(to, READ_SIZE) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  ssize_t n;
  do {
    n = read(s->fd, to->p + to->n, READ_SIZE);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    return err_sys(e, errno, "can't read the carry file");
  }
  to->n += (size_t)n;
  s->read += (uint64_t)n;
  return n;
}

static struct span packed_window(const struct carsource *s)
{
  return span_of(s->packed.p + s->packed_at, s->packed.n - s->packed_at);
}

/* One wound counts once, however many places in it look like a frame. */
static void note_wound(struct carsource *s)
{
  s->bad_frames += !s->lost;
  s->lost = true;
}

/* Move on to the next place, ${from} bytes on at the least, where a frame may
 * begin. The last bytes may begin a magic number that is cut: they stay. */
static void seek_frame(struct carsource *s, size_t from)
{
  struct span w = packed_window(s);
  size_t at = zpack_seek(w, from);
  note_wound(s);
  if (at == w.n) {
    size_t keep = MAGIC_SIZE - 1;
    at = w.n - from > keep ? w.n - keep : from;
  }
  s->packed_at += at;
}

/* One frame from the compressed bytes into the window. 1: done something,
 * 0: more bytes are needed, or a negative code. */
static int expand_frame(struct carsource *s, struct err *e)
{
  struct span w = packed_window(s);
  struct err why;
  if (!zpack_looks(w)) {
    size_t was = s->packed_at;
    if (w.n >= MAGIC_SIZE) {
      seek_frame(s, 0);
    } else if (s->end && w.n > 0) { /* cut within a magic number */
      note_wound(s);
    }
    return s->packed_at != was;
  }
  int64_t size = zpack_frame_size(w);
  if (size == 0 && !s->end && w.n < FRAME_MAX) {
    return 0;
  }
  int rc = size <= 0
               ? (int)ERR_INVALID
               : zpack_expand(s->zpack, &s->raw, span_of(w.p, (size_t)size),
                              FRAME_RAW_MAX, &why);
  if (rc == ERR_NOMEM) {
    return err_set(e, rc, "not enough memory");
  }
  if (rc < 0) {
    seek_frame(s, 1);
  } else {
    s->packed_at += (size_t)size;
    s->lost = false;
  }
  return 1;
}

static int fill_compressed(struct carsource *s, struct err *e)
{
  int rc = expand_frame(s, e);
  if (rc != 0) {
    return rc;
  }
  if (s->end) {
    return 0;
  }
  buf_shift(&s->packed, s->packed_at);
  s->packed_at = 0;
  ssize_t n = read_more(s, &s->packed, e);
  s->end = n == 0;
  return n < 0 ? (int)n : 1;
}

int carsource_fill(struct carsource *s, size_t want, struct err *e)
{
  bool dry = s->end && (!s->compressed || s->packed_at == s->packed.n);
  if (dry || s->raw.n - s->at >= want) {
    return 0;
  }
  buf_shift(&s->raw, s->at);
  s->at = 0;
  int rc = 1;
  while (rc > 0 && s->raw.n < want) {
    if (s->compressed) {
      rc = fill_compressed(s, e);
      continue;
    }
    ssize_t n = s->end ? 0 : read_more(s, &s->raw, e);
    s->end = n == 0;
    rc = n < 0 ? (int)n : n > 0;
  }
  return rc < 0 ? rc : 0;
}
