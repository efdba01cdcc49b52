/* SPDX-License-Identifier: 0BSD */
/* Keys, signatures and secrets, by libsodium. crypt.c is the only file that
 * includes sodium.h. */
#ifndef FORM_CRYPT_H
#define FORM_CRYPT_H

#include "base/buf.h"
#include "base/err.h"

#define CRYPT_KEY_SIZE 32 /* Ed25519 public key */
#define CRYPT_SIG_SIZE 64
#define CRYPT_SEED_SIZE 32
#define CRYPT_DID_SIZE 56 /* "did:key:z6Mk...", always; no NUL counted */
#define CRYPT_DID_MAX 64  /* room for it and its NUL */
#define CRYPT_SALT_SIZE 16
#define CRYPT_NONCE_SIZE 24
#define CRYPT_TAG_SIZE 16
#define CRYPT_SECRET_SIZE 32 /* a symmetric key */
#define CRYPT_STREAM_NONCE_SIZE 8
#define CRYPT_DERIVED_SIZE 64 /* an AEAD key and a commitment */

/* Starts libsodium and runs the known-answer self-test (SHA-256, Ed25519 sign
 * and the acceptance rule, Argon2id small, XChaCha20-Poly1305, X25519, HKDF,
 * ChaCha20-Poly1305): once a process, safe to call again and from any thread.
 * ERR_CORRUPT names the answer that differed. Everything below needs it to
 * have succeeded. */
int crypt_start(struct err *e) MUST_USE;

/* A signing identity: holds its own public key beside the secret one, so that
 * no caller can lend a wrong one (RUSTSEC-2022-0093). Wiped when freed. */
struct identity;

/* A fresh identity, or from a seed of CRYPT_SEED_SIZE bytes. ERR_NOMEM. */
int identity_new(struct identity **out, struct err *e) MUST_USE;
int identity_from_seed(struct identity **out, const uint8_t *seed,
                       struct err *e) MUST_USE;
void identity_del(struct identity *id);                 /* NULL-safe; wipes */
const uint8_t *identity_key(const struct identity *id); /* 32 bytes */

/* The secret itself, for the key file alone. The caller wipes it. */
void identity_seed(uint8_t out[CRYPT_SEED_SIZE], const struct identity *id);

/* Ed25519 over ${domain} (a C string, its NUL included) followed by ${a} and
 * then ${b}: two spans so that a message can be signed around its own
 * signature field. Copies them; ERR_NOMEM. */
int crypt_sign(uint8_t sig[CRYPT_SIG_SIZE], const struct identity *id,
               const char *domain, struct span a, struct span b) MUST_USE;

/* The one acceptance rule (FORMAT.md, "Signatures"): verify_detached holds
 * AND the author's key is a valid point AND R is a valid point. 0, ERR_SIG,
 * or ERR_NOMEM. ${author_ok}: pass true when crypt_author_ok said so for this
 * very key before (the answer is a constant of the key). */
int crypt_verify(const uint8_t sig[CRYPT_SIG_SIZE],
                 const uint8_t key[CRYPT_KEY_SIZE], bool author_ok,
                 const char *domain, struct span a, struct span b) MUST_USE;
bool crypt_author_ok(const uint8_t key[CRYPT_KEY_SIZE]);

/* The bare rule without domain, for the test vectors. */
bool crypt_verify_raw(const uint8_t sig[CRYPT_SIG_SIZE],
                      const uint8_t key[CRYPT_KEY_SIZE], struct span message);

/* did:key (multicodec 0xed01, base58btc). did_parse refuses keys that
 * crypt_author_ok refuses. */
void did_text(char out[CRYPT_DID_MAX], const uint8_t key[CRYPT_KEY_SIZE]);
int did_parse(uint8_t key[CRYPT_KEY_SIZE], const char *text, size_t n,
              struct err *e) MUST_USE;

/* ---- parts of the key file (form/keyfile.h) ---- */

struct crypt_cost {   /* of Argon2id */
  uint64_t mem_bytes; /* >= 8192 */
  uint64_t passes;    /* >= 1 */
};

/* Argon2id, one lane: a passphrase to a key. ERR_NOMEM. The caller keeps the
 * cost within limits.h. */
int crypt_stretch(uint8_t out[CRYPT_SECRET_SIZE], struct span pass,
                  const uint8_t salt[CRYPT_SALT_SIZE],
                  const struct crypt_cost *cost) MUST_USE;

/* BLAKE2b-512 of ${info}, keyed with ${secret}. The first 32 bytes are an
 * AEAD key, the last 32 commit to it: XChaCha20-Poly1305 alone would let one
 * ciphertext open under two keys. Cannot fail. */
void crypt_derive(uint8_t out[CRYPT_DERIVED_SIZE],
                  const uint8_t secret[CRYPT_SECRET_SIZE], struct span info);

/* XChaCha20-Poly1305; ${head} is bound, not hidden. crypt_seal writes
 * plain.n + CRYPT_TAG_SIZE bytes and cannot fail; crypt_open writes sealed.n
 * - CRYPT_TAG_SIZE bytes, or returns ERR_SIG. */
void crypt_seal(uint8_t *out, struct span plain, struct span head,
                const uint8_t nonce[CRYPT_NONCE_SIZE],
                const uint8_t key[CRYPT_SECRET_SIZE]);
int crypt_open(uint8_t *out, struct span sealed, struct span head,
               const uint8_t nonce[CRYPT_NONCE_SIZE],
               const uint8_t key[CRYPT_SECRET_SIZE]) MUST_USE;

/* Equality in a time that does not tell where they differ. */
bool crypt_equal(const void *a, const void *b, size_t n);

/* ---- parts of a session (sync/noise.h): none allocates ---- */

#define CRYPT_POINT_SIZE                                                       \
  32                         /* X25519: a public key, a secret, what is shared \
                              */
#define CRYPT_DIGEST_SIZE 32 /* SHA-256 */

/* The X25519 public key of ${secret}, any 32 bytes. Cannot fail. */
void crypt_x25519_key(uint8_t key[CRYPT_POINT_SIZE],
                      const uint8_t secret[CRYPT_POINT_SIZE]);

/* What the two share; the caller wipes it. ERR_INVALID when ${key} is of small
 * order: then all of the world would share it. */
int crypt_x25519(uint8_t shared[CRYPT_POINT_SIZE],
                 const uint8_t secret[CRYPT_POINT_SIZE],
                 const uint8_t key[CRYPT_POINT_SIZE]) MUST_USE;

/* SHA-256 of ${a} and then ${b}, for the short parts of a handshake: hash.h is
 * four times faster, but may fail. Cannot fail; ${out} may be ${a}. */
void crypt_hash_pair(uint8_t out[CRYPT_DIGEST_SIZE], struct span a,
                     struct span b);

/* HKDF-SHA256 (RFC 5869) without info: two keys of ${salt} and ${secret}.
 * ${first} may be ${salt}. Cannot fail. */
void crypt_hkdf(uint8_t first[CRYPT_SECRET_SIZE],
                uint8_t second[CRYPT_SECRET_SIZE],
                const uint8_t salt[CRYPT_SECRET_SIZE], struct span secret);

/* ChaCha20-Poly1305 (RFC 8439) under a nonce that is a counter: four zero
 * bytes and ${count}, little-endian. Never seal twice under one key and count.
 * Otherwise as crypt_seal and crypt_open; ${out} may be where the input is. */
void crypt_seal_at(uint8_t *out, struct span plain, struct span head,
                   uint64_t count, const uint8_t key[CRYPT_SECRET_SIZE]);
int crypt_open_at(uint8_t *out, struct span sealed, struct span head,
                  uint64_t count,
                  const uint8_t key[CRYPT_SECRET_SIZE]) MUST_USE;

/* ---- small parts ---- */

/* ${n} random bytes. Cannot fail after crypt_start. */
void crypt_random(void *out, size_t n);

/* 8-byte keyed short hash (SipHash-2-4) for tables over hostile keys and for
 * the salted handles of a slip; ${salt} has 16 bytes. */
uint64_t crypt_short(const uint8_t salt[CRYPT_SALT_SIZE], const void *p,
                     size_t n);

/* ${n} bytes of ChaCha20's key stream (the original one, with a nonce of 8
 * bytes): a long number from a short one, the same on every machine. Cannot
 * fail. */
void crypt_stream(void *out, size_t n,
                  const uint8_t nonce[CRYPT_STREAM_NONCE_SIZE],
                  const uint8_t key[CRYPT_SECRET_SIZE]);

/* Overwrite ${n} bytes so that no optimiser drops it. */
void crypt_wipe(void *p, size_t n);

#endif
