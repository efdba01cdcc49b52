/* SPDX-License-Identifier: 0BSD */
/* The persistent sketch and digest of each collection (sync/sketch.h,
 * sync/setsum.h), for sessions and slips.
 *
 * A collection's log is the truth. A sketch holds the log's parcels up to a
 * number, `upto`, and is brought up to the log's end when somebody asks: so a
 * parcel enters it exactly once, whoever admitted it and however that process
 * ended; what another process has committed is seen the same way. At rest lie
 * (as pairs of the store, dropped by a rebuild):
 *   sketch/state/NAME  upto, count, digest: 48 bytes a collection, so that the
 *                      states of thousands can be told without a sketch
 *   sketch/rest/NAME   50 KiB, of collections with more than SKETCHES_SMALL
 *                      parcels; written every SKETCHES_EVERY parcels
 * In memory are SKETCHES_LIVE at most. One thread, as the station. */
#ifndef STATION_SKETCHES_H
#define STATION_SKETCHES_H

#include "station/inside.h"
#include "sync/setsum.h"
#include "sync/sketch.h"

/* Made from the log on the spot: below 2 ms. */
#define SKETCHES_SMALL 1024u
/* Parcels from one checkpoint to the next: 50 bytes written for each. */
#define SKETCHES_EVERY 1024u
#define SKETCHES_LIVE 8 /* of 50 KiB */
/* Parcels that sketches_step takes in: about 6 ms. */
#define SKETCHES_STEP 4096u

/* What a collection's set of parcels is now. */
struct sketches_state {
  uint64_t count;
  uint64_t upto; /* the last one's number in the log; 0: there is none */
  uint8_t digest[HASH_SIZE];
};

/* Bring the collection's sketch nearer to the end of its log: 1 when there is
 * more to do, 0 when sketches_get has nothing left to wait for. ERR_BUSY while
 * the station is being rebuilt. */
int sketches_step(struct station *st, struct span collection,
                  struct err *e) MUST_USE;

/* The state, and a copy of the sketch for ${out} (48 KiB; may be NULL): a
 * snapshot, with which sketches_set and what travels later agree. Does the
 * steps that are left. A collection that is not here is the empty set. */
int sketches_get(struct station *st, struct span collection, struct sketch *out,
                 struct sketches_state *state, struct err *e) MUST_USE;

/* The same, with the sum that the digest is of (2 KiB; may be NULL). */
int sketches_take(struct station *st, struct span collection,
                  struct sketch *out, struct setsum *sum,
                  struct sketches_state *state, struct err *e) MUST_USE;

/* States of the collections after ${after}, in order of their names' bytes:
 * the names into ${names}, each with a zero byte behind it; up to ${max}
 * (STORE_LIST_MAX at most). Returns how many. What has changed since it was
 * noted is made anew: one that was not noted yet takes as long as
 * sketches_get. */
int sketches_states(struct station *st, struct span after, struct buf *names,
                    struct sketches_state *out, size_t max, struct err *e);

/* A collection's set as of ${upto}, for sketch_scan_step and peel. ${set}
 * points into the view, which belongs to the caller and must outlive it. The
 * cursor is the number of the parcel that came last. */
struct sketches_view {
  struct station *st;
  uint64_t upto;
  size_t name_n;
  uint8_t name[COLLECTION_NAME_MAX];
};
void sketches_set(struct sync_set *set, struct sketches_view *view,
                  struct station *st, struct span collection, uint64_t upto);

/* The parcel of the collection, no later than ${upto}, that has this handle
 * (sketch_handle): 1 with its number and CID (both may be NULL), or 0. */
int sketches_parcel(struct station *st, struct span collection, uint64_t upto,
                    uint64_t handle, uint64_t *ref, struct cid *cid,
                    struct err *e) MUST_USE;

/* ---- for the rest of the station ---- */

/* A parcel entered the collection's log (admit says so, after the commit).
 * Nothing hangs on it but that the checkpoint is not left far behind. */
void sketches_note(struct station *st, struct span collection);

/* Drop what lies at rest and in memory: before what is derived is made anew. */
int sketches_reset(struct station *st, struct err *e) MUST_USE;

/* Give the memory back. */
void sketches_free(struct station *st);

#endif
