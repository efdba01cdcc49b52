/* SPDX-License-Identifier: 0BSD */
#include "station/beside.h"

#include "base/mem.h"
#include "text/recipe.h"

#include <stdlib.h>
#include <string.h>

struct slot {
  const struct term *term; /* NULL: empty */
  uint64_t words;          /* whose member it is */
};

struct beside {
  const struct plan *plan;
  struct slot *slot;
  size_t slots; /* a power of two */
  enum {
    NEVER,
    SOUGHT,
    FOUND
  } pair[4 * QUERY_WORDS_MAX]; /* by place of the
                                  first word */
  size_t sought;
};

static size_t hash(struct span s)
{
  uint32_t h = 2166136261u; /* FNV-1a */
  for (size_t i = 0; i < s.n; i++) {
    h = (h ^ s.p[i]) * 16777619u;
  }
  return h;
}

static struct slot *slot_of(const struct beside *b, struct span term)
{
  size_t at = hash(term) & (b->slots - 1);
  while (b->slot[at].term != NULL &&
         !span_equal(term_span(b->slot[at].term), term)) {
    at = (at + 1) & (b->slots - 1);
  }
  return &b->slot[at];
}

static void note(struct beside *b, const struct term *term, size_t word)
{
  struct slot *s = slot_of(b, term_span(term));
  s->term = term;
  s->words |= UINT64_C(1) << word;
}

/* What the pair at this place of the query gives. */
static double gives(const struct plan *p, size_t at)
{
  const struct plan_word *a = &p->word[p->order[at]];
  const struct plan_word *c = &p->word[p->order[at + 1]];
  return RECIPE_BESIDE * (a->weight * a->idf + c->weight * c->idf) / 2;
}

int beside_open(struct beside **out, const struct plan *plan)
{
  struct beside *b = mem_zero(sizeof *b);
  size_t terms = 1;
  *out = NULL;
  for (size_t i = 0; i < plan->words; i++) {
    terms += plan->word[i].members;
  }
  if (b == NULL) {
    return ERR_NOMEM;
  }
  b->plan = plan;
  b->slots = 64;
  while (b->slots < 4 * terms) {
    b->slots *= 2;
  }
  b->slot = mem_resize(NULL, b->slots, sizeof *b->slot);
  if (b->slot == NULL) {
    mem_free(b);
    return ERR_NOMEM;
  }
  memset(b->slot, 0, b->slots * sizeof *b->slot);
  for (size_t i = 0; i < plan->words; i++) {
    for (size_t k = 0; k < plan->word[i].members; k++) {
      note(b, &plan->word[i].member[k].term, i);
    }
  }
  *out = b;
  return 0;
}

void beside_close(struct beside *b)
{
  if (b != NULL) {
    mem_free(b->slot);
    mem_free(b);
  }
}

/* Both words of the pair at this place. */
static bool may_hold(const struct plan *p, size_t at, uint64_t marks)
{
  return (marks >> p->order[at] & marks >> p->order[at + 1] & 1) != 0;
}

double beside_most(const struct beside *b, uint64_t marks)
{
  const struct plan *p = b->plan;
  double sum = 0;
  for (size_t i = 0; i + 1 < p->orders; i++) {
    sum += may_hold(p, i, marks) ? gives(p, i) : 0;
  }
  return sum;
}

static int order_hits(const void *x, const void *y, void *ud)
{
  const struct store_hit *a = x, *c = y;
  double p = a->score + beside_most(ud, a->marks);
  double q = c->score + beside_most(ud, c->marks);
  if (p < q || p > q) {
    return p > q ? -1 : 1;
  }
  return a->ref > c->ref ? -1 : a->ref < c->ref;
}

void beside_order(const struct beside *b, struct store_hit *hit, size_t n)
{
  qsort_r(hit, n, sizeof *hit, order_hits, (void *)(uintptr_t)b);
}

void beside_start(struct beside *b, uint64_t marks)
{
  b->sought = 0;
  for (size_t i = 0; i + 1 < b->plan->orders; i++) {
    b->pair[i] = may_hold(b->plan, i, marks) ? SOUGHT : NEVER;
    b->sought += b->pair[i] == SOUGHT;
  }
}

/* Which words of the query a word of the text stands for. */
static uint64_t stands_for(const struct beside *b, const struct word *w)
{
  struct term term[2];
  uint64_t words = 0;
  size_t n = word_terms(w, TERM_STEM, term);
  for (size_t i = 0; i < n; i++) {
    words |= slot_of(b, term_span(&term[i]))->words;
  }
  return words;
}

void beside_read(struct beside *b, struct analyser *an, struct span text)
{
  const struct plan *p = b->plan;
  struct words it = {.text = text, .an = an};
  struct word w;
  uint64_t before = 0;
  while (b->sought > 0 && words_next(&it, &w)) {
    uint64_t here = stands_for(b, &w);
    for (size_t i = 0; before != 0 && here != 0 && i + 1 < p->orders; i++) {
      if (b->pair[i] == SOUGHT && (before >> p->order[i] & 1) != 0 &&
          (here >> p->order[i + 1] & 1) != 0) {
        b->pair[i] = FOUND;
        b->sought--;
      }
    }
    before = here;
  }
}

double beside_given(const struct beside *b)
{
  double sum = 0;
  for (size_t i = 0; i + 1 < b->plan->orders; i++) {
    sum += b->pair[i] == FOUND ? gives(b->plan, i) : 0;
  }
  return sum;
}

bool beside_holds(const struct beside *b, struct analyser *an, struct span text)
{
  struct words it = {.text = text, .an = an};
  struct word w;
  while (words_next(&it, &w)) {
    if (stands_for(b, &w) != 0) {
      return true;
    }
  }
  return false;
}
