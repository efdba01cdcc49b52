/* SPDX-License-Identifier: 0BSD */
/* The station: one store and one identity, and everything that is done with
 * them. This is the C face; src/lua/ gives it to scripts.
 *
 * Conventions for all functions here: they return 0 (or what is said) or a
 * negative ERR_ code with a sentence in ${e}; out parameters are written on
 * success only; spans that are lent stay valid for the call; times are
 * seconds since 1970; one thread at a time per station; after a fork only
 * station_close may be called in the child (ERR_MISUSE otherwise).
 */
#ifndef STATION_STATION_H
#define STATION_STATION_H

#include "base/buf.h"
#include "base/err.h"
#include "form/cid.h"
#include "form/crypt.h"
#include "form/record.h"
#include "station/job.h"
#include "store/store.h"

struct station;

/* What the host lends: its clock. */
struct station_host {
  int64_t (*now)(void *ud); /* NULL: time(2) */
  void *ud;
};

struct station_options {
  bool create;      /* make store and key when missing */
  bool readonly;    /* never write, take no lock */
  bool index_later; /* leave the search index to station_index() */
  const char *key;  /* path of the key file; NULL: path + ".key" */
  const char *pass; /* its passphrase, or NULL */
  struct station_host host;
};

int station_open(struct station **out, const char *path,
                 const struct station_options *opt, struct err *e) MUST_USE;
/* Ends jobs, readers and publishers (ERR_CLOSED) and drops the caller's
 * reference. NULL-safe. */
void station_close(struct station *st);
const char *station_did(const struct station *st);
const char *station_path(const struct station *st);
/* Whether jobs shall ask before they keep a record (JOB_ASK). */
void station_set_policy(struct station *st, bool ask);

/* ---- publish (publish.c) ---- */

/* Collects records and commits a parcel whenever one is full. */
struct publisher;
int publisher_new(struct publisher **out, struct station *st,
                  struct span collection, int64_t time,
                  struct err *e) MUST_USE; /* time < 0: now, per parcel */
/* ${block}: the record as canonical DAG-CBOR (copied). ${id} gets its CID.
 * A bad record changes nothing. */
int publisher_add(struct publisher *p, struct span block, struct cid *id,
                  struct err *e) MUST_USE;
/* Sign and store what was added; durable on return. ${committed}: records by
 * this publisher so far. */
int publisher_commit(struct publisher *p, uint64_t *committed,
                     struct err *e) MUST_USE;
void publisher_del(struct publisher *p); /* drops what isn't committed */

/* ---- read (view.c) ---- */

/* A record and one of its listings. Owns ${block}; free with entry_free. */
struct entry {
  struct cid cid;
  uint64_t ref;
  struct buf block;
  struct record record; /* view into ${block} */
  struct cid parcel;
  uint64_t parcel_ref;
  int64_t time;
  uint8_t author[CRYPT_KEY_SIZE];
  struct buf collection;
};
void entry_free(struct entry *en);

/* By id: as our own voice lists it, else the voice that we knew first; of
 * several listings of that voice the newest. ERR_NOENT. */
int station_get(struct station *st, const struct cid *id, struct entry *out,
                struct err *e) MUST_USE;

/* Gets each entry; lent for the call. Return 0 to go on, 1 to stop, or a
 * negative code. */
typedef int entry_sink(void *ud, const struct entry *en);

/* A place in a list: zero-initialise for the start. */
struct page {
  bool started, ended;
  int64_t sort;
  uint64_t ref;
};
/* Up to ${max} records of a collection, newest first; only current ones
 * unless ${history}; one that several authors list shows for each of them
 * (those of one second together, so a page may be longer). Moves ${page} on.
 */
struct page_query {
  struct span collection;
  bool history;
  size_t max;
};
int station_page(struct station *st, const struct page_query *q,
                 struct page *page, entry_sink *sink, void *ud,
                 struct err *e) MUST_USE;

/* All versions under (collection, author, key), newest first. */
struct version_query {
  struct span collection, key;
  const uint8_t *author; /* CRYPT_KEY_SIZE bytes */
};
int station_versions(struct station *st, const struct version_query *q,
                     entry_sink *sink, void *ud, struct err *e) MUST_USE;
/* Records about ${id}, newest first. */
int station_about(struct station *st, const struct cid *id, entry_sink *sink,
                  void *ud, struct err *e) MUST_USE;
/* The same of one author (CRYPT_KEY_SIZE bytes): as fast, whatever others
 * write about it. What an older version stored is among them after a rebuild.
 */
int station_about_by(struct station *st, const struct cid *id,
                     const uint8_t *author, entry_sink *sink, void *ud,
                     struct err *e) MUST_USE;

/* Blocks that are listed here and not here. ${wanted_by}: a parcel, record or
 * file node. ${kind}: "record", "file" or "part". */
typedef int missing_sink(void *ud, const struct cid *cid, const char *kind,
                         const struct cid *wanted_by);
int station_missing(struct station *st, missing_sink *sink, void *ud,
                    struct err *e) MUST_USE;

/* Names of collections greater than ${after} by bytes, in that order, at most
 * ${max} of them, each followed by a zero byte, appended. */
int station_collections(struct station *st, struct span after, size_t max,
                        struct buf *names, struct err *e) MUST_USE;
int station_collection_count(struct station *st, struct span name,
                             uint64_t *parcels, struct err *e) MUST_USE;

/* ---- follow ---- */
int station_follow(struct station *st, struct span pattern, int64_t files,
                   struct err *e) MUST_USE;
int station_unfollow(struct station *st, struct span pattern,
                     struct err *e) MUST_USE; /* ERR_NOENT */
/* Pairs of pattern, 0, decimal size, 0. */
int station_follows(struct station *st, struct buf *out,
                    struct err *e) MUST_USE;

/* ---- quotas (quota.c): what strangers may take of the disk ---- */
/* In bytes. 0: as limits.h says, of the budget (none, if that is 0, too); < 0:
 * none. */
struct quotas {
  int64_t budget;                  /* all files of the store together */
  int64_t author, collection, way; /* each author, collection, peer or stick */
};
/* Kept in the store. Turning it on counts what is here: a rebuild, once.
 * ERR_INVALID for a budget below QUOTA_BUDGET_MIN. */
int station_set_quotas(struct station *st, const struct quotas *q,
                       struct err *e) MUST_USE;
/* As set; ${used}: bytes of the disk in use. */
int station_quotas(struct station *st, struct quotas *out, uint64_t *used,
                   struct err *e) MUST_USE;
/* What this author vouched for by nobody takes up, as it is counted. */
int station_vouch(struct station *st, const uint8_t *author, const char *by,
                  struct err *e) MUST_USE;
int station_unvouch(struct station *st, const uint8_t *author,
                    struct err *e) MUST_USE; /* ERR_NOENT */
/* Keys of CRYPT_KEY_SIZE bytes, one behind the other. */
int station_vouched(struct station *st, struct buf *out,
                    struct err *e) MUST_USE;

/* ---- why (why.c): why a block is held, or wanted ---- */
#define WHY_MAX 32
struct why_listing {
  struct cid parcel;
  uint8_t author[CRYPT_KEY_SIZE];
  char collection[COLLECTION_NAME_MAX + 1];
  int64_t time;
  bool own;
  char vouched[16];                       /* by whom, or "" */
  char followed[COLLECTION_NAME_MAX + 3]; /* by which rule, or "" */
};
struct why {
  bool here;
  const char *kind;               /* "parcel", "record", "file" or "part" */
  char way[QUOTA_WAY_MAX + 1];    /* it came by; "" unknown */
  struct why_listing by[WHY_MAX]; /* a parcel: itself */
  size_t listings;
  struct cid record[WHY_MAX]; /* whose file it is, or a part of that */
  size_t records;
  struct cid above[UNIXFS_DEPTH_MAX]; /* nodes between, from below */
  size_t above_n;
};
/* ERR_NOENT: it is not here and nothing asks for it. For files it reads the
 * records that have some, and the nodes. 12 KiB. */
int station_why(struct station *st, const struct cid *id, struct why *out,
                struct err *e) MUST_USE;

/* ---- search (search.c, suggest.c) ---- */
struct search_query {
  struct span text;       /* as text/query.h reads it */
  struct span collection; /* empty: all */
  struct span type;       /* empty: all */
  struct span lang;       /* preferred for title and snippet */
  struct span mark_open, mark_close;
  size_t limit, offset;
  struct span cursor;         /* a report's: what comes after that. Empty:
                                 from the start */
  const uint8_t (*trust)[32]; /* keys of authors whose labels count */
  size_t trusts;
  bool explain;
  struct search_report *report; /* or NULL */
};
/* What a search tells besides its hits; search_report_free frees. */
struct search_report {
  struct buf meant;  /* the query spelled as the index knows it, or empty */
  struct buf cursor; /* where to go on, or empty: that was all */
};
void search_report_free(struct search_report *r);
/* Why a hit stands where it does: what each word gave, and the rest. */
struct search_why {
  struct span word[QUERY_WORDS_MAX];
  double part[QUERY_WORDS_MAX];
  size_t words;
  double beside; /* words that follow one another as in the query */
  double newer, held, labels; /* factors, 1: none */
};
struct search_hit {
  const struct entry *entry;
  double score;
  struct span title, lang;
  struct span snippet;
  const struct search_why *why; /* NULL unless asked for */
};
typedef int hit_sink(void *ud, const struct search_hit *hit);
/* Best first; the order of equals is fixed. Pages by cursor give together what
 * one long list does; where the index changes under them, what it moves may
 * be missed, but no hit of the first RECIPE_HEAD comes twice. */
int station_search(struct station *st, const struct search_query *q,
                   hit_sink *sink, void *ud, struct err *e) MUST_USE;

/* How many records match, of which facets, of which years (UTC). Up to
 * SEARCH_TALLY_MAX of them are counted as they would be shown; of more, counts
 * are of the index: versions that a later one replaced count too, and texts
 * that hold a phrase's words elsewhere. */
enum { SEARCH_YEARS = 230 };
struct search_tally {
  uint64_t total;
  struct buf sets; /* per set of facets that they have: u64 records, u32 length
                    * (little endian), the facets as document.h has them */
  uint64_t year[SEARCH_YEARS]; /* from 1970 on */
};
/* ${out} is all zero before; to be freed: its sets, even after an error. */
int station_tally(struct station *st, const struct search_query *q,
                  struct search_tally *out, struct err *e) MUST_USE;

/* Words that the last word of ${text} may become, the most frequent first. */
typedef int suggest_sink(void *ud, struct span text);
int station_suggest(struct station *st, struct span text, size_t limit,
                    suggest_sink *sink, void *ud, struct err *e) MUST_USE;

/* ---- files (files.c) ---- */
enum file_cut { FILE_CUT_FIXED, FILE_CUT_CONTENT };
/* Result: link, sha256, size, blocks. */
int files_add(struct job **out, struct station *st, const char *path,
              enum file_cut cut, struct err *e) MUST_USE;
/* Result: path, size. */
int files_export(struct job **out, struct station *st, const struct cid *root,
                 const char *dir, struct span name, struct err *e) MUST_USE;

struct reader;
int reader_new(struct reader **out, struct station *st, const struct cid *root,
               struct err *e) MUST_USE;
/* The next bytes, at most ${max} of them (> 0): lent until the next call.
 * Empty at the end. */
int reader_next(struct reader *r, size_t max, struct span *out,
                struct err *e) MUST_USE;
/* Go to byte ${offset} of the file: what lies before is not loaded.
 * ERR_INVALID beyond the end; when it fails otherwise the reader is of no
 * more use. */
int reader_seek(struct reader *r, uint64_t offset, struct err *e) MUST_USE;
uint64_t reader_size(const struct reader *r);
void reader_del(struct reader *r);

/* Append the bytes of any block that is here, of a file or not, to ${out};
 * hashed against its id. ERR_NOENT, ERR_CORRUPT. */
int station_block(struct station *st, const struct cid *id, struct buf *out,
                  struct err *e) MUST_USE;

/* ---- text out of files (reading.c) ---- */

/* What was read out of a record's files. Bit i of ${files}: the i-th need not
 * be looked at again; ${done}: nor any. */
struct file_read {
  struct cid id;
  struct span text; /* UTF-8, <= FILE_TEXT_MAX; of all that was read so far */
  uint32_t files;
  bool done;
};
typedef int unread_sink(void *ud, const struct cid *id);
/* A round over up to ${max} records that have files to read, the newest first:
 * 1 when there are more than this and the rounds before it looked at since the
 * last 0. ${sink} must not call the station. */
int station_unread(struct station *st, size_t max, unread_sink *sink, void *ud,
                   struct err *e) MUST_USE;
/* From now on the records are found by these texts, too, until they go.
 * Together on disk on return. ${gone}: those that are no records here. */
int station_put_texts(struct station *st, const struct file_read *in, size_t n,
                      size_t *gone, struct err *e) MUST_USE;
/* What was put, appended to ${text}; ERR_NOENT. */
int station_file_text(struct station *st, const struct cid *id,
                      struct buf *text, uint32_t *files,
                      struct err *e) MUST_USE;

/* ---- carry (slip.c, pack.c, unpack.c) ---- */
struct slip_options {
  int64_t budget;  /* 0: none said */
  int64_t files;   /* < 0: by the follow rules */
  uint64_t expect; /* parcels that differ, 0: guessed (slip_plan.h) */
  bool exact;      /* handles of all parcels, no sketches */
  size_t max;      /* bytes that the slip may have, 0: as many as it takes */
};
struct slip_report {
  uint64_t bytes, wishes, parcels;
  uint64_t sketches; /* collections told by a sketch */
  uint64_t left_out; /* collections for which there was no room */
};
/* ERR_LIMIT when ${opt->max} is too small for any. */
int station_slip(struct station *st, const char *path,
                 const struct slip_options *opt, struct slip_report *out,
                 struct err *e) MUST_USE;

/* The slip as the text of a QR code (sync/slip_text.h), appended. */
int station_slip_text(struct station *st, const struct slip_options *opt,
                      struct buf *text, struct slip_report *out,
                      struct err *e) MUST_USE;
/* A line for an SMS a collection, the dearest first (slip_plan.h), 16 at most.
 * Nobody can tell who wrote them. */
int station_slip_short(struct station *st, const struct slip_options *opt,
                       struct buf *lines, struct slip_report *out,
                       struct err *e) MUST_USE;

/* What a slip says of itself. */
struct slip_told {
  char station[CRYPT_DID_MAX]; /* or, of short ones, the first 12 digits of its
                                  key, which anybody may claim */
  bool shorts;
  uint64_t wishes, sketches; /* of short ones: collections */
  int64_t time, budget;      /* 0 in short ones */
};
int station_read_slip(struct slip_told *out, const char *path,
                      struct err *e) MUST_USE;

/* Bytes that are free to us where ${path} lies. */
int station_space(const char *path, uint64_t *out, struct err *e) MUST_USE;

/* What a slip's author lacks of what is here. Result: parcels, records,
 * wanted (blocks that the slip names and that are here), theirs (parcels that
 * only the author has, as far as sketches tell), whole (collections of which
 * the slip says too little: all of their parcels count), sha256 (of all that
 * would be packed: the same for the same). */
struct lacks_options {
  const struct span *pattern; /* only these collections; none: all */
  size_t patterns;
};
int station_lacks(struct job **out, struct station *st, const char *slip,
                  const struct lacks_options *opt, struct err *e) MUST_USE;

struct pack_options {
  const char *slip;           /* path, "-" for standard input, or NULL */
  const struct span *pattern; /* collections; none: all (or the slip's) */
  size_t patterns;
  int64_t budget; /* bytes, 0: none (or the slip's) */
  int64_t files;  /* largest file, < 0: all (or the slip's) */
  bool compress;
  int level;
};
int station_pack(struct job **out, struct station *st, const char *path,
                 const struct pack_options *opt, struct err *e) MUST_USE;

struct unpack_options {
  const struct span *pattern; /* only these collections; none: all */
  size_t patterns;
  bool keep;       /* store good file blocks that nothing lists, too */
  const char *way; /* as its quota is counted; NULL: by the file's name */
};
int station_unpack(struct job **out, struct station *st, const char *path,
                   const struct unpack_options *opt, struct err *e) MUST_USE;

/* Forget which records the policy refused (refused.c); ${n}: how many. A
 * rebuild after it has them asked for again. */
int station_forget_refusals(struct station *st, uint64_t *n,
                            struct err *e) MUST_USE;

/* ---- upkeep (upkeep.c) ---- */
/* Forgets what is damaged, and derives everything again. Result: parcels,
 * records, forgotten, restored, faults. Until it is done, nothing can be
 * written or packed (ERR_BUSY), and lists and search give what is there by
 * then. One that is interrupted is done again when the station is next opened.
 */
int station_rebuild(struct job **out, struct station *st,
                    struct err *e) MUST_USE;
int station_index(struct job **out, struct station *st, struct err *e) MUST_USE;
int station_verify(struct job **out, struct station *st, bool read_data,
                   struct err *e) MUST_USE;
/* Read and hash about one of ${share} (>= 1) parts of all blocks, from where
 * the last one stopped: so many of them read all. What is damaged is forgotten
 * (mend.h); if parcels or records were, the job ends with a rebuild. Result:
 * blocks, bytes, bad, whole (1: the end was reached, the next begins anew),
 * forgotten, parcels (of those), restored (own parcels signed again), faults.
 */
int station_scrub(struct job **out, struct station *st, uint32_t share,
                  struct err *e) MUST_USE;
int station_sweep(struct job **out, struct station *st, struct err *e) MUST_USE;
int station_salvage(struct station *st, const char *path, uint64_t *saved,
                    uint64_t *lost, struct err *e) MUST_USE;

struct station_stats {
  struct store_stats store;
  uint64_t collections, parcels, held;
  bool unindexed;
};
int station_stats(struct station *st, struct station_stats *out,
                  struct err *e) MUST_USE;
/* A number that changes with everything that is written here, also by another
 * process: what was read under one holds as long as it stays. */
int station_version(struct station *st, uint64_t *out, struct err *e) MUST_USE;
int station_digest(struct station *st, uint8_t out[32], struct err *e) MUST_USE;

#endif
