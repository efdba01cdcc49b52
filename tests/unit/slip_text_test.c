/* SPDX-License-Identifier: 0BSD */
/* Slips as text: the letters are those of the standards, and wrong ones are
 * refused. What slips say is in lacking_test.c. */
#include "sync/slip_text.h"

#include "sweep.h"

#define HEAD "MAHATTA:"

static struct span text(const char *t)
{
  return span_of(t, strlen(t));
}

/* The examples of RFC 9285, section 4.3, and one byte alone. */
static void test_base45(void)
{
  static const char *const pair[][2] = {{"AB", "BB8"},
                                        {"Hello!!", "%69 VD92EX0"},
                                        {"base-45", "UJCLQE7W581"},
                                        {"ietf!", "QED8WEX0"},
                                        {"\xff\xff", "FGW"},
                                        {"\xff", "U5"}};
  for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
    struct buf out = {0}, back = {0};
    char want[40];
    (void)snprintf(want, sizeof want, HEAD "%s", pair[i][1]);
    NEED(slip_scan_put(&out, text(pair[i][0])) == 0);
    EXPECT(span_equal(buf_span(&out), text(want)));
    EXPECT_INT(out.n, slip_scan_size(strlen(pair[i][0])));
    EXPECT(slip_scan_looks(buf_span(&out)));
    EXPECT_INT(slip_scan_read(&back, buf_span(&out), NULL), 0);
    EXPECT(span_equal(buf_span(&back), text(pair[i][0])));
    buf_free(&out);
    buf_free(&back);
  }
}

static void test_base45_refused(void)
{
  static const char *const bad[] = {
      "GGW" /* 65536 */, "::::", ":::", "V5" /* 256 */, "A", "BB8A", "bb8",
      "B\xd9\x83",       "AB\tC"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct buf out = {0};
    struct err e = {0};
    char all[32];
    (void)snprintf(all, sizeof all, HEAD "%s", bad[i]);
    EXPECT_INT(slip_scan_read(&out, text(all), &e), ERR_INVALID);
    EXPECT(strstr(e.text, "near letter") != NULL && out.n == 0);
    buf_free(&out);
  }
  EXPECT(!slip_scan_looks(text("")));
  EXPECT(!slip_scan_looks(text(HEAD)));
  EXPECT(!slip_scan_looks(text("mahatta:BB8")));
  EXPECT(!slip_scan_looks(text("QR-Code:BB8")));
  EXPECT(slip_scan_looks(text(" \nQR-Code:" HEAD "BB8\n")));
}

static struct slip_short sample(uint32_t syndromes)
{
  struct slip_short s = {{1, 2, 3, 4, 5, 6},
                         {7, 8, 9, 10, 11, 12},
                         {13, 14, 15, 16, 17, 18, 19, 20},
                         4000000000u,
                         63,
                         syndromes,
                         {0}};
  for (uint32_t i = 0; i < syndromes; i++) {
    s.syndrome[i] = 0x0102030405060708u * (i + 1);
  }
  return s;
}

/* Field by field: there is padding between them. */
static bool same_line(const struct slip_short *a, const struct slip_short *b)
{
  return memcmp(a->who, b->who, sizeof a->who) == 0 &&
         memcmp(a->coll, b->coll, sizeof a->coll) == 0 &&
         memcmp(a->digest, b->digest, sizeof a->digest) == 0 &&
         a->count == b->count && a->files == b->files &&
         a->syndromes == b->syndromes &&
         memcmp(a->syndrome, b->syndrome, sizeof a->syndrome) == 0;
}

static int take_line(struct span s)
{
  struct slip_short out;
  struct err e = {0};
  size_t at = 0;
  int rc = slip_short_next(&out, s, &at, &e);
  EXPECT(rc >= 0 || (rc == ERR_INVALID && e.text[0] != '\0'));
  return rc > 0 ? 0 : ERR_INVALID;
}

static void test_short_lines(void)
{
  for (uint32_t n = 0; n <= SLIP_SHORT_SYNDROMES; n++) {
    struct slip_short s = sample(n), back;
    struct buf out = {0};
    size_t at = 0;
    NEED(slip_short_put(&out, &s) == 0);
    EXPECT(out.n <= SLIP_SHORT_TEXT && memcmp(out.p, "mhs1", 4) == 0);
    EXPECT(slip_short_looks(buf_span(&out)));
    EXPECT_INT(slip_short_next(&back, buf_span(&out), &at, NULL), 1);
    EXPECT(same_line(&s, &back));
    EXPECT_INT(slip_short_next(&back, buf_span(&out), &at, NULL), 0);
    EXPECT_INT(sweep_one(buf_span(&out), take_line), 0);
    EXPECT_INT(sweep_cuts(buf_span(&out), take_line), 0);
    EXPECT_INT(sweep_flips(buf_span(&out), take_line), 0);
    NEED(buf_byte(&out, 'A') == 0);
    EXPECT_INT(take_line(buf_span(&out)), ERR_INVALID);
    buf_free(&out);
  }
}

/* Lines may be parted by any blanks, as people paste them. */
static void test_many_lines(void)
{
  struct buf out = {0};
  struct slip_short back;
  size_t at = 0;
  NEED(buf_put(&out, " \r\n", 3) == 0);
  for (uint32_t n = 0; n < 3; n++) {
    struct slip_short s = sample(n);
    NEED(slip_short_put(&out, &s) == 0);
    NEED(buf_put(&out, n == 1 ? "\r\n\t" : " ", n == 1 ? 3 : 1) == 0);
  }
  for (uint32_t n = 0; n < 3; n++) {
    EXPECT_INT(slip_short_next(&back, buf_span(&out), &at, NULL), 1);
    EXPECT_INT(back.syndromes, n);
  }
  EXPECT_INT(slip_short_next(&back, buf_span(&out), &at, NULL), 0);
  buf_free(&out);
}

int main(void)
{
  RUN(test_base45);
  RUN(test_base45_refused);
  RUN(test_short_lines);
  RUN(test_many_lines);
  return unit_done();
}
