/* SPDX-License-Identifier: 0BSD */
/* Upkeep while other things happen, and over what should not be there: a check
 * of the index under changes of all kinds, sweeps of files that are half here
 * or none. */
#include "form/unixfs.h"
#include "station_shelf.h"

static struct home h;
static struct err e;

/* ---- a check, and what happens meanwhile ---- */

static struct cid note[400];

static void fill(int from, int to)
{
  for (int i = from; i < to; i++) {
    struct made m = {.n = i, .title = "alpha beta", .text = "gamma"};
    note[i] = home_publish(&h, i % 2 ? "c" : "d", &m, 1000 + i);
  }
}

/* One change, of another kind each time. */
static void change(int i)
{
  struct made m = {.n = 1000 + i, .title = "delta"};
  struct file_read text = {.id = note[i], .text = span_of("read", 4)};
  struct job *j = NULL;
  struct crate c;
  size_t gone;
  switch (i % 5) {
  case 0:
    (void)home_publish(&h, "c", &m, 5000 + i);
    break;
  case 1:
    m = (struct made){.type = "withdraw", .n = i, .about = &note[300 - i]};
    (void)home_publish(&h, "d", &m, 5000 + i);
    (void)home_publish(&h, "c", &m, 5000 + i);
    break;
  case 2: /* listed in another collection, too */
    crate_start(&c);
    (void)crate_parcel(&c, 3, "e", 5000 + i, &note[i], 1);
    NEED(crate_unpack(&c, &h).rc == 0);
    break;
  case 3:
    NEED(station_put_texts(h.st, &text, 1, &gone, &e) == 0);
    break;
  default:
    NEED(station_index(&j, h.st, &e) == 0);
    NEED(run_values(j, NULL, NULL, &e) == 0);
    break;
  }
}

/* Whatever is written between two steps, a sound index is not called damaged,
 * and all is looked at. */
static void test_verify_meanwhile(void)
{
  struct job *j = NULL;
  int rc, steps = 0;
  home_new(&h);
  fill(0, 300);
  NEED(station_verify(&j, h.st, false, &e) == 0);
  while ((rc = job_step(j, &e)) == JOB_MORE) {
    NEED(steps < 100);
    change(steps++);
  }
  EXPECT_INT(rc, JOB_DONE);
  EXPECT(steps > 8);
  EXPECT_INT(job_value(j, "bad"), 0);
  if (j->result.faults.n > 0) {
    printf("  %s\n", (const char *)j->result.faults.p);
  }
  job_del(j);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* What is not yet indexed need not be in the index. */
static void test_verify_unindexed(void)
{
  struct station_options opt = {.index_later = true};
  struct job *j = NULL;
  home_new(&h);
  fill(0, 20);
  station_close(h.st);
  opt.host.now = home_clock;
  opt.host.ud = &h;
  NEED(station_open(&h.st, home_file(&h, "s"), &opt, &e) == 0);
  fill(20, 40);
  struct station_stats stats;
  NEED(station_stats(h.st, &stats, &e) == 0);
  EXPECT(stats.unindexed);
  NEED(station_verify(&j, h.st, true, &e) == 0);
  NEED(run_job(j, &e) == 0);
  EXPECT_INT(job_value(j, "bad"), 0);
  job_del(j);
  home_end(&h);
}

/* One that began before a rebuild passes over the index that is made anew. */
static void test_verify_and_rebuild(void)
{
  struct job *v = NULL, *r = NULL;
  home_new(&h);
  fill(0, 100);
  NEED(station_verify(&v, h.st, true, &e) == 0);
  EXPECT_INT(job_step(v, &e), JOB_MORE);
  NEED(station_rebuild(&r, h.st, &e) == 0);
  EXPECT_INT(job_step(r, &e), JOB_MORE);
  EXPECT_INT(run_job(v, &e), 0);
  EXPECT_INT(job_value(v, "bad"), 0);
  job_del(v);
  NEED(run_values(r, NULL, NULL, &e) == 0);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* ---- sweeps ---- */

static int64_t sweep(void)
{
  static const char *const names[] = {"freed", NULL};
  struct job *j = NULL;
  int64_t freed = -1;
  NEED(station_sweep(&j, h.st, &e) == 0);
  NEED(run_values(j, names, &freed, &e) == 0);
  return freed;
}

static uint64_t file_blocks(void)
{
  struct station_stats stats;
  NEED(station_stats(h.st, &stats, &e) == 0);
  return stats.store.file_blocks;
}

static struct cid keep(enum cid_codec codec, const void *bytes, size_t n)
{
  struct store_block block = {.bytes = span_of(bytes, n)};
  NEED(cid_of(&block.cid, codec, bytes, n) == 0);
  NEED(h.st->store->ops->put(h.st->store, &block, 1, true, NULL, NULL, &e) ==
       0);
  return block.cid;
}

static struct cid list_file(int n, const struct cid *file)
{
  struct made m = {.n = n, .files = 1, .file = file, .size = 10};
  return home_publish(&h, "c", &m, 1000 + n);
}

/* A node with two parts of five bytes. */
static struct cid keep_node(const struct cid *one, const struct cid *two)
{
  static const uint8_t link[] = {0x12, CID_SIZE + 6, 0x0a, CID_SIZE};
  static const uint8_t data[] = {0x0a, 0x08, 0x08, 0x02, 0x18,
                                 0x0a, 0x20, 0x05, 0x20, 0x05};
  const struct cid *part[2] = {one, two};
  struct buf b = {0};
  for (int i = 0; i < 2; i++) {
    NEED(buf_put(&b, link, sizeof link) == 0);
    NEED(buf_put(&b, part[i]->b, CID_SIZE) == 0);
    NEED(buf_put(&b, "\x12\x00\x18\x05", 4) == 0);
  }
  NEED(buf_put(&b, data, sizeof data) == 0);
  struct cid out = keep(CID_DAG_PB, b.p, b.n);
  buf_free(&b);
  return out;
}

/* Roots that are no files, that are not here, and files of which a part is
 * not: what is listed stays, as far as it is here; what nobody lists goes. */
static void test_sweep_odd(void)
{
  struct cid absent;
  home_new(&h);
  NEED(cid_of(&absent, CID_RAW, "gone", 4) == 0);
  struct cid leaf = keep(CID_RAW, "leaf1", 5), junk = keep(CID_DAG_PB, "x", 1);
  struct cid half = keep_node(&leaf, &absent);
  struct cid twice = keep_node(&half, &half); /* sizes that are wrong */
  struct cid odd = keep_node(&junk, &leaf);   /* a part that is no node */
  struct cid loose = keep(CID_RAW, "loose", 5);
  (void)list_file(1, &junk);
  (void)list_file(2, &absent);
  struct cid lists = list_file(3, &half);
  (void)list_file(4, &twice);
  (void)list_file(5, &odd);
  EXPECT_INT(file_blocks(), 6);
  EXPECT(sweep() > 0);
  EXPECT_INT(file_blocks(), 5);
  uint64_t ref = 1;
  NEED(h.st->store->ops->find(h.st->store, &loose, 1, &ref, &e) == 0);
  EXPECT_INT(ref, 0);
  EXPECT_INT(sweep(), 0);
  struct made m = {.type = "withdraw", .n = 9, .about = &lists};
  (void)home_publish(&h, "c", &m, 5000);
  EXPECT_INT(sweep(), 5); /* the others end before its leaf: none reads it */
  EXPECT_INT(file_blocks(), 4);
  home_end(&h);
}

/* A file that was begun and is not wanted any more goes, and nobody asks for
 * the rest of it. */
static void test_sweep_begun(void)
{
  struct crate c;
  struct cid absent, leaf;
  struct buf node = {0};
  home_new(&h);
  NEED(cid_of(&absent, CID_RAW, "gone!", 5) == 0);
  NEED(cid_of(&leaf, CID_RAW, "leaf1", 5) == 0);
  struct cid root = keep_node(&leaf, &absent);
  NEED(station_block(h.st, &root, &node, &e) == 0);
  home_end(&h);
  home_new(&h);
  struct cid lists = list_file(1, &root);
  EXPECT_INT(home_missing(&h), 1);
  crate_start(&c);
  (void)crate_put(&c, CID_DAG_PB, buf_span(&node));
  (void)crate_put(&c, CID_RAW, span_of("leaf1", 5));
  NEED(crate_unpack(&c, &h).files == 2);
  EXPECT_INT(home_missing(&h), 1); /* the other part */
  struct made m = {.type = "withdraw", .n = 9, .about = &lists};
  (void)home_publish(&h, "c", &m, 5000);
  EXPECT(sweep() > 0);
  EXPECT_INT(file_blocks(), 0);
  EXPECT_INT(home_missing(&h), 0);
  EXPECT(home_sound(&h));
  buf_free(&node);
  home_end(&h);
}

int main(void)
{
  RUN(test_verify_meanwhile);
  RUN(test_verify_unindexed);
  RUN(test_verify_and_rebuild);
  RUN(test_sweep_odd);
  RUN(test_sweep_begun);
  return unit_done();
}
