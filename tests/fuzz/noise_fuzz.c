/* SPDX-License-Identifier: 0BSD */
/* A stranger's bytes in place of a message of the handshake or of a sealed
 * one, to either end: what the other end did not write is refused and moves
 * nothing. The first byte says where:
 *   bits 0, 1  handshake message 1 to 3, or sealed messages
 *   bit 2      the input is laid over the good message by exclusive or
 *   bit 3      sealed messages: to the initiator
 *   bit 4      no bytes but keys are strange: e and s, then a payload
 * Sealed messages come one after another, each behind a byte of length. */
#include "unit/noise_pair.h"

#include "fuzz/demand.h"

#define INPUT_SIZE_MAX 70000u

static uint8_t got[INPUT_SIZE_MAX], made[INPUT_SIZE_MAX];

typedef int take(struct noise *n, uint8_t *out, size_t room, struct span s,
                 struct err *e);

/* Take ${s}; when it is refused, nothing may have moved. */
static int offer(struct noise *n, take *call, struct span s)
{
  struct noise before, after;
  struct err e = {0};
  memcpy(&before, n, sizeof before);
  int rc = call(n, got, sizeof got, s, &e);
  demand((rc < 0) == (e.text[0] != '\0') && e.code == (rc < 0 ? rc : 0));
  if (rc < 0) {
    memcpy(&after, n, sizeof after);
    demand(after.fault == rc);
    after.fault = 0;
    demand(memcmp(&before, &after, sizeof after) == 0);
    demand(call(n, got, sizeof got, s, NULL) == rc);
  }
  return rc;
}

/* ${s} itself, or laid over ${good}; in memory of just its size. */
static struct span message_of(struct span s, struct span good, bool over)
{
  size_t n = over ? good.n : s.n;
  uint8_t *p = malloc(n > 0 ? n : 1);
  demand(p != NULL);
  for (size_t i = 0; i < n; i++) {
    uint8_t byte = i < s.n ? s.p[i] : 0;
    p[i] = over ? good.p[i] ^ byte : byte;
  }
  return span_of(p, n);
}

static void drop(struct span s)
{
  free((void *)(uintptr_t)s.p);
}

static void strange_handshake(int step, bool over, struct span s)
{
  struct noise_pair p;
  uint8_t good[PAIR_ROOM];
  demand(noise_pair_at(&p, step));
  struct noise *to = noise_pair_reader(&p, step);
  int n = noise_pair_write(&p, good);
  demand(n > 0);
  struct span right = span_of(good, (size_t)n);
  struct span m = message_of(s, right, over);
  bool same = span_equal(m, right);
  int rc = offer(to, noise_read, m);
  drop(m);
  if (step > 0) {
    demand((rc >= 0) == same);
    return;
  }
  if (rc < 0) { /* only too short or too long */
    demand(rc == ERR_INVALID || rc == ERR_LIMIT);
    return;
  }
  n = noise_write(to, made, sizeof made, span_of(NULL, 0), NULL);
  if (n < 0) {
    demand(n == ERR_INVALID); /* of small order */
    return;
  }
  demand((offer(&p.end[0], noise_read, span_of(made, (size_t)n)) >= 0) == same);
}

static void strange_sealed(struct noise *from, struct noise *to, bool over,
                           struct span s)
{
  while (s.n > 0) {
    size_t size = s.p[0] < s.n ? s.p[0] : s.n - 1;
    struct span part = span_of(s.p + 1, size);
    uint8_t good[PAIR_ROOM + CRYPT_TAG_SIZE];
    s = span_of(part.p + size, s.n - 1 - size);
    int n = noise_seal(from, good, sizeof good, part, NULL);
    demand(n == (int)size + CRYPT_TAG_SIZE);
    struct span right = span_of(good, (size_t)n);
    struct span m = message_of(part, right, over);
    bool same = span_equal(m, right);
    int rc = offer(to, noise_open, m);
    drop(m);
    demand((rc >= 0) == same);
    if (rc < 0) {
      return;
    }
    demand((size_t)rc == size && memcmp(got, part.p, size) == 0);
  }
}

/* The initiator shows keys that it has no secret for. */
static void strange_keys(struct span s)
{
  struct noise_pair p;
  uint8_t keys[2 * NOISE_KEY_SIZE] = {0};
  size_t head = s.n < sizeof keys ? s.n : sizeof keys;
  memcpy(keys, s.p, head);
  noise_pair_start(&p);
  struct noise *a = &p.end[0], *b = &p.end[1];
  memcpy(a->once_key, keys, NOISE_KEY_SIZE);
  memcpy(a->key, keys + NOISE_KEY_SIZE, NOISE_KEY_SIZE);
  struct span payload = span_of(s.p + head, s.n - head);
  if (noise_write(a, made, sizeof made, payload, NULL) < 0) {
    demand(payload.n > NOISE_MESSAGE_MAX - NOISE_KEY_SIZE);
    return;
  }
  demand(offer(b, noise_read, span_of(made, payload.n + NOISE_KEY_SIZE)) ==
         (int)payload.n);
  demand(payload.n == 0 || memcmp(got, payload.p, payload.n) == 0);
  int n = noise_write(b, made, sizeof made, span_of(NULL, 0), NULL);
  demand(n > 0 || n == ERR_INVALID);
  if (n > 0) { /* to another's e: it opens for its owner alone */
    uint8_t own[NOISE_KEY_SIZE];
    crypt_x25519_key(own, a->once_secret);
    keys[NOISE_KEY_SIZE - 1] &= 0x7f; /* a bit that X25519 leaves out */
    demand((offer(a, noise_read, span_of(made, (size_t)n)) >= 0) ==
           (memcmp(own, keys, sizeof own) == 0));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct noise_pair p;
  demand(crypt_start(NULL) == 0);
  if (size == 0 || size > INPUT_SIZE_MAX / 2) {
    return 0;
  }
  int step = data[0] & 3;
  bool over = (data[0] & 4) != 0;
  struct span s = span_of(data + 1, size - 1);
  if ((data[0] & 16) != 0) {
    strange_keys(s);
  } else if (step < NOISE_MESSAGES) {
    strange_handshake(step, over, s);
  } else {
    size_t to = (data[0] & 8) != 0 ? 0 : 1;
    demand(noise_pair_at(&p, NOISE_MESSAGES));
    strange_sealed(&p.end[1 - to], &p.end[to], over, s);
  }
  return 0;
}
