/* SPDX-License-Identifier: 0BSD */
/* Memory that runs out once, at each request that the persistent sketches
 * make: the right answer, or ERR_NOMEM; and afterwards they are what their
 * logs say. This program brings its own base/mem. */
#include "failing_heap.h"
#include "unit/sketches_shelf.h"

static struct home h;

/* One that is made on the spot, one that rests; states; a handle; a note. */
static int ask_all(struct err *e)
{
  static struct sketch sk;
  struct span small = span_of("a", 1), large = span_of("b", 1);
  struct sketches_state state = {0}, all[4];
  struct buf names = {0};
  struct cid cid;
  int n, rc = sketches_get(h.st, small, &sk, &state, e);
  EXPECT(rc < 0 || state.count == 20);
  if (rc < 0 || (rc = sketches_get(h.st, large, &sk, &state, e)) < 0) {
    return rc;
  }
  EXPECT(state.count > SKETCHES_SMALL);
  if ((rc = h.st->store->ops->get_ref(h.st->store, state.upto, &cid, NULL, e)) <
          0 ||
      (rc = sketches_parcel(h.st, large, state.upto,
                            sketch_handle(cid_digest(&cid)), NULL, NULL, e)) <
          0) {
    return rc;
  }
  EXPECT_INT(rc, 1);
  n = sketches_states(h.st, span_of(NULL, 0), &names, all, 4, e);
  EXPECT(n < 0 || n == 2);
  sketches_note(h.st, large);
  buf_free(&names);
  return n < 0 ? n : 0;
}

static void test_memory(void)
{
  struct err e = {0};
  long at = 1;
  bool reached = true;
  home_new(&h);
  log_fill(h.st, "a", 1, 20);
  log_fill(h.st, "b", 2, 2 * SKETCHES_SMALL);
  for (; reached; at++) {
    /* By turns: nothing at rest, something, something to be written. */
    log_fill(h.st, "b", 10 + (uint64_t)at, at % 3 == 2 ? SKETCHES_EVERY : 1);
    if (at % 3 == 0) {
      NEED(sketches_reset(h.st, &e) == 0);
    }
    home_again(&h);
    heap_fail(at, at % 2 ? HEAP_ONCE : HEAP_FROM);
    int rc = ask_all(&e);
    reached = heap.requests >= at;
    heap_heal();
    EXPECT(rc == 0 || (rc == ERR_NOMEM && e.code == rc && e.text[0] != '\0'));
    EXPECT(reached || rc == 0);
    EXPECT(sketches_sound(h.st, "a") && sketches_sound(h.st, "b"));
    EXPECT_INT(ask_all(&e), 0);
  }
  EXPECT(at > 10);
  home_end(&h);
}

/* A slip with a sketch, and what it lacks. */
static int slip_and_lacks(struct err *e)
{
  struct slip_options how = {.files = -1, .expect = 20};
  struct lacks_options all = {0};
  struct slip_report r = {0};
  struct job *j = NULL;
  int rc = station_slip(h.st, home_file(&h, "new.slip"), &how, &r, e);
  EXPECT(rc < 0 || (r.sketches == 1 && r.parcels == SKETCHES_SMALL + 105));
  if (rc == 0 &&
      (rc = station_lacks(&j, h.st, home_file(&h, "old.slip"), &all, e)) == 0) {
    rc = run_job(j, e);
    EXPECT(rc < 0 ||
           (job_value(j, "parcels") == 5 && job_value(j, "whole") == 0));
    job_del(j);
  }
  return rc;
}

static void test_slips(void)
{
  struct slip_options how = {.files = -1, .expect = 20};
  struct slip_report r = {0};
  struct err e = {0};
  bool reached = true;
  long at = 1;
  home_new(&h);
  for (int i = 0; i < (int)SKETCHES_SMALL + 105; i++) {
    struct made m = {.n = i};
    if (i == (int)SKETCHES_SMALL + 100) {
      NEED(station_slip(h.st, home_file(&h, "old.slip"), &how, &r, &e) == 0);
    }
    (void)home_publish(&h, "c", &m, -1);
  }
  for (; reached; at++) {
    home_again(&h);
    heap_fail(at, at % 2 ? HEAP_ONCE : HEAP_FROM);
    int rc = slip_and_lacks(&e);
    reached = heap.requests >= at;
    heap_heal();
    EXPECT(rc == 0 || (rc == ERR_NOMEM && e.code == rc && e.text[0] != '\0'));
    EXPECT(reached || rc == 0);
  }
  EXPECT(at > 50);
  EXPECT_INT(slip_and_lacks(&e), 0);
  home_end(&h);
}

int main(void)
{
  RUN(test_memory);
  RUN(test_slips);
  return unit_done();
}
