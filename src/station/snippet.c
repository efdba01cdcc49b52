/* SPDX-License-Identifier: 0BSD */
#include "station/snippet.h"

#include "base/utf8.h"
#include "text/fold.h"
#include "text/words.h"

#include <string.h>

#define NOT_FOUND SIZE_MAX
#define SLOTS (SNIPPET_TERMS_MAX * 2)

/* The terms, found by their bytes. */
struct lookup {
  const struct snippet_query *q;
  uint16_t slot[SLOTS]; /* 1 + place in q->term, 0: free */
};

/* A window of words: a ring of what each of them was. */
struct window {
  const struct snippet_term *term[SNIPPET_WORDS]; /* NULL: none */
  size_t count[QUERY_WORDS_MAX], own[QUERY_WORDS_MAX];
  uint64_t worth; /* of the different words, twice where one stands itself */
  size_t words, total;
  /* The windows that end at the words first .. last are the best. */
  uint64_t best_score;
  size_t first, last;
};

static size_t slot_of(uint8_t mark, struct span term)
{
  uint32_t h = 2166136261u ^ mark; /* FNV-1a */
  for (size_t i = 0; i < term.n; i++) {
    h = (h ^ term.p[i]) * 16777619u;
  }
  return (h ^ h >> 16) % SLOTS;
}

/* Is ${term} the mark (0: none) and these letters? */
static bool is_term(struct span term, uint8_t mark, struct span letters)
{
  if (mark == 0) {
    return span_equal(term, letters);
  }
  return term.n == letters.n + 1 && term.p[0] == mark &&
         span_equal(span_of(term.p + 1, term.n - 1), letters);
}

static const struct snippet_term *find(const struct lookup *l, uint8_t mark,
                                       struct span letters)
{
  size_t at = slot_of(mark, letters);
  for (; l->slot[at] != 0; at = (at + 1) % SLOTS) {
    const struct snippet_term *t = &l->q->term[l->slot[at] - 1];
    if (is_term(t->term, mark, letters)) {
      return t;
    }
  }
  return NULL;
}

static void lookup_make(struct lookup *l, const struct snippet_query *q)
{
  l->q = q;
  memset(l->slot, 0, sizeof l->slot);
  for (size_t i = 0; i < q->terms && i < SNIPPET_TERMS_MAX; i++) {
    struct span t = q->term[i].term;
    bool marked = t.n > 0 && t.p[0] == TERM_SURFACE;
    uint8_t mark = marked ? TERM_SURFACE : 0;
    struct span letters = marked ? span_of(t.p + 1, t.n - 1) : t;
    if (q->term[i].word < QUERY_WORDS_MAX && find(l, mark, letters) == NULL) {
      size_t at = slot_of(mark, letters);
      while (l->slot[at] != 0) {
        at = (at + 1) % SLOTS;
      }
      l->slot[at] = (uint16_t)(i + 1);
    }
  }
}

/* Which of the query's words this is, or NULL. */
static const struct snippet_term *which(const struct lookup *l,
                                        const struct word *w)
{
  if (l->q->an == NULL) {
    return find(l, 0, word_token(w));
  }
  const struct snippet_term *t = find(l, TERM_SURFACE, word_token(w));
  return t != NULL ? t : find(l, 0, word_stem(w));
}

/* What a word of the query adds to the window's worth as it stands. */
static uint64_t worth_of(const struct window *win, const struct lookup *l,
                         size_t word)
{
  uint64_t one = l->q->worth == NULL ? 1 : l->q->worth[word];
  return (win->count[word] > 0 ? one : 0) + (win->own[word] > 0 ? one : 0);
}

/* ${by} 1: it enters; -1: it leaves. */
static void count(struct window *win, const struct lookup *l,
                  const struct snippet_term *t, int by)
{
  if (t == NULL) {
    return;
  }
  win->worth -= worth_of(win, l, t->word);
  win->total += (size_t)by;
  win->count[t->word] += (size_t)by;
  win->own[t->word] += t->other ? 0 : (size_t)by;
  win->worth += worth_of(win, l, t->word);
}

/* The next word enters, the oldest leaves. */
static void slide(struct window *win, const struct lookup *l,
                  const struct snippet_term *t)
{
  size_t slot = win->words % SNIPPET_WORDS;
  if (win->words >= SNIPPET_WORDS) {
    count(win, l, win->term[slot], -1);
  }
  win->term[slot] = t;
  count(win, l, t, 1);
  uint64_t score = win->worth * (SNIPPET_WORDS + 1) + win->total;
  if (score > win->best_score || win->words < SNIPPET_WORDS) {
    win->best_score = score;
    win->first = win->last = win->words;
  } else if (score == win->best_score && win->last + 1 == win->words) {
    win->last = win->words;
  }
  win->words++;
}

static struct words reading(const struct lookup *l, struct span text)
{
  struct words it = {.text = text, .an = l->q->an};
  return it;
}

/* Of the best windows the one in the middle: what was found then stands
 * amidst its text. Writes its bytes, and those of its first found word. */
static void place(const struct window *win, const struct lookup *l,
                  struct span text, struct span *range, size_t *found)
{
  struct words it = reading(l, text);
  struct word w;
  size_t end = win->first + (win->last - win->first) / 2;
  size_t start = end + 1 > SNIPPET_WORDS ? end + 1 - SNIPPET_WORDS : 0;
  size_t from = 0, to = 0;
  *found = NOT_FOUND;
  for (size_t i = 0; i <= end && words_next(&it, &w); i++) {
    if (i == start) {
      from = w.start;
    }
    if (i >= start && *found == NOT_FOUND && which(l, &w) != NULL) {
      *found = w.start;
    }
    to = w.end;
  }
  *range = span_of(text.p + from, to - from);
}

/* The most of ${text} that fits ${max} bytes, letters with their marks. */
static size_t cut_between_letters(struct span text, size_t max)
{
  size_t at = utf8_cut(text.p, text.n, max), len;
  while (at > 0 && at < text.n &&
         fold_is_mark(utf8_next(text.p + at, text.n - at, &len))) {
    at = utf8_cut(text.p, text.n, at - 1);
  }
  return at;
}

/* Words that are none (a wall of signs, bytes in letters) may fill a text: of
 * such a window what begins with the first found word. */
static struct span bounded(struct span text, struct span range, size_t found)
{
  size_t from = (size_t)(range.p - text.p), to = from + range.n;
  if (range.n <= SNIPPET_BYTES_MAX) {
    return range;
  }
  if (found != NOT_FOUND && found > from + SNIPPET_BYTES_MAX / 2) {
    from = found;
  }
  struct span rest = span_of(text.p + from, to - from);
  rest.n = cut_between_letters(rest, SNIPPET_BYTES_MAX);
  return rest;
}

/* Copy, with white space and controls as single spaces. */
static int put_plain(struct buf *out, struct span text)
{
  bool space = false;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < text.n;) {
    size_t len;
    uint32_t cp = utf8_next(text.p + i, text.n - i, &len);
    bool blank = cp == UTF8_BAD || cp <= 0x20 || (cp >= 0x7f && cp <= 0xa0);
    if (!blank) {
      rc = buf_put(out, text.p + i, len);
    } else if (!space) {
      rc = buf_byte(out, ' ');
    }
    space = blank;
    i += len;
  }
  return rc;
}

/* The window ${range} of ${text}, its found words marked. Words are read in
 * the whole text, so that their languages are what they are there. */
static int put_marked(struct buf *out, struct span text, struct span range,
                      const struct lookup *l)
{
  struct words it = reading(l, text);
  struct word w;
  size_t at = (size_t)(range.p - text.p), to = at + range.n;
  int rc = 0;
  it.at = at;
  while (rc == 0 && words_next(&it, &w) && w.start < to) {
    size_t end = w.end < to ? w.end : to;
    if (which(l, &w) == NULL) {
      continue;
    }
    struct span found = span_of(text.p + w.start, end - w.start);
    if ((rc = put_plain(out, span_of(text.p + at, w.start - at))) < 0 ||
        (rc = buf_put(out, l->q->mark_open.p, l->q->mark_open.n)) < 0 ||
        (rc = put_plain(out, found)) < 0) {
      return rc;
    }
    rc = buf_put(out, l->q->mark_close.p, l->q->mark_close.n);
    at = end;
  }
  return rc < 0 ? rc : put_plain(out, span_of(text.p + at, to - at));
}

/* Is there any word in ${text}? */
static bool any_word(struct span text)
{
  struct words it = {.text = text};
  struct word w;
  return words_next(&it, &w);
}

int snippet(struct buf *out, struct span text, const struct snippet_query *q)
{
  static const char ellipsis[] = "\xe2\x80\xa6";
  struct window win = {0};
  struct lookup l;
  struct word w;
  struct span range;
  size_t found;
  int rc = 0;
  lookup_make(&l, q);
  struct words it = reading(&l, text);
  while (words_next(&it, &w)) {
    slide(&win, &l, which(&l, &w));
  }
  if (win.words == 0) {
    return 0;
  }
  place(&win, &l, text, &range, &found);
  range = bounded(text, range, found);
  size_t from = (size_t)(range.p - text.p), to = from + range.n;
  if (any_word(span_of(text.p, from))) {
    rc = buf_put(out, ellipsis, sizeof ellipsis - 1);
  }
  if (rc == 0) {
    rc = put_marked(out, text, range, &l);
  }
  if (rc == 0 && any_word(span_of(text.p + to, text.n - to))) {
    rc = buf_put(out, ellipsis, sizeof ellipsis - 1);
  }
  return rc;
}
