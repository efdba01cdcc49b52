/* SPDX-License-Identifier: 0BSD */
/* Hex in and out, for tests. */
#ifndef HEX_H
#define HEX_H

#include "base/buf.h"

#include "unit.h"

/* Append the bytes that ${n} hex digits say. */
static inline void hex_add(struct buf *out, const char *hex, size_t n)
{
  NEED(n % 2 == 0);
  for (size_t i = 0; i < n; i += 2) {
    char pair[3] = {hex[i], hex[i + 1], '\0'};
    char *end = NULL;
    unsigned long v = strtoul(pair, &end, 16);
    NEED(end == pair + 2);
    NEED(buf_byte(out, (uint8_t)v) == 0);
  }
}

/* The bytes of a hex C string; the caller frees them. */
static inline struct buf hex_buf(const char *hex)
{
  struct buf b = {0};
  hex_add(&b, hex, strlen(hex));
  return b;
}

/* Is ${s} what ${hex} says? Prints what it is when not. */
static inline bool hex_is(struct span s, const char *hex)
{
  struct buf want = hex_buf(hex);
  bool same = span_equal(s, buf_span(&want));
  if (!same) {
    printf("  got ");
    for (size_t i = 0; i < s.n; i++) {
      printf("%02x", s.p[i]);
    }
    printf("\n");
  }
  buf_free(&want);
  return same;
}

#endif
