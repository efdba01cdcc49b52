/* SPDX-License-Identifier: 0BSD */
#include "form/record.h"

#include "base/limits.h"
#include "base/mem.h"
#include "hex.h"
#include "sweep.h"

/* ---- making records ---- */

/* A value's CBOR as a buf; the caller frees it. */
static struct buf text_of(const char *s)
{
  struct buf b = {0};
  NEED(cbor_put_text(&b, s, strlen(s)) == 0);
  return b;
}

static struct buf text_n(size_t n)
{
  struct buf b = {0};
  char *p = mem_alloc(n + 1);
  NEED(p != NULL);
  memset(p, 'x', n);
  NEED(cbor_put_text(&b, p, n) == 0);
  mem_free(p);
  return b;
}

static struct buf int_of(int64_t v)
{
  struct buf b = {0};
  NEED(cbor_put_int(&b, v) == 0);
  return b;
}

static struct buf bool_of(bool v)
{
  struct buf b = {0};
  NEED(cbor_put_bool(&b, v) == 0);
  return b;
}

static struct buf bytes_of(size_t n)
{
  static const uint8_t zeros[64] = {0};
  struct buf b = {0};
  NEED(cbor_put_bytes(&b, zeros, n) == 0);
  return b;
}

static struct buf link_of(enum cid_codec codec)
{
  struct buf b = {0};
  struct cid c;
  NEED(cid_of(&c, codec, "x", 1) == 0);
  NEED(cbor_put_link(&b, &c) == 0);
  return b;
}

static struct buf list_of(size_t n, struct buf item)
{
  struct buf b = {0};
  NEED(cbor_put_list(&b, n) == 0);
  for (size_t i = 0; i < n; i++) {
    NEED(buf_put(&b, item.p, item.n) == 0);
  }
  buf_free(&item);
  return b;
}

#define PAIRS_MAX 8

/* A map in the making: values are owned, the order is found by sorting. */
struct pairs {
  const char *keys[PAIRS_MAX];
  struct buf values[PAIRS_MAX];
  size_t n;
};

static void with(struct pairs *m, const char *key, struct buf value)
{
  size_t at = m->n++;
  NEED(m->n <= PAIRS_MAX);
  struct span k = span_of(key, strlen(key));
  while (at > 0 &&
         cbor_key_compare(span_of(m->keys[at - 1], strlen(m->keys[at - 1])),
                          k) > 0) {
    m->keys[at] = m->keys[at - 1];
    m->values[at] = m->values[at - 1];
    at--;
  }
  m->keys[at] = key;
  m->values[at] = value;
}

/* The map's bytes; frees its values. */
static struct buf map_of(struct pairs *m)
{
  struct buf b = {0};
  NEED(cbor_put_map(&b, m->n) == 0);
  for (size_t i = 0; i < m->n; i++) {
    NEED(cbor_put_key(&b, m->keys[i]) == 0);
    NEED(buf_put(&b, m->values[i].p, m->values[i].n) == 0);
    buf_free(&m->values[i]);
  }
  m->n = 0;
  return b;
}

static int read_span(struct span s)
{
  struct record r;
  struct err e = {0};
  int rc = record_read(&r, s, &e);
  EXPECT_INT(e.code, rc);
  EXPECT((rc < 0) == (e.text[0] != '\0'));
  return rc;
}

/* Read ${m} as a record; frees it. */
static void reads(struct pairs *m, int code, const char *why)
{
  struct buf b = map_of(m);
  struct record r;
  struct err e = {0};
  EXPECT_INT(sweep_one(buf_span(&b), read_span), code);
  (void)!record_read(&r, buf_span(&b), &e);
  if (strstr(e.text, why) == NULL) {
    EXPECT_TEXT(e.text, why);
  }
  buf_free(&b);
}

/* A record of ${type} with one more pair. */
static void one(const char *type, const char *key, struct buf value, int code,
                const char *why)
{
  struct pairs m = {0};
  with(&m, "type", text_of(type));
  with(&m, key, value);
  reads(&m, code, why);
}

/* ---- the whole ---- */

/* FORMAT.md shows these very bytes. */
#define RECORD                                                                 \
  "a7636b6579666e6577746f6e646c616e67626172647461677381677068797369"           \
  "63736474797065666c6573736f6e6566696c657381a46464617461d82a582500"           \
  "01701220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"           \
  "7852b855646e616d656a6e6577746f6e2e7064666473697a651a0012d6876474"           \
  "7970656f6170706c69636174696f6e2f706466657469746c65a262617277d982"           \
  "d988d8a7d986d98ad98620d986d98ad988d8aad98662656e6d4e6577746f6e27"           \
  "73206c617773676c6963656e73656943432d42592d342e30"

static void check_files(const struct record *r)
{
  struct record_files it = {0};
  struct record_file f;
  EXPECT(record_file_next(&it, r->files, &f));
  EXPECT(span_is(f.name, "newton.pdf"));
  EXPECT(span_is(f.type, "application/pdf"));
  EXPECT_INT(f.size, 1234567);
  EXPECT_INT(cid_codec(&f.data), CID_DAG_PB);
  EXPECT(f.sha256 == NULL);
  EXPECT(!record_file_next(&it, r->files, &f));
  EXPECT(!record_file_next(&it, r->files, &f));
}

static void test_whole(void)
{
  struct buf b = hex_buf(RECORD);
  struct record r;
  struct record_texts it = {0};
  struct span lang, text;
  NEED(record_read(&r, buf_span(&b), NULL) == 0);
  EXPECT_INT(r.kind, RECORD_PLAIN);
  EXPECT(span_is(r.type, "lesson"));
  EXPECT(span_is(r.key, "newton"));
  EXPECT(span_is(r.lang, "ar"));
  EXPECT(!r.has_about && !r.corrects && !r.negated && r.expires == 0);
  EXPECT(record_text_next(&it, r.title, &lang, &text));
  EXPECT(span_is(lang, "ar"));
  EXPECT(span_is(text, "قوانين نيوتن"));
  EXPECT(record_text_next(&it, r.title, &lang, &text));
  EXPECT(span_is(lang, "en"));
  EXPECT(span_is(text, "Newton's laws"));
  EXPECT(!record_text_next(&it, r.title, &lang, &text));
  EXPECT(!record_text_next(&it, r.title, &lang, &text));
  check_files(&r);
  buf_free(&b);
}

static void test_texts(void)
{
  struct record_texts it = {0}, none = {0};
  struct span lang, text;
  struct buf b = text_of("plain");
  EXPECT(record_text_next(&it, buf_span(&b), &lang, &text));
  EXPECT(span_is(text, "plain") && lang.n == 0);
  EXPECT(!record_text_next(&it, buf_span(&b), &lang, &text));
  EXPECT(!record_text_next(&none, span_of(NULL, 0), &lang, &text));
  buf_free(&b);
  struct record_files files = {0};
  struct record_file f;
  EXPECT(!record_file_next(&files, span_of(NULL, 0), &f));
}

static void test_sweep(void)
{
  struct buf b = hex_buf(RECORD);
  EXPECT_INT(sweep_one(buf_span(&b), read_span), 0);
  EXPECT_INT(sweep_cuts(buf_span(&b), read_span), 0);
  int taken = sweep_flips(buf_span(&b), read_span);
  EXPECT(taken > 256 && taken < (int)(8 * b.n));
  buf_free(&b);
}

static void test_no_record(void)
{
  EXPECT_INT(read_span(span_of("", 0)), ERR_INVALID);
  EXPECT_INT(read_span(span_of("\xf6", 1)), ERR_INVALID);
  EXPECT_INT(read_span(span_of("\x80", 1)), ERR_INVALID);
  EXPECT_INT(read_span(span_of("\xa0", 1)), ERR_INVALID);
  EXPECT_INT(read_span(span_of("\xa0\xa0", 2)), ERR_INVALID);
  struct pairs m = {0};
  with(&m, "title", text_of("x"));
  reads(&m, ERR_INVALID, "`type` is missing");
  /* What begins as a parcel is none, whatever else it holds. */
  with(&m, "sig", bytes_of(64));
  with(&m, "kind", text_of("parcel/1"));
  with(&m, "type", text_of("x"));
  with(&m, "a long key", int_of(1));
  with(&m, "another key", int_of(1));
  with(&m, "one more key", int_of(1));
  reads(&m, ERR_INVALID, "this is a parcel");
}

/* ---- one key at a time ---- */

#define BAD ERR_INVALID

static void test_type(void)
{
  struct pairs m = {0};
  with(&m, "type", text_of(""));
  reads(&m, BAD, "`type` is empty");
  with(&m, "type", int_of(1));
  reads(&m, BAD, "`type` is not text");
  with(&m, "type", text_of("a\nb"));
  reads(&m, BAD, "`type` has control");
  with(&m, "type", text_of("a\xe2\x80\xae"));
  reads(&m, BAD, "`type` has control");
  for (size_t n = RECORD_TYPE_MAX - 1; n <= RECORD_TYPE_MAX + 1; n++) {
    with(&m, "type", text_n(n));
    reads(&m, n <= RECORD_TYPE_MAX ? 0 : ERR_LIMIT,
          n <= RECORD_TYPE_MAX ? "" : "`type` of 65 bytes; at most 64");
  }
}

static void test_key(void)
{
  one("x", "key", text_of("k"), 0, "");
  one("x", "key", text_of(""), BAD, "`key` is empty");
  one("x", "key", int_of(1), BAD, "`key` is not text");
  one("x", "key", text_n(RECORD_KEY_MAX - 1), 0, "");
  one("x", "key", text_n(RECORD_KEY_MAX), 0, "");
  one("x", "key", text_n(RECORD_KEY_MAX + 1), ERR_LIMIT, "`key` of 257");
}

static void test_lang(void)
{
  one("x", "lang", text_of("ckb"), 0, "");
  one("x", "lang", text_of("ar-IQ"), 0, "");
  one("x", "lang", text_of("zh-Hant-TW-x-1"), 0, "");
  one("x", "lang", text_of(""), BAD, "`lang` is empty");
  one("x", "lang", text_of("1a"), BAD, "malformed language");
  one("x", "lang", text_of("-a"), BAD, "malformed language");
  one("x", "lang", text_of("a_b"), BAD, "malformed language");
  one("x", "lang", text_of("عربي"), BAD, "malformed language");
  one("x", "lang", bool_of(true), BAD, "`lang` is not text");
  one("x", "lang", text_n(RECORD_LANG_MAX - 1), 0, "");
  one("x", "lang", text_n(RECORD_LANG_MAX), 0, "");
  one("x", "lang", text_n(RECORD_LANG_MAX + 1), ERR_LIMIT, "`lang` of 36");
}

static void test_tags(void)
{
  struct buf none = {0};
  one("x", "tags", list_of(0, none), 0, "");
  one("x", "tags", list_of(2, text_of("t")), 0, "");
  one("x", "tags", text_of("t"), BAD, "`tags` is not a list");
  one("x", "tags", list_of(1, int_of(1)), BAD, "`tags` is not text");
  one("x", "tags", list_of(1, text_of("")), BAD, "`tags` is empty");
  one("x", "tags", list_of(1, text_of("\x1b[")), BAD, "`tags` has control");
  one("x", "tags", list_of(RECORD_TAGS_MAX - 1, text_of("t")), 0, "");
  one("x", "tags", list_of(RECORD_TAGS_MAX, text_of("t")), 0, "");
  one("x", "tags", list_of(RECORD_TAGS_MAX + 1, text_of("t")), ERR_LIMIT,
      "65 `tags`; at most 64");
  one("x", "tags", list_of(1, text_n(RECORD_TAG_MAX - 1)), 0, "");
  one("x", "tags", list_of(1, text_n(RECORD_TAG_MAX)), 0, "");
  one("x", "tags", list_of(1, text_n(RECORD_TAG_MAX + 1)), ERR_LIMIT,
      "`tags` of 129");
}

static struct buf lang_map(const char *lang, struct buf value)
{
  struct pairs m = {0};
  with(&m, lang, value);
  return map_of(&m);
}

static void test_title_and_text(void)
{
  static const char *const keys[] = {"title", "text"};
  struct pairs empty = {0};
  for (size_t i = 0; i < 2; i++) {
    one("x", keys[i], text_of(""), 0, "");
    one("x", keys[i], text_of("سڵاو"), 0, "");
    one("x", keys[i], lang_map("ckb", text_of("سڵاو")), 0, "");
    one("x", keys[i], int_of(1), BAD, "is neither text nor a map");
    one("x", keys[i], list_of(1, text_of("a")), BAD, "is neither text");
    one("x", keys[i], map_of(&empty), BAD, "is neither text");
    one("x", keys[i], lang_map("en", int_of(1)), BAD, "language without text");
    one("x", keys[i], lang_map("", text_of("x")), BAD, "malformed language");
    one("x", keys[i], lang_map("e n", text_of("x")), BAD, "malformed");
  }
  for (size_t n = RECORD_TITLE_MAX - 1; n <= RECORD_TITLE_MAX + 1; n++) {
    int code = n <= RECORD_TITLE_MAX ? 0 : ERR_LIMIT;
    one("x", "title", text_n(n), code, code == 0 ? "" : "`title` of 1025");
    one("x", "title", lang_map("en", text_n(n)), code,
        code == 0 ? "" : "`title` of 1025");
    one("x", "text", text_n(n), 0, "");
  }
  char lang[RECORD_LANG_MAX + 2];
  memset(lang, 'a', sizeof lang);
  for (size_t n = RECORD_LANG_MAX - 1; n <= RECORD_LANG_MAX + 1; n++) {
    lang[n] = '\0';
    one("x", "text", lang_map(lang, text_of("x")),
        n <= RECORD_LANG_MAX ? 0 : ERR_LIMIT, "");
    lang[n] = 'a';
  }
}

static void test_plain_texts(void)
{
  static const char *const keys[] = {"license", "source", "created"};
  for (size_t i = 0; i < 3; i++) {
    one("x", keys[i], text_of("2026-11-23"), 0, "");
    one("x", keys[i], int_of(1), BAD, keys[i]);
    one("x", keys[i], bytes_of(1), BAD, "is not text");
  }
}

static void test_about(void)
{
  struct buf b;
  struct record r;
  struct pairs m = {0};
  one("x", "about", text_of("x"), BAD, "`about` is not a link");
  one("x", "about", link_of(CID_RAW), BAD, "`about` is no link to a record");
  one("x", "about", link_of(CID_DAG_PB), BAD, "`about` is no link");
  with(&m, "type", text_of("correction"));
  with(&m, "about", link_of(CID_DAG_CBOR));
  b = map_of(&m);
  NEED(record_read(&r, buf_span(&b), NULL) == 0);
  EXPECT(r.has_about && r.corrects);
  EXPECT_INT(r.kind, RECORD_PLAIN);
  struct cid want;
  NEED(cid_of(&want, CID_DAG_CBOR, "x", 1) == 0);
  EXPECT(cid_equal(&r.about, &want));
  buf_free(&b);
}

/* What the application calls its own is not looked at. */
static void test_application(void)
{
  one("x", "value", int_of(1), 0, "");
  one("x", "negated", text_of("no"), 0, "");
  one("x", "expires", bool_of(false), 0, "");
  one("x", "reason", bytes_of(3), 0, "");
  one("x", "Title", int_of(1), 0, "");
  one("x", "name", int_of(1), 0, "");
  one("x", "anything else", list_of(3, bytes_of(3)), 0, "");
  one("profile", "name", text_of("Basra library"), 0, "");
  one("forecast", "start", int_of(1), 0, "");
}

/* ---- files ---- */

static struct buf file_map(const char *key, struct buf value)
{
  struct pairs m = {0};
  if (strcmp(key, "data") != 0) {
    with(&m, "data", link_of(CID_RAW));
  }
  if (strcmp(key, "name") != 0) {
    with(&m, "name", text_of("a.txt"));
  }
  if (strcmp(key, "size") != 0) {
    with(&m, "size", int_of(0));
  }
  if (value.n > 0) {
    with(&m, key, value);
  }
  return map_of(&m);
}

static void file(const char *key, struct buf value, int code, const char *why)
{
  one("x", "files", list_of(1, file_map(key, value)), code, why);
}

static void test_files(void)
{
  struct buf none = {0};
  struct pairs empty = {0};
  one("x", "files", list_of(0, none), 0, "");
  one("x", "files", text_of("x"), BAD, "`files` is not a list");
  one("x", "files", list_of(1, text_of("x")), BAD, "entry that is no map");
  one("x", "files", list_of(1, map_of(&empty)), BAD, "without data, name");
  file("data", none, BAD, "without data, name or size");
  file("name", none, BAD, "without data, name or size");
  file("size", none, BAD, "without data, name or size");
  file("data", link_of(CID_DAG_PB), 0, "");
  file("data", link_of(CID_DAG_CBOR), BAD, "not to a file");
  file("data", text_of("x"), BAD, "`files.data` is not a link");
  file("name", text_of(""), BAD, "`files.name` is empty");
  file("name", bytes_of(1), BAD, "`files.name` is not text");
  file("size", int_of(-1), BAD, "`files.size` is below 0");
  file("size", int_of(CBOR_INT_MAX), 0, "");
  file("size", text_of("1"), BAD, "`files.size` is not an integer");
  file("type", text_of("text/csv"), 0, "");
  file("type", text_of("text\n"), BAD, "`files.type` has control");
  file("type", int_of(1), BAD, "`files.type` is not text");
  file("sha256", bytes_of(32), 0, "");
  file("sha256", bytes_of(31), BAD, "`files.sha256` has not 32 bytes");
  file("sha256", bytes_of(33), BAD, "`files.sha256` has not 32 bytes");
  file("sha256", text_n(32), BAD, "`files.sha256` is not bytes");
  file("anything", list_of(2, int_of(1)), 0, "");
  file("name", text_n(RECORD_NAME_MAX - 1), 0, "");
  file("name", text_n(RECORD_NAME_MAX), 0, "");
  file("name", text_n(RECORD_NAME_MAX + 1), ERR_LIMIT, "`files.name` of 1025");
}

/* Entries of 41 + 20 bytes: 1024 of them just fit. */
static void test_files_limit(void)
{
  struct pairs m = {0};
  with(&m, "data", link_of(CID_RAW));
  with(&m, "name", text_of("a"));
  with(&m, "size", int_of(0));
  struct buf entry = map_of(&m);
  EXPECT(entry.n * (RECORD_FILES_MAX + 1) < RECORD_SIZE_MAX);
  for (size_t n = RECORD_FILES_MAX - 1; n <= RECORD_FILES_MAX + 1; n++) {
    struct buf copy = {0};
    NEED(buf_put(&copy, entry.p, entry.n) == 0);
    one("x", "files", list_of(n, copy), n <= RECORD_FILES_MAX ? 0 : ERR_LIMIT,
        n <= RECORD_FILES_MAX ? "" : "1025 `files`; at most 1024");
  }
  buf_free(&entry);
}

/* ---- what the engine acts upon ---- */

static void test_withdraw(void)
{
  struct pairs m = {0};
  with(&m, "type", text_of("withdraw"));
  reads(&m, BAD, "`about` is missing");
  one("withdraw", "about", link_of(CID_DAG_CBOR), 0, "");
  for (size_t n = RECORD_REASON_MAX - 1; n <= RECORD_REASON_MAX + 1; n++) {
    with(&m, "type", text_of("withdraw"));
    with(&m, "about", link_of(CID_DAG_CBOR));
    with(&m, "reason", text_n(n));
    reads(&m, n <= RECORD_REASON_MAX ? 0 : ERR_LIMIT,
          n <= RECORD_REASON_MAX ? "" : "`reason` of 4097");
  }
  with(&m, "type", text_of("withdraw"));
  with(&m, "about", link_of(CID_DAG_CBOR));
  with(&m, "reason", int_of(1));
  reads(&m, BAD, "`reason` is not text");
}

static struct pairs label(void)
{
  struct pairs m = {0};
  with(&m, "type", text_of("label"));
  with(&m, "about", link_of(CID_DAG_CBOR));
  return m;
}

static void test_label(void)
{
  struct pairs m = label();
  reads(&m, BAD, "`value` is missing");
  one("label", "value", text_of("spam"), BAD, "`about` is missing");
  for (size_t n = RECORD_LABEL_MAX - 1; n <= RECORD_LABEL_MAX + 1; n++) {
    m = label();
    with(&m, "value", text_n(n));
    reads(&m, n <= RECORD_LABEL_MAX ? 0 : ERR_LIMIT, "");
  }
  m = label();
  with(&m, "value", text_of(""));
  reads(&m, BAD, "`value` is empty");
  m = label();
  with(&m, "value", text_of("a"));
  with(&m, "negated", int_of(1));
  reads(&m, BAD, "`negated` is not a bool");
  m = label();
  with(&m, "value", text_of("a"));
  with(&m, "expires", text_of("soon"));
  reads(&m, BAD, "`expires` is not");
  for (int64_t t = -1; t <= 1; t++) {
    m = label();
    with(&m, "value", text_of("a"));
    with(&m, "expires", int_of(t));
    reads(&m, t > 0 ? 0 : BAD, t > 0 ? "" : "`expires` is not after 1970");
  }
}

static void test_label_fields(void)
{
  struct record r;
  struct pairs m = label();
  with(&m, "value", text_of("checked"));
  with(&m, "negated", bool_of(true));
  with(&m, "expires", int_of(1700000000));
  struct buf b = map_of(&m);
  NEED(record_read(&r, buf_span(&b), NULL) == 0);
  EXPECT_INT(r.kind, RECORD_LABEL);
  EXPECT(span_is(r.value, "checked"));
  EXPECT(r.negated);
  EXPECT_INT(r.expires, 1700000000);
  EXPECT(r.has_about && !r.corrects);
  buf_free(&b);
}

/* ---- limits of the whole ---- */

static void test_size_limit(void)
{
  struct buf probe = text_n(60000);
  struct pairs m = {0};
  with(&m, "type", text_of("x"));
  with(&m, "text", probe);
  struct buf whole = map_of(&m);
  size_t frame = whole.n - 60000;
  buf_free(&whole);
  for (size_t n = RECORD_SIZE_MAX - 1; n <= RECORD_SIZE_MAX + 1; n++) {
    /* The text's head has 3 bytes up to 65,535 of it. */
    one("x", "text", text_n(n - frame), n <= RECORD_SIZE_MAX ? 0 : ERR_LIMIT,
        n <= RECORD_SIZE_MAX ? "" : "record of 65537 bytes");
  }
}

static void test_keys_limit(void)
{
  for (int n = RECORD_KEYS_MAX - 1; n <= RECORD_KEYS_MAX + 1; n++) {
    struct buf b = {0};
    NEED(cbor_put_map(&b, (size_t)n) == 0);
    NEED(cbor_put_key(&b, "type") == 0 && cbor_put_key(&b, "x") == 0);
    for (int i = 1; i < n; i++) {
      char key[16];
      NEED(snprintf(key, sizeof key, "key%05d", i) == 8);
      NEED(cbor_put_key(&b, key) == 0 && cbor_put_int(&b, i) == 0);
    }
    EXPECT_INT(read_span(buf_span(&b)), n <= RECORD_KEYS_MAX ? 0 : ERR_LIMIT);
    buf_free(&b);
  }
}

int main(void)
{
  RUN(test_whole);
  RUN(test_texts);
  RUN(test_sweep);
  RUN(test_no_record);
  RUN(test_type);
  RUN(test_key);
  RUN(test_lang);
  RUN(test_tags);
  RUN(test_title_and_text);
  RUN(test_plain_texts);
  RUN(test_about);
  RUN(test_application);
  RUN(test_files);
  RUN(test_files_limit);
  RUN(test_withdraw);
  RUN(test_label);
  RUN(test_label_fields);
  RUN(test_size_limit);
  RUN(test_keys_limit);
  return unit_done();
}
