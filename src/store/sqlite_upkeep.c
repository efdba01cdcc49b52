/* SPDX-License-Identifier: 0BSD */
/* Dropping and digesting what is derived, figures, checks. */
#include "store/sqlite_int.h"

#include "form/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int sq_derived_reset(struct store *st, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, true, e);
  if (rc < 0 || (rc = sq_begin(s, e)) < 0) {
    return rc;
  }
  rc = sq_sql(s, s->db, "DELETE FROM log; DELETE FROM coll; DELETE FROM entry",
              e);
  if (rc == 0) {
    rc = sq_search_clear(s, e);
  }
  s->coll_id = 0;
  s->scrub = true;
  return sq_end(s, rc, e);
}

/* ---- digest ---- */

/* Each value with its type and length before it, so that no two dumps of
 * different content are the same bytes. */
static int hash_value(struct hash *h, sqlite3_value *v)
{
  char head[32];
  int type = sqlite3_value_type(v);
  const void *p = sqlite3_value_blob(v);
  size_t n = (size_t)sqlite3_value_bytes(v);
  int len = snprintf(head, sizeof head, "%d:%zu:", type, n);
  int rc = hash_add(h, head, (size_t)len);
  return rc < 0 || n == 0 ? rc : hash_add(h, p, n);
}

static int hash_query(struct sq *s, struct hash *h, const char *sql,
                      struct err *e)
{
  sqlite3_stmt *q = NULL;
  int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
  if (rc != SQLITE_OK) {
    return sq_fail(s, s->db, rc, "digesting", e);
  }
  rc = hash_add(h, sql, strlen(sql)) < 0 ? sq_nomem(e) : 0;
  int more = 0;
  while (rc == 0 && (more = sq_step(s, q, e)) > 0) {
    for (int i = 0; rc == 0 && i < sqlite3_column_count(q); i++) {
      rc = hash_value(h, sqlite3_column_value(q, i)) < 0 ? sq_nomem(e) : 0;
    }
  }
  sqlite3_finalize(q);
  return rc < 0 ? rc : more;
}

static int digest(struct sq *s, struct hash *h, struct err *e)
{
  static const char *const dump[] = {
      "SELECT name FROM coll ORDER BY name",
      ("SELECT name, n FROM coll JOIN log ON log.coll = coll.id"
       " ORDER BY name, n"),
      "SELECT name, key, sort, ref FROM entry ORDER BY name, key, sort, ref",
  };
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < sizeof dump / sizeof dump[0]; i++) {
    rc = hash_query(s, h, dump[i], e);
  }
  return rc;
}

int sq_derived_digest(struct store *st, uint8_t out[32], struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, false, e);
  if (rc < 0) {
    return rc;
  }
  struct hash *h = hash_new();
  if (h == NULL) {
    return sq_nomem(e);
  }
  if ((rc = sq_snapshot_many(s, 2, e)) == 0) {
    if ((rc = digest(s, h, e)) == 0) {
      rc = sq_terms_digest(s, h, e);
    }
    sq_release(s);
  }
  if (rc == 0 && hash_end(h, out) < 0) {
    rc = sq_nomem(e);
  }
  hash_del(h);
  return rc;
}

/* ---- figures ---- */

static uint64_t size_of(const char *path, const char *suffix)
{
  char name[PATH_BYTES_MAX + 16];
  struct stat info;
  (void)snprintf(name, sizeof name, "%s%s", path, suffix);
  return stat(name, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static int count_rows(struct sq *s, enum sq_stmt q, uint64_t *out,
                      struct err *e)
{
  int64_t n = 0;
  int rc = sq_int(s, q, 0, &n, e);
  *out = (uint64_t)n;
  return rc;
}

int sq_stats(struct store *st, struct store_stats *out, struct err *e)
{
  struct sq *s = sq_of(st);
  struct store_stats v = {0};
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot(s, e)) < 0) {
    return rc;
  }
  v.blocks = s->counts.blocks + s->counts.file_blocks;
  v.block_bytes = s->counts.block_bytes + s->counts.file_bytes;
  v.file_blocks = s->counts.file_blocks;
  v.file_bytes = s->counts.file_bytes;
  v.disk_bytes = size_of(s->path, "") + size_of(s->path, "-wal") +
                 size_of(s->path, "-shm") + size_of(s->path, "-lock") +
                 size_of(s->path, "-files") +
                 size_of(s->path, "-files-journal");
  if ((rc = count_rows(s, Q_ENTRY_COUNT, &v.index_rows, e)) == 0) {
    rc = sq_terms_docs(s, &v.documents, e);
  }
  sq_release(s);
  if (rc == 0) {
    *out = v;
  }
  return rc;
}

static int pages_in_use(struct sq *s, enum sq_stmt all, enum sq_stmt free,
                        int64_t *out, struct err *e)
{
  int64_t unused = 0;
  int rc = sq_int(s, all, 0, out, e);
  if (rc == 0 && (rc = sq_int(s, free, 0, &unused, e)) == 0) {
    *out -= unused;
  }
  return rc;
}

int sq_room(struct store *st, struct store_room *out, struct err *e)
{
  struct sq *s = sq_of(st);
  int64_t pages = 0, big = 0;
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot(s, e)) < 0) {
    return rc;
  }
  rc = pages_in_use(s, Q_PAGES, Q_FREE_PAGES, &pages, e);
  if (rc == 0 && !s->memory && (rc = sq_files_open(s, false, e)) == 0) {
    rc = pages_in_use(s, Q_BIG_PAGES, Q_BIG_FREE_PAGES, &big, e);
  }
  rc = rc == ERR_NOENT ? 0 : rc; /* no large block has come yet */
  out->used = (uint64_t)pages * SQ_PAGE + (uint64_t)big * SQ_FILES_PAGE;
  out->log = strtoull(SQ_LOG_BYTES, NULL, 10);
  out->next = (uint64_t)(s->last_seg + 1) * SEG_SLOTS;
  out->next_file = FILE_BIT | (uint64_t)(s->last_file + 1);
  sq_release(s);
  return rc;
}

/* ---- checks ---- */

static int check_db(struct sq *s, sqlite3 *db, struct err *e)
{
  sqlite3_stmt *q = NULL;
  int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &q, NULL);
  if (rc != SQLITE_OK) {
    return sq_fail(s, db, rc, "checking", e);
  }
  rc = sq_step(s, q, e);
  if (rc > 0) {
    const char *text = (const char *)sqlite3_column_text(q, 0);
    rc =
        text != NULL && strcmp(text, "ok") == 0
            ? 0
            : err_set(e, ERR_CORRUPT, "%s: %s", sqlite3_db_filename(db, "main"),
                      text != NULL ? text : "damaged");
  }
  sqlite3_finalize(q);
  return rc;
}

int sq_check(struct store *st, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = check_db(s, s->db, e)) < 0) {
    return rc;
  }
  rc = sq_files_open(s, false, e);
  if (rc == ERR_NOENT) {
    return 0;
  }
  return rc < 0 ? rc : check_db(s, s->files, e);
}

int sq_version(struct store *st, uint64_t *out, struct err *e)
{
  struct sq *s = sq_of(st);
  int64_t v = 0;
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_int(s, Q_DATA_VERSION, 0, &v, e)) < 0) {
    return rc;
  }
  *out = (uint64_t)v << 32 | (s->changes & UINT32_MAX);
  return 0;
}
