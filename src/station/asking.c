/* SPDX-License-Identifier: 0BSD */
#include "station/asking.h"

#include "base/check.h"

#include <string.h>

struct reading {
  struct asking *a;
  const struct search_query *q;
  struct analyser *an;
  unsigned needs; /* numbers given so far */
  size_t clause;  /* the first phrase of the one under way */
};

/* ---- words and phrases ---- */

static bool read_words(struct reading *r, struct span text, unsigned how,
                       bool exact)
{
  struct words it = {.text = text, .an = r->an, .query = true};
  struct asking *a = r->a;
  bool any = false;
  while (a->words < ASK_WORDS_MAX && words_next(&it, &a->word[a->words].word)) {
    a->at[a->words] =
        (size_t)(text.p - r->q->text.p) + a->word[a->words].word.start;
    a->word[a->words].exact = exact;
    a->word[a->words++].how = how;
    a->wanted += how != STORE_NOT;
    any = true;
  }
  return any;
}

/* Each word of a phrase must be there; which of them stand together only the
 * texts tell. Of alternatives no single word must. */
static void read_phrase(struct reading *r, const struct query_part *part,
                        bool joined, bool loose)
{
  struct asking *a = r->a;
  struct ask_phrase *p = &a->phrase[a->phrases];
  *p = (struct ask_phrase){.first = a->words,
                           .negated = part->negated,
                           .alternative = a->phrases > r->clause,
                           .loose = loose};
  if (!read_words(r, part->text, STORE_ANY, true)) {
    return;
  }
  p->words = a->words - p->first;
  for (size_t i = p->first; i < a->words; i++) {
    if (part->negated) {
      /* A phrase of one word is that word; else texts alone can tell. */
      a->word[i].how = p->words == 1 ? STORE_NOT : ASK_NOWHERE;
      a->wanted--;
    } else if (!joined && r->needs < QUERY_NEEDS_MAX) {
      a->word[i].how = STORE_NEED + r->needs++;
    }
  }
  a->phrases++;
}

/* ---- fields ---- */

static int facet_of(struct reading *r, enum facet_kind kind, struct span value)
{
  struct asking *a = r->a;
  struct buf *b = &a->bytes[a->facets];
  uint8_t key[CRYPT_KEY_SIZE];
  if (kind == FACET_AUTHOR &&
      did_parse(key, (const char *)value.p, value.n, NULL) == 0) {
    value = span_of(key, sizeof key);
  }
  value.n = value.n < STORE_FACET_MAX - 1 ? value.n : STORE_FACET_MAX - 1;
  int rc = facet_put(b, kind, value);
  for (size_t i = 2; rc == 0 && kind == FACET_LANG && i < b->n; i++) {
    bool upper = b->p[i] >= 'A' && b->p[i] <= 'Z';
    b->p[i] = (uint8_t)(b->p[i] + (upper ? 32 : 0));
  }
  if (rc == 0) {
    a->facet[a->facets++] = span_of(b->p + 1, b->n - 1);
  }
  return rc;
}

static int filter_add(struct reading *r, enum facet_kind kind,
                      struct span value, bool without, bool join)
{
  struct asking *a = r->a;
  int rc = facet_of(r, kind, value);
  if (rc < 0) {
    return rc;
  }
  if (join && a->filters > 0) {
    a->filter[a->filters - 1].n++;
  } else {
    a->filter[a->filters++] =
        (struct store_filter){&a->facet[a->facets - 1], 1, without};
  }
  return 0;
}

static void time_add(struct asking *a, bool before, int64_t time)
{
  if (!a->timed) {
    a->timed = true;
    a->from = INT64_MIN;
    a->to = INT64_MAX;
  }
  if (before) {
    a->to = time < a->to ? time : a->to;
  } else {
    a->from = time > a->from ? time : a->from;
  }
}

/* ${join}: an alternative to the filter before. */
static int read_field(struct reading *r, const struct query_part *part,
                      bool join)
{
  static const enum facet_kind kind[] = {[QUERY_LANG] = FACET_LANG,
                                         [QUERY_TYPE] = FACET_TYPE,
                                         [QUERY_AUTHOR] = FACET_AUTHOR,
                                         [QUERY_COLLECTION] = FACET_COLLECTION,
                                         [QUERY_HAS] = FACET_FILE};
  switch (part->field) {
  case QUERY_BEFORE:
  case QUERY_AFTER:
    time_add(r->a, (part->field == QUERY_BEFORE) != part->negated, part->time);
    return 0;
  case QUERY_HAS:
    return filter_add(r, FACET_FILE, span_of(NULL, 0), part->negated, join);
  case QUERY_LANG:
  case QUERY_TYPE:
  case QUERY_AUTHOR:
  case QUERY_COLLECTION:
    break;
  }
  return filter_add(r, kind[part->field], part->text, part->negated, join);
}

/* ---- clauses ---- */

/* Do words decide in this clause? Phrases or fields alone must hold in one of
 * them; both in one is a question that the index can't answer. */
static bool are_words(const struct query *q, size_t from, size_t to)
{
  bool kind[3] = {false};
  for (size_t i = from; i < to; i++) {
    kind[q->part[i].kind] = true;
  }
  return kind[QUERY_WORDS] || (kind[QUERY_PHRASE] && kind[QUERY_FIELD]);
}

/* The parts ${from} .. ${to} - 1 that OR joins; often one. */
static int read_clause(struct reading *r, const struct query *q, size_t from,
                       size_t to)
{
  bool words = are_words(q, from, to), filtered = false;
  int rc = 0;
  r->clause = r->a->phrases;
  for (size_t i = from; rc == 0 && i < to; i++) {
    const struct query_part *part = &q->part[i];
    if (part->kind == QUERY_WORDS) {
      (void)read_words(r, part->text, part->negated ? STORE_NOT : STORE_ANY,
                       part->negated);
    } else if (part->kind == QUERY_PHRASE) {
      read_phrase(r, part, to - from > 1, words);
    } else if (!words) {
      rc = read_field(r, part, filtered);
      filtered = part->field != QUERY_BEFORE && part->field != QUERY_AFTER;
    }
  }
  return rc;
}

int asking_read(struct asking *a, const struct search_query *q,
                struct analyser *an)
{
  struct reading r = {.a = a, .q = q, .an = an};
  struct query parts;
  int rc = 0;
  query_read(&parts, q->text);
  for (size_t from = 0, to; rc == 0 && from < parts.parts; from = to) {
    for (to = from + 1; to < parts.parts && parts.part[to].alternative; to++) {
    }
    rc = read_clause(&r, &parts, from, to);
  }
  if (rc == 0 && q->collection.n > 0) {
    rc = filter_add(&r, FACET_COLLECTION, q->collection, false, false);
  }
  if (rc == 0 && q->type.n > 0) {
    rc = filter_add(&r, FACET_TYPE, q->type, false, false);
  }
  return rc;
}

void asking_free(struct asking *a)
{
  for (size_t i = 0; i < sizeof a->bytes / sizeof a->bytes[0]; i++) {
    buf_free(&a->bytes[i]);
  }
}

/* ---- phrases ---- */

/* Does the phrase go on with this word? Stems count: endings differ. */
static bool same_word(const struct word *a, const struct word *b)
{
  return span_equal(word_token(a), word_token(b)) ||
         span_equal(word_stem(a), word_stem(b)) ||
         (a->other_n > 0 && span_equal(word_other(a), word_stem(b)));
}

/* Is the phrase somewhere in the text? The texts' last words are kept, as
 * many as the phrase has. */
static bool phrase_in(const struct asking *a, const struct ask_phrase *p,
                      struct analyser *an, struct span text)
{
  struct words it = {.text = text, .an = an};
  bool here[ASK_WORDS_MAX] = {false}; /* the first i words end here */
  struct word w;
  while (words_next(&it, &w)) {
    for (size_t i = p->words; i-- > 0;) {
      here[i] =
          (i == 0 || here[i - 1]) && same_word(&a->word[p->first + i].word, &w);
    }
    if (here[p->words - 1]) {
      return true;
    }
  }
  return false;
}

bool asking_phrases_hold(const struct asking *a, struct analyser *an,
                         const struct span *text, size_t n)
{
  for (size_t i = 0; i < a->phrases;) {
    bool holds = false, negated = a->phrase[i].negated;
    bool loose = a->phrase[i].loose;
    do {
      for (size_t k = 0; k < n && !holds; k++) {
        holds = phrase_in(a, &a->phrase[i], an, text[k]);
      }
      i++;
    } while (i < a->phrases && a->phrase[i].alternative);
    if (!loose && holds == negated) {
      return false;
    }
  }
  return true;
}
