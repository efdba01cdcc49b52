/* SPDX-License-Identifier: 0BSD */
/* One writer: the lock file beside the store, and where a store may lie. */
#include "store/sqlite_int.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

char *sq_path(const char *path, const char *suffix)
{
  size_t n = strlen(path), m = strlen(suffix);
  char *out = mem_alloc(n + m + 1);
  if (out != NULL) {
    memcpy(out, path, n);
    memcpy(out + n, suffix, m);
    out[n + m] = '\0';
  }
  return out;
}

/* fcntl locks and shared memory, on which SQLite rests, do not hold between
 * computers. */
int sq_refuse_network(const char *path, struct err *e)
{
  char dir[PATH_BYTES_MAX];
  const char *slash = strrchr(path, '/');
  struct statfs fs;
  int n = slash == NULL ? 1 : (int)(slash - path) + 1;
  (void)snprintf(dir, sizeof dir, "%.*s", n, slash == NULL ? "." : path);
  if (statfs(dir, &fs) != 0) {
    return err_sys(e, errno, "%s", dir);
  }
  uint32_t type = (uint32_t)fs.f_type;
  if (type == 0x6969u || type == 0x517bu || type == 0xff534d42u ||
      type == 0xfe534d42u) {
    return err_set(e, ERR_INVALID,
                   "%s is on a network file system; a"
                   " station's store must lie on a disk of this computer",
                   path);
  }
  return 0;
}

/* Who holds the lock, for the message: "pid bootid\n". */
static int lock_held(int fd, const char *path, struct err *e)
{
  char text[64] = "";
  ssize_t n = pread(fd, text, sizeof text - 1, 0);
  long pid = n > 0 ? strtol(text, NULL, 10) : 0;
  if (pid > 0) {
    return err_set(e, ERR_BUSY, "%s is in use by %s (pid %ld)", path,
                   pid == (long)getpid() ? "this process" : "another process",
                   pid);
  }
  return err_set(e, ERR_BUSY, "%s is in use by another process", path);
}

static void lock_sign(int fd)
{
  char boot[40] = "-", text[96];
  int b = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (b >= 0) {
    ssize_t n = read(b, boot, sizeof boot - 1);
    boot[n > 0 ? (size_t)n : 0] = '\0';
    boot[strcspn(boot, "\n")] = '\0';
    close(b);
  }
  int n = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(), boot);
  /* Only a message hangs on it: flock is the lock. */
  if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
    return;
  }
}

int sq_lock(struct sq *s, struct err *e)
{
  char *name = sq_path(s->path, "-lock");
  if (name == NULL) {
    return sq_nomem(e);
  }
  int rc = 0;
  s->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (s->lock_fd < 0) {
    rc = err_sys(e, errno, "%s", name);
  } else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
    rc = errno == EWOULDBLOCK ? lock_held(s->lock_fd, s->path, e)
                              : err_sys(e, errno, "%s: flock", name);
  } else {
    lock_sign(s->lock_fd);
  }
  if (rc < 0 && s->lock_fd >= 0) {
    close(s->lock_fd); /* the holder's name in it stays */
    s->lock_fd = -1;
  }
  mem_free(name);
  return rc;
}

void sq_unlock(struct sq *s, bool ours)
{
  if (s->lock_fd < 0) {
    return;
  }
  /* The lock belongs to the open file: a child's close leaves it to the
   * parent. The name in it goes, as far as it can: only a message hangs on
   * that. */
  if (ours && ftruncate(s->lock_fd, 0) != 0) {
    errno = 0;
  }
  close(s->lock_fd);
  s->lock_fd = -1;
}
