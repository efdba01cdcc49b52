/* SPDX-License-Identifier: 0BSD */
/* verify holds the search index against itself and against the records:
 * planted damages are found, and a rebuild mends them. */
#include "sim/dice.h"
#include "station_shelf.h"

#include <sqlite3.h>

static struct home h;
static struct err e;

static const char *const some[] = {"alpha", "beta",  "gamma", "delta",
                                   "same",  "other", "zeta"};

/* Records, some in segments and some that wait; one has text of its file. */
static void fill(int n)
{
  struct dice d = {5};
  for (int i = 0; i < n; i++) {
    char text[200] = "same ";
    size_t used = 5;
    for (size_t k = 0; k < 12; k++) {
      int len = snprintf(text + used, sizeof text - used, "%s%zu ",
                         some[dice_below(&d, 7)], dice_below(&d, 40));
      used += (size_t)len;
    }
    struct made m = {.n = i, .title = text, .text = text};
    (void)home_publish(&h, i % 2 ? "c" : "d", &m, SHELF_NOW + i);
  }
}

static void finish(struct job *j)
{
  NEED(j != NULL);
  EXPECT_INT(job_finish(j, &e), 0);
}

struct told {
  int64_t bad;
  char fault[300]; /* the first */
};

static struct told verify(void)
{
  struct told t = {-1, ""};
  struct job *j = NULL;
  int rc;
  NEED(station_verify(&j, h.st, false, &e) == 0);
  while ((rc = job_step(j, &e)) == JOB_MORE) {
  }
  EXPECT_INT(rc, JOB_DONE);
  for (size_t i = 0; i < j->result.nums; i++) {
    if (strcmp(j->result.num[i].name, "bad") == 0) {
      t.bad = j->result.num[i].value;
    }
  }
  (void)snprintf(t.fault, sizeof t.fault, "%.*s", (int)j->result.faults.n,
                 (const char *)j->result.faults.p);
  job_del(j);
  return t;
}

/* Statements on the closed store. */
static void damage(const char *sql)
{
  sqlite3 *db = NULL;
  char *text = NULL;
  station_close(h.st);
  NEED(sqlite3_open(home_file(&h, "s"), &db) == SQLITE_OK);
  int rc = sqlite3_exec(db, sql, NULL, NULL, &text);
  if (rc != SQLITE_OK) {
    printf("  %s: %s\n", sql, text);
  }
  EXPECT_INT(rc, SQLITE_OK);
  EXPECT(sqlite3_total_changes(db) > 0);
  sqlite3_free(text);
  NEED(sqlite3_close(db) == SQLITE_OK);
  home_open(&h);
}

static void test_sound(void)
{
  home_new(&h);
  EXPECT_INT(verify().bad, 0);
  fill(150);
  struct told t = verify();
  EXPECT_INT(t.bad, 0);
  EXPECT_TEXT(t.fault, "");
  struct job *j = NULL;
  NEED(station_index(&j, h.st, &e) == 0);
  finish(j);
  EXPECT_INT(verify().bad, 0);
  home_end(&h);
}

static void test_damages(void)
{
  static const char *const sql[] = {
      "DELETE FROM search_leaf WHERE id = (SELECT min(id) FROM search_leaf)",
      "UPDATE search_leaf SET data = substr(data, 1, length(data) / 2)",
      "UPDATE search_leaf SET data = CAST(replace(hex(data), '', '') AS BLOB)",
      "DELETE FROM search_lead",
      "UPDATE search_lead SET first = first || x'61'",
      "UPDATE search_lead SET no = no + (1 << 40)",
      "DELETE FROM search_word",
      "UPDATE search_word SET data = substr(data, 1, length(data) - 3)",
      "DELETE FROM search_len",
      "UPDATE search_len SET data = zeroblob(length(data))",
      "UPDATE search_len SET data = substr(data, 1, 10)",
      "DELETE FROM search_doc",
      "UPDATE search_doc SET data = substr(data, 4)",
      "UPDATE search_doc SET data = zeroblob(length(data))",
      "DELETE FROM search_ref",
      "UPDATE search_ref SET data = zeroblob(length(data))",
      "DELETE FROM search_set",
      "UPDATE search_set SET facets = substr(facets, 1, 1)"
      " || x'00' || substr(facets, 3) WHERE id = 1",
      "UPDATE search_seg SET docs = docs - 1",
      "UPDATE search_seg SET base = base + 1",
      "UPDATE search_seg SET leaves = leaves - 1",
      "UPDATE search_seg SET words = words + 1",
      "UPDATE search_seg SET state = 2",
      "DELETE FROM search_seg",
      "DELETE FROM search_wait WHERE id = (SELECT max(id) FROM search_wait)",
      "UPDATE search_wait SET data = substr(data, 1, length(data) - 2)",
      "UPDATE search_wait SET id = id + 100000",
      "UPDATE state SET value = value * 4 WHERE name = 'search_words'",
      "UPDATE state SET value = value / 4 WHERE name = 'search_words'"};
  for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
    struct job *j = NULL;
    home_new(&h);
    fill(60);
    NEED(station_index(&j, h.st, &e) == 0);
    finish(j);
    struct made m = {.n = 1000, .title = "waiting one"};
    (void)home_publish(&h, "c", &m, SHELF_NOW);
    m.n = 1001;
    (void)home_publish(&h, "c", &m, SHELF_NOW);
    EXPECT_INT(verify().bad, 0);
    damage(sql[i]);
    struct told t = verify();
    if (t.bad == 0) {
      printf("  not found: %s\n", sql[i]);
    }
    EXPECT(t.bad > 0 && t.fault[0] != '\0');
    NEED(station_rebuild(&j, h.st, &e) == 0);
    finish(j);
    t = verify();
    EXPECT_INT(t.bad, 0);
    EXPECT_TEXT(t.fault, "");
    home_end(&h);
  }
}

/* A bit of a row turned, by a connection of the test's own. */
static void turn(const char *table, const char *key, unsigned where)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *q = NULL;
  sqlite3_blob *blob = NULL;
  char sql[100];
  uint8_t byte;
  station_close(h.st);
  NEED(sqlite3_open(home_file(&h, "s"), &db) == SQLITE_OK);
  (void)snprintf(sql, sizeof sql, "SELECT %s FROM %s ORDER BY 1 DESC", key,
                 table);
  NEED(sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK);
  NEED(sqlite3_step(q) == SQLITE_ROW);
  NEED(sqlite3_blob_open(db, "main", table, "data", sqlite3_column_int64(q, 0),
                         1, &blob) == SQLITE_OK);
  NEED(sqlite3_finalize(q) == SQLITE_OK);
  int at = (int)(where / 8) % sqlite3_blob_bytes(blob);
  NEED(sqlite3_blob_read(blob, &byte, 1, at) == SQLITE_OK);
  byte = (uint8_t)(byte ^ 1u << where % 8);
  NEED(sqlite3_blob_write(blob, &byte, 1, at) == SQLITE_OK);
  NEED(sqlite3_blob_close(blob) == SQLITE_OK);
  NEED(sqlite3_close(db) == SQLITE_OK);
  home_open(&h);
}

/* One bit anywhere in the tables that searches read. What stays unseen: how
 * frequent the vocabulary says that a word is, which is "about" anyway, and a
 * bound that has become a looser one. */
static void test_bits(void)
{
  static const struct {
    const char *table, *key;
    int least; /* of 20 that must be seen */
  } row[] = {{"search_leaf", "id", 20},  {"search_strip", "id", 15},
             {"search_len", "page", 20}, {"search_doc", "page", 20},
             {"search_ref", "page", 20}, {"search_wait", "id", 20},
             {"search_word", "id", 16}};
  struct dice d = {11};
  struct job *j = NULL;
  home_new(&h);
  fill(300);
  NEED(station_index(&j, h.st, &e) == 0);
  finish(j);
  struct made m = {.n = 1000, .title = "waiting one"};
  (void)home_publish(&h, "c", &m, SHELF_NOW);
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    int seen = 0;
    for (int k = 0; k < 20; k++) {
      unsigned where = (unsigned)dice_below(&d, 1u << 30);
      turn(row[i].table, row[i].key, where);
      seen += verify().bad > 0;
      turn(row[i].table, row[i].key, where);
    }
    if (seen < row[i].least) {
      printf("  %s: %d of 20 were seen\n", row[i].table, seen);
    }
    EXPECT(seen >= row[i].least);
  }
  EXPECT_INT(verify().bad, 0);
  home_end(&h);
}

int main(void)
{
  RUN(test_sound);
  RUN(test_damages);
  RUN(test_bits);
  return unit_done();
}
