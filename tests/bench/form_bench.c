/* SPDX-License-Identifier: 0BSD */
/* How fast are cutting, folding, and the search for a section after damage?
 * Prints MB/s (10^6 bytes) of one core, the best of ten rounds. */
#include "form/car.h"
#include "form/chunk.h"
#include "text/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SIZE ((size_t)32 << 20)
#define ROUNDS 10

static struct analyser *analyser;
static volatile size_t sink; /* so that no work is optimised away */

static double seconds(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill_random(uint8_t *p, size_t n)
{
  uint64_t seed = 88172645463325252u;
  for (size_t i = 0; i < n; i++) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    p[i] = (uint8_t)(seed >> 32);
  }
}

static void fill_text(uint8_t *p, size_t n, const char *text)
{
  size_t len = strlen(text), i = 0;
  for (; i + len <= n; i += len) {
    memcpy(p + i, text, len);
  }
  memset(p + i, ' ', n - i);
}

static void cut(const uint8_t *p, size_t n)
{
  size_t chunks = 0;
  for (size_t at = 0; at < n; chunks++) {
    at += chunk_cut(p + at, n - at);
  }
  sink = chunks;
}

static void seek(const uint8_t *p, size_t n)
{
  sink = car_seek(span_of(p, n), 0);
}

static void words(const uint8_t *p, size_t n)
{
  struct words w = {.text = span_of(p, n), .an = analyser};
  struct word word;
  size_t count = 0;
  while (words_next(&w, &word)) {
    count++;
  }
  sink = count;
}

static void bench(const char *name, void (*run)(const uint8_t *, size_t),
                  const uint8_t *p)
{
  double best = 1e9;
  for (int i = 0; i < ROUNDS; i++) {
    double start = seconds();
    run(p, SIZE);
    double took = seconds() - start;
    best = took < best ? took : best;
  }
  printf("%-28s %8.0f MB/s\n", name, (double)SIZE / best / 1e6);
}

int main(void)
{
  uint8_t *p = malloc(SIZE);
  if (p == NULL || analyser_open(&analyser) < 0) {
    return 1;
  }
  fill_random(p, SIZE);
  bench("chunk_cut, random", cut, p);
  bench("car_seek, random", seek, p);
  fill_text(p, SIZE, "قَوانينُ نيوتن للحركة ثلاثة قوانين. تأسست عليها. ");
  bench("words_next, Arabic", words, p);
  fill_text(p, SIZE, "کوردستان وڵاتێکی جوانە و خەڵکەکەی ئازایە. ");
  bench("words_next, Sorani", words, p);
  fill_text(p, SIZE, "Three laws, with worked examples for the ninth class. ");
  bench("words_next, English", words, p);
  fill_text(p, SIZE, "Şêx Ûsiv çîroka zarokan li gundê xwe gotiye. ");
  bench("words_next, Kurmanji", words, p);
  analyser_close(analyser);
  free(p);
  return 0;
}
