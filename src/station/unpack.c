/* SPDX-License-Identifier: 0BSD */
/* Taking in a carry file. It is only read; damage costs the blocks it hits;
 * what nothing here asks for is not kept. In our own files everything comes
 * after what lists it, so one pass is enough; in others' files children may
 * come first, so passes are repeated while they bring something. */
#include "base/mem.h"
#include "form/cbor.h"
#include "form/unixfs.h"
#include "station/carsource.h"
#include "station/intake.h"
#include "station/quota.h"
#include "station/refused.h"
#include "station/refset.h"
#include "station/station.h"
#include "station/way.h"

#include <stdio.h>
#include <string.h>

#define PASSES_MAX (UNIXFS_DEPTH_MAX + 2)
#define STEP_BYTES (1024u * 1024)
#define WINDOW_SIZE (256u * 1024)
#define SECTION_HEAD (VARINT_BYTES_MAX + CID_SIZE)
#define FILES_BATCH_BYTES (4u * 1024 * 1024)
#define FILES_BATCH 64
#define LOOSE_MAX 1000000 /* 16 bytes each, at most */
#define LOST_MAX 100000   /* 52 bytes each */

/* A record whose parcel is here already, while the policy is asked. */
struct lone {
  bool asked;
  struct cid cid;
  struct buf block, parcel;
};

struct unpack {
  struct job job;
  struct carsource src;
  struct buf patterns; /* each followed by a zero byte; empty: all */
  bool keep;
  int pass;
  bool begun;         /* the header was passed */
  bool damaged;       /* in damage: one wound, one fault ... */
  uint64_t wound_end; /* ... until here, where that is known, else 0 */
  bool asking;
  uint64_t offset; /* of the window in the plain stream */
  uint64_t end;    /* where a CARv2's inner CARv1 ends, 0: nowhere */
  uint64_t good;   /* sections whose hash held, in the first pass */
  struct car_salvage salvage;
  struct intake *intake;
  struct lone lone;
  struct refset excluded; /* records of parcels that were not wanted */
  struct refset loose;    /* good blocks that nothing asked for in the first
                             pass, by cid_order: what later passes look at */
  struct buf lost; /* CIDs of records that were taken back while they came */
  struct refset lost_orders;
  struct buf files; /* blocks of files that wait to be stored */
  struct cid file_cid[FILES_BATCH];
  size_t file_end[FILES_BATCH];
  size_t file_n;
  struct admit_counts counts;
  uint64_t refused, unlisted, bad, progress, full;
  char way[QUOTA_WAY_MAX + 1];
  uint64_t bad_frames; /* in the first pass */
  bool counting;       /* the passes are over: what is missing is counted */
  struct missing_count missing;
};

/* What has no room is counted, the first of it told, and the rest goes on. */
static int no_room(struct unpack *u, int rc, const struct err *e)
{
  if (rc != ERR_QUOTA) {
    return rc;
  }
  if (u->full++ == 0) {
    job_fault(&u->job, "%s", e->text);
  }
  return 0;
}

/* ---- flushing what waits ---- */

static int flush_files(struct unpack *u, struct err *e)
{
  struct store_block block[FILES_BATCH];
  size_t at = 0;
  if (u->file_n == 0) {
    return 0;
  }
  for (size_t i = 0; i < u->file_n; i++) {
    block[i].cid = u->file_cid[i];
    block[i].bytes = buf_part(&u->files, at, u->file_end[i]);
    at = u->file_end[i];
  }
  int rc = quota_check_files(u->job.st, u->files.n, e);
  if (rc == 0) {
    rc = admit_files(u->job.st, block, u->file_n, &u->counts, e);
  }
  rc = no_room(u, rc, e);
  u->file_n = 0;
  buf_clear(&u->files);
  return rc;
}

/* What was taken back while it came is not kept: if another voice lists it
 * further on, it has to be read again. */
static int note_lost(struct unpack *u, const struct cid *cid, struct err *e)
{
  int rc = u->lost.n / sizeof *cid < LOST_MAX
               ? refset_add(&u->lost_orders, (uint64_t)cid_order(cid))
               : 0;
  if (rc > 0) {
    rc = buf_put(&u->lost, cid, sizeof *cid);
  }
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

/* Of a parcel that was taken in with its ${n} records. */
static int note_all_lost(struct unpack *u, size_t n, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc >= 0 && i < n; i++) {
    const struct admit_record *in = &u->intake->room.record[i];
    uint64_t here;
    rc = u->job.st->store->ops->find(u->job.st->store, &in->cid, 1, &here, e);
    if (rc == 0 && here == 0) {
      rc = note_lost(u, &in->cid, e);
    }
    if (rc == 0 && in->rec.kind == RECORD_WITHDRAW) {
      rc = note_lost(u, &in->rec.about, e);
    }
  }
  return rc;
}

static int flush_parcel(struct unpack *u, struct err *e)
{
  struct admit_counts was = u->counts, *now = &u->counts;
  size_t n = u->intake->open ? u->intake->n : 0;
  int rc = intake_flush(u->intake, false, &u->counts, e);
  if (rc == ERR_LIMIT) { /* too many wait for their day already */
    job_fault(&u->job, "%s", e->text);
    u->bad++;
    rc = 0;
  } else if (rc == 0 && now->held == was.held &&
             (now->withdrawn > was.withdrawn ||
              now->added + now->known - was.added - was.known < n)) {
    rc = note_all_lost(u, n, e);
  }
  return no_room(u, rc, e);
}

/* ---- one block ---- */

static void bad_block(struct unpack *u, const struct cid *cid, const char *why)
{
  char text[CID_TEXT_SIZE + 1];
  cid_text(text, cid);
  u->bad++;
  job_fault(&u->job, "block %s: %s", text, why);
}

static bool wants_collection(const struct unpack *u, struct span name)
{
  for (size_t at = 0; at < u->patterns.n;) {
    const char *pattern = (const char *)u->patterns.p + at;
    if (pattern_matches(span_of(pattern, strlen(pattern)), name)) {
      return true;
    }
    at += strlen(pattern) + 1;
  }
  return u->patterns.n == 0;
}

static int exclude(struct unpack *u, const struct parcel *view, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc >= 0 && i < view->count; i++) {
    struct cid cid;
    parcel_record(view, i, &cid);
    rc = refset_add_cid(&u->excluded, &cid);
  }
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

/* Is it the fault of what came? Then it is counted, and the rest goes on. */
static bool is_foreign(int rc)
{
  return rc == ERR_INVALID || rc == ERR_LIMIT || rc == ERR_SIG;
}

static int take_parcel(struct unpack *u, const struct car_section *s,
                       struct err *e)
{
  struct intake *in = u->intake;
  int rc = flush_parcel(u, e);
  if (rc < 0) {
    return rc;
  }
  if ((rc = intake_parcel(in, &s->cid, s->block, e)) < 0) {
    if (is_foreign(rc)) {
      bad_block(u, &s->cid, e->text);
      rc = 0;
    }
    return rc;
  }
  if (!wants_collection(u, in->view.collection)) {
    intake_stop(in);
    return exclude(u, &in->view, e);
  }
  return 0;
}

/* Put a record to its parcel; ask the policy first where there is one. */
static int take_listed(struct unpack *u, const struct car_section *s,
                       struct err *e)
{
  struct intake *in = u->intake;
  int rc = intake_record(in, &s->cid, s->block, e);
  if (rc <= 0) {
    u->counts.known += rc == 0;
    if (is_foreign(rc)) {
      bad_block(u, &s->cid, e->text);
      rc = 0;
    }
    return rc;
  }
  if (u->job.st->has_policy) {
    u->job.ask = intake_last(in);
    u->job.ask_cid = s->cid;
    u->job.ask_parcel = buf_span(&in->bytes);
    u->job.ask_parcel_cid = in->cid;
    u->asking = true;
  }
  return 0;
}

static int admit_lone(struct unpack *u, const struct admit_record *in,
                      struct err *e)
{
  uint64_t was = u->counts.withdrawn;
  int rc = admit_record(u->job.st, in, &u->counts, e);
  if (rc == 0 && u->counts.withdrawn > was) {
    rc = note_lost(u, &in->rec.about, e);
  }
  return no_room(u, rc, e);
}

/* The host has answered about the record in u->lone. Its parcel is here: it
 * can't be stopped any more. */
static int take_lone_answer(struct unpack *u, struct err *e)
{
  struct admit_record in = {.cid = u->lone.cid};
  struct parcel view;
  int rc = 0;
  u->lone.asked = false;
  if (u->job.verdict == JOB_VOUCH) {
    rc = parcel_read(&view, buf_span(&u->lone.parcel), e);
    rc = rc < 0 ? rc : station_vouch(u->job.st, view.author, "policy", e);
  } else if (u->job.verdict != JOB_KEEP) {
    u->refused++;
    return refused_note(u->job.st, &in.cid, 1, e);
  }
  rc = rc < 0 ? rc : record_read(&in.rec, buf_span(&u->lone.block), e);
  return rc < 0 ? rc : admit_lone(u, &in, e);
}

/* The host has answered about the record that was added last. */
static int take_answer(struct unpack *u, struct err *e)
{
  u->asking = false;
  if (u->lone.asked) {
    return take_lone_answer(u, e);
  }
  if (u->job.verdict == JOB_VOUCH) {
    return station_vouch(u->job.st, u->intake->view.author, "policy", e);
  }
  if (u->job.verdict == JOB_KEEP) {
    return 0;
  }
  u->refused++;
  if (u->job.verdict == JOB_STOP) {
    intake_stop(u->intake);
    return exclude(u, &u->intake->view, e);
  }
  intake_refuse(u->intake);
  return 0;
}

static bool is_manifest(struct span block)
{
  struct err e;
  if (cbor_check(block.p, block.n, &e) < 0) {
    return false;
  }
  struct cbor_reader r = cbor_reader_of(cbor_find(block, "kind"));
  struct cbor_item item;
  return cbor_next(&r, &item) == CBOR_TEXT && span_is(item.bytes, "carry/1");
}

/* The policy has a word on records that come apart from their parcel, too. */
static int ask_lone(struct unpack *u, const struct car_section *s,
                    struct err *e)
{
  struct lone *l = &u->lone;
  buf_clear(&l->block);
  buf_clear(&l->parcel);
  int rc =
      admit_asked_by(u->job.st, &s->cid, &u->job.ask_parcel_cid, &l->parcel, e);
  if (rc <= 0) {
    return rc;
  }
  if ((rc = buf_put(&l->block, s->block.p, s->block.n)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  l->cid = s->cid;
  l->asked = true;
  u->job.ask = buf_span(&l->block);
  u->job.ask_cid = s->cid;
  u->job.ask_parcel = buf_span(&l->parcel);
  u->asking = true;
  return 0;
}

static int take_wanted_record(struct unpack *u, const struct car_section *s,
                              struct err *e)
{
  struct admit_record in = {.cid = s->cid};
  struct err why;
  if (record_read(&in.rec, s->block, &why) < 0) {
    bad_block(u, &s->cid, why.text);
    return 0;
  }
  if (u->job.st->has_policy) {
    return ask_lone(u, s, e);
  }
  return admit_lone(u, &in, e);
}

/* Nothing asks for it: because it is here, or because nothing lists it (or
 * not yet: a later pass looks again). */
static int count_unasked(struct unpack *u, const struct cid *cid, struct err *e)
{
  uint64_t here;
  int rc = u->job.st->store->ops->find(u->job.st->store, cid, 1, &here, e);
  if (rc < 0 || here != 0) {
    u->counts.known += rc == 0;
    return rc;
  }
  u->unlisted++;
  if (u->loose.n < LOOSE_MAX) {
    rc = refset_add(&u->loose, (uint64_t)cid_order(cid));
  }
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

static int take_cbor(struct unpack *u, const struct car_section *s,
                     struct err *e)
{
  if (parcel_looks(s->block)) {
    return take_parcel(u, s, e);
  }
  if (intake_lists(u->intake, &s->cid)) {
    return take_listed(u, s, e);
  }
  int wants = admit_wants(u->job.st, &s->cid, e);
  if (wants < 0) {
    return wants;
  }
  if (wants == WANT_RECORD) {
    return take_wanted_record(u, s, e);
  }
  if (is_manifest(s->block) || refset_has_cid(&u->excluded, &s->cid)) {
    return 0;
  }
  return count_unasked(u, &s->cid, e);
}

static int take_file_block(struct unpack *u, const struct car_section *s,
                           struct err *e)
{
  struct unixfs_node node;
  struct err why;
  bool is_node = cid_codec(&s->cid) == CID_DAG_PB;
  int rc = 0;
  if (is_node && unixfs_read(&node, s->block, &why) < 0) {
    bad_block(u, &s->cid, why.text);
    return 0;
  }
  if (u->file_n == FILES_BATCH || u->files.n + s->block.n > FILES_BATCH_BYTES) {
    rc = flush_files(u, e);
  }
  if (rc == 0 && buf_put(&u->files, s->block.p, s->block.n) < 0) {
    rc = err_set(e, ERR_NOMEM, "not enough memory");
  }
  if (rc == 0) {
    u->file_cid[u->file_n] = s->cid;
    u->file_end[u->file_n++] = u->files.n;
    /* What a node lists is wanted only once the node is stored. */
    rc = is_node ? flush_files(u, e) : 0;
  }
  return rc;
}

/* 1: this block is worth its hash in a later pass, or in the first when it
 * belongs to files. */
static int file_wanted(struct unpack *u, const struct cid *cid, struct err *e)
{
  int rc = flush_parcel(u, e); /* its records may be what wants it */
  if (rc < 0 || u->keep) {
    return rc < 0 ? rc : 1;
  }
  rc = admit_wants(u->job.st, cid, e);
  return rc < 0 ? rc : rc == WANT_FILE;
}

/* The hash holds. */
static int take_block(struct unpack *u, const struct car_section *s,
                      struct err *e)
{
  if (cid_codec(&s->cid) == CID_DAG_CBOR) {
    return take_cbor(u, s, e);
  }
  int rc = file_wanted(u, &s->cid, e);
  if (rc > 0) {
    return take_file_block(u, s, e);
  }
  return rc < 0 ? rc : count_unasked(u, &s->cid, e);
}

/* ---- sections ---- */

/* A later pass looks only at blocks that the first one found loose (at all,
 * where those were too many to note), and hashes what is asked for by now. */
static int worth_hashing(struct unpack *u, const struct cid *cid, struct err *e)
{
  uint64_t here;
  if (u->pass == 0) {
    return 1;
  }
  bool lost = refset_has(&u->lost_orders, (uint64_t)cid_order(cid));
  if (u->loose.n < LOOSE_MAX && !lost &&
      !refset_has(&u->loose, (uint64_t)cid_order(cid))) {
    return 0;
  }
  int rc = u->job.st->store->ops->find(u->job.st->store, cid, 1, &here, e);
  if (rc < 0 || here != 0) {
    return rc;
  }
  rc = admit_wants(u->job.st, cid, e);
  u->unlisted += rc == WANT_NONE && !lost;
  return rc < 0 ? rc : rc != WANT_NONE;
}

static void pass_on(struct unpack *u, size_t n)
{
  carsource_skip(&u->src, n);
  u->offset += n;
}

/* Look for the next section after damage at the window's begin. */
static void seek_section(struct unpack *u)
{
  struct span w = carsource_window(&u->src);
  size_t at = car_seek(w, w.n > 0 ? 1 : 0);
  if (at == w.n && !u->src.end && w.n > CID_SIZE + 4) {
    at = w.n - (CID_SIZE + 4); /* may begin a head that is cut */
  }
  pass_on(u, at > 0 ? at : w.n);
}

static void wound(struct unpack *u, const char *why)
{
  if (!u->damaged && u->pass == 0) {
    u->bad++;
    job_fault(&u->job, "damage at byte %llu: %s", (unsigned long long)u->offset,
              why);
  }
  u->damaged = true;
}

/* Does another section follow ${taken} bytes on? Then the length of the one
 * before is right, whatever is in it. The window must reach there. */
static bool followed(const struct unpack *u, size_t taken)
{
  struct span w = carsource_window(&u->src);
  size_t left = w.n - taken;
  struct span next =
      span_of(w.p + taken, left < SECTION_HEAD ? left : SECTION_HEAD);
  return left == 0 || (left > CID_SIZE && car_seek(next, 0) == 0);
}

/* A section whose hash fails. */
static void bad_hash(struct unpack *u, const struct car_section *s,
                     size_t taken)
{
  if (followed(u, taken) && !u->damaged) {
    if (u->pass == 0) {
      bad_block(u, &s->cid, "its bytes differ from its name");
    }
    /* If it is the length that is damaged, whole sections lie in it: what
     * stands at its end may be one by chance. */
    u->damaged = true;
    u->wound_end = u->offset + taken;
    seek_section(u);
    return;
  }
  wound(u, "no section can be read here");
  seek_section(u);
}

/* The window is small until a section needs more: 1 when it has grown, so
 * that what was cut can be read again. Spans into it end in any case. */
static int widen(struct unpack *u, struct err *e)
{
  size_t was = carsource_window(&u->src).n;
  if (was >= CAR_SECTION_MAX) {
    return 0;
  }
  int rc = carsource_fill(&u->src, 2 * CAR_SECTION_MAX, e);
  return rc < 0 ? rc : carsource_window(&u->src).n > was;
}

/* Pass over a section that need not be hashed. Nothing has proved its length:
 * where no other follows it, that may be what is damaged. */
static int pass_unhashed(struct unpack *u, size_t taken, struct err *e)
{
  if (followed(u, taken)) {
    pass_on(u, taken);
    return 0;
  }
  int rc = widen(u, e);
  if (rc == 0) {
    seek_section(u);
  }
  return rc < 0 ? rc : 0;
}

static int read_section(struct unpack *u, struct err *e)
{
  if (u->wound_end > 0 && u->offset >= u->wound_end) {
    u->damaged = u->damaged && u->offset > u->wound_end;
    u->wound_end = 0;
  }
  struct span w = carsource_window(&u->src);
  struct car_section s;
  struct err why;
  int64_t taken = car_read_section(w, &s, &why);
  int rc = taken <= 0 ? widen(u, e) : 0;
  if (rc != 0) {
    return rc < 0 ? rc : 0;
  }
  w = carsource_window(&u->src); /* it may have moved without growing */
  if (taken <= 0) {
    int64_t foreign = car_foreign_section(w);
    if (foreign > 0 && (uint64_t)foreign <= w.n && !u->damaged) {
      u->bad += u->pass == 0;
      if (u->pass == 0) {
        job_fault(&u->job, "at byte %llu: %s", (unsigned long long)u->offset,
                  taken < 0 ? why.text : "a section is cut");
      }
      pass_on(u, (size_t)foreign);
      return 0;
    }
    wound(u, taken < 0 ? why.text : "a section is cut short");
    seek_section(u);
    return 0;
  }
  rc = worth_hashing(u, &s.cid, e);
  if (rc <= 0) {
    return rc < 0 ? rc : pass_unhashed(u, (size_t)taken, e);
  }
  if (!car_salvage_try(&u->salvage, u->offset, s.block.n) ||
      (rc = cid_verify(&s.cid, s.block.p, s.block.n)) == ERR_HASH) {
    /* What follows tells how large the wound is: it must be in the window. */
    if ((rc = widen(u, e)) == 0) {
      bad_hash(u, &s, (size_t)taken);
    }
    return rc < 0 ? rc : 0;
  }
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  car_salvage_good(&u->salvage, s.block.n);
  u->damaged = false;
  u->good += u->pass == 0;
  rc = take_block(u, &s, e);
  pass_on(u, (size_t)taken);
  return rc;
}

/* Go to the CARv1 inside a CARv2; stay where there is none: it is damage. */
static void enter_v2(struct unpack *u)
{
  struct span w = carsource_window(&u->src);
  uint64_t at, size;
  struct err why;
  if (car_read_v2(w, &at, &size, &why) > 0 && at < w.n) {
    pass_on(u, (size_t)at);
    u->end = size > 0 ? at + size : 0; /* 0: its writer was interrupted */
  }
}

static void read_header(struct unpack *u)
{
  struct cid roots[CAR_ROOTS_MAX];
  size_t count;
  struct err why;
  if (car_is_v2(carsource_window(&u->src))) {
    enter_v2(u);
  }
  u->begun = true;
  int64_t taken =
      car_read_header(carsource_window(&u->src), roots, &count, &why);
  if (taken > 0) {
    pass_on(u, (size_t)taken);
    return;
  }
  /* Where the first frame is lost, a section may stand here. */
  wound(u, taken < 0 ? why.text : "the header is cut short");
}

/* ---- the job ---- */

static uint64_t sum(const struct unpack *u)
{
  return u->counts.added + u->counts.parcels + u->counts.files + u->counts.held;
}

static int unpack_done(struct unpack *u, struct err *e)
{
  struct job *j = &u->job;
  if (u->good == 0) {
    bool why = j->result.faults.n > 0;
    return err_set(e, ERR_INVALID,
                   "this is no carry file: not one good block is in it%s%s",
                   why ? "; " : "", why ? (char *)j->result.faults.p : "");
  }
  j->result.has_faults = true;
  job_num(j, "added", (int64_t)u->counts.added);
  job_num(j, "parcels", (int64_t)u->counts.parcels);
  job_num(j, "known", (int64_t)u->counts.known);
  job_num(j, "files", (int64_t)u->counts.files);
  job_num(j, "bytes", (int64_t)u->counts.bytes);
  job_num(j, "withdrawn", (int64_t)u->counts.withdrawn);
  job_num(j, "held", (int64_t)u->counts.held);
  job_num(j, "refused", (int64_t)u->refused);
  job_num(j, "full", (int64_t)u->full);
  job_num(j, "unlisted", (int64_t)u->unlisted);
  job_num(j, "bad", (int64_t)(u->bad + u->bad_frames));
  job_num(j, "missing", (int64_t)u->missing.n);
  return JOB_DONE;
}

/* Does anybody ask by now for what was lost? 1, 0. */
static int any_lost(struct unpack *u, struct err *e)
{
  int rc = 0;
  for (size_t at = 0; rc == 0 && at < u->lost.n; at += sizeof(struct cid)) {
    struct cid cid;
    memcpy(&cid, u->lost.p + at, sizeof cid);
    rc = admit_wants(u->job.st, &cid, e);
  }
  return rc < 0 ? rc : rc > 0;
}

/* At the end of a pass: another one when this one brought something and there
 * are blocks that nothing asked for when they came by. */
static int end_pass(struct unpack *u, struct err *e)
{
  uint64_t now;
  int rc;
  if ((rc = flush_parcel(u, e)) < 0 || (rc = flush_files(u, e)) < 0) {
    return rc;
  }
  if (u->pass == 0) {
    u->bad_frames = u->src.bad_frames;
    if (u->bad_frames > 0) {
      job_fault(&u->job, "%llu damaged frames of compressed blocks",
                (unsigned long long)u->bad_frames);
    }
  }
  now = sum(u);
  if ((rc = any_lost(u, e)) < 0) {
    return rc;
  }
  if ((u->unlisted == 0 && rc == 0) || now == u->progress ||
      u->pass + 1 >= PASSES_MAX) {
    u->counting = true;
    return JOB_MORE;
  }
  u->progress = now;
  u->pass++;
  u->unlisted = 0;
  u->begun = u->damaged = false;
  u->offset = u->end = u->wound_end = 0;
  rc = carsource_rewind(&u->src, e);
  return rc < 0 ? rc : JOB_MORE;
}

static int read_some(struct unpack *u, struct err *e)
{
  struct job *j = &u->job;
  uint64_t until = u->offset + STEP_BYTES;
  int rc = u->asking ? take_answer(u, e) : 0;
  while (rc == 0 && u->offset < until && !u->asking) {
    if ((rc = carsource_fill(&u->src, WINDOW_SIZE, e)) < 0) {
      return rc;
    }
    j->done = u->src.read < u->src.size ? u->src.read : u->src.size;
    if (carsource_window(&u->src).n == 0 ||
        (u->end > 0 && u->offset >= u->end)) {
      return end_pass(u, e);
    }
    if (u->begun) {
      rc = read_section(u, e);
    } else {
      read_header(u);
    }
  }
  return rc < 0 ? rc : u->asking ? JOB_ASK : JOB_MORE;
}

/* What a step takes in becomes durable together, at its end: nothing is told
 * before. */
static int unpack_step(struct job *j, struct err *e)
{
  struct unpack *u = (struct unpack *)j;
  if (u->counting) {
    int more = missing_count_step(j->st, &u->missing, e);
    return more < 0 ? more : more > 0 ? JOB_MORE : unpack_done(u, e);
  }
  int rc = station_gather(j->st, e);
  if (rc < 0) {
    return rc;
  }
  way_set(j->st, u->way);
  rc = read_some(u, e);
  int kept = station_settle(j->st, rc < 0 ? NULL : e);
  return rc < 0 ? rc : kept < 0 ? kept : rc;
}

static void unpack_clean(struct job *j)
{
  struct unpack *u = (struct unpack *)j;
  carsource_close(&u->src);
  if (u->intake != NULL) {
    intake_free(u->intake);
    mem_free(u->intake);
  }
  buf_free(&u->lone.block);
  buf_free(&u->lone.parcel);
  refset_free(&u->excluded);
  refset_free(&u->loose);
  refset_free(&u->lost_orders);
  buf_free(&u->lost);
  buf_free(&u->patterns);
  buf_free(&u->files);
}

int station_unpack(struct job **out, struct station *st, const char *path,
                   const struct unpack_options *opt, struct err *e)
{
  static const struct job_ops ops = {unpack_step, unpack_clean};
  int rc;
  if ((rc = station_writable(st, e)) < 0 || (rc = station_refresh(st, e)) < 0 ||
      (rc = admit_release_held(st, e)) < 0) {
    return rc;
  }
  struct unpack *u = mem_zero(sizeof *u);
  if (u == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  job_init(&u->job, st, &ops);
  u->src.fd = -1;
  u->keep = opt->keep;
  if (opt->way != NULL) {
    (void)snprintf(u->way, sizeof u->way, "%s", opt->way);
  } else {
    const char *slash = strrchr(path, '/');
    (void)snprintf(u->way, sizeof u->way, "file %s",
                   slash != NULL ? slash + 1 : path);
  }
  u->intake = mem_zero(sizeof *u->intake);
  rc = u->intake == NULL ? ERR_NOMEM
                         : buf_reserve(&u->intake->arena, ZPACK_FRAME_RAW);
  if (rc == 0) {
    u->intake->st = st;
  }
  for (size_t i = 0; rc == 0 && i < opt->patterns; i++) {
    rc = buf_put(&u->patterns, opt->pattern[i].p, opt->pattern[i].n);
    rc = rc < 0 ? rc : buf_byte(&u->patterns, 0);
  }
  if (rc < 0) {
    rc = err_set(e, rc, "not enough memory");
  } else {
    rc = carsource_open(&u->src, path, e);
  }
  if (rc < 0) {
    job_del(&u->job);
    return rc;
  }
  u->job.total = u->src.size;
  u->salvage.size = u->src.compressed ? 0 : u->src.size;
  *out = &u->job;
  return 0;
}
