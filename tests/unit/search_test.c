/* SPDX-License-Identifier: 0BSD */
#include "base/limits.h"
#include "station_shelf.h"

static struct home h;
static struct err e;

struct found {
  int n;
  int number[140];
  char title[40];    /* of the first */
  char snippet[200]; /* of the last */
};

static int see(void *ud, const struct search_hit *hit)
{
  struct found *f = ud;
  struct cbor_reader r =
      cbor_reader_of(cbor_find(hit->entry->record.bytes, "n"));
  struct cbor_item item;
  NEED(f->n < 140 && cbor_next(&r, &item) == CBOR_INT);
  f->number[f->n] = (int)item.num;
  if (f->n == 0) {
    (void)snprintf(f->title, sizeof f->title, "%.*s", (int)hit->title.n,
                   (const char *)hit->title.p);
  }
  (void)snprintf(f->snippet, sizeof f->snippet, "%.*s", (int)hit->snippet.n,
                 (const char *)hit->snippet.p);
  EXPECT(hit->score > 0);
  f->n++;
  return 0;
}

static struct found find_with(struct search_query q)
{
  struct found f = {0};
  int rc = station_search(h.st, &q, see, &f, &e);
  EXPECT_INT(rc, 0);
  return f;
}

static struct found find(const char *text)
{
  struct search_query q = {.text = span_of(text, strlen(text)), .limit = 100};
  q.mark_open = span_of("<", 1);
  q.mark_close = span_of(">", 1);
  return find_with(q);
}

static void put(int n, const char *collection, const char *title,
                const char *text)
{
  struct made m = {.n = n, .title = title, .text = text};
  (void)home_publish(&h, collection, &m, SHELF_NOW + n);
}

static void test_words(void)
{
  home_new(&h);
  put(1, "c", "Newton's laws", "A body at rest stays at rest.");
  put(2, "c", "Cooking", "Newton liked soup, they say.");
  put(3, "c", "Nothing", "to be found here");
  struct found f = find("newton");
  EXPECT_INT(f.n, 2);
  EXPECT(f.number[0] == 1 && f.number[1] == 2); /* titles weigh more */
  EXPECT_TEXT(f.title, "Newton's laws");
  EXPECT_TEXT(f.snippet, "<Newton> liked soup, they say");
  EXPECT_INT(find("NEWTON soup").number[0], 2);
  EXPECT_INT(find("absent").n, 0);
  EXPECT_INT(find("").n, 0);
  EXPECT_INT(find("\"';--(*\xff").n, 0);
  home_end(&h);
}

static void test_facets(void)
{
  home_new(&h);
  struct made m = {.n = 1, .title = "word", .type = "lesson"};
  (void)home_publish(&h, "a", &m, -1);
  m.n = 2;
  m.type = "news";
  (void)home_publish(&h, "a", &m, -1);
  m.n = 3;
  (void)home_publish(&h, "b", &m, -1);
  struct search_query q = {.text = span_of("word", 4), .limit = 9};
  EXPECT_INT(find_with(q).n, 3);
  q.collection = span_of("a", 1);
  EXPECT_INT(find_with(q).n, 2);
  q.type = span_of("news", 4);
  struct found f = find_with(q);
  EXPECT(f.n == 1 && f.number[0] == 2);
  q.collection = span_of(NULL, 0);
  EXPECT_INT(find_with(q).n, 2);
  q.type = span_of("none", 4);
  EXPECT_INT(find_with(q).n, 0);
  home_end(&h);
}

/* Limits and offsets cut one list, whatever the pages of the store. */
static void test_limits(void)
{
  home_new(&h);
  for (int i = 0; i < 130; i++) {
    put(i, "c", "same", NULL);
  }
  struct search_query q = {.text = span_of("same", 4), .limit = 200};
  struct found all = find_with(q);
  EXPECT_INT(all.n, 130);
  for (size_t offset = 0; offset < 140; offset += 9) {
    for (size_t limit = 0; limit < 80; limit += 13) {
      q.offset = offset;
      q.limit = limit;
      struct found f = find_with(q);
      size_t left = offset < 130 ? 130 - offset : 0;
      EXPECT_INT(f.n, left < limit ? left : limit);
      for (int i = 0; i < f.n; i++) {
        EXPECT_INT(f.number[i], all.number[offset + (size_t)i]);
      }
    }
  }
  home_end(&h);
}

/* Old versions and what was withdrawn are not found. */
static void test_only_current(void)
{
  home_new(&h);
  struct made m = {.n = 1, .key = "k", .title = "word old"};
  (void)home_publish(&h, "c", &m, 100);
  m.n = 2;
  m.title = "word new";
  struct cid id = home_publish(&h, "c", &m, 200);
  struct found f = find("word");
  EXPECT(f.n == 1 && f.number[0] == 2);
  EXPECT_INT(find("old").n, 0);
  struct made gone = {.type = "withdraw", .about = &id};
  (void)home_publish(&h, "c", &gone, 300);
  f = find("word");
  EXPECT(f.n == 1 && f.number[0] == 1);
  home_end(&h);
}

/* QUERY_WORDS_MAX words count, the next one does not. */
static void test_query_words(void)
{
  char text[600];
  home_new(&h);
  put(1, "c", "needle", NULL);
  for (int words = QUERY_WORDS_MAX - 1; words <= QUERY_WORDS_MAX + 1; words++) {
    size_t used = 0;
    for (int i = 0; i < words - 1; i++) {
      int len = snprintf(text + used, sizeof text - used, "w%d ", i);
      NEED(len > 0 && (used += (size_t)len) < sizeof text);
    }
    (void)snprintf(text + used, sizeof text - used, "needle");
    EXPECT_INT(find(text).n, words <= QUERY_WORDS_MAX);
  }
  /* The same word often is one word. */
  memset(text, 'a', sizeof text);
  for (size_t i = 1; i < 400; i += 2) {
    text[i] = ' ';
  }
  (void)snprintf(text + 400, sizeof text - 400, " needle");
  EXPECT_INT(find(text).n, 1);
  home_end(&h);
}

/* Title and snippet in the wanted language, where there is one. */
static void test_languages(void)
{
  static const char ar[] = "\xd9\x82\xd9\x88\xd8\xa7\xd9\x86\xd9\x8a\xd9\x86";
  struct buf b = {0};
  struct publisher *p = NULL;
  struct cid id;
  uint64_t n;
  home_new(&h);
  NEED(cbor_put_map(&b, 3) == 0 && cbor_put_key(&b, "n") == 0 &&
       cbor_put_int(&b, 1) == 0 && cbor_put_key(&b, "type") == 0 &&
       cbor_put_text(&b, "lesson", 6) == 0 && cbor_put_key(&b, "title") == 0 &&
       cbor_put_map(&b, 2) == 0 && cbor_put_key(&b, "ar") == 0 &&
       cbor_put_text(&b, ar, sizeof ar - 1) == 0 &&
       cbor_put_key(&b, "en") == 0 && cbor_put_text(&b, "laws", 4) == 0);
  NEED(publisher_new(&p, h.st, span_of("c", 1), -1, &e) == 0);
  NEED(publisher_add(p, buf_span(&b), &id, &e) == 0);
  NEED(publisher_commit(p, &n, &e) == 0);
  publisher_del(p);
  struct search_query q = {.text = span_of("laws", 4), .limit = 9};
  EXPECT_TEXT(find_with(q).title, ar);
  q.lang = span_of("en", 2);
  EXPECT_TEXT(find_with(q).title, "laws");
  q.lang = span_of("ku", 2);
  EXPECT_TEXT(find_with(q).title, ar);
  q.text = span_of(ar, sizeof ar - 1);
  EXPECT_INT(find_with(q).n, 1);
  buf_free(&b);
  home_end(&h);
}

int main(void)
{
  RUN(test_words);
  RUN(test_facets);
  RUN(test_limits);
  RUN(test_only_current);
  RUN(test_query_words);
  RUN(test_languages);
  return unit_done();
}
