/* SPDX-License-Identifier: 0BSD */
/* Sketches as bytes: what travels, and what rests on the disk. */
#include "base/check.h"
#include "base/mem.h"
#include "sync/setsum.h"
#include "sync/sketch.h"

#include <string.h>

#define REST_MAGIC "mahatta/sketch/1" /* without its NUL */
#define REST_MAGIC_SIZE (sizeof REST_MAGIC - 1)
#define REST_SIZE                                                              \
  (REST_MAGIC_SIZE + 8 + 8 + 2 * SETSUM_LANES + SKETCH_COUNTERS +              \
   8 * SKETCH_SYNDROMES + SKETCH_CELL_SIZE * SKETCH_CELLS + HASH_SIZE)

_Static_assert(8 + HASH_SIZE + SKETCH_COUNTERS == SKETCH_HELLO_SIZE, "hello");
_Static_assert(SKETCH_CELLS <= UINT16_MAX, "two bytes name a cell");
_Static_assert(SKETCH_SYNDROMES <= UINT8_MAX, "a byte counts syndromes");
_Static_assert(REST_SIZE <= STORE_KV_VALUE_MAX, "a store keeps it as a value");

/* ---- numbers, big endian ---- */

static uint8_t *put(uint8_t *p, uint64_t v, int bytes)
{
  for (int i = bytes; i > 0; i--) {
    p[i - 1] = (uint8_t)v;
    v >>= 8;
  }
  return p + bytes;
}

static const uint8_t *take(const uint8_t *p, uint64_t *v, int bytes)
{
  *v = 0;
  for (int i = 0; i < bytes; i++) {
    *v = *v << 8 | p[i];
  }
  return p + bytes;
}

/* ---- hello ---- */

int sketch_hello_put(struct buf *out, const struct sketch_hello *h)
{
  uint8_t bytes[SKETCH_HELLO_SIZE];
  CHECK(h->count <= CBOR_INT_MAX);
  uint8_t *p = put(bytes, h->count, 8);
  memcpy(p, h->digest, HASH_SIZE);
  memcpy(p + HASH_SIZE, h->counter, SKETCH_COUNTERS);
  return buf_put(out, bytes, sizeof bytes);
}

int sketch_hello_read(struct sketch_hello *out, struct span bytes,
                      struct err *e)
{
  uint64_t count = 0;
  if (bytes.n != SKETCH_HELLO_SIZE) {
    return err_set(e, ERR_INVALID, "a summary has %d bytes, not %zu",
                   SKETCH_HELLO_SIZE, bytes.n);
  }
  const uint8_t *p = take(bytes.p, &count, 8);
  if (count > CBOR_INT_MAX) {
    return err_set(e, ERR_LIMIT, "a summary counts more than 2^53 - 1 parcels");
  }
  out->count = count;
  memcpy(out->digest, p, HASH_SIZE);
  memcpy(out->counter, p + HASH_SIZE, SKETCH_COUNTERS);
  return 0;
}

/* ---- parts ---- */

/* Write the cells that the table of ${end} cells, a power of two, has above
 * half of that, as far as they are in ${from} .. ${to} - 1. */
static void put_octave(uint8_t *out, const struct sketch_cells *c,
                       const uint32_t range[2], uint32_t end)
{
  uint32_t half = end / 2;
  uint32_t last = range[1] < end ? range[1] : end;
  for (uint32_t i = range[0] > half ? range[0] : half; i < last; i++) {
    uint8_t *p = out + (size_t)(i - range[0]) * SKETCH_CELL_SIZE;
    put(put(p, c->sum[i], 8), c->check[i], 4);
  }
}

static int put_cells(struct buf *out, const struct sketch *s, uint32_t from,
                     uint32_t to)
{
  const uint32_t range[2] = {from, to};
  size_t bytes = (size_t)(to - from) * SKETCH_CELL_SIZE;
  struct sketch_cells *c = mem_alloc(sizeof *c);
  int rc = c == NULL ? ERR_NOMEM : buf_reserve(out, bytes);
  if (rc < 0) {
    goto done;
  }
  *c = s->cells;
  for (uint32_t size = SKETCH_CELLS; size > 1; size /= 2) {
    put_octave(out->p + out->n, c, range, size);
    sketch_halve(c, size);
  }
  put_octave(out->p + out->n, c, range, 1);
  out->n += bytes;
done:
  mem_free(c);
  return rc;
}

int sketch_part_put(struct buf *out, const struct sketch *s, uint32_t from,
                    uint32_t to, uint32_t syndromes)
{
  uint8_t head[SKETCH_PART_HEAD + 8 * SKETCH_SYNDROMES];
  CHECK(from <= to && to <= SKETCH_CELLS);
  CHECK(syndromes <= SKETCH_SYNDROMES && (syndromes == 0 || from == 0));
  CHECK(from < to || syndromes > 0);
  size_t before = out->n;
  uint8_t *p = put(put(put(head, from, 2), to - from, 2), syndromes, 1);
  for (uint32_t i = 0; i < syndromes; i++) {
    p = put(p, s->syndrome[i], 8);
  }
  int rc = buf_put(out, head, (size_t)(p - head));
  if (rc == 0 && to > from) {
    rc = put_cells(out, s, from, to);
  }
  if (rc < 0) {
    out->n = before;
  }
  return rc;
}

struct part_head {
  uint64_t from, count, syndromes;
};

static int read_head(struct part_head *h, struct span bytes, struct err *e)
{
  if (bytes.n < SKETCH_PART_HEAD) {
    return err_set(e, ERR_INVALID, "a sketch ends within its head, at byte %zu",
                   bytes.n);
  }
  take(take(take(bytes.p, &h->from, 2), &h->count, 2), &h->syndromes, 1);
  if (h->from + h->count > SKETCH_CELLS) {
    return err_set(e, ERR_LIMIT, "a sketch has cells beyond the %uth",
                   SKETCH_CELLS);
  }
  if (h->syndromes > SKETCH_SYNDROMES) {
    return err_set(e, ERR_LIMIT, "a sketch has more than %u syndromes",
                   SKETCH_SYNDROMES);
  }
  if (h->count + h->syndromes == 0) {
    return err_set(e, ERR_INVALID, "a sketch holds nothing");
  }
  if (h->syndromes > 0 && h->from > 0) {
    return err_set(e, ERR_INVALID, "a sketch has syndromes in a later part");
  }
  size_t want = SKETCH_PART_HEAD + 8 * (size_t)h->syndromes +
                SKETCH_CELL_SIZE * (size_t)h->count;
  if (bytes.n != want) {
    return err_set(e, ERR_INVALID, "a sketch says it has %zu bytes, not %zu",
                   want, bytes.n);
  }
  return 0;
}

int sketch_part_check(struct span bytes, struct err *e)
{
  struct part_head h = {0};
  int rc = read_head(&h, bytes, e);
  if (rc == 0 && h.from > 0) {
    rc =
        err_set(e, ERR_INVALID, "a sketch begins at cell %u", (unsigned)h.from);
  }
  return rc;
}

/* Put cell ${i}, the first that is lacking, in: it was part of the one half a
 * table below. */
static void part_cell(struct sketch_part *p, uint32_t i, uint64_t sum,
                      uint32_t check)
{
  uint32_t from = i > 0 ? sketch_fold_at(i, i) : 0;
  p->cells.sum[i] = sum;
  p->cells.check[i] = check;
  if (i > 0) {
    p->cells.sum[from] -= sum;
    p->cells.check[from] -= check;
  }
}

int sketch_part_read(struct sketch_part *p, struct span bytes, struct err *e)
{
  struct part_head h = {0};
  uint64_t sum = 0, check = 0;
  int rc = read_head(&h, bytes, e);
  if (rc < 0) {
    return rc;
  }
  if (h.from != p->count || (h.from == 0 && p->begun && h.syndromes > 0)) {
    return err_set(e, ERR_INVALID,
                   "a sketch goes on at cell %u, which is not the next",
                   (unsigned)h.from);
  }
  const uint8_t *at = bytes.p + SKETCH_PART_HEAD;
  for (uint32_t i = 0; i < (uint32_t)h.syndromes; i++) {
    at = take(at, &p->syndrome[i], 8);
  }
  for (uint32_t i = 0; i < (uint32_t)h.count; i++) {
    at = take(take(at, &sum, 8), &check, 4);
    part_cell(p, p->count + i, sum, (uint32_t)check);
  }
  p->count += (uint32_t)h.count;
  p->syndromes += (uint32_t)h.syndromes;
  p->begun = true;
  return 0;
}

/* ---- at rest ---- */

static uint8_t *put_rest(uint8_t *p, const struct sketch_rest *r)
{
  const struct sketch *s = r->sketch;
  memcpy(p, REST_MAGIC, REST_MAGIC_SIZE);
  p = put(put(p + REST_MAGIC_SIZE, r->upto, 8), r->sum->count, 8);
  for (size_t i = 0; i < SETSUM_LANES; i++) {
    p = put(p, r->sum->lane[i], 2);
  }
  memcpy(p, s->counter, SKETCH_COUNTERS);
  p += SKETCH_COUNTERS;
  for (size_t i = 0; i < SKETCH_SYNDROMES; i++) {
    p = put(p, s->syndrome[i], 8);
  }
  for (size_t i = 0; i < SKETCH_CELLS; i++) {
    p = put(put(p, s->cells.sum[i], 8), s->cells.check[i], 4);
  }
  return p;
}

int sketch_rest_put(struct buf *out, const struct sketch_rest *r)
{
  int rc = buf_reserve(out, REST_SIZE);
  if (rc < 0) {
    return rc;
  }
  uint8_t *start = out->p + out->n;
  uint8_t *end = put_rest(start, r);
  CHECK((size_t)(end - start) == REST_SIZE - HASH_SIZE);
  if ((rc = hash_sha256(end, start, REST_SIZE - HASH_SIZE)) == 0) {
    out->n += REST_SIZE;
  }
  return rc;
}

static void take_rest(struct sketch_rest *r, const uint8_t *p)
{
  uint64_t v = 0;
  struct sketch *s = r->sketch;
  p = take(take(p + REST_MAGIC_SIZE, &r->upto, 8), &r->sum->count, 8);
  for (size_t i = 0; i < SETSUM_LANES; i++) {
    p = take(p, &v, 2);
    r->sum->lane[i] = (uint16_t)v;
  }
  memcpy(s->counter, p, SKETCH_COUNTERS);
  p += SKETCH_COUNTERS;
  for (size_t i = 0; i < SKETCH_SYNDROMES; i++) {
    p = take(p, &s->syndrome[i], 8);
  }
  for (size_t i = 0; i < SKETCH_CELLS; i++) {
    p = take(take(p, &s->cells.sum[i], 8), &v, 4);
    s->cells.check[i] = (uint32_t)v;
  }
}

int sketch_rest_read(struct sketch_rest *r, struct span bytes, struct err *e)
{
  uint8_t hash[HASH_SIZE];
  if (bytes.n != REST_SIZE) {
    return err_set(e, ERR_CORRUPT, "a sketch at rest has %zu bytes, not %zu",
                   (size_t)REST_SIZE, bytes.n);
  }
  size_t n = REST_SIZE - HASH_SIZE;
  int rc = hash_sha256(hash, bytes.p, n);
  if (rc < 0) {
    return err_set(e, rc, "no memory to check a sketch");
  }
  if (memcmp(hash, bytes.p + n, sizeof hash) != 0 ||
      memcmp(bytes.p, REST_MAGIC, REST_MAGIC_SIZE) != 0) {
    return err_set(e, ERR_CORRUPT, "a sketch at rest is damaged");
  }
  take_rest(r, bytes.p);
  return 0;
}
