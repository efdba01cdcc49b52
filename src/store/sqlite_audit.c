/* SPDX-License-Identifier: 0BSD */
/* Walks the whole search index: do its tables agree with one another? And
 * tells what each document comes to, so that others can hold that against
 * what it was made of. */
#include "store/audit.h"
#include "store/sqlite_query.h"

#include "base/mem.h"

#include <stdlib.h>

struct audit {
  struct sq *s;
  struct term_counts c;
  struct segs segs;
  struct store_audit *doc; /* by document, from the floor on; ref 0: none */
  size_t docs;
  uint32_t covered; /* documents in the segments seen so far */
  struct buf facets;
  int64_t set; /* whose facets those are */
  struct post post;
  struct post_bound own;  /* of the block seen last */
  struct leaf_strip *dir; /* of the list under work, if it is long */
  struct seg_cursor cursor;
  struct word_page page;
  uint32_t page_no;
  size_t word; /* the next of the page */
};

/* ---- documents ---- */

static int see_doc(struct audit *a, uint32_t doc, struct err *e)
{
  struct sq *s = a->s;
  struct doc_entry en;
  uint32_t back = 0;
  bool found = false;
  int rc = docs_entry(s, doc, &en, e);
  if (rc < 0 || en.ref == 0) {
    return rc;
  }
  if ((rc = docs_find(s, en.ref, &back, &found, e)) < 0) {
    return rc;
  }
  if (!found || back != doc) {
    return terms_bad(s, "a row of numbers", e);
  }
  if (en.set != a->set) {
    rc = docs_set(s, en.set, &a->facets, e);
    a->set = en.set;
  }
  uint32_t at = doc - (uint32_t)a->c.floor;
  a->doc[at].ref = (uint64_t)en.ref;
  a->doc[at].rest =
      audit_rest(en.time, s->terms->lens.p[at], buf_span(&a->facets));
  return rc;
}

/* All lengths are in the mean that documents are ranked by. Each is known to
 * five bits only, so what is far off is damage. */
static int see_words(const struct audit *a, struct err *e)
{
  const struct terms *t = a->s->terms;
  uint64_t sum = 0, words = (uint64_t)a->c.words;
  for (size_t i = 0; i < a->docs; i++) {
    sum += a->doc[i].ref != 0 ? post_words(t->lens.p[i]) : 0;
  }
  for (uint32_t i = 0; i < t->waiting.docs; i++) {
    sum += post_words(t->wait_lens.p[i]);
  }
  return words < sum / 2 || words / 2 > sum
             ? terms_bad(a->s, "the number of words", e)
             : 0;
}

static int see_docs(struct audit *a, struct err *e)
{
  int64_t live = a->s->terms->waiting.docs;
  int rc = 0;
  a->docs = (size_t)(a->c.next - a->c.floor);
  a->doc = mem_resize(NULL, a->docs, sizeof *a->doc);
  if (a->doc == NULL) {
    return sq_nomem(e);
  }
  memset(a->doc, 0, a->docs * sizeof *a->doc);
  for (size_t i = 0; rc == 0 && i < a->docs; i++) {
    rc = see_doc(a, (uint32_t)a->c.floor + (uint32_t)i, e);
    live += a->doc[i].ref != 0;
  }
  if (rc == 0 && live != a->c.docs) {
    return terms_bad(a->s, "the number of documents", e);
  }
  return rc < 0 ? rc : see_words(a, e);
}

/* ---- postings ---- */

/* Does ${b} promise at least what ${own} holds? */
static bool bounds(const struct post_bound *b, const struct post_bound *own)
{
  return b->one <= own->one && b->tf >= own->tf && b->more <= own->more;
}

static int see_block(struct audit *a, const struct seg *g, uint64_t sum,
                     const struct post_head *h, bool bounded, struct err *e)
{
  const struct post *p = &a->post;
  a->own = post_bound_none();
  if (post_block_get(&a->post, &h->place, h->bytes) < 0 ||
      p->doc[0] != h->place.first || p->doc[p->n - 1] != h->place.last ||
      h->place.last >= g->docs) {
    return terms_bad(a->s, "a list", e);
  }
  for (size_t i = 0; i < p->n; i++) {
    size_t at = g->base - (uint32_t)a->c.floor + p->doc[i];
    if (at >= a->docs || a->doc[at].ref == 0) {
      return terms_bad(a->s, "a list", e); /* of a document that is gone */
    }
    a->doc[at].terms += sum * p->tf[i];
    post_bound_add(&a->own, p->tf[i], a->s->terms->lens.p[at]);
  }
  return bounded && !bounds(&h->bound, &a->own) ? terms_bad(a->s, "a bound", e)
                                                : 0;
}

static int open_dir(struct audit *a, const struct leaf_entry *en, struct err *e)
{
  if (!en->has_strips) {
    return 0;
  }
  struct leaf_strip *dir = mem_resize(a->dir, en->strips, sizeof *dir);
  if (dir == NULL) {
    return sq_nomem(e);
  }
  a->dir = dir;
  return leaf_dir_get(dir, en) < 0 ? terms_bad(a->s, "a list", e) : 0;
}

/* Does the directory lead to the block seen last, and promise what it holds? */
static int see_dir(const struct audit *a, const struct seg_list *l,
                   struct err *e)
{
  if (!l->entry->has_strips) {
    return 0;
  }
  uint32_t i = l->strip - 1;
  bool leads = a->dir[i].last < l->seg->docs &&
               l->head.place.last <= a->dir[i].last &&
               (i == 0 || l->head.place.first > a->dir[i - 1].last);
  return leads && bounds(&a->dir[i].bound, &a->own)
             ? 0
             : terms_bad(a->s, "a list's directory", e);
}

static int see_list(struct audit *a, const struct seg *g, struct err *e)
{
  const struct leaf_entry *en = &a->cursor.entry;
  struct seg_list l = {.s = a->s, .seg = g, .entry = en};
  uint64_t sum = audit_term(en->term), df = 0;
  uint32_t last = 0;
  int rc = open_dir(a, en, e);
  while (rc >= 0 && (rc = list_next(&l, e)) > 0) {
    if (df > 0 && l.head.place.first <= last) {
      rc = terms_bad(a->s, "a list", e);
      break;
    }
    if ((rc = see_block(a, g, sum, &l.head, en->has_strips, e)) < 0 ||
        (rc = see_dir(a, &l, e)) < 0) {
      break;
    }
    last = l.head.place.last;
    df += a->post.n;
  }
  list_free(&l);
  return rc == 0 && df != en->df ? terms_bad(a->s, "a list", e) : rc;
}

/* ---- words ---- */

/* Is the page's next word signed as ${word}, which it is? */
static bool signed_well(const struct audit *a, struct span word)
{
  struct near_word letters;
  uint64_t gram[NEAR_GRAMS_MAX];
  near_word_of(&letters, word);
  size_t n = near_grams(&letters, WORD_GRAMS, gram);
  return a->page.grams[a->word] == (uint8_t)n &&
         a->page.sign[a->word] == words_sign(gram, n);
}

/* The term is one that the segment's words must name next, if it is one. */
static int see_word(struct audit *a, const struct seg *g, struct err *e)
{
  struct span word, term = a->cursor.entry.term;
  if (!words_is_one(term, &word) || term.n > TERM_MAX) {
    return 0;
  }
  while (a->word == a->page.n && a->page_no < g->rows[ROW_WORD]) {
    int rc = words_page(a->s, g, a->page_no++, &a->page, e);
    if (rc < 0) {
      return rc;
    }
    a->word = 0;
  }
  if (a->word == a->page.n ||
      !span_equal(term,
                  span_of(a->page.term[a->word], a->page.term_n[a->word])) ||
      !signed_well(a, word)) {
    return terms_bad(a->s, "the vocabulary", e);
  }
  a->word++;
  return 0;
}

static int words_ended(struct audit *a, const struct seg *g, struct err *e)
{
  int rc = 0;
  while (rc == 0 && a->word == a->page.n && a->page_no < g->rows[ROW_WORD]) {
    rc = words_page(a->s, g, a->page_no++, &a->page, e);
    a->word = 0;
  }
  return rc == 0 && a->word < a->page.n ? terms_bad(a->s, "the vocabulary", e)
                                        : rc;
}

/* ---- segments ---- */

/* The first term of leaf ${no} leads to it. */
static int see_lead(struct audit *a, const struct seg *g, uint32_t no,
                    struct err *e)
{
  uint32_t found = UINT32_MAX;
  int rc = seg_leaf_of(a->s, g, a->cursor.entry.term, &found, e);
  return rc < 0                   ? rc
         : rc == 0 || found != no ? terms_bad(a->s, "a leaf's first term", e)
                                  : 0;
}

static int see_terms(struct audit *a, const struct seg *g, struct err *e)
{
  uint8_t before[LEAF_TERM_MAX];
  size_t before_n = 0;
  uint32_t leaf = 0;
  int rc = cursor_next(&a->cursor, e);
  while (rc == 0 && a->cursor.more) {
    struct span term = a->cursor.entry.term;
    if (span_compare(span_of(before, before_n), term) >= 0) {
      return terms_bad(a->s, "the order of terms", e);
    }
    if (a->cursor.leaf != leaf) {
      leaf = a->cursor.leaf;
      rc = see_lead(a, g, leaf - 1, e);
    }
    if (rc < 0 || (rc = see_word(a, g, e)) < 0 ||
        (rc = see_list(a, g, e)) < 0) {
      return rc;
    }
    memcpy(before, term.p, term.n);
    before_n = term.n;
    rc = cursor_next(&a->cursor, e);
  }
  return rc < 0 ? rc : words_ended(a, g, e);
}

static int see_segment(struct audit *a, const struct seg *g, struct err *e)
{
  if (g->base < a->c.floor + a->covered ||
      (uint64_t)g->base + g->docs > (uint64_t)a->c.next) {
    return terms_bad(a->s, "a segment's place", e);
  }
  for (uint32_t i = (uint32_t)a->c.floor + a->covered; i < g->base; i++) {
    if (a->doc[i - (uint32_t)a->c.floor].ref != 0) {
      return terms_bad(a->s, "a segment's place", e);
    }
  }
  a->covered = g->base + g->docs - (uint32_t)a->c.floor;
  a->cursor = (struct seg_cursor){.s = a->s, .seg = g};
  a->page.n = a->word = a->page_no = 0;
  int rc = see_terms(a, g, e);
  cursor_free(&a->cursor);
  return rc;
}

static int see_segments(struct audit *a, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < a->segs.n; i++) {
    rc = see_segment(a, &a->segs.seg[i], e);
  }
  for (size_t i = a->covered; rc == 0 && i < a->docs; i++) {
    rc = a->doc[i].ref != 0 ? terms_bad(a->s, "a segment's place", e) : 0;
  }
  return rc;
}

/* ---- all of it ---- */

static int order_docs(const void *x, const void *y)
{
  uint64_t a = ((const struct store_audit *)x)->ref;
  uint64_t b = ((const struct store_audit *)y)->ref;
  return a < b ? -1 : a > b;
}

/* Into ${out}, with those that wait; by number. */
static int put_docs(struct audit *a, struct buf *out, struct err *e)
{
  size_t start = out->n, n;
  for (size_t i = 0; i < a->docs; i++) {
    if (a->doc[i].ref != 0 && buf_put(out, &a->doc[i], sizeof *a->doc) < 0) {
      return sq_nomem(e);
    }
  }
  for (uint32_t i = 0; i < a->s->terms->waiting.docs; i++) {
    struct doc_in in = wait_doc(a->s->terms, i);
    struct store_audit one =
        audit_of(&(struct store_doc){.ref = (uint64_t)in.ref,
                                     .time = in.time,
                                     .length = in.length,
                                     .terms = in.terms,
                                     .facets = in.facets});
    if (buf_put(out, &one, sizeof one) < 0) {
      return sq_nomem(e);
    }
  }
  n = (out->n - start) / sizeof *a->doc;
  if (n == 0) {
    return 0;
  }
  struct store_audit *doc = (void *)(out->p + start);
  qsort(doc, n, sizeof *doc, order_docs);
  for (size_t i = 1; i < n; i++) {
    if (doc[i].ref == doc[i - 1].ref) {
      return terms_bad(a->s, "a document that is there twice", e);
    }
  }
  return 0;
}

static int walk(struct audit *a, struct buf *out, struct err *e)
{
  struct sq *s = a->s;
  int rc = wait_image(s, e);
  if (rc == 0 && (rc = terms_counts(s, &a->c, e)) == 0 &&
      (rc = terms_lens(s, &a->c, e)) == 0 &&
      (rc = segs_load(s, SEG_LIVE, &a->segs, e)) == 0 &&
      (rc = see_docs(a, e)) == 0 && (rc = see_segments(a, e)) == 0) {
    rc = put_docs(a, out, e);
  }
  return rc;
}

int sq_audit(struct store *st, struct buf *out, struct err *e)
{
  struct sq *s = sq_of(st);
  struct terms *t = NULL;
  size_t start = out->n;
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot_many(s, 2, e)) < 0) {
    return rc;
  }
  struct audit *a = mem_zero(sizeof *a);
  rc = a == NULL ? sq_nomem(e) : terms_of(s, &t, e);
  if (rc == 0) {
    a->s = s;
    rc = walk(a, out, e);
  }
  if (a != NULL) {
    segs_free(&a->segs);
    buf_free(&a->facets);
    mem_free(a->doc);
    mem_free(a->dir);
  }
  mem_free(a);
  sq_release(s);
  if (rc < 0) {
    out->n = start;
  }
  return rc;
}
