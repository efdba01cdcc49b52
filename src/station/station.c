/* SPDX-License-Identifier: 0BSD */
#include "station/station.h"

#include "base/check.h"
#include "base/mem.h"
#include "form/keyfile.h"
#include "form/plain.h"
#include "station/admit.h"
#include "station/inside.h"
#include "station/later.h"
#include "station/sketches.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FOLLOW_PREFIX "follow/"
#define KEY_SUFFIX ".key"

/* ---- life ---- */

struct station *station_ref(struct station *st)
{
  st->refs++;
  return st;
}

static void shut(struct station *st)
{
  if (st->store != NULL) {
    st->store->ops->close(st->store);
    st->store = NULL;
  }
  identity_del(st->id);
  st->id = NULL;
  crypt_wipe(st->session_secret, sizeof st->session_secret);
  station_forget_parcels(st);
  sketches_free(st);
  zpack_del(st->zpack);
  analyser_close(st->analyser);
  st->analyser = NULL;
  st->zpack = NULL;
}

void station_unref(struct station *st)
{
  if (st == NULL || --st->refs > 0) {
    return;
  }
  shut(st);
  mem_free(st->imported);
  buf_free(&st->later.bytes);
  mem_free(st->path);
  mem_free(st);
}

void station_close(struct station *st)
{
  if (st == NULL) {
    return;
  }
  struct err ignored; /* nothing that was promised waits there */
  if (st->store != NULL) {
    int rc = station_settle(st, &ignored);
    rc = rc < 0 ? rc : later_flush(st, &ignored);
    (void)rc;
  }
  st->closed = true;
  shut(st);
  station_unref(st);
}

int station_alive(struct station *st, struct err *e)
{
  if (st->closed) {
    return err_set(e, ERR_CLOSED, "the station was closed");
  }
  return 0;
}

int station_whole(struct station *st, struct err *e)
{
  int rc = station_alive(st, e);
  if (rc == 0 && st->half_derived) {
    rc = err_set(e, ERR_BUSY, "%s is being rebuilt: ask when that is done",
                 st->path);
  }
  return rc;
}

int station_writable(struct station *st, struct err *e)
{
  int rc = station_owned(st, e);
  if (rc == 0 && st->half_derived) {
    rc = err_set(e, ERR_BUSY, "%s is being rebuilt: write when that is done",
                 st->path);
  }
  return rc;
}

int station_gather(struct station *st, struct err *e)
{
  if (st->grouped) {
    return 0;
  }
  int rc = st->store->ops->group(st->store, true, e);
  st->grouped = rc == 0;
  return rc;
}

int station_settle(struct station *st, struct err *e)
{
  if (!st->grouped) {
    return 0;
  }
  st->grouped = false;
  int rc = st->store->ops->group(st->store, false, e);
  if (rc < 0) { /* nothing that was read of it holds any more */
    st->groups_lost++;
    st->loaded = false;
    station_forget_parcels(st);
    sketches_free(st);
  }
  return rc;
}

int station_owned(struct station *st, struct err *e)
{
  int rc = station_alive(st, e);
  if (rc == 0) {
    rc = station_settle(st, e);
  }
  if (rc == 0 && st->readonly) {
    rc = err_set(e, ERR_READONLY, "%s is open for reading only", st->path);
  }
  return rc;
}

/* A key of our own must not be made for a store that somebody else's identity
 * filled, nor a store be opened under a wrong key: so the store remembers its
 * key. */
static int bind_identity(struct station *st, struct err *e)
{
  static const char name[] = "station/key";
  struct span key = span_of(name, sizeof name - 1);
  struct span mine = {0};
  struct buf held = {0};
  if (st->id != NULL) {
    mine = span_of(identity_key(st->id), CRYPT_KEY_SIZE);
  }
  int rc = st->store->ops->kv_get(st->store, key, &held, e);
  if (rc == 0 && held.n != CRYPT_KEY_SIZE) {
    rc = err_set(e, ERR_CORRUPT, "%s: its own key has %zu bytes", st->path,
                 held.n);
  } else if (rc == 0 && mine.n > 0 && !span_equal(buf_span(&held), mine)) {
    rc = err_set(e, ERR_ACCESS,
                 "the key file is not the one that %s was made with", st->path);
  } else if (rc == 0) {
    memcpy(st->self, held.p, CRYPT_KEY_SIZE);
  } else if (rc == ERR_NOENT && st->readonly) {
    rc = err_set(e, ERR_CORRUPT, "%s does not say whose station it is",
                 st->path);
  } else if (rc == ERR_NOENT) {
    struct store_pair pair = {key, mine};
    struct store_batch batch = {.kv = &pair, .kv_n = 1};
    rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);
    CHECK(mine.n == CRYPT_KEY_SIZE); /* a writer has its key */
    memcpy(st->self, mine.p, CRYPT_KEY_SIZE);
  }
  did_text(st->did, st->self);
  buf_free(&held);
  return rc;
}

static bool exists(const char *path)
{
  struct stat info;
  return lstat(path, &info) == 0;
}

static int open_identity(struct station *st, const struct station_options *opt,
                         struct err *e)
{
  char *beside = NULL;
  const char *path = opt->key;
  int rc = 0;
  if (path == NULL) {
    size_t n = strlen(st->path);
    beside = mem_alloc(n + sizeof KEY_SUFFIX);
    if (beside == NULL) {
      return err_set(e, ERR_NOMEM, "not enough memory");
    }
    memcpy(beside, st->path, n);
    memcpy(beside + n, KEY_SUFFIX, sizeof KEY_SUFFIX);
    path = beside;
  }
  if (exists(path) || opt->readonly || !opt->create || exists(st->path)) {
    /* An existing store without its key is never given a new one: that would
     * part it from everything it has published. */
    rc = keyfile_load(&st->id, path, opt->pass, e);
    if (opt->readonly && (rc == ERR_NOENT || rc == ERR_ACCESS)) {
      rc = 0; /* a reader needs no secret; what signs will say so */
    }
    goto done;
  }
  if ((rc = identity_new(&st->id, e)) < 0) {
    goto done;
  }
  rc = keyfile_save(path, st->id, opt->pass, e);

done:
  mem_free(beside);
  return rc;
}

static int open_parts(struct station *st, const struct station_options *opt,
                      struct err *e)
{
  struct store_options so = {.readonly = opt->readonly, .create = opt->create};
  int rc;
  if (!exists(st->path) && (opt->readonly || !opt->create)) {
    return err_set(e, ERR_NOENT, "%s: there is no station here", st->path);
  }
  if ((rc = crypt_start(e)) < 0 || (rc = open_identity(st, opt, e)) < 0) {
    return rc;
  }
  st->zpack = zpack_new();
  if (st->zpack == NULL || analyser_open(&st->analyser) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  if ((rc = store_sqlite_open(&st->store, st->path, &so, e)) < 0 ||
      (rc = bind_identity(st, e)) < 0 || (rc = station_refresh(st, e)) < 0 ||
      (rc = indexing_check(st, e)) < 0 ||
      (rc = upkeep_finish_rebuild(st, e)) < 0) {
    return rc;
  }
  return opt->readonly ? 0 : admit_release_held(st, e);
}

int station_open(struct station **out, const char *path,
                 const struct station_options *opt, struct err *e)
{
  size_t n = strlen(path);
  if (n == 0 || n > PATH_BYTES_MAX) {
    return err_set(e, ERR_INVALID, "a path has 1 to %d bytes", PATH_BYTES_MAX);
  }
  struct station *st = mem_zero(sizeof *st);
  if (st == NULL || (st->path = mem_alloc(n + 1)) == NULL) {
    mem_free(st);
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  memcpy(st->path, path, n + 1);
  st->refs = 1;
  st->readonly = opt->readonly;
  st->index_later = opt->index_later;
  st->host = opt->host;
  int rc = open_parts(st, opt, e);
  if (rc < 0) {
    station_close(st);
    return rc;
  }
  *out = st;
  return 0;
}

const char *station_did(const struct station *st)
{
  return st->did;
}

const char *station_path(const struct station *st)
{
  return st->path;
}

void station_set_policy(struct station *st, bool ask)
{
  st->has_policy = ask;
}

int64_t station_now(struct station *st)
{
  return st->host.now != NULL ? st->host.now(st->host.ud) : (int64_t)time(NULL);
}

int station_refresh(struct station *st, struct err *e)
{
  uint64_t version;
  if (st->loaded && !st->readonly) { /* nobody writes but us */
    return st->held_next == INT64_MAX ? 0 : admit_release_held(st, e);
  }
  int rc = st->store->ops->version(st->store, &version, e);
  if (rc < 0 || (st->loaded && version == st->version)) {
    return rc;
  }
  station_forget_parcels(st);
  if ((rc = admit_load_state(st, e)) == 0) {
    st->version = version;
    st->loaded = true;
  }
  return rc;
}

/* ---- authors and parcels ---- */

bool station_author_ok(struct station *st, const uint8_t *key)
{
  uint8_t *slot = st->good_author[key[0] % AUTHOR_CACHE];
  if (memcmp(slot, key, CRYPT_KEY_SIZE) == 0) {
    return true; /* the all-zero key is small-order: never stored here */
  }
  if (!crypt_author_ok(key)) {
    return false;
  }
  memcpy(slot, key, CRYPT_KEY_SIZE);
  return true;
}

void station_forget_parcels(struct station *st)
{
  for (size_t i = 0; i < PARCEL_CACHE; i++) {
    buf_free(&st->parcels[i].bytes);
    st->parcels[i].ref = 0;
  }
}

int station_parcel(struct station *st, uint64_t ref,
                   const struct cached_parcel **out, struct err *e)
{
  struct cached_parcel *oldest = &st->parcels[0];
  st->parcel_clock++;
  for (size_t i = 0; i < PARCEL_CACHE; i++) {
    struct cached_parcel *c = &st->parcels[i];
    if (c->ref == ref) {
      c->used = st->parcel_clock;
      *out = c;
      return 0;
    }
    if (c->used < oldest->used) {
      oldest = c;
    }
  }
  oldest->ref = 0;
  buf_clear(&oldest->bytes);
  int rc =
      st->store->ops->get_ref(st->store, ref, &oldest->cid, &oldest->bytes, e);
  if (rc == 0) {
    rc = parcel_read(&oldest->view, buf_span(&oldest->bytes), e);
    if (rc < 0 && rc != ERR_NOMEM) {
      rc = err_set(e, ERR_CORRUPT,
                   "block %" PRIu64 " of %s was indexed as a parcel and is "
                   "none; rebuild it",
                   ref, st->path);
    }
  }
  if (rc < 0) {
    return rc;
  }
  oldest->ref = ref;
  oldest->used = st->parcel_clock;
  *out = oldest;
  return 0;
}

/* ---- follow ---- */

static size_t le32(const uint8_t *p)
{
  return (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 |
         (size_t)p[3] << 24;
}

bool kv_next(struct kv_reader *r, struct span *key, struct span *value)
{
  if (r->at == r->pairs.n) {
    return false;
  }
  const uint8_t *p = r->pairs.p + r->at;
  *key = span_of(p + 4, le32(p));
  p += 4 + key->n;
  *value = span_of(p + 4, le32(p));
  r->at += 8 + key->n + value->n;
  CHECK(r->at <= r->pairs.n);
  return true;
}

static int follow_put(struct station *st, struct span pattern,
                      struct span value, struct err *e)
{
  struct buf key = {0};
  int rc = buf_put(&key, FOLLOW_PREFIX, sizeof FOLLOW_PREFIX - 1);
  if (rc < 0 || (rc = buf_put(&key, pattern.p, pattern.n)) < 0) {
    rc = err_set(e, rc, "not enough memory");
    goto done;
  }
  if (value.p == NULL) {
    struct buf held = {0};
    rc = st->store->ops->kv_get(st->store, buf_span(&key), &held, e);
    buf_free(&held);
    if (rc == ERR_NOENT && plain_text(pattern)) {
      rc = err_set(e, rc, "\"%.*s\" is not followed", (int)pattern.n,
                   (const char *)pattern.p);
    } else if (rc == ERR_NOENT) {
      rc = err_set(e, rc, "there is no such follow rule");
    }
    if (rc < 0) {
      goto done;
    }
  }
  struct store_pair pair = {buf_span(&key), value};
  struct store_batch batch = {.kv = &pair, .kv_n = 1};
  rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);

done:
  buf_free(&key);
  return rc;
}

int station_follow(struct station *st, struct span pattern, int64_t files,
                   struct err *e)
{
  char text[24];
  int rc;
  if ((rc = station_writable(st, e)) < 0 ||
      (rc = pattern_check(pattern, e)) < 0) {
    return rc;
  }
  if (files < 0) {
    return err_set(e, ERR_INVALID, "a size of files can't be negative");
  }
  int n = snprintf(text, sizeof text, "%" PRId64, files);
  CHECK(n > 0 && (size_t)n < sizeof text);
  return follow_put(st, pattern, span_of(text, (size_t)n), e);
}

int station_unfollow(struct station *st, struct span pattern, struct err *e)
{
  int rc = station_writable(st, e);
  return rc < 0 ? rc : follow_put(st, pattern, span_of(NULL, 0), e);
}

int station_follows(struct station *st, struct buf *out, struct err *e)
{
  static const struct span prefix = {(const uint8_t *)FOLLOW_PREFIX,
                                     sizeof FOLLOW_PREFIX - 1};
  struct buf pairs = {0}, last = {0};
  int rc = station_alive(st, e);
  while (rc >= 0) {
    buf_clear(&pairs);
    rc = st->store->ops->kv_list(st->store, prefix, buf_span(&last), &pairs,
                                 STORE_LIST_MAX, e);
    if (rc < 0 || pairs.n == 0) {
      break;
    }
    struct kv_reader r = {buf_span(&pairs), 0};
    struct span key, value;
    while (rc >= 0 && kv_next(&r, &key, &value)) {
      buf_clear(&last);
      if ((rc = buf_put(&last, key.p, key.n)) < 0 ||
          (rc = buf_put(out, key.p + prefix.n, key.n - prefix.n)) < 0 ||
          (rc = buf_byte(out, 0)) < 0 ||
          (rc = buf_put(out, value.p, value.n)) < 0 ||
          (rc = buf_byte(out, 0)) < 0) {
        rc = err_set(e, rc, "not enough memory");
      }
    }
  }
  buf_free(&pairs);
  buf_free(&last);
  return rc < 0 ? rc : 0;
}

int station_follow_files(struct station *st, struct span collection,
                         int64_t otherwise, int64_t *out, struct err *e)
{
  struct buf list = {0};
  int64_t most = -1;
  int rc = station_follows(st, &list, e);
  for (size_t at = 0; rc == 0 && at < list.n;) {
    const char *pattern = (const char *)list.p + at;
    size_t n = strlen(pattern);
    const char *size = pattern + n + 1;
    at += n + 1 + strlen(size) + 1;
    if (pattern_matches(span_of(pattern, n), collection)) {
      int64_t files = strtoll(size, NULL, 10);
      most = files > most ? files : most;
    }
  }
  buf_free(&list);
  if (rc == 0) {
    *out = most >= 0 ? most : otherwise;
  }
  return rc;
}

/* ---- sums ---- */

int station_version(struct station *st, uint64_t *out, struct err *e)
{
  int rc = station_alive(st, e);
  if (rc < 0 || (rc = station_refresh(st, e)) < 0) { /* what was held, too */
    return rc;
  }
  return st->store->ops->version(st->store, out, e);
}

#define STATS_PAGE 256

/* All collections and their parcels, a page of them at a time. */
static int count_collections(struct station *st, struct station_stats *s,
                             struct err *e)
{
  struct store_end end[STATS_PAGE];
  struct buf names = {0}, last = {0};
  int n;
  do {
    size_t at = 0;
    buf_clear(&names);
    n = st->store->ops->ends(st->store, buf_span(&last), &names, end,
                             STATS_PAGE, e);
    for (int i = 0; i < n; i++) {
      s->parcels += end[i].count;
      s->collections++;
      at += i > 0 ? strlen((const char *)names.p + at) + 1 : 0;
    }
    buf_clear(&last);
    if (n > 0 && buf_put(&last, names.p + at, names.n - at - 1) < 0) {
      n = err_set(e, ERR_NOMEM, "not enough memory");
    }
  } while (n == STATS_PAGE);
  buf_free(&names);
  buf_free(&last);
  return n < 0 ? n : 0;
}

int station_stats(struct station *st, struct station_stats *out, struct err *e)
{
  struct station_stats s = {0};
  int rc;
  if ((rc = station_alive(st, e)) < 0 || (rc = later_flush(st, e)) < 0 ||
      (rc = station_refresh(st, e)) < 0 ||
      (rc = st->store->ops->stats(st->store, &s.store, e)) < 0 ||
      (rc = count_collections(st, &s, e)) < 0) {
    return rc;
  }
  s.held = st->held_n;
  s.unindexed = st->unindexed_after != UINT64_MAX;
  *out = s;
  return 0;
}

int station_digest(struct station *st, uint8_t out[32], struct err *e)
{
  int rc = station_alive(st, e);
  return rc < 0 ? rc : st->store->ops->derived_digest(st->store, out, e);
}
