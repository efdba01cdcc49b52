/* SPDX-License-Identifier: 0BSD */
#include "station/shown.h"

#include "form/car.h"

#include <string.h>

/* Text: how many of the tail are told, a letter from 'a' on; then bytes as hex
 * digits. All numbers are varints: of the tail score, in parts of SCORE_ONE,
 * and number; of the head each number less the one before. */
#define SCORE_ONE 65536.0

/* Where ${ref} is, or would be. */
static size_t place_of(const struct shown *s, uint64_t ref)
{
  size_t from = 0, to = s->n;
  while (from < to) {
    size_t middle = from + (to - from) / 2;
    if (s->ref[middle] < ref) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from;
}

bool shown_has(const struct shown *s, uint64_t ref)
{
  size_t at = place_of(s, ref);
  return at < s->n && s->ref[at] == ref;
}

void shown_add(struct shown *s, uint64_t ref)
{
  size_t at = place_of(s, ref);
  if (s->n == SEARCH_SHOWN_MAX || (at < s->n && s->ref[at] == ref)) {
    return;
  }
  memmove(s->ref + at + 1, s->ref + at, (s->n - at) * sizeof s->ref[0]);
  s->ref[at] = ref;
  s->n++;
}

void shown_tail(struct shown *s, const struct store_hit *hit)
{
  s->lasts += s->lasts < SHOWN_LAST;
  memmove(s->last + 1, s->last, (s->lasts - 1) * sizeof s->last[0]);
  s->last[0] = *hit;
}

static int put_number(struct buf *out, uint64_t v)
{
  static const char digit[] = "0123456789abcdef";
  uint8_t b[VARINT_BYTES_MAX], text[2 * VARINT_BYTES_MAX];
  size_t n = varint_put(b, v);
  for (size_t i = 0; i < n; i++) {
    text[2 * i] = (uint8_t)digit[b[i] >> 4];
    text[2 * i + 1] = (uint8_t)digit[b[i] & 15];
  }
  return buf_put(out, text, 2 * n);
}

int shown_put(struct buf *out, const struct shown *s)
{
  uint64_t before = 0;
  int rc = buf_byte(out, (uint8_t)('a' + s->lasts));
  for (size_t i = 0; rc == 0 && i < s->lasts; i++) {
    rc = put_number(out, (uint64_t)(s->last[i].score * SCORE_ONE + 0.5));
    rc = rc < 0 ? rc : put_number(out, s->last[i].ref);
  }
  for (size_t i = 0; rc == 0 && i < s->n; i++) {
    rc = put_number(out, s->ref[i] - before);
    before = s->ref[i];
  }
  return rc;
}

static int digit_of(uint8_t c)
{
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                : -1;
}

static bool read_number(struct span *text, uint64_t *out)
{
  uint8_t b[VARINT_BYTES_MAX];
  size_t n = 0;
  for (; n < sizeof b && 2 * n + 1 < text->n; n++) {
    int high = digit_of(text->p[2 * n]), low = digit_of(text->p[2 * n + 1]);
    if (high < 0 || low < 0) {
      return false;
    }
    b[n] = (uint8_t)(high << 4 | low);
  }
  int taken = varint_read(span_of(b, n), out);
  if (taken <= 0) {
    return false;
  }
  *text = span_of(text->p + 2 * taken, text->n - 2 * (size_t)taken);
  return true;
}

bool shown_read(struct shown *out, struct span text)
{
  uint64_t score = 0, ref = 0, more;
  memset(out, 0, sizeof *out);
  if (text.n == 0 || text.p[0] < 'a' || text.p[0] > 'a' + SHOWN_LAST) {
    return false;
  }
  out->lasts = (size_t)(text.p[0] - 'a');
  text = span_of(text.p + 1, text.n - 1);
  for (size_t i = 0; i < out->lasts; i++) {
    if (!read_number(&text, &score) || score >> 32 != 0 ||
        !read_number(&text, &out->last[i].ref)) {
      return false;
    }
    out->last[i].score = (double)score / SCORE_ONE;
  }
  while (text.n > 0) {
    if (out->n == SEARCH_SHOWN_MAX || !read_number(&text, &more) || more == 0 ||
        more > (uint64_t)INT64_MAX - ref) {
      return false;
    }
    ref += more;
    out->ref[out->n++] = ref;
  }
  return true;
}
