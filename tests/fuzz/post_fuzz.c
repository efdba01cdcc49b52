/* SPDX-License-Identifier: 0BSD */
/* Rows of the search index as a damaged file has them. The first byte says
 * which: 0 a block (then postings, first and last document, in 9 bytes), 1 a
 * strip, 2 a leaf. What is read, written and read again, is the same; and it
 * lies inside the row. */
#include "store/leaf.h"
#include "store/post.h"

#include "fuzz/demand.h"

#define STRIPS_MAX 4096u

static uint32_t number(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
         p[3];
}

static void check_block(const struct post_place *at, struct span bytes)
{
  struct post p, back;
  struct buf again = {0};
  int rc = post_block_get(&p, at, bytes);
  demand(rc == 0 || rc == ERR_CORRUPT);
  if (rc < 0) {
    return;
  }
  demand(p.n == at->n && p.doc[0] == at->first && p.doc[p.n - 1] <= at->last);
  for (size_t i = 0; i < p.n; i++) {
    demand(p.tf[i] >= 1 && (i == 0 || p.doc[i] > p.doc[i - 1]));
  }
  demand(post_block_put(&again, &p) == 0 && again.n <= bytes.n);
  demand(post_block_get(&back, at, buf_span(&again)) == 0);
  demand(memcmp(p.doc, back.doc, p.n * sizeof *p.doc) == 0);
  demand(memcmp(p.tf, back.tf, p.n * sizeof *p.tf) == 0);
  buf_free(&again);
}

static bool inside(struct span part, struct span whole)
{
  return part.n == 0 || (part.p >= whole.p && part.n <= whole.n &&
                         part.p - whole.p <= (ptrdiff_t)(whole.n - part.n));
}

static bool same_place(const struct post_place *a, const struct post_place *b)
{
  return a->first == b->first && a->last == b->last && a->n == b->n;
}

static void check_strip(struct span row)
{
  struct post_strip s, back;
  struct buf again = {0};
  int rc = post_strip_get(&s, row);
  demand(rc == 0 || rc == ERR_CORRUPT);
  if (rc < 0) {
    return;
  }
  demand(s.n <= POST_STRIP_BLOCKS);
  for (size_t i = 0; i < s.n; i++) {
    const struct post_head *h = &s.head[i];
    demand(h->place.n >= 1 && h->place.n <= POST_BLOCK);
    demand(h->place.first <= h->place.last && inside(h->bytes, row));
    demand(i == 0 || h->place.first > s.head[i - 1].place.last);
    check_block(&h->place, h->bytes);
  }
  demand(post_strip_put(&again, &s) == 0 && again.n <= row.n);
  demand(post_strip_get(&back, buf_span(&again)) == 0 && back.n == s.n);
  for (size_t i = 0; i < s.n; i++) {
    demand(same_place(&s.head[i].place, &back.head[i].place));
    demand(span_equal(s.head[i].bytes, back.head[i].bytes));
  }
  buf_free(&again);
}

static void check_dir(const struct leaf_entry *en, struct span row)
{
  static struct leaf_strip dir[STRIPS_MAX];
  struct buf again = {0};
  demand(en->strips > 0 && en->strips <= row.n && inside(en->dir, row));
  if (en->strips > STRIPS_MAX || leaf_dir_get(dir, en) < 0) {
    return;
  }
  demand(leaf_dir_put(&again, dir, en->strips) == 0 && again.n <= en->dir.n);
  buf_free(&again);
}

/* The ${i}-th of a leaf that is written anew, as it was read. */
static void read_again(struct span row, size_t i, const struct leaf_entry *en)
{
  struct leaf_reader r = {.data = row};
  struct leaf_entry got;
  int rc = 1;
  for (size_t k = 0; rc > 0 && k <= i; k++) {
    rc = leaf_next(&r, &got);
  }
  demand(rc > 0 && span_equal(got.term, en->term) && got.df == en->df);
  demand(got.has_strips == en->has_strips);
  demand(span_equal(got.block, en->block) && span_equal(got.dir, en->dir));
  demand(got.strip == en->strip && got.strips == en->strips);
  demand(same_place(&got.place, &en->place));
}

static void check_leaf(struct span row)
{
  struct leaf_reader r = {.data = row};
  struct leaf_entry en;
  struct buf again = {0};
  uint8_t before[LEAF_TERM_MAX];
  size_t before_n = 0, n = 0;
  int rc;
  while ((rc = leaf_next(&r, &en)) > 0) {
    demand(en.term.n > 0 && en.term.n <= LEAF_TERM_MAX && en.df > 0);
    if (en.has_strips) {
      check_dir(&en, row);
    } else {
      demand(inside(en.block, row) && en.place.n <= POST_BLOCK);
      check_block(&en.place, en.block);
    }
    demand(leaf_put(&again, span_of(before, before_n), &en) == 0);
    if (n < 64) {
      read_again(buf_span(&again), n, &en);
    }
    memcpy(before, en.term.p, en.term.n);
    before_n = en.term.n;
    n++;
  }
  demand(rc == 0 || rc == ERR_CORRUPT);
  r = (struct leaf_reader){.data = row};
  rc = leaf_find(&r, span_of("m", 1), &en);
  demand(rc <= 0 || span_is(en.term, "m"));
  buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0) {
    return 0;
  }
  struct span s = span_of(data + 1, size - 1);
  if (data[0] % 3 == 0 && s.n >= 9) {
    struct post_place at = {number(s.p + 1), number(s.p + 5),
                            1u + s.p[0] % POST_BLOCK};
    check_block(&at, span_of(s.p + 9, s.n - 9));
  } else if (data[0] % 3 == 1) {
    check_strip(s);
  } else {
    check_leaf(s);
  }
  return 0;
}
