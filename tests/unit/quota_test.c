/* SPDX-License-Identifier: 0BSD */
/* What strangers may take: accounts, limits, vouching, and what a crash, a
 * withdrawal and a rebuild do to them. (tests/fault/flood_test.c floods.) */
#include "link_pair.h"
#include "station/quota.h"
#include "station/way.h"

static struct home h;
static struct err e;

#define PAIR 1024 /* what a small parcel with one small record costs */

static int set_quotas(struct home *at, int64_t budget, int64_t author,
                      int64_t collection, int64_t way)
{
  struct quotas q = {budget, author, collection, way};
  return station_set_quotas(at->st, &q, &e);
}

/* One record by a stranger, in a carry file of this name: 1 if it had room. */
static int bring(uint8_t author, int n, const char *collection,
                 const char *file, shelf_policy *policy)
{
  struct crate c;
  struct made m = {.n = n};
  const char *path = home_file(&h, file);
  crate_start(&c);
  struct cid id = made_cid(&m);
  (void)crate_parcel(&c, author, collection, 1000 + n, &id, 1);
  (void)crate_record(&c, &m);
  shelf_write(path, buf_span(&c.car));
  buf_free(&c.car);
  struct unpacked u = home_unpack_asking(&h, path, NULL, policy, NULL);
  (void)unlink(path);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.bad, 0);
  EXPECT_INT(u.parcels, u.added);
  return (int)u.parcels;
}

static int64_t account(const char *kind, struct span name)
{
  uint8_t key[CHANGE_COUNTER_MAX];
  int64_t v = -1;
  size_t n = strlen(kind);
  memcpy(key, kind, n);
  memcpy(key + n, name.p, name.n);
  NEED(change_counter(h.st, span_of(key, n + name.n), &v, &e) == 0);
  return v;
}

static int64_t author_account(uint8_t author)
{
  uint8_t key[CRYPT_KEY_SIZE];
  author_key_of(key, author);
  return account("room/a/", span_of(key, sizeof key));
}

static struct span text_span(const char *text)
{
  return span_of(text, strlen(text));
}

/* ---- limits, at n - 1, n and n + 1 ---- */

static void test_limits(void)
{
  static const int64_t over[] = {-1, 0, 1};
  for (int kind = 0; kind < 3; kind++) {
    for (int i = 0; i < 3; i++) {
      int64_t q[3] = {-1, -1, -1};
      q[kind] = 2 * PAIR + over[i];
      home_new(&h);
      NEED(set_quotas(&h, 0, q[0], q[1], q[2]) == 0);
      EXPECT_INT(bring(1, 1, "c", "a.car", NULL), 1);
      EXPECT_INT(bring(kind == 0 ? 1 : 2, 2, kind == 1 ? "c" : "d",
                       kind == 2 ? "a.car" : "b.car", NULL),
                 over[i] >= 0);
      EXPECT_INT(bring(kind == 0 ? 1 : 3, 3, kind == 1 ? "c" : "e",
                       kind == 2 ? "a.car" : "c.car", NULL),
                 0);
      /* Another one has room. */
      EXPECT_INT(bring(9, 9, "z", "z.car", NULL), 1);
      home_end(&h);
    }
  }
}

static void test_budget_bounds(void)
{
  home_new(&h);
  EXPECT_INT(set_quotas(&h, QUOTA_BUDGET_MIN - 1, 0, 0, 0), ERR_INVALID);
  EXPECT_INT(set_quotas(&h, QUOTA_BUDGET_MIN, 0, 0, 0), 0);
  EXPECT_INT(set_quotas(&h, QUOTA_BUDGET_MIN + 1, 0, 0, 0), 0);
  EXPECT_INT(set_quotas(&h, 0, 0, 0, 0), 0);
  home_end(&h);
}

/* The least that anything costs, and a way's name, at their bounds. */
static void test_cost_bounds(void)
{
  char name[QUOTA_WAY_MAX + 2];
  EXPECT_INT(quota_cost(QUOTA_COST_MIN - 1), QUOTA_COST_MIN);
  EXPECT_INT(quota_cost(QUOTA_COST_MIN), QUOTA_COST_MIN);
  EXPECT_INT(quota_cost(QUOTA_COST_MIN + 1), QUOTA_COST_MIN + 1);
  home_new(&h);
  NEED(set_quotas(&h, 0, -1, -1, -1) == 0);
  for (int i = -1; i <= 1; i++) {
    struct crate c;
    struct made m = {.n = 50 + i};
    struct unpack_options opt = {.way = name};
    const char *path = home_file(&h, "w.car");
    memset(name, 'w', sizeof name);
    name[QUOTA_WAY_MAX + i] = 0;
    crate_start(&c);
    struct cid id = made_cid(&m);
    (void)crate_parcel(&c, 1, "c", 1000, &id, 1);
    (void)crate_record(&c, &m);
    shelf_write(path, buf_span(&c.car));
    buf_free(&c.car);
    EXPECT_INT(home_unpack_asking(&h, path, &opt, NULL, NULL).parcels, 1);
  }
  name[QUOTA_WAY_MAX] = 0; /* the longest was cut to this one */
  EXPECT_INT(account("room/w/", text_span(name)), 2 * PAIR);
  name[QUOTA_WAY_MAX - 1] = 0;
  EXPECT_INT(account("room/w/", text_span(name)), PAIR);
  home_end(&h);
}

/* ---- accounts ---- */

static void test_accounts(void)
{
  struct made m = {.n = 70, .pad = 2000};
  home_new(&h);
  NEED(set_quotas(&h, 0, -1, -1, -1) == 0);
  (void)home_publish(&h, "c", &m, -1); /* our own costs nothing */
  EXPECT_INT(account("room/c/", text_span("c")), 0);
  for (int i = 0; i < 3; i++) {
    EXPECT_INT(bring(1, i, "c", "a.car", NULL), 1);
  }
  EXPECT_INT(bring(2, 10, "c", "b.car", NULL), 1);
  EXPECT_INT(author_account(1), 3 * PAIR);
  EXPECT_INT(author_account(2), PAIR);
  EXPECT_INT(account("room/c/", text_span("c")), 4 * PAIR);
  EXPECT_INT(account("room/w/", text_span("file a.car")), 3 * PAIR);
  /* A process that starts anew, and one that counts anew, say the same. */
  home_again(&h);
  EXPECT_INT(author_account(1), 3 * PAIR);
  home_rebuild(&h);
  EXPECT_INT(author_account(1), 3 * PAIR);
  EXPECT_INT(account("room/c/", text_span("c")), 4 * PAIR);
  EXPECT_INT(account("room/w/", text_span("file a.car")), 3 * PAIR);
  EXPECT_INT(account("room/w/", text_span("file b.car")), PAIR);
  home_end(&h);
}

/* Quotas that are set late count what is here. */
static void test_set_late(void)
{
  home_new(&h);
  EXPECT_INT(bring(1, 1, "c", "a.car", NULL), 1);
  EXPECT_INT(author_account(1), 0);
  NEED(set_quotas(&h, 0, PAIR, -1, -1) == 0);
  EXPECT_INT(author_account(1), PAIR);
  EXPECT_INT(account("room/w/", text_span("file a.car")), PAIR);
  EXPECT_INT(bring(1, 2, "c", "a.car", NULL), 0);
  home_again(&h);
  EXPECT_INT(bring(1, 2, "c", "a.car", NULL), 0);
  EXPECT_INT(bring(2, 2, "c", "a.car", NULL), 1);
  home_end(&h);
}

/* ---- withdrawals ---- */

/* By the author of the record; also where no room is left. 1: it came. */
static int take_back(uint8_t author, int n, const char *collection)
{
  struct crate c;
  struct made gone = {.n = n};
  struct cid about = made_cid(&gone);
  struct made m = {.type = "withdraw", .n = n, .about = &about};
  crate_start(&c);
  struct cid id = made_cid(&m);
  (void)crate_parcel(&c, author, collection, 2000 + n, &id, 1);
  (void)crate_record(&c, &m);
  return (int)crate_unpack(&c, &h).parcels;
}

static void test_withdrawal(void)
{
  home_new(&h);
  NEED(set_quotas(&h, 0, 3 * PAIR, -1, -1) == 0);
  for (int i = 0; i < 4; i++) {
    EXPECT_INT(bring(1, i, "c", "a.car", NULL), i < 3);
  }
  EXPECT_INT(take_back(1, 9, "c"), 0); /* of nothing: it has no room */
  EXPECT_INT(take_back(1, 1, "d"), 0); /* it was not said there */
  EXPECT_INT(take_back(1, 1, "c"), 1);
  /* The record is given back; its parcel and the withdrawal stay. */
  EXPECT_INT(author_account(1), 4 * PAIR - PAIR / 2);
  EXPECT_INT(account("room/c/", text_span("c")), 4 * PAIR - PAIR / 2);
  EXPECT_INT(account("room/w/", text_span("file a.car")), 3 * PAIR - PAIR / 2);
  home_rebuild(&h);
  EXPECT_INT(author_account(1), 4 * PAIR - PAIR / 2);
  home_end(&h);
}

/* What takes more than its withdrawal does makes room for another. */
static void test_withdrawal_makes_room(void)
{
  struct crate c;
  struct made large = {.n = 1, .pad = 20000};
  home_new(&h);
  NEED(set_quotas(&h, 0, 22000, -1, -1) == 0);
  crate_start(&c);
  struct cid id = made_cid(&large);
  (void)crate_parcel(&c, 1, "c", 1000, &id, 1);
  (void)crate_record(&c, &large);
  EXPECT_INT(crate_unpack(&c, &h).added, 1);
  EXPECT_INT(bring(1, 2, "c", "a.car", NULL), 1);
  EXPECT_INT(bring(1, 3, "c", "a.car", NULL), 0);
  struct made m = {.type = "withdraw", .about = &id};
  crate_start(&c);
  struct cid w = made_cid(&m);
  (void)crate_parcel(&c, 1, "c", 1001, &w, 1);
  (void)crate_record(&c, &m);
  EXPECT_INT(crate_unpack(&c, &h).withdrawn, 1);
  EXPECT(author_account(1) < 4 * PAIR);
  EXPECT_INT(bring(1, 3, "c", "a.car", NULL), 1);
  home_end(&h);
}

/* ---- vouching ---- */

static enum job_verdict vouch_for_one(void *ud, const struct job *j)
{
  struct parcel view;
  uint8_t key[CRYPT_KEY_SIZE];
  (void)ud;
  author_key_of(key, 1);
  NEED(parcel_read(&view, j->ask_parcel, &e) == 0);
  return memcmp(view.author, key, sizeof key) == 0 ? JOB_VOUCH : JOB_KEEP;
}

static void test_vouching(void)
{
  uint8_t key[CRYPT_KEY_SIZE];
  struct buf all = {0};
  char by[16];
  home_new(&h);
  author_key_of(key, 1);
  NEED(set_quotas(&h, 0, PAIR, -1, -1) == 0);
  EXPECT_INT(station_unvouch(h.st, key, &e), ERR_NOENT);
  EXPECT_INT(bring(1, 1, "c", "a.car", NULL), 1);
  EXPECT_INT(bring(1, 2, "c", "a.car", NULL), 0);
  NEED(station_vouch(h.st, key, "owner", &e) == 0);
  EXPECT_INT(bring(1, 2, "c", "a.car", NULL), 1);
  home_again(&h);
  EXPECT_INT(bring(1, 3, "c", "a.car", NULL), 1);
  NEED(station_vouched(h.st, &all, &e) == 0);
  EXPECT_INT(all.n, CRYPT_KEY_SIZE);
  EXPECT(memcmp(all.p, key, sizeof key) == 0);
  NEED(station_unvouch(h.st, key, &e) == 0);
  EXPECT_INT(bring(1, 4, "c", "a.car", NULL), 0);
  /* The policy knows better than the owner did. */
  station_set_policy(h.st, true);
  EXPECT_INT(bring(1, 4, "c", "a.car", vouch_for_one), 1);
  EXPECT_INT(bring(2, 5, "c", "a.car", vouch_for_one), 1);
  EXPECT_INT(bring(2, 6, "c", "a.car", vouch_for_one), 0);
  EXPECT_INT(quota_vouched(h.st, key, by, &e), 1);
  EXPECT_TEXT(by, "policy");
  buf_free(&all);
  home_end(&h);
}

/* ---- sessions ---- */

/* The receiver keeps what has room, the sender learns of the rest, and both
 * go on to the end. */
static void test_session(void)
{
  struct home from;
  struct link_pair p = {.seed = 5};
  struct link_status s[2];
  home_new(&h);
  home_new(&from);
  link_follow(&h, "*", INT64_MAX);
  link_follow(&from, "*", INT64_MAX);
  for (int i = 0; i < 10; i++) {
    (void)link_publish(&from, "c", i, 0);
  }
  (void)link_publish(&h, "c", 50, 0);
  NEED(set_quotas(&h, 0, 4 * PAIR, -1, -1) == 0);
  EXPECT(link_pair_sync(&p, &h, &from, s));
  EXPECT_INT(s[0].parcels, 4);
  EXPECT_INT(s[0].full, 6);
  EXPECT_INT(s[0].session.peer_full, 0);
  EXPECT_INT(s[1].parcels, 1);
  EXPECT_INT(s[1].session.peer_full, 6);
  EXPECT_INT(s[1].full, 0);
  /* The same again: nothing has changed, and it ends. */
  EXPECT(link_pair_sync(&p, &from, &h, s));
  EXPECT_INT(s[1].parcels, 0);
  EXPECT_INT(s[1].full, 6);
  EXPECT_INT(s[0].session.peer_full, 6);
  NEED(station_vouch(h.st, from.st->self, "owner", &e) == 0);
  EXPECT(link_pair_sync(&p, &from, &h, s));
  EXPECT_INT(s[1].parcels, 6);
  EXPECT_INT(s[1].full, 0);
  EXPECT(link_equal(&h, &from));
  EXPECT(home_sound(&h));
  home_end(&from);
  home_end(&h);
}

/* Records that come after their parcel need room, too. */
static void test_lone_record(void)
{
  struct crate c;
  struct made small = {.n = 1}, large = {.n = 2, .pad = 9000};
  struct cid id[2] = {made_cid(&small), made_cid(&large)};
  home_new(&h);
  NEED(set_quotas(&h, 0, 5000, -1, -1) == 0);
  crate_start(&c);
  (void)crate_parcel(&c, 1, "c", 1000, id, 2);
  (void)crate_record(&c, &small);
  EXPECT_INT(crate_unpack(&c, &h).missing, 1);
  crate_start(&c);
  (void)crate_record(&c, &large);
  struct unpacked u = crate_unpack(&c, &h);
  EXPECT_INT(u.added, 0);
  EXPECT_INT(u.missing, 1);
  EXPECT(!home_has(&h, &id[1]));
  NEED(set_quotas(&h, 0, 12000, -1, -1) == 0);
  crate_start(&c);
  (void)crate_record(&c, &large);
  EXPECT_INT(crate_unpack(&c, &h).added, 1);
  home_end(&h);
}

/* A parcel from the future waits for its time only if it has room, and if it
 * has none by then it is let go. */
static void test_held(void)
{
  struct crate c;
  struct made m = {.n = 1}, other = {.n = 2};
  struct cid id = made_cid(&m);
  struct station_stats s;
  home_new(&h);
  NEED(set_quotas(&h, 0, PAIR, -1, -1) == 0);
  crate_start(&c);
  (void)crate_parcel(&c, 1, "c", SHELF_NOW + 200000, &id, 1);
  (void)crate_record(&c, &m);
  EXPECT_INT(crate_unpack(&c, &h).held, 1);
  EXPECT_INT(bring(1, 2, "c", "a.car", NULL), 1);
  h.now += 200000;
  home_again(&h);
  NEED(station_stats(h.st, &s, &e) == 0);
  EXPECT_INT(s.held, 0);
  EXPECT(!home_has(&h, &id));
  id = made_cid(&other);
  EXPECT(home_has(&h, &id));
  crate_start(&c);
  (void)crate_parcel(&c, 1, "c", h.now + 200000, &id, 1);
  (void)crate_record(&c, &other);
  EXPECT_INT(crate_unpack(&c, &h).held, 0);
  home_end(&h);
}

/* ---- ways ---- */

static void test_ways(void)
{
  char way[QUOTA_WAY_MAX + 1];
  struct made m = {.n = 1};
  uint64_t ref;
  home_new(&h);
  struct cid own = home_publish(&h, "c", &m, -1);
  EXPECT_INT(bring(1, 2, "c", "a.car", NULL), 1);
  m.n = 3;
  struct cid last = home_publish(&h, "c", &m, -1);
  m.n = 2;
  struct cid other = made_cid(&m);
  for (int i = 0; i < 2; i++) {
    const struct cid *id[] = {&own, &other, &last};
    static const char *const text[] = {"own", "file a.car", "own"};
    for (int k = 0; k < 3; k++) {
      NEED(h.st->store->ops->find(h.st->store, id[k], 1, &ref, &e) == 0);
      NEED(way_of(h.st, ref, false, way, &e) == 0);
      EXPECT_TEXT(way, text[k]);
    }
    home_again(&h);
    home_rebuild(&h);
  }
  home_end(&h);
}

int main(void)
{
  RUN(test_limits);
  RUN(test_budget_bounds);
  RUN(test_cost_bounds);
  RUN(test_accounts);
  RUN(test_set_late);
  RUN(test_withdrawal);
  RUN(test_withdrawal_makes_room);
  RUN(test_vouching);
  RUN(test_session);
  RUN(test_lone_record);
  RUN(test_held);
  RUN(test_ways);
  return unit_done();
}
