/* SPDX-License-Identifier: 0BSD */
/* How many handshakes a second, both ends on one core, and how fast do sealed
 * messages go (10^6 bytes of payload)? The best of ten rounds. */
#include "unit/noise_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 10
#define HANDSHAKES 500
#define BYTES ((size_t)32 << 20)

static uint8_t m[NOISE_MESSAGE_MAX], payload[NOISE_PAYLOAD_MAX];

static double seconds(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void need(bool truth)
{
  if (!truth) {
    printf("a message was refused\n");
    exit(1);
  }
}

static void bench_handshakes(void)
{
  double best = 1e9;
  for (int round = 0; round < ROUNDS; round++) {
    struct noise_pair p;
    double start = seconds();
    for (int i = 0; i < HANDSHAKES; i++) {
      need(noise_pair_at(&p, NOISE_MESSAGES));
    }
    double took = seconds() - start;
    best = took < best ? took : best;
  }
  printf("%-28s %8.0f /s\n", "handshakes, both ends", HANDSHAKES / best);
}

/* One end seals, and ${open}: the other opens. */
static void bench_messages(const char *name, size_t size, bool open)
{
  double best = 1e9;
  struct noise_pair p;
  need(noise_pair_at(&p, NOISE_MESSAGES));
  for (int round = 0; round < ROUNDS; round++) {
    double start = seconds();
    for (size_t at = 0; at < BYTES; at += size) {
      int n = noise_seal(&p.end[0], m, sizeof m, span_of(payload, size), NULL);
      need(n > 0);
      need(!open || noise_open(&p.end[1], m, sizeof m, span_of(m, (size_t)n),
                               NULL) == (int)size);
    }
    double took = seconds() - start;
    best = took < best ? took : best;
  }
  printf("%-28s %8.0f MB/s\n", name, (double)BYTES / best / 1e6);
}

int main(void)
{
  need(crypt_start(NULL) == 0);
  bench_handshakes();
  bench_messages("sealed, 65,519 B", NOISE_PAYLOAD_MAX, false);
  bench_messages("sealed and opened, 65,519 B", NOISE_PAYLOAD_MAX, true);
  bench_messages("sealed and opened, 4,096 B", 4096, true);
  bench_messages("sealed and opened, 256 B", 256, true);
  return 0;
}
