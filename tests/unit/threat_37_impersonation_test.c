/* SPDX-License-Identifier: 0BSD */
/* Threats 36, 37 and 38: who speaks as somebody else, in another version, or
 * repeats what was said. A hello is good in the one handshake that it was
 * signed in, for the one Noise key that was proven there. */
#include "session_puppet.h"

#define HELLO_SIZE (2 + CRYPT_KEY_SIZE + CRYPT_SIG_SIZE)

static struct puppet p;

/* As puppet_meet, the puppet calling; with keys of its own. */
static void meet_with(uint8_t secret_byte, uint8_t once_byte)
{
  uint8_t secret[NOISE_KEY_SIZE], once[NOISE_KEY_SIZE];
  memset(&p, 0, sizeof p);
  memset(secret, secret_byte, sizeof secret);
  memset(once, once_byte, sizeof once);
  p.initiator = true;
  p.s = host_session(&p.host, false, false);
  NEED(channel_start(&p.c, true, secret, once, &p.e) == 0);
  for (int i = 0; i < 3; i++) {
    NEED(puppet_flush(&p) == 0);
    NEED(puppet_hear(&p) == 0);
  }
  NEED(channel_ready(&p.c));
}

/* A hello for the handshake that ${p} had, by ${id}. */
static void hello_of(uint8_t body[HELLO_SIZE], const struct identity *id)
{
  memset(body, 0, HELLO_SIZE);
  body[0] = SESSION_VERSION;
  memcpy(body + 2, identity_key(id), CRYPT_KEY_SIZE);
  NEED(crypt_sign(body + 2 + CRYPT_KEY_SIZE, id, "mahatta/session/1",
                  span_of(p.c.noise.key, NOISE_KEY_SIZE),
                  span_of(noise_hash(&p.c.noise), NOISE_HASH_SIZE)) == 0);
}

static void expect_hello(const uint8_t body[HELLO_SIZE], int want)
{
  EXPECT_INT(puppet_say(&p, FRAME_HELLO, span_of(body, HELLO_SIZE)), want);
  struct session_status now = host_status(p.s);
  EXPECT((now.state == SESSION_FAILED) == (want < 0));
  EXPECT_INT(now.error.code, want);
  puppet_free(&p);
}

static void test_own_hello(void)
{
  uint8_t hello[HELLO_SIZE];
  meet_with(0x51, 0x61);
  hello_of(hello, host_identity(true));
  expect_hello(hello, 0);
}

/* The victim's hello to the thief, said again by the thief: the handshake is
 * another one, with his Noise key or, had he stolen it, with the victim's. */
static void test_hello_of_another_session(void)
{
  static const uint8_t then[][2] = {{0x52, 0x61}, {0x51, 0x62}, {0x51, 0x61}};
  uint8_t hello[HELLO_SIZE];
  for (size_t i = 0; i < 3; i++) {
    meet_with(0x51, 0x61);
    hello_of(hello, host_identity(true));
    puppet_free(&p);
    meet_with(then[i][0], then[i][1]);
    /* The third has the very same handshake, as these keys don't change. */
    expect_hello(hello, i == 2 ? 0 : ERR_SIG);
  }
}

/* Only the Noise key differs from what was signed, or only the handshake. */
static void test_half_a_hello(void)
{
  const struct identity *id = host_identity(true);
  for (int i = 0; i < 2; i++) {
    uint8_t hello[HELLO_SIZE], key[NOISE_KEY_SIZE], hash[NOISE_HASH_SIZE];
    meet_with(0x51, 0x61);
    hello_of(hello, id);
    memcpy(key, p.c.noise.key, sizeof key);
    memcpy(hash, noise_hash(&p.c.noise), sizeof hash);
    (i == 0 ? key : hash)[0] ^= 1;
    NEED(crypt_sign(hello + 2 + CRYPT_KEY_SIZE, id, "mahatta/session/1",
                    span_of(key, sizeof key), span_of(hash, sizeof hash)) == 0);
    expect_hello(hello, ERR_SIG);
  }
}

/* KCI: the thief has the responder's identity and Noise key, and speaks to the
 * responder as somebody else: those secrets sign nothing in another's name. */
static void test_stolen_responder(void)
{
  uint8_t hello[HELLO_SIZE];
  meet_with(0x11, 0x61); /* the responder's own Noise key */
  hello_of(hello, host_identity(false));
  memcpy(hello + 2, identity_key(host_identity(true)), CRYPT_KEY_SIZE);
  expect_hello(hello, ERR_SIG);
}

/* Any byte of it changed on the way, had the channel let it through. */
static void test_any_byte(void)
{
  for (size_t i = 0; i < HELLO_SIZE; i++) {
    uint8_t hello[HELLO_SIZE];
    meet_with(0x51, 0x61);
    hello_of(hello, host_identity(true));
    hello[i] ^= 0x40;
    if (i == 1) { /* flags are the channel's to keep */
      puppet_free(&p);
      continue;
    }
    expect_hello(hello, i == 0 ? ERR_INVALID : ERR_SIG);
  }
}

/* There is one version, and none below it to be talked down to. */
static void test_versions(void)
{
  for (int v = 0; v < 256; v++) {
    uint8_t hello[HELLO_SIZE];
    meet_with(0x51, 0x61);
    hello_of(hello, host_identity(true));
    hello[0] = (uint8_t)v;
    expect_hello(hello, v == SESSION_VERSION ? 0 : ERR_INVALID);
  }
}

int main(void)
{
  RUN(test_own_hello);
  RUN(test_hello_of_another_session);
  RUN(test_half_a_hello);
  RUN(test_stolen_responder);
  RUN(test_any_byte);
  RUN(test_versions);
  return unit_done();
}
