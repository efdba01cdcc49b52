/* SPDX-License-Identifier: 0BSD */
#include "form/crypt.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "form/hash.h"

#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

_Static_assert(CRYPT_KEY_SIZE == crypto_sign_PUBLICKEYBYTES, "key");
_Static_assert(CRYPT_SIG_SIZE == crypto_sign_BYTES, "signature");
_Static_assert(CRYPT_SEED_SIZE == crypto_sign_SEEDBYTES, "seed");
_Static_assert(CRYPT_SALT_SIZE == crypto_pwhash_SALTBYTES, "salt");
_Static_assert(CRYPT_SALT_SIZE == crypto_shorthash_KEYBYTES, "salt");
_Static_assert(CRYPT_NONCE_SIZE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
               "nonce");
_Static_assert(CRYPT_TAG_SIZE == crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "tag");
_Static_assert(CRYPT_POINT_SIZE == crypto_scalarmult_BYTES, "point");
_Static_assert(CRYPT_POINT_SIZE == crypto_scalarmult_SCALARBYTES, "point");
_Static_assert(CRYPT_DIGEST_SIZE == crypto_hash_sha256_BYTES, "digest");
_Static_assert(CRYPT_SECRET_SIZE == crypto_auth_hmacsha256_BYTES, "hkdf");
_Static_assert(CRYPT_SECRET_SIZE == crypto_aead_chacha20poly1305_ietf_KEYBYTES,
               "key");
_Static_assert(CRYPT_TAG_SIZE == crypto_aead_chacha20poly1305_ietf_ABYTES,
               "tag");
_Static_assert(CRYPT_STREAM_NONCE_SIZE == crypto_stream_chacha20_NONCEBYTES,
               "nonce");
_Static_assert(CRYPT_SECRET_SIZE == crypto_stream_chacha20_KEYBYTES, "key");

struct identity { /* rests in guarded memory, read-only once made */
  uint8_t secret[crypto_sign_SECRETKEYBYTES];
  uint8_t key[CRYPT_KEY_SIZE];
};

/* ---- identities ---- */

int identity_from_seed(struct identity **out, const uint8_t *seed,
                       struct err *e)
{
  struct identity *id = sodium_malloc(sizeof *id);
  if (id == NULL) {
    return err_set(e, ERR_NOMEM, "no guarded memory for a secret key");
  }
  CHECK(crypto_sign_seed_keypair(id->key, id->secret, seed) == 0);
  /* A belt: where the system can't protect pages, writable is all we lose. */
  (void)sodium_mprotect_readonly(id);
  *out = id;
  return 0;
}

int identity_new(struct identity **out, struct err *e)
{
  uint8_t seed[CRYPT_SEED_SIZE];
  crypt_random(seed, sizeof seed);
  int rc = identity_from_seed(out, seed, e);
  crypt_wipe(seed, sizeof seed);
  return rc;
}

void identity_del(struct identity *id)
{
  sodium_free(id); /* wipes; NULL-safe */
}

const uint8_t *identity_key(const struct identity *id)
{
  return id->key;
}

void identity_seed(uint8_t out[CRYPT_SEED_SIZE], const struct identity *id)
{
  CHECK(crypto_sign_ed25519_sk_to_seed(out, id->secret) == 0);
}

/* ---- signatures ---- */

#define JOIN_STACK                                                             \
  4096 /* a parcel of 90 records; longer ones go to the heap                   \
        */

/* domain, NUL, a, b in one piece: Ed25519 reads its message twice. */
struct joined {
  uint8_t small[JOIN_STACK];
  uint8_t *p, *heap;
  size_t n;
};

static void append(struct joined *j, const void *p, size_t n)
{
  if (n > 0) {
    memcpy(j->p + j->n, p, n);
    j->n += n;
  }
}

static int join(struct joined *j, const char *domain, struct span a,
                struct span b)
{
  size_t head = strlen(domain) + 1;
  CHECK(a.n <= BLOCK_SIZE_MAX * 8u);
  CHECK(b.n <= BLOCK_SIZE_MAX * 8u);
  size_t n = head + a.n + b.n;
  j->heap = n > sizeof j->small ? mem_alloc(n) : NULL;
  if (n > sizeof j->small && j->heap == NULL) {
    return ERR_NOMEM;
  }
  j->p = j->heap != NULL ? j->heap : j->small;
  j->n = 0;
  append(j, domain, head);
  append(j, a.p, a.n);
  append(j, b.p, b.n);
  CHECK(j->n == n);
  return 0;
}

int crypt_sign(uint8_t sig[CRYPT_SIG_SIZE], const struct identity *id,
               const char *domain, struct span a, struct span b)
{
  struct joined j;
  int rc = join(&j, domain, a, b);
  if (rc < 0) {
    return rc;
  }
  CHECK(crypto_sign_detached(sig, NULL, j.p, j.n, id->secret) == 0);
  mem_free(j.heap);
  return 0;
}

bool crypt_author_ok(const uint8_t key[CRYPT_KEY_SIZE])
{
  return crypto_core_ed25519_is_valid_point(key) == 1;
}

/* The acceptance rule (F22) but for the author's point. The first half of a
 * signature is R. */
static bool verify(const uint8_t *sig, const uint8_t *key, struct span message)
{
  return crypto_sign_verify_detached(sig, message.p, message.n, key) == 0 &&
         crypto_core_ed25519_is_valid_point(sig) == 1;
}

int crypt_verify(const uint8_t sig[CRYPT_SIG_SIZE],
                 const uint8_t key[CRYPT_KEY_SIZE], bool author_ok,
                 const char *domain, struct span a, struct span b)
{
  struct joined j;
  int rc = join(&j, domain, a, b);
  if (rc < 0) {
    return rc;
  }
  bool ok = (author_ok || crypt_author_ok(key)) &&
            verify(sig, key, span_of(j.p, j.n));
  mem_free(j.heap);
  return ok ? 0 : ERR_SIG;
}

bool crypt_verify_raw(const uint8_t sig[CRYPT_SIG_SIZE],
                      const uint8_t key[CRYPT_KEY_SIZE], struct span message)
{
  return crypt_author_ok(key) && verify(sig, key, message);
}

/* ---- did:key ---- */

/* F23: 34 bytes that start with ed 01 always have 47 base58 digits, so that the
 * length is fixed and each key has one spelling. */
#define DID_BYTES (2 + CRYPT_KEY_SIZE)
#define DID_DIGITS 47
static const char did_head[] = "did:key:z";
#define DID_HEAD (sizeof did_head - 1)
static const char base58[] =
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

_Static_assert(CRYPT_DID_SIZE == sizeof "did:key:z" - 1 + DID_DIGITS, "did");
_Static_assert(CRYPT_DID_SIZE < CRYPT_DID_MAX, "did and its NUL");

void did_text(char out[CRYPT_DID_MAX], const uint8_t key[CRYPT_KEY_SIZE])
{
  uint8_t n[DID_BYTES] = {0xed, 0x01};
  memcpy(n + 2, key, CRYPT_KEY_SIZE);
  memcpy(out, did_head, DID_HEAD);
  out[CRYPT_DID_SIZE] = '\0';
  for (size_t i = CRYPT_DID_SIZE; i > DID_HEAD; i--) {
    unsigned rest = 0; /* n = n / 58, the digit is what remains */
    for (size_t k = 0; k < DID_BYTES; k++) {
      unsigned v = rest << 8 | n[k];
      n[k] = (uint8_t)(v / 58);
      rest = v % 58;
    }
    out[i - 1] = base58[rest];
  }
}

/* n = n * 58 + digit; false when it no longer fits. */
static bool shift_in(uint8_t n[DID_BYTES], unsigned digit)
{
  unsigned carry = digit;
  for (size_t k = DID_BYTES; k > 0; k--) {
    unsigned v = n[k - 1] * 58u + carry;
    n[k - 1] = (uint8_t)v;
    carry = v >> 8;
  }
  return carry == 0;
}

int did_parse(uint8_t key[CRYPT_KEY_SIZE], const char *text, size_t n,
              struct err *e)
{
  uint8_t bytes[DID_BYTES] = {0};
  if (n != CRYPT_DID_SIZE) {
    return err_set(e, ERR_INVALID, "station id of %zu characters, not %d", n,
                   CRYPT_DID_SIZE);
  }
  if (memcmp(text, did_head, DID_HEAD) != 0) {
    return err_set(e, ERR_INVALID, "station id does not start with did:key:z");
  }
  for (size_t i = DID_HEAD; i < n; i++) {
    const char *at = text[i] != '\0' ? strchr(base58, text[i]) : NULL;
    if (at == NULL) {
      return err_set(e, ERR_INVALID, "station id: character %zu is not base58",
                     i + 1);
    }
    if (!shift_in(bytes, (unsigned)(at - base58))) {
      return err_set(e, ERR_INVALID, "station id: number too large");
    }
  }
  if (bytes[0] != 0xed || bytes[1] != 0x01) {
    return err_set(e, ERR_INVALID, "station id is not of an Ed25519 key");
  }
  if (!crypt_author_ok(bytes + 2)) {
    return err_set(e, ERR_INVALID, "station id: the key is no valid point");
  }
  memcpy(key, bytes + 2, CRYPT_KEY_SIZE);
  return 0;
}

/* ---- parts of the key file ---- */

int crypt_stretch(uint8_t out[CRYPT_SECRET_SIZE], struct span pass,
                  const uint8_t salt[CRYPT_SALT_SIZE],
                  const struct crypt_cost *cost)
{
  CHECK(cost->passes >= crypto_pwhash_OPSLIMIT_MIN);
  CHECK(cost->mem_bytes >= crypto_pwhash_MEMLIMIT_MIN);
  int rc = crypto_pwhash(out, CRYPT_SECRET_SIZE, (const char *)pass.p, pass.n,
                         salt, cost->passes, (size_t)cost->mem_bytes,
                         crypto_pwhash_ALG_ARGON2ID13);
  return rc == 0 ? 0 : ERR_NOMEM; /* parameters are in range: see above */
}

void crypt_derive(uint8_t out[CRYPT_DERIVED_SIZE],
                  const uint8_t secret[CRYPT_SECRET_SIZE], struct span info)
{
  CHECK(crypto_generichash(out, CRYPT_DERIVED_SIZE, info.p, info.n, secret,
                           CRYPT_SECRET_SIZE) == 0);
}

void crypt_seal(uint8_t *out, struct span plain, struct span head,
                const uint8_t nonce[CRYPT_NONCE_SIZE],
                const uint8_t key[CRYPT_SECRET_SIZE])
{
  CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.n,
                                                   head.p, head.n, NULL, nonce,
                                                   key) == 0);
}

int crypt_open(uint8_t *out, struct span sealed, struct span head,
               const uint8_t nonce[CRYPT_NONCE_SIZE],
               const uint8_t key[CRYPT_SECRET_SIZE])
{
  int rc = crypto_aead_xchacha20poly1305_ietf_decrypt(
      out, NULL, NULL, sealed.p, sealed.n, head.p, head.n, nonce, key);
  return rc == 0 ? 0 : ERR_SIG;
}

bool crypt_equal(const void *a, const void *b, size_t n)
{
  return sodium_memcmp(a, b, n) == 0;
}

/* ---- parts of a session ---- */

void crypt_x25519_key(uint8_t key[CRYPT_POINT_SIZE],
                      const uint8_t secret[CRYPT_POINT_SIZE])
{
  CHECK(crypto_scalarmult_base(key, secret) == 0);
}

int crypt_x25519(uint8_t shared[CRYPT_POINT_SIZE],
                 const uint8_t secret[CRYPT_POINT_SIZE],
                 const uint8_t key[CRYPT_POINT_SIZE])
{
  return crypto_scalarmult(shared, secret, key) == 0 ? 0 : ERR_INVALID;
}

void crypt_hash_pair(uint8_t out[CRYPT_DIGEST_SIZE], struct span a,
                     struct span b)
{
  crypto_hash_sha256_state h;
  CHECK(crypto_hash_sha256_init(&h) == 0);
  CHECK(crypto_hash_sha256_update(&h, a.p, a.n) == 0);
  CHECK(crypto_hash_sha256_update(&h, b.p, b.n) == 0);
  CHECK(crypto_hash_sha256_final(&h, out) == 0);
}

/* HMAC-SHA256 of ${a} and then ${b}. */
static void hmac(uint8_t out[CRYPT_SECRET_SIZE],
                 const uint8_t key[CRYPT_SECRET_SIZE], struct span a,
                 struct span b)
{
  crypto_auth_hmacsha256_state h;
  CHECK(crypto_auth_hmacsha256_init(&h, key, CRYPT_SECRET_SIZE) == 0);
  CHECK(crypto_auth_hmacsha256_update(&h, a.p, a.n) == 0);
  CHECK(crypto_auth_hmacsha256_update(&h, b.p, b.n) == 0);
  CHECK(crypto_auth_hmacsha256_final(&h, out) == 0);
  crypt_wipe(&h, sizeof h); /* it begins with the key's state */
}

void crypt_hkdf(uint8_t first[CRYPT_SECRET_SIZE],
                uint8_t second[CRYPT_SECRET_SIZE],
                const uint8_t salt[CRYPT_SECRET_SIZE], struct span secret)
{
  static const uint8_t one = 1, two = 2;
  uint8_t mixed[CRYPT_SECRET_SIZE];
  hmac(mixed, salt, secret, span_of(NULL, 0));
  hmac(first, mixed, span_of(&one, 1), span_of(NULL, 0));
  hmac(second, mixed, span_of(first, CRYPT_SECRET_SIZE), span_of(&two, 1));
  crypt_wipe(mixed, sizeof mixed);
}

#define COUNT_NONCE_SIZE crypto_aead_chacha20poly1305_ietf_NPUBBYTES

static void count_nonce(uint8_t nonce[COUNT_NONCE_SIZE], uint64_t count)
{
  memset(nonce, 0, COUNT_NONCE_SIZE);
  for (size_t i = COUNT_NONCE_SIZE - sizeof count; i < COUNT_NONCE_SIZE; i++) {
    nonce[i] = (uint8_t)count;
    count >>= 8;
  }
}

void crypt_seal_at(uint8_t *out, struct span plain, struct span head,
                   uint64_t count, const uint8_t key[CRYPT_SECRET_SIZE])
{
  uint8_t nonce[COUNT_NONCE_SIZE];
  count_nonce(nonce, count);
  CHECK(crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain.p, plain.n,
                                                  head.p, head.n, NULL, nonce,
                                                  key) == 0);
}

int crypt_open_at(uint8_t *out, struct span sealed, struct span head,
                  uint64_t count, const uint8_t key[CRYPT_SECRET_SIZE])
{
  uint8_t nonce[COUNT_NONCE_SIZE];
  count_nonce(nonce, count);
  int rc = crypto_aead_chacha20poly1305_ietf_decrypt(
      out, NULL, NULL, sealed.p, sealed.n, head.p, head.n, nonce, key);
  return rc == 0 ? 0 : ERR_SIG;
}

/* ---- small parts ---- */

void crypt_random(void *out, size_t n)
{
  randombytes_buf(out, n);
}

uint64_t crypt_short(const uint8_t salt[CRYPT_SALT_SIZE], const void *p,
                     size_t n)
{
  uint8_t h[crypto_shorthash_BYTES];
  CHECK(crypto_shorthash(h, p, n, salt) == 0);
  uint64_t v = 0;
  for (size_t i = sizeof h; i > 0; i--) {
    v = v << 8 | h[i - 1]; /* SipHash gives its number little-endian */
  }
  return v;
}

void crypt_stream(void *out, size_t n,
                  const uint8_t nonce[CRYPT_STREAM_NONCE_SIZE],
                  const uint8_t key[CRYPT_SECRET_SIZE])
{
  CHECK(crypto_stream_chacha20(out, n, nonce, key) == 0);
}

void crypt_wipe(void *p, size_t n)
{
  sodium_memzero(p, n);
}

/* ---- start and self-test ---- */

/* Ed25519, RFC 8032 section 7.1, test 2; the message is the byte 72. */
static const uint8_t known_seed[CRYPT_SEED_SIZE] = {
    0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3,
    0x46, 0xec, 0x11, 0x4e, 0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab,
    0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb};
static const uint8_t known_sig[CRYPT_SIG_SIZE] = {
    0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e, 0x82,
    0x0b, 0x5f, 0x64, 0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54, 0x16, 0x50,
    0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb, 0x69, 0xda, 0x08,
    0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e, 0x45, 0x8f, 0x36, 0x13,
    0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b, 0x2e, 0xae, 0xb4, 0x30, 0x2a,
    0xee, 0xb0, 0x0d, 0x29, 0x16, 0x12, 0xbb, 0x0c, 0x00};

/* An honest-looking key with two signatures of "parcel": R of the first is a
 * point of the prime-order group, R of the second has a part of order 4 and
 * is taken by some versions of libsodium and refused by others. */
static const uint8_t mixed_key[CRYPT_KEY_SIZE] = {
    0xea, 0x4a, 0x6c, 0x63, 0xe2, 0x9c, 0x52, 0x0a, 0xbe, 0xf5, 0x50,
    0x7b, 0x13, 0x2e, 0xc5, 0xf9, 0x95, 0x47, 0x76, 0xae, 0xbe, 0xbe,
    0x7b, 0x92, 0x42, 0x1e, 0xea, 0x69, 0x14, 0x46, 0xd2, 0x2c};
static const uint8_t good_sig[CRYPT_SIG_SIZE] = {
    0x17, 0xff, 0xad, 0x80, 0x68, 0xdc, 0x0d, 0xe9, 0x93, 0x5d, 0x36,
    0x63, 0x6f, 0x3a, 0xd1, 0xb5, 0xde, 0x6d, 0xe3, 0x41, 0x3b, 0x12,
    0x38, 0x8e, 0x45, 0x3b, 0x05, 0xf2, 0xa4, 0xc1, 0xd3, 0xdb, 0xfa,
    0x66, 0x52, 0x20, 0x3f, 0x42, 0xcc, 0x09, 0x0d, 0xbf, 0xf5, 0x93,
    0x78, 0x92, 0xa8, 0x24, 0xcf, 0x8f, 0xa3, 0xde, 0x42, 0x4e, 0x07,
    0xef, 0x2d, 0x64, 0x32, 0xf4, 0x93, 0x01, 0xbf, 0x04};
static const uint8_t mixed_sig[CRYPT_SIG_SIZE] = {
    0x23, 0x1c, 0x92, 0xca, 0x00, 0xcb, 0xe9, 0xaa, 0x36, 0xc2, 0x34,
    0x8f, 0xdd, 0xc5, 0xad, 0xa7, 0x58, 0x7a, 0xf1, 0x4f, 0x45, 0x42,
    0x95, 0x0c, 0x3c, 0x12, 0x9b, 0x05, 0x05, 0x55, 0xfc, 0x48, 0xf6,
    0x27, 0x3a, 0xe2, 0xd7, 0x10, 0xf0, 0x5b, 0x8e, 0x90, 0xff, 0x60,
    0x72, 0x28, 0x31, 0x53, 0xde, 0x24, 0x71, 0x6a, 0x8e, 0x73, 0x56,
    0xd9, 0x92, 0xb2, 0xea, 0x78, 0xdb, 0xa9, 0x08};

/* SHA-256 of "abc", FIPS 180-2. */
static const uint8_t known_hash[HASH_SIZE] = {
    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
    0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
    0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};

/* Argon2id of "mahatta" with a salt of 00 .. 0f, 8 KiB, 1 pass. */
static const uint8_t known_stretch[CRYPT_SECRET_SIZE] = {
    0x5d, 0x00, 0x53, 0x13, 0x24, 0x3b, 0xb9, 0x86, 0x3a, 0xa0, 0x1c,
    0xe7, 0x5f, 0x4b, 0xa5, 0xb4, 0xdf, 0x23, 0x27, 0xf9, 0x1e, 0xf9,
    0x80, 0x5a, 0x63, 0xe7, 0xa4, 0x9a, 0x45, 0x83, 0xea, 0x3d};

/* XChaCha20-Poly1305 of "mahatta": key 00 .. 1f, nonce 00 .. 17, head "h". */
static const uint8_t known_sealed[7 + CRYPT_TAG_SIZE] = {
    0xf3, 0xa3, 0x67, 0x1e, 0xe4, 0xa6, 0xec, 0xe6, 0xeb, 0x72, 0x34, 0x7f,
    0x43, 0x64, 0x1f, 0xaa, 0x1b, 0x9b, 0xac, 0x37, 0xc1, 0xde, 0xd8};

/* X25519, RFC 7748 section 5.2, the first vector. */
static const uint8_t known_scalar[CRYPT_POINT_SIZE] = {
    0xa5, 0x46, 0xe3, 0x6b, 0xf0, 0x52, 0x7c, 0x9d, 0x3b, 0x16, 0x15,
    0x4b, 0x82, 0x46, 0x5e, 0xdd, 0x62, 0x14, 0x4c, 0x0a, 0xc1, 0xfc,
    0x5a, 0x18, 0x50, 0x6a, 0x22, 0x44, 0xba, 0x44, 0x9a, 0xc4};
static const uint8_t known_point[CRYPT_POINT_SIZE] = {
    0xe6, 0xdb, 0x68, 0x67, 0x58, 0x30, 0x30, 0xdb, 0x35, 0x94, 0xc1,
    0xa4, 0x24, 0xb1, 0x5f, 0x7c, 0x72, 0x66, 0x24, 0xec, 0x26, 0xb3,
    0x35, 0x3b, 0x10, 0xa9, 0x03, 0xa6, 0xd0, 0xab, 0x1c, 0x4c};
static const uint8_t known_shared[CRYPT_POINT_SIZE] = {
    0xc3, 0xda, 0x55, 0x37, 0x9d, 0xe9, 0xc6, 0x90, 0x8e, 0x94, 0xea,
    0x4d, 0xf2, 0x8d, 0x08, 0x4f, 0x32, 0xec, 0xcf, 0x03, 0x49, 0x1c,
    0x71, 0xf7, 0x54, 0xb4, 0x07, 0x55, 0x77, 0xa2, 0x85, 0x52};

/* HKDF-SHA256 of "mahatta" with a salt of 00 .. 1f: the second key, which
 * hangs on the first. */
static const uint8_t known_second[CRYPT_SECRET_SIZE] = {
    0x84, 0x25, 0xb5, 0xf8, 0x00, 0x73, 0x3d, 0x0c, 0xad, 0x16, 0x5a,
    0x62, 0x6c, 0xa6, 0xc8, 0x81, 0x69, 0x23, 0x41, 0x53, 0x94, 0xfe,
    0x82, 0xe6, 0x67, 0x8a, 0x85, 0xae, 0x32, 0x29, 0xd3, 0x1b};

/* ChaCha20-Poly1305 of "mahatta": key 00 .. 1f, head "h". */
#define KNOWN_COUNT 0x0102030405060708u
static const uint8_t known_counted[7 + CRYPT_TAG_SIZE] = {
    0x9d, 0x28, 0xc5, 0x85, 0xdf, 0x4d, 0x8b, 0x2f, 0x4b, 0xc3, 0xbf, 0xb0,
    0xcd, 0x2d, 0x02, 0x9e, 0xf2, 0xcd, 0xea, 0x50, 0xdc, 0xfa, 0x92};

static bool hash_holds(void)
{
  uint8_t got[HASH_SIZE];
  return hash_sha256(got, "abc", 3) == 0 &&
         memcmp(got, known_hash, sizeof got) == 0;
}

static bool signing_holds(void)
{
  struct identity *id = NULL;
  uint8_t sig[CRYPT_SIG_SIZE] = {0};
  if (identity_from_seed(&id, known_seed, NULL) < 0) {
    return false;
  }
  /* An empty domain would sign a NUL first: the bare primitive is meant. */
  bool ok = crypto_sign_detached(sig, NULL, (const uint8_t *)"\x72", 1,
                                 id->secret) == 0 &&
            memcmp(sig, known_sig, sizeof sig) == 0 &&
            crypt_verify_raw(sig, id->key, span_of("\x72", 1)) &&
            !crypt_verify_raw(sig, id->key, span_of("\x73", 1));
  identity_del(id);
  return ok;
}

static bool rule_holds(void)
{
  struct span message = span_of("parcel", 6);
  return crypt_verify_raw(good_sig, mixed_key, message) &&
         !crypt_verify_raw(mixed_sig, mixed_key, message) &&
         !crypt_author_ok(mixed_sig); /* R as a key: CVE-2025-69277 */
}

static bool secrets_hold(void)
{
  uint8_t count[CRYPT_SECRET_SIZE], out[CRYPT_SECRET_SIZE];
  uint8_t sealed[sizeof known_sealed], plain[7];
  const struct crypt_cost small = {8192, 1};
  struct span text = span_of("mahatta", 7), head = span_of("h", 1);
  for (size_t i = 0; i < sizeof count; i++) {
    count[i] = (uint8_t)i;
  }
  if (crypt_stretch(out, text, count, &small) < 0 ||
      memcmp(out, known_stretch, sizeof out) != 0) {
    return false;
  }
  crypt_seal(sealed, text, head, count, count);
  return memcmp(sealed, known_sealed, sizeof sealed) == 0 &&
         crypt_open(plain, span_of(sealed, sizeof sealed), head, count,
                    count) == 0 &&
         memcmp(plain, text.p, sizeof plain) == 0;
}

static bool session_holds(void)
{
  static const uint8_t zero_point[CRYPT_POINT_SIZE]; /* of small order */
  uint8_t count[CRYPT_SECRET_SIZE], out[CRYPT_SECRET_SIZE];
  uint8_t first[CRYPT_SECRET_SIZE], sealed[sizeof known_counted], plain[7];
  struct span text = span_of("mahatta", 7), head = span_of("h", 1);
  for (size_t i = 0; i < sizeof count; i++) {
    count[i] = (uint8_t)i;
  }
  if (crypt_x25519(out, known_scalar, zero_point) == 0 ||
      crypt_x25519(out, known_scalar, known_point) < 0 ||
      memcmp(out, known_shared, sizeof out) != 0) {
    return false;
  }
  crypt_hkdf(first, out, count, text);
  if (memcmp(out, known_second, sizeof out) != 0) {
    return false;
  }
  crypt_seal_at(sealed, text, head, KNOWN_COUNT, count);
  return memcmp(sealed, known_counted, sizeof sealed) == 0 &&
         crypt_open_at(plain, span_of(sealed, sizeof sealed), head, KNOWN_COUNT,
                       count) == 0 &&
         memcmp(plain, text.p, sizeof plain) == 0;
}

/* What is wrong, or NULL. */
static const char *self_test(void)
{
  if (sodium_init() < 0) {
    return "libsodium does not start";
  }
  if (!hash_holds()) {
    return "SHA-256 gives a wrong answer";
  }
  if (!signing_holds()) {
    return "Ed25519 gives a wrong answer";
  }
  if (!rule_holds()) {
    return "Ed25519 accepts or refuses the wrong signatures";
  }
  if (!secrets_hold()) {
    return "Argon2id or XChaCha20-Poly1305 gives a wrong answer";
  }
  return session_holds()
             ? NULL
             : "X25519, HKDF or ChaCha20-Poly1305 gives a wrong answer";
}

int crypt_start(struct err *e)
{
  /* Two threads that come at once both test, which does no harm. */
  static atomic_bool passed;
  if (atomic_load_explicit(&passed, memory_order_acquire)) {
    return 0;
  }
  const char *fault = self_test();
  if (fault != NULL) {
    return err_set(e, ERR_CORRUPT, "self-test: %s", fault);
  }
  atomic_store_explicit(&passed, true, memory_order_release);
  return 0;
}
