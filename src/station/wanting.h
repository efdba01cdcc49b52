/* SPDX-License-Identifier: 0BSD */
/* Who wants a missing block, and how dear it is to them. It is asked of the
 * one who wants it: to ask all who want a block again for each of them would
 * cost the square of their number. */
#ifndef STATION_WANTING_H
#define STATION_WANTING_H

#include "station/inside.h"

enum wanting_kind {
  WANTING_RECORD,
  WANTING_SMALL,
  WANTING_PART,
  WANTING_LARGE
};
#define WANTING_KINDS 4

struct wanting {
  enum wanting_kind kind;
  bool trusted; /* its author is this station, or vouched for; of parts nobody
                   knows */
  int64_t time; /* of the listing, for files */
};

/* Does the record with number ${ref} want the file ${root}, by the follow
 * rules of the collections that list it? 1 and how dear it is, or 0. */
int wanting_file(struct station *st, uint64_t ref, const struct cid *root,
                 struct wanting *out, struct err *e) MUST_USE;

/* What station_missing told of a block: does ${by} want it? 1, or 0. */
int wanting_told(struct station *st, const struct cid *cid, const char *kind,
                 const struct cid *by, struct wanting *out,
                 struct err *e) MUST_USE;

#endif
