/* SPDX-License-Identifier: 0BSD */
/* Long work in bounded slices. A job does one unit of work a step (about a
 * megabyte or a parcel) and holds no lock in between. */
#ifndef STATION_JOB_H
#define STATION_JOB_H

#include "base/buf.h"
#include "base/err.h"
#include "form/cid.h"

struct station;

enum job_state {
  JOB_DONE = 0, /* the result is ready */
  JOB_MORE = 1, /* step again */
  JOB_ASK = 2   /* put job->ask to the host's policy, job_answer, step again */
};

/* VOUCH: keep it, and vouch for its author from now on. */
enum job_verdict { JOB_KEEP, JOB_DROP, JOB_STOP, JOB_VOUCH };

#define JOB_NUMS_MAX 16
#define JOB_FAULTS_MAX 20

/* What a finished job tells. ${faults}: zero-terminated sentences. */
struct job_result {
  struct {
    const char *name; /* static */
    int64_t value;
  } num[JOB_NUMS_MAX];
  size_t nums;
  size_t fault_count;
  struct buf faults;
  bool has_faults;
  char *path; /* or NULL */
  bool has_link;
  struct cid link;
  bool has_sha256;
  uint8_t sha256[32];
};

struct job {
  const struct job_ops *ops;
  struct station *st;   /* holds a reference */
  uint64_t done, total; /* units as shown to people: bytes or things */
  enum job_state state;
  int failed; /* the ERR_ code it ended with, 0 */
  struct err error;
  struct job_result result;
  struct span ask; /* JOB_ASK: the record's block, listed by ask_parcel */
  struct cid ask_cid, ask_parcel_cid;
  struct span ask_parcel;
  enum job_verdict verdict;
};

struct job_ops {
  /* One unit. Returns a job_state or a negative code. */
  int (*step)(struct job *j, struct err *e);
  /* Free what the job holds beyond struct job; half-written files go. */
  void (*clean)(struct job *j);
};

/* Step once: JOB_MORE, JOB_ASK, JOB_DONE, or a negative code (the same again
 * on every later call). ERR_CLOSED once the station was closed. */
int job_step(struct job *j, struct err *e) MUST_USE;
void job_answer(struct job *j, enum job_verdict verdict);
void job_del(struct job *j); /* NULL-safe */
/* Step ${j} until it is done and delete it: 0, or the code it ended with.
 * For jobs that have no question to ask. */
int job_finish(struct job *j, struct err *e) MUST_USE;

/* ---- for those who write jobs ---- */

/* Prepare ${j} (the head of a larger, cleared struct). */
void job_init(struct job *j, struct station *st, const struct job_ops *ops);
void job_num(struct job *j, const char *name, int64_t value);
/* Note a fault in words; only the first JOB_FAULTS_MAX are kept, all are
 * counted. */
void job_fault(struct job *j, const char *fmt, ...) ERR_PRINTF(2, 3);

#endif
