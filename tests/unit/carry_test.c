/* SPDX-License-Identifier: 0BSD */
/* Slips, packing and unpacking: stations that meet by a stick. */
#include "base/limits.h"
#include "station/carfile.h"
#include "station/carsource.h"
#include "station_shelf.h"

#include <sys/stat.h>

static struct home a, b;
static struct err e;

static void both_new(void)
{
  home_new(&a);
  home_new(&b);
}

static void both_end(void)
{
  home_end(&a);
  home_end(&b);
}

static struct cid add_file(struct home *h, const char *name, size_t n,
                           uint64_t seed)
{
  struct buf bytes = {0};
  struct job *j = NULL;
  shelf_noise(&bytes, n, seed);
  shelf_write(home_file(h, name), buf_span(&bytes));
  NEED(files_add(&j, h->st, home_file(h, name), FILE_CUT_FIXED, &e) == 0);
  NEED(run_job(j, &e) == 0);
  struct cid link = j->result.link;
  job_del(j);
  buf_free(&bytes);
  return link;
}

static struct cid publish_file(struct home *h, const char *collection, int n,
                               const struct cid *file, int64_t size)
{
  struct made m = {.n = n, .files = 1, .file = file, .size = size};
  return home_publish(h, collection, &m, -1);
}

static bool file_whole(struct home *h, const struct cid *root)
{
  struct reader *r = NULL;
  struct span part = {0};
  int rc = reader_new(&r, h->st, root, &e);
  do {
    rc = rc < 0 ? rc : reader_next(r, SIZE_MAX, &part, &e);
  } while (rc == 0 && part.n > 0);
  reader_del(r);
  NEED(rc == 0 || rc == ERR_NOENT);
  return rc == 0;
}

static int64_t file_size(const char *path)
{
  struct stat info;
  return stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
}

/* What packing with these options tells. */
struct packed {
  int rc;
  int64_t bytes, blocks, parcels, records, files, left_parcels, left_files;
};

static struct packed pack(struct home *h, const char *path,
                          const struct pack_options *opt)
{
  static const char *const names[] = {"bytes",      "blocks", "parcels",
                                      "records",    "files",  "left_parcels",
                                      "left_files", NULL};
  int64_t v[7] = {0};
  struct packed p = {0};
  struct job *j = NULL;
  (void)unlink(path);
  p.rc = station_pack(&j, h->st, path, opt, &e);
  if (p.rc == 0) {
    p.rc = run_values(j, names, v, &e);
  }
  p.bytes = v[0];
  p.blocks = v[1];
  p.parcels = v[2];
  p.records = v[3];
  p.files = v[4];
  p.left_parcels = v[5];
  p.left_files = v[6];
  return p;
}

static struct slip_report slip(struct home *h, const char *path, int64_t budget)
{
  struct slip_options opt = {.budget = budget, .files = -1};
  struct slip_report r = {0};
  NEED(station_slip(h->st, path, &opt, &r, &e) == 0);
  NEED(r.bytes == (uint64_t)file_size(path));
  return r;
}

/* ---- all of it ---- */

static void test_everything_arrives(void)
{
  both_new();
  struct cid small = add_file(&a, "small", 1000, 1);
  struct cid large = add_file(&a, "large", 3u << 20, 2);
  struct cid none = add_file(&a, "none", 0, 3);
  (void)publish_file(&a, "c", 1, &small, 1000);
  (void)publish_file(&a, "c", 2, &large, 3 << 20);
  (void)publish_file(&a, "d/e", 3, &none, 0);
  struct made m = {.n = 4, .title = "words"};
  struct cid id = home_publish(&a, "c", &m, -1);
  struct unpacked u = shelf_carry(&a, &b);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.parcels, 4);
  EXPECT_INT(u.added, 4);
  EXPECT_INT(u.files, 6); /* one, three and their node, one */
  EXPECT_INT(u.missing, 0);
  EXPECT_INT(u.bad + u.unlisted + u.known, 0);
  EXPECT(home_has(&b, &id));
  EXPECT(file_whole(&b, &small) && file_whole(&b, &large) &&
         file_whole(&b, &none));
  EXPECT(home_sound(&b));
  u = shelf_carry(&a, &b);
  EXPECT_INT(u.added + u.parcels + u.files, 0);
  both_end();
}

/* A collection of our own, by name and by pattern. */
static void test_patterns(void)
{
  both_new();
  struct made one = {.n = 1}, two = {.n = 2}, three = {.n = 3};
  struct cid id[3] = {home_publish(&a, "edu/a", &one, -1),
                      home_publish(&a, "edu/b", &two, -1),
                      home_publish(&a, "news", &three, -1)};
  struct span edu = span_of("edu/*", 5), news = span_of("news", 4);
  struct pack_options opt = {.pattern = &edu, .patterns = 1, .files = -1};
  const char *path = home_file(&a, "x.car");
  struct packed p = pack(&a, path, &opt);
  EXPECT_INT(p.parcels, 2);
  struct unpack_options only = {.pattern = &news, .patterns = 1};
  struct unpacked u = home_unpack_asking(&b, path, &only, NULL, NULL);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.added + u.unlisted, 0);
  u = home_unpack(&b, path);
  EXPECT_INT(u.added, 2);
  EXPECT(home_has(&b, &id[0]) && home_has(&b, &id[1]) && !home_has(&b, &id[2]));
  both_end();
}

/* ---- slips ---- */

static void test_slip_brings_the_difference(void)
{
  const char *ask = "ask.slip", *car = "x.car";
  both_new();
  struct made m = {.n = 1};
  (void)home_publish(&a, "c", &m, -1);
  struct unpacked u = shelf_carry(&a, &b);
  m.n = 2;
  struct cid fresh = home_publish(&a, "c", &m, -1);
  m.n = 3;
  struct cid theirs = home_publish(&b, "c", &m, -1);
  struct slip_report r = slip(&b, home_file(&b, ask), 0);
  EXPECT_INT(r.parcels, 2);
  EXPECT_INT(r.wishes, 1);
  struct pack_options opt = {.slip = home_file(&b, ask), .files = -1};
  struct packed p = pack(&a, home_file(&a, car), &opt);
  EXPECT_INT(p.rc, 0);
  EXPECT_INT(p.parcels, 1);
  u = home_unpack(&b, home_file(&a, car));
  EXPECT_INT(u.added, 1);
  EXPECT(home_has(&b, &fresh) && home_has(&b, &theirs));
  (void)slip(&b, home_file(&b, ask), 0);
  opt.slip = home_file(&b, ask);
  p = pack(&a, home_file(&a, car), &opt);
  EXPECT_INT(p.parcels + p.records, 0);
  both_end();
}

/* What is named block by block: records and parts of files that are lacking.
 * Whether a crash came between the blocks and their notes or not. */
static void wanted_parts(bool crash)
{
  both_new();
  struct cid large = add_file(&a, "large", 3u << 20, 2);
  (void)publish_file(&a, "c", 1, &large, 3 << 20);
  struct pack_options opt = {.files = 0};
  struct packed p = pack(&a, home_file(&a, "x.car"), &opt);
  EXPECT_INT(p.files, 0);
  struct unpacked u = home_unpack(&b, home_file(&a, "x.car"));
  EXPECT_INT(u.missing, 1);
  /* The root alone. */
  struct crate c;
  struct buf root = {0};
  struct store *s = a.st->store;
  NEED(s->ops->get(s, &large, &root, &e) == 0);
  if (crash) {
    struct store *to = b.st->store;
    struct store_block block = {large, buf_span(&root)};
    NEED(to->ops->put(to, &block, 1, true, NULL, NULL, &e) == 0);
    EXPECT_INT(home_missing(&b), 0); /* and now its parts are noted */
    EXPECT_INT(home_missing(&b), 3);
  } else {
    crate_start(&c);
    (void)crate_put(&c, CID_DAG_PB, buf_span(&root));
    u = crate_unpack(&c, &b);
    EXPECT_INT(u.missing, 3);
  }
  EXPECT(home_sound(&b));
  (void)slip(&b, home_file(&b, "ask"), 0);
  opt.files = -1;
  opt.slip = home_file(&b, "ask");
  p = pack(&a, home_file(&a, "x.car"), &opt);
  EXPECT_INT(p.rc, 0);
  EXPECT_INT(p.parcels, 0);
  EXPECT_INT(p.blocks, 1 + 3);
  u = home_unpack(&b, home_file(&a, "x.car"));
  EXPECT_INT(u.files, 3);
  EXPECT_INT(u.missing, 0);
  EXPECT(file_whole(&b, &large));
  EXPECT(home_sound(&b));
  buf_free(&root);
  both_end();
}

static void test_wanted_parts(void)
{
  wanted_parts(false);
  wanted_parts(true);
}

static void test_slip_needs_a_key(void)
{
  struct slip_options opt = {.files = -1};
  struct slip_report r;
  struct station_options ro = {.readonly = true, .key = "/nowhere/key"};
  home_new(&a);
  station_close(a.st);
  a.st = NULL;
  NEED(station_open(&a.st, home_file(&a, "s"), &ro, &e) == 0);
  EXPECT_INT(station_slip(a.st, home_file(&a, "x"), &opt, &r, &e), ERR_ACCESS);
  home_end(&a);
}

static void test_bad_slips(void)
{
  struct buf bytes = {0};
  struct pack_options opt = {.files = -1};
  home_new(&a);
  (void)slip(&a, home_file(&a, "good"), 0);
  shelf_read(home_file(&a, "good"), &bytes);
  opt.slip = home_file(&a, "absent");
  EXPECT_INT(pack(&a, home_file(&a, "x"), &opt).rc, ERR_NOENT);
  opt.slip = a.dir;
  EXPECT(pack(&a, home_file(&a, "x"), &opt).rc < 0);
  int faults = 0;
  for (size_t i = 0; i < bytes.n; i++) {
    bytes.p[i] ^= 4;
    shelf_write(home_file(&a, "bad"), buf_span(&bytes));
    opt.slip = home_file(&a, "bad");
    e.text[0] = '\0';
    faults += pack(&a, home_file(&a, "x"), &opt).rc >= 0 || e.text[0] == '\0';
    bytes.p[i] ^= 4;
  }
  EXPECT_INT(faults, 0);
  EXPECT_INT(file_size(home_file(&a, "x")), -1);
  buf_free(&bytes);
  home_end(&a);
}

/* ---- budgets ---- */

/* Records that don't compress: ${n} parcels of ${size} bytes each. */
static void publish_noise(struct home *h, int n, size_t size)
{
  for (int i = 0; i < n; i++) {
    struct made m = {.n = i + 1, .pad = size};
    (void)home_publish(h, "c", &m, SHELF_NOW + i);
  }
}

/* Under each budget the file is no larger than that, and what was left out is
 * said; at the size of all of it nothing is. */
static void budget(bool compress)
{
  struct pack_options opt = {.files = -1, .compress = compress, .level = 3};
  const char *path = home_file(&a, "x");
  struct packed all = pack(&a, home_file(&a, "x"), &opt);
  int faults = 0;
  EXPECT_INT(all.left_parcels + all.left_files, 0);
  for (int64_t n = 100; n < all.bytes + 2000; n += 997) {
    opt.budget = n;
    path = home_file(&a, "x");
    struct packed p = pack(&a, path, &opt);
    if (p.rc == ERR_FULL) {
      faults += n > 1000;
      continue;
    }
    faults += p.rc != 0 || p.bytes > n || p.bytes != file_size(path) ||
              p.parcels + p.left_parcels != all.parcels ||
              (p.parcels == all.parcels && p.files + p.left_files != all.files);
  }
  EXPECT_INT(faults, 0);
  /* Close to the edge, byte by byte. */
  int64_t least = 0;
  for (int64_t n = all.bytes - 200; n <= all.bytes + 2000; n++) {
    opt.budget = n;
    struct packed p = pack(&a, home_file(&a, "x"), &opt);
    faults += p.bytes > n;
    if (least == 0 && p.left_parcels + p.left_files == 0) {
      least = n;
    }
    if (n - (all.bytes - 200) > 400) {
      n += 40;
    }
  }
  EXPECT_INT(faults, 0);
  EXPECT(least >= all.bytes && least <= all.bytes + 1500);
}

static void test_budgets(void)
{
  home_new(&a);
  publish_noise(&a, 6, 5000);
  struct cid file = add_file(&a, "f", 20000, 7);
  (void)publish_file(&a, "c", 90, &file, 20000);
  budget(false);
  budget(true);
  home_end(&a);
}

/* A file of which a part does not fit is told as left, and its parts that
 * another file shares are not taken for written. */
static void test_budget_cuts_a_file(void)
{
  struct pack_options opt = {.files = -1};
  both_new();
  struct cid large = add_file(&a, "f", 3u << 20, 7);
  struct made m = {.n = 1, .files = 1, .file = &large, .size = 10};
  (void)home_publish(&a, "c", &m, -1); /* claims less than it is */
  m.n = 2;
  m.size = 3 << 20;
  (void)home_publish(&a, "c", &m, -1);
  opt.budget = 2 << 20;
  struct packed p = pack(&a, home_file(&a, "x"), &opt);
  EXPECT_INT(p.rc, 0);
  EXPECT(p.bytes <= opt.budget);
  EXPECT_INT(p.files, 0);
  struct unpacked u = home_unpack(&b, home_file(&a, "x"));
  EXPECT_INT(u.rc, 0);
  EXPECT(u.missing >= 1);
  both_end();
}

static void test_slip_budget(void)
{
  both_new();
  publish_noise(&a, 6, 5000);
  (void)slip(&b, home_file(&b, "ask"), 12000);
  struct pack_options opt = {.slip = home_file(&b, "ask"), .files = -1};
  struct packed p = pack(&a, home_file(&a, "x"), &opt);
  EXPECT(p.bytes <= 12000 && p.left_parcels == 4);
  opt.budget = 7000; /* the smaller one counts */
  p = pack(&a, home_file(&a, "x"), &opt);
  EXPECT(p.bytes <= 7000 && p.left_parcels == 5);
  opt.budget = 1 << 20;
  p = pack(&a, home_file(&a, "x"), &opt);
  EXPECT_INT(p.left_parcels, 4);
  both_end();
}

/* ---- sizes of files ---- */

static void test_files_limit(void)
{
  struct pack_options opt = {0};
  home_new(&a);
  struct cid f = add_file(&a, "f", 5000, 1);
  (void)publish_file(&a, "c", 1, &f, 5000);
  for (int64_t most = 4999; most <= 5001; most++) {
    opt.files = most;
    EXPECT_INT(pack(&a, home_file(&a, "x"), &opt).files, most >= 5000);
  }
  home_end(&a);
}

/* The follow rules bound what is wanted, in slips and when taking in. */
static void test_follow_limits_files(void)
{
  for (int64_t most = 4999; most <= 5001; most++) {
    struct pack_options opt = {.files = -1};
    both_new();
    struct cid f = add_file(&a, "f", 5000, 1);
    (void)publish_file(&a, "edu/a", 1, &f, 5000);
    NEED(station_follow(b.st, span_of("edu/*", 5), most, &e) == 0);
    (void)pack(&a, home_file(&a, "x"), &opt);
    struct unpacked u = home_unpack(&b, home_file(&a, "x"));
    EXPECT_INT(u.files, most >= 5000);
    EXPECT_INT(u.unlisted, most < 5000);
    EXPECT_INT(u.missing, 0); /* what is not wanted is not missing */
    (void)slip(&b, home_file(&b, "ask"), 0);
    opt.slip = home_file(&b, "ask");
    EXPECT_INT(pack(&a, home_file(&a, "x"), &opt).blocks, 1);
    both_end();
  }
}

/* ---- manners ---- */

static void test_never_over_a_file(void)
{
  struct pack_options opt = {.files = -1};
  struct job *j = NULL;
  struct buf bytes = {0};
  home_new(&a);
  shelf_write(home_file(&a, "x"), span_of("mine", 4));
  EXPECT_INT(station_pack(&j, a.st, home_file(&a, "x"), &opt, &e), ERR_EXIST);
  NEED(unlink(home_file(&a, "x")) == 0);
  NEED(station_pack(&j, a.st, home_file(&a, "x"), &opt, &e) == 0);
  EXPECT_INT(job_step(j, &e), JOB_MORE);
  shelf_write(home_file(&a, "x"), span_of("mine", 4)); /* meanwhile */
  EXPECT_INT(run_job(j, &e), ERR_EXIST);
  EXPECT_INT(job_step(j, &e), ERR_EXIST); /* and again */
  job_del(j);
  shelf_read(home_file(&a, "x"), &bytes);
  EXPECT(span_is(buf_span(&bytes), "mine"));
  buf_free(&bytes);
  home_end(&a);
}

static void test_no_carry_files(void)
{
  static const char words[] = "these are words, and not a carry file at all";
  struct job *j = NULL;
  struct unpack_options opt = {0};
  home_new(&a);
  EXPECT_INT(station_unpack(&j, a.st, home_file(&a, "none"), &opt, &e),
             ERR_NOENT);
  EXPECT_INT(station_unpack(&j, a.st, a.dir, &opt, &e), ERR_INVALID);
  shelf_write(home_file(&a, "x"), span_of(words, 0));
  EXPECT_INT(station_unpack(&j, a.st, home_file(&a, "x"), &opt, &e),
             ERR_INVALID);
  for (size_t n = 1; n <= sizeof words; n++) {
    shelf_write(home_file(&a, "x"), span_of(words, n));
    EXPECT_INT(home_unpack(&a, home_file(&a, "x")).rc, ERR_INVALID);
    shelf_write(home_file(&a, "x.car.zst"), span_of(words, n));
    EXPECT_INT(home_unpack(&a, home_file(&a, "x.car.zst")).rc, ERR_INVALID);
  }
  home_end(&a);
}

/* ---- the window over a carry file ---- */

/* All sections of a file, and how many frames were lost. */
static int sections(const char *path, uint64_t *lost)
{
  struct carsource s;
  struct car_section one;
  struct cid roots[CAR_ROOTS_MAX];
  size_t count;
  int n = 0;
  NEED(carsource_open(&s, path, &e) == 0);
  NEED(carsource_fill(&s, CAR_SECTION_MAX, &e) == 0);
  int64_t taken = car_read_header(carsource_window(&s), roots, &count, &e);
  while (taken > 0) {
    carsource_skip(&s, (size_t)taken);
    NEED(carsource_fill(&s, CAR_SECTION_MAX, &e) == 0);
    taken = car_read_section(carsource_window(&s), &one, &e);
    if (taken > 0) {
      NEED(cid_verify(&one.cid, one.block.p, one.block.n) == 0);
      n++;
    }
  }
  *lost = s.bad_frames;
  carsource_close(&s);
  carsource_close(&s);
  return n;
}

/* Blocks around every size at which a frame or a window ends. */
static void blocks_of(bool compress)
{
  static const size_t sizes[] = {
      0,       1,       100,     ZPACK_FRAME_RAW - 46, 262144, 262145, 524288,
      1048576, 2097151, 2097152, BLOCK_SIZE_MAX};
  struct carfile f;
  struct buf noise = {0};
  struct cid c;
  uint64_t lost;
  home_folder(&a);
  const char *path = home_file(&a, compress ? "x.car.zst" : "x.car");
  NEED(cid_of(&c, CID_RAW, "", 0) == 0);
  NEED(carfile_start(&f, path, compress, 3, &e) == 0);
  NEED(carfile_header(&f, &c, &e) == 0);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    uint64_t bound;
    shelf_noise(&noise, sizes[i], i);
    NEED(cid_of(&c, CID_RAW, noise.p, noise.n) == 0);
    bound = carfile_size_with(&f, noise.n + CID_SIZE + VARINT_BYTES_MAX);
    NEED(carfile_block(&f, &c, buf_span(&noise), &e) == 0);
    EXPECT(carfile_size_with(&f, 0) <= bound);
    NEED(carfile_flush(&f, &e) == 0);
    EXPECT(f.out.bytes <= bound);
  }
  NEED(carfile_sync(&f, &e) == 0);
  int rc;
  do {
    rc = carfile_check(&f, &e);
  } while (rc > 0);
  EXPECT_INT(rc, 0);
  EXPECT_INT(carfile_finish(&f, path, &e), 0);
  carfile_free(&f);
  EXPECT_INT(sections(path, &lost), sizeof sizes / sizeof sizes[0]);
  EXPECT_INT(lost, 0);
  buf_free(&noise);
  home_end(&a);
}

static void test_blocks_of_all_sizes(void)
{
  blocks_of(false);
  blocks_of(true);
}

/* The disk gives other bytes back than were written. */
static void test_lying_disk(void)
{
  struct carfile f;
  struct cid c;
  int rc;
  home_folder(&a);
  const char *path = home_file(&a, "x.car");
  NEED(cid_of(&c, CID_RAW, "hello", 5) == 0);
  NEED(carfile_start(&f, path, false, 0, &e) == 0);
  NEED(carfile_header(&f, &c, &e) == 0);
  NEED(carfile_block(&f, &c, span_of("hello", 5), &e) == 0);
  NEED(carfile_sync(&f, &e) == 0);
  NEED(pwrite(f.out.fd, "x", 1, 70) == 1);
  do {
    rc = carfile_check(&f, &e);
  } while (rc > 0);
  EXPECT_INT(rc, ERR_IO);
  EXPECT(strstr(e.text, "other bytes") != NULL);
  carfile_free(&f);
  EXPECT_INT(file_size(path), -1);
  home_end(&a);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_everything_arrives);
  RUN(test_patterns);
  RUN(test_slip_brings_the_difference);
  RUN(test_wanted_parts);
  RUN(test_slip_needs_a_key);
  RUN(test_bad_slips);
  RUN(test_budgets);
  RUN(test_budget_cuts_a_file);
  RUN(test_slip_budget);
  RUN(test_files_limit);
  RUN(test_follow_limits_files);
  RUN(test_never_over_a_file);
  RUN(test_no_carry_files);
  RUN(test_blocks_of_all_sizes);
  RUN(test_lying_disk);
  return unit_done();
}
