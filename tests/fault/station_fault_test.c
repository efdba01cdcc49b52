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

/* What fails, and what came of it: how often it did, and how often the call
 * then told of it. */
static struct way {
  unsigned kinds;
  bool from;
  int code;
  bool bearable; /* the answer may be right all the same */
  long hits, told;
} way[] = {{FAULT_HEAP, false, 0, false, 0, 0},
           {FAULT_HEAP, true, 0, false, 0, 0},
           {FAULT_SQLITE, false, 0, false, 0, 0},
           {FAULT_SQLITE, true, 0, false, 0, 0},
           {FAULT_DISK, false, EIO, false, 0, 0},
           {FAULT_DISK, true, EIO, false, 0, 0},
           {FAULT_WRITE, true, ENOSPC, false, 0, 0},
           {FAULT_SHORT, true, 0, true, 0, 0},
           {FAULT_DISK, true, EROFS, false, 0, 0},
           {FAULT_CLOCK, false, 0, true, 0, 0},
           {FAULT_CHANCE, true, 0, true, 0, 0}};
#define WAYS (sizeof way / sizeof way[0])

/* Codes that say what happened to memory or disk; others would blame the
 * user, or be our own fault. SQLite says of a page that the disk can't read
 * that it is malformed. */
static bool clean(unsigned kinds, int rc)
{
  bool disk = (kinds & (FAULT_DISK | FAULT_SHORT)) != 0;
  bool memory = (kinds & FAULT_MEMORY) != 0;
  return (memory && rc == ERR_NOMEM) ||
         (disk && (rc == ERR_IO || rc == ERR_FULL || rc == ERR_ACCESS ||
                   rc == ERR_READONLY || rc == ERR_CORRUPT || rc == ERR_EXIST ||
                   rc == ERR_CLOSED));
}

/* One failure at request ${at}; true when the call came so far. */
static bool fail_once(struct way *w, body *call, long at)
{
  struct err e = {0};
  fault_arm(w->kinds, at + 1, w->from, w->code);
  int rc = call(&e);
  fault_heal();
  bool reached = fault.requests > at;
  w->hits += reached;
  w->told += rc != 0;
  EXPECT(rc == 0 || clean(w->kinds, rc));
  EXPECT(rc == 0 || e.code == rc);
  EXPECT(rc == 0 || e.text[0] != '\0');
  if (rc != 0 && !clean(w->kinds, rc)) {
    printf("  request %ld of kinds %u: %d %s\n", at, w->kinds, rc, e.text);
  }
  EXPECT(reached || rc == 0);
  return reached;
}

/* Every failure up to 12, then ever fewer: what comes later are the same few
 * places again. */
static long next_failure(long at)
{
  bool each = every_request ? at < 2000 : at < 12;
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
static void recover(body *call)
{
  struct err e = {0};
  if (h.st != NULL) {
    station_close(h.st);
  }
  home_open(&h);
  check_station();
  int rc = call(&e);
  EXPECT_INT(rc, 0);
  if (rc < 0) {
    printf("  %s\n", e.text);
  }
}

static void sweep_one(struct way *w, body *call)
{
  bool reached = true;
  for (long at = 0; reached; at = next_failure(at)) {
    int faults = unit_faults;
    long heap = fault.heap_live, sqlite = fault.sqlite_live;
    int fd = lowest_fd();
    copy_world();
    reached = fail_once(w, call, at);
    recover(call);
    home_end(&h);
    EXPECT_INT(fault.heap_live, heap);
    EXPECT_INT(fault.sqlite_live, sqlite);
    EXPECT_INT(lowest_fd(), fd);
    if (unit_faults > faults) {
      printf("  after request %ld of kinds %u\n", at, w->kinds);
    }
  }
}

static void sweep(const struct scene *s)
{
  for (size_t i = 0; i < WAYS; i++) {
    sweep_one(&way[i], s->call);
  }
}

/* A way to fail that no call meets, or none tells of, proves nothing. */
static void test_ways(void)
{
  for (size_t i = 0; i < WAYS; i++) {
    const struct way *w = &way[i];
    printf("  kinds %3u %s, code %2d: %ld failures, %ld told\n", w->kinds,
           w->from ? "from there on" : "once", w->code, w->hits, w->told);
    EXPECT(w->hits > 0);
    EXPECT(w->bearable ? w->told == 0 : w->told > w->hits / 2);
  }
}

/* Where every sync is one of ours that the answer rests on: none that fails
 * may be passed over. */
static void test_syncs(void)
{
  /* The file, the folder it lies in; and a carry file's when it has its name */
  static const struct {
    body *call;
    int syncs;
  } one[] = {{body_pack, 3}, {body_export, 2}};
  struct err e = {0};
  for (size_t i = 0; i < sizeof one / sizeof one[0]; i++) {
    int syncs = 0;
    bool reached = true;
    for (long at = 1; reached; at++) {
      copy_world();
      fault_arm(FAULT_SYNC, at, false, EIO);
      int rc = one[i].call(&e);
      fault_heal();
      reached = fault.requests >= at;
      EXPECT(rc == (reached ? ERR_IO : 0));
      home_end(&h);
      NEED(at < 50);
      syncs += reached;
    }
    EXPECT_INT(syncs, one[i].syncs);
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
  if (wanted("ways", true, argv)) {
    RUN(test_ways);
  }
  home_end(&world);
  return unit_done();
}
