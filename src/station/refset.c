/* SPDX-License-Identifier: 0BSD */
#include "station/refset.h"

#include "base/mem.h"

#include <string.h>

/* Finaliser of MurmurHash3 (public domain, Austin Appleby) over the salted
 * value: spreads neighbours. */
static uint64_t mix(uint64_t v)
{
  v ^= v >> 33;
  v *= 0xff51afd7ed558ccdu;
  v ^= v >> 33;
  v *= 0xc4ceb9fe1a85ec53u;
  return v ^ v >> 33;
}

static size_t place(const struct refset *s, uint64_t v)
{
  size_t i = (size_t)mix(v ^ s->salt) & (s->cap - 1);
  while (s->slot[i] != 0 && s->slot[i] != v) {
    i = (i + 1) & (s->cap - 1);
  }
  return i;
}

static int grow(struct refset *s)
{
  struct refset bigger = *s;
  bigger.cap = s->cap > 0 ? s->cap * 2 : 256;
  if (s->cap == 0) {
    crypt_random(&bigger.salt, sizeof bigger.salt);
  }
  bigger.slot = mem_resize(NULL, bigger.cap, sizeof *bigger.slot);
  if (bigger.slot == NULL) {
    return ERR_NOMEM;
  }
  memset(bigger.slot, 0, bigger.cap * sizeof *bigger.slot);
  for (size_t i = 0; i < s->cap; i++) {
    if (s->slot[i] != 0) {
      bigger.slot[place(&bigger, s->slot[i])] = s->slot[i];
    }
  }
  mem_free(s->slot);
  *s = bigger;
  return 0;
}

int refset_add(struct refset *s, uint64_t v)
{
  if (v == 0) {
    int fresh = !s->has_zero;
    s->has_zero = true;
    return fresh;
  }
  if ((s->n + 1) * 2 > s->cap) {
    int rc = grow(s);
    if (rc < 0) {
      return rc;
    }
  }
  size_t i = place(s, v);
  if (s->slot[i] == v) {
    return 0;
  }
  s->slot[i] = v;
  s->n++;
  return 1;
}

bool refset_has(const struct refset *s, uint64_t v)
{
  if (v == 0) {
    return s->has_zero;
  }
  return s->cap > 0 && s->slot[place(s, v)] == v;
}

int refset_add_name(struct refset *s, struct span name)
{
  if (!s->keyed) {
    crypt_random(s->key, sizeof s->key);
    s->keyed = true;
  }
  return refset_add(s, crypt_short(s->key, name.p, name.n));
}

bool refset_has_name(const struct refset *s, struct span name)
{
  return s->keyed && refset_has(s, crypt_short(s->key, name.p, name.n));
}

int refset_add_cid(struct refset *s, const struct cid *cid)
{
  return refset_add_name(s, span_of(cid->b, sizeof cid->b));
}

bool refset_has_cid(const struct refset *s, const struct cid *cid)
{
  return refset_has_name(s, span_of(cid->b, sizeof cid->b));
}

void refset_clear(struct refset *s)
{
  if (s->n > 0) {
    memset(s->slot, 0, s->cap * sizeof *s->slot);
  }
  s->n = 0;
  s->has_zero = false;
}

void refset_free(struct refset *s)
{
  mem_free(s->slot);
  memset(s, 0, sizeof *s);
}
