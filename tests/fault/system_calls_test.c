/* SPDX-License-Identifier: 0BSD */
/* Calls of the system that fail, stop half-way or are not there, below a key
 * file and below a finished file that gets its name: each says so, no file
 * is lost or replaced, and none is left over. */
#include "base/place.h"
#include "form/keyfile.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the system's calls, ours ---- */

enum call { RENAME2, LINK, FSYNC, WRITE, READ, FCHMOD, CLOSE, OPEN, CALLS };

static struct {
  int at[CALLS];    /* the call of that number fails; 0: none */
  int error[CALLS]; /* with this errno */
  int made[CALLS];  /* since heal() */
  bool little;      /* one byte at a time, the first one interrupted */
} sick;

static void heal(void)
{
  memset(&sick, 0, sizeof sick);
}

static void fail_call(enum call c, int at, int error)
{
  sick.at[c] = at;
  sick.error[c] = error;
}

static bool fails(enum call c)
{
  if (++sick.made[c] != sick.at[c]) {
    return false;
  }
  errno = sick.error[c];
  return true;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
              unsigned flags)
{
  return fails(RENAME2)
             ? -1
             : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to,
           int flags)
{
  return fails(LINK)
             ? -1
             : (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

int fsync(int fd)
{
  return fails(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fchmod(int fd, mode_t mode)
{
  return fails(FCHMOD) ? -1 : (int)syscall(SYS_fchmod, fd, mode);
}

int close(int fd)
{
  int rc = (int)syscall(SYS_close, fd);
  return fails(CLOSE) ? -1 : rc;
}

#define OPENER(name)                                                           \
  int name(const char *path, int flags, ...)                                   \
  {                                                                            \
    va_list more;                                                              \
    va_start(more, flags);                                                     \
    unsigned mode = flags & O_CREAT ? va_arg(more, unsigned) : 0;              \
    va_end(more);                                                              \
    return fails(OPEN)                                                         \
               ? -1                                                            \
               : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);        \
  }                                                                            \
  _Static_assert(true, "a declaration")
OPENER(open);
OPENER(open64);

static bool interrupted(enum call c)
{
  if (sick.little && sick.made[c] == 1) {
    errno = EINTR;
    return true;
  }
  return false;
}

ssize_t write(int fd, const void *p, size_t n)
{
  return fails(WRITE) || interrupted(WRITE)
             ? -1
             : syscall(SYS_write, fd, p, sick.little && n > 1 ? 1 : n);
}

ssize_t read(int fd, void *p, size_t n)
{
  return fails(READ) || interrupted(READ)
             ? -1
             : syscall(SYS_read, fd, p, sick.little && n > 1 ? 1 : n);
}

/* ---- a folder to work in, which is the current one ---- */

static int files_seen;

static int count_file(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
  (void)path;
  (void)st;
  (void)ftw;
  files_seen += type == FTW_F;
  return 0;
}

static int count_files(void)
{
  files_seen = 0;
  NEED(nftw(".", count_file, 8, FTW_PHYS) == 0);
  return files_seen;
}

static void put_file(const char *name, const char *content)
{
  FILE *f = fopen(name, "w");
  NEED(f != NULL && fputs(content, f) >= 0 && fclose(f) == 0);
}

static bool file_is(const char *name, const char *content)
{
  char got[16] = "";
  FILE *f = fopen(name, "r");
  if (f == NULL) {
    return false;
  }
  got[fread(got, 1, sizeof got - 1, f)] = '\0';
  (void)fclose(f);
  return strcmp(got, content) == 0;
}

/* ---- a finished file gets its name ---- */

/* Give "part" the name "name", which is taken or not. */
static void expect_place(bool taken, int error)
{
  put_file("part", "new");
  if (taken) {
    put_file("name", "old");
  }
  int rc = place_new(AT_FDCWD, "part", "name");
  int got = rc == 0 ? 0 : errno;
  heal();
  EXPECT_INT(got, error);
  if (error == 0) {
    EXPECT(file_is("name", "new"));
    EXPECT_INT(count_files(), 1);
  } else { /* all is as it was */
    EXPECT(file_is("part", "new"));
    EXPECT_INT(file_is("name", "old"), taken);
    EXPECT_INT(count_files(), 1 + taken);
    NEED(unlink("part") == 0);
  }
  (void)unlink("name");
}

static void test_place(void)
{
  static const int unknown[] = {EINVAL, ENOSYS};
  static const int no_link[] = {EPERM, EOPNOTSUPP, ENOSYS};
  expect_place(false, 0);
  expect_place(true, EEXIST);
  fail_call(RENAME2, 1, EIO);
  expect_place(false, EIO);
  for (int i = 0; i < 2; i++) {
    for (int taken = 0; taken < 2; taken++) { /* by a hard link */
      fail_call(RENAME2, 1, unknown[i]);
      expect_place(taken, taken ? EEXIST : 0);
    }
    fail_call(RENAME2, 1, unknown[i]);
    fail_call(LINK, 1, EIO);
    expect_place(false, EIO);
    for (int k = 0; k < 6; k++) { /* by a look */
      fail_call(RENAME2, 1, unknown[i]);
      fail_call(LINK, 1, no_link[k / 2]);
      expect_place(k % 2, k % 2 ? EEXIST : 0);
    }
  }
}

/* ---- key files ---- */

static const struct identity *id;

static void expect_loads(const char *path)
{
  struct identity *back = NULL;
  struct err e = {0};
  EXPECT_INT(keyfile_load(&back, path, NULL, &e), 0);
  EXPECT(back != NULL &&
         memcmp(identity_key(back), identity_key(id), CRYPT_KEY_SIZE) == 0);
  identity_del(back);
}

/* Save it with each such call failing in turn. ${harmless}: the number of the
 * one that nothing hangs on, or 0. */
static void sweep_save(enum call c, int harmless)
{
  for (int at = 1;; at++) {
    struct err e = {0};
    heal();
    fail_call(c, at, EIO);
    int rc = keyfile_save("./key", id, NULL, &e);
    bool reached = sick.made[c] >= at;
    heal();
    EXPECT_INT(rc, reached && at != harmless ? ERR_IO : 0);
    EXPECT_INT(e.code, rc);
    EXPECT_INT(count_files(), rc == 0);
    if (rc == 0) {
      expect_loads("./key");
      NEED(unlink("./key") == 0);
    } else {
      EXPECT(strncmp(e.text, "key file: ", 10) == 0);
    }
    if (!reached) {
      EXPECT(at > 1);
      break;
    }
  }
}

static void test_save(void)
{
  sweep_save(FCHMOD, 0);
  sweep_save(WRITE, 0);
  sweep_save(FSYNC, 0); /* of the file, then of its folder */
  sweep_save(CLOSE, 2); /* the folder's, which was opened for reading */
  sweep_save(RENAME2, 0);
  sweep_save(OPEN, 0); /* the file, then its folder */
}

/* The first that fails is what is told, and nothing is left over. */
static void test_both(void)
{
  struct err e = {0};
  heal();
  fail_call(WRITE, 1, ENOSPC);
  fail_call(CLOSE, 1, EIO);
  EXPECT_INT(keyfile_save("./key", id, NULL, &e), ERR_FULL);
  EXPECT(strstr(e.text, "writing it failed") != NULL);
  EXPECT_INT(sick.made[CLOSE], 1);
  heal();
  EXPECT_INT(count_files(), 0);
}

static void test_little(void)
{
  struct err e = {0};
  struct identity *back = NULL;
  heal();
  sick.little = true;
  EXPECT_INT(keyfile_save("key", id, NULL, &e), 0); /* without a folder */
  EXPECT(sick.made[WRITE] > 100);
  heal();
  sick.little = true;
  expect_loads("key");
  EXPECT(sick.made[READ] > 100);
  heal();
  fail_call(READ, 1, EIO);
  EXPECT_INT(keyfile_load(&back, "key", NULL, &e), ERR_IO);
  EXPECT(back == NULL && strstr(e.text, "reading it failed") != NULL);
  heal();
  NEED(unlink("key") == 0);
}

int main(void)
{
  char folder[] = "/tmp/mahatta-calls-"
                  "XX"
                  "XXXX";
  struct identity *own = NULL;
  NEED(mkdtemp(folder) != NULL && chdir(folder) == 0);
  NEED(crypt_start(NULL) == 0 && identity_new(&own, NULL) == 0);
  id = own;
  RUN(test_place);
  RUN(test_save);
  RUN(test_both);
  RUN(test_little);
  NEED(chdir("/") == 0 && rmdir(folder) == 0);
  identity_del(own);
  return unit_done();
}
