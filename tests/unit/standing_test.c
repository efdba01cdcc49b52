/* SPDX-License-Identifier: 0BSD */
/* Where a record stands apart from its words: its age, who holds it, and the
 * newest word of each whose labels count. */
#include "station/standing.h"

#include "station_shelf.h"

#define YEAR 31557600 /* 365.25 days */

static struct home h;
static struct err e;
static struct cid about;
static uint8_t trust[2][CRYPT_KEY_SIZE]; /* of authors 1 and 2 */

/* ---- who says what ---- */

struct says {
  uint8_t author;
  const char *type, *value;
  int64_t time, expires;
  bool negated;
};

static void put_text(struct buf *b, const char *key, const char *text)
{
  NEED(cbor_put_key(b, key) == 0);
  NEED(cbor_put_text(b, text, strlen(text)) == 0);
}

static void say(const struct says *s)
{
  static int number;
  struct crate c;
  struct buf b = {0};
  crate_start(&c);
  NEED(cbor_put_map(&b, 3u + (s->value != NULL) + (s->expires != 0) +
                            s->negated) == 0);
  NEED(cbor_put_key(&b, "n") == 0 && cbor_put_int(&b, number++) == 0);
  put_text(&b, "type", s->type);
  NEED(cbor_put_key(&b, "about") == 0 && cbor_put_link(&b, &about) == 0);
  if (s->value != NULL) {
    put_text(&b, "value", s->value);
  }
  if (s->expires != 0) {
    NEED(cbor_put_key(&b, "expires") == 0);
    NEED(cbor_put_int(&b, s->expires) == 0);
  }
  if (s->negated) {
    NEED(cbor_put_key(&b, "negated") == 0 && cbor_put_bool(&b, true) == 0);
  }
  struct cid id;
  NEED(cid_of(&id, CID_DAG_CBOR, b.p, b.n) == 0);
  (void)crate_parcel(&c, s->author, "c", s->time, &id, 1);
  (void)crate_put(&c, CID_DAG_CBOR, buf_span(&b));
  buf_free(&b);
  struct unpacked u = crate_unpack(&c, &h);
  NEED(u.rc == 0 && u.added == 1);
}

static void begin(int64_t time)
{
  struct made m = {.n = 1, .title = "alpha"};
  home_new(&h);
  about = home_publish(&h, "c", &m, time);
  author_key_of(trust[0], 1);
  author_key_of(trust[1], 2);
}

static struct standing stands(void)
{
  struct entry en = {0};
  struct standing out;
  struct search_query q = {.trust = (const uint8_t(*)[32])trust, .trusts = 2};
  NEED(station_get(h.st, &about, &en, &e) == 0);
  NEED(standing_of(h.st, &en, &q, &out, &e) == 0);
  entry_free(&en);
  return out;
}

static struct standing stands_after(const struct says *list, size_t n)
{
  begin(1000);
  for (size_t i = 0; i < n; i++) {
    say(&list[i]);
  }
  struct standing out = stands();
  home_end(&h);
  return out;
}

#define AFTER(...)                                                             \
  stands_after((const struct says[]){__VA_ARGS__},                             \
               sizeof((const struct says[]){__VA_ARGS__}) /                    \
                   sizeof(struct says))

static bool near(double a, double b)
{
  return a - b < 1e-9 && b - a < 1e-9;
}

/* ---- tests ---- */

static void test_labels(void)
{
  static const char *const hides[] = {"hide", "spam", "abuse", "malware"};
  static const char *const lowers[] = {"lower", "wrong", "outdated",
                                       "duplicate"};
  struct standing s;
  for (size_t i = 0; i < 4; i++) {
    s = AFTER({1, "label", hides[i], 2000, 0, false});
    EXPECT(s.hidden);
    s = AFTER({2, "label", lowers[i], 2000, 0, false});
    EXPECT(!s.hidden && near(s.labels, STANDING_LOWER));
  }
  s = AFTER({1, "label", "good", 2000, 0, false}, /* says nothing of that */
            {3, "label", "spam", 2000, 0, false}, /* is nobody's word */
            {1, "note", "spam", 2000, 0, false}); /* is no label */
  EXPECT(!s.hidden && near(s.labels, 1));
  s = AFTER({1, "label", "lower", 2000, 0, false},
            {2, "label", "spam", 2000, 0, false},
            {1, "label", "wrong", 2000, 0, false});
  EXPECT(s.hidden && near(s.labels, STANDING_LOWER));
}

/* The newest word of each on each value; that of one is not the other's. */
static void test_newest(void)
{
  struct standing s;
  s = AFTER({1, "label", "spam", 2000, 0, false},
            {1, "label", "spam", 3000, 0, true});
  EXPECT(!s.hidden);
  s = AFTER({1, "label", "spam", 2000, 0, true},
            {1, "label", "spam", 3000, 0, false});
  EXPECT(s.hidden);
  s = AFTER({1, "label", "spam", 2000, 0, false},
            {2, "label", "spam", 3000, 0, true});
  EXPECT(s.hidden);
  s = AFTER({1, "label", "spam", 2000, 0, false},
            {1, "label", "hide", 3000, 0, true});
  EXPECT(s.hidden);
}

static void test_expires(void)
{
  struct standing s;
  s = AFTER({1, "label", "spam", 2000, SHELF_NOW + 1, false});
  EXPECT(s.hidden);
  s = AFTER({1, "label", "spam", 2000, SHELF_NOW, false});
  EXPECT(!s.hidden);
  /* What expired was still the last word. */
  s = AFTER({1, "label", "spam", 2000, 0, false},
            {1, "label", "spam", 3000, SHELF_NOW, false});
  EXPECT(!s.hidden);
}

/* Each that holds it counts once, and no more than three of them. */
static void test_held(void)
{
  static const uint8_t who[] = {1, 1, 2, 2, 3, 4, 5};
  static const int held[] = {1, 1, 2, 2, 3, 3, 3};
  begin(1000);
  EXPECT(near(stands().held, 1));
  for (size_t i = 0; i < sizeof who; i++) {
    struct says s = {who[i], "holdings", NULL, 2000 + (int64_t)i, 0, false};
    say(&s);
    EXPECT(near(stands().held, 1 + STANDING_HELD * held[i]));
  }
  home_end(&h);
}

static void test_newer(void)
{
  static const struct {
    int64_t time;
    double share;
  } all[] = {{SHELF_NOW, 1},
             {SHELF_NOW + 9, 1}, /* a clock that is ahead */
             {SHELF_NOW - YEAR, 0.5},
             {SHELF_NOW - 2 * YEAR, 0.25}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    begin(all[i].time);
    struct standing s = stands();
    EXPECT(near(s.newer, 1 + STANDING_NEWER * all[i].share));
    EXPECT(near(s.held, 1) && near(s.labels, 1) && !s.hidden);
    home_end(&h);
  }
}

/* Of very many only the newest are heard, so a flood costs no more; what is
 * said then still counts. */
static void test_flood(void)
{
  struct says s = {3, "label", "spam", 2000, 0, false};
  struct says mine = {1, "label", "spam", 3000, 0, false};
  begin(1000);
  for (int i = 0; i < 40; i++) {
    s.time = 2000 + i;
    say(&s);
  }
  EXPECT(!stands().hidden);
  say(&mine);
  EXPECT(stands().hidden);
  home_end(&h);
}

int main(void)
{
  RUN(test_labels);
  RUN(test_newest);
  RUN(test_expires);
  RUN(test_held);
  RUN(test_newer);
  RUN(test_flood);
  return unit_done();
}
