/* SPDX-License-Identifier: 0BSD */
/* Why a block is held: each record that wants a file is told once. (The spec
 * of quotas asks the rest, through Lua.) */
#include "station_shelf.h"

static struct home h;
static struct err e;

static void bring(uint8_t author, int64_t time, const struct made *m)
{
  struct crate c;
  crate_start(&c);
  struct cid id = made_cid(m);
  (void)crate_parcel(&c, author, "c", time, &id, 1);
  (void)crate_record(&c, m);
  EXPECT_INT(crate_unpack(&c, &h).parcels, 1);
}

/* One of them is listed at two times, with the other's in between. */
static void test_listed_twice(void)
{
  static struct why w;
  struct cid file;
  NEED(cid_of(&file, CID_RAW, "abc", 3) == 0);
  struct made m[2];
  for (int i = 0; i < 2; i++) {
    m[i] = (struct made){.n = i, .files = 1, .file = &file, .size = 3};
  }
  struct cid id[] = {made_cid(&m[0]), made_cid(&m[1])};
  home_new(&h);
  bring(1, 1000, &m[0]);
  bring(1, 1001, &m[1]);
  bring(2, 1002, &m[0]);
  NEED(station_why(h.st, &file, &w, &e) == 0);
  EXPECT(!w.here);
  EXPECT_INT(w.records, 2);
  EXPECT(cid_equal(&w.record[0], &id[0]));
  EXPECT(cid_equal(&w.record[1], &id[1]));
  home_end(&h);
}

int main(void)
{
  RUN(test_listed_twice);
  return unit_done();
}
