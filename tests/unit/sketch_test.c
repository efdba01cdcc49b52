/* SPDX-License-Identifier: 0BSD */
#include "sync/sketch.h"
#include "form/crypt.h"
#include "sync/gf64.h"
#include "sync/setsum.h"

#include "sketch_shelf.h"
#include "sweep.h"

static struct sketch one, two, three;
static struct sketch_part part;

static void add_numbers(struct sketch *s, uint64_t from, uint64_t to)
{
  memset(s, 0, sizeof *s);
  for (uint64_t i = from; i < to; i++) {
    sketch_add(s, sketch_handle(shelf_digest(i).b));
  }
}

static bool same(const struct sketch *a, const struct sketch *b)
{
  return memcmp(a->cells.sum, b->cells.sum, sizeof a->cells.sum) == 0 &&
         memcmp(a->cells.check, b->cells.check, sizeof a->cells.check) == 0 &&
         memcmp(a->syndrome, b->syndrome, sizeof a->syndrome) == 0 &&
         memcmp(a->counter, b->counter, sizeof a->counter) == 0;
}

/* ---- handles ---- */

static void test_handles(void)
{
  uint8_t digest[SET_DIGEST_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  uint8_t key[CRYPT_SALT_SIZE] = {1};
  EXPECT(sketch_handle(digest) == UINT64_C(0x0102030405060708));
  EXPECT(sketch_keyed_handle(key, digest) ==
         crypt_short(key, digest, sizeof digest));
  memset(digest, 0, 8);
  EXPECT(sketch_handle(digest) == 1);
}

/* FORMAT.md's rule, said in the plainest way. */
static uint64_t plain_word(uint64_t handle, uint64_t k)
{
  return shelf_mix(handle + (k + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

static uint32_t plain_spots(uint16_t *cells, uint64_t handle)
{
  bool many = plain_word(handle, 1) >> 36 < 40265318;
  for (uint32_t i = 0; i < (many ? 16 : 3); i++) {
    uint64_t word = plain_word(handle, i < 3 ? 1 : 2 + (i - 3) / 5);
    cells[i] = (uint16_t)(word >> 12 * (i < 3 ? i : (i - 3) % 5) & 4095);
  }
  return many ? 16 : 3;
}

static void test_spots(void)
{
  uint64_t seed = 1;
  int many = 0;
  for (int t = 0; t < 20000; t++) {
    uint64_t handle = shelf_random(&seed);
    uint16_t cells[16];
    struct sketch_spots spots;
    sketch_spots(&spots, handle);
    EXPECT(spots.n == plain_spots(cells, handle));
    EXPECT(memcmp(spots.cell, cells, spots.n * sizeof *cells) == 0);
    EXPECT(spots.check == plain_word(handle, 0) >> 32);
    EXPECT(spots.check == sketch_check(handle));
    many += spots.n == 16 ? 1 : 0;
  }
  EXPECT(many > 2800 && many < 3200);
}

/* ---- sums ---- */

static void test_one_handle(void)
{
  uint64_t handle = UINT64_C(0x0102030405060708), sums[SKETCH_SYNDROMES] = {0};
  struct sketch_spots spots;
  memset(&one, 0, sizeof one);
  memset(&two, 0, sizeof two);
  sketch_add(&one, handle);
  sketch_spots(&spots, handle);
  for (uint32_t i = 0; i < spots.n; i++) {
    two.cells.sum[spots.cell[i]] += handle;
    two.cells.check[spots.cell[i]] += spots.check;
  }
  gf64_add_odd_powers(two.syndrome, SKETCH_SYNDROMES, handle);
  uint64_t word = plain_word(handle, 0);
  two.counter[word & 127] = (word & 128) != 0 ? 1 : 255;
  EXPECT(same(&one, &two));
  EXPECT(memcmp(one.syndrome, sums, sizeof sums) != 0);
  memset(&two, 0, sizeof two);
  sketch_remove(&one, handle);
  EXPECT(same(&one, &two));
}

static void test_linear(void)
{
  add_numbers(&one, 0, 700);
  add_numbers(&two, 700, 1000);
  add_numbers(&three, 0, 1000);
  sketch_merge(&one, &two);
  EXPECT(same(&one, &three));
  sketch_subtract(&one, &two);
  for (uint64_t i = 700; i < 1000; i++) {
    sketch_remove(&three, sketch_handle(shelf_digest(i).b));
  }
  EXPECT(same(&one, &three));
  static struct sketch_cells cells;
  for (uint64_t i = 0; i < 700; i++) {
    sketch_add_cells(&cells, sketch_handle(shelf_digest(i).b));
  }
  EXPECT(memcmp(cells.sum, one.cells.sum, sizeof cells.sum) == 0);
  EXPECT(memcmp(cells.check, one.cells.check, sizeof cells.check) == 0);
}

/* ---- folding ---- */

/* Each size is what adding every handle at its folded spots gives. */
static void test_fold(void)
{
  static const uint32_t sizes[] = {1,    2,    3,    4,    5,   7,    8,
                                   9,    100,  127,  128,  129, 1000, 2047,
                                   2048, 2049, 3000, 4095, 4096};
  add_numbers(&one, 0, 300);
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    static struct sketch_cells want, got;
    uint32_t m = sizes[k];
    memset(&want, 0, sizeof want);
    for (uint64_t i = 0; i < 300; i++) {
      struct sketch_spots spots;
      uint64_t handle = sketch_handle(shelf_digest(i).b);
      sketch_spots(&spots, handle);
      for (uint32_t s = 0; s < spots.n; s++) {
        uint32_t at = sketch_fold_at(spots.cell[s], m);
        NEED(at < m);
        want.sum[at] += handle;
        want.check[at] += spots.check;
      }
    }
    got = one.cells;
    sketch_fold(&got, m);
    EXPECT(memcmp(got.sum, want.sum, m * sizeof *want.sum) == 0);
    EXPECT(memcmp(got.check, want.check, m * sizeof *want.check) == 0);
  }
}

/* Linear hashing: a further cell parts one cell and leaves the others. */
static void test_fold_grows(void)
{
  for (uint32_t m = 1; m < SKETCH_CELLS; m++) {
    uint32_t moved = SKETCH_CELLS;
    for (uint32_t i = 0; i < SKETCH_CELLS; i++) {
      uint32_t was = sketch_fold_at(i, m), is = sketch_fold_at(i, m + 1);
      if (was != is) {
        EXPECT_INT(is, m);
        EXPECT(moved == SKETCH_CELLS || moved == was);
        moved = was;
      }
    }
    EXPECT(moved < m);
  }
}

/* ---- the wire ---- */

/* The parts that end at ${ends}, each put and read. */
static void send(struct sketch_part *p, const struct sketch *s,
                 const uint32_t *ends, size_t n)
{
  uint32_t from = 0;
  memset(p, 0, sizeof *p);
  for (size_t i = 0; i < n; i++) {
    struct buf b = {0};
    uint32_t syndromes = i == 0 ? SKETCH_SYNDROMES : 0;
    NEED(sketch_part_put(&b, s, from, ends[i], syndromes) == 0);
    EXPECT_INT(b.n, 5 + 8 * syndromes + 12 * (ends[i] - from));
    EXPECT_INT(sketch_part_read(p, buf_span(&b), NULL), 0);
    from = ends[i];
    buf_free(&b);
  }
}

static void expect_whole(const struct sketch_part *p, const struct sketch *s)
{
  static struct sketch_cells want;
  want = s->cells;
  sketch_fold(&want, p->count);
  EXPECT(memcmp(p->syndrome, s->syndrome, sizeof s->syndrome) == 0);
  EXPECT(memcmp(p->cells.sum, want.sum, p->count * sizeof *want.sum) == 0);
  EXPECT(memcmp(p->cells.check, want.check, p->count * sizeof *want.check) ==
         0);
}

static void test_splits(void)
{
  add_numbers(&one, 0, 500);
  for (uint32_t a = 0; a < 40; a++) {
    for (uint32_t b = a + 1; b <= 40; b++) {
      const uint32_t ends[] = {a, b};
      send(&part, &one, ends, 2);
      EXPECT_INT(part.count, b);
      expect_whole(&part, &one);
    }
  }
  static const uint32_t large[] = {0, 1, 2, 3, 1023, 1024, 1025, 4095, 4096};
  for (size_t n = 1; n <= sizeof large / sizeof *large; n++) {
    send(&part, &one, large, n);
    expect_whole(&part, &one);
  }
  EXPECT(memcmp(part.cells.sum, one.cells.sum, sizeof one.cells.sum) == 0);
}

/* FORMAT.md's example, made by another program: the parcels "a", "b" and "c",
 * two syndromes and five cells. */
static void test_example(void)
{
  static const char want[] = "0000000502dac9450763729e62ade154b49635bb0c"
                             "a5a9bf855af0b5e286577b2a6ca11419a989d42ccad96eeb"
                             "c3ac2e293d87f67603c10e1c2e7d2c03a9507ae2953999d6"
                             "755c7d4273deeb40b7bcfe23";
  char hex[sizeof want] = "";
  struct buf b = {0};
  memset(&one, 0, sizeof one);
  for (size_t i = 0; i < 3; i++) {
    uint8_t digest[HASH_SIZE];
    NEED(hash_sha256(digest, &"abc"[i], 1) == 0);
    sketch_add(&one, sketch_handle(digest));
  }
  NEED(sketch_part_put(&b, &one, 0, 5, 2) == 0);
  NEED(2 * b.n + 1 == sizeof want);
  for (size_t i = 0; i < b.n; i++) {
    snprintf(hex + 2 * i, 3, "%02x", b.p[i]);
  }
  EXPECT_TEXT(hex, want);
  EXPECT_INT(one.counter[45], 1);
  EXPECT_INT(one.counter[90], 1);
  EXPECT_INT(one.counter[124], 1);
  buf_free(&b);
}

static int parse_first(struct span s)
{
  memset(&part, 0, sizeof part);
  return sketch_part_read(&part, s, NULL);
}

static int parse_later(struct span s)
{
  static const uint32_t ends[] = {3};
  send(&part, &one, ends, 1);
  return sketch_part_read(&part, s, NULL);
}

static int parse_hello(struct span s)
{
  struct sketch_hello h;
  return sketch_hello_read(&h, s, NULL);
}

static void test_damage(void)
{
  struct buf b = {0}, again = {0};
  add_numbers(&one, 0, 500);
  NEED(sketch_part_put(&b, &one, 0, 5, 16) == 0);
  EXPECT_INT(sweep_cuts(buf_span(&b), parse_first), 0);
  /* Only the head can be wrong; the rest is numbers. */
  EXPECT_INT(sweep_flips(buf_span(&b), parse_first), 8 * (b.n - 5));
  NEED(parse_first(buf_span(&b)) == 0);
  NEED(sketch_part_put(&again, &one, 3, 5, 0) == 0);
  EXPECT_INT(sweep_cuts(buf_span(&again), parse_later), 0);
  EXPECT_INT(sweep_flips(buf_span(&again), parse_later), 8 * (again.n - 5));
  NEED(buf_byte(&again, 0) == 0);
  EXPECT_INT(parse_later(buf_span(&again)), ERR_INVALID);
  buf_free(&b);
  buf_free(&again);
}

/* A head alone, with as many zeros behind it as it says. */
static int read_head(const uint8_t head[5], bool later)
{
  struct buf b = {0};
  size_t n = 8 * (size_t)head[4] + 12 * ((size_t)head[2] << 8 | head[3]);
  NEED(buf_put(&b, head, 5) == 0);
  for (size_t i = 0; i < n; i++) {
    NEED(buf_byte(&b, 0) == 0);
  }
  int rc = later ? parse_later(buf_span(&b)) : parse_first(buf_span(&b));
  buf_free(&b);
  return rc;
}

static void test_heads(void)
{
  const struct {
    uint8_t head[5];
    bool later;
    int want;
  } cases[] = {
      {{0, 0, 0, 0, 0}, false, ERR_INVALID}, /* holds nothing */
      {{0, 0, 0, 0, 1}, false, 0},
      {{0, 0, 0, 1, 0}, false, 0},
      {{0, 0, 0x0f, 0xff, 0}, false, 0},
      {{0, 0, 0x10, 0, 0}, false, 0},
      {{0, 0, 0x10, 1, 0}, false, ERR_LIMIT},
      {{0, 0, 0, 1, 15}, false, 0},
      {{0, 0, 0, 1, 16}, false, 0},
      {{0, 0, 0, 1, 17}, false, ERR_LIMIT},
      {{0, 1, 0, 1, 0}, false, ERR_INVALID}, /* not the first */
      {{0, 2, 0, 1, 0}, true, ERR_INVALID},
      {{0, 3, 0, 1, 0}, true, 0},
      {{0, 4, 0, 1, 0}, true, ERR_INVALID},
      {{0, 0, 0, 1, 0}, true, ERR_INVALID},
      {{0, 3, 0, 1, 1}, true, ERR_INVALID}, /* late syndromes */
      {{0, 3, 0x0f, 0xfc, 0}, true, 0},
      {{0, 3, 0x0f, 0xfd, 0}, true, 0},
      {{0, 3, 0x0f, 0xfe, 0}, true, ERR_LIMIT},
      {{0xff, 0xff, 0xff, 0xff, 0}, true, ERR_LIMIT},
  };
  add_numbers(&one, 0, 9);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    EXPECT_INT(read_head(cases[i].head, cases[i].later), cases[i].want);
  }
}

/* Syndromes alone, then cells from the first on, but syndromes once only. */
static void test_syndromes_first(void)
{
  struct buf b = {0};
  add_numbers(&one, 0, 9);
  memset(&part, 0, sizeof part);
  NEED(sketch_part_put(&b, &one, 0, 0, 8) == 0);
  EXPECT_INT(sketch_part_read(&part, buf_span(&b), NULL), 0);
  EXPECT_INT(sketch_part_read(&part, buf_span(&b), NULL), ERR_INVALID);
  buf_clear(&b);
  NEED(sketch_part_put(&b, &one, 0, 7, 0) == 0);
  EXPECT_INT(sketch_part_read(&part, buf_span(&b), NULL), 0);
  EXPECT_INT(part.count, 7);
  EXPECT_INT(part.syndromes, 8);
  buf_free(&b);
}

static void test_hello(void)
{
  uint8_t digest[HASH_SIZE] = {1, 2, 3};
  struct sketch_hello h, got;
  struct buf b = {0};
  add_numbers(&one, 0, 500);
  sketch_hello_of(&h, &one, CBOR_INT_MAX, digest);
  NEED(sketch_hello_put(&b, &h) == 0);
  EXPECT_INT(b.n, SKETCH_HELLO_SIZE);
  EXPECT_INT(sketch_hello_read(&got, buf_span(&b), NULL), 0);
  EXPECT(got.count == CBOR_INT_MAX);
  EXPECT(memcmp(got.digest, digest, sizeof digest) == 0);
  EXPECT(memcmp(got.counter, one.counter, sizeof one.counter) == 0);
  EXPECT_INT(sweep_cuts(buf_span(&b), parse_hello), 0);
  /* The 11 highest bits of the count have to be 0. */
  EXPECT_INT(sweep_flips(buf_span(&b), parse_hello), 8 * b.n - 11);
  b.p[1] = 0x20; /* 2^53 + 2^53 - 1 */
  EXPECT_INT(sketch_hello_read(&got, buf_span(&b), NULL), ERR_LIMIT);
  memset(b.p, 0, 8);
  b.p[1] = 0x20; /* 2^53 */
  EXPECT_INT(sketch_hello_read(&got, buf_span(&b), NULL), ERR_LIMIT);
  NEED(buf_byte(&b, 0) == 0);
  EXPECT_INT(sketch_hello_read(&got, buf_span(&b), NULL), ERR_INVALID);
  buf_free(&b);
}

/* ---- how many differ ---- */

static uint64_t estimate(uint64_t common, uint64_t only_a, uint64_t only_b)
{
  uint8_t digest[HASH_SIZE] = {0};
  struct sketch_hello a, b;
  add_numbers(&one, 0, common + only_a);
  add_numbers(&two, only_a, common + only_a + only_b);
  sketch_hello_of(&a, &one, common + only_a, digest);
  sketch_hello_of(&b, &two, common + only_b, digest);
  EXPECT(sketch_estimate(&a, &b) == sketch_estimate(&b, &a));
  return sketch_estimate(&a, &b);
}

static void test_estimate(void)
{
  EXPECT_INT(estimate(1000, 0, 0), 0);
  EXPECT_INT(estimate(1000, 1, 0), 1);
  EXPECT(estimate(2000, 500, 500) > 600 && estimate(2000, 500, 500) < 1500);
  EXPECT(estimate(0, 5000, 5000) > 6000 && estimate(0, 5000, 5000) < 15000);
  EXPECT(estimate(5, 3000, 0) >= 3000);
  EXPECT(estimate(5, 0, 3000) >= 3000);
}

static void test_plans(void)
{
  struct sketch_plan p, before = {0, 0};
  uint32_t bits = 0;
  for (uint64_t d = 0; d <= 3300; d++) {
    EXPECT(sketch_plan(&p, d));
    EXPECT(p.cells >= before.cells && p.cells <= SKETCH_CELLS);
    EXPECT(d <= 13 ? p.cells == 0 : p.cells > d);
    EXPECT_INT(p.syndromes, d <= 4 ? 8 : 16);
    before = p;
  }
  EXPECT_INT(p.cells, SKETCH_CELLS);
  EXPECT(!sketch_plan(&p, 3301) && !sketch_plan(&p, UINT64_MAX));
  for (uint32_t m = 0; m < SKETCH_CELLS; m++) {
    EXPECT(sketch_plan_more(m) > m && sketch_plan_more(m) <= SKETCH_CELLS);
  }
  EXPECT_INT(sketch_plan_more(SKETCH_CELLS), SKETCH_CELLS);
  EXPECT(sketch_plan_parts(&bits, 2700) && bits == 0);
  EXPECT(sketch_plan_parts(&bits, 2702) && bits == 1);
  EXPECT(sketch_plan_parts(&bits, 2701 * 16 - 1) && bits == 4);
  EXPECT(!sketch_plan_parts(&bits, 2701 * 16));
  EXPECT(!sketch_plan_parts(&bits, UINT64_MAX));
}

/* ---- at rest, and on the spot ---- */

static struct sketch_rest rest;
static int parse_rest(struct span s)
{
  return sketch_rest_read(&rest, s, NULL);
}

static void test_rest(void)
{
  static struct setsum sum, got_sum;
  struct sketch_rest r = {&one, &sum, 12345};
  struct buf b = {0};
  add_numbers(&one, 0, 500);
  memset(&sum, 0, sizeof sum);
  setsum_add(&sum, shelf_digest(1).b);
  NEED(sketch_rest_put(&b, &r) == 0);
  EXPECT(b.n <= 128 * 1024);
  rest.sketch = &two;
  rest.sum = &got_sum;
  EXPECT_INT(parse_rest(buf_span(&b)), 0);
  EXPECT(same(&one, &two) && setsum_equal(&sum, &got_sum));
  EXPECT_INT(rest.upto, 12345);
  /* Every byte of it is under the hash: some are enough. */
  for (size_t i = 0; i < b.n; i += i < 100 ? 1 : 997) {
    b.p[i] ^= 0x10;
    EXPECT_INT(parse_rest(buf_span(&b)), ERR_CORRUPT);
    EXPECT_INT(parse_rest(span_of(b.p, i)), ERR_CORRUPT);
    b.p[i] ^= 0x10;
  }
  /* Of another form, and hashed right. */
  b.p[0] ^= 1;
  size_t n = b.n - HASH_SIZE;
  NEED(hash_sha256(b.p + n, b.p, n) == 0);
  EXPECT_INT(parse_rest(buf_span(&b)), ERR_CORRUPT);
  b.p[0] ^= 1;
  NEED(hash_sha256(b.p + n, b.p, n) == 0);
  EXPECT_INT(parse_rest(buf_span(&b)), 0);
  NEED(buf_byte(&b, 0) == 0);
  EXPECT_INT(parse_rest(buf_span(&b)), ERR_CORRUPT);
  buf_free(&b);
}

static void test_scan(void)
{
  struct shelf shelf = {{0, 2000}, {1000, 2300}, 0};
  struct sync_set set = shelf_set(&shelf);
  static struct sketch parts[4];
  static struct setsum sum, want_sum;
  struct sketch_scan scan = {{0}, false, false, 0, &one, &sum, 0};
  memset(&one, 0, sizeof one);
  while (sketch_scan_step(&scan, &set, NULL) > 0) {
  }
  add_numbers(&two, 0, 1000);
  for (uint64_t i = 0; i < 2300; i++) {
    if (shelf_holds(&shelf, i)) {
      setsum_add(&want_sum, shelf_digest(i).b);
    }
  }
  add_numbers(&three, 2000, 2300);
  sketch_merge(&two, &three);
  EXPECT(same(&one, &two) && setsum_equal(&sum, &want_sum));
  /* Under a key and in parts: the parts make up the whole. */
  memset(&one, 0, sizeof one);
  for (uint32_t bits = 0; bits <= 2; bits += 2) {
    struct sketch_scan keyed = {{7}, true, false, bits, parts, NULL, 0};
    memset(parts, 0, sizeof parts);
    while (sketch_scan_step(&keyed, &set, NULL) > 0) {
    }
    one = bits == 0 ? parts[0] : one;
  }
  memset(&two, 0, sizeof two);
  EXPECT(!same(&parts[0], &two));
  for (size_t i = 0; i < 4; i++) {
    sketch_merge(&two, &parts[i]);
  }
  EXPECT(same(&one, &two));
  struct sketch_scan few = {{7}, true, true, 0, &two, NULL, 0};
  memset(&two, 0, sizeof two);
  while (sketch_scan_step(&few, &set, NULL) > 0) {
  }
  EXPECT(memcmp(&one.cells, &two.cells, sizeof one.cells) == 0);
  EXPECT(two.syndrome[0] == 0);
  shelf.fails = ERR_IO;
  scan.cursor = 0;
  EXPECT_INT(sketch_scan_step(&scan, &set, NULL), ERR_IO);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_handles);
  RUN(test_spots);
  RUN(test_one_handle);
  RUN(test_linear);
  RUN(test_fold);
  RUN(test_fold_grows);
  RUN(test_splits);
  RUN(test_example);
  RUN(test_damage);
  RUN(test_heads);
  RUN(test_syndromes_first);
  RUN(test_hello);
  RUN(test_estimate);
  RUN(test_plans);
  RUN(test_rest);
  RUN(test_scan);
  return unit_done();
}
