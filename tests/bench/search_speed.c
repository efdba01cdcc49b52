/* SPDX-License-Identifier: 0BSD */
/* How fast is search? Passages of about 80 words are put together from pieces
 * of the Arabic collection beside the repository ($SEARCH_DEV), the same each
 * time; its questions of seven words and more, cut to seven, and their first
 * two words are asked: the whole recipe, with texts read again, against FTS5
 * with unicode61 and trigram in the same run. Argument: how many passages
 * (100000). */
#include "dev_file.h"
#include "peers.h"

#include "base/mem.h"
#include "form/cid.h"
#include "station/beside.h"
#include "text/recipe.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 512
#define PIECE 20 /* words of a document that stay together */
#define QUERIES 300

static struct err err;
static struct analyser *an;
static char dir[64];

#define NEED(cond)                                                             \
  do {                                                                         \
    if (!(cond)) {                                                             \
      printf("needed %s (%s)\n", #cond, err.text);                             \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

#define SEED 88172645463325252u
static uint64_t seed = SEED;

static size_t random_below(size_t n)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (size_t)(seed % n);
}

/* ---- passages ---- */

static struct buf docs;
static struct span *word; /* of all documents, one after the other */
static size_t words, word_cap;

static void load_words(void)
{
  char command[4200];
  size_t n = 1;
  (void)snprintf(command, sizeof command,
                 "gzip -dc '%s/ar/docs.tsv.gz' | cut -f3",
                 getenv("SEARCH_DEV"));
  FILE *f = popen(command, "r");
  NEED(f != NULL);
  while (n > 0) {
    NEED(buf_reserve(&docs, 1 << 20) == 0);
    n = fread(docs.p + docs.n, 1, 1 << 20, f);
    docs.n += n;
  }
  NEED(pclose(f) == 0);
  for (size_t at = 0, from = 0; at < docs.n; at++) {
    if (docs.p[at] == ' ' || docs.p[at] == '\n') {
      if (words == word_cap) {
        word_cap = word_cap == 0 ? 1 << 16 : 2 * word_cap;
        word = mem_resize(word, word_cap, sizeof *word);
        NEED(word != NULL);
      }
      word[words++] = span_of(docs.p + from, at - from);
      from = at + 1;
    }
  }
}

/* The next passage; a word in a hundred gets a number, so that rare words stay
 * rare however many passages there are. */
static void passage(struct buf *out)
{
  buf_clear(out);
  for (int piece = 0; piece < 4; piece++) {
    size_t at = random_below(words - PIECE);
    for (size_t i = 0; i < PIECE; i++) {
      char mark[24] = "";
      if (random_below(100) == 0) {
        (void)snprintf(mark, sizeof mark, "%zu", random_below(100000));
      }
      NEED(buf_put(out, word[at + i].p, word[at + i].n) == 0 &&
           buf_put(out, mark, strlen(mark)) == 0 && buf_byte(out, ' ') == 0);
    }
  }
}

/* ---- ours ---- */

static void put_terms(struct buf *out, struct store_doc *d, struct span text)
{
  struct words it = {.text = text, .an = an};
  struct word w;
  d->length = 0;
  while (words_next(&it, &w)) {
    struct term two[2];
    size_t n = word_terms(&w, TERM_STEM, two);
    for (size_t j = 0; j < n; j++) {
      NEED(buf_byte(out, (uint8_t)two[j].n) == 0 &&
           buf_put(out, two[j].b, two[j].n) == 0);
    }
    d->length++;
  }
}

static double fill(struct store *s, size_t passages)
{
  static struct buf text[BATCH], terms[BATCH];
  static struct store_block block[BATCH];
  static struct store_doc d[BATCH];
  double spent = 0;
  for (size_t done = 0; done < passages; done += BATCH) {
    size_t n = passages - done < BATCH ? passages - done : BATCH;
    uint64_t ref[BATCH];
    for (size_t i = 0; i < n; i++) {
      passage(&text[i]);
      block[i].bytes = buf_span(&text[i]);
      NEED(cid_of(&block[i].cid, CID_RAW, text[i].p, text[i].n) == 0);
    }
    NEED(s->ops->put(s, block, n, false, ref, NULL, &err) == 0);
    double t = peer_now();
    for (size_t i = 0; i < n; i++) {
      buf_clear(&terms[i]);
      put_terms(&terms[i], &d[i], buf_span(&text[i]));
      d[i].ref = ref[i];
      d[i].terms = buf_span(&terms[i]);
    }
    struct store_batch b = {.docs = d, .docs_n = n};
    NEED(s->ops->append(s, &b, NULL, NULL, &err) == 0);
    spent += peer_now() - t;
  }
  return spent;
}

static int order(const void *a, const void *b)
{
  const double *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

static void print(const char *what, double *took, size_t n)
{
  qsort(took, n, sizeof *took, order);
  printf("%-34s p50 %8.2f ms   p95 %8.2f ms   (%zu)\n", what, took[n / 2] * 1e3,
         took[n * 95 / 100] * 1e3, n);
  (void)fflush(stdout);
}

/* As station/search.c ranks, for the first ten. */
static void ask(struct store *s, struct span query)
{
  static struct plan_ask list[4 * QUERY_WORDS_MAX];
  struct words it = {.text = query, .an = an, .query = true};
  struct store_hit hit[RECIPE_HEAD];
  struct beside *beside = NULL;
  struct buf text = {0};
  struct plan plan;
  double best[10] = {0};
  size_t n = 0;
  while (words_next(&it, &list[n].word)) {
    list[n].exact = false;
    list[n++].how = STORE_ANY;
  }
  NEED(plan_words(&plan, s, an, list, n, &err) == 0);
  struct store_query q = {.group = plan.group, .groups = plan.groups};
  int found = s->ops->query(s, &q, hit, RECIPE_HEAD, &err);
  NEED(found >= 0 && beside_open(&beside, &plan) == 0);
  beside_order(beside, hit, (size_t)found);
  for (int i = 0; i < found; i++) {
    double most = beside_most(beside, hit[i].marks);
    if (hit[i].score + most < best[9]) {
      break;
    }
    beside_start(beside, hit[i].marks);
    if (most > 0) {
      buf_clear(&text);
      NEED(s->ops->get_ref(s, hit[i].ref, NULL, &text, &err) == 0);
      beside_read(beside, an, buf_span(&text));
    }
    double v = hit[i].score + beside_given(beside);
    int at = 9;
    for (; at >= 0 && best[at] < v; at--) {
      if (at < 9) {
        best[at + 1] = best[at];
      }
    }
    if (at < 9) {
      best[at + 1] = v;
    }
  }
  buf_free(&text);
  beside_close(beside);
  plan_words_free(&plan);
}

/* ---- questions ---- */

static struct buf questions[QUERIES];

/* The first ${most} words of questions with seven at least. */
static void load_questions(size_t most)
{
  static struct buf file;
  struct span column[2];
  size_t at = 0, n = 0;
  NEED(file.n > 0 || dev_load(&file, "ar/queries.tsv"));
  while (n < QUERIES && dev_line(buf_span(&file), &at, column, 2) == 2) {
    size_t seen = 0, end = 0, cut = 0;
    for (; end <= column[1].n; end++) {
      if (end == column[1].n || column[1].p[end] == ' ') {
        cut = ++seen == most ? end : cut;
      }
    }
    if (seen >= 7) {
      buf_clear(&questions[n]);
      NEED(buf_put(&questions[n++], column[1].p, cut) == 0);
    }
  }
  NEED(n == QUERIES);
}

static void ask_all(struct store *s, const char *what)
{
  static double took[QUERIES];
  for (int round = 0; round < 2; round++) { /* the first one warms */
    for (size_t i = 0; i < QUERIES; i++) {
      double t = peer_now();
      ask(s, buf_span(&questions[i]));
      took[i] = peer_now() - t;
    }
  }
  print(what, took, QUERIES);
}

/* ---- the others ---- */

static const char *path_of(const char *name)
{
  static char path[128];
  (void)snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}

/* ${queries}: how many of the questions. The same passages as ours. */
static void bench_peer(enum peer_kind kind, const char *program,
                       size_t passages, size_t queries)
{
  static double took[QUERIES];
  struct buf text = {0};
  struct peer p;
  uint64_t hit[PEER_DEPTH];
  char what[64];
  if (!peer_open(&p, kind, dir, program, "arabic")) {
    printf("%s: not here\n", peer_name[kind]);
    return;
  }
  seed = SEED;
  for (size_t i = 0; i < passages; i++) {
    passage(&text);
    peer_add(&p, buf_span(&text));
  }
  peer_ready(&p);
  buf_free(&text);
  printf("%s: %.0f passages/s, index %.1f MB\n", peer_name[kind],
         (double)passages / p.spent, p.bytes / 1e6);
  for (size_t most = 7; most > 0; most = most == 7 ? 2 : 0) {
    load_questions(most);
    for (size_t i = 0; i < 2 * queries; i++) { /* the first ones warm */
      (void)peer_ask(&p, buf_span(&questions[i % queries]), false, hit,
                     &took[i % queries]);
    }
    (void)snprintf(what, sizeof what, "  %zu words, any", most);
    print(what, took, queries);
  }
  peer_close(&p);
}

/* ---- changes ---- */

enum change { ADD, CHANGE, REMOVE };

/* One passage as a change of its own: its terms in ${terms}. */
static struct store_doc one_passage(struct store_block *b, struct buf *text,
                                    struct buf *terms)
{
  struct store_doc d = {.ref = STORE_NEW(0)};
  passage(text);
  b->bytes = buf_span(text);
  NEED(cid_of(&b->cid, CID_RAW, text->p, text->n) == 0);
  buf_clear(terms);
  put_terms(terms, &d, buf_span(text));
  d.terms = buf_span(terms);
  return d;
}

/* Removing and changing: of a document that is in a segment. What is due of
 * merging is part of it. */
static void bench_changes(struct store *s, const char *what, enum change how)
{
  static double took[QUERIES];
  struct buf text[2] = {{0}}, terms[2] = {{0}};
  for (size_t i = 0; i < QUERIES; i++) {
    struct store_block b[2];
    uint64_t ref;
    struct store_doc d = one_passage(&b[0], &text[0], &terms[0]);
    struct store_batch add = {
        .blocks = b, .blocks_n = 1, .docs = &d, .docs_n = 1};
    double t = peer_now();
    NEED(s->ops->append(s, &add, &ref, NULL, &err) == 0);
    took[i] = peer_now() - t;
    if (how == ADD) {
      continue;
    }
    while (i % 100 == 0 && s->ops->tidy(s, true, &err) > 0) {
    }
    struct store_doc gone = d, next = one_passage(&b[1], &text[1], &terms[1]);
    gone.ref = ref;
    struct store_batch drop = {
        .erase = &ref, .erase_n = 1, .undocs = &gone, .undocs_n = 1};
    if (how == CHANGE) {
      drop.blocks = &b[1];
      drop.blocks_n = 1;
      drop.docs = &next;
      drop.docs_n = 1;
    }
    t = peer_now();
    NEED(s->ops->append(s, &drop, NULL, NULL, &err) == 0);
    took[i] = peer_now() - t;
  }
  print(what, took, QUERIES);
  for (int i = 0; i < 2; i++) {
    buf_free(&text[i]);
    buf_free(&terms[i]);
  }
}

static double sum_pages(const char *name)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *q = NULL;
  double bytes = 0;
  if (sqlite3_open_v2(path_of(name), &db, SQLITE_OPEN_READONLY, NULL) ==
          SQLITE_OK &&
      sqlite3_prepare_v2(db,
                         "SELECT sum(pgsize) FROM dbstat WHERE name LIKE"
                         " 'search_%' OR name LIKE 'sqlite_autoindex_search%'",
                         -1, &q, NULL) == SQLITE_OK &&
      sqlite3_step(q) == SQLITE_ROW) {
    bytes = sqlite3_column_double(q, 0);
  }
  sqlite3_finalize(q);
  sqlite3_close(db);
  return bytes / 1e6;
}

static void print_memory(void)
{
  char line[256];
  FILE *f = fopen("/proc/self/status", "r");
  while (f != NULL && fgets(line, sizeof line, f) != NULL) {
    if (strncmp(line, "VmRSS", 5) == 0 || strncmp(line, "VmHWM", 5) == 0) {
      printf("%s", line);
    }
  }
  if (f != NULL) {
    (void)fclose(f);
  }
}

static void search_only(const char *name)
{
  struct store *s = NULL;
  struct store_options o = {.readonly = true};
  load_questions(7);
  NEED(store_sqlite_open(&s, path_of(name), &o, &err) == 0);
  ask_all(s, "7 words, the whole recipe");
  load_questions(2);
  ask_all(s, "2 words, the whole recipe");
  static double took[QUERIES];
  for (size_t i = 0; i < QUERIES; i++) {
    struct store_alike out[10];
    struct words it = {.text = buf_span(&questions[i])};
    struct word w;
    NEED(words_next(&it, &w));
    double t = peer_now();
    NEED(s->ops->prefix(s, span_of(w.token, w.token_n > 4 ? 4 : 2), out, 10,
                        &err) >= 0);
    took[i] = peer_now() - t;
  }
  print("words with a beginning", took, QUERIES);
  s->ops->close(s);
  print_memory();
}

static void bench_slices(struct store *s)
{
  static double took[10000];
  size_t n = 0;
  int more = 1;
  for (; more > 0 && n < sizeof took / sizeof took[0]; n++) {
    double t = peer_now();
    more = s->ops->tidy(s, true, &err);
    took[n] = peer_now() - t;
  }
  NEED(more == 0);
  print("slices of merging", took, n);
  printf("  the longest %.1f ms\n", took[n - 1] * 1e3);
}

int main(int argc, char **argv)
{
  size_t passages = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
  struct store *s = NULL;
  struct store_options o = {.create = true};
  if (getenv("SEARCH_DEV") == NULL) {
    printf("no collections beside the repository\n");
    return 0;
  }
  NEED(analyser_open(&an) == 0);
  if (argc > 2) { /* a process of its own, for its memory */
    (void)snprintf(dir, sizeof dir, "%s", argv[2]);
    search_only("ours");
    return 0;
  }
  (void)snprintf(dir, sizeof dir, "/tmp/search_speed.XXXXXX");
  NEED(mkdtemp(dir) != NULL);
  load_words();
  NEED(store_sqlite_open(&s, path_of("ours"), &o, &err) == 0);
  double spent = fill(s, passages);
  printf("%zu passages: %.0f passages/s (analysis, index, commit)\n", passages,
         (double)passages / spent);
  bench_slices(s);
  s->ops->close(s);
  printf("index %.1f MB\n", sum_pages("ours"));
  (void)fflush(stdout);
  pid_t pid = fork(); /* a process of its own, so that its memory shows */
  NEED(pid >= 0);
  if (pid == 0) {
    (void)execl(argv[0], argv[0], "0", dir, (char *)NULL);
    _exit(1);
  }
  int status = 0;
  NEED(waitpid(pid, &status, 0) == pid && status == 0);
  NEED(store_sqlite_open(&s, path_of("ours"), &o, &err) == 0);
  bench_changes(s, "add one", ADD);
  bench_changes(s, "change one", CHANGE);
  bench_changes(s, "remove one, its words from disk", REMOVE);
  s->ops->close(s);
  bool large = passages > 100000; /* where some take a second, or an hour */
  bench_peer(PEER_UNICODE61, argv[0], passages, large ? 20 : 100);
  if (!large) {
    bench_peer(PEER_XAPIAN, argv[0], passages, QUERIES);
    bench_peer(PEER_TRIGRAM, argv[0], passages, 30);
  }
  static const char *const end[] = {"ours", "ours-wal", "ours-shm",
                                    "ours-lock"};
  for (size_t i = 0; i < 4; i++) {
    (void)unlink(path_of(end[i]));
  }
  (void)rmdir(dir);
  return 0;
}
