/* SPDX-License-Identifier: 0BSD */
/* Vocabularies in memory. A process that asks once looks through the pages;
 * one that asks again has the words of the greater segments in memory, until
 * they change. The rows of a segment stay as they are but for words that are
 * taken out, and those are counted. */
#include "store/sqlite_terms.h"

#include "base/mem.h"
#include "store/vocab.h"

#include <string.h>

#define PAGES_MIN 4u          /* smaller segments are looked through at once */
#define ASKED_BEFORE 2u       /* a query looks twice at most */
#define BYTES_MAX (26u << 20) /* of all together */

static const char cut_name[] = "search_cut";

int vocabs_cut(struct sq *s, struct err *e)
{
  int64_t cut = 0;
  int rc = sq_state_get(s, cut_name, &cut, e);
  return rc < 0 ? rc : sq_state_put(s, cut_name, cut + 1, e);
}

void vocabs_free(struct terms *t)
{
  for (size_t i = 0; i < t->vocabs; i++) {
    vocab_free(t->vocab[i].vocab);
  }
  t->vocabs = 0;
}

static bool same(const struct seg *a, const struct seg *b)
{
  return a->id == b->id && a->base == b->base && a->docs == b->docs &&
         a->rows[ROW_WORD] == b->rows[ROW_WORD];
}

static bool among(const struct segs *segs, const struct seg *g)
{
  for (size_t i = 0; i < segs->n; i++) {
    if (same(&segs->seg[i], g)) {
      return true;
    }
  }
  return false;
}

int vocabs_sweep(struct sq *s, const struct segs *segs, struct err *e)
{
  struct terms *t = s->terms;
  int64_t cut = 0;
  size_t n = 0;
  int rc = sq_state_get(s, cut_name, &cut, e);
  if (rc < 0) {
    return rc;
  }
  for (size_t i = 0; i < t->vocabs; i++) {
    if (cut == t->vocab_cut && among(segs, &t->vocab[i].seg)) {
      t->vocab[n++] = t->vocab[i];
    } else {
      vocab_free(t->vocab[i].vocab);
    }
  }
  t->vocabs = n;
  t->vocab_cut = cut;
  return 0;
}

/* ---- making one ---- */

static int add_pages(struct sq *s, const struct seg *g, struct vocab *v,
                     struct err *e)
{
  struct word_page *p = NULL;
  int rc = words_open(&p, e);
  for (uint32_t no = 0; rc == 0 && no < g->rows[ROW_WORD]; no++) {
    rc = words_page(s, g, no, p, e);
    for (size_t i = 0; rc == 0 && i < p->n; i++) {
      struct span term = span_of(p->term[i], p->term_n[i]), letters;
      /* What is no word is like none, as when pages are looked through. */
      if (words_is_one(term, &letters)) {
        rc = vocab_add(v, term, letters, p->df[i]);
      }
    }
  }
  words_free(p);
  return rc;
}

static size_t bytes_left(const struct terms *t)
{
  size_t left = BYTES_MAX;
  for (size_t i = 0; i < t->vocabs; i++) {
    if (t->vocab[i].vocab != NULL) {
      size_t n = vocab_bytes(t->vocab[i].vocab);
      left -= n < left ? n : left;
    }
  }
  return left;
}

static int make(struct sq *s, struct vocab_kept *k, struct err *e)
{
  struct vocab *v = vocab_new();
  int rc = v == NULL ? ERR_NOMEM : add_pages(s, &k->seg, v, e);
  if (rc == 0 && (rc = vocab_fill(v, bytes_left(s->terms))) == 0) {
    rc = add_pages(s, &k->seg, v, e);
  }
  if (rc == ERR_INVALID || (rc == 0 && !vocab_whole(v))) {
    rc = terms_bad(s, "a page of words", e);
  }
  if (rc == 0) {
    k->vocab = v;
    return 0;
  }
  vocab_free(v);
  if (rc == ERR_LIMIT || rc == ERR_NOMEM) { /* pages can still be read */
    k->refused = true;
    return 0;
  }
  return rc;
}

int vocabs_get(struct sq *s, const struct seg *g, struct vocab **out,
               struct err *e)
{
  struct terms *t = s->terms;
  size_t i = 0;
  *out = NULL;
  if (g->image != NULL || g->rows[ROW_WORD] < PAGES_MIN) {
    return 0;
  }
  while (i < t->vocabs && !same(&t->vocab[i].seg, g)) {
    i++;
  }
  if (i == VOCABS) {
    return 0;
  }
  struct vocab_kept *k = &t->vocab[i];
  if (i == t->vocabs) {
    memset(k, 0, sizeof *k);
    k->seg = *g;
    t->vocabs++;
  }
  int rc = 0;
  if (k->vocab == NULL && !k->refused && k->asked++ >= ASKED_BEFORE) {
    rc = make(s, k, e);
  }
  *out = k->vocab;
  return rc;
}
