/* SPDX-License-Identifier: 0BSD */
/* Reads files of the public test vectors, which lie beside the repository
 * ($VECTORS), and files of our own. */
#ifndef VECTOR_FILE_H
#define VECTOR_FILE_H

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

static inline bool file_load(struct buf *out, const char *path)
{
  FILE *f = fopen(path, "rb");
  size_t n = 1;
  buf_clear(out);
  if (f == NULL) {
    return false;
  }
  while (n > 0 && buf_reserve(out, 65536) == 0) {
    n = fread(out->p + out->n, 1, 65536, f);
    out->n += n;
  }
  bool good = n == 0 && ferror(f) == 0;
  fclose(f);
  return good;
}

/* False when $VECTORS is not set or holds no such file. */
static inline bool vector_load(struct buf *out, const char *name)
{
  const char *root = getenv("VECTORS");
  char path[4096];
  if (root == NULL) {
    return false;
  }
  int n = snprintf(path, sizeof path, "%s/%s", root, name);
  return n > 0 && (size_t)n < sizeof path && file_load(out, path);
}

#endif
