/* SPDX-License-Identifier: 0BSD */
/* Documents of the search index: numbers, lengths, facets, times.
 *
 *   search_doc   per document varint(set), 0 when it was taken out, else
 *                varint(zigzag(number in the store - that of the one before)),
 *                varint(zigzag(time - that before))
 *   search_ref   per document its number's low byte, varint(zigzag(document
 *                - the one before))
 *   search_len   a byte per document: post_length() */
#include "store/sqlite_terms.h"

#include <string.h>

static uint64_t zigzag(int64_t v)
{
  return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v)
{
  return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

/* A row's bytes into t->row; empty when there is none. */
static int row_get(struct sq *s, enum sq_stmt q, int64_t id, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, q, &st, e);
  buf_clear(&s->terms->row);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, id);
  if ((rc = sq_step(s, st, e)) > 0) {
    struct span row = sq_column(st, 0);
    rc = buf_put(&s->terms->row, row.p, row.n) < 0 ? sq_nomem(e) : 0;
    sqlite3_reset(st);
  }
  return rc;
}

static int row_put(struct sq *s, enum sq_stmt q, int64_t id, struct span data,
                   struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, q, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, id);
  sq_bind(st, 2, data);
  return sq_run(s, st, e);
}

/* ---- pages of documents ---- */

static int doc_page_write(struct sq *s, struct err *e)
{
  struct doc_page *p = &s->terms->docs;
  struct buf *row = &s->terms->row;
  int64_t ref = 0, time = 0;
  int rc = 0;
  if (!p->dirty) {
    return 0;
  }
  buf_clear(row);
  for (size_t i = 0; rc == 0 && i < p->n; i++) {
    const struct doc_entry *d = &p->doc[i];
    if (d->ref == 0) {
      rc = buf_byte(row, 0);
      continue;
    }
    if ((rc = post_varint_put(row, (uint64_t)d->set)) < 0 ||
        (rc = post_varint_put(row, zigzag(d->ref - ref))) < 0 ||
        (rc = post_varint_put(row, zigzag(d->time - time))) < 0) {
      break;
    }
    ref = d->ref;
    time = d->time;
  }
  p->dirty = false;
  return rc < 0 ? sq_nomem(e)
                : row_put(s, Q_TDOC_PUT, p->page, buf_span(row), e);
}

static bool doc_page_parse(struct doc_page *p, struct span row)
{
  struct post_reader r = post_reader_of(row);
  uint64_t ref = 0, time = 0;
  p->n = 0;
  while (r.p < r.end && p->n < DOC_PAGE) {
    struct doc_entry *d = &p->doc[p->n++];
    memset(d, 0, sizeof *d);
    d->set = (int64_t)post_varint(&r);
    if (d->set != 0) {
      ref += (uint64_t)unzigzag(post_varint(&r));
      time += (uint64_t)unzigzag(post_varint(&r));
      d->ref = (int64_t)ref;
      d->time = (int64_t)time;
    }
    if (d->set != 0 && (d->ref <= 0 || d->set > UINT32_MAX)) {
      return false;
    }
  }
  return !r.bad && r.p == r.end;
}

static int doc_page_load(struct sq *s, int64_t page, struct err *e)
{
  struct doc_page *p = &s->terms->docs;
  if (p->page == page) {
    return 0;
  }
  int rc = doc_page_write(s, e);
  p->page = -1;
  if (rc < 0 || (rc = row_get(s, Q_TDOC_GET, page, e)) < 0) {
    return rc;
  }
  if (!doc_page_parse(p, buf_span(&s->terms->row))) {
    return terms_bad(s, "a row of documents", e);
  }
  p->page = page;
  return 0;
}

static int entry_at(struct sq *s, uint32_t doc, struct doc_entry **out,
                    struct err *e)
{
  int rc = doc_page_load(s, doc / DOC_PAGE, e);
  if (rc == 0 && doc % DOC_PAGE >= s->terms->docs.n) {
    return terms_bad(s, "a row of documents", e);
  }
  *out = &s->terms->docs.doc[doc % DOC_PAGE];
  return rc;
}

int docs_entry(struct sq *s, uint32_t doc, struct doc_entry *out, struct err *e)
{
  struct doc_entry *at = NULL;
  int rc = entry_at(s, doc, &at, e);
  if (rc < 0 || at == NULL) {
    return rc;
  }
  *out = *at;
  return 0;
}

/* ---- from the store's number to the document ---- */

static int ref_page_write(struct sq *s, struct err *e)
{
  struct ref_page *p = &s->terms->refs;
  struct buf *row = &s->terms->row;
  uint32_t before = 0;
  int rc = 0;
  if (!p->dirty) {
    return 0;
  }
  buf_clear(row);
  for (unsigned i = 0; rc == 0 && i < 1u << REF_PAGE_BITS; i++) {
    if (p->doc[i] != 0) {
      int64_t gap = (int64_t)p->doc[i] - before;
      if ((rc = buf_byte(row, (uint8_t)i)) == 0) {
        rc = post_varint_put(row, zigzag(gap));
      }
      before = p->doc[i];
    }
  }
  p->dirty = false;
  if (rc < 0) {
    return sq_nomem(e);
  }
  return row->n == 0 ? sq_exec2(s, Q_REF_DROP, p->page, 0, e)
                     : row_put(s, Q_REF_PUT, p->page, buf_span(row), e);
}

static int ref_page_load(struct sq *s, int64_t page, struct err *e)
{
  struct ref_page *p = &s->terms->refs;
  if (p->page == page) {
    return 0;
  }
  int rc = ref_page_write(s, e);
  p->page = -1;
  if (rc < 0 || (rc = row_get(s, Q_REF_GET, page, e)) < 0) {
    return rc;
  }
  struct post_reader r = post_reader_of(buf_span(&s->terms->row));
  uint64_t doc = 0;
  memset(p->doc, 0, sizeof p->doc);
  while (r.p < r.end) {
    uint8_t low = post_byte(&r);
    doc += (uint64_t)unzigzag(post_varint(&r));
    if (r.bad || doc == 0 || doc > UINT32_MAX) {
      return terms_bad(s, "a row of numbers", e);
    }
    p->doc[low] = (uint32_t)doc;
  }
  p->page = page;
  return 0;
}

int docs_find(struct sq *s, int64_t ref, uint32_t *doc, bool *found,
              struct err *e)
{
  int rc = ref_page_load(s, ref >> REF_PAGE_BITS, e);
  if (rc == 0) {
    uint32_t at = s->terms->refs.doc[ref & ((1 << REF_PAGE_BITS) - 1)];
    *found = at != 0;
    *doc = at - 1;
  }
  return rc;
}

static int ref_set(struct sq *s, int64_t ref, uint32_t value, struct err *e)
{
  int rc = ref_page_load(s, ref >> REF_PAGE_BITS, e);
  if (rc == 0) {
    s->terms->refs.doc[ref & ((1 << REF_PAGE_BITS) - 1)] = value;
    s->terms->refs.dirty = true;
  }
  return rc;
}

/* ---- sets of facets ---- */

/* Count what the last set was given, and let it go. */
static int set_settle(struct sq *s, struct err *e)
{
  struct terms *t = s->terms;
  int64_t set = t->set, more = t->set_more;
  t->set = 0;
  t->set_more = 0;
  if (set == 0 || more == 0) {
    return 0;
  }
  int rc = sq_exec2(s, Q_SET_COUNT, set, more, e);
  return rc < 0 || more > 0 ? rc : sq_exec2(s, Q_SET_DROP, set, 0, e);
}

static int set_make(struct sq *s, struct span tokens, int64_t *set,
                    struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_SET_FIND, &st, e);
  if (rc < 0) {
    return rc;
  }
  sq_bind(st, 1, tokens);
  if ((rc = sq_step(s, st, e)) > 0) {
    *set = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    return 0;
  }
  if (rc < 0 || (rc = sq_get(s, Q_SET_NEW, &st, e)) < 0) {
    return rc;
  }
  sq_bind(st, 1, tokens);
  rc = sq_run(s, st, e);
  *set = sqlite3_last_insert_rowid(s->db);
  return rc;
}

/* The set for one document more. Documents come in runs of one set. */
static int set_join(struct sq *s, struct span tokens, int64_t *set,
                    struct err *e)
{
  struct terms *t = s->terms;
  int rc = 0;
  if (t->set == 0 || !span_equal(buf_span(&t->set_tokens), tokens)) {
    if ((rc = set_settle(s, e)) < 0 || (rc = set_make(s, tokens, set, e)) < 0) {
      return rc;
    }
    buf_clear(&t->set_tokens);
    if (buf_put(&t->set_tokens, tokens.p, tokens.n) < 0) {
      return sq_nomem(e);
    }
    t->set = *set;
  }
  *set = t->set;
  t->set_more++;
  return 0;
}

static int set_leave(struct sq *s, int64_t set, struct err *e)
{
  int rc = 0;
  if (s->terms->set != set) {
    rc = set_settle(s, e);
    s->terms->set = set;
    buf_clear(&s->terms->set_tokens);
    s->terms->set_tokens.n = 0;
  }
  s->terms->set_more--;
  return rc < 0 ? rc : set_settle(s, e);
}

int docs_set(struct sq *s, int64_t set, struct buf *out, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_SET_GET, &st, e);
  buf_clear(out);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, set);
  if ((rc = sq_step(s, st, e)) <= 0) {
    return rc < 0 ? rc : terms_bad(s, "a set of facets", e);
  }
  struct span tokens = sq_column(st, 0);
  rc = buf_put(out, tokens.p, tokens.n) < 0 ? sq_nomem(e) : 0;
  sqlite3_reset(st);
  return rc;
}

int docs_flush(struct sq *s, struct err *e)
{
  int rc = 0;
  if (s->terms != NULL && (rc = doc_page_write(s, e)) == 0 &&
      (rc = ref_page_write(s, e)) == 0) {
    rc = set_settle(s, e);
  }
  return rc;
}

/* ---- lengths ---- */

/* Codes of the documents from ${doc} on. */
static int lens_put(struct sq *s, uint32_t doc, struct span codes,
                    struct err *e)
{
  struct buf *row = &s->terms->scratch;
  while (codes.n > 0) {
    int64_t page = doc / LEN_PAGE;
    size_t at = doc % LEN_PAGE;
    size_t n = LEN_PAGE - at < codes.n ? LEN_PAGE - at : codes.n;
    int rc = row_get(s, Q_LEN_GET, page, e);
    if (rc == 0 && s->terms->row.n != at) {
      rc = terms_bad(s, "a row of lengths", e);
    }
    buf_clear(row);
    if (rc == 0 && (buf_put(row, s->terms->row.p, at) < 0 ||
                    buf_put(row, codes.p, n) < 0)) {
      rc = sq_nomem(e);
    }
    if (rc < 0 || (rc = row_put(s, Q_LEN_PUT, page, buf_span(row), e)) < 0) {
      return rc;
    }
    codes = span_of(codes.p + n, codes.n - n);
    doc += (uint32_t)n;
  }
  return 0;
}

/* ---- coming and going ---- */

static int enter_one(struct sq *s, const struct doc_in *d, uint32_t doc,
                     struct err *e)
{
  struct doc_page *p = &s->terms->docs;
  struct doc_entry en = {.ref = d->ref, .time = d->time};
  int rc = doc_page_load(s, doc / DOC_PAGE, e);
  if (rc < 0 || (rc = set_join(s, d->facets, &en.set, e)) < 0) {
    return rc;
  }
  if (p->n != doc % DOC_PAGE) {
    return terms_bad(s, "a row of documents", e);
  }
  p->doc[p->n++] = en;
  p->dirty = true;
  return ref_set(s, d->ref, doc + 1, e);
}

int docs_enter(struct sq *s, const struct doc_in *d, size_t n,
               struct term_counts *c, struct err *e)
{
  struct buf codes = {0};
  int rc = 0;
  if ((uint64_t)c->next + n >= UINT32_MAX) {
    return err_set(e, ERR_LIMIT, "%s: the search index is full", s->path);
  }
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = enter_one(s, &d[i], (uint32_t)c->next + (uint32_t)i, e);
    if (rc == 0 && buf_byte(&codes, post_length(d[i].length)) < 0) {
      rc = sq_nomem(e);
    }
  }
  if (rc == 0) {
    rc = lens_put(s, (uint32_t)c->next, buf_span(&codes), e);
  }
  buf_free(&codes);
  c->next += (int64_t)n;
  return rc;
}

int docs_leave(struct sq *s, uint32_t doc, struct err *e)
{
  struct doc_entry *at = NULL;
  int rc = entry_at(s, doc, &at, e);
  if (rc < 0) {
    return rc;
  }
  struct doc_entry was = *at;
  memset(at, 0, sizeof *at);
  s->terms->docs.dirty = true;
  rc = ref_set(s, was.ref, 0, e);
  return rc < 0 ? rc : set_leave(s, was.set, e);
}

int docs_retag(struct sq *s, uint32_t doc, const struct doc_in *d,
               struct err *e)
{
  struct doc_entry *at = NULL;
  int64_t set = 0;
  int rc = entry_at(s, doc, &at, e);
  if (rc < 0 || (rc = set_join(s, d->facets, &set, e)) < 0) {
    return rc;
  }
  int64_t was = at->set;
  at->set = set;
  at->time = d->time;
  s->terms->docs.dirty = true;
  return set_leave(s, was, e);
}
