/* SPDX-License-Identifier: 0BSD */
/* A parcel and the records that come behind it, until they are admitted
 * together: for carry files and for sessions. */
#ifndef STATION_INTAKE_H
#define STATION_INTAKE_H

#include "station/admit.h"

/* Records that wait, at most about: then they are admitted, and those that
 * come later under a parcel that is here. */
#define INTAKE_BYTES (256u * 1024)

/* What is known of one of a parcel's records: 300 bytes, so there are only as
 * many as the largest parcel so far lists. */
struct intake_room {
  struct admit_record *record;
  struct cid *refused;
  size_t *end; /* of the record's bytes in the arena */
  bool *got;   /* by link: the record came */
  size_t n;
};

/* Zero-initialise, set ${st}. */
struct intake {
  struct station *st;
  bool open;
  bool here; /* it is in the store, or waits for its day */
  struct cid cid;
  struct buf bytes;
  struct parcel view;
  struct buf arena; /* the records' bytes */
  struct intake_room room;
  size_t n, refused_n; /* records that wait, that the policy refused */
  size_t link;         /* the one that intake_lists found */
  const uint8_t *at;   /* where the arena lay when the views were taken */
};

void intake_free(struct intake *in);

/* Give back what is held between two parcels. */
void intake_rest(struct intake *in);

/* A parcel, whose hash has been checked: the one before it must have been
 * flushed. 0, or why it is no good (ERR_INVALID, ERR_LIMIT, ERR_SIG):
 * intake.open is false then. Other codes are our own trouble. */
int intake_parcel(struct intake *in, const struct cid *cid, struct span block,
                  struct err *e) MUST_USE;

/* Does the open parcel list this record? They mostly come in its order. */
bool intake_lists(struct intake *in, const struct cid *cid);

/* A record that intake_lists has just found, hash checked: 1: it waits with
 * its parcel; 0: it had come before; ERR_INVALID, ERR_LIMIT: it is none. */
int intake_record(struct intake *in, const struct cid *cid, struct span block,
                  struct err *e) MUST_USE;

/* The record that intake_record took last: its bytes; don't keep it; keep
 * neither it nor its whole parcel. */
struct span intake_last(const struct intake *in);
void intake_refuse(struct intake *in);
void intake_stop(struct intake *in);

/* Admit what waits. The parcel stays open for records to come if ${open}. */
int intake_flush(struct intake *in, bool open, struct admit_counts *counts,
                 struct err *e) MUST_USE;

#endif
