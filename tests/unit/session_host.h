/* SPDX-License-Identifier: 0BSD */
/* For the tests of the session: a host in memory, so that the session is
 * tested alone; a wire that trickles and cuts; a peer that says what it likes.
 *
 * A parcel of this host is: length of the collection's name (1 byte), the
 * name, its digest. Each brings ${records} records of made-up bytes. */
#ifndef SESSION_HOST_H
#define SESSION_HOST_H

#include "form/parcel.h"
#include "sketch_shelf.h"
#include "sync/session_int.h"
#include "unit.h"

#ifndef HOST_NAMES
#define HOST_NAMES 700
#endif
#ifndef HOST_FILES
#define HOST_FILES 64
#endif
#define HOST_VERDICTS 4

struct host_set {
  char name[COLLECTION_NAME_MAX + 1];
  struct digest *d; /* in the order in which they came */
  size_t n, cap;
  uint64_t *handle;  /* of all of them, ascending; NULL: to be made */
  struct setsum sum; /* of all */
};

struct host_pick {
  size_t set, at;
};

struct host;
struct host_view { /* of a set, as it was */
  struct host *h;
  char name[COLLECTION_NAME_MAX + 1];
  size_t upto;
};

struct host {
  const char *wish[8];
  char long_wish[COLLECTION_NAME_MAX + 1];
  int long_wishes;                 /* further ones, as long as may be */
  struct host_set set[HOST_NAMES]; /* by name */
  size_t sets;
  const char *unserved; /* the policy keeps this one from the peer */
  bool asks_serve, asks_order, asks_admit;
  bool slow; /* it works in slices wherever it may */
  int records;
  struct host_pick *pick;
  size_t picks, pick_cap, pick_at;
  struct host_view view[SESSION_TOPICS_MAX + 1];
  /* files */
  struct buf file[HOST_FILES]; /* those that are here */
  struct cid file_cid[HOST_FILES];
  size_t files;
  struct cid want[HOST_FILES];
  size_t wants, asked;
  /* what went on */
  size_t came, double_came, answers, flushes, waits, gone, snapshots, scanned;
  struct zpack *zpack; /* lent to its sessions, or NULL */
  int fails_at;        /* the call of that number fails; 0: none */
  int calls;
};

/* Is this one more slice of something longer? */
static inline bool host_slice(struct host *h)
{
  return h->slow && ++h->waits % 3 == 0;
}

static inline int host_nomem(struct err *e)
{
  return err_set(e, ERR_NOMEM, "the host has no memory");
}

static inline int host_call(struct host *h, struct err *e)
{
  return h->fails_at != 0 && ++h->calls == h->fails_at
             ? err_set(e, ERR_IO, "the disk refuses")
             : 0;
}

/* ---- sets ---- */

static inline int host_find(const struct host *h, struct span name)
{
  for (size_t i = 0; i < h->sets; i++) {
    if (span_is(name, h->set[i].name)) {
      return (int)i;
    }
  }
  return -1;
}

static inline struct host_set *host_set_of(struct host *h, struct span name)
{
  int found = host_find(h, name);
  size_t at = 0;
  if (found >= 0) {
    return &h->set[found];
  }
  NEED(h->sets < HOST_NAMES && name.n <= COLLECTION_NAME_MAX);
  while (at < h->sets &&
         span_compare(span_of(h->set[at].name, strlen(h->set[at].name)), name) <
             0) {
    at++;
  }
  memmove(&h->set[at + 1], &h->set[at], (h->sets - at) * sizeof *h->set);
  memset(&h->set[at], 0, sizeof *h->set);
  memcpy(h->set[at].name, name.p, name.n);
  for (size_t i = 0; i < h->picks; i++) { /* those that are noted move, too */
    h->pick[i].set += h->pick[i].set >= at;
  }
  h->sets++;
  return &h->set[at];
}

static inline bool host_holds(const struct host_set *s, const struct digest *d)
{
  for (size_t i = 0; i < s->n; i++) {
    if (memcmp(s->d[i].b, d->b, sizeof d->b) == 0) {
      return true;
    }
  }
  return false;
}

static inline void host_put(struct host_set *s, struct digest d)
{
  if (s->n == s->cap) {
    s->cap = s->cap > 0 ? 2 * s->cap : 16;
    s->d = realloc(s->d, s->cap * sizeof *s->d);
    NEED(s->d != NULL);
  }
  s->d[s->n++] = d;
  setsum_add(&s->sum, d.b);
  free(s->handle);
  s->handle = NULL;
}

/* The parcels number ${from} .. ${to} - 1 of the shelf. */
static inline void host_add(struct host *h, const char *name, uint64_t from,
                            uint64_t to)
{
  struct host_set *s = host_set_of(h, span_of(name, strlen(name)));
  for (uint64_t i = from; i < to; i++) {
    host_put(s, shelf_digest(i));
  }
}

static inline void host_file(struct host *h, size_t size, uint64_t seed)
{
  struct buf *b = &h->file[h->files];
  NEED(h->files < HOST_FILES && buf_reserve(b, size) == 0);
  for (size_t i = 0; i < size; i++) {
    b->p[i] = (uint8_t)(shelf_mix(seed + i / 8) >> 8 * (i % 8));
  }
  b->n = size;
  NEED(cid_of(&h->file_cid[h->files++], CID_RAW, b->p, b->n) == 0);
}

static inline void host_free(struct host *h)
{
  for (size_t i = 0; i < h->sets; i++) {
    free(h->set[i].d);
    free(h->set[i].handle);
  }
  for (size_t i = 0; i < h->files; i++) {
    buf_free(&h->file[i]);
  }
  free(h->pick);
  memset(h, 0, sizeof *h);
}

static inline int host_by_number(const void *a, const void *b)
{
  const uint64_t *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

static inline const uint64_t *host_handles(struct host_set *s)
{
  if (s->handle == NULL) {
    s->handle = malloc((s->n + 1) * sizeof *s->handle);
    NEED(s->handle != NULL);
    for (size_t i = 0; i < s->n; i++) {
      s->handle[i] = sketch_handle(s->d[i].b);
    }
    qsort(s->handle, s->n, sizeof *s->handle, host_by_number);
  }
  return s->handle;
}

/* ---- the host's functions ---- */

static inline struct span host_long_wish(struct host *h, int i)
{
  (void)snprintf(h->long_wish, sizeof h->long_wish, "w/%0*d/*",
                 COLLECTION_NAME_MAX - 4, i);
  return span_of(h->long_wish, COLLECTION_NAME_MAX);
}

static inline int host_wish(void *ud, size_t i, struct span *pattern,
                            struct err *e)
{
  struct host *h = ud;
  int rc = host_call(h, e);
  size_t n = 0;
  while (n < 8 && h->wish[n] != NULL) {
    n++;
  }
  if (rc < 0 || i >= n + (size_t)h->long_wishes) {
    return rc;
  }
  *pattern = i < n ? span_of(h->wish[i], strlen(h->wish[i]))
                   : host_long_wish(h, (int)(i - n));
  return 1;
}

static inline bool host_follows(struct host *h, struct span name)
{
  for (size_t i = 0; i < 8 && h->wish[i] != NULL; i++) {
    if (pattern_matches(span_of(h->wish[i], strlen(h->wish[i])), name)) {
      return true;
    }
  }
  for (int i = 0; i < h->long_wishes; i++) {
    if (pattern_matches(host_long_wish(h, i), name)) {
      return true;
    }
  }
  return false;
}

static inline int host_digest_of(const struct host_set *s, size_t n,
                                 struct sketch *sketch, struct setsum *sum,
                                 uint8_t digest[HASH_SIZE])
{
  static struct setsum own;
  own = s->sum;
  for (size_t i = n; i < s->n; i++) {
    setsum_remove(&own, s->d[i].b);
  }
  for (size_t i = 0; i < n && sketch != NULL; i++) {
    sketch_add(sketch, sketch_handle(s->d[i].b));
  }
  if (sum != NULL) {
    *sum = own;
  }
  return setsum_digest(digest, &own);
}

static inline int host_collection(void *ud, struct span after,
                                  struct session_collection *out, struct err *e)
{
  struct host *h = ud;
  int rc = host_call(h, e);
  if (rc == 0 && host_slice(h)) {
    return SESSION_SLICE;
  }
  for (size_t i = 0; rc == 0 && i < h->sets; i++) {
    struct span name = span_of(h->set[i].name, strlen(h->set[i].name));
    if (h->set[i].n > 0 && span_compare(name, after) > 0) {
      out->name = name;
      out->count = h->set[i].n;
      rc = host_digest_of(&h->set[i], h->set[i].n, NULL, NULL, out->digest);
      return rc < 0 ? host_nomem(e) : 1;
    }
  }
  return rc;
}

static inline int host_next(void *ud, uint64_t *cursor,
                            uint8_t (*out)[SET_DIGEST_SIZE], size_t max,
                            struct err *e)
{
  struct host_view *v = ud;
  int at = host_find(v->h, span_of(v->name, strlen(v->name)));
  size_t n = 0;
  int rc = host_call(v->h, e);
  for (; rc == 0 && at >= 0 && n < max && *cursor < v->upto; n++, ++*cursor) {
    memcpy(out[n], v->h->set[at].d[*cursor].b, SET_DIGEST_SIZE);
  }
  v->h->scanned += n;
  return rc < 0 ? rc : (int)n;
}

static inline int host_has(void *ud, uint64_t handle, struct err *e)
{
  struct host_view *v = ud;
  int at = host_find(v->h, span_of(v->name, strlen(v->name)));
  int rc = host_call(v->h, e);
  if (rc < 0 || at < 0) {
    return rc;
  }
  struct host_set *s = &v->h->set[at];
  return s->n > 0 && bsearch(&handle, host_handles(s), s->n, sizeof handle,
                             host_by_number) != NULL;
}

static inline int host_ready(void *ud, struct span name, struct err *e)
{
  struct host *h = ud;
  int rc = host_call(h, e);
  (void)name;
  return rc < 0 ? rc : ++h->waits % 5 == 0 ? SESSION_SLICE : 0;
}

static inline int host_snapshot(void *ud, size_t topic, struct span name,
                                struct session_set *out, struct err *e)
{
  struct host *h = ud;
  static const struct host_set none;
  int rc = host_call(h, e);
  int at = host_find(h, name);
  const struct host_set *s = at < 0 ? &none : &h->set[at];
  if (rc < 0) {
    return rc;
  }
  NEED(topic <= SESSION_TOPICS_MAX);
  h->snapshots++;
  struct host_view *v = &h->view[topic];
  v->h = h;
  v->upto = s->n;
  memcpy(v->name, name.p, name.n);
  v->name[name.n] = '\0';
  if (out->sketch != NULL) {
    memset(out->sketch, 0, sizeof *out->sketch);
  }
  out->count = out->upto = s->n;
  out->set = (struct sync_set){v, host_next, host_has};
  rc = host_digest_of(s, s->n, out->sketch, out->sum, out->digest);
  return rc < 0 ? host_nomem(e) : 0;
}

/* ---- sending ---- */

static inline void host_note(struct host *h, size_t set, size_t at)
{
  for (size_t i = 0; i < h->picks && h->picks < 2000; i++) {
    if (h->pick[i].set == set && h->pick[i].at == at) {
      return;
    }
  }
  if (h->picks == h->pick_cap) {
    h->pick_cap = h->pick_cap > 0 ? 2 * h->pick_cap : 64;
    h->pick = realloc(h->pick, h->pick_cap * sizeof *h->pick);
    NEED(h->pick != NULL);
  }
  h->pick[h->picks++] = (struct host_pick){set, at};
}

static inline bool host_listed(const struct session_lack *l, uint64_t handle)
{
  return l->n > 0 && bsearch(&handle, l->handle, l->n, sizeof handle,
                             host_by_number) != NULL;
}

static inline int host_lack(void *ud, const struct session_lack *l,
                            struct err *e)
{
  struct host *h = ud;
  int rc = host_call(h, e), at = host_find(h, l->name), found = 0;
  if (rc < 0 || at < 0) {
    return rc;
  }
  const struct host_set *s = &h->set[at];
  for (size_t i = 0; i < s->n && (!l->all_but || i < l->upto); i++) {
    uint64_t handle = l->key != NULL ? sketch_keyed_handle(l->key, s->d[i].b)
                                     : sketch_handle(s->d[i].b);
    bool listed = host_listed(l, handle);
    found += listed;
    if (listed && l->sum != NULL) {
      (l->add ? setsum_add : setsum_remove)(l->sum, s->d[i].b);
    }
    if (l->send && listed != l->all_but) {
      host_note(h, (size_t)at, i);
    }
  }
  return found;
}

static inline int host_prepare(void *ud, struct err *e)
{
  struct host *h = ud;
  int rc = host_call(h, e);
  return rc < 0 ? rc : ++h->waits % 3 != 0;
}

static inline int host_produce(void *ud, struct buf *out,
                               struct session_counts *counts, struct err *e)
{
  struct host *h = ud;
  uint8_t block[1 + COLLECTION_NAME_MAX + SET_DIGEST_SIZE];
  int rc = host_call(h, e);
  if (rc < 0 || host_slice(h)) {
    return rc < 0 ? rc : SESSION_SLICE;
  }
  for (; h->pick_at < h->picks && out->n < 20000; h->pick_at++) {
    const struct host_set *s = &h->set[h->pick[h->pick_at].set];
    const struct digest *d = &s->d[h->pick[h->pick_at].at];
    size_t n = strlen(s->name);
    block[0] = (uint8_t)n;
    memcpy(block + 1, s->name, n);
    memcpy(block + 1 + n, d->b, sizeof d->b);
    rc = session_entry_put(out, ENTRY_PARCEL,
                           span_of(block, 1 + n + sizeof d->b),
                           span_of(NULL, 0));
    for (int i = 0; rc == 0 && i < h->records; i++) {
      rc = session_entry_put(out, ENTRY_RECORD, span_of(d->b, sizeof d->b),
                             span_of("record", 6));
    }
    if (rc < 0) {
      return host_nomem(e);
    }
    counts->parcels++;
    counts->records += (uint64_t)h->records;
  }
  if (out->n > 0) {
    return 1;
  }
  h->picks = h->pick_at = 0;
  return 0;
}

static inline int host_load(void *ud, const struct cid *cid, struct buf *out,
                            struct err *e)
{
  struct host *h = ud;
  int rc = host_call(h, e);
  for (size_t i = 0; rc == 0 && i < h->files; i++) {
    if (cid_equal(&h->file_cid[i], cid)) {
      return buf_put(out, h->file[i].p, h->file[i].n) < 0 ? host_nomem(e) : 1;
    }
  }
  return rc;
}

/* ---- receiving ---- */

static inline int host_parcel(void *ud, struct span block,
                              struct session_parcel *out, struct err *e)
{
  struct host *h = ud;
  struct digest d;
  int rc = host_call(h, e);
  if (rc < 0 || block.n < 1 || block.n != 1u + block.p[0] + sizeof d.b) {
    return rc;
  }
  out->name = span_of(block.p + 1, block.p[0]);
  memcpy(d.b, block.p + 1 + block.p[0], sizeof d.b);
  memcpy(out->digest, d.b, sizeof d.b);
  if (collection_check(out->name, NULL) < 0 || !host_follows(h, out->name)) {
    return 0;
  }
  out->good = true;
  struct host_set *s = host_set_of(h, out->name);
  if (s->n < 5000 && host_holds(s, &d)) {
    h->double_came++;
  } else {
    host_put(s, d);
    h->came++;
  }
  return 0;
}

static inline int host_record(void *ud, struct span block, struct err *e)
{
  struct host *h = ud;
  int rc = host_call(h, e);
  (void)block;
  return rc < 0 ? rc : h->asks_admit ? SESSION_ASK : 0;
}

static inline int host_block(void *ud, const struct cid *cid, struct span block,
                             struct err *e)
{
  struct host *h = ud;
  int rc = host_call(h, e);
  if (rc < 0 || (rc = cid_verify(cid, block.p, block.n)) < 0) {
    return rc == ERR_NOMEM ? host_nomem(e) : rc == ERR_HASH ? 0 : rc;
  }
  NEED(h->files < HOST_FILES);
  if (buf_put(&h->file[h->files], block.p, block.n) < 0) {
    return host_nomem(e);
  }
  h->file_cid[h->files++] = *cid;
  return 0;
}

static inline void host_gone(void *ud, const struct cid *cid)
{
  (void)cid;
  ((struct host *)ud)->gone++;
}

static inline int host_answer(void *ud, int64_t verdict, struct err *e)
{
  struct host *h = ud;
  h->answers++;
  return verdict < 0 ? err_set(e, ERR_MISUSE, "no verdict") : host_call(h, e);
}

static inline int host_flush(void *ud, struct err *e)
{
  struct host *h = ud;
  h->flushes++;
  return host_call(h, e);
}

static inline bool host_keeps(const struct host *h, const struct cid *cid)
{
  for (size_t i = 0; i < h->files; i++) {
    if (cid_equal(&h->file_cid[i], cid)) {
      return true;
    }
  }
  return false;
}

static inline int host_missing(void *ud, struct cid *out, size_t max,
                               bool *more, struct err *e)
{
  struct host *h = ud;
  size_t n = 0;
  int rc = host_call(h, e);
  *more = h->asked < h->wants && ++h->waits % 2 == 0; /* a slice of a search */
  while (rc == 0 && !*more && n < max && h->asked < h->wants) {
    const struct cid *cid = &h->want[h->asked++];
    if (!host_keeps(h, cid)) {
      out[n++] = *cid;
    }
  }
  return rc < 0 ? rc : (int)n;
}

static inline struct session_host host_of(struct host *h)
{
  return (struct session_host){.ud = h,
                               .asks_serve = h->asks_serve,
                               .asks_order = h->asks_order,
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
}

/* ---- ends ---- */

/* One of each side for the whole run; made at the first call. */
static inline const struct identity *host_identity(bool initiator)
{
  static struct identity *id[2];
  struct err e = {0};
  if (id[initiator] == NULL) {
    uint8_t seed[CRYPT_SEED_SIZE] = {(uint8_t)(initiator + 1)};
    NEED(crypt_start(&e) == 0);
    NEED(identity_from_seed(&id[initiator], seed, &e) == 0);
  }
  return id[initiator];
}

static inline struct session *host_session(struct host *h, bool initiator,
                                           bool quiet)
{
  uint8_t secret[NOISE_KEY_SIZE], once[NOISE_KEY_SIZE];
  struct err e = {0};
  struct session *s = NULL;
  memset(secret, 0x11 + initiator, sizeof secret);
  memset(once, 0x21 + initiator, sizeof once);
  struct session_options opt = {.initiator = initiator,
                                .quiet = quiet,
                                .level = 1,
                                .zpack = h->zpack,
                                .id = host_identity(initiator),
                                .secret = secret,
                                .once = once};
  struct session_host host = host_of(h);
  h->picks = h->pick_at = h->asked = 0;
  NEED(session_new(&s, &host, &opt, &e) == 0);
  return s;
}

/* What the policies of these tests say. */
static inline int64_t host_verdict(struct host *h, enum session_question q,
                                   struct span about)
{
  if (q == SESSION_ASKS_SERVE) {
    return h->unserved == NULL || !span_is(about, h->unserved);
  }
  return q == SESSION_ASKS_ORDER ? (int64_t)about.n : 0;
}

/* Answer what is asked. 0, or the code. */
static inline int host_reply(struct session *s, struct host *h, struct err *e)
{
  struct span about = {0};
  enum session_question q = session_asked(s, &about);
  return q != SESSION_ASKS_NOTHING
             ? session_answer(s, host_verdict(h, q, about), e)
             : 0;
}

/* Feed all of it. 0, or the code. */
static inline int host_feed(struct session *s, struct host *h,
                            struct span bytes, struct err *e)
{
  size_t taken = 0;
  int rc = SESSION_ASK;
  while (rc == SESSION_ASK) {
    size_t n;
    if ((rc = host_reply(s, h, e)) < 0) {
      break;
    }
    rc = session_feed(s, span_of(bytes.p + taken, bytes.n - taken), &n, e);
    taken += n;
  }
  NEED(rc < 0 || taken == bytes.n);
  return rc;
}

static inline int host_pull(struct session *s, struct host *h, struct buf *out,
                            size_t max, struct err *e)
{
  struct span about;
  size_t was = out->n;
  int rc = session_pull(s, out, max, e);
  while (rc >= 0 && session_asked(s, &about) != SESSION_ASKS_NOTHING &&
         session_asked(s, &about) != SESSION_ASKS_ADMIT && out->n - was < max) {
    rc = host_reply(s, h, e);
    rc = rc < 0 ? rc : session_pull(s, out, max - (out->n - was), e);
  }
  return rc < 0 ? rc : (int)(out->n - was);
}

static inline struct session_status host_status(const struct session *s)
{
  struct session_status now;
  session_status(s, &now);
  return now;
}

/* ---- two ends and a wire ---- */

struct pair {
  struct host host[2]; /* the initiator's first */
  struct session *s[2];
  struct buf wire[2]; /* [i]: on the way from end i */
  size_t sent[2];
  struct buf kept[2]; /* all that ever went, if ${keep} */
  bool keep;
  size_t cut;        /* the wire ends after so many bytes of both; 0: never */
  size_t pull, feed; /* at a time at most; 0: by chance */
  uint64_t seed;
  int rc;
  struct err e;
};

static inline size_t pair_size(struct pair *p, size_t fixed)
{
  static const size_t sizes[] = {1, 7, 100, 1000, 20000, 200000};
  return fixed > 0 ? fixed : sizes[shelf_random(&p->seed) % 6];
}

static inline void pair_begin(struct pair *p)
{
  for (int i = 0; i < 2; i++) {
    p->s[i] = host_session(&p->host[i], i == 0, false);
    p->sent[i] = 0;
    buf_clear(&p->wire[i]);
    buf_clear(&p->kept[i]);
  }
  p->rc = 0;
  p->e = (struct err){0};
}

static inline void pair_end(struct pair *p)
{
  for (int i = 0; i < 2; i++) {
    session_del(p->s[i]);
    p->s[i] = NULL;
  }
}

static inline void pair_free(struct pair *p)
{
  pair_end(p);
  for (int i = 0; i < 2; i++) {
    host_free(&p->host[i]);
    buf_free(&p->wire[i]);
    buf_free(&p->kept[i]);
  }
}

/* End ${i} speaks, then hears: did anything move? */
static inline bool pair_step(struct pair *p, int i)
{
  struct buf *out = &p->wire[i], *in = &p->wire[1 - i];
  size_t was = out->n;
  int rc = host_pull(p->s[i], &p->host[i], out, pair_size(p, p->pull), &p->e);
  if (rc < 0) {
    p->rc = rc;
    return false;
  }
  p->sent[i] += out->n - was;
  if (p->keep) {
    NEED(buf_put(&p->kept[i], out->p + was, out->n - was) == 0);
  }
  size_t n = pair_size(p, p->feed);
  n = n < in->n ? n : in->n;
  if (n > 0) {
    rc = host_feed(p->s[i], &p->host[i], span_of(in->p, n), &p->e);
    buf_shift(in, n);
    p->rc = rc < 0 ? rc : p->rc;
  }
  return rc >= 0 && (out->n > was || n > 0 || session_busy(p->s[i]));
}

/* To the end. False: it stands still and isn't done. */
static inline bool pair_go(struct pair *p)
{
  int idle = 0;
  while (p->rc == 0 && idle < 8) {
    int i = (int)(shelf_random(&p->seed) % 2);
    idle = pair_step(p, i) || pair_step(p, 1 - i) ? 0 : idle + 1;
    if (p->cut > 0 && p->sent[0] + p->sent[1] >= p->cut) {
      break;
    }
    if (host_status(p->s[0]).state == SESSION_DONE &&
        host_status(p->s[1]).state == SESSION_DONE) {
      return true;
    }
  }
  return false;
}

/* A whole session. Prints what went wrong. */
static inline bool pair_sync(struct pair *p)
{
  pair_begin(p);
  bool done = pair_go(p);
  if (!done && p->cut == 0) {
    printf("  initiator in state %d, responder in %d: %s\n",
           host_status(p->s[0]).state, host_status(p->s[1]).state, p->e.text);
  }
  return done;
}

/* Has ${h} all that it follows of what ${other} holds and serves? */
static inline bool host_has_all(struct host *h, const struct host *other)
{
  for (size_t i = 0; i < other->sets; i++) {
    const struct host_set *s = &other->set[i];
    struct span name = span_of(s->name, strlen(s->name));
    if (!host_follows(h, name) ||
        (other->unserved != NULL && span_is(name, other->unserved)) ||
        (h->unserved != NULL && span_is(name, h->unserved))) {
      continue;
    }
    struct host_set *own = host_set_of(h, name);
    const uint64_t *handle = host_handles(own);
    for (size_t k = 0; k < s->n; k++) {
      uint64_t one = sketch_handle(s->d[k].b);
      if (own->n == 0 ||
          bsearch(&one, handle, own->n, 8, host_by_number) == NULL) {
        printf("  %s: number %zu of %zu did not come\n", s->name, k, s->n);
        return false;
      }
    }
  }
  return true;
}

static inline bool pair_equal(struct pair *p)
{
  return host_has_all(&p->host[0], &p->host[1]) &&
         host_has_all(&p->host[1], &p->host[0]);
}

#endif
