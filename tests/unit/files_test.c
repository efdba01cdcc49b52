/* SPDX-License-Identifier: 0BSD */
/* Files in, out and read. */
#include "form/hash.h"
#include "form/unixfs.h"
#include "station_shelf.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct home h;
static struct err e;

struct added {
  int rc;
  struct cid link;
  uint8_t sha256[32];
  int64_t size, blocks;
};

static struct added add(const char *path, enum file_cut cut)
{
  struct added a = {0};
  struct job *j = NULL;
  a.rc = files_add(&j, h.st, path, cut, &e);
  if (a.rc == 0 && (a.rc = run_job(j, &e)) == 0) {
    a.link = j->result.link;
    memcpy(a.sha256, j->result.sha256, 32);
    a.size = job_value(j, "size");
    a.blocks = job_value(j, "blocks");
    EXPECT(j->result.has_link && j->result.has_sha256);
    EXPECT_INT(j->done, a.size);
    EXPECT_INT(j->total, a.size);
  }
  job_del(j);
  return a;
}

/* Reads back what ${want} holds, in pieces of all lengths? */
static bool reads_as(const struct cid *root, struct span want)
{
  struct reader *r = NULL;
  struct span part = {0};
  struct buf all = {0};
  size_t max = 1;
  int rc = reader_new(&r, h.st, root, &e);
  if (rc == 0) {
    EXPECT_INT(reader_size(r), want.n);
  }
  do {
    rc = rc < 0 ? rc : reader_next(r, max, &part, &e);
    EXPECT(part.n <= max);
    max = 3 * max + 1;
    NEED(rc < 0 || buf_put(&all, part.p, part.n) == 0);
  } while (rc == 0 && part.n > 0);
  bool same = rc == 0 && span_equal(buf_span(&all), want);
  if (rc == 0) {
    EXPECT(reader_next(r, max, &part, &e) == 0 &&
           part.n == 0); /* stays at its end */
  }
  reader_del(r);
  buf_free(&all);
  return same;
}

static int export(const struct cid *root, const char *name, char *path,
                  size_t room)
{
  struct job *j = NULL;
  int rc = files_export(&j, h.st, root, h.dir, span_of(name, strlen(name)), &e);
  if (rc == 0 && (rc = run_job(j, &e)) == 0) {
    (void)snprintf(path, room, "%s", j->result.path);
  }
  job_del(j);
  return rc;
}

static bool file_is(const char *path, struct span want)
{
  struct buf b = {0};
  shelf_read(path, &b);
  bool same = span_equal(buf_span(&b), want);
  buf_free(&b);
  return same;
}

/* Sizes around every edge, in and out and read. */
static void test_sizes(void)
{
  static const size_t sizes[] = {0,
                                 1,
                                 65535,
                                 65536,
                                 UNIXFS_LEAF_SIZE - 1,
                                 UNIXFS_LEAF_SIZE,
                                 UNIXFS_LEAF_SIZE + 1,
                                 2 * UNIXFS_LEAF_SIZE,
                                 4 * UNIXFS_LEAF_SIZE - 1,
                                 4 * UNIXFS_LEAF_SIZE,
                                 4 * UNIXFS_LEAF_SIZE + 1,
                                 9 * UNIXFS_LEAF_SIZE + 5};
  struct buf bytes = {0};
  home_new(&h);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    char path[200] = "";
    uint8_t digest[HASH_SIZE];
    shelf_noise(&bytes, sizes[i], i);
    shelf_write(home_file(&h, "in"), buf_span(&bytes));
    NEED(hash_sha256(digest, bytes.p, bytes.n) == 0);
    for (int cut = 0; cut < 2; cut++) {
      struct added a =
          add(home_file(&h, "in"), cut ? FILE_CUT_CONTENT : FILE_CUT_FIXED);
      NEED(a.rc == 0);
      EXPECT_INT(a.size, sizes[i]);
      EXPECT(memcmp(a.sha256, digest, 32) == 0);
      EXPECT(reads_as(&a.link, buf_span(&bytes)));
      int64_t leaves =
          (int64_t)((sizes[i] + UNIXFS_LEAF_SIZE - 1) / UNIXFS_LEAF_SIZE);
      if (sizes[i] <= UNIXFS_LEAF_SIZE) {
        EXPECT_INT(a.blocks, 1);
        EXPECT_INT(cid_codec(&a.link), CID_RAW);
      } else if (!cut) {
        EXPECT_INT(a.blocks, leaves + 1);
      } else {
        EXPECT(a.blocks > leaves);
      }
      NEED(export(&a.link, "out.bin", path, sizeof path) == 0);
      EXPECT(file_is(path, buf_span(&bytes)));
      NEED(unlink(path) == 0);
    }
  }
  EXPECT(home_sound(&h));
  buf_free(&bytes);
  home_end(&h);
}

/* By content, an edit at the front moves only what changed. */
static void test_content_cut(void)
{
  struct buf bytes = {0};
  struct station_stats before, after;
  home_new(&h);
  shelf_noise(&bytes, 6000000, 3);
  shelf_write(home_file(&h, "a"), buf_span(&bytes));
  NEED(add(home_file(&h, "a"), FILE_CUT_CONTENT).rc == 0);
  NEED(station_stats(h.st, &before, &e) == 0);
  NEED(buf_put(&bytes, "x", 1) == 0);
  memmove(bytes.p + 1, bytes.p, bytes.n - 1);
  shelf_write(home_file(&h, "b"), buf_span(&bytes));
  NEED(add(home_file(&h, "b"), FILE_CUT_CONTENT).rc == 0);
  NEED(station_stats(h.st, &after, &e) == 0);
  EXPECT(after.store.file_bytes - before.store.file_bytes < 2200000);
  buf_free(&bytes);
  home_end(&h);
}

static void test_what_can_not_be_added(void)
{
  home_new(&h);
  EXPECT_INT(add(home_file(&h, "none"), FILE_CUT_FIXED).rc, ERR_NOENT);
  EXPECT_INT(add(h.dir, FILE_CUT_FIXED).rc, ERR_INVALID);
  NEED(mkfifo(home_file(&h, "pipe"), 0600) == 0);
  EXPECT_INT(add(home_file(&h, "pipe"), FILE_CUT_FIXED).rc, ERR_INVALID);
  home_end(&h);
}

/* UNIXFS_FILE_SIZE_MAX bytes may be claimed; one more is refused at once. */
static void test_largest(void)
{
  struct job *j = NULL;
  home_folder(&h);
  home_open(&h);
  int fd = open(home_file(&h, "big"), O_RDWR | O_CREAT, 0600);
  NEED(fd >= 0);
  for (long long more = -1; more <= 1; more++) {
    if (ftruncate(fd, UNIXFS_FILE_SIZE_MAX + more) < 0) {
      unit_skip(1, "no files of 64 GiB here");
      break;
    }
    int rc = files_add(&j, h.st, home_file(&h, "big"), FILE_CUT_FIXED, &e);
    EXPECT_INT(rc, more > 0 ? ERR_LIMIT : 0);
    if (rc == 0) {
      EXPECT_INT(j->total, UNIXFS_FILE_SIZE_MAX + more);
      EXPECT_INT(job_step(j, &e), JOB_MORE);
      EXPECT(j->done > 0 && j->done <= 8u << 20);
      job_del(j); /* half-way */
    }
  }
  (void)close(fd);
  home_end(&h);
}

/* ---- out ---- */

static void test_export_names(void)
{
  static const char *const names[][2] = {
      {"a.txt", "a.txt"},      {"a.txt", "a (2).txt"},
      {"a.txt", "a (3).txt"},  {"../../up", "up"},
      {"/abs/x", "abs/x"},     {"dir/sub/f", "dir/sub/f"},
      {".hidden", "_.hidden"}, {"", "file"},
      {"a\nb", "a_b"},         {"dir/sub/f", "dir/sub/f (2)"}};
  home_new(&h);
  shelf_write(home_file(&h, "in"), span_of("text", 4));
  struct added a = add(home_file(&h, "in"), FILE_CUT_FIXED);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char path[200] = "";
    EXPECT_INT(export(&a.link, names[i][0], path, sizeof path), 0);
    EXPECT_TEXT(path, home_file(&h, names[i][1]));
    EXPECT(file_is(path, span_of("text", 4)));
  }
  home_end(&h);
}

/* A link in the place of a folder or of the file is not followed. */
static void test_export_through_links(void)
{
  char path[200] = "";
  home_new(&h);
  shelf_write(home_file(&h, "in"), span_of("text", 4));
  struct added a = add(home_file(&h, "in"), FILE_CUT_FIXED);
  NEED(mkdir(home_file(&h, "aim"), 0700) == 0);
  NEED(symlink("aim", home_file(&h, "link")) == 0);
  EXPECT(export(&a.link, "link/x", path, sizeof path) < 0);
  EXPECT(access(home_file(&h, "aim/x"), F_OK) != 0);
  NEED(symlink("aim/y", home_file(&h, "z")) == 0);
  EXPECT_INT(export(&a.link, "z", path, sizeof path), 0);
  EXPECT_TEXT(path, home_file(&h, "z (2)"));
  EXPECT(access(home_file(&h, "aim/y"), F_OK) != 0);
  home_end(&h);
}

/* After 100 names it says so, and leaves nothing behind. */
static void test_export_tries(void)
{
  char path[200] = "", name[40];
  home_new(&h);
  shelf_write(home_file(&h, "in"), span_of("text", 4));
  struct added a = add(home_file(&h, "in"), FILE_CUT_FIXED);
  shelf_write(home_file(&h, "f"), span_of("", 0));
  for (int i = 2; i <= 99; i++) {
    (void)snprintf(name, sizeof name, "f (%d)", i);
    shelf_write(home_file(&h, name), span_of("", 0));
  }
  EXPECT_INT(export(&a.link, "f", path, sizeof path), 0);
  EXPECT_TEXT(path, home_file(&h, "f (100)"));
  EXPECT_INT(export(&a.link, "f", path, sizeof path), ERR_EXIST);
  home_end(&h);
}

/* A file of which a part is missing or damaged gives no file. */
static void test_export_of_a_part(void)
{
  struct buf bytes = {0}, root = {0};
  struct cid link;
  struct crate c;
  char path[200] = "";
  home_new(&h);
  shelf_noise(&bytes, 3 << 20, 1);
  shelf_write(home_file(&h, "in"), buf_span(&bytes));
  link = add(home_file(&h, "in"), FILE_CUT_FIXED).link;
  NEED(h.st->store->ops->get(h.st->store, &link, &root, &e) == 0);
  home_end(&h);
  home_new(&h);
  struct made m = {.n = 1, .files = 1, .file = &link, .size = 3 << 20};
  (void)home_publish(&h, "c", &m, -1);
  EXPECT_INT(export(&link, "out", path, sizeof path), ERR_NOENT);
  crate_start(&c);
  (void)crate_put(&c, CID_DAG_PB, buf_span(&root));
  struct unpacked u = crate_unpack(&c, &h);
  EXPECT_INT(u.files, 1);
  EXPECT_INT(u.missing, 3);
  EXPECT_INT(export(&link, "out", path, sizeof path), ERR_NOENT);
  EXPECT(strstr(e.text, "missing here") != NULL);
  EXPECT(!reads_as(&link, buf_span(&bytes)));
  EXPECT(access(home_file(&h, "out"), F_OK) != 0);
  crate_start(&c);
  for (size_t i = 0; i < 3; i++) {
    (void)crate_put(&c, CID_RAW,
                    span_of(bytes.p + (i << 20), UNIXFS_LEAF_SIZE));
  }
  u = crate_unpack(&c, &h);
  EXPECT_INT(u.missing, 0);
  EXPECT(reads_as(&link, buf_span(&bytes)));
  buf_free(&bytes);
  buf_free(&root);
  home_end(&h);
}

static void test_records_are_no_files(void)
{
  char path[200] = "";
  struct reader *r = NULL;
  home_new(&h);
  struct cid id = home_publish(&h, "c", &(struct made){.n = 1}, -1);
  EXPECT_INT(export(&id, "x", path, sizeof path), ERR_INVALID);
  EXPECT_INT(reader_new(&r, h.st, &id, &e), ERR_INVALID);
  EXPECT(r == NULL);
  reader_del(NULL);
  home_end(&h);
}

/* What was added and waits to be stored is there when it is asked for, also
 * after closing. */
static void test_added_is_there(void)
{
  struct cid link[70];
  char name[16];
  home_new(&h);
  for (int i = 0; i < 70; i++) {
    (void)snprintf(name, sizeof name, "%d", i);
    shelf_write(home_file(&h, name), span_of(name, strlen(name)));
    link[i] = add(home_file(&h, name), FILE_CUT_FIXED).link;
    if (i % 7 == 0) {
      EXPECT(reads_as(&link[i], span_of(name, strlen(name))));
    }
  }
  home_again(&h);
  for (int i = 0; i < 70; i++) {
    (void)snprintf(name, sizeof name, "%d", i);
    EXPECT(reads_as(&link[i], span_of(name, strlen(name))));
  }
  EXPECT(home_sound(&h));
  home_end(&h);
}

int main(void)
{
  RUN(test_sizes);
  RUN(test_content_cut);
  RUN(test_what_can_not_be_added);
  RUN(test_largest);
  RUN(test_export_names);
  RUN(test_export_through_links);
  RUN(test_export_tries);
  RUN(test_export_of_a_part);
  RUN(test_records_are_no_files);
  RUN(test_added_is_there);
  return unit_done();
}
