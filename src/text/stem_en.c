/* SPDX-License-Identifier: 0BSD */
#include "text/stem_en.h"

#include "base/mem.h"

#include <libstemmer.h>
#include <string.h>

#define SLOTS 8192u /* a text's common words; a power of two */
#define KEPT_MAX 22 /* bytes of a word that is kept */

struct kept {
  uint8_t word_n, stem_n;
  uint8_t word[KEPT_MAX], stem[KEPT_MAX + 1];
};

struct stem_en {
  struct sb_stemmer *snowball;
  struct kept kept[SLOTS];
};

int stem_en_open(struct stem_en **out)
{
  struct stem_en *s = mem_zero(sizeof *s);
  *out = NULL;
  if (s == NULL) {
    return ERR_NOMEM;
  }
  s->snowball = sb_stemmer_new("english", "UTF_8");
  if (s->snowball == NULL) {
    mem_free(s);
    return ERR_NOMEM;
  }
  *out = s;
  return 0;
}

void stem_en_close(struct stem_en *s)
{
  if (s != NULL) {
    sb_stemmer_delete(s->snowball);
    mem_free(s);
  }
}

static size_t ask(struct stem_en *s, struct span word, uint8_t *out)
{
  const sb_symbol *got = sb_stemmer_stem(s->snowball, word.p, (int)word.n);
  int n = got == NULL ? 0 : sb_stemmer_length(s->snowball);
  if (n <= 0 || (size_t)n > word.n + 1) {
    memcpy(out, word.p, word.n);
    return word.n;
  }
  memcpy(out, got, (size_t)n);
  return (size_t)n;
}

static uint32_t slot_of(struct span word)
{
  uint32_t h = 2166136261u; /* FNV-1a */
  for (size_t i = 0; i < word.n; i++) {
    h = (h ^ word.p[i]) * 16777619u;
  }
  return (h ^ h >> 15) % SLOTS;
}

size_t stem_en(struct stem_en *s, struct span word,
               uint8_t out[WORD_BYTES_MAX + 1])
{
  if (word.n <= 2) { /* none of Porter's rules takes from these */
    memcpy(out, word.p, word.n);
    return word.n;
  }
  if (word.n > KEPT_MAX) {
    return ask(s, word, out);
  }
  struct kept *k = &s->kept[slot_of(word)];
  if (!span_equal(span_of(k->word, k->word_n), word)) {
    k->stem_n = (uint8_t)ask(s, word, k->stem);
    memcpy(k->word, word.p, word.n);
    k->word_n = (uint8_t)word.n;
  }
  memcpy(out, k->stem, k->stem_n);
  return k->stem_n;
}
