/* SPDX-License-Identifier: 0BSD */
/* A file that appears whole or not at all: written beside its place under a
 * name of ours, synced, renamed without ever replacing, the folder synced. */
#ifndef STATION_OUTFILE_H
#define STATION_OUTFILE_H

#include "base/buf.h"
#include "base/err.h"

struct outfile {
  int dirfd, fd; /* -1: not open */
  char part[40]; /* the name it is written under */
  uint64_t bytes;
};

/* Begin in the folder ${dirfd} (taken over: closed by finish or drop, also on
 * failure here). */
int outfile_start(struct outfile *f, int dirfd, struct err *e) MUST_USE;
/* The same for a path: opens its folder. */
int outfile_start_path(struct outfile *f, const char *path,
                       struct err *e) MUST_USE;
int outfile_write(struct outfile *f, struct span bytes, struct err *e) MUST_USE;
/* Sync and rename to ${name} (last part of a path), durable on return.
 * ${replace}: over an existing file; else ERR_EXIST leaves it open, so that
 * another name can be tried. */
int outfile_finish(struct outfile *f, const char *name, bool replace,
                   struct err *e) MUST_USE;
/* Close and remove what isn't finished. Idempotent. */
void outfile_drop(struct outfile *f);

#endif
