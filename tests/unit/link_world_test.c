/* SPDX-License-Identifier: 0BSD */
#include "link_pair.h"

static struct home a, b;
static struct link_pair p;

static void both_new(void)
{
  memset(&p, 0, sizeof p);
  p.seed = 3;
  home_new(&a);
  home_new(&b);
  link_follow(&a, "*", INT64_MAX);
  link_follow(&b, "*", INT64_MAX);
}

static void both_end(void)
{
  home_end(&a);
  home_end(&b);
}

/* Records, files and parts of files, both ways; then there is nothing left to
 * do; and what was derived on the way is what a rebuild derives. */
static void test_both_ways(void)
{
  struct link_status s[2];
  both_new();
  for (int i = 0; i < 12; i++) {
    (void)link_publish(i % 2 ? &a : &b, i % 3 ? "c" : "d/e", i,
                       i % 4 == 0 ? 3500000 : (size_t)i * 7000);
  }
  EXPECT(link_pair_sync(&p, &a, &b, s));
  EXPECT(link_equal(&a, &b));
  EXPECT_INT(s[0].added, 6);
  EXPECT_INT(s[1].added, 6);
  EXPECT(link_pair_sync(&p, &b, &a, s));
  EXPECT_INT(s[0].session.in.parcels + s[0].session.out.parcels, 0);
  EXPECT_INT(s[0].session.in.blocks + s[0].session.out.blocks, 0);
  EXPECT(home_sound(&a));
  EXPECT(home_sound(&b));
  both_end();
}

/* Collections that come in the second round bring their files, too, to either
 * end. */
static void test_files_of_rounds(void)
{
  for (int i = 0; i < 2; i++) {
    char name[16];
    both_new();
    for (int k = 0; k < 300; k++) {
      (void)snprintf(name, sizeof name, "c/%03d", k);
      (void)link_publish(i == 0 ? &a : &b, name, k, k % 20 == 0 ? 900 : 0);
    }
    EXPECT(link_pair_sync(&p, &a, &b, NULL));
    EXPECT(link_equal(&a, &b));
    both_end();
  }
}

int main(void)
{
  RUN(test_both_ways);
  RUN(test_files_of_rounds);
  return unit_done();
}
