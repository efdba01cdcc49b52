/* SPDX-License-Identifier: 0BSD */
/* Rows that say what was never written, one by one: each is an error that
 * names the place, takes no room for what it claims, and what lies beside it
 * is as it was. */
#include "store_conformance.h"

#include "unit.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#define DOCS 70 /* enough for a segment of their own */
#define ROOM_KIB (1l << 20)

/* Rows that statements went through without an index, since it was cleared. */
static long walked;

int sqlite3_step(sqlite3_stmt *st)
{
  static int (*real)(sqlite3_stmt *);
  if (real == NULL) { /* a data pointer becomes a function's only so */
    void *found = dlsym(RTLD_NEXT, "sqlite3_step");
    NEED(found != NULL);
    memcpy(&real, &found, sizeof found);
  }
  int rc = real(st);
  walked += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
  return rc;
}

static struct err err;
static char dir[64], path[96];

static void wipe(void)
{
  static const char *const all[] = {"",      "-wal",     "-shm",
                                    "-lock", "-files",   "-files-journal",
                                    "-copy", "-copy-wal"};
  char name[128];
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    (void)snprintf(name, sizeof name, "%s%s", path, all[i]);
    (void)unlink(name);
  }
}

static int try_open(struct store **s)
{
  struct store_options o = {.create = true};
  return store_sqlite_open(s, path, &o, &err);
}

static struct store *open_store(void)
{
  struct store *s = NULL;
  NEED(try_open(&s) == 0);
  return s;
}

static struct store *fresh(void)
{
  wipe();
  return open_store();
}

/* A statement on a file of the closed store; ${blob} is its first parameter.
 * The number that it gives, or how many rows it changed. */
static int64_t run(const char *suffix, const char *sql, struct span blob)
{
  char name[128];
  sqlite3 *db = NULL;
  sqlite3_stmt *st = NULL;
  (void)snprintf(name, sizeof name, "%s%s", path, suffix);
  NEED(sqlite3_open(name, &db) == SQLITE_OK);
  NEED(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
  if (blob.p != NULL) {
    sqlite3_bind_blob(st, 1, blob.p, (int)blob.n, SQLITE_STATIC);
  }
  int rc = sqlite3_step(st);
  int64_t n =
      rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : sqlite3_changes(db);
  EXPECT(rc == SQLITE_ROW || rc == SQLITE_DONE);
  sqlite3_finalize(st);
  NEED(sqlite3_close(db) == SQLITE_OK);
  return n;
}

static void change(struct store **s, const char *sql, struct span blob)
{
  (*s)->ops->close(*s);
  EXPECT(run("", sql, blob) > 0);
  *s = open_store();
}

/* ---- the search index ---- */

/* Each has the word "all" and one of its own. */
static void put_documents(struct store *s)
{
  static struct store_doc doc[DOCS];
  static uint8_t terms[DOCS][32], facets[8];
  for (int i = 0; i < DOCS; i++) {
    char words[20];
    (void)snprintf(words, sizeof words, "all w%d", i);
    doc[i] = (struct store_doc){.ref = (uint64_t)i + 1,
                                .time = 1,
                                .length = 2,
                                .terms = terms_list(terms[i], words),
                                .facets = terms_list(facets, "lar")};
  }
  struct store_batch b = {.docs = doc, .docs_n = DOCS};
  EXPECT_INT(s->ops->append(s, &b, NULL, NULL, &err), 0);
}

static struct store *fresh_documents(void)
{
  struct store *s = fresh();
  put_documents(s);
  return s;
}

/* A query for one word, until the next. */
static const struct store_query *about(const char *word)
{
  static struct store_match match;
  static struct store_group group;
  static struct store_query q;
  match = (struct store_match){span_of(word, strlen(word)), 1, true};
  group = (struct store_group){&match, 1, 1, STORE_ANY, 1};
  q = (struct store_query){.group = &group, .groups = 1};
  return &q;
}

static int tally(struct store *s, uint64_t *total)
{
  struct store_tally t = {.total = 0};
  int rc = s->ops->tally(s, about("all"), &t, &err);
  *total = t.total;
  buf_free(&t.sets);
  return rc;
}

/* The first document is of set 1, number 1 and time 1: 01 02 02. */
#define FIRST_DOC "UPDATE search_doc SET data = ?1 || substr(data, 4)"
#define FIRST_SET "UPDATE search_doc SET data = ?1 || substr(data, 2)"

static void test_a_set_that_is_not_there(void)
{
  static const struct {
    const char *set;
    size_t n;
  } claim[] = {
      {"\xff\xff\xff\xff\xff\xff\xff\xff\x1f", 9}, /* times 8: before all */
      {"\x80\x80\x80\x80\x80\x80\x80\x80\x20", 9}, /* times 8: 0 */
      {"\x80\x80\x80\x80\x10", 5},                 /* 2^32 */
      {"\x80\x80\x80\x80\x01", 5},                 /* 2^28 */
      {"\x02", 1},
  };
  uint64_t total = 0;
  for (size_t i = 0; i < sizeof claim / sizeof claim[0]; i++) {
    struct rusage used;
    struct store *s = fresh_documents();
    EXPECT_INT(tally(s, &total), 0);
    EXPECT(total == DOCS);
    change(&s, FIRST_SET, span_of(claim[i].set, claim[i].n));
    EXPECT_INT(tally(s, &total), ERR_CORRUPT);
    EXPECT(strstr(err.text, "search index is damaged") != NULL);
    NEED(getrusage(RUSAGE_SELF, &used) == 0);
    EXPECT(used.ru_maxrss < ROOM_KIB);
    s->ops->close(s);
  }
}

static int ask(struct store *s, const char *word, struct store_hit *hits,
               size_t max)
{
  return s->ops->query(s, about(word), hits, max, &err);
}

static void test_a_word_of_a_document_that_is_not_there(void)
{
  struct store_hit hit[DOCS + 1];
  struct store *s = fresh_documents();
  EXPECT_INT(ask(s, "w0", hit, 10), 1);
  EXPECT_INT(ask(s, "all", hit, DOCS + 1), DOCS);
  change(&s, FIRST_DOC, span_of("\0", 1));
  EXPECT_INT(ask(s, "w0", hit, 10), ERR_CORRUPT);
  EXPECT(strstr(err.text, "search index is damaged") != NULL);
  EXPECT_INT(ask(s, "all", hit, DOCS + 1), ERR_CORRUPT);
  EXPECT_INT(ask(s, "w7", hit, 10), 1);
  s->ops->close(s);
}

/* Rows of segments that have no entry. */
#define STRAYS                                                                 \
  "SELECT (SELECT count(*) FROM search_leaf WHERE id >> 32 NOT IN"             \
  " (SELECT id FROM search_seg)) + (SELECT count(*) FROM search_lead WHERE"    \
  " seg NOT IN (SELECT id FROM search_seg)) + (SELECT count(*) FROM"           \
  " search_doc WHERE page < 0) + (SELECT count(*) FROM search_len WHERE"       \
  " page < 0)"

/* Whatever the index says, it can be dropped and made anew; and no row of
 * before stays. */
static void test_an_index_is_made_anew(void)
{
  static const char *const damage[] = {
      "UPDATE search_seg SET id = 9000000000",
      "UPDATE search_seg SET id = -1",
      "UPDATE search_seg SET id = 40",
      "UPDATE search_seg SET state = 7",
      "UPDATE search_seg SET docs = -5",
      "DELETE FROM search_seg",
      "UPDATE search_lead SET seg = 77",
      "UPDATE search_lead SET seg = 'none'",
      "UPDATE search_leaf SET id = 5",
      "UPDATE search_leaf SET id = -5",
      "UPDATE search_word SET id = 1 << 62",
      "UPDATE search_doc SET page = 8",
      "UPDATE search_len SET page = 1",
      "UPDATE search_len SET page = -1",
      "UPDATE search_doc SET page = -1",
      "UPDATE state SET value = 0 WHERE name LIKE 'search%'",
      "UPDATE state SET value = -1 WHERE name = 'search_docs'",
      "UPDATE state SET value = 4294967295 WHERE name = 'search_next'",
      "DELETE FROM state",
  };
  for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
    struct store_hit hit[DOCS + 1];
    struct buf docs = {0};
    struct store *s = fresh_documents();
    change(&s, damage[i], span_of(NULL, 0));
    EXPECT_INT(s->ops->derived_reset(s, &err), 0);
    put_documents(s);
    EXPECT_INT(ask(s, "all", hit, DOCS + 1), DOCS);
    EXPECT_INT(ask(s, "w7", hit, 10), 1);
    EXPECT_INT(s->ops->audit(s, &docs, &err), 0);
    EXPECT(docs.n == DOCS * sizeof(struct store_audit));
    EXPECT_INT(s->ops->tidy(s, true, &err), 0);
    s->ops->close(s);
    EXPECT_INT(run("", STRAYS, span_of(NULL, 0)), 0);
    buf_free(&docs);
  }
}

/* ---- numbers ---- */

static void test_numbers_that_were_never_given(void)
{
  static const char *const damage[] = {
      "UPDATE seg SET id = 1 << 60",
      "UPDATE seg SET id = 9223372036854775807",
      "UPDATE file SET id = 9223372036854775807",
      "UPDATE file SET id = 1 << 40",
      "INSERT INTO state VALUES('folded_seg', 1 << 60)",
      "INSERT INTO state VALUES('folded_seg', -1)",
      "INSERT INTO state VALUES('folded_file', 1 << 40)",
      "INSERT INTO state VALUES('folded_file', -1)",
      "INSERT INTO state VALUES('file_floor', 1 << 40)",
  };
  struct store_block b = block_make(1, 1000);
  for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
    struct store *s = fresh();
    NEED(s->ops->put(s, &b, 1, false, NULL, NULL, &err) == 0);
    NEED(s->ops->put(s, &b, 1, true, NULL, NULL, &err) == 0);
    struct store_block other = block_make(2, 1000);
    NEED(s->ops->put(s, &other, 1, true, NULL, NULL, &err) == 0);
    block_free(&other);
    s->ops->close(s);
    EXPECT(run("", damage[i], span_of(NULL, 0)) > 0);
    s = NULL;
    EXPECT_INT(try_open(&s), ERR_CORRUPT);
    EXPECT(s == NULL && strstr(err.text, " has the number ") != NULL);
    if (s != NULL) {
      s->ops->close(s);
    }
  }
  block_free(&b);
}

/* Bytes of a file that a damaged row has: they are not taken in. */
static void test_bytes_with_a_damaged_entry(void)
{
  static const char *const damage[] = {
      "UPDATE file SET id = 1 << 40", "UPDATE file SET id = 7, size = -1",
      "UPDATE file SET id = 7, size = 1 << 40",
      "UPDATE file SET id = 7, codec = 1000",
      "UPDATE file SET id = 7, digest = x'00'"};
  struct store_block b = block_make(1, 90000), other = block_make(2, 90000);
  for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
    struct store_stats stats;
    struct buf out = {0};
    struct store *s = fresh();
    NEED(s->ops->put(s, &b, 1, true, NULL, NULL, &err) == 0);
    s->ops->close(s);
    EXPECT_INT(run("-files", damage[i], span_of(NULL, 0)), 1);
    s = open_store();
    NEED(s->ops->stats(s, &stats, &err) == 0);
    EXPECT_INT(stats.file_blocks, 1);
    EXPECT_INT(stats.file_bytes, 90000);
    EXPECT_INT(s->ops->put(s, &other, 1, true, NULL, NULL, &err), 0);
    EXPECT_INT(s->ops->get(s, &other.cid, &out, &err), 0);
    EXPECT(span_equal(buf_span(&out), other.bytes));
    buf_free(&out);
    s->ops->close(s);
  }
  block_free(&b);
  block_free(&other);
}

/* ---- segments of blocks ---- */

#define BLOCKS 4
#define LARGE 9000 /* fills a frame */

static struct store_block block[BLOCKS];
static uint64_t number[BLOCKS];

static struct store *fresh_blocks(const size_t *size)
{
  struct store *s = fresh();
  for (size_t i = 0; i < BLOCKS; i++) {
    block[i] = block_make(i + 1, size[i]);
  }
  NEED(s->ops->put(s, block, BLOCKS, false, number, NULL, &err) == 0);
  return s;
}

static void done(struct store *s)
{
  for (size_t i = 0; i < BLOCKS; i++) {
    block_free(&block[i]);
  }
  s->ops->close(s);
}

static bool gives(struct store *s, size_t i)
{
  struct buf out = {0};
  bool same = s->ops->get(s, &block[i].cid, &out, &err) == 0 &&
              span_equal(buf_span(&out), block[i].bytes);
  buf_free(&out);
  return same;
}

/* A block without a byte, where a frame ends. */
static void test_an_empty_block(void)
{
  const size_t size[][BLOCKS] = {{LARGE, 0, LARGE, 100},
                                 {0, LARGE, LARGE, 100},
                                 {LARGE, LARGE, LARGE, 0},
                                 {LARGE, 10, 0, LARGE},
                                 {10, 20, 30, 0}};
  for (size_t k = 0; k < sizeof size / sizeof size[0]; k++) {
    struct store *s = fresh_blocks(size[k]);
    for (size_t i = 0; i < BLOCKS; i++) {
      s->ops->close(s); /* nothing is in memory */
      s = open_store();
      EXPECT(gives(s, i));
    }
    done(s);
  }
}

/* The last frame of a segment is torn, and a directory of it is in memory
 * twice: for what was found in it, and for what was read. What is erased stays
 * erased, each of two. */
static void test_erased_from_a_torn_segment(void)
{
  const size_t size[BLOCKS] = {LARGE, LARGE, LARGE, LARGE};
  uint64_t refs[BLOCKS + 1];
  struct store *s = fresh_blocks(size);
  change(&s, "UPDATE seg SET data = substr(data, 1, length(data) - 20) || ?1",
         span_of("", 0));
  NEED(s->ops->find(s, &block[0].cid, 1, refs, &err) == 0);
  EXPECT(gives(s, 0) && !gives(s, 3));
  EXPECT_INT(err.code, ERR_CORRUPT);
  struct store_batch b = {.erase = number, .erase_n = 2};
  EXPECT_INT(s->ops->append(s, &b, NULL, NULL, &err), 0);
  EXPECT_INT(s->ops->walk(s, 0, false, refs, BLOCKS + 1, &err), 2);
  EXPECT(refs[0] == number[2] && refs[1] == number[3]);
  EXPECT(gives(s, 2));
  s->ops->close(s);
  s = open_store();
  EXPECT(!gives(s, 0) && !gives(s, 1) && gives(s, 2));
  done(s);
}

/* ---- salvage ---- */

static void copy_part(const char *from, const char *to, int skip,
                      const uint8_t *bytes)
{
  char name[2][128];
  (void)snprintf(name[0], sizeof name[0], "%s%s", path, from);
  (void)snprintf(name[1], sizeof name[1], "%s%s", path, to);
  FILE *in = fopen(name[0], "rb"), *out = fopen(name[1], "wb");
  NEED(in != NULL && out != NULL);
  for (int i = 0, c; (c = fgetc(in)) != EOF; i++) {
    int at = skip > 0 ? i - skip : -1;
    NEED(fputc(at >= 0 && at < 4 ? bytes[at] : c, out) != EOF);
  }
  NEED(fclose(in) == 0 && fclose(out) == 0);
}

static int count_saved(void *ud, const struct store_block *b, bool file)
{
  size_t *n = ud;
  *n += file || b->bytes.n != LARGE ? 0 : 1;
  return 0;
}

/* Four bytes of a log that was left behind are damaged: in what it says of the
 * file's size, or of a frame's page. */
static void test_a_log_that_claims(void)
{
  const size_t size[BLOCKS] = {LARGE, LARGE, LARGE, LARGE};
  static const uint8_t claim[][4] = {{0x3f, 0xff, 0xff, 0xff},
                                     {0xff, 0xff, 0xff, 0xff},
                                     {0, 0, 0, 1},
                                     {0, 0, 0, 0}};
  char copy[128];
  (void)snprintf(copy, sizeof copy, "%s-copy", path);
  for (int i = 0; i < 2 * (int)(sizeof claim / sizeof claim[0]); i++) {
    struct store *s = fresh_blocks(size);
    struct rusage used;
    size_t saved = 0;
    uint64_t good = 0, lost = 0;
    copy_part("", "-copy", 0, NULL);
    copy_part("-wal", "-copy-wal", 32 + 4 * (i % 2), claim[i / 2]);
    done(s);
    EXPECT_INT(
        store_sqlite_salvage(copy, count_saved, &saved, &good, &lost, &err), 0);
    EXPECT_INT(saved, BLOCKS);
    NEED(getrusage(RUSAGE_SELF, &used) == 0);
    EXPECT(used.ru_maxrss < ROOM_KIB);
  }
}

/* ---- keys ---- */

#define KEYS 5000 /* of others */

/* As if the first ${n} of the blocks were folded, amid many. */
static void fold(size_t n)
{
  char sql[400];
  for (size_t i = 0; i < n; i++) {
    uint64_t prefix = 0;
    for (int k = 0; k < 8; k++) {
      prefix = prefix << 8 | cid_digest(&block[i].cid)[k];
    }
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO cidkey VALUES(%" PRId64 ", %" PRIu64 ")",
                   (int64_t)prefix, number[i]);
    EXPECT_INT(run("", sql, span_of(NULL, 0)), 1);
  }
  (void)snprintf(sql, sizeof sql,
                 "WITH RECURSIVE key(i) AS (VALUES(1) UNION ALL SELECT i + 1"
                 " FROM key WHERE i < %d) INSERT INTO cidkey SELECT i, i << 20"
                 " FROM key",
                 KEYS);
  EXPECT_INT(run("", sql, span_of(NULL, 0)), KEYS);
  (void)snprintf(sql, sizeof sql,
                 "INSERT INTO state VALUES('folded_seg', %" PRIu64 "),"
                 "('blocks', %zu), ('block_bytes', %zu)",
                 number[0] / 256, n, n * LARGE);
  EXPECT_INT(run("", sql, span_of(NULL, 0)), 3);
}

/* Where the digests are damaged, the keys of all that is erased are found by
 * looking through all of them, but once. */
static void test_erased_under_damaged_digests(void)
{
  const size_t size[BLOCKS] = {LARGE, LARGE, LARGE, LARGE};
  struct store *s = fresh_blocks(size);
  s->ops->close(s);
  fold(BLOCKS);
  for (int i = 0; i < 3; i++) {
    char sql[200];
    (void)snprintf(sql, sizeof sql,
                   "UPDATE seg SET head = CAST(substr(head, 1, %d) || ?1 ||"
                   " substr(head, %d) AS BLOB)",
                   41 * i + 9, 41 * i + 14);
    EXPECT_INT(run("", sql, span_of("dead", 4)), 1);
  }
  s = open_store();
  EXPECT(!gives(s, 0) && gives(s, 3));
  struct store_batch b = {.erase = number, .erase_n = 3};
  walked = 0;
  EXPECT_INT(s->ops->append(s, &b, NULL, NULL, &err), 0);
  EXPECT(walked < 2 * KEYS);
  EXPECT(gives(s, 3));
  s->ops->close(s);
  EXPECT_INT(run("", "SELECT count(*) FROM cidkey", span_of(NULL, 0)),
             KEYS + 1);
  s = open_store();
  EXPECT(gives(s, 3));
  done(s);
}

int main(void)
{
  char memory[] = "/dev/shm/sqlite_damage.XXXXXX";
  char disk[] = "/tmp/sqlite_damage.XXXXXX";
  char *at = mkdtemp(memory);
  at = at == NULL ? mkdtemp(disk) : at;
  NEED(at != NULL);
  (void)snprintf(dir, sizeof dir, "%s", at);
  (void)snprintf(path, sizeof path, "%s/store", dir);
  RUN(test_a_set_that_is_not_there);
  RUN(test_a_word_of_a_document_that_is_not_there);
  RUN(test_an_index_is_made_anew);
  RUN(test_numbers_that_were_never_given);
  RUN(test_bytes_with_a_damaged_entry);
  RUN(test_an_empty_block);
  RUN(test_erased_from_a_torn_segment);
  RUN(test_erased_under_damaged_digests);
  RUN(test_a_log_that_claims);
  wipe();
  (void)rmdir(dir);
  return unit_done();
}
