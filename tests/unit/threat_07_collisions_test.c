/* SPDX-License-Identifier: 0BSD */
/* Threat 7: parcels ground so that the ids in a sketch collide. The first 8
 * bytes of two digests are the same, so that a sketch holds them as one; the
 * set's digest tells, and ids under a fresh key tell them apart. */
#include "session_host.h"

#define PAIRS 1000

/* Like shelf_digest(i), but for the rest after its handle. */
static struct digest twin(uint64_t i)
{
  struct digest d = shelf_digest(i);
  for (size_t k = 8; k < sizeof d.b; k++) {
    d.b[k] ^= 0xff;
  }
  return d;
}

static bool same_set(struct host *a, struct host *b, size_t want)
{
  const struct host_set *x = host_set_of(a, span_of("c", 1));
  const struct host_set *y = host_set_of(b, span_of("c", 1));
  EXPECT_INT(x->n, want);
  EXPECT_INT(y->n, want);
  return x->n == want && setsum_equal(&x->sum, &y->sum);
}

static struct pair *begin(uint64_t both, uint64_t seed)
{
  struct pair *p = calloc(1, sizeof *p);
  NEED(p != NULL);
  p->seed = seed;
  for (int i = 0; i < 2; i++) {
    p->host[i].wish[0] = "*";
    host_add(&p->host[i], "c", 0, both);
  }
  return p;
}

static void end(struct pair *p, size_t want)
{
  EXPECT(pair_sync(p));
  EXPECT(same_set(&p->host[0], &p->host[1], want));
  pair_free(p);
  free(p);
}

static void put(struct host *h, struct digest d)
{
  host_put(host_set_of(h, span_of("c", 1)), d);
}

/* One has x, the other its twin: in a sketch nothing differs. */
static void test_twins_apart(void)
{
  static const uint64_t both[] = {0, 100, 3500};
  static const size_t pairs[] = {1, 17, PAIRS};
  for (size_t i = 0; i < 9; i++) {
    struct pair *p = begin(both[i / 3], i + 1);
    for (uint64_t k = 0; k < pairs[i % 3]; k++) {
      put(&p->host[0], shelf_digest(50000 + k));
      put(&p->host[1], twin(50000 + k));
    }
    end(p, both[i / 3] + 2 * pairs[i % 3]);
  }
}

/* One has both of a pair, the other one or none: cells and counts of a sketch
 * hold them twice. */
static void test_twins_together(void)
{
  for (size_t ones = 0; ones <= PAIRS; ones += PAIRS / 2) {
    struct pair *p = begin(1000, 20 + ones);
    for (uint64_t k = 0; k < PAIRS; k++) {
      put(&p->host[0], shelf_digest(50000 + k));
      put(&p->host[0], twin(50000 + k));
      if (k < ones) {
        put(&p->host[1], twin(50000 + k));
      }
    }
    end(p, 1000 + 2 * PAIRS);
  }
}

/* Many under one handle. */
static void test_one_handle(void)
{
  struct pair *p = begin(500, 7);
  for (uint64_t k = 0; k < 200; k++) {
    struct digest d = shelf_digest(50000);
    d.b[31] = (uint8_t)k;
    put(&p->host[k % 2], d);
  }
  end(p, 700);
}

int main(void)
{
  RUN(test_twins_apart);
  RUN(test_twins_together);
  RUN(test_one_handle);
  return unit_done();
}
