/* SPDX-License-Identifier: 0BSD */
/* What a slip says, and what its author lacks, without packing it. */
#include "base/mem.h"
#include "form/hash.h"
#include "station/lacking.h"
#include "station/later.h"
#include "station/station.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#define STEP 1024

struct lacks {
  struct job job;
  struct buf patterns;
  struct brought slip;
  struct lacking lacking;
  struct hash *hash;
  bool told;            /* lacking_step is done */
  size_t at, wanted_at; /* hashed so far */
  int64_t wanted;
};

static int hash_cid(struct lacks *l, const struct cid *cid, struct err *e)
{
  int rc = hash_add(l->hash, cid->b, sizeof cid->b);
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

static int hash_parcels(struct lacks *l, struct err *e)
{
  struct store *store = l->job.st->store;
  int rc = 0;
  for (int i = 0; rc == 0 && i < STEP && l->at < l->lacking.n; i++) {
    struct cid cid;
    rc = store->ops->get_ref(store, l->lacking.parcel[l->at++].ref, &cid, NULL,
                             e);
    rc = rc < 0 ? rc : hash_cid(l, &cid, e);
  }
  return rc;
}

/* 1: there may be more; 0: the end. */
static int hash_wanted(struct lacks *l, struct err *e)
{
  struct store *store = l->job.st->store;
  struct cid cid;
  uint64_t here = 0;
  if (!brought_wanted(&l->slip, l->wanted_at++, &cid)) {
    return 0;
  }
  int rc = store->ops->find(store, &cid, 1, &here, e);
  if (rc == 0 && here != 0) {
    l->wanted++;
    rc = hash_cid(l, &cid, e);
  }
  return rc < 0 ? rc : 1;
}

static int lacks_done(struct lacks *l, struct err *e)
{
  struct job *j = &l->job;
  int64_t whole = 0;
  for (size_t at = 0; at < l->lacking.whole.n; whole++) {
    at += strlen((const char *)l->lacking.whole.p + at) + 1;
  }
  if (hash_end(l->hash, j->result.sha256) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  j->result.has_sha256 = true;
  job_num(j, "parcels", (int64_t)l->lacking.n);
  job_num(j, "records", (int64_t)l->lacking.records);
  job_num(j, "wanted", l->wanted);
  job_num(j, "theirs", (int64_t)l->lacking.theirs);
  job_num(j, "whole", whole);
  return JOB_DONE;
}

static int lacks_step(struct job *j, struct err *e)
{
  struct lacks *l = (struct lacks *)j;
  int rc = station_whole(j->st, e);
  if (rc == 0 && !l->told) {
    rc = lacking_step(&l->lacking, e);
  }
  if (rc != 0) {
    return rc < 0 ? rc : JOB_MORE;
  }
  l->told = true;
  j->total = l->lacking.n;
  if (l->at < l->lacking.n) {
    rc = hash_parcels(l, e);
    j->done = l->at;
    return rc < 0 ? rc : JOB_MORE;
  }
  rc = hash_wanted(l, e);
  return rc < 0 ? rc : rc > 0 ? JOB_MORE : lacks_done(l, e);
}

static void lacks_clean(struct job *j)
{
  struct lacks *l = (struct lacks *)j;
  lacking_free(&l->lacking);
  brought_free(&l->slip);
  buf_free(&l->patterns);
  hash_del(l->hash);
}

static int set_up(struct lacks *l, const char *slip,
                  const struct lacks_options *opt, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < opt->patterns; i++) {
    rc = buf_put(&l->patterns, opt->pattern[i].p, opt->pattern[i].n);
    rc = rc < 0 ? rc : buf_byte(&l->patterns, 0);
  }
  l->hash = hash_new();
  if (rc < 0 || l->hash == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  l->lacking.st = l->job.st;
  l->lacking.slip = &l->slip;
  l->lacking.patterns = buf_span(&l->patterns);
  return brought_load(&l->slip, slip, e);
}

int station_lacks(struct job **out, struct station *st, const char *slip,
                  const struct lacks_options *opt, struct err *e)
{
  static const struct job_ops ops = {lacks_step, lacks_clean};
  int rc;
  if ((rc = station_whole(st, e)) < 0 || (rc = station_refresh(st, e)) < 0 ||
      (rc = later_flush(st, e)) < 0) {
    return rc;
  }
  struct lacks *l = mem_zero(sizeof *l);
  if (l == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  job_init(&l->job, st, &ops);
  if ((rc = set_up(l, slip, opt, e)) < 0) {
    job_del(&l->job);
    return rc;
  }
  *out = &l->job;
  return 0;
}

/* ---- what a slip says of itself ---- */

int station_read_slip(struct slip_told *out, const char *path, struct err *e)
{
  static const char digit[] = "0123456789abcdef";
  struct brought b = {0};
  struct slip_told t = {.shorts = false};
  int rc = crypt_start(e);
  if (rc == 0) {
    rc = brought_load(&b, path, e);
  }
  if (rc == 0 && b.shorts_n > 0) {
    t.shorts = true;
    t.wishes = t.sketches = b.shorts_n;
    for (size_t i = 0; i < SLIP_SHORT_WHO; i++) {
      t.station[2 * i] = digit[b.shorts[0].who[i] >> 4];
      t.station[2 * i + 1] = digit[b.shorts[0].who[i] & 15];
    }
  } else if (rc == 0) {
    did_text(t.station, b.slip.author);
    t.wishes = b.slip.count;
    t.sketches = b.slip.sets_n;
    t.time = b.slip.time;
    t.budget = b.slip.budget;
  }
  brought_free(&b);
  if (rc == 0) {
    *out = t;
  }
  return rc;
}

int station_space(const char *path, uint64_t *out, struct err *e)
{
  struct statvfs info;
  if (statvfs(path, &info) < 0) {
    return err_sys(e, errno, "can't tell how much is free at %s", path);
  }
  uint64_t block = info.f_frsize, blocks = info.f_bavail;
  *out = block > 0 && blocks > UINT64_MAX / block ? UINT64_MAX : block * blocks;
  return 0;
}
