/* SPDX-License-Identifier: 0BSD */
/* A canonical dump of the search documents: the same for the same documents,
 * whatever segments they lie in and whether they wait. */
#include "store/sqlite_query.h"

#include "base/mem.h"

#include <stdlib.h>

/* A document, or a posting: by number in the store. */
struct dump_doc {
  int64_t ref, time, set; /* set < 0: waits, and is the -set - 1st there */
  uint32_t value;         /* length's code, or frequency */
};

struct dump {
  struct sq *s;
  struct hash *h;
  struct term_counts c;
  struct segs segs;
  struct seg_cursor *cursor;
  struct buf refs; /* int64_t by document, from the floor on */
  struct buf rows; /* struct dump_doc */
  struct buf facets;
  struct post post;
};

static int order_docs(const void *a, const void *b)
{
  const struct dump_doc *x = a, *y = b;
  return x->ref < y->ref ? -1 : x->ref > y->ref;
}

static struct dump_doc *sorted(struct dump *d, size_t *n)
{
  void *rows = d->rows.p;
  *n = d->rows.n / sizeof(struct dump_doc);
  if (*n > 0) {
    qsort(rows, *n, sizeof(struct dump_doc), order_docs);
  }
  return rows;
}

static int hash_number(struct hash *h, int64_t v)
{
  uint8_t b[8];
  for (int i = 0; i < 8; i++) {
    b[i] = (uint8_t)((uint64_t)v >> 8 * i);
  }
  return hash_add(h, b, sizeof b);
}

static int hash_bytes(struct hash *h, struct span s)
{
  int rc = hash_number(h, (int64_t)s.n);
  return rc < 0 || s.n == 0 ? rc : hash_add(h, s.p, s.n);
}

/* ---- documents ---- */

static int collect_docs(struct dump *d, struct err *e)
{
  const struct terms *t = d->s->terms;
  const struct seg *wait = &d->segs.seg[d->segs.n - 1];
  for (int64_t doc = d->c.floor; doc < d->c.next; doc++) {
    struct doc_entry en;
    int rc = docs_entry(d->s, (uint32_t)doc, &en, e);
    if (rc < 0) {
      return rc;
    }
    struct dump_doc row = {en.ref, en.time, en.set,
                           t->lens.p[doc - d->c.floor]};
    if (buf_put(&d->refs, &en.ref, sizeof en.ref) < 0 ||
        (en.ref != 0 && buf_put(&d->rows, &row, sizeof row) < 0)) {
      return sq_nomem(e);
    }
  }
  for (uint32_t i = 0; i < wait->docs; i++) {
    struct doc_in in = wait_doc(t, i);
    struct dump_doc row = {in.ref, in.time, -(int64_t)i - 1, t->wait_lens.p[i]};
    if (buf_put(&d->rows, &row, sizeof row) < 0) {
      return sq_nomem(e);
    }
  }
  return 0;
}

static int hash_docs(struct dump *d, struct err *e)
{
  size_t n;
  int rc = collect_docs(d, e);
  struct dump_doc *row = sorted(d, &n);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    struct span facets;
    if (row[i].set < 0) {
      facets = wait_doc(d->s->terms, (uint32_t)(-row[i].set - 1)).facets;
    } else {
      rc = docs_set(d->s, row[i].set, &d->facets, e);
      facets = buf_span(&d->facets);
    }
    if (rc == 0 &&
        (hash_number(d->h, row[i].ref) < 0 ||
         hash_number(d->h, row[i].time) < 0 ||
         hash_number(d->h, row[i].value) < 0 || hash_bytes(d->h, facets) < 0)) {
      rc = sq_nomem(e);
    }
  }
  return rc;
}

/* ---- postings ---- */

static int64_t ref_of(const struct dump *d, const struct seg *g, uint32_t doc)
{
  int64_t ref = 0;
  if (g->image != NULL) {
    return doc < g->docs ? wait_doc(d->s->terms, doc).ref : 0;
  }
  size_t at = ((size_t)g->base + doc - (size_t)d->c.floor) * sizeof ref;
  if (doc < g->docs && at + sizeof ref <= d->refs.n) {
    memcpy(&ref, d->refs.p + at, sizeof ref);
  }
  return ref;
}

static int collect_list(struct dump *d, size_t i, struct err *e)
{
  const struct seg *g = &d->segs.seg[i];
  struct seg_list l = {.s = d->s, .seg = g, .entry = &d->cursor[i].entry};
  int rc;
  while ((rc = list_next(&l, e)) > 0) {
    if (post_block_get(&d->post, &l.head.place, l.head.bytes) < 0) {
      rc = terms_bad(d->s, "a list", e);
      break;
    }
    for (size_t k = 0; rc > 0 && k < d->post.n; k++) {
      struct dump_doc row = {.ref = ref_of(d, g, d->post.doc[k]),
                             .value = d->post.tf[k]};
      if (row.ref == 0) {
        rc = terms_bad(d->s, "a list", e);
      } else if (buf_put(&d->rows, &row, sizeof row) < 0) {
        rc = sq_nomem(e);
      }
    }
    if (rc < 0) {
      break;
    }
  }
  list_free(&l);
  return rc;
}

static int hash_term(struct dump *d, struct span term, struct err *e)
{
  size_t n;
  int rc = 0;
  buf_clear(&d->rows);
  if (hash_bytes(d->h, term) < 0) {
    return sq_nomem(e);
  }
  for (size_t i = 0; rc == 0 && i < d->segs.n; i++) {
    if (d->cursor[i].more && span_equal(d->cursor[i].entry.term, term)) {
      if ((rc = collect_list(d, i, e)) == 0) {
        rc = cursor_next(&d->cursor[i], e);
      }
    }
  }
  struct dump_doc *row = sorted(d, &n);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    if (hash_number(d->h, row[i].ref) < 0 ||
        hash_number(d->h, row[i].value) < 0) {
      rc = sq_nomem(e);
    }
  }
  return rc;
}

static int hash_terms(struct dump *d, struct err *e)
{
  uint8_t copy[LEAF_TERM_MAX];
  int rc = 0;
  d->cursor = mem_resize(NULL, d->segs.n, sizeof *d->cursor);
  if (d->cursor == NULL) {
    return sq_nomem(e);
  }
  memset(d->cursor, 0, d->segs.n * sizeof *d->cursor);
  for (size_t i = 0; rc == 0 && i < d->segs.n; i++) {
    d->cursor[i].s = d->s;
    d->cursor[i].seg = &d->segs.seg[i];
    rc = cursor_next(&d->cursor[i], e);
  }
  while (rc == 0) {
    struct span term = {NULL, 0};
    for (size_t i = 0; i < d->segs.n; i++) {
      if (d->cursor[i].more &&
          (term.n == 0 || span_compare(d->cursor[i].entry.term, term) < 0)) {
        term = d->cursor[i].entry.term;
      }
    }
    if (term.n == 0) {
      break;
    }
    memcpy(copy, term.p, term.n);
    rc = hash_term(d, span_of(copy, term.n), e);
  }
  return rc;
}

int sq_terms_digest(struct sq *s, struct hash *h, struct err *e)
{
  struct dump *d = mem_zero(sizeof *d);
  if (d == NULL) {
    return sq_nomem(e);
  }
  d->s = s;
  d->h = h;
  int rc = wait_image(s, e);
  if (rc == 0 && (rc = terms_counts(s, &d->c, e)) == 0 &&
      (rc = terms_lens(s, &d->c, e)) == 0 &&
      (rc = segs_load(s, SEG_LIVE, &d->segs, e)) == 0 &&
      (rc = segs_add(&d->segs, &s->terms->waiting, e)) == 0 &&
      (rc = hash_docs(d, e)) == 0) {
    rc = hash_terms(d, e);
  }
  for (size_t i = 0; d->cursor != NULL && i < d->segs.n; i++) {
    cursor_free(&d->cursor[i]);
  }
  mem_free(d->cursor);
  segs_free(&d->segs);
  buf_free(&d->refs);
  buf_free(&d->rows);
  buf_free(&d->facets);
  mem_free(d);
  return rc;
}
