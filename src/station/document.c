/* SPDX-License-Identifier: 0BSD */
#include "station/document.h"

#include "base/check.h"
#include "form/cbor.h"

#include <string.h>

/* ---- facets ---- */

int facet_put(struct buf *out, enum facet_kind kind, struct span value)
{
  CHECK(value.n < STORE_FACET_MAX);
  int rc = buf_reserve(out, value.n + 2);
  if (rc < 0 || (rc = buf_byte(out, (uint8_t)(value.n + 1))) < 0 ||
      (rc = buf_byte(out, (uint8_t)kind)) < 0) {
    return rc;
  }
  return buf_put(out, value.p, value.n);
}

bool facet_next(struct span list, size_t *at, enum facet_kind *kind,
                struct span *value)
{
  if (*at >= list.n) {
    return false;
  }
  size_t n = list.p[(*at)++];
  if (n == 0 || n > list.n - *at) {
    return false;
  }
  *kind = (enum facet_kind)list.p[*at];
  *value = span_of(list.p + *at + 1, n - 1);
  *at += n;
  return true;
}

/* The languages of the record's texts, ascending, each once. */
struct langs {
  char tag[8][RECORD_LANG_MAX + 1];
  size_t n;
};

static void lang_add(struct langs *l, struct span tag)
{
  char low[RECORD_LANG_MAX + 1];
  size_t n = 0, at = 0;
  for (; n < tag.n && n < RECORD_LANG_MAX; n++) {
    bool upper = tag.p[n] >= 'A' && tag.p[n] <= 'Z';
    low[n] = (char)(upper ? tag.p[n] + 32 : tag.p[n]);
  }
  low[n] = '\0';
  while (at < l->n && strcmp(l->tag[at], low) < 0) {
    at++;
  }
  if (n == 0 || l->n == sizeof l->tag / sizeof l->tag[0] ||
      (at < l->n && strcmp(l->tag[at], low) == 0)) {
    return;
  }
  memmove(l->tag[at + 1], l->tag[at], (l->n - at) * sizeof l->tag[0]);
  memcpy(l->tag[at], low, n + 1);
  l->n++;
}

static void langs_of(struct langs *l, struct span value, struct lang_vote *vote)
{
  struct record_texts it = {0};
  struct span lang, text;
  while (record_text_next(&it, value, &lang, &text)) {
    lang_add(l, lang);
    lang_count(vote, text);
  }
}

/* As it says itself, else as its letters say. */
static void find_langs(struct langs *l, const struct record *rec)
{
  struct lang_vote vote = {0};
  lang_add(l, rec->lang);
  langs_of(l, rec->title, &vote);
  langs_of(l, rec->text, &vote);
  if (l->n == 0 && vote.arabic + vote.latin > 0) {
    const char *name =
        lang_name(vote.arabic >= vote.latin ? lang_of_arabic(&vote)
                                            : lang_of_latin(&vote));
    lang_add(l, span_of(name, strlen(name)));
  }
}

int document_facets(struct buf *out, const struct record *rec,
                    struct span listings)
{
  struct langs langs = {.n = 0};
  int rc = buf_put(out, listings.p, listings.n);
  if (rc == 0 && rec->files.n > 0) {
    rc = facet_put(out, FACET_FILE, span_of(NULL, 0));
  }
  find_langs(&langs, rec);
  /* Longer ones come after what they begin with: as bytes do. */
  for (size_t i = 0; rc == 0 && i < langs.n; i++) {
    rc =
        facet_put(out, FACET_LANG, span_of(langs.tag[i], strlen(langs.tag[i])));
  }
  return rc < 0 ? rc : facet_put(out, FACET_TYPE, rec->type);
}

/* ---- terms ---- */

struct terms_out {
  struct buf *out;
  struct analyser *an;
  uint64_t words;
};

static int put_term(struct buf *out, const struct term *t)
{
  int rc = buf_byte(out, (uint8_t)t->n);
  return rc < 0 ? rc : buf_put(out, t->b, t->n);
}

/* ${kind}: what the words are besides; TERM_STEM: nothing. */
static int put_text(struct terms_out *o, struct span text, enum term_kind kind)
{
  struct words it = {.text = text, .an = o->an};
  struct word w;
  while (words_next(&it, &w)) {
    struct term term[3];
    size_t n = word_terms(&w, TERM_STEM, term);
    if (kind != TERM_STEM) {
      term_of(&term[n++], kind, word_stem(&w));
    }
    o->words++;
    int rc = buf_reserve(o->out, sizeof term);
    for (size_t i = 0; rc == 0 && i < n; i++) {
      rc = put_term(o->out, &term[i]);
    }
    if (rc < 0) {
      return rc;
    }
  }
  return 0;
}

static int put_texts(struct terms_out *o, struct span value,
                     enum term_kind kind)
{
  struct record_texts it = {0};
  struct span lang, text;
  int rc = 0;
  while (rc == 0 && record_text_next(&it, value, &lang, &text)) {
    rc = put_text(o, text, kind);
  }
  return rc;
}

int document_terms(struct buf *out, uint64_t *words, const struct record *rec,
                   struct span more, struct analyser *an)
{
  struct terms_out o = {.out = out, .an = an};
  struct cbor_reader tags = cbor_reader_of(rec->tags);
  struct cbor_item item;
  int rc = put_texts(&o, rec->title, TERM_TITLE_STEM);
  if (rc == 0) {
    rc = put_texts(&o, rec->text, TERM_STEM);
  }
  if (rc == 0) {
    rc = put_text(&o, more, TERM_STEM);
  }
  while (rc == 0 && cbor_next(&tags, &item) != CBOR_END) {
    if (item.kind == CBOR_TEXT) {
      rc = put_text(&o, item.bytes, TERM_TAG_STEM);
    }
  }
  *words = o.words;
  return rc;
}
