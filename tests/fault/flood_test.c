/* SPDX-License-Identifier: 0BSD */
/* A flood: parcels of many keys, as fast as they can be taken in, against a
 * station with a budget. What its owner publishes and those whom it vouches
 * for arrives between them all the way, and all of it stays; so does what a
 * stranger had brought before. The disk keeps within a tenth of the budget,
 * and memory stays where it was. FLOOD=1000000 floods with so many parcels of
 * a hundredth as many keys against 256 MiB; without it, with 20,000 of 500
 * against 40 MiB: more than twice as much as fits in either case. */
#include "base/mem.h"
#include "link_pair.h"
#include "station/quota.h"

#include <stdlib.h>

#define ROUND 2000 /* parcels of a carry file */
#define JUNK_SIZE 1000
#define SLACK_KIB 6144 /* of memory: caches that fill */

static struct home h, friend;
static struct err e;
static long parcels, keys;
static int64_t budget;

static struct cid *honest; /* ours, our friend's, the early stranger's */
static size_t honest_n;

static void seed_of(uint8_t seed[CRYPT_SEED_SIZE], long key)
{
  memset(seed, 0x5a, CRYPT_SEED_SIZE);
  memcpy(seed, &key, sizeof key);
}

/* Parcel number ${i}, with its record, by key ${key}; both sizes by chance. */
static void put_junk(struct crate *c, long i, long key)
{
  char collection[24];
  uint8_t seed[CRYPT_SEED_SIZE];
  struct identity *id = NULL;
  struct buf b = {0};
  struct made m = {.n = (int)i, .title = "junk", .pad = JUNK_SIZE};
  (void)snprintf(collection, sizeof collection, "open/%ld", i % 7);
  struct cid record = made_cid(&m);
  seed_of(seed, key);
  NEED(identity_from_seed(&id, seed, &e) == 0);
  NEED(parcel_write(&b, id, 1000 + i, span_of(collection, strlen(collection)),
                    &record, 1, &e) == 0);
  (void)crate_put(c, CID_DAG_CBOR, buf_span(&b));
  (void)crate_record(c, &m);
  identity_del(id);
  buf_free(&b);
}

static struct unpacked bring(struct crate *c, const char *way)
{
  struct unpack_options opt = {.way = way};
  const char *path = home_file(&h, "flood.car");
  shelf_write(path, buf_span(&c->car));
  buf_free(&c->car);
  struct unpacked u = home_unpack_asking(&h, path, &opt, NULL, NULL);
  (void)unlink(path);
  EXPECT_INT(u.rc, 0);
  EXPECT_INT(u.bad, 0);
  return u;
}

static void note_honest(const struct cid *id)
{
  honest = mem_resize(honest, honest_n + 1, sizeof *honest);
  NEED(honest != NULL);
  honest[honest_n++] = *id;
}

static uint64_t disk_bytes(void)
{
  struct station_stats s;
  NEED(station_stats(h.st, &s, &e) == 0);
  return s.store.disk_bytes;
}

/* Anonymous memory of this process; 0 where it can't be told. */
static long memory_kib(void)
{
  char line[128];
  long kib = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f != NULL && fgets(line, sizeof line, f) != NULL) {
    if (sscanf(line, "RssAnon: %ld", &kib) == 1) {
      break;
    }
  }
  if (f != NULL) {
    NEED(fclose(f) == 0);
  }
  return kib;
}

static void stranger_before(void)
{
  struct crate c;
  struct made m = {.n = 1, .title = "a stranger's, early"};
  crate_start(&c);
  struct cid id = made_cid(&m);
  (void)crate_parcel(&c, 77, "open/1", 500, &id, 1);
  (void)crate_record(&c, &m);
  EXPECT_INT(bring(&c, "early").added, 1);
  note_honest(&id);
}

static void honest_round(long round)
{
  struct made m = {.n = (int)round, .title = "ours", .pad = 500};
  struct cid id = home_publish(&h, "open/1", &m, -1);
  note_honest(&id);
  m.title = "our friend's";
  id = home_publish(&friend, "open/2", &m, -1);
  note_honest(&id);
  struct unpacked u = shelf_carry(&friend, &h);
  EXPECT_INT(u.added, 1);
}

static void test_flood(void)
{
  struct quotas q = {.budget = budget};
  struct station_stats s;
  long kept = 0, refused = 0, start_kib = 0;
  uint64_t most_disk = 0;
  home_new(&h);
  home_new(&friend);
  NEED(station_set_quotas(h.st, &q, &e) == 0);
  NEED(station_vouch(h.st, friend.st->self, "owner", &e) == 0);
  stranger_before();
  for (long i = 0; i < parcels;) {
    struct crate c;
    char way[24];
    crate_start(&c);
    for (long n = 0; n < ROUND && i < parcels; n++, i++) {
      put_junk(&c, i, i * 7919 % keys);
    }
    (void)snprintf(way, sizeof way, "stick %ld", i / ROUND % 5);
    struct unpacked u = bring(&c, way);
    kept += u.parcels;
    refused += ROUND - u.parcels;
    honest_round(i / ROUND);
    uint64_t disk = disk_bytes();
    most_disk = disk > most_disk ? disk : most_disk;
    start_kib = i <= parcels / 5 ? memory_kib() : start_kib;
    if (i == parcels / 2 / ROUND * ROUND) {
      home_again(&h); /* what it counts is not lost */
    }
  }
  long end_kib = memory_kib();
  printf("  %ld junk parcels: %ld kept, %ld refused; honest %zu; disk %.1f of "
         "%.1f MiB; memory %ld, then %ld KiB\n",
         parcels, kept, refused, honest_n, (double)most_disk / 1048576,
         (double)budget / 1048576, start_kib, end_kib);
  for (size_t i = 0; i < honest_n; i++) {
    EXPECT(home_has(&h, &honest[i]));
  }
  EXPECT(kept > 0 && refused > 0);
  EXPECT((double)most_disk <= 1.1 * (double)budget);
  EXPECT(end_kib <= start_kib + SLACK_KIB);
  NEED(station_stats(h.st, &s, &e) == 0);
  EXPECT_INT(s.parcels, kept + (long)honest_n);
  mem_free(honest);
  home_end(&friend);
  home_end(&h);
}

int main(void)
{
  const char *text = getenv("FLOOD");
  parcels = text != NULL ? strtol(text, NULL, 10) : 20000;
  NEED(parcels >= ROUND);
  keys = text != NULL ? parcels / 100 : 500;
  budget = text != NULL ? 256ll << 20 : 40ll << 20;
  RUN(test_flood);
  return unit_done();
}
