/* SPDX-License-Identifier: 0BSD */
#include "station/admit.h"

#include "base/check.h"
#include "base/mem.h"
#include "form/unixfs.h"
#include "station/fits.h"
#include "station/placing.h"
#include "station/quota.h"
#include "station/refused.h"
#include "station/sketches.h"
#include "station/wanting.h"
#include "station/way.h"

#include <stdlib.h>
#include <string.h>

#define UNINDEXED_KEY "search/after"

static const struct span no_key = {NULL, 0};
static const struct facets none;

/* ---- state kept in the store ---- */

struct span admit_unindexed_key(void)
{
  return span_of(UNINDEXED_KEY, sizeof UNINDEXED_KEY - 1);
}

int admit_set_unindexed(struct station *st, uint64_t after, struct err *e)
{
  uint8_t value[8];
  struct span key = admit_unindexed_key();
  for (int i = 0; i < 8; i++) {
    value[i] = (uint8_t)(after >> (56 - 8 * i));
  }
  struct store_pair pair = {
      key, after == UINT64_MAX ? no_key : span_of(value, sizeof value)};
  struct store_batch batch = {.kv = &pair, .kv_n = 1};
  int rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);
  if (rc == 0) {
    st->unindexed_after = after;
  }
  return rc;
}

static int load_unindexed(struct station *st, struct err *e)
{
  struct buf value = {0};
  struct span key = admit_unindexed_key();
  int rc = st->store->ops->kv_get(st->store, key, &value, e);
  st->unindexed_after = UINT64_MAX;
  if (rc == 0 && value.n == 8) {
    st->unindexed_after = 0;
    for (int i = 0; i < 8; i++) {
      st->unindexed_after = st->unindexed_after << 8 | value.p[i];
    }
  }
  buf_free(&value);
  return rc == ERR_NOENT ? 0 : rc;
}

/* ---- one parcel under way ---- */

struct work {
  struct station *st;
  struct change *c;
  struct listing by; /* the parcel as a listing; parcel_ref may be NEW */
  const struct parcel *view;
  struct cid cid[PARCEL_RECORDS_MAX];
  uint64_t ref[PARCEL_RECORDS_MAX]; /* in the store, 0: not */
  const struct admit_record *have[PARCEL_RECORDS_MAX]; /* at hand, or NULL */
  /* what the records withdraw */
  bool withdraws[PARCEL_RECORDS_MAX];
  struct cid target[PARCEL_RECORDS_MAX];
  size_t withdrawals;
  bool voice_withdraws; /* this voice has withdrawn something before */
  bool any_missing;     /* something here is asked for */
  bool any_refused;
  struct admit_counts counts;
};

/* A record at hand under its CID. */
struct at_hand {
  struct cid cid;
  const struct admit_record *record;
};

static int compare_at_hand(const void *a, const void *b)
{
  const struct at_hand *x = a, *y = b;
  return cid_compare(&x->cid, &y->cid);
}

static int match_sorted(struct work *w, const struct admit_parcel *in)
{
  struct at_hand *sorted = mem_resize(NULL, in->records, sizeof *sorted);
  if (sorted == NULL) {
    return ERR_NOMEM;
  }
  for (size_t i = 0; i < in->records; i++) {
    sorted[i].cid = in->record[i].cid;
    sorted[i].record = &in->record[i];
  }
  qsort(sorted, in->records, sizeof *sorted, compare_at_hand);
  for (size_t i = 0; i < w->view->count; i++) {
    struct at_hand want = {.cid = w->cid[i]}, *hit;
    hit = bsearch(&want, sorted, in->records, sizeof *sorted, compare_at_hand);
    w->have[i] = hit != NULL ? hit->record : NULL;
  }
  mem_free(sorted);
  return 0;
}

/* Join the records at hand with the parcel's list: mostly they come whole and
 * in its order. */
static int match_records(struct work *w, const struct admit_parcel *in)
{
  bool same = in->records == w->view->count;
  for (size_t i = 0; same && i < in->records; i++) {
    w->have[i] = &in->record[i];
    same = cid_equal(&in->record[i].cid, &w->cid[i]);
  }
  return same ? 0 : match_sorted(w, in);
}

static int any_row(struct station *st, enum idx name, struct span key,
                   bool *yes, struct err *e)
{
  int64_t sort;
  uint64_t ref;
  int n = st->store->ops->rows(st->store, (uint8_t)name, key, INT64_MIN, 0,
                               false, &sort, &ref, 1, e);
  *yes = n > 0;
  return n < 0 ? n : 0;
}

static int prepare(struct work *w, struct station *st,
                   const struct parcel *view, const struct cid *cid,
                   struct err *e)
{
  int rc;
  w->st = st;
  w->view = view;
  listing_of(&w->by, 0, cid, view);
  for (size_t i = 0; i < view->count; i++) {
    parcel_record(view, i, &w->cid[i]);
  }
  rc = withdraws_any(st, view->author, view->collection, e);
  w->voice_withdraws = rc > 0;
  if (rc < 0 ||
      (rc = any_row(st, IDX_MISSING, no_key, &w->any_missing, e)) < 0 ||
      (rc = st->store->ops->find(st->store, w->cid, view->count, w->ref, e)) <
          0) {
    return rc;
  }
  rc = refused_any(st, e);
  w->any_refused = rc > 0;
  return rc < 0 ? rc : 0;
}

/* Does one of the first ${n} records take this back? */
static bool taken_here(const struct work *w, size_t n, const struct cid *cid)
{
  for (size_t t = 0; w->withdrawals > 0 && t < n; t++) {
    if (w->withdraws[t] && cid_equal(&w->target[t], cid)) {
      return true;
    }
  }
  return false;
}

/* 1 when this voice took the record back, now or before. */
static int taken_back(struct work *w, size_t i, struct err *e)
{
  if (taken_here(w, w->view->count, &w->cid[i])) {
    return 1;
  }
  if (!w->voice_withdraws) {
    return 0;
  }
  return withdrawn(w->st, &w->cid[i], w->by.author, listing_collection(&w->by),
                   e);
}

/* What the pair costs its author. */
static int charge(struct work *w, const struct listing *by,
                  const struct record *rec, struct err *e)
{
  int64_t cost = 0;
  if (!w->st->room.counted) {
    return 0;
  }
  int rc = quota_record_cost(w->st, rec, listing_collection(by), &cost, e);
  return rc < 0 ? rc : quota_charge(w->st, w->c, by, cost, e);
}

/* One listing more. */
static int list_once(struct work *w, const struct admit_record *in,
                     uint64_t ref, const struct listing *by,
                     struct facets *facets)
{
  int rc = facets_add(facets, by);
  if (rc == 0) {
    rc = place_pair(w->c, PLACE_ADD, by, &in->rec, ref);
  }
  return rc < 0 || facets->listings <= LISTINGS_MAX
             ? rc
             : place_beyond(w->c, PLACE_ADD, by, &in->cid);
}

/* Other parcels that ask for this record get their pair too. */
static int settle_others(struct work *w, const struct admit_record *in,
                         uint64_t ref, struct facets *facets, struct err *e)
{
  const struct cached_parcel *p;
  uint64_t at = 0;
  int rc;
  while ((rc = next_asking(w->st, &in->cid, &at, &p, e)) > 0) {
    struct listing by;
    listing_of(&by, at, &p->cid, &p->view);
    if ((rc = list_once(w, in, ref, &by, facets)) < 0) {
      return err_set(e, rc, "not enough memory");
    }
    if ((rc = charge(w, &by, &in->rec, e)) < 0) {
      return rc;
    }
    change_drop(w->c, IDX_MISSING, no_key, cid_order(&in->cid), at);
  }
  return rc;
}

/* A withdrawal that was missing is their word who listed it, too. */
static int waiting_voices(struct station *st, const struct cid *withdrawal,
                          struct buf *voices, struct err *e)
{
  const struct cached_parcel *p;
  uint64_t at = 0;
  int rc;
  while ((rc = next_asking(st, withdrawal, &at, &p, e)) > 0) {
    rc = voices_add(voices, p->view.collection, p->view.author);
    if (rc < 0) {
      return err_set(e, rc, "not enough memory");
    }
  }
  return rc;
}

/* Give a record that is at hand its rows under the parcel of ${w}.
 * ${before}: facets of its document so far. */
static int place(struct work *w, const struct admit_record *in, uint64_t ref,
                 const struct facets *before, struct err *e)
{
  struct facets after = {.listings = 0};
  int rc = facets_copy(&after, before);
  if (rc < 0) {
    rc = err_set(e, rc, "not enough memory");
    goto done;
  }
  /* Those came before this parcel. */
  if (w->any_missing && (rc = settle_others(w, in, ref, &after, e)) < 0) {
    goto done;
  }
  if ((rc = list_once(w, in, ref, &w->by, &after)) < 0) {
    rc = err_set(e, rc, "not enough memory");
    goto done;
  }
  if ((rc = charge(w, &w->by, &in->rec, e)) < 0 ||
      (rc = place_doc(w->st, w->c, ref, &in->rec, before, &after, e)) < 0) {
    goto done;
  }
  if (before->listings == 0 && in->rec.files.n > 0) {
    rc = place_files(w->st, w->c, PLACE_ADD, &in->rec, ref, e);
  }

done:
  facets_free(&after);
  return rc;
}

/* A listed record that is in the store: from there. */
static int place_stored(struct work *w, size_t i, struct err *e)
{
  struct buf block = {0};
  struct facets before = {0};
  struct admit_record in = {.cid = w->cid[i]};
  int rc = w->st->store->ops->get_ref(w->st->store, w->ref[i], NULL, &block, e);
  if (rc < 0 || parcel_looks(buf_span(&block))) {
    goto done; /* who lists a parcel as a record lists nothing */
  }
  if ((rc = record_read(&in.rec, buf_span(&block), e)) == 0 &&
      (rc = listing_facets(w->st, w->ref[i], &before, e)) == 0) {
    rc = place(w, &in, w->ref[i], &before, e);
  }

done:
  buf_free(&block);
  facets_free(&before);
  return rc;
}

static int place_missing(struct work *w, size_t i, struct err *e)
{
  if (w->any_refused) {
    int refused = refused_before(w->st, &w->cid[i], e);
    if (refused != 0) {
      return refused < 0 ? refused : 0;
    }
  }
  change_add(w->c, IDX_MISSING, no_key, cid_order(&w->cid[i]),
             w->by.parcel_ref);
  return 0;
}

/* What the i-th record withdraws: 1 and ${target}, or 0. */
static int withdraws(struct work *w, size_t i, struct cid *target,
                     struct err *e)
{
  const struct admit_record *in = w->have[i];
  struct buf block = {0};
  struct record rec;
  int rc = 0;
  if (in != NULL) {
    *target = in->rec.about;
    return in->rec.kind == RECORD_WITHDRAW;
  }
  if (w->ref[i] == 0) {
    return 0;
  }
  rc = w->st->store->ops->get_ref(w->st->store, w->ref[i], NULL, &block, e);
  if (rc == 0 && !parcel_looks(buf_span(&block)) &&
      (rc = record_read(&rec, buf_span(&block), e)) == 0) {
    *target = rec.about;
    rc = rec.kind == RECORD_WITHDRAW;
  }
  buf_free(&block);
  return rc;
}

/* Take back what the i-th record and those after it with the same target do:
 * for this parcel's voice, and for those that waited for them. */
static int take_back(struct work *w, size_t i, struct err *e)
{
  struct buf voices = {0};
  int rc = voices_add(&voices, listing_collection(&w->by), w->by.author);
  if (rc < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  for (size_t k = i; w->any_missing && rc == 0 && k < w->view->count; k++) {
    if (w->withdraws[k] && cid_equal(&w->target[k], &w->target[i])) {
      rc = waiting_voices(w->st, &w->cid[k], &voices, e);
    }
  }
  if (rc == 0) {
    rc = place_withdrawal(w->st, w->c, &w->target[i], buf_span(&voices), e);
    w->counts.withdrawn += rc > 0;
  }
  buf_free(&voices);
  return rc < 0 ? rc : 0;
}

/* Withdrawals first: what they take back in this very parcel never enters. */
static int note_withdrawals(struct work *w, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc >= 0 && i < w->view->count; i++) {
    rc = withdraws(w, i, &w->target[i], e);
    w->withdraws[i] = rc > 0;
    w->withdrawals += rc > 0;
  }
  for (size_t i = 0; rc >= 0 && w->withdrawals > 0 && i < w->view->count; i++) {
    if (w->withdraws[i] && !taken_here(w, i, &w->target[i])) {
      rc = take_back(w, i, e);
    }
  }
  return rc < 0 ? rc : 0;
}

static int place_all(struct work *w, struct err *e)
{
  for (size_t i = 0; i < w->view->count; i++) {
    const struct admit_record *in = w->have[i];
    /* A withdrawal stands, also when one that is about it came first. */
    int rc = w->withdraws[i] ? 0 : taken_back(w, i, e);
    if (rc > 0) {
      continue;
    }
    if (rc == 0 && w->ref[i] != 0) {
      rc = place_stored(w, i, e);
      w->counts.known++;
    } else if (rc == 0 && in != NULL) {
      uint64_t ref = change_block(w->c, &in->cid, in->rec.bytes);
      rc = place(w, in, ref, &none, e);
      w->counts.added++;
      w->counts.bytes += in->rec.bytes.n;
    } else if (rc == 0) {
      rc = place_missing(w, i, e);
    }
    if (rc < 0) {
      return rc;
    }
  }
  return 0;
}

static void add_counts(struct admit_counts *to, const struct admit_counts *n)
{
  to->added += n->added;
  to->parcels += n->parcels;
  to->known += n->known;
  to->files += n->files;
  to->bytes += n->bytes;
  to->withdrawn += n->withdrawn;
  to->held += n->held;
}

/* Entering "index later": what was stored up to here is indexed, what comes
 * after is not. One more commit, once. */
static int begin_later(struct station *st, const uint64_t *numbers, size_t n,
                       struct err *e)
{
  uint64_t most = 0;
  if (!st->index_later || st->unindexed_after != UINT64_MAX) {
    return 0;
  }
  for (size_t i = 0; i < n; i++) {
    most = numbers[i] > most ? numbers[i] : most;
  }
  return admit_set_unindexed(st, most, e);
}

static int finish(struct work *w, struct err *e)
{
  uint64_t numbers[STORE_BATCH_MAX];
  int rc =
      change_commit(w->c, w->st, listing_collection(&w->by), numbers, NULL, e);
  return rc < 0 ? rc : begin_later(w->st, numbers, w->c->blocks, e);
}

/* NULL: no memory, and ${e} says so. */
static struct work *work_new(struct station *st, struct err *e)
{
  struct work *w = mem_zero(sizeof *w);
  if (w == NULL || (w->c = change_new(st->analyser)) == NULL) {
    mem_free(w);
    (void)err_set(e, ERR_NOMEM, "not enough memory");
    return NULL;
  }
  return w;
}

static void work_del(struct work *w)
{
  change_del(w->c);
  mem_free(w);
}

/* Nobody need wait for this parcel as for a record: it is none. */
static int drop_misnotes(struct work *w, const struct cid *cid, struct err *e)
{
  const struct cached_parcel *p;
  uint64_t ref = 0;
  int rc = 0;
  while (w->any_missing && (rc = next_asking(w->st, cid, &ref, &p, e)) > 0) {
    change_drop(w->c, IDX_MISSING, no_key, cid_order(cid), ref);
  }
  return rc;
}

static int admit_new_parcel(struct station *st, const struct admit_parcel *in,
                            struct admit_counts *counts, struct err *e)
{
  int rc;
  struct work *w = work_new(st, e);
  if (w == NULL) {
    return ERR_NOMEM;
  }
  if ((rc = refused_note(st, in->refused, in->refused_n, e)) < 0 ||
      (rc = prepare(w, st, &in->view, &in->cid, e)) < 0) {
    goto done;
  }
  if ((rc = match_records(w, in)) < 0) {
    rc = err_set(e, rc, "not enough memory");
    goto done;
  }
  w->by.parcel_ref = change_block(w->c, &in->cid, in->view.bytes);
  w->c->log[w->c->logs++] = w->by.parcel_ref;
  change_add(w->c, IDX_PARCEL, no_key, in->view.time, w->by.parcel_ref);
  w->counts.parcels = 1;
  w->counts.bytes = in->view.bytes.n;
  if ((rc = quota_charge(st, w->c, &w->by, quota_cost(in->view.bytes.n), e)) <
          0 ||
      (rc = drop_misnotes(w, &in->cid, e)) < 0 ||
      (rc = note_withdrawals(w, e)) < 0 || (rc = place_all(w, e)) < 0 ||
      (rc = finish(w, e)) < 0) {
    goto done;
  }
  add_counts(counts, &w->counts);
  sketches_note(st, in->view.collection);

done:
  work_del(w);
  return rc;
}

/* What came of a parcel that is here. Where one has no room, another may. */
static int admit_rest(struct station *st, const struct admit_parcel *in,
                      struct admit_counts *counts, struct err *e)
{
  int rc = 0, full = 0;
  for (size_t i = 0; rc == 0 && i < in->records; i++) {
    rc = admit_record(st, &in->record[i], counts, e);
    if (rc == ERR_QUOTA) {
      full = rc;
      rc = 0;
    }
  }
  if (rc == 0) {
    rc = refused_note(st, in->refused, in->refused_n, e);
  }
  return rc < 0 ? rc : full;
}

int admit_parcel(struct station *st, const struct admit_parcel *in,
                 struct admit_counts *counts, struct err *e)
{
  uint64_t here;
  int rc = st->store->ops->find(st->store, &in->cid, 1, &here, e);
  if (rc < 0 || (here == 0 && (rc = fits_parcel(st, in, e)) < 0)) {
    return rc;
  }
  if (admit_is_ahead(st, &in->view)) {
    rc = refused_note(st, in->refused, in->refused_n, e);
    return rc < 0 ? rc : admit_hold(st, in, counts, e);
  }
  if (here == 0) {
    return admit_new_parcel(st, in, counts, e);
  }
  counts->known++;
  return admit_rest(st, in, counts, e);
}

/* ---- a record that was missing ---- */

int admit_record(struct station *st, const struct admit_record *in,
                 struct admit_counts *counts, struct err *e)
{
  struct facets facets = {0};
  struct buf voices = {0};
  uint64_t here;
  int rc = st->store->ops->find(st->store, &in->cid, 1, &here, e);
  if (rc < 0 || here != 0) {
    counts->known += rc == 0;
    return rc;
  }
  if ((rc = fits_record(st, in, e)) < 0) {
    return rc;
  }
  struct work *w = work_new(st, e);
  if (w == NULL) {
    return ERR_NOMEM;
  }
  w->st = st;
  uint64_t ref = change_block(w->c, &in->cid, in->rec.bytes);
  if ((rc = settle_others(w, in, ref, &facets, e)) < 0 ||
      facets.listings == 0) {
    goto done;
  }
  if ((rc = place_doc(st, w->c, ref, &in->rec, &none, &facets, e)) < 0) {
    goto done;
  }
  if (in->rec.kind == RECORD_WITHDRAW) {
    if ((rc = waiting_voices(st, &in->cid, &voices, e)) < 0 ||
        (rc = place_withdrawal(st, w->c, &in->rec.about, buf_span(&voices),
                               e)) < 0) {
      goto done;
    }
    w->counts.withdrawn = (uint64_t)rc;
  }
  if ((rc = place_files(st, w->c, PLACE_ADD, &in->rec, ref, e)) == 0 &&
      (rc = finish(w, e)) == 0) {
    w->counts.added = 1;
    w->counts.bytes = in->rec.bytes.n;
    add_counts(counts, &w->counts);
  }

done:
  facets_free(&facets);
  buf_free(&voices);
  work_del(w);
  return rc;
}

/* ---- files ---- */

int admit_asked_by(struct station *st, const struct cid *cid,
                   struct cid *parcel, struct buf *bytes, struct err *e)
{
  const struct cached_parcel *p;
  uint64_t ref = 0;
  int rc = next_asking(st, cid, &ref, &p, e);
  if (rc <= 0) {
    return rc;
  }
  if ((rc = buf_put(bytes, p->bytes.p, p->bytes.n)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  *parcel = p->cid;
  return 1;
}

int admit_wants(struct station *st, const struct cid *cid, struct err *e)
{
  const struct cached_parcel *p;
  struct wanting how;
  uint64_t ref = 0;
  int rc;
  if (cid_codec(cid) == CID_DAG_CBOR) {
    rc = next_asking(st, cid, &ref, &p, e);
    return rc > 0 ? WANT_RECORD : rc;
  }
  while ((rc = next_at(st, IDX_MISSING, no_key, cid_order(cid), &ref, e)) > 0) {
    struct cid parent;
    rc = st->store->ops->get_ref(st->store, ref, &parent, NULL, e);
    if (rc == ERR_NOENT) {
      continue; /* its parent was swept meanwhile */
    }
    if (rc == 0) {
      rc = cid_codec(&parent) == CID_DAG_PB
               ? 1
               : wanting_file(st, ref, cid, &how, e);
    }
    if (rc != 0) {
      return rc < 0 ? rc : WANT_FILE;
    }
  }
  return rc < 0 ? rc : WANT_NONE;
}

static int note_children(struct station *st, struct change *c,
                         struct span node_bytes, uint64_t ref, struct err *e)
{
  struct unixfs_node node;
  struct unixfs_links it = {0};
  struct unixfs_link link;
  int rc = unixfs_read(&node, node_bytes, e);
  while (rc == 0 && unixfs_link_next(&node, &it, &link)) {
    uint64_t here;
    rc = st->store->ops->find(st->store, &link.cid, 1, &here, e);
    if (rc == 0 && here == 0) {
      change_add(c, IDX_MISSING, no_key, cid_order(&link.cid), ref);
    }
  }
  return rc;
}

/* Those of parcels stay: they ask for a record of the same digest. */
static int drop_notes(struct station *st, struct change *c,
                      const struct cid *cid, struct err *e)
{
  int64_t sort = cid_order(cid);
  uint64_t ref = 0;
  int rc;
  while ((rc = next_at(st, IDX_MISSING, no_key, sort, &ref, e)) > 0) {
    const struct cached_parcel *p;
    struct cid parent;
    rc = st->store->ops->get_ref(st->store, ref, &parent, NULL, e);
    if (rc == 0 && cid_codec(&parent) != CID_DAG_PB) {
      rc = station_parcel(st, ref, &p, e);
    } else if (rc == 0) {
      rc = ERR_CORRUPT; /* a node: no parcel */
    }
    if (rc == ERR_CORRUPT || rc == ERR_NOENT) {
      change_drop(c, IDX_MISSING, no_key, sort, ref);
    } else if (rc < 0) {
      return rc;
    }
  }
  return rc;
}

/* By which way they come is noted before, as there is no pair in a put. */
static int note_way(struct station *st, struct err *e)
{
  uint8_t key[WAY_KEY_SIZE];
  struct store_pair pair;
  struct store_batch batch = {.kv = &pair, .kv_n = 1};
  int rc = way_note(st, true, key, &pair, e);
  if (rc > 0 &&
      (rc = st->store->ops->append(st->store, &batch, NULL, NULL, e)) == 0) {
    way_noted(st, true);
  }
  return rc;
}

int admit_files(struct station *st, const struct store_block *block, size_t n,
                struct admit_counts *counts, struct err *e)
{
  uint64_t numbers[STORE_BATCH_MAX];
  bool fresh[STORE_BATCH_MAX], any = false;
  CHECK(n <= STORE_BATCH_MAX);
  struct change *c = change_new(st->analyser);
  int rc = c == NULL ? err_set(e, ERR_NOMEM, "not enough memory") : 0;
  /* The blocks first, then their notes. A crash in between leaves notes that
   * ask for a block that is here, and none of its children: that is settled
   * when the block comes again, or when station_missing (which every unpacking
   * and every slip ask) or a rebuild meets it. */
  if (rc < 0 || (rc = note_way(st, e)) < 0 ||
      (rc = st->store->ops->put(st->store, block, n, true, numbers, fresh, e)) <
          0 ||
      (rc = any_row(st, IDX_MISSING, no_key, &any, e)) < 0) {
    goto done;
  }
  for (size_t i = 0; i < n; i++) {
    if (any && (rc = drop_notes(st, c, &block[i].cid, e)) < 0) {
      goto done;
    }
    if (cid_codec(&block[i].cid) == CID_DAG_PB &&
        (rc = note_children(st, c, block[i].bytes, numbers[i], e)) < 0) {
      goto done;
    }
    counts->files += fresh[i];
    counts->known += !fresh[i];
    counts->bytes += fresh[i] ? block[i].bytes.n : 0;
  }
  if (c->add.n + c->drop.n > 0) {
    rc = change_commit(c, st, no_key, NULL, NULL, e);
  }

done:
  change_del(c);
  return rc;
}

int admit_settle(struct station *st, const struct cid *cid, uint64_t ref,
                 struct err *e)
{
  struct buf block = {0};
  struct change *c = change_new(st->analyser);
  int rc = c == NULL ? err_set(e, ERR_NOMEM, "not enough memory") : 0;
  if (rc < 0 || (rc = drop_notes(st, c, cid, e)) < 0) {
    goto done;
  }
  if (cid_codec(cid) == CID_DAG_PB &&
      ((rc = st->store->ops->get_ref(st->store, ref, NULL, &block, e)) < 0 ||
       (rc = note_children(st, c, buf_span(&block), ref, e)) < 0)) {
    goto done;
  }
  if (c->add.n + c->drop.n > 0) {
    rc = change_commit(c, st, no_key, NULL, NULL, e);
  }

done:
  buf_free(&block);
  change_del(c);
  return rc;
}

/* ---- derive again ---- */

int admit_again(struct station *st, uint64_t ref, struct admit_counts *counts,
                struct err *e)
{
  struct buf block = {0};
  struct parcel view;
  struct cid cid;
  int rc;
  struct work *w = work_new(st, e);
  if (w == NULL) {
    return ERR_NOMEM;
  }
  if ((rc = st->store->ops->get_ref(st->store, ref, &cid, &block, e)) < 0 ||
      (rc = parcel_read(&view, buf_span(&block), e)) < 0 ||
      (rc = prepare(w, st, &view, &cid, e)) < 0) {
    goto done;
  }
  w->c->keep_blocks = true;
  w->by.parcel_ref = ref;
  w->c->log[w->c->logs++] = ref;
  change_add(w->c, IDX_PARCEL, no_key, view.time, ref);
  if ((rc = quota_charge(st, w->c, &w->by, quota_cost(view.bytes.n), e)) < 0 ||
      (rc = note_withdrawals(w, e)) < 0 || (rc = place_all(w, e)) < 0 ||
      (rc = change_commit(w->c, st, view.collection, NULL, NULL, e)) < 0) {
    goto done;
  }
  counts->parcels++;
  counts->added += w->counts.known;

done:
  work_del(w);
  buf_free(&block);
  return rc;
}

int admit_node_again(struct station *st, uint64_t ref, struct err *e)
{
  struct buf block = {0};
  struct cid cid;
  struct change *c = change_new(st->analyser);
  int rc = c == NULL ? err_set(e, ERR_NOMEM, "not enough memory") : 0;
  if (rc == 0 &&
      (rc = st->store->ops->get_ref(st->store, ref, &cid, NULL, e)) == 0 &&
      cid_codec(&cid) == CID_DAG_PB &&
      (rc = st->store->ops->get_ref(st->store, ref, NULL, &block, e)) == 0 &&
      (rc = note_children(st, c, buf_span(&block), ref, e)) == 0 &&
      c->add.n > 0) {
    rc = change_commit(c, st, no_key, NULL, NULL, e);
  }
  buf_free(&block);
  change_del(c);
  return rc;
}

int admit_load_state(struct station *st, struct err *e)
{
  int rc = load_unindexed(st, e);
  rc = rc < 0 ? rc : quota_load(st, e);
  return rc < 0 ? rc : held_load(st, e);
}
