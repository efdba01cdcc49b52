/* SPDX-License-Identifier: 0BSD */
/* Parcels from the future: a clock is wrong, ours or theirs, so they wait
 * instead of being lost. They rest as pairs of the store: the records first,
 * the parcel last, so that a parcel that is there is whole. */
#include "station/admit.h"
#include "station/way.h"

#include "base/mem.h"

#include <string.h>

#define PREFIX_SIZE 7
/* Then: time (8 bytes, big endian) and CID. */
static const uint8_t parcel_head[PREFIX_SIZE] = {'h', 'e', 'l', 'd',
                                                 '/', 'p', '/'};
/* Then: CID of the parcel and of the record. */
static const uint8_t record_head[PREFIX_SIZE] = {'h', 'e', 'l', 'd',
                                                 '/', 'r', '/'};
#define PARCEL_KEY_SIZE (PREFIX_SIZE + 8 + CID_SIZE)
#define RECORD_KEY_SIZE (PREFIX_SIZE + 2 * CID_SIZE)
#define PAIRS_MAX 64 /* of 64 KiB at most: 4 MiB a change */

bool admit_is_ahead(struct station *st, const struct parcel *p)
{
  return p->time > station_now(st) + CLOCK_SKEW_MAX_S;
}

static void parcel_key(uint8_t out[PARCEL_KEY_SIZE], int64_t time,
                       const struct cid *cid)
{
  memcpy(out, parcel_head, PREFIX_SIZE);
  for (int i = 0; i < 8; i++) {
    out[PREFIX_SIZE + i] = (uint8_t)((uint64_t)time >> (56 - 8 * i));
  }
  memcpy(out + PREFIX_SIZE + 8, cid->b, CID_SIZE);
}

static int put_pairs(struct station *st, const struct store_pair *pair,
                     size_t n, struct err *e)
{
  struct store_batch batch = {.kv = pair, .kv_n = n};
  return n == 0 ? 0 : st->store->ops->append(st->store, &batch, NULL, NULL, e);
}

static int hold_records(struct station *st, const struct admit_parcel *in,
                        struct err *e)
{
  uint8_t key[PAIRS_MAX][RECORD_KEY_SIZE];
  struct store_pair pair[PAIRS_MAX];
  size_t n = 0;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < in->records; i++) {
    memcpy(key[n], record_head, PREFIX_SIZE);
    memcpy(key[n] + PREFIX_SIZE, in->cid.b, CID_SIZE);
    memcpy(key[n] + PREFIX_SIZE + CID_SIZE, in->record[i].cid.b, CID_SIZE);
    pair[n].key = span_of(key[n], RECORD_KEY_SIZE);
    pair[n].value = in->record[i].rec.bytes;
    if (++n == PAIRS_MAX) {
      rc = put_pairs(st, pair, n, e);
      n = 0;
    }
  }
  return rc < 0 ? rc : put_pairs(st, pair, n, e);
}

int admit_hold(struct station *st, const struct admit_parcel *in,
               struct admit_counts *counts, struct err *e)
{
  uint8_t key[PARCEL_KEY_SIZE];
  struct buf value = {0};
  int rc;
  parcel_key(key, in->view.time, &in->cid);
  struct store_pair pair = {span_of(key, sizeof key), in->view.bytes};
  rc = st->store->ops->kv_get(st->store, pair.key, &value, e);
  buf_free(&value);
  if (rc != ERR_NOENT) {
    counts->known += rc == 0;
    return rc < 0 ? rc : hold_records(st, in, e);
  }
  if (st->held_n >= HELD_PARCELS_MAX) {
    return err_set(e, ERR_LIMIT,
                   "%d parcels from the future wait already: one more is "
                   "refused",
                   HELD_PARCELS_MAX);
  }
  if ((rc = hold_records(st, in, e)) < 0 ||
      (rc = put_pairs(st, &pair, 1, e)) < 0) {
    return rc;
  }
  counts->held++;
  st->held_n++;
  if (in->view.time < st->held_next) {
    st->held_next = in->view.time;
  }
  return 0;
}

static const struct span parcel_prefix = {parcel_head, PREFIX_SIZE};

static int held_count(struct station *st, uint64_t *out, struct err *e)
{
  struct buf pairs = {0}, last = {0};
  uint64_t n = 0;
  int rc;
  do {
    struct kv_reader r = {0};
    struct span key, value;
    buf_clear(&pairs);
    rc = st->store->ops->kv_list(st->store, parcel_prefix, buf_span(&last),
                                 &pairs, PAIRS_MAX, e);
    r.pairs = buf_span(&pairs);
    while (rc >= 0 && kv_next(&r, &key, &value)) {
      n++;
      buf_clear(&last);
      if ((rc = buf_put(&last, key.p, key.n)) < 0) {
        rc = err_set(e, rc, "not enough memory");
      }
    }
  } while (rc >= 0 && pairs.n > 0);
  buf_free(&pairs);
  buf_free(&last);
  if (rc >= 0) {
    *out = n;
    rc = 0;
  }
  return rc;
}

/* The first held parcel's pair into ${pairs}; its time, or INT64_MAX. */
static int first_held(struct station *st, struct buf *pairs, int64_t *time,
                      struct err *e)
{
  struct kv_reader r = {0};
  struct span key, value;
  int rc = st->store->ops->kv_list(st->store, parcel_prefix, span_of(NULL, 0),
                                   pairs, 1, e);
  if (rc < 0) {
    return rc;
  }
  r.pairs = buf_span(pairs);
  *time = INT64_MAX;
  if (kv_next(&r, &key, &value)) {
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) {
      v = v << 8 | key.p[PREFIX_SIZE + i];
    }
    *time = (int64_t)v;
  }
  return 0;
}

static int load_next(struct station *st, struct err *e)
{
  struct buf pairs = {0};
  int rc = first_held(st, &pairs, &st->held_next, e);
  buf_free(&pairs);
  return rc;
}

int held_load(struct station *st, struct err *e)
{
  int rc = load_next(st, e);
  return rc < 0 ? rc : held_count(st, &st->held_n, e);
}

/* All records that wait with a parcel: pairs into ${pairs}. */
static int held_records(struct station *st, const struct cid *parcel,
                        struct buf *pairs, struct err *e)
{
  uint8_t prefix[PREFIX_SIZE + CID_SIZE];
  memcpy(prefix, record_head, PREFIX_SIZE);
  memcpy(prefix + PREFIX_SIZE, parcel->b, CID_SIZE);
  return st->store->ops->kv_list(st->store, span_of(prefix, sizeof prefix),
                                 span_of(NULL, 0), pairs, PARCEL_RECORDS_MAX,
                                 e);
}

static size_t read_records(struct span pairs, struct admit_record *out)
{
  struct kv_reader r = {pairs, 0};
  struct span key, value;
  struct err e;
  size_t n = 0;
  while (n < PARCEL_RECORDS_MAX && kv_next(&r, &key, &value)) {
    const uint8_t *cid = key.p + PREFIX_SIZE + CID_SIZE;
    /* They were read once before they were held. */
    if (cid_read(&out[n].cid, cid, CID_SIZE, &e) == 0 &&
        record_read(&out[n].rec, value, &e) == 0) {
      n++;
    }
  }
  return n;
}

static int forget_held(struct station *st, struct span parcel,
                       struct span records, struct err *e)
{
  struct store_pair pair[PAIRS_MAX];
  struct kv_reader r = {records, 0};
  struct span key, value;
  size_t n = 0;
  int rc = 0;
  while (rc == 0 && kv_next(&r, &key, &value)) {
    pair[n].key = key;
    pair[n].value = span_of(NULL, 0);
    if (++n == PAIRS_MAX) {
      rc = put_pairs(st, pair, n, e);
      n = 0;
    }
  }
  if (rc == 0 && (rc = put_pairs(st, pair, n, e)) == 0) {
    pair[0].key = parcel;
    pair[0].value = span_of(NULL, 0);
    rc = put_pairs(st, pair, 1, e);
  }
  return rc;
}

/* Admit one held parcel, then forget that it was held: a crash in between
 * only admits it again, which changes nothing. */
static int release_one(struct station *st, struct span pair, struct err *e)
{
  struct admit_counts counts = {0};
  struct admit_parcel in = {0};
  struct kv_reader r = {pair, 0};
  struct span key, value;
  struct buf records = {0};
  struct admit_record *list =
      mem_resize(NULL, PARCEL_RECORDS_MAX, sizeof *list);
  int rc = list == NULL ? err_set(e, ERR_NOMEM, "not enough memory") : 0;
  if (rc < 0 || !kv_next(&r, &key, &value)) {
    goto done;
  }
  if ((rc = cid_read(&in.cid, key.p + PREFIX_SIZE + 8, CID_SIZE, e)) < 0 ||
      (rc = parcel_read(&in.view, value, e)) < 0 ||
      (rc = held_records(st, &in.cid, &records, e)) < 0) {
    goto done;
  }
  in.record = list;
  in.records = read_records(buf_span(&records), list);
  struct ways was = st->ways;
  way_set(st, WAY_HELD);
  rc = admit_parcel(st, &in, &counts, e);
  way_set(st, was.now);
  if (rc == 0 || rc == ERR_QUOTA) { /* then who brought it may bring it again */
    rc = forget_held(st, key, buf_span(&records), e);
    st->held_n -= rc == 0;
  }

done:
  buf_free(&records);
  mem_free(list);
  return rc;
}

int admit_release_held(struct station *st, struct err *e)
{
  int rc = 0;
  while (rc == 0 && st->held_next != INT64_MAX &&
         st->held_next <= station_now(st) + CLOCK_SKEW_MAX_S) {
    struct buf pair = {0};
    rc = first_held(st, &pair, &st->held_next, e);
    if (rc == 0 && pair.n > 0 &&
        st->held_next <= station_now(st) + CLOCK_SKEW_MAX_S) {
      rc = release_one(st, buf_span(&pair), e);
    }
    buf_free(&pair);
    if (rc == 0) {
      rc = load_next(st, e);
    }
  }
  return rc;
}
