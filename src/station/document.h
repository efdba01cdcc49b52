/* SPDX-License-Identifier: 0BSD */
/* What the search index holds of a record: its terms and its facets. Whoever
 * changes what comes out here, or which rows a listing has (placing.h), raises
 * DOCUMENT_VERSION, or WORDS_VERSION where the change is in words: an index of
 * another version is made again, and the rows with it. */
#ifndef STATION_DOCUMENT_H
#define STATION_DOCUMENT_H

#include "form/record.h"
#include "store/store.h"
#include "text/words.h"

#define DOCUMENT_VERSION 3

/* A facet's first byte says of what it is. */
enum facet_kind {
  FACET_AUTHOR = 'a',     /* 32 bytes of the key */
  FACET_COLLECTION = 'c', /* the name */
  FACET_FILE = 'f',       /* alone: it has files */
  FACET_LANG = 'l',       /* a tag, in lower case */
  FACET_TYPE = 't'
};

/* Append (length in one byte, kind, bytes). ERR_NOMEM. */
int facet_put(struct buf *out, enum facet_kind kind,
              struct span value) MUST_USE;
/* The next facet of a list from *${at} on: kind and value. false: the end. */
bool facet_next(struct span list, size_t *at, enum facet_kind *kind,
                struct span *value);

/* Append the terms of ${rec}, as struct store_doc has them, and count its
 * words. All words are terms of the text; those of titles and tags are once
 * more terms of these. ${more}: what was read out of its files. ERR_NOMEM. */
int document_terms(struct buf *out, uint64_t *words, const struct record *rec,
                   struct span more, struct analyser *an) MUST_USE;

/* Append the facets: those of its listings, ascending (authors and
 * collections), and the record's own. ERR_NOMEM. */
int document_facets(struct buf *out, const struct record *rec,
                    struct span listings) MUST_USE;

#endif
