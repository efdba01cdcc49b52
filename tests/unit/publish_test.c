/* SPDX-License-Identifier: 0BSD */
#include "station_shelf.h"

static struct home h;
static struct err e;
static struct publisher *p;

static void begin(const char *collection, int64_t time)
{
  home_new(&h);
  NEED(publisher_new(&p, h.st, span_of(collection, strlen(collection)), time,
                     &e) == 0);
}

static void end(void)
{
  publisher_del(p);
  home_end(&h);
}

static int add(const struct made *m, struct cid *id)
{
  struct buf b = {0};
  made_block(&b, m);
  int rc = publisher_add(p, buf_span(&b), id, &e);
  buf_free(&b);
  return rc;
}

static uint64_t commit(void)
{
  uint64_t n = 0;
  NEED(publisher_commit(p, &n, &e) == 0);
  return n;
}

static uint64_t parcels(const char *collection)
{
  uint64_t n = 0;
  NEED(station_collection_count(h.st, span_of(collection, strlen(collection)),
                                &n, &e) == 0);
  return n;
}

static void test_add_and_commit(void)
{
  struct made m = {.n = 1};
  struct cid id, again;
  begin("c", -1);
  EXPECT_INT(commit(), 0);
  EXPECT_INT(parcels("c"), 0);
  EXPECT_INT(add(&m, &id), 0);
  EXPECT(!home_has(&h, &id));
  EXPECT_INT(add(&m, &again), 0); /* the same bytes are one record */
  EXPECT(cid_equal(&id, &again));
  EXPECT_INT(commit(), 1);
  EXPECT(home_has(&h, &id));
  EXPECT_INT(commit(), 1);
  EXPECT_INT(parcels("c"), 1);
  m.n = 2;
  EXPECT_INT(add(&m, &id), 0);
  EXPECT_INT(commit(), 2);
  m.n = 3;
  EXPECT_INT(add(&m, &id), 0);
  publisher_del(p); /* not committed: nothing */
  p = NULL;
  EXPECT(!home_has(&h, &id));
  EXPECT(home_sound(&h));
  end();
}

/* A full parcel goes by itself: 511, 512, 513 records. */
static void test_parcel_records(void)
{
  for (int n = PARCEL_RECORDS_MAX - 1; n <= PARCEL_RECORDS_MAX + 1; n++) {
    struct cid id;
    begin("c", -1);
    for (int i = 0; i < n; i++) {
      NEED(add(&(struct made){.n = i}, &id) == 0);
    }
    EXPECT_INT(parcels("c"), n > PARCEL_RECORDS_MAX);
    EXPECT_INT(commit(), n);
    EXPECT_INT(parcels("c"), 1 + (n > PARCEL_RECORDS_MAX));
    end();
  }
}

/* Records of any size that a record may have; one byte more is refused. */
static void test_record_size(void)
{
  struct made m = {.n = 1, .pad = 60000};
  struct buf b = {0};
  struct cid id;
  begin("c", -1);
  made_block(&b, &m);
  m.pad += RECORD_SIZE_MAX - b.n; /* the same length of its head */
  for (int more = -1; more <= 1; more++) {
    struct made one = m;
    one.pad = (size_t)((long)m.pad + more);
    made_block(&b, &one);
    EXPECT_INT((long)b.n, (long)RECORD_SIZE_MAX + more);
    EXPECT_INT(add(&one, &id), more > 0 ? ERR_LIMIT : 0);
    EXPECT(more <= 0 || e.text[0] != '\0');
  }
  m.pad -= 10;
  for (int i = 2; i < 40; i++) { /* many of them: several parcels */
    m.n = i;
    NEED(add(&m, &id) == 0);
  }
  EXPECT_INT(commit(), 40);
  EXPECT(parcels("c") > 1);
  EXPECT(home_sound(&h));
  buf_free(&b);
  end();
}

/* A bad record changes nothing; the good ones around it are kept. */
static void test_bad_records(void)
{
  struct cid id;
  begin("c", -1);
  EXPECT_INT(add(&(struct made){.n = 1}, &id), 0);
  EXPECT(publisher_add(p, span_of("\xa0", 1), &id, &e) < 0); /* no type */
  EXPECT(publisher_add(p, span_of("junk", 4), &id, &e) < 0);
  EXPECT(publisher_add(p, span_of(NULL, 0), &id, &e) < 0);
  EXPECT_INT(add(&(struct made){.n = 2}, &id), 0);
  EXPECT_INT(commit(), 2);
  EXPECT(home_sound(&h));
  end();
}

static void test_names_and_times(void)
{
  struct publisher *q = NULL;
  char name[COLLECTION_NAME_MAX + 1];
  home_new(&h);
  memset(name, 'n', sizeof name);
  for (size_t n = COLLECTION_NAME_MAX - 1; n <= COLLECTION_NAME_MAX + 1; n++) {
    int rc = publisher_new(&q, h.st, span_of(name, n), -1, &e);
    EXPECT_INT(rc == 0, n <= COLLECTION_NAME_MAX);
    if (rc == 0) {
      publisher_del(q);
    }
  }
  EXPECT(publisher_new(&q, h.st, span_of("", 0), -1, &e) < 0);
  EXPECT(publisher_new(&q, h.st, span_of("a/*", 3), -1, &e) < 0);
  EXPECT_INT(publisher_new(&q, h.st, span_of("c", 1), CBOR_INT_MAX, &e), 0);
  publisher_del(q);
  EXPECT_INT(publisher_new(&q, h.st, span_of("c", 1), CBOR_INT_MAX + 1, &e),
             ERR_INVALID);
  publisher_del(NULL);
  home_end(&h);
}

static int64_t time_of(const struct cid *id)
{
  struct entry en = {0};
  NEED(station_get(h.st, id, &en, &e) == 0);
  int64_t time = en.time;
  entry_free(&en);
  return time;
}

static void test_time(void)
{
  struct made m = {.n = 1};
  home_new(&h);
  struct cid id = home_publish(&h, "c", &m, -1);
  EXPECT_INT(time_of(&id), SHELF_NOW);
  m.n = 2;
  id = home_publish(&h, "c", &m, 0);
  EXPECT_INT(time_of(&id), 0);
  /* A new version within the same second is later. */
  m.key = "k";
  for (int i = 0; i < 3; i++) {
    m.n = 10 + i;
    id = home_publish(&h, "c", &m, -1);
    EXPECT_INT(time_of(&id), SHELF_NOW + i);
  }
  h.now = -5; /* a clock before 1970 */
  m = (struct made){.n = 20};
  id = home_publish(&h, "c", &m, -1);
  EXPECT_INT(time_of(&id), 0);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* Two versions in one batch: the later added one is current. */
static void test_versions_in_a_batch(void)
{
  struct cid id[3];
  begin("c", -1);
  for (int i = 0; i < 3; i++) {
    struct made m = {.n = i, .key = "k"};
    EXPECT_INT(add(&m, &id[i]), 0);
  }
  EXPECT_INT(commit(), 3);
  EXPECT_INT(parcels("c"), 3);
  EXPECT(time_of(&id[0]) < time_of(&id[1]));
  EXPECT(time_of(&id[1]) < time_of(&id[2]));
  EXPECT(home_sound(&h));
  end();
}

/* What was withdrawn does not come back: not later, and not in the parcel
 * that withdraws it. */
static void test_withdrawn(void)
{
  struct made m = {.n = 1};
  struct cid id, other;
  begin("c", -1);
  EXPECT_INT(add(&m, &id), 0);
  EXPECT_INT(commit(), 1);
  struct made gone = {.type = "withdraw", .about = &id};
  EXPECT_INT(add(&gone, &other), 0);
  EXPECT_INT(add(&m, &other), ERR_EXIST);
  EXPECT_INT(add(&(struct made){.n = 2}, &other), 0);
  EXPECT_INT(commit(), 3);
  EXPECT(!home_has(&h, &id) && home_has(&h, &other));
  EXPECT_INT(add(&m, &other), ERR_EXIST);
  EXPECT(strstr(e.text, "withdrawn from c") != NULL);
  m.n = 3;
  EXPECT_INT(add(&m, &other), 0);
  EXPECT_INT(commit(), 4);
  struct cid back = home_publish(&h, "d", &(struct made){.n = 1}, -1);
  EXPECT(cid_equal(&back, &id)); /* elsewhere it may stand */
  EXPECT(home_has(&h, &id));
  EXPECT(home_sound(&h));
  end();
}

/* A withdrawal stands, in the store and in the parcel under way. */
static void test_withdrawal_stands(void)
{
  struct cid id, word, other;
  begin("c", -1);
  EXPECT_INT(add(&(struct made){.n = 1}, &id), 0);
  struct made gone = {.type = "withdraw", .about = &id};
  struct made undo = {.type = "withdraw", .about = &word};
  EXPECT_INT(add(&gone, &word), 0);
  EXPECT_INT(add(&undo, &other), ERR_INVALID);
  EXPECT_INT(commit(), 2);
  EXPECT_INT(add(&undo, &other), ERR_INVALID);
  EXPECT(strstr(e.text, "can't be withdrawn") != NULL);
  struct made unknown = {.type = "withdraw", .about = &other};
  NEED(cid_of(&other, CID_DAG_CBOR, "nowhere", 7) == 0);
  EXPECT_INT(add(&unknown, &id), 0);
  EXPECT_INT(commit(), 3);
  EXPECT(home_sound(&h));
  end();
}

/* Added, and taken back by the same parcel: it never enters. */
static void test_withdrawn_at_once(void)
{
  struct made m = {.n = 1};
  struct cid id, other;
  begin("c", -1);
  EXPECT_INT(add(&m, &id), 0);
  struct made gone = {.type = "withdraw", .about = &id};
  EXPECT_INT(add(&gone, &other), 0);
  EXPECT_INT(commit(), 2);
  EXPECT(!home_has(&h, &id) && home_has(&h, &other));
  EXPECT(home_sound(&h));
  end();
}

int main(void)
{
  RUN(test_add_and_commit);
  RUN(test_parcel_records);
  RUN(test_record_size);
  RUN(test_bad_records);
  RUN(test_names_and_times);
  RUN(test_time);
  RUN(test_versions_in_a_batch);
  RUN(test_withdrawn);
  RUN(test_withdrawal_stands);
  RUN(test_withdrawn_at_once);
  return unit_done();
}
