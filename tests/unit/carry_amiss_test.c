/* SPDX-License-Identifier: 0BSD */
/* Carry files for slips that name blocks, and out of a store in which some rest
 * damaged: those are told and left out, everything else goes; what would go is
 * told before it is packed. */
#include "station_shelf.h"

#include <fcntl.h>

static struct home a, b;
static struct err e;

static void both(void)
{
  home_new(&a);
  home_new(&b);
}

static void neither(void)
{
  home_end(&a);
  home_end(&b);
}

#define LEAF 300000

static const struct made padded[4] = {{.n = 1, .pad = 3000},
                                      {.n = 2, .pad = 3000},
                                      {.n = 3, .pad = 3000},
                                      {.n = 4, .pad = 3000}};

/* One parcel of author 5 with four records, of which some come. */
static void bring(struct home *h, const char *collection, bool first, bool rest)
{
  struct crate c;
  struct cid id[4];
  for (int i = 0; i < 4; i++) {
    id[i] = made_cid(&padded[i]);
  }
  crate_start(&c);
  (void)crate_parcel(&c, 5, collection, 1000, id, 4);
  for (int i = 0; i < 4; i++) {
    if (i == 0 ? first : rest) {
      (void)crate_record(&c, &padded[i]);
    }
  }
  NEED(crate_unpack(&c, h).rc == 0);
}

static void slip_of(struct home *h)
{
  struct slip_options opt = {.files = -1};
  struct slip_report r;
  NEED(station_slip(h->st, home_file(h, "x.slip"), &opt, &r, &e) == 0);
}

/* ---- damage ---- */

static void flip(struct home *h, const char *name, const struct cid *id,
                 size_t at)
{
  struct buf block = {0}, all = {0};
  NEED(station_block(h->st, id, &block, &e) == 0 && block.n > at + 32);
  station_close(h->st);
  const char *path = home_file(h, name);
  shelf_read(path, &all);
  const uint8_t *p = memmem(all.p, all.n, block.p + at, 32);
  NEED(p != NULL);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  uint8_t other = *p ^ 1;
  NEED(fd >= 0 && pwrite(fd, &other, 1, p - all.p) == 1 && close(fd) == 0);
  buf_free(&block);
  buf_free(&all);
  home_open(h);
}

/* ---- what would go ---- */

struct lacked {
  int64_t parcels, records, wanted;
  uint8_t sha256[32];
};

static struct lacked lacks(const struct span *pattern, size_t patterns)
{
  struct lacks_options opt = {pattern, patterns};
  struct lacked l = {0};
  struct job *j = NULL;
  NEED(station_lacks(&j, a.st, home_file(&b, "x.slip"), &opt, &e) == 0);
  NEED(run_job(j, &e) == 0);
  l.parcels = job_value(j, "parcels");
  l.records = job_value(j, "records");
  l.wanted = job_value(j, "wanted");
  memcpy(l.sha256, j->result.sha256, sizeof l.sha256);
  job_del(j);
  return l;
}

struct packed {
  int64_t records, parcels, files, left_files;
  char faults[1000]; /* joined */
};

static struct packed pack(const char *path, const struct pack_options *opt)
{
  struct packed out = {0};
  struct job *j = NULL;
  NEED(station_pack(&j, a.st, path, opt, &e) == 0);
  int rc = run_job(j, &e);
  if (rc < 0) {
    printf("  pack: %s\n", e.text);
  }
  NEED(rc == 0);
  out.records = job_value(j, "records");
  out.parcels = job_value(j, "parcels");
  out.files = job_value(j, "files");
  out.left_files = job_value(j, "left_files");
  NEED(j->result.faults.n < sizeof out.faults);
  for (size_t i = 0; i < j->result.faults.n; i++) {
    uint8_t c = j->result.faults.p[i];
    out.faults[i] = c == 0 ? ';' : (char)c;
  }
  job_del(j);
  return out;
}

/* ---- tests ---- */

/* Blocks that the slip names one by one count where they are here, and are what
 * the sum is of; a choice of collections binds parcels. */
static void test_wanted(void)
{
  static const struct span only_d = {(const uint8_t *)"d", 1};
  both();
  bring(&a, "c", true, true);
  bring(&b, "c", true, false); /* three of its records are missing */
  bring(&a, "d", true, true);
  struct made m = {.n = 50};
  (void)home_publish(&a, "e", &m, 5000);
  EXPECT_INT(home_missing(&b), 3);
  slip_of(&b);
  struct lacked all = lacks(NULL, 0), again = lacks(NULL, 0);
  EXPECT_INT(all.parcels, 2);
  EXPECT_INT(all.records, 5);
  EXPECT_INT(all.wanted, 3);
  EXPECT(memcmp(all.sha256, again.sha256, 32) == 0);
  struct lacked some = lacks(&only_d, 1);
  EXPECT_INT(some.parcels, 1);
  EXPECT_INT(some.wanted, 3);
  EXPECT(memcmp(all.sha256, some.sha256, 32) != 0);
  struct pack_options opt = {.files = -1, .slip = home_file(&b, "x.slip")};
  struct packed p = pack(home_file(&a, "x.car"), &opt);
  EXPECT_INT(p.parcels, 2);
  struct unpacked u = home_unpack(&b, home_file(&a, "x.car"));
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(home_missing(&b), 0);
  slip_of(&b); /* the next one is the receipt */
  all = lacks(NULL, 0);
  EXPECT(all.parcels == 0 && all.wanted == 0);
  neither();
}

/* A slip names what nobody here has: it counts for nothing. */
static void test_wanted_absent(void)
{
  both();
  bring(&a, "c", true, false);
  bring(&b, "c", false, false);
  slip_of(&b);
  EXPECT_INT(lacks(NULL, 0).wanted, 1);
  struct pack_options opt = {.files = -1, .slip = home_file(&b, "x.slip")};
  EXPECT_INT(pack(home_file(&a, "x.car"), &opt).records, 1);
  EXPECT_INT(home_unpack(&b, home_file(&a, "x.car")).added, 1);
  EXPECT_INT(home_missing(&b), 3);
  neither();
}

/* A record, and a leaf of a file: each is told, and missing over there. */
static void test_damaged(void)
{
  struct buf noise = {0};
  struct job *j = NULL;
  both();
  bring(&a, "c", true, true);
  shelf_noise(&noise, LEAF, 5);
  shelf_write(home_file(&a, "f.bin"), buf_span(&noise));
  buf_free(&noise);
  NEED(files_add(&j, a.st, home_file(&a, "f.bin"), FILE_CUT_FIXED, &e) == 0);
  NEED(run_job(j, &e) == 0);
  struct cid file = j->result.link;
  job_del(j);
  struct made m = {.n = 9, .files = 1, .file = &file, .size = LEAF};
  (void)home_publish(&a, "c", &m, 3000);
  struct cid hurt = made_cid(&padded[2]);
  flip(&a, "s", &hurt, 500);
  flip(&a, "s-files", &file, 1000);
  struct pack_options opt = {.files = -1};
  struct packed p = pack(home_file(&a, "x.car"), &opt);
  EXPECT_INT(p.parcels, 2);
  EXPECT_INT(p.records, 4); /* of five */
  EXPECT_INT(p.files, 0);
  EXPECT(strstr(p.faults, "a record rests damaged on this disk") != NULL);
  EXPECT(strstr(p.faults, "rests damaged on this disk;block") != NULL ||
         strstr(p.faults, "block bafk") != NULL);
  struct unpacked u = home_unpack(&b, home_file(&a, "x.car"));
  EXPECT_INT(u.bad, 0);
  EXPECT_INT(u.added, 4);
  EXPECT(!home_has(&b, &hurt));
  EXPECT_INT(home_missing(&b), 2);
  /* Named by a slip, they are told again, and still not sent. */
  slip_of(&b);
  opt.slip = home_file(&b, "x.slip");
  p = pack(home_file(&a, "y.car"), &opt);
  EXPECT_INT(p.records, 0);
  EXPECT(strstr(p.faults, "block bafy") != NULL);
  EXPECT(strstr(p.faults, "block bafk") != NULL);
  neither();
}

/* The slip's budget has no room for what it names: that stays, too. */
static void test_wanted_budget(void)
{
  both();
  bring(&a, "c", true, true);
  bring(&b, "c", true, false);
  struct slip_options ask = {.files = -1, .budget = 5000};
  struct slip_report r;
  NEED(station_slip(b.st, home_file(&b, "x.slip"), &ask, &r, &e) == 0);
  struct pack_options opt = {.files = -1, .slip = home_file(&b, "x.slip")};
  (void)pack(home_file(&a, "x.car"), &opt);
  struct buf car = {0};
  shelf_read(home_file(&a, "x.car"), &car);
  EXPECT(car.n <= 5000 && car.n > 3000);
  buf_free(&car);
  EXPECT_INT(home_unpack(&b, home_file(&a, "x.car")).added, 1);
  EXPECT_INT(home_missing(&b), 2);
  neither();
}

/* More collections than somebody types lines of an SMS for: the newest are
 * told, and how many are not. */
static void test_many_lines(void)
{
  struct slip_options opt = {.files = -1};
  struct slip_report r;
  struct buf lines = {0};
  char name[8];
  both();
  for (int n = 1; n <= 18; n++) {
    struct made m = {.n = n};
    (void)snprintf(name, sizeof name, "c%02d", n * 7 % 19);
    (void)home_publish(&b, name, &m, 1000 + n);
    buf_clear(&lines);
    NEED(station_slip_short(b.st, &opt, &lines, &r, &e) == 0);
    int told = n < 16 ? n : 16, ends = 0;
    EXPECT_INT(r.wishes, told);
    EXPECT_INT(r.parcels, told);
    EXPECT_INT(r.left_out, n - told);
    for (size_t i = 0; i < lines.n; i++) {
      ends += lines.p[i] == '\n';
    }
    EXPECT_INT(ends, told);
  }
  /* Whoever has all of it sees two collections that were not told: they are
   * of the oldest, and count for nothing. */
  struct unpacked u = shelf_carry(&b, &a);
  EXPECT_INT(u.added, 18);
  shelf_write(home_file(&b, "x.slip"), buf_span(&lines));
  EXPECT_INT(lacks(NULL, 0).parcels, 0);
  buf_free(&lines);
  neither();
}

/* Is this the first parcel in the carry file? */
static void check_first(const char *path, const struct cid *parcel)
{
  struct buf car = {0};
  struct cid roots[CAR_ROOTS_MAX];
  struct car_section s;
  size_t n;
  shelf_read(path, &car);
  int64_t at = car_read_header(buf_span(&car), roots, &n, &e);
  for (int i = 0; i < 2; i++) { /* what it is, then the first parcel */
    NEED(at > 0);
    int64_t more =
        car_read_section(span_of(car.p + at, car.n - (size_t)at), &s, &e);
    NEED(more > 0);
    at += more;
  }
  EXPECT(cid_equal(&s.cid, parcel));
  buf_free(&car);
}

static void publish_many(struct home *h, int n)
{
  struct publisher *p = NULL;
  struct buf block = {0};
  uint64_t committed;
  struct cid id;
  NEED(publisher_new(&p, h->st, span_of("c", 1), 2000, &e) == 0);
  for (int i = 0; i < n; i++) {
    struct made m = {.n = 1000 + i};
    made_block(&block, &m);
    NEED(publisher_add(p, buf_span(&block), &id, &e) == 0);
  }
  NEED(publisher_commit(p, &committed, &e) == 0);
  publisher_del(p);
  buf_free(&block);
}

/* Of however many records, a parcel that can't wait goes first. */
static void test_urgent_of_many(void)
{
  struct entry en = {0};
  both();
  slip_of(&b); /* it has nothing */
  struct made m = {.n = 1};
  struct cid id = home_publish(&a, "c", &m, 1000);
  m = (struct made){.type = "label", .n = 2, .about = &id, .value = "good"};
  id = home_publish(&a, "c", &m, 1);
  NEED(station_get(a.st, &id, &en, &e) == 0);
  struct pack_options opt = {.files = -1, .slip = home_file(&b, "x.slip")};
  for (int i = 0; i < 2; i++) { /* few are asked each, many by the index */
    publish_many(&a, i == 0 ? 600 : 9000);
    const char *path = home_file(&a, i == 0 ? "x.car" : "y.car");
    EXPECT(pack(path, &opt).records > (i == 0 ? 600 : 8192));
    check_first(path, &en.parcel);
  }
  entry_free(&en);
  neither();
}

int main(void)
{
  RUN(test_wanted);
  RUN(test_wanted_absent);
  RUN(test_damaged);
  RUN(test_wanted_budget);
  RUN(test_many_lines);
  RUN(test_urgent_of_many);
  return unit_done();
}
