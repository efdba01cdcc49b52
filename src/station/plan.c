/* SPDX-License-Identifier: 0BSD */
#include "station/plan.h"

#include "base/check.h"
#include "base/mem.h"
#include "text/near.h"
#include "text/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WAVE 24u /* words that are looked up at a time */

struct planning {
  struct plan *p;
  struct store *index;
  struct analyser *an;
  struct store_alike *alike; /* of each word, ${max} of them */
  size_t *counts;
  size_t max;
};

static int no_memory(struct err *e)
{
  return err_set(e, ERR_NOMEM, "not enough memory");
}

/* ---- the words ---- */

static size_t word_place(struct plan *p, const struct plan_ask *ask)
{
  size_t i = 0;
  while (i < p->words &&
         (p->word[i].how != ask->how ||
          !span_equal(word_token(&p->word[i].word), word_token(&ask->word)))) {
    i++;
  }
  return i;
}

static int list_words(struct plan *p, const struct plan_ask *ask, size_t n,
                      struct err *e)
{
  p->word = mem_resize(NULL, n, sizeof *p->word);
  if (p->word == NULL) {
    return no_memory(e);
  }
  for (size_t i = 0; i < n && p->orders < sizeof p->order; i++) {
    size_t at = word_place(p, &ask[i]);
    if (at == QUERY_WORDS_MAX) {
      break;
    }
    if (at == p->words) {
      struct plan_word *w = &p->word[p->words++];
      memset(w, 0, sizeof *w);
      w->word = ask[i].word;
      w->how = ask[i].how;
      w->repaired = !ask[i].exact; /* until something is found */
      w->weight = word_is_stop(&w->word) ? RECIPE_STOP : 1;
      term_of(&w->surface, TERM_SURFACE, word_token(&w->word));
    }
    if (ask[i].how != STORE_NOT) {
      p->order[p->orders++] = (uint8_t)at;
    }
  }
  return 0;
}

/* Add a member, or give it the greater weight. Was it new? */
static bool join(struct plan_word *w, const struct term *term, double weight,
                 bool own)
{
  for (size_t i = 0; i < w->members; i++) {
    struct plan_member *m = &w->member[i];
    if (span_equal(term_span(&m->term), term_span(term))) {
      m->weight = weight > m->weight ? weight : m->weight;
      return false;
    }
  }
  if (w->members == PLAN_MEMBERS_MAX || term->n == 0) {
    return false;
  }
  w->member[w->members++] =
      (struct plan_member){.term = *term, .weight = weight, .own = own};
  return true;
}

/* ---- its own terms ---- */

/* In how many documents: of three terms a word. */
static int count_own(struct planning *g, struct err *e)
{
  struct plan *p = g->p;
  struct span *term = mem_resize(NULL, 3 * p->words, sizeof *term);
  uint64_t *docs = mem_resize(NULL, 3 * p->words, sizeof *docs);
  int rc = term == NULL || docs == NULL ? no_memory(e) : 0;
  for (size_t i = 0; rc == 0 && i < p->words; i++) {
    const struct plan_word *w = &p->word[i];
    term[3 * i] = word_stem(&w->word);
    term[3 * i + 1] =
        w->word.other_n > 0 ? word_other(&w->word) : word_stem(&w->word);
    term[3 * i + 2] = term_span(&w->surface);
  }
  if (rc == 0) {
    rc = g->index->ops->holding(g->index, term, 3 * p->words, docs,
                                &p->documents, e);
  }
  for (size_t i = 0; rc == 0 && i < p->words; i++) {
    struct plan_word *w = &p->word[i];
    struct term stem, other;
    term_of(&stem, TERM_STEM, word_stem(&w->word));
    if (docs[3 * i] > 0) {
      (void)join(w, &stem, 1, true);
    }
    if (w->word.other_n > 0 && docs[3 * i + 1] > 0) {
      term_of(&other, TERM_STEM, word_other(&w->word));
      (void)join(w, &other, 1, true);
    }
    w->own = docs[3 * i] > docs[3 * i + 1] ? docs[3 * i] : docs[3 * i + 1];
    w->surface_df = docs[3 * i + 2];
    w->repaired = w->repaired && w->own == 0 && w->surface_df == 0;
  }
  mem_free(term);
  mem_free(docs);
  return rc;
}

/* ---- neighbours ---- */

static struct span letters_of(const struct store_alike *a)
{
  bool marked = a->term[0] == TERM_SURFACE;
  return span_of(a->term + marked, (size_t)a->n - marked);
}

static void term_copy(struct term *out, const struct store_alike *a)
{
  out->n = a->n < TERM_BYTES_MAX ? a->n : TERM_BYTES_MAX;
  memcpy(out->b, a->term, out->n);
}

static bool long_enough(struct span word)
{
  struct near_word letters;
  near_word_of(&letters, word);
  return letters.n >= RECIPE_LETTERS_MIN;
}

/* Look for what is like ${asked}[0..n): into g->alike. */
static int look(struct planning *g, const struct store_like *asked, size_t n,
                size_t max, struct err *e)
{
  mem_free(g->alike);
  mem_free(g->counts);
  g->alike = mem_resize(NULL, n * max, sizeof *g->alike);
  g->counts = mem_resize(NULL, n, sizeof *g->counts);
  g->max = max;
  if (g->alike == NULL || g->counts == NULL) {
    return no_memory(e);
  }
  return g->index->ops->alike(g->index, asked, n, g->alike, max, g->counts, e);
}

/* One candidate of an expansion: by which term it enters. */
struct candidate {
  struct plan_word *word;
  const struct store_alike *alike;
  struct term term;
  bool looked; /* is the term there? it is to be asked */
};

/* Which of these stems are in the index? The others enter as they are. */
static int settle(struct planning *g, struct candidate *c, size_t n,
                  struct err *e)
{
  struct span *term = mem_resize(NULL, n, sizeof *term);
  uint64_t *docs = mem_resize(NULL, n, sizeof *docs), all;
  size_t asked = 0;
  int rc = term == NULL || docs == NULL ? no_memory(e) : 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    if (c[i].looked) {
      term[asked++] = term_span(&c[i].term);
    }
  }
  if (rc == 0 && asked > 0) {
    rc = g->index->ops->holding(g->index, term, asked, docs, &all, e);
  }
  asked = 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    if (c[i].looked && docs[asked++] == 0) {
      term_copy(&c[i].term, c[i].alike);
    }
  }
  mem_free(term);
  mem_free(docs);
  return rc;
}

static void candidate_of(struct planning *g, struct plan_word *w,
                         const struct store_alike *a, struct candidate *out)
{
  struct word as;
  out->word = w;
  out->alike = a;
  out->looked = false;
  term_copy(&out->term, a);
  if (a->term[0] == TERM_SURFACE &&
      word_like(g->an, letters_of(a), &w->word, &as)) {
    term_of(&out->term, TERM_STEM, word_stem(&as));
    out->looked = true;
  }
}

/* The next neighbours of the ${at}-th stem that was asked for, from ${done}
 * on. */
static size_t next_wave(struct planning *g, struct plan_word *w, size_t at,
                        size_t done, struct candidate *out)
{
  const struct store_alike *a = g->alike + at * g->max;
  size_t left = g->counts[at] - done, n = left < WAVE ? left : WAVE;
  for (size_t i = 0; i < n; i++) {
    candidate_of(g, w, &a[done + i], &out[i]);
  }
  return n;
}

/* The neighbours of one stem, until enough new ones were found; ${wave}: the
 * first ${n}, settled. */
static int expand_one(struct planning *g, struct plan_word *w, size_t at,
                      struct candidate *wave, size_t n, struct err *e)
{
  size_t done = 0, found = 0;
  int rc = 0;
  while (rc == 0 && n > 0) {
    for (size_t i = 0; i < n && found < RECIPE_EXPAND_MAX; i++) {
      found +=
          join(w, &wave[i].term, recipe_expand(wave[i].alike->like), false);
    }
    done += n;
    n = found < RECIPE_EXPAND_MAX ? next_wave(g, w, at, done, wave) : 0;
    rc = settle(g, wave, n, e);
  }
  return rc;
}

/* The first waves of all stems are settled together. */
static int expand_all(struct planning *g, const size_t *of, size_t n,
                      struct err *e)
{
  struct plan_word *word = g->p->word;
  struct candidate *c = mem_resize(NULL, n * WAVE, sizeof *c);
  size_t end[QUERY_WORDS_MAX + 1] = {0};
  for (size_t i = 0; c != NULL && i < n; i++) {
    end[i + 1] = end[i] + next_wave(g, &word[of[i]], i, 0, c + end[i]);
  }
  int rc = c == NULL ? no_memory(e) : settle(g, c, end[n], e);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    struct candidate wave[WAVE];
    size_t k = end[i + 1] - end[i];
    memcpy(wave, c + end[i], k * sizeof *wave);
    rc = expand_one(g, &word[of[i]], i, wave, k, e);
  }
  mem_free(c);
  return rc;
}

static int expand(struct planning *g, struct err *e)
{
  struct store_like asked[QUERY_WORDS_MAX];
  size_t of[QUERY_WORDS_MAX], n = 0;
  for (size_t i = 0; i < g->p->words; i++) {
    struct plan_word *w = &g->p->word[i];
    const struct span stem[2] = {word_stem(&w->word), word_other(&w->word)};
    bool wanted = w->how != STORE_NOT && w->weight >= 1;
    for (size_t k = 0; wanted && k < 2; k++) {
      if (stem[k].n > 0 && n < QUERY_WORDS_MAX && long_enough(stem[k])) {
        asked[n] = (struct store_like){stem[k], RECIPE_EXPAND_DICE};
        of[n++] = i;
      }
    }
  }
  int rc = n == 0 ? 0 : look(g, asked, n, RECIPE_EXPAND_LOOK, e);
  return rc < 0 || n == 0 ? rc : expand_all(g, of, n, e);
}

/* ---- repairs ---- */

struct repair {
  const struct store_alike *alike;
  unsigned distance;
};

static int order_repairs(const void *a, const void *b)
{
  const struct repair *x = a, *y = b;
  if (x->distance != y->distance) {
    return x->distance < y->distance ? -1 : 1;
  }
  if (x->alike->df != y->alike->df) {
    return x->alike->df > y->alike->df ? -1 : 1;
  }
  return span_compare(span_of(x->alike->term, x->alike->n),
                      span_of(y->alike->term, y->alike->n));
}

static void repair_by(struct planning *g, struct plan_word *w,
                      const struct repair *r)
{
  double weight = recipe_repair((double)r->distance / NEAR_EDIT);
  struct term term;
  struct word as;
  term_copy(&term, r->alike);
  (void)join(w, &term, weight, false);
  if (word_like(g->an, letters_of(r->alike), &w->word, &as)) {
    term_of(&term, TERM_STEM, word_stem(&as));
    (void)join(w, &term, weight, false);
    if (as.other_n > 0) {
      term_of(&term, TERM_STEM, word_other(&as));
      (void)join(w, &term, weight, false);
    }
  }
}

static void repair_one(struct planning *g, struct plan_word *w, size_t at)
{
  struct repair near[RECIPE_REPAIR_LOOK];
  struct near_word own, other;
  size_t n = 0;
  near_word_of(&own, word_token(&w->word));
  unsigned limit = near_limit(&own);
  for (size_t i = 0; i < g->counts[at]; i++) {
    const struct store_alike *a = &g->alike[at * g->max + i];
    near_word_of(&other, letters_of(a));
    near[n] = (struct repair){a, near_distance(&own, &other, limit)};
    n += near[n].distance <= limit;
  }
  qsort(near, n, sizeof near[0], order_repairs);
  for (size_t i = 0; i < n && i < RECIPE_REPAIR_MAX; i++) {
    repair_by(g, w, &near[i]);
  }
  if (n > 0) {
    struct span best = letters_of(near[0].alike);
    w->like.n = best.n;
    memcpy(w->like.b, best.p, best.n);
  }
}

static int repair(struct planning *g, struct err *e)
{
  struct store_like asked[QUERY_WORDS_MAX];
  size_t of[QUERY_WORDS_MAX], n = 0;
  for (size_t i = 0; i < g->p->words; i++) {
    struct plan_word *w = &g->p->word[i];
    struct span token = word_token(&w->word);
    if (w->repaired && w->how != STORE_NOT && long_enough(token)) {
      asked[n] = (struct store_like){token, RECIPE_REPAIR_DICE};
      of[n++] = i;
    }
  }
  int rc = n == 0 ? 0 : look(g, asked, n, RECIPE_REPAIR_LOOK, e);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    repair_one(g, &g->p->word[of[i]], i);
  }
  return rc;
}

/* ---- what the words weigh beside one another ---- */

/* Of a word without terms of its own: by its most frequent member. */
static int count_members(struct planning *g, struct plan_word *w,
                         uint64_t *most, struct err *e)
{
  struct span term[PLAN_MEMBERS_MAX];
  uint64_t docs[PLAN_MEMBERS_MAX], all;
  for (size_t i = 0; i < w->members; i++) {
    term[i] = term_span(&w->member[i].term);
  }
  int rc = g->index->ops->holding(g->index, term, w->members, docs, &all, e);
  *most = 0;
  for (size_t i = 0; rc == 0 && i < w->members; i++) {
    *most = docs[i] > *most ? docs[i] : *most;
  }
  return rc;
}

static int weigh(struct planning *g, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < g->p->words; i++) {
    struct plan_word *w = &g->p->word[i];
    uint64_t df = w->own;
    if (df == 0 && w->members > 0) {
      rc = count_members(g, w, &df, e);
    }
    w->idf = df == 0 ? 0 : recipe_idf((double)df, (double)g->p->documents);
  }
  return rc;
}

/* ---- groups ---- */

/* ${mark}: of texts that hold such a term. */
static void put_group(struct plan *p, size_t word, size_t from, double weight,
                      uint64_t mark)
{
  const struct plan_word *w = &p->word[word];
  if (p->matches > from) {
    p->of[p->groups] = (uint8_t)word;
    p->group[p->groups++] = (struct store_group){
        p->match + from, p->matches - from, w->weight * weight, w->how, mark};
  }
}

/* The same stems, of titles or tags. */
static void put_field(struct plan *p, size_t word, struct term *store,
                      enum term_kind kind, double weight)
{
  const struct plan_word *w = &p->word[word];
  const struct span stem[2] = {word_stem(&w->word), word_other(&w->word)};
  size_t from = p->matches;
  for (size_t i = 0; i < 2; i++) {
    if (stem[i].n > 0) {
      term_of(&store[i], kind, stem[i]);
      p->match[p->matches++] =
          (struct store_match){term_span(&store[i]), 1, true};
    }
  }
  put_group(p, word, from, weight, 0);
}

#define WAYS 4u /* members, surface, title, tag */

static int put_groups(struct plan *p, struct err *e)
{
  size_t most = p->words * (PLAN_MEMBERS_MAX + WAYS + 2);
  p->match = mem_resize(NULL, most, sizeof *p->match);
  p->group = mem_resize(NULL, p->words * WAYS, sizeof *p->group);
  p->of = mem_resize(NULL, p->words * WAYS, sizeof *p->of);
  p->field = mem_resize(NULL, p->words * 4, sizeof *p->field);
  if (p->match == NULL || p->group == NULL || p->of == NULL ||
      p->field == NULL) {
    return no_memory(e);
  }
  for (size_t i = 0; i < p->words; i++) {
    struct plan_word *w = &p->word[i];
    size_t from = p->matches;
    for (size_t k = 0; k < w->members; k++) {
      p->match[p->matches++] = (struct store_match){
          term_span(&w->member[k].term), w->member[k].weight, w->member[k].own};
    }
    put_group(p, i, from, 1, UINT64_C(1) << i);
    if (w->surface_df > 0) {
      from = p->matches;
      p->match[p->matches++] =
          (struct store_match){term_span(&w->surface), 1, true};
      put_group(p, i, from, RECIPE_SURFACE, 0);
    }
    if (w->how != STORE_NOT && w->own > 0) {
      put_field(p, i, p->field + 4 * i, TERM_TITLE_STEM, PLAN_TITLE);
      put_field(p, i, p->field + 4 * i + 2, TERM_TAG_STEM, PLAN_TAG);
    }
  }
  return 0;
}

int plan_words(struct plan *p, struct store *index, struct analyser *an,
               const struct plan_ask *ask, size_t n, struct err *e)
{
  struct planning g = {.p = p, .index = index, .an = an};
  memset(p, 0, sizeof *p);
  int rc = list_words(p, ask, n, e);
  if (rc == 0 && (rc = count_own(&g, e)) == 0 && (rc = repair(&g, e)) == 0 &&
      (rc = expand(&g, e)) == 0 && (rc = weigh(&g, e)) == 0) {
    rc = put_groups(p, e);
  }
  mem_free(g.alike);
  mem_free(g.counts);
  return rc;
}

void plan_words_free(struct plan *p)
{
  mem_free(p->word);
  mem_free(p->match);
  mem_free(p->group);
  mem_free(p->of);
  mem_free(p->field);
  memset(p, 0, sizeof *p);
}
