/* SPDX-License-Identifier: 0BSD */
/* Text that was read out of a record's files, which the record is found by
 * besides its own. Kept as a pair (text/ + number of the record): it comes
 * from files that may be gone tomorrow, and takes long to be read. Goes with
 * the record. Rows of IDX_TEXT tell which records have files still to read. */
#ifndef STATION_TEXTS_H
#define STATION_TEXTS_H

#include "station/inside.h"

#define TEXT_KEY_SIZE 13
void text_key(uint8_t out[TEXT_KEY_SIZE], uint64_t ref);

/* Zero-initialise; buf_free(&text) frees. */
struct file_text {
  bool known;     /* somebody looked at files */
  bool done;      /* at all of them */
  uint32_t files; /* those that need not be looked at again, a bit each */
  struct buf text;
};

/* May it have such text? Records without files, withdrawals, labels may not. */
bool file_text_fits(const struct record *rec);
/* Of the record with number ${ref}. What can't be read counts as unknown. */
int file_text_get(struct station *st, uint64_t ref, struct file_text *out,
                  struct err *e) MUST_USE;
/* As the pair's value, appended. */
int file_text_put(struct station *st, struct buf *out, struct span text,
                  uint32_t files, bool done, struct err *e) MUST_USE;

#endif
