/* SPDX-License-Identifier: 0BSD */
/* Slips as text: a whole one in the letters of a QR code, and short ones that
 * an SMS holds. FORMAT.md has both. */
#ifndef SYNC_SLIP_TEXT_H
#define SYNC_SLIP_TEXT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- for QR codes ---- */

/* "MAHATTA:" and Base45 (RFC 9285): the capital letters, digits and marks for
 * which a QR code has a dense mode of its own, so that text which every reader
 * gives back whole costs 3 % more than bytes. Appends; ERR_NOMEM. */
int slip_scan_put(struct buf *out, struct span slip) MUST_USE;

/* Is ${text} one of these? Blanks before it are passed over, and the name of
 * the kind of code that some readers put first. */
bool slip_scan_looks(struct span text);

/* The slip's bytes appended to ${out}. ERR_INVALID says which letter. */
int slip_scan_read(struct buf *out, struct span text, struct err *e) MUST_USE;

/* Letters that ${n} bytes take. */
static inline size_t slip_scan_size(size_t n)
{
  return sizeof "MAHATTA:" - 1 + n / 2 * 3 + n % 2 * 2;
}

/* ---- for SMS ---- */

#define SLIP_SHORT_WHO 6    /* first bytes of the station's key */
#define SLIP_SHORT_COLL 6   /* and of the collection's SHA-256 */
#define SLIP_SHORT_DIGEST 8 /* and of its set digest */
#define SLIP_SHORT_SYNDROMES 9u
#define SLIP_SHORT_TEXT 140 /* letters at most */

/* One collection of a station that says so: nobody signed it. */
struct slip_short {
  uint8_t who[SLIP_SHORT_WHO];
  uint8_t coll[SLIP_SHORT_COLL];
  uint8_t digest[SLIP_SHORT_DIGEST];
  uint32_t count;
  uint8_t files; /* largest file wanted: 2^files bytes; 0 none, 63 all */
  uint32_t syndromes;
  uint64_t syndrome[SLIP_SHORT_SYNDROMES];
};

/* One line without its end. ERR_NOMEM. */
int slip_short_put(struct buf *out, const struct slip_short *s) MUST_USE;

/* Is ${text} a line, or some, of these? */
bool slip_short_looks(struct span text);

/* Read the line at ${*at} and go behind it: 1, or 0 at the end of ${text}.
 * Blanks around it don't matter. ERR_INVALID: a letter is wrong. */
int slip_short_next(struct slip_short *out, struct span text, size_t *at,
                    struct err *e) MUST_USE;

#endif
