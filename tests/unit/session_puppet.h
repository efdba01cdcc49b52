/* SPDX-License-Identifier: 0BSD */
/* A peer of a session that says what the test wants, frame by frame: its
 * channel is a real one, the rest is up to the test. All keys are those of
 * session_host.h, so the salt is always the same and what one session said can
 * be said again to another. */
#ifndef SESSION_PUPPET_H
#define SESSION_PUPPET_H

#include "session_host.h"

#define PUPPET_FRAMES 64 /* kept; the last ones */

struct said {
  uint8_t type;
  struct buf body;
};

struct puppet {
  bool initiator; /* the puppet is */
  struct channel c;
  struct host host; /* of the session */
  struct session *s;
  struct said heard[PUPPET_FRAMES];
  size_t heard_n; /* in all */
  struct err e;
};

static inline void puppet_keys(bool initiator, uint8_t secret[NOISE_KEY_SIZE],
                               uint8_t once[NOISE_KEY_SIZE])
{
  memset(secret, 0x11 + initiator, NOISE_KEY_SIZE);
  memset(once, 0x21 + initiator, NOISE_KEY_SIZE);
}

static inline void puppet_channel(struct channel *c, bool initiator)
{
  uint8_t secret[NOISE_KEY_SIZE], once[NOISE_KEY_SIZE];
  struct err e = {0};
  puppet_keys(initiator, secret, once);
  NEED(channel_start(c, initiator, secret, once, &e) == 0);
}

static inline void puppet_keep(struct puppet *p, const struct frame *f)
{
  struct said *to = &p->heard[p->heard_n++ % PUPPET_FRAMES];
  to->type = f->type;
  buf_clear(&to->body);
  NEED(buf_put(&to->body, f->body.p, f->body.n) == 0);
}

/* The last frame of a type that was heard, or NULL. */
static inline const struct said *puppet_last(const struct puppet *p,
                                             uint8_t type)
{
  for (size_t i = p->heard_n; i > 0 && i + PUPPET_FRAMES > p->heard_n; i--) {
    if (p->heard[(i - 1) % PUPPET_FRAMES].type == type) {
      return &p->heard[(i - 1) % PUPPET_FRAMES];
    }
  }
  return NULL;
}

/* All that the session has to say. 0, or its code. */
static inline int puppet_hear(struct puppet *p)
{
  struct buf out = {0};
  struct frame f;
  int rc, slices = 0;
  do {
    buf_clear(&out);
    rc = host_pull(p->s, &p->host, &out, 1u << 20, &p->e);
    for (size_t at = 0, n; rc > 0 && at <= out.n;) {
      int got =
          channel_feed(&p->c, span_of(out.p + at, out.n - at), &n, &f, &p->e);
      NEED(got >= 0);
      at += n;
      if (got == 0) {
        break;
      }
      puppet_keep(p, &f);
    }
  } while (rc > 0 || (rc == 0 && session_busy(p->s) && ++slices < 100000));
  buf_free(&out);
  return rc;
}

/* What the channel has to say goes to the session. 0, or its code. */
static inline int puppet_flush(struct puppet *p)
{
  struct buf out = {0};
  int rc = channel_pull(&p->c, &out, 1u << 30, &p->e);
  NEED(rc >= 0);
  rc = host_feed(p->s, &p->host, buf_span(&out), &p->e);
  buf_free(&out);
  return rc;
}

/* Say a frame, of any size. 0, or the session's code, at once or when it has
 * worked on it. */
static inline int puppet_say(struct puppet *p, uint8_t type, struct span body)
{
  if (body.n <= SESSION_CONTROL_MAX) {
    NEED(channel_put(&p->c, type, body, &p->e) == 0);
  } else {
    struct buf *to = channel_large(&p->c, type, &p->e);
    NEED(to != NULL && buf_put(to, body.p, body.n) == 0);
    channel_large_end(&p->c);
  }
  int rc = puppet_flush(p);
  return rc < 0 ? rc : puppet_hear(p);
}

/* The handshake. The host has to be set up before. */
static inline void puppet_meet(struct puppet *p, bool initiator)
{
  p->initiator = initiator;
  p->heard_n = 0;
  p->s = host_session(&p->host, !initiator, false);
  puppet_channel(&p->c, initiator);
  for (int i = 0; i < 3; i++) {
    NEED(puppet_flush(p) == 0);
    NEED(puppet_hear(p) == 0);
  }
  NEED(channel_ready(&p->c));
}

static inline int puppet_hello(struct puppet *p)
{
  uint8_t body[2 + CRYPT_KEY_SIZE + CRYPT_SIG_SIZE] = {SESSION_VERSION, 0};
  const struct identity *id = host_identity(p->initiator);
  memcpy(body + 2, identity_key(id), CRYPT_KEY_SIZE);
  NEED(crypt_sign(body + 2 + CRYPT_KEY_SIZE, id, "mahatta/session/1",
                  span_of(p->c.noise.key, NOISE_KEY_SIZE),
                  span_of(noise_hash(&p->c.noise), NOISE_HASH_SIZE)) == 0);
  return puppet_say(p, FRAME_HELLO, span_of(body, sizeof body));
}

/* Follow all. */
static inline int puppet_wish(struct puppet *p)
{
  static const uint8_t all[] = {1, WISH_PREFIX, 1, '*'};
  return puppet_say(p, FRAME_WISH, span_of(all, sizeof all));
}

/* Handshake, hello, wishes. */
static inline void puppet_greet(struct puppet *p, bool initiator)
{
  puppet_meet(p, initiator);
  NEED(puppet_hello(p) == 0);
  NEED(puppet_wish(p) == 0);
}

static inline void puppet_end(struct puppet *p)
{
  session_del(p->s);
  channel_end(&p->c);
  p->s = NULL;
}

static inline void puppet_free(struct puppet *p)
{
  puppet_end(p);
  host_free(&p->host);
  for (size_t i = 0; i < PUPPET_FRAMES; i++) {
    buf_free(&p->heard[i].body);
  }
  memset(p, 0, sizeof *p);
}

/* OPEN of ${topic}, by its name; "": the catalogue. ${count}: how many the
 * puppet says that it has. */
static inline int puppet_open(struct puppet *p, unsigned topic, unsigned level,
                              unsigned bits, unsigned window, uint64_t count,
                              const char *name)
{
  struct sketch_hello hello = {.count = count};
  struct buf body = {0};
  uint8_t head[8] = {(uint8_t)(topic >> 8), (uint8_t)topic, (uint8_t)level,
                     *name == '\0' ? 0 : 2, (uint8_t)bits};
  wire_put(head + 5, window, 3);
  hello.digest[0] = 0xee; /* no set's */
  NEED(buf_put(&body, head, sizeof head) == 0);
  NEED(sketch_hello_put(&body, &hello) == 0);
  NEED(buf_put(&body, name, strlen(name)) == 0);
  int rc = puppet_say(p, FRAME_OPEN, buf_span(&body));
  buf_free(&body);
  return rc;
}

/* Topic, flags, ${n} handles from ${first} on. */
static inline int puppet_lack(struct puppet *p, unsigned topic, uint8_t flags,
                              uint64_t first, size_t n)
{
  uint8_t *body = malloc(3 + 8 * n);
  NEED(body != NULL);
  wire_put(body, topic, 2);
  body[2] = flags;
  for (size_t i = 0; i < n; i++) {
    wire_put(body + 3 + 8 * i, first + i, 8);
  }
  int rc = puppet_say(p, FRAME_LACK, span_of(body, 3 + 8 * n));
  free(body);
  return rc;
}

/* ---- what was said, in clear ---- */

/* All frames on a stream of bytes from one end, appended to ${out}: type,
 * length (3), body. The keys
 * are those of session_host.h. */
static inline void puppet_overhear(struct buf *out, bool from_initiator,
                                   struct span bytes)
{
  struct channel c;
  struct frame f;
  struct buf none = {0};
  struct err e = {0};
  puppet_channel(&c, !from_initiator);
  for (size_t at = 0, size = 0; at < bytes.n; at += size) {
    size_t done = 0, n;
    int got = 1;
    size = 2 + (size_t)wire_get(bytes.p + at, 2);     /* a message at a time */
    NEED(channel_pull(&c, &none, 1u << 16, &e) >= 0); /* its own handshake */
    while (got > 0) {
      uint8_t head[FRAME_HEAD];
      got = channel_feed(&c, span_of(bytes.p + at + done, size - done), &n, &f,
                         &e);
      NEED(got >= 0);
      done += n;
      if (got > 0) {
        head[0] = f.type;
        wire_put(head + 1, f.body.n, 3);
        NEED(buf_put(out, head, sizeof head) == 0);
        NEED(buf_put(out, f.body.p, f.body.n) == 0);
      }
    }
  }
  buf_free(&none);
  channel_end(&c);
}

#endif
