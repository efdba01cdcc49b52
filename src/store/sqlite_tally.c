/* SPDX-License-Identifier: 0BSD */
/* Queries that look at all that matches: how many, of which facets, the
 * newest; and why one document scores as it does. */
#include "store/sqlite_query.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdlib.h>

/* ---- which documents match, a bit each ---- */

struct bits {
  uint64_t *word;
  size_t n; /* words */
};

static int bits_make(struct bits *b, size_t docs, bool ones, struct err *e)
{
  b->n = (docs + 63) / 64;
  b->word = mem_resize(NULL, b->n, sizeof *b->word);
  if (b->word == NULL) {
    return sq_nomem(e);
  }
  memset(b->word, ones ? 0xff : 0, b->n * sizeof *b->word);
  return 0;
}

static int bits_add_list(struct query *qu, struct list *l, struct bits *b,
                         struct err *e)
{
  int rc = list_to(qu, l, 0, e);
  while (rc == 0 && l->peek != UINT32_MAX) {
    b->word[l->peek / 64] |= UINT64_C(1) << l->peek % 64;
    rc = list_on(qu, l, e);
  }
  return rc;
}

/* Documents of all groups with this part in the query. */
static int bits_add_groups(struct query *qu, unsigned how, struct bits *b,
                           struct err *e)
{
  int rc = 0;
  for (uint32_t g = 0; rc == 0 && g < qu->q->groups; g++) {
    for (uint32_t i = qu->first[g];
         rc == 0 && qu->q->group[g].how == how && i < qu->first[g + 1]; i++) {
      rc = bits_add_list(qu, &qu->list[i], b, e);
    }
  }
  return rc;
}

static bool has_groups(const struct query *qu, unsigned how)
{
  for (size_t g = 0; g < qu->q->groups; g++) {
    if (qu->q->group[g].how == how) {
      return true;
    }
  }
  return false;
}

static int bits_need(struct query *qu, struct bits *b, struct err *e)
{
  int rc = 0;
  for (unsigned i = 0; rc == 0 && i < QUERY_NEEDS_MAX; i++) {
    struct bits one = {0};
    if (!(qu->needs >> i & 1)) {
      continue;
    }
    if ((rc = bits_make(&one, qu->seg->docs, false, e)) == 0) {
      rc = bits_add_groups(qu, STORE_NEED + i, &one, e);
    }
    for (size_t w = 0; rc == 0 && w < b->n; w++) {
      b->word[w] &= one.word[w];
    }
    mem_free(one.word);
  }
  return rc;
}

/* What the groups let through of the segment under work, filters aside. */
static int bits_match(struct query *qu, struct bits *b, struct err *e)
{
  struct bits out = {0};
  bool any = qu->needs == 0 && has_groups(qu, STORE_ANY);
  int rc = bits_make(b, qu->seg->docs, !any, e);
  if (rc == 0 && any) {
    rc = bits_add_groups(qu, STORE_ANY, b, e);
  }
  if (rc == 0) {
    rc = bits_need(qu, b, e);
  }
  if (rc == 0 && has_groups(qu, STORE_NOT) &&
      (rc = bits_make(&out, qu->seg->docs, false, e)) == 0) {
    rc = bits_add_groups(qu, STORE_NOT, &out, e);
    for (size_t w = 0; rc == 0 && w < b->n; w++) {
      b->word[w] &= ~out.word[w];
    }
  }
  mem_free(out.word);
  return rc;
}

/* ---- how many ---- */

struct tally {
  struct query qu;
  struct buf counts; /* uint64_t by set */
  size_t last;       /* between which bounds the last document was */
  struct store_tally *out;
};

static int put_count(struct buf *out, uint64_t docs, struct span facets)
{
  uint8_t b[12];
  for (int i = 0; i < 8; i++) {
    b[i] = (uint8_t)(docs >> 8 * i);
  }
  for (int i = 0; i < 4; i++) {
    b[8 + i] = (uint8_t)(facets.n >> 8 * i);
  }
  int rc = buf_put(out, b, sizeof b);
  return rc < 0 ? rc : buf_put(out, facets.p, facets.n);
}

static int count_set(struct tally *t, int64_t set, struct err *e)
{
  uint64_t none = 0, n;
  size_t at = (size_t)set * sizeof n;
  if (t->counts.n < at + sizeof n) { /* no room for one that isn't there */
    int rc = docs_set(t->qu.s, set, &t->qu.tokens, e);
    if (rc < 0) {
      return rc;
    }
  }
  while (t->counts.n < at + sizeof n) {
    if (buf_put(&t->counts, &none, sizeof none) < 0) {
      return sq_nomem(e);
    }
  }
  memcpy(&n, t->counts.p + at, sizeof n);
  n++;
  memcpy(t->counts.p + at, &n, sizeof n);
  return 0;
}

/* Neighbours are mostly of one time, so where the last one was is looked at
 * first. */
static void count_time(struct tally *t, int64_t time)
{
  const struct store_tally *o = t->out;
  if (o->bounds == 0 || time < o->bound[0] || time >= o->bound[o->bounds]) {
    return;
  }
  if (time < o->bound[t->last] || time >= o->bound[t->last + 1]) {
    size_t low = 0, high = o->bounds;
    while (high - low > 1) {
      size_t mid = low + (high - low) / 2;
      if (time < o->bound[mid]) {
        high = mid;
      } else {
        low = mid;
      }
    }
    t->last = low;
  }
  o->between[t->last]++;
}

static int count_doc(struct tally *t, uint32_t doc, struct err *e)
{
  struct doc_entry en;
  int rc = query_allows(&t->qu, doc, &en, e);
  if (rc <= 0) {
    return rc;
  }
  t->out->total++;
  if (t->qu.seg->image != NULL) {
    struct doc_in d = wait_doc(t->qu.s->terms, doc);
    count_time(t, d.time);
    return put_count(&t->out->sets, 1, d.facets) < 0 ? sq_nomem(e) : 0;
  }
  count_time(t, en.time);
  return count_set(t, en.set, e);
}

static int count_segment(struct tally *t, size_t i, struct err *e)
{
  struct bits b = {0};
  int rc = query_segment(&t->qu, i, e);
  if (rc == 0) {
    rc = bits_match(&t->qu, &b, e);
  }
  for (size_t w = 0; rc == 0 && w < b.n; w++) {
    uint64_t here = b.word[w];
    while (rc == 0 && here != 0) {
      uint32_t doc = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(here);
      here &= here - 1;
      if (doc < t->qu.seg->docs) {
        rc = count_doc(t, doc, e);
      }
    }
  }
  mem_free(b.word);
  return rc;
}

static int put_sets(struct tally *t, struct err *e)
{
  int rc = 0;
  for (size_t set = 0; rc == 0 && set < t->counts.n / sizeof(uint64_t); set++) {
    uint64_t n;
    memcpy(&n, t->counts.p + set * sizeof n, sizeof n);
    if (n > 0 &&
        (rc = docs_set(t->qu.s, (int64_t)set, &t->qu.tokens, e)) == 0) {
      rc = put_count(&t->out->sets, n, buf_span(&t->qu.tokens)) < 0
               ? sq_nomem(e)
               : 0;
    }
  }
  return rc;
}

int sq_tally(struct store *st, const struct store_query *q,
             struct store_tally *out, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot_many(s, 2, e)) < 0) {
    return rc;
  }
  struct tally *t = mem_zero(sizeof *t);
  if (t == NULL) {
    sq_release(s);
    return sq_nomem(e);
  }
  t->out = out;
  rc = query_open(&t->qu, s, q, e);
  for (size_t i = 0; rc == 0 && i < t->qu.segs.n; i++) {
    rc = count_segment(t, i, e);
  }
  if (rc == 0) {
    rc = put_sets(t, e);
  }
  query_close(&t->qu);
  sq_release(s);
  buf_free(&t->counts);
  mem_free(t);
  return rc;
}

/* ---- the newest ---- */

struct newest {
  struct query qu;
  struct bits *bits; /* by segment; NULL: all match */
  struct store_hit *hits;
  size_t n, max;
  uint64_t before; /* only smaller numbers */
  size_t waiting;  /* of those that wait, how many are still to be seen */
};

/* Document ${doc} of segment ${i}. */
static int see(struct newest *w, size_t i, uint32_t doc, struct err *e)
{
  struct doc_entry en;
  w->qu.seg = &w->qu.segs.seg[i];
  if (w->bits != NULL && !(w->bits[i].word[doc / 64] >> doc % 64 & 1)) {
    return 0;
  }
  int rc = query_allows(&w->qu, doc, &en, e);
  if (rc > 0) {
    w->hits[w->n++] = (struct store_hit){.ref = (uint64_t)en.ref};
  }
  return rc < 0 ? rc : 0;
}

/* Those that wait with numbers greater than ${ref}. */
static int see_waiting(struct newest *w, int64_t ref, struct err *e)
{
  int rc = 0;
  while (rc == 0 && w->waiting > 0 && w->n < w->max) {
    uint32_t i = (uint32_t)w->waiting - 1;
    int64_t own = wait_doc(w->qu.s->terms, i).ref;
    if (own <= ref) {
      break;
    }
    w->waiting--;
    if ((uint64_t)own < w->before) {
      rc = see(w, w->qu.segs.n - 1, i, e);
    }
  }
  return rc;
}

static int see_indexed(struct newest *w, uint32_t doc, struct err *e)
{
  for (size_t i = 0; i < w->qu.segs.n; i++) {
    const struct seg *g = &w->qu.segs.seg[i];
    if (g->image == NULL && doc >= g->base && doc - g->base < g->docs) {
      return see(w, i, doc - g->base, e);
    }
  }
  return terms_bad(w->qu.s, "a row of numbers", e);
}

/* The numbers of one row of search_ref, from the greatest on. */
static int see_page(struct newest *w, int64_t page, struct err *e)
{
  int rc = 0;
  for (int64_t low = (1 << REF_PAGE_BITS) - 1; rc == 0 && low >= 0; low--) {
    int64_t ref = page << REF_PAGE_BITS | low;
    bool found = false;
    uint32_t doc = 0;
    if ((uint64_t)ref >= w->before || w->n == w->max) {
      continue;
    }
    if ((rc = docs_find(w->qu.s, ref, &doc, &found, e)) < 0 || !found ||
        (rc = see_waiting(w, ref, e)) < 0 || w->n == w->max) {
      continue;
    }
    rc = see_indexed(w, doc, e);
  }
  return rc;
}

static int see_all(struct newest *w, struct err *e)
{
  int64_t page =
      (int64_t)(w->before > INT64_MAX ? INT64_MAX : w->before) >> REF_PAGE_BITS;
  int rc = 0;
  while (rc == 0 && w->n < w->max) {
    int64_t next = -1;
    rc = sq_int(w->qu.s, Q_REF_BEFORE, page, &next, e);
    if (rc < 0 || next < 0) {
      break;
    }
    rc = see_page(w, next, e);
    page = next - 1;
  }
  return rc < 0 ? rc : see_waiting(w, 0, e);
}

static int newest_bits(struct newest *w, struct err *e)
{
  int rc = 0;
  if (w->qu.q->groups == 0) {
    return 0;
  }
  w->bits = mem_resize(NULL, w->qu.segs.n, sizeof *w->bits);
  if (w->bits == NULL) {
    return sq_nomem(e);
  }
  memset(w->bits, 0, w->qu.segs.n * sizeof *w->bits);
  for (size_t i = 0; rc == 0 && i < w->qu.segs.n; i++) {
    if ((rc = query_segment(&w->qu, i, e)) == 0) {
      rc = bits_match(&w->qu, &w->bits[i], e);
    }
  }
  return rc;
}

static int newest(struct sq *s, const struct store_query *q,
                  struct store_hit *hits, size_t max, struct err *e)
{
  struct newest *w = mem_zero(sizeof *w);
  if (w == NULL) {
    return sq_nomem(e);
  }
  w->hits = hits;
  w->max = max;
  w->before = q->after ? q->last.ref : UINT64_MAX;
  int rc = query_open(&w->qu, s, q, e);
  if (rc == 0 && (rc = newest_bits(w, e)) == 0) {
    w->waiting = w->qu.segs.seg[w->qu.segs.n - 1].docs;
    rc = see_all(w, e);
  }
  for (size_t i = 0; w->bits != NULL && i < w->qu.segs.n; i++) {
    mem_free(w->bits[i].word);
  }
  mem_free(w->bits);
  query_close(&w->qu);
  rc = rc < 0 ? rc : (int)w->n;
  mem_free(w);
  return rc;
}

int sq_query(struct store *st, const struct store_query *q,
             struct store_hit *hits, size_t max, struct err *e)
{
  struct sq *s = sq_of(st);
  bool wanted = false;
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot_many(s, 2, e)) < 0) {
    return rc;
  }
  max = max > STORE_LIST_MAX ? STORE_LIST_MAX : max;
  for (size_t i = 0; i < q->groups && i < QUERY_GROUPS_MAX; i++) {
    wanted = wanted || q->group[i].how != STORE_NOT;
  }
  rc = wanted ? sq_topk(s, q, hits, max, e) : newest(s, q, hits, max, e);
  sq_release(s);
  return rc;
}

/* ---- why ---- */

/* The segment and place of ${ref}; ERR_NOENT. */
static int locate(struct query *qu, uint64_t ref, size_t *seg, uint32_t *at,
                  struct err *e)
{
  bool found = false;
  uint32_t doc = 0;
  const struct seg *wait = &qu->segs.seg[qu->segs.n - 1];
  for (uint32_t i = 0; i < wait->docs; i++) {
    if ((uint64_t)wait_doc(qu->s->terms, i).ref == ref) {
      *seg = qu->segs.n - 1;
      *at = i;
      return 0;
    }
  }
  int rc = docs_find(qu->s, (int64_t)ref, &doc, &found, e);
  for (size_t i = 0; rc == 0 && found && i + 1 < qu->segs.n; i++) {
    const struct seg *g = &qu->segs.seg[i];
    if (doc >= g->base && doc - g->base < g->docs) {
      *seg = i;
      *at = doc - g->base;
      return 0;
    }
  }
  return rc < 0 ? rc : err_set(e, ERR_NOENT, "it is not in the search index");
}

static int explain(struct query *qu, uint64_t ref, double *parts, struct err *e)
{
  size_t seg = 0;
  uint32_t doc = 0;
  int rc = locate(qu, ref, &seg, &doc, e);
  if (rc == 0) {
    rc = query_segment(qu, seg, e);
  }
  for (uint32_t g = 0; rc == 0 && g < qu->q->groups; g++) {
    uint32_t most = 0, v = 0;
    for (uint32_t i = qu->first[g]; rc == 0 && i < qu->first[g + 1]; i++) {
      rc = list_probe(qu, &qu->list[i], doc, 0, &v, e);
      most = v > most ? v : most;
    }
    parts[g] = most / SCORE_ONE;
  }
  return rc;
}

int sq_explain(struct store *st, const struct store_query *q, uint64_t ref,
               double *parts, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot_many(s, 2, e)) < 0) {
    return rc;
  }
  struct query *qu = mem_zero(sizeof *qu);
  if (qu == NULL) {
    rc = sq_nomem(e);
  } else if ((rc = query_open(qu, s, q, e)) == 0) {
    rc = explain(qu, ref, parts, e);
  }
  if (qu != NULL) {
    query_close(qu);
  }
  mem_free(qu);
  sq_release(s);
  return rc;
}

/* ---- terms without their lists ---- */

static int order_spans(const void *a, const void *b, void *ud)
{
  const struct span *term = ud;
  const uint32_t *x = a, *y = b;
  return span_compare(term[*x], term[*y]);
}

static int count_in(struct sq *s, const struct seg *g, const struct span *term,
                    const uint32_t *order, size_t n, uint64_t *docs,
                    struct err *e)
{
  struct seg_finder f = {.s = s, .seg = g};
  struct leaf_entry en;
  int rc = 0;
  for (size_t i = 0; rc >= 0 && i < n; i++) {
    rc = finder_find(&f, term[order[i]], &en, e);
    docs[order[i]] += rc > 0 ? en.df : 0;
  }
  finder_free(&f);
  return rc < 0 ? rc : 0;
}

static int holding(struct sq *s, const struct span *term, uint32_t *order,
                   size_t n, uint64_t *docs, uint64_t *all, struct err *e)
{
  struct term_counts counts;
  struct segs segs = {0};
  for (size_t i = 0; i < n; i++) {
    if (term[i].n == 0 || term[i].n > STORE_TERM_MAX) {
      return err_set(e, ERR_INVALID, "a search term of %zu bytes", term[i].n);
    }
    order[i] = (uint32_t)i;
    docs[i] = 0;
  }
  qsort_r(order, n, sizeof *order, order_spans, (void *)(uintptr_t)term);
  int rc = wait_image(s, e);
  if (rc == 0 && (rc = terms_counts(s, &counts, e)) == 0 &&
      (rc = segs_load(s, SEG_LIVE, &segs, e)) == 0 &&
      (rc = segs_add(&segs, &s->terms->waiting, e)) == 0) {
    *all = (uint64_t)counts.docs;
  }
  for (size_t i = 0; rc == 0 && i < segs.n; i++) {
    rc = count_in(s, &segs.seg[i], term, order, n, docs, e);
  }
  segs_free(&segs);
  return rc;
}

int sq_holding(struct store *st, const struct span *term, size_t n,
               uint64_t *docs, uint64_t *all, struct err *e)
{
  struct sq *s = sq_of(st);
  if (n > QUERY_TERMS_MAX) {
    return err_set(e, ERR_LIMIT, "a query of %zu terms, at most %d", n,
                   QUERY_TERMS_MAX);
  }
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot_many(s, 2, e)) < 0) {
    return rc;
  }
  uint32_t *order = mem_resize(NULL, n, sizeof *order);
  rc = order == NULL ? sq_nomem(e) : holding(s, term, order, n, docs, all, e);
  mem_free(order);
  sq_release(s);
  return rc;
}
