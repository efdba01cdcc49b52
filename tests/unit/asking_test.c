/* SPDX-License-Identifier: 0BSD */
/* The query language, asked of a station: phrases that must or must not be
 * there, fields that choose, alternatives, times; and what those say of a
 * record whose word counts. */
#include "station_shelf.h"

static struct home h;
static struct err e;

/* ---- records ---- */

struct put {
  int n;
  uint8_t author; /* number of a seed */
  const char *collection, *lang, *text, *type;
  int64_t time;
  bool file;
};

static void put_text(struct buf *b, const char *key, const char *text)
{
  NEED(cbor_put_key(b, key) == 0);
  NEED(cbor_put_text(b, text, strlen(text)) == 0);
}

static void put_block(struct buf *b, const struct put *p)
{
  struct cid file;
  NEED(cbor_put_map(b, 3u + (p->lang != NULL) + p->file) == 0);
  NEED(cbor_put_key(b, "n") == 0 && cbor_put_int(b, p->n) == 0);
  if (p->lang != NULL) {
    put_text(b, "lang", p->lang);
  }
  put_text(b, "text", p->text);
  put_text(b, "type", p->type);
  if (p->file) {
    NEED(cid_of(&file, CID_RAW, "x", 1) == 0);
    NEED(cbor_put_key(b, "files") == 0 && cbor_put_list(b, 1) == 0);
    NEED(cbor_put_map(b, 3) == 0);
    NEED(cbor_put_key(b, "data") == 0 && cbor_put_link(b, &file) == 0);
    put_text(b, "name", "x.bin");
    NEED(cbor_put_key(b, "size") == 0 && cbor_put_int(b, 1) == 0);
  }
}

static struct cid put(const struct put *p)
{
  struct crate c;
  struct buf b = {0};
  crate_start(&c);
  put_block(&b, p);
  struct cid id = crate_put(&c, CID_DAG_CBOR, buf_span(&b));
  (void)crate_parcel(&c, p->author, p->collection, p->time, &id, 1);
  (void)crate_put(&c, CID_DAG_CBOR, buf_span(&b)); /* behind what lists it */
  buf_free(&b);
  struct unpacked u = crate_unpack(&c, &h);
  NEED(u.rc == 0 && u.added == 1);
  return id;
}

#define YEAR_2019 1546300800
#define YEAR_2020 1577836800
#define YEAR_2021 1609459200

static void begin(void)
{
  static const struct put all[] = {
      {1, 1, "c/x", "ar", "alpha beta gamma", "lesson", YEAR_2019, true},
      {2, 2, "c/x", "en-GB", "beta alpha delta", "news", YEAR_2020, false},
      {3, 1, "d", NULL, "alpha delta beta epsilon", "note", YEAR_2021, false},
      {4, 3, "d", "en", "the red cars stop", "lesson", YEAR_2021 + 9, true}};
  home_new(&h);
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    (void)put(&all[i]);
  }
}

/* ---- searching ---- */

static int see(void *ud, const struct search_hit *hit)
{
  struct cbor_reader r =
      cbor_reader_of(cbor_find(hit->entry->record.bytes, "n"));
  struct cbor_item item;
  NEED(cbor_next(&r, &item) == CBOR_INT);
  *(unsigned *)ud |= 1u << item.num;
  return 0;
}

static unsigned found_by(const struct search_query *q)
{
  unsigned got = 0;
  EXPECT_INT(station_search(h.st, q, see, &got, &e), 0);
  static struct search_tally t; /* counting agrees */
  memset(&t, 0, sizeof t);
  EXPECT_INT(station_tally(h.st, q, &t, &e), 0);
  EXPECT_INT(t.total, __builtin_popcount(got));
  buf_free(&t.sets);
  return got;
}

static unsigned find(const char *text)
{
  struct search_query q = {.text = span_of(text, strlen(text)), .limit = 100};
  return found_by(&q);
}

/* Numbers of records as bits. */
#define NONE 0u
#define R1 2u
#define R2 4u
#define R3 8u
#define R4 16u
#define ALL (R1 | R2 | R3 | R4)

static const struct asked {
  const char *text;
  unsigned want;
} phrases[] = {
    {"\"alpha beta\"", R1},
    {"\"beta alpha\"", R2},
    {"\"alpha beta\" \"beta gamma\"", R1},
    {"\"alpha beta\" \"beta alpha\"", NONE},
    {"\"alpha beta\" OR \"beta alpha\"", R1 | R2},
    {"\"alpha beta\" OR \"beta alpha\" OR \"delta beta\"", R1 | R2 | R3},
    {"delta \"alpha beta\" OR \"beta alpha\"", R1 | R2},
    {"\"alpha\"", R1 | R2 | R3},
    {"alpha -\"alpha beta\"", R2 | R3},
    {"alpha -\"alpha delta\" -\"beta alpha\"", R1},
    {"alpha -\"gamma\"", R2 | R3},
    {"alpha -gamma", R2 | R3},
    {"-\"alpha beta\"", NONE}, /* nothing is wanted */
    {"\"red car\"", R4},       /* endings differ */
    {"\"car red\"", NONE},
    {"\"alpha beta\" OR epsilon", R1 | R2 | R3},   /* a word in it: no must */
    {"type:note OR \"beta alpha\"", R1 | R2 | R3}, /* nor with a field */
    {"\"beta alpha\" OR type:note", R1 | R2 | R3},
    {"\"beta alpha\" type:lesson OR \"alpha beta\"", R2},
    {"\"--\" alpha", R1 | R2 | R3}, /* no word in it */
    {"\"alpha beta\" \"--\" OR \"beta alpha\"", NONE},
};

static const struct asked fields[] = {
    {"type:lesson", R1 | R4},
    {"-type:lesson", R2 | R3},
    {"type:lesson OR type:news", R1 | R2 | R4},
    {"type:lesson OR type:news alpha", R1 | R2},
    {"type:lesson type:news", NONE},
    {"lang:AR", R1},
    {"lang:en-gb", R2},
    {"collection:d", R3 | R4},
    {"collection:d type:lesson", R4},
    {"has:file", R1 | R4},
    {"-has:file", R2 | R3},
    {"author:nobody", NONE},
    {"type:lesson OR epsilon", R3}, /* with a word in it, words count */
    {"before:2020-01-01", R1},
    {"after:2020-01-01", R2 | R3 | R4},
    {"-before:2020-01-01", R2 | R3 | R4},
    {"-after:2020-01-01", R1},
    {"after:2019-06-01 before:2020-06-01", R2},
    {"after:2019-06-01 after:2020-06-01", R3 | R4},
    {"after:2020-06-01 after:2019-06-01", R3 | R4},
    {"before:2020-06-01 before:2019-06-01", R1},
    {"before:2019-06-01 before:2020-06-01", R1},
    {"before:2019-06-01 after:2020-06-01", NONE},
};

static void ask_all(const struct asked *all, size_t n)
{
  begin();
  for (size_t i = 0; i < n; i++) {
    unsigned got = find(all[i].text);
    EXPECT_INT(got, all[i].want);
    if (got != all[i].want) {
      printf("  %s\n", all[i].text);
    }
  }
  home_end(&h);
}

/* ---- tests ---- */

static void test_phrases(void)
{
  ask_all(phrases, sizeof phrases / sizeof phrases[0]);
}

static void test_fields(void)
{
  ask_all(fields, sizeof fields / sizeof fields[0]);
}

static void test_author(void)
{
  uint8_t key[CRYPT_KEY_SIZE];
  char text[CRYPT_DID_MAX + 40], did[CRYPT_DID_MAX];
  begin();
  author_key_of(key, 1);
  did_text(did, key);
  (void)snprintf(text, sizeof text, "author:%s", did);
  EXPECT_INT(find(text), R1 | R3);
  (void)snprintf(text, sizeof text, "alpha -author:%s", did);
  EXPECT_INT(find(text), R2);
  home_end(&h);
}

/* What the caller chooses binds beside what is typed. */
static void test_chosen(void)
{
  begin();
  struct search_query q = {.text = span_of("alpha", 5),
                           .collection = span_of("c/x", 3),
                           .limit = 100};
  EXPECT_INT(found_by(&q), R1 | R2);
  q.type = span_of("news", 4);
  EXPECT_INT(found_by(&q), R2);
  q.text = span_of("type:lesson", 11);
  EXPECT_INT(found_by(&q), NONE);
  q.text = span_of(NULL, 0);
  EXPECT_INT(found_by(&q), R2);
  home_end(&h);
}

int main(void)
{
  RUN(test_phrases);
  RUN(test_fields);
  RUN(test_author);
  RUN(test_chosen);
  return unit_done();
}
