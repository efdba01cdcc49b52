/* SPDX-License-Identifier: 0BSD */
/* Every example in hex of src/FORMAT.md is what it says it is. */
#include "form/parcel.h"
#include "form/record.h"
#include "sync/slip.h"

#include "hex.h"
#include "vector_file.h"

static int parcels, records, slips, others;

static void check_example(struct span s)
{
  struct parcel p;
  struct slip slip;
  struct record r;
  EXPECT_INT(cbor_check(s.p, s.n, NULL), 0);
  if (parcel_looks(s)) {
    EXPECT_INT(parcel_read(&p, s, NULL), 0);
    EXPECT_INT(parcel_verify(&p, false, NULL), 0);
    parcels++;
  } else if (slip_read(&slip, s, NULL) == 0) {
    EXPECT_INT(slip_verify(&slip, NULL), 0);
    slips++;
  } else if (record_read(&r, s, NULL) == 0) {
    records++;
  } else {
    others++;
  }
}

/* Append the bytes of one line: hex up to a '#', with blanks. */
static void add_line(struct buf *b, const char *line, size_t n)
{
  char digits[256];
  size_t count = 0;
  for (size_t i = 0; i < n && line[i] != '#'; i++) {
    NEED(count < sizeof digits);
    if (line[i] != ' ') {
      digits[count++] = line[i];
    }
  }
  hex_add(b, digits, count);
}

/* Walk the page's lines; what stands between "```hex" and "```" counts. */
static void test_examples(void)
{
  struct buf page = {0}, example = {0};
  bool inside = false;
  NEED(file_load(&page, "src/FORMAT.md"));
  NEED(buf_byte(&page, 0) == 0);
  for (const char *line = (const char *)page.p; *line != '\0';) {
    size_t n = strcspn(line, "\n");
    if (!inside && n == 6 && memcmp(line, "```hex", 6) == 0) {
      inside = true;
      buf_clear(&example);
    } else if (inside && n == 3 && memcmp(line, "```", 3) == 0) {
      inside = false;
      check_example(buf_span(&example));
    } else if (inside) {
      add_line(&example, line, n);
    }
    line += n + (line[n] == '\n');
  }
  EXPECT(!inside);
  EXPECT_INT(parcels, 1);
  EXPECT_INT(records, 1);
  EXPECT_INT(slips, 2);
  EXPECT_INT(others, 0);
  buf_free(&page);
  buf_free(&example);
}

int main(void)
{
  NEED(crypt_start(NULL) == 0);
  RUN(test_examples);
  return unit_done();
}
