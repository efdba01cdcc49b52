/* SPDX-License-Identifier: 0BSD */
#include "text/stem.h"

/* The article with what is written onto it, then a lone "and". Single
 * prepositions stay: taking them off finds more and ranks worse. */
static const struct affix prefix[] = {
    AFFIX("وال", 2), AFFIX("بال", 2), AFFIX("كال", 2), AFFIX("فال", 2),
    AFFIX("ال", 2),  AFFIX("لل", 2),  AFFIX("و", 3),
};

/* In this order, each once. Folding made one of the two final hehs. */
static const struct affix suffix[] = {
    AFFIX("ها", 2), AFFIX("ان", 2), AFFIX("ات", 2), AFFIX("ون", 2),
    AFFIX("ين", 2), AFFIX("يه", 2), AFFIX("ه", 2),  AFFIX("ي", 2),
};

struct stem stem_ar(const uint32_t *letter, size_t n)
{
  struct stem s = {0, n};
  for (size_t i = 0; i < sizeof prefix / sizeof prefix[0]; i++) {
    if (affix_begins(&prefix[i], letter, n)) {
      s.from = prefix[i].n;
      break;
    }
  }
  for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++) {
    if (affix_ends(&suffix[i], letter + s.from, s.to - s.from)) {
      s.to -= suffix[i].n;
    }
  }
  return s;
}
