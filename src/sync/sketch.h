/* SPDX-License-Identifier: 0BSD */
/* Sketch: a small summary of a set of handles from which two stations work
 * out what each lacks, at a cost that grows with the difference alone.
 *
 * Three parts, all of them sums, so that a handle goes in or out in constant
 * time and two sketches can be subtracted:
 *   cells      a folding irregular table: 85 % of the handles are summed into
 *              3 cells, 15 % into 16. Peeled, it tells as many differences as
 *              it has cells, less about a seventh (sync/peel.h).
 *   syndromes  PinSketch: up to 16 differences exactly, and what is left when
 *              peeling gets stuck (sync/pin.h).
 *   counters   tug of war: how many differ, about.
 * Nothing here says that two sets are equal: cells are forged in milliseconds.
 * That is said by sync/setsum.h.
 *
 * Folding. The table of p cells is that of 2p with its upper half added to
 * the lower. Cell c travels as it is in the smallest table of a power of two
 * that has it; so cells 0 .. m - 1 are a table of any size m, each further
 * cell parts one of them in two, and the answer to "more" is just the next
 * cells.
 */
#ifndef SYNC_SKETCH_H
#define SYNC_SKETCH_H

#include "base/buf.h"
#include "base/limits.h"
#include "form/crypt.h"
#include "form/hash.h"
#include "sync/set.h"

#define SKETCH_COUNTERS 128u
#define SKETCH_CELL_SIZE 12u  /* on the wire */
#define SKETCH_SPOTS_MAX 16u  /* cells that one handle is in */
#define SKETCH_PART_HEAD 5u   /* bytes before the syndromes */
#define SKETCH_HELLO_SIZE 168 /* 8 + 32 + 128 */
#define SKETCH_PART_MAX                                                        \
  (SKETCH_PART_HEAD + 8 * SKETCH_SYNDROMES + SKETCH_CELL_SIZE * SKETCH_CELLS)

struct sketch_cells {
  uint64_t sum[SKETCH_CELLS];   /* of handles, modulo 2^64 */
  uint32_t check[SKETCH_CELLS]; /* of their check numbers, modulo 2^32 */
};

/* 48.3 KiB; zero-initialised is the empty set's. No pointers: it may be
 * copied, which is how a session takes its snapshot. */
struct sketch {
  struct sketch_cells cells;
  uint64_t syndrome[SKETCH_SYNDROMES];
  uint8_t counter[SKETCH_COUNTERS]; /* modulo 2^8 */
};

/* ---- handles ---- */

/* A parcel's handle: the first 8 bytes of its digest as a number, the first
 * one the highest; 1 in place of 0, which PinSketch can't see. */
uint64_t sketch_handle(const uint8_t digest[SET_DIGEST_SIZE]);

/* The same under a key (SipHash-2-4): for private collections, and for the
 * throwaway sketch that a peer's ground ids can't foresee. */
uint64_t sketch_keyed_handle(const uint8_t key[CRYPT_SALT_SIZE],
                             const uint8_t digest[SET_DIGEST_SIZE]);

/* Where a handle (not 0) goes in the full table, and its check number. A cell
 * may stand there twice: then it holds the handle twice. */
struct sketch_spots {
  uint32_t n;
  uint32_t check;
  uint16_t cell[SKETCH_SPOTS_MAX];
};
void sketch_spots(struct sketch_spots *out, uint64_t handle);
uint32_t sketch_check(uint64_t handle);

/* Where cell ${i} of the full table is in the table of ${m} cells. */
static inline uint32_t sketch_fold_at(uint32_t i, uint32_t m)
{
  uint32_t p = SKETCH_CELLS; /* the largest power of two <= m */
  while (p > m) {
    p /= 2;
  }
  i &= 2 * p - 1;
  return i < m ? i : i - p;
}

/* ---- changing; these cannot fail ---- */

/* Each handle goes in once and comes out once; a second time spoils the sums
 * for good, and nothing here can tell. */
void sketch_add(struct sketch *s, uint64_t handle);
void sketch_remove(struct sketch *s, uint64_t handle);

/* Into the cells alone, at half the cost: for throwaway sketches, of which no
 * syndromes are sent and no size is asked. */
void sketch_add_cells(struct sketch_cells *c, uint64_t handle);

/* ${s} with all of ${other}, which shares nothing with it; ${s} without all
 * of ${other}. */
void sketch_merge(struct sketch *s, const struct sketch *other);
void sketch_subtract(struct sketch *s, const struct sketch *other);

/* Fold the full table ${c} to its first ${m} cells, or one of ${size} cells, a
 * power of two, to half of that; in place, what lies above is left over. */
void sketch_fold(struct sketch_cells *c, uint32_t m);
void sketch_halve(struct sketch_cells *c, uint32_t size);

/* ---- how many differ ---- */

/* What goes ahead. The wire form: count (8 bytes, big endian; at most
 * CBOR_INT_MAX), digest (sync/setsum.h), counters. */
struct sketch_hello {
  uint64_t count;
  uint8_t digest[HASH_SIZE];
  uint8_t counter[SKETCH_COUNTERS];
};
void sketch_hello_of(struct sketch_hello *out, const struct sketch *s,
                     uint64_t count, const uint8_t digest[HASH_SIZE]);
int sketch_hello_put(struct buf *out, const struct sketch_hello *h) MUST_USE;
int sketch_hello_read(struct sketch_hello *out, struct span bytes,
                      struct err *e) MUST_USE;

/* About how many handles differ (an eighth off as a rule, from 100,000 on just
 * "many"); never fewer than the counts differ by. No proof of anything:
 * 0 may be a chance. */
uint64_t sketch_estimate(const struct sketch_hello *a,
                         const struct sketch_hello *b);

/* How much to send for that many. false: more than a sketch can tell; take
 * throwaway ones in parts, or ids. */
struct sketch_plan {
  uint32_t cells, syndromes;
};
bool sketch_plan(struct sketch_plan *out, uint64_t differ);

/* Into how many throwaway sketches (2^bits) that many should go. false: too
 * many for these as well. */
bool sketch_plan_parts(uint32_t *bits, uint64_t differ);

/* How many cells to have in all when ${cells} were not enough; SKETCH_CELLS
 * at most. */
uint32_t sketch_plan_more(uint32_t cells);

/* ---- the wire form ---- */

/* Part of a sketch: number of its first cell (2 bytes, big endian), how many
 * cells (2), how many syndromes (1); the syndromes (8 each), the cells (8 and
 * 4 each), big endian. Nothing after that. Syndromes come with cell 0 only. */

/* Append the part with the first ${syndromes} syndromes and the cells
 * ${from} .. ${to} - 1, to <= SKETCH_CELLS. ERR_NOMEM. */
int sketch_part_put(struct buf *out, const struct sketch *s, uint32_t from,
                    uint32_t to, uint32_t syndromes) MUST_USE;

/* 0 when sketch_part_read would take it as the first part, else its code. */
int sketch_part_check(struct span bytes, struct err *e) MUST_USE;

/* What has come of a peer's sketch; zero-initialise. */
struct sketch_part {
  struct sketch_cells cells; /* folded to ${count} cells */
  uint64_t syndrome[SKETCH_SYNDROMES];
  uint32_t count, syndromes;
  bool begun;
};

/* Take the next part: the first one begins with cell 0, each other one where
 * the last ended. ERR_INVALID or ERR_LIMIT leave ${p} as it was. */
int sketch_part_read(struct sketch_part *p, struct span bytes,
                     struct err *e) MUST_USE;

/* ---- at rest ---- */

/* 50.3 KiB. ${upto} is whatever the host orders its log by: the parcels that
 * are in it. A SHA-256 at the end, because this is a cache: what does not
 * read back whole is made anew. */
struct setsum;
struct sketch_rest {
  struct sketch *sketch;
  struct setsum *sum;
  uint64_t upto;
};
int sketch_rest_put(struct buf *out, const struct sketch_rest *r) MUST_USE;
int sketch_rest_read(struct sketch_rest *r, struct span bytes,
                     struct err *e) MUST_USE;

/* ---- made on the spot ---- */

/* Sketch a whole set, a batch at a time. With ${keyed}, handles are those of
 * ${key}; with ${bits} > 0 (<= SKETCH_SCAN_BITS_MAX) the handles go by their
 * highest bits into 2^bits sketches, each for its share of the differences. */
struct sketch_scan {
  uint8_t key[CRYPT_SALT_SIZE];
  bool keyed;
  bool cells_only; /* sketch_add_cells */
  uint32_t bits;
  struct sketch *sketch; /* 2^bits of them, empty; the caller's */
  struct setsum *sum;    /* filled as well, unless NULL */
  uint64_t cursor;       /* 0 at the start */
};

/* One batch. 1 when there may be more, 0 at the end, or the host's code. */
int sketch_scan_step(struct sketch_scan *scan, const struct sync_set *set,
                     struct err *e) MUST_USE;

#endif
