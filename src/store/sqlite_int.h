/* SPDX-License-Identifier: 0BSD */
/* What the files of the SQLite engine share. Nothing outside store/sqlite*.c
 * includes this.
 *
 * Two files. The main one (WAL) holds everything but the bytes of large file
 * blocks; those lie in `path-files` (rollback journal), so that a gigabyte is
 * written once and not twice through a log.
 *
 *   seg    blocks, 32 to 64 KiB of them a row: a directory and the bytes, in
 *          zstd frames one after the other, cut between blocks: to read one
 *          block, one frame is expanded. (Before format 3 there was one frame
 *          a row; that reads as well.) Number = segment * 256 + slot.
 *   file   one file block a row: directory entry, and its bytes when it is
 *          small. Number = 2^62 + id.
 *   cidkey the first 8 bytes of the digest -> number, for all blocks up to
 *          a watermark in `state`. Numbers above it are in memory (struct
 *          tail), read from the directories when the store is opened: a
 *          random insert a block would dirty a page a block, sorted bulk
 *          inserts touch each page once for thousands of them.
 *   coll, log, entry           derived.
 *   search_*                   derived: the search index, sqlite_terms.h.
 *   kv, state                  pairs, and counters of the engine's own.
 */
#ifndef STORE_SQLITE_INT_H
#define STORE_SQLITE_INT_H

#include "base/buf.h"
#include "form/hash.h"
#include "form/zpack.h"
#include "store/store.h"

#include <sqlite3.h>
#include <sys/types.h>

#define SQ_APPLICATION_ID 0x6d687474 /* "mhtt" */
#define SQ_VERSION 3
#define SQ_VERSION_TERMS 2 /* since then the search index is what it is */
#define SQ_PAGE 4096
#define SQ_FILES_PAGE 65536
#define SQ_FILES_KIB 4096 /* page cache there; with 2048 puts are slower */
#define SQ_BUSY_MS 5000
#define SQ_LOG_BYTES "16777216" /* as text: what stays of the WAL */

#define SEG_SLOTS 256          /* numbers a segment: slot is the low 8 bits */
#define SEG_RAW (48u * 1024)   /* plain bytes a segment is closed at */
#define SEG_LEVEL 3            /* zstd level, by measurement */
#define SEG_LEVEL_SMALL 1      /* for a single append: time counts */
#define SEG_CACHE 4            /* expanded segments kept */
#define SEG_KEEP (256u * 1024) /* buffers above this are given back */

/* Plain bytes that a frame is closed at. A text that is read alone takes a
 * sixth of the time that it takes with the whole segment; the rows are an
 * eighth larger. */
#define SEG_FRAME (8u * 1024)

/* Directory entry: codec (1), length (4, big endian), offset in the plain
 * segment (4, big endian), digest (32). Fixed width so that plain SQL can
 * take it apart with substr(). A hole is all zero. */
#define HEAD_ENTRY 41

#define FILE_BIT ((uint64_t)1 << 62)

/* What a damaged row may claim is no reason to count from there: a number has
 * to fit below FILE_BIT, and a bit a file block into memory. */
#define SEG_ID_MAX ((int64_t)1 << 50)
#define FILE_ID_MAX ((int64_t)1 << 33)
#define FILE_INLINE_MAX (16u * 1024) /* larger bytes go to `path-files` */
#define FILE_PROBE (64u * 1024)      /* compressed first, to see if it pays */

#define TAIL_FOLD 32768 /* entries in memory before they are folded */

#define KEY_BYTES_MAX 64 /* of an index row */

/* Documents of a batch with fewer than PENDING_BULK wait in `search_wait`;
 * they become a segment when there are PENDING_FOLD. */
#define PENDING_BULK 64
#define PENDING_FOLD 256
#define PENDING_MAX (PENDING_FOLD + PENDING_BULK)

/* Every statement of the engine; the text is in sqlite_sql.c. */
enum sq_stmt {
  Q_BEGIN,
  Q_COMMIT,
  Q_READ,
  Q_DATA_VERSION,
  Q_STATE_GET,
  Q_STATE_PUT,
  Q_STATE_ADD,
  Q_SEG_PUT,
  Q_SEG_HEAD,
  Q_SEG_ALL,
  Q_SEG_CHANGE,
  Q_SEG_REHEAD,
  Q_SEG_MAX,
  Q_SEG_TAIL,
  Q_SEG_WALK,
  Q_KEY_PUT,
  Q_KEY_GET,
  Q_KEY_DROP,
  Q_KEY_ALL,
  Q_FILE_PUT,
  Q_FILE_GET,
  Q_FILE_HEAD,
  Q_FILE_SIZE,
  Q_FILE_MAX,
  Q_FILE_TAIL,
  Q_FILE_WALK,
  Q_FILE_DROP,
  Q_GONE_PUT,
  Q_GONE_LIST,
  Q_GONE_CLEAR,
  Q_COLL_GET,
  Q_COLL_NEW,
  Q_COLL_LIST,
  Q_COLL_ENDS,
  Q_LOG_PUT,
  Q_LOG_LAST,
  Q_LOG_COUNT,
  Q_LOG_SINCE,
  Q_ENTRY_PUT,
  Q_ENTRY_DROP,
  Q_ENTRY_UP,
  Q_ENTRY_DOWN,
  Q_ENTRY_COUNT,
  Q_KV_PUT,
  Q_KV_GET,
  Q_KV_DROP,
  Q_KV_LIST,
  Q_TSEG_LIST,
  Q_TSEG_PUT,
  Q_TSEG_DROP,
  Q_ROW_GET, /* these five: one a kind of rows, see sqlite_terms.h */
  Q_ROW_PUT = Q_ROW_GET + 3,
  Q_ROW_DROP = Q_ROW_PUT + 3,
  Q_ROW_SWEEP = Q_ROW_DROP + 3,
  Q_ROW_AFTER = Q_ROW_SWEEP + 3,
  Q_LEAD_AFTER = Q_ROW_AFTER + 3,
  Q_LEAD_GET,
  Q_LEAD_ROW,
  Q_LEAD_PUT,
  Q_LEAD_DROP,
  Q_LEAD_SWEEP,
  Q_LEN_GET,
  Q_LEN_PUT,
  Q_LEN_SWEEP,
  Q_LEN_MAX,
  Q_TDOC_GET,
  Q_TDOC_PUT,
  Q_TDOC_SWEEP,
  Q_TDOC_MAX,
  Q_REF_GET,
  Q_REF_PUT,
  Q_REF_DROP,
  Q_REF_BEFORE,
  Q_SET_GET,
  Q_SET_FIND,
  Q_SET_NEW,
  Q_SET_COUNT,
  Q_SET_DROP,
  Q_MERGE_LIST,
  Q_MERGE_PUT,
  Q_MERGE_DROP,
  Q_WAIT_COUNT,
  Q_WAIT_HAS,
  Q_WAIT_PUT,
  Q_WAIT_GET,
  Q_WAIT_ALL,
  Q_WAIT_DROP,
  Q_WAIT_CLEAR,
  Q_BIG_BEGIN,
  Q_BIG_COMMIT,
  Q_BIG_PUT,
  Q_BIG_GET,
  Q_BIG_DROP,
  Q_BIG_AFTER,
  Q_PAGES, /* these four as sq_room adds them up */
  Q_FREE_PAGES,
  Q_BIG_PAGES,
  Q_BIG_FREE_PAGES,
  SQ_STMTS
};

struct query_text {
  bool big; /* in `path-files` */
  const char *sql;
};
extern const struct query_text sq_query_text[SQ_STMTS];

/* Digest prefix -> number, for what is above the watermark. Open addressing;
 * number 0 with ${used} set is an entry that was taken out. */
struct tail_cell {
  uint64_t prefix, number;
};
struct tail {
  struct tail_cell *cell; /* 2 * TAIL_FOLD, or NULL */
  size_t cells, used;
};

struct seg_cache {
  int64_t id; /* 0: empty */
  struct buf head;
  uint64_t size;  /* of the plain segment, bytes */
  uint64_t from;  /* where in it ${raw} begins */
  struct buf raw; /* nothing, or some frames, or all */
  uint64_t tick;
};

/* The segment that is being filled inside a transaction. */
struct seg_build {
  int64_t id; /* 0: none is open */
  struct buf head, raw;
};

/* What a station's engine counts; loaded when opened, kept up to date. */
struct sq_counts {
  uint64_t blocks, block_bytes, file_blocks, file_bytes;
};

struct sq {
  struct store base;
  sqlite3 *db;    /* main file */
  sqlite3 *files; /* `path-files`, NULL until first used */
  sqlite3_stmt *stmt[SQ_STMTS];
  char *path;
  int lock_fd;
  pid_t pid; /* who opened it: a child after fork must not use it */
  bool readonly;
  bool memory;     /* nothing is in files */
  bool held;       /* a read transaction is kept open between calls */
  bool grouped;    /* changes wait for the group's end ... */
  bool group_open; /* ... in a transaction that has begun */
  int group_fault; /* the group was taken back with this code, or 0 */
  bool big_open;   /* changes of `path-files` wait for their commit */
  struct err lost; /* why SQLite took a transaction back by itself, or code 0 */
  bool dead;       /* a write failed in a way that leaves the file unknown */
  bool scrub;      /* erased bytes still lie in the WAL */
  bool gone;       /* `gone` has entries to finish */
  bool old;        /* a reader of a store without today's search index */
  int cache_kib;

  struct zpack *zpack;
  struct buf pack; /* scratch: compressed bytes */
  struct buf text; /* scratch: query text and the like */

  struct tail tail;
  int64_t folded_seg, folded_file; /* the watermark */
  struct buf strays; /* numbers to take out of `cidkey`: see tail_drop_folded */
  int64_t last_seg, last_file; /* greatest id in use or given */
  struct sq_counts counts;
  int64_t data_version; /* as of which all of this was read (readers) */
  uint64_t changes;     /* that this handle has made */

  struct seg_cache cache[SEG_CACHE];
  uint64_t tick;
  struct seg_build build;
  uint64_t number[STORE_BATCH_MAX]; /* of the current batch's blocks */
  bool fresh[STORE_BATCH_MAX];

  int64_t pending;     /* documents that wait for a segment of the index */
  struct terms *terms; /* what is in memory of the search index, or NULL */

  struct buf coll_name; /* the collection that was looked up last */
  int64_t coll_id;      /* 0: none */

  /* Garbage collection of file blocks: one bit an id up to sweep_top. */
  uint8_t *mark;
  int64_t sweep_top; /* ids above are younger than the generation */
  int64_t sweep_at;  /* ids up to here are done */
};

/* Lists are handed out in bounded pieces. */
static inline size_t list_max(size_t max)
{
  return max > STORE_LIST_MAX ? STORE_LIST_MAX : max;
}

static inline struct sq *sq_of(struct store *s)
{
  return (struct sq *)(void *)s;
}

/* ---- sqlite.c ---- */

/* Every operation starts here: refuses a handle that came through a fork and,
 * for a writer, one that is dead or read-only. */
int sq_enter(struct sq *s, bool write, struct err *e) MUST_USE;

/* Describe the last error of ${db}, which was ${rc}. Returns a code < 0. */
int sq_fail(struct sq *s, sqlite3 *db, int rc, const char *doing,
            struct err *e) MUST_USE;

/* Out of memory, said. */
static inline int sq_nomem(struct err *e)
{
  err_set(e, ERR_NOMEM, "out of memory");
  return ERR_NOMEM; /* spelt out for the static analyser */
}

/* A prepared statement, reset and without bindings. It belongs to ${s}. */
int sq_get(struct sq *s, enum sq_stmt q, sqlite3_stmt **out,
           struct err *e) MUST_USE;

/* Step: 1 a row, 0 done (and reset), < 0 an error (and reset). */
int sq_step(struct sq *s, sqlite3_stmt *st, struct err *e) MUST_USE;

/* Step a statement that gives no row, then reset it. */
int sq_run(struct sq *s, sqlite3_stmt *st, struct err *e) MUST_USE;

/* Statements without, or with one or two integer arguments. */
int sq_exec(struct sq *s, enum sq_stmt q, struct err *e) MUST_USE;
int sq_exec2(struct sq *s, enum sq_stmt q, int64_t a, int64_t b,
             struct err *e) MUST_USE;

/* One integer from a statement with one optional integer argument; ${out} is
 * left alone when there is no row. */
int sq_int(struct sq *s, enum sq_stmt q, int64_t a, int64_t *out,
           struct err *e) MUST_USE;

/* Plain SQL text without result, for rare things. */
int sq_sql(struct sq *s, sqlite3 *db, const char *sql, struct err *e) MUST_USE;

void sq_bind(sqlite3_stmt *st, int i, struct span v);
struct span sq_column(sqlite3_stmt *st, int i);

int sq_begin(struct sq *s, struct err *e) MUST_USE;
/* Commit, or roll back when ${rc} < 0; returns the verdict. */
int sq_end(struct sq *s, int rc, struct err *e) MUST_USE;

/* A reader's snapshot, with what is in memory brought up to it. Nothing to do
 * for the writer, whose memory is always right. */
int sq_snapshot(struct sq *s, struct err *e) MUST_USE;
/* The same before ${n} reads, for the writer too. */
int sq_snapshot_many(struct sq *s, size_t n, struct err *e) MUST_USE;
void sq_release(struct sq *s);

int sq_state_get(struct sq *s, const char *name, int64_t *out,
                 struct err *e) MUST_USE;
int sq_state_put(struct sq *s, const char *name, int64_t value,
                 struct err *e) MUST_USE;
int sq_state_add(struct sq *s, const char *name, int64_t value,
                 struct err *e) MUST_USE;

/* Open `path-files` if it isn't; ${create} makes it. ERR_NOENT without. */
int sq_files_open(struct sq *s, bool create, struct err *e) MUST_USE;

/* ---- sqlite_lock.c ---- */

/* ${path} with a suffix, on the heap; NULL: no memory. */
char *sq_path(const char *path, const char *suffix) MUST_USE;
/* ERR_INVALID for a path on a network file system. */
int sq_refuse_network(const char *path, struct err *e) MUST_USE;
/* Take the lock, or ERR_BUSY with who holds it. */
int sq_lock(struct sq *s, struct err *e) MUST_USE;
/* ${ours}: this process took it. */
void sq_unlock(struct sq *s, bool ours);

/* ---- sqlite_blocks.c ---- */

void sq_blocks_free(struct sq *s);
/* Forget everything in memory and read it anew. */
int sq_blocks_load(struct sq *s, struct err *e) MUST_USE;
/* Reader: take in what was added since. */
int sq_blocks_refresh(struct sq *s, struct err *e) MUST_USE;
/* Inside a transaction: store, numbers and freshness into s->number/fresh. */
int sq_blocks_put(struct sq *s, const struct store_block *b, size_t n,
                  struct err *e) MUST_USE;
int sq_blocks_erase(struct sq *s, const uint64_t *n, size_t count,
                    struct err *e) MUST_USE;
int sq_find1(struct sq *s, const struct cid *c, uint64_t *out,
             struct err *e) MUST_USE;
int sq_read(struct sq *s, uint64_t n, struct cid *cid, struct buf *out,
            struct err *e) MUST_USE;
int sq_find(struct store *st, const struct cid *c, size_t n, uint64_t *refs,
            struct err *e);
int sq_find_prefix(struct store *st, uint64_t prefix, uint64_t *refs,
                   struct cid *cids, size_t max, struct err *e);
int sq_block_get(struct store *st, const struct cid *c, struct buf *out,
                 struct err *e);
int sq_get_ref(struct store *st, uint64_t ref, struct cid *cid, struct buf *out,
               struct err *e);
int sq_walk(struct store *st, uint64_t after, bool file, uint64_t *refs,
            size_t max, struct err *e);

/* Number bookkeeping that segments and files share (sqlite_tail.c). */
uint64_t tail_prefix(const uint8_t *digest);
int tail_add(struct sq *s, uint64_t prefix, uint64_t number,
             struct err *e) MUST_USE;
void tail_drop(struct sq *s, uint64_t prefix, uint64_t number);
/* Inside a transaction: the same in `cidkey`, for a number up to the
 * watermark. Where damage has changed the digest, ${prefix} is not the one it
 * was noted under: those are left to tail_drop_strays(), which looks through
 * all, once for all of a change. */
int tail_drop_folded(struct sq *s, uint64_t prefix, uint64_t number,
                     struct err *e) MUST_USE;
int tail_drop_strays(struct sq *s, struct err *e) MUST_USE;
/* Next number under ${prefix}, from *${at} on (start with 0); 0: no more. */
uint64_t tail_next(const struct sq *s, uint64_t prefix, size_t *at);
/* Inside a transaction: move the tail into `cidkey` when it is long. */
int tail_fold(struct sq *s, struct err *e) MUST_USE;
int tail_load(struct sq *s, struct err *e) MUST_USE;
int tail_extend(struct sq *s, struct err *e) MUST_USE;

/* ---- sqlite_files.c ---- */

int sq_files_put(struct sq *s, const struct store_block *b, size_t n,
                 struct err *e) MUST_USE;
int sq_file_is(struct sq *s, uint64_t n, const struct cid *c,
               struct err *e) MUST_USE;
int sq_file_read(struct sq *s, uint64_t n, struct cid *cid, struct buf *out,
                 struct err *e) MUST_USE;
/* Inside a transaction: remove one; sq_gone_finish() after the commit. */
int sq_file_erase(struct sq *s, uint64_t n, struct err *e) MUST_USE;
/* Remove the bytes of what `gone` lists, and the list. */
int sq_gone_finish(struct sq *s, struct err *e) MUST_USE;
/* The same if there is something to do and no group is under way. */
void sq_gone_try(struct sq *s);

/* ---- sqlite_group.c ---- */
int sq_group(struct store *st, bool on, struct err *e);
int sq_group_lost(struct sq *s, int code, struct err *e);
/* Where memory or the disk fails under a statement, also under one that only
 * reads, SQLite may take the whole transaction back by itself, and would then
 * commit what is written later statement by statement. Has it done so with the
 * change under way? */
bool sq_is_lost(const struct sq *s) MUST_USE;
/* Say why. Returns a code < 0. */
int sq_lost(const struct sq *s, struct err *e) MUST_USE;
/* Commit what the change under way has written to `path-files`, if anything:
 * the bytes before their directory (sqlite_files.c). */
int sq_big_commit(struct sq *s, struct err *e) MUST_USE;
/* Finish what a crash left between the two files. */
int sq_files_mend(struct sq *s, struct err *e) MUST_USE;
void sq_file_mark(struct sq *s, uint64_t n);
void sq_hold(struct store *st, bool on);
int sq_sweep_start(struct store *st, struct err *e);
int sq_mark(struct store *st, const struct cid *c, size_t n, struct err *e);
int sq_sweep(struct store *st, size_t limit, uint64_t *freed, struct err *e);

/* ---- sqlite_index.c ---- */

int sq_log_put(struct sq *s, const struct store_batch *b,
               struct err *e) MUST_USE;
int sq_rows_put(struct sq *s, const struct store_batch *b,
                struct err *e) MUST_USE;
int sq_kv_put(struct sq *s, const struct store_pair *p, size_t n,
              struct err *e) MUST_USE;
int sq_since(struct store *st, struct span collection, uint64_t after,
             uint64_t *refs, size_t max, struct err *e);
int sq_count(struct store *st, struct span collection, uint64_t *out,
             struct err *e);
int sq_collections(struct store *st, struct span after, struct buf *names,
                   size_t max, struct err *e);
int sq_ends(struct store *st, struct span after, struct buf *names,
            struct store_end *ends, size_t max, struct err *e);
int sq_rows(struct store *st, uint8_t name, struct span key, int64_t sort,
            uint64_t ref, bool descending, int64_t *sorts, uint64_t *refs,
            size_t max, struct err *e);
int sq_kv_get(struct store *st, struct span key, struct buf *out,
              struct err *e);
int sq_kv_list(struct store *st, struct span prefix, struct span after,
               struct buf *out, size_t max, struct err *e);

/* ---- the search index: sqlite_terms.h ---- */

int sq_docs_put(struct sq *s, const struct store_batch *b,
                struct err *e) MUST_USE;
/* How many documents wait. */
int sq_terms_load(struct sq *s, struct err *e) MUST_USE;
/* Inside a transaction: no document is left. */
int sq_search_clear(struct sq *s, struct err *e) MUST_USE;
int sq_search_reset(struct store *st, struct err *e);
int sq_tidy(struct store *st, bool all, struct err *e);
/* Give back what is in memory; forget what another process may change. */
void sq_terms_forget(struct sq *s);
void sq_terms_stale(struct sq *s);
/* A canonical dump of the documents into ${h}. */
int sq_terms_digest(struct sq *s, struct hash *h, struct err *e) MUST_USE;
int sq_terms_docs(struct sq *s, uint64_t *out, struct err *e) MUST_USE;
int sq_query(struct store *st, const struct store_query *q,
             struct store_hit *hits, size_t max, struct err *e);
int sq_topk(struct sq *s, const struct store_query *q, struct store_hit *hits,
            size_t max, struct err *e) MUST_USE;
int sq_audit(struct store *st, struct buf *docs, struct err *e);
int sq_tally(struct store *st, const struct store_query *q,
             struct store_tally *out, struct err *e);
int sq_explain(struct store *st, const struct store_query *q, uint64_t ref,
               double *parts, struct err *e);
int sq_holding(struct store *st, const struct span *term, size_t n,
               uint64_t *docs, uint64_t *all, struct err *e);
int sq_alike(struct store *st, const struct store_like *like, size_t n,
             struct store_alike *out, size_t max, size_t *counts,
             struct err *e);
int sq_prefix(struct store *st, struct span prefix, struct store_alike *out,
              size_t max, struct err *e);

/* ---- sqlite_upkeep.c ---- */

int sq_derived_reset(struct store *st, struct err *e);
int sq_derived_digest(struct store *st, uint8_t out[32], struct err *e);
int sq_stats(struct store *st, struct store_stats *out, struct err *e);
int sq_room(struct store *st, struct store_room *out, struct err *e);
int sq_check(struct store *st, struct err *e);
int sq_version(struct store *st, uint64_t *out, struct err *e);

/* Resolve STORE_NEW against s->number. */
int sq_ref(const struct sq *s, uint64_t ref, size_t blocks, int64_t *out,
           struct err *e) MUST_USE;

/* ---- sqlite_schema.c ---- */

extern const char *const sq_schema_main[];
extern const char *const sq_schema_search[];
extern const char *const sq_schema_files[];

#endif
