/* SPDX-License-Identifier: 0BSD */
/* Memory that runs out, once and for good, at each request of a scrub that
 * forgets damage and of an unpacking that a quota binds: it is done, or
 * ERR_NOMEM, and then what was begun is ended by the next try; accounts say
 * what a rebuild counts. This program brings its own base/mem. */
#include "failing_heap.h"

#include "station/quota.h"
#include "unit/station_shelf.h"

#include <sys/stat.h>

#define PAIR 1024 /* what a small parcel with one small record costs */

static struct home world, h;
static struct cid own, lost; /* of a parcel, and of a record, that rot */

/* ---- a world, made once and copied for each failure ---- */

static void copy_file(const char *name)
{
  struct buf bytes = {0};
  shelf_read(home_file(&world, name), &bytes);
  shelf_write(home_file(&h, name), buf_span(&bytes));
  NEED(chmod(home_file(&h, name), 0600) == 0);
  buf_free(&bytes);
}

static void copy_world(void)
{
  home_folder(&h);
  copy_file("s");
  copy_file("s.key");
  home_open(&h);
}

static void rot(struct span needle)
{
  struct buf all = {0};
  const char *path = home_file(&world, "s");
  shelf_read(path, &all);
  uint8_t *at = memmem(all.p, all.n, needle.p, needle.n);
  NEED(at != NULL);
  *at ^= 1;
  shelf_write(path, buf_span(&all));
  buf_free(&all);
}

static void put_parcels(struct crate *c, int from, int n)
{
  crate_start(c);
  for (int i = from; i < from + n; i++) {
    struct made m = {.n = i};
    struct cid id = made_cid(&m);
    (void)crate_parcel(c, 1, "c", 1000 + i, &id, 1);
    (void)crate_record(c, &m);
  }
}

static void make_world(void)
{
  struct made m = {.n = 500, .pad = 3000}, other = {.n = 501, .pad = 3000};
  struct quotas q = {.author = 4 * PAIR, .collection = -1, .way = -1};
  struct buf block = {0}, parcel = {0};
  struct parcel view;
  struct entry en = {0};
  struct crate c;
  struct err e = {0};
  home_new(&world);
  NEED(station_set_quotas(world.st, &q, &e) == 0);
  own = home_publish(&world, "c", &m, -1);
  lost = home_publish(&world, "c", &other, -1);
  NEED(station_get(world.st, &own, &en, &e) == 0);
  NEED(station_block(world.st, &en.parcel, &parcel, &e) == 0);
  NEED(parcel_read(&view, buf_span(&parcel), &e) == 0);
  made_block(&block, &other);
  put_parcels(&c, 0, 2);
  EXPECT_INT(crate_unpack(&c, &world).added, 2);
  station_close(world.st);
  world.st = NULL;
  rot(span_of(view.sig, 40));
  rot(span_of(block.p + 500, 40));
  entry_free(&en);
  buf_free(&block);
  buf_free(&parcel);
}

/* ---- the calls ---- */

typedef int body(struct err *e);

static int body_scrub(struct err *e)
{
  struct job *j = NULL;
  int rc = station_scrub(&j, h.st, 1, e);
  return rc < 0 ? rc : run_values(j, NULL, NULL, e);
}

static int body_unpack(struct err *e)
{
  struct unpack_options opt = {.way = "stick"};
  struct job *j = NULL;
  int rc = station_unpack(&j, h.st, home_file(&h, "in.car"), &opt, e);
  return rc < 0 ? rc : run_values(j, NULL, NULL, e);
}

static int64_t author_account(void)
{
  uint8_t key[CHANGE_COUNTER_MAX] = "room/a/";
  struct err e = {0};
  int64_t v = -1;
  author_key_of(key + 7, 1);
  NEED(change_counter(h.st, span_of(key, 7 + CRYPT_KEY_SIZE), &v, &e) == 0);
  return v;
}

static void expect_scrubbed(void)
{
  static const char *const names[] = {"bad", NULL};
  int64_t bad = -1;
  struct job *j = NULL;
  struct err e = {0};
  NEED(station_verify(&j, h.st, true, &e) == 0);
  NEED(run_values(j, names, &bad, &e) == 0);
  EXPECT_INT(bad, 0);
  EXPECT(home_has(&h, &own));
  EXPECT(!home_has(&h, &lost));
  EXPECT_INT(home_missing(&h), 1);
  EXPECT(home_sound(&h));
}

static void expect_counted(void)
{
  struct station_stats s;
  struct err e = {0};
  EXPECT_INT(author_account(), 4 * PAIR);
  NEED(station_stats(h.st, &s, &e) == 0);
  EXPECT_INT(s.parcels, 2 + 4);
  EXPECT_INT(body_scrub(&e), 0); /* or the rebuild below says more */
  home_rebuild(&h);
  EXPECT_INT(author_account(), 4 * PAIR);
}

static void sweep_body(body *call, void (*expect)(void))
{
  struct crate c;
  struct err e = {0};
  bool reached = true;
  long at = 1;
  for (; reached; at++) {
    copy_world();
    put_parcels(&c, 10, 5);
    shelf_write(home_file(&h, "in.car"), buf_span(&c.car));
    buf_free(&c.car);
    heap_fail(at, at % 2 ? HEAP_ONCE : HEAP_FROM);
    int rc = call(&e);
    reached = heap.requests >= at;
    heap_heal();
    if (rc != 0 && !(rc == ERR_NOMEM && e.code == rc && e.text[0] != '\0')) {
      printf("  request %ld: %d, %s\n", at, rc, e.text);
      unit_faults++;
    }
    EXPECT(reached || rc == 0);
    if (rc != 0) {
      home_again(&h); /* ends a rebuild that had begun */
      EXPECT_INT(call(&e), 0);
    }
    expect();
    home_end(&h);
  }
  printf("  %ld requests\n", at - 2);
  EXPECT(at > 50);
}

static void test_scrub(void)
{
  sweep_body(body_scrub, expect_scrubbed);
}

static void test_unpack(void)
{
  sweep_body(body_unpack, expect_counted);
}

int main(void)
{
  make_world();
  RUN(test_scrub);
  RUN(test_unpack);
  home_end(&world);
  return unit_done();
}
