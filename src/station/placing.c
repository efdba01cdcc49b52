/* SPDX-License-Identifier: 0BSD */
#include "station/placing.h"

#include "base/check.h"
#include "station/quota.h"
#include "station/texts.h"

#include <string.h>

static void put_row(struct change *c, enum place_how how, enum idx name,
                    struct span key, int64_t sort, uint64_t ref)
{
  if (how == PLACE_ADD) {
    change_add(c, name, key, sort, ref);
  } else {
    change_drop(c, name, key, sort, ref);
  }
}

static bool urgent(const struct record *rec)
{
  return rec->kind != RECORD_PLAIN || rec->corrects;
}

/* A record about another, which is no withdrawal: by what it is about, and by
 * who says it. */
static int place_about(struct change *c, enum place_how how,
                       const struct listing *by, const struct record *rec,
                       uint64_t ref)
{
  uint8_t key[CHANGE_KEY_MAX];
  struct span both = span_of(key, sizeof key);
  int rc = label_key(key, by->author, &rec->about);
  if (rc < 0) {
    return rc;
  }
  put_row(c, how, IDX_ABOUT, cid_key(&rec->about), by->time, ref);
  put_row(c, how, IDX_SPEAKER, both, by->time, ref);
  if (rec->kind == RECORD_LABEL) {
    put_row(c, how, IDX_LABELLER, both, by->time, ref);
  }
  return 0;
}

int place_pair(struct change *c, enum place_how how, const struct listing *by,
               const struct record *rec, uint64_t ref)
{
  struct span collection = listing_collection(by);
  uint8_t key[CHANGE_KEY_MAX];
  int rc;
  if (how == PLACE_ADD) {
    change_add_listed(c, ref, by->parcel_ref);
  } else {
    change_drop(c, IDX_LISTED, span_of(NULL, 0), (int64_t)ref, by->parcel_ref);
  }
  if (rec->kind == RECORD_PLAIN) {
    if ((rc = coll_key(key, collection)) < 0) {
      return rc;
    }
    put_row(c, how, IDX_TIME, span_of(key, COLL_KEY_SIZE), by->time, ref);
  }
  if (rec->key.n > 0) {
    if ((rc = version_key(key, collection, by->author, rec->key)) < 0) {
      return rc;
    }
    put_row(c, how, IDX_VERSION, span_of(key, sizeof key), by->time, ref);
  }
  if (rec->kind == RECORD_WITHDRAW) {
    if ((rc = author_key(key, collection, by->author)) < 0) {
      return rc;
    }
    put_row(c, how, IDX_WITHDRAWER, span_of(key, sizeof key),
            cid_order(&rec->about), ref);
    put_row(c, how, IDX_WITHDRAW, cid_key(&rec->about), by->time, ref);
  } else if (rec->has_about && (rc = place_about(c, how, by, rec, ref)) < 0) {
    return rc;
  }
  if (rec->files.n > 0) {
    put_row(c, how, IDX_FILES, span_of(NULL, 0), by->time, ref);
  }
  if (urgent(rec)) {
    put_row(c, how, IDX_URGENT, span_of(NULL, 0), by->time, ref);
  }
  return 0;
}

int place_beyond(struct change *c, enum place_how how, const struct listing *by,
                 const struct cid *record)
{
  uint8_t author[CHANGE_KEY_MAX], collection[CHANGE_KEY_MAX];
  int rc = label_key(author, by->author, record);
  if (rc == 0) {
    rc = placed_key(collection, listing_collection(by), record);
  }
  if (rc == 0) {
    put_row(c, how, IDX_BEYOND, span_of(author, sizeof author), by->time,
            by->parcel_ref);
    put_row(c, how, IDX_BEYOND, span_of(collection, sizeof collection),
            by->time, by->parcel_ref);
  }
  return rc;
}

int place_files(struct station *st, struct change *c, enum place_how how,
                const struct record *rec, uint64_t ref, struct err *e)
{
  struct record_files it = {0};
  struct record_file file;
  while (record_file_next(&it, rec->files, &file)) {
    uint64_t here = 0;
    if (how == PLACE_ADD) {
      int rc = st->store->ops->find(st->store, &file.data, 1, &here, e);
      if (rc < 0) {
        return rc;
      }
    }
    if (here == 0) {
      put_row(c, how, IDX_MISSING, span_of(NULL, 0), cid_order(&file.data),
              ref);
    }
  }
  return 0;
}

int place_new_doc(struct station *st, struct change *c, uint64_t ref,
                  const struct record *rec, const struct facets *facets,
                  struct err *e)
{
  bool fresh = (ref & STORE_NEW(0)) != 0;
  struct file_text text = {0};
  int rc = !fresh && file_text_fits(rec) ? file_text_get(st, ref, &text, e) : 0;
  if (rc == 0) {
    change_doc(c, ref, rec, buf_span(&text.text), facets);
  }
  if (rc == 0 && file_text_fits(rec) && !text.done) {
    change_add(c, IDX_TEXT, span_of(NULL, 0), 0, ref);
  }
  buf_free(&text.text);
  return rc;
}

/* ${indexed}: there is a document. */
static int drop_doc(struct station *st, struct change *c, uint64_t ref,
                    const struct record *rec, bool indexed, struct err *e)
{
  struct file_text text = {0};
  int rc = file_text_fits(rec) ? file_text_get(st, ref, &text, e) : 0;
  if (rc == 0 && indexed) {
    change_undoc(c, ref, rec, buf_span(&text.text));
  }
  if (rc == 0 && file_text_fits(rec)) {
    change_forget_text(c, ref);
  }
  buf_free(&text.text);
  return rc;
}

/* NOLINTNEXTLINE(readability-function-size): from here to there */
int place_doc(struct station *st, struct change *c, uint64_t ref,
              const struct record *rec, const struct facets *before,
              const struct facets *after, struct err *e)
{
  bool fresh = (ref & STORE_NEW(0)) != 0;
  bool indexed = st->unindexed_after == UINT64_MAX ||
                 (!fresh && ref <= st->unindexed_after);
  if (before->listings > 0 && after->listings == 0) {
    return drop_doc(st, c, ref, rec, indexed, e);
  }
  if (!indexed) {
    return 0;
  }
  if (before->listings == 0 && after->listings > 0) {
    return place_new_doc(st, c, ref, rec, after, e);
  }
  if (before->time != after->time ||
      !span_equal(facets_span(before), facets_span(after))) {
    change_retag(c, ref, rec, after);
  }
  return 0;
}

/* ---- withdrawal ---- */

struct voice {
  uint8_t key[CHANGE_KEY_MAX]; /* author_key */
  uint8_t author[CRYPT_KEY_SIZE];
};

int voices_add(struct buf *voices, struct span collection,
               const uint8_t *author)
{
  struct voice v;
  memcpy(v.author, author, sizeof v.author);
  int rc = author_key(v.key, collection, author);
  return rc < 0 ? rc : buf_put(voices, &v, sizeof v);
}

/* Is the listing of one of these voices? 1, 0, ERR_NOMEM. */
static int speaks(struct span voices, struct span collection,
                  const uint8_t *author)
{
  uint8_t key[CHANGE_KEY_MAX];
  int rc = author_key(key, collection, author);
  for (size_t at = 0; rc == 0 && at < voices.n; at += sizeof(struct voice)) {
    if (memcmp(voices.p + at + offsetof(struct voice, key), key, sizeof key) ==
        0) {
      return 1;
    }
  }
  return rc;
}

static int any_speaks(struct span voices, const struct listing *by, int n,
                      struct err *e)
{
  int rc = n < 0 ? n : 0;
  for (int i = 0; i < n && rc == 0; i++) {
    rc = speaks(voices, listing_collection(&by[i]), by[i].author);
    rc = rc < 0 ? err_set(e, rc, "not enough memory") : rc;
  }
  return rc;
}

/* May one of the voices list the record? Asked first, so that those who don't
 * can't have all its listings read. 1, 0. */
static int any_lists(struct station *st, const struct cid *cid, uint64_t ref,
                     struct span voices, struct err *e)
{
  struct listing by[LISTINGS_MAX];
  int n = listings(st, ref, by, e);
  int rc = any_speaks(voices, by, n, e);
  bool more = n == LISTINGS_MAX;
  for (size_t at = 0; more && rc == 0 && at < voices.n;
       at += sizeof(struct voice)) {
    struct voice v;
    memcpy(&v, voices.p + at, sizeof v);
    n = listings_by(st, cid, v.author, by, e);
    rc = n > 0 ? 1 : n; /* in whichever collection */
  }
  return rc;
}

/* What is left of a record after its pairs with some voices went. */
struct remains {
  struct facets before, after;
  size_t taken;
};

/* One pair: dropped when it is of these voices (1). Rows that two pairs share
 * go with the first: the others are put back (a batch drops before it adds). */
static int drop_pair(struct change *c, const struct admit_record *in,
                     uint64_t ref, const struct listing *pair, bool ours,
                     struct remains *left)
{
  int rc = facets_add(&left->before, pair);
  if (rc == 0 && !ours) {
    rc = facets_add(&left->after, pair);
  }
  left->taken += ours;
  if (rc == 0) {
    rc = place_pair(c, ours ? PLACE_DROP : PLACE_ADD, pair, &in->rec, ref);
  }
  if (rc == 0 && ours) {
    rc = place_beyond(c, PLACE_DROP, pair, &in->cid);
  }
  return rc < 0 ? rc : ours;
}

static int give_back(struct station *st, struct change *c,
                     const struct listing *pair, const struct record *rec,
                     struct err *e)
{
  int64_t cost = 0;
  if (!st->room.counted) {
    return 0;
  }
  int rc = quota_record_cost(st, rec, listing_collection(pair), &cost, e);
  return rc < 0 ? rc : quota_charge(st, c, pair, -cost, e);
}

/* Drop the pairs of ${voices}; all listings are looked at. */
static int drop_pairs(struct station *st, struct change *c,
                      const struct admit_record *in, uint64_t ref,
                      struct span voices, struct remains *left, struct err *e)
{
  uint64_t at = 0;
  int rc;
  while ((rc = next_at(st, IDX_LISTED, span_of(NULL, 0), (int64_t)ref, &at,
                       e)) > 0) {
    const struct cached_parcel *p;
    struct listing pair;
    if ((rc = station_parcel(st, at, &p, e)) < 0) {
      return rc;
    }
    listing_of(&pair, at, &p->cid, &p->view);
    if ((rc = speaks(voices, p->view.collection, p->view.author)) < 0 ||
        (rc = drop_pair(c, in, ref, &pair, rc > 0, left)) < 0) {
      return err_set(e, rc, "not enough memory");
    }
    if (rc > 0 && (rc = give_back(st, c, &pair, &in->rec, e)) < 0) {
      return rc;
    }
  }
  return rc;
}

/* The record is here: drop pairs, and the block when nobody else lists it. */
static int withdraw_here(struct station *st, struct change *c, uint64_t ref,
                         struct span voices, struct err *e)
{
  struct remains left = {0};
  struct buf block = {0};
  struct admit_record in;
  int rc = st->store->ops->get_ref(st->store, ref, &in.cid, &block, e);
  if (rc < 0 || parcel_looks(buf_span(&block)) ||
      (rc = record_read(&in.rec, buf_span(&block), e)) < 0) {
    goto done; /* parcels can't be taken back */
  }
  if (in.rec.kind == RECORD_WITHDRAW) {
    goto done; /* a withdrawal stands: else an old stick could undo it */
  }
  if ((rc = any_lists(st, &in.cid, ref, voices, e)) <= 0 ||
      (rc = drop_pairs(st, c, &in, ref, voices, &left, e)) < 0 ||
      left.taken == 0) {
    goto done;
  }
  if ((rc = place_doc(st, c, ref, &in.rec, &left.before, &left.after, e)) < 0) {
    goto done;
  }
  if (left.after.listings == 0) {
    CHECK(c->erases < sizeof c->erase / sizeof c->erase[0]);
    if (!c->keep_blocks) {
      c->erase[c->erases++] = ref;
    }
    rc = place_files(st, c, PLACE_DROP, &in.rec, ref, e);
  }
  rc = rc < 0 ? rc : 1;

done:
  facets_free(&left.before);
  facets_free(&left.after);
  buf_free(&block);
  return rc;
}

/* The record isn't here: stop asking for it on behalf of these voices. */
static int withdraw_missing(struct station *st, struct change *c,
                            const struct cid *target, struct span voices,
                            struct err *e)
{
  const struct cached_parcel *p;
  uint64_t ref = 0;
  int rc;
  while ((rc = next_asking(st, target, &ref, &p, e)) > 0) {
    if ((rc = speaks(voices, p->view.collection, p->view.author)) < 0) {
      return err_set(e, rc, "not enough memory");
    }
    if (rc > 0) {
      change_drop(c, IDX_MISSING, span_of(NULL, 0), cid_order(target), ref);
    }
  }
  return rc;
}

int place_withdrawal(struct station *st, struct change *c,
                     const struct cid *target, struct span voices,
                     struct err *e)
{
  uint64_t ref;
  int rc = st->store->ops->find(st->store, target, 1, &ref, e);
  if (rc < 0) {
    return rc;
  }
  return ref != 0 ? withdraw_here(st, c, ref, voices, e)
                  : withdraw_missing(st, c, target, voices, e);
}
