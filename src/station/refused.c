/* SPDX-License-Identifier: 0BSD */
#include "station/refused.h"

#include "base/mem.h"
#include "station/change.h"
#include "station/listing.h"

#include <string.h>

#define REFUSED_PREFIX "refused/"

static const struct span no_key = {NULL, 0};

static struct span refused_prefix(void)
{
  return span_of(REFUSED_PREFIX, sizeof REFUSED_PREFIX - 1);
}

static size_t refused_key(uint8_t out[sizeof REFUSED_PREFIX - 1 + CID_SIZE],
                          const struct cid *cid)
{
  memcpy(out, REFUSED_PREFIX, sizeof REFUSED_PREFIX - 1);
  memcpy(out + sizeof REFUSED_PREFIX - 1, cid->b, CID_SIZE);
  return sizeof REFUSED_PREFIX - 1 + CID_SIZE;
}

int refused_before(struct station *st, const struct cid *cid, struct err *e)
{
  uint8_t key[sizeof REFUSED_PREFIX - 1 + CID_SIZE];
  struct buf value = {0};
  size_t n = refused_key(key, cid);
  int rc = st->store->ops->kv_get(st->store, span_of(key, n), &value, e);
  buf_free(&value);
  return rc == 0 ? 1 : rc == ERR_NOENT ? 0 : rc;
}

int refused_any(struct station *st, struct err *e)
{
  struct buf pairs = {0};
  int rc = st->store->ops->kv_list(st->store, refused_prefix(), no_key, &pairs,
                                   1, e);
  bool any = pairs.n > 0;
  buf_free(&pairs);
  return rc < 0 ? rc : any;
}

static int note_keys(struct station *st, const struct cid *cid, size_t n,
                     struct err *e)
{
  enum { SIZE = sizeof REFUSED_PREFIX - 1 + CID_SIZE };
  uint8_t(*keys)[SIZE] = mem_resize(NULL, n, sizeof *keys);
  struct store_pair *pair = mem_resize(NULL, n, sizeof *pair);
  int rc = keys == NULL || pair == NULL
               ? err_set(e, ERR_NOMEM, "not enough memory")
               : 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    pair[i].key = span_of(keys[i], refused_key(keys[i], &cid[i]));
    pair[i].value = span_of("", 0);
  }
  if (rc == 0) {
    struct store_batch batch = {.kv = pair, .kv_n = n};
    rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);
  }
  mem_free(keys);
  mem_free(pair);
  return rc;
}

/* Parcels here wait for it no more. */
static int drop_asking(struct change *c, struct station *st,
                       const struct cid *cid, struct err *e)
{
  const struct cached_parcel *p;
  uint64_t ref = 0;
  int rc;
  while ((rc = next_asking(st, cid, &ref, &p, e)) > 0) {
    change_drop(c, IDX_MISSING, no_key, cid_order(cid), ref);
  }
  return rc;
}

int refused_note(struct station *st, const struct cid *cid, size_t n,
                 struct err *e)
{
  if (n == 0) {
    return 0;
  }
  struct change *c = change_new(st->analyser);
  int rc = c == NULL ? err_set(e, ERR_NOMEM, "not enough memory")
                     : note_keys(st, cid, n, e);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    rc = drop_asking(c, st, &cid[i], e);
  }
  if (rc == 0 && c->drop.n > 0) {
    rc = change_commit(c, st, no_key, NULL, NULL, e);
  }
  change_del(c);
  return rc;
}

int station_forget_refusals(struct station *st, uint64_t *n, struct err *e)
{
  int rc = station_writable(st, e);
  *n = 0;
  do {
    rc = rc < 0 ? rc : change_drop_kv(st, refused_prefix(), e);
    *n += rc > 0 ? (uint64_t)rc : 0;
  } while (rc > 0);
  return rc;
}
