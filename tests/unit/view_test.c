/* SPDX-License-Identifier: 0BSD */
/* Reading: by id, lists, versions, what is about, what is missing. */
#include "base/limits.h"
#include "station_shelf.h"

static struct home h;
static struct err e;

#define SEEN_MAX 30

/* What a sink was given. */
struct seen {
  int n, stop_at;
  int number[SEEN_MAX];
  int64_t time[SEEN_MAX];
};

static int see(void *ud, const struct entry *en)
{
  struct seen *s = ud;
  struct cbor_reader r = cbor_reader_of(cbor_find(en->record.bytes, "n"));
  struct cbor_item item;
  NEED(s->n < SEEN_MAX && cbor_next(&r, &item) == CBOR_INT);
  NEED(cid_verify(&en->cid, en->block.p, en->block.n) == 0);
  s->number[s->n] = (int)item.num;
  s->time[s->n] = en->time;
  s->n++;
  return s->stop_at > 0 && s->n >= s->stop_at;
}

static struct seen page_of(const char *collection, struct page *page,
                           size_t max, bool history)
{
  struct seen s = {0};
  struct page_query q = {.collection = span_of(collection, strlen(collection)),
                         .max = max,
                         .history = history};
  NEED(station_page(h.st, &q, page, see, &s, &e) == 0);
  return s;
}

static struct seen all_of(const char *collection, bool history)
{
  struct page page = {0};
  struct seen s = page_of(collection, &page, 500, history);
  EXPECT(page.ended);
  return s;
}

static struct cid put(int n, const char *key, int64_t time)
{
  struct made m = {.n = n, .key = key};
  return home_publish(&h, "c", &m, time);
}

static void test_get(void)
{
  struct entry en = {0};
  struct made m = {.n = 1, .title = "words"};
  uint8_t key[CRYPT_KEY_SIZE];
  home_new(&h);
  struct cid id = home_publish(&h, "edu/a", &m, 77);
  NEED(did_parse(key, station_did(h.st), CRYPT_DID_SIZE, &e) == 0);
  EXPECT_INT(station_get(h.st, &id, &en, &e), 0);
  EXPECT(cid_equal(&en.cid, &id));
  EXPECT_INT(en.time, 77);
  EXPECT(memcmp(en.author, key, sizeof key) == 0);
  EXPECT(span_is(buf_span(&en.collection), "edu/a"));
  EXPECT(span_is(en.record.type, "note"));
  struct cid parcel = en.parcel;
  entry_free(&en);
  memset(&en, 0, sizeof en);
  EXPECT_INT(station_get(h.st, &parcel, &en, &e), ERR_NOENT);
  struct cid raw;
  cid_make(&raw, CID_RAW, cid_digest(&id)); /* another codec: another block */
  EXPECT_INT(station_get(h.st, &raw, &en, &e), ERR_NOENT);
  m.n = 2;
  id = made_cid(&m);
  EXPECT_INT(station_get(h.st, &id, &en, &e), ERR_NOENT);
  EXPECT(en.block.p == NULL && en.collection.p == NULL);
  home_end(&h);
}

static void test_pages(void)
{
  home_new(&h);
  for (int i = 0; i < 23; i++) {
    (void)put(i, NULL, 1000 + i / 2); /* two of each second */
  }
  struct seen all = all_of("c", false);
  EXPECT_INT(all.n, 23);
  for (int i = 1; i < all.n; i++) {
    EXPECT(all.time[i] <= all.time[i - 1]);
  }
  for (size_t max = 1; max <= 25; max++) {
    struct page page = {0};
    int at = 0;
    while (!page.ended) {
      struct seen s = page_of("c", &page, max, false);
      for (int i = 0; i < s.n; i++) {
        EXPECT(at < all.n && s.number[i] == all.number[at]);
        at++;
      }
    }
    EXPECT_INT(at, 23);
    struct seen s = page_of("c", &page, max, false);
    EXPECT_INT(s.n, 0); /* ended stays ended */
  }
  struct page none = {0};
  EXPECT_INT(page_of("other", &none, 9, false).n, 0);
  memset(&none, 0, sizeof none);
  EXPECT_INT(page_of("c", &none, 0, false).n, 0);
  home_end(&h);
}

/* The sink may stop, or fail. */
static int fail_third(void *ud, const struct entry *en)
{
  (void)en;
  return ++*(int *)ud == 3 ? ERR_FULL : 0;
}

static void test_sinks(void)
{
  struct seen s = {.stop_at = 2};
  struct page page = {0};
  struct page_query q = {.collection = span_of("c", 1), .max = 9};
  int n = 0;
  home_new(&h);
  for (int i = 0; i < 5; i++) {
    (void)put(i, NULL, 1000 + i);
  }
  EXPECT_INT(station_page(h.st, &q, &page, see, &s, &e), 0);
  EXPECT_INT(s.n, 2);
  memset(&page, 0, sizeof page);
  EXPECT_INT(station_page(h.st, &q, &page, fail_third, &n, &e), ERR_FULL);
  EXPECT_INT(n, 3);
  home_end(&h);
}

static struct seen versions(const char *collection, const char *key)
{
  struct seen s = {0};
  uint8_t author[CRYPT_KEY_SIZE];
  struct version_query q = {span_of(collection, strlen(collection)),
                            span_of(key, strlen(key)), author};
  NEED(did_parse(author, station_did(h.st), CRYPT_DID_SIZE, &e) == 0);
  NEED(station_versions(h.st, &q, see, &s, &e) == 0);
  return s;
}

static void test_versions(void)
{
  home_new(&h);
  (void)put(2, "k", 200);
  (void)put(1, "k", 100);
  (void)put(3, "k", 300);
  (void)put(9, "other", 400);
  struct seen s = versions("c", "k");
  EXPECT_INT(s.n, 3);
  EXPECT(s.number[0] == 3 && s.number[1] == 2 && s.number[2] == 1);
  s = all_of("c", false);
  EXPECT(s.n == 2 && s.number[0] == 9 && s.number[1] == 3);
  s = all_of("c", true);
  EXPECT_INT(s.n, 4);
  EXPECT_INT(versions("d", "k").n, 0);
  EXPECT_INT(versions("c", "nothing").n, 0);
  EXPECT_INT(versions("c", "").n, 0);
  home_end(&h);
}

/* Of one second the greater CID is newer, in whatever order they came. */
static void test_versions_of_one_second(void)
{
  struct made m[2] = {{.n = 1, .key = "k"}, {.n = 2, .key = "k"}};
  struct cid id[2] = {made_cid(&m[0]), made_cid(&m[1])};
  int newer = cid_compare(&id[0], &id[1]) > 0 ? 1 : 2;
  for (int first = 0; first < 2; first++) {
    home_new(&h);
    (void)home_publish(&h, "c", &m[first], 100);
    (void)home_publish(&h, "c", &m[1 - first], 100);
    struct seen s = all_of("c", false);
    EXPECT(s.n == 1 && s.number[0] == newer);
    s = versions("c", "k");
    EXPECT(s.n == 2 && s.number[0] == newer && s.number[1] == 3 - newer);
    EXPECT(home_sound(&h));
    home_end(&h);
  }
}

/* The version that is withdrawn gives way to the one before it. */
static void test_withdrawn_version(void)
{
  home_new(&h);
  (void)put(1, "k", 100);
  struct cid two = put(2, "k", 200);
  struct made gone = {.n = 3, .type = "withdraw", .about = &two};
  (void)home_publish(&h, "c", &gone, -1);
  struct seen s = all_of("c", false);
  EXPECT(s.n == 1 && s.number[0] == 1);
  EXPECT_INT(versions("c", "k").n, 1);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* Listed twice by the same voice: it stands once, at its newest time. */
static void test_listed_twice(void)
{
  home_new(&h);
  (void)put(1, NULL, 100);
  (void)put(2, NULL, 150);
  (void)put(1, NULL, 200);
  struct seen s = all_of("c", false);
  EXPECT_INT(s.n, 2);
  EXPECT(s.number[0] == 1 && s.time[0] == 200);
  EXPECT(s.number[1] == 2);
  EXPECT(home_sound(&h));
  home_end(&h);
}

/* Two voices: each shows by itself in lists; by id our own speaks, or the
 * first that we knew. */
static void test_two_voices(void)
{
  struct made m = {.n = 1};
  struct cid id = made_cid(&m);
  struct entry en = {0};
  struct crate c;
  uint8_t first[CRYPT_KEY_SIZE], own[CRYPT_KEY_SIZE];
  home_new(&h);
  author_key_of(first, 1);
  for (uint8_t who = 1; who <= 2; who++) {
    crate_start(&c);
    (void)crate_parcel(&c, who, "c", 100 * who, &id, 1);
    (void)crate_record(&c, &m);
    (void)crate_unpack(&c, &h);
  }
  NEED(station_get(h.st, &id, &en, &e) == 0);
  EXPECT(memcmp(en.author, first, sizeof first) == 0 && en.time == 100);
  entry_free(&en);
  memset(&en, 0, sizeof en);
  struct seen s = all_of("c", false);
  EXPECT(s.n == 2 && s.time[0] == 200 && s.time[1] == 100);
  (void)home_publish(&h, "c", &m, 50);
  NEED(did_parse(own, station_did(h.st), CRYPT_DID_SIZE, &e) == 0);
  NEED(station_get(h.st, &id, &en, &e) == 0);
  EXPECT(memcmp(en.author, own, sizeof own) == 0 && en.time == 50);
  entry_free(&en);
  EXPECT_INT(all_of("c", false).n, 3);
  EXPECT(home_sound(&h));
  home_end(&h);
}

static void test_about(void)
{
  struct seen s = {0};
  home_new(&h);
  struct cid id = put(1, NULL, 100);
  struct made m = {.n = 2, .type = "label", .about = &id, .value = "x"};
  (void)home_publish(&h, "c", &m, 300);
  m = (struct made){.n = 3, .type = "comment", .about = &id};
  (void)home_publish(&h, "d", &m, 200);
  m = (struct made){.n = 4, .type = "withdraw", .about = &id};
  (void)home_publish(&h, "e", &m, 400); /* of another voice: no comment */
  EXPECT_INT(station_about(h.st, &id, see, &s, &e), 0);
  EXPECT(s.n == 2 && s.number[0] == 2 && s.number[1] == 3);
  struct cid other = made_cid(&m);
  s.n = 0;
  EXPECT_INT(station_about(h.st, &other, see, &s, &e), 0);
  EXPECT_INT(s.n, 0);
  home_end(&h);
}

/* What one of many says is found without the others. */
static void test_about_by(void)
{
  struct seen s = {0};
  struct crate c;
  uint8_t author[CRYPT_KEY_SIZE];
  home_new(&h);
  struct cid id = put(1, NULL, 100);
  for (int i = 0; i < 4; i++) {
    struct made m = {.n = 10 + i, .type = "correction", .about = &id};
    if (i == 2) {
      m.type = "label";
      m.value = "x";
    }
    struct cid said = made_cid(&m);
    for (uint8_t who = 1; who <= (i == 3 ? 2 : 1); who++) {
      crate_start(&c);
      (void)crate_parcel(&c, who, "c", 100 * (i + 1) + who, &said, 1);
      (void)crate_record(&c, &m);
      (void)crate_unpack(&c, &h);
    }
  }
  author_key_of(author, 1);
  EXPECT_INT(station_about_by(h.st, &id, author, see, &s, &e), 0);
  EXPECT(s.n == 4 && s.number[0] == 13 && s.number[3] == 10);
  EXPECT(s.time[0] == 401);
  s.n = 0;
  author_key_of(author, 2);
  EXPECT_INT(station_about_by(h.st, &id, author, see, &s, &e), 0);
  EXPECT(s.n == 1 && s.number[0] == 13 && s.time[0] == 402);
  s.n = 0;
  author_key_of(author, 3);
  EXPECT_INT(station_about_by(h.st, &id, author, see, &s, &e), 0);
  EXPECT_INT(s.n, 0);
  EXPECT(home_sound(&h));
  home_end(&h);
}

static void test_collections(void)
{
  struct buf names = {0};
  int n = 0;
  home_new(&h);
  for (int i = 0; i < 40; i++) {
    char name[16];
    (void)snprintf(name, sizeof name, "c%02d", i * 7 % 40);
    (void)home_publish(&h, name, &(struct made){.n = i}, -1);
  }
  NEED(station_collections(h.st, span_of(NULL, 0), SIZE_MAX, &names, &e) == 0);
  for (size_t at = 0; at < names.n; n++) {
    char want[16];
    (void)snprintf(want, sizeof want, "c%02d", n);
    EXPECT_TEXT((const char *)names.p + at, want);
    at += strlen(want) + 1;
  }
  EXPECT_INT(n, 40);
  for (size_t max = 1; max <= 41; max += 8) {
    buf_clear(&names);
    NEED(station_collections(h.st, span_of("c04", 3), max, &names, &e) == 0);
    EXPECT_INT(names.n, 4 * (max < 35 ? max : 35));
    EXPECT_TEXT((const char *)names.p, "c05");
  }
  buf_free(&names);
  home_end(&h);
}

/* ---- missing ---- */

struct told {
  int n;
  char kind[8][8];
  struct cid cid[8], by[8];
};

static int tell(void *ud, const struct cid *cid, const char *kind,
                const struct cid *wanted_by)
{
  struct told *t = ud;
  NEED(t->n < 8);
  (void)snprintf(t->kind[t->n], sizeof t->kind[0], "%s", kind);
  t->cid[t->n] = *cid;
  t->by[t->n++] = *wanted_by;
  return t->n == 3;
}

static int times_told(const struct told *t, const char *kind,
                      const struct cid *cid, const struct cid *by)
{
  int n = 0;
  for (int i = 0; i < t->n; i++) {
    n += strcmp(t->kind[i], kind) == 0 && cid_equal(&t->cid[i], cid) &&
         cid_equal(&t->by[i], by);
  }
  return n;
}

static void test_missing(void)
{
  struct crate c;
  struct cid raw, absent;
  struct told t = {0};
  home_new(&h);
  NEED(cid_of(&raw, CID_RAW, "x", 1) == 0);
  struct made m = {.n = 1, .files = 1, .file = &raw, .size = 1};
  struct cid record = home_publish(&h, "c", &m, -1);
  m = (struct made){.n = 2};
  absent = made_cid(&m);
  crate_start(&c);
  struct cid parcel = crate_parcel(&c, 1, "c", 1, &absent, 1);
  (void)crate_unpack(&c, &h);
  EXPECT_INT(station_missing(h.st, tell, &t, &e), 0);
  EXPECT_INT(t.n, 2);
  EXPECT_INT(times_told(&t, "file", &raw, &record), 1);
  EXPECT_INT(times_told(&t, "record", &absent, &parcel), 1);
  home_end(&h);
}

int main(void)
{
  RUN(test_get);
  RUN(test_pages);
  RUN(test_sinks);
  RUN(test_versions);
  RUN(test_versions_of_one_second);
  RUN(test_withdrawn_version);
  RUN(test_listed_twice);
  RUN(test_two_voices);
  RUN(test_about);
  RUN(test_about_by);
  RUN(test_collections);
  RUN(test_missing);
  return unit_done();
}
