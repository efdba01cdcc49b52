/* SPDX-License-Identifier: 0BSD */
#include "station/wants.h"

#include "base/mem.h"
#include "station/change.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64

/* ---- order ---- */

static int compare_chance(const void *a, const void *b)
{
  const struct want *x = a, *y = b;
  return x->chance != y->chance ? (x->chance < y->chance ? -1 : 1)
                                : cid_compare(&x->cid, &y->cid);
}

static int compare_order(const void *a, const void *b)
{
  const struct want *x = a, *y = b;
  if (x->lot != y->lot) {
    return x->lot < y->lot ? -1 : 1;
  }
  if (x->lucky != y->lucky) {
    return x->lucky ? -1 : 1;
  }
  if (x->turn != y->turn) {
    return x->turn < y->turn ? -1 : 1;
  }
  if (x->time != y->time) {
    return x->time > y->time ? -1 : 1;
  }
  return compare_chance(a, b);
}

static int compare_rank(const void *a, const void *b)
{
  const struct want *x = a, *y = b;
  return x->rank != y->rank ? (x->rank < y->rank ? -1 : 1)
                            : compare_order(a, b);
}

static void sort(struct want *want, size_t n,
                 int (*compare)(const void *, const void *))
{
  if (n > 0) {
    qsort(want, n, sizeof *want, compare);
  }
}

/* Of one lot, in order: trusted ones are all kept before others. Of others
 * ${most} are kept before the rest, half of them by chance: those come first
 * of their lot, as a peer is not asked for all. */
static void rank_lot(struct want *want, size_t n, size_t most)
{
  bool trusted = want->lot % 2 == 0;
  size_t first = most / 2 < n ? most / 2 : n;
  if (!trusted) {
    sort(want + first, n - first, compare_chance);
  }
  for (size_t i = 0; i < n; i++) {
    want[i].rank = trusted ? 0 : i < most ? 1 : 2;
    want[i].lucky = !trusted && i >= first && i < most;
  }
}

/* Keep w->most of them at most; in order. */
static void settle(struct wants *w)
{
  size_t begin = 0, most = (w->most + WANTS_LOTS - 1) / WANTS_LOTS;
  for (size_t i = 0; i < w->n; i++) {
    w->want[i].lucky = false;
  }
  sort(w->want, w->n, compare_order);
  w->crowded = w->crowded || w->n > w->most;
  if (!w->crowded) {
    return;
  }
  for (size_t i = 1; i <= w->n; i++) {
    if (i == w->n || w->want[i].lot != w->want[begin].lot) {
      rank_lot(w->want + begin, i - begin, most);
      begin = i;
    }
  }
  sort(w->want, w->n, compare_rank);
  w->n = w->n < w->most ? w->n : w->most;
  sort(w->want, w->n, compare_order);
}

/* ---- the walk ---- */

static int make_room(struct wants *w, struct err *e)
{
  if (w->n < w->cap) {
    return 0;
  }
  if (w->cap >= 2 * w->most) {
    settle(w);
    return 0;
  }
  size_t cap = w->cap > 0 ? 2 * w->cap : FIRST_ROOM;
  cap = cap < 2 * w->most ? cap : 2 * w->most;
  struct want *want = mem_resize(w->want, cap, sizeof *want);
  if (want == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  w->want = want;
  w->cap = cap;
  return 0;
}

static struct want want_of(const struct wants *w, const struct cid *cid,
                           const struct wanting *how, const struct cid *by)
{
  uint64_t who = crypt_short(w->key, by->b, sizeof by->b);
  return (struct want){
      .cid = *cid,
      .lot = (uint8_t)(2 * how->kind + !how->trusted),
      .slot = (uint16_t)(who % WANTS_SLOTS),
      .time = w->timely ? how->time : 0,
      .chance = crypt_short(w->key, cid->b, sizeof cid->b),
  };
}

/* Those who want the same block come one after the other: it is the dearest's.
 */
static int add(struct wants *w, struct want *one, struct err *e)
{
  struct want *last = w->n > 0 ? &w->want[w->n - 1] : NULL;
  if (last != NULL && cid_equal(&last->cid, &one->cid)) {
    if (one->lot < last->lot) {
      one->turn = last->turn;
      *last = *one;
    }
    return 0;
  }
  uint16_t *turns = &w->turns[one->slot];
  one->turn = *turns;
  if (*turns < UINT16_MAX) {
    ++*turns;
  }
  int rc = make_room(w, e);
  if (rc == 0) {
    w->want[w->n++] = *one;
  }
  return rc;
}

struct noting {
  struct wants *w;
  struct err *e;
};

static int note(void *ud, const struct cid *cid, const char *kind,
                const struct cid *by)
{
  struct noting *n = ud;
  struct wants *w = n->w;
  struct wanting how;
  if (w->wrapped && cid_order(cid) > w->from) {
    return 1; /* here it began */
  }
  if (cid_equal(cid, &w->last) && cid_equal(by, &w->last_by)) {
    return 0; /* a record may list a file many times */
  }
  w->last = *cid;
  w->last_by = *by;
  if ((w->passed != NULL && refset_has_cid(w->passed, cid)) ||
      (w->records_only && kind[0] != 'r')) {
    return 0;
  }
  int rc = wanting_told(w->st, cid, kind, by, &how, n->e);
  if (rc <= 0) {
    return rc;
  }
  struct want one = want_of(w, cid, &how, by);
  return w->leaves != NULL && w->leaves(w->ud, &one) ? 0 : add(w, &one, n->e);
}

void wants_begin(struct wants *w)
{
  if (!w->keyed) {
    crypt_random(w->key, sizeof w->key);
    w->keyed = true;
  }
  crypt_random(&w->from, sizeof w->from);
  w->at = (struct missing_walk){w->from, 1}; /* 0 were the first of all */
  w->wrapped = w->crowded = false;
  w->n = 0;
  memset(&w->last, 0, sizeof w->last);
  memset(w->turns, 0, sizeof w->turns);
}

int wants_step(struct wants *w, struct err *e)
{
  struct noting n = {w, e};
  int rc = missing_step(w->st, &w->at, note, &n, e);
  if (rc != 0) {
    return rc;
  }
  if (!w->wrapped) {
    w->wrapped = true;
    w->at = (struct missing_walk){0};
    return 1;
  }
  settle(w);
  return 0;
}

void wants_free(struct wants *w)
{
  mem_free(w->want);
  w->want = NULL;
  w->n = w->cap = 0;
}
