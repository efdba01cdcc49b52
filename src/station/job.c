/* SPDX-License-Identifier: 0BSD */
#include "station/job.h"

#include "base/check.h"
#include "base/mem.h"
#include "station/inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void job_init(struct job *j, struct station *st, const struct job_ops *ops)
{
  j->ops = ops;
  j->st = station_ref(st);
  j->state = JOB_MORE;
}

int job_step(struct job *j, struct err *e)
{
  if (j->failed < 0) {
    return err_set(e, j->failed, "%s", j->error.text);
  }
  if (j->state != JOB_MORE) {
    return (int)j->state; /* done, or a question waits for its answer */
  }
  int rc = station_alive(j->st, &j->error);
  if (rc == 0 && (rc = station_settle(j->st, &j->error)) == 0) {
    rc = j->ops->step(j, &j->error);
  }
  if (rc < 0) {
    j->failed = rc;
    return err_set(e, rc, "%s", j->error.text);
  }
  j->state = (enum job_state)rc;
  return rc;
}

void job_answer(struct job *j, enum job_verdict verdict)
{
  CHECK(j->state == JOB_ASK);
  j->verdict = verdict;
  j->state = JOB_MORE;
}

void job_del(struct job *j)
{
  if (j == NULL) {
    return;
  }
  j->ops->clean(j);
  buf_free(&j->result.faults);
  mem_free(j->result.path);
  station_unref(j->st);
  mem_free(j);
}

int job_finish(struct job *j, struct err *e)
{
  int rc;
  do {
    rc = job_step(j, e);
  } while (rc == JOB_MORE);
  CHECK(rc != JOB_ASK);
  job_del(j);
  return rc;
}

void job_num(struct job *j, const char *name, int64_t value)
{
  CHECK(j->result.nums < JOB_NUMS_MAX);
  j->result.num[j->result.nums].name = name;
  j->result.num[j->result.nums].value = value;
  j->result.nums++;
}

void job_fault(struct job *j, const char *fmt, ...)
{
  char line[ERR_TEXT_MAX];
  va_list args;
  j->result.has_faults = true;
  j->result.fault_count++;
  if (j->result.fault_count > JOB_FAULTS_MAX) {
    return;
  }
  va_start(args, fmt);
  int n = vsnprintf(line, sizeof line, fmt, args);
  va_end(args);
  /* Out of memory costs a sentence of the report, not the work. */
  if (n >= 0 && buf_put(&j->result.faults, line, strlen(line) + 1) < 0) {
    j->result.fault_count--;
  }
}
