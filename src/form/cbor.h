/* SPDX-License-Identifier: 0BSD */
/* Strict DAG-CBOR: reads exactly what it writes.
 *
 * One canonical form (RFC 8949 section 4.2.1 with the DAG-CBOR key order):
 * shortest heads; definite lengths; map keys are text, sorted by length and
 * then by bytes, no two the same; tag 42 only, holding a CID of our form;
 * no floats, no undefined, no other simple values; integers within
 * +-(2^53 - 1); depth <= CBOR_DEPTH_MAX; no trailing bytes. Depth counts
 * containers: the outermost list or map is depth 1.
 *
 * Iterative, and never allocates for what a head declares.
 */
#ifndef FORM_CBOR_H
#define FORM_CBOR_H

#include "base/buf.h"
#include "base/err.h"
#include "form/cid.h"

#define CBOR_LINK_SIZE 41 /* d8 2a 58 25 00 and the CID */

/* Check one whole document. 0, or ERR_INVALID / ERR_LIMIT with the reason
 * and the byte offset in ${e} ("integer not in its shortest form at byte
 * 12"). Linear, no allocation. */
int cbor_check(const uint8_t *p, size_t n, struct err *e) MUST_USE;

/* Reading. Open a reader over bytes that cbor_check has passed (or over one
 * item inside them, as cbor_skip and cbor_find give); then every step below
 * succeeds unless the reader stands at its end. */
enum cbor_kind {
  CBOR_END, /* the reader is at its end: no item */
  CBOR_INT,
  CBOR_BYTES,
  CBOR_TEXT,
  CBOR_LIST,
  CBOR_MAP,
  CBOR_LINK,
  CBOR_BOOL,
  CBOR_NULL
};

struct cbor_item {
  enum cbor_kind kind;
  int64_t num;       /* CBOR_INT: value; CBOR_BOOL: 0 or 1 */
  size_t count;      /* CBOR_LIST: items, CBOR_MAP: pairs that follow */
  struct span bytes; /* CBOR_BYTES, CBOR_TEXT; CBOR_LINK: CID_SIZE bytes */
};

struct cbor_reader {
  const uint8_t *p, *end;
};

static inline struct cbor_reader cbor_reader_of(struct span s)
{
  /* NULL + 0 is undefined in C. */
  struct cbor_reader r = {s.p, s.n > 0 ? s.p + s.n : s.p};
  return r;
}

/* Take one item: a scalar whole, of a list or map only its head (its content
 * follows). A map's pairs come as key, value, key, value. */
enum cbor_kind cbor_next(struct cbor_reader *r, struct cbor_item *out);

/* Pass over one item with all its content; returns its bytes (empty span at
 * the end). */
struct span cbor_skip(struct cbor_reader *r);

/* Find ${key} in the map that ${map} is (all its bytes). Returns the value's
 * bytes, or an empty span when absent or when ${map} is no map. */
struct span cbor_find(struct span map, const char *key);

/* Take a CBOR_LINK item's CID. */
void cbor_item_cid(struct cid *out, const struct cbor_item *item);

/* Maps whose keys are all fixed: take the key, or the pair, that must come
 * next. ERR_INVALID names ${what} is read and ${key}. cbor_take_bytes asks for
 * a byte string of just ${size} and points ${out} at it. */
int cbor_take_key(struct cbor_reader *r, const char *what, const char *key,
                  struct err *e) MUST_USE;
int cbor_take(struct cbor_reader *r, const char *what, const char *key,
              enum cbor_kind kind, struct cbor_item *value,
              struct err *e) MUST_USE;
int cbor_take_bytes(struct cbor_reader *r, const char *what, const char *key,
                    size_t size, const uint8_t **out, struct err *e) MUST_USE;

/* Writing. All return 0 or ERR_NOMEM. The caller writes map keys in canonical
 * order (cbor_key_compare) and keeps integers within CBOR_INT_MAX (CHECKed)
 * and text well formed. */
int cbor_put_int(struct buf *b, int64_t v) MUST_USE;
int cbor_put_bytes(struct buf *b, const void *p, size_t n) MUST_USE;
int cbor_put_text(struct buf *b, const char *p, size_t n) MUST_USE;
int cbor_put_key(struct buf *b, const char *key) MUST_USE; /* C string */
int cbor_put_list(struct buf *b, size_t count) MUST_USE;
int cbor_put_map(struct buf *b, size_t pairs) MUST_USE;
int cbor_put_link(struct buf *b, const struct cid *c) MUST_USE;
int cbor_put_bool(struct buf *b, bool v) MUST_USE;
int cbor_put_null(struct buf *b) MUST_USE;

/* DAG-CBOR's order of map keys: the shorter first, then by bytes. */
int cbor_key_compare(struct span a, struct span b);

#endif
