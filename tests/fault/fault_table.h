/* SPDX-License-Identifier: 0BSD */
/* One table of all that can fail below the core: its heap, SQLite's heap, the
 * calls for files (SQLite's and ours), the clock, chance. The k-th request of
 * the chosen kinds fails, once or from then on. For the one program that
 * includes it: it stands in for base/mem.c, and a symbol of the program goes
 * before libc's. */
#ifndef FAULT_TABLE_H
#define FAULT_TABLE_H

#include "base/mem.h"

#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum fault_kind {
  FAULT_HEAP = 1,
  FAULT_SQLITE = 2,   /* its heap */
  FAULT_OPEN = 4,     /* open, make, list a folder */
  FAULT_READ = 8,     /* read, stat */
  FAULT_WRITE = 16,   /* write, cut, make longer */
  FAULT_SHORT = 32,   /* a write takes a part */
  FAULT_SYNC = 64,    /* fsync, fdatasync */
  FAULT_NAME = 128,   /* rename, link, remove */
  FAULT_CLOCK = 256,  /* stands years away */
  FAULT_CHANCE = 512, /* the same bytes as before */
  FAULT_PUT = 1024,   /* each growth of a buf, each digest */
  FAULT_DOOR = 2048   /* the store's operations: store_door.h */
};
#define FAULT_MEMORY (FAULT_HEAP | FAULT_SQLITE)
#define FAULT_DISK                                                             \
  (FAULT_OPEN | FAULT_READ | FAULT_WRITE | FAULT_SYNC | FAULT_NAME)

static struct {
  unsigned kinds;             /* that count; 0: none */
  long requests;              /* of those, since fault_arm */
  long at;                    /* the one that fails, counted from 1 */
  bool from;                  /* and all after it */
  int code;                   /* errno of calls */
  void (*note)(long request); /* told of each, or NULL */
  long heap_live, sqlite_live;
} fault;

static inline void fault_arm(unsigned kinds, long at, bool from, int code)
{
  fault.kinds = kinds;
  fault.requests = 0;
  fault.at = at;
  fault.from = from;
  fault.code = code;
}

static inline void fault_heal(void)
{
  fault.kinds = 0;
}

static inline bool fault_hits(enum fault_kind kind)
{
  if (!(fault.kinds & kind)) {
    return false;
  }
  fault.requests++;
  if (fault.note != NULL) {
    fault.note(fault.requests);
  }
  return fault.from ? fault.requests >= fault.at : fault.requests == fault.at;
}

/* ---- the core's heap ---- */

void *mem_alloc(size_t n)
{
  if (fault_hits(FAULT_HEAP)) {
    return NULL;
  }
  fault.heap_live++;
  return malloc(n > 0 ? n : 1);
}

void *mem_zero(size_t n)
{
  if (fault_hits(FAULT_HEAP)) {
    return NULL;
  }
  fault.heap_live++;
  return calloc(1, n > 0 ? n : 1);
}

void *mem_resize(void *p, size_t count, size_t size)
{
  NEED(size == 0 || count <= SIZE_MAX / size);
  size_t n = count * size;
  if (fault_hits(FAULT_HEAP)) {
    return NULL;
  }
  fault.heap_live += p == NULL;
  return realloc(p, n > 0 ? n : 1);
}

void mem_free(void *p)
{
  fault.heap_live -= p != NULL;
  free(p);
}

/* ---- SQLite's heap ---- */

static sqlite3_mem_methods fault_sqlite;

static void *fault_sqlite_alloc(int n)
{
  if (fault_hits(FAULT_SQLITE)) {
    return NULL;
  }
  fault.sqlite_live++;
  return fault_sqlite.xMalloc(n);
}

static void *fault_sqlite_resize(void *p, int n)
{
  return fault_hits(FAULT_SQLITE) ? NULL : fault_sqlite.xRealloc(p, n);
}

static void fault_sqlite_free(void *p)
{
  fault.sqlite_live -= p != NULL;
  fault_sqlite.xFree(p);
}

/* ---- files ---- */

static inline bool fault_call(enum fault_kind kind)
{
  if (!fault_hits(kind)) {
    return false;
  }
  errno = fault.code;
  return true;
}

static int fault_open(int dir, const char *path, int flags, unsigned mode)
{
  return fault_call(FAULT_OPEN)
             ? -1
             : (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define FAULT_OPENER(name)                                                     \
  int name(const char *path, int flags, ...)                                   \
  {                                                                            \
    va_list more;                                                              \
    va_start(more, flags);                                                     \
    unsigned mode = flags & O_CREAT ? va_arg(more, unsigned) : 0;              \
    va_end(more);                                                              \
    return fault_open(AT_FDCWD, path, flags, mode);                            \
  }
FAULT_OPENER(open)
FAULT_OPENER(open64)

int openat(int dir, const char *path, int flags, ...)
{
  va_list more;
  va_start(more, flags);
  unsigned mode = flags & O_CREAT ? va_arg(more, unsigned) : 0;
  va_end(more);
  return fault_open(dir, path, flags, mode);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
  return fault_call(FAULT_OPEN) ? -1
                                : (int)syscall(SYS_mkdirat, dir, path, mode);
}

ssize_t read(int fd, void *to, size_t n)
{
  return fault_call(FAULT_READ) ? -1 : syscall(SYS_read, fd, to, n);
}

ssize_t pread(int fd, void *to, size_t n, off_t at)
{
  return fault_call(FAULT_READ) ? -1 : syscall(SYS_pread64, fd, to, n, at);
}

ssize_t pread64(int fd, void *to, size_t n, off64_t at)
{
  return pread(fd, to, n, at);
}

int fstat(int fd, struct stat *out)
{
  return fault_call(FAULT_READ) ? -1 : (int)syscall(SYS_fstat, fd, out);
}

int stat(const char *path, struct stat *out)
{
  return fault_call(FAULT_READ)
             ? -1
             : (int)syscall(SYS_newfstatat, AT_FDCWD, path, out, 0);
}

static size_t fault_short(size_t n)
{
  return n > 1 && fault_hits(FAULT_SHORT) ? n / 2 : n;
}

ssize_t write(int fd, const void *p, size_t n)
{
  return fault_call(FAULT_WRITE) ? -1
                                 : syscall(SYS_write, fd, p, fault_short(n));
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
  return fault_call(FAULT_WRITE)
             ? -1
             : syscall(SYS_pwrite64, fd, p, fault_short(n), at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
  return pwrite(fd, p, n, at);
}

int ftruncate(int fd, off_t n)
{
  return fault_call(FAULT_WRITE) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int ftruncate64(int fd, off64_t n)
{
  return ftruncate(fd, n);
}

int fsync(int fd)
{
  return fault_call(FAULT_SYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
  return fault_call(FAULT_SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
              unsigned flags)
{
  return fault_call(FAULT_NAME)
             ? -1
             : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
  return renameat2(from_dir, from, to_dir, to, 0);
}

int unlinkat(int dir, const char *path, int flags)
{
  return fault_call(FAULT_NAME) ? -1
                                : (int)syscall(SYS_unlinkat, dir, path, flags);
}

int unlink(const char *path)
{
  return unlinkat(AT_FDCWD, path, 0);
}

/* ---- clock and chance ---- */

/* ${now}, or 20 years from it, by turns before and after. */
static inline int64_t fault_clock(int64_t now)
{
  int64_t years = (int64_t)20 * 365 * 86400;
  return !fault_hits(FAULT_CLOCK)  ? now
         : fault.requests % 2 == 0 ? now + years
                                   : now - years;
}

static const char *fault_chance_name(void)
{
  return "fault";
}

static uint32_t fault_chance_word(void)
{
  static uint64_t x = 88172645463325253u, last;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  last = fault_hits(FAULT_CHANCE) ? last : x;
  return (uint32_t)(last >> 16);
}

static void fault_chance_fill(void *p, size_t n)
{
  uint8_t *to = p;
  for (size_t i = 0; i < n; i++) {
    to[i] = (uint8_t)fault_chance_word();
  }
}

/* Before anything else of SQLite and libsodium. */
static inline void fault_start(void)
{
  static randombytes_implementation chance = {.implementation_name =
                                                  fault_chance_name,
                                              .random = fault_chance_word,
                                              .buf = fault_chance_fill};
  NEED(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &fault_sqlite) == SQLITE_OK);
  sqlite3_mem_methods ours = fault_sqlite;
  ours.xMalloc = fault_sqlite_alloc;
  ours.xRealloc = fault_sqlite_resize;
  ours.xFree = fault_sqlite_free;
  NEED(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK);
  NEED(randombytes_set_implementation(&chance) == 0);
}

#endif
