/* SPDX-License-Identifier: 0BSD */
/* Which hits of a list were shown: a search's cursor.
 *
 * The head of the list is ranked anew for every page, by what holds then: so
 * a cursor names the hits of the head that were shown, and a page gives the
 * others. What comes after the head keeps the store's order, in which the last
 * one shown is a place. */
#ifndef STATION_SHOWN_H
#define STATION_SHOWN_H

#include "base/buf.h"
#include "base/limits.h"
#include "store/store.h"

#define SHOWN_LAST 3

struct shown {
  uint64_t ref[SEARCH_SHOWN_MAX]; /* of the head, ascending */
  size_t n;
  /* Of the tail, the last ones, the very last first: one of them may have been
   * taken back when the next page is asked for. */
  struct store_hit last[SHOWN_LAST];
  size_t lasts; /* 0: still in the head */
};

/* Hit ${ref} of the head is shown. Beyond SEARCH_SHOWN_MAX, which only an
 * index that changes under the pages reaches, none is noted. */
void shown_add(struct shown *s, uint64_t ref);
/* Hit of the tail is shown. */
void shown_tail(struct shown *s, const struct store_hit *hit);
bool shown_has(const struct shown *s, uint64_t ref);

/* Append it as text of [a-z0-9]. ERR_NOMEM. */
int shown_put(struct buf *out, const struct shown *s) MUST_USE;
/* false: it is no such text. */
bool shown_read(struct shown *out, struct span text);

#endif
