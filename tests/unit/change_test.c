/* SPDX-License-Identifier: 0BSD */
/* Changes under construction: keys, documents, and what commit hands on. */
#include "station/change.h"

#include "form/hash.h"
#include "station/document.h"
#include "station_shelf.h"

static struct home h;
static struct err e;

static struct span text_of(const char *text)
{
  return span_of(text, strlen(text));
}

static void test_keys(void)
{
  uint8_t a[CHANGE_KEY_MAX], b[CHANGE_KEY_MAX], who[CRYPT_KEY_SIZE] = {1};
  uint8_t name[COLL_KEY_SIZE], digest[HASH_SIZE];
  struct cid c;
  NEED(coll_key(name, text_of("edu")) == 0);
  NEED(hash_sha256(digest, "edu", 3) == 0);
  EXPECT(memcmp(name, digest, COLL_KEY_SIZE) == 0);
  /* The border between collection and key is part of the key. */
  NEED(version_key(a, text_of("edu"), who, text_of("x")) == 0);
  NEED(version_key(b, text_of("edux"), who, text_of("")) == 0);
  EXPECT(memcmp(a, b, sizeof a) != 0);
  NEED(version_key(b, text_of("ed"), who, text_of("ux")) == 0);
  EXPECT(memcmp(a, b, sizeof a) != 0);
  NEED(version_key(b, text_of("edu"), who, text_of("x")) == 0);
  EXPECT(memcmp(a, b, sizeof a) == 0);
  who[0] = 2;
  NEED(version_key(b, text_of("edu"), who, text_of("x")) == 0);
  EXPECT(memcmp(a, b, sizeof a) != 0);
  NEED(author_key(a, text_of("edu"), who) == 0);
  NEED(version_key(b, text_of("edu"), who, span_of(NULL, 0)) == 0);
  EXPECT(memcmp(a, b, sizeof a) == 0);
  /* The order of a CID: its first eight bytes, and a sign like any bit. */
  uint8_t d[32] = {0x80, 0, 0, 0, 0, 0, 0, 1};
  cid_make(&c, CID_RAW, d);
  EXPECT(cid_order(&c) == INT64_MIN + 1);
  EXPECT(span_equal(cid_key(&c), span_of(d, 8)));
}

static void test_longest_keys(void)
{
  uint8_t a[CHANGE_KEY_MAX], b[CHANGE_KEY_MAX], who[CRYPT_KEY_SIZE] = {1};
  char name[COLLECTION_NAME_MAX], key[RECORD_KEY_MAX];
  memset(name, 'n', sizeof name);
  memset(key, 'k', sizeof key);
  NEED(version_key(a, span_of(name, sizeof name), who,
                   span_of(key, sizeof key)) == 0);
  NEED(version_key(b, span_of(name, sizeof name), who,
                   span_of(key, sizeof key - 1)) == 0);
  EXPECT(memcmp(a, b, sizeof a) != 0);
}

static struct record read_made(struct buf *b, const struct made *m)
{
  struct record rec;
  made_block(b, m);
  NEED(record_read(&rec, buf_span(b), &e) == 0);
  return rec;
}

static void test_docs(void)
{
  struct made lesson = {
      .type = "lesson", .title = "Newton's Laws", .text = "Force = mass"};
  struct cid about = made_cid(&lesson);
  struct made label = {.type = "label", .about = &about, .value = "good"};
  struct analyser *an = NULL;
  struct buf b = {0};
  struct facets facets = {.listings = 1, .time = 99};
  NEED(analyser_open(&an) == 0);
  struct change *c = change_new(an);
  NEED(c != NULL && facet_put(&facets.list, 'c', text_of("edu/x")) == 0);
  struct record rec = read_made(&b, &lesson);
  change_doc(c, 7, &rec, span_of(NULL, 0), &facets);
  EXPECT_INT(c->docs.n, 1);
  const struct change_doc *d = &c->docs.doc[0];
  EXPECT(d->ref == 7 && d->time == 99 && d->length == 5);
  EXPECT(memmem(c->tokens.p + d->start, d->middle - d->start, "newton", 6) !=
         NULL);
  /* Its collection, language and type. */
  EXPECT(span_is(span_of(c->tokens.p + d->middle, d->end - d->middle),
                 "\006cedu/x\003len\007tlesson"));
  change_retag(c, 7, &rec, &facets);
  d = &c->retags.doc[0];
  EXPECT(c->retags.n == 1 && d->middle == d->start && d->end > d->middle);
  change_undoc(c, 7, &rec, span_of(NULL, 0));
  d = &c->undocs.doc[0];
  EXPECT(c->undocs.n == 1 && d->middle > d->start && d->end == d->middle);
  rec = read_made(&b, &label);
  change_doc(c, 8, &rec, span_of(NULL, 0), &facets);
  EXPECT_INT(c->docs.n, 1); /* labels have no document */
  EXPECT(!c->failed);
  change_clear(c);
  EXPECT_INT(c->docs.n + c->retags.n + c->undocs.n + c->tokens.n, 0);
  change_del(c);
  change_del(NULL);
  analyser_close(an);
  facets_free(&facets);
  buf_free(&b);
}

/* Rows, pairs and blocks go to the store, those that name new blocks, too. */
static void test_commit(void)
{
  struct made m = {.n = 1};
  struct buf b = {0}, value = {0};
  struct change *c = change_new(NULL);
  uint64_t number[1], refs[4];
  int64_t sorts[4];
  bool fresh[1];
  NEED(c != NULL);
  home_new(&h);
  struct store *s = h.st->store;
  made_block(&b, &m);
  struct cid id = made_cid(&m);
  uint64_t ref = change_block(c, &id, buf_span(&b));
  EXPECT(ref == STORE_NEW(0));
  change_add(c, IDX_URGENT, span_of(NULL, 0), 5, ref);
  change_add(c, IDX_TIME, text_of("12345678"), -5, ref);
  change_add_listed(c, ref, ref);
  change_kv(c, text_of("test/key"), text_of("value"));
  EXPECT_INT(change_commit(c, h.st, span_of(NULL, 0), number, fresh, &e), 0);
  EXPECT(fresh[0] && number[0] > 0);
  EXPECT_INT(s->ops->rows(s, IDX_URGENT, span_of(NULL, 0), INT64_MIN, 0, false,
                          sorts, refs, 4, &e),
             1);
  EXPECT(sorts[0] == 5 && refs[0] == number[0]);
  EXPECT_INT(s->ops->rows(s, IDX_LISTED, span_of(NULL, 0), INT64_MIN, 0, false,
                          sorts, refs, 4, &e),
             1);
  EXPECT(sorts[0] == (int64_t)number[0] && refs[0] == number[0]);
  EXPECT_INT(s->ops->kv_get(s, text_of("test/key"), &value, &e), 0);
  EXPECT(span_is(buf_span(&value), "value"));
  change_clear(c);
  change_drop(c, IDX_URGENT, span_of(NULL, 0), 5, number[0]);
  change_drop(c, IDX_TIME, text_of("12345678"), -5, number[0]);
  change_drop(c, IDX_LISTED, span_of(NULL, 0), (int64_t)number[0], number[0]);
  EXPECT_INT(change_commit(c, h.st, span_of(NULL, 0), NULL, NULL, &e), 0);
  EXPECT_INT(s->ops->rows(s, IDX_URGENT, span_of(NULL, 0), INT64_MIN, 0, false,
                          sorts, refs, 4, &e),
             0);
  EXPECT(home_sound(&h));
  change_del(c);
  buf_free(&b);
  buf_free(&value);
  home_end(&h);
}

/* What ran out of memory on the way is not half done. */
static void test_failed(void)
{
  struct change *c = change_new(NULL);
  struct buf value = {0};
  NEED(c != NULL);
  home_new(&h);
  change_kv(c, text_of("test/key"), text_of("value"));
  c->failed = true;
  EXPECT_INT(change_commit(c, h.st, span_of(NULL, 0), NULL, NULL, &e),
             ERR_NOMEM);
  EXPECT_INT(
      h.st->store->ops->kv_get(h.st->store, text_of("test/key"), &value, &e),
      ERR_NOENT);
  change_del(c);
  home_end(&h);
}

/* More rows than the first room. */
static void test_many_rows(void)
{
  struct change *c = change_new(NULL);
  static int64_t sorts[STORE_LIST_MAX];
  static uint64_t refs[STORE_LIST_MAX];
  NEED(c != NULL);
  home_new(&h);
  for (int i = 0; i < 900; i++) {
    change_add(c, IDX_MISSING, span_of(NULL, 0), i, 1);
  }
  EXPECT_INT(change_commit(c, h.st, span_of(NULL, 0), NULL, NULL, &e), 0);
  EXPECT_INT(h.st->store->ops->rows(h.st->store, IDX_MISSING, span_of(NULL, 0),
                                    INT64_MIN, 0, false, sorts, refs,
                                    STORE_LIST_MAX, &e),
             900);
  change_del(c);
  home_end(&h);
}

int main(void)
{
  RUN(test_keys);
  RUN(test_longest_keys);
  RUN(test_docs);
  RUN(test_commit);
  RUN(test_failed);
  RUN(test_many_rows);
  return unit_done();
}
