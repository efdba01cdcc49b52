/* SPDX-License-Identifier: 0BSD */
/* The best documents of a query, without scoring all (MaxScore: H. Turtle,
 * J. Flood: "Query evaluation: strategies and optimizations", 1995; with
 * windows and block maxima as in later engines).
 *
 * Groups are ordered by the most that they can give. Those that together
 * can't lift a document into the list so far are not read in order: they are
 * asked about documents that the others bring up, the greatest first, and no
 * block is opened that could not matter. A window of documents at a time is
 * scored group by group. */
#include "store/sqlite_query.h"

#include "base/check.h"
#include "base/mem.h"

#include <stdlib.h>

#define WINDOW 2048u
#define SEEN (WINDOW / 64)
#define TIES 2048u

struct hit {
  uint32_t score;
  uint32_t doc; /* its number in the index */
  int64_t ref;  /* 0: not looked up yet */
  uint64_t marks;
};

/* What is known of one of the window's documents. */
struct found_so_far {
  uint32_t score, needs;
  uint64_t marks;
};

struct topk {
  struct query qu;
  struct hit *heap; /* the worst first */
  size_t n, max;
  struct hit *tie; /* others that score as the worst, up to max + TIES */
  size_t ties;
  uint32_t least; /* what a document must score to be of interest */
  bool after;
  struct hit last;
  /* groups of the segment under work, the greatest bound first */
  uint32_t order[QUERY_GROUPS_MAX];
  uint32_t bound[QUERY_GROUPS_MAX];
  size_t groups, essential;
  struct found_so_far doc[WINDOW];
  uint32_t part[WINDOW];
  uint64_t seen[SEEN], part_seen[SEEN];
};

/* ---- the list ---- */

static int order_refs(const void *a, const void *b)
{
  const struct hit *x = a, *y = b;
  return x->ref > y->ref ? -1 : x->ref < y->ref;
}

/* What the documents are in the store. They lie in pages: asked in order. */
static int look_up(struct topk *k, struct hit *hit, size_t n, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < n; i++) {
    struct doc_entry en = {.ref = 0};
    if (hit[i].ref == 0 &&
        (rc = docs_entry(k->qu.s, hit[i].doc, &en, e)) == 0) {
      hit[i].ref = en.ref;
      rc = en.ref != 0 ? 0 : terms_bad(k->qu.s, "a list of documents", e);
    }
  }
  return rc;
}

static void sift(struct topk *k, size_t at)
{
  struct hit one = k->heap[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= k->n) {
      break;
    }
    child +=
        child + 1 < k->n && k->heap[child + 1].score < k->heap[child].score;
    if (k->heap[child].score >= one.score) {
      break;
    }
    k->heap[at] = k->heap[child];
    at = child;
  }
  k->heap[at] = one;
}

/* One that scores as the worst of the list does: which of them stay is seen
 * at the end. When there are many, the best for the list are kept. */
static int tie(struct topk *k, const struct hit *hit, struct err *e)
{
  if (k->ties == k->max + TIES) {
    int rc = look_up(k, k->tie, k->ties, e);
    if (rc < 0) {
      return rc;
    }
    qsort(k->tie, k->ties, sizeof *k->tie, order_refs);
    k->ties = k->max;
  }
  k->tie[k->ties++] = *hit;
  return 0;
}

static int keep(struct topk *k, const struct hit *hit, struct err *e)
{
  int rc = 0;
  if (k->n < k->max) {
    size_t at = k->n++;
    while (at > 0 && hit->score < k->heap[(at - 1) / 2].score) {
      k->heap[at] = k->heap[(at - 1) / 2];
      at = (at - 1) / 2;
    }
    k->heap[at] = *hit;
  } else if (hit->score == k->heap[0].score) {
    rc = tie(k, hit, e);
  } else if (hit->score > k->heap[0].score) {
    struct hit out = k->heap[0];
    k->heap[0] = *hit;
    sift(k, 0);
    if (k->heap[0].score == out.score) {
      rc = tie(k, &out, e);
    } else {
      k->ties = 0;
    }
  }
  if (k->n == k->max) {
    k->least = k->heap[0].score;
  }
  return rc;
}

/* Of those that score as the worst does, the ones with the greater refs. */
static int settle_ties(struct topk *k, struct err *e)
{
  size_t ties = k->ties;
  int rc = 0;
  for (size_t i = 0; rc == 0 && ties > 0 && i < k->n; i++) {
    if (k->heap[i].score == k->least) {
      rc = tie(k, &k->heap[i], e);
    }
  }
  if (rc == 0) {
    rc = look_up(k, k->tie, k->ties, e);
  }
  qsort(k->tie, k->ties, sizeof *k->tie, order_refs);
  for (size_t i = 0, next = 0; ties > 0 && i < k->n; i++) {
    if (k->heap[i].score == k->least) {
      k->heap[i] = k->tie[next++];
    }
  }
  return rc;
}

static int offer(struct topk *k, uint32_t doc, const struct found_so_far *f,
                 struct err *e)
{
  const struct store_query *q = k->qu.q;
  struct doc_entry en = {.ref = 0};
  struct hit hit = {
      .score = f->score, .marks = f->marks, .doc = k->qu.seg->base + doc};
  if (k->after && f->score > k->last.score) {
    return 0;
  }
  if (k->qu.seg->image != NULL || q->filters > 0 || q->timed) {
    int rc = query_allows(&k->qu, doc, &en, e);
    if (rc <= 0) {
      return rc;
    }
    hit.ref = en.ref;
  }
  if (k->after && hit.score == k->last.score) {
    int rc = look_up(k, &hit, 1, e);
    if (rc < 0 || hit.ref >= k->last.ref) {
      return rc;
    }
  }
  return keep(k, &hit, e);
}

/* ---- groups ---- */

static uint32_t need_bit(const struct topk *k, uint32_t group)
{
  unsigned how = k->qu.q->group[group].how;
  return how >= STORE_NEED ? UINT32_C(1) << (how - STORE_NEED) : 0;
}

static uint32_t group_lists(const struct topk *k, uint32_t group,
                            struct list **first)
{
  *first = k->qu.list + k->qu.first[group];
  return k->qu.first[group + 1] - k->qu.first[group];
}

static int order_groups(const void *a, const void *b, void *ud)
{
  const struct topk *k = ud;
  const uint32_t *x = a, *y = b;
  uint32_t p = k->bound[*x], q = k->bound[*y];
  return p != q ? (p > q ? -1 : 1) : *x < *y ? -1 : *x > *y;
}

/* The groups that have a list here, and whether all needs can be met. */
static bool rank_groups(struct topk *k)
{
  uint32_t met = 0;
  k->groups = 0;
  for (uint32_t g = 0; g < k->qu.q->groups; g++) {
    struct list *l;
    uint32_t n = group_lists(k, g, &l);
    if (n == 0 || k->qu.q->group[g].how == STORE_NOT) {
      continue;
    }
    k->bound[g] = 0;
    for (uint32_t i = 0; i < n; i++) {
      k->bound[g] = l[i].bound > k->bound[g] ? l[i].bound : k->bound[g];
    }
    met |= need_bit(k, g);
    k->order[k->groups++] = g;
  }
  qsort_r(k->order, k->groups, sizeof *k->order, order_groups, k);
  return k->groups > 0 && met == k->qu.needs;
}

/* How many documents one need's groups bring up, at most. */
static uint64_t need_size(const struct topk *k, uint32_t bit)
{
  uint64_t docs = 0;
  for (size_t i = 0; i < k->groups; i++) {
    struct list *l;
    uint32_t n = group_lists(k, k->order[i], &l);
    for (uint32_t j = 0; need_bit(k, k->order[i]) == bit && j < n; j++) {
      docs += l[j].found->df;
    }
  }
  return docs;
}

/* With needs, the groups of the rarest one bring up all that can be given:
 * they are moved to the front. */
static void lead_by_need(struct topk *k)
{
  uint32_t best = 0;
  uint64_t least = UINT64_MAX;
  for (uint32_t bit = 1; bit != 0; bit <<= 1) {
    uint64_t docs = k->qu.needs & bit ? need_size(k, bit) : UINT64_MAX;
    if (docs < least) {
      least = docs;
      best = bit;
    }
  }
  size_t n = 0;
  for (size_t i = 0; i < k->groups; i++) {
    if (need_bit(k, k->order[i]) == best) {
      uint32_t g = k->order[i];
      memmove(&k->order[n + 1], &k->order[n], (i - n) * sizeof *k->order);
      k->order[n++] = g;
    }
  }
  k->essential = n;
}

/* Without needs: what comes after the essential ones can't reach ${least}
 * together. */
static void split_groups(struct topk *k)
{
  uint64_t rest = 0;
  size_t n = k->groups;
  if (k->qu.needs != 0) {
    return;
  }
  while (n > 0 && rest + k->bound[k->order[n - 1]] < k->least) {
    rest += k->bound[k->order[--n]];
  }
  k->essential = n;
}

/* ---- a window ---- */

/* A list's scores in [from, to): into what is known of the documents when it
 * is its group's only one (${alone}, what the group tells), else into the
 * greatest parts of the group. */
static int read_list(struct topk *k, struct list *l, uint32_t from, uint32_t to,
                     const struct found_so_far *alone, struct err *e)
{
  int rc = 0;
  while (rc == 0 && l->peek < to) {
    const struct post *p = &l->post;
    size_t i = l->at;
    for (; i < p->n && p->doc[i] < to; i++) {
      uint32_t v = score_of(&k->qu, l, p->tf[i], k->qu.lens[p->doc[i]]);
      uint32_t at = p->doc[i] - from;
      if (alone != NULL) {
        k->doc[at].score += v;
        k->doc[at].needs |= alone->needs;
        k->doc[at].marks |= alone->marks;
        k->seen[at / 64] |= UINT64_C(1) << at % 64;
        continue;
      }
      k->part[at] = v > k->part[at] ? v : k->part[at];
      k->part_seen[at / 64] |= UINT64_C(1) << at % 64;
    }
    l->at = i - 1;
    l->peek = p->doc[i - 1];
    rc = list_on(&k->qu, l, e);
  }
  return rc;
}

/* The greatest parts of a group into what is known. */
static void join_parts(struct topk *k, const struct found_so_far *group)
{
  for (size_t w = 0; w < SEEN; w++) {
    k->seen[w] |= k->part_seen[w];
    while (k->part_seen[w] != 0) {
      size_t at = w * 64 + (size_t)__builtin_ctzll(k->part_seen[w]);
      k->part_seen[w] &= k->part_seen[w] - 1;
      k->doc[at].score += k->part[at];
      k->doc[at].needs |= group->needs;
      k->doc[at].marks |= group->marks;
      k->part[at] = 0;
    }
  }
}

static int read_group(struct topk *k, uint32_t group, uint32_t from,
                      uint32_t to, struct err *e)
{
  struct list *l;
  uint32_t n = group_lists(k, group, &l);
  const struct found_so_far tells = {.needs = need_bit(k, group),
                                     .marks = k->qu.q->group[group].mark};
  int rc = 0;
  for (uint32_t i = 0; rc == 0 && i < n; i++) {
    if (l[i].peek < from) { /* it was not read in order before */
      rc = list_to(&k->qu, &l[i], from, e);
    }
    if (rc == 0) {
      rc = read_list(k, &l[i], from, to, n == 1 ? &tells : NULL, e);
    }
  }
  if (n > 1) {
    join_parts(k, &tells);
  }
  return rc;
}

/* The group's score for one document, which is of no interest below ${need}.
 */
static int probe_group(struct topk *k, uint32_t group, uint32_t doc,
                       uint32_t need, uint32_t *out, struct err *e)
{
  struct list *l;
  uint32_t n = group_lists(k, group, &l);
  int rc = 0;
  *out = 0;
  for (uint32_t i = 0; rc == 0 && i < n; i++) {
    uint32_t v = 0;
    if (*out > 0 && l[i].bound <= *out) {
      continue;
    }
    rc = list_probe(&k->qu, &l[i], doc, need, &v, e);
    *out = v > *out ? v : *out;
  }
  return rc;
}

static int excluded(struct topk *k, uint32_t doc, struct err *e)
{
  for (uint32_t g = 0; g < k->qu.q->groups; g++) {
    uint32_t v = 0;
    if (k->qu.q->group[g].how == STORE_NOT) {
      int rc = probe_group(k, g, doc, 0, &v, e);
      if (rc < 0 || v > 0) {
        return rc < 0 ? rc : 1;
      }
    }
  }
  return 0;
}

/* What the groups that are not read in order can give together. */
static uint64_t rest_bound(const struct topk *k)
{
  uint64_t rest = 0;
  for (size_t i = k->essential; i < k->groups; i++) {
    rest += k->bound[k->order[i]];
  }
  return rest;
}

/* A document that the essential groups brought up. */
static int complete(struct topk *k, uint32_t doc, struct found_so_far *f,
                    struct err *e)
{
  uint64_t total = f->score, rest = rest_bound(k);
  for (size_t i = k->essential; i < k->groups; i++) {
    uint32_t g = k->order[i], v, bit = need_bit(k, g);
    if (total + rest < k->least) {
      return 0;
    }
    rest -= k->bound[g];
    uint64_t need = k->least > total + rest ? k->least - total - rest : 0;
    /* Whether a need is met can't be told from a bound. */
    need = bit & ~f->needs ? 0 : need;
    int rc = probe_group(k, g, doc, (uint32_t)need, &v, e);
    if (rc < 0) {
      return rc;
    }
    total += v;
    f->needs |= v > 0 ? bit : 0;
    f->marks |= v > 0 ? k->qu.q->group[g].mark : 0;
  }
  if (total < k->least || f->needs != k->qu.needs) {
    return 0;
  }
  f->score = (uint32_t)total;
  int rc = excluded(k, doc, e);
  return rc != 0 ? (rc < 0 ? rc : 0) : offer(k, doc, f, e);
}

static int run_window(struct topk *k, uint32_t from, uint32_t to, struct err *e)
{
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < k->essential; i++) {
    rc = read_group(k, k->order[i], from, to, e);
  }
  uint64_t rest = rest_bound(k);
  for (size_t w = 0; rc == 0 && w < SEEN; w++) {
    while (rc == 0 && k->seen[w] != 0) {
      uint32_t at = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(k->seen[w]);
      k->seen[w] &= k->seen[w] - 1;
      if (k->doc[at].score + rest >= k->least) { /* most end here */
        rc = complete(k, from + at, &k->doc[at], e);
      }
      memset(&k->doc[at], 0, sizeof k->doc[at]);
    }
  }
  return rc;
}

/* The first document, from ${from} on, that an essential group has. */
static uint32_t next_doc(const struct topk *k)
{
  uint32_t least = UINT32_MAX;
  for (size_t i = 0; i < k->essential; i++) {
    struct list *l;
    uint32_t n = group_lists(k, k->order[i], &l);
    for (uint32_t j = 0; j < n; j++) {
      least = l[j].peek < least ? l[j].peek : least;
    }
  }
  return least;
}

static int run_segment(struct topk *k, size_t i, struct err *e)
{
  int rc = query_segment(&k->qu, i, e);
  if (rc < 0 || !rank_groups(k)) {
    return rc;
  }
  for (size_t n = 0; n < k->qu.lists; n++) {
    k->qu.list[n].peek = 0; /* not known: the first window looks */
    if ((rc = list_to(&k->qu, &k->qu.list[n], 0, e)) < 0) {
      return rc;
    }
  }
  if (k->qu.needs != 0) {
    lead_by_need(k);
  }
  for (uint32_t from = 0; from < k->qu.seg->docs; from += WINDOW) {
    split_groups(k);
    uint32_t next = next_doc(k);
    if (next >= k->qu.seg->docs) {
      break;
    }
    if (next - from >= WINDOW && next > from) {
      from = next - next % WINDOW;
    }
    uint32_t left = k->qu.seg->docs - from;
    rc = run_window(k, from, from + (left < WINDOW ? left : WINDOW), e);
    if (rc < 0) {
      return rc;
    }
  }
  return 0;
}

/* ---- the query ---- */

static int order_docs(const void *a, const void *b)
{
  const struct hit *x = a, *y = b;
  return x->doc < y->doc ? -1 : x->doc > y->doc;
}

static int order_hits(const void *a, const void *b)
{
  const struct hit *x = a, *y = b;
  if (x->score != y->score) {
    return x->score > y->score ? -1 : 1;
  }
  return order_refs(x, y);
}

static int run(struct topk *k, struct store_hit *hits, struct err *e)
{
  int rc = 0;
  /* The last segments are the newest and, with what waits, small ones. */
  for (size_t i = 0; rc == 0 && i < k->qu.segs.n; i++) {
    rc = run_segment(k, i, e);
  }
  if (rc < 0) {
    return rc;
  }
  if ((rc = settle_ties(k, e)) < 0) {
    return rc;
  }
  qsort(k->heap, k->n, sizeof *k->heap, order_docs);
  if ((rc = look_up(k, k->heap, k->n, e)) < 0) {
    return rc;
  }
  qsort(k->heap, k->n, sizeof *k->heap, order_hits);
  for (size_t i = 0; i < k->n; i++) {
    hits[i].ref = (uint64_t)k->heap[i].ref;
    hits[i].score = k->heap[i].score / SCORE_ONE;
    hits[i].marks = k->heap[i].marks;
  }
  return (int)k->n;
}

int sq_topk(struct sq *s, const struct store_query *q, struct store_hit *hits,
            size_t max, struct err *e)
{
  struct topk *k = mem_zero(sizeof *k);
  if (k == NULL) {
    return sq_nomem(e);
  }
  int rc = query_open(&k->qu, s, q, e);
  k->max = max;
  k->after = q->after;
  k->last = (struct hit){.score = (uint32_t)(q->last.score * SCORE_ONE + 0.5),
                         .ref = (int64_t)q->last.ref};
  k->heap = mem_resize(NULL, max, sizeof *k->heap);
  k->tie = mem_resize(NULL, max + TIES, sizeof *k->tie);
  if (rc == 0 && (k->heap == NULL || k->tie == NULL)) {
    rc = sq_nomem(e);
  }
  rc = rc < 0 || max == 0 ? rc : run(k, hits, e);
  query_close(&k->qu);
  mem_free(k->heap);
  mem_free(k->tie);
  mem_free(k);
  return rc;
}
