/* SPDX-License-Identifier: 0BSD */
/* A vocabulary in memory against comparing every word, and the same answers
 * from a store whether it looks through pages or keeps them. */
#include "store/vocab.h"

#include "store/store.h"
#include "text/near.h"

#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

#define WORDS 5000
#define MOST 20

static struct err err;
static uint64_t seed = 11;

static size_t random_below(size_t n)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (size_t)(seed % n);
}

/* Of few letters, some of two bytes; every fourth has the mark. */
static uint8_t term[WORDS][40];
static size_t terms;

static struct span term_at(size_t i)
{
  return span_of(term[i] + 1, term[i][0]);
}

static struct span letters_of(struct span t)
{
  bool marked = t.p[0] == STORE_WORD_MARK;
  return span_of(t.p + marked, t.n - marked);
}

static int order_terms(const void *a, const void *b)
{
  const uint8_t *x = a, *y = b;
  return span_compare(span_of(x + 1, x[0]), span_of(y + 1, y[0]));
}

static void make_terms(void)
{
  size_t n = 0;
  for (size_t i = 0; i < WORDS; i++) {
    uint8_t *t = term[i], at = 1;
    if (i % 4 == 0) {
      t[at++] = STORE_WORD_MARK;
    }
    for (size_t k = 2 + random_below(9); k > 0; k--) {
      size_t letter = random_below(8);
      if (letter >= 5) {
        t[at++] = 0xd8;
        t[at++] = (uint8_t)(0xa7 + letter);
      } else {
        t[at++] = (uint8_t)('a' + letter);
      }
    }
    t[0] = (uint8_t)(at - 1);
  }
  qsort(term, WORDS, sizeof term[0], order_terms);
  for (size_t i = 0; i < WORDS; i++) {
    if (n == 0 || !span_equal(term_at(n - 1), term_at(i))) {
      memmove(term[n++], term[i], sizeof term[0]);
    }
  }
  terms = n;
}

/* ---- alone ---- */

static double likeness(struct span a, struct span b)
{
  struct near_word x, y;
  uint64_t g[NEAR_GRAMS_MAX], h[NEAR_GRAMS_MAX];
  near_word_of(&x, a);
  near_word_of(&y, b);
  size_t n = near_grams(&x, VOCAB_GRAMS, g), k = near_grams(&y, VOCAB_GRAMS, h);
  return near_dice(g, n, h, k);
}

static int order_hits(const void *a, const void *b)
{
  const struct vocab_hit *x = a, *y = b;
  if (x->like < y->like || x->like > y->like) {
    return x->like > y->like ? -1 : 1;
  }
  return x->word < y->word ? -1 : x->word > y->word;
}

static void check(struct vocab *v, struct span word, double least)
{
  static struct vocab_hit want[WORDS], got[MOST];
  struct near_word w;
  uint64_t gram[NEAR_GRAMS_MAX];
  size_t n = 0, found = 0;
  for (size_t i = 0; i < terms; i++) {
    double like = likeness(word, letters_of(term_at(i)));
    if (like >= least) {
      want[n++] = (struct vocab_hit){like, (uint32_t)i};
    }
  }
  qsort(want, n, sizeof want[0], order_hits);
  n = n < MOST ? n : MOST;
  near_word_of(&w, word);
  NEED(vocab_alike(v, gram, near_grams(&w, VOCAB_GRAMS, gram), least, MOST, got,
                   &found) == 0);
  qsort(got, found, sizeof got[0], order_hits);
  EXPECT_INT(found, n);
  for (size_t i = 0; i < n && i < found; i++) {
    struct store_alike a;
    EXPECT(order_hits(&got[i], &want[i]) == 0);
    vocab_term(v, got[i].word, &a);
    EXPECT(span_equal(span_of(a.term, a.n), term_at(want[i].word)));
    EXPECT_INT(a.df, want[i].word * 37);
  }
}

static int add_all(struct vocab *v, size_t n)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = vocab_add(v, term_at(i), letters_of(term_at(i)), (uint32_t)i * 37);
  }
  return rc;
}

static void test_as_compared(void)
{
  struct vocab *v = vocab_new();
  NEED(v != NULL && add_all(v, terms) == 0 && vocab_fill(v, 1 << 20) == 0);
  NEED(add_all(v, terms) == 0);
  EXPECT(vocab_whole(v) && vocab_bytes(v) <= 1 << 20);
  for (size_t i = 0; i < 200; i++) {
    check(v, letters_of(term_at(random_below(terms))), 0.1);
    check(v, letters_of(term_at(random_below(terms))), 0.5);
  }
  check(v, span_of("zzzz", 4), 0.1);
  check(v, span_of("", 0), 0.1);
  vocab_free(v);
}

static void test_refused(void)
{
  struct vocab *v = vocab_new();
  NEED(v != NULL && add_all(v, 100) == 0);
  size_t bytes = 0;
  EXPECT_INT(vocab_fill(v, 1000), ERR_LIMIT);
  NEED(vocab_fill(v, 1 << 20) == 0);
  bytes = vocab_bytes(v);
  /* the second pass is held to the first */
  EXPECT_INT(
      vocab_add(v, term_at(terms - 1), letters_of(term_at(terms - 1)), 1),
      ERR_INVALID);
  EXPECT(!vocab_whole(v));
  vocab_free(v);
  v = vocab_new();
  NEED(v != NULL && add_all(v, 100) == 0);
  EXPECT_INT(vocab_fill(v, bytes - 1), ERR_LIMIT);
  EXPECT_INT(vocab_fill(v, bytes), 0);
  NEED(add_all(v, 100) == 0);
  EXPECT_INT(vocab_add(v, term_at(100), letters_of(term_at(100)), 1),
             ERR_INVALID);
  vocab_free(v);
}

/* ---- in a store ---- */

static uint8_t listed[WORDS][40];

/* Ten words a document; ${from} .. ${to} of the terms. */
static void batch(struct store *s, size_t from, size_t to, bool come)
{
  static struct store_doc d[WORDS];
  size_t n = 0;
  for (size_t i = from; i + 10 <= to; i += 10) {
    uint8_t *at = listed[i];
    d[n] = (struct store_doc){.ref = i + 1, .length = 10};
    d[n].terms.p = at;
    for (size_t k = i; k < i + 10; k++) {
      memcpy(at, term[k], 1u + term[k][0]);
      at += 1u + term[k][0];
    }
    d[n].terms.n = (size_t)(at - d[n].terms.p);
    n++;
  }
  struct store_batch b = {.docs = come ? d : NULL,
                          .docs_n = come ? n : 0,
                          .undocs = come ? NULL : d,
                          .undocs_n = come ? 0 : n};
  NEED(s->ops->append(s, &b, NULL, NULL, &err) == 0);
}

struct answer {
  struct store_alike alike[2 * MOST];
  size_t n[2];
};

static void ask(struct store *s, size_t word, struct answer *out)
{
  const struct store_like like[2] = {{letters_of(term_at(word)), 0.1},
                                     {letters_of(term_at(word + 1)), 0.4}};
  memset(out, 0, sizeof *out);
  NEED(s->ops->alike(s, like, 2, out->alike, MOST, out->n, &err) == 0);
}

/* ${s} was asked often; a handle that never was says the same. */
static void compare(struct store *s, const char *path)
{
  struct store_options o = {.readonly = true};
  for (int i = 0; i < 4; i++) {
    struct answer kept;
    ask(s, 0, &kept);
  }
  for (size_t i = 0; i < 40; i++) {
    struct store *fresh = NULL;
    struct answer a, b;
    size_t word = random_below(terms - 1);
    NEED(store_sqlite_open(&fresh, path, &o, &err) == 0);
    ask(s, word, &a);
    ask(fresh, word, &b);
    for (size_t k = 0; k < 2; k++) {
      EXPECT_INT(a.n[k], b.n[k]);
      for (size_t j = k * MOST; j < k * MOST + a.n[k]; j++) {
        const struct store_alike *x = &a.alike[j], *y = &b.alike[j];
        EXPECT(span_equal(span_of(x->term, x->n), span_of(y->term, y->n)) &&
               x->df == y->df && !(x->like < y->like) && !(x->like > y->like));
      }
    }
    fresh->ops->close(fresh);
  }
}

static void test_kept(void)
{
  static const char *const end[] = {"", "-wal", "-shm", "-lock", "-files"};
  char dir[] = "/tmp/vocab_test.XXXXXX", path[64];
  struct store_options o = {.create = true}, r = {.readonly = true};
  struct store *s = NULL, *reader = NULL;
  NEED(mkdtemp(dir) != NULL);
  (void)snprintf(path, sizeof path, "%s/store", dir);
  NEED(store_sqlite_open(&s, path, &o, &err) == 0);
  batch(s, 0, 4000, true); /* of pages enough to be kept */
  NEED(store_sqlite_open(&reader, path, &r, &err) == 0);
  compare(s, path);
  compare(reader, path);
  batch(s, 2000, terms, true); /* some words again, another segment */
  compare(s, path);
  compare(reader, path);
  batch(s, 1000, 1400, false); /* words are gone from pages that were kept */
  compare(s, path);
  compare(reader, path);
  while (s->ops->tidy(s, true, &err) > 0) {
  }
  compare(s, path);
  compare(reader, path);
  reader->ops->close(reader);
  s->ops->close(s);
  for (size_t i = 0; i < sizeof end / sizeof end[0]; i++) {
    char name[80];
    (void)snprintf(name, sizeof name, "%s%s", path, end[i]);
    (void)unlink(name);
  }
  EXPECT_INT(rmdir(dir), 0);
}

int main(void)
{
  make_terms();
  RUN(test_as_compared);
  RUN(test_refused);
  RUN(test_kept);
  return unit_done();
}
