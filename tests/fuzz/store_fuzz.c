/* SPDX-License-Identifier: 0BSD */
/* A station whose files were damaged while nobody looked: opened, read,
 * searched, checked, derived again, salvaged. The first byte says:
 *   bit 0      it is opened for reading only
 *   bit 1      it is derived again
 *   bit 2      it is salvaged
 *   bit 3      it takes in something new
 * Then wounds: kind (1 byte), length (2, big endian), body: where (3 bytes),
 * then bytes.
 *   kind even  of the main file; odd: of the one with blocks of files
 *   kind / 2   0 bytes are overlaid by exclusive or, 1 put in their place,
 *              2 the page is zeroed, 3 the file ends there, 4 a page that the
 *              bytes name takes its place
 * Nothing may end but with a sentence, and what is given out is what its name
 * says. */
#include "fuzz/demand.h"
#include "fuzz/pieces.h"
#include "station_shelf.h"

#define PAGE 4096u
#define RECORDS 24

PIECES_MUTATOR(1, 1)

static struct home home;
static struct buf whole[2];
static struct cid known[RECORDS], file_root;
static uint64_t all_blocks;

/* Records enough for the search index to have segments, and two files. */
static void publish_all(void)
{
  static char text[4096];
  struct job *j = NULL;
  struct err e = {0};
  struct buf large = {0};
  shelf_noise(&large, 40000, 5);
  shelf_write(home_file(&home, "large"), buf_span(&large));
  buf_free(&large);
  NEED(files_add(&j, home.st, home_file(&home, "large"), FILE_CUT_FIXED, &e) ==
       0);
  NEED(run_job(j, &e) == 0 && j->result.has_link);
  file_root = j->result.link;
  job_del(j);
  for (int i = 0; i < RECORDS; i++) {
    size_t n = 0;
    for (int w = 0; w < 20; w++) {
      n += (size_t)snprintf(text + n, sizeof text - n, "word%d common ",
                            (i * 7 + w * w) % 90);
    }
    struct made m = {.n = i,
                     .key = i % 5 == 0 ? "same" : NULL,
                     .title = "a title",
                     .text = text,
                     .files = i == 3 ? 1 : 0,
                     .file = &file_root,
                     .size = 40000};
    known[i] = home_publish(&home, i % 3 == 0 ? "c" : "edu/b", &m,
                            SHELF_NOW - 1000 + i);
  }
  struct made back = {.type = "withdraw", .about = &known[9]};
  (void)home_publish(&home, "c", &back, SHELF_NOW);
}

static void leave(void)
{
  home_end(&home);
}

static void set_up(void)
{
  struct station_stats stats;
  struct err e = {0};
  if (whole[0].n > 0) {
    return;
  }
  home_new(&home);
  (void)atexit(leave);
  publish_all();
  home_rebuild(&home);
  NEED(station_stats(home.st, &stats, &e) == 0);
  all_blocks = stats.store.blocks;
  station_close(home.st);
  home.st = NULL;
  shelf_read(home_file(&home, "s"), &whole[0]);
  shelf_read(home_file(&home, "s-files"), &whole[1]);
}

/* ---- damage ---- */

static void wound(struct buf *b, int how, struct span s)
{
  if (s.n < 3 || b->n == 0) {
    return;
  }
  size_t at = ((size_t)s.p[0] << 16 | (size_t)s.p[1] << 8 | s.p[2]) % b->n;
  size_t page = at / PAGE * PAGE;
  struct span rest = span_of(s.p + 3, s.n - 3);
  for (size_t i = 0; how < 2 && i < rest.n && at + i < b->n; i++) {
    b->p[at + i] = how == 0 ? b->p[at + i] ^ rest.p[i] : rest.p[i];
  }
  if (how == 2) {
    memset(b->p + page, 0, b->n - page < PAGE ? b->n - page : PAGE);
  } else if (how == 3) {
    b->n = at;
  } else if (how == 4 && rest.n >= 2) {
    size_t from = ((size_t)rest.p[0] << 8 | rest.p[1]) * PAGE % b->n;
    from = from / PAGE * PAGE;
    if (b->n - from >= PAGE && b->n - page >= PAGE) {
      memmove(b->p + page, b->p + from, PAGE);
    }
  }
}

static bool damage(struct span s)
{
  static struct pieces p;
  static struct buf now[2];
  static const char *const names[] = {"s", "s-files"};
  pieces_read(&p, (struct pieces_shape){0, 1}, s.p, s.n);
  for (int i = 0; i < 2; i++) {
    buf_clear(&now[i]);
    NEED(buf_put(&now[i], whole[i].p, whole[i].n) == 0);
  }
  for (size_t i = 0; i < p.n; i++) {
    wound(&now[p.at[i].head[0] & 1], p.at[i].head[0] / 2 % 5,
          span_of(p.at[i].body, p.at[i].n));
  }
  (void)unlink(home_file(&home, "s-wal"));
  (void)unlink(home_file(&home, "s-shm"));
  (void)unlink(home_file(&home, "s-files-wal"));
  for (int i = 0; i < 2; i++) {
    shelf_write(home_file(&home, names[i]), buf_span(&now[i]));
  }
  return p.n > 0;
}

/* ---- use ---- */

/* It went well, or there is a sentence. */
static int told(int rc, struct err *e)
{
  demand(rc >= 0 || (e->text[0] != '\0' && e->code == rc));
  *e = (struct err){0};
  return rc;
}

static int proved(void *ud, const struct entry *en)
{
  (void)ud;
  demand(cid_verify(&en->cid, en->block.p, en->block.n) == 0);
  return 0;
}

static int proved_hit(void *ud, const struct search_hit *hit)
{
  demand(hit->title.n == 0 || hit->title.p != NULL);
  return proved(ud, hit->entry);
}

static void run(struct job *j)
{
  struct err e = {0};
  (void)told(run_job(j, &e), &e);
  job_del(j);
}

static void read_all(void)
{
  struct err e = {0};
  struct page page = {0};
  struct reader *r = NULL;
  struct span out;
  struct page_query q = {.collection = span_of("c", 1), .max = 50};
  (void)told(station_page(home.st, &q, &page, proved, NULL, &e), &e);
  for (int i = 0; i < RECORDS; i += 7) {
    struct entry en = {0};
    if (told(station_get(home.st, &known[i], &en, &e), &e) == 0) {
      demand(cid_equal(&en.cid, &known[i]));
      (void)proved(NULL, &en);
    }
    entry_free(&en);
  }
  if (told(reader_new(&r, home.st, &file_root, &e), &e) == 0) {
    while (told(reader_next(r, 100000, &out, &e), &e) == 0 && out.n > 0) {
    }
    reader_del(r);
  }
}

static void search_all(void)
{
  static const char *const texts[] = {"common", "word7 word11", "wrod7",
                                      "\"common word\"", "title -word3"};
  struct err e = {0};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct search_query q = {.text = span_of(texts[i], strlen(texts[i])),
                             .limit = 10};
    (void)told(station_search(home.st, &q, proved_hit, NULL, &e), &e);
  }
}

/* All that is left of it goes into an empty station. */
static void salvage(void)
{
  struct home other;
  struct err e = {0};
  struct station_stats stats;
  uint64_t saved = 0, lost = 0;
  home_new(&other);
  if (told(station_salvage(other.st, home_file(&home, "s"), &saved, &lost, &e),
           &e) == 0) {
    /* A page that lies there twice gives its blocks twice; they are the same
     * blocks. A record and its parcel may have been added. */
    NEED(station_stats(other.st, &stats, &e) == 0);
    demand(stats.store.blocks <= all_blocks + 2 && stats.store.blocks <= saved);
    demand(home_sound(&other));
  }
  home_end(&other);
}

static void use(uint8_t how)
{
  struct err e = {0};
  struct job *j = NULL;
  read_all();
  search_all();
  if (told(station_verify(&j, home.st, true, &e), &e) == 0) {
    run(j);
  }
  if ((how & 8) != 0) {
    struct made m = {.n = 1000, .title = "new"};
    struct cid id;
    (void)told(home_try_publish(&home, "c", &m, SHELF_NOW, &id, &e), &e);
  }
  if ((how & 2) != 0 && told(station_rebuild(&j, home.st, &e), &e) == 0) {
    run(j);
    read_all();
    search_all();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct err e = {0};
  if (size == 0 || size > 20000) {
    return 0;
  }
  set_up();
  (void)damage(span_of(data + 1, size - 1));
  if (told(home_try(&home, (data[0] & 1) != 0, &e), &e) == 0) {
    use(data[0]);
    station_close(home.st);
    home.st = NULL;
  }
  if ((data[0] & 4) != 0) {
    salvage();
  }
  return 0;
}
