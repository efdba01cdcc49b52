/* SPDX-License-Identifier: 0BSD */
/* Slips: what a station has and wants, the courier's shopping list. Signed
 * dag-cbor; FORMAT.md has the bytes. What a station has is told in one of two
 * ways, for each collection in the shorter one: by its parcels' salted 8-byte
 * handles (in the wish that covers it), or by a sketch (in a set of its own).
 */
#ifndef SYNC_SLIP_H
#define SYNC_SLIP_H

#include "base/buf.h"
#include "base/err.h"
#include "form/cid.h"
#include "form/crypt.h"

#define SLIP_HANDLE_SIZE 8

#define SLIP_SALT_SIZE 16

/* {"sig", "kind": "slip/2", "salt": bytes(16), "sets": [set ...], "time",
 *  "author": bytes(32), "budget": int bytes (0: none said),
 *  "wishes": [wish ...]}; one without sets is "slip/1" and lacks the key.
 * A wish is
 * {"have": bytes(8 * n, ascending, unique), "want": [link ...], "files": int,
 *  "collection": text (what pattern_check takes)}.
 * files: largest file wanted in bytes, 0 none, CBOR_INT_MAX all.
 * want: blocks wished for one by one, the dearest first.
 * A set is {"name": text, "count": int, "digest": bytes(32), "sketch": bytes}:
 * all parcels of one collection, in no wish's `have`; ascending by name.
 * digest: sync/setsum.h. sketch: part of a sketch from cell 0 on, or empty. */
struct slip_wish {
  struct span collection;
  int64_t files;
  struct span have; /* handles, big endian, ascending */
  struct span want; /* CBOR bytes of the list of links */
};

struct slip_set {
  struct span name;
  int64_t count;
  const uint8_t *digest; /* HASH_SIZE bytes */
  struct span sketch;
};

struct slip {
  const uint8_t *author, *sig, *salt;
  int64_t time, budget;
  struct span wishes, sets; /* CBOR bytes of the lists; sets.p may be NULL */
  size_t count, sets_n;
  struct span bytes;
};

/* Decode strictly: canonical CBOR, exactly these keys, all limits. The wishes
 * are checked too. Does not check the signature. */
int slip_read(struct slip *out, struct span file, struct err *e) MUST_USE;

/* 0 or ERR_SIG (or ERR_NOMEM: the message is copied once). */
int slip_verify(const struct slip *s, struct err *e) MUST_USE;

/* Walk the wishes, or the sets, of a slip that slip_read gave. Zero-initialise
 * ${it}; false at the end. */
struct slip_walk {
  size_t at; /* offset in the list */
  size_t left;
  bool started;
};
bool slip_wish_next(const struct slip *s, struct slip_walk *it,
                    struct slip_wish *out);
bool slip_set_next(const struct slip *s, struct slip_walk *it,
                   struct slip_set *out);

/* Handle of a parcel under a slip's salt: SipHash-2-4 of the CID's digest. */
uint64_t slip_handle(const uint8_t salt[SLIP_SALT_SIZE],
                     const struct cid *parcel);

/* Is ${handle} in the sorted list ${have}? */
bool slip_has(struct span have, uint64_t handle);

/* Writing: zero-initialise, one slip_add per wish (copied; an empty `want` is
 * an empty list), one slip_add_set per set, then finish appends the signed
 * slip to ${out}. A wish or set that slip_read would refuse is refused with
 * the same code; ERR_LIMIT for more than SLIP_WISHES_MAX wishes, SLIP_SETS_MAX
 * sets or SLIP_SIZE_MAX bytes. Free it in any case. */
struct slip_writer {
  struct buf wishes, sets, last; /* last: the name before */
  size_t count, sets_n;
};
int slip_add(struct slip_writer *w, const struct slip_wish *wish,
             struct err *e) MUST_USE;
int slip_add_set(struct slip_writer *w, const struct slip_set *set,
                 struct err *e) MUST_USE;
/* Bytes that the finished slip will have at most. */
size_t slip_size(const struct slip_writer *w);
int slip_finish(struct slip_writer *w, struct buf *out,
                const struct identity *id, const uint8_t salt[SLIP_SALT_SIZE],
                int64_t time, int64_t budget, struct err *e) MUST_USE;
void slip_writer_free(struct slip_writer *w);

#endif
