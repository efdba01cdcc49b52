/* SPDX-License-Identifier: 0BSD */
/* Reading at its limits: ids of what is no record, questions that nothing can
 * answer, more versions in a second than are told, and versions that are
 * listed at several times. */
#include "base/limits.h"
#include "station_shelf.h"

static struct home h;
static struct err e;

#define MANY 40

static struct {
  int n;
  struct cid cid[MANY];
  int64_t time[MANY];
} seen;

static int see(void *ud, const struct entry *en)
{
  (void)ud;
  NEED(seen.n < MANY);
  seen.cid[seen.n] = en->cid;
  seen.time[seen.n++] = en->time;
  return 0;
}

static int versions_of(struct span collection, struct span key)
{
  uint8_t author[CRYPT_KEY_SIZE];
  struct version_query q = {collection, key, author};
  seen.n = 0;
  NEED(did_parse(author, station_did(h.st), strlen(station_did(h.st)), &e) ==
       0);
  NEED(station_versions(h.st, &q, see, NULL, &e) == 0);
  return seen.n;
}

static int code_of(const struct cid *id)
{
  struct entry en = {0};
  int rc = station_get(h.st, id, &en, &e);
  entry_free(&en);
  return rc;
}

static int order(const void *a, const void *b)
{
  return -cid_compare(a, b);
}

/* ---- tests ---- */

/* A parcel, a file, a record that nobody lists any more, nothing at all. */
static void test_no_record(void)
{
  struct job *j = NULL;
  struct entry en = {0};
  struct made m = {.n = 1};
  struct cid none;
  home_new(&h);
  struct cid id = home_publish(&h, "c", &m, 1000);
  NEED(station_get(h.st, &id, &en, &e) == 0);
  struct cid parcel = en.parcel;
  entry_free(&en);
  EXPECT_INT(code_of(&parcel), ERR_NOENT);
  shelf_write(home_file(&h, "f"), span_of("bytes", 5));
  NEED(files_add(&j, h.st, home_file(&h, "f"), FILE_CUT_FIXED, &e) == 0);
  NEED(run_job(j, &e) == 0);
  EXPECT_INT(code_of(&j->result.link), ERR_NOENT);
  EXPECT_TEXT(e.text, "no such record here");
  job_del(j);
  struct made back = {.type = "withdraw", .n = 2, .about = &id};
  struct cid by = home_publish(&h, "c", &back, 2000);
  char text[CID_TEXT_SIZE + 1];
  cid_text(text, &by);
  EXPECT_INT(code_of(&id), ERR_NOENT);
  EXPECT(strstr(e.text, "there is a withdrawal of it") != NULL);
  EXPECT(strstr(e.text, text) != NULL);
  NEED(cid_of(&none, CID_DAG_CBOR, "none", 4) == 0);
  EXPECT_INT(code_of(&none), ERR_NOENT);
  EXPECT_TEXT(e.text, "no such record here");
  home_end(&h);
}

/* What can't stand anywhere has no versions; it is no fault to ask. */
static void test_no_versions(void)
{
  static char text[RECORD_KEY_MAX + 2];
  struct made m = {.n = 1, .key = text};
  home_new(&h);
  memset(text, 'k', RECORD_KEY_MAX);
  (void)home_publish(&h, "c", &m, 1000);
  EXPECT_INT(versions_of(span_of("c", 1), span_of(text, RECORD_KEY_MAX)), 1);
  EXPECT_INT(versions_of(span_of("c", 1), span_of(text, RECORD_KEY_MAX - 1)),
             0);
  text[RECORD_KEY_MAX] = 'k';
  EXPECT_INT(versions_of(span_of("c", 1), span_of(text, RECORD_KEY_MAX + 1)),
             0);
  EXPECT_INT(versions_of(span_of("c", 1), span_of(NULL, 0)), 0);
  for (size_t n = COLLECTION_NAME_MAX; n <= COLLECTION_NAME_MAX + 1; n++) {
    EXPECT_INT(versions_of(span_of(text, n), span_of("k", 1)), 0);
  }
  home_end(&h);
}

/* 31, 32, 33 of one second: the 32 greatest by id are told, in that order, and
 * the greatest is the current one. */
static void test_one_second(void)
{
  for (int n = 31; n <= 33; n++) {
    struct cid all[33];
    struct page page = {0};
    struct page_query q = {.collection = span_of("c", 1), .max = 9};
    home_new(&h);
    struct made older = {.n = 500, .key = "k"};
    struct cid before = home_publish(&h, "c", &older, 999);
    for (int i = 0; i < n; i++) {
      struct made m = {.n = i, .key = "k"};
      all[i] = home_publish(&h, "c", &m, 1000);
    }
    qsort(all, (size_t)n, sizeof all[0], order);
    int told = n < 32 ? n : 32;
    EXPECT_INT(versions_of(span_of("c", 1), span_of("k", 1)), told + 1);
    for (int i = 0; i < told && i < seen.n; i++) {
      EXPECT(cid_equal(&seen.cid[i], &all[i]));
    }
    EXPECT(cid_equal(&seen.cid[told], &before));
    seen.n = 0;
    NEED(station_page(h.st, &q, &page, see, NULL, &e) == 0);
    EXPECT(seen.n == 1 && cid_equal(&seen.cid[0], &all[0]));
    home_end(&h);
  }
}

/* The same record listed again later by the same voice stands at that time, and
 * once; others of its key stand before it. */
static void test_listed_again(void)
{
  struct made m[2] = {{.n = 1, .key = "k"}, {.n = 2, .key = "k"}};
  home_new(&h);
  struct cid one = home_publish(&h, "c", &m[0], 1000);
  struct cid two = home_publish(&h, "c", &m[1], 2000);
  EXPECT_INT(versions_of(span_of("c", 1), span_of("k", 1)), 2);
  EXPECT(cid_equal(&seen.cid[0], &two));
  (void)home_publish(&h, "c", &m[0], 3000);
  EXPECT_INT(versions_of(span_of("c", 1), span_of("k", 1)), 2);
  EXPECT(cid_equal(&seen.cid[0], &one) && seen.time[0] == 3000);
  EXPECT(cid_equal(&seen.cid[1], &two) && seen.time[1] == 2000);
  /* In another collection it is another voice's. */
  (void)home_publish(&h, "d", &m[1], 4000);
  EXPECT_INT(versions_of(span_of("c", 1), span_of("k", 1)), 2);
  EXPECT(cid_equal(&seen.cid[0], &one));
  EXPECT(home_sound(&h));
  home_end(&h);
}

int main(void)
{
  RUN(test_no_record);
  RUN(test_no_versions);
  RUN(test_one_second);
  RUN(test_listed_again);
  return unit_done();
}
