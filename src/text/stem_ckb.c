/* SPDX-License-Identifier: 0BSD */
#include "text/stem.h"

#define ROUNDS 3 /* noun, article, clitic, adposition: rarely more */

/* Prepositions and "that", written onto the next word. */
static const struct affix joined[] = {
    AFFIX("له", 4),
    AFFIX("به", 4),
    AFFIX("كه", 4),
    AFFIX("و", 4),
};

/* Endings in folded letters, the longer before those that they end in. */
static const struct affix ending[] = {
    AFFIX("هكاني", 3),                  /* the, plural, izafe */
    AFFIX("هكان", 3),                   /* the, plural */
    AFFIX("يهكي", 3),                   /* a, izafe, behind a vowel */
    AFFIX("يانه", 3),                   /* these, behind a vowel */
    AFFIX("ياني", 3),                   /* plural, izafe, behind a vowel */
    AFFIX("كاني", 3),  AFFIX("كان", 3), /* the, plural, behind a vowel */
    AFFIX("هكه", 3),                    /* the */
    AFFIX("يكي", 3),                    /* a, izafe */
    AFFIX("يهك", 3),                    /* a, behind a vowel */
    AFFIX("مان", 3),                    /* our */
    AFFIX("تان", 3),                    /* your */
    AFFIX("يان", 3),                    /* their; plural behind a vowel */
    AFFIX("انه", 3),                    /* these */
    AFFIX("اني", 3),                    /* plural, izafe */
    AFFIX("هوه", 3),                    /* from, again */
    AFFIX("كه", 3),                     /* the, behind a vowel */
    AFFIX("يك", 3),                     /* a */
    AFFIX("ان", 3),                     /* plural */
    AFFIX("دا", 3),                     /* in */
    AFFIX("يه", 3),                     /* is */
    AFFIX("ه", 3),                      /* this; is */
    AFFIX("ي", 3),                      /* izafe; his */
};

struct stem stem_ckb(const uint32_t *letter, size_t n)
{
  struct stem s = {0, n};
  for (size_t i = 0; i < sizeof joined / sizeof joined[0]; i++) {
    if (affix_begins(&joined[i], letter, n)) {
      s.from = joined[i].n;
      break;
    }
  }
  for (size_t round = 0; round < ROUNDS; round++) {
    size_t before = s.to;
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
      if (affix_ends(&ending[i], letter + s.from, s.to - s.from)) {
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
