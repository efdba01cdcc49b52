/* SPDX-License-Identifier: 0BSD */
/* Blocks rest in frames: one is read without the others, damage to one spares
 * the others, and the single frames of older stores read as well. */
#include "base/mem.h"
#include "form/zpack.h"
#include "store/store.h"
#include "unit.h"

#include <sqlite3.h>
#include <unistd.h>

#define BLOCKS 60 /* of one put: one segment */
#define FRAMES_MAX 16

static struct err err;
static char dir[64], path[96];

/* About 700 bytes that shrink. */
static size_t block_text(char out[1024], int i)
{
  size_t n = 0;
  for (int k = 0; k < 40; k++) {
    n += (size_t)snprintf(out + n, 1024 - n, "%s %d ",
                          k % 3 == 0 ? "the water of" : "a river", i * k % 97);
  }
  return n;
}

static struct store *open_store(bool readonly)
{
  struct store *s = NULL;
  struct store_options o = {.create = !readonly, .readonly = readonly};
  NEED(store_sqlite_open(&s, path, &o, &err) == 0);
  return s;
}

static void put_all(void)
{
  static char text[BLOCKS][1024];
  struct store_block b[BLOCKS];
  struct store *s = open_store(false);
  for (int i = 0; i < BLOCKS; i++) {
    b[i].bytes = span_of(text[i], block_text(text[i], i));
    NEED(cid_of(&b[i].cid, CID_RAW, b[i].bytes.p, b[i].bytes.n) == 0);
  }
  NEED(s->ops->put(s, b, BLOCKS, false, NULL, NULL, &err) == 0);
  s->ops->close(s);
}

/* 0 and the right bytes, or why not. */
static int read_one(struct store *s, int i)
{
  char text[1024];
  struct buf out = {0};
  struct cid cid;
  size_t n = block_text(text, i);
  NEED(cid_of(&cid, CID_RAW, text, n) == 0);
  int rc = s->ops->get(s, &cid, &out, &err);
  EXPECT(rc < 0 || span_equal(buf_span(&out), span_of(text, n)));
  buf_free(&out);
  return rc;
}

/* How many of the blocks can be read, in an order that jumps. */
static int readable(struct store *s)
{
  int good = 0;
  for (int i = 0; i < BLOCKS; i++) {
    int rc = read_one(s, i * 23 % BLOCKS);
    EXPECT(rc == 0 || rc == ERR_CORRUPT || rc == ERR_NOENT);
    good += rc == 0;
  }
  return good;
}

/* The data column of the one segment; ${change} replaces it. */
static void segment_data(struct buf *out, struct span change, int version)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *st = NULL;
  char sql[64];
  NEED(sqlite3_open(path, &db) == SQLITE_OK);
  NEED(sqlite3_prepare_v2(db, "SELECT data FROM seg", -1, &st, NULL) ==
           SQLITE_OK &&
       sqlite3_step(st) == SQLITE_ROW);
  buf_clear(out);
  NEED(buf_put(out, sqlite3_column_blob(st, 0),
               (size_t)sqlite3_column_bytes(st, 0)) == 0);
  EXPECT_INT(sqlite3_step(st), SQLITE_DONE);
  sqlite3_finalize(st);
  if (change.n > 0) {
    NEED(sqlite3_prepare_v2(db, "UPDATE seg SET data = ?1", -1, &st, NULL) ==
         SQLITE_OK);
    sqlite3_bind_blob(st, 1, change.p, (int)change.n, SQLITE_STATIC);
    NEED(sqlite3_step(st) == SQLITE_DONE);
    sqlite3_finalize(st);
  }
  if (version > 0) {
    (void)snprintf(sql, sizeof sql, "PRAGMA user_version = %d", version);
    NEED(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
  }
  NEED(sqlite3_close(db) == SQLITE_OK);
}

static int version_of(void)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *st = NULL;
  NEED(sqlite3_open(path, &db) == SQLITE_OK &&
       sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) ==
           SQLITE_OK &&
       sqlite3_step(st) == SQLITE_ROW);
  int v = sqlite3_column_int(st, 0);
  sqlite3_finalize(st);
  NEED(sqlite3_close(db) == SQLITE_OK);
  return v;
}

/* Where each frame begins, and the end. Returns how many. */
static size_t frames_of(struct span data, size_t at[FRAMES_MAX + 1])
{
  size_t n = 0;
  at[0] = 0;
  while (at[n] < data.n && n < FRAMES_MAX) {
    struct span rest = span_of(data.p + at[n], data.n - at[n]);
    int64_t size = zpack_frame_size(rest);
    NEED(size > 0 && zpack_content_size(rest) > 0);
    at[n + 1] = at[n] + (size_t)size;
    n++;
  }
  return n;
}

static void wipe(void)
{
  static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
  char name[128];
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
    (void)unlink(name);
  }
}

static void test_several_frames(void)
{
  struct buf data = {0};
  size_t at[FRAMES_MAX + 1];
  wipe();
  put_all();
  segment_data(&data, span_of(NULL, 0), 0);
  EXPECT(frames_of(buf_span(&data), at) >= 3);
  struct store *s = open_store(true);
  EXPECT_INT(readable(s), BLOCKS);
  s->ops->close(s);
  buf_free(&data);
}

static void test_one_frame_of_an_older_store(void)
{
  struct buf data = {0}, plain = {0}, frame = {0};
  size_t at[FRAMES_MAX + 1];
  struct zpack *z = zpack_new();
  NEED(z != NULL);
  wipe();
  put_all();
  segment_data(&data, span_of(NULL, 0), 0);
  size_t n = frames_of(buf_span(&data), at);
  for (size_t i = 0; i < n; i++) {
    NEED(zpack_expand(z, &plain, span_of(data.p + at[i], at[i + 1] - at[i]),
                      1 << 20, &err) == 0);
  }
  NEED(zpack_squeeze(z, &frame, buf_span(&plain), 3, &err) == 0);
  segment_data(&data, buf_span(&frame), 2);
  struct store *s = open_store(true);
  EXPECT_INT(readable(s), BLOCKS);
  s->ops->close(s);
  EXPECT_INT(version_of(), 2);
  s = open_store(false); /* what it writes from now on is of today */
  EXPECT_INT(readable(s), BLOCKS);
  s->ops->close(s);
  EXPECT_INT(version_of(), 3);
  zpack_del(z);
  buf_free(&data);
  buf_free(&plain);
  buf_free(&frame);
}

static int count_block(void *ud, const struct store_block *b, bool file)
{
  int *n = ud;
  *n += !file;
  return cid_verify(&b->cid, b->bytes.p, b->bytes.n);
}

/* Blocks of the frames before a damaged one are salvaged, those of all others
 * are read, and one of them can be erased. */
static void test_a_damaged_frame(void)
{
  struct buf data = {0};
  size_t at[FRAMES_MAX + 1];
  uint64_t good = 0, lost = 0, ref = 0;
  int saved = 0;
  wipe();
  put_all();
  segment_data(&data, span_of(NULL, 0), 0);
  NEED(frames_of(buf_span(&data), at) >= 3);
  /* its blocks' header: the content's size, and so the frame's end, stay */
  memset(data.p + at[1] + 12, 0xff, 60);
  struct buf changed = {0};
  NEED(buf_put(&changed, data.p, data.n) == 0);
  segment_data(&data, buf_span(&changed), 0);
  struct store *s = open_store(false);
  int left = readable(s);
  EXPECT(left > BLOCKS / 3 && left < BLOCKS);
  EXPECT_INT(read_one(s, 0), 0);
  EXPECT_INT(read_one(s, BLOCKS - 1), 0);
  char text[1024];
  struct cid cid;
  NEED(cid_of(&cid, CID_RAW, text, block_text(text, 0)) == 0 &&
       s->ops->find(s, &cid, 1, &ref, &err) == 0);
  struct store_batch b = {.erase = &ref, .erase_n = 1};
  EXPECT_INT(s->ops->append(s, &b, NULL, NULL, &err), 0);
  EXPECT_INT(read_one(s, 0), ERR_NOENT);
  EXPECT_INT(readable(s), left - 1);
  s->ops->close(s);
  EXPECT_INT(
      store_sqlite_salvage(path, count_block, &saved, &good, &lost, &err), 0);
  EXPECT(saved > 10 && saved < left && lost > 0);
  buf_free(&data);
  buf_free(&changed);
}

int main(void)
{
  (void)snprintf(dir, sizeof dir, "/tmp/frames_test.XXXXXX");
  NEED(mkdtemp(dir) != NULL);
  (void)snprintf(path, sizeof path, "%s/store", dir);
  RUN(test_several_frames);
  RUN(test_one_frame_of_an_older_store);
  RUN(test_a_damaged_frame);
  wipe();
  (void)rmdir(dir);
  return unit_done();
}
