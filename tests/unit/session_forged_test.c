/* SPDX-License-Identifier: 0BSD */
/* Ids that somebody ground until sketches tell lies about them: a session
 * finds out what differs all the same, by the digest and under a key that
 * nobody could foresee. */
#include "session_host.h"

#define COMMON 6000u /* so many that no list is sent */
#define GROUND ((size_t)2000000)
#define TWINS 40u /* far more than the syndromes tell */

static struct pair p;

static void both_have(uint64_t n)
{
  memset(&p, 0, sizeof p);
  p.host[0].wish[0] = p.host[1].wish[0] = "c";
  p.seed = 7;
  host_add(&p.host[0], "c", 0, n);
  host_add(&p.host[1], "c", 0, n);
}

/* A digest whose handle is ${handle}; ${salt} tells it from others of that. */
static struct digest ground(uint64_t handle, uint64_t salt)
{
  struct digest d = shelf_digest(salt);
  wire_put(d.b, handle, 8);
  NEED(sketch_handle(d.b) == handle);
  return d;
}

static void give(int end, struct digest d)
{
  host_put(host_set_of(&p.host[end], span_of("c", 1)), d);
}

static void expect_synced(uint64_t fallbacks)
{
  EXPECT(pair_sync(&p));
  EXPECT(pair_equal(&p));
  EXPECT_INT(host_status(p.s[0]).fallbacks, fallbacks);
  pair_end(&p);
  pair_free(&p);
}

/* Each has a parcel that the other lacks, and their handles are the same: all
 * sums say that nothing differs. */
static void test_equal_handles(void)
{
  for (int others = 0; others < 2; others++) {
    for (uint64_t n = 1; n <= 3; n++) {
      both_have(COMMON);
      for (uint64_t i = 0; i < n; i++) {
        give(0, ground(shelf_mix(900 + i), 1));
        give(1, ground(shelf_mix(900 + i), 2));
      }
      if (others) { /* some that sketches do tell, on top of it */
        host_add(&p.host[0], "c", COMMON, COMMON + 5);
        host_add(&p.host[1], "c", COMMON + 5, COMMON + 12);
      }
      expect_synced(1);
    }
  }
}

/* One station holds two of the same handle, the other none or one of them. */
static void test_doubled_handle(void)
{
  for (int has = 0; has < 2; has++) {
    both_have(COMMON);
    give(0, ground(shelf_mix(900), 1));
    give(0, ground(shelf_mix(900), 2));
    if (has) {
      give(1, ground(shelf_mix(900), 2));
    }
    EXPECT(pair_sync(&p));
    EXPECT(pair_equal(&p));
    pair_end(&p);
    pair_free(&p);
  }
}

struct stand {
  uint64_t cells, handle;
};

static int by_cells(const void *a, const void *b)
{
  const struct stand *x = a, *y = b;
  return x->cells < y->cells ? -1 : x->cells > y->cells;
}

/* The three cells of a handle as one number, whatever their order; 0: it
 * stands in more than three. */
static uint64_t cells_of(uint64_t handle)
{
  struct sketch_spots s;
  sketch_spots(&s, handle);
  if (s.n != 3) {
    return 0;
  }
  uint64_t a = s.cell[0], b = s.cell[1], c = s.cell[2];
  uint64_t low = a < b ? (a < c ? a : c) : (b < c ? b : c);
  uint64_t high = a > b ? (a > c ? a : c) : (b > c ? b : c);
  return low << 24 | (a + b + c - low - high) << 12 | high;
}

/* Pairs of handles that stand in the same cells: no table of any size can be
 * peeled that holds a pair. */
static size_t grind(uint64_t (*twin)[2], size_t want)
{
  struct stand *list = malloc(GROUND * sizeof *list);
  size_t found = 0;
  NEED(list != NULL);
  for (size_t i = 0; i < GROUND; i++) {
    list[i].handle = shelf_mix(i + 77);
    list[i].cells = cells_of(list[i].handle);
  }
  qsort(list, GROUND, sizeof *list, by_cells);
  for (size_t i = 1; i < GROUND && found < want; i++) {
    if (list[i].cells != 0 && list[i].cells == list[i - 1].cells) {
      twin[found][0] = list[i - 1].handle;
      twin[found++][1] = list[i++].handle;
    }
  }
  free(list);
  return found;
}

/* Twins on one side, or one of each pair on either: neither peeling nor the
 * syndromes tell so many. A sketch under a key does. */
static void test_stopping_sets(void)
{
  static uint64_t twin[TWINS][2];
  NEED(grind(twin, TWINS) == TWINS);
  for (int split = 0; split < 2; split++) {
    both_have(COMMON);
    for (uint64_t i = 0; i < TWINS; i++) {
      give(0, ground(twin[i][0], 1));
      give(split, ground(twin[i][1], 1));
    }
    expect_synced(1);
  }
  both_have(COMMON); /* as many that nobody ground need no second try */
  host_add(&p.host[0], "c", COMMON, COMMON + 2 * TWINS);
  expect_synced(0);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_equal_handles);
  RUN(test_doubled_handle);
  RUN(test_stopping_sets);
  return unit_done();
}
