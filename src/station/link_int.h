/* SPDX-License-Identifier: 0BSD */
/* What the files of the link share. */
#ifndef STATION_LINK_INT_H
#define STATION_LINK_INT_H

#include "station/intake.h"
#include "station/link.h"
#include "station/refset.h"
#include "station/sketches.h"

/* ---- linkplan.c: what goes, and in which order ---- */

/* A parcel that the peer lacks. */
struct pick {
  uint64_t ref;
  int64_t time, rank;
  bool urgent;
};

/* A collection of which the peer lacks all but a few. */
struct bulk {
  struct buf name, except; /* handles (uint64_t), ascending */
  uint64_t upto, cursor;
  int64_t rank;
};

/* Handles under the session's key: a walk finds whose they are. */
struct keyed {
  struct buf name, handles; /* uint64_t, ascending */
  uint8_t key[CRYPT_SALT_SIZE];
  int64_t rank;
  uint64_t cursor;
};

enum plan_step {             /* of putting it in order */
                 PLAN_KEYED, /* handles become parcels */
                 PLAN_BULK,  /* small ones become parcels; large ones are walked
                                later */
                 PLAN_TIMES, /* when were they made? */
                 PLAN_URGENT, /* which of them hold a withdrawal, label or
                                 correction? */
                 PLAN_READY
};

struct plan {
  struct station *st;
  struct pick *pick;
  size_t n, cap, at;
  struct refset picked;   /* parcels that are in it, or were */
  struct buf keyed, bulk; /* of struct keyed, struct bulk */
  size_t keyed_n, bulk_n;
  enum plan_step step;
  size_t step_at;
  uint64_t records;  /* of all picks, for PLAN_URGENT */
  bool walks;        /* large bulks: the whole index is walked */
  bool walks_urgent; /* first those that can't wait */
  int64_t sort;      /* where it stands */
  uint64_t row;
  /* the parcel under way */
  struct cid cid[PARCEL_RECORDS_MAX];
  uint64_t record[PARCEL_RECORDS_MAX];
  size_t record_n, record_at;
  struct buf block;
};

int plan_lack(struct plan *p, const struct session_lack *l, struct err *e);
int plan_prepare(struct plan *p, struct err *e);
int plan_produce(struct plan *p, struct buf *out, struct session_counts *c,
                 struct err *e);
void plan_free(struct plan *p);

/* ---- linkfetch.c: what is missing here ---- */

struct fetch_want {
  struct cid cid;
  int64_t before; /* smaller is dearer: kind, then age */
};

struct fetch {
  struct station *st;
  struct fetch_want *want;
  size_t n, cap, at;
  bool listed, walking;
  struct missing_walk walk;
  struct buf below;    /* CIDs below nodes that came, the next at the end;
                          what is over BELOW_MAX is for the next walk */
  struct refset asked; /* no block is asked for twice */
  size_t gone;         /* in a row */
  bool no_files;       /* only records are asked for */
};

/* As session_host.missing; ${more}: call again, it takes a while. */
int fetch_next(struct fetch *f, struct cid *out, size_t max, bool *more,
               struct err *e);
/* A node of a file came: what is below it comes next. */
int fetch_node(struct fetch *f, struct span node, struct err *e);
/* There is no room for blocks of files. */
void fetch_no_files(struct fetch *f);
void fetch_gone(struct fetch *f);
void fetch_came(struct fetch *f);
void fetch_free(struct fetch *f);

#endif
