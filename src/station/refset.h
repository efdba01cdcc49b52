/* SPDX-License-Identifier: 0BSD */
/* A set of 64-bit numbers. Those that strangers can choose (orders of CIDs)
 * are digests, so plain open addressing over a random salt is enough. */
#ifndef STATION_REFSET_H
#define STATION_REFSET_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; refset_free frees. */
struct refset {
  uint64_t *slot; /* 0: empty; the number 0 itself is kept apart */
  size_t n, cap;
  uint64_t salt;
  bool has_zero;
};

/* 1: new, 0: was there, ERR_NOMEM. */
int refset_add(struct refset *s, uint64_t v) MUST_USE;
bool refset_has(const struct refset *s, uint64_t v);
/* Empty it, keep the memory. */
void refset_clear(struct refset *s);
void refset_free(struct refset *s);

#endif
