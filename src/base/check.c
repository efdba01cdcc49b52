/* SPDX-License-Identifier: 0BSD */
#include "base/check.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static check_hook *installed;

void check_set_hook(check_hook *hook)
{
  installed = hook;
}

void check_failed(const char *file, int line, const char *what)
{
  if (installed != NULL) {
    installed(file, line, what);
  }
  (void)fprintf(stderr, "mahatta: broken invariant at %s:%d: %s\n", file, line,
                what);
  abort();
}
