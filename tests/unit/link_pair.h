/* SPDX-License-Identifier: 0BSD */
/* Two stations in one process, and the wire between them. */
#ifndef LINK_PAIR_H
#define LINK_PAIR_H

#include "sketch_shelf.h"
#include "station/link.h"
#include "station/sketches.h"
#include "station_shelf.h"

typedef int64_t shelf_link_policy(const struct link_question *q);

struct link_pair {
  struct home *home[2]; /* the initiator's first */
  struct link *link[2];
  struct buf wire[2]; /* [i]: on the way from end i */
  uint64_t sent[2];
  uint64_t cut; /* the wire ends after so many bytes of both; 0: never */
  size_t size;  /* moved at a time; 0: by chance */
  uint64_t seed;
  int rc;
  struct err e;
  shelf_link_policy *policy;
};

/* Make both ends. 0, or the code. */
static inline int link_pair_try(struct link_pair *p, struct home *a,
                                struct home *b, struct err *e)
{
  struct link_options opt = {.initiator = true, .level = 1};
  p->home[0] = a;
  p->home[1] = b;
  p->rc = 0;
  p->sent[0] = p->sent[1] = 0;
  p->link[0] = p->link[1] = NULL;
  int rc = link_new(&p->link[0], a->st, &opt, e);
  if (rc == 0) {
    opt.initiator = false;
    rc = link_new(&p->link[1], b->st, &opt, e);
  }
  return rc;
}

static inline void link_pair_begin(struct link_pair *p, struct home *a,
                                   struct home *b)
{
  struct err e = {0};
  NEED(link_pair_try(p, a, b, &e) == 0);
}

/* The transport ends: what waits is stored. */
static inline void link_pair_end(struct link_pair *p)
{
  for (int i = 0; i < 2; i++) {
    struct session *s = p->link[i] != NULL ? link_session(p->link[i]) : NULL;
    struct err e;
    if (s != NULL) {
      int rc = session_eof(s, &e);
      p->rc = p->rc == 0 && rc != ERR_CLOSED ? rc : p->rc;
    }
    link_del(p->link[i]);
    p->link[i] = NULL;
    buf_free(&p->wire[i]);
  }
}

static inline size_t link_pair_size(struct link_pair *p)
{
  static const size_t sizes[] = {1, 50, 1000, 30000, 65536, 300000};
  return p->size > 0 ? p->size : sizes[shelf_random(&p->seed) % 6];
}

static inline int link_pair_hear(struct link_pair *p, int i, struct span in)
{
  struct session *s = link_session(p->link[i]);
  size_t taken = 0, n;
  int rc = SESSION_ASK;
  while (rc == SESSION_ASK) {
    struct span about;
    if (session_asked(s, &about) != SESSION_ASKS_NOTHING) {
      struct link_question q;
      NEED(p->policy != NULL);
      link_question(p->link[i], &q);
      if ((rc = session_answer(s, p->policy(&q), &p->e)) < 0) {
        return rc;
      }
    }
    rc = session_feed(s, span_of(in.p + taken, in.n - taken), &n, &p->e);
    taken += n;
  }
  NEED(rc < 0 || taken == in.n);
  return rc;
}

/* End ${i} speaks, then hears: did anything move? */
static inline bool link_pair_step(struct link_pair *p, int i)
{
  struct buf *out = &p->wire[i], *in = &p->wire[1 - i];
  struct session *s = link_session(p->link[i]);
  size_t was = out->n;
  int rc = 0;
  if (out->n < 1u << 20) {
    rc = session_pull(s, out, link_pair_size(p), &p->e);
  }
  p->sent[i] += out->n - was;
  if (rc >= 0 && in->n > 0) {
    size_t n = link_pair_size(p);
    n = n < in->n ? n : in->n;
    rc = link_pair_hear(p, i, span_of(in->p, n));
    buf_shift(in, n);
    was = rc < 0 ? out->n : SIZE_MAX;
  }
  p->rc = rc < 0 ? rc : p->rc;
  return rc >= 0 && (out->n != was || session_busy(s));
}

static inline bool link_pair_done(const struct link_pair *p)
{
  struct link_status a, b;
  link_status(p->link[0], &a);
  link_status(p->link[1], &b);
  return a.session.state == SESSION_DONE && b.session.state == SESSION_DONE;
}

/* A slice; false: nothing moves any more. */
static inline bool link_pair_move(struct link_pair *p)
{
  int i = (int)(shelf_random(&p->seed) % 2);
  return link_pair_step(p, i) || link_pair_step(p, 1 - i);
}

/* To the end, to the cut, or until nothing moves. */
static inline bool link_pair_run(struct link_pair *p)
{
  for (int idle = 0; p->rc == 0 && idle < 4;) {
    idle = link_pair_move(p) ? 0 : idle + 1;
    if (p->cut > 0 && p->sent[0] + p->sent[1] >= p->cut) {
      return false;
    }
    if (link_pair_done(p)) {
      return true;
    }
  }
  return false;
}

/* A whole session of ${a} with ${b}; the figures of both before it is gone. */
static inline bool link_pair_sync(struct link_pair *p, struct home *a,
                                  struct home *b, struct link_status out[2])
{
  link_pair_begin(p, a, b);
  bool done = link_pair_run(p);
  if (!done && p->cut == 0) {
    printf("  the session stands still: %s\n", p->e.text);
  }
  for (int i = 0; i < 2 && out != NULL; i++) {
    link_status(p->link[i], &out[i]);
  }
  link_pair_end(p);
  return done;
}

/* A file's bytes into the store: its id. */
static inline struct cid link_file(struct home *h, size_t size, uint64_t seed)
{
  struct err e = {0};
  struct buf noise = {0};
  struct job *j = NULL;
  const char *path = home_file(h, "file.bin");
  shelf_noise(&noise, size, seed);
  shelf_write(path, buf_span(&noise));
  buf_free(&noise);
  NEED(files_add(&j, h->st, path, FILE_CUT_FIXED, &e) == 0);
  NEED(run_job(j, &e) == 0);
  struct cid link = j->result.link;
  job_del(j);
  (void)unlink(path);
  return link;
}

/* A record with a file of ${size} bytes. */
static inline struct cid link_publish(struct home *h, const char *collection,
                                      int n, size_t size)
{
  struct cid file =
      size > 0 ? link_file(h, size, (uint64_t)n) : (struct cid){0};
  struct made m = {.n = n,
                   .title = "a record",
                   .files = size > 0,
                   .file = &file,
                   .size = (int64_t)size};
  return home_publish(h, collection, &m, -1);
}

static inline void link_follow(struct home *h, const char *pattern,
                               int64_t files)
{
  struct err e = {0};
  NEED(station_follow(h->st, span_of(pattern, strlen(pattern)), files, &e) ==
       0);
}

/* Do both have the same parcels, and is nothing missing? */
static inline bool link_equal(struct home *a, struct home *b)
{
  static struct sketches_state state[2][STORE_LIST_MAX];
  struct buf names[2] = {{0}, {0}};
  struct err e = {0};
  struct home *h[2] = {a, b};
  int n[2];
  for (int i = 0; i < 2; i++) {
    n[i] = sketches_states(h[i]->st, span_of(NULL, 0), &names[i], state[i],
                           STORE_LIST_MAX, &e);
    NEED(n[i] >= 0);
  }
  bool same =
      n[0] == n[1] && span_equal(buf_span(&names[0]), buf_span(&names[1]));
  for (int i = 0; same && i < n[0]; i++) {
    same = state[0][i].count == state[1][i].count &&
           memcmp(state[0][i].digest, state[1][i].digest, HASH_SIZE) == 0;
  }
  buf_free(&names[0]);
  buf_free(&names[1]);
  int lacks = home_missing(a) + home_missing(b);
  if (!same || lacks > 0) {
    printf("  sets %s; %d blocks are missing\n", same ? "equal" : "differ",
           lacks);
  }
  return same && lacks == 0;
}

#endif
