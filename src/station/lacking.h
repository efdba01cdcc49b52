/* SPDX-License-Identifier: 0BSD */
/* Which parcels a slip's author lacks, in the order in which they go: those
 * that hold a withdrawal, label or correction, then the others, the newest
 * first. */
#ifndef STATION_LACKING_H
#define STATION_LACKING_H

#include "station/brought.h"
#include "station/inside.h"

struct lacking_parcel {
  uint64_t ref;
  int64_t time;
  uint32_t records;
  bool urgent;
};

/* Set the first three, clear the rest. */
struct lacking {
  struct station *st;
  const struct brought *slip;
  struct span patterns; /* each with a zero byte behind it; none: all */

  /* What comes out. */
  struct lacking_parcel *parcel;
  size_t n, cap;
  uint64_t records;
  uint64_t theirs;  /* parcels that its author has and we don't, as far as its
                       sketches tell */
  struct buf whole; /* names, each with a zero byte, of collections of which
                       the slip says too little: all of their parcels go */

  /* Where it stands. */
  int stage;
  struct buf names; /* of all collections here */
  size_t at;        /* the one under way, ... */
  uint64_t after;   /* ... and how far its log is */
  bool in_log, all; /* the log is walked; every parcel of it goes */
  struct slip_walk sets;
  struct slip_set set; /* the next one of the slip */
  bool set_at_hand;
  size_t looked; /* parcels that were read */
  int64_t sort;
  uint64_t row;
};

/* About 4,096 parcels a step: 1 while there is more to do. */
int lacking_step(struct lacking *l, struct err *e) MUST_USE;
void lacking_free(struct lacking *l);

/* Is ${name} covered by one of ${patterns} (as above)? */
bool patterns_match(struct span patterns, struct span name);

#endif
