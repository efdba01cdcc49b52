/* SPDX-License-Identifier: 0BSD */
/* For analyzers only, put before every file but err.c: they look at one file
 * at a time, so they cannot know that err_set returns the code that it was
 * given, and err_sys one below 0; each `if (rc < 0)` then seems to let an
 * unset variable pass. */
#include "base/err.h"

#define err_set(e, code, ...)                                                  \
  ((void)(err_set)((e), (code), __VA_ARGS__), (code))
#define err_sys(e, ...) ((void)(err_sys)((e), __VA_ARGS__), ERR_IO)
