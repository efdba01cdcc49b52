/* SPDX-License-Identifier: 0BSD */
/* Each call of the C face in each state of a station that it can't work in:
 * closed, opened for reading only, under a rebuild. It says so, and changes
 * nothing: no file appears, and what the station holds stays as it was. */
#include "station/link.h"

#include "station_shelf.h"

#include <dirent.h>

static struct home h;
static struct cid record, file, absent;

/* ---- all calls ---- */

typedef int call(struct station *st, struct err *e);

static int no_entry(void *ud, const struct entry *en)
{
  (void)ud;
  (void)en;
  return 0;
}

static int no_hit(void *ud, const struct search_hit *hit)
{
  (void)ud;
  (void)hit;
  return 0;
}

static int no_text(void *ud, struct span text)
{
  (void)ud;
  (void)text;
  return 0;
}

static int no_id(void *ud, const struct cid *id)
{
  (void)ud;
  (void)id;
  return 0;
}

/* ${j} by its address: of arguments, either may be read first. */
static int job_of(int rc, struct job **j, struct err *e)
{
  return rc == 0 ? run_values(*j, NULL, NULL, e) : rc;
}

static int call_publish(struct station *st, struct err *e)
{
  struct publisher *p = NULL;
  int rc = publisher_new(&p, st, span_of("c", 1), -1, e);
  publisher_del(p);
  return rc;
}

static int call_get(struct station *st, struct err *e)
{
  struct entry en = {0};
  int rc = station_get(st, &record, &en, e);
  entry_free(&en);
  return rc;
}

static int call_page(struct station *st, struct err *e)
{
  struct page_query q = {.collection = span_of("c", 1), .max = 9};
  struct page page = {0};
  return station_page(st, &q, &page, no_entry, NULL, e);
}

static int call_versions(struct station *st, struct err *e)
{
  uint8_t author[CRYPT_KEY_SIZE] = {0};
  struct version_query q = {span_of("c", 1), span_of("k", 1), author};
  return station_versions(st, &q, no_entry, NULL, e);
}

static int call_about(struct station *st, struct err *e)
{
  return station_about(st, &record, no_entry, NULL, e);
}

static int call_about_by(struct station *st, struct err *e)
{
  uint8_t author[CRYPT_KEY_SIZE] = {0};
  return station_about_by(st, &record, author, no_entry, NULL, e);
}

static int call_missing(struct station *st, struct err *e)
{
  int n = 0;
  return station_missing(st, shelf_count_missing, &n, e);
}

static int call_collections(struct station *st, struct err *e)
{
  struct buf names = {0};
  int rc = station_collections(st, span_of(NULL, 0), 9, &names, e);
  buf_free(&names);
  return rc;
}

static int call_count(struct station *st, struct err *e)
{
  uint64_t n;
  return station_collection_count(st, span_of("c", 1), &n, e);
}

static int call_follow(struct station *st, struct err *e)
{
  return station_follow(st, span_of("c", 1), 0, e);
}

static int call_unfollow(struct station *st, struct err *e)
{
  return station_unfollow(st, span_of("*", 1), e);
}

static int call_follows(struct station *st, struct err *e)
{
  struct buf out = {0};
  int rc = station_follows(st, &out, e);
  buf_free(&out);
  return rc;
}

static int call_set_quotas(struct station *st, struct err *e)
{
  struct quotas q = {.budget = 1 << 30};
  return station_set_quotas(st, &q, e);
}

static int call_quotas(struct station *st, struct err *e)
{
  struct quotas q;
  uint64_t used;
  return station_quotas(st, &q, &used, e);
}

static int call_vouch(struct station *st, struct err *e)
{
  uint8_t author[CRYPT_KEY_SIZE] = {7};
  return station_vouch(st, author, "me", e);
}

static int call_unvouch(struct station *st, struct err *e)
{
  uint8_t author[CRYPT_KEY_SIZE];
  author_key_of(author, 3);
  return station_unvouch(st, author, e);
}

static int call_vouched(struct station *st, struct err *e)
{
  struct buf out = {0};
  int rc = station_vouched(st, &out, e);
  buf_free(&out);
  return rc;
}

static int call_why(struct station *st, struct err *e)
{
  static struct why why;
  return station_why(st, &record, &why, e);
}

static int call_search(struct station *st, struct err *e)
{
  struct search_query q = {.text = span_of("alpha", 5), .limit = 9};
  return station_search(st, &q, no_hit, NULL, e);
}

static int call_tally(struct station *st, struct err *e)
{
  static struct search_tally t;
  struct search_query q = {.text = span_of("alpha", 5)};
  memset(&t, 0, sizeof t);
  int rc = station_tally(st, &q, &t, e);
  buf_free(&t.sets);
  return rc;
}

static int call_suggest(struct station *st, struct err *e)
{
  return station_suggest(st, span_of("al", 2), 9, no_text, NULL, e);
}

static int call_add(struct station *st, struct err *e)
{
  struct job *j = NULL;
  return job_of(files_add(&j, st, home_file(&h, "in.bin"), FILE_CUT_FIXED, e),
                &j, e);
}

static int call_export(struct station *st, struct err *e)
{
  struct job *j = NULL;
  int rc = files_export(&j, st, &file, h.dir, span_of("out.bin", 7), e);
  rc = job_of(rc, &j, e);
  (void)unlink(home_file(&h, "out.bin"));
  return rc;
}

static int call_reader(struct station *st, struct err *e)
{
  struct reader *r = NULL;
  int rc = reader_new(&r, st, &file, e);
  reader_del(r);
  return rc;
}

static int call_block(struct station *st, struct err *e)
{
  struct buf out = {0};
  int rc = station_block(st, &record, &out, e);
  buf_free(&out);
  return rc;
}

static int call_unread(struct station *st, struct err *e)
{
  return station_unread(st, 9, no_id, NULL, e);
}

static int call_put_texts(struct station *st, struct err *e)
{
  struct file_read in = {.id = record, .text = span_of("read", 4)};
  size_t gone;
  return station_put_texts(st, &in, 1, &gone, e);
}

static int call_file_text(struct station *st, struct err *e)
{
  struct buf text = {0};
  uint32_t files;
  int rc = station_file_text(st, &record, &text, &files, e);
  buf_free(&text);
  return rc;
}

static int call_slip(struct station *st, struct err *e)
{
  struct slip_options opt = {.files = -1};
  struct slip_report r;
  int rc = station_slip(st, home_file(&h, "new.slip"), &opt, &r, e);
  EXPECT_INT(access(home_file(&h, "new.slip"), F_OK) == 0, rc == 0);
  (void)unlink(home_file(&h, "new.slip"));
  return rc;
}

static int call_slip_text(struct station *st, struct err *e)
{
  struct slip_options opt = {.files = -1};
  struct slip_report r;
  struct buf text = {0};
  int rc = station_slip_text(st, &opt, &text, &r, e);
  EXPECT(rc == 0 || text.n == 0);
  buf_free(&text);
  return rc;
}

static int call_slip_short(struct station *st, struct err *e)
{
  struct slip_options opt = {.files = -1};
  struct slip_report r;
  struct buf text = {0};
  int rc = station_slip_short(st, &opt, &text, &r, e);
  EXPECT(rc == 0 || text.n == 0);
  buf_free(&text);
  return rc;
}

static int call_lacks(struct station *st, struct err *e)
{
  struct lacks_options opt = {0};
  struct job *j = NULL;
  return job_of(station_lacks(&j, st, home_file(&h, "old.slip"), &opt, e), &j,
                e);
}

static int call_pack(struct station *st, struct err *e)
{
  struct pack_options opt = {.files = -1};
  struct job *j = NULL;
  int rc =
      job_of(station_pack(&j, st, home_file(&h, "new.car"), &opt, e), &j, e);
  EXPECT_INT(access(home_file(&h, "new.car"), F_OK) == 0, rc == 0);
  (void)unlink(home_file(&h, "new.car"));
  return rc;
}

static int call_unpack(struct station *st, struct err *e)
{
  struct unpack_options opt = {0};
  struct job *j = NULL;
  return job_of(station_unpack(&j, st, home_file(&h, "old.car"), &opt, e), &j,
                e);
}

static int call_rebuild(struct station *st, struct err *e)
{
  struct job *j = NULL;
  return job_of(station_rebuild(&j, st, e), &j, e);
}

static int call_index(struct station *st, struct err *e)
{
  struct job *j = NULL;
  return job_of(station_index(&j, st, e), &j, e);
}

static int call_verify(struct station *st, struct err *e)
{
  struct job *j = NULL;
  return job_of(station_verify(&j, st, true, e), &j, e);
}

static int call_scrub(struct station *st, struct err *e)
{
  struct job *j = NULL;
  return job_of(station_scrub(&j, st, 1, e), &j, e);
}

static int call_sweep(struct station *st, struct err *e)
{
  struct job *j = NULL;
  return job_of(station_sweep(&j, st, e), &j, e);
}

static int call_salvage(struct station *st, struct err *e)
{
  uint64_t saved, lost;
  return station_salvage(st, home_file(&h, "other"), &saved, &lost, e);
}

static int call_stats(struct station *st, struct err *e)
{
  struct station_stats out;
  return station_stats(st, &out, e);
}

static int call_version(struct station *st, struct err *e)
{
  uint64_t version;
  return station_version(st, &version, e);
}

static int call_digest(struct station *st, struct err *e)
{
  uint8_t digest[32];
  return station_digest(st, digest, e);
}

static int call_link(struct station *st, struct err *e)
{
  struct link_options opt = {.initiator = true, .level = 1};
  struct link *l = NULL;
  int rc = link_new(&l, st, &opt, e);
  link_del(l);
  return rc;
}

enum needs {
  READS, /* a station that is open */
  OWNS,  /* one that may be written to */
  WHOLE, /* such a one, and all that is derived */
  TELLS  /* all that is derived, and needs not be written to */
};

static const struct {
  const char *name;
  call *call;
  enum needs needs;
} all[] = {{"publisher_new", call_publish, WHOLE},
           {"station_get", call_get, READS},
           {"station_page", call_page, READS},
           {"station_versions", call_versions, READS},
           {"station_about", call_about, READS},
           {"station_about_by", call_about_by, READS},
           {"station_missing", call_missing, READS},
           {"station_collections", call_collections, READS},
           {"station_collection_count", call_count, READS},
           {"station_follow", call_follow, WHOLE},
           {"station_unfollow", call_unfollow, WHOLE},
           {"station_follows", call_follows, READS},
           {"station_set_quotas", call_set_quotas, OWNS},
           {"station_quotas", call_quotas, READS},
           {"station_vouch", call_vouch, WHOLE},
           {"station_unvouch", call_unvouch, WHOLE},
           {"station_vouched", call_vouched, READS},
           {"station_why", call_why, READS},
           {"station_search", call_search, READS},
           {"station_tally", call_tally, READS},
           {"station_suggest", call_suggest, READS},
           {"files_add", call_add, WHOLE},
           {"files_export", call_export, READS},
           {"reader_new", call_reader, READS},
           {"station_block", call_block, READS},
           {"station_unread", call_unread, WHOLE},
           {"station_put_texts", call_put_texts, WHOLE},
           {"station_file_text", call_file_text, READS},
           {"station_slip", call_slip, TELLS},
           {"station_slip_text", call_slip_text, TELLS},
           {"station_slip_short", call_slip_short, TELLS},
           {"station_lacks", call_lacks, TELLS},
           {"station_pack", call_pack, TELLS},
           {"station_unpack", call_unpack, WHOLE},
           {"station_rebuild", call_rebuild, OWNS},
           {"station_index", call_index, WHOLE},
           {"station_verify", call_verify, READS},
           {"station_scrub", call_scrub, WHOLE},
           {"station_sweep", call_sweep, WHOLE},
           {"station_salvage", call_salvage, OWNS},
           {"station_stats", call_stats, READS},
           {"station_version", call_version, READS},
           {"station_digest", call_digest, READS},
           {"link_new", call_link, WHOLE}};
#define ALL (sizeof all / sizeof all[0])

/* ---- a station, and what the calls need ---- */

static void begin(void)
{
  struct home other;
  struct err e = {0};
  struct job *j = NULL;
  uint8_t author[CRYPT_KEY_SIZE];
  struct made m = {.n = 1, .title = "alpha", .key = "k"};
  home_new(&h);
  shelf_write(home_file(&h, "in.bin"), span_of("bytes", 5));
  NEED(files_add(&j, h.st, home_file(&h, "in.bin"), FILE_CUT_FIXED, &e) == 0);
  NEED(run_job(j, &e) == 0);
  file = j->result.link;
  job_del(j);
  m.files = 1;
  m.file = &file;
  m.size = 5;
  record = home_publish(&h, "c", &m, 1000);
  NEED(cid_of(&absent, CID_RAW, "absent", 6) == 0);
  NEED(station_follow(h.st, span_of("*", 1), INT64_MAX, &e) == 0);
  author_key_of(author, 3);
  NEED(station_vouch(h.st, author, "me", &e) == 0);
  struct file_read in = {.id = record, .text = span_of("read", 4), .files = 1};
  size_t gone;
  NEED(station_put_texts(h.st, &in, 1, &gone, &e) == 0);
  home_pack(&h, home_file(&h, "old.car"), NULL);
  struct slip_options opt = {.files = -1};
  struct slip_report r;
  NEED(station_slip(h.st, home_file(&h, "old.slip"), &opt, &r, &e) == 0);
  other = (struct home){.now = SHELF_NOW};
  (void)snprintf(other.dir, sizeof other.dir, "%s", h.dir);
  struct station_options make = {.create = true};
  NEED(station_open(&other.st, home_file(&h, "other"), &make, &e) == 0);
  (void)home_publish(&other, "c", &m, 1000);
  station_close(other.st);
}

static int count_files(void)
{
  DIR *d = opendir(h.dir);
  int n = 0;
  NEED(d != NULL);
  while (readdir(d) != NULL) {
    n++;
  }
  NEED(closedir(d) == 0);
  return n;
}

/* ---- tests ---- */

/* In the state that they are made for, they all work. */
static void test_open(void)
{
  begin();
  for (size_t i = 0; i < ALL; i++) {
    struct err e = {0};
    int rc = all[i].call(h.st, &e);
    EXPECT_INT(rc, 0);
    if (rc < 0) {
      printf("  %s: %s\n", all[i].name, e.text);
    }
  }
  home_end(&h);
}

static void test_closed(void)
{
  begin();
  struct station *st = station_ref(h.st);
  station_close(h.st);
  int files = count_files();
  for (size_t i = 0; i < ALL; i++) {
    struct err e = {0};
    int rc = all[i].call(st, &e);
    EXPECT_INT(rc, ERR_CLOSED);
    EXPECT_TEXT(e.text, "the station was closed");
    if (rc != ERR_CLOSED) {
      printf("  %s\n", all[i].name);
    }
  }
  EXPECT_INT(count_files(), files);
  station_unref(st);
  home_open(&h);
  EXPECT(home_has(&h, &record));
  home_end(&h);
}

/* The key file is there: so it can sign slips. */
static void test_readonly(void)
{
  struct err e = {0};
  uint8_t was[32], is[32];
  begin();
  NEED(station_digest(h.st, was, &e) == 0);
  station_close(h.st);
  NEED(home_try(&h, true, &e) == 0);
  for (size_t i = 0; i < ALL; i++) {
    bool may = all[i].needs == READS || all[i].needs == TELLS;
    int rc = all[i].call(h.st, &e);
    EXPECT_INT(rc, may ? 0 : ERR_READONLY);
    if (rc != (may ? 0 : ERR_READONLY)) {
      printf("  %s: %s\n", all[i].name, e.text);
    }
  }
  NEED(station_digest(h.st, is, &e) == 0);
  EXPECT(memcmp(was, is, sizeof was) == 0);
  home_end(&h);
}

/* While a rebuild is under way, and after one was given up, when only another
 * (or what ends in one) helps. */
static void test_half_derived(void)
{
  for (int given_up = 0; given_up < 2; given_up++) {
    struct err e = {0};
    struct job *j = NULL;
    begin();
    NEED(station_rebuild(&j, h.st, &e) == 0);
    NEED(job_step(j, &e) == JOB_MORE);
    if (given_up) {
      job_del(j);
      j = NULL;
    }
    for (size_t i = 0; i < ALL; i++) {
      bool busy = all[i].needs != READS;
      if (all[i].needs == OWNS && given_up) {
        continue; /* below */
      }
      int rc = all[i].call(h.st, &e);
      EXPECT(busy ? rc == ERR_BUSY : rc == 0 || rc == ERR_NOENT);
      if (busy != (rc == ERR_BUSY)) {
        printf("  %s, %d: %d %s\n", all[i].name, given_up, rc, e.text);
      }
    }
    if (given_up) {
      EXPECT_INT(call_salvage(h.st, &e), 0);
    } else {
      NEED(run_values(j, NULL, NULL, &e) == 0);
    }
    EXPECT(home_has(&h, &record));
    EXPECT(home_sound(&h));
    home_end(&h);
  }
}

/* What was begun before ends, too: it would leave out what is not yet derived
 * again, and nobody would notice. */
static void test_overtaken(void)
{
  struct pack_options pack = {.files = -1};
  struct lacks_options lacks = {0};
  struct err e = {0};
  struct job *r = NULL, *j[2];
  begin();
  int files = count_files();
  NEED(station_pack(&j[0], h.st, home_file(&h, "new.car"), &pack, &e) == 0);
  NEED(station_lacks(&j[1], h.st, home_file(&h, "old.slip"), &lacks, &e) == 0);
  NEED(station_rebuild(&r, h.st, &e) == 0);
  for (int i = 0; i < 2; i++) {
    EXPECT_INT(job_step(j[i], &e), JOB_MORE);
  }
  NEED(job_step(r, &e) == JOB_MORE);
  for (int i = 0; i < 2; i++) {
    EXPECT_INT(run_values(j[i], NULL, NULL, &e), ERR_BUSY);
    EXPECT(strstr(e.text, "is being rebuilt") != NULL);
  }
  EXPECT_INT(count_files(), files);
  NEED(run_values(r, NULL, NULL, &e) == 0);
  EXPECT_INT(call_pack(h.st, &e), 0);
  home_end(&h);
}

int main(void)
{
  RUN(test_open);
  RUN(test_closed);
  RUN(test_readonly);
  RUN(test_half_derived);
  RUN(test_overtaken);
  return unit_done();
}
