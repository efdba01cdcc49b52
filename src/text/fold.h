/* SPDX-License-Identifier: 0BSD */
/* Folding: letters that people type for one another become one. A first,
 * simple recipe; the search recipe replaces it behind text/words.h. */
#ifndef TEXT_FOLD_H
#define TEXT_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLD_OUT_MAX 8 /* code points that one may fold into */

enum fold_class {
  FOLD_BREAK, /* ends a word: space, punctuation, symbols */
  FOLD_DROP,  /* inside a word, leaves nothing: tashkeel, tatweel, ZWJ ... */
  FOLD_LETTER /* letters, digits */
};

/* Fold one code point: class, and for FOLD_LETTER ${n} code points in
 * ${out}. No allocation; cannot fail. Above ASCII: fold_wide. */
enum fold_class fold_wide(uint32_t cp, uint32_t out[FOLD_OUT_MAX], size_t *n);

static inline enum fold_class fold(uint32_t cp, uint32_t out[FOLD_OUT_MAX],
                                   size_t *n)
{
  uint32_t lower = cp | 0x20u;
  if (cp >= 0x80) {
    return fold_wide(cp, out, n);
  }
  if (lower - 'a' < 26u || cp - '0' < 10u) {
    out[0] = cp <= '9' ? cp : lower;
    *n = 1;
    return FOLD_LETTER;
  }
  *n = 0;
  return FOLD_BREAK;
}

/* Does this code point stand on the one before it (accents, tashkeel, vowel
 * signs, joiners, variation selectors)? No text is cut before one. */
bool fold_is_mark(uint32_t cp);

#endif
