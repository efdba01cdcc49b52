/* SPDX-License-Identifier: 0BSD */
/* Blocks of files: their directory is in the main file, the bytes of large
 * ones in `path-files`.
 *
 * Order of commits: when adding, bytes first, directory second; when
 * removing, directory first (noting the ids in `gone`), bytes second. A crash
 * between the two leaves bytes without an entry, never an entry without
 * bytes; sq_files_mend() takes such bytes in, or removes them when they are
 * in `gone`. */
#include "store/sqlite_int.h"

#include "base/check.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

static uint64_t file_id(uint64_t n)
{
  return n & ~FILE_BIT;
}

/* ---- reading ---- */

static int no_entry(struct err *e)
{
  return err_set(e, ERR_NOENT, "there is no such block");
}

int sq_file_is(struct sq *s, uint64_t n, const struct cid *c, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_FILE_HEAD, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, (int64_t)file_id(n));
  if ((rc = sq_step(s, st, e)) > 0) {
    rc = sqlite3_column_int(st, 0) == (int)c->b[1] &&
         span_equal(sq_column(st, 2), span_of(cid_digest(c), 32));
    sqlite3_reset(st);
  }
  return rc;
}

static int bad_file(struct sq *s, uint64_t n, struct err *e)
{
  return err_set(e, ERR_CORRUPT, "%s: file block %" PRIu64 " is damaged",
                 s->path, file_id(n));
}

/* The plain bytes of ${data}, ${size} of them, appended to ${out}. */
static int unpack(struct sq *s, uint64_t n, struct span data, int64_t size,
                  struct buf *out, struct err *e)
{
  struct err why = {0, ""};
  size_t start = out->n;
  if (size < 0 || size > (int64_t)BLOCK_SIZE_MAX || data.n > (uint64_t)size) {
    return bad_file(s, n, e);
  }
  if (data.n == (uint64_t)size) {
    return buf_put(out, data.p, data.n) < 0 ? sq_nomem(e) : 0;
  }
  int rc = zpack_expand(s->zpack, out, data, (size_t)size, &why);
  if (rc == ERR_NOMEM) {
    return sq_nomem(e);
  }
  return rc < 0 || out->n - start != (uint64_t)size ? bad_file(s, n, e) : 0;
}

static int read_big(struct sq *s, uint64_t n, int64_t size, struct buf *out,
                    struct err *e)
{
  struct err why = {0, ""};
  sqlite3_stmt *st = NULL;
  int rc = sq_files_open(s, false, &why);
  if (rc < 0) {
    return rc == ERR_NOENT
               ? err_set(e, ERR_CORRUPT, "%s-files is missing", s->path)
               : err_set(e, rc, "%s", why.text);
  }
  if ((rc = sq_get(s, Q_BIG_GET, &st, e)) < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, (int64_t)file_id(n));
  if ((rc = sq_step(s, st, e)) <= 0) {
    return rc < 0 ? rc : bad_file(s, n, e);
  }
  rc = unpack(s, n, sq_column(st, 0), size, out, e);
  sqlite3_reset(st);
  return rc;
}

static bool codec_at(sqlite3_stmt *st)
{
  int codec = sqlite3_column_int(st, 0);
  return codec == (uint8_t)codec && cid_codec_known((uint8_t)codec);
}

int sq_file_read(struct sq *s, uint64_t n, struct cid *cid, struct buf *out,
                 struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, out != NULL ? Q_FILE_GET : Q_FILE_HEAD, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, (int64_t)file_id(n));
  if ((rc = sq_step(s, st, e)) <= 0) {
    return rc < 0 ? rc : no_entry(e);
  }
  struct span digest = sq_column(st, 2);
  int64_t size = sqlite3_column_int64(st, 1);
  rc = digest.n == 32 && codec_at(st) ? 0 : bad_file(s, n, e);
  if (rc == 0 && cid != NULL) {
    cid_make(cid, (enum cid_codec)sqlite3_column_int(st, 0), digest.p);
  }
  bool here = out == NULL || sqlite3_column_type(st, 3) != SQLITE_NULL;
  if (rc == 0 && out != NULL && here) {
    rc = unpack(s, n, sq_column(st, 3), size, out, e);
  }
  sqlite3_reset(st);
  return rc == 0 && !here ? read_big(s, n, size, out, e) : rc;
}

/* ---- adding ---- */

/* Compress when it saves a tenth; the first part is tried before the rest, so
 * that what doesn't compress costs nearly nothing. */
static int pack(struct sq *s, struct span raw, struct span *out, struct err *e)
{
  *out = raw;
  buf_clear(&s->pack);
  if (raw.n > FILE_PROBE) {
    int rc =
        zpack_squeeze(s->zpack, &s->pack, span_of(raw.p, FILE_PROBE), 1, e);
    if (rc < 0 || s->pack.n > FILE_PROBE - FILE_PROBE / 10) {
      return rc;
    }
    buf_clear(&s->pack);
  }
  int rc = zpack_squeeze(s->zpack, &s->pack, raw, SEG_LEVEL, e);
  if (rc == 0 && s->pack.n <= raw.n - raw.n / 10 && s->pack.n < raw.n) {
    *out = buf_span(&s->pack);
  }
  return rc;
}

/* A row of either table, without its bytes. */
struct entry {
  int64_t id, size;
  int codec;
  struct span digest;
};

static void bind_entry(sqlite3_stmt *st, const struct entry *en)
{
  sqlite3_bind_int64(st, 1, en->id);
  sqlite3_bind_int(st, 2, en->codec);
  sqlite3_bind_int64(st, 3, en->size);
  sq_bind(st, 4, en->digest);
}

static int put_big(struct sq *s, const struct entry *en, struct span data,
                   struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = 0;
  if (s->files == NULL && (rc = sq_files_open(s, true, e)) < 0) {
    return rc;
  }
  if (!s->big_open && (rc = sq_exec(s, Q_BIG_BEGIN, e)) < 0) {
    return rc;
  }
  s->big_open = true;
  if ((rc = sq_get(s, Q_BIG_PUT, &st, e)) < 0) {
    return rc;
  }
  bind_entry(st, en);
  sq_bind(st, 5, data);
  return sq_run(s, st, e);
}

/* ${data} NULL: the bytes are in `path-files`. */
static int put_entry(struct sq *s, const struct entry *en,
                     const struct span *data, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_FILE_PUT, &st, e);
  if (rc < 0) {
    return rc;
  }
  bind_entry(st, en);
  if (data != NULL) {
    sq_bind(st, 5, *data);
  } else {
    sqlite3_bind_null(st, 5);
  }
  if ((rc = sq_run(s, st, e)) < 0) {
    return rc;
  }
  s->counts.file_blocks++;
  s->counts.file_bytes += (uint64_t)en->size;
  s->last_file = en->id;
  return tail_add(s, tail_prefix(en->digest.p), FILE_BIT | (uint64_t)en->id, e);
}

static int put_one(struct sq *s, const struct store_block *b, uint64_t *number,
                   struct err *e)
{
  struct span data;
  struct entry en = {s->last_file + 1, (int64_t)b->bytes.n, b->cid.b[1],
                     span_of(cid_digest(&b->cid), 32)};
  int rc = pack(s, b->bytes, &data, e);
  if (rc < 0) {
    return rc;
  }
  bool big = b->bytes.n > FILE_INLINE_MAX;
  if (big && (rc = put_big(s, &en, data, e)) < 0) {
    return rc;
  }
  *number = FILE_BIT | (uint64_t)en.id;
  return put_entry(s, &en, big ? NULL : &data, e);
}

static int put_all(struct sq *s, const struct store_block *b, size_t n,
                   struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    if (b[i].bytes.n > BLOCK_SIZE_MAX) {
      return err_set(e, ERR_LIMIT, "a block of %zu bytes, at most %u",
                     b[i].bytes.n, BLOCK_SIZE_MAX);
    }
    if ((rc = sq_find1(s, &b[i].cid, &s->number[i], e)) < 0) {
      return rc;
    }
    s->fresh[i] = s->number[i] == 0;
    if (s->fresh[i]) {
      rc = put_one(s, &b[i], &s->number[i], e);
    } else {
      /* Somebody counts on it being here: not to be swept now. */
      sq_file_mark(s, s->number[i]);
    }
  }
  return rc;
}

int sq_files_put(struct sq *s, const struct store_block *b, size_t n,
                 struct err *e)
{
  int rc = sq_begin(s, e);
  if (rc < 0) {
    return rc;
  }
  if ((rc = put_all(s, b, n, e)) == 0 && (rc = tail_fold(s, e)) == 0 &&
      !s->grouped) {
    rc = sq_big_commit(s, e);
  }
  return sq_end(s, rc, e);
}

/* ---- removing ---- */

/* Inside a transaction: take the entry out, note the bytes as gone. */
static int drop_entry(struct sq *s, int64_t id, uint64_t *freed, struct err *e)
{
  struct cid cid;
  int64_t size = 0;
  uint64_t n = FILE_BIT | (uint64_t)id;
  int rc = sq_file_read(s, n, &cid, NULL, e);
  if (rc < 0 && rc != ERR_CORRUPT) {
    return rc == ERR_NOENT ? 0 : rc;
  }
  uint64_t prefix = rc == 0 ? tail_prefix(cid_digest(&cid)) : 0;
  if ((rc = sq_int(s, Q_FILE_SIZE, id, &size, e)) < 0 ||
      (rc = sq_exec2(s, Q_FILE_DROP, id, 0, e)) < 0 ||
      (rc = sq_exec2(s, Q_GONE_PUT, id, 0, e)) < 0) {
    return rc;
  }
  if (size < 0 || (uint64_t)size > s->counts.file_bytes) {
    size = 0; /* it was damaged */
  }
  s->counts.file_blocks--;
  s->counts.file_bytes -= (uint64_t)size;
  *freed += (uint64_t)size;
  s->gone = true;
  if (id > s->folded_file) {
    tail_drop(s, prefix, n);
    return 0;
  }
  if ((rc = tail_drop_folded(s, prefix, n, e)) < 0 ||
      (rc = sq_state_add(s, "file_blocks", -1, e)) < 0) {
    return rc;
  }
  return sq_state_add(s, "file_bytes", -size, e);
}

int sq_file_erase(struct sq *s, uint64_t n, struct err *e)
{
  uint64_t freed = 0;
  int rc = drop_entry(s, (int64_t)file_id(n), &freed, e);
  return rc < 0 ? rc : sq_state_put(s, "file_floor", s->last_file, e);
}

static int remove_bytes(struct sq *s, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_GONE_LIST, &st, e);
  if (rc < 0 || (rc = sq_exec(s, Q_BIG_BEGIN, e)) < 0) {
    return rc;
  }
  while ((rc = sq_step(s, st, e)) > 0) {
    rc = sq_exec2(s, Q_BIG_DROP, sqlite3_column_int64(st, 0), 0, e);
    if (rc < 0) {
      break;
    }
  }
  sqlite3_reset(st);
  /* The file shrinks by what went: people sweep to get room on the disk. */
  if (rc == 0 &&
      (rc = sq_sql(s, s->files, "PRAGMA incremental_vacuum", e)) == 0) {
    rc = sq_exec(s, Q_BIG_COMMIT, e);
  }
  return rc;
}

int sq_gone_finish(struct sq *s, struct err *e)
{
  int64_t any = 0;
  int rc = sq_int(s, Q_GONE_LIST, 0, &any, e);
  if (rc < 0) {
    return rc;
  }
  if (any != 0) {
    if (s->files != NULL && (rc = remove_bytes(s, e)) < 0) {
      return sq_end(s, rc, e);
    }
    if ((rc = sq_begin(s, e)) < 0) {
      return rc;
    }
    rc = sq_end(s, sq_exec(s, Q_GONE_CLEAR, e), e);
  }
  s->gone = rc < 0;
  return rc;
}

void sq_gone_try(struct sq *s)
{
  if (s->gone && !s->grouped && sq_gone_finish(s, NULL) < 0) {
    s->gone = true; /* the list stays: the next append or opening goes on */
  }
}

/* Not where damage made the row. */
static bool is_sound(const struct entry *en)
{
  return en->digest.n == 32 && en->id <= FILE_ID_MAX && en->size >= 0 &&
         en->size <= (int64_t)BLOCK_SIZE_MAX && en->codec == (uint8_t)en->codec;
}

/* Bytes that were committed when the entry was not: take them in. */
static int adopt(struct sq *s, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_BIG_AFTER, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, s->last_file);
  while ((rc = sq_step(s, st, e)) > 0) {
    struct entry en = {sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 2),
                       sqlite3_column_int(st, 1), sq_column(st, 3)};
    rc = is_sound(&en) ? put_entry(s, &en, NULL, e) : 0;
    if (rc < 0) {
      break;
    }
    if ((rc = tail_fold(s, e)) < 0) {
      break;
    }
  }
  sqlite3_reset(st);
  return rc;
}

int sq_files_mend(struct sq *s, struct err *e)
{
  int rc = sq_files_open(s, false, e);
  if (rc == ERR_NOENT) {
    return 0; /* it is made when the first large block comes */
  }
  if (rc < 0 || (rc = sq_gone_finish(s, e)) < 0 || (rc = sq_begin(s, e)) < 0) {
    return rc;
  }
  return sq_end(s, adopt(s, e), e);
}

/* ---- garbage ---- */

void sq_file_mark(struct sq *s, uint64_t n)
{
  int64_t id = (int64_t)file_id(n);
  if ((n & FILE_BIT) && s->mark != NULL && id <= s->sweep_top) {
    s->mark[id / 8] |= (uint8_t)(1u << (id % 8));
  }
}

int sq_sweep_start(struct store *st, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, true, e);
  if (rc < 0) {
    return rc;
  }
  uint8_t *mark = mem_zero((size_t)(s->last_file / 8) + 1);
  if (mark == NULL) {
    return sq_nomem(e);
  }
  mem_free(s->mark);
  s->mark = mark;
  s->sweep_top = s->last_file;
  s->sweep_at = 0;
  return 0;
}

static int generation(struct sq *s, struct err *e)
{
  int rc = sq_enter(s, true, e);
  if (rc == 0 && s->mark == NULL) {
    rc = err_set(e, ERR_MISUSE,
                 "no sweep was started since the store was"
                 " opened");
  }
  return rc;
}

int sq_mark(struct store *st, const struct cid *c, size_t n, struct err *e)
{
  struct sq *s = sq_of(st);
  uint64_t number = 0;
  int rc = generation(s, e);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    if ((rc = sq_find1(s, &c[i], &number, e)) == 0) {
      sq_file_mark(s, number);
    }
  }
  return rc;
}

/* Up to ${max} unmarked ids after s->sweep_at, which moves on. */
static int unmarked(struct sq *s, int64_t *ids, size_t max, struct err *e)
{
  sqlite3_stmt *st = NULL;
  size_t n = 0;
  int rc = sq_get(s, Q_FILE_WALK, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, s->sweep_at);
  sqlite3_bind_int64(st, 2, -1);
  while (n < max && (rc = sq_step(s, st, e)) > 0) {
    int64_t id = sqlite3_column_int64(st, 0);
    if (id > s->sweep_top) {
      break;
    }
    s->sweep_at = id;
    if (!(s->mark[id / 8] >> (id % 8) & 1)) {
      ids[n++] = id;
    }
  }
  sqlite3_reset(st);
  return rc < 0 ? rc : (int)n;
}

static int drop_all(struct sq *s, const int64_t *ids, int n, uint64_t *freed,
                    struct err *e)
{
  int rc = sq_begin(s, e);
  if (rc < 0) {
    return rc;
  }
  for (int i = 0; rc == 0 && i < n; i++) {
    rc = drop_entry(s, ids[i], freed, e);
  }
  if (rc == 0 && (rc = tail_drop_strays(s, e)) == 0) {
    rc = sq_state_put(s, "file_floor", s->last_file, e);
  }
  return sq_end(s, rc, e);
}

int sq_sweep(struct store *st, size_t limit, uint64_t *freed, struct err *e)
{
  struct sq *s = sq_of(st);
  int64_t ids[STORE_LIST_MAX];
  uint64_t bytes = 0;
  int rc = generation(s, e), n = 0;
  if (freed != NULL) {
    *freed = 0;
  }
  int64_t from = s->sweep_at;
  limit = limit > STORE_LIST_MAX ? STORE_LIST_MAX : limit;
  if (rc < 0 || (n = unmarked(s, ids, limit, e)) <= 0) {
    return rc < 0 ? rc : n;
  }
  if ((rc = drop_all(s, ids, n, &bytes, e)) < 0) {
    s->sweep_at = from;
    return rc;
  }
  if ((rc = sq_gone_finish(s, e)) < 0) {
    return rc;
  }
  if (freed != NULL) {
    *freed = bytes;
  }
  return n;
}
