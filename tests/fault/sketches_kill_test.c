/* SPDX-License-Identifier: 0BSD */
/* A child lets logs grow, notes it, asks for sketches and rebuilds now and
 * then, and is killed at some moment, between an append and a checkpoint or
 * within either: after each kill every sketch is what its log says. */
#include "unit/sketches_shelf.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define KILLS 24 /* at least */
#define KILLS_MAX 480
#define KILL_AFTER_US 30000 /* at most */
#define BATCHES_MAX 1000000

static struct home h;

static uint32_t dice(uint32_t below)
{
  static uint32_t x = 88675123u;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return x % below;
}

static void grow(uint64_t seed)
{
  struct sketches_state state[4];
  struct buf names = {0};
  struct err e = {0};
  for (uint64_t i = 0; i < BATCHES_MAX; i++) {
    log_fill(h.st, i % 3 == 0 ? "a" : "b", (seed << 16) + i, 1 + dice(600));
    if (i % 7 == 0) {
      NEED(sketches_step(h.st, span_of("b", 1), &e) >= 0);
    }
    if (i % 11 == 0) {
      buf_clear(&names);
      NEED(sketches_states(h.st, span_of(NULL, 0), &names, state, 4, &e) > 0);
    }
    if (i % 29 == 28) {
      NEED(sketches_reset(h.st, &e) == 0);
    }
  }
}

static void grow_and_kill(uint64_t seed)
{
  int ends[2];
  char go = 0;
  NEED(pipe(ends) == 0);
  (void)fflush(stdout);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    (void)close(ends[0]);
    home_open(&h);
    NEED(write(ends[1], &go, 1) == 1);
    grow(seed);
    _exit(1);
  }
  (void)close(ends[1]);
  NEED(read(ends[0], &go, 1) == 1);
  (void)close(ends[0]);
  struct timespec wait = {0, (long)dice(KILL_AFTER_US) * 1000};
  (void)nanosleep(&wait, NULL);
  NEED(kill(pid, SIGKILL) == 0);
  NEED(waitpid(pid, NULL, 0) == pid);
}

static void test_kill(void)
{
  struct sketches_state state;
  struct buf row = {0};
  struct err e = {0};
  int rested = 0, kills = 0;
  state.count = 0;
  home_folder(&h);
  /* Sanitizers are slow: more of them, until enough has grown. */
  for (; kills < KILLS ||
         (state.count <= 4 * SKETCHES_EVERY && kills < KILLS_MAX);
       kills++) {
    grow_and_kill((uint64_t)kills);
    home_open(&h);
    EXPECT(sketches_sound(h.st, "a") && sketches_sound(h.st, "b"));
    rested += row_get(h.st, row_key("rest", "b"), &row);
    EXPECT(sketches_get(h.st, span_of("b", 1), NULL, &state, &e) == 0);
    station_close(h.st);
    h.st = NULL;
  }
  EXPECT(rested > kills / 2 && state.count > 4 * SKETCHES_EVERY);
  printf("  %d kills, %llu parcels\n", kills, (unsigned long long)state.count);
  buf_free(&row);
  home_open(&h);
  home_end(&h);
}

int main(void)
{
  RUN(test_kill);
  return unit_done();
}
