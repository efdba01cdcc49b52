/* SPDX-License-Identifier: 0BSD */
#include "form/cbor.h"

#include "base/limits.h"
#include "cbor_copy.h"
#include "hex.h"
#include "sweep.h"

#define LINK                                                                   \
  "d82a58250001711220"                                                         \
  "c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0"

/* A document with all kinds of items. */
#define RICH                                                                   \
  "a8"                                                                         \
  "6161" /* a */ "00"                                                          \
  "6162" /* b */ "20"                                                          \
  "6163" /* c */ "1903e8"                                                      \
  "6164" /* d */ "43010203"                                                    \
  "6165" /* e */ "84f4f5f680"                                                  \
  "6166" /* f */ LINK "6167" /* g */ "65d8b3d98421"                            \
  "626161" /* aa */ "a1617881a0"

/* The verdict on ${s}; copies what is taken and compares. */
static int verdict(struct span s)
{
  struct err e = {0};
  struct buf again = {0};
  int rc = cbor_check(s.p, s.n, &e);
  if (rc < 0) {
    EXPECT(rc == ERR_INVALID || rc == ERR_LIMIT);
    EXPECT_INT(e.code, rc);
    EXPECT(strstr(e.text, " at byte ") != NULL);
    EXPECT_INT(cbor_check(s.p, s.n, NULL), rc);
  } else {
    EXPECT_INT(cbor_copy(&again, s), 0);
    EXPECT(span_equal(s, buf_span(&again)));
  }
  buf_free(&again);
  return rc;
}

static void takes(const char *hex)
{
  struct buf b = hex_buf(hex);
  if (sweep_one(buf_span(&b), verdict) != 0) {
    printf("  refused: %s\n", hex);
    EXPECT(false);
  }
  buf_free(&b);
}

static void refuses(int code, const char *hex, const char *why)
{
  struct buf b = hex_buf(hex);
  struct err e = {0};
  EXPECT_INT(sweep_one(buf_span(&b), verdict), code);
  (void)!cbor_check(b.p, b.n, &e);
  if (strstr(e.text, why) == NULL) {
    printf("  for %s\n", hex);
    EXPECT_TEXT(e.text, why);
  }
  buf_free(&b);
}

static void test_takes(void)
{
  takes("00");
  takes("17");
  takes("1818");
  takes("18ff");
  takes("190100");
  takes("19ffff");
  takes("1a00010000");
  takes("1affffffff");
  takes("1b0000000100000000");
  takes("20");
  takes("3818");
  takes("40");
  takes("60");
  takes("80");
  takes("a0");
  takes("f4");
  takes("f5");
  takes("f6");
  takes(LINK);
  takes("63610062"); /* NUL is a character */
  takes("6365cc81"); /* no normal form is asked for */
  takes(RICH);
}

static void test_heads(void)
{
  static const char not_short[] = "not in its shortest form at byte 0";
  refuses(ERR_INVALID, "1817", not_short);
  refuses(ERR_INVALID, "1900ff", not_short);
  refuses(ERR_INVALID, "1a0000ffff", not_short);
  refuses(ERR_INVALID, "1b00000000ffffffff", not_short);
  refuses(ERR_INVALID, "3817", not_short);
  refuses(ERR_INVALID, "5800", not_short);
  refuses(ERR_INVALID, "780161", not_short);
  refuses(ERR_INVALID, "9800", not_short);
  refuses(ERR_INVALID, "b801616100", not_short);
  refuses(ERR_INVALID, "d9002a4100", not_short);
  refuses(ERR_INVALID, "1c", "reserved head at byte 0");
  refuses(ERR_INVALID, "1e", "reserved head");
  refuses(ERR_INVALID, "fd", "reserved head");
  refuses(ERR_INVALID, "1f", "indefinite length");
  refuses(ERR_INVALID, "9f01ff", "indefinite length");
  refuses(ERR_INVALID, "bfff", "indefinite length");
  refuses(ERR_INVALID, "5f4100ff", "indefinite length");
  refuses(ERR_INVALID, "ff", "indefinite length or break");
  refuses(ERR_INVALID, "", "an item is missing at byte 0");
  refuses(ERR_INVALID, "1b00", "cut short inside a head at byte 0");
  refuses(ERR_INVALID, "8201", "more items declared than bytes left");
  refuses(ERR_INVALID, "0102", "bytes after the end of the document at byte 1");
}

/* n - 1, n, n + 1 on both sides. */
static void test_integers(void)
{
  takes("1b001ffffffffffffe");
  takes("1b001fffffffffffff");
  refuses(ERR_LIMIT, "1b0020000000000000", "integer beyond 2^53 - 1 at byte 0");
  takes("3b001ffffffffffffd");
  takes("3b001ffffffffffffe");
  refuses(ERR_LIMIT, "3b001fffffffffffff", "integer beyond");
  refuses(ERR_LIMIT, "1bffffffffffffffff", "integer beyond");
  refuses(ERR_LIMIT, "3bffffffffffffffff", "integer beyond");
  refuses(ERR_LIMIT, "82001b0020000000000000", "at byte 2");
}

static void test_strings(void)
{
  refuses(ERR_INVALID, "4201", "string longer than what is left");
  refuses(ERR_INVALID, "6261", "string longer than what is left");
  refuses(ERR_INVALID, "5b8000000000000000", "string longer");
  refuses(ERR_INVALID, "7bffffffffffffffff", "string longer");
  refuses(ERR_INVALID, "62c328", "text that is not UTF-8");
  refuses(ERR_INVALID, "62c0af", "text that is not UTF-8");
  refuses(ERR_INVALID, "63eda080", "text that is not UTF-8");
  refuses(ERR_INVALID, "64f4908080", "text that is not UTF-8");
  refuses(ERR_INVALID, "61ff", "text that is not UTF-8");
  takes("42c328");
  takes("64f48fbfbf");
}

static void test_keys(void)
{
  refuses(ERR_INVALID, "a10000", "map key that is not text at byte 1");
  refuses(ERR_INVALID, "a1416100", "map key that is not text");
  refuses(ERR_INVALID, "a2616101616102", "was there before at byte 4");
  refuses(ERR_INVALID, "a2616202616101", "map key out of order");
  refuses(ERR_INVALID, "a262616101616202", "map key out of order");
  refuses(ERR_INVALID, "a161c300", "not UTF-8");
  refuses(ERR_INVALID, "a2600060", "declared than bytes left");
  refuses(ERR_INVALID, "a260006001", "was there before");
  takes("a26000616101");
  takes("a261620262616101");
  /* The order is of each map alone, not of what lies inside its values. */
  takes("a26162a16161006163a1616100");
  refuses(ERR_INVALID, "a26162a16161006161a0", "map key out of order");
}

static void test_others(void)
{
  refuses(ERR_INVALID, "f7", "simple value");
  refuses(ERR_INVALID, "e0", "simple value");
  refuses(ERR_INVALID, "f3", "simple value");
  refuses(ERR_INVALID, "f814", "simple value");
  refuses(ERR_INVALID, "f820", "simple value");
  refuses(ERR_INVALID, "f93c00", "float");
  refuses(ERR_INVALID, "fa3f800000", "float");
  refuses(ERR_INVALID, "fb7ff8000000000000", "float");
  refuses(ERR_INVALID, "c06161", "tag that is not 42");
  refuses(ERR_INVALID, "c2420100", "tag that is not 42");
  refuses(ERR_INVALID, "d82b00", "tag that is not 42");
  refuses(ERR_INVALID, "d9d9f700", "tag that is not 42");
}

#define DIGEST                                                                 \
  "c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0"

static void test_links(void)
{
  static const char form[] = "link that is not CIDv1";
  takes("d82a58250001551220" DIGEST);
  takes("d82a58250001701220" DIGEST);
  refuses(ERR_INVALID, "d82a4100", "link cut short");
  refuses(ERR_INVALID, "d82ad82a4100", "link cut short");
  refuses(ERR_INVALID, "d82a58250101711220" DIGEST, form);
  refuses(ERR_INVALID, "d82a58250002711220" DIGEST, form);
  refuses(ERR_INVALID, "d82a58250001721220" DIGEST, form);
  refuses(ERR_INVALID, "d82a58250001551e20" DIGEST, form); /* blake3 */
  refuses(ERR_INVALID, "d82a5825000171121f" DIGEST, form);
  refuses(ERR_INVALID, "d82a5823001220" DIGEST "0000", form); /* CIDv0 */
  refuses(ERR_INVALID, "d82a78250001711220" DIGEST, form);
  refuses(ERR_INVALID, "d82a58260001711220" DIGEST "00", form);
}

/* ${n} lists within each other, the innermost empty. */
static int nested(size_t n, uint8_t head)
{
  struct buf b = {0};
  for (size_t i = 1; i < n; i++) {
    NEED(buf_byte(&b, head) == 0);
    if (head == 0xa1) {
      NEED(buf_put(&b, "\x61x", 2) == 0);
    }
  }
  NEED(buf_byte(&b, head - 1) == 0);
  int rc = sweep_one(buf_span(&b), verdict);
  buf_free(&b);
  return rc;
}

static void test_depth(void)
{
  EXPECT_INT(nested(CBOR_DEPTH_MAX - 1, 0x81), 0);
  EXPECT_INT(nested(CBOR_DEPTH_MAX, 0x81), 0);
  EXPECT_INT(nested(CBOR_DEPTH_MAX + 1, 0x81), ERR_LIMIT);
  EXPECT_INT(nested(CBOR_DEPTH_MAX - 1, 0xa1), 0);
  EXPECT_INT(nested(CBOR_DEPTH_MAX, 0xa1), 0);
  EXPECT_INT(nested(CBOR_DEPTH_MAX + 1, 0xa1), ERR_LIMIT);
  EXPECT_INT(nested(1000000, 0x81), ERR_LIMIT);
}

/* A count one beyond what the bytes can hold is refused before any item. */
static void test_counts(void)
{
  refuses(ERR_INVALID, "9affffffff", "declared than bytes left at byte 0");
  refuses(ERR_INVALID, "9b8000000000000000", "declared than bytes left");
  refuses(ERR_INVALID, "bb8000000000000000", "declared than bytes left");
  refuses(ERR_INVALID, "bbffffffffffffffff", "declared than bytes left");
  refuses(ERR_INVALID, "ba1f3cba1f3c", "declared than bytes left");
  takes("820000");
  refuses(ERR_INVALID, "830000", "declared than bytes left");
  takes("a26000616100");
  refuses(ERR_INVALID, "a36000616100", "declared than bytes left");
}

static void test_sweep(void)
{
  struct buf b = hex_buf(RICH);
  EXPECT_INT(sweep_one(buf_span(&b), verdict), 0);
  EXPECT_INT(sweep_cuts(buf_span(&b), verdict), 0);
  int taken = sweep_flips(buf_span(&b), verdict);
  /* The digest's bits and some of small numbers and text may turn. */
  EXPECT(taken >= 256 && taken < 400);
  buf_free(&b);
}

/* ---- the reader ---- */

static void test_reader(void)
{
  struct buf b = hex_buf(RICH);
  struct cbor_reader r = cbor_reader_of(buf_span(&b));
  struct cbor_item item;
  EXPECT_INT(cbor_next(&r, &item), CBOR_MAP);
  EXPECT_INT(item.count, 8);
  EXPECT_INT(cbor_next(&r, &item), CBOR_TEXT);
  EXPECT(span_is(item.bytes, "a"));
  EXPECT_INT(cbor_next(&r, &item), CBOR_INT);
  EXPECT_INT(item.num, 0);
  EXPECT_INT(cbor_skip(&r).n, 2); /* the key b */
  EXPECT_INT(cbor_next(&r, &item), CBOR_INT);
  EXPECT_INT(item.num, -1);
  while (cbor_next(&r, &item) != CBOR_END) {
    EXPECT(item.kind != CBOR_END);
  }
  EXPECT_INT(cbor_next(&r, &item), CBOR_END);
  EXPECT_INT(cbor_skip(&r).n, 0);
  buf_free(&b);
}

static void test_find(void)
{
  struct buf b = hex_buf(RICH);
  struct span map = buf_span(&b);
  EXPECT(hex_is(cbor_find(map, "a"), "00"));
  EXPECT(hex_is(cbor_find(map, "c"), "1903e8"));
  EXPECT(hex_is(cbor_find(map, "e"), "84f4f5f680"));
  EXPECT(hex_is(cbor_find(map, "f"), LINK));
  EXPECT(hex_is(cbor_find(map, "aa"), "a1617881a0"));
  EXPECT_INT(cbor_find(map, "h").n, 0);
  EXPECT_INT(cbor_find(map, "").n, 0);
  EXPECT_INT(cbor_find(map, "ab").n, 0);
  EXPECT_INT(cbor_find(cbor_find(map, "e"), "a").n, 0); /* a list */
  EXPECT_INT(cbor_find(span_of(NULL, 0), "a").n, 0);
  EXPECT(hex_is(cbor_find(cbor_find(map, "aa"), "x"), "81a0"));
  buf_free(&b);
}

static void test_item_cid(void)
{
  struct buf b = hex_buf(LINK);
  struct cbor_reader r = cbor_reader_of(buf_span(&b));
  struct cbor_item item;
  struct cid c, want;
  NEED(cid_of(&want, CID_DAG_CBOR, "\xa0", 1) == 0);
  EXPECT_INT(cbor_next(&r, &item), CBOR_LINK);
  cbor_item_cid(&c, &item);
  EXPECT(cid_equal(&c, &want));
  buf_free(&b);
}

/* ---- the writer ---- */

static void writes_int(int64_t v, const char *hex)
{
  struct buf b = {0};
  EXPECT_INT(cbor_put_int(&b, v), 0);
  EXPECT(hex_is(buf_span(&b), hex));
  buf_free(&b);
}

static void test_writer(void)
{
  writes_int(0, "00");
  writes_int(23, "17");
  writes_int(24, "1818");
  writes_int(255, "18ff");
  writes_int(256, "190100");
  writes_int(65535, "19ffff");
  writes_int(65536, "1a00010000");
  writes_int(0xffffffff, "1affffffff");
  writes_int(0x100000000, "1b0000000100000000");
  writes_int(CBOR_INT_MAX, "1b001fffffffffffff");
  writes_int(-1, "20");
  writes_int(-24, "37");
  writes_int(-25, "3818");
  writes_int(-CBOR_INT_MAX, "3b001ffffffffffffe");
}

static void test_key_order(void)
{
  static const char *const keys[] = {"",   "a",        "b",  "aa",
                                     "ab", "\xd8\xb3", "aaa"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
      int order = cbor_key_compare(span_of(keys[i], strlen(keys[i])),
                                   span_of(keys[k], strlen(keys[k])));
      EXPECT_INT((order > 0) - (order < 0), (i > k) - (i < k));
    }
  }
}

/* Random documents that the writer makes are taken, and come back. */
static uint32_t dice(uint32_t *state, uint32_t sides)
{
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) % sides;
}

static void put_scalar(struct buf *b, uint32_t *state)
{
  static const uint8_t bytes[300] = {0};
  struct cid c;
  NEED(cid_of(&c, CID_RAW, state, sizeof *state) == 0);
  int rc = 0;
  switch (dice(state, 6)) {
  case 0:
    rc = cbor_put_int(b, (int64_t)1 << dice(state, 53));
    break;
  case 1:
    rc = cbor_put_int(b, -((int64_t)1 << dice(state, 53)));
    break;
  case 2:
    rc = cbor_put_bytes(b, bytes, dice(state, sizeof bytes));
    break;
  case 3:
    rc = cbor_put_text(b, (const char *)bytes, dice(state, sizeof bytes));
    break;
  case 4:
    rc = cbor_put_link(b, &c);
    break;
  default:
    rc = dice(state, 2) == 0 ? cbor_put_null(b)
                             : cbor_put_bool(b, dice(state, 2) == 0);
  }
  NEED(rc == 0);
}

static void test_random(void)
{
  uint32_t state = 1;
  for (int round = 0; round < 2000; round++) {
    struct buf b = {0};
    uint32_t outer = dice(&state, 40), pairs = dice(&state, 30);
    NEED(cbor_put_list(&b, outer + 1) == 0);
    for (uint32_t i = 0; i < outer; i++) {
      put_scalar(&b, &state);
    }
    NEED(cbor_put_map(&b, pairs) == 0);
    for (uint32_t i = 0; i < pairs; i++) {
      char key[8];
      NEED(snprintf(key, sizeof key, "k%02u", (unsigned)i) == 3);
      NEED(cbor_put_key(&b, key) == 0);
      put_scalar(&b, &state);
    }
    EXPECT_INT(sweep_one(buf_span(&b), verdict), 0);
    buf_free(&b);
  }
}

int main(void)
{
  RUN(test_takes);
  RUN(test_heads);
  RUN(test_integers);
  RUN(test_strings);
  RUN(test_keys);
  RUN(test_others);
  RUN(test_links);
  RUN(test_depth);
  RUN(test_counts);
  RUN(test_sweep);
  RUN(test_reader);
  RUN(test_find);
  RUN(test_item_cid);
  RUN(test_writer);
  RUN(test_key_order);
  RUN(test_random);
  return unit_done();
}
