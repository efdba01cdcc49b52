/* SPDX-License-Identifier: 0BSD */
/* CHECK: our own invariant, on in release too. Never for foreign bytes. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

typedef void check_hook(const char *file, int line, const char *what);

/* Replace what happens when an invariant is broken (default: print and
 * abort). A hook must not return. NULL restores the default. */
void check_set_hook(check_hook *hook);

#if defined(__GNUC__)
__attribute__((noreturn))
#endif
void check_failed(const char *file, int line, const char *what);

#define CHECK(cond)                                                            \
  do {                                                                         \
    if (!(cond)) {                                                             \
      check_failed(__FILE__, __LINE__, #cond);                                 \
    }                                                                          \
  } while (0)

#endif
