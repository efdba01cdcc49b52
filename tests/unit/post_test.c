/* SPDX-License-Identifier: 0BSD */
#include "store/gather.h"
#include "store/leaf.h"
#include "store/post.h"

#include "unit.h"

static uint64_t seed = 1;

static uint64_t random64(void)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

static void test_varints(void)
{
  static const uint64_t v[] = {0, 1, 127, 128, 16383, UINT32_MAX, 1ull << 62};
  struct buf b = {0};
  for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
    NEED(post_varint_put(&b, v[i]) == 0);
  }
  struct post_reader r = post_reader_of(buf_span(&b));
  for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
    EXPECT(post_varint(&r) == v[i]);
  }
  EXPECT(!r.bad && r.p == r.end);
  EXPECT(post_varint(&r) == 0 && r.bad); /* nothing is left */
  static const uint8_t endless[12] = {255, 255, 255, 255, 255, 255,
                                      255, 255, 255, 255, 255, 1};
  r = post_reader_of(span_of(endless, sizeof endless));
  EXPECT(post_varint(&r) == 0 && r.bad);
  r = post_reader_of(span_of(endless, 3));
  EXPECT(post_bytes(&r, 4).n == 0 && r.bad);
  buf_free(&b);
}

/* A code stands for a length no greater, by a sixteenth at most; codes order
 * as lengths do. */
static void test_lengths(void)
{
  uint32_t before = 0;
  for (uint64_t n = 0; n < 200000; n++) {
    uint8_t code = post_length(n);
    uint32_t words = post_words(code);
    EXPECT(words <= n && n - words <= n / 16 && code >= before);
    EXPECT(n > 31 || words == n);
    EXPECT(post_length(words) == code);
    before = code;
  }
  EXPECT_INT(post_length(UINT64_MAX), 255);
}

static struct post post_random(size_t n, uint32_t most)
{
  struct post p = {.n = n};
  uint32_t doc = (uint32_t)(random64() % most);
  for (size_t i = 0; i < n; i++) {
    p.doc[i] = doc;
    p.tf[i] = random64() % 4 == 0 ? (uint16_t)(1 + random64() % 9) : 1;
    doc += 1 + (uint32_t)(random64() % most);
  }
  return p;
}

static struct post_place place_of(const struct post *p)
{
  return (struct post_place){p->doc[0], p->doc[p->n - 1], (uint32_t)p->n};
}

static void test_blocks(void)
{
  struct buf b = {0};
  for (size_t n = 1; n <= POST_BLOCK; n++) {
    struct post p = post_random(n, n % 2 ? 3 : 100000), back;
    struct post_place at = place_of(&p);
    p.tf[0] = n % 3 == 0 ? POST_TF_MAX : p.tf[0];
    buf_clear(&b);
    NEED(post_block_put(&b, &p) == 0);
    EXPECT_INT(post_block_get(&back, &at, buf_span(&b)), 0);
    EXPECT(back.n == n && memcmp(back.doc, p.doc, n * sizeof *p.doc) == 0 &&
           memcmp(back.tf, p.tf, n * sizeof *p.tf) == 0);
    /* Cut, too few, too many, beyond the last. */
    EXPECT_INT(post_block_get(&back, &at, span_of(b.p, b.n - 1)), ERR_CORRUPT);
    at.n++;
    EXPECT_INT(post_block_get(&back, &at, buf_span(&b)), ERR_CORRUPT);
    at.n -= 2;
    EXPECT_INT(post_block_get(&back, &at, buf_span(&b)), ERR_CORRUPT);
    at = place_of(&p);
    if (n > 1) {
      at.last--;
      EXPECT_INT(post_block_get(&back, &at, buf_span(&b)), ERR_CORRUPT);
    }
  }
  buf_free(&b);
}

static void test_bounds(void)
{
  struct post_bound b = post_bound_none(), more = post_bound_none();
  post_bound_add(&b, 1, 40);
  post_bound_add(&b, 1, 30);
  EXPECT(b.one == 30 && b.tf == 0 && b.more == POST_NONE);
  post_bound_add(&more, 3, 50);
  post_bound_add(&more, 400, 60);
  EXPECT(more.one == POST_NONE && more.tf == 255 && more.more == 50);
  post_bound_join(&b, &more);
  EXPECT(b.one == 30 && b.tf == 255 && b.more == 50);
}

/* A strip of ${n} blocks; the bytes go into ${b}. */
static void strip_make(struct post_strip *s, struct buf *b, size_t n)
{
  uint32_t doc = 0;
  size_t end[POST_STRIP_BLOCKS];
  buf_clear(b);
  for (size_t i = 0; i < n; i++) {
    struct post p = post_random(1 + random64() % POST_BLOCK, 9);
    for (size_t k = 0; k < p.n; k++) {
      p.doc[k] += doc;
    }
    s->head[i].place = place_of(&p);
    s->head[i].bound = (struct post_bound){(uint8_t)i, 2, 7};
    NEED(post_block_put(b, &p) == 0);
    end[i] = b->n;
    doc = p.doc[p.n - 1] + 1;
  }
  for (size_t i = 0; i < n; i++) {
    size_t from = i == 0 ? 0 : end[i - 1];
    s->head[i].bytes = span_of(b->p + from, end[i] - from);
  }
  s->n = n;
}

static void test_strips(void)
{
  struct buf blocks = {0}, row = {0};
  for (size_t n = 0; n <= POST_STRIP_BLOCKS; n++) {
    struct post_strip s, back;
    strip_make(&s, &blocks, n);
    buf_clear(&row);
    NEED(post_strip_put(&row, &s) == 0);
    EXPECT_INT(post_strip_get(&back, buf_span(&row)), 0);
    EXPECT_INT(back.n, n);
    for (size_t i = 0; i < n; i++) {
      EXPECT(span_equal(back.head[i].bytes, s.head[i].bytes) &&
             back.head[i].place.first == s.head[i].place.first &&
             back.head[i].place.last == s.head[i].place.last &&
             back.head[i].place.n == s.head[i].place.n &&
             back.head[i].bound.one == i);
    }
    for (size_t cut = 0; cut < row.n && n > 0; cut += 1 + cut / 9) {
      EXPECT_INT(post_strip_get(&back, span_of(row.p, cut)), ERR_CORRUPT);
    }
  }
  row.p[0] = POST_STRIP_BLOCKS + 1;
  struct post_strip back;
  EXPECT_INT(post_strip_get(&back, buf_span(&row)), ERR_CORRUPT);
  buf_free(&blocks);
  buf_free(&row);
}

/* Whatever a disk makes of the bytes: an error or something that is in
 * bounds. */
static void test_noise(void)
{
  struct buf blocks = {0}, row = {0};
  struct post_strip s, back;
  struct post p;
  strip_make(&s, &blocks, 9);
  NEED(post_strip_put(&row, &s) == 0);
  for (int i = 0; i < 20000; i++) {
    size_t at = random64() % row.n;
    uint8_t was = row.p[at];
    row.p[at] = (uint8_t)random64();
    if (post_strip_get(&back, buf_span(&row)) == 0) {
      for (size_t k = 0; k < back.n; k++) {
        if (post_block_get(&p, &back.head[k].place, back.head[k].bytes) == 0) {
          EXPECT(p.n <= POST_BLOCK &&
                 p.doc[p.n - 1] <= back.head[k].place.last);
        }
      }
    }
    struct leaf_reader r = {.data = buf_span(&row)};
    struct leaf_entry en;
    int rc, n = 0;
    while ((rc = leaf_next(&r, &en)) > 0) {
      NEED(++n < 100000 && en.term.n > 0);
    }
    row.p[at] = was;
  }
  buf_free(&blocks);
  buf_free(&row);
}

/* ---- leaves ---- */

static void test_leaves(void)
{
  static const char *const term[] = {"a", "ab", "abc", "b", "beta", "c"};
  struct leaf_strip dir[3] = {
      {900, {1, 2, 3}}, {5000, {4, 5, 6}}, {70000, {7, 8, 9}}};
  struct leaf_strip got[3];
  struct buf row = {0}, dirs = {0}, block = {0};
  struct span before = {NULL, 0};
  struct post p = post_random(5, 100);
  NEED(leaf_dir_put(&dirs, dir, 3) == 0 && post_block_put(&block, &p) == 0);
  for (size_t i = 0; i < 6; i++) {
    struct leaf_entry en = {.term = span_of(term[i], strlen(term[i])),
                            .df = i == 3 ? 9999 : 5,
                            .has_strips = i == 3,
                            .place = place_of(&p),
                            .block = buf_span(&block),
                            .strip = 77,
                            .strips = 3,
                            .dir = buf_span(&dirs)};
    NEED(leaf_put(&row, before, &en) == 0);
    before = en.term;
  }
  struct leaf_reader r = {.data = buf_span(&row)};
  struct leaf_entry en;
  for (size_t i = 0; i < 6; i++) {
    NEED(leaf_next(&r, &en) == 1);
    EXPECT(span_is(en.term, term[i]));
    EXPECT(en.has_strips == (i == 3));
    if (i == 3) {
      EXPECT(en.strip == 77 && en.strips == 3 && en.df == 9999);
      EXPECT_INT(leaf_dir_get(got, &en), 0);
      EXPECT(memcmp(got, dir, sizeof dir) == 0);
    } else {
      EXPECT(en.place.n == 5 && span_equal(en.block, buf_span(&block)));
    }
  }
  EXPECT_INT(leaf_next(&r, &en), 0);
  for (size_t i = 0; i < 6; i++) {
    struct leaf_reader f = {.data = buf_span(&row)};
    EXPECT_INT(leaf_find(&f, span_of(term[i], strlen(term[i])), &en), 1);
  }
  struct leaf_reader f = {.data = buf_span(&row)};
  EXPECT_INT(leaf_find(&f, span_of("aba", 3), &en), 0);
  f = (struct leaf_reader){.data = span_of(row.p, row.n - 1)};
  EXPECT_INT(leaf_find(&f, span_of("c", 1), &en), ERR_CORRUPT);
  buf_free(&row);
  buf_free(&dirs);
  buf_free(&block);
}

/* ---- gathering ---- */

static void test_gather(void)
{
  static const char one[] = "\003abc\012abcdefghij\003abc\001b";
  static const char two[] = "\012abcdefghik\001b\002ab\012abcdefghij";
  static const struct {
    const char *term;
    uint32_t df;
  } want[] = {
      {"ab", 1}, {"abc", 1}, {"abcdefghij", 2}, {"abcdefghik", 1}, {"b", 2}};
  struct gather g = {0};
  for (int round = 0; round < 2; round++) {
    gather_clear(&g);
    NEED(gather_doc(&g, 3, span_of(one, sizeof one - 1)) == 0);
    NEED(gather_doc(&g, 8, span_of(two, sizeof two - 1)) == 0);
    NEED(gather_sort(&g) == 0);
    EXPECT_INT(g.terms, 5);
    for (size_t i = 0; i < 5; i++) {
      EXPECT(span_is(gather_bytes(&g, &g.term[i]), want[i].term));
      EXPECT_INT(g.term[i].df, want[i].df);
    }
    const struct gather_post *p = &g.post[g.term[1].head];
    EXPECT(p->doc == 3 && p->tf == 2);
    p = &g.post[g.term[4].head];
    EXPECT(p->doc == 3 && g.post[p->next].doc == 8);
  }
  EXPECT_INT(gather_doc(&g, 9, span_of("\003ab", 3)), ERR_INVALID);
  EXPECT_INT(gather_doc(&g, 9, span_of("\000", 1)), ERR_INVALID);
  gather_free(&g);
}

int main(void)
{
  RUN(test_varints);
  RUN(test_lengths);
  RUN(test_blocks);
  RUN(test_bounds);
  RUN(test_strips);
  RUN(test_noise);
  RUN(test_leaves);
  RUN(test_gather);
  return unit_done();
}
