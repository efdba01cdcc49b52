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

static void check_station(long at)
{
  struct err e = {0};
  int faults = unit_faults;
  struct job *j = NULL;
  NEED(station_verify(&j, h.st, true, &e) == 0);
  NEED(run_job(j, &e) == 0);
  EXPECT_INT(job_value(j, "bad"), 0);
  job_del(j);
  (void)home_missing(&h); /* settles what a failure left half noted */
  EXPECT(home_sound(&h));
  if (unit_faults > faults) {
    printf("  after request %ld of kinds %u\n", at, sweep_kinds);
  }
}

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
  if (h.st != NULL) {
    station_close(h.st);
  }
  home_open(&h);
  if (whole) {
    check_station(at);
  }
  int rc = call(&e);
  EXPECT_INT(rc, 0);
  if (rc < 0) {
    printf("  after request %ld of kinds %u: %s\n", at, sweep_kinds, e.text);
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

static void sweep(body *call)
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
    sweep_one(call, 0);
  }
}

/* With a semicolon behind it, so that tools see where one ends. */
#define SWEEP(name)                                                            \
  static void test_##name(void)                                                \
  {                                                                            \
    sweep(body_##name);                                                        \
  }                                                                            \
  _Static_assert(true, "a declaration")

SWEEP(open);
SWEEP(publish);
SWEEP(publish_20);
SWEEP(add_file);
SWEEP(export);
SWEEP(slip);
SWEEP(pack);
SWEEP(pack_slip);
SWEEP(unpack);
SWEEP(unpack_zip);
SWEEP(withdraw);
SWEEP(rebuild);
SWEEP(verify);
SWEEP(sweep);
SWEEP(search);
SWEEP(get);
SWEEP(page);
SWEEP(lists);
SWEEP(follow);
SWEEP(reader);
SWEEP(lacks);
SWEEP(slip_text);
SWEEP(unpack_later);
SWEEP(label);
SWEEP(version);
SWEEP(index);
SWEEP(export_whole);
SWEEP(seek);
SWEEP(block);
SWEEP(missing);
SWEEP(readonly);
SWEEP(make);
SWEEP(salvage);
SWEEP(first_sync);
SWEEP(delta_sync);
SWEEP(open_killed);
SWEEP(slip_again);
SWEEP(slip_exact);
SWEEP(read_slip);
SWEEP(pack_budget);
SWEEP(pack_records);
SWEEP(pack_dropped);
SWEEP(unpack_some);
SWEEP(unpack_keep);
SWEEP(unpack_again);
SWEEP(unpack_policy);
SWEEP(unpack_damaged);
SWEEP(unpack_old);
SWEEP(held_released);
SWEEP(publish_130);
SWEEP(publish_large);
SWEEP(publish_again);
SWEEP(publish_dropped);
SWEEP(publish_file);
SWEEP(withdraw_absent);
SWEEP(withdraw_file);
SWEEP(label_back);
SWEEP(add_again);
SWEEP(export_beside);
SWEEP(export_absent);
SWEEP(get_absent);
SWEEP(search_pages);
SWEEP(texts);
SWEEP(merge);
SWEEP(tally);
SWEEP(suggest);
SWEEP(history);
SWEEP(digest);
SWEEP(scrub);
SWEEP(rebuild_left);
SWEEP(sweep_unlisted);
SWEEP(index_later);
SWEEP(open_busy);
SWEEP(move_key);
SWEEP(follow_many);
SWEEP(sync_again);
SWEEP(sync_same);
SWEEP(sync_withdrawal);

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

/* All, or those that the command line names. MORE: only where every request
 * is to fail, or by name. */
#define WANT(name)                                                             \
  do {                                                                         \
    if (wanted(#name, argv)) {                                                 \
      RUN(test_##name);                                                        \
    }                                                                          \
  } while (0)
#define MORE(name)                                                             \
  do {                                                                         \
    if ((every_request || argv[1] != NULL) && wanted(#name, argv)) {           \
      RUN(test_##name);                                                        \
    }                                                                          \
  } while (0)

static bool wanted(const char *name, char **argv)
{
  bool any = argv[1] != NULL;
  while (*++argv != NULL) {
    if (strcmp(*argv, name) == 0 || strcmp(*argv, "all") == 0) {
      return true;
    }
  }
  return !any;
}

static void quick_scenes(char **argv)
{
  WANT(open);
  WANT(publish);
  WANT(publish_20);
  WANT(add_file);
  WANT(export);
  WANT(slip);
  WANT(pack);
  WANT(pack_slip);
  WANT(unpack);
  WANT(unpack_zip);
  WANT(withdraw);
  WANT(rebuild);
  WANT(verify);
  WANT(sweep);
  WANT(search);
  WANT(get);
  WANT(page);
  WANT(lists);
  WANT(follow);
  WANT(reader);
  WANT(lacks);
  WANT(slip_text);
  WANT(unpack_later);
  WANT(label);
  WANT(version);
  WANT(index);
  WANT(export_whole);
  WANT(seek);
  WANT(block);
  WANT(missing);
  WANT(readonly);
  WANT(make);
  WANT(salvage);
  WANT(first_sync);
  WANT(delta_sync);
  WANT(open_killed);
  WANT(syncs);
}

static void more_scenes(char **argv)
{
  MORE(slip_again);
  MORE(slip_exact);
  MORE(read_slip);
  MORE(pack_budget);
  MORE(pack_records);
  MORE(pack_dropped);
  MORE(unpack_some);
  MORE(unpack_keep);
  MORE(unpack_again);
  MORE(unpack_policy);
  MORE(unpack_damaged);
  MORE(unpack_old);
  MORE(held_released);
  MORE(publish_130);
  MORE(publish_large);
  MORE(publish_again);
  MORE(publish_dropped);
  MORE(publish_file);
  MORE(withdraw_absent);
  MORE(withdraw_file);
  MORE(label_back);
  MORE(add_again);
  MORE(export_beside);
  MORE(export_absent);
  MORE(get_absent);
  MORE(search_pages);
  WANT(texts);
  MORE(merge);
  MORE(tally);
  MORE(suggest);
  MORE(history);
  MORE(digest);
  MORE(scrub);
  MORE(rebuild_left);
  MORE(sweep_unlisted);
  MORE(index_later);
  MORE(open_busy);
  MORE(move_key);
  MORE(follow_many);
  MORE(sync_again);
  MORE(sync_same);
  MORE(sync_withdrawal);
}

int main(int argc, char **argv)
{
  (void)argc;
  every_request = getenv("FAULT_ALL") != NULL;
  fault_start();
  make_world();
  quick_scenes(argv);
  more_scenes(argv);
  home_end(&world);
  printf("  %ld failures, %ld told as errors\n", cases, hits);
  return unit_done();
}
