/* SPDX-License-Identifier: 0BSD */
#include "station/way.h"

#include <stdio.h>
#include <string.h>

static struct span way_key(uint8_t out[WAY_KEY_SIZE], bool file, uint64_t ref)
{
  memcpy(out, file ? "way/f/" : "way/b/", 6);
  for (int i = 0; i < 8; i++) {
    out[6 + i] = (uint8_t)(~ref >> (56 - 8 * i));
  }
  return span_of(out, WAY_KEY_SIZE);
}

void way_set(struct station *st, const char *name)
{
  (void)snprintf(st->ways.now, sizeof st->ways.now, "%s", name);
}

/* The first pair of the kind behind ${after} (empty: of all). */
static int first_pair(struct station *st, bool file, struct span after,
                      char out[QUOTA_WAY_MAX + 1], struct err *e)
{
  struct buf pairs = {0};
  struct kv_reader r = {0};
  struct span key, value;
  struct span prefix = span_of(file ? "way/f/" : "way/b/", 6);
  int rc = st->store->ops->kv_list(st->store, prefix, after, &pairs, 1, e);
  out[0] = 0;
  r.pairs = buf_span(&pairs);
  if (rc >= 0 && kv_next(&r, &key, &value)) {
    (void)snprintf(out, QUOTA_WAY_MAX + 1, "%.*s", (int)value.n,
                   (const char *)value.p);
  }
  buf_free(&pairs);
  return rc < 0 ? rc : 0;
}

int way_note(struct station *st, bool file, uint8_t key[WAY_KEY_SIZE],
             struct store_pair *out, struct err *e)
{
  struct ways *w = &st->ways;
  struct store_room room;
  int rc;
  if (w->groups_lost != st->groups_lost) { /* what was noted there is lost */
    w->groups_lost = st->groups_lost;
    w->last[0].known = w->last[1].known = false;
  }
  if (!w->last[file].known) {
    rc = first_pair(st, file, span_of(NULL, 0), w->last[file].noted, e);
    if (rc < 0) {
      return rc;
    }
    w->last[file].known = true;
  }
  const char *now = w->now[0] != 0 ? w->now : WAY_OWN;
  if (strcmp(w->last[file].noted, now) == 0) {
    return 0;
  }
  if ((rc = st->store->ops->room(st->store, &room, e)) < 0) {
    return rc;
  }
  out->key = way_key(key, file, file ? room.next_file : room.next);
  out->value = span_of(now, strlen(now));
  return 1;
}

void way_noted(struct station *st, bool file)
{
  struct ways *w = &st->ways;
  (void)snprintf(w->last[file].noted, sizeof w->last[file].noted, "%s",
                 w->now[0] != 0 ? w->now : WAY_OWN);
}

int way_of(struct station *st, uint64_t ref, bool file,
           char out[QUOTA_WAY_MAX + 1], struct err *e)
{
  uint8_t key[WAY_KEY_SIZE];
  struct span after = way_key(key, file, ref + 1);
  return first_pair(st, file, after, out, e);
}
