/* SPDX-License-Identifier: 0BSD */
#include "sync/peel.h"

#include "base/check.h"
#include "sync/gf64.h"
#include "sync/pin.h"

#include <string.h>

/* Steps for each cell. A handle costs its own spots (4.95 on average, 16 at
 * most), and each of them has its cell looked at again: 12 are usual. */
#define WORK_A_CELL 64u
#define WORK_LEAST 4096u

_Static_assert(PEEL_SLOTS > 2 * PEEL_HANDLES_MAX, "slots stay half empty");
_Static_assert(PEEL_HANDLES_MAX < UINT16_MAX, "a slot holds an index");

/* ---- the handles found ---- */

/* Its slot, or the empty one where it belongs. Ground handles may crowd one
 * place: those steps are counted, too. */
static uint32_t find_slot(struct peel *p, uint64_t handle)
{
  uint32_t at = sketch_check(handle) & (PEEL_SLOTS - 1);
  for (;; at = (at + 1) & (PEEL_SLOTS - 1)) {
    p->work++;
    if (p->slot[at] == 0 || p->handle[p->slot[at] - 1u] == handle) {
      return at;
    }
  }
}

/* false when it was found before, or more are found than there can be. */
static bool note(struct peel *p, uint64_t handle, bool ours)
{
  uint32_t at = find_slot(p, handle);
  if (p->slot[at] != 0 || p->n >= p->cells + p->syndromes) {
    return false;
  }
  p->handle[p->n] = handle;
  p->ours[p->n] = ours;
  p->n++;
  p->slot[at] = (uint16_t)p->n;
  return true;
}

/* ---- cells ---- */

static void look_again(struct peel *p, uint32_t cell)
{
  if (!p->waits[cell]) {
    p->waits[cell] = true;
    p->queue[p->queued++] = (uint16_t)cell;
  }
}

/* Is cell ${at} one of its spots, and that once? */
static bool belongs(const struct peel *p, const struct sketch_spots *spots,
                    uint32_t at)
{
  uint32_t times = 0;
  for (uint32_t i = 0; i < spots->n; i++) {
    times += sketch_fold_at(spots->cell[i], p->cells) == at ? 1 : 0;
  }
  return times == 1;
}

/* Does cell ${at} hold a single handle? */
static bool shows(struct peel *p, uint32_t at, uint64_t *handle, bool *ours)
{
  uint64_t sum = p->left.sum[at];
  uint32_t check = p->left.check[at];
  struct sketch_spots spots;
  *ours = false;
  p->work++;
  if (sum != 0 && sketch_check(sum) != check) {
    sum = 0 - sum;
    *ours = true;
    check = 0 - check;
  }
  if (sum == 0 || sketch_check(sum) != check) {
    return false;
  }
  sketch_spots(&spots, sum);
  p->work += spots.n;
  *handle = sum;
  return belongs(p, &spots, at);
}

static void take_out(struct peel *p, uint64_t handle, bool ours)
{
  struct sketch_spots spots;
  sketch_spots(&spots, handle);
  p->work += spots.n;
  for (uint32_t i = 0; i < spots.n && p->cells > 0; i++) {
    uint32_t at = sketch_fold_at(spots.cell[i], p->cells);
    p->left.sum[at] += ours ? handle : 0 - handle;
    p->left.check[at] += ours ? spots.check : 0 - spots.check;
    look_again(p, at);
  }
}

/* false when the sketch contradicts itself or the steps ran out. */
static bool peel_cells(struct peel *p)
{
  uint64_t limit = p->work + (uint64_t)WORK_A_CELL * p->cells + WORK_LEAST;
  while (p->queued > 0) {
    uint32_t at = p->queue[--p->queued];
    uint64_t handle = 0;
    bool ours = false;
    p->waits[at] = false;
    if (p->work > limit) {
      return false;
    }
    if (!shows(p, at, &handle, &ours)) {
      continue;
    }
    if (!note(p, handle, ours)) {
      return false;
    }
    take_out(p, handle, ours);
  }
  return true;
}

static uint32_t cells_left(const struct peel *p)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < p->cells; i++) {
    n += (p->left.sum[i] | p->left.check[i]) != 0 ? 1 : 0;
  }
  return n;
}

/* ---- syndromes ---- */

static void take_from_syndromes(struct peel *p, uint32_t from)
{
  for (uint32_t i = from; i < p->n; i++) {
    gf64_add_odd_powers(p->syndrome, p->syndromes, p->handle[i]);
  }
}

static bool syndromes_left(const struct peel *p)
{
  uint64_t any = 0;
  for (uint32_t i = 0; i < p->syndromes; i++) {
    any |= p->syndrome[i];
  }
  return any != 0;
}

/* Syndromes don't say which side has a handle: our set does. 1 when all ${n}
 * are new, 0 when not, or the host's code. */
static int place(struct peel *p, const uint64_t *handles, int n,
                 const struct sync_set *set, struct err *e)
{
  for (int i = 0; i < n; i++) {
    int ours = set->has(set->host, handles[i], e);
    if (ours < 0) {
      return ours;
    }
    if (!note(p, handles[i], ours > 0)) {
      return 0;
    }
    take_out(p, handles[i], ours > 0);
  }
  return 1;
}

/* What peeling left over. The syndromes of more handles than they tell look,
 * now and then, like those of a few: their answer has to explain every cell,
 * or nothing of it is taken. */
static int finish(struct peel *p, const struct sync_set *set, struct err *e)
{
  uint64_t handles[SKETCH_SYNDROMES];
  uint32_t found = p->n, left = cells_left(p);
  if (left > SKETCH_SPOTS_MAX * p->syndromes) {
    return PEEL_MORE; /* more handles are in there than syndromes tell */
  }
  take_from_syndromes(p, 0);
  if (left == 0 && !syndromes_left(p)) {
    return PEEL_DONE;
  }
  int n = pin_decode(handles, p->syndrome, p->syndromes);
  int rc = n < 0 ? 0 : place(p, handles, n, set, e);
  if (rc > 0 && peel_cells(p)) {
    take_from_syndromes(p, found);
    if (cells_left(p) == 0 && !syndromes_left(p)) {
      return PEEL_DONE;
    }
  }
  p->n = found;
  return rc < 0 ? rc : PEEL_MORE;
}

/* ---- all of it ---- */

static void begin(struct peel *p, const struct sketch *ours,
                  const struct sketch_part *theirs)
{
  p->n = p->queued = 0;
  p->work = 0;
  p->cells = theirs->count;
  p->syndromes = theirs->syndromes;
  memset(p->slot, 0, sizeof p->slot);
  for (uint32_t i = 0; i < p->syndromes; i++) {
    p->syndrome[i] = theirs->syndrome[i] ^ ours->syndrome[i];
  }
  if (p->cells > 0) {
    p->left = ours->cells;
    sketch_fold(&p->left, p->cells);
  }
  for (uint32_t i = 0; i < p->cells; i++) {
    p->left.sum[i] = theirs->cells.sum[i] - p->left.sum[i];
    p->left.check[i] = theirs->cells.check[i] - p->left.check[i];
    p->waits[i] = false;
    look_again(p, i);
  }
}

int peel(struct peel *out, const struct sketch *ours,
         const struct sketch_part *theirs, const struct sync_set *set,
         struct err *e)
{
  CHECK(theirs->count <= SKETCH_CELLS);
  CHECK(theirs->syndromes <= SKETCH_SYNDROMES);
  begin(out, ours, theirs);
  if (out->cells + out->syndromes == 0) {
    return PEEL_MORE;
  }
  if (!peel_cells(out)) {
    return PEEL_BAD;
  }
  return finish(out, set, e);
}
