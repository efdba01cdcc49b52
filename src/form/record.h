/* SPDX-License-Identifier: 0BSD */
/* Records: what is published. A dag-cbor map; the reserved keys have fixed
 * shapes, the rest is the application's. FORMAT.md has the table. */
#ifndef FORM_RECORD_H
#define FORM_RECORD_H

#include "base/buf.h"
#include "base/err.h"
#include "form/cbor.h"
#include "form/cid.h"

enum record_kind {                  /* what the engine itself acts upon */
                   RECORD_PLAIN,    /* any application's type */
                   RECORD_WITHDRAW, /* about, reason? */
                   RECORD_LABEL     /* about, value, negated?, expires? */
};

/* A view into the record's bytes: valid as long as they are. Absent fields
 * are empty spans. */
struct record {
  struct span bytes;
  enum record_kind kind;
  struct span type;  /* text */
  struct span key;   /* text */
  struct span title; /* CBOR bytes of the value: text, or map lang -> text */
  struct span text;  /* the same */
  struct span lang;  /* text, BCP 47 */
  struct span tags;  /* CBOR bytes: list of text */
  struct span files; /* CBOR bytes: list of maps, see record_file */
  bool has_about;
  struct cid about;
  struct span value; /* RECORD_LABEL: text */
  bool negated;      /* RECORD_LABEL */
  int64_t expires;   /* RECORD_LABEL: seconds since 1970, 0: never */
  bool corrects;     /* has about and its type is "correction" */
};

/* Decode strictly: canonical CBOR, `type` present, reserved keys of the right
 * shape, all limits. The message names the key. */
int record_read(struct record *out, struct span block, struct err *e) MUST_USE;

/* Walk text that is either one text or a map lang -> text. Zero-initialise
 * ${it}; each call gives the next text of ${value} and its language
 * (empty when not said); false at the end. */
struct record_texts {
  struct cbor_reader r;
  bool started;
  size_t left;
};
bool record_text_next(struct record_texts *it, struct span value,
                      struct span *lang, struct span *text);

/* Walk `files`; the same way. */
struct record_file {
  struct span name;      /* text: a relative path with '/', as published */
  struct span type;      /* text: media type, may be empty */
  int64_t size;          /* bytes, as claimed by the author */
  struct cid data;       /* raw or dag-pb root */
  const uint8_t *sha256; /* 32 bytes of the whole file, or NULL */
};
struct record_files {
  struct cbor_reader r;
  bool started;
  size_t left;
};
bool record_file_next(struct record_files *it, struct span files,
                      struct record_file *out);

#endif
