/* SPDX-License-Identifier: 0BSD */
#include "station/intake.h"

#include "base/check.h"

#include <string.h>

void intake_free(struct intake *in)
{
  buf_free(&in->bytes);
  buf_free(&in->arena);
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
  in->here = ref != 0;
  in->cid = *cid;
  in->open = true;
  in->n = in->refused_n = 0;
  buf_clear(&in->arena);
  memset(in->got, 0, sizeof in->got);
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
  int known = in->got[in->link] ? 1 : known_under(in, cid, e);
  if (known != 0) {
    return known < 0 ? known : 0;
  }
  CHECK(in->n < PARCEL_RECORDS_MAX);
  size_t was = in->arena.n;
  if (buf_put(&in->arena, block.p, block.n) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  int rc = record_read(&in->record[in->n].rec,
                       span_of(in->arena.p + was, block.n), e);
  if (rc < 0) {
    in->arena.n = was;
    return rc;
  }
  in->at = in->n == 0 ? in->arena.p : in->at;
  in->got[in->link] = true;
  in->record[in->n].cid = *cid;
  in->end[in->n++] = in->arena.n;
  return 1;
}

static size_t last_begin(const struct intake *in)
{
  return in->n > 1 ? in->end[in->n - 2] : 0;
}

struct span intake_last(const struct intake *in)
{
  size_t at = last_begin(in);
  CHECK(in->n > 0);
  return span_of(in->arena.p + at, in->arena.n - at);
}

void intake_refuse(struct intake *in)
{
  CHECK(in->n > 0 && in->refused_n < PARCEL_RECORDS_MAX);
  in->arena.n = last_begin(in);
  in->refused[in->refused_n++] = in->record[--in->n].cid;
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
    rc = record_read(&in->record[i].rec,
                     span_of(in->arena.p + at, in->end[i] - at), e);
    at = in->end[i];
  }
  struct admit_parcel parcel = {.cid = in->cid,
                                .view = in->view,
                                .record = in->record,
                                .records = in->n,
                                .refused = in->refused,
                                .refused_n = in->refused_n};
  if (rc == 0) {
    rc = admit_parcel(in->st, &parcel, counts, e);
  }
  in->open = open && rc == 0;
  in->n = in->refused_n = 0;
  buf_clear(&in->arena);
  return rc;
}
