/* SPDX-License-Identifier: 0BSD */
/* admit, held, placing, listing: what enters, who lists it, who takes it
 * back. */
#include "station/admit.h"

#include "station_shelf.h"

static struct home h;
static struct err e;

static const struct made one = {.n = 1, .title = "alpha"};
static const struct made two = {.n = 2, .title = "beta"};

/* Take in a parcel of ${author} that lists ${n} records, all of them at hand.
 */
static struct unpacked deliver(uint8_t author, const char *collection,
                               int64_t time, const struct made *m, size_t n)
{
  return home_bring(&h, author, collection, time, m, n, n);
}

/* The parcel alone. */
static struct unpacked announce(uint8_t author, const char *collection,
                                int64_t time, const struct cid *id, size_t n)
{
  struct crate c;
  crate_start(&c);
  (void)crate_parcel(&c, author, collection, time, id, n);
  return crate_unpack(&c, &h);
}

/* The record alone. */
static struct unpacked send(const struct made *m)
{
  struct crate c;
  crate_start(&c);
  (void)crate_record(&c, m);
  return crate_unpack(&c, &h);
}

static int lists(const struct cid *id)
{
  struct listing by[LISTINGS_MAX];
  uint64_t ref;
  NEED(h.st->store->ops->find(h.st->store, id, 1, &ref, &e) == 0);
  int n = ref == 0 ? 0 : listings(h.st, ref, by, &e);
  NEED(n >= 0);
  return n;
}

static bool block_here(const struct cid *id)
{
  uint64_t ref;
  NEED(h.st->store->ops->find(h.st->store, id, 1, &ref, &e) == 0);
  return ref != 0;
}

/* ---- parcels and records ---- */

static void test_known_parcel(void)
{
  home_new(&h);
  struct unpacked u = deliver(1, "c", 1, &one, 1);
  EXPECT_INT(u.parcels, 1);
  EXPECT_INT(u.added, 1);
  u = deliver(1, "c", 1, &one, 1);
  EXPECT_INT(u.parcels + u.added, 0);
  EXPECT_INT(u.known, 2);
  u = deliver(1, "c", 2, &one, 1); /* listed once more */
  EXPECT_INT(u.parcels, 1);
  EXPECT_INT(u.added, 0);
  EXPECT_INT(u.known, 1);
  struct cid id = made_cid(&one);
  EXPECT_INT(lists(&id), 2);
  EXPECT(home_sound(&h));
  home_end(&h);
}

static void test_late_records(void)
{
  struct cid id[2] = {made_cid(&one), made_cid(&two)};
  home_new(&h);
  struct unpacked u = announce(1, "c", 1, id, 2);
  EXPECT_INT(u.missing, 2);
  EXPECT(home_sound(&h));
  u = announce(2, "d", 1, id, 1);
  EXPECT_INT(u.missing, 2);
  u = send(&one);
  EXPECT_INT(u.added, 1);
  EXPECT_INT(u.missing, 1);
  EXPECT_INT(lists(&id[0]), 2);
  u = deliver(1, "c", 1, (const struct made[]){one, two}, 2);
  EXPECT_INT(u.parcels, 0);
  EXPECT_INT(u.added, 1);
  EXPECT_INT(u.missing, 0);
  EXPECT(home_has(&h, &id[1]));
  EXPECT(home_sound(&h));
  u = send(&(struct made){.n = 99});
  EXPECT_INT(u.unlisted, 1);
  EXPECT_INT(u.added, 0);
  home_end(&h);
}

/* 31, 32, 33 listings: more are passed over, and nothing breaks. */
static void test_listings_limit(void)
{
  struct cid id = made_cid(&one);
  home_new(&h);
  for (int i = 1; i <= LISTINGS_MAX + 2; i++) {
    char name[16];
    (void)snprintf(name, sizeof name, "c%d", i);
    (void)deliver(1, name, i, &one, 1);
    EXPECT_INT(lists(&id), i < LISTINGS_MAX ? i : LISTINGS_MAX);
    if (i >= LISTINGS_MAX - 1) {
      EXPECT(home_sound(&h));
    }
  }
  /* One of the first goes: the next in line counts. */
  struct made gone = {.type = "withdraw", .about = &id};
  struct unpacked u = deliver(1, "c2", 99, &gone, 1);
  EXPECT_INT(u.withdrawn, 1);
  EXPECT_INT(lists(&id), LISTINGS_MAX);
  EXPECT(home_has(&h, &id));
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* ---- withdrawal ---- */

static void test_withdraw(void)
{
  struct cid id = made_cid(&one);
  struct made gone = {.type = "withdraw", .about = &id};
  struct cid word = made_cid(&gone);
  home_new(&h);
  (void)deliver(1, "c", 1, &one, 1);
  struct unpacked u = deliver(1, "c", 2, &gone, 1);
  EXPECT_INT(u.withdrawn, 1);
  EXPECT(!home_has(&h, &id));
  EXPECT(!block_here(&id));
  EXPECT(home_has(&h, &word));
  EXPECT(home_sound(&h));
  u = deliver(1, "c", 1, &one, 1); /* an old stick */
  EXPECT_INT(u.added, 0);
  u = deliver(1, "c", 3, &one, 1); /* listed again: a withdrawal is for good */
  EXPECT_INT(u.parcels, 1);
  EXPECT_INT(u.added + u.missing, 0);
  EXPECT(!home_has(&h, &id));
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* Only its own voice: another author, and another collection, stay. */
static void test_withdraw_is_of_a_voice(void)
{
  struct cid id = made_cid(&one);
  struct made gone = {.type = "withdraw", .about = &id};
  home_new(&h);
  (void)deliver(1, "c", 1, &one, 1);
  (void)deliver(2, "c", 2, &one, 1);
  (void)deliver(1, "d", 3, &one, 1);
  struct unpacked u = deliver(3, "c", 4, &gone, 1);
  EXPECT_INT(u.withdrawn, 0);
  EXPECT_INT(lists(&id), 3);
  u = deliver(1, "c", 5, &gone, 1);
  EXPECT_INT(u.withdrawn, 1);
  EXPECT_INT(lists(&id), 2);
  EXPECT(home_sound(&h));
  (void)deliver(2, "c", 6, &gone, 1);
  EXPECT_INT(lists(&id), 1);
  EXPECT(block_here(&id));
  (void)deliver(1, "d", 7, &gone, 1);
  EXPECT_INT(lists(&id), 0);
  EXPECT(!block_here(&id));
  EXPECT(home_sound(&h));
  home_end(&h);
}

static void test_withdraw_before_the_record(void)
{
  struct cid id = made_cid(&one);
  struct made gone = {.type = "withdraw", .about = &id};
  home_new(&h);
  (void)deliver(1, "c", 2, &gone, 1);
  struct unpacked u = deliver(1, "c", 1, &one, 1);
  EXPECT_INT(u.added + u.missing, 0);
  EXPECT(!home_has(&h, &id));
  u = deliver(2, "c", 1, &one, 1);
  EXPECT_INT(u.added, 1);
  EXPECT_INT(lists(&id), 1);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* Also where more others than anybody counts claimed to withdraw it. */
static void test_withdraw_among_many(void)
{
  struct cid id = made_cid(&one);
  home_new(&h);
  (void)deliver(1, "c", 1, &one, 1);
  for (int i = 0; i <= LISTINGS_MAX; i++) {
    struct made vain = {.type = "withdraw", .about = &id, .n = i};
    EXPECT_INT(deliver((uint8_t)(10 + i), "c", 1, &vain, 1).withdrawn, 0);
  }
  struct made gone = {.type = "withdraw", .about = &id, .n = 100};
  EXPECT_INT(deliver(1, "c", 5, &gone, 1).withdrawn, 1);
  EXPECT_INT(deliver(1, "c", 6, &one, 1).added, 0);
  EXPECT_INT(deliver(1, "c", 6, &one, 1).missing, 0);
  EXPECT(!home_has(&h, &id));
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* One voice took it back, another lists it further on in the same file: the
 * record comes before or after its withdrawal. */
static void test_withdrawn_and_listed_in_one_file(void)
{
  struct cid id = made_cid(&one);
  struct made gone = {.type = "withdraw", .about = &id};
  struct cid word = made_cid(&gone);
  for (int first = 0; first < 3; first++) {
    struct crate c;
    home_new(&h);
    crate_start(&c);
    if (first == 2) { /* the withdrawal apart from its parcel */
      (void)crate_parcel(&c, 1, "c", 2, &word, 1);
    }
    for (int i = 0; i < 2; i++) {
      bool is_word = (first > 0) == (i == 1);
      if (first < 2 || !is_word) {
        (void)crate_parcel(&c, 1, "c", is_word ? 2 : 1, is_word ? &word : &id,
                           1);
      }
      (void)crate_record(&c, is_word ? &gone : &one);
    }
    (void)crate_parcel(&c, 2, "c", 3, &id, 1);
    struct unpacked u = crate_unpack(&c, &h);
    EXPECT(home_has(&h, &word) && home_has(&h, &id));
    EXPECT_INT(u.missing, 0);
    EXPECT_INT(u.unlisted, 0);
    EXPECT_INT(lists(&id), 1);
    EXPECT(home_sound(&h));
    home_end(&h);
  }
}

/* The parcel is here, the record not yet: it is not asked for any more. */
static void test_withdraw_what_is_missing(void)
{
  struct cid id = made_cid(&one);
  struct made gone = {.type = "withdraw", .about = &id};
  home_new(&h);
  (void)announce(1, "c", 1, &id, 1);
  struct unpacked u = announce(2, "c", 1, &id, 1);
  EXPECT_INT(u.missing, 1);
  u = deliver(1, "c", 2, &gone, 1);
  EXPECT_INT(u.missing, 1); /* by the other */
  u = deliver(2, "c", 2, &gone, 1);
  EXPECT_INT(u.missing, 0);
  u = send(&one);
  EXPECT_INT(u.added, 0);
  EXPECT_INT(u.unlisted, 1);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* The withdrawal itself comes late. */
static void test_withdrawal_comes_late(void)
{
  struct cid id = made_cid(&one);
  struct made gone = {.type = "withdraw", .about = &id};
  struct cid word = made_cid(&gone);
  home_new(&h);
  (void)deliver(1, "c", 1, &one, 1);
  (void)announce(1, "c", 2, &word, 1);
  EXPECT(home_has(&h, &id));
  struct unpacked u = send(&gone);
  EXPECT_INT(u.added, 1);
  EXPECT_INT(u.withdrawn, 1);
  EXPECT(!home_has(&h, &id));
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* The record and its withdrawal in one parcel, either first. */
static void test_withdraw_in_one_parcel(void)
{
  struct cid id = made_cid(&one);
  struct made gone = {.type = "withdraw", .about = &id};
  for (int first = 0; first < 2; first++) {
    home_new(&h);
    struct made both[2] = {first ? gone : one, first ? one : gone};
    struct unpacked u = deliver(1, "c", 1, both, 2);
    EXPECT_INT(u.rc, 0);
    EXPECT(!home_has(&h, &id));
    EXPECT_INT(u.missing, 0);
    EXPECT(home_sound(&h));
    home_end(&h);
  }
}

/* A withdrawal can't be withdrawn: an old stick would undo it. */
static void test_withdraw_a_withdrawal(void)
{
  struct cid id = made_cid(&one);
  struct made gone = {.type = "withdraw", .about = &id};
  struct cid word = made_cid(&gone);
  struct made undo = {.type = "withdraw", .about = &word};
  home_new(&h);
  (void)deliver(1, "c", 1, &one, 1);
  (void)deliver(1, "c", 2, &gone, 1);
  struct unpacked u = deliver(1, "c", 3, &undo, 1);
  EXPECT_INT(u.withdrawn, 0);
  EXPECT(home_has(&h, &word));
  (void)deliver(1, "c", 4, &one, 1);
  EXPECT(!home_has(&h, &id));
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* The same when it comes first: what it is about is passed on all the same. */
static void test_withdraw_a_withdrawal_early(void)
{
  struct cid id = made_cid(&one);
  struct made gone = {.type = "withdraw", .about = &id};
  struct cid word = made_cid(&gone);
  struct made undo = {.type = "withdraw", .about = &word};
  home_new(&h);
  (void)deliver(1, "c", 3, &undo, 1);
  (void)deliver(1, "c", 1, &one, 1);
  struct unpacked u = deliver(1, "c", 2, &gone, 1);
  EXPECT_INT(u.withdrawn, 1);
  EXPECT(home_has(&h, &word));
  EXPECT(!home_has(&h, &id));
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* Files of what was taken back are not asked for. */
static void test_withdraw_drops_wishes(void)
{
  struct cid raw;
  home_new(&h);
  NEED(cid_of(&raw, CID_RAW, "logo", 4) == 0);
  struct made with = {.n = 1, .files = 1, .file = &raw, .size = 4};
  struct made also = {.n = 2, .files = 1, .file = &raw, .size = 4};
  struct cid id = made_cid(&with), other = made_cid(&also);
  struct unpacked u = deliver(1, "c", 1, (const struct made[]){with, also}, 2);
  EXPECT_INT(u.missing, 1);
  struct made gone = {.type = "withdraw", .about = &id};
  u = deliver(1, "c", 2, &gone, 1);
  EXPECT_INT(u.missing, 1);
  gone.about = &other;
  u = deliver(1, "c", 3, &gone, 1);
  EXPECT_INT(u.missing, 0);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* ---- labels, corrections ---- */

static int count_entries(void *ud, const struct entry *en)
{
  (void)en;
  ++*(int *)ud;
  return 0;
}

static void test_labels(void)
{
  struct cid id = made_cid(&one);
  struct made label = {.type = "label", .about = &id, .value = "good"};
  int n = 0;
  home_new(&h);
  (void)deliver(2, "c", 5, &label, 1); /* before what it is about */
  (void)deliver(1, "c", 1, &one, 1);
  label.negated = true;
  (void)deliver(3, "c", 6, &label, 1);
  EXPECT_INT(station_about(h.st, &id, count_entries, &n, &e), 0);
  EXPECT_INT(n, 2);
  EXPECT(home_has(&h, &id));
  struct page page = {0};
  struct page_query q = {.collection = span_of("c", 1), .max = 9};
  n = 0;
  EXPECT_INT(station_page(h.st, &q, &page, count_entries, &n, &e), 0);
  EXPECT_INT(n, 1); /* labels are in no list */
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* ---- held ---- */

#define AHEAD (SHELF_NOW + CLOCK_SKEW_MAX_S)

static uint64_t held_now(void)
{
  struct station_stats s;
  NEED(station_stats(h.st, &s, &e) == 0);
  return s.held;
}

static void test_held_boundary(void)
{
  home_new(&h);
  for (int i = -1; i <= 1; i++) {
    struct made m = {.n = 10 + i};
    struct cid id = made_cid(&m);
    struct unpacked u = deliver(1, "c", AHEAD + i, &m, 1);
    EXPECT_INT(u.rc, 0);
    EXPECT_INT(u.held, i > 0);
    EXPECT_INT(home_has(&h, &id), i <= 0);
    EXPECT_INT(held_now(), i > 0);
  }
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* It comes in when its time has come: at the next opening, publishing or
 * unpacking, and not a second earlier. */
static void released_by(int what)
{
  struct made late = {.n = 7, .title = "later"};
  struct cid id = made_cid(&late), own;
  home_new(&h);
  struct unpacked u = deliver(1, "c", AHEAD + 10, &late, 1);
  EXPECT_INT(u.held, 1);
  u = deliver(1, "c", AHEAD + 10, &late, 1);
  EXPECT_INT(u.held, 0);
  EXPECT_INT(held_now(), 1);
  for (int i = 9; i <= 10; i++) {
    h.now = SHELF_NOW + i;
    if (what == 0) {
      home_again(&h);
    } else if (what == 1) {
      own = home_publish(&h, "mine", &(struct made){.n = i}, -1);
      EXPECT(home_has(&h, &own));
    } else {
      u = deliver(2, "d", i, &two, 1);
      EXPECT_INT(u.rc, 0);
    }
    EXPECT_INT(home_has(&h, &id), i == 10);
    EXPECT_INT(held_now(), i < 10);
  }
  EXPECT(home_sound(&h));
  home_end(&h);
}

static void test_held_released(void)
{
  released_by(0);
  released_by(1);
  released_by(2);
}

/* More records than one change of pairs takes, and one that comes later. */
static void test_held_is_whole(void)
{
  static struct cid id[PARCEL_RECORDS_MAX];
  struct crate c;
  home_new(&h);
  for (int turn = 0; turn < 2; turn++) {
    crate_start(&c);
    for (int i = 0; i < PARCEL_RECORDS_MAX; i++) {
      id[i] = made_cid(&(struct made){.n = i});
    }
    (void)crate_parcel(&c, 1, "c", AHEAD + 5, id, PARCEL_RECORDS_MAX);
    for (int i = 0; i < PARCEL_RECORDS_MAX - 1 + turn; i++) {
      (void)crate_record(&c, &(struct made){.n = i});
    }
    struct unpacked u = crate_unpack(&c, &h);
    EXPECT_INT(u.rc, 0);
    EXPECT_INT(u.held, turn == 0);
  }
  h.now += 5;
  home_again(&h);
  int here = 0;
  for (int i = 0; i < PARCEL_RECORDS_MAX; i++) {
    here += home_has(&h, &id[i]);
  }
  EXPECT_INT(here, PARCEL_RECORDS_MAX);
  EXPECT_INT(held_now(), 0);
  EXPECT_INT(home_missing(&h), 0);
  EXPECT(home_sound(&h));
  home_end(&h);
}

static enum job_verdict drop_it(void *ud, const struct job *j)
{
  (void)j;
  ++*(int *)ud;
  return JOB_DROP;
}

/* What the policy refused of a held parcel is not asked for later. */
static void test_held_and_refused(void)
{
  struct crate c;
  struct cid id = made_cid(&one);
  int asked = 0;
  home_new(&h);
  station_set_policy(h.st, true);
  crate_start(&c);
  (void)crate_parcel(&c, 1, "c", AHEAD + 1, &id, 1);
  (void)crate_record(&c, &one);
  shelf_write(home_file(&h, "x"), buf_span(&c.car));
  buf_free(&c.car);
  struct unpacked u =
      home_unpack_asking(&h, home_file(&h, "x"), NULL, drop_it, &asked);
  EXPECT_INT(u.held, 1);
  EXPECT_INT(u.refused, 1);
  h.now += 1;
  home_again(&h);
  EXPECT_INT(held_now(), 0);
  EXPECT_INT(home_missing(&h), 0);
  EXPECT(!home_has(&h, &id));
  EXPECT(home_sound(&h));
  home_end(&h);
}

static struct unpacked hold_many(int n, int64_t from)
{
  struct crate c;
  struct cid id = made_cid(&one);
  crate_start(&c);
  for (int i = 0; i < n; i++) {
    (void)crate_parcel(&c, 1, "c", from + i, &id, 1);
  }
  return crate_unpack(&c, &h);
}

/* HELD_PARCELS_MAX wait; one more is refused, and told, if it is farther than
 * all: else the farthest goes for it. */
static void test_held_limit(void)
{
  struct cid id = made_cid(&one);
  home_new(&h);
  struct unpacked u = hold_many(HELD_PARCELS_MAX - 1, AHEAD + 1);
  EXPECT_INT(u.held, HELD_PARCELS_MAX - 1);
  for (int i = 0; i < 2; i++) {
    u = announce(2, "c", AHEAD + 5000 + i, &id, 1);
    EXPECT_INT(u.rc, 0);
    EXPECT_INT(u.held, i == 0);
    EXPECT_INT(u.bad, i == 1);
  }
  EXPECT_INT(held_now(), HELD_PARCELS_MAX);
  u = announce(3, "c", AHEAD + 1, &id, 1);
  EXPECT_INT(u.held, 1);
  EXPECT_INT(u.bad, 0);
  EXPECT_INT(held_now(), HELD_PARCELS_MAX);
  u = announce(2, "c", AHEAD + 5000, &id, 1); /* the farthest went */
  EXPECT_INT(u.held, 0);
  EXPECT_INT(u.bad, 1);
  home_end(&h);
}

/* Who is vouched for has room among strangers, and keeps it. */
static void test_held_vouched(void)
{
  uint8_t key[CRYPT_KEY_SIZE];
  struct cid id = made_cid(&one);
  home_new(&h);
  author_key_of(key, 2);
  NEED(station_vouch(h.st, key, "owner", &e) == 0);
  (void)hold_many(HELD_PARCELS_MAX, AHEAD + 1);
  struct made known = {.n = 77};
  EXPECT_INT(deliver(2, "c", AHEAD + 90000, &known, 1).held, 1);
  EXPECT_INT(held_now(), HELD_PARCELS_MAX);
  EXPECT_INT(announce(3, "c", AHEAD + 1, &id, 1).held, 1);
  h.now += 90000;
  home_again(&h);
  EXPECT_INT(held_now(), 0);
  id = made_cid(&known);
  EXPECT(home_has(&h, &id));
  home_end(&h);
}

/* Their bytes are bounded, too, and are known to who opens the station. */
static void test_held_bytes(void)
{
  struct quotas q = {QUOTA_BUDGET_MIN, -1, -1, -1};
  const uint64_t most = QUOTA_BUDGET_MIN / HELD_BUDGET_PART;
  home_new(&h);
  NEED(station_set_quotas(h.st, &q, &e) == 0);
  for (int i = 0; i < 60; i++) {
    struct made m = {.n = i, .pad = 60000};
    struct unpacked u = deliver(9, "c", AHEAD + 100 - i, &m, 1);
    EXPECT_INT(u.held, 1); /* each nearer than those before */
    EXPECT(h.st->held_bytes <= most);
    EXPECT(i < 40 || h.st->held_bytes > most - 61000);
    if (i % 20 == 0) {
      uint64_t was = h.st->held_bytes;
      home_again(&h);
      EXPECT_INT(h.st->held_bytes, was);
    }
  }
  struct made far = {.n = 100, .pad = 60000};
  EXPECT_INT(deliver(9, "c", AHEAD + 101, &far, 1).bad, 1);
  h.now += 1000;
  home_again(&h);
  EXPECT_INT(h.st->held_bytes, 0);
  EXPECT_INT(held_now(), 0);
  home_end(&h);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_known_parcel);
  RUN(test_late_records);
  RUN(test_listings_limit);
  RUN(test_withdraw);
  RUN(test_withdraw_is_of_a_voice);
  RUN(test_withdraw_before_the_record);
  RUN(test_withdraw_among_many);
  RUN(test_withdrawn_and_listed_in_one_file);
  RUN(test_withdraw_what_is_missing);
  RUN(test_withdrawal_comes_late);
  RUN(test_withdraw_in_one_parcel);
  RUN(test_withdraw_a_withdrawal);
  RUN(test_withdraw_a_withdrawal_early);
  RUN(test_withdraw_drops_wishes);
  RUN(test_labels);
  RUN(test_held_boundary);
  RUN(test_held_released);
  RUN(test_held_is_whole);
  RUN(test_held_and_refused);
  RUN(test_held_limit);
  RUN(test_held_vouched);
  RUN(test_held_bytes);
  return unit_done();
}
