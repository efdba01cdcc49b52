/* SPDX-License-Identifier: 0BSD */
#include "text/stem.h"

#define ROUNDS 3 /* comparative, indefinite, case */

/* Endings in folded letters, the longer before those that they end in. */
static const struct affix ending[] = {
    AFFIX("tirin", 3),                                     /* most */
    AFFIX("inan", 3),                                      /* some, oblique */
    AFFIX("yeke", 3),  AFFIX("yeki", 3), AFFIX("yeka", 3), /* a, with case */
    AFFIX("eke", 3),   AFFIX("eki", 3),  AFFIX("eka", 3),
    AFFIX("yek", 3),                    /* a, behind a vowel */
    AFFIX("yen", 3),   AFFIX("yan", 3), /* plural, behind a vowel */
    AFFIX("tir", 3),                    /* more */
    AFFIX("ek", 3),                     /* a */
    AFFIX("en", 3),                     /* plural, izafe */
    AFFIX("an", 3),                     /* plural, oblique */
    AFFIX("in", 3),                     /* plural, indefinite */
    AFFIX("ya", 3),    AFFIX("ye", 3),   AFFIX("yi", 3),
    AFFIX("a", 3), /* izafe, oblique: feminine and masculine */
    AFFIX("e", 3),     AFFIX("i", 3),
};

struct stem stem_kmr(const uint32_t *letter, size_t n)
{
  struct stem s = {0, n};
  for (size_t round = 0; round < ROUNDS; round++) {
    size_t before = s.to;
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
      if (affix_ends(&ending[i], letter, s.to)) {
        s.to -= ending[i].n;
        break;
      }
    }
    if (s.to == before) {
      break;
    }
  }
  return s;
}
