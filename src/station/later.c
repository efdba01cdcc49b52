/* SPDX-License-Identifier: 0BSD */
#include "station/later.h"

#include "station/admit.h"
#include "station/way.h"

int later_flush(struct station *st, struct err *e)
{
  struct later *l = &st->later;
  struct store_block block[LATER_BLOCKS];
  struct admit_counts counts = {0};
  size_t at = 0;
  if (l->n == 0) {
    return 0;
  }
  for (size_t i = 0; i < l->n; i++) {
    block[i].cid = l->cid[i];
    block[i].bytes = buf_part(&l->bytes, at, l->end[i]);
    at = l->end[i];
  }
  way_set(st, WAY_OWN);
  int rc = admit_files(st, block, l->n, &counts, e);
  if (rc == 0) { /* else they wait on: the next try may find room */
    l->n = 0;
    buf_clear(&l->bytes);
  }
  return rc;
}

int later_put(struct station *st, const struct store_block *block,
              struct err *e)
{
  struct later *l = &st->later;
  int rc = 0;
  if (l->n == LATER_BLOCKS || l->bytes.n + block->bytes.n > LATER_BYTES) {
    rc = later_flush(st, e);
  }
  if (rc == 0 && buf_put(&l->bytes, block->bytes.p, block->bytes.n) < 0) {
    rc = err_set(e, ERR_NOMEM, "not enough memory");
  }
  if (rc == 0) {
    l->cid[l->n] = block->cid;
    l->end[l->n++] = l->bytes.n;
  }
  return rc;
}
