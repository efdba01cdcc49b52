/* SPDX-License-Identifier: 0BSD */
/* Takes postings out of segments, so that the words of a document that went
 * are gone from the file in the same change. */
#include "store/sqlite_terms.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

/* A leaf under work, and the terms that are to be taken from it. */
struct forget {
  struct sq *s;
  const struct seg *seg;
  size_t at; /* the next term of the gathered */
  struct buf old, leaf, last, row, block;
  struct post post;
  bool changed;
};

static void forget_free(struct forget *f)
{
  buf_free(&f->old);
  buf_free(&f->leaf);
  buf_free(&f->last);
  buf_free(&f->row);
  buf_free(&f->block);
}

/* Take the postings of ${t}'s documents from the block; how many went. */
static size_t post_remove(struct forget *f, const struct gather_term *t)
{
  const struct gather *g = &f->s->terms->gather;
  struct post *p = &f->post;
  uint32_t gone = t->head, left = t->df;
  size_t n = 0;
  for (size_t i = 0; i < p->n; i++) {
    uint64_t doc = (uint64_t)p->doc[i] + f->seg->base;
    while (left > 0 && g->post[gone].doc < doc) {
      gone = g->post[gone].next;
      left--;
    }
    if (left > 0 && g->post[gone].doc == doc) {
      continue;
    }
    p->doc[n] = p->doc[i];
    p->tf[n++] = p->tf[i];
  }
  size_t went = p->n - n;
  p->n = n;
  return went;
}

/* Does any of them lie in first .. last? */
static bool touches(const struct forget *f, const struct gather_term *t,
                    uint32_t first, uint32_t last)
{
  const struct gather *g = &f->s->terms->gather;
  uint32_t at = t->head;
  for (uint32_t k = 0; k < t->df; k++) {
    uint64_t doc = g->post[at].doc;
    if (doc >= (uint64_t)first + f->seg->base &&
        doc <= (uint64_t)last + f->seg->base) {
      return true;
    }
    at = g->post[at].next;
  }
  return false;
}

static int forget_short(struct forget *f, const struct gather_term *t,
                        struct leaf_entry *en, struct err *e)
{
  if (post_block_get(&f->post, &en->place, en->block) < 0) {
    return terms_bad(f->s, "a list", e);
  }
  size_t went = post_remove(f, t);
  if (went == 0) {
    return 0;
  }
  f->changed = true;
  en->df -= (uint32_t)went;
  if (en->df == 0) {
    return 0;
  }
  buf_clear(&f->block);
  if (post_block_put(&f->block, &f->post) < 0) {
    return sq_nomem(e);
  }
  en->place =
      (struct post_place){f->post.doc[0], f->post.doc[f->post.n - 1], en->df};
  en->block = buf_span(&f->block);
  return 0;
}

/* One strip: its blocks again, without what went. */
static int forget_strip(struct forget *f, const struct gather_term *t,
                        struct leaf_entry *en, uint32_t no, struct err *e)
{
  struct post_strip strip, out = {.n = 0};
  struct buf bytes = {0};
  size_t went = 0;
  int rc = seg_row_get(f->s, f->seg, ROW_STRIP, no, &f->row, e);
  if (rc < 0) {
    return rc;
  }
  if (post_strip_get(&strip, buf_span(&f->row)) < 0) {
    return terms_bad(f->s, "a list", e);
  }
  /* No block grows: its room is known. */
  if (buf_reserve(&bytes, f->row.n + (size_t)POST_BLOCK * 8) < 0) {
    return sq_nomem(e);
  }
  for (size_t i = 0; rc == 0 && i < strip.n; i++) {
    struct post_head h = strip.head[i];
    if (touches(f, t, h.place.first, h.place.last)) {
      size_t from = bytes.n, gone;
      if (post_block_get(&f->post, &h.place, h.bytes) < 0) {
        rc = terms_bad(f->s, "a list", e);
        break;
      }
      went += gone = post_remove(f, t);
      if (f->post.n == 0) {
        continue;
      }
      if (gone > 0) {
        rc = post_block_put(&bytes, &f->post) < 0 ? sq_nomem(e) : 0;
        h.bytes = span_of(bytes.p + from, bytes.n - from);
        h.place = (struct post_place){
            f->post.doc[0], f->post.doc[f->post.n - 1], (uint32_t)f->post.n};
      }
    }
    out.head[out.n++] = h;
  }
  if (rc == 0 && went > 0) {
    buf_clear(&f->block);
    rc = post_strip_put(&f->block, &out) < 0
             ? sq_nomem(e)
             : seg_row_put(f->s, f->seg, ROW_STRIP, no, buf_span(&f->block), e);
    f->changed = true;
    en->df = went < en->df ? en->df - (uint32_t)went : 0;
  }
  buf_free(&bytes);
  return rc;
}

static int forget_long(struct forget *f, const struct gather_term *t,
                       struct leaf_entry *en, struct err *e)
{
  struct leaf_strip *dir = mem_resize(NULL, en->strips, sizeof *dir);
  uint32_t first = 0;
  int rc = dir == NULL                 ? sq_nomem(e)
           : leaf_dir_get(dir, en) < 0 ? terms_bad(f->s, "a list", e)
                                       : 0;
  uint32_t strips = en->strips;
  for (uint32_t i = 0; rc == 0 && i < strips; i++) {
    if (touches(f, t, first, dir[i].last)) {
      rc = forget_strip(f, t, en, en->strip + i, e);
    }
    first = dir[i].last + 1;
  }
  mem_free(dir);
  return rc;
}

static int keep_entry(struct forget *f, const struct leaf_entry *en,
                      struct err *e)
{
  if (leaf_put(&f->leaf, buf_span(&f->last), en) < 0) {
    return sq_nomem(e);
  }
  buf_clear(&f->last);
  return buf_put(&f->last, en->term.p, en->term.n) < 0 ? sq_nomem(e) : 0;
}

/* The rows of a list that has nothing left. */
static int drop_strips(struct forget *f, const struct leaf_entry *en,
                       struct err *e)
{
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && en->has_strips && i < en->strips; i++) {
    rc =
        sq_exec2(f->s, (enum sq_stmt)(Q_ROW_DROP + ROW_STRIP),
                 (int64_t)((uint64_t)f->seg->id << 32 | (en->strip + i)), 0, e);
  }
  return rc;
}

static int forget_entry(struct forget *f, struct leaf_entry *en, struct err *e)
{
  const struct gather *g = &f->s->terms->gather;
  int rc = 0, order = 1;
  while (f->at < g->terms &&
         (order = span_compare(gather_bytes(g, &g->term[f->at]), en->term)) <
             0) {
    f->at++;
  }
  if (f->at < g->terms && order == 0) {
    const struct gather_term *t = &g->term[f->at++];
    rc = en->has_strips ? forget_long(f, t, en, e) : forget_short(f, t, en, e);
  }
  if (rc == 0 && en->df == 0) {
    rc = drop_strips(f, en, e);
    return rc < 0 ? rc : words_drop(f->s, f->seg, en->term, e);
  }
  return rc < 0 ? rc : keep_entry(f, en, e);
}

/* The directory's entry of a leaf: by the first term that it has now. */
static int lead_move(struct forget *f, uint32_t no, struct err *e)
{
  struct leaf_reader old = {.data = buf_span(&f->old)};
  struct leaf_reader now = {.data = buf_span(&f->leaf)};
  struct leaf_entry was, is;
  sqlite3_stmt *st = NULL;
  int had = leaf_next(&old, &was), has = leaf_next(&now, &is);
  if (had > 0 && has > 0 && span_equal(was.term, is.term)) {
    return 0;
  }
  int rc = 0;
  if (had > 0 && (rc = sq_get(f->s, Q_LEAD_DROP, &st, e)) == 0) {
    sqlite3_bind_int64(st, 1, f->seg->id);
    sq_bind(st, 2, was.term);
    rc = sq_run(f->s, st, e);
  }
  if (rc == 0 && has > 0 && (rc = sq_get(f->s, Q_LEAD_PUT, &st, e)) == 0) {
    sqlite3_bind_int64(st, 1, f->seg->id);
    sq_bind(st, 2, is.term);
    sqlite3_bind_int64(st, 3, no);
    rc = sq_run(f->s, st, e);
  }
  return rc;
}

/* What the gathered terms from f->at on have in this leaf. */
static int forget_leaf(struct forget *f, uint32_t no, struct err *e)
{
  struct leaf_reader r = {.at = 0};
  struct leaf_entry en;
  int rc = seg_row_get(f->s, f->seg, ROW_LEAF, no, &f->old, e);
  r.data = buf_span(&f->old);
  buf_clear(&f->leaf);
  buf_clear(&f->last);
  f->changed = false;
  while (rc == 0 && (rc = leaf_next(&r, &en)) > 0) {
    rc = forget_entry(f, &en, e);
  }
  if (rc < 0) {
    return rc == ERR_CORRUPT ? terms_bad(f->s, "a leaf", e) : rc;
  }
  if (!f->changed) {
    return 0;
  }
  rc = lead_move(f, no, e);
  return rc < 0
             ? rc
             : seg_row_put(f->s, f->seg, ROW_LEAF, no, buf_span(&f->leaf), e);
}

static int forget_segment(struct forget *f, struct err *e)
{
  const struct gather *g = &f->s->terms->gather;
  int rc = 0;
  f->at = 0;
  while (rc >= 0 && f->at < g->terms) {
    uint32_t no = 0;
    size_t before = f->at;
    rc = seg_leaf_of(f->s, f->seg, gather_bytes(g, &g->term[f->at]), &no, e);
    if (rc > 0) {
      rc = forget_leaf(f, no, e);
    }
    f->at += f->at == before; /* nothing there is as great as this term */
  }
  return rc < 0 ? rc : 0;
}

/* Has the segment any of the documents? */
static bool concerns(const struct seg *seg, const struct gather *g)
{
  for (size_t i = 0; i < g->posts; i++) {
    uint32_t doc = g->post[i].doc;
    if (doc >= seg->base && doc - seg->base < seg->docs) {
      return true;
    }
  }
  return false;
}

int forget_postings(struct sq *s, struct err *e)
{
  struct segs segs = {0};
  struct forget *f = mem_zero(sizeof *f);
  if (f == NULL) {
    return sq_nomem(e);
  }
  f->s = s;
  int rc = segs_load(s, SEG_MAKING, &segs, e);
  for (size_t i = 0; rc == 0 && i < segs.n; i++) {
    f->seg = &segs.seg[i];
    if (concerns(f->seg, &s->terms->gather)) {
      rc = forget_segment(f, e);
    }
  }
  forget_free(f);
  mem_free(f);
  segs_free(&segs);
  if (rc == 0) {
    rc = vocabs_cut(s, e);
  }
  return rc < 0 ? rc : merge_forget(s, e);
}
