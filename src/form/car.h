/* SPDX-License-Identifier: 0BSD */
/* CARv1: a header, then sections of varint length, CID, bytes. Sans-IO: the
 * caller gives windows of bytes and moves them on. */
#ifndef FORM_CAR_H
#define FORM_CAR_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "form/cid.h"

#define CAR_SECTION_MAX (VARINT_BYTES_MAX + CID_SIZE + BLOCK_SIZE_MAX)

/* Unsigned LEB128, minimal, <= 2^63 - 1. varint_read gives bytes taken, 0
 * when cut short, ERR_INVALID when overlong or too large. */
int varint_read(struct span s, uint64_t *out);
size_t varint_put(uint8_t out[VARINT_BYTES_MAX], uint64_t v);

/* Append header / section. */
int car_put_header(struct buf *b, const struct cid *roots,
                   size_t count) MUST_USE;
int car_put_section(struct buf *b, const struct cid *c,
                    struct span block) MUST_USE;

/* Read the header that ${s} starts with: returns bytes taken, 0 when more is
 * needed (never more than CAR_HEADER_MAX + 2), or ERR_INVALID / ERR_LIMIT
 * (not version 1, unknown or doubled keys, not canonical, > CAR_HEADER_MAX
 * bytes, > CAR_ROOTS_MAX roots). Roots may be any CID; those of our form are
 * given out in ${roots} (room for CAR_ROOTS_MAX), ${count} of them. */
int64_t car_read_header(struct span s, struct cid *roots, size_t *count,
                        struct err *e);

/* CARv2 (what other tools write) is a CARv1 behind CAR_V2_HEAD bytes, an
 * index after it. car_read_header refuses it and says so; car_read_v2 says
 * where the CARv1 lies: CAR_V2_HEAD, 0 when ${s} is shorter than that, or
 * ERR_INVALID. Whether the file is long enough, the caller sees. */
#define CAR_V2_HEAD 51
bool car_is_v2(struct span s);
int car_read_v2(struct span s, uint64_t *offset, uint64_t *size, struct err *e);

struct car_section {
  struct cid cid;
  struct span block;
};

/* Read the section that ${s} starts with: bytes taken, 0 when cut short
 * (give up to CAR_SECTION_MAX bytes), ERR_INVALID when this can't be a
 * section of ours. Does not hash. */
int64_t car_read_section(struct span s, struct car_section *out, struct err *e);

/* After ERR_INVALID: when ${s} starts with a section that is well formed but
 * names its block by a CID that is not of our form (CIDv0, identity, another
 * hash, a cut digest), the bytes to pass over; they may reach beyond s.n.
 * 0 when it is no such section: it is damage, go on with car_seek. Give
 * VARINT_BYTES_MAX + 128 bytes, or all that is left. */
int64_t car_foreign_section(struct span s);

/* After damage: find the next place in ${s} where a section may start: a
 * minimal length varint, then the head of a CID, of a block whose length fits
 * the varint. Returns the offset of the first candidate at or after ${from},
 * or s.n when there is none (the last CID_SIZE + 4 bytes may still begin a
 * head that is cut: keep them when more is to come). The caller proves a
 * candidate by its hash and goes on one byte later when it fails. */
size_t car_seek(struct span s, size_t from);

/* How much a salvage may hash in vain. Honest damage costs one failed hash a
 * wound; a file made of nothing but heads of 2 MiB blocks would cost 50,000
 * times its own size. So what fails is paid from a budget that grows with the
 * way that has been made through the file. Where its size is known, that is
 * its size and twice the way: with what is good, all hashing comes to four
 * times the file. Else (compressed) a sum is free. */
#define CAR_SALVAGE_FREE (16u * 1024 * 1024)
#define CAR_SALVAGE_FACTOR 3u
#define CAR_SALVAGE_FACTOR_SIZED 2u

struct car_salvage { /* zero-initialise */
  uint64_t size;     /* of the file, 0: unknown */
  uint64_t wasted;   /* bytes hashed in vain (or being hashed now) */
};

/* May a candidate with ${n} bytes of block, found ${at} bytes into the file,
 * be hashed? True takes ${n} from the budget; false: pass it over as if its
 * hash had failed. car_salvage_good gives ${n} back: its hash held. */
bool car_salvage_try(struct car_salvage *v, uint64_t at, size_t n);
void car_salvage_good(struct car_salvage *v, size_t n);

#endif
