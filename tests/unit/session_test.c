/* SPDX-License-Identifier: 0BSD */
#include "session_host.h"

/* ---- small worlds ---- */

static const char *const names[] = {"a",       "b",    "edu/x",  "edu/y",
                                    "edu/z/1", "news", "priv/a", "a/b/c/d/e"};
static const char *const wishes[] = {"a",   "b",      "edu/x",  "edu/*",
                                     "*",   "news",   "priv/*", "nobody",
                                     "zoo", "edu/z/1"};

static void make_host(struct host *h, uint64_t *seed)
{
  size_t n = shelf_random(seed) % 4;
  for (size_t i = 0; i < n; i++) {
    h->wish[i] = wishes[shelf_random(seed) % 10];
  }
  h->asks_serve = shelf_random(seed) % 4 == 0;
  h->asks_order = shelf_random(seed) % 4 == 0;
  h->asks_admit = shelf_random(seed) % 8 == 0;
  h->unserved = h->asks_serve && shelf_random(seed) % 2
                    ? names[shelf_random(seed) % 8]
                    : NULL;
  h->records = (int)(shelf_random(seed) % 3);
}

/* A collection: what both have, what each has alone. */
static void make_sets(struct pair *p, uint64_t *seed, const char *name)
{
  static const uint64_t sizes[] = {0, 1, 3, 40, 300};
  uint64_t both = sizes[shelf_random(seed) % 5];
  for (int i = 0; i < 2; i++) {
    uint64_t own = shelf_random(seed) % 3 == 0 ? sizes[shelf_random(seed) % 5]
                                               : shelf_random(seed) % 4;
    uint64_t at = 10000u * (uint64_t)(i + 1);
    if (shelf_random(seed) % 4 > 0 && both + own > 0) {
      host_add(&p->host[i], name, 0, both);
      host_add(&p->host[i], name, at, at + own);
    }
  }
}

static void make_files(struct pair *p, uint64_t *seed)
{
  for (uint64_t i = shelf_random(seed) % 6; i > 0; i--) {
    size_t from = shelf_random(seed) % 2;
    struct host *to = &p->host[1 - from];
    size_t size =
        shelf_random(seed) % 8 == 0 ? 1024 * 1024 : shelf_random(seed) % 3000;
    host_file(&p->host[from], size, shelf_random(seed));
    to->want[to->wants++] = p->host[from].file_cid[p->host[from].files - 1];
  }
}

static bool has_files(struct host *h)
{
  for (size_t i = 0; i < h->wants; i++) {
    if (!host_keeps(h, &h->want[i])) {
      return false;
    }
  }
  return true;
}

/* How many parcels each has of what the policy of either keeps back. */
static size_t kept_back(const struct pair *p)
{
  size_t n = 0;
  for (int i = 0; i < 4; i++) {
    const char *name = p->host[i / 2].unserved;
    const struct host *h = &p->host[i % 2];
    int at = name == NULL ? -1 : host_find(h, span_of(name, strlen(name)));
    n += at < 0 ? 0 : h->set[at].n;
  }
  return n;
}

static bool small_world(uint64_t number)
{
  struct pair *p = calloc(1, sizeof *p);
  uint64_t seed = number;
  NEED(p != NULL);
  p->seed = number ^ 99;
  for (int i = 0; i < 2; i++) {
    make_host(&p->host[i], &seed);
  }
  for (size_t i = 0; i < 8; i++) {
    make_sets(p, &seed, names[i]);
  }
  make_files(p, &seed);
  size_t back = kept_back(p);
  bool good = pair_sync(p) && pair_equal(p) && has_files(&p->host[0]) &&
              has_files(&p->host[1]) && kept_back(p) == back;
  pair_free(p);
  free(p);
  return good;
}

/* Whatever each follows, holds and serves, and however the bytes trickle. */
static void test_small_worlds(void)
{
  int bad = 0;
  for (uint64_t i = 1; i <= 400; i++) {
    if (!small_world(i)) {
      printf("  world %d\n", (int)i);
      bad++;
    }
  }
  EXPECT_INT(bad, 0);
}

/* ---- pairs by hand ---- */

static struct pair p;

static void both_follow(const char *pattern)
{
  memset(&p, 0, sizeof p);
  p.host[0].wish[0] = p.host[1].wish[0] = pattern;
  p.seed = 7;
}

/* Sync, expect equal sets and so many fallbacks; then a second session finds
 * nothing to send. */
static void expect_synced(uint64_t fallbacks)
{
  EXPECT(pair_sync(&p));
  EXPECT(pair_equal(&p));
  struct session_status now = host_status(p.s[0]);
  EXPECT_INT(now.fallbacks, fallbacks);
  EXPECT_INT(p.host[0].double_came + p.host[1].double_came, 0);
  pair_end(&p);
  EXPECT(pair_sync(&p));
  now = host_status(p.s[0]);
  EXPECT_INT(now.in.parcels + now.out.parcels, 0);
  EXPECT_INT(now.collections, 0);
  pair_end(&p);
}

static const char *numbered(int i)
{
  static char name[24];
  (void)snprintf(name, sizeof name, "c/%04d", i);
  return name;
}

/* More collections than one round has topics; files on both sides: all comes,
 * also where the rounds' ends and beginnings share their bytes. */
static void test_rounds(void)
{
  for (int how = 0; how < 6; how++) {
    both_follow("*");
    p.seed = (uint64_t)how;
    p.feed = how == 5 ? 1 << 20 : 0;
    for (int i = 0; i < 600; i++) {
      host_add(&p.host[i % 2], numbered(i), 0, 2);
      if (i % 5 == 0) {
        host_add(&p.host[1 - i % 2], numbered(i), 1, 4);
      }
    }
    p.host[how % 2].records = 1;
    for (int i = 0; i < 3; i++) {
      host_file(&p.host[0], 900000, (uint64_t)i);
      p.host[1].want[p.host[1].wants++] = p.host[0].file_cid[i];
    }
    expect_synced(0);
    EXPECT(has_files(&p.host[1]));
    pair_free(&p);
  }
}

/* Catalogues of any sizes: as lists, as sketches. */
static void test_catalogues(void)
{
  static const int sizes[][3] = {{5, 0, 13},  {0, 0, 40},    {40, 0, 0},
                                 {200, 1, 1}, {300, 20, 30}, {100, 150, 0},
                                 {1, 0, 300}, {12, 8, 6}};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
    both_follow("c/*");
    int both = sizes[k][0], mine = both + sizes[k][1];
    for (int i = 0; i < mine + sizes[k][2]; i++) {
      if (i < mine) {
        host_add(&p.host[0], numbered(i), 0, 1);
      }
      if (i < both || i >= mine) {
        host_add(&p.host[1], numbered(i), 0, 1);
      }
    }
    expect_synced(0);
    pair_free(&p);
  }
}

/* Names that fill more than one frame, over more than one round. */
static void test_long_names(void)
{
  both_follow("*");
  for (int i = 0; i < 690; i++) {
    char name[COLLECTION_NAME_MAX + 1];
    (void)snprintf(name, sizeof name, "c/%04d/%0*d", i, COLLECTION_NAME_MAX - 7,
                   i);
    NEED(strlen(name) == COLLECTION_NAME_MAX);
    host_add(&p.host[1], name, 0, 1);
  }
  EXPECT(pair_sync(&p));
  EXPECT(pair_equal(&p));
  EXPECT_INT(p.host[0].came, 690);
  pair_free(&p);
}

/* Wishes that fill more than one frame, one of them nobody's; those behind
 * count, too. */
static void test_long_wishes(void)
{
  both_follow("c");
  p.host[0].wish[1] = "";
  p.host[0].long_wishes = SESSION_WISHES_MAX - 2;
  char last[COLLECTION_NAME_MAX + 1];
  (void)snprintf(last, sizeof last, "w/%0*d/x", COLLECTION_NAME_MAX - 4,
                 p.host[0].long_wishes - 1);
  host_add(&p.host[1], last, 0, 3);
  host_add(&p.host[1], "c", 0, 3);
  host_add(&p.host[1], "d", 0, 3);
  EXPECT(pair_sync(&p));
  struct session_status now = host_status(p.s[1]);
  EXPECT_INT(now.out.parcels, 6);
  EXPECT_INT(p.host[0].came, 6);
  pair_free(&p);
}

/* ---- big differences ---- */

static void expect_sizes(uint64_t both, uint64_t mine, uint64_t theirs,
                         uint64_t fallbacks)
{
  both_follow("c");
  host_add(&p.host[0], "c", 0, both + mine);
  host_add(&p.host[1], "c", 0, both);
  host_add(&p.host[1], "c", both + mine, both + mine + theirs);
  expect_synced(fallbacks);
  pair_free(&p);
}

static void test_differences(void)
{
  static const uint64_t few[] = {0, 1, 2, 16, 17, 100, 1000, 2500};
  for (size_t i = 1; i < sizeof few / sizeof *few; i++) {
    expect_sizes(9000, few[i], 0, 0);
    expect_sizes(9000, 0, few[i], 0);
    expect_sizes(9000, few[i] / 2, (few[i] + 1) / 2, 0);
  }
  expect_sizes(0, 0, 20000, 0);
  expect_sizes(0, 20000, 0, 0);
  expect_sizes(0, 7999, 20000, 0); /* lists, whoever's is short */
  expect_sizes(0, 8000, 20000, 0);
  expect_sizes(0, 20000, 8000, 0);
  expect_sizes(9000, 4000, 4000, 1); /* a keyed sketch */
  expect_sizes(9000, 10000, 20000, 1);
}

/* More than throwaway sketches tell: windows of handles, a round for each. */
static void test_windows(void)
{
  expect_sizes(9000, 30000, 36000, 1);
}

int main(void)
{
  RUN(test_small_worlds);
  RUN(test_rounds);
  RUN(test_catalogues);
  RUN(test_long_names);
  RUN(test_long_wishes);
  RUN(test_differences);
  RUN(test_windows);
  return unit_done();
}
