/* SPDX-License-Identifier: 0BSD */
/* One, two and eight processes on one station, and a session between two
 * stations; one of the processes is killed again and again at some moment.
 * Writers queue for the lock, readers read meanwhile. What any of them said
 * was done is there, and the station is sound.
 *
 * KILLS=n: how many (default 240). A bug that was planted, and caught: the
 * child says that a record is published before publisher_commit returns. */
#include "unit/link_pair.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define CHILDREN_MAX 8
#define ACKED_MAX 200000
#define RECORDS_A_TURN 5

static struct home h, far;
static int kills_wanted = 240, kills_done, lost_all;
static struct said {
  uint32_t who, n;
} said[ACKED_MAX];
static size_t said_n;
static uint64_t chance = 1;

static uint32_t dice(uint32_t below)
{
  return (uint32_t)(shelf_random(&chance) >> 20) % below;
}

static void nap(long us)
{
  struct timespec wait = {us / 1000000, us % 1000000 * 1000};
  (void)nanosleep(&wait, NULL);
}

static struct made record_of(struct said w)
{
  return (struct made){.n = (int)(w.who * 100000 + w.n), .title = "something"};
}

static void say(int to, uint32_t who, uint32_t n)
{
  struct said w = {who, n};
  NEED(write(to, &w, sizeof w) == (ssize_t)sizeof w);
}

/* ---- what the children do, until they are killed ---- */

typedef void child(uint32_t who, uint32_t from, int to);

/* The lock goes round: who has it writes a little and lets go. */
static void write_on(uint32_t who, uint32_t from, int to)
{
  struct err e = {0};
  chance = who * 77 + from + 1;
  for (uint32_t n = from;;) {
    int rc = home_try(&h, false, &e);
    NEED(rc == 0 || rc == ERR_BUSY);
    for (int i = 0; rc == 0 && i < RECORDS_A_TURN; i++, n++) {
      struct made m = record_of((struct said){who, n});
      (void)home_publish(&h, "near", &m, SHELF_NOW + (int64_t)n);
      say(to, who, n);
    }
    station_close(h.st);
    nap(200 + dice(2000));
  }
}

static int see(void *ud, const struct entry *en)
{
  ++*(int *)ud;
  return cid_verify(&en->cid, en->block.p, en->block.n);
}

static void read_on(uint32_t who, uint32_t from, int to)
{
  struct page_query q = {.collection = span_of("near", 4), .max = 20};
  struct err e = {0};
  (void)who;
  (void)from;
  (void)to;
  for (;;) {
    struct page page = {0};
    int n = 0;
    int rc = home_try(&h, true, &e);
    if (rc == 0) {
      rc = station_page(h.st, &q, &page, see, &n, &e);
    }
    if (rc < 0 && rc != ERR_BUSY && rc != ERR_READONLY) {
      printf("  a reader: %d %s\n", rc, e.text);
      _exit(9);
    }
    station_close(h.st);
    nap(500);
  }
}

/* The other station publishes, and a session brings it here. */
static void meet_on(uint32_t who, uint32_t from, int to)
{
  struct link_pair p = {.size = 65536, .seed = from + 1};
  home_open(&h);
  home_open(&far);
  for (uint32_t n = from;; n++) {
    struct made m = record_of((struct said){who, n});
    (void)home_publish(&far, "near", &m, SHELF_NOW + (int64_t)n);
    NEED(link_pair_sync(&p, &h, &far, NULL) && p.rc == 0);
    say(to, who, n);
  }
}

/* ---- the parent ---- */

struct worker {
  pid_t pid;
  int from;
  uint32_t next;
  child *body;
};

static void start(struct worker *w, uint32_t who)
{
  int ends[2];
  NEED(pipe(ends) == 0);
  (void)fflush(stdout);
  w->pid = fork();
  NEED(w->pid >= 0);
  if (w->pid == 0) {
    (void)close(ends[0]);
    w->body(who, w->next, ends[1]);
  }
  (void)close(ends[1]);
  w->from = ends[0];
}

/* A record that is published and not told is told by nobody: the next is
 * another one. */
static void stop(struct worker *w)
{
  struct said got;
  int status;
  NEED(kill(w->pid, SIGKILL) == 0);
  while (read(w->from, &got, sizeof got) == (ssize_t)sizeof got) {
    NEED(said_n < ACKED_MAX && got.n >= w->next);
    said[said_n++] = got;
    w->next = got.n + 1;
  }
  w->next++;
  (void)close(w->from);
  NEED(waitpid(w->pid, &status, 0) == w->pid);
  EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void check_all(struct home *at)
{
  struct job *j = NULL;
  struct err e = {0};
  int lost = 0;
  home_open(at);
  for (size_t i = 0; i < said_n; i++) {
    struct made m = record_of(said[i]);
    struct cid id = made_cid(&m);
    lost += !home_has(at, &id);
  }
  EXPECT_INT(lost, 0);
  lost_all += lost;
  NEED(station_verify(&j, at->st, true, &e) == 0);
  NEED(run_job(j, &e) == 0);
  EXPECT_INT(job_value(j, "bad"), 0);
  job_del(j);
  (void)home_missing(at);
  EXPECT(home_sound(at));
  station_close(at->st);
  at->st = NULL;
}

/* ${writers} and ${readers}; every ${each} kills all of them are, and the
 * station is looked at. */
static void rounds(int kills, int writers, int readers, child *body, int each)
{
  static struct worker w[CHILDREN_MAX];
  int n = writers + readers;
  said_n = 0;
  memset(w, 0, sizeof w);
  for (int i = 0; i < n; i++) {
    w[i].body = i < writers ? body : read_on;
  }
  for (int done = 0; done < kills;) {
    for (int i = 0; i < n; i++) {
      start(&w[i], (uint32_t)i);
    }
    for (int k = 0; k < each && done < kills; k++, done++) {
      uint32_t i = dice((uint32_t)n);
      nap(2000 + dice(body == meet_on ? 80000 : 20000));
      stop(&w[i]);
      start(&w[i], i);
    }
    for (int i = 0; i < n; i++, done++) {
      stop(&w[i]);
    }
    check_all(&h);
  }
  kills_done += kills;
  printf(
      "  %d writers, %d readers: %d kills, %zu records acknowledged, %d lost\n",
      writers, readers, kills, said_n, lost_all);
  EXPECT(said_n > 0);
}

static void run_many(int writers, int readers)
{
  home_new(&h);
  station_close(h.st);
  h.st = NULL;
  rounds(kills_wanted / 4, writers, readers, write_on, 20);
  home_end(&h);
}

static void test_one(void)
{
  run_many(1, 0);
}

static void test_two(void)
{
  run_many(2, 0);
}

static void test_eight(void)
{
  run_many(5, 3);
}

static void test_session(void)
{
  home_new(&h);
  home_new(&far);
  link_follow(&h, "*", INT64_MAX);
  link_follow(&far, "*", INT64_MAX);
  station_close(h.st);
  station_close(far.st);
  h.st = far.st = NULL;
  rounds(kills_wanted / 4, 1, 0, meet_on, 12);
  check_all(&far);
  home_end(&far);
  home_end(&h);
}

int main(void)
{
  const char *n = getenv("KILLS");
  kills_wanted = n != NULL ? (int)strtol(n, NULL, 10) : kills_wanted;
  NEED(kills_wanted >= 4);
  RUN(test_one);
  RUN(test_two);
  RUN(test_eight);
  RUN(test_session);
  printf("  %d kills\n", kills_done);
  return unit_done();
}
