/* SPDX-License-Identifier: 0BSD */
/* Signals that interrupt every other read and write, which then move only a
 * part; and files that change while they are read. Nobody notices the former;
 * of the latter nothing is kept. */
#include "unit/station_shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static struct home h;
static struct err e;

/* ---- the system's calls, ours ---- */

static struct {
  bool on;
  unsigned reads, writes; /* since then */
} signals;

ssize_t read(int fd, void *to, size_t n)
{
  if (signals.on && ++signals.reads % 2 == 1) {
    errno = EINTR;
    return -1;
  }
  return syscall(SYS_read, fd, to, signals.on && n > 1 ? n / 2 : n);
}

ssize_t write(int fd, const void *p, size_t n)
{
  if (signals.on && ++signals.writes % 2 == 1) {
    errno = EINTR;
    return -1;
  }
  return syscall(SYS_write, fd, p, signals.on && n > 1 ? n / 2 : n);
}

/* ---- what is done meanwhile ---- */

#define SIZE 5000000

static void make_file(size_t n)
{
  struct buf noise = {0};
  shelf_noise(&noise, n, 5);
  shelf_write(home_file(&h, "in.bin"), buf_span(&noise));
  buf_free(&noise);
}

static struct cid add(void)
{
  struct job *j = NULL;
  NEED(files_add(&j, h.st, home_file(&h, "in.bin"), FILE_CUT_CONTENT, &e) == 0);
  NEED(run_job(j, &e) == 0);
  struct cid link = j->result.link;
  job_del(j);
  return link;
}

static void export_as(const struct cid *file, const char *name)
{
  struct job *j = NULL;
  NEED(files_export(&j, h.st, file, h.dir, span_of(name, strlen(name)), &e) ==
       0);
  NEED(run_values(j, NULL, NULL, &e) == 0);
}

static bool same(const char *one, const char *other)
{
  struct buf a = {0}, b = {0};
  shelf_read(home_file(&h, one), &a);
  shelf_read(home_file(&h, other), &b);
  bool yes = a.n > 0 && span_equal(buf_span(&a), buf_span(&b));
  buf_free(&a);
  buf_free(&b);
  return yes;
}

/* ---- tests ---- */

/* In and out, a slip there and back, a carry file and what it brings. */
static void test_signals(void)
{
  struct home other;
  struct slip_options ask = {.files = -1};
  struct slip_report r;
  struct slip_told told;
  home_new(&h);
  home_new(&other);
  make_file(SIZE);
  struct cid plain = add();
  signals.on = true;
  struct cid file = add();
  EXPECT(cid_equal(&file, &plain));
  EXPECT(signals.reads > 2);
  struct made m = {.n = 1, .files = 1, .file = &file, .size = SIZE};
  (void)home_publish(&h, "c", &m, 1000);
  export_as(&file, "out.bin");
  EXPECT(signals.writes > 2);
  NEED(station_slip(other.st, home_file(&h, "x.slip"), &ask, &r, &e) == 0);
  NEED(station_read_slip(&told, home_file(&h, "x.slip"), &e) == 0);
  EXPECT(told.wishes == 1);
  for (int i = 0; i < 2; i++) {
    struct pack_options opt = {.files = -1,
                               .compress = i > 0,
                               .level = 1,
                               .slip = home_file(&h, "x.slip")};
    const char *car = home_file(&h, i > 0 ? "x.car.zst" : "x.car");
    home_pack(&h, car, &opt);
    struct unpacked u = home_unpack(&other, car);
    EXPECT_INT(u.rc, 0);
    EXPECT_INT(u.bad, 0);
    EXPECT_INT(u.added + u.known > 0, 1);
  }
  signals.on = false;
  EXPECT(same("in.bin", "out.bin"));
  EXPECT_INT(home_missing(&other), 0);
  EXPECT(home_sound(&other));
  home_end(&other);
  home_end(&h);
}

enum change { GROWS, SHRINKS, TOUCHED, TOUCHED_WITHIN_A_SECOND, CHANGES };

static void change(enum change how)
{
  const char *path = home_file(&h, "in.bin");
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  struct timespec times[2] = {{1, 0}, {2, 0}};
  struct stat info;
  NEED(fd >= 0 && fstat(fd, &info) == 0);
  switch (how) {
  case GROWS:
    NEED(ftruncate(fd, 2 * SIZE) == 0);
    break;
  case SHRINKS:
    NEED(ftruncate(fd, SIZE - 1) == 0);
    break;
  case TOUCHED:
    NEED(futimens(fd, times) == 0);
    break;
  case TOUCHED_WITHIN_A_SECOND:
    times[0] = times[1] = info.st_mtim;
    times[1].tv_nsec ^= 1;
    NEED(futimens(fd, times) == 0);
    break;
  case CHANGES:
    break;
  }
  NEED(close(fd) == 0);
}

/* What was read while somebody wrote is no version of the file that ever was:
 * the call says so, and has no file to show for it; when it rests, it is
 * taken. A log that grows for ever comes to an end, too. */
static void test_changes(void)
{
  for (int how = GROWS; how < CHANGES; how++) {
    struct job *j = NULL;
    home_new(&h);
    make_file(SIZE);
    NEED(files_add(&j, h.st, home_file(&h, "in.bin"), FILE_CUT_FIXED, &e) == 0);
    NEED(job_step(j, &e) == JOB_MORE);
    change((enum change)how);
    EXPECT_INT(run_job(j, &e), ERR_BUSY);
    EXPECT(strstr(e.text, "changed while it was read") != NULL);
    EXPECT(!j->result.has_link);
    job_del(j);
    /* Nothing lists its parts: they go. */
    NEED(station_sweep(&j, h.st, &e) == 0);
    NEED(run_values(j, NULL, NULL, &e) == 0);
    struct station_stats stats;
    NEED(station_stats(h.st, &stats, &e) == 0);
    EXPECT_INT(stats.store.file_blocks, 0);
    struct cid file = add();
    export_as(&file, "out.bin");
    EXPECT(same("in.bin", "out.bin"));
    home_end(&h);
  }
}

int main(void)
{
  RUN(test_signals);
  RUN(test_changes);
  return unit_done();
}
