/* SPDX-License-Identifier: 0BSD */
/* Words to groups of terms, candidates from the store, ranked. */
#include "base/mem.h"
#include "station/change.h"
#include "station/document.h"
#include "station/listing.h"
#include "station/snippet.h"
#include "station/station.h"
#include "text/words.h"

#include <string.h>

#define SURFACE_WEIGHT 0.3
#define STOP_WEIGHT 0.3
#define TITLE_WEIGHT 0.5
#define TAG_WEIGHT 0.3
#define HITS_PAGE 64
#define WAYS 4 /* that a word is looked for: stem, surface, title, tag */

struct search {
  struct station *st;
  const struct search_query *q;
  struct word word[QUERY_WORDS_MAX];
  struct span token[QUERY_WORDS_MAX];
  size_t words;
  struct term term[QUERY_WORDS_MAX * WAYS * 2];
  struct store_match match[QUERY_WORDS_MAX * WAYS * 2];
  struct store_group group[QUERY_WORDS_MAX * WAYS];
  size_t terms, groups;
  struct buf facet[2];
  struct span facets[2];
  struct store_filter filter[2];
  size_t filters;
  size_t passed, given;
  struct buf text;
};

static void put_match(struct search *s, enum term_kind kind, struct span bytes)
{
  struct term *t = &s->term[s->terms];
  term_of(t, kind, bytes);
  s->match[s->terms++] = (struct store_match){term_span(t), 1, true};
}

/* A group of the terms noted from ${from} on. */
static void put_group(struct search *s, size_t from, double weight)
{
  s->group[s->groups++] =
      (struct store_group){&s->match[from], s->terms - from, weight, STORE_ANY};
}

/* The ways to find a word: its stem (or two, when its language is unclear),
 * itself where that differs, and both again for titles and tags. */
static void put_word(struct search *s, const struct word *w)
{
  double weight = word_is_stop(w) ? STOP_WEIGHT : 1;
  static const struct {
    enum term_kind kind;
    double weight;
  } way[] = {{TERM_STEM, 1},
             {TERM_TITLE_STEM, TITLE_WEIGHT},
             {TERM_TAG_STEM, TAG_WEIGHT}};
  for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
    size_t from = s->terms;
    put_match(s, way[i].kind, word_stem(w));
    if (w->other_n > 0) {
      put_match(s, way[i].kind, word_other(w));
    }
    put_group(s, from, weight * way[i].weight);
  }
  if (!span_equal(word_token(w), word_stem(w))) {
    size_t from = s->terms;
    put_match(s, TERM_SURFACE, word_token(w));
    put_group(s, from, weight * SURFACE_WEIGHT);
  }
}

/* The query's different words. Any text is a query. */
static void read_words(struct search *s)
{
  struct words it = {.text = s->q->text, .an = s->st->analyser, .query = true};
  while (s->words < QUERY_WORDS_MAX && words_next(&it, &s->word[s->words])) {
    struct word *w = &s->word[s->words];
    struct span token = word_token(w);
    bool twice = false;
    for (size_t i = 0; i < s->words; i++) {
      twice = twice || span_equal(s->token[i], token);
    }
    if (!twice) {
      s->token[s->words++] = token;
      put_word(s, w);
    }
  }
}

static int put_filter(struct search *s, enum facet_kind kind, struct span value)
{
  struct buf *f = &s->facet[s->filters];
  if (value.n == 0) {
    return 0;
  }
  int rc = facet_put(f, kind, value);
  if (rc == 0) {
    s->facets[s->filters] = span_of(f->p + 1, f->n - 1);
    s->filter[s->filters] =
        (struct store_filter){&s->facets[s->filters], 1, false};
    s->filters++;
  }
  return rc;
}

static int read_facets(struct search *s)
{
  int rc = put_filter(s, FACET_COLLECTION, s->q->collection);
  return rc < 0 ? rc : put_filter(s, FACET_TYPE, s->q->type);
}

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

static bool holds_word(const struct search *s, struct span text)
{
  struct words it = {.text = text};
  struct word w;
  while (words_next(&it, &w)) {
    for (size_t i = 0; i < s->words; i++) {
      if (span_equal(s->token[i], span_of(w.token, w.token_n))) {
        return true;
      }
    }
  }
  return false;
}

/* The text to cut the snippet from: in the wanted language when that holds a
 * found word, else the first that does, else the wanted one. */
static struct span snippet_text(const struct search *s, struct span value,
                                struct span want)
{
  struct record_texts it = {0};
  struct span text, in, lang;
  struct span best = pick_text(value, want, &lang);
  if (holds_word(s, best)) {
    return best;
  }
  while (record_text_next(&it, value, &in, &text)) {
    if (holds_word(s, text)) {
      return text;
    }
  }
  return best;
}

static int give(struct search *s, const struct entry *en, double score,
                hit_sink *sink, void *ud, struct err *e)
{
  const struct search_query *q = s->q;
  struct search_hit hit = {.entry = en, .score = score};
  struct snippet_term term[QUERY_WORDS_MAX];
  struct snippet_query cut = {.term = term,
                              .terms = s->words,
                              .mark_open = q->mark_open,
                              .mark_close = q->mark_close};
  for (size_t i = 0; i < s->words; i++) {
    term[i] = (struct snippet_term){s->token[i], (uint8_t)i};
  }
  hit.lang = en->record.lang;
  hit.title = pick_text(en->record.title, q->lang, &hit.lang);
  if (hit.lang.n == 0) {
    hit.lang = en->record.lang;
  }
  struct span text = snippet_text(s, en->record.text, q->lang);
  buf_clear(&s->text);
  if (text.n > 0 && snippet(&s->text, text, &cut) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  hit.snippet = buf_span(&s->text);
  return sink(ud, &hit);
}

/* 1: the sink has enough. */
static int take(struct search *s, const struct store_hit *hit, hit_sink *sink,
                void *ud, struct err *e)
{
  struct entry en = {0};
  int rc = view_entry(s->st, hit->ref, s->q->collection, &en, e);
  if (rc > 0) {
    if (s->passed < s->q->offset) {
      s->passed++;
      rc = 0;
    } else {
      s->given++;
      rc = give(s, &en, hit->score, sink, ud, e);
    }
  }
  entry_free(&en);
  return rc;
}

static int run(struct search *s, hit_sink *sink, void *ud, struct err *e)
{
  struct store_hit hits[HITS_PAGE];
  struct store_query q = {.group = s->group,
                          .groups = s->groups,
                          .filter = s->filter,
                          .filters = s->filters};
  int n;
  do {
    n = s->st->store->ops->query(s->st->store, &q, hits, HITS_PAGE, e);
    for (int i = 0; i < n && s->given < s->q->limit; i++) {
      int rc = take(s, &hits[i], sink, ud, e);
      if (rc != 0) {
        return rc < 0 ? rc : 0;
      }
    }
    if (n > 0) {
      q.after = true;
      q.last = hits[n - 1];
    }
  } while (n == HITS_PAGE && s->given < s->q->limit);
  return n < 0 ? n : 0;
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
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  s->st = st;
  s->q = q;
  read_words(s);
  if ((rc = read_facets(s)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  } else if (s->words > 0) {
    rc = run(s, sink, ud, e);
  }
  buf_free(&s->text);
  buf_free(&s->facet[0]);
  buf_free(&s->facet[1]);
  mem_free(s);
  return rc < 0 ? rc : indexing_slice(st, e);
}
