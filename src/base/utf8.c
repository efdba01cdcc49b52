/* SPDX-License-Identifier: 0BSD */
#include "base/utf8.h"

#include <string.h>

static bool is_tail(uint8_t byte)
{
  return (byte & 0xc0u) == 0x80u;
}

uint32_t utf8_next(const uint8_t *p, size_t n, size_t *len)
{
  uint8_t a = p[0];
  *len = 1;
  if (a < 0x80) {
    return a;
  }
  if (a >= 0xc2 && a <= 0xdf && n >= 2 && is_tail(p[1])) {
    *len = 2;
    return (a & 0x1fu) << 6 | (p[1] & 0x3fu);
  }
  if (a >= 0xe0 && a <= 0xef && n >= 3 && is_tail(p[1]) && is_tail(p[2])) {
    uint32_t cp = (a & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
    if (cp < 0x800 || (cp >= 0xd800 && cp <= 0xdfff)) {
      return UTF8_BAD;
    }
    *len = 3;
    return cp;
  }
  if (a >= 0xf0 && a <= 0xf4 && n >= 4 && is_tail(p[1]) && is_tail(p[2]) &&
      is_tail(p[3])) {
    uint32_t cp = (a & 0x07u) << 18 | (p[1] & 0x3fu) << 12 |
                  (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
    if (cp < 0x10000 || cp > 0x10ffff) {
      return UTF8_BAD;
    }
    *len = 4;
    return cp;
  }
  return UTF8_BAD;
}

size_t utf8_put(uint8_t *out, uint32_t cp)
{
  if (cp < 0x80) {
    out[0] = (uint8_t)cp;
    return 1;
  }
  if (cp < 0x800) {
    out[0] = (uint8_t)(0xc0u | cp >> 6);
    out[1] = (uint8_t)(0x80u | (cp & 0x3fu));
    return 2;
  }
  if (cp < 0x10000) {
    out[0] = (uint8_t)(0xe0u | cp >> 12);
    out[1] = (uint8_t)(0x80u | (cp >> 6 & 0x3fu));
    out[2] = (uint8_t)(0x80u | (cp & 0x3fu));
    return 3;
  }
  out[0] = (uint8_t)(0xf0u | cp >> 18);
  out[1] = (uint8_t)(0x80u | (cp >> 12 & 0x3fu));
  out[2] = (uint8_t)(0x80u | (cp >> 6 & 0x3fu));
  out[3] = (uint8_t)(0x80u | (cp & 0x3fu));
  return 4;
}

bool utf8_valid(const uint8_t *p, size_t n)
{
  size_t i = 0;
  while (i < n) {
    uint8_t a = p[i];
    if (a < 0x80) {
      uint64_t word = UINT64_MAX;
      if (n - i >= 8) { /* eight ASCII bytes at a time */
        memcpy(&word, p + i, 8);
      }
      i += (word & 0x8080808080808080u) == 0 ? 8 : 1;
      continue;
    }
    if (a >= 0xc2 && a <= 0xdf) { /* Arabic letters, most of our text */
      if (n - i < 2 || !is_tail(p[i + 1])) {
        return false;
      }
      i += 2;
      continue;
    }
    size_t len;
    if (utf8_next(p + i, n - i, &len) == UTF8_BAD) {
      return false;
    }
    i += len;
  }
  return true;
}

size_t utf8_cut(const uint8_t *p, size_t n, size_t max)
{
  if (n <= max) {
    return n;
  }
  while (max > 0 && is_tail(p[max])) {
    max--;
  }
  return max;
}
