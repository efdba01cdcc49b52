/* SPDX-License-Identifier: 0BSD */
/* Words that are like another, and words with a beginning. */
#include "store/sqlite_terms.h"

#include "base/mem.h"
#include "store/vocab.h"

#include <stdlib.h>

#define SCAN_DOCS 4096u /* segments up to this are read leaf by leaf */

/* A list of the best that there are, the worst of them on top. */
struct asked {
  struct store_like like;
  uint64_t gram[NEAR_GRAMS_MAX];
  size_t grams;
  uint64_t sign;
  unsigned hidden; /* its grams that share a bit of the signature */
  struct store_alike *best;
  uint16_t heap[STORE_ALIKE_MAX]; /* places in ${best} */
  size_t n, max;
};

/* The processor's own counting of bits where it has it. */
#if defined(__x86_64__) && defined(__GLIBC__)
#define FAST __attribute__((target_clones("popcnt", "default")))
#else
#define FAST
#endif

/* ---- the list ---- */

static int order_alike(const struct store_alike *a, const struct store_alike *b)
{
  if (a->like < b->like || a->like > b->like) {
    return a->like > b->like ? -1 : 1;
  }
  return span_compare(span_of(a->term, a->n), span_of(b->term, b->n));
}

static bool worse(const struct asked *a, uint16_t x, uint16_t y)
{
  return order_alike(&a->best[x], &a->best[y]) > 0;
}

static void sift(struct asked *a, size_t at)
{
  uint16_t one = a->heap[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= a->n) {
      break;
    }
    if (child + 1 < a->n && worse(a, a->heap[child + 1], a->heap[child])) {
      child++;
    }
    if (!worse(a, a->heap[child], one)) {
      break;
    }
    a->heap[at] = a->heap[child];
    at = child;
  }
  a->heap[at] = one;
}

static void rise(struct asked *a, size_t at)
{
  uint16_t one = a->heap[at];
  while (at > 0 && worse(a, one, a->heap[(at - 1) / 2])) {
    a->heap[at] = a->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  a->heap[at] = one;
}

/* ${again}: another segment may have had it. */
static void keep(struct asked *a, const struct store_alike *found, bool again)
{
  for (size_t i = 0; again && i < a->n; i++) {
    struct store_alike *b = &a->best[i];
    if (b->n == found->n && memcmp(b->term, found->term, b->n) == 0) {
      b->df += found->df;
      return;
    }
  }
  if (a->n < a->max) {
    a->best[a->n] = *found;
    a->heap[a->n] = (uint16_t)a->n;
    rise(a, a->n++);
  } else if (order_alike(found, &a->best[a->heap[0]]) < 0) {
    a->best[a->heap[0]] = *found;
    sift(a, 0);
  }
}

static int order_best(const void *a, const void *b)
{
  return order_alike(a, b);
}

/* ---- likeness ---- */

static void ask(struct asked *a, const struct store_like *like,
                struct store_alike *best, size_t max)
{
  struct near_word w;
  near_word_of(&w, like->word);
  a->like = *like;
  a->grams = near_grams(&w, WORD_GRAMS, a->gram);
  a->sign = words_sign(a->gram, a->grams);
  a->hidden = (unsigned)a->grams - (unsigned)__builtin_popcountll(a->sign);
  a->best = best;
  a->n = 0;
  a->max = max;
}

/* The exact likeness of a page's word. */
static void compare(struct asked *a, const struct word_page *p, size_t i,
                    bool again)
{
  struct store_alike found;
  struct near_word w;
  struct span term = span_of(p->term[i], p->term_n[i]), word;
  uint64_t gram[NEAR_GRAMS_MAX];
  if (!words_is_one(term, &word)) {
    return;
  }
  near_word_of(&w, word);
  size_t n = near_grams(&w, WORD_GRAMS, gram);
  found.like = near_dice(a->gram, a->grams, gram, n);
  if (found.like < a->like.least) {
    return;
  }
  memcpy(found.term, term.p, term.n);
  found.n = (uint8_t)term.n;
  found.df = p->df[i];
  keep(a, &found, again);
}

/* Words of the page that may be like enough to enter the list, their places
 * in ${out}; returns how many. */
FAST static size_t likely(const struct asked *a, const struct word_page *p,
                          uint16_t *out)
{
  double least = a->like.least;
  size_t n = 0;
  if (a->n == a->max && a->best[a->heap[0]].like > least) {
    least = a->best[a->heap[0]].like;
  }
  /* shared * 2 >= least * (grams + grams), in whole numbers; rounded so that
   * none is missed. */
  uint32_t scale = (uint32_t)(least * 4096);
  uint32_t own = (uint32_t)a->grams;
  for (size_t i = 0; i < p->n; i++) {
    uint32_t shared =
        (uint32_t)__builtin_popcountll(p->sign[i] & a->sign) + a->hidden;
    out[n] = (uint16_t)i;
    n += shared * 8192 >= scale * (own + p->grams[i]);
  }
  return n;
}

static int look_at(struct sq *s, struct asked *a, struct word_page *p,
                   struct span *rest, bool again, struct err *e)
{
  uint16_t place[PAGE_WORDS];
  size_t n = likely(a, p, place);
  if (n > 0 && rest->p != NULL) {
    if (!words_read(p, *rest)) {
      return terms_bad(s, "a page of words", e);
    }
    rest->p = NULL; /* it was read */
  }
  for (size_t i = 0; i < n; i++) {
    compare(a, p, place[i], again);
  }
  return 0;
}

static int look_through(struct sq *s, const struct seg *g, struct asked *a,
                        size_t n, bool again, struct err *e)
{
  struct word_page *p = NULL;
  struct buf row = {0};
  int rc = words_open(&p, e);
  for (uint32_t no = 0; rc == 0 && no < g->rows[ROW_WORD]; no++) {
    struct span rest;
    if ((rc = seg_row_get(s, g, ROW_WORD, no, &row, e)) < 0) {
      break;
    }
    if (!words_read_signs(p, buf_span(&row), &rest)) {
      rc = terms_bad(s, "a page of words", e);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
      rc = look_at(s, &a[i], p, &rest, again, e);
    }
  }
  buf_free(&row);
  words_free(p);
  return rc;
}

/* The same, of a vocabulary in memory. */
static int look_up(struct asked *a, struct vocab *v, bool again, struct err *e)
{
  struct vocab_hit hit[STORE_ALIKE_MAX];
  struct store_alike found;
  size_t n = 0;
  if (vocab_alike(v, a->gram, a->grams, a->like.least, a->max, hit, &n) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  for (size_t i = 0; i < n; i++) {
    vocab_term(v, hit[i].word, &found);
    found.like = hit[i].like;
    keep(a, &found, again);
  }
  return 0;
}

/* Words with nothing in common stand in no list. */
static bool any_will_do(const struct asked *a, size_t n)
{
  bool any = false;
  for (size_t i = 0; i < n; i++) {
    any = any || a[i].like.least <= 0;
  }
  return any;
}

static int look_in(struct sq *s, const struct seg *g, struct asked *a, size_t n,
                   bool again, struct err *e)
{
  struct vocab *v = NULL;
  int rc = vocabs_get(s, g, &v, e);
  if (rc == 0 && (v == NULL || any_will_do(a, n))) {
    return look_through(s, g, a, n, again, e);
  }
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = look_up(&a[i], v, again, e);
  }
  return rc;
}

/* All segments, what waits the last. */
static int all_segments(struct sq *s, struct segs *out, struct err *e)
{
  int rc = wait_image(s, e);
  if (rc == 0 && (rc = segs_load(s, SEG_LIVE, out, e)) == 0) {
    rc = segs_add(out, &s->terms->waiting, e);
  }
  return rc;
}

static int alike_all(struct sq *s, struct asked *a, size_t n, struct err *e)
{
  struct segs segs = {0};
  int rc = all_segments(s, &segs, e);
  bool again = false;
  if (rc == 0) {
    rc = vocabs_sweep(s, &segs, e);
  }
  for (size_t i = 0; rc == 0 && i < segs.n; i++) {
    rc = look_in(s, &segs.seg[i], a, n, again, e);
    again = again || segs.seg[i].rows[ROW_WORD] > 0;
  }
  segs_free(&segs);
  return rc;
}

int sq_alike(struct store *st, const struct store_like *like, size_t n,
             struct store_alike *out, size_t max, size_t *counts, struct err *e)
{
  struct sq *s = sq_of(st);
  if (n > QUERY_WORDS_MAX || max == 0 || max > STORE_ALIKE_MAX) {
    return err_set(e, ERR_LIMIT, "%zu words at once, at most %d", n,
                   QUERY_WORDS_MAX);
  }
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot_many(s, 2, e)) < 0) {
    return rc;
  }
  struct asked *asked = mem_resize(NULL, n, sizeof *asked);
  if (asked == NULL) {
    rc = sq_nomem(e);
  }
  for (size_t i = 0; rc == 0 && i < n; i++) {
    ask(&asked[i], &like[i], out + i * max, max);
  }
  if (rc == 0) {
    rc = alike_all(s, asked, n, e);
  }
  for (size_t i = 0; i < n; i++) {
    counts[i] = rc == 0 ? asked[i].n : 0;
    qsort(out + i * max, counts[i], sizeof *out, order_best);
  }
  mem_free(asked);
  sq_release(s);
  return rc;
}

/* ---- words with a beginning ---- */

struct prefixed {
  struct span prefix;
  struct store_alike *best; /* the most frequent first */
  size_t n, max;
};

static bool begins(struct span term, struct span prefix)
{
  return term.n >= prefix.n && memcmp(term.p, prefix.p, prefix.n) == 0;
}

static bool before(const struct store_alike *a, const struct store_alike *b)
{
  return a->df != b->df
             ? a->df > b->df
             : span_compare(span_of(a->term, a->n), span_of(b->term, b->n)) < 0;
}

/* A word into its place. The list is short. */
static void take(struct prefixed *l, struct span term, uint32_t df)
{
  if (term.n > STORE_TERM_MAX ||
      (l->n == l->max && df < l->best[l->n - 1].df)) {
    return;
  }
  struct store_alike one = {.n = (uint8_t)term.n, .like = 1, .df = df};
  size_t at = 0;
  memcpy(one.term, term.p, term.n);
  while (at < l->n &&
         !span_equal(span_of(l->best[at].term, l->best[at].n), term)) {
    at++;
  }
  if (at < l->n) { /* another segment had it too */
    one.df += l->best[at].df;
  } else if (l->n < l->max) {
    l->n++;
  } else if (before(&l->best[at = l->n - 1], &one)) {
    return;
  }
  for (; at > 0 && before(&one, &l->best[at - 1]); at--) {
    l->best[at] = l->best[at - 1];
  }
  l->best[at] = one;
}

static int prefix_leaves(struct sq *s, const struct seg *g, struct prefixed *l,
                         struct err *e)
{
  struct seg_cursor c = {.s = s, .seg = g};
  uint32_t no = 0;
  int rc = seg_leaf_of(s, g, l->prefix, &no, e);
  c.leaf = rc > 0 ? no : 0;
  rc = rc < 0 ? rc : cursor_next(&c, e);
  while (rc == 0 && c.more) {
    if (begins(c.entry.term, l->prefix)) {
      take(l, c.entry.term, c.entry.df);
    } else if (span_compare(c.entry.term, l->prefix) > 0) {
      break;
    }
    rc = cursor_next(&c, e);
  }
  cursor_free(&c);
  return rc;
}

static int read_page(struct sq *s, const struct seg *g, uint32_t no,
                     struct buf *row, struct words_reader *w, struct err *e)
{
  int rc = seg_row_get(s, g, ROW_WORD, no, row, e);
  return rc == 0 && !words_reader_open(w, buf_span(row))
             ? terms_bad(s, "a page of words", e)
             : rc;
}

/* The first page that may hold the prefix. */
static int prefix_page(struct sq *s, const struct seg *g, struct span prefix,
                       struct buf *row, uint32_t *out, struct err *e)
{
  uint32_t from = 0, to = g->rows[ROW_WORD];
  while (from < to) {
    uint32_t mid = from + (to - from) / 2;
    struct words_reader w;
    int rc = read_page(s, g, mid, row, &w, e), more = rc == 0;
    while (more > 0) {
      more = words_reader_next(&w);
    }
    if (rc < 0 || more < 0) {
      return rc < 0 ? rc : terms_bad(s, "a page of words", e);
    }
    if (span_compare(span_of(w.term, w.n), prefix) < 0) {
      from = mid + 1;
    } else {
      to = mid;
    }
  }
  *out = from;
  return 0;
}

static int prefix_pages(struct sq *s, const struct seg *g, struct prefixed *l,
                        struct err *e)
{
  struct buf row = {0};
  uint32_t no = 0;
  bool past = false;
  int rc = prefix_page(s, g, l->prefix, &row, &no, e);
  for (; rc == 0 && !past && no < g->rows[ROW_WORD]; no++) {
    struct words_reader w;
    rc = read_page(s, g, no, &row, &w, e);
    while (rc == 0 && !past && (rc = words_reader_next(&w)) > 0) {
      struct span term = span_of(w.term, w.n);
      if (begins(term, l->prefix)) {
        take(l, term, w.df);
      } else {
        past = span_compare(term, l->prefix) > 0;
      }
      rc = 0;
    }
    if (rc == ERR_CORRUPT) {
      rc = terms_bad(s, "a page of words", e);
    }
  }
  buf_free(&row);
  return rc;
}

int sq_prefix(struct store *st, struct span prefix, struct store_alike *out,
              size_t max, struct err *e)
{
  struct sq *s = sq_of(st);
  struct prefixed l = {.prefix = prefix, .best = out, .max = max};
  struct segs segs = {0};
  int rc = sq_enter(s, false, e);
  if (rc == 0 && (prefix.n == 0 || prefix.n > STORE_TERM_MAX || max == 0)) {
    rc = err_set(e, ERR_INVALID, "a beginning of %zu bytes", prefix.n);
  }
  if (rc < 0 || (rc = sq_snapshot_many(s, 2, e)) < 0) {
    return rc;
  }
  rc = all_segments(s, &segs, e);
  for (size_t i = 0; rc == 0 && i < segs.n; i++) {
    const struct seg *g = &segs.seg[i];
    rc = g->docs <= SCAN_DOCS ? prefix_leaves(s, g, &l, e)
                              : prefix_pages(s, g, &l, e);
  }
  segs_free(&segs);
  sq_release(s);
  return rc < 0 ? rc : (int)l.n;
}
