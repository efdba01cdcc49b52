/* SPDX-License-Identifier: 0BSD */
#include "sync/setsum.h"

#include "form/crypt.h"

#include <string.h>

#define LANES_SIZE (2u * SETSUM_LANES)
#define DOMAIN "mahatta/set/1" /* its NUL belongs to it */

_Static_assert(SET_DIGEST_SIZE == CRYPT_SECRET_SIZE, "a digest is a key");

static const uint8_t nonce[CRYPT_STREAM_NONCE_SIZE] = "lthash/1";

/* Bytes in memory to a little-endian number, or the other way. */
static inline uint16_t little(uint16_t v)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  v = (uint16_t)(v << 8 | v >> 8);
#endif
  return v;
}

void setsum_add(struct setsum *s, const uint8_t digest[SET_DIGEST_SIZE])
{
  uint16_t more[SETSUM_LANES];
  crypt_stream(more, sizeof more, nonce, digest);
  for (size_t i = 0; i < SETSUM_LANES; i++) {
    s->lane[i] = (uint16_t)(s->lane[i] + little(more[i]));
  }
  s->count++;
}

void setsum_remove(struct setsum *s, const uint8_t digest[SET_DIGEST_SIZE])
{
  uint16_t less[SETSUM_LANES];
  crypt_stream(less, sizeof less, nonce, digest);
  for (size_t i = 0; i < SETSUM_LANES; i++) {
    s->lane[i] = (uint16_t)(s->lane[i] - little(less[i]));
  }
  s->count--;
}

void setsum_merge(struct setsum *s, const struct setsum *other)
{
  for (size_t i = 0; i < SETSUM_LANES; i++) {
    s->lane[i] = (uint16_t)(s->lane[i] + other->lane[i]);
  }
  s->count += other->count;
}

void setsum_subtract(struct setsum *s, const struct setsum *other)
{
  for (size_t i = 0; i < SETSUM_LANES; i++) {
    s->lane[i] = (uint16_t)(s->lane[i] - other->lane[i]);
  }
  s->count -= other->count;
}

bool setsum_equal(const struct setsum *a, const struct setsum *b)
{
  return a->count == b->count && memcmp(a->lane, b->lane, sizeof a->lane) == 0;
}

int setsum_digest(uint8_t out[HASH_SIZE], const struct setsum *s)
{
  uint8_t bytes[sizeof DOMAIN + 8 + LANES_SIZE] = DOMAIN;
  uint8_t *p = bytes + sizeof DOMAIN;
  for (int shift = 56; shift >= 0; shift -= 8) {
    *p++ = (uint8_t)(s->count >> shift);
  }
  for (size_t i = 0; i < SETSUM_LANES; i++) {
    *p++ = (uint8_t)s->lane[i];
    *p++ = (uint8_t)(s->lane[i] >> 8);
  }
  return hash_sha256(out, bytes, sizeof bytes);
}
