/* SPDX-License-Identifier: 0BSD */
/* Public answers of Ed25519, X25519, (X)ChaCha20-Poly1305, Argon2id. */
#include "form/crypt.h"

#include "json.h"

/* ---- the acceptance rule ---- */

/* "Taming the many EdDSAs": all twelve are refused. */
static void test_speccheck(void)
{
  struct json j;
  int count = 0, taken = 0;
  if (!json_load(&j, "ed25519/speccheck-cases.json")) {
    unit_skip(12, "no vectors");
    json_free(&j);
    return;
  }
  for (size_t i = 1; i < json_end(&j, 0); i = json_end(&j, i)) {
    struct buf sig = json_hex(&j, i, "signature");
    struct buf key = json_hex(&j, i, "pub_key");
    struct buf message = json_hex(&j, i, "message");
    NEED(sig.n == CRYPT_SIG_SIZE && key.n == CRYPT_KEY_SIZE);
    taken += crypt_verify_raw(sig.p, key.p, buf_span(&message));
    count++;
    buf_free(&sig);
    buf_free(&key);
    buf_free(&message);
  }
  EXPECT_INT(count, 12);
  EXPECT_INT(taken, 0);
  json_free(&j);
}

/* 914 edge cases; the one that is taken has no flag: nothing is odd in it. */
static void test_cctv(void)
{
  struct json j;
  int count = 0, taken = 0;
  if (!json_load(&j, "ed25519/ed25519vectors.json")) {
    unit_skip(914, "no vectors");
    json_free(&j);
    return;
  }
  for (size_t i = 1; i < json_end(&j, 0); i = json_end(&j, i)) {
    struct buf sig = json_hex(&j, i, "sig"), key = json_hex(&j, i, "key");
    const struct json_node *msg = &j.nodes[json_get(&j, i, "msg")];
    NEED(sig.n == CRYPT_SIG_SIZE && key.n == CRYPT_KEY_SIZE);
    if (crypt_verify_raw(sig.p, key.p, span_of(msg->at, msg->n))) {
      taken++;
      size_t flags = json_get(&j, i, "flags");
      EXPECT(json_end(&j, flags) == flags + 1);
    }
    count++;
    buf_free(&sig);
    buf_free(&key);
  }
  EXPECT_INT(count, 914);
  EXPECT_INT(taken, 1);
  json_free(&j);
}

/* One case of Wycheproof under the key ${key}. */
static void check_wycheproof(const struct json *j, size_t test,
                             const struct buf *key, int *valid, int *invalid)
{
  struct buf sig = json_hex(j, test, "sig"), msg = json_hex(j, test, "msg");
  bool want = json_is(j, json_get(j, test, "result"), "valid");
  bool got = sig.n == CRYPT_SIG_SIZE &&
             crypt_verify_raw(sig.p, key->p, buf_span(&msg));
  EXPECT_INT(got, want);
  *(want ? valid : invalid) += 1;
  buf_free(&sig);
  buf_free(&msg);
}

static void test_wycheproof(void)
{
  struct json j;
  int valid = 0, invalid = 0;
  if (!json_load(&j, "ed25519/wycheproof-ed25519_test.json")) {
    unit_skip(151, "no vectors");
    json_free(&j);
    return;
  }
  size_t groups = json_get(&j, 0, "testGroups");
  for (size_t g = groups + 1; g < json_end(&j, groups); g = json_end(&j, g)) {
    struct buf key = json_hex(&j, json_get(&j, g, "publicKey"), "pk");
    size_t tests = json_get(&j, g, "tests");
    NEED(key.n == CRYPT_KEY_SIZE);
    for (size_t i = tests + 1; i < json_end(&j, tests); i = json_end(&j, i)) {
      check_wycheproof(&j, i, &key, &valid, &invalid);
    }
    buf_free(&key);
  }
  EXPECT_INT(valid, 88);
  EXPECT_INT(invalid, 63);
  json_free(&j);
}

/* Take the next hex word of a text file. */
static struct buf word(struct span *s)
{
  struct buf b = {0};
  while (s->n > 0 && strchr(" \n", s->p[0]) != NULL) {
    *s = span_of(s->p + 1, s->n - 1);
  }
  size_t n = 0;
  while (n < s->n && strchr(" \n", s->p[n]) == NULL) {
    n++;
  }
  hex_add(&b, (const char *)s->p, n);
  *s = span_of(s->p + n, s->n - n);
  return b;
}

/* R with each of the eight torsion points: only the one without is taken,
 * whatever the version of libsodium. */
static void test_mixed_order(void)
{
  struct buf file = {0};
  if (!vector_load(&file, "ed25519/mixed-order-R-own.txt")) {
    unit_skip(8, "no vectors");
    buf_free(&file);
    return;
  }
  struct span s = buf_span(&file);
  for (int i = 0; i < 8; i++) {
    struct buf msg = word(&s), key = word(&s), sig = word(&s);
    NEED(sig.n == CRYPT_SIG_SIZE && key.n == CRYPT_KEY_SIZE);
    EXPECT_INT(crypt_verify_raw(sig.p, key.p, buf_span(&msg)), i == 0);
    buf_free(&msg);
    buf_free(&key);
    buf_free(&sig);
  }
  buf_free(&file);
}

/* ---- secrets ---- */

static void check_aead(const struct json *j, size_t test, int *seen)
{
  struct buf key = json_hex(j, test, "key"), nonce = json_hex(j, test, "iv");
  struct buf head = json_hex(j, test, "aad"), msg = json_hex(j, test, "msg");
  struct buf sealed = json_hex(j, test, "ct"), tag = json_hex(j, test, "tag");
  bool want = json_is(j, json_get(j, test, "result"), "valid");
  if (key.n == CRYPT_SECRET_SIZE && nonce.n == CRYPT_NONCE_SIZE &&
      tag.n == CRYPT_TAG_SIZE) {
    struct buf got = {0};
    NEED(buf_put(&sealed, tag.p, tag.n) == 0);
    NEED(buf_reserve(&got, sealed.n) == 0);
    int rc =
        crypt_open(got.p, buf_span(&sealed), buf_span(&head), nonce.p, key.p);
    EXPECT_INT(rc, want ? 0 : ERR_SIG);
    if (want) {
      EXPECT(span_equal(span_of(got.p, msg.n), buf_span(&msg)));
      crypt_seal(got.p, buf_span(&msg), buf_span(&head), nonce.p, key.p);
      EXPECT(span_equal(span_of(got.p, sealed.n), buf_span(&sealed)));
    }
    buf_free(&got);
    *seen += 1;
  } else {
    EXPECT(!want); /* our types have no room for other sizes */
  }
  buf_free(&key);
  buf_free(&nonce);
  buf_free(&head);
  buf_free(&msg);
  buf_free(&sealed);
  buf_free(&tag);
}

static void test_aead(void)
{
  struct json j;
  int seen = 0;
  if (!json_load(&j, "aead/wycheproof-xchacha20_poly1305_test.json")) {
    unit_skip(315, "no vectors");
    json_free(&j);
    return;
  }
  size_t groups = json_get(&j, 0, "testGroups");
  for (size_t g = groups + 1; g < json_end(&j, groups); g = json_end(&j, g)) {
    size_t tests = json_get(&j, g, "tests");
    for (size_t i = tests + 1; i < json_end(&j, tests); i = json_end(&j, i)) {
      check_aead(&j, i, &seen);
    }
  }
  EXPECT(seen > 250);
  json_free(&j);
}

/* Of ChaCha20-Poly1305, those whose nonce can be a counter. */
static void check_counted(const struct json *j, size_t test, int *seen)
{
  struct buf key = json_hex(j, test, "key"), nonce = json_hex(j, test, "iv");
  struct buf head = json_hex(j, test, "aad"), msg = json_hex(j, test, "msg");
  struct buf sealed = json_hex(j, test, "ct"), tag = json_hex(j, test, "tag");
  bool want = json_is(j, json_get(j, test, "result"), "valid");
  if (nonce.n == 12 && memcmp(nonce.p, "\0\0\0", 4) == 0) {
    struct buf got = {0};
    uint64_t count = 0;
    for (size_t i = nonce.n; i > 4; i--) {
      count = count << 8 | nonce.p[i - 1];
    }
    NEED(key.n == CRYPT_SECRET_SIZE && tag.n == CRYPT_TAG_SIZE);
    NEED(buf_put(&sealed, tag.p, tag.n) == 0);
    NEED(buf_reserve(&got, sealed.n) == 0);
    EXPECT_INT(
        crypt_open_at(got.p, buf_span(&sealed), buf_span(&head), count, key.p),
        want ? 0 : ERR_SIG);
    crypt_seal_at(got.p, buf_span(&msg), buf_span(&head), count, key.p);
    EXPECT(span_equal(span_of(got.p, sealed.n), buf_span(&sealed)) == want);
    buf_free(&got);
    *seen += 1;
  }
  buf_free(&key);
  buf_free(&nonce);
  buf_free(&head);
  buf_free(&msg);
  buf_free(&sealed);
  buf_free(&tag);
}

/* Points of small order are refused, and no others. */
static void check_x25519(const struct json *j, size_t test, int *refused)
{
  static const uint8_t zeros[CRYPT_POINT_SIZE];
  struct buf key = json_hex(j, test, "public");
  struct buf secret = json_hex(j, test, "private");
  struct buf want = json_hex(j, test, "shared");
  uint8_t got[CRYPT_POINT_SIZE];
  NEED(key.n == 32 && secret.n == 32 && want.n == 32);
  if (memcmp(want.p, zeros, sizeof zeros) == 0) {
    EXPECT_INT(crypt_x25519(got, secret.p, key.p), ERR_INVALID);
    *refused += 1;
  } else {
    EXPECT_INT(crypt_x25519(got, secret.p, key.p), 0);
    EXPECT(span_equal(span_of(got, sizeof got), buf_span(&want)));
  }
  buf_free(&key);
  buf_free(&secret);
  buf_free(&want);
}

typedef void check_one(const struct json *j, size_t test, int *seen);

/* Run ${check} over all of a file of Wycheproof; false without it. */
static bool each_test(const char *name, int count, check_one *check, int *seen)
{
  struct json j;
  if (!json_load(&j, name)) {
    unit_skip(count, "no vectors");
    json_free(&j);
    return false;
  }
  size_t groups = json_get(&j, 0, "testGroups");
  for (size_t g = groups + 1; g < json_end(&j, groups); g = json_end(&j, g)) {
    size_t tests = json_get(&j, g, "tests");
    for (size_t i = tests + 1; i < json_end(&j, tests); i = json_end(&j, i)) {
      check(&j, i, seen);
      count--;
    }
  }
  EXPECT_INT(count, 0);
  json_free(&j);
  return true;
}

static void test_counted(void)
{
  int seen = 0;
  if (each_test("aead/wycheproof-chacha20_poly1305_test.json", 325,
                check_counted, &seen)) {
    EXPECT_INT(seen, 10);
  }
}

static void test_x25519(void)
{
  int refused = 0;
  if (each_test("x25519/wycheproof-x25519_test.json", 518, check_x25519,
                &refused)) {
    EXPECT_INT(refused, 31);
  }
}

static uint64_t number(const struct json *j, size_t map, const char *key)
{
  size_t node = json_get(j, map, key);
  NEED(node != 0);
  return strtoull(j->nodes[node].at, NULL, 10);
}

static void test_argon2id(void)
{
  struct json j;
  int count = 0;
  if (!json_load(&j, "lib-libsodium/own-argon2id-p1.json")) {
    unit_skip(4, "no vectors");
    json_free(&j);
    return;
  }
  for (size_t i = 1; i < json_end(&j, 0); i = json_end(&j, i)) {
    struct buf pass = json_hex(&j, i, "pw"), salt = json_hex(&j, i, "salt");
    struct buf want = json_hex(&j, i, "out");
    const struct crypt_cost cost = {number(&j, i, "m_KiB") * 1024,
                                    number(&j, i, "t")};
    uint8_t got[CRYPT_SECRET_SIZE];
    NEED(salt.n == CRYPT_SALT_SIZE && number(&j, i, "p") == 1);
    EXPECT_INT(crypt_stretch(got, buf_span(&pass), salt.p, &cost), 0);
    EXPECT(span_equal(span_of(got, sizeof got), buf_span(&want)));
    count++;
    buf_free(&pass);
    buf_free(&salt);
    buf_free(&want);
  }
  EXPECT_INT(count, 4);
  json_free(&j);
}

/* The AEAD alone opens one text under two keys: why a key file commits. The
 * commitments of the two keys differ. */
static void test_two_keys(void)
{
  struct json j;
  if (!json_load(&j, "aead/own-two-key-collision-xchacha20poly1305.json")) {
    unit_skip(1, "no vectors");
    json_free(&j);
    return;
  }
  struct buf k1 = json_hex(&j, 0, "key1"), k2 = json_hex(&j, 0, "key2");
  struct buf nonce = json_hex(&j, 0, "nonce"),
             ct = json_hex(&j, 0, "ciphertext_and_tag");
  struct buf ad = json_hex(&j, 0, "ad"), plain = {0};
  uint8_t d1[CRYPT_DERIVED_SIZE], d2[CRYPT_DERIVED_SIZE];
  NEED(buf_reserve(&plain, ct.n) == 0);
  EXPECT_INT(crypt_open(plain.p, buf_span(&ct), buf_span(&ad), nonce.p, k1.p),
             0);
  EXPECT_INT(crypt_open(plain.p, buf_span(&ct), buf_span(&ad), nonce.p, k2.p),
             0);
  crypt_derive(d1, k1.p, span_of("x", 1));
  crypt_derive(d2, k2.p, span_of("x", 1));
  EXPECT(memcmp(d1 + 32, d2 + 32, 32) != 0);
  buf_free(&k1);
  buf_free(&k2);
  buf_free(&nonce);
  buf_free(&ct);
  buf_free(&ad);
  buf_free(&plain);
  json_free(&j);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_speccheck);
  RUN(test_cctv);
  RUN(test_wycheproof);
  RUN(test_mixed_order);
  RUN(test_aead);
  RUN(test_counted);
  RUN(test_x25519);
  RUN(test_argon2id);
  RUN(test_two_keys);
  return unit_done();
}
