/* SPDX-License-Identifier: 0BSD */
/* Figures of the storage engine on synthetic Arabic records.
 *
 *   store_bench [DIR [records [records | single | files]]]
 *
 * KEEP=1 in the environment leaves the stores there to be looked at.
 * Prints one line a figure. Numbers, never a gate: the machine is shared. */
#include "base/mem.h"
#include "form/hash.h"
#include "store/store.h"

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WORDS 6000
#define BATCH 512
#define MIB (1024u * 1024)

static uint32_t seed = 0x9e3779b9u;
static struct buf words[WORDS];
static char dir[256];

static void need(int rc, const struct err *e, const char *what)
{
  if (rc < 0) {
    (void)fprintf(stderr, "%s: %s\n", what, e->text);
    exit(1);
  }
}

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Processor time of this process: steadier than the clock when the machine is
 * shared. */
static double cpu(void)
{
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double rnd(void)
{
  seed += 0x6d2b79f5u;
  uint32_t t = (seed ^ seed >> 15) * (1 | seed);
  t = (t + (t ^ t >> 7) * (61 | t)) ^ t;
  return (double)(t ^ t >> 14) / 4294967296.0;
}

static void make_words(void)
{
  static const char letters[] = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي";
  size_t count = (sizeof letters - 1) / 2;
  struct err e = {0, "memory"};
  for (int i = 0; i < WORDS; i++) {
    int n = 2 + (int)(rnd() * 5);
    if (rnd() < 0.4) {
      need(buf_put(&words[i], "ال", 4), &e, "word");
    }
    while (n-- > 0) {
      size_t at = (size_t)(rnd() * (double)count) * 2;
      need(buf_put(&words[i], letters + at, 2), &e, "word");
    }
  }
}

/* ${n} words after Zipf, separated by blanks, to the end of ${b}; as terms to
 * that of ${terms}. */
static void put_text(struct buf *b, struct buf *terms, int n)
{
  struct err e = {0, "memory"};
  for (int i = 0; i < n; i++) {
    int at = (int)(exp(rnd() * log(WORDS)) - 1);
    at = at < WORDS ? at : WORDS - 1;
    need(i > 0 ? buf_byte(b, ' ') : 0, &e, "text");
    need(buf_put(b, words[at].p, words[at].n), &e, "text");
    need(buf_byte(terms, (uint8_t)words[at].n), &e, "text");
    need(buf_put(terms, words[at].p, words[at].n), &e, "text");
  }
}

/* One record: where its bytes and its search terms are. */
struct record {
  size_t at, n, terms, terms_n, words; /* terms: in job.terms */
};

static void make_record(struct buf *b, struct buf *terms, struct record *r,
                        int i)
{
  struct err e = {0, "memory"};
  char head[160];
  r->at = b->n;
  int n = snprintf(head, sizeof head,
                   "\xa6"
                   "ctime\x1a%08x"
                   "ditem%06d"
                   "fauthor%08x%08x%08x%08x"
                   "jcollection",
                   1700000000 + i, i, (unsigned)(rnd() * 40), 7u, 9u, 11u);
  need(buf_put(b, head, (size_t)n), &e, "record");
  need(buf_put(b, "etitlex", 7), &e, "record");
  int title = 3 + (int)(rnd() * 4), text = 20 + (int)(rnd() * 16);
  r->terms = terms->n;
  r->words = (size_t)(title + text);
  put_text(b, terms, title);
  need(buf_put(b, "dtexty", 6), &e, "record");
  put_text(b, terms, text);
  r->terms_n = terms->n - r->terms;
  r->n = b->n - r->at;
}

static const char *path_of(const char *name)
{
  static char path[320];
  (void)snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}

static void remove_store(const char *name)
{
  static const char *const end[] = {"",      "-wal",   "-shm",
                                    "-lock", "-files", "-files-journal"};
  for (size_t i = 0; i < sizeof end / sizeof end[0]; i++) {
    char full[320];
    (void)snprintf(full, sizeof full, "%s/%s%s", dir, name, end[i]);
    (void)unlink(full);
  }
}

static struct store *open_new(const char *name)
{
  struct err e;
  struct store *s = NULL;
  struct store_options o = {.create = true};
  remove_store(name);
  need(store_sqlite_open(&s, path_of(name), &o, &e), &e, "open");
  return s;
}

static double disk_mb(const char *name)
{
  struct stat a = {0}, b = {0};
  char wal[336];
  (void)snprintf(wal, sizeof wal, "%s-wal", path_of(name));
  (void)stat(path_of(name), &a);
  (void)stat(wal, &b);
  return (double)(a.st_size + b.st_size) / 1e6;
}

static double rss_mb(void)
{
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)u.ru_maxrss / 1024;
}

/* What one append of ${n} blocks holds. */
struct job {
  struct buf bytes, terms;
  struct record rec[BATCH];
  struct store_block block[BATCH];
  struct store_row row[2 * BATCH];
  struct store_doc doc[BATCH];
  uint64_t log;
  int next;
};

static void fill(struct job *j, int n)
{
  static const char coll[] = "edu/physics";
  buf_clear(&j->bytes);
  buf_clear(&j->terms);
  for (int i = 0; i < n; i++) {
    make_record(&j->bytes, &j->terms, &j->rec[i], j->next + i);
  }
  for (int i = 0; i < n; i++) {
    struct record *r = &j->rec[i];
    const uint8_t *p = j->bytes.p;
    struct err e = {0, "hash"};
    j->block[i].bytes = span_of(p + r->at, r->n);
    need(cid_of(&j->block[i].cid, CID_DAG_CBOR, p + r->at, r->n), &e, "cid");
    j->row[2 * i] =
        (struct store_row){1, span_of(coll, sizeof coll - 1),
                           1700000000 + j->next + i, STORE_NEW(i), false};
    j->row[2 * i + 1] =
        (struct store_row){2, span_of("", 0), i, STORE_NEW(i), true};
    struct span terms = span_of(j->terms.p + r->terms, r->terms_n);
    j->doc[i] = (struct store_doc){.ref = STORE_NEW(i),
                                   .length = r->words,
                                   .terms = terms,
                                   .facets = span_of("\003lar\007tlesson", 12)};
  }
  j->log = STORE_NEW(0);
  j->next += n;
}

static void append_job(struct store *s, struct job *j, int n, bool docs)
{
  struct err e;
  struct store_batch b = {.collection = span_of("edu/physics", 11),
                          .blocks = j->block,
                          .blocks_n = (size_t)n,
                          .log = &j->log,
                          .log_n = 1,
                          .add = j->row,
                          .add_n = 2 * (size_t)n,
                          .docs = j->doc,
                          .docs_n = docs ? (size_t)n : 0};
  need(s->ops->append(s, &b, NULL, NULL, &e), &e, "append");
}

static void bench_bulk(const char *name, int records, bool docs)
{
  static struct job j;
  struct store *s = open_new(name);
  double spent = 0, worst = 0, busy = 0;
  size_t raw = 0;
  j.next = 0;
  for (int done = 0; done < records; done += BATCH) {
    fill(&j, BATCH); /* making and hashing the data is not counted */
    raw += j.bytes.n;
    double t = now(), c = cpu();
    append_job(s, &j, BATCH, docs);
    t = now() - t;
    busy += cpu() - c;
    spent += t;
    worst = t > worst ? t : worst;
  }
  double t = now();
  s->ops->close(s);
  spent += now() - t;
  printf("bulk %s docs: %.0f blocks/s (cpu %.1f us each), slowest batch"
         " %.1f ms, %.0f B a block, disk %.1f MB, peak rss %.1f MB\n",
         docs ? "with" : "without", records / spent, busy / records * 1e6,
         worst * 1e3, (double)raw / records, disk_mb(name), rss_mb());
}

/* ---- single commits, beside a bare table that takes the same bytes ---- */

static int compare_double(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
  qsort(v, (size_t)n, sizeof *v, compare_double);
  return v[n / 2];
}

static void bare_commit(sqlite3 *db, sqlite3_stmt *q, const struct job *j)
{
  sqlite3_bind_blob(q, 1, j->bytes.p, (int)j->bytes.n, SQLITE_STATIC);
  if (sqlite3_step(q) != SQLITE_DONE || sqlite3_reset(q) != SQLITE_OK) {
    (void)fprintf(stderr, "bare: %s\n", sqlite3_errmsg(db));
    exit(1);
  }
}

static void bench_single(bool docs)
{
  enum { N = 2000 };
  static double ours[N], bare[N];
  static struct job j;
  sqlite3 *db = NULL;
  sqlite3_stmt *q = NULL;
  struct err e = {0, "bare"};
  struct store *s = NULL;
  struct store_options o = {.create = true};
  need(store_sqlite_open(&s, path_of(docs ? "bulk-docs" : "bulk"), &o, &e), &e,
       "open");
  remove_store("bare");
  need(-sqlite3_open(path_of("bare"), &db), &e, "bare");
  need(-sqlite3_exec(db,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous ="
                     " FULL; CREATE TABLE t(id INTEGER PRIMARY KEY, b BLOB)",
                     NULL, NULL, NULL),
       &e, "bare");
  need(-sqlite3_prepare_v2(db, "INSERT INTO t(b) VALUES(?1)", -1, &q, NULL), &e,
       "bare");
  j.next = 1000000;
  double worst = 0, sum_ours = 0, sum_bare = 0, cpu_ours = 0, cpu_bare = 0;
  for (int i = 0; i < N; i++) {
    fill(&j, 2);
    double t = now(), c = cpu();
    bare_commit(db, q, &j);
    bare[i] = now() - t;
    cpu_bare += cpu() - c;
    t = now();
    c = cpu();
    struct store_batch b = {.collection = span_of("edu/physics", 11),
                            .blocks = j.block,
                            .blocks_n = 2,
                            .log = &j.log,
                            .log_n = 1,
                            .add = j.row,
                            .add_n = 4,
                            .docs = j.doc,
                            .docs_n = docs ? 1 : 0};
    need(s->ops->append(s, &b, NULL, NULL, &e), &e, "append");
    ours[i] = now() - t;
    cpu_ours += cpu() - c;
    worst = ours[i] > worst ? ours[i] : worst;
    sum_ours += ours[i];
    sum_bare += bare[i];
  }
  double mo = median(ours, N), mb = median(bare, N);
  printf("single append %s doc: median %.0f us, bare %.0f us, ratio %.2f;"
         " mean %.0f and %.0f us, ratio %.2f; p99 %.0f us, worst %.1f ms;"
         " cpu %.0f and %.0f us\n",
         docs ? "with" : "without", mo * 1e6, mb * 1e6, mo / mb,
         sum_ours / N * 1e6, sum_bare / N * 1e6, sum_ours / sum_bare,
         ours[N * 99 / 100] * 1e6, worst * 1e3, cpu_ours / N * 1e6,
         cpu_bare / N * 1e6);
  sqlite3_finalize(q);
  sqlite3_close(db);
  remove_store("bare");
  s->ops->close(s);
}

/* ---- reading ---- */

static void bench_read(int records)
{
  enum { N = 20000 };
  struct err e;
  struct store *s = NULL;
  struct store_options o = {.readonly = true};
  struct buf out = {0};
  static uint64_t refs[STORE_LIST_MAX];
  static struct cid cids[N];
  double t = now();
  need(store_sqlite_open(&s, path_of("bulk-docs"), &o, &e), &e, "open");
  printf("open for reading: %.1f ms\n", (now() - t) * 1e3);
  uint64_t after = 0;
  int n = 0, seen = 0;
  t = now();
  while ((n = s->ops->walk(s, after, false, refs, STORE_LIST_MAX, &e)) > 0) {
    for (int i = 0; i < n; i++, seen++) {
      buf_clear(&out);
      need(s->ops->get_ref(s, refs[i], seen < N ? &cids[seen] : NULL, &out, &e),
           &e, "get");
      after = refs[i];
    }
  }
  need(n, &e, "walk");
  printf("read in order: %.0f blocks/s (%d)\n", seen / (now() - t), seen);
  t = now();
  for (int i = 0; i < N; i++) {
    buf_clear(&out);
    const struct cid *c = &cids[(uint32_t)i * 2654435761u % N];
    need(s->ops->get(s, c, &out, &e), &e, "get");
  }
  printf("read at random: %.0f blocks/s\n", N / (now() - t));
  static struct cid strange[1000];
  static uint64_t found[1000];
  for (int i = 0; i < 1000; i++) {
    need(cid_of(&strange[i], CID_RAW, &i, sizeof i), &e, "cid");
  }
  t = now();
  for (int k = 0; k < 20; k++) {
    need(s->ops->find(s, strange, 1000, found, &e), &e, "find");
  }
  printf("find what is not here: %.0f /s; what is: ", 20000 / (now() - t));
  t = now();
  for (int k = 0; k < 20; k++) {
    need(s->ops->find(s, cids + k * 1000, 1000, found, &e), &e, "find");
  }
  printf("%.0f /s\n", 20000 / (now() - t));
  buf_free(&out);
  s->ops->close(s);
  (void)records;
}

static void bench_query(void)
{
  enum { N = 300 };
  static double took[N];
  struct err e;
  struct store *s = NULL;
  struct store_options o = {.readonly = true};
  struct store_hit hit[20];
  need(store_sqlite_open(&s, path_of("bulk-docs"), &o, &e), &e, "open");
  for (int must = 0; must < 2; must++) {
    for (int i = 0; i < N; i++) {
      struct store_match match[2];
      struct store_group group[2];
      for (int k = 0; k < 2; k++) {
        int at = 20 + (int)(exp(rnd() * log(WORDS - 20)) - 1);
        match[k] = (struct store_match){buf_span(&words[at]), 1, true};
        group[k] = (struct store_group){
            &match[k], 1, 1, must != 0 ? STORE_NEED + (unsigned)k : STORE_ANY,
            0};
      }
      struct store_query q = {.group = group, .groups = 2};
      double t = now();
      need(s->ops->query(s, &q, hit, 20, &e), &e, "query");
      took[i] = now() - t;
    }
    double m = median(took, N);
    printf("query of two words, %s: median %.2f ms, p95 %.2f ms\n",
           must ? "both" : "any", m * 1e3, took[N * 95 / 100] * 1e3);
  }
  s->ops->close(s);
}

/* ---- file blocks ---- */

static double plain_write(const uint8_t *block, int blocks)
{
  double t = now();
  FILE *f = fopen(path_of("plain"), "wb");
  struct err e = {0, "plain file"};
  need(f == NULL ? -1 : 0, &e, "plain");
  for (int i = 0; i < blocks; i++) {
    need(fwrite(block, MIB, 1, f) == 1 ? 0 : -1, &e, "plain");
  }
  need(fflush(f) == 0 && fsync(fileno(f)) == 0 ? 0 : -1, &e, "plain");
  (void)fclose(f);
  return blocks / (now() - t);
}

static void bench_files(int blocks)
{
  enum { GROUP = 8 };
  struct err e;
  struct store *s = open_new("files");
  uint8_t *data = mem_alloc((size_t)GROUP * MIB);
  struct store_block b[GROUP];
  struct cid *cid = mem_alloc(sizeof *cid * (size_t)blocks);
  struct buf out = {0};
  need(data == NULL || cid == NULL ? -1 : 0, &e, "memory");
  for (size_t i = 0; i < (size_t)GROUP * MIB; i++) {
    data[i] = (uint8_t)(rnd() * 256);
  }
  double plain = plain_write(data, blocks), spent = 0;
  (void)unlink(path_of("plain"));
  for (int i = 0; i < blocks; i += GROUP) {
    for (int k = 0; k < GROUP; k++) {
      uint8_t *p = data + (size_t)k * MIB;
      memcpy(p, &i, sizeof i);
      need(cid_of(&cid[i + k], CID_RAW, p, MIB), &e, "cid");
      b[k] = (struct store_block){cid[i + k], span_of(p, MIB)};
    }
    double t = now();
    need(s->ops->put(s, b, GROUP, true, NULL, NULL, &e), &e, "put");
    spent += now() - t;
  }
  printf("file blocks in: %.0f MiB/s (plain file with fsync: %.0f, ratio"
         " %.2f), peak rss %.1f MB\n",
         blocks / spent, plain, blocks / spent / plain, rss_mb());
  double t = now();
  for (int i = 0; i < blocks; i++) {
    buf_clear(&out);
    need(s->ops->get(s, &cid[i], &out, &e), &e, "get");
  }
  printf("file blocks out: %.0f MiB/s\n", blocks / (now() - t));
  buf_free(&out);
  s->ops->close(s);
  mem_free(cid);
  mem_free(data);
}

int main(int argc, char **argv)
{
  long asked = argc > 2 ? strtol(argv[2], NULL, 10) : 100000;
  int records = asked > 0 && asked < 100000000 ? (int)asked : 100000;
  const char *only = argc > 3 ? argv[3] : "";
  (void)snprintf(dir, sizeof dir, "%s", argc > 1 ? argv[1] : "/tmp");
  make_words();
  if (*only == '\0' || strcmp(only, "records") == 0) {
    bench_bulk("bulk", records, false);
    bench_bulk("bulk-docs", records, true);
    bench_read(records);
    bench_query();
    bench_single(false);
    bench_single(true);
  }
  if (strcmp(only, "single") == 0) {
    bench_bulk("bulk-docs", records, true);
    bench_single(false);
    bench_single(true);
  }
  if (*only == '\0' || strcmp(only, "files") == 0) {
    bench_files(records / 100);
  }
  if (getenv("KEEP") != NULL) {
    return 0;
  }
  remove_store("bulk");
  remove_store("bulk-docs");
  remove_store("files");
  return 0;
}
