/* SPDX-License-Identifier: 0BSD */
/* The search index: its rows, segments and counters. */
#include "store/sqlite_terms.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

static const char *const count_name[] = {
    "search_docs", "search_words", "search_next", "search_floor", "search_seg"};

int terms_bad(struct sq *s, const char *what, struct err *e)
{
  return err_set(e, ERR_CORRUPT,
                 "%s: %s of the search index is damaged; `rebuild` makes the"
                 " index anew",
                 s->path, what);
}

int terms_of(struct sq *s, struct terms **out, struct err *e)
{
  if (s->old) {
    return err_set(e, ERR_READONLY,
                   "%s has a search index of an older version; opening it"
                   " for writing once makes it anew",
                   s->path);
  }
  if (s->terms == NULL) {
    s->terms = mem_zero(sizeof *s->terms);
    if (s->terms == NULL) {
      return sq_nomem(e);
    }
    s->terms->docs.page = s->terms->refs.page = -1;
  }
  *out = s->terms;
  return 0;
}

static void image_free(struct image *i)
{
  for (int k = 0; k < ROW_KINDS; k++) {
    buf_free(&i->bytes[k]);
    buf_free(&i->end[k]);
  }
}

void sq_terms_forget(struct sq *s)
{
  struct terms *t = s->terms;
  if (t == NULL) {
    return;
  }
  gather_free(&t->gather);
  buf_free(&t->lens);
  image_free(&t->image);
  buf_free(&t->wait_lens);
  buf_free(&t->wait_bytes);
  buf_free(&t->wait_in);
  buf_free(&t->set_tokens);
  vocabs_free(t);
  buf_free(&t->row);
  buf_free(&t->scratch);
  mem_free(t);
  s->terms = NULL;
}

void sq_terms_stale(struct sq *s)
{
  if (s->terms != NULL) {
    s->terms->docs.page = s->terms->refs.page = -1;
    s->terms->image_good = false;
  }
}

int sq_terms_load(struct sq *s, struct err *e)
{
  return s->old ? 0 : sq_int(s, Q_WAIT_COUNT, 0, &s->pending, e);
}

int sq_terms_docs(struct sq *s, uint64_t *out, struct err *e)
{
  int64_t n = 0;
  int rc = sq_state_get(s, count_name[0], &n, e);
  *out = (uint64_t)n;
  return rc;
}

static int64_t *count_at(struct term_counts *c, size_t i)
{
  int64_t *const at[] = {&c->docs, &c->words, &c->next, &c->floor, &c->seg};
  return at[i];
}

#define COUNTS (sizeof count_name / sizeof count_name[0])

/* ---- counters ---- */

int terms_counts(struct sq *s, struct term_counts *out, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < COUNTS; i++) {
    rc = sq_state_get(s, count_name[i], count_at(out, i), e);
  }
  if (rc == 0 && (out->docs < 0 || out->words < 0 || out->floor < 0 ||
                  out->next < out->floor || out->next > UINT32_MAX)) {
    return terms_bad(s, "a counter", e);
  }
  return rc;
}

int terms_counts_put(struct sq *s, const struct term_counts *c, struct err *e)
{
  struct term_counts v = *c;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < COUNTS; i++) {
    rc = sq_state_put(s, count_name[i], *count_at(&v, i), e);
  }
  return rc;
}

/* ---- segments ---- */

int segs_add(struct segs *l, const struct seg *g, struct err *e)
{
  if (l->n == l->cap) {
    size_t cap = l->cap > 0 ? l->cap * 2 : 32;
    struct seg *more = mem_resize(l->seg, cap, sizeof *more);
    if (more == NULL) {
      return sq_nomem(e);
    }
    l->seg = more;
    l->cap = cap;
  }
  l->seg[l->n++] = *g;
  return 0;
}

void segs_free(struct segs *l)
{
  mem_free(l->seg);
  memset(l, 0, sizeof *l);
}

static bool read_seg(sqlite3_stmt *st, struct seg *g)
{
  int64_t v[8];
  for (int i = 0; i < 8; i++) {
    v[i] = sqlite3_column_int64(st, i);
    if (v[i] < 0 || (i > 0 && v[i] > UINT32_MAX)) {
      return false;
    }
  }
  memset(g, 0, sizeof *g);
  g->id = v[0];
  g->base = (uint32_t)v[1];
  g->docs = (uint32_t)v[2];
  g->level = (uint32_t)v[3];
  g->state = (enum seg_state)v[4];
  for (int k = 0; k < ROW_KINDS; k++) {
    g->rows[k] = (uint32_t)v[5 + k];
  }
  return v[0] < INT32_MAX && v[4] <= SEG_GONE && v[1] + v[2] <= UINT32_MAX;
}

int segs_load(struct sq *s, enum seg_state upto, struct segs *out,
              struct err *e)
{
  sqlite3_stmt *st = NULL;
  struct seg g;
  int rc = sq_get(s, Q_TSEG_LIST, &st, e);
  out->n = 0;
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, (int64_t)upto);
  while ((rc = sq_step(s, st, e)) > 0) {
    rc = read_seg(st, &g) ? segs_add(out, &g, e)
                          : terms_bad(s, "a segment's entry", e);
    if (rc < 0) {
      sqlite3_reset(st);
      return rc;
    }
  }
  return rc;
}

int seg_put(struct sq *s, const struct seg *g, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_TSEG_PUT, &st, e);
  if (rc < 0) {
    return rc;
  }
  const int64_t v[] = {g->id,
                       g->base,
                       g->docs,
                       g->level,
                       (int64_t)g->state,
                       g->rows[ROW_LEAF],
                       g->rows[ROW_STRIP],
                       g->rows[ROW_WORD]};
  for (int i = 0; i < 8; i++) {
    sqlite3_bind_int64(st, 1 + i, v[i]);
  }
  return sq_run(s, st, e);
}

/* ---- rows ---- */

static int64_t row_id(const struct seg *g, uint32_t no)
{
  return (int64_t)((uint64_t)g->id << 32 | no);
}

static struct span image_row(const struct image *i, enum row_kind kind,
                             uint32_t no)
{
  size_t from = 0, to = 0;
  CHECK(((size_t)no + 1) * sizeof to <= i->end[kind].n);
  if (no > 0) {
    memcpy(&from, i->end[kind].p + (no - 1) * sizeof from, sizeof from);
  }
  memcpy(&to, i->end[kind].p + no * sizeof to, sizeof to);
  return span_of(i->bytes[kind].p + from, to - from);
}

int seg_row_get(struct sq *s, const struct seg *g, enum row_kind kind,
                uint32_t no, struct buf *out, struct err *e)
{
  sqlite3_stmt *st = NULL;
  buf_clear(out);
  if (no >= g->rows[kind]) {
    return terms_bad(s, "a segment", e);
  }
  if (g->image != NULL) {
    struct span row = image_row(g->image, kind, no);
    return buf_put(out, row.p, row.n) < 0 ? sq_nomem(e) : 0;
  }
  int rc = sq_get(s, (enum sq_stmt)(Q_ROW_GET + (int)kind), &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, row_id(g, no));
  if ((rc = sq_step(s, st, e)) <= 0) {
    return rc < 0 ? rc : terms_bad(s, "a segment", e);
  }
  struct span row = sq_column(st, 0);
  rc = buf_put(out, row.p, row.n) < 0 ? sq_nomem(e) : 0;
  sqlite3_reset(st);
  return rc;
}

static int image_put(struct image *i, enum row_kind kind, struct span data)
{
  int rc = buf_put(&i->bytes[kind], data.p, data.n);
  size_t end = i->bytes[kind].n;
  return rc < 0 ? rc : buf_put(&i->end[kind], &end, sizeof end);
}

int seg_row_put(struct sq *s, const struct seg *g, enum row_kind kind,
                uint32_t no, struct span data, struct err *e)
{
  sqlite3_stmt *st = NULL;
  if (g->image != NULL) {
    return image_put(g->image, kind, data) < 0 ? sq_nomem(e) : 0;
  }
  int rc = sq_get(s, (enum sq_stmt)(Q_ROW_PUT + (int)kind), &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, row_id(g, no));
  sq_bind(st, 2, data);
  return sq_run(s, st, e);
}

/* The first term of a leaf in memory. */
static struct span image_first(const struct image *i, uint32_t no)
{
  struct post_reader r = post_reader_of(image_row(i, ROW_LEAF, no));
  (void)post_varint(&r); /* shares nothing */
  return post_bytes(&r, post_varint(&r));
}

static int image_leaf_of(const struct seg *g, struct span term, uint32_t *no)
{
  uint32_t from = 0, to = g->rows[ROW_LEAF];
  while (from < to) {
    uint32_t mid = from + (to - from) / 2;
    if (span_compare(image_first(g->image, mid), term) <= 0) {
      from = mid + 1;
    } else {
      to = mid;
    }
  }
  *no = from > 0 ? from - 1 : 0;
  return from > 0;
}

int seg_leaf_of(struct sq *s, const struct seg *g, struct span term,
                uint32_t *no, struct err *e)
{
  sqlite3_stmt *st = NULL;
  if (g->image != NULL) {
    return image_leaf_of(g, term, no);
  }
  int rc = sq_get(s, Q_LEAD_GET, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, g->id);
  sq_bind(st, 2, term);
  if ((rc = sq_step(s, st, e)) > 0) {
    int64_t leaf = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    if (leaf < 0 || leaf >= g->rows[ROW_LEAF]) {
      return terms_bad(s, "a leaf's first term", e);
    }
    *no = (uint32_t)leaf;
  }
  return rc;
}

/* ---- finding terms ---- */

/* To the start of the leaf that holds ${term} if any does: 1, or 0. */
static int finder_leaf(struct seg_finder *f, struct span term, struct err *e)
{
  sqlite3_stmt *st = NULL;
  uint32_t no = 0;
  int rc = 0;
  memset(&f->reader, 0, sizeof f->reader);
  if (f->seg->image != NULL) {
    rc = image_leaf_of(f->seg, term, &no);
    f->reader.data =
        rc > 0 ? image_row(f->seg->image, ROW_LEAF, no) : span_of(NULL, 0);
    return rc;
  }
  if ((rc = sq_get(f->s, Q_LEAD_ROW, &st, e)) < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, f->seg->id);
  sq_bind(st, 2, term);
  if ((rc = sq_step(f->s, st, e)) <= 0) {
    return rc;
  }
  struct span row = sq_column(st, 1);
  buf_clear(&f->row);
  if (sqlite3_column_type(st, 1) != SQLITE_BLOB ||
      sqlite3_column_int64(st, 0) >= f->seg->rows[ROW_LEAF]) {
    rc = terms_bad(f->s, "a segment", e);
  } else if (buf_put(&f->row, row.p, row.n) < 0) {
    rc = sq_nomem(e);
  }
  sqlite3_reset(st);
  f->reader.data = buf_span(&f->row);
  return rc;
}

int finder_find(struct seg_finder *f, struct span term, struct leaf_entry *out,
                struct err *e)
{
  int rc = 0;
  if (f->last.p == NULL || !span_equal(f->last, term)) {
    bool done = false; /* what follows in the leaf is greater */
    if (f->reader.at > 0) {
      rc = leaf_find(&f->reader, term, &f->entry);
      done = f->reader.at < f->reader.data.n;
    }
    if (rc == 0 && !done && (rc = finder_leaf(f, term, e)) > 0) {
      rc = leaf_find(&f->reader, term, &f->entry);
    }
    if (rc < 0) {
      return rc == ERR_CORRUPT ? terms_bad(f->s, "a leaf", e) : rc;
    }
    f->last = term;
    f->found = rc > 0;
  }
  *out = f->entry;
  return f->found;
}

void finder_free(struct seg_finder *f)
{
  buf_free(&f->row);
}

/* ---- terms in order ---- */

int cursor_next(struct seg_cursor *c, struct err *e)
{
  int rc = leaf_next(&c->reader, &c->entry);
  while (rc == 0 && c->leaf < c->seg->rows[ROW_LEAF]) {
    if ((rc = seg_row_get(c->s, c->seg, ROW_LEAF, c->leaf++, &c->row, e)) < 0) {
      c->more = false;
      return rc;
    }
    c->reader.data = buf_span(&c->row);
    c->reader.at = 0;
    c->reader.term_n = 0;
    rc = leaf_next(&c->reader, &c->entry);
  }
  c->more = rc > 0;
  return rc < 0 ? terms_bad(c->s, "a leaf", e) : 0;
}

int cursor_seek(struct seg_cursor *c, struct span after, struct err *e)
{
  int rc = 0;
  c->leaf = 0;
  c->reader.data = span_of(NULL, 0);
  c->reader.at = 0;
  if (after.n > 0 && (rc = seg_leaf_of(c->s, c->seg, after, &c->leaf, e)) < 0) {
    return rc;
  }
  do {
    rc = cursor_next(c, e);
  } while (rc == 0 && c->more && span_compare(c->entry.term, after) <= 0);
  return rc;
}

void cursor_free(struct seg_cursor *c)
{
  buf_free(&c->row);
}

/* ---- the postings of one term ---- */

static int next_strip(struct seg_list *l, struct err *e)
{
  int rc = seg_row_get(l->s, l->seg, ROW_STRIP, l->entry->strip + l->strip,
                       &l->row, e);
  l->strip++;
  l->block = 0;
  if (rc == 0 && post_strip_get(&l->strips, buf_span(&l->row)) < 0) {
    rc = terms_bad(l->s, "a list", e);
  }
  return rc;
}

int list_next(struct seg_list *l, struct err *e)
{
  const struct leaf_entry *en = l->entry;
  if (!en->has_strips) {
    if (l->block > 0) {
      return 0;
    }
    l->block = 1;
    l->head.place = en->place;
    l->head.bytes = en->block;
    return 1;
  }
  while (l->block >= l->strips.n) {
    if (l->strip >= en->strips) {
      return 0;
    }
    int rc = next_strip(l, e);
    if (rc < 0) {
      return rc;
    }
  }
  l->head = l->strips.head[l->block++];
  return 1;
}

void list_free(struct seg_list *l)
{
  buf_free(&l->row);
}

/* ---- lengths ---- */

static int lens_page(struct sq *s, struct terms *t, int64_t page, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_LEN_GET, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, page);
  if ((rc = sq_step(s, st, e)) <= 0) {
    return rc < 0 ? rc : terms_bad(s, "a row of lengths", e);
  }
  struct span row = sq_column(st, 0);
  rc = row.n > LEN_PAGE ? terms_bad(s, "a row of lengths", e)
       : buf_put(&t->lens, row.p, row.n) < 0 ? sq_nomem(e)
                                             : 0;
  sqlite3_reset(st);
  return rc;
}

int terms_lens(struct sq *s, const struct term_counts *c, struct err *e)
{
  struct terms *t;
  int rc = terms_of(s, &t, e);
  if (rc < 0) {
    return rc;
  }
  if (t->floor != (uint32_t)c->floor) {
    buf_clear(&t->lens);
    t->floor = (uint32_t)c->floor;
  }
  size_t need = (size_t)(c->next - c->floor);
  if (t->lens.n >= need) {
    return 0;
  }
  t->lens.n -= t->lens.n % LEN_PAGE; /* the last row may have grown */
  while (rc == 0 && t->lens.n < need) {
    if (t->lens.n % LEN_PAGE != 0) {
      return terms_bad(s, "a row of lengths", e);
    }
    rc = lens_page(s, t, (int64_t)((t->floor + t->lens.n) / LEN_PAGE), e);
  }
  return rc;
}
