/* SPDX-License-Identifier: 0BSD */
#include "station/listing.h"

#include "base/check.h"
#include "form/cbor.h"
#include "station/document.h"

#include <string.h>

int next_at(struct station *st, enum idx name, struct span key, int64_t sort,
            uint64_t *ref, struct err *e)
{
  int64_t at;
  int n = st->store->ops->rows(st->store, (uint8_t)name, key, sort, *ref, false,
                               &at, ref, 1, e);
  return n <= 0 ? n : at == sort;
}

int next_asking(struct station *st, const struct cid *record, uint64_t *ref,
                const struct cached_parcel **out, struct err *e)
{
  int rc;
  while ((rc = next_at(st, IDX_MISSING, span_of(NULL, 0), cid_order(record),
                       ref, e)) > 0) {
    rc = station_parcel(st, *ref, out, e);
    if (rc == ERR_CORRUPT || rc == ERR_NOENT) {
      continue; /* no parcel: a file's note, or what it was for is gone */
    }
    if (rc < 0 || parcel_lists(&(*out)->view, record)) {
      return rc < 0 ? rc : 1;
    }
  }
  return rc;
}

void listing_of(struct listing *out, uint64_t ref, const struct cid *cid,
                const struct parcel *view)
{
  CHECK(view->collection.n <= COLLECTION_NAME_MAX);
  out->parcel_ref = ref;
  out->parcel = *cid;
  out->time = view->time;
  memcpy(out->author, view->author, CRYPT_KEY_SIZE);
  memcpy(out->collection, view->collection.p, view->collection.n);
  out->collection[view->collection.n] = '\0';
  out->collection_n = view->collection.n;
}

bool parcel_lists(const struct parcel *p, const struct cid *record)
{
  for (size_t i = 0; i < p->count; i++) {
    const uint8_t *link = p->links + i * CBOR_LINK_SIZE;
    if (memcmp(link + CBOR_LINK_SIZE - CID_SIZE, record->b, CID_SIZE) == 0) {
      return true;
    }
  }
  return false;
}

/* Parcels that list the record: the first LISTINGS_MAX by number. */
static int listing_refs(struct station *st, uint64_t record, uint64_t *refs,
                        struct err *e)
{
  int64_t sorts[LISTINGS_MAX], sort = (int64_t)record;
  int n = st->store->ops->rows(st->store, IDX_LISTED, span_of(NULL, 0), sort, 0,
                               false, sorts, refs, LISTINGS_MAX, e);
  int same = 0;
  while (same < n && sorts[same] == sort) {
    same++;
  }
  return n < 0 ? n : same;
}

static int load_listings(struct station *st, const uint64_t *refs, int n,
                         struct listing *out, struct err *e)
{
  for (int i = 0; i < n; i++) {
    const struct cached_parcel *p;
    int rc = station_parcel(st, refs[i], &p, e);
    if (rc < 0) {
      return rc;
    }
    listing_of(&out[i], refs[i], &p->cid, &p->view);
  }
  return n;
}

int listings(struct station *st, uint64_t record, struct listing *out,
             struct err *e)
{
  uint64_t refs[LISTINGS_MAX];
  int n = listing_refs(st, record, refs, e);
  return load_listings(st, refs, n, out, e);
}

int listings_by(struct station *st, const struct cid *record,
                const uint8_t *author, struct listing *out, struct err *e)
{
  uint8_t key[CHANGE_KEY_MAX];
  int64_t sorts[BEYOND_MAX];
  uint64_t refs[BEYOND_MAX];
  int rc = label_key(key, author, record);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  int n = st->store->ops->rows(st->store, IDX_BEYOND, span_of(key, sizeof key),
                               INT64_MAX, UINT64_MAX >> 1, true, sorts, refs,
                               BEYOND_MAX, e);
  return load_listings(st, refs, n, out, e);
}

int listings_in(struct station *st, const struct cid *record,
                struct span collection, int64_t time, bool exactly,
                struct listing *out, struct err *e)
{
  uint8_t key[CHANGE_KEY_MAX];
  int64_t sorts[BEYOND_MAX];
  uint64_t refs[BEYOND_MAX];
  int rc = placed_key(key, collection, record);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  int n = st->store->ops->rows(st->store, IDX_BEYOND, span_of(key, sizeof key),
                               time, 0, false, sorts, refs, BEYOND_MAX, e);
  while (exactly && n > 0 && sorts[n - 1] != time) {
    n--;
  }
  return load_listings(st, refs, n, out, e);
}

/* Is the record with number ${ref} a withdrawal of ${record}? */
static int is_about(struct station *st, uint64_t ref, const struct cid *record,
                    struct err *e)
{
  struct buf block = {0};
  struct record rec;
  int rc = st->store->ops->get_ref(st->store, ref, NULL, &block, e);
  if (rc == 0 && (rc = record_read(&rec, buf_span(&block), e)) == 0) {
    rc = rec.kind == RECORD_WITHDRAW && cid_equal(&rec.about, record);
  }
  buf_free(&block);
  return rc;
}

int withdrawn(struct station *st, const struct cid *record,
              const uint8_t *author, struct span collection, struct err *e)
{
  /* Rows that an older version made have 0 until they are renewed. */
  const int64_t sort[] = {cid_order(record), 0};
  uint8_t voice[CHANGE_KEY_MAX];
  int rc = author_key(voice, collection, author);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  for (int i = 0; i < 2 && rc == 0; i++) {
    uint64_t ref = 0;
    int yes = 0;
    while (yes == 0 &&
           (rc = next_at(st, IDX_WITHDRAWER, span_of(voice, sizeof voice),
                         sort[i], &ref, e)) > 0) {
      yes = is_about(st, ref, record, e);
    }
    rc = rc < 0 ? rc : yes;
  }
  return rc;
}

int withdraws_any(struct station *st, const uint8_t *author,
                  struct span collection, struct err *e)
{
  uint8_t voice[CHANGE_KEY_MAX];
  int64_t sort;
  uint64_t ref;
  int rc = author_key(voice, collection, author);
  return rc < 0 ? err_set(e, rc, "not enough memory")
                : st->store->ops->rows(st->store, IDX_WITHDRAWER,
                                       span_of(voice, sizeof voice), INT64_MIN,
                                       0, false, &sort, &ref, 1, e);
}

/* Into its place among the others, unless it is there. */
static int facet_insert(struct buf *list, enum facet_kind kind,
                        struct span value)
{
  struct buf one = {0};
  size_t at = 0;
  int order = 1, rc = facet_put(&one, kind, value);
  while (rc == 0 && at < list->n) {
    struct span here = span_of(list->p + at + 1, list->p[at]);
    order = span_compare(here, span_of(one.p + 1, one.n - 1));
    if (order >= 0) {
      break;
    }
    at += here.n + 1;
  }
  if (rc == 0 && order != 0 && (rc = buf_reserve(list, one.n)) == 0) {
    memmove(list->p + at + one.n, list->p + at, list->n - at);
    memcpy(list->p + at, one.p, one.n);
    list->n += one.n;
  }
  buf_free(&one);
  return rc;
}

int facets_add(struct facets *f, const struct listing *by)
{
  int rc = 0;
  if (f->listings < LISTINGS_MAX) {
    f->time = f->listings == 0 || by->time > f->time ? by->time : f->time;
    rc = facet_insert(&f->list, FACET_AUTHOR,
                      span_of(by->author, sizeof by->author));
    if (rc == 0) {
      rc = facet_insert(&f->list, FACET_COLLECTION, listing_collection(by));
    }
  }
  f->listings++;
  return rc;
}

int facets_copy(struct facets *to, const struct facets *from)
{
  to->listings = from->listings;
  to->time = from->time;
  return buf_put(&to->list, from->list.p, from->list.n);
}

int listing_facets(struct station *st, uint64_t record, struct facets *out,
                   struct err *e)
{
  struct listing by[LISTINGS_MAX];
  int n = listings(st, record, by, e);
  for (int i = 0; i < n; i++) {
    int rc = facets_add(out, &by[i]);
    if (rc < 0) {
      return err_set(e, rc, "not enough memory");
    }
  }
  return n < 0 ? n : 0;
}
