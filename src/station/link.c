/* SPDX-License-Identifier: 0BSD */
#include "station/link.h"

#include "base/mem.h"
#include "form/unixfs.h"
#include "station/later.h"
#include "station/link_int.h"
#include "station/quota.h"
#include "station/refused.h"
#include "station/way.h"

#include <stdio.h>
#include <string.h>

#define STATES_PAGE 64
#define FILES_BATCH 64
#define FILES_BYTES (256u * 1024) /* wait for one another */
/* What a commit takes together, about: on a stick a sync takes 50 ms. */
#define GROUP_BYTES (16u * 1024 * 1024)

/* A record whose parcel is here already, while the policy is asked. */
struct lone {
  bool asked;
  struct cid cid, parcel_cid;
  struct buf block, parcel;
};

struct link {
  struct station *st;
  struct session *session;
  struct buf follows; /* patterns, each followed by a zero byte */
  /* the walk over the collections */
  struct buf names;
  struct sketches_state state[STATES_PAGE];
  int states, state_at;
  size_t name_at;
  struct sketches_view *view[SESSION_TOPICS_MAX + 1]; /* by topic */
  struct plan plan;
  struct fetch fetch;
  /* what comes */
  struct intake intake;
  struct lone lone;
  struct buf files; /* blocks of files that wait to be stored */
  struct cid file_cid[FILES_BATCH];
  size_t file_end[FILES_BATCH];
  size_t file_n;
  struct admit_counts counts;
  uint64_t settled;     /* of counts.bytes, what was here at the last commit */
  uint64_t groups_lost; /* of the station, when this began */
  uint64_t refused, unwanted, bad, full;
  char way[QUOTA_WAY_MAX + 1];
  struct buf faults;
};

/* ---- faults of what comes ---- */

static void fault(struct link *l, const struct cid *cid, const char *why)
{
  char text[CID_TEXT_SIZE + 1], line[CID_TEXT_SIZE + ERR_TEXT_MAX + 16];
  if (l->bad++ >= LINK_FAULTS_MAX) {
    return;
  }
  cid_text(text, cid);
  int n = snprintf(line, sizeof line, "block %s: %s", text, why);
  if (n > 0 && buf_put(&l->faults, line, (size_t)n + 1) < 0) {
    return; /* it is counted all the same */
  }
}

/* The fault of what came, and not our own trouble? */
static bool is_foreign(int rc)
{
  return rc == ERR_INVALID || rc == ERR_LIMIT || rc == ERR_SIG;
}

/* What has no room is counted; the first of it is told. */
static void no_room(struct link *l, const char *why)
{
  if (l->full++ == 0 && buf_put(&l->faults, why, strlen(why) + 1) < 0) {
    return; /* it is counted all the same */
  }
}

/* Count what is foreign, pass on what is ours. */
static int judge(struct link *l, const struct cid *cid, int rc,
                 const struct err *e)
{
  if (is_foreign(rc)) {
    fault(l, cid, e->text);
    return 0;
  }
  if (rc == ERR_QUOTA) {
    no_room(l, e->text);
    return 0;
  }
  return rc;
}

/* ---- what we follow, what we have ---- */

static int host_wish(void *ud, size_t i, struct span *pattern, struct err *e)
{
  struct link *l = ud;
  size_t at = 0;
  (void)e;
  while (at < l->follows.n) {
    const char *p = (const char *)l->follows.p + at;
    *pattern = span_of(p, strlen(p));
    at += pattern->n + 1;
    if (i-- == 0) {
      return 1;
    }
  }
  return 0;
}

static bool follows(struct link *l, struct span name)
{
  struct span pattern;
  for (size_t i = 0; host_wish(l, i, &pattern, NULL) > 0; i++) {
    if (pattern_matches(pattern, name)) {
      return true;
    }
  }
  return false;
}

/* Who follows nothing takes all. */
static int load_follows(struct link *l, struct err *e)
{
  struct buf pairs = {0};
  int rc = station_follows(l->st, &pairs, e);
  for (size_t at = 0; rc == 0 && at < pairs.n;) {
    const char *pattern = (const char *)pairs.p + at;
    const char *size = pattern + strlen(pattern) + 1;
    at += strlen(pattern) + 1 + strlen(size) + 1;
    rc = buf_put(&l->follows, pattern, strlen(pattern) + 1);
  }
  if (rc == 0 && l->follows.n == 0) {
    rc = buf_put(&l->follows, "*", 2);
  }
  buf_free(&pairs);
  return rc == ERR_NOMEM ? err_set(e, rc, "not enough memory") : rc;
}

static int host_collection(void *ud, struct span after,
                           struct session_collection *out, struct err *e)
{
  struct link *l = ud;
  if (l->state_at == l->states) {
    buf_clear(&l->names);
    l->name_at = 0;
    l->state_at = l->states = 0;
    int n = sketches_states(l->st, after, &l->names, l->state, STATES_PAGE, e);
    if (n <= 0) {
      return n;
    }
    l->states = n;
  }
  const char *name = (const char *)l->names.p + l->name_at;
  const struct sketches_state *state = &l->state[l->state_at];
  out->name = span_of(name, strlen(name));
  out->count = state->count;
  memcpy(out->digest, state->digest, sizeof out->digest);
  if (span_compare(out->name, after) <= 0 && after.n > 0) {
    l->state_at++; /* the one that was asked about has its answer */
    l->name_at += out->name.n + 1;
    return host_collection(ud, after, out, e);
  }
  return 1;
}

static int host_ready(void *ud, struct span name, struct err *e)
{
  int rc = sketches_step(((struct link *)ud)->st, name, e);
  return rc > 0 ? SESSION_SLICE : rc;
}

static int admit_waiting(struct link *l, struct err *e);

static int host_snapshot(void *ud, size_t topic, struct span name,
                         struct session_set *out, struct err *e)
{
  struct link *l = ud;
  struct sketches_state state;
  int rc = admit_waiting(l, e); /* the last that came is part of it */
  if (l->view[topic] == NULL &&
      (l->view[topic] = mem_alloc(sizeof *l->view[topic])) == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  if (rc < 0 ||
      (rc = sketches_take(l->st, name, out->sketch, out->sum, &state, e)) < 0) {
    return rc;
  }
  out->count = state.count;
  out->upto = state.upto;
  memcpy(out->digest, state.digest, sizeof out->digest);
  sketches_set(&out->set, l->view[topic], l->st, name, state.upto);
  return 0;
}

/* ---- sending ---- */

static int host_lack(void *ud, const struct session_lack *lack, struct err *e)
{
  return plan_lack(&((struct link *)ud)->plan, lack, e);
}

static int host_prepare(void *ud, struct err *e)
{
  return plan_prepare(&((struct link *)ud)->plan, e);
}

static int host_produce(void *ud, struct buf *out,
                        struct session_counts *counts, struct err *e)
{
  return plan_produce(&((struct link *)ud)->plan, out, counts, e);
}

/* Who can name a block of a file, or a record, may have it: the policy speaks
 * of collections. */
static int host_load(void *ud, const struct cid *cid, struct buf *out,
                     struct err *e)
{
  struct link *l = ud;
  size_t was = out->n;
  int rc = l->st->store->ops->get(l->st->store, cid, out, e);
  if (rc == ERR_NOENT) {
    return 0;
  }
  if (rc < 0) {
    return rc;
  }
  rc = cid_verify(cid, out->p + was, out->n - was);
  if (rc == ERR_HASH) {
    out->n = was; /* damaged here: as if it were not */
    return 0;
  }
  return rc < 0 ? err_set(e, rc, "not enough memory") : 1;
}

/* ---- receiving ---- */

/* What comes from one peer counts together, whatever it calls itself: where
 * the host can tell peers apart in another way, it says so. */
static const char *way_name(struct link *l)
{
  struct session_status s;
  char did[CRYPT_DID_MAX];
  session_status(l->session, &s);
  if (l->way[0] == 0 && s.peer != NULL) {
    did_text(did, s.peer);
    (void)snprintf(l->way, sizeof l->way, "peer %s", did);
  }
  return l->way;
}

/* Before anything is admitted: it joins those that wait for a commit. */
static int gather(struct link *l, struct err *e)
{
  struct station *st = l->st;
  int rc = 0;
  if (st->half_derived) {
    return err_set(e, ERR_BUSY, "%s is being rebuilt: sync when that is done",
                   st->path);
  }
  if (l->counts.bytes - l->settled > GROUP_BYTES) {
    l->settled = l->counts.bytes;
    rc = station_settle(st, e);
  }
  way_set(st, way_name(l));
  if (rc == 0 && st->groups_lost != l->groups_lost) {
    rc = err_set(e, ERR_IO,
                 "what this session took could not be stored: it comes again");
  }
  return rc < 0 ? rc : station_gather(st, e);
}

/* 1, or 0: there is none, and no more are asked for. */
static int room_for_files(struct link *l, size_t bytes, struct err *e)
{
  int rc = quota_check_files(l->st, bytes, e);
  if (rc == ERR_QUOTA) {
    no_room(l, e->text);
    fetch_no_files(&l->fetch);
    return 0;
  }
  return rc < 0 ? rc : 1;
}

static int flush_files(struct link *l, struct err *e)
{
  struct store_block block[FILES_BATCH];
  size_t at = 0;
  if (l->file_n == 0) {
    return 0;
  }
  for (size_t i = 0; i < l->file_n; i++) {
    block[i].cid = l->file_cid[i];
    block[i].bytes = buf_part(&l->files, at, l->file_end[i]);
    at = l->file_end[i];
  }
  int rc = gather(l, e);
  if (rc == 0 && (rc = room_for_files(l, l->files.n, e)) > 0) {
    rc = admit_files(l->st, block, l->file_n, &l->counts, e);
  }
  l->file_n = 0;
  buf_clear(&l->files);
  return rc;
}

static int flush_parcel(struct link *l, bool open, struct err *e)
{
  struct cid cid = l->intake.cid;
  int rc = gather(l, e);
  return rc < 0
             ? rc
             : judge(l, &cid, intake_flush(&l->intake, open, &l->counts, e), e);
}

/* Admit what waits; it is durable after station_settle. More records of the
 * parcel under way may come. */
static int admit_waiting(struct link *l, struct err *e)
{
  int rc = l->intake.open ? flush_parcel(l, true, e) : 0;
  return rc < 0 ? rc : flush_files(l, e);
}

static int host_flush(void *ud, struct err *e)
{
  struct link *l = ud;
  int rc = admit_waiting(l, e);
  l->settled = l->counts.bytes;
  return rc < 0 ? rc : station_settle(l->st, e);
}

/* Where no policy may yet vouch for its author, a parcel without room is
 * refused before the rest of its records have come, unless the first takes
 * something back: for that there may be room. (To the session it has come:
 * what differed between the sets is proven.) */
static int early_no(struct link *l, struct err *e)
{
  struct intake *in = &l->intake;
  const struct cid *cid = &in->cid;
  struct listing by;
  if (in->n != 1 || in->room.record[0].rec.kind == RECORD_WITHDRAW ||
      in->here || l->st->has_policy) {
    return 0;
  }
  listing_of(&by, 0, cid, &in->view);
  way_set(l->st, way_name(l));
  int rc = quota_check(l->st, &by, quota_cost(in->bytes.n), e);
  if (rc < 0) {
    intake_stop(in);
    rc = judge(l, cid, rc, e);
  }
  return rc;
}

static int host_parcel(void *ud, struct span block, struct session_parcel *out,
                       struct err *e)
{
  struct link *l = ud;
  struct intake *in = &l->intake;
  struct cid cid;
  out->good = false;
  int rc = l->intake.open ? flush_parcel(l, false, e) : 0;
  if (rc < 0) {
    return rc;
  }
  if ((rc = cid_of(&cid, CID_DAG_CBOR, block.p, block.n)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  if ((rc = intake_parcel(in, &cid, block, e)) < 0) {
    return judge(l, &cid, rc, e);
  }
  if (!follows(l, in->view.collection)) {
    l->unwanted++;
    intake_stop(in);
    return 0;
  }
  l->fetch.listed = false; /* of an earlier round */
  out->good = true;
  out->name = in->view.collection;
  memcpy(out->digest, cid_digest(&cid), sizeof out->digest);
  return 0;
}

static int host_record(void *ud, struct span block, struct err *e)
{
  struct link *l = ud;
  struct intake *in = &l->intake;
  struct cid cid;
  if (!in->open) {
    return 0; /* its parcel was no good, or is not wanted */
  }
  int rc = cid_of(&cid, CID_DAG_CBOR, block.p, block.n);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  if (in->arena.n + block.n > INTAKE_BYTES &&
      (rc = flush_parcel(l, true, e)) < 0) {
    return rc;
  }
  if (!intake_lists(in, &cid)) {
    fault(l, &cid, "its parcel does not list it");
    return 0;
  }
  if ((rc = intake_record(in, &cid, block, e)) <= 0) {
    l->counts.known += rc == 0;
    return judge(l, &cid, rc, e);
  }
  return l->st->has_policy ? SESSION_ASK : early_no(l, e);
}

/* A record that was missing: its parcel came before. */
static int take_lone(struct link *l, const struct cid *cid, struct span block,
                     struct err *e)
{
  struct admit_record in = {.cid = *cid};
  struct lone *lone = &l->lone;
  int rc = record_read(&in.rec, block, e);
  if (rc < 0) {
    return judge(l, cid, rc, e);
  }
  if (!l->st->has_policy) {
    rc = gather(l, e);
    return rc < 0 ? rc
                  : judge(l, cid, admit_record(l->st, &in, &l->counts, e), e);
  }
  buf_clear(&lone->block);
  buf_clear(&lone->parcel);
  rc = admit_asked_by(l->st, cid, &lone->parcel_cid, &lone->parcel, e);
  if (rc <= 0) {
    return rc;
  }
  if (buf_put(&lone->block, block.p, block.n) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  lone->cid = *cid;
  lone->asked = true;
  return SESSION_ASK;
}

static int store_file(struct link *l, const struct cid *cid, struct span bytes,
                      struct err *e)
{
  struct store_block one = {*cid, bytes};
  int rc = 0;
  if (l->file_n == FILES_BATCH || l->files.n + bytes.n > FILES_BYTES) {
    rc = flush_files(l, e);
  }
  if (rc == 0 && bytes.n > FILES_BYTES / 2) {
    if ((rc = gather(l, e)) == 0 && (rc = room_for_files(l, bytes.n, e)) > 0) {
      rc = admit_files(l->st, &one, 1, &l->counts, e);
    }
    return rc;
  }
  if (rc == 0 && (rc = buf_put(&l->files, bytes.p, bytes.n)) == 0) {
    l->file_cid[l->file_n] = *cid;
    l->file_end[l->file_n++] = l->files.n;
  }
  return rc == ERR_NOMEM ? err_set(e, rc, "not enough memory") : rc;
}

static int host_block(void *ud, const struct cid *cid, struct span bytes,
                      struct err *e)
{
  struct link *l = ud;
  struct unixfs_node node;
  fetch_came(&l->fetch, cid);
  int rc = cid_verify(cid, bytes.p, bytes.n);
  if (rc == ERR_HASH) {
    fault(l, cid, "its bytes differ from its name");
    return 0;
  }
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  if (cid_codec(cid) == CID_DAG_CBOR) {
    return take_lone(l, cid, bytes, e);
  }
  if (cid_codec(cid) == CID_DAG_PB && (rc = unixfs_read(&node, bytes, e)) < 0) {
    return judge(l, cid, rc, e);
  }
  rc = store_file(l, cid, bytes, e);
  /* What a node lists is wanted only once the node is stored. */
  if (rc == 0 && cid_codec(cid) == CID_DAG_PB &&
      (rc = flush_files(l, e)) == 0) {
    rc = fetch_node(&l->fetch, bytes, e);
  }
  return rc;
}

static void host_gone(void *ud, const struct cid *cid)
{
  struct link *l = ud;
  fetch_gone(&l->fetch, cid);
}

static int vouch_lone(struct link *l, struct err *e)
{
  struct parcel view;
  int rc = parcel_read(&view, buf_span(&l->lone.parcel), e);
  return rc < 0 ? rc : station_vouch(l->st, view.author, "policy", e);
}

static int answer_lone(struct link *l, int64_t verdict, struct err *e)
{
  struct admit_record in = {.cid = l->lone.cid};
  int rc = gather(l, e);
  l->lone.asked = false;
  if (rc == 0 && verdict == JOB_VOUCH) {
    rc = vouch_lone(l, e);
  } else if (rc == 0 && verdict != JOB_KEEP) {
    l->refused++;
    return refused_note(l->st, &in.cid, 1, e);
  }
  rc = rc < 0 ? rc : record_read(&in.rec, buf_span(&l->lone.block), e);
  return rc < 0 ? rc
                : judge(l, &in.cid, admit_record(l->st, &in, &l->counts, e), e);
}

static int host_answer(void *ud, int64_t verdict, struct err *e)
{
  struct link *l = ud;
  if (l->lone.asked) {
    return answer_lone(l, verdict, e);
  }
  if (verdict == JOB_VOUCH) {
    int rc = gather(l, e);
    return rc < 0 ? rc
                  : station_vouch(l->st, l->intake.view.author, "policy", e);
  }
  if (verdict == JOB_KEEP) {
    return 0;
  }
  l->refused++;
  if (verdict == JOB_STOP) {
    intake_stop(&l->intake);
  } else {
    intake_refuse(&l->intake);
  }
  return 0;
}

static uint64_t host_full(void *ud)
{
  return ((const struct link *)ud)->full;
}

static int host_missing(void *ud, struct cid *out, size_t max, bool *more,
                        struct err *e)
{
  struct link *l = ud;
  int rc = l->intake.open ? flush_parcel(l, false, e) : 0; /* all have come */
  intake_rest(&l->intake);
  if (rc == 0) {
    rc = flush_files(l, e);
  }
  return rc < 0 ? rc : fetch_next(&l->fetch, out, max, more, e);
}

/* ---- life ---- */

/* One key pair for all sessions of a run: who dials in can't follow a station
 * by it from one run to the next. */
static const uint8_t *session_secret(struct station *st)
{
  if (!st->has_session_secret) {
    crypt_random(st->session_secret, sizeof st->session_secret);
    st->has_session_secret = true;
  }
  return st->session_secret;
}

static int start(struct link *l, const struct link_options *opt, struct err *e)
{
  struct session_host host = {.ud = l,
                              .asks_serve = opt->serve,
                              .asks_order = opt->order,
                              .wish = host_wish,
                              .collection = host_collection,
                              .ready = host_ready,
                              .snapshot = host_snapshot,
                              .lack = host_lack,
                              .prepare = host_prepare,
                              .produce = host_produce,
                              .load = host_load,
                              .parcel = host_parcel,
                              .record = host_record,
                              .block = host_block,
                              .gone = host_gone,
                              .answer = host_answer,
                              .flush = host_flush,
                              .missing = host_missing,
                              .full = host_full};
  uint8_t once[NOISE_KEY_SIZE];
  struct session_options options = {.initiator = opt->initiator,
                                    .quiet = opt->quiet,
                                    .level = opt->level,
                                    .zpack = l->st->zpack,
                                    .id = l->st->id,
                                    .secret = session_secret(l->st),
                                    .once = once};
  crypt_random(once, sizeof once);
  int rc = session_new(&l->session, &host, &options, e);
  crypt_wipe(once, sizeof once);
  return rc;
}

int link_new(struct link **out, struct station *st,
             const struct link_options *opt, struct err *e)
{
  int rc;
  if ((rc = station_writable(st, e)) < 0 || (rc = station_refresh(st, e)) < 0 ||
      (rc = admit_release_held(st, e)) < 0 || (rc = later_flush(st, e)) < 0) {
    return rc;
  }
  struct link *l = mem_zero(sizeof *l);
  if (l == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  l->st = station_ref(st);
  l->groups_lost = st->groups_lost;
  (void)snprintf(l->way, sizeof l->way, "%s", opt->way != NULL ? opt->way : "");
  l->plan.st = l->fetch.st = l->intake.st = st;
  rc = load_follows(l, e);
  if (rc == 0) {
    rc = start(l, opt, e);
  }
  if (rc < 0) {
    link_del(l);
    return rc;
  }
  *out = l;
  return 0;
}

void link_del(struct link *l)
{
  if (l == NULL) {
    return;
  }
  session_del(l->session);
  plan_free(&l->plan);
  fetch_free(&l->fetch);
  intake_free(&l->intake);
  buf_free(&l->follows);
  buf_free(&l->names);
  buf_free(&l->lone.block);
  buf_free(&l->lone.parcel);
  buf_free(&l->files);
  buf_free(&l->faults);
  for (size_t i = 0; i <= SESSION_TOPICS_MAX; i++) {
    mem_free(l->view[i]);
  }
  station_unref(l->st);
  mem_free(l);
}

struct session *link_session(struct link *l)
{
  return l->st->closed ? NULL : l->session;
}

void link_question(const struct link *l, struct link_question *out)
{
  if (l->lone.asked) {
    *out = (struct link_question){l->lone.cid, l->lone.parcel_cid,
                                  buf_span(&l->lone.block),
                                  buf_span(&l->lone.parcel)};
    return;
  }
  *out = (struct link_question){l->intake.room.record[l->intake.n - 1].cid,
                                l->intake.cid, intake_last(&l->intake),
                                buf_span(&l->intake.bytes)};
}

void link_status(const struct link *l, struct link_status *out)
{
  memset(out, 0, sizeof *out);
  session_status(l->session, &out->session);
  out->added = l->counts.added;
  out->parcels = l->counts.parcels;
  out->known = l->counts.known;
  out->files = l->counts.files;
  out->withdrawn = l->counts.withdrawn;
  out->held = l->counts.held;
  out->refused = l->refused;
  out->unwanted = l->unwanted;
  out->bad = l->bad;
  out->full = l->full;
  out->files_due = fetch_due(&l->fetch);
}

struct span link_faults(const struct link *l)
{
  return buf_span(&l->faults);
}
