/* SPDX-License-Identifier: 0BSD */
/* Memory that runs out once, or for good, at each so-many-th request of a
 * session of two stations: a clean error at one end, and at the other that the
 * stream ended; nothing leaks (under the sanitizers), and the next session
 * brings all. This program brings its own base/mem. */
#include "failing_heap.h"
#include "unit/link_pair.h"

static struct home a, b;
static struct link_pair p;

static void make_world(void)
{
  memset(&p, 0, sizeof p);
  p.size = 50000;
  home_new(&a);
  home_new(&b);
  link_follow(&a, "*", INT64_MAX);
  link_follow(&b, "*", INT64_MAX);
  for (int i = 0; i < 6; i++) {
    (void)link_publish(i % 2 ? &a : &b, i % 3 ? "c" : "d", i,
                       i == 4 ? 1100000 : 500);
  }
  for (int i = 0; i < 60; i++) { /* a sketch, no list */
    (void)link_publish(&a, "many", i, 0);
  }
  EXPECT(link_pair_sync(&p, &a, &b, NULL));
  (void)link_publish(&a, "many", 100, 0);
  (void)link_publish(&b, "many", 101, 0);
  (void)link_publish(&b, "new", 102, 1100000);
}

static void end_world(void)
{
  home_end(&a);
  home_end(&b);
}

/* A session with the failure in it. Was the request reached? */
static bool fail_at(long at, enum heap_fault fault)
{
  struct err e = {0};
  heap_fail(at, fault);
  p.rc = link_pair_try(&p, &a, &b, &e);
  bool done = p.rc == 0 && link_pair_run(&p);
  bool reached = heap.requests >= at;
  heap_heal();
  EXPECT(done || p.rc == ERR_NOMEM);
  EXPECT(done || p.e.text[0] != '\0' || e.text[0] != '\0');
  link_pair_end(&p);
  return reached;
}

static void test_session(void)
{
  const char *every = getenv("SESSION_FAULTS"); /* each so-many-th */
  long step = every != NULL ? strtol(every, NULL, 10) : 23;
  long at = 1;
  NEED(step > 0);
  make_world();
  for (bool reached = true; reached; at += step) {
    reached = fail_at(at, at % 2 ? HEAP_ONCE : HEAP_FROM);
    EXPECT(link_pair_sync(&p, &a, &b, NULL));
    EXPECT(link_equal(&a, &b));
    /* Something new for the next. */
    (void)link_publish(&b, "many", (int)at + 1000, 0);
    (void)link_publish(&a, at % 3 ? "c" : "new", (int)at + 1000, 3000);
  }
  EXPECT(at > 10 * step);
  EXPECT(home_sound(&a));
  EXPECT(home_sound(&b));
  end_world();
}

int main(void)
{
  RUN(test_session);
  return unit_done();
}
