/* SPDX-License-Identifier: 0BSD */
/* Two ends of a session, with hosts in memory. Each request for memory, each
 * put and each digest fails in turn, alone or with all that follow; each call
 * of either host fails in turn. The end that it befalls says so with its code
 * and a sentence, the other one that the connection ended; nothing leaks (under
 * the sanitizers), and the next session of the same hosts brings all.
 * This program brings its own base/mem. */
#define HOST_FILES 400
#include "failing_digest.h"

#include "failing_buf.h"
#include "unit/session_puppet.h"

/* ---- worlds ---- */

static struct pair p;

/* What the hosts held before a session, to be put back after it. */
struct mark {
  size_t n[HOST_NAMES], files;
  struct setsum sum[HOST_NAMES];
};
static struct mark marks[2];

static void mark_world(void)
{
  for (int i = 0; i < 2; i++) {
    const struct host *h = &p.host[i];
    marks[i].files = h->files;
    for (size_t k = 0; k < h->sets; k++) {
      marks[i].n[k] = h->set[k].n;
      marks[i].sum[k] = h->set[k].sum;
    }
  }
}

static void put_back(void)
{
  for (int i = 0; i < 2; i++) {
    struct host *h = &p.host[i];
    for (; h->files > marks[i].files; h->files--) {
      buf_free(&h->file[h->files - 1]);
    }
    for (size_t k = 0; k < h->sets; k++) {
      h->set[k].n = marks[i].n[k];
      h->set[k].sum = marks[i].sum[k];
      free(h->set[k].handle);
      h->set[k].handle = NULL;
    }
    h->fails_at = h->calls = 0;
  }
}

/* Collections that come with a session find their place already made, so that
 * marks stay with their sets. */
static void make_places(void)
{
  for (int i = 0; i < 2; i++) {
    for (size_t k = 0; k < p.host[i].sets; k++) {
      const char *name = p.host[i].set[k].name;
      (void)host_set_of(&p.host[1 - i], span_of(name, strlen(name)));
    }
  }
}

static const char *numbered(int i)
{
  static char name[24];
  (void)snprintf(name, sizeof name, "c/%04d", i);
  return name;
}

/* Lists, names, rounds' data, files large and small, all questions. */
static void make_mixed(void)
{
  p.host[0].wish[0] = "c/*";
  p.host[0].wish[1] = "sole";
  p.host[1].wish[0] = "*";
  host_add(&p.host[0], "c/1", 0, 20);
  host_add(&p.host[1], "c/1", 2, 23);
  host_add(&p.host[0], "c/2", 0, 2);
  host_add(&p.host[1], "c/3", 0, 3);
  host_add(&p.host[1], "sole", 0, 10);
  host_add(&p.host[0], "sole", 8, 11);
  host_add(&p.host[0], "kept", 0, 2);
  for (int i = 0; i < 2; i++) {
    p.host[i].asks_serve = p.host[i].asks_order = p.host[i].asks_admit = true;
    p.host[i].records = p.host[i].slow = 1;
    host_file(&p.host[i], 100, (uint64_t)i);
    host_file(&p.host[i], 300000, (uint64_t)i + 5);
    for (int k = 0; k < 2; k++) {
      p.host[1 - i].want[p.host[1 - i].wants++] = p.host[i].file_cid[k];
    }
  }
  p.host[0].unserved = "kept";
  NEED(cid_of(&p.host[0].want[p.host[0].wants++], CID_RAW, "none", 4) == 0);
}

/* Sketches, of a set and of the catalogue. */
static void make_sketches(void)
{
  p.host[0].wish[0] = p.host[1].wish[0] = "*";
  host_add(&p.host[0], "c", 0, 640);
  host_add(&p.host[1], "c", 0, 600);
  host_add(&p.host[1], "c", 1000, 1030);
  for (int i = 0; i < 200; i++) {
    host_add(&p.host[i % 2], numbered(i / 2), 0, 1);
    if (i >= 196) {
      host_add(&p.host[i % 2], numbered(1000 + i), 0, 1);
    }
  }
}

/* A short set meets a long one: the list goes the other way. */
static void make_told(void)
{
  p.host[0].wish[0] = p.host[1].wish[0] = "c";
  host_add(&p.host[0], "c", 8000, 8004);
  host_add(&p.host[1], "c", 0, 8001);
}

/* Too much for one sketch. */
static void make_keyed(void)
{
  p.host[0].wish[0] = p.host[1].wish[0] = "c";
  host_add(&p.host[0], "c", 0, 8100);
  host_add(&p.host[1], "c", 4000, 12100);
}

/* More than a round has room for, and more files than may be asked for. */
static void make_many(void)
{
  p.host[0].wish[0] = p.host[1].wish[0] = "*";
  for (int i = 0; i < 300; i++) {
    host_add(&p.host[i % 2], numbered(i), 0, 1);
    host_file(&p.host[0], 10, (uint64_t)i + 100);
    p.host[1].want[p.host[1].wants++] = p.host[0].file_cid[i];
  }
}

static void begin_world(void (*make)(void))
{
  memset(&p, 0, sizeof p);
  p.seed = 3;
  p.feed = p.pull = 100000;
  make();
  make_places();
  mark_world();
}

/* ---- what befalls a session ---- */

static bool all_came(void)
{
  const struct host *h = &p.host[1];
  for (size_t i = 0; i < h->wants; i++) {
    if (!host_keeps(h, &h->want[i])) {
      return false;
    }
  }
  return pair_equal(&p);
}

/* This end has failed with ${code}, or it hears that the other one has. */
static bool end_failed(struct session *s, int code)
{
  struct session_status now = host_status(s);
  struct err e = {0};
  if (now.state == SESSION_FAILED) {
    EXPECT_INT(now.error.code, code);
    EXPECT(now.error.text[0] != '\0');
    return strcmp(now.error.text, p.e.text) == 0;
  }
  int rc = session_eof(s, &e);
  EXPECT(rc == ERR_CLOSED || rc == 0);
  EXPECT_INT(host_status(s).state, rc == 0 ? SESSION_DONE : SESSION_FAILED);
  return false;
}

/* The session is over or has failed with ${code}; the next brings all. */
static void expect_clean(bool done, int code)
{
  if (!done) {
    EXPECT_INT(p.rc, code);
    bool first = end_failed(p.s[0], code), second = end_failed(p.s[1], code);
    EXPECT(first || second);
  }
  pair_end(&p);
  EXPECT(pair_sync(&p));
  EXPECT(all_came());
  pair_end(&p);
  put_back();
}

/* Each of the first ${all} requests fails, then ever fewer of them; there have
 * to be ${least}. */
static void sweep_memory(void (*make)(void), long all, long least)
{
  begin_world(make);
  long at = 1;
  for (bool reached = true; reached && unit_faults == 0;
       at += at < all ? 1 : at / 20) {
    p.seed = 3;
    pair_begin(&p);
    heap_fail(at, at % 2 ? HEAP_ONCE : HEAP_FROM);
    bool done = pair_go(&p);
    reached = heap.requests >= at;
    heap_heal();
    EXPECT(reached || done);
    expect_clean(done, ERR_NOMEM);
  }
  EXPECT(at > least);
  pair_free(&p);
}

static void test_memory(void)
{
  sweep_memory(make_mixed, 900, 600);
  sweep_memory(make_sketches, 200, 1500);
  sweep_memory(make_told, 100, 1000);
  sweep_memory(make_keyed, 30, 1000);
  sweep_memory(make_many, 100, 3000);
}

/* Each of the first calls of either host fails, then ever fewer of them; there
 * have to be ${least}. */
static void sweep_calls(void (*make)(void), int least)
{
  begin_world(make);
  for (int i = 0; i < 2; i++) {
    int at = 1;
    for (bool reached = true; reached && unit_faults == 0;
         at += at < 60 ? 1 : at / 8) {
      p.seed = 3;
      pair_begin(&p);
      p.host[i].fails_at = at;
      bool done = pair_go(&p);
      reached = p.host[i].calls >= at;
      EXPECT_INT(done, !reached);
      p.host[i].fails_at = 0;
      expect_clean(done, ERR_IO);
    }
    EXPECT(at > least);
  }
  pair_free(&p);
}

static void test_calls(void)
{
  sweep_calls(make_mixed, 60);
  sweep_calls(make_sketches, 200);
  sweep_calls(make_told, 30);
  sweep_calls(make_keyed, 100);
  sweep_calls(make_many, 1000);
}

/* A session that can't be made is none. */
static void test_new(void)
{
  static struct host h;
  struct session_host host = host_of(&h);
  uint8_t key[NOISE_KEY_SIZE] = {1};
  struct session_options opt = {
      .id = host_identity(true), .secret = key, .once = key};
  for (long at = 1;; at++) {
    struct session *s = NULL;
    struct err e = {0};
    heap_fail(at, HEAP_ONCE);
    int rc = session_new(&s, &host, &opt, &e);
    bool reached = heap.requests >= at;
    heap_heal();
    EXPECT_INT(rc, reached ? ERR_NOMEM : 0);
    EXPECT_INT(e.code, rc);
    EXPECT((s == NULL) == reached);
    session_del(s);
    if (!reached) {
      EXPECT(at > 4);
      break;
    }
  }
}

int main(void)
{
  RUN(test_memory);
  RUN(test_calls);
  RUN(test_new);
  return unit_done();
}
