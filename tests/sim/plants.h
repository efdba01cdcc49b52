/* SPDX-License-Identifier: 0BSD */
/* Bugs that are put into every honest session, one at a time: the simulation
 * has to notice each. They take the place of functions of the session's
 * host. */
#ifndef SIM_PLANTS_H
#define SIM_PLANTS_H

#include "wire.h"

/* All sessions of a station have the same functions: kept once. */
static struct session_host sound;

static int ok_parcels; /* since the process began */

/* ---- sending ---- */

/* Leave out entries of which ${drop} says so, with all that hangs on them. */
static inline void leave_out(struct buf *b, size_t at,
                             bool (*drop)(uint8_t kind, struct span bytes))
{
  bool on = false;
  while (at < b->n) {
    size_t n = 4 + (size_t)wire_get(b->p + at + 1, 3);
    bool parcel = b->p[at] == ENTRY_PARCEL;
    on = drop(b->p[at], span_of(b->p + at + 4, n - 4)) || (on && !parcel);
    if (on) {
      memmove(b->p + at, b->p + at + n, b->n - at - n);
      b->n -= n;
    } else {
      at += n;
    }
  }
}

static bool is_withdrawal(uint8_t kind, struct span bytes)
{
  struct record r;
  struct err e;
  return kind == ENTRY_RECORD && record_read(&r, bytes, &e) == 0 &&
         r.kind == RECORD_WITHDRAW;
}

static bool is_seventh_parcel(uint8_t kind, struct span bytes)
{
  (void)bytes;
  return kind == ENTRY_PARCEL && ++ok_parcels % 7 == 0;
}

static int produce_no_withdrawals(void *ud, struct buf *out,
                                  struct session_counts *c, struct err *e)
{
  size_t at = out->n;
  int rc = sound.produce(ud, out, c, e);
  leave_out(out, at, is_withdrawal);
  return rc;
}

static int load_no_withdrawals(void *ud, const struct cid *cid, struct buf *out,
                               struct err *e)
{
  size_t was = out->n;
  int rc = sound.load(ud, cid, out, e);
  if (rc > 0 &&
      is_withdrawal(ENTRY_RECORD, span_of(out->p + was, out->n - was))) {
    out->n = was;
    rc = 0;
  }
  return rc;
}

static int produce_few_parcels(void *ud, struct buf *out,
                               struct session_counts *c, struct err *e)
{
  size_t at = out->n;
  int rc = sound.produce(ud, out, c, e);
  leave_out(out, at, is_seventh_parcel);
  return rc;
}

/* Send all there is, whatever the other end has. */
static int lack_all(void *ud, const struct session_lack *l, struct err *e)
{
  struct session_lack all = *l;
  int rc = sound.lack(ud, l, e);
  if (rc < 0 || l->all_but || !l->send) {
    return rc;
  }
  all.all_but = true;
  all.key = NULL;
  all.sum = NULL;
  all.upto = UINT64_MAX >> 1;
  all.n = 0;
  int more = sound.lack(ud, &all, e);
  return more < 0 ? more : rc;
}

/* Hold on to what was sent. */
static int produce_and_keep(void *ud, struct buf *out, struct session_counts *c,
                            struct err *e)
{
  static struct buf kept;
  int rc = sound.produce(ud, out, c, e);
  NEED(buf_reserve(&kept, 2 * SESSION_BYTES_MAX) == 0);
  return rc;
}

/* ---- comparing ---- */

/* Equality by the count alone. */
static int snapshot_count(void *ud, size_t topic, struct span name,
                          struct session_set *out, struct err *e)
{
  int rc = sound.snapshot(ud, topic, name, out, e);
  memset(out->digest, 7, sizeof out->digest);
  return rc;
}

static int collection_count(void *ud, struct span after,
                            struct session_collection *out, struct err *e)
{
  int rc = sound.collection(ud, after, out, e);
  memset(out->digest, 7, sizeof out->digest);
  return rc;
}

/* ---- receiving ---- */

/* A session is done before what it brought is on the disk. */
static int flush_nothing(void *ud, struct err *e)
{
  (void)ud;
  (void)e;
  return 0;
}

/* Blocks of files are put where they belong before they are hashed. */
static int block_unseen(void *ud, const struct cid *cid, struct span block,
                        struct err *e)
{
  struct link_head {
    struct station *st;
  } *l = ud;
  struct store_block one = {*cid, block};
  uint64_t ref;
  NEED(l->st->store->ops->put(l->st->store, &one, 1, true, &ref, NULL, e) == 0);
  return sound.block(ud, cid, block, e);
}

/* Nothing that is missing is ever asked for. */
static int missing_nothing(void *ud, struct cid *out, size_t max, bool *more,
                           struct err *e)
{
  (void)ud;
  (void)out;
  (void)max;
  (void)e;
  *more = false;
  return 0;
}

/* ---- the list ---- */

#define PLANT(name, field, function)                                           \
  static void name(struct session *s)                                          \
  {                                                                            \
    sound = s->host;                                                           \
    s->host.field = function;                                                  \
  }
PLANT(plant_parcels, produce, produce_few_parcels)
PLANT(plant_all, lack, lack_all)
PLANT(plant_leak, produce, produce_and_keep)
PLANT(plant_flush, flush, flush_nothing)
PLANT(plant_trust, block, block_unseen)
PLANT(plant_missing, missing, missing_nothing)

static void plant_withdrawals(struct session *s)
{
  sound = s->host;
  s->host.produce = produce_no_withdrawals;
  s->host.load = load_no_withdrawals;
}

static void plant_count(struct session *s)
{
  sound = s->host;
  s->host.snapshot = snapshot_count;
  s->host.collection = collection_count;
}

static void plant_serve(struct session *s)
{
  s->host.asks_serve = false;
}

static const struct {
  const char *name;
  plant_bug *plant;
} plants[] = {{"withdrawals are not sent", plant_withdrawals},
              {"some parcels are not sent", plant_parcels},
              {"everything is sent again", plant_all},
              {"what was sent is held on to", plant_leak},
              {"done is said before it is on the disk", plant_flush},
              {"blocks are stored before they are hashed", plant_trust},
              {"what is missing is not asked for", plant_missing},
              {"sets are equal by their counts", plant_count},
              {"the policy is not asked whom to serve", plant_serve}};
#define PLANTS (sizeof plants / sizeof *plants)

#endif
