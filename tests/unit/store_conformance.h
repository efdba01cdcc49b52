/* SPDX-License-Identifier: 0BSD */
/* Tests of the store's door that every engine must pass. */
#ifndef STORE_CONFORMANCE_H
#define STORE_CONFORMANCE_H

#include "store/store.h"

/* Open the engine's test store: empty when ${fresh}, else as it was left.
 * Returns 0 or a negative code. */
typedef int store_opener(struct store **out, bool fresh);

/* Run them all: returns how many failed, ${passed} how many did not. */
int store_conformance(store_opener *open, int *passed);

/* The part of it about logs, search and what else is derived. */
int store_conformance_derived(store_opener *open, int *passed);

/* A block whose bytes are ${n} times a pattern of ${seed}: owned by the
 * caller, freed by block_free(). */
struct store_block block_make(uint64_t seed, size_t n);
void block_free(struct store_block *b);

/* Words, separated by spaces, as a list of terms: (length, bytes) each. */
struct span terms_list(uint8_t *out, const char *words);

#endif
