/* SPDX-License-Identifier: 0BSD */
/* Candidates from the store, read again and ranked.
 *
 * The best RECIPE_HEAD of the store are the head: their texts are read for
 * words beside one another, and what is newer, held by more, or labelled by
 * somebody trusted moves. What comes after them keeps the store's order. */
#include "base/mem.h"
#include "station/asking.h"
#include "station/beside.h"
#include "station/listing.h"
#include "station/shown.h"
#include "station/snippet.h"
#include "station/standing.h"
#include "station/texts.h"
#include "text/recipe.h"

#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX 64 /* of a record that are looked at */
/* Of what was read out of files, so much is read for words beside one another:
 * sixty books a query would take a second. */
#define MORE_BESIDE (16u * 1024)

/* A hit of the head, read. */
struct headed {
  struct entry entry;
  struct file_text more; /* what was read out of its files */
  struct store_hit hit;
  double beside, score;
  struct standing standing;
};

struct search {
  struct station *st;
  const struct search_query *q;
  struct asking asking;
  struct plan plan;
  struct beside *beside;
  struct store_query ask;
  struct headed *head;
  size_t heads;
  struct snippet_term *term;
  size_t terms;
  uint32_t worth[QUERY_WORDS_MAX];
  struct buf text;
  struct search_why why;
  /* the part of the list that is wanted */
  struct shown shown;
  bool after; /* a cursor was given */
  size_t passed, given;
  bool stopped;
};

static int no_memory(struct err *e)
{
  return err_set(e, ERR_NOMEM, "not enough memory");
}

/* ---- cursors ---- */

static int read_cursor(struct search *s, struct err *e)
{
  s->after = s->q->cursor.n > 0;
  if (s->after && !shown_read(&s->shown, s->q->cursor)) {
    return err_set(e, ERR_INVALID, "this is no cursor of a search");
  }
  return 0;
}

static int write_cursor(struct search *s, struct err *e)
{
  if (s->q->report == NULL || !s->stopped) {
    return 0; /* or that was all */
  }
  return shown_put(&s->q->report->cursor, &s->shown) < 0 ? no_memory(e) : 0;
}

/* The score that ${hit} has now: what changed in the index since it was shown
 * has moved all scores, and its own with them. 1, or 0 when it is gone. */
static int score_now(struct search *s, struct store_hit *hit, struct err *e)
{
  struct store *store = s->st->store;
  double *part = mem_resize(NULL, s->ask.groups + 1, sizeof *part);
  double score = 0;
  if (part == NULL) {
    return no_memory(e);
  }
  int rc = store->ops->explain(store, &s->ask, hit->ref, part, e);
  for (size_t i = 0; rc == 0 && i < s->ask.groups; i++) {
    score += s->ask.group[i].how == STORE_NOT ? 0 : part[i];
  }
  mem_free(part);
  if (rc < 0) {
    return rc == ERR_NOENT ? 0 : rc;
  }
  hit->score = score;
  return score > 0 || s->ask.groups == 0;
}

/* Where the tail goes on. */
static int find_last(struct search *s, struct store_hit *out, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < s->shown.lasts; i++) {
    *out = s->shown.last[i];
    rc = score_now(s, out, e);
  }
  if (rc == 0) {
    *out = s->shown.last[0]; /* where it stood */
  }
  return rc < 0 ? rc : 0;
}

/* ---- texts ---- */

/* The text in the wanted language, else the first. */
static struct span pick_text(struct span value, struct span want,
                             struct span *lang)
{
  struct record_texts it = {0};
  struct span text, in, best = {0};
  bool any = false;
  while (record_text_next(&it, value, &in, &text)) {
    if (!any || (want.n > 0 && span_equal(in, want))) {
      best = text;
      *lang = in;
      any = true;
    }
  }
  return best;
}

static size_t texts_of(const struct headed *h, struct span out[TEXTS_MAX])
{
  const struct record *rec = &h->entry.record;
  const struct span value[2] = {rec->title, rec->text};
  struct span text, lang;
  size_t n = 0;
  if (h->more.text.n > 0) {
    out[n++] = buf_span(&h->more.text);
  }
  for (size_t i = 0; i < 2; i++) {
    struct record_texts it = {0};
    while (n < TEXTS_MAX && record_text_next(&it, value[i], &lang, &text)) {
      out[n++] = text;
    }
  }
  return n;
}

/* The text to cut the snippet from: in the wanted language when that holds a
 * found word, else the first that does, else the wanted one. */
static struct span snippet_text(const struct search *s, const struct headed *h,
                                struct span want)
{
  struct record_texts it = {0};
  struct span value = h->entry.record.text, more = buf_span(&h->more.text);
  struct span text, in, lang;
  struct span best = pick_text(value, want, &lang);
  if (s->beside == NULL) {
    return best.n > 0 ? best : more;
  }
  if (beside_holds(s->beside, s->st->analyser, best)) {
    return best;
  }
  while (record_text_next(&it, value, &in, &text)) {
    if (beside_holds(s->beside, s->st->analyser, text)) {
      return text;
    }
  }
  bool found = beside_holds(s->beside, s->st->analyser, more);
  return found || best.n == 0 ? more : best;
}

/* ---- giving ---- */

static int explain(struct search *s, const struct headed *h, struct err *e)
{
  struct store *store = s->st->store;
  double *part = mem_resize(NULL, s->plan.groups, sizeof *part);
  struct search_why *w = &s->why;
  memset(w, 0, sizeof *w);
  w->beside = h->beside;
  w->newer = h->standing.newer;
  w->held = h->standing.held;
  w->labels = h->standing.labels;
  w->words = s->plan.words;
  if (part == NULL) {
    return no_memory(e);
  }
  int rc = s->ask.groups == 0
               ? 0
               : store->ops->explain(store, &s->ask, h->hit.ref, part, e);
  for (size_t i = 0; rc == 0 && i < s->plan.words; i++) {
    w->word[i] = word_token(&s->plan.word[i].word);
  }
  for (size_t i = 0; rc == 0 && i < s->ask.groups; i++) {
    w->part[s->plan.of[i]] += part[i];
  }
  mem_free(part);
  return rc;
}

static int give(struct search *s, const struct headed *h, hit_sink *sink,
                void *ud, struct err *e)
{
  const struct search_query *q = s->q;
  const struct entry *en = &h->entry;
  struct search_hit hit = {.entry = en, .score = h->score};
  struct snippet_query cut = {.term = s->term,
                              .terms = s->terms,
                              .worth = s->worth,
                              .an = s->st->analyser,
                              .mark_open = q->mark_open,
                              .mark_close = q->mark_close};
  hit.lang = en->record.lang;
  hit.title = pick_text(en->record.title, q->lang, &hit.lang);
  if (hit.lang.n == 0) {
    hit.lang = en->record.lang;
  }
  struct span text = snippet_text(s, h, q->lang);
  buf_clear(&s->text);
  if (text.n > 0 && snippet(&s->text, text, &cut) < 0) {
    return no_memory(e);
  }
  hit.snippet = buf_span(&s->text);
  if (q->explain) {
    int rc = explain(s, h, e);
    if (rc < 0) {
      return rc;
    }
    hit.why = &s->why;
  }
  return sink(ud, &hit);
}

/* The next of the list: passed over, given, or the end. */
static int take(struct search *s, const struct headed *h, bool tail,
                hit_sink *sink, void *ud, struct err *e)
{
  bool over = s->passed < s->q->offset;
  if (!over && s->given == s->q->limit) {
    s->stopped = true; /* and there is more */
    return 0;
  }
  if (tail) {
    shown_tail(&s->shown, &h->hit);
  } else {
    shown_add(&s->shown, h->hit.ref);
  }
  if (over) {
    s->passed++;
    return 0;
  }
  s->given++;
  int rc = give(s, h, sink, ud, e);
  s->stopped = rc > 0;
  return rc < 0 ? rc : 0;
}

/* ---- the head ---- */

static void headed_free(struct headed *h)
{
  entry_free(&h->entry);
  buf_free(&h->more.text);
}

/* Read a candidate: 1, and how many texts it has is in ${n}, or 0 when it is
 * no current one, or lacks a phrase. Those of its files only if ${files}, or a
 * phrase may be in them. */
static int load_hit(struct search *s, const struct store_hit *hit, bool files,
                    struct headed *out, struct span text[TEXTS_MAX], size_t *n,
                    struct err *e)
{
  memset(out, 0, sizeof *out);
  out->hit = *hit;
  int rc = view_entry(s->st, hit->ref, s->q->collection, &out->entry, e);
  if (rc <= 0) {
    return rc;
  }
  if ((files || s->asking.phrases > 0) && out->entry.record.files.n > 0 &&
      (rc = file_text_get(s->st, hit->ref, &out->more, e)) < 0) {
    return rc;
  }
  *n = texts_of(out, text);
  return s->asking.phrases == 0 ||
         asking_phrases_hold(&s->asking, s->st->analyser, text, *n);
}

/* The same, with what it is worth: 0 also when somebody trusted hides it. */
static int read_hit(struct search *s, const struct store_hit *hit,
                    struct headed *out, struct err *e)
{
  struct span text[TEXTS_MAX];
  struct analyser *an = s->st->analyser;
  size_t n = 0;
  int rc = load_hit(s, hit, true, out, text, &n, e);
  if (rc <= 0) {
    return rc;
  }
  if (s->beside != NULL && beside_most(s->beside, hit->marks) > 0) {
    beside_start(s->beside, hit->marks);
    for (size_t i = 0; i < n; i++) {
      bool more = text[i].p == out->more.text.p;
      size_t most = more && text[i].n > MORE_BESIDE ? MORE_BESIDE : text[i].n;
      beside_read(s->beside, an, span_of(text[i].p, most));
    }
    out->beside = beside_given(s->beside);
  }
  rc = standing_of(s->st, &out->entry, s->q, &out->standing, e);
  out->score = (hit->score + out->beside) * out->standing.newer *
               out->standing.held * out->standing.labels;
  return rc < 0 ? rc : !out->standing.hidden;
}

static int order_head(const void *a, const void *b)
{
  const struct headed *x = a, *y = b;
  if (x->score < y->score || x->score > y->score) {
    return x->score > y->score ? -1 : 1;
  }
  return x->hit.ref > y->hit.ref ? -1 : x->hit.ref < y->hit.ref;
}

/* The ${k}-th best score of what was read, 0 while there are fewer. */
static double best_so_far(const struct search *s, size_t k)
{
  double best[RECIPE_HEAD];
  size_t n = 0;
  if (k == 0 || k > s->heads) {
    return 0;
  }
  for (size_t i = 0; i < s->heads; i++) {
    size_t at = n < k ? n++ : k;
    while (at > 0 && best[at - 1] < s->head[i].score) {
      if (at < k) {
        best[at] = best[at - 1];
      }
      at--;
    }
    if (at < k) {
      best[at] = s->head[i].score;
    }
  }
  return best[k - 1];
}

/* Can this candidate, or one after it, still be among the first that are
 * wanted? */
static bool worth_reading(const struct search *s, const struct store_hit *hit)
{
  size_t k =
      s->q->offset < RECIPE_HEAD ? s->q->offset + s->q->limit + 1 : RECIPE_HEAD;
  double most = s->beside != NULL ? beside_most(s->beside, hit->marks) : 0;
  if (s->after || k >= RECIPE_HEAD) {
    return true;
  }
  return (hit->score + most) * STANDING_MOST >= best_so_far(s, k);
}

static int read_head(struct search *s, const struct store_hit *hit, int n,
                     struct err *e)
{
  struct store_hit order[RECIPE_HEAD];
  s->head = mem_resize(NULL, RECIPE_HEAD, sizeof *s->head);
  if (s->head == NULL) {
    return no_memory(e);
  }
  memcpy(order, hit, (size_t)n * sizeof *hit);
  if (s->beside != NULL) {
    beside_order(s->beside, order, (size_t)n);
  }
  for (int i = 0; i < n && worth_reading(s, &order[i]); i++) {
    struct headed *h = &s->head[s->heads];
    if (shown_has(&s->shown, order[i].ref)) {
      continue;
    }
    int rc = read_hit(s, &order[i], h, e);
    if (rc > 0) {
      s->heads++;
    } else {
      headed_free(h);
    }
    if (rc < 0) {
      return rc;
    }
  }
  qsort(s->head, s->heads, sizeof *s->head, order_head);
  return 0;
}

/* ---- the list ---- */

/* What comes after ${from} in the store's order. */
static int run_tail(struct search *s, const struct store_hit *from,
                    hit_sink *sink, void *ud, struct err *e)
{
  struct store_hit hit[RECIPE_HEAD];
  int n = RECIPE_HEAD, rc = 0;
  s->ask.after = true;
  s->ask.last = *from;
  while (rc == 0 && n == RECIPE_HEAD && !s->stopped) {
    n = s->st->store->ops->query(s->st->store, &s->ask, hit, RECIPE_HEAD, e);
    for (int i = 0; rc == 0 && i < n && !s->stopped; i++) {
      struct headed h;
      if (shown_has(&s->shown, hit[i].ref)) {
        continue; /* it was in the head once */
      }
      rc = read_hit(s, &hit[i], &h, e);
      if (rc > 0) {
        rc = take(s, &h, true, sink, ud, e);
      }
      headed_free(&h);
    }
    if (n > 0) {
      s->ask.last = hit[n - 1];
    }
  }
  return n < 0 ? n : rc;
}

static int run_head(struct search *s, hit_sink *sink, void *ud, struct err *e)
{
  struct store_hit hit[RECIPE_HEAD];
  int n = s->st->store->ops->query(s->st->store, &s->ask, hit, RECIPE_HEAD, e);
  int rc = n < 0 ? n : read_head(s, hit, n, e);
  for (size_t i = 0; rc == 0 && i < s->heads && !s->stopped; i++) {
    rc = take(s, &s->head[i], false, sink, ud, e);
  }
  if (rc == 0 && n == RECIPE_HEAD && !s->stopped) {
    rc = run_tail(s, &hit[n - 1], sink, ud, e);
  }
  return rc;
}

static int run(struct search *s, hit_sink *sink, void *ud, struct err *e)
{
  struct store_hit last;
  int rc;
  if (s->shown.lasts > 0) {
    rc = find_last(s, &last, e);
    rc = rc < 0 ? rc : run_tail(s, &last, sink, ud, e);
  } else {
    rc = run_head(s, sink, ud, e);
  }
  return rc < 0 ? rc : write_cursor(s, e);
}

/* ---- before it ---- */

/* The query with the words that the index lacks replaced by the nearest that
 * it has. */
static int put_meant(struct search *s, struct err *e)
{
  const struct asking *a = &s->asking;
  struct span text = s->q->text;
  struct buf *out = &s->q->report->meant;
  size_t at = 0;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < a->words; i++) {
    const struct word *w = &a->word[i].word;
    const struct term *like = NULL;
    for (size_t k = 0; k < s->plan.words; k++) {
      const struct plan_word *p = &s->plan.word[k];
      if (p->like.n > 0 && span_equal(word_token(&p->word), word_token(w))) {
        like = &p->like;
      }
    }
    if (like != NULL && a->at[i] >= at) {
      rc = buf_put(out, text.p + at, a->at[i] - at);
      rc = rc < 0 ? rc : buf_put(out, like->b, like->n);
      at = a->at[i] + (w->end - w->start);
    }
  }
  if (rc == 0 && at > 0) {
    rc = buf_put(out, text.p + at, text.n - at);
  }
  return rc < 0 ? no_memory(e) : 0;
}

/* What counts as found, and what it is worth, for snippets. */
static int list_terms(struct search *s, struct err *e)
{
  const struct plan *p = &s->plan;
  size_t most = 0;
  for (size_t i = 0; i < p->words; i++) {
    most += p->word[i].members + 2;
  }
  s->term = mem_resize(NULL, most, sizeof *s->term);
  if (s->term == NULL) {
    return no_memory(e);
  }
  for (size_t i = 0; i < p->words; i++) {
    const struct plan_word *w = &p->word[i];
    if (w->how == STORE_NOT) {
      continue;
    }
    s->term[s->terms++] =
        (struct snippet_term){term_span(&w->surface), (uint8_t)i, false};
    for (size_t k = 0; k < w->members; k++) {
      s->term[s->terms++] = (struct snippet_term){
          term_span(&w->member[k].term), (uint8_t)i, !w->member[k].own};
    }
    s->worth[i] = 1 + (uint32_t)(w->idf * w->weight * 100);
  }
  return 0;
}

static int make_plan(struct search *s, struct err *e)
{
  struct plan_ask *ask = mem_resize(NULL, s->asking.words, sizeof *ask);
  size_t n = 0;
  int rc = ask == NULL ? no_memory(e) : 0;
  for (size_t i = 0; rc == 0 && i < s->asking.words; i++) {
    if (s->asking.word[i].how != ASK_NOWHERE) {
      ask[n++] = s->asking.word[i];
    }
  }
  if (rc == 0) {
    rc = plan_words(&s->plan, s->st->store, s->st->analyser, ask, n, e);
  }
  mem_free(ask);
  return rc;
}

/* Everything up to the store's query: 1, or 0 when nothing can be found. */
static int prepare(struct search *s, struct err *e)
{
  int rc = asking_read(&s->asking, s->q, s->st->analyser);
  if (rc < 0) {
    return no_memory(e);
  }
  const struct asking *a = &s->asking;
  if ((rc = read_cursor(s, e)) < 0 || (rc = make_plan(s, e)) < 0 ||
      (rc = list_terms(s, e)) < 0) {
    return rc;
  }
  if (s->q->report != NULL && (rc = put_meant(s, e)) < 0) {
    return rc;
  }
  if (s->plan.orders > 0 && beside_open(&s->beside, &s->plan) < 0) {
    return no_memory(e);
  }
  bool wanted = false;
  for (size_t i = 0; i < s->plan.groups; i++) {
    wanted = wanted || s->plan.group[i].how != STORE_NOT;
  }
  s->ask = (struct store_query){.group = s->plan.group,
                                .groups = s->plan.groups,
                                .filter = a->filter,
                                .filters = a->filters,
                                .timed = a->timed,
                                .from = a->from,
                                .to = a->to};
  return a->wanted > 0 ? wanted : a->filters > 0 || a->timed;
}

static void search_free(struct search *s)
{
  for (size_t i = 0; i < s->heads; i++) {
    headed_free(&s->head[i]);
  }
  mem_free(s->head);
  mem_free(s->term);
  beside_close(s->beside);
  plan_words_free(&s->plan);
  asking_free(&s->asking);
  buf_free(&s->text);
  mem_free(s);
}

void search_report_free(struct search_report *r)
{
  buf_free(&r->meant);
  buf_free(&r->cursor);
}

int station_search(struct station *st, const struct search_query *q,
                   hit_sink *sink, void *ud, struct err *e)
{
  int rc;
  if ((rc = station_alive(st, e)) < 0 || (rc = station_refresh(st, e)) < 0) {
    return rc;
  }
  struct search *s = mem_zero(sizeof *s);
  if (s == NULL) {
    return no_memory(e);
  }
  s->st = st;
  s->q = q;
  rc = prepare(s, e);
  if (rc > 0) {
    rc = run(s, sink, ud, e);
  }
  search_free(s);
  return rc < 0 ? rc : indexing_slice(st, e);
}

/* When each year begins, from 1970 on. */
static void year_bounds(int64_t bound[SEARCH_YEARS + 1])
{
  int64_t days = 0;
  for (int i = 0; i <= SEARCH_YEARS; i++) {
    int y = 1970 + i;
    bound[i] = days * 86400;
    days += (y % 4 == 0 && y % 100 != 0) || y % 400 == 0 ? 366 : 365;
  }
}

/* One record of which the index says that it matches: counted when it would be
 * shown. */
static int count_hit(struct search *s, const struct store_hit *hit,
                     struct store_tally *t, struct err *e)
{
  struct span text[TEXTS_MAX];
  struct facets facets = {0};
  struct buf set = {0};
  struct headed h;
  uint8_t head[12] = {1};
  size_t n = 0;
  int rc = load_hit(s, hit, false, &h, text, &n, e);
  if (rc > 0 && (rc = listing_facets(s->st, hit->ref, &facets, e)) == 0) {
    t->total++;
    for (size_t i = 0; i < t->bounds; i++) {
      t->between[i] +=
          facets.time >= t->bound[i] && facets.time < t->bound[i + 1];
    }
    rc = document_facets(&set, &h.entry.record, facets_span(&facets));
    for (int i = 0; i < 4; i++) {
      head[8 + i] = (uint8_t)(set.n >> 8 * i);
    }
    if (rc < 0 || buf_put(&t->sets, head, sizeof head) < 0 ||
        buf_put(&t->sets, set.p, set.n) < 0) {
      rc = no_memory(e);
    }
  }
  headed_free(&h);
  facets_free(&facets);
  buf_free(&set);
  return rc < 0 ? rc : 0;
}

/* Count again, record by record: of ${t->total} that the index has. */
static int count_shown(struct search *s, struct store_tally *t, struct err *e)
{
  struct store_hit hit[SEARCH_TALLY_MAX];
  int rc = 0;
  int n =
      s->st->store->ops->query(s->st->store, &s->ask, hit, SEARCH_TALLY_MAX, e);
  t->total = 0;
  buf_clear(&t->sets);
  memset(t->between, 0, t->bounds * sizeof *t->between);
  for (int i = 0; rc == 0 && i < n; i++) {
    rc = count_hit(s, &hit[i], t, e);
  }
  return n < 0 ? n : rc;
}

int station_tally(struct station *st, const struct search_query *q,
                  struct search_tally *out, struct err *e)
{
  int64_t bound[SEARCH_YEARS + 1];
  int rc;
  if ((rc = station_alive(st, e)) < 0 || (rc = station_refresh(st, e)) < 0) {
    return rc;
  }
  struct search *s = mem_zero(sizeof *s);
  if (s == NULL) {
    return no_memory(e);
  }
  s->st = st;
  s->q = q;
  if ((rc = prepare(s, e)) > 0) {
    struct store_tally t = {
        .bound = bound, .between = out->year, .bounds = SEARCH_YEARS};
    year_bounds(bound);
    rc = st->store->ops->tally(st->store, &s->ask, &t, e);
    if (rc == 0 && t.total <= SEARCH_TALLY_MAX) {
      rc = count_shown(s, &t, e);
    }
    out->total = t.total;
    out->sets = t.sets;
  }
  search_free(s);
  return rc;
}
