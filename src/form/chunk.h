/* SPDX-License-Identifier: 0BSD */
/* Content-defined cuts: FastCDC with normalised chunking level 2 (Xia et al.,
 * USENIX ATC 2016), so that an edit in the middle of a file moves only the
 * chunks it touches. The gear table is generated from SHA-256 as FORMAT.md
 * says, so that two stations cut alike. */
#ifndef FORM_CHUNK_H
#define FORM_CHUNK_H

#include <stddef.h>
#include <stdint.h>

/* Length of the first chunk of the ${n} bytes at ${p}. Give CHUNK_MAX bytes,
 * or all that is left of the file: the result is in 1 .. n and, except for a
 * file's last chunk, >= CHUNK_MIN. n > 0. Cannot fail. */
size_t chunk_cut(const uint8_t *p, size_t n);

#endif
