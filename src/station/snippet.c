/* SPDX-License-Identifier: 0BSD */
#include "station/snippet.h"

#include "base/utf8.h"
#include "text/words.h"

#include <string.h>

#define NOT_FOUND SIZE_MAX

/* A window of words: a ring of what each of them was. */
struct window {
  size_t token[SNIPPET_WORDS]; /* which word of the query, or NOT_FOUND */
  size_t count[QUERY_WORDS_MAX];
  size_t words, different, total;
  /* The windows that end at the words first .. last are the best. */
  size_t best_score, first, last;
};

static size_t which(const struct snippet_query *q, const struct word *w)
{
  struct span token = span_of(w->token, w->token_n);
  for (size_t i = 0; i < q->tokens; i++) {
    if (span_equal(q->token[i], token)) {
      return i;
    }
  }
  return NOT_FOUND;
}

static void leave(struct window *win, size_t token)
{
  if (token == NOT_FOUND) {
    return;
  }
  win->total--;
  if (--win->count[token] == 0) {
    win->different--;
  }
}

static void enter(struct window *win, size_t token)
{
  if (token == NOT_FOUND) {
    return;
  }
  win->total++;
  if (win->count[token]++ == 0) {
    win->different++;
  }
}

/* The next word enters, the oldest leaves. */
static void slide(struct window *win, size_t token)
{
  size_t slot = win->words % SNIPPET_WORDS;
  if (win->words >= SNIPPET_WORDS) {
    leave(win, win->token[slot]);
  }
  win->token[slot] = token;
  enter(win, token);
  size_t score = win->different * 1000 + win->total;
  if (score > win->best_score || win->words < SNIPPET_WORDS) {
    win->best_score = score;
    win->first = win->last = win->words;
  } else if (score == win->best_score && win->last + 1 == win->words) {
    win->last = win->words;
  }
  win->words++;
}

/* Of the best windows the one in the middle: what was found then stands
 * amidst its text. Writes its bytes. */
static void place(const struct window *win, struct span text, size_t *from,
                  size_t *to)
{
  struct words it = {.text = text};
  struct word w;
  size_t end = win->first + (win->last - win->first) / 2;
  size_t start = end + 1 > SNIPPET_WORDS ? end + 1 - SNIPPET_WORDS : 0;
  for (size_t i = 0; i <= end && words_next(&it, &w); i++) {
    if (i == start) {
      *from = w.start;
    }
    *to = w.end;
  }
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

static int put_marked(struct buf *out, struct span text, size_t from, size_t to,
                      const struct snippet_query *q)
{
  struct words it = {.text = span_of(text.p, to), .at = from};
  struct word w;
  size_t at = from;
  int rc = 0;
  while (rc == 0 && words_next(&it, &w)) {
    if (which(q, &w) == NOT_FOUND) {
      continue;
    }
    struct span found = span_of(text.p + w.start, w.end - w.start);
    if ((rc = put_plain(out, span_of(text.p + at, w.start - at))) < 0 ||
        (rc = buf_put(out, q->mark_open.p, q->mark_open.n)) < 0 ||
        (rc = put_plain(out, found)) < 0) {
      return rc;
    }
    rc = buf_put(out, q->mark_close.p, q->mark_close.n);
    at = w.end;
  }
  return rc < 0 ? rc : put_plain(out, span_of(text.p + at, to - at));
}

int snippet(struct buf *out, struct span text, const struct snippet_query *q)
{
  static const char ellipsis[] = "\xe2\x80\xa6";
  struct window win = {0};
  struct words it = {.text = text};
  struct word w;
  int rc = 0;
  while (words_next(&it, &w)) {
    slide(&win, which(q, &w));
  }
  if (win.words == 0) {
    return 0;
  }
  size_t from = 0, to = 0;
  place(&win, text, &from, &to);
  struct words head = {.text = span_of(text.p, from)};
  if (words_next(&head, &w)) {
    rc = buf_put(out, ellipsis, sizeof ellipsis - 1);
  }
  if (rc == 0) {
    rc = put_marked(out, text, from, to, q);
  }
  struct words tail = {.text = text, .at = to};
  if (rc == 0 && words_next(&tail, &w)) {
    rc = buf_put(out, ellipsis, sizeof ellipsis - 1);
  }
  return rc;
}
