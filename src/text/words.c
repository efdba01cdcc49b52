/* SPDX-License-Identifier: 0BSD */
#include "text/words.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/fold.h"
#include "text/stem.h"
#include "text/stem_en.h"
#include "text/stop.h"

#include <string.h>

#define ZWNJ 0x200cu
#define ALEF 0x0627u
#define HEH 0x0647u
#define WAW 0x0648u
#define SMALL_ALEF 0x0670u
#define LINE_LETTERS_MIN 40 /* a line with fewer is read as its text is */

struct analyser {
  struct stem_en *english;
};

int analyser_open(struct analyser **out)
{
  struct analyser *a = mem_zero(sizeof *a);
  *out = NULL;
  if (a == NULL || stem_en_open(&a->english) < 0) {
    mem_free(a);
    return ERR_NOMEM;
  }
  *out = a;
  return 0;
}

void analyser_close(struct analyser *a)
{
  if (a != NULL) {
    stem_en_close(a->english);
    mem_free(a);
  }
}

/* ---- the language around a word ---- */

/* The line at ${from} votes for itself when it is long enough, else its whole
 * text does: a quotation keeps its language, a heading takes its page's. */
static void vote_line(struct words *w, size_t from)
{
  const uint8_t *p = w->text.p + from;
  const uint8_t *end = memchr(p, '\n', w->text.n - from);
  size_t n = end == NULL ? w->text.n - from : (size_t)(end - p) + 1;
  struct lang_vote line = {0};
  w->line_end = from + n;
  if (n < w->text.n) {
    lang_count(&line, span_of(p, n));
  }
  bool arabic = line.arabic >= LINE_LETTERS_MIN;
  bool latin = line.latin >= LINE_LETTERS_MIN;
  w->arabic = lang_of_arabic(arabic ? &line : &w->vote);
  w->latin = lang_of_latin(latin ? &line : &w->vote);
}

static void vote_text(struct words *w)
{
  size_t from = w->at;
  lang_count(&w->vote, w->text);
  while (from > 0 && w->text.p[from - 1] != '\n') {
    from--;
  }
  vote_line(w, from);
  w->voted = true;
}

/* ---- one word's letters ---- */

/* A word while it is read. */
struct letters {
  uint32_t cp[WORD_BYTES_MAX];
  uint8_t at[WORD_BYTES_MAX + 1]; /* where each begins in the token */
  size_t n;
  bool full; /* something did not fit: nothing that follows may slip in */
  bool sorani, kurmanji; /* a letter tells, whatever is around */
};

/* Write ${cp} to ${out}, 4 bytes of room: nearly always one or two. */
static size_t put_letter(uint8_t *out, uint32_t cp)
{
  if (cp < 0x80) {
    out[0] = (uint8_t)cp;
    return 1;
  }
  if (cp < 0x800) {
    out[0] = (uint8_t)(0xc0u | cp >> 6);
    out[1] = (uint8_t)(0x80u | (cp & 0x3fu));
    return 2;
  }
  return utf8_put(out, cp);
}

static void take(struct letters *l, struct word *w, const uint32_t *cps,
                 size_t n)
{
  for (size_t i = 0; i < n && !l->full; i++) {
    uint8_t bytes[4];
    size_t len = put_letter(bytes, cps[i]);
    if (w->token_n + len > WORD_BYTES_MAX) {
      l->full = true;
      break;
    }
    for (size_t k = 0; k < len; k++) {
      w->token[w->token_n++] = bytes[k];
    }
    l->cp[l->n] = cps[i];
    l->at[++l->n] = (uint8_t)w->token_n;
  }
}

/* Koranic spelling: a waw right under a small alef is read alef, and plain
 * spelling writes it so (prayer, alms, life). */
static void waw_to_alef(struct letters *l, struct word *w)
{
  if (l->n > 0 && l->cp[l->n - 1] == WAW && !l->full) {
    l->cp[l->n - 1] = ALEF;
    (void)utf8_put(w->token + l->at[l->n - 1], ALEF); /* two bytes, both */
  }
}

/* What a letter or mark as it was written tells of its word. */
static void notice(struct letters *l, struct word *w, uint32_t cp,
                   uint32_t before)
{
  if (cp >= 0x0600 && cp <= 0x06ff) {
    l->sorani = l->sorani || lang_sorani_letter(cp);
    if (cp == SMALL_ALEF && before == WAW) {
      waw_to_alef(l, w);
    }
  } else if (cp <= 0x17f) {
    l->kurmanji = l->kurmanji || lang_kurmanji_letter(cp);
  } else if (cp == ZWNJ && before == HEH) {
    l->sorani = true;
  }
}

static bool read_letters(struct words *w, struct letters *l, struct word *out)
{
  uint32_t before = 0;
  l->n = 0;
  l->at[0] = 0;
  l->full = l->sorani = l->kurmanji = false;
  out->token_n = 0;
  out->start = out->end = w->at;
  while (w->at < w->text.n) {
    uint32_t folded[FOLD_OUT_MAX];
    size_t len, n = 0;
    uint32_t cp = utf8_quick(w->text.p + w->at, w->text.n - w->at, &len);
    enum fold_class c = cp == UTF8_BAD ? FOLD_BREAK : fold(cp, folded, &n);
    if (c == FOLD_BREAK && out->token_n > 0) {
      return true;
    }
    if (c == FOLD_LETTER && out->token_n == 0) {
      out->start = w->at;
    }
    take(l, out, folded, n);
    w->at += len;
    if (c != FOLD_BREAK) {
      if (cp >= 0xc0) {
        notice(l, out, cp, before);
      }
      out->end = w->at; /* marks on the last letter belong to the word */
    }
    before = cp;
  }
  return out->token_n > 0;
}

/* ---- its stems ---- */

enum script { NO_SCRIPT, ARABIC, LATIN };

static enum script script_of(const struct letters *l)
{
  for (size_t i = 0; i < l->n; i++) {
    if (l->cp[i] >= 'a' && l->cp[i] <= 'z') {
      return LATIN;
    }
    if (l->cp[i] >= 0x0620 && l->cp[i] <= 0x06ff) {
      return ARABIC;
    }
    if (l->cp[i] > '9') {
      return NO_SCRIPT;
    }
  }
  return NO_SCRIPT;
}

/* Write the stem in ${lang} to ${out}, return its length. */
static size_t put_stem(struct words *w, const struct letters *l,
                       const struct word *word, enum lang lang, uint8_t *out)
{
  struct stem s = {0, l->n};
  switch (lang) {
  case LANG_AR:
    s = stem_ar(l->cp, l->n);
    break;
  case LANG_CKB:
    s = stem_ckb(l->cp, l->n);
    break;
  case LANG_KMR:
    s = stem_kmr(l->cp, l->n);
    break;
  case LANG_EN:
    return stem_en(w->an->english, word_token(word), out);
  case LANG_NONE:
  case LANG_COUNT:
    break;
  }
  size_t n = (size_t)l->at[s.to] - l->at[s.from];
  memcpy(out, word->token + l->at[s.from], n);
  return n;
}

static enum lang other_lang(enum lang lang)
{
  static const enum lang other[LANG_COUNT] = {LANG_NONE, LANG_CKB, LANG_AR,
                                              LANG_KMR, LANG_EN};
  return other[lang];
}

static void analyse(struct words *w, const struct letters *l, struct word *out)
{
  enum script script = script_of(l);
  bool told = l->sorani || l->kurmanji;
  if (!w->voted) {
    vote_text(w);
  }
  while (out->start >= w->line_end) {
    vote_line(w, w->line_end);
  }
  out->lang = LANG_NONE;
  if (script == ARABIC) {
    out->lang = l->sorani ? LANG_CKB : w->arabic;
    told = told || lang_arabic_told(&w->vote);
  } else if (script == LATIN) {
    out->lang = l->kurmanji ? LANG_KMR : w->latin;
    told = told || lang_latin_told(&w->vote);
  }
  out->stem_n = put_stem(w, l, out, out->lang, out->stem);
  if (w->query && !told && script != NO_SCRIPT) {
    out->other_n = put_stem(w, l, out, other_lang(out->lang), out->other);
    if (span_equal(word_other(out), word_stem(out))) {
      out->other_n = 0;
    }
  }
}

bool words_next(struct words *w, struct word *out)
{
  struct letters l;
  out->lang = LANG_NONE;
  out->stem_n = out->other_n = 0;
  if (!read_letters(w, &l, out)) {
    return false;
  }
  if (w->an != NULL) {
    analyse(w, &l, out);
  }
  return true;
}

bool word_like(struct analyser *an, struct span text, const struct word *like,
               struct word *out)
{
  struct words w = {.text = text,
                    .an = an,
                    .query = like->other_n > 0,
                    .voted = true,
                    .line_end = text.n,
                    .arabic = like->lang == LANG_CKB ? LANG_CKB : LANG_AR,
                    .latin = like->lang == LANG_KMR ? LANG_KMR : LANG_EN};
  return words_next(&w, out);
}

bool word_is_stop(const struct word *w)
{
  return stop_word(w->lang, word_token(w)) ||
         (w->other_n > 0 && stop_word(other_lang(w->lang), word_token(w)));
}

int words_tokens(struct buf *out, struct span text)
{
  struct words w = {.text = text};
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

/* ---- terms ---- */

void term_of(struct term *out, enum term_kind kind, struct span bytes)
{
  CHECK(bytes.n < TERM_BYTES_MAX);
  out->n = 0;
  if (kind != TERM_STEM) {
    out->b[out->n++] = (uint8_t)kind;
  }
  memcpy(out->b + out->n, bytes.p, bytes.n);
  out->n += bytes.n;
}

size_t word_terms(const struct word *w, enum term_kind kind, struct term out[2])
{
  term_of(&out[0], kind, word_stem(w));
  if (span_equal(word_stem(w), word_token(w))) {
    return 1;
  }
  term_of(&out[1], (enum term_kind)(kind + 1), word_token(w));
  return 2;
}
