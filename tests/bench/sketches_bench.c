/* SPDX-License-Identifier: 0BSD */
/* What the persistent sketches cost: to note a parcel, to take it in, to hand
 * a sketch out, to tell the states of thousands of collections, to find a
 * parcel by its handle; in CPU time. Numbers, never a gate. */
#include "sketches_shelf.h"

#include <time.h>

#define PARCELS 200000
#define COLLECTIONS 10000
#define PAGE 500

static struct home h;
static struct err err;

static double seconds(void)
{
  struct timespec t;
  NEED(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void bench_parcels(void)
{
  static struct sketch sk;
  struct span name = span_of("big", 3);
  struct sketches_state state;
  log_fill(h.st, "big", 1, PARCELS);
  double start = seconds();
  for (int i = 0; i < PARCELS; i++) {
    sketches_note(h.st, name);
  }
  double noted = seconds() - start;
  NEED(sketches_reset(h.st, &err) == 0);
  start = seconds();
  NEED(sketches_get(h.st, name, &sk, &state, &err) == 0);
  double made = seconds() - start;
  printf("%-42s %8.0f ns\n", "note a parcel (with its checkpoints)",
         noted / PARCELS * 1e9);
  printf("%-42s %8.0f ns\n", "take it in: read, sketch, digest",
         made / PARCELS * 1e9);
  home_again(&h);
  start = seconds();
  NEED(sketches_get(h.st, name, &sk, &state, &err) == 0);
  printf("%-42s %8.0f us\n", "a sketch from the disk",
         (seconds() - start) * 1e6);
  start = seconds();
  NEED(sketches_get(h.st, name, &sk, &state, &err) == 0);
  printf("%-42s %8.0f us\n", "a sketch in memory", (seconds() - start) * 1e6);
}

static void bench_handles(void)
{
  enum { N = 1000 };
  static uint8_t digest[N][SET_DIGEST_SIZE];
  struct span name = span_of("big", 3);
  struct sketches_view view;
  struct sync_set set;
  uint64_t cursor = 0;
  int n = 0, got;
  sketches_set(&set, &view, h.st, name, UINT64_MAX);
  while (n < N &&
         (got = set.next(set.host, &cursor, digest + n, 10, &err)) > 0) {
    n += got;
    cursor += 150; /* from all over the log */
  }
  double start = seconds();
  for (int i = 0; i < n; i++) {
    NEED(set.has(set.host, sketch_handle(digest[i]), &err) == 1);
  }
  printf("%-42s %8.1f us\n", "a parcel by its handle",
         (seconds() - start) / n * 1e6);
}

static double tell_states(void)
{
  static struct sketches_state state[PAGE];
  struct buf names = {0}, last = {0};
  int n, all = 0;
  double start = seconds();
  while (buf_clear(&names), (n = sketches_states(h.st, buf_span(&last), &names,
                                                 state, PAGE, &err)) > 0) {
    const char *p = (const char *)names.p;
    for (int i = 1; i < n; i++) {
      p += strlen(p) + 1;
    }
    buf_clear(&last);
    NEED(buf_put(&last, p, strlen(p)) == 0);
    all += n;
  }
  EXPECT(all >= COLLECTIONS);
  buf_free(&names);
  buf_free(&last);
  return seconds() - start;
}

static void bench_states(void)
{
  char name[16];
  for (int i = 0; i < COLLECTIONS; i++) {
    (void)snprintf(name, sizeof name, "c%05d", i);
    log_fill(h.st, name, (uint64_t)i, 5);
  }
  double first = tell_states();
  home_again(&h);
  printf("%-42s %8.1f ms\n", "states of 10,000 collections, at first",
         first * 1e3);
  printf("%-42s %8.1f ms\n", "and later", tell_states() * 1e3);
}

int main(void)
{
  home_new(&h);
  bench_parcels();
  bench_handles();
  bench_states();
  home_end(&h);
  return unit_faults > 0 || unit_done() != 0;
}
