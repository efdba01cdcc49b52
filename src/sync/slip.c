/* SPDX-License-Identifier: 0BSD */
#include "sync/slip.h"

#include "base/check.h"
#include "base/limits.h"
#include "form/cbor.h"
#include "form/parcel.h"
#include "sync/sketch.h"

#include <string.h>

#define DOC "slip" /* in messages */

#define PAIRS 7      /* keys of a slip's map, and one more with sets */
#define WISH_PAIRS 4 /* and of a wish's */
#define SET_PAIRS 4
#define SIG_HEAD_SIZE 7 /* map head and key of `sig`, head of its bytes */
#define SIGNED_AT (SIG_HEAD_SIZE + CRYPT_SIG_SIZE)
#define HEAD_SIZE_MAX 200 /* of a slip, without its lists' items */

/* The two kinds differ in the heads that begin them. */
static const char *domain_of(bool sets)
{
  return sets ? "mahatta/slip/2" : "mahatta/slip/1";
}

static uint8_t map_head(bool sets)
{
  return (uint8_t)(0xa0 + PAIRS + (sets ? 1 : 0));
}

_Static_assert(SLIP_SALT_SIZE == CRYPT_SALT_SIZE, "the salt keys SipHash");

/* ---- handles ---- */

uint64_t slip_handle(const uint8_t salt[SLIP_SALT_SIZE],
                     const struct cid *parcel)
{
  return crypt_short(salt, cid_digest(parcel), CID_SIZE - 4);
}

static uint64_t handle_at(struct span have, size_t i)
{
  uint64_t v = 0;
  for (size_t k = 0; k < SLIP_HANDLE_SIZE; k++) {
    v = v << 8 | have.p[i * SLIP_HANDLE_SIZE + k];
  }
  return v;
}

bool slip_has(struct span have, uint64_t handle)
{
  size_t low = 0, high = have.n / SLIP_HANDLE_SIZE;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    uint64_t v = handle_at(have, mid);
    if (v == handle) {
      return true;
    }
    if (v < handle) {
      low = mid + 1;
    } else {
      high = mid;
    }
  }
  return false;
}

/* ---- checks that reading and writing share ---- */

static int check_have(struct span have, struct err *e)
{
  if (have.n % SLIP_HANDLE_SIZE != 0) {
    return err_set(e, ERR_INVALID, "slip: `have` is no row of %d-byte handles",
                   SLIP_HANDLE_SIZE);
  }
  for (size_t i = 1; i < have.n / SLIP_HANDLE_SIZE; i++) {
    if (handle_at(have, i - 1) >= handle_at(have, i)) {
      return err_set(e, ERR_INVALID,
                     "slip: handle %zu of `have` does not "
                     "ascend",
                     i + 1);
    }
  }
  return 0;
}

/* ${want} is one canonical CBOR item. */
static int check_want(struct span want, struct err *e)
{
  struct cbor_reader r = cbor_reader_of(want);
  struct cbor_item item;
  if (cbor_next(&r, &item) != CBOR_LIST) {
    return err_set(e, ERR_INVALID, "slip: `want` is no list");
  }
  if (item.count > SLIP_MISSING_MAX) {
    return err_set(e, ERR_LIMIT, "slip: `want` of %zu links; at most %d",
                   item.count, SLIP_MISSING_MAX);
  }
  for (size_t left = item.count; left > 0; left--) {
    if (cbor_next(&r, &item) != CBOR_LINK) {
      return err_set(e, ERR_INVALID, "slip: `want` holds what is no link");
    }
  }
  return 0;
}

static int check_amount(int64_t v, const char *key, struct err *e)
{
  if (v < 0 || v > CBOR_INT_MAX) {
    return err_set(e, ERR_INVALID, "slip: `%s` is below 0 or absurd", key);
  }
  return 0;
}

static int check_wish(const struct slip_wish *w, struct err *e)
{
  int rc = check_have(w->have, e);
  if (rc < 0 || (rc = check_want(w->want, e)) < 0 ||
      (rc = check_amount(w->files, "files", e)) < 0) {
    return rc;
  }
  return pattern_check(w->collection, e);
}

/* ---- reading ---- */

static int take_int(struct cbor_reader *r, const char *key, int64_t *out,
                    struct err *e)
{
  struct cbor_item item;
  int rc = cbor_take(r, DOC, key, CBOR_INT, &item, e);
  if (rc < 0 || (rc = check_amount(item.num, key, e)) < 0) {
    return rc;
  }
  *out = item.num;
  return 0;
}

static int take_wish(struct slip_wish *out, struct cbor_reader *r,
                     struct err *e)
{
  struct cbor_item item;
  if (cbor_next(r, &item) != CBOR_MAP || item.count != WISH_PAIRS) {
    return err_set(e, ERR_INVALID, "slip: a wish is no map of %d keys",
                   WISH_PAIRS);
  }
  int rc = cbor_take(r, DOC, "have", CBOR_BYTES, &item, e);
  if (rc < 0) {
    return rc;
  }
  out->have = item.bytes;
  if ((rc = cbor_take_key(r, DOC, "want", e)) < 0) {
    return rc;
  }
  out->want = cbor_skip(r);
  if ((rc = take_int(r, "files", &out->files, e)) < 0 ||
      (rc = cbor_take(r, DOC, "collection", CBOR_TEXT, &item, e)) < 0) {
    return rc;
  }
  out->collection = item.bytes;
  return 0;
}

static int check_count(size_t count, struct err *e)
{
  if (count > SLIP_WISHES_MAX) {
    return err_set(e, ERR_LIMIT, "slip: %zu wishes; at most %d", count,
                   SLIP_WISHES_MAX);
  }
  return 0;
}

/* Take and check `wishes`, the last pair. */
static int take_wishes(struct slip *out, struct cbor_reader *r, struct err *e)
{
  struct slip_wish wish;
  struct cbor_item item;
  int rc = cbor_take_key(r, DOC, "wishes", e);
  if (rc < 0) {
    return rc;
  }
  out->wishes = span_of(r->p, (size_t)(r->end - r->p));
  if (cbor_next(r, &item) != CBOR_LIST) {
    return err_set(e, ERR_INVALID, "slip: `wishes` is no list");
  }
  out->count = item.count;
  rc = check_count(out->count, e);
  for (size_t left = out->count; rc == 0 && left > 0; left--) {
    rc = take_wish(&wish, r, e);
    if (rc == 0) {
      rc = check_wish(&wish, e);
    }
  }
  return rc;
}

/* ${last}: the name of the set before, or no bytes. */
static int check_set(const struct slip_set *s, struct span last, struct err *e)
{
  int rc = collection_check(s->name, e);
  if (rc < 0 || (rc = check_amount(s->count, "count", e)) < 0) {
    return rc;
  }
  if (last.n > 0 && span_compare(last, s->name) >= 0) {
    return err_set(e, ERR_INVALID, "slip: `sets` do not ascend by name");
  }
  return s->sketch.n == 0 ? 0 : sketch_part_check(s->sketch, e);
}

static int take_set(struct slip_set *out, struct cbor_reader *r, struct err *e)
{
  struct cbor_item item;
  if (cbor_next(r, &item) != CBOR_MAP || item.count != SET_PAIRS) {
    return err_set(e, ERR_INVALID, "slip: a set is no map of %d keys",
                   SET_PAIRS);
  }
  int rc = cbor_take(r, DOC, "name", CBOR_TEXT, &item, e);
  if (rc < 0) {
    return rc;
  }
  out->name = item.bytes;
  if ((rc = take_int(r, "count", &out->count, e)) < 0 ||
      (rc = cbor_take_bytes(r, DOC, "digest", HASH_SIZE, &out->digest, e)) <
          0 ||
      (rc = cbor_take(r, DOC, "sketch", CBOR_BYTES, &item, e)) < 0) {
    return rc;
  }
  out->sketch = item.bytes;
  return 0;
}

static int take_sets(struct slip *out, struct cbor_reader *r, struct err *e)
{
  struct slip_set set = {.name = {NULL, 0}};
  struct cbor_item item;
  int rc = cbor_take_key(r, DOC, "sets", e);
  if (rc < 0) {
    return rc;
  }
  out->sets = span_of(r->p, (size_t)(r->end - r->p));
  if (cbor_next(r, &item) != CBOR_LIST) {
    return err_set(e, ERR_INVALID, "slip: `sets` is no list");
  }
  if (item.count == 0 || item.count > SLIP_SETS_MAX) {
    return err_set(e, item.count == 0 ? ERR_INVALID : ERR_LIMIT,
                   "slip of %zu sets; 1 to %d", item.count, SLIP_SETS_MAX);
  }
  out->sets_n = item.count;
  for (size_t left = item.count; rc == 0 && left > 0; left--) {
    struct span last = set.name;
    rc = take_set(&set, r, e);
    if (rc == 0) {
      rc = check_set(&set, last, e);
    }
  }
  return rc;
}

/* ${pairs} of the map: which kind it has to be. */
static int take_header(struct slip *out, struct cbor_reader *r, size_t pairs,
                       struct err *e)
{
  struct cbor_item item;
  int rc = cbor_take_bytes(r, DOC, "sig", CRYPT_SIG_SIZE, &out->sig, e);
  if (rc < 0 || (rc = cbor_take(r, DOC, "kind", CBOR_TEXT, &item, e)) < 0) {
    return rc;
  }
  const char *kind = pairs == PAIRS ? "slip/1" : "slip/2";
  if (!span_is(item.bytes, kind)) {
    return err_set(e, ERR_INVALID, "slip: `kind` is not %s", kind);
  }
  if ((rc = cbor_take_bytes(r, DOC, "salt", SLIP_SALT_SIZE, &out->salt, e)) <
          0 ||
      (pairs != PAIRS && (rc = take_sets(out, r, e)) < 0) ||
      (rc = take_int(r, "time", &out->time, e)) < 0 ||
      (rc = cbor_take_bytes(r, DOC, "author", CRYPT_KEY_SIZE, &out->author,
                            e)) < 0) {
    return rc;
  }
  return take_int(r, "budget", &out->budget, e);
}

int slip_read(struct slip *out, struct span file, struct err *e)
{
  struct slip s = {0};
  struct cbor_item item;
  if (file.n > SLIP_SIZE_MAX) {
    return err_set(e, ERR_LIMIT, "slip of %zu bytes; at most %u", file.n,
                   SLIP_SIZE_MAX);
  }
  int rc = cbor_check(file.p, file.n, e);
  if (rc < 0) {
    return rc;
  }
  struct cbor_reader r = cbor_reader_of(file);
  if (cbor_next(&r, &item) != CBOR_MAP ||
      (item.count != PAIRS && item.count != PAIRS + 1)) {
    return err_set(e, ERR_INVALID, "slip: not a map of %d or %d keys", PAIRS,
                   PAIRS + 1);
  }
  if ((rc = take_header(&s, &r, item.count, e)) < 0 ||
      (rc = take_wishes(&s, &r, e)) < 0) {
    return rc;
  }
  CHECK(s.sig == file.p + SIG_HEAD_SIZE);
  s.bytes = file;
  *out = s;
  return 0;
}

int slip_verify(const struct slip *s, struct err *e)
{
  struct span rest = span_of(s->bytes.p + SIGNED_AT, s->bytes.n - SIGNED_AT);
  bool sets = s->sets_n > 0;
  uint8_t head = (uint8_t)(map_head(sets) - 1); /* without `sig` */
  int rc = crypt_verify(s->sig, s->author, false, domain_of(sets),
                        span_of(&head, 1), rest);
  if (rc == ERR_SIG) {
    return err_set(e, rc, "slip: the signature does not hold");
  }
  return rc < 0 ? err_set(e, rc, "slip: out of memory") : 0;
}

static void walk_begin(struct slip_walk *it, struct span list, size_t count)
{
  struct cbor_item item;
  struct cbor_reader r = cbor_reader_of(list);
  it->started = true;
  it->left = count;
  if (count > 0) {
    (void)cbor_next(&r, &item); /* the list's head, which was checked */
    it->at = (size_t)(r.p - list.p);
  }
}

/* The reader at the list's next item; false at its end. */
static bool walk_next(struct slip_walk *it, struct span list, size_t count,
                      struct cbor_reader *r)
{
  if (!it->started) {
    walk_begin(it, list, count);
  }
  if (it->left == 0) {
    return false;
  }
  it->left--;
  *r = cbor_reader_of(list);
  r->p = list.p + it->at;
  return true;
}

bool slip_set_next(const struct slip *s, struct slip_walk *it,
                   struct slip_set *out)
{
  struct cbor_reader r;
  if (!walk_next(it, s->sets, s->sets_n, &r)) {
    return false;
  }
  int rc = take_set(out, &r, NULL);
  CHECK(rc == 0); /* slip_read took the same steps */
  it->at = (size_t)(r.p - s->sets.p);
  return true;
}

bool slip_wish_next(const struct slip *s, struct slip_walk *it,
                    struct slip_wish *out)
{
  struct cbor_reader r;
  if (!walk_next(it, s->wishes, s->count, &r)) {
    return false;
  }
  int rc = take_wish(out, &r, NULL);
  CHECK(rc == 0); /* as above */
  it->at = (size_t)(r.p - s->wishes.p);
  return true;
}

/* ---- writing ---- */

static int put_wish(struct buf *b, const struct slip_wish *w)
{
  int rc = cbor_put_map(b, WISH_PAIRS);
  if (rc < 0 || (rc = cbor_put_key(b, "have")) < 0 ||
      (rc = cbor_put_bytes(b, w->have.p, w->have.n)) < 0 ||
      (rc = cbor_put_key(b, "want")) < 0 ||
      (rc = buf_put(b, w->want.p, w->want.n)) < 0 ||
      (rc = cbor_put_key(b, "files")) < 0 ||
      (rc = cbor_put_int(b, w->files)) < 0 ||
      (rc = cbor_put_key(b, "collection")) < 0) {
    return rc;
  }
  return cbor_put_text(b, (const char *)w->collection.p, w->collection.n);
}

int slip_add(struct slip_writer *w, const struct slip_wish *wish, struct err *e)
{
  static const uint8_t no_links[] = {0x80};
  struct slip_wish full = *wish;
  size_t before = w->wishes.n;
  if (full.want.n == 0) {
    full.want = span_of(no_links, sizeof no_links);
  }
  int rc = check_count(w->count + 1, e);
  if (rc < 0 || (rc = cbor_check(full.want.p, full.want.n, e)) < 0 ||
      (rc = check_wish(&full, e)) < 0) {
    return rc;
  }
  if ((rc = put_wish(&w->wishes, &full)) < 0) {
    w->wishes.n = before;
    return err_set(e, rc, "slip: out of memory");
  }
  w->count++;
  return 0;
}

static int put_set(struct buf *b, const struct slip_set *s)
{
  int rc = cbor_put_map(b, SET_PAIRS);
  if (rc < 0 || (rc = cbor_put_key(b, "name")) < 0 ||
      (rc = cbor_put_text(b, (const char *)s->name.p, s->name.n)) < 0 ||
      (rc = cbor_put_key(b, "count")) < 0 ||
      (rc = cbor_put_int(b, s->count)) < 0 ||
      (rc = cbor_put_key(b, "digest")) < 0 ||
      (rc = cbor_put_bytes(b, s->digest, HASH_SIZE)) < 0 ||
      (rc = cbor_put_key(b, "sketch")) < 0) {
    return rc;
  }
  return cbor_put_bytes(b, s->sketch.p, s->sketch.n);
}

int slip_add_set(struct slip_writer *w, const struct slip_set *set,
                 struct err *e)
{
  size_t before = w->sets.n;
  if (w->sets_n == SLIP_SETS_MAX) {
    return err_set(e, ERR_LIMIT, "slip of more than %d sets", SLIP_SETS_MAX);
  }
  int rc = check_set(set, buf_span(&w->last), e);
  if (rc < 0) {
    return rc;
  }
  buf_clear(&w->last);
  if ((rc = buf_put(&w->last, set->name.p, set->name.n)) < 0 ||
      (rc = put_set(&w->sets, set)) < 0) {
    w->sets.n = before;
    return err_set(e, rc, "slip: out of memory");
  }
  w->sets_n++;
  return 0;
}

size_t slip_size(const struct slip_writer *w)
{
  return HEAD_SIZE_MAX + w->wishes.n + w->sets.n;
}

struct slip_head {
  const uint8_t *salt, *author;
  int64_t time, budget;
};

static int put_sets(struct buf *b, const struct slip_writer *w)
{
  int rc = 0;
  if (w->sets_n > 0 && (rc = cbor_put_key(b, "sets")) == 0 &&
      (rc = cbor_put_list(b, w->sets_n)) == 0) {
    rc = buf_put(b, w->sets.p, w->sets.n);
  }
  return rc;
}

/* All that follows the signature. */
static int put_rest(struct buf *b, const struct slip_head *h,
                    const struct slip_writer *w)
{
  int rc = cbor_put_key(b, "kind");
  if (rc < 0 ||
      (rc = cbor_put_key(b, w->sets_n > 0 ? "slip/2" : "slip/1")) < 0 ||
      (rc = cbor_put_key(b, "salt")) < 0 ||
      (rc = cbor_put_bytes(b, h->salt, SLIP_SALT_SIZE)) < 0 ||
      (rc = put_sets(b, w)) < 0 || (rc = cbor_put_key(b, "time")) < 0 ||
      (rc = cbor_put_int(b, h->time)) < 0 ||
      (rc = cbor_put_key(b, "author")) < 0 ||
      (rc = cbor_put_bytes(b, h->author, CRYPT_KEY_SIZE)) < 0 ||
      (rc = cbor_put_key(b, "budget")) < 0 ||
      (rc = cbor_put_int(b, h->budget)) < 0 ||
      (rc = cbor_put_key(b, "wishes")) < 0 ||
      (rc = cbor_put_list(b, w->count)) < 0) {
    return rc;
  }
  return buf_put(b, w->wishes.p, w->wishes.n);
}

/* The seventh argument is where errors go. */
/* NOLINTNEXTLINE(readability-function-size) */
int slip_finish(struct slip_writer *w, struct buf *out,
                const struct identity *id, const uint8_t salt[SLIP_SALT_SIZE],
                int64_t time, int64_t budget, struct err *e)
{
  struct slip_head head = {salt, identity_key(id), time, budget};
  uint8_t sig[CRYPT_SIG_SIZE], map = map_head(w->sets_n > 0);
  uint8_t signed_map = (uint8_t)(map - 1); /* without `sig` */
  uint8_t head_bytes[SIG_HEAD_SIZE] = {map, 0x63, 's', 'i', 'g', 0x58, 0x40};
  struct buf rest = {0};
  size_t before = out->n;
  int rc = check_amount(time, "time", e);
  if (rc < 0 || (rc = check_amount(budget, "budget", e)) < 0) {
    return rc;
  }
  rc = put_rest(&rest, &head, w);
  if (rc == 0 && rest.n + SIGNED_AT > SLIP_SIZE_MAX) {
    rc = err_set(e, ERR_LIMIT, "slip of %zu bytes; at most %u",
                 rest.n + SIGNED_AT, SLIP_SIZE_MAX);
    goto done;
  }
  if (rc < 0 ||
      (rc = crypt_sign(sig, id, domain_of(w->sets_n > 0),
                       span_of(&signed_map, 1), buf_span(&rest))) < 0 ||
      (rc = buf_put(out, head_bytes, sizeof head_bytes)) < 0 ||
      (rc = buf_put(out, sig, sizeof sig)) < 0 ||
      (rc = buf_put(out, rest.p, rest.n)) < 0) {
    out->n = before;
    (void)err_set(e, rc, "slip: out of memory");
  }
done:
  buf_free(&rest);
  return rc;
}

void slip_writer_free(struct slip_writer *w)
{
  buf_free(&w->wishes);
  buf_free(&w->sets);
  buf_free(&w->last);
  w->count = w->sets_n = 0;
}
