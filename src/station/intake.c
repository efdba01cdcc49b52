/* SPDX-License-Identifier: 0BSD */
#include "station/intake.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

static void free_room(struct intake_room *r)
{
  mem_free(r->record);
  mem_free(r->refused);
  mem_free(r->end);
  mem_free(r->got);
  *r = (struct intake_room){0};
}

static int make_room(struct intake_room *r, size_t n)
{
  if (n <= r->n) {
    return 0;
  }
  free_room(r);
  r->record = mem_resize(NULL, n, sizeof *r->record);
  r->refused = mem_resize(NULL, n, sizeof *r->refused);
  r->end = mem_resize(NULL, n, sizeof *r->end);
  r->got = mem_resize(NULL, n, sizeof *r->got);
  if (r->record == NULL || r->refused == NULL || r->end == NULL ||
      r->got == NULL) {
    free_room(r);
    return ERR_NOMEM;
  }
  r->n = n;
  return 0;
}

void intake_rest(struct intake *in)
{
  if (!in->open) {
    free_room(&in->room);
    buf_free(&in->bytes);
    buf_free(&in->arena);
  }
}

void intake_free(struct intake *in)
{
  in->open = false;
  intake_rest(in);
}

int intake_parcel(struct intake *in, const struct cid *cid, struct span block,
                  struct err *e)
{
  uint64_t ref;
  CHECK(!in->open);
  buf_clear(&in->bytes);
  if (buf_put(&in->bytes, block.p, block.n) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  int rc = parcel_read(&in->view, buf_span(&in->bytes), e);
  if (rc < 0 ||
      (rc = in->st->store->ops->find(in->st->store, cid, 1, &ref, e)) < 0) {
    return rc;
  }
  if (ref == 0) { /* else these very bytes were found good before */
    rc =
        parcel_verify(&in->view, station_author_ok(in->st, in->view.author), e);
  }
  if (rc < 0) {
    return rc;
  }
  if (make_room(&in->room, in->view.count) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  in->here = ref != 0;
  in->cid = *cid;
  in->open = true;
  in->n = in->refused_n = 0;
  buf_clear(&in->arena);
  memset(in->room.got, 0, in->view.count * sizeof *in->room.got);
  in->link = in->view.count - 1; /* the next is the first */
  return 0;
}

bool intake_lists(struct intake *in, const struct cid *cid)
{
  struct cid at;
  if (!in->open) {
    return false;
  }
  for (size_t i = 0; i < in->view.count; i++) {
    size_t k = (in->link + 1 + i) % in->view.count;
    parcel_record(&in->view, k, &at);
    if (cid_equal(&at, cid)) {
      in->link = k;
      return true;
    }
  }
  return false;
}

/* A record that the policy let in before, under this very parcel: 1, 0. */
static int known_under(struct intake *in, const struct cid *cid, struct err *e)
{
  uint64_t ref;
  if (!in->here || !in->st->has_policy) {
    return 0;
  }
  int rc = in->st->store->ops->find(in->st->store, cid, 1, &ref, e);
  return rc < 0 ? rc : ref != 0;
}

int intake_record(struct intake *in, const struct cid *cid, struct span block,
                  struct err *e)
{
  /* No more than the parcel lists are ever noted, kept or refused. */
  int known = in->room.got[in->link] ? 1 : known_under(in, cid, e);
  if (known != 0) {
    return known < 0 ? known : 0;
  }
  CHECK(in->n < in->room.n);
  size_t was = in->arena.n;
  if (buf_put(&in->arena, block.p, block.n) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  int rc = record_read(&in->room.record[in->n].rec,
                       span_of(in->arena.p + was, block.n), e);
  if (rc < 0) {
    in->arena.n = was;
    return rc;
  }
  in->at = in->n == 0 ? in->arena.p : in->at;
  in->room.got[in->link] = true;
  in->room.record[in->n].cid = *cid;
  in->room.end[in->n++] = in->arena.n;
  return 1;
}

static size_t last_begin(const struct intake *in)
{
  return in->n > 1 ? in->room.end[in->n - 2] : 0;
}

struct span intake_last(const struct intake *in)
{
  size_t at = last_begin(in);
  CHECK(in->n > 0);
  return span_of(in->arena.p + at, in->arena.n - at);
}

void intake_refuse(struct intake *in)
{
  CHECK(in->n > 0 && in->refused_n < in->room.n);
  in->arena.n = last_begin(in);
  in->room.refused[in->refused_n++] = in->room.record[--in->n].cid;
}

void intake_stop(struct intake *in)
{
  in->open = false;
  in->n = in->refused_n = 0;
  buf_clear(&in->arena);
}

int intake_flush(struct intake *in, bool open, struct admit_counts *counts,
                 struct err *e)
{
  size_t at = 0;
  int rc = 0;
  if (!in->open) {
    return 0;
  }
  /* If the arena moved while it grew, the views are taken again. */
  for (size_t i = 0; rc == 0 && i < in->n && in->at != in->arena.p; i++) {
    rc = record_read(&in->room.record[i].rec,
                     span_of(in->arena.p + at, in->room.end[i] - at), e);
    at = in->room.end[i];
  }
  struct admit_parcel parcel = {.cid = in->cid,
                                .view = in->view,
                                .record = in->room.record,
                                .records = in->n,
                                .refused = in->room.refused,
                                .refused_n = in->refused_n};
  if (rc == 0) {
    rc = admit_parcel(in->st, &parcel, counts, e);
  }
  in->open = open && rc == 0;
  in->here = in->here || rc == 0;
  in->n = in->refused_n = 0;
  buf_clear(&in->arena);
  return rc;
}
