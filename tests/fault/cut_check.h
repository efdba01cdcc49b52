/* SPDX-License-Identifier: 0BSD */
/* Each moment of what a disk was asked, cut: what is left is looked at, and
 * held against what had been acknowledged by then. For the programs that cut
 * the power; CUT_STATES=n says how many states one looks at. */
#ifndef CUT_CHECK_H
#define CUT_CHECK_H

#include "cut_calls.h"

#include "base/err.h"

#include <malloc.h>

static struct err cut_err;
static uint64_t states_wanted;

/* ---- acknowledgements ---- */

#define ACKS 128
static size_t ack_at[ACKS]; /* how long the log was */
static int acks;

static void acked(void)
{
  NEED(acks < ACKS);
  ack_at[acks++] = disk_log_n;
}

static int acks_before(size_t at)
{
  int n = 0;
  while (n < acks && ack_at[n] <= at) {
    n++;
  }
  return n;
}

static void record_start(struct disk *base)
{
  memset(base, 0, sizeof *base);
  disk_copy(base, &disk);
  disk_log_clear();
  acks = 0;
  disk_recording = true;
}

/* ---- states seen before ---- */

#define SEEN (1u << 20)
static struct seen {
  uint64_t hash;
  int steps; /* what was found to be done in it */
} * seen;
static uint64_t seen_n;

static struct seen *seen_find(uint64_t hash)
{
  size_t i = hash % SEEN;
  while (seen[i].hash != 0 && seen[i].hash != hash) {
    i = (i + 1) % SEEN;
  }
  return &seen[i];
}

/* ---- states, one after the other ---- */

/* What is done on the live disk: so many steps, or -1: it is unsound. */
typedef int look(void);

struct tally {
  uint64_t states, distinct, twice, lost, unsound;
};

static void report(const struct tally *t, size_t at, int done, int have)
{
  if (t->lost + t->unsound < 5) {
    printf("  cut at operation %zu of %zu: %d steps acknowledged, %d there:"
           " %s\n",
           at, disk_log_n, done, have, cut_err.text);
  }
}

/* The state on the live disk against what was acknowledged before ${at}. */
static int judge(struct tally *t, look *see, size_t at)
{
  int done = acks_before(at);
  struct seen *s = seen_find(disk_hash(&disk) | 1);
  int have = s->steps;
  t->states++;
  if (s->hash == 0) {
    uint64_t hash = disk_hash(&disk) | 1;
    cut_err.text[0] = '\0';
    have = see();
    cut_forget_fds();
    t->distinct++;
    if (seen_n < SEEN / 4 * 3) {
      *s = (struct seen){hash, have};
      seen_n++;
    }
  }
  if (have < 0) {
    report(t, at, done, have);
    t->unsound++;
  } else if (have < done) {
    report(t, at, done, have);
    t->lost++;
  }
  return have;
}

/* A second cut while the first one's harm is repaired. */
static void judge_twice(struct tally *t, look *see, size_t at)
{
  static struct disk first;
  struct disk_op *log = disk_log;
  size_t n = disk_log_n, cap = disk_log_cap;
  int done = acks_before(at);
  static struct cut_walk w;
  disk_copy(&first, &disk);
  disk_log = NULL;
  disk_log_n = disk_log_cap = 0;
  disk_recording = true;
  (void)see();
  cut_forget_fds();
  disk_recording = false;
  if (disk_log_n > 0) {
    uint32_t stop = cut_dice((uint32_t)disk_log_n);
    cut_start(&w, &first);
    while (w.at < stop && cut_next(&w)) {
    }
    cut_state(&disk, &w.durable, w.pending, w.pending_n, cut_dice(CUT_MODES));
    cut_end(&w);
    int have = see();
    cut_forget_fds();
    t->twice++;
    t->states++;
    t->distinct++;
    if (have < done) {
      report(t, at, done, have);
      t->lost += have >= 0;
      t->unsound += have < 0;
    }
  }
  disk_log_clear();
  free(disk_log);
  disk_copy(&disk, &first);
  disk_log = log;
  disk_log_n = n;
  disk_log_cap = cap;
  disk_free(&first);
}

/* About ${wanted} states, spread over the log. */
static struct tally cut_everywhere(const struct disk *base, look *see,
                                   uint64_t wanted)
{
  struct tally t = {0};
  static struct cut_walk w;
  uint64_t each = wanted / (disk_log_n + 1) + 1, turn = 0;
  disk_recording = false;
  memset(seen, 0, SEEN * sizeof *seen);
  seen_n = 0;
  cut_start(&w, base);
  do {
    for (uint64_t i = 0; i < each; i++) {
      enum cut_mode mode = i < CUT_MODES ? (enum cut_mode)i
                           : i % 4 == 3  ? CUT_PREFIX
                           : i % 4 == 2  ? CUT_FILES
                                         : CUT_ANY;
      cut_state(&disk, &w.durable, w.pending, w.pending_n, mode);
      if (++turn % 32 == 0) {
        judge_twice(&t, see, w.at);
      }
      (void)judge(&t, see, w.at);
    }
  } while (cut_next(&w));
  cut_end(&w);
  return t;
}

static void tell(const char *what, const struct tally *t)
{
  printf("  %s: %zu operations, %llu states (%llu distinct, %llu cut twice),"
         " %llu lost, %llu unsound\n",
         what, disk_log_n, (unsigned long long)t->states,
         (unsigned long long)t->distinct, (unsigned long long)t->twice,
         (unsigned long long)t->lost, (unsigned long long)t->unsound);
}

static void expect_none_lost(const char *what, const struct tally *t)
{
  tell(what, t);
  EXPECT_INT(t->lost, 0);
  EXPECT_INT(t->unsound, 0);
}

/* ${states}: unless CUT_STATES says otherwise. */
static void cut_begin(uint64_t states)
{
  const char *n = getenv("CUT_STATES");
  states_wanted = n != NULL ? strtoull(n, NULL, 10) : states;
  seen = calloc(SEEN, sizeof *seen);
  NEED(seen != NULL && states_wanted > 0);
  (void)mallopt(M_TRIM_THRESHOLD, 1 << 30); /* pages given back come anew */
  cut_vfs_start();
}

static void cut_stop(void)
{
  disk_free(&disk);
  disk_log_clear();
  free(disk_log);
  free(seen);
}

#endif
