/* SPDX-License-Identifier: 0BSD */
/* Does the search index hold what the records say, and nothing else? */
#ifndef STATION_AUDITING_H
#define STATION_AUDITING_H

#include "station/inside.h"

/* Zero-initialise; auditing_free frees. */
struct auditing {
  bool begun;
  struct buf docs; /* struct store_audit, by number */
  struct buf seen; /* a byte each: a record has it */
  uint64_t version;
  uint64_t after; /* records up to here were looked at */
  size_t next;    /* documents before this one were asked for their record */
  struct change *change;
};

/* Some of it: 1 there is more, 0 the end. What differs is told to ${fault}, a
 * sentence each. */
typedef void audit_sink(void *ud, const char *sentence);
int auditing_step(struct station *st, struct auditing *a, audit_sink *fault,
                  void *ud, struct err *e) MUST_USE;
void auditing_free(struct auditing *a);

#endif
