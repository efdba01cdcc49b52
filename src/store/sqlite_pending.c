/* SPDX-License-Identifier: 0BSD */
/* Documents that wait for the search index.
 *
 * FTS5 writes a segment of its own at each commit, and merges them later:
 * cheap for 500 documents, dear for one. So documents of small batches rest
 * in the table `pending` and go into the index 256 at a time. Queries look at
 * both: what waits is matched and ranked here, with FTS5's formula. */
#include "store/sqlite_int.h"

#include "base/check.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BM25_K1 1.2
#define BM25_B 0.75

int sq_pending_load(struct sq *s, struct err *e)
{
  return sq_int(s, Q_PENDING_COUNT, 0, &s->pending, e);
}

/* ---- folding ---- */

static int move_one(struct sq *s, sqlite3_stmt *from, struct err *e)
{
  sqlite3_stmt *to = NULL;
  int rc = sq_get(s, Q_DOC_PUT, &to, e);
  if (rc < 0) {
    return rc;
  }
  for (int i = 0; i < 1 + STORE_FIELDS; i++) {
    sqlite3_bind_value(to, 1 + i, sqlite3_column_value(from, i));
  }
  return sq_run(s, to, e);
}

int sq_pending_fold(struct sq *s, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_PENDING_ALL, &st, e);
  while (rc >= 0 && (rc = sq_step(s, st, e)) > 0) {
    rc = move_one(s, st, e);
  }
  sqlite3_reset(st);
  if (rc == 0 && (rc = sq_exec(s, Q_PENDING_CLEAR, e)) == 0) {
    s->pending = 0;
  }
  return rc;
}

/* ---- matching ---- */

/* Every token of a query, flat. */
struct phrase {
  struct span token; /* without the star */
  bool prefix, facet;
  uint32_t docs; /* waiting documents that hold it */
  double idf;
  double freq;   /* in the document under work, weighted */
  uint32_t hits; /* in the document under work */
};

struct matcher {
  const struct store_query *q;
  struct phrase *phrase; /* in order of words, then facets */
  size_t phrases;
  double docs, tokens; /* in the whole index, what waits included */
};

static uint8_t lower(uint8_t c)
{
  return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* As the tokenizer sees it: ASCII letters without their case. */
static bool token_is(const struct phrase *p, struct span t)
{
  if (p->prefix ? t.n < p->token.n : t.n != p->token.n) {
    return false;
  }
  for (size_t i = 0; i < p->token.n; i++) {
    if (lower(p->token.p[i]) != lower(t.p[i])) {
      return false;
    }
  }
  return true;
}

static void count_token(struct matcher *m, struct span t, int field)
{
  for (size_t i = 0; i < m->phrases; i++) {
    struct phrase *p = &m->phrase[i];
    if (p->facet == (field == STORE_FIELD_FACET) && token_is(p, t)) {
      p->hits++;
      p->freq += p->facet ? 0 : m->q->weight[field];
    }
  }
}

/* Count the phrases in one field; returns how many tokens it has. */
static size_t count_field(struct matcher *m, struct span f, int field)
{
  size_t tokens = 0, from = 0;
  for (size_t i = 0; i <= f.n; i++) {
    if (i < f.n && f.p[i] != ' ') {
      continue;
    }
    if (i > from) {
      tokens++;
      count_token(m, span_of(f.p + from, i - from), field);
    }
    from = i + 1;
  }
  return tokens;
}

/* Count the phrases in the row that ${st} stands on. */
static size_t count_doc(struct matcher *m, sqlite3_stmt *st)
{
  size_t tokens = 0;
  for (size_t i = 0; i < m->phrases; i++) {
    m->phrase[i].hits = 0;
    m->phrase[i].freq = 0;
  }
  for (int f = 0; f < STORE_FIELDS; f++) {
    tokens += count_field(m, sq_column(st, 1 + f), f);
  }
  return tokens;
}

/* Does the counted document satisfy the query? */
static bool doc_matches(const struct matcher *m)
{
  const struct phrase *p = m->phrase;
  bool all = true, any = false, wanted = false;
  for (size_t i = 0; i < m->q->words; i++) {
    const struct store_word *w = &m->q->word[i];
    bool here = false;
    for (size_t k = 0; k < w->count; k++) {
      here = here || (p++)->hits > 0;
    }
    if (w->exclude && here) {
      return false;
    }
    if (!w->exclude && w->count > 0) {
      wanted = true;
      any = any || here;
      all = all && here;
    }
  }
  for (size_t i = 0; i < m->q->facets; i++) {
    if ((p++)->hits == 0) {
      return false;
    }
  }
  return !wanted || (m->q->must ? all : any);
}

static void phrase_set(struct phrase *p, struct span token, bool facet)
{
  p->prefix = token.n > 1 && token.p[token.n - 1] == '*';
  p->token = span_of(token.p, token.n - (p->prefix ? 1 : 0));
  p->facet = facet;
}

static int matcher_make(struct matcher *m, const struct store_query *q,
                        struct err *e)
{
  size_t n = q->facets, at = 0;
  for (size_t i = 0; i < q->words; i++) {
    n += q->word[i].count;
  }
  m->q = q;
  m->phrases = n;
  m->phrase = mem_zero(n * sizeof *m->phrase);
  if (m->phrase == NULL) {
    return sq_nomem(e);
  }
  for (size_t i = 0; i < q->words; i++) {
    for (size_t k = 0; k < q->word[i].count; k++) {
      phrase_set(&m->phrase[at++], q->word[i].token[k], false);
    }
  }
  for (size_t i = 0; i < q->facets; i++) {
    phrase_set(&m->phrase[at++], q->facet[i], true);
  }
  CHECK(at == n);
  return 0;
}

/* ---- ranking ---- */

/* FTS5's record of totals: varints, documents first, then tokens a column. */
static int index_totals(struct sq *s, struct matcher *m, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_DOC_TOTALS, &st, e);
  if (rc < 0 || (rc = sq_step(s, st, e)) <= 0) {
    return rc;
  }
  struct span b = sq_column(st, 0);
  uint64_t v = 0;
  int column = 0;
  for (size_t i = 0; i < b.n && column <= STORE_FIELDS; i++) {
    v = v << 7 | (b.p[i] & 0x7f);
    if (!(b.p[i] & 0x80)) {
      *(column == 0 ? &m->docs : &m->tokens) += (double)v;
      column++;
      v = 0;
    }
  }
  sqlite3_reset(st);
  return 0;
}

/* How rare a phrase is in all of it. */
static int phrase_idf(struct sq *s, const struct matcher *m, struct phrase *p,
                      struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_match_one(s, p->token, p->prefix, p->facet, e);
  if (rc < 0 || (rc = sq_get(s, Q_DOC_MATCHES, &st, e)) < 0) {
    return rc;
  }
  sqlite3_bind_text64(st, 1, (const char *)s->text.p, s->text.n, SQLITE_STATIC,
                      SQLITE_UTF8);
  if ((rc = sq_step(s, st, e)) > 0) {
    double with = (double)sqlite3_column_int64(st, 0) + p->docs;
    p->idf = log((m->docs - with + 0.5) / (with + 0.5));
    p->idf = p->idf > 1e-6 ? p->idf : 1e-6;
    sqlite3_reset(st);
    rc = 0;
  }
  return rc;
}

static double doc_score(const struct matcher *m, size_t tokens)
{
  double score = 0, mean = m->tokens / m->docs;
  double norm = BM25_K1 * (1 - BM25_B + BM25_B * (double)tokens / mean);
  for (size_t i = 0; i < m->phrases; i++) {
    const struct phrase *p = &m->phrase[i];
    score += p->idf * p->freq * (BM25_K1 + 1) / (p->freq + norm);
  }
  return score;
}

int sq_hit_order(const void *a, const void *b)
{
  const struct store_hit *x = a, *y = b;
  if (x->score < y->score || x->score > y->score) {
    return x->score > y->score ? -1 : 1;
  }
  return x->ref > y->ref ? -1 : x->ref < y->ref;
}

/* First pass: does anything match, and how many documents hold each phrase? */
static int survey(struct sq *s, struct matcher *m, bool *any, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_PENDING_ALL, &st, e);
  while (rc >= 0 && (rc = sq_step(s, st, e)) > 0) {
    m->tokens += (double)count_doc(m, st);
    m->docs += 1;
    for (size_t i = 0; i < m->phrases; i++) {
      m->phrase[i].docs += m->phrase[i].hits > 0;
    }
    *any = *any || doc_matches(m);
  }
  return rc;
}

/* Second pass: score what matches. */
static int collect(struct sq *s, struct matcher *m, struct store_hit *hits,
                   size_t *n, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = index_totals(s, m, e);
  for (size_t i = 0; rc == 0 && i < m->phrases; i++) {
    rc = phrase_idf(s, m, &m->phrase[i], e);
  }
  if (rc < 0 || (rc = sq_get(s, Q_PENDING_ALL, &st, e)) < 0) {
    return rc;
  }
  while (*n < PENDING_MAX && (rc = sq_step(s, st, e)) > 0) {
    size_t tokens = count_doc(m, st);
    if (doc_matches(m)) {
      hits[*n].ref = (uint64_t)sqlite3_column_int64(st, 0);
      hits[(*n)++].score = doc_score(m, tokens);
    }
  }
  sqlite3_reset(st);
  qsort(hits, *n, sizeof *hits, sq_hit_order);
  return rc < 0 ? rc : 0;
}

int sq_pending_match(struct sq *s, const struct store_query *q,
                     struct store_hit *hits, size_t *n, struct err *e)
{
  struct matcher m = {0};
  bool any = false;
  *n = 0;
  int rc = matcher_make(&m, q, e);
  if (rc == 0) {
    rc = survey(s, &m, &any, e);
  }
  if (rc == 0 && any) {
    rc = collect(s, &m, hits, n, e);
  }
  mem_free(m.phrase);
  return rc;
}
