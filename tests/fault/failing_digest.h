/* SPDX-License-Identifier: 0BSD */
/* libcrypto has a heap of its own. Here its digests ask ours first, so that
 * they fail with it; for the one program that includes this, beside
 * failing_heap.h. */
#ifndef FAILING_DIGEST_H
#define FAILING_DIGEST_H

#ifndef MEMORY_FAILS /* who has a table of faults says what asks it */
#include "failing_heap.h"
#define MEMORY_FAILS heap_fails
#endif

#include <dlfcn.h>

typedef int digest_whole(const void *data, size_t n, unsigned char *out,
                         unsigned *size, const void *type, void *engine);
typedef int digest_start(void *ctx, const void *type, void *engine);

int EVP_Digest(const void *data, size_t n, unsigned char *out, unsigned *size,
               const void *type, void *engine);
int EVP_DigestInit_ex(void *ctx, const void *type, void *engine);

/* What stands behind ours. A data pointer becomes a function's only so. */
static inline void digest_behind(void *function, const char *name)
{
  void *found = dlsym(RTLD_NEXT, name);
  NEED(found != NULL);
  memcpy(function, &found, sizeof found);
}

int EVP_Digest(const void *data, size_t n, unsigned char *out, unsigned *size,
               const void *type, void *engine)
{
  static digest_whole *behind;
  if (behind == NULL) {
    digest_behind(&behind, "EVP_Digest");
  }
  return MEMORY_FAILS() ? 0 : behind(data, n, out, size, type, engine);
}

int EVP_DigestInit_ex(void *ctx, const void *type, void *engine)
{
  static digest_start *behind;
  if (behind == NULL) {
    digest_behind(&behind, "EVP_DigestInit_ex");
  }
  return MEMORY_FAILS() ? 0 : behind(ctx, type, engine);
}

#endif
