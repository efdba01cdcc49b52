/* SPDX-License-Identifier: 0BSD */
/* libc's calls for files, caught for the program that includes this: a path
 * that begins with "/cut/" and descriptors of such files mean the disk of
 * cut_disk.h, all others the system's. */
#ifndef CUT_CALLS_H
#define CUT_CALLS_H

#include "cut_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CUT_FD 1000000 /* our descriptors begin here */
#define CUT_FDS 64

struct cut_fd {
  bool used, folder;
  int file;
  size_t at;
};
static struct cut_fd cut_fds[CUT_FDS];

static struct cut_fd *cut_fd_of(int fd)
{
  return fd >= CUT_FD && fd < CUT_FD + CUT_FDS ? &cut_fds[fd - CUT_FD] : NULL;
}

static int fail_with(int code)
{
  errno = code;
  return -1;
}

static int cut_open(const char *name, int flags, unsigned mode)
{
  int i = 0;
  while (i < CUT_FDS && cut_fds[i].used) {
    i++;
  }
  NEED(i < CUT_FDS);
  bool folder = name[0] == '\0' || (flags & O_DIRECTORY) != 0;
  int file = folder ? -1 : disk_find(&disk, name);
  if (file >= 0 && (flags & O_EXCL)) {
    return fail_with(EEXIST);
  }
  if (!folder && file < 0) {
    if (!(flags & O_CREAT)) {
      return fail_with(ENOENT);
    }
    file = disk_do_make(name, mode);
  }
  cut_fds[i] = (struct cut_fd){true, folder, file, 0};
  return CUT_FD + i;
}

int open(const char *path, int flags, ...)
{
  va_list more;
  va_start(more, flags);
  unsigned mode = flags & O_CREAT ? va_arg(more, unsigned) : 0;
  va_end(more);
  return cut_path(path) ? cut_open(cut_below(path), flags, mode)
                        : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
  va_list more;
  va_start(more, flags);
  unsigned mode = flags & O_CREAT ? va_arg(more, unsigned) : 0;
  va_end(more);
  return cut_fd_of(dir) != NULL
             ? cut_open(path, flags, mode)
             : (int)syscall(SYS_openat, dir, path, flags, mode);
}

int close(int fd)
{
  struct cut_fd *f = cut_fd_of(fd);
  if (f == NULL) {
    return (int)syscall(SYS_close, fd);
  }
  f->used = false;
  return 0;
}

ssize_t pread(int fd, void *to, size_t n, off_t at)
{
  struct cut_fd *f = cut_fd_of(fd);
  if (f == NULL) {
    return syscall(SYS_pread64, fd, to, n, at);
  }
  const struct disk_file *file = &disk.file[f->file];
  size_t from = (size_t)at;
  size_t there = from < file->n ? file->n - from : 0;
  n = n < there ? n : there;
  if (n > 0) {
    memcpy(to, file->p + from, n);
  }
  return (ssize_t)n;
}

ssize_t read(int fd, void *to, size_t n)
{
  struct cut_fd *f = cut_fd_of(fd);
  if (f == NULL) {
    return syscall(SYS_read, fd, to, n);
  }
  ssize_t got = pread(fd, to, n, (off_t)f->at);
  f->at += (size_t)got;
  return got;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
  struct cut_fd *f = cut_fd_of(fd);
  if (f == NULL) {
    return syscall(SYS_pwrite64, fd, p, n, at);
  }
  disk_do_write(f->file, (size_t)at, p, n);
  return (ssize_t)n;
}

/* In pieces, as a disk may. */
ssize_t write(int fd, const void *p, size_t n)
{
  struct cut_fd *f = cut_fd_of(fd);
  if (f == NULL) {
    return syscall(SYS_write, fd, p, n);
  }
  n = n < 65536 ? n : 65536;
  disk_do_write(f->file, f->at, p, n);
  f->at += n;
  return (ssize_t)n;
}

off_t lseek(int fd, off_t at, int whence)
{
  struct cut_fd *f = cut_fd_of(fd);
  if (f == NULL) {
    return syscall(SYS_lseek, fd, at, whence);
  }
  NEED(whence == SEEK_SET);
  f->at = (size_t)at;
  return at;
}

int ftruncate(int fd, off_t n)
{
  struct cut_fd *f = cut_fd_of(fd);
  if (f == NULL) {
    return (int)syscall(SYS_ftruncate, fd, n);
  }
  disk_do_size(f->file, (size_t)n);
  return 0;
}

int fsync(int fd)
{
  struct cut_fd *f = cut_fd_of(fd);
  if (f == NULL) {
    return (int)syscall(SYS_fsync, fd);
  }
  if (f->folder) {
    disk_do_sync_names();
  } else {
    disk_do_sync(f->file);
  }
  return 0;
}

int flock(int fd, int how)
{
  return cut_fd_of(fd) != NULL ? 0 : (int)syscall(SYS_flock, fd, how);
}

int posix_fadvise(int fd, off_t at, off_t n, int what)
{
  return cut_fd_of(fd) != NULL ? 0
                               : (int)-syscall(SYS_fadvise64, fd, at, n, what);
}

static int cut_stat(int file, struct stat *out)
{
  memset(out, 0, sizeof *out);
  out->st_mode = file < 0 ? S_IFDIR | 0755 : S_IFREG | disk.file[file].mode;
  out->st_uid = geteuid();
  out->st_size = file < 0 ? 0 : (off_t)disk.file[file].n;
  out->st_ino = (ino_t)(file + 2);
  return 0;
}

int fstat(int fd, struct stat *out)
{
  const struct cut_fd *f = cut_fd_of(fd);
  return f != NULL ? cut_stat(f->file, out) : (int)syscall(SYS_fstat, fd, out);
}

int fstatat(int dir, const char *path, struct stat *out, int flags)
{
  if (!cut_path(path) && cut_fd_of(dir) == NULL) {
    return (int)syscall(SYS_newfstatat, dir, path, out, flags);
  }
  const char *name = cut_below(path);
  int file = disk_find(&disk, name);
  return file < 0 && name[0] != '\0' ? fail_with(ENOENT) : cut_stat(file, out);
}

int stat(const char *path, struct stat *out)
{
  return fstatat(AT_FDCWD, path, out, 0);
}

int lstat(const char *path, struct stat *out)
{
  return fstatat(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}

int access(const char *path, int how)
{
  struct stat info;
  return cut_path(path) ? stat(path, &info)
                        : (int)syscall(SYS_faccessat, AT_FDCWD, path, how);
}

int fchmod(int fd, mode_t mode)
{
  const struct cut_fd *f = cut_fd_of(fd);
  if (f == NULL) {
    return (int)syscall(SYS_fchmod, fd, mode);
  }
  disk.file[f->file].mode = mode;
  return 0;
}

int statfs(const char *path, struct statfs *out)
{
  if (!cut_path(path)) {
    return (int)syscall(SYS_statfs, path, out);
  }
  memset(out, 0, sizeof *out);
  return 0;
}

int unlinkat(int dir, const char *path, int flags)
{
  if (!cut_path(path) && cut_fd_of(dir) == NULL) {
    return (int)syscall(SYS_unlinkat, dir, path, flags);
  }
  const char *name = cut_below(path);
  if (disk_find(&disk, name) < 0) {
    return fail_with(ENOENT);
  }
  disk_do_entry("", -1, name);
  return 0;
}

int unlink(const char *path)
{
  return unlinkat(AT_FDCWD, path, 0);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
              unsigned flags)
{
  if (!cut_path(from) && cut_fd_of(from_dir) == NULL) {
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
  }
  int file = disk_find(&disk, cut_below(from));
  bool taken = disk_find(&disk, cut_below(to)) >= 0;
  if (file < 0 || ((flags & RENAME_NOREPLACE) && taken)) {
    return fail_with(file < 0 ? ENOENT : EEXIST);
  }
  disk_do_entry(cut_below(to), file, cut_below(from));
  return 0;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
  return renameat2(from_dir, from, to_dir, to, 0);
}

/* All handles are gone, as after a restart. */
static void cut_forget_fds(void)
{
  memset(cut_fds, 0, sizeof cut_fds);
}

#endif
