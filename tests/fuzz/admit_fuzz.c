/* SPDX-License-Identifier: 0BSD */
/* The one door: a carry file of strangers' parcels, records and blocks, taken
 * in by a station. Signatures and hashes are right, so that everything comes
 * to where it is judged by what it says. The first byte says:
 *   bit 0      the policy is asked, and drops every third
 *   bit 1      afterwards all is derived again, and has to be the same
 *   bit 2      the same file comes again, and brings nothing
 *   bit 3      what nothing lists is kept
 * Then pieces: kind (1 byte), length (2, big endian), body:
 *   0  a parcel: author, collection, time (2 bytes), then the numbers of the
 *      pieces that it lists
 *   1  a record, as it stands there
 *   2  a record of few parts: see put_made
 *   3  a block of a file
 *   4  bytes between the sections
 *   5  a parcel that was damaged after it was signed; as 0 */
#include "fuzz/demand.h"
#include "fuzz/pieces.h"
#include "station_shelf.h"

#define KINDS 6

PIECES_MUTATOR(1, 1)

static struct home home;
static struct buf fresh; /* the bytes of an empty station */
static struct pieces in;
static struct cid cid[PIECES_MAX]; /* of each piece that is a block */

static void leave(void)
{
  home_end(&home);
}

/* A station without anything: made once, copied for each run. */
static void set_up(void)
{
  if (fresh.n == 0) {
    home_new(&home);
    (void)atexit(leave);
    station_close(home.st);
    home.st = NULL;
    shelf_read(home_file(&home, "s"), &fresh);
  } else {
    (void)unlink(home_file(&home, "s-wal"));
    (void)unlink(home_file(&home, "s-files"));
    shelf_write(home_file(&home, "s"), buf_span(&fresh));
  }
  home_open(&home);
}

static const struct cid *named(uint8_t piece)
{
  return &cid[piece % in.n];
}

/* A withdrawal of a withdrawal stands or not by which of them came first, if
 * the first was missing: what is derived again differs then (README.md). */
static bool withdraws_withdrawal(struct span s)
{
  struct piece *about = s.n > 2 && s.p[2] != 0 ? &in.at[s.p[2] % in.n] : NULL;
  return about != NULL && s.p[0] % 6 == 2 && about->head[0] % KINDS == 2 &&
         about->n > 0 && about->body[0] % 6 == 2;
}

/* Type, key, about (a piece), files (a piece), then title and text. */
static void put_made(struct buf *b, struct span s)
{
  static const char *const types[] = {"note",    "label",    "withdraw",
                                      "profile", "forecast", "evidence"};
  static const char *const keys[] = {NULL, "a", "b", "long/key"};
  uint8_t how[4] = {0};
  char text[64] = "";
  memcpy(how, s.p, s.n < 4 ? s.n : 4);
  for (size_t i = 4; i < s.n && i < 4 + sizeof text - 1; i++) {
    text[i - 4] = (char)('a' + s.p[i] % 26);
  }
  struct made m = {.type = types[how[0] % 6],
                   .n = how[0],
                   .key = keys[how[1] % 4],
                   .about = how[2] != 0 ? named(how[2]) : NULL,
                   .negated = (how[1] & 64) != 0,
                   .value = (how[0] & 64) != 0 ? "good" : NULL,
                   .title = text[0] != '\0' ? text : NULL,
                   .text = (how[1] & 16) != 0 ? text : NULL,
                   .files = how[3] != 0 ? 1 : 0,
                   .file = named(how[3]),
                   .size = how[3]};
  made_block(b, &m);
}

static void put_parcel(struct crate *c, size_t i, struct span s, bool damaged)
{
  static const char *const names[] = {"c", "edu/a", "edu/b", "news"};
  struct cid list[PIECES_MAX];
  size_t n = 0, was = c->car.n;
  for (size_t k = 4; k < s.n && n < PARCEL_RECORDS_MAX; k++) {
    struct cid one = *named(s.p[k]);
    bool twice = cid_codec(&one) != CID_DAG_CBOR;
    for (size_t j = 0; j < n; j++) {
      twice = twice || cid_equal(&one, &list[j]);
    }
    list[n] = one;
    n += !twice;
  }
  if (s.n < 4 || n == 0) {
    return;
  }
  int64_t time = SHELF_NOW - 32768 + ((int64_t)s.p[2] << 8 | s.p[3]);
  time += s.p[1] >= 224 ? 1000000 : 0; /* from the future */
  cid[i] = crate_parcel(c, s.p[0] % 4 + 1, names[s.p[1] % 4], time, list, n);
  if (damaged) {
    c->car.p[was + 60 + s.p[0] % 100] ^= 1;
  }
}

/* Blocks have their names before the pieces that speak of them. */
static void name_blocks(struct buf *made)
{
  for (size_t i = 0; i < in.n; i++) {
    cid_make(&cid[i], CID_DAG_CBOR,
             (const uint8_t *)"not here, and nowhere; "
                              "somewhere else");
  }
  for (size_t i = 0; i < in.n; i++) {
    struct span s = span_of(in.at[i].body, in.at[i].n);
    int kind = in.at[i].head[0] % KINDS;
    buf_clear(&made[i]);
    if (kind == 2) {
      put_made(&made[i], s);
    } else if (kind == 1 || kind == 3) {
      NEED(buf_put(&made[i], s.p, s.n) == 0);
    }
    if (kind >= 1 && kind <= 3) {
      NEED(cid_of(&cid[i], kind == 3 ? CID_RAW : CID_DAG_CBOR, made[i].p,
                  made[i].n) == 0);
    }
  }
}

/* Is all of it such that order does not matter? */
static bool load(struct crate *c)
{
  bool ordered = false;
  static struct buf made[PIECES_MAX];
  crate_start(c);
  name_blocks(made);
  for (size_t i = 0; i < in.n; i++) {
    struct span s = span_of(in.at[i].body, in.at[i].n);
    int kind = in.at[i].head[0] % KINDS;
    if (kind == 0 || kind == 5) {
      put_parcel(c, i, s, kind == 5);
    } else if (kind == 4) {
      NEED(buf_put(&c->car, s.p, s.n) == 0);
    } else {
      ordered = ordered || (kind == 2 && withdraws_withdrawal(s));
      NEED(car_put_section(&c->car, &cid[i], buf_span(&made[i])) == 0);
    }
  }
  return !ordered;
}

static enum job_verdict drop_some(void *ud, const struct job *j)
{
  (void)ud;
  return j->ask_cid.b[10] % 3 == 0 ? JOB_DROP : JOB_KEEP;
}

/* Every block that is here hashes to its name, and nothing is amiss. */
static void check_whole(void)
{
  struct job *j = NULL;
  struct err e = {0};
  NEED(station_verify(&j, home.st, true, &e) == 0);
  demand(run_job(j, &e) == 0);
  demand(!j->result.has_faults || j->result.fault_count == 0);
  job_del(j);
}

/* All that counts came the first time. */
static void again(const char *path, const struct unpack_options *opt)
{
  struct unpacked u = home_unpack_asking(&home, path, opt, drop_some, NULL);
  demand(u.rc == 0 && u.added == 0 && u.parcels == 0 && u.withdrawn == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct crate c;
  struct unpack_options opt = {0};
  if (size == 0 || size > 30000) {
    return 0;
  }
  pieces_read(&in, (struct pieces_shape){1, 1}, data, size);
  if (in.n == 0) {
    return 0;
  }
  set_up();
  bool same = load(&c);
  const char *path = home_file(&home, "in.car");
  shelf_write(path, buf_span(&c.car));
  buf_free(&c.car);
  station_set_policy(home.st, (data[0] & 1) != 0);
  opt.keep = (data[0] & 8) != 0;
  struct unpacked u = home_unpack_asking(&home, path, &opt, drop_some, NULL);
  demand(u.rc == 0 || (u.e.text[0] != '\0' && u.rc == u.e.code));
  check_whole();
  if (u.rc == 0 && (data[0] & 4) != 0) {
    again(path, &opt);
  }
  if (same && (data[0] & 2) != 0) {
    demand(home_sound(&home));
    check_whole();
  }
  station_close(home.st);
  home.st = NULL;
  return 0;
}
