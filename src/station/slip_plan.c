/* SPDX-License-Identifier: 0BSD */
#include "station/slip_plan.h"

#include "base/mem.h"
#include "station/quota.h"
#include "station/sketches.h"
#include "sync/slip.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 64
#define BEGINNING 16 /* parcels that tell who began a collection */
/* Bytes at most of a set, beside name, syndromes and cells. */
#define SET_FRAME (42 + HASH_SIZE + SKETCH_PART_HEAD)
#define SYNDROMES_LEAST 8u /* in a slip with little room */

static size_t set_size(const struct slip_item *it)
{
  return SET_FRAME + it->name.n + (size_t)it->syndromes * 8 +
         (size_t)it->cells * SKETCH_CELL_SIZE;
}

static size_t handles_size(const struct slip_item *it)
{
  return it->count > SLIP_SIZE_MAX / SLIP_HANDLE_SIZE
             ? SLIP_SIZE_MAX
             : (size_t)it->count * SLIP_HANDLE_SIZE;
}

static size_t item_size(const struct slip_item *it)
{
  return it->sketched ? set_size(it) : handles_size(it);
}

/* ---- what is here ---- */

/* The first of the patterns that covers it, or no bytes. */
static struct span covering(struct span patterns, struct span name)
{
  for (size_t at = 0; at < patterns.n;) {
    const char *text = (const char *)patterns.p + at;
    struct span pattern = span_of(text, strlen(text));
    if (pattern_matches(pattern, name)) {
      return pattern;
    }
    at += pattern.n + 1;
  }
  return span_of(NULL, 0);
}

/* ${at}: of the name in p->names; it becomes a span when those are all
 * there. */
static int add_item(struct slip_plan *p, size_t at,
                    const struct sketches_state *state, struct err *e)
{
  if (p->n % PAGE == 0) {
    struct slip_item *more = mem_resize(p->item, p->n + PAGE, sizeof *more);
    if (more == NULL) {
      return err_set(e, ERR_NOMEM, "not enough memory");
    }
    p->item = more;
  }
  struct slip_item *it = &p->item[p->n++];
  memset(it, 0, sizeof *it);
  it->name.n = at;
  it->count = state->count;
  it->upto = state->upto;
  memcpy(it->digest, state->digest, HASH_SIZE);
  return 0;
}

/* Leave the names, and drop what nothing covers. */
static void match_items(struct slip_plan *p)
{
  size_t kept = 0;
  for (size_t i = 0; i < p->n; i++) {
    struct slip_item *it = &p->item[i];
    const char *text = (const char *)p->names.p + it->name.n;
    it->name = span_of(text, strlen(text));
    it->pattern = covering(buf_span(&p->patterns), it->name);
    if (it->pattern.n > 0) {
      it->told = true;
      p->item[kept++] = *it;
    }
  }
  p->n = kept;
}

static int find_items(struct slip_plan *p, struct station *st, struct err *e)
{
  struct sketches_state state[PAGE];
  struct buf last = {0};
  int n = 1, rc = 0;
  while (rc == 0 && n > 0) {
    size_t at = p->names.n;
    n = sketches_states(st, buf_span(&last), &p->names, state, PAGE, e);
    rc = n < 0 ? n : 0;
    for (int i = 0; rc == 0 && i < n; i++) {
      const char *name = (const char *)p->names.p + at;
      rc = add_item(p, at, &state[i], e);
      at += strlen(name) + 1;
      if (rc == 0 && i == n - 1) {
        buf_clear(&last);
        rc = buf_put(&last, name, strlen(name)) < 0
                 ? err_set(e, ERR_NOMEM, "not enough memory")
                 : 0;
      }
    }
  }
  buf_free(&last);
  if (rc == 0) {
    match_items(p);
  }
  return rc;
}

/* ---- how each is told ---- */

static uint32_t cells_for(const struct slip_item *it, uint64_t expect)
{
  struct sketch_plan plan;
  uint64_t guess = it->count / 16;
  guess = guess > SLIP_EXPECT_LEAST ? guess : SLIP_EXPECT_LEAST;
  return sketch_plan(&plan, expect > 0 ? expect : guess) ? plan.cells
                                                         : SKETCH_CELLS;
}

static size_t choose(struct slip_plan *p, const struct slip_plan_options *opt)
{
  size_t total = 0, sets = 0;
  for (size_t i = 0; i < p->n; i++) {
    struct slip_item *it = &p->item[i];
    it->cells = cells_for(it, opt->expect);
    it->syndromes = SKETCH_SYNDROMES;
    it->sketched =
        !opt->exact && sets < SLIP_SETS_MAX && set_size(it) < handles_size(it);
    sets += it->sketched;
    total += item_size(it);
  }
  return total;
}

/* ---- less than that ---- */

static int dearest_first(const void *a, const void *b)
{
  const struct slip_item *const *x = a, *const *y = b;
  if ((*x)->dear != (*y)->dear) {
    return (*x)->dear ? -1 : 1;
  }
  return (*x)->upto > (*y)->upto ? -1 : (*x)->upto < (*y)->upto;
}

/* Is one of the patterns this very name? */
static bool named(struct span patterns, struct span name)
{
  bool is = false;
  for (size_t at = 0; at < patterns.n && !is;) {
    const char *text = (const char *)patterns.p + at;
    is = span_equal(span_of(text, strlen(text)), name);
    at += strlen(text) + 1;
  }
  return is;
}

/* Did one who is trusted write one of the first parcels? Later ones anybody
 * could put before theirs. 1, or 0. */
static int begun_by_trusted(struct station *st, struct span name, struct err *e)
{
  uint64_t refs[BEGINNING];
  int n = st->store->ops->since(st->store, name, 0, refs, BEGINNING, e);
  int rc = 0;
  for (int i = 0; i < n && rc == 0; i++) {
    const struct cached_parcel *p;
    rc = station_parcel(st, refs[i], &p, e);
    rc = rc < 0 ? rc : quota_trusted(st, p->view.author, e);
  }
  return n < 0 ? n : rc;
}

/* Every second of ${n} by chance, among those behind it. */
static void draw(struct slip_item **list, size_t n)
{
  for (size_t i = 1; i < n; i += 2) {
    uint64_t chance;
    crypt_random(&chance, sizeof chance);
    size_t other = i + (size_t)(chance % (n - i));
    struct slip_item *swap = list[i];
    list[i] = list[other];
    list[other] = swap;
  }
}

int slip_plan_dearest(struct slip_item ***out, struct slip_plan *p,
                      struct station *st, struct err *e)
{
  /* NOLINTNEXTLINE(bugprone-sizeof-expression): it holds pointers */
  struct slip_item **list = mem_resize(NULL, p->n, sizeof *list);
  size_t n = 0, dear = 0;
  int rc = list == NULL ? err_set(e, ERR_NOMEM, "not enough memory") : 0;
  for (size_t i = 0; rc >= 0 && i < p->n; i++) {
    struct slip_item *it = &p->item[i];
    if (!it->told) {
      continue;
    }
    rc = named(buf_span(&p->patterns), it->name)
             ? 1
             : begun_by_trusted(st, it->name, e);
    it->dear = rc > 0;
    dear += it->dear;
    list[n++] = it;
  }
  if (rc < 0) {
    mem_free(list);
    return rc;
  }
  if (n > 0) {
    qsort(list, n, sizeof(struct slip_item *), dearest_first);
    draw(list + dear, n - dear);
  }
  *out = list;
  return 0;
}

/* Each as short as it goes; all of them. */
static size_t shrink(struct slip_plan *p, const struct slip_plan_options *opt)
{
  size_t total = 0, sets = 0;
  for (size_t i = 0; i < p->n; i++) {
    struct slip_item *it = &p->item[i];
    it->cells = 0;
    it->syndromes = SYNDROMES_LEAST;
    it->sketched =
        !opt->exact && sets < SLIP_SETS_MAX && set_size(it) < handles_size(it);
    sets += it->sketched;
    total += item_size(it);
  }
  return total;
}

/* Only as many as fit ${room}, the dearest ones; returns what is left of it. */
static size_t leave_out(struct slip_plan *p, struct slip_item **order,
                        size_t room)
{
  size_t n = p->n;
  p->narrow = true;
  for (size_t i = 0; i < n; i++) {
    size_t size = item_size(order[i]) + SLIP_WISH_FRAME + order[i]->name.n;
    order[i]->told = size <= room;
    room -= order[i]->told ? size : 0;
    p->left_out += !order[i]->told;
  }
  return room;
}

/* All syndromes first, then ${room} is shared out. */
static size_t complete(const struct slip_plan *p, struct slip_item **order,
                       size_t room)
{
  const size_t more = 8 * (SKETCH_SYNDROMES - SYNDROMES_LEAST);
  for (size_t i = 0; i < p->n; i++) {
    if (order[i]->told && order[i]->sketched && room >= more) {
      order[i]->syndromes = SKETCH_SYNDROMES;
      room -= more;
    }
  }
  return room;
}

/* Share ${room} out as cells, in even parts; nobody gets more than the guess
 * asks for, and what that leaves goes round again. */
static void grow(const struct slip_plan *p, struct slip_item **order,
                 uint64_t expect, size_t room)
{
  size_t hungry = 1;
  while (hungry > 0 && room >= SKETCH_CELL_SIZE) {
    hungry = 0;
    for (size_t i = 0; i < p->n; i++) {
      hungry += order[i]->told && order[i]->sketched &&
                order[i]->cells < cells_for(order[i], expect);
    }
    size_t share = hungry > 0 ? room / SKETCH_CELL_SIZE / hungry : 0;
    share = share > 0 ? share : 1;
    for (size_t i = 0; i < p->n && hungry > 0; i++) {
      struct slip_item *it = order[i];
      if (!it->told || !it->sketched || room < SKETCH_CELL_SIZE) {
        continue;
      }
      size_t most = cells_for(it, expect) - it->cells;
      size_t more = share < most ? share : most;
      more = more < room / SKETCH_CELL_SIZE ? more : room / SKETCH_CELL_SIZE;
      it->cells += (uint32_t)more;
      room -= more * SKETCH_CELL_SIZE;
    }
  }
}

static int fit(struct slip_plan *p, struct station *st,
               const struct slip_plan_options *opt, const size_t fixed[2],
               struct err *e)
{
  size_t least = shrink(p, opt), room;
  struct slip_item **order;
  int rc = slip_plan_dearest(&order, p, st, e);
  if (rc < 0) {
    return rc;
  }
  if (fixed[0] + least <= opt->max) {
    room = opt->max - fixed[0] - least;
  } else {
    room = opt->max > fixed[1] ? opt->max - fixed[1] : 0;
    room = leave_out(p, order, room);
  }
  grow(p, order, opt->expect, complete(p, order, room));
  bool none = p->n > 0 && p->left_out == p->n;
  mem_free(order);
  return none ? err_set(e, ERR_LIMIT,
                        "a slip of %zu bytes can't tell a single collection",
                        opt->max)
              : 0;
}

int slip_plan_make(struct slip_plan *p, struct station *st,
                   struct span patterns, const struct slip_plan_options *opt,
                   const size_t fixed[2], struct err *e)
{
  int rc = buf_put(&p->patterns, patterns.p, patterns.n);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  if ((rc = find_items(p, st, e)) < 0) {
    return rc;
  }
  size_t total = fixed[0] + choose(p, opt);
  return opt->max == 0 || total <= opt->max ? 0 : fit(p, st, opt, fixed, e);
}

void slip_plan_free(struct slip_plan *p)
{
  mem_free(p->item);
  buf_free(&p->names);
  buf_free(&p->patterns);
  memset(p, 0, sizeof *p);
}
