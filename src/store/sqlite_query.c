/* SPDX-License-Identifier: 0BSD */
/* Finds the terms of a query, and walks their lists. */
#include "store/sqlite_query.h"

#include "base/check.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

#define BM25_K1 1.2
#define BM25_B 0.75

/* ---- is it a query? ---- */

static int check_group(const struct store_group *g, size_t *terms,
                       struct err *e)
{
  if (!(g->weight >= 0 && g->weight <= 1000) ||
      g->how >= STORE_NEED + QUERY_NEEDS_MAX) {
    return err_set(e, ERR_INVALID, "a group of a query with weight %g",
                   g->weight);
  }
  for (size_t i = 0; i < g->n; i++) {
    if (g->match[i].term.n == 0 || g->match[i].term.n > STORE_TERM_MAX ||
        !(g->match[i].weight >= 0 && g->match[i].weight <= 1000)) {
      return err_set(e, ERR_INVALID, "a search term of %zu bytes",
                     g->match[i].term.n);
    }
  }
  *terms += g->n;
  return 0;
}

static int check_query(struct query *qu, size_t *terms, struct err *e)
{
  const struct store_query *q = qu->q;
  bool wanted = false;
  if (q->groups > QUERY_GROUPS_MAX || q->filters > QUERY_WORDS_MAX) {
    return err_set(e, ERR_LIMIT,
                   "a query of %zu groups and %zu filters, at most %d and %d",
                   q->groups, q->filters, QUERY_GROUPS_MAX, QUERY_WORDS_MAX);
  }
  for (size_t i = 0; i < q->groups; i++) {
    const struct store_group *g = &q->group[i];
    int rc = check_group(g, terms, e);
    if (rc < 0) {
      return rc;
    }
    wanted = wanted || g->how != STORE_NOT;
    if (g->how >= STORE_NEED) {
      qu->needs |= UINT32_C(1) << (g->how - STORE_NEED);
    }
  }
  if (*terms > QUERY_TERMS_MAX) {
    return err_set(e, ERR_LIMIT, "a query of %zu terms, at most %d", *terms,
                   QUERY_TERMS_MAX);
  }
  if (!wanted && q->filters == 0 && !q->timed) {
    return err_set(e, ERR_INVALID, "a query needs a word that is wanted");
  }
  return 0;
}

/* ---- where its terms are ---- */

static int order_terms(const void *a, const void *b, void *ud)
{
  const struct query *qu = ud;
  const uint32_t *x = a, *y = b;
  return span_compare(qu->member[*x].term, qu->member[*y].term);
}

static int list_members(struct query *qu, size_t terms, struct err *e)
{
  qu->member = mem_resize(NULL, terms, sizeof *qu->member);
  qu->order = mem_resize(NULL, terms, sizeof *qu->order);
  if (qu->member == NULL || qu->order == NULL) {
    return sq_nomem(e);
  }
  for (size_t i = 0; i < qu->q->groups; i++) {
    const struct store_group *g = &qu->q->group[i];
    for (size_t k = 0; k < g->n; k++) {
      qu->order[qu->members] = (uint32_t)qu->members;
      qu->member[qu->members++] =
          (struct member){.term = g->match[k].term,
                          .group = (uint32_t)i,
                          .weight = g->weight * g->match[k].weight,
                          .own = g->match[k].own};
    }
  }
  qsort_r(qu->order, qu->members, sizeof *qu->order, order_terms, qu);
  return 0;
}

static int found_add(struct query *qu, uint32_t seg, uint32_t member,
                     const struct leaf_entry *en, struct err *e)
{
  if (qu->founds == qu->found_cap) {
    size_t cap = qu->found_cap > 0 ? qu->found_cap * 2 : 128;
    struct found *more = mem_resize(qu->found, cap, sizeof *more);
    if (more == NULL) {
      return sq_nomem(e);
    }
    qu->found = more;
    qu->found_cap = cap;
  }
  struct span data = en->has_strips ? en->dir : en->block;
  struct found f = {.seg = seg,
                    .member = member,
                    .df = en->df,
                    .has_strips = en->has_strips,
                    .place = en->place,
                    .strip = en->strip,
                    .strips = en->strips,
                    .at = qu->bytes.n,
                    .n = data.n};
  if (buf_put(&qu->bytes, data.p, data.n) < 0) {
    return sq_nomem(e);
  }
  qu->found[qu->founds++] = f;
  qu->member[member].df += en->df;
  return 0;
}

static int find_in(struct query *qu, uint32_t seg, struct err *e)
{
  struct seg_finder f = {.s = qu->s, .seg = &qu->segs.seg[seg]};
  struct leaf_entry en;
  int rc = 0;
  for (size_t i = 0; rc >= 0 && i < qu->members; i++) {
    uint32_t member = qu->order[i];
    rc = finder_find(&f, qu->member[member].term, &en, e);
    if (rc > 0) {
      rc = found_add(qu, seg, member, &en, e);
    }
  }
  finder_free(&f);
  return rc < 0 ? rc : 0;
}

/* A term's IDF is never greater than that of the group's own terms. */
static void weigh(struct query *qu)
{
  double docs = (double)qu->counts.docs;
  for (size_t i = 0; i < qu->members;) {
    uint64_t own = 0;
    size_t end = i;
    while (end < qu->members && qu->member[end].group == qu->member[i].group) {
      const struct member *m = &qu->member[end++];
      own = m->own && m->df > own ? m->df : own;
    }
    for (; i < end; i++) {
      struct member *m = &qu->member[i];
      double n = (double)(m->df > own ? m->df : own);
      n = n < docs ? n : docs;
      m->weight *= log(1 + (docs - n + 0.5) / (n + 0.5)) * SCORE_ONE;
    }
  }
}

static void work_out_parts(struct query *qu)
{
  double docs = (double)qu->counts.docs, words = (double)qu->counts.words;
  double mean = docs > 0 && words > 0 ? words / docs : 1;
  for (int i = 0; i < 256; i++) {
    qu->norm[i] =
        BM25_K1 * (1 - BM25_B + BM25_B * post_words((uint8_t)i) / mean);
    for (int tf = 1; tf <= PART_TFS; tf++) {
      qu->part[tf - 1][i] = tf * (BM25_K1 + 1) / (tf + qu->norm[i]);
    }
  }
}

int query_open(struct query *qu, struct sq *s, const struct store_query *q,
               struct err *e)
{
  size_t terms = 0;
  memset(qu, 0, sizeof *qu);
  qu->s = s;
  qu->q = q;
  int rc = check_query(qu, &terms, e);
  if (rc < 0 || (rc = wait_image(s, e)) < 0 ||
      (rc = terms_counts(s, &qu->counts, e)) < 0 ||
      (rc = terms_lens(s, &qu->counts, e)) < 0 ||
      (rc = segs_load(s, SEG_LIVE, &qu->segs, e)) < 0 ||
      (rc = segs_add(&qu->segs, &s->terms->waiting, e)) < 0 ||
      (rc = list_members(qu, terms, e)) < 0) {
    return rc;
  }
  for (size_t i = 0; rc == 0 && i < qu->segs.n; i++) {
    rc = find_in(qu, (uint32_t)i, e);
  }
  weigh(qu);
  work_out_parts(qu);
  return rc;
}

static void lists_free(struct query *qu)
{
  for (size_t i = 0; i < qu->lists; i++) {
    mem_free(qu->list[i].dir);
    buf_free(&qu->list[i].row);
  }
  mem_free(qu->list);
  qu->list = NULL;
  qu->lists = 0;
}

void query_close(struct query *qu)
{
  lists_free(qu);
  segs_free(&qu->segs);
  mem_free(qu->member);
  mem_free(qu->order);
  mem_free(qu->found);
  buf_free(&qu->bytes);
  buf_free(&qu->sets);
  buf_free(&qu->tokens);
}

/* ---- lists of a segment ---- */

static uint32_t bound_of(const struct query *qu, const struct list *l,
                         const struct post_bound *b)
{
  uint32_t one = 0, more = 0;
  if (b->one != POST_NONE || b->tf == 0) {
    one = score_of(qu, l, 1, b->one == POST_NONE ? 0 : b->one);
  }
  if (b->tf > 0) {
    more = score_of(qu, l, b->tf == 255 ? UINT16_MAX : b->tf, b->more);
  }
  return one > more ? one : more;
}

static int start_long(struct query *qu, struct list *l, struct err *e)
{
  const struct found *f = l->found;
  struct leaf_entry en = {.strips = f->strips,
                          .dir = span_of(qu->bytes.p + f->at, f->n)};
  l->dir = mem_resize(NULL, f->strips, sizeof *l->dir);
  if (l->dir == NULL) {
    return sq_nomem(e);
  }
  if (leaf_dir_get(l->dir, &en) < 0) {
    return terms_bad(qu->s, "a list", e);
  }
  for (uint32_t i = 0; i < f->strips; i++) {
    uint32_t b = bound_of(qu, l, &l->dir[i].bound);
    l->bound = b > l->bound ? b : l->bound;
  }
  return 0;
}

/* A short list is read at once: its bound is exact. */
static int start_short(struct query *qu, struct list *l, struct err *e)
{
  const struct found *f = l->found;
  l->only.place = f->place;
  l->only.bytes = span_of(qu->bytes.p + f->at, f->n);
  if (f->place.last >= qu->seg->docs ||
      post_block_get(&l->post, &f->place, l->only.bytes) < 0) {
    return terms_bad(qu->s, "a list", e);
  }
  l->decoded = true;
  for (size_t i = 0; i < l->post.n; i++) {
    uint32_t v = score_of(qu, l, l->post.tf[i], qu->lens[l->post.doc[i]]);
    l->bound = v > l->bound ? v : l->bound;
  }
  return 0;
}

static const uint8_t *lens_of(struct query *qu, const struct seg *g)
{
  const struct terms *t = qu->s->terms;
  if (g->image != NULL) {
    return t->wait_lens.p;
  }
  bool there = g->base >= t->floor &&
               (uint64_t)g->base - t->floor + g->docs <= t->lens.n;
  return there ? t->lens.p + (g->base - t->floor) : NULL;
}

int query_segment(struct query *qu, size_t i, struct err *e)
{
  size_t from = 0, to = 0, n = 0;
  int rc = 0;
  lists_free(qu);
  memset(qu->first, 0, sizeof qu->first);
  qu->seg = &qu->segs.seg[i];
  qu->lens = lens_of(qu, qu->seg);
  if (qu->lens == NULL && qu->seg->docs > 0) {
    return terms_bad(qu->s, "a segment's entry", e);
  }
  while (from < qu->founds && qu->found[from].seg < i) {
    from++;
  }
  for (to = from; to < qu->founds && qu->found[to].seg == i; to++) {
    qu->first[qu->member[qu->found[to].member].group + 1]++;
  }
  for (size_t g = 0; g < QUERY_GROUPS_MAX; g++) {
    qu->first[g + 1] += qu->first[g];
  }
  qu->list = mem_resize(NULL, to - from, sizeof *qu->list);
  if (qu->list == NULL) {
    return sq_nomem(e);
  }
  memset(qu->list, 0, (to - from) * sizeof *qu->list);
  qu->lists = to - from;
  uint32_t fill[QUERY_GROUPS_MAX] = {0};
  for (n = from; rc == 0 && n < to; n++) {
    const struct member *m = &qu->member[qu->found[n].member];
    struct list *l = &qu->list[qu->first[m->group] + fill[m->group]++];
    l->member = m;
    l->found = &qu->found[n];
    rc = l->found->has_strips ? start_long(qu, l, e) : start_short(qu, l, e);
  }
  return rc;
}

/* ---- walking ---- */

static int load_strip(struct query *qu, struct list *l, struct err *e)
{
  int rc = seg_row_get(qu->s, qu->seg, ROW_STRIP, l->found->strip + l->strip_at,
                       &l->row, e);
  if (rc < 0) {
    return rc;
  }
  if (post_strip_get(&l->strip, buf_span(&l->row)) < 0 ||
      (l->strip.n > 0 &&
       l->strip.head[l->strip.n - 1].place.last > l->dir[l->strip_at].last) ||
      l->dir[l->strip_at].last >= qu->seg->docs) {
    return terms_bad(qu->s, "a list", e);
  }
  l->loaded = true;
  l->decoded = false;
  l->head = 0;
  return 0;
}

/* To the strip that may hold ${doc}, by the directory alone; false: none. */
static bool to_strip(struct list *l, uint32_t doc)
{
  uint32_t at = l->strip_at, strips = l->found->strips;
  if (at < strips && l->dir[at].last < doc) {
    uint32_t step = 1; /* gallop, then halve */
    while (at + step < strips && l->dir[at + step].last < doc) {
      at += step;
      step *= 2;
    }
    uint32_t to = at + step < strips ? at + step : strips;
    while (at + 1 < to) {
      uint32_t mid = at + (to - at) / 2;
      if (l->dir[mid].last < doc) {
        at = mid;
      } else {
        to = mid;
      }
    }
    l->strip_at = to;
    l->loaded = l->decoded = false;
  }
  return l->strip_at < strips;
}

static const struct post_head *head_of(const struct list *l)
{
  return l->found->has_strips ? &l->strip.head[l->head] : &l->only;
}

/* To the block that may hold ${doc}; not decoded. 1, or 0 at the end. */
static int to_block(struct query *qu, struct list *l, uint32_t doc,
                    struct err *e)
{
  if (!l->found->has_strips) {
    return l->only.place.last >= doc;
  }
  while (to_strip(l, doc)) {
    int rc = l->loaded ? 0 : load_strip(qu, l, e);
    if (rc < 0) {
      return rc;
    }
    while (l->head < l->strip.n && l->strip.head[l->head].place.last < doc) {
      l->head++;
      l->decoded = false;
    }
    if (l->head < l->strip.n) {
      return 1;
    }
    l->strip_at++; /* what stood at its end was taken out */
    l->loaded = l->decoded = false;
  }
  return 0;
}

static int decode(struct query *qu, struct list *l, struct err *e)
{
  const struct post_head *h = head_of(l);
  if (!l->decoded) {
    if (post_block_get(&l->post, &h->place, h->bytes) < 0) {
      return terms_bad(qu->s, "a list", e);
    }
    l->decoded = true;
    l->at = 0;
  }
  return 0;
}

/* In the block: to the first posting >= doc, which there is. */
static void to_posting(struct list *l, uint32_t doc)
{
  size_t at = l->at, to = l->post.n;
  if (at > 0 && l->post.doc[at - 1] >= doc) {
    at = 0; /* it stood further on: a probe may have been there */
  }
  size_t step = 1;
  while (at + step < to && l->post.doc[at + step - 1] < doc) {
    at += step;
    step *= 2;
  }
  to = at + step < to ? at + step : to;
  while (at < to && l->post.doc[at] < doc) {
    at++;
  }
  l->at = at;
}

int list_to(struct query *qu, struct list *l, uint32_t doc, struct err *e)
{
  int rc = to_block(qu, l, doc, e);
  l->peek = UINT32_MAX;
  if (rc <= 0 || (rc = decode(qu, l, e)) < 0) {
    return rc;
  }
  to_posting(l, doc);
  if (l->at >= l->post.n) {
    return terms_bad(qu->s, "a list", e);
  }
  l->peek = l->post.doc[l->at];
  return 0;
}

int list_on(struct query *qu, struct list *l, struct err *e)
{
  uint32_t doc = l->peek;
  if (++l->at < l->post.n) {
    l->peek = l->post.doc[l->at];
    return 0;
  }
  return list_to(qu, l, doc + 1, e);
}

int list_probe(struct query *qu, struct list *l, uint32_t doc, uint32_t need,
               uint32_t *out, struct err *e)
{
  *out = 0;
  if (l->bound < need) {
    return 0;
  }
  if (l->found->has_strips) {
    if (!to_strip(l, doc) ||
        (!l->loaded && bound_of(qu, l, &l->dir[l->strip_at].bound) < need)) {
      return 0;
    }
  }
  int rc = to_block(qu, l, doc, e);
  if (rc <= 0) {
    return rc;
  }
  const struct post_head *h = head_of(l);
  if (h->place.first > doc ||
      (!l->decoded && bound_of(qu, l, &h->bound) < need)) {
    return 0;
  }
  if ((rc = decode(qu, l, e)) < 0) {
    return rc;
  }
  to_posting(l, doc);
  if (l->at < l->post.n && l->post.doc[l->at] == doc) {
    *out = score_of(qu, l, l->post.tf[l->at], qu->lens[doc]);
  }
  return 0;
}

/* ---- filters ---- */

/* Has the list of facets this one? */
static bool has_facet(struct span facets, struct span want)
{
  for (size_t at = 0; at < facets.n;) {
    size_t n = facets.p[at++];
    if (n > facets.n - at) {
      return false;
    }
    if (span_equal(span_of(facets.p + at, n), want)) {
      return true;
    }
    at += n;
  }
  return false;
}

static bool facets_pass(const struct store_query *q, struct span facets)
{
  for (size_t i = 0; i < q->filters; i++) {
    const struct store_filter *f = &q->filter[i];
    bool any = false;
    for (size_t k = 0; k < f->n; k++) {
      any = any || has_facet(facets, f->facet[k]);
    }
    if (any == f->without) {
      return false;
    }
  }
  return true;
}

int query_allows_facets(struct query *qu, int64_t time, struct span facets)
{
  const struct store_query *q = qu->q;
  if (q->timed && (time < q->from || time >= q->to)) {
    return 0;
  }
  return facets_pass(q, facets);
}

struct set_verdict {
  int64_t set;
  bool pass;
};

/* Verdicts are remembered, in order of sets. */
static int set_passes(struct query *qu, int64_t set, struct err *e)
{
  size_t n = qu->sets.n / sizeof(struct set_verdict), from = 0, to = n;
  struct set_verdict v;
  while (from < to) {
    size_t mid = from + (to - from) / 2;
    memcpy(&v, qu->sets.p + mid * sizeof v, sizeof v);
    if (v.set == set) {
      return v.pass;
    }
    if (v.set < set) {
      from = mid + 1;
    } else {
      to = mid;
    }
  }
  int rc = docs_set(qu->s, set, &qu->tokens, e);
  if (rc < 0) {
    return rc;
  }
  memset(&v, 0, sizeof v);
  v.set = set;
  v.pass = facets_pass(qu->q, buf_span(&qu->tokens));
  if (buf_put(&qu->sets, &v, sizeof v) < 0) {
    return sq_nomem(e);
  }
  uint8_t *at = qu->sets.p + from * sizeof v;
  memmove(at + sizeof v, at, (n - from) * sizeof v);
  memcpy(at, &v, sizeof v);
  return v.pass;
}

int query_allows(struct query *qu, uint32_t doc, struct doc_entry *en,
                 struct err *e)
{
  const struct store_query *q = qu->q;
  if (qu->seg->image != NULL) {
    struct doc_in d = wait_doc(qu->s->terms, doc);
    *en = (struct doc_entry){.ref = d.ref, .time = d.time};
    return query_allows_facets(qu, d.time, d.facets);
  }
  int rc = docs_entry(qu->s, qu->seg->base + doc, en, e);
  if (rc < 0) {
    return rc;
  }
  if (en->ref == 0) {
    return 0;
  }
  if (q->timed && (en->time < q->from || en->time >= q->to)) {
    return 0;
  }
  return q->filters == 0 ? 1 : set_passes(qu, en->set, e);
}
