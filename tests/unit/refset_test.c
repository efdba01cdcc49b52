/* SPDX-License-Identifier: 0BSD */
#include "station/refset.h"
#include "form/crypt.h"
#include "unit.h"

static uint64_t number(uint64_t i)
{
  return i * 0x9e3779b97f4a7c15u;
}

static void test_add_and_has(void)
{
  struct refset s = {0};
  EXPECT(!refset_has(&s, 0) && !refset_has(&s, 1));
  EXPECT_INT(refset_add(&s, 0), 1);
  EXPECT_INT(refset_add(&s, 0), 0);
  EXPECT(refset_has(&s, 0) && !refset_has(&s, 1));
  EXPECT_INT(refset_add(&s, 1), 1);
  EXPECT_INT(refset_add(&s, 1), 0);
  EXPECT_INT(refset_add(&s, UINT64_MAX), 1);
  EXPECT(refset_has(&s, 1) && refset_has(&s, UINT64_MAX));
  EXPECT(!refset_has(&s, 2));
  refset_free(&s);
  EXPECT(!refset_has(&s, 0) && !refset_has(&s, 1));
}

/* Through every growth: all that was added is there, and nothing else. */
static void test_growth(void)
{
  struct refset s = {0};
  int faults = 0;
  for (uint64_t i = 1; i <= 20000; i++) {
    faults += refset_add(&s, number(i)) != 1;
    if (i <= 520 || i == 20000) {
      for (uint64_t k = 1; k <= i + 3; k++) {
        faults += refset_has(&s, number(k)) != (k <= i);
      }
    }
    faults += s.n * 2 > s.cap;
  }
  for (uint64_t i = 1; i <= 20000; i++) {
    faults += refset_add(&s, number(i)) != 0;
  }
  EXPECT_INT(faults, 0);
  EXPECT_INT(s.n, 20000);
  refset_free(&s);
}

/* Numbers in a row, as a store gives them. */
static void test_neighbours(void)
{
  struct refset s = {0};
  int faults = 0;
  for (uint64_t i = 0; i < 5000; i++) {
    faults += refset_add(&s, i) != 1;
  }
  for (uint64_t i = 0; i < 6000; i++) {
    faults += refset_has(&s, i) != (i < 5000);
  }
  EXPECT_INT(faults, 0);
  refset_free(&s);
}

static void test_clear(void)
{
  struct refset s = {0};
  refset_clear(&s);
  EXPECT_INT(refset_add(&s, 0), 1);
  refset_clear(&s);
  EXPECT(!refset_has(&s, 0));
  for (uint64_t i = 0; i < 1000; i++) {
    NEED(refset_add(&s, i) == 1);
  }
  size_t cap = s.cap;
  refset_clear(&s);
  EXPECT_INT(s.cap, cap);
  for (uint64_t i = 0; i < 1000; i++) {
    EXPECT(!refset_has(&s, i));
  }
  EXPECT_INT(refset_add(&s, 7), 1);
  refset_free(&s);
  refset_free(&s);
}

/* CIDs that agree in all but one bit, wherever that is. */
static void test_cids(void)
{
  struct refset s = {0};
  struct cid first, other;
  NEED(cid_of(&first, CID_RAW, "x", 1) == 0);
  EXPECT(!refset_has_cid(&s, &first));
  EXPECT_INT(refset_add_cid(&s, &first), 1);
  EXPECT_INT(refset_add_cid(&s, &first), 0);
  for (size_t bit = 0; bit < 8 * sizeof first.b; bit++) {
    other = first;
    other.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    EXPECT(!refset_has_cid(&s, &other));
    EXPECT_INT(refset_add_cid(&s, &other), 1);
  }
  EXPECT_INT(s.n, 8 * sizeof first.b + 1);
  EXPECT(refset_has_cid(&s, &first) && refset_has_cid(&s, &other));
  refset_clear(&s);
  EXPECT(!refset_has_cid(&s, &first));
  EXPECT_INT(refset_add_cid(&s, &first), 1);
  refset_free(&s);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_add_and_has);
  RUN(test_growth);
  RUN(test_neighbours);
  RUN(test_clear);
  RUN(test_cids);
  return unit_done();
}
