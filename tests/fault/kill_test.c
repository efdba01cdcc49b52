/* SPDX-License-Identifier: 0BSD */
/* A child publishes, withdraws, takes carry files in, sweeps and rebuilds,
 * says each time when it is done, and is killed at some moment: all that was
 * said to be done is there, the store is sound, and what is derived is what a
 * rebuild derives. */
#include "unit/station_shelf.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 8
#define KILLS_A_ROUND 10
#define CARS 6
#define KILL_AFTER_US 40000 /* at most */
#define STEPS_MAX 100000

static struct home h, source;
static struct cid car_file[CARS], car_record[CARS];
static int kills, acked_all;

/* What the child does as step number i. */
enum deed { PUBLISH, UNPACK, WITHDRAW, UPKEEP };

static enum deed deed_of(int i)
{
  return i % 37 == 36 ? UPKEEP
         : i % 5 == 4 ? UNPACK
         : i % 5 == 3 ? WITHDRAW
                      : PUBLISH;
}

static struct made record_of(int i)
{
  struct made m = {.n = i, .title = "something", .text = "with words in it"};
  m.key = i % 3 == 0 ? "k" : NULL;
  return m;
}

/* Carry files with a record and a file of several parts each. */
static void make_cars(void)
{
  struct buf noise = {0};
  struct err e = {0};
  for (int i = 0; i < CARS; i++) {
    char name[16];
    struct job *j = NULL;
    home_new(&source);
    shelf_noise(&noise, 1100000, (uint64_t)i + 1);
    shelf_write(home_file(&source, "f"), buf_span(&noise));
    NEED(files_add(&j, source.st, home_file(&source, "f"), FILE_CUT_CONTENT,
                   &e) == 0);
    NEED(run_job(j, &e) == 0);
    car_file[i] = j->result.link;
    job_del(j);
    struct made m = {.n = i, .files = 1, .file = &car_file[i], .size = 1100000};
    car_record[i] = home_publish(&source, "far", &m, -1);
    (void)snprintf(name, sizeof name, "%d.car", i);
    home_pack(&source, home_file(&h, name), NULL);
    home_end(&source);
  }
  buf_free(&noise);
}

static void run_upkeep(int i)
{
  struct err e = {0};
  struct job *j = NULL;
  NEED((i % 2 ? station_rebuild(&j, h.st, &e) : station_sweep(&j, h.st, &e)) ==
       0);
  NEED(run_job(j, &e) == 0);
  job_del(j);
}

static void do_step(int i)
{
  struct made m = record_of(i);
  struct cid about;
  char name[16];
  switch (deed_of(i)) {
  case PUBLISH:
    (void)home_publish(&h, "near", &m, SHELF_NOW + i);
    break;
  case WITHDRAW:
    m = record_of(i - 1);
    about = made_cid(&m);
    m = (struct made){.n = i, .type = "withdraw", .about = &about};
    (void)home_publish(&h, "near", &m, SHELF_NOW + i);
    break;
  case UNPACK:
    (void)snprintf(name, sizeof name, "%d.car", i / 5 % CARS);
    NEED(home_unpack(&h, home_file(&h, name)).rc == 0);
    break;
  case UPKEEP:
    run_upkeep(i);
    break;
  }
}

static void child(int from, int ends)
{
  home_open(&h);
  for (int i = from; i < STEPS_MAX; i++) {
    do_step(i);
    NEED(write(ends, &i, sizeof i) == (ssize_t)sizeof i);
  }
  _exit(1);
}

/* Let a child work from step ${from} and kill it: the first step that it did
 * not say was done. */
static int work_and_kill(int from, unsigned delay_us)
{
  int ends[2], i, next = from, status;
  struct timespec wait = {0, (long)delay_us * 1000};
  NEED(pipe(ends) == 0);
  (void)fflush(stdout);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    (void)close(ends[0]);
    child(from, ends[1]);
  }
  (void)close(ends[1]);
  /* It has to open the station first: begin to count with its first word. */
  if (read(ends[0], &i, sizeof i) == (ssize_t)sizeof i) {
    next = i + 1;
  }
  (void)nanosleep(&wait, NULL);
  NEED(kill(pid, SIGKILL) == 0);
  while (read(ends[0], &i, sizeof i) == (ssize_t)sizeof i) {
    NEED(i == next);
    next = i + 1;
  }
  (void)close(ends[0]);
  NEED(waitpid(pid, &status, 0) == pid);
  EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  return next;
}

static bool file_whole(const struct cid *root)
{
  struct reader *r = NULL;
  struct span part = {NULL, 0};
  struct err e = {0};
  uint64_t n = 0;
  int rc = reader_new(&r, h.st, root, &e);
  do {
    rc = rc < 0 ? rc : reader_next(r, SIZE_MAX, &part, &e);
    n += rc == 0 ? part.n : 0;
  } while (rc == 0 && part.n > 0);
  reader_del(r);
  return rc == 0 && n == 1100000;
}

/* Steps below ${next} are done; the step ${next} may be. */
static void check_done(int next)
{
  int lost = 0, back = 0;
  for (int i = 0; i < next; i++) {
    struct made m = record_of(i);
    struct cid id = made_cid(&m);
    bool withdrawn = deed_of(i + 1) == WITHDRAW;
    if (deed_of(i) == UNPACK) {
      int k = i / 5 % CARS;
      lost += !home_has(&h, &car_record[k]) || !file_whole(&car_file[k]);
    } else if (deed_of(i) == PUBLISH && (!withdrawn || i + 1 > next)) {
      lost += !home_has(&h, &id);
    } else if (deed_of(i) == PUBLISH && withdrawn && i + 1 < next) {
      back += home_has(&h, &id);
    }
  }
  EXPECT_INT(lost, 0);
  EXPECT_INT(back, 0);
}

static void check_sound(void)
{
  struct job *j = NULL;
  struct err e = {0};
  NEED(station_verify(&j, h.st, true, &e) == 0);
  NEED(run_job(j, &e) == 0);
  EXPECT_INT(job_value(j, "bad"), 0);
  job_del(j);
  (void)home_missing(&h); /* settles notes that a kill came before */
  EXPECT(home_sound(&h));
}

static uint32_t dice(uint32_t below)
{
  static uint32_t x = 2463534242u;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return x % below;
}

static void test_kill(void)
{
  for (int round = 0; round < ROUNDS; round++) {
    int next = 0;
    home_folder(&h);
    make_cars();
    for (int i = 0; i < KILLS_A_ROUND; i++) {
      next = work_and_kill(next, dice(KILL_AFTER_US));
      kills++;
      home_open(&h);
      check_done(next);
      check_sound();
      station_close(h.st);
      h.st = NULL;
    }
    acked_all += next;
    home_end(&h);
  }
  EXPECT(kills >= 60);
  EXPECT(acked_all > kills); /* it did get something done */
}

/* Killed while the very first opening makes the store and the key. */
static void test_kill_while_opening(void)
{
  for (int i = 0; i < 20; i++) {
    struct timespec wait = {0, (long)dice(12000) * 1000};
    home_folder(&h);
    (void)fflush(stdout);
    pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
      home_open(&h);
      (void)pause();
      _exit(1);
    }
    (void)nanosleep(&wait, NULL);
    NEED(kill(pid, SIGKILL) == 0);
    NEED(waitpid(pid, NULL, 0) == pid);
    home_open(&h);
    struct made m = record_of(1);
    struct cid id = home_publish(&h, "near", &m, -1);
    EXPECT(home_has(&h, &id));
    EXPECT(home_sound(&h));
    home_end(&h);
  }
}

int main(void)
{
  RUN(test_kill);
  RUN(test_kill_while_opening);
  printf("  %d kills, %d steps done\n", kills, acked_all);
  return unit_done();
}
