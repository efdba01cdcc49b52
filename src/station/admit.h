/* SPDX-License-Identifier: 0BSD */
/* The one door: whatever enters the store, ours or foreign, passes here. */
#ifndef STATION_ADMIT_H
#define STATION_ADMIT_H

#include "station/change.h"
#include "station/inside.h"
#include "station/listing.h"

/* What came in, summed over calls. */
struct admit_counts {
  uint64_t added;     /* records that are new here */
  uint64_t parcels;   /* parcels that are new here */
  uint64_t known;     /* blocks that were here before */
  uint64_t files;     /* blocks of files */
  uint64_t bytes;     /* plain bytes of all these */
  uint64_t withdrawn; /* withdrawals that took something back */
  uint64_t held;      /* parcels from the future */
};

/* A record that is at hand: the caller has checked the hash, and
 * record_read gave the view. The bytes are lent. */
struct admit_record {
  struct cid cid;
  struct record rec;
};

/* A parcel: the caller has checked hash and signature (parcel_verify). Of
 * the records that it lists, ${record} are at hand; ${refused} are those that
 * the policy refused: they are not asked for again. */
struct admit_parcel {
  struct cid cid;
  struct parcel view;
  const struct admit_record *record;
  size_t records;
  const struct cid *refused;
  size_t refused_n;
};

/* Take a parcel and its records in, in one atomic change (a parcel from
 * further ahead than CLOCK_SKEW_MAX_S is held back instead). A known parcel
 * gets the records that it lacks. Durable on return. */
int admit_parcel(struct station *st, const struct admit_parcel *in,
                 struct admit_counts *counts, struct err *e) MUST_USE;

/* Take in a record that parcels here list and that was missing; does nothing
 * when none asks for it. */
int admit_record(struct station *st, const struct admit_record *in,
                 struct admit_counts *counts, struct err *e) MUST_USE;

enum admit_want {
  WANT_NONE,   /* nothing here lists it */
  WANT_RECORD, /* a parcel lists it */
  WANT_FILE    /* a record or a file's node lists it, and the rules want it */
};

/* A parcel that lists the missing record ${cid}: its CID, and its bytes
 * appended to ${bytes}. 1, or 0 when there is none. */
int admit_asked_by(struct station *st, const struct cid *cid,
                   struct cid *parcel, struct buf *bytes,
                   struct err *e) MUST_USE;

/* Does anything here ask for a block with this CID? A want, or a negative
 * code. Looks at ids only: hash it after. */
int admit_wants(struct station *st, const struct cid *cid, struct err *e);

/* Take in blocks of files (hashes checked; dag-pb nodes strictly decoded by
 * the caller) that admit_wants asked for, or that an import made. */
int admit_files(struct station *st, const struct store_block *block, size_t n,
                struct admit_counts *counts, struct err *e) MUST_USE;

/* A block of a file is here under number ${ref}, and notes still ask for it:
 * a crash came between admit_files' two changes. Make the second one. */
int admit_settle(struct station *st, const struct cid *cid, uint64_t ref,
                 struct err *e) MUST_USE;

/* ---- derive (also used by rebuild) ---- */

/* Derive everything of a parcel that is in the store already. */
int admit_again(struct station *st, uint64_t ref, struct admit_counts *counts,
                struct err *e) MUST_USE;
/* Note the children of a file's node that are not here. */
int admit_node_again(struct station *st, uint64_t ref, struct err *e) MUST_USE;

/* ---- held parcels (held.c) ---- */
bool admit_is_ahead(struct station *st, const struct parcel *p);
int admit_hold(struct station *st, const struct admit_parcel *in,
               struct admit_counts *counts, struct err *e) MUST_USE;
/* Take in those whose time has come. */
int admit_release_held(struct station *st, struct err *e) MUST_USE;
/* Read st->held_next, st->held_n and st->held_bytes from the store. */
int held_load(struct station *st, struct err *e) MUST_USE;

/* Read st->unindexed_after and what held_load reads from the store. */
int admit_load_state(struct station *st, struct err *e) MUST_USE;
/* The pair's key, for changes that carry the mark along (8 bytes, big
 * endian). */
struct span admit_unindexed_key(void);
/* Store and set st->unindexed_after. */
int admit_set_unindexed(struct station *st, uint64_t after,
                        struct err *e) MUST_USE;

/* The document that record ${ref} should have, into ${c}; none when it is not
 * listed (indexing.c). */
int indexing_document(struct station *st, struct change *c, uint64_t ref,
                      struct err *e) MUST_USE;

#endif
