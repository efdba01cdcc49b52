/* SPDX-License-Identifier: 0BSD */
/* A stranger's bytes on the stream of a channel. The first byte says:
 *   bit 0      to the initiator
 *   bit 1      after the handshake: the rest is sealed, as a peer would, in
 *              messages: length (1 byte), content
 *   bit 2      sealed ones lie in the stream in pieces of 7 bytes
 * Before the handshake nothing but its own three messages gets through. */
#include "unit/session_puppet.h"

#include "fuzz/demand.h"

/* Feed in pieces; all bytes are taken, or the channel has ended. How many
 * bytes the frames had. */
static size_t feed(struct channel *c, struct span s, size_t piece)
{
  struct err e = {0};
  size_t frames = 0;
  for (size_t at = 0; at < s.n && c->fault == 0;) {
    struct frame f;
    size_t n, some = s.n - at < piece ? s.n - at : piece;
    int rc = 1;
    for (size_t done = 0; rc > 0; done += n) {
      rc = channel_feed(c, span_of(s.p + at + done, some - done), &n, &f, &e);
      demand(done + n <= some && (rc != 0 || done + n == some));
      demand((rc < 0) == (c->fault < 0) && (rc >= 0 || e.text[0] != '\0'));
      if (rc > 0) {
        demand(f.body.n <= SESSION_FRAME_MAX);
        frames += FRAME_HEAD + f.body.n;
        for (size_t i = 0; i < f.body.n; i += 64) { /* it can be read */
          frames += f.body.p[i] & 0;
        }
      }
    }
    at += some;
  }
  /* No more is held than came. */
  demand(c->frame.cap <= 2 * s.n + 4096);
  return frames;
}

static void meet(struct channel *end)
{
  struct buf wire = {0};
  struct err e = {0};
  for (int i = 0; i < 3; i++) {
    struct frame f;
    size_t n;
    buf_clear(&wire);
    demand(channel_pull(&end[1 - i % 2], &wire, 1000, &e) > 0);
    demand(channel_feed(&end[i % 2], buf_span(&wire), &n, &f, &e) == 0);
  }
  demand(channel_ready(&end[0]) && channel_ready(&end[1]));
  buf_free(&wire);
}

static void sealed(struct channel *from, struct channel *to, struct span s,
                   size_t piece)
{
  struct buf wire = {0};
  struct err e = {0};
  size_t plain = 0;
  while (s.n > 1) {
    uint8_t m[2 + 255 + CRYPT_TAG_SIZE];
    size_t n = s.p[0] < s.n - 1 ? s.p[0] : s.n - 1;
    int rc =
        noise_seal(&from->noise, m + 2, sizeof m - 2, span_of(s.p + 1, n), &e);
    demand(rc == (int)n + CRYPT_TAG_SIZE);
    wire_put(m, (uint64_t)rc, 2);
    demand(buf_put(&wire, m, 2 + (size_t)rc) == 0);
    plain += n;
    s = span_of(s.p + 1 + n, s.n - 1 - n);
  }
  size_t frames = feed(to, buf_span(&wire), piece);
  demand(frames <= plain);
  demand(to->fault == 0 || to->fault == ERR_LIMIT); /* of a head */
  buf_free(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static struct channel end[2]; /* the responder first */
  demand(crypt_start(NULL) == 0);
  if (size == 0 || size > 200000) {
    return 0;
  }
  bool initiator = (data[0] & 1) != 0;
  size_t piece = (data[0] & 4) != 0 ? 7 : size + 1000000;
  struct span s = span_of(data + 1, size - 1);
  puppet_channel(&end[0], false);
  puppet_channel(&end[1], true);
  if ((data[0] & 2) != 0) {
    meet(end);
    sealed(&end[!initiator], &end[initiator], s, piece);
  } else {
    demand(feed(&end[initiator], s, piece) == 0);
    demand(!channel_ready(&end[initiator]));
  }
  channel_end(&end[0]);
  channel_end(&end[1]);
  return 0;
}
