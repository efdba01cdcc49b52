/* SPDX-License-Identifier: 0BSD */
/* The unit tests' harness: one program a module. A test is a function named
 * in RUN(); EXPECT reports and goes on; the last line is
 * "N passed, N failed, N skipped", and the exit code says the same. */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int unit_passed, unit_failed, unit_skipped, unit_faults;

#define EXPECT(cond)                                                           \
  ((cond) ? (void)0                                                            \
          : (void)(unit_faults++, printf("  %s:%d: expected %s\n", __FILE__,   \
                                         __LINE__, #cond)))

#define EXPECT_INT(got, want)                                                  \
  do {                                                                         \
    long long unit_g = (long long)(got), unit_w = (long long)(want);           \
    if (unit_g != unit_w) {                                                    \
      unit_faults++;                                                           \
      printf("  %s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #got, \
             unit_g, unit_w);                                                  \
    }                                                                          \
  } while (0)

#define EXPECT_TEXT(got, want)                                                 \
  do {                                                                         \
    const char *unit_g = (got), *unit_w = (want);                              \
    if (strcmp(unit_g, unit_w) != 0) {                                         \
      unit_faults++;                                                           \
      printf("  %s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__,   \
             #got, unit_g, unit_w);                                            \
    }                                                                          \
  } while (0)

/* For what the test itself needs in order to go on. */
#define NEED(cond)                                                             \
  do {                                                                         \
    if (!(cond)) {                                                             \
      printf("  %s:%d: needed %s\n", __FILE__, __LINE__, #cond);               \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

#define RUN(test)                                                              \
  do {                                                                         \
    unit_faults = 0;                                                           \
    test();                                                                    \
    if (unit_faults == 0) {                                                    \
      unit_passed++;                                                           \
    } else {                                                                   \
      unit_failed++;                                                           \
      printf("not ok - %s\n", #test);                                          \
    }                                                                          \
  } while (0)

static inline void unit_skip(int n, const char *why)
{
  unit_skipped += n;
  printf("  skipped %d: %s\n", n, why);
}

static inline int unit_done(void)
{
  printf("%d passed, %d failed, %d skipped\n", unit_passed, unit_failed,
         unit_skipped);
  return unit_failed == 0 ? 0 : 1;
}

#endif
