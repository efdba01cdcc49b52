/* SPDX-License-Identifier: 0BSD */
/* Characters that have no place in a name: they hide, reorder or end it. */
#ifndef FORM_PLAIN_H
#define FORM_PLAIN_H

#include "base/buf.h"
#include "base/utf8.h"

/* Controls (C0, DEL, C1), line and paragraph separators, bidi marks,
 * embeddings, overrides and isolates, and the byte order mark. The joiners
 * U+200C and U+200D stay: Persian and Kurdish spell with them. */
static inline bool plain_refuses(uint32_t cp)
{
  return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x061c ||
         cp == 0x200e || cp == 0x200f || (cp >= 0x2028 && cp <= 0x202e) ||
         (cp >= 0x2066 && cp <= 0x2069) || cp == 0xfeff;
}

/* White space that is no control (Unicode's Zs). */
static inline bool plain_space(uint32_t cp)
{
  return cp == 0x20 || cp == 0xa0 || cp == 0x1680 ||
         (cp >= 0x2000 && cp <= 0x200a) || cp == 0x202f || cp == 0x205f ||
         cp == 0x3000;
}

/* Is ${s} well formed and free of what plain_refuses names? */
static inline bool plain_text(struct span s)
{
  size_t len;
  for (size_t i = 0; i < s.n; i += len) {
    uint32_t cp = utf8_next(s.p + i, s.n - i, &len);
    if (cp == UTF8_BAD || plain_refuses(cp)) {
      return false;
    }
  }
  return true;
}

#endif
