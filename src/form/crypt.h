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
#define CRYPT_DID_MAX 64 /* "did:key:z6Mk..." and its NUL */

/* Starts libsodium and runs the known-answer self-test (SHA-256, Ed25519 sign
 * and the acceptance rule, Argon2id small, XChaCha20-Poly1305): once a
 * process, safe to call again and from any thread. ERR_CORRUPT names the
 * answer that differed. Everything below needs it to have succeeded. */
int crypt_start(struct err *e) MUST_USE;

/* A signing identity: holds its own public key beside the secret one, so that
 * no caller can lend a wrong one (RUSTSEC-2022-0093). Wiped when freed. */
struct identity;

/* A fresh identity, or from a seed of CRYPT_SEED_SIZE bytes. ERR_NOMEM. */
int identity_new(struct identity **out, struct err *e) MUST_USE;
int identity_from_seed(struct identity **out, const uint8_t *seed,
                       struct err *e) MUST_USE;
void identity_del(struct identity *id); /* NULL-safe; wipes */
const uint8_t *identity_key(const struct identity *id); /* 32 bytes */

/* Ed25519 over ${domain} (a C string, its NUL included) followed by ${a} and
 * then ${b}: two spans so that a message can be signed around its own
 * signature field. Copies them; ERR_NOMEM. */
int crypt_sign(uint8_t sig[CRYPT_SIG_SIZE], const struct identity *id,
               const char *domain, struct span a, struct span b) MUST_USE;

/* The one acceptance rule (FORMAT.md F-sig): verify_detached holds AND the
 * author's key is a valid point AND R is a valid point. 0, ERR_SIG, or
 * ERR_NOMEM. ${author_ok}: pass true when crypt_author_ok said so for this
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

/* Key file: how an identity rests. Made 0600 with O_EXCL (ERR_EXIST when
 * there is one), synced with its folder before return; refused with
 * ERR_ACCESS when group or others can read it or it is not a plain file of
 * ours. ${pass} NULL: in the clear; else sealed with XChaCha20-Poly1305 under
 * Argon2id (KDF_MEM_BYTES, KDF_PASSES) with a key commitment. Load gives
 * ERR_SIG for a wrong passphrase, ERR_ACCESS when one is needed and ${pass}
 * is NULL, ERR_LIMIT for parameters over the caps. The format is in
 * FORMAT.md. */
int keyfile_save(const char *path, const struct identity *id, const char *pass,
                 struct err *e) MUST_USE;
int keyfile_load(struct identity **out, const char *path, const char *pass,
                 struct err *e) MUST_USE;

/* The same on bytes, for the fuzzer and for other ways to keep them. */
int keyfile_encode(struct buf *out, const struct identity *id,
                   const char *pass, struct err *e) MUST_USE;
int keyfile_decode(struct identity **out, struct span file, const char *pass,
                   struct err *e) MUST_USE;

/* ${n} random bytes. Cannot fail after crypt_start. */
void crypt_random(void *out, size_t n);

/* 8-byte keyed short hash (SipHash-2-4) for tables over hostile keys and for
 * the salted handles of a slip; ${salt} has 16 bytes. */
uint64_t crypt_short(const uint8_t salt[16], const void *p, size_t n);

/* Overwrite ${n} bytes so that no optimiser drops it. */
void crypt_wipe(void *p, size_t n);

#endif
