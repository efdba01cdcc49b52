/* SPDX-License-Identifier: 0BSD */
/* The one door to a storage engine: a table of operations over opaque bytes.
 *
 * An engine keeps blocks (named by CID, numbered in order of arrival), per
 * collection a log of block numbers, index rows, search documents and small
 * key-value pairs. It knows nothing of parcels or records. No SQL, transaction
 * or clock shows above this floor. tests/unit/store_conformance.c is written
 * against this table alone, so that a second engine can be run through it.
 *
 * Rules that hold for every engine:
 *  - Content (blocks, kv) is sacred; log, index rows and search documents are
 *    derived: derived_reset() drops them, the station builds them again.
 *  - put() and append() are each atomic, and durable when they return 0: what
 *    they stored survives kill -9 and a power cut. (In a group, when that
 *    ends.)
 *  - Blocks are put before, or in, the append that names them.
 *  - Nothing is atomic across collections.
 *  - Numbers grow with arrival and are never given twice.
 *  - Batches are <= STORE_BATCH_MAX blocks and about STORE_BATCH_BYTES.
 *  - ERR_BUSY is a normal answer: another process is in the way, try again.
 *  - One thread at a time per handle.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "form/cid.h"

struct store_block {
  struct cid cid; /* the caller has verified that it names the bytes */
  struct span bytes;
};

/* In a batch, a reference to the ${i}-th block of the same batch. */
#define STORE_NEW(i) (((uint64_t)1 << 63) | (uint64_t)(i))

/* An index row: under (name, key), ordered by (sort, ref). ${key} is at most
 * 64 bytes. The same row twice is one row. */
struct store_row {
  uint8_t name;
  struct span key;
  int64_t sort;
  uint64_t ref;  /* a block's number, or STORE_NEW(i) */
  bool sort_new; /* in a batch: ${sort} is i, and stands for the number of the
                    batch's i-th block */
};

/* A search document: the terms that it is found by, as often as it says them,
 * and facets that it is filtered by. Both are lists of (length in one byte,
 * bytes): terms of 1 to STORE_TERM_MAX bytes, in any order; facets of up to
 * STORE_FACET_MAX, ascending and each once. One document a ref: a second is
 * passed over, and so are taking out and retagging one that isn't there. */
#define STORE_TERM_MAX 127
#define STORE_FACET_MAX 200 /* a collection's name, and what it is */
struct store_doc {
  uint64_t ref;
  int64_t time;
  uint64_t length; /* in words, for ranking */
  struct span terms;
  struct span facets;
};

struct store_pair {
  struct span key;   /* <= STORE_KV_KEY_MAX */
  struct span value; /* p NULL: delete the pair */
};

/* Everything that changes together. Done in this order: blocks, erase, log,
 * drop, add, undocs, retags, docs, kv. A damaged block can be erased like any
 * other. */
struct store_batch {
  struct span collection; /* whose log; needed when log_n > 0 */
  const struct store_block *blocks;
  size_t blocks_n;
  const uint64_t *erase; /* blocks to remove for good, overwritten on disk;
                          * the words of undocs, now or before, are gone */
  size_t erase_n;
  bool erase_first; /* before the blocks are put, so that one of them may come
                     * anew in the place of one that is damaged */
  const uint64_t *log; /* block numbers (or STORE_NEW) to append to the log */
  size_t log_n;
  const struct store_row *drop;
  size_t drop_n;
  const struct store_row *add;
  size_t add_n;
  const struct store_doc *undocs; /* with the very terms that were put */
  size_t undocs_n;
  const struct store_doc *retags; /* other facets and time; no terms */
  size_t retags_n;
  const struct store_doc *docs;
  size_t docs_n;
  const struct store_pair *kv;
  size_t kv_n;
};

/* How many documents match a query. */
struct store_tally {
  uint64_t total;
  struct buf sets;      /* per set of facets that they have: u64 documents, u32
                         * length, the facets (little endian) */
  const int64_t *bound; /* ascending times; in between[i] are counted those */
  uint64_t *between;    /* from bound[i] on and before bound[i + 1]: */
  size_t bounds;        /* one less than there are bounds */
};

struct store_hit {
  uint64_t ref;
  double score;   /* greater is better */
  uint64_t marks; /* of the groups that it matches, joined */
};

/* ---- queries ----
 * A document's score is the sum over the groups that it matches: weight * the
 * greatest, over the group's terms, of weight * IDF * frequency part (BM25, k1
 * = 1.2, b = 0.75, lengths to their five highest bits, their mean as it is).
 * IDF is log(1 + (N - n + 0.5) / (n + 0.5)), n being the documents that hold
 * the term or, if those are more, one of the group's own terms. Scores are
 * exact to 2^-16 a group: what is given are the very best. */
struct store_match {
  struct span term;
  double weight; /* 0 .. 1000 */
  bool own;      /* what is looked for, not something like it */
};
/* Which documents may be given at all. STORE_ANY: one of these groups at
 * least. STORE_NEED + i, i < QUERY_NEEDS_MAX: for each i that occurs, one at
 * least of its groups. STORE_NOT: none of these. A query of filters alone
 * gives the newest by ref first, with score 0; one of STORE_NOT without
 * anything that is wanted is ERR_INVALID. */
enum { STORE_ANY = 0, STORE_NOT = 1, STORE_NEED = 2 };
struct store_group {
  const struct store_match *match;
  size_t n;
  double weight; /* 0 .. 1000 */
  unsigned how;
  uint64_t mark; /* bits that say so with a hit that matches the group */
};
/* Documents with one of these facets, or with none of them. */
struct store_filter {
  const struct span *facet;
  size_t n;
  bool without;
};
struct store_query {
  const struct store_group *group;
  size_t groups; /* <= QUERY_GROUPS_MAX, all terms <= QUERY_TERMS_MAX */
  const struct store_filter *filter;
  size_t filters; /* <= QUERY_WORDS_MAX */
  bool timed;     /* from <= time < to */
  int64_t from, to;
  bool after; /* only what comes after ${last} */
  struct store_hit last;
};

/* What a document in the index comes to: sums of its terms, and of its time,
 * length and facets, as audit.h makes them. */
struct store_audit {
  uint64_t ref, terms, rest;
};

/* Words that are like ${word}: those of both kinds, of which the first begins
 * with a letter or digit, and the second with STORE_WORD_MARK before that. */
#define STORE_WORD_MARK 1
#define STORE_ALIKE_MAX 512
struct store_like {
  struct span word;
  double
      least; /* twice the 3-grams in common, divided by all of both: 0 .. 1 */
};
struct store_alike {
  uint8_t term[STORE_TERM_MAX + 1];
  uint8_t n;
  double like;
  uint32_t df; /* documents, in about */
};

struct store_end {
  uint64_t last;  /* greatest number in a collection's log */
  uint64_t count; /* entries */
};

struct store_stats {
  uint64_t blocks, block_bytes;     /* distinct blocks, their plain size */
  uint64_t file_blocks, file_bytes; /* of those, put as file blocks */
  uint64_t disk_bytes;              /* all files of the store */
  uint64_t index_rows, documents;
};

/* Cheap: asked for each parcel. */
struct store_room {
  uint64_t used;            /* bytes of the store's files that are in use */
  uint64_t log;             /* bytes that its log may take besides */
  uint64_t next, next_file; /* numbers of new blocks are not below these */
};

struct store;

struct store_ops {
  const char *engine; /* "sqlite" */
  void (*close)(struct store *s);

  /* ---- blocks ---- */
  /* Idempotent. numbers[i] (may be NULL) gets each block's number, fresh[i]
   * (may be NULL) whether it was new. ${file}: blocks of files, which
   * mark/sweep may collect; they may rest in another place. A block that is
   * here as a file's only is new to a put without ${file}, and gets a number
   * of its own that no sweep takes away. */
  int (*put)(struct store *s, const struct store_block *b, size_t n, bool file,
             uint64_t *numbers, bool *fresh, struct err *e);
  /* Append the block's bytes to ${out}: ERR_NOENT when it isn't here. Does
   * not hash: the caller verifies what leaves the house. */
  int (*get)(struct store *s, const struct cid *c, struct buf *out,
             struct err *e);
  /* By number; ${cid} may be NULL, ${out} may be NULL. */
  int (*get_ref)(struct store *s, uint64_t ref, struct cid *cid,
                 struct buf *out, struct err *e);
  /* refs[i] = number of c[i], 0 when it isn't here. */
  int (*find)(struct store *s, const struct cid *c, size_t n, uint64_t *refs,
              struct err *e);
  /* Blocks, not those of files, whose digest begins with the 8 bytes of
   * ${prefix}, the first one the highest: their numbers and CIDs, up to
   * ${max}, in no order; returns how many. */
  int (*find_prefix)(struct store *s, uint64_t prefix, uint64_t *refs,
                     struct cid *cids, size_t max, struct err *e);
  /* Up to ${max} numbers > ${after} in order; returns how many. Skips none.
   * ${file} chooses file blocks or the others. Here and in all lists ${max}
   * is cut to STORE_LIST_MAX. */
  int (*walk)(struct store *s, uint64_t after, bool file, uint64_t *refs,
              size_t max, struct err *e);
  /* Garbage of file blocks: sweep_start opens a generation; mark what is
   * reachable; sweep drops up to ${limit} unmarked ones that are older than
   * the generation and says how many and how much (0: done). Finding a block
   * or putting it again marks it too: whoever asked counts on it. A
   * generation ends with the handle; mark and sweep without one are
   * ERR_MISUSE. */
  int (*sweep_start)(struct store *s, struct err *e);
  int (*mark)(struct store *s, const struct cid *c, size_t n, struct err *e);
  int (*sweep)(struct store *s, size_t limit, uint64_t *freed, struct err *e);

  /* ---- the one atomic change ---- */
  /* numbers, fresh: of batch->blocks, may be NULL. */
  int (*append)(struct store *s, const struct store_batch *batch,
                uint64_t *numbers, bool *fresh, struct err *e);

  /* Between group(true) and group(false), what is put and appended becomes
   * durable together, at the end of it, and costs one sync; other processes
   * see nothing of it before. One failure takes all of it back: later changes
   * and the group's end give that code. Not to be nested. */
  int (*group)(struct store *s, bool on, struct err *e);

  /* ---- logs and index ---- */
  /* Log of a collection: up to ${max} numbers > ${after}, ascending. */
  int (*since)(struct store *s, struct span collection, uint64_t after,
               uint64_t *refs, size_t max, struct err *e);
  /* Entries in a collection's log; 0 for one that isn't here. */
  int (*count)(struct store *s, struct span collection, uint64_t *out,
               struct err *e);
  /* Names of collections greater than ${after} by bytes, each followed by a
   * zero byte, up to ${max} of them; returns how many. */
  int (*collections)(struct store *s, struct span after, struct buf *names,
                     size_t max, struct err *e);
  /* The same, with where each one's log ends. */
  int (*ends)(struct store *s, struct span after, struct buf *names,
              struct store_end *ends, size_t max, struct err *e);
  /* Rows under (name, key) after (sort, ref), ascending, or before it,
   * descending: fills sort[] and ref[], returns how many. Start ascending
   * with (INT64_MIN, 0), descending with (INT64_MAX, UINT64_MAX >> 1). */
  int (*rows)(struct store *s, uint8_t name, struct span key, int64_t sort,
              uint64_t ref, bool descending, int64_t *sorts, uint64_t *refs,
              size_t max, struct err *e);

  /* ---- key-value ---- */
  int (*kv_get)(struct store *s, struct span key, struct buf *out,
                struct err *e); /* ERR_NOENT */
  /* Keys > ${after} that start with ${prefix}: appends key, value pairs as
   * u32 key length, key, u32 value length, value (little endian). */
  int (*kv_list)(struct store *s, struct span prefix, struct span after,
                 struct buf *out, size_t max, struct err *e);

  /* ---- search ---- */
  /* Best first, ties by greater ref; returns how many. */
  int (*query)(struct store *s, const struct store_query *q,
               struct store_hit *hits, size_t max, struct err *e);
  /* Count what matches; ${out} holds nothing before but its bounds. */
  int (*tally)(struct store *s, const struct store_query *q,
               struct store_tally *out, struct err *e);
  /* What each group gives document ${ref} (0: nothing); ERR_NOENT when it
   * isn't in the index. */
  int (*explain)(struct store *s, const struct store_query *q, uint64_t ref,
                 double *parts, struct err *e);
  /* In how many documents is each term (<= QUERY_TERMS_MAX), of ${all}? */
  int (*holding)(struct store *s, const struct span *term, size_t n,
                 uint64_t *docs, uint64_t *all, struct err *e);
  /* For each of ${n} words (<= QUERY_WORDS_MAX) up to ${max} (<=
   * STORE_ALIKE_MAX) that are like it, the likest first, of equals the lesser
   * term, from out[i * max] on; counts[i] says how many. */
  int (*alike)(struct store *s, const struct store_like *like, size_t n,
               struct store_alike *out, size_t max, size_t *counts,
               struct err *e);
  /* The most frequent words that begin with ${prefix} (marked: its first
   * byte is the mark). Returns how many. */
  int (*prefix)(struct store *s, struct span prefix, struct store_alike *out,
                size_t max, struct err *e);
  /* A slice of what the index has to tidy up: 1 there is more, 0 nothing.
   * ${all}: until it is as small and quick as can be. */
  int (*tidy)(struct store *s, bool all, struct err *e);

  /* ---- upkeep ---- */
  /* Between hold(true) and hold(false), or the next change, reads may cost
   * less. Asking for it is never needed; cannot fail. */
  void (*hold)(struct store *s, bool on);
  int (*derived_reset)(struct store *s, struct err *e);
  /* Only the search documents. */
  int (*search_reset)(struct store *s, struct err *e);
  /* SHA-256 over a canonical dump of everything derived: equal for equal
   * content, however it came about. */
  int (*derived_digest)(struct store *s, uint8_t out[32], struct err *e);
  int (*stats)(struct store *s, struct store_stats *out, struct err *e);
  int (*room)(struct store *s, struct store_room *out, struct err *e);
  /* Engine's own structure check; ERR_CORRUPT names the first fault. */
  int (*check)(struct store *s, struct err *e);
  /* Walk the search index: ERR_CORRUPT names the first place where it does not
   * agree with itself. Appends a struct store_audit a document, by ref. */
  int (*audit)(struct store *s, struct buf *docs, struct err *e);
  /* A number that changes with everything that is written, by this handle or
   * in another process. */
  int (*version)(struct store *s, uint64_t *out, struct err *e);
};

struct store {
  const struct store_ops *ops;
};

struct store_options {
  bool readonly;      /* never writes, takes no lock */
  bool create;        /* make it when missing, else ERR_NOENT */
  bool memory;        /* in memory alone, gone when closed; path is unused */
  size_t cache_bytes; /* page cache, 0: the engine's default (about 2 MiB) */
};

/* The embedded default. ${path} is the main file; beside it lie path-wal,
 * path-shm, path-lock and path-files (large file blocks). ERR_BUSY names the
 * process that holds the lock. */
int store_sqlite_open(struct store **out, const char *path,
                      const struct store_options *opt, struct err *e) MUST_USE;

/* Give every block of a (damaged) store at ${path} that can still be read and
 * hashes to its CID to ${sink}; unreadable places are passed over. ${sink}
 * returns 0 to go on. ${good} and ${lost} count; what lay in pages of which
 * nothing is left can't be counted. Opens nothing for writing. The store must
 * not be open in this process (closing a file drops its locks). */
typedef int store_salvage_sink(void *ud, const struct store_block *b,
                               bool file);
int store_sqlite_salvage(const char *path, store_salvage_sink *sink, void *ud,
                         uint64_t *good, uint64_t *lost,
                         struct err *e) MUST_USE;

#endif
