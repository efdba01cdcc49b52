/* SPDX-License-Identifier: 0BSD */
/* Blocks that are found damaged are forgotten, so that the next sync, slip or
 * carry file asks for them as for any other that is missing. FORMAT.md, "What
 * is found damaged", has the whole of it.
 *
 * Order: look at blocks (mend_look), then step until it is done: what the
 * rows still tell of damaged parcels is gathered first, as those of our own
 * can be signed again; then all damaged blocks go in one change, which also
 * notes who wants those of files. Where a parcel or record went, what is
 * derived from it is still there: a rebuild must follow, and the change marks
 * it as under way, so that a crash in between can't drop it. */
#ifndef STATION_MEND_H
#define STATION_MEND_H

#include "station/change.h"
#include "station/job.h"

struct damage {
  uint64_t ref;
  struct cid cid;
  bool named;  /* ${cid} can be read */
  bool file;   /* a block of a file */
  bool parcel; /* found among the parcels: */
  int64_t time;
  struct buf block; /* of our own, signed again */
};

enum mend_stage { MEND_TIMES, MEND_LISTS, MEND_SIGN, MEND_WANTED, MEND_FORGET };

/* Zero-initialise, set ${job}; 60 KiB. */
struct mend {
  struct job *job; /* whose faults, and whose station */
  struct damage found[MEND_BLOCKS_MAX];
  size_t n;
  bool listed; /* some are no blocks of files: a rebuild must follow */
  /* work under way */
  enum mend_stage stage;
  bool sorted, nodes; /* by number; now at the nodes of files */
  int64_t sort;
  uint64_t ref;
  size_t at;
  struct buf lists; /* struct mend_pair */
  struct change *change;
  /* what came of it, over all rounds */
  uint64_t forgotten, parcels, signed_again;
};

void mend_free(struct mend *m);

/* No more can be noted in this round. */
static inline bool mend_full(const struct mend *m)
{
  return m->n == MEND_BLOCKS_MAX;
}

/* Read block ${ref} (hashed if ${data}) into ${block}; one that is damaged is
 * told as a fault of the job: 1. 0: it is sound, or no longer here. */
int mend_look(struct job *j, uint64_t ref, bool data, struct buf *block,
              struct damage *out, struct err *e) MUST_USE;

/* Note what mend_look found; not when it is full. */
void mend_note(struct mend *m, const struct damage *d);

/* A slice of forgetting what was noted: 1 there is more, 0: it is forgotten,
 * and there is room again. */
int mend_step(struct mend *m, struct err *e) MUST_USE;

/* What the job tells of it. */
void mend_tell(const struct mend *m, struct job *j);

#endif
