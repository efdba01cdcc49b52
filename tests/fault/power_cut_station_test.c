/* SPDX-License-Identifier: 0BSD */
/* The power is cut at every moment of a station's day: it is made, publishes,
 * withdraws, takes a carry file in, writes one, meets another in a session,
 * sweeps and is rebuilt. What was acknowledged is there after, a carry file
 * that has its name is whole, and what is derived is what a rebuild derives.
 *
 * A bug that was planted, and caught: sessions whose group is left open when
 * they end (station_settle). */
#include "cut_check.h"

#include "unit/link_pair.h"

enum step {
  MADE,
  PUBLISHED,
  PUBLISHED_MANY,
  LISTED_A_FILE,
  WITHDREW,
  UNPACKED,
  PACKED,
  MET,
  REBUILT,
  SWEPT,
  STEPS
};

#define MANY 10
#define FILE_BYTES 30000

static struct home h = {.dir = "/cut", .now = SHELF_NOW};
static struct home other = {.dir = "/cut/o", .now = SHELF_NOW};
static char did[CRYPT_DID_MAX];
static struct cid first, many[MANY], lesson, withdrawal, image;
static struct cid carried, carried_file, told, told_file;
static struct disk_file car;
static uint64_t looks, every = 8; /* of so many states one is checked whole */

/* ---- the day ---- */

/* Of a file on the system's disk: that is not what is cut here. */
static struct cid add_file(struct home *to, uint64_t seed)
{
  char path[] = "/tmp/power_cut.XXXXXX";
  struct buf bytes = {0};
  struct err e = {0};
  struct job *j = NULL;
  int fd = mkstemp(path);
  NEED(fd >= 0);
  shelf_noise(&bytes, FILE_BYTES, seed);
  NEED(write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n);
  (void)close(fd);
  buf_free(&bytes);
  NEED(files_add(&j, to->st, path, FILE_CUT_FIXED, &e) == 0);
  NEED(run_job(j, &e) == 0);
  struct cid link = j->result.link;
  job_del(j);
  (void)unlink(path);
  return link;
}

static struct cid publish_file(struct home *to, int n, const char *collection,
                               struct cid *file)
{
  *file = add_file(to, (uint64_t)n);
  struct made m = {.n = n, .title = "with a file", .files = 1, .file = file};
  m.size = FILE_BYTES;
  return home_publish(to, collection, &m, -1);
}

static void publish_many(void)
{
  struct publisher *p = NULL;
  struct buf b = {0};
  struct err e = {0};
  uint64_t committed = 0;
  NEED(publisher_new(&p, h.st, span_of("c", 1), -1, &e) == 0);
  for (int i = 0; i < MANY; i++) {
    struct made m = {.n = 100 + i, .text = "words of it"};
    made_block(&b, &m);
    NEED(publisher_add(p, buf_span(&b), &many[i], &e) == 0);
  }
  NEED(publisher_commit(p, &committed, &e) == 0 && committed == MANY);
  publisher_del(p);
  buf_free(&b);
}

static void meet(void)
{
  struct link_pair p = {.size = 65536, .seed = 1};
  struct link_status s[2];
  link_follow(&h, "*", INT64_MAX);
  NEED(link_pair_sync(&p, &h, &other, s));
  EXPECT(s[0].added > 0 && s[0].files > 0);
}

static void sweep(void)
{
  struct job *j = NULL;
  struct err e = {0};
  NEED(station_sweep(&j, h.st, &e) == 0);
  NEED(run_values(j, NULL, NULL, &e) == 0);
}

static void prepare_other(void)
{
  home_open(&other);
  carried = publish_file(&other, 1, "far", &carried_file);
  home_pack(&other, "/cut/in.car", NULL);
  told = publish_file(&other, 2, "far", &told_file);
}

static void live(void)
{
  struct made m = {.n = 3, .title = "to be taken back"};
  home_open(&h);
  memcpy(did, station_did(h.st), sizeof did);
  acked();
  first = home_publish(&h, "c", &m, -1);
  acked();
  publish_many();
  acked();
  lesson = publish_file(&h, 4, "c", &image);
  acked();
  m = (struct made){.type = "withdraw", .about = &first};
  withdrawal = home_publish(&h, "c", &m, -1);
  acked();
  NEED(home_unpack(&h, "/cut/in.car").rc == 0);
  acked();
  home_pack(&h, "/cut/out.car", NULL);
  acked();
  meet();
  acked();
  home_rebuild(&h);
  acked();
  sweep();
  acked();
  NEED(acks == STEPS);
  station_close(h.st);
  h.st = NULL;
}

/* ---- what is left ---- */

static bool here(const struct cid *id)
{
  struct buf b = {0};
  struct entry en = {0};
  int rc = station_get(h.st, id, &en, &cut_err);
  bool good = rc == 0 && cid_verify(id, en.block.p, en.block.n) == 0;
  entry_free(&en);
  buf_free(&b);
  return good;
}

static bool whole_file(const struct cid *root)
{
  struct reader *r = NULL;
  struct span part = {NULL, 0};
  uint64_t n = 0;
  int rc = reader_new(&r, h.st, root, &cut_err);
  do {
    rc = rc < 0 ? rc : reader_next(r, SIZE_MAX, &part, &cut_err);
    n += rc == 0 ? part.n : 0;
  } while (rc == 0 && part.n > 0);
  reader_del(r);
  return rc == 0 && n == FILE_BYTES;
}

static int how_many(void)
{
  int n = 0;
  for (int i = 0; i < MANY; i++) {
    n += here(&many[i]);
  }
  return n;
}

static bool is_done(enum step s)
{
  switch (s) {
  case MADE:
    return strcmp(station_did(h.st), did) == 0;
  case PUBLISHED:
    return here(&first) || here(&withdrawal);
  case PUBLISHED_MANY:
    return how_many() == MANY;
  case LISTED_A_FILE:
    return here(&lesson) && whole_file(&image);
  case WITHDREW:
    return here(&withdrawal) && !here(&first);
  case UNPACKED:
    return here(&carried) && whole_file(&carried_file);
  case PACKED:
    return disk_find(&disk, "out.car") >= 0;
  case MET:
    return here(&told) && whole_file(&told_file);
  case REBUILT:
  case SWEPT:
  case STEPS:
    break;
  }
  return true;
}

static bool fault(const char *what)
{
  (void)err_set(&cut_err, ERR_CORRUPT, "%s", what);
  return false;
}

static bool is_sound(void)
{
  struct job *j = NULL;
  int n = how_many(), out = disk_find(&disk, "out.car");
  const struct disk_file *f = out >= 0 ? &disk.file[out] : &car;
  int64_t bad = 0;
  static const char *const names[] = {"bad", NULL};
  if (n != 0 && n != MANY) {
    return fault("some records of one parcel");
  }
  if (f->n != car.n || memcmp(f->p, car.p, car.n) != 0) {
    return fault("the carry file is not whole");
  }
  if (looks++ % every != 0) {
    return true;
  }
  NEED(station_verify(&j, h.st, true, &cut_err) == 0);
  if (run_values(j, names, &bad, &cut_err) < 0 || bad > 0) {
    return fault("verify finds bad blocks");
  }
  (void)home_missing(&h); /* settles notes that the cut came before */
  return home_sound(&h) || fault("a rebuild derives something else");
}

static int see_station(void)
{
  int done = 0;
  if (home_try(&h, false, &cut_err) < 0) {
    return -1;
  }
  while (done < STEPS && is_done((enum step)done)) {
    done++;
  }
  bool sound = is_sound();
  station_close(h.st);
  h.st = NULL;
  return sound ? done : -1;
}

static void test_station(void)
{
  static struct disk base;
  prepare_other();
  record_start(&base);
  live();
  disk_recording = false;
  station_close(other.st);
  int file = disk_find(&disk, "out.car");
  NEED(file >= 0);
  disk_put(&car, 0, disk.file[file].p, disk.file[file].n);
  struct tally t = cut_everywhere(&base, see_station, states_wanted);
  expect_none_lost("station", &t);
  EXPECT(t.distinct > 500);
  disk_free(&base);
  free(car.p);
}

int main(void)
{
  cut_begin(4000);
  NEED(crypt_start(&cut_err) == 0);
  RUN(test_station);
  cut_stop();
  return unit_done();
}
