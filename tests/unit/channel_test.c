/* SPDX-License-Identifier: 0BSD */
#include "sync/channel.h"

#include "noise_pair.h"
#include "sketch_shelf.h"
#include "unit.h"

static struct channel end[2];
static struct buf wire, got;
static uint64_t seed = 5;

static void start(void)
{
  for (uint8_t i = 0; i < 2; i++) {
    uint8_t secret[NOISE_KEY_SIZE], once[NOISE_KEY_SIZE];
    struct err e = {0};
    memset(secret, 0x31 + i, sizeof secret);
    memset(once, 0x41 + i, sizeof once);
    NEED(channel_start(&end[i], i == 0, secret, once, &e) == 0);
  }
  buf_clear(&wire);
  buf_clear(&got);
}

static void finish(void)
{
  channel_end(&end[0]);
  channel_end(&end[1]);
}

/* Feed all, keep what frames come: type, length, body. */
static int feed(struct channel *c, struct span bytes, struct err *e)
{
  struct frame f;
  size_t at = 0, n;
  int rc = 1;
  while (rc > 0) {
    rc = channel_feed(c, span_of(bytes.p + at, bytes.n - at), &n, &f, e);
    at += n;
    if (rc > 0) {
      uint8_t head[4] = {f.type, (uint8_t)(f.body.n >> 16),
                         (uint8_t)(f.body.n >> 8), (uint8_t)f.body.n};
      NEED(buf_put(&got, head, sizeof head) == 0);
      NEED(buf_put(&got, f.body.p, f.body.n) == 0);
    }
  }
  NEED(rc < 0 || at == bytes.n);
  return rc;
}

static int carry(int from, struct err *e)
{
  buf_clear(&wire);
  NEED(channel_pull(&end[from], &wire, 1u << 30, e) >= 0);
  return feed(&end[1 - from], buf_span(&wire), e);
}

static void meet(void)
{
  struct err e = {0};
  start();
  for (int i = 0; i < 3; i++) {
    NEED(carry(i % 2, &e) == 0);
  }
  NEED(channel_ready(&end[0]) && channel_ready(&end[1]));
  EXPECT(!channel_pending(&end[0]) && !channel_pending(&end[1]));
}

static uint8_t noise[SESSION_FRAME_MAX + 1];

static void put(uint8_t type, size_t n)
{
  struct err e = {0};
  if (n <= SESSION_CONTROL_MAX) {
    NEED(channel_put(&end[0], type, span_of(noise, n), &e) == 0);
    return;
  }
  NEED(channel_wants_large(&end[0]));
  struct buf *to = channel_large(&end[0], type, &e);
  NEED(to != NULL && buf_put(to, noise, n) == 0);
  channel_large_end(&end[0]);
}

/* Did just these come, in this order? */
static bool came(const uint8_t *types, const size_t *sizes, size_t n)
{
  size_t at = 0;
  for (size_t i = 0; i < n; i++) {
    if (at + 4 + sizes[i] > got.n || got.p[at] != types[i] ||
        ((size_t)got.p[at + 1] << 16 | (size_t)got.p[at + 2] << 8 |
         got.p[at + 3]) != sizes[i] ||
        memcmp(got.p + at + 4, noise, sizes[i]) != 0) {
      return false;
    }
    at += 4 + sizes[i];
  }
  return at == got.n;
}

/* Sizes about all that has a border: head, message, frames. */
static void test_sizes(void)
{
  static const size_t sizes[] = {0,
                                 1,
                                 NOISE_PAYLOAD_MAX - 5,
                                 NOISE_PAYLOAD_MAX - 4,
                                 NOISE_PAYLOAD_MAX - 3,
                                 NOISE_PAYLOAD_MAX,
                                 SESSION_CONTROL_MAX - 1,
                                 SESSION_CONTROL_MAX,
                                 SESSION_CONTROL_MAX + 1,
                                 SESSION_BLOCKS_RAW,
                                 SESSION_FRAME_MAX - 1,
                                 SESSION_FRAME_MAX};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    uint8_t type = (uint8_t)(7 + i);
    struct err e = {0};
    meet();
    put(type, sizes[i]);
    EXPECT_INT(carry(0, &e), 0);
    EXPECT(came(&type, &sizes[i], 1));
    finish();
  }
}

/* However the bytes are cut. */
static void test_trickle(void)
{
  static const uint8_t types[] = {1, 2, 3, 4, 5};
  static const size_t sizes[] = {0, 70, 3, 60000, 200000};
  for (int how = 0; how < 12; how++) {
    struct err e = {0};
    meet();
    for (size_t i = 0; i < 5; i++) {
      put(types[i], sizes[i]);
    }
    buf_clear(&wire);
    for (size_t at = 0; channel_pending(&end[0]);) {
      size_t max = how == 0 ? 1 : 1 + shelf_random(&seed) % 70000;
      NEED(channel_pull(&end[0], &wire, max, &e) > 0);
      NEED(wire.n <= at + max);
      at = wire.n;
    }
    EXPECT_INT(channel_pull(&end[0], &wire, 1, &e), 0);
    for (size_t at = 0; at < wire.n;) {
      size_t n = how == 0 ? 1 : 1 + shelf_random(&seed) % 70000;
      n = n < wire.n - at ? n : wire.n - at;
      NEED(feed(&end[1], span_of(wire.p + at, n), &e) == 0);
      at += n;
    }
    EXPECT(came(types, sizes, 5));
    finish();
  }
}

/* Small frames overtake a large one that has not begun, never one that has. */
static void test_order(void)
{
  static const uint8_t early[] = {2, 3, 9}, late[] = {9, 2};
  static const size_t early_n[] = {10, 20, 300000}, late_n[] = {300000, 10};
  struct err e = {0};
  meet();
  put(9, 300000);
  put(2, 10);
  put(3, 20);
  EXPECT(!channel_wants_large(&end[0]));
  EXPECT_INT(carry(0, &e), 0);
  EXPECT(came(early, early_n, 3));
  buf_clear(&got);
  put(9, 300000);
  buf_clear(&wire);
  NEED(channel_pull(&end[0], &wire, 1, &e) == 1);
  put(2, 10);
  NEED(channel_pull(&end[0], &wire, 1u << 30, &e) > 0);
  EXPECT_INT(feed(&end[1], buf_span(&wire), &e), 0);
  EXPECT(came(late, late_n, 2));
  EXPECT(channel_wants_large(&end[0]));
  finish();
}

static void expect_ended(struct channel *c, int code)
{
  struct err e = {0};
  struct frame f;
  size_t n;
  EXPECT_INT(channel_feed(c, span_of("x", 1), &n, &f, &e), code);
  EXPECT_INT(n, 0);
  EXPECT(e.text[0] != '\0');
  EXPECT_INT(channel_pull(c, &wire, 1, &e), code);
  EXPECT(!channel_pending(c));
}

/* A frame that says that it is too large is refused at its head: nothing of it
 * has to come. */
static void test_too_large(void)
{
  struct err e = {0};
  for (size_t i = 0; i < 3; i++) {
    size_t size = SESSION_FRAME_MAX - 1 + i;
    uint8_t head[4] = {15, (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                       (uint8_t)size};
    meet();
    /* Past the channel's own checks: straight into its queue. */
    NEED(buf_put(&end[0].queue, head, sizeof head) == 0);
    EXPECT_INT(carry(0, &e), i < 2 ? 0 : ERR_LIMIT);
    if (i == 2) {
      expect_ended(&end[1], ERR_LIMIT);
    } else {
      EXPECT(end[1].frame.cap <= 4096); /* nothing is sized by what is said */
    }
    finish();
  }
  meet();
  EXPECT_INT(
      channel_put(&end[0], 1, span_of(noise, SESSION_CONTROL_MAX + 1), &e),
      ERR_MISUSE);
  EXPECT(!channel_pending(&end[0]));
  finish();
}

/* Whatever byte of whatever message is turned, and wherever a message is cut
 * short, no frame of it is handed out and the channel is ended. */
static void test_damage(void)
{
  struct err e = {0};
  for (size_t i = 0; i < 60; i++) {
    meet();
    put(1, 34);
    buf_clear(&wire);
    NEED(channel_pull(&end[0], &wire, 1u << 20, &e) > 0);
    if (i >= wire.n) {
      finish();
      break;
    }
    wire.p[i] ^= 1;
    /* A length that is too long waits for more: give it. */
    NEED(buf_reserve(&wire, 70000) == 0);
    memset(wire.p + wire.n, 0, 70000);
    wire.n += 70000;
    EXPECT_INT(feed(&end[1], buf_span(&wire), &e), ERR_SIG);
    EXPECT_INT(got.n, 0);
    expect_ended(&end[1], ERR_SIG);
    finish();
  }
}

/* The handshake's three messages: each cut, each with a payload, each byte
 * turned; and no fourth. */
static void test_handshake(void)
{
  struct err e = {0};
  static const size_t size[] = {2 + 32, 2 + 96, 2 + 64};
  for (int step = 0; step < 3; step++) {
    for (size_t i = 0; i < size[step]; i++) {
      start();
      for (int k = 0; k < step; k++) {
        NEED(carry(k % 2, &e) == 0);
      }
      buf_clear(&wire);
      NEED(channel_pull(&end[step % 2], &wire, 1000, &e) > 0);
      NEED(wire.n == size[step]);
      EXPECT_INT(feed(&end[1 - step % 2], span_of(wire.p, i), &e), 0);
      EXPECT(!channel_ready(&end[1 - step % 2]));
      wire.p[i] ^= 0x80;
      int rc = feed(&end[1 - step % 2], span_of(wire.p + i, wire.n - i), &e);
      if (step > 0 || i < 2) {   /* message 1 is in clear: the next one tells */
        EXPECT(rc < 0 || i < 2); /* a longer one is awaited */
        EXPECT(!channel_ready(&end[1 - step % 2]));
      }
      finish();
    }
  }
  static const uint8_t payload[2 + 33] = {0, 33};
  start();
  EXPECT_INT(feed(&end[1], span_of(payload, sizeof payload), &e), ERR_INVALID);
  expect_ended(&end[1], ERR_INVALID);
  finish();
  start(); /* the initiator's turn, and no bytes at all in a message */
  EXPECT_INT(feed(&end[0], span_of(payload, sizeof payload), &e), ERR_INVALID);
  finish();
  static const uint8_t nothing[2] = {0, 0};
  start();
  EXPECT_INT(feed(&end[1], span_of(nothing, 2), &e), ERR_INVALID);
  finish();
}

/* The key changes after so many messages, to the message: a reader made by
 * hand follows only if it changes just there. */
static void test_rekey(void)
{
  static uint8_t plain[64];
  struct noise hand;
  struct err e = {0};
  meet();
  memcpy(&hand, &end[1].noise, sizeof hand);
  for (uint64_t i = 0; i < 2 * SESSION_REKEY_EVERY + 2; i++) {
    put(1, 1);
    buf_clear(&wire);
    NEED(channel_pull(&end[0], &wire, 1000, &e) > 0);
    if (i > 0 && i % SESSION_REKEY_EVERY == 0) {
      NEED(noise_rekey_in(&hand) == 0);
    }
    NEED(noise_open(&hand, plain, sizeof plain, span_of(wire.p + 2, wire.n - 2),
                    &e) == 5);
    NEED(feed(&end[1], buf_span(&wire), &e) == 0);
  }
  EXPECT_INT(got.n, (2 * SESSION_REKEY_EVERY + 2) * 5);
  finish();
}

/* A message without content says nothing, and does no harm. */
static void test_empty_message(void)
{
  struct err e = {0};
  uint8_t sealed[2 + CRYPT_TAG_SIZE] = {0, CRYPT_TAG_SIZE};
  static const uint8_t type = 4;
  static const size_t size = 9;
  meet();
  for (int i = 0; i < 3; i++) {
    NEED(noise_seal(&end[0].noise, sealed + 2, CRYPT_TAG_SIZE, span_of(NULL, 0),
                    &e) == CRYPT_TAG_SIZE);
    EXPECT_INT(feed(&end[1], span_of(sealed, sizeof sealed), &e), 0);
  }
  put(4, 9);
  EXPECT_INT(carry(0, &e), 0);
  EXPECT(came(&type, &size, 1));
  finish();
}

/* Memory is given back where no bytes wait in it, and only there: half a frame
 * that came, or one that goes out, loses nothing. */
static void test_shrink(void)
{
  static const uint8_t types[] = {4, 4};
  static const size_t sizes[] = {300000, 5};
  struct err e = {0};
  struct buf part = {0};
  meet();
  put(4, 300000);
  NEED(channel_pull(&end[0], &part, 100000, &e) == 100000);
  channel_shrink(&end[0]);
  NEED(feed(&end[1], buf_span(&part), &e) == 0);
  channel_shrink(&end[1]);
  buf_clear(&part);
  put(4, 5);
  NEED(channel_pull(&end[0], &part, SIZE_MAX, &e) > 200000); /* all */
  EXPECT(!channel_pending(&end[0]));
  NEED(feed(&end[1], buf_span(&part), &e) == 0);
  channel_shrink(&end[0]);
  channel_shrink(&end[1]);
  EXPECT(end[0].large.cap == 0 && end[1].frame.cap == 0);
  EXPECT(came(types, sizes, 2));
  buf_free(&part);
  finish();
}

static void test_end(void)
{
  struct channel none = {0};
  struct err e = {0};
  channel_end(&none);
  EXPECT_INT(channel_pull(&none, &wire, 1, &e), ERR_CLOSED);
  meet();
  finish();
  expect_ended(&end[0], ERR_CLOSED);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  for (size_t i = 0; i < sizeof noise; i++) {
    noise[i] = (uint8_t)shelf_random(&seed);
  }
  RUN(test_sizes);
  RUN(test_trickle);
  RUN(test_order);
  RUN(test_too_large);
  RUN(test_damage);
  RUN(test_handshake);
  RUN(test_rekey);
  RUN(test_empty_message);
  RUN(test_shrink);
  RUN(test_end);
  buf_free(&wire);
  buf_free(&got);
  return unit_done();
}
