/* SPDX-License-Identifier: 0BSD */
/* Names in comments (s, e, ee, MixKey ...) are those of the specification. */
#include "sync/noise.h"

#include "base/check.h"

#include <string.h>

static const char name[] = "Noise_XX_25519_ChaChaPoly_SHA256";

_Static_assert(sizeof name - 1 == NOISE_HASH_SIZE, "h is the name, unhashed");

enum token { END, E, S, EE, ES, SE };

#define TOKENS_MAX 5 /* the last is END */

static const enum token pattern[NOISE_MESSAGES][TOKENS_MAX] = {
    {E}, {E, EE, S, ES}, {S, SE}};

/* What the tokens of a message and the payload's seal take. */
#define SEALED_KEY_SIZE (NOISE_KEY_SIZE + CRYPT_TAG_SIZE)
static const size_t overhead[NOISE_MESSAGES] = {
    NOISE_KEY_SIZE, NOISE_KEY_SIZE + SEALED_KEY_SIZE + CRYPT_TAG_SIZE,
    SEALED_KEY_SIZE + CRYPT_TAG_SIZE};

/* ---- the symmetric state ---- */

static void mix_hash(struct noise *n, struct span data)
{
  crypt_hash_pair(n->hash, span_of(n->hash, sizeof n->hash), data);
}

static void mix_key(struct noise *n, const uint8_t shared[NOISE_KEY_SIZE])
{
  crypt_hkdf(n->chain, n->shake.key, n->chain, span_of(shared, NOISE_KEY_SIZE));
  n->shake.count = 0;
  n->keyed = true;
}

/* EncryptAndHash: returns how many bytes went to ${out}. */
static size_t seal_and_hash(struct noise *n, uint8_t *out, struct span plain)
{
  size_t size = plain.n;
  if (n->keyed) {
    crypt_seal_at(out, plain, span_of(n->hash, sizeof n->hash),
                  n->shake.count++, n->shake.key);
    size += CRYPT_TAG_SIZE;
  } else if (plain.n > 0) {
    memcpy(out, plain.p, plain.n);
  }
  mix_hash(n, span_of(out, size));
  return size;
}

/* DecryptAndHash. ${n} is of no further use when it fails. */
static int open_and_hash(struct noise *n, uint8_t *out, struct span sealed)
{
  if (n->keyed) {
    int rc = crypt_open_at(out, sealed, span_of(n->hash, sizeof n->hash),
                           n->shake.count++, n->shake.key);
    if (rc < 0) {
      return rc;
    }
  } else if (sealed.n > 0) {
    memcpy(out, sealed.p, sealed.n);
  }
  mix_hash(n, sealed);
  return 0;
}

/* MixKey(DH()). In es the initiator's key is e and the responder's s; in se it
 * is the other way round. */
static int mix_shared(struct noise *n, enum token t)
{
  uint8_t shared[NOISE_KEY_SIZE];
  bool our_s = t == (n->initiator ? SE : ES);
  bool their_s = t == (n->initiator ? ES : SE);
  int rc = crypt_x25519(shared, our_s ? n->secret : n->once_secret,
                        their_s ? n->peer : n->peer_once);
  if (rc == 0) {
    mix_key(n, shared);
  }
  crypt_wipe(shared, sizeof shared);
  return rc;
}

static void split(struct noise *n)
{
  struct noise_cipher *first = n->initiator ? &n->out : &n->in;
  struct noise_cipher *second = n->initiator ? &n->in : &n->out;
  crypt_hkdf(first->key, second->key, n->chain, span_of(NULL, 0));
  first->count = 0;
  second->count = 0;
  crypt_wipe(n->chain, sizeof n->chain);
  crypt_wipe(&n->shake, sizeof n->shake);
  crypt_wipe(n->secret, sizeof n->secret);
  crypt_wipe(n->once_secret, sizeof n->once_secret);
}

/* ---- life and questions ---- */

void noise_start(struct noise *n, bool initiator,
                 const uint8_t secret[NOISE_KEY_SIZE],
                 const uint8_t once[NOISE_KEY_SIZE], struct span prologue)
{
  memset(n, 0, sizeof *n);
  n->initiator = initiator;
  memcpy(n->secret, secret, sizeof n->secret);
  memcpy(n->once_secret, once, sizeof n->once_secret);
  crypt_x25519_key(n->key, secret);
  crypt_x25519_key(n->once_key, once);
  memcpy(n->hash, name, sizeof n->hash);
  memcpy(n->chain, name, sizeof n->chain);
  mix_hash(n, prologue);
}

void noise_end(struct noise *n)
{
  crypt_wipe(n, sizeof *n);
  n->fault = ERR_CLOSED;
}

static bool our_turn(const struct noise *n)
{
  return (n->step % 2 == 0) == n->initiator;
}

bool noise_may_write(const struct noise *n)
{
  return n->fault == 0 && n->step < NOISE_MESSAGES && our_turn(n);
}

bool noise_may_read(const struct noise *n)
{
  return n->fault == 0 && n->step < NOISE_MESSAGES && !our_turn(n);
}

bool noise_ready(const struct noise *n)
{
  return n->fault == 0 && n->step == NOISE_MESSAGES;
}

size_t noise_overhead(const struct noise *n)
{
  return n->step < NOISE_MESSAGES ? overhead[n->step] : CRYPT_TAG_SIZE;
}

const uint8_t *noise_hash(const struct noise *n)
{
  return n->step == NOISE_MESSAGES ? n->hash : NULL;
}

const uint8_t *noise_peer(const struct noise *n)
{
  return n->step >= (n->initiator ? 2 : NOISE_MESSAGES) ? n->peer : NULL;
}

/* ---- what any message must keep ---- */

/* May this call be made now? */
static int check_turn(const struct noise *n, bool now, struct err *e)
{
  if (n->fault != 0) {
    return err_set(e, n->fault, "the encrypted session has ended");
  }
  if (!now) {
    return err_set(e, ERR_MISUSE, "wrong call after handshake message %d",
                   n->step);
  }
  return 0;
}

static int check_payload(const struct noise *n, size_t size, size_t room,
                         struct err *e)
{
  size_t more = noise_overhead(n);
  if (size > NOISE_MESSAGE_MAX - more) {
    return err_set(e, ERR_LIMIT, "payload of %zu bytes, at most %zu", size,
                   NOISE_MESSAGE_MAX - more);
  }
  if (room < size + more) {
    return err_set(e, ERR_MISUSE, "room for %zu bytes, %zu needed", room,
                   size + more);
  }
  return 0;
}

/* ERR_INVALID and ERR_LIMIT are the peer's, ERR_MISUSE is the caller's. */
static int check_message(const struct noise *n, size_t size, size_t room,
                         struct err *e)
{
  size_t less = noise_overhead(n);
  if (size < less) {
    return err_set(e, ERR_INVALID,
                   "encrypted message of %zu bytes, at least %zu", size, less);
  }
  if (size > NOISE_MESSAGE_MAX) {
    return err_set(e, ERR_LIMIT, "encrypted message of %zu bytes, at most %d",
                   size, NOISE_MESSAGE_MAX);
  }
  if (room < size - less) {
    return err_set(e, ERR_MISUSE, "room for %zu bytes, %zu needed", room,
                   size - less);
  }
  return 0;
}

/* ---- the handshake ---- */

static int write_token(struct noise *n, enum token t, uint8_t **at)
{
  if (t == E) {
    memcpy(*at, n->once_key, NOISE_KEY_SIZE);
    mix_hash(n, span_of(*at, NOISE_KEY_SIZE));
    *at += NOISE_KEY_SIZE;
    return 0;
  }
  if (t == S) {
    *at += seal_and_hash(n, *at, span_of(n->key, NOISE_KEY_SIZE));
    return 0;
  }
  return mix_shared(n, t);
}

static int read_token(struct noise *n, enum token t, const uint8_t **at)
{
  const uint8_t *p = *at;
  if (t == E) {
    memcpy(n->peer_once, p, NOISE_KEY_SIZE);
    mix_hash(n, span_of(p, NOISE_KEY_SIZE));
    *at += NOISE_KEY_SIZE;
    return 0;
  }
  if (t == S) { /* sealed in both messages that have it */
    *at += SEALED_KEY_SIZE;
    return open_and_hash(n, n->peer, span_of(p, SEALED_KEY_SIZE));
  }
  return mix_shared(n, t);
}

static int handshake_fault(int step, int rc, struct err *e)
{
  return err_set(e, rc, "handshake message %d: %s", step + 1,
                 rc == ERR_SIG ? "damaged, or of another protocol"
                               : "a key of small order");
}

static void step_done(struct noise *n, struct noise *next)
{
  *n = *next;
  n->step++;
  if (n->step == NOISE_MESSAGES) {
    split(n);
  }
}

int noise_write(struct noise *n, uint8_t *out, size_t room, struct span payload,
                struct err *e)
{
  struct noise next = {0};
  uint8_t *at = out;
  int rc = check_turn(n, noise_may_write(n), e);
  if (rc < 0 || (rc = check_payload(n, payload.n, room, e)) < 0) {
    return rc;
  }
  next = *n;
  for (int i = 0; pattern[n->step][i] != END && rc == 0; i++) {
    rc = write_token(&next, pattern[n->step][i], &at);
  }
  if (rc < 0) {
    n->fault = handshake_fault(n->step, rc, e);
    goto done;
  }
  at += seal_and_hash(&next, at, payload);
  CHECK((size_t)(at - out) == payload.n + overhead[n->step]);
  step_done(n, &next);
  rc = (int)(at - out);
done:
  crypt_wipe(&next, sizeof next);
  return rc;
}

int noise_read(struct noise *n, uint8_t *out, size_t room, struct span message,
               struct err *e)
{
  struct noise next = {0};
  const uint8_t *at = message.p, *end = message.p + message.n;
  int rc = check_turn(n, noise_may_read(n), e);
  if (rc < 0) {
    return rc;
  }
  rc = check_message(n, message.n, room, e);
  if (rc < 0) {
    n->fault = rc == ERR_MISUSE ? 0 : rc;
    return rc;
  }
  next = *n;
  for (int i = 0; pattern[n->step][i] != END && rc == 0; i++) {
    rc = read_token(&next, pattern[n->step][i], &at);
  }
  if (rc == 0) {
    rc = open_and_hash(&next, out, span_of(at, (size_t)(end - at)));
  }
  if (rc < 0) {
    n->fault = handshake_fault(n->step, rc, e);
    goto done;
  }
  rc = (int)(message.n - overhead[n->step]);
  step_done(n, &next);
done:
  crypt_wipe(&next, sizeof next);
  return rc;
}

/* ---- after the handshake ---- */

static int check_count(const struct noise_cipher *c, struct err *e)
{
  return c->count < UINT64_MAX
             ? 0
             : err_set(e, ERR_LIMIT, "the session's nonces are used up");
}

int noise_seal(struct noise *n, uint8_t *out, size_t room, struct span payload,
               struct err *e)
{
  int rc = check_turn(n, noise_ready(n), e);
  if (rc < 0 || (rc = check_payload(n, payload.n, room, e)) < 0 ||
      (rc = check_count(&n->out, e)) < 0) {
    return rc;
  }
  crypt_seal_at(out, payload, span_of(NULL, 0), n->out.count++, n->out.key);
  return (int)(payload.n + CRYPT_TAG_SIZE);
}

int noise_open(struct noise *n, uint8_t *out, size_t room, struct span message,
               struct err *e)
{
  int rc = check_turn(n, noise_ready(n), e);
  if (rc < 0) {
    return rc;
  }
  rc = check_message(n, message.n, room, e);
  if (rc < 0) {
    n->fault = rc == ERR_MISUSE ? 0 : rc;
    return rc;
  }
  rc = check_count(&n->in, e);
  if (rc < 0) {
    return rc;
  }
  rc = crypt_open_at(out, message, span_of(NULL, 0), n->in.count, n->in.key);
  if (rc < 0) {
    n->fault = err_set(e, rc, "an encrypted message is damaged, or not next");
    return rc;
  }
  n->in.count++;
  return (int)(message.n - CRYPT_TAG_SIZE);
}

/* The key becomes what it makes of 32 zero bytes under the last nonce, less
 * the tag. */
static int rekey(const struct noise *n, struct noise_cipher *c)
{
  static const uint8_t zeros[CRYPT_SECRET_SIZE];
  uint8_t sealed[CRYPT_SECRET_SIZE + CRYPT_TAG_SIZE];
  int rc = check_turn(n, noise_ready(n), NULL);
  if (rc < 0) {
    return rc;
  }
  crypt_seal_at(sealed, span_of(zeros, sizeof zeros), span_of(NULL, 0),
                UINT64_MAX, c->key);
  memcpy(c->key, sealed, sizeof c->key);
  crypt_wipe(sealed, sizeof sealed);
  return 0;
}

int noise_rekey_out(struct noise *n)
{
  return rekey(n, &n->out);
}

int noise_rekey_in(struct noise *n)
{
  return rekey(n, &n->in);
}
