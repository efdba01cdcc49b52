/* SPDX-License-Identifier: 0BSD */
/* Parcels: "these records, in this collection, at this time", signed by one
 * author. FORMAT.md has the bytes:
 * {"sig": bytes(64), "kind": "parcel/1", "time": int seconds >= 0,
 *  "author": bytes(32), "records": [link ...], "collection": text}
 * The signature covers "mahatta/parcel/1\0" and the map without `sig`. */
#ifndef FORM_PARCEL_H
#define FORM_PARCEL_H

#include "base/buf.h"
#include "base/err.h"
#include "form/cid.h"
#include "form/crypt.h"

/* A view into the parcel's bytes: valid as long as they are. */
struct parcel {
  int64_t time;           /* seconds since 1970, UTC, as claimed */
  const uint8_t *author;  /* CRYPT_KEY_SIZE bytes */
  const uint8_t *sig;     /* CRYPT_SIG_SIZE bytes */
  struct span collection; /* text */
  size_t count;           /* records, 1 .. PARCEL_RECORDS_MAX */
  const uint8_t *links;   /* count * CBOR_LINK_SIZE bytes */
  struct span bytes;      /* the whole block */
};

/* Is this dag-cbor block a parcel by its `kind`? (A cheap look; parcel_read
 * says whether it is a good one.) */
bool parcel_looks(struct span block);

/* Decode strictly: canonical CBOR, exactly these keys, all limits, links are
 * dag-cbor CIDs and none is listed twice. Does not check the signature. */
int parcel_read(struct parcel *out, struct span block, struct err *e) MUST_USE;

/* 0 or ERR_SIG. ${author_ok} as for crypt_verify. */
int parcel_verify(const struct parcel *p, bool author_ok,
                  struct err *e) MUST_USE;

/* The ${i}-th record's CID, i < count. Cannot fail. */
void parcel_record(const struct parcel *p, size_t i, struct cid *out);

/* Append a signed parcel to ${out}. ERR_INVALID for a bad collection name or
 * time, ERR_LIMIT for count 0 or > PARCEL_RECORDS_MAX. */
int parcel_write(struct buf *out, const struct identity *id, int64_t time,
                 struct span collection, const struct cid *records,
                 size_t count, struct err *e) MUST_USE;

/* A collection's name: 1 .. COLLECTION_NAME_MAX bytes of well-formed UTF-8,
 * segments parted by '/', none empty or "." or "..", no '*', no control or
 * bidi characters, no white space at an end of a segment. */
int collection_check(struct span name, struct err *e) MUST_USE;

/* What stations follow: a collection's name, a prefix that ends in "/" and
 * "*" (all below it), or "*" (all). */
int pattern_check(struct span pattern, struct err *e) MUST_USE;
bool pattern_matches(struct span pattern, struct span name);

#endif
