/* SPDX-License-Identifier: 0BSD */
/* The first recipe: words folded, any of them may match, BM25 by the engine
 * with titles weighing more. The search recipe grows here and in text/. */
#include "base/mem.h"
#include "station/change.h"
#include "station/listing.h"
#include "station/snippet.h"
#include "station/station.h"
#include "text/words.h"

#include <string.h>

#define TITLE_WEIGHT 4.0
#define TEXT_WEIGHT 1.0
#define HITS_PAGE 64

struct search {
  struct station *st;
  const struct search_query *q;
  struct word word[QUERY_WORDS_MAX];
  struct span token[QUERY_WORDS_MAX];
  struct store_word group[QUERY_WORDS_MAX];
  size_t words;
  char facet[2][FACET_SIZE];
  struct span facets[2];
  size_t facet_n;
  size_t passed, given;
  struct buf text;
};

/* The query's different words. Any text is a query. */
static void read_words(struct search *s)
{
  struct words it = {.text = s->q->text};
  while (s->words < QUERY_WORDS_MAX && words_next(&it, &s->word[s->words])) {
    struct word *w = &s->word[s->words];
    struct span token = span_of(w->token, w->token_n);
    bool twice = false;
    for (size_t i = 0; i < s->words; i++) {
      twice = twice || span_equal(s->token[i], token);
    }
    if (!twice) {
      s->token[s->words] = token;
      s->group[s->words].token = &s->token[s->words];
      s->group[s->words].count = 1;
      s->words++;
    }
  }
}

static int read_facets(struct search *s)
{
  uint8_t key[COLL_KEY_SIZE];
  int rc = 0;
  if (s->q->collection.n > 0) {
    if ((rc = coll_key(key, s->q->collection)) < 0) {
      return rc;
    }
    facet_collection(s->facet[s->facet_n++], key);
  }
  if (s->q->type.n > 0) {
    rc = facet_type(s->facet[s->facet_n++], s->q->type);
  }
  for (size_t i = 0; i < s->facet_n; i++) {
    s->facets[i] = span_of(s->facet[i], FACET_SIZE);
  }
  return rc;
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
  if (rc > 0 && s->q->type.n > 0 && !span_equal(en.record.type, s->q->type)) {
    rc = 0; /* facet tokens are hashes */
  }
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
  struct store_query q = {.word = s->group,
                          .words = s->words,
                          .facet = s->facets,
                          .facets = s->facet_n,
                          .weight = {TITLE_WEIGHT, TEXT_WEIGHT, 0}};
  size_t skip = 0;
  int n;
  do {
    n = s->st->store->ops->query(s->st->store, &q, skip, hits, HITS_PAGE, e);
    for (int i = 0; i < n && s->given < s->q->limit; i++) {
      int rc = take(s, &hits[i], sink, ud, e);
      if (rc != 0) {
        return rc < 0 ? rc : 0;
      }
    }
    skip += HITS_PAGE;
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
  mem_free(s);
  return rc;
}
