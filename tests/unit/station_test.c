/* SPDX-License-Identifier: 0BSD */
/* Opening, keys, reading only, following; what is left after closing. */
#include "base/limits.h"
#include "station_shelf.h"

#include <sys/stat.h>
#include <sys/wait.h>

static struct home h;
static struct err e;

static int open_at(const char *path, const struct station_options *opt,
                   struct station **out)
{
  *out = NULL;
  e.text[0] = '\0';
  int rc = station_open(out, path, opt, &e);
  EXPECT(rc == 0 || (e.code == rc && e.text[0] != '\0'));
  EXPECT((rc == 0) == (*out != NULL));
  return rc;
}

static void test_paths(void)
{
  char path[PATH_BYTES_MAX + 2];
  struct station_options opt = {.create = true};
  struct station *st;
  home_folder(&h);
  EXPECT_INT(open_at("", &opt, &st), ERR_INVALID);
  memset(path, 'a', sizeof path);
  path[1] = '/';
  path[PATH_BYTES_MAX] = '\0';
  int rc = open_at(path, &opt, &st);
  EXPECT(rc < 0 && rc != ERR_INVALID); /* the system's own limit */
  path[PATH_BYTES_MAX] = 'a';
  path[PATH_BYTES_MAX + 1] = '\0';
  EXPECT_INT(open_at(path, &opt, &st), ERR_INVALID);
  EXPECT_INT(open_at(home_file(&h, "none/s"), &opt, &st), ERR_NOENT);
  opt.create = false;
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &st), ERR_NOENT);
  opt.readonly = true;
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &st), ERR_NOENT);
  EXPECT(access(home_file(&h, "s"), F_OK) != 0);
  EXPECT(access(home_file(&h, "s.key"), F_OK) != 0);
  h.st = NULL;
  home_end(&h);
}

static void test_open_again(void)
{
  char did[CRYPT_DID_MAX];
  home_new(&h);
  memcpy(did, station_did(h.st), sizeof did);
  EXPECT_INT(strlen(did), CRYPT_DID_SIZE);
  EXPECT_TEXT(station_path(h.st), home_file(&h, "s"));
  home_again(&h);
  EXPECT_TEXT(station_did(h.st), did);
  struct station_options opt = {0};
  struct station *second;
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &second), ERR_BUSY);
  station_close(NULL);
  home_end(&h);
}

/* A store is never parted from the key that it was made with. */
static void test_keys(void)
{
  struct station_options opt = {.create = true};
  struct home other;
  home_new(&h);
  home_new(&other);
  station_close(h.st);
  h.st = NULL;
  struct station *st;
  opt.key = home_file(&other, "s.key");
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &st), ERR_ACCESS);
  opt.key = home_file(&h, "none.key");
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &st), ERR_NOENT);
  EXPECT(access(home_file(&h, "none.key"), F_OK) != 0);
  NEED(chmod(home_file(&h, "s.key"), 0644) == 0);
  opt.key = NULL;
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &st), ERR_ACCESS);
  NEED(chmod(home_file(&h, "s.key"), 0600) == 0);
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &st), 0);
  station_close(st);
  /* A key that is there is taken for a new store. */
  opt.key = home_file(&other, "s.key");
  EXPECT_INT(open_at(home_file(&h, "new"), &opt, &st), 0);
  EXPECT_TEXT(station_did(st), station_did(other.st));
  EXPECT(access(home_file(&h, "new.key"), F_OK) != 0);
  station_close(st);
  home_end(&other);
  home_end(&h);
}

static void test_passphrase(void)
{
  struct station_options opt = {.create = true, .pass = "long words"};
  struct station *st;
  home_folder(&h);
  h.st = NULL;
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &st), 0);
  station_close(st);
  opt.pass = "other words";
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &st), ERR_SIG);
  opt.pass = NULL;
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &st), ERR_ACCESS);
  opt.readonly = true;
  EXPECT_INT(open_at(home_file(&h, "s"), &opt, &st), 0);
  station_close(st);
  home_end(&h);
}

/* ---- reading only ---- */

static int stop(void *ud, const struct entry *en)
{
  (void)en;
  ++*(int *)ud;
  return 0;
}

/* Every way to write says so, and does nothing. */
static void refuse_writes(int code)
{
  struct station *st = h.st;
  struct job *j = NULL;
  struct publisher *p = NULL;
  struct unpack_options u = {0};
  struct span name = span_of("c", 1);
  uint64_t saved, lost;
  EXPECT_INT(publisher_new(&p, st, name, -1, &e), code);
  EXPECT_INT(station_follow(st, name, 1, &e), code);
  EXPECT_INT(station_unfollow(st, name, &e), code);
  EXPECT_INT(files_add(&j, st, home_file(&h, "s.key"), FILE_CUT_FIXED, &e),
             code);
  EXPECT_INT(station_unpack(&j, st, home_file(&h, "x.car"), &u, &e), code);
  EXPECT_INT(station_rebuild(&j, st, &e), code);
  EXPECT_INT(station_index(&j, st, &e), code);
  EXPECT_INT(station_sweep(&j, st, &e), code);
  EXPECT_INT(station_salvage(st, home_file(&h, "s"), &saved, &lost, &e), code);
  EXPECT(j == NULL && p == NULL);
}

static void test_readonly(void)
{
  struct made m = {.n = 1};
  struct cid raw;
  uint8_t was[32], is[32];
  home_new(&h);
  NEED(cid_of(&raw, CID_RAW, "missing", 7) == 0);
  m.files = 1;
  m.file = &raw;
  m.size = 7;
  struct cid id = home_publish(&h, "c", &m, -1);
  NEED(station_digest(h.st, was, &e) == 0);
  home_pack(&h, home_file(&h, "x.car"), NULL);
  station_close(h.st);
  NEED(home_try(&h, true, &e) == 0);
  refuse_writes(ERR_READONLY);
  EXPECT(home_has(&h, &id));
  EXPECT_INT(home_missing(&h), 1);
  home_pack(&h, home_file(&h, "y.car"), NULL);
  NEED(station_digest(h.st, is, &e) == 0);
  EXPECT(memcmp(was, is, 32) == 0);
  home_end(&h);
}

/* A reader beside the writer sees what that one commits. */
static void test_reader_beside_writer(void)
{
  struct home reader;
  struct page_query q = {.collection = span_of("c", 1), .max = 99};
  home_new(&h);
  reader = h;
  (void)home_publish(&h, "c", &(struct made){.n = 0}, -1);
  (void)fflush(stdout);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) { /* a process of its own, as stations that read are */
    int faults = 0;
    NEED(home_try(&reader, true, &e) == 0);
    for (int i = 1; i < 1000 && faults == 0; i++) {
      struct page page = {0};
      int n = 0;
      faults += station_page(reader.st, &q, &page, stop, &n, &e) != 0;
      if (n == 6) {
        station_close(reader.st);
        _exit(faults == 0 ? 0 : 1);
      }
      (void)usleep(5000);
    }
    _exit(2);
  }
  for (int i = 1; i <= 5; i++) {
    (void)home_publish(&h, "c", &(struct made){.n = i}, -1);
    (void)usleep(3000);
  }
  int status = -1;
  NEED(waitpid(pid, &status, 0) == pid);
  EXPECT_INT(status, 0);
  home_end(&h);
}

/* ---- after closing, after a fork ---- */

static void test_closed(void)
{
  struct made m = {.n = 1};
  struct buf b = {0};
  struct span part;
  struct job *jobs[4] = {NULL};
  struct publisher *p = NULL;
  struct reader *r = NULL;
  struct pack_options pack = {.files = -1};
  struct cid id;
  uint64_t committed;
  home_new(&h);
  made_block(&b, &m);
  (void)home_publish(&h, "c", &m, -1);
  shelf_write(home_file(&h, "f"), buf_span(&b));
  NEED(files_add(&jobs[0], h.st, home_file(&h, "f"), FILE_CUT_FIXED, &e) == 0);
  NEED(run_job(jobs[0], &e) == 0);
  id = jobs[0]->result.link;
  job_del(jobs[0]);
  NEED(files_add(&jobs[0], h.st, home_file(&h, "f"), FILE_CUT_FIXED, &e) == 0);
  NEED(station_pack(&jobs[1], h.st, home_file(&h, "x"), &pack, &e) == 0);
  NEED(job_step(jobs[1], &e) == JOB_MORE);
  NEED(station_sweep(&jobs[3], h.st, &e) == 0);
  NEED(publisher_new(&p, h.st, span_of("c", 1), -1, &e) == 0);
  m.n = 2;
  made_block(&b, &m);
  struct cid added;
  NEED(publisher_add(p, buf_span(&b), &added, &e) == 0);
  NEED(reader_new(&r, h.st, &id, &e) == 0);
  NEED(station_rebuild(&jobs[2], h.st, &e) == 0);
  NEED(job_step(jobs[2], &e) == JOB_MORE);
  station_close(h.st);
  for (int i = 0; i < 4; i++) {
    EXPECT_INT(job_step(jobs[i], &e), ERR_CLOSED);
    EXPECT_INT(job_step(jobs[i], &e), ERR_CLOSED);
    job_del(jobs[i]);
  }
  EXPECT_INT(publisher_add(p, buf_span(&b), &added, &e), ERR_CLOSED);
  EXPECT_INT(publisher_commit(p, &committed, &e), ERR_CLOSED);
  publisher_del(p);
  EXPECT_INT(reader_next(r, SIZE_MAX, &part, &e), ERR_CLOSED);
  EXPECT(reader_size(r) > 0);
  reader_del(r);
  EXPECT(access(home_file(&h, "x"), F_OK) != 0);
  home_open(&h); /* the rebuild that was left is done again */
  EXPECT(home_sound(&h));
  buf_free(&b);
  home_end(&h);
}

/* In a child only closing is allowed; the parent goes on undisturbed. */
static void test_fork(void)
{
  struct made m = {.n = 1};
  home_new(&h);
  struct cid id = home_publish(&h, "c", &m, -1);
  (void)fflush(stdout);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    struct entry en = {0};
    struct cid other;
    struct made two = {.n = 2};
    int rc = station_get(h.st, &id, &en, &e);
    int faults = rc != ERR_MISUSE || e.text[0] == '\0';
    rc = home_try_publish(&h, "c", &two, -1, &other, &e);
    faults += rc != ERR_MISUSE;
    station_close(h.st);
    _exit(faults);
  }
  int status = -1;
  NEED(waitpid(pid, &status, 0) == pid);
  EXPECT_INT(status, 0);
  m.n = 3;
  id = home_publish(&h, "c", &m, -1);
  home_again(&h);
  EXPECT(home_has(&h, &id));
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* ---- follow ---- */

static int follow(const char *pattern, int64_t files)
{
  return station_follow(h.st, span_of(pattern, strlen(pattern)), files, &e);
}

static int64_t limit_of(const char *collection)
{
  int64_t files = -1;
  NEED(station_follow_files(h.st, span_of(collection, strlen(collection)), 77,
                            &files, &e) == 0);
  return files;
}

static void test_follow(void)
{
  struct buf list = {0};
  home_new(&h);
  EXPECT_INT(limit_of("edu/a"), 77);
  EXPECT_INT(follow("edu/*", 10), 0);
  EXPECT_INT(follow("edu/a", 20), 0);
  EXPECT_INT(follow("x", INT64_MAX), 0);
  EXPECT_INT(limit_of("edu/a"), 20);
  EXPECT_INT(limit_of("edu/b"), 10);
  EXPECT(limit_of("x") == INT64_MAX);
  EXPECT_INT(limit_of("y"), 77);
  EXPECT_INT(follow("edu/a", 0), 0); /* the largest of those that match */
  EXPECT_INT(limit_of("edu/a"), 10);
  EXPECT_INT(follow("x", 0), 0);
  EXPECT_INT(limit_of("x"), 0);
  EXPECT_INT(follow("x", -1), ERR_INVALID);
  EXPECT_INT(follow("a*", 1), ERR_INVALID);
  EXPECT_INT(follow("", 1), ERR_INVALID);
  NEED(station_follows(h.st, &list, &e) == 0);
  EXPECT_INT(list.n, sizeof "edu/*\00010\0edu/a\0000\0x\0000");
  EXPECT(memcmp(list.p, "edu/*\00010\0edu/a\0000\0x\0000", list.n) == 0);
  home_again(&h);
  EXPECT_INT(limit_of("edu/b"), 10);
  EXPECT_INT(station_unfollow(h.st, span_of("edu/*", 5), &e), 0);
  EXPECT_INT(station_unfollow(h.st, span_of("edu/*", 5), &e), ERR_NOENT);
  EXPECT(strstr(e.text, "edu/*") != NULL);
  EXPECT_INT(limit_of("edu/b"), 77);
  buf_free(&list);
  home_end(&h);
}

/* What can be followed nowhere is not followed, whatever its bytes; and no
 * message repeats what would control a terminal. */
static void test_unfollow_nonsense(void)
{
  char name[600];
  home_new(&h);
  EXPECT_INT(station_unfollow(h.st, span_of("a\x1b[2Jb", 6), &e), ERR_NOENT);
  EXPECT(strchr(e.text, 0x1b) == NULL);
  EXPECT_INT(station_unfollow(h.st, span_of("", 0), &e), ERR_NOENT);
  memset(name, 'n', sizeof name);
  EXPECT_INT(station_unfollow(h.st, span_of(name, sizeof name), &e), ERR_NOENT);
  home_end(&h);
}

static void test_follow_name_length(void)
{
  char name[COLLECTION_NAME_MAX + 4];
  home_new(&h);
  memset(name, 'n', sizeof name);
  for (size_t n = COLLECTION_NAME_MAX - 1; n <= COLLECTION_NAME_MAX + 1; n++) {
    EXPECT_INT(station_follow(h.st, span_of(name, n), 1, &e) == 0,
               n <= COLLECTION_NAME_MAX);
  }
  /* More rules than one answer of the store holds. */
  for (int i = 0; i < STORE_LIST_MAX; i++) {
    (void)snprintf(name, sizeof name, "z%d", i);
    NEED(follow(name, i) == 0);
  }
  EXPECT_INT(limit_of("z999"), 999);
  struct buf list = {0};
  int rules = 0;
  NEED(station_follows(h.st, &list, &e) == 0);
  for (size_t i = 0; i < list.n; i++) {
    rules += list.p[i] == 0;
  }
  EXPECT_INT(rules, 2 * (STORE_LIST_MAX + 2));
  buf_free(&list);
  home_end(&h);
}

static void test_stats(void)
{
  struct station_stats s;
  home_new(&h);
  NEED(station_stats(h.st, &s, &e) == 0);
  EXPECT_INT(s.collections + s.parcels + s.held + s.store.blocks, 0);
  EXPECT(!s.unindexed);
  (void)home_publish(&h, "c", &(struct made){.n = 1}, -1);
  (void)home_publish(&h, "c", &(struct made){.n = 2}, -1);
  (void)home_publish(&h, "d", &(struct made){.n = 2}, -1);
  NEED(station_stats(h.st, &s, &e) == 0);
  EXPECT_INT(s.collections, 2);
  EXPECT_INT(s.parcels, 3);
  EXPECT_INT(s.store.blocks, 5);
  uint64_t n = 0;
  EXPECT_INT(station_collection_count(h.st, span_of("c", 1), &n, &e), 0);
  EXPECT_INT(n, 2);
  home_end(&h);
}

int main(void)
{
  RUN(test_paths);
  RUN(test_open_again);
  RUN(test_keys);
  RUN(test_passphrase);
  RUN(test_readonly);
  RUN(test_reader_beside_writer);
  RUN(test_closed);
  RUN(test_fork);
  RUN(test_follow);
  RUN(test_unfollow_nonsense);
  RUN(test_follow_name_length);
  RUN(test_stats);
  return unit_done();
}
