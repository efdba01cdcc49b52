/* SPDX-License-Identifier: 0BSD */
/* Our verdict on many inputs: reads four bytes of length, most significant
 * first, and that many bytes, over and over; writes 1 for what cbor_check
 * takes, 0 for what it refuses. */
#include "form/cbor.h"

#include <stdio.h>
#include <stdlib.h>

#define INPUT_SIZE_MAX (1u << 20)

int main(void)
{
  uint8_t head[4];
  while (fread(head, 1, sizeof head, stdin) == sizeof head) {
    size_t n = (size_t)head[0] << 24 | (size_t)head[1] << 16 |
               (size_t)head[2] << 8 | head[3];
    /* Exactly as large as the input, for sanitizers. */
    uint8_t *exact = malloc(n > 0 ? n : 1);
    if (n > INPUT_SIZE_MAX || exact == NULL || fread(exact, 1, n, stdin) != n) {
      free(exact);
      return 1;
    }
    int verdict = cbor_check(exact, n, NULL) == 0;
    free(exact);
    if (putchar(verdict) == EOF) {
      return 1;
    }
  }
  return ferror(stdin) != 0 || fflush(stdout) != 0;
}
