/* SPDX-License-Identifier: 0BSD */
#include "sync/slip_text.h"

#include "base/check.h"
#include "form/hash.h"

#include <string.h>

/* ---- blanks ---- */

static bool blank(uint8_t c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trimmed(struct span text)
{
  while (text.n > 0 && blank(text.p[0])) {
    text = span_of(text.p + 1, text.n - 1);
  }
  while (text.n > 0 && blank(text.p[text.n - 1])) {
    text.n--;
  }
  return text;
}

static bool begins(struct span text, const char *with)
{
  size_t n = strlen(with);
  return text.n >= n && memcmp(text.p, with, n) == 0;
}

/* ---- QR codes ---- */

#define SCAN_HEAD "MAHATTA:"
#define READER_HEAD "QR-Code:" /* zbarimg's */

static const char letters45[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/* ${v} in ${n} letters, the lowest first. */
static int put45(struct buf *out, uint32_t v, int n)
{
  int rc = 0;
  for (; rc == 0 && n > 0; n--) {
    rc = buf_byte(out, (uint8_t)letters45[v % 45]);
    v /= 45;
  }
  return rc;
}

int slip_scan_put(struct buf *out, struct span slip)
{
  size_t before = out->n;
  int rc = buf_put(out, SCAN_HEAD, sizeof SCAN_HEAD - 1);
  for (size_t i = 0; rc == 0 && i < slip.n; i += 2) {
    rc = i + 1 < slip.n
             ? put45(out, (uint32_t)slip.p[i] << 8 | slip.p[i + 1], 3)
             : put45(out, slip.p[i], 2);
  }
  if (rc < 0) {
    out->n = before;
  }
  return rc;
}

/* What comes behind the head; no bytes when it is not there. */
static struct span scan_body(struct span text)
{
  const size_t head = sizeof SCAN_HEAD - 1, reader = sizeof READER_HEAD - 1;
  text = trimmed(text);
  if (begins(text, READER_HEAD)) {
    text = span_of(text.p + reader, text.n - reader);
  }
  return begins(text, SCAN_HEAD) ? span_of(text.p + head, text.n - head)
                                 : span_of(NULL, 0);
}

bool slip_scan_looks(struct span text)
{
  return scan_body(text).n > 0;
}

/* ${n} letters as a number; -1 when one is none of the 45. */
static int32_t take45(const uint8_t *p, size_t n)
{
  int32_t v = 0;
  while (n-- > 0) {
    const char *at = p[n] != 0 ? strchr(letters45, p[n]) : NULL;
    if (at == NULL) {
      return -1;
    }
    v = v * 45 + (int32_t)(at - letters45);
  }
  return v;
}

int slip_scan_read(struct buf *out, struct span text, struct err *e)
{
  struct span body = scan_body(text);
  size_t before = out->n;
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < body.n; i += 3) {
    size_t n = body.n - i < 3 ? body.n - i : 3;
    int32_t v = n > 1 ? take45(body.p + i, n) : -1;
    if (v < 0 || v > (n == 3 ? 0xffff : 0xff)) {
      rc = err_set(e, ERR_INVALID,
                   "the text of a QR code is damaged near letter %zu",
                   sizeof SCAN_HEAD - 1 + i + 1);
      break;
    }
    if (n == 3) {
      rc = buf_byte(out, (uint8_t)(v >> 8));
    }
    rc = rc < 0 ? rc : buf_byte(out, (uint8_t)v);
    rc = rc < 0 ? err_set(e, rc, "not enough memory") : 0;
  }
  if (rc < 0) {
    out->n = before;
  }
  return rc;
}

/* ---- SMS ---- */

#define SHORT_DOMAIN "mahatta/sms/1" /* its NUL belongs to it */
#define SUM_SIZE 4
#define SHORT_HEAD                                                             \
  (3 + 1 + SLIP_SHORT_WHO + SLIP_SHORT_COLL + 4 + SLIP_SHORT_DIGEST)
#define SHORT_MAX (SHORT_HEAD + 8 * SLIP_SHORT_SYNDROMES + SUM_SIZE)

static const uint8_t magic[3] = {0x9a, 0x1b, 0x35}; /* shown as "mhs1" */
static const char letters64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

_Static_assert((SHORT_MAX * 4 + 2) / 3 <= SLIP_SHORT_TEXT, "it fits an SMS");

static uint8_t *put_number(uint8_t *p, uint64_t v, int bytes)
{
  for (int i = bytes; i > 0; i--) {
    p[i - 1] = (uint8_t)v;
    v >>= 8;
  }
  return p + bytes;
}

static uint64_t take_number(const uint8_t *p, int bytes)
{
  uint64_t v = 0;
  for (int i = 0; i < bytes; i++) {
    v = v << 8 | p[i];
  }
  return v;
}

static int check_sum(uint8_t out[HASH_SIZE], const uint8_t *p, size_t n)
{
  uint8_t all[sizeof SHORT_DOMAIN + SHORT_MAX] = SHORT_DOMAIN;
  CHECK(n <= SHORT_MAX);
  memcpy(all + sizeof SHORT_DOMAIN, p, n);
  return hash_sha256(out, all, sizeof SHORT_DOMAIN + n);
}

static int put64(struct buf *out, const uint8_t *p, size_t n)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < 8 * n; i += 6) {
    uint32_t two = (uint32_t)p[i / 8] << 8 | (i / 8 + 1 < n ? p[i / 8 + 1] : 0);
    rc = buf_byte(out, (uint8_t)letters64[two >> (10 - i % 8) & 63]);
  }
  return rc;
}

int slip_short_put(struct buf *out, const struct slip_short *s)
{
  uint8_t bytes[SHORT_MAX], sum[HASH_SIZE], *p = bytes;
  size_t before = out->n;
  CHECK(s->syndromes <= SLIP_SHORT_SYNDROMES && s->files < 64);
  memcpy(p, magic, sizeof magic);
  p = put_number(p + sizeof magic, s->files, 1);
  memcpy(p, s->who, SLIP_SHORT_WHO);
  memcpy(p + SLIP_SHORT_WHO, s->coll, SLIP_SHORT_COLL);
  p = put_number(p + SLIP_SHORT_WHO + SLIP_SHORT_COLL, s->count, 4);
  memcpy(p, s->digest, SLIP_SHORT_DIGEST);
  p += SLIP_SHORT_DIGEST;
  for (uint32_t i = 0; i < s->syndromes; i++) {
    p = put_number(p, s->syndrome[i], 8);
  }
  int rc = check_sum(sum, bytes, (size_t)(p - bytes));
  if (rc == 0) {
    memcpy(p, sum, SUM_SIZE);
    rc = put64(out, bytes, (size_t)(p - bytes) + SUM_SIZE);
  }
  if (rc < 0) {
    out->n = before;
  }
  return rc;
}

bool slip_short_looks(struct span text)
{
  return begins(trimmed(text), "mhs1");
}

/* The bytes of a line of letters: how many, or -1. */
static int take64(uint8_t out[SHORT_MAX], struct span line)
{
  uint32_t have = 0, bits = 0;
  int n = 0;
  for (size_t i = 0; i < line.n; i++) {
    const char *at = line.p[i] != 0 ? strchr(letters64, line.p[i]) : NULL;
    if (at == NULL || n == SHORT_MAX) {
      return -1;
    }
    bits = bits << 6 | (uint32_t)(at - letters64);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out[n++] = (uint8_t)(bits >> have);
      bits &= (1u << have) - 1;
    }
  }
  /* Every slip has one spelling: no letter too many, no bit left over. */
  return have < 6 && bits == 0 ? n : -1;
}

static int read_short(struct slip_short *out, const uint8_t *bytes, int n,
                      struct err *e)
{
  uint8_t sum[HASH_SIZE];
  const uint8_t *p = bytes;
  int left = n - SHORT_HEAD - SUM_SIZE;
  if (left < 0 || left % 8 != 0 || memcmp(p, magic, sizeof magic) != 0 ||
      p[3] > 63) {
    return err_set(e, ERR_INVALID, "a short slip is damaged");
  }
  int rc = check_sum(sum, bytes, (size_t)(n - SUM_SIZE));
  if (rc < 0 || memcmp(sum, bytes + n - SUM_SIZE, SUM_SIZE) != 0) {
    return rc < 0 ? err_set(e, rc, "not enough memory")
                  : err_set(e, ERR_INVALID,
                            "a letter of a short slip is wrong: its check "
                            "number differs");
  }
  memset(out, 0, sizeof *out);
  out->files = p[3];
  p += 4;
  memcpy(out->who, p, SLIP_SHORT_WHO);
  memcpy(out->coll, p + SLIP_SHORT_WHO, SLIP_SHORT_COLL);
  p += SLIP_SHORT_WHO + SLIP_SHORT_COLL;
  out->count = (uint32_t)take_number(p, 4);
  memcpy(out->digest, p + 4, SLIP_SHORT_DIGEST);
  p += 4 + SLIP_SHORT_DIGEST;
  out->syndromes = (uint32_t)left / 8;
  for (uint32_t i = 0; i < out->syndromes; i++) {
    out->syndrome[i] = take_number(p + 8 * i, 8);
  }
  return 0;
}

int slip_short_next(struct slip_short *out, struct span text, size_t *at,
                    struct err *e)
{
  uint8_t bytes[SHORT_MAX];
  while (*at < text.n && blank(text.p[*at])) {
    ++*at;
  }
  if (*at == text.n) {
    return 0;
  }
  size_t end = *at;
  while (end < text.n && !blank(text.p[end])) {
    end++;
  }
  int n = take64(bytes, span_of(text.p + *at, end - *at));
  *at = end;
  if (n < 0) {
    return err_set(e, ERR_INVALID,
                   "a short slip has a letter that doesn't belong there, or "
                   "too many");
  }
  int rc = read_short(out, bytes, n, e);
  return rc < 0 ? rc : 1;
}
