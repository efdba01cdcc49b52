/* SPDX-License-Identifier: 0BSD */
/* The embedded engine: opening, closing, statements, transactions, errors.
 * sqlite_int.h describes the two files. */
#include "store/sqlite_int.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IN_MEMORY ":memory:" /* a name of SQLite's */

/* ---- errors ---- */

static int code_of_sqlite(int rc)
{
  if (rc == SQLITE_IOERR_NOMEM) {
    return ERR_NOMEM;
  }
  switch (rc & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_PROTOCOL:
    return ERR_BUSY;
  case SQLITE_FULL:
    return ERR_FULL;
  case SQLITE_NOMEM:
    return ERR_NOMEM;
  case SQLITE_READONLY:
    return ERR_READONLY;
  case SQLITE_PERM:
  case SQLITE_AUTH:
    return ERR_ACCESS;
  case SQLITE_TOOBIG:
    return ERR_LIMIT;
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
    return ERR_IO;
  default:
    return ERR_CORRUPT;
  }
}

/* The WAL needs a shared file beside it even to be read, and SQLite does not
 * say that it could not be made because nothing can be written there. */
static bool is_readonly_disk(sqlite3 *db, int rc)
{
  const char *path = db != NULL ? sqlite3_db_filename(db, "main") : NULL;
  return (rc & 0xff) == SQLITE_CANTOPEN && path != NULL &&
         access(path, W_OK) != 0 && errno == EROFS;
}

int sq_fail(struct sq *s, sqlite3 *db, int rc, const char *doing, struct err *e)
{
  int code = code_of_sqlite(rc);
  if ((rc & 0xff) == SQLITE_NOTADB) {
    return err_set(e, ERR_INVALID,
                   "%s is not a station's store (or its"
                   " first page is damaged; `rebuild` can salvage it)",
                   sqlite3_db_filename(db, "main"));
  }
  if (rc == SQLITE_READONLY_ROLLBACK || rc == SQLITE_READONLY_RECOVERY) {
    return err_set(e, code,
                   "%s: a write was cut off there; open the station for"
                   " writing once, which undoes it",
                   sqlite3_db_filename(db, "main"));
  }
  if (is_readonly_disk(db, rc)) {
    return err_set(e, ERR_READONLY,
                   "%s: the disk is read-only: a station can only be opened "
                   "where it may write; copy it to another disk",
                   sqlite3_db_filename(db, "main"));
  }
  const char *why = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
  switch (code) {
  case ERR_NOMEM:
    return sq_nomem(e);
  case ERR_FULL:
    return err_set(e, code,
                   "no space left on the disk; what was finished before is"
                   " kept");
  case ERR_BUSY:
    return err_set(e, code,
                   "%s: another process is in the way (%s);"
                   " try again",
                   s->path, why);
  case ERR_IO:
    return err_set(e, code,
                   "%s: %s: %s (error %d); close and open the"
                   " station again",
                   s->path, doing, why, rc);
  default:
    return err_set(e, code, "%s: %s: %s (error %d)", s->path, doing, why, rc);
  }
}

int sq_enter(struct sq *s, bool write, struct err *e)
{
  if (s->pid != getpid()) {
    return err_set(e, ERR_MISUSE,
                   "this station was opened by another"
                   " process; open it again after fork");
  }
  if (write && s->readonly) {
    return err_set(e, ERR_READONLY, "%s was opened for reading only", s->path);
  }
  if (write && s->dead) {
    return err_set(e, ERR_IO,
                   "%s: an earlier write failed; close and open"
                   " the station again",
                   s->path);
  }
  return 0;
}

/* ---- statements ---- */

int sq_get(struct sq *s, enum sq_stmt q, sqlite3_stmt **out, struct err *e)
{
  sqlite3 *db = sq_query_text[q].big ? s->files : s->db;
  CHECK(db != NULL);
  if (s->stmt[q] == NULL) {
    int rc = sqlite3_prepare_v3(db, sq_query_text[q].sql, -1,
                                SQLITE_PREPARE_PERSISTENT, &s->stmt[q], NULL);
    if (rc != SQLITE_OK) {
      return sq_fail(s, db, rc, "preparing a statement", e);
    }
  }
  *out = s->stmt[q];
  return 0;
}

/* All that is written is written in a transaction. */
static bool writes_outside(const struct sq *s, sqlite3_stmt *st, bool open)
{
  return !open && !sqlite3_stmt_readonly(st) && st != s->stmt[Q_BEGIN] &&
         st != s->stmt[Q_BIG_BEGIN];
}

int sq_step(struct sq *s, sqlite3_stmt *st, struct err *e)
{
  sqlite3 *db = sqlite3_db_handle(st);
  bool open = !sqlite3_get_autocommit(db);
  if (writes_outside(s, st, open)) {
    sqlite3_reset(st);
    return sq_lost(s, e);
  }
  int rc = sqlite3_step(st);
  if (rc == SQLITE_ROW) {
    return 1;
  }
  int code = 0;
  if (rc != SQLITE_DONE) {
    const char *doing = sqlite3_stmt_readonly(st) ? "reading" : "writing";
    code = sq_fail(s, db, rc, doing, e);
    if (open && sqlite3_get_autocommit(db)) {
      code = sq_fail(s, db, rc, doing, &s->lost);
    }
  }
  sqlite3_reset(st);
  return code;
}

int sq_run(struct sq *s, sqlite3_stmt *st, struct err *e)
{
  int rc = sq_step(s, st, e);
  if (rc > 0) {
    sqlite3_reset(st);
    rc = 0;
  }
  return rc;
}

int sq_exec(struct sq *s, enum sq_stmt q, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, q, &st, e);
  return rc < 0 ? rc : sq_run(s, st, e);
}

int sq_exec2(struct sq *s, enum sq_stmt q, int64_t a, int64_t b, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, q, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, a);
  if (sqlite3_bind_parameter_count(st) > 1) {
    sqlite3_bind_int64(st, 2, b);
  }
  return sq_run(s, st, e);
}

int sq_int(struct sq *s, enum sq_stmt q, int64_t a, int64_t *out, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, q, &st, e);
  if (rc < 0) {
    return rc;
  }
  if (sqlite3_bind_parameter_count(st) > 0) {
    sqlite3_bind_int64(st, 1, a);
  }
  rc = sq_step(s, st, e);
  if (rc > 0) {
    *out = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    rc = 0;
  }
  return rc;
}

int sq_sql(struct sq *s, sqlite3 *db, const char *sql, struct err *e)
{
  int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
  return rc == SQLITE_OK ? 0 : sq_fail(s, db, rc, "running a command", e);
}

void sq_bind(sqlite3_stmt *st, int i, struct span v)
{
  /* A NULL pointer would bind NULL; empty bytes are bytes. The bytes outlive
   * the statement's run: every caller resets before it returns. */
  sqlite3_bind_blob64(st, i, v.n > 0 ? (const void *)v.p : "", v.n,
                      SQLITE_STATIC);
}

struct span sq_column(sqlite3_stmt *st, int i)
{
  const void *p = sqlite3_column_blob(st, i);
  return span_of(p, (size_t)sqlite3_column_bytes(st, i));
}

/* ---- transactions ---- */

static void roll_back(struct sq *s, sqlite3 *db)
{
  if (db != NULL && !sqlite3_get_autocommit(db) &&
      sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK) {
    s->dead = true;
  }
}

/* End a transaction that only read, if one is open. Where memory runs out for
 * that it stays, does no harm, and the next one ends it first. */
static int let_go(struct sq *s, struct err *e)
{
  return sqlite3_get_autocommit(s->db) ||
                 sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK
             ? 0
             : sq_nomem(e);
}

/* Begin with ${q}. One that fails half-way (memory ran out) leaves nothing
 * open, or all later ones would be told that they can't nest. */
static int begin(struct sq *s, enum sq_stmt q, struct err *e)
{
  int rc = let_go(s, e);
  if (rc < 0) {
    return rc;
  }
  s->lost.code = 0;
  rc = sq_exec(s, q, e);
  if (rc < 0) {
    roll_back(s, s->db);
  }
  return rc;
}

int sq_begin(struct sq *s, struct err *e)
{
  if (s->group_fault < 0) {
    return sq_group_lost(s, s->group_fault, e);
  }
  if (s->group_open) {
    return sq_is_lost(s) ? sq_end(s, sq_lost(s, e), e) : 0;
  }
  sq_hold(&s->base, false);
  int rc = begin(s, Q_BEGIN, e);
  s->group_open = rc == 0 && s->grouped;
  return rc;
}

/* Erased bytes still lie in the WAL: empty it. A reader may be in the way;
 * then the next commit, or close, tries again. */
static void scrub(struct sq *s)
{
  if (s->scrub &&
      sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                NULL) == SQLITE_OK) {
    s->scrub = false;
  }
}

int sq_end(struct sq *s, int rc, struct err *e)
{
  s->changes++; /* of a change that failed, too: that costs a look */
  if (rc >= 0 && sq_is_lost(s)) {
    rc = sq_lost(s, e);
  }
  if (rc >= 0 && s->grouped) {
    return 0;
  }
  if (rc >= 0) {
    rc = sq_exec(s, Q_COMMIT, e);
  }
  if (rc >= 0) {
    scrub(s);
    return 0;
  }
  if (rc == ERR_IO) {
    s->dead = true; /* what the disk holds now is not known: open it anew */
  }
  roll_back(s, s->db);
  roll_back(s, s->files);
  s->group_fault = s->grouped ? rc : 0;
  s->group_open = s->big_open = false;
  s->coll_id = 0;
  sq_terms_forget(s);
  if (!s->dead && sq_blocks_load(s, NULL) < 0) {
    s->dead = true;
  }
  return rc;
}

int sq_snapshot(struct sq *s, struct err *e)
{
  if (!s->readonly) {
    return 0;
  }
  int rc = begin(s, Q_READ, e);
  int64_t version = 0;
  if (rc == 0) {
    rc = sq_int(s, Q_DATA_VERSION, 0, &version, e);
  }
  if (rc == 0 && version != s->data_version) {
    sq_terms_stale(s);
    rc = sq_blocks_refresh(s, e);
    s->data_version = rc == 0 ? version : -1;
  }
  if (rc < 0) {
    sq_release(s);
  }
  return rc;
}

int sq_snapshot_many(struct sq *s, size_t n, struct err *e)
{
  if (s->held || s->group_open) {
    return 0;
  }
  if (s->readonly || n < 2) {
    return sq_snapshot(s, e);
  }
  return begin(s, Q_READ, e); /* else each row asks the system for a lock */
}

void sq_release(struct sq *s)
{
  if (!s->held && !s->group_open) {
    (void)let_go(s, NULL);
  }
}

/* Each read of its own asks the system for a lock and gives it back. */
void sq_hold(struct store *st, bool on)
{
  struct sq *s = sq_of(st);
  if (s->readonly || s->group_open || on == s->held ||
      sq_enter(s, false, NULL) < 0) {
    return;
  }
  if (on) {
    s->held = begin(s, Q_READ, NULL) == 0;
  } else {
    s->held = false;
    (void)let_go(s, NULL);
  }
}

/* ---- state ---- */

static int state_stmt(struct sq *s, enum sq_stmt q, const char *name,
                      sqlite3_stmt **out, struct err *e)
{
  int rc = sq_get(s, q, out, e);
  if (rc == 0) {
    sqlite3_bind_text(*out, 1, name, -1, SQLITE_STATIC);
  }
  return rc;
}

int sq_state_get(struct sq *s, const char *name, int64_t *out, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = state_stmt(s, Q_STATE_GET, name, &st, e);
  if (rc < 0) {
    return rc;
  }
  *out = 0;
  rc = sq_step(s, st, e);
  if (rc > 0) {
    *out = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
  }
  return rc < 0 ? rc : 0;
}

static int state_set(struct sq *s, enum sq_stmt q, const char *name,
                     int64_t value, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = state_stmt(s, q, name, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 2, value);
  return sq_run(s, st, e);
}

int sq_state_put(struct sq *s, const char *name, int64_t value, struct err *e)
{
  return state_set(s, Q_STATE_PUT, name, value, e);
}

int sq_state_add(struct sq *s, const char *name, int64_t value, struct err *e)
{
  return state_set(s, Q_STATE_ADD, name, value, e);
}

/* ---- the one atomic change ---- */

int sq_ref(const struct sq *s, uint64_t ref, size_t blocks, int64_t *out,
           struct err *e)
{
  if (ref >> 63) {
    uint64_t i = ref & ~STORE_NEW(0);
    if (i >= blocks) {
      return err_set(e, ERR_MISUSE, "the batch has no block %" PRIu64, i);
    }
    ref = s->number[i];
  }
  *out = (int64_t)ref;
  return 0;
}

static int batch_check(const struct store_batch *b, struct err *e)
{
  if (b->blocks_n > STORE_BATCH_MAX) {
    return err_set(e, ERR_LIMIT, "%zu blocks in one batch, at most %d",
                   b->blocks_n, STORE_BATCH_MAX);
  }
  if (b->log_n > 0 &&
      (b->collection.n == 0 || b->collection.n > COLLECTION_NAME_MAX)) {
    return err_set(e, ERR_MISUSE,
                   "a log needs a collection's name of 1 to"
                   " %d bytes",
                   COLLECTION_NAME_MAX);
  }
  return 0;
}

static void batch_answer(const struct sq *s, size_t n, uint64_t *numbers,
                         bool *fresh)
{
  if (numbers != NULL && n > 0) {
    memcpy(numbers, s->number, n * sizeof *numbers);
  }
  if (fresh != NULL && n > 0) {
    memcpy(fresh, s->fresh, n * sizeof *fresh);
  }
}

static int append(struct store *st, const struct store_batch *b,
                  uint64_t *numbers, bool *fresh, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, true, e);
  if (rc < 0 || (rc = batch_check(b, e)) < 0 || (rc = sq_begin(s, e)) < 0) {
    return rc;
  }
  if ((b->erase_first &&
       (rc = sq_blocks_erase(s, b->erase, b->erase_n, e)) < 0) ||
      (rc = sq_blocks_put(s, b->blocks, b->blocks_n, e)) < 0 ||
      (!b->erase_first &&
       (rc = sq_blocks_erase(s, b->erase, b->erase_n, e)) < 0) ||
      (rc = sq_log_put(s, b, e)) < 0 || (rc = sq_rows_put(s, b, e)) < 0 ||
      (rc = sq_docs_put(s, b, e)) < 0 ||
      (rc = sq_kv_put(s, b->kv, b->kv_n, e)) < 0 ||
      (rc = tail_fold(s, e)) < 0) {
    return sq_end(s, rc, e);
  }
  rc = sq_end(s, 0, e);
  if (rc < 0) {
    return rc;
  }
  sq_gone_try(s);
  batch_answer(s, b->blocks_n, numbers, fresh);
  return 0;
}

/* The door asks for as many as it does.
 * NOLINTNEXTLINE(readability-function-size) */
static int put(struct store *st, const struct store_block *b, size_t n,
               bool file, uint64_t *numbers, bool *fresh, struct err *e)
{
  struct sq *s = sq_of(st);
  struct store_batch batch = {.blocks = b, .blocks_n = n};
  if (!file) {
    return append(st, &batch, numbers, fresh, e);
  }
  int rc = sq_enter(s, true, e);
  if (rc < 0 || (rc = batch_check(&batch, e)) < 0) {
    return rc;
  }
  rc = sq_files_put(s, b, n, e);
  if (rc == 0) {
    batch_answer(s, n, numbers, fresh);
  }
  return rc;
}

/* ---- opening ---- */

static int configure(struct sq *s, sqlite3 *db, struct err *e)
{
  char sql[320];
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, SQ_BUSY_MS);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, (int *)NULL);
  if (s->readonly) {
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
  }
  (void)snprintf(sql, sizeof sql,
                 "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -%d;"
                 "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON;"
                 "PRAGMA secure_delete = ON; PRAGMA query_only = %d;"
                 "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = %d",
                 s->cache_kib, s->readonly ? 1 : 0, s->readonly ? 0 : 2048);
  return sq_sql(s, db, sql, e);
}

static int open_db(struct sq *s, const char *path, bool create, sqlite3 **db,
                   struct err *e)
{
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
  if (s->readonly) {
    flags |= SQLITE_OPEN_READONLY;
  } else {
    flags |= SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
  }
  int rc = sqlite3_open_v2(path, db, flags, NULL);
  if (rc != SQLITE_OK) {
    return sq_fail(s, *db, rc, "opening", e);
  }
  return configure(s, *db, e);
}

/* Run one statement that answers with one integer. */
static int ask(struct sq *s, sqlite3 *db, const char *sql, int64_t *out,
               struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
  if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    *out = sqlite3_column_int64(st, 0);
    rc = SQLITE_OK;
  }
  int code = rc == SQLITE_OK || rc == SQLITE_DONE
                 ? 0
                 : sq_fail(s, db, rc, "opening", e);
  sqlite3_finalize(st);
  return code;
}

/* In one transaction, after ${first}: two lists of tables, and whose they are.
 */
static int create_schema(struct sq *s, sqlite3 *db, const char *first,
                         const char *const *const sql[2], struct err *e)
{
  char stamp[96];
  int rc = sq_sql(s, db, first, e);
  for (int i = 0; i < 2; i++) {
    for (const char *const *q = sql[i]; rc == 0 && q != NULL && *q != NULL;
         q++) {
      rc = sq_sql(s, db, *q, e);
    }
  }
  (void)snprintf(stamp, sizeof stamp,
                 "PRAGMA application_id = %d;"
                 "PRAGMA user_version = %d; COMMIT",
                 SQ_APPLICATION_ID, SQ_VERSION);
  if (rc == 0) {
    rc = sq_sql(s, db, stamp, e);
  }
  if (rc < 0) {
    roll_back(s, db);
  }
  return rc;
}

/* Is ${db} ours, new, or somebody else's? Changes nothing before it knows. */
static int identify(struct sq *s, sqlite3 *db, bool *empty, struct err *e)
{
  int64_t id = 0, version = 0, tables = 0;
  int rc = 0;
  if ((rc = ask(s, db, "SELECT count(*) FROM sqlite_schema", &tables, e)) < 0 ||
      (rc = ask(s, db, "PRAGMA application_id", &id, e)) < 0 ||
      (rc = ask(s, db, "PRAGMA user_version", &version, e)) < 0) {
    return rc;
  }
  *empty = tables == 0 && id == 0 && version == 0;
  if (!*empty && id != SQ_APPLICATION_ID) {
    return err_set(e, ERR_INVALID,
                   "%s is not a station's store but another"
                   " program's database",
                   sqlite3_db_filename(db, "main"));
  }
  if (version > SQ_VERSION) {
    return err_set(e, ERR_INVALID,
                   "%s was written by a newer version"
                   " (format %" PRId64 ", this one reads up to %d)",
                   sqlite3_db_filename(db, "main"), version, SQ_VERSION);
  }
  if (*empty && s->readonly) {
    return err_set(e, ERR_NOENT, "%s holds no store yet",
                   sqlite3_db_filename(db, "main"));
  }
  return 0;
}

/* A store of an older format. With the search index of before: that goes,
 * today's comes empty. The station sees that it is, and fills it. */
static int upgrade_main(struct sq *s, struct err *e)
{
  int64_t version = 0;
  int rc = ask(s, s->db, "PRAGMA user_version", &version, e);
  if (rc < 0 || version >= SQ_VERSION) {
    return rc;
  }
  if (s->readonly) {
    s->old = version < SQ_VERSION_TERMS;
    return 0;
  }
  if (version >= SQ_VERSION_TERMS) { /* what is written from now on is newer */
    return create_schema(s, s->db, "BEGIN IMMEDIATE",
                         (const char *const *const[2]){NULL, NULL}, e);
  }
  s->scrub = true;
  return create_schema(s, s->db,
                       "BEGIN IMMEDIATE; DROP TABLE IF EXISTS search;"
                       "DROP TABLE IF EXISTS pending;"
                       "DELETE FROM state WHERE name = 'search_removed'",
                       (const char *const *const[2]){sq_schema_search, NULL},
                       e);
}

static int prepare_main(struct sq *s, struct err *e)
{
  char sql[64];
  bool empty = false;
  int rc = identify(s, s->db, &empty, e);
  if (rc < 0 || s->readonly) {
    return rc < 0 ? rc : upgrade_main(s, e);
  }
  (void)snprintf(sql, sizeof sql, "PRAGMA page_size = %d", SQ_PAGE);
  if (empty && (rc = sq_sql(s, s->db, sql, e)) < 0) {
    return rc;
  }
  if ((rc = sq_sql(s, s->db,
                   "PRAGMA journal_mode = WAL;"
                   "PRAGMA journal_size_limit = " SQ_LOG_BYTES,
                   e)) < 0) {
    return rc;
  }
  return empty ? create_schema(s, s->db, "BEGIN IMMEDIATE",
                               (const char *const *const[2]){sq_schema_main,
                                                             sq_schema_search},
                               e)
               : upgrade_main(s, e);
}

int sq_files_open(struct sq *s, bool create, struct err *e)
{
  char sql[128];
  bool empty = false;
  if (s->files != NULL) {
    return 0;
  }
  char *name = sq_path(s->path, s->memory ? "" : "-files");
  if (name == NULL) {
    return sq_nomem(e);
  }
  sqlite3 *db = NULL;
  int rc = 0;
  if (!create && access(name, F_OK) != 0) {
    rc = err_sys(e, errno, "%s", name);
    goto done;
  }
  if ((rc = open_db(s, name, create, &db, e)) < 0 ||
      (rc = identify(s, db, &empty, e)) < 0) {
    goto done;
  }
  (void)snprintf(sql, sizeof sql,
                 "PRAGMA page_size = %d;"
                 "PRAGMA auto_vacuum = INCREMENTAL;"
                 "PRAGMA journal_mode = TRUNCATE",
                 SQ_FILES_PAGE);
  if (!s->readonly && (rc = sq_sql(s, db, sql, e)) == 0 && empty) {
    rc = create_schema(s, db, "BEGIN IMMEDIATE",
                       (const char *const *const[2]){sq_schema_files, NULL}, e);
  }
  /* Again, now that the page size is known: what was set before it counts
   * pages of the default size, and the cache would grow to 32 MiB. */
  (void)snprintf(sql, sizeof sql, "PRAGMA cache_size = -%d", SQ_FILES_KIB);
  if (rc == 0) {
    rc = sq_sql(s, db, sql, e);
  }
done:
  if (rc == 0) {
    s->files = db;
  } else {
    sqlite3_close(db);
  }
  mem_free(name);
  return rc;
}

/* ---- closing ---- */

static void sq_close(struct store *st)
{
  struct sq *s = sq_of(st);
  bool ours = s->pid == getpid();
  for (int i = 0; i < SQ_STMTS; i++) {
    sqlite3_finalize(s->stmt[i]);
  }
  /* In a child after fork, or when the disk is in doubt, the files are left
   * exactly as they are: no checkpoint, no removal of the WAL. */
  if (s->db != NULL && (!ours || s->dead)) {
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
  }
  if (s->db != NULL && ours && !s->dead && !s->readonly) {
    scrub(s);
  }
  sqlite3_close(s->files);
  sqlite3_close(s->db);
  sq_unlock(s, ours);
  sq_blocks_free(s);
  sq_terms_forget(s);
  zpack_del(s->zpack);
  buf_free(&s->pack);
  buf_free(&s->text);
  buf_free(&s->coll_name);
  mem_free(s->mark);
  mem_free(s->path);
  mem_free(s);
}

static const struct store_ops ops = {
    .engine = "sqlite",
    .close = sq_close,
    .put = put,
    .get = sq_block_get,
    .get_ref = sq_get_ref,
    .find = sq_find,
    .find_prefix = sq_find_prefix,
    .walk = sq_walk,
    .sweep_start = sq_sweep_start,
    .mark = sq_mark,
    .sweep = sq_sweep,
    .append = append,
    .since = sq_since,
    .count = sq_count,
    .collections = sq_collections,
    .ends = sq_ends,
    .rows = sq_rows,
    .kv_get = sq_kv_get,
    .kv_list = sq_kv_list,
    .query = sq_query,
    .tally = sq_tally,
    .explain = sq_explain,
    .holding = sq_holding,
    .alike = sq_alike,
    .prefix = sq_prefix,
    .tidy = sq_tidy,
    .search_reset = sq_search_reset,
    .derived_reset = sq_derived_reset,
    .derived_digest = sq_derived_digest,
    .stats = sq_stats,
    .room = sq_room,
    .check = sq_check,
    .audit = sq_audit,
    .group = sq_group,
    .hold = sq_hold,
    .version = sq_version,
};

static int open_path(struct sq *s, const struct store_options *opt,
                     struct err *e)
{
  int rc = s->memory ? 0 : sq_refuse_network(s->path, e);
  if (rc < 0) {
    return rc;
  }
  struct stat info;
  if (s->memory) {
    rc = 0; /* there is no file */
  } else if (stat(s->path, &info) != 0) {
    if (s->readonly || !opt->create) {
      return err_sys(e, errno, "%s", s->path);
    }
  } else if (S_ISDIR(info.st_mode)) {
    return err_set(e, ERR_INVALID,
                   "%s is a folder; a station's store is a file", s->path);
  }
  if ((!s->readonly && !s->memory && (rc = sq_lock(s, e)) < 0) ||
      (rc = open_db(s, s->path, opt->create || s->memory, &s->db, e)) < 0 ||
      (rc = prepare_main(s, e)) < 0) {
    return rc;
  }
  if (s->readonly) {
    s->data_version = -1; /* the first snapshot reads everything */
    if ((rc = sq_snapshot(s, e)) == 0) {
      sq_release(s);
    }
    return rc;
  }
  if ((rc = sq_blocks_load(s, e)) < 0) {
    return rc;
  }
  return sq_files_mend(s, e);
}

int store_sqlite_open(struct store **out, const char *path,
                      const struct store_options *opt, struct err *e)
{
  *out = NULL;
  if (path[0] == '\0' || strlen(path) > PATH_BYTES_MAX - 16) {
    return err_set(e, ERR_MISUSE, "a store's path has 1 to %d bytes",
                   PATH_BYTES_MAX - 16);
  }
  struct sq *s = mem_zero(sizeof *s);
  if (s == NULL) {
    return sq_nomem(e);
  }
  s->base.ops = &ops;
  s->lock_fd = -1;
  s->pid = getpid();
  s->readonly = opt->readonly && !opt->memory;
  s->memory = opt->memory;
  s->cache_kib = opt->cache_bytes > 0 && opt->cache_bytes < ((size_t)1 << 40)
                     ? (int)(opt->cache_bytes / 1024 + 1)
                     : 2048;
  s->path = sq_path(opt->memory ? IN_MEMORY : path, "");
  s->zpack = zpack_new();
  int rc =
      s->path == NULL || s->zpack == NULL ? sq_nomem(e) : open_path(s, opt, e);
  if (rc < 0) {
    sq_close(&s->base);
    return rc;
  }
  *out = &s->base;
  return 0;
}
