/* SPDX-License-Identifier: 0BSD */
/* Where no room is left: what comes all the same, what doesn't, and what else
 * has some. (quota_test.c has the limits themselves.) */
#include "link_pair.h"
#include "station/quota.h"

static struct home h;
static struct err e;

static void author_limit(struct home *at, int64_t bytes)
{
  struct quotas q = {0, bytes, -1, -1};
  NEED(station_set_quotas(at->st, &q, &e) == 0);
}

static struct unpacked bring(uint8_t author, const char *collection,
                             int64_t time, const struct made *m, size_t n,
                             size_t sent)
{
  return home_bring(&h, author, collection, time, m, n, sent);
}

static struct unpacked bring_records(const struct made *m, size_t n)
{
  struct crate c;
  crate_start(&c);
  for (size_t i = 0; i < n; i++) {
    (void)crate_record(&c, &m[i]);
  }
  return crate_unpack(&c, &h);
}

static bool has(const struct made *m)
{
  struct cid id = made_cid(m);
  return home_has(&h, &id);
}

static int64_t author_account(uint8_t author)
{
  uint8_t key[7 + CRYPT_KEY_SIZE] = "room/a/";
  int64_t v = -1;
  author_key_of(key + 7, author);
  NEED(change_counter(h.st, span_of(key, sizeof key), &v, &e) == 0);
  return v;
}

/* ---- withdrawals ---- */

/* A withdrawal of ${about}, of exactly ${size} bytes when that is > 0. */
static struct made withdrawal(int n, const struct cid *about, size_t size)
{
  struct made m = {.type = "withdraw", .n = n, .about = about};
  struct buf b = {0};
  if (size > 0) {
    m.pad = 300; /* then its length takes two bytes */
    made_block(&b, &m);
    m.pad = 300 + size - b.n;
    made_block(&b, &m);
    NEED(b.n == size);
    buf_free(&b);
  }
  return m;
}

static void test_how_large(void)
{
  for (int over = -1; over <= 1; over++) {
    struct made note = {.n = 1};
    struct cid id = made_cid(&note);
    struct made w = withdrawal(2, &id, (size_t)((int)QUOTA_COST_MIN + over));
    home_new(&h);
    author_limit(&h, 1024);
    EXPECT_INT(bring(1, "c", 1000, &note, 1, 1).added, 1);
    EXPECT_INT(bring(1, "c", 1001, &w, 1, 1).withdrawn, over <= 0);
    EXPECT_INT(has(&note), over > 0);
    home_end(&h);
  }
}

/* Two of one record end no more than one does. */
static void test_once_each(void)
{
  struct made note[] = {{.n = 1}, {.n = 2}};
  struct cid id[] = {made_cid(&note[0]), made_cid(&note[1])};
  home_new(&h);
  author_limit(&h, 3 * 512);
  EXPECT_INT(bring(1, "c", 1000, note, 2, 2).added, 2);
  struct made same[] = {withdrawal(3, &id[0], 0), withdrawal(4, &id[0], 0)};
  EXPECT_INT(bring(1, "c", 1001, same, 2, 2).parcels, 0);
  struct made other[] = {withdrawal(3, &id[0], 0), withdrawal(4, &id[1], 0)};
  EXPECT_INT(bring(1, "c", 1001, other, 2, 2).withdrawn, 2);
  home_end(&h);
}

/* What else is in its parcel needs room, also what hasn't come; and one that
 * is of a time to come ends nothing. */
static void test_alone(void)
{
  struct made note = {.n = 1};
  struct cid id = made_cid(&note);
  struct made both[] = {withdrawal(2, &id, 0), {.n = 3}};
  home_new(&h);
  author_limit(&h, 1024);
  EXPECT_INT(bring(1, "c", 1000, &note, 1, 1).added, 1);
  EXPECT_INT(bring(1, "c", 1001, both, 2, 2).parcels, 0);
  EXPECT_INT(bring(1, "c", 1001, both, 2, 1).parcels, 0);
  EXPECT_INT(bring(1, "c", SHELF_NOW + 200000, both, 1, 1).held, 0);
  EXPECT(has(&note));
  EXPECT_INT(bring(1, "c", 1001, both, 1, 1).withdrawn, 1);
  EXPECT(!has(&note));
  home_end(&h);
}

/* One that comes after its parcel. */
static void test_lone(void)
{
  struct made note = {.n = 1}, other = {.n = 2, .pad = 5000};
  struct cid id = made_cid(&note);
  struct made w = withdrawal(3, &id, 0);
  home_new(&h);
  author_limit(&h, 8000);
  EXPECT_INT(bring(1, "c", 1000, &note, 1, 1).added, 1);
  EXPECT_INT(bring(1, "c", 1001, &w, 1, 0).missing, 1);
  EXPECT_INT(bring(1, "c", 1002, &other, 1, 1).added, 1);
  author_limit(&h, 1024);
  struct unpacked u = bring_records(&w, 1);
  EXPECT_INT(u.added, 1);
  EXPECT_INT(u.withdrawn, 1);
  EXPECT(!has(&note));
  home_end(&h);
}

/* By a session: the author has no room, its withdrawal comes. */
static void test_by_session(void)
{
  struct home from;
  struct link_pair p = {.seed = 7};
  struct link_status s[2];
  struct cid id[6];
  int kept = 0;
  home_new(&h);
  home_new(&from);
  for (int i = 0; i < 6; i++) {
    id[i] = link_publish(&from, "c", i, 0);
  }
  author_limit(&h, 4096);
  EXPECT(link_pair_sync(&p, &h, &from, s));
  EXPECT_INT(s[0].parcels, 4);
  EXPECT_INT(s[0].full, 2);
  for (int i = 0; i < 6; i++) {
    if (home_has(&h, &id[i])) {
      struct made w = withdrawal(10 + i, &id[i], 0);
      (void)home_publish(&from, "c", &w, -1);
      kept++;
    }
  }
  EXPECT_INT(kept, 4);
  EXPECT(link_pair_sync(&p, &h, &from, s));
  EXPECT_INT(s[0].withdrawn, 4);
  EXPECT_INT(s[0].bad, 0);
  EXPECT(home_sound(&h));
  home_end(&from);
  home_end(&h);
}

/* ---- what costs, though it doesn't come ---- */

/* To list what others brought costs as much as to bring it. */
static void test_unsent(void)
{
  struct made large[] = {{.n = 1, .pad = 9000}, {.n = 2, .pad = 9000}};
  home_new(&h);
  author_limit(&h, 12000);
  EXPECT_INT(bring(1, "c", 1000, &large[0], 1, 1).added, 1);
  EXPECT_INT(bring(2, "c", 1000, &large[1], 1, 1).added, 1);
  EXPECT_INT(bring(3, "c", 1000, large, 2, 0).parcels, 0);
  EXPECT_INT(bring(3, "c", 1000, large, 1, 0).parcels, 1);
  EXPECT(author_account(3) > 9000);
  home_end(&h);
}

/* A file that can't be counts as the largest that can. */
static void test_claims(void)
{
  struct cid file = {{0}};
  NEED(cid_of(&file, CID_RAW, "x", 1) == 0);
  struct made m = {.n = 1, .files = 1, .file = &file, .size = CBOR_INT_MAX};
  struct made more = m;
  more.n = 2;
  home_new(&h);
  link_follow(&h, "*", INT64_MAX);
  author_limit(&h, INT64_MAX);
  EXPECT_INT(bring(1, "c", 1000, &m, 1, 1).added, 1);
  EXPECT_INT(author_account(1), (int64_t)UNIXFS_FILE_SIZE_MAX + 1024);
  EXPECT_INT(bring(1, "c", 1001, &more, 1, 1).added, 1);
  EXPECT_INT(author_account(1), 2 * ((int64_t)UNIXFS_FILE_SIZE_MAX + 1024));
  home_end(&h);
}

/* ---- what has room beside what has none ---- */

static void test_rest(void)
{
  struct made m[] = {{.n = 1, .pad = 9000}, {.n = 2}, {.n = 3}};
  home_new(&h);
  author_limit(&h, 3000);
  EXPECT_INT(bring(1, "c", 1000, m, 3, 0).missing, 3);
  struct unpacked u = bring(1, "c", 1000, m, 3, 3);
  EXPECT_INT(u.added, 2);
  EXPECT_INT(u.missing, 1);
  EXPECT(!has(&m[0]) && has(&m[1]) && has(&m[2]));
  home_end(&h);
}

/* When the disk is full of files that are larger than they claim, no more
 * blocks of them are asked for: what is on its way may come. */
static void test_files_end(void)
{
  enum { RECORDS = 6, EACH = 200, SIZE = 64 * 1024 };
  static const int64_t all = (int64_t)RECORDS * EACH * SIZE;
  static struct cid file[EACH];
  struct home from;
  struct link_pair p = {.seed = 3, .size = 300000};
  struct link_status s[2];
  struct quotas q = {QUOTA_BUDGET_MIN, -1, -1, -1};
  home_new(&h);
  home_new(&from);
  link_follow(&h, "*", INT64_MAX);
  NEED(station_set_quotas(h.st, &q, &e) == 0);
  for (int i = 0; i < RECORDS; i++) {
    for (int k = 0; k < EACH; k++) {
      file[k] = link_file(&from, SIZE, (uint64_t)(i * EACH + k));
    }
    struct made m = {.n = i, .files = EACH, .file = file, .size = 1};
    (void)home_publish(&from, "c", &m, -1);
  }
  EXPECT(link_pair_sync(&p, &h, &from, s));
  EXPECT_INT(s[0].parcels, RECORDS);
  EXPECT_INT(s[0].bad, 0);
  EXPECT(s[0].full > 0);
  EXPECT(p.sent[1] > 24u << 20);
  EXPECT(p.sent[1] < (uint64_t)all - (12u << 20));
  EXPECT(s[0].files > 150 && s[0].files < 520);
  home_end(&from);
  home_end(&h);
}

int main(void)
{
  RUN(test_how_large);
  RUN(test_once_each);
  RUN(test_alone);
  RUN(test_lone);
  RUN(test_by_session);
  RUN(test_unsent);
  RUN(test_claims);
  RUN(test_rest);
  RUN(test_files_end);
  return unit_done();
}
