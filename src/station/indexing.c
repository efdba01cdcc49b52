/* SPDX-License-Identifier: 0BSD */
/* The search index made afterwards, and made anew when it is of another
 * version: a page of records at a time, while everything else goes on. */
#include "base/mem.h"
#include "station/admit.h"
#include "station/document.h"
#include "station/placing.h"
#include "station/station.h"

#include <stdio.h>
#include <string.h>

#define PAGE 256

/* Which version the index is of. */
static struct span made_by_key(void)
{
  static const char name[] = "search/version";
  return span_of(name, sizeof name - 1);
}

/* There while it is made anew. */
static struct span again_key(void)
{
  static const char name[] = "search/again";
  return span_of(name, sizeof name - 1);
}

struct indexing {
  struct job job;
  struct change *change;
  uint64_t records;
};

/* The rows of one listing as today's version has them. */
static int renew_listing(struct change *c, const struct listing *by, size_t nth,
                         const struct cid *cid, const struct record *rec,
                         uint64_t ref)
{
  uint8_t voice[CHANGE_KEY_MAX];
  int rc = place_pair(c, PLACE_ADD, by, rec, ref);
  if (rc == 0 && nth > LISTINGS_MAX) {
    rc = place_beyond(c, PLACE_ADD, by, cid);
  }
  if (rc == 0 && rec->kind == RECORD_WITHDRAW &&
      (rc = author_key(voice, listing_collection(by), by->author)) == 0) {
    change_drop(c, IDX_WITHDRAWER, span_of(voice, sizeof voice), 0, ref);
  }
  return rc;
}

static int renew_rows(struct station *st, struct change *c, uint64_t ref,
                      const struct cid *cid, const struct record *rec,
                      struct err *e)
{
  const struct cached_parcel *p;
  uint64_t at = 0;
  size_t nth = 0;
  int rc;
  while ((rc = next_at(st, IDX_LISTED, span_of(NULL, 0), (int64_t)ref, &at,
                       e)) > 0) {
    struct listing by;
    if ((rc = station_parcel(st, at, &p, e)) < 0) {
      return rc;
    }
    listing_of(&by, at, &p->cid, &p->view);
    if ((rc = renew_listing(c, &by, ++nth, cid, rec, ref)) < 0) {
      return err_set(e, rc, "not enough memory");
    }
  }
  return rc;
}

/* Document of one record, when it is a listed one. */
static int index_one(struct station *st, struct change *c, uint64_t ref,
                     struct buf *block, struct err *e)
{
  struct facets facets = {0};
  struct record rec;
  struct cid cid;
  buf_clear(block);
  int rc = st->store->ops->get_ref(st->store, ref, &cid, block, e);
  if (rc < 0 || parcel_looks(buf_span(block))) {
    return rc;
  }
  if ((rc = record_read(&rec, buf_span(block), e)) == 0 && st->index_again) {
    rc = renew_rows(st, c, ref, &cid, &rec, e);
  }
  if (rc == 0 && (rc = listing_facets(st, ref, &facets, e)) == 0 &&
      facets.listings > 0) {
    rc = place_new_doc(st, c, ref, &rec, &facets, e);
  }
  facets_free(&facets);
  return rc;
}

int indexing_document(struct station *st, struct change *c, uint64_t ref,
                      struct err *e)
{
  struct buf block = {0};
  int rc = index_one(st, c, ref, &block, e);
  buf_free(&block);
  return rc < 0 ? rc : 0;
}

static void put_number(uint8_t out[8], uint64_t v)
{
  for (int i = 0; i < 8; i++) {
    out[i] = (uint8_t)(v >> (56 - 8 * i));
  }
}

/* A page of documents and the mark of how far we are, in one change. How many
 * blocks were looked at: 0 at the end. */
static int index_page(struct station *st, struct change *c, uint64_t *records,
                      struct err *e)
{
  uint64_t refs[PAGE], last = st->unindexed_after;
  struct buf block = {0};
  uint8_t mark[8];
  int rc = 0;
  int n = st->store->ops->walk(st->store, last, false, refs, PAGE, e);
  change_clear(c);
  for (int i = 0; i < n && rc == 0; i++) {
    rc = index_one(st, c, refs[i], &block, e);
    last = refs[i];
  }
  buf_free(&block);
  if (n <= 0 || rc < 0) {
    return n < 0 ? n : rc;
  }
  put_number(mark, last);
  change_kv(c, admit_unindexed_key(), span_of(mark, sizeof mark));
  rc = change_commit(c, st, span_of(NULL, 0), NULL, NULL, e);
  if (rc == 0) {
    st->unindexed_after = last;
    *records += c->docs.n;
  }
  return rc < 0 ? rc : n;
}

/* All are there. */
static int indexing_done(struct station *st, struct err *e)
{
  struct store_pair pair[2] = {{admit_unindexed_key(), {NULL, 0}},
                               {again_key(), {NULL, 0}}};
  struct store_batch batch = {.kv = pair, .kv_n = 2};
  int rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);
  if (rc == 0) {
    st->unindexed_after = UINT64_MAX;
    st->index_again = false;
  }
  return rc;
}

static int index_step(struct job *j, struct err *e)
{
  struct indexing *x = (struct indexing *)j;
  struct store *store = j->st->store;
  int rc = 0;
  if (j->st->unindexed_after != UINT64_MAX) {
    rc = index_page(j->st, x->change, &x->records, e);
    x->job.done += rc > 0 ? (uint64_t)rc : 0;
    if (rc == 0) {
      rc = indexing_done(j->st, e);
    }
    return rc < 0 ? rc : JOB_MORE;
  }
  if ((rc = store->ops->tidy(store, true, e)) != 0) {
    return rc < 0 ? rc : JOB_MORE;
  }
  j->total = j->done;
  job_num(j, "records", (int64_t)x->records);
  return JOB_DONE;
}

static void index_clean(struct job *j)
{
  change_del(((struct indexing *)j)->change);
}

int station_index(struct job **out, struct station *st, struct err *e)
{
  static const struct job_ops ops = {index_step, index_clean};
  struct store_stats stats;
  int rc;
  if ((rc = station_writable(st, e)) < 0 || (rc = station_refresh(st, e)) < 0 ||
      (rc = st->store->ops->stats(st->store, &stats, e)) < 0) {
    return rc;
  }
  struct indexing *x = mem_zero(sizeof *x);
  if (x == NULL || (x->change = change_new(st->analyser)) == NULL) {
    mem_free(x);
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  job_init(&x->job, st, &ops);
  x->job.total = stats.blocks;
  *out = &x->job;
  return 0;
}

/* ---- versions ---- */

static int kv_is(struct station *st, struct span key, const char *want,
                 bool *there, bool *equal, struct err *e)
{
  struct buf value = {0};
  int rc = st->store->ops->kv_get(st->store, key, &value, e);
  *there = rc == 0;
  *equal = rc == 0 && span_is(buf_span(&value), want);
  buf_free(&value);
  return rc == ERR_NOENT ? 0 : rc;
}

/* Drop what is of another version; all is to be indexed again. */
static int start_again(struct station *st, const char *version, bool empty,
                       struct err *e)
{
  static const uint8_t none[8] = {0};
  struct store_pair pair[3] = {
      {made_by_key(), span_of(version, strlen(version))},
      {admit_unindexed_key(), span_of(none, sizeof none)},
      {again_key(), span_of("", 0)}};
  struct store_batch batch = {.kv = pair, .kv_n = empty ? 1 : 3};
  int rc = empty ? 0 : st->store->ops->search_reset(st->store, e);
  if (rc == 0) {
    rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);
  }
  if (rc == 0 && !empty) {
    st->unindexed_after = 0;
    st->index_again = true;
  }
  return rc;
}

int indexing_check(struct station *st, struct err *e)
{
  char version[32];
  bool there, current, again;
  uint64_t first;
  (void)snprintf(version, sizeof version, "%d.%d", DOCUMENT_VERSION,
                 WORDS_VERSION);
  int rc = kv_is(st, made_by_key(), version, &there, &current, e);
  if (rc == 0) {
    rc = kv_is(st, again_key(), "", &st->index_again, &again, e);
  }
  if (rc < 0 || current || st->readonly) {
    return rc;
  }
  int n = st->store->ops->walk(st->store, 0, false, &first, 1, e);
  return n < 0 ? n : start_again(st, version, n == 0, e);
}

int indexing_slice(struct station *st, struct err *e)
{
  uint64_t records = 0;
  if (!st->index_again || st->readonly || st->half_derived) {
    return 0;
  }
  struct change *c = change_new(st->analyser);
  int rc = c == NULL ? err_set(e, ERR_NOMEM, "not enough memory")
                     : index_page(st, c, &records, e);
  if (rc == 0) {
    rc = indexing_done(st, e);
  }
  change_del(c);
  return rc < 0 ? rc : 0;
}
