/* SPDX-License-Identifier: 0BSD */
/* The station's inside, shared by the files of this folder and by no other. */
#ifndef STATION_INSIDE_H
#define STATION_INSIDE_H

#include "form/crypt.h"
#include "form/parcel.h"
#include "form/record.h"
#include "form/zpack.h"
#include "station/station.h"
#include "store/store.h"
#include "sync/slip.h"
#include "text/words.h"

/* All listings of a record that count (LISTINGS_MAX), and some: or a list of
 * records that many parcels name would read each parcel again for each. */
#define PARCEL_CACHE 40
#define AUTHOR_CACHE 64
#define COLL_KEY_SIZE 8

/* A parcel that was read lately: its bytes and the view into them. */
struct cached_parcel {
  uint64_t ref; /* 0: empty */
  uint64_t used;
  struct cid cid;
  struct buf bytes;
  struct parcel view;
};

/* What strangers may take of the disk: quota.h. */
struct room {
  bool counted; /* accounts are kept */
  struct quotas limits;
  uint8_t asked[CRYPT_KEY_SIZE]; /* the author who was looked up last ... */
  int vouched;                   /* ... 1, 0; -1: nobody was ... */
  uint64_t groups_lost;          /* ... before this group was lost */
};

/* By which way blocks come at the moment, and what was noted last. */
struct ways {
  char now[QUOTA_WAY_MAX + 1];
  struct {
    bool known;
    char noted[QUOTA_WAY_MAX + 1];
  } last[2];            /* [1]: of blocks of files */
  uint64_t groups_lost; /* as of which that holds */
};

#define LATER_BLOCKS 128
#define LATER_BYTES (4u * 1024 * 1024)

/* Small files that wait for their commit; see later.h. */
struct later {
  struct buf bytes;
  struct cid cid[LATER_BLOCKS];
  size_t end[LATER_BLOCKS]; /* of each block in ${bytes} */
  size_t n;
};

struct station {
  int refs;
  bool closed;
  bool readonly;
  bool index_later;
  bool rebuilding;   /* a rebuild job is there */
  bool half_derived; /* it has begun, or was left half-way */
  bool has_policy;
  struct store *store;
  struct identity *id;
  uint8_t self[CRYPT_KEY_SIZE]; /* our public key, also without ${id} */
  char did[CRYPT_DID_MAX];
  char *path;
  struct station_host host;
  struct zpack *zpack;
  struct analyser *analyser;
  struct cached_parcel parcels[PARCEL_CACHE];
  uint64_t parcel_clock;
  uint8_t good_author[AUTHOR_CACHE][CRYPT_KEY_SIZE]; /* all zero: empty */
  uint64_t unindexed_after; /* records with a greater number are not yet in
                               the search index; UINT64_MAX: all are */
  bool index_again;         /* of another version, it is made anew in slices */
  int64_t held_next;        /* time of the first held parcel, INT64_MAX: none */
  uint64_t held_n;          /* how many are held */
  uint64_t held_bytes;      /* of these, with their records */
  uint8_t session_secret[CRYPT_POINT_SIZE]; /* of this run's sessions */
  bool has_session_secret;
  bool grouped; /* sessions' changes wait for their commit: station_settle */
  uint64_t groups_lost; /* groups that could not be stored */
  int importing;        /* add_file jobs under way: no sweep meanwhile */
  struct later later;
  struct cid *imported; /* files added since this station was opened: a
                           record that lists them may yet come (all zero: it
                           came) */
  size_t imported_n, imported_cap;
  struct room room;
  struct ways ways;
  struct sketches *sketches; /* sketches.c; NULL before the first */
  bool loaded;               /* the state above was read ... */
  uint64_t version;          /* ... at this version of the store */
};

struct station *station_ref(struct station *st);
void station_unref(struct station *st);

/* 0, or ERR_CLOSED. */
int station_alive(struct station *st, struct err *e) MUST_USE;
/* The same, and ERR_BUSY while what is derived is not whole: for what would
 * tell or give too little without anybody noticing. */
int station_whole(struct station *st, struct err *e) MUST_USE;
/* ERR_CLOSED, and ERR_READONLY on a station that only reads. */
int station_owned(struct station *st, struct err *e) MUST_USE;
/* The same, and ERR_BUSY while what is derived is not whole: order of versions
 * and what was withdrawn could not be told. */
int station_writable(struct station *st, struct err *e) MUST_USE;

int64_t station_now(struct station *st);

/* Does the acceptance rule's key half hold? Remembered per author. */
bool station_author_ok(struct station *st, const uint8_t *key);

/* Changes that sessions make wait for a commit that they share. Begin such a
 * group, or go on with it; end it: durable on return. Whoever else writes, or
 * says that something is stored, ends it first. When the end fails, all of it
 * is taken back, st->groups_lost is one more, and what those sessions took
 * has to come again. */
int station_gather(struct station *st, struct err *e) MUST_USE;
int station_settle(struct station *st, struct err *e) MUST_USE;

/* The parcel with number ${ref}, read and cached: ${out} is valid until the
 * next call. ERR_CORRUPT when it is none. */
int station_parcel(struct station *st, uint64_t ref,
                   const struct cached_parcel **out, struct err *e) MUST_USE;
void station_forget_parcels(struct station *st);

/* Largest file that the follow rules want in ${collection}; ${otherwise} when
 * none matches. */
int station_follow_files(struct station *st, struct span collection,
                         int64_t otherwise, int64_t *out,
                         struct err *e) MUST_USE;

/* What station_missing tells, some of it: 1 when there may be more. A
 * zero-initialised place is the start. */
struct missing_walk {
  int64_t order;
  uint64_t ref;
};
int missing_step(struct station *st, struct missing_walk *at,
                 missing_sink *sink, void *ud, struct err *e) MUST_USE;

/* Count the different blocks that are missing and that the follow rules want.
 * Zero-initialise; call until it gives 0 (1: there is more). */
struct missing_count {
  uint64_t n;
  bool counted;
  struct cid last;
  struct missing_walk at;
};
int missing_count_step(struct station *st, struct missing_count *c,
                       struct err *e) MUST_USE;

/* Walk what the store's kv_list gave. */
struct kv_reader {
  struct span pairs;
  size_t at;
};
bool kv_next(struct kv_reader *r, struct span *key, struct span *value);

/* The record with number ${ref} and its newest listing (in ${collection} when
 * not empty), when it is current: 1; else 0. ${out} is the caller's to free
 * in any case. */
int view_entry(struct station *st, uint64_t ref, struct span collection,
               struct entry *out, struct err *e) MUST_USE;

/* The pair that is there while what is derived is not all there. */
struct span station_rebuilding_key(void);
/* A rebuild that was interrupted is done again, all of it, before anything
 * else sees the station. ERR_BUSY for one that only reads. */
int upkeep_finish_rebuild(struct station *st, struct err *e) MUST_USE;

/* An index of another version is dropped, and noted to be made again. Reads
 * st->index_again. */
int indexing_check(struct station *st, struct err *e) MUST_USE;
/* If it is being made again: a page of records more. */
int indexing_slice(struct station *st, struct err *e) MUST_USE;

/* Read again what another process may have changed. */
int station_refresh(struct station *st, struct err *e) MUST_USE;

#endif
