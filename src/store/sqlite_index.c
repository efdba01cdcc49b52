/* SPDX-License-Identifier: 0BSD */
/* Logs of collections, index rows, key-value pairs. */
#include "store/sqlite_int.h"

#include <string.h>

/* ---- collections and logs ---- */

/* A collection's id, 0 when it isn't here. */
static int coll_find(struct sq *s, struct span name, int64_t *id, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_COLL_GET, &st, e);
  if (rc < 0) {
    return rc;
  }
  *id = 0;
  sq_bind(st, 1, name);
  if ((rc = sq_step(s, st, e)) > 0) {
    *id = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    rc = 0;
  }
  return rc;
}

/* The same, made when missing, and remembered: appends come in runs. */
static int coll_make(struct sq *s, struct span name, int64_t *id, struct err *e)
{
  sqlite3_stmt *st = NULL;
  if (s->coll_id != 0 && span_equal(buf_span(&s->coll_name), name)) {
    *id = s->coll_id;
    return 0;
  }
  int rc = coll_find(s, name, id, e);
  if (rc < 0) {
    return rc;
  }
  if (*id == 0) {
    if ((rc = sq_get(s, Q_COLL_NEW, &st, e)) < 0) {
      return rc;
    }
    sq_bind(st, 1, name);
    if ((rc = sq_run(s, st, e)) < 0) {
      return rc;
    }
    *id = sqlite3_last_insert_rowid(s->db);
  }
  s->coll_id = 0;
  buf_clear(&s->coll_name);
  if (buf_put(&s->coll_name, name.p, name.n) < 0) {
    return sq_nomem(e);
  }
  s->coll_id = *id;
  return 0;
}

/* The end of a collection's log. The row with the greatest number holds the
 * count of all rows, so that an append touches no page but that one. */
struct log_end {
  int64_t n, count;
};

static int log_find_end(struct sq *s, int64_t coll, struct log_end *end,
                        struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_LOG_LAST, &st, e);
  if (rc < 0) {
    return rc;
  }
  end->n = -1;
  end->count = 0;
  sqlite3_bind_int64(st, 1, coll);
  if ((rc = sq_step(s, st, e)) > 0) {
    end->n = sqlite3_column_int64(st, 0);
    end->count = sqlite3_column_int64(st, 1);
    sqlite3_reset(st);
    rc = 0;
  }
  return rc;
}

static int log_insert(struct sq *s, int64_t coll, int64_t n, int64_t count,
                      struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_LOG_PUT, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, coll);
  sqlite3_bind_int64(st, 2, n);
  sqlite3_bind_int64(st, 3, count);
  return sq_run(s, st, e);
}

static int log_add(struct sq *s, int64_t coll, int64_t n, struct log_end *end,
                   struct err *e)
{
  if (n > end->n) {
    end->n = n;
    return log_insert(s, coll, n, ++end->count, e);
  }
  /* An older block: the count stays with the greatest number. */
  int rc = log_insert(s, coll, n, 0, e);
  if (rc == 0 && sqlite3_changes(s->db) > 0) {
    end->count++;
    rc = sq_exec2(s, Q_LOG_COUNT, coll, end->n, e);
  }
  return rc;
}

int sq_log_put(struct sq *s, const struct store_batch *b, struct err *e)
{
  int64_t coll = 0, n = 0;
  struct log_end end;
  if (b->log_n == 0) {
    return 0;
  }
  int rc = coll_make(s, b->collection, &coll, e);
  if (rc == 0) {
    rc = log_find_end(s, coll, &end, e);
  }
  for (size_t i = 0; rc == 0 && i < b->log_n; i++) {
    if ((rc = sq_ref(s, b->log[i], b->blocks_n, &n, e)) == 0) {
      rc = log_add(s, coll, n, &end, e);
    }
  }
  return rc;
}

static int log_list(struct sq *s, int64_t coll, uint64_t after, uint64_t *refs,
                    size_t max, struct err *e)
{
  sqlite3_stmt *st = NULL;
  size_t n = 0;
  int rc = sq_get(s, Q_LOG_SINCE, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, coll);
  sqlite3_bind_int64(st, 2, (int64_t)after);
  sqlite3_bind_int64(st, 3, (int64_t)max);
  while (n < max && (rc = sq_step(s, st, e)) > 0) {
    refs[n++] = (uint64_t)sqlite3_column_int64(st, 0);
  }
  sqlite3_reset(st);
  return rc < 0 ? rc : (int)n;
}

int sq_since(struct store *st, struct span collection, uint64_t after,
             uint64_t *refs, size_t max, struct err *e)
{
  struct sq *s = sq_of(st);
  int64_t coll = 0;
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot(s, e)) < 0) {
    return rc;
  }
  rc = coll_find(s, collection, &coll, e);
  if (rc == 0 && coll != 0) {
    rc = log_list(s, coll, after, refs, list_max(max), e);
  }
  sq_release(s);
  return rc;
}

int sq_count(struct store *st, struct span collection, uint64_t *out,
             struct err *e)
{
  struct sq *s = sq_of(st);
  struct log_end end = {0, 0};
  int64_t coll = 0;
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot(s, e)) < 0) {
    return rc;
  }
  rc = coll_find(s, collection, &coll, e);
  if (rc == 0 && coll != 0) {
    rc = log_find_end(s, coll, &end, e);
  }
  sq_release(s);
  if (rc == 0) {
    *out = (uint64_t)end.count;
  }
  return rc;
}

/* ${ends} may be NULL. */
static int list_collections(struct sq *s, struct span after, struct buf *names,
                            struct store_end *ends, size_t max, struct err *e)
{
  sqlite3_stmt *q = NULL;
  size_t n = 0, start = names->n;
  int rc = sq_get(s, ends != NULL ? Q_COLL_ENDS : Q_COLL_LIST, &q, e);
  if (rc < 0) {
    return rc;
  }
  max = list_max(max);
  sq_bind(q, 1, after);
  sqlite3_bind_int64(q, 2, (int64_t)max);
  while (n < max && (rc = sq_step(s, q, e)) > 0) {
    struct span name = sq_column(q, 0);
    if (buf_put(names, name.p, name.n) < 0 || buf_byte(names, 0) < 0) {
      rc = sq_nomem(e);
      break;
    }
    if (ends != NULL) {
      ends[n].last = (uint64_t)sqlite3_column_int64(q, 1);
      ends[n].count = (uint64_t)sqlite3_column_int64(q, 2);
    }
    n++;
  }
  sqlite3_reset(q);
  if (rc < 0) {
    names->n = start;
    return rc;
  }
  return (int)n;
}

int sq_collections(struct store *st, struct span after, struct buf *names,
                   size_t max, struct err *e)
{
  int rc = sq_enter(sq_of(st), false, e);
  return rc < 0 ? rc : list_collections(sq_of(st), after, names, NULL, max, e);
}

int sq_ends(struct store *st, struct span after, struct buf *names,
            struct store_end *ends, size_t max, struct err *e)
{
  int rc = sq_enter(sq_of(st), false, e);
  return rc < 0 ? rc : list_collections(sq_of(st), after, names, ends, max, e);
}

/* ---- index rows ---- */

/* ${sort} and ${ref}: as resolved. */
static int entry_run(struct sq *s, enum sq_stmt q, const struct store_row *r,
                     int64_t sort, int64_t ref, struct err *e)
{
  sqlite3_stmt *st = NULL;
  if (r->key.n > KEY_BYTES_MAX) {
    return err_set(e, ERR_LIMIT, "an index key of %zu bytes, at most %d",
                   r->key.n, KEY_BYTES_MAX);
  }
  int rc = sq_get(s, q, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int(st, 1, r->name);
  sq_bind(st, 2, r->key);
  sqlite3_bind_int64(st, 3, sort);
  sqlite3_bind_int64(st, 4, ref);
  return sq_run(s, st, e);
}

static int entries(struct sq *s, enum sq_stmt q, const struct store_row *r,
                   size_t n, size_t blocks, struct err *e)
{
  int64_t ref = 0;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    int64_t sort = r[i].sort;
    rc = sq_ref(s, r[i].ref, blocks, &ref, e);
    if (rc == 0 && r[i].sort_new) {
      rc = sq_ref(s, STORE_NEW(r[i].sort), blocks, &sort, e);
    }
    if (rc == 0) {
      rc = entry_run(s, q, &r[i], sort, ref, e);
    }
  }
  return rc;
}

int sq_rows_put(struct sq *s, const struct store_batch *b, struct err *e)
{
  int rc = entries(s, Q_ENTRY_DROP, b->drop, b->drop_n, b->blocks_n, e);
  return rc < 0 ? rc
                : entries(s, Q_ENTRY_PUT, b->add, b->add_n, b->blocks_n, e);
}

/* The door asks for as many as it does.
 * NOLINTNEXTLINE(readability-function-size) */
int sq_rows(struct store *st, uint8_t name, struct span key, int64_t sort,
            uint64_t ref, bool descending, int64_t *sorts, uint64_t *refs,
            size_t max, struct err *e)
{
  struct sq *s = sq_of(st);
  sqlite3_stmt *q = NULL;
  size_t n = 0;
  int rc = sq_enter(s, false, e);
  if (rc < 0 ||
      (rc = sq_get(s, descending ? Q_ENTRY_DOWN : Q_ENTRY_UP, &q, e)) < 0) {
    return rc;
  }
  max = list_max(max);
  sqlite3_bind_int(q, 1, name);
  sq_bind(q, 2, key);
  sqlite3_bind_int64(q, 3, sort);
  sqlite3_bind_int64(q, 4, (int64_t)ref);
  sqlite3_bind_int64(q, 5, (int64_t)max);
  while (n < max && (rc = sq_step(s, q, e)) > 0) {
    sorts[n] = sqlite3_column_int64(q, 0);
    refs[n++] = (uint64_t)sqlite3_column_int64(q, 1);
  }
  sqlite3_reset(q);
  return rc < 0 ? rc : (int)n;
}

/* ---- pairs ---- */

static int pair_put(struct sq *s, const struct store_pair *p, struct err *e)
{
  sqlite3_stmt *st = NULL;
  if (p->key.n == 0 || p->key.n > STORE_KV_KEY_MAX) {
    return err_set(e, ERR_LIMIT, "a key of %zu bytes: 1 to %d are allowed",
                   p->key.n, STORE_KV_KEY_MAX);
  }
  if (p->value.p != NULL && p->value.n > STORE_KV_VALUE_MAX) {
    return err_set(e, ERR_LIMIT, "a value of %zu bytes, at most %u", p->value.n,
                   STORE_KV_VALUE_MAX);
  }
  int rc = sq_get(s, p->value.p != NULL ? Q_KV_PUT : Q_KV_DROP, &st, e);
  if (rc < 0) {
    return rc;
  }
  sq_bind(st, 1, p->key);
  if (p->value.p != NULL) {
    sq_bind(st, 2, p->value);
  }
  return sq_run(s, st, e);
}

int sq_kv_put(struct sq *s, const struct store_pair *p, size_t n, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = pair_put(s, &p[i], e);
  }
  return rc;
}

int sq_kv_get(struct store *st, struct span key, struct buf *out, struct err *e)
{
  struct sq *s = sq_of(st);
  sqlite3_stmt *q = NULL;
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_get(s, Q_KV_GET, &q, e)) < 0) {
    return rc;
  }
  sq_bind(q, 1, key);
  if ((rc = sq_step(s, q, e)) <= 0) {
    return rc < 0 ? rc : err_set(e, ERR_NOENT, "there is no such pair");
  }
  struct span v = sq_column(q, 0);
  rc = buf_put(out, v.p, v.n) < 0 ? sq_nomem(e) : 0;
  sqlite3_reset(q);
  return rc;
}

static int put_counted(struct buf *out, struct span v)
{
  uint8_t n[4] = {(uint8_t)v.n, (uint8_t)(v.n >> 8), (uint8_t)(v.n >> 16),
                  (uint8_t)(v.n >> 24)};
  int rc = buf_put(out, n, sizeof n);
  return rc < 0 ? rc : buf_put(out, v.p, v.n);
}

int sq_kv_list(struct store *st, struct span prefix, struct span after,
               struct buf *out, size_t max, struct err *e)
{
  struct sq *s = sq_of(st);
  sqlite3_stmt *q = NULL;
  size_t n = 0, start = out->n;
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_get(s, Q_KV_LIST, &q, e)) < 0) {
    return rc;
  }
  max = list_max(max);
  sq_bind(q, 1, after);
  sq_bind(q, 2, prefix);
  sqlite3_bind_int64(q, 3, (int64_t)max);
  while (n < max && (rc = sq_step(s, q, e)) > 0) {
    struct span k = sq_column(q, 0);
    if (k.n < prefix.n ||
        (prefix.n > 0 && memcmp(k.p, prefix.p, prefix.n) != 0)) {
      break;
    }
    if (put_counted(out, k) < 0 || put_counted(out, sq_column(q, 1)) < 0) {
      rc = sq_nomem(e);
      break;
    }
    n++;
  }
  sqlite3_reset(q);
  if (rc < 0) {
    out->n = start;
    return rc;
  }
  return (int)n;
}
