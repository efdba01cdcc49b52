/* SPDX-License-Identifier: 0BSD */
#include "text/fold.h"

#include <utf8proc.h>

#define ALEF 0x0627u
#define REH 0x0631u
#define FEH 0x0641u
#define KAF 0x0643u
#define LAM 0x0644u
#define HEH 0x0647u
#define WAW 0x0648u
#define YEH 0x064au

#define UNKNOWN 0u /* not for the table to say */
#define DROP 1u    /* no letter is left */

/* Tashkeel, superscript alef, Koranic marks: people type without them. */
static bool is_arabic_mark(uint32_t cp)
{
  return (cp >= 0x064b && cp <= 0x065f) || cp == 0x0670 ||
         (cp >= 0x0610 && cp <= 0x061a) || (cp >= 0x06d6 && cp <= 0x06dc) ||
         (cp >= 0x06df && cp <= 0x06e8) || (cp >= 0x06ea && cp <= 0x06ed) ||
         (cp >= 0x08d3 && cp <= 0x08e1) || (cp >= 0x08e3 && cp <= 0x08ff);
}

/* The letters of U+0600 .. U+06FF by their place there: those that keyboards
 * and habits exchange become one, the others stay, digits are digits. The rest
 * is a mark or for Unicode's tables to say. */
static const uint16_t arabic_to[256] = {
    /* alef with hamza, madda, wasla */
    [0x22] = ALEF,
    [0x23] = ALEF,
    [0x25] = ALEF,
    [0x71] = ALEF,
    [0x72] = ALEF,
    [0x73] = ALEF,
    [0x75] = ALEF,
    /* dotless, Farsi, Kurdish, Urdu yeh */
    [0x26] = YEH,
    [0x3d] = YEH,
    [0x3e] = YEH,
    [0x3f] = YEH,
    [0x49] = YEH,
    [0x78] = YEH,
    [0xcc] = YEH,
    [0xcd] = YEH,
    [0xce] = YEH,
    [0xd0] = YEH,
    [0xd2] = YEH,
    [0xd3] = YEH,
    /* teh marbuta, hehs of other keyboards */
    [0x29] = HEH,
    [0xbe] = HEH,
    [0xc0] = HEH,
    [0xc1] = HEH,
    [0xc2] = HEH,
    [0xc3] = HEH,
    [0xd5] = HEH,
    /* keheh */
    [0xa9] = KAF,
    [0xaa] = KAF,
    /* waw with hamza, Kurdish oe */
    [0x24] = WAW,
    [0x76] = WAW,
    [0x77] = WAW,
    [0xc6] = WAW,
    [0xc7] = WAW,
    [0xc8] = WAW,
    /* Kurdish letters that an Arabic keyboard lacks */
    [0x92] = REH,
    [0x94] = REH,
    [0x95] = REH,
    [0xb5] = LAM,
    [0xb6] = LAM,
    [0xb7] = LAM,
    [0xa4] = FEH,
    /* letters that stay */
    [0x27] = 0x0627,
    [0x28] = 0x0628,
    [0x2a] = 0x062a,
    [0x2b] = 0x062b,
    [0x2c] = 0x062c,
    [0x2d] = 0x062d,
    [0x2e] = 0x062e,
    [0x2f] = 0x062f,
    [0x30] = 0x0630,
    [0x31] = 0x0631,
    [0x32] = 0x0632,
    [0x33] = 0x0633,
    [0x34] = 0x0634,
    [0x35] = 0x0635,
    [0x36] = 0x0636,
    [0x37] = 0x0637,
    [0x38] = 0x0638,
    [0x39] = 0x0639,
    [0x3a] = 0x063a,
    [0x41] = 0x0641,
    [0x42] = 0x0642,
    [0x43] = 0x0643,
    [0x44] = 0x0644,
    [0x45] = 0x0645,
    [0x46] = 0x0646,
    [0x47] = 0x0647,
    [0x48] = 0x0648,
    [0x4a] = 0x064a,
    /* Arabic-Indic and Persian digits */
    [0x60] = '0',
    [0x61] = '1',
    [0x62] = '2',
    [0x63] = '3',
    [0x64] = '4',
    [0x65] = '5',
    [0x66] = '6',
    [0x67] = '7',
    [0x68] = '8',
    [0x69] = '9',
    [0xf0] = '0',
    [0xf1] = '1',
    [0xf2] = '2',
    [0xf3] = '3',
    [0xf4] = '4',
    [0xf5] = '5',
    [0xf6] = '6',
    [0xf7] = '7',
    [0xf8] = '8',
    [0xf9] = '9',
    /* lone hamza, tatweel */
    [0x21] = DROP,
    [0x40] = DROP,
    [0x74] = DROP,
};

static uint32_t arabic(uint32_t cp)
{
  uint32_t to = arabic_to[cp - 0x0600];
  if (to != UNKNOWN) {
    return to;
  }
  return is_arabic_mark(cp) ? DROP : UNKNOWN;
}

/* Accents and the like on Latin, Greek, Cyrillic letters, and variation
 * selectors. The vowel signs of other scripts are marks too, but carry the
 * word: they stay. */
static bool is_loose_mark(uint32_t cp)
{
  return (cp >= 0x0300 && cp <= 0x036f) || (cp >= 0x1ab0 && cp <= 0x1aff) ||
         (cp >= 0x1dc0 && cp <= 0x1dff) || (cp >= 0x20d0 && cp <= 0x20ff) ||
         (cp >= 0xfe00 && cp <= 0xfe0f) || (cp >= 0xfe20 && cp <= 0xfe2f) ||
         is_arabic_mark(cp);
}

static enum fold_class class_of(uint32_t cp)
{
  if (is_loose_mark(cp)) {
    return FOLD_DROP;
  }
  utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
  if (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NO) {
    return FOLD_LETTER; /* letters, marks, numbers stand in one row */
  }
  /* ZWJ, bidi marks, soft hyphen. ZWNJ too: the Sorani spelling of U+06D5 as
   * heh and ZWNJ folds to heh, which is what U+06D5 itself folds to. U+06DD
   * is a format character by name, but stands between verses. */
  return c == UTF8PROC_CATEGORY_CF && cp != 0x06dd ? FOLD_DROP : FOLD_BREAK;
}

/* Append what one decomposed code point leaves. */
static enum fold_class put(uint32_t cp, uint32_t *out, size_t *n)
{
  uint32_t to = cp >= 0x0600 && cp <= 0x06ff ? arabic(cp) : UNKNOWN;
  if (to == DROP) {
    return FOLD_DROP;
  }
  if (to == UNKNOWN) {
    enum fold_class c = class_of(cp);
    if (c != FOLD_LETTER) {
      return c;
    }
    to = cp == 0x0131 ? 'i' : cp; /* dotless i: no mark to take off */
  }
  out[(*n)++] = to;
  return FOLD_LETTER;
}

/* Case folding and compatibility decomposition (presentation forms,
 * ligatures, full width), then each part by itself. Forms that stand for a
 * phrase (U+FDFA) or hold a sign (a fraction's slash) break words. */
static enum fold_class fold_general(uint32_t cp, uint32_t *out, size_t *n)
{
  enum fold_class c = class_of(cp);
  if (c != FOLD_LETTER && c != FOLD_DROP) {
    return c;
  }
  utf8proc_int32_t part[FOLD_OUT_MAX];
  int boundary = 0;
  utf8proc_ssize_t parts = utf8proc_decompose_char(
      (utf8proc_int32_t)cp, part, FOLD_OUT_MAX,
      UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD, &boundary);
  if (parts < 0 || parts > FOLD_OUT_MAX) {
    return FOLD_BREAK;
  }
  for (utf8proc_ssize_t i = 0; i < parts; i++) {
    if (put((uint32_t)part[i], out, n) == FOLD_BREAK) {
      return FOLD_BREAK;
    }
  }
  return *n > 0 ? FOLD_LETTER : FOLD_DROP;
}

/* Letters of U+00C0 .. U+017F that are one of a-z with an accent, as Unicode
 * takes them apart; 0: for fold_general. */
static const char latin_to[0x180 - 0xc0 + 1] =
    "aaaaaa\0ceeeeiiii\0nooooo\0\0uuuuy\0\0"
    "aaaaaa\0ceeeeiiii\0nooooo\0\0uuuuy\0y"
    "aaaaaaccccccccdd\0\0eeeeeeeeeegggg"
    "gggghh\0\0iiiiiiiii\0\0\0jjkk\0llllll\0"
    "\0\0\0nnnnnn\0\0\0oooooo\0\0rrrrrrssssss"
    "sstttt\0\0uuuuuuuuuuuuwwyyyzzzzzzs";

enum fold_class fold_wide(uint32_t cp, uint32_t out[FOLD_OUT_MAX], size_t *n)
{
  enum fold_class c;
  *n = 0;
  if (cp >= 0xc0 && cp < 0x180 && latin_to[cp - 0xc0] != 0) {
    out[(*n)++] = (uint32_t)latin_to[cp - 0xc0];
    return FOLD_LETTER;
  }
  if (cp >= 0x0600 && cp <= 0x06ff) {
    c = put(cp, out, n); /* nothing there decomposes into more than it folds */
  } else {
    c = fold_general(cp, out, n);
  }
  if (c != FOLD_LETTER) {
    *n = 0;
  }
  return c;
}

bool fold_is_mark(uint32_t cp)
{
  if (cp < 0x0300) {
    return false;
  }
  utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
  return (c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME) ||
         cp == 0x200c || cp == 0x200d || cp == 0x0640 ||
         (cp >= 0x1f3fb && cp <= 0x1f3ff); /* skin tones */
}
