/* SPDX-License-Identifier: 0BSD */
/* What is missing here and wanted by the follow rules, the dearest first:
 * records; small files; parts of files that were begun; large files; of each
 * kind what wants.h puts first.
 *
 * A name costs nothing, and a peer may have nothing of what others named. So
 * whoever wants a block is passed over after GONE_IN_A_ROW of theirs that the
 * peer lacks, and a lot of wants (a kind, of trusted or of others) after
 * GONE_FREE and as many as blocks came of it: no lot ends another one. */
#include "base/mem.h"
#include "form/unixfs.h"
#include "station/link_int.h"

#include <string.h>

#define WANTS_MAX 4096u /* kept from one walk: then it walks again */
#define BELOW_MAX (16u * UNIXFS_LINKS_MAX * sizeof(struct fetch_asked))
#define GONE_IN_A_ROW 64u
#define GONE_FREE 1024u

/* ---- what the peer lacks ---- */

static bool spent(const struct fetch *f, uint8_t lot, uint16_t slot)
{
  return f->gone_of[slot] >= GONE_IN_A_ROW ||
         f->gone[lot] >= GONE_FREE + f->came[lot];
}

static bool leaves(void *ud, const struct want *w)
{
  return spent(ud, w->lot, w->slot);
}

/* Was it asked for? Then it is no longer, and ${out} tells for whom. */
static bool take_asked(struct fetch *f, const struct cid *cid,
                       struct fetch_asked *out)
{
  for (size_t i = 0; i < f->under_way_n; i++) {
    if (cid_equal(&f->under_way[i].cid, cid)) {
      *out = f->under_way[i];
      f->under_way_n--;
      memmove(&f->under_way[i], &f->under_way[i + 1],
              (f->under_way_n - i) * sizeof *f->under_way);
      return true;
    }
  }
  return false;
}

void fetch_gone(struct fetch *f, const struct cid *cid)
{
  struct fetch_asked was;
  if (take_asked(f, cid, &was)) {
    f->gone[was.lot]++;
    if (f->gone_of[was.slot] < GONE_IN_A_ROW) {
      f->gone_of[was.slot]++;
    }
  }
}

void fetch_came(struct fetch *f, const struct cid *cid)
{
  struct fetch_asked was;
  if (take_asked(f, cid, &was)) {
    f->came[was.lot]++;
    f->gone_of[was.slot] = 0;
    f->last = was;
  }
}

/* ---- the next ones ---- */

static int begin_walk(struct fetch *f, struct err *e)
{
  if (f->wants == NULL && (f->wants = mem_zero(sizeof *f->wants)) == NULL) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  f->wants->st = f->st;
  f->wants->most = WANTS_MAX;
  f->wants->timely = true;
  f->wants->records_only = f->no_files;
  f->wants->passed = &f->asked;
  f->wants->leaves = leaves;
  f->wants->ud = f;
  wants_begin(f->wants);
  f->at = 0;
  f->listed = f->walking = true;
  return 0;
}

/* 1: more. */
static int walk(struct fetch *f, struct err *e)
{
  int rc = wants_step(f->wants, e);
  f->walking = rc > 0;
  return rc;
}

/* Is it still not here, and was it never asked for? Then it is from now on. */
static int take(struct fetch *f, const struct fetch_asked *want, struct err *e)
{
  uint64_t here;
  if ((f->no_files && cid_codec(&want->cid) != CID_DAG_CBOR) ||
      spent(f, want->lot, want->slot)) {
    return 0;
  }
  int rc = f->st->store->ops->find(f->st->store, &want->cid, 1, &here, e);
  if (rc < 0 || here != 0) {
    return rc;
  }
  rc = refset_add_cid(&f->asked, &want->cid);
  if (rc > 0 && f->under_way_n < SESSION_ASKED_MAX) {
    f->under_way[f->under_way_n++] = *want;
  }
  return rc < 0 ? err_set(e, rc, "not enough memory") : rc;
}

static bool next_want(struct fetch *f, struct fetch_asked *out)
{
  if (f->below.n > 0) {
    f->below.n -= sizeof *out;
    memcpy(out, f->below.p + f->below.n, sizeof *out);
    return true;
  }
  if (f->wants != NULL && f->at < f->wants->n) {
    const struct want *w = &f->wants->want[f->at++];
    *out = (struct fetch_asked){w->cid, w->slot, w->lot};
    return true;
  }
  return false;
}

int fetch_next(struct fetch *f, struct cid *out, size_t max, bool *more,
               struct err *e)
{
  struct fetch_asked next;
  size_t n = 0;
  int rc;
  *more = false;
  if (f->walking) {
    rc = walk(f, e);
    *more = rc >= 0;
    return rc < 0 ? rc : 0;
  }
  while (n < max && next_want(f, &next)) {
    if ((rc = take(f, &next, e)) < 0) {
      return rc;
    }
    if (rc > 0) {
      out[n++] = next.cid;
    }
  }
  /* A walk that brought something is followed by another. */
  if (n == 0 && (!f->listed || f->wants->n > 0)) {
    *more = true;
    return begin_walk(f, e);
  }
  return (int)n;
}

int fetch_node(struct fetch *f, struct span bytes, struct err *e)
{
  struct unixfs_node node;
  struct unixfs_links it = {0};
  struct unixfs_link link;
  struct fetch_asked part = f->last;
  size_t was = f->below.n;
  part.lot = 2 * WANTING_PART + part.lot % 2;
  int rc = unixfs_read(&node, bytes, e);
  while (rc == 0 && f->below.n < BELOW_MAX &&
         unixfs_link_next(&node, &it, &link)) {
    part.cid = link.cid;
    rc = buf_put(&f->below, &part, sizeof part);
  }
  if (rc < 0) {
    return err_set(e, rc, "not enough memory");
  }
  /* The first is to be the next. */
  struct fetch_asked *first = (struct fetch_asked *)(void *)(f->below.p + was);
  size_t n = (f->below.n - was) / sizeof *first;
  for (size_t i = 0; i < n / 2; i++) {
    struct fetch_asked swap = first[i];
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

size_t fetch_due(const struct fetch *f)
{
  size_t listed = f->wants != NULL ? f->wants->n - f->at : 0;
  return listed + f->below.n / sizeof(struct fetch_asked);
}

void fetch_free(struct fetch *f)
{
  if (f->wants != NULL) {
    wants_free(f->wants);
  }
  mem_free(f->wants);
  buf_free(&f->below);
  refset_free(&f->asked);
}
