/* SPDX-License-Identifier: 0BSD */
/* Whole sessions of cacophony and snow, byte for byte. */
#include "sync/noise.h"

#include "json.h"

#define PROTOCOL "Noise_XX_25519_ChaChaPoly_SHA256"

static void start(struct noise *n, bool initiator, const struct json *j,
                  size_t vector)
{
  struct buf secret =
      json_hex(j, vector, initiator ? "init_static" : "resp_static");
  struct buf once =
      json_hex(j, vector, initiator ? "init_ephemeral" : "resp_ephemeral");
  struct buf prologue =
      json_hex(j, vector, initiator ? "init_prologue" : "resp_prologue");
  NEED(secret.n == NOISE_KEY_SIZE && once.n == NOISE_KEY_SIZE);
  noise_start(n, initiator, secret.p, once.p, buf_span(&prologue));
  buf_free(&secret);
  buf_free(&once);
  buf_free(&prologue);
}

/* What the two ends make of one message of the vector. */
static void check_message(struct noise *from, struct noise *to,
                          const struct json *j, size_t message)
{
  struct buf payload = json_hex(j, message, "payload");
  struct buf want = json_hex(j, message, "ciphertext");
  uint8_t got[1024];
  bool ready = noise_ready(from);
  NEED(want.n <= sizeof got);
  int n = (ready ? noise_seal : noise_write)(from, got, sizeof got,
                                             buf_span(&payload), NULL);
  NEED(n >= 0);
  EXPECT(span_equal(span_of(got, (size_t)n), buf_span(&want)));
  n = (ready ? noise_open : noise_read)(to, got, sizeof got, buf_span(&want),
                                        NULL);
  NEED(n >= 0);
  EXPECT(span_equal(span_of(got, (size_t)n), buf_span(&payload)));
  buf_free(&payload);
  buf_free(&want);
}

static void check_vector(const struct json *j, size_t vector)
{
  struct noise ends[2];
  size_t messages = json_get(j, vector, "messages");
  int count = 0;
  start(&ends[0], true, j, vector);
  start(&ends[1], false, j, vector);
  for (size_t i = messages + 1; i < json_end(j, messages); i = json_end(j, i)) {
    check_message(&ends[count % 2], &ends[1 - count % 2], j, i);
    count++;
  }
  EXPECT(count > NOISE_MESSAGES);
  NEED(noise_ready(&ends[0]) && noise_ready(&ends[1]));
  EXPECT(memcmp(noise_hash(&ends[0]), noise_hash(&ends[1]), 32) == 0);
  if (json_get(j, vector, "handshake_hash") != 0) {
    struct buf want = json_hex(j, vector, "handshake_hash");
    NEED(want.n == NOISE_HASH_SIZE);
    EXPECT(memcmp(noise_hash(&ends[0]), want.p, want.n) == 0);
    buf_free(&want);
  }
}

/* Each file holds the pattern XX once, among others. */
static void check_file(const char *name)
{
  struct json j;
  int count = 0;
  if (!json_load(&j, name)) {
    unit_skip(1, "no vectors");
    json_free(&j);
    return;
  }
  size_t vectors = json_get(&j, 0, "vectors");
  NEED(vectors != 0);
  for (size_t i = vectors + 1; i < json_end(&j, vectors); i = json_end(&j, i)) {
    if (json_is(&j, json_get(&j, i, "protocol_name"), PROTOCOL)) {
      check_vector(&j, i);
      count++;
    }
  }
  EXPECT_INT(count, 1);
  json_free(&j);
}

static void test_cacophony(void)
{
  check_file("noise/cacophony_25519_ChaChaPoly_SHA256.json");
  check_file("noise/cacophony_XX_25519_ChaChaPoly_SHA256.json");
}

static void test_snow(void)
{
  check_file("noise/snow_25519_ChaChaPoly_SHA256.json");
  check_file("noise/snow_XX_25519_ChaChaPoly_SHA256.json");
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_cacophony);
  RUN(test_snow);
  return unit_done();
}
