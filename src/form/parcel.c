/* SPDX-License-Identifier: 0BSD */
#include "form/parcel.h"

#include "base/check.h"
#include "base/limits.h"
#include "form/cbor.h"
#include "form/plain.h"

#include <string.h>

#define DOC "parcel" /* in messages */

static const char domain[] = "mahatta/parcel/1";

#define PAIRS 6 /* keys of a parcel's map */
static const uint8_t signed_head[] = {0xa0 + PAIRS - 1}; /* without `sig` */

/* How each parcel begins (F31): the map, "sig" and the head of 64 bytes; and
 * what follows the signature. */
static const uint8_t sig_head[] = {0xa0 + PAIRS, 0x63, 's', 'i',
                                   'g',          0x58, 0x40};
static const uint8_t kind_pair[] = {0x64, 'k', 'i', 'n', 'd', 0x68, 'p',
                                    'a',  'r', 'c', 'e', 'l', '/',  '1'};
#define SIGNED_AT (sizeof sig_head + CRYPT_SIG_SIZE)

bool parcel_looks(struct span block)
{
  return block.n >= SIGNED_AT + sizeof kind_pair &&
         memcmp(block.p, sig_head, sizeof sig_head) == 0 &&
         memcmp(block.p + SIGNED_AT, kind_pair, sizeof kind_pair) == 0;
}

/* ---- no record twice ---- */

#define SLOTS 1024 /* a power of two, at most half full */
_Static_assert(SLOTS >= 2 * PARCEL_RECORDS_MAX, "the table stays half empty");

/* Are two of the ${count} CIDs, ${stride} bytes apart, the same? A table
 * under a salt of the moment: its speed is not for the author to choose. */
static bool has_twins(const uint8_t *cids, size_t stride, size_t count)
{
  uint16_t slots[SLOTS] = {0}; /* index + 1 */
  uint8_t salt[CRYPT_SALT_SIZE];
  CHECK(count <= PARCEL_RECORDS_MAX);
  crypt_random(salt, sizeof salt);
  for (size_t i = 0; i < count; i++) {
    const uint8_t *cid = cids + i * stride;
    size_t at = (size_t)crypt_short(salt, cid, CID_SIZE) % SLOTS;
    while (slots[at] != 0) {
      if (memcmp(cids + (slots[at] - 1u) * stride, cid, CID_SIZE) == 0) {
        return true;
      }
      at = (at + 1) % SLOTS;
    }
    slots[at] = (uint16_t)(i + 1);
  }
  return false;
}

/* ---- reading ---- */

static int check_count(size_t count, struct err *e)
{
  if (count == 0 || count > PARCEL_RECORDS_MAX) {
    return err_set(e, ERR_LIMIT, "parcel: %zu records; 1 to %d are taken",
                   count, PARCEL_RECORDS_MAX);
  }
  return 0;
}

static int check_time(int64_t time, struct err *e)
{
  if (time < 0 || time > CBOR_INT_MAX) {
    return err_set(e, ERR_INVALID, "parcel: `time` is before 1970 or absurd");
  }
  return 0;
}

static int refuse_twins(struct err *e)
{
  return err_set(e, ERR_INVALID, "parcel: a record is listed twice");
}

static int take_records(struct parcel *out, struct cbor_reader *r,
                        struct err *e)
{
  struct cbor_item item;
  int rc = cbor_take(r, DOC, "records", CBOR_LIST, &item, e);
  if (rc < 0 || (rc = check_count(item.count, e)) < 0) {
    return rc;
  }
  out->count = item.count;
  out->links = r->p;
  for (size_t i = 0; i < out->count; i++) {
    if (cbor_next(r, &item) != CBOR_LINK || item.bytes.p[1] != CID_DAG_CBOR) {
      return err_set(e, ERR_INVALID,
                     "parcel: entry %zu of `records` is no link to a record",
                     i + 1);
    }
  }
  CHECK((size_t)(r->p - out->links) == out->count * CBOR_LINK_SIZE);
  if (has_twins(out->links + CBOR_LINK_SIZE - CID_SIZE, CBOR_LINK_SIZE,
                out->count)) {
    return refuse_twins(e);
  }
  return 0;
}

static int take_header(struct parcel *out, struct cbor_reader *r, struct err *e)
{
  struct cbor_item item;
  int rc = cbor_take_bytes(r, DOC, "sig", CRYPT_SIG_SIZE, &out->sig, e);
  if (rc < 0 || (rc = cbor_take(r, DOC, "kind", CBOR_TEXT, &item, e)) < 0) {
    return rc;
  }
  if (!span_is(item.bytes, "parcel/1")) {
    return err_set(e, ERR_INVALID, "parcel: `kind` is not parcel/1");
  }
  if ((rc = cbor_take(r, DOC, "time", CBOR_INT, &item, e)) < 0 ||
      (rc = check_time(item.num, e)) < 0) {
    return rc;
  }
  out->time = item.num;
  return cbor_take_bytes(r, DOC, "author", CRYPT_KEY_SIZE, &out->author, e);
}

int parcel_read(struct parcel *out, struct span block, struct err *e)
{
  struct parcel p = {0};
  struct cbor_item item;
  if (block.n > PARCEL_SIZE_MAX) {
    return err_set(e, ERR_LIMIT, "parcel of %zu bytes; at most %u are taken",
                   block.n, PARCEL_SIZE_MAX);
  }
  int rc = cbor_check(block.p, block.n, e);
  if (rc < 0) {
    return rc;
  }
  struct cbor_reader r = cbor_reader_of(block);
  if (cbor_next(&r, &item) != CBOR_MAP || item.count != PAIRS) {
    return err_set(e, ERR_INVALID, "parcel: not a map of %d keys", PAIRS);
  }
  if ((rc = take_header(&p, &r, e)) < 0 || (rc = take_records(&p, &r, e)) < 0 ||
      (rc = cbor_take(&r, DOC, "collection", CBOR_TEXT, &item, e)) < 0 ||
      (rc = collection_check(item.bytes, e)) < 0) {
    return rc;
  }
  p.collection = item.bytes;
  p.bytes = block;
  CHECK(p.sig == block.p + sizeof sig_head);
  *out = p;
  return 0;
}

int parcel_verify(const struct parcel *p, bool author_ok, struct err *e)
{
  struct span rest = span_of(p->bytes.p + SIGNED_AT, p->bytes.n - SIGNED_AT);
  int rc = crypt_verify(p->sig, p->author, author_ok, domain,
                        span_of(signed_head, sizeof signed_head), rest);
  if (rc == ERR_SIG) {
    return err_set(e, rc, "parcel: the signature does not hold");
  }
  return rc < 0 ? err_set(e, rc, "parcel: out of memory") : 0;
}

void parcel_record(const struct parcel *p, size_t i, struct cid *out)
{
  CHECK(i < p->count);
  memcpy(out->b, p->links + (i + 1) * CBOR_LINK_SIZE - CID_SIZE, CID_SIZE);
}

/* ---- writing ---- */

static int check_records(const struct cid *records, size_t count, struct err *e)
{
  int rc = check_count(count, e);
  if (rc < 0) {
    return rc;
  }
  for (size_t i = 0; i < count; i++) {
    if (cid_codec(&records[i]) != CID_DAG_CBOR) {
      return err_set(e, ERR_INVALID, "parcel: entry %zu is no record's CID",
                     i + 1);
    }
  }
  return has_twins(records->b, sizeof *records, count) ? refuse_twins(e) : 0;
}

/* All that follows the signature. */
static int put_rest(struct buf *b, const uint8_t *author, int64_t time,
                    const struct cid *records, size_t count)
{
  int rc = buf_put(b, kind_pair, sizeof kind_pair);
  if (rc < 0 || (rc = cbor_put_key(b, "time")) < 0 ||
      (rc = cbor_put_int(b, time)) < 0 ||
      (rc = cbor_put_key(b, "author")) < 0 ||
      (rc = cbor_put_bytes(b, author, CRYPT_KEY_SIZE)) < 0 ||
      (rc = cbor_put_key(b, "records")) < 0) {
    return rc;
  }
  rc = cbor_put_list(b, count);
  for (size_t i = 0; rc == 0 && i < count; i++) {
    rc = cbor_put_link(b, &records[i]);
  }
  return rc < 0 ? rc : cbor_put_key(b, "collection");
}

/* The seventh argument is where errors go. */
/* NOLINTNEXTLINE(readability-function-size) */
int parcel_write(struct buf *out, const struct identity *id, int64_t time,
                 struct span collection, const struct cid *records,
                 size_t count, struct err *e)
{
  struct buf rest = {0};
  uint8_t sig[CRYPT_SIG_SIZE];
  size_t before = out->n;
  int rc = collection_check(collection, e);
  if (rc < 0 || (rc = check_time(time, e)) < 0 ||
      (rc = check_records(records, count, e)) < 0) {
    return rc;
  }
  if ((rc = put_rest(&rest, identity_key(id), time, records, count)) < 0 ||
      (rc = cbor_put_text(&rest, (const char *)collection.p, collection.n)) <
          0 ||
      (rc =
           crypt_sign(sig, id, domain, span_of(signed_head, sizeof signed_head),
                      buf_span(&rest))) < 0 ||
      (rc = buf_put(out, sig_head, sizeof sig_head)) < 0 ||
      (rc = buf_put(out, sig, sizeof sig)) < 0 ||
      (rc = buf_put(out, rest.p, rest.n)) < 0) {
    out->n = before;
    (void)err_set(e, rc, "parcel: out of memory");
  }
  buf_free(&rest);
  return rc;
}

/* ---- collections (F40, F41) ---- */

static int refuse_name(struct err *e, const char *why)
{
  return err_set(e, ERR_INVALID, "collection name: %s", why);
}

/* One segment: well-formed and free of '/'. */
static int check_segment(struct span s, struct err *e)
{
  uint32_t first = 0, last = 0;
  size_t len;
  if (s.n == 0 || span_is(s, ".") || span_is(s, "..")) {
    return refuse_name(e, "a segment is empty, `.` or `..`");
  }
  for (size_t i = 0; i < s.n; i += len) {
    last = utf8_next(s.p + i, s.n - i, &len);
    first = i == 0 ? last : first;
    if (last == '*' || plain_refuses(last)) {
      return refuse_name(e, "`*`, control or direction characters in it");
    }
  }
  if (plain_space(first) || plain_space(last)) {
    return refuse_name(e, "white space at the end of a segment");
  }
  return 0;
}

int collection_check(struct span name, struct err *e)
{
  if (name.n == 0) {
    return refuse_name(e, "it is empty");
  }
  if (name.n > COLLECTION_NAME_MAX) {
    return err_set(e, ERR_LIMIT, "collection name of %zu bytes; at most %d",
                   name.n, COLLECTION_NAME_MAX);
  }
  if (!utf8_valid(name.p, name.n)) {
    return refuse_name(e, "it is not UTF-8");
  }
  size_t start = 0;
  for (size_t i = 0; i <= name.n; i++) {
    if (i == name.n || name.p[i] == '/') {
      int rc = check_segment(span_of(name.p + start, i - start), e);
      if (rc < 0) {
        return rc;
      }
      start = i + 1;
    }
  }
  return 0;
}

int pattern_check(struct span pattern, struct err *e)
{
  if (span_is(pattern, "*")) {
    return 0;
  }
  if (pattern.n > 2 && pattern.p[pattern.n - 1] == '*' &&
      pattern.p[pattern.n - 2] == '/') {
    pattern.n -= 2;
  }
  return collection_check(pattern, e);
}

bool pattern_matches(struct span pattern, struct span name)
{
  if (pattern.n == 0 || pattern.p[pattern.n - 1] != '*') {
    return span_equal(pattern, name);
  }
  struct span head = span_of(pattern.p, pattern.n - 1);
  return name.n > head.n && span_equal(head, span_of(name.p, head.n));
}
