/* SPDX-License-Identifier: 0BSD */
/* Threat 41: an author's key with a part of small order. Such signatures hold
 * with some libraries and not with others, so that a parcel would be good at
 * some stations only. The bare check of libsodium takes the one made here; the
 * door of a station does not. */
#include "form/parcel.h"
#include "station_shelf.h"

#include <sodium.h>

#define SCALAR 32
static const char signed_with[] = "mahatta/parcel/1";

/* A point of order 8 (RFC 8032's curve). */
static const uint8_t torsion[32] = {
    0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
    0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
    0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a};

struct mixed {
  uint8_t a[SCALAR], key[32]; /* key = a * B + torsion */
};

static void mixed_make(struct mixed *m, uint8_t seed)
{
  uint8_t point[32];
  memset(m->a, seed, sizeof m->a);
  m->a[31] &= 0x0f;
  NEED(crypto_scalarmult_ed25519_base_noclamp(point, m->a) == 0);
  NEED(crypto_core_ed25519_add(m->key, point, torsion) == 0);
}

/* S = r + H(R, A, m) a, as ever; r is sought until H is a multiple of 8, so
 * that the torsion falls out and even a cofactorless check holds. ${mixed_r}:
 * R has it as well, and H is one less. */
static void mixed_sign(const struct mixed *m, uint8_t sig[64], struct span msg,
                       bool mixed_r)
{
  for (unsigned n = 1;; n++) {
    uint8_t r[SCALAR] = {0}, wide[64], h[SCALAR], ha[SCALAR];
    crypto_hash_sha512_state hash;
    r[0] = (uint8_t)n;
    r[1] = 0x77;
    NEED(n < 256);
    NEED(crypto_scalarmult_ed25519_base_noclamp(sig, r) == 0);
    NEED(!mixed_r || crypto_core_ed25519_add(sig, sig, torsion) == 0);
    crypto_hash_sha512_init(&hash);
    crypto_hash_sha512_update(&hash, sig, 32);
    crypto_hash_sha512_update(&hash, m->key, 32);
    crypto_hash_sha512_update(&hash, msg.p, msg.n);
    crypto_hash_sha512_final(&hash, wide);
    crypto_core_ed25519_scalar_reduce(h, wide);
    if (h[0] % 8 == (mixed_r ? 7 : 0)) {
      crypto_core_ed25519_scalar_mul(ha, h, m->a);
      crypto_core_ed25519_scalar_add(sig + 32, r, ha);
      return;
    }
  }
}

/* A parcel of that author: one of an honest author's with the key and the
 * signature exchanged. */
static void mixed_parcel(struct buf *b, const struct mixed *m,
                         const struct cid *record)
{
  uint8_t seed[CRYPT_SEED_SIZE] = {3};
  struct identity *id = NULL;
  struct parcel p;
  struct buf msg = {0};
  NEED(identity_from_seed(&id, seed, NULL) == 0);
  NEED(parcel_write(b, id, SHELF_NOW, span_of("c", 1), record, 1, NULL) == 0);
  NEED(parcel_read(&p, buf_span(b), NULL) == 0);
  memcpy(b->p + (p.author - b->p), m->key, sizeof m->key);
  NEED(buf_put(&msg, signed_with, sizeof signed_with) == 0);
  NEED(buf_byte(&msg, (uint8_t)(b->p[0] - 1)) == 0);
  NEED(buf_put(&msg, b->p + 71, b->n - 71) == 0);
  mixed_sign(m, b->p + 7, buf_span(&msg), false);
  EXPECT(crypto_sign_verify_detached(b->p + 7, msg.p, msg.n, m->key) == 0);
  EXPECT(crypto_core_ed25519_is_valid_point(m->key) == 0);
  buf_free(&msg);
  identity_del(id);
}

static void test_mixed_author(void)
{
  for (uint8_t seed = 1; seed <= 20; seed++) {
    struct mixed m;
    struct buf b = {0};
    struct parcel p;
    struct cid record;
    NEED(cid_of(&record, CID_DAG_CBOR, "\xa0", 1) == 0);
    mixed_make(&m, seed);
    mixed_parcel(&b, &m, &record);
    NEED(parcel_read(&p, buf_span(&b), NULL) == 0);
    EXPECT_INT(parcel_verify(&p, false, NULL), ERR_SIG);
    EXPECT_INT(parcel_verify(&p, crypt_author_ok(p.author), NULL), ERR_SIG);
    buf_free(&b);
  }
}

/* Whatever was said of the author before, R has to be a point, too. */
static void test_mixed_r(void)
{
  static const char d[] = "d\0message";
  struct span signed_bytes = span_of(d, sizeof d - 1);
  for (uint8_t seed = 1; seed <= 20; seed++) {
    struct mixed m;
    uint8_t sig[64];
    mixed_make(&m, seed);
    mixed_sign(&m, sig, signed_bytes, true);
    EXPECT(crypto_sign_verify_detached(sig, signed_bytes.p, signed_bytes.n,
                                       m.key) == 0);
    EXPECT(crypto_core_ed25519_is_valid_point(sig) == 0);
    EXPECT_INT(crypt_verify(sig, m.key, true, "d", span_of("message", 7),
                            span_of(NULL, 0)),
               ERR_SIG);
    mixed_sign(&m, sig, signed_bytes, false);
    EXPECT_INT(crypt_verify(sig, m.key, true, "d", span_of("message", 7),
                            span_of(NULL, 0)),
               0); /* else this would be no test of R */
  }
}

/* The door, twice: what it remembers of an author is no better. */
static void test_at_the_door(void)
{
  struct home h;
  home_new(&h);
  for (int turn = 0; turn < 2; turn++) {
    struct made made = {.n = 5 + turn, .title = "of a mixed key"};
    struct crate c;
    struct mixed m;
    struct buf b = {0};
    crate_start(&c);
    struct cid record = crate_record(&c, &made);
    mixed_make(&m, 9);
    mixed_parcel(&b, &m, &record);
    (void)crate_put(&c, CID_DAG_CBOR, buf_span(&b));
    struct unpacked u = crate_unpack(&c, &h);
    EXPECT_INT(u.rc, 0);
    EXPECT_INT(u.parcels, 0);
    EXPECT_INT(u.bad, 1);
    EXPECT(!home_has(&h, &record));
    buf_free(&b);
  }
  home_end(&h);
}

int main(void)
{
  struct err e = {0};
  NEED(crypt_start(&e) == 0);
  RUN(test_mixed_author);
  RUN(test_mixed_r);
  RUN(test_at_the_door);
  return unit_done();
}
