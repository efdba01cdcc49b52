/* SPDX-License-Identifier: 0BSD */
/* Writing a carry file: sections gather in a frame, frames go to disk, and at
 * the end the file is read back before it gets its name: sticks lie. */
#ifndef STATION_CARFILE_H
#define STATION_CARFILE_H

#include "form/car.h"
#include "form/hash.h"
#include "form/zpack.h"
#include "station/outfile.h"

struct carfile {
  struct outfile out;
  struct buf frame; /* sections that wait */
  struct buf packed;
  struct zpack *zpack; /* NULL: plain */
  int level;
  struct hash *hash; /* of what was written, then of what is read back */
  uint8_t written[HASH_SIZE];
  uint64_t read_back;
  int back_fd;
  uint64_t blocks;
};

int carfile_start(struct carfile *f, const char *path, bool compress, int level,
                  struct err *e) MUST_USE;
int carfile_header(struct carfile *f, const struct cid *root,
                   struct err *e) MUST_USE;
int carfile_block(struct carfile *f, const struct cid *cid, struct span block,
                  struct err *e) MUST_USE;
/* At most so many bytes will the file have with what waits and ${more} bytes
 * of sections: what waits is counted as if it did not compress. */
uint64_t carfile_size_with(const struct carfile *f, uint64_t more);
int carfile_flush(struct carfile *f, struct err *e) MUST_USE;
/* After the last block: sync, then call carfile_check until it gives 0 (1:
 * again; ERR_IO: the disk gave other bytes back), then carfile_finish. */
int carfile_sync(struct carfile *f, struct err *e) MUST_USE;
int carfile_check(struct carfile *f, struct err *e) MUST_USE;
int carfile_finish(struct carfile *f, const char *path, struct err *e) MUST_USE;
void carfile_free(struct carfile *f); /* removes what isn't finished */

#endif
