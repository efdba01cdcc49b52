/* SPDX-License-Identifier: 0BSD */
/* What the files of the session share; nobody else includes it. */
#ifndef SYNC_SESSION_INT_H
#define SYNC_SESSION_INT_H

#include "sync/channel.h"
#include "sync/peel.h"
#include "sync/session.h"

/* Frames; PROTOCOL.md has their bodies. I: only the initiator sends it, R:
 * only the responder. */
enum frame_type {
  FRAME_HELLO = 1,
  FRAME_WISH = 2,
  FRAME_OPEN = 3,     /* I */
  FRAME_SAME = 4,     /* R */
  FRAME_REFUSE = 5,   /* R */
  FRAME_PART = 6,     /* R */
  FRAME_MORE = 7,     /* I */
  FRAME_LIST = 8,     /* R; I when it was told to */
  FRAME_TELL = 9,     /* R */
  FRAME_MANY = 10,    /* R */
  FRAME_LACK = 11,    /* I; R after the initiator's list */
  FRAME_NAMES = 12,   /* I */
  FRAME_NAMED = 13,   /* R */
  FRAME_SETTLED = 14, /* I */
  FRAME_BLOCKS = 15,
  FRAME_SENT = 16,
  FRAME_CREDIT = 17,
  FRAME_GET = 18,
  FRAME_FINISHED = 19,
  FRAME_FULL = 20
};

#define SESSION_VERSION 1
#define TOKEN_SIZE 16u
#define CATALOGUE 0u /* the topic that is the set of collections itself */
#define WISH_TOKEN 0u
#define WISH_PREFIX 1u
#define HELLO_QUIET 1u
#define LACK_LAST 1u
#define LACK_SEND 2u
#define BLOCKS_ZSTD 1u

/* How a set is compared. */
enum level {
  LEVEL_SKETCH, /* the persistent sketch; short sets as lists of handles */
  LEVEL_KEYED,  /* throwaway sketches under a key of this session */
  LEVEL_IDS,    /* handles under that key, a window at a time */
  LEVELS
};

/* The peer's wishes, as bytes: TOKEN_SIZE each; text, then a zero byte. */
struct wishes {
  struct buf tokens, prefixes;
  size_t n;
  bool whole; /* the last of them has come */
};

/* A collection that is here and that one of us follows. */
struct entry_of {
  uint32_t name;   /* offset in names */
  uint64_t handle; /* of its name (upper half) and its state (lower half) */
  uint8_t token[TOKEN_SIZE];
};

struct catalogue {
  struct buf names; /* each followed by a zero byte */
  struct entry_of *entry;
  size_t n, cap;
  struct buf at; /* the name where the walk stands */
  int thin;      /* where there are too many: so many bits of the token are 0 */
  bool built, asked;
  struct sketch *sketch; /* of the handles; NULL once all is compared */
  struct setsum sum;
};

/* One collection under way. */
enum topic_state {
  TOPIC_FREE,
  TOPIC_WAITS,  /* to be opened, or to be answered */
  TOPIC_SCANS,  /* our set is walked, under the session's key */
  TOPIC_ASKED,  /* opened or answered: the initiator takes it apart */
  TOPIC_TOLD,   /* the responder takes the initiator's list apart */
  TOPIC_SETTLED /* what differs is known */
};

/* What comparing two sets by sketches needs meanwhile. */
struct slot {
  bool keyed;                /* throwaway ones */
  uint32_t n;                /* sketches: 2^bits */
  struct sketch *mine;       /* of our set, as it was at one moment */
  uint32_t *cells;           /* responder: how many cells of each were sent */
  struct sketch_part **part; /* initiator: what came of the peer's */
  uint32_t undone; /* initiator: sketches that are not yet taken apart */
};

struct topic {
  enum topic_state state;
  enum level level;
  bool follow;  /* we want its parcels */
  bool gives;   /* the peer wants them */
  bool unsure;  /* the policy has yet to say whether we speak of it */
  bool refused; /* it said no */
  bool ranked;  /* it has said ${rank} */
  struct buf name;
  int64_t rank;
  /* the other end's set */
  struct sketch_hello hello;
  uint64_t differ; /* about, as the responder reckons */
  uint64_t lacked; /* handles that it was told to send */
  uint32_t bits;   /* 2^bits sketches, or windows */
  uint32_t window;
  /* ours */
  struct session_set set;
  uint64_t cursor; /* of a walk over it */
  struct slot *slot;
  struct buf ours, theirs; /* handles that differ (uint64_t) */
  /* The proof: what the other end has if all is as it seems. Of whoever
   * follows; of the two the initiator. */
  struct setsum *sum;
  bool doubted; /* initiator: the responder's proof failed */
};

struct session {
  struct session_host host;
  bool initiator, quiet, hello_in, hello_out, wish_out;
  int level;
  const struct identity *id;
  struct channel channel;
  enum session_state state;
  struct err error;
  uint8_t peer[CRYPT_KEY_SIZE];
  uint64_t bytes_in, bytes_out, fallbacks, collections;
  struct zpack *zpack;
  bool own_zpack;

  enum session_question asks;
  struct span asks_about;
  struct topic *asks_for; /* or NULL */
  bool busy;

  /* greeting */
  bool peer_quiet;
  struct wishes wishes; /* the peer's */
  struct catalogue catalogue;
  size_t naming; /* lists of names that are awaited; R: that were given */
  size_t named;  /* names that the peer told */
  bool answered; /* the policy has said ${answer} */
  int64_t answer;

  /* topics */
  struct topic *topic; /* SESSION_TOPICS_MAX + 1; [CATALOGUE] is the one of
                          the collections themselves */
  size_t topics;       /* the highest that is or was in use */
  size_t slots[2];     /* in use; [1]: for throwaway sketches */
  uint32_t rounds;
  struct buf todo; /* I: names that had no place in this round, each
                      followed by a zero byte */
  uint8_t key[CRYPT_SALT_SIZE]; /* of keyed handles */
  struct sketch *scratch;
  struct peel *peel;

  /* data */
  bool settled;           /* what differs is known: parcels may flow */
  bool last_settled;      /* I: there is no further round */
  bool prepared;          /* the host has put it in order */
  bool sent_out, sent_in; /* this round's parcels are all sent */
  struct buf made;        /* entries to be sent */
  struct buf raw;         /* entries that came, unpacked */
  struct span entries;    /* of a frame, those not yet taken */
  bool entries_asked;     /* the policy was asked about the last that was */
  uint32_t frame_size;    /* wire bytes of that frame, for the credit */
  int64_t credit;         /* bytes that we may send; one frame may overdraw */
  uint32_t eaten;         /* bytes taken since we last gave credit */
  struct session_counts in, out;
  uint64_t parcels_due;
  /* blocks one by one */
  struct cid asked[SESSION_ASKED_MAX]; /* by us, not yet answered */
  size_t asked_n;
  struct cid wanted[SESSION_ASKED_MAX]; /* by the peer, from wanted_at on */
  size_t wanted_n, wanted_at;
  uint64_t blocks_due, blocks_gone;
  bool looking; /* for what is missing here */
  bool dry;     /* there was no more of it, until something comes */
  bool finished_out, finished_in;
  uint64_t peer_full; /* what FULL said, 0: nothing yet */
};

/* ---- session.c ---- */
/* The peer broke a rule of PROTOCOL.md. */
int session_breach(struct err *e, const char *what);
int session_put(struct session *s, enum frame_type t, struct span body,
                struct err *e) MUST_USE;
int session_nomem(struct err *e);
/* Ask the policy: returns SESSION_ASK. */
int session_ask(struct session *s, enum session_question q, struct span name);

/* HMAC-like, by SHA-256 of the handshake's hash, ${what} and the bytes. */
void session_salted(const struct session *s, uint8_t out[HASH_SIZE],
                    const char *what, struct span a, struct span b);

/* ---- greeting.c ---- */
int greeting_hello(struct session *s, struct span body, struct err *e) MUST_USE;
int greeting_wish(struct session *s, struct span body, struct err *e) MUST_USE;
/* The next step of the greeting: 1 something was done, 0 nothing to do. */
int greeting_work(struct session *s, struct err *e) MUST_USE;
bool greeting_done(const struct session *s);
/* Does the peer follow it? Of WANTS_TOKEN and WANTS_PREFIX; 0: no. A quiet
 * station takes no notice of prefixes. */
enum { WANTS_TOKEN = 1, WANTS_PREFIX = 2 };
unsigned wishes_want(const struct session *s, struct span name);
/* Do we follow it? 1, 0. */
int session_follows(struct session *s, struct span name, struct err *e);
/* Find a name of the catalogue, or of our wishes, by its token: 1, 0. */
int greeting_name_of(struct session *s, const uint8_t token[TOKEN_SIZE],
                     struct buf *name, struct err *e) MUST_USE;
void session_token(const struct session *s, uint8_t out[TOKEN_SIZE],
                   struct span name);
/* Does the catalogue have it? The entry, or NULL. */
const struct entry_of *catalogue_find(const struct session *s,
                                      struct span name);
struct span catalogue_name(const struct session *s, const struct entry_of *en);
int greeting_names(struct session *s, struct span body, struct err *e) MUST_USE;
int greeting_named(struct session *s, struct span body, struct err *e) MUST_USE;
/* The catalogues were compared: these entries differ. */
int greeting_differ(struct session *s, const uint64_t *ours, size_t ours_n,
                    const uint64_t *theirs, size_t theirs_n,
                    struct err *e) MUST_USE;
void greeting_free(struct session *s);

/* ---- topic.c: opening, answering, the frames ---- */
int topic_work(struct session *s, struct err *e) MUST_USE;
int topic_frame(struct session *s, const struct frame *f,
                struct err *e) MUST_USE;
/* I: a collection to be compared. */
int topic_add(struct session *s, struct span name, struct err *e) MUST_USE;
/* Is everything of this round compared? */
bool topic_all_settled(const struct session *s);
/* A parcel that we asked for, or may have. */
void topic_came(struct session *s, const struct session_parcel *p);
/* Responder: are there proofs that wait for the round's last parcel? And, with
 * that here: append the numbers of the topics that do not add up. */
bool topic_proves(const struct session *s);
int topic_doubts(struct session *s, struct buf *out, struct err *e) MUST_USE;
/* The round is over. I: what does not add up is compared again, and what had
 * no place has one: 1 when there is another round, else 0. */
int topic_next_round(struct session *s, struct err *e) MUST_USE;
/* The policy's answer about it. */
void topic_answer(struct topic *t, enum session_question q, int64_t value);
void topic_free(struct session *s, struct topic *t);
int topic_slot(struct session *s, struct topic *t, uint32_t n,
               struct err *e) MUST_USE;
void topic_drop_slot(struct session *s, struct topic *t);
/* Its set as it is now, with its sum where we are to prove it; ${sketch} may
 * be NULL. */
int topic_snapshot(struct session *s, struct topic *t, struct sketch *sketch,
                   struct err *e) MUST_USE;
/* Compare it in a dearer way. */
int topic_escalate(struct session *s, struct topic *t, struct err *e) MUST_USE;
size_t topic_id(const struct session *s, const struct topic *t);
/* Is it compared window by window? (The catalogue never is.) */
static inline bool is_window(const struct session *s, const struct topic *t)
{
  return t->level == LEVEL_IDS && t != &s->topic[CATALOGUE];
}
/* ---- decode.c: what differs ---- */
/* A part of the responder's sketch number ${k}, at least its first. */
int decode_part(struct session *s, struct topic *t, uint32_t k,
                struct span bytes, struct err *e) MUST_USE;
/* All handles of the other end (of the window). */
int decode_list(struct session *s, struct topic *t, struct err *e) MUST_USE;
/* Responder: handles of ours that the initiator lacks; or the other way round
 * after its list. */
int decode_lack(struct session *s, struct topic *t, uint8_t flags,
                struct span handles, struct err *e) MUST_USE;
/* Read handles, 8 bytes each, ascending. */
int decode_handles(struct buf *out, struct span bytes, size_t max,
                   struct err *e) MUST_USE;
int put_handles(struct session *s, struct topic *t, enum frame_type type,
                const uint64_t *handle, size_t n, uint8_t flags,
                struct err *e) MUST_USE;

/* ---- scan.c: walks over a whole set, in slices ---- */
int scan_start(struct session *s, struct topic *t, struct err *e) MUST_USE;
/* 1 when there is more; 0: TOPIC_SCANS is over. */
int scan_step(struct session *s, struct topic *t, struct err *e) MUST_USE;

/* ---- exchange.c ---- */
int exchange_work(struct session *s, struct err *e) MUST_USE;
/* The round is over if both have sent all of it: 1 then. */
int exchange_end_round(struct session *s, struct err *e) MUST_USE;
int exchange_frame(struct session *s, const struct frame *f,
                   struct err *e) MUST_USE;
/* Go on with entries that have come: 0, SESSION_ASK, or a code. Each is
 * taken before the policy is asked about it. */
int exchange_take(struct session *s, struct err *e) MUST_USE;

/* ---- numbers of frames, big endian ---- */
static inline uint64_t wire_get(const uint8_t *p, int n)
{
  uint64_t v = 0;
  for (int i = 0; i < n; i++) {
    v = v << 8 | p[i];
  }
  return v;
}

static inline void wire_put(uint8_t *p, uint64_t v, int n)
{
  for (int i = n; i > 0; i--) {
    p[i - 1] = (uint8_t)v;
    v >>= 8;
  }
}

#endif
