/* SPDX-License-Identifier: 0BSD */
/* Names of files that come from others, made fit for a disk. */
#ifndef STATION_NAMES_H
#define STATION_NAMES_H

#include "base/buf.h"
#include "base/err.h"

#define NAME_PART_MAX 240 /* bytes of one part: room for " (99)" in 255 */
#define NAME_PARTS_MAX 16

/* Append the parts of ${name}, each cleaned and followed by a zero byte:
 * split at / and \, without empty parts, "." and "..", without characters that
 * control a terminal, reorder text or mean something to a file system, not
 * hidden, no option, no device of Windows, cut at NAME_PART_MAX bytes with the
 * ending kept. At least one part ("file"); of more than NAME_PARTS_MAX the
 * last ones are taken. ERR_NOMEM. */
int names_clean(struct buf *out, struct span name) MUST_USE;

/* Open the folder of ${parts} (all but the last) below ${dirfd}, making what
 * is missing, never through a symbolic link. Returns a descriptor to close. */
int names_open_dir(int dirfd, struct span parts, struct err *e) MUST_USE;

/* The last part. */
const char *names_last(struct span parts);

/* "name (2).ext" for the ${n}-th try; the name itself for n < 2. */
int names_numbered(struct buf *out, const char *name, int n) MUST_USE;

#endif
