/* SPDX-License-Identifier: 0BSD */
#include "form/cbor.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/utf8.h"

#include <string.h>

enum major { UINT, NINT, BYTES, TEXT, LIST, MAP, TAG, SIMPLE };

#define HEAD_MAX 9 /* one byte and a 64-bit argument */
#define SIMPLE_FALSE 20
#define SIMPLE_TRUE 21
#define SIMPLE_NULL 22
#define TAG_CID 42

/* A link (F15): tag 42, byte string of 37, the multibase prefix 00, then the
 * CID. */
static const uint8_t link_head[] = {0xd8, 0x2a, 0x58, 0x25, 0x00};

_Static_assert(sizeof link_head + CID_SIZE == CBOR_LINK_SIZE, "link");

/* ---- heads ---- */

struct head {
  enum major major;
  unsigned info; /* low five bits of the first byte */
  uint64_t arg;
};

static uint64_t big_endian(const uint8_t *p, size_t n)
{
  uint64_t v = 0;
  for (size_t i = 0; i < n; i++) {
    v = v << 8 | p[i];
  }
  return v;
}

/* Read the head at ${p}, which has ${left} > 0 bytes. Returns its length, or
 * 0 and the reason in ${why}. */
static size_t head_read(struct head *h, const uint8_t *p, size_t left,
                        const char **why)
{
  h->major = (enum major)(p[0] >> 5);
  h->info = p[0] & 31u;
  h->arg = h->info;
  if (h->info < 24) {
    return 1;
  }
  if (h->info == 31) {
    *why = "indefinite length or break";
    return 0;
  }
  if (h->info > 27) {
    *why = "reserved head";
    return 0;
  }
  size_t n = (size_t)1 << (h->info - 24);
  if (left - 1 < n) {
    *why = "cut short inside a head";
    return 0;
  }
  h->arg = big_endian(p + 1, n);
  /* F10: n bytes must be needed: more than n / 2 bytes hold, 23 for one. */
  uint64_t shorter = n == 1 ? 23 : ((uint64_t)1 << (n * 4)) - 1;
  if (h->major != SIMPLE && h->arg <= shorter) {
    *why = "number not in its shortest form";
    return 0;
  }
  return n + 1;
}

/* ---- the check ---- */

/* An open list or map. */
struct level {
  size_t left;        /* items still to come; of a map, keys and values */
  const uint8_t *key; /* the latest key of a map, or NULL */
  size_t key_len;
  bool map;
};

struct walk {
  const uint8_t *start, *p, *end;
  size_t depth; /* open levels */
  struct level levels[CBOR_DEPTH_MAX];
  struct err *e;
};

static int refuse(const struct walk *w, int code, const char *why)
{
  return err_set(w->e, code, "%s at byte %zu", why, (size_t)(w->p - w->start));
}

static size_t left_of(const struct walk *w)
{
  return (size_t)(w->end - w->p);
}

static int check_int(struct walk *w, const struct head *h, size_t len)
{
  /* F12. A negative number is -1 - arg. */
  uint64_t max = h->major == UINT ? CBOR_INT_MAX : CBOR_INT_MAX - 1;
  if (h->arg > max) {
    return refuse(w, ERR_LIMIT, "integer beyond 2^53 - 1");
  }
  w->p += len;
  return 0;
}

static int check_string(struct walk *w, const struct head *h, size_t len)
{
  if (h->arg > left_of(w) - len) {
    return refuse(w, ERR_INVALID, "string longer than what is left");
  }
  if (h->major == TEXT && !utf8_valid(w->p + len, (size_t)h->arg)) {
    return refuse(w, ERR_INVALID, "text that is not UTF-8");
  }
  w->p += len + (size_t)h->arg;
  return 0;
}

static int check_link(struct walk *w, const struct head *h)
{
  if (h->arg != TAG_CID) {
    return refuse(w, ERR_INVALID, "tag that is not 42 (link)");
  }
  if (left_of(w) < CBOR_LINK_SIZE) {
    return refuse(w, ERR_INVALID, "link cut short or of another form");
  }
  if (memcmp(w->p, link_head, sizeof link_head) != 0 ||
      !cid_looks(w->p + sizeof link_head)) {
    return refuse(w, ERR_INVALID,
                  "link that is not CIDv1, sha2-256, raw, dag-pb or dag-cbor");
  }
  w->p += CBOR_LINK_SIZE;
  return 0;
}

static int check_simple(struct walk *w, const struct head *h)
{
  if (h->info >= 25) {
    return refuse(w, ERR_INVALID, "float");
  }
  if (h->info < SIMPLE_FALSE || h->info > SIMPLE_NULL) {
    return refuse(w, ERR_INVALID, "simple value that is no bool and no null");
  }
  w->p++;
  return 0;
}

/* Open a list or map. Its items each take a byte at least, so that a count
 * beyond the bytes left is a lie (F18). */
static int check_open(struct walk *w, const struct head *h, size_t len)
{
  size_t each = h->major == MAP ? 2 : 1;
  if (h->arg > (left_of(w) - len) / each) {
    return refuse(w, ERR_INVALID, "more items declared than bytes left");
  }
  if (w->depth == CBOR_DEPTH_MAX) {
    return refuse(w, ERR_LIMIT, "nested too deep");
  }
  w->p += len;
  struct level *l = &w->levels[w->depth++];
  l->left = (size_t)h->arg * each;
  l->key = NULL;
  l->key_len = 0;
  l->map = h->major == MAP;
  return 0;
}

/* A map's key, whose head was read: text, after the one before it (F14). */
static int check_key(struct walk *w, struct level *l, const struct head *h,
                     size_t len)
{
  if (h->major != TEXT) {
    return refuse(w, ERR_INVALID, "map key that is not text");
  }
  const uint8_t *at = w->p;
  int rc = check_string(w, h, len);
  if (rc < 0) {
    return rc;
  }
  const uint8_t *key = at + len;
  size_t key_len = (size_t)h->arg;
  if (l->key != NULL && key_len <= l->key_len) {
    int order =
        cbor_key_compare(span_of(l->key, l->key_len), span_of(key, key_len));
    if (order >= 0) {
      w->p = at;
      return refuse(w, ERR_INVALID,
                    order == 0 ? "map key that was there before"
                               : "map key out of order");
    }
  }
  l->key = key;
  l->key_len = key_len;
  return 0;
}

static int check_item(struct walk *w)
{
  struct head h;
  const char *why = NULL;
  if (w->p == w->end) {
    return refuse(w, ERR_INVALID, "cut short: an item is missing");
  }
  size_t len = head_read(&h, w->p, left_of(w), &why);
  if (len == 0) {
    return refuse(w, ERR_INVALID, why);
  }
  struct level *l = w->depth > 0 ? &w->levels[w->depth - 1] : NULL;
  if (l != NULL && l->map && l->left % 2 == 0) {
    return check_key(w, l, &h, len);
  }
  switch (h.major) {
  case UINT:
  case NINT:
    return check_int(w, &h, len);
  case BYTES:
  case TEXT:
    return check_string(w, &h, len);
  case LIST:
  case MAP:
    return check_open(w, &h, len);
  case TAG:
    return check_link(w, &h);
  case SIMPLE:
    break;
  }
  return check_simple(w, &h);
}

int cbor_check(const uint8_t *p, size_t n, struct err *e)
{
  static const uint8_t none[1] = {0};
  struct walk w;
  w.start = w.p = n > 0 ? p : none;
  w.end = w.start + n;
  w.depth = 0;
  w.e = e;
  do {
    size_t before = w.depth;
    int rc = check_item(&w);
    if (rc < 0) {
      return rc;
    }
    if (w.depth > before && w.levels[before].left > 0) {
      continue; /* a container with content: it is not done yet */
    }
    /* An item is done, and with it each container that it completes. */
    if (w.depth > before) {
      w.depth--;
    }
    while (w.depth > 0 && --w.levels[w.depth - 1].left == 0) {
      w.depth--;
    }
  } while (w.depth > 0);
  if (w.p != w.end) {
    return refuse(&w, ERR_INVALID, "bytes after the end of the document");
  }
  return 0;
}

/* ---- reading ---- */

/* Content of a string of checked bytes. */
static struct span take_string(struct cbor_reader *r, const struct head *h)
{
  CHECK(h->arg <= (size_t)(r->end - r->p));
  struct span s = span_of(r->p, (size_t)h->arg);
  r->p += s.n;
  return s;
}

static enum cbor_kind take_simple(struct cbor_item *out, uint64_t arg)
{
  CHECK(arg >= SIMPLE_FALSE && arg <= SIMPLE_NULL);
  out->num = arg == SIMPLE_TRUE;
  return arg == SIMPLE_NULL ? CBOR_NULL : CBOR_BOOL;
}

static enum cbor_kind take_link(struct cbor_reader *r, struct cbor_item *out)
{
  /* The reader stands behind the tag, two bytes in. */
  CHECK((size_t)(r->end - r->p) >= CBOR_LINK_SIZE - 2);
  r->p += sizeof link_head - 2;
  out->bytes = span_of(r->p, CID_SIZE);
  r->p += CID_SIZE;
  return CBOR_LINK;
}

static enum cbor_kind take(struct cbor_reader *r, struct cbor_item *out)
{
  struct head h;
  const char *why = NULL;
  size_t len = head_read(&h, r->p, (size_t)(r->end - r->p), &why);
  CHECK(len > 0);
  r->p += len;
  switch (h.major) {
  case UINT:
    out->num = (int64_t)h.arg;
    return CBOR_INT;
  case NINT:
    out->num = -1 - (int64_t)h.arg;
    return CBOR_INT;
  case BYTES:
    out->bytes = take_string(r, &h);
    return CBOR_BYTES;
  case TEXT:
    out->bytes = take_string(r, &h);
    return CBOR_TEXT;
  case LIST:
    out->count = (size_t)h.arg;
    return CBOR_LIST;
  case MAP:
    out->count = (size_t)h.arg;
    return CBOR_MAP;
  case TAG:
    return take_link(r, out);
  case SIMPLE:
    break;
  }
  return take_simple(out, h.arg);
}

enum cbor_kind cbor_next(struct cbor_reader *r, struct cbor_item *out)
{
  memset(out, 0, sizeof *out);
  out->kind = r->p == r->end ? CBOR_END : take(r, out);
  return out->kind;
}

struct span cbor_skip(struct cbor_reader *r)
{
  const uint8_t *start = r->p;
  struct cbor_item item;
  size_t pending = 1; /* items to pass over; bounded by the bytes checked */
  while (pending > 0 && cbor_next(r, &item) != CBOR_END) {
    pending += item.kind == CBOR_MAP ? 2 * item.count : item.count;
    pending--;
  }
  return span_of(start, (size_t)(r->p - start));
}

struct span cbor_find(struct span map, const char *key)
{
  struct span none = {NULL, 0};
  struct span want = span_of(key, strlen(key));
  struct cbor_reader r = cbor_reader_of(map);
  struct cbor_item item;
  if (cbor_next(&r, &item) != CBOR_MAP) {
    return none;
  }
  for (size_t pairs = item.count; pairs > 0; pairs--) {
    (void)cbor_next(&r, &item);
    int order = cbor_key_compare(item.bytes, want);
    if (order > 0) {
      break; /* keys ascend: it can't come any more */
    }
    struct span value = cbor_skip(&r);
    if (order == 0) {
      return value;
    }
  }
  return none;
}

void cbor_item_cid(struct cid *out, const struct cbor_item *item)
{
  CHECK(item->kind == CBOR_LINK && item->bytes.n == CID_SIZE);
  memcpy(out->b, item->bytes.p, CID_SIZE);
}

/* ---- fixed keys ---- */

int cbor_take_key(struct cbor_reader *r, const char *what, const char *key,
                  struct err *e)
{
  struct cbor_item item;
  if (cbor_next(r, &item) != CBOR_TEXT || !span_is(item.bytes, key)) {
    return err_set(e, ERR_INVALID, "%s: the key `%s` is not in its place", what,
                   key);
  }
  return 0;
}

int cbor_take(struct cbor_reader *r, const char *what, const char *key,
              enum cbor_kind kind, struct cbor_item *value, struct err *e)
{
  int rc = cbor_take_key(r, what, key, e);
  if (rc == 0 && cbor_next(r, value) != kind) {
    rc = err_set(e, ERR_INVALID, "%s: `%s` is of the wrong type", what, key);
  }
  return rc;
}

int cbor_take_bytes(struct cbor_reader *r, const char *what, const char *key,
                    size_t size, const uint8_t **out, struct err *e)
{
  struct cbor_item item;
  int rc = cbor_take(r, what, key, CBOR_BYTES, &item, e);
  if (rc < 0) {
    return rc;
  }
  if (item.bytes.n != size) {
    return err_set(e, ERR_INVALID, "%s: `%s` has %zu bytes, not %zu", what, key,
                   item.bytes.n, size);
  }
  *out = item.bytes.p;
  return 0;
}

/* ---- writing ---- */

static int put_head(struct buf *b, enum major major, uint64_t arg)
{
  uint8_t head[HEAD_MAX];
  unsigned top = (unsigned)major << 5;
  if (arg < 24) {
    return buf_byte(b, (uint8_t)(top | (unsigned)arg));
  }
  unsigned log = arg > 0xff; /* 2^log bytes hold it */
  log += arg > 0xffff;
  log += arg > 0xffffffff;
  size_t n = (size_t)1 << log;
  head[0] = (uint8_t)(top | (24 + log));
  for (size_t i = 0; i < n; i++) {
    head[n - i] = (uint8_t)(arg >> (8 * i));
  }
  return buf_put(b, head, n + 1);
}

int cbor_put_int(struct buf *b, int64_t v)
{
  CHECK(v >= -CBOR_INT_MAX);
  CHECK(v <= CBOR_INT_MAX);
  return v >= 0 ? put_head(b, UINT, (uint64_t)v)
                : put_head(b, NINT, (uint64_t)(-1 - v));
}

/* Head and content, or nothing when memory runs out. */
static int put_string(struct buf *b, enum major major, const void *p, size_t n)
{
  size_t before = b->n;
  int rc = put_head(b, major, n);
  if (rc == 0) {
    rc = buf_put(b, p, n);
  }
  if (rc < 0) {
    b->n = before;
  }
  return rc;
}

int cbor_put_bytes(struct buf *b, const void *p, size_t n)
{
  return put_string(b, BYTES, p, n);
}

int cbor_put_text(struct buf *b, const char *p, size_t n)
{
  return put_string(b, TEXT, p, n);
}

int cbor_put_key(struct buf *b, const char *key)
{
  return put_string(b, TEXT, key, strlen(key));
}

int cbor_put_list(struct buf *b, size_t count)
{
  return put_head(b, LIST, count);
}

int cbor_put_map(struct buf *b, size_t pairs)
{
  return put_head(b, MAP, pairs);
}

int cbor_put_link(struct buf *b, const struct cid *c)
{
  uint8_t link[CBOR_LINK_SIZE];
  memcpy(link, link_head, sizeof link_head);
  memcpy(link + sizeof link_head, c->b, CID_SIZE);
  return buf_put(b, link, sizeof link);
}

int cbor_put_bool(struct buf *b, bool v)
{
  return put_head(b, SIMPLE, v ? SIMPLE_TRUE : SIMPLE_FALSE);
}

int cbor_put_null(struct buf *b)
{
  return put_head(b, SIMPLE, SIMPLE_NULL);
}

int cbor_key_compare(struct span a, struct span b)
{
  if (a.n != b.n) {
    return a.n < b.n ? -1 : 1;
  }
  return a.n > 0 ? memcmp(a.p, b.p, a.n) : 0;
}
