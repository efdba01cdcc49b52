/* SPDX-License-Identifier: 0BSD */
/* The power is cut at every moment of a store's life, of a carry file's and
 * of a key file's, and the disk keeps any part of what was not synced: torn,
 * out of order, rubbish between. What was acknowledged is there after, the
 * store is sound, files are whole or not there. Then the same on a disk that
 * lies about its syncs: what is left of the rows is saved to the last.
 *
 * Bugs that were planted, and caught: `synchronous = NORMAL` in sqlite.c; no
 * fsync in outfile_finish; no sync of the folder in keyfile.c; the directory
 * committed before the bytes in sq_files_put; salvage without take_aside. */
#include "cut_check.h"

#include "form/keyfile.h"
#include "station/carfile.h"
#include "store/store.h"
#include "unit/store_conformance.h"

/* ---- the store ---- */

#define STORE_STEPS 14
#define BIG 20000 /* such blocks go to the store's second file */

/* The bytes don't compress: they rest as they are. */
static struct store_block noise(uint64_t seed, size_t n)
{
  static uint8_t bytes[2][BIG];
  uint8_t *p = bytes[seed % 2];
  uint64_t x = seed * 2 + 88172645463325253u;
  struct store_block b = {.bytes = span_of(p, n)};
  for (size_t i = 0; i < n; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    p[i] = (uint8_t)(x >> 32);
  }
  NEED(cid_of(&b.cid, seed % 2 ? CID_RAW : CID_DAG_CBOR, p, n) == 0);
  return b;
}

static int open_store(struct store **out)
{
  struct store_options o = {.create = true};
  return store_sqlite_open(out, "/cut/s", &o, &cut_err);
}

/* Step i puts block 2i and lists it, puts a file's block 2i+1, large in every
 * third; every fifth step takes the block of the one before it away. */
static size_t file_size(int i)
{
  return i % 3 == 0 ? BIG : 500;
}

static bool erases(int i)
{
  return i % 5 == 4;
}

static int store_erase(struct store *s, int i)
{
  struct store_block b = noise((uint64_t)i * 2, 300);
  uint64_t ref = 0;
  struct store_batch batch = {.erase = &ref, .erase_n = 1};
  int rc = s->ops->find(s, &b.cid, 1, &ref, &cut_err);
  NEED(rc == 0 && ref != 0);
  return s->ops->append(s, &batch, NULL, NULL, &cut_err);
}

static int store_put(struct store *s, int i)
{
  struct store_block b = noise((uint64_t)i * 2, 300);
  struct store_block file = noise((uint64_t)i * 2 + 1, file_size(i));
  uint64_t log = STORE_NEW(0);
  struct store_row row = {1, span_of("k", 1), i, STORE_NEW(0), false};
  struct store_doc doc = {.ref = STORE_NEW(0),
                          .length = 2,
                          .terms = span_of("\001a\001b", 4),
                          .facets = span_of("\001f", 2)};
  struct store_batch batch = {.collection = span_of("c", 1),
                              .blocks = &b,
                              .blocks_n = 1,
                              .log = &log,
                              .log_n = 1,
                              .add = &row,
                              .add_n = 1,
                              .docs = &doc,
                              .docs_n = 1};
  int rc = s->ops->put(s, &file, 1, true, NULL, NULL, &cut_err);
  if (rc == 0) {
    rc = s->ops->append(s, &batch, NULL, NULL, &cut_err);
  }
  return rc;
}

/* Steps 6, 7 and 8 are one group. Erasing is a step of its own. */
static void run_store(void)
{
  struct store *s = NULL;
  NEED(open_store(&s) == 0);
  for (int i = 0; i < STORE_STEPS; i++) {
    if (i == 6) {
      NEED(s->ops->group(s, true, &cut_err) == 0);
    }
    NEED(store_put(s, i) == 0);
    if (i == 8) {
      NEED(s->ops->group(s, false, &cut_err) == 0);
      acked();
      acked();
    }
    if (i < 6 || i >= 8) {
      acked();
    }
    if (erases(i)) {
      NEED(store_erase(s, i - 1) == 0);
      acked();
    }
    if (i == 3 || i == 10) { /* with a checkpoint, and the WAL begins anew */
      s->ops->close(s);
      NEED(open_store(&s) == 0);
    }
  }
  s->ops->close(s);
}

static bool garbled; /* a block has other bytes, or can't be read */

static bool holds(struct store *s, uint64_t seed, size_t size)
{
  struct store_block b = noise(seed, size);
  struct buf out = {0};
  int rc = s->ops->get(s, &b.cid, &out, &cut_err);
  bool same = rc == 0 && span_equal(buf_span(&out), b.bytes);
  garbled = garbled || !(same || rc == ERR_NOENT);
  buf_free(&out);
  return same;
}

static bool store_fault(const char *what, int i, int n)
{
  (void)err_set(&cut_err, ERR_CORRUPT, "%s of step %d, with %d listed", what, i,
                n);
  return false;
}

/* Is all of the first ${puts} there, and what was erased gone? ${steps}: with
 * the erasing ones. */
static bool store_is(struct store *s, int puts, int *steps)
{
  *steps = puts;
  for (int i = 0; i < puts; i++) {
    bool here = holds(s, (uint64_t)i * 2, 300);
    bool last = i == puts - 2; /* its eraser may not have come so far */
    bool gone = i + 1 < puts && erases(i + 1);
    if (here == gone && !(last && here)) {
      return store_fault("the block", i, puts);
    }
    *steps += !here;
    if (!holds(s, (uint64_t)i * 2 + 1, file_size(i))) {
      return store_fault("the file", i, puts);
    }
  }
  /* The next file may be there, or not; never an entry without its bytes. */
  (void)holds(s, (uint64_t)puts * 2 + 1, file_size(puts));
  return !holds(s, (uint64_t)puts * 2, 300) ||
         store_fault("the block", puts, puts);
}

static int see_store(void)
{
  struct store *s = NULL;
  uint64_t puts = 0;
  int steps = -1;
  if (open_store(&s) < 0) {
    return -1;
  }
  int rc = s->ops->check(s, &cut_err);
  if (rc == 0) {
    rc = s->ops->count(s, span_of("c", 1), &puts, &cut_err);
  }
  if (rc == 0 && (puts == 7 || puts == 8)) {
    rc = err_set(&cut_err, ERR_CORRUPT, "a part of a group");
  }
  garbled = false;
  bool sound = rc == 0 && store_is(s, (int)puts, &steps) && !garbled;
  s->ops->close(s);
  return sound ? steps : -1;
}

static void test_store(void)
{
  static struct disk base;
  disk_free(&disk);
  record_start(&base);
  run_store();
  struct tally t = cut_everywhere(&base, see_store, states_wanted * 5 / 12);
  expect_none_lost("store", &t);
  EXPECT(t.distinct > 1000);
  disk_free(&base);
}

/* ---- a disk that lies ---- */

#define BLOCKS (2 * STORE_STEPS)
#define FRAME (24 + 4096)

static struct disk truth; /* as if every write had come to rest */
static bool saved[BLOCKS], resting[BLOCKS];
static uint64_t rows_resting, rows_unsaved;

static struct store_block blocks[BLOCKS];

static void make_blocks(void)
{
  static uint8_t bytes[BLOCKS][BIG];
  for (int i = 0; i < BLOCKS; i++) {
    blocks[i] = noise((uint64_t)i, i % 2 ? file_size(i / 2) : 300);
    memcpy(bytes[i], blocks[i].bytes.p, blocks[i].bytes.n);
    blocks[i].bytes.p = bytes[i];
  }
}

static int note_saved(void *ud, const struct store_block *b, bool file)
{
  (void)ud;
  (void)file;
  for (int i = 0; i < BLOCKS; i++) {
    saved[i] = saved[i] || cid_equal(&blocks[i].cid, &b->cid);
  }
  return 0;
}

/* The rows of a page that lies there as it was written. */
static void note_resting(const uint8_t *page, size_t n)
{
  for (int i = 0; i < BLOCKS; i++) {
    const struct store_block *b = &blocks[i];
    resting[i] =
        resting[i] || (memmem(page, n, cid_digest(&b->cid), 32) != NULL &&
                       memmem(page, n, b->bytes.p, b->bytes.n) != NULL);
  }
}

static void find_resting(const struct disk *d, const char *name, size_t head,
                         size_t page)
{
  int is = -1, was = -1;
  for (int i = 0; i < DISK_NAMES; i++) {
    is = strcmp(d->name[i].text, name) == 0 ? d->name[i].file : is;
    was = strcmp(truth.name[i].text, name) == 0 ? truth.name[i].file : was;
  }
  if (is < 0 || was < 0) {
    return;
  }
  const struct disk_file *f = &d->file[is], *t = &truth.file[was];
  for (size_t at = head; at + page <= f->n && at + page <= t->n; at += page) {
    if (memcmp(f->p + at, t->p + at, page) == 0) {
      note_resting(f->p + at, page);
    }
  }
}

/* The state on the live disk: what lies whole in it is saved. */
static void judge_salvage(void)
{
  uint64_t good, lost;
  memset(saved, 0, sizeof saved);
  memset(resting, 0, sizeof resting);
  find_resting(&disk, "s", 0, 4096);
  find_resting(&disk, "s-wal", 32, FRAME);
  find_resting(&disk, "s-files", 0, 65536);
  int rc =
      store_sqlite_salvage("/cut/s", note_saved, NULL, &good, &lost, &cut_err);
  bool there = disk_find(&disk, "s") >= 0;
  EXPECT(rc == 0 || (rc == ERR_NOENT && !there));
  for (int i = 0; i < BLOCKS; i++) {
    rows_resting += there && resting[i];
    rows_unsaved += there && resting[i] && !saved[i];
  }
}

/* Syncs that do nothing, more and more of them. */
static void test_liar(void)
{
  static struct disk base;
  static struct cut_walk w;
  uint64_t n = 0, broken = 0;
  make_blocks();
  disk_free(&disk);
  record_start(&base);
  run_store();
  disk_recording = false;
  uint64_t each = states_wanted / 24 / (disk_log_n + 1) + 1;
  for (uint32_t lies = 20; lies <= 100; lies += 40) {
    disk_copy(&truth, &base);
    cut_start(&w, &base);
    w.lies = lies;
    do {
      for (uint64_t i = 0; i < each; i++, n++) {
        cut_state(&disk, &w.durable, w.pending, w.pending_n,
                  i % 3 == 2 ? CUT_FILES : CUT_ANY);
        judge_salvage();
        broken += n % 16 == 0 && see_store() < 0;
        cut_forget_fds();
      }
      truth.files = w.durable.files;
      if (w.at < disk_log_n) {
        truth.files = disk_log[w.at].file >= truth.files
                          ? disk_log[w.at].file + 1
                          : truth.files;
        op_apply(&truth, &disk_log[w.at]);
      }
    } while (cut_next(&w));
    cut_end(&w);
  }
  printf("  lying disk: %llu states, about one in %llu of no use; %llu rows"
         " rest there whole, %llu of them not saved\n",
         (unsigned long long)n,
         (unsigned long long)(broken > 0 ? n / 16 / broken : 0),
         (unsigned long long)rows_resting, (unsigned long long)rows_unsaved);
  EXPECT(broken > 0 && rows_resting > n);
  EXPECT_INT(rows_unsaved, 0);
  disk_free(&base);
  disk_free(&truth);
}

/* ---- carry files and whatever else appears whole ---- */

#define CAR_BLOCKS 6

/* What the folder's files must hold. */
static struct disk_file old_list, new_list, whole_car;

static void keep(struct disk_file *to, const char *name)
{
  int file = disk_find(&disk, name);
  NEED(file >= 0);
  to->n = 0;
  disk_put(to, 0, disk.file[file].p, disk.file[file].n);
}

static bool is_file(int file, const struct disk_file *want)
{
  const struct disk_file *f = &disk.file[file];
  return f->n == want->n && memcmp(f->p, want->p, f->n) == 0;
}

static void write_car(void)
{
  struct carfile f;
  struct cid root;
  int rc;
  NEED(cid_of(&root, CID_RAW, "", 0) == 0);
  NEED(carfile_start(&f, "/cut/x.car", true, 1, &cut_err) == 0);
  NEED(carfile_header(&f, &root, &cut_err) == 0);
  for (uint64_t i = 0; i < CAR_BLOCKS; i++) {
    struct store_block b = block_make(i, 30000);
    NEED(carfile_block(&f, &b.cid, b.bytes, &cut_err) == 0);
    NEED(carfile_flush(&f, &cut_err) == 0);
    block_free(&b);
  }
  NEED(carfile_sync(&f, &cut_err) == 0);
  while ((rc = carfile_check(&f, &cut_err)) > 0) {
  }
  NEED(rc == 0);
  NEED(carfile_finish(&f, "/cut/x.car", &cut_err) == 0);
  carfile_free(&f);
}

/* A file in the place of an older one, then a carry file beside it. */
static void write_list(const char *text)
{
  struct outfile f;
  NEED(outfile_start_path(&f, "/cut/list", &cut_err) == 0);
  for (int i = 0; i < 5; i++) {
    NEED(outfile_write(&f, span_of(text, strlen(text)), &cut_err) == 0);
  }
  NEED(outfile_finish(&f, "list", true, &cut_err) == 0);
  outfile_drop(&f);
}

static int see_files(void)
{
  int list = disk_find(&disk, "list"), car = disk_find(&disk, "x.car");
  bool is_new = list >= 0 && is_file(list, &new_list);
  if ((list < 0 || !(is_new || is_file(list, &old_list))) ||
      (car >= 0 && !is_file(car, &whole_car))) {
    (void)err_set(&cut_err, ERR_CORRUPT, "%s is not whole",
                  car >= 0 ? "the carry file" : "the list");
    return -1;
  }
  return car >= 0 ? 2 : is_new;
}

static void test_files(void)
{
  static struct disk base;
  disk_free(&disk);
  write_list("old ");
  keep(&old_list, "list");
  record_start(&base);
  write_list("brand new ");
  acked();
  write_car();
  acked();
  keep(&new_list, "list");
  keep(&whole_car, "x.car");
  struct tally t = cut_everywhere(&base, see_files, states_wanted / 4);
  expect_none_lost("carry file", &t);
  EXPECT(t.distinct > 100);
  disk_free(&base);
}

/* ---- the key file ---- */

static struct identity *key_made;

/* Done: the same key is there. Before: none, or a whole one, and then the
 * next one to ask for a new identity gets an answer. */
static int see_key(void)
{
  struct identity *id = NULL;
  bool there = disk_find(&disk, "k.key") >= 0;
  int rc = keyfile_load(&id, "/cut/k.key", NULL, &cut_err);
  bool same = rc == 0 && memcmp(identity_key(id), identity_key(key_made),
                                CRYPT_KEY_SIZE) == 0;
  identity_del(id);
  if (same || (!there && rc == ERR_NOENT)) {
    return same;
  }
  return -1;
}

static void test_key(void)
{
  static struct disk base;
  disk_free(&disk);
  NEED(identity_new(&key_made, &cut_err) == 0);
  record_start(&base);
  NEED(keyfile_save("/cut/k.key", key_made, NULL, &cut_err) == 0);
  acked();
  struct tally t = cut_everywhere(&base, see_key, states_wanted / 12);
  expect_none_lost("key file", &t);
  EXPECT(t.distinct > 1);
  identity_del(key_made);
  disk_free(&base);
}

int main(void)
{
  cut_begin(60000);
  NEED(crypt_start(&cut_err) == 0);
  RUN(test_store);
  RUN(test_liar);
  RUN(test_files);
  RUN(test_key);
  cut_stop();
  return unit_done();
}
