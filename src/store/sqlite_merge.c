/* SPDX-License-Identifier: 0BSD */
/* Merging neighbours into one, a slice at a time.
 *
 * A segment's level is told by its documents, each level holds eight times
 * more. Where eight neighbours of a level stand, one is made of them: a
 * target in the state SEG_MAKING, which no query sees, gets their terms in
 * order, some with each slice; `search_merge` remembers the last. When all
 * are there the target is SEG_LIVE and they are SEG_GONE, in one change; what
 * is gone is swept away by slices too. Each level may have one merge under
 * way, so that small ones need not wait for a large one. */
#include "store/sqlite_terms.h"

#include "base/mem.h"

#include <string.h>

#define LEVEL_DOCS 1024u /* of a segment of level 0, at most */
#define COPY_FROM 64u    /* a block this full may end before a copied one */
#define COPY_LONG 4096u  /* lists from here on are copied in any case */
#define TAIL_SHARE 8u    /* tidying joins what is no smaller than this */

/* What things take, by measurement, in postings that are read and written: so
 * that slices take much the same time, in the rare words of a segment, of which
 * each has a posting or two, as in the frequent ones. */
#define WORK_TERM 8u
#define WORK_COPY 8u  /* a block as it is */
#define WORK_ROW 250u /* sweeping */

/* ---- what is under way ---- */

struct merge {
  int64_t level, target;
  uint8_t after[LEAF_TERM_MAX];
  size_t after_n;
};

#define MERGES_MAX 16

static int merges_load(struct sq *s, struct merge *out, size_t *n,
                       struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_MERGE_LIST, &st, e);
  *n = 0;
  while (rc >= 0 && *n < MERGES_MAX && (rc = sq_step(s, st, e)) > 0) {
    struct merge *m = &out[(*n)++];
    struct span after = sq_column(st, 2);
    m->level = sqlite3_column_int64(st, 0);
    m->target = sqlite3_column_int64(st, 1);
    m->after_n = after.n;
    if (after.n > sizeof m->after) {
      rc = terms_bad(s, "a merge", e);
      break;
    }
    if (after.n > 0) {
      memcpy(m->after, after.p, after.n);
    }
  }
  sqlite3_reset(st);
  return rc < 0 ? rc : 0;
}

static int merge_put(struct sq *s, const struct merge *m, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_MERGE_PUT, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, m->level);
  sqlite3_bind_int64(st, 2, m->target);
  sq_bind(st, 3, span_of(m->after, m->after_n));
  return sq_run(s, st, e);
}

/* ---- one merge ---- */

struct merging {
  struct sq *s;
  struct seg target;
  struct segs from;
  struct seg_cursor *cursor; /* one a source */
  struct seg_writer out;
  struct post post;
  uint64_t work; /* done in this slice */
};

static int find_sources(struct merging *m, int64_t target, struct err *e)
{
  struct segs all = {0};
  bool found = false;
  int rc = segs_load(m->s, SEG_MAKING, &all, e);
  for (size_t i = 0; i < all.n; i++) {
    if (all.seg[i].id == target && all.seg[i].state == SEG_MAKING) {
      m->target = all.seg[i];
      found = true;
    }
  }
  uint64_t end = (uint64_t)m->target.base + m->target.docs;
  for (size_t i = 0; rc == 0 && found && i < all.n; i++) {
    const struct seg *g = &all.seg[i];
    if (g->state == SEG_LIVE && g->base >= m->target.base &&
        (uint64_t)g->base + g->docs <= end) {
      rc = segs_add(&m->from, g, e);
    }
  }
  segs_free(&all);
  return rc == 0 && !found ? terms_bad(m->s, "a merge", e) : rc;
}

static int open_cursors(struct merging *m, struct span after, struct err *e)
{
  int rc = 0;
  m->cursor = mem_resize(NULL, m->from.n, sizeof *m->cursor);
  if (m->cursor == NULL) {
    return sq_nomem(e);
  }
  memset(m->cursor, 0, m->from.n * sizeof *m->cursor);
  for (size_t i = 0; rc == 0 && i < m->from.n; i++) {
    m->cursor[i].s = m->s;
    m->cursor[i].seg = &m->from.seg[i];
    rc = cursor_seek(&m->cursor[i], after, e);
  }
  return rc;
}

static int copy_block(struct merging *m, const struct leaf_entry *en,
                      const struct post_head *h, uint32_t shift, struct err *e)
{
  size_t begun = m->out.block.n;
  if ((uint64_t)h->place.last + shift >= m->target.docs) {
    return terms_bad(m->s, "a list", e);
  }
  if (en->has_strips &&
      (begun == 0 || begun >= COPY_FROM || en->df >= COPY_LONG)) {
    m->work += WORK_COPY;
    return writer_block(&m->out, h, shift, e);
  }
  if (post_block_get(&m->post, &h->place, h->bytes) < 0) {
    return terms_bad(m->s, "a list", e);
  }
  int rc = 0;
  m->work += m->post.n;
  for (size_t i = 0; rc == 0 && i < m->post.n; i++) {
    rc = writer_post(&m->out, m->post.doc[i] + shift, m->post.tf[i], e);
  }
  return rc;
}

static int copy_list(struct merging *m, size_t i, struct err *e)
{
  struct seg_list list = {
      .s = m->s, .seg = &m->from.seg[i], .entry = &m->cursor[i].entry};
  uint32_t shift = m->from.seg[i].base - m->target.base;
  int rc;
  while ((rc = list_next(&list, e)) > 0) {
    if ((rc = copy_block(m, list.entry, &list.head, shift, e)) < 0) {
      break;
    }
  }
  list_free(&list);
  return rc;
}

/* The least term that any source stands at; false: none is left. */
static bool least_term(const struct merging *m, struct span *out)
{
  bool any = false;
  for (size_t i = 0; i < m->from.n; i++) {
    struct span term = m->cursor[i].entry.term;
    if (m->cursor[i].more && (!any || span_compare(term, *out) < 0)) {
      *out = term;
      any = true;
    }
  }
  return any;
}

/* All lists of the least term. 1, or 0 when there is none. */
static int merge_term(struct merging *m, struct merge *state, struct err *e)
{
  struct span term;
  if (!least_term(m, &term)) {
    return 0;
  }
  memcpy(state->after, term.p, term.n);
  state->after_n = term.n;
  term = span_of(state->after, state->after_n);
  int rc = writer_term(&m->out, term, e);
  for (size_t i = 0; rc == 0 && i < m->from.n; i++) {
    if (m->cursor[i].more && span_equal(m->cursor[i].entry.term, term)) {
      if ((rc = copy_list(m, i, e)) == 0) {
        rc = cursor_next(&m->cursor[i], e);
      }
    }
  }
  m->work += WORK_TERM;
  if (rc == 0) {
    rc = writer_term_end(&m->out, e);
  }
  return rc < 0 ? rc : 1;
}

static int merge_done(struct merging *m, const struct merge *state,
                      struct err *e)
{
  int rc = sq_exec2(m->s, Q_MERGE_DROP, state->level, 0, e);
  m->target.state = SEG_LIVE;
  for (size_t i = 0; rc == 0 && i < m->from.n; i++) {
    m->from.seg[i].state = SEG_GONE;
    rc = seg_put(m->s, &m->from.seg[i], e);
  }
  return rc;
}

static int merge_run(struct merging *m, struct merge *state, uint64_t work,
                     struct err *e)
{
  struct terms *t = m->s->terms;
  int rc = find_sources(m, state->target, e);
  if (rc < 0) {
    return rc;
  }
  if (m->target.base < t->floor ||
      (uint64_t)m->target.base + m->target.docs > t->floor + t->lens.n) {
    return terms_bad(m->s, "a merge", e);
  }
  rc = writer_open(&m->out, m->s, &m->target,
                   t->lens.p + (m->target.base - t->floor), e);
  if (rc == 0) {
    rc = open_cursors(m, span_of(state->after, state->after_n), e);
  }
  rc = rc == 0 ? 1 : rc;
  while (rc > 0 && m->work < work) {
    rc = merge_term(m, state, e);
  }
  if (rc < 0) {
    return rc;
  }
  bool done = rc == 0;
  if ((rc = writer_end(&m->out, e)) < 0) {
    return rc;
  }
  rc = done ? merge_done(m, state, e) : merge_put(m->s, state, e);
  return rc < 0 ? rc : seg_put(m->s, &m->target, e);
}

static int merge_one(struct sq *s, struct merge *state, uint64_t work,
                     struct err *e)
{
  struct merging *m = mem_zero(sizeof *m);
  if (m == NULL) {
    return sq_nomem(e);
  }
  m->s = s;
  int rc = merge_run(m, state, work, e);
  for (size_t i = 0; m->cursor != NULL && i < m->from.n; i++) {
    cursor_free(&m->cursor[i]);
  }
  writer_free(&m->out);
  segs_free(&m->from);
  mem_free(m->cursor);
  mem_free(m);
  return rc;
}

/* ---- which to begin ---- */

static uint32_t level_of(uint64_t docs)
{
  uint32_t level = 0;
  while (docs > (uint64_t)LEVEL_DOCS << 3 * level && level < 7) {
    level++;
  }
  return level;
}

/* Make a target of the neighbours ${from} .. ${to} - 1. */
static int begin(struct sq *s, const struct segs *l, size_t from, size_t to,
                 uint32_t level, struct err *e)
{
  struct term_counts c;
  int rc = terms_counts(s, &c, e);
  if (rc < 0) {
    return rc;
  }
  const struct seg *last = &l->seg[to - 1];
  struct seg g = {.id = c.seg++,
                  .base = l->seg[from].base,
                  .docs = last->base + last->docs - l->seg[from].base,
                  .state = SEG_MAKING};
  struct merge m = {.level = level, .target = g.id};
  g.level = level_of(g.docs);
  if ((rc = terms_counts_put(s, &c, e)) < 0 || (rc = seg_put(s, &g, e)) < 0) {
    return rc;
  }
  return merge_put(s, &m, e);
}

/* Live segments that no merge has taken, in order; ones that do not follow
 * each other are told apart by an entry without documents. */
static int free_segments(struct sq *s, struct segs *out, struct err *e)
{
  struct segs all = {0};
  int rc = segs_load(s, SEG_MAKING, &all, e);
  for (size_t i = 0; rc == 0 && i < all.n; i++) {
    struct seg g = all.seg[i];
    bool taken = false;
    if (g.state != SEG_LIVE) {
      continue;
    }
    for (size_t k = 0; k < all.n; k++) {
      const struct seg *t = &all.seg[k];
      taken = taken || (t->state == SEG_MAKING && g.base >= t->base &&
                        g.base - t->base < t->docs);
    }
    g.docs = taken ? 0 : g.docs;
    rc = segs_add(out, &g, e);
  }
  segs_free(&all);
  return rc;
}

/* A run with MERGE_FAN segments of ${level}, none greater among them. */
static bool find_run(const struct segs *l, uint32_t level, size_t *from,
                     size_t *to)
{
  size_t count = 0;
  for (size_t i = 0; i < l->n; i++) {
    uint32_t own = level_of(l->seg[i].docs);
    if (l->seg[i].docs == 0 || own > level) {
      count = 0;
    } else if (own == level) {
      *from = count == 0 ? i : *from;
      *to = i + 1;
      if (++count == MERGE_FAN) {
        return true;
      }
    }
  }
  return false;
}

/* The last segments, as far back as it is worth while. */
static bool find_tail(const struct segs *l, size_t *from, size_t *to)
{
  uint64_t docs = 0;
  size_t at = l->n;
  while (at > 0 && l->seg[at - 1].docs > 0 &&
         (at == l->n || l->seg[at - 1].docs / TAIL_SHARE <= docs)) {
    docs += l->seg[--at].docs;
  }
  *from = at;
  *to = l->n;
  return l->n - at > 1;
}

static int plan(struct sq *s, const struct merge *m, size_t n, bool all,
                struct err *e)
{
  struct segs l = {0};
  size_t from = 0, to = 0;
  int rc = free_segments(s, &l, e);
  for (uint32_t level = 0; rc == 0 && level < 8; level++) {
    bool busy = false;
    for (size_t i = 0; i < n; i++) {
      busy = busy || m[i].level == level;
    }
    if (!busy && find_run(&l, level, &from, &to)) {
      rc = begin(s, &l, from, to, level, e);
      rc = rc < 0 ? rc : 1;
    }
  }
  if (rc == 0 && n == 0 && all && find_tail(&l, &from, &to)) {
    rc = begin(s, &l, from, to, LEVEL_ALL, e);
    rc = rc < 0 ? rc : 1;
  }
  segs_free(&l);
  return rc;
}

/* ---- sweeping ---- */

static int sweep_rows(struct sq *s, enum sq_stmt q, int64_t from, int64_t to,
                      int64_t *left, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = *left > 0 ? sq_get(s, q, &st, e) : 0;
  if (rc < 0 || *left <= 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, from);
  sqlite3_bind_int64(st, 2, to);
  sqlite3_bind_int64(st, 3, *left);
  if ((rc = sq_run(s, st, e)) == 0) {
    *left -= sqlite3_changes(s->db);
  }
  return rc;
}

static int sweep_segment(struct sq *s, const struct seg *g, int64_t *left,
                         struct err *e)
{
  int64_t from = g->id << 32, to = (g->id + 1) << 32;
  int rc = 0;
  for (int k = 0; rc == 0 && k < ROW_KINDS; k++) {
    rc = sweep_rows(s, (enum sq_stmt)(Q_ROW_SWEEP + k), from, to, left, e);
  }
  if (rc == 0) {
    rc = sweep_rows(s, Q_LEAD_SWEEP, g->id, 0, left, e);
  }
  if (rc == 0 && *left > 0) {
    rc = sq_exec2(s, Q_TSEG_DROP, g->id, 0, e);
  }
  return rc;
}

/* 1: there is more. */
static int sweep(struct sq *s, int64_t rows, struct err *e)
{
  struct segs l = {0};
  struct term_counts c;
  int64_t left = rows;
  int rc = terms_counts(s, &c, e);
  if (rc == 0) {
    rc = segs_load(s, SEG_GONE, &l, e);
  }
  for (size_t i = 0; rc == 0 && left > 0 && i < l.n; i++) {
    if (l.seg[i].state == SEG_GONE) {
      rc = sweep_segment(s, &l.seg[i], &left, e);
    }
  }
  segs_free(&l);
  if (rc == 0) {
    rc = sweep_rows(s, Q_TDOC_SWEEP, INT64_MIN, c.floor / DOC_PAGE, &left, e);
  }
  if (rc == 0) {
    rc = sweep_rows(s, Q_LEN_SWEEP, INT64_MIN, c.floor / LEN_PAGE, &left, e);
  }
  return rc < 0 ? rc : left <= 0;
}

/* ---- slices ---- */

int merge_slice(struct sq *s, uint64_t work, bool all, struct err *e)
{
  struct merge m[MERGES_MAX];
  struct term_counts c;
  size_t n = 0;
  int more = sweep(s, (int64_t)(work / WORK_ROW) + 8, e);
  int rc = more < 0 ? more : terms_counts(s, &c, e);
  if (rc < 0 || (rc = terms_lens(s, &c, e)) < 0 ||
      (rc = merges_load(s, m, &n, e)) < 0 || (rc = plan(s, m, n, all, e)) < 0) {
    return rc;
  }
  if (rc > 0 && (rc = merges_load(s, m, &n, e)) < 0) {
    return rc;
  }
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = merge_one(s, &m[i], all ? work / n + 1 : work, e);
  }
  return rc < 0 ? rc : more > 0 || n > 0;
}

/* The last term that a segment holds, into ${out}. */
static int last_term(struct sq *s, const struct seg *g, struct merge *out,
                     struct err *e)
{
  struct buf row = {0};
  int rc = 0;
  out->after_n = 0;
  for (uint32_t no = g->rows[ROW_LEAF]; rc == 0 && no-- > 0;) {
    struct leaf_reader r = {.at = 0};
    struct leaf_entry en;
    if ((rc = seg_row_get(s, g, ROW_LEAF, no, &row, e)) < 0) {
      break;
    }
    r.data = buf_span(&row);
    while ((rc = leaf_next(&r, &en)) > 0) {
      memcpy(out->after, en.term.p, en.term.n);
      out->after_n = en.term.n;
    }
    if (rc < 0) {
      rc = terms_bad(s, "a leaf", e);
    }
    if (out->after_n > 0) {
      break;
    }
  }
  buf_free(&row);
  return rc;
}

int merge_forget(struct sq *s, struct err *e)
{
  struct merge m[MERGES_MAX];
  struct segs l = {0};
  size_t n = 0;
  int rc = merges_load(s, m, &n, e);
  if (rc == 0 && n > 0) {
    rc = segs_load(s, SEG_MAKING, &l, e);
  }
  for (size_t i = 0; rc == 0 && i < n; i++) {
    for (size_t k = 0; rc == 0 && k < l.n; k++) {
      if (l.seg[k].id == m[i].target &&
          (rc = last_term(s, &l.seg[k], &m[i], e)) == 0) {
        rc = merge_put(s, &m[i], e);
      }
    }
  }
  segs_free(&l);
  return rc;
}
