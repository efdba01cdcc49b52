/* SPDX-License-Identifier: 0BSD */
#include "text/near.h"

#include "base/utf8.h"

#define DOTS 2u /* one body, other dots */
#define KEYS 3u /* keys that touch */

/* Letters of one body, folded: the same number differs in dots alone. */
static unsigned body_of(uint32_t cp)
{
  switch (cp) {
  case 0x0628:
  case 0x062a:
  case 0x062b:
  case 0x0646:
  case 0x064a:
  case 0x067e:
    return 1; /* beh teh theh noon yeh peh */
  case 0x062c:
  case 0x062d:
  case 0x062e:
  case 0x0686:
    return 2; /* jeem hah khah tcheh */
  case 0x062f:
  case 0x0630:
    return 3; /* dal thal */
  case 0x0631:
  case 0x0632:
  case 0x0698:
    return 4; /* reh zain jeh */
  case 0x0633:
  case 0x0634:
    return 5; /* seen sheen */
  case 0x0635:
  case 0x0636:
    return 6; /* sad dad */
  case 0x0637:
  case 0x0638:
    return 7; /* tah zah */
  case 0x0639:
  case 0x063a:
    return 8; /* ain ghain */
  case 0x0641:
  case 0x0642:
    return 9; /* feh qaf */
  case 0x0643:
  case 0x06af:
    return 10; /* kaf gaf */
  default:
    return 0;
  }
}

/* Where the key of a folded letter is, from the top left; 0: nowhere. The
 * Arabic layout of 101 keys, the Kurdish one of the Kurdistan Region, and
 * QWERTY, after X11's keyboard descriptions. */
#define KEY(row, col) ((row)*16 + (col) + 1)

static const uint8_t arabic_keys[256] = {
    [0x27] = KEY(1, 5), [0x28] = KEY(1, 3),  [0x2a] = KEY(1, 6),
    [0x2b] = KEY(0, 2), [0x2c] = KEY(0, 10), [0x2d] = KEY(0, 9),
    [0x2e] = KEY(0, 8), [0x2f] = KEY(0, 11), [0x31] = KEY(2, 3),
    [0x32] = KEY(2, 8), [0x33] = KEY(1, 1),  [0x34] = KEY(1, 0),
    [0x35] = KEY(0, 1), [0x36] = KEY(0, 0),  [0x37] = KEY(1, 10),
    [0x38] = KEY(2, 9), [0x39] = KEY(0, 6),  [0x3a] = KEY(0, 5),
    [0x41] = KEY(0, 4), [0x42] = KEY(0, 3),  [0x43] = KEY(1, 9),
    [0x44] = KEY(1, 4), [0x45] = KEY(1, 8),  [0x46] = KEY(1, 7),
    [0x47] = KEY(0, 7), [0x48] = KEY(2, 7),  [0x4a] = KEY(1, 2),
};

static const uint8_t sorani_keys[256] = {
    [0x27] = KEY(1, 0), [0x28] = KEY(2, 4), [0x2a] = KEY(0, 4),
    [0x2c] = KEY(2, 2), [0x2d] = KEY(0, 7), [0x2e] = KEY(2, 1),
    [0x2f] = KEY(1, 2), [0x31] = KEY(0, 3), [0x32] = KEY(2, 0),
    [0x33] = KEY(1, 1), [0x41] = KEY(1, 3), [0x42] = KEY(0, 0),
    [0x43] = KEY(1, 7), [0x44] = KEY(1, 8), [0x45] = KEY(2, 6),
    [0x46] = KEY(2, 5), [0x47] = KEY(0, 2), [0x48] = KEY(0, 1),
    [0x4a] = KEY(0, 5), [0x7e] = KEY(0, 9), [0x98] = KEY(1, 6),
    [0xaf] = KEY(1, 4),
};

static const uint8_t latin_keys[26] = {
    [0x00] = KEY(1, 0), [0x01] = KEY(2, 4), [0x02] = KEY(2, 2),
    [0x03] = KEY(1, 2), [0x04] = KEY(0, 2), [0x05] = KEY(1, 3),
    [0x06] = KEY(1, 4), [0x07] = KEY(1, 5), [0x08] = KEY(0, 7),
    [0x09] = KEY(1, 6), [0x0a] = KEY(1, 7), [0x0b] = KEY(1, 8),
    [0x0c] = KEY(2, 6), [0x0d] = KEY(2, 5), [0x0e] = KEY(0, 8),
    [0x0f] = KEY(0, 9), [0x10] = KEY(0, 0), [0x11] = KEY(0, 3),
    [0x12] = KEY(1, 1), [0x13] = KEY(0, 4), [0x14] = KEY(0, 6),
    [0x15] = KEY(2, 3), [0x16] = KEY(0, 1), [0x17] = KEY(2, 1),
    [0x18] = KEY(0, 5), [0x19] = KEY(2, 0),
};

static bool keys_touch(const uint8_t *keys, uint32_t a, uint32_t b)
{
  unsigned ka = keys[a], kb = keys[b];
  if (ka == 0 || kb == 0) {
    return false;
  }
  unsigned row = (ka - 1) / 16 + 1 - (kb - 1) / 16;
  unsigned col = (ka - 1) % 16 + 1 - (kb - 1) % 16;
  return row <= 2 && col <= 2; /* -1 .. 1, as unsigned + 1 */
}

static unsigned replacing(uint32_t a, uint32_t b)
{
  unsigned body = body_of(a);
  if (a == b) {
    return 0;
  }
  if (body != 0 && body == body_of(b)) {
    return DOTS;
  }
  bool touch = false;
  if (a >= 0x0600 && a <= 0x06ff && b >= 0x0600 && b <= 0x06ff) {
    touch = keys_touch(arabic_keys, a - 0x0600, b - 0x0600) ||
            keys_touch(sorani_keys, a - 0x0600, b - 0x0600);
  } else if (a >= 'a' && a <= 'z' && b >= 'a' && b <= 'z') {
    touch = keys_touch(latin_keys, a - 'a', b - 'a');
  }
  return touch ? KEYS : NEAR_EDIT;
}

void near_word_of(struct near_word *out, struct span token)
{
  out->n = 0;
  for (size_t i = 0, len; i < token.n && out->n < NEAR_LETTERS_MAX; i += len) {
    out->letter[out->n++] = utf8_next(token.p + i, token.n - i, &len);
  }
}

static void sort(uint64_t *a, size_t n)
{
  for (size_t i = 1; i < n; i++) { /* n <= 33 */
    uint64_t x = a[i];
    size_t k = i;
    for (; k > 0 && a[k - 1] > x; k--) {
      a[k] = a[k - 1];
    }
    a[k] = x;
  }
}

size_t near_grams(const struct near_word *w, unsigned k,
                  uint64_t out[NEAR_GRAMS_MAX])
{
  uint64_t mask = k >= 3 ? UINT64_MAX >> 1 : (UINT64_C(1) << 42) - 1;
  uint64_t gram = 0; /* the end before the first letter */
  size_t n = 0, unique = 0;
  for (size_t i = 0; i <= w->n; i++) {
    uint32_t letter = i < w->n ? w->letter[i] : 0;
    gram = (gram << 21 | (letter & 0x1fffffu)) & mask;
    if (i + 2 >= k && w->n > 0) {
      out[n++] = gram;
    }
  }
  sort(out, n);
  for (size_t i = 0; i < n; i++) {
    if (unique == 0 || out[unique - 1] != out[i]) {
      out[unique++] = out[i];
    }
  }
  return unique;
}

double near_dice(const uint64_t *a, size_t na, const uint64_t *b, size_t nb)
{
  size_t common = 0, i = 0, k = 0;
  while (i < na && k < nb) {
    if (a[i] == b[k]) {
      common++;
      i++;
      k++;
    } else if (a[i] < b[k]) {
      i++;
    } else {
      k++;
    }
  }
  return na + nb == 0 ? 0 : 2.0 * (double)common / (double)(na + nb);
}

static unsigned least(unsigned a, unsigned b)
{
  return a < b ? a : b;
}

unsigned near_distance(const struct near_word *a, const struct near_word *b,
                       unsigned limit)
{
  unsigned row[3][NEAR_LETTERS_MAX + 1];
  size_t longer = a->n > b->n ? a->n - b->n : b->n - a->n;
  if (longer * NEAR_EDIT > limit) {
    return limit + 1;
  }
  for (size_t k = 0; k <= b->n; k++) {
    row[0][k] = (unsigned)k * NEAR_EDIT;
  }
  for (size_t i = 1; i <= a->n; i++) {
    unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
    unsigned best = now[0] = (unsigned)i * NEAR_EDIT;
    for (size_t k = 1; k <= b->n; k++) {
      uint32_t x = a->letter[i - 1], y = b->letter[k - 1];
      unsigned d = up[k - 1] + replacing(x, y);
      d = least(d, least(up[k], now[k - 1]) + NEAR_EDIT);
      if (i > 1 && k > 1 && x == b->letter[k - 2] && a->letter[i - 2] == y) {
        d = least(d, up2[k - 2] + NEAR_EDIT);
      }
      now[k] = d;
      best = least(best, d);
    }
    /* A swap reaches over one row: both must be too far. */
    if (best > limit + NEAR_EDIT) {
      return limit + 1;
    }
  }
  unsigned d = row[a->n % 3][b->n];
  return d > limit ? limit + 1 : d;
}

unsigned near_limit(const struct near_word *w)
{
  return w->n < 3 ? 0 : w->n < 7 ? NEAR_EDIT : 2 * NEAR_EDIT;
}
