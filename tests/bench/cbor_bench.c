/* SPDX-License-Identifier: 0BSD */
/* How fast is the strict check, and a walk by the reader, over records of
 * about 300 bytes? Prints documents per second of one core. */
#include "form/cbor.h"

#include <stdio.h>
#include <time.h>

#define ROUNDS 1000000

static double seconds(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A lesson with two titles, tags and one file. 0 or ERR_NOMEM. */
static int make_record(struct buf *b)
{
  static const char arabic[] = "قوانين نيوتن للحركة";
  static const char english[] = "Newton's laws of motion";
  static const char text[] =
      "Three laws, with worked examples for the ninth class.";
  struct cid c;
  int rc = cid_of(&c, CID_RAW, "x", 1);
  rc |= cbor_put_map(b, 6);
  rc |= cbor_put_key(b, "tags") | cbor_put_list(b, 3);
  rc |= cbor_put_key(b, "physics") | cbor_put_key(b, "mechanics");
  rc |= cbor_put_key(b, "grade-9");
  rc |= cbor_put_key(b, "text") | cbor_put_text(b, text, sizeof text - 1);
  rc |= cbor_put_key(b, "type") | cbor_put_key(b, "lesson");
  rc |= cbor_put_key(b, "files") | cbor_put_list(b, 1) | cbor_put_map(b, 3);
  rc |= cbor_put_key(b, "data") | cbor_put_link(b, &c);
  rc |= cbor_put_key(b, "name") | cbor_put_key(b, "newton.pdf");
  rc |= cbor_put_key(b, "size") | cbor_put_int(b, 1234567);
  rc |= cbor_put_key(b, "title") | cbor_put_map(b, 2);
  rc |= cbor_put_key(b, "ar") | cbor_put_text(b, arabic, sizeof arabic - 1);
  rc |= cbor_put_key(b, "en") | cbor_put_text(b, english, sizeof english - 1);
  rc |= cbor_put_key(b, "license") | cbor_put_key(b, "CC-BY-4.0");
  return rc == 0 ? 0 : ERR_NOMEM;
}

int main(void)
{
  struct buf b = {0};
  int bad = make_record(&b);
  double start = seconds();
  for (int i = 0; i < ROUNDS; i++) {
    bad |= cbor_check(b.p, b.n, NULL);
  }
  double check = seconds() - start;
  size_t items = 0;
  start = seconds();
  for (int i = 0; i < ROUNDS; i++) {
    struct cbor_reader r = cbor_reader_of(buf_span(&b));
    struct cbor_item item;
    while (cbor_next(&r, &item) != CBOR_END) {
      items++;
    }
  }
  double walk = seconds() - start;
  printf("cbor: %zu bytes, %zu items: check %.0f/s, reader walk %.0f/s\n", b.n,
         items / ROUNDS, ROUNDS / check, ROUNDS / walk);
  buf_free(&b);
  return bad == 0 ? 0 : 1;
}
