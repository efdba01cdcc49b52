/* SPDX-License-Identifier: 0BSD */
#include "sync/channel.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

#define PROLOGUE "mahatta/session/1"
#define MESSAGE_ROOM (CHANNEL_MESSAGE_HEAD + NOISE_MESSAGE_MAX)

int channel_start(struct channel *c, bool initiator,
                  const uint8_t secret[NOISE_KEY_SIZE],
                  const uint8_t once[NOISE_KEY_SIZE], struct err *e)
{
  memset(c, 0, sizeof *c);
  noise_start(&c->noise, initiator, secret, once,
              span_of(PROLOGUE, sizeof PROLOGUE));
  c->message = mem_alloc(MESSAGE_ROOM);
  c->sealed = mem_alloc(MESSAGE_ROOM);
  if (c->message == NULL || c->sealed == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  return 0;
}

void channel_end(struct channel *c)
{
  if (c->message != NULL) {
    crypt_wipe(c->message, MESSAGE_ROOM);
  }
  if (c->sealed != NULL) {
    crypt_wipe(c->sealed, MESSAGE_ROOM);
  }
  mem_free(c->message);
  mem_free(c->sealed);
  buf_free(&c->frame);
  buf_free(&c->queue);
  buf_free(&c->large);
  noise_end(&c->noise);
  memset(c, 0, sizeof *c);
  c->fault = ERR_CLOSED;
}

static int fault(struct channel *c, int rc)
{
  c->fault = rc;
  return rc;
}

static int ended(const struct channel *c, struct err *e)
{
  return c->fault < 0 ? err_set(e, c->fault, "the session has failed") : 0;
}

/* ---- in ---- */

static size_t frame_size(const uint8_t *head)
{
  return FRAME_HEAD +
         ((size_t)head[1] << 16 | (size_t)head[2] << 8 | (size_t)head[3]);
}

/* Copy what a message of ${size} bytes, head included, still lacks. Is it
 * whole? */
static bool gather(struct channel *c, struct span bytes, size_t *taken,
                   size_t size)
{
  size_t left = bytes.n - *taken;
  size_t n = c->have < size ? size - c->have : 0;
  n = n < left ? n : left;
  if (n > 0) {
    memcpy(c->message + c->have, bytes.p + *taken, n);
  }
  c->have += n;
  *taken += n;
  return c->have >= size;
}

/* A sealed message is whole. As a rule it is opened where it lies; one from
 * the middle of a large frame, straight into that. */
static int open_sealed(struct channel *c, struct span message, struct err *e)
{
  uint8_t *at = c->message + CHANNEL_MESSAGE_HEAD;
  bool inside = c->frame.n >= FRAME_HEAD && !c->whole &&
                frame_size(c->frame.p) <= FRAME_HEAD + SESSION_FRAME_MAX &&
                frame_size(c->frame.p) - c->frame.n >= message.n;
  if (c->opened > 0 && c->opened % SESSION_REKEY_EVERY == 0 &&
      noise_rekey_in(&c->noise) < 0) {
    return err_set(e, c->noise.fault, "the session has failed");
  }
  c->opened++;
  if (inside && buf_reserve(&c->frame, message.n) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  if (inside) {
    at = c->frame.p + c->frame.n;
  }
  int n = noise_open(&c->noise, at, message.n, message, e);
  if (n > 0 && inside) {
    c->frame.n += (size_t)n;
  } else if (n > 0) {
    c->open = span_of(at, (size_t)n);
  }
  return n < 0 ? n : 0;
}

static int open_message(struct channel *c, struct err *e)
{
  struct span message = span_of(c->message + CHANNEL_MESSAGE_HEAD,
                                c->have - CHANNEL_MESSAGE_HEAD);
  uint8_t none[1];
  c->have = 0;
  if (noise_ready(&c->noise)) {
    return open_sealed(c, message, e);
  }
  if (!noise_may_read(&c->noise)) {
    return err_set(e, ERR_INVALID, "the peer spoke out of turn");
  }
  /* Nothing is said before both are known: a payload is none of ours. */
  if (message.n != noise_overhead(&c->noise)) {
    return err_set(e, ERR_INVALID, "this is no handshake of ours");
  }
  int n = noise_read(&c->noise, none, sizeof none, message, e);
  return n < 0 ? n : 0;
}

/* The frame under way has all its bytes. */
static bool is_whole(const struct channel *c)
{
  return c->frame.n >= FRAME_HEAD && c->frame.n == frame_size(c->frame.p);
}

/* More of the stream of frames: 1, or 0 when it needs further bytes. */
static int more_open(struct channel *c, struct span bytes, size_t *taken,
                     struct err *e)
{
  while (c->open.n == 0 && !is_whole(c)) {
    if (!gather(c, bytes, taken, CHANNEL_MESSAGE_HEAD)) {
      return 0;
    }
    size_t n = (size_t)c->message[0] << 8 | c->message[1];
    if (!gather(c, bytes, taken, CHANNEL_MESSAGE_HEAD + n)) {
      return 0;
    }
    int rc = open_message(c, e);
    if (rc < 0) {
      return rc;
    }
  }
  return 1;
}

static void hand_out(struct frame *out, const uint8_t *p, size_t size)
{
  out->type = p[0];
  out->body = span_of(p + FRAME_HEAD, size - FRAME_HEAD);
}

/* Move ${n} bytes that are open to the frame under way. */
static int keep(struct channel *c, size_t n, struct err *e)
{
  n = n < c->open.n ? n : c->open.n;
  if (buf_put(&c->frame, c->open.p, n) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  c->open = span_of(c->open.p + n, c->open.n - n);
  return 0;
}

/* 1: a frame is whole; 0: it needs more than is open. */
static int next_frame(struct channel *c, struct frame *out, struct err *e)
{
  int rc = 0;
  if (c->frame.n == 0 && c->open.n >= FRAME_HEAD) {
    size_t size = frame_size(c->open.p);
    if (size <= c->open.n) { /* as a rule: where it lies */
      hand_out(out, c->open.p, size);
      c->open = span_of(c->open.p + size, c->open.n - size);
      return 1;
    }
  }
  if (c->frame.n < FRAME_HEAD) {
    rc = keep(c, FRAME_HEAD - c->frame.n, e);
  }
  if (rc < 0 || c->frame.n < FRAME_HEAD) {
    return rc;
  }
  size_t size = frame_size(c->frame.p);
  if (size > FRAME_HEAD + SESSION_FRAME_MAX) {
    return err_set(e, ERR_LIMIT, "a frame of %zu bytes: at most %u are taken",
                   size - FRAME_HEAD, SESSION_FRAME_MAX);
  }
  if ((rc = keep(c, size - c->frame.n, e)) < 0 || c->frame.n < size) {
    return rc;
  }
  hand_out(out, c->frame.p, size);
  c->whole = true;
  return 1;
}

int channel_feed(struct channel *c, struct span bytes, size_t *taken,
                 struct frame *out, struct err *e)
{
  int rc = ended(c, e);
  *taken = 0;
  if (rc < 0) {
    return rc;
  }
  if (c->whole) {
    c->whole = false;
    buf_clear(&c->frame);
  }
  while ((rc = more_open(c, bytes, taken, e)) > 0) {
    if ((rc = next_frame(c, out, e)) != 0) {
      break;
    }
  }
  return rc < 0 ? fault(c, rc) : rc;
}

/* ---- out ---- */

static void write_head(uint8_t *p, uint8_t type, size_t n)
{
  p[0] = type;
  p[1] = (uint8_t)(n >> 16);
  p[2] = (uint8_t)(n >> 8);
  p[3] = (uint8_t)n;
}

int channel_put(struct channel *c, uint8_t type, struct span body,
                struct err *e)
{
  uint8_t head[FRAME_HEAD];
  if (body.n > SESSION_CONTROL_MAX) {
    return err_set(e, ERR_MISUSE, "a frame of %zu bytes is no small one",
                   body.n);
  }
  if (c->queued == c->queue.n) {
    buf_clear(&c->queue);
    c->queued = 0;
  }
  write_head(head, type, body.n);
  if (buf_reserve(&c->queue, sizeof head + body.n) < 0 ||
      buf_put(&c->queue, head, sizeof head) < 0 ||
      buf_put(&c->queue, body.p, body.n) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  return 0;
}

bool channel_wants_large(const struct channel *c)
{
  return c->large.n == 0;
}

struct buf *channel_large(struct channel *c, uint8_t type, struct err *e)
{
  uint8_t head[FRAME_HEAD];
  CHECK(channel_wants_large(c));
  write_head(head, type, 0);
  if (buf_put(&c->large, head, sizeof head) < 0) {
    (void)err_set(e, ERR_NOMEM, "not enough memory");
    return NULL;
  }
  c->larged = 0;
  return &c->large;
}

void channel_shrink(struct channel *c)
{
  if (c->frame.n == 0) {
    buf_free(&c->frame);
  }
  if (c->large.n == 0) {
    buf_free(&c->large);
  }
}

void channel_large_end(struct channel *c)
{
  CHECK(c->large.n >= FRAME_HEAD);
  CHECK(c->large.n <= FRAME_HEAD + SESSION_FRAME_MAX);
  write_head(c->large.p, c->large.p[0], c->large.n - FRAME_HEAD);
}

static void passed_large(struct channel *c)
{
  if (c->larged == c->large.n) {
    buf_clear(&c->large);
    c->larged = 0;
  }
}

/* The middle of a large frame fills a message by itself: no copy is needed. */
static struct span whole_message(struct channel *c)
{
  bool fills = c->larged > 0 && c->large.n - c->larged >= NOISE_PAYLOAD_MAX;
  return fills ? span_of(c->large.p + c->larged, NOISE_PAYLOAD_MAX)
               : span_of(NULL, 0);
}

/* Move up to ${room} bytes of what waits to ${to}; small frames first, unless
 * a large one is half out. */
static size_t take_plain(struct channel *c, uint8_t *to, size_t room)
{
  size_t n = 0;
  while (n < room) {
    bool large = c->large.n > 0 && (c->larged > 0 || c->queued == c->queue.n);
    struct buf *from = large ? &c->large : &c->queue;
    size_t *at = large ? &c->larged : &c->queued;
    size_t some = from->n - *at < room - n ? from->n - *at : room - n;
    if (some == 0) {
      break;
    }
    memcpy(to + n, from->p + *at, some);
    n += some;
    *at += some;
    if (large) {
      passed_large(c);
    }
  }
  return n;
}

/* Seal what waits into ${at}: its length, 0 when nothing waits. */
static int seal_next(struct channel *c, uint8_t *at, struct err *e)
{
  struct span plain = whole_message(c);
  bool in_place = plain.n == 0;
  if (in_place) {
    plain = span_of(at, take_plain(c, at, NOISE_PAYLOAD_MAX));
  }
  if (plain.n == 0) {
    return 0;
  }
  if (c->seals > 0 && c->seals % SESSION_REKEY_EVERY == 0 &&
      noise_rekey_out(&c->noise) < 0) {
    return err_set(e, c->noise.fault, "the session has failed");
  }
  c->seals++;
  int n = noise_seal(&c->noise, at, NOISE_MESSAGE_MAX, plain, e);
  if (!in_place) {
    c->larged += plain.n;
    passed_large(c);
  }
  return n;
}

/* Make the next message at ${p} (MESSAGE_ROOM bytes): its length with its
 * head, or 0 when nothing waits. */
static int make_message(struct channel *c, uint8_t *p, struct err *e)
{
  uint8_t *at = p + CHANNEL_MESSAGE_HEAD;
  int n = 0;
  if (noise_may_write(&c->noise)) {
    n = noise_write(&c->noise, at, NOISE_MESSAGE_MAX, span_of(NULL, 0), e);
  } else if (noise_ready(&c->noise)) {
    n = seal_next(c, at, e);
  }
  if (n <= 0) {
    return n;
  }
  p[0] = (uint8_t)((unsigned)n >> 8);
  p[1] = (uint8_t)n;
  return (int)CHANNEL_MESSAGE_HEAD + n;
}

/* One message, or what ${room} has of it: 1, or 0 when nothing waits. */
static int pull_some(struct channel *c, struct buf *out, size_t room,
                     struct err *e)
{
  int n;
  if (c->sealed_at == c->sealed_n && room >= MESSAGE_ROOM) {
    if (buf_reserve(out, MESSAGE_ROOM) < 0) {
      return err_set(e, ERR_NOMEM, "not enough memory");
    }
    n = make_message(c, out->p + out->n, e);
    out->n += n > 0 ? (size_t)n : 0;
    return n < 0 ? n : n > 0;
  }
  if (c->sealed_at == c->sealed_n) {
    c->sealed_at = c->sealed_n = 0;
    if ((n = make_message(c, c->sealed, e)) <= 0) {
      return n;
    }
    c->sealed_n = (size_t)n;
  }
  size_t some = c->sealed_n - c->sealed_at;
  some = some < room ? some : room;
  if (buf_put(out, c->sealed + c->sealed_at, some) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  c->sealed_at += some;
  return 1;
}

int channel_pull(struct channel *c, struct buf *out, size_t max, struct err *e)
{
  size_t was = out->n;
  int rc = ended(c, e);
  if (rc < 0) {
    return rc;
  }
  max = max < INT32_MAX ? max : INT32_MAX;
  do {
    rc = pull_some(c, out, max - (out->n - was), e);
  } while (rc > 0 && out->n - was < max);
  return rc < 0 ? fault(c, rc) : (int)(out->n - was);
}

bool channel_pending(const struct channel *c)
{
  return c->fault == 0 &&
         (c->sealed_at < c->sealed_n || noise_may_write(&c->noise) ||
          c->queued < c->queue.n || c->large.n > 0);
}
