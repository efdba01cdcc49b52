/* SPDX-License-Identifier: 0BSD */
#include "form/crypt.h"

#include "base/mem.h"
#include "form/hash.h"
#include "hex.h"
#include "sweep.h"

#include <sys/wait.h>
#include <unistd.h>

/* RFC 8032, section 7.1, test 1. */
#define SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define KEY "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

static struct identity *make(void)
{
  struct identity *id = NULL;
  struct buf seed = hex_buf(SEED);
  NEED(identity_from_seed(&id, seed.p, NULL) == 0);
  buf_free(&seed);
  return id;
}

static void test_start(void)
{
  struct err e = {0};
  EXPECT_INT(crypt_start(&e), 0);
  EXPECT_INT(crypt_start(NULL), 0);
  EXPECT_INT(e.code, 0);
}

static void test_identity(void)
{
  uint8_t seed[CRYPT_SEED_SIZE];
  struct identity *id = make(), *other = NULL, *again = NULL;
  EXPECT(hex_is(span_of(identity_key(id), CRYPT_KEY_SIZE), KEY));
  identity_seed(seed, id);
  EXPECT(hex_is(span_of(seed, sizeof seed), SEED));
  EXPECT_INT(identity_new(&other, NULL), 0);
  EXPECT_INT(identity_new(&again, NULL), 0);
  EXPECT(memcmp(identity_key(other), identity_key(again), 32) != 0);
  identity_del(id);
  identity_del(other);
  identity_del(again);
  identity_del(NULL);
}

/* A secret key lies between guard pages and is read-only: a write dies. */
static void test_guarded(void)
{
  int status = 0;
  struct identity *id = make();
  (void)fflush(stdout);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    NEED(close(2) == 0); /* a sanitizer would tell the whole story */
    memset((void *)id, 0, 1);
    _exit(0);
  }
  NEED(waitpid(child, &status, 0) == child);
  EXPECT(!(WIFEXITED(status) && WEXITSTATUS(status) == 0));
  identity_del(id);
}

#define DOMAIN "mahatta/test/1"

static void test_sign(void)
{
  uint8_t sig[CRYPT_SIG_SIZE], again[CRYPT_SIG_SIZE];
  struct identity *id = make();
  const uint8_t *key = identity_key(id);
  struct span a = span_of("ab", 2), b = span_of("c", 1);
  struct span ab = span_of("abc", 3), none = span_of(NULL, 0);
  NEED(crypt_sign(sig, id, DOMAIN, a, b) == 0);
  EXPECT_INT(crypt_verify(sig, key, false, DOMAIN, a, b), 0);
  EXPECT_INT(crypt_verify(sig, key, true, DOMAIN, ab, none), 0);
  /* The message is domain, NUL, a, b: nothing else. */
  EXPECT(
      crypt_verify_raw(sig, key, span_of(DOMAIN "\0abc", sizeof DOMAIN + 3)));
  EXPECT_INT(crypt_verify(sig, key, true, DOMAIN, a, none), ERR_SIG);
  EXPECT_INT(crypt_verify(sig, key, true, "mahatta/test/2", a, b), ERR_SIG);
  EXPECT_INT(crypt_verify(sig, key, true, "", a, b), ERR_SIG);
  NEED(crypt_sign(again, id, DOMAIN, ab, none) == 0);
  EXPECT(memcmp(sig, again, sizeof sig) == 0);
  identity_del(id);
}

/* Around the size where the message moves from the stack to the heap. */
static void test_sizes(void)
{
  uint8_t sig[CRYPT_SIG_SIZE];
  uint8_t *data = mem_zero(1 << 20);
  struct identity *id = make();
  NEED(data != NULL);
  static const size_t sizes[] = {0,    4080, 4081, 4082,
                                 4095, 4096, 4097, 1 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    struct span s = span_of(data, sizes[i]);
    NEED(crypt_sign(sig, id, DOMAIN, s, span_of(NULL, 0)) == 0);
    EXPECT_INT(
        crypt_verify(sig, identity_key(id), false, DOMAIN, span_of(NULL, 0), s),
        0);
  }
  mem_free(data);
  identity_del(id);
}

static struct span signed_message;
static const uint8_t *signed_key;

static int verify_sig(struct span s)
{
  if (s.n != CRYPT_SIG_SIZE) {
    return ERR_INVALID;
  }
  return crypt_verify_raw(s.p, signed_key, signed_message) ? 0 : ERR_SIG;
}

static int verify_key(struct span s)
{
  if (s.n != CRYPT_KEY_SIZE) {
    return ERR_INVALID;
  }
  uint8_t sig[CRYPT_SIG_SIZE];
  struct identity *id = make();
  NEED(crypt_sign(sig, id, DOMAIN, signed_message, span_of(NULL, 0)) == 0);
  identity_del(id);
  return crypt_verify(sig, s.p, false, DOMAIN, signed_message,
                      span_of(NULL, 0));
}

static void test_flips(void)
{
  uint8_t sig[CRYPT_SIG_SIZE];
  struct identity *id = make();
  signed_message = span_of(DOMAIN "\0x", sizeof DOMAIN + 1);
  signed_key = identity_key(id);
  NEED(crypt_sign(sig, id, DOMAIN, span_of("x", 1), span_of(NULL, 0)) == 0);
  EXPECT_INT(sweep_one(span_of(sig, sizeof sig), verify_sig), 0);
  EXPECT_INT(sweep_flips(span_of(sig, sizeof sig), verify_sig), 0);
  EXPECT_INT(sweep_one(span_of(signed_key, CRYPT_KEY_SIZE), verify_key), 0);
  EXPECT_INT(sweep_flips(span_of(signed_key, CRYPT_KEY_SIZE), verify_key), 0);
  identity_del(id);
}

/* ---- did:key ---- */

/* An example of the did:key document, and the RFC's key. */
#define DID "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"

static void test_did(void)
{
  char text[CRYPT_DID_MAX];
  uint8_t key[CRYPT_KEY_SIZE];
  struct buf want = hex_buf(KEY);
  did_text(text, want.p);
  EXPECT_TEXT(text, DID);
  EXPECT_INT(strlen(text), CRYPT_DID_SIZE);
  EXPECT_INT(did_parse(key, text, strlen(text), NULL), 0);
  EXPECT(hex_is(span_of(key, sizeof key), KEY));
  buf_free(&want);
  for (int i = 0; i < 200; i++) {
    struct identity *id = NULL;
    NEED(identity_new(&id, NULL) == 0);
    did_text(text, identity_key(id));
    EXPECT(strncmp(text, "did:key:z6Mk", 12) == 0);
    EXPECT_INT(strlen(text), CRYPT_DID_SIZE);
    EXPECT_INT(did_parse(key, text, strlen(text), NULL), 0);
    EXPECT(memcmp(key, identity_key(id), sizeof key) == 0);
    identity_del(id);
  }
}

static void refuses(const char *text, const char *why)
{
  uint8_t key[CRYPT_KEY_SIZE];
  struct err e = {0};
  EXPECT_INT(did_parse(key, text, strlen(text), &e), ERR_INVALID);
  if (strstr(e.text, why) == NULL) {
    printf("  for %s\n", text);
    EXPECT_TEXT(e.text, why);
  }
}

static void test_bad_did(void)
{
  uint8_t key[CRYPT_KEY_SIZE] = {0};
  char text[CRYPT_DID_MAX];
  refuses("", "0 characters");
  refuses(" " DID, "57 characters");
  refuses(DID "\n", "57 characters");
  refuses("did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMs",
          "55 characters");
  refuses(" did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMs",
          "start with");
  refuses("DID:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
          "start with");
  refuses("did:key:u6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
          "start with");
  refuses("did:web:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
          "start with");
  /* 0, O, I and l are no base58 digits. */
  refuses("did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMs0",
          "character 56");
  refuses("did:key:zlMktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
          "character 10");
  /* A leading 1 is a leading zero byte: another spelling, refused. */
  refuses("did:key:z16MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMs",
          "not of an Ed25519 key");
  /* An X25519 key (multicodec ec 01). */
  refuses("did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc",
          "not of an Ed25519 key");
  refuses("did:key:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
          "too large");
  did_text(text, key); /* of small order: y = 0 */
  refuses(text, "no valid point");
}

static int parse_span(struct span s)
{
  uint8_t key[CRYPT_KEY_SIZE];
  return did_parse(key, (const char *)s.p, s.n, NULL);
}

static void test_did_sweep(void)
{
  struct span s = span_of(DID, CRYPT_DID_SIZE);
  EXPECT_INT(sweep_one(s, parse_span), 0);
  EXPECT_INT(sweep_cuts(s, parse_span), 0);
  /* About one key in sixteen is a valid point of the main subgroup. */
  EXPECT(sweep_flips(s, parse_span) < 100);
}

/* ---- secrets ---- */

static void test_seal(void)
{
  uint8_t key[CRYPT_SECRET_SIZE] = {1}, nonce[CRYPT_NONCE_SIZE] = {2};
  uint8_t sealed[5 + CRYPT_TAG_SIZE], plain[5];
  struct span s = span_of(sealed, sizeof sealed), head = span_of("h", 1);
  crypt_seal(sealed, span_of("plain", 5), head, nonce, key);
  EXPECT_INT(crypt_open(plain, s, head, nonce, key), 0);
  EXPECT(memcmp(plain, "plain", 5) == 0);
  EXPECT_INT(crypt_open(plain, s, span_of("H", 1), nonce, key), ERR_SIG);
  EXPECT_INT(crypt_open(plain, span_of(sealed, 3), head, nonce, key), ERR_SIG);
  for (size_t i = 0; i < sizeof sealed; i++) {
    sealed[i] ^= 1;
    EXPECT_INT(crypt_open(plain, s, head, nonce, key), ERR_SIG);
    sealed[i] ^= 1;
  }
  key[31] ^= 1;
  EXPECT_INT(crypt_open(plain, s, head, nonce, key), ERR_SIG);
}

/* SipHash-2-4's published answer for the key 00 .. 0f over 00 .. 0e. */
static void test_short(void)
{
  uint8_t salt[CRYPT_SALT_SIZE], text[15];
  for (uint8_t i = 0; i < 16; i++) {
    salt[i] = i;
    text[i % 15] = i % 15;
  }
  EXPECT(crypt_short(salt, text, sizeof text) == 0xa129ca6149be45e5u);
}

/* Python's hashlib.blake2b, key 00 .. 1f, over "mahatta". */
static void test_derive(void)
{
  uint8_t secret[CRYPT_SECRET_SIZE], out[CRYPT_DERIVED_SIZE];
  for (uint8_t i = 0; i < sizeof secret; i++) {
    secret[i] = i;
  }
  crypt_derive(out, secret, span_of("mahatta", 7));
  EXPECT(hex_is(
      span_of(out, sizeof out),
      "738d077ba0cd587fb95c2a4f3a222a50a6e44a1267829ed4f7d3489709376b03"
      "2f471d863146f20ad82cc1ef760fe07b5f03bb99ea427486bccf1a1f51f57e26"));
}

/* RFC 5869, test case 3 (no salt is a salt of zeros), and Python's
 * cryptography for the bytes behind its 42. */
static void test_hkdf(void)
{
  uint8_t salt[CRYPT_SECRET_SIZE] = {0}, out[2 * CRYPT_SECRET_SIZE], ikm[22];
  memset(ikm, 0x0b, sizeof ikm);
  crypt_hkdf(out, out + CRYPT_SECRET_SIZE, salt, span_of(ikm, sizeof ikm));
  EXPECT(hex_is(
      span_of(out, sizeof out),
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
      "9d201395faa4b61a96c8b2fb61057244b36c6ddd287f634795e7d80d5fe26bfc"));
  crypt_hkdf(salt, out + CRYPT_SECRET_SIZE, salt, span_of(ikm, sizeof ikm));
  EXPECT(memcmp(salt, out, sizeof salt) == 0);
}

static void test_hash_pair(void)
{
  uint8_t data[200], got[CRYPT_DIGEST_SIZE], want[HASH_SIZE];
  for (uint8_t i = 0; i < sizeof data; i++) {
    data[i] = i;
  }
  NEED(hash_sha256(want, data, sizeof data) == 0);
  for (size_t i = 0; i <= sizeof data; i++) {
    crypt_hash_pair(got, span_of(data, i), span_of(data + i, sizeof data - i));
    EXPECT(memcmp(got, want, sizeof got) == 0);
  }
  NEED(hash_sha256(want, data, 32 + 5) == 0);
  crypt_hash_pair(data, span_of(data, 32), span_of(data + 32, 5));
  EXPECT(memcmp(data, want, sizeof want) == 0);
  NEED(hash_sha256(want, "", 0) == 0);
  crypt_hash_pair(got, span_of(NULL, 0), span_of(NULL, 0));
  EXPECT(memcmp(got, want, sizeof got) == 0);
}

/* Two ends share the same, whatever bits clamping takes from a secret. */
static void test_x25519(void)
{
  uint8_t a[32], b[32], key_a[32], key_b[32], ab[32], ba[32];
  static const uint8_t small[32] = {1};
  for (int i = 0; i < 100; i++) {
    crypt_random(a, sizeof a);
    crypt_random(b, sizeof b);
    crypt_x25519_key(key_a, a);
    crypt_x25519_key(key_b, b);
    a[0] ^= 7;
    a[31] ^= 0xc0;
    EXPECT_INT(crypt_x25519(ab, a, key_b), 0);
    EXPECT_INT(crypt_x25519(ba, b, key_a), 0);
    EXPECT(memcmp(ab, ba, sizeof ab) == 0);
    EXPECT_INT(crypt_x25519(ab, a, small), ERR_INVALID);
  }
}

static void test_seal_at(void)
{
  uint8_t key[CRYPT_SECRET_SIZE] = {1}, m[5 + CRYPT_TAG_SIZE] = "plain";
  uint8_t kept[sizeof m], got[5];
  struct span s = span_of(m, sizeof m), head = span_of("h", 1);
  crypt_seal_at(m, span_of(m, 5), head, 1u << 31, key); /* in place */
  memcpy(kept, m, sizeof m);
  EXPECT_INT(crypt_open_at(got, s, span_of("H", 1), 1u << 31, key), ERR_SIG);
  EXPECT_INT(crypt_open_at(got, span_of(m, 3), head, 1u << 31, key), ERR_SIG);
  for (int bit = 0; bit < 64; bit++) {
    uint64_t count = (uint64_t)1 << 31 ^ (uint64_t)1 << bit;
    EXPECT_INT(crypt_open_at(got, s, head, count, key), ERR_SIG);
  }
  for (size_t i = 0; i < sizeof m; i++) {
    m[i] ^= 1;
    EXPECT_INT(crypt_open_at(got, s, head, 1u << 31, key), ERR_SIG);
    m[i] ^= 1;
  }
  EXPECT(memcmp(m, kept, sizeof m) == 0);
  EXPECT_INT(crypt_open_at(m, s, head, 1u << 31, key), 0);
  EXPECT(memcmp(m, "plain", 5) == 0);
}

static void test_small_parts(void)
{
  uint8_t a[64] = {0}, b[64] = {0}, zero[64] = {0};
  crypt_random(a, sizeof a);
  crypt_random(b, sizeof b);
  EXPECT(memcmp(a, b, sizeof a) != 0);
  EXPECT(!crypt_equal(a, b, sizeof a));
  EXPECT(crypt_equal(a, a, sizeof a));
  crypt_wipe(a, sizeof a);
  EXPECT(crypt_equal(a, zero, sizeof a));
  EXPECT(!crypt_author_ok(zero));
}

int main(void)
{
  RUN(test_start);
  RUN(test_identity);
  RUN(test_guarded);
  RUN(test_sign);
  RUN(test_sizes);
  RUN(test_flips);
  RUN(test_did);
  RUN(test_bad_did);
  RUN(test_did_sweep);
  RUN(test_seal);
  RUN(test_short);
  RUN(test_derive);
  RUN(test_hkdf);
  RUN(test_hash_pair);
  RUN(test_x25519);
  RUN(test_seal_at);
  RUN(test_small_parts);
  return unit_done();
}
