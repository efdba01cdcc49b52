/* SPDX-License-Identifier: 0BSD */
/* Sessions of stations in which something is in the way: a policy that says
 * no, also of records that come apart from their parcel; a peer that sends
 * what is none; a rebuild, or a commit that fails, in the middle; more than
 * one commit takes. */
#include "link_pair.h"

static struct home a, b;
static struct link_pair p;
static struct link_status s[2];
static struct err e;

static void begin(void)
{
  memset(&p, 0, sizeof p);
  p.seed = 3;
  home_new(&a);
  home_new(&b);
  link_follow(&a, "*", INT64_MAX);
  link_follow(&b, "*", INT64_MAX);
}

static void end(void)
{
  home_end(&a);
  home_end(&b);
}

/* ---- the policy of ${b} ---- */

static int asked;
static enum job_verdict verdict;

/* About each record, with the parcel that lists it. */
static int64_t say(const struct link_question *q)
{
  struct parcel view;
  struct cid one;
  bool listed = false;
  asked++;
  EXPECT(cid_verify(&q->cid, q->block.p, q->block.n) == 0);
  EXPECT(cid_verify(&q->parcel_cid, q->parcel.p, q->parcel.n) == 0);
  NEED(parcel_read(&view, q->parcel, &e) == 0);
  for (size_t i = 0; i < view.count; i++) {
    parcel_record(&view, i, &one);
    listed = listed || cid_equal(&one, &q->cid);
  }
  EXPECT(listed);
  return verdict;
}

static bool vouched(struct home *h, uint8_t author)
{
  uint8_t key[CRYPT_KEY_SIZE];
  struct buf out = {0};
  author_key_of(key, author);
  NEED(station_vouched(h->st, &out, &e) == 0);
  bool yes = false;
  for (size_t at = 0; at + sizeof key <= out.n; at += sizeof key) {
    yes = yes || memcmp(out.p + at, key, sizeof key) == 0;
  }
  buf_free(&out);
  return yes;
}

/* A parcel of author 5, with its records or some of them, into ${h}. */
static void bring(struct home *h, const struct made *m, int from, int n, int of)
{
  struct crate c;
  struct cid id[8];
  NEED(of <= 8);
  for (int i = 0; i < of; i++) {
    id[i] = made_cid(&m[i]);
  }
  crate_start(&c);
  (void)crate_parcel(&c, 5, "c", 1000, id, (size_t)of);
  for (int i = from; i < from + n; i++) {
    (void)crate_record(&c, &m[i]);
  }
  struct unpacked u = crate_unpack(&c, h);
  NEED(u.rc == 0 && u.bad == 0);
}

static void sync_asking(enum job_verdict v)
{
  asked = 0;
  verdict = v;
  p.policy = say;
  station_set_policy(b.st, true);
  EXPECT(link_pair_sync(&p, &a, &b, s));
  station_set_policy(b.st, false);
}

static const struct made three[3] = {
    {.n = 1, .title = "one"}, {.n = 2, .title = "two"}, {.n = 3}};

static int count_here(struct home *h)
{
  int n = 0;
  for (int i = 0; i < 3; i++) {
    struct cid id = made_cid(&three[i]);
    n += home_has(h, &id);
  }
  return n;
}

/* ---- tests ---- */

/* Records that come with their parcel. What was refused is not missing, and
 * nobody is asked about it again. */
static void test_listed(void)
{
  static const struct {
    enum job_verdict verdict;
    int asked, here;
    uint64_t refused;
    bool vouched;
  } all[] = {{JOB_KEEP, 3, 3, 0, false},
             {JOB_VOUCH, 3, 3, 0, true},
             {JOB_DROP, 3, 0, 3, false},
             {JOB_STOP, 1, 0, 1, false}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    begin();
    bring(&a, three, 0, 3, 3);
    sync_asking(all[i].verdict);
    EXPECT_INT(asked, all[i].asked);
    EXPECT_INT(count_here(&b), all[i].here);
    EXPECT_INT(s[1].refused, all[i].refused);
    EXPECT_INT(vouched(&b, 5), all[i].vouched);
    EXPECT_INT(home_missing(&b), 0);
    sync_asking(JOB_KEEP); /* a parcel that was stopped comes again */
    EXPECT_INT(asked, all[i].verdict == JOB_STOP ? 3 : 0);
    EXPECT(home_sound(&b));
    end();
  }
}

/* Records whose parcel came before, alone. */
static void test_lone(void)
{
  static const struct {
    enum job_verdict verdict;
    int here;
    uint64_t refused;
    bool vouched;
  } all[] = {{JOB_KEEP, 3, 0, false},
             {JOB_VOUCH, 3, 0, true},
             {JOB_DROP, 1, 2, false},
             {JOB_STOP, 1, 2, false}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    begin();
    bring(&a, three, 0, 3, 3);
    bring(&b, three, 0, 1, 3);
    EXPECT_INT(home_missing(&b), 2);
    sync_asking(all[i].verdict);
    EXPECT_INT(asked, 2);
    EXPECT_INT(count_here(&b), all[i].here);
    EXPECT_INT(s[1].refused, all[i].refused);
    EXPECT_INT(vouched(&b, 5), all[i].vouched);
    EXPECT_INT(home_missing(&b), 0);
    EXPECT(home_sound(&b));
    end();
  }
  begin(); /* without a policy */
  bring(&a, three, 0, 3, 3);
  bring(&b, three, 0, 1, 3);
  p.policy = NULL;
  EXPECT(link_pair_sync(&p, &a, &b, s));
  EXPECT_INT(count_here(&b), 3);
  EXPECT_INT(s[1].added, 2);
  end();
}

/* ${a} has a block that it would never have let in. */
static struct cid plant(enum cid_codec codec, const void *bytes, size_t n)
{
  struct store_block block = {.bytes = span_of(bytes, n)};
  NEED(cid_of(&block.cid, codec, bytes, n) == 0);
  NEED(a.st->store->ops->put(a.st->store, &block, 1, codec == CID_DAG_PB, NULL,
                             NULL, &e) == 0);
  return block.cid;
}

/* Blocks that have their names, and are not what is wanted under them:
 * records, and a node of a file. Each is counted, some are told, and the rest
 * comes. */
static void test_none(void)
{
  struct crate c;
  struct cid id[LINK_FAULTS_MAX + 5];
  int n = LINK_FAULTS_MAX + 5, lines = 0;
  begin();
  NEED(station_unfollow(a.st, span_of("*", 1), &e) == 0);
  link_follow(&a, "elsewhere/*", 0);
  for (int i = 0; i < n - 2; i++) {
    uint8_t bytes[] = {0xa1, 0x61, (uint8_t)('a' + i), 0x00};
    id[i] = plant(CID_DAG_CBOR, bytes, sizeof bytes);
  }
  struct cid node = plant(CID_DAG_PB, "\x0a\x01\x00", 3);
  struct made m = {.n = 1, .files = 1, .file = &node, .size = 5000};
  id[n - 2] = made_cid(&m);
  id[n - 1] = made_cid(&three[0]);
  struct buf good = {0};
  made_block(&good, &three[0]);
  (void)plant(CID_DAG_CBOR, good.p, good.n);
  buf_free(&good);
  crate_start(&c);
  (void)crate_parcel(&c, 5, "c", 1000, id, (size_t)n);
  (void)crate_record(&c, &m);
  NEED(crate_unpack(&c, &b).rc == 0);
  EXPECT_INT(home_missing(&b), n);
  link_pair_begin(&p, &a, &b);
  EXPECT(link_pair_run(&p));
  link_status(p.link[1], &s[1]);
  EXPECT_INT(s[1].bad, n - 1);
  EXPECT_INT(s[1].added, 1);
  struct span told = link_faults(p.link[1]);
  for (size_t at = 0; at < told.n; lines++) {
    EXPECT(strncmp((const char *)told.p + at, "block bafy", 10) == 0);
    at += strlen((const char *)told.p + at) + 1;
  }
  EXPECT_INT(lines, LINK_FAULTS_MAX);
  link_pair_end(&p);
  EXPECT(home_has(&b, &id[n - 1]));
  EXPECT_INT(home_missing(&b), n - 1);
  end();
}

/* A rebuild that begins under a session ends it; what had come is kept. */
static void test_rebuild(void)
{
  struct job *j = NULL;
  begin();
  for (int i = 0; i < 20; i++) {
    (void)link_publish(&a, "c", i, 40000);
  }
  p.size = 3000;
  link_pair_begin(&p, &a, &b);
  for (int i = 0; i < 4000 && p.rc == 0; i++) {
    (void)link_pair_move(&p);
    link_status(p.link[1], &s[1]);
    if (j == NULL && s[1].parcels > 0) {
      NEED(station_rebuild(&j, b.st, &e) == 0);
      NEED(job_step(j, &e) == JOB_MORE);
    }
  }
  EXPECT_INT(p.rc, ERR_BUSY);
  EXPECT(strstr(p.e.text, "is being rebuilt") != NULL);
  link_pair_end(&p);
  NEED(j != NULL && run_values(j, NULL, NULL, &e) == 0);
  EXPECT(home_sound(&b));
  p.rc = 0;
  EXPECT(link_pair_sync(&p, &a, &b, s));
  EXPECT(link_equal(&a, &b));
  end();
}

/* ---- commits ---- */

static const struct store_ops *engine;
static bool fail_commit;

/* The engine takes a group back when one of its changes fails. */
static int group(struct store *st, bool on, struct err *why)
{
  if (!on && fail_commit) {
    struct store_pair nothing = {{NULL, 0}, {(const uint8_t *)"", 0}};
    struct store_batch batch = {.kv = &nothing, .kv_n = 1};
    NEED(engine->append(st, &batch, NULL, NULL, why) < 0);
    fail_commit = false;
  }
  return engine->group(st, on, why);
}

static void fail_commits_of(struct home *h, struct store_ops *ops)
{
  engine = h->st->store->ops;
  *ops = *engine;
  ops->group = group;
  h->st->store->ops = ops;
}

/* Two sessions share a commit that fails: neither goes on as if what it took
 * were stored, and all of it comes again. */
static void test_group_lost(void)
{
  static struct link_pair q;
  struct store_ops ops;
  struct home c;
  begin();
  home_new(&c);
  link_follow(&c, "*", INT64_MAX);
  for (int i = 0; i < 30; i++) {
    (void)link_publish(i % 2 ? &a : &c, "c", i, 30000);
  }
  fail_commits_of(&b, &ops);
  memset(&q, 0, sizeof q);
  q.seed = 9;
  p.size = q.size = 2000;
  link_pair_begin(&p, &a, &b);
  link_pair_begin(&q, &c, &b);
  do { /* both have taken something that waits */
    NEED(link_pair_move(&p) && link_pair_move(&q));
    link_status(p.link[1], &s[0]);
    link_status(q.link[1], &s[1]);
  } while (s[0].parcels == 0 || s[1].parcels == 0);
  fail_commit = true;
  struct made m = {.n = 500}; /* whoever else writes ends the group */
  struct cid id;
  EXPECT(home_try_publish(&b, "d", &m, -1, &id, &e) < 0);
  EXPECT(!fail_commit);
  (void)link_pair_run(&p);
  (void)link_pair_run(&q);
  EXPECT_INT(p.rc, ERR_IO);
  EXPECT_INT(q.rc, ERR_IO);
  EXPECT(strstr(q.e.text, "it comes again") != NULL);
  link_pair_end(&p);
  link_pair_end(&q);
  p.rc = q.rc = 0;
  EXPECT(link_pair_sync(&p, &a, &b, NULL));
  EXPECT(link_pair_sync(&q, &c, &b, NULL));
  EXPECT(link_pair_sync(&p, &a, &b, NULL));
  EXPECT(link_equal(&a, &b));
  EXPECT(home_sound(&b));
  b.st->store->ops = engine;
  home_end(&c);
  end();
}

/* What one commit takes is bounded: a session that goes on for long has stored
 * most of what came, and others see it. */
static void test_large_groups(void)
{
  struct home reader;
  struct station_stats stats;
  begin();
  (void)link_publish(&a, "c", 1, 20000000);
  (void)link_publish(&a, "c", 2, 20000000);
  link_pair_begin(&p, &a, &b);
  p.size = 300000;
  do {
    NEED(link_pair_move(&p));
    link_status(p.link[1], &s[1]);
  } while (s[1].files < 38);
  reader = b;
  NEED(home_try(&reader, true, &e) == 0);
  NEED(station_stats(reader.st, &stats, &e) == 0);
  EXPECT(stats.store.file_bytes > 16000000);
  EXPECT(stats.store.file_blocks < s[1].files); /* the rest waits */
  station_close(reader.st);
  EXPECT(link_pair_run(&p));
  link_pair_end(&p);
  EXPECT(link_equal(&a, &b));
  end();
}

/* Many blocks that are small, and a parcel whose records are larger than what
 * is kept of one. */
static void test_batches(void)
{
  struct made large[8];
  begin();
  for (int i = 0; i < 150; i++) {
    (void)link_publish(&a, "c", i, (size_t)i + 1);
  }
  for (int i = 0; i < 8; i++) {
    large[i] = (struct made){.n = 1000 + i, .pad = 60000};
  }
  bring(&a, large, 0, 8, 8);
  EXPECT(link_pair_sync(&p, &a, &b, s));
  EXPECT_INT(s[1].added, 158);
  EXPECT_INT(s[1].files, 150);
  EXPECT(link_equal(&a, &b));
  EXPECT(home_sound(&b));
  end();
}

int main(void)
{
  RUN(test_listed);
  RUN(test_lone);
  RUN(test_none);
  RUN(test_rebuild);
  RUN(test_group_lost);
  RUN(test_large_groups);
  RUN(test_batches);
  return unit_done();
}
