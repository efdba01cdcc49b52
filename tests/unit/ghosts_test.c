/* SPDX-License-Identifier: 0BSD */
/* Blocks that somebody names and nobody has: they cost others nothing. */
#include "link_pair.h"
#include "sync/slip_text.h"

static struct home a, b;
static struct err e;

#define STRANGER 9

static void both_new(void)
{
  home_new(&a);
  home_new(&b);
}

static void both_end(void)
{
  home_end(&a);
  home_end(&b);
}

/* A parcel of the stranger and all its records. */
static void deliver(struct home *to, int64_t time, const struct made *m,
                    size_t n)
{
  struct crate c;
  static struct cid id[PARCEL_RECORDS_MAX];
  crate_start(&c);
  for (size_t i = 0; i < n; i++) {
    id[i] = made_cid(&m[i]);
  }
  (void)crate_parcel(&c, STRANGER, "c", time, id, n);
  for (size_t i = 0; i < n; i++) {
    (void)crate_record(&c, &m[i]);
  }
  EXPECT_INT(crate_unpack(&c, to).added, n);
}

static bool has_block(struct home *at, const struct cid *cid)
{
  struct buf bytes = {0};
  int rc = station_block(at->st, cid, &bytes, &e);
  buf_free(&bytes);
  return rc == 0;
}

static struct cid publish_file(struct home *at, int n, size_t size)
{
  struct cid file = link_file(at, size, (uint64_t)n + 70);
  struct made m = {.n = n,
                   .title = "honest",
                   .files = 1,
                   .file = &file,
                   .size = (int64_t)size};
  (void)home_publish(at, "c", &m, -1);
  return file;
}

/* ---- a name like another ---- */

/* A record of tomorrow that lists ${file} with its last byte changed. */
static void deliver_twin(struct home *to, const struct cid *file)
{
  struct cid twin = *file;
  twin.b[CID_SIZE - 1] ^= 1;
  struct made lie = {.n = 1, .files = 1, .file = &twin, .size = 10};
  deliver(to, SHELF_NOW + 80000, &lie, 1);
}

static void test_twin_by_session(void)
{
  struct link_pair p = {.size = 65536, .seed = 1};
  both_new();
  struct cid file = publish_file(&a, 5, 2000);
  deliver_twin(&a, &file);
  EXPECT(link_pair_sync(&p, &b, &a, NULL));
  EXPECT(has_block(&b, &file));
  both_end();
}

static void test_twin_by_stick(void)
{
  both_new();
  struct cid file = publish_file(&a, 5, 2000);
  deliver_twin(&a, &file);
  (void)shelf_carry(&a, &b);
  EXPECT(has_block(&b, &file));
  both_end();
}

/* Of a parcel that was not wanted: a record with a name like one of its own
 * comes before its parcel, and is looked for again. */
static void test_twin_elsewhere(void)
{
  struct crate c;
  struct made m = {.n = 5, .title = "honest"};
  struct cid id = made_cid(&m), twin = id;
  const struct span wanted = span_of("c", 1);
  struct unpack_options opt = {.pattern = &wanted, .patterns = 1};
  struct job *j = NULL;
  both_new();
  twin.b[CID_SIZE - 1] ^= 1;
  crate_start(&c);
  (void)crate_parcel(&c, STRANGER, "elsewhere", 1000, &twin, 1);
  (void)crate_record(&c, &m);
  (void)crate_parcel(&c, 1, "c", 1000, &id, 1);
  const char *path = home_file(&b, "crate.car");
  shelf_write(path, buf_span(&c.car));
  buf_free(&c.car);
  NEED(station_unpack(&j, b.st, path, &opt, &e) == 0);
  NEED(run_job(j, &e) == 0);
  job_del(j);
  EXPECT(home_has(&b, &id));
  both_end();
}

/* To take back what is only called alike does not keep a record out. */
static void test_twin_withdrawn(void)
{
  struct publisher *p = NULL;
  struct buf block = {0};
  struct cid id, twin;
  uint64_t committed = 0;
  struct made m = {.n = 5, .title = "honest"};
  home_new(&a);
  twin = made_cid(&m);
  twin.b[CID_SIZE - 1] ^= 1;
  struct made back = {.type = "withdraw", .about = &twin};
  NEED(publisher_new(&p, a.st, span_of("c", 1), -1, &e) == 0);
  made_block(&block, &back);
  EXPECT_INT(publisher_add(p, buf_span(&block), &id, &e), 0);
  made_block(&block, &m);
  EXPECT_INT(publisher_add(p, buf_span(&block), &id, &e), 0);
  EXPECT_INT(publisher_commit(p, &committed, &e), 0);
  publisher_del(p);
  buf_free(&block);
  id = made_cid(&m);
  EXPECT(home_has(&a, &id));
  home_end(&a);
}

/* ---- a size that is none ---- */

/* A record of tomorrow that says that ${file} has ${size} bytes. */
static void deliver_claim(struct home *to, const struct cid *file, int64_t size)
{
  struct made lie = {.n = 1, .files = 1, .file = file, .size = size};
  deliver(to, SHELF_NOW + 80000, &lie, 1);
}

/* Whoever packs is told the truth, too: once taken, never left. */
static void claim(int64_t size, int64_t budget)
{
  struct pack_options opt = {.files = -1, .budget = budget};
  both_new();
  struct cid file = publish_file(&a, 5, 2000000);
  deliver_claim(&a, &file, size);
  const char *const names[] = {"files", "left_files", NULL};
  int64_t told[2] = {0};
  struct job *j = NULL;
  NEED(station_pack(&j, a.st, home_file(&a, "x.car"), &opt, &e) == 0);
  NEED(run_values(j, names, told, &e) == 0);
  EXPECT_INT(told[0], 1);
  EXPECT_INT(told[1], 0);
  EXPECT_INT(home_unpack(&b, home_file(&a, "x.car")).missing, 0);
  EXPECT(has_block(&b, &file));
  both_end();
}

static void test_claim(void)
{
  claim(60000000000, 16000000);
  claim(60000000000, 0);
  claim(10, 16000000);
  claim(10, 0);
  claim(2000000, 16000000);
}

/* ---- one file, wanted or not, in many records ---- */

#define MANY 400

static uint64_t loads;
static const struct store_ops *plain_ops;

static int count_load(struct store *s, uint64_t ref, struct cid *cid,
                      struct buf *out, struct err *err)
{
  loads++;
  return plain_ops->get_ref(s, ref, cid, out, err);
}

/* Blocks that ${at} loads while it writes a slip. */
static uint64_t slip_loads(struct home *at)
{
  struct slip_options opt = {.files = -1};
  struct slip_report told;
  struct store_ops ops = *at->st->store->ops;
  plain_ops = at->st->store->ops;
  ops.get_ref = count_load;
  loads = 0;
  at->st->store->ops = &ops;
  NEED(station_slip(at->st, home_file(at, "x.slip"), &opt, &told, &e) == 0);
  at->st->store->ops = plain_ops;
  return loads;
}

/* A file that is too large to be wanted, in many records, beside names like
 * it: each record is asked for itself. */
static void test_many_records(void)
{
  static struct made m[MANY];
  struct cid file[2];
  home_new(&a);
  link_follow(&a, "c", 1000);
  NEED(cid_of(&file[0], CID_RAW, "large", 5) == 0);
  file[1] = file[0];
  file[1].b[CID_SIZE - 1] ^= 1;
  for (int i = 0; i < MANY; i++) {
    m[i] =
        (struct made){.n = i, .files = 1, .file = &file[i % 2], .size = 2000};
  }
  deliver(&a, 1000, m, MANY);
  EXPECT(slip_loads(&a) < 10u * MANY);
  home_end(&a);
}

/* ---- many that nobody has ---- */

/* A CID of no block: low in order. */
static struct cid ghost(int n, enum cid_codec codec)
{
  struct cid c;
  NEED(cid_of(&c, codec, &n, sizeof n) == 0);
  memset(c.b + CID_SIZE - HASH_SIZE, 0, 4);
  return c;
}

/* Parcels that each list ${each} records that nobody has. */
static void deliver_records(struct home *to, int parcels, int each)
{
  struct crate c;
  static struct cid id[PARCEL_RECORDS_MAX];
  crate_start(&c);
  for (int k = 0; k < parcels; k++) {
    for (int i = 0; i < each; i++) {
      id[i] = ghost(k * each + i, CID_DAG_CBOR);
    }
    (void)crate_parcel(&c, STRANGER, "c", SHELF_NOW - k, id, (size_t)each);
  }
  EXPECT_INT(crate_unpack(&c, to).parcels, parcels);
}

/* Records of tomorrow that each list ${each} files that nobody has. */
static void deliver_files(struct home *to, int records, int each)
{
  static struct made m[PARCEL_RECORDS_MAX];
  static struct cid file[PARCEL_RECORDS_MAX * PARCEL_RECORDS_MAX];
  NEED(records <= PARCEL_RECORDS_MAX && each <= PARCEL_RECORDS_MAX);
  for (int i = 0; i < records * each; i++) {
    file[i] = ghost(i, CID_RAW);
  }
  for (int i = 0; i < records; i++) {
    m[i] = (struct made){
        .n = i, .files = each, .file = &file[i * each], .size = 10};
  }
  deliver(to, SHELF_NOW + 80000, m, (size_t)records);
}

/* As many records as a parcel lists, each with one file that nobody has. */
static void deliver_singles(struct home *to, int turn)
{
  static struct made m[PARCEL_RECORDS_MAX];
  static struct cid file[PARCEL_RECORDS_MAX];
  for (int i = 0; i < PARCEL_RECORDS_MAX; i++) {
    int n = turn * PARCEL_RECORDS_MAX + i;
    file[i] = ghost(n, CID_RAW);
    m[i] = (struct made){.n = n, .files = 1, .file = &file[i], .size = 10};
  }
  deliver(to, SHELF_NOW + 80000 - turn, m, PARCEL_RECORDS_MAX);
}

/* ${b} asks ${a}, which has three files, and the names of many that nobody
 * has: the bytes that it says. */
static uint64_t ask(void)
{
  struct link_pair p = {.size = 65536, .seed = 1};
  struct cid file[3];
  for (int i = 0; i < 3; i++) {
    file[i] = publish_file(&a, 1000 + i, 2000);
  }
  EXPECT(link_pair_sync(&p, &b, &a, NULL));
  for (int i = 0; i < 3; i++) {
    EXPECT(has_block(&b, &file[i]));
  }
  return p.sent[0];
}

static void test_one_parcel(void)
{
  both_new();
  deliver_records(&a, 1, 256);
  (void)ask();
  both_end();
}

static void test_one_record(void)
{
  both_new();
  deliver_files(&a, 1, 256);
  (void)ask();
  both_end();
}

/* More than are kept of a walk, by few who want many. */
static void test_many_of_few(void)
{
  both_new();
  deliver_files(&a, 11, 400);
  deliver_records(&a, 11, 400);
  EXPECT(ask() < 200000);
  both_end();
}

/* By many who want one each: trusted are those who are vouched for. */
static void test_many_who_want(void)
{
  both_new();
  for (int i = 0; i < 3; i++) {
    deliver_singles(&a, i);
  }
  NEED(station_vouch(b.st, a.st->self, "owner", &e) == 0);
  EXPECT(ask() < 200000);
  both_end();
}

/* ---- the list of a slip ---- */

/* Does a slip of ${at} name it? */
static bool slip_names(struct home *at, const struct cid *cid)
{
  struct slip_options opt = {.files = -1};
  struct slip_report told;
  struct buf all = {0};
  NEED(station_slip(at->st, home_file(at, "x.slip"), &opt, &told, &e) == 0);
  shelf_read(home_file(at, "x.slip"), &all);
  bool names = memmem(all.p, all.n, cid->b, CID_SIZE) != NULL;
  buf_free(&all);
  return names;
}

/* One of ${author} whose file did not come. */
static struct cid lack_file(struct home *to, uint8_t author)
{
  struct cid file = ghost(author - 100000, CID_RAW);
  memset(file.b + CID_SIZE - HASH_SIZE, 0xff, 4); /* late in order */
  struct made m = {.n = author, .files = 1, .file = &file, .size = 3000};
  EXPECT_INT(home_bring(to, author, "c", 5000, &m, 1, 1).added, 1);
  return file;
}

/* More than a slip names, all before it in order: what a stranger lacks is
 * named, and what somebody lists who is vouched for. */
static void test_slip(void)
{
  uint8_t key[CRYPT_KEY_SIZE];
  home_new(&a);
  deliver_records(&a, 32, PARCEL_RECORDS_MAX);
  NEED(32 * PARCEL_RECORDS_MAX >= SLIP_MISSING_MAX);
  struct cid stranger = lack_file(&a, 1), vouched = lack_file(&a, 2);
  author_key_of(key, 2);
  NEED(station_vouch(a.st, key, "owner", &e) == 0);
  EXPECT(slip_names(&a, &stranger));
  EXPECT(slip_names(&a, &vouched));
  home_end(&a);
}

/* Where not all can be named, the next slip names others: a slip of so few
 * bytes names three of twelve. */
static void test_slip_rest(void)
{
  struct slip_options opt = {.files = -1, .max = 3 * 4 * CBOR_LINK_SIZE};
  struct slip_report told;
  struct buf all = {0};
  int faults = 0, seen = 0;
  bool named[12] = {false};
  home_new(&a);
  deliver_records(&a, 1, 12);
  for (int turn = 0; turn < 200; turn++) {
    int n = 0;
    NEED(station_slip(a.st, home_file(&a, "x.slip"), &opt, &told, &e) == 0);
    shelf_read(home_file(&a, "x.slip"), &all);
    for (int i = 0; i < 12; i++) {
      struct cid id = ghost(i, CID_DAG_CBOR);
      bool is = memmem(all.p, all.n, id.b, CID_SIZE) != NULL;
      named[i] = named[i] || is;
      n += is;
    }
    faults += n != 3;
  }
  for (int i = 0; i < 12; i++) {
    seen += named[i];
  }
  EXPECT_INT(faults, 0);
  EXPECT_INT(seen, 12);
  buf_free(&all);
  home_end(&a);
}

/* ---- a stick of 1 MB ---- */

#define STICK 1000000
#define LABELS 300

/* Labels of a stranger about nothing. */
static void label(struct made *m, struct cid *about, int n, size_t pad)
{
  *about = ghost(n, CID_DAG_CBOR);
  *m = (struct made){
      .type = "label", .n = n, .about = about, .value = "x", .pad = pad};
}

static void pack_stick(void)
{
  struct pack_options opt = {.files = -1, .budget = STICK};
  home_pack(&a, home_file(&a, "x.car"), &opt);
  EXPECT_INT(home_unpack(&b, home_file(&a, "x.car")).rc, 0);
}

/* Long ones, and many short ones: the station's own file has room, and what
 * is left takes of them what it can. */
static void test_labels(void)
{
  static struct made m[LABELS];
  static struct cid about[LABELS];
  int came = 0;
  both_new();
  for (int i = 0; i < LABELS; i++) {
    label(&m[i], &about[i], i, i < 30 ? 60000 : 300);
  }
  for (int i = 0; i < 30; i++) {
    deliver(&a, SHELF_NOW - i, &m[i], 1);
  }
  deliver(&a, SHELF_NOW, &m[30], LABELS - 30);
  struct cid file = publish_file(&a, 5, 400000);
  pack_stick();
  EXPECT(has_block(&b, &file));
  for (int i = 0; i < LABELS; i++) {
    struct cid id = made_cid(&m[i]);
    came += home_has(&b, &id);
  }
  EXPECT(came > 0);
  both_end();
}

/* A short label of a stranger goes before its notes of today; a long one does
 * not; a long one of somebody who is vouched for does, too. */
static void test_label_first(void)
{
  static struct made note[STICK / 2 / 60000 + 1], m[3];
  struct cid about[3], id[3];
  uint8_t key[CRYPT_KEY_SIZE];
  both_new();
  for (int i = 0; i < 3; i++) {
    label(&m[i], &about[i], i, i == 0 ? 0 : 30000);
    EXPECT_INT(home_bring(&a, i < 2 ? STRANGER : 2, "c", 1000, &m[i], 1, 1).rc,
               0);
    id[i] = made_cid(&m[i]);
  }
  author_key_of(key, 2);
  NEED(station_vouch(a.st, key, "owner", &e) == 0);
  for (int i = 0; i < STICK / 2 / 60000 + 1; i++) {
    note[i] = (struct made){.n = 100 + i, .pad = 60000};
    deliver(&a, SHELF_NOW - i, &note[i], 1);
  }
  (void)publish_file(&a, 5, 480000);
  pack_stick();
  EXPECT(home_has(&b, &id[0]));
  EXPECT(!home_has(&b, &id[1]));
  EXPECT(home_has(&b, &id[2]));
  both_end();
}

/* ---- short slips ---- */

/* Does a short slip of ${at} tell the collection? */
static bool short_tells(struct home *at, const char *name)
{
  struct slip_options opt = {.files = -1};
  struct slip_report told;
  struct slip_short line;
  struct buf lines = {0};
  uint8_t hash[HASH_SIZE];
  bool tells = false;
  NEED(hash_sha256(hash, name, strlen(name)) == 0);
  NEED(station_slip_short(at->st, &opt, &lines, &told, &e) == 0);
  EXPECT_INT(told.sketches, 16);
  for (size_t i = 0; slip_short_next(&line, buf_span(&lines), &i, &e) > 0;) {
    tells = tells || memcmp(line.coll, hash, sizeof line.coll) == 0;
  }
  buf_free(&lines);
  return tells;
}

/* Many new collections of a stranger: those that somebody trusted began are
 * told, those that are followed by their names, and any at some time. */
static void test_short_slip(void)
{
  struct made m = {.n = 1, .title = "x"};
  uint8_t key[CRYPT_KEY_SIZE];
  char name[16];
  int turns = 0;
  home_new(&a);
  link_follow(&a, "*", INT64_MAX / 4);
  link_follow(&a, "named", INT64_MAX / 4);
  (void)home_bring(&a, 1, "other", 1000, &m, 1, 1);
  (void)home_bring(&a, 1, "named", 1000, &m, 1, 1);
  (void)home_bring(&a, 2, "vouched", 1000, &m, 1, 1);
  author_key_of(key, 2);
  NEED(station_vouch(a.st, key, "owner", &e) == 0);
  m.n = 2;
  (void)home_publish(&a, "own", &m, -1);
  for (int i = 0; i < 20; i++) {
    (void)snprintf(name, sizeof name, "junk%d", i);
    (void)home_bring(&a, STRANGER, name, 2000, &m, 1, 1);
  }
  EXPECT(short_tells(&a, "own"));
  EXPECT(short_tells(&a, "vouched"));
  EXPECT(short_tells(&a, "named"));
  while (turns < 300 && !short_tells(&a, "other")) {
    turns++;
  }
  EXPECT(turns < 300);
  home_end(&a);
}

int main(void)
{
  RUN(test_twin_by_session);
  RUN(test_twin_by_stick);
  RUN(test_twin_elsewhere);
  RUN(test_twin_withdrawn);
  RUN(test_claim);
  RUN(test_many_records);
  RUN(test_one_parcel);
  RUN(test_one_record);
  RUN(test_many_of_few);
  RUN(test_many_who_want);
  RUN(test_slip);
  RUN(test_slip_rest);
  RUN(test_labels);
  RUN(test_label_first);
  RUN(test_short_slip);
  return unit_done();
}
