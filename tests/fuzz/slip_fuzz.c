/* SPDX-License-Identifier: 0BSD */
/* Slips as people bring them: text of QR codes, lines of SMS. What is taken
 * has one spelling. */
#include "sync/slip_text.h"

#include "fuzz/demand.h"

static void walk_scan(struct span s)
{
  struct buf bytes = {0}, text = {0};
  struct err e = {0};
  if (slip_scan_looks(s) && slip_scan_read(&bytes, s, &e) == 0) {
    demand(slip_scan_put(&text, buf_span(&bytes)) == 0);
    demand(text.n == slip_scan_size(bytes.n) && text.n <= s.n);
    struct span body = span_of(text.p + 8, text.n - 8); /* "MAHATTA:" */
    demand(memmem(s.p, s.n, body.p, body.n) != NULL);
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

/* Any bytes as what a slip says, which has to come back: what a person types
 * rarely has the check number that belongs to it. */
static void walk_made(struct span s)
{
  struct slip_short one = {0}, back;
  struct buf bytes = {0}, text = {0};
  struct err e = {0};
  size_t n = s.n < sizeof one.digest ? s.n : sizeof one.digest, at = 0;
  demand(slip_scan_put(&text, s) == 0);
  demand(slip_scan_looks(buf_span(&text)) == (s.n > 0));
  demand(slip_scan_read(&bytes, buf_span(&text), &e) == 0);
  demand(span_equal(buf_span(&bytes), s));
  memcpy(one.digest, s.p, n);
  one.files = n > 0 ? s.p[0] & 63 : 0;
  one.count = (uint32_t)s.n;
  one.syndromes = (uint32_t)s.n % (SLIP_SHORT_SYNDROMES + 1);
  for (uint32_t i = 0; i < one.syndromes; i++) {
    one.syndrome[i] = s.p[i] * UINT64_C(0x0123456789abcdef);
  }
  buf_clear(&text);
  demand(slip_short_put(&text, &one) == 0 && text.n <= SLIP_SHORT_TEXT);
  demand(slip_short_looks(buf_span(&text)));
  demand(slip_short_next(&back, buf_span(&text), &at, &e) == 1);
  demand(at == text.n && memcmp(&one, &back, sizeof one) == 0);
  if (s.n > 1) { /* one letter is another */
    text.p[s.p[0] % text.n] ^= s.p[1];
    at = 0;
    demand(slip_short_next(&back, buf_span(&text), &at, &e) <= 0 ||
           s.p[1] == 0);
  }
  buf_free(&bytes);
  buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct span s = span_of(data, size);
  walk_made(s);
  walk_scan(s);
  walk_lines(s);
  return 0;
}
