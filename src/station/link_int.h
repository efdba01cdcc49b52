/* SPDX-License-Identifier: 0BSD */
/* What the files of the link share. */
#ifndef STATION_LINK_INT_H
#define STATION_LINK_INT_H

#include "station/intake.h"
#include "station/link.h"
#include "station/refset.h"
#include "station/sketches.h"
#include "station/wants.h"

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

/* A block that was asked for, or is to be, and for whom (wants.h). */
struct fetch_asked {
  struct cid cid;
  uint16_t slot;
  uint8_t lot;
};

struct fetch {
  struct station *st;
  struct wants *wants;  /* NULL before the first walk */
  size_t at;            /* in them */
  bool listed, walking; /* listed: there was a walk in this round */
  struct buf below;     /* of struct fetch_asked: what is below nodes that came,
                           the next at the end; what is over BELOW_MAX is for
                           the next walk */
  struct refset asked;  /* no block is asked for twice */
  struct fetch_asked under_way[SESSION_ASKED_MAX], last; /* last: that came */
  size_t under_way_n;
  uint64_t gone[WANTS_LOTS], came[WANTS_LOTS]; /* of each lot ... */
  uint8_t gone_of[WANTS_SLOTS]; /* ... and of who wants it, in a row */
  bool no_files;                /* only records are asked for */
};

/* As session_host.missing; ${more}: call again, it takes a while. */
int fetch_next(struct fetch *f, struct cid *out, size_t max, bool *more,
               struct err *e);
/* That was a node of a file: what is below it comes next. */
int fetch_node(struct fetch *f, struct span node, struct err *e);
/* There is no room for blocks of files. */
void fetch_no_files(struct fetch *f);
/* The peer lacks it; it came. */
void fetch_gone(struct fetch *f, const struct cid *cid);
void fetch_came(struct fetch *f, const struct cid *cid);
/* Blocks that are still to be asked for, as far as is known. */
size_t fetch_due(const struct fetch *f);
void fetch_free(struct fetch *f);

#endif
