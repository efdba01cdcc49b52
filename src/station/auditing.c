/* SPDX-License-Identifier: 0BSD */
#include "station/auditing.h"

#include "base/check.h"
#include "station/admit.h"
#include "station/change.h"
#include "store/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE 64

void auditing_free(struct auditing *a)
{
  buf_free(&a->docs);
  buf_free(&a->seen);
  change_del(a->change);
}

static size_t docs_of(const struct auditing *a)
{
  return a->docs.n / sizeof(struct store_audit);
}

static struct store_audit doc_at(const struct auditing *a, size_t i)
{
  struct store_audit d;
  memcpy(&d, a->docs.p + i * sizeof d, sizeof d);
  return d;
}

/* Where document ${ref} is, or would be. */
static size_t place_of(const struct auditing *a, uint64_t ref)
{
  size_t from = 0, to = docs_of(a);
  while (from < to) {
    size_t middle = from + (to - from) / 2;
    if (doc_at(a, middle).ref < ref) {
      from = middle + 1;
    } else {
      to = middle;
    }
  }
  return from;
}

/* What the index holds now. Those of it that were seen are seen again. */
static int take(struct station *st, struct auditing *a, struct err *e)
{
  struct auditing old = {.docs = a->docs, .seen = a->seen};
  memset(&a->docs, 0, sizeof a->docs);
  memset(&a->seen, 0, sizeof a->seen);
  int rc = st->store->ops->version(st->store, &a->version, e);
  if (rc == 0 && (rc = st->store->ops->audit(st->store, &a->docs, e)) == 0) {
    rc = buf_reserve(&a->seen, docs_of(a) + 1);
    rc = rc < 0 ? err_set(e, rc, "not enough memory") : 0;
  }
  for (size_t i = 0; rc == 0 && i < docs_of(a); i++) {
    uint64_t ref = doc_at(a, i).ref;
    size_t at = place_of(&old, ref);
    bool was = at < docs_of(&old) && doc_at(&old, at).ref == ref;
    a->seen.p[a->seen.n++] = was ? old.seen.p[at] : 0;
  }
  a->next = 0;
  buf_free(&old.docs);
  buf_free(&old.seen);
  return rc;
}

/* What the record comes to: 1, or 0 when it has no document. */
static int wanted(struct station *st, struct auditing *a, uint64_t ref,
                  struct store_audit *out, struct err *e)
{
  struct change *c = a->change;
  int rc;
  change_clear(c);
  if (ref > st->unindexed_after) {
    return 0;
  }
  rc = indexing_document(st, c, ref, e);
  if (rc < 0 || c->failed || c->docs.n == 0) {
    return rc < 0      ? rc
           : c->failed ? err_set(e, ERR_NOMEM, "not enough memory")
                       : 0;
  }
  const struct change_doc *d = &c->docs.doc[0];
  const uint8_t *p = c->tokens.p;
  *out = audit_of(&(struct store_doc){
      .ref = ref,
      .time = d->time,
      .length = d->length,
      .terms = span_of(p + d->start, d->middle - d->start),
      .facets = span_of(p + d->middle, d->end - d->middle)});
  return 1;
}

/* Is what the index has of ${ref} what there should be? 1, 0. */
static int agrees(struct station *st, struct auditing *a, uint64_t ref,
                  struct err *e)
{
  struct store_audit want;
  size_t at = place_of(a, ref);
  bool here = at < docs_of(a) && doc_at(a, at).ref == ref;
  int rc = wanted(st, a, ref, &want, e);
  if (rc < 0) {
    return rc;
  }
  if (here) {
    struct store_audit got = doc_at(a, at);
    a->seen.p[at] = 1;
    here = rc > 0 && got.terms == want.terms && got.rest == want.rest;
    return here;
  }
  return rc == 0;
}

/* The same; when it seems not to, but something was written since, what the
 * index holds is looked at once more. */
static int agrees_now(struct station *st, struct auditing *a, uint64_t ref,
                      struct err *e)
{
  uint64_t version;
  int rc = agrees(st, a, ref, e);
  if (rc != 0) {
    return rc;
  }
  if ((rc = st->store->ops->version(st->store, &version, e)) < 0 ||
      version == a->version || (rc = take(st, a, e)) < 0) {
    return rc;
  }
  return agrees(st, a, ref, e);
}

static int look_at(struct station *st, struct auditing *a, uint64_t ref,
                   audit_sink *fault, void *ud, struct err *e)
{
  char text[CID_TEXT_SIZE + 1], sentence[160];
  struct cid id;
  int rc = agrees_now(st, a, ref, e);
  if (rc == ERR_CORRUPT || rc == ERR_NOENT) {
    return 0; /* the block itself is damaged or gone: told elsewhere */
  }
  if (rc != 0) {
    return rc < 0 ? rc : 0;
  }
  rc = st->store->ops->get_ref(st->store, ref, &id, NULL, e);
  if (rc == 0) {
    cid_text(text, &id);
    (void)snprintf(sentence, sizeof sentence,
                   "record %s: the search index has something else of it",
                   text);
  } else {
    (void)snprintf(
        sentence, sizeof sentence,
        "the search index has a document %" PRIu64 " that is no record", ref);
  }
  fault(ud, sentence);
  return rc == ERR_NOENT || rc == ERR_CORRUPT ? 0 : rc;
}

static int look_on(struct station *st, struct auditing *a, audit_sink *fault,
                   void *ud, struct err *e)
{
  uint64_t refs[PAGE];
  int n = st->store->ops->walk(st->store, a->after, false, refs, PAGE, e);
  for (int i = 0; i < n; i++) {
    a->after = refs[i];
    int rc = look_at(st, a, refs[i], fault, ud, e);
    if (rc < 0) {
      return rc;
    }
  }
  return n;
}

/* Documents that no block stands for. */
static int look_back(struct station *st, struct auditing *a, audit_sink *fault,
                     void *ud, struct err *e)
{
  for (int i = 0; i < PAGE && a->next < docs_of(a); i++) {
    size_t at = a->next++;
    if (a->seen.p[at] == 0) {
      uint64_t ref = doc_at(a, at).ref;
      int rc = look_at(st, a, ref, fault, ud, e);
      if (rc < 0) {
        return rc;
      }
    }
  }
  return a->next < docs_of(a);
}

int auditing_step(struct station *st, struct auditing *a, audit_sink *fault,
                  void *ud, struct err *e)
{
  int rc = station_refresh(st, e);
  if (rc < 0 || st->half_derived) {
    return rc; /* it is being made anew */
  }
  if (!a->begun) {
    a->begun = true;
    a->change = change_new(st->analyser);
    rc = a->change == NULL ? err_set(e, ERR_NOMEM, "not enough memory")
                           : take(st, a, e);
    if (rc == ERR_CORRUPT) {
      fault(ud, e->text);
      return 0;
    }
    if (rc == ERR_READONLY) {
      return 0; /* of an older version: whoever opens it for writing drops it */
    }
    return rc < 0 ? rc : 1;
  }
  /* What is written between two steps is looked at, too, and does not put off
   * the end. */
  rc = look_on(st, a, fault, ud, e);
  rc = rc >= 0 && rc < PAGE ? look_back(st, a, fault, ud, e) : rc;
  if (rc == ERR_CORRUPT) { /* taken again, it has become so */
    fault(ud, e->text);
    return 0;
  }
  return rc < 0 ? rc : rc > 0;
}
