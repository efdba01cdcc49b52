/* SPDX-License-Identifier: 0BSD */
/* Carry files made to harm: each must leave the good blocks beside what is
 * wrong, and a station that works, and rebuilds, as before. */
#include "base/limits.h"
#include "station_shelf.h"

static struct home h;

static enum job_verdict drop_all(void *ud, const struct job *j)
{
  (void)j;
  ++*(int *)ud;
  return JOB_DROP;
}

static const struct made plain_one = {.n = 1, .title = "one"};
static const struct made plain_two = {.n = 2, .title = "two"};

/* A refused record that comes 2000 times is asked about once. */
static void test_refused_again_and_again(void)
{
  struct crate c;
  struct cid id[2] = {made_cid(&plain_one), made_cid(&plain_two)};
  int asked = 0;
  home_new(&h);
  station_set_policy(h.st, true);
  crate_start(&c);
  (void)crate_parcel(&c, 1, "c", 1, id, 2);
  for (int i = 0; i < 2000; i++) {
    (void)crate_record(&c, &plain_one);
  }
  const char *path = home_file(&h, "x.car");
  shelf_write(path, buf_span(&c.car));
  buf_free(&c.car);
  struct unpacked u = home_unpack_asking(&h, path, NULL, drop_all, &asked);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(asked, 1);
  EXPECT_INT(u.refused, 1);
  EXPECT_INT(u.added, 0);
  EXPECT(!home_has(&h, &id[0]));
  EXPECT_INT(home_missing(&h), 1); /* the one that did not come */
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* A record that comes apart from its parcel meets the policy, too. */
static void test_policy_sees_late_records(void)
{
  struct crate c;
  struct cid id = made_cid(&plain_one), other = made_cid(&plain_two);
  int asked = 0;
  home_new(&h);
  crate_start(&c);
  (void)crate_parcel(&c, 1, "c", 1, &id, 1);
  struct unpacked u = crate_unpack(&c, &h);
  EXPECT_INT(u.parcels, 1);
  EXPECT_INT(u.missing, 1);

  station_set_policy(h.st, true);
  crate_start(&c);
  (void)crate_record(&c, &plain_one);
  (void)crate_parcel(&c, 1, "c", 2, &other, 1);
  const char *path = home_file(&h, "x.car");
  shelf_write(path, buf_span(&c.car));
  buf_free(&c.car);
  u = home_unpack_asking(&h, path, NULL, drop_all, &asked);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(asked, 1);
  EXPECT_INT(u.refused, 1);
  EXPECT(!home_has(&h, &id));
  EXPECT_INT(u.missing, 1); /* the other; what was refused isn't asked for */
  EXPECT(home_sound(&h));
  u = home_unpack_asking(&h, path, NULL, drop_all, &asked);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(asked, 1);
  home_end(&h);
}

/* Two parcels and then their records: the first one's are late. */
static void test_policy_not_dodged_by_order(void)
{
  struct crate c;
  struct cid id[2] = {made_cid(&plain_one), made_cid(&plain_two)};
  int asked = 0;
  home_new(&h);
  station_set_policy(h.st, true);
  crate_start(&c);
  (void)crate_parcel(&c, 1, "c", 1, &id[0], 1);
  (void)crate_parcel(&c, 1, "c", 2, &id[1], 1);
  (void)crate_record(&c, &plain_one);
  (void)crate_record(&c, &plain_two);
  const char *path = home_file(&h, "x.car");
  shelf_write(path, buf_span(&c.car));
  buf_free(&c.car);
  struct unpacked u = home_unpack_asking(&h, path, NULL, drop_all, &asked);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(asked, 2);
  EXPECT_INT(u.refused, 2);
  EXPECT_INT(u.missing, 0);
  EXPECT(!home_has(&h, &id[0]) && !home_has(&h, &id[1]));
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* What is refused with one parcel is not asked for on behalf of another. */
static void test_refused_while_waiting(void)
{
  struct crate c;
  struct cid id = made_cid(&plain_one);
  int asked = 0;
  home_new(&h);
  EXPECT_INT(home_bring(&h, 2, "d", 1, &plain_one, 1, 0).missing, 1);
  station_set_policy(h.st, true);
  crate_start(&c);
  (void)crate_parcel(&c, 1, "c", 2, &id, 1);
  (void)crate_record(&c, &plain_one);
  const char *path = home_file(&h, "x.car");
  shelf_write(path, buf_span(&c.car));
  buf_free(&c.car);
  struct unpacked u = home_unpack_asking(&h, path, NULL, drop_all, &asked);
  EXPECT_INT(u.refused, 1);
  EXPECT_INT(u.missing, 0);
  EXPECT_INT(home_missing(&h), 0);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* A parcel lists a parcel as if it were a record: before it came, or after. */
static void parcel_as_record(bool before)
{
  struct crate c, first;
  struct cid record = made_cid(&plain_one);
  home_new(&h);
  crate_start(&first);
  struct cid one = crate_parcel(&first, 1, "c", 1, &record, 1);
  (void)crate_record(&first, &plain_one);
  crate_start(&c);
  struct cid list[2] = {one, made_cid(&plain_two)};
  (void)crate_parcel(&c, 2, "c", 2, list, 2);
  (void)crate_record(&c, &plain_two);
  struct unpacked u = crate_unpack(before ? &c : &first, &h);
  EXPECT_INT(u.rc, 0);
  u = crate_unpack(before ? &first : &c, &h);
  EXPECT_INT(u.rc, 0);
  EXPECT(home_has(&h, &record));
  EXPECT(home_has(&h, &list[1]));
  EXPECT(!home_has(&h, &one));
  EXPECT_INT(home_missing(&h), 0);
  EXPECT(home_sound(&h));
  EXPECT(home_has(&h, &record));
  home_end(&h);
}

static void test_parcel_as_record(void)
{
  parcel_as_record(true);
  parcel_as_record(false);
}

/* A withdrawal of a parcel, a label of one. */
static void test_withdraw_a_parcel(void)
{
  struct crate c;
  struct cid record = made_cid(&plain_one);
  home_new(&h);
  crate_start(&c);
  struct cid one = crate_parcel(&c, 1, "c", 1, &record, 1);
  (void)crate_record(&c, &plain_one);
  struct made gone = {.type = "withdraw", .about = &one};
  struct made label = {.type = "label", .about = &one, .value = "x"};
  struct cid list[2] = {made_cid(&gone), made_cid(&label)};
  (void)crate_parcel(&c, 1, "c", 2, list, 2);
  (void)crate_record(&c, &gone);
  (void)crate_record(&c, &label);
  struct unpacked u = crate_unpack(&c, &h);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.added, 3);
  EXPECT_INT(u.withdrawn, 0);
  EXPECT(home_has(&h, &record));
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* The same digest under two codecs: the parcel lists a "record" whose digest
 * is that of a file that a good record lists. */
static void same_digest(bool record_wanted)
{
  struct crate c;
  struct buf bytes = {0};
  struct cid raw, twin;
  home_new(&h);
  made_block(&bytes, &plain_one); /* good as a record and as a file */
  NEED(cid_of(&raw, CID_RAW, bytes.p, bytes.n) == 0);
  cid_make(&twin, CID_DAG_CBOR, cid_digest(&raw));
  struct made lists = {
      .n = 9, .files = 1, .file = &raw, .size = (int64_t)bytes.n};
  struct cid good = made_cid(&lists);
  crate_start(&c);
  (void)crate_parcel(&c, 2, "evil", 1, &twin, 1);
  (void)crate_parcel(&c, 1, "c", 1, &good, 1);
  (void)crate_record(&c, &lists);
  struct unpacked u = crate_unpack(&c, &h);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.missing, 2);
  crate_start(&c);
  if (record_wanted) {
    (void)crate_put(&c, CID_DAG_CBOR, buf_span(&bytes));
  } else {
    (void)crate_put(&c, CID_RAW, buf_span(&bytes));
  }
  u = crate_unpack(&c, &h);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.files, !record_wanted);
  EXPECT_INT(u.added, record_wanted);
  EXPECT_INT(u.missing, 1); /* the twin is still asked for */
  EXPECT(home_sound(&h));
  EXPECT_INT(home_missing(&h), 1);
  buf_free(&bytes);
  home_end(&h);
}

static void test_same_digest(void)
{
  same_digest(false);
  same_digest(true);
}

/* More parcels and records want one block than a page of notes holds. */
static void test_wanted_by_many(void)
{
  enum { MANY = 70 };
  struct crate c;
  struct cid raw, list[MANY], shared = made_cid(&plain_one);
  home_new(&h);
  NEED(cid_of(&raw, CID_RAW, "logo", 4) == 0);
  crate_start(&c);
  for (int i = 0; i < MANY; i++) {
    struct made m = {.n = i, .files = 1, .file = &raw, .size = 4};
    list[i] = made_cid(&m);
  }
  (void)crate_parcel(&c, 1, "c", 1, list, MANY);
  for (int i = 0; i < MANY; i++) {
    struct made m = {.n = i, .files = 1, .file = &raw, .size = 4};
    (void)crate_record(&c, &m);
  }
  for (int i = 0; i < MANY; i++) {
    (void)crate_parcel(&c, 1, "d", i, &shared, 1);
  }
  struct unpacked u = crate_unpack(&c, &h);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.missing, 2); /* blocks, not wishes */
  crate_start(&c);
  (void)crate_record(&c, &plain_one);
  (void)crate_put(&c, CID_RAW, span_of("logo", 4));
  u = crate_unpack(&c, &h);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.missing, 0);
  EXPECT(home_has(&h, &shared));
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* One withdrawal, the same bytes, of two authors who both list the record:
 * it arrives late, and both take it back. */
static void test_withdrawal_of_two_voices(void)
{
  struct crate c;
  struct cid record = made_cid(&plain_one);
  struct made gone = {.type = "withdraw", .about = &record};
  struct cid taken = made_cid(&gone);
  home_new(&h);
  crate_start(&c);
  for (uint8_t who = 1; who <= 2; who++) {
    (void)crate_parcel(&c, who, "c", who, &record, 1);
    (void)crate_record(&c, &plain_one);
  }
  for (uint8_t who = 1; who <= 2; who++) {
    (void)crate_parcel(&c, who, "c", 10 + who, &taken, 1);
  }
  struct unpacked u = crate_unpack(&c, &h);
  EXPECT_INT(u.rc, 0);
  EXPECT(home_has(&h, &record));
  crate_start(&c);
  (void)crate_record(&c, &gone);
  u = crate_unpack(&c, &h);
  EXPECT_INT(u.rc, 0);
  EXPECT(!home_has(&h, &record));
  EXPECT(home_sound(&h));
  EXPECT(!home_has(&h, &record));
  home_end(&h);
}

/* Sums up n. */
static int sink_shown(void *ud, const struct entry *en)
{
  struct cbor_reader r = cbor_reader_of(cbor_find(en->record.bytes, "n"));
  struct cbor_item item;
  NEED(cbor_next(&r, &item) == CBOR_INT);
  *(int *)ud += (int)item.num;
  return 0;
}

/* Somebody lists another's newer version: the older is not current again,
 * the newer stays its author's, and shows for the other voice by itself
 * (FORMAT.md M5). */
static void test_listed_by_another(void)
{
  struct crate c;
  struct made old = {.n = 1, .key = "k", .title = "old"};
  struct made new = {.n = 2, .key = "k", .title = "new"};
  struct cid old_id = made_cid(&old), new_id = made_cid(&new);
  struct page page = {0};
  struct page_query q = {.collection = span_of("c", 1), .max = 10};
  struct err e = {0};
  uint8_t author[CRYPT_KEY_SIZE];
  int shown = 0;
  home_new(&h);
  author_key_of(author, 1);
  crate_start(&c);
  (void)crate_parcel(&c, 1, "c", 100, &old_id, 1);
  (void)crate_record(&c, &old);
  (void)crate_parcel(&c, 1, "c", 200, &new_id, 1);
  (void)crate_record(&c, &new);
  (void)crate_parcel(&c, 2, "c", 300, &new_id, 1);
  struct unpacked u = crate_unpack(&c, &h);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.parcels, 3);
  EXPECT_INT(station_page(h.st, &q, &page, sink_shown, &shown, &e), 0);
  EXPECT_INT(shown, 4); /* the sum of n: the new one, once a voice */
  struct version_query v = {span_of("c", 1), span_of("k", 1), author};
  shown = 0;
  EXPECT_INT(station_versions(h.st, &v, sink_shown, &shown, &e), 0);
  EXPECT_INT(shown, 3);
  home_end(&h);
}

int main(void)
{
  RUN(test_refused_again_and_again);
  RUN(test_policy_sees_late_records);
  RUN(test_policy_not_dodged_by_order);
  RUN(test_refused_while_waiting);
  RUN(test_parcel_as_record);
  RUN(test_withdraw_a_parcel);
  RUN(test_same_digest);
  RUN(test_wanted_by_many);
  RUN(test_withdrawal_of_two_voices);
  RUN(test_listed_by_another);
  return unit_done();
}
