/* SPDX-License-Identifier: 0BSD */
#include "store/audit.h"

#include "store/post.h"

/* FNV-1a, its bits spread by the end of splitmix64: sums of it are to differ
 * where something differs, not to withstand anybody. */
static uint64_t more(uint64_t h, struct span s)
{
  for (size_t i = 0; i < s.n; i++) {
    h = (h ^ s.p[i]) * UINT64_C(1099511628211);
  }
  return h;
}

static uint64_t spread(uint64_t h)
{
  h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
  return h ^ h >> 31;
}

uint64_t audit_term(struct span term)
{
  return spread(more(UINT64_C(14695981039346656037), term));
}

uint64_t audit_rest(int64_t time, uint8_t length, struct span facets)
{
  uint64_t h = more(UINT64_C(14695981039346656037), facets);
  return spread(h ^ spread((uint64_t)time)) + length;
}

struct store_audit audit_of(const struct store_doc *d)
{
  struct store_audit a = {
      .ref = d->ref,
      .rest = audit_rest(d->time, post_length(d->length), d->facets)};
  for (size_t at = 0; at < d->terms.n; at += 1u + d->terms.p[at]) {
    a.terms += audit_term(span_of(d->terms.p + at + 1, d->terms.p[at]));
  }
  return a;
}
