/* SPDX-License-Identifier: 0BSD */
/* Documents that wait for a segment.
 *
 * A segment a commit is cheap for 500 documents, dear for one: so documents
 * of small batches rest in `search_wait`, a row each, and become a segment
 * when they are many. For queries they are a segment in memory.
 *
 *   row: varint(length), varint(zigzag(time)), varint(bytes of the facets),
 *        facets, terms (both as in struct store_doc) */
#include "store/sqlite_terms.h"

#include <string.h>

static int row_put(struct sq *s, const struct doc_in *d, struct err *e)
{
  struct buf *row = &s->terms->scratch;
  sqlite3_stmt *st = NULL;
  uint64_t time = (uint64_t)d->time << 1 ^ (uint64_t)(d->time >> 63);
  buf_clear(row);
  if (post_varint_put(row, d->length) < 0 || post_varint_put(row, time) < 0 ||
      post_varint_put(row, d->facets.n) < 0 ||
      buf_put(row, d->facets.p, d->facets.n) < 0 ||
      buf_put(row, d->terms.p, d->terms.n) < 0) {
    return sq_nomem(e);
  }
  int rc = sq_get(s, Q_WAIT_PUT, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, d->ref);
  sq_bind(st, 2, buf_span(row));
  s->terms->image_good = false;
  return sq_run(s, st, e);
}

static bool row_parse(struct span row, struct doc_in *d)
{
  struct post_reader r = post_reader_of(row);
  d->length = post_varint(&r);
  uint64_t time = post_varint(&r);
  d->time = (int64_t)(time >> 1 ^ (0 - (time & 1)));
  d->facets = post_bytes(&r, post_varint(&r));
  d->terms = span_of(r.p, (size_t)(r.end - r.p));
  return !r.bad;
}

int wait_put(struct sq *s, const struct doc_in *d, struct err *e)
{
  int rc = row_put(s, d, e);
  s->pending += rc == 0;
  return rc;
}

int wait_has(struct sq *s, int64_t ref, bool *out, struct err *e)
{
  int64_t one = 0;
  int rc = s->pending > 0 ? sq_int(s, Q_WAIT_HAS, ref, &one, e) : 0;
  *out = one != 0;
  return rc;
}

/* The row of ${ref} into ${bytes}, parsed. */
static int row_load(struct sq *s, int64_t ref, struct buf *bytes,
                    struct doc_in *d, struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_WAIT_GET, &st, e);
  if (rc < 0) {
    return rc;
  }
  sqlite3_bind_int64(st, 1, ref);
  if ((rc = sq_step(s, st, e)) <= 0) {
    return rc < 0 ? rc : terms_bad(s, "a waiting document", e);
  }
  struct span row = sq_column(st, 0);
  rc = buf_put(bytes, row.p, row.n) < 0 ? sq_nomem(e) : 0;
  sqlite3_reset(st);
  if (rc == 0 && !row_parse(buf_span(bytes), d)) {
    rc = terms_bad(s, "a waiting document", e);
  }
  return rc;
}

int wait_drop(struct sq *s, int64_t ref, uint64_t *length, struct err *e)
{
  struct buf bytes = {0};
  struct doc_in d;
  int rc = row_load(s, ref, &bytes, &d, e);
  buf_free(&bytes);
  if (rc < 0) {
    return rc;
  }
  *length = d.length;
  s->pending--;
  s->terms->image_good = false;
  return sq_exec2(s, Q_WAIT_DROP, ref, 0, e);
}

int wait_retag(struct sq *s, const struct doc_in *d, struct err *e)
{
  struct buf bytes = {0};
  struct doc_in now;
  int rc = row_load(s, d->ref, &bytes, &now, e);
  if (rc == 0) {
    now.ref = d->ref;
    now.time = d->time;
    now.facets = d->facets;
    rc = row_put(s, &now, e);
  }
  buf_free(&bytes);
  return rc;
}

/* ---- all of them ---- */

static int load_rows(struct sq *s, struct buf *bytes, struct buf *ends,
                     struct err *e)
{
  sqlite3_stmt *st = NULL;
  int rc = sq_get(s, Q_WAIT_ALL, &st, e);
  while (rc >= 0 && (rc = sq_step(s, st, e)) > 0) {
    int64_t ref = sqlite3_column_int64(st, 0);
    struct span row = sq_column(st, 1);
    if (buf_put(bytes, row.p, row.n) < 0 ||
        buf_put(ends, &ref, sizeof ref) < 0 ||
        buf_put(ends, &bytes->n, sizeof bytes->n) < 0) {
      sqlite3_reset(st);
      return sq_nomem(e);
    }
  }
  return rc;
}

int wait_load(struct sq *s, struct buf *bytes, struct buf *out, struct err *e)
{
  struct buf ends = {0};
  size_t from = 0, to;
  int rc = load_rows(s, bytes, &ends, e);
  for (size_t at = 0; rc == 0 && at < ends.n; from = to) {
    struct doc_in d;
    memcpy(&d.ref, ends.p + at, sizeof d.ref);
    memcpy(&to, ends.p + at + sizeof d.ref, sizeof to);
    at += sizeof d.ref + sizeof to;
    if (!row_parse(span_of(bytes->p + from, to - from), &d)) {
      rc = terms_bad(s, "a waiting document", e);
    } else if (buf_put(out, &d, sizeof d) < 0) {
      rc = sq_nomem(e);
    }
  }
  buf_free(&ends);
  return rc;
}

/* ---- the segment in memory ---- */

static int image_docs(struct terms *t)
{
  size_t n = t->wait_in.n / sizeof(struct doc_in);
  gather_clear(&t->gather);
  for (size_t i = 0; i < n; i++) {
    struct doc_in d = wait_doc(t, (uint32_t)i);
    int rc = gather_doc(&t->gather, (uint32_t)i, d.terms);
    if (rc == 0) {
      rc = buf_byte(&t->wait_lens, post_length(d.length));
    }
    if (rc < 0) {
      return rc;
    }
  }
  return gather_sort(&t->gather);
}

static int image_build(struct sq *s, struct terms *t, struct err *e)
{
  struct seg_writer w;
  int rc = image_docs(t);
  t->waiting =
      (struct seg){.docs = (uint32_t)t->wait_lens.n, .image = &t->image};
  if (rc < 0) {
    return rc == ERR_NOMEM ? sq_nomem(e)
                           : terms_bad(s, "a waiting document", e);
  }
  rc = writer_open(&w, s, &t->waiting, t->wait_lens.p, e);
  if (rc == 0) {
    rc = writer_gathered(&w, e);
  }
  writer_free(&w);
  return rc;
}

int wait_image(struct sq *s, struct err *e)
{
  struct terms *t;
  int rc = terms_of(s, &t, e);
  if (rc < 0 || t->image_good) {
    return rc;
  }
  for (int k = 0; k < ROW_KINDS; k++) {
    buf_clear(&t->image.bytes[k]);
    buf_clear(&t->image.end[k]);
  }
  buf_clear(&t->wait_lens);
  buf_clear(&t->wait_bytes);
  buf_clear(&t->wait_in);
  if ((rc = wait_load(s, &t->wait_bytes, &t->wait_in, e)) == 0) {
    rc = image_build(s, t, e);
  }
  t->image_good = rc == 0;
  return rc;
}
