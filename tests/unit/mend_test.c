/* SPDX-License-Identifier: 0BSD */
/* Damage in each kind of block, planted into the files of a closed store:
 * scrub and rebuild forget what is hit, and a session, a carry file or a slip
 * brings it again. */
#include "form/parcel.h"
#include "link_pair.h"

#include <fcntl.h>

#define LARGE 2500000 /* three leaves beside the store, and a node */
#define SMALL 5000    /* one leaf, in the store */

static struct home a, b;
static struct link_pair p;
static struct err e;
static struct cid large, small, large_record;
static struct cid record, parcel; /* one of ${a}'s, and what lists it */
static struct cid wordy;          /* compressed where it rests */

/* ---- damage ---- */

/* Where ${needle} stands in a file of the store; -1: nowhere. */
static int64_t find_bytes(const char *path, struct span needle)
{
  struct buf all = {0};
  shelf_read(path, &all);
  const uint8_t *at = memmem(all.p, all.n, needle.p, needle.n);
  int64_t out = at == NULL ? -1 : at - all.p;
  buf_free(&all);
  return out;
}

static void flip_byte(const char *path, int64_t at, uint8_t mask)
{
  uint8_t byte;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  NEED(fd >= 0 && at >= 0);
  NEED(pread(fd, &byte, 1, at) == 1);
  byte ^= mask;
  NEED(pwrite(fd, &byte, 1, at) == 1);
  NEED(close(fd) == 0);
}

/* Flip the byte at ${at} after the begin of ${needle}; 0: it is not there. */
static bool plant(struct home *h, const char *name, struct span needle,
                  int64_t at)
{
  const char *path = home_file(h, name);
  int64_t found = find_bytes(path, needle);
  if (found >= 0) {
    flip_byte(path, found + at, 0x10);
  }
  return found >= 0;
}

static struct span digest_of(const struct cid *c)
{
  return span_of(cid_digest(c), 32);
}

static void load_block(struct home *h, const struct cid *c, struct buf *out)
{
  buf_clear(out);
  NEED(station_block(h->st, c, out, &e) == 0);
}

/* ---- a pair of stations ---- */

static struct cid publish_pad(struct home *h, int n)
{
  struct made m = {.n = n, .title = "padded", .pad = 3000};
  return home_publish(h, "c", &m, 1000 + n);
}

static void parcel_of(struct home *h, const struct cid *id, struct cid *out)
{
  struct entry en = {0};
  NEED(station_get(h->st, id, &en, &e) == 0);
  *out = en.parcel;
  entry_free(&en);
}

static void pair_new(void)
{
  static char text[4000];
  memset(&p, 0, sizeof p);
  p.seed = 7;
  home_new(&a);
  home_new(&b);
  link_follow(&a, "*", INT64_MAX);
  link_follow(&b, "*", INT64_MAX);
  for (int i = 0; i < 5; i++) {
    (void)publish_pad(&a, i);
  }
  record = publish_pad(&a, 5);
  parcel_of(&a, &record, &parcel);
  memset(text, 'x', sizeof text - 1);
  struct made m = {.n = 6, .text = text};
  wordy = home_publish(&a, "c", &m, 1006);
  large = link_file(&a, LARGE, 1);
  small = link_file(&a, SMALL, 2);
  m = (struct made){.n = 10, .files = 1, .file = &large, .size = LARGE};
  large_record = home_publish(&a, "c", &m, 2000);
  m = (struct made){.n = 11, .files = 1, .file = &small, .size = SMALL};
  (void)home_publish(&a, "c", &m, 2001);
  NEED(link_pair_sync(&p, &a, &b, NULL));
  NEED(link_equal(&a, &b));
}

static void pair_end(void)
{
  home_end(&a);
  home_end(&b);
}

/* ---- jobs ---- */

struct outcome {
  int64_t bad, forgotten, parcels, restored;
};

static struct outcome run_scrub(struct home *h)
{
  static const char *const names[] = {"bad", "forgotten", "parcels", "restored",
                                      NULL};
  int64_t v[4] = {0};
  struct job *j = NULL;
  NEED(station_scrub(&j, h->st, 1, &e) == 0);
  int rc = run_values(j, names, v, &e);
  if (rc < 0) {
    printf("  scrub: %s\n", e.text);
  }
  NEED(rc == 0);
  return (struct outcome){v[0], v[1], v[2], v[3]};
}

static int64_t count_bad(struct home *h)
{
  static const char *const names[] = {"bad", NULL};
  struct job *j = NULL;
  int64_t bad = -1;
  NEED(station_verify(&j, h->st, true, &e) == 0);
  NEED(run_values(j, names, &bad, &e) == 0);
  return bad;
}

static bool readable(struct home *h, const struct cid *root, uint64_t size)
{
  struct reader *r = NULL;
  struct span part = {NULL, 0};
  uint64_t got = 0;
  int rc = reader_new(&r, h->st, root, &e);
  do {
    rc = rc < 0 ? rc : reader_next(r, SIZE_MAX, &part, &e);
    got += rc == 0 ? part.n : 0;
  } while (rc == 0 && part.n > 0);
  reader_del(r);
  return rc == 0 && got == size;
}

/* ---- each kind of block, brought again in each way ---- */

enum what {
  RECORD,
  PARCEL,
  SMALL_FILE,
  LARGE_LEAF,
  LARGE_NODE,
  NAME,    /* the digest in a segment's directory */
  CODEC,   /* the codec there */
  SEGMENT, /* all blocks of one are lost */
  WHATS
};

static const char *const what_text[WHATS] = {"record", "parcel", "small file",
                                             "leaf",   "node",   "name",
                                             "codec",  "segment"};

/* The needle is taken while the station is open, the damage done after. */
static bool damage_one(struct home *h, enum what what)
{
  struct buf block = {0};
  struct parcel view;
  const char *name = what == LARGE_LEAF || what == LARGE_NODE ? "s-files" : "s";
  struct span needle = digest_of(&record);
  int64_t at = 0;
  if (what == RECORD) {
    load_block(h, &record, &block);
    needle = span_of(block.p + 500, 32);
  } else if (what == PARCEL) {
    load_block(h, &parcel, &block);
    NEED(parcel_read(&view, buf_span(&block), &e) == 0);
    needle = span_of(view.sig, 40);
  } else if (what == SMALL_FILE || what == LARGE_LEAF) {
    shelf_noise(&block, what == SMALL_FILE ? SMALL : LARGE,
                what == SMALL_FILE ? 2 : 1);
    needle = span_of(block.p + 4000, 64);
  } else if (what == SEGMENT) {
    needle = digest_of(&wordy);
  } else if (what == LARGE_NODE) {
    name = "s"; /* it is small itself */
    load_block(h, &large, &block);
    needle = span_of(block.p + block.n / 2, 24);
  }
  /* The data follow the directory, of which a record published alone is the
   * last entry. */
  at = what == CODEC ? -9 : what == SEGMENT ? 32 : 0;
  station_close(h->st);
  bool done = plant(h, name, needle, at);
  home_open(h);
  buf_free(&block);
  return done;
}

enum way { SESSION, CARRY, SLIP, WAYS };

static void bring(enum way way)
{
  struct slip_options ask = {.files = -1};
  struct slip_report told;
  struct pack_options opt = {.files = -1};
  if (way == SESSION) {
    NEED(link_pair_sync(&p, &a, &b, NULL));
    return;
  }
  const char *slip = home_file(&b, "b.slip"), *car = home_file(&b, "b.car");
  (void)unlink(slip);
  (void)unlink(car);
  if (way == SLIP) {
    NEED(station_slip(b.st, slip, &ask, &told, &e) == 0);
    opt.slip = slip;
  }
  home_pack(&a, car, &opt);
  struct unpacked u = home_unpack(&b, car);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.bad, 0);
}

static void expect_whole(enum what what, enum way way)
{
  bool whole = readable(&b, &large, LARGE) && readable(&b, &small, SMALL) &&
               home_has(&b, &record) && home_has(&b, &large_record) &&
               home_has(&b, &wordy) && home_missing(&b) == 0 &&
               count_bad(&b) == 0 && link_equal(&a, &b) && home_sound(&b);
  if (!whole) {
    printf("  %s, way %d: not whole again\n", what_text[what], (int)way);
    unit_faults++;
  }
}

static void test_each_kind(void)
{
  for (int way = SESSION; way < WAYS; way++) {
    pair_new();
    for (int what = RECORD; what < WHATS; what++) {
      if (!damage_one(&b, (enum what)what)) {
        printf("  no place to damage: %s\n", what_text[what]);
        unit_faults++;
        continue;
      }
      EXPECT(count_bad(&b) >= 1);
      struct outcome o = run_scrub(&b);
      if (o.bad < 1 || o.forgotten < 1 || (what == PARCEL && o.parcels != 1)) {
        printf("  %s: bad %lld, forgotten %lld, parcels %lld\n",
               what_text[what], (long long)o.bad, (long long)o.forgotten,
               (long long)o.parcels);
        unit_faults++;
      }
      EXPECT_INT(count_bad(&b), 0);
      EXPECT(home_missing(&b) > 0 || !link_equal(&a, &b));
      bring((enum way)way);
      expect_whole((enum what)what, (enum way)way);
    }
    pair_end();
  }
}

/* Without a scrub a rebuild forgets what it finds, and is no worse off. */
static void test_rebuild_forgets(void)
{
  static const enum what kinds[] = {RECORD, PARCEL, LARGE_NODE, SEGMENT};
  pair_new();
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    EXPECT(damage_one(&b, kinds[i]));
    home_rebuild(&b);
    EXPECT_INT(count_bad(&b), 0);
    bring(SESSION);
    expect_whole(kinds[i], SESSION);
  }
  pair_end();
}

/* ---- our own ---- */

/* Nobody else has it: but what it said can be told, and signed again. */
static void test_own_parcel(void)
{
  uint8_t was[32], is[32];
  uint64_t parcels;
  pair_new();
  EXPECT(damage_one(&a, PARCEL));
  struct outcome o = run_scrub(&a);
  EXPECT_INT(o.bad, 1);
  EXPECT_INT(o.forgotten, 1);
  EXPECT_INT(o.restored, 1);
  EXPECT_INT(o.parcels, 0);
  EXPECT_INT(home_missing(&a), 0);
  EXPECT(home_has(&a, &record));
  EXPECT(link_equal(&a, &b));
  NEED(station_collection_count(a.st, span_of("c", 1), &parcels, &e) == 0);
  EXPECT_INT(parcels, 9);
  EXPECT_INT(count_bad(&a), 0);
  NEED(station_digest(a.st, was, &e) == 0);
  home_again(&a);
  NEED(station_digest(a.st, is, &e) == 0);
  EXPECT(memcmp(was, is, sizeof was) == 0);
  pair_end();
}

/* The whole segment: the parcel is signed again and asks for its record. */
static void test_own_segment(void)
{
  pair_new();
  EXPECT(damage_one(&a, SEGMENT));
  struct outcome o = run_scrub(&a);
  EXPECT_INT(o.bad, 2);
  EXPECT_INT(o.forgotten, 2);
  EXPECT_INT(o.restored, 1);
  EXPECT_INT(home_missing(&a), 1);
  NEED(link_pair_sync(&p, &a, &b, NULL));
  EXPECT(link_equal(&a, &b));
  EXPECT_INT(home_missing(&a), 0);
  EXPECT(home_has(&a, &wordy));
  EXPECT(home_sound(&a));
  pair_end();
}

/* ---- left half-way ---- */

static void test_left(void)
{
  int steps = 1;
  pair_new();
  for (bool ended = false; !ended; steps++) {
    struct job *j = NULL;
    EXPECT(damage_one(&b, PARCEL));
    NEED(station_scrub(&j, b.st, 1, &e) == 0);
    for (int i = 0; i < steps && !ended; i++) {
      int rc = job_step(j, &e);
      NEED(rc >= 0);
      ended = rc == JOB_DONE;
    }
    job_del(j);
    home_again(&b); /* a rebuild that has begun is ended here */
    (void)run_scrub(&b);
    EXPECT_INT(count_bad(&b), 0);
    bring(SESSION);
    expect_whole(PARCEL, SESSION);
    NEED(steps < 100);
  }
  EXPECT(steps > 8);
  pair_end();
}

/* ---- more than one change can forget ---- */

static void test_many(void)
{
  struct buf all = {0};
  struct cid first = {{0}};
  pair_new();
  for (int i = 0; i < MEND_BLOCKS_MAX + 40; i++) {
    struct cid id = publish_pad(&a, 100 + i);
    first = i == 0 ? id : first;
  }
  NEED(link_pair_sync(&p, &a, &b, NULL));
  station_close(b.st);
  const char *path = home_file(&b, "s");
  shelf_read(path, &all);
  for (int i = 0; i < MEND_BLOCKS_MAX + 40; i++) {
    struct made m = {.n = 100 + i, .title = "padded", .pad = 3000};
    struct buf block = {0};
    made_block(&block, &m);
    const uint8_t *at = memmem(all.p, all.n, block.p + 500, 32);
    if (at != NULL) {
      flip_byte(path, at - all.p, 1);
    }
    buf_free(&block);
  }
  home_open(&b);
  int64_t bad = count_bad(&b);
  EXPECT(bad > MEND_BLOCKS_MAX);
  struct outcome o = run_scrub(&b);
  EXPECT_INT(o.bad, MEND_BLOCKS_MAX);
  EXPECT_INT(o.forgotten, bad); /* the rebuild found the others */
  EXPECT_INT(count_bad(&b), 0);
  EXPECT(!home_has(&b, &first));
  bring(SESSION);
  EXPECT(home_has(&b, &first));
  expect_whole(RECORD, SESSION);
  buf_free(&all);
  pair_end();
}

/* ---- nodes of files, more than one change can forget ---- */

#define NODES (MEND_BLOCKS_MAX + 80)

/* A file of one leaf, by hand (dag-pb: its link, then UnixFS's head). */
static void node_bytes(struct buf *out, const struct cid *leaf)
{
  static const uint8_t link[] = {0x12, 4 + CID_SIZE, 0x0a, CID_SIZE};
  static const uint8_t after[] = {0x12, 0, 0x0a, 6, 8, 2, 0x18, 9, 0x20, 9};
  buf_clear(out);
  NEED(buf_put(out, link, sizeof link) == 0);
  NEED(buf_put(out, leaf->b, CID_SIZE) == 0);
  NEED(buf_put(out, after, sizeof after) == 0);
}

/* Each of them is asked for: as itself where it was damaged, by its leaf where
 * not. */
static void test_many_nodes(void)
{
  static struct cid leaf[NODES], node[NODES];
  struct made m = {.n = 1, .files = NODES, .file = node, .size = 9};
  struct home h;
  struct crate c;
  struct buf block = {0};
  crate_start(&c);
  for (int i = 0; i < NODES; i++) {
    uint8_t bytes[9] = {(uint8_t)i, (uint8_t)(i >> 8)};
    NEED(cid_of(&leaf[i], CID_RAW, bytes, sizeof bytes) == 0);
    node_bytes(&block, &leaf[i]);
    NEED(cid_of(&node[i], CID_DAG_PB, block.p, block.n) == 0);
  }
  struct cid id = made_cid(&m);
  (void)crate_parcel(&c, 1, "c", 1000, &id, 1);
  (void)crate_record(&c, &m);
  for (int i = 0; i < NODES; i++) {
    node_bytes(&block, &leaf[i]);
    (void)crate_put(&c, CID_DAG_PB, buf_span(&block));
  }
  home_new(&h);
  link_follow(&h, "*", INT64_MAX);
  EXPECT_INT(crate_unpack(&c, &h).files, NODES);
  EXPECT_INT(home_missing(&h), NODES);
  station_close(h.st);
  for (int i = 20; i < NODES; i++) { /* some are sound, in the first page */
    NEED(plant(&h, "s", digest_of(&leaf[i]), 3));
  }
  home_open(&h);
  int64_t bad = count_bad(&h);
  EXPECT(bad > MEND_BLOCKS_MAX);
  home_rebuild(&h);
  EXPECT_INT(count_bad(&h), 0);
  EXPECT_INT(home_missing(&h), NODES);
  buf_free(&block);
  home_end(&h);
}

/* ---- others go on ---- */

static int count_unread(void *ud, const struct cid *id)
{
  (void)id;
  ++*(int *)ud;
  return 0;
}

/* Records whose files have text to read are listed past one that is lost. */
static void test_unread(void)
{
  int n = 0;
  pair_new();
  NEED(station_unread(a.st, 10, count_unread, &n, &e) >= 0);
  EXPECT_INT(n, 2);
  station_close(a.st);
  NEED(plant(&a, "s", digest_of(&large_record), -9));
  home_open(&a);
  n = 0;
  EXPECT(station_unread(a.st, 10, count_unread, &n, &e) >= 0);
  EXPECT(n >= 1);
  pair_end();
}

int main(void)
{
  RUN(test_each_kind);
  RUN(test_rebuild_forgets);
  RUN(test_own_parcel);
  RUN(test_own_segment);
  RUN(test_left);
  RUN(test_many);
  RUN(test_many_nodes);
  RUN(test_unread);
  return unit_done();
}
