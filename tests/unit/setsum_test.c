/* SPDX-License-Identifier: 0BSD */
#include "sync/setsum.h"
#include "form/crypt.h"

#include "sketch_shelf.h"
#include "unit.h"

#define COUNT 50

static void add_numbers(struct setsum *s, uint64_t from, uint64_t to)
{
  for (uint64_t i = from; i < to; i++) {
    setsum_add(s, shelf_digest(i).b);
  }
}

static void expect_differ(const struct setsum *a, const struct setsum *b)
{
  uint8_t da[HASH_SIZE], db[HASH_SIZE];
  EXPECT(!setsum_equal(a, b));
  EXPECT(setsum_digest(da, a) == 0 && setsum_digest(db, b) == 0);
  EXPECT(memcmp(da, db, sizeof da) != 0);
}

static void test_order(void)
{
  struct setsum up = {0}, down = {0};
  add_numbers(&up, 0, COUNT);
  for (uint64_t i = COUNT; i > 0; i--) {
    setsum_add(&down, shelf_digest(i - 1).b);
  }
  EXPECT(setsum_equal(&up, &down));
  EXPECT_INT(up.count, COUNT);
}

static void test_out_again(void)
{
  struct setsum s = {0}, few = {0}, none = {0};
  add_numbers(&s, 0, COUNT);
  add_numbers(&few, 0, 7);
  for (uint64_t i = 7; i < COUNT; i++) {
    expect_differ(&s, &few);
    setsum_remove(&s, shelf_digest(i).b);
  }
  EXPECT(setsum_equal(&s, &few));
  setsum_subtract(&s, &few);
  EXPECT(setsum_equal(&s, &none));
}

static void test_merge(void)
{
  struct setsum a = {0}, b = {0}, both = {0};
  add_numbers(&a, 0, 20);
  add_numbers(&b, 20, COUNT);
  add_numbers(&both, 0, COUNT);
  setsum_merge(&a, &b);
  EXPECT(setsum_equal(&a, &both));
  setsum_subtract(&both, &b);
  expect_differ(&a, &both);
  EXPECT_INT(both.count, 20);
}

/* Equal sums and another count are not equal: 2^16 times the same parcel. */
static void test_count(void)
{
  struct setsum none = {0}, many = {0};
  many.count = 65536;
  expect_differ(&none, &many);
}

/* All sets over six parcels have different digests. */
static void test_small_world(void)
{
  static struct setsum all[64];
  for (uint64_t set = 0; set < 64; set++) {
    for (uint64_t i = 0; i < 6; i++) {
      if ((set >> i & 1) != 0) {
        setsum_add(&all[set], shelf_digest(i).b);
      }
    }
    for (uint64_t other = 0; other < set; other++) {
      expect_differ(&all[set], &all[other]);
    }
  }
}

/* ChaCha20's stream gives the lanes; what is hashed is written out. */
static void test_known(void)
{
  uint8_t stream[2 * SETSUM_LANES], zero[SET_DIGEST_SIZE] = {0};
  uint8_t bytes[14 + 8 + sizeof stream] = "mahatta/set/1", want[HASH_SIZE];
  uint8_t got[HASH_SIZE];
  struct setsum s = {0};
  setsum_add(&s, zero);
  crypt_stream(stream, sizeof stream, (const uint8_t *)"lthash/1", zero);
  for (size_t i = 0; i < SETSUM_LANES; i++) {
    EXPECT_INT(s.lane[i], stream[2 * i] | stream[2 * i + 1] << 8);
  }
  bytes[14 + 7] = 1;
  memcpy(bytes + 22, stream, sizeof stream);
  NEED(hash_sha256(want, bytes, sizeof bytes) == 0);
  NEED(setsum_digest(got, &s) == 0);
  EXPECT(memcmp(got, want, sizeof got) == 0);
}

/* FORMAT.md's example, made by other hands (Python's cryptography): the
 * parcels "a", "b" and "c". */
static void test_example(void)
{
  static const char want[] = "8b8e8801e435b23cf38b73bb8ae11490"
                             "c0931f9888bab76de2ea642521e3cacc";
  uint8_t digest[HASH_SIZE];
  char hex[2 * HASH_SIZE + 1];
  struct setsum s = {0};
  for (size_t i = 0; i < 3; i++) {
    NEED(hash_sha256(digest, &"abc"[i], 1) == 0);
    setsum_add(&s, digest);
  }
  NEED(setsum_digest(digest, &s) == 0);
  for (size_t i = 0; i < sizeof digest; i++) {
    snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  }
  EXPECT_TEXT(hex, want);
}

/* ChaCha20 with a key and a nonce of zeros: the first block, as in
 * draft-agl-tls-chacha20poly1305-04, section 7. */
static void test_stream(void)
{
  static const uint8_t want[8] = {0x76, 0xb8, 0xe0, 0xad,
                                  0xa0, 0xf1, 0x3d, 0x90};
  uint8_t zero[CRYPT_SECRET_SIZE] = {0}, got[8];
  crypt_stream(got, sizeof got, zero, zero);
  EXPECT(memcmp(got, want, sizeof got) == 0);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_order);
  RUN(test_out_again);
  RUN(test_merge);
  RUN(test_count);
  RUN(test_small_world);
  RUN(test_known);
  RUN(test_example);
  RUN(test_stream);
  return unit_done();
}
