/* SPDX-License-Identifier: 0BSD */
/* A change to the store under construction: a store_batch that owns its
 * rows, tokens and pairs. */
#ifndef STATION_CHANGE_H
#define STATION_CHANGE_H

#include "station/inside.h"

/* Names of index rows. They are derived and never travel. */
enum idx {
  IDX_TIME = 't',       /* key: collection; sort: time; ref: record */
  IDX_LISTED = 'l',     /* sort: record; ref: parcel */
  IDX_BEYOND = 'b',     /* a listing with LISTINGS_MAX before it; two keys:
                           label_key() of author and record, placed_key() of
                           collection and record; sort: time; ref: parcel */
  IDX_ABOUT = 'a',      /* key: cid_key(about); sort: time; ref: record */
  IDX_WITHDRAW = 'w',   /* the same, of withdrawals only */
  IDX_WITHDRAWER = 'W', /* key: author in collection; sort: cid_order(about);
                           ref: withdrawal */
  IDX_LABELLER = 'L',   /* key: label_key(); sort: time; ref: label */
  IDX_SPEAKER = 's',    /* key: label_key(); sort: time; ref: any about it */
  IDX_VERSION = 'k',    /* key: version_key(); sort: time; ref: record */
  IDX_PARCEL = 'p',     /* sort: time; ref: parcel */
  IDX_URGENT = 'u',     /* sort: time; ref: withdrawal, label, correction */
  IDX_FILES = 'f',      /* sort: time; ref: record that has files */
  IDX_MISSING = 'm',    /* sort: cid_order(block); ref: what wants it */
  IDX_TEXT = 'x'        /* ref: record with files that nobody read yet */
};

#define CHANGE_KEY_MAX 16

struct change_row {
  enum idx name;
  uint8_t key[CHANGE_KEY_MAX];
  size_t key_n;
  int64_t sort;
  bool sort_new; /* as in struct store_row */
  uint64_t ref;
};

struct change_rows {
  struct change_row *row;
  size_t n, cap;
};

struct change_doc {
  uint64_t ref, length;
  int64_t time;
  size_t start, middle, end; /* in tokens: terms, then facets */
};

struct change_docs {
  struct change_doc *doc;
  size_t n, cap;
};

/* A number that rests as a pair (8 bytes, big endian; none: 0), and by how
 * much it changes. */
#define CHANGE_COUNTER_MAX (8 + QUOTA_WAY_MAX)
struct change_counter {
  uint8_t key[CHANGE_COUNTER_MAX];
  size_t key_n;
  int64_t by;
  uint8_t value[8];
};
struct change_counters {
  struct change_counter *counter;
  size_t n, cap;
};

struct change {
  struct analyser *analyser;                 /* lent */
  struct store_block block[STORE_BATCH_MAX]; /* bytes are lent */
  size_t blocks;
  uint64_t log[1];
  size_t logs;
  uint64_t erase[PARCEL_RECORDS_MAX];
  size_t erases;
  bool erase_first; /* as in struct store_batch */
  struct change_rows add, drop;
  struct change_docs docs, undocs, retags;
  struct buf tokens;
  struct store_pair kv[4]; /* lent */
  size_t kvs;
  struct change_counters counters;
  struct buf forget; /* numbers (uint64_t) whose file texts go */
  bool failed;       /* memory ran out on the way: commit says so */
  bool keep_blocks;  /* deriving again: what seems unlisted now may be listed
                        by a parcel that comes later, so nothing is erased */
};

/* NULL: no memory. */
struct change *change_new(struct analyser *an);
void change_del(struct change *c); /* NULL-safe */
void change_clear(struct change *c);

/* All of these only note; memory that runs out is reported by commit. */
uint64_t change_block(struct change *c, const struct cid *cid,
                      struct span bytes); /* STORE_NEW(i) */
void change_add(struct change *c, enum idx name, struct span key, int64_t sort,
                uint64_t ref);
void change_drop(struct change *c, enum idx name, struct span key, int64_t sort,
                 uint64_t ref);
/* The row that says that ${parcel} lists ${record}: both may be NEW. */
void change_add_listed(struct change *c, uint64_t record, uint64_t parcel);
void change_kv(struct change *c, struct span key, struct span value);
/* The number under ${key} changes by ${by}, but not below 0. */
void change_count(struct change *c, struct span key, int64_t by);
/* As it is in the store. */
int change_counter(struct station *st, struct span key, int64_t *out,
                   struct err *e) MUST_USE;

/* A document's facets that come from its listings: authors and collections,
 * ascending and each once, of the listings that count; and the newest time.
 * Zero-initialise; facets_free frees. */
struct facets {
  struct buf list; /* as document.h has it */
  size_t listings;
  int64_t time;
};
static inline struct span facets_span(const struct facets *f)
{
  return buf_span(&f->list);
}
static inline void facets_free(struct facets *f)
{
  buf_free(&f->list);
}

/* The search document of a record comes, gets other facets, goes. ${text}: what
 * was read out of its files; the same when it goes. */
void change_doc(struct change *c, uint64_t ref, const struct record *rec,
                struct span text, const struct facets *facets);
void change_retag(struct change *c, uint64_t ref, const struct record *rec,
                  const struct facets *facets);
void change_undoc(struct change *c, uint64_t ref, const struct record *rec,
                  struct span text);
/* What was read out of its files goes, and need not be read any more. */
void change_forget_text(struct change *c, uint64_t ref);

/* Do it. ${collection} matters when there is a log entry. ${numbers} and
 * ${fresh} (room for c->blocks) may be NULL. */
int change_commit(struct change *c, struct station *st, struct span collection,
                  uint64_t *numbers, bool *fresh, struct err *e) MUST_USE;

/* ---- keys ---- */
int64_t cid_order(const struct cid *c); /* first 8 bytes of the digest */
static inline struct span cid_key(const struct cid *c)
{
  return span_of(cid_digest(c), 8);
}
int coll_key(uint8_t out[COLL_KEY_SIZE], struct span collection) MUST_USE;
/* Drop pairs whose keys begin with ${prefix}, some in a change of their own:
 * how many; 0: there are none. */
int change_drop_kv(struct station *st, struct span prefix,
                   struct err *e) MUST_USE;

/* Of the author and what it labels, speaks of, or lists, in any collection. */
int label_key(uint8_t out[CHANGE_KEY_MAX], const uint8_t *author,
              const struct cid *about) MUST_USE;
/* Of the collection and what anybody lists there. */
int placed_key(uint8_t out[CHANGE_KEY_MAX], struct span collection,
               const struct cid *record) MUST_USE;
/* Of the author in the collection: IDX_WITHDRAWER. */
int author_key(uint8_t out[CHANGE_KEY_MAX], struct span collection,
               const uint8_t *author) MUST_USE;
int version_key(uint8_t out[CHANGE_KEY_MAX], struct span collection,
                const uint8_t *author, struct span key) MUST_USE;
#endif
