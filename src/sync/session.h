/* SPDX-License-Identifier: 0BSD */
/* Session: two stations find out what each lacks, and send it. PROTOCOL.md is
 * its book: frames, states, who may say what when.
 *
 * Sans-IO: bytes are fed and pulled, randomness comes in at the start, and
 * all that a session knows of parcels and disks it asks of its host (struct
 * session_host; station/link.c is the one of stations). It never blocks longer
 * than one call of the host's takes.
 *
 *   HANDSHAKE  Noise; nothing is known of either end
 *   GREETING   who speaks, what each follows, which collections differ
 *   SYNCING    collection by collection: what differs; then parcels, records
 *              and blocks of files, both ways at once
 *   DONE       both have said what they sent; everything is stored
 *   FAILED     the peer broke the protocol, the stream ended early, or our
 *              own disk refused; what has come is stored, the next session
 *              goes on from there
 */
#ifndef SYNC_SESSION_H
#define SYNC_SESSION_H

#include "base/buf.h"
#include "base/err.h"
#include "form/cid.h"
#include "form/crypt.h"
#include "form/zpack.h"
#include "sync/noise.h"
#include "sync/setsum.h"
#include "sync/sketch.h"

enum session_state {
  SESSION_HANDSHAKE,
  SESSION_GREETING,
  SESSION_SYNCING,
  SESSION_DONE,
  SESSION_FAILED
};

/* Parcels, records and single blocks, and their plain bytes. */
struct session_counts {
  uint64_t parcels, records, blocks, bytes;
};

/* A collection that is here. ${name} is lent until the host is called again. */
struct session_collection {
  struct span name;
  uint64_t count;
  uint8_t digest[HASH_SIZE]; /* setsum_digest of its parcels */
};

/* A collection's set at one moment. */
struct session_set {
  struct sketch *sketch; /* the caller's, to be filled; or NULL */
  struct setsum *sum;    /* the same */
  uint64_t count;
  uint8_t digest[HASH_SIZE];
  uint64_t upto; /* the host's: what was here at that moment */
  struct sync_set set;
};

/* Parcels of ours that the peer lacks: note them for sending. */
struct session_lack {
  struct span name;
  const uint64_t *handle; /* ascending */
  size_t n;
  bool all_but;       /* all up to ${upto} but these */
  uint64_t upto;      /* from a session_set */
  const uint8_t *key; /* handles are keyed with these CRYPT_SALT_SIZE bytes:
                         the host scans for them; or NULL */
  bool send;          /* else only ${sum} is wanted */
  int64_t rank;       /* what the policy says: smaller goes first */
  struct setsum *sum; /* take the digests of ${handle} out of it; or NULL */
  bool add;           /* put them in instead */
};

/* A parcel that came. */
struct session_parcel {
  struct span name; /* lent by the block */
  uint8_t digest[HASH_SIZE];
  bool good;
};

enum {
  SESSION_ASK = 1,  /* see session_feed */
  SESSION_SLICE = 2 /* the host did a part of it: call again */
};

/* Functions return 0, or what is said, or a negative code, which ends the
 * session. What the peer sent and is no good is not such an error: the host
 * counts it and goes on. */
struct session_host {
  void *ud;
  bool asks_serve, asks_order; /* questions that the policy wants */

  /* The ${i}-th pattern that we follow: 1, or 0 after the last. */
  int (*wish)(void *ud, size_t i, struct span *pattern, struct err *e);
  /* The next collection after ${after} in order of names: 1, 0, or
   * SESSION_SLICE. */
  int (*collection)(void *ud, struct span after, struct session_collection *out,
                    struct err *e);
  /* Work before a snapshot: SESSION_SLICE, or 0: it costs little now. */
  int (*ready)(void *ud, struct span name, struct err *e);
  /* One that isn't here is an empty set. What ${out} points into stays until
   * the next call with the same ${topic} (<= SESSION_TOPICS_MAX). */
  int (*snapshot)(void *ud, size_t topic, struct span name,
                  struct session_set *out, struct err *e);

  /* ---- sending ---- */
  /* Returns how many of the handles are here (not for all_but and keys). */
  int (*lack)(void *ud, const struct session_lack *l, struct err *e);
  /* Put what was noted in order, a slice of it: 1, or 0 when it is done. */
  int (*prepare)(void *ud, struct err *e);
  /* Append entries (below) of about SESSION_BLOCKS_RAW bytes, or one larger
   * entry, in the order in which they shall go: 1, SESSION_SLICE, or 0: none
   * are left. */
  int (*produce)(void *ud, struct buf *out, struct session_counts *counts,
                 struct err *e);
  /* Append a block that was asked for: 1, or 0: it isn't here. */
  int (*load)(void *ud, const struct cid *cid, struct buf *out, struct err *e);

  /* ---- receiving ---- */
  int (*parcel)(void *ud, struct span block, struct session_parcel *out,
                struct err *e);
  /* A record of the parcel before it; a block that was asked for. Bytes are
   * lent. SESSION_ASK: the policy has a word (session_asked). */
  int (*record)(void *ud, struct span block, struct err *e);
  int (*block)(void *ud, const struct cid *cid, struct span block,
               struct err *e);
  void (*gone)(void *ud, const struct cid *cid); /* the peer hasn't got it */
  int (*answer)(void *ud, int64_t verdict, struct err *e);
  /* Store what waits; durable on return. */
  int (*flush)(void *ud, struct err *e);
  /* How many parcels, records and blocks had no room here; or NULL: none. */
  uint64_t (*full)(void *ud);
  /* Blocks to ask for next, the dearest first, none of them twice: how many
   * of ${max}; 0: none are wanted by now, unless ${more}: then it was a slice
   * of the search. */
  int (*missing)(void *ud, struct cid *out, size_t max, bool *more,
                 struct err *e);
};

/* Entries: kind (1 byte), length (3, big endian), bytes. */
enum session_entry {
  ENTRY_PARCEL = 'P',
  ENTRY_RECORD = 'R', /* listed by the parcel before it */
  ENTRY_BLOCK = 'B',  /* its CID, then its bytes */
  ENTRY_GONE = 'G'    /* the CID of one that isn't here */
};
int session_entry_put(struct buf *out, enum session_entry kind, struct span a,
                      struct span b) MUST_USE; /* ERR_NOMEM */

struct session_options {
  bool initiator;
  bool quiet;          /* list no collections under the peer's prefixes */
  int level;           /* of zstd for what we send */
  struct zpack *zpack; /* lent, and shared by sessions: a megabyte. NULL: the
                          session makes its own */
  const struct identity *id;
  const uint8_t *secret; /* NOISE_KEY_SIZE: the run's key */
  const uint8_t *once;   /* NOISE_KEY_SIZE fresh random bytes */
};

struct session;

/* ${id} and ${zpack} must outlive it; all else is copied. ERR_NOMEM. */
int session_new(struct session **out, const struct session_host *host,
                const struct session_options *opt, struct err *e) MUST_USE;
void session_del(struct session *s); /* NULL-safe; wipes */

/* Take bytes of the peer. 0: all were taken; SESSION_ASK: ${taken} of them
 * were, the policy is asked something (session_asked): session_answer it,
 * then feed the rest. Else the code with which the session has failed;
 * ERR_INVALID also for bytes after its end: it stays done. */
int session_feed(struct session *s, struct span bytes, size_t *taken,
                 struct err *e) MUST_USE;

/* Append up to ${max} bytes for the peer to ${out}, after a slice of whatever
 * work there is. Returns how many; 0: none before the peer's next, unless
 * session_busy. Or the code. session_asked may hold a question afterwards. */
int session_pull(struct session *s, struct buf *out, size_t max,
                 struct err *e) MUST_USE;

/* There is work that needs no further bytes: pull again soon. */
bool session_busy(const struct session *s);

/* Questions to the policy. */
enum session_question {
  SESSION_ASKS_NOTHING,
  SESSION_ASKS_SERVE, /* of a collection: speak of it with this peer? */
  SESSION_ASKS_ORDER, /* of a collection: its rank */
  SESSION_ASKS_ADMIT  /* of a record: a job's verdict; the host has it */
};
enum session_question session_asked(const struct session *s,
                                    struct span *collection);
/* SERVE: 1 or 0; ORDER: the rank; ADMIT: what the host's answer takes. */
int session_answer(struct session *s, int64_t value, struct err *e) MUST_USE;

/* The transport has ended: 0 when the session was done, else ERR_CLOSED, and
 * what waited is stored. */
int session_eof(struct session *s, struct err *e) MUST_USE;

struct session_status {
  enum session_state state;
  const uint8_t *peer; /* its identity's key, or NULL */
  uint64_t bytes_in, bytes_out;
  struct session_counts in, out;
  /* What is known by now to come: parcels; blocks asked for one by one. */
  uint64_t parcels_due, blocks_due, blocks_gone;
  uint64_t collections; /* that differed */
  uint64_t fallbacks;   /* sketches that did not do */
  uint64_t peer_full;   /* of what we sent, so much had no room there */
  struct err error;     /* of FAILED */
};
void session_status(const struct session *s, struct session_status *out);

#endif
