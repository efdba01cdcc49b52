/* SPDX-License-Identifier: 0BSD */
/* Slips as people bring them: text of QR codes, lines of SMS. What is taken
 * has one spelling. */
#include "sync/slip_text.h"

#include "fuzz/demand.h"

#include <stdio.h>

static void walk_scan(struct span s)
{
  struct buf bytes = {0}, text = {0};
  struct err e = {0};
  if (slip_scan_looks(s) && slip_scan_read(&bytes, s, &e) == 0) {
    demand(slip_scan_put(&text, buf_span(&bytes)) == 0);
    demand(text.n == slip_scan_size(bytes.n) && text.n <= s.n);
    buf_clear(&bytes);
    demand(slip_scan_read(&bytes, buf_span(&text), &e) == 0);
  } else {
    demand(bytes.n == 0);
  }
  buf_free(&bytes);
  buf_free(&text);
}

static void walk_lines(struct span s)
{
  struct slip_short one;
  struct buf line = {0};
  struct err e = {0};
  size_t at = 0;
  int rc;
  while ((rc = slip_short_next(&one, s, &at, &e)) != 0) {
    demand(at <= s.n && at > 0);
    if (rc > 0) {
      buf_clear(&line);
      demand(slip_short_put(&line, &one) == 0);
      demand(line.n <= at && memcmp(s.p + at - line.n, line.p, line.n) == 0);
    }
  }
  demand(at == s.n);
  buf_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct span s = span_of(data, size);
  walk_scan(s);
  walk_lines(s);
  return 0;
}
