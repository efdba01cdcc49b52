/* SPDX-License-Identifier: 0BSD */
/* What the last word of a text may become, as the index knows words. */
#include "station/inside.h"

#include <string.h>

#define LOOK 20 /* words of each kind */

/* The text's last word, when it ends the text: where it begins. */
static bool last_word(struct analyser *an, struct span text, struct word *out)
{
  struct words it = {.text = text, .an = an};
  struct word w;
  bool any = false;
  while (words_next(&it, &w)) {
    *out = w;
    any = true;
  }
  return any && out->end == text.n;
}

/* Two lists, each the most frequent first, become one, each word once. */
struct choice {
  const struct store_alike *from[2];
  size_t left[2];
  struct span given[2 * LOOK];
  size_t givens;
};

static struct span letters(const struct store_alike *a)
{
  bool marked = a->term[0] == TERM_SURFACE;
  return span_of(a->term + marked, (size_t)a->n - marked);
}

/* A stem stands for itself only where more documents hold it than the words
 * that are found here with it as their stem. */
static size_t drop_stems(struct analyser *an, struct store_alike *stem,
                         size_t stems, const struct store_alike *word,
                         size_t words, const struct word *like)
{
  size_t n = 0;
  for (size_t i = 0; i < stems; i++) {
    uint64_t docs = 0;
    for (size_t k = 0; k < words; k++) {
      struct word as;
      if (word_like(an, letters(&word[k]), like, &as) &&
          span_equal(word_stem(&as), letters(&stem[i]))) {
        docs += word[k].df;
      }
    }
    if (docs < stem[i].df) {
      stem[n++] = stem[i];
    }
  }
  return n;
}

static bool next_word(struct choice *c, struct span *out)
{
  while (c->left[0] + c->left[1] > 0) {
    int k =
        c->left[0] == 0 || (c->left[1] > 0 && c->from[1]->df > c->from[0]->df);
    bool twice = false;
    *out = letters(c->from[k]++);
    c->left[k]--;
    for (size_t i = 0; i < c->givens; i++) {
      twice = twice || span_equal(c->given[i], *out);
    }
    if (!twice) {
      c->given[c->givens++] = *out;
      return true;
    }
  }
  return false;
}

static int look(struct station *st, const struct word *last,
                struct store_alike found[2][LOOK], struct choice *c,
                struct err *e)
{
  struct term marked;
  term_of(&marked, TERM_SURFACE, word_token(last));
  const struct span prefix[2] = {term_span(&marked), word_token(last)};
  for (int k = 0; k < 2; k++) {
    int n = st->store->ops->prefix(st->store, prefix[k], found[k], LOOK, e);
    if (n < 0) {
      return n;
    }
    c->from[k] = found[k];
    c->left[k] = (size_t)n;
  }
  c->left[1] = drop_stems(st->analyser, found[1], c->left[1], found[0],
                          c->left[0], last);
  return 0;
}

int station_suggest(struct station *st, struct span text, size_t limit,
                    suggest_sink *sink, void *ud, struct err *e)
{
  struct store_alike found[2][LOOK];
  struct choice c = {.givens = 0};
  struct buf out = {0};
  struct word last;
  struct span word;
  int rc = station_alive(st, e);
  if (rc < 0 || !last_word(st->analyser, text, &last)) {
    return rc;
  }
  rc = look(st, &last, found, &c, e);
  for (size_t n = 0; rc == 0 && n < limit && next_word(&c, &word); n++) {
    buf_clear(&out);
    if (buf_put(&out, text.p, last.start) < 0 ||
        buf_put(&out, word.p, word.n) < 0) {
      rc = err_set(e, ERR_NOMEM, "not enough memory");
    } else {
      rc = sink(ud, buf_span(&out));
    }
  }
  buf_free(&out);
  return rc < 0 ? rc : 0;
}
