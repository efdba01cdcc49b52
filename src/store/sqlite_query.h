/* SPDX-License-Identifier: 0BSD */
/* A query under work: its terms found in every segment, and cursors over
 * their lists. Scores are whole numbers, 2^-16 each: sums do not depend on
 * their order, and a bound is never less than what it bounds. */
#ifndef STORE_SQLITE_QUERY_H
#define STORE_SQLITE_QUERY_H

#include "store/sqlite_terms.h"

#define SCORE_ONE 65536.0
#define PART_TFS 8 /* frequencies whose parts are worked out beforehand */

/* One term of one group. */
struct member {
  struct span term;
  uint32_t group;
  double weight; /* of the group's, the term's own; IDF and unit included
                    once that is known */
  bool own;
  uint64_t df;
};

/* Where a segment has a member's list. */
struct found {
  uint32_t seg, member, df;
  bool has_strips;
  struct post_place place;
  uint32_t strip, strips;
  size_t at, n; /* the block or the directory, in query.bytes */
};

/* A cursor over a list. */
struct list {
  const struct member *member;
  const struct found *found;
  uint32_t bound; /* the greatest score in it */
  struct leaf_strip *dir;
  struct post_strip strip;
  uint32_t strip_at; /* in the directory; its blocks are loaded? */
  bool loaded;
  size_t head; /* of the strip; decoded? */
  bool decoded;
  struct post_head only; /* of a short list */
  struct post post;
  size_t at;     /* in post */
  uint32_t peek; /* the document it stands at, UINT32_MAX: the end; known only
                    while it is read in order */
  struct buf row;
};

struct query {
  struct sq *s;
  const struct store_query *q;
  struct term_counts counts;
  struct segs segs;
  struct member *member;
  uint32_t *order; /* members by their bytes */
  size_t members;
  struct found *found; /* by segment */
  size_t founds, found_cap;
  struct buf bytes;
  double norm[256];
  double part[PART_TFS][256];
  uint32_t needs;  /* a bit for each STORE_NEED that occurs */
  struct buf sets; /* verdicts of sets of facets: struct set_verdict */
  /* of the segment under work */
  const struct seg *seg;
  const uint8_t *lens;
  struct list *list;
  size_t lists;
  uint32_t first[QUERY_GROUPS_MAX + 1]; /* lists of each group */
  struct buf tokens;
};

/* Check and find. ${qu} is cleared first; query_close in any case. */
int query_open(struct query *qu, struct sq *s, const struct store_query *q,
               struct err *e) MUST_USE;
void query_close(struct query *qu);
/* Lists of the ${i}-th segment. */
int query_segment(struct query *qu, size_t i, struct err *e) MUST_USE;

/* What a posting of the list scores: at least 1. */
static inline uint32_t score_of(const struct query *qu, const struct list *l,
                                uint16_t tf, uint8_t length)
{
  double part = tf <= PART_TFS ? qu->part[tf - 1][length]
                               : tf * 2.2 / (tf + qu->norm[length]);
  uint32_t v = (uint32_t)(l->member->weight * part);
  return v > 0 ? v : 1;
}

/* To the first posting that is >= ${doc}; l->peek says which. */
int list_to(struct query *qu, struct list *l, uint32_t doc,
            struct err *e) MUST_USE;
/* One posting on. */
int list_on(struct query *qu, struct list *l, struct err *e) MUST_USE;
/* The score of ${doc} in ${out}, 0 when it isn't there or can't be as much as
 * ${need}. For ascending documents. */
int list_probe(struct query *qu, struct list *l, uint32_t doc, uint32_t need,
               uint32_t *out, struct err *e) MUST_USE;

/* May the document be given, by filters and time? 1 or 0; ${en} gets its
 * entry. */
int query_allows(struct query *qu, uint32_t doc, struct doc_entry *en,
                 struct err *e) MUST_USE;
int query_allows_facets(struct query *qu, int64_t time, struct span facets);

#endif
