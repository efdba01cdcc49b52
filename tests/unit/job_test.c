/* SPDX-License-Identifier: 0BSD */
#include "station/job.h"

#include "base/mem.h"
#include "station_shelf.h"

static struct home h;
static struct err e;
static int cleaned;

struct counting {
  struct job job;
  int steps, fail_at, ask_at;
  enum job_verdict heard;
};

static int count_step(struct job *j, struct err *why)
{
  struct counting *c = (struct counting *)j;
  c->steps++;
  c->heard = j->verdict;
  if (c->steps == c->fail_at) {
    return err_set(why, ERR_FULL, "step %d is too much", c->steps);
  }
  if (c->steps == c->ask_at) {
    return JOB_ASK;
  }
  return c->steps == 5 ? JOB_DONE : JOB_MORE;
}

static void count_clean(struct job *j)
{
  (void)j;
  cleaned++;
}

static struct counting *start(void)
{
  static const struct job_ops ops = {count_step, count_clean};
  struct counting *c = mem_zero(sizeof *c);
  NEED(c != NULL);
  job_init(&c->job, h.st, &ops);
  return c;
}

static void test_runs_to_the_end(void)
{
  home_new(&h);
  struct counting *c = start();
  for (int i = 1; i <= 4; i++) {
    EXPECT_INT(job_step(&c->job, &e), JOB_MORE);
  }
  EXPECT_INT(job_step(&c->job, &e), JOB_DONE);
  EXPECT_INT(job_step(&c->job, &e), JOB_DONE);
  EXPECT_INT(c->steps, 5); /* done is done */
  cleaned = 0;
  job_del(&c->job);
  EXPECT_INT(cleaned, 1);
  job_del(NULL);
  home_end(&h);
}

static void test_failure_stays(void)
{
  home_new(&h);
  struct counting *c = start();
  c->fail_at = 2;
  EXPECT_INT(job_step(&c->job, &e), JOB_MORE);
  for (int i = 0; i < 3; i++) {
    memset(&e, 0, sizeof e);
    EXPECT_INT(job_step(&c->job, &e), ERR_FULL);
    EXPECT_INT(e.code, ERR_FULL);
    EXPECT_TEXT(e.text, "step 2 is too much");
  }
  EXPECT_INT(c->steps, 2);
  EXPECT_INT(job_step(&c->job, NULL), ERR_FULL);
  job_del(&c->job);
  home_end(&h);
}

static void test_questions(void)
{
  home_new(&h);
  struct counting *c = start();
  c->ask_at = 2;
  EXPECT_INT(job_step(&c->job, &e), JOB_MORE);
  EXPECT_INT(job_step(&c->job, &e), JOB_ASK);
  EXPECT_INT(job_step(&c->job, &e), JOB_ASK); /* it waits */
  EXPECT_INT(c->steps, 2);
  job_answer(&c->job, JOB_STOP);
  EXPECT_INT(job_step(&c->job, &e), JOB_MORE);
  EXPECT_INT(c->heard, JOB_STOP);
  job_del(&c->job); /* before its end */
  home_end(&h);
}

/* A job holds its station; a closed one ends it, and the job outlives it. */
static void test_closed_station(void)
{
  home_new(&h);
  struct counting *c = start();
  EXPECT_INT(job_step(&c->job, &e), JOB_MORE);
  station_close(h.st);
  h.st = NULL;
  EXPECT_INT(job_step(&c->job, &e), ERR_CLOSED);
  EXPECT(e.text[0] != '\0');
  EXPECT_INT(c->steps, 1);
  cleaned = 0;
  job_del(&c->job);
  EXPECT_INT(cleaned, 1);
  home_end(&h);
}

/* Faults: the first JOB_FAULTS_MAX in words, all of them counted. */
static void test_faults(void)
{
  home_new(&h);
  struct counting *c = start();
  const struct job_result *r = &c->job.result;
  EXPECT(!r->has_faults);
  for (int i = 1; i <= JOB_FAULTS_MAX + 1; i++) {
    job_fault(&c->job, "fault %d", i);
    EXPECT_INT(r->fault_count, i);
    int lines = 0;
    for (size_t k = 0; k < r->faults.n; k++) {
      lines += r->faults.p[k] == 0;
    }
    EXPECT_INT(lines, i < JOB_FAULTS_MAX ? i : JOB_FAULTS_MAX);
  }
  EXPECT_TEXT((const char *)r->faults.p, "fault 1");
  job_num(&c->job, "a", 1);
  job_num(&c->job, "b", -2);
  EXPECT_INT(job_value(&c->job, "a"), 1);
  EXPECT_INT(job_value(&c->job, "b"), -2);
  job_del(&c->job);
  home_end(&h);
}

/* A long fault is cut, and stays one line. */
static void test_long_fault(void)
{
  char words[2 * ERR_TEXT_MAX];
  home_new(&h);
  struct counting *c = start();
  memset(words, 'w', sizeof words);
  words[sizeof words - 1] = '\0';
  job_fault(&c->job, "%s", words);
  EXPECT_INT(c->job.result.faults.n, ERR_TEXT_MAX);
  job_del(&c->job);
  home_end(&h);
}

int main(void)
{
  RUN(test_runs_to_the_end);
  RUN(test_failure_stays);
  RUN(test_questions);
  RUN(test_closed_station);
  RUN(test_faults);
  RUN(test_long_fault);
  return unit_done();
}
