/* SPDX-License-Identifier: 0BSD */
/* Digest prefix -> number for the blocks above the watermark: an open hash
 * in memory, rebuilt from the directories, folded into `cidkey` in sorted
 * order when it is long. */
#include "store/sqlite_int.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_CELLS ((size_t)2 * TAIL_FOLD)
#define TAIL_MAX (TAIL_CELLS / 4 * 3)

/* One batch may go in after the check, and holes count as used. */
_Static_assert(TAIL_FOLD + STORE_BATCH_MAX < TAIL_MAX, "the hash stays sparse");

uint64_t tail_prefix(const uint8_t *digest)
{
  uint64_t v = 0;
  for (int i = 0; i < 8; i++) {
    v = v << 8 | digest[i];
  }
  return v;
}

static size_t tail_slot(uint64_t prefix)
{
  return (size_t)(prefix * 0x9e3779b97f4a7c15u >> 32) % TAIL_CELLS;
}

static int tail_clear(struct sq *s)
{
  if (s->tail.cell == NULL) {
    s->tail.cell = mem_alloc(TAIL_CELLS * sizeof *s->tail.cell);
    if (s->tail.cell == NULL) {
      return ERR_NOMEM;
    }
    s->tail.cells = TAIL_CELLS;
  }
  memset(s->tail.cell, 0, TAIL_CELLS * sizeof *s->tail.cell);
  s->tail.used = 0;
  return 0;
}

int tail_add(struct sq *s, uint64_t prefix, uint64_t number, struct err *e)
{
  if (s->tail.cell == NULL && tail_clear(s) < 0) {
    return sq_nomem(e);
  }
  if (s->tail.used >= TAIL_MAX) {
    return err_set(e, ERR_CORRUPT,
                   "%s: more new blocks than were ever left"
                   " out of the key table",
                   s->path);
  }
  size_t i = tail_slot(prefix);
  while (s->tail.cell[i].number != 0) {
    i = (i + 1) % s->tail.cells;
  }
  s->tail.cell[i].prefix = prefix;
  s->tail.cell[i].number = number;
  s->tail.used++;
  return 0;
}

uint64_t tail_next(const struct sq *s, uint64_t prefix, size_t *at)
{
  if (s->tail.cell == NULL) {
    return 0;
  }
  for (;; (*at)++) {
    const struct tail_cell *c =
        &s->tail.cell[(tail_slot(prefix) + *at) % s->tail.cells];
    if (c->number == 0) {
      return 0;
    }
    if (c->prefix == prefix && c->number != UINT64_MAX) {
      (*at)++;
      return c->number;
    }
  }
}

void tail_drop(struct sq *s, uint64_t prefix, uint64_t number)
{
  if (s->tail.cell == NULL) {
    return;
  }
  for (size_t i = tail_slot(prefix); s->tail.cell[i].number != 0;
       i = (i + 1) % s->tail.cells) {
    if (s->tail.cell[i].prefix == prefix && s->tail.cell[i].number == number) {
      /* A mark, not a hole: what hashed past this must stay findable. */
      s->tail.cell[i].number = UINT64_MAX;
      return;
    }
  }
}

int tail_drop_folded(struct sq *s, uint64_t prefix, uint64_t number,
                     struct err *e)
{
  int rc = sq_exec2(s, Q_KEY_DROP, (int64_t)prefix, (int64_t)number, e);
  if (rc == 0 && sqlite3_changes(s->db) == 0 &&
      buf_put(&s->strays, &number, sizeof number) < 0) {
    rc = sq_nomem(e);
  }
  return rc;
}

static int number_order(const void *a, const void *b)
{
  const uint64_t *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

/* The cells of `cidkey` with one of the numbers. */
static int find_strays(struct sq *s, struct buf *cells, struct err *e)
{
  size_t n = s->strays.n / sizeof(uint64_t);
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_KEY_ALL, &st, e);
  if (rc < 0) {
    return rc;
  }
  qsort(s->strays.p, n, sizeof(uint64_t), number_order);
  while ((rc = sq_step(s, st, e)) > 0) {
    struct tail_cell c = {(uint64_t)sqlite3_column_int64(st, 0),
                          (uint64_t)sqlite3_column_int64(st, 1)};
    if (bsearch(&c.number, s->strays.p, n, sizeof c.number, number_order) !=
            NULL &&
        buf_put(cells, &c, sizeof c) < 0) {
      sqlite3_reset(st);
      return sq_nomem(e);
    }
  }
  return rc;
}

int tail_drop_strays(struct sq *s, struct err *e)
{
  struct buf cells = {0};
  struct tail_cell c;
  int rc = s->strays.n > 0 ? find_strays(s, &cells, e) : 0;
  for (size_t at = 0; rc == 0 && at < cells.n; at += sizeof c) {
    memcpy(&c, cells.p + at, sizeof c);
    rc = sq_exec2(s, Q_KEY_DROP, (int64_t)c.prefix, (int64_t)c.number, e);
  }
  buf_free(&cells);
  buf_free(&s->strays);
  return rc;
}

/* ---- folding ---- */

static int cell_order(const void *a, const void *b)
{
  const struct tail_cell *x = a, *y = b;
  /* As SQLite orders them: signed. */
  int64_t p = (int64_t)x->prefix, q = (int64_t)y->prefix;
  if (p != q) {
    return p < q ? -1 : 1;
  }
  return x->number < y->number ? -1 : x->number > y->number;
}

static int fold_counts(struct sq *s, struct err *e)
{
  const struct {
    const char *name;
    int64_t value;
  } row[] = {
      {"folded_seg", s->last_seg},
      {"folded_file", s->last_file},
      {"blocks", (int64_t)s->counts.blocks},
      {"block_bytes", (int64_t)s->counts.block_bytes},
      {"file_blocks", (int64_t)s->counts.file_blocks},
      {"file_bytes", (int64_t)s->counts.file_bytes},
  };
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < sizeof row / sizeof row[0]; i++) {
    rc = sq_state_put(s, row[i].name, row[i].value, e);
  }
  return rc;
}

/* Puts the live cells to the front, sorted; the hash is unusable after. */
static size_t tail_sort(struct tail *t)
{
  size_t n = 0;
  for (size_t i = 0; i < t->cells; i++) {
    if (t->cell[i].number != 0 && t->cell[i].number != UINT64_MAX) {
      t->cell[n++] = t->cell[i];
    }
  }
  qsort(t->cell, n, sizeof *t->cell, cell_order);
  return n;
}

int tail_fold(struct sq *s, struct err *e)
{
  if (s->tail.used < TAIL_FOLD) {
    return 0;
  }
  int rc = fold_counts(s, e);
  size_t n = rc == 0 ? tail_sort(&s->tail) : 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = sq_exec2(s, Q_KEY_PUT, (int64_t)s->tail.cell[i].prefix,
                  (int64_t)s->tail.cell[i].number, e);
  }
  if (rc == 0) {
    s->folded_seg = s->last_seg;
    s->folded_file = s->last_file;
    rc = tail_clear(s);
  }
  return rc; /* on failure sq_end() reads the tail anew */
}

/* ---- loading ---- */

/* A directory's slots into the tail. */
static int load_head(struct sq *s, int64_t id, struct span head, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && (i + 1) * HEAD_ENTRY <= head.n; i++) {
    const uint8_t *p = head.p + i * HEAD_ENTRY;
    if (p[0] != 0) {
      s->counts.blocks++;
      s->counts.block_bytes += (uint64_t)p[1] << 24 | (uint64_t)p[2] << 16 |
                               (uint64_t)p[3] << 8 | p[4];
      rc = tail_add(s, tail_prefix(p + 9),
                    (uint64_t)id * SEG_SLOTS + (uint64_t)i, e);
    }
  }
  return rc;
}

/* A number that nothing was ever given is damage: nothing is counted on from
 * there, and no room is taken up to it. */
static int check_id(struct sq *s, const char *what, int64_t id, int64_t max,
                    struct err *e)
{
  return id >= 0 && id <= max
             ? 0
             : err_set(e, ERR_CORRUPT, "%s: %s has the number %" PRId64,
                       s->path, what, id);
}

static int extend_segments(struct sq *s, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_SEG_TAIL, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, s->last_seg);
  while ((rc = sq_step(s, st, e)) > 0) {
    int64_t id = sqlite3_column_int64(st, 0);
    if ((rc = check_id(s, "a segment", id, SEG_ID_MAX, e)) < 0 ||
        (rc = load_head(s, id, sq_column(st, 1), e)) < 0) {
      sqlite3_reset(st);
      return rc;
    }
    s->last_seg = id;
  }
  return rc;
}

static int extend_files(struct sq *s, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_FILE_TAIL, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, s->last_file);
  while ((rc = sq_step(s, st, e)) > 0) {
    struct span digest = sq_column(st, 3);
    int64_t id = sqlite3_column_int64(st, 0);
    if ((rc = check_id(s, "a file block", id, FILE_ID_MAX, e)) == 0 &&
        digest.n != 32) {
      rc = err_set(e, ERR_CORRUPT, "%s: file block %" PRId64 " has no digest",
                   s->path, id);
    }
    if (rc < 0 || (rc = tail_add(s, tail_prefix(digest.p),
                                 FILE_BIT | (uint64_t)id, e)) < 0) {
      sqlite3_reset(st);
      return rc;
    }
    s->counts.file_blocks++;
    s->counts.file_bytes += (uint64_t)sqlite3_column_int64(st, 2);
    s->last_file = id;
  }
  return rc;
}

int tail_extend(struct sq *s, struct err *e)
{
  int rc = extend_segments(s, e);
  return rc < 0 ? rc : extend_files(s, e);
}

static int load_state(struct sq *s, struct err *e)
{
  int64_t v[6] = {0};
  static const char *const name[6] = {"folded_seg",  "folded_file",
                                      "blocks",      "block_bytes",
                                      "file_blocks", "file_bytes"};
  int rc = 0;
  for (int i = 0; rc == 0 && i < 6; i++) {
    rc = sq_state_get(s, name[i], &v[i], e);
  }
  if (rc < 0 ||
      (rc = check_id(s, "what was folded", v[0], SEG_ID_MAX, e)) < 0 ||
      (rc = check_id(s, "what was folded", v[1], FILE_ID_MAX, e)) < 0) {
    return rc;
  }
  s->folded_seg = s->last_seg = v[0];
  s->folded_file = s->last_file = v[1];
  s->counts.blocks = (uint64_t)v[2];
  s->counts.block_bytes = (uint64_t)v[3];
  s->counts.file_blocks = (uint64_t)v[4];
  s->counts.file_bytes = (uint64_t)v[5];
  return rc;
}

int tail_load(struct sq *s, struct err *e)
{
  int rc = load_state(s, e);
  if (rc == 0 && tail_clear(s) < 0) {
    rc = sq_nomem(e);
  }
  if (rc == 0) {
    rc = tail_extend(s, e);
  }
  /* Sweeping may have removed the greatest file id; it is not given again. */
  int64_t floor = 0;
  if (rc == 0 && (rc = sq_state_get(s, "file_floor", &floor, e)) == 0 &&
      (rc = check_id(s, "a file block", floor, FILE_ID_MAX, e)) == 0 &&
      floor > s->last_file) {
    s->last_file = floor;
  }
  return rc;
}
