/* SPDX-License-Identifier: 0BSD */
#include "sync/noise.h"

#include "hex.h"
#include "noise_pair.h"
#include "sweep.h"

#define ROOM (NOISE_MESSAGE_MAX + 2u)

static const size_t overhead[NOISE_MESSAGES] = {32, 96, 64};
static uint8_t sealed[ROOM], opened[ROOM], zeros[ROOM];

static struct span hi(void)
{
  return span_of(PAIR_PAYLOAD, strlen(PAIR_PAYLOAD));
}

static struct noise_pair pair_at(int steps)
{
  struct noise_pair p;
  memset(&p, 0, sizeof p);
  NEED(noise_pair_at(&p, steps));
  return p;
}

/* Has nothing moved since ${before}, but for the fault ${code}? */
static bool only_fault(const struct noise *n, const struct noise *before,
                       int code)
{
  struct noise copy;
  memcpy(&copy, n, sizeof copy);
  bool same = copy.fault == code;
  copy.fault = before->fault;
  return same && memcmp(&copy, before, sizeof copy) == 0;
}

/* An ended session gives its code to every call. */
static void expect_ended(struct noise *n, int code)
{
  uint8_t got[PAIR_ROOM];
  struct err e = {0};
  struct span s = span_of(zeros, 100);
  EXPECT_INT(noise_write(n, got, sizeof got, hi(), &e), code);
  EXPECT_TEXT(e.text, "the encrypted session has ended");
  EXPECT_INT(noise_read(n, got, sizeof got, s, NULL), code);
  EXPECT_INT(noise_seal(n, got, sizeof got, hi(), NULL), code);
  EXPECT_INT(noise_open(n, got, sizeof got, s, NULL), code);
  EXPECT_INT(noise_rekey_out(n), code);
  EXPECT_INT(noise_rekey_in(n), code);
  EXPECT(!noise_may_write(n));
  EXPECT(!noise_may_read(n));
  EXPECT(!noise_ready(n));
}

/* ---- the handshake ---- */

static void expect_step(struct noise_pair *p, int step)
{
  struct noise *from = noise_pair_writer(p, step);
  struct noise *to = noise_pair_reader(p, step);
  uint8_t m[PAIR_ROOM], got[PAIR_ROOM];
  EXPECT(noise_may_write(from) && !noise_may_read(from));
  EXPECT(noise_may_read(to) && !noise_may_write(to));
  EXPECT(!noise_ready(from) && !noise_ready(to));
  EXPECT(noise_hash(from) == NULL && noise_hash(to) == NULL);
  EXPECT(noise_peer(to) == NULL);
  EXPECT_INT(noise_overhead(from), overhead[step]);
  EXPECT_INT(noise_overhead(to), overhead[step]);
  int n = noise_pair_write(p, m);
  EXPECT_INT(n, overhead[step] + 2);
  /* Only the first payload lies open. */
  EXPECT((memcmp(m + overhead[step], "hi", 2) == 0) == (step == 0));
  EXPECT_INT(noise_read(to, got, sizeof got, span_of(m, (size_t)n), NULL), 2);
  EXPECT(memcmp(got, "hi", 2) == 0);
}

static void test_handshake(void)
{
  struct noise_pair p;
  noise_pair_start(&p);
  struct noise *a = &p.end[0], *b = &p.end[1];
  for (int step = 0; step < NOISE_MESSAGES; step++) {
    expect_step(&p, step);
  }
  EXPECT(noise_ready(a) && noise_ready(b));
  EXPECT(!noise_may_write(a) && !noise_may_read(a));
  EXPECT(!noise_may_write(b) && !noise_may_read(b));
  EXPECT_INT(noise_overhead(a), CRYPT_TAG_SIZE);
  NEED(noise_peer(a) != NULL && noise_peer(b) != NULL);
  EXPECT(memcmp(noise_peer(a), b->key, NOISE_KEY_SIZE) == 0);
  EXPECT(memcmp(noise_peer(b), a->key, NOISE_KEY_SIZE) == 0);
  NEED(noise_hash(a) != NULL && noise_hash(b) != NULL);
  EXPECT(memcmp(noise_hash(a), noise_hash(b), NOISE_HASH_SIZE) == 0);
  EXPECT(memcmp(a->out.key, b->in.key, sizeof a->out.key) == 0);
  EXPECT(memcmp(a->in.key, b->out.key, sizeof a->in.key) == 0);
  EXPECT(memcmp(a->in.key, a->out.key, sizeof a->in.key) != 0);
}

/* What dissononce writes with the same keys: the handshake, then "hi" sealed
 * each way. */
static const char *const transcript[NOISE_MESSAGES + 2] = {
    "7d34a4815fa6b982535e60af3bd9b49556816080f1641ff81d2b7c8ae8268a44"
    "6869",
    "0faa684ed28867b97f4a6a2dee5df8ce974e76b7018e3f22a1c4cf2678570f20"
    "5727c65b835e6482a6e9b09beda9f57b4a8668d46edba4c6cd507dacf188c1ce"
    "994fb736b5c219776de5daa26c71a84089ff7745f757c6f2e36635f4e964ff94"
    "e095",
    "ad8ccedd82f63d66ba15b16f78a13d2078708846447de330fc7686e51d25398c"
    "2f28f60957b3cda785edf52be2931429047a61957b8297b246a1f547a16e5ff0"
    "56a4",
    "6fbc847778f9f3320f56fc32b68ff8cb0b01",
    "3c2df351c5cdf1da986981a1152fea73db9c"};
#define TRANSCRIPT_HASH                                                        \
  "cf9d934124986c648b8d60e97990f09566c39fa475c7adeaadb0a48935b7c7bc"

static void test_transcript(void)
{
  struct noise_pair p = pair_at(0);
  for (int i = 0; i < NOISE_MESSAGES + 2; i++) {
    struct noise *from = noise_pair_writer(&p, i < 3 ? i : i - 3);
    struct noise *to = noise_pair_reader(&p, i < 3 ? i : i - 3);
    bool ready = i >= NOISE_MESSAGES;
    uint8_t m[PAIR_ROOM], got[PAIR_ROOM];
    int n = (ready ? noise_seal : noise_write)(from, m, sizeof m, hi(), NULL);
    NEED(n > 0);
    struct span s = span_of(m, (size_t)n);
    EXPECT(hex_is(s, transcript[i]));
    EXPECT_INT((ready ? noise_open : noise_read)(to, got, sizeof got, s, NULL),
               2);
  }
  NEED(noise_hash(&p.end[0]) != NULL);
  EXPECT(
      hex_is(span_of(noise_hash(&p.end[0]), NOISE_HASH_SIZE), TRANSCRIPT_HASH));
}

/* A key once used is no longer there. */
static void test_wiped(void)
{
  struct noise_pair p = pair_at(NOISE_MESSAGES);
  for (int i = 0; i < 2; i++) {
    struct noise *n = &p.end[i];
    EXPECT(memcmp(n->secret, zeros, sizeof n->secret) == 0);
    EXPECT(memcmp(n->once_secret, zeros, sizeof n->once_secret) == 0);
    EXPECT(memcmp(n->chain, zeros, sizeof n->chain) == 0);
    EXPECT(memcmp(&n->shake, zeros, sizeof n->shake) == 0);
    noise_end(n);
    expect_ended(n, ERR_CLOSED);
    n->fault = 0;
    EXPECT(memcmp(n, zeros, sizeof *n) == 0);
  }
}

/* Each end may run ahead no further than its turn; nothing moves. */
static void test_turns(void)
{
  for (int step = 0; step <= NOISE_MESSAGES; step++) {
    for (int i = 0; i < 2; i++) {
      struct noise_pair p = pair_at(step);
      struct noise before, *n = &p.end[i];
      struct span s = span_of(zeros, 100);
      memcpy(&before, n, sizeof before);
      struct err e = {0};
      if (!noise_may_write(n)) {
        EXPECT_INT(noise_write(n, sealed, ROOM, hi(), &e), ERR_MISUSE);
        EXPECT(strncmp(e.text, "wrong call after handshake message", 34) == 0);
      }
      if (!noise_may_read(n)) {
        EXPECT_INT(noise_read(n, opened, ROOM, s, NULL), ERR_MISUSE);
      }
      if (!noise_ready(n)) {
        EXPECT_INT(noise_seal(n, sealed, ROOM, hi(), NULL), ERR_MISUSE);
        EXPECT_INT(noise_open(n, opened, ROOM, s, NULL), ERR_MISUSE);
        EXPECT_INT(noise_rekey_out(n), ERR_MISUSE);
        EXPECT_INT(noise_rekey_in(n), ERR_MISUSE);
      }
      EXPECT(only_fault(n, &before, 0));
    }
  }
}

static void expect_payload(int step, size_t size)
{
  struct noise_pair p = pair_at(step);
  struct noise before, *from = noise_pair_writer(&p, step);
  struct noise *to = noise_pair_reader(&p, step);
  struct span payload = span_of(zeros, size);
  size_t whole = size + overhead[step];
  memcpy(&before, from, sizeof before);
  if (whole > NOISE_MESSAGE_MAX) {
    EXPECT_INT(noise_write(from, sealed, ROOM, payload, NULL), ERR_LIMIT);
    EXPECT(only_fault(from, &before, 0));
    EXPECT_INT(noise_read(to, opened, ROOM, span_of(zeros, whole), NULL),
               ERR_LIMIT);
    expect_ended(to, ERR_LIMIT);
    return;
  }
  EXPECT_INT(noise_write(from, sealed, whole - 1, payload, NULL), ERR_MISUSE);
  EXPECT(only_fault(from, &before, 0));
  EXPECT_INT(noise_write(from, sealed, whole, payload, NULL), whole);
  memcpy(&before, to, sizeof before);
  if (size > 0) {
    EXPECT_INT(noise_read(to, opened, size - 1, span_of(sealed, whole), NULL),
               ERR_MISUSE);
    EXPECT(only_fault(to, &before, 0));
  }
  opened[size] = 0xa5;
  EXPECT_INT(noise_read(to, opened, size, span_of(sealed, whole), NULL), size);
  EXPECT_INT(opened[size], 0xa5);
}

static void test_handshake_sizes(void)
{
  for (int step = 0; step < NOISE_MESSAGES; step++) {
    size_t most = NOISE_MESSAGE_MAX - overhead[step];
    expect_payload(step, 0);
    expect_payload(step, 1);
    expect_payload(step, most - 1);
    expect_payload(step, most);
    expect_payload(step, most + 1);
  }
}

static int swept_step;
static struct noise_pair swept; /* its message is written, not yet read */

/* The verdict on a message ${s} in place of number swept_step. */
static int read_damaged(struct span s)
{
  struct noise_pair p;
  memcpy(&p, &swept, sizeof p);
  struct noise before, *to = noise_pair_reader(&p, swept_step);
  memcpy(&before, to, sizeof before);
  int rc = noise_read(to, opened, ROOM, s, NULL);
  if (rc < 0) {
    EXPECT(only_fault(to, &before, rc));
    EXPECT_INT(noise_read(to, opened, ROOM, s, NULL), rc);
    return rc;
  }
  /* Message 1 lies open: the answer to it shows the damage. */
  NEED(swept_step == 0);
  struct noise *a = &p.end[0];
  int n = noise_write(to, sealed, ROOM, hi(), NULL);
  NEED(n > 0);
  memcpy(&before, a, sizeof before);
  rc = noise_read(a, opened, ROOM, span_of(sealed, (size_t)n), NULL);
  EXPECT(rc > 0 || only_fault(a, &before, rc));
  return rc > 0 ? 0 : rc;
}

static void test_damage(void)
{
  for (swept_step = 0; swept_step < NOISE_MESSAGES; swept_step++) {
    uint8_t m[PAIR_ROOM];
    swept = pair_at(swept_step);
    int n = noise_pair_write(&swept, m);
    NEED(n > 0);
    struct span good = span_of(m, (size_t)n);
    EXPECT_INT(sweep_cuts(good, read_damaged), 0);
    EXPECT_INT(sweep_flips(good, read_damaged), 0);
    memset(m + n, 0, 1);
    EXPECT(sweep_one(span_of(m, good.n + 1), read_damaged) < 0);
  }
}

static void test_prologue(void)
{
  struct noise_pair p;
  uint8_t key[NOISE_KEY_SIZE] = {7};
  struct err e = {0};
  noise_pair_start(&p);
  noise_start(&p.end[1], false, key, zeros, span_of("mahatta/test/2", 14));
  int n = noise_pair_write(&p, sealed);
  EXPECT_INT(
      noise_read(&p.end[1], opened, ROOM, span_of(sealed, (size_t)n), NULL), 2);
  n = noise_write(&p.end[1], sealed, ROOM, hi(), NULL);
  EXPECT_INT(n, 98);
  EXPECT_INT(
      noise_read(&p.end[0], opened, ROOM, span_of(sealed, (size_t)n), &e),
      ERR_SIG);
  EXPECT_TEXT(e.text, "handshake message 2: damaged, or of another protocol");
}

/* ---- points of small order ---- */

/* All of them: 0, 1, two of order 8, -1, and p, p + 1, not reduced. */
#define MIDDLE "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
static const char *const small_points[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ec" MIDDLE "7f",
    "ed" MIDDLE "7f",
    "ee" MIDDLE "7f"};

/* ${who} shows ${point} for its e (or its s): the code with which the other
 * end refuses. */
static int meet_small(int who, bool lasting, const uint8_t *point)
{
  struct noise_pair p;
  struct err e = {0};
  int n = 0;
  noise_pair_start(&p);
  struct noise *bad = &p.end[who], *good = &p.end[1 - who];
  memcpy(lasting ? bad->key : bad->once_key, point, NOISE_KEY_SIZE);
  for (int step = 0; step < NOISE_MESSAGES; step++) {
    struct noise *from = noise_pair_writer(&p, step);
    struct noise before, *to = noise_pair_reader(&p, step);
    memcpy(&before, good, sizeof before);
    n = noise_write(from, sealed, ROOM, hi(), &e);
    if (n > 0) {
      n = noise_read(to, opened, ROOM, span_of(sealed, (size_t)n), &e);
    }
    if (n < 0) {
      EXPECT(only_fault(good, &before, n));
      EXPECT(strstr(e.text, ": a key of small order") != NULL);
      expect_ended(good, n);
      return n;
    }
  }
  return 0;
}

static void test_small_order(void)
{
  for (size_t i = 0; i < 2 * sizeof small_points / sizeof small_points[0];
       i++) {
    struct buf point = hex_buf(small_points[i / 2]);
    point.p[31] |= (uint8_t)(i % 2 << 7); /* a bit that X25519 leaves out */
    for (int who = 0; who < 2; who++) {
      EXPECT_INT(meet_small(who, false, point.p), ERR_INVALID);
      EXPECT_INT(meet_small(who, true, point.p), ERR_INVALID);
    }
    buf_free(&point);
  }
}

/* ---- after the handshake ---- */

static void expect_sealed_size(size_t size)
{
  struct noise_pair p = pair_at(NOISE_MESSAGES);
  struct noise before, *a = &p.end[0], *b = &p.end[1];
  size_t whole = size + CRYPT_TAG_SIZE;
  struct span payload = span_of(zeros, size);
  memcpy(&before, a, sizeof before);
  if (size > NOISE_PAYLOAD_MAX) {
    EXPECT_INT(noise_seal(a, sealed, ROOM, payload, NULL), ERR_LIMIT);
    EXPECT(only_fault(a, &before, 0));
    memcpy(&before, b, sizeof before);
    EXPECT_INT(noise_open(b, opened, ROOM, span_of(zeros, whole), NULL),
               ERR_LIMIT);
    EXPECT(only_fault(b, &before, ERR_LIMIT));
    return;
  }
  EXPECT_INT(noise_seal(a, sealed, whole - 1, payload, NULL), ERR_MISUSE);
  EXPECT(only_fault(a, &before, 0));
  EXPECT_INT(noise_seal(a, sealed, whole, payload, NULL), whole);
  memcpy(&before, b, sizeof before);
  if (size > 0) {
    EXPECT_INT(noise_open(b, opened, size - 1, span_of(sealed, whole), NULL),
               ERR_MISUSE);
    EXPECT(only_fault(b, &before, 0));
  }
  opened[size] = 0xa5;
  EXPECT_INT(noise_open(b, opened, size, span_of(sealed, whole), NULL), size);
  EXPECT_INT(opened[size], 0xa5);
  EXPECT(memcmp(opened, zeros, size) == 0);
}

static void test_sealed_sizes(void)
{
  expect_sealed_size(0);
  expect_sealed_size(1);
  expect_sealed_size(NOISE_PAYLOAD_MAX - 1);
  expect_sealed_size(NOISE_PAYLOAD_MAX);
  expect_sealed_size(NOISE_PAYLOAD_MAX + 1);
}

/* Seal "hi" from one end and open it at the other; the last code. */
static int carry(struct noise *from, struct noise *to)
{
  uint8_t m[PAIR_ROOM];
  int n = noise_seal(from, m, sizeof m, hi(), NULL);
  return n < 0 ? n : noise_open(to, m, sizeof m, span_of(m, (size_t)n), NULL);
}

/* Each way counts on its own, and ${out} may be where the input is. */
static void test_both_ways(void)
{
  struct noise_pair p = pair_at(NOISE_MESSAGES);
  for (int i = 0; i < 300; i++) {
    struct noise *from = &p.end[i % 3 != 0], *to = &p.end[i % 3 == 0];
    uint8_t m[PAIR_ROOM] = {(uint8_t)i, (uint8_t)(i >> 8)};
    int n = noise_seal(from, m, sizeof m, span_of(m, 100), NULL);
    EXPECT_INT(n, 116);
    EXPECT_INT(noise_open(to, m, sizeof m, span_of(m, (size_t)n), NULL), 100);
    EXPECT(m[0] == (uint8_t)i && m[1] == i >> 8);
    EXPECT(memcmp(m + 2, zeros, 98) == 0);
  }
  EXPECT(p.end[0].out.count == 100);
  EXPECT(p.end[0].in.count == 200);
}

static int open_damaged(struct span s)
{
  struct noise_pair p;
  memcpy(&p, &swept, sizeof p);
  struct noise before, *b = &p.end[1];
  memcpy(&before, b, sizeof before);
  memset(opened, 0, PAIR_ROOM);
  int rc = noise_open(b, opened, ROOM, s, NULL);
  if (rc < 0) {
    EXPECT(only_fault(b, &before, rc));
    EXPECT(memcmp(opened, "hi", 2) != 0);
    EXPECT_INT(noise_open(b, opened, ROOM, s, NULL), rc);
  }
  return rc < 0 ? rc : 0;
}

static void test_sealed_damage(void)
{
  swept = pair_at(NOISE_MESSAGES);
  int n = noise_seal(&swept.end[0], sealed, ROOM, hi(), NULL);
  NEED(n == 18);
  struct span good = span_of(sealed, 18);
  EXPECT_INT(sweep_one(good, open_damaged), 0);
  EXPECT_INT(sweep_cuts(good, open_damaged), 0);
  EXPECT_INT(sweep_flips(good, open_damaged), 0);
  EXPECT_INT(open_damaged(span_of(sealed, 15)), ERR_INVALID);
  EXPECT_INT(open_damaged(span_of(sealed, 16)), ERR_SIG);
  EXPECT_INT(open_damaged(span_of(sealed, 19)), ERR_SIG);
}

/* Left out, sent twice, sent back, and of another session. */
static void test_order(void)
{
  uint8_t first[18], second[18];
  struct noise_pair p = pair_at(NOISE_MESSAGES);
  struct err e = {0};
  NEED(noise_seal(&p.end[0], first, 18, hi(), NULL) == 18);
  NEED(noise_seal(&p.end[0], second, 18, hi(), NULL) == 18);
  struct span one = span_of(first, 18), two = span_of(second, 18);
  EXPECT(!span_equal(one, two));

  struct noise_pair q = pair_at(NOISE_MESSAGES);
  EXPECT_INT(noise_open(&q.end[1], opened, ROOM, two, &e), ERR_SIG);
  EXPECT_TEXT(e.text, "an encrypted message is damaged, or not next");
  expect_ended(&q.end[1], ERR_SIG); /* the right one comes too late */
  EXPECT_INT(noise_open(&q.end[1], opened, ROOM, one, NULL), ERR_SIG);

  q = pair_at(NOISE_MESSAGES);
  EXPECT_INT(noise_open(&q.end[1], opened, ROOM, one, NULL), 2);
  EXPECT_INT(noise_open(&q.end[1], opened, ROOM, one, NULL), ERR_SIG);

  EXPECT_INT(noise_open(&p.end[0], opened, ROOM, one, NULL), ERR_SIG);

  uint8_t key[NOISE_KEY_SIZE] = {9};
  noise_start(&q.end[0], true, key, key, hi());
  q.end[0].step = NOISE_MESSAGES;
  EXPECT_INT(noise_open(&q.end[0], opened, ROOM, one, NULL), ERR_SIG);
}

/* 2^64 - 2 is the last nonce; the way back still goes. */
static void test_count_end(void)
{
  struct noise_pair p = pair_at(NOISE_MESSAGES);
  struct noise before, *a = &p.end[0], *b = &p.end[1];
  struct err e = {0};
  a->out.count = UINT64_MAX - 2;
  b->in.count = UINT64_MAX - 2;
  EXPECT_INT(carry(a, b), 2);
  EXPECT_INT(carry(a, b), 2);
  memcpy(&before, a, sizeof before);
  EXPECT_INT(noise_seal(a, sealed, ROOM, hi(), &e), ERR_LIMIT);
  EXPECT_TEXT(e.text, "the session's nonces are used up");
  EXPECT(only_fault(a, &before, 0));
  EXPECT_INT(noise_rekey_out(a), 0);
  EXPECT_INT(noise_seal(a, sealed, ROOM, hi(), NULL), ERR_LIMIT);
  memcpy(&before, b, sizeof before);
  crypt_seal_at(sealed, hi(), span_of(NULL, 0), UINT64_MAX, b->in.key);
  EXPECT_INT(noise_open(b, opened, ROOM, span_of(sealed, 18), NULL), ERR_LIMIT);
  EXPECT(only_fault(b, &before, 0));
  EXPECT_INT(carry(b, a), 2);
}

static void test_rekey(void)
{
  struct noise_pair p = pair_at(NOISE_MESSAGES);
  struct noise *a = &p.end[0], *b = &p.end[1];
  uint8_t old[CRYPT_SECRET_SIZE], want[CRYPT_SECRET_SIZE + CRYPT_TAG_SIZE];
  EXPECT_INT(carry(a, b), 2);
  memcpy(old, a->out.key, sizeof old);
  crypt_seal_at(want, span_of(zeros, 32), span_of(NULL, 0), UINT64_MAX, old);
  EXPECT_INT(noise_rekey_out(a), 0);
  EXPECT_INT(noise_rekey_in(b), 0);
  EXPECT(memcmp(a->out.key, want, CRYPT_SECRET_SIZE) == 0);
  EXPECT(a->out.count == 1); /* goes on */
  EXPECT_INT(carry(a, b), 2);
  EXPECT_INT(carry(b, a), 2); /* keeps its key */
  EXPECT_INT(noise_rekey_out(b), 0);
  EXPECT_INT(carry(b, a), ERR_SIG); /* one end alone */
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_handshake);
  RUN(test_transcript);
  RUN(test_wiped);
  RUN(test_turns);
  RUN(test_handshake_sizes);
  RUN(test_damage);
  RUN(test_prologue);
  RUN(test_small_order);
  RUN(test_sealed_sizes);
  RUN(test_both_ways);
  RUN(test_sealed_damage);
  RUN(test_order);
  RUN(test_count_end);
  RUN(test_rekey);
  return unit_done();
}
