/* SPDX-License-Identifier: 0BSD */
/* The SQLite engine: what every engine must do, and what is its own: locks,
 * readers, forks, kills, damage, other programs' tools, erasing. */
#include "store_conformance.h"

#include "base/mem.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct err err;
static char dir[64];
static char path[96];

static const char *suffixed(const char *suffix)
{
  static char name[128];
  (void)snprintf(name, sizeof name, "%s%s", path, suffix);
  return name;
}

static void wipe(void)
{
  static const char *const all[] = {"",      "-wal",   "-shm",
                                    "-lock", "-files", "-files-journal"};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    (void)unlink(suffixed(all[i]));
  }
}

static int open_store(struct store **out, bool fresh)
{
  struct store_options o = {.create = true};
  if (fresh) {
    wipe();
  }
  return store_sqlite_open(out, path, &o, &err);
}

static int open_reader(struct store **out)
{
  struct store_options o = {.readonly = true};
  return store_sqlite_open(out, path, &o, &err);
}

static struct store *fresh(void)
{
  struct store *s = NULL;
  NEED(open_store(&s, true) == 0);
  return s;
}

static struct span text(const char *t)
{
  return span_of(t, strlen(t));
}

static void put_blocks(struct store *s, uint64_t seed, size_t n, size_t size,
                       bool file)
{
  for (size_t i = 0; i < n; i += 50) {
    struct store_block b[50];
    size_t k = n - i < 50 ? n - i : 50;
    for (size_t j = 0; j < k; j++) {
      b[j] = block_make(seed + i + j, size);
    }
    NEED(s->ops->put(s, b, k, file, NULL, NULL, &err) == 0);
    for (size_t j = 0; j < k; j++) {
      block_free(&b[j]);
    }
  }
}

static bool has(struct store *s, uint64_t seed, size_t size)
{
  struct store_block b = block_make(seed, size);
  struct buf out = {0};
  bool same = s->ops->get(s, &b.cid, &out, &err) == 0 &&
              span_equal(buf_span(&out), b.bytes);
  buf_free(&out);
  block_free(&b);
  return same;
}

/* Run ${body} in a child; its exit code. */
static int in_child(int (*body)(void))
{
  (void)fflush(stdout);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    _exit(body());
  }
  int status = 0;
  NEED(waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- opening ---- */

static void test_open_options(void)
{
  struct store *s = NULL;
  struct store_options o = {.create = false};
  wipe();
  EXPECT_INT(store_sqlite_open(&s, path, &o, &err), ERR_NOENT);
  EXPECT(s == NULL && access(path, F_OK) != 0);
  EXPECT_INT(open_reader(&s), ERR_NOENT);
  EXPECT_INT(store_sqlite_open(&s, "", &o, &err), ERR_MISUSE);
  o.create = true;
  EXPECT_INT(store_sqlite_open(&s, "/nowhere/at/all", &o, &err), ERR_NOENT);
  s = fresh();
  EXPECT_TEXT(s->ops->engine, "sqlite");
  s->ops->close(s);
  EXPECT(access(path, F_OK) == 0 && access(suffixed("-wal"), F_OK) != 0);
}

static void write_file(const char *name, const void *p, size_t n)
{
  FILE *f = fopen(name, "wb");
  NEED(f != NULL && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

static const char *command;

static int child_runs_it(void)
{
  (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
  return 127;
}

static int shell(const char *line)
{
  command = line;
  return in_child(child_runs_it);
}

static int sql(const char *statement)
{
  char line[512];
  (void)snprintf(line, sizeof line, "sqlite3 '%s' \"%s\" > /dev/null", path,
                 statement);
  return shell(line);
}

static bool have(const char *program)
{
  char line[128];
  (void)snprintf(line, sizeof line, "command -v %s > /dev/null", program);
  return shell(line) == 0;
}

static void test_foreign_files_are_refused_and_left_alone(void)
{
  struct store *s = NULL;
  static char text_file[9000];
  struct stat info;
  memset(text_file, 'x', sizeof text_file);
  wipe();
  write_file(path, text_file, sizeof text_file);
  EXPECT_INT(open_store(&s, false), ERR_INVALID);
  EXPECT(strstr(err.text, "is not a station's store") != NULL);
  EXPECT(stat(path, &info) == 0 && info.st_size == sizeof text_file);
  if (!have("sqlite3")) {
    unit_skip(1, "no sqlite3 shell");
    return;
  }
  wipe();
  NEED(sql("CREATE TABLE t(a)") == 0);
  EXPECT_INT(open_store(&s, false), ERR_INVALID);
  EXPECT(strstr(err.text, "another program") != NULL);
  EXPECT(access(suffixed("-wal"), F_OK) != 0);
  s = fresh();
  s->ops->close(s);
  NEED(sql("PRAGMA user_version = 4") == 0);
  EXPECT_INT(open_store(&s, false), ERR_INVALID);
  EXPECT(strstr(err.text, "newer version") != NULL);
}

/* ---- the lock ---- */

static int child_opens(void)
{
  struct store *s = NULL;
  char pid[32];
  int rc = open_store(&s, false);
  (void)snprintf(pid, sizeof pid, "pid %ld", (long)getppid());
  return rc == ERR_BUSY && strstr(err.text, pid) != NULL ? 0 : 1;
}

static void test_one_writer(void)
{
  struct store *s = fresh(), *other = NULL;
  EXPECT_INT(in_child(child_opens), 0);
  EXPECT_INT(open_store(&other, false), ERR_BUSY);
  EXPECT(strstr(err.text, "this process") != NULL);
  put_blocks(s, 1, 10, 100, false);
  s->ops->close(s);
  NEED(open_store(&s, false) == 0);
  EXPECT(has(s, 5, 100));
  s->ops->close(s);
}

/* ---- readers ---- */

static int pipe_up[2], pipe_down[2];

static void say(int fd, char c)
{
  NEED(write(fd, &c, 1) == 1);
}

static char hear(int fd)
{
  char c = 0;
  return read(fd, &c, 1) == 1 ? c : '\0';
}

/* Reads while the parent writes; says what it sees. */
static int child_reads(void)
{
  struct store *s = NULL;
  struct store_hit h[600];
  struct span t = text("word");
  struct store_match m = {t, 1, true};
  struct store_group g = {&m, 1, 1, STORE_ANY, 0};
  struct store_query q = {.group = &g, .groups = 1};
  uint64_t before = 0, after = 0;
  int bad = 0, round = 0;
  if (open_reader(&s) != 0) {
    return 1;
  }
  struct store_batch b = {.blocks_n = 0};
  bad += s->ops->append(s, &b, NULL, NULL, &err) != ERR_READONLY;
  bad += s->ops->sweep_start(s, &err) != ERR_READONLY;
  bad += s->ops->derived_reset(s, &err) != ERR_READONLY;
  bad += s->ops->version(s, &before, &err) != 0;
  for (say(pipe_up[1], 'r'); hear(pipe_down[0]) == 'w'; round++) {
    uint64_t seed = 1000 + (uint64_t)round * 1000;
    bad += !has(s, seed + 399, 60) || !has(s, seed, 60);
    bad += !has(s, seed + 500, 30000);
    bad += s->ops->query(s, &q, h, 600, &err) != round + 1;
    bad += s->ops->version(s, &after, &err) != 0 || after == before;
    before = after;
    say(pipe_up[1], bad == 0 ? 'y' : 'n');
  }
  s->ops->close(s);
  return bad == 0 && round == 90 ? 0 : 2;
}

static void test_a_reader_follows_the_writer(void)
{
  struct store *s = fresh();
  NEED(pipe(pipe_up) == 0 && pipe(pipe_down) == 0);
  put_blocks(s, 0, 1, 70000, true);
  s->ops->close(s);
  (void)fflush(stdout);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    close(pipe_down[1]);
    _exit(child_reads());
  }
  EXPECT(hear(pipe_up[0]) == 'r');
  NEED(open_store(&s, false) == 0);
  for (uint64_t round = 0; round < 90; round++) {
    uint8_t words[8];
    struct store_doc d = {.ref = 1000000 + round,
                          .length = 2,
                          .terms = terms_list(words, "word x")};
    struct store_batch b = {.docs = &d, .docs_n = 1};
    put_blocks(s, 1000 + round * 1000, 400, 60, false);
    put_blocks(s, 1000 + round * 1000 + 500, 1, 30000, true);
    NEED(s->ops->append(s, &b, NULL, NULL, &err) == 0);
    say(pipe_down[1], 'w');
    EXPECT(hear(pipe_up[0]) == 'y');
  }
  close(pipe_down[1]);
  int status = 0;
  NEED(waitpid(pid, &status, 0) == pid);
  EXPECT_INT(status, 0);
  close(pipe_up[0]);
  close(pipe_up[1]);
  close(pipe_down[0]);
  uint8_t ours[32], theirs[32];
  struct store *r = NULL;
  NEED(s->ops->derived_digest(s, ours, &err) == 0);
  NEED(open_reader(&r) == 0);
  NEED(r->ops->derived_digest(r, theirs, &err) == 0);
  EXPECT(memcmp(ours, theirs, 32) == 0);
  EXPECT_INT(r->ops->check(r, &err), 0);
  r->ops->close(r);
  s->ops->close(s);
}

/* ---- fork ---- */

static struct store *inherited;

static int child_uses_it(void)
{
  struct store *s = inherited, *mine = NULL;
  struct buf out = {0};
  uint64_t n = 0;
  struct store_batch b = {.blocks_n = 0};
  int bad = 0;
  bad += s->ops->append(s, &b, NULL, NULL, &err) != ERR_MISUSE;
  bad += strstr(err.text, "after fork") == NULL;
  bad += s->ops->kv_get(s, text("k"), &out, &err) != ERR_MISUSE;
  bad += s->ops->version(s, &n, &err) != ERR_MISUSE;
  bad += s->ops->walk(s, 0, false, &n, 1, &err) != ERR_MISUSE;
  s->ops->close(s);
  /* The parent still holds the lock, and a child may read. */
  bad += open_store(&mine, false) != ERR_BUSY;
  if (open_reader(&mine) != 0) {
    return 100;
  }
  bad += !has(mine, 3, 100);
  mine->ops->close(mine);
  return bad;
}

static void test_fork(void)
{
  struct store *other = NULL;
  inherited = fresh();
  put_blocks(inherited, 0, 10, 100, false);
  put_blocks(inherited, 50, 1, 90000, true);
  EXPECT_INT(in_child(child_uses_it), 0);
  /* Nothing of the parent's went with the child. */
  EXPECT(access(suffixed("-wal"), F_OK) == 0);
  EXPECT_INT(open_store(&other, false), ERR_BUSY);
  put_blocks(inherited, 10, 10, 100, false);
  EXPECT(has(inherited, 3, 100) && has(inherited, 13, 100));
  EXPECT_INT(inherited->ops->check(inherited, &err), 0);
  inherited->ops->close(inherited);
  NEED(open_store(&other, false) == 0);
  EXPECT(has(other, 13, 100) && has(other, 50, 90000));
  other->ops->close(other);
}

/* ---- kill -9 ---- */

/* Appends for ever and acknowledges each number through the pipe. */
static int child_writes(uint64_t from)
{
  struct store *s = NULL;
  if (open_store(&s, false) != 0) {
    return 1;
  }
  for (uint64_t i = from;; i++) {
    struct store_block small = block_make(i, 300);
    struct store_block big = block_make(i + 500000, 40000);
    uint64_t log = STORE_NEW(0);
    char word[36];
    uint8_t words[36];
    (void)snprintf(word, sizeof word, "w%llu all", (unsigned long long)i);
    struct store_doc d = {
        .ref = STORE_NEW(0), .length = 2, .terms = terms_list(words, word)};
    struct store_batch b = {.collection = text("c"),
                            .blocks = &small,
                            .blocks_n = 1,
                            .log = &log,
                            .log_n = 1,
                            .docs = &d,
                            .docs_n = 1};
    if (s->ops->put(s, &big, 1, true, NULL, NULL, &err) != 0 ||
        s->ops->append(s, &b, NULL, NULL, &err) != 0 ||
        write(pipe_up[1], &i, sizeof i) != sizeof i) {
      return 2;
    }
    block_free(&small);
    block_free(&big);
  }
}

static void test_kill_loses_nothing_acknowledged(void)
{
  uint64_t next = 0, acked = 0;
  struct store *s = fresh();
  s->ops->close(s);
  for (int round = 0; round < 50; round++) {
    NEED(pipe(pipe_up) == 0);
    (void)fflush(stdout);
    pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
      _exit(child_writes(next));
    }
    close(pipe_up[1]);
    uint64_t i = 0;
    /* Every fifth is killed early, while it opens; the others at some moment
     * after their first answer. */
    if (round % 5 != 0) {
      NEED(read(pipe_up[0], &i, sizeof i) == sizeof i && i == acked);
      acked = i + 1;
    }
    (void)usleep((useconds_t)(round * 377 % 9000));
    NEED(kill(pid, SIGKILL) == 0);
    while (read(pipe_up[0], &i, sizeof i) == sizeof i) {
      EXPECT(i == acked);
      acked = i + 1;
    }
    close(pipe_up[0]);
    int status = 0;
    NEED(waitpid(pid, &status, 0) == pid);
    EXPECT(WIFSIGNALED(status));
    NEED(open_store(&s, false) == 0);
    uint64_t count = 0;
    NEED(s->ops->count(s, text("c"), &count, &err) == 0);
    EXPECT(count == acked || count == acked + 1);
    for (uint64_t k = next > 3 ? next - 3 : 0; k < acked; k++) {
      EXPECT(has(s, k, 300) && has(s, k + 500000, 40000));
    }
    acked = next = count;
    s->ops->close(s);
  }
  EXPECT(acked >= 40);
  NEED(open_store(&s, false) == 0);
  for (uint64_t k = 0; k < acked; k++) {
    EXPECT(has(s, k, 300) && has(s, k + 500000, 40000));
  }
  EXPECT_INT(s->ops->check(s, &err), 0);
  s->ops->close(s);
}

/* ---- salvage ---- */

struct tally {
  uint64_t blocks, files;
};

static int tally_block(void *ud, const struct store_block *b, bool file)
{
  struct tally *t = ud;
  t->blocks += !file;
  t->files += file;
  return cid_verify(&b->cid, b->bytes.p, b->bytes.n);
}

static struct tally salvage(uint64_t *lost)
{
  struct tally t = {0, 0};
  uint64_t good = 0;
  EXPECT_INT(store_sqlite_salvage(path, tally_block, &t, &good, lost, &err), 0);
  EXPECT(good == t.blocks + t.files);
  return t;
}

/* ${n} bytes of noise at ${at}. */
static void spoil(const char *name, long at, size_t n)
{
  FILE *f = fopen(name, "r+b");
  NEED(f != NULL && fseek(f, at, SEEK_SET) == 0);
  for (size_t i = 0; i < n; i++) {
    NEED(fputc((int)(i * 37 % 251), f) != EOF);
  }
  NEED(fclose(f) == 0);
}

static void fill_for_salvage(void)
{
  struct store *s = fresh();
  put_blocks(s, 0, 2000, 500, false);
  put_blocks(s, 5000, 1, BLOCK_SIZE_MAX, false);
  put_blocks(s, 6000, 20, 100000, true);
  put_blocks(s, 7000, 20, 900, true);
  s->ops->close(s);
}

static void test_salvage_of_a_sound_store(void)
{
  uint64_t lost = 9;
  fill_for_salvage();
  struct tally t = salvage(&lost);
  EXPECT(t.blocks == 2001 && t.files == 40 && lost == 0);
}

static void test_salvage_without_the_first_page(void)
{
  uint64_t lost = 0;
  struct store *s = NULL;
  fill_for_salvage();
  spoil(path, 0, 4096);
  spoil(suffixed("-files"), 0, 30);
  EXPECT_INT(open_store(&s, false), ERR_INVALID);
  struct tally t = salvage(&lost);
  EXPECT(t.blocks == 2001 && t.files == 40 && lost == 0);
}

static void test_salvage_of_damage(void)
{
  struct stat info;
  fill_for_salvage();
  NEED(stat(path, &info) == 0);
  for (int i = 1; i < 12; i++) {
    uint64_t lost = 0;
    long at = info.st_size / 12 * i;
    fill_for_salvage();
    spoil(path, at, 600);
    struct tally t = salvage(&lost);
    /* A segment holds about 100 of these; a page at most a few segments. */
    EXPECT(t.blocks >= 1500 && t.files >= 36);
  }
  uint64_t lost = 0;
  fill_for_salvage();
  spoil(suffixed("-files"), 300000, 10);
  struct tally t = salvage(&lost);
  EXPECT(t.blocks == 2001 && t.files == 39 && lost == 1);
}

static void test_salvage_of_cut_files(void)
{
  struct stat info;
  uint64_t before = UINT64_MAX;
  fill_for_salvage();
  NEED(stat(path, &info) == 0);
  for (off_t n = info.st_size; n > 0; n -= info.st_size / 16 + 777) {
    uint64_t lost = 0;
    NEED(truncate(path, n) == 0);
    struct tally t = salvage(&lost);
    EXPECT(t.blocks + t.files <= before);
    before = t.blocks + t.files;
  }
}

static int child_leaves_a_wal(void)
{
  struct store *s = NULL;
  if (open_store(&s, false) != 0) {
    return 1;
  }
  put_blocks(s, 0, 300, 500, false);
  (void)kill(getpid(), SIGKILL);
  return 2;
}

static void test_salvage_reads_the_wal(void)
{
  uint64_t lost = 0;
  struct store *s = fresh();
  s->ops->close(s);
  EXPECT_INT(in_child(child_leaves_a_wal), -SIGKILL);
  struct tally t = salvage(&lost);
  EXPECT(t.blocks == 300 && lost == 0);
}

static void test_salvage_of_noise(void)
{
  uint64_t lost = 0;
  static uint8_t noise[200000];
  uint32_t v = 1;
  for (int round = 0; round < 40; round++) {
    for (size_t i = 0; i < sizeof noise; i++) {
      v = v * 1664525u + 1013904223u;
      noise[i] = (uint8_t)(v >> 24);
    }
    for (size_t i = 0; i < sizeof noise; i += 4096) {
      noise[i] = 0x0d; /* looks like a leaf */
      noise[i + 3] = 0;
    }
    wipe();
    write_file(path, noise, sizeof noise);
    struct tally t = salvage(&lost);
    EXPECT(t.blocks == 0 && t.files == 0);
  }
}

/* ---- damage to an open store ---- */

static void test_damage_is_an_error_never_a_crash(void)
{
  struct stat info;
  fill_for_salvage();
  NEED(stat(path, &info) == 0);
  int found = 0;
  for (long at = 4096; at < info.st_size; at += info.st_size / 40) {
    struct store *s = NULL;
    fill_for_salvage();
    spoil(path, at, 300);
    if (open_store(&s, false) != 0) {
      found++;
      continue;
    }
    uint64_t ref[100], after = 0;
    int n = 0;
    struct buf out = {0};
    while ((n = s->ops->walk(s, after, false, ref, 100, &err)) > 0) {
      for (int i = 0; i < n; i++) {
        buf_clear(&out);
        int rc = s->ops->get_ref(s, ref[i], NULL, &out, &err);
        EXPECT(rc == 0 || rc == ERR_CORRUPT || rc == ERR_NOENT);
      }
      after = ref[n - 1];
    }
    EXPECT(n == 0 || n == ERR_CORRUPT);
    int rc = s->ops->check(s, &err);
    EXPECT(rc == 0 || rc == ERR_CORRUPT);
    found += rc == ERR_CORRUPT;
    buf_free(&out);
    s->ops->close(s);
  }
  EXPECT(found > 0);
}

static void test_missing_files_file(void)
{
  struct store *s = fresh();
  put_blocks(s, 1, 1, 90000, true);
  put_blocks(s, 2, 1, 900, true);
  s->ops->close(s);
  (void)unlink(suffixed("-files"));
  NEED(open_store(&s, false) == 0);
  EXPECT(!has(s, 1, 90000) && err.code == ERR_CORRUPT);
  EXPECT(has(s, 2, 900));
  s->ops->close(s);
}

static void test_bytes_without_an_entry_are_taken_in(void)
{
  if (!have("sqlite3")) {
    unit_skip(1, "no sqlite3 shell");
    return;
  }
  struct store *s = fresh();
  put_blocks(s, 1, 3, 90000, true);
  s->ops->close(s);
  /* As if the crash came between the two commits. */
  NEED(sql("DELETE FROM file WHERE id = 3") == 0);
  NEED(open_store(&s, false) == 0);
  EXPECT(has(s, 1, 90000) && has(s, 2, 90000) && has(s, 3, 90000));
  s->ops->close(s);
  /* And as if a sweep stopped halfway. */
  NEED(sql("DELETE FROM file WHERE id = 2; INSERT INTO gone VALUES(2)") == 0);
  NEED(open_store(&s, false) == 0);
  EXPECT(has(s, 1, 90000) && !has(s, 2, 90000) && has(s, 3, 90000));
  struct store_stats st;
  NEED(s->ops->stats(s, &st, &err) == 0);
  EXPECT(st.file_blocks == 2);
  s->ops->close(s);
  EXPECT_INT(sql("SELECT 1 FROM gone"), 0);
}

/* ---- other programs ---- */

static void append_one(struct store *s, uint64_t seed)
{
  struct store_block b = block_make(seed, 300);
  uint64_t log = STORE_NEW(0);
  struct store_batch batch = {.collection = text("edu/x"),
                              .blocks = &b,
                              .blocks_n = 1,
                              .log = &log,
                              .log_n = 1};
  NEED(s->ops->append(s, &batch, NULL, NULL, &err) == 0);
  block_free(&b);
}

static bool prints(const char *statement, const char *want)
{
  char line[512], got[4096] = "";
  (void)snprintf(line, sizeof line, "sqlite3 '%s' \"%s\"", path, statement);
  (void)fflush(stdout);
  FILE *p = popen(line, "r");
  NEED(p != NULL);
  size_t n = fread(got, 1, sizeof got - 1, p);
  got[n] = '\0';
  return pclose(p) == 0 && strcmp(got, want) == 0;
}

static void test_views(void)
{
  char want[256], id[2][CID_TEXT_SIZE + 1], line[256];
  struct store *s = fresh();
  for (uint64_t i = 0; i < 2; i++) {
    struct store_block b = block_make(i, 300);
    cid_text(id[i], &b.cid);
    block_free(&b);
    append_one(s, i);
  }
  put_blocks(s, 9, 1, 50000, true);
  s->ops->close(s);
  if (!have("sqlite3")) {
    unit_skip(1, "no sqlite3 shell");
    return;
  }
  (void)snprintf(want, sizeof want, "%s|raw|300\n%s|dag-cbor|300\n", id[0],
                 id[1]);
  EXPECT(prints("SELECT id, codec, size FROM blocks WHERE NOT of_file", want));
  EXPECT(prints("SELECT codec, size FROM blocks WHERE of_file", "raw|50000\n"));
  EXPECT(prints("SELECT * FROM collections", "edu/x|2\n"));
  (void)snprintf(want, sizeof want, "edu/x|%s\nedu/x|%s\n", id[0], id[1]);
  EXPECT(prints("SELECT collection, id FROM log_entries", want));
  EXPECT(prints("SELECT count(*) FROM pairs", "0\n"));
  EXPECT(prints("SELECT count(*) FROM index_rows", "0\n"));
  EXPECT(prints("PRAGMA integrity_check", "ok\n"));
  if (!have("sqlite-utils")) {
    unit_skip(1, "no sqlite-utils");
    return;
  }
  (void)snprintf(line, sizeof line,
                 "sqlite-utils tables '%s' --counts"
                 " --columns > /dev/null",
                 path);
  EXPECT_INT(shell(line), 0);
  (void)snprintf(line, sizeof line,
                 "sqlite-utils views '%s' --counts"
                 " > /dev/null",
                 path);
  EXPECT_INT(shell(line), 0);
}

/* Every id text against ours, with all kinds of bytes in the digests. */
static void test_view_ids(void)
{
  enum { N = 300 };
  static char want[N * (CID_TEXT_SIZE + 2)];
  size_t n = 0;
  if (!have("sqlite3")) {
    unit_skip(1, "no sqlite3 shell");
    return;
  }
  struct store *s = fresh();
  put_blocks(s, 0, N, 40, false);
  s->ops->close(s);
  for (uint64_t i = 0; i < N; i++) {
    struct store_block b = block_make(i, 40);
    cid_text(want + n, &b.cid);
    n += CID_TEXT_SIZE;
    want[n++] = '\n';
    block_free(&b);
  }
  want[n] = '\0';
  write_file(suffixed("-want"), want, n);
  char line[512];
  (void)snprintf(line, sizeof line,
                 "sqlite3 '%s' 'SELECT id FROM blocks' |"
                 " cmp -s - '%s-want'",
                 path, path);
  EXPECT_INT(shell(line), 0);
  (void)unlink(suffixed("-want"));
}

/* ---- erasing ---- */

static bool on_disk(const char *canary)
{
  char line[256];
  (void)snprintf(line, sizeof line, "cat '%s'* | grep -q '%s'", path, canary);
  return shell(line) == 0;
}

static void test_erased_bytes_are_gone(void)
{
  struct store *s = fresh();
  struct store_block b[3];
  uint64_t ref[3], freed = 0;
  static char plain[3][40000];
  /* Not compressible, so that the canary would be seen. */
  for (size_t i = 0; i < 3; i++) {
    struct store_block noise = block_make(i + 70, 80000);
    memcpy(plain[i], noise.bytes.p + 40000, 40000);
    block_free(&noise);
    memcpy(plain[i] + 20000,
           i == 0   ? "canaryA"
           : i == 1 ? "canaryB"
                    : "canaryC",
           7);
    b[i].bytes = span_of(plain[i], i == 2 ? 40000 : 30000);
    NEED(cid_of(&b[i].cid, CID_RAW, b[i].bytes.p, b[i].bytes.n) == 0);
  }
  uint8_t words[16];
  struct store_doc d = {.ref = STORE_NEW(0),
                        .length = 2,
                        .terms = terms_list(words, "canaryd x")};
  struct store_pair pair = {text("k"), text("canarye")};
  struct store_batch put = {.blocks = b,
                            .blocks_n = 2,
                            .docs = &d,
                            .docs_n = 1,
                            .kv = &pair,
                            .kv_n = 1};
  NEED(s->ops->append(s, &put, ref, NULL, &err) == 0);
  NEED(s->ops->put(s, &b[2], 1, true, &ref[2], NULL, &err) == 0);
  EXPECT(on_disk("canaryA") && on_disk("canaryB") && on_disk("canaryC") &&
         on_disk("canaryd") && on_disk("canarye"));
  struct store_doc undo = d;
  undo.ref = ref[0];
  struct store_pair none = {text("k"), {NULL, 0}};
  struct store_batch drop = {.erase = ref,
                             .erase_n = 1,
                             .undocs = &undo,
                             .undocs_n = 1,
                             .kv = &none,
                             .kv_n = 1};
  NEED(s->ops->append(s, &drop, NULL, NULL, &err) == 0);
  NEED(s->ops->sweep_start(s, &err) == 0);
  EXPECT_INT(s->ops->sweep(s, 9, &freed, &err), 1);
  EXPECT(!on_disk("canaryA") && on_disk("canaryB") && !on_disk("canaryC") &&
         !on_disk("canaryd") && !on_disk("canarye"));
  s->ops->close(s);
  EXPECT(!on_disk("canaryA") && on_disk("canaryB"));
}

static void test_erased_words_leave_the_index(void)
{
  struct store *s = fresh();
  static uint8_t words[300][24];
  static struct store_doc d[300];
  put_blocks(s, 0, 10, 100, false);
  for (size_t i = 0; i < 300; i++) {
    char word[24];
    (void)snprintf(word, sizeof word, "canary%zu x", i);
    d[i] = (struct store_doc){
        .ref = i + 1000, .length = 2, .terms = terms_list(words[i], word)};
  }
  struct store_batch put = {.docs = d, .docs_n = 300};
  NEED(s->ops->append(s, &put, NULL, NULL, &err) == 0);
  struct store_batch undo = {.undocs = d, .undocs_n = 300};
  NEED(s->ops->append(s, &undo, NULL, NULL, &err) == 0);
  uint64_t ref = 256;
  struct store_batch erase = {.erase = &ref, .erase_n = 1};
  NEED(s->ops->append(s, &erase, NULL, NULL, &err) == 0);
  EXPECT(!on_disk("canary"));
  s->ops->close(s);
}

int main(void)
{
  int passed = 0;
  (void)snprintf(dir, sizeof dir, "/tmp/sqlite_test.XXXXXX");
  NEED(mkdtemp(dir) != NULL);
  (void)snprintf(path, sizeof path, "%s/store", dir);
  unit_failed += store_conformance(open_store, &passed);
  unit_passed += passed;
  RUN(test_open_options);
  RUN(test_foreign_files_are_refused_and_left_alone);
  RUN(test_one_writer);
  RUN(test_a_reader_follows_the_writer);
  RUN(test_fork);
  RUN(test_kill_loses_nothing_acknowledged);
  RUN(test_salvage_of_a_sound_store);
  RUN(test_salvage_without_the_first_page);
  RUN(test_salvage_of_damage);
  RUN(test_salvage_of_cut_files);
  RUN(test_salvage_reads_the_wal);
  RUN(test_salvage_of_noise);
  RUN(test_damage_is_an_error_never_a_crash);
  RUN(test_missing_files_file);
  RUN(test_bytes_without_an_entry_are_taken_in);
  RUN(test_views);
  RUN(test_view_ids);
  RUN(test_erased_bytes_are_gone);
  RUN(test_erased_words_leave_the_index);
  wipe();
  (void)rmdir(dir);
  return unit_done();
}
