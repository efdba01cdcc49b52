/* SPDX-License-Identifier: 0BSD */
/* Whatever can fail below a station fails, once or for good, at the first,
 * second, third ... request of a call: memory, SQLite's memory, each call for
 * files, the clock, chance. The answer is right, or an error with a sentence;
 * nothing leaks, the station closes, opens again and passes its checks, and
 * the same call then succeeds.
 *
 * FAULT_ALL=1: all of the calls, and every request, not ever fewer of the later
 * ones; names of calls as arguments: only these, `all`: all. Bugs that were
 * planted, and caught: no buf_free in station_slip_text; fsync's answer passed
 * over in outfile_finish. */
#include "base/limits.h"
#include "station_scenes_more.h"

#include <sys/stat.h>

static bool every_request;
static long cases, hits;
static unsigned sweep_kinds;
static bool sweep_from;
static int sweep_code;

/* Codes that say what happened to memory or disk; others would blame the
 * user, or be our own fault. SQLite says of a page that the disk can't read
 * that it is malformed. */
static bool clean(int rc)
{
  bool disk = (sweep_kinds & ~(unsigned)FAULT_MEMORY) != 0;
  bool memory = (sweep_kinds & FAULT_MEMORY) != 0;
  return (memory && rc == ERR_NOMEM) ||
         (disk && (rc == ERR_IO || rc == ERR_FULL || rc == ERR_ACCESS ||
                   rc == ERR_READONLY || rc == ERR_CORRUPT || rc == ERR_EXIST ||
                   rc == ERR_CLOSED));
}

/* One failure at request ${at}; true when the call came so far. */
static bool fail_once(body *call, long at)
{
  struct err e = {0};
  fault_arm(sweep_kinds, at + 1, sweep_from, sweep_code);
  int rc = call(&e);
  fault_heal();
  bool reached = fault.requests > at;
  cases++;
  hits += rc != 0;
  EXPECT(rc == 0 || clean(rc));
  EXPECT(rc == 0 || e.code == rc);
  EXPECT(rc == 0 || e.text[0] != '\0');
  if (rc != 0 && !clean(rc)) {
    printf("  request %ld of kinds %u: %d %s\n", at, sweep_kinds, rc, e.text);
  }
  EXPECT(reached || rc == 0);
  return reached;
}

/* Every failure up to 6, then ever fewer: what comes later are the same few
 * places again. */
static long next_failure(long at)
{
  bool each = every_request ? at < 2000 : at < 6;
  return at + (each ? 1 : 8 + at / 2);
}

static int lowest_fd(void)
{
  int fd = dup(0);
  NEED(fd >= 0);
  (void)close(fd);
  return fd;
}

/* The same call in a station that was opened again. */
static void recover(body *call, long at, bool whole)
{
  struct err e = {0};
  int faults = unit_faults;
  if (h.st != NULL) {
    station_close(h.st);
  }
  home_open(&h);
  if (whole) {
    check_station();
  }
  int rc = call(&e);
  EXPECT_INT(rc, 0);
  if (rc < 0) {
    printf("  %s\n", e.text);
  }
  if (unit_faults > faults) {
    printf("  after request %ld of kinds %u\n", at, sweep_kinds);
  }
}

static void sweep_one(body *call, long first)
{
  bool reached = true;
  for (long at = first, n = 0; reached; at = next_failure(at), n++) {
    long heap = fault.heap_live, sqlite = fault.sqlite_live;
    int fd = lowest_fd();
    copy_world();
    reached = fail_once(call, at);
    recover(call, at, n % 8 == 0);
    home_end(&h);
    EXPECT_INT(fault.heap_live, heap);
    EXPECT_INT(fault.sqlite_live, sqlite);
    EXPECT_INT(lowest_fd(), fd);
  }
}

static void sweep(const struct scene *s)
{
  static const struct {
    unsigned kinds;
    bool from;
    int code;
  } way[] = {{FAULT_HEAP, false, 0},      {FAULT_HEAP, true, 0},
             {FAULT_SQLITE, false, 0},    {FAULT_SQLITE, true, 0},
             {FAULT_DISK, false, EIO},    {FAULT_DISK, true, EIO},
             {FAULT_WRITE, true, ENOSPC}, {FAULT_SHORT, true, 0},
             {FAULT_DISK, true, EROFS},   {FAULT_CLOCK, false, 0},
             {FAULT_CHANCE, true, 0}};
  for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
    sweep_kinds = way[i].kinds;
    sweep_from = way[i].from;
    sweep_code = way[i].code;
    sweep_one(s->call, 0);
  }
}

/* Where every sync is one of ours that the answer rests on: none that fails
 * may be passed over. */
static void test_syncs(void)
{
  static body *const call[] = {body_pack, body_export};
  struct err e = {0};
  for (size_t i = 0; i < sizeof call / sizeof call[0]; i++) {
    bool reached = true;
    for (long at = 1; reached; at++) {
      copy_world();
      fault_arm(FAULT_SYNC, at, false, EIO);
      int rc = call[i](&e);
      fault_heal();
      reached = fault.requests >= at;
      EXPECT(rc == (reached ? ERR_IO : 0));
      home_end(&h);
      NEED(at < 50);
    }
  }
}

/* All that are quick, or those that the command line names. */
static bool wanted(const char *name, bool quick, char **argv)
{
  bool any = argv[1] != NULL;
  while (*++argv != NULL) {
    if (strcmp(*argv, name) == 0 || strcmp(*argv, "all") == 0) {
      return true;
    }
  }
  return !any && (quick || every_request);
}

int main(int argc, char **argv)
{
  (void)argc;
  every_request = getenv("FAULT_ALL") != NULL;
  fault_start();
  make_world();
  for (size_t i = 0; i < SCENES; i++) {
    if (wanted(scenes[i].name, scenes[i].quick, argv)) {
      run_scene(&scenes[i], sweep);
    }
  }
  if (wanted("syncs", true, argv)) {
    RUN(test_syncs);
  }
  home_end(&world);
  printf("  %ld failures, %ld told as errors\n", cases, hits);
  return unit_done();
}
