/* SPDX-License-Identifier: 0BSD */
/* Which handles differ: takes the difference of two sketches apart.
 *
 * A cell that holds a single handle shows it: the check number fits, and it
 * is where that handle belongs. The handle is taken out of its other cells,
 * which may leave single ones, and so on. What gets stuck is tried with the
 * syndromes. No sign and no count travels: sums that are the negative of a
 * handle are a handle that only we have.
 *
 * The peer may have made up every byte. So: no handle comes out twice, not
 * more come out than there are cells and syndromes, and the steps are counted.
 */
#ifndef SYNC_PEEL_H
#define SYNC_PEEL_H

#include "sync/sketch.h"

#define PEEL_HANDLES_MAX (SKETCH_CELLS + SKETCH_SYNDROMES)
#define PEEL_SLOTS 16384u /* a power of two, > 2 * PEEL_HANDLES_MAX */

enum peel_verdict {
  PEEL_DONE = 0, /* all that came is explained; equality is for the digest */
  PEEL_MORE = 1, /* stuck, or nothing came: more cells may help */
  PEEL_BAD = 2   /* contradicts itself: no further cell of this one helps */
};

/* The result and all that the work needs: 128 KiB, no pointers. */
struct peel {
  uint32_t n;                        /* handles found */
  uint64_t handle[PEEL_HANDLES_MAX]; /* in no order */
  bool ours[PEEL_HANDLES_MAX];       /* only we have it; else only they */
  uint64_t work;                     /* steps taken */

  uint32_t cells, syndromes;
  struct sketch_cells left; /* theirs less ours less what was found */
  uint64_t syndrome[SKETCH_SYNDROMES];
  uint32_t queued; /* cells to look at, each once */
  uint16_t queue[SKETCH_CELLS];
  bool waits[SKETCH_CELLS];
  uint16_t slot[PEEL_SLOTS]; /* index of a handle, plus 1 */
};

/* A verdict, or the code of ${set}'s host. ${set} is our set: handles that
 * only the syndromes show are looked up there (16 at most). The handles found
 * so far stand in ${out} whatever the verdict. They are what the peer says:
 * one that is "ours" has to be looked up before it is sent, and one that the
 * peer can't back with a parcel is dropped. */
int peel(struct peel *out, const struct sketch *ours,
         const struct sketch_part *theirs, const struct sync_set *set,
         struct err *e) MUST_USE;

#endif
