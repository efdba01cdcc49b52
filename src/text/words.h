/* SPDX-License-Identifier: 0BSD */
/* Text to words: the seam between search and language.
 *
 * One linear pass gives each word of a text: its folded letters (the surface),
 * its stem in its own language, and where it stood. No allocation per word. An
 * analyser holds what the pass needs; it has no other state, so that a word
 * depends on its text alone and is found again by any process.
 *
 * What the index holds of a word: its stem, and its surface where that
 * differs (word_terms). Whoever changes what comes out here raises
 * WORDS_VERSION: an index of another version is made again. */
#ifndef TEXT_WORDS_H
#define TEXT_WORDS_H

#include "base/buf.h"
#include "base/limits.h"
#include "text/lang.h"

#define WORDS_VERSION 2

struct analyser;

/* ERR_NOMEM. An analyser may serve any number of texts, one at a time. */
int analyser_open(struct analyser **out) MUST_USE;
void analyser_close(struct analyser *a); /* NULL-safe */

/* One word. A copy of the struct is a copy of the word. */
struct word {
  uint8_t token[WORD_BYTES_MAX]; /* folded UTF-8: only letters and digits */
  size_t token_n;
  size_t start, end; /* bytes of the original text, with all marks */
  enum lang lang;
  uint8_t stem[WORD_BYTES_MAX + 1];
  size_t stem_n; /* 0 without an analyser */
  /* The stem in the other language of its script, in a query whose letters
   * don't tell which it is, and only where it is another; else 0 bytes. */
  uint8_t other[WORD_BYTES_MAX + 1];
  size_t other_n;
};

static inline struct span word_token(const struct word *w)
{
  return span_of(w->token, w->token_n);
}

static inline struct span word_stem(const struct word *w)
{
  return span_of(w->stem, w->stem_n);
}

static inline struct span word_other(const struct word *w)
{
  return span_of(w->other, w->other_n);
}

/* Set text and an analyser (NULL: tokens only, no stems and languages), the
 * rest zero; then words_next until false. ${at} may start inside the text, on
 * a word's first byte. Ill-formed UTF-8 breaks words and is passed over. */
struct words {
  struct span text;
  size_t at;
  struct analyser *an;
  bool query; /* a person typed it: give word.other too */
  /* of the pass itself */
  bool voted;
  size_t line_end;       /* the languages below hold up to here */
  struct lang_vote vote; /* of the whole text */
  enum lang arabic, latin;
};
bool words_next(struct words *w, struct word *out);

/* The first word of ${text}, as ${like} was read: in its language, with a
 * second stem if it had one. For words that stand in no text, such as those
 * of a vocabulary. ${like}->lang of the other script says nothing. */
bool word_like(struct analyser *an, struct span text, const struct word *like,
               struct word *out);

/* Is this one of the words that every text is full of? They weigh less in a
 * query and are never left out. */
bool word_is_stop(const struct word *w);

/* Append the tokens of ${text} to ${out}, each followed by a space. */
int words_tokens(struct buf *out, struct span text) MUST_USE;

/* ---- terms: what an index calls a word ----
 * Bytes, of which the first says what they are. Folded words begin with a
 * letter or a digit (>= 0x30), and so does the most frequent kind, the stem in
 * a text: it has no mark of its own. All other kinds have one below 0x20. */
enum term_kind {
  TERM_STEM = 0,
  TERM_SURFACE = 1,
  TERM_TITLE_STEM = 2,
  TERM_TITLE_SURFACE = 3,
  TERM_TAG_STEM = 4,
  TERM_TAG_SURFACE = 5,
  TERM_FACET = 6 /* whatever bytes the station gives them */
};

#define TERM_BYTES_MAX (WORD_BYTES_MAX + 2)

struct term {
  uint8_t b[TERM_BYTES_MAX];
  size_t n;
};

static inline struct span term_span(const struct term *t)
{
  return span_of(t->b, t->n);
}

/* ${bytes} as a term: at most TERM_BYTES_MAX - 1 of them. */
void term_of(struct term *out, enum term_kind kind, struct span bytes);

/* The terms of a word in a document: its stem, and its surface where that
 * differs. Returns how many, 1 or 2. ${kind}: that of the stem; the surface's
 * is the next one. */
size_t word_terms(const struct word *w, enum term_kind kind,
                  struct term out[2]);

#endif
