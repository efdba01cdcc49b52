/* SPDX-License-Identifier: 0BSD */
/* Differences of sets are found, all of them and nothing else; what peers make
 * up is found out, or comes to an end. */
#include "sync/peel.h"
#include "form/crypt.h"
#include "sync/setsum.h"

#include "sketch_shelf.h"
#include "unit.h"

static struct sketch ours, theirs;
static struct sketch_part part;
static struct peel out;

/* What their sketch gives from cell part.count on. */
static void take_part(uint32_t to, uint32_t syndromes)
{
  struct buf b = {0};
  NEED(sketch_part_put(&b, &theirs, part.count, to, syndromes) == 0);
  NEED(sketch_part_read(&part, buf_span(&b), NULL) == 0);
  buf_free(&b);
}

/* A host that knows the handles that only we have. */
struct list {
  uint64_t handle[8192];
  size_t n;
};

static int list_has(void *host, uint64_t handle, struct err *e)
{
  const struct list *l = host;
  (void)e;
  for (size_t i = 0; i < l->n; i++) {
    if (l->handle[i] == handle) {
      return 1;
    }
  }
  return 0;
}

static struct list only_ours, only_theirs;
static const struct sync_set list_set = {&only_ours, NULL, list_has};

static void start(void)
{
  memset(&ours, 0, sizeof ours);
  memset(&theirs, 0, sizeof theirs);
  memset(&part, 0, sizeof part);
  only_ours.n = only_theirs.n = 0;
}

static void give(bool to_us, uint64_t handle)
{
  struct list *l = to_us ? &only_ours : &only_theirs;
  NEED(l->n < sizeof l->handle / sizeof *l->handle);
  l->handle[l->n++] = handle;
  sketch_add(to_us ? &ours : &theirs, handle);
}

/* Exactly the difference: each handle found is on its side's list, and there
 * are as many (none comes out twice). */
static bool found_all(void)
{
  for (uint32_t i = 0; i < out.n; i++) {
    if (list_has(out.ours[i] ? &only_ours : &only_theirs, out.handle[i],
                 NULL) == 0) {
      return false;
    }
  }
  return out.n == only_ours.n + only_theirs.n;
}

/* ---- small worlds ---- */

/* With sixteen syndromes and any number of cells: solved at once. Without any,
 * cell by cell: solved before the table ends, and never wrongly. */
static void solve_small(uint32_t syndromes)
{
  static const uint32_t ends[] = {0, 1, 2, 3, 4, 6, 9, 14, 23, 40, 100, 4096};
  int verdict = PEEL_MORE;
  memset(&part, 0, sizeof part);
  if (syndromes > 0) {
    take_part(0, syndromes);
  }
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    if (ends[i] > part.count) {
      take_part(ends[i], 0);
    }
    verdict = peel(&out, &ours, &part, &list_set, NULL);
    EXPECT(verdict == PEEL_DONE || verdict == PEEL_MORE);
    EXPECT(verdict == PEEL_DONE || syndromes < 6);
    EXPECT(verdict == PEEL_MORE || part.count + part.syndromes > 0);
    /* Two syndromes alone take any six for some two. */
    if (verdict == PEEL_DONE && (part.count > 0 || syndromes >= 6)) {
      EXPECT(found_all());
      if (i > 4) {
        break;
      }
    }
  }
  EXPECT_INT(verdict, PEEL_DONE);
}

/* The bits of ${a} and ${b} say which of six parcels each side has. */
static void small_world(unsigned a, unsigned b)
{
  start();
  for (unsigned i = 0; i < 6; i++) {
    uint64_t handle = sketch_handle(shelf_digest(i).b);
    bool in_a = (a >> i & 1) != 0, in_b = (b >> i & 1) != 0;
    if (in_a && in_b) {
      sketch_add(&ours, handle);
      sketch_add(&theirs, handle);
    } else if (in_a || in_b) {
      give(in_a, handle);
    }
  }
}

/* All pairs of sets over six parcels. */
static void test_small_worlds(void)
{
  for (unsigned a = 0; a < 64; a++) {
    for (unsigned b = 0; b < 64; b++) {
      small_world(a, b);
      solve_small(0);
      solve_small(2);
      solve_small(SKETCH_SYNDROMES);
    }
  }
}

/* The same, with each way to cut the answer in two. */
static void test_small_splits(void)
{
  enum { CELLS = 12 };
  for (unsigned pair = 0; pair < 64 * 64; pair++) {
    uint32_t syndromes = pair % 3 == 0 ? SKETCH_SYNDROMES : 0;
    uint32_t first = syndromes > 0 ? 0 : 1, found = 0;
    int want = -1;
    small_world(pair / 64, pair % 64);
    for (uint32_t middle = first; middle <= CELLS; middle++) {
      memset(&part, 0, sizeof part);
      take_part(middle, syndromes);
      if (middle < CELLS) {
        take_part(CELLS, 0);
      }
      int verdict = peel(&out, &ours, &part, &list_set, NULL);
      if (middle == first) {
        want = verdict;
        found = out.n;
      }
      EXPECT(verdict == want && out.n == found);
      EXPECT(verdict != PEEL_DONE || found_all());
    }
    EXPECT(want == PEEL_DONE || (want == PEEL_MORE && syndromes == 0));
  }
}

/* Each way to cut the first 24 cells in two gives the same answer. */
static void test_splits(void)
{
  start();
  for (uint64_t i = 0; i < 30; i++) {
    give(i % 3 == 0, sketch_handle(shelf_digest(i).b));
  }
  for (uint32_t to = 1; to <= 60; to++) {
    int want = -1;
    for (uint32_t middle = 0; middle < to; middle++) {
      memset(&part, 0, sizeof part);
      take_part(middle, SKETCH_SYNDROMES);
      take_part(to, 0);
      int verdict = peel(&out, &ours, &part, &list_set, NULL);
      want = middle == 0 ? verdict : want;
      EXPECT_INT(verdict, want);
      EXPECT(verdict != PEEL_DONE || found_all());
    }
    EXPECT(to < 60 || want == PEEL_DONE);
  }
}

/* ---- larger ones, by the rules of sketch_plan ---- */

/* Returns how many answers it took; 0 when it was too many for a sketch. */
static int reconcile(uint64_t common)
{
  uint8_t digest[HASH_SIZE] = {0};
  struct sketch_hello a, b;
  struct sketch_plan plan = {0, 0};
  int answers = 1, verdict = PEEL_MORE;
  sketch_hello_of(&a, &ours, common + only_ours.n, digest);
  sketch_hello_of(&b, &theirs, common + only_theirs.n, digest);
  if (!sketch_plan(&plan, sketch_estimate(&a, &b))) {
    return 0;
  }
  take_part(plan.cells, plan.syndromes);
  for (;; answers++) {
    verdict = peel(&out, &ours, &part, &list_set, NULL);
    if (verdict != PEEL_MORE || part.count == SKETCH_CELLS) {
      break;
    }
    take_part(sketch_plan_more(part.count), 0);
  }
  EXPECT_INT(verdict, PEEL_DONE);
  EXPECT(found_all());
  EXPECT(out.work < 64 * (uint64_t)out.cells + 8192);
  return answers;
}

static void test_random_differences(void)
{
  uint64_t seed = 1, cells = 0, differ = 0;
  int answers = 0, trials = 0, too_many = 0;
  for (int t = 0; t < 60; t++) {
    uint64_t common = 10000 + (uint64_t)t * 1500;
    uint64_t d = 1 + shelf_random(&seed) % (4000u >> t % 10);
    start();
    for (uint64_t i = 0; i < common; i++) {
      sketch_add(&ours, shelf_random(&seed));
    }
    theirs = ours;
    for (uint64_t i = 0; i < d; i++) {
      give(t % 5 == 0 || (t % 5 < 4 && shelf_random(&seed) % 2 == 0),
           shelf_random(&seed));
    }
    int n = reconcile(common);
    if (n == 0) {
      too_many++;
      EXPECT(d > 2000);
    } else {
      answers += n;
      trials++;
      cells += d > 100 ? part.count : 0;
      differ += d > 100 ? d : 0;
    }
  }
  EXPECT(too_many < 8);
  EXPECT(answers * 10 <= trials * 15); /* 1.2 as a rule */
  EXPECT(cells * 100 <= differ * 140); /* 1.25 as a rule */
  EXPECT(cells * 100 >= differ * 105);
}

/* Thirteen differences and fewer need no cell at all. */
static void test_syndromes_alone(void)
{
  for (uint64_t d = 0; d <= SKETCH_SYNDROMES + 1; d++) {
    start();
    for (uint64_t i = 0; i < d; i++) {
      give(i % 2 == 0, sketch_handle(shelf_digest(900 + i).b));
    }
    take_part(0, SKETCH_SYNDROMES);
    int verdict = peel(&out, &ours, &part, &list_set, NULL);
    EXPECT_INT(verdict, d <= SKETCH_SYNDROMES ? PEEL_DONE : PEEL_MORE);
    EXPECT(verdict != PEEL_DONE || found_all());
  }
}

/* More differ than there are cells: stuck, not wrong. */
static void test_far_too_many(void)
{
  uint64_t seed = 3;
  start();
  for (int i = 0; i < 5000; i++) {
    give(i % 2 == 0, shelf_random(&seed));
  }
  take_part(SKETCH_CELLS, SKETCH_SYNDROMES);
  EXPECT_INT(peel(&out, &ours, &part, &list_set, NULL), PEEL_MORE);
  EXPECT(out.n < 5000);
}

static void test_host_fails(void)
{
  struct shelf shelf = {{0, 0}, {0, 0}, ERR_IO};
  struct sync_set set = shelf_set(&shelf);
  start();
  give(true, 5);
  take_part(0, 4);
  EXPECT_INT(peel(&out, &ours, &part, &set, NULL), ERR_IO);
}

/* ---- attacks ---- */

/* Where the handle is in a table of ${m} cells, if in three different ones. */
static bool three_spots(uint32_t at[3], uint64_t handle, uint32_t m)
{
  struct sketch_spots spots;
  sketch_spots(&spots, handle);
  for (uint32_t i = 0; i < 3; i++) {
    at[i] = sketch_fold_at(spots.cell[i], m);
  }
  return spots.n == 3 && at[0] != at[1] && at[1] != at[2] && at[0] != at[2];
}

static void put_into(uint32_t cell, uint64_t handle)
{
  part.cells.sum[cell] += handle;
  part.cells.check[cell] += sketch_check(handle);
}

/* Two cells that would give handles for ever: x stands alone in one, and taken
 * out of the other, it leaves y, which then stands in the first as something
 * to be taken out the other way, and so on. */
static void test_endless_loop(void)
{
  uint64_t seed = 4;
  uint32_t x_at[3], y_at[3];
  int bad = 0;
  for (int t = 0; t < 200000; t++) {
    uint64_t x = shelf_random(&seed), y = shelf_random(&seed);
    start();
    part.count = 4;
    if (!three_spots(x_at, x, 4) || !three_spots(y_at, y, 4)) {
      continue;
    }
    put_into(x_at[0], x);
    put_into(x_at[1], x);
    put_into(x_at[1], y);
    int verdict = peel(&out, &ours, &part, &list_set, NULL);
    EXPECT(verdict != PEEL_DONE);
    EXPECT(out.n <= 4 && out.work < 5000);
    bad += verdict == PEEL_BAD ? 1 : 0;
  }
  EXPECT(bad > 1000);
}

struct pair {
  uint64_t key, handle;
};

static int by_key(const void *a, const void *b)
{
  const struct pair *x = a, *y = b;
  return x->key < y->key ? -1 : x->key > y->key ? 1 : 0;
}

/* Two different numbers with the same key among ${n}; ${list} is sorted. */
static bool twins(uint64_t found[2], struct pair *list, size_t n)
{
  qsort(list, n, sizeof *list, by_key);
  for (size_t i = 1; i < n; i++) {
    if (list[i].key == list[i - 1].key &&
        list[i].handle != list[i - 1].handle) {
      found[0] = list[i - 1].handle;
      found[1] = list[i].handle;
      return true;
    }
  }
  return false;
}

#define GROUND ((size_t)1 << 19)

/* x + d and y against x and y + d, where the check numbers go along: the first
 * cell says that nothing differs. Whoever grinds ids gets this for all cells
 * that travel. The digest is not taken in. */
static void test_forged_equality(void)
{
  const uint64_t step = UINT64_C(0x123456789abcdef);
  uint64_t found[2] = {0, 0};
  size_t n = 0;
  struct pair *list = malloc(GROUND * sizeof *list);
  NEED(list != NULL);
  for (uint64_t i = 1; n < GROUND; i++) {
    uint64_t x = shelf_mix(i);
    struct sketch_spots low, high;
    sketch_spots(&low, x);
    sketch_spots(&high, x + step);
    if (low.n == 3 && high.n == 3) {
      list[n].handle = x;
      list[n++].key = high.check - low.check;
    }
  }
  NEED(twins(found, list, GROUND));
  free(list);
  start();
  for (int i = 0; i < 2; i++) {
    give(i == 0, found[i]);
    give(i != 0, found[i] + step);
  }
  take_part(1, 0);
  EXPECT_INT(peel(&out, &ours, &part, &list_set, NULL), PEEL_DONE);
  EXPECT_INT(out.n, 0); /* which is why no cell says "equal" */
  /* A single syndrome sees it, and four tell all. */
  memset(&part, 0, sizeof part);
  take_part(1, 1);
  EXPECT_INT(peel(&out, &ours, &part, &list_set, NULL), PEEL_MORE);
  memset(&part, 0, sizeof part);
  take_part(1, 4);
  EXPECT_INT(peel(&out, &ours, &part, &list_set, NULL), PEEL_DONE);
  EXPECT(found_all());
  struct setsum a = {0}, b = {0};
  struct digest da = {{0}}, db = {{0}};
  for (size_t i = 0; i < 2; i++) {
    memcpy(da.b, &only_ours.handle[i], 8);
    memcpy(db.b, &only_theirs.handle[i], 8);
    setsum_add(&a, da.b);
    setsum_add(&b, db.b);
  }
  EXPECT(a.count == b.count && !setsum_equal(&a, &b));
}

/* The three cells of a handle as one number, whatever their order. */
static uint64_t spots_key(uint64_t handle)
{
  struct sketch_spots s;
  sketch_spots(&s, handle);
  uint64_t a = s.cell[0], b = s.cell[1], c = s.cell[2];
  uint64_t low = a < b ? (a < c ? a : c) : (b < c ? b : c);
  uint64_t high = a > b ? (a > c ? a : c) : (b > c ? b : c);
  return s.n == 3 ? low << 24 | (a + b + c - low - high) << 12 | high
                  : UINT64_C(1) << 40 | handle >> 20;
}

/* Two ground handles in the same cells never peel. The syndromes tell them,
 * and so does a sketch under a key. */
static void test_stopping_set(void)
{
  uint8_t key[CRYPT_SALT_SIZE] = {5};
  uint64_t found[2] = {0, 0};
  struct pair *list = malloc(GROUND * sizeof *list);
  NEED(list != NULL);
  for (size_t i = 0; i < GROUND; i++) {
    list[i].handle = shelf_mix(i + 77);
    list[i].key = spots_key(list[i].handle);
  }
  NEED(twins(found, list, GROUND));
  free(list);
  start();
  give(false, found[0]);
  give(false, found[1]);
  for (uint32_t m = 1; m <= SKETCH_CELLS; m *= 2) {
    take_part(m, 0);
    EXPECT_INT(peel(&out, &ours, &part, &list_set, NULL), PEEL_MORE);
  }
  memset(&part, 0, sizeof part);
  take_part(100, SKETCH_SYNDROMES);
  EXPECT_INT(peel(&out, &ours, &part, &list_set, NULL), PEEL_DONE);
  EXPECT(found_all());
  start();
  for (size_t i = 0; i < 2; i++) {
    struct digest d = {{0}};
    memcpy(d.b, &found[i], 8);
    give(false, sketch_keyed_handle(key, d.b));
  }
  take_part(100, 0);
  EXPECT_INT(peel(&out, &ours, &part, &list_set, NULL), PEEL_DONE);
  EXPECT(found_all());
}

/* Handles of one slot make the list of found ones slow, to a bound. */
static void test_crowded(void)
{
  uint64_t seed = 6;
  start();
  for (int i = 0; i < 1000;) {
    uint64_t handle = shelf_random(&seed);
    if ((sketch_check(handle) & (PEEL_SLOTS - 1)) < 4) {
      give(false, handle);
      i++;
    }
  }
  take_part(SKETCH_CELLS, SKETCH_SYNDROMES);
  int verdict = peel(&out, &ours, &part, &list_set, NULL);
  EXPECT(verdict == PEEL_BAD || (verdict == PEEL_DONE && found_all()));
  EXPECT(out.work <= 64 * (uint64_t)SKETCH_CELLS + 4096 + PEEL_SLOTS + 64);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_small_worlds);
  RUN(test_small_splits);
  RUN(test_splits);
  RUN(test_random_differences);
  RUN(test_syndromes_alone);
  RUN(test_far_too_many);
  RUN(test_host_fails);
  RUN(test_endless_loop);
  RUN(test_forged_equality);
  RUN(test_stopping_set);
  RUN(test_crowded);
  return unit_done();
}
