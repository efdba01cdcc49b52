/* SPDX-License-Identifier: 0BSD */
#include "station/link.h"

#include "station_shelf.h"

/* ---- two stations and a wire that keeps all bytes ---- */

struct ends {
  struct home h[2];
  struct link *l[2];
  const char *unserved[2]; /* kept from the peer */
  struct link_status st[2];
};

static void ends_start(struct ends *x)
{
  memset(x, 0, sizeof *x);
  home_new(&x->h[0]);
  home_new(&x->h[1]);
}

static void ends_free(struct ends *x)
{
  home_end(&x->h[0]);
  home_end(&x->h[1]);
}

static void answer(struct ends *x, int i)
{
  struct session *s = link_session(x->l[i]);
  struct span name;
  struct err e;
  while (session_asked(s, &name) == SESSION_ASKS_SERVE) {
    const char *kept = x->unserved[i];
    bool same = span_equal(name, span_of(kept, strlen(kept)));
    NEED(session_answer(s, same ? 0 : 1, &e) == 0);
  }
}

/* What one says, to the other. How much? */
static size_t ends_pass(struct ends *x, int from)
{
  struct buf out = {0};
  struct err e;
  size_t taken;
  int n;
  while ((n = session_pull(link_session(x->l[from]), &out, 1 << 20, &e)) > 0 ||
         session_busy(link_session(x->l[from]))) {
    answer(x, from);
  }
  answer(x, from);
  EXPECT(n == 0);
  EXPECT(session_feed(link_session(x->l[1 - from]), buf_span(&out), &taken,
                      &e) == 0);
  EXPECT_INT(taken, out.n);
  size_t all = out.n;
  buf_free(&out);
  return all;
}

/* A session, the first calls. */
static void ends_sync(struct ends *x)
{
  struct err e;
  int idle = 0;
  for (int i = 0; i < 2; i++) {
    struct link_options opt = {
        .initiator = i == 0, .serve = x->unserved[i] != NULL, .level = 3};
    NEED(link_new(&x->l[i], x->h[i].st, &opt, &e) == 0);
  }
  while (idle < 4) {
    idle = ends_pass(x, 0) + ends_pass(x, 1) > 0 ? 0 : idle + 1;
  }
  for (int i = 0; i < 2; i++) {
    link_status(x->l[i], &x->st[i]);
    EXPECT_INT(x->st[i].session.state, SESSION_DONE);
    link_del(x->l[i]);
  }
}

static void publish(struct home *h, const char *collection, int from, int to)
{
  for (int n = from; n < to; n++) {
    struct made m = {.n = n};
    (void)home_publish(h, collection, &m, -1);
  }
}

static uint64_t parcels(struct home *h, const char *collection)
{
  struct err e;
  uint64_t n = 0;
  NEED(station_collection_count(h->st, span_of(collection, strlen(collection)),
                                &n, &e) == 0);
  return n;
}

/* ---- tests ---- */

/* What the policy keeps from a peer is neither given nor taken, whoever calls
 * and whatever the peer has of it. */
static void test_unserved(void)
{
  for (int who = 0; who < 2; who++) {
    struct ends x;
    ends_start(&x);
    x.unserved[who] = "kept";
    publish(&x.h[who], "kept", 0, 3);
    publish(&x.h[1 - who], "kept", 10, 12);
    publish(&x.h[who], "told", 20, 21);
    ends_sync(&x);
    EXPECT_INT(parcels(&x.h[1 - who], "told"), 1);
    EXPECT_INT(parcels(&x.h[1 - who], "kept"), 2);
    EXPECT_INT(parcels(&x.h[who], "kept"), 3);
    ends_free(&x);
  }
}

/* The peer names but one collection, and that is kept from it: a round in
 * which nothing is opened ends all the same. */
static void test_nothing_to_open(void)
{
  struct ends x;
  ends_start(&x);
  x.unserved[0] = "kept";
  publish(&x.h[0], "kept", 0, 3);
  publish(&x.h[1], "kept", 10, 12);
  ends_sync(&x);
  EXPECT_INT(parcels(&x.h[0], "kept"), 3);
  EXPECT_INT(parcels(&x.h[1], "kept"), 2);
  ends_free(&x);
}

/* Where the initiator has fewer, and its list is shorter than a sketch, it
 * lists: that does, no dearer way is taken and nothing comes twice. */
static void test_told(void)
{
  struct ends x;
  ends_start(&x);
  publish(&x.h[0], "c", 0, 200);
  ends_sync(&x);
  publish(&x.h[1], "c", 200, 360);
  publish(&x.h[0], "c", 400, 401);
  ends_sync(&x);
  EXPECT_INT(parcels(&x.h[0], "c"), 361);
  EXPECT_INT(parcels(&x.h[1], "c"), 361);
  EXPECT_INT(x.st[0].session.fallbacks, 0);
  EXPECT_INT(x.st[0].session.in.parcels, 160);
  EXPECT_INT(x.st[1].session.in.parcels, 1);
  ends_free(&x);
}

int main(void)
{
  RUN(test_unserved);
  RUN(test_nothing_to_open);
  RUN(test_told);
  return unit_done();
}
