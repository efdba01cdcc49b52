/* SPDX-License-Identifier: 0BSD */
/* Persistent sketches: whatever happened, they are what the log says. */
#include "sketches_shelf.h"

#define BIG 3000 /* parcels: more than SKETCHES_SMALL and SKETCHES_EVERY */

static struct err err;

static struct span text(const char *t)
{
  return span_of(t, strlen(t));
}

static void test_nothing(void)
{
  struct home h;
  struct sketches_state state;
  static struct sketch sk, none;
  home_new(&h);
  EXPECT_INT(sketches_get(h.st, text("a"), &sk, &state, &err), 0);
  EXPECT(state.count == 0 && state.upto == 0);
  EXPECT(memcmp(&sk, &none, sizeof sk) == 0);
  EXPECT(sketches_sound(h.st, "a"));
  EXPECT_INT(sketches_step(h.st, text("a"), &err), 0);
  home_end(&h);
}

/* Published parcels, records that come later, withdrawals. */
static void test_published(void)
{
  struct home h, far;
  struct buf row = {0};
  home_new(&h);
  home_new(&far);
  for (int i = 0; i < 40; i++) {
    struct made m = {.n = i, .title = "t"};
    struct cid id = home_publish(&h, i % 3 ? "a" : "b", &m, -1);
    struct made w = {.n = i, .type = "withdraw", .about = &id};
    if (i % 7 == 0) {
      (void)home_publish(&h, i % 3 ? "a" : "b", &w, -1);
    }
    if (i % 10 == 0) {
      EXPECT(sketches_sound(h.st, "a"));
    }
  }
  EXPECT(sketches_sound(h.st, "a") && sketches_sound(h.st, "b"));
  EXPECT(!row_get(h.st, row_key("rest", "a"), &row));
  NEED(shelf_carry(&h, &far).rc == 0);
  EXPECT(sketches_sound(far.st, "a") && sketches_sound(far.st, "b"));
  /* The same parcels once more are the same set. */
  struct sketches_state before, after;
  NEED(sketches_get(far.st, text("a"), NULL, &before, &err) == 0);
  NEED(shelf_carry(&h, &far).rc == 0);
  NEED(sketches_get(far.st, text("a"), NULL, &after, &err) == 0);
  EXPECT(states_equal(&before, &after));
  NEED(sketches_get(h.st, text("a"), NULL, &after, &err) == 0);
  EXPECT(memcmp(before.digest, after.digest, HASH_SIZE) == 0);
  buf_free(&row);
  home_end(&h);
  home_end(&far);
}

static void test_small_ones_rest_nowhere(void)
{
  struct home h;
  struct buf row = {0};
  home_new(&h);
  log_fill(h.st, "a", 1, SKETCHES_SMALL - 1);
  for (int i = 0; i < 3; i++) { /* n - 1, n, n + 1 */
    EXPECT(sketches_sound(h.st, "a"));
    EXPECT(row_get(h.st, row_key("rest", "a"), &row) == (i == 2));
    log_fill(h.st, "a", 2 + (uint64_t)i, 1);
  }
  buf_free(&row);
  home_end(&h);
}

/* Checkpoints come now and then, and only then. */
static void test_checkpoints(void)
{
  struct home h;
  struct buf one = {0}, two = {0};
  home_new(&h);
  log_fill(h.st, "a", 1, BIG);
  EXPECT(row_get(h.st, row_key("rest", "a"), &one));
  EXPECT(sketches_sound(h.st, "a"));
  home_again(&h);
  EXPECT(sketches_sound(h.st, "a"));
  EXPECT(row_get(h.st, row_key("rest", "a"), &one));
  log_fill(h.st, "a", 2, SKETCHES_EVERY / 2);
  EXPECT(sketches_sound(h.st, "a"));
  EXPECT(row_get(h.st, row_key("rest", "a"), &two));
  EXPECT(span_equal(buf_span(&one), buf_span(&two)));
  log_fill(h.st, "a", 3, SKETCHES_EVERY);
  EXPECT(row_get(h.st, row_key("rest", "a"), &two));
  EXPECT(!span_equal(buf_span(&one), buf_span(&two)));
  EXPECT(two.n <= 128 * 1024);
  EXPECT(sketches_sound(h.st, "a"));
  buf_free(&one);
  buf_free(&two);
  home_end(&h);
}

/* Nobody who notes looks at a sketch: it is kept all the same. */
static void test_left_behind(void)
{
  struct home h;
  struct buf row = {0};
  home_new(&h);
  for (uint64_t i = 0; i < BIG / 60; i++) { /* as many short processes */
    log_fill(h.st, "a", i, 60);
    home_again(&h);
  }
  EXPECT(row_get(h.st, row_key("rest", "a"), &row));
  EXPECT(sketches_sound(h.st, "a"));
  buf_free(&row);
  home_end(&h);
}

/* ---- what lies at rest is not believed ---- */

static void test_damaged(void)
{
  struct home h;
  struct buf row = {0};
  home_new(&h);
  log_fill(h.st, "a", 1, BIG);
  NEED(sketches_sound(h.st, "a"));
  NEED(row_get(h.st, row_key("rest", "a"), &row));
  for (size_t i = 0; i < row.n; i += 7001) {
    row.p[i] ^= 1;
    row_put(h.st, row_key("rest", "a"), buf_span(&row));
    row.p[i] ^= 1;
    home_again(&h);
    EXPECT(sketches_sound(h.st, "a"));
  }
  for (size_t n = 0; n < row.n; n += 9001) {
    row_put(h.st, row_key("rest", "a"), span_of(row.p, n));
    home_again(&h);
    EXPECT(sketches_sound(h.st, "a"));
  }
  buf_free(&row);
  home_end(&h);
}

/* Whole, but of an earlier time, of another collection, or of another set. */
static void test_stale(void)
{
  static struct sketch sk;
  static struct setsum sum;
  struct sketch_rest rest = {&sk, &sum, 0};
  struct home h;
  struct buf row = {0}, other = {0};
  home_new(&h);
  log_fill(h.st, "a", 1, BIG);
  log_fill(h.st, "b", 2, BIG);
  NEED(row_get(h.st, row_key("rest", "a"), &row));
  log_fill(h.st, "a", 3, BIG);
  row_put(h.st, row_key("rest", "a"), buf_span(&row));
  home_again(&h);
  EXPECT(sketches_sound(h.st, "a"));
  NEED(row_get(h.st, row_key("rest", "b"), &other));
  row_put(h.st, row_key("rest", "a"), buf_span(&other));
  home_again(&h);
  EXPECT(sketches_sound(h.st, "a"));
  /* One parcel short: only the count tells. */
  NEED(sketch_rest_read(&rest, buf_span(&row), &err) == 0);
  uint64_t first = 0;
  struct cid cid;
  NEED(h.st->store->ops->since(h.st->store, text("a"), 0, &first, 1, &err) ==
       1);
  NEED(h.st->store->ops->get_ref(h.st->store, first, &cid, NULL, &err) == 0);
  sketch_remove(&sk, sketch_handle(cid_digest(&cid)));
  setsum_remove(&sum, cid_digest(&cid));
  buf_clear(&row);
  NEED(sketch_rest_put(&row, &rest) == 0);
  row_put(h.st, row_key("rest", "a"), buf_span(&row));
  home_again(&h);
  EXPECT(sketches_sound(h.st, "a"));
  buf_free(&row);
  buf_free(&other);
  home_end(&h);
}

/* The store's rules allow an older block to enter a log late. */
static void test_late_entry(void)
{
  struct home h;
  uint64_t first = 0;
  home_new(&h);
  log_fill(h.st, "b", 1, 10);
  log_fill(h.st, "a", 2, BIG);
  NEED(sketches_sound(h.st, "a"));
  NEED(h.st->store->ops->since(h.st->store, text("b"), 0, &first, 1, &err) ==
       1);
  struct store_batch late = {
      .collection = text("a"), .log = &first, .log_n = 1};
  NEED(h.st->store->ops->append(h.st->store, &late, NULL, NULL, &err) == 0);
  EXPECT(sketches_sound(h.st, "a"));
  home_end(&h);
}

static void test_rebuild(void)
{
  struct home h;
  struct buf row = {0};
  home_new(&h);
  for (int i = 0; i < 30; i++) {
    struct made m = {.n = i};
    (void)home_publish(&h, "a", &m, -1);
  }
  log_fill(h.st, "fake", 1, BIG);
  struct sketches_state before, after;
  NEED(sketches_get(h.st, text("a"), NULL, &before, &err) == 0);
  NEED(row_get(h.st, row_key("rest", "fake"), &row));
  struct job *j = NULL;
  NEED(station_rebuild(&j, h.st, &err) == 0);
  NEED(job_step(j, &err) == JOB_MORE);
  EXPECT_INT(sketches_get(h.st, text("a"), NULL, &after, &err), ERR_BUSY);
  EXPECT_INT(sketches_step(h.st, text("a"), &err), ERR_BUSY);
  NEED(run_job(j, &err) == 0);
  job_del(j);
  EXPECT(!row_get(h.st, row_key("rest", "fake"), &row));
  EXPECT(!row_get(h.st, row_key("state", "fake"), &row));
  EXPECT_INT(sketches_get(h.st, text("a"), NULL, &after, &err), 0);
  EXPECT(states_equal(&before, &after));
  EXPECT(sketches_sound(h.st, "a"));
  EXPECT(sketches_sound(h.st, "fake")); /* no parcels: gone from the log */
  buf_free(&row);
  home_end(&h);
}

/* ---- held parcels, other processes ---- */

static void test_held(void)
{
  struct home h, far;
  struct sketches_state state;
  struct made m = {.n = 1};
  home_new(&h);
  home_new(&far);
  h.now += 3 * CLOCK_SKEW_MAX_S;
  (void)home_publish(&h, "a", &m, -1);
  struct unpacked u = shelf_carry(&h, &far);
  NEED(u.rc == 0 && u.held == 1);
  NEED(sketches_get(far.st, text("a"), NULL, &state, &err) == 0);
  EXPECT(state.count == 0);
  far.now += 3 * CLOCK_SKEW_MAX_S;
  home_again(&far);
  NEED(sketches_get(far.st, text("a"), NULL, &state, &err) == 0);
  EXPECT(state.count == 1 && sketches_sound(far.st, "a"));
  home_end(&h);
  home_end(&far);
}

static void test_reader(void)
{
  struct home h, reader;
  home_new(&h);
  log_fill(h.st, "a", 1, BIG);
  log_fill(h.st, "s", 2, 10);
  reader = h;
  NEED(home_try(&reader, true, &err) == 0);
  for (uint64_t i = 0; i < 5; i++) {
    EXPECT(sketches_sound(reader.st, "a") && sketches_sound(reader.st, "s"));
    log_fill(h.st, "a", 10 + i, 700);
    log_fill(h.st, "s", 20 + i, 3);
  }
  EXPECT(sketches_sound(reader.st, "a") && sketches_sound(h.st, "a"));
  station_close(reader.st);
  home_end(&h);
}

/* ---- in steps ---- */

static void test_steps(void)
{
  struct home h;
  struct buf row = {0};
  int steps = 0, rc;
  home_new(&h);
  log_fill(h.st, "a", 1, 3 * SKETCHES_STEP);
  NEED(sketches_reset(h.st, &err) == 0);
  while ((rc = sketches_step(h.st, text("a"), &err)) > 0) {
    steps++;
  }
  EXPECT(rc == 0 && steps == 3);
  EXPECT(sketches_sound(h.st, "a"));
  EXPECT(row_get(h.st, row_key("rest", "a"), &row));
  buf_free(&row);
  home_end(&h);
}

/* ---- many ---- */

/* More large collections than stay in memory, and more names than slots. */
static void test_many(void)
{
  enum { LARGE = SKETCHES_LIVE + 3, ALL = 300, PAGES = 37 };
  static struct sketches_state state[PAGES];
  struct home h;
  struct buf names = {0};
  struct span after = {NULL, 0};
  char name[16], last[16] = "";
  int n, seen = 0;
  home_new(&h);
  for (int i = 0; i < ALL; i++) {
    (void)snprintf(name, sizeof name, "c%03d", i);
    log_fill(h.st, name, (uint64_t)i, i < LARGE ? SKETCHES_SMALL + 9 : 2);
  }
  for (int i = 0; i < 3 * LARGE; i++) {
    (void)snprintf(name, sizeof name, "c%03d", i * 5 % LARGE);
    EXPECT(sketches_sound(h.st, name));
    log_fill(h.st, name, 1000 + (uint64_t)i, 5);
  }
  for (int round = 0; round < 2; round++) {
    seen = 0;
    after = span_of(NULL, 0);
    while (buf_clear(&names),
           (n = sketches_states(h.st, after, &names, state, PAGES, &err)) > 0) {
      const char *p = (const char *)names.p;
      for (int i = 0; i < n; i++) {
        struct sketches_state want;
        NEED(sketches_get(h.st, text(p), NULL, &want, &err) == 0);
        EXPECT(states_equal(&want, &state[i]) && strcmp(p, last) > 0);
        (void)snprintf(last, sizeof last, "%s", p);
        p += strlen(p) + 1;
      }
      after = text(last);
      seen += n;
    }
    EXPECT(n == 0 && seen == ALL);
    last[0] = 0;
    log_fill(h.st, "c005", 77, 3); /* the second round sees it */
    home_again(&h);
  }
  buf_free(&names);
  home_end(&h);
}

/* What was noted is told without looking at the parcels. */
static void test_states_are_noted(void)
{
  struct home h;
  struct sketches_state state[3], again[3];
  struct buf names = {0}, row = {0};
  home_new(&h);
  log_fill(h.st, "a", 1, 20);
  log_fill(h.st, "b", 2, 20);
  EXPECT_INT(sketches_states(h.st, span_of(NULL, 0), &names, state, 3, &err),
             2);
  NEED(row_get(h.st, row_key("state", "a"), &row));
  row.p[row.n - 1] ^= 1;
  row_put(h.st, row_key("state", "a"), buf_span(&row));
  row_put(h.st, row_key("state", "aa"), buf_span(&row)); /* of nothing */
  row_put(h.st, row_key("state", "b"), text("no state"));
  home_again(&h);
  EXPECT_INT(sketches_states(h.st, span_of(NULL, 0), &names, again, 3, &err),
             2);
  EXPECT(!states_equal(&state[0], &again[0])); /* the row's word */
  EXPECT(states_equal(&state[1], &again[1]));
  log_fill(h.st, "a", 3, 1);
  EXPECT_INT(sketches_states(h.st, span_of(NULL, 0), &names, again, 3, &err),
             2);
  NEED(sketches_get(h.st, text("a"), NULL, &state[0], &err) == 0);
  EXPECT(states_equal(&state[0], &again[0]));
  buf_free(&names);
  buf_free(&row);
  home_end(&h);
}

/* ---- the set, and handles ---- */

static void test_set(void)
{
  enum { N = 700 };
  static uint8_t digest[N + 10][SET_DIGEST_SIZE];
  struct sketches_view view;
  struct sketches_state state;
  struct sync_set set;
  struct home h;
  uint64_t cursor = 0;
  int n, total = 0;
  home_new(&h);
  log_fill(h.st, "a", 1, N);
  NEED(sketches_get(h.st, text("a"), NULL, &state, &err) == 0);
  log_fill(h.st, "a", 2, 50);
  sketches_set(&set, &view, h.st, text("a"), state.upto);
  while ((n = set.next(set.host, &cursor, digest + total, 10, &err)) > 0) {
    total += n;
  }
  EXPECT(n == 0 && total == N && cursor == state.upto);
  for (int i = 0; i < N; i += 50) {
    EXPECT_INT(set.has(set.host, sketch_handle(digest[i]), &err), 1);
    EXPECT_INT(set.has(set.host, sketch_handle(digest[i]) + 1, &err), 0);
  }
  uint64_t late = 0;
  struct cid cid;
  NEED(h.st->store->ops->since(h.st->store, text("a"), state.upto, &late, 1,
                               &err) == 1);
  NEED(h.st->store->ops->get_ref(h.st->store, late, &cid, NULL, &err) == 0);
  EXPECT_INT(set.has(set.host, sketch_handle(cid_digest(&cid)), &err), 0);
  EXPECT_INT(sketches_parcel(h.st, text("a"), UINT64_MAX,
                             sketch_handle(cid_digest(&cid)), NULL, NULL, &err),
             1);
  home_end(&h);
}

static void test_handles(void)
{
  struct home h;
  struct made m = {.n = 1};
  uint64_t refs[2], ref = 0;
  struct cid parcel, other, got;
  home_new(&h);
  struct cid record = home_publish(&h, "a", &m, -1);
  (void)home_publish(&h, "b", &m, -1);
  NEED(h.st->store->ops->since(h.st->store, text("a"), 0, refs, 1, &err) == 1);
  NEED(h.st->store->ops->since(h.st->store, text("b"), 0, refs + 1, 1, &err) ==
       1);
  NEED(h.st->store->ops->get_ref(h.st->store, refs[0], &parcel, NULL, &err) ==
       0);
  NEED(h.st->store->ops->get_ref(h.st->store, refs[1], &other, NULL, &err) ==
       0);
  EXPECT_INT(sketches_parcel(h.st, text("a"), UINT64_MAX,
                             sketch_handle(cid_digest(&parcel)), &ref, &got,
                             &err),
             1);
  EXPECT(ref == refs[0] && cid_equal(&got, &parcel));
  EXPECT_INT(sketches_parcel(h.st, text("a"), UINT64_MAX,
                             sketch_handle(cid_digest(&other)), NULL, NULL,
                             &err),
             0);
  EXPECT_INT(sketches_parcel(h.st, text("a"), UINT64_MAX,
                             sketch_handle(cid_digest(&record)), NULL, NULL,
                             &err),
             0);
  /* A digest that begins with eight zeros has the handle 1. */
  uint8_t digest[SET_DIGEST_SIZE] = {0};
  digest[31] = 9;
  struct store_block zero = {.bytes = text("zero")};
  cid_make(&zero.cid, CID_DAG_CBOR, digest);
  uint64_t log = STORE_NEW(0);
  struct store_batch batch = {.collection = text("a"),
                              .blocks = &zero,
                              .blocks_n = 1,
                              .log = &log,
                              .log_n = 1};
  NEED(h.st->store->ops->append(h.st->store, &batch, NULL, NULL, &err) == 0);
  EXPECT_INT(sketch_handle(digest), 1);
  EXPECT_INT(sketches_parcel(h.st, text("a"), UINT64_MAX, 1, NULL, &got, &err),
             1);
  EXPECT(cid_equal(&got, &zero.cid));
  home_end(&h);
}

/* A log that names a block that is not there: said, and no assert. */
static void test_lost_block(void)
{
  struct home h;
  struct sketches_state state;
  uint64_t first = 0;
  home_new(&h);
  log_fill(h.st, "a", 1, 3);
  NEED(h.st->store->ops->since(h.st->store, text("a"), 0, &first, 1, &err) ==
       1);
  struct store_batch batch = {.erase = &first, .erase_n = 1};
  NEED(h.st->store->ops->append(h.st->store, &batch, NULL, NULL, &err) == 0);
  EXPECT_INT(sketches_get(h.st, text("a"), NULL, &state, &err), ERR_CORRUPT);
  EXPECT(strstr(err.text, "rebuild") != NULL);
  home_end(&h);
}

int main(void)
{
  RUN(test_nothing);
  RUN(test_published);
  RUN(test_small_ones_rest_nowhere);
  RUN(test_checkpoints);
  RUN(test_left_behind);
  RUN(test_damaged);
  RUN(test_stale);
  RUN(test_late_entry);
  RUN(test_rebuild);
  RUN(test_held);
  RUN(test_reader);
  RUN(test_steps);
  RUN(test_many);
  RUN(test_states_are_noted);
  RUN(test_set);
  RUN(test_handles);
  RUN(test_lost_block);
  return unit_done();
}
