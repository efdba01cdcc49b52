/* SPDX-License-Identifier: 0BSD */
#include "station/mend.h"

#include "base/check.h"
#include "base/mem.h"
#include "form/parcel.h"
#include "station/station.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 500 /* of an index, in one step */
_Static_assert(MEND_BLOCKS_MAX <= PARCEL_RECORDS_MAX, "what a change erases");

#define WALK 16 /* records or nodes that are read in one step */

static const struct span no_key = {NULL, 0};

/* Parcel number ${at} of the found ones lists this record. */
struct mend_pair {
  uint64_t record;
  size_t at;
};

void mend_free(struct mend *m)
{
  for (size_t i = 0; i < m->n; i++) {
    buf_free(&m->found[i].block);
  }
  buf_free(&m->lists);
  change_del(m->change);
}

/* ---- looking ---- */

int mend_look(struct job *j, uint64_t ref, bool data, struct buf *block,
              struct damage *out, struct err *e)
{
  struct store *store = j->st->store;
  char text[CID_TEXT_SIZE + 1];
  *out = (struct damage){.ref = ref};
  buf_clear(block);
  int rc = store->ops->get_ref(store, ref, &out->cid, NULL, e);
  out->named = rc == 0;
  if (rc == 0 && data) {
    rc = store->ops->get_ref(store, ref, NULL, block, e);
    rc = rc < 0 ? rc : cid_verify(&out->cid, block->p, block->n);
  }
  if (rc == ERR_NOMEM) {
    return err_set(e, rc, "not enough memory");
  }
  if (rc != ERR_HASH && rc != ERR_CORRUPT) {
    return rc == ERR_NOENT ? 0 : rc;
  }
  if (!out->named) {
    job_fault(j, "block number %" PRIu64 ": %s", ref, e->text);
    return 1;
  }
  cid_text(text, &out->cid);
  if (rc == ERR_HASH) {
    job_fault(j, "block %s: its bytes differ from its name", text);
  } else {
    job_fault(j, "block %s: %s", text, e->text);
  }
  return 1;
}

void mend_note(struct mend *m, const struct damage *d)
{
  CHECK(!mend_full(m));
  m->listed = m->listed || !d->file;
  m->found[m->n++] = *d;
}

static int by_ref(const void *a, const void *b)
{
  const struct damage *x = a, *y = b;
  return x->ref < y->ref ? -1 : x->ref > y->ref;
}

static struct damage *found_ref(struct mend *m, uint64_t ref)
{
  struct damage want = {.ref = ref};
  return bsearch(&want, m->found, m->n, sizeof want, by_ref);
}

/* ---- what the rows tell of damaged parcels ---- */

/* A page of (name, no key): ${sort} and ${ref} of each row to ${take}. */
static int page(struct mend *m, enum idx name,
                int (*take)(struct mend *m, int64_t sort, uint64_t ref),
                struct err *e)
{
  struct store *store = m->job->st->store;
  int64_t sorts[ROWS];
  uint64_t refs[ROWS];
  int n = store->ops->rows(store, (uint8_t)name, no_key, m->sort, m->ref, false,
                           sorts, refs, ROWS, e);
  int rc = 0;
  for (int i = 0; i < n && rc == 0; i++) {
    rc = take(m, sorts[i], refs[i]);
    m->sort = sorts[i];
    m->ref = refs[i];
  }
  return rc < 0 ? err_set(e, rc, "not enough memory") : n;
}

static int take_time(struct mend *m, int64_t sort, uint64_t ref)
{
  struct damage *d = found_ref(m, ref);
  if (d != NULL) {
    d->parcel = true;
    d->time = sort;
  }
  return 0;
}

static int take_list(struct mend *m, int64_t sort, uint64_t ref)
{
  struct damage *d = found_ref(m, ref);
  if (d == NULL) {
    return 0;
  }
  struct mend_pair pair = {(uint64_t)sort, (size_t)(d - m->found)};
  return buf_put(&m->lists, &pair, sizeof pair);
}

/* In which collection's log does ${ref} stand? 1 and its name, or 0. */
static int collection_of(struct mend *m, uint64_t ref, struct buf *name,
                         struct err *e)
{
  struct station *st = m->job->st;
  struct buf names = {0};
  uint64_t next = 0;
  bool found = false;
  int rc = station_collections(st, span_of(NULL, 0), SIZE_MAX, &names, e);
  for (size_t at = 0; rc >= 0 && !found && at < names.n;) {
    const char *text = (const char *)names.p + at;
    struct span one = span_of(text, strlen(text));
    rc = st->store->ops->since(st->store, one, ref - 1, &next, 1, e);
    found = rc > 0 && next == ref;
    if (found && (rc = buf_put(name, one.p, one.n)) < 0) {
      rc = err_set(e, rc, "not enough memory");
    }
    at += one.n + 1;
  }
  buf_free(&names);
  return rc < 0 ? rc : found;
}

/* CIDs of the records that it listed, by number: a parcel that came with them
 * lists them in that order. */
static int records_of(struct mend *m, size_t at, struct buf *cids,
                      struct err *e)
{
  struct store *store = m->job->st->store;
  const struct mend_pair *pair = (const void *)m->lists.p;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < m->lists.n / sizeof *pair; i++) {
    struct cid cid;
    if (pair[i].at != at || cids->n == PARCEL_RECORDS_MAX * sizeof cid) {
      continue;
    }
    rc = store->ops->get_ref(store, pair[i].record, &cid, NULL, e);
    if (rc == 0 && (rc = buf_put(cids, &cid, sizeof cid)) < 0) {
      rc = err_set(e, rc, "not enough memory");
    }
    rc = rc == ERR_NOENT || rc == ERR_CORRUPT ? 0 : rc;
  }
  return rc;
}

/* Signatures are deterministic: if time, collection and records, signed with
 * our key, give the very CID, then it was ours and is whole again. */
static int sign_again(struct mend *m, size_t at, struct span collection,
                      struct err *e)
{
  struct damage *d = &m->found[at];
  struct buf cids = {0};
  int rc = records_of(m, at, &cids, e);
  if (rc == 0 && cids.n > 0) {
    rc = parcel_write(&d->block, m->job->st->id, d->time, collection,
                      (const struct cid *)(const void *)cids.p,
                      cids.n / sizeof(struct cid), e);
  }
  if (rc == 0 && (rc = cid_verify(&d->cid, d->block.p, d->block.n)) < 0 &&
      rc != ERR_HASH) {
    rc = err_set(e, rc, "not enough memory");
  }
  if (rc < 0) {
    buf_free(&d->block);
  }
  buf_free(&cids);
  return rc == ERR_HASH ? 0 : rc;
}

static int tell_parcel(struct mend *m, size_t at, struct err *e)
{
  struct damage *d = &m->found[at];
  struct buf name = {0};
  char text[CID_TEXT_SIZE + 1];
  int rc = collection_of(m, d->ref, &name, e);
  if (rc > 0 && d->named && m->job->st->id != NULL) {
    rc = sign_again(m, at, buf_span(&name), e);
  }
  if (rc >= 0 && d->block.n == 0) {
    m->parcels++;
    cid_text(text, &d->cid);
    job_fault(m->job, "parcel %s of %.*s was forgotten",
              d->named ? text : "(its name is damaged)", (int)name.n,
              (const char *)name.p);
  }
  m->signed_again += d->block.n > 0;
  buf_free(&name);
  return rc < 0 ? rc : 0;
}

/* ---- who wants a damaged block of a file ---- */

/* Links stand in what holds them byte for byte (see tell_links in view.c). */
static void note_links(struct mend *m, struct span block, uint64_t parent)
{
  for (size_t at = 0; at + CID_SIZE <= block.n; at++) {
    if (!cid_looks(block.p + at)) {
      continue;
    }
    for (size_t i = 0; i < m->n; i++) {
      const struct damage *d = &m->found[i];
      if (d->named && memcmp(d->cid.b, block.p + at, CID_SIZE) == 0) {
        change_add(m->change, IDX_MISSING, no_key, cid_order(&d->cid), parent);
      }
    }
  }
}

/* The next records with files or, after all of those, nodes of files. */
static int next_parents(struct mend *m, uint64_t *refs, struct err *e)
{
  struct store *store = m->job->st->store;
  int64_t sorts[WALK];
  int n;
  if (m->nodes) {
    n = store->ops->walk(store, m->ref, true, refs, WALK, e);
    m->ref = n > 0 ? refs[n - 1] : m->ref;
    return n;
  }
  n = store->ops->rows(store, IDX_FILES, no_key, m->sort, m->ref, false, sorts,
                       refs, WALK, e);
  if (n > 0) {
    m->sort = sorts[n - 1];
    m->ref = refs[n - 1];
  } else if (n == 0) {
    m->nodes = true;
    m->ref = 0;
  }
  return n;
}

static int note_wanted(struct mend *m, struct err *e)
{
  struct store *store = m->job->st->store;
  struct buf block = {0};
  uint64_t refs[WALK];
  bool nodes = m->nodes;
  int n = next_parents(m, refs, e), rc = 0;
  for (int i = 0; i < n && rc == 0; i++) {
    struct cid cid;
    buf_clear(&block);
    rc = store->ops->get_ref(store, refs[i], &cid, NULL, e);
    if (rc == 0 && (!nodes || cid_codec(&cid) == CID_DAG_PB) &&
        found_ref(m, refs[i]) == NULL &&
        (rc = store->ops->get_ref(store, refs[i], NULL, &block, e)) == 0) {
      note_links(m, buf_span(&block), refs[i]);
    }
    /* Another that is damaged: its own turn comes. */
    rc = rc == ERR_NOENT || rc == ERR_CORRUPT ? 0 : rc;
  }
  buf_free(&block);
  return rc < 0 || n < 0 ? (rc < 0 ? rc : n) : n > 0 || !nodes;
}

/* ---- forgetting ---- */

static int forget(struct mend *m, struct err *e)
{
  struct station *st = m->job->st;
  struct change *c = m->change;
  for (size_t i = 0; i < m->n; i++) {
    struct damage *d = &m->found[i];
    c->erase[c->erases++] = d->ref;
    if (!d->file) {
      change_forget_text(c, d->ref);
    }
    if (d->block.n > 0) {
      (void)change_block(c, &d->cid, buf_span(&d->block));
    }
  }
  c->erase_first = true;
  if (m->listed) {
    change_kv(c, station_rebuilding_key(), span_of("", 0));
  }
  int rc = change_commit(c, st, no_key, NULL, NULL, e);
  if (rc < 0) {
    return rc;
  }
  st->half_derived = st->half_derived || m->listed;
  station_forget_parcels(st);
  m->forgotten += m->n;
  for (size_t i = 0; i < m->n; i++) {
    buf_free(&m->found[i].block);
  }
  m->n = 0;
  m->sorted = m->nodes = m->listed = false;
  m->stage = MEND_TIMES;
  buf_clear(&m->lists);
  change_del(m->change);
  m->change = NULL;
  return 0;
}

static int begin(struct mend *m, struct err *e)
{
  qsort(m->found, m->n, sizeof m->found[0], by_ref);
  m->sorted = true;
  m->sort = INT64_MIN;
  m->ref = 0;
  m->at = 0;
  m->stage = m->listed ? MEND_TIMES : MEND_WANTED;
  m->change = change_new(m->job->st->analyser);
  return m->change == NULL ? err_set(e, ERR_NOMEM, "not enough memory") : 0;
}

static void next_stage(struct mend *m)
{
  m->stage++;
  m->sort = INT64_MIN;
  m->ref = 0;
}

int mend_step(struct mend *m, struct err *e)
{
  int rc = 0;
  if (m->n == 0) {
    return 0;
  }
  if (!m->sorted && (rc = begin(m, e)) < 0) {
    return rc;
  }
  switch (m->stage) {
  case MEND_TIMES:
    rc = page(m, IDX_PARCEL, take_time, e);
    break;
  case MEND_LISTS:
    rc = page(m, IDX_LISTED, take_list, e);
    break;
  case MEND_SIGN:
    rc = m->found[m->at].parcel ? tell_parcel(m, m->at, e) : 0;
    rc = rc < 0 ? rc : ++m->at < m->n;
    break;
  case MEND_WANTED: /* a rebuild sees to it, too */
    rc = m->listed ? 0 : note_wanted(m, e);
    break;
  case MEND_FORGET:
    return forget(m, e);
  default:
    CHECK(false);
  }
  if (rc == 0) {
    next_stage(m);
  }
  return rc < 0 ? rc : 1;
}

void mend_tell(const struct mend *m, struct job *j)
{
  job_num(j, "forgotten", (int64_t)m->forgotten);
  job_num(j, "parcels", (int64_t)m->parcels);
  job_num(j, "restored", (int64_t)m->signed_again);
}
