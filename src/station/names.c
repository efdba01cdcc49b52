/* SPDX-License-Identifier: 0BSD */
#include "station/names.h"

#include "base/check.h"
#include "base/utf8.h"
#include "form/plain.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes that some file system or shell gives a meaning to. */
static bool is_special(uint32_t cp)
{
  return cp < 0x80 && strchr("<>:\"|?*", (int)cp) != NULL;
}

static int put_clean(struct buf *out, struct span part)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < part.n;) {
    size_t len;
    uint32_t cp = utf8_next(part.p + i, part.n - i, &len);
    bool bad =
        cp == UTF8_BAD || plain_refuses(cp) || is_special(cp) || cp == 0x200b;
    rc = bad ? buf_byte(out, '_') : buf_put(out, part.p + i, len);
    i += len;
  }
  return rc;
}

/* Names that open devices on Windows, whatever their ending. */
static bool is_device(const char *name, size_t n)
{
  static const char *const plain[] = {"con",    "prn",    "aux",    "nul",
                                      "clock$", "conin$", "conout$"};
  const char *dot = memchr(name, '.', n);
  size_t stem = dot != NULL ? (size_t)(dot - name) : n;
  while (stem > 0 && name[stem - 1] == ' ') {
    stem--;
  }
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
    if (stem == strlen(plain[i]) && strncasecmp(name, plain[i], stem) == 0) {
      return true;
    }
  }
  /* com0 .. com9, lpt0 .. lpt9; superscript digits take two bytes */
  return (strncasecmp(name, "com", stem < 3 ? stem : 3) == 0 ||
          strncasecmp(name, "lpt", stem < 3 ? stem : 3) == 0) &&
         ((stem == 4 && isdigit((unsigned char)name[3])) ||
          (stem == 5 && (unsigned char)name[3] == 0xc2));
}

/* Cut to NAME_PART_MAX bytes, the ending kept when it is a short one. */
static size_t cut_part(uint8_t *p, size_t n)
{
  size_t dot = n;
  if (n <= NAME_PART_MAX) {
    return n;
  }
  while (dot > 0 && p[dot - 1] != '.' && n - dot < 16) {
    dot--;
  }
  size_t ending = dot > 0 && p[dot - 1] == '.' ? n - dot + 1 : 0;
  size_t keep = utf8_cut(p, n, NAME_PART_MAX - ending);
  memmove(p + keep, p + n - ending, ending);
  return keep + ending;
}

/* One part, cleaned, and its zero byte; nothing for an empty one. */
static int put_part(struct buf *out, struct span part)
{
  size_t start = out->n;
  int rc = 0;
  while (part.n > 0 && part.p[0] == ' ') {
    part = span_of(part.p + 1, part.n - 1);
  }
  while (part.n > 0 &&
         (part.p[part.n - 1] == ' ' || part.p[part.n - 1] == '.')) {
    part.n--;
  }
  if (part.n == 0) {
    return 0;
  }
  bool guard = part.p[0] == '.' || part.p[0] == '-' || part.p[0] == '~' ||
               is_device((const char *)part.p, part.n);
  if (guard) {
    rc = buf_byte(out, '_');
  }
  if (rc == 0) {
    rc = put_clean(out, part);
  }
  if (rc < 0) {
    return rc;
  }
  out->n = start + cut_part(out->p + start, out->n - start);
  return buf_byte(out, 0);
}

static size_t parts_count(struct span parts)
{
  size_t n = 0;
  for (size_t i = 0; i < parts.n; i++) {
    n += parts.p[i] == 0;
  }
  return n;
}

int names_clean(struct buf *out, struct span name)
{
  size_t start = out->n, from = 0;
  for (size_t i = 0; i <= name.n; i++) {
    if (i == name.n || name.p[i] == '/' || name.p[i] == '\\') {
      int rc = put_part(out, span_of(name.p + from, i - from));
      if (rc < 0) {
        return rc;
      }
      from = i + 1;
    }
  }
  if (out->n == start) {
    return buf_put(out, "file", sizeof "file");
  }
  struct span parts = span_of(out->p + start, out->n - start);
  size_t extra = 0, skip = 0, n = parts_count(parts);
  while (n - skip > NAME_PARTS_MAX) {
    extra += strlen((const char *)parts.p + extra) + 1;
    skip++;
  }
  memmove(out->p + start, out->p + start + extra, parts.n - extra);
  out->n -= extra;
  return 0;
}

const char *names_last(struct span parts)
{
  const char *p = (const char *)parts.p, *last = p;
  CHECK(parts.n > 0);
  for (size_t at = 0; at < parts.n; at += strlen(p + at) + 1) {
    last = p + at;
  }
  return last;
}

static int open_below(int dirfd, const char *part, struct err *e)
{
  if (mkdirat(dirfd, part, 0777) < 0 && errno != EEXIST) {
    return err_sys(e, errno, "can't make the folder %s", part);
  }
  int fd = openat(dirfd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    return err_sys(e, errno, "can't use %s as a folder", part);
  }
  return fd;
}

int names_open_dir(int dirfd, struct span parts, struct err *e)
{
  const char *last = names_last(parts);
  int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) {
    return err_sys(e, errno, "can't open a folder");
  }
  for (const char *p = (const char *)parts.p; p != last; p += strlen(p) + 1) {
    int below = open_below(fd, p, e);
    (void)close(fd);
    if (below < 0) {
      return below;
    }
    fd = below;
  }
  return fd;
}

int names_numbered(struct buf *out, const char *name, int n)
{
  char number[16];
  size_t all = strlen(name);
  const char *dot = strrchr(name, '.');
  size_t stem = dot != NULL && dot != name ? (size_t)(dot - name) : all;
  int rc = buf_put(out, name, n < 2 ? all : stem);
  if (rc == 0 && n >= 2) {
    int len = snprintf(number, sizeof number, " (%d)", n);
    rc = buf_put(out, number, (size_t)len);
    if (rc == 0) {
      rc = buf_put(out, name + stem, all - stem);
    }
  }
  return rc < 0 ? rc : buf_byte(out, 0);
}
