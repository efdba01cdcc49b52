/* SPDX-License-Identifier: 0BSD */
#include "search_oracle.h"

#include "text/near.h"
#include "text/recipe.h"
#include "text/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 64

struct posting {
  uint32_t doc, tf;
};

struct term_entry {
  struct span name; /* bytes of its own */
  struct posting *list;
  size_t df, cap;
  size_t grams;    /* how many different ones */
  unsigned common; /* with the word that is looked at */
};

struct document {
  size_t first, words; /* its stems and surfaces in o->stem, o->surface */
  double length;       /* words, as an index rounds them */
};

struct gram_entry {
  uint64_t gram;
  uint32_t *term;
  size_t n, cap;
};

struct table {
  uint32_t *slot; /* 1 + number of an entry, 0: free */
  size_t size;    /* a power of two */
};

struct oracle {
  struct analyser *an;
  struct term_entry *term;
  struct document *doc;
  struct gram_entry *gram;
  uint32_t *stem, *surface; /* of every word; NONE: as its stem */
  size_t terms, terms_cap, docs, docs_cap, grams, grams_cap, words, words_cap;
  size_t surface_cap;
  struct table by_name, by_gram;
  double mean;
  double *best, *score; /* of documents */
  uint32_t *touched;
};

#define NONE UINT32_MAX

/* ---- memory and tables ---- */

static void *must(void *p)
{
  if (p == NULL) {
    puts("search_oracle: not enough memory");
    exit(1);
  }
  return p;
}

/* Room for one more of ${size} bytes. */
static void *room(void *p, size_t n, size_t *cap, size_t size)
{
  if (n < *cap) {
    return p;
  }
  *cap = *cap == 0 ? 8 : *cap * 2;
  return must(realloc(p, *cap * size));
}

static size_t hash(const void *p, size_t n)
{
  const uint8_t *b = p;
  uint64_t h = 14695981039346656037u; /* FNV-1a */
  for (size_t i = 0; i < n; i++) {
    h = (h ^ b[i]) * 1099511628211u;
  }
  return (size_t)(h ^ h >> 32);
}

static size_t name_hash(const struct oracle *o, uint32_t i)
{
  return hash(o->term[i].name.p, o->term[i].name.n);
}

static size_t gram_hash(const struct oracle *o, uint32_t i)
{
  return hash(&o->gram[i].gram, sizeof o->gram[i].gram);
}

/* Twice the slots when they are half full. */
static void widen(const struct oracle *o, struct table *t, size_t n,
                  size_t (*hash_of)(const struct oracle *, uint32_t))
{
  if ((n + 1) * 2 <= t->size) {
    return;
  }
  t->size = t->size == 0 ? 1024 : t->size * 2;
  free(t->slot);
  t->slot = must(calloc(t->size, sizeof *t->slot));
  for (uint32_t i = 0; i < n; i++) {
    size_t at = hash_of(o, i) & (t->size - 1);
    while (t->slot[at] != 0) {
      at = (at + 1) & (t->size - 1);
    }
    t->slot[at] = i + 1;
  }
}

/* The term's number, or NONE. */
static uint32_t term_find(const struct oracle *o, struct span name)
{
  const struct table *t = &o->by_name;
  if (t->size == 0) {
    return NONE;
  }
  size_t at = hash(name.p, name.n) & (t->size - 1);
  for (; t->slot[at] != 0; at = (at + 1) & (t->size - 1)) {
    if (span_equal(o->term[t->slot[at] - 1].name, name)) {
      return t->slot[at] - 1;
    }
  }
  return NONE;
}

static uint32_t term_add(struct oracle *o, struct span name)
{
  uint32_t i = term_find(o, name);
  if (i != NONE) {
    return i;
  }
  widen(o, &o->by_name, o->terms, name_hash);
  o->term = room(o->term, o->terms, &o->terms_cap, sizeof *o->term);
  struct term_entry *e = &o->term[o->terms];
  uint8_t *copy = must(malloc(name.n));
  memcpy(copy, name.p, name.n);
  *e = (struct term_entry){.name = span_of(copy, name.n)};
  size_t at = hash(name.p, name.n) & (o->by_name.size - 1);
  while (o->by_name.slot[at] != 0) {
    at = (at + 1) & (o->by_name.size - 1);
  }
  o->by_name.slot[at] = (uint32_t)++o->terms;
  return (uint32_t)o->terms - 1;
}

static struct gram_entry *gram_find(const struct oracle *o, uint64_t gram)
{
  const struct table *t = &o->by_gram;
  size_t at = t->size == 0 ? 0 : hash(&gram, sizeof gram) & (t->size - 1);
  for (; t->size > 0 && t->slot[at] != 0; at = (at + 1) & (t->size - 1)) {
    if (o->gram[t->slot[at] - 1].gram == gram) {
      return &o->gram[t->slot[at] - 1];
    }
  }
  return NULL;
}

static struct gram_entry *gram_add(struct oracle *o, uint64_t gram)
{
  struct gram_entry *g = gram_find(o, gram);
  if (g != NULL) {
    return g;
  }
  widen(o, &o->by_gram, o->grams, gram_hash);
  o->gram = room(o->gram, o->grams, &o->grams_cap, sizeof *o->gram);
  o->gram[o->grams] = (struct gram_entry){.gram = gram};
  size_t at = hash(&gram, sizeof gram) & (o->by_gram.size - 1);
  while (o->by_gram.slot[at] != 0) {
    at = (at + 1) & (o->by_gram.size - 1);
  }
  o->by_gram.slot[at] = (uint32_t)++o->grams;
  return &o->gram[o->grams - 1];
}

/* ---- documents ---- */

struct oracle *oracle_new(void)
{
  struct oracle *o = must(calloc(1, sizeof *o));
  if (analyser_open(&o->an) < 0) {
    must(NULL);
  }
  return o;
}

void oracle_del(struct oracle *o)
{
  for (size_t i = 0; i < o->terms; i++) {
    free((void *)(uintptr_t)o->term[i].name.p);
    free(o->term[i].list);
  }
  for (size_t i = 0; i < o->grams; i++) {
    free(o->gram[i].term);
  }
  analyser_close(o->an);
  free(o->term);
  free(o->doc);
  free(o->gram);
  free(o->stem);
  free(o->surface);
  free(o->by_name.slot);
  free(o->by_gram.slot);
  free(o->best);
  free(o->score);
  free(o->touched);
  free(o);
}

/* One more occurrence of a term in the newest document. */
static void occur(struct oracle *o, uint32_t term)
{
  struct term_entry *e = &o->term[term];
  if (e->df > 0 && e->list[e->df - 1].doc == o->docs) {
    e->list[e->df - 1].tf++;
    return;
  }
  e->list = room(e->list, e->df, &e->cap, sizeof *e->list);
  e->list[e->df++] = (struct posting){(uint32_t)o->docs, 1};
}

/* A length as an index keeps it, in one byte: exact below 32, then the 5
 * highest bits. */
static double rounded(size_t words)
{
  size_t shift = 0;
  while (words >> shift >= 32) {
    shift++;
  }
  return (double)(words >> shift << shift);
}

void oracle_add(struct oracle *o, struct span text)
{
  struct words w = {.text = text, .an = o->an};
  struct word word;
  size_t first = o->words;
  while (words_next(&w, &word)) {
    struct term t[2];
    size_t n = word_terms(&word, TERM_STEM, t);
    o->stem = room(o->stem, o->words, &o->words_cap, sizeof *o->stem);
    o->surface =
        room(o->surface, o->words, &o->surface_cap, sizeof *o->surface);
    o->stem[o->words] = term_add(o, term_span(&t[0]));
    o->surface[o->words] = n > 1 ? term_add(o, term_span(&t[1])) : NONE;
    occur(o, o->stem[o->words]);
    if (n > 1) {
      occur(o, o->surface[o->words]);
    }
    o->words++;
  }
  o->doc = room(o->doc, o->docs, &o->docs_cap, sizeof *o->doc);
  o->doc[o->docs++] = (struct document){.first = first,
                                        .words = o->words - first,
                                        .length = rounded(o->words - first)};
}

/* The letters of a term, without its mark. */
static struct span letters(struct span term)
{
  return term.n > 0 && term.p[0] < 0x20 ? span_of(term.p + 1, term.n - 1)
                                        : term;
}

void oracle_ready(struct oracle *o)
{
  uint64_t gram[NEAR_GRAMS_MAX];
  struct near_word w;
  for (size_t i = 0; i < o->terms; i++) {
    near_word_of(&w, letters(o->term[i].name));
    o->term[i].grams = near_grams(&w, 3, gram);
    for (size_t k = 0; k < o->term[i].grams; k++) {
      struct gram_entry *g = gram_add(o, gram[k]);
      g->term = room(g->term, g->n, &g->cap, sizeof *g->term);
      g->term[g->n++] = (uint32_t)i;
    }
  }
  size_t n = o->docs + 1;
  o->best = must(calloc(n, sizeof *o->best));
  o->score = must(calloc(n, sizeof *o->score));
  o->touched = must(malloc(n * sizeof *o->touched));
  o->mean = o->docs > 0 ? (double)o->words / (double)o->docs : 1;
}

/* ---- neighbours in the vocabulary ---- */

struct neighbour {
  uint32_t term;
  double dice;
  unsigned distance;
  size_t df;
  struct span name;
};

static int by_dice(const void *a, const void *b)
{
  const struct neighbour *x = a, *y = b;
  if (x->dice != y->dice) {
    return x->dice < y->dice ? 1 : -1;
  }
  return span_compare(x->name, y->name);
}

static int by_distance(const void *a, const void *b)
{
  const struct neighbour *x = a, *y = b;
  if (x->distance != y->distance) {
    return x->distance < y->distance ? -1 : 1;
  }
  if (x->df != y->df) {
    return x->df < y->df ? 1 : -1;
  }
  return span_compare(x->name, y->name);
}

/* The words of the vocabulary that share most grams with ${w}, at most
 * ${max}: returns how many, in an array that the caller frees. */
static size_t look(struct oracle *o, const struct near_word *w, double least,
                   size_t max, struct neighbour **out)
{
  uint64_t gram[NEAR_GRAMS_MAX];
  size_t n = near_grams(w, 3, gram), seen = 0, cap = 0;
  struct neighbour *all = NULL;
  for (size_t i = 0; i < n; i++) {
    const struct gram_entry *g = gram_find(o, gram[i]);
    for (size_t k = 0; g != NULL && k < g->n; k++) {
      if (o->term[g->term[k]].common++ == 0) {
        all = room(all, seen, &cap, sizeof *all);
        all[seen++].term = g->term[k];
      }
    }
  }
  size_t kept = 0;
  for (size_t i = 0; i < seen; i++) {
    struct term_entry *e = &o->term[all[i].term];
    double dice = 2.0 * e->common / (double)(n + e->grams);
    e->common = 0;
    if (dice >= least) {
      all[kept++] = (struct neighbour){
          .term = all[i].term, .dice = dice, .df = e->df, .name = e->name};
    }
  }
  if (kept > 0) {
    qsort(all, kept, sizeof *all, by_dice);
  }
  *out = all;
  return kept < max ? kept : max;
}

/* ---- a query's words ---- */

struct member {
  uint32_t term;
  double weight;
  double idf;
};

struct group {
  struct word word;
  double weight; /* 1, or RECIPE_STOP */
  struct member member[MEMBERS_MAX];
  size_t members;
  uint32_t surface;
  double idf; /* of the word as a whole, for words beside one another */
};

/* Was it new? */
static bool join(struct group *g, uint32_t term, double weight)
{
  for (size_t i = 0; i < g->members; i++) {
    if (g->member[i].term == term) {
      if (weight > g->member[i].weight) {
        g->member[i].weight = weight;
      }
      return false;
    }
  }
  if (g->members == MEMBERS_MAX) {
    return false;
  }
  g->member[g->members++] = (struct member){.term = term, .weight = weight};
  return true;
}

static void repair(struct oracle *o, struct group *g)
{
  struct neighbour *near = NULL;
  struct near_word w, v;
  near_word_of(&w, word_token(&g->word));
  unsigned limit = near_limit(&w);
  if (w.n < RECIPE_LETTERS_MIN) {
    return;
  }
  size_t n = look(o, &w, RECIPE_REPAIR_DICE, RECIPE_REPAIR_LOOK, &near);
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    near_word_of(&v, letters(near[i].name));
    near[i].distance = near_distance(&w, &v, limit);
    if (near[i].distance <= limit) {
      near[kept++] = near[i];
    }
  }
  if (kept > 0) {
    qsort(near, kept, sizeof *near, by_distance);
  }
  for (size_t i = 0; i < kept && i < RECIPE_REPAIR_MAX; i++) {
    double weight = recipe_repair((double)near[i].distance / NEAR_EDIT);
    struct word as;
    join(g, near[i].term, weight);
    if (word_like(o->an, letters(near[i].name), &g->word, &as)) {
      uint32_t stem = term_find(o, word_stem(&as));
      uint32_t other = term_find(o, word_other(&as));
      if (stem != NONE) {
        join(g, stem, weight);
      }
      if (as.other_n > 0 && other != NONE) {
        join(g, other, weight);
      }
    }
  }
  free(near);
}

static void expand(struct oracle *o, struct group *g, struct span stem)
{
  struct neighbour *near = NULL;
  struct near_word w;
  near_word_of(&w, stem);
  if (w.n < RECIPE_LETTERS_MIN) {
    return;
  }
  size_t n = look(o, &w, RECIPE_EXPAND_DICE, RECIPE_EXPAND_LOOK, &near);
  size_t found = 0;
  for (size_t i = 0; i < n && found < RECIPE_EXPAND_MAX; i++) {
    uint32_t term = near[i].term;
    struct word as;
    if (near[i].name.p[0] == TERM_SURFACE &&
        word_like(o->an, letters(near[i].name), &g->word, &as)) {
      uint32_t its_stem = term_find(o, word_stem(&as));
      term = its_stem != NONE ? its_stem : term;
    }
    found += join(g, term, recipe_expand(near[i].dice));
  }
  free(near);
}

static double idf_of(const struct oracle *o, size_t df)
{
  return recipe_idf((double)df, (double)o->docs);
}

static void make_group(struct oracle *o, struct group *g)
{
  struct term surface;
  bool stop = word_is_stop(&g->word);
  uint32_t stem = term_find(o, word_stem(&g->word));
  uint32_t other =
      g->word.other_n > 0 ? term_find(o, word_other(&g->word)) : NONE;
  size_t own = 0, most = 0;
  term_of(&surface, TERM_SURFACE, word_token(&g->word));
  g->surface = term_find(o, term_span(&surface));
  g->weight = stop ? RECIPE_STOP : 1;
  if (stem != NONE) {
    join(g, stem, 1);
    own = o->term[stem].df;
  }
  if (other != NONE) {
    join(g, other, 1);
    own = o->term[other].df > own ? o->term[other].df : own;
  }
  if (own == 0 && g->surface == NONE) {
    repair(o, g);
  }
  if (!stop) {
    expand(o, g, word_stem(&g->word));
    if (g->word.other_n > 0) {
      expand(o, g, word_other(&g->word));
    }
  }
  for (size_t i = 0; i < g->members; i++) {
    size_t df = o->term[g->member[i].term].df;
    most = df > most ? df : most;
    g->member[i].idf = idf_of(o, df > own ? df : own);
  }
  g->idf = most == 0 ? 0 : idf_of(o, own > 0 ? own : most);
}

/* A query: its different words, and the order in which they stand. */
struct plan {
  struct group group[QUERY_WORDS_MAX];
  size_t groups;
  size_t order[4 * QUERY_WORDS_MAX];
  size_t words;
};

static void make_plan(struct oracle *o, struct plan *p, struct span query)
{
  struct words w = {.text = query, .an = o->an, .query = true};
  struct word word;
  while (p->words < 4 * QUERY_WORDS_MAX && words_next(&w, &word)) {
    size_t i = 0;
    while (i < p->groups &&
           !span_equal(word_token(&p->group[i].word), word_token(&word))) {
      i++;
    }
    if (i == QUERY_WORDS_MAX) {
      break;
    }
    if (i == p->groups) {
      p->group[i].word = word;
      make_group(o, &p->group[i]);
      p->groups++;
    }
    p->order[p->words++] = i;
  }
}

/* ---- scores ---- */

static double tf_of(const struct oracle *o, const struct posting *at)
{
  return recipe_tf(at->tf, o->doc[at->doc].length, o->mean);
}

/* Add what one word gives; ${n} documents have a score so far. */
static size_t score_group(struct oracle *o, const struct group *g, size_t n)
{
  for (size_t i = 0; i < g->members; i++) {
    const struct member *m = &g->member[i];
    const struct term_entry *e = &o->term[m->term];
    for (size_t k = 0; k < e->df; k++) {
      double s = m->weight * m->idf * tf_of(o, &e->list[k]);
      double *best = &o->best[e->list[k].doc];
      *best = s > *best ? s : *best;
    }
  }
  for (size_t i = 0; i < g->members; i++) {
    const struct term_entry *e = &o->term[g->member[i].term];
    for (size_t k = 0; k < e->df; k++) {
      uint32_t doc = e->list[k].doc;
      if (o->best[doc] > 0) {
        if (o->score[doc] <= 0) {
          o->touched[n++] = doc;
        }
        o->score[doc] += g->weight * o->best[doc];
        o->best[doc] = 0;
      }
    }
  }
  if (g->surface != NONE) {
    const struct term_entry *e = &o->term[g->surface];
    for (size_t k = 0; k < e->df; k++) {
      uint32_t doc = e->list[k].doc;
      if (o->score[doc] <= 0) {
        o->touched[n++] = doc;
      }
      o->score[doc] +=
          g->weight * RECIPE_SURFACE * idf_of(o, e->df) * tf_of(o, &e->list[k]);
    }
  }
  return n;
}

static int by_score(const void *a, const void *b)
{
  const struct oracle_hit *x = a, *y = b;
  if (x->score != y->score) {
    return x->score < y->score ? 1 : -1;
  }
  return x->doc < y->doc ? 1 : -1;
}

static bool holds(const struct oracle *o, const struct group *g, size_t word)
{
  for (size_t i = 0; i < g->members; i++) {
    if (g->member[i].term == o->stem[word] ||
        g->member[i].term == o->surface[word]) {
      return true;
    }
  }
  return false;
}

/* Do two groups' words stand beside one another, in this order? */
static bool beside(const struct oracle *o, uint32_t doc, const struct group *a,
                   const struct group *b)
{
  const struct document *d = &o->doc[doc];
  for (size_t i = 0; i + 1 < d->words; i++) {
    if (holds(o, a, d->first + i) && holds(o, b, d->first + i + 1)) {
      return true;
    }
  }
  return false;
}

static void read_again(struct oracle *o, const struct plan *p,
                       struct oracle_hit *hit)
{
  for (size_t i = 0; i + 1 < p->words; i++) {
    const struct group *a = &p->group[p->order[i]];
    const struct group *b = &p->group[p->order[i + 1]];
    if (beside(o, hit->doc, a, b)) {
      double sum = a->weight * a->idf + b->weight * b->idf;
      hit->score += RECIPE_BESIDE * sum / 2;
    }
  }
}

size_t oracle_search(struct oracle *o, struct span query, bool again,
                     struct oracle_hit *hits, size_t max)
{
  struct plan *p = must(calloc(1, sizeof *p));
  struct oracle_hit *all = must(malloc((o->docs + 1) * sizeof *all));
  size_t n = 0;
  make_plan(o, p, query);
  for (size_t i = 0; i < p->groups; i++) {
    n = score_group(o, &p->group[i], n);
  }
  for (size_t i = 0; i < n; i++) {
    uint32_t doc = o->touched[i];
    all[i] = (struct oracle_hit){doc, o->score[doc]};
    o->score[doc] = 0;
  }
  qsort(all, n, sizeof *all, by_score);
  if (again) {
    size_t head = n < RECIPE_HEAD ? n : RECIPE_HEAD;
    for (size_t i = 0; i < head; i++) {
      read_again(o, p, &all[i]);
    }
    qsort(all, head, sizeof *all, by_score);
  }
  n = n < max ? n : max;
  memcpy(hits, all, n * sizeof *all);
  free(all);
  free(p);
  return n;
}
