/* SPDX-License-Identifier: 0BSD */
/* PinSketch (Dodis et al. 2004, as minisketch has it): n sums of odd powers
 * over the field of 2^64. Of any set of at most n handles they tell each one,
 * and those of two sets, XORed, tell the difference. A prefix of them is a
 * smaller sketch. */
#ifndef SYNC_PIN_H
#define SYNC_PIN_H

#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

/* Write the handles whose ${n} <= SKETCH_SYNDROMES sums stand at ${sums} to
 * ${out} (room for n). Returns how many; -1 when no set of at most n handles
 * has these sums: more differ, or they were forged. Bounded work: below a
 * millisecond, whatever the sums. */
int pin_decode(uint64_t *out, const uint64_t *sums, size_t n);

#endif
