/* SPDX-License-Identifier: 0BSD */
/* Other engines beside ours, on the same documents and questions: FTS5 with
 * two tokenizers, and Xapian where its library is (search_xapian.cc, made
 * beside the benches). */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "text/words.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PEER_DEPTH 10

enum peer_kind { PEER_UNICODE61, PEER_TRIGRAM, PEER_XAPIAN, PEER_KINDS };
static const char *const peer_name[PEER_KINDS] = {"FTS5 unicode61",
                                                  "FTS5 trigram", "Xapian"};

struct peer {
  enum peer_kind kind;
  char path[160];
  sqlite3 *db;
  sqlite3_stmt *put, *get;
  FILE *to, *from; /* Xapian's process */
  pid_t pid;
  struct buf text;
  double spent; /* indexing, seconds */
  double bytes; /* of the index, once it is ready */
};

#define PEER_NEED(cond)                                                        \
  do {                                                                         \
    if (!(cond)) {                                                             \
      printf("%s: needed %s\n", peer_name[p->kind], #cond);                    \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

/* With CPU=1 the processor's time alone: for a machine that is not quiet. */
static inline double peer_now(void)
{
  struct timespec t;
  bool cpu = getenv("CPU") != NULL;
  (void)clock_gettime(cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void peer_open_fts(struct peer *p)
{
  char sql[200];
  (void)snprintf(sql, sizeof sql,
                 "CREATE VIRTUAL TABLE t USING fts5(x, content='',"
                 " tokenize='%s'); BEGIN",
                 p->kind == PEER_TRIGRAM ? "trigram" : "unicode61");
  PEER_NEED(sqlite3_open(p->path, &p->db) == SQLITE_OK);
  PEER_NEED(sqlite3_exec(p->db, sql, NULL, NULL, NULL) == SQLITE_OK);
  PEER_NEED(sqlite3_prepare_v2(p->db, "INSERT INTO t(x) VALUES(?1)", -1,
                               &p->put, NULL) == SQLITE_OK);
  PEER_NEED(sqlite3_prepare_v2(p->db,
                               "SELECT rowid FROM t WHERE t MATCH ?1"
                               " ORDER BY rank LIMIT 10",
                               -1, &p->get, NULL) == SQLITE_OK);
}

/* The program beside this one: its input and output are pipes of ours. */
static inline bool peer_open_xapian(struct peer *p, const char *program,
                                    const char *stemmer)
{
  int in[2], out[2];
  if (access(program, X_OK) != 0) {
    return false;
  }
  (void)fflush(stdout);
  PEER_NEED(pipe(in) == 0 && pipe(out) == 0);
  p->pid = fork();
  PEER_NEED(p->pid >= 0);
  if (p->pid == 0) {
    (void)dup2(in[0], 0);
    (void)dup2(out[1], 1);
    (void)close(in[1]);
    (void)close(out[0]);
    (void)execl(program, program, p->path, stemmer, (char *)NULL);
    _exit(127);
  }
  (void)close(in[0]);
  (void)close(out[1]);
  p->to = fdopen(in[1], "w");
  p->from = fdopen(out[0], "r");
  PEER_NEED(p->to != NULL && p->from != NULL);
  return true;
}

/* ${bench}: this program, beside which Xapian's is; ${stemmer} of that.
 * false: it isn't here. */
static inline bool peer_open(struct peer *p, enum peer_kind kind,
                             const char *dir, const char *bench,
                             const char *stemmer)
{
  char program[4200];
  const char *slash = strrchr(bench, '/');
  memset(p, 0, sizeof *p);
  p->kind = kind;
  (void)snprintf(p->path, sizeof p->path, "%s/peer%d", dir, (int)kind);
  if (kind != PEER_XAPIAN) {
    peer_open_fts(p);
    return true;
  }
  (void)snprintf(program, sizeof program, "%.*s/search_xapian",
                 slash != NULL ? (int)(slash - bench) : 1,
                 slash != NULL ? bench : ".");
  return peer_open_xapian(p, program, stemmer);
}

/* Documents get the numbers 1, 2 ... */
static inline void peer_add(struct peer *p, struct span text)
{
  if (p->kind == PEER_XAPIAN) {
    PEER_NEED(fputs("+ ", p->to) >= 0 &&
              fwrite(text.p, 1, text.n, p->to) == text.n &&
              fputc('\n', p->to) != EOF);
    return;
  }
  double t = peer_now();
  sqlite3_bind_text(p->put, 1, (const char *)text.p, (int)text.n,
                    SQLITE_STATIC);
  PEER_NEED(sqlite3_step(p->put) == SQLITE_DONE);
  sqlite3_reset(p->put);
  p->spent += peer_now() - t;
}

static inline void peer_ready(struct peer *p)
{
  struct stat info;
  if (p->kind == PEER_XAPIAN) {
    PEER_NEED(fputs(".\n", p->to) >= 0 && fflush(p->to) == 0);
    PEER_NEED(fscanf(p->from, "%lf %lf", &p->spent, &p->bytes) == 2);
    return;
  }
  double t = peer_now();
  PEER_NEED(sqlite3_exec(p->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
  p->spent += peer_now() - t;
  PEER_NEED(stat(p->path, &info) == 0);
  p->bytes = (double)info.st_size;
}

static inline void peer_phrase(struct peer *p, struct span word)
{
  PEER_NEED((p->text.n == 0 || buf_put(&p->text, " OR ", 4) == 0) &&
            buf_byte(&p->text, '"') == 0 &&
            buf_put(&p->text, word.p, word.n) == 0 &&
            buf_byte(&p->text, '"') == 0);
}

/* All runs of three letters. */
static inline void peer_grams(struct peer *p, struct span word)
{
  size_t start[4], n = 0;
  for (size_t i = 0; i <= word.n; i++) {
    if (i < word.n && (word.p[i] & 0xc0) == 0x80) {
      continue;
    }
    start[n++] = i;
    if (n == 4) {
      peer_phrase(p, span_of(word.p + start[0], start[3] - start[0]));
      memmove(start, start + 1, 3 * sizeof start[0]);
      n = 3;
    }
  }
}

/* As its query language has it: any of the words, or of their trigrams. */
static inline void peer_query(struct peer *p, struct span query, bool grams)
{
  struct words it = {.text = query};
  struct word w;
  buf_clear(&p->text);
  while (words_next(&it, &w)) {
    struct span word = span_of(query.p + w.start, w.end - w.start);
    if (p->kind == PEER_XAPIAN) {
      PEER_NEED(buf_byte(&p->text, ' ') == 0 &&
                buf_put(&p->text, word.p, word.n) == 0);
    } else if (p->kind == PEER_TRIGRAM && grams) {
      peer_grams(p, word);
    } else {
      peer_phrase(p, word);
    }
  }
}

static inline size_t peer_ask_xapian(struct peer *p, uint64_t out[PEER_DEPTH],
                                     double *seconds)
{
  size_t n = 0;
  PEER_NEED(fputs("?", p->to) >= 0 &&
            fwrite(p->text.p, 1, p->text.n, p->to) == p->text.n &&
            fputc('\n', p->to) != EOF && fflush(p->to) == 0);
  PEER_NEED(fscanf(p->from, "%lf", seconds) == 1);
  for (int c = fgetc(p->from); c == ' '; c = fgetc(p->from)) {
    unsigned long doc = 0;
    PEER_NEED(n < PEER_DEPTH && fscanf(p->from, "%lu", &doc) == 1);
    out[n++] = doc;
  }
  return n;
}

/* The best ten, and how long that took. */
static inline size_t peer_ask(struct peer *p, struct span query, bool grams,
                              uint64_t out[PEER_DEPTH], double *seconds)
{
  size_t n = 0;
  *seconds = 0;
  peer_query(p, query, grams);
  if (p->text.n == 0) {
    return 0;
  }
  if (p->kind == PEER_XAPIAN) {
    return peer_ask_xapian(p, out, seconds);
  }
  double t = peer_now();
  sqlite3_bind_text(p->get, 1, (const char *)p->text.p, (int)p->text.n,
                    SQLITE_STATIC);
  while (sqlite3_step(p->get) == SQLITE_ROW && n < PEER_DEPTH) {
    out[n++] = (uint64_t)sqlite3_column_int64(p->get, 0);
  }
  sqlite3_reset(p->get);
  *seconds = peer_now() - t;
  return n;
}

static inline void peer_close(struct peer *p)
{
  if (p->to != NULL) { /* its process takes its folder along */
    int status = 0;
    (void)fclose(p->to);
    (void)fclose(p->from);
    PEER_NEED(waitpid(p->pid, &status, 0) == p->pid && status == 0);
  } else {
    (void)unlink(p->path);
  }
  sqlite3_finalize(p->put);
  sqlite3_finalize(p->get);
  sqlite3_close(p->db);
  buf_free(&p->text);
}

#endif
