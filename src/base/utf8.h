/* SPDX-License-Identifier: 0BSD */
/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, <= U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BAD 0xffffffffu

/* Decode the code point at ${p}, ${n} bytes left; writes its length (>= 1)
 * to ${len}. Ill-formed bytes give UTF8_BAD and length 1, so that a loop
 * always advances. ${n} must be > 0. */
uint32_t utf8_next(const uint8_t *p, size_t n, size_t *len);

/* The same, with the lengths of nearly all our text decided on the spot. */
static inline uint32_t utf8_quick(const uint8_t *p, size_t n, size_t *len)
{
  if (p[0] < 0x80) {
    *len = 1;
    return p[0];
  }
  if (n >= 2 && p[0] >= 0xc2 && p[0] <= 0xdf && (p[1] & 0xc0u) == 0x80u) {
    *len = 2;
    return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
  }
  return utf8_next(p, n, len);
}

/* Write ${cp} to ${out} (4 bytes of room) and return its length. */
size_t utf8_put(uint8_t *out, uint32_t cp);

/* Is all of it well formed? */
bool utf8_valid(const uint8_t *p, size_t n);

/* Largest length <= ${max} at which ${p} (well formed, ${n} bytes) may be cut
 * without splitting a code point. */
size_t utf8_cut(const uint8_t *p, size_t n, size_t max);

#endif
