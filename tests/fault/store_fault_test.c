/* SPDX-License-Identifier: 0BSD */
/* Each call of the store's door while what lies below it fails, once or for
 * good, at the first, second, third ... request: memory, SQLite's memory, each
 * call for files. The answer is the one of a sound disk, or an error with a
 * sentence; nothing leaks, the store opens again, is whole, and the same call
 * then gives that answer and leaves the same index.
 *
 * FAULT_ALL=1: every request, not ever fewer of the later ones; names of calls
 * as arguments: only these. */
#include "fault_table.h"

#include "store/store.h"
#include "unit/store_conformance.h"

#include <dirent.h>

#define SEGMENTS 7 /* one less than make a merge */
#define EACH 70    /* enough for a segment of their own */
#define WAITING 20
#define FILE_BLOCK 90000

/* What a call gave, as bytes: in room that never fails. */
struct answer {
  uint8_t p[16384];
  size_t n;
};

typedef int body(struct store *s, struct answer *answer, struct err *e);

static char world[64], place[64];
static bool every_request;
static unsigned sweep_kinds;
static long cases, hits;

/* ---- a world ---- */

static struct span text(const char *s)
{
  return span_of(s, strlen(s));
}

static const char *part(const char *dir, const char *suffix)
{
  static char path[2][128];
  static int turn;
  turn = !turn;
  (void)snprintf(path[turn], sizeof path[turn], "%s/s%s", dir, suffix);
  return path[turn];
}

static void copy_part(const char *suffix)
{
  static uint8_t bytes[1 << 16];
  size_t n;
  FILE *from = fopen(part(world, suffix), "rb");
  if (from == NULL) {
    return;
  }
  FILE *to = fopen(part(place, suffix), "wb");
  NEED(to != NULL);
  while ((n = fread(bytes, 1, sizeof bytes, from)) > 0) {
    NEED(fwrite(bytes, 1, n, to) == n);
  }
  NEED(fclose(from) == 0 && fclose(to) == 0);
}

static void wipe(const char *dir)
{
  char path[400];
  DIR *d = opendir(dir);
  NEED(d != NULL);
  for (const struct dirent *f; (f = readdir(d)) != NULL;) {
    (void)snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
    if (f->d_name[0] != '.') {
      NEED(unlink(path) == 0);
    }
  }
  (void)closedir(d);
}

static void copy_world(void)
{
  wipe(place);
  copy_part("");
  copy_part("-files");
}

static int open_at(struct store **out, const char *dir, struct err *e)
{
  struct store_options opt = {.create = true, .cache_bytes = 1 << 16};
  return store_sqlite_open(out, part(dir, ""), &opt, e);
}

static uint8_t terms[EACH][160], facets[EACH][40];
static struct store_doc doc[EACH];

/* ${n} documents from number ${first} on: words that many have, words of their
 * own, and some in which one is said often. */
static struct store_batch documents(int first, int n)
{
  for (int i = 0; i < n; i++) {
    char words[140];
    int no = first + i;
    (void)snprintf(words, sizeof words, "all %s w%d newton%c \1newton%c %s",
                   no % 2 ? "odd" : "even", no, 'a' + no % 20, 'a' + no % 20,
                   no % 10 == 0 ? "rare rare rare rare" : "filler");
    doc[i] = (struct store_doc){
        .ref = (uint64_t)no + 1,
        .time = 1000 + no,
        .length = (uint64_t)(5 + no % 7),
        .terms = terms_list(terms[i], words),
        .facets =
            terms_list(facets[i], no % 4 == 0 ? "lar tlesson" : "lku tbook")};
  }
  return (struct store_batch){.docs = doc, .docs_n = (size_t)n};
}

static struct store_block blocks[12]; /* of the world, but the last */
static struct store_block extra[8];   /* that come in calls */

static void make_world(void)
{
  struct err e;
  struct store *s;
  uint64_t no[12];
  NEED(open_at(&s, world, &e) == 0);
  for (size_t i = 0; i < 12; i++) {
    blocks[i] = block_make(i + 1, i < 8 ? 200 + 100 * i : FILE_BLOCK);
  }
  for (size_t i = 0; i < 8; i++) {
    extra[i] = block_make(50 + i, i < 6 ? 300 + 900 * i : FILE_BLOCK);
  }
  NEED(s->ops->put(s, blocks, 8, false, no, NULL, &e) == 0);
  NEED(s->ops->put(s, blocks + 8, 3, true, NULL, NULL, &e) == 0);
  struct store_row row[] = {{1, text("k"), 5, no[1], false},
                            {1, text("k"), 7, no[2], false},
                            {2, text("j"), 7, no[3], false}};
  struct store_pair pair[] = {{text("a/1"), text("one")},
                              {text("a/2"), text("two")},
                              {text("b"), text("three")}};
  struct store_batch b = {.collection = text("c"),
                          .log = no,
                          .log_n = 5,
                          .add = row,
                          .add_n = 3,
                          .kv = pair,
                          .kv_n = 3};
  NEED(s->ops->append(s, &b, NULL, NULL, &e) == 0);
  b = (struct store_batch){.collection = text("d"), .log = no + 5, .log_n = 2};
  NEED(s->ops->append(s, &b, NULL, NULL, &e) == 0);
  for (int i = 0; i < SEGMENTS; i++) {
    b = documents(i * EACH, EACH);
    NEED(s->ops->append(s, &b, NULL, NULL, &e) == 0);
  }
  b = documents(SEGMENTS * EACH, WAITING);
  NEED(s->ops->append(s, &b, NULL, NULL, &e) == 0);
  s->ops->close(s);
}

/* ---- calls ---- */

static int answer_with(int rc, struct answer *answer, const void *p, size_t n)
{
  if (rc < 0) {
    return rc;
  }
  NEED(n + sizeof rc <= sizeof answer->p - answer->n);
  memcpy(answer->p + answer->n, &rc, sizeof rc);
  if (n > 0) {
    memcpy(answer->p + answer->n + sizeof rc, p, n);
  }
  answer->n += n + sizeof rc;
  return 0;
}

static int call_open(struct store *s, struct answer *answer, struct err *e)
{
  struct store *other = NULL;
  struct store_options opt = {.readonly = true};
  (void)s;
  int rc = store_sqlite_open(&other, part(world, ""), &opt, e);
  uint64_t n = 0;
  if (rc == 0) {
    rc = other->ops->count(other, text("c"), &n, e);
    other->ops->close(other);
  }
  return answer_with(rc, answer, &n, sizeof n);
}

static int call_put(struct store *s, struct answer *answer, struct err *e)
{
  uint64_t no[12] = {0};
  struct store_block mine[3] = {extra[0], blocks[0], extra[1]};
  int rc = s->ops->put(s, mine, 3, false, no, NULL, e);
  return answer_with(rc, answer, no + 1, sizeof *no);
}

static int call_put_file(struct store *s, struct answer *answer, struct err *e)
{
  struct store_block mine = extra[6];
  struct buf back = {0};
  int rc = s->ops->put(s, &mine, 1, true, NULL, NULL, e);
  if (rc == 0 && (rc = s->ops->get(s, &mine.cid, &back, e)) == 0) {
    EXPECT(span_equal(buf_span(&back), mine.bytes));
  }
  buf_free(&back);
  return answer_with(rc, answer, "", 0);
}

static int call_get(struct store *s, struct answer *answer, struct err *e)
{
  struct buf out = {0};
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < 11; i++) {
    buf_clear(&out);
    if ((rc = s->ops->get(s, &blocks[i].cid, &out, e)) == 0) {
      EXPECT(span_equal(buf_span(&out), blocks[i].bytes));
    }
  }
  buf_free(&out);
  return answer_with(rc, answer, "", 0);
}

static int call_find(struct store *s, struct answer *answer, struct err *e)
{
  uint64_t refs[12];
  struct cid cid[12], found;
  for (size_t i = 0; i < 12; i++) {
    cid[i] = blocks[i].cid;
  }
  int rc = s->ops->find(s, cid, 12, refs, e);
  EXPECT(rc < 0 || (refs[10] != 0 && refs[11] == 0));
  rc = rc < 0 ? rc : s->ops->get_ref(s, refs[3], &found, NULL, e);
  EXPECT(rc < 0 || cid_equal(&found, &cid[3]));
  return answer_with(rc, answer, refs, sizeof refs);
}

static int call_find_prefix(struct store *s, struct answer *answer,
                            struct err *e)
{
  uint64_t refs[4] = {0}, prefix = 0;
  struct cid cid[4];
  for (size_t i = 0; i < 8; i++) {
    prefix = prefix << 8 | blocks[2].cid.b[CID_SIZE - 32 + i];
  }
  int rc = s->ops->find_prefix(s, prefix, refs, cid, 4, e);
  EXPECT(rc <= 0 || cid_equal(&cid[0], &blocks[2].cid));
  return answer_with(rc, answer, refs, sizeof refs);
}

static int call_walk(struct store *s, struct answer *answer, struct err *e)
{
  uint64_t refs[20] = {0};
  int rc = s->ops->walk(s, 0, false, refs, 10, e);
  rc = rc < 0 ? rc : s->ops->walk(s, 0, true, refs + 10, 10, e);
  return answer_with(rc, answer, refs, sizeof refs);
}

static int call_sweep(struct store *s, struct answer *answer, struct err *e)
{
  uint64_t freed = 0;
  struct store_block mine = extra[7];
  int rc = s->ops->sweep_start(s, e);
  rc = rc < 0 ? rc : s->ops->mark(s, &blocks[8].cid, 1, e);
  rc = rc < 0 ? rc : s->ops->put(s, &mine, 1, true, NULL, NULL, e);
  while (rc >= 0 && (rc = s->ops->sweep(s, 1, &freed, e)) > 0) {
  }
  struct cid cid[2] = {blocks[8].cid, blocks[9].cid};
  uint64_t refs[2] = {0};
  rc = rc < 0 ? rc : s->ops->find(s, cid, 2, refs, e);
  EXPECT(rc < 0 || (refs[0] != 0 && refs[1] == 0));
  return answer_with(rc, answer, "", 0);
}

/* Everything that one change can hold. */
static int call_append(struct store *s, struct answer *answer, struct err *e)
{
  uint64_t no[2] = {0}, old[2];
  struct cid cid[2] = {blocks[6].cid, blocks[1].cid};
  int rc = s->ops->find(s, cid, 2, old, e);
  if (rc < 0) {
    return rc;
  }
  struct store_block mine[2] = {extra[2], extra[3]};
  struct store_row add[] = {{1, text("k"), 9, STORE_NEW(0), false},
                            {3, text("n"), 1, old[1], true}};
  struct store_row drop[] = {{2, text("j"), 7, old[1], false}};
  struct store_pair pair[] = {{text("a/1"), {NULL, 0}},
                              {text("a/3"), text("new")}};
  uint64_t log[] = {STORE_NEW(0), STORE_NEW(1)};
  struct store_batch docs = documents(10, 30);
  struct store_batch b = {.collection = text("new"),
                          .blocks = mine,
                          .blocks_n = 2,
                          .erase = old,
                          .erase_n = old[0] != 0,
                          .log = log,
                          .log_n = 2,
                          .drop = drop,
                          .drop_n = 1,
                          .add = add,
                          .add_n = 2,
                          .undocs = docs.docs,
                          .undocs_n = 10,
                          .retags = docs.docs + 15,
                          .retags_n = 10,
                          .kv = pair,
                          .kv_n = 2};
  for (size_t i = 15; i < 25; i++) {
    doc[i].facets = terms_list(facets[i], "lar tmap");
  }
  rc = s->ops->append(s, &b, no, NULL, e);
  return answer_with(rc, answer, "", 0);
}

/* A segment of its own, which makes a merge due; then the merge. */
static int call_index(struct store *s, struct answer *answer, struct err *e)
{
  struct store_batch b = documents(1000, EACH);
  int rc = s->ops->append(s, &b, NULL, NULL, e);
  while (rc >= 0 && (rc = s->ops->tidy(s, false, e)) > 0) {
  }
  return answer_with(rc, answer, "", 0);
}

static int call_tidy(struct store *s, struct answer *answer, struct err *e)
{
  int rc;
  while ((rc = s->ops->tidy(s, true, e)) > 0) {
  }
  return answer_with(rc, answer, "", 0);
}

static int call_wait(struct store *s, struct answer *answer, struct err *e)
{
  struct store_batch b = documents(2000, 3);
  int rc = s->ops->append(s, &b, NULL, NULL, e);
  b = documents(SEGMENTS * EACH, 5); /* these wait, too */
  b.undocs = b.docs;
  b.undocs_n = b.docs_n;
  b.docs_n = 0;
  rc = rc < 0 ? rc : s->ops->append(s, &b, NULL, NULL, e);
  return answer_with(rc, answer, "", 0);
}

static int call_group(struct store *s, struct answer *answer, struct err *e)
{
  struct store_block mine = extra[4];
  struct store_pair pair = {text("g"), text("1")};
  struct store_batch b = {.kv = &pair, .kv_n = 1};
  int rc = s->ops->group(s, true, e);
  if (rc == 0) {
    int put = s->ops->put(s, &mine, 1, false, NULL, NULL, e);
    put = put < 0 ? put : s->ops->append(s, &b, NULL, NULL, e);
    rc = s->ops->group(s, false, e);
    EXPECT(put == 0 || rc < 0);
  }
  return answer_with(rc, answer, "", 0);
}

/* What the group of call_group_deaf stored: all of it is there, or nothing. The
 * bytes of a file may be there without the rest, but never damaged. */
static void expect_deaf_group(struct store *s)
{
  struct err e;
  struct buf out = {0};
  uint64_t refs[3] = {0};
  const struct cid cid[3] = {extra[4].cid, extra[5].cid, extra[6].cid};
  NEED(s->ops->find(s, cid, 3, refs, &e) == 0);
  bool pair = s->ops->kv_get(s, text("deaf"), &out, &e) == 0;
  EXPECT(pair == (refs[0] != 0) && pair == (refs[1] != 0));
  EXPECT(!pair || refs[2] != 0);
  buf_clear(&out);
  EXPECT(refs[2] == 0 || (s->ops->get(s, &cid[2], &out, &e) == 0 &&
                          span_equal(buf_span(&out), extra[6].bytes)));
  buf_free(&out);
}

/* Amid the changes of a group, reads whose errors nobody hears. */
static void read_deaf(struct store *s)
{
  struct err unheard;
  struct buf out = {0};
  struct span term = text("rare");
  uint64_t docs = 0, all = 0;
  (void)s->ops->get(s, &blocks[9].cid, &out, &unheard);
  (void)s->ops->kv_get(s, text("a/1"), &out, &unheard);
  (void)s->ops->holding(s, &term, 1, &docs, &all, &unheard);
  buf_free(&out);
}

static int call_group_deaf(struct store *s, struct answer *answer,
                           struct err *e)
{
  struct store_pair pair = {text("deaf"), text("1")};
  struct store_batch b = {.kv = &pair, .kv_n = 1};
  if (fault.kinds == 0) {
    expect_deaf_group(s);
  }
  int rc = s->ops->group(s, true, e);
  if (rc == 0) {
    int put = s->ops->put(s, &extra[6], 1, true, NULL, NULL, e);
    put = put < 0 ? put : s->ops->put(s, &extra[4], 1, false, NULL, NULL, e);
    read_deaf(s);
    put = put < 0 ? put : s->ops->append(s, &b, NULL, NULL, e);
    read_deaf(s);
    put = put < 0 ? put : s->ops->put(s, &extra[5], 1, false, NULL, NULL, e);
    rc = s->ops->group(s, false, e);
    EXPECT(put == 0 || rc < 0);
  }
  return answer_with(rc, answer, "", 0);
}

static int call_logs(struct store *s, struct answer *answer, struct err *e)
{
  uint64_t refs[8] = {0}, n = 0;
  struct store_end ends[4] = {{0, 0}};
  struct buf names = {0};
  int rc = s->ops->since(s, text("c"), 1, refs, 8, e);
  rc = rc < 0 ? rc : s->ops->count(s, text("c"), &n, e);
  EXPECT(rc < 0 || n == 5);
  rc = rc < 0 ? rc : s->ops->collections(s, text(""), &names, 4, e);
  rc = rc < 0 ? rc : s->ops->ends(s, text(""), &names, ends, 4, e);
  rc = answer_with(rc, answer, refs, sizeof refs);
  rc = rc < 0 ? rc : answer_with(rc, answer, names.p, names.n);
  buf_free(&names);
  return rc;
}

static int call_rows(struct store *s, struct answer *answer, struct err *e)
{
  int64_t sorts[4] = {0};
  uint64_t refs[4] = {0};
  int rc =
      s->ops->rows(s, 1, text("k"), INT64_MIN, 0, false, sorts, refs, 4, e);
  rc = rc < 0 ? rc
              : s->ops->rows(s, 1, text("k"), INT64_MAX, UINT64_MAX >> 1, true,
                             sorts + 2, refs + 2, 2, e);
  return answer_with(rc, answer, refs, sizeof refs);
}

static int call_pairs(struct store *s, struct answer *answer, struct err *e)
{
  struct buf out = {0};
  int rc = s->ops->kv_get(s, text("b"), &out, e);
  rc = rc < 0 ? rc : s->ops->kv_list(s, text("a/"), text(""), &out, 9, e);
  rc = answer_with(rc, answer, out.p, out.n);
  buf_free(&out);
  return rc;
}

/* A query with all that one can have. */
struct asked {
  struct store_match match[4];
  struct store_group group[4];
  struct span facet;
  struct store_filter filter;
  struct store_query q;
};

static const struct store_query *ask(struct asked *a)
{
  const char *word[] = {"all", "newtona", "odd", "rare"};
  const unsigned how[] = {STORE_ANY, STORE_ANY, STORE_NEED, STORE_NOT};
  for (size_t i = 0; i < 4; i++) {
    a->match[i] = (struct store_match){text(word[i]), 1, true};
    a->group[i] = (struct store_group){&a->match[i], 1, 1, how[i], 1u << i};
  }
  a->match[2].term = text("odd");
  a->facet = text("tbook");
  a->filter = (struct store_filter){&a->facet, 1, false};
  a->q = (struct store_query){.group = a->group,
                              .groups = 4,
                              .filter = &a->filter,
                              .filters = 1,
                              .timed = true,
                              .from = 1000,
                              .to = 1400};
  return &a->q;
}

static int call_query(struct store *s, struct answer *answer, struct err *e)
{
  struct asked a;
  struct store_hit hit[20];
  memset(hit, 0, sizeof hit);
  int rc = s->ops->query(s, ask(&a), hit, 20, e);
  return answer_with(rc, answer, hit, sizeof hit);
}

static int call_newest(struct store *s, struct answer *answer, struct err *e)
{
  struct asked a;
  struct store_hit hit[20];
  struct store_query q = *ask(&a);
  memset(hit, 0, sizeof hit);
  q.groups = 0;
  int rc = s->ops->query(s, &q, hit, 20, e);
  return answer_with(rc, answer, hit, sizeof hit);
}

static int call_tally(struct store *s, struct answer *answer, struct err *e)
{
  struct asked a;
  const int64_t bound[] = {1000, 1100, 1300};
  uint64_t between[2] = {0};
  struct store_tally t = {.bound = bound, .between = between, .bounds = 2};
  int rc = s->ops->tally(s, ask(&a), &t, e);
  rc = answer_with(rc, answer, &t.total, sizeof t.total);
  rc = rc < 0 ? rc : answer_with(rc, answer, between, sizeof between);
  buf_free(&t.sets);
  return rc;
}

static int call_explain(struct store *s, struct answer *answer, struct err *e)
{
  struct asked a;
  double parts[4] = {0};
  int rc = s->ops->explain(s, ask(&a), 22, parts, e);
  return answer_with(rc, answer, parts, sizeof parts);
}

static int call_holding(struct store *s, struct answer *answer, struct err *e)
{
  struct span term[] = {text("all"), text("rare"), text("nowhere")};
  uint64_t docs[3] = {0}, all = 0;
  int rc = s->ops->holding(s, term, 3, docs, &all, e);
  return answer_with(rc, answer, docs, sizeof docs);
}

static int answer_words(struct answer *answer, const struct store_alike *w,
                        size_t n)
{
  for (size_t i = 0; i < n; i++) {
    (void)answer_with((int)w[i].df, answer, w[i].term, w[i].n);
    (void)answer_with(0, answer, &w[i].like, sizeof w[i].like);
  }
  return 0;
}

static int call_alike(struct store *s, struct answer *answer, struct err *e)
{
  struct store_like like[] = {{text("newtonx"), 0.4}, {text("oddd"), 0.2}};
  static struct store_alike out[16];
  size_t n[2] = {0};
  int rc = s->ops->alike(s, like, 2, out, 8, n, e);
  EXPECT(rc < 0 || (n[0] == 8 && n[1] >= 1));
  rc = rc < 0 ? rc : answer_words(answer, out, n[0]);
  return rc < 0 ? rc : answer_words(answer, out + 8, n[1]);
}

static int call_prefix(struct store *s, struct answer *answer, struct err *e)
{
  static struct store_alike out[8];
  int rc = s->ops->prefix(s, text("\1newt"), out, 8, e);
  EXPECT(rc < 0 || rc == 8);
  return rc < 0 ? rc : answer_words(answer, out, (size_t)rc);
}

static int call_reset(struct store *s, struct answer *answer, struct err *e)
{
  int rc = s->ops->search_reset(s, e);
  rc = rc < 0 ? rc : s->ops->derived_reset(s, e);
  return answer_with(rc, answer, "", 0);
}

static int call_digest(struct store *s, struct answer *answer, struct err *e)
{
  uint8_t digest[32] = {0};
  int rc = s->ops->derived_digest(s, digest, e);
  return answer_with(rc, answer, digest, sizeof digest);
}

static int call_figures(struct store *s, struct answer *answer, struct err *e)
{
  struct store_stats n;
  uint64_t version = 0;
  int rc = s->ops->stats(s, &n, e);
  rc = rc < 0 ? rc : s->ops->version(s, &version, e);
  rc = rc < 0 ? rc : s->ops->check(s, e);
  return answer_with(rc, answer, &n.blocks, sizeof n.blocks);
}

static int count_saved(void *ud, const struct store_block *b, bool file)
{
  uint64_t *n = ud;
  *n += b->bytes.n + file;
  return 0;
}

static int call_salvage(struct store *s, struct answer *answer, struct err *e)
{
  uint64_t bytes = 0, good = 0, lost = 0;
  (void)s;
  int rc = store_sqlite_salvage(part(world, ""), count_saved, &bytes, &good,
                                &lost, e);
  return answer_with(rc, answer, &bytes, sizeof bytes);
}

/* ---- the sweep ---- */

static const struct scene {
  const char *name;
  body *call;
  bool writes;
  bool less; /* passes over what the disk does not give, and says so */
} scenes[] = {
    {"open", call_open, false, false},
    {"put", call_put, true, false},
    {"put_file", call_put_file, true, false},
    {"get", call_get, false, false},
    {"find", call_find, false, false},
    {"prefix_of", call_find_prefix, false, false},
    {"walk", call_walk, false, false},
    {"sweep", call_sweep, true, false},
    {"append", call_append, true, false},
    {"index", call_index, true, false},
    {"tidy", call_tidy, true, false},
    {"wait", call_wait, true, false},
    {"group", call_group, true, false},
    {"group_deaf", call_group_deaf, true, false},
    {"logs", call_logs, false, false},
    {"rows", call_rows, false, false},
    {"pairs", call_pairs, false, false},
    {"query", call_query, false, false},
    {"newest", call_newest, false, false},
    {"tally", call_tally, false, false},
    {"explain", call_explain, false, false},
    {"holding", call_holding, false, false},
    {"alike", call_alike, false, false},
    {"prefix", call_prefix, false, false},
    {"reset", call_reset, true, false},
    {"digest", call_digest, false, false},
    {"figures", call_figures, false, false},
    {"salvage", call_salvage, false, true},
};

/* What happened to memory or disk; or that the handle is no good any more: what
 * could not even be taken back for want of memory, a new handle forgets. */
static bool clean(const struct scene *c, int rc, const struct err *e)
{
  bool disk = (sweep_kinds & FAULT_DISK) != 0;
  bool shut = c->writes && rc == ERR_IO && strstr(e->text, "close and open");
  return (!disk && (rc == ERR_NOMEM || shut)) ||
         (disk && (rc == ERR_IO || rc == ERR_FULL || rc == ERR_CORRUPT));
}

struct expected {
  struct answer answer;
  uint8_t digest[32];
};

static void open_place(struct store **s)
{
  struct err e;
  NEED(open_at(s, place, &e) == 0);
}

/* What the call gives when nothing fails. */
static void expect(const struct scene *c, struct expected *out)
{
  struct err e;
  struct store *s;
  copy_world();
  open_place(&s);
  NEED(c->call(s, &out->answer, &e) == 0);
  NEED(s->ops->derived_digest(s, out->digest, &e) == 0);
  s->ops->close(s);
}

static bool same(const struct answer *a, const struct answer *b)
{
  return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

static void same_answer(const struct scene *c, struct store *s,
                        const struct expected *want, long at)
{
  struct err e = {0};
  static struct answer answer;
  answer.n = 0;
  int rc = c->call(s, &answer, &e);
  EXPECT_INT(rc, 0);
  if (rc < 0 || !same(&answer, &want->answer)) {
    printf("  %s after request %ld of kinds %u: %s\n", c->name, at, sweep_kinds,
           rc < 0 ? e.text : "another answer");
    unit_faults++;
  }
}

/* One failure at request ${at}; true when the call came so far. */
static bool fail_at(const struct scene *c, const struct expected *want,
                    struct store *s, long at, bool from, int code)
{
  struct err e = {0};
  static struct answer answer;
  answer.n = 0;
  fault_arm(sweep_kinds, at + 1, from, code);
  int rc = c->call(s, &answer, &e);
  fault_heal();
  bool reached = fault.requests > at;
  cases++;
  hits += rc != 0;
  bool less = c->less && (sweep_kinds & FAULT_DISK) != 0;
  if (rc == 0 && !less && !same(&answer, &want->answer)) {
    printf("  %s, request %ld of kinds %u: a wrong answer\n", c->name, at,
           sweep_kinds);
    unit_faults++;
  }
  if (rc != 0 && (!clean(c, rc, &e) || e.code != rc || e.text[0] == '\0')) {
    printf("  %s, request %ld of kinds %u%s: %d %s\n", c->name, at, sweep_kinds,
           from ? " and on" : "", rc, e.text);
    unit_faults++;
  }
  EXPECT(reached || rc == 0);
  return reached;
}

static void recover(const struct scene *c, const struct expected *want, long at)
{
  struct err e = {0};
  struct store *s;
  uint8_t digest[32];
  open_place(&s);
  EXPECT_INT(s->ops->check(s, &e), 0);
  same_answer(c, s, want, at);
  NEED(s->ops->derived_digest(s, digest, &e) == 0);
  if (memcmp(digest, want->digest, sizeof digest) != 0) {
    printf("  %s after request %ld of kinds %u: another index\n", c->name, at,
           sweep_kinds);
    unit_faults++;
  }
  s->ops->close(s);
}

static void sweep_one(const struct scene *c, const struct expected *want,
                      bool from, int code)
{
  bool reached = true;
  for (long at = 0; reached;) {
    struct store *s;
    copy_world();
    long heap = fault.heap_live, sqlite = fault.sqlite_live;
    open_place(&s);
    reached = fail_at(c, want, s, at, from, code);
    if (!c->writes) { /* the handle is as good as before */
      same_answer(c, s, want, at);
    }
    s->ops->close(s);
    recover(c, want, at);
    EXPECT_INT(fault.heap_live, heap);
    EXPECT_INT(fault.sqlite_live, sqlite);
    at += every_request ? at < 3000 ? 1 : at / 4 : at < 8 ? 1 : 5 + at / 3;
  }
}

static void sweep(const struct scene *c)
{
  static const struct {
    unsigned kinds;
    bool from;
    int code;
  } way[] = {{FAULT_HEAP, false, 0},      {FAULT_HEAP, true, 0},
             {FAULT_SQLITE, false, 0},    {FAULT_SQLITE, true, 0},
             {FAULT_DISK, false, EIO},    {FAULT_DISK, true, EIO},
             {FAULT_DISK, false, ENODEV}, /* EIO is damage where SQLite reads */
             {FAULT_WRITE, true, ENOSPC}};
  static struct expected want;
  want.answer.n = 0;
  expect(c, &want);
  for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
    sweep_kinds = way[i].kinds;
    sweep_one(c, &want, way[i].from, way[i].code);
  }
}

int main(int argc, char **argv)
{
  bool memory = access("/dev/shm", W_OK) == 0;
  (void)snprintf(world, sizeof world, "%s/store-fault-XXXXXX",
                 memory ? "/dev/shm" : "/tmp");
  memcpy(place, world, sizeof place);
  fault_start();
  NEED(mkdtemp(world) != NULL && mkdtemp(place) != NULL);
  every_request = getenv("FAULT_ALL") != NULL;
  make_world();
  int failed = 0, passed = 0;
  for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
    bool asked = argc == 1;
    for (int k = 1; k < argc; k++) {
      asked = asked || strcmp(argv[k], scenes[i].name) == 0;
    }
    unit_faults = 0;
    if (asked) {
      sweep(&scenes[i]);
      passed += unit_faults == 0;
      failed += unit_faults != 0;
    }
    if (unit_faults != 0) {
      printf("not ok - %s\n", scenes[i].name);
    }
  }
  for (size_t i = 0; i < 12; i++) {
    block_free(&blocks[i]);
  }
  for (size_t i = 0; i < 8; i++) {
    block_free(&extra[i]);
  }
  wipe(world);
  wipe(place);
  (void)rmdir(world);
  (void)rmdir(place);
  printf("%ld failures, %ld told\n", cases, hits);
  printf("%d passed, %d failed, 0 skipped\n", passed, failed);
  return failed != 0;
}
