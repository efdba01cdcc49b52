/* SPDX-License-Identifier: 0BSD */
/* Packing a carry file. Order of what goes in: parcels that hold a
 * withdrawal, label or correction, of strangers only short ones; the other
 * parcels, newest first, each followed by its records; blocks that the slip
 * names; small files; large files, of each those that somebody trusted lists
 * first. A stick pulled out early has given what matters most.
 *
 * Where there is a budget, strangers' parcels take a share of it at most
 * before the files: what is over waits behind those. */
#include "base/check.h"
#include "base/mem.h"
#include "form/unixfs.h"
#include "station/carfile.h"
#include "station/later.h"
#include "station/change.h"
#include "station/listing.h"
#include "station/lacking.h"
#include "station/quota.h"
#include "station/refset.h"
#include "station/station.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define SMALL_FILE (1024 * 1024)
#define REPEAT_RECORDS 4 /* of a parcel: fewer are cheaply carried again */
#define PLAN_ROWS 64
#define URGENT_SHARE 16   /* of a budget, for strangers' urgent parcels ... */
#define STRANGERS_SHARE 2 /* ... and for all that they have before files */
#define FILE_STEP_BYTES (2u * 1024 * 1024)
#define STEP_FILES 64
#define STEP_BLOCKS 256
#define SECTION_MORE (CID_SIZE + VARINT_BYTES_MAX) /* beside the block */

enum stage {
  STAGE_LACKING,
  STAGE_PLAN_URGENT,
  STAGE_PLAN,
  STAGE_HEAD,
  STAGE_PARCELS,
  STAGE_WANTED,
  STAGE_SMALL,
  STAGE_LARGE,
  STAGE_REST,
  STAGE_SYNC,
  STAGE_CHECK
};

/* Numbers of rows. */
struct refs {
  uint64_t *ref;
  size_t n, cap;
};

struct pack {
  struct job job;
  char *path;
  enum stage stage;
  int64_t budget, files; /* 0: none; < 0: all */
  struct buf patterns;   /* each followed by a zero byte; empty: all */
  struct brought slip;
  bool has_slip;
  struct lacking lacking; /* with a slip: what comes into the plan */
  struct carfile car;
  /* plan */
  struct refs plan; /* parcels in the order they go: urgent ones, ... */
  size_t urgent_n;  /* ... so many; others, ... */
  size_t first_n;   /* ... until here; those that wait behind the files */
  size_t plan_at;
  bool strangers;  /* whose urgent parcels are planned */
  uint64_t theirs; /* bytes of strangers' parcels that were packed */
  struct refset planned, packed; /* parcels by number */
  struct refs filed[2]; /* records with files, of packed parcels: those of
                           trusted authors, those of others */
  int whose;            /* of these the list that is walked ... */
  size_t filed_at;      /* ... and where that is */
  struct refset roots;  /* files that were begun, each with its claimed size */
  struct refset whole;  /* files that were taken */
  struct refset left;   /* files that did not fit: some claim may yet */
  struct refset seen;   /* blocks of files, by cid_order */
  struct refset walked; /* nodes whose parts were all looked at */
  int64_t sort;         /* where a walk over rows stands */
  uint64_t ref;
  size_t wish_at; /* wanted links of the slip, passed so far */
  /* the file under way */
  struct cid root;
  struct unixfs_walk walk;
  bool walking;
  bool lacks; /* not all of it is here */
  bool cut;   /* not all of it fits the budget */
  struct buf unit, block;
  /* a parcel and its records, as they lie in ${unit} */
  struct cid unit_cid[1 + PARCEL_RECORDS_MAX];
  size_t unit_end[1 + PARCEL_RECORDS_MAX];
  uint64_t parcels, records, file_count, left_parcels, left_files;
};

/* ---- what to take ---- */

/* Largest file to take for a collection. */
static int64_t files_wanted(const struct pack *p, struct span collection)
{
  int64_t most = p->has_slip ? brought_files(&p->slip, collection) : INT64_MAX;
  return p->files >= 0 && p->files < most ? p->files : most;
}

/* One number more. */
static int push(struct refs *list, uint64_t v, struct err *e)
{
  if (list->n == list->cap) {
    size_t more = list->cap > 0 ? list->cap * 2 : 256;
    uint64_t *p = mem_resize(list->ref, more, sizeof *p);
    if (p == NULL) {
      return err_set(e, ERR_NOMEM, "not enough memory");
    }
    list->ref = p;
    list->cap = more;
  }
  list->ref[list->n++] = v;
  return 0;
}

/* What a slip's author lacks is the plan. */
static int plan_lacking(struct pack *p, struct err *e)
{
  int rc = lacking_step(&p->lacking, e);
  if (rc != 0) {
    return rc < 0 ? rc : JOB_MORE;
  }
  for (size_t i = 0; rc == 0 && i < p->lacking.n; i++) {
    rc = push(&p->plan, p->lacking.parcel[i].ref, e);
    p->urgent_n += p->lacking.parcel[i].urgent;
  }
  p->job.total += p->lacking.records;
  p->stage = STAGE_HEAD;
  return rc < 0 ? rc : JOB_MORE;
}

static int plan_parcel(struct pack *p, uint64_t ref, struct err *e)
{
  const struct cached_parcel *c;
  int rc = station_parcel(p->job.st, ref, &c, e);
  if (rc < 0 || !patterns_match(buf_span(&p->patterns), c->view.collection)) {
    return rc;
  }
  if ((rc = refset_add(&p->planned, ref)) <= 0) {
    return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
  }
  rc = push(&p->plan, ref, e);
  p->job.total += c->view.count;
  return rc;
}

static void walk_rows(struct pack *p)
{
  p->sort = INT64_MAX;
  p->ref = UINT64_MAX >> 1;
}

/* Next rows of an index, newest first; 0 at the end. */
static int next_rows(struct pack *p, enum idx name, uint64_t *refs, int max,
                     struct err *e)
{
  int64_t sorts[PLAN_ROWS];
  int n = p->job.st->store->ops->rows(p->job.st->store, (uint8_t)name,
                                      span_of(NULL, 0), p->sort, p->ref, true,
                                      sorts, refs, (size_t)max, e);
  if (n > 0) {
    p->sort = sorts[n - 1];
    p->ref = refs[n - 1];
  }
  return n;
}

/* May this urgent record's parcel go first, as the word of ${by}? Trusted ones
 * do, then strangers' that are short: anyone may pad a label. 1, or 0. */
static int goes_first(struct pack *p, uint64_t record, const struct listing *by,
                      struct err *e)
{
  int rc = quota_trusted(p->job.st, by->author, e);
  if (rc != 0 || !p->strangers) {
    return rc < 0 ? rc : rc > 0 && !p->strangers;
  }
  buf_clear(&p->block);
  rc = p->job.st->store->ops->get_ref(p->job.st->store, record, NULL, &p->block,
                                      e);
  if (rc == ERR_NOENT) {
    return 0; /* taken back since the row was read */
  }
  return rc < 0 ? rc : p->block.n <= QUOTA_COST_MIN;
}

static int plan_urgent(struct pack *p, struct err *e)
{
  struct listing by[LISTINGS_MAX];
  uint64_t refs[PLAN_ROWS];
  int n = next_rows(p, IDX_URGENT, refs, PLAN_ROWS, e);
  for (int i = 0; i < n; i++) {
    int lists = listings(p->job.st, refs[i], by, e);
    int rc = lists;
    for (int k = 0; k < lists && rc >= 0; k++) {
      rc = goes_first(p, refs[i], &by[k], e);
      rc = rc > 0 ? plan_parcel(p, by[k].parcel_ref, e) : rc;
    }
    if (rc < 0) {
      return rc;
    }
  }
  if (n == 0) {
    p->stage = p->strangers ? STAGE_PLAN : STAGE_PLAN_URGENT;
    p->strangers = true;
    p->urgent_n = p->plan.n;
    walk_rows(p);
  }
  return n < 0 ? n : JOB_MORE;
}

static int plan_rest(struct pack *p, struct err *e)
{
  uint64_t refs[PLAN_ROWS];
  int n = next_rows(p, IDX_PARCEL, refs, PLAN_ROWS, e);
  for (int i = 0; i < n; i++) {
    int rc = plan_parcel(p, refs[i], e);
    if (rc < 0) {
      return rc;
    }
  }
  if (n == 0) {
    p->stage = STAGE_HEAD;
  }
  return n < 0 ? n : JOB_MORE;
}

/* ---- blocks ---- */

/* Room for ${bytes} more in the budget? Flushes first when that may show that
 * there is more room than thought. 1 or 0. */
static int fits(struct pack *p, uint64_t bytes, struct err *e)
{
  if (p->budget == 0) {
    return 1;
  }
  if (carfile_size_with(&p->car, bytes) > (uint64_t)p->budget) {
    int rc = carfile_flush(&p->car, e);
    if (rc < 0) {
      return rc;
    }
  }
  return carfile_size_with(&p->car, bytes) <= (uint64_t)p->budget;
}

/* A block of ours that leaves the house: checked. ERR_NOENT passes. */
static int load_block(struct pack *p, const struct cid *cid, struct buf *out,
                      struct err *e)
{
  char text[CID_TEXT_SIZE + 1];
  size_t was = out->n;
  int rc = p->job.st->store->ops->get(p->job.st->store, cid, out, e);
  if (rc < 0) {
    return rc;
  }
  rc = cid_verify(cid, out->p + was, out->n - was);
  if (rc == ERR_HASH) {
    cid_text(text, cid);
    job_fault(&p->job, "block %s rests damaged on this disk", text);
    out->n = was;
    return ERR_NOENT;
  }
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

static int write_head(struct pack *p, struct err *e)
{
  struct buf head = {0};
  struct cid cid;
  int rc;
  if ((rc = cbor_put_map(&head, 3)) < 0 ||
      (rc = cbor_put_key(&head, "kind")) < 0 ||
      (rc = cbor_put_text(&head, "carry/1", 7)) < 0 ||
      (rc = cbor_put_key(&head, "time")) < 0 ||
      (rc = cbor_put_int(&head, station_now(p->job.st))) < 0 ||
      (rc = cbor_put_key(&head, "parcels")) < 0 ||
      (rc = cbor_put_int(&head, (int64_t)p->plan.n)) < 0 ||
      (rc = cid_of(&cid, CID_DAG_CBOR, head.p, head.n)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  } else if ((rc = fits(p, head.n + 2 * SECTION_MORE + 32, e)) == 0) {
    rc = err_set(e, ERR_FULL, "a budget of %" PRId64 " bytes holds nothing",
                 p->budget);
  } else if (rc > 0 && (rc = carfile_header(&p->car, &cid, e)) == 0) {
    rc = carfile_block(&p->car, &cid, buf_span(&head), e);
  }
  buf_free(&head);
  p->first_n = p->plan.n;
  p->stage = STAGE_PARCELS;
  return rc < 0 ? rc : JOB_MORE;
}

/* Files go after all records, so who has some is noted. */
static int note_files(struct pack *p, uint64_t ref, struct span block,
                      bool trusted, struct err *e)
{
  struct record rec;
  int rc = 0;
  if (record_read(&rec, block, NULL) == 0 && rec.files.n > 0) {
    rc = push(&p->filed[!trusted], ref, e);
  }
  return rc;
}

/* Load the records of a parcel into p->unit, behind the parcel itself.
 * Returns how many blocks lie there. */
static int load_unit(struct pack *p, const struct parcel *view, bool trusted,
                     struct err *e)
{
  struct cid *cids = p->unit_cid;
  uint64_t refs[PARCEL_RECORDS_MAX];
  struct station *st = p->job.st;
  int n = 1;
  for (size_t i = 0; i < view->count; i++) {
    parcel_record(view, i, &cids[1 + i]);
  }
  int rc = st->store->ops->find(st->store, cids + 1, view->count, refs, e);
  for (size_t i = 0; rc == 0 && i < view->count; i++) {
    size_t was = p->unit.n;
    if (refs[i] == 0) {
      continue;
    }
    cids[n] = cids[1 + i];
    rc = st->store->ops->get_ref(st->store, refs[i], NULL, &p->unit, e);
    if (rc == 0) {
      rc = cid_verify(&cids[n], p->unit.p + was, p->unit.n - was);
    }
    if (rc == ERR_HASH) {
      rc = 0;
      job_fault(&p->job, "a record rests damaged on this disk: left out");
      p->unit.n = was;
      continue;
    }
    if (rc == ERR_NOMEM) {
      return err_set(e, rc, "not enough memory");
    }
    if (rc == 0) {
      rc = note_files(p, refs[i], span_of(p->unit.p + was, p->unit.n - was),
                      trusted, e);
    }
    p->unit_end[n++] = p->unit.n;
  }
  return rc < 0 ? rc : n;
}

/* Records without their parcel are nobody's, so damage to the parcel would
 * cost all of them: it stands a second time behind them. In frames it does
 * not: there damage costs the whole frame in any case. */
static int repeat_parcel(struct pack *p, int blocks, struct err *e)
{
  if (p->car.zpack != NULL || blocks - 1 < REPEAT_RECORDS) {
    return 0;
  }
  struct span parcel = span_of(p->unit.p, p->unit_end[0]);
  return carfile_block(&p->car, &p->unit_cid[0], parcel, e);
}

/* Has a stranger's parcel of so many bytes to wait behind the files? */
static bool waits(const struct pack *p, uint64_t bytes)
{
  uint64_t budget = (uint64_t)p->budget;
  bool urgent = p->plan_at <= p->urgent_n; /* it was passed already */
  return budget > 0 && p->stage != STAGE_REST &&
         p->theirs + bytes > budget / (urgent ? URGENT_SHARE : STRANGERS_SHARE);
}

/* The parcel and its records, as they lie in p->unit. */
static int write_unit(struct pack *p, int n, uint64_t bytes, struct err *e)
{
  size_t at = 0;
  int rc = 0;
  /* A parcel and its records share a frame where they fit one. */
  if (p->car.frame.n + bytes > ZPACK_FRAME_RAW &&
      (rc = carfile_flush(&p->car, e)) < 0) {
    return rc;
  }
  for (int i = 0; i < n; i++) {
    struct span block = span_of(p->unit.p + at, p->unit_end[i] - at);
    if ((rc = carfile_block(&p->car, &p->unit_cid[i], block, e)) < 0) {
      return rc;
    }
    at = p->unit_end[i];
  }
  if ((rc = repeat_parcel(p, n, e)) < 0) {
    return rc;
  }
  p->parcels++;
  p->records += (uint64_t)n - 1;
  return 0;
}

/* Is this stage through with its parcels? Then on to the next. */
static bool parcels_over(struct pack *p)
{
  bool rest = p->stage == STAGE_REST;
  if (p->plan_at < (rest ? p->plan.n : p->first_n)) {
    return false;
  }
  p->stage = rest ? STAGE_SYNC : p->has_slip ? STAGE_WANTED : STAGE_SMALL;
  return true;
}

static int pack_parcel(struct pack *p, struct err *e)
{
  const struct cached_parcel *c;
  if (parcels_over(p)) {
    return JOB_MORE;
  }
  uint64_t ref = p->plan.ref[p->plan_at++];
  int rc = station_parcel(p->job.st, ref, &c, e);
  if (rc < 0 || (rc = quota_trusted(p->job.st, c->view.author, e)) < 0) {
    return rc;
  }
  bool trusted = rc > 0;
  buf_clear(&p->unit);
  if (buf_put(&p->unit, c->bytes.p, c->bytes.n) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  p->unit_cid[0] = c->cid;
  p->unit_end[0] = p->unit.n;
  uint64_t count = c->view.count;
  int n = load_unit(p, &c->view, trusted, e);
  if (n < 0) {
    return n;
  }
  uint64_t unit = p->unit.n + (uint64_t)n * SECTION_MORE;
  if (p->car.zpack == NULL) {
    unit += p->unit_end[0] + SECTION_MORE; /* see repeat_parcel */
  }
  if (!trusted && waits(p, unit)) {
    rc = push(&p->plan, ref, e);
    return rc < 0 ? rc : JOB_MORE;
  }
  p->job.done += count;
  rc = fits(p, unit, e);
  if (rc <= 0) {
    p->left_parcels++;
    return rc < 0 ? rc : JOB_MORE;
  }
  p->theirs += trusted ? 0 : unit;
  if ((rc = write_unit(p, n, unit, e)) < 0) {
    return rc;
  }
  rc = refset_add(&p->packed, ref);
  return rc < 0 ? err_set(e, rc, "not enough memory") : JOB_MORE;
}

/* ---- files ---- */

/* What a record says of a file: anyone may say it of any file, so that a false
 * size must not speak for the true one. */
struct claim {
  struct cid root;
  uint8_t size[8];
};

static struct claim claim_of(const struct cid *root, uint64_t size)
{
  struct claim c = {*root, {0}};
  memcpy(c.size, &size, sizeof size);
  return c;
}

/* Was the file begun as one of this size? */
static bool begun(const struct pack *p, const struct cid *root, uint64_t size)
{
  struct claim c = claim_of(root, size);
  return refset_has_name(&p->roots, span_of(&c, sizeof c));
}

static int note_begun(struct pack *p, const struct cid *root, uint64_t size,
                      struct err *e)
{
  struct claim c = claim_of(root, size);
  int rc = refset_add_name(&p->roots, span_of(&c, sizeof c));
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

/* Counted once, however many claim whatever. */
static int leave_file(struct pack *p, const struct cid *root, struct err *e)
{
  int rc = refset_add_cid(&p->left, root);
  p->left_files += rc > 0;
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

/* The file under way is over. Below what was not written whole, a later file
 * looks again. */
static int end_walk(struct pack *p, struct err *e)
{
  p->walking = false;
  unixfs_walk_free(&p->walk);
  if (p->cut || p->lacks) {
    refset_clear(&p->walked);
    return p->cut ? leave_file(p, &p->root, e) : 0;
  }
  p->file_count++;
  p->left_files -= refset_has_cid(&p->left, &p->root);
  int rc = refset_add_cid(&p->whole, &p->root);
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

/* Write a part, once: 1, or 0 when the budget has no room for it. */
static int write_part(struct pack *p, const struct cid *cid, struct err *e)
{
  uint64_t order = (uint64_t)cid_order(cid);
  if (refset_has(&p->seen, order)) {
    return 1;
  }
  int rc = fits(p, p->block.n + SECTION_MORE, e);
  if (rc <= 0) {
    return rc;
  }
  if ((rc = carfile_block(&p->car, cid, buf_span(&p->block), e)) < 0) {
    return rc;
  }
  rc = refset_add(&p->seen, order);
  return rc < 0 ? err_set(e, rc, "not enough memory") : 1;
}

/* A part at hand: written, and what is below it comes next. */
static int take_part(struct pack *p, const struct cid *cid, struct err *e)
{
  struct span leaf;
  int rc = write_part(p, cid, e);
  if (rc <= 0) {
    p->cut = rc == 0; /* no room: nor for the rest of this file */
    return rc < 0 ? rc : end_walk(p, e);
  }
  p->job.done += p->block.n;
  rc = unixfs_walk_feed(&p->walk, buf_span(&p->block), &leaf, e);
  if (rc < 0 && rc != ERR_NOMEM) {
    p->lacks = true;
    return end_walk(p, e);
  }
  if (rc == 0 && cid_codec(cid) == CID_DAG_PB &&
      (rc = refset_add(&p->walked, (uint64_t)cid_order(cid))) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  return rc < 0 ? rc : 1;
}

/* One block of the file under way. A part that was looked at is passed over
 * with all below it: a few nodes that list each other twice can make a file
 * of 2^32 parts. 1: more of the file. */
static int walk_block(struct pack *p, uint64_t *moved, struct err *e)
{
  struct unixfs_step step;
  int rc = unixfs_walk_next(&p->walk, &step, e);
  if (rc <= 0) { /* what can't be walked is left as it is */
    p->lacks = p->lacks || rc < 0;
    return end_walk(p, e);
  }
  bool is_node = cid_codec(&step.cid) == CID_DAG_PB;
  if (refset_has(is_node ? &p->walked : &p->seen,
                 (uint64_t)cid_order(&step.cid))) {
    unixfs_walk_skip(&p->walk);
    return 1;
  }
  buf_clear(&p->block);
  rc = load_block(p, &step.cid, &p->block, e);
  if (rc == ERR_NOENT) { /* we lack it ourselves */
    p->lacks = true;
    unixfs_walk_skip(&p->walk);
    return 1;
  }
  *moved += p->block.n;
  return rc < 0 ? rc : take_part(p, &step.cid, e);
}

/* Go on with the file under way for about FILE_STEP_BYTES. 1: more of it. */
static int walk_file(struct pack *p, struct err *e)
{
  uint64_t moved = 0;
  int rc = 1;
  for (int i = 0; rc > 0 && i < STEP_BLOCKS && moved < FILE_STEP_BYTES; i++) {
    rc = walk_block(p, &moved, e);
  }
  return rc;
}

static int start_file(struct pack *p, const struct cid *root, uint64_t size,
                      struct err *e)
{
  uint64_t known = size == UNIXFS_SIZE_UNKNOWN ? 0 : size;
  if (refset_has_cid(&p->whole, root) || begun(p, root, size)) {
    return 0;
  }
  /* Sections and nodes take about 100 bytes for each part of 256 KiB. */
  int rc = fits(p, known + known / 1024 + 2 * SECTION_MORE, e);
  if (rc <= 0) {
    return rc < 0 ? rc : leave_file(p, root, e);
  }
  if ((rc = note_begun(p, root, size, e)) < 0) {
    return rc;
  }
  p->root = *root;
  p->lacks = p->cut = false;
  rc = unixfs_walk_start(&p->walk, root, size, e);
  p->walking = rc == 0;
  if (rc < 0) {
    unixfs_walk_free(&p->walk);
    return rc == ERR_NOMEM ? rc : 0;
  }
  p->job.total += known;
  return 1;
}

/* Was a parcel packed that lists the record p->ref, and how large may its files
 * be? < 0: no files. */
static int record_limit(struct pack *p, int64_t *out, struct err *e)
{
  struct listing by[LISTINGS_MAX];
  int n = listings(p->job.st, p->ref, by, e);
  *out = -1;
  for (int i = 0; i < n; i++) {
    if (refset_has(&p->packed, by[i].parcel_ref)) {
      int64_t most = files_wanted(p, listing_collection(&by[i]));
      *out = most > *out ? most : *out;
    }
  }
  return n < 0 ? n : 0;
}

/* Next file of the record with number p->ref that belongs to this stage and
 * was not taken yet: 1 and it is under way, 0 none left. */
static int next_file(struct pack *p, struct err *e)
{
  struct record_files it = {0};
  struct record_file file;
  struct record rec;
  int64_t most;
  bool small = p->stage == STAGE_SMALL;
  buf_clear(&p->unit);
  int rc = p->job.st->store->ops->get_ref(p->job.st->store, p->ref, NULL,
                                          &p->unit, e);
  if (rc < 0 || (rc = record_read(&rec, buf_span(&p->unit), e)) < 0 ||
      (rc = record_limit(p, &most, e)) < 0) {
    return rc == ERR_NOENT ? 0 : rc; /* taken back since the last step */
  }
  while (rc == 0 && record_file_next(&it, rec.files, &file)) {
    if (file.size <= most && (file.size <= SMALL_FILE) == small) {
      rc = start_file(p, &file.data, (uint64_t)file.size, e);
    }
  }
  return rc;
}

static int pack_files(struct pack *p, struct err *e)
{
  int rc = 0;
  if (p->walking) {
    rc = walk_file(p, e);
    if (rc < 0) {
      return rc;
    }
    /* The same record again: its next file. */
    return p->walking || (rc = next_file(p, e)) >= 0 ? JOB_MORE : rc;
  }
  for (int i = 0; i < STEP_FILES && rc == 0; i++) {
    const struct refs *filed = &p->filed[p->whose];
    if (p->filed_at == filed->n) {
      p->filed_at = 0;
      p->whose = 1 - p->whose;
      if (p->whose == 0) {
        p->stage = p->stage == STAGE_SMALL ? STAGE_LARGE : STAGE_REST;
      }
      return JOB_MORE;
    }
    p->ref = filed->ref[p->filed_at++];
    rc = next_file(p, e);
  }
  return rc < 0 ? rc : JOB_MORE;
}

/* ---- blocks that the slip names ---- */

static int pack_wanted(struct pack *p, struct err *e)
{
  struct cid cid;
  int rc = 0;
  if (p->walking) {
    rc = walk_file(p, e);
    return rc < 0 ? rc : JOB_MORE;
  }
  if (!brought_wanted(&p->slip, p->wish_at++, &cid)) {
    p->stage = STAGE_SMALL;
    return JOB_MORE;
  }
  if (cid_codec(&cid) != CID_DAG_CBOR) {
    rc = start_file(p, &cid, UNIXFS_SIZE_UNKNOWN, e);
    return rc < 0 ? rc : JOB_MORE;
  }
  buf_clear(&p->block);
  rc = load_block(p, &cid, &p->block, e);
  if (rc == 0 && (rc = fits(p, p->block.n + SECTION_MORE, e)) > 0) {
    rc = carfile_block(&p->car, &cid, buf_span(&p->block), e);
    p->records++;
  }
  return rc < 0 && rc != ERR_NOENT ? rc : JOB_MORE;
}

/* ---- the job ---- */

static void tell_lacking(struct pack *p)
{
  const struct buf *whole = &p->lacking.whole;
  int64_t n = 0;
  for (size_t at = 0; at < whole->n; n++) {
    at += strlen((const char *)whole->p + at) + 1;
  }
  job_num(&p->job, "lacking", (int64_t)p->lacking.n);
  job_num(&p->job, "theirs", (int64_t)p->lacking.theirs);
  job_num(&p->job, "whole", n);
}

static int pack_done(struct pack *p, struct err *e)
{
  int rc = carfile_check(&p->car, e);
  if (rc != 0) {
    return rc < 0 ? rc : JOB_MORE;
  }
  if ((rc = carfile_finish(&p->car, p->path, e)) < 0) {
    return rc;
  }
  p->job.total = p->job.done;
  job_num(&p->job, "bytes", (int64_t)p->car.out.bytes);
  job_num(&p->job, "blocks", (int64_t)p->car.blocks);
  job_num(&p->job, "parcels", (int64_t)p->parcels);
  job_num(&p->job, "records", (int64_t)p->records);
  job_num(&p->job, "files", (int64_t)p->file_count);
  job_num(&p->job, "left_parcels", (int64_t)p->left_parcels);
  job_num(&p->job, "left_files", (int64_t)p->left_files);
  if (p->has_slip) {
    tell_lacking(p);
  }
  p->job.result.path = p->path;
  p->path = NULL;
  return JOB_DONE;
}

static int pack_step(struct job *j, struct err *e)
{
  struct pack *p = (struct pack *)j;
  int rc = station_whole(j->st, e); /* or it would leave out and not tell */
  if (rc < 0) {
    return rc;
  }
  switch (p->stage) {
  case STAGE_LACKING:
    return plan_lacking(p, e);
  case STAGE_PLAN_URGENT:
    return plan_urgent(p, e);
  case STAGE_PLAN:
    return plan_rest(p, e);
  case STAGE_HEAD:
    return write_head(p, e);
  case STAGE_PARCELS:
  case STAGE_REST:
    return pack_parcel(p, e);
  case STAGE_WANTED:
    return pack_wanted(p, e);
  case STAGE_SMALL:
  case STAGE_LARGE:
    return pack_files(p, e);
  case STAGE_SYNC:
    rc = carfile_sync(&p->car, e);
    p->stage = STAGE_CHECK;
    return rc < 0 ? rc : JOB_MORE;
  case STAGE_CHECK:
    return pack_done(p, e);
  default:
    CHECK(false);
    return ERR_MISUSE;
  }
}

static void pack_clean(struct job *j)
{
  struct pack *p = (struct pack *)j;
  carfile_free(&p->car);
  if (p->walking) {
    unixfs_walk_free(&p->walk);
  }
  refset_free(&p->planned);
  refset_free(&p->packed);
  refset_free(&p->roots);
  refset_free(&p->whole);
  refset_free(&p->left);
  refset_free(&p->seen);
  refset_free(&p->walked);
  buf_free(&p->patterns);
  brought_free(&p->slip);
  lacking_free(&p->lacking);
  mem_free(p->filed[0].ref);
  mem_free(p->filed[1].ref);
  buf_free(&p->unit);
  buf_free(&p->block);
  mem_free(p->plan.ref);
  mem_free(p->path);
}

static int pack_setup(struct pack *p, const char *path,
                      const struct pack_options *opt, struct err *e)
{
  int rc = 0;
  size_t n = strlen(path);
  p->path = mem_alloc(n + 1);
  if (p->path == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  memcpy(p->path, path, n + 1);
  for (size_t i = 0; i < opt->patterns; i++) {
    if (buf_put(&p->patterns, opt->pattern[i].p, opt->pattern[i].n) < 0 ||
        buf_byte(&p->patterns, 0) < 0) {
      return err_set(e, ERR_NOMEM, "not enough memory");
    }
  }
  if (opt->slip != NULL) {
    if ((rc = brought_load(&p->slip, opt->slip, e)) < 0) {
      return rc;
    }
    p->has_slip = true;
  }
  p->lacking.st = p->job.st;
  p->lacking.slip = &p->slip;
  p->lacking.patterns = buf_span(&p->patterns);
  p->stage = p->has_slip ? STAGE_LACKING : STAGE_PLAN_URGENT;
  int64_t most = p->slip.slip.budget; /* 0 in short slips */
  p->budget = opt->budget;
  if (p->has_slip && most > 0 && (p->budget == 0 || most < p->budget)) {
    p->budget = most;
  }
  p->files = opt->files;
  struct stat info;
  if (lstat(path, &info) == 0) {
    return err_set(e, ERR_EXIST,
                   "%s exists: carry files are never written over", path);
  }
  walk_rows(p);
  return carfile_start(&p->car, path, opt->compress, opt->level, e);
}

int station_pack(struct job **out, struct station *st, const char *path,
                 const struct pack_options *opt, struct err *e)
{
  static const struct job_ops ops = {pack_step, pack_clean};
  int rc;
  if ((rc = station_whole(st, e)) < 0 || (rc = station_refresh(st, e)) < 0 ||
      (rc = later_flush(st, e)) < 0) {
    return rc;
  }
  struct pack *p = mem_zero(sizeof *p);
  if (p == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  job_init(&p->job, st, &ops);
  p->car.back_fd = p->car.out.fd = p->car.out.dirfd = -1;
  if ((rc = pack_setup(p, path, opt, e)) < 0) {
    job_del(&p->job);
    return rc;
  }
  *out = &p->job;
  return 0;
}
