/* SPDX-License-Identifier: 0BSD */
/* zstd, bounded: what comes from elsewhere is decoded in one shot into a
 * buffer of known size, without dictionaries, window <= 2^20. zpack.c is the
 * only file that includes zstd.h. */
#ifndef FORM_ZPACK_H
#define FORM_ZPACK_H

#include "base/buf.h"
#include "base/err.h"

/* Reusable contexts; one thread at a time. */
struct zpack;
struct zpack *zpack_new(void) MUST_USE; /* NULL: no memory */
void zpack_del(struct zpack *z);

/* Append one independent frame with its content size to ${out}. ${level} as
 * zstd's (1 .. 19). */
int zpack_squeeze(struct zpack *z, struct buf *out, struct span raw, int level,
                  struct err *e) MUST_USE;

/* Append the content of exactly one frame that fills ${frame}, at most
 * ${raw_max} bytes. The frame must state its content size (else ERR_INVALID);
 * a larger one is ERR_LIMIT, without allocating; dictionary ids, windows over
 * ZPACK_WINDOW_LOG_MAX (larger only up to the stated size is also refused),
 * skippable frames, damage: ERR_INVALID. */
int zpack_expand(struct zpack *z, struct buf *out, struct span frame,
                 size_t raw_max, struct err *e) MUST_USE;

/* Length in bytes of the frame that ${p} starts with, 0 when it is cut short,
 * ERR_INVALID when it is none. */
int64_t zpack_frame_size(struct span p);

/* How many bytes the frame's content has, as it states: ERR_INVALID when it
 * doesn't, or is none. Nothing is decoded. */
int64_t zpack_content_size(struct span frame);

/* Does it start with zstd's magic number? */
bool zpack_looks(struct span p);

/* After damage: offset of the next magic number at or after ${from}, or s.n
 * when there is none (the last 3 bytes may begin one: keep them when more is
 * to come). zpack_expand says whether a frame really starts there. */
size_t zpack_seek(struct span s, size_t from);

#endif
