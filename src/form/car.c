/* SPDX-License-Identifier: 0BSD */
#include "form/car.h"

#include "base/check.h"

#include <string.h>

#define SECTION_LEN_MAX ((uint64_t)CID_SIZE + BLOCK_SIZE_MAX)
#define SECTION_HEAD_MAX 4   /* bytes of a varint that says SECTION_LEN_MAX */
#define FOREIGN_CID_MAX 128u /* as go-car; longer ones carry data in the id */

_Static_assert(CID_SIZE + BLOCK_SIZE_MAX < 1u << 7 * SECTION_HEAD_MAX,
               "every length of ours fits SECTION_HEAD_MAX bytes");

int varint_read(struct span s, uint64_t *out)
{
  uint64_t v = 0;
  for (int i = 0; i < VARINT_BYTES_MAX; i++) {
    if ((size_t)i == s.n) {
      return 0;
    }
    uint8_t byte = s.p[i];
    v |= (uint64_t)(byte & 0x7fu) << 7 * i;
    if ((byte & 0x80u) == 0) {
      if (byte == 0 && i > 0) {
        return ERR_INVALID; /* not minimal */
      }
      *out = v;
      return i + 1;
    }
  }
  return ERR_INVALID;
}

size_t varint_put(uint8_t out[VARINT_BYTES_MAX], uint64_t v)
{
  CHECK(v <= INT64_MAX);
  size_t n = 0;
  while (v >= 0x80) {
    out[n++] = (uint8_t)(v | 0x80u);
    v >>= 7;
  }
  out[n++] = (uint8_t)v;
  return n;
}

/* ---- writing ---- */

static const uint8_t key_roots[] = {0x65, 'r', 'o', 'o', 't', 's'};
static const uint8_t key_version[] = {0x67, 'v', 'e', 'r', 's', 'i', 'o', 'n'};
static const uint8_t link_head[] = {0xd8, 0x2a, 0x58, CID_SIZE + 1, 0x00};

int car_put_header(struct buf *b, const struct cid *roots, size_t count)
{
  if (count > CAR_ROOTS_MAX) {
    return ERR_LIMIT;
  }
  size_t list_head = count < 24 ? 1 : 2;
  size_t body = 1 + sizeof key_roots + list_head +
                count * (sizeof link_head + CID_SIZE) + sizeof key_version + 1;
  int rc = buf_reserve(b, VARINT_BYTES_MAX + body);
  if (rc < 0) {
    return rc;
  }
  uint8_t *p = b->p + b->n;
  p += varint_put(p, body);
  *p++ = 0xa2; /* a map of two */
  memcpy(p, key_roots, sizeof key_roots);
  p += sizeof key_roots;
  if (count < 24) {
    *p++ = (uint8_t)(0x80u | count);
  } else {
    *p++ = 0x98;
    *p++ = (uint8_t)count;
  }
  for (size_t i = 0; i < count; i++) {
    memcpy(p, link_head, sizeof link_head);
    memcpy(p + sizeof link_head, roots[i].b, CID_SIZE);
    p += sizeof link_head + CID_SIZE;
  }
  memcpy(p, key_version, sizeof key_version);
  p += sizeof key_version;
  *p++ = 0x01;
  b->n = (size_t)(p - b->p);
  CHECK(b->n <= b->cap);
  return 0;
}

int car_put_section(struct buf *b, const struct cid *c, struct span block)
{
  if (block.n > BLOCK_SIZE_MAX) {
    return ERR_LIMIT;
  }
  uint8_t head[VARINT_BYTES_MAX];
  size_t head_n = varint_put(head, CID_SIZE + block.n);
  int rc = buf_reserve(b, head_n + CID_SIZE + block.n);
  if (rc < 0) {
    return rc;
  }
  memcpy(b->p + b->n, head, head_n);
  memcpy(b->p + b->n + head_n, c->b, CID_SIZE);
  b->n += head_n + CID_SIZE;
  if (block.n > 0) {
    memcpy(b->p + b->n, block.p, block.n);
    b->n += block.n;
  }
  return 0;
}

/* ---- the header ----
 * A parser of its own, not form/cbor: roots may be CIDs that are not of our
 * form, which cbor_check refuses. */

struct header_reader {
  const uint8_t *start, *p, *end;
  struct err *e;
};

static int header_bad(const struct header_reader *r, const char *what)
{
  return err_set(r->e, ERR_INVALID, "CAR header: %s at byte %td", what,
                 r->p - r->start);
}

/* Take a CBOR head of ${major} in its shortest form. The largest number that
 * a header of CAR_HEADER_MAX bytes may need fits two bytes. */
static int take_head(struct header_reader *r, unsigned major, uint64_t *out,
                     const char *what)
{
  if (r->p == r->end || *r->p >> 5 != major) {
    return header_bad(r, what);
  }
  unsigned info = *r->p & 0x1fu;
  size_t more = info < 24 ? 0 : info == 24 ? 1 : info == 25 ? 2 : 9;
  if (more == 9 || (size_t)(r->end - r->p) < 1 + more) {
    return header_bad(r, what);
  }
  uint64_t v = info;
  if (more == 1) {
    v = r->p[1];
  } else if (more == 2) {
    v = (uint64_t)r->p[1] << 8 | r->p[2];
  }
  if ((more == 1 && v < 24) || (more == 2 && v < 256)) {
    return header_bad(r, "a number that is not in its shortest form");
  }
  r->p += 1 + more;
  *out = v;
  return 0;
}

/* Take ${n} bytes, or NULL when fewer are left. */
static const uint8_t *take_bytes(struct header_reader *r, uint64_t n)
{
  if (n > (uint64_t)(r->end - r->p)) {
    return NULL;
  }
  const uint8_t *p = r->p;
  r->p += n;
  return p;
}

/* One root: tag 42 over bytes that begin with 00. */
static int take_root(struct header_reader *r, struct span *out)
{
  uint64_t tag = 0, n = 0;
  int rc = take_head(r, 6, &tag, "a root is not a link");
  if (rc < 0) {
    return rc;
  }
  if (tag != 42) {
    return header_bad(r, "a tag that is not 42");
  }
  rc = take_head(r, 2, &n, "a link is not of bytes");
  if (rc < 0) {
    return rc;
  }
  const uint8_t *p = take_bytes(r, n);
  if (p == NULL || n < 2 || p[0] != 0) {
    return header_bad(r, "a link that is no CID");
  }
  if (n - 1 > FOREIGN_CID_MAX) {
    return err_set(r->e, ERR_LIMIT,
                   "CAR header: a root of %llu bytes, at most "
                   "%u",
                   (unsigned long long)n - 1, FOREIGN_CID_MAX);
  }
  *out = span_of(p + 1, (size_t)n - 1);
  return 0;
}

static int take_roots(struct header_reader *r, struct cid *roots, size_t *count)
{
  uint64_t n = 0;
  int rc = take_head(r, 4, &n, "`roots` is not a list");
  if (rc < 0) {
    return rc;
  }
  if (n > CAR_ROOTS_MAX) {
    return err_set(r->e, ERR_LIMIT, "CAR header: %llu roots, at most %d",
                   (unsigned long long)n, CAR_ROOTS_MAX);
  }
  for (uint64_t i = 0; i < n; i++) {
    struct span root = {NULL, 0};
    rc = take_root(r, &root);
    if (rc < 0) {
      return rc;
    }
    if (root.n == CID_SIZE && cid_looks(root.p)) {
      memcpy(roots[*count].b, root.p, CID_SIZE);
      *count += 1;
    }
  }
  return 0;
}

/* Take ${key} (its CBOR bytes) or say what stands there instead. */
static int take_key(struct header_reader *r, const uint8_t *key, size_t n,
                    const char *what)
{
  if ((size_t)(r->end - r->p) < n || memcmp(r->p, key, n) != 0) {
    return header_bad(r, what);
  }
  r->p += n;
  return 0;
}

/* {"roots": [...], "version": 1}: canonical order leaves one spelling, so a
 * doubled or unknown key shows as the wrong count or the wrong next key. */
static int read_map(struct header_reader *r, struct cid *roots, size_t *count)
{
  uint64_t pairs = 0, version = 0;
  int rc = take_head(r, 5, &pairs, "not a map");
  if (rc < 0) {
    return rc;
  }
  if (pairs != 2) {
    return header_bad(r, "not exactly the keys `roots` and `version`");
  }
  rc = take_key(r, key_roots, sizeof key_roots, "expected the key `roots`");
  if (rc < 0) {
    return rc;
  }
  rc = take_roots(r, roots, count);
  if (rc < 0) {
    return rc;
  }
  rc = take_key(r, key_version, sizeof key_version,
                "expected the key `version`");
  if (rc < 0) {
    return rc;
  }
  rc = take_head(r, 0, &version, "`version` is not a number");
  if (rc < 0) {
    return rc;
  }
  if (version != 1) {
    return err_set(r->e, ERR_INVALID, "CAR version %llu is not read",
                   (unsigned long long)version);
  }
  if (r->p != r->end) {
    return header_bad(r, "bytes after the map");
  }
  return 0;
}

int64_t car_read_header(struct span s, struct cid *roots, size_t *count,
                        struct err *e)
{
  uint64_t n;
  *count = 0;
  int head = varint_read(s, &n);
  if (head == 0) {
    return 0;
  }
  if (head < 0) {
    return err_set(e, ERR_INVALID, "not a CAR: bad header length");
  }
  if (n > CAR_HEADER_MAX) {
    return err_set(e, ERR_LIMIT,
                   "not a CAR, or its header of %llu bytes is "
                   "over %d",
                   (unsigned long long)n, CAR_HEADER_MAX);
  }
  if (n > s.n - (size_t)head) {
    return 0;
  }
  if (car_is_v2(s)) {
    return err_set(e, ERR_INVALID, "this is a CARv2 file, not CARv1");
  }
  const uint8_t *p = s.p + head;
  struct header_reader r = {p, p, p + n, e};
  int rc = read_map(&r, roots, count);
  if (rc < 0) {
    *count = 0;
    return rc;
  }
  return head + (int64_t)n;
}

/* ---- CARv2: a pragma, 40 bytes, and a CARv1 inside ---- */

static const uint8_t pragma_v2[11] = {0x0a, 0xa1, 0x67, 'v', 'e', 'r',
                                      's',  'i',  'o',  'n', 0x02};

bool car_is_v2(struct span s)
{
  return s.n >= sizeof pragma_v2 &&
         memcmp(s.p, pragma_v2, sizeof pragma_v2) == 0;
}

static uint64_t read_le64(const uint8_t *p)
{
  uint64_t v = 0;
  for (int i = 0; i < 8; i++) {
    v |= (uint64_t)p[i] << 8 * i;
  }
  return v;
}

int car_read_v2(struct span s, uint64_t *offset, uint64_t *size, struct err *e)
{
  if (s.n < CAR_V2_HEAD) {
    return 0;
  }
  if (!car_is_v2(s)) {
    return err_set(e, ERR_INVALID, "not a CARv2 file");
  }
  const uint8_t *p = s.p + sizeof pragma_v2 + 16; /* characteristics */
  uint64_t at = read_le64(p), n = read_le64(p + 8);
  if (at < CAR_V2_HEAD || at > INT64_MAX || n > INT64_MAX - at) {
    return err_set(e, ERR_INVALID, "CARv2: its data lies outside of the file");
  }
  *offset = at;
  *size = n;
  return CAR_V2_HEAD;
}

/* ---- sections ---- */

int64_t car_read_section(struct span s, struct car_section *out, struct err *e)
{
  uint64_t n;
  int head = varint_read(s, &n);
  if (head == 0) {
    return 0;
  }
  if (head < 0) {
    return err_set(e, ERR_INVALID, "CAR section: bad length");
  }
  if (n < CID_SIZE || n > SECTION_LEN_MAX) {
    return err_set(e, ERR_INVALID,
                   "CAR section of %llu bytes, not in %d .. "
                   "%llu",
                   (unsigned long long)n, CID_SIZE,
                   (unsigned long long)SECTION_LEN_MAX);
  }
  size_t left = s.n - (size_t)head;
  if (left < CID_SIZE) {
    return 0;
  }
  int rc = cid_read(&out->cid, s.p + head, CID_SIZE, e);
  if (rc < 0) {
    return rc;
  }
  if (left < n) {
    return 0;
  }
  out->block = span_of(s.p + head + CID_SIZE, (size_t)n - CID_SIZE);
  return head + (int64_t)n;
}

/* Bytes of the CID of whatever form that ${s} starts with, 0 when there is
 * none (or none that is whole). */
static size_t any_cid(struct span s)
{
  size_t at = 0;
  uint64_t field[4]; /* version, codec, hash function, digest's length */
  if (s.n >= 2 && s.p[0] == 0x12 && s.p[1] == 0x20) {
    return s.n >= 34 ? 34 : 0; /* CIDv0: a bare sha2-256 multihash */
  }
  for (int i = 0; i < 4; i++) {
    int n = varint_read(span_of(s.p + at, s.n - at), &field[i]);
    if (n <= 0) {
      return 0;
    }
    at += (size_t)n;
  }
  if (field[0] != 1 || field[3] > FOREIGN_CID_MAX || field[3] > s.n - at) {
    return 0;
  }
  at += (size_t)field[3];
  return at <= FOREIGN_CID_MAX ? at : 0;
}

int64_t car_foreign_section(struct span s)
{
  uint64_t n;
  int head = varint_read(s, &n);
  if (head <= 0 || n > FOREIGN_CID_MAX + BLOCK_SIZE_MAX) {
    return 0;
  }
  size_t left = s.n - (size_t)head;
  if (n < left) {
    left = (size_t)n;
  }
  const uint8_t *p = s.p + head;
  if (left >= CID_SIZE && cid_looks(p)) {
    return 0;
  }
  return any_cid(span_of(p, left)) > 0 ? head + (int64_t)n : 0;
}

/* Is there a length of a section of ours in exactly the ${n} bytes at ${p}? */
static bool is_section_head(const uint8_t *p, size_t n)
{
  uint64_t v;
  return varint_read(span_of(p, n), &v) == (int)n && v >= CID_SIZE &&
         v <= SECTION_LEN_MAX;
}

/* Where the first section whose CID lies at ${at} may start, not before
 * ${from}; ${at} itself when nothing before it is a length. The longest
 * length comes first: the caller then tries the shorter ones, as it goes on
 * one byte later. */
static size_t head_before(struct span s, size_t from, size_t at)
{
  for (size_t n = SECTION_HEAD_MAX; n > 0; n--) {
    if (at >= from + n && is_section_head(s.p + at - n, n)) {
      return at - n;
    }
  }
  return at;
}

size_t car_seek(struct span s, size_t from)
{
  size_t at = from; /* the CID is looked for from here on */
  while (at < s.n && s.n - at >= CID_SIZE) {
    const uint8_t *p = memchr(s.p + at, 0x01, s.n - at - CID_SIZE + 1);
    if (p == NULL) {
      break;
    }
    at = (size_t)(p - s.p);
    if (cid_looks(p)) {
      size_t start = head_before(s, from, at);
      if (start < at) {
        return start;
      }
    }
    at++;
  }
  return s.n;
}

bool car_salvage_try(struct car_salvage *v, uint64_t at, size_t n)
{
  CHECK(at <= INT64_MAX / 8);
  uint64_t budget = v->size > 0 ? v->size + CAR_SALVAGE_FACTOR_SIZED * at
                                : CAR_SALVAGE_FREE + CAR_SALVAGE_FACTOR * at;
  if (v->wasted > budget || n > budget - v->wasted) {
    return false;
  }
  v->wasted += n;
  return true;
}

void car_salvage_good(struct car_salvage *v, size_t n)
{
  CHECK(v->wasted >= n);
  v->wasted -= n;
}
