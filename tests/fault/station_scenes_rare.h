/* SPDX-License-Identifier: 0BSD */
/* Still more of what a station is asked while everything below it fails: what
 * needs a policy, a quota, damage or a large collection. */
#ifndef STATION_SCENES_RARE_H
#define STATION_SCENES_RARE_H

#include "station_scenes.h"

#include "form/unixfs.h"
#include "station/link_int.h"

/* ---- what comes apart from its parcel, and a policy that is asked ---- */

static struct cid lone_record(int i)
{
  struct made m = {.n = 80 + i, .title = "apart", .text = "from its parcel"};
  return made_cid(&m);
}

/* The parcel is here, and none of its records. */
static void lone_begin(void)
{
  unsigned kinds = hush();
  struct err e = {0};
  NEED(unpack_from("lone.car", &e) == 0);
  fault.kinds = kinds;
}

static void lone_end(int rc)
{
  unsigned kinds = hush();
  for (int i = 0; i < LONES && rc == 0; i++) {
    struct cid id = lone_record(i);
    EXPECT(home_has(&h, &id));
  }
  fault.kinds = kinds;
}

static enum job_verdict vouch_job(void *ud, const struct job *j)
{
  (void)ud;
  (void)j;
  return JOB_VOUCH;
}

static int unpack_whole(shelf_policy *policy, struct err *e)
{
  struct unpack_options opt = {0};
  struct job *j = NULL;
  lone_begin();
  station_set_policy(h.st, policy != NULL);
  int rc = station_unpack(&j, h.st, home_file(&h, "whole.car"), &opt, e);
  if (rc == 0) {
    rc = run_asking(j, policy, NULL, e);
    job_del(j);
  }
  station_set_policy(h.st, false);
  lone_end(rc);
  return rc;
}

static int body_unpack_lone(struct err *e)
{
  return unpack_whole(NULL, e);
}

static int body_unpack_vouch(struct err *e)
{
  return unpack_whole(vouch_job, e);
}

static int64_t vouch_link(const struct link_question *q)
{
  EXPECT(q->block.n > 0 && q->parcel.n > 0);
  return JOB_VOUCH;
}

/* The other station has the records. */
static int sync_lone(shelf_link_policy *policy, struct err *e)
{
  unsigned kinds = hush();
  struct unpack_options opt = {0};
  struct job *j = NULL;
  NEED(home_try(&far, false, e) == 0);
  NEED(station_unpack(&j, far.st, home_file(&h, "whole.car"), &opt, e) == 0);
  NEED(run_values(j, NULL, NULL, e) == 0);
  station_close(far.st);
  far.st = NULL;
  fault.kinds = kinds;
  lone_begin();
  station_set_policy(h.st, policy != NULL);
  int rc = meet_asking(policy, e);
  if (h.st != NULL) {
    station_set_policy(h.st, false);
  }
  lone_end(rc);
  return rc;
}

static int body_sync_lone(struct err *e)
{
  return sync_lone(NULL, e);
}

static int body_sync_vouch(struct err *e)
{
  return sync_lone(vouch_link, e);
}

/* ---- quotas ---- */

static int body_quotas(struct err *e)
{
  struct quotas q = {.budget = (int64_t)1 << 30}, is;
  struct buf keys = {0};
  uint8_t author[CRYPT_KEY_SIZE] = {9};
  uint64_t used = 0;
  int rc = station_set_quotas(h.st, &q, e);
  if (rc < 0 || (rc = station_vouch(h.st, author, "me", e)) < 0 ||
      (rc = station_vouched(h.st, &keys, e)) < 0 ||
      (rc = station_unvouch(h.st, author, e)) < 0 ||
      (rc = station_quotas(h.st, &is, &used, e)) < 0) {
    buf_free(&keys);
    return rc;
  }
  EXPECT(keys.n % CRYPT_KEY_SIZE == 0 && keys.n > 0);
  EXPECT(is.budget == q.budget && used > 0);
  buf_free(&keys);
  return 0;
}

/* Accounts are kept of what comes, each way that it can come. */
static int body_counted(struct err *e)
{
  unsigned kinds = hush();
  struct quotas q = {.budget = (int64_t)1 << 30};
  NEED(station_set_quotas(h.st, &q, e) == 0);
  fault.kinds = kinds;
  int rc = unpack_whole(NULL, e);
  rc = rc < 0 ? rc : unpack_from("in.car", e);
  return rc < 0 ? rc : body_withdraw(e);
}

/* ---- what goes to a peer ---- */

static const struct store_ops *behind;

static int count_many(struct store *s, struct span collection, uint64_t *out,
                      struct err *e)
{
  int rc = behind->count(s, collection, out, e);
  *out += rc == 0 ? 70000 : 0;
  return rc;
}

static int plan_all(struct plan *p, struct session_counts *counts,
                    struct err *e)
{
  struct buf out = {0};
  int rc;
  do {
    rc = plan_prepare(p, e);
  } while (rc > 0);
  while (rc >= 0 && (rc = plan_produce(p, &out, counts, e)) > 0) {
    buf_clear(&out);
  }
  buf_free(&out);
  return rc;
}

/* All of one collection, which is large, and parcels of another that are told
 * by handles, plain and keyed. */
static int body_plan(struct err *e)
{
  struct store_ops many = *h.st->store->ops;
  static struct plan p;
  struct session_counts counts = {0};
  struct entry en = {0};
  p = (struct plan){.st = h.st};
  uint8_t key[CRYPT_SALT_SIZE] = {1};
  struct session_lack l = {.name = span_of("c", 1),
                           .all_but = true,
                           .upto = UINT64_MAX >> 1,
                           .send = true};
  unsigned kinds = hush();
  NEED(station_get(h.st, &raw_record, &en, e) == 0 ||
       station_get(h.st, &gone_id, &en, e) == 0);
  uint64_t handle = sketch_handle(cid_digest(&en.parcel));
  uint64_t keyed = sketch_keyed_handle(key, cid_digest(&en.parcel));
  behind = h.st->store->ops;
  many.count = count_many;
  h.st->store->ops = &many;
  fault.kinds = kinds;
  int rc = plan_lack(&p, &l, e);
  l = (struct session_lack){.name = buf_span(&en.collection),
                            .handle = &handle,
                            .n = 1,
                            .send = true};
  rc = rc < 0 ? rc : plan_lack(&p, &l, e);
  l.handle = &keyed;
  l.key = key;
  rc = rc < 0 ? rc : plan_lack(&p, &l, e);
  rc = rc < 0 ? rc : plan_all(&p, &counts, e);
  EXPECT(rc < 0 || counts.parcels == 3);
  h.st->store->ops = behind;
  plan_free(&p);
  entry_free(&en);
  return rc;
}

/* ---- questions ---- */

static int body_ask(struct err *e)
{
  static const char text[] =
      "\"alpha beta\" type:note -lang:ar after:2001-01-01 -\"beta alpha\"";
  struct search_query q = {.text = span_of(text, sizeof text - 1),
                           .collection = span_of("c", 1),
                           .type = span_of("note", 4),
                           .limit = 10};
  int n = 0;
  int rc = station_search(h.st, &q, count_hit, &n, e);
  EXPECT(rc < 0 || n == 1);
  return rc;
}

/* Of a record, of its file, and of a part of that. */
static int body_why(struct err *e)
{
  static struct why why;
  struct buf block = {0};
  struct unixfs_node node;
  struct unixfs_links it = {0};
  struct unixfs_link part;
  unsigned kinds = hush();
  NEED(station_block(h.st, &image, &block, e) == 0);
  NEED(unixfs_read(&node, buf_span(&block), e) == 0);
  NEED(unixfs_link_next(&node, &it, &part));
  struct cid leaf = part.cid;
  buf_free(&block);
  fault.kinds = kinds;
  const struct cid *const all[] = {&lesson, &image, &leaf};
  int rc = 0;
  for (int i = 0; i < 3 && rc == 0; i++) {
    rc = station_why(h.st, all[i], &why, e);
    EXPECT(rc < 0 || why.here);
    EXPECT(rc < 0 || why.records == (i > 0 ? 1 : 0));
  }
  return rc;
}

/* ---- damage ---- */

static void flip(const char *name, const uint8_t *bytes, size_t n)
{
  struct buf all = {0};
  shelf_read(home_file(&h, name), &all);
  uint8_t *at = memmem(all.p, all.n, bytes, n);
  NEED(at != NULL);
  *at ^= 1;
  shelf_write(home_file(&h, name), buf_span(&all));
  buf_free(&all);
}

/* A parcel of our own rests damaged: it is signed again. */
static int mend_with(int (*job)(struct job **out, struct station *st,
                                struct err *e),
                     struct err *e)
{
  struct job *j = NULL;
  unsigned kinds = hush();
  station_close(h.st);
  if (access(home_file(&h, "hurt"), F_OK) != 0) { /* once */
    shelf_write(home_file(&h, "hurt"), span_of(NULL, 0));
    flip("s", lesson_sig, sizeof lesson_sig);
  }
  home_open(&h);
  fault.kinds = kinds;
  int rc = run(&j, job(&j, h.st, e), e);
  kinds = hush();
  EXPECT(rc < 0 || home_has(&h, &lesson));
  fault.kinds = kinds;
  return rc;
}

static int scrub_all(struct job **out, struct station *st, struct err *e)
{
  return station_scrub(out, st, 1, e);
}

static int body_scrub_mend(struct err *e)
{
  return mend_with(scrub_all, e);
}

static int body_rebuild_mend(struct err *e)
{
  return mend_with(station_rebuild, e);
}

#endif
