/* SPDX-License-Identifier: 0BSD */
/* Memory that runs out once, at the first, second, third ... request of a
 * call of the station: the right answer, or ERR_NOMEM with its sentence.
 * Nothing leaks (under the sanitizers), the station closes, opens again,
 * passes its checks, and the same call then succeeds. This program brings its
 * own base/mem. */
#include "base/limits.h"
#include "failing_heap.h"
#include "unit/station_shelf.h"

#include <sys/stat.h>

/* ---- a world, made once and copied for each failure ---- */

static struct home world, h;
static struct cid note, lesson, image, raw_file, gone_id;

/* Into the folder of ${h}, for nftw: s, s.key, s-files/, what lies there. */
static int copy_one(const char *path, const struct stat *info, int kind,
                    struct FTW *at)
{
  const char *name = path + strlen(world.dir);
  struct buf bytes = {0};
  (void)at;
  if (kind == FTW_D) {
    return *name == '\0' ? 0 : mkdir(home_file(&h, name + 1), 0700);
  }
  if (info->st_size > 0) {
    shelf_read(path, &bytes);
  }
  shelf_write(home_file(&h, name + 1), buf_span(&bytes));
  buf_free(&bytes);
  return chmod(home_file(&h, name + 1), info->st_mode & 0777);
}

/* A station in a copy of the world: each failure begins at the same. */
static void copy_world(void)
{
  home_folder(&h);
  h.now = world.now;
  NEED(nftw(world.dir, copy_one, 16, FTW_PHYS) == 0);
  home_open(&h);
}

static struct cid add_file(struct home *at, const char *name)
{
  struct err e = {0};
  struct job *j = NULL;
  NEED(files_add(&j, at->st, home_file(at, name), FILE_CUT_CONTENT, &e) == 0);
  NEED(run_job(j, &e) == 0);
  struct cid link = j->result.link;
  job_del(j);
  return link;
}

static void make_world(void)
{
  struct home other;
  struct buf noise = {0};
  struct err e = {0};
  struct made m = {.n = 1, .key = "k", .title = "alpha beta", .text = "gamma"};
  home_new(&world);
  home_new(&other);
  note = home_publish(&world, "c", &m, -1);
  shelf_noise(&noise, 200000, 5);
  shelf_write(home_file(&world, "a.bin"), buf_span(&noise));
  shelf_noise(&noise, 1100000, 6);
  shelf_write(home_file(&world, "b.bin"), buf_span(&noise));
  image = add_file(&world, "b.bin");
  m = (struct made){.n = 2, .files = 1, .file = &image, .size = 1100000};
  lesson = home_publish(&world, "c", &m, -1);
  NEED(station_follow(world.st, span_of("*", 1), INT64_MAX, &e) == 0);

  /* Others' files, a withdrawal and a label among them. */
  shelf_noise(&noise, 1080000, 7);
  shelf_write(home_file(&other, "f.bin"), buf_span(&noise));
  raw_file = add_file(&other, "f.bin");
  m = (struct made){.n = 3, .files = 1, .file = &raw_file, .size = 1080000};
  (void)home_publish(&other, "d", &m, -1);
  m = (struct made){.n = 4, .title = "to be taken back"};
  gone_id = home_publish(&other, "d", &m, -1);
  struct unpacked u = shelf_carry(&other, &world);
  NEED(u.rc == 0);
  m = (struct made){.type = "withdraw", .about = &gone_id};
  (void)home_publish(&other, "d", &m, -1);
  m = (struct made){.type = "label", .about = &note, .value = "good"};
  (void)home_publish(&other, "d", &m, -1);
  m = (struct made){.n = 5, .title = "news", .text = "from afar"};
  (void)home_publish(&other, "d", &m, -1);
  home_pack(&other, home_file(&world, "in.car"), NULL);
  struct pack_options zip = {.files = -1, .compress = true, .level = 1};
  home_pack(&other, home_file(&world, "zip.car.zst"), &zip);
  struct slip_options ask = {.files = -1};
  struct slip_report r;
  NEED(station_slip(other.st, home_file(&world, "ask.slip"), &ask, &r, &e) ==
       0);
  home_end(&other);
  buf_free(&noise);
  station_close(world.st);
  world.st = NULL;
}

/* ---- the calls ---- */

typedef int body(struct err *e);

static int body_open(struct err *e)
{
  station_close(h.st);
  return home_try(&h, false, e);
}

/* The test's own part does not fail. */
static void quietly_make(struct buf *b, const struct made *m)
{
  long was = heap.at, requests = heap.requests;
  heap_heal();
  made_block(b, m);
  heap.at = was;
  heap.requests = requests;
}

static int publish_n(const struct made *list, int n, struct err *e)
{
  struct publisher *p = NULL;
  struct buf b = {0};
  uint64_t committed = 0;
  struct cid id;
  int rc = publisher_new(&p, h.st, span_of("c", 1), -1, e);
  for (int i = 0; rc == 0 && i < n; i++) {
    quietly_make(&b, &list[i]);
    rc = publisher_add(p, buf_span(&b), &id, e);
  }
  if (rc == 0) {
    rc = publisher_commit(p, &committed, e);
    EXPECT(rc < 0 || committed == (uint64_t)n);
  }
  publisher_del(p);
  buf_free(&b);
  return rc;
}

static int body_publish(struct err *e)
{
  struct made m = {.n = 100, .title = "one", .key = "k"};
  return publish_n(&m, 1, e);
}

static int body_publish_20(struct err *e)
{
  struct made m[20];
  for (int i = 0; i < 20; i++) {
    m[i] = (struct made){.n = 100 + i, .text = "words of the record"};
  }
  return publish_n(m, 20, e);
}

static int run(struct job *j, int rc, struct err *e)
{
  if (rc == 0) {
    rc = run_job(j, e);
    job_del(j);
  }
  return rc;
}

static int body_add_file(struct err *e)
{
  struct job *j = NULL;
  return run(j, files_add(&j, h.st, home_file(&h, "a.bin"), FILE_CUT_FIXED, e),
             e);
}

static int body_export(struct err *e)
{
  struct job *j = NULL;
  int rc = files_export(&j, h.st, &image, h.dir, span_of("out/x.bin", 9), e);
  return run(j, rc, e);
}

static int body_slip(struct err *e)
{
  struct slip_options opt = {.files = -1};
  struct slip_report r;
  return station_slip(h.st, home_file(&h, "my.slip"), &opt, &r, e);
}

static int pack_with(const char *slip, bool compress, struct err *e)
{
  struct pack_options opt = {
      .files = -1, .compress = compress, .level = 1, .slip = slip};
  struct job *j = NULL;
  (void)unlink(home_file(&h, "out.car"));
  return run(j, station_pack(&j, h.st, home_file(&h, "out.car"), &opt, e), e);
}

static int body_pack(struct err *e)
{
  return pack_with(NULL, true, e);
}

static int body_pack_slip(struct err *e)
{
  return pack_with(home_file(&h, "ask.slip"), false, e);
}

static int unpack_from(const char *name, struct err *e)
{
  struct unpack_options opt = {0};
  struct job *j = NULL;
  return run(j, station_unpack(&j, h.st, home_file(&h, name), &opt, e), e);
}

static int body_unpack(struct err *e)
{
  return unpack_from("in.car", e);
}

static int body_unpack_zip(struct err *e)
{
  return unpack_from("zip.car.zst", e);
}

static int body_withdraw(struct err *e)
{
  struct made m = {.type = "withdraw", .about = &note};
  return publish_n(&m, 1, e);
}

static int body_rebuild(struct err *e)
{
  struct job *j = NULL;
  return run(j, station_rebuild(&j, h.st, e), e);
}

static int body_verify(struct err *e)
{
  struct job *j = NULL;
  return run(j, station_verify(&j, h.st, true, e), e);
}

static int body_sweep(struct err *e)
{
  struct job *j = NULL;
  return run(j, station_sweep(&j, h.st, e), e);
}

static int count_hit(void *ud, const struct search_hit *hit)
{
  ++*(int *)ud;
  return hit->entry->block.n > 0 ? 0 : ERR_MISUSE;
}

static int count_entry(void *ud, const struct entry *en)
{
  ++*(int *)ud;
  return en->block.n > 0 ? 0 : ERR_MISUSE;
}

static int body_search(struct err *e)
{
  struct search_query q = {.text = span_of("alpha gamma", 11),
                           .collection = span_of("c", 1),
                           .limit = 10};
  int n = 0;
  int rc = station_search(h.st, &q, count_hit, &n, e);
  EXPECT(rc < 0 || n == 1);
  return rc;
}

static int body_get(struct err *e)
{
  struct entry en = {0};
  int rc = station_get(h.st, &note, &en, e);
  EXPECT(rc < 0 || cid_equal(&en.cid, &note));
  entry_free(&en);
  return rc;
}

static int body_page(struct err *e)
{
  struct page page = {0};
  struct page_query q = {.collection = span_of("c", 1), .max = 10};
  int n = 0;
  int rc = station_page(h.st, &q, &page, count_entry, &n, e);
  EXPECT(rc < 0 || n == 2);
  return rc;
}

static int body_lists(struct err *e)
{
  struct version_query v = {span_of("c", 1), span_of("k", 1), NULL};
  struct buf out = {0};
  struct station_stats stats;
  uint8_t key[CRYPT_KEY_SIZE];
  int n = 0, rc = did_parse(key, station_did(h.st), CRYPT_DID_SIZE, e);
  v.author = key;
  if (rc == 0 && (rc = station_versions(h.st, &v, count_entry, &n, e)) == 0 &&
      (rc = station_about(h.st, &note, count_entry, &n, e)) == 0 &&
      (rc = station_follows(h.st, &out, e)) == 0 &&
      (rc = station_collections(h.st, &out, e)) == 0 &&
      (rc = station_stats(h.st, &stats, e)) == 0) {
    EXPECT_INT(n, 1);
    EXPECT_INT(stats.collections, 2);
    rc = station_missing(h.st, shelf_count_missing, &n, e);
  }
  buf_free(&out);
  return rc;
}

static int body_follow(struct err *e)
{
  int rc = station_follow(h.st, span_of("x/*", 3), 1, e);
  if (rc == 0) {
    rc = station_unfollow(h.st, span_of("x/*", 3), e);
  }
  return rc;
}

static int body_reader(struct err *e)
{
  struct reader *r = NULL;
  struct buf part = {0};
  uint64_t n = 0;
  int rc = reader_new(&r, h.st, &image, e);
  do {
    rc = rc < 0 ? rc : reader_next(r, &part, e);
    n += rc == 0 ? part.n : 0;
  } while (rc == 0 && part.n > 0);
  EXPECT(rc < 0 || n == 1100000);
  reader_del(r);
  buf_free(&part);
  return rc;
}

/* ---- the sweep ---- */

static void check_station(void)
{
  struct err e = {0};
  struct job *j = NULL;
  NEED(station_verify(&j, h.st, true, &e) == 0);
  NEED(run_job(j, &e) == 0);
  EXPECT_INT(job_value(j, "bad"), 0);
  job_del(j);
  (void)home_missing(&h); /* settles what a failure left half noted */
  EXPECT(home_sound(&h));
}

/* One failure at request ${at}; true when the call came so far. */
static bool fail_once(body *call, long at)
{
  struct err e = {0};
  heap_fail(at + 1, HEAP_ONCE);
  int rc = call(&e);
  heap_heal();
  bool reached = heap.requests > at;
  EXPECT(rc == 0 || rc == ERR_NOMEM);
  EXPECT(rc == 0 || e.code == rc);
  EXPECT(rc == 0 || e.text[0] != '\0');
  if (rc != 0 && rc != ERR_NOMEM) {
    printf("  request %ld: %d %s\n", at, rc, e.text);
  }
  EXPECT(reached || rc == 0);
  return reached;
}

/* Every failure up to 60, then ever fewer: what comes later are the same few
 * places again. */
static long next_failure(long at)
{
  return at + (at < 60 ? 1 : at < 300 ? 7 : at / 8);
}

static void sweep(body *call, bool changes)
{
  struct err e = {0};
  long n = 0, at = 0;
  copy_world();
  for (bool reached = true; reached; at = next_failure(at), n++) {
    if (changes && n > 0) {
      home_end(&h);
      copy_world();
    }
    reached = fail_once(call, at);
    if (h.st == NULL || changes) {
      home_again(&h);
      if (n % 4 == 0) {
        check_station();
      }
      int rc = call(&e);
      EXPECT_INT(rc, 0);
      if (rc < 0) {
        printf("  after request %ld: %s\n", at, e.text);
      }
    }
  }
  EXPECT(n > 1); /* it did fail before */
  check_station();
  home_end(&h);
}

#define SWEEP(name, changes)                                                   \
  static void test_##name(void)                                                \
  {                                                                            \
    sweep(body_##name, changes);                                               \
  }

SWEEP(open, false)
SWEEP(publish, true)
SWEEP(publish_20, true)
SWEEP(add_file, true)
SWEEP(export, false)
SWEEP(slip, false)
SWEEP(pack, false)
SWEEP(pack_slip, false)
SWEEP(unpack, true)
SWEEP(unpack_zip, true)
SWEEP(withdraw, true)
SWEEP(rebuild, true)
SWEEP(verify, false)
SWEEP(sweep, true)
SWEEP(search, false)
SWEEP(get, false)
SWEEP(page, false)
SWEEP(lists, false)
SWEEP(follow, true)
SWEEP(reader, false)

int main(void)
{
  make_world();
  RUN(test_open);
  RUN(test_publish);
  RUN(test_publish_20);
  RUN(test_add_file);
  RUN(test_export);
  RUN(test_slip);
  RUN(test_pack);
  RUN(test_pack_slip);
  RUN(test_unpack);
  RUN(test_unpack_zip);
  RUN(test_withdraw);
  RUN(test_rebuild);
  RUN(test_verify);
  RUN(test_sweep);
  RUN(test_search);
  RUN(test_get);
  RUN(test_page);
  RUN(test_lists);
  RUN(test_follow);
  RUN(test_reader);
  home_end(&world);
  return unit_done();
}
