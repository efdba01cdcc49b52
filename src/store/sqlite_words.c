/* SPDX-License-Identifier: 0BSD */
/* Words that are like another: each word of a segment stands in a page of
 * `search_word` with a signature of 64 bits, one for each of its 3-grams. What
 * two signatures share bounds the grams that two words share from above; so all
 * words are looked at in a row, and few have to be read.
 *
 * A page: the number of words (varint); signatures, 8 bytes each, little
 * endian; how many grams each word has, a byte each; then the terms: bytes
 * shared with the one before, bytes more, those, and documents (varints). */
#include "store/sqlite_terms.h"

#include "base/check.h"
#include "base/mem.h"
#include "text/near.h"

#include <string.h>

#define PAGE_BYTES 4000u
#define SIGN_BYTES 9u

#define SCAN_DOCS                                                              \
  4096u /* segments up to this are looked through leaf by leaf */

/* A term is a word when it begins with a letter or digit, or has the mark of
 * a second kind of words before that. */
bool words_is_one(struct span term, struct span *word)
{
  bool marked = term.n > 1 && term.p[0] == STORE_WORD_MARK;
  *word = marked ? span_of(term.p + 1, term.n - 1) : term;
  return term.n > 0 && word->p[0] >= 0x20;
}

uint64_t words_sign(const uint64_t *gram, size_t n)
{
  uint64_t sign = 0;
  for (size_t i = 0; i < n; i++) {
    uint64_t h = gram[i] * UINT64_C(0x9e3779b97f4a7c15);
    sign |= UINT64_C(1) << (h >> 58);
  }
  return sign;
}

int words_open(struct word_page **out, struct err *e)
{
  *out = mem_alloc(sizeof **out);
  if (*out == NULL) {
    return sq_nomem(e);
  }
  (*out)->n = (*out)->bytes = 0;
  return 0;
}

void words_free(struct word_page *p)
{
  mem_free(p);
}

/* ---- writing ---- */

static int put_signs(const struct word_page *p, struct buf *out)
{
  int rc = post_varint_put(out, p->n);
  for (size_t i = 0; rc == 0 && i < p->n; i++) {
    uint8_t b[8];
    for (int j = 0; j < 8; j++) {
      b[j] = (uint8_t)(p->sign[i] >> 8 * j);
    }
    rc = buf_put(out, b, sizeof b);
  }
  return rc < 0 ? rc : buf_put(out, p->grams, p->n);
}

static int put_words(const struct word_page *p, struct buf *out)
{
  struct span before = {NULL, 0};
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < p->n; i++) {
    struct span term = span_of(p->term[i], p->term_n[i]);
    size_t shared = 0;
    while (shared < before.n && shared < term.n &&
           before.p[shared] == term.p[shared]) {
      shared++;
    }
    if ((rc = post_varint_put(out, shared)) < 0 ||
        (rc = post_varint_put(out, term.n - shared)) < 0 ||
        (rc = buf_put(out, term.p + shared, term.n - shared)) < 0) {
      break;
    }
    rc = post_varint_put(out, p->df[i]);
    before = term;
  }
  return rc;
}

static int page_put(struct sq *s, const struct seg *g, uint32_t no,
                    const struct word_page *p, struct err *e)
{
  struct buf row = {0};
  int rc = put_signs(p, &row);
  if (rc == 0) {
    rc = put_words(p, &row);
  }
  rc =
      rc < 0 ? sq_nomem(e) : seg_row_put(s, g, ROW_WORD, no, buf_span(&row), e);
  buf_free(&row);
  return rc;
}

int words_flush(struct seg_writer *w, struct err *e)
{
  if (w->words->n == 0) {
    return 0;
  }
  int rc = page_put(w->s, w->seg, w->seg->rows[ROW_WORD], w->words, e);
  w->seg->rows[ROW_WORD]++;
  w->words->n = w->words->bytes = 0;
  return rc;
}

int words_add(struct seg_writer *w, struct span term, uint32_t df,
              struct err *e)
{
  struct word_page *p = w->words;
  struct near_word letters;
  uint64_t gram[NEAR_GRAMS_MAX];
  struct span word;
  if (!words_is_one(term, &word) || term.n > TERM_MAX) {
    return 0;
  }
  size_t size = SIGN_BYTES + 4 + term.n;
  if (p->n == PAGE_WORDS || p->bytes + size > PAGE_BYTES + 600) {
    int rc = words_flush(w, e);
    if (rc < 0) {
      return rc;
    }
  }
  near_word_of(&letters, word);
  size_t grams = near_grams(&letters, WORD_GRAMS, gram);
  p->sign[p->n] = words_sign(gram, grams);
  p->grams[p->n] = (uint8_t)grams;
  memcpy(p->term[p->n], term.p, term.n);
  p->term_n[p->n] = (uint8_t)term.n;
  p->df[p->n++] = df;
  p->bytes += size;
  return 0;
}

/* ---- reading ---- */

static uint64_t get64(const uint8_t *b)
{
  uint64_t v = 0;
  for (int j = 7; j >= 0; j--) {
    v = v << 8 | b[j];
  }
  return v;
}

/* The signatures; the terms' bytes are left in ${rest}. */
bool words_read_signs(struct word_page *p, struct span row, struct span *rest)
{
  struct post_reader r = post_reader_of(row);
  uint64_t n = post_varint(&r);
  if (n > PAGE_WORDS) {
    return false;
  }
  struct span b = post_bytes(&r, n * 8);
  for (size_t i = 0; i < b.n / 8; i++) {
    p->sign[i] = get64(b.p + 8 * i);
  }
  b = post_bytes(&r, n);
  if (b.n > 0) {
    memcpy(p->grams, b.p, b.n);
  }
  p->n = (size_t)n;
  *rest = span_of(r.p, (size_t)(r.end - r.p));
  return !r.bad;
}

bool words_read(struct word_page *p, struct span rest)
{
  struct post_reader r = post_reader_of(rest);
  size_t before = 0;
  for (size_t i = 0; i < p->n; i++) {
    uint64_t shared = post_varint(&r), more = post_varint(&r);
    struct span b = post_bytes(&r, more);
    uint64_t df = post_varint(&r);
    if (r.bad || shared > before || shared + b.n > TERM_MAX ||
        shared + b.n == 0 || df > UINT32_MAX) {
      return false;
    }
    if (shared > 0) {
      memcpy(p->term[i], p->term[i - 1], shared);
    }
    if (b.n > 0) {
      memcpy(p->term[i] + shared, b.p, b.n);
    }
    before = shared + b.n;
    p->term_n[i] = (uint8_t)before;
    p->df[i] = (uint32_t)df;
  }
  return r.p == r.end;
}

bool words_reader_open(struct words_reader *w, struct span row)
{
  w->r = post_reader_of(row);
  w->left = post_varint(&w->r);
  w->n = 0;
  (void)post_bytes(&w->r,
                   w->left <= PAGE_WORDS ? w->left * SIGN_BYTES : UINT64_MAX);
  return !w->r.bad;
}

int words_reader_next(struct words_reader *w)
{
  if (w->left == 0) {
    return w->r.p == w->r.end ? 0 : ERR_CORRUPT;
  }
  uint64_t shared = post_varint(&w->r), more = post_varint(&w->r);
  struct span b = post_bytes(&w->r, more);
  uint64_t df = post_varint(&w->r);
  if (w->r.bad || shared > w->n || shared + b.n > TERM_MAX ||
      shared + b.n == 0 || df > UINT32_MAX) {
    return ERR_CORRUPT;
  }
  if (b.n > 0) {
    memcpy(w->term + shared, b.p, b.n);
  }
  w->n = (size_t)shared + b.n;
  w->df = (uint32_t)df;
  w->left--;
  return 1;
}

int words_page(struct sq *s, const struct seg *g, uint32_t no,
               struct word_page *p, struct err *e)
{
  struct buf row = {0};
  struct span rest;
  int rc = seg_row_get(s, g, ROW_WORD, no, &row, e);
  if (rc == 0 &&
      (!words_read_signs(p, buf_span(&row), &rest) || !words_read(p, rest))) {
    rc = terms_bad(s, "a page of words", e);
  }
  buf_free(&row);
  return rc;
}

/* ---- dropping a word ---- */

static void page_remove(struct word_page *p, size_t at)
{
  size_t after = p->n - at - 1;
  memmove(&p->sign[at], &p->sign[at + 1], after * sizeof(uint64_t));
  memmove(&p->grams[at], &p->grams[at + 1], after);
  memmove(p->term[at], p->term[at + 1], after * TERM_MAX);
  memmove(&p->term_n[at], &p->term_n[at + 1], after);
  memmove(&p->df[at], &p->df[at + 1], after * sizeof(uint32_t));
  p->n--;
}

static int drop_from(struct sq *s, const struct seg *g, uint32_t no,
                     struct word_page *p, struct span term, struct err *e)
{
  for (size_t i = 0; i < p->n; i++) {
    if (span_equal(span_of(p->term[i], p->term_n[i]), term)) {
      page_remove(p, i);
      return page_put(s, g, no, p, e);
    }
  }
  return 0;
}

/* Pages are in order of terms, but one may have become empty: a page that
 * can't be told to lie before or after is passed over to the left. */
int words_drop(struct sq *s, const struct seg *g, struct span term,
               struct err *e)
{
  struct word_page *p = NULL;
  uint32_t from = 0, to = g->rows[ROW_WORD];
  int rc = words_open(&p, e);
  while (rc == 0 && from < to) {
    uint32_t mid = from + (to - from) / 2, at = mid;
    do {
      rc = words_page(s, g, at, p, e);
    } while (rc == 0 && p->n == 0 && at-- > from);
    if (rc < 0) {
      break;
    }
    if (p->n > 0 && span_compare(term, span_of(p->term[0], p->term_n[0])) < 0) {
      to = at;
    } else if (p->n == 0 ||
               span_compare(
                   term, span_of(p->term[p->n - 1], p->term_n[p->n - 1])) > 0) {
      from = mid + 1;
    } else {
      rc = drop_from(s, g, at, p, term, e);
      break;
    }
  }
  words_free(p);
  return rc;
}
