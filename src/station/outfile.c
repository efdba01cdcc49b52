/* SPDX-License-Identifier: 0BSD */
#include "station/outfile.h"

#include "base/limits.h"
#include "base/place.h"
#include "form/crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int outfile_start(struct outfile *f, int dirfd, struct err *e)
{
  uint64_t tag;
  f->dirfd = dirfd;
  f->bytes = 0;
  crypt_random(&tag, sizeof tag);
  (void)snprintf(f->part, sizeof f->part, "mahatta-%016" PRIx64 ".part", tag);
  f->fd = openat(dirfd, f->part,
                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (f->fd < 0) {
    int rc = err_sys(e, errno, "can't write into this folder");
    (void)close(dirfd);
    f->dirfd = -1;
    return rc;
  }
  return 0;
}

int outfile_start_path(struct outfile *f, const char *path, struct err *e)
{
  char dir[PATH_BYTES_MAX + 1];
  const char *slash = strrchr(path, '/');
  size_t n = slash != NULL ? (size_t)(slash - path) : 0;
  f->fd = f->dirfd = -1;
  if (strlen(path) > PATH_BYTES_MAX || path[0] == '\0') {
    return err_set(e, ERR_INVALID, "a path has 1 to %d bytes", PATH_BYTES_MAX);
  }
  if (slash != NULL && slash[1] == '\0') {
    return err_set(e, ERR_INVALID, "%s names a folder, not a file", path);
  }
  memcpy(dir, path, n);
  dir[n] = '\0';
  const char *name = slash == NULL ? "." : n == 0 ? "/" : dir;
  int dirfd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dirfd < 0) {
    return err_sys(e, errno, "can't open the folder %s", name);
  }
  return outfile_start(f, dirfd, e);
}

int outfile_write(struct outfile *f, struct span bytes, struct err *e)
{
  while (bytes.n > 0) {
    ssize_t n = write(f->fd, bytes.p, bytes.n);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return err_sys(e, n < 0 ? errno : EIO, "can't write");
    }
    f->bytes += (uint64_t)n;
    bytes = span_of(bytes.p + n, bytes.n - (size_t)n);
  }
  return 0;
}

static void shut(struct outfile *f)
{
  if (f->fd >= 0) {
    (void)close(f->fd);
  }
  if (f->dirfd >= 0) {
    (void)close(f->dirfd);
  }
  f->fd = f->dirfd = -1;
}

int outfile_finish(struct outfile *f, const char *name, bool replace,
                   struct err *e)
{
  const char *slash = strrchr(name, '/');
  name = slash != NULL ? slash + 1 : name;
  if (fsync(f->fd) < 0) {
    return err_sys(e, errno, "can't bring %s to the disk", name);
  }
  int rc = replace ? renameat(f->dirfd, f->part, f->dirfd, name)
                   : place_new(f->dirfd, f->part, name);
  if (rc < 0) {
    return err_sys(e, errno, "can't name the new file %s", name);
  }
  /* Some file systems (FAT) refuse to sync a folder: then the file's own
   * sync is all there is. */
  if (fsync(f->dirfd) < 0 && errno != EINVAL && errno != EBADF) {
    rc = err_sys(e, errno, "can't bring the folder of %s to the disk", name);
  }
  shut(f);
  return rc;
}

void outfile_drop(struct outfile *f)
{
  if (f->fd >= 0) {
    (void)unlinkat(f->dirfd, f->part, 0);
  }
  shut(f);
}
