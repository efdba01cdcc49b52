/* SPDX-License-Identifier: 0BSD */
/* A store whose rows say what was never written: read, searched, checked,
 * changed, salvaged, through the store's own door. The first byte says:
 *   bit 0      it is opened for reading only
 *   bit 1      what is derived is dropped and made anew in the end
 *   bit 2      it is salvaged
 *   bit 3      it is changed
 *   bit 4      words are not asked for
 *   bit 5      queries are not asked
 *   bit 6      blocks, logs and pairs are not read
 *   bit 7      answers are held against those of the sound index
 * Then wounds: column (1 byte), length (2, big endian), body: row, what is
 * done (1 byte each), where in the value (2 bytes), then bytes.
 *   done % 7   0 bytes are overlaid by exclusive or, 1 put in their place,
 *              2 put between, 3 the value ends there, 4 it is the bytes,
 *              5 it is text, 6 the row is gone
 * A number is its eight bytes. Nothing may end but with a sentence, nor take
 * the room that it is told to. Where all damage is in what is derived, all is
 * well once that was made anew; where it is in the search index, and the audit
 * finds that whole, every query is answered as before. */
#include "store/store.h"

#include "fuzz/demand.h"
#include "fuzz/pieces.h"
#include "unit.h"

#include <sqlite3.h>
#include <unistd.h>

#define SMALL 40   /* blocks */
#define FILES 4    /* blocks of files, the last two large */
#define MANY 200   /* documents: lists of several pieces */
#define SEGMENTS 7 /* of EACH documents; one less than make a merge */
#define EACH 66
#define WAITING 9
#define DOCS (MANY + SEGMENTS * EACH + WAITING)
#define COLLECTIONS 2

PIECES_MUTATOR(1, 1)

/* Rows are in order of the key. */
static const struct column {
  const char *table, *key, *name;
  bool derived;
} columns[] = {
    {"search_doc", "page", "data", true},
    {"search_leaf", "id", "data", true},
    {"search_strip", "id", "data", true},
    {"search_word", "id", "data", true},
    {"search_seg", "id", "base", true},
    {"search_seg", "id", "docs", true},
    {"search_seg", "id", "state", true},
    {"search_seg", "id", "leaves", true},
    {"search_lead", "seg, first", "first", true},
    {"search_lead", "seg, first", "no", true},
    {"search_len", "page", "data", true},
    {"search_ref", "page", "data", true},
    {"search_set", "id", "facets", true},
    {"search_wait", "id", "data", true},
    {"search_merge", "level", "target", true},
    {"search_merge", "level", "after", true},
    {"seg", "id", "raw", false},
    {"seg", "id", "head", false},
    {"seg", "id", "data", false},
    {"file", "id", "size", false},
    {"file", "id", "digest", false},
    {"file", "id", "data", false},
    {"cidkey", "prefix, n", "n", false},
    {"state", "name", "value", false},
    {"search_seg", "id", "id", true},
    {"search_seg", "id", "level", true},
    {"search_seg", "id", "strips", true},
    {"search_seg", "id", "words", true},
    {"search_lead", "seg, first", "seg", true},
    {"search_leaf", "id", "id", true},
    {"search_strip", "id", "id", true},
    {"search_word", "id", "id", true},
    {"search_len", "page", "page", true},
    {"search_doc", "page", "page", true},
    {"search_ref", "page", "page", true},
    {"search_set", "id", "id", true},
    {"search_set", "id", "docs", true},
    {"search_wait", "id", "id", true},
    {"search_merge", "level", "level", true},
    {"seg", "id", "id", false},
    {"file", "id", "id", false},
    {"file", "id", "codec", false},
    {"cidkey", "prefix, n", "prefix", false},
    {"state", "name", "name", false},
    {"gone", "id", "id", false},
    {"coll", "id", "id", true},
    {"coll", "id", "name", true},
    {"log", "coll, n", "coll", true},
    {"log", "coll, n", "n", true},
    {"log", "coll, n", "count", true},
    {"entry", "name, key, sort, ref", "name", true},
    {"entry", "name, key, sort, ref", "key", true},
    {"entry", "name, key, sort, ref", "sort", true},
    {"entry", "name, key, sort, ref", "ref", true},
    {"kv", "k", "k", false},
    {"kv", "k", "v", false},
};
#define COLUMNS (sizeof columns / sizeof columns[0])

static char dir[64], path[96];
static struct buf whole[2], sound_audit, sound_answers;
static struct store_block small[SMALL], file[FILES], extra;
static uint64_t number[SMALL];
static struct store_doc doc[DOCS];
static uint8_t terms[DOCS][128], facets[DOCS][24];

/* ---- the store ---- */

static const char *part(int i)
{
  static char name[2][112];
  (void)snprintf(name[i], sizeof name[i], "%s%s", path, i == 0 ? "" : "-files");
  return name[i];
}

static void wipe(void)
{
  static const char *const all[] = {"",      "-wal",   "-shm",
                                    "-lock", "-files", "-files-journal"};
  char name[128];
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    (void)snprintf(name, sizeof name, "%s%s", path, all[i]);
    (void)unlink(name);
  }
}

static void leave(void)
{
  wipe();
  (void)rmdir(dir);
}

static struct span text(const char *s)
{
  return span_of(s, strlen(s));
}

static struct store_block block(size_t seed, size_t n)
{
  struct store_block b;
  uint8_t *p = malloc(n + 1);
  NEED(p != NULL);
  for (size_t i = 0; i < n; i++) {
    p[i] = (uint8_t)(i % 3 == 0 ? i * (seed + 7) >> 3 : 'a');
  }
  NEED(cid_of(&b.cid, CID_RAW, p, n) == 0);
  b.bytes = span_of(p, n);
  return b;
}

static struct span list(uint8_t *out, const char *words)
{
  size_t n = 0;
  for (const char *p = words; *p != '\0'; p += strspn(p, " ")) {
    size_t len = strcspn(p, " ");
    out[n++] = (uint8_t)len;
    memcpy(out + n, p, len);
    n += len;
    p += len;
  }
  return span_of(out, n);
}

static void make_documents(void)
{
  for (size_t i = 0; i < DOCS; i++) {
    char words[100];
    (void)snprintf(words, sizeof words, "all %s w%zu newton%c \1newton%c %s",
                   i % 2 ? "odd" : "even", i % 300, (char)('a' + i % 20),
                   (char)('a' + i % 20),
                   i % 10 == 0 ? "rare rare rare rare" : "filler");
    doc[i] = (struct store_doc){
        .ref = (uint64_t)i + 1,
        .time = 1000 + (int64_t)i,
        .length = 5 + i % 7,
        .terms = list(terms[i], words),
        .facets = list(facets[i], i % 4 == 0 ? "lar tlesson" : "lku tbook")};
  }
}

static void append(struct store *s, const struct store_batch *b)
{
  struct err e;
  NEED(s->ops->append(s, b, NULL, NULL, &e) == 0);
}

static void fill_index(struct store *s)
{
  struct err e;
  struct store_batch b = {.docs = doc, .docs_n = MANY};
  append(s, &b);
  for (size_t i = 0; i < SEGMENTS; i++) {
    b = (struct store_batch){.docs = doc + MANY + i * EACH, .docs_n = EACH};
    append(s, &b);
  }
  /* Only these are taken out: their places are empty. */
  b = (struct store_batch){.undocs = doc + MANY + 5, .undocs_n = 3};
  append(s, &b);
  b = (struct store_batch){.docs = doc + DOCS - WAITING, .docs_n = WAITING};
  append(s, &b);
  NEED(s->ops->tidy(s, false, &e) >= 0);
}

static void fill(struct store *s)
{
  struct err e;
  for (size_t i = 0; i < SMALL; i++) {
    small[i] = block(i, i == 3 ? 0 : 100 + i * 290);
  }
  for (size_t i = 0; i < FILES; i++) {
    file[i] = block(100 + i, 3000 + i * 9000);
  }
  extra = block(200, 20000);
  NEED(s->ops->put(s, small, SMALL, false, number, NULL, &e) == 0);
  NEED(s->ops->put(s, file, FILES, true, NULL, NULL, &e) == 0);
  struct store_row row[] = {{1, text("k"), 5, number[1], false},
                            {1, text("k"), 7, number[2], false},
                            {2, text("j"), 7, number[3], false}};
  struct store_pair pair[] = {{text("a/1"), text("one")},
                              {text("b"), text("three")}};
  struct store_batch b = {.collection = text("c"),
                          .log = number,
                          .log_n = 5,
                          .add = row,
                          .add_n = 3,
                          .kv = pair,
                          .kv_n = 2,
                          .erase = &number[20],
                          .erase_n = 1};
  append(s, &b);
  b = (struct store_batch){.collection = text("d"), .log = number, .log_n = 2};
  append(s, &b);
  fill_index(s);
}

static void run_sql(sqlite3 *db, const char *sql)
{
  NEED(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

/* The keys of the first segment and file, as they would be folded. */
static void fold(void)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *st = NULL;
  NEED(sqlite3_open(path, &db) == SQLITE_OK);
  NEED(sqlite3_prepare_v2(db, "INSERT INTO cidkey VALUES(?1, ?2)", -1, &st,
                          NULL) == SQLITE_OK);
  int64_t blocks = 0, bytes = 0;
  for (size_t i = 0; i < SMALL + 1; i++) {
    const struct store_block *b = i < SMALL ? &small[i] : &file[0];
    uint64_t n = i < SMALL ? number[i] : (UINT64_C(1) << 62) + 1, prefix = 0;
    for (int k = 0; k < 8; k++) {
      prefix = prefix << 8 | cid_digest(&b->cid)[k];
    }
    if (n / 256 == number[0] / 256 || i == SMALL) {
      blocks += i < SMALL;
      bytes += i < SMALL ? (int64_t)b->bytes.n : 0;
      sqlite3_bind_int64(st, 1, (int64_t)prefix);
      sqlite3_bind_int64(st, 2, (int64_t)n);
      NEED(sqlite3_step(st) == SQLITE_DONE);
      sqlite3_reset(st);
    }
  }
  sqlite3_finalize(st);
  char sql[400];
  (void)snprintf(sql, sizeof sql,
                 "INSERT OR REPLACE INTO state VALUES('folded_seg', %llu),"
                 "('folded_file', 1), ('blocks', %lld), ('block_bytes', %lld),"
                 "('file_blocks', 1), ('file_bytes', %zu);"
                 "INSERT INTO gone VALUES(77); PRAGMA user_version",
                 (unsigned long long)(number[0] / 256), (long long)blocks,
                 (long long)bytes, file[0].bytes.n);
  run_sql(db, sql);
  NEED(sqlite3_close(db) == SQLITE_OK);
}

/* ---- what a sound index answers ---- */

/* Queries: one word, several with a filter, filters alone. */
struct asked {
  struct store_match match[5];
  struct store_group group[5];
  struct span facet;
  struct store_filter filter;
  struct store_query q;
};

static const struct store_query *ask(struct asked *a, int i)
{
  static const char *const word[] = {"all", "newtona", "rare", "w7", "odd"};
  static const unsigned how[] = {STORE_ANY, STORE_ANY, STORE_ANY, STORE_NOT,
                                 STORE_NEED};
  for (size_t k = 0; k < 5; k++) {
    a->match[k] = (struct store_match){text(word[k]), 1, true};
    a->group[k] = (struct store_group){&a->match[k], 1, 1, how[k], 1u << k};
  }
  a->facet = text("tbook");
  a->filter = (struct store_filter){&a->facet, 1, i == 3};
  a->q = (struct store_query){.group = a->group,
                              .groups = i == 0   ? 1
                                        : i == 1 ? 4
                                        : i == 2 ? 5
                                                 : 0,
                              .filter = &a->filter,
                              .filters = i >= 2,
                              .timed = i >= 2,
                              .from = 1000,
                              .to = 1000 + DOCS - 50};
  return &a->q;
}

static void put(struct buf *out, int rc, const void *p, size_t n)
{
  NEED(buf_put(out, &rc, sizeof rc) == 0 && buf_put(out, p, n) == 0);
}

static void put_words(struct buf *out, const struct store_alike *w, size_t n)
{
  for (size_t i = 0; i < n; i++) {
    put(out, (int)w[i].df, w[i].term, w[i].n);
    put(out, 0, &w[i].like, sizeof w[i].like);
  }
}

/* Everything that is asked of the index, and the answers. */
static void answer(struct store *s, struct buf *out)
{
  static struct store_alike word[40];
  static struct store_hit hit[60];
  struct store_like like[] = {{text("newtonx"), 0.4}, {text("oddd"), 0.2}};
  struct span term[] = {text("all"), text("rare"), text("nowhere")};
  uint64_t docs[3] = {0}, all = 0;
  size_t counts[2] = {0};
  struct asked a;
  struct err e;
  for (int i = 0; i < 4; i++) {
    const int64_t bound[] = {1000, 1100, 1300};
    uint64_t between[2] = {0};
    struct store_tally t = {.bound = bound, .between = between, .bounds = 2};
    int n = s->ops->query(s, ask(&a, i), hit, 60, &e);
    for (int k = 0; k < n; k++) {
      put(out, 0, &hit[k].ref, sizeof hit[k].ref);
      put(out, 0, &hit[k].score, sizeof hit[k].score);
    }
    int rc = i < 3 ? s->ops->tally(s, ask(&a, i), &t, &e) : n;
    put(out, rc < 0 ? rc : 0, between, sizeof between);
    put(out, 0, &t.total, sizeof t.total);
    buf_free(&t.sets);
  }
  int rc = s->ops->alike(s, like, 2, word, 20, counts, &e);
  put(out, rc, counts, sizeof counts);
  put_words(out, word, rc < 0 ? 0 : counts[0]);
  rc = s->ops->prefix(s, text("\1newt"), word, 40, &e);
  put(out, rc, "", 0);
  put_words(out, word, rc < 0 ? 0 : (size_t)rc);
  rc = s->ops->holding(s, term, 3, docs, &all, &e);
  put(out, rc, docs, sizeof docs);
  put(out, 0, &all, sizeof all);
}

static void keep(int i)
{
  static uint8_t bytes[1 << 20];
  FILE *f = fopen(part(i), "rb");
  NEED(f != NULL);
  size_t n = fread(bytes, 1, sizeof bytes, f);
  NEED(n < sizeof bytes && fclose(f) == 0);
  NEED(buf_put(&whole[i], bytes, n) == 0);
}

static void set_up(void)
{
  struct err e;
  struct store *s = NULL;
  struct store_options o = {.create = true};
  if (whole[0].n > 0) {
    return;
  }
  bool memory = access("/dev/shm", W_OK) == 0;
  (void)snprintf(dir, sizeof dir, "%s/rows-fuzz-XXXXXX",
                 memory ? "/dev/shm" : "/tmp");
  NEED(mkdtemp(dir) != NULL);
  (void)snprintf(path, sizeof path, "%s/s", dir);
  (void)atexit(leave);
  make_documents();
  NEED(store_sqlite_open(&s, path, &o, &e) == 0);
  fill(s);
  s->ops->close(s);
  fold();
  keep(0);
  keep(1);
  NEED(store_sqlite_open(&s, path, &o, &e) == 0);
  NEED(s->ops->audit(s, &sound_audit, &e) == 0);
  answer(s, &sound_answers);
  s->ops->close(s);
}

/* ---- damage ---- */

struct wound {
  const struct column *column;
  unsigned row, how;
  size_t at;
  struct span bytes;
};

static size_t number_bytes(uint8_t *out, int64_t v)
{
  for (int i = 0; i < 8; i++) {
    out[i] = (uint8_t)((uint64_t)v >> (56 - 8 * i));
  }
  return 8;
}

/* The value ${p}, ${n} bytes of ${max}, after the wound; its new length. */
static size_t spoil(uint8_t *p, size_t n, size_t max, const struct wound *w)
{
  size_t at = n > 0 ? w->at % (n + 1) : 0;
  size_t k = w->bytes.n < max - n ? w->bytes.n : max - n;
  switch (w->how) {
  case 0:
  case 1:
    for (size_t i = 0; i < k && at + i < n; i++) {
      p[at + i] = w->how == 0 ? p[at + i] ^ w->bytes.p[i] : w->bytes.p[i];
    }
    return n;
  case 2:
    memmove(p + at + k, p + at, n - at);
    memcpy(p + at, w->bytes.p, k);
    return n + k;
  case 3:
    return at;
  default:
    memcpy(p, w->bytes.p, k);
    return k;
  }
}

/* ${what} is done to the row. */
static sqlite3_stmt *prepare(sqlite3 *db, const struct wound *w,
                             const char *what)
{
  char sql[512];
  sqlite3_stmt *st = NULL;
  const char *table = w->column->table, *key = w->column->key;
  (void)snprintf(sql, sizeof sql,
                 "%s WHERE (%s) = (SELECT %s FROM %s ORDER BY %s LIMIT 1"
                 " OFFSET ?1)",
                 what, key, key, table, key);
  NEED(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
  sqlite3_bind_int64(st, 1, w->row);
  return st;
}

/* The changed value as the second parameter: a number stays one. */
static void bind_spoilt(sqlite3_stmt *st, sqlite3_stmt *old,
                        const struct wound *w)
{
  static uint8_t value[1 << 17];
  bool is_number = sqlite3_column_type(old, 0) == SQLITE_INTEGER;
  size_t n = 0;
  if (is_number) {
    n = number_bytes(value, sqlite3_column_int64(old, 0));
  } else {
    n = (size_t)sqlite3_column_bytes(old, 0);
    NEED(n < sizeof value / 2);
    memcpy(value,
           sqlite3_column_blob(old, 0) ? sqlite3_column_blob(old, 0) : "", n);
  }
  n = spoil(value, n, sizeof value, w);
  if (w->how == 5) {
    sqlite3_bind_text(st, 2, (const char *)value, (int)n, SQLITE_TRANSIENT);
  } else if (is_number) {
    uint64_t v = 0;
    for (size_t i = 0; i < 8 && i < n; i++) {
      v = v << 8 | value[i];
    }
    sqlite3_bind_int64(st, 2, (int64_t)v);
  } else {
    sqlite3_bind_blob(st, 2, value, (int)n, SQLITE_TRANSIENT);
  }
}

static void wound(sqlite3 *db, const struct wound *w)
{
  const char *table = w->column->table, *name = w->column->name;
  char what[128];
  (void)snprintf(what, sizeof what, "SELECT %s FROM %s", name, table);
  sqlite3_stmt *old = prepare(db, w, what), *st;
  if (sqlite3_step(old) == SQLITE_ROW) {
    (void)snprintf(what, sizeof what,
                   w->how == 6 ? "DELETE FROM %s"
                               : "UPDATE OR REPLACE %s SET %s = ?2",
                   table, name);
    st = prepare(db, w, what);
    if (w->how != 6) {
      bind_spoilt(st, old, w);
    }
    sqlite3_reset(old);
    (void)sqlite3_step(st); /* what the schema forbids is not done */
    sqlite3_finalize(st);
  }
  sqlite3_finalize(old);
}

enum where { INDEX, DERIVED, CONTENT };

/* Counters of the index are derived, too. How many words there are is known in
 * about, and scores hang on it. */
static enum where where_is(sqlite3 *db, const struct wound *w)
{
  enum where is = CONTENT;
  if (w->column->derived) {
    return strncmp(w->column->table, "search", 6) == 0 ? INDEX : DERIVED;
  }
  if (strcmp(w->column->table, "state") == 0) {
    sqlite3_stmt *st = prepare(db, w,
                               "SELECT CASE WHEN name = 'search_words' THEN 1"
                               " WHEN name LIKE 'search%' THEN 0 ELSE 2 END"
                               " FROM state");
    if (sqlite3_step(st) == SQLITE_ROW &&
        strcmp(w->column->name, "value") == 0) {
      is = (enum where)sqlite3_column_int(st, 0);
    }
    sqlite3_finalize(st);
  }
  return is;
}

/* The most precious thing that was hit. */
static enum where damage(struct span s)
{
  static struct pieces p;
  enum where most = INDEX;
  sqlite3 *db = NULL;
  wipe();
  for (int i = 0; i < 2; i++) {
    FILE *f = fopen(part(i), "wb");
    NEED(f != NULL && fwrite(whole[i].p, 1, whole[i].n, f) == whole[i].n &&
         fclose(f) == 0);
  }
  NEED(sqlite3_open(path, &db) == SQLITE_OK);
  run_sql(db, "PRAGMA synchronous = OFF; BEGIN");
  pieces_read(&p, (struct pieces_shape){0, 1}, s.p, s.n);
  for (size_t i = 0; i < p.n; i++) {
    if (p.at[i].n >= 4) {
      const uint8_t *b = p.at[i].body;
      const struct wound w = {&columns[p.at[i].head[0] % COLUMNS], b[0],
                              b[1] % 7u, (size_t)b[2] << 8 | b[3],
                              span_of(b + 4, p.at[i].n - 4)};
      enum where is = where_is(db, &w);
      wound(db, &w);
      most = is > most ? is : most;
    }
  }
  run_sql(db, "COMMIT");
  NEED(sqlite3_close(db) == SQLITE_OK);
  return most;
}

/* ---- use ---- */

/* It went well, or there is a sentence; and nothing took all memory. */
static int told(int rc, struct err *e)
{
  demand(rc >= 0 || (e->text[0] != '\0' && e->code == rc));
  demand(rc != ERR_NOMEM && rc != ERR_MISUSE && rc != ERR_IO);
  *e = (struct err){0};
  return rc;
}

static void read_blocks(struct store *s)
{
  struct err e = {0};
  struct buf out = {0};
  struct cid cid;
  uint64_t refs[70], after = 0;
  for (size_t i = 0; i < SMALL + FILES; i += i < 8 ? 1 : 5) {
    buf_clear(&out);
    cid = i < SMALL ? small[i].cid : file[i - SMALL].cid;
    (void)told(s->ops->get(s, &cid, &out, &e), &e);
    demand(out.n <= BLOCK_SIZE_MAX);
  }
  for (int of_files = 0; of_files < 2; of_files++) {
    int n = told(s->ops->walk(s, 0, of_files != 0, refs, 70, &e), &e);
    after = 0;
    for (int i = 0; i < n; i++) {
      demand(refs[i] > after);
      after = refs[i];
      buf_clear(&out);
      (void)told(s->ops->get_ref(s, refs[i], &cid, &out, &e), &e);
    }
  }
  uint64_t prefix = 0;
  struct cid found[4];
  for (size_t i = 0; i < 8; i++) {
    prefix = prefix << 8 | cid_digest(&small[2].cid)[i];
  }
  (void)told(s->ops->find_prefix(s, prefix, refs, found, 4, &e), &e);
  buf_free(&out);
}

static void read_logs(struct store *s)
{
  struct err e = {0};
  uint64_t refs[8], n = 0;
  int64_t sorts[8];
  struct store_end ends[4];
  struct buf out = {0};
  int rc = told(s->ops->since(s, text("c"), 1, refs, 8, &e), &e);
  for (int i = 1; i < rc; i++) {
    demand(refs[i] > refs[i - 1]);
  }
  (void)told(s->ops->count(s, text("c"), &n, &e), &e);
  (void)told(s->ops->ends(s, text(""), &out, ends, 4, &e), &e);
  buf_clear(&out);
  (void)told(s->ops->collections(s, text(""), &out, 4, &e), &e);
  (void)told(
      s->ops->rows(s, 1, text("k"), INT64_MIN, 0, false, sorts, refs, 8, &e),
      &e);
  (void)told(s->ops->rows(s, 1, text("k"), INT64_MAX, UINT64_MAX >> 1, true,
                          sorts, refs, 8, &e),
             &e);
  buf_clear(&out);
  (void)told(s->ops->kv_get(s, text("b"), &out, &e), &e);
  (void)told(s->ops->kv_list(s, text("a/"), text(""), &out, 9, &e), &e);
  buf_free(&out);
}

static void search(struct store *s)
{
  static struct store_hit hit[100];
  struct asked a;
  struct err e = {0};
  const int64_t bound[] = {1000, 1100, 1300};
  for (int i = 0; i < 4; i++) {
    double parts[5];
    uint64_t between[2] = {0};
    struct store_tally t = {.bound = bound, .between = between, .bounds = 2};
    int n = told(s->ops->query(s, ask(&a, i), hit, i == 1 ? 10 : 100, &e), &e);
    for (int k = 0; k < n; k++) {
      demand(hit[k].ref != 0 && hit[k].ref <= INT64_MAX);
      demand(k == 0 || hit[k].score <= hit[k - 1].score);
    }
    if (i < 3) {
      (void)told(s->ops->tally(s, ask(&a, i), &t, &e), &e);
      (void)told(s->ops->explain(s, ask(&a, i), 11, parts, &e), &e);
      buf_free(&t.sets);
    }
  }
}

static void search_words(struct store *s)
{
  static struct store_alike out[40];
  struct store_like like[] = {{text("newtonx"), 0.4}, {text("oddd"), 0.2}};
  struct span term[] = {text("all"), text("rare"), text("nowhere")};
  uint64_t docs[3] = {0}, all = 0;
  size_t counts[2] = {0};
  struct err e = {0};
  for (int i = 0; i < 4; i++) { /* the last of them from memory */
    (void)told(s->ops->alike(s, like, 2, out, 20, counts, &e), &e);
  }
  (void)told(s->ops->prefix(s, text("\1newt"), out, 40, &e), &e);
  (void)told(s->ops->holding(s, term, 3, docs, &all, &e), &e);
}

static void read_all(struct store *s, unsigned how)
{
  struct err e = {0};
  struct buf audit = {0};
  struct store_stats stats;
  struct store_room room;
  if ((how & 64) == 0) {
    read_blocks(s);
    read_logs(s);
  }
  if ((how & 32) == 0) {
    search(s);
  }
  if ((how & 16) == 0) {
    search_words(s);
  }
  (void)told(s->ops->audit(s, &audit, &e), &e);
  (void)told(s->ops->stats(s, &stats, &e), &e);
  (void)told(s->ops->room(s, &room, &e), &e);
  (void)told(s->ops->check(s, &e), &e);
  buf_free(&audit);
}

static void compare(struct store *s)
{
  struct err e = {0};
  struct buf audit = {0}, answers = {0};
  if (told(s->ops->audit(s, &audit, &e), &e) == 0 &&
      span_equal(buf_span(&audit), buf_span(&sound_audit))) {
    answer(s, &answers);
    demand(span_equal(buf_span(&answers), buf_span(&sound_answers)));
  }
  buf_free(&audit);
  buf_free(&answers);
}

static void change(struct store *s)
{
  struct err e = {0};
  uint64_t freed = 0, log = STORE_NEW(0), erase[2] = {number[1], number[30]};
  struct store_row row = {1, text("k"), 9, STORE_NEW(0), false};
  struct store_pair pair = {text("a/1"), {NULL, 0}};
  struct store_doc retag = doc[12];
  retag.facets = doc[11].facets;
  struct store_batch b = {.collection = text("c"),
                          .blocks = &extra,
                          .blocks_n = 1,
                          .log = &log,
                          .log_n = 1,
                          .add = &row,
                          .add_n = 1,
                          .kv = &pair,
                          .kv_n = 1};
  (void)told(s->ops->append(s, &b, NULL, NULL, &e), &e);
  b = (struct store_batch){.undocs = doc + 10,
                           .undocs_n = 2,
                           .retags = &retag,
                           .retags_n = 1,
                           .docs = doc + MANY + 5,
                           .docs_n = 2};
  (void)told(s->ops->append(s, &b, NULL, NULL, &e), &e);
  b = (struct store_batch){.undocs = doc + DOCS - 3, .undocs_n = 3};
  (void)told(s->ops->append(s, &b, NULL, NULL, &e), &e);
  b = (struct store_batch){.erase = erase, .erase_n = 2};
  (void)told(s->ops->append(s, &b, NULL, NULL, &e), &e);
  (void)told(s->ops->put(s, &extra, 1, true, NULL, NULL, &e), &e);
  if (told(s->ops->sweep_start(s, &e), &e) == 0) {
    (void)told(s->ops->mark(s, &file[3].cid, 1, &e), &e);
    for (int i = 0; i < 9; i++) {
      (void)told(s->ops->sweep(s, 2, &freed, &e), &e);
    }
  }
  for (int i = 0; i < 50 && told(s->ops->tidy(s, i > 3, &e), &e) > 0; i++) {
  }
}

/* What is derived is made anew; ${sound}: nothing else was damaged. */
static void derive(struct store *s, bool sound)
{
  static struct store_hit hit[100];
  struct asked a;
  struct err e = {0};
  struct buf audit = {0};
  struct store_batch b = {.docs = doc, .docs_n = MANY};
  int rc = told(s->ops->derived_reset(s, &e), &e);
  demand(rc == 0 || !sound);
  if (rc < 0) {
    return;
  }
  rc = told(s->ops->append(s, &b, NULL, NULL, &e), &e);
  demand(rc == 0 || !sound);
  b = (struct store_batch){.collection = text("c"), .log = number, .log_n = 5};
  rc = told(s->ops->append(s, &b, NULL, NULL, &e), &e);
  demand(rc == 0 || !sound);
  rc = told(s->ops->query(s, ask(&a, 0), hit, 100, &e), &e);
  demand(rc == 100 || !sound);
  rc = told(s->ops->audit(s, &audit, &e), &e);
  demand(!sound || (rc >= 0 && audit.n == MANY * sizeof(struct store_audit)));
  buf_free(&audit);
}

static int saved(void *ud, const struct store_block *b, bool of_file)
{
  size_t *n = ud;
  *n += 1 + (size_t)of_file;
  return cid_verify(&b->cid, b->bytes.p, b->bytes.n) == 0 ? 0 : ERR_CORRUPT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct err e = {0};
  struct store *s = NULL;
  if (size == 0 || size > 20000) {
    return 0;
  }
  set_up();
  enum where hit = damage(span_of(data + 1, size - 1));
  uint8_t how = data[0];
  struct store_options o = {.readonly = (how & 1) != 0};
  if (told(store_sqlite_open(&s, path, &o, &e), &e) == 0) {
    read_all(s, how);
    if (hit == INDEX && (how & 128) != 0) {
      compare(s);
    }
    if ((how & 9) == 8) {
      change(s);
      read_all(s, how);
    }
    if ((how & 3) == 2) {
      derive(s, hit <= DERIVED);
    }
    s->ops->close(s);
  }
  if ((how & 4) != 0) {
    size_t blocks = 0;
    uint64_t good = 0, lost = 0;
    (void)told(store_sqlite_salvage(path, saved, &blocks, &good, &lost, &e),
               &e);
  }
  return 0;
}
