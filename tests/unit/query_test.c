/* SPDX-License-Identifier: 0BSD */
#include "text/query.h"

#include "base/utf8.h"
#include "unit.h"

#include <time.h>

/* The parts of a query as text: w(...) words, p(...) a phrase, name(...) a
 * field; "-" before what is negated, "|" before an alternative. */
static const char *parts(const char *text)
{
  static const char *const field[] = {"lang",   "type",  "author", "collection",
                                      "before", "after", "has"};
  static char out[8192];
  struct query q;
  size_t n = 0;
  query_read(&q, span_of(text, strlen(text)));
  out[0] = '\0';
  for (size_t i = 0; i < q.parts; i++) {
    const struct query_part *p = &q.part[i];
    size_t len = p->text.n;
    while (len > 0 && p->text.p[len - 1] == ' ') {
      len--;
    }
    const char *kind = p->kind == QUERY_WORDS    ? "w"
                       : p->kind == QUERY_PHRASE ? "p"
                                                 : field[p->field];
    int more = snprintf(out + n, sizeof out - n, "%s%s%s%s(%.*s)",
                        n > 0 ? " " : "", p->alternative ? "|" : "",
                        p->negated ? "-" : "", kind, (int)len, p->text.p);
    NEED(more > 0 && (n += (size_t)more) < sizeof out);
  }
  return out;
}

static void test_words(void)
{
  EXPECT_TEXT(parts(""), "");
  EXPECT_TEXT(parts("  \t\n "), "");
  EXPECT_TEXT(parts("newton"), "w(newton)");
  EXPECT_TEXT(parts(" laws  of newton "), "w(laws  of newton)");
  EXPECT_TEXT(parts("قوانين نيوتن"), "w(قوانين نيوتن)");
  EXPECT_TEXT(parts("a\xc2\xa0-b"), "w(a) -w(b)"); /* a no-break space */
}

/* ${cp} from 0x80 on, as UTF-8. */
static void put_utf8(char *to, uint32_t cp)
{
  size_t n = 0;
  if (cp < 0x800) {
    to[n++] = (char)(0xc0 | cp >> 6);
  } else {
    to[n++] = (char)(0xe0 | cp >> 12);
    to[n++] = (char)(0x80 | (cp >> 6 & 0x3f));
  }
  to[n++] = (char)(0x80 | (cp & 0x3f));
  to[n] = '\0';
}

/* First and last of each run of spaces and of marks of direction, with their
 * neighbours: a space parts words, a mark before a part is passed over. */
static void test_characters(void)
{
  static const struct {
    uint32_t first, last;
    bool space;
  } runs[] = {{0xa0, 0xa0, true},      {0x2000, 0x200a, true},
              {0x2028, 0x2029, true},  {0x202f, 0x202f, true},
              {0x3000, 0x3000, true},  {0x200e, 0x200f, false},
              {0x061c, 0x061c, false}, {0x202a, 0x202e, false},
              {0x2066, 0x2069, false}, {0xfeff, 0xfeff, false}};
  size_t n = sizeof runs / sizeof runs[0];
  for (size_t i = 0; i < n; i++) {
    for (uint32_t cp = runs[i].first - 1; cp <= runs[i].last + 1; cp++) {
      char text[16] = "a", mark[8];
      bool space = false, direction = false;
      for (size_t k = 0; k < n; k++) {
        bool in = cp >= runs[k].first && cp <= runs[k].last;
        space = space || (in && runs[k].space);
        direction = direction || (in && !runs[k].space);
      }
      put_utf8(mark, cp);
      (void)snprintf(text, sizeof text, "a%s-b", mark);
      EXPECT(space == (strcmp(parts(text), "w(a) -w(b)") == 0));
      (void)snprintf(text, sizeof text, "a %s-b", mark);
      EXPECT((space || direction) == (strcmp(parts(text), "w(a) -w(b)") == 0));
    }
  }
}

/* Days that are none, and other ways to write those that are. */
static void test_dates_amiss(void)
{
  static const char *const same[] = {"2020-01-02", "2020/01/02", "2020.01.02",
                                     "2020.1.2"};
  static const char *const none[] = {
      "2020.01.00", "2020.01.002", "2020.001.01", "2020.01.02.03",
      "2020.01.",   "2020..02",    ".2020",       "02020"};
  char text[40];
  struct query q;
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
    (void)snprintf(text, sizeof text, "before:%s", same[i]);
    query_read(&q, span_of(text, strlen(text)));
    EXPECT(q.parts == 1 && q.part[0].kind == QUERY_FIELD);
    EXPECT_INT(q.part[0].time, 1577923200);
  }
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
    (void)snprintf(text, sizeof text, "before:%s", none[i]);
    query_read(&q, span_of(text, strlen(text)));
    EXPECT(q.parts == 1 && q.part[0].kind == QUERY_WORDS);
  }
}

static void test_phrases(void)
{
  EXPECT_TEXT(parts("\"laws of\" newton"), "p(laws of) w(newton)");
  EXPECT_TEXT(parts("“laws of” newton"), "p(laws of) w(newton)");
  EXPECT_TEXT(parts("„laws of“ x"), "p(laws of) w(x)");
  EXPECT_TEXT(parts("”laws of” x"), "p(laws of) w(x)");
  EXPECT_TEXT(parts("«قوانين نيوتن»"), "p(قوانين نيوتن)");
  EXPECT_TEXT(parts("»a b« c"), "p(a b) w(c)");
  EXPECT_TEXT(parts("a \"b c\" d"), "w(a) p(b c) w(d)");
  EXPECT_TEXT(parts("\"\" a"), "w(a)");
  EXPECT_TEXT(parts("\"  \""), "");
}

static void test_negation(void)
{
  EXPECT_TEXT(parts("newton -apple"), "w(newton) -w(apple)");
  EXPECT_TEXT(parts("-apple newton laws"), "-w(apple) w(newton laws)");
  EXPECT_TEXT(parts("a -\"b c\" -type:news"), "w(a) -p(b c) -type(news)");
  EXPECT_TEXT(parts("نيوتن \xe2\x80\x8f-تفاحة"), "w(نيوتن) -w(تفاحة)");
  EXPECT_TEXT(parts("a \xe2\x88\x92"
                    "b"),
              "w(a) -w(b)"); /* the minus sign itself */
  EXPECT_TEXT(parts("e-mail - x --y"), "w(e-mail - x --y)");
}

static void test_fields(void)
{
  EXPECT_TEXT(parts("type:lesson newton"), "type(lesson) w(newton)");
  EXPECT_TEXT(parts("collection:edu/physics lang:ckb has:file"),
              "collection(edu/physics) lang(ckb) has(file)");
  EXPECT_TEXT(parts("author:did:key:z6Mk"), "author(did:key:z6Mk)");
  EXPECT_TEXT(parts("author:\"Ali Hassan\" x"), "author(Ali Hassan) w(x)");
}

static void test_alternatives(void)
{
  EXPECT_TEXT(parts("a OR b"), "w(a) |w(b)");
  EXPECT_TEXT(parts("x a OR b y"), "w(x) w(a) |w(b) w(y)");
  EXPECT_TEXT(parts("a OR b OR c d e"), "w(a) |w(b) |w(c) w(d e)");
  EXPECT_TEXT(parts("\"a b\" OR type:x"), "p(a b) |type(x)");
  EXPECT_TEXT(parts("type:a OR type:b c"), "type(a) |type(b) w(c)");
  EXPECT_TEXT(parts("a or b"), "w(a or b)");
  EXPECT_TEXT(parts("ORDER a"), "w(ORDER a)");
}

/* Whatever is no part is words. */
static void test_malformed(void)
{
  EXPECT_TEXT(parts("\"never closed"), "w(\"never closed)");
  EXPECT_TEXT(parts("say \"hi"), "w(say \"hi)");
  EXPECT_TEXT(parts("5\" screen 7\""), "w(5\" screen 7\")");
  EXPECT_TEXT(parts("http://x.org 12:30 Type:x foo:bar"),
              "w(http://x.org 12:30 Type:x foo:bar)");
  EXPECT_TEXT(parts("type: x"), "w(type: x)");
  EXPECT_TEXT(parts("has:nothing"), "w(has:nothing)");
  EXPECT_TEXT(parts("before:yesterday x"), "w(before:yesterday x)");
  EXPECT_TEXT(parts("-"), "w(-)");
  EXPECT_TEXT(parts("OR"), "w(OR)");
  EXPECT_TEXT(parts("OR a"), "w(OR a)");
  EXPECT_TEXT(parts("a OR"), "w(a)");
  EXPECT_TEXT(parts("a OR OR b"), "w(a) |w(OR) w(b)");
  EXPECT_TEXT(parts("a OR -b"), "w(a) -w(b)");
  EXPECT_TEXT(parts("-a OR b"), "-w(a) w(OR b)");
  EXPECT_TEXT(parts("\xff\xfe -\xff"), "w(\xff\xfe) -w(\xff)");
}

/* The second that after:${text} means, or -1 when it is no date. */
static int64_t moment(const char *text)
{
  char query[64];
  struct query q;
  (void)snprintf(query, sizeof query, "after:%s", text);
  query_read(&q, span_of(query, strlen(query)));
  NEED(q.parts == 1);
  return q.part[0].kind == QUERY_FIELD ? q.part[0].time : -1;
}

static void test_dates(void)
{
  EXPECT_INT(moment("1970"), 0);
  EXPECT_INT(moment("1970-01-02"), 86400);
  EXPECT_INT(moment("2026-11-23"), 1795392000);
  EXPECT_INT(moment("2026/11/23"), 1795392000);
  EXPECT_INT(moment("23-11-2026"), -1);
  EXPECT_INT(moment("٢٠٢٦-١١"), 1793491200);
  EXPECT_INT(moment("۲۰۲۶"), 1767225600);
  EXPECT_INT(moment("2024-02-29"), 1709164800);
  EXPECT_INT(moment("2023-02-29"), -1);
  EXPECT_INT(moment("2100-02-29"), -1);
  EXPECT_INT(moment("2026-13"), -1);
  EXPECT_INT(moment("2026-00"), -1);
  EXPECT_INT(moment("2026-1-32"), -1);
  EXPECT_INT(moment("1969"), -1);
  EXPECT_INT(moment("20266"), -1);
  EXPECT_INT(moment("2026-"), -1);
  EXPECT_INT(moment("2026-011"), -1);
  EXPECT_INT(moment("9999-12-31"), 253402214400);
}

/* Every day of 400 years, against the C library. */
static void test_all_days(void)
{
  int64_t faults = 0;
  for (int64_t day = 0; day < 146097; day++) {
    time_t t = (time_t)(day * 86400);
    struct tm tm;
    char text[32];
    NEED(gmtime_r(&t, &tm) != NULL);
    NEED(strftime(text, sizeof text, "%Y-%m-%d", &tm) > 0);
    faults += moment(text) != day * 86400;
  }
  EXPECT_INT(faults, 0);
}

static void test_limit(void)
{
  for (size_t n = QUERY_PARTS_MAX - 1; n <= QUERY_PARTS_MAX + 1; n++) {
    char text[8 * (QUERY_PARTS_MAX + 1) + 1];
    struct query q;
    for (size_t i = 0; i < n; i++) {
      memcpy(text + 8 * i, "type:ab ", 8);
    }
    query_read(&q, span_of(text, 8 * n));
    EXPECT_INT(q.parts, n < QUERY_PARTS_MAX ? n : QUERY_PARTS_MAX);
  }
}

/* Any bytes: parts lie in the text, in order, and hold something. A query of
 * a megabyte of quotes and fields takes no time to speak of. */
static void test_any_bytes(void)
{
  static const char *const piece[] = {
      "\"",           "«",       "»",       "“", "-",    " ",
      "OR",           "type:",   "before:", "a", "\xd9", "2026",
      "\xe2\x80\x8f", "has:file"};
  uint32_t x = 5;
  for (int round = 0; round < 4000; round++) {
    char text[128] = "";
    struct query q;
    size_t n = 0;
    while (n + 10 < sizeof text) {
      x = x * 1664525u + 1013904223u;
      const char *p = piece[(x >> 16) % 14];
      memcpy(text + n, p, strlen(p));
      n += strlen(p);
      if ((x >> 24) % 12 == 0) {
        break;
      }
    }
    query_read(&q, span_of(text, n));
    const uint8_t *at = (const uint8_t *)text;
    for (size_t i = 0; i < q.parts; i++) {
      EXPECT(q.part[i].text.n > 0 && q.part[i].text.p >= at);
      at = q.part[i].text.p + q.part[i].text.n;
    }
    EXPECT(at <= (const uint8_t *)text + n);
  }
}

static void test_linear(void)
{
  static const char *const piece[] = {"« ",        "before:« ", "\" ",
                                      "author:« ", "author:» ", "“"};
  enum { SIZE = 1 << 20 };
  char *text = malloc(SIZE);
  NEED(text != NULL);
  clock_t start = clock();
  for (size_t k = 0; k < 6; k++) {
    struct query q;
    size_t len = strlen(piece[k]);
    for (size_t i = 0; i < SIZE; i++) {
      text[i] = piece[k][i % len];
    }
    query_read(&q, span_of(text, SIZE));
  }
  EXPECT((double)(clock() - start) / CLOCKS_PER_SEC < 5);
  free(text);
}

int main(void)
{
  RUN(test_words);
  RUN(test_characters);
  RUN(test_dates_amiss);
  RUN(test_phrases);
  RUN(test_negation);
  RUN(test_fields);
  RUN(test_alternatives);
  RUN(test_malformed);
  RUN(test_dates);
  RUN(test_all_days);
  RUN(test_limit);
  RUN(test_any_bytes);
  RUN(test_linear);
  return unit_done();
}
