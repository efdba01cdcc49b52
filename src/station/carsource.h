/* SPDX-License-Identifier: 0BSD */
/* Reading a carry file, plain or in zstd frames, as a window that slides
 * over its sections. Damaged frames are passed over. */
#ifndef STATION_CARSOURCE_H
#define STATION_CARSOURCE_H

#include "base/buf.h"
#include "form/car.h"
#include "form/zpack.h"

struct carsource {
  int fd;
  uint64_t size; /* of the file */
  uint64_t read; /* bytes of it that were read */
  bool compressed, end;
  struct buf raw; /* plain bytes; the window begins at ${at} */
  size_t at;
  struct buf packed; /* compressed bytes that wait */
  size_t packed_at;
  struct zpack *zpack;
  bool lost;           /* no good frame since the last wound */
  uint64_t bad_frames; /* wounds so far, over all passes */
};

int carsource_open(struct carsource *s, const char *path,
                   struct err *e) MUST_USE;
void carsource_close(struct carsource *s);
int carsource_rewind(struct carsource *s, struct err *e) MUST_USE;

/* Fill the window to ${want} bytes or more, or to the end of the file. Moves
 * the window: spans into it end. */
int carsource_fill(struct carsource *s, size_t want, struct err *e) MUST_USE;
static inline struct span carsource_window(const struct carsource *s)
{
  return span_of(s->raw.p + s->at, s->raw.n - s->at);
}
/* Move the window's begin on by ${n} bytes. */
void carsource_skip(struct carsource *s, size_t n);

#endif
