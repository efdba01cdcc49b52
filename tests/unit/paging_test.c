/* SPDX-License-Identifier: 0BSD */
/* Pages of a search by cursor: together they are the list, whatever their
 * size, also while time goes by and the index changes. */
#include "base/limits.h"
#include "station/shown.h"
#include "station_shelf.h"
#include "text/recipe.h"

#include "sim/dice.h"

static struct home h;
static struct err e;

#define LIST_MAX 400

struct list {
  uint64_t ref[LIST_MAX];
  size_t n;
};

static int see(void *ud, const struct search_hit *hit)
{
  struct list *l = ud;
  NEED(l->n < LIST_MAX);
  l->ref[l->n++] = hit->entry->ref;
  return 0;
}

/* One page onto the end of ${l}; its cursor moves on. false: the last. */
static bool page(struct list *l, struct search_query q, struct buf *cursor)
{
  struct search_report report = {.meant = {0}};
  size_t before = l->n;
  q.report = &report;
  q.cursor = buf_span(cursor);
  EXPECT_INT(station_search(h.st, &q, see, l, &e), 0);
  EXPECT(l->n - before <= q.limit);
  EXPECT(report.cursor.n == 0 || l->n - before == q.limit);
  buf_clear(cursor);
  NEED(buf_put(cursor, report.cursor.p, report.cursor.n) == 0);
  bool more = report.cursor.n > 0;
  search_report_free(&report);
  return more;
}

static bool has(const struct list *l, uint64_t ref, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    if (l->ref[i] == ref) {
      return true;
    }
  }
  return false;
}

static size_t repeats(const struct list *l)
{
  size_t n = 0;
  for (size_t i = 0; i < l->n; i++) {
    n += has(l, l->ref[i], i);
  }
  return n;
}

static const char *const some[] = {"alpha", "beta", "gamma", "delta", "same"};

/* A record of a few words, so that scores differ by little and by much. */
static void put(struct dice *d, int n)
{
  char text[200] = "";
  size_t used = 0;
  for (size_t i = 0, words = 1 + dice_below(d, 12); i < words; i++) {
    int len = snprintf(text + used, sizeof text - used, "%s ",
                       some[dice_below(d, 5)]);
    used += (size_t)len;
  }
  struct made m = {
      .n = n, .title = dice_below(d, 3) == 0 ? "same" : "other", .text = text};
  if (dice_below(d, 9) == 0) {
    m.key = "k"; /* a version of one: only the newest is shown */
  }
  (void)home_publish(&h, "c", &m,
                     SHELF_NOW - (int64_t)dice_below(d, 400) * 86400);
}

static int64_t later_each_time(int64_t now)
{
  static int64_t turn;
  return now + 86400 * 30 * turn++;
}

/* Every size of page gives the list that is not cut. */
static void test_sizes(void)
{
  static const char *const query[] = {"same",           "alpha gamma",
                                      "\"same alpha\"", "type:note",
                                      "beta -delta",    "alpah gama"};
  struct dice d = {7};
  struct buf cursor = {0};
  home_new(&h);
  for (int n = 0; n < 260; n++) {
    put(&d, n);
  }
  for (size_t i = 0; i < sizeof query / sizeof query[0]; i++) {
    struct search_query q = {.text = span_of(query[i], strlen(query[i])),
                             .limit = LIST_MAX};
    struct list whole = {.n = 0};
    EXPECT(!page(&whole, q, &cursor));
    EXPECT(whole.n > RECIPE_HEAD / 2 && repeats(&whole) == 0);
    for (q.limit = 1; q.limit <= whole.n + 1;
         q.limit += q.limit < 8 ? 1 : q.limit / 3) {
      struct list paged = {.n = 0};
      while (page(&paged, q, &cursor)) {
      }
      EXPECT_INT(paged.n, whole.n);
      EXPECT(memcmp(paged.ref, whole.ref, whole.n * sizeof whole.ref[0]) == 0);
    }
  }
  buf_free(&cursor);
  home_end(&h);
}

/* What an offset passes over counts as shown. */
static void test_after_offset(void)
{
  struct dice d = {3};
  struct search_query q = {.text = span_of("same", 4), .limit = LIST_MAX};
  struct list whole = {.n = 0};
  struct buf cursor = {0};
  home_new(&h);
  for (int n = 0; n < 150; n++) {
    put(&d, n);
  }
  EXPECT(!page(&whole, q, &cursor));
  for (size_t offset = 1; offset < whole.n; offset += 17) {
    struct list part = {.n = 0};
    q.offset = offset;
    q.limit = 1;
    bool more = page(&part, q, &cursor);
    q.offset = 0;
    q.limit = LIST_MAX;
    if (more) {
      EXPECT(!page(&part, q, &cursor));
    }
    EXPECT_INT(part.n, whole.n - offset);
    EXPECT(memcmp(part.ref, whole.ref + offset, part.n * sizeof part.ref[0]) ==
           0);
  }
  buf_free(&cursor);
  home_end(&h);
}

/* The years go by between pages: all come, and each once. */
static void test_time(void)
{
  struct dice d = {5};
  struct search_query q = {.text = span_of("alpha same", 10),
                           .limit = LIST_MAX};
  struct list whole = {.n = 0}, paged = {.n = 0};
  struct buf cursor = {0};
  home_new(&h);
  for (int n = 0; n < 140; n++) {
    put(&d, n);
  }
  EXPECT(!page(&whole, q, &cursor));
  h.clock = later_each_time;
  q.limit = 3;
  while (page(&paged, q, &cursor)) {
  }
  EXPECT_INT(paged.n, whole.n);
  EXPECT_INT(repeats(&paged), 0);
  buf_free(&cursor);
  home_end(&h);
}

/* Records come between pages and change how rare each word is: none comes
 * twice, and none of those that were there is missing. */
static void test_index_changes(void)
{
  for (uint64_t seed = 0; seed < 6; seed++) {
    struct dice d = {100 + seed};
    struct search_query q = {.text = span_of("alpha same", 10),
                             .limit = LIST_MAX};
    struct list whole = {.n = 0}, paged = {.n = 0};
    struct buf cursor = {0};
    home_new(&h);
    int n = 0;
    while (n < 50) {
      put(&d, n++);
    }
    EXPECT(!page(&whole, q, &cursor));
    q.limit = 4;
    while (page(&paged, q, &cursor)) {
      put(&d, n++);
    }
    EXPECT_INT(repeats(&paged), 0);
    for (size_t i = 0; i < whole.n; i++) {
      EXPECT(has(&paged, whole.ref[i], paged.n) || n > RECIPE_HEAD);
    }
    buf_free(&cursor);
    home_end(&h);
  }
}

/* The last one shown is withdrawn: the list goes on from where it stood. */
static void test_last_gone(void)
{
  struct search_query q = {.text = span_of("same", 4), .limit = 70};
  struct list list = {.n = 0};
  struct buf cursor = {0};
  struct cid id[100];
  home_new(&h);
  for (int n = 0; n < 100; n++) {
    struct made m = {.n = n, .title = "same"};
    id[n] = home_publish(&h, "c", &m, SHELF_NOW);
  }
  EXPECT(page(&list, q, &cursor));
  for (int n = 0; n < 100; n++) {
    struct entry en = {0};
    NEED(station_get(h.st, &id[n], &en, &e) == 0);
    bool last = en.ref == list.ref[69];
    entry_free(&en);
    if (last) {
      struct made gone = {.type = "withdraw", .about = &id[n]};
      (void)home_publish(&h, "c", &gone, SHELF_NOW);
    }
  }
  EXPECT(!page(&list, q, &cursor));
  EXPECT_INT(list.n, 100);
  EXPECT_INT(repeats(&list), 0);
  buf_free(&cursor);
  home_end(&h);
}

static bool reads(const char *text)
{
  struct shown s;
  return shown_read(&s, span_of(text, strlen(text)));
}

/* A cursor's text: what was written is read, and nothing else. */
static void test_text(void)
{
  struct shown s = {.n = 0}, back;
  struct buf b = {0};
  for (uint64_t i = 0; i < SEARCH_SHOWN_MAX + 5; i++) {
    shown_add(&s, 1 + (i * 37 % 500) * 1000);
    shown_add(&s, 1 + (i * 37 % 500) * 1000);
  }
  EXPECT_INT(s.n, SEARCH_SHOWN_MAX);
  for (unsigned i = 0; i <= SHOWN_LAST; i++) {
    shown_tail(&s, &(struct store_hit){.ref = 70 + i, .score = 3.5 + i});
  }
  EXPECT(shown_has(&s, 1 + 37000) && !shown_has(&s, 2));
  NEED(shown_put(&b, &s) == 0);
  EXPECT(shown_read(&back, buf_span(&b)));
  EXPECT(back.n == s.n && memcmp(back.ref, s.ref, sizeof s.ref) == 0);
  EXPECT_INT(back.lasts, SHOWN_LAST);
  EXPECT(memcmp(back.last, s.last, sizeof s.last) == 0);
  EXPECT_INT(back.last[0].ref, 70 + SHOWN_LAST);
  for (size_t i = 0; i < b.n; i++) { /* cut, it is another or none */
    (void)shown_read(&back, span_of(b.p, i));
  }
  NEED(buf_put(&b, "01", 2) == 0); /* one more than there may be */
  EXPECT(!shown_read(&back, buf_span(&b)));
  EXPECT(reads("a") && reads("a01") && reads("b0001") &&
         reads("d010101010101"));
  EXPECT(!reads("") && !reads("x") && !reads("b") && !reads("b00"));
  EXPECT(!reads("e0101010101010101") && !reads("d0101010101"));
  EXPECT(!reads("a0") && !reads("a00") && !reads("a8") && !reads("a80"));
  EXPECT(!reads("a0G") && !reads("aA1") && !reads("a8000"));
  EXPECT(!reads("affffffffffffffff7f01")); /* beyond all numbers */
  buf_free(&b);
}

int main(void)
{
  RUN(test_sizes);
  RUN(test_after_offset);
  RUN(test_time);
  RUN(test_index_changes);
  RUN(test_last_gone);
  RUN(test_text);
  return unit_done();
}
