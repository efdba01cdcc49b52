/* SPDX-License-Identifier: 0BSD */
/* The heap, counted by who asked for it: it stands in for base/mem.c in the
 * simulation. Of what a session's calls allocate some is the station's (its
 * caches): it counts all the same. */
#ifndef SIM_METER_H
#define SIM_METER_H

#include "base/mem.h"

#include "unit.h"

#define METERS_MAX (1u << 20)
#define METER_NOBODY 0u

struct meter_head {
  size_t n;
  uint32_t owner;
};

#define METER_HEAD 16u
_Static_assert(sizeof(struct meter_head) <= METER_HEAD, "the head has room");

static struct {
  uint32_t owner, last;
  size_t now[METERS_MAX], peak[METERS_MAX];
} meter;

static inline uint32_t meter_new(void)
{
  NEED(meter.last + 1 < METERS_MAX);
  return ++meter.last;
}

/* Whose are the requests from now on? Returns whose they were. */
static inline uint32_t meter_enter(uint32_t owner)
{
  uint32_t was = meter.owner;
  meter.owner = owner;
  return was;
}

static inline void meter_add(struct meter_head *h, size_t n)
{
  h->n = n;
  h->owner = meter.owner;
  size_t now = meter.now[h->owner] += n;
  if (now > meter.peak[h->owner]) {
    meter.peak[h->owner] = now;
  }
}

static inline struct meter_head *meter_head_of(void *p)
{
  return (struct meter_head *)(void *)((char *)p - METER_HEAD);
}

void *mem_alloc(size_t n)
{
  struct meter_head *h = malloc(METER_HEAD + (n > 0 ? n : 1));
  if (h == NULL) {
    return NULL;
  }
  meter_add(h, n);
  return (char *)h + METER_HEAD;
}

void *mem_zero(size_t n)
{
  void *p = mem_alloc(n);
  return p != NULL ? memset(p, 0, n) : NULL;
}

void *mem_resize(void *p, size_t count, size_t size)
{
  NEED(size == 0 || count <= SIZE_MAX / size);
  size_t n = count * size;
  if (p == NULL) {
    return mem_alloc(n);
  }
  struct meter_head *h = meter_head_of(p);
  size_t was = h->n;
  uint32_t caller = meter_enter(h->owner);
  h = realloc(h, METER_HEAD + (n > 0 ? n : 1));
  if (h != NULL) {
    meter.now[h->owner] -= was;
    meter_add(h, n);
  }
  (void)meter_enter(caller);
  return h != NULL ? (char *)h + METER_HEAD : NULL;
}

void mem_free(void *p)
{
  if (p != NULL) {
    struct meter_head *h = meter_head_of(p);
    meter.now[h->owner] -= h->n;
    free(h);
  }
}

#endif
