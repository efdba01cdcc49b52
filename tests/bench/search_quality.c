/* SPDX-License-Identifier: 0BSD */
/* How well are right documents found? Runs the collections beside the
 * repository ($SEARCH_DEV) through the recipe of text/recipe.h and prints
 * MRR@10 and Recall@10 beside what is to be reached, then those of FTS5 with
 * unicode61 and with the trigrams of the words, and Xapian; of damaged queries
 * they are asked every fourth. Exits 1 when a set of ours falls short. PEERS=no
 * leaves the others out. Arguments: the sets to run, default all. */
#include "search_oracle.h"

#include "dev_file.h"
#include "peers.h"

#include <string.h>

#define DEPTH 10

#define NEED(cond)                                                             \
  do {                                                                         \
    if (!(cond)) {                                                             \
      printf("needed %s\n", #cond);                                            \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

struct set {
  const char *name, *folder, *queries, *judgements;
  double mrr, recall; /* to reach; 0: no figure was set */
};

static const struct set sets[] = {
    {"ar", "ar", "queries", "qrels", .850, .950},
    {"ar, an edit in every word", "ar", "queries.typoall", "qrels", .68, 0},
    {"ar, an edit in the longest", "ar", "queries.typoone", "qrels", .80, 0},
    {"ar, wrong dots", "ar", "queries.dots", "qrels", .72, 0},
    {"ar, hamza, yeh, heh swapped", "ar", "queries.ortho", "qrels", -.003, 0},
    {"en", "en", "queries", "qrels", .835, .939},
    {"en, an edit in every word", "en", "queries.typoall", "qrels", .77, 0},
    {"en, an edit in the longest", "en", "queries.typoone", "qrels", .82, 0},
    {"ckbq", "ckbq", "queries", "qrels", .800, .896},
    {"ckbqk", "ckbq", "queries-kw", "qrels-kw", .366, .556},
    {"ckbqk, Arabic keyboard", "ckbq", "queries-kw.kbd", "qrels-kw", -.010, 0},
    {"ckbqk, an edit in every word", "ckbq", "queries-kw.typoall", "qrels-kw",
     0, 0},
    {"ckbqk, an edit in the longest", "ckbq", "queries-kw.typoone", "qrels-kw",
     0, 0},
    {"ktc", "ktc", "queries", "qrels", .346, .584},
    {"ktc, Arabic keyboard", "ktc", "queries.kbd", "qrels", -.010, 0},
    {"ktc, yeh and kaf swapped", "ktc", "queries.ykswap", "qrels", -.003, 0},
    {"ktc, an edit in every word", "ktc", "queries.typoall", "qrels", 0, 0},
    {"ktc, an edit in the longest", "ktc", "queries.typoone", "qrels", 0, 0},
    {"arq", "arq", "queries", "qrels", .970, .998},
    {"had", "had", "queries", "qrels", .953, .990},
};
#define SETS (sizeof sets / sizeof sets[0])

static char dir[64]; /* of the others' indexes */
static const char *program;

/* A collection in memory. */
struct collection {
  struct oracle *oracle;
  struct buf docs;
  struct span *id; /* of each document, into docs */
  struct span *text;
  size_t n;
  struct peer peer[PEER_KINDS];
  bool there[PEER_KINDS];
};

static bool load_file(struct buf *out, const struct set *s, const char *file,
                      const char *ending)
{
  char name[256];
  (void)snprintf(name, sizeof name, "%s/%s%s", s->folder, file, ending);
  return dev_load(out, name);
}

/* Documents are packed: gzip reads them for us. */
static bool load_docs(struct buf *out, const struct set *s)
{
  char command[4352];
  const char *root = getenv("SEARCH_DEV");
  struct buf packed = {0};
  bool there = load_file(&packed, s, "docs.tsv", ".gz");
  buf_free(&packed);
  if (!there) {
    return false;
  }
  (void)snprintf(command, sizeof command, "gzip -dc '%s/%s/docs.tsv.gz'", root,
                 s->folder);
  FILE *f = popen(command, "r");
  NEED(f != NULL);
  size_t n = 1;
  buf_clear(out);
  while (n > 0) {
    NEED(buf_reserve(out, 1 << 20) == 0);
    n = fread(out->p + out->n, 1, 1 << 20, f);
    out->n += n;
  }
  NEED(pclose(f) == 0);
  return true;
}

static bool collection_load(struct collection *c, const struct set *s)
{
  struct span column[3];
  size_t at = 0, cap = 0;
  if (!load_docs(&c->docs, s)) {
    return false;
  }
  c->oracle = oracle_new();
  while (dev_line(buf_span(&c->docs), &at, column, 3) == 3) {
    if (c->n == cap) {
      cap = cap == 0 ? 4096 : cap * 2;
      c->id = realloc(c->id, cap * sizeof *c->id);
      c->text = realloc(c->text, cap * sizeof *c->text);
      NEED(c->id != NULL && c->text != NULL);
    }
    c->text[c->n] = column[2];
    c->id[c->n++] = column[0];
    oracle_add(c->oracle, column[2]);
  }
  oracle_ready(c->oracle);
  return true;
}

/* Xapian has no stemmer for Sorani. */
static const char *stemmer_of(const struct set *s)
{
  return strcmp(s->folder, "en") == 0                          ? "english"
         : *s->folder == 'k' || strcmp(s->folder, "ckbq") == 0 ? "none"
                                                               : "arabic";
}

static void peers_load(struct collection *c, const struct set *s)
{
  for (int k = 0; k < PEER_KINDS; k++) {
    struct peer *p = &c->peer[k];
    c->there[k] = peer_open(p, (enum peer_kind)k, dir, program, stemmer_of(s));
    for (size_t i = 0; c->there[k] && i < c->n; i++) {
      peer_add(p, c->text[i]);
    }
    if (c->there[k]) {
      peer_ready(p);
    }
  }
}

static void collection_free(struct collection *c)
{
  for (int k = 0; k < PEER_KINDS; k++) {
    if (c->there[k]) {
      peer_close(&c->peer[k]);
    }
  }
  free(c->text);
  if (c->oracle != NULL) {
    oracle_del(c->oracle);
  }
  buf_free(&c->docs);
  free(c->id);
  memset(c, 0, sizeof *c);
}

/* One judgement: this document answers this query. */
struct judgement {
  struct span query, doc;
};

static int by_query(const void *a, const void *b)
{
  const struct judgement *x = a, *y = b;
  return span_compare(x->query, y->query);
}

struct judgements {
  struct buf file;
  struct judgement *one;
  size_t n;
};

static bool judgements_load(struct judgements *j, const struct set *s)
{
  struct span column[3];
  size_t at = 0, cap = 0;
  if (!load_file(&j->file, s, s->judgements, ".tsv")) {
    return false;
  }
  while (dev_line(buf_span(&j->file), &at, column, 3) >= 2) {
    if (j->n == cap) {
      cap = cap == 0 ? 4096 : cap * 2;
      j->one = realloc(j->one, cap * sizeof *j->one);
      NEED(j->one != NULL);
    }
    j->one[j->n++] = (struct judgement){column[0], column[1]};
  }
  qsort(j->one, j->n, sizeof *j->one, by_query);
  return true;
}

struct figures {
  double mrr, recall;
  size_t queries;
};

/* Add one query's figures: those of search/dev/eval.py. */
static void judge(struct figures *f, const struct judgements *j,
                  struct span query, const struct collection *c,
                  const struct oracle_hit *hits, size_t n)
{
  size_t from = 0, right = 0, found = 0, first = DEPTH;
  while (from < j->n && span_compare(j->one[from].query, query) < 0) {
    from++;
  }
  for (; from < j->n && span_equal(j->one[from].query, query); from++) {
    right++;
    for (size_t i = 0; i < n; i++) {
      if (span_equal(c->id[hits[i].doc], j->one[from].doc)) {
        found++;
        first = i < first ? i : first;
      }
    }
  }
  if (right > 0) {
    f->queries++;
    f->mrr += first < DEPTH ? 1.0 / (double)(first + 1) : 0;
    f->recall += (double)found / (double)(right < DEPTH ? right : DEPTH);
  }
}

static void judge_peer(struct figures *f, const struct judgements *j,
                       const struct span column[2], const struct collection *c,
                       struct peer *p)
{
  struct oracle_hit hits[DEPTH];
  uint64_t doc[PEER_DEPTH];
  double seconds;
  size_t n = peer_ask(p, column[1], true, doc, &seconds);
  for (size_t i = 0; i < n; i++) {
    hits[i] = (struct oracle_hit){.doc = (uint32_t)doc[i] - 1};
  }
  judge(f, j, column[0], c, hits, n);
}

static void finish(struct figures *f)
{
  if (f->queries > 0) {
    f->mrr /= (double)f->queries;
    f->recall /= (double)f->queries;
  }
}

/* ${f}: ours, then the others'. */
static bool run(struct figures f[1 + PEER_KINDS], struct collection *c,
                const struct set *s)
{
  struct judgements j = {0};
  struct buf queries = {0};
  struct span column[2];
  struct oracle_hit hits[DEPTH];
  size_t at = 0, step = strchr(s->name, ',') != NULL ? 4 : 1;
  bool there =
      load_file(&queries, s, s->queries, ".tsv") && judgements_load(&j, s);
  for (size_t i = 0; there && dev_line(buf_span(&queries), &at, column, 2) == 2;
       i++) {
    size_t n = oracle_search(c->oracle, column[1], true, hits, DEPTH);
    judge(f, &j, column[0], c, hits, n);
    for (int k = 0; i % step == 0 && k < PEER_KINDS; k++) {
      if (c->there[k]) {
        judge_peer(&f[1 + k], &j, column, c, &c->peer[k]);
      }
    }
  }
  for (int k = 0; k < 1 + PEER_KINDS; k++) {
    finish(&f[k]);
  }
  buf_free(&queries);
  buf_free(&j.file);
  free(j.one);
  return there && f->queries > 0;
}

/* ${clean}: the MRR of the collection's undamaged queries. */
static bool report(const struct set *s, const struct figures *f, double clean)
{
  double want = s->mrr < 0 ? clean + s->mrr : s->mrr;
  bool good = f->mrr >= want && f->recall >= s->recall;
  printf("%-30s %6zu  %.4f / %.4f", s->name, f->queries, f->mrr, f->recall);
  if (want > 0) {
    printf("   reach %.3f", want);
  }
  if (s->recall > 0) {
    printf(" / %.3f", s->recall);
  }
  puts(good ? "" : "   SHORT");
  for (int k = 0; k < PEER_KINDS; k++) {
    if (f[1 + k].queries > 0) {
      printf("  %-28s %6zu  %.4f / %.4f\n", peer_name[k], f[1 + k].queries,
             f[1 + k].mrr, f[1 + k].recall);
    }
  }
  (void)fflush(stdout);
  return good;
}

static bool wanted(const struct set *s, int argc, char **argv)
{
  for (int i = 1; i < argc; i++) {
    if (strncmp(s->name, argv[i], strlen(argv[i])) == 0) {
      return true;
    }
  }
  return argc < 2;
}

int main(int argc, char **argv)
{
  struct collection c = {0};
  const char *loaded = "";
  double clean = 0;
  int missing = 0, fell_short = 0;
  program = argv[0];
  (void)snprintf(dir, sizeof dir, "/tmp/search_quality.XXXXXX");
  NEED(mkdtemp(dir) != NULL);
  printf("%-30s %6s  %s\n", "set", "", "MRR@10 / Recall@10");
  for (size_t i = 0; i < SETS; i++) {
    struct figures f[1 + PEER_KINDS] = {{0}};
    if (!wanted(&sets[i], argc, argv)) {
      continue;
    }
    if (strcmp(loaded, sets[i].folder) != 0) {
      collection_free(&c);
      loaded = sets[i].folder;
      if (!collection_load(&c, &sets[i])) {
        missing++;
        loaded = "";
        continue;
      }
      const char *peers = getenv("PEERS");
      if (peers == NULL || strcmp(peers, "no") != 0) {
        peers_load(&c, &sets[i]);
      }
    }
    if (!run(f, &c, &sets[i])) {
      missing++;
      continue;
    }
    clean = sets[i].mrr < 0 || strchr(sets[i].name, ',') ? clean : f[0].mrr;
    fell_short += !report(&sets[i], f, clean);
  }
  collection_free(&c);
  (void)rmdir(dir);
  if (missing > 0) {
    printf("skipped %d sets: no $SEARCH_DEV, or not all of it\n", missing);
  }
  return fell_short > 0;
}
