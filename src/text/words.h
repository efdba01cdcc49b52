/* SPDX-License-Identifier: 0BSD */
/* Text to tokens: the seam between search and language. */
#ifndef TEXT_WORDS_H
#define TEXT_WORDS_H

#include "base/buf.h"
#include "base/limits.h"

/* One word of a text: its folded token and where it stood. */
struct word {
  uint8_t token[WORD_BYTES_MAX]; /* folded UTF-8: only letters and digits */
  size_t token_n;
  size_t start, end; /* bytes of the original text */
};

/* Zero-initialise, set text; then words_next until false. Ill-formed UTF-8
 * breaks words and is passed over. Linear, no allocation. */
struct words {
  struct span text;
  size_t at;
};
bool words_next(struct words *w, struct word *out);

/* Append the tokens of ${text} to ${out}, each followed by a space. */
int words_tokens(struct buf *out, struct span text) MUST_USE;

#endif
