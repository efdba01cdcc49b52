/* SPDX-License-Identifier: 0BSD */
/* The dearest of the missing blocks, in the order in which they are asked for.
 *
 * Anyone may name blocks that nobody has, as many as they like. So who wants
 * a block counts: of each kind come first those that this station, or somebody
 * vouched for, wants; then one for each parcel or record that wants any, then
 * a second for each, and so on; of equal turns the newest. Where there are
 * more than can be kept, each lot keeps a part, and half of it by chance: no
 * number of names, and no date, is sure to keep another out. A walk begins
 * anywhere, so that those who want many have another turn the next time. */
#ifndef STATION_WANTS_H
#define STATION_WANTS_H

#include "station/refset.h"
#include "station/wanting.h"

#define WANTS_LOTS (2u * WANTING_KINDS) /* a kind; of it trusted, others */
/* Those who want something, told apart by a secret hash: where two share a
 * place, they share their turns. */
#define WANTS_SLOTS 4096u

struct want {
  struct cid cid;
  uint8_t lot;   /* 2 * kind, + 1 unless trusted */
  uint8_t rank;  /* for the choice of those that are kept */
  bool lucky;    /* chance put it first of its lot */
  uint16_t slot; /* who wants it */
  uint16_t turn; /* of theirs */
  int64_t time;
  uint64_t chance;
};

/* Set ${st} and what is asked for below, clear the rest; wants_free. */
struct wants {
  struct station *st;
  size_t most; /* kept of one walk */
  bool timely; /* the newest first; else all by chance */
  bool records_only;
  const struct refset *passed; /* CIDs that are left out, or NULL */
  bool (*leaves)(void *ud, const struct want *w); /* or NULL */
  void *ud;

  struct want *want; /* in order, once the walk is over */
  size_t n;

  /* Where the walk stands. */
  size_t cap;
  uint8_t key[CRYPT_SALT_SIZE];
  bool keyed, wrapped, crowded;
  int64_t from;
  struct missing_walk at;
  struct cid last, last_by;
  uint16_t turns[WANTS_SLOTS];
};

/* Begin a walk: forgets what the last one found. */
void wants_begin(struct wants *w);
/* A part of it: 1 there is more, 0 w->want is in order. */
int wants_step(struct wants *w, struct err *e) MUST_USE;
void wants_free(struct wants *w);

#endif
