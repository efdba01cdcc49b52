/* SPDX-License-Identifier: 0BSD */
#include "form/cid.h"

#include "hex.h"
#include "sweep.h"

/* The CID of the empty map a0 (a public one: `ipfs dag put` of {}). */
#define EMPTY_MAP "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"
#define EMPTY_MAP_HEX                                                          \
  "01711220c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56a0"

static struct cid empty_map(void)
{
  struct cid c;
  NEED(cid_of(&c, CID_DAG_CBOR, "\xa0", 1) == 0);
  return c;
}

static void test_make(void)
{
  char text[CID_TEXT_SIZE + 1];
  struct cid c = empty_map(), again;
  EXPECT(hex_is(span_of(c.b, CID_SIZE), EMPTY_MAP_HEX));
  EXPECT_INT(cid_codec(&c), CID_DAG_CBOR);
  cid_text(text, &c);
  EXPECT_TEXT(text, EMPTY_MAP);
  cid_make(&again, CID_DAG_CBOR, cid_digest(&c));
  EXPECT(cid_equal(&c, &again));
  cid_make(&again, CID_RAW, cid_digest(&c));
  EXPECT(!cid_equal(&c, &again));
  EXPECT(cid_compare(&again, &c) < 0);
}

static void test_parse(void)
{
  struct cid c, want = empty_map();
  EXPECT_INT(cid_parse(&c, EMPTY_MAP, CID_TEXT_SIZE, NULL), 0);
  EXPECT(cid_equal(&c, &want));
}

/* All texts of random CIDs come back; raw and dag-pb too. */
static void test_round_trip(void)
{
  static const enum cid_codec codecs[] = {CID_RAW, CID_DAG_PB, CID_DAG_CBOR};
  for (int i = 0; i < 3000; i++) {
    char text[CID_TEXT_SIZE + 1];
    struct cid c, back;
    NEED(cid_of(&c, codecs[i % 3], &i, sizeof i) == 0);
    cid_text(text, &c);
    EXPECT_INT(cid_parse(&back, text, strlen(text), NULL), 0);
    EXPECT(cid_equal(&c, &back));
  }
}

static void refuses(const char *text, const char *why)
{
  struct cid c;
  struct err e = {0};
  EXPECT_INT(cid_parse(&c, text, strlen(text), &e), ERR_INVALID);
  if (strstr(e.text, why) == NULL) {
    printf("  for %s\n", text);
    EXPECT_TEXT(e.text, why);
  }
}

static void test_bad_text(void)
{
  refuses("", "0 characters");
  refuses("bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swu",
          "58 characters");
  refuses(EMPTY_MAP "a", "60 characters");
  refuses("zafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
          "start with 'b'");
  refuses("BAFYREIGBTJ4X7IP5LEGNFZNUFUOPL4SG4KNZC2COF6DUAS4B3Q2FY6SWUA",
          "start with 'b'");
  refuses("bAfyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
          "character 2");
  refuses("bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6sw1a",
          "character 58");
  refuses(" afyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
          "start with 'b'");
  /* The last character holds three bits of data and two that must be 0. */
  refuses("bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swub",
          "left-over");
  refuses("bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swuc",
          "left-over");
  refuses("QmRgutAxd8t7oGkSm4wmeuByG6M51wcTso6cubDdQtuEfL", "46 characters");
}

static void reads_not(const char *hex, const char *why)
{
  struct buf b = hex_buf(hex);
  struct cid c;
  struct err e = {0};
  EXPECT_INT(cid_read(&c, b.p, b.n, &e), ERR_INVALID);
  if (strstr(e.text, why) == NULL) {
    EXPECT_TEXT(e.text, why);
  }
  buf_free(&b);
}

#define DIGEST_31                                                              \
  "c19a797fa1fd590cd2e5b42d1cf5f246e29b91684e2f87404b81dc345c7a56"

static void test_bad_bytes(void)
{
  reads_not("", "0 bytes");
  reads_not("01711220" DIGEST_31, "35 bytes");
  reads_not("01711220" DIGEST_31 "a000", "37 bytes");
  reads_not("1220" DIGEST_31 "a00000", "version 0");
  reads_not("02711220" DIGEST_31 "a0", "version byte is 2");
  reads_not("01721220" DIGEST_31 "a0", "codec 0x72");
  reads_not("01711120" DIGEST_31 "a0", "hash 0x11");
  reads_not("0171121f" DIGEST_31 "a0", "digest of 31 bytes");
  reads_not("0171921220" DIGEST_31, "hash 0x92");
}

static int read_span(struct span s)
{
  struct cid c;
  return cid_read(&c, s.p, s.n, NULL);
}

static void test_sweep(void)
{
  struct cid c = empty_map();
  struct span s = span_of(c.b, CID_SIZE);
  EXPECT_INT(sweep_one(s, read_span), 0);
  EXPECT_INT(sweep_cuts(s, read_span), 0);
  /* Each bit of the digest may turn, and 71 <-> 70 are both codecs. */
  EXPECT_INT(sweep_flips(s, read_span), 256 + 1);
}

static void test_verify(void)
{
  struct cid c = empty_map();
  EXPECT_INT(cid_verify(&c, "\xa0", 1), 0);
  EXPECT_INT(cid_verify(&c, "\xa1", 1), ERR_HASH);
  EXPECT_INT(cid_verify(&c, "", 0), ERR_HASH);
  c.b[CID_SIZE - 1] ^= 1;
  EXPECT_INT(cid_verify(&c, "\xa0", 1), ERR_HASH);
}

int main(void)
{
  RUN(test_make);
  RUN(test_parse);
  RUN(test_round_trip);
  RUN(test_bad_text);
  RUN(test_bad_bytes);
  RUN(test_sweep);
  RUN(test_verify);
  return unit_done();
}
