/* SPDX-License-Identifier: 0BSD */
/* QR codes: sizes, limits, and that all three pictures show the same. That
 * another program reads them is shown in tests/spec/slip_spec.lua. */
#include "form/qr.h"

#include "base/mem.h"
#include "unit.h"

static struct span text_of(char fill, size_t n)
{
  static char text[8000];
  NEED(n <= sizeof text);
  memset(text, fill, n);
  return span_of(text, n);
}

/* Every version holds as many letters as qr_room says, and not one more. */
static void test_room(void)
{
  size_t room = 0, was = 0;
  EXPECT_INT(qr_room(0), 0);
  EXPECT_INT(qr_room(28), 0);
  for (size_t columns = 29; columns <= 185; columns += 4) {
    struct qr q = {0};
    was = room;
    room = qr_room(columns);
    EXPECT(room > was);
    EXPECT(qr_room(columns + 3) == room);
    NEED(qr_make(&q, text_of('A', room), NULL) == 0);
    EXPECT_INT(q.width + 2 * QR_QUIET, columns);
    qr_free(&q);
    if (room < QR_LETTERS_MAX) {
      NEED(qr_make(&q, text_of('A', room + 1), NULL) == 0);
      EXPECT_INT(q.width + 2 * QR_QUIET, columns + 4);
      qr_free(&q);
    }
  }
  EXPECT(room == QR_LETTERS_MAX && qr_room(100000) == room);
}

static void test_limits(void)
{
  struct qr q = {0};
  struct err e = {0};
  EXPECT_INT(qr_make(&q, text_of('A', QR_LETTERS_MAX - 1), &e), 0);
  qr_free(&q);
  EXPECT_INT(qr_make(&q, text_of('A', QR_LETTERS_MAX), &e), 0);
  qr_free(&q);
  EXPECT_INT(qr_make(&q, text_of('A', QR_LETTERS_MAX + 1), &e), ERR_LIMIT);
  EXPECT(strstr(e.text, "4297 letters") != NULL);
  EXPECT_INT(qr_make(&q, text_of('a', 2953), &e), 0); /* bytes */
  qr_free(&q);
  EXPECT_INT(qr_make(&q, text_of('a', 2954), &e), ERR_LIMIT);
  EXPECT_INT(qr_make(&q, span_of("", 0), &e), ERR_INVALID);
  EXPECT_INT(qr_make(&q, span_of("a\0b", 3), &e), ERR_INVALID);
  EXPECT(q.module == NULL);
}

/* The modules as a terminal shows them: half blocks back to rows. */
static void test_terminal(void)
{
  struct qr q = {0};
  struct buf out = {0};
  NEED(qr_make(&q, span_of("MAHATTA", 7), NULL) == 0);
  NEED(qr_terminal(&out, &q) == 0);
  NEED(buf_byte(&out, 0) == 0);
  size_t side = q.width + 2 * QR_QUIET, wrong = 0;
  const char *p = (const char *)out.p;
  for (size_t row = 0; row < side; row += 2) {
    NEED(strncmp(p, "\33[30;107m", 9) == 0);
    p += 9;
    for (size_t x = 0; x < side; x++) {
      int both = *p == ' ' ? 0 : 3;
      if (*p != ' ') {
        NEED(memcmp(p, "\xe2\x96", 2) == 0);
        both = p[2] == '\x84' ? 1 : p[2] == '\x80' ? 2 : 3;
      }
      p += both == 0 ? 1 : 3;
      for (size_t k = 0; k < 2; k++) {
        size_t y = row + k - QR_QUIET, column = x - QR_QUIET;
        int want = y < q.width && column < q.width
                       ? q.module[y * q.width + column]
                       : 0;
        wrong += want != (both >> (1 - k) & 1);
      }
    }
    NEED(strncmp(p, "\33[0m\n", 5) == 0);
    p += 5;
  }
  EXPECT(wrong == 0 && *p == '\0');
  buf_free(&out);
  qr_free(&q);
}

/* As many dark modules in the path as in the code, and a picture's head. */
static void test_pictures(void)
{
  struct qr q = {0};
  struct buf out = {0};
  size_t dark = 0, drawn = 0;
  NEED(qr_make(&q, text_of('Q', 500), NULL) == 0);
  for (size_t i = 0; i < q.width * q.width; i++) {
    dark += q.module[i];
  }
  NEED(qr_svg(&out, &q) == 0);
  NEED(buf_byte(&out, 0) == 0);
  const char *p = strstr((const char *)out.p, "<path d=\"");
  NEED(p != NULL);
  for (p = strchr(p, 'M'); p != NULL; p = strchr(p + 1, 'M')) {
    size_t x, y, n;
    NEED(sscanf(p, "M%zu %zuh%zuv1h-", &x, &y, &n) == 3);
    drawn += n;
  }
  EXPECT(drawn == dark && dark > 0);
  buf_clear(&out);
  NEED(qr_png(&out, &q, NULL) == 0);
  EXPECT(out.n > 100 && memcmp(out.p, "\x89PNG\r\n\x1a\n", 8) == 0);
  size_t side = (q.width + 2 * QR_QUIET) * 8;
  EXPECT_INT(out.p[18] << 8 | out.p[19], side);
  buf_free(&out);
  qr_free(&q);
}

int main(void)
{
  RUN(test_room);
  RUN(test_limits);
  RUN(test_terminal);
  RUN(test_pictures);
  return unit_done();
}
