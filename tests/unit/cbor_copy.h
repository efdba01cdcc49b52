/* SPDX-License-Identifier: 0BSD */
/* A checked document, read item by item and written again. */
#ifndef CBOR_COPY_H
#define CBOR_COPY_H

#include "form/cbor.h"

static inline int cbor_copy_item(struct buf *out, const struct cbor_item *item)
{
  struct cid c;
  switch (item->kind) {
  case CBOR_INT:
    return cbor_put_int(out, item->num);
  case CBOR_BYTES:
    return cbor_put_bytes(out, item->bytes.p, item->bytes.n);
  case CBOR_TEXT:
    return cbor_put_text(out, (const char *)item->bytes.p, item->bytes.n);
  case CBOR_LIST:
    return cbor_put_list(out, item->count);
  case CBOR_MAP:
    return cbor_put_map(out, item->count);
  case CBOR_LINK:
    cbor_item_cid(&c, item);
    return cbor_put_link(out, &c);
  case CBOR_BOOL:
    return cbor_put_bool(out, item->num == 1);
  case CBOR_NULL:
    return cbor_put_null(out);
  case CBOR_END:
    break;
  }
  return ERR_MISUSE;
}

/* 0, or a negative code. */
static inline int cbor_copy(struct buf *out, struct span doc)
{
  struct cbor_reader r = cbor_reader_of(doc);
  struct cbor_item item;
  int rc = 0;
  while (rc == 0 && cbor_next(&r, &item) != CBOR_END) {
    rc = cbor_copy_item(out, &item);
  }
  return rc;
}

#endif
