/* SPDX-License-Identifier: 0BSD */
/* Search documents and queries, over FTS5 with its built-in `ascii`
 * tokenizer. The tokens are made by text/; here they are only checked, so
 * that nothing in a query is ever syntax. */
#include "store/sqlite_int.h"

/* Far beyond what anybody pages to; keeps skip + max within bounds. */
#define SKIP_MAX ((size_t)1 << 30)

/* ---- documents ---- */

static bool token_byte(uint8_t c)
{
  return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

static int field_check(struct span f, struct err *e)
{
  for (size_t i = 0; i < f.n; i++) {
    if (f.p[i] != ' ' && !token_byte(f.p[i])) {
      return err_set(e, ERR_INVALID,
                     "byte 0x%02x at %zu of a search field:"
                     " tokens hold letters and digits only",
                     f.p[i], i);
    }
  }
  return 0;
}

static void bind_field(sqlite3_stmt *st, int i, struct span f)
{
  sqlite3_bind_text64(st, i, f.n > 0 ? (const char *)f.p : "", f.n,
                      SQLITE_STATIC, SQLITE_UTF8);
}

static int doc_run(struct sq *s, enum sq_stmt q, int64_t ref,
                   const struct store_doc *d, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = 0;
  for (int i = 0; rc == 0 && i < STORE_FIELDS; i++) {
    rc = field_check(d->field[i], e);
  }
  if (rc < 0 || (rc = sq_get(s, q, &st, e)) < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, ref);
  for (int i = 0; i < STORE_FIELDS; i++) {
    bind_field(st, 2 + i, d->field[i]);
  }
  return sq_run(s, st, e);
}

/* Where is document ${ref}? */
enum place { NOWHERE, INDEXED, WAITING };

static int doc_place(struct sq *s, int64_t ref, enum place *out, struct err *e)
{
  int64_t one = 0;
  int rc = sq_int(s, Q_DOC_HAS, ref, &one, e);
  *out = one != 0 ? INDEXED : NOWHERE;
  if (rc == 0 && one == 0 && s->pending > 0) {
    rc = sq_int(s, Q_PENDING_HAS, ref, &one, e);
    *out = one != 0 ? WAITING : NOWHERE;
  }
  return rc;
}

/* A contentless index can't check what it is told to forget: taking out what
 * is not there would spoil it. */
static int undoc(struct sq *s, const struct store_doc *d, size_t blocks,
                 struct err *e)
{
  int64_t ref = 0;
  enum place place = NOWHERE;
  int rc = sq_ref(s, d->ref, blocks, &ref, e);
  if (rc < 0 || (rc = doc_place(s, ref, &place, e)) < 0) {
    return rc;
  }
  if (place == WAITING) {
    s->pending--;
    return sq_exec2(s, Q_PENDING_DROP, ref, 0, e);
  }
  return place == INDEXED ? doc_run(s, Q_DOC_DROP, ref, d, e) : 0;
}

static int doc(struct sq *s, const struct store_doc *d, size_t blocks,
               bool wait, struct err *e)
{
  int64_t ref = 0;
  enum place place = NOWHERE;
  int rc = sq_ref(s, d->ref, blocks, &ref, e);
  if (rc < 0 || (rc = doc_place(s, ref, &place, e)) < 0) {
    return rc;
  }
  if (place != NOWHERE) {
    return 0; /* the same batch again, after an end that nobody saw */
  }
  s->pending += wait ? 1 : 0;
  return doc_run(s, wait ? Q_PENDING_PUT : Q_DOC_PUT, ref, d, e);
}

/* FTS5 keeps the tokens of a removed document until its segments are merged.
 * When blocks are erased for good, the words must go with them. */
static int forget_words(struct sq *s, const struct store_batch *b,
                        struct err *e)
{
  int64_t removed = 0;
  int rc = 0;
  if (b->undocs_n > 0 && b->erase_n == 0) {
    return sq_state_put(s, "search_removed", 1, e);
  }
  if (b->erase_n == 0 ||
      (rc = sq_state_get(s, "search_removed", &removed, e)) < 0 ||
      (b->undocs_n == 0 && removed == 0)) {
    return rc;
  }
  if ((rc = sq_exec(s, Q_DOC_OPTIMIZE, e)) < 0) {
    return rc;
  }
  return sq_state_put(s, "search_removed", 0, e);
}

int sq_docs_put(struct sq *s, const struct store_batch *b, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < b->undocs_n; i++) {
    rc = undoc(s, &b->undocs[i], b->blocks_n, e);
  }
  bool wait = b->docs_n < PENDING_BULK;
  for (size_t i = 0; rc == 0 && i < b->docs_n; i++) {
    rc = doc(s, &b->docs[i], b->blocks_n, wait, e);
  }
  if (rc == 0 && s->pending >= PENDING_FOLD) {
    rc = sq_pending_fold(s, e);
  }
  return rc < 0 ? rc : forget_words(s, b, e);
}

/* ---- queries ---- */

static int text_put(struct buf *b, const char *text)
{
  while (*text != '\0') {
    int rc = buf_byte(b, (uint8_t)*text++);
    if (rc < 0) {
      return rc;
    }
  }
  return 0;
}

/* "token" or "token"*. Its bytes are checked: it cannot break out. */
static int put_token(struct buf *b, struct span t, struct err *e)
{
  bool prefix = t.n > 1 && t.p[t.n - 1] == '*';
  size_t n = prefix ? t.n - 1 : t.n;
  if (n == 0 || n > WORD_BYTES_MAX * 2) {
    return err_set(e, ERR_INVALID, "a search token of %zu bytes", n);
  }
  for (size_t i = 0; i < n; i++) {
    if (!token_byte(t.p[i])) {
      return err_set(e, ERR_INVALID,
                     "byte 0x%02x at %zu of a search token:"
                     " tokens hold letters and digits only",
                     t.p[i], i);
    }
  }
  if (text_put(b, "\"") < 0 || buf_put(b, t.p, n) < 0 ||
      text_put(b, prefix ? "\" * " : "\" ") < 0) {
    return sq_nomem(e);
  }
  return 0;
}

/* ("a" OR "b" OR "c" *) */
static int put_group(struct buf *b, const struct store_word *w, struct err *e)
{
  int rc = text_put(b, "(");
  for (size_t i = 0; rc == 0 && i < w->count; i++) {
    if (i > 0 && (rc = text_put(b, "OR ")) < 0) {
      break;
    }
    if ((rc = put_token(b, w->token[i], e)) < 0) {
      return rc;
    }
  }
  if (rc == 0) {
    rc = text_put(b, ") ");
  }
  return rc < 0 ? sq_nomem(e) : 0;
}

/* The groups whose exclude flag is ${exclude}, joined by ${glue}; ${n} says
 * how many there were. */
static int put_groups(struct buf *b, const struct store_query *q, bool exclude,
                      const char *glue, size_t *n, struct err *e)
{
  *n = 0;
  for (size_t i = 0; i < q->words; i++) {
    const struct store_word *w = &q->word[i];
    if (w->exclude != exclude || w->count == 0) {
      continue;
    }
    if (text_put(b, *n == 0 ? "({title text} : (" : glue) < 0) {
      return sq_nomem(e);
    }
    int rc = put_group(b, w, e);
    if (rc < 0) {
      return rc;
    }
    ++*n;
  }
  return *n > 0 && text_put(b, ")) ") < 0 ? sq_nomem(e) : 0;
}

static int put_facets(struct buf *b, const struct store_query *q, bool first,
                      struct err *e)
{
  for (size_t i = 0; i < q->facets; i++) {
    if (text_put(b, first && i == 0 ? "facet : " : "AND facet : ") < 0) {
      return sq_nomem(e);
    }
    int rc = put_token(b, q->facet[i], e);
    if (rc < 0) {
      return rc;
    }
  }
  return 0;
}

/* ((wanted) AND facets) NOT (unwanted), as FTS5 writes it. */
static int query_text(struct buf *b, const struct store_query *q, struct err *e)
{
  size_t wanted = 0, unwanted = 0;
  buf_clear(b);
  if (q->words > QUERY_WORDS_MAX || q->facets > QUERY_WORDS_MAX) {
    return err_set(e, ERR_LIMIT,
                   "a query of %zu words and %zu facets, at"
                   " most %d of each",
                   q->words, q->facets, QUERY_WORDS_MAX);
  }
  if (text_put(b, "(") < 0) {
    return sq_nomem(e);
  }
  int rc = put_groups(b, q, false, q->must ? "AND " : "OR ", &wanted, e);
  if (rc < 0 || (rc = put_facets(b, q, wanted == 0, e)) < 0) {
    return rc;
  }
  if (wanted == 0 && q->facets == 0) {
    return err_set(e, ERR_INVALID, "a query needs a word that is wanted");
  }
  size_t mark = 0;
  if (text_put(b, ") ") < 0) {
    return sq_nomem(e);
  }
  mark = b->n;
  if (text_put(b, "NOT ") < 0) {
    return sq_nomem(e);
  }
  rc = put_groups(b, q, true, "OR ", &unwanted, e);
  if (rc == 0 && unwanted == 0) {
    b->n = mark;
  }
  return rc;
}

int sq_match_one(struct sq *s, struct span token, bool prefix, bool facet,
                 struct err *e)
{
  buf_clear(&s->text);
  if (text_put(&s->text, facet ? "facet : \"" : "{title text} : \"") < 0 ||
      buf_put(&s->text, token.p, token.n) < 0 ||
      text_put(&s->text, prefix ? "\" *" : "\"") < 0) {
    return sq_nomem(e);
  }
  return 0;
}

/* Two lists of hits, both best first, read as one. */
struct merge {
  sqlite3_stmt *indexed;
  struct store_hit head; /* of what is indexed */
  bool more;             /* head holds one */
  const struct store_hit *waiting;
  size_t waiting_n;
};

static int merge_pull(struct sq *s, struct merge *m, struct err *e)
{
  int rc = sq_step(s, m->indexed, e);
  m->more = rc > 0;
  if (rc > 0) {
    m->head.ref = (uint64_t)sqlite3_column_int64(m->indexed, 0);
    m->head.score = -sqlite3_column_double(m->indexed, 1);
  }
  return rc < 0 ? rc : 0;
}

/* The next best into ${out}: 1, 0 at the end, or an error. */
static int merge_next(struct sq *s, struct merge *m, struct store_hit *out,
                      struct err *e)
{
  if (m->waiting_n > 0 &&
      (!m->more || sq_hit_order(m->waiting, &m->head) < 0)) {
    *out = *m->waiting++;
    m->waiting_n--;
    return 1;
  }
  if (!m->more) {
    return 0;
  }
  *out = m->head;
  int rc = merge_pull(s, m, e);
  return rc < 0 ? rc : 1;
}

static int query_start(struct sq *s, const struct store_query *q, size_t want,
                       struct merge *m, struct err *e)
{
  int rc = query_text(&s->text, q, e);
  if (rc < 0 || (rc = sq_get(s, Q_SEARCH, &m->indexed, e)) < 0) {
    return rc;
  }
  bind_field(m->indexed, 1, buf_span(&s->text));
  sqlite3_bind_double(m->indexed, 2, q->weight[STORE_FIELD_TITLE]);
  sqlite3_bind_double(m->indexed, 3, q->weight[STORE_FIELD_TEXT]);
  sqlite3_bind_int64(m->indexed, 4, (int64_t)want);
  return merge_pull(s, m, e);
}

static int query_run(struct sq *s, const struct store_query *q, size_t skip,
                     struct store_hit *hits, size_t max, struct err *e)
{
  struct store_hit waiting[PENDING_MAX], hit;
  struct merge m = {.waiting = waiting};
  size_t n = 0;
  int rc = query_text(&s->text, q, e); /* refuses a bad query before work */
  if (rc == 0 && s->pending > 0) {
    rc = sq_pending_match(s, q, waiting, &m.waiting_n, e);
  }
  if (rc < 0 || (rc = query_start(s, q, skip + max, &m, e)) < 0) {
    return rc;
  }
  while (n < max && (rc = merge_next(s, &m, &hit, e)) > 0) {
    if (skip > 0) {
      skip--;
    } else {
      hits[n++] = hit;
    }
  }
  sqlite3_reset(m.indexed);
  return rc < 0 ? rc : (int)n;
}

int sq_query(struct store *st, const struct store_query *q, size_t skip,
             struct store_hit *hits, size_t max, struct err *e)
{
  struct sq *s = sq_of(st);
  int rc = sq_enter(s, false, e);
  if (rc < 0 || (rc = sq_snapshot(s, e)) < 0) {
    return rc;
  }
  max = max > STORE_LIST_MAX ? STORE_LIST_MAX : max;
  skip = skip > SKIP_MAX ? SKIP_MAX : skip;
  rc = query_run(s, q, skip, hits, max, e);
  sq_release(s);
  return rc;
}
