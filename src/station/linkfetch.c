/* SPDX-License-Identifier: 0BSD */
/* What is missing here and wanted by the follow rules, the dearest first:
 * records; small files; parts of files that were begun; large files; of each
 * kind the newest. */
#include "base/mem.h"
#include "form/unixfs.h"
#include "station/link_int.h"
#include "station/wanting.h"

#include <stdlib.h>
#include <string.h>

#define WANTS_MAX 2048u /* kept from one walk: then it walks again */
#define BELOW_MAX (16u * UNIXFS_LINKS_MAX * sizeof(struct cid))
#define GONE_MAX 256u        /* in a row: the peer has nothing of it */
#define KIND (INT64_MAX / 8) /* parts the kinds; times are < 2^53 */

static int64_t before(enum wanting_kind kind, int64_t time)
{
  return (int64_t)kind * KIND + (CBOR_INT_MAX - time);
}

/* ---- the walk over what is missing ---- */

static int compare_want(const void *a, const void *b)
{
  const struct fetch_want *x = a, *y = b;
  return x->before != y->before ? (x->before < y->before ? -1 : 1)
                                : cid_compare(&x->cid, &y->cid);
}

/* Keep the dearest. */
static int add_want(struct fetch *f, const struct cid *cid, int64_t rate,
                    struct err *e)
{
  if (f->n == f->cap && f->cap < 2 * (size_t)WANTS_MAX) {
    size_t cap = f->cap > 0 ? 2 * f->cap : 64;
    struct fetch_want *want = mem_resize(f->want, cap, sizeof *want);
    if (want == NULL) {
      return err_set(e, ERR_NOMEM, "not enough memory");
    }
    f->want = want;
    f->cap = cap;
  }
  if (f->n == f->cap) {
    qsort(f->want, f->n, sizeof *f->want, compare_want);
    f->n = WANTS_MAX;
  }
  f->want[f->n++] = (struct fetch_want){*cid, rate};
  return 0;
}

struct noting {
  struct fetch *f;
  struct err *e;
};

static int note(void *ud, const struct cid *cid, const char *kind,
                const struct cid *wanted_by)
{
  struct noting *n = ud;
  struct fetch *f = n->f;
  struct wanting how;
  if (refset_has_cid(&f->asked, cid) || (f->no_files && kind[0] != 'r')) {
    return 0;
  }
  int rc = wanting_told(f->st, cid, kind, wanted_by, &how, n->e);
  return rc <= 0 ? rc : add_want(f, cid, before(how.kind, how.time), n->e);
}

/* 1: more. */
static int walk(struct fetch *f, struct err *e)
{
  struct noting n = {f, e};
  int rc = missing_step(f->st, &f->walk, note, &n, e);
  if (rc == 0) {
    f->walking = false;
    f->at = 0;
    if (f->n > 0) {
      qsort(f->want, f->n, sizeof *f->want, compare_want);
    }
    f->n = f->n < WANTS_MAX ? f->n : WANTS_MAX;
  }
  return rc;
}

/* ---- the next ones ---- */

/* Is it still not here, and was it never asked for? Then it is from now on. */
static int take(struct fetch *f, const struct cid *cid, struct err *e)
{
  uint64_t here;
  if (f->no_files && cid_codec(cid) != CID_DAG_CBOR) {
    return 0;
  }
  int rc = f->st->store->ops->find(f->st->store, cid, 1, &here, e);
  if (rc < 0 || here != 0) {
    return rc;
  }
  rc = refset_add_cid(&f->asked, cid);
  return rc < 0 ? err_set(e, rc, "not enough memory") : rc;
}

static bool next_want(struct fetch *f, struct cid *out)
{
  if (f->below.n > 0) {
    f->below.n -= sizeof *out;
    memcpy(out, f->below.p + f->below.n, sizeof *out);
    return true;
  }
  if (!f->walking && f->at < f->n) {
    *out = f->want[f->at++].cid;
    return true;
  }
  return false;
}

int fetch_next(struct fetch *f, struct cid *out, size_t max, bool *more,
               struct err *e)
{
  size_t n = 0;
  *more = false;
  if (f->gone >= GONE_MAX) {
    return 0;
  }
  if (f->walking) {
    int rc = walk(f, e);
    *more = rc >= 0;
    return rc < 0 ? rc : 0;
  }
  while (n < max && next_want(f, &out[n])) {
    int rc = take(f, &out[n], e);
    if (rc < 0) {
      return rc;
    }
    n += (size_t)rc;
  }
  /* A walk that brought something is followed by another. */
  if (n == 0 && (f->n > 0 || !f->listed)) {
    f->listed = f->walking = *more = true;
    f->n = f->at = 0;
    f->walk = (struct missing_walk){0};
  }
  return (int)n;
}

int fetch_node(struct fetch *f, struct span bytes, struct err *e)
{
  struct unixfs_node node;
  struct unixfs_links it = {0};
  struct unixfs_link link;
  size_t was = f->below.n;
  int rc = unixfs_read(&node, bytes, e);
  while (rc == 0 && f->below.n < BELOW_MAX &&
         unixfs_link_next(&node, &it, &link)) {
    rc = buf_put(&f->below, &link.cid, sizeof link.cid);
  }
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  /* The first is to be the next. */
  struct cid *first = (struct cid *)(void *)(f->below.p + was);
  size_t n = (f->below.n - was) / sizeof *first;
  for (size_t i = 0; i < n / 2; i++) {
    struct cid swap = first[i];
    first[i] = first[n - 1 - i];
    first[n - 1 - i] = swap;
  }
  return 0;
}

void fetch_no_files(struct fetch *f)
{
  f->no_files = true;
  buf_clear(&f->below);
}

void fetch_gone(struct fetch *f)
{
  f->gone++;
}

void fetch_came(struct fetch *f)
{
  f->gone = 0;
}

void fetch_free(struct fetch *f)
{
  mem_free(f->want);
  buf_free(&f->below);
  refset_free(&f->asked);
}
