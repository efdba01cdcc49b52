/* SPDX-License-Identifier: 0BSD */
/* Inputs that are a list of pieces, and changes to them that leave a list:
 *   ${lead} bytes that say how, then pieces: ${kind} bytes, length (2 bytes,
 *   big endian), body.
 * Bytes are changed by libFuzzer, inside one piece; pieces are dropped,
 * doubled, swapped, moved, and taken over from another input. */
#ifndef FUZZ_PIECES_H
#define FUZZ_PIECES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 1024
#define PIECES_ROOM 131072u

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_n, const uint8_t *b,
                                 size_t b_n, uint8_t *out, size_t max_size,
                                 unsigned seed);

struct pieces_shape {
  size_t lead, kind;
};

struct piece {
  const uint8_t *head, *body; /* ${kind} bytes; ${n} bytes */
  size_t n;
};

struct pieces {
  struct pieces_shape shape;
  const uint8_t *lead; /* NULL: there is none yet */
  struct piece at[PIECES_MAX];
  size_t n;
};

static inline uint64_t pieces_dice(uint64_t *seed, uint64_t below)
{
  *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (*seed >> 33) % below;
}

static inline void pieces_read(struct pieces *p, struct pieces_shape shape,
                               const uint8_t *data, size_t size)
{
  size_t head = shape.kind + 2;
  p->shape = shape;
  p->n = 0;
  p->lead = size >= shape.lead ? data : NULL;
  size_t at = size >= shape.lead ? shape.lead : size;
  while (size - at >= head && p->n < PIECES_MAX) {
    struct piece *one = &p->at[p->n++];
    size_t n = (size_t)data[at + shape.kind] << 8 | data[at + shape.kind + 1];
    one->head = data + at;
    one->body = data + at + head;
    one->n = n < size - at - head ? n : size - at - head;
    at += head + one->n;
  }
}

/* As bytes, as far as there is room; how many. */
static inline size_t pieces_write(const struct pieces *p, uint8_t *out,
                                  size_t max)
{
  size_t kind = p->shape.kind, n = p->shape.lead;
  if (max < n) {
    return 0;
  }
  memset(out, 0, n);
  if (p->lead != NULL && n > 0) {
    memcpy(out, p->lead, n);
  }
  for (size_t i = 0; i < p->n; i++) {
    const struct piece *one = &p->at[i];
    if (one->n > 65535 || max - n < kind + 2 + one->n) {
      break;
    }
    memcpy(out + n, one->head, kind);
    out[n + kind] = (uint8_t)(one->n >> 8);
    out[n + kind + 1] = (uint8_t)one->n;
    if (one->n > 0) {
      memcpy(out + n + kind + 2, one->body, one->n);
    }
    n += kind + 2 + one->n;
  }
  return n;
}

static inline void pieces_put(struct pieces *p, size_t at, struct piece one)
{
  if (p->n < PIECES_MAX) {
    memmove(&p->at[at + 1], &p->at[at], (p->n - at) * sizeof *p->at);
    p->at[at] = one;
    p->n++;
  }
}

static inline struct piece pieces_take(struct pieces *p, size_t at)
{
  struct piece one = p->at[at];
  p->n--;
  memmove(&p->at[at], &p->at[at + 1], (p->n - at) * sizeof *p->at);
  return one;
}

/* Change one, or the order of all. ${room}: where a changed body goes. */
static inline void pieces_change(struct pieces *p, uint64_t *seed,
                                 uint8_t *room)
{
  size_t i = pieces_dice(seed, p->n), k = pieces_dice(seed, p->n);
  struct piece *one = &p->at[i];
  struct piece was = *one;
  switch (pieces_dice(seed, 10)) {
  case 0:
    (void)pieces_take(p, i);
    break;
  case 1:
    pieces_put(p, k, was);
    break;
  case 2:
    p->at[i] = p->at[k];
    p->at[k] = was;
    break;
  case 3:
    pieces_put(p, k < i ? k : i, pieces_take(p, i));
    break;
  case 4: /* another kind, or a shorter body */
    if (p->shape.kind > 0 && pieces_dice(seed, 2) == 0) {
      one->head = p->at[k].head;
    } else {
      one->n = pieces_dice(seed, one->n + 1);
    }
    break;
  default:
    memcpy(room + 1, one->body, one->n);
    room[0] = p->shape.kind > 0 ? one->head[0] : 0;
    if (p->shape.kind > 0 && pieces_dice(seed, 8) == 0) {
      room[0] = (uint8_t)pieces_dice(seed, 24);
      one->head = room;
    }
    one->n = LLVMFuzzerMutate(room + 1, one->n, PIECES_ROOM / 2);
    one->body = room + 1;
  }
}

static inline size_t pieces_mutate(struct pieces_shape shape, uint8_t *data,
                                   size_t size, size_t max, unsigned dice)
{
  static struct pieces p;
  static uint8_t room[4][PIECES_ROOM], out[PIECES_ROOM];
  uint64_t seed = dice;
  size_t times = 1 + pieces_dice(&seed, 4);
  if (size > PIECES_ROOM / 2 || pieces_dice(&seed, 16) == 0) {
    return LLVMFuzzerMutate(data, size, max); /* over the borders, too */
  }
  pieces_read(&p, shape, data, size);
  for (size_t i = 0; i < times && p.n > 0; i++) {
    pieces_change(&p, &seed, room[i]);
  }
  if (p.n == 0) {
    return LLVMFuzzerMutate(data, size, max);
  }
  size_t n = pieces_write(&p, out, max < sizeof out ? max : sizeof out);
  if (shape.lead > 0 && n >= shape.lead && pieces_dice(&seed, 8) == 0) {
    out[pieces_dice(&seed, shape.lead)] ^=
        (uint8_t)(1 << pieces_dice(&seed, 8));
  }
  memcpy(data, out, n);
  return n;
}

/* A stretch of ${b} goes into ${a}. */
static inline size_t pieces_cross(struct pieces_shape shape, const uint8_t *a,
                                  size_t a_n, const uint8_t *b, size_t b_n,
                                  uint8_t *out, size_t max, unsigned dice)
{
  static struct pieces p, q;
  uint64_t seed = dice;
  pieces_read(&p, shape, a, a_n);
  pieces_read(&q, shape, b, b_n);
  if (q.n > 0) {
    size_t from = pieces_dice(&seed, q.n);
    size_t upto = from + 1 + pieces_dice(&seed, q.n - from);
    size_t at = pieces_dice(&seed, p.n + 1);
    for (size_t i = from; i < upto; i++) {
      pieces_put(&p, at + i - from, q.at[i]);
    }
  }
  return pieces_write(&p, out, max);
}

/* What libFuzzer looks for. */
#define PIECES_MUTATOR(lead_bytes, kind_bytes)                                 \
  static const struct pieces_shape pieces_shape = {lead_bytes, kind_bytes};    \
  size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,       \
                                 unsigned seed)                                \
  {                                                                            \
    return pieces_mutate(pieces_shape, data, size, max, seed);                 \
  }                                                                            \
  size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_n,               \
                                   const uint8_t *b, size_t b_n, uint8_t *out, \
                                   size_t max, unsigned seed)                  \
  {                                                                            \
    return pieces_cross(pieces_shape, a, a_n, b, b_n, out, max, seed);         \
  }

#endif
