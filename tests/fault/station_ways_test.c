/* SPDX-License-Identifier: 0BSD */
/* Every way that leads to a request fails once: the functions that are under
 * way at a request are its way, and each way is taken once more, with the
 * request refused at its end. Requests are the store's operations (that say
 * that another process is in the way, or that the disk failed) and memory for
 * whatever is put into a buf or hashed. The station passes the code on with a
 * sentence, or can do without; in the very same station, or in one that is
 * opened again after the disk failed, the same call then succeeds, and nothing
 * is lost.
 *
 * FAULT_ALL=1: each call of the list for itself; else only the ways that none
 * before it had, of the quick ones. Names of calls as arguments: only these;
 * "all": all. Bugs that were
 * planted, and caught: the append of a follow rule passed over, and its key
 * not freed when that fails. */
#define MEMORY_FAILS() fault_hits(FAULT_PUT)
#include "fault_table.h"

#include "failing_buf.h"
#include "failing_digest.h"
#include "station_scenes_more.h"
#include "store_door.h"

#include <execinfo.h>

#define DEPTH 7 /* functions that make a way */
#define OWN 4   /* before them, the table's own */

static struct {
  unsigned kind;
  int code;
  bool from; /* then all after it, too, until the station is closed */
} sick;
static bool every_call;
static long cases, told;

/* ---- ways ---- */

#define WAYS (1u << 17)
static struct {
  uint64_t seen[WAYS]; /* 0: empty */
  long at[WAYS / 2];   /* the requests at the end of new ones */
  size_t n, all;
} ways;

static bool is_new(uint64_t way)
{
  size_t i = (size_t)(way % WAYS);
  while (ways.seen[i] != 0 && ways.seen[i] != way) {
    i = (i + 1) % WAYS;
  }
  bool fresh = ways.seen[i] == 0;
  ways.seen[i] = way;
  ways.all += fresh;
  NEED(ways.all < WAYS / 2);
  return fresh;
}

static void note_way(long request)
{
  void *frame[OWN + DEPTH];
  uint64_t way = 1469598103934665603u; /* FNV-1a, by pointers */
  int n = backtrace(frame, OWN + DEPTH);
  for (int i = OWN; i < n; i++) {
    way = (way ^ (uint64_t)(uintptr_t)frame[i]) * 1099511628211u;
  }
  if (is_new(way | 1)) {
    ways.at[ways.n++] = request;
  }
}

/* The way to the one that was refused: told where something is wrong after it,
 * for addr2line. */
static struct {
  void *frame[OWN + 2 * DEPTH];
  int n;
} refused;

static void note_refused(long request)
{
  if (request == fault.at) {
    refused.n = backtrace(refused.frame, OWN + 2 * DEPTH);
  }
}

/* ---- a call, and what comes after it ---- */

/* Others would blame the user, or be our own fault. A session's other end may
 * be the one that fails. */
static bool clean(int rc)
{
  return rc == sick.code || rc == ERR_CLOSED;
}

static void fail_once(const struct scene *s, long at)
{
  struct err e = {0};
  int faults = unit_faults;
  long heap = fault.heap_live, sqlite = fault.sqlite_live;
  copy_world();
  fault.note = note_refused;
  fault_arm(sick.kind, at, sick.from, 0);
  int rc = s->call(&e);
  fault_heal();
  fault.note = NULL;
  cases++;
  told += rc != 0;
  EXPECT(rc == 0 || clean(rc));
  EXPECT(rc == 0 || e.code == rc);
  EXPECT(rc == 0 || e.text[0] != '\0');
  if (sick.from || h.st == NULL) {
    station_close(h.st);
    home_open(&h);
  }
  int again = s->call(&e);
  EXPECT_INT(again, 0);
  if (h.st == NULL) {
    home_open(&h);
  }
  if (cases % 4 == 0) {
    check_station();
  }
  home_end(&h);
  EXPECT_INT(fault.heap_live, heap);
  EXPECT_INT(fault.sqlite_live, sqlite);
  if (unit_faults > faults) {
    printf("  request %ld of kind %u: %d, then %d %s\n", at, sick.kind, rc,
           again, e.text);
    (void)fflush(stdout);
    backtrace_symbols_fd(refused.frame + OWN, refused.n - OWN, STDOUT_FILENO);
  }
}

static void find_ways(const struct scene *s)
{
  struct err e = {0};
  if (every_call) {
    memset(ways.seen, 0, sizeof ways.seen);
    ways.all = 0;
  }
  ways.n = 0;
  copy_world();
  fault.note = note_way;
  fault_arm(sick.kind, LONG_MAX, false, 0);
  int rc = s->call(&e);
  fault_heal();
  fault.note = NULL;
  EXPECT_INT(rc, 0);
  home_end(&h);
}

static void sweep(const struct scene *s)
{
  static const struct {
    unsigned kind;
    int code;
    bool from;
  } all[] = {{FAULT_DOOR, ERR_BUSY, false},
             {FAULT_DOOR, ERR_IO, true},
             {FAULT_PUT, ERR_NOMEM, false}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    sick.kind = all[i].kind;
    sick.code = door.code = all[i].code;
    sick.from = all[i].from;
    if (i == 0 || all[i].kind != all[i - 1].kind) {
      find_ways(s);
    }
    for (size_t k = 0; k < ways.n; k++) {
      fail_once(s, ways.at[k]);
    }
  }
}

/* None named: some, or all with FAULT_ALL. */
static bool wanted(const struct scene *s, char **argv)
{
  bool any = argv[1] != NULL;
  while (*++argv != NULL) {
    if (strcmp(*argv, s->name) == 0 || strcmp(*argv, "all") == 0) {
      return true;
    }
  }
  return !any && (s->quick || every_call);
}

int main(int argc, char **argv)
{
  void *warm[1];
  (void)argc;
  every_call = getenv("FAULT_ALL") != NULL;
  (void)backtrace(warm, 1); /* its library is loaded now */
  fault_start();
  make_world();
  for (size_t i = 0; i < SCENES; i++) {
    if (wanted(&scenes[i], argv)) {
      run_scene(&scenes[i], sweep);
    }
  }
  home_end(&world);
  printf("  %ld refused at the end of a way, %ld told as errors\n", cases,
         told);
  return unit_done();
}
