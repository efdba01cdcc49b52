/* SPDX-License-Identifier: 0BSD */
/* The field of 2^64 elements: polynomials over bits modulo x^64 + x^4 + x^3 +
 * x + 1 (the one minisketch takes). Addition is XOR. Not in constant time: all
 * that passes here is public. Nothing here can fail. */
#ifndef SYNC_GF64_H
#define SYNC_GF64_H

#include <stddef.h>
#include <stdint.h>

uint64_t gf64_mul(uint64_t a, uint64_t b);
uint64_t gf64_square(uint64_t a);
uint64_t gf64_inverse(uint64_t a); /* of 0: 0 */

/* Add x, x^3, x^5 ... to the ${n} sums at ${sums}. */
void gf64_add_odd_powers(uint64_t *sums, size_t n, uint64_t x);

/* The same two without the processor's carry-less multiplication: what other
 * machines run, and what tests compare with. */
uint64_t gf64_mul_plain(uint64_t a, uint64_t b);
void gf64_add_odd_powers_plain(uint64_t *sums, size_t n, uint64_t x);

#endif
