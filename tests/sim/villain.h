/* SPDX-License-Identifier: 0BSD */
/* Stations that want no good. What they say is bytes to the honest end: the
 * deeper ones run a session of their own and bend it from inside. */
#ifndef SIM_VILLAIN_H
#define SIM_VILLAIN_H

#include "station/link.h"
#include "sync/session_int.h"
#include "world.h"

#define SAYS_MAX (256u * 1024) /* bytes; then a villain falls silent */
#define OPEN_HEAD 8u           /* of FRAME_OPEN, before the hello of the set */

struct villain {
  struct world *w;
  struct post *p;
  struct link *l;           /* MUTATE, LIE, WITHHOLD, DRIP */
  struct session *s;        /* its session */
  struct session_host host; /* its own functions, before they were bent */
  struct channel ch;        /* BABBLE */
  bool greeted, initiator;
  uint64_t said;
  unsigned lie; /* which one */
};

/* ---- BABBLE ---- */

/* A hello that holds: babble that comes before it does not get far. */
static inline void babble_hello(struct villain *v)
{
  static const uint8_t wish[] = {1, WISH_PREFIX, 1, '*'};
  uint8_t body[2 + CRYPT_KEY_SIZE + CRYPT_SIG_SIZE] = {SESSION_VERSION};
  struct noise *n = &v->ch.noise;
  struct err e;
  memcpy(body + 2, v->p->key, CRYPT_KEY_SIZE);
  NEED(crypt_sign(body + 2 + CRYPT_KEY_SIZE, v->p->h.st->id,
                  "mahatta/session/1", span_of(n->key, NOISE_KEY_SIZE),
                  span_of(noise_hash(n), NOISE_HASH_SIZE)) == 0);
  NEED(channel_put(&v->ch, FRAME_HELLO, span_of(body, sizeof body), &e) == 0);
  NEED(channel_put(&v->ch, FRAME_WISH, span_of(wish, sizeof wish), &e) == 0);
  v->greeted = true;
}

/* Numbers that are tempting to count by. */
static inline uint64_t babble_number(struct dice *d)
{
  static const uint64_t some[] = {0, 1, 2, 255, 256, 4096, 65535, UINT64_MAX};
  return dice_hit(d, 70) ? some[dice_below(d, 8)] : dice_next(d);
}

static inline void babble_frame(struct villain *v)
{
  struct dice *d = &v->w->dice;
  uint8_t body[2048], type = (uint8_t)(1 + dice_below(d, 20));
  struct err e;
  size_t n = dice_below(d, dice_hit(d, 10) ? sizeof body : 300);
  dice_fill(d, body, n);
  if (n >= 2) {
    wire_put(body, dice_below(d, 4), 2); /* a topic */
  }
  for (size_t at = 2; at + 8 <= n && dice_hit(d, 80); at += 8) {
    wire_put(body + at, babble_number(d), 8);
  }
  if (type == FRAME_OPEN && dice_hit(d, 60)) { /* one that is let in */
    memset(body, 0, OPEN_HEAD);
    n = OPEN_HEAD + SKETCH_HELLO_SIZE;
    wire_put(body + OPEN_HEAD, dice_below(d, 9), 8);
    wire_put(body, dice_below(d, 2), 2);
    body[3] = body[1] == 0 ? 0 : 2;
    if (body[1] == 1) {
      memcpy(body + n, "news", 4);
      n += 4;
    }
  }
  NEED(channel_put(&v->ch, type, span_of(body, n), &e) == 0);
}

static inline int babble_pull(struct villain *v, struct buf *out, size_t max)
{
  struct err e;
  if (channel_ready(&v->ch) && !v->greeted && dice_hit(&v->w->dice, 95)) {
    babble_hello(v);
  }
  if (channel_ready(&v->ch) && v->said < SAYS_MAX) {
    babble_frame(v);
  }
  return channel_pull(&v->ch, out, max, &e);
}

static inline int babble_feed(struct villain *v, struct span bytes)
{
  struct frame f;
  struct err e;
  size_t taken;
  int rc = 1;
  while (rc > 0) {
    rc = channel_feed(&v->ch, bytes, &taken, &f, &e);
    bytes = span_of(bytes.p + taken, bytes.n - taken);
  }
  return rc;
}

/* ---- MUTATE ---- */

/* Bend one of the frames that wait to be sealed. */
static inline void bend(struct dice *d, struct buf *q, size_t from)
{
  size_t at = from, size = 0;
  for (size_t skip = dice_below(d, 6); at + FRAME_HEAD <= q->n; skip--) {
    size = FRAME_HEAD + (size_t)wire_get(q->p + at + 1, 3);
    if (skip == 0 || at + size >= q->n) {
      break;
    }
    at += size;
  }
  if (at + size > q->n || size <= FRAME_HEAD) {
    return;
  }
  size_t byte = at + dice_below(d, size);
  struct buf rest = {0};
  switch (dice_below(d, 4)) {
  case 0: /* the head may be hit, too: then all goes astray */
    q->p[byte] ^= (uint8_t)(1u << dice_below(d, 8));
    break;
  case 1: /* never said */
    memmove(q->p + at, q->p + at + size, q->n - at - size);
    q->n -= size;
    break;
  case 2: /* said twice */
    NEED(buf_put(&rest, q->p + at, q->n - at) == 0);
    q->n = at + size;
    NEED(buf_put(q, rest.p, rest.n) == 0);
    break;
  default: /* a number of 8 bytes */
    if (size >= FRAME_HEAD + 11) {
      wire_put(q->p + at + FRAME_HEAD + 3, babble_number(d), 8);
    }
  }
  buf_free(&rest);
}

/* As session_pull, with a hand between the work and the sealing. */
static inline int mutate_pull(struct villain *v, struct buf *out, size_t max)
{
  struct session *s = v->s;
  struct err e;
  int rc = 1;
  size_t was = out->n;
  if (s->state >= SESSION_DONE) {
    return ERR_CLOSED;
  }
  for (int i = 0; rc > 0 && i < 64 && out->n - was < max; i++) {
    rc = channel_pull(&s->channel, out, max - (out->n - was), &e);
    if (rc != 0 || !channel_ready(&s->channel)) {
      continue;
    }
    rc = greeting_work(s, &e);
    if (rc == 0 && greeting_done(s) && (rc = topic_work(s, &e)) == 0) {
      rc = exchange_work(s, &e);
    }
    if (rc >= 0 && dice_hit(&v->w->dice, 30)) {
      bend(&v->w->dice, &s->channel.queue, s->channel.queued);
    }
    if (rc >= 0 && s->channel.large.n > 40 && dice_hit(&v->w->dice, 50)) {
      size_t at = 5 + dice_below(&v->w->dice, s->channel.large.n - 5);
      s->channel.large.p[at] ^= 0x10;
    }
  }
  return rc < 0 ? rc : (int)(out->n - was);
}

/* ---- LIE ---- */

static int lie_snapshot(void *ud, size_t topic, struct span name,
                        struct session_set *out, struct err *e)
{
  struct villain *v = ud;
  struct dice *d = &v->w->dice;
  int rc = v->host.snapshot(v->l, topic, name, out, e);
  const struct sketch_hello *theirs = &v->s->topic[topic].hello;
  switch (v->lie) {
  case 0: /* it has just the same */
    out->count = theirs->count;
    memcpy(out->digest, theirs->digest, sizeof out->digest);
    break;
  case 1:
    out->count = babble_number(d) & CBOR_INT_MAX;
    break;
  case 2: /* another set than the cells say */
    dice_fill(d, out->digest, sizeof out->digest);
    break;
  case 3: /* cells of no set at all */
    if (out->sketch != NULL) {
      dice_fill(d, &out->sketch->cells, sizeof out->sketch->cells);
    }
    break;
  case 4: /* parcels that nobody has */
    for (int i = 0; out->sketch != NULL && i < 20; i++) {
      sketch_add(out->sketch, dice_next(d) | 1);
    }
    out->count += 20;
    break;
  default:
    break;
  }
  return rc;
}

static int lie_lack(void *ud, const struct session_lack *l, struct err *e)
{
  struct villain *v = ud;
  int rc = v->host.lack(v->l, l, e);
  return rc < 0 || l->all_but || l->key != NULL ? rc : (int)l->n;
}

static inline void lie_entry(struct buf *out, enum session_entry kind,
                             struct span bytes)
{
  NEED(session_entry_put(out, kind, bytes, span_of(NULL, 0)) == 0);
}

/* A parcel, good or not, that lists a record of an honest station and one of
 * its own; and records that are not what they should be. */
static inline void lie_parcel(struct villain *v, struct buf *out)
{
  struct dice *d = &v->w->dice;
  struct buf b = {0}, r = {0};
  struct err e;
  struct cid list[2];
  struct made m = {.n = ++v->w->made, .title = "a lie"};
  const struct post *victim = &v->w->post[dice_below(d, v->w->n)];
  made_block(&r, &m);
  NEED(cid_of(&list[0], CID_DAG_CBOR, r.p, r.n) == 0);
  const struct deed *other =
      v->w->deeds > 0 ? &v->w->deed[dice_below(d, v->w->deeds)] : NULL;
  bool known = other != NULL && !keeps(&v->w->post[other->by], other);
  list[1] = known ? other->id : list[0];
  size_t n = cid_equal(&list[0], &list[1]) ? 1 : 2;
  int64_t time = v->w->now + (dice_hit(d, 10) ? 20 * 86400 : 0);
  NEED(parcel_write(&b, v->p->h.st->id, time,
                    text_of(collections[dice_below(d, COLLECTIONS)]), list, n,
                    &e) == 0);
  struct parcel view;
  NEED(parcel_read(&view, buf_span(&b), &e) == 0);
  if (dice_hit(d, 40)) { /* in another's name */
    memcpy(b.p + (view.author - b.p), victim->key, CRYPT_KEY_SIZE);
  }
  if (dice_hit(d, 30)) {
    b.p[dice_below(d, b.n)] ^= 1;
  }
  lie_entry(out, ENTRY_PARCEL, buf_span(&b));
  if (dice_hit(d, 50)) {
    r.p[dice_below(d, r.n)] ^= 1;
  }
  lie_entry(out, ENTRY_RECORD, buf_span(&r));
  m.n = -m.n; /* one that nothing lists */
  made_block(&r, &m);
  lie_entry(out, ENTRY_RECORD, buf_span(&r));
  buf_free(&b);
  buf_free(&r);
}

static int lie_produce(void *ud, struct buf *out, struct session_counts *c,
                       struct err *e)
{
  struct villain *v = ud;
  if (v->lie == 5 || v->said > SAYS_MAX) { /* nothing of what it owes */
    return 0;
  }
  if (v->said < SAYS_MAX / 8 && dice_hit(&v->w->dice, 60)) {
    lie_parcel(v, out);
    c->parcels++;
    return 1;
  }
  return v->host.produce(v->l, out, c, e);
}

static int lie_load(void *ud, const struct cid *cid, struct buf *out,
                    struct err *e)
{
  struct villain *v = ud;
  size_t was = out->n;
  int rc = v->host.load(v->l, cid, out, e);
  if (dice_hit(&v->w->dice, 50)) {
    rc = 1;
    if (out->n == was) {
      NEED(buf_put(out, cid->b, CID_SIZE) == 0);
    }
    out->p[was + dice_below(&v->w->dice, out->n - was)] ^= 4;
  }
  return rc;
}

/* ---- WITHHOLD ---- */

/* Take withdrawals out of ${b}, from ${at} on. */
static inline void withhold(struct buf *b, size_t at)
{
  struct record r;
  struct err e;
  while (at < b->n) {
    size_t n = 4 + (size_t)wire_get(b->p + at + 1, 3);
    bool drop = b->p[at] == ENTRY_RECORD &&
                record_read(&r, span_of(b->p + at + 4, n - 4), &e) == 0 &&
                r.kind == RECORD_WITHDRAW;
    if (drop) {
      memmove(b->p + at, b->p + at + n, b->n - at - n);
      b->n -= n;
    } else {
      at += n;
    }
  }
}

static int withhold_produce(void *ud, struct buf *out, struct session_counts *c,
                            struct err *e)
{
  struct villain *v = ud;
  size_t at = out->n;
  int rc = v->host.produce(v->l, out, c, e);
  withhold(out, at);
  return rc;
}

static int withhold_load(void *ud, const struct cid *cid, struct buf *out,
                         struct err *e)
{
  (void)ud;
  (void)cid;
  (void)out;
  (void)e;
  return 0;
}

/* ---- all of them ---- */

/* The functions that are not bent expect the link. */
static int pass_wish(void *ud, size_t i, struct span *pattern, struct err *e)
{
  const struct villain *v = ud;
  return v->host.wish(v->l, i, pattern, e);
}

static int pass_collection(void *ud, struct span after,
                           struct session_collection *out, struct err *e)
{
  const struct villain *v = ud;
  return v->host.collection(v->l, after, out, e);
}

static int pass_ready(void *ud, struct span name, struct err *e)
{
  const struct villain *v = ud;
  return v->host.ready(v->l, name, e);
}

static int pass_snapshot(void *ud, size_t topic, struct span name,
                         struct session_set *out, struct err *e)
{
  const struct villain *v = ud;
  return v->host.snapshot(v->l, topic, name, out, e);
}

static int pass_lack(void *ud, const struct session_lack *l, struct err *e)
{
  const struct villain *v = ud;
  return v->host.lack(v->l, l, e);
}

static int pass_prepare(void *ud, struct err *e)
{
  const struct villain *v = ud;
  return v->host.prepare(v->l, e);
}

static int pass_parcel(void *ud, struct span block, struct session_parcel *out,
                       struct err *e)
{
  const struct villain *v = ud;
  return v->host.parcel(v->l, block, out, e);
}

static int pass_record(void *ud, struct span block, struct err *e)
{
  const struct villain *v = ud;
  return v->host.record(v->l, block, e);
}

static int pass_block(void *ud, const struct cid *cid, struct span block,
                      struct err *e)
{
  const struct villain *v = ud;
  return v->host.block(v->l, cid, block, e);
}

static void pass_gone(void *ud, const struct cid *cid)
{
  const struct villain *v = ud;
  v->host.gone(v->l, cid);
}

static int pass_answer(void *ud, int64_t verdict, struct err *e)
{
  const struct villain *v = ud;
  return v->host.answer(v->l, verdict, e);
}

static int pass_flush(void *ud, struct err *e)
{
  const struct villain *v = ud;
  return v->host.flush(v->l, e);
}

static int pass_missing(void *ud, struct cid *out, size_t max, bool *more,
                        struct err *e)
{
  const struct villain *v = ud;
  return v->host.missing(v->l, out, max, more, e);
}

static inline void villain_bend(struct villain *v)
{
  struct session_host *h = &v->s->host;
  v->host = *h;
  *h = (struct session_host){.ud = v,
                             .wish = pass_wish,
                             .collection = pass_collection,
                             .ready = pass_ready,
                             .snapshot = pass_snapshot,
                             .lack = pass_lack,
                             .prepare = pass_prepare,
                             .produce = withhold_produce,
                             .load = withhold_load,
                             .parcel = pass_parcel,
                             .record = pass_record,
                             .block = pass_block,
                             .gone = pass_gone,
                             .answer = pass_answer,
                             .flush = pass_flush,
                             .missing = pass_missing};
  if (v->p->villainy == LIE) {
    h->snapshot = lie_snapshot;
    h->lack = lie_lack;
    h->produce = lie_produce;
    h->load = lie_load;
  }
}

static inline void villain_new(struct villain *v, struct world *w,
                               struct post *p, bool initiator)
{
  uint8_t secret[NOISE_KEY_SIZE], once[NOISE_KEY_SIZE];
  struct link_options opt = {.initiator = initiator, .level = 3};
  struct err e;
  memset(v, 0, sizeof *v);
  v->w = w;
  v->p = p;
  v->initiator = initiator;
  v->lie = (unsigned)dice_below(&w->dice, 8);
  if (p->villainy == BABBLE) {
    dice_fill(&w->dice, secret, sizeof secret);
    dice_fill(&w->dice, once, sizeof once);
    NEED(channel_start(&v->ch, initiator, secret, once, &e) == 0);
  } else if (p->villainy != GARBAGE) {
    NEED(link_new(&v->l, p->h.st, &opt, &e) == 0);
    v->s = link_session(v->l);
    NEED(v->s != NULL);
    if (p->villainy == LIE || p->villainy == WITHHOLD) {
      villain_bend(v);
    }
  }
}

static inline void villain_del(struct villain *v)
{
  channel_end(&v->ch);
  link_del(v->l);
}

static inline int garbage_pull(struct villain *v, struct buf *out, size_t max)
{
  uint8_t bytes[600];
  size_t n = 1 + dice_below(&v->w->dice, sizeof bytes);
  n = n < max ? n : max;
  dice_fill(&v->w->dice, bytes, n);
  if (v->said == 0 && n > 1) { /* a message that may be the first */
    bytes[0] = 0;
    bytes[1] = 32;
  }
  NEED(buf_put(out, bytes, n) == 0);
  return (int)n;
}

/* How many bytes; 0: none now; a code: it hangs up. */
static inline int villain_pull(struct villain *v, struct buf *out, size_t max)
{
  struct err e;
  int n = 0;
  switch (v->p->villainy) {
  case GARBAGE:
    n = v->said < SAYS_MAX ? garbage_pull(v, out, max) : 0;
    break;
  case BABBLE:
    n = babble_pull(v, out, max);
    break;
  case MUTATE:
    n = mutate_pull(v, out, max);
    break;
  case DRIP:
    n = v->said < 9000 ? session_pull(v->s, out, 1, &e) : 0;
    break;
  case LIE:
  case WITHHOLD:
  case HONEST:
  case VILLAINIES:
    n = session_pull(v->s, out, max, &e);
    break;
  }
  v->said += n > 0 ? (uint64_t)n : 0;
  return n;
}

static inline int villain_feed(struct villain *v, struct span bytes)
{
  struct err e;
  size_t taken;
  if (v->p->villainy == GARBAGE) {
    return 0;
  }
  return v->p->villainy == BABBLE ? babble_feed(v, bytes)
                                  : session_feed(v->s, bytes, &taken, &e);
}

#endif
