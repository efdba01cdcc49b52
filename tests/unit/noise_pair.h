/* SPDX-License-Identifier: 0BSD */
/* Two ends of a Noise session with known keys, taken to any step. */
#ifndef NOISE_PAIR_H
#define NOISE_PAIR_H

#include "sync/noise.h"

#include <string.h>

#define PAIR_PROLOGUE "mahatta/test/1"
#define PAIR_PAYLOAD "hi" /* of each message */
#define PAIR_ROOM 256     /* holds any message of noise_pair_write */

struct noise_pair {
  struct noise end[2]; /* the initiator first */
};

/* Secrets and ephemeral secrets: 32 times the same byte. */
static inline void noise_pair_start(struct noise_pair *p)
{
  for (uint8_t i = 0; i < 2; i++) {
    uint8_t secret[NOISE_KEY_SIZE], once[NOISE_KEY_SIZE];
    memset(secret, 0x11 + i, sizeof secret);
    memset(once, 0x21 + i, sizeof once);
    noise_start(&p->end[i], i == 0, secret, once,
                span_of(PAIR_PROLOGUE, strlen(PAIR_PROLOGUE)));
  }
}

/* The end whose message is number ${step} (from 0) of the handshake. */
static inline struct noise *noise_pair_writer(struct noise_pair *p, int step)
{
  return &p->end[step % 2];
}

static inline struct noise *noise_pair_reader(struct noise_pair *p, int step)
{
  return &p->end[1 - step % 2];
}

/* The message that is due; its length, or what noise_write says. */
static inline int noise_pair_write(struct noise_pair *p, uint8_t m[PAIR_ROOM])
{
  struct noise *from = noise_pair_writer(p, p->end[0].step);
  return noise_write(from, m, PAIR_ROOM,
                     span_of(PAIR_PAYLOAD, strlen(PAIR_PAYLOAD)), NULL);
}

/* A fresh pair with ${steps} messages of the handshake done. False when it
 * fails. */
static inline bool noise_pair_at(struct noise_pair *p, int steps)
{
  noise_pair_start(p);
  for (int i = 0; i < steps; i++) {
    uint8_t m[PAIR_ROOM], got[PAIR_ROOM];
    int n = noise_pair_write(p, m);
    if (n < 0 ||
        noise_read(noise_pair_reader(p, i), got, sizeof got,
                   span_of(m, (size_t)n), NULL) != (int)strlen(PAIR_PAYLOAD)) {
      return false;
    }
  }
  return true;
}

#endif
