/* SPDX-License-Identifier: 0BSD */
#include "station/quota.h"

#include "base/check.h"
#include "station/way.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIMITS_KEY "room/limits"
#define LIMITS_SIZE (4 * 8)
#define ACCOUNT_PREFIX 7 /* "room/a/" */
#define VOUCH_PREFIX "vouch/"
#define VOUCH_KEY_SIZE (sizeof VOUCH_PREFIX - 1 + CRYPT_KEY_SIZE)

static const struct span no_bytes = {NULL, 0};

_Static_assert(ACCOUNT_PREFIX + COLLECTION_NAME_MAX <= CHANGE_COUNTER_MAX &&
                   ACCOUNT_PREFIX + QUOTA_WAY_MAX <= CHANGE_COUNTER_MAX,
               "an account's key fits");

/* ---- limits ---- */

static struct span limits_key(void)
{
  return span_of(LIMITS_KEY, sizeof LIMITS_KEY - 1);
}

static uint64_t get64(const uint8_t *p)
{
  uint64_t v = 0;
  for (int i = 0; i < 8; i++) {
    v = v << 8 | p[i];
  }
  return v;
}

int quota_load(struct station *st, struct err *e)
{
  struct room *room = &st->room;
  struct buf value = {0};
  int rc = st->store->ops->kv_get(st->store, limits_key(), &value, e);
  *room = (struct room){.counted = rc == 0, .vouched = -1};
  if (rc == 0 && value.n == LIMITS_SIZE) {
    room->limits.budget = (int64_t)get64(value.p);
    room->limits.author = (int64_t)get64(value.p + 8);
    room->limits.collection = (int64_t)get64(value.p + 16);
    room->limits.way = (int64_t)get64(value.p + 24);
  }
  buf_free(&value);
  return rc == ERR_NOENT ? 0 : rc;
}

int station_set_quotas(struct station *st, const struct quotas *q,
                       struct err *e)
{
  const int64_t v[4] = {q->budget, q->author, q->collection, q->way};
  uint8_t value[LIMITS_SIZE];
  struct job *job = NULL;
  /* One that broke off in its rebuild may be said again. */
  int rc = st->rebuilding ? station_writable(st, e) : station_owned(st, e);
  if (rc < 0) {
    return rc;
  }
  if (q->budget > 0 && q->budget < (int64_t)QUOTA_BUDGET_MIN) {
    return err_set(e, ERR_INVALID, "a budget has at least %u bytes",
                   QUOTA_BUDGET_MIN);
  }
  for (int i = 0; i < LIMITS_SIZE; i++) {
    value[i] = (uint8_t)((uint64_t)v[i / 8] >> (56 - 8 * (i % 8)));
  }
  bool counted = st->room.counted && !st->half_derived;
  struct store_pair pair[2] = {{limits_key(), span_of(value, sizeof value)},
                               {station_rebuilding_key(), span_of("", 0)}};
  struct store_batch batch = {.kv = pair, .kv_n = counted ? 1 : 2};
  if ((rc = st->store->ops->append(st->store, &batch, NULL, NULL, e)) < 0) {
    return rc;
  }
  st->room.limits = *q;
  st->room.counted = true;
  if (counted) {
    return 0;
  }
  st->half_derived = true; /* as the store says by now */
  rc = station_rebuild(&job, st, e);
  return rc < 0 ? rc : job_finish(job, e);
}

int station_quotas(struct station *st, struct quotas *out, uint64_t *used,
                   struct err *e)
{
  struct store_room room = {0};
  int rc = station_alive(st, e);
  if (rc < 0 || (rc = station_refresh(st, e)) < 0 ||
      (rc = st->store->ops->room(st->store, &room, e)) < 0) {
    return rc;
  }
  *out = st->room.limits;
  *used = room.used;
  return 0;
}

/* ---- vouching ---- */

static struct span vouch_key(uint8_t out[VOUCH_KEY_SIZE], const uint8_t *author)
{
  memcpy(out, VOUCH_PREFIX, sizeof VOUCH_PREFIX - 1);
  memcpy(out + sizeof VOUCH_PREFIX - 1, author, CRYPT_KEY_SIZE);
  return span_of(out, VOUCH_KEY_SIZE);
}

static int put_vouch(struct station *st, const uint8_t *author,
                     struct span value, struct err *e)
{
  uint8_t key[VOUCH_KEY_SIZE];
  struct store_pair pair = {vouch_key(key, author), value};
  struct store_batch batch = {.kv = &pair, .kv_n = 1};
  int rc = station_writable(st, e);
  if (rc == 0) {
    rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);
  }
  st->room.vouched = -1;
  return rc;
}

int station_vouch(struct station *st, const uint8_t *author, const char *by,
                  struct err *e)
{
  return put_vouch(st, author, span_of(by, strlen(by)), e);
}

int station_unvouch(struct station *st, const uint8_t *author, struct err *e)
{
  int rc = station_writable(st, e);
  if (rc < 0 || (rc = quota_vouched(st, author, NULL, e)) < 0) {
    return rc;
  }
  if (rc == 0) {
    return err_set(e, ERR_NOENT, "nobody vouches for this author");
  }
  return put_vouch(st, author, no_bytes, e);
}

int station_vouched(struct station *st, struct buf *out, struct err *e)
{
  static const struct span prefix = {(const uint8_t *)VOUCH_PREFIX,
                                     sizeof VOUCH_PREFIX - 1};
  uint8_t last[VOUCH_KEY_SIZE];
  struct buf pairs = {0};
  struct span after = no_bytes;
  int rc = station_alive(st, e), n = 1;
  while (rc == 0 && n > 0) {
    struct kv_reader r = {0};
    struct span key, value;
    buf_clear(&pairs);
    n = st->store->ops->kv_list(st->store, prefix, after, &pairs,
                                STORE_LIST_MAX, e);
    r.pairs = buf_span(&pairs);
    rc = n < 0 ? n : 0;
    while (rc == 0 && kv_next(&r, &key, &value)) {
      if (key.n == VOUCH_KEY_SIZE) {
        memcpy(last, key.p, sizeof last);
        after = span_of(last, sizeof last);
        rc = buf_put(out, key.p + prefix.n, CRYPT_KEY_SIZE) < 0
                 ? err_set(e, ERR_NOMEM, "not enough memory")
                 : 0;
      }
    }
  }
  buf_free(&pairs);
  return rc;
}

int quota_vouched(struct station *st, const uint8_t *author, char *by,
                  struct err *e)
{
  uint8_t key[VOUCH_KEY_SIZE];
  struct buf value = {0};
  struct room *room = &st->room;
  if (by == NULL && room->vouched >= 0 && !st->readonly &&
      room->groups_lost == st->groups_lost &&
      memcmp(room->asked, author, CRYPT_KEY_SIZE) == 0) {
    return room->vouched;
  }
  int rc = st->store->ops->kv_get(st->store, vouch_key(key, author), &value, e);
  if (rc == 0 && by != NULL) {
    (void)snprintf(by, 16, "%.*s", (int)value.n, (const char *)value.p);
  }
  buf_free(&value);
  if (rc < 0 && rc != ERR_NOENT) {
    return rc;
  }
  memcpy(room->asked, author, CRYPT_KEY_SIZE);
  room->vouched = rc == 0;
  room->groups_lost = st->groups_lost;
  return room->vouched;
}

int quota_trusted(struct station *st, const uint8_t *author, struct err *e)
{
  return memcmp(author, st->self, CRYPT_KEY_SIZE) == 0
             ? 1
             : quota_vouched(st, author, NULL, e);
}

/* ---- accounts ---- */

enum account { BY_AUTHOR = 'a', BY_COLLECTION = 'c', BY_WAY = 'w' };

struct account_key {
  uint8_t b[CHANGE_COUNTER_MAX];
  size_t n;
};

static struct span account_key(struct account_key *out, enum account kind,
                               struct span name)
{
  memcpy(out->b, "room/", 5);
  out->b[5] = (uint8_t)kind;
  out->b[6] = '/';
  memcpy(out->b + ACCOUNT_PREFIX, name.p, name.n);
  out->n = ACCOUNT_PREFIX + name.n;
  return span_of(out->b, out->n);
}

int quota_reset(struct station *st, struct err *e)
{
  static const char *const prefixes[] = {"room/a/", "room/c/", "room/w/"};
  int rc = 0;
  for (size_t i = 0; i < 3 && rc == 0; i++) {
    rc = change_drop_kv(st, span_of(prefixes[i], ACCOUNT_PREFIX), e);
  }
  return rc < 0 ? rc : rc > 0;
}

int quota_record_cost(struct station *st, const struct record *rec,
                      struct span collection, int64_t *out, struct err *e)
{
  struct record_files it = {0};
  struct record_file file;
  int64_t cost = quota_cost(rec->bytes.n), most = 0;
  int rc = rec->files.n == 0
               ? 0
               : station_follow_files(st, collection, INT64_MAX, &most, e);
  while (rc == 0 && rec->files.n > 0 &&
         record_file_next(&it, rec->files, &file)) {
    if (file.size <= most) { /* 1,024 files of 2^36 bytes at most */
      int64_t size =
          file.size < UNIXFS_FILE_SIZE_MAX ? file.size : UNIXFS_FILE_SIZE_MAX;
      cost += size < (int64_t)QUOTA_COST_MIN ? QUOTA_COST_MIN : size;
    }
  }
  *out = cost;
  return rc;
}

int quota_charge(struct station *st, struct change *c, const struct listing *by,
                 int64_t cost, struct err *e)
{
  struct account_key key;
  char way[QUOTA_WAY_MAX + 1];
  if (!st->room.counted) {
    return 0;
  }
  int rc = quota_trusted(st, by->author, e);
  if (rc != 0) {
    return rc < 0 ? rc : 0;
  }
  if (by->parcel_ref & STORE_NEW(0)) {
    (void)snprintf(way, sizeof way, "%s", st->ways.now);
  } else if ((rc = way_of(st, by->parcel_ref, false, way, e)) < 0) {
    return rc;
  }
  change_count(
      c, account_key(&key, BY_AUTHOR, span_of(by->author, CRYPT_KEY_SIZE)),
      cost);
  change_count(c, account_key(&key, BY_COLLECTION, listing_collection(by)),
               cost);
  change_count(c, account_key(&key, BY_WAY, span_of(way, strlen(way))), cost);
  return 0;
}

/* ---- leave ---- */

static int64_t limit_of(const struct quotas *q, int64_t set, int part)
{
  return set > 0                     ? set
         : set < 0 || q->budget <= 0 ? INT64_MAX
                                     : q->budget / part;
}

static int check_account(struct station *st, enum account kind,
                         struct span name, int64_t limit, int64_t cost,
                         struct err *e)
{
  struct account_key key;
  int64_t held = 0;
  int rc = limit == INT64_MAX
               ? 0
               : change_counter(st, account_key(&key, kind, name), &held, e);
  if (rc < 0 || held <= limit - cost) {
    return rc;
  }
  return err_set(e, ERR_QUOTA,
                 "there is no room for it: %s that nobody vouches for has "
                 "%" PRId64 " of %" PRId64 " bytes here",
                 kind == BY_AUTHOR       ? "its author,"
                 : kind == BY_COLLECTION ? "in its collection, what"
                                         : "by its way, what",
                 held, limit);
}

/* ${reserve}: how much of the budget is not for this. */
static int check_budget(struct station *st, int64_t reserve, int64_t cost,
                        struct err *e)
{
  int64_t budget = st->room.limits.budget;
  struct store_room room = {0};
  if (budget <= 0) {
    return 0;
  }
  int rc = st->store->ops->room(st->store, &room, e);
  if (rc < 0 || (int64_t)(room.used + room.log) <= budget - reserve - cost) {
    return rc;
  }
  return err_set(
      e, ERR_QUOTA,
      "there is no room for it: %" PRIu64 " of %" PRId64 " bytes are in use%s",
      room.used + room.log, budget,
      reserve > 0 ? ", the rest is for authors who are vouched for" : "");
}

int quota_check(struct station *st, const struct listing *by, int64_t cost,
                struct err *e)
{
  const struct quotas *q = &st->room.limits;
  const char *way = st->ways.now;
  int rc;
  if (!st->room.counted || memcmp(by->author, st->self, CRYPT_KEY_SIZE) == 0) {
    return 0;
  }
  if ((rc = quota_vouched(st, by->author, NULL, e)) < 0) {
    return rc;
  }
  if (rc > 0) {
    return check_budget(st, 0, cost, e);
  }
  if ((rc = check_budget(st, q->budget / QUOTA_RESERVE, cost, e)) < 0 ||
      (rc = check_account(st, BY_AUTHOR, span_of(by->author, CRYPT_KEY_SIZE),
                          limit_of(q, q->author, QUOTA_AUTHOR_PART), cost, e)) <
          0 ||
      (rc = check_account(st, BY_COLLECTION, listing_collection(by),
                          limit_of(q, q->collection, QUOTA_COLLECTION_PART),
                          cost, e)) < 0) {
    return rc;
  }
  return check_account(st, BY_WAY, span_of(way, strlen(way)),
                       limit_of(q, q->way, QUOTA_WAY_PART), cost, e);
}

int quota_check_files(struct station *st, size_t bytes, struct err *e)
{
  return check_budget(st, 0, (int64_t)bytes, e);
}
