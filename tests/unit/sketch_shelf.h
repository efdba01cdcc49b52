/* SPDX-License-Identifier: 0BSD */
/* Sets of made-up parcels, for the tests of sketches. */
#ifndef SKETCH_SHELF_H
#define SKETCH_SHELF_H

#include "sync/sketch.h"

#include <string.h>

struct digest {
  uint8_t b[SET_DIGEST_SIZE];
};

static inline uint64_t shelf_mix(uint64_t v)
{
  v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
  return v ^ v >> 31;
}

/* The same numbers on every machine; ${state} is the seed. */
static inline uint64_t shelf_random(uint64_t *state)
{
  *state += UINT64_C(0x9e3779b97f4a7c15);
  return shelf_mix(*state);
}

static inline struct digest shelf_digest(uint64_t number)
{
  struct digest d;
  for (size_t i = 0; i < sizeof d.b; i++) {
    d.b[i] = (uint8_t)(shelf_mix(number * 4 + i / 8 + 1) >> 8 * (i % 8));
  }
  return d;
}

/* The parcels number from[0] .. to[0] - 1 and from[1] .. to[1] - 1. */
struct shelf {
  uint64_t from[2], to[2];
  int fails; /* each call answers with this code, unless it is 0 */
};

static inline bool shelf_holds(const struct shelf *s, uint64_t number)
{
  return (number >= s->from[0] && number < s->to[0]) ||
         (number >= s->from[1] && number < s->to[1]);
}

static inline int shelf_next(void *host, uint64_t *cursor,
                             uint8_t (*out)[SET_DIGEST_SIZE], size_t max,
                             struct err *e)
{
  const struct shelf *s = host;
  uint64_t first = s->to[0] - s->from[0];
  uint64_t all = first + (s->to[1] - s->from[1]);
  size_t n = 0;
  if (s->fails != 0) {
    return err_set(e, s->fails, "the shelf fails");
  }
  for (; n < max && *cursor < all; n++, (*cursor)++) {
    struct digest d =
        shelf_digest(*cursor < first ? s->from[0] + *cursor
                                     : s->from[1] + (*cursor - first));
    memcpy(out[n], d.b, sizeof d.b);
  }
  return (int)n;
}

static inline int shelf_has(void *host, uint64_t handle, struct err *e)
{
  const struct shelf *s = host;
  if (s->fails != 0) {
    return err_set(e, s->fails, "the shelf fails");
  }
  for (int i = 0; i < 2; i++) {
    for (uint64_t k = s->from[i]; k < s->to[i]; k++) {
      if (sketch_handle(shelf_digest(k).b) == handle) {
        return 1;
      }
    }
  }
  return 0;
}

static inline struct sync_set shelf_set(struct shelf *s)
{
  struct sync_set set = {s, shelf_next, shelf_has};
  return set;
}

#endif
