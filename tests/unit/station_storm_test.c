/* SPDX-License-Identifier: 0BSD */
/* Small carry files made to be slow: what they cost is bounded by their size,
 * not by its square. Times are of the processor, with much room. */
#include "unit/station_shelf.h"

#include <time.h>

#define RECORDS 256
#define VOICES 48 /* more than the listings of a record that count */

static double cpu_s(void)
{
  struct timespec t;
  NEED(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int count_entry(void *ud, const struct entry *en)
{
  ++*(int *)ud;
  return en->block.n > 0 ? 0 : ERR_MISUSE;
}

/* The same records in the parcels of many voices, each at its own time: rows
 * of the newest are not shown, and each is looked up in 32 parcels. */
static void test_listed_by_many(void)
{
  static struct cid record[RECORDS];
  struct page_query q = {.collection = span_of("c", 1), .max = 50};
  struct page page = {0};
  struct err e = {0};
  struct crate c;
  struct home h;
  int n = 0;
  home_new(&h);
  crate_start(&c);
  for (int i = 0; i < RECORDS; i++) {
    struct made m = {.n = i, .title = "alpha"};
    record[i] = crate_record(&c, &m);
  }
  for (int i = 0; i < VOICES; i++) {
    (void)crate_parcel(&c, (uint8_t)(i + 1), "c", SHELF_NOW - 1000 + i, record,
                       RECORDS);
  }
  struct unpacked u = crate_unpack(&c, &h);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.parcels, VOICES);
  double start = cpu_s();
  EXPECT_INT(station_page(h.st, &q, &page, count_entry, &n, &e), 0);
  EXPECT_INT(n, 50);
  EXPECT(cpu_s() - start < 1.5);
  EXPECT(home_sound(&h));
  home_end(&h);
}

int main(void)
{
  RUN(test_listed_by_many);
  return unit_done();
}
