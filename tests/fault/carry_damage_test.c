/* SPDX-License-Identifier: 0BSD */
/* A carry file with each of its bytes damaged in turn, cut at each length, with
 * sectors of zeros, with blocks in another order and twice, brought to a whole
 * station. What is lost is the block that was hit, and nothing else, and no
 * more than four times the file is hashed. The station has everything already,
 * so that it reads, hashes and looks up all of it and writes nothing: "known"
 * is then what survived. That fresh stations store just this,
 * tests/spec/damage_spec.lua shows on samples.
 *
 * A small file is damaged in each byte; one of 64 KiB in each 61st, or with
 * DAMAGE=all in each, too. */
#include "form/hash.h"

/* All that is hashed passes here. */
static uint64_t hashed;

int plain_sha256(uint8_t out[HASH_SIZE], const void *p, size_t n);
int plain_add(struct hash *h, const void *p, size_t n);

#define hash_sha256 plain_sha256
#define hash_add plain_add
#include "form/hash.c"
#undef hash_sha256
#undef hash_add

int hash_sha256(uint8_t out[HASH_SIZE], const void *p, size_t n)
{
  hashed += n;
  return plain_sha256(out, p, n);
}

int hash_add(struct hash *h, const void *p, size_t n)
{
  hashed += n;
  return plain_add(h, p, n);
}

#include "base/buf.h"
#include "form/car.h"
#include "form/cbor.h"
#include "station/station.h"

#include "unit.h"
#include "vector_file.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARCELS 2  /* few: half of the time goes into their signatures */
#define RECORDS 30 /* in each */
#define FILE_MAX 6000
#define HASHED_MAX 4 /* times the file */
#define SECTIONS_MAX 128

struct section {
  size_t start, end;
  bool manifest;
};

static char folder[64];
static size_t file_bytes, pad; /* of the file; of each record */
static size_t step;            /* each so-many-th byte is damaged */
static char car_path[128];
static struct station *from, *to;
static struct buf car; /* the good one */
static struct section section[SECTIONS_MAX];
static size_t sections, header_end;
static int64_t known_all;
static double most_hashed; /* times the file, of all journeys */

static int64_t still_clock(void *ud)
{
  (void)ud;
  return 1700000000;
}

static const char *in_folder(const char *name)
{
  static char path[128];
  int n = snprintf(path, sizeof path, "%s/%s", folder, name);
  NEED(n > 0 && (size_t)n < sizeof path);
  return path;
}

static struct station *open_station(const char *name)
{
  struct station_options opt = {
      .create = true, .index_later = true, .host = {.now = still_clock}};
  struct station *st = NULL;
  struct err e;
  int rc = station_open(&st, in_folder(name), &opt, &e);
  if (rc < 0) {
    printf("  %s\n", e.text);
  }
  NEED(rc == 0);
  return st;
}

/* Step to the end: 0 and the job's result, or the code. */
static int finish(struct job *j, struct err *e)
{
  int rc;
  do {
    rc = job_step(j, e);
  } while (rc == JOB_MORE);
  return rc;
}

static int64_t num(const struct job *j, const char *name)
{
  for (size_t i = 0; i < j->result.nums; i++) {
    if (strcmp(j->result.num[i].name, name) == 0) {
      return j->result.num[i].value;
    }
  }
  NEED(j == NULL); /* no number has this name */
  return -1;
}

/* ---- the carry file ---- */

static void put_text(struct buf *b, const char *key, const char *text)
{
  NEED(cbor_put_key(b, key) == 0);
  NEED(cbor_put_text(b, text, strlen(text)) == 0);
}

static void write_file(const char *path, struct span bytes)
{
  FILE *f = fopen(path, "wb");
  NEED(f != NULL);
  NEED(fwrite(bytes.p, 1, bytes.n, f) == bytes.n);
  NEED(fclose(f) == 0);
}

static struct cid add_file(void)
{
  uint8_t bytes[FILE_MAX];
  struct job *j = NULL;
  struct err e;
  for (size_t i = 0; i < file_bytes; i++) {
    bytes[i] = (uint8_t)(i * i % 251);
  }
  write_file(in_folder("book"), span_of(bytes, file_bytes));
  NEED(files_add(&j, from, in_folder("book"), FILE_CUT_FIXED, &e) == 0);
  NEED(finish(j, &e) == JOB_DONE);
  struct cid link = j->result.link;
  job_del(j);
  return link;
}

static void put_lesson(struct buf *b, int parcel, int i)
{
  char title[80];
  (void)snprintf(title, sizeof title, "lesson %d of book %d, page %d", i,
                 parcel, i * 7919 % 1009);
  NEED(cbor_put_map(b, pad > 0 ? 3 : 2) == 0);
  if (pad > 0) {
    uint8_t noise[2048];
    uint32_t x = (uint32_t)(parcel * RECORDS + i + 1) * 2654435761u;
    NEED(pad <= sizeof noise);
    for (size_t k = 0; k < pad; k++) {
      x = x * 1664525u + 1013904223u;
      noise[k] = (uint8_t)(x >> 24);
    }
    NEED(cbor_put_key(b, "pad") == 0);
    NEED(cbor_put_bytes(b, noise, pad) == 0);
  }
  put_text(b, "type", "lesson");
  put_text(b, "title", title);
}

static void put_book(struct buf *b, const struct cid *link)
{
  NEED(cbor_put_map(b, 2) == 0);
  put_text(b, "type", "book");
  NEED(cbor_put_key(b, "files") == 0);
  NEED(cbor_put_list(b, 1) == 0);
  NEED(cbor_put_map(b, 3) == 0);
  NEED(cbor_put_key(b, "data") == 0);
  NEED(cbor_put_link(b, link) == 0);
  put_text(b, "name", "book");
  NEED(cbor_put_key(b, "size") == 0);
  NEED(cbor_put_int(b, (int64_t)file_bytes) == 0);
}

/* The first parcel lists the file, too. */
static void publish(int parcel, const struct cid *link)
{
  struct publisher *p = NULL;
  struct buf b = {0};
  struct cid id;
  struct err e;
  uint64_t committed;
  NEED(publisher_new(&p, from, span_of("edu/damage", 10), 1600000000 + parcel,
                     &e) == 0);
  for (int i = 0; i < RECORDS; i++) {
    buf_clear(&b);
    if (parcel == 0 && i == 0) {
      put_book(&b, link);
    } else {
      put_lesson(&b, parcel, i);
    }
    NEED(publisher_add(p, buf_span(&b), &id, &e) == 0);
  }
  NEED(publisher_commit(p, &committed, &e) == 0);
  NEED(committed == RECORDS);
  publisher_del(p);
  buf_free(&b);
}

static void pack(void)
{
  struct pack_options opt = {.files = -1};
  struct job *j = NULL;
  struct err e;
  NEED(station_pack(&j, from, car_path, &opt, &e) == 0);
  NEED(finish(j, &e) == JOB_DONE);
  job_del(j);
  NEED(file_load(&car, car_path));
}

/* Where each section of the good file lies. */
static void map_sections(void)
{
  struct cid roots[CAR_ROOTS_MAX];
  size_t count;
  struct err e;
  int64_t taken = car_read_header(buf_span(&car), roots, &count, &e);
  NEED(taken > 0);
  header_end = (size_t)taken;
  for (size_t at = header_end; at < car.n; at = section[sections - 1].end) {
    struct car_section s;
    taken = car_read_section(span_of(car.p + at, car.n - at), &s, &e);
    NEED(taken > 0);
    NEED(sections < SECTIONS_MAX);
    struct section *out = &section[sections++];
    out->start = at;
    out->end = at + (size_t)taken;
    out->manifest = sections == 1;
  }
}

/* ---- the journey ---- */

struct journey {
  int rc;
  uint64_t hashed;
  int64_t known, bad, unlisted, added, missing;
};

static struct journey travel(void)
{
  struct journey out = {0};
  struct unpack_options opt = {0};
  struct job *j = NULL;
  struct err e;
  hashed = 0;
  if ((out.rc = station_unpack(&j, to, car_path, &opt, &e)) < 0) {
    return out;
  }
  out.rc = finish(j, &e);
  if (out.rc == JOB_DONE) {
    out.known = num(j, "known");
    out.bad = num(j, "bad");
    out.unlisted = num(j, "unlisted");
    out.added = num(j, "added");
    out.missing = num(j, "missing");
  }
  job_del(j);
  out.hashed = hashed;
  return out;
}

/* Of a file of ${n} bytes. */
static bool hashed_enough(const struct journey *j, size_t n)
{
  most_hashed = (double)j->hashed / (double)n > most_hashed
                    ? (double)j->hashed / (double)n
                    : most_hashed;
  return j->hashed <= HASHED_MAX * (uint64_t)n;
}

static const struct section *section_at(size_t at)
{
  for (size_t i = 0; i < sections; i++) {
    if (at < section[i].end) {
      return at < section[i].start ? NULL : &section[i];
    }
  }
  return NULL;
}

/* How many blocks may be lost when the byte at ${at} is damaged? */
static int64_t allowed(size_t at)
{
  const struct section *s = section_at(at);
  return s == NULL || s->manifest ? 0 : 1;
}

/* The file on the disk differs from ${car} in the byte at ${at}, by ${mask}. */
static void flip(size_t at, uint8_t mask)
{
  int fd = open(car_path, O_WRONLY | O_CLOEXEC);
  uint8_t byte = car.p[at] ^ mask;
  NEED(fd >= 0);
  NEED(pwrite(fd, &byte, 1, (off_t)at) == 1);
  struct journey j = travel();
  NEED(pwrite(fd, &car.p[at], 1, (off_t)at) == 1);
  (void)close(fd);
  int64_t lost = known_all - j.known;
  /* A flipped root of the header is nobody's loss: roots are not used. */
  bool noticed = j.bad + j.unlisted > 0 || at < header_end;
  if (j.rc != JOB_DONE || lost < 0 || lost > allowed(at) || !noticed ||
      j.bad > 2 || j.added != 0 || j.missing != 0 ||
      !hashed_enough(&j, car.n)) {
    printf("  byte %zu ^ %02x: code %d, lost %lld (may: %lld), bad %lld, "
           "unlisted %lld, added %lld, missing %lld\n",
           at, mask, j.rc, (long long)lost, (long long)allowed(at),
           (long long)j.bad, (long long)j.unlisted, (long long)j.added,
           (long long)j.missing);
    unit_faults++;
  }
}

static void test_whole(void)
{
  struct journey j = travel();
  EXPECT_INT(j.rc, JOB_DONE);
  known_all = j.known;
  /* Each parcel twice, each record, the file; the manifest is not kept. */
  EXPECT_INT(j.known, PARCELS * (2 + RECORDS) + 1);
  EXPECT_INT(j.bad + j.unlisted + j.added + j.missing, 0);
  EXPECT_INT(sections, j.known + 1);
}

static void test_every_byte(void)
{
  for (size_t at = 0; at < car.n; at += step) {
    flip(at, (uint8_t)(1u << at % 8));
  }
}

/* Length, CID version, codec, hash function and digest length of each. */
static void test_every_bit_of_heads(void)
{
  for (size_t i = 0; i < sections; i++) {
    for (size_t at = section[i].start; at < section[i].start + 6; at++) {
      for (unsigned bit = 0; bit < 8; bit++) {
        flip(at, (uint8_t)(1u << bit));
      }
    }
  }
}

/* What lies whole before the cut is taken. */
static void test_every_cut(void)
{
  size_t whole = sections;
  int64_t known = known_all;
  for (size_t n = car.n; n-- > 0;) {
    if (step > 1 && n % step != 0) {
      continue;
    }
    while (whole > 0 && section[whole - 1].end > n) {
      known -= !section[--whole].manifest;
    }
    NEED(truncate(car_path, (off_t)n) == 0);
    struct journey j = travel();
    bool edge = whole > 0 && section[whole - 1].end == n;
    bool good = whole > 0 ? j.rc == JOB_DONE && j.known == known &&
                                j.bad == (edge ? 0 : 1)
                          : j.rc == ERR_INVALID;
    if (!good || (n > 1000 && !hashed_enough(&j, n))) {
      printf("  cut at %zu: code %d, known %lld of %lld, bad %lld\n", n, j.rc,
             (long long)j.known, (long long)known, (long long)j.bad);
      unit_faults++;
    }
  }
  write_file(car_path, buf_span(&car));
}

/* Bring these bytes instead. */
static struct journey travel_with(struct span bytes)
{
  write_file(car_path, bytes);
  struct journey j = travel();
  write_file(car_path, buf_span(&car));
  return j;
}

/* Each sector of zeros costs the blocks that lie in it. */
static void test_every_sector(void)
{
  struct buf bytes = {0};
  for (size_t begin = 0; begin < car.n; begin += 512) {
    size_t stop = begin + 512 < car.n ? begin + 512 : car.n;
    int64_t may = 0;
    buf_clear(&bytes);
    NEED(buf_put(&bytes, car.p, car.n) == 0);
    memset(bytes.p + begin, 0, stop - begin);
    for (size_t i = 0; i < sections; i++) {
      may += !section[i].manifest && section[i].start < stop &&
             section[i].end > begin;
    }
    struct journey j = travel_with(buf_span(&bytes));
    if (j.rc != JOB_DONE || known_all - j.known > may || j.bad < 1 ||
        j.added + j.missing != 0 || !hashed_enough(&j, car.n)) {
      printf("  zeros from %zu: code %d, lost %lld (may: %lld), bad %lld, "
             "hashed %llu\n",
             begin, j.rc, (long long)(known_all - j.known), (long long)may,
             (long long)j.bad, (unsigned long long)j.hashed);
      unit_faults++;
    }
  }
  buf_free(&bytes);
}

static void put_section(struct buf *out, size_t i)
{
  NEED(buf_put(out, car.p + section[i].start,
               section[i].end - section[i].start) == 0);
}

/* All sections in order but for two, which change places: nothing is lost. */
static void test_every_swap(void)
{
  struct buf bytes = {0};
  for (size_t a = 0; a < sections; a++) {
    size_t b = (a * 31 + 7) % sections;
    for (int near = 0; near < 2; near++, b = (a + 1) % sections) {
      buf_clear(&bytes);
      NEED(buf_put(&bytes, car.p, header_end) == 0);
      for (size_t i = 0; i < sections; i++) {
        put_section(&bytes, i == a ? b : i == b ? a : i);
      }
      struct journey j = travel_with(buf_span(&bytes));
      if (j.rc != JOB_DONE || j.known != known_all || j.bad != 0 ||
          j.unlisted + j.added + j.missing != 0 || !hashed_enough(&j, car.n)) {
        printf("  %zu and %zu swapped: code %d, known %lld, bad %lld\n", a, b,
               j.rc, (long long)j.known, (long long)j.bad);
        unit_faults++;
      }
    }
  }
  buf_free(&bytes);
}

/* Each section twice in turn, next to itself and at the end. */
static void test_every_double(void)
{
  struct buf bytes = {0};
  for (size_t a = 0; a < 2 * sections; a++) {
    buf_clear(&bytes);
    NEED(buf_put(&bytes, car.p, header_end) == 0);
    for (size_t i = 0; i < sections; i++) {
      put_section(&bytes, i);
      if (a == i) {
        put_section(&bytes, i);
      }
    }
    if (a >= sections) {
      put_section(&bytes, a - sections);
    }
    struct journey j = travel_with(buf_span(&bytes));
    int64_t twice = !section[a % sections].manifest;
    if (j.rc != JOB_DONE || j.known != known_all + twice || j.bad != 0 ||
        j.unlisted + j.added + j.missing != 0 || !hashed_enough(&j, bytes.n)) {
      printf("  %zu twice: code %d, known %lld, bad %lld\n", a, j.rc,
             (long long)j.known, (long long)j.bad);
      unit_faults++;
    }
  }
  buf_free(&bytes);
}

/* Who writes false heads by the thousand, each of which claims all that
 * follows, makes nobody hash the square of the file. */
static void test_false_heads(void)
{
  struct buf bytes = {0};
  NEED(buf_put(&bytes, car.p, section[1].end) == 0);
  for (size_t i = 0; bytes.n < 4 * car.n; i++) {
    struct cid cid;
    uint8_t digest[32] = {(uint8_t)i, (uint8_t)(i >> 8)};
    uint8_t length[3];
    size_t claims = 4 * car.n - bytes.n;
    cid_make(&cid, i % 2 ? CID_RAW : CID_DAG_CBOR, digest);
    claims = claims < 0x1fffff ? claims : 0x1fffff;
    length[0] = (uint8_t)(claims | 0x80);
    length[1] = (uint8_t)(claims >> 7 | 0x80);
    length[2] = (uint8_t)(claims >> 14);
    NEED(buf_put(&bytes, length, sizeof length) == 0);
    NEED(buf_put(&bytes, cid.b, CID_SIZE) == 0);
  }
  NEED(buf_put(&bytes, car.p + section[1].end, car.n - section[1].end) == 0);
  struct journey j = travel_with(buf_span(&bytes));
  EXPECT_INT(j.rc, JOB_DONE);
  EXPECT(hashed_enough(&j, bytes.n));
  EXPECT(j.bad >= 1);
  EXPECT(j.known >= known_all - 1); /* one, until the way has earned it */
  buf_free(&bytes);
}

static int remove_one(const char *path, const struct stat *info, int kind,
                      struct FTW *at)
{
  (void)info;
  (void)kind;
  (void)at;
  return remove(path);
}

static void make(const char *from_name, const char *to_name)
{
  from = open_station(from_name);
  to = open_station(to_name);
  struct cid link = add_file();
  for (int i = 0; i < PARCELS; i++) {
    publish(i, &link);
  }
  (void)unlink(car_path);
  sections = 0;
  pack();
  map_sections();
  NEED(travel().rc == JOB_DONE);
}

static void end(void)
{
  printf("  %zu bytes, each %zu. damaged: at most %.2f times as much hashed\n",
         car.n, step, most_hashed);
  most_hashed = 0;
  station_close(to);
  station_close(from);
  buf_free(&car);
}

int main(void)
{
  memcpy(folder, "/dev/shm/mahatta-XXXXXX", 24);
  if (mkdtemp(folder) == NULL) {
    memcpy(folder, "/tmp/mahatta-XXXXXX", 20);
    NEED(mkdtemp(folder) != NULL);
  }
  (void)snprintf(car_path, sizeof car_path, "%s/x.car", folder);
  file_bytes = 700;
  step = 1;
  make("from.mahatta", "to.mahatta");
  RUN(test_whole);
  RUN(test_every_byte);
  RUN(test_every_bit_of_heads);
  RUN(test_every_cut);
  RUN(test_every_sector);
  RUN(test_every_swap);
  RUN(test_every_double);
  end();

  file_bytes = FILE_MAX;
  pad = 900;
  step = getenv("DAMAGE") != NULL ? 1 : 61;
  make("from64.mahatta", "to64.mahatta");
  NEED(car.n >= 65536);
  RUN(test_whole);
  RUN(test_every_byte);
  RUN(test_every_cut);
  RUN(test_every_sector);
  RUN(test_every_swap);
  RUN(test_every_double);
  RUN(test_false_heads);
  end();
  (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
  return unit_done();
}
