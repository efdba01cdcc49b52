/* SPDX-License-Identifier: 0BSD */
/* English stems: M. Porter's second stemmer, as Snowball's library has it.
 * It costs a microsecond a word, so that the words seen last are kept. */
#ifndef TEXT_STEM_EN_H
#define TEXT_STEM_EN_H

#include "base/buf.h"
#include "base/limits.h"

struct stem_en;

/* ERR_NOMEM. */
int stem_en_open(struct stem_en **out) MUST_USE;
void stem_en_close(struct stem_en *s); /* NULL-safe */

/* Write the stem of ${word} (a-z and digits, at most WORD_BYTES_MAX) to
 * ${out} and return its length, > 0 for n > 0, never more than word.n + 1.
 * A word for which memory ran out is its own stem. */
size_t stem_en(struct stem_en *s, struct span word,
               uint8_t out[WORD_BYTES_MAX + 1]);

#endif
