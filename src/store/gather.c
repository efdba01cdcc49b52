/* SPDX-License-Identifier: 0BSD */
#include "store/gather.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 1024u

/* ---- the hash ---- */

static uint64_t mix(uint64_t h)
{
  h ^= h >> 32;
  h *= UINT64_C(0x9e3779b97f4a7c15);
  return h ^ h >> 29;
}

/* Who chooses terms so that they collide slows only their own batch down. */
static uint64_t hash_bytes(struct span s)
{
  uint64_t h = s.n, v;
  while (s.n >= 8) {
    memcpy(&v, s.p, 8);
    h = mix(h ^ v);
    s = span_of(s.p + 8, s.n - 8);
  }
  v = 0;
  if (s.n > 0) {
    memcpy(&v, s.p, s.n);
  }
  return mix(h ^ v);
}

static int slots_grow(struct gather *g)
{
  size_t slots = g->slots > 0 ? g->slots * 2 : SLOTS_MIN;
  uint32_t *slot = mem_resize(NULL, slots, sizeof *slot);
  if (slot == NULL) {
    return ERR_NOMEM;
  }
  memset(slot, 0, slots * sizeof *slot);
  for (size_t i = 0; i < g->terms; i++) {
    size_t at = hash_bytes(gather_bytes(g, &g->term[i])) & (slots - 1);
    while (slot[at] != 0) {
      at = (at + 1) & (slots - 1);
    }
    slot[at] = (uint32_t)i + 1;
  }
  mem_free(g->slot);
  g->slot = slot;
  g->slots = slots;
  return 0;
}

/* Room for one element more in ${array}; NULL: no memory. */
static void *grow(void *array, size_t n, size_t *cap, size_t size)
{
  if (n < *cap) {
    return array;
  }
  size_t more = *cap > 0 ? *cap * 2 : 1024;
  void *p = mem_resize(array, more, size);
  *cap = p != NULL ? more : *cap;
  return p;
}

/* The first 8 bytes as a number, so that numbers order as the bytes do. */
static uint64_t key_of(struct span s)
{
  uint64_t v = 0;
  for (size_t i = 0; i < 8; i++) {
    v = v << 8 | (i < s.n ? s.p[i] : 0);
  }
  return v;
}

static int term_add(struct gather *g, struct span bytes, size_t slot)
{
  struct gather_term *term =
      grow(g->term, g->terms, &g->term_cap, sizeof *term);
  if (term == NULL) {
    return ERR_NOMEM;
  }
  g->term = term;
  struct gather_term t = {
      .key = key_of(bytes), .at = (uint32_t)g->bytes.n, .n = (uint32_t)bytes.n};
  int rc = buf_put(&g->bytes, bytes.p, bytes.n);
  if (rc == 0) {
    g->term[g->terms] = t;
    g->slot[slot] = (uint32_t)++g->terms;
  }
  return rc;
}

/* The term's place, made when it is new. */
static int term_find(struct gather *g, struct span bytes,
                     struct gather_term **out)
{
  if (g->terms * 2 >= g->slots && slots_grow(g) < 0) {
    return ERR_NOMEM;
  }
  size_t at = hash_bytes(bytes) & (g->slots - 1);
  while (g->slot[at] != 0) {
    struct gather_term *t = &g->term[g->slot[at] - 1];
    if (t->n == bytes.n && memcmp(g->bytes.p + t->at, bytes.p, t->n) == 0) {
      *out = t;
      return 0;
    }
    at = (at + 1) & (g->slots - 1);
  }
  int rc = term_add(g, bytes, at);
  *out = rc == 0 ? &g->term[g->terms - 1] : NULL;
  return rc;
}

static int post_add(struct gather *g, struct gather_term *t, uint32_t doc)
{
  if (t->df > 0 && g->post[t->tail].doc == doc) {
    g->post[t->tail].tf++;
    return 0;
  }
  struct gather_post *post =
      grow(g->post, g->posts, &g->post_cap, sizeof *post);
  if (post == NULL) {
    return ERR_NOMEM;
  }
  g->post = post;
  g->post[g->posts] = (struct gather_post){.doc = doc, .tf = 1};
  if (t->df > 0) {
    g->post[t->tail].next = (uint32_t)g->posts;
  } else {
    t->head = (uint32_t)g->posts;
  }
  t->tail = (uint32_t)g->posts++;
  t->df++;
  return 0;
}

int gather_doc(struct gather *g, uint32_t doc, struct span terms)
{
  int rc = 0;
  for (size_t at = 0; rc == 0 && at < terms.n;) {
    size_t n = terms.p[at++];
    struct gather_term *t;
    if (n == 0 || n > terms.n - at) {
      return ERR_INVALID;
    }
    if ((rc = term_find(g, span_of(terms.p + at, n), &t)) == 0) {
      rc = post_add(g, t, doc);
    }
    at += n;
  }
  return rc;
}

/* ---- order ---- */

/* By their first bytes: least significant byte first, stable. Terms with
 * equal first bytes are left for qsort. */
static void radix(struct gather_term *a, struct gather_term *b, size_t n)
{
  for (unsigned shift = 0; shift < 64; shift += 8) {
    size_t count[257] = {0};
    for (size_t i = 0; i < n; i++) {
      count[1 + (a[i].key >> shift & 255)]++;
    }
    for (size_t i = 0; i < 256; i++) {
      count[i + 1] += count[i];
    }
    for (size_t i = 0; i < n; i++) {
      b[count[a[i].key >> shift & 255]++] = a[i];
    }
    struct gather_term *swap = a;
    a = b;
    b = swap;
  }
}

static int compare_terms(const void *a, const void *b, void *ud)
{
  const struct gather *g = ud;
  return span_compare(gather_bytes(g, a), gather_bytes(g, b));
}

int gather_sort(struct gather *g)
{
  struct gather_term *spare = mem_resize(NULL, g->terms, sizeof *spare);
  if (spare == NULL) {
    return ERR_NOMEM;
  }
  radix(g->term, spare, g->terms); /* eight passes: it ends where it began */
  mem_free(spare);
  for (size_t i = 0; i < g->terms;) {
    size_t same = i + 1;
    while (same < g->terms && g->term[same].key == g->term[i].key) {
      same++;
    }
    if (same > i + 1) {
      qsort_r(g->term + i, same - i, sizeof *g->term, compare_terms, g);
    }
    i = same;
  }
  return 0;
}

void gather_clear(struct gather *g)
{
  buf_clear(&g->bytes);
  g->terms = g->posts = 0;
  if (g->slots > 0) {
    memset(g->slot, 0, g->slots * sizeof *g->slot);
  }
}

void gather_free(struct gather *g)
{
  buf_free(&g->bytes);
  mem_free(g->term);
  mem_free(g->post);
  mem_free(g->slot);
  memset(g, 0, sizeof *g);
}
