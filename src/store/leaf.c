/* SPDX-License-Identifier: 0BSD */
#include "store/leaf.h"

#include "base/check.h"

#include <string.h>

/* A strip's place in a directory takes at least these bytes. */
#define DIR_ENTRY_MIN 4u

static void read_term(struct leaf_reader *l, struct post_reader *r)
{
  uint64_t shared = post_varint(r), more = post_varint(r);
  struct span rest = post_bytes(r, more);
  if (shared > l->term_n || shared + more > LEAF_TERM_MAX ||
      shared + more == 0) {
    r->bad = true;
    return;
  }
  if (rest.n > 0) {
    memcpy(l->term + shared, rest.p, rest.n);
  }
  l->term_n = (size_t)shared + rest.n;
}

/* What comes after a term. */
static void read_short(struct post_reader *r, struct leaf_entry *out)
{
  uint64_t first = post_varint(r);
  uint64_t last = first + post_varint(r);
  out->block = post_bytes(r, post_varint(r));
  if (last > UINT32_MAX || out->df > POST_BLOCK) {
    r->bad = true;
    return;
  }
  out->place.first = (uint32_t)first;
  out->place.last = (uint32_t)last;
  out->place.n = out->df;
}

static void read_long(struct post_reader *r, struct leaf_entry *out)
{
  uint64_t strip = post_varint(r), strips = post_varint(r);
  const uint8_t *from = r->p;
  if (strip > UINT32_MAX || strips == 0 ||
      strips > (uint64_t)(r->end - r->p) / DIR_ENTRY_MIN) {
    r->bad = true;
    return;
  }
  for (uint64_t i = 0; i < strips && !r->bad; i++) {
    (void)post_varint(r);
    (void)post_bytes(r, 3);
  }
  out->strip = (uint32_t)strip;
  out->strips = (uint32_t)strips;
  out->dir = span_of(from, (size_t)(r->p - from));
}

static void read_entry(struct post_reader *r, struct leaf_entry *out)
{
  uint64_t head = post_varint(r);
  if (head >> 1 == 0 || head >> 1 > UINT32_MAX) {
    r->bad = true;
  }
  out->df = (uint32_t)(head >> 1);
  out->has_strips = head & 1;
  if (!r->bad && out->has_strips) {
    read_long(r, out);
  } else if (!r->bad) {
    read_short(r, out);
  }
}

int leaf_next(struct leaf_reader *l, struct leaf_entry *out)
{
  if (l->at >= l->data.n) {
    return 0;
  }
  struct post_reader r =
      post_reader_of(span_of(l->data.p + l->at, l->data.n - l->at));
  memset(out, 0, sizeof *out);
  read_term(l, &r);
  read_entry(&r, out);
  if (r.bad) {
    return ERR_CORRUPT;
  }
  out->term = span_of(l->term, l->term_n);
  l->at = (size_t)(r.p - l->data.p);
  return 1;
}

/* The same, passed over: only where it ends. */
static void skip_entry(struct post_reader *r)
{
  uint64_t head = post_varint(r);
  if (head & 1) {
    struct leaf_entry en;
    read_long(r, &en);
    return;
  }
  (void)post_varint(r);
  (void)post_varint(r);
  (void)post_bytes(r, post_varint(r));
}

static size_t common(struct span a, struct span b)
{
  size_t n = 0;
  while (n < a.n && n < b.n && a.p[n] == b.p[n]) {
    n++;
  }
  return n;
}

/* Terms ascend: one that shares more with the term before it than ${term}
 * does is lesser, too; one that shares less is greater. */
int leaf_find(struct leaf_reader *l, struct span term, struct leaf_entry *out)
{
  size_t same = common(span_of(l->term, l->term_n), term);
  while (l->at < l->data.n) {
    struct post_reader r =
        post_reader_of(span_of(l->data.p + l->at, l->data.n - l->at));
    uint64_t shared = post_varint(&r), more = post_varint(&r);
    struct span rest = post_bytes(&r, more);
    if (r.bad || shared > l->term_n || shared + more > LEAF_TERM_MAX ||
        shared + more == 0) {
      return ERR_CORRUPT;
    }
    if (shared < same) {
      return 0;
    }
    if (shared == same) {
      struct span left = span_of(term.p + same, term.n - same);
      size_t n = common(rest, left);
      if (n < rest.n && (n == left.n || rest.p[n] > left.p[n])) {
        return 0;
      }
      same += n;
    }
    bool found = same == term.n && shared + rest.n == term.n;
    if (found) {
      memset(out, 0, sizeof *out);
      read_entry(&r, out);
    } else {
      skip_entry(&r);
    }
    if (r.bad) {
      return ERR_CORRUPT;
    }
    memcpy(l->term + shared, rest.p, rest.n);
    l->term_n = (size_t)shared + rest.n;
    l->at = (size_t)(r.p - l->data.p);
    if (found) {
      out->term = span_of(l->term, l->term_n);
      return 1;
    }
  }
  return 0;
}

int leaf_put(struct buf *out, struct span before, const struct leaf_entry *en)
{
  size_t shared = 0;
  CHECK(en->term.n > 0 && en->term.n <= LEAF_TERM_MAX);
  while (shared < before.n && shared < en->term.n &&
         before.p[shared] == en->term.p[shared]) {
    shared++;
  }
  int rc;
  if ((rc = post_varint_put(out, shared)) < 0 ||
      (rc = post_varint_put(out, en->term.n - shared)) < 0 ||
      (rc = buf_put(out, en->term.p + shared, en->term.n - shared)) < 0 ||
      (rc = post_varint_put(out, (uint64_t)en->df << 1 | en->has_strips)) < 0) {
    return rc;
  }
  if (en->has_strips) {
    if ((rc = post_varint_put(out, en->strip)) < 0 ||
        (rc = post_varint_put(out, en->strips)) < 0) {
      return rc;
    }
    return buf_put(out, en->dir.p, en->dir.n);
  }
  if ((rc = post_varint_put(out, en->place.first)) < 0 ||
      (rc = post_varint_put(out, en->place.last - en->place.first)) < 0 ||
      (rc = post_varint_put(out, en->block.n)) < 0) {
    return rc;
  }
  return buf_put(out, en->block.p, en->block.n);
}

int leaf_dir_get(struct leaf_strip *out, const struct leaf_entry *en)
{
  struct post_reader r = post_reader_of(en->dir);
  uint64_t last = 0;
  for (size_t i = 0; i < en->strips; i++) {
    last += post_varint(&r);
    out[i].bound.one = post_byte(&r);
    out[i].bound.tf = post_byte(&r);
    out[i].bound.more = post_byte(&r);
    if (r.bad || last > UINT32_MAX) {
      return ERR_CORRUPT;
    }
    out[i].last = (uint32_t)last;
  }
  return r.p != r.end ? ERR_CORRUPT : 0;
}

int leaf_dir_put(struct buf *out, const struct leaf_strip *dir, size_t n)
{
  uint32_t before = 0;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    uint8_t bound[3] = {dir[i].bound.one, dir[i].bound.tf, dir[i].bound.more};
    if ((rc = post_varint_put(out, dir[i].last - before)) == 0) {
      rc = buf_put(out, bound, sizeof bound);
    }
    before = dir[i].last;
  }
  return rc;
}
