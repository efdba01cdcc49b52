/* SPDX-License-Identifier: 0BSD */
/* Stemmers: each takes a folded word and says which part of it is the stem.
 * Light ones on purpose: a stem need not be a word, only the same for the
 * forms of one. All are linear and allocate nothing per word. */
#ifndef TEXT_STEM_H
#define TEXT_STEM_H

#include "base/buf.h"

/* The stem is the letters [from, to) of the word; never empty. */
struct stem {
  size_t from, to;
};

/* Arabic: light10 (L. Larkey, L. Ballesteros, M. Connell: "Light stemming for
 * Arabic information retrieval", 2007), on folded letters. */
struct stem stem_ar(const uint32_t *letter, size_t n);

/* Sorani. The endings are those of W. Thackston's "Sorani Kurdish: a
 * reference grammar" (definite, indefinite, plural, demonstrative, izafe,
 * the clitics and the adpositions that are written together); taking them
 * off again and again, longest first, follows S. Salavati, K. Sheykh Esmaili,
 * F. Akhlaghian: "Stemming for Kurdish information retrieval", 2013. */
struct stem stem_ckb(const uint32_t *letter, size_t n);

/* Kurmanji, folded (no circumflex, no cedilla). The endings are those of
 * W. Thackston's "Kurmanji Kurdish: a reference grammar" (izafe, oblique,
 * indefinite, plural, comparative). */
struct stem stem_kmr(const uint32_t *letter, size_t n);

/* An ending or a beginning: folded letters, none beyond U+FFFF. */
struct affix {
  uint8_t n;
  uint8_t leaves; /* letters that must be left */
  uint16_t letter[7];
};
#define AFFIX(text, leaves)                                                    \
  {                                                                            \
    sizeof(u##text) / 2 - 1, leaves, u##text                                   \
  }

/* Does the word end in, or begin with, these letters, and leave enough? */
static inline bool affix_ends(const struct affix *a, const uint32_t *letter,
                              size_t n)
{
  if (n < (size_t)a->n + a->leaves) {
    return false;
  }
  for (size_t i = 0; i < a->n; i++) {
    if (letter[n - a->n + i] != a->letter[i]) {
      return false;
    }
  }
  return true;
}

static inline bool affix_begins(const struct affix *a, const uint32_t *letter,
                                size_t n)
{
  if (n < (size_t)a->n + a->leaves) {
    return false;
  }
  for (size_t i = 0; i < a->n; i++) {
    if (letter[i] != a->letter[i]) {
      return false;
    }
  }
  return true;
}

#endif
