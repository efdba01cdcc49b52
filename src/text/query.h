/* SPDX-License-Identifier: 0BSD */
/* What a person types into the search field, as parts:
 *
 *   words        wanted; the more of them, the better
 *   "a phrase"   must be there, word beside word; also in other quotes
 *   -word -"a phrase" -type:news    must not be there
 *   type:lesson  lang: type: author: collection: before: after: has:file
 *   a OR b       one of both
 *
 * There is no wrong query: what is no such part is words. An unclosed quote, a
 * field that doesn't exist, a date that is none, a lone minus are read as the
 * words in them; an OR without a part at both sides says nothing. */
#ifndef TEXT_QUERY_H
#define TEXT_QUERY_H

#include "base/buf.h"
#include "base/limits.h"

enum query_kind {
  QUERY_WORDS, /* one or several, to be read by words_next (query = true) */
  QUERY_PHRASE,
  QUERY_FIELD
};

enum query_field {
  QUERY_LANG,
  QUERY_TYPE,
  QUERY_AUTHOR,
  QUERY_COLLECTION,
  QUERY_BEFORE, /* part.time: before this second */
  QUERY_AFTER,  /* part.time: at this second or after */
  QUERY_HAS     /* value "file", nothing else so far */
};

struct query_part {
  enum query_kind kind;
  enum query_field field; /* of QUERY_FIELD */
  struct span text;       /* without quotes, minus, field; never empty */
  int64_t time;           /* seconds since 1970, of before: and after: */
  bool negated;           /* must not be there */
  bool alternative;       /* an alternative to the part before */
};

/* Parts in the order of the text; their spans point into it. Parts that OR
 * joins make one clause with the part before them. A clause of phrases alone,
 * or of fields alone, must hold in one of its parts; any other is wanted, the
 * best of its words and phrases counts, and its fields say nothing. Nothing
 * negated is joined. */
struct query {
  struct query_part part[QUERY_PARTS_MAX];
  size_t parts;
};

/* Read any bytes. Linear, cannot fail. What comes behind the last part that
 * fits is left out. */
void query_read(struct query *out, struct span text);

#endif
