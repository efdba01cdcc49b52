/* SPDX-License-Identifier: 0BSD */
/* A digest of a set that does not depend on order: LtHash16x1024 (Bellare and
 * Micciancio 1997; Lewi et al., "Securing update propagation with homomorphic
 * hashing", 2019). Each parcel's digest is the key from which ChaCha20 makes
 * 1024 numbers of 16 bits; those of all parcels are summed. With the count,
 * this alone says that two sets are equal. */
#ifndef SYNC_SETSUM_H
#define SYNC_SETSUM_H

#include "base/err.h"
#include "form/hash.h"
#include "sync/set.h"

#include <stdbool.h>

#define SETSUM_LANES 1024

struct setsum { /* zero-initialised is the empty set */
  uint16_t lane[SETSUM_LANES];
  uint64_t count;
};

/* Put a parcel in that is not there; take one out that is. The caller knows
 * which: nothing here can tell. Cannot fail. */
void setsum_add(struct setsum *s, const uint8_t digest[SET_DIGEST_SIZE]);
void setsum_remove(struct setsum *s, const uint8_t digest[SET_DIGEST_SIZE]);

/* ${s} with all of ${other}, which has no parcel in common with it; ${s}
 * without all of ${other}, which has nothing else. */
void setsum_merge(struct setsum *s, const struct setsum *other);
void setsum_subtract(struct setsum *s, const struct setsum *other);

bool setsum_equal(const struct setsum *a, const struct setsum *b);

/* What travels: SHA-256 of "mahatta/set/1" and its NUL, the count (8 bytes,
 * big endian) and the lanes (2 bytes each, little endian). ERR_NOMEM. */
int setsum_digest(uint8_t out[HASH_SIZE], const struct setsum *s) MUST_USE;

#endif
