/* SPDX-License-Identifier: 0BSD */
/* Reads files of the search collections, which lie beside the repository
 * ($SEARCH_DEV): measuring data that is never shipped. */
#ifndef DEV_FILE_H
#define DEV_FILE_H

#include "vector_file.h"

/* False when $SEARCH_DEV is not set or holds no such file. */
static inline bool dev_load(struct buf *out, const char *name)
{
  const char *root = getenv("SEARCH_DEV");
  char path[4096];
  if (root == NULL) {
    return false;
  }
  int n = snprintf(path, sizeof path, "%s/%s", root, name);
  return n > 0 && (size_t)n < sizeof path && file_load(out, path);
}

/* The next line of ${all} as at most ${max} columns between tabs; returns how
 * many there were, 0 at the end. ${at} begins with 0. */
static inline size_t dev_line(struct span all, size_t *at, struct span *column,
                              size_t max)
{
  size_t n = 0, from = *at;
  if (from >= all.n) {
    return 0;
  }
  while (*at <= all.n) {
    bool end = *at == all.n || all.p[*at] == '\n';
    if (end || (all.p[*at] == '\t' && n + 1 < max)) {
      column[n++] = span_of(all.p + from, *at - from);
      from = *at + 1;
    }
    (*at)++;
    if (end) {
      break;
    }
  }
  return n;
}

#endif
