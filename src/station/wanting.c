/* SPDX-License-Identifier: 0BSD */
#include "station/wanting.h"

#include "station/listing.h"
#include "station/quota.h"

#include <string.h>

#define SMALL_FILE (1024 * 1024)

/* The largest file that each listing's collection wants. */
static int read_rules(struct station *st, const struct listing *by, int n,
                      int64_t *most, struct err *e)
{
  int rc = 0;
  for (int i = 0; i < n && rc == 0; i++) {
    rc = station_follow_files(st, listing_collection(&by[i]), INT64_MAX,
                              &most[i], e);
  }
  return rc;
}

/* The dearest of the listings that want a file of this size: 1, or 0. */
static int rate(struct station *st, const struct listing *by, int n,
                const int64_t *most, int64_t size, struct wanting *out,
                struct err *e)
{
  int wants = 0;
  for (int i = 0; i < n && !(wants && out->trusted); i++) {
    if (size > most[i]) {
      continue;
    }
    int rc = quota_trusted(st, by[i].author, e);
    if (rc < 0) {
      return rc;
    }
    if (!wants || rc > 0) {
      out->kind = size <= SMALL_FILE ? WANTING_SMALL : WANTING_LARGE;
      out->trusted = rc > 0;
      out->time = by[i].time;
      wants = 1;
    }
  }
  return wants;
}

int wanting_file(struct station *st, uint64_t ref, const struct cid *root,
                 struct wanting *out, struct err *e)
{
  struct listing by[LISTINGS_MAX];
  int64_t most[LISTINGS_MAX];
  struct buf block = {0};
  struct record_files it = {0};
  struct record_file file;
  struct record rec;
  int n = 0, wants = 0;
  int rc = st->store->ops->get_ref(st->store, ref, NULL, &block, e);
  if (rc == 0 && !parcel_looks(buf_span(&block)) && /* it wants a record */
      (rc = record_read(&rec, buf_span(&block), e)) == 0 &&
      (rc = n = listings(st, ref, by, e)) > 0 &&
      (rc = read_rules(st, by, n, most, e)) == 0) {
    while (wants == 0 && record_file_next(&it, rec.files, &file)) {
      if (cid_equal(&file.data, root)) {
        wants = rate(st, by, n, most, file.size, out, e);
      }
    }
    rc = wants;
  }
  buf_free(&block);
  return rc;
}

/* A parcel's author. */
static int rate_record(struct station *st, uint64_t parcel, struct wanting *out,
                       struct err *e)
{
  const struct cached_parcel *p;
  int rc = station_parcel(st, parcel, &p, e);
  if (rc == ERR_CORRUPT || rc == ERR_NOENT) {
    return 0; /* it went meanwhile */
  }
  if (rc < 0 || (rc = quota_trusted(st, p->view.author, e)) < 0) {
    return rc;
  }
  out->trusted = rc > 0;
  return 1;
}

int wanting_told(struct station *st, const struct cid *cid, const char *kind,
                 const struct cid *by, struct wanting *out, struct err *e)
{
  uint64_t ref = 0;
  memset(out, 0, sizeof *out);
  if (strcmp(kind, "part") == 0) {
    out->kind = WANTING_PART;
    return 1;
  }
  int rc = st->store->ops->find(st->store, by, 1, &ref, e);
  if (rc < 0 || ref == 0) {
    return rc;
  }
  if (strcmp(kind, "record") == 0) {
    out->kind = WANTING_RECORD;
    return rate_record(st, ref, out, e);
  }
  rc = wanting_file(st, ref, cid, out, e);
  return rc == ERR_NOENT ? 0 : rc;
}
