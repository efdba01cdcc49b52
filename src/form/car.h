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

struct car_section {
  struct cid cid;
  struct span block;
};

/* Read the section that ${s} starts with: bytes taken, 0 when cut short
 * (give up to CAR_SECTION_MAX bytes), ERR_INVALID when this can't be a
 * section of ours. Does not hash. */
int64_t car_read_section(struct span s, struct car_section *out,
                         struct err *e);

/* After damage: find the next place in ${s} where a section may start: a
 * minimal length varint, then the head of a CID, of a block whose length fits
 * the varint. Returns the offset of the first candidate at or after ${from},
 * or s.n when there is none (the last CID_SIZE + 4 bytes may still begin a
 * head that is cut: keep them when more is to come). The caller proves a candidate by its
 * hash and goes on one byte later when it fails. */
size_t car_seek(struct span s, size_t from);

#endif
