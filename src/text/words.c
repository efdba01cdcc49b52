/* SPDX-License-Identifier: 0BSD */
#include "text/words.h"

#include "base/utf8.h"
#include "text/fold.h"

/* Append folded code points to the token while they fit; a longer word keeps
 * its beginning. Once something did not fit, nothing shorter that follows may
 * slip in either: ${full} says so. */
static void token_put(struct word *w, const uint32_t *cps, size_t n, bool *full)
{
  for (size_t i = 0; i < n && !*full; i++) {
    uint8_t bytes[4];
    size_t len = utf8_put(bytes, cps[i]);
    if (w->token_n + len > WORD_BYTES_MAX) {
      *full = true;
      break;
    }
    for (size_t k = 0; k < len; k++) {
      w->token[w->token_n++] = bytes[k];
    }
  }
}

bool words_next(struct words *w, struct word *out)
{
  bool full = false;
  out->token_n = 0;
  out->start = w->at;
  out->end = w->at;
  while (w->at < w->text.n) {
    uint32_t folded[FOLD_OUT_MAX];
    size_t len, n = 0;
    uint32_t cp = utf8_next(w->text.p + w->at, w->text.n - w->at, &len);
    enum fold_class c = cp == UTF8_BAD ? FOLD_BREAK : fold(cp, folded, &n);
    if (c == FOLD_BREAK && out->token_n > 0) {
      return true;
    }
    if (c == FOLD_LETTER && out->token_n == 0) {
      out->start = w->at;
    }
    token_put(out, folded, n, &full);
    w->at += len;
    if (c != FOLD_BREAK) {
      out->end = w->at; /* marks on the last letter belong to the word */
    }
  }
  return out->token_n > 0;
}

int words_tokens(struct buf *out, struct span text)
{
  struct words w = {text, 0};
  struct word word;
  while (words_next(&w, &word)) {
    int rc = buf_reserve(out, word.token_n + 1);
    if (rc < 0) {
      return rc;
    }
    rc = buf_put(out, word.token, word.token_n);
    if (rc == 0) {
      rc = buf_byte(out, ' ');
    }
    if (rc < 0) {
      return rc;
    }
  }
  return 0;
}
