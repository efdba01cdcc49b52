/* SPDX-License-Identifier: 0BSD */
/* What does it cost two sets of a million parcels to find out how they differ,
 * when nobody knows by how much? Bytes of both ways, round trips, CPU of both
 * sides; the mean of many differences. And: what does a parcel cost? */
#include "sets.h"

#include "base/limits.h"
#include "sync/peel.h"
#include "sync/setsum.h"

#define SET_SIZE 1000000u
#define DIFFER_MAX 10000u
#define ASK_SIZE 4u /* "cells up to": what asking for more costs */
#define ANSWER_HELLO (8 + HASH_SIZE) /* the counters go one way */

/* ---- sides ---- */

struct side {
  struct sketch sketch;
  struct setsum sum;
  digest own[DIFFER_MAX]; /* beside what both have */
  size_t n;
};

/* The common parcels and one side's own, as the scan sees them. */
struct host {
  digest *common;
  size_t count;
  const struct side *side;
};

static int host_next(void *host, uint64_t *cursor, digest *out, size_t max,
                     struct err *e)
{
  const struct host *h = host;
  size_t n = 0;
  (void)e;
  for (; n < max && *cursor < h->count + h->side->n; n++, (*cursor)++) {
    size_t at = (size_t)*cursor;
    memcpy(out[n], at < h->count ? h->common[at] : h->side->own[at - h->count],
           SET_DIGEST_SIZE);
  }
  return (int)n;
}

/* Handles of the common parcels are not asked for: the syndromes show only
 * what differs. */
static int host_has(void *host, uint64_t handle, struct err *e)
{
  const struct host *h = host;
  (void)e;
  for (size_t i = 0; i < h->side->n; i++) {
    if (sketch_handle(h->side->own[i]) == handle) {
      return 1;
    }
  }
  return 0;
}

/* ---- what a parcel costs ---- */

static void bench_parcels(digest *all, struct side *s)
{
  static struct sketch keyed[4];
  struct host host = {all, SET_SIZE, s};
  const struct sync_set set = {&host, host_next, host_has};
  struct sketch_scan scan = {{1, 2, 3}, true, true, 2, keyed, NULL, 0};
  struct buf rest = {0};
  double start = seconds();
  for (size_t i = 0; i < SET_SIZE; i++) {
    sketch_add(&s->sketch, sketch_handle(all[i]));
  }
  printf("sketch_add                  %7.1f ns\n",
         (seconds() - start) * 1e9 / SET_SIZE);
  start = seconds();
  for (size_t i = 0; i < SET_SIZE; i++) {
    setsum_add(&s->sum, all[i]);
  }
  printf("setsum_add                  %7.1f ns\n",
         (seconds() - start) * 1e9 / SET_SIZE);
  start = seconds();
  while (sketch_scan_step(&scan, &set, NULL) > 0) {
  }
  printf("keyed scan, in 4 parts      %7.1f ns\n",
         (seconds() - start) * 1e9 / SET_SIZE);
  struct sketch_rest r = {&s->sketch, &s->sum, 1};
  start = seconds();
  NEED(sketch_rest_put(&rest, &r) == 0);
  double wrote = seconds();
  NEED(sketch_rest_read(&r, buf_span(&rest), NULL) == 0);
  printf("at rest: %zu bytes, written in %.0f us, read in %.0f us\n\n", rest.n,
         (wrote - start) * 1e6, (seconds() - wrote) * 1e6);
  buf_free(&rest);
}

/* ---- one reconciliation ---- */

struct cost {
  double bytes, trips, answer_s, work_s;
};

static struct peel work;
static struct sketch_part part;

/* ${a} asks, ${b} answers until ${a} knows; ${plan} is the first answer. */
static uint32_t exchange(struct cost *c, const struct side *a,
                         const struct sketch *sketches[2],
                         struct sketch_plan plan)
{
  struct host host = {NULL, 0, a};
  const struct sync_set set = {&host, host_next, host_has};
  uint32_t from = 0, to = plan.cells, syndromes = plan.syndromes;
  int verdict = PEEL_MORE;
  memset(&part, 0, sizeof part);
  while (verdict == PEEL_MORE) {
    struct buf wire = {0};
    double start = seconds();
    NEED(sketch_part_put(&wire, sketches[1], from, to, syndromes) == 0);
    double put = seconds();
    NEED(sketch_part_read(&part, buf_span(&wire), NULL) == 0);
    verdict = peel(&work, sketches[0], &part, &set, NULL);
    c->work_s += seconds() - put;
    c->answer_s += put - start;
    c->bytes += (double)wire.n;
    buf_free(&wire);
    from = to;
    to = sketch_plan_more(to);
    syndromes = 0;
    if (verdict == PEEL_MORE) {
      NEED(from < to);
      c->trips += 1;
      c->bytes += ASK_SIZE;
    }
  }
  NEED(verdict == PEEL_DONE);
  return work.n;
}

static void hello(struct buf *out, const struct side *s)
{
  struct sketch_hello h;
  uint8_t sum[HASH_SIZE];
  NEED(setsum_digest(sum, &s->sum) == 0);
  sketch_hello_of(&h, &s->sketch, s->sum.count, sum);
  NEED(sketch_hello_put(out, &h) == 0);
}

/* More than one sketch tells: keyed ones in parts, made on the spot. */
static uint32_t exchange_parts(struct cost *c, const struct side *a,
                               const struct side *b, digest *common,
                               uint64_t differ)
{
  const struct side *sides[2] = {a, b};
  struct sketch *all[2] = {NULL, NULL};
  struct sketch_plan plan = {0, 0};
  uint32_t found = 0, bits = 0;
  NEED(sketch_plan_parts(&bits, differ));
  for (int i = 0; i < 2; i++) {
    struct host host = {common, SET_SIZE, sides[i]};
    const struct sync_set set = {&host, host_next, host_has};
    struct sketch_scan scan = {{9}, true, true, bits, NULL, NULL, 0};
    all[i] = calloc((size_t)1 << bits, sizeof **all);
    NEED(all[i] != NULL);
    scan.sketch = all[i];
    while (sketch_scan_step(&scan, &set, NULL) > 0) {
    }
  }
  NEED(sketch_plan(&plan, differ >> bits));
  plan.syndromes = 0;
  double trips = c->trips, most = 0;
  for (size_t i = 0; i < (size_t)1 << bits; i++) {
    const struct sketch *pair[2] = {&all[0][i], &all[1][i]};
    c->trips = 0;
    found += exchange(c, a, pair, plan);
    most = c->trips > most ? c->trips : most;
  }
  c->trips = trips + most; /* the parts travel side by side */
  free(all[0]);
  free(all[1]);
  return found;
}

static void run(struct cost *c, const struct side *a, const struct side *b,
                digest *common)
{
  struct buf wire = {0};
  struct sketch_hello ha, hb;
  struct sketch_plan plan;
  double start = seconds();
  hello(&wire, a);
  NEED(sketch_hello_read(&ha, buf_span(&wire), NULL) == 0);
  buf_clear(&wire);
  hello(&wire, b);
  NEED(sketch_hello_read(&hb, buf_span(&wire), NULL) == 0);
  uint64_t differ = sketch_estimate(&ha, &hb);
  c->answer_s += seconds() - start;
  c->trips += 1;
  c->bytes += SKETCH_HELLO_SIZE + ANSWER_HELLO;
  buf_free(&wire);
  uint32_t found = 0;
  if (sketch_plan(&plan, differ)) {
    const struct sketch *pair[2] = {&a->sketch, &b->sketch};
    found = exchange(c, a, pair, plan);
  } else {
    c->trips += 1; /* the key is agreed on first */
    found = exchange_parts(c, a, b, common, differ);
  }
  NEED(found == a->n + b->n);
}

static struct side side[2];

static void bench_differ(const struct side *base, digest *common, size_t differ,
                         int trials)
{
  struct cost c = {0};
  for (int t = 0; t < trials; t++) {
    for (size_t i = 0; i < 2; i++) {
      side[i] = *base;
      side[i].n = i == 0 ? differ / 2 : differ - differ / 2;
      fill(side[i].own, side[i].n);
      for (size_t k = 0; k < side[i].n; k++) {
        sketch_add(&side[i].sketch, sketch_handle(side[i].own[k]));
        setsum_add(&side[i].sum, side[i].own[k]);
      }
    }
    run(&c, &side[0], &side[1], common);
  }
  printf("%9zu %11.0f %8.1f %10.2f %9.0f %8.0f\n", differ, c.bytes / trials,
         c.bytes / trials / (double)differ, c.trips / trials,
         c.answer_s / trials * 1e6, c.work_s / trials * 1e6);
}

int main(void)
{
  static struct side base;
  digest *common = malloc(SET_SIZE * sizeof *common);
  NEED(common != NULL && crypt_start(NULL) == 0);
  fill(common, SET_SIZE);
  bench_parcels(common, &base);
  printf("%9s %11s %8s %10s %9s %8s\n", "differ", "bytes", "each", "trips",
         "answer us", "solve us");
  bench_differ(&base, common, 1, 1000);
  bench_differ(&base, common, 10, 1000);
  bench_differ(&base, common, 100, 500);
  bench_differ(&base, common, 1000, 300);
  bench_differ(&base, common, 3000, 100);
  bench_differ(&base, common, 10000, 3);
  free(common);
  return 0;
}
