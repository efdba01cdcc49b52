/* SPDX-License-Identifier: 0BSD */
/* Parcels from the future: a clock is wrong, ours or theirs, so they wait
 * instead of being lost. They rest as pairs of the store: the records first,
 * the parcel last, so that a parcel that is there is whole. */
#include "base/mem.h"
#include "station/admit.h"
#include "station/quota.h"
#include "station/way.h"

#include <inttypes.h>
#include <string.h>

#define PREFIX_SIZE 7
/* Then: time (8 bytes, big endian) and CID. */
static const uint8_t parcel_head[PREFIX_SIZE] = {'h', 'e', 'l', 'd',
                                                 '/', 'p', '/'};
/* Then: CID of the parcel and of the record. */
static const uint8_t record_head[PREFIX_SIZE] = {'h', 'e', 'l', 'd',
                                                 '/', 'r', '/'};
/* Then: time, each bit the other way, and CID: the farthest is the first.
 * Its bytes and those of its records (8 bytes, big endian), and its author. */
static const uint8_t far_head[PREFIX_SIZE] = {'h', 'e', 'l', 'd',
                                              '/', 'z', '/'};
#define FAR_SIZE (8 + CRYPT_KEY_SIZE)
#define FAR_LOOKED_AT 8
#define PARCEL_KEY_SIZE (PREFIX_SIZE + 8 + CID_SIZE)
#define RECORD_KEY_SIZE (PREFIX_SIZE + 2 * CID_SIZE)
#define PAIRS_MAX 64 /* of 64 KiB at most: 4 MiB a change */

bool admit_is_ahead(struct station *st, const struct parcel *p)
{
  return p->time > station_now(st) + CLOCK_SKEW_MAX_S;
}

static void put64(uint8_t *p, uint64_t v)
{
  for (int i = 0; i < 8; i++) {
    p[i] = (uint8_t)(v >> (56 - 8 * i));
  }
}

static uint64_t get64(const uint8_t *p)
{
  uint64_t v = 0;
  for (int i = 0; i < 8; i++) {
    v = v << 8 | p[i];
  }
  return v;
}

static void parcel_key(uint8_t out[PARCEL_KEY_SIZE], int64_t time,
                       const struct cid *cid)
{
  memcpy(out, parcel_head, PREFIX_SIZE);
  put64(out + PREFIX_SIZE, (uint64_t)time);
  memcpy(out + PREFIX_SIZE + 8, cid->b, CID_SIZE);
}

/* The other key of the parcel with this key, or back. */
static void turn_key(uint8_t out[PARCEL_KEY_SIZE], const uint8_t *key)
{
  const uint8_t *head = key[5] == 'z' ? parcel_head : far_head;
  memcpy(out, head, PREFIX_SIZE);
  put64(out + PREFIX_SIZE, ~get64(key + PREFIX_SIZE));
  memcpy(out + PREFIX_SIZE + 8, key + PREFIX_SIZE + 8, CID_SIZE);
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

static const struct span parcel_prefix = {parcel_head, PREFIX_SIZE};
static const struct span far_prefix = {far_head, PREFIX_SIZE};

/* How many pairs there are under ${prefix}, and what the far ones tell of their
 * bytes. */
static int held_count(struct station *st, struct span prefix, uint64_t *out,
                      uint64_t *bytes, struct err *e)
{
  struct buf pairs = {0}, last = {0};
  uint64_t n = 0;
  int rc;
  do {
    struct kv_reader r = {0};
    struct span key, value;
    buf_clear(&pairs);
    rc = st->store->ops->kv_list(st->store, prefix, buf_span(&last), &pairs,
                                 PAIRS_MAX, e);
    r.pairs = buf_span(&pairs);
    while (rc >= 0 && kv_next(&r, &key, &value)) {
      n++;
      *bytes += value.n == FAR_SIZE ? get64(value.p) : 0;
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
    *time = (int64_t)get64(key.p + PREFIX_SIZE);
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
  uint64_t far, none = 0;
  int rc = load_next(st, e);
  st->held_bytes = 0;
  if (rc < 0 ||
      (rc = held_count(st, parcel_prefix, &st->held_n, &none, e)) < 0) {
    return rc;
  }
  return held_count(st, far_prefix, &far, &st->held_bytes, e);
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

/* With what its far pair tells, if it has one. */
static int forget_held(struct station *st, struct span parcel,
                       struct span records, struct err *e)
{
  uint8_t far[PARCEL_KEY_SIZE];
  struct store_pair pair[PAIRS_MAX];
  struct kv_reader r = {records, 0};
  struct span key, value;
  struct buf told = {0};
  size_t n = 0;
  turn_key(far, parcel.p);
  int rc =
      st->store->ops->kv_get(st->store, span_of(far, sizeof far), &told, e);
  uint64_t bytes = told.n == FAR_SIZE ? get64(told.p) : 0;
  buf_free(&told);
  rc = rc == ERR_NOENT ? 0 : rc;
  while (rc == 0 && kv_next(&r, &key, &value)) {
    pair[n].key = key;
    pair[n].value = span_of(NULL, 0);
    if (++n == PAIRS_MAX) {
      rc = put_pairs(st, pair, n, e);
      n = 0;
    }
  }
  if (rc == 0 && (rc = put_pairs(st, pair, n, e)) == 0) {
    pair[0] = (struct store_pair){parcel, span_of(NULL, 0)};
    pair[1] = (struct store_pair){span_of(far, sizeof far), span_of(NULL, 0)};
    rc = put_pairs(st, pair, 2, e);
  }
  if (rc == 0) {
    st->held_n--;
    st->held_bytes -= bytes;
  }
  return rc;
}

/* ---- room ---- */

static uint64_t bytes_of(const struct admit_parcel *in)
{
  uint64_t n = in->view.bytes.n;
  for (size_t i = 0; i < in->records; i++) {
    n += in->record[i].rec.bytes.n;
  }
  return n;
}

static uint64_t bytes_max(const struct station *st)
{
  int64_t budget = st->room.limits.budget;
  uint64_t part = budget > 0 ? (uint64_t)budget / HELD_BUDGET_PART : UINT64_MAX;
  return part < HELD_BYTES_MAX ? part : HELD_BYTES_MAX;
}

/* Is this author no stranger? 1, 0. */
static int is_known(struct station *st, const uint8_t *author, struct err *e)
{
  return memcmp(author, st->self, CRYPT_KEY_SIZE) == 0
             ? 1
             : quota_vouched(st, author, NULL, e);
}

static int let_go(struct station *st, const uint8_t *far, struct err *e)
{
  uint8_t key[PARCEL_KEY_SIZE];
  struct buf records = {0};
  struct cid cid;
  turn_key(key, far);
  int rc = cid_read(&cid, key + PREFIX_SIZE + 8, CID_SIZE, e);
  if (rc == 0 && (rc = held_records(st, &cid, &records, e)) >= 0) {
    rc = forget_held(st, span_of(key, sizeof key), buf_span(&records), e);
  }
  buf_free(&records);
  return rc;
}

/* Let the farthest stranger's go that is farther than ${time}: 1, or 0: there
 * is none. */
static int let_one_go(struct station *st, int64_t time, struct err *e)
{
  struct buf pairs = {0};
  struct kv_reader r = {0};
  struct span key, value;
  int rc = st->store->ops->kv_list(st->store, far_prefix, span_of(NULL, 0),
                                   &pairs, FAR_LOOKED_AT, e);
  bool gone = false;
  r.pairs = buf_span(&pairs);
  while (rc >= 0 && !gone && kv_next(&r, &key, &value)) {
    if (key.n != PARCEL_KEY_SIZE || value.n != FAR_SIZE ||
        (int64_t)~get64(key.p + PREFIX_SIZE) <= time) {
      break;
    }
    rc = is_known(st, value.p + 8, e);
    if (rc == 0) {
      gone = (rc = let_go(st, key.p, e)) == 0;
    }
  }
  buf_free(&pairs);
  return rc < 0 ? rc : gone;
}

static int make_room(struct station *st, const struct admit_parcel *in,
                     uint64_t bytes, struct err *e)
{
  int rc = is_known(st, in->view.author, e), gone = 1;
  int64_t time = rc > 0 ? INT64_MIN : in->view.time;
  while (rc >= 0 && gone > 0 &&
         (st->held_n >= HELD_PARCELS_MAX ||
          (st->held_n > 0 && st->held_bytes + bytes > bytes_max(st)))) {
    rc = gone = let_one_go(st, time, e);
  }
  if (rc < 0) {
    return rc;
  }
  if (gone == 0 || bytes > bytes_max(st)) {
    return err_set(e, ERR_LIMIT,
                   "%" PRIu64
                   " parcels from the future wait already, of %" PRIu64
                   " bytes: one more has no room",
                   st->held_n, st->held_bytes);
  }
  return 0;
}

int admit_hold(struct station *st, const struct admit_parcel *in,
               struct admit_counts *counts, struct err *e)
{
  uint8_t key[PARCEL_KEY_SIZE], far[PARCEL_KEY_SIZE], told[FAR_SIZE];
  uint64_t bytes = bytes_of(in);
  struct buf value = {0};
  parcel_key(key, in->view.time, &in->cid);
  turn_key(far, key);
  put64(told, bytes);
  memcpy(told + 8, in->view.author, CRYPT_KEY_SIZE);
  struct store_pair pair[2] = {
      {span_of(key, sizeof key), in->view.bytes},
      {span_of(far, sizeof far), span_of(told, sizeof told)}};
  int rc = st->store->ops->kv_get(st->store, pair[0].key, &value, e);
  buf_free(&value);
  if (rc != ERR_NOENT) {
    counts->known += rc == 0;
    return rc < 0 ? rc : hold_records(st, in, e);
  }
  if ((rc = make_room(st, in, bytes, e)) < 0 ||
      (rc = hold_records(st, in, e)) < 0 ||
      (rc = put_pairs(st, pair, 2, e)) < 0) {
    return rc;
  }
  counts->held++;
  st->held_n++;
  st->held_bytes += bytes;
  if (in->view.time < st->held_next) {
    st->held_next = in->view.time;
  }
  return 0;
}

/* ---- their time comes ---- */

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
