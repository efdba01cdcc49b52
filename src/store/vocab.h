/* SPDX-License-Identifier: 0BSD */
/* The words of a segment in memory, with a list of words for each 3-gram: what
 * a word is like is counted, not compared.
 *
 * It is made in two passes over the same words, so that nothing is held twice:
 * the first measures, the second fills. */
#ifndef STORE_VOCAB_H
#define STORE_VOCAB_H

#include "store/store.h"

#define VOCAB_GRAMS 3 /* letters of a gram */

struct vocab;

/* A word by its number: in order of terms. */
struct vocab_hit {
  double like;
  uint32_t word;
};

/* NULL: no memory. */
struct vocab *vocab_new(void);
void vocab_free(struct vocab *v);

/* The next term, of 1 .. STORE_TERM_MAX bytes, and its letters (the term
 * without its mark). ERR_NOMEM, ERR_LIMIT; ERR_INVALID when the second pass
 * has not the words of the first. */
int vocab_add(struct vocab *v, struct span term, struct span letters,
              uint32_t df) MUST_USE;

/* The first pass is over. ERR_LIMIT: that would take more than ${most} bytes.
 */
int vocab_fill(struct vocab *v, size_t most) MUST_USE;

/* Has the second pass come to its end? Then it can be asked. */
bool vocab_whole(const struct vocab *v);

/* All bytes that it takes; after vocab_fill. */
size_t vocab_bytes(const struct vocab *v);

/* The up to ${max} words likest to a word of ${n} grams (near_grams), of
 * equals the first, that share a gram and whose likeness is ${least} at least:
 * in no order, into ${out}; ${found} says how many. ERR_NOMEM. */
int vocab_alike(struct vocab *v, const uint64_t *gram, size_t n, double least,
                size_t max, struct vocab_hit *out, size_t *found) MUST_USE;

/* The term of word ${word}, and in how many documents. */
void vocab_term(const struct vocab *v, uint32_t word, struct store_alike *out);

#endif
