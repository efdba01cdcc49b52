/* SPDX-License-Identifier: 0BSD */
/* Rebuild, index later, verify, sweep, salvage. */
#include "form/unixfs.h"
#include "station_shelf.h"

static struct home h;
static struct err e;

static struct cid add_file(const char *name, size_t n)
{
  struct buf bytes = {0};
  struct job *j = NULL;
  shelf_noise(&bytes, n, n);
  shelf_write(home_file(&h, name), buf_span(&bytes));
  NEED(files_add(&j, h.st, home_file(&h, name), FILE_CUT_FIXED, &e) == 0);
  NEED(run_job(j, &e) == 0);
  struct cid link = j->result.link;
  job_del(j);
  buf_free(&bytes);
  return link;
}

static bool readable(const struct cid *root)
{
  struct reader *r = NULL;
  struct span part = {0};
  int rc = reader_new(&r, h.st, root, &e);
  do {
    rc = rc < 0 ? rc : reader_next(r, SIZE_MAX, &part, &e);
  } while (rc == 0 && part.n > 0);
  reader_del(r);
  return rc == 0;
}

static int64_t sweep(void)
{
  static const char *const names[] = {"freed", NULL};
  struct job *j = NULL;
  int64_t freed = -1;
  NEED(station_sweep(&j, h.st, &e) == 0);
  NEED(run_values(j, names, &freed, &e) == 0);
  return freed;
}

static int count_hit(void *ud, const struct search_hit *hit)
{
  (void)hit;
  ++*(int *)ud;
  return 0;
}

static int count_hits(const char *word)
{
  struct search_query q = {.text = span_of(word, strlen(word)), .limit = 100};
  int n = 0;
  NEED(station_search(h.st, &q, count_hit, &n, &e) == 0);
  return n;
}

/* ---- rebuild ---- */

/* Something of everything. */
static void fill(void)
{
  struct made m = {.n = 1, .title = "alpha", .key = "k"};
  home_new(&h);
  struct cid one = home_publish(&h, "c", &m, -1);
  m.n = 2;
  (void)home_publish(&h, "c", &m, -1);
  struct cid file = add_file("f", 2500000);
  m = (struct made){.n = 3, .files = 1, .file = &file, .size = 2500000};
  (void)home_publish(&h, "d", &m, -1);
  m = (struct made){.type = "label", .about = &one, .value = "x"};
  (void)home_publish(&h, "c", &m, -1);
  m = (struct made){.n = 4, .title = "wrong"};
  struct cid wrong = home_publish(&h, "c", &m, -1);
  m = (struct made){.type = "withdraw", .about = &wrong};
  (void)home_publish(&h, "c", &m, -1);
  m = (struct made){.type = "correction", .about = &one, .title = "alpha two"};
  (void)home_publish(&h, "c", &m, -1);
}

static void test_rebuild(void)
{
  struct station_stats before, after;
  fill();
  NEED(station_stats(h.st, &before, &e) == 0);
  EXPECT(home_sound(&h));
  EXPECT(home_sound(&h));
  NEED(station_stats(h.st, &after, &e) == 0);
  EXPECT_INT(before.store.blocks, after.store.blocks);
  EXPECT_INT(before.parcels, after.parcels);
  EXPECT_INT(before.store.documents, after.store.documents);
  EXPECT_INT(count_hits("alpha"), 2);
  EXPECT_INT(count_hits("wrong"), 0);
  home_end(&h);
}

/* While a rebuild is under way it can't be told which version is the newest,
 * nor what was withdrawn: publishing waits. */
static void test_publish_during_rebuild(void)
{
  struct made m = {.n = 50, .title = "meanwhile", .key = "k"};
  struct job *j = NULL, *second = NULL;
  struct cid id;
  int rc;
  fill();
  NEED(station_rebuild(&j, h.st, &e) == 0);
  EXPECT_INT(station_rebuild(&second, h.st, &e), ERR_BUSY);
  while ((rc = job_step(j, &e)) == JOB_MORE) {
    EXPECT_INT(home_try_publish(&h, "c", &m, -1, &id, &e), ERR_BUSY);
    EXPECT(e.text[0] != '\0');
  }
  EXPECT_INT(rc, JOB_DONE);
  job_del(j);
  id = home_publish(&h, "c", &m, -1);
  EXPECT(home_has(&h, &id));
  EXPECT_INT(count_hits("meanwhile"), 1);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* One that is left half-way is done again at the next opening; who only reads
 * is told. */
static void test_rebuild_left(void)
{
  struct job *j = NULL;
  uint8_t was[32], is[32];
  fill();
  NEED(station_digest(h.st, was, &e) == 0);
  NEED(station_rebuild(&j, h.st, &e) == 0);
  NEED(job_step(j, &e) == JOB_MORE);
  job_del(j);
  NEED(station_digest(h.st, is, &e) == 0);
  EXPECT(memcmp(was, is, 32) != 0);
  EXPECT_INT(station_follow(h.st, span_of("x", 1), 1, &e), ERR_BUSY);
  station_close(h.st);
  EXPECT_INT(home_try(&h, true, &e), ERR_BUSY);
  EXPECT(h.st == NULL && strstr(e.text, "rebuilt") != NULL);
  home_open(&h);
  NEED(station_digest(h.st, is, &e) == 0);
  EXPECT(memcmp(was, is, 32) == 0);
  station_close(h.st);
  NEED(home_try(&h, true, &e) == 0);
  home_end(&h);
}

/* ---- index later ---- */

static void test_index_later(void)
{
  struct station_options opt = {.create = true, .index_later = true};
  struct station_stats s;
  struct job *j = NULL;
  home_new(&h);
  (void)home_publish(&h, "c", &(struct made){.n = 1, .title = "early"}, -1);
  station_close(h.st);
  NEED(station_open(&h.st, home_file(&h, "s"), &opt, &e) == 0);
  for (int i = 0; i < 300; i++) {
    struct made m = {.n = 10 + i, .title = "late"};
    (void)home_publish(&h, "c", &m, SHELF_NOW + i);
  }
  struct made gone = {.n = 10, .title = "late"};
  struct cid id = made_cid(&gone);
  struct made take = {.type = "withdraw", .about = &id};
  (void)home_publish(&h, "c", &take, -1);
  EXPECT_INT(count_hits("early"), 1);
  EXPECT_INT(count_hits("late"), 0);
  NEED(station_stats(h.st, &s, &e) == 0);
  EXPECT(s.unindexed);
  home_again(&h); /* and it is remembered */
  NEED(station_stats(h.st, &s, &e) == 0);
  EXPECT(s.unindexed);
  NEED(station_index(&j, h.st, &e) == 0);
  NEED(job_step(j, &e) == JOB_MORE); /* in pages */
  NEED(run_job(j, &e) == 0);
  EXPECT_INT(job_value(j, "records"), 299);
  job_del(j);
  EXPECT_INT(count_hits("late"), 100); /* of 299, by the limit */
  NEED(station_stats(h.st, &s, &e) == 0);
  EXPECT(!s.unindexed);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* ---- verify ---- */

static void test_verify(void)
{
  for (int read_data = 0; read_data < 2; read_data++) {
    struct job *j = NULL;
    struct cid raw;
    fill();
    NEED(cid_of(&raw, CID_RAW, "not here", 8) == 0);
    struct made m = {.n = 9, .files = 1, .file = &raw, .size = 8};
    (void)home_publish(&h, "c", &m, -1);
    m.n = 10;
    (void)home_publish(&h, "c", &m, -1);
    NEED(station_verify(&j, h.st, read_data, &e) == 0);
    NEED(run_job(j, &e) == 0);
    EXPECT_INT(job_value(j, "bad"), 0);
    EXPECT_INT(job_value(j, "missing"), 1);
    struct station_stats s;
    NEED(station_stats(h.st, &s, &e) == 0);
    EXPECT_INT(job_value(j, "blocks"), s.store.blocks);
    EXPECT(job_value(j, "bytes") ==
           (read_data ? (int64_t)s.store.block_bytes : 0));
    EXPECT(j->result.has_faults && j->result.fault_count == 0);
    job_del(j);
    home_end(&h);
  }
}

/* ---- sweep ---- */

static void test_sweep(void)
{
  home_new(&h);
  struct cid kept = add_file("a", 3000000), loose = add_file("b", 2000000);
  struct made m = {.n = 1, .files = 1, .file = &kept, .size = 3000000};
  struct cid id = home_publish(&h, "c", &m, -1);
  EXPECT_INT(sweep(), 0); /* a record that lists it may yet come */
  EXPECT(readable(&loose));
  home_again(&h);
  EXPECT_INT(sweep() / 100000, 20);
  EXPECT(readable(&kept) && !readable(&loose));
  EXPECT(home_sound(&h));
  struct made gone = {.type = "withdraw", .about = &id};
  (void)home_publish(&h, "c", &gone, -1);
  EXPECT_INT(sweep() / 100000, 30);
  EXPECT(!readable(&kept));
  EXPECT_INT(home_missing(&h), 0);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* A record that lies about the size does not cost the file. */
static void test_sweep_and_wrong_size(void)
{
  home_new(&h);
  struct cid kept = add_file("a", 3000000);
  struct made m = {.n = 1, .files = 1, .file = &kept, .size = 5};
  (void)home_publish(&h, "c", &m, -1);
  home_again(&h);
  EXPECT_INT(sweep(), 0);
  EXPECT(readable(&kept));
  home_end(&h);
}

/* No sweep while files are added; one that began before they came takes none
 * of them away. */
static void test_sweep_and_adding(void)
{
  struct job *adding = NULL, *sweeping = NULL;
  struct buf bytes = {0};
  home_new(&h);
  shelf_noise(&bytes, 9000000, 1);
  shelf_write(home_file(&h, "f"), buf_span(&bytes));
  NEED(files_add(&adding, h.st, home_file(&h, "f"), FILE_CUT_FIXED, &e) == 0);
  NEED(job_step(adding, &e) == JOB_MORE);
  NEED(station_sweep(&sweeping, h.st, &e) == 0);
  EXPECT_INT(run_job(sweeping, &e), ERR_BUSY);
  job_del(sweeping);
  job_del(adding); /* given up: its blocks are garbage */
  EXPECT(sweep() > 0);
  NEED(station_sweep(&sweeping, h.st, &e) == 0);
  NEED(job_step(sweeping, &e) == JOB_MORE);
  NEED(files_add(&adding, h.st, home_file(&h, "f"), FILE_CUT_FIXED, &e) == 0);
  int a = JOB_MORE, b = JOB_MORE;
  while (a > 0 || b > 0) {
    a = a > 0 ? job_step(adding, &e) : a;
    b = b > 0 ? job_step(sweeping, &e) : b;
  }
  EXPECT(a == 0 && b == 0);
  struct cid link = adding->result.link;
  EXPECT_INT(job_value(sweeping, "freed"), 0);
  job_del(adding);
  job_del(sweeping);
  EXPECT(readable(&link));
  buf_free(&bytes);
  home_end(&h);
}

/* Half a list of files would make garbage of the other half. */
static void test_sweep_and_rebuild(void)
{
  struct job *rebuilding = NULL, *sweeping = NULL;
  home_new(&h);
  struct cid kept = add_file("a", 3000000);
  struct made m = {.n = 1, .files = 1, .file = &kept, .size = 3000000};
  (void)home_publish(&h, "c", &m, -1);
  home_again(&h);
  NEED(station_sweep(&sweeping, h.st, &e) == 0);
  NEED(job_step(sweeping, &e) == JOB_MORE);
  NEED(station_rebuild(&rebuilding, h.st, &e) == 0);
  NEED(job_step(rebuilding, &e) == JOB_MORE);
  EXPECT_INT(run_job(sweeping, &e), ERR_BUSY);
  job_del(sweeping);
  EXPECT_INT(station_sweep(&sweeping, h.st, &e), ERR_BUSY);
  NEED(run_job(rebuilding, &e) == 0);
  job_del(rebuilding);
  EXPECT_INT(sweep(), 0);
  EXPECT(readable(&kept));
  home_end(&h);
}

/* ---- salvage ---- */

static void test_salvage(void)
{
  struct home from;
  uint64_t saved = 0, lost = 99;
  fill();
  from = h;
  station_close(from.st);
  from.st = NULL;
  home_new(&h);
  EXPECT_INT(station_salvage(h.st, home_file(&from, "s"), &saved, &lost, &e),
             0);
  EXPECT(saved > 0);
  EXPECT_INT(lost, 0);
  EXPECT_INT(count_hits("alpha"), 2);
  EXPECT_INT(count_hits("wrong"), 0);
  struct station_stats s;
  NEED(station_stats(h.st, &s, &e) == 0);
  EXPECT_INT(s.parcels, 7);
  EXPECT_INT(home_missing(&h), 0);
  EXPECT(home_sound(&h));
  EXPECT_INT(station_salvage(h.st, home_file(&from, "none"), &saved, &lost, &e),
             ERR_NOENT);
  home_end(&from);
  home_end(&h);
}

int main(void)
{
  RUN(test_rebuild);
  RUN(test_publish_during_rebuild);
  RUN(test_rebuild_left);
  RUN(test_index_later);
  RUN(test_verify);
  RUN(test_sweep);
  RUN(test_sweep_and_wrong_size);
  RUN(test_sweep_and_adding);
  RUN(test_sweep_and_rebuild);
  RUN(test_salvage);
  return unit_done();
}
