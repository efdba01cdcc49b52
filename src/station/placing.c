/* SPDX-License-Identifier: 0BSD */
#include "station/placing.h"

#include "base/check.h"

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
    put_row(c, how, IDX_WITHDRAWER, span_of(key, sizeof key), 0, ref);
    put_row(c, how, IDX_WITHDRAW, cid_key(&rec->about), by->time, ref);
  } else if (rec->has_about) {
    put_row(c, how, IDX_ABOUT, cid_key(&rec->about), by->time, ref);
  }
  if (rec->files.n > 0) {
    put_row(c, how, IDX_FILES, span_of(NULL, 0), by->time, ref);
  }
  if (urgent(rec)) {
    put_row(c, how, IDX_URGENT, span_of(NULL, 0), by->time, ref);
  }
  return 0;
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

void place_doc(struct station *st, struct change *c, uint64_t ref,
               const struct record *rec, struct span before, struct span after)
{
  bool fresh = (ref & STORE_NEW(0)) != 0;
  if (st->unindexed_after != UINT64_MAX &&
      (fresh || ref > st->unindexed_after)) {
    return;
  }
  if (span_equal(before, after)) {
    return;
  }
  if (before.n > 0) {
    change_undoc(c, ref, rec, before);
  }
  if (after.n > 0) {
    change_doc(c, ref, rec, after);
  }
}

/* ---- withdrawal ---- */

static bool same_voice(const struct listing *by, const struct parcel *p)
{
  return memcmp(by->author, p->author, CRYPT_KEY_SIZE) == 0 &&
         span_equal(listing_collection(by), p->collection);
}

/* What is left of a record after its pairs with one voice went. */
struct remains {
  struct buf before, after; /* facets */
  size_t others, taken;
};

/* Drop the pairs of ${by}'s voice; all listings are looked at, by pages. */
static int drop_pairs(struct station *st, struct change *c,
                      const struct record *rec, uint64_t ref,
                      const struct listing *by, struct remains *left)
{
  int64_t sorts[LISTINGS_MAX];
  uint64_t refs[LISTINGS_MAX];
  int64_t sort = (int64_t)ref;
  uint64_t at = 0;
  struct err e;
  for (;;) {
    int n = st->store->ops->rows(st->store, IDX_LISTED, span_of(NULL, 0), sort,
                                 at, false, sorts, refs, LISTINGS_MAX, &e);
    for (int i = 0; i < n && sorts[i] == sort; i++) {
      const struct cached_parcel *p;
      struct listing pair;
      int rc = station_parcel(st, refs[i], &p, &e);
      if (rc < 0) {
        return rc;
      }
      listing_of(&pair, refs[i], &p->cid, &p->view);
      rc = facet_insert(&left->before, p->view.collection);
      if (rc == 0 && same_voice(by, &p->view)) {
        left->taken++;
        rc = place_pair(c, PLACE_DROP, &pair, rec, ref);
      } else if (rc == 0) {
        /* Rows that two pairs share go with the first: put them back (a
         * batch drops before it adds). */
        left->others++;
        rc = facet_insert(&left->after, p->view.collection);
        rc = rc < 0 ? rc : place_pair(c, PLACE_ADD, &pair, rec, ref);
      }
      if (rc < 0) {
        return rc;
      }
    }
    if (n < LISTINGS_MAX || sorts[n - 1] != sort) {
      return n < 0 ? n : 0;
    }
    at = refs[n - 1];
  }
}

/* The record is here: drop pairs, and the block when nobody else lists it. */
static int withdraw_here(struct station *st, struct change *c, uint64_t ref,
                         const struct listing *by, struct err *e)
{
  struct remains left = {0};
  struct buf block = {0};
  struct record rec;
  int rc = st->store->ops->get_ref(st->store, ref, NULL, &block, e);
  if (rc < 0 || (rc = record_read(&rec, buf_span(&block), e)) < 0) {
    goto done;
  }
  if (rec.kind == RECORD_WITHDRAW) {
    rc = 0; /* a withdrawal stands: else an old stick could undo it */
    goto done;
  }
  if ((rc = drop_pairs(st, c, &rec, ref, by, &left)) < 0) {
    rc = err_set(e, rc, "can't take back: %s", err_name(rc));
    goto done;
  }
  if (left.taken == 0) {
    goto done;
  }
  place_doc(st, c, ref, &rec, buf_span(&left.before), buf_span(&left.after));
  if (left.others == 0) {
    CHECK(c->erases < sizeof c->erase / sizeof c->erase[0]);
    if (!c->keep_blocks) {
      c->erase[c->erases++] = ref;
    }
    rc = place_files(st, c, PLACE_DROP, &rec, ref, e);
  }
  rc = rc < 0 ? rc : 1;

done:
  buf_free(&left.before);
  buf_free(&left.after);
  buf_free(&block);
  return rc;
}

/* The record isn't here: stop asking for it on behalf of this voice. */
static int withdraw_missing(struct station *st, struct change *c,
                            const struct cid *target, const struct listing *by,
                            struct err *e)
{
  uint64_t refs[LISTINGS_MAX];
  int64_t sort = cid_order(target);
  int n =
      rows_at(st, IDX_MISSING, span_of(NULL, 0), sort, refs, LISTINGS_MAX, e);
  for (int i = 0; i < n; i++) {
    const struct cached_parcel *p;
    int rc = station_parcel(st, refs[i], &p, e);
    if (rc == ERR_CORRUPT || rc == ERR_NOENT) {
      continue; /* a file's note under the same order: not a parcel */
    }
    if (rc < 0) {
      return rc;
    }
    if (same_voice(by, &p->view) && parcel_lists(&p->view, target)) {
      change_drop(c, IDX_MISSING, span_of(NULL, 0), sort, refs[i]);
    }
  }
  return n < 0 ? n : 0;
}

int place_withdrawal(struct station *st, struct change *c,
                     const struct cid *target, const struct listing *by,
                     struct err *e)
{
  uint64_t ref;
  int rc = st->store->ops->find(st->store, target, 1, &ref, e);
  if (rc < 0) {
    return rc;
  }
  return ref != 0 ? withdraw_here(st, c, ref, by, e)
                  : withdraw_missing(st, c, target, by, e);
}
