/* SPDX-License-Identifier: 0BSD */
#include "store/vocab.h"

#include "base/check.h"
#include "base/mem.h"
#include "text/near.h"

#include <string.h>

#define RUN 16u         /* words from one that is written out to the next */
#define SLOTS_MIN 1024u /* a power of two */
#define BYTES_MAX (1u << 30) /* offsets are 32 bits */

_Static_assert(STORE_TERM_MAX < 128, "a term's size is one byte");

/* A gram and its list: gaps between words (varints). */
struct list {
  uint64_t gram;
  uint32_t bytes; /* 0: the slot is empty */
  uint32_t left;  /* of them, to be filled */
  uint32_t at;    /* the list's end so far, in v->lists */
  uint32_t last;  /* 1 + the last word, 0: none */
};

struct vocab {
  struct list *list; /* a hash table */
  size_t slots, used;
  size_t words, added;
  size_t list_bytes, term_bytes, term_most;
  bool filling;
  uint8_t before[STORE_TERM_MAX]; /* the last term */
  size_t before_n;
  /* of the second pass */
  uint8_t *lists;
  uint8_t *terms; /* bytes shared with the one before, bytes more, those, df */
  uint32_t *run;  /* where each RUN-th word is in ${terms} */
  uint8_t *grams; /* of each word: how many */
  uint8_t *count; /* of each word: those in common; 0 between questions */
  struct buf touched; /* words (uint32_t) whose count is not 0 */
};

struct vocab *vocab_new(void)
{
  struct vocab *v = mem_zero(sizeof *v);
  if (v == NULL) {
    return NULL;
  }
  v->slots = SLOTS_MIN;
  v->list = mem_resize(NULL, v->slots, sizeof *v->list);
  if (v->list == NULL) {
    mem_free(v);
    return NULL;
  }
  memset(v->list, 0, v->slots * sizeof *v->list);
  return v;
}

void vocab_free(struct vocab *v)
{
  if (v != NULL) {
    mem_free(v->list);
    mem_free(v->lists);
    mem_free(v->terms);
    mem_free(v->run);
    mem_free(v->grams);
    mem_free(v->count);
    buf_free(&v->touched);
    mem_free(v);
  }
}

/* ---- grams ---- */

static struct list *list_of(struct list *list, size_t slots, uint64_t gram)
{
  size_t at = (size_t)(gram * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (slots - 1);
  while (list[at].bytes > 0 && list[at].gram != gram) {
    at = (at + 1) & (slots - 1);
  }
  return &list[at];
}

static int grow(struct vocab *v)
{
  size_t slots = v->slots * 2;
  struct list *more = mem_resize(NULL, slots, sizeof *more);
  if (more == NULL) {
    return ERR_NOMEM;
  }
  memset(more, 0, slots * sizeof *more);
  for (size_t i = 0; i < v->slots; i++) {
    if (v->list[i].bytes > 0) {
      *list_of(more, slots, v->list[i].gram) = v->list[i];
    }
  }
  mem_free(v->list);
  v->list = more;
  v->slots = slots;
  return 0;
}

static uint32_t varint_size(uint32_t x)
{
  uint32_t n = 1;
  for (; x >= 0x80; x >>= 7) {
    n++;
  }
  return n;
}

static uint8_t *varint_put(uint8_t *p, uint32_t x)
{
  for (; x >= 0x80; x >>= 7) {
    *p++ = (uint8_t)(x | 0x80);
  }
  *p++ = (uint8_t)x;
  return p;
}

/* Only of bytes that varint_put wrote. */
static inline const uint8_t *varint_get(const uint8_t *p, uint32_t *x)
{
  *x = *p & 0x7fu;
  for (unsigned shift = 7; *p++ >= 0x80; shift += 7) {
    *x |= (uint32_t)(*p & 0x7f) << shift;
  }
  return p;
}

/* ---- making ---- */

static int measure_grams(struct vocab *v, const uint64_t *gram, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (4 * (v->used + 1) > 3 * v->slots && grow(v) < 0) {
      return ERR_NOMEM;
    }
    struct list *l = list_of(v->list, v->slots, gram[i]);
    uint32_t size = varint_size((uint32_t)v->added + 1 - l->last);
    v->used += l->bytes == 0;
    l->gram = gram[i];
    l->bytes += size;
    l->last = (uint32_t)v->added + 1;
    v->list_bytes += size;
  }
  return 0;
}

static int fill_grams(struct vocab *v, const uint64_t *gram, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    struct list *l = list_of(v->list, v->slots, gram[i]);
    uint32_t gap = (uint32_t)v->added + 1 - l->last;
    uint32_t size = varint_size(gap);
    if (l->left < size) {
      return ERR_INVALID;
    }
    l->left -= size;
    (void)varint_put(v->lists + l->at, gap);
    l->at += size;
    l->last = (uint32_t)v->added + 1;
  }
  v->grams[v->added] = (uint8_t)n;
  return 0;
}

/* How many bytes the next term shares with the one before. */
static size_t shared_with(const struct vocab *v, struct span term)
{
  size_t n = 0;
  while (v->added % RUN != 0 && n < v->before_n && n < term.n &&
         v->before[n] == term.p[n]) {
    n++;
  }
  return n;
}

static void fill_term(struct vocab *v, struct span term, size_t shared,
                      uint32_t df)
{
  uint8_t *p = v->terms + v->term_bytes;
  if (v->added % RUN == 0) {
    v->run[v->added / RUN] = (uint32_t)v->term_bytes;
  }
  *p++ = (uint8_t)shared;
  *p++ = (uint8_t)(term.n - shared);
  memcpy(p, term.p + shared, term.n - shared);
  (void)varint_put(p + term.n - shared, df);
}

int vocab_add(struct vocab *v, struct span term, struct span letters,
              uint32_t df)
{
  struct near_word word;
  uint64_t gram[NEAR_GRAMS_MAX];
  CHECK(term.n > 0 && term.n <= STORE_TERM_MAX);
  near_word_of(&word, letters);
  size_t n = near_grams(&word, VOCAB_GRAMS, gram);
  size_t shared = shared_with(v, term);
  size_t size = 2 + term.n - shared + varint_size(df);
  if (v->filling &&
      (v->added == v->words || size > v->term_most - v->term_bytes)) {
    return ERR_INVALID;
  }
  if (v->term_bytes + size > BYTES_MAX || v->list_bytes > BYTES_MAX) {
    return ERR_LIMIT;
  }
  int rc = v->filling ? fill_grams(v, gram, n) : measure_grams(v, gram, n);
  if (rc < 0) {
    return rc;
  }
  if (v->filling) {
    fill_term(v, term, shared, df);
  }
  memcpy(v->before, term.p, term.n);
  v->before_n = term.n;
  v->term_bytes += size;
  v->added++;
  return 0;
}

size_t vocab_bytes(const struct vocab *v)
{
  size_t term_bytes = v->filling ? v->term_most : v->term_bytes;
  return sizeof *v + v->slots * sizeof *v->list + v->list_bytes + term_bytes +
         2 * v->words + 4 * (v->words / RUN + 1) + v->touched.cap;
}

int vocab_fill(struct vocab *v, size_t most)
{
  uint32_t at = 0;
  v->words = v->added;
  if (vocab_bytes(v) > most) {
    return ERR_LIMIT;
  }
  v->lists = mem_alloc(v->list_bytes);
  v->terms = mem_alloc(v->term_bytes);
  v->run = mem_resize(NULL, v->words / RUN + 1, sizeof *v->run);
  v->grams = mem_alloc(v->words);
  v->count = mem_alloc(v->words);
  if (v->lists == NULL || v->terms == NULL || v->run == NULL ||
      v->grams == NULL || v->count == NULL) {
    return ERR_NOMEM;
  }
  memset(v->count, 0, v->words);
  for (size_t i = 0; i < v->slots; i++) {
    v->list[i].at = at;
    v->list[i].last = 0;
    v->list[i].left = v->list[i].bytes;
    at += v->list[i].bytes;
  }
  v->filling = true;
  v->term_most = v->term_bytes;
  v->added = v->term_bytes = v->before_n = 0;
  return 0;
}

bool vocab_whole(const struct vocab *v)
{
  return v->filling && v->added == v->words && v->term_bytes == v->term_most;
}

/* ---- asking ---- */

/* The worst on top. */
struct heap {
  struct vocab_hit *hit;
  size_t n, max;
};

static bool worse(const struct vocab_hit *a, const struct vocab_hit *b)
{
  return a->like < b->like || (!(a->like > b->like) && a->word > b->word);
}

static void sift(struct heap *h)
{
  struct vocab_hit one = h->hit[0];
  size_t at = 0, child;
  while ((child = 2 * at + 1) < h->n) {
    child += child + 1 < h->n && worse(&h->hit[child + 1], &h->hit[child]);
    if (!worse(&h->hit[child], &one)) {
      break;
    }
    h->hit[at] = h->hit[child];
    at = child;
  }
  h->hit[at] = one;
}

static void keep(struct heap *h, struct vocab_hit one)
{
  if (h->n == h->max) {
    if (worse(&h->hit[0], &one)) {
      h->hit[0] = one;
      sift(h);
    }
    return;
  }
  size_t at = h->n++;
  for (; at > 0 && worse(&one, &h->hit[(at - 1) / 2]); at = (at - 1) / 2) {
    h->hit[at] = h->hit[(at - 1) / 2];
  }
  h->hit[at] = one;
}

/* Count the words of a list; those that are new go to ${to}. */
static uint32_t *count_list(struct vocab *v, const struct list *l, uint32_t *to)
{
  const uint8_t *p = v->lists + l->at - l->bytes, *end = v->lists + l->at;
  uint32_t next = 0, gap;
  while (p < end) {
    p = varint_get(p, &gap);
    next += gap; /* 1 + the word */
    *to = next - 1;
    to += v->count[next - 1]++ == 0;
  }
  return to;
}

int vocab_alike(struct vocab *v, const uint64_t *gram, size_t n, double least,
                size_t max, struct vocab_hit *out, size_t *found)
{
  struct heap h = {.hit = out, .max = max};
  const struct list *list[NEAR_GRAMS_MAX];
  size_t most = 1;
  CHECK(vocab_whole(v) && n <= NEAR_GRAMS_MAX && max > 0);
  for (size_t i = 0; i < n; i++) {
    list[i] = list_of(v->list, v->slots, gram[i]);
    most += list[i]->bytes; /* a word is one byte at least */
  }
  most = most < v->words + 1 ? most : v->words + 1;
  buf_clear(&v->touched);
  if (buf_reserve(&v->touched, most * sizeof(uint32_t)) < 0) {
    return ERR_NOMEM;
  }
  uint32_t *from = (uint32_t *)(void *)v->touched.p, *to = from;
  for (size_t i = 0; i < n; i++) {
    to = count_list(v, list[i], to);
  }
  for (; from < to; from++) {
    unsigned common = v->count[*from];
    v->count[*from] = 0;
    /* as near_dice works it out, to the bit */
    double like = 2.0 * (double)common / (double)(n + v->grams[*from]);
    if (like >= least) {
      keep(&h, (struct vocab_hit){like, *from});
    }
  }
  *found = h.n;
  return 0;
}

void vocab_term(const struct vocab *v, uint32_t word, struct store_alike *out)
{
  CHECK(word < v->words);
  const uint8_t *p = v->terms + v->run[word / RUN];
  for (uint32_t i = word / RUN * RUN; i <= word; i++) {
    size_t shared = *p++, more = *p++;
    memcpy(out->term + shared, p, more);
    out->n = (uint8_t)(shared + more);
    p = varint_get(p + more, &out->df);
  }
}
