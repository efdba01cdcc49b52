/* SPDX-License-Identifier: 0BSD */
/* Why a block is held, or wanted: who lists it, whose file it is, by which way
 * it came. */
#include "form/unixfs.h"
#include "station/later.h"
#include "station/quota.h"
#include "station/station.h"
#include "station/way.h"

#include <stdio.h>
#include <string.h>

#define PAGE 64

static const struct span no_key = {NULL, 0};

/* ---- listings ---- */

/* The rule that follows this collection, or "". */
static int followed_by(struct station *st, struct span collection,
                       char out[COLLECTION_NAME_MAX + 3], struct err *e)
{
  struct buf list = {0};
  int rc = station_follows(st, &list, e);
  out[0] = 0;
  for (size_t at = 0; rc == 0 && at < list.n;) {
    const char *pattern = (const char *)list.p + at;
    at += strlen(pattern) + 1;
    at += strlen((const char *)list.p + at) + 1; /* the size of files */
    if (pattern_matches(span_of(pattern, strlen(pattern)), collection)) {
      (void)snprintf(out, COLLECTION_NAME_MAX + 3, "%s", pattern);
      break;
    }
  }
  buf_free(&list);
  return rc;
}

static int add_listing(struct station *st, const struct cached_parcel *p,
                       struct why *out, struct err *e)
{
  struct why_listing *by = &out->by[out->listings];
  struct span collection = p->view.collection;
  *by = (struct why_listing){.parcel = p->cid, .time = p->view.time};
  memcpy(by->author, p->view.author, CRYPT_KEY_SIZE);
  memcpy(by->collection, collection.p, collection.n);
  by->own = memcmp(by->author, st->self, CRYPT_KEY_SIZE) == 0;
  int rc = quota_vouched(st, by->author, by->vouched, e);
  if (rc >= 0) {
    rc = followed_by(st, collection, by->followed, e);
  }
  out->listings += rc == 0;
  return rc;
}

/* Who lists record ${ref}, or waits for it when it isn't here (0). */
static int add_listings(struct station *st, const struct cid *id, uint64_t ref,
                        struct why *out, struct err *e)
{
  const struct cached_parcel *p;
  uint64_t at = 0;
  int rc = 1;
  while (rc > 0 && out->listings < WHY_MAX) {
    rc = ref == 0 ? next_asking(st, id, &at, &p, e)
                  : next_at(st, IDX_LISTED, no_key, (int64_t)ref, &at, e);
    if (rc > 0 && ref != 0) {
      rc = station_parcel(st, at, &p, e);
      rc = rc < 0 ? rc : 1;
    }
    if (rc > 0) {
      rc = add_listing(st, p, out, e);
      rc = rc < 0 ? rc : 1;
    }
  }
  return rc < 0 ? rc : 0;
}

/* ---- whose file is it? ---- */

/* Links stand in what holds them byte for byte. */
static bool holds_link(struct span block, const struct cid *id)
{
  return memmem(block.p, block.n, id->b, CID_SIZE) != NULL;
}

/* Does ${ref} hold a link to ${id}? 1, 0; ${cid}: its own. */
static int look_into(struct station *st, uint64_t ref, const struct cid *id,
                     bool node, struct cid *cid, struct buf *block,
                     struct err *e)
{
  struct store *store = st->store;
  buf_clear(block);
  int rc = store->ops->get_ref(store, ref, cid, NULL, e);
  if (rc == 0 && (!node || cid_codec(cid) == CID_DAG_PB) &&
      (rc = store->ops->get_ref(store, ref, NULL, block, e)) == 0) {
    rc = holds_link(buf_span(block), id);
  }
  /* Gone meanwhile, or damaged: it tells nothing. */
  return rc == ERR_NOENT || rc == ERR_CORRUPT ? 0 : rc;
}

static bool told_before(const struct why *out, const struct cid *record)
{
  for (size_t i = 0; i < out->records; i++) {
    if (cid_equal(&out->record[i], record)) {
      return true; /* it is listed at several times */
    }
  }
  return false;
}

/* The records that list file ${id}. */
static int find_records(struct station *st, const struct cid *id,
                        struct why *out, struct err *e)
{
  int64_t sorts[PAGE], sort = INT64_MIN;
  uint64_t refs[PAGE], ref = 0;
  struct buf block = {0};
  int n = 1, rc = 0;
  while (rc >= 0 && n > 0 && out->records < WHY_MAX) {
    n = st->store->ops->rows(st->store, IDX_FILES, no_key, sort, ref, false,
                             sorts, refs, PAGE, e);
    rc = n;
    for (int i = 0; i < n && rc >= 0 && out->records < WHY_MAX; i++) {
      struct cid *to = &out->record[out->records];
      sort = sorts[i];
      ref = refs[i];
      rc = look_into(st, ref, id, false, to, &block, e);
      out->records += rc > 0 && !told_before(out, to);
    }
  }
  buf_free(&block);
  return rc < 0 ? rc : 0;
}

/* The first node of a file that links to ${id}: 1, 0. */
static int find_node(struct station *st, const struct cid *id, struct cid *out,
                     struct err *e)
{
  uint64_t refs[PAGE], after = 0;
  struct buf block = {0};
  int n = 1, rc = 0;
  while (rc == 0 && n > 0) {
    n = st->store->ops->walk(st->store, after, true, refs, PAGE, e);
    rc = n < 0 ? n : 0;
    for (int i = 0; i < n && rc == 0; i++) {
      after = refs[i];
      rc = look_into(st, refs[i], id, true, out, &block, e);
    }
  }
  buf_free(&block);
  return rc;
}

/* Up from ${id}, node by node, until records list it. */
static int climb(struct station *st, const struct cid *id, struct why *out,
                 struct err *e)
{
  struct cid at = *id, node;
  int rc = find_records(st, &at, out, e);
  while (rc == 0 && out->records == 0 && out->above_n < UNIXFS_DEPTH_MAX) {
    rc = find_node(st, &at, &node, e);
    if (rc <= 0) {
      break;
    }
    out->above[out->above_n++] = at = node;
    rc = find_records(st, &at, out, e);
  }
  return rc < 0 ? rc : 0;
}

/* The listings of the first of those records: they are why it is wanted. */
static int add_first(struct station *st, struct why *out, struct err *e)
{
  uint64_t ref = 0;
  if (out->records == 0) {
    return 0;
  }
  int rc = st->store->ops->find(st->store, &out->record[0], 1, &ref, e);
  return rc < 0 || ref == 0 ? rc
                            : add_listings(st, &out->record[0], ref, out, e);
}

static int why_cbor(struct station *st, const struct cid *id, uint64_t ref,
                    struct why *out, struct err *e)
{
  const struct cached_parcel *p;
  struct buf block = {0};
  int rc = 0;
  out->kind = "record";
  if (ref != 0 &&
      (rc = st->store->ops->get_ref(st->store, ref, NULL, &block, e)) == 0 &&
      parcel_looks(buf_span(&block))) {
    out->kind = "parcel";
    rc = station_parcel(st, ref, &p, e);
    rc = rc < 0 ? rc : add_listing(st, p, out, e);
  } else if (rc == 0) {
    rc = add_listings(st, id, ref, out, e);
  }
  buf_free(&block);
  return rc;
}

int station_why(struct station *st, const struct cid *id, struct why *out,
                struct err *e)
{
  bool cbor = cid_codec(id) == CID_DAG_CBOR;
  uint64_t ref = 0;
  int rc = station_alive(st, e);
  memset(out, 0, sizeof *out);
  if (rc < 0 || (!st->readonly && (rc = later_flush(st, e)) < 0) ||
      (rc = station_refresh(st, e)) < 0 ||
      (rc = st->store->ops->find(st->store, id, 1, &ref, e)) < 0) {
    return rc;
  }
  out->here = ref != 0;
  if (ref != 0 && (rc = way_of(st, ref, !cbor, out->way, e)) < 0) {
    return rc;
  }
  if (cbor) {
    rc = why_cbor(st, id, ref, out, e);
  } else if ((rc = climb(st, id, out, e)) == 0) {
    out->kind = out->above_n > 0 ? "part" : "file";
    rc = add_first(st, out, e);
  }
  if (rc == 0 && !out->here && out->listings == 0 && out->records == 0) {
    rc = err_set(e, ERR_NOENT, "it is not here, and nothing here asks for it");
  }
  return rc;
}
