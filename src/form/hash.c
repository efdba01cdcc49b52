/* SPDX-License-Identifier: 0BSD */
/* SHA-256. EVP_MD_fetch takes longer than hashing a record, so the method is
 * fetched once a process and kept: it never changes, so threads and forks
 * share it freely, and the kept pointer keeps leak checkers content. */
#include "form/hash.h"

#include "base/check.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <stdatomic.h>

struct hash {
  EVP_MD_CTX *ctx;
  bool started;
};

/* The method, or NULL when libcrypto has none to give. */
static const EVP_MD *sha256(void)
{
  static _Atomic(EVP_MD *) kept;
  EVP_MD *md = atomic_load_explicit(&kept, memory_order_acquire);
  if (md != NULL) {
    return md;
  }
  EVP_MD *first = NULL;
  md = EVP_MD_fetch(NULL, "SHA256", NULL);
  if (!atomic_compare_exchange_strong(&kept, &first, md)) {
    EVP_MD_free(md); /* another thread was quicker: ${first} is its method */
    md = first;
  }
  return md;
}

int hash_sha256(uint8_t out[HASH_SIZE], const void *p, size_t n)
{
  const EVP_MD *md = sha256();
  unsigned size = 0;
  CHECK(p != NULL || n == 0);
  if (md == NULL || EVP_Digest(p, n, out, &size, md, NULL) != 1) {
    return ERR_NOMEM;
  }
  CHECK(size == HASH_SIZE);
  return 0;
}

struct hash *hash_new(void)
{
  struct hash *h = mem_zero(sizeof *h);
  if (h == NULL) {
    return NULL;
  }
  h->ctx = EVP_MD_CTX_new();
  if (h->ctx == NULL || sha256() == NULL) {
    hash_del(h);
    return NULL;
  }
  return h;
}

void hash_del(struct hash *h)
{
  if (h != NULL) {
    EVP_MD_CTX_free(h->ctx);
    mem_free(h);
  }
}

/* Begin a hash unless one is under way. */
static int ensure_started(struct hash *h)
{
  if (!h->started) {
    if (EVP_DigestInit_ex(h->ctx, sha256(), NULL) != 1) {
      return ERR_NOMEM;
    }
    h->started = true;
  }
  return 0;
}

int hash_add(struct hash *h, const void *p, size_t n)
{
  CHECK(p != NULL || n == 0);
  int rc = ensure_started(h);
  if (rc < 0 || n == 0) {
    return rc;
  }
  return EVP_DigestUpdate(h->ctx, p, n) == 1 ? 0 : ERR_NOMEM;
}

int hash_end(struct hash *h, uint8_t out[HASH_SIZE])
{
  int rc = ensure_started(h);
  if (rc < 0) {
    return rc;
  }
  unsigned size = 0;
  h->started = false;
  if (EVP_DigestFinal_ex(h->ctx, out, &size) != 1) {
    return ERR_NOMEM;
  }
  CHECK(size == HASH_SIZE);
  return 0;
}
