/* SPDX-License-Identifier: 0BSD */
/* What goes to a peer, and in which order: what can't wait first, then by the
 * policy's rank, then the newest; each parcel once, its records behind it;
 * whether the peer's lack was told by handles, by keyed ones, or as all but a
 * few of a collection that is small or large. */
#include "station/link_int.h"

#include "station_shelf.h"
#include "sync/handles.h"

#include <fcntl.h>

static struct home h;
static struct err e;
static struct plan p;

/* ---- a station, and parcels of one record each ---- */

#define MOST 96
static struct cid parcel[MOST]; /* in the order of their numbers */
static struct cid record[MOST];
static int parcels;

static void parcel_of(const struct cid *id, struct cid *out)
{
  struct entry en = {0};
  NEED(station_get(h.st, id, &en, &e) == 0);
  *out = en.parcel;
  entry_free(&en);
}

/* Returns its place in ${parcel}. */
static int add(const char *collection, const struct made *m, int64_t time)
{
  NEED(parcels < MOST);
  record[parcels] = home_publish(&h, collection, m, time);
  parcel_of(&record[parcels], &parcel[parcels]);
  return parcels++;
}

static int add_plain(const char *collection, int64_t time)
{
  struct made m = {.n = parcels, .title = "plain"};
  return add(collection, &m, time);
}

static int add_label(const char *collection, const struct cid *about,
                     int64_t time)
{
  struct made m = {
      .type = "label", .n = parcels, .about = about, .value = "good"};
  return add(collection, &m, time);
}

static void begin(void)
{
  home_new(&h);
  memset(&p, 0, sizeof p);
  p.st = h.st;
  parcels = 0;
}

/* ---- what the peer lacks ---- */

static uint64_t handle_of(int at)
{
  return sketch_handle(cid_digest(&parcel[at]));
}

static uint64_t last_ref(void)
{
  uint64_t ref = 0;
  NEED(h.st->store->ops->find(h.st->store, &parcel[parcels - 1], 1, &ref, &e) ==
       0);
  return ref;
}

static struct session_lack lack_of(const char *name, const uint64_t *handle,
                                   size_t n)
{
  return (struct session_lack){.name = span_of(name, strlen(name)),
                               .handle = handle,
                               .n = n,
                               .send = true};
}

/* Of some parcels, by their handles; returns how many are here. */
static int lack(const char *name, const int *at, size_t n, int64_t rank)
{
  uint64_t handle[MOST];
  for (size_t i = 0; i < n; i++) {
    handle[i] = handle_of(at[i]);
  }
  handles_sort(handle, n);
  struct session_lack l = lack_of(name, handle, n);
  l.rank = rank;
  return plan_lack(&p, &l, &e);
}

static int lack_all_but(const char *name, uint64_t upto, const int *at,
                        size_t n)
{
  uint64_t handle[MOST];
  for (size_t i = 0; i < n; i++) {
    handle[i] = handle_of(at[i]);
  }
  handles_sort(handle, n);
  struct session_lack l = lack_of(name, handle, n);
  l.all_but = true;
  l.upto = upto;
  return plan_lack(&p, &l, &e);
}

/* ---- what goes ---- */

static struct {
  struct cid cid[8192];
  size_t n; /* parcels */
  struct session_counts counts;
  int slices;           /* in which nothing came */
  struct buf under_way; /* the parcel that came last */
} sent;

static void sent_reset(void)
{
  buf_free(&sent.under_way);
  memset(&sent, 0, sizeof sent);
}

/* Each entry's hash must be that of what it is said to be. */
static void take_entries(struct span all)
{
  struct parcel view;
  struct cid cid;
  for (size_t at = 0; at < all.n;) {
    NEED(all.n - at >= 4);
    size_t size = (size_t)all.p[at + 1] << 16 | (size_t)all.p[at + 2] << 8 |
                  (size_t)all.p[at + 3];
    struct span block = span_of(all.p + at + 4, size);
    NEED(cid_of(&cid, CID_DAG_CBOR, block.p, block.n) == 0);
    if (all.p[at] == ENTRY_PARCEL) {
      buf_clear(&sent.under_way);
      NEED(buf_put(&sent.under_way, block.p, block.n) == 0);
      NEED(sent.n < sizeof sent.cid / sizeof sent.cid[0]);
      sent.cid[sent.n++] = cid;
    } else {
      bool listed = false;
      EXPECT_INT(all.p[at], ENTRY_RECORD);
      NEED(parcel_read(&view, buf_span(&sent.under_way), &e) == 0);
      for (size_t i = 0; i < view.count && !listed; i++) {
        struct cid one;
        parcel_record(&view, i, &one);
        listed = cid_equal(&one, &cid);
      }
      EXPECT(listed);
    }
    at += 4 + size;
  }
}

static void prepare(void)
{
  int rc;
  do {
    rc = plan_prepare(&p, &e);
  } while (rc > 0);
  NEED(rc == 0);
}

static void produce(void)
{
  struct buf out = {0};
  int rc;
  do {
    buf_clear(&out);
    rc = plan_produce(&p, &out, &sent.counts, &e);
    NEED(rc >= 0);
    sent.slices += rc == SESSION_SLICE;
    EXPECT_INT(out.n > 0, rc == 1);
    take_entries(buf_span(&out));
  } while (rc > 0);
  EXPECT_INT(sent.counts.parcels, sent.n);
  buf_free(&out);
}

static void expect_sent(const int *at, size_t n)
{
  EXPECT_INT(sent.n, n);
  for (size_t i = 0; i < n && i < sent.n; i++) {
    if (!cid_equal(&sent.cid[i], &parcel[at[i]])) {
      int got = 0;
      while (got < parcels && !cid_equal(&sent.cid[i], &parcel[got])) {
        got++;
      }
      EXPECT_INT(got, at[i]);
    }
  }
}

static void end(void)
{
  plan_free(&p);
  sent_reset();
  home_end(&h);
}

static void send_all(void)
{
  sent_reset();
  prepare();
  produce();
}

/* ---- tests ---- */

/* Urgent before rank, rank before time; what is told twice goes once. */
static void test_order(void)
{
  begin();
  int old = add_plain("c", 1000);
  int young = add_plain("c", 3000);
  int label = add_label("c", &record[old], 2000);
  int dear = add_plain("d", 500);
  int same = add_plain("c", 3000); /* of one time: the later comes first */
  const int first[] = {old, young, label, same}, twice[] = {old};
  EXPECT_INT(lack("c", first, 4, 2), 4);
  EXPECT_INT(lack("c", twice, 1, 2), 1);
  EXPECT_INT(lack("d", &dear, 1, 1), 1);
  send_all();
  const int want[] = {label, dear, same, young, old};
  expect_sent(want, 5);
  EXPECT_INT(sent.counts.records, 5);
  /* All went: what comes now is another round. */
  EXPECT_INT(lack("c", &young, 1, 0), 1);
  send_all();
  expect_sent(&young, 1);
  end();
}

/* Handles that are nobody's, and those of another collection, are passed
 * over; sums go up and down by what is here, whether it is sent or not. */
static void test_sums(void)
{
  struct setsum sum = {0}, none = {0};
  begin();
  int one = add_plain("c", 1000), two = add_plain("c", 2000);
  int other = add_plain("d", 3000);
  uint64_t handle[] = {handle_of(one), handle_of(two), handle_of(other), 77};
  handles_sort(handle, 4);
  struct session_lack l = lack_of("c", handle, 4);
  l.send = false;
  l.sum = &sum;
  l.add = true;
  EXPECT_INT(plan_lack(&p, &l, &e), 2);
  EXPECT_INT(sum.count, 2);
  l.add = false;
  EXPECT_INT(plan_lack(&p, &l, &e), 2);
  EXPECT(setsum_equal(&sum, &none));
  send_all();
  expect_sent(NULL, 0);
  end();
}

/* Under the session's key a walk finds whose the handles are; a long list
 * comes in pieces; an empty one and one that is not to be sent bring none. */
static void test_keyed(void)
{
  uint8_t key[CRYPT_SALT_SIZE] = {5};
  uint64_t of[4];
  begin();
  for (int i = 0; i < 150; i++) { /* more than a page of the log */
    struct made m = {.n = 5000 + i};
    (void)home_publish(&h, "c", &m, 100 + i);
  }
  int old = add_plain("c", 1000), young = add_plain("c", 2000);
  int other = add_plain("d", 3000), left = add_plain("d", 4000);
  const int all[] = {young, old, other, left};
  for (int i = 0; i < 4; i++) {
    of[i] = sketch_keyed_handle(key, cid_digest(&parcel[all[i]]));
  }
  struct session_lack l = lack_of("c", of, 1);
  l.key = key;
  EXPECT_INT(plan_lack(&p, &l, &e), 0);
  l.handle = of + 1; /* the second piece of the same list */
  EXPECT_INT(plan_lack(&p, &l, &e), 0);
  EXPECT_INT(p.keyed_n, 1);
  l = lack_of("d", of + 2, 1);
  l.key = key;
  EXPECT_INT(plan_lack(&p, &l, &e), 0);
  EXPECT_INT(p.keyed_n, 2);
  l.handle = of + 3;
  l.send = false;
  EXPECT_INT(plan_lack(&p, &l, &e), 0);
  l.send = true;
  l.n = 0;
  EXPECT_INT(plan_lack(&p, &l, &e), 0);
  EXPECT_INT(p.keyed_n, 2);
  send_all();
  const int want[] = {other, young, old};
  expect_sent(want, 3);
  end();
}

/* All but a few, of those that were here at that moment. */
static void test_bulk(void)
{
  begin();
  int one = add_plain("c", 1000), known = add_plain("c", 2000);
  int three = add_plain("c", 3000);
  uint64_t upto = last_ref();
  (void)add_plain("c", 4000); /* came since */
  (void)add_plain("d", 5000);
  EXPECT_INT(lack_all_but("c", upto, &known, 1), 0);
  send_all();
  const int want[] = {three, one};
  expect_sent(want, 2);
  end();
}

/* ---- large collections ---- */

static const struct store_ops *engine;

/* As if there were many more in ${c}. */
static int count_many(struct store *s, struct span collection, uint64_t *out,
                      struct err *err)
{
  int rc = engine->count(s, collection, out, err);
  if (rc == 0 && span_is(collection, "c")) {
    *out += 70000;
  }
  return rc;
}

static void make_large(void)
{
  static struct store_ops many;
  engine = h.st->store->ops;
  many = *engine;
  many.count = count_many;
  h.st->store->ops = &many;
}

/* One that is too large to be noted parcel by parcel is walked: those that
 * can't wait, then all, the newest first; what is known, what came since and
 * what is of others stays. Parcels told one by one go before the walk, and not
 * again. */
static void test_walk(void)
{
  begin();
  make_large();
  int one = add_plain("c", 1000), known = add_plain("c", 2000);
  int label = add_label("c", &record[one], 1500);
  int known_label = add_label("c", &record[known], 1600);
  int three = add_plain("c", 3000), told = add_plain("c", 2500);
  int other = add_plain("d", 4000);
  (void)add_label("d", &record[one], 5000);
  uint64_t upto = last_ref();
  (void)add_plain("c", 6000);
  (void)add_label("c", &record[other], 7000);
  const int has[] = {known, known_label};
  EXPECT_INT(lack_all_but("c", upto, has, 2), 0);
  EXPECT_INT(lack("c", &told, 1, 0), 1);
  EXPECT_INT(lack("d", &other, 1, 0), 1);
  send_all();
  const int want[] = {other, told, label, three, one};
  expect_sent(want, 5);
  EXPECT_INT(sent.slices, 0);
  h.st->store->ops = engine;
  end();
}

/* A long way past what is not wanted is gone in slices. */
static void test_walk_slices(void)
{
  struct publisher *pub = NULL;
  struct buf b = {0};
  uint64_t committed;
  struct cid id;
  begin();
  make_large();
  int one = add_plain("c", 1000);
  uint64_t upto = last_ref();
  NEED(publisher_new(&pub, h.st, span_of("d", 1), 2000, &e) == 0);
  for (int i = 0; i < 200; i++) {
    struct made m = {
        .type = "label", .n = i, .about = &record[one], .value = "good"};
    made_block(&b, &m);
    NEED(publisher_add(pub, buf_span(&b), &id, &e) == 0);
  }
  NEED(publisher_commit(pub, &committed, &e) == 0);
  publisher_del(pub);
  buf_free(&b);
  EXPECT_INT(lack_all_but("c", upto, NULL, 0), 0);
  send_all();
  expect_sent(&one, 1);
  EXPECT_INT(sent.slices, 3); /* 64 rows each, of 200 */
  h.st->store->ops = engine;
  end();
}

/* Of many records it is the index that tells what can't wait. */
static void test_many_records(void)
{
  struct publisher *pub = NULL;
  struct buf b = {0};
  uint64_t committed;
  struct cid id;
  begin();
  int first = add_plain("c", 1000);
  int label = add_label("c", &record[first], 1);
  (void)add_label("d", &record[first], 2); /* the peer has it */
  NEED(publisher_new(&pub, h.st, span_of("c", 1), 2000, &e) == 0);
  for (int i = 0; i < 4200; i++) {
    struct made m = {.n = i, .key = "k"};
    made_block(&b, &m);
    NEED(publisher_add(pub, buf_span(&b), &id, &e) == 0);
  }
  NEED(publisher_commit(pub, &committed, &e) == 0);
  publisher_del(pub);
  buf_free(&b);
  EXPECT_INT(lack_all_but("c", UINT64_MAX >> 1, NULL, 0), 0);
  send_all();
  EXPECT_INT(sent.n, 2 + (4200 + PARCEL_RECORDS_MAX - 1) / PARCEL_RECORDS_MAX);
  EXPECT_INT(sent.counts.records, 4202);
  EXPECT(cid_equal(&sent.cid[0], &parcel[label]));
  EXPECT(cid_equal(&sent.cid[sent.n - 1], &parcel[first]));
  end();
}

/* ---- what rests damaged, what is gone ---- */

static void flip(const uint8_t *bytes, size_t n)
{
  struct buf all = {0};
  const char *path = home_file(&h, "s");
  shelf_read(path, &all);
  const uint8_t *at = memmem(all.p, all.n, bytes, n);
  NEED(at != NULL);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  uint8_t other = *at ^ 1;
  NEED(fd >= 0 && pwrite(fd, &other, 1, at - all.p) == 1 && close(fd) == 0);
  buf_free(&all);
}

/* A parcel that rests damaged stays, with its records; of another whose record
 * does, the parcel goes. */
static void test_damage(void)
{
  struct made padded = {.n = 400, .pad = 3000};
  struct buf block = {0};
  struct parcel view;
  begin();
  int whole = add_plain("c", 1000);
  int no_record = add("c", &padded, 2000);
  int no_parcel = add_plain("c", 3000);
  uint8_t pad[32], sig[40];
  NEED(station_block(h.st, &record[no_record], &block, &e) == 0);
  memcpy(pad, block.p + 500, sizeof pad);
  buf_clear(&block);
  NEED(station_block(h.st, &parcel[no_parcel], &block, &e) == 0);
  NEED(parcel_read(&view, buf_span(&block), &e) == 0);
  memcpy(sig, view.sig, sizeof sig);
  buf_free(&block);
  station_close(h.st);
  flip(pad, sizeof pad);
  flip(sig, sizeof sig);
  home_open(&h);
  p.st = h.st;
  const int all[] = {whole, no_record, no_parcel};
  EXPECT_INT(lack("c", all, 3, 0), 3);
  send_all();
  const int want[] = {no_record, whole};
  expect_sent(want, 2);
  EXPECT_INT(sent.counts.records, 1);
  end();
}

/* Taken back while its parcel was going out. */
static void test_withdrawn_meanwhile(void)
{
  struct buf out = {0};
  struct made large = {.n = 1, .pad = 40000};
  struct publisher *pub = NULL;
  uint64_t committed;
  struct cid id[6];
  begin();
  NEED(publisher_new(&pub, h.st, span_of("c", 1), 1000, &e) == 0);
  for (int i = 0; i < 6; i++) { /* one more than go at a time */
    struct buf b = {0};
    large.n = i;
    made_block(&b, &large);
    NEED(publisher_add(pub, buf_span(&b), &id[i], &e) == 0);
    buf_free(&b);
  }
  NEED(publisher_commit(pub, &committed, &e) == 0);
  publisher_del(pub);
  parcel_of(&id[0], &parcel[parcels++]);
  EXPECT_INT(lack_all_but("c", last_ref(), NULL, 0), 0);
  prepare();
  sent_reset();
  EXPECT_INT(plan_produce(&p, &out, &sent.counts, &e), 1);
  take_entries(buf_span(&out));
  EXPECT_INT(sent.counts.records, 5);
  struct made m = {.type = "withdraw", .about = &id[5]};
  (void)home_publish(&h, "c", &m, 2000);
  produce();
  EXPECT_INT(sent.n, 1);
  EXPECT_INT(sent.counts.records, 5);
  buf_free(&out);
  end();
}

int main(void)
{
  RUN(test_order);
  RUN(test_sums);
  RUN(test_keyed);
  RUN(test_bulk);
  RUN(test_walk);
  RUN(test_walk_slices);
  RUN(test_many_records);
  RUN(test_damage);
  RUN(test_withdrawn_meanwhile);
  return unit_done();
}
