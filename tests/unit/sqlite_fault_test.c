/* SPDX-License-Identifier: 0BSD */
/* The SQLite engine on a disk that fails: each write, sync or truncation in
 * turn, with "input/output error" and with "no space left". What was
 * acknowledged must be there after, and the store sound.
 *
 * The calls are caught here: a symbol of the program goes before libc's. */
#include "store_conformance.h"

#include "unit.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static int armed; /* fail when it counts down to 0; < 0: never */
static int fail_errno;
static bool fail_on; /* and everything after, until it is turned off */
static bool fail_reads;

static bool failing(void)
{
  if (fail_on) {
    return true;
  }
  if (armed > 0 && --armed == 0) {
    fail_on = true;
    return true;
  }
  return false;
}

static bool refuse(void)
{
  if (failing()) {
    errno = fail_errno;
    return true;
  }
  return false;
}

ssize_t pread64(int fd, void *to, size_t n, off64_t at)
{
  if (fail_reads) {
    errno = ENODEV; /* EIO is damage to SQLite, which it deals with */
    return -1;
  }
  return (ssize_t)syscall(SYS_pread64, fd, to, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
  return refuse() ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, p, n, at);
}

int fdatasync(int fd)
{
  return refuse() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
  return refuse() ? -1 : (int)syscall(SYS_fsync, fd);
}

int ftruncate64(int fd, off64_t n)
{
  return refuse() ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

/* ---- the body ---- */

#define GROUPS 3
#define EACH 4

static char path[64];
static struct err err;

static void wipe(void)
{
  static const char *const all[] = {"",      "-wal",   "-shm",
                                    "-lock", "-files", "-files-journal"};
  char name[96];
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    (void)snprintf(name, sizeof name, "%s%s", path, all[i]);
    (void)unlink(name);
  }
}

static int open_store(struct store **out)
{
  struct store_options o = {.create = true};
  return store_sqlite_open(out, path, &o, &err);
}

/* One group: a file's block, and an append of everything. */
static int write_group(struct store *s, uint64_t group)
{
  static const char coll[] = "c";
  struct store_block big = block_make(group + 1000, 100000), b[EACH];
  uint64_t log = STORE_NEW(0);
  struct store_row row = {1, span_of("k", 1), (int64_t)group, STORE_NEW(1),
                          false};
  struct store_doc doc = {.ref = STORE_NEW(0),
                          .length = 2,
                          .terms = span_of("\001a\001b", 4),
                          .facets = span_of("\001f", 2)};
  for (uint64_t i = 0; i < EACH; i++) {
    b[i] = block_make(group * EACH + i, 3000);
  }
  struct store_batch batch = {.collection = span_of(coll, 1),
                              .blocks = b,
                              .blocks_n = EACH,
                              .log = &log,
                              .log_n = 1,
                              .add = &row,
                              .add_n = 1,
                              .docs = &doc,
                              .docs_n = 1};
  int rc = s->ops->put(s, &big, 1, true, NULL, NULL, &err);
  if (rc == 0) {
    rc = s->ops->append(s, &batch, NULL, NULL, &err);
  }
  for (int i = 0; i < EACH; i++) {
    block_free(&b[i]);
  }
  block_free(&big);
  return rc;
}

static bool has(struct store *s, uint64_t seed, size_t size)
{
  struct store_block b = block_make(seed, size);
  struct buf out = {0};
  bool same = s->ops->get(s, &b.cid, &out, &err) == 0 &&
              span_equal(buf_span(&out), b.bytes);
  buf_free(&out);
  block_free(&b);
  return same;
}

static void expect_groups(struct store *s, uint64_t acked)
{
  uint64_t count = 0;
  for (uint64_t g = 0; g < acked; g++) {
    EXPECT(has(s, g + 1000, 100000));
    for (uint64_t i = 0; i < EACH; i++) {
      EXPECT(has(s, g * EACH + i, 3000));
    }
  }
  /* All of a batch or nothing: the log says which. */
  EXPECT_INT(s->ops->count(s, span_of("c", 1), &count, &err), 0);
  EXPECT(count == acked || count == acked + 1);
  EXPECT(has(s, acked * EACH, 3000) == (count == acked + 1));
  EXPECT_INT(s->ops->check(s, &err), 0);
}

static void expect_refusal(struct store *s, int rc)
{
  if (rc == ERR_FULL) {
    EXPECT(strstr(err.text, "no space left") != NULL);
    return;
  }
  EXPECT_INT(rc, ERR_IO);
  EXPECT(strstr(err.text, "close and open") != NULL);
  /* The handle is of no use for writing even when the disk is well again. */
  EXPECT_INT(write_group(s, 50), ERR_IO);
}

/* One run with failure number ${at}: was it reached? */
static bool run(int at, int code, int *full)
{
  struct store *s = NULL;
  uint64_t acked = 0;
  int rc = 0;
  wipe();
  NEED(open_store(&s) == 0);
  fail_errno = code;
  armed = at;
  while (acked < GROUPS && (rc = write_group(s, acked)) == 0) {
    acked++;
  }
  bool reached = fail_on;
  fail_on = false;
  armed = -1;
  if (rc < 0) {
    *full += rc == ERR_FULL;
    expect_refusal(s, rc);
    if (rc == ERR_FULL) { /* room again: it goes on as if nothing was */
      expect_groups(s, acked);
      EXPECT_INT(write_group(s, acked), 0);
      acked++;
    }
  }
  s->ops->close(s);
  NEED(open_store(&s) == 0);
  expect_groups(s, acked);
  for (uint64_t g = acked; g < GROUPS; g++) {
    EXPECT_INT(write_group(s, g), 0);
  }
  s->ops->close(s);
  return reached;
}

static int sweep_failures(int code, int *full)
{
  int at = 1;
  while (run(at, code, full)) {
    at++;
    NEED(at < 5000);
  }
  return at - 1;
}

/* ---- a group ---- */

/* Three writes in one group, with failure number ${at}: all or nothing. */
static bool run_grouped(int at, int code)
{
  struct store *s = NULL;
  uint64_t done = 0;
  int rc = 0;
  wipe();
  NEED(open_store(&s) == 0);
  NEED(write_group(s, 0) == 0);
  fail_errno = code;
  armed = at;
  NEED(s->ops->group(s, true, &err) == 0);
  for (uint64_t g = 1; g < GROUPS && rc == 0; g++) {
    rc = write_group(s, g);
  }
  int end = s->ops->group(s, false, &err);
  EXPECT(rc == 0 || end == rc);
  bool reached = fail_on;
  fail_on = false;
  armed = -1;
  s->ops->close(s);
  NEED(open_store(&s) == 0);
  NEED(s->ops->count(s, span_of("c", 1), &done, &err) == 0);
  EXPECT(end == 0 ? done == GROUPS : done == 1 || done == GROUPS);
  for (uint64_t g = 0; g < done; g++) {
    EXPECT(has(s, g * EACH, 3000) && has(s, g + 1000, 100000));
  }
  EXPECT_INT(s->ops->check(s, &err), 0);
  for (uint64_t g = 1; g < GROUPS; g++) { /* what was lost can come again */
    EXPECT_INT(write_group(s, g), 0);
    EXPECT(has(s, g * EACH, 3000) && has(s, g + 1000, 100000));
  }
  s->ops->close(s);
  return reached;
}

static void test_groups(void)
{
  int at = 1;
  while (run_grouped(at, at % 2 == 0 ? EIO : ENOSPC)) {
    at++;
    NEED(at < 5000);
  }
  EXPECT(at > 15);
}

/* A read that fails amid a group, and nobody hears of it: SQLite takes back
 * what came before, and what comes after may not stay. */
static void test_a_read_fails_in_a_group(bool file)
{
  struct store *s = NULL;
  uint64_t done = 0;
  wipe();
  NEED(open_store(&s) == 0);
  for (uint64_t g = 0; g < 3; g++) {
    NEED(write_group(s, g) == 0);
  }
  s->ops->close(s); /* nothing is in memory */
  NEED(open_store(&s) == 0);
  NEED(s->ops->group(s, true, &err) == 0);
  NEED(write_group(s, 3) == 0);
  fail_reads = true;
  EXPECT(file ? !has(s, 1000, 100000) : !has(s, 0, 3000));
  fail_reads = false;
  EXPECT_INT(write_group(s, 4), ERR_IO);
  EXPECT_INT(s->ops->group(s, false, &err), ERR_IO);
  s->ops->close(s);
  NEED(open_store(&s) == 0);
  NEED(s->ops->count(s, span_of("c", 1), &done, &err) == 0);
  EXPECT_INT(done, 3);
  for (uint64_t g = 3; g < 5; g++) {
    EXPECT_INT(write_group(s, g), 0);
  }
  for (uint64_t g = 0; g < 5; g++) {
    EXPECT(has(s, g * EACH, 3000) && has(s, g + 1000, 100000));
  }
  EXPECT_INT(s->ops->check(s, &err), 0);
  s->ops->close(s);
}

static void test_reads_in_groups(void)
{
  test_a_read_fails_in_a_group(false);
  test_a_read_fails_in_a_group(true);
}

static void test_input_output_errors(void)
{
  int full = 0;
  EXPECT(sweep_failures(EIO, &full) > 50);
  EXPECT_INT(full, 0);
}

static void test_no_space_left(void)
{
  int full = 0;
  EXPECT(sweep_failures(ENOSPC, &full) > 50);
  EXPECT(full > 30);
}

int main(void)
{
  /* In memory where that can be had: hundreds of stores are made, and what a
   * real disk does is not the question. */
  char memory[] = "/dev/shm/sqlite_fault.XXXXXX";
  char disk[] = "/tmp/sqlite_fault.XXXXXX";
  char *dir = mkdtemp(memory);
  if (dir == NULL) {
    dir = mkdtemp(disk);
  }
  NEED(dir != NULL);
  (void)snprintf(path, sizeof path, "%s/store", dir);
  armed = -1;
  RUN(test_input_output_errors);
  RUN(test_no_space_left);
  RUN(test_groups);
  RUN(test_reads_in_groups);
  wipe();
  (void)rmdir(dir);
  return unit_done();
}
