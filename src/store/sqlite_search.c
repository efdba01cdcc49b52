/* SPDX-License-Identifier: 0BSD */
/* Search documents enter, change and leave. */
#include "store/sqlite_terms.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- what comes in is looked at first ---- */

static int list_check(struct span list, const char *what, size_t most,
                      struct err *e)
{
  struct span before = {NULL, 0};
  for (size_t at = 0; at < list.n;) {
    size_t n = list.p[at++];
    if (n == 0 || n > most || n > list.n - at) {
      return err_set(e, ERR_INVALID,
                     "a %s of %zu bytes in a search document, at byte %zu",
                     what, n, at - 1);
    }
    struct span one = span_of(list.p + at, n);
    if (most == STORE_FACET_MAX && before.n > 0 &&
        span_compare(before, one) >= 0) {
      return err_set(e, ERR_INVALID,
                     "the facets of a search document do not ascend");
    }
    before = one;
    at += n;
  }
  return 0;
}

/* With its reference resolved. */
static int doc_read(struct sq *s, const struct store_doc *d, size_t blocks,
                    struct doc_in *out, struct err *e)
{
  int rc = list_check(d->terms, "term", STORE_TERM_MAX, e);
  if (rc == 0) {
    rc = list_check(d->facets, "facet", STORE_FACET_MAX, e);
  }
  if (rc == 0) {
    rc = sq_ref(s, d->ref, blocks, &out->ref, e);
  }
  if (rc == 0 && out->ref <= 0) {
    rc = err_set(e, ERR_INVALID, "a search document needs a number");
  }
  out->time = d->time;
  out->length = d->length;
  out->terms = d->terms;
  out->facets = d->facets;
  return rc;
}

/* Where is document ${ref}? */
enum place { NOWHERE, INDEXED, WAITING };

static int doc_place(struct sq *s, int64_t ref, uint32_t *doc, enum place *out,
                     struct err *e)
{
  bool found = false, waits = false;
  int rc = docs_find(s, ref, doc, &found, e);
  if (rc == 0 && !found) {
    rc = wait_has(s, ref, &waits, e);
  }
  *out = found ? INDEXED : waits ? WAITING : NOWHERE;
  return rc;
}

/* ---- going ---- */

struct leaving {
  uint32_t doc;
  struct span terms;
};

static int order_leaving(const void *a, const void *b)
{
  const struct leaving *x = a, *y = b;
  return x->doc < y->doc ? -1 : x->doc > y->doc;
}

static int gather_leaving(struct sq *s, struct leaving *l, size_t n,
                          struct err *e)
{
  struct gather *g = &s->terms->gather;
  int rc = 0;
  gather_clear(g);
  qsort(l, n, sizeof *l, order_leaving);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = gather_doc(g, l[i].doc, l[i].terms);
  }
  if (rc == 0) {
    rc = gather_sort(g);
  }
  return rc < 0 ? sq_nomem(e) : n > 0 ? forget_postings(s, e) : 0;
}

/* One document goes; its postings, if it has any, are noted in ${l}. */
static int undoc(struct sq *s, const struct doc_in *d, struct term_counts *c,
                 struct leaving *l, size_t *n, struct err *e)
{
  enum place place = NOWHERE;
  uint64_t length = 0;
  uint32_t doc = 0;
  int rc = doc_place(s, d->ref, &doc, &place, e);
  if (rc < 0 || place == NOWHERE) {
    return rc;
  }
  if (place == WAITING) {
    rc = wait_drop(s, d->ref, &length, e);
  } else {
    length = d->length;
    l[(*n)++] = (struct leaving){doc, d->terms};
    rc = docs_leave(s, doc, e);
  }
  c->docs--;
  c->words -= (int64_t)length < c->words ? (int64_t)length : c->words;
  return rc;
}

static int undocs(struct sq *s, const struct store_batch *b,
                  struct term_counts *c, struct err *e)
{
  struct leaving *l = mem_resize(NULL, b->undocs_n, sizeof *l);
  size_t n = 0;
  int rc = l == NULL ? sq_nomem(e) : 0;
  for (size_t i = 0; rc == 0 && i < b->undocs_n; i++) {
    struct doc_in d;
    if ((rc = doc_read(s, &b->undocs[i], b->blocks_n, &d, e)) == 0) {
      rc = undoc(s, &d, c, l, &n, e);
    }
  }
  if (rc == 0) {
    rc = gather_leaving(s, l, n, e);
  }
  mem_free(l);
  return rc;
}

/* ---- changing ---- */

static int retags(struct sq *s, const struct store_batch *b, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < b->retags_n; i++) {
    enum place place = NOWHERE;
    struct doc_in d;
    uint32_t doc = 0;
    if ((rc = doc_read(s, &b->retags[i], b->blocks_n, &d, e)) < 0 ||
        (rc = doc_place(s, d.ref, &doc, &place, e)) < 0) {
      break;
    }
    if (place == INDEXED) {
      rc = docs_retag(s, doc, &d, e);
    } else if (place == WAITING) {
      rc = wait_retag(s, &d, e);
    }
  }
  return rc;
}

/* ---- coming ---- */

/* ${d} become a segment of their own. */
static int segment_make(struct sq *s, const struct doc_in *d, size_t n,
                        struct term_counts *c, struct err *e)
{
  struct gather *g = &s->terms->gather;
  struct seg seg = {
      .id = c->seg++, .base = (uint32_t)c->next, .docs = (uint32_t)n};
  struct seg_writer w;
  struct buf lens = {0};
  int rc = 0;
  gather_clear(g);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = gather_doc(g, (uint32_t)i, d[i].terms);
    if (rc == 0) {
      rc = buf_byte(&lens, post_length(d[i].length));
    }
  }
  if (rc == 0) {
    rc = gather_sort(g);
  }
  rc = rc < 0 ? sq_nomem(e) : docs_enter(s, d, n, c, e);
  if (rc == 0) {
    if ((rc = writer_open(&w, s, &seg, lens.p, e)) == 0 &&
        (rc = writer_gathered(&w, e)) == 0) {
      rc = seg_put(s, &seg, e);
    }
    writer_free(&w);
  }
  buf_free(&lens);
  return rc;
}

/* All that waits becomes a segment. */
static int wait_fold(struct sq *s, struct term_counts *c, struct err *e)
{
  struct buf bytes = {0}, docs = {0};
  int rc = wait_load(s, &bytes, &docs, e);
  if (rc == 0) {
    const void *d = docs.p;
    rc = segment_make(s, d, docs.n / sizeof(struct doc_in), c, e);
  }
  if (rc == 0 && (rc = sq_exec(s, Q_WAIT_CLEAR, e)) == 0) {
    s->pending = 0;
    s->terms->image_good = false;
  }
  buf_free(&bytes);
  buf_free(&docs);
  return rc;
}

static bool among(const struct doc_in *d, size_t n, int64_t ref)
{
  for (size_t i = n; i-- > 0;) {
    if (d[i].ref == ref) {
      return true;
    }
    if (d[i].ref < ref) {
      return false; /* they ascend: see docs() */
    }
  }
  return false;
}

static int order_docs(const void *a, const void *b)
{
  const struct doc_in *x = a, *y = b;
  return x->ref < y->ref ? -1 : x->ref > y->ref;
}

/* Those of the batch that are not there yet, in order, each once. */
static int fresh_docs(struct sq *s, const struct store_batch *b,
                      struct doc_in *out, size_t *n, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < b->docs_n; i++) {
    rc = doc_read(s, &b->docs[i], b->blocks_n, &out[i], e);
  }
  if (rc < 0) {
    return rc;
  }
  qsort(out, b->docs_n, sizeof *out, order_docs);
  for (size_t i = 0; rc == 0 && i < b->docs_n; i++) {
    enum place place = NOWHERE;
    uint32_t doc = 0;
    struct doc_in d = out[i];
    rc = doc_place(s, d.ref, &doc, &place, e);
    if (rc == 0 && place == NOWHERE && !among(out, *n, d.ref)) {
      out[(*n)++] = d;
    }
  }
  return rc;
}

static int docs(struct sq *s, const struct store_batch *b,
                struct term_counts *c, struct err *e)
{
  struct doc_in *d = mem_resize(NULL, b->docs_n, sizeof *d);
  size_t n = 0;
  int rc = d == NULL ? sq_nomem(e) : fresh_docs(s, b, d, &n, e);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    c->docs++;
    c->words += (int64_t)d[i].length;
    if (b->docs_n < PENDING_BULK) {
      rc = wait_put(s, &d[i], e);
    }
  }
  if (rc == 0 && b->docs_n >= PENDING_BULK && n > 0) {
    rc = segment_make(s, d, n, c, e);
  }
  if (rc == 0 && s->pending >= PENDING_FOLD) {
    rc = wait_fold(s, c, e);
  }
  mem_free(d);
  return rc;
}

/* What a slice of merging works off after so many documents came: each is
 * written again once a level, and there is some to catch up. */
#define SLICE_A_DOC 400u

int sq_docs_put(struct sq *s, const struct store_batch *b, struct err *e)
{
  struct term_counts c;
  struct terms *t;
  if (b->docs_n + b->undocs_n + b->retags_n == 0) {
    return 0;
  }
  int rc = terms_of(s, &t, e);
  if (rc < 0 || (rc = terms_counts(s, &c, e)) < 0) {
    return rc;
  }
  int64_t segments = c.seg;
  if ((b->undocs_n > 0 && (rc = undocs(s, b, &c, e)) < 0) ||
      (b->retags_n > 0 && (rc = retags(s, b, e)) < 0) ||
      (b->docs_n > 0 && (rc = docs(s, b, &c, e)) < 0) ||
      (rc = docs_flush(s, e)) < 0 || (rc = terms_counts_put(s, &c, e)) < 0) {
    return rc;
  }
  if (c.seg > segments) {
    uint64_t n = b->docs_n > PENDING_FOLD ? b->docs_n : PENDING_FOLD;
    rc = merge_slice(s, n * SLICE_A_DOC, false, e);
  }
  return rc < 0 ? rc : 0;
}

int sq_tidy(struct store *st, bool all, struct err *e)
{
  struct sq *s = sq_of(st);
  struct term_counts c;
  struct terms *t;
  int more = 0;
  int rc = sq_enter(s, true, e);
  if (rc < 0 || (rc = sq_begin(s, e)) < 0) {
    return rc;
  }
  rc = terms_of(s, &t, e);
  if (rc == 0 && all && s->pending > 0 && (rc = terms_counts(s, &c, e)) == 0 &&
      (rc = wait_fold(s, &c, e)) == 0 && (rc = docs_flush(s, e)) == 0) {
    rc = terms_counts_put(s, &c, e);
  }
  if (rc == 0) {
    rc = more = merge_slice(s, SLICE_WORK, all, e);
  }
  rc = sq_end(s, rc, e);
  return rc < 0 ? rc : more;
}

/* ---- none of them ---- */

static int order_ids(const void *a, const void *b)
{
  const struct seg *x = a, *y = b;
  return x->id < y->id ? -1 : x->id > y->id;
}

/* Are all rows of a kind of segments that have an entry? ${q} asks for the
 * segment of the first row after one. */
static int all_have_entries(struct sq *s, enum sq_stmt q, const struct segs *l,
                            bool *out, struct err *e)
{
  int64_t last = INT64_MIN;
  int rc = 0;
  while (rc == 0 && *out) {
    struct seg of = {.id = last};
    int64_t row = q == Q_LEAD_AFTER || last < 0
                      ? last
                      : (int64_t)((uint64_t)last << 32 | UINT32_MAX);
    rc = sq_int(s, q, row, &of.id, e);
    if (rc < 0 || of.id == last) {
      break; /* there is no other */
    }
    *out = of.id > last && l->n > 0 &&
           bsearch(&of, l->seg, l->n, sizeof *l->seg, order_ids) != NULL;
    last = of.id;
  }
  return rc;
}

/* Would sweeping by and by find all that there is, and new numbers nothing in
 * their way? Not where the index is damaged. */
static int is_orderly(struct sq *s, const struct term_counts *c, bool *out,
                      struct err *e)
{
  struct segs l = {0};
  int64_t page[2] = {-1, -1};
  int rc = segs_load(s, SEG_GONE, &l, e);
  *out = rc == 0 && c->next < UINT32_MAX / 2;
  for (size_t i = 0; i < l.n; i++) {
    *out = *out && l.seg[i].id < c->seg;
  }
  if (rc == 0 && l.n > 0) {
    qsort(l.seg, l.n, sizeof *l.seg, order_ids);
  }
  for (int q = Q_ROW_AFTER; rc == 0 && q <= Q_LEAD_AFTER; q++) {
    rc = all_have_entries(s, (enum sq_stmt)q, &l, out, e);
  }
  if (rc == 0 && (rc = sq_int(s, Q_TDOC_MAX, 0, &page[0], e)) == 0) {
    rc = sq_int(s, Q_LEN_MAX, 0, &page[1], e);
  }
  *out = *out && page[0] < c->next / DOC_PAGE + 1 &&
         page[1] < c->next / LEN_PAGE + 1;
  segs_free(&l);
  return rc == ERR_CORRUPT ? 0 : rc;
}

/* All goes at once, and counting starts anew. */
static int clear_damaged(struct sq *s, struct term_counts *c, struct err *e)
{
  int64_t next = c->next < UINT32_MAX / 2 ? c->next : 0;
  *c = (struct term_counts){.next = next};
  int rc = sq_sql(s, s->db,
                  "DELETE FROM search_seg; DELETE FROM search_lead;"
                  "DELETE FROM search_leaf; DELETE FROM search_strip;"
                  "DELETE FROM search_word; DELETE FROM search_len;"
                  "DELETE FROM search_doc",
                  e);
  return rc < 0 ? rc : vocabs_cut(s, e);
}

int sq_search_clear(struct sq *s, struct err *e)
{
  struct term_counts c = {0};
  bool orderly = false;
  int rc = terms_counts(s, &c, e);
  if (rc == 0) {
    rc = is_orderly(s, &c, &orderly, e);
  } else if (rc == ERR_CORRUPT) {
    c.next = 0;
    rc = 0;
  }
  if (rc < 0 || (!orderly && (rc = clear_damaged(s, &c, e)) < 0)) {
    return rc;
  }
  c.docs = c.words = 0;
  c.floor = c.next = (c.next + LEN_PAGE - 1) / LEN_PAGE * LEN_PAGE;
  rc = sq_sql(s, s->db,
              "UPDATE search_seg SET state = 2;"
              "DELETE FROM search_ref; DELETE FROM search_set;"
              "DELETE FROM search_merge; DELETE FROM search_wait",
              e);
  s->pending = 0;
  sq_terms_forget(s);
  return rc < 0 ? rc : terms_counts_put(s, &c, e);
}

int sq_search_reset(struct store *st, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, true, e);
  if (rc < 0 || (rc = sq_begin(s, e)) < 0) {
    return rc;
  }
  rc = sq_search_clear(s, e);
  s->scrub = true;
  return sq_end(s, rc, e);
}
