/* SPDX-License-Identifier: 0BSD */
/* Writes a segment: terms in order, their postings in order. */
#include "store/sqlite_terms.h"

#include "base/check.h"

#include <string.h>

/* No head or block of a strip moves while it is built. */
#define STRIP_ROOM (POST_STRIP_BYTES + POST_BLOCK * 8 + 64)

int writer_open(struct seg_writer *w, struct sq *s, struct seg *g,
                const uint8_t *lens, struct err *e)
{
  memset(w, 0, sizeof *w);
  w->s = s;
  w->seg = g;
  w->lens = lens;
  if (buf_reserve(&w->strip_bytes, STRIP_ROOM) < 0) {
    return sq_nomem(e);
  }
  return words_open(&w->words, e);
}

void writer_free(struct seg_writer *w)
{
  buf_free(&w->leaf);
  buf_free(&w->last);
  buf_free(&w->term);
  buf_free(&w->strip_bytes);
  buf_free(&w->dir);
  buf_free(&w->block_bytes);
  buf_free(&w->row);
  words_free(w->words);
}

/* ---- leaves ---- */

static int lead_put(struct seg_writer *w, struct err *e)
{
  sqlite3_stmt *st = NULL;
  struct leaf_reader r = {.data = buf_span(&w->leaf)};
  struct leaf_entry first;
  if (w->seg->image != NULL) {
    return 0;
  }
  int rc = leaf_next(&r, &first);
  CHECK(rc > 0);
  if ((rc = sq_get(w->s, Q_LEAD_PUT, &st, e)) < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, w->seg->id);
  sq_bind(st, 2, first.term);
  sqlite3_bind_int64(st, 3, w->seg->rows[ROW_LEAF]);
  return sq_run(w->s, st, e);
}

static int leaf_flush(struct seg_writer *w, struct err *e)
{
  if (w->leaf.n == 0) {
    return 0;
  }
  int rc = lead_put(w, e);
  if (rc == 0) {
    rc = seg_row_put(w->s, w->seg, ROW_LEAF, w->seg->rows[ROW_LEAF],
                     buf_span(&w->leaf), e);
  }
  w->seg->rows[ROW_LEAF]++;
  buf_clear(&w->leaf);
  buf_clear(&w->last);
  return rc;
}

static int put_entry(struct seg_writer *w, const struct leaf_entry *en,
                     struct err *e)
{
  size_t before = w->leaf.n;
  if (leaf_put(&w->leaf, buf_span(&w->last), en) < 0) {
    return sq_nomem(e);
  }
  if (w->leaf.n > LEAF_BYTES && before > 0) {
    w->leaf.n = before;
    int rc = leaf_flush(w, e);
    if (rc < 0) {
      return rc;
    }
    if (leaf_put(&w->leaf, span_of(NULL, 0), en) < 0) {
      return sq_nomem(e);
    }
  }
  buf_clear(&w->last);
  return buf_put(&w->last, en->term.p, en->term.n) < 0 ? sq_nomem(e) : 0;
}

/* ---- lists ---- */

static int strip_flush(struct seg_writer *w, struct err *e)
{
  struct leaf_strip dir = {.bound = post_bound_none()};
  if (w->strip.n == 0) {
    return 0;
  }
  for (size_t i = 0; i < w->strip.n; i++) {
    post_bound_join(&dir.bound, &w->strip.head[i].bound);
  }
  dir.last = w->strip.head[w->strip.n - 1].place.last;
  buf_clear(&w->row);
  if (post_strip_put(&w->row, &w->strip) < 0 ||
      buf_put(&w->dir, &dir, sizeof dir) < 0) {
    return sq_nomem(e);
  }
  w->strip.n = 0;
  w->strip_size = 0;
  buf_clear(&w->strip_bytes);
  return seg_row_put(w->s, w->seg, ROW_STRIP, w->seg->rows[ROW_STRIP]++,
                     buf_span(&w->row), e);
}

/* A block into the strip. Its bytes are copied. */
static int strip_add(struct seg_writer *w, const struct post_head *h,
                     struct err *e)
{
  size_t size = h->bytes.n + POST_HEAD_MAX;
  if (w->strip.n == POST_STRIP_BLOCKS ||
      (w->strip.n > 0 && w->strip_size + size > POST_STRIP_BYTES)) {
    int rc = strip_flush(w, e);
    if (rc < 0) {
      return rc;
    }
  }
  struct post_head *to = &w->strip.head[w->strip.n];
  size_t at = w->strip_bytes.n;
  if (at + h->bytes.n > STRIP_ROOM) {
    return terms_bad(w->s, "a block", e); /* never written as long as that */
  }
  if (buf_put(&w->strip_bytes, h->bytes.p, h->bytes.n) < 0) {
    return sq_nomem(e);
  }
  *to = *h;
  to->bytes = span_of(w->strip_bytes.p + at, h->bytes.n);
  w->strip.n++;
  w->strip_size += size;
  return 0;
}

static int block_flush(struct seg_writer *w, struct err *e)
{
  struct post *b = &w->block;
  struct post_head h = {.bound = post_bound_none()};
  if (b->n == 0) {
    return 0;
  }
  for (size_t i = 0; i < b->n; i++) {
    post_bound_add(&h.bound, b->tf[i], w->lens[b->doc[i]]);
  }
  h.place = (struct post_place){b->doc[0], b->doc[b->n - 1], (uint32_t)b->n};
  buf_clear(&w->block_bytes);
  if (post_block_put(&w->block_bytes, b) < 0) {
    return sq_nomem(e);
  }
  h.bytes = buf_span(&w->block_bytes);
  b->n = 0;
  return strip_add(w, &h, e);
}

int writer_term(struct seg_writer *w, struct span term, struct err *e)
{
  buf_clear(&w->term);
  buf_clear(&w->dir);
  w->df = 0;
  return buf_put(&w->term, term.p, term.n) < 0 ? sq_nomem(e) : 0;
}

int writer_post(struct seg_writer *w, uint32_t doc, uint16_t tf, struct err *e)
{
  if (w->block.n == POST_BLOCK) {
    int rc = block_flush(w, e);
    if (rc < 0) {
      return rc;
    }
  }
  w->block.doc[w->block.n] = doc;
  w->block.tf[w->block.n++] = tf;
  w->df++;
  return 0;
}

int writer_block(struct seg_writer *w, const struct post_head *h,
                 uint32_t shift, struct err *e)
{
  struct post_head moved = *h;
  int rc = block_flush(w, e);
  if (rc < 0) {
    return rc;
  }
  moved.place.first += shift;
  moved.place.last += shift;
  w->df += h->place.n;
  return strip_add(w, &moved, e);
}

/* All of it fits the leaf. */
static int end_short(struct seg_writer *w, struct leaf_entry *en, struct err *e)
{
  const struct post *b = &w->block;
  buf_clear(&w->block_bytes);
  if (post_block_put(&w->block_bytes, b) < 0) {
    return sq_nomem(e);
  }
  en->place = (struct post_place){b->doc[0], b->doc[b->n - 1], (uint32_t)b->n};
  en->block = buf_span(&w->block_bytes);
  w->block.n = 0;
  return put_entry(w, en, e);
}

static int end_long(struct seg_writer *w, struct leaf_entry *en, struct err *e)
{
  int rc = block_flush(w, e);
  if (rc < 0 || (rc = strip_flush(w, e)) < 0) {
    return rc;
  }
  size_t strips = w->dir.n / sizeof(struct leaf_strip);
  const void *dir = w->dir.p;
  buf_clear(&w->row);
  if (leaf_dir_put(&w->row, dir, strips) < 0) {
    return sq_nomem(e);
  }
  en->has_strips = true;
  en->strips = (uint32_t)strips;
  en->strip = w->seg->rows[ROW_STRIP] - en->strips;
  en->dir = buf_span(&w->row);
  return put_entry(w, en, e);
}

int writer_term_end(struct seg_writer *w, struct err *e)
{
  struct leaf_entry en = {.term = buf_span(&w->term), .df = w->df};
  if (w->df == 0) {
    return 0;
  }
  bool is_short = w->strip.n == 0 && w->dir.n == 0;
  int rc = is_short ? end_short(w, &en, e) : end_long(w, &en, e);
  return rc < 0 ? rc : words_add(w, buf_span(&w->term), w->df, e);
}

int writer_end(struct seg_writer *w, struct err *e)
{
  int rc = leaf_flush(w, e);
  return rc < 0 ? rc : words_flush(w, e);
}

int writer_gathered(struct seg_writer *w, struct err *e)
{
  const struct gather *g = &w->s->terms->gather;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < g->terms; i++) {
    const struct gather_term *t = &g->term[i];
    uint32_t at = t->head;
    rc = writer_term(w, gather_bytes(g, t), e);
    for (uint32_t k = 0; rc == 0 && k < t->df; k++) {
      const struct gather_post *p = &g->post[at];
      rc = writer_post(
          w, p->doc, (uint16_t)(p->tf > POST_TF_MAX ? POST_TF_MAX : p->tf), e);
      at = p->next;
    }
    if (rc == 0) {
      rc = writer_term_end(w, e);
    }
  }
  return rc < 0 ? rc : writer_end(w, e);
}
