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

/* Cut anywhere, and again, and again: each session goes on where the last one
 * ended, block by block, until nothing is missing. */
static void test_cuts(void)
{
  struct link_status s[2];
  uint64_t moved = 0;
  int cuts = 0;
  both_new();
  for (int i = 0; i < 30; i++) {
    (void)link_publish(i % 2 ? &a : &b, i % 3 ? "c" : "d", i,
                       i % 10 == 0 ? 2500000 : 2000);
  }
  for (p.cut = 1; !link_pair_sync(&p, &a, &b, s); cuts++) {
    EXPECT(p.rc == 0 || p.rc == ERR_CLOSED);
    moved += s[0].session.bytes_in + s[0].session.bytes_out;
    p.cut = cuts < 60 ? 1 + (uint64_t)cuts * 29 : 1500000 + (uint64_t)cuts * 7;
    NEED(cuts < 300);
  }
  moved += s[0].session.bytes_in + s[0].session.bytes_out;
  EXPECT(cuts > 60);
  EXPECT(link_equal(&a, &b));
  EXPECT(moved < 7500000 * 2); /* what is cut comes again, not all before it */
  EXPECT(home_sound(&a) && home_sound(&b));
  both_end();
}

/* Byte by byte. */
static void test_trickle(void)
{
  both_new();
  for (int i = 0; i < 4; i++) {
    (void)link_publish(i % 2 ? &a : &b, "c", i, 300);
  }
  p.size = 1;
  EXPECT(link_pair_sync(&p, &a, &b, NULL));
  EXPECT(link_equal(&a, &b));
  both_end();
}

/* Two stations, each in a session with a third, which has both at once. */
static void test_third(void)
{
  static struct link_pair q;
  struct home c;
  both_new();
  home_new(&c);
  link_follow(&c, "*", INT64_MAX);
  memset(&q, 0, sizeof q);
  q.seed = 9;
  for (int i = 0; i < 24; i++) {
    (void)link_publish(i % 3 == 0   ? &a
                       : i % 3 == 1 ? &b
                                    : &c,
                       "c", i, i % 6 == 0 ? 1200000 : 1000);
  }
  link_pair_begin(&p, &a, &c);
  link_pair_begin(&q, &b, &c);
  for (int idle = 0;
       idle < 20 && !(link_pair_done(&p) && link_pair_done(&q));) {
    bool one = link_pair_move(&p), other = link_pair_move(&q);
    idle = one || other ? 0 : idle + 1;
    NEED(p.rc == 0 && q.rc == 0);
  }
  EXPECT(link_pair_done(&p) && link_pair_done(&q));
  link_pair_end(&p);
  link_pair_end(&q);
  EXPECT(link_pair_sync(&p, &a, &c, NULL)); /* what came while it ran */
  EXPECT(link_pair_sync(&p, &b, &c, NULL));
  EXPECT(link_equal(&a, &c) && link_equal(&b, &c));
  EXPECT(home_sound(&c));
  home_end(&c);
  both_end();
}

int main(void)
{
  RUN(test_cuts);
  RUN(test_trickle);
  RUN(test_third);
  RUN(test_both_ways);
  RUN(test_files_of_rounds);
  return unit_done();
}
