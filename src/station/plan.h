/* SPDX-License-Identifier: 0BSD */
/* What to look for: a query's words become groups of terms, by the recipe of
 * text/recipe.h. The store that holds the index is given: a station's own, or
 * one in memory. */
#ifndef STATION_PLAN_H
#define STATION_PLAN_H

#include "store/store.h"
#include "text/words.h"

/* Besides the recipe: a word counts once more where a title or a tag has it.
 * (Measured on titles of passages: +.012 MRR ar, +.027 en.) */
#define PLAN_TITLE 0.3
#define PLAN_TAG 0.2

#define PLAN_MEMBERS_MAX 64

_Static_assert(QUERY_WORDS_MAX <= 64, "a query's words are bits of a number");

struct plan_member {
  struct term term;
  double weight;
  bool own;
  uint64_t df;
};

struct plan_word {
  struct word word;
  double weight; /* 1, or less for a stop word */
  unsigned how;  /* STORE_ANY ... */
  struct plan_member member[PLAN_MEMBERS_MAX];
  size_t members;
  struct term surface;
  uint64_t own; /* documents that hold its own terms: the most */
  uint64_t surface_df;
  bool repaired;    /* nothing in the index is spelled like this */
  struct term like; /* then: the nearest word, or 0 bytes */
  double idf;       /* of the word as a whole */
};

struct plan {
  struct plan_word *word;
  size_t words;
  uint8_t order[4 * QUERY_WORDS_MAX]; /* the words as they follow one another */
  size_t orders;
  uint64_t documents;
  /* as the store takes it; a hit with bit i of its marks has a member of the
   * i-th word in a title, a tag or a text, and one without it has none */
  struct store_match *match;
  struct store_group *group;
  uint8_t *of;        /* each group's word */
  struct term *field; /* of titles and tags, four a word */
  size_t matches, groups;
};

/* A word that the plan shall have, and what for. */
struct plan_ask {
  struct word word;
  unsigned how;
  bool exact; /* only itself: no neighbours */
};

/* Make a plan of ${n} words, in their order. Free with plan_words_free in any
 * case. Codes of the store, ERR_NOMEM. */
int plan_words(struct plan *p, struct store *index, struct analyser *an,
               const struct plan_ask *ask, size_t n, struct err *e) MUST_USE;
void plan_words_free(struct plan *p);

#endif
