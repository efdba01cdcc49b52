/* SPDX-License-Identifier: 0BSD */
/* What differs travels: parcels and records in the host's order, then blocks
 * of files one by one as each end asks for them, then the end with counts. */
#include "base/check.h"
#include "base/mem.h"
#include "form/zpack.h"
#include "sync/session_int.h"

#include <string.h>

#define ENTRY_HEAD 4u
#define SENT_SIZE 16u
#define FINISHED_SIZE 24u
#define FULL_SIZE 8u
#define CREDIT_EVERY (SESSION_CREDIT / 4)
#define SAMPLE (16u * 1024) /* of a large block: is it worth squeezing? */
/* Many entries fill this much at most; what is more is a single one. */
#define MANY_MAX (SESSION_BLOCKS_RAW + 2 * (ENTRY_HEAD + CID_SIZE))

/* ---- sending: nothing waits in the channel when that begins ---- */

/* Does zstd save a tenth of it, as far as its begin tells? */
static bool worth_squeezing(struct session *s, struct span raw)
{
  struct err e;
  struct span sample = span_of(raw.p, raw.n < SAMPLE ? raw.n : SAMPLE);
  buf_clear(&s->made);
  int rc = zpack_squeeze(s->zpack, &s->made, sample, 1, &e);
  bool yes = rc == 0 && s->made.n < sample.n - sample.n / 10;
  buf_clear(&s->made);
  return yes;
}

/* The large frame is made, its content begins at ${from}: send it. */
static void send_large(struct session *s, const struct buf *out, size_t from)
{
  s->credit -= (int64_t)(out->n - from);
  channel_large_end(&s->channel);
}

/* Send the entries in s->made as one frame. */
static int put_made(struct session *s, struct err *e)
{
  struct buf *out = channel_large(&s->channel, FRAME_BLOCKS, e);
  if (out == NULL) {
    return ERR_NOMEM;
  }
  size_t from = out->n;
  if (buf_byte(out, BLOCKS_ZSTD) < 0) {
    return session_nomem(e);
  }
  int rc = zpack_squeeze(s->zpack, out, buf_span(&s->made), s->level, e);
  if (rc < 0) {
    return rc;
  }
  send_large(s, out, from);
  return 0;
}

/* All parcels of this round are out. The responder says with it which of its
 * proofs failed: it waits for the initiator's last parcel where it has any. */
static int put_sent(struct session *s, struct err *e)
{
  struct buf body = {0};
  uint8_t counts[SENT_SIZE];
  int rc = 0;
  if (!s->initiator && !s->sent_in && topic_proves(s)) {
    return 0;
  }
  wire_put(counts, s->out.parcels, 8);
  wire_put(counts + 8, s->out.records, 8);
  if (buf_put(&body, counts, sizeof counts) < 0) {
    rc = session_nomem(e);
  } else if (!s->initiator) {
    rc = topic_doubts(s, &body, e);
  }
  if (rc == 0) {
    rc = session_put(s, FRAME_SENT, buf_span(&body), e);
  }
  s->sent_out = rc == 0;
  buf_free(&body);
  return rc < 0 ? rc : 1;
}

/* Parcels and their records. */
static int send_plan(struct session *s, struct err *e)
{
  int rc;
  if (!s->prepared) {
    if ((rc = s->host.prepare(s->host.ud, e)) != 0) {
      s->busy = rc > 0;
      return rc;
    }
    s->prepared = true;
  }
  if (s->credit <= 0) {
    return 0;
  }
  buf_clear(&s->made);
  rc = s->host.produce(s->host.ud, &s->made, &s->out, e);
  if (rc < 0 || rc == SESSION_SLICE) {
    s->busy = rc > 0;
    return rc < 0 ? rc : 1;
  }
  if (rc > 0) {
    rc = put_made(s, e);
    return rc < 0 ? rc : 1;
  }
  return put_sent(s, e);
}

/* Append the entry of a block that was asked for, or of its absence. 1, or 0:
 * it does not fit beside what is there. */
static int put_wanted(struct session *s, const struct cid *cid, struct buf *out,
                      size_t from, struct err *e)
{
  size_t was = out->n;
  int rc = session_entry_put(out, ENTRY_BLOCK, span_of(cid->b, CID_SIZE),
                             span_of(NULL, 0)) < 0
               ? session_nomem(e)
               : s->host.load(s->host.ud, cid, out, e);
  if (rc < 0) {
    return rc;
  }
  if (was > from && out->n - from > SESSION_BLOCKS_RAW) {
    out->n = was;
    return 0;
  }
  size_t size = out->n - was - ENTRY_HEAD;
  out->p[was] = rc > 0 ? ENTRY_BLOCK : ENTRY_GONE;
  wire_put(out->p + was + 1, size, 3);
  s->out.blocks += rc > 0;
  s->out.bytes += size - CID_SIZE;
  return 1;
}

/* Blocks that the peer asked for, one large or several small ones. */
static int send_wanted(struct session *s, struct err *e)
{
  int rc = 1;
  if (s->credit <= 0) {
    return 0;
  }
  struct buf *out = channel_large(&s->channel, FRAME_BLOCKS, e);
  if (out == NULL) {
    return ERR_NOMEM;
  }
  size_t from = out->n, content = from + 1;
  rc = buf_byte(out, 0) < 0 ? session_nomem(e) : 1;
  while (rc > 0 && s->wanted_at < s->wanted_n &&
         out->n - content < SESSION_BLOCKS_RAW) {
    rc = put_wanted(s, &s->wanted[s->wanted_at], out, content, e);
    s->wanted_at += rc > 0;
  }
  if (s->wanted_at == s->wanted_n) {
    s->wanted_at = s->wanted_n = 0;
  }
  struct span raw = span_of(out->p + content, out->n - content);
  if (rc >= 0 && worth_squeezing(s, raw)) {
    rc = zpack_squeeze(s->zpack, &s->made, raw, s->level, e);
    out->n = content;
    out->p[from] = BLOCKS_ZSTD;
    if (rc == 0 && buf_put(out, s->made.p, s->made.n) < 0) {
      rc = session_nomem(e);
    }
  }
  if (rc < 0) {
    return rc;
  }
  send_large(s, out, from);
  return 1;
}

/* ---- asking ---- */

static int ask_missing(struct session *s, struct err *e)
{
  size_t room = SESSION_ASKED_MAX - s->asked_n;
  if (s->dry || room < SESSION_ASKED_MAX / 2) {
    return 0;
  }
  bool more = false;
  int n = s->host.missing(s->host.ud, s->asked + s->asked_n, room, &more, e);
  if (n == 0 && more) {
    s->busy = true;
    return 1;
  }
  if (n <= 0) {
    s->dry = n == 0;
    if (n == 0 && s->asked_n == 0) {
      s->looking = false;
      return 1;
    }
    return n;
  }
  CHECK((size_t)n <= room);
  struct span body = span_of(s->asked + s->asked_n, (size_t)n * CID_SIZE);
  s->asked_n += (size_t)n;
  s->blocks_due += (uint64_t)n;
  int rc = session_put(s, FRAME_GET, body, e);
  return rc < 0 ? rc : 1;
}

/* Was it asked for? Then it is no longer. */
static bool take_asked(struct session *s, const struct cid *cid)
{
  for (size_t i = 0; i < s->asked_n; i++) {
    if (cid_equal(&s->asked[i], cid)) {
      s->asked_n--;
      memmove(&s->asked[i], &s->asked[i + 1],
              (s->asked_n - i) * sizeof *s->asked);
      return true;
    }
  }
  return false;
}

/* ---- rounds ---- */

static int begin_round(struct session *s, struct err *e)
{
  if (++s->rounds > SESSION_ROUNDS_MAX) {
    return err_set(e, ERR_LIMIT, "more than %u rounds", SESSION_ROUNDS_MAX);
  }
  s->settled = true;
  s->prepared = s->sent_in = s->sent_out = false;
  return 0;
}

static int begin_data(struct session *s, struct err *e)
{
  if (s->topics == 0) { /* nothing differs: no round for it */
    s->last_settled = s->looking = true;
    return 1;
  }
  int rc = begin_round(s, e);
  if (rc == 0) {
    rc = session_put(s, FRAME_SETTLED, span_of(NULL, 0), e);
  }
  return rc < 0 ? rc : 1;
}

int exchange_end_round(struct session *s, struct err *e)
{
  if (!s->settled || !s->sent_in || !s->sent_out) {
    return 0;
  }
  int more = topic_next_round(s, e);
  if (more < 0) {
    return more;
  }
  s->settled = false;
  s->last_settled = s->initiator && more == 0;
  s->looking = s->last_settled || !s->initiator;
  s->dry = false;
  return 1;
}

/* The peer shall know that not all of what it sent was kept, and why. */
static int put_full(struct session *s, struct err *e)
{
  uint64_t n = s->host.full != NULL ? s->host.full(s->host.ud) : 0;
  uint8_t body[FULL_SIZE];
  wire_put(body, n, sizeof body);
  return n == 0 ? 0 : session_put(s, FRAME_FULL, span_of(body, sizeof body), e);
}

static int finish(struct session *s, struct err *e)
{
  int rc = s->host.flush(s->host.ud, e);
  rc = rc < 0 ? rc : put_full(s, e);
  if (rc < 0) {
    return rc;
  }
  s->finished_out = true;
  channel_shrink(&s->channel);
  buf_free(&s->made);
  buf_free(&s->raw);
  uint8_t body[FINISHED_SIZE];
  wire_put(body, s->out.parcels, 8);
  wire_put(body + 8, s->out.records, 8);
  wire_put(body + 16, s->out.blocks, 8);
  rc = session_put(s, FRAME_FINISHED, span_of(body, sizeof body), e);
  return rc < 0 ? rc : 1;
}

int exchange_work(struct session *s, struct err *e)
{
  if (s->initiator && !s->settled && !s->last_settled && topic_all_settled(s)) {
    return begin_data(s, e);
  }
  if (s->settled && !s->sent_out) {
    return send_plan(s, e);
  }
  if (s->settled && s->sent_in) {
    return exchange_end_round(s, e);
  }
  if (s->wanted_at < s->wanted_n) {
    int rc = send_wanted(s, e);
    if (rc != 0) {
      return rc;
    }
  }
  if (s->looking) {
    return ask_missing(s, e);
  }
  bool through = s->initiator ? s->last_settled : s->finished_in;
  if (through && !s->finished_out) {
    return finish(s, e);
  }
  return 0;
}

/* ---- receiving ---- */

static int take_block(struct session *s, struct span bytes, struct err *e)
{
  struct cid cid;
  if (bytes.n < CID_SIZE || cid_read(&cid, bytes.p, CID_SIZE, e) < 0 ||
      !take_asked(s, &cid)) {
    return session_breach(e, "a block that nobody asked for");
  }
  s->dry = false;
  s->in.blocks++;
  s->in.bytes += bytes.n - CID_SIZE;
  return s->host.block(s->host.ud, &cid,
                       span_of(bytes.p + CID_SIZE, bytes.n - CID_SIZE), e);
}

static int take_gone(struct session *s, struct span bytes, struct err *e)
{
  struct cid cid;
  if (bytes.n != CID_SIZE || cid_read(&cid, bytes.p, CID_SIZE, e) < 0 ||
      !take_asked(s, &cid)) {
    return session_breach(e, "it lacks a block that nobody asked for");
  }
  s->dry = false;
  s->blocks_gone++;
  s->host.gone(s->host.ud, &cid);
  return 0;
}

static int take_parcel(struct session *s, struct span block, struct err *e)
{
  struct session_parcel p = {0};
  int rc = s->host.parcel(s->host.ud, block, &p, e);
  if (rc == 0 && p.good) {
    s->in.parcels++;
    s->in.bytes += block.n;
    topic_came(s, &p);
  }
  return rc;
}

static int take_entry(struct session *s, uint8_t kind, struct span bytes,
                      struct err *e)
{
  int rc;
  bool listed = kind == ENTRY_PARCEL || kind == ENTRY_RECORD;
  if (listed && (!s->settled || s->sent_in)) {
    return session_breach(e, "parcels out of turn");
  }
  switch (kind) {
  case ENTRY_PARCEL:
    return take_parcel(s, bytes, e);
  case ENTRY_RECORD:
    rc = s->host.record(s->host.ud, bytes, e);
    s->in.records += rc >= 0;
    s->in.bytes += rc >= 0 ? bytes.n : 0;
    return rc;
  case ENTRY_BLOCK:
    return take_block(s, bytes, e);
  case ENTRY_GONE:
    return take_gone(s, bytes, e);
  default:
    return session_breach(e, "an entry of no kind");
  }
}

/* All of a frame is taken: the peer may send as much again. */
static int give_credit(struct session *s, struct err *e)
{
  uint8_t body[4];
  buf_clear(&s->raw);
  s->eaten += s->frame_size;
  s->frame_size = 0;
  if (s->eaten < CREDIT_EVERY || s->finished_out) {
    return 0; /* who has finished waits for no block any more */
  }
  wire_put(body, s->eaten, sizeof body);
  s->eaten = 0;
  return session_put(s, FRAME_CREDIT, span_of(body, sizeof body), e);
}

int exchange_take(struct session *s, struct err *e)
{
  while (s->entries.n > 0) {
    const uint8_t *p = s->entries.p;
    size_t n = s->entries.n < ENTRY_HEAD ? 0 : (size_t)wire_get(p + 1, 3);
    if (s->entries.n < ENTRY_HEAD + n || s->entries.n < ENTRY_HEAD) {
      return session_breach(e, "an entry is cut");
    }
    s->entries = span_of(p + ENTRY_HEAD + n, s->entries.n - ENTRY_HEAD - n);
    int rc = take_entry(s, p[0], span_of(p + ENTRY_HEAD, n), e);
    if (rc == SESSION_ASK) {
      s->entries_asked = true;
      return session_ask(s, SESSION_ASKS_ADMIT, span_of(NULL, 0));
    }
    if (rc < 0) {
      return rc;
    }
  }
  s->entries_asked = false;
  return give_credit(s, e);
}

static int take_blocks(struct session *s, struct span body, struct err *e)
{
  if (body.n < 1 || body.p[0] > BLOCKS_ZSTD) {
    return session_breach(e, "blocks begin otherwise");
  }
  struct span content = span_of(body.p + 1, body.n - 1);
  if (body.p[0] == BLOCKS_ZSTD) {
    int rc = zpack_expand(s->zpack, &s->raw, content, SESSION_FRAME_MAX, e);
    if (rc < 0) {
      return rc;
    }
    content = buf_span(&s->raw);
  }
  /* Or a few bytes of zstd were ten thousand signatures to check. */
  if (content.n > MANY_MAX &&
      ENTRY_HEAD + wire_get(content.p + 1, 3) != content.n) {
    return session_breach(e, "too many entries at once");
  }
  s->entries = content;
  s->frame_size = (uint32_t)body.n;
  int rc = exchange_take(s, e);
  return rc < 0 ? rc : 0;
}

static int take_get(struct session *s, struct span body, struct err *e)
{
  size_t n = body.n / CID_SIZE;
  if (body.n % CID_SIZE != 0 || n == 0 ||
      s->wanted_n - s->wanted_at + n > SESSION_ASKED_MAX) {
    return session_breach(e, "too many blocks asked for at once");
  }
  memmove(s->wanted, s->wanted + s->wanted_at,
          (s->wanted_n - s->wanted_at) * sizeof *s->wanted);
  s->wanted_n -= s->wanted_at;
  s->wanted_at = 0;
  for (size_t i = 0; i < n; i++) {
    if (cid_read(&s->wanted[s->wanted_n], body.p + i * CID_SIZE, CID_SIZE, e) <
        0) {
      return session_breach(e, "what it asks for is no block");
    }
    s->wanted_n++;
  }
  return 0;
}

static bool topics_open(const struct session *s)
{
  for (size_t i = 1; i <= s->topics; i++) {
    enum topic_state state = s->topic[i].state;
    if (state != TOPIC_FREE && state != TOPIC_SETTLED) {
      return true;
    }
  }
  return false;
}

static int take_settled(struct session *s, struct span body, struct err *e)
{
  if (topics_open(s)) {
    return session_breach(e, "not all topics are settled");
  }
  if (s->settled || body.n != 0 || s->topic[CATALOGUE].state == TOPIC_FREE) {
    return session_breach(e, "it settled out of turn");
  }
  topic_free(s, &s->topic[CATALOGUE]);
  s->topic[CATALOGUE].state = TOPIC_SETTLED;
  return begin_round(s, e);
}

static int take_sent(struct session *s, struct span body, struct err *e)
{
  if (!s->settled || s->sent_in || body.n < SENT_SIZE || body.n % 2 != 0 ||
      (body.n > SENT_SIZE && !s->initiator)) {
    return session_breach(e, "it sent out of turn");
  }
  for (size_t at = SENT_SIZE; at < body.n; at += 2) {
    uint64_t id = wire_get(body.p + at, 2);
    struct topic *t = &s->topic[id <= SESSION_TOPICS_MAX ? id : CATALOGUE];
    if (t == &s->topic[CATALOGUE] || t->state != TOPIC_SETTLED ||
        t->level != LEVEL_SKETCH) {
      return session_breach(e, "it doubts what was not compared");
    }
    t->doubted = true;
  }
  s->sent_in = true;
  return 0;
}

static int take_credit(struct session *s, struct span body, struct err *e)
{
  if (body.n != 4) {
    return session_breach(e, "credit of another length");
  }
  s->credit += (int64_t)wire_get(body.p, 4);
  return s->credit > SESSION_CREDIT ? session_breach(e, "credit out of nothing")
                                    : 0;
}

static int take_full(struct session *s, struct span body, struct err *e)
{
  if (body.n != FULL_SIZE || s->peer_full > 0 ||
      (s->peer_full = wire_get(body.p, FULL_SIZE)) == 0) {
    return session_breach(e, "it was full out of turn");
  }
  return 0;
}

static int take_finished(struct session *s, struct span body, struct err *e)
{
  /* Of catalogues that differ, too, there may be nothing to open. */
  enum topic_state whole = s->topic[CATALOGUE].state;
  bool early = s->settled || topics_open(s) ||
               (s->initiator && !s->finished_out) ||
               (whole != TOPIC_ASKED && whole != TOPIC_SETTLED);
  if (body.n != FINISHED_SIZE || early) {
    return session_breach(e, "it finished out of turn");
  }
  s->finished_in = true;
  s->looking = s->looking || s->rounds == 0; /* else it has looked */
  return 0;
}

int exchange_frame(struct session *s, const struct frame *f, struct err *e)
{
  if (!greeting_done(s)) {
    return session_breach(e, "data before the greeting is over");
  }
  switch ((int)f->type) {
  case FRAME_SETTLED:
    return take_settled(s, f->body, e);
  case FRAME_BLOCKS:
    return take_blocks(s, f->body, e);
  case FRAME_SENT:
    return take_sent(s, f->body, e);
  case FRAME_CREDIT:
    return take_credit(s, f->body, e);
  case FRAME_GET:
    return take_get(s, f->body, e);
  case FRAME_FULL:
    return take_full(s, f->body, e);
  default: /* FRAME_FINISHED */
    return take_finished(s, f->body, e);
  }
}
