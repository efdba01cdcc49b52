/* SPDX-License-Identifier: 0BSD */
#include "station/standing.h"

#include "station/listing.h"

#include <math.h>
#include <string.h>

#define YEAR (365.25 * 24 * 60 * 60)
#define SEEN_MAX 32 /* records about one that are looked at, the newest */

enum verdict { NOTHING, LOWER, HIDE };

static enum verdict verdict_of(struct span value)
{
  static const char *const hide[] = {"hide", "spam", "abuse", "malware"};
  static const char *const lower[] = {"lower", "wrong", "outdated",
                                      "duplicate"};
  for (size_t i = 0; i < 4; i++) {
    if (span_is(value, hide[i])) {
      return HIDE;
    }
    if (span_is(value, lower[i])) {
      return LOWER;
    }
  }
  return NOTHING;
}

struct looking {
  struct station *st;
  const struct entry *en;
  const struct search_query *q;
  struct standing *out;
  uint8_t holder[STANDING_HELD_MAX][CRYPT_KEY_SIZE];
  size_t holders;
  struct { /* what was said already, by newer labels */
    uint8_t author[CRYPT_KEY_SIZE];
    char value[RECORD_LABEL_MAX + 1];
  } said[SEEN_MAX];
  size_t saids;
};

static bool trusted(const struct looking *l, const uint8_t *author)
{
  for (size_t i = 0; i < l->q->trusts; i++) {
    if (memcmp(l->q->trust[i], author, CRYPT_KEY_SIZE) == 0) {
      return true;
    }
  }
  return false;
}

/* Has the author said this before, which is to say later? */
static bool said(struct looking *l, const uint8_t *author, struct span value)
{
  for (size_t i = 0; i < l->saids; i++) {
    if (memcmp(l->said[i].author, author, CRYPT_KEY_SIZE) == 0 &&
        span_is(value, l->said[i].value)) {
      return true;
    }
  }
  if (l->saids < SEEN_MAX && value.n <= RECORD_LABEL_MAX) {
    memcpy(l->said[l->saids].author, author, CRYPT_KEY_SIZE);
    memcpy(l->said[l->saids].value, value.p, value.n);
    l->said[l->saids++].value[value.n] = '\0';
  }
  return false;
}

static void hear_label(struct looking *l, const struct record *rec,
                       const struct listing *by)
{
  enum verdict v = verdict_of(rec->value);
  if (v == NOTHING || !trusted(l, by->author) ||
      said(l, by->author, rec->value) || rec->negated ||
      (rec->expires != 0 && rec->expires <= station_now(l->st))) {
    return;
  }
  l->out->hidden = l->out->hidden || v == HIDE;
  l->out->labels = STANDING_LOWER;
}

static void hear_holder(struct looking *l, const struct listing *by)
{
  for (size_t i = 0; i < l->holders; i++) {
    if (memcmp(l->holder[i], by->author, CRYPT_KEY_SIZE) == 0) {
      return;
    }
  }
  if (l->holders < STANDING_HELD_MAX) {
    memcpy(l->holder[l->holders++], by->author, CRYPT_KEY_SIZE);
  }
}

static int hear(struct looking *l, uint64_t ref, struct err *e)
{
  struct store *store = l->st->store;
  struct listing by[LISTINGS_MAX];
  struct buf block = {0};
  struct record rec;
  int rc = store->ops->get_ref(store, ref, NULL, &block, e);
  if (rc == 0 && (rc = record_read(&rec, buf_span(&block), e)) == 0 &&
      rec.has_about && cid_equal(&rec.about, &l->en->cid)) {
    bool holdings = span_is(rec.type, "holdings");
    rc = holdings || rec.kind == RECORD_LABEL ? listings(l->st, ref, by, e) : 0;
    for (int i = 0; i < rc; i++) {
      if (holdings) {
        hear_holder(l, &by[i]);
      } else {
        hear_label(l, &rec, &by[i]);
      }
    }
  }
  buf_free(&block);
  return rc < 0 ? rc : 0;
}

int standing_of(struct station *st, const struct entry *en,
                const struct search_query *q, struct standing *out,
                struct err *e)
{
  struct looking l = {.st = st, .en = en, .q = q, .out = out};
  int64_t sorts[SEEN_MAX];
  uint64_t refs[SEEN_MAX];
  double age = (double)(station_now(st) - en->time);
  *out = (struct standing){1, 1, 1, false};
  out->newer = 1 + STANDING_NEWER * exp2(-(age > 0 ? age : 0) / YEAR);
  int n =
      st->store->ops->rows(st->store, IDX_ABOUT, cid_key(&en->cid), INT64_MAX,
                           UINT64_MAX >> 1, true, sorts, refs, SEEN_MAX, e);
  int rc = n < 0 ? n : 0;
  for (int i = 0; i < n && rc == 0; i++) {
    rc = hear(&l, refs[i], e);
  }
  out->held = 1 + STANDING_HELD * (double)l.holders;
  return rc;
}
