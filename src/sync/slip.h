/* SPDX-License-Identifier: 0BSD */
/* Slips: what a station has and wants, the courier's shopping list. Signed
 * dag-cbor; FORMAT.md has the bytes. Parcels are named by salted 8-byte
 * handles, so a stolen slip is no reading list. Sketches join here later. */
#ifndef SYNC_SLIP_H
#define SYNC_SLIP_H

#include "base/buf.h"
#include "base/err.h"
#include "form/cid.h"
#include "form/crypt.h"

#define SLIP_HANDLE_SIZE 8

#define SLIP_SALT_SIZE 16

/* {"sig", "kind": "slip/1", "salt": bytes(16), "time", "author": bytes(32),
 *  "budget": int bytes (0: none said), "wishes": [wish ...]} and a wish is
 * {"have": bytes(8 * n, ascending, unique), "want": [link ...], "files": int,
 *  "collection": text (what pattern_check takes)}.
 * files: largest file wanted in bytes, 0 none, CBOR_INT_MAX all.
 * want: blocks wished for one by one, the dearest first. */
struct slip_wish {
  struct span collection;
  int64_t files;
  struct span have; /* handles, big endian, ascending */
  struct span want; /* CBOR bytes of the list of links */
};

struct slip {
  const uint8_t *author, *sig, *salt;
  int64_t time, budget;
  struct span wishes; /* CBOR bytes of the list */
  size_t count;
  struct span bytes;
};

/* Decode strictly: canonical CBOR, exactly these keys, all limits. The wishes
 * are checked too. Does not check the signature. */
int slip_read(struct slip *out, struct span file, struct err *e) MUST_USE;

/* 0 or ERR_SIG (or ERR_NOMEM: the message is copied once). */
int slip_verify(const struct slip *s, struct err *e) MUST_USE;

/* Walk the wishes of a slip that slip_read gave. Zero-initialise ${it}; false
 * at the end. */
struct slip_wishes {
  size_t at; /* offset in s->wishes */
  size_t left;
  bool started;
};
bool slip_wish_next(const struct slip *s, struct slip_wishes *it,
                    struct slip_wish *out);

/* Handle of a parcel under a slip's salt: SipHash-2-4 of the CID's digest. */
uint64_t slip_handle(const uint8_t salt[SLIP_SALT_SIZE],
                     const struct cid *parcel);

/* Is ${handle} in the sorted list ${have}? */
bool slip_has(struct span have, uint64_t handle);

/* Writing: zero-initialise, one slip_add per wish (copied; an empty `want` is
 * an empty list), then finish appends the signed slip to ${out}. A wish that
 * slip_read would refuse is refused with the same code; ERR_LIMIT for more
 * than SLIP_WISHES_MAX wishes or SLIP_SIZE_MAX bytes. Free it in any case. */
struct slip_writer {
  struct buf wishes;
  size_t count;
};
int slip_add(struct slip_writer *w, const struct slip_wish *wish,
             struct err *e) MUST_USE;
int slip_finish(struct slip_writer *w, struct buf *out,
                const struct identity *id, const uint8_t salt[SLIP_SALT_SIZE],
                int64_t time, int64_t budget, struct err *e) MUST_USE;
void slip_writer_free(struct slip_writer *w);

#endif
