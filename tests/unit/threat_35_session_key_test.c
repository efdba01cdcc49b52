/* SPDX-License-Identifier: 0BSD */
/* Threat 35: anybody who dials sees the responder's Noise key. It is another
 * one each time that the station is opened, and neither it nor anything else
 * that a stranger is told is the station's identity. */
#include "form/zpack.h"
#include "link_pair.h"
#include "sync/channel.h"

#define RUNS 20

/* What a stranger hears who dials ${h} and never says who he is: the Noise
 * key, and all bytes. After the handshake there is nothing more to hear. */
static void dial(struct home *h, uint8_t key[NOISE_KEY_SIZE], struct buf *heard)
{
  uint8_t secret[NOISE_KEY_SIZE], once[NOISE_KEY_SIZE];
  struct link_options opt = {.level = 1};
  struct link *l = NULL;
  struct channel c;
  struct buf out = {0};
  struct frame f;
  struct err e = {0};
  size_t n;
  crypt_random(secret, sizeof secret);
  crypt_random(once, sizeof once);
  NEED(channel_start(&c, true, secret, once, &e) == 0);
  NEED(link_new(&l, h->st, &opt, &e) == 0);
  for (int i = 0; i < 3; i++) {
    buf_clear(&out);
    NEED(channel_pull(&c, &out, 1u << 20, &e) >= 0);
    NEED(session_feed(link_session(l), buf_span(&out), &n, &e) >= 0);
    buf_clear(&out);
    NEED(session_pull(link_session(l), &out, 1u << 20, &e) >= 0);
    NEED(buf_put(heard, out.p, out.n) == 0);
    EXPECT((out.n > 0) == (i == 0));
    if (!channel_ready(&c)) {
      NEED(channel_feed(&c, buf_span(&out), &n, &f, &e) >= 0);
    }
  }
  NEED(channel_ready(&c));
  memcpy(key, noise_peer(&c.noise), NOISE_KEY_SIZE);
  link_del(l);
  channel_end(&c);
  buf_free(&out);
}

static bool holds(const struct buf *b, const void *part, size_t n)
{
  return memmem(b->p, b->n, part, n) != NULL;
}

static void test_another_key_each_time(void)
{
  uint8_t key[RUNS][NOISE_KEY_SIZE], again[NOISE_KEY_SIZE];
  uint8_t identity[CRYPT_KEY_SIZE];
  struct home h;
  struct buf heard = {0};
  home_new(&h);
  NEED(did_parse(identity, station_did(h.st), CRYPT_DID_SIZE, NULL) == 0);
  for (int i = 0; i < RUNS; i++) {
    dial(&h, key[i], &heard);
    dial(&h, again, &heard); /* one key while it is open */
    EXPECT(memcmp(key[i], again, sizeof again) == 0);
    EXPECT(memcmp(key[i], identity, sizeof identity) != 0);
    for (int k = 0; k < i; k++) {
      EXPECT(memcmp(key[i], key[k], sizeof again) != 0);
    }
    station_close(h.st);
    h.st = NULL;
    home_open(&h);
  }
  EXPECT(heard.n > RUNS * 96);
  EXPECT(!holds(&heard, identity, sizeof identity));
  EXPECT(!holds(&heard, station_did(h.st), CRYPT_DID_SIZE));
  buf_free(&heard);
  home_end(&h);
}

int main(void)
{
  struct err e = {0};
  NEED(crypt_start(&e) == 0);
  RUN(test_another_key_each_time);
  return unit_done();
}
