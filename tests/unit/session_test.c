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
  size_t here = 0;
  for (size_t i = 0; i < h->wants; i++) {
    for (size_t k = 0; k < h->files; k++) {
      here += cid_equal(&h->want[i], &h->file_cid[k]);
    }
  }
  return here == h->wants;
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
  bool good = pair_sync(p) && pair_equal(p) && has_files(&p->host[0]) &&
              has_files(&p->host[1]);
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

int main(void)
{
  RUN(test_small_worlds);
  return unit_done();
}
