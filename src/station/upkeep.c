/* SPDX-License-Identifier: 0BSD */
/* Rebuild, index, verify, sweep, salvage. */
#include "base/check.h"
#include "base/mem.h"
#include "form/unixfs.h"
#include "station/admit.h"
#include "station/auditing.h"
#include "station/later.h"
#include "station/mend.h"
#include "station/quota.h"
#include "station/refset.h"
#include "station/sketches.h"
#include "station/station.h"

#include <inttypes.h>
#include <string.h>

#define PAGE 64

/* ---- rebuild ---- */

/* What is damaged goes before anything is derived: while the rows of before
 * are there, and so that nothing is derived from it. */
enum rebuild_stage {
  REBUILD_CHECK, /* hash what is no block of a file */
  REBUILD_MEND,
  REBUILD_DERIVE,
  REBUILD_FILES
};

struct rebuild {
  struct job job;
  enum rebuild_stage stage;
  bool marked, ended; /* as under way; the pages of files are at their end */
  uint64_t after;
  struct mend mend;
  struct admit_counts counts;
};

/* Is the block with this number a parcel? 1, 0. */
static int is_parcel(struct station *st, uint64_t ref, struct buf *block,
                     struct err *e)
{
  buf_clear(block);
  int rc = st->store->ops->get_ref(st->store, ref, NULL, block, e);
  return rc < 0 ? rc : parcel_looks(buf_span(block));
}

/* Note block ${ref} where it is damaged. 1: it is. */
static int rebuild_look(struct rebuild *r, uint64_t ref, bool file,
                        struct buf *block, struct err *e)
{
  struct damage d;
  int rc = mend_look(&r->job, ref, true, block, &d, e);
  if (rc > 0) {
    d.file = file;
    mend_note(&r->mend, &d);
  }
  return rc;
}

/* A page of blocks that are not of files: how many there were. */
static int check_page(struct rebuild *r, struct err *e)
{
  struct store *store = r->job.st->store;
  uint64_t refs[PAGE];
  struct buf block = {0};
  int rc = 0;
  int n = store->ops->walk(store, r->after, false, refs, PAGE, e);
  for (int i = 0; i < n && rc >= 0 && !mend_full(&r->mend); i++) {
    rc = rebuild_look(r, refs[i], false, &block, e);
    r->after = refs[i];
  }
  buf_free(&block);
  return rc < 0 ? rc : n;
}

static int rebuild_node(struct rebuild *r, uint64_t ref, struct buf *block,
                        struct err *e)
{
  struct store *store = r->job.st->store;
  struct cid cid;
  int rc = store->ops->get_ref(store, ref, &cid, NULL, e);
  if (rc == 0 && cid_codec(&cid) != CID_DAG_PB) {
    return 0; /* leaves list nothing */
  }
  if (rc == 0 || rc == ERR_CORRUPT) {
    rc = rebuild_look(r, ref, true, block, e);
  }
  return rc != 0 ? rc : admit_node_again(r->job.st, ref, e);
}

static int rebuild_page(struct rebuild *r, struct err *e)
{
  struct station *st = r->job.st;
  bool files = r->stage == REBUILD_FILES;
  uint64_t refs[PAGE];
  struct buf block = {0};
  int rc = 0;
  int n = st->store->ops->walk(st->store, r->after, files, refs, PAGE, e);
  for (int i = 0; i < n && rc >= 0 && !mend_full(&r->mend); i++) {
    r->after = refs[i];
    if (files) {
      rc = rebuild_node(r, refs[i], &block, e);
    } else if ((rc = is_parcel(st, refs[i], &block, e)) > 0) {
      rc = admit_again(st, refs[i], &r->counts, e);
    } else if (rc == ERR_NOENT) {
      rc = 0; /* taken back by a parcel of this very page */
    }
    r->job.done++;
  }
  buf_free(&block);
  return rc < 0 ? rc : n;
}

struct span station_rebuilding_key(void)
{
  static const char name[] = "station/rebuilding";
  return span_of(name, sizeof name - 1);
}

static int mark_rebuilding(struct station *st, bool on, struct err *e)
{
  struct store_pair pair = {station_rebuilding_key(),
                            span_of(on ? "" : NULL, 0)};
  struct store_batch batch = {.kv = &pair, .kv_n = 1};
  int rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);
  if (rc == 0) {
    st->half_derived = on;
  }
  return rc;
}

static int rebuild_reset(struct rebuild *r, struct err *e)
{
  struct station *st = r->job.st;
  int rc = quota_reset(st, e);
  if (rc != 0) {
    return rc < 0 ? rc : JOB_MORE; /* there are more */
  }
  if ((rc = sketches_reset(st, e)) < 0 ||
      (rc = st->store->ops->derived_reset(st->store, e)) < 0 ||
      (rc = admit_set_unindexed(st, UINT64_MAX, e)) < 0) {
    return rc;
  }
  r->stage = REBUILD_DERIVE;
  r->after = 0;
  return JOB_MORE;
}

static int rebuild_check(struct rebuild *r, struct err *e)
{
  struct station *st = r->job.st;
  int rc = 0;
  if (!r->marked) {
    station_forget_parcels(st);
    r->marked = (rc = mark_rebuilding(st, true, e)) == 0;
  }
  if (rc < 0 || (rc = check_page(r, e)) < 0) {
    return rc;
  }
  if (r->mend.n > 0 && (rc < PAGE || mend_full(&r->mend))) {
    r->stage = REBUILD_MEND;
    return JOB_MORE;
  }
  return rc == PAGE ? JOB_MORE : rebuild_reset(r, e);
}

static int rebuild_done(struct rebuild *r, struct err *e)
{
  struct job *j = &r->job;
  int rc = mark_rebuilding(j->st, false, e);
  if (rc < 0) {
    return rc;
  }
  j->result.has_faults = true;
  job_num(j, "parcels", (int64_t)r->counts.parcels);
  job_num(j, "records", (int64_t)r->counts.added);
  job_num(j, "forgotten", (int64_t)r->mend.forgotten);
  job_num(j, "restored", (int64_t)r->mend.signed_again);
  return JOB_DONE;
}

/* Nodes of files that were found damaged are forgotten where the pages end:
 * by then it can be told which records want them. */
static int rebuild_files(struct rebuild *r, struct err *e)
{
  bool mending = mend_full(&r->mend) || (r->ended && r->mend.n > 0);
  int rc = mending ? mend_step(&r->mend, e) : rebuild_page(r, e);
  if (rc < 0 || mending) {
    return rc < 0 ? rc : JOB_MORE;
  }
  r->ended = rc == 0;
  return r->ended && r->mend.n == 0 ? rebuild_done(r, e) : JOB_MORE;
}

static int rebuild_step(struct job *j, struct err *e)
{
  struct rebuild *r = (struct rebuild *)j;
  int rc;
  switch (r->stage) {
  case REBUILD_CHECK:
    return rebuild_check(r, e);
  case REBUILD_MEND:
    rc = mend_step(&r->mend, e);
    r->stage = rc == 0 ? REBUILD_CHECK : REBUILD_MEND;
    return rc < 0 ? rc : JOB_MORE;
  case REBUILD_DERIVE:
    if ((rc = rebuild_page(r, e)) == 0) {
      r->stage = REBUILD_FILES;
      r->after = 0;
    }
    return rc < 0 ? rc : JOB_MORE;
  case REBUILD_FILES:
    return rebuild_files(r, e);
  default:
    CHECK(false);
    return ERR_MISUSE;
  }
}

static void rebuild_clean(struct job *j)
{
  mend_free(&((struct rebuild *)j)->mend);
  j->st->rebuilding = false;
}

/* A job of ${size} bytes that begins with struct job; NULL: no memory. */
static struct job *new_job(struct station *st, size_t size,
                           const struct job_ops *ops, struct err *e)
{
  struct job *j = mem_zero(size);
  if (j == NULL) {
    (void)err_set(e, ERR_NOMEM, "not enough memory");
    return NULL;
  }
  job_init(j, st, ops);
  return j;
}

static int total_blocks(struct station *st, uint64_t *out, struct err *e)
{
  struct store_stats stats;
  int rc = st->store->ops->stats(st->store, &stats, e);
  if (rc == 0) {
    *out = stats.blocks;
  }
  return rc;
}

static int no_rebuild_yet(struct station *st, struct err *e)
{
  return st->rebuilding ? err_set(e, ERR_BUSY, "a rebuild is under way already")
                        : 0;
}

int station_rebuild(struct job **out, struct station *st, struct err *e)
{
  static const struct job_ops ops = {rebuild_step, rebuild_clean};
  uint64_t total = 0;
  int rc;
  if ((rc = no_rebuild_yet(st, e)) < 0 || (rc = station_owned(st, e)) < 0 ||
      (rc = later_flush(st, e)) < 0 || (rc = total_blocks(st, &total, e)) < 0) {
    return rc;
  }
  *out = new_job(st, sizeof(struct rebuild), &ops, e);
  if (*out == NULL) {
    return ERR_NOMEM;
  }
  (*out)->total = total;
  ((struct rebuild *)*out)->mend.job = *out;
  st->rebuilding = true;
  return 0;
}

int upkeep_finish_rebuild(struct station *st, struct err *e)
{
  struct buf value = {0};
  struct job *job = NULL;
  int rc =
      st->store->ops->kv_get(st->store, station_rebuilding_key(), &value, e);
  buf_free(&value);
  if (rc < 0) {
    return rc == ERR_NOENT ? 0 : rc;
  }
  if (st->readonly) {
    return err_set(e, ERR_BUSY,
                   "%s is being rebuilt, or was until that was interrupted: "
                   "opening it for writing ends it",
                   st->path);
  }
  rc = station_rebuild(&job, st, e);
  return rc < 0 ? rc : job_finish(job, e);
}

/* ---- verify ---- */

enum verify_stage {
  VERIFY_ENGINE,
  VERIFY_INDEX,
  VERIFY_BLOCKS,
  VERIFY_FILES,
  VERIFY_MISSING
};

struct verify {
  struct job job;
  bool read_data;
  enum verify_stage stage;
  uint64_t after, blocks, bytes, bad;
  uint64_t limit;      /* of a scrub: blocks this time */
  struct mend *mend;   /* of a scrub, else NULL */
  struct job *rebuild; /* after it forgot parcels or records */
  bool end, mending, derive;
  struct missing_count missing;
  struct auditing audit;
};

static int verify_block(struct verify *v, uint64_t ref, struct buf *block,
                        struct err *e)
{
  struct damage d;
  int rc = mend_look(&v->job, ref, v->read_data, block, &d, e);
  v->blocks++;
  v->bytes += block->n;
  if (rc > 0) {
    v->bad++;
    d.file = v->stage == VERIFY_FILES;
    if (v->mend != NULL) {
      mend_note(v->mend, &d);
    }
    rc = 0;
  }
  return rc;
}

static bool scrub_full(const struct verify *v)
{
  return v->mend != NULL && mend_full(v->mend);
}

/* 1: there may be more; 0: that was the end, whatever is written from now on.
 */
static int verify_page(struct verify *v, bool file, struct err *e)
{
  uint64_t refs[PAGE];
  struct buf block = {0};
  size_t max = file && v->read_data ? 2 : PAGE;
  int rc = 0;
  if (v->limit > 0 && v->limit - v->blocks < max) {
    max = (size_t)(v->limit - v->blocks);
  }
  int n = v->job.st->store->ops->walk(v->job.st->store, v->after, file, refs,
                                      max, e);
  for (int i = 0; i < n && rc == 0 && !scrub_full(v); i++) {
    rc = verify_block(v, refs[i], &block, e);
    v->after = refs[i];
    v->job.done++;
  }
  buf_free(&block);
  bool end = n < (int)max && !scrub_full(v);
  return rc < 0 || n < 0 ? (rc < 0 ? rc : n) : !end;
}

static int verify_engine(struct verify *v, struct err *e)
{
  int rc = v->job.st->store->ops->check(v->job.st->store, e);
  if (rc == ERR_CORRUPT) {
    job_fault(&v->job, "%s", e->text);
    v->bad++;
    rc = 0;
  }
  v->stage = VERIFY_INDEX;
  return rc < 0 ? rc : JOB_MORE;
}

static void index_fault(void *ud, const char *sentence)
{
  struct verify *v = ud;
  job_fault(&v->job, "%s", sentence);
  v->bad++;
}

static int verify_index(struct verify *v, struct err *e)
{
  int rc = auditing_step(v->job.st, &v->audit, index_fault, v, e);
  if (rc == 0) {
    v->stage = VERIFY_BLOCKS;
  }
  return rc < 0 ? rc : JOB_MORE;
}

static void verify_clean(struct job *j)
{
  auditing_free(&((struct verify *)j)->audit);
}

static int verify_done(struct verify *v)
{
  struct job *j = &v->job;
  j->result.has_faults = true;
  job_num(j, "blocks", (int64_t)v->blocks);
  job_num(j, "bytes", (int64_t)v->bytes);
  job_num(j, "bad", (int64_t)v->bad);
  job_num(j, "missing", (int64_t)v->missing.n);
  return JOB_DONE;
}

static int verify_step(struct job *j, struct err *e)
{
  struct verify *v = (struct verify *)j;
  if (v->stage == VERIFY_ENGINE) {
    return verify_engine(v, e);
  }
  if (v->stage == VERIFY_INDEX) {
    return verify_index(v, e);
  }
  int rc = v->stage == VERIFY_MISSING
               ? missing_count_step(j->st, &v->missing, e)
               : verify_page(v, v->stage == VERIFY_FILES, e);
  if (rc != 0) {
    return rc < 0 ? rc : JOB_MORE;
  }
  if (v->stage == VERIFY_MISSING) {
    return verify_done(v);
  }
  v->after = 0;
  v->stage = v->stage == VERIFY_BLOCKS ? VERIFY_FILES : VERIFY_MISSING;
  return JOB_MORE;
}

int station_verify(struct job **out, struct station *st, bool read_data,
                   struct err *e)
{
  static const struct job_ops ops = {verify_step, verify_clean};
  int rc = station_alive(st, e);
  if (rc < 0 || (rc = later_flush(st, e)) < 0) {
    return rc;
  }
  struct job *j = new_job(st, sizeof(struct verify), &ops, e);
  if (j == NULL) {
    return ERR_NOMEM;
  }
  ((struct verify *)j)->read_data = read_data;
  /* A damaged store may not even count: then progress has no end to show. */
  if (total_blocks(st, &j->total, e) < 0) {
    j->total = 0;
  }
  *out = j;
  return 0;
}

/* ---- scrub: the same, a share of the store at a time ---- */

/* Where the last one stopped: stage (1 byte), number (8, big endian). */
#define SCRUB_SIZE 9

static struct span scrub_key(void)
{
  static const char name[] = "station/scrub";
  return span_of(name, sizeof name - 1);
}

static int scrub_load(struct verify *v, struct err *e)
{
  struct store *store = v->job.st->store;
  struct buf b = {0};
  int rc = store->ops->kv_get(store, scrub_key(), &b, e);
  v->stage = VERIFY_BLOCKS;
  if (rc == 0 && b.n == SCRUB_SIZE) {
    v->stage = b.p[0] == VERIFY_FILES ? VERIFY_FILES : VERIFY_BLOCKS;
    for (size_t i = 1; i < SCRUB_SIZE; i++) {
      v->after = v->after << 8 | b.p[i];
    }
  }
  buf_free(&b);
  return rc == ERR_NOENT ? 0 : rc;
}

static int scrub_place(struct verify *v, struct err *e)
{
  uint8_t place[SCRUB_SIZE] = {(uint8_t)(v->end ? VERIFY_BLOCKS : v->stage)};
  for (size_t i = 1; i < SCRUB_SIZE && !v->end; i++) {
    place[i] = (uint8_t)(v->after >> (8 * (SCRUB_SIZE - 1 - i)));
  }
  struct store_pair pair = {scrub_key(), span_of(place, sizeof place)};
  struct store_batch batch = {.kv = &pair, .kv_n = 1};
  int rc = station_writable(v->job.st, e);
  return rc < 0 ? rc
                : v->job.st->store->ops->append(v->job.st->store, &batch, NULL,
                                                NULL, e);
}

static int scrub_done(struct verify *v)
{
  struct job *j = &v->job;
  j->result.has_faults = true;
  job_num(j, "blocks", (int64_t)v->blocks);
  job_num(j, "bytes", (int64_t)v->bytes);
  job_num(j, "bad", (int64_t)v->bad);
  job_num(j, "whole", v->end);
  mend_tell(v->mend, j);
  return JOB_DONE;
}

/* The rebuild reads all of the store: it may have found more. */
static int scrub_rebuilt(struct verify *v)
{
  const struct mend *more = &((const struct rebuild *)v->rebuild)->mend;
  const struct buf *faults = &v->rebuild->result.faults;
  for (size_t at = 0; at < faults->n;) {
    const char *text = (const char *)faults->p + at;
    job_fault(&v->job, "%s", text);
    at += strlen(text) + 1;
  }
  v->mend->forgotten += more->forgotten;
  v->mend->parcels += more->parcels;
  v->mend->signed_again += more->signed_again;
  return scrub_done(v);
}

/* What was found damaged is forgotten. The place is noted before, while the
 * station can still be written to: a crash loses one share's findings at most,
 * and the next round finds them again. */
static int scrub_mend(struct verify *v, struct err *e)
{
  int rc;
  if (v->rebuild != NULL) {
    rc = job_step(v->rebuild, e);
    return rc == JOB_DONE ? scrub_rebuilt(v) : rc;
  }
  bool derive = v->mend->listed;
  rc = mend_step(v->mend, e);
  if (rc != 0 || v->mend->n > 0) {
    return rc < 0 ? rc : JOB_MORE;
  }
  v->derive = v->derive || derive;
  if (!v->derive) {
    return scrub_done(v);
  }
  rc = station_rebuild(&v->rebuild, v->job.st, e);
  return rc < 0 ? rc : JOB_MORE;
}

static int scrub_step(struct job *j, struct err *e)
{
  struct verify *v = (struct verify *)j;
  if (v->mending) {
    return scrub_mend(v, e);
  }
  int rc = verify_page(v, v->stage == VERIFY_FILES, e);
  if (rc < 0) {
    return rc;
  }
  v->end = rc == 0 && v->stage == VERIFY_FILES;
  if (rc == 0 && !v->end) {
    v->stage = VERIFY_FILES;
    v->after = 0;
  }
  if (v->end || v->blocks >= v->limit || scrub_full(v)) {
    v->mending = true;
    rc = scrub_place(v, e);
  }
  return rc < 0 ? rc : JOB_MORE;
}

static void scrub_clean(struct job *j)
{
  struct verify *v = (struct verify *)j;
  if (v->mend != NULL) {
    mend_free(v->mend);
  }
  mem_free(v->mend);
  job_del(v->rebuild);
}

int station_scrub(struct job **out, struct station *st, uint32_t share,
                  struct err *e)
{
  static const struct job_ops ops = {scrub_step, scrub_clean};
  uint64_t total = 0;
  int rc = station_writable(st, e);
  if (rc < 0 || (rc = later_flush(st, e)) < 0 ||
      (rc = total_blocks(st, &total, e)) < 0) {
    return rc;
  }
  struct job *j = new_job(st, sizeof(struct verify), &ops, e);
  if (j == NULL) {
    return ERR_NOMEM;
  }
  struct verify *v = (struct verify *)j;
  v->read_data = true;
  j->total = v->limit = total / share + 1;
  v->mend = mem_zero(sizeof *v->mend);
  rc = v->mend == NULL ? err_set(e, ERR_NOMEM, "not enough memory")
                       : scrub_load(v, e);
  if (rc < 0) {
    job_del(j);
    return rc;
  }
  v->mend->job = j;
  *out = j;
  return 0;
}

/* ---- sweep ---- */

enum sweep_stage { SWEEP_START, SWEEP_MARK, SWEEP_DROP, SWEEP_NOTES };

struct sweep {
  struct job job;
  enum sweep_stage stage;
  int64_t sort;
  uint64_t ref, freed;
  size_t imported; /* of st->imported: marked so far */
  /* the record and its file under way */
  struct buf record, block;
  struct record rec; /* view into ${record} */
  struct record_files it;
  struct unixfs_walk walk;
  bool walking;
  struct refset walked; /* nodes whose parts were all marked, by cid_order */
};

/* What was not walked to its end may have left out parts of a node. */
static void end_walk(struct sweep *s, bool whole)
{
  s->walking = false;
  unixfs_walk_free(&s->walk);
  if (!whole) {
    refset_clear(&s->walked);
  }
}

/* The size that a record claims is not asked: what an export would write is
 * kept. */
static int start_walk(struct sweep *s, const struct cid *root, struct err *e)
{
  int rc = unixfs_walk_start(&s->walk, root, UNIXFS_SIZE_UNKNOWN, e);
  s->walking = true;
  if (rc < 0) {
    end_walk(s, true);
  }
  return rc;
}

/* Mark one block of the file under way. Leaves need not be read, and a node
 * that was marked is passed over with all below it: a few nodes that list
 * each other twice can make a file of 2^32 parts. */
static int mark_block(struct sweep *s, struct err *e)
{
  struct store *store = s->job.st->store;
  struct unixfs_step step;
  struct span leaf;
  int rc = unixfs_walk_next(&s->walk, &step, e);
  if (rc <= 0) {
    end_walk(s, rc == 0);
    return 0;
  }
  if ((rc = store->ops->mark(store, &step.cid, 1, e)) < 0) {
    return rc;
  }
  uint64_t order = (uint64_t)cid_order(&step.cid);
  if (cid_codec(&step.cid) == CID_RAW || refset_has(&s->walked, order)) {
    unixfs_walk_skip(&s->walk);
    return 0;
  }
  buf_clear(&s->block);
  rc = store->ops->get(store, &step.cid, &s->block, e);
  if (rc == ERR_NOENT) {
    unixfs_walk_skip(&s->walk);
    return 0;
  }
  if (rc < 0) {
    return rc;
  }
  rc = unixfs_walk_feed(&s->walk, buf_span(&s->block), &leaf, e);
  if (rc == ERR_INVALID || rc == ERR_LIMIT) {
    end_walk(s, false);
    return 0;
  }
  if (rc == 0 && (rc = refset_add(&s->walked, order)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  return rc < 0 ? rc : 0;
}

static int load_record(struct sweep *s, uint64_t ref, struct err *e)
{
  struct store *store = s->job.st->store;
  buf_clear(&s->record);
  memset(&s->it, 0, sizeof s->it);
  memset(&s->rec, 0, sizeof s->rec);
  int rc = store->ops->get_ref(store, ref, NULL, &s->record, e);
  return rc < 0 ? rc : record_read(&s->rec, buf_span(&s->record), e);
}

/* Notes of what a node that is gone wanted. */
static int drop_stale_notes(struct sweep *s, struct err *e)
{
  struct station *st = s->job.st;
  int64_t sorts[PAGE];
  uint64_t refs[PAGE];
  struct change *c = change_new(st->analyser);
  int rc = c == NULL ? err_set(e, ERR_NOMEM, "not enough memory") : 0;
  int n = rc < 0 ? rc
                 : st->store->ops->rows(st->store, IDX_MISSING,
                                        span_of(NULL, 0), s->sort, s->ref,
                                        false, sorts, refs, PAGE, e);
  for (int i = 0; i < n && rc == 0; i++) {
    rc = st->store->ops->get_ref(st->store, refs[i], NULL, NULL, e);
    if (rc == ERR_NOENT) {
      change_drop(c, IDX_MISSING, span_of(NULL, 0), sorts[i], refs[i]);
      rc = 0;
    }
    s->sort = sorts[i];
    s->ref = refs[i];
  }
  if (rc == 0 && n > 0 && c->drop.n > 0) {
    rc = change_commit(c, st, span_of(NULL, 0), NULL, NULL, e);
  }
  change_del(c);
  return rc < 0 ? rc : n;
}

/* Files that a record lists by now (their entries are all zero) go. */
static void compact_imported(struct station *st)
{
  size_t n = 0;
  for (size_t i = 0; i < st->imported_n; i++) {
    if (st->imported[i].b[0] != 0) {
      st->imported[n++] = st->imported[i];
    }
  }
  st->imported_n = n;
}

static int sweep_start(struct sweep *s, struct err *e)
{
  if (s->job.st->importing > 0) {
    return err_set(e, ERR_BUSY,
                   "files are being added: sweep when that is "
                   "done");
  }
  compact_imported(s->job.st);
  int rc = s->job.st->store->ops->sweep_start(s->job.st->store, e);
  s->stage = SWEEP_MARK;
  s->sort = INT64_MAX;
  s->ref = UINT64_MAX >> 1;
  return rc < 0 ? rc : JOB_MORE;
}

/* The next file to mark: of those just added, of the record under way, or of
 * the next record. */
static int next_root(struct sweep *s, struct err *e)
{
  struct station *st = s->job.st;
  struct record_file file;
  if (s->imported < st->imported_n) {
    const struct cid *root = &st->imported[s->imported++];
    return root->b[0] != 0 ? start_walk(s, root, e) : 0; /* 0: listed */
  }
  if (record_file_next(&s->it, s->rec.files, &file)) {
    return start_walk(s, &file.data, e);
  }
  int n = st->store->ops->rows(st->store, IDX_FILES, span_of(NULL, 0), s->sort,
                               s->ref, true, &s->sort, &s->ref, 1, e);
  if (n == 0) {
    s->stage = SWEEP_DROP;
  }
  return n > 0 ? load_record(s, s->ref, e) : n;
}

static int sweep_mark(struct sweep *s, struct err *e)
{
  int rc = 0;
  for (int i = 0; rc == 0 && i < PAGE && s->stage == SWEEP_MARK; i++) {
    rc = s->walking ? mark_block(s, e) : next_root(s, e);
  }
  return rc < 0 ? rc : JOB_MORE;
}

static int sweep_step(struct job *j, struct err *e)
{
  struct sweep *s = (struct sweep *)j;
  uint64_t freed = 0;
  int n = station_writable(j->st, e);
  if (n < 0) {
    return n; /* half a list of files would make garbage of the other half */
  }
  switch (s->stage) {
  case SWEEP_START:
    return sweep_start(s, e);
  case SWEEP_MARK:
    return sweep_mark(s, e);
  case SWEEP_DROP:
    n = j->st->store->ops->sweep(j->st->store, PAGE, &freed, e);
    s->freed += freed;
    if (n == 0) {
      s->stage = SWEEP_NOTES;
      s->sort = INT64_MIN;
      s->ref = 0;
    }
    return n < 0 ? n : JOB_MORE;
  case SWEEP_NOTES:
    n = drop_stale_notes(s, e);
    if (n == 0) {
      job_num(j, "freed", (int64_t)s->freed);
    }
    return n < 0 ? n : n > 0 ? JOB_MORE : JOB_DONE;
  default:
    CHECK(false);
    return ERR_MISUSE;
  }
}

static void sweep_clean(struct job *j)
{
  struct sweep *s = (struct sweep *)j;
  if (s->walking) {
    unixfs_walk_free(&s->walk);
  }
  refset_free(&s->walked);
  buf_free(&s->record);
  buf_free(&s->block);
}

int station_sweep(struct job **out, struct station *st, struct err *e)
{
  static const struct job_ops ops = {sweep_step, sweep_clean};
  int rc = station_writable(st, e);
  if (rc < 0) {
    return rc;
  }
  *out = new_job(st, sizeof(struct sweep), &ops, e);
  return *out == NULL ? ERR_NOMEM : 0;
}

/* ---- salvage ---- */

struct salvage {
  struct station *st;
  struct err *e;
  bool marked; /* as half derived */
};

static int keep_block(void *ud, const struct store_block *b, bool file)
{
  struct salvage *s = ud;
  if (!s->marked) { /* should it end here: opening derives it all */
    int rc = mark_rebuilding(s->st, true, s->e);
    if (rc < 0) {
      return rc;
    }
    s->marked = true;
  }
  return s->st->store->ops->put(s->st->store, b, 1, file, NULL, NULL, s->e);
}

int station_salvage(struct station *st, const char *path, uint64_t *saved,
                    uint64_t *lost, struct err *e)
{
  struct salvage s = {st, e, false};
  struct job *job = NULL;
  int rc = no_rebuild_yet(st, e);
  /* One that broke off has left the station half derived: it may go on. */
  if (rc < 0 || (rc = station_owned(st, e)) < 0 ||
      (rc = store_sqlite_salvage(path, keep_block, &s, saved, lost, e)) < 0 ||
      (rc = station_rebuild(&job, st, e)) < 0) {
    return rc;
  }
  return job_finish(job, e);
}
