/* SPDX-License-Identifier: 0BSD */
#include "station/sketches.h"

#include "base/check.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

#define REST_PREFIX "sketch/rest/"
#define STATE_PREFIX "sketch/state/"
#define KEY_MAX (sizeof STATE_PREFIX - 1 + COLLECTION_NAME_MAX)
/* upto, count, how many parcels lie at rest (8 bytes each, big endian),
 * digest. */
#define STATE_SIZE (3 * 8 + HASH_SIZE)

#define SLOTS 256 /* collections that are remembered, by their names' hash */
#define PAGE 256  /* of the log */
/* A long way is saved on the way. */
#define SAVE_EVERY (16 * SKETCHES_EVERY)
/* Blocks of one prefix: 16 of them are 2^60 hashes away. */
#define SAME_PREFIX 16

_Static_assert(KEY_MAX <= STORE_KV_KEY_MAX, "a name fits a key");

/* A sketch at work. */
struct live {
  struct sketch sketch;
  struct setsum sum;
  uint64_t upto;   /* of the log: what is in it */
  uint64_t rested; /* how many parcels the one at rest has */
  uint64_t used;
  bool anew;   /* begun with the log, and not yet at its end */
  bool hashed; /* ${digest} is that of ${sum} */
  uint8_t digest[HASH_SIZE];
};

struct slot {
  uint8_t name[COLLECTION_NAME_MAX];
  size_t name_n; /* 0: empty */
  bool counted;  /* ${behind} is known */
  uint64_t behind;
  struct live *live; /* or NULL */
};

struct sketches {
  struct slot slot[SLOTS];
  struct live *spare; /* for small collections */
  uint64_t clock;
  int lives;
};

/* ---- what lies at rest ---- */

static const struct span rest_prefix = {(const uint8_t *)REST_PREFIX,
                                        sizeof REST_PREFIX - 1};
static const struct span state_prefix = {(const uint8_t *)STATE_PREFIX,
                                         sizeof STATE_PREFIX - 1};

static struct span key_of(uint8_t out[KEY_MAX], struct span prefix,
                          struct span name)
{
  CHECK(prefix.n + name.n <= KEY_MAX);
  memcpy(out, prefix.p, prefix.n);
  if (name.n > 0) {
    memcpy(out + prefix.n, name.p, name.n);
  }
  return span_of(out, prefix.n + name.n);
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
  for (int i = 0; i < 8; i++) {
    p[i] = (uint8_t)(v >> (56 - 8 * i));
  }
  return p + 8;
}

static uint64_t get64(const uint8_t *p)
{
  uint64_t v = 0;
  for (int i = 0; i < 8; i++) {
    v = v << 8 | p[i];
  }
  return v;
}

static void put_state(uint8_t out[STATE_SIZE], const struct sketches_state *s,
                      uint64_t rested)
{
  memcpy(put64(put64(put64(out, s->upto), s->count), rested), s->digest,
         HASH_SIZE);
}

/* false: it is none. */
static bool read_state(struct sketches_state *s, uint64_t *rested,
                       struct span value)
{
  if (value.n != STATE_SIZE) {
    return false;
  }
  s->upto = get64(value.p);
  s->count = get64(value.p + 8);
  *rested = get64(value.p + 16);
  memcpy(s->digest, value.p + 24, HASH_SIZE);
  return true;
}

/* How many parcels lie at rest; 0 when none do. */
static int find_rested(struct station *st, struct span name, uint64_t *out,
                       struct err *e)
{
  uint8_t key[KEY_MAX];
  struct sketches_state state;
  struct buf value = {0};
  int rc = st->store->ops->kv_get(st->store, key_of(key, state_prefix, name),
                                  &value, e);
  if (rc < 0 || !read_state(&state, out, buf_span(&value))) {
    *out = 0;
  }
  buf_free(&value);
  return rc == ERR_NOENT ? 0 : rc;
}

static int in_log(struct station *st, struct span name, uint64_t ref,
                  struct err *e)
{
  uint64_t got = 0;
  int n = ref == 0
              ? 0
              : st->store->ops->since(st->store, name, ref - 1, &got, 1, e);
  return n < 0 ? n : n > 0 && got == ref;
}

static void empty_out(struct live *l)
{
  memset(&l->sketch, 0, sizeof l->sketch);
  memset(&l->sum, 0, sizeof l->sum);
  l->upto = l->rested = 0;
  l->anew = true;
  l->hashed = false;
}

/* What lies at rest into ${l}, the empty set where that is not whole. */
static int load(struct station *st, struct span name, struct live *l,
                struct err *e)
{
  uint8_t key[KEY_MAX];
  struct sketch_rest rest = {&l->sketch, &l->sum, 0};
  struct buf value = {0};
  empty_out(l);
  int rc = st->store->ops->kv_get(st->store, key_of(key, rest_prefix, name),
                                  &value, e);
  if (rc == 0) {
    rc = sketch_rest_read(&rest, buf_span(&value), e);
  }
  buf_free(&value);
  if (rc == 0 && (rc = in_log(st, name, rest.upto, e)) > 0) {
    l->upto = rest.upto;
    l->rested = l->sum.count;
    l->anew = false;
  } else {
    empty_out(l);
  }
  return rc == ERR_NOENT || rc == ERR_CORRUPT || rc > 0 ? 0 : rc;
}

static int hash_state(const struct live *l, struct sketches_state *out,
                      struct err *e)
{
  out->count = l->sum.count;
  out->upto = l->upto;
  if (l->hashed) {
    memcpy(out->digest, l->digest, HASH_SIZE);
    return 0;
  }
  int rc = setsum_digest(out->digest, &l->sum);
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

static int state_of(struct live *l, struct sketches_state *out, struct err *e)
{
  int rc = hash_state(l, out, e);
  if (rc == 0) {
    memcpy(l->digest, out->digest, HASH_SIZE);
    l->hashed = true;
  }
  return rc;
}

static bool may_write(const struct station *st)
{
  return !st->readonly && !st->half_derived;
}

static int save(struct station *st, struct span name, struct live *l,
                struct err *e)
{
  uint8_t rest_key[KEY_MAX], state_key[KEY_MAX], state_bytes[STATE_SIZE];
  struct sketch_rest rest = {&l->sketch, &l->sum, l->upto};
  struct sketches_state state;
  struct buf value = {0};
  int rc = state_of(l, &state, e);
  if (rc == 0 && (rc = sketch_rest_put(&value, &rest)) < 0) {
    rc = err_set(e, rc, "not enough memory");
  }
  if (rc == 0) {
    put_state(state_bytes, &state, state.count);
    struct store_pair pair[2] = {
        {key_of(rest_key, rest_prefix, name), buf_span(&value)},
        {key_of(state_key, state_prefix, name),
         span_of(state_bytes, STATE_SIZE)}};
    struct store_batch batch = {.kv = pair, .kv_n = 2};
    rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);
  }
  buf_free(&value);
  return rc;
}

/* A cache that can't be written (the disk is full) costs time and no truth:
 * nobody is told, and the next try comes as many parcels later. */
static void save_if_due(struct station *st, struct span name, struct live *l,
                        uint64_t every)
{
  struct err why;
  if (may_write(st) && l->sum.count > SKETCHES_SMALL &&
      l->sum.count - l->rested >= every) {
    int rc = save(st, name, l, &why);
    (void)rc;
    l->rested = l->sum.count;
  }
}

/* ---- along the log ---- */

static int take(struct station *st, struct live *l, struct span name,
                uint64_t ref, struct err *e)
{
  struct cid cid;
  int rc = st->store->ops->get_ref(st->store, ref, &cid, NULL, e);
  if (rc == ERR_NOENT) {
    return err_set(e, ERR_CORRUPT,
                   "parcel %" PRIu64 " of %.*s is listed in %s and is not "
                   "there; rebuild it",
                   ref, (int)name.n, (const char *)name.p, st->path);
  }
  if (rc == 0) {
    sketch_add(&l->sketch, sketch_handle(cid_digest(&cid)));
    setsum_add(&l->sum, cid_digest(&cid));
    l->upto = ref;
    l->hashed = false;
  }
  return rc;
}

/* Up to SKETCHES_STEP parcels more. 1: there may be more of them. */
static int advance(struct station *st, struct span name, struct live *l,
                   struct err *e)
{
  uint64_t refs[PAGE];
  int rc = 0, n = PAGE;
  for (unsigned done = 0; rc == 0 && n == PAGE && done < SKETCHES_STEP;
       done += PAGE) {
    n = st->store->ops->since(st->store, name, l->upto, refs, PAGE, e);
    rc = n < 0 ? n : 0;
    for (int i = 0; rc == 0 && i < n; i++) {
      rc = take(st, l, name, refs[i], e);
    }
  }
  return rc < 0 ? rc : n == PAGE;
}

/* Is the whole log in, and nothing else? What entered below `upto` would be
 * missing. The log may have grown from ${before} meanwhile. 1: no, it is made
 * anew. */
static int recount(struct station *st, struct span name, struct live *l,
                   uint64_t before, struct err *e)
{
  uint64_t after = 0;
  int rc = st->store->ops->count(st->store, name, &after, e);
  if (rc < 0) {
    return rc;
  }
  if (l->sum.count >= before && l->sum.count <= after) {
    l->anew = false;
    return 0;
  }
  if (l->anew) {
    return err_set(e, ERR_CORRUPT,
                   "%s counts %" PRIu64 " parcels of %.*s and lists %" PRIu64
                   "; rebuild it",
                   st->path, after, (int)name.n, (const char *)name.p,
                   l->sum.count);
  }
  empty_out(l);
  return 1;
}

/* A step nearer to the log's end: 1, or 0 when it is reached. */
static int step(struct station *st, struct span name, struct live *l,
                struct err *e)
{
  uint64_t before = 0;
  int rc = st->store->ops->count(st->store, name, &before, e);
  if (rc < 0) {
    return rc;
  }
  st->store->ops->hold(st->store, true);
  rc = advance(st, name, l, e);
  st->store->ops->hold(st->store, false);
  if (rc == 0) {
    rc = recount(st, name, l, before, e);
  }
  if (rc >= 0) {
    save_if_due(st, name, l, rc > 0 ? SAVE_EVERY : SKETCHES_EVERY);
  }
  return rc;
}

/* ---- what is in memory ---- */

static struct live *live_new(void)
{
  return mem_zero(sizeof(struct live));
}

static void slot_drop(struct sketches *all, struct slot *s)
{
  all->lives -= s->live != NULL;
  mem_free(s->live);
  s->live = NULL;
}

/* The collection's slot, which may have been another's; NULL: no memory. */
static struct slot *slot_of(struct station *st, struct span name)
{
  uint32_t h = 2166136261u; /* FNV-1a */
  for (size_t i = 0; i < name.n; i++) {
    h = (h ^ name.p[i]) * 16777619u;
  }
  if (st->sketches == NULL &&
      (st->sketches = mem_zero(sizeof *st->sketches)) == NULL) {
    return NULL;
  }
  struct slot *s = &st->sketches->slot[h % SLOTS];
  if (!span_equal(span_of(s->name, s->name_n), name)) {
    slot_drop(st->sketches, s);
    memcpy(s->name, name.p, name.n);
    s->name_n = name.n;
    s->counted = false;
  }
  return s;
}

static void make_room(struct sketches *all)
{
  while (all->lives >= SKETCHES_LIVE) {
    struct slot *oldest = NULL;
    for (struct slot *s = all->slot; s < all->slot + SLOTS; s++) {
      if (s->live != NULL &&
          (oldest == NULL || s->live->used < oldest->live->used)) {
        oldest = s;
      }
    }
    CHECK(oldest != NULL);
    slot_drop(all, oldest);
  }
}

/* The slot's sketch, as it lies at rest when it was not in memory. */
static int slot_wake(struct station *st, struct slot *s, struct err *e)
{
  struct span name = span_of(s->name, s->name_n);
  if (s->live == NULL) {
    make_room(st->sketches);
    struct live *l = live_new();
    int rc = l == NULL ? err_set(e, ERR_NOMEM, "not enough memory")
                       : load(st, name, l, e);
    if (rc < 0) {
      mem_free(l);
      return rc;
    }
    s->live = l;
    st->sketches->lives++;
  }
  s->live->used = ++st->sketches->clock;
  return 0;
}

static int slot_step(struct station *st, struct slot *s, struct err *e)
{
  int rc = slot_wake(st, s, e);
  if (rc == 0) {
    rc = step(st, span_of(s->name, s->name_n), s->live, e);
  }
  if (rc == 0) {
    s->behind = s->live->sum.count - s->live->rested;
    s->counted = true;
  }
  if (rc < 0 && s->live != NULL) {
    slot_drop(st->sketches, s); /* whatever is wrong, it begins anew */
  }
  return rc;
}

/* ---- the face ---- */

static int check_open(struct station *st, struct span collection, struct err *e)
{
  CHECK(collection.n > 0 && collection.n <= COLLECTION_NAME_MAX);
  return station_whole(st, e);
}

/* Is it one that is made on the spot? 1 or 0. */
static int is_small(struct station *st, struct span name, struct err *e)
{
  uint64_t count = 0;
  int rc = st->store->ops->count(st->store, name, &count, e);
  return rc < 0 ? rc : count <= SKETCHES_SMALL;
}

int sketches_step(struct station *st, struct span collection, struct err *e)
{
  int rc = check_open(st, collection, e);
  if (rc == 0 && (rc = is_small(st, collection, e)) != 0) {
    return rc < 0 ? rc : 0;
  }
  struct slot *s = rc == 0 ? slot_of(st, collection) : NULL;
  if (rc == 0) {
    rc = s == NULL ? err_set(e, ERR_NOMEM, "not enough memory")
                   : slot_step(st, s, e);
  }
  return rc;
}

/* The sketch of a small collection; valid until the next call. */
static int make_small(struct station *st, struct span name, struct live **out,
                      struct err *e)
{
  struct live *l = st->sketches->spare;
  if (l == NULL && (l = st->sketches->spare = live_new()) == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  empty_out(l);
  int rc = 1;
  while (rc > 0) {
    rc = step(st, name, l, e);
  }
  *out = l;
  return rc;
}

static int bring_up(struct station *st, struct span name, struct live **out,
                    struct err *e)
{
  struct slot *s = slot_of(st, name);
  if (s == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  int rc = s->live != NULL ? 0 : is_small(st, name, e);
  if (rc != 0) {
    return rc < 0 ? rc : make_small(st, name, out, e);
  }
  do {
    rc = slot_step(st, s, e);
  } while (rc > 0);
  *out = s->live;
  return rc;
}

int sketches_take(struct station *st, struct span collection,
                  struct sketch *out, struct setsum *sum,
                  struct sketches_state *state, struct err *e)
{
  struct live *l = NULL;
  int rc = check_open(st, collection, e);
  if (rc < 0 || (rc = bring_up(st, collection, &l, e)) < 0 ||
      (rc = state_of(l, state, e)) < 0) {
    return rc;
  }
  if (out != NULL) {
    *out = l->sketch;
  }
  if (sum != NULL) {
    *sum = l->sum;
  }
  return 0;
}

int sketches_get(struct station *st, struct span collection, struct sketch *out,
                 struct sketches_state *state, struct err *e)
{
  return sketches_take(st, collection, out, NULL, state, e);
}

/* ---- states of many ---- */

/* State rows, read along with the names. */
struct rows {
  struct station *st;
  struct buf pairs, last; /* a page of rows; the key that came last */
  struct kv_reader r;
  struct span key, value; /* of the row at hand */
  bool at_hand, end;
  struct buf changed; /* rows to write: name length (2 bytes), name, state */
  size_t changes;
};

static int rows_next(struct rows *w, struct err *e)
{
  w->at_hand = !w->end && kv_next(&w->r, &w->key, &w->value);
  if (w->at_hand || w->end) {
    return 0;
  }
  buf_clear(&w->pairs);
  int n = w->st->store->ops->kv_list(w->st->store, state_prefix,
                                     buf_span(&w->last), &w->pairs, PAGE, e);
  w->r = (struct kv_reader){buf_span(&w->pairs), 0};
  w->end = n <= 0;
  w->at_hand = n > 0 && kv_next(&w->r, &w->key, &w->value);
  return n < 0 ? n : 0;
}

static int rows_pass(struct rows *w, struct err *e)
{
  buf_clear(&w->last);
  int rc = buf_put(&w->last, w->key.p, w->key.n);
  return rc < 0 ? err_set(e, rc, "not enough memory") : rows_next(w, e);
}

/* The row of ${name}, when it still says what the log's ${end} does: 1. */
static int rows_find(struct rows *w, struct span name,
                     const struct store_end *end, struct sketches_state *out,
                     uint64_t *rested, struct err *e)
{
  const size_t head = state_prefix.n;
  int rc = 0;
  while (rc == 0 && w->at_hand &&
         span_compare(span_of(w->key.p + head, w->key.n - head), name) < 0) {
    rc = rows_pass(w, e);
  }
  *rested = 0;
  if (rc < 0 || !w->at_hand ||
      !span_equal(span_of(w->key.p + head, w->key.n - head), name) ||
      !read_state(out, rested, w->value)) {
    return rc;
  }
  return out->upto == end->last && out->count == end->count;
}

/* Make the state, and note the row that tells it from now on. */
static int rows_make(struct rows *w, struct span name, uint64_t rested,
                     struct sketches_state *out, struct err *e)
{
  uint8_t state[STATE_SIZE],
      head[2] = {(uint8_t)(name.n >> 8), (uint8_t)name.n};
  struct live *l = NULL;
  int rc = bring_up(w->st, name, &l, e);
  if (rc < 0 || (rc = state_of(l, out, e)) < 0) {
    return rc;
  }
  put_state(state, out, l->rested > 0 ? l->rested : rested);
  if ((rc = buf_put(&w->changed, head, sizeof head)) < 0 ||
      (rc = buf_put(&w->changed, name.p, name.n)) < 0 ||
      (rc = buf_put(&w->changed, state, sizeof state)) < 0) {
    return err_set(e, rc, "not enough memory");
  }
  w->changes++;
  return 0;
}

/* As with the sketches: what can't be written is made again. */
static void rows_write(struct rows *w)
{
  struct store_pair *pair = mem_resize(NULL, w->changes, sizeof *pair);
  uint8_t(*key)[KEY_MAX] = mem_resize(NULL, w->changes, sizeof *key);
  const uint8_t *p = w->changed.p;
  struct err why;
  if (pair != NULL && key != NULL) {
    for (size_t i = 0; i < w->changes; i++) {
      size_t n = (size_t)p[0] << 8 | p[1];
      pair[i].key = key_of(key[i], state_prefix, span_of(p + 2, n));
      pair[i].value = span_of(p + 2 + n, STATE_SIZE);
      p += 2 + n + STATE_SIZE;
    }
    struct store_batch batch = {.kv = pair, .kv_n = w->changes};
    int rc = w->st->store->ops->append(w->st->store, &batch, NULL, NULL, &why);
    (void)rc;
  }
  mem_free(pair);
  mem_free(key);
}

static int rows_begin(struct rows *w, struct span after, struct err *e)
{
  uint8_t key[KEY_MAX];
  struct span from = key_of(key, state_prefix, after);
  int rc = buf_put(&w->last, from.p, from.n);
  return rc < 0 ? err_set(e, rc, "not enough memory") : rows_next(w, e);
}

int sketches_states(struct station *st, struct span after, struct buf *names,
                    struct sketches_state *out, size_t max, struct err *e)
{
  struct rows w = {.st = st};
  size_t at = names->n, start = at;
  max = max > STORE_LIST_MAX ? STORE_LIST_MAX : max;
  struct store_end *ends = mem_resize(NULL, max, sizeof *ends);
  int n = 0, rc = check_open(st, span_of("*", 1), e);
  if (rc == 0 && ends == NULL) {
    rc = err_set(e, ERR_NOMEM, "not enough memory");
  }
  if (rc == 0 && (rc = rows_begin(&w, after, e)) == 0) {
    n = st->store->ops->ends(st->store, after, names, ends, max, e);
    rc = n < 0 ? n : 0;
  }
  for (int i = 0; rc == 0 && i < n; i++) {
    struct span name =
        span_of(names->p + at, strlen((const char *)names->p + at));
    uint64_t rested = 0;
    rc = rows_find(&w, name, &ends[i], &out[i], &rested, e);
    rc = rc != 0 ? rc : rows_make(&w, name, rested, &out[i], e);
    rc = rc > 0 ? 0 : rc;
    at += name.n + 1;
  }
  if (w.changes > 0 && may_write(st)) {
    rows_write(&w);
  }
  mem_free(ends);
  buf_free(&w.pairs);
  buf_free(&w.last);
  buf_free(&w.changed);
  names->n = rc < 0 ? start : names->n;
  return rc < 0 ? rc : n;
}

/* ---- the set ---- */

static int view_next(void *host, uint64_t *cursor,
                     uint8_t (*out)[SET_DIGEST_SIZE], size_t max, struct err *e)
{
  struct sketches_view *v = host;
  struct store *store = v->st->store;
  uint64_t refs[PAGE];
  struct cid cid;
  int i = 0, rc = station_alive(v->st, e);
  if (rc < 0) {
    return rc;
  }
  int n = store->ops->since(store, span_of(v->name, v->name_n), *cursor, refs,
                            max < PAGE ? max : PAGE, e);
  for (; rc == 0 && i < n && refs[i] <= v->upto; i++) {
    if ((rc = store->ops->get_ref(store, refs[i], &cid, NULL, e)) == 0) {
      memcpy(out[i], cid_digest(&cid), SET_DIGEST_SIZE);
      *cursor = refs[i];
    }
  }
  return n < 0 ? n : rc < 0 ? rc : i;
}

static int view_has(void *host, uint64_t handle, struct err *e)
{
  struct sketches_view *v = host;
  return sketches_parcel(v->st, span_of(v->name, v->name_n), v->upto, handle,
                         NULL, NULL, e);
}

void sketches_set(struct sync_set *set, struct sketches_view *view,
                  struct station *st, struct span collection, uint64_t upto)
{
  CHECK(collection.n <= COLLECTION_NAME_MAX);
  memcpy(view->name, collection.p, collection.n);
  view->name_n = collection.n;
  view->st = st;
  view->upto = upto;
  set->host = view;
  set->next = view_next;
  set->has = view_has;
}

/* As sketches_parcel, for one prefix of digests. */
/* NOLINTNEXTLINE(readability-function-size) */
static int parcel_under(struct station *st, struct span collection,
                        uint64_t upto, uint64_t prefix, uint64_t *ref,
                        struct cid *cid, struct err *e)
{
  uint64_t refs[SAME_PREFIX];
  struct cid cids[SAME_PREFIX];
  int n = st->store->ops->find_prefix(st->store, prefix, refs, cids,
                                      SAME_PREFIX, e);
  int rc = n < 0 ? n : 0;
  for (int i = 0; rc == 0 && i < n; i++) {
    if (refs[i] <= upto && (rc = in_log(st, collection, refs[i], e)) > 0) {
      if (ref != NULL) {
        *ref = refs[i];
      }
      if (cid != NULL) {
        *cid = cids[i];
      }
    }
  }
  return rc;
}

/* The seventh argument is where errors go. */
/* NOLINTNEXTLINE(readability-function-size) */
int sketches_parcel(struct station *st, struct span collection, uint64_t upto,
                    uint64_t handle, uint64_t *ref, struct cid *cid,
                    struct err *e)
{
  int rc = station_alive(st, e);
  if (rc == 0) {
    rc = parcel_under(st, collection, upto, handle, ref, cid, e);
  }
  if (rc == 0 && handle == 1) { /* it also stands for 0 */
    rc = parcel_under(st, collection, upto, 0, ref, cid, e);
  }
  return rc;
}

/* ---- for the rest of the station ---- */

/* How far what lies at rest is behind, when that is not known yet. */
static int count_behind(struct station *st, struct slot *s, struct err *e)
{
  struct span name = span_of(s->name, s->name_n);
  uint64_t count = 0, rested = 0;
  int rc = st->store->ops->count(st->store, name, &count, e);
  if (rc == 0 && count > SKETCHES_SMALL) {
    rc = find_rested(st, name, &rested, e);
  }
  s->behind = count > SKETCHES_SMALL && count > rested ? count - rested : 0;
  s->counted = rc == 0 && count > SKETCHES_SMALL;
  return rc;
}

void sketches_note(struct station *st, struct span collection)
{
  struct err ignored; /* the log has it: it is caught up later */
  struct slot *s = may_write(st) ? slot_of(st, collection) : NULL;
  if (s == NULL) {
    return;
  }
  if (s->counted) {
    s->behind++;
  } else if (count_behind(st, s, &ignored) < 0) {
    return;
  }
  if (s->behind >= SKETCHES_EVERY) {
    int rc = slot_step(st, s, &ignored);
    (void)rc;
  }
}

static int drop_pairs(struct station *st, struct span head, size_t page,
                      struct err *e)
{
  struct span value;
  struct store_pair pair[PAGE] = {{{NULL, 0}, {NULL, 0}}};
  struct buf pairs = {0};
  int n, rc = 0;
  CHECK(page <= PAGE);
  do {
    buf_clear(&pairs);
    n = st->store->ops->kv_list(st->store, head, span_of(NULL, 0), &pairs, page,
                                e);
    struct kv_reader r = {buf_span(&pairs), 0};
    struct store_batch batch = {.kv = pair};
    while (n > 0 && kv_next(&r, &pair[batch.kv_n].key, &value)) {
      batch.kv_n++;
    }
    if (n > 0) {
      rc = st->store->ops->append(st->store, &batch, NULL, NULL, e);
    }
  } while (n > 0 && rc == 0);
  buf_free(&pairs);
  return n < 0 ? n : rc;
}

int sketches_reset(struct station *st, struct err *e)
{
  sketches_free(st);
  int rc = drop_pairs(st, rest_prefix, SKETCHES_LIVE, e);
  return rc < 0 ? rc : drop_pairs(st, state_prefix, PAGE, e);
}

void sketches_free(struct station *st)
{
  if (st->sketches != NULL) {
    for (size_t i = 0; i < SLOTS; i++) {
      slot_drop(st->sketches, &st->sketches->slot[i]);
    }
    mem_free(st->sketches->spare);
    mem_free(st->sketches);
    st->sketches = NULL;
  }
}
