/* SPDX-License-Identifier: 0BSD */
/* Channel: frames over a byte stream, sealed by Noise. PROTOCOL.md, "The
 * channel", has the bytes.
 *
 * On the stream: messages, each with its length (2 bytes, big endian) before
 * it; three of the handshake, with empty payloads, then sealed ones. What
 * these hold, end to end, is a stream of frames: type (1 byte), length of the
 * body (3 bytes, big endian), body. Frames and messages do not mind each
 * other's borders.
 *
 * Sans-IO: bytes are fed and pulled. What the peer sends wrong ends the
 * channel for good: each later call gives the same code. */
#ifndef SYNC_CHANNEL_H
#define SYNC_CHANNEL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "sync/noise.h"

#define FRAME_HEAD 4u
#define CHANNEL_MESSAGE_HEAD 2u

/* A frame that has come: lent until the next call of channel_feed. */
struct frame {
  uint8_t type;
  struct span body;
};

struct channel {
  struct noise noise;
  int fault; /* the code that ended it, 0 */
  /* in */
  uint8_t *message; /* head and message under way */
  size_t have;      /* bytes of it that have come */
  struct span open; /* what it held, as far as no frame took it yet */
  struct buf frame; /* a frame that several messages bring */
  bool whole;       /* it was handed out: cleared at the next call */
  uint64_t opened;  /* messages since the handshake */
  /* out */
  struct buf queue; /* small frames that wait, in order */
  size_t queued;    /* bytes of them that are sealed */
  struct buf large; /* one large frame that waits, after them */
  size_t larged;    /* bytes of it that are sealed */
  uint8_t *sealed;  /* head and message under way */
  size_t sealed_n, sealed_at;
  uint64_t seals;
};

/* ${secret}, ${once}: as for noise_start. ERR_NOMEM. channel_end it in any
 * case. */
int channel_start(struct channel *c, bool initiator,
                  const uint8_t secret[NOISE_KEY_SIZE],
                  const uint8_t once[NOISE_KEY_SIZE], struct err *e) MUST_USE;
void channel_end(struct channel *c); /* wipes; fine on a zeroed one */

/* Is the handshake done? */
static inline bool channel_ready(const struct channel *c)
{
  return noise_ready(&c->noise);
}

/* Take from ${bytes} until a frame is whole: 1 and ${out}; 0 when all were
 * taken and none is. ${taken}: how many bytes were; call again with the rest
 * (which may be none: a message brings many frames). ERR_INVALID, ERR_LIMIT,
 * ERR_SIG: the peer broke the protocol; ERR_NOMEM. */
int channel_feed(struct channel *c, struct span bytes, size_t *taken,
                 struct frame *out, struct err *e) MUST_USE;

/* Queue a small frame. ERR_NOMEM. ERR_MISUSE for a body over
 * SESSION_CONTROL_MAX. */
int channel_put(struct channel *c, uint8_t type, struct span body,
                struct err *e) MUST_USE;

/* May a large frame be given? Its body is appended to channel_large(), which
 * makes the head, by the caller, who ends it with channel_large_end. */
bool channel_wants_large(const struct channel *c);
struct buf *channel_large(struct channel *c, uint8_t type,
                          struct err *e) MUST_USE; /* NULL: no memory */
/* Cannot fail: the body is at most SESSION_FRAME_MAX, as the caller sees
 * to. */
void channel_large_end(struct channel *c);

/* Give back the memory of large frames, once no more of them are expected. */
void channel_shrink(struct channel *c);

/* Bytes of small frames that wait to be sealed. */
static inline size_t channel_queued(const struct channel *c)
{
  return c->queue.n - c->queued;
}

/* Append up to ${max} bytes for the peer to ${out}. Returns how many; 0:
 * nothing waits. ERR_NOMEM; the fault. */
int channel_pull(struct channel *c, struct buf *out, size_t max,
                 struct err *e) MUST_USE;

/* Does anything wait to be pulled? */
bool channel_pending(const struct channel *c);

#endif
