/* SPDX-License-Identifier: 0BSD */
/* Text as a QR code (ISO/IEC 18004, model 2, level L), for a terminal, a web
 * page or a printer. libqrencode makes the code, libpng the picture. */
#ifndef FORM_QR_H
#define FORM_QR_H

#include "base/buf.h"
#include "base/err.h"

#define QR_QUIET 4 /* modules of white around it, as the standard wants */
#define QR_LETTERS_MAX 4296u /* capital letters, digits, " $%*+-./:" */

struct qr {
  size_t width;    /* modules a side */
  uint8_t *module; /* width * width of them: 1 is dark */
};

/* Encode ${text} (no zero bytes) in the smallest code that holds it. Free it
 * with qr_free. ERR_LIMIT when none does, ERR_INVALID for no text. */
int qr_make(struct qr *out, struct span text, struct err *e) MUST_USE;
void qr_free(struct qr *q); /* a zeroed one, too */

/* How many letters a code has that is at most ${columns} modules wide with its
 * margin; 0: none is so narrow. */
size_t qr_room(size_t columns);

/* Lines for a terminal, two rows of modules each, black on white whatever its
 * colours are. Append; ERR_NOMEM. */
int qr_terminal(struct buf *out, const struct qr *q) MUST_USE;

/* An SVG document, one unit a module. */
int qr_svg(struct buf *out, const struct qr *q) MUST_USE;

/* A PNG, 8 pixels a module. ERR_NOMEM. */
int qr_png(struct buf *out, const struct qr *q, struct err *e) MUST_USE;

#endif
