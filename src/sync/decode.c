/* SPDX-License-Identifier: 0BSD */
/* What differs between two sets, once their sketches or lists have met. */
#include "base/check.h"
#include "base/mem.h"
#include "sync/handles.h"
#include "sync/session_int.h"

#include <string.h>

#define HANDLES_A_FRAME SESSION_LIST_MAX
#define LIST_HEAD (3u + 8u + HASH_SIZE)

_Static_assert(LIST_HEAD + 8 * HANDLES_A_FRAME <= SESSION_CONTROL_MAX,
               "a list of handles is a small frame");

/* ---- handles as bytes ---- */

int decode_handles(struct buf *out, struct span bytes, size_t max,
                   struct err *e)
{
  if (bytes.n % 8 != 0) {
    return session_breach(e, "handles are cut");
  }
  for (size_t at = 0; at < bytes.n; at += 8) {
    uint64_t handle = wire_get(bytes.p + at, 8);
    if (out->n > 0 && handle <= handles_of(out)[out->n / 8 - 1]) {
      return session_breach(e, "handles do not ascend");
    }
    if (handle == 0 || out->n / 8 == max) {
      return session_breach(e, "too many handles, or none");
    }
    if (buf_put(out, &handle, sizeof handle) < 0) {
      return session_nomem(e);
    }
  }
  return 0;
}

static int put_chunk(struct session *s, struct topic *t, enum frame_type type,
                     const uint64_t *handle, size_t n, uint8_t flags,
                     struct err *e)
{
  uint8_t head[LIST_HEAD], bytes[8];
  struct buf body = {0};
  size_t size = type == FRAME_LIST ? LIST_HEAD : 3;
  wire_put(head, topic_id(s, t), 2);
  head[2] = flags;
  wire_put(head + 3, t->set.count, 8);
  memcpy(head + 11, t->set.digest, HASH_SIZE);
  int rc = buf_reserve(&body, size + 8 * n);
  if (rc == 0) {
    rc = buf_put(&body, head, size);
  }
  for (size_t i = 0; rc == 0 && i < n; i++) {
    wire_put(bytes, handle[i], sizeof bytes);
    rc = buf_put(&body, bytes, sizeof bytes);
  }
  rc = rc < 0 ? session_nomem(e) : session_put(s, type, buf_span(&body), e);
  buf_free(&body);
  return rc;
}

int put_handles(struct session *s, struct topic *t, enum frame_type type,
                const uint64_t *handle, size_t n, uint8_t flags, struct err *e)
{
  int rc;
  do {
    size_t some = n < HANDLES_A_FRAME ? n : HANDLES_A_FRAME;
    uint8_t last = some == n ? LACK_LAST : 0;
    rc = put_chunk(s, t, type, handle, some, flags | last, e);
    handle = n > 0 ? handle + some : handle;
    n -= some;
  } while (rc == 0 && n > 0);
  return rc;
}

/* ---- what was found out ---- */

static int settle_catalogue(struct session *s, struct topic *t, struct err *e)
{
  topic_drop_slot(s, t);
  t->state = TOPIC_SETTLED;
  mem_free(s->catalogue.sketch);
  s->catalogue.sketch = NULL;
  int rc = greeting_differ(s, handles_of(&t->ours), t->ours.n / 8,
                           handles_of(&t->theirs), t->theirs.n / 8, e);
  buf_free(&t->ours);
  buf_free(&t->theirs);
  return rc;
}

/* Ask for what only the other end has; where we don't want it, name it all the
 * same: the other end's proof needs it. */
static int ask_for(struct session *s, struct topic *t, struct err *e)
{
  size_t n = t->theirs.n / 8;
  int rc = put_handles(s, t, FRAME_LACK, handles_of(&t->theirs), n,
                       t->follow ? LACK_SEND : 0, e);
  s->parcels_due += t->follow ? n : 0;
  if (!s->initiator && n == 0) { /* nothing is to come of it */
    mem_free(t->sum);
    t->sum = NULL;
  }
  buf_free(&t->ours);
  buf_free(&t->theirs);
  return rc;
}

/* t->ours and t->theirs are known, handle by handle. */
static int settle(struct session *s, struct topic *t, struct err *e)
{
  handles_sort(handles_of(&t->ours), t->ours.n / 8);
  handles_sort(handles_of(&t->theirs), t->theirs.n / 8);
  if (topic_id(s, t) == CATALOGUE) {
    return settle_catalogue(s, t, e);
  }
  struct session_lack l = {.name = buf_span(&t->name),
                           .handle = handles_of(&t->ours),
                           .n = t->ours.n / 8,
                           .key = t->level != LEVEL_SKETCH ? s->key : NULL,
                           .send = t->gives,
                           .rank = t->rank,
                           .sum = t->sum};
  topic_drop_slot(s, t);
  int found = s->host.lack(s->host.ud, &l, e);
  if (found < 0) {
    return found;
  }
  if (l.key == NULL && (size_t)found != l.n) { /* forged: we never had them */
    return topic_escalate(s, t, e);
  }
  t->state = TOPIC_SETTLED;
  return ask_for(s, t, e);
}

/* ---- sketches ---- */

static int take_apart(struct session *s, struct topic *t, uint32_t k,
                      struct err *e)
{
  struct peel *peel_ = s->peel;
  struct sketch_part *part = t->slot->part[k];
  int verdict = peel(peel_, &t->slot->mine[k], part, &t->set.set, e);
  if (verdict < 0) {
    return verdict;
  }
  if (verdict == PEEL_BAD ||
      (verdict == PEEL_MORE && part->count == SKETCH_CELLS)) {
    return topic_escalate(s, t, e);
  }
  if (verdict == PEEL_MORE) {
    uint8_t body[3];
    wire_put(body, topic_id(s, t), 2);
    body[2] = (uint8_t)k;
    return session_put(s, FRAME_MORE, span_of(body, sizeof body), e);
  }
  for (uint32_t i = 0; i < peel_->n; i++) {
    struct buf *to = peel_->ours[i] ? &t->ours : &t->theirs;
    if (buf_put(to, &peel_->handle[i], sizeof peel_->handle[i]) < 0) {
      return session_nomem(e);
    }
  }
  mem_free(part);
  t->slot->part[k] = NULL;
  t->slot->cells[k] = SKETCH_CELLS; /* done with */
  return --t->slot->undone == 0 ? settle(s, t, e) : 0;
}

int decode_part(struct session *s, struct topic *t, uint32_t k,
                struct span bytes, struct err *e)
{
  int rc = 0;
  if (t->slot == NULL) {
    if (t->level != LEVEL_SKETCH || s->slots[false] >= SESSION_SKETCHES_MAX) {
      return session_breach(e, "more sketches than were asked for");
    }
    if ((rc = topic_slot(s, t, 1, e)) < 0 ||
        (rc = topic_snapshot(s, t, &t->slot->mine[0], e)) < 0) {
      return rc;
    }
  }
  struct slot *slot = t->slot;
  if (k >= slot->n || slot->cells[k] == SKETCH_CELLS) {
    return session_breach(e, "a sketch that is taken apart already");
  }
  if (s->peel == NULL) {
    s->peel = mem_zero(sizeof *s->peel);
  }
  if (slot->part[k] == NULL) {
    slot->part[k] = mem_zero(sizeof *slot->part[k]);
  }
  if (s->peel == NULL || slot->part[k] == NULL) {
    return session_nomem(e);
  }
  rc = sketch_part_read(slot->part[k], bytes, e);
  return rc < 0 ? rc : take_apart(s, t, k, e);
}

/* ---- lists ---- */

/* Two ascending lists: take out of each what is in both. */
static void take_common(struct buf *a, struct buf *b)
{
  uint64_t *x = handles_of(a), *y = handles_of(b);
  size_t an = a->n / 8, bn = b->n / 8, i = 0, k = 0, ai = 0, bi = 0;
  while (i < an || k < bn) {
    if (k == bn || (i < an && x[i] < y[k])) {
      x[ai++] = x[i++];
    } else if (i == an || y[k] < x[i]) {
      y[bi++] = y[k++];
    } else {
      i++;
      k++;
    }
  }
  a->n = 8 * ai;
  b->n = 8 * bi;
}

/* The catalogue: all handles of both are here. */
static int list_catalogue(struct session *s, struct topic *t, struct err *e)
{
  buf_clear(&t->ours);
  for (size_t i = 0; i < s->catalogue.n; i++) {
    uint64_t handle = s->catalogue.entry[i].handle;
    if (buf_put(&t->ours, &handle, sizeof handle) < 0) {
      return session_nomem(e);
    }
  }
  handles_sort(handles_of(&t->ours), t->ours.n / 8);
  take_common(&t->ours, &t->theirs);
  return settle_catalogue(s, t, e);
}

/* Of t->theirs, move those that we have, too, to t->ours. */
static int part_list(struct topic *t, struct err *e)
{
  uint64_t *theirs = handles_of(&t->theirs);
  size_t n = t->theirs.n / 8, left = 0;
  buf_clear(&t->ours);
  for (size_t i = 0; i < n; i++) {
    int has = t->set.set.has(t->set.set.host, theirs[i], e);
    if (has < 0) {
      return has;
    }
    if (has == 0) {
      theirs[left++] = theirs[i];
    } else if (buf_put(&t->ours, &theirs[i], 8) < 0) {
      return session_nomem(e);
    }
  }
  t->theirs.n = 8 * left;
  return 0;
}

int decode_list(struct session *s, struct topic *t, struct err *e)
{
  if (topic_id(s, t) == CATALOGUE) {
    return list_catalogue(s, t, e);
  }
  if (is_window(s, t)) {
    take_common(&t->ours, &t->theirs);
    return settle(s, t, e);
  }
  int rc = part_list(t, e);
  struct session_lack l = {.name = buf_span(&t->name),
                           .handle = handles_of(&t->ours),
                           .n = t->ours.n / 8,
                           .upto = t->set.upto,
                           .rank = t->rank};
  if (rc == 0 && t->sum != NULL) { /* it has what is in both, and the rest */
    memset(t->sum, 0, sizeof *t->sum);
    l.sum = t->sum;
    l.add = true;
    rc = s->host.lack(s->host.ud, &l, e);
    l.sum = NULL;
  }
  if (rc >= 0 && t->gives) {
    l.all_but = l.send = true;
    rc = s->host.lack(s->host.ud, &l, e);
  }
  t->state = TOPIC_SETTLED;
  return rc < 0 ? rc : ask_for(s, t, e);
}

int decode_lack(struct session *s, struct topic *t, uint8_t flags,
                struct span handles, struct err *e)
{
  buf_clear(&t->theirs);
  int rc = decode_handles(&t->theirs, handles, HANDLES_A_FRAME, e);
  if (rc < 0) {
    return rc;
  }
  /* Some of what comes out of a sketch may be nobody's; not more than all. */
  t->lacked += t->theirs.n / 8;
  if (t->lacked > t->set.count + PEEL_HANDLES_MAX) {
    return session_breach(e, "it lacks more than there is");
  }
  if (!s->initiator && (flags & LACK_SEND) != 0) {
    mem_free(t->sum); /* the initiator follows it as well: it proves */
    t->sum = NULL;
  }
  struct session_lack l = {.name = buf_span(&t->name),
                           .handle = handles_of(&t->theirs),
                           .n = t->theirs.n / 8,
                           .key = t->level != LEVEL_SKETCH ? s->key : NULL,
                           .send = t->gives && (flags & LACK_SEND) != 0,
                           .rank = t->rank,
                           .sum = t->sum};
  rc = l.n > 0 ? s->host.lack(s->host.ud, &l, e) : 0;
  buf_clear(&t->theirs);
  if (rc >= 0 && (flags & LACK_LAST) != 0) {
    topic_drop_slot(s, t);
    t->state = TOPIC_SETTLED;
    buf_free(&t->theirs);
    buf_free(&t->ours);
  }
  return rc < 0 ? rc : 0;
}
