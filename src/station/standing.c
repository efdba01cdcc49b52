/* SPDX-License-Identifier: 0BSD */
#include "station/standing.h"

#include "base/mem.h"
#include "station/listing.h"

#include <math.h>
#include <string.h>

#define YEAR (365.25 * 24 * 60 * 60)
#define SEEN_MAX 32 /* the newest records about one; of each who is trusted */

/* What a label may say that counts here: the first half hides. */
static const char *const words[] = {"hide",  "spam",  "abuse",    "malware",
                                    "lower", "wrong", "outdated", "duplicate"};
enum { WORDS = sizeof words / sizeof words[0], HIDING = 4 };

struct looking {
  struct station *st;
  const struct entry *en;
  const struct search_query *q;
  struct standing *out;
  uint8_t holder[STANDING_HELD_MAX][CRYPT_KEY_SIZE];
  size_t holders;
  uint8_t *heard; /* of each who is trusted, a bit for each word: newer labels
                     than those to come said it */
};

/* Who is trusted first, or the end of the list. */
static size_t find_trusted(const struct looking *l, const uint8_t *author)
{
  size_t i = 0;
  while (i < l->q->trusts &&
         memcmp(l->q->trust[i], author, CRYPT_KEY_SIZE) != 0) {
    i++;
  }
  return i;
}

static void hear_label(struct looking *l, const struct record *rec, size_t who)
{
  int word = 0;
  while (word < WORDS && !span_is(rec->value, words[word])) {
    word++;
  }
  if (who >= l->q->trusts || word == WORDS || l->heard[who] >> word & 1) {
    return;
  }
  l->heard[who] |= (uint8_t)(1 << word);
  if (!rec->negated &&
      (rec->expires == 0 || rec->expires > station_now(l->st))) {
    l->out->hidden = l->out->hidden || word < HIDING;
    l->out->labels = STANDING_LOWER;
  }
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

/* Read record ${ref}: 1 when it is about this one. */
static int load(struct looking *l, uint64_t ref, struct buf *block,
                struct record *rec, struct err *e)
{
  struct store *store = l->st->store;
  buf_clear(block);
  int rc = store->ops->get_ref(store, ref, NULL, block, e);
  rc = rc < 0 ? rc : record_read(rec, buf_span(block), e);
  return rc < 0 ? rc : rec->has_about && cid_equal(&rec->about, &l->en->cid);
}

/* The labels of one who is trusted, whatever others say about it. */
static int hear_trusted(struct looking *l, size_t who, struct err *e)
{
  uint8_t key[CHANGE_KEY_MAX];
  int64_t sorts[SEEN_MAX];
  uint64_t refs[SEEN_MAX];
  struct buf block = {0};
  struct record rec;
  int rc = label_key(key, l->q->trust[who], &l->en->cid);
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  int n = l->st->store->ops->rows(
      l->st->store, IDX_LABELLER, span_of(key, sizeof key), INT64_MAX,
      UINT64_MAX >> 1, true, sorts, refs, SEEN_MAX, e);
  rc = n < 0 ? n : 0;
  for (int i = 0; i < n && rc >= 0; i++) {
    rc = load(l, refs[i], &block, &rec, e);
    if (rc > 0 && rec.kind == RECORD_LABEL) {
      hear_label(l, &rec, who);
    }
  }
  buf_free(&block);
  return rc < 0 ? rc : 0;
}

/* Any that is about it: who holds it; and labels, as an older version left no
 * rows for hear_trusted (until they are renewed). */
static int hear(struct looking *l, uint64_t ref, struct err *e)
{
  struct listing by[LISTINGS_MAX];
  struct buf block = {0};
  struct record rec;
  int rc = load(l, ref, &block, &rec, e);
  if (rc > 0) {
    bool holdings = span_is(rec.type, "holdings");
    bool label = rec.kind == RECORD_LABEL && l->heard != NULL;
    rc = holdings || label ? listings(l->st, ref, by, e) : 0;
    for (int i = 0; i < rc; i++) {
      if (holdings) {
        hear_holder(l, &by[i]);
      } else {
        hear_label(l, &rec, find_trusted(l, by[i].author));
      }
    }
  }
  buf_free(&block);
  return rc < 0 ? rc : 0;
}

static int hear_all(struct looking *l, struct err *e)
{
  int64_t sorts[SEEN_MAX];
  uint64_t refs[SEEN_MAX];
  int n = l->st->store->ops->rows(l->st->store, IDX_ABOUT, cid_key(&l->en->cid),
                                  INT64_MAX, UINT64_MAX >> 1, true, sorts, refs,
                                  SEEN_MAX, e);
  int rc = n < 0 ? n : 0;
  if (n > 0 && l->q->trusts > 0 &&
      (l->heard = mem_zero(l->q->trusts)) == NULL) {
    rc = err_set(e, ERR_NOMEM, "not enough memory");
  }
  for (size_t i = 0; l->heard != NULL && i < l->q->trusts && rc == 0; i++) {
    rc = hear_trusted(l, i, e);
  }
  for (int i = 0; i < n && rc == 0; i++) {
    rc = hear(l, refs[i], e);
  }
  mem_free(l->heard);
  return rc;
}

int standing_of(struct station *st, const struct entry *en,
                const struct search_query *q, struct standing *out,
                struct err *e)
{
  struct looking l = {.st = st, .en = en, .q = q, .out = out};
  double age = (double)(station_now(st) - en->time);
  *out = (struct standing){1, 1, 1, false};
  out->newer = 1 + STANDING_NEWER * exp2(-(age > 0 ? age : 0) / YEAR);
  int rc = hear_all(&l, e);
  out->held = 1 + STANDING_HELD * (double)l.holders;
  return rc;
}
