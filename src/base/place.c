/* SPDX-License-Identifier: 0BSD */
#include "base/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the file system knows no atomic "rename unless it exists", a hard
 * link does the same; where it knows neither, we look first. */
int place_new(int dirfd, const char *part, const char *name)
{
  if (renameat2(dirfd, part, dirfd, name, RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return -1;
  }
  if (linkat(dirfd, part, dirfd, name, 0) == 0) {
    return unlinkat(dirfd, part, 0);
  }
  if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) {
    return -1;
  }
  struct stat info;
  if (fstatat(dirfd, name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EEXIST;
    return -1;
  }
  return renameat(dirfd, part, dirfd, name);
}
