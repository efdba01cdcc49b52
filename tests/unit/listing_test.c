/* SPDX-License-Identifier: 0BSD */
/* Who lists a record, when strangers list it LISTINGS_MAX times first: its
 * author, and we, are found all the same. */
#include "station/admit.h"
#include "station/change.h"
#include "station/listing.h"
#include "station_shelf.h"

static struct home h;
static struct err e;

#define STRANGER 9
#define ALICE 1

/* ${n} times, at as many times, in a collection of his own. */
static void list_by_stranger(const struct made *m, int n)
{
  for (int i = 0; i < n; i++) {
    EXPECT_INT(home_bring(&h, STRANGER, "spam", 1500 + i, m, 1, 1).parcels, 1);
  }
}

struct seen {
  char text[200];
  size_t n;
};

/* "title@time " of each. */
static int note_entry(void *ud, const struct entry *en)
{
  struct seen *s = ud;
  struct record_texts it = {0};
  struct span lang, title = {NULL, 0};
  (void)record_text_next(&it, en->record.title, &lang, &title);
  s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "%.*s@%d ",
                           (int)title.n, (const char *)title.p, (int)en->time);
  return 0;
}

static const char *page_of(const char *collection)
{
  static struct seen s;
  struct page_query q = {.collection = span_of(collection, strlen(collection)),
                         .max = 10};
  struct page page = {0};
  s = (struct seen){{0}, 0};
  NEED(station_page(h.st, &q, &page, note_entry, &s, &e) == 0);
  return s.text;
}

static const char *versions_of(uint8_t author, const char *collection)
{
  static struct seen s;
  uint8_t key[CRYPT_KEY_SIZE];
  author_key_of(key, author);
  struct version_query q = {span_of(collection, strlen(collection)),
                            span_of("k", 1), key};
  s = (struct seen){{0}, 0};
  NEED(station_versions(h.st, &q, note_entry, &s, &e) == 0);
  return s.text;
}

static void test_page(void)
{
  for (int n = LISTINGS_MAX - 1; n <= LISTINGS_MAX + 1; n++) {
    struct made m = {.n = 1, .key = "k", .title = "warning"};
    home_new(&h);
    list_by_stranger(&m, n);
    EXPECT_INT(home_bring(&h, ALICE, "c", 5000, &m, 1, 1).parcels, 1);
    for (int i = 0; i < 2; i++) {
      EXPECT_TEXT(page_of("c"), "warning@5000 ");
      EXPECT_TEXT(versions_of(ALICE, "c"), "warning@5000 ");
      home_rebuild(&h);
    }
    home_end(&h);
  }
}

/* Alice goes back to what she said first. */
static void test_back(void)
{
  for (int n = LISTINGS_MAX - 2; n <= LISTINGS_MAX + 1; n++) {
    struct made m[] = {{.n = 1, .key = "k", .title = "good"},
                       {.n = 2, .key = "k", .title = "wrong"}};
    home_new(&h);
    (void)home_bring(&h, ALICE, "c", 1000, &m[0], 1, 1);
    list_by_stranger(&m[0], n);
    (void)home_bring(&h, ALICE, "c", 2000, &m[1], 1, 1);
    EXPECT_TEXT(page_of("c"), "wrong@2000 ");
    (void)home_bring(&h, ALICE, "c", 3000, &m[0], 1, 1);
    EXPECT_TEXT(page_of("c"), "good@3000 ");
    EXPECT_TEXT(versions_of(ALICE, "c"), "good@3000 wrong@2000 ");
    EXPECT(home_sound(&h));
    home_end(&h);
  }
}

/* What we publish is ours, whoever listed it before. */
static void test_own(void)
{
  for (int n = LISTINGS_MAX - 1; n <= LISTINGS_MAX + 1; n++) {
    struct made m = {.n = 1, .title = "taken over"};
    struct entry en = {0};
    home_new(&h);
    list_by_stranger(&m, n);
    struct cid id = home_publish(&h, "mine", &m, SHELF_NOW);
    NEED(station_get(h.st, &id, &en, &e) == 0);
    EXPECT(memcmp(en.author, h.st->self, CRYPT_KEY_SIZE) == 0);
    EXPECT(span_is(buf_span(&en.collection), "mine"));
    entry_free(&en);
    home_end(&h);
  }
}

/* It is taken back as any other, and what the others say stays. */
static void test_withdrawn(void)
{
  struct made m = {.n = 1, .key = "k", .title = "warning"};
  struct cid id = made_cid(&m);
  struct made gone = {.type = "withdraw", .about = &id};
  home_new(&h);
  list_by_stranger(&m, LISTINGS_MAX + 3);
  (void)home_bring(&h, ALICE, "c", 5000, &m, 1, 1);
  (void)home_bring(&h, 2, "c", 5000, &m, 1, 1); /* at the same time */
  EXPECT_TEXT(page_of("c"), "warning@5000 warning@5000 ");
  EXPECT_INT(home_bring(&h, ALICE, "c", 6000, &gone, 1, 1).withdrawn, 1);
  EXPECT_TEXT(page_of("c"), "warning@5000 ");
  EXPECT_TEXT(versions_of(ALICE, "c"), "");
  EXPECT_TEXT(versions_of(2, "c"), "warning@5000 ");
  EXPECT(home_sound(&h));
  home_end(&h);
}

int main(void)
{
  RUN(test_page);
  RUN(test_back);
  RUN(test_own);
  RUN(test_withdrawn);
  return unit_done();
}
