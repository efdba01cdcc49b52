/* SPDX-License-Identifier: 0BSD */
/* zstd from elsewhere. The first byte says:
 *   bit 0      the rest is plain: it is squeezed, and has to come back
 *   bit 1      ... and then one byte of the frame is another: the last two of
 *              the input say which
 *   bits 2, 3  how much may come out
 * Else the rest is a stranger's frame, or a file of them. */
#include "form/zpack.h"

#include "base/limits.h"
#include "fuzz/demand.h"

static struct zpack *pack(void)
{
  static struct zpack *z; /* kept from run to run, as a session keeps it */
  z = z == NULL ? zpack_new() : z;
  demand(z != NULL);
  return z;
}

/* 0, or the code; nothing is left behind by a failure, and no more than
 * allowed is ever made room for. */
static int expand(struct buf *out, struct span frame, size_t raw_max)
{
  struct err e = {0};
  size_t was = out->n;
  int rc = zpack_expand(pack(), out, frame, raw_max, &e);
  demand((rc < 0) == (e.text[0] != '\0'));
  demand(rc == 0 ? out->n - was <= raw_max : out->n == was);
  demand(out->cap <= 2 * (was + raw_max) + 4096);
  return rc;
}

static void squeezed(struct span raw, uint8_t how)
{
  struct buf frame = {0}, back = {0};
  struct err e = {0};
  int level = 1 + (how >> 4) % 4;
  demand(zpack_squeeze(pack(), &frame, raw, level, &e) == 0);
  demand(zpack_looks(buf_span(&frame)));
  demand(zpack_frame_size(buf_span(&frame)) == (int64_t)frame.n);
  demand(expand(&back, buf_span(&frame), raw.n) == 0);
  demand(span_equal(buf_span(&back), raw));
  if (raw.n > 0) { /* one byte less is too few */
    buf_clear(&back);
    demand(expand(&back, buf_span(&frame), raw.n - 1) == ERR_LIMIT);
  }
  if ((how & 2) != 0 && raw.n >= 2) {
    size_t at = (size_t)raw.p[raw.n - 2] % frame.n;
    frame.p[at] ^= raw.p[raw.n - 1];
    buf_clear(&back);
    (void)expand(&back, buf_span(&frame), ZPACK_FRAME_RAW);
  }
  buf_free(&frame);
  buf_free(&back);
}

/* Frame after frame, as a reader of a damaged carry file finds them. */
static void strange(struct span s, size_t raw_max)
{
  struct buf out = {0}, again = {0}, back = {0};
  size_t at = zpack_seek(s, 0);
  for (int looked = 0; at < s.n && looked < 16; looked++) {
    struct span rest = span_of(s.p + at, s.n - at);
    demand(zpack_looks(rest));
    int64_t n = zpack_frame_size(rest);
    demand(n == ERR_INVALID || (n >= 0 && n <= (int64_t)rest.n));
    buf_clear(&out);
    if (n > 0 && expand(&out, span_of(rest.p, (size_t)n), raw_max) == 0) {
      buf_clear(&again);
      buf_clear(&back);
      demand(zpack_squeeze(pack(), &again, buf_span(&out), 1, NULL) == 0);
      demand(expand(&back, buf_span(&again), raw_max) == 0);
      demand(span_equal(buf_span(&back), buf_span(&out)));
    }
    size_t next = zpack_seek(s, at + 1);
    demand(next > at && next <= s.n);
    at = next;
  }
  buf_clear(&out);
  int rc = expand(&out, s, raw_max);
  demand(rc < 0 || zpack_frame_size(s) == (int64_t)s.n);
  buf_free(&out);
  buf_free(&again);
  buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  static const size_t most[] = {0, 100, ZPACK_FRAME_RAW, BLOCK_SIZE_MAX};
  if (size == 0) {
    return 0;
  }
  struct span s = span_of(data + 1, size - 1);
  if ((data[0] & 1) != 0) {
    squeezed(s, data[0]);
  } else {
    strange(s, most[data[0] >> 2 & 3]);
  }
  return 0;
}
