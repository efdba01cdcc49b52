/* SPDX-License-Identifier: 0BSD */
/* Link: a session (sync/session.h) of a station. What it takes from the peer
 * enters through admit; what it gives goes in the order of carry files. */
#ifndef STATION_LINK_H
#define STATION_LINK_H

#include "station/station.h"
#include "sync/session.h"

struct link;

struct link_options {
  bool initiator;
  bool quiet;        /* list no collections under the peer's prefixes */
  bool serve, order; /* the policy wants to be asked */
  int level;         /* of zstd for what is sent, 1 .. 19 */
  const char *way;   /* as its quota is counted; NULL: by the peer's name */
};

/* Holds a reference to the station. ERR_BUSY while it is being rebuilt. */
int link_new(struct link **out, struct station *st,
             const struct link_options *opt, struct err *e) MUST_USE;
void link_del(struct link *l); /* NULL-safe */

/* The session, for session_feed and all the others; NULL once the station was
 * closed. */
struct session *link_session(struct link *l);

/* What SESSION_ASKS_ADMIT is about; lent until the answer. */
struct link_question {
  struct cid cid, parcel_cid;
  struct span block, parcel;
};
void link_question(const struct link *l, struct link_question *out);

struct link_status {
  struct session_status session;
  uint64_t added;   /* records that are new here */
  uint64_t parcels; /* the same */
  uint64_t known, files, withdrawn, held, refused, unwanted, bad;
  uint64_t full; /* parcels, records and blocks of files without room here */
  uint64_t files_due; /* blocks of files that are wanted and not yet asked
                         for */
};
void link_status(const struct link *l, struct link_status *out);

/* Faults in what came: zero-terminated sentences, the first LINK_FAULTS_MAX. */
#define LINK_FAULTS_MAX 20
struct span link_faults(const struct link *l);

#endif
