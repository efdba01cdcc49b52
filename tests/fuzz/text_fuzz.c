/* SPDX-License-Identifier: 0BSD */
/* Any bytes are a text and a query: words lie in order, hold folded letters
 * alone, and are found again when the text is cut between two of them. */
#include "base/utf8.h"
#include "text/near.h"
#include "text/query.h"
#include "text/words.h"

#include "fuzz/demand.h"

static void look_at(const struct word *w, size_t last, size_t size)
{
  struct near_word n;
  struct term t[2];
  uint64_t gram[NEAR_GRAMS_MAX];
  demand(w->start >= last && w->end > w->start && w->end <= size);
  demand(w->token_n > 0 && w->token_n <= WORD_BYTES_MAX);
  demand(utf8_valid(w->token, w->token_n) && w->token[0] >= 0x30);
  demand(w->stem_n > 0 && utf8_valid(w->stem, w->stem_n));
  demand(utf8_valid(w->other, w->other_n));
  demand(word_terms(w, TERM_STEM, t) >= 1 && t[0].b[0] >= 0x30);
  near_word_of(&n, word_token(w));
  demand(near_grams(&n, 3, gram) <= NEAR_GRAMS_MAX);
  demand(near_distance(&n, &n, 0) == 0);
}

/* A token is a text with one word: itself. */
static void again(struct span token)
{
  struct words w = {.text = token};
  struct word word;
  demand(words_next(&w, &word) && span_equal(word_token(&word), token));
  demand(!words_next(&w, &word));
}

static size_t pass(struct analyser *an, struct span text, bool query)
{
  struct words w = {.text = text, .an = an, .query = query};
  struct word word;
  size_t last = 0, n = 0;
  while (words_next(&w, &word)) {
    look_at(&word, last, text.n);
    again(word_token(&word));
    (void)word_is_stop(&word);
    last = word.end;
    n++;
  }
  return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct span text = span_of(data, size);
  struct analyser *an;
  struct query q;
  demand(analyser_open(&an) == 0);
  size_t n = pass(an, text, false);
  demand(pass(an, text, true) == n);
  query_read(&q, text);
  const uint8_t *at = data;
  for (size_t i = 0; i < q.parts; i++) {
    demand(q.part[i].text.n > 0 && q.part[i].text.p >= at);
    at = q.part[i].text.p + q.part[i].text.n;
  }
  demand(q.parts == 0 || at <= data + size);
  analyser_close(an);
  return 0;
}
