/* SPDX-License-Identifier: 0BSD */
/* For the tests of the station: stations in folders that go away, under a
 * clock that stands still; records; carry files put together by hand. */
#ifndef STATION_SHELF_H
#define STATION_SHELF_H

#include "form/car.h"
#include "form/cbor.h"
#include "form/parcel.h"
#include "station/inside.h"
#include "station/station.h"
#include "unit.h"

#include <ftw.h>
#include <unistd.h>

#define SHELF_NOW 1700000000

/* ---- a station in a folder of its own ---- */

struct home {
  char dir[40];
  int64_t now;
  int64_t (*clock)(int64_t now); /* or NULL: it tells ${now} */
  struct station *st;
};

static inline int64_t home_clock(void *ud)
{
  const struct home *h = ud;
  return h->clock != NULL ? h->clock(h->now) : h->now;
}

/* A path in its folder; valid for three calls more. */
static inline const char *home_file(struct home *h, const char *name)
{
  static char where[4][128];
  static unsigned turn;
  char *out = where[turn++ % 4];
  (void)snprintf(out, sizeof where[0], "%s/%s", h->dir, name);
  return out;
}

static inline int home_try(struct home *h, bool readonly, struct err *e)
{
  struct station_options opt = {.create = !readonly, .readonly = readonly};
  opt.host.now = home_clock;
  opt.host.ud = h;
  h->st = NULL;
  return station_open(&h->st, home_file(h, "s"), &opt, e);
}

static inline void home_open(struct home *h)
{
  struct err e = {0};
  int rc = home_try(h, false, &e);
  if (rc < 0) {
    printf("  %s: %s\n", h->dir, e.text);
  }
  NEED(rc == 0);
}

/* An empty folder, in memory where there is such a place. */
static inline void home_folder(struct home *h)
{
  memset(h, 0, sizeof *h);
  h->now = SHELF_NOW;
  (void)snprintf(h->dir, sizeof h->dir, "/dev/shm/mahatta-XXXXXX");
  if (mkdtemp(h->dir) == NULL) {
    (void)snprintf(h->dir, sizeof h->dir, "/tmp/mahatta-XXXXXX");
    NEED(mkdtemp(h->dir) != NULL);
  }
}

static inline void home_new(struct home *h)
{
  home_folder(h);
  home_open(h);
}

static inline void home_again(struct home *h)
{
  station_close(h->st);
  home_open(h);
}

static inline int shelf_remove(const char *path, const struct stat *info,
                               int kind, struct FTW *at)
{
  (void)info;
  (void)kind;
  (void)at;
  return remove(path);
}

static inline void home_end(struct home *h)
{
  station_close(h->st);
  h->st = NULL;
  NEED(nftw(h->dir, shelf_remove, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

/* ---- files ---- */

static inline void shelf_write(const char *path, struct span bytes)
{
  FILE *f = fopen(path, "wb");
  NEED(f != NULL);
  NEED(bytes.n == 0 || fwrite(bytes.p, 1, bytes.n, f) == bytes.n);
  NEED(fclose(f) == 0);
}

static inline void shelf_read(const char *path, struct buf *out)
{
  FILE *f = fopen(path, "rb");
  NEED(f != NULL);
  buf_clear(out);
  for (size_t n = 1; n > 0;) {
    NEED(buf_reserve(out, 65536) == 0);
    n = fread(out->p + out->n, 1, 65536, f);
    out->n += n;
  }
  NEED(fclose(f) == 0);
}

/* ${n} bytes that don't compress: xorshift from ${seed}. */
static inline void shelf_noise(struct buf *out, size_t n, uint64_t seed)
{
  uint64_t x = seed * 2 + 88172645463325253u;
  buf_clear(out);
  NEED(buf_reserve(out, n) == 0);
  for (; out->n < n; out->n++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    out->p[out->n] = (uint8_t)(x >> 32);
  }
}

/* ---- records ---- */

struct made { /* absent: NULL or 0 */
  const char *type;
  int n;
  const char *key, *title, *text, *value;
  const struct cid *about;
  bool negated;
  int files; /* that many entries, of ${file} ... */
  const struct cid *file;
  int64_t size; /* ... with this size */
  size_t pad;   /* bytes of filling */
};

static inline void made_text(struct buf *b, const char *key, const char *text)
{
  if (text != NULL) {
    NEED(cbor_put_key(b, key) == 0);
    NEED(cbor_put_text(b, text, strlen(text)) == 0);
  }
}

static inline void made_files(struct buf *b, const struct made *m)
{
  char name[24];
  NEED(cbor_put_key(b, "files") == 0);
  NEED(cbor_put_list(b, (size_t)m->files) == 0);
  for (int i = 0; i < m->files; i++) {
    (void)snprintf(name, sizeof name, "f%d.bin", i);
    NEED(cbor_put_map(b, 3) == 0);
    NEED(cbor_put_key(b, "data") == 0);
    NEED(cbor_put_link(b, &m->file[i]) == 0);
    made_text(b, "name", name);
    NEED(cbor_put_key(b, "size") == 0);
    NEED(cbor_put_int(b, m->size) == 0);
  }
}

/* The record's bytes into ${b} (cleared first). */
static inline void made_block(struct buf *b, const struct made *m)
{
  size_t pairs = 2u + (m->key != NULL) + (m->title != NULL) +
                 (m->text != NULL) + (m->value != NULL) + (m->about != NULL) +
                 (m->files > 0) + m->negated + (m->pad > 0);
  buf_clear(b);
  NEED(cbor_put_map(b, pairs) == 0);
  NEED(cbor_put_key(b, "n") == 0);
  NEED(cbor_put_int(b, m->n) == 0);
  made_text(b, "key", m->key);
  if (m->pad > 0) {
    struct buf noise = {0};
    shelf_noise(&noise, m->pad, (uint64_t)m->n);
    NEED(cbor_put_key(b, "pad") == 0);
    NEED(cbor_put_bytes(b, noise.p, noise.n) == 0);
    buf_free(&noise);
  }
  made_text(b, "text", m->text);
  made_text(b, "type", m->type != NULL ? m->type : "note");
  if (m->about != NULL) {
    NEED(cbor_put_key(b, "about") == 0);
    NEED(cbor_put_link(b, m->about) == 0);
  }
  if (m->files > 0) {
    made_files(b, m);
  }
  made_text(b, "title", m->title);
  made_text(b, "value", m->value);
  if (m->negated) {
    NEED(cbor_put_key(b, "negated") == 0);
    NEED(cbor_put_bool(b, true) == 0);
  }
}

static inline struct cid made_cid(const struct made *m)
{
  struct buf b = {0};
  struct cid c;
  made_block(&b, m);
  NEED(cid_of(&c, CID_DAG_CBOR, b.p, b.n) == 0);
  buf_free(&b);
  return c;
}

/* Publish one; its id. ${time} < 0: now. */
static inline int home_try_publish(struct home *h, const char *collection,
                                   const struct made *m, int64_t time,
                                   struct cid *id, struct err *e)
{
  struct publisher *p = NULL;
  struct buf b = {0};
  uint64_t committed = 0;
  made_block(&b, m);
  int rc = publisher_new(&p, h->st, span_of(collection, strlen(collection)),
                         time, e);
  if (rc == 0 && (rc = publisher_add(p, buf_span(&b), id, e)) == 0) {
    rc = publisher_commit(p, &committed, e);
  }
  publisher_del(p);
  buf_free(&b);
  return rc;
}

static inline struct cid home_publish(struct home *h, const char *collection,
                                      const struct made *m, int64_t time)
{
  struct err e = {0};
  struct cid id;
  int rc = home_try_publish(h, collection, m, time, &id, &e);
  if (rc < 0) {
    printf("  publish: %s\n", e.text);
  }
  NEED(rc == 0);
  return id;
}

static inline bool home_has(struct home *h, const struct cid *id)
{
  struct entry en = {0};
  struct err e = {0};
  int rc = station_get(h->st, id, &en, &e);
  NEED(rc == 0 || rc == ERR_NOENT);
  if (rc == 0) {
    NEED(cid_equal(&en.cid, id));
    NEED(cid_verify(id, en.block.p, en.block.n) == 0);
  }
  entry_free(&en);
  return rc == 0;
}

/* ---- jobs ---- */

typedef enum job_verdict shelf_policy(void *ud, const struct job *j);

static inline int run_asking(struct job *j, shelf_policy *policy, void *ud,
                             struct err *e)
{
  int rc;
  do {
    rc = job_step(j, e);
    if (rc == JOB_ASK) {
      NEED(policy != NULL);
      job_answer(j, policy(ud, j));
    }
  } while (rc > 0);
  return rc;
}

static inline int run_job(struct job *j, struct err *e)
{
  return run_asking(j, NULL, NULL, e);
}

static inline int64_t job_value(const struct job *j, const char *name)
{
  for (size_t i = 0; i < j->result.nums; i++) {
    if (strcmp(j->result.num[i].name, name) == 0) {
      return j->result.num[i].value;
    }
  }
  return -1;
}

/* Run to the end and delete; ${names} gives the values to take into ${out}. */
static inline int run_values(struct job *j, const char *const *names,
                             int64_t *out, struct err *e)
{
  int rc = run_job(j, e);
  for (size_t i = 0; rc == 0 && names != NULL && names[i] != NULL; i++) {
    out[i] = job_value(j, names[i]);
  }
  job_del(j);
  return rc;
}

static inline void home_pack(struct home *h, const char *path,
                             const struct pack_options *opt)
{
  struct pack_options all = {.files = -1};
  struct job *j = NULL;
  struct err e = {0};
  int rc = station_pack(&j, h->st, path, opt != NULL ? opt : &all, &e);
  if (rc == 0) {
    rc = run_values(j, NULL, NULL, &e);
  }
  if (rc < 0) {
    printf("  pack: %s\n", e.text);
  }
  NEED(rc == 0);
}

/* What an unpacking told. */
struct unpacked {
  int rc;
  int64_t added, parcels, known, files, withdrawn, held, refused, unlisted, bad,
      missing;
  struct err e;
};

static inline struct unpacked
home_unpack_asking(struct home *h, const char *path,
                   const struct unpack_options *opt, shelf_policy *policy,
                   void *ud)
{
  struct unpack_options plain = {0};
  struct unpacked u = {0};
  struct job *j = NULL;
  u.rc = station_unpack(&j, h->st, path, opt != NULL ? opt : &plain, &u.e);
  if (u.rc < 0) {
    return u;
  }
  u.rc = run_asking(j, policy, ud, &u.e);
  u.added = job_value(j, "added");
  u.parcels = job_value(j, "parcels");
  u.known = job_value(j, "known");
  u.files = job_value(j, "files");
  u.withdrawn = job_value(j, "withdrawn");
  u.held = job_value(j, "held");
  u.refused = job_value(j, "refused");
  u.unlisted = job_value(j, "unlisted");
  u.bad = job_value(j, "bad");
  u.missing = job_value(j, "missing");
  job_del(j);
  return u;
}

static inline struct unpacked home_unpack(struct home *h, const char *path)
{
  return home_unpack_asking(h, path, NULL, NULL, NULL);
}

/* All that ${from} has to ${to}, by a carry file. */
static inline struct unpacked shelf_carry(struct home *from, struct home *to)
{
  const char *path = home_file(from, "carry.car");
  (void)unlink(path);
  home_pack(from, path, NULL);
  return home_unpack(to, path);
}

/* ---- what must always hold ---- */

static inline void home_rebuild(struct home *h)
{
  struct job *j = NULL;
  struct err e = {0};
  NEED(station_rebuild(&j, h->st, &e) == 0);
  int rc = run_values(j, NULL, NULL, &e);
  if (rc < 0) {
    printf("  rebuild: %s\n", e.text);
  }
  NEED(rc == 0);
}

/* Is what was derived on the way what a rebuild derives? */
static inline bool home_sound(struct home *h)
{
  uint8_t was[32], is[32];
  struct err e = {0};
  NEED(station_digest(h->st, was, &e) == 0);
  home_rebuild(h);
  NEED(station_digest(h->st, is, &e) == 0);
  return memcmp(was, is, sizeof was) == 0;
}

/* Missing blocks that are told, counted. */
static inline int shelf_count_missing(void *ud, const struct cid *cid,
                                      const char *kind,
                                      const struct cid *wanted_by)
{
  (void)cid;
  (void)kind;
  (void)wanted_by;
  ++*(int *)ud;
  return 0;
}

static inline int home_missing(struct home *h)
{
  struct err e = {0};
  int n = 0;
  NEED(station_missing(h->st, shelf_count_missing, &n, &e) == 0);
  return n;
}

/* ---- carry files by hand, authors from seeds ---- */

struct crate {
  struct buf car;
};

static inline void crate_start(struct crate *c)
{
  struct cid root;
  memset(c, 0, sizeof *c);
  NEED(cid_of(&root, CID_RAW, "", 0) == 0);
  NEED(car_put_header(&c->car, &root, 1) == 0);
}

static inline struct cid crate_put(struct crate *c, enum cid_codec codec,
                                   struct span block)
{
  struct cid cid;
  NEED(cid_of(&cid, codec, block.p, block.n) == 0);
  NEED(car_put_section(&c->car, &cid, block) == 0);
  return cid;
}

static inline struct cid crate_record(struct crate *c, const struct made *m)
{
  struct buf b = {0};
  made_block(&b, m);
  struct cid cid = crate_put(c, CID_DAG_CBOR, buf_span(&b));
  buf_free(&b);
  return cid;
}

/* A parcel of author number ${author}. */
static inline struct cid crate_parcel(struct crate *c, uint8_t author,
                                      const char *collection, int64_t time,
                                      const struct cid *records, size_t n)
{
  uint8_t seed[CRYPT_SEED_SIZE] = {author};
  struct identity *id = NULL;
  struct buf b = {0};
  struct err e = {0};
  NEED(crypt_start(&e) == 0);
  NEED(identity_from_seed(&id, seed, &e) == 0);
  NEED(parcel_write(&b, id, time, span_of(collection, strlen(collection)),
                    records, n, &e) == 0);
  struct cid cid = crate_put(c, CID_DAG_CBOR, buf_span(&b));
  identity_del(id);
  buf_free(&b);
  return cid;
}

static inline void author_key_of(uint8_t out[CRYPT_KEY_SIZE], uint8_t author)
{
  uint8_t seed[CRYPT_SEED_SIZE] = {author};
  struct identity *id = NULL;
  struct err e = {0};
  NEED(crypt_start(&e) == 0);
  NEED(identity_from_seed(&id, seed, &e) == 0);
  memcpy(out, identity_key(id), CRYPT_KEY_SIZE);
  identity_del(id);
}

/* Save it in the folder of ${h}, free it, and take it in. */
static inline struct unpacked crate_unpack(struct crate *c, struct home *h)
{
  const char *path = home_file(h, "crate.car");
  shelf_write(path, buf_span(&c->car));
  buf_free(&c->car);
  struct unpacked u = home_unpack(h, path);
  (void)unlink(path);
  return u;
}

/* A parcel of ${author} with these records, of which the first ${sent} come
 * along. */
static inline struct unpacked home_bring(struct home *h, uint8_t author,
                                         const char *collection, int64_t time,
                                         const struct made *m, size_t n,
                                         size_t sent)
{
  struct crate c;
  struct cid id[8];
  NEED(n <= 8);
  crate_start(&c);
  for (size_t i = 0; i < n; i++) {
    id[i] = made_cid(&m[i]);
  }
  (void)crate_parcel(&c, author, collection, time, id, n);
  for (size_t i = 0; i < sent; i++) {
    (void)crate_record(&c, &m[i]);
  }
  return crate_unpack(&c, h);
}

#endif
