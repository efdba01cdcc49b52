/* SPDX-License-Identifier: 0BSD */
/* A set of 64-bit numbers, or of CIDs. Strangers can't choose where a number
 * comes to lie, as the salt is random: plain open addressing is enough.
 *
 * cid_order(), the first 8 bytes of a digest, may stand for a block that is
 * at hand. A CID that somebody only named needs no block: whoever likes gives
 * it the first bytes of another, so the set's own secret hash of all of it
 * stands for it. */
#ifndef STATION_REFSET_H
#define STATION_REFSET_H

#include "base/err.h"
#include "form/cid.h"
#include "form/crypt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; refset_free frees. */
struct refset {
  uint64_t *slot; /* 0: empty; the number 0 itself is kept apart */
  size_t n, cap;
  uint64_t salt;
  uint8_t key[CRYPT_SALT_SIZE]; /* of the hash of CIDs, once there are any */
  bool has_zero, keyed;
};

/* 1: new, 0: was there, ERR_NOMEM. */
int refset_add(struct refset *s, uint64_t v) MUST_USE;
bool refset_has(const struct refset *s, uint64_t v);
/* The same for names of any length. A set holds numbers or names, not both. */
int refset_add_name(struct refset *s, struct span name) MUST_USE;
bool refset_has_name(const struct refset *s, struct span name);
/* And for CIDs. */
int refset_add_cid(struct refset *s, const struct cid *cid) MUST_USE;
bool refset_has_cid(const struct refset *s, const struct cid *cid);
/* Empty it, keep the memory. */
void refset_clear(struct refset *s);
void refset_free(struct refset *s);

#endif
