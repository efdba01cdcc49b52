/* SPDX-License-Identifier: 0BSD */
/* A million sketches that somebody made up (HOSTILE_SKETCHES says how many):
 * each comes to an end, within 50 ms of CPU; a handle comes out once; and what
 * is called done accounts for every byte that came. */
#include "base/limits.h"
#include "form/crypt.h"
#include "sync/gf64.h"
#include "sync/peel.h"

#include "sketch_shelf.h"
#include "unit.h"

#include <time.h>

#if defined(__SANITIZE_ADDRESS__)
#define ROUNDS 200000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ROUNDS 200000
#endif
#endif
#ifndef ROUNDS
#define ROUNDS 1000000
#endif

#define SECONDS_MAX 0.05

_Static_assert(sizeof(struct peel) + sizeof(struct sketch_part) +
                       sizeof(struct sketch) <
                   1024 * 1024,
               "all that a peer's sketch takes is under 1 MiB");

static struct sketch ours;
static struct sketch_part part;
static struct peel out;
static uint64_t seed = 1;

static struct shelf shelf = {{0, 40}, {0, 0}, 0};

/* One of ours, a new one, or one of a few that come again and again. */
static uint64_t some_handle(void)
{
  uint64_t v = shelf_random(&seed);
  switch (v % 3) {
  case 0:
    return sketch_handle(shelf_digest(v / 3 % 40).b);
  case 1:
    return 1 + v / 3 % 7;
  default:
    return shelf_random(&seed) | 1;
  }
}

static void put_handle(uint64_t handle, bool whole)
{
  struct sketch_spots spots;
  uint64_t sign = shelf_random(&seed) % 2 == 0 ? 1 : UINT64_MAX;
  sketch_spots(&spots, handle);
  for (uint32_t i = 0; i < spots.n && part.count > 0; i++) {
    uint32_t at = sketch_fold_at(spots.cell[i], part.count);
    if (whole || shelf_random(&seed) % 4 != 0) {
      part.cells.sum[at] += handle * sign;
      part.cells.check[at] += spots.check * (uint32_t)sign;
    }
  }
  if (whole || shelf_random(&seed) % 4 != 0) {
    gf64_add_odd_powers(part.syndrome, part.syndromes, handle);
  }
}

/* Begins as our own, so that what is put in is the difference. */
static void begin_part(void)
{
  uint64_t v = shelf_random(&seed);
  static struct sketch_cells folded;
  part.count = (uint32_t)(v >> 8 & (v % 64 == 0 ? 4095 : 63));
  part.syndromes = v % 8 == 0 ? (uint32_t)(v >> 40) % 17 : 0;
  part.begun = true;
  memcpy(part.syndrome, ours.syndrome, sizeof part.syndrome);
  folded = ours.cells;
  if (part.count > 0) {
    sketch_fold(&folded, part.count);
  }
  memcpy(part.cells.sum, folded.sum, part.count * sizeof *folded.sum);
  memcpy(part.cells.check, folded.check, part.count * sizeof *folded.check);
}

static void make_up(void)
{
  uint64_t v = 0;
  begin_part();
  v = shelf_random(&seed);
  uint64_t handles = v % (part.count + 8);
  for (uint64_t i = 0; i < handles; i++) {
    put_handle(some_handle(), v >> 32 & 1);
  }
  for (uint64_t i = v >> 40 & 7; i > 5 && part.count > 0; i--) {
    part.cells.sum[shelf_random(&seed) % part.count] = shelf_random(&seed);
  }
  if ((v >> 48 & 15) == 0 && part.syndromes > 0) {
    part.syndrome[v >> 56 & 15] ^= shelf_random(&seed);
  }
}

static int by_number(const void *a, const void *b)
{
  const uint64_t *x = a, *y = b;
  return *x < *y ? -1 : *x > *y ? 1 : 0;
}

static void expect_once(void)
{
  static uint64_t sorted[PEEL_HANDLES_MAX];
  NEED(out.n <= part.count + part.syndromes);
  memcpy(sorted, out.handle, out.n * sizeof *sorted);
  qsort(sorted, out.n, sizeof *sorted, by_number);
  for (uint32_t i = 0; i < out.n; i++) {
    NEED(sorted[i] != 0 && (i == 0 || sorted[i] != sorted[i - 1]));
  }
}

/* Ours, with what was found put in and taken out, is theirs to the bit. */
static void expect_explained(void)
{
  static struct sketch s;
  s = ours;
  for (uint32_t i = 0; i < out.n; i++) {
    if (out.ours[i]) {
      sketch_remove(&s, out.handle[i]);
    } else {
      sketch_add(&s, out.handle[i]);
    }
  }
  if (part.count > 0) {
    sketch_fold(&s.cells, part.count);
  }
  for (uint32_t i = 0; i < part.count; i++) {
    NEED(s.cells.sum[i] == part.cells.sum[i]);
    NEED(s.cells.check[i] == part.cells.check[i]);
  }
  for (uint32_t i = 0; i < part.syndromes; i++) {
    NEED(s.syndrome[i] == part.syndrome[i]);
  }
}

static double cpu_seconds(void)
{
  struct timespec t;
  NEED(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_hostile(void)
{
  const char *text = getenv("HOSTILE_SKETCHES");
  long rounds = text != NULL ? strtol(text, NULL, 10) : ROUNDS;
  long verdicts[3] = {0};
  double most = 0;
  struct sync_set set = shelf_set(&shelf);
  NEED(rounds > 0);
  for (uint64_t i = 0; i < 40; i++) {
    sketch_add(&ours, sketch_handle(shelf_digest(i).b));
  }
  for (long i = 0; i < rounds; i++) {
    make_up();
    double start = cpu_seconds();
    int verdict = peel(&out, &ours, &part, &set, NULL);
    double took = cpu_seconds() - start;
    most = took > most ? took : most;
    NEED(verdict >= PEEL_DONE && verdict <= PEEL_BAD);
    verdicts[verdict]++;
    expect_once();
    if (verdict == PEEL_DONE) {
      expect_explained();
    }
  }
  EXPECT(most < SECONDS_MAX);
  for (int i = 0; i < 3; i++) {
    EXPECT(verdicts[i] > rounds / 1000);
  }
  printf(
      "  %ld hostile sketches: %ld done, %ld more, %ld bad; %.2f ms at most\n",
      rounds, verdicts[0], verdicts[1], verdicts[2], most * 1e3);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_hostile);
  return unit_done();
}
