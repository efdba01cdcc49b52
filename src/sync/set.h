/* SPDX-License-Identifier: 0BSD */
/* What sync sees of a set of parcels: the host lends these two functions, so
 * that nothing here knows a store. A set does not change while it is lent: the
 * host shows a snapshot. */
#ifndef SYNC_SET_H
#define SYNC_SET_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define SET_DIGEST_SIZE 32 /* SHA-256 of the parcel, as in its CID */

struct sync_set {
  void *host; /* given back as it is */

  /* Up to ${max} further digests into ${out}. ${cursor} is 0 at the start and
   * the host's own afterwards. Returns how many, 0 at the end, or a code. */
  int (*next)(void *host, uint64_t *cursor, uint8_t (*out)[SET_DIGEST_SIZE],
              size_t max, struct err *e);

  /* 1 when a parcel of the set has ${handle}, 0 when none has, or a code.
   * Handles are what the sketch was made of: keyed ones need the host to know
   * them by its own list. */
  int (*has)(void *host, uint64_t handle, struct err *e);
};

#endif
