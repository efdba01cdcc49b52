/* SPDX-License-Identifier: 0BSD */
/* Slips tell what a station has, by handles or by sketches, in files, QR codes
 * and SMS; what is packed for them is exactly what their authors lack, and
 * never less. */
#include "station_shelf.h"
#include "sync/sketch.h"
#include "sync/slip.h"
#include "sync/slip_text.h"

static struct home a, b;
static struct err err;

#define MANY 1200 /* parcels: more than a sketch takes room for */

static void parcels(struct home *h, const char *collection, int from, int n)
{
  for (int i = 0; i < n; i++) {
    struct made m = {.n = from + i};
    (void)home_publish(h, collection, &m, SHELF_NOW + from + i);
  }
}

static void both(void)
{
  home_new(&a);
  home_new(&b);
}

static void neither(void)
{
  home_end(&a);
  home_end(&b);
}

static struct slip_report slip_as(struct home *h,
                                  const struct slip_options *how)
{
  static const struct slip_options plain = {.files = -1};
  struct slip_report r = {0};
  int rc = station_slip(h->st, home_file(h, "x.slip"),
                        how != NULL ? how : &plain, &r, &err);
  if (rc < 0) {
    printf("  slip: %s\n", err.text);
  }
  NEED(rc == 0);
  return r;
}

struct lacked {
  int64_t parcels, records, wanted, theirs, whole;
  uint8_t sha256[32];
};

static int try_lacks(struct home *h, const char *slip, struct lacked *out)
{
  struct lacks_options opt = {0};
  struct job *j = NULL;
  int rc = station_lacks(&j, h->st, slip, &opt, &err);
  if (rc == 0 && (rc = run_job(j, &err)) == 0) {
    out->parcels = job_value(j, "parcels");
    out->records = job_value(j, "records");
    out->wanted = job_value(j, "wanted");
    out->theirs = job_value(j, "theirs");
    out->whole = job_value(j, "whole");
    memcpy(out->sha256, j->result.sha256, sizeof out->sha256);
  }
  job_del(j);
  return rc;
}

static struct lacked lacks(struct home *h, const char *slip)
{
  struct lacked l = {0};
  int rc = try_lacks(h, slip, &l);
  if (rc < 0) {
    printf("  lacks: %s\n", err.text);
  }
  NEED(rc == 0);
  return l;
}

/* What ${from} packs for the slip of ${to}, and what that brings. */
static struct unpacked carry_by(struct home *from, struct home *to,
                                const char *slip, int64_t *packed)
{
  static const char *const names[] = {"parcels", "lacking", NULL};
  struct pack_options opt = {.files = -1, .slip = slip};
  struct job *j = NULL;
  int64_t got[2] = {0};
  (void)unlink(home_file(from, "x.car"));
  NEED(station_pack(&j, from->st, home_file(from, "x.car"), &opt, &err) == 0);
  NEED(run_values(j, names, got, &err) == 0);
  EXPECT_INT(got[0], got[1]);
  *packed = got[0];
  return home_unpack(to, home_file(from, "x.car"));
}

/* ---- by sketches ---- */

/* Common parcels, some that only one side has; there and back. */
static void test_exactly_the_lack(void)
{
  int64_t packed = 0;
  both();
  parcels(&a, "big", 0, MANY);
  NEED(shelf_carry(&a, &b).rc == 0);
  parcels(&a, "big", MANY, 40);
  parcels(&b, "big", 2 * MANY, 25);
  parcels(&a, "small", 5000, 5);
  parcels(&a, "new", 6000, 3);
  struct slip_report r = slip_as(&b, NULL);
  EXPECT(r.sketches == 1 && r.left_out == 0 && r.wishes == 1);
  EXPECT_INT(r.parcels, MANY + 25);
  EXPECT(r.bytes < (MANY + 25) * SLIP_HANDLE_SIZE);
  struct lacked l = lacks(&a, home_file(&b, "x.slip"));
  EXPECT_INT(l.parcels, 48);
  EXPECT_INT(l.theirs, 25);
  EXPECT_INT(l.whole, 0);
  struct unpacked u = carry_by(&a, &b, home_file(&b, "x.slip"), &packed);
  EXPECT_INT(packed, 48);
  EXPECT(u.rc == 0 && u.parcels == 48 && u.known == 0);
  /* The next slip is the receipt. */
  (void)slip_as(&b, NULL);
  l = lacks(&a, home_file(&b, "x.slip"));
  EXPECT(l.parcels == 0 && l.theirs == 25 && l.whole == 0);
  (void)slip_as(&a, NULL);
  u = carry_by(&b, &a, home_file(&a, "x.slip"), &packed);
  EXPECT(u.rc == 0 && u.parcels == 25 && packed == 25);
  (void)slip_as(&a, NULL);
  l = lacks(&b, home_file(&a, "x.slip"));
  EXPECT(l.parcels == 0 && l.theirs == 0);
  neither();
}

/* The same by every way to tell it. */
static void test_every_way(void)
{
  static const struct slip_options how[] = {
      {.files = -1, .exact = true},
      {.files = -1, .expect = 100},
      {.files = -1, .expect = 5000},
      {.files = -1, .max = 2858},
      {.files = -1, .max = 1700}, /* 1,500 are too few for 1 key in 100 */
      {.files = -1, .exact = true, .max = SLIP_SIZE_MAX}};
  both();
  parcels(&a, "big", 0, MANY);
  NEED(shelf_carry(&a, &b).rc == 0);
  parcels(&a, "big", MANY, 30);
  parcels(&b, "big", 2 * MANY, 20);
  for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
    struct slip_report r = slip_as(&b, &how[i]);
    EXPECT(how[i].max == 0 || r.bytes <= how[i].max);
    EXPECT_INT(r.sketches, !how[i].exact && how[i].expect < 1000);
    struct lacked l = lacks(&a, home_file(&b, "x.slip"));
    EXPECT_INT(l.parcels, 30);
    EXPECT_INT(l.theirs, r.sketches ? 20 : 0);
    EXPECT_INT(l.whole, 0);
  }
  neither();
}

/* More differs than the sketch tells: all goes, the newest first. */
static void test_too_little_told(void)
{
  struct slip_options few = {.files = -1, .expect = 20};
  int64_t packed = 0;
  both();
  parcels(&a, "big", 0, MANY);
  NEED(shelf_carry(&a, &b).rc == 0);
  parcels(&a, "big", MANY, 300);
  EXPECT_INT(slip_as(&b, &few).sketches, 1);
  struct lacked l = lacks(&a, home_file(&b, "x.slip"));
  EXPECT_INT(l.whole, 1);
  EXPECT_INT(l.parcels, MANY + 300);
  struct unpacked u = carry_by(&a, &b, home_file(&b, "x.slip"), &packed);
  EXPECT(u.rc == 0 && u.parcels == 300);
  EXPECT_INT(packed, MANY + 300);
  neither();
}

/* A slip of ours with one set, made up. */
static void write_set(const struct slip_set *set, const char *pattern)
{
  uint8_t seed[CRYPT_SEED_SIZE] = {9}, salt[SLIP_SALT_SIZE] = {1};
  struct identity *id = NULL;
  struct slip_writer w = {0};
  struct slip_wish wish = {.collection = span_of(pattern, strlen(pattern))};
  struct buf out = {0};
  NEED(identity_from_seed(&id, seed, &err) == 0);
  NEED(slip_add(&w, &wish, &err) == 0);
  NEED(slip_add_set(&w, set, &err) == 0);
  NEED(slip_finish(&w, &out, id, salt, SHELF_NOW, 0, &err) == 0);
  shelf_write(home_file(&a, "made.slip"), buf_span(&out));
  slip_writer_free(&w);
  identity_del(id);
  buf_free(&out);
}

/* Whatever a slip claims, too much goes rather than too little. */
static void test_made_up(void)
{
  static struct sketch empty;
  uint8_t digest[HASH_SIZE] = {1};
  struct buf part = {0};
  home_new(&a);
  parcels(&a, "big", 0, MANY);
  NEED(sketch_part_put(&part, &empty, 0, 100, SKETCH_SYNDROMES) == 0);
  struct slip_set set = {span_of("big", 3), MANY, digest, buf_span(&part)};
  /* Cells of an empty set, the count of ours, a digest of nothing. */
  write_set(&set, "*");
  struct lacked l = lacks(&a, home_file(&a, "made.slip"));
  EXPECT(l.whole == 1 && l.parcels == MANY);
  /* Our very sketch, another digest: nobody who has this set. */
  (void)slip_as(&a, NULL);
  struct buf file = {0};
  struct slip s;
  struct slip_walk it = {0};
  shelf_read(home_file(&a, "x.slip"), &file);
  NEED(slip_read(&s, buf_span(&file), &err) == 0 &&
       slip_set_next(&s, &it, &set));
  set.digest = digest;
  write_set(&set, "*");
  l = lacks(&a, home_file(&a, "made.slip"));
  EXPECT(l.whole == 1 && l.parcels == MANY);
  /* Count and digest alone: equal, or all. */
  shelf_read(home_file(&a, "x.slip"), &file);
  memset(&it, 0, sizeof it);
  NEED(slip_read(&s, buf_span(&file), &err) == 0 &&
       slip_set_next(&s, &it, &set));
  set.sketch = span_of(NULL, 0);
  write_set(&set, "*");
  l = lacks(&a, home_file(&a, "made.slip"));
  EXPECT(l.whole == 0 && l.parcels == 0);
  set.count--;
  write_set(&set, "*");
  l = lacks(&a, home_file(&a, "made.slip"));
  EXPECT(l.whole == 1 && l.parcels == MANY);
  /* Not wished for: nothing of it goes, whatever its set says. */
  write_set(&set, "other/*");
  l = lacks(&a, home_file(&a, "made.slip"));
  EXPECT(l.whole == 0 && l.parcels == 0);
  buf_free(&part);
  buf_free(&file);
  home_end(&a);
}

/* ---- little room ---- */

static void test_little_room(void)
{
  enum { COLLECTIONS = 60 };
  char name[16];
  both();
  for (int i = 0; i < COLLECTIONS; i++) {
    (void)snprintf(name, sizeof name, "c/%02d", i);
    parcels(&a, name, 0, 20);
  }
  NEED(shelf_carry(&a, &b).rc == 0);
  for (size_t max = 600; max < 12000; max = max * 5 / 4) {
    struct slip_options how = {.files = -1, .max = max};
    struct slip_report r = slip_as(&b, &how);
    EXPECT(r.bytes <= max && r.bytes + 600 > (max < 10500 ? max : 0));
    EXPECT((r.left_out > 0) == (max < 10000));
    EXPECT(r.left_out == 0 || r.wishes + r.left_out == COLLECTIONS);
    struct lacked l = lacks(&a, home_file(&b, "x.slip"));
    EXPECT(l.parcels == 0 && l.whole == 0);
  }
  struct slip_options none = {.files = -1, .max = 300};
  struct slip_report r;
  EXPECT_INT(station_slip(b.st, home_file(&b, "x.slip"), &none, &r, &err),
             ERR_LIMIT);
  /* The newest one is told where only one fits. */
  parcels(&a, "c/31", 100, 4);
  parcels(&b, "c/31", 200, 1);
  struct slip_options one = {.files = -1, .max = 500};
  r = slip_as(&b, &one);
  EXPECT_INT(r.wishes, 1);
  struct lacked l = lacks(&a, home_file(&b, "x.slip"));
  EXPECT(l.parcels == 4 && l.whole == 0);
  neither();
}

/* ---- as text ---- */

static void test_scan_text(void)
{
  struct slip_options how = {.files = -1, .max = 2858};
  struct slip_report r = {0};
  struct buf text = {0}, more = {0};
  both();
  parcels(&a, "big", 0, MANY);
  NEED(shelf_carry(&a, &b).rc == 0);
  parcels(&a, "big", MANY, 60);
  NEED(station_slip_text(b.st, &how, &text, &r, &err) == 0);
  EXPECT_INT(text.n, slip_scan_size(r.bytes));
  EXPECT(text.n <= 4296 && r.bytes > 2600);
  static const char *const around[][2] = {
      {"", ""}, {"QR-Code:", "\n"}, {"  \n", " \r\n"}};
  for (size_t i = 0; i < 3; i++) {
    buf_clear(&more);
    NEED(buf_put(&more, around[i][0], strlen(around[i][0])) == 0);
    NEED(buf_put(&more, text.p, text.n) == 0);
    NEED(buf_put(&more, around[i][1], strlen(around[i][1])) == 0);
    shelf_write(home_file(&a, "scan.txt"), buf_span(&more));
    EXPECT_INT(lacks(&a, home_file(&a, "scan.txt")).parcels, 60);
  }
  struct lacked l;
  for (size_t i = 0; i < text.n; i += 97) {
    uint8_t was = text.p[i];
    text.p[i] = was == 'A' ? 'B' : i % 2 ? 'A' : 'a';
    shelf_write(home_file(&a, "scan.txt"), buf_span(&text));
    int rc = try_lacks(&a, home_file(&a, "scan.txt"), &l);
    EXPECT(rc == ERR_INVALID || rc == ERR_SIG || rc == ERR_LIMIT);
    text.p[i] = was;
    shelf_write(home_file(&a, "scan.txt"), span_of(text.p, i));
    EXPECT_INT(try_lacks(&a, home_file(&a, "scan.txt"), &l), ERR_INVALID);
  }
  buf_free(&text);
  buf_free(&more);
  neither();
}

static void test_sms(void)
{
  struct slip_options how = {.files = -1};
  struct slip_report r = {0};
  struct buf lines = {0};
  struct lacked l;
  both();
  parcels(&a, "edu/physics", 0, 200);
  parcels(&a, "news", 0, 3);
  NEED(shelf_carry(&a, &b).rc == 0);
  parcels(&a, "edu/physics", 300, 5);
  parcels(&b, "edu/physics", 400, 4);
  NEED(station_slip_short(b.st, &how, &lines, &r, &err) == 0);
  EXPECT(r.wishes == 2 && r.left_out == 0 && r.parcels == 207);
  for (size_t i = 0, start = 0; i < lines.n; i++) {
    if (lines.p[i] == '\n') {
      EXPECT(i - start <= SLIP_SHORT_TEXT);
      EXPECT(memcmp(lines.p + start, "mhs1", 4) == 0);
      start = i + 1;
    }
  }
  shelf_write(home_file(&a, "sms"), buf_span(&lines));
  l = lacks(&a, home_file(&a, "sms"));
  EXPECT(l.parcels == 5 && l.theirs == 4 && l.whole == 0);
  struct slip_told told;
  NEED(station_read_slip(&told, home_file(&a, "sms"), &err) == 0);
  EXPECT(told.shorts && told.wishes == 2 && strlen(told.station) == 12);
  /* One more than nine: it says so, and all goes. */
  parcels(&a, "edu/physics", 500, 1);
  l = lacks(&a, home_file(&a, "sms"));
  EXPECT(l.whole == 1 && l.parcels == 206);
  for (size_t i = 0; i < 139; i++) { /* each letter of the first line */
    uint8_t was = lines.p[i];
    lines.p[i] = was == 'x' ? 'y' : 'x';
    shelf_write(home_file(&a, "sms"), buf_span(&lines));
    EXPECT_INT(try_lacks(&a, home_file(&a, "sms"), &l), ERR_INVALID);
    lines.p[i] = was;
  }
  buf_free(&lines);
  neither();
}

/* An SMS tells files in powers of two, and all or none exactly. */
static void test_sms_files(void)
{
  static const int64_t limit[] = {0, 1, 6, 1023, 1024, 10 << 20, INT64_MAX};
  static const uint8_t power[] = {0, 1, 2, 10, 10, 23, 63};
  home_new(&a);
  parcels(&a, "x", 0, 1);
  for (size_t i = 0; i < sizeof power; i++) {
    struct slip_options how = {.files = limit[i]};
    struct slip_report r;
    struct buf line = {0};
    struct slip_short s;
    size_t at = 0;
    NEED(station_slip_short(a.st, &how, &line, &r, &err) == 0);
    NEED(slip_short_next(&s, buf_span(&line), &at, &err) == 1);
    EXPECT_INT(s.files, power[i]);
    EXPECT_INT(slip_short_next(&s, buf_span(&line), &at, &err), 0);
    buf_free(&line);
  }
  home_end(&a);
}

/* The same parcels, the same name; others, another. */
static void test_sha256(void)
{
  struct lacked one, two;
  both();
  parcels(&a, "x", 0, 10);
  (void)slip_as(&b, NULL);
  one = lacks(&a, home_file(&b, "x.slip"));
  (void)slip_as(&b, NULL); /* another salt */
  two = lacks(&a, home_file(&b, "x.slip"));
  EXPECT(memcmp(one.sha256, two.sha256, 32) == 0 && one.parcels == 10);
  parcels(&a, "x", 10, 1);
  two = lacks(&a, home_file(&b, "x.slip"));
  EXPECT(memcmp(one.sha256, two.sha256, 32) != 0);
  neither();
}

int main(void)
{
  NEED(crypt_start(&err) == 0);
  RUN(test_exactly_the_lack);
  RUN(test_every_way);
  RUN(test_too_little_told);
  RUN(test_made_up);
  RUN(test_little_room);
  RUN(test_scan_text);
  RUN(test_sms);
  RUN(test_sms_files);
  RUN(test_sha256);
  return unit_done();
}
