/* SPDX-License-Identifier: 0BSD */
/* A slip as somebody brought it: a file, or the text of a QR code or an SMS. */
#ifndef STATION_BROUGHT_H
#define STATION_BROUGHT_H

#include "station/inside.h"
#include "sync/slip_text.h"

/* Short slips in one text: more are refused. */
#define SLIP_SHORTS_MAX 64

struct brought {
  struct buf bytes;
  struct slip slip; /* views into ${bytes}; unless there are shorts */
  struct slip_short *shorts;
  size_t shorts_n;
};

/* Read the slip at ${path}, "-" for standard input, and check its signature
 * (short ones have none). The message of a failure names the file: ERR_INVALID
 * for what is no slip, ERR_SIG, ERR_LIMIT. Zero-initialise ${b}; free it in
 * any case. */
int brought_load(struct brought *b, const char *path, struct err *e) MUST_USE;
void brought_free(struct brought *b);

/* The short slip for this collection, or NULL. ERR_NOMEM counts as none. */
const struct slip_short *brought_short(const struct brought *b,
                                       struct span collection);

/* Largest file that it wishes for of this collection; -1: it does not wish
 * for the collection at all. */
int64_t brought_files(const struct brought *b, struct span collection);

/* The ${skip}-th of all blocks that the slip names: false at their end. */
bool brought_wanted(const struct brought *b, size_t skip, struct cid *out);

#endif
