/* SPDX-License-Identifier: 0BSD */
/* Walks over a whole set, when its persistent sketch did not do: under a key
 * that both sessions' random numbers are in, so that nobody can have made
 * parcels for it beforehand. A slice at a time. */
#include "base/mem.h"
#include "sync/handles.h"
#include "sync/session_int.h"

#include <string.h>

#define SLICE 64 /* batches */
#define BATCH 64 /* parcels */

int scan_start(struct session *s, struct topic *t, struct err *e)
{
  int rc = topic_snapshot(s, t, NULL, e);
  uint8_t key[HASH_SIZE];
  if (rc < 0) {
    return rc;
  }
  session_salted(s, key, "handles", span_of(NULL, 0), span_of(NULL, 0));
  memcpy(s->key, key, sizeof s->key);
  t->cursor = 0;
  t->state = TOPIC_SCANS;
  buf_clear(&t->ours);
  return t->level == LEVEL_KEYED ? topic_slot(s, t, 1u << t->bits, e) : 0;
}

/* Note the handles of the window: 1, 0 at the end. */
static int note_window(struct session *s, struct topic *t, struct err *e)
{
  uint8_t batch[BATCH][SET_DIGEST_SIZE];
  int n = t->set.set.next(t->set.set.host, &t->cursor, batch, BATCH, e);
  for (int i = 0; i < n; i++) {
    uint64_t handle = sketch_keyed_handle(s->key, batch[i]);
    if (t->bits > 0 && handle >> (64 - t->bits) != t->window) {
      continue;
    }
    if (t->ours.n / 8 == 4 * SESSION_WINDOW_IDS) {
      return session_breach(e, "its windows are too wide");
    }
    if (buf_put(&t->ours, &handle, sizeof handle) < 0) {
      return session_nomem(e);
    }
  }
  if (n == 0) {
    handles_sort(handles_of(&t->ours), t->ours.n / 8);
  }
  return n > 0 ? 1 : n;
}

int scan_step(struct session *s, struct topic *t, struct err *e)
{
  int rc = 1;
  struct sketch_scan scan = {
      .keyed = true, .cells_only = true, .bits = t->bits, .cursor = t->cursor};
  memcpy(scan.key, s->key, sizeof scan.key);
  for (int i = 0; rc > 0 && i < SLICE; i++) {
    if (t->level == LEVEL_IDS) {
      rc = note_window(s, t, e);
    } else {
      scan.sketch = t->slot->mine;
      rc = sketch_scan_step(&scan, &t->set.set, e);
      t->cursor = scan.cursor;
    }
  }
  return rc;
}
