/* SPDX-License-Identifier: 0BSD */
/* Noise_XX_25519_ChaChaPoly_SHA256, revision 34 of the specification
 * (noiseprotocol.org): both ends show a key of the session, then everything
 * is sealed and in order.
 *
 *   1  initiator -> responder   e, payload in the clear
 *   2  responder -> initiator   e, ee, s, es, payload sealed, but to a
 *                               stranger: the initiator is not known yet
 *   3  initiator -> responder   s, se, payload sealed
 *   then noise_seal and noise_open, each way on its own
 *
 * No input or output, no allocation, no randomness and no clock: a struct
 * noise is the caller's memory, and so is each message. One thread at a time.
 *
 * What the other end sent and does not hold (a seal, a length, a key of small
 * order) ends the session: nothing else of it moves, and every later call
 * gives the same code. Errors of the caller (ERR_MISUSE, ERR_LIMIT of a
 * payload) change nothing at all. Who the peer is, its key alone does not
 * say: the session lets it sign noise_hash().
 *
 * ${out} must have room for the answer: ERR_MISUSE otherwise. After a failure
 * nothing of use is in it. */
#ifndef SYNC_NOISE_H
#define SYNC_NOISE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "form/crypt.h"

#define NOISE_KEY_SIZE CRYPT_POINT_SIZE
#define NOISE_HASH_SIZE CRYPT_DIGEST_SIZE
#define NOISE_MESSAGES 3 /* of the handshake */

/* Largest payload of noise_seal; a handshake's is NOISE_MESSAGE_MAX less
 * noise_overhead(). */
#define NOISE_PAYLOAD_MAX (NOISE_MESSAGE_MAX - CRYPT_TAG_SIZE)

struct noise_cipher {
  uint8_t key[CRYPT_SECRET_SIZE];
  uint64_t count; /* the next message's nonce; UINT64_MAX is never one */
};

/* Read it through the functions below. It holds secrets: noise_end it. */
struct noise {
  bool initiator;
  bool keyed; /* the handshake has a key: from here on it is sealed */
  int step;   /* messages of the handshake that are done */
  int fault;  /* the code that ended the session, or 0 */
  uint8_t hash[NOISE_HASH_SIZE];
  uint8_t chain[CRYPT_SECRET_SIZE];
  uint8_t secret[NOISE_KEY_SIZE]; /* s: ours for the session */
  uint8_t key[NOISE_KEY_SIZE];
  uint8_t once_secret[NOISE_KEY_SIZE]; /* e: ours for this handshake */
  uint8_t once_key[NOISE_KEY_SIZE];
  uint8_t peer[NOISE_KEY_SIZE];      /* rs */
  uint8_t peer_once[NOISE_KEY_SIZE]; /* re */
  struct noise_cipher shake, out, in;
};

/* ${secret}: the X25519 secret that we go by; ${once}: 32 fresh random bytes,
 * never used again (crypt_random). ${prologue}: what both ends must agree on
 * beforehand, or message 2 does not open; not sent. Copies all. Cannot
 * fail. */
void noise_start(struct noise *n, bool initiator,
                 const uint8_t secret[NOISE_KEY_SIZE],
                 const uint8_t once[NOISE_KEY_SIZE], struct span prologue);

/* Overwrite all of it; later calls give ERR_CLOSED. A zeroed struct, or one
 * that ended, is fine too. */
void noise_end(struct noise *n);

/* Whose turn is it? Neither is true once the handshake is done, or has
 * failed. */
bool noise_may_write(const struct noise *n);
bool noise_may_read(const struct noise *n);

/* Is the handshake done, and the session not ended? */
bool noise_ready(const struct noise *n);

/* By how many bytes the next message is longer than its payload. */
size_t noise_overhead(const struct noise *n);

/* The next message of the handshake. ${out} and the input must not overlap.
 * Return the length of what was written to ${out}: the message, or its
 * payload. ERR_MISUSE when it is not our turn; ERR_LIMIT for a payload or
 * message over the limit; ERR_INVALID for a message too short and for keys of
 * small order (those of message 1 show when message 2 is written); ERR_SIG
 * when it does not open. */
int noise_write(struct noise *n, uint8_t *out, size_t room, struct span payload,
                struct err *e) MUST_USE;
int noise_read(struct noise *n, uint8_t *out, size_t room, struct span message,
               struct err *e) MUST_USE;

/* The same after the handshake; here ${out} may be where the input is.
 * Messages open in the order in which they were sealed, each once. ERR_LIMIT
 * also when this way's 2^64 - 1 nonces are used up. */
int noise_seal(struct noise *n, uint8_t *out, size_t room, struct span payload,
               struct err *e) MUST_USE;
int noise_open(struct noise *n, uint8_t *out, size_t room, struct span message,
               struct err *e) MUST_USE;

/* Rekey() of the specification, section 4.2: this way's key becomes another,
 * its nonce goes on. Both ends do it between the same two messages, as their
 * protocol says. ERR_MISUSE before the handshake is done; the fault of a
 * session that ended. */
int noise_rekey_out(struct noise *n) MUST_USE;
int noise_rekey_in(struct noise *n) MUST_USE;

/* The handshake's hash: one for both ends and no other session. NULL until the
 * handshake is done. */
const uint8_t *noise_hash(const struct noise *n);

/* The peer's public key, proven to be its own once it has sealed with it: NULL
 * until the initiator has read message 2, the responder message 3. */
const uint8_t *noise_peer(const struct noise *n);

#endif
