/* SPDX-License-Identifier: 0BSD */
#include "text/lang.h"

#include "base/utf8.h"

#define ZWNJ 0x200cu
#define HEH 0x0647u
#define YEH_HAMZA 0x0626u

/* What a letter of U+0600 .. U+06FF tells. Letters that school books write
 * for one another (alef maksura for yeh, teh marbuta for heh) tell nothing. */
enum tells {
  NO_LETTER,
  SILENT,
  KURDISH_OR_PERSIAN, /* one point for Sorani */
  SORANI,             /* two */
  ARABIC              /* one against it */
};

static const uint8_t arabic_tells[256] = {
    [0x20] = SILENT,
    [0x21] = SILENT,
    [0x22] = SILENT,
    [0x23] = ARABIC,
    [0x24] = SILENT,
    [0x25] = ARABIC,
    [0x26] = SILENT,
    [0x27] = SILENT,
    [0x28] = SILENT,
    [0x29] = SILENT,
    [0x2a] = SILENT,
    [0x2b] = ARABIC,
    [0x2c] = SILENT,
    [0x2d] = SILENT,
    [0x2e] = SILENT,
    [0x2f] = SILENT,
    [0x30] = ARABIC,
    [0x31] = SILENT,
    [0x32] = SILENT,
    [0x33] = SILENT,
    [0x34] = SILENT,
    [0x35] = ARABIC,
    [0x36] = ARABIC,
    [0x37] = ARABIC,
    [0x38] = ARABIC,
    [0x39] = SILENT,
    [0x3a] = SILENT,
    [0x41] = SILENT,
    [0x42] = SILENT,
    [0x43] = SILENT,
    [0x44] = SILENT,
    [0x45] = SILENT,
    [0x46] = SILENT,
    [0x47] = SILENT,
    [0x48] = SILENT,
    [0x49] = SILENT,
    [0x4a] = SILENT,
    [0x71] = SILENT,
    [0x7e] = KURDISH_OR_PERSIAN,
    [0x86] = KURDISH_OR_PERSIAN,
    [0x92] = SORANI,
    [0x94] = SORANI,
    [0x95] = SORANI,
    [0x98] = KURDISH_OR_PERSIAN,
    [0xa4] = SORANI,
    [0xa9] = SILENT,
    [0xaf] = KURDISH_OR_PERSIAN,
    [0xb5] = SORANI,
    [0xb6] = SORANI,
    [0xb7] = SORANI,
    [0xbe] = SILENT,
    [0xc0] = SILENT,
    [0xc1] = SILENT,
    [0xc6] = SORANI,
    [0xcc] = SILENT,
    [0xce] = SORANI,
    [0xd5] = SORANI,
};

/* Of U+00C0 .. U+017F: Kurmanji's own letters, and those it never has. C
 * with cedilla is French and Turkish too. */
enum latin_tells { PLAIN, KURMANJI, CEDILLA, FOREIGN };

static enum latin_tells latin_tells(uint32_t cp)
{
  switch (cp) {
  case 0xca:
  case 0xea:
  case 0xce:
  case 0xee:
  case 0xdb:
  case 0xfb:
  case 0x15e:
  case 0x15f:
    return KURMANJI;
  case 0xc7:
  case 0xe7:
    return CEDILLA;
  case 0xd7:
  case 0xf7:
    return PLAIN; /* signs */
  default:
    return FOREIGN;
  }
}

const char *lang_name(enum lang lang)
{
  static const char *const name[LANG_COUNT] = {"", "ar", "ckb", "en", "kmr"};
  return name[lang];
}

bool lang_sorani_letter(uint32_t cp)
{
  uint8_t tells =
      cp >= 0x0600 && cp <= 0x06ff ? arabic_tells[cp - 0x0600] : NO_LETTER;
  return tells == SORANI || tells == KURDISH_OR_PERSIAN;
}

bool lang_kurmanji_letter(uint32_t cp)
{
  return cp >= 0xc0 && cp <= 0x17f && latin_tells(cp) == KURMANJI;
}

static void count_latin(struct lang_vote *v, uint32_t cp)
{
  v->latin++;
  switch (latin_tells(cp)) {
  case KURMANJI:
    v->kurmanji += 2;
    break;
  case CEDILLA:
    v->kurmanji += 1;
    break;
  case FOREIGN:
    v->against_kurmanji += 2;
    break;
  case PLAIN:
    break;
  }
}

void lang_count(struct lang_vote *v, struct span text)
{
  size_t told[ARABIC + 1] = {0}; /* letters of U+0600 .. U+06FF */
  size_t latin = 0, sorani = 0;
  uint32_t before = ' ';
  for (size_t i = 0; i < text.n;) {
    size_t len;
    uint32_t cp = utf8_quick(text.p + i, text.n - i, &len);
    if (cp < 0x80) {
      latin += (cp | 0x20u) - 'a' < 26u;
    } else if (cp >= 0x0600 && cp <= 0x06ff) {
      told[arabic_tells[cp - 0x0600]]++;
      /* hamza on yeh begins no Arabic word */
      sorani += cp == YEH_HAMZA && (before < 0x0620 || before > 0x06ff) ? 2 : 0;
    } else if (cp >= 0xc0 && cp <= 0x17f) {
      count_latin(v, cp);
    } else if (cp == ZWNJ && before == HEH) {
      sorani += 2; /* that is U+06D5 on older keyboards */
    }
    before = cp;
    i += len;
  }
  v->latin += latin;
  v->arabic +=
      told[SILENT] + told[KURDISH_OR_PERSIAN] + told[SORANI] + told[ARABIC];
  v->sorani += sorani + told[KURDISH_OR_PERSIAN] + 2 * told[SORANI];
  v->against_sorani += told[ARABIC];
}

/* More than 3 points in 100 letters. */
static bool enough(size_t points, size_t against, size_t letters)
{
  return points > against && (points - against) * 100 > 3 * letters;
}

enum lang lang_of_arabic(const struct lang_vote *v)
{
  return enough(v->sorani, v->against_sorani, v->arabic) ? LANG_CKB : LANG_AR;
}

enum lang lang_of_latin(const struct lang_vote *v)
{
  return enough(v->kurmanji, v->against_kurmanji, v->latin) ? LANG_KMR
                                                            : LANG_EN;
}

bool lang_arabic_told(const struct lang_vote *v)
{
  return v->sorani + v->against_sorani > 0;
}

bool lang_latin_told(const struct lang_vote *v)
{
  return v->kurmanji + v->against_kurmanji > 0;
}
