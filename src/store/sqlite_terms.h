/* SPDX-License-Identifier: 0BSD */
/* The search index of the SQLite engine, as its files see it.
 *
 * Documents get numbers in order of arrival. A segment holds the postings of
 * a run of numbers; merging joins neighbours, so numbers never change, and
 * what is kept per document is not touched by a merge.
 *
 *   search_seg    the segments, and those being made or swept away
 *   search_lead   first term of each leaf -> its number
 *   search_leaf   terms and short lists (leaf.h)
 *   search_strip  pieces of long lists (post.h)
 *   search_word   its words once more, for likeness
 *   search_len    lengths, a byte a document
 *   search_doc    per document: its number in the store, facets, time
 *   search_ref    number in the store -> document
 *   search_set    the different sets of facets
 *   search_merge  merges under way, one a level
 *   search_wait   documents of small batches; a segment is made of many
 *
 * Rows of a segment are numbered id << 32 | place. Documents that are taken
 * out leave an empty place: their postings, and words that nothing else
 * holds, are gone from the rows in the same change. */
#ifndef STORE_SQLITE_TERMS_H
#define STORE_SQLITE_TERMS_H

#include "store/gather.h"
#include "store/leaf.h"
#include "store/sqlite_int.h"
#include "text/near.h"

#include <string.h>

#define TERM_MAX 127u     /* bytes of a term: vocabulary and lists agree */
#define LEN_PAGE 2048u    /* documents a row of search_len */
#define DOC_PAGE 256u     /* documents a row of search_doc */
#define REF_PAGE_BITS 8u  /* numbers of the store a row of search_ref */
#define MERGE_FAN 8u      /* neighbours of one level that become one */
#define LEVEL_ALL 30      /* of a segment that was made of all others */
#define SLICE_WORK 60000u /* of one slice of merging, postings read */

enum row_kind { ROW_LEAF, ROW_STRIP, ROW_WORD, ROW_KINDS };

/* The rows of a segment that is in memory only. */
struct image {
  struct buf bytes[ROW_KINDS];
  struct buf end[ROW_KINDS]; /* of each row in ${bytes}: size_t */
};

enum seg_state { SEG_LIVE, SEG_MAKING, SEG_GONE };

struct seg {
  int64_t id;
  uint32_t base, docs; /* documents base .. base + docs - 1 */
  uint32_t level;
  enum seg_state state;
  uint32_t rows[ROW_KINDS];
  struct image *image; /* or NULL: in the tables */
};

struct segs {
  struct seg *seg;
  size_t n, cap;
};

/* One document's entry. */
struct doc_entry {
  int64_t ref; /* 0: it was taken out */
  int64_t set;
  int64_t time;
};
struct doc_page {
  int64_t page; /* -1: none is loaded */
  struct doc_entry doc[DOC_PAGE];
  size_t n;
  bool dirty;
};
struct ref_page {
  int64_t page;
  uint32_t doc[1u << REF_PAGE_BITS]; /* 1 + the document, 0: none */
  bool dirty;
};

/* A document on its way in. */
struct doc_in {
  int64_t ref, time;
  uint64_t length;
  struct span terms, facets;
};

/* Vocabularies in memory, of segments that are asked again and again. */
#define VOCABS 32
struct vocab;
struct vocab_kept {
  struct seg seg;
  unsigned asked;      /* how often, up to now */
  bool refused;        /* it is too large */
  struct vocab *vocab; /* or NULL */
};

/* What the engine keeps in memory for the index: all of it can be forgotten
 * at any time. */
struct terms {
  struct gather gather;
  struct buf lens; /* of documents from ${floor} on */
  uint32_t floor;
  struct image image; /* of what waits */
  struct seg waiting;
  struct buf wait_bytes, wait_in, wait_lens; /* rows, struct doc_in, codes */
  bool image_good;
  struct doc_page docs;
  struct ref_page refs;
  int64_t set;      /* the set that was looked up last, 0: none */
  int64_t set_more; /* documents to be counted to it */
  struct buf set_tokens;
  struct vocab_kept vocab[VOCABS];
  size_t vocabs;
  int64_t vocab_cut; /* the count of removals that they are of */
  struct buf row, scratch;
};

/* Counters of the index, in `state`. */
struct term_counts {
  int64_t docs, words; /* that are in, those that wait included */
  int64_t next, floor; /* documents: the next number, the first in use */
  int64_t seg;         /* the next segment's id */
};

/* ---- sqlite_terms.c: rows, segments, counters ---- */

int terms_of(struct sq *s, struct terms **out, struct err *e) MUST_USE;
int terms_counts(struct sq *s, struct term_counts *out, struct err *e) MUST_USE;
int terms_counts_put(struct sq *s, const struct term_counts *c,
                     struct err *e) MUST_USE;
/* ERR_CORRUPT: ${what} of the index can't be read. */
int terms_bad(struct sq *s, const char *what, struct err *e) MUST_USE;

int segs_load(struct sq *s, enum seg_state upto, struct segs *out,
              struct err *e) MUST_USE;
void segs_free(struct segs *l);
int segs_add(struct segs *l, const struct seg *g, struct err *e) MUST_USE;
int seg_put(struct sq *s, const struct seg *g, struct err *e) MUST_USE;

/* A row's bytes into ${out}, cleared first. */
int seg_row_get(struct sq *s, const struct seg *g, enum row_kind kind,
                uint32_t no, struct buf *out, struct err *e) MUST_USE;
int seg_row_put(struct sq *s, const struct seg *g, enum row_kind kind,
                uint32_t no, struct span data, struct err *e) MUST_USE;
/* The number of the leaf that holds ${term} if any does: 1, or 0. */
int seg_leaf_of(struct sq *s, const struct seg *g, struct span term,
                uint32_t *no, struct err *e) MUST_USE;

/* Terms of a segment, asked for in ascending order, the same one as often as
 * one likes: neighbours lie in one leaf, which is read once. Zero-initialise,
 * set s and seg. */
struct seg_finder {
  struct sq *s;
  const struct seg *seg;
  struct buf row;
  struct leaf_reader reader;
  struct span last; /* what was asked; lent */
  struct leaf_entry entry;
  bool found;
};
/* 1 and ${out}, which is lent until the next call, or 0. */
int finder_find(struct seg_finder *f, struct span term, struct leaf_entry *out,
                struct err *e) MUST_USE;
void finder_free(struct seg_finder *f);

/* All terms of a segment in order. Zero-initialise, set s and seg. */
struct seg_cursor {
  struct sq *s;
  const struct seg *seg;
  uint32_t leaf; /* the next */
  struct buf row;
  struct leaf_reader reader;
  struct leaf_entry entry;
  bool more; /* entry holds a term */
};
int cursor_next(struct seg_cursor *c, struct err *e) MUST_USE;
/* To the first term greater than ${after} (empty: the first). */
int cursor_seek(struct seg_cursor *c, struct span after,
                struct err *e) MUST_USE;
void cursor_free(struct seg_cursor *c);

/* The postings of a term, block by block. Zero-initialise, set s and seg;
 * list_open, then list_next until 0. */
struct seg_list {
  struct sq *s;
  const struct seg *seg;
  const struct leaf_entry *entry;
  uint32_t strip; /* the next, from 0 */
  struct buf row;
  struct post_strip strips;
  size_t block; /* the next in ${strips} */
  struct post_head head;
};
/* The next block's head into l->head: 1, or 0. */
int list_next(struct seg_list *l, struct err *e) MUST_USE;
void list_free(struct seg_list *l);

/* Lengths: code of document ${doc} at lens[doc - floor]. */
int terms_lens(struct sq *s, const struct term_counts *c,
               struct err *e) MUST_USE;

/* ---- sqlite_segment.c: writing a segment ---- */

struct word_page;
struct seg_writer {
  struct sq *s;
  struct seg *seg;       /* rows[] are counted here */
  const uint8_t *lens;   /* by document, from the segment's base on */
  struct buf leaf, last; /* the leaf's bytes, its last term */
  struct buf term;       /* of the list under way */
  uint32_t df;
  struct post block;
  struct post_strip strip;
  struct buf strip_bytes; /* reserved: the heads point into it */
  size_t strip_size;
  struct buf dir; /* struct leaf_strip */
  struct buf block_bytes, row;
  struct word_page *words;
};
int writer_open(struct seg_writer *w, struct sq *s, struct seg *g,
                const uint8_t *lens, struct err *e) MUST_USE;
int writer_term(struct seg_writer *w, struct span term, struct err *e) MUST_USE;
int writer_post(struct seg_writer *w, uint32_t doc, uint16_t tf,
                struct err *e) MUST_USE;
/* A block as it is, its documents shifted by ${shift}. */
int writer_block(struct seg_writer *w, const struct post_head *h,
                 uint32_t shift, struct err *e) MUST_USE;
int writer_term_end(struct seg_writer *w, struct err *e) MUST_USE;
/* Write what is left. */
int writer_end(struct seg_writer *w, struct err *e) MUST_USE;
void writer_free(struct seg_writer *w);
/* All that was gathered: documents are numbered from the base on. */
int writer_gathered(struct seg_writer *w, struct err *e) MUST_USE;

/* ---- sqlite_words.c: the vocabulary ---- */

#define PAGE_WORDS 320u
#define WORD_GRAMS 3
struct word_page {
  uint64_t sign[PAGE_WORDS];
  uint8_t grams[PAGE_WORDS];
  uint8_t term[PAGE_WORDS][TERM_MAX];
  uint8_t term_n[PAGE_WORDS];
  uint32_t df[PAGE_WORDS];
  size_t n, bytes;
};

/* A term is a word when it begins with a letter or digit, or with the mark of
 * the second kind of words; ${word} is what comes after that. */
bool words_is_one(struct span term, struct span *word);
uint64_t words_sign(const uint64_t *gram, size_t n);
/* A page's signatures; its terms' bytes are left in ${rest}, for words_read.
 * false: it is damaged. */
bool words_read_signs(struct word_page *p, struct span row, struct span *rest);
bool words_read(struct word_page *p, struct span rest);
/* The terms of a page in order, without their signatures. */
struct words_reader {
  struct post_reader r;
  uint64_t left;
  uint8_t term[TERM_MAX];
  size_t n;
  uint32_t df;
};
bool words_reader_open(struct words_reader *w, struct span row);
/* 1, 0 at the end, or ERR_CORRUPT. */
int words_reader_next(struct words_reader *w) MUST_USE;
/* All of a page. */
int words_page(struct sq *s, const struct seg *g, uint32_t no,
               struct word_page *p, struct err *e) MUST_USE;
int words_open(struct word_page **out, struct err *e) MUST_USE;
int words_add(struct seg_writer *w, struct span term, uint32_t df,
              struct err *e) MUST_USE;
int words_flush(struct seg_writer *w, struct err *e) MUST_USE;
void words_free(struct word_page *p);
/* The term is in no document of the segment any more. */
int words_drop(struct sq *s, const struct seg *g, struct span term,
               struct err *e) MUST_USE;

/* ---- sqlite_vocab.c: vocabularies in memory ---- */

/* Drop those that are not of these segments as they are now. */
int vocabs_sweep(struct sq *s, const struct segs *segs, struct err *e) MUST_USE;
/* The segment's, or NULL: its pages are to be looked through. */
int vocabs_get(struct sq *s, const struct seg *g, struct vocab **out,
               struct err *e) MUST_USE;
/* Words go from pages, in the change that is under way. */
int vocabs_cut(struct sq *s, struct err *e) MUST_USE;
void vocabs_free(struct terms *t);

/* ---- sqlite_docs.c: documents ---- */

int docs_entry(struct sq *s, uint32_t doc, struct doc_entry *out,
               struct err *e) MUST_USE;
int docs_find(struct sq *s, int64_t ref, uint32_t *doc, bool *found,
              struct err *e) MUST_USE;
/* Write changed pages and counts back. */
int docs_flush(struct sq *s, struct err *e) MUST_USE;
/* Give ${n} documents numbers from c->next on, and enter them. */
int docs_enter(struct sq *s, const struct doc_in *d, size_t n,
               struct term_counts *c, struct err *e) MUST_USE;
int docs_leave(struct sq *s, uint32_t doc, struct err *e) MUST_USE;
int docs_retag(struct sq *s, uint32_t doc, const struct doc_in *d,
               struct err *e) MUST_USE;
/* Tokens of a set, into ${out}, cleared first. */
int docs_set(struct sq *s, int64_t set, struct buf *out,
             struct err *e) MUST_USE;

/* ---- sqlite_wait.c: documents that wait ---- */

int wait_put(struct sq *s, const struct doc_in *d, struct err *e) MUST_USE;
int wait_has(struct sq *s, int64_t ref, bool *out, struct err *e) MUST_USE;
/* Its length into ${length}; the row goes. */
int wait_drop(struct sq *s, int64_t ref, uint64_t *length,
              struct err *e) MUST_USE;
int wait_retag(struct sq *s, const struct doc_in *d, struct err *e) MUST_USE;
/* All of it, in order; ${bytes} is lent to ${out}, an array of struct doc_in.
 */
int wait_load(struct sq *s, struct buf *bytes, struct buf *out,
              struct err *e) MUST_USE;
/* The ${i}-th of those in memory. */
static inline struct doc_in wait_doc(const struct terms *t, uint32_t i)
{
  struct doc_in d;
  memcpy(&d, t->wait_in.p + i * sizeof d, sizeof d);
  return d;
}
/* Bring the segment in memory up to date. */
int wait_image(struct sq *s, struct err *e) MUST_USE;

/* ---- sqlite_forget.c: taking postings out ---- */

/* Take the gathered terms' postings out of all segments: of documents
 * numbered as in the index. */
int forget_postings(struct sq *s, struct err *e) MUST_USE;

/* ---- sqlite_merge.c ---- */

/* Terms went from segments: let no merge remember where it is by one. */
int merge_forget(struct sq *s, struct err *e) MUST_USE;

/* Work off what is due, about as much as reading ${work} postings. Inside a
 * transaction. 1: there is more to do. ${all}: until one segment is left. */
int merge_slice(struct sq *s, uint64_t work, bool all, struct err *e) MUST_USE;

#endif
