/* SPDX-License-Identifier: 0BSD */
/* SHA-256 through libcrypto's EVP (its SHA-NI path is 4 times libsodium's).
 * hash.c is the only file that includes openssl headers. */
#ifndef FORM_HASH_H
#define FORM_HASH_H

#include "base/buf.h"
#include "base/err.h"

#define HASH_SIZE 32

/* One-shot SHA-256 of ${n} bytes at ${p}. Fails only when libcrypto does
 * (ERR_NOMEM). */
int hash_sha256(uint8_t out[HASH_SIZE], const void *p, size_t n) MUST_USE;

/* Streaming SHA-256. hash_new returns NULL when memory runs out; hash_del is
 * NULL-safe; after hash_end the state starts anew. */
struct hash;
struct hash *hash_new(void) MUST_USE;
void hash_del(struct hash *h);
int hash_add(struct hash *h, const void *p, size_t n) MUST_USE;
int hash_end(struct hash *h, uint8_t out[HASH_SIZE]) MUST_USE;

#endif
