/* SPDX-License-Identifier: 0BSD */
/* What the machine itself can do, for the benches to stand beside:
 *
 *   floor commit FILE N BYTES   N bare SQLite commits of BYTES each: one
 *                               table, WAL, synchronous=FULL. Prints a second's
 *                               worth. FILE is made anew.
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(sqlite3 *db, int rc)
{
  if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW) {
    (void)fprintf(stderr, "floor: %s\n", sqlite3_errmsg(db));
    exit(1);
  }
}

static double commits(const char *path, long n, size_t bytes)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *put = NULL;
  uint64_t x = 88172645463325252u;
  uint8_t *block = malloc(bytes);
  if (block == NULL) {
    exit(1);
  }
  (void)unlink(path);
  must(db, sqlite3_open(path, &db));
  must(db, sqlite3_exec(db,
                        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                        "CREATE TABLE block(id INTEGER PRIMARY KEY, b BLOB)",
                        NULL, NULL, NULL));
  must(db, sqlite3_prepare_v2(db, "INSERT INTO block(b) VALUES(?)", -1, &put,
                              NULL));
  double from = seconds();
  for (long i = 0; i < n; i++) {
    for (size_t k = 0; k < bytes; k++) {
      x ^= x << 13;
      x ^= x >> 7;
      x ^= x << 17;
      block[k] = (uint8_t)x;
    }
    must(db, sqlite3_bind_blob64(put, 1, block, bytes, SQLITE_STATIC));
    must(db, sqlite3_step(put));
    must(db, sqlite3_reset(put));
  }
  double took = seconds() - from;
  must(db, sqlite3_finalize(put));
  must(db, sqlite3_close(db));
  free(block);
  return (double)n / took;
}

int main(int argc, char **argv)
{
  if (argc != 5 || strcmp(argv[1], "commit") != 0) {
    (void)fprintf(stderr, "usage: floor commit FILE N BYTES\n");
    return 2;
  }
  long n = strtol(argv[3], NULL, 10), bytes = strtol(argv[4], NULL, 10);
  if (n < 1 || bytes < 1) {
    return 2;
  }
  (void)printf("%.0f\n", commits(argv[2], n, (size_t)bytes));
  return 0;
}
