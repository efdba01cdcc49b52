/* SPDX-License-Identifier: 0BSD */
/* What does a whole session take to find out how two sets of a million parcels
 * differ? All bytes of both ways, handshake and greeting apart, until the
 * initiator knows, and until both know what to send; flights of the wire (2
 * compare the catalogues); CPU of both ends, 0.9 us of it a parcel for the
 * proof. The parcels (here: their digests) then travel, and it is made. */
#include "sets.h"

#include "sync/session_int.h"

#define SET_SIZE 1000000u
#define OWN_MAX 10000u
#define NAME "bench"

/* ---- a host: a million in common, some of its own ---- */

struct common {
  digest *d;
  uint64_t *handle; /* ascending */
  struct sketch sketch;
  struct setsum sum;
};

struct host {
  const struct common *common;
  digest own[OWN_MAX]; /* by handle */
  size_t n, at;
  bool send[OWN_MAX];
  struct sketch sketch; /* kept as parcels come, as a station does */
  struct setsum sum;
  size_t came;
  bool waits; /* until the bytes so far are counted */
};

static int by_handle(const void *a, const void *b)
{
  return memcmp(a, b, 8);
}

static int by_number(const void *a, const void *b)
{
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static digest *own_of(struct host *h, uint64_t handle)
{
  uint8_t key[8];
  wire_put(key, handle, 8);
  return bsearch(key, h->own, h->n, sizeof *h->own, by_handle);
}

static int host_wish(void *ud, size_t i, struct span *pattern, struct err *e)
{
  (void)ud;
  (void)e;
  *pattern = span_of(NAME, strlen(NAME));
  return i == 0;
}

static int host_collection(void *ud, struct span after,
                           struct session_collection *out, struct err *e)
{
  struct host *h = ud;
  (void)e;
  out->name = span_of(NAME, strlen(NAME));
  out->count = h->sum.count;
  return after.n > 0 ? 0 : setsum_digest(out->digest, &h->sum) < 0 ? -1 : 1;
}

static int host_next(void *ud, uint64_t *cursor, digest *out, size_t max,
                     struct err *e)
{
  const struct host *h = ud;
  size_t n = 0;
  (void)e;
  for (; n < max && *cursor < SET_SIZE + h->n; n++, (*cursor)++) {
    size_t at = (size_t)*cursor;
    memcpy(out[n], at < SET_SIZE ? h->common->d[at] : h->own[at - SET_SIZE],
           SET_DIGEST_SIZE);
  }
  return (int)n;
}

static int host_has(void *ud, uint64_t handle, struct err *e)
{
  struct host *h = ud;
  (void)e;
  return own_of(h, handle) != NULL ||
         bsearch(&handle, h->common->handle, SET_SIZE, sizeof handle,
                 by_number) != NULL;
}

static int host_ready(void *ud, struct span name, struct err *e)
{
  (void)ud;
  (void)name;
  (void)e;
  return 0;
}

static int host_snapshot(void *ud, size_t topic, struct span name,
                         struct session_set *out, struct err *e)
{
  struct host *h = ud;
  (void)topic;
  (void)name;
  (void)e;
  if (out->sketch != NULL) {
    *out->sketch = h->sketch;
  }
  if (out->sum != NULL) {
    *out->sum = h->sum;
  }
  out->count = h->sum.count;
  out->set = (struct sync_set){h, host_next, host_has};
  return setsum_digest(out->digest, &h->sum);
}

static int host_lack(void *ud, const struct session_lack *l, struct err *e)
{
  struct host *h = ud;
  int found = 0;
  (void)e;
  if (l->key != NULL) { /* the scan of a real host, done in one go */
    for (size_t i = 0; i < h->n; i++) {
      uint64_t handle = sketch_keyed_handle(l->key, h->own[i]);
      h->send[i] =
          h->send[i] || bsearch(&handle, l->handle, l->n, 8, by_number) != NULL;
    }
    return 0;
  }
  for (size_t i = 0; i < l->n; i++) {
    digest *d = own_of(h, l->handle[i]);
    if (d != NULL) {
      found++;
      h->send[d - h->own] = l->send;
      if (l->sum != NULL) {
        setsum_remove(l->sum, *d);
      }
    }
  }
  return found;
}

static int host_prepare(void *ud, struct err *e)
{
  const struct host *h = ud;
  (void)e;
  return h->waits;
}

static int host_produce(void *ud, struct buf *out,
                        struct session_counts *counts, struct err *e)
{
  struct host *h = ud;
  (void)e;
  for (; h->at < h->n && out->n < SESSION_BLOCKS_RAW / 2; h->at++) {
    if (h->send[h->at]) {
      NEED(session_entry_put(out, ENTRY_PARCEL,
                             span_of(h->own[h->at], SET_DIGEST_SIZE),
                             span_of(NULL, 0)) == 0);
      counts->parcels++;
      h->send[h->at] = false;
    }
  }
  h->at = out->n > 0 ? h->at : 0;
  return out->n > 0;
}

static int host_load(void *ud, const struct cid *cid, struct buf *out,
                     struct err *e)
{
  (void)ud;
  (void)cid;
  (void)out;
  (void)e;
  return 0;
}

static int host_parcel(void *ud, struct span block, struct session_parcel *out,
                       struct err *e)
{
  struct host *h = ud;
  (void)e;
  NEED(block.n == SET_DIGEST_SIZE);
  memcpy(out->digest, block.p, SET_DIGEST_SIZE);
  out->name = span_of(NAME, strlen(NAME));
  out->good = true;
  h->came++;
  return 0;
}

static int host_record(void *ud, struct span block, struct err *e)
{
  (void)ud;
  (void)block;
  (void)e;
  return 0;
}

static int host_block(void *ud, const struct cid *cid, struct span block,
                      struct err *e)
{
  (void)cid;
  return host_record(ud, block, e);
}

static void host_gone(void *ud, const struct cid *cid)
{
  (void)ud;
  (void)cid;
}

static int host_answer(void *ud, int64_t verdict, struct err *e)
{
  (void)ud;
  (void)verdict;
  (void)e;
  return 0;
}

static int host_flush(void *ud, struct err *e)
{
  (void)ud;
  (void)e;
  return 0;
}

static int host_missing(void *ud, struct cid *out, size_t max, bool *more,
                        struct err *e)
{
  (void)ud;
  (void)out;
  (void)max;
  (void)e;
  *more = false;
  return 0;
}

/* ---- two ends ---- */

struct cost {
  double one;                 /* bytes until the initiator knows */
  double bytes, flights, cpu; /* until both know */
  double fallbacks;
};

static struct session *start(struct host *h, bool initiator,
                             const struct identity *id)
{
  struct session_host host = {.ud = h,
                              .wish = host_wish,
                              .collection = host_collection,
                              .ready = host_ready,
                              .snapshot = host_snapshot,
                              .lack = host_lack,
                              .prepare = host_prepare,
                              .produce = host_produce,
                              .load = host_load,
                              .parcel = host_parcel,
                              .record = host_record,
                              .block = host_block,
                              .gone = host_gone,
                              .answer = host_answer,
                              .flush = host_flush,
                              .missing = host_missing};
  uint8_t secret[NOISE_KEY_SIZE], once[NOISE_KEY_SIZE];
  crypt_random(secret, sizeof secret);
  crypt_random(once, sizeof once);
  struct session_options opt = {.initiator = initiator,
                                .level = 1,
                                .id = id,
                                .secret = secret,
                                .once = once};
  struct session *s = NULL;
  struct err e;
  NEED(session_new(&s, &host, &opt, &e) == 0);
  return s;
}

/* Both ends, what went so far, and when the comparing began. */
struct talk {
  struct session *s[2];
  struct host *h[2];
  double bytes, flights, began;
  bool knows; /* the initiator does */
  struct cost *cost;
};

/* From SETTLED on it is parcels. */
static void look(struct talk *t, bool spoke)
{
  const struct session *s = t->s[0];
  if (!t->knows && s->topics > 0 && s->topic[1].state == TOPIC_SETTLED) {
    t->knows = true;
    t->cost->one += t->bytes;
  }
  if (t->h[0]->waits && s->settled) {
    t->cost->bytes += t->bytes;
    t->cost->flights += t->flights + spoke;
    t->cost->cpu += seconds() - t->began;
    t->h[0]->waits = t->h[1]->waits = false;
  }
}

/* One end speaks until it has nothing to say. */
static void flight(struct talk *t, int i)
{
  struct buf out = {0};
  struct err e;
  size_t taken;
  bool spoke = false;
  int n;
  do {
    buf_clear(&out);
    n = session_pull(t->s[i], &out, 65536, &e);
    NEED(n >= 0);
    NEED(session_feed(t->s[1 - i], buf_span(&out), &taken, &e) == 0);
    t->bytes += n;
    spoke = spoke || n > 0;
    look(t, spoke);
  } while (n > 0 || (session_busy(t->s[i]) && !t->h[i]->waits) ||
           (session_busy(t->s[i]) && !t->s[i]->settled));
  t->flights += spoke;
  buf_free(&out);
}

static void run(struct cost *c, struct host *h[2], const struct identity *id)
{
  struct talk t = {.s = {start(h[0], true, id), start(h[1], false, id)},
                   .h = {h[0], h[1]},
                   .cost = c};
  bool greeted = false;
  h[0]->waits = h[1]->waits = true;
  for (int i = 0; t.s[0]->state < SESSION_DONE || t.s[1]->state < SESSION_DONE;
       i = 1 - i) {
    if (!greeted && t.s[0]->state == SESSION_SYNCING) {
      greeted = true;
      t.began = seconds();
      t.bytes = t.flights = 0;
    }
    flight(&t, i);
  }
  NEED(!h[0]->waits && t.s[0]->state == SESSION_DONE &&
       t.s[1]->state == SESSION_DONE);
  NEED(h[0]->came == h[1]->n && h[1]->came == h[0]->n);
  c->fallbacks += (double)t.s[0]->fallbacks;
  session_del(t.s[0]);
  session_del(t.s[1]);
}

static void differ_by(struct host *h, const struct common *all, size_t n)
{
  h->common = all;
  h->n = n;
  h->at = h->came = 0;
  h->sketch = all->sketch;
  h->sum = all->sum;
  memset(h->send, 0, sizeof h->send);
  fill(h->own, n);
  qsort(h->own, n, sizeof *h->own, by_handle);
  for (size_t i = 0; i < n; i++) {
    sketch_add(&h->sketch, sketch_handle(h->own[i]));
    setsum_add(&h->sum, h->own[i]);
  }
}

int main(void)
{
  static struct common all;
  static struct host a, b;
  static const size_t differs[] = {1, 10, 100, 1000, 3000, 10000};
  struct host *h[2] = {&a, &b};
  struct identity *id = NULL;
  all.d = malloc(SET_SIZE * sizeof *all.d);
  all.handle = malloc(SET_SIZE * sizeof *all.handle);
  NEED(all.d != NULL && all.handle != NULL && crypt_start(NULL) == 0);
  NEED(identity_new(&id, NULL) == 0);
  fill(all.d, SET_SIZE);
  for (size_t i = 0; i < SET_SIZE; i++) {
    all.handle[i] = sketch_handle(all.d[i]);
    sketch_add(&all.sketch, all.handle[i]);
    setsum_add(&all.sum, all.d[i]);
  }
  qsort(all.handle, SET_SIZE, sizeof *all.handle, by_number);
  printf("%9s %11s %11s %8s %9s %10s\n", "differ", "one knows", "both know",
         "flights", "CPU ms", "fallbacks");
  for (size_t i = 0; i < sizeof differs / sizeof *differs; i++) {
    size_t d = differs[i];
    int trials = d <= 1000 ? 100 : d < 10000 ? 20 : 1;
    struct cost c = {0};
    for (int t = 0; t < trials; t++) {
      differ_by(&a, &all, d / 2);
      differ_by(&b, &all, d - d / 2);
      run(&c, h, id);
    }
    printf("%9zu %11.0f %11.0f %8.2f %9.3f %10.2f\n", d, c.one / trials,
           c.bytes / trials, c.flights / trials, c.cpu / trials * 1e3,
           c.fallbacks / trials);
  }
  identity_del(id);
  free(all.d);
  free(all.handle);
  return 0;
}
