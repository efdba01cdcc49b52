/* SPDX-License-Identifier: 0BSD */
#include "store/post.h"

#include "base/check.h"

#include <string.h>

/* ---- varints ---- */

/* Write ${v} at ${p}; the place after it. */
static uint8_t *varint(uint8_t *p, uint64_t v)
{
  while (v >= 0x80) {
    *p++ = (uint8_t)(v | 0x80);
    v >>= 7;
  }
  *p++ = (uint8_t)v;
  return p;
}

int post_varint_put(struct buf *out, uint64_t v)
{
  uint8_t bytes[POST_VARINT_MAX];
  return buf_put(out, bytes, (size_t)(varint(bytes, v) - bytes));
}

uint64_t post_varint_long(struct post_reader *r)
{
  uint64_t v = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (r->p == r->end) {
      break;
    }
    uint8_t b = *r->p++;
    v |= (uint64_t)(b & 0x7f) << shift;
    if (b < 0x80) {
      return v;
    }
  }
  r->bad = true;
  r->p = r->end;
  return 0;
}

uint8_t post_byte(struct post_reader *r)
{
  if (r->p == r->end) {
    r->bad = true;
    return 0;
  }
  return *r->p++;
}

struct span post_bytes(struct post_reader *r, uint64_t n)
{
  if (n > (uint64_t)(r->end - r->p)) {
    r->bad = true;
    r->p = r->end;
    return span_of(r->p, 0);
  }
  struct span s = span_of(r->p, (size_t)n);
  r->p += n;
  return s;
}

/* ---- lengths ---- */

#define EXACT 32u

uint8_t post_length(uint64_t words)
{
  uint64_t v = words;
  unsigned octave = 0;
  if (v < EXACT) {
    return (uint8_t)v;
  }
  while (v >= 2 * EXACT) {
    v >>= 1;
    octave++;
  }
  uint64_t code = EXACT + octave * 16u + (v - EXACT) / 2;
  return code > 255 ? 255 : (uint8_t)code;
}

uint32_t post_words(uint8_t code)
{
  if (code < EXACT) {
    return code;
  }
  unsigned octave = (code - EXACT) / 16, step = (code - EXACT) % 16;
  return (EXACT + 2 * step) << octave;
}

/* ---- bounds ---- */

void post_bound_add(struct post_bound *b, uint16_t tf, uint8_t length)
{
  if (tf <= 1) {
    b->one = length < b->one ? length : b->one;
    return;
  }
  b->tf = tf > 255 ? 255 : (uint8_t)(tf > b->tf ? tf : b->tf);
  b->more = length < b->more ? length : b->more;
}

void post_bound_join(struct post_bound *b, const struct post_bound *other)
{
  b->one = other->one < b->one ? other->one : b->one;
  b->tf = other->tf > b->tf ? other->tf : b->tf;
  b->more = other->more < b->more ? other->more : b->more;
}

/* ---- blocks ---- */

#define POSTING_BYTES_MAX 8u /* 33 bits and 16 */

int post_block_put(struct buf *out, const struct post *p)
{
  CHECK(p->n > 0 && p->n <= POST_BLOCK);
  int rc = buf_reserve(out, p->n * POSTING_BYTES_MAX);
  if (rc < 0) {
    return rc;
  }
  uint8_t *at = out->p + out->n;
  for (size_t i = 0; i < p->n; i++) {
    uint64_t gap = i == 0 ? 0 : p->doc[i] - p->doc[i - 1] - 1;
    at = varint(at, gap << 1 | (p->tf[i] != 1));
    if (p->tf[i] != 1) {
      at = varint(at, p->tf[i]);
    }
  }
  out->n = (size_t)(at - out->p);
  return 0;
}

int post_block_get(struct post *out, const struct post_place *at,
                   struct span bytes)
{
  struct post_reader r = post_reader_of(bytes);
  uint64_t doc = (uint64_t)at->first - 1; /* wraps at 0, and back */
  if (at->n == 0 || at->n > POST_BLOCK) {
    return ERR_CORRUPT;
  }
  for (size_t i = 0; i < at->n; i++) {
    uint64_t v = post_varint(&r);
    uint64_t tf = v & 1 ? post_varint(&r) : 1;
    doc += (v >> 1) + 1;
    if (doc > at->last || tf == 0 || tf > POST_TF_MAX) {
      return ERR_CORRUPT;
    }
    out->doc[i] = (uint32_t)doc;
    out->tf[i] = (uint16_t)tf;
  }
  out->n = at->n;
  return r.bad || r.p != r.end || out->doc[0] != at->first ? ERR_CORRUPT : 0;
}

/* ---- strips ---- */

static void read_head(struct post_reader *r, struct post_head *h,
                      uint64_t before, uint64_t *bytes)
{
  uint64_t first = before + post_varint(r);
  uint64_t last = first + post_varint(r);
  h->place.n = (uint32_t)post_byte(r) + 1;
  *bytes = post_varint(r);
  h->bound.one = post_byte(r);
  h->bound.tf = post_byte(r);
  h->bound.more = post_byte(r);
  if (last > UINT32_MAX || h->place.n > POST_BLOCK) {
    r->bad = true;
  }
  h->place.first = (uint32_t)first;
  h->place.last = (uint32_t)last;
}

int post_strip_get(struct post_strip *out, struct span bytes)
{
  struct post_reader r = post_reader_of(bytes);
  uint64_t size[POST_STRIP_BLOCKS], before = 0;
  out->n = post_byte(&r);
  if (out->n > POST_STRIP_BLOCKS) {
    return ERR_CORRUPT;
  }
  for (size_t i = 0; i < out->n && !r.bad; i++) {
    read_head(&r, &out->head[i], before, &size[i]);
    if (i > 0 && out->head[i].place.first <= before) {
      r.bad = true; /* the blocks must ascend */
    }
    before = out->head[i].place.last;
  }
  for (size_t i = 0; i < out->n && !r.bad; i++) {
    out->head[i].bytes = post_bytes(&r, size[i]);
  }
  return r.bad || r.p != r.end ? ERR_CORRUPT : 0;
}

int post_strip_put(struct buf *out, const struct post_strip *s)
{
  uint32_t before = 0;
  CHECK(s->n <= POST_STRIP_BLOCKS);
  int rc = buf_byte(out, (uint8_t)s->n);
  for (size_t i = 0; rc == 0 && i < s->n; i++) {
    const struct post_head *h = &s->head[i];
    uint8_t bound[3] = {h->bound.one, h->bound.tf, h->bound.more};
    if ((rc = post_varint_put(out, h->place.first - before)) < 0 ||
        (rc = post_varint_put(out, h->place.last - h->place.first)) < 0 ||
        (rc = buf_byte(out, (uint8_t)(h->place.n - 1))) < 0 ||
        (rc = post_varint_put(out, h->bytes.n)) < 0) {
      break;
    }
    rc = buf_put(out, bound, sizeof bound);
    before = h->place.last;
  }
  for (size_t i = 0; rc == 0 && i < s->n; i++) {
    rc = buf_put(out, s->head[i].bytes.p, s->head[i].bytes.n);
  }
  return rc;
}
