/* SPDX-License-Identifier: 0BSD */
/* Reads a whole carry file as an import does: strictly, and after damage on
 * from the next section that proves itself by its hash. */
#ifndef CAR_SCAN_H
#define CAR_SCAN_H

#include "base/check.h"
#include "form/car.h"
#include "form/hash.h"

#include <string.h>

struct car_tally {
  int header;       /* 0, or why the header was refused */
  size_t roots;     /* of our form */
  size_t good;      /* blocks that hash to their CID */
  size_t foreign;   /* sections passed over for their CID */
  size_t wounds;    /* places where the chain of sections broke */
  size_t last_good; /* offset after the last good section */
  struct car_salvage salvage;
};

/* What a section reported good must be. */
static inline void car_scan_prove(struct span s, size_t at, int64_t took,
                                  const struct car_section *c)
{
  uint8_t digest[HASH_SIZE];
  CHECK(took > 0 && (size_t)took <= s.n - at);
  CHECK(c->block.p + c->block.n == s.p + at + took);
  CHECK(hash_sha256(digest, c->block.p, c->block.n) == 0);
  CHECK(memcmp(digest, cid_digest(&c->cid), HASH_SIZE) == 0);
}

/* One place: the bytes to move on, or 0 when nothing of use starts here. */
static inline size_t car_scan_step(struct span s, size_t at,
                                   struct car_tally *t)
{
  struct span rest = {s.p + at, s.n - at};
  struct car_section c;
  int64_t took = car_read_section(rest, &c, NULL);
  if (took > 0) {
    if (!car_salvage_try(&t->salvage, at, c.block.n) ||
        cid_verify(&c.cid, c.block.p, c.block.n) < 0) {
      return 0;
    }
    car_salvage_good(&t->salvage, c.block.n);
    car_scan_prove(s, at, took, &c);
    t->good++;
    t->last_good = at + (size_t)took;
    return (size_t)took;
  }
  int64_t foreign = took < 0 ? car_foreign_section(rest) : 0;
  if (foreign > 0 && (uint64_t)foreign <= rest.n) {
    t->foreign++;
    return (size_t)foreign;
  }
  return 0;
}

static inline void car_scan(struct span s, struct car_tally *t)
{
  struct cid roots[CAR_ROOTS_MAX];
  memset(t, 0, sizeof *t);
  int64_t took = car_read_header(s, roots, &t->roots, NULL);
  t->header = took > 0 ? 0 : took == 0 ? ERR_INVALID : (int)took;
  size_t at = took > 0 ? (size_t)took : car_seek(s, 0);
  bool wounded = took <= 0;
  while (at < s.n) {
    size_t n = car_scan_step(s, at, t);
    if (n > 0) {
      at += n;
      wounded = false;
      continue;
    }
    t->wounds += wounded ? 0 : 1;
    wounded = true;
    at = car_seek(s, at + 1);
  }
}

#endif
