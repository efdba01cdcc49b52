/* SPDX-License-Identifier: 0BSD */
/* The sums are the syndromes of a BCH code: Berlekamp-Massey finds the
 * polynomial whose roots are the handles, Berlekamp's trace algorithm its
 * roots. */
#include "sync/pin.h"

#include "base/check.h"
#include "sync/gf64.h"

#include <stdbool.h>
#include <string.h>

#define DEGREE_MAX SKETCH_SYNDROMES
#define SUMS_MAX (2u * DEGREE_MAX)
#define FIELD_BITS 64u
/* Each round parts two given roots with odds of a half. */
#define ROUNDS_MAX 64u

struct poly { /* c[i] belongs to x^i */
  uint64_t c[DEGREE_MAX + 1];
  size_t degree;
};

/* ---- the polynomial ---- */

struct massey {
  uint64_t sum[SUMS_MAX];     /* all powers from 1 on */
  uint64_t now[SUMS_MAX + 1]; /* the shortest recurrence so far ... */
  uint64_t old[SUMS_MAX + 1]; /* ... and before its length last changed */
  size_t length;
};

static void all_powers(struct massey *m, const uint64_t *sums, size_t n)
{
  for (size_t i = 0; i < 2 * n; i++) {
    /* (a + b)^2 = a^2 + b^2 here: even powers follow from odd ones */
    m->sum[i] = i % 2 == 0 ? sums[i / 2] : gf64_square(m->sum[i / 2]);
  }
}

static uint64_t discrepancy(const struct massey *m, size_t i)
{
  uint64_t d = m->sum[i];
  for (size_t k = 1; k <= m->length; k++) {
    d ^= gf64_mul(m->now[k], m->sum[i - k]);
  }
  return d;
}

/* now -= factor * x^shift * old */
static void correct(struct massey *m, uint64_t factor, size_t shift)
{
  for (size_t k = 0; k + shift <= SUMS_MAX; k++) {
    if (m->old[k] != 0) {
      m->now[k + shift] ^= gf64_mul(factor, m->old[k]);
    }
  }
}

static void find_recurrence(struct massey *m, size_t count)
{
  uint64_t inverse = 1, kept[SUMS_MAX + 1];
  size_t shift = 1;
  m->now[0] = m->old[0] = 1;
  for (size_t i = 0; i < count; i++, shift++) {
    uint64_t d = discrepancy(m, i);
    if (d == 0) {
      continue;
    }
    memcpy(kept, m->now, sizeof kept);
    correct(m, gf64_mul(d, inverse), shift);
    if (2 * m->length <= i) {
      m->length = i + 1 - m->length;
      memcpy(m->old, kept, sizeof kept);
      inverse = gf64_inverse(d);
      shift = 0;
    }
  }
}

/* A monic polynomial whose roots are the handles, if they are at most n. */
static bool locate(struct poly *out, const uint64_t *sums, size_t n)
{
  struct massey m = {0};
  all_powers(&m, sums, n);
  find_recurrence(&m, 2 * n);
  if (m.length > n || m.now[m.length] == 0) {
    return false; /* 0 is no handle */
  }
  out->degree = m.length;
  for (size_t i = 0; i <= m.length; i++) {
    out->c[i] = m.now[m.length - i];
  }
  CHECK(out->c[out->degree] == 1);
  return true;
}

/* ---- its roots ---- */

/* x^(2^k) modulo the polynomial, for each k up to FIELD_BITS. */
struct frobenius {
  uint64_t power[FIELD_BITS + 1][DEGREE_MAX];
};

/* x^(n + k) modulo ${f} of degree n, for k < n. */
static void high_powers(uint64_t out[DEGREE_MAX][DEGREE_MAX],
                        const struct poly *f)
{
  size_t n = f->degree;
  memcpy(out[0], f->c, n * sizeof **out);
  for (size_t k = 1; k < n; k++) {
    uint64_t top = out[k - 1][n - 1];
    for (size_t i = 0; i < n; i++) {
      uint64_t low = i > 0 ? out[k - 1][i - 1] : 0;
      out[k][i] = low ^ gf64_mul(top, f->c[i]);
    }
  }
}

/* Returns whether all roots are in the field and differ: then, and only then,
 * x^(2^64) = x. */
static bool raise(struct frobenius *fr, const struct poly *f)
{
  uint64_t high[DEGREE_MAX][DEGREE_MAX];
  size_t n = f->degree;
  memset(fr, 0, sizeof *fr);
  high_powers(high, f);
  fr->power[0][n > 1 ? 1 : 0] = n > 1 ? 1 : f->c[0];
  for (size_t k = 0; k < FIELD_BITS; k++) {
    for (size_t i = 0; i < n; i++) {
      uint64_t square = gf64_square(fr->power[k][i]);
      if (2 * i < n) {
        fr->power[k + 1][2 * i] ^= square;
        continue;
      }
      for (size_t j = 0; j < n && square != 0; j++) {
        fr->power[k + 1][j] ^= gf64_mul(square, high[2 * i - n][j]);
      }
    }
  }
  return memcmp(fr->power[0], fr->power[FIELD_BITS], sizeof *fr->power) == 0;
}

static void trim(struct poly *p)
{
  while (p->degree > 0 && p->c[p->degree] == 0) {
    p->degree--;
  }
}

/* The trace of beta * x: 0 at about half of the roots and 1 at the others. */
static void trace(struct poly *out, const struct frobenius *fr, size_t n,
                  uint64_t beta)
{
  memset(out, 0, sizeof *out);
  for (size_t k = 0; k < FIELD_BITS; k++) {
    for (size_t i = 0; i < n; i++) {
      out->c[i] ^= gf64_mul(beta, fr->power[k][i]);
    }
    beta = gf64_square(beta);
  }
  out->degree = n - 1;
  trim(out);
}

/* ${a} becomes its remainder by the monic ${b} of degree >= 1; ${quotient}
 * may be NULL. */
static void divide(struct poly *a, const struct poly *b, struct poly *quotient)
{
  if (quotient != NULL) {
    memset(quotient, 0, sizeof *quotient);
    quotient->degree = a->degree >= b->degree ? a->degree - b->degree : 0;
  }
  for (size_t top = a->degree + 1; top-- > b->degree;) {
    uint64_t c = a->c[top];
    size_t shift = top - b->degree;
    for (size_t i = 0; i <= b->degree && c != 0; i++) {
      a->c[shift + i] ^= gf64_mul(c, b->c[i]);
    }
    if (quotient != NULL) {
      quotient->c[shift] = c;
    }
  }
  if (a->degree >= b->degree) {
    a->degree = b->degree - 1;
  }
  trim(a);
}

static void make_monic(struct poly *p)
{
  uint64_t inverse = gf64_inverse(p->c[p->degree]);
  for (size_t i = 0; i <= p->degree; i++) {
    p->c[i] = gf64_mul(p->c[i], inverse);
  }
}

/* The common divisor of ${g}, monic, and ${other}, of lower degree. */
static struct poly common(struct poly g, struct poly other)
{
  while (other.degree > 0 || other.c[0] != 0) {
    struct poly rest = g;
    if (other.degree == 0) {
      return other; /* a constant: nothing in common */
    }
    make_monic(&other);
    divide(&rest, &other, NULL);
    g = other;
    other = rest;
  }
  return g;
}

/* Part each of the ${n} polynomials whose degree is above 1, as far as this
 * trace parts it. Returns how many there are now. */
static size_t part_all(struct poly *list, size_t n, const struct poly *tr)
{
  size_t end = n;
  for (size_t i = 0; i < n; i++) {
    struct poly rest = *tr, whole = list[i], divisor;
    if (whole.degree < 2) {
      continue;
    }
    divide(&rest, &whole, NULL);
    divisor = common(whole, rest);
    if (divisor.degree > 0 && divisor.degree < whole.degree) {
      divide(&whole, &divisor, &list[end]);
      end++;
      list[i] = divisor;
    }
  }
  return end;
}

/* An odd step through all numbers, mixed (splitmix64): which trace comes next
 * is hard to steer. */
static uint64_t next_beta(uint64_t *state)
{
  uint64_t v = *state += UINT64_C(0x9e3779b97f4a7c15);
  v = (v ^ v >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  v = (v ^ v >> 27) * UINT64_C(0x94d049bb133111eb);
  return v ^ v >> 31;
}

static bool find_roots(uint64_t *out, const struct poly *f)
{
  struct frobenius fr;
  struct poly list[DEGREE_MAX], tr;
  size_t count = 1;
  uint64_t state = f->c[0];
  if (!raise(&fr, f)) {
    return false;
  }
  list[0] = *f;
  for (size_t i = 0; i < ROUNDS_MAX && count < f->degree; i++) {
    trace(&tr, &fr, f->degree, next_beta(&state));
    count = part_all(list, count, &tr);
  }
  for (size_t i = 0; i < count; i++) {
    out[i] = list[i].c[0];
  }
  return count == f->degree;
}

int pin_decode(uint64_t *out, const uint64_t *sums, size_t n)
{
  struct poly f = {0};
  CHECK(n <= SKETCH_SYNDROMES);
  if (!locate(&f, sums, n)) {
    return -1;
  }
  if (f.degree > 0 && !find_roots(out, &f)) {
    return -1;
  }
  return (int)f.degree;
}
