/* SPDX-License-Identifier: 0BSD */
/* Whatever the strict check takes, reader and writer give back byte for
 * byte; and the parsers above it stay within what it took. */
#include "form/cbor.h"
#include "form/parcel.h"
#include "form/record.h"
#include "sync/slip.h"
#include "unit/cbor_copy.h"

#include "fuzz/demand.h"

static void walk_record(struct span s)
{
  struct record r;
  struct record_texts titles = {0}, texts = {0};
  struct record_files files = {0};
  struct record_file file;
  struct span lang, text;
  if (record_read(&r, s, NULL) < 0) {
    return;
  }
  demand(r.type.n > 0);
  while (record_text_next(&titles, r.title, &lang, &text)) {
    demand(text.n <= s.n);
  }
  while (record_text_next(&texts, r.text, &lang, &text)) {
    demand(text.n <= s.n);
  }
  while (record_file_next(&files, r.files, &file)) {
    demand(file.name.n > 0 && file.size >= 0);
  }
}

static void walk_parcel(struct span s)
{
  struct parcel p;
  struct cid c;
  if (parcel_read(&p, s, NULL) < 0) {
    return;
  }
  demand(parcel_looks(s));
  for (size_t i = 0; i < p.count; i++) {
    parcel_record(&p, i, &c);
    demand(cid_looks(c.b));
  }
}

static void walk_slip(struct span s)
{
  struct slip slip;
  struct slip_walk it = {0};
  struct slip_wish wish;
  if (slip_read(&slip, s, NULL) < 0) {
    return;
  }
  size_t left = slip.count;
  while (slip_wish_next(&slip, &it, &wish)) {
    demand(left-- > 0);
    (void)slip_has(wish.have, 1);
  }
  demand(left == 0);
  struct slip_walk sets = {0};
  struct slip_set set;
  left = slip.sets_n;
  while (slip_set_next(&slip, &sets, &set)) {
    demand(left-- > 0 && set.name.n > 0);
  }
  demand(left == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct span s = span_of(data, size);
  struct buf again = {0};
  struct err e = {0};
  int rc = cbor_check(data, size, &e);
  demand(rc == e.code && (rc < 0) == (e.text[0] != '\0'));
  if (rc == 0) {
    struct cbor_reader r = cbor_reader_of(s);
    demand(span_equal(cbor_skip(&r), s));
    demand(cbor_copy(&again, s) == 0);
    demand(span_equal(buf_span(&again), s));
    (void)cbor_find(s, "type");
  }
  walk_record(s);
  walk_parcel(s);
  walk_slip(s);
  buf_free(&again);
  return 0;
}
