/* SPDX-License-Identifier: 0BSD */
/* More of what a station is asked while everything below it fails: the same
 * world as station_scenes.h, the rarer calls and the second tries. */
#ifndef STATION_SCENES_MORE_H
#define STATION_SCENES_MORE_H

#include "station_scenes_rare.h"

#include "form/keyfile.h"

/* Success when a call was to end with ${want}, and did. */
static int only(int rc, int want)
{
  EXPECT(rc != 0);
  return rc == want ? 0 : rc;
}

/* A name that nothing here has. */
static struct cid nobodys(enum cid_codec codec)
{
  struct cid cid;
  unsigned kinds = hush();
  NEED(cid_of(&cid, codec, "nobody's", 8) == 0);
  fault.kinds = kinds;
  return cid;
}

/* ---- slips ---- */

static int body_slip_again(struct err *e)
{
  unsigned kinds = hush();
  NEED(body_slip(e) == 0); /* it takes the place of one that is there */
  fault.kinds = kinds;
  return body_slip(e);
}

static int body_slip_exact(struct err *e)
{
  struct slip_options opt = {.files = 1000, .exact = true, .budget = 1 << 20};
  struct slip_report r;
  return station_slip(h.st, home_file(&h, "exact.slip"), &opt, &r, e);
}

static int body_read_slip(struct err *e)
{
  struct slip_told told;
  int rc = station_read_slip(&told, home_file(&h, "ask.slip"), e);
  EXPECT(rc < 0 || (!told.shorts && told.wishes > 0));
  return rc;
}

/* ---- carry files ---- */

static int pack_opt(const struct pack_options *opt, struct err *e)
{
  struct job *j = NULL;
  (void)unlink(home_file(&h, "out.car"));
  return run(&j, station_pack(&j, h.st, home_file(&h, "out.car"), opt, e), e);
}

static int body_pack_budget(struct err *e)
{
  struct pack_options opt = {.files = -1, .budget = 300000};
  return pack_opt(&opt, e);
}

static int body_pack_records(struct err *e)
{
  struct span only_c = span_of("c", 1);
  struct pack_options opt = {.files = 0, .pattern = &only_c, .patterns = 1};
  return pack_opt(&opt, e);
}

/* Given up half-way: the half is gone, and nothing else is harmed. */
static int body_pack_dropped(struct err *e)
{
  struct pack_options opt = {.files = -1};
  struct job *j = NULL;
  (void)unlink(home_file(&h, "out.car"));
  int rc = station_pack(&j, h.st, home_file(&h, "out.car"), &opt, e);
  for (int i = 0; rc == 0 && i < 2; i++) {
    int step = job_step(j, e);
    rc = step < 0 ? step : 0;
  }
  job_del(j);
  EXPECT(access(home_file(&h, "out.car"), F_OK) != 0);
  return rc;
}

static int unpack_opt(const char *name, const struct unpack_options *opt,
                      struct err *e)
{
  struct job *j = NULL;
  return run(&j, station_unpack(&j, h.st, home_file(&h, name), opt, e), e);
}

static int body_unpack_some(struct err *e)
{
  struct span none = span_of("elsewhere/*", 11);
  struct unpack_options opt = {.pattern = &none, .patterns = 1};
  return unpack_opt("in.car", &opt, e);
}

static int body_unpack_keep(struct err *e)
{
  struct unpack_options opt = {.keep = true};
  return unpack_opt("in.car", &opt, e);
}

/* All of it is known by then. */
static int body_unpack_again(struct err *e)
{
  unsigned kinds = hush();
  NEED(body_unpack(e) == 0);
  fault.kinds = kinds;
  return body_unpack(e);
}

/* Half of the records are not wanted. */
static enum job_verdict every_other(void *ud, const struct job *j)
{
  (void)j;
  return ++*(int *)ud % 2 == 0 ? JOB_DROP : JOB_KEEP;
}

static int body_unpack_policy(struct err *e)
{
  struct unpack_options opt = {0};
  struct job *j = NULL;
  int asked = 0;
  station_set_policy(h.st, true);
  int rc = station_unpack(&j, h.st, home_file(&h, "in.car"), &opt, e);
  if (rc == 0) {
    rc = run_asking(j, every_other, &asked, e);
    job_del(j);
  }
  station_set_policy(h.st, false);
  return rc;
}

/* A flipped byte in the middle, and the end cut off. */
static int body_unpack_damaged(struct err *e)
{
  unsigned kinds = hush();
  struct buf car = {0};
  if (access(home_file(&h, "bad.car"), F_OK) != 0) {
    shelf_read(home_file(&h, "in.car"), &car);
    car.p[car.n / 2] ^= 1;
    car.n -= 100;
    shelf_write(home_file(&h, "bad.car"), buf_span(&car));
    buf_free(&car);
  }
  fault.kinds = kinds;
  return unpack_from("bad.car", e);
}

/* An old stick brings what was withdrawn. */
static int body_unpack_old(struct err *e)
{
  unsigned kinds = hush();
  NEED(body_unpack(e) == 0);
  fault.kinds = kinds;
  int rc = unpack_from("far/carry.car", e);
  kinds = hush();
  EXPECT(!home_has(&h, &gone_id));
  fault.kinds = kinds;
  return rc;
}

/* What had to wait is taken in when its day has come. */
static int body_held_released(struct err *e)
{
  unsigned kinds = hush();
  NEED(body_unpack_later(e) == 0);
  h.now = SHELF_NOW + 20 * 86400;
  fault.kinds = kinds;
  int rc = body_publish(e);
  h.now = world.now;
  return rc;
}

/* ---- publishing ---- */

static int body_publish_130(struct err *e)
{
  static struct made m[130];
  for (int i = 0; i < 130; i++) {
    m[i] = (struct made){.n = 1000 + i, .title = "one of many"};
  }
  return publish_n(m, 130, e);
}

static int body_publish_large(struct err *e)
{
  struct made m = {.n = 150, .title = "large", .pad = 60000};
  return publish_n(&m, 1, e);
}

/* The same bytes a second time. */
static int body_publish_again(struct err *e)
{
  unsigned kinds = hush();
  struct made m = {.n = 1, .key = "k", .title = "alpha beta", .text = "gamma"};
  fault.kinds = kinds;
  return publish_n(&m, 1, e);
}

/* A publisher that is given up: nothing of it is there. */
static int body_publish_dropped(struct err *e)
{
  struct publisher *p = NULL;
  struct buf b = {0};
  struct made m = {.n = 160, .title = "never said"};
  struct cid id;
  int rc = publisher_new(&p, h.st, span_of("c", 1), -1, e);
  if (rc == 0) {
    quietly_make(&b, &m);
    rc = publisher_add(p, buf_span(&b), &id, e);
  }
  publisher_del(p);
  buf_free(&b);
  unsigned kinds = hush();
  EXPECT(rc < 0 || !home_has(&h, &id));
  fault.kinds = kinds;
  return rc;
}

/* A file, and the record that lists it. */
static int body_publish_file(struct err *e)
{
  struct job *j = NULL;
  struct cid link;
  int rc = files_add(&j, h.st, home_file(&h, "a.bin"), FILE_CUT_CONTENT, e);
  if (rc == 0) {
    rc = run_job(j, e);
    link = j->result.link;
    job_del(j);
  }
  if (rc == 0) {
    struct made m = {.n = 170, .files = 1, .file = &link, .size = 200000};
    rc = publish_n(&m, 1, e);
  }
  return rc;
}

static int body_withdraw_absent(struct err *e)
{
  struct cid absent = nobodys(CID_DAG_CBOR);
  struct made m = {.type = "withdraw", .about = &absent};
  return publish_n(&m, 1, e);
}

static int body_withdraw_file(struct err *e)
{
  struct made m = {.type = "withdraw", .about = &lesson};
  return publish_n(&m, 1, e);
}

static int body_label_back(struct err *e)
{
  struct made m = {
      .type = "label", .about = &lesson, .value = "good", .negated = true};
  return publish_n(&m, 1, e);
}

/* ---- files ---- */

static int body_add_again(struct err *e)
{
  struct job *j = NULL;
  return run(
      &j, files_add(&j, h.st, home_file(&h, "b.bin"), FILE_CUT_CONTENT, e), e);
}

static int body_export_beside(struct err *e)
{
  struct job *j = NULL;
  unsigned kinds = hush();
  shelf_write(home_file(&h, "taken"), span_of("x", 1));
  fault.kinds = kinds;
  int rc = files_export(&j, h.st, &image, h.dir, span_of("taken", 5), e);
  return run(&j, rc, e);
}

static int body_export_absent(struct err *e)
{
  struct job *j = NULL;
  struct cid absent = nobodys(CID_RAW);
  int rc = files_export(&j, h.st, &absent, h.dir, span_of("none", 4), e);
  return only(run(&j, rc, e), ERR_NOENT);
}

static int body_get_absent(struct err *e)
{
  struct entry en = {0};
  struct cid absent = nobodys(CID_DAG_CBOR);
  int rc = station_get(h.st, &absent, &en, e);
  entry_free(&en);
  return only(rc, ERR_NOENT);
}

/* ---- search ---- */

static int body_search_pages(struct err *e)
{
  struct search_report report = {0};
  uint8_t key[1][32] = {{1}};
  struct search_query q = {.text = span_of("alpha OR news OR gamma", 22),
                           .limit = 1,
                           .trust = (const uint8_t(*)[32])key,
                           .trusts = 1,
                           .explain = true,
                           .report = &report};
  struct buf at = {0};
  int n = 0, rc;
  do {
    search_report_free(&report);
    report = (struct search_report){0};
    q.cursor = buf_span(&at);
    rc = station_search(h.st, &q, count_hit, &n, e);
    buf_clear(&at);
    if (rc == 0 && buf_put(&at, report.cursor.p, report.cursor.n) < 0) {
      rc = err_set(e, ERR_NOMEM, "not enough memory");
    }
  } while (rc == 0 && at.n > 0 && n < 10);
  search_report_free(&report);
  buf_free(&at);
  return rc;
}

static int count_unread(void *ud, const struct cid *id)
{
  (void)id;
  ++*(int *)ud;
  return 0;
}

/* Text of a record's file comes, is found, becomes another one. */
static int body_texts(struct err *e)
{
  struct search_query q = {.text = span_of("zanzibar", 8), .limit = 10};
  struct file_read in = {.id = lesson, .text = span_of("zanzibar", 8)};
  struct buf text = {0};
  uint32_t files = 0;
  size_t gone = 0;
  int n = 0, unread = 0;
  int rc = station_unread(h.st, 10, count_unread, &unread, e);
  EXPECT(rc < 0 || unread > 0);
  if (rc < 0 || (rc = station_put_texts(h.st, &in, 1, &gone, e)) < 0 ||
      (rc = station_search(h.st, &q, count_hit, &n, e)) < 0) {
    return rc;
  }
  EXPECT(n == 1 && gone == 0);
  in = (struct file_read){lesson, span_of("quokka", 6), 1, true};
  if ((rc = station_put_texts(h.st, &in, 1, &gone, e)) == 0) {
    rc = station_file_text(h.st, &lesson, &text, &files, e);
    EXPECT(rc < 0 || (text.n == 6 && files == 1));
  }
  buf_free(&text);
  return rc;
}

/* Segments enough that neighbours are merged. */
static int body_merge(struct err *e)
{
  unsigned kinds = hush();
  struct made m = {.title = "merged", .text = "alpha beta gamma delta"};
  for (int i = 0; i < 40; i++) {
    m.n = 700 + i;
    (void)home_publish(&h, i % 2 ? "c" : "d", &m, SHELF_NOW - 100 + i);
  }
  fault.kinds = kinds;
  return body_index(e);
}

static int body_tally(struct err *e)
{
  struct search_query q = {.text = span_of("alpha", 5)};
  static struct search_tally t;
  memset(&t, 0, sizeof t);
  int rc = station_tally(h.st, &q, &t, e);
  EXPECT(rc < 0 || t.total == 1);
  buf_free(&t.sets);
  return rc;
}

static int count_text(void *ud, struct span text)
{
  ++*(int *)ud;
  return text.n > 0 ? 0 : ERR_MISUSE;
}

static int body_suggest(struct err *e)
{
  int n = 0;
  int rc = station_suggest(h.st, span_of("al", 2), 5, count_text, &n, e);
  EXPECT(rc < 0 || n == 1);
  return rc;
}

/* ---- lists ---- */

static int body_history(struct err *e)
{
  struct page page = {0};
  struct page_query q = {
      .collection = span_of("c", 1), .history = true, .max = 1};
  int n = 0, rc;
  do {
    rc = station_page(h.st, &q, &page, count_entry, &n, e);
  } while (rc == 0 && !page.ended && n < 10);
  return rc;
}

static int body_digest(struct err *e)
{
  uint8_t digest[32];
  uint64_t n = 0, version = 0;
  int rc = station_collection_count(h.st, span_of("c", 1), &n, e);
  if (rc == 0 && (rc = station_version(h.st, &version, e)) == 0) {
    rc = station_digest(h.st, digest, e);
  }
  EXPECT(rc < 0 || n == 2);
  return rc;
}

/* ---- upkeep ---- */

static int body_scrub(struct err *e)
{
  struct job *j = NULL;
  return run(&j, station_scrub(&j, h.st, 2, e), e);
}

/* A rebuild that was broken off is done when the station is next opened. */
static int body_rebuild_left(struct err *e)
{
  unsigned kinds = hush();
  struct job *j = NULL;
  NEED(station_rebuild(&j, h.st, e) == 0);
  NEED(job_step(j, e) >= 0);
  job_del(j);
  station_close(h.st);
  fault.kinds = kinds;
  return home_try(&h, false, e);
}

/* A file that no record lists goes. */
static int body_sweep_unlisted(struct err *e)
{
  unsigned kinds = hush();
  NEED(body_add_file(e) == 0);
  station_close(h.st);
  home_open(&h);
  fault.kinds = kinds;
  return body_sweep(e);
}

/* Records that were left unindexed. */
static int body_index_later(struct err *e)
{
  unsigned kinds = hush();
  struct station_options opt = {.index_later = true};
  struct made m = {.n = 500, .title = "indexed afterwards"};
  opt.host.now = home_clock;
  opt.host.ud = &h;
  station_close(h.st);
  NEED(station_open(&h.st, home_file(&h, "s"), &opt, e) == 0);
  (void)home_publish(&h, "c", &m, SHELF_NOW - 5);
  fault.kinds = kinds;
  return body_index(e);
}

/* Another process writes here. */
static int body_open_busy(struct err *e)
{
  struct station_options opt = {0};
  struct station *second = NULL;
  int rc = station_open(&second, home_file(&h, "s"), &opt, e);
  station_close(second);
  return only(rc, ERR_BUSY);
}

/* The identity moves into another key file, and is the same. */
static int body_move_key(struct err *e)
{
  struct identity *id = NULL, *again = NULL;
  (void)unlink(home_file(&h, "moved.key"));
  int rc = keyfile_load(&id, home_file(&h, "s.key"), NULL, e);
  if (rc == 0 &&
      (rc = keyfile_save(home_file(&h, "moved.key"), id, NULL, e)) == 0 &&
      (rc = keyfile_load(&again, home_file(&h, "moved.key"), NULL, e)) == 0) {
    EXPECT(memcmp(identity_key(id), identity_key(again), CRYPT_KEY_SIZE) == 0);
  }
  identity_del(id);
  identity_del(again);
  return rc;
}

static int body_follow_many(struct err *e)
{
  char name[24];
  int rc = 0;
  for (int i = 0; rc == 0 && i < 20; i++) {
    (void)snprintf(name, sizeof name, "many/%d/*", i);
    rc = station_follow(h.st, span_of(name, strlen(name)), i * 1000, e);
  }
  return rc;
}

/* ---- sessions ---- */

/* One that was cut in the middle; the second goes on from there. */
static int body_sync_again(struct err *e)
{
  unsigned kinds = hush();
  struct link_pair p = {.size = 65536, .seed = 1, .cut = 300000};
  NEED(home_try(&far, false, e) == 0);
  NEED(link_pair_try(&p, &h, &far, e) == 0);
  (void)link_pair_run(&p);
  link_pair_end(&p);
  station_close(far.st);
  far.st = NULL;
  fault.kinds = kinds;
  return meet(e);
}

/* Nothing differs any more. */
static int body_sync_same(struct err *e)
{
  unsigned kinds = hush();
  NEED(meet(e) == 0);
  fault.kinds = kinds;
  return meet(e);
}

/* The other end withdraws what was brought before. */
static int body_sync_withdrawal(struct err *e)
{
  unsigned kinds = hush();
  struct made m = {.type = "withdraw", .about = &note};
  NEED(meet(e) == 0);
  if (home_has(&h, &note)) {
    (void)home_publish(&h, "c", &m, SHELF_NOW + 9);
  }
  fault.kinds = kinds;
  return meet(e);
}

/* ---- all of them ---- */

struct scene {
  const char *name;
  body *call;
  bool quick; /* also where not all are asked for */
};
#define SCENE(name) #name, body_##name

static const struct scene scenes[] = {
    {SCENE(open), true},
    {SCENE(publish), true},
    {SCENE(publish_20), true},
    {SCENE(add_file), true},
    {SCENE(export), true},
    {SCENE(slip), true},
    {SCENE(pack), true},
    {SCENE(pack_slip), true},
    {SCENE(unpack), true},
    {SCENE(unpack_zip), true},
    {SCENE(withdraw), true},
    {SCENE(rebuild), true},
    {SCENE(verify), true},
    {SCENE(sweep), true},
    {SCENE(search), true},
    {SCENE(get), true},
    {SCENE(page), true},
    {SCENE(lists), true},
    {SCENE(follow), true},
    {SCENE(reader), true},
    {SCENE(lacks), true},
    {SCENE(slip_text), true},
    {SCENE(unpack_later), true},
    {SCENE(label), true},
    {SCENE(version), true},
    {SCENE(index), true},
    {SCENE(export_whole), true},
    {SCENE(seek), true},
    {SCENE(block), true},
    {SCENE(missing), true},
    {SCENE(readonly), true},
    {SCENE(make), true},
    {SCENE(salvage), true},
    {SCENE(first_sync), true},
    {SCENE(delta_sync), true},
    {SCENE(open_killed), true},
    {SCENE(texts), true},
    {SCENE(slip_again), false},
    {SCENE(slip_exact), false},
    {SCENE(read_slip), false},
    {SCENE(pack_budget), false},
    {SCENE(pack_records), false},
    {SCENE(pack_dropped), false},
    {SCENE(unpack_some), false},
    {SCENE(unpack_keep), false},
    {SCENE(unpack_again), false},
    {SCENE(unpack_policy), false},
    {SCENE(unpack_damaged), false},
    {SCENE(unpack_old), false},
    {SCENE(held_released), false},
    {SCENE(publish_130), false},
    {SCENE(publish_large), false},
    {SCENE(publish_again), false},
    {SCENE(publish_dropped), false},
    {SCENE(publish_file), false},
    {SCENE(withdraw_absent), false},
    {SCENE(withdraw_file), false},
    {SCENE(label_back), false},
    {SCENE(add_again), false},
    {SCENE(export_beside), false},
    {SCENE(export_absent), false},
    {SCENE(get_absent), false},
    {SCENE(search_pages), false},
    {SCENE(merge), false},
    {SCENE(tally), false},
    {SCENE(suggest), false},
    {SCENE(history), false},
    {SCENE(digest), false},
    {SCENE(scrub), false},
    {SCENE(rebuild_left), false},
    {SCENE(sweep_unlisted), false},
    {SCENE(index_later), false},
    {SCENE(open_busy), false},
    {SCENE(move_key), false},
    {SCENE(follow_many), false},
    {SCENE(sync_again), false},
    {SCENE(sync_same), false},
    {SCENE(sync_withdrawal), false},
    {SCENE(unpack_lone), false},
    {SCENE(unpack_vouch), false},
    {SCENE(sync_lone), false},
    {SCENE(sync_vouch), false},
    {SCENE(quotas), false},
    {SCENE(counted), false},
    {SCENE(plan), false},
    {SCENE(ask), false},
    {SCENE(why), false},
    {SCENE(scrub_mend), false},
    {SCENE(rebuild_mend), false},
};
#define SCENES (sizeof scenes / sizeof scenes[0])

/* As RUN() of a test that is named so. */
static void run_scene(const struct scene *s,
                      void (*sweep)(const struct scene *s))
{
  unit_faults = 0;
  sweep(s);
  unit_passed += unit_faults == 0;
  unit_failed += unit_faults > 0;
  if (unit_faults > 0) {
    printf("not ok - %s\n", s->name);
  }
}

#endif
