/* SPDX-License-Identifier: 0BSD */
#include "form/qr.h"

#include "base/check.h"
#include "base/mem.h"

#include <errno.h>
#include <png.h>
#include <qrencode.h>
#include <stdio.h>
#include <string.h>

#define VERSIONS 40
#define PIXELS 8 /* of a picture, for a module */

/* Letters that version 1, 2 ... holds at level L (ISO/IEC 18004, table 7). */
static const uint16_t letters[VERSIONS] = {
    25,   47,   77,   114,  154,  195,  224,  279,  335,  395,
    468,  535,  619,  667,  758,  854,  938,  1046, 1153, 1249,
    1352, 1460, 1588, 1704, 1853, 1990, 2132, 2223, 2369, 2520,
    2677, 2840, 3009, 3183, 3351, 3537, 3729, 3927, 4087, QR_LETTERS_MAX};

size_t qr_room(size_t columns)
{
  size_t room = 0;
  for (size_t v = 1; v <= VERSIONS && 17 + 4 * v + 2 * QR_QUIET <= columns;
       v++) {
    room = letters[v - 1];
  }
  return room;
}

int qr_make(struct qr *out, struct span text, struct err *e)
{
  if (text.n == 0) {
    return err_set(e, ERR_INVALID, "there is no text for a QR code");
  }
  if (memchr(text.p, 0, text.n) != NULL) {
    return err_set(e, ERR_INVALID, "the text of a QR code has a zero byte");
  }
  char *string = mem_alloc(text.n + 1);
  if (string == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  memcpy(string, text.p, text.n);
  string[text.n] = '\0';
  errno = 0;
  QRcode *code = QRcode_encodeString(string, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
  int why = errno;
  mem_free(string);
  if (code == NULL) {
    return why == ERANGE
               ? err_set(e, ERR_LIMIT,
                         "%zu letters are more than one QR code holds", text.n)
               : err_set(e, ERR_NOMEM, "not enough memory");
  }
  size_t width = (size_t)code->width;
  uint8_t *module = mem_alloc(width * width);
  for (size_t i = 0; module != NULL && i < width * width; i++) {
    module[i] = code->data[i] & 1; /* the other bits say what it is part of */
  }
  QRcode_free(code);
  if (module == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  out->width = width;
  out->module = module;
  return 0;
}

void qr_free(struct qr *q)
{
  mem_free(q->module);
  q->module = NULL;
  q->width = 0;
}

/* With the margin around it: rows and columns count from there. */
static bool dark(const struct qr *q, size_t row, size_t column)
{
  size_t y = row - QR_QUIET, x = column - QR_QUIET; /* wrap around outside */
  return y < q->width && x < q->width && q->module[y * q->width + x] == 1;
}

/* ---- terminals ---- */

#define PAPER "\33[30;107m" /* black on bright white */
#define PLAIN "\33[0m\n"

int qr_terminal(struct buf *out, const struct qr *q)
{
  static const char *const half[4] = {" ", "\xe2\x96\x84", "\xe2\x96\x80",
                                      "\xe2\x96\x88"};
  size_t side = q->width + 2 * QR_QUIET, before = out->n;
  int rc = 0;
  for (size_t row = 0; rc == 0 && row < side; row += 2) {
    rc = buf_put(out, PAPER, sizeof PAPER - 1);
    for (size_t column = 0; rc == 0 && column < side; column++) {
      const char *block =
          half[2 * dark(q, row, column) + dark(q, row + 1, column)];
      rc = buf_put(out, block, strlen(block));
    }
    rc = rc < 0 ? rc : buf_put(out, PLAIN, sizeof PLAIN - 1);
  }
  if (rc < 0) {
    out->n = before;
  }
  return rc;
}

/* ---- pictures ---- */

/* A row's dark stretches as parts of a path. */
static int svg_row(struct buf *out, const struct qr *q, size_t row)
{
  size_t side = q->width + 2 * QR_QUIET, end;
  int rc = 0;
  for (size_t x = 0; rc == 0 && x < side; x = end) {
    char part[64];
    for (end = x + 1; end < side && dark(q, row, end) == dark(q, row, x);) {
      end++;
    }
    if (dark(q, row, x)) {
      int n = snprintf(part, sizeof part, "M%zu %zuh%zuv1h-%zuz", x, row,
                       end - x, end - x);
      rc = buf_put(out, part, (size_t)n);
    }
  }
  return rc;
}

int qr_svg(struct buf *out, const struct qr *q)
{
  static const char tail[] = "\"/></svg>\n";
  size_t side = q->width + 2 * QR_QUIET, before = out->n;
  char head[256];
  int n = snprintf(head, sizeof head,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 "
                   "%zu %zu\" shape-rendering=\"crispEdges\"><path "
                   "fill=\"#fff\" d=\"M0 0h%zuv%zuH0z\"/><path d=\"",
                   side, side, side, side);
  CHECK(n > 0 && (size_t)n < sizeof head);
  int rc = buf_put(out, head, (size_t)n);
  for (size_t row = 0; rc == 0 && row < side; row++) {
    rc = svg_row(out, q, row);
  }
  rc = rc < 0 ? rc : buf_put(out, tail, sizeof tail - 1);
  if (rc < 0) {
    out->n = before;
  }
  return rc;
}

/* One byte a pixel, white or black. */
static void paint(uint8_t *pixel, const struct qr *q)
{
  size_t side = (q->width + 2 * QR_QUIET) * PIXELS;
  for (size_t y = 0; y < side; y++) {
    for (size_t x = 0; x < side; x++) {
      pixel[y * side + x] = dark(q, y / PIXELS, x / PIXELS) ? 0 : 255;
    }
  }
}

int qr_png(struct buf *out, const struct qr *q, struct err *e)
{
  png_image image;
  png_alloc_size_t size = 0;
  size_t side = (q->width + 2 * QR_QUIET) * PIXELS;
  uint8_t *pixel = mem_alloc(side * side);
  int rc = ERR_NOMEM;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = (png_uint_32)side;
  image.format = PNG_FORMAT_GRAY;
  if (pixel != NULL) {
    paint(pixel, q);
    if (png_image_write_get_memory_size(image, size, 0, pixel, 0, NULL) &&
        buf_reserve(out, size) == 0 &&
        png_image_write_to_memory(&image, out->p + out->n, &size, 0, pixel, 0,
                                  NULL)) {
      out->n += size;
      rc = 0;
    }
  }
  png_image_free(&image);
  mem_free(pixel);
  return rc == 0 ? 0 : err_set(e, rc, "not enough memory for a picture");
}
