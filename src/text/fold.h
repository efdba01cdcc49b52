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
 * ${out}. No allocation; cannot fail. */
enum fold_class fold(uint32_t cp, uint32_t out[FOLD_OUT_MAX], size_t *n);

/* Does this code point stand on the one before it (accents, tashkeel, vowel
 * signs, joiners, variation selectors)? No text is cut before one. */
bool fold_is_mark(uint32_t cp);

#endif
