/* SPDX-License-Identifier: 0BSD */
/* What a station is asked while everything below it fails: a world, made once
 * and copied for each failure, and the calls. For the program that has the
 * table of faults. */
#ifndef STATION_SCENES_H
#define STATION_SCENES_H

#include "fault_table.h"

#include "unit/link_pair.h"

/* ---- a world, made once and copied for each failure ---- */

static struct home world, h, far;
static struct cid note, lesson, image, raw_file, gone_id, raw_record;
static uint8_t lesson_sig[40]; /* the begin of its parcel's signature */

/* Into the folder of ${h}, for nftw: s, s.key, s-files/, what lies there. */
static int copy_one(const char *path, const struct stat *info, int kind,
                    struct FTW *at)
{
  const char *name = path + strlen(world.dir);
  struct buf bytes = {0};
  const char *dot = strrchr(name, '.');
  (void)at;
  if (kind == FTW_D) {
    return *name == '\0' ? 0 : mkdir(home_file(&h, name + 1), 0700);
  }
  if (dot != NULL && strcmp(dot, ".key") != 0) { /* nobody writes to these */
    return link(path, home_file(&h, name + 1));
  }
  if (info->st_size > 0) {
    shelf_read(path, &bytes);
  }
  shelf_write(home_file(&h, name + 1), buf_span(&bytes));
  buf_free(&bytes);
  return chmod(home_file(&h, name + 1), info->st_mode & 0777);
}

/* A station in a copy of the world: each failure begins at the same. */
static void copy_world(void)
{
  home_folder(&h);
  h.now = world.now;
  h.clock = fault_clock;
  far = (struct home){.now = world.now, .clock = fault_clock};
  (void)snprintf(far.dir, sizeof far.dir, "%s", home_file(&h, "far"));
  NEED(nftw(world.dir, copy_one, 16, FTW_PHYS) == 0);
  home_open(&h);
}

static struct cid add_file(struct home *at, const char *name)
{
  struct err e = {0};
  struct job *j = NULL;
  NEED(files_add(&j, at->st, home_file(at, name), FILE_CUT_CONTENT, &e) == 0);
  NEED(run_job(j, &e) == 0);
  struct cid link = j->result.link;
  job_del(j);
  return link;
}

/* A parcel of author 7 alone, and the same with its records: those that come
 * apart from it are asked for. */
#define LONES 3
static void crate_lone(const struct home *to)
{
  struct home at = *to;
  for (int whole = 0; whole < 2; whole++) {
    struct crate c;
    struct cid record[LONES];
    crate_start(&c);
    for (int i = 0; i < LONES; i++) {
      struct made m = {
          .n = 80 + i, .title = "apart", .text = "from its parcel"};
      record[i] = made_cid(&m);
    }
    (void)crate_parcel(&c, 7, "d", SHELF_NOW - 9, record, LONES);
    for (int i = 0; i < LONES && whole; i++) {
      struct made m = {
          .n = 80 + i, .title = "apart", .text = "from its parcel"};
      (void)crate_record(&c, &m);
    }
    shelf_write(home_file(&at, whole ? "whole.car" : "lone.car"),
                buf_span(&c.car));
    buf_free(&c.car);
  }
}

/* A carry file with a parcel from the future: it is to be held back. */
static void crate_later(const struct home *to)
{
  struct crate c;
  struct home at = *to;
  struct made m = {.n = 77, .title = "tomorrow"};
  crate_start(&c);
  struct cid record = crate_record(&c, &m);
  (void)crate_parcel(&c, 9, "d", SHELF_NOW + 10 * 86400, &record, 1);
  shelf_write(home_file(&at, "later.car"), buf_span(&c.car));
  buf_free(&c.car);
}

static void note_signature(void)
{
  struct entry en = {0};
  struct buf block = {0};
  struct parcel view;
  struct err e = {0};
  NEED(station_get(world.st, &lesson, &en, &e) == 0);
  NEED(station_block(world.st, &en.parcel, &block, &e) == 0);
  NEED(parcel_read(&view, buf_span(&block), &e) == 0);
  memcpy(lesson_sig, view.sig, sizeof lesson_sig);
  buf_free(&block);
  entry_free(&en);
}

static void make_world(void)
{
  struct home other;
  struct buf noise = {0};
  struct err e = {0};
  struct made m = {.n = 1, .key = "k", .title = "alpha beta", .text = "gamma"};
  home_new(&world);
  other = (struct home){.now = SHELF_NOW};
  (void)snprintf(other.dir, sizeof other.dir, "%s", home_file(&world, "far"));
  NEED(mkdir(other.dir, 0700) == 0);
  home_open(&other);
  note = home_publish(&world, "c", &m, -1);
  shelf_noise(&noise, 200000, 5);
  shelf_write(home_file(&world, "a.bin"), buf_span(&noise));
  shelf_noise(&noise, 1100000, 6);
  shelf_write(home_file(&world, "b.bin"), buf_span(&noise));
  image = add_file(&world, "b.bin");
  m = (struct made){.n = 2, .files = 1, .file = &image, .size = 1100000};
  lesson = home_publish(&world, "c", &m, -1);
  note_signature();
  NEED(station_follow(world.st, span_of("*", 1), INT64_MAX, &e) == 0);

  /* Others' files, a withdrawal and a label among them. */
  shelf_noise(&noise, 1080000, 7);
  shelf_write(home_file(&other, "f.bin"), buf_span(&noise));
  raw_file = add_file(&other, "f.bin");
  m = (struct made){.n = 3, .files = 1, .file = &raw_file, .size = 1080000};
  raw_record = home_publish(&other, "d", &m, -1);
  m = (struct made){.n = 4, .title = "to be taken back"};
  gone_id = home_publish(&other, "d", &m, -1);
  struct unpacked u = shelf_carry(&other, &world);
  NEED(u.rc == 0);
  m = (struct made){.type = "withdraw", .about = &gone_id};
  (void)home_publish(&other, "d", &m, -1);
  m = (struct made){.type = "label", .about = &note, .value = "good"};
  (void)home_publish(&other, "d", &m, -1);
  m = (struct made){.n = 5, .title = "news", .text = "from afar"};
  (void)home_publish(&other, "d", &m, -1);
  home_pack(&other, home_file(&world, "in.car"), NULL);
  struct pack_options zip = {.files = -1, .compress = true, .level = 1};
  home_pack(&other, home_file(&world, "zip.car.zst"), &zip);
  struct slip_options ask = {.files = -1};
  struct slip_report r;
  NEED(station_slip(other.st, home_file(&world, "ask.slip"), &ask, &r, &e) ==
       0);
  crate_later(&world);
  crate_lone(&world);
  station_close(other.st);
  buf_free(&noise);
  station_close(world.st);
  world.st = NULL;
}

/* Nothing is damaged, and what was derived is what a rebuild derives. */
static void check_station(void)
{
  struct err e = {0};
  struct job *j = NULL;
  NEED(station_verify(&j, h.st, true, &e) == 0);
  NEED(run_job(j, &e) == 0);
  EXPECT_INT(job_value(j, "bad"), 0);
  job_del(j);
  (void)home_missing(&h); /* settles what a failure left half noted */
  EXPECT(home_sound(&h));
}

/* What the test does for itself does not fail. */
static unsigned hush(void)
{
  unsigned kinds = fault.kinds;
  fault.kinds = 0;
  return kinds;
}

/* ---- the calls ---- */

typedef int body(struct err *e);

static int body_open(struct err *e)
{
  station_close(h.st);
  return home_try(&h, false, e);
}

/* The test's own part does not fail. */
static void quietly_make(struct buf *b, const struct made *m)
{
  unsigned kinds = fault.kinds;
  fault.kinds = 0;
  made_block(b, m);
  fault.kinds = kinds;
}

static int publish_n(const struct made *list, int n, struct err *e)
{
  struct publisher *p = NULL;
  struct buf b = {0};
  uint64_t committed = 0;
  struct cid id;
  int rc = publisher_new(&p, h.st, span_of("c", 1), -1, e);
  for (int i = 0; rc == 0 && i < n; i++) {
    quietly_make(&b, &list[i]);
    rc = publisher_add(p, buf_span(&b), &id, e);
  }
  if (rc == 0) {
    rc = publisher_commit(p, &committed, e);
    EXPECT(rc < 0 || committed == (uint64_t)n);
  }
  publisher_del(p);
  buf_free(&b);
  return rc;
}

static int body_publish(struct err *e)
{
  struct made m = {.n = 100, .title = "one", .key = "k"};
  return publish_n(&m, 1, e);
}

static int body_publish_20(struct err *e)
{
  struct made m[20];
  for (int i = 0; i < 20; i++) {
    m[i] = (struct made){.n = 100 + i, .text = "words of the record"};
  }
  return publish_n(m, 20, e);
}

/* ${rc} is of the call that made the job: of arguments, either may be read
 * first. */
static int run(struct job **j, int rc, struct err *e)
{
  if (rc == 0) {
    rc = run_job(*j, e);
    job_del(*j);
  }
  return rc;
}

static int body_add_file(struct err *e)
{
  struct job *j = NULL;
  return run(&j, files_add(&j, h.st, home_file(&h, "a.bin"), FILE_CUT_FIXED, e),
             e);
}

static int body_export(struct err *e)
{
  struct job *j = NULL;
  int rc = files_export(&j, h.st, &image, h.dir, span_of("out/x.bin", 9), e);
  return run(&j, rc, e);
}

static int body_slip(struct err *e)
{
  struct slip_options opt = {.files = -1};
  struct slip_report r;
  return station_slip(h.st, home_file(&h, "my.slip"), &opt, &r, e);
}

static int pack_with(const char *slip, bool compress, struct err *e)
{
  struct pack_options opt = {
      .files = -1, .compress = compress, .level = 1, .slip = slip};
  struct job *j = NULL;
  (void)unlink(home_file(&h, "out.car"));
  return run(&j, station_pack(&j, h.st, home_file(&h, "out.car"), &opt, e), e);
}

static int body_pack(struct err *e)
{
  return pack_with(NULL, true, e);
}

static int body_pack_slip(struct err *e)
{
  return pack_with(home_file(&h, "ask.slip"), false, e);
}

static int unpack_from(const char *name, struct err *e)
{
  struct unpack_options opt = {0};
  struct job *j = NULL;
  return run(&j, station_unpack(&j, h.st, home_file(&h, name), &opt, e), e);
}

static int body_unpack(struct err *e)
{
  return unpack_from("in.car", e);
}

static int body_unpack_zip(struct err *e)
{
  return unpack_from("zip.car.zst", e);
}

static int body_withdraw(struct err *e)
{
  struct made m = {.type = "withdraw", .about = &note};
  return publish_n(&m, 1, e);
}

static int body_rebuild(struct err *e)
{
  struct job *j = NULL;
  return run(&j, station_rebuild(&j, h.st, e), e);
}

static int body_verify(struct err *e)
{
  struct job *j = NULL;
  return run(&j, station_verify(&j, h.st, true, e), e);
}

static int body_sweep(struct err *e)
{
  struct job *j = NULL;
  return run(&j, station_sweep(&j, h.st, e), e);
}

static int count_hit(void *ud, const struct search_hit *hit)
{
  ++*(int *)ud;
  return hit->entry->block.n > 0 ? 0 : ERR_MISUSE;
}

static int count_entry(void *ud, const struct entry *en)
{
  ++*(int *)ud;
  return en->block.n > 0 ? 0 : ERR_MISUSE;
}

static int body_search(struct err *e)
{
  struct search_query q = {.text = span_of("alpha gamma", 11),
                           .collection = span_of("c", 1),
                           .limit = 10};
  int n = 0;
  int rc = station_search(h.st, &q, count_hit, &n, e);
  EXPECT(rc < 0 || n == 1);
  return rc;
}

static int body_get(struct err *e)
{
  struct entry en = {0};
  int rc = station_get(h.st, &note, &en, e);
  EXPECT(rc < 0 || cid_equal(&en.cid, &note));
  entry_free(&en);
  return rc;
}

static int body_page(struct err *e)
{
  struct page page = {0};
  struct page_query q = {.collection = span_of("c", 1), .max = 10};
  int n = 0;
  int rc = station_page(h.st, &q, &page, count_entry, &n, e);
  EXPECT(rc < 0 || n == 2);
  return rc;
}

static int body_lists(struct err *e)
{
  struct version_query v = {span_of("c", 1), span_of("k", 1), NULL};
  struct buf out = {0};
  struct station_stats stats;
  uint8_t key[CRYPT_KEY_SIZE];
  int n = 0, rc = did_parse(key, station_did(h.st), CRYPT_DID_SIZE, e);
  v.author = key;
  if (rc == 0 && (rc = station_versions(h.st, &v, count_entry, &n, e)) == 0 &&
      (rc = station_about(h.st, &note, count_entry, &n, e)) == 0 &&
      (rc = station_follows(h.st, &out, e)) == 0 &&
      (rc = station_collections(h.st, span_of(NULL, 0), SIZE_MAX, &out, e)) ==
          0 &&
      (rc = station_stats(h.st, &stats, e)) == 0) {
    EXPECT_INT(n, 1);
    EXPECT_INT(stats.collections, 2);
    rc = station_missing(h.st, shelf_count_missing, &n, e);
  }
  buf_free(&out);
  return rc;
}

static int body_follow(struct err *e)
{
  int rc = station_follow(h.st, span_of("x/*", 3), 1, e);
  if (rc == 0) {
    rc = station_unfollow(h.st, span_of("x/*", 3), e);
  }
  return rc;
}

static int body_reader(struct err *e)
{
  struct reader *r = NULL;
  struct span part = {NULL, 0};
  uint64_t n = 0;
  int rc = reader_new(&r, h.st, &image, e);
  do {
    rc = rc < 0 ? rc : reader_next(r, SIZE_MAX, &part, e);
    n += rc == 0 ? part.n : 0;
  } while (rc == 0 && part.n > 0);
  EXPECT(rc < 0 || n == 1100000);
  reader_del(r);
  return rc;
}

static int body_lacks(struct err *e)
{
  struct lacks_options opt = {0};
  struct job *j = NULL;
  return run(&j, station_lacks(&j, h.st, home_file(&h, "ask.slip"), &opt, e),
             e);
}

static int body_slip_text(struct err *e)
{
  struct slip_options opt = {.files = -1};
  struct slip_report r;
  struct buf text = {0};
  int rc = station_slip_text(h.st, &opt, &text, &r, e);
  if (rc == 0) {
    buf_clear(&text);
    rc = station_slip_short(h.st, &opt, &text, &r, e);
  }
  buf_free(&text);
  return rc;
}

static int body_unpack_later(struct err *e)
{
  return unpack_from("later.car", e);
}

static int body_label(struct err *e)
{
  struct made m = {.type = "label", .about = &lesson, .value = "good"};
  return publish_n(&m, 1, e);
}

static int body_version(struct err *e)
{
  struct made m = {.n = 200, .key = "k", .title = "newer"};
  return publish_n(&m, 1, e);
}

static int body_index(struct err *e)
{
  struct job *j = NULL;
  return run(&j, station_index(&j, h.st, e), e);
}

static int body_export_whole(struct err *e)
{
  struct job *j = NULL;
  (void)unlink(home_file(&h, "b2.bin"));
  return run(&j, files_export(&j, h.st, &image, h.dir, span_of("b2.bin", 6), e),
             e);
}

static int body_seek(struct err *e)
{
  struct reader *r = NULL;
  struct span part = {NULL, 0};
  int rc = reader_new(&r, h.st, &image, e);
  if (rc == 0 && (rc = reader_seek(r, 1050000, e)) == 0) {
    rc = reader_next(r, SIZE_MAX, &part, e);
    EXPECT(rc < 0 || part.n > 0);
  }
  reader_del(r);
  return rc;
}

static int body_block(struct err *e)
{
  struct buf b = {0};
  int rc = station_block(h.st, &lesson, &b, e);
  EXPECT(rc < 0 || b.n > 0);
  buf_free(&b);
  return rc;
}

static int body_missing(struct err *e)
{
  int n = 0;
  int rc = station_missing(h.st, shelf_count_missing, &n, e);
  EXPECT(rc < 0 || n == 0);
  return rc;
}

static int body_readonly(struct err *e)
{
  station_close(h.st);
  int rc = home_try(&h, true, e);
  if (rc == 0) {
    rc = body_get(e);
  }
  station_close(h.st);
  h.st = NULL;
  return rc;
}

static int body_make(struct err *e)
{
  struct station_options opt = {.create = true};
  struct station *st = NULL;
  static const char *const all[] = {"new", "new.key", "new-wal", "new-lock"};
  for (size_t i = 0; i < 4; i++) {
    (void)unlink(home_file(&h, all[i]));
  }
  int rc = station_open(&st, home_file(&h, "new"), &opt, e);
  station_close(st);
  return rc;
}

/* What is in the world's folder, saved into a station of its own. */
static int body_salvage(struct err *e)
{
  uint64_t saved = 0, lost = 0;
  int rc = station_salvage(h.st, home_file(&h, "far/s"), &saved, &lost, e);
  bool read = (fault.kinds & FAULT_READ) == 0; /* else that is passed over */
  EXPECT(rc < 0 || !read || (saved > 5 && lost == 0));
  return rc;
}

/* A session with the other station. Its end fails too, as it may. */
static int meet_asking(shelf_link_policy *policy, struct err *e)
{
  struct link_pair p = {.size = 65536, .seed = 1, .policy = policy};
  struct link_status s[2];
  *e = (struct err){0};
  int rc = home_try(&far, false, e);
  if (rc == 0 && (rc = link_pair_try(&p, &h, &far, e)) == 0) {
    bool done = link_pair_run(&p);
    link_status(p.link[0], &s[0]);
    link_status(p.link[1], &s[1]);
    rc = done ? 0 : p.rc < 0 ? p.rc : ERR_CLOSED;
    if (rc < 0) {
      *e = p.e;
      e->code = rc;
    }
  }
  link_pair_end(&p);
  if (rc == 0 && p.rc < 0) {
    rc = p.rc;
    (void)err_set(e, rc, "at the session's end");
  }
  if (rc == 0) { /* what was told as done is */
    unsigned kinds = fault.kinds;
    fault.kinds = 0;
    EXPECT(home_has(&h, &raw_record));
    fault.kinds = kinds;
  }
  station_close(far.st);
  far.st = NULL;
  return rc;
}

static int meet(struct err *e)
{
  return meet_asking(NULL, e);
}

static int body_first_sync(struct err *e)
{
  return meet(e);
}

/* The second session brings only what was published since. */
static int body_delta_sync(struct err *e)
{
  unsigned kinds = fault.kinds;
  struct made m = {.n = 300, .title = "since then"};
  fault.kinds = 0;
  if (!home_has(&h, &raw_record)) {
    NEED(meet(e) == 0);
    (void)home_publish(&h, "c", &m, -1);
  }
  fault.kinds = kinds;
  return meet(e);
}

/* A station that was killed: its WAL is still there. */
static int body_open_killed(struct err *e)
{
  struct buf b = {0};
  unsigned kinds = fault.kinds;
  fault.kinds = 0;
  struct made m = {.n = 400, .title = "the last words"};
  (void)home_publish(&h, "c", &m, -1);
  static const char *const part[] = {"s", "s-wal", "s.key"};
  static const char *const copy[] = {"k", "k-wal", "k.key"};
  for (size_t i = 0; i < 3; i++) {
    shelf_read(home_file(&h, part[i]), &b);
    shelf_write(home_file(&h, copy[i]), buf_span(&b));
    NEED(chmod(home_file(&h, copy[i]), 0600) == 0);
  }
  buf_free(&b);
  fault.kinds = kinds;
  struct station_options opt = {0};
  struct station *st = NULL;
  int rc = station_open(&st, home_file(&h, "k"), &opt, e);
  station_close(st);
  return rc;
}

#endif
