/* SPDX-License-Identifier: 0BSD */
/* For the tests of persistent sketches: logs of any length, filled past
 * admit, and a sketch made from scratch to compare with. */
#ifndef SKETCHES_SHELF_H
#define SKETCHES_SHELF_H

#include "station/sketches.h"
#include "station_shelf.h"

/* Append ${n} blocks that look like nothing to a collection's log, made from
 * ${seed}; as admit would, say so after each. */
static inline void log_fill(struct station *st, const char *collection,
                            uint64_t seed, size_t n)
{
  enum { BATCH = 512 };
  static struct store_block block[BATCH];
  static uint64_t bytes[BATCH], log[BATCH];
  struct span name = span_of(collection, strlen(collection));
  struct err e = {0};
  for (size_t at = 0; at < n; at += BATCH) {
    size_t some = n - at < BATCH ? n - at : BATCH;
    for (size_t i = 0; i < some; i++) {
      bytes[i] = (seed << 32) + at + i;
      block[i].bytes = span_of(&bytes[i], sizeof bytes[i]);
      NEED(cid_of(&block[i].cid, CID_DAG_CBOR, &bytes[i], sizeof bytes[i]) ==
           0);
      log[i] = STORE_NEW(i);
    }
    struct store_batch batch = {.collection = name,
                                .blocks = block,
                                .blocks_n = some,
                                .log = log,
                                .log_n = some};
    NEED(st->store->ops->append(st->store, &batch, NULL, NULL, &e) == 0);
    for (size_t i = 0; i < some; i++) {
      sketches_note(st, name);
    }
  }
}

/* The collection's sketch and state, made from its whole log. */
static inline void log_sketch(struct station *st, const char *collection,
                              struct sketch *sk, struct sketches_state *state)
{
  static struct setsum sum;
  struct span name = span_of(collection, strlen(collection));
  uint64_t refs[100], after = 0;
  struct err e = {0};
  struct cid cid;
  int n;
  memset(sk, 0, sizeof *sk);
  memset(&sum, 0, sizeof sum);
  while ((n = st->store->ops->since(st->store, name, after, refs, 100, &e)) >
         0) {
    for (int i = 0; i < n; i++) {
      NEED(st->store->ops->get_ref(st->store, refs[i], &cid, NULL, &e) == 0);
      sketch_add(sk, sketch_handle(cid_digest(&cid)));
      setsum_add(&sum, cid_digest(&cid));
    }
    after = refs[n - 1];
  }
  NEED(n == 0);
  state->upto = after;
  state->count = sum.count;
  NEED(setsum_digest(state->digest, &sum) == 0);
}

static inline bool states_equal(const struct sketches_state *a,
                                const struct sketches_state *b)
{
  return a->upto == b->upto && a->count == b->count &&
         memcmp(a->digest, b->digest, HASH_SIZE) == 0;
}

/* Is what the station keeps what its log says? */
static inline bool sketches_sound(struct station *st, const char *collection)
{
  static struct sketch kept, made;
  struct sketches_state is = {0}, want = {0};
  struct err e = {0};
  log_sketch(st, collection, &made, &want);
  int rc =
      sketches_get(st, span_of(collection, strlen(collection)), &kept, &is, &e);
  if (rc < 0) {
    printf("  %s: %s\n", collection, e.text);
  }
  return rc == 0 && states_equal(&is, &want) &&
         memcmp(&kept, &made, sizeof made) == 0;
}

/* A pair of the store: the name of a kind of row, and the collection's. */
static inline struct span row_key(const char *head, const char *collection)
{
  static char key[4][STORE_KV_KEY_MAX];
  static unsigned turn;
  char *out = key[turn++ % 4];
  int n = snprintf(out, sizeof key[0], "sketch/%s/%s", head, collection);
  return span_of(out, (size_t)n);
}

static inline bool row_get(struct station *st, struct span key, struct buf *out)
{
  struct err e = {0};
  buf_clear(out);
  int rc = st->store->ops->kv_get(st->store, key, out, &e);
  NEED(rc == 0 || rc == ERR_NOENT);
  return rc == 0;
}

static inline void row_put(struct station *st, struct span key,
                           struct span value)
{
  struct store_pair pair = {key, value};
  struct store_batch batch = {.kv = &pair, .kv_n = 1};
  struct err e = {0};
  NEED(st->store->ops->append(st->store, &batch, NULL, NULL, &e) == 0);
}

#endif
