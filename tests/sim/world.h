/* SPDX-License-Identifier: 0BSD */
/* The simulated world: stations with their habits, what they publish, their
 * backups, and the time. Wires between them are wire.h's. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "station/listing.h"
#include "station/refset.h"

#include "dice.h"
#include "meter.h"
#include "station_shelf.h"

#include <dirent.h>

#define HUB 0u /* follows all, by prefix and by name; refuses nothing */
#define ALL INT64_MAX
#define RULES_MAX 8

enum refusal {
  REFUSES_NOTHING,
  REFUSES_RECORDS, /* an eighth of all, one by one */
  REFUSES_PARCELS, /* those that have one of these */
  REFUSES_PEERS    /* speaks of one collection with nobody */
};

enum villainy {
  HONEST,
  GARBAGE,  /* no handshake of ours */
  BABBLE,   /* a handshake, a hello, then frames by chance */
  MUTATE,   /* a session whose frames are bent */
  LIE,      /* one that lies about what it has */
  WITHHOLD, /* one that keeps withdrawals, and blocks, to itself */
  DRIP,     /* one that goes on for ever, a byte at a time, or stops */
  VILLAINIES
};

struct habit {
  struct {
    const char *pattern;
    int64_t files;
  } rule[RULES_MAX];
};

static const char *const collections[] = {"edu", "edu/physics", "edu/math",
                                          "health", "news"};
#define COLLECTIONS (sizeof collections / sizeof *collections)
#define UNSPOKEN "health" /* for REFUSES_PEERS */

#define TAKES_ALL 1u
static const struct habit habits[] = {
    {{{"*", ALL},
      {"edu", ALL},
      {"edu/physics", ALL},
      {"edu/math", ALL},
      {"health", ALL},
      {"news", ALL}}}, /* the hub's */
    {{{"*", ALL}}},
    {{{"*", 0}}},
    {{{"edu/*", ALL}, {"news", 10000}}},
    {{{"edu/physics", ALL}, {"health", 0}}},
    {{{"news", ALL}, {"edu", ALL}}},
    {{{NULL, 0}}}, /* who follows nothing takes all */
};
#define HABITS (sizeof habits / sizeof *habits)

struct post {
  struct home h;
  size_t habit;
  bool quiet;
  enum refusal refuses;
  enum villainy villainy;
  unsigned group; /* wires and sticks stay within one */
  int64_t skew;   /* of its clock */
  bool unsettled; /* a session broke off, or was a villain's: what it brought
                     may be lost */
  size_t backup;  /* deeds at that moment, + 1; 0: there is none */
  uint8_t key[CRYPT_KEY_SIZE];
};

/* A record that was published. */
struct deed {
  struct cid id;
  size_t by, collection;
  bool withdraws;
  size_t withdrawal; /* the deed that takes it back, + 1 */
  bool lost;         /* it may be: its station was put back to before it */
};

struct world {
  uint64_t seed;
  struct dice dice;
  char dir[32];
  int64_t now;
  struct post *post;
  size_t n;
  struct deed *deed;
  size_t deeds, deeds_cap;
  int made; /* number of the last record */
  struct cid file[4];
  int64_t file_size[4];
  /* for oracle.h */
  struct deed *sorted; /* by id */
  struct refset holds; /* parcels that were verified */
};

/* The seed's verdict, with why; the first is enough. */
#define FAIL(w, ...)                                                           \
  do {                                                                         \
    printf("  seed %llu: ", (unsigned long long)(w)->seed);                    \
    printf(__VA_ARGS__);                                                       \
    printf("\n");                                                              \
    (void)fflush(stdout);                                                      \
    exit(1);                                                                   \
  } while (0)

static inline struct span text_of(const char *text)
{
  return span_of(text, strlen(text));
}

static inline bool is_honest(const struct post *p)
{
  return p->villainy == HONEST;
}

/* Shall it end up with what all others have? */
static inline bool is_plain(const struct post *p)
{
  return is_honest(p) && p->refuses == REFUSES_NOTHING;
}

static inline bool post_follows(const struct post *p, const char *collection)
{
  const struct habit *h = &habits[p->habit];
  for (size_t i = 0; i < RULES_MAX && h->rule[i].pattern != NULL; i++) {
    if (pattern_matches(text_of(h->rule[i].pattern), text_of(collection))) {
      return true;
    }
  }
  return h->rule[0].pattern == NULL;
}

static inline bool post_follows_all(const struct post *p)
{
  size_t n = 0;
  for (size_t c = 0; c < COLLECTIONS; c++) {
    n += post_follows(p, collections[c]);
  }
  return n == COLLECTIONS;
}

/* ---- policy ---- */

/* Does it keep that to itself? */
static inline bool keeps(const struct post *p, const struct deed *d)
{
  return p->refuses == REFUSES_PEERS &&
         strcmp(collections[d->collection], UNSPOKEN) == 0;
}

static inline bool post_dislikes(const struct post *p, const struct cid *record)
{
  return (p->refuses == REFUSES_RECORDS || p->refuses == REFUSES_PARCELS) &&
         cid_digest(record)[5] % 8 == 0;
}

static inline enum job_verdict post_judge(const struct post *p,
                                          const struct cid *record)
{
  return !post_dislikes(p, record)       ? JOB_KEEP
         : p->refuses == REFUSES_RECORDS ? JOB_DROP
                                         : JOB_STOP;
}

static inline enum job_verdict world_policy(void *ud, const struct job *j)
{
  return post_judge(ud, &j->ask_cid);
}

/* ---- stations ---- */

static inline void post_open(struct post *p)
{
  home_open(&p->h);
  station_set_policy(p->h.st, p->refuses == REFUSES_RECORDS ||
                                  p->refuses == REFUSES_PARCELS);
}

static inline void post_close(struct post *p)
{
  station_close(p->h.st);
  p->h.st = NULL;
}

static inline void world_tick(struct world *w, int64_t seconds)
{
  w->now += seconds;
  for (size_t i = 0; i < w->n; i++) {
    w->post[i].h.now = w->now + w->post[i].skew;
  }
}

static inline void post_new(struct world *w, size_t i)
{
  struct post *p = &w->post[i];
  struct err e;
  int n = snprintf(p->h.dir, sizeof p->h.dir, "%.31s/%zu", w->dir, i);
  NEED(n > 0 && (size_t)n < sizeof p->h.dir);
  NEED(mkdir(p->h.dir, 0700) == 0);
  p->h.now = w->now + p->skew;
  post_open(p);
  memcpy(p->key, p->h.st->self, sizeof p->key);
  const struct habit *h = &habits[p->habit];
  for (size_t k = 0; k < RULES_MAX && h->rule[k].pattern != NULL; k++) {
    NEED(station_follow(p->h.st, text_of(h->rule[k].pattern), h->rule[k].files,
                        &e) == 0);
  }
}

/* What kind of station is the ${i}-th? */
static inline void post_choose(struct world *w, size_t i)
{
  struct post *p = &w->post[i];
  struct dice *d = &w->dice;
  if (i == HUB) {
    return;
  }
  p->habit = 1 + dice_below(d, HABITS - 1);
  if (dice_hit(d, 15)) {
    p->villainy = (enum villainy)(1 + dice_below(d, VILLAINIES - 1));
    p->habit = 1;
    return;
  }
  p->quiet = dice_hit(d, 15);
  if (dice_hit(d, 15)) {
    p->refuses = (enum refusal)(1 + dice_below(d, 3));
  }
  if (dice_hit(d, 10)) {
    p->skew = (int64_t)dice_below(d, 4 * 86400) - 2 * 86400;
  }
}

static inline void world_new(struct world *w, uint64_t seed, size_t n)
{
  memset(w, 0, sizeof *w);
  w->seed = seed;
  w->dice.state = seed * 2 + 1;
  w->now = SHELF_NOW;
  w->n = n;
  w->post = mem_zero(n * sizeof *w->post);
  NEED(w->post != NULL);
  (void)snprintf(w->dir, sizeof w->dir, "/dev/shm/mahatta-sim-XXXXXX");
  if (mkdtemp(w->dir) == NULL) {
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/mahatta-sim-XXXXXX");
    NEED(mkdtemp(w->dir) != NULL);
  }
  for (size_t i = 0; i < n; i++) {
    post_choose(w, i);
    post_new(w, i);
  }
}

static inline void world_end(struct world *w)
{
  for (size_t i = 0; i < w->n; i++) {
    post_close(&w->post[i]);
  }
  NEED(nftw(w->dir, shelf_remove, 16, FTW_DEPTH | FTW_PHYS) == 0);
  mem_free(w->post);
  mem_free(w->deed);
  mem_free(w->sorted);
  refset_free(&w->holds);
}

/* ---- publishing ---- */

static inline void note_deed(struct world *w, const struct deed *d)
{
  if (w->deeds == w->deeds_cap) {
    w->deeds_cap = w->deeds_cap > 0 ? 2 * w->deeds_cap : 256;
    w->deed = mem_resize(w->deed, w->deeds_cap, sizeof *w->deed);
    NEED(w->deed != NULL);
  }
  w->deed[w->deeds++] = *d;
}

/* A file of the world, in this station's store. */
static inline size_t post_file(struct world *w, struct post *p)
{
  static const char *const names[] = {"f0", "f1", "f2", "f3"};
  static const size_t sizes[] = {900, 6000, 20000, 1048576};
  size_t i = dice_below(&w->dice, dice_hit(&w->dice, 3) ? 4 : 3);
  struct buf bytes = {0};
  struct job *j = NULL;
  struct err e;
  shelf_noise(&bytes, sizes[i], i);
  shelf_write(home_file(&p->h, names[i]), buf_span(&bytes));
  buf_free(&bytes);
  NEED(files_add(&j, p->h.st, home_file(&p->h, names[i]), FILE_CUT_FIXED, &e) ==
       0);
  NEED(run_job(j, &e) == 0);
  w->file[i] = j->result.link;
  w->file_size[i] = (int64_t)sizes[i];
  job_del(j);
  return i;
}

/* A record by chance; ${about}: of this collection, or NULL. */
static inline struct made post_record(struct world *w, struct post *p,
                                      const struct deed *about)
{
  static const char *const keys[] = {"k1", "k2", "k3"};
  struct made m = {.n = ++w->made, .title = "قوانين نيوتن"};
  size_t pad = dice_below(&w->dice, 8);
  m.pad = pad == 0 ? dice_below(&w->dice, 3000) : 0;
  if (dice_hit(&w->dice, 25)) {
    m.key = keys[dice_below(&w->dice, 3)];
  }
  if (about != NULL && dice_hit(&w->dice, 30)) {
    m.about = &about->id;
    m.type = dice_hit(&w->dice, 50) ? "correction" : "label";
    if (m.type[0] == 'l') {
      m.value = "unverified";
      m.negated = dice_hit(&w->dice, 30);
    }
  } else if (dice_hit(&w->dice, 15)) {
    size_t f = post_file(w, p);
    m.files = 1;
    m.file = &w->file[f];
    m.size = w->file_size[f];
  }
  return m;
}

/* A deed of that collection, or NULL. */
static inline struct deed *some_deed(struct world *w, size_t collection)
{
  for (int k = 0; k < 8 && w->deeds > 0; k++) {
    struct deed *d = &w->deed[dice_below(&w->dice, w->deeds)];
    if (d->collection == collection) {
      return d;
    }
  }
  return NULL;
}

/* Publish one parcel of 1 to 6 records. */
static inline void post_publish(struct world *w, size_t i)
{
  struct post *p = &w->post[i];
  struct publisher *pub = NULL;
  struct buf b = {0};
  struct err e;
  uint64_t committed;
  size_t c = dice_below(&w->dice, COLLECTIONS);
  size_t n = 1 + dice_below(&w->dice, 6);
  NEED(publisher_new(&pub, p->h.st, text_of(collections[c]), -1, &e) == 0);
  for (size_t k = 0; k < n; k++) {
    struct deed d = {.by = i, .collection = c};
    struct made m = post_record(w, p, some_deed(w, c));
    made_block(&b, &m);
    int rc = publisher_add(pub, buf_span(&b), &d.id, &e);
    if (rc < 0) {
      FAIL(w, "station %zu cannot publish: %s", i, e.text);
    }
    note_deed(w, &d);
  }
  NEED(publisher_commit(pub, &committed, &e) == 0);
  publisher_del(pub);
  buf_free(&b);
}

/* Take one of its own back; of a withdrawal it is told that it stands. */
static inline void post_withdraw(struct world *w, size_t i)
{
  struct post *p = &w->post[i];
  for (int k = 0; k < 8 && w->deeds > 0; k++) {
    struct deed *d = &w->deed[dice_below(&w->dice, w->deeds)];
    if (d->by != i || d->withdrawal > 0 || d->lost ||
        !home_has(&p->h, &d->id)) {
      continue;
    }
    struct made m = {.n = ++w->made, .type = "withdraw", .about = &d->id};
    struct deed by = {.by = i, .collection = d->collection, .withdraws = true};
    struct err e;
    int rc =
        home_try_publish(&p->h, collections[d->collection], &m, -1, &by.id, &e);
    if (rc != (d->withdraws ? ERR_INVALID : 0)) {
      FAIL(w, "station %zu cannot withdraw: %s", i, e.text);
    }
    if (rc == 0) {
      d->withdrawal = w->deeds + 1;
      note_deed(w, &by);
    }
    return;
  }
}

/* ---- backups ---- */

static inline bool is_store_file(const char *name)
{
  return name[0] == 's' && strcmp(name, "s.key") != 0;
}

#define STORE_NAME_MAX 24

/* The next file of its folder that is one of the store's under the letter
 * ${which} ("s", or that of a copy), or false. */
static inline bool post_next_file(DIR *dir, char which,
                                  char name[STORE_NAME_MAX])
{
  struct dirent *at;
  while ((at = readdir(dir)) != NULL) {
    if (strlen(at->d_name) < STORE_NAME_MAX) {
      (void)snprintf(name, STORE_NAME_MAX, "%.23s", at->d_name);
      bool ours = name[0] == which;
      name[0] = 's';
      if (ours && is_store_file(name)) {
        name[0] = which;
        return true;
      }
    }
  }
  return false;
}

/* Copy the files of its store (${from}: "s"; or those kept under another
 * letter) to those with the letter ${to}. */
static inline void post_copy(struct post *p, char from, char to)
{
  DIR *dir = opendir(p->h.dir);
  struct buf bytes = {0};
  char name[STORE_NAME_MAX];
  NEED(dir != NULL);
  while (post_next_file(dir, from, name)) {
    shelf_read(home_file(&p->h, name), &bytes);
    name[0] = to;
    shelf_write(home_file(&p->h, name), buf_span(&bytes));
  }
  NEED(closedir(dir) == 0);
  buf_free(&bytes);
}

static inline void post_wipe(struct post *p, char which)
{
  DIR *dir = opendir(p->h.dir);
  char name[STORE_NAME_MAX];
  NEED(dir != NULL);
  while (post_next_file(dir, which, name)) {
    NEED(unlink(home_file(&p->h, name)) == 0);
  }
  NEED(closedir(dir) == 0);
}

static inline void post_back_up(struct world *w, struct post *p)
{
  post_close(p);
  post_wipe(p, 'b');
  post_copy(p, 's', 'b');
  p->backup = w->deeds + 1;
  post_open(p);
}

/* The station as it was; what it has published since may be nowhere. */
static inline void post_restore(struct world *w, size_t i)
{
  struct post *p = &w->post[i];
  post_close(p);
  post_wipe(p, 's');
  post_copy(p, 'b', 's');
  post_open(p);
  for (size_t k = p->backup - 1; k < w->deeds; k++) {
    w->deed[k].lost = w->deed[k].lost || w->deed[k].by == i;
  }
}

static inline uint64_t post_parcels(struct post *p)
{
  uint64_t all = 0;
  for (size_t c = 0; c < COLLECTIONS; c++) {
    struct err e;
    uint64_t n = 0;
    NEED(station_collection_count(p->h.st, text_of(collections[c]), &n, &e) ==
         0);
    all += n;
  }
  return all;
}

/* As after a power cut at this moment: the files as they are, no closing. What
 * was said to be done is there. */
static inline void post_crash(struct world *w, struct post *p)
{
  uint64_t was = p->unsettled ? 0 : post_parcels(p);
  post_copy(p, 's', 'x');
  post_close(p);
  post_wipe(p, 's');
  post_copy(p, 'x', 's');
  post_wipe(p, 'x');
  post_open(p);
  p->unsettled = false;
  if (post_parcels(p) < was) {
    FAIL(w, "station %zu has lost in a power cut what it had",
         (size_t)(p - w->post));
  }
}

#endif
