/* SPDX-License-Identifier: 0BSD */
#include "station/texts.h"

#include <string.h>

/* A pair's value: TEXT_FORM, + 1 when all files were looked at (1 byte), files
 * (4 bytes, little endian), the text as a zstd frame unless it is empty. */
#define TEXT_FORM 2
#define TEXT_HEAD 5
#define TEXT_LEVEL 3

void text_key(uint8_t out[TEXT_KEY_SIZE], uint64_t ref)
{
  memcpy(out, "text/", 5);
  for (size_t i = 0; i < 8; i++) {
    out[5 + i] = (uint8_t)(ref >> (56 - 8 * i));
  }
}

bool file_text_fits(const struct record *rec)
{
  return rec->kind == RECORD_PLAIN && rec->files.n > 0;
}

int file_text_get(struct station *st, uint64_t ref, struct file_text *out,
                  struct err *e)
{
  uint8_t key[TEXT_KEY_SIZE];
  struct buf value = {0};
  text_key(key, ref);
  out->known = out->done = false;
  out->files = 0;
  buf_clear(&out->text);
  int rc =
      st->store->ops->kv_get(st->store, span_of(key, sizeof key), &value, e);
  if (rc == 0 && value.n >= TEXT_HEAD && (value.p[0] & ~1) == TEXT_FORM) {
    out->known = true;
    out->done = value.p[0] & 1;
    for (int i = 0; i < 4; i++) {
      out->files |= (uint32_t)value.p[1 + i] << 8 * i;
    }
    if (value.n > TEXT_HEAD) {
      rc = zpack_expand(st->zpack, &out->text,
                        span_of(value.p + TEXT_HEAD, value.n - TEXT_HEAD),
                        FILE_TEXT_MAX, e);
    }
  }
  buf_free(&value);
  if (rc == ERR_INVALID || rc == ERR_LIMIT) { /* damaged: to be read again */
    out->known = out->done = false;
    buf_clear(&out->text);
    rc = 0;
  }
  return rc == ERR_NOENT ? 0 : rc;
}

int file_text_put(struct station *st, struct buf *out, struct span text,
                  uint32_t files, bool done, struct err *e)
{
  uint8_t head[TEXT_HEAD] = {(uint8_t)(TEXT_FORM + done)};
  for (int i = 0; i < 4; i++) {
    head[1 + i] = (uint8_t)(files >> 8 * i);
  }
  if (buf_put(out, head, sizeof head) < 0) {
    return err_set(e, ERR_NOMEM, "not enough memory");
  }
  return text.n == 0 ? 0 : zpack_squeeze(st->zpack, out, text, TEXT_LEVEL, e);
}
