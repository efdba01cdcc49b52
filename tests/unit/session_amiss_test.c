/* SPDX-License-Identifier: 0BSD */
/* Frames that are right but for one thing: each says which, and ends the
 * session. And frames that are odd but right: they do not. */
#include "session_puppet.h"

static struct puppet p;

/* "c/1" and "c/3" are short, "c/2" is worth a sketch. */
static void set_up(void)
{
  memset(&p, 0, sizeof p);
  p.host.wish[0] = "*";
  host_add(&p.host, "c/1", 0, 5);
  host_add(&p.host, "c/2", 0, 3000);
  host_add(&p.host, "c/3", 0, 5);
}

static void expect_ended(int rc, int code, const char *sentence)
{
  struct session_status now = host_status(p.s);
  EXPECT_INT(rc, code);
  EXPECT_INT(now.state, SESSION_FAILED);
  if (strstr(now.error.text, sentence) == NULL) {
    printf("  \"%s\" instead of \"%s\"\n", now.error.text, sentence);
    EXPECT(false);
  }
  puppet_free(&p);
}

/* The last frame of this type, which there has to be. */
static struct span heard(uint8_t type)
{
  const struct said *f = puppet_last(&p, type);
  NEED(f != NULL);
  return buf_span(&f->body);
}

/* ---- what the puppet says ---- */

static uint8_t text[SESSION_CONTROL_MAX];

/* ${n} zeros after the given bytes; the last argument ends them. */
static struct span body_of(size_t n, uint8_t a, uint8_t b, uint8_t c)
{
  memset(text, 0, sizeof text);
  text[0] = a;
  text[1] = b;
  text[2] = c;
  return span_of(text, n);
}

/* One entry, unpacked, of ${n} zeros. */
static int say_entry(uint8_t kind, size_t n)
{
  struct span body = body_of(1 + 4 + n, 0, kind, 0);
  wire_put(text + 2, n, 3);
  return puppet_say(&p, FRAME_BLOCKS, body);
}

/* A list of ${n} handles from ${first} on, all of it. */
static int say_list(unsigned topic, uint64_t first, size_t n)
{
  size_t head = 3 + 8 + HASH_SIZE;
  struct span body = body_of(head + 8 * n, 0, (uint8_t)topic, LACK_LAST);
  static struct setsum none;
  NEED(setsum_digest(text + 11, &none) == 0);
  for (size_t i = 0; i < n; i++) {
    wire_put(text + head + 8 * i, first + i, 8);
  }
  return puppet_say(&p, FRAME_LIST, body);
}

static int say_many(unsigned topic, uint64_t differ, uint64_t count)
{
  struct span body = body_of(18, 0, (uint8_t)topic, 0);
  wire_put(text + 2, differ, 8);
  wire_put(text + 10, count, 8);
  return puppet_say(&p, FRAME_MANY, body);
}

/* The first ${cells} cells of a sketch, of the parcels up to ${n} of the
 * shelf, or of noise. */
static int say_part(unsigned topic, uint32_t k, uint32_t cells, uint64_t n,
                    bool noise)
{
  static struct sketch sketch;
  struct buf body = {0};
  uint8_t head[3 + 8 + HASH_SIZE + 8] = {0, (uint8_t)topic, (uint8_t)k};
  uint64_t seed = 1;
  memset(&sketch, 0, sizeof sketch);
  for (uint64_t i = 0; i < n; i++) {
    sketch_add(&sketch, sketch_handle(shelf_digest(i).b));
  }
  for (size_t i = 0; noise && i < SKETCH_CELLS; i++) {
    sketch.cells.sum[i] = shelf_random(&seed);
    sketch.cells.check[i] = (uint32_t)shelf_random(&seed);
  }
  wire_put(head + 3, n, 8);
  NEED(buf_put(&body, head, sizeof head) == 0);
  NEED(sketch_part_put(&body, &sketch, 0, cells, 0) == 0);
  int rc = puppet_say(&p, FRAME_PART, buf_span(&body));
  buf_free(&body);
  return rc;
}

/* OPEN of ${topic} as by an end that has the first ${n} of the shelf. */
static int open_near(unsigned topic, uint64_t n, const char *name)
{
  static struct sketch sketch;
  uint8_t head[8] = {0, (uint8_t)topic, 0, 2}, digest[HASH_SIZE] = {0xee};
  struct sketch_hello hello;
  struct buf body = {0};
  memset(&sketch, 0, sizeof sketch);
  for (uint64_t i = 0; i < n; i++) {
    sketch_add(&sketch, sketch_handle(shelf_digest(i).b));
  }
  sketch_hello_of(&hello, &sketch, n, digest);
  NEED(buf_put(&body, head, sizeof head) == 0);
  NEED(sketch_hello_put(&body, &hello) == 0);
  NEED(buf_put(&body, name, strlen(name)) == 0);
  int rc = puppet_say(&p, FRAME_OPEN, buf_span(&body));
  buf_free(&body);
  return rc;
}

/* ---- the puppet calls ---- */

static void call(void)
{
  set_up();
  puppet_greet(&p, true);
  NEED(puppet_open(&p, 0, 0, 0, 0, 1, "") == 0);
}

static void call_settled(void)
{
  call();
  NEED(puppet_say(&p, FRAME_SETTLED, span_of(NULL, 0)) == 0);
}

static void test_order(void)
{
  call();
  expect_ended(puppet_say(&p, FRAME_SETTLED, body_of(1, 0, 0, 0)), ERR_INVALID,
               "settled out of turn");
  for (size_t n = 15; n <= 18; n++) { /* 18: a doubt, which is no caller's */
    call_settled();
    int rc = puppet_say(&p, FRAME_SENT, body_of(n, 0, 0, 0));
    if (n == 16) {
      EXPECT_INT(rc, 0);
      puppet_free(&p);
    } else {
      expect_ended(rc, ERR_INVALID, "sent out of turn");
    }
  }
  /* Parcels behind the last, before we have sent ours. */
  call_settled();
  NEED(channel_put(&p.c, FRAME_SENT, body_of(16, 0, 0, 0), &p.e) == 0);
  expect_ended(say_entry(ENTRY_PARCEL, 10), ERR_INVALID, "out of turn");
  for (size_t n = 3; n <= 5; n += 2) {
    call();
    expect_ended(puppet_say(&p, FRAME_CREDIT, body_of(n, 0, 0, 0)), ERR_INVALID,
                 "credit of another length");
  }
  call();
  expect_ended(puppet_lack(&p, 0, LACK_LAST, 1, 1), ERR_INVALID,
               "a lack of what was not compared");
}

static void test_entries(void)
{
  static const size_t sizes[] = {0, CID_SIZE - 1, CID_SIZE, CID_SIZE + 1};
  struct cid cid;
  call_settled();
  expect_ended(puppet_say(&p, FRAME_BLOCKS, body_of(1, 2, 0, 0)), ERR_INVALID,
               "blocks begin otherwise");
  for (size_t i = 0; i < 4; i++) { /* zeros are no CID */
    call_settled();
    expect_ended(say_entry(ENTRY_BLOCK, sizes[i]), ERR_INVALID,
                 "a block that nobody asked for");
    call_settled();
    expect_ended(say_entry(ENTRY_GONE, sizes[i]), ERR_INVALID,
                 "it lacks a block that nobody asked for");
  }
  NEED(cid_of(&cid, CID_RAW, "x", 1) == 0);
  for (int i = 0; i < 2; i++) {
    call_settled(); /* a right CID, that of another block than we want */
    struct span body =
        body_of(1 + 4 + CID_SIZE, 0, i == 0 ? ENTRY_BLOCK : ENTRY_GONE, 0);
    wire_put(text + 2, CID_SIZE, 3);
    memcpy(text + 5, cid.b, CID_SIZE);
    expect_ended(puppet_say(&p, FRAME_BLOCKS, body), ERR_INVALID,
                 "that nobody asked for");
  }
}

/* Entries that are cut within their head and behind it, and listed ones from
 * whom there can be no more. */
static void test_entries_amiss(void)
{
  for (size_t n = 1; n <= 4; n++) {
    call_settled();
    struct span body = body_of(1 + n, 0, ENTRY_PARCEL, 0);
    if (n == 4) {
      wire_put(text + 2, 1, 3);
    }
    expect_ended(puppet_say(&p, FRAME_BLOCKS, body), ERR_INVALID,
                 "an entry is cut");
  }
  for (int i = 0; i < 2; i++) {
    call_settled();
    NEED(puppet_say(&p, FRAME_SENT, body_of(16, 0, 0, 0)) == 0);
    expect_ended(say_entry(i == 0 ? ENTRY_PARCEL : ENTRY_RECORD, 9),
                 ERR_INVALID, "parcels out of turn");
  }
}

/* Who has finished was full before, or never. */
static void test_full_amiss(void)
{
  static const uint8_t five[8] = {0, 0, 0, 0, 0, 0, 0, 5};
  for (int i = 0; i < 3; i++) {
    call_settled();
    host_file(&p.host, 5000, 1);
    NEED(puppet_say(&p, FRAME_SENT, body_of(16, 0, 0, 0)) == 0);
    NEED(channel_put(&p.c, FRAME_GET, span_of(p.host.file_cid[0].b, CID_SIZE),
                     &p.e) == 0);
    if (i == 0) { /* in its turn */
      EXPECT_INT(puppet_say(&p, FRAME_FULL, span_of(five, 8)), 0);
      EXPECT_INT(host_status(p.s).peer_full, 5);
      puppet_free(&p);
      continue;
    }
    if (i == 1) { /* twice */
      NEED(channel_put(&p.c, FRAME_FULL, span_of(five, 8), &p.e) == 0);
    } else {
      NEED(channel_put(&p.c, FRAME_FINISHED, body_of(24, 0, 0, 0), &p.e) == 0);
    }
    expect_ended(puppet_say(&p, FRAME_FULL, span_of(five, 8)), ERR_INVALID,
                 i == 1 ? "it was full out of turn" : "it had finished");
  }
}

static void test_opened_amiss(void)
{
  call();
  expect_ended(puppet_open(&p, 0, LEVEL_KEYED, 0, 0, 1, ""), ERR_INVALID,
               "opened amiss");
  call(); /* by a token that is too short */
  struct span body = body_of(8 + SKETCH_HELLO_SIZE + TOKEN_SIZE - 1, 0, 1, 0);
  text[3] = 1;
  expect_ended(puppet_say(&p, FRAME_OPEN, body), ERR_INVALID, "named amiss");
  /* Who was told to list may ask for something dearer. */
  call();
  host_add(&p.host, "c/3", 5, 9000);
  NEED(puppet_open(&p, 1, LEVEL_SKETCH, 0, 0, 3, "c/3") == 0);
  EXPECT(puppet_last(&p, FRAME_TELL) != NULL);
  EXPECT_INT(puppet_open(&p, 1, LEVEL_KEYED, 0, 0, 3, "c/3"), 0);
  EXPECT(puppet_last(&p, FRAME_PART) != NULL);
  expect_ended(say_list(1, 1, 3), ERR_INVALID, "a list that nobody asked for");
}

/* More of a sketch until there is no more. */
static void test_more(void)
{
  static const struct {
    uint8_t k;
    size_t n;
  } bad[] = {{0, 2}, {0, 4}, {1, 3}};
  for (size_t i = 0; i < 3; i++) {
    call();
    NEED(open_near(1, 2990, "c/2") == 0);
    NEED(puppet_last(&p, FRAME_PART) != NULL);
    expect_ended(puppet_say(&p, FRAME_MORE, body_of(bad[i].n, 0, 1, bad[i].k)),
                 ERR_INVALID, "more of a sketch that there is not");
  }
  call();
  NEED(open_near(1, 2990, "c/2") == 0);
  int rc = 0, times = 0;
  for (; rc == 0; times++) {
    rc = puppet_say(&p, FRAME_MORE, body_of(3, 0, 1, 0));
  }
  EXPECT(times > 10); /* a sixth more, and some, each time */
  expect_ended(rc, ERR_INVALID, "more of a sketch that there is not");
}

/* Who lacks something and does not want it proves only. */
static void test_lack_unsent(void)
{
  call();
  NEED(puppet_open(&p, 1, 0, 0, 0, 1, "c/1") == 0);
  EXPECT_INT(puppet_lack(&p, 1, LACK_LAST, 1, 1), 0);
  NEED(puppet_say(&p, FRAME_SETTLED, span_of(NULL, 0)) == 0);
  EXPECT(puppet_last(&p, FRAME_BLOCKS) == NULL);
  /* It can't add up: the one that we lack is nobody's, and does not come. */
  EXPECT(puppet_last(&p, FRAME_SENT) == NULL);
  NEED(puppet_say(&p, FRAME_SENT, body_of(16, 0, 0, 0)) == 0);
  EXPECT_INT(heard(FRAME_SENT).n, 18);
  EXPECT_INT(wire_get(heard(FRAME_SENT).p + 16, 2), 1);
  puppet_free(&p);
}

/* Windows: all in one, and more in one than are compared. */
static void test_window(void)
{
  call();
  NEED(puppet_open(&p, 1, LEVEL_IDS, 0, 0, 1, "c/1") == 0);
  EXPECT_INT(heard(FRAME_LIST).n, 3 + 8 + HASH_SIZE + 8 * 5);
  puppet_free(&p);
  for (uint64_t i = 0; i < 2; i++) {
    call();
    host_add(&p.host, "c/4", 0, 4 * SESSION_WINDOW_IDS + i);
    int rc = puppet_open(&p, 1, LEVEL_IDS, 0, 0, 1, "c/4");
    if (i == 0) {
      EXPECT_INT(rc, 0);
      EXPECT(puppet_last(&p, FRAME_LIST) != NULL);
      puppet_free(&p);
    } else {
      expect_ended(rc, ERR_INVALID, "windows are too wide");
    }
  }
}

/* ---- the puppet is called ---- */

/* It has no collection, so all three are opened, as topics 1 to 3. */
static void be_called(void)
{
  set_up();
  puppet_greet(&p, false);
  NEED(say_list(0, 1, 0) == 0);
  NEED(puppet_last(&p, FRAME_OPEN) != NULL);
}

static void test_lists_amiss(void)
{
  be_called();
  expect_ended(say_list(1, 0, 1), ERR_INVALID, "too many handles, or none");
  be_called();
  expect_ended(puppet_say(&p, FRAME_SAME, body_of(3, 0, 1, 0)), ERR_INVALID,
               "an answer that nobody asked for");
  be_called(); /* after part of a sketch */
  NEED(say_part(2, 0, 1, 0, false) == 0);
  expect_ended(say_list(2, 1, 3), ERR_INVALID, "a list that nobody asked for");
  be_called();
  NEED(say_part(2, 0, 1, 0, false) == 0);
  expect_ended(puppet_say(&p, FRAME_TELL, body_of(42, 0, 2, 0)), ERR_INVALID,
               "asked for amiss");
  for (size_t n = 41; n <= 43; n++) {
    be_called();
    int rc = puppet_say(&p, FRAME_TELL, body_of(n, 0, 1, 0));
    if (n == 42) {
      EXPECT_INT(rc, 0);
      puppet_free(&p);
    } else {
      expect_ended(rc, ERR_INVALID, "asked for amiss");
    }
  }
  /* Longer than a list may be. */
  for (uint64_t i = 0; i < 2; i++) {
    set_up();
    host_add(&p.host, "c/4", 0, SESSION_LIST_MAX + i);
    puppet_greet(&p, false);
    NEED(say_list(0, 1, 0) == 0);
    int rc = 0;
    for (uint8_t topic = 1; rc == 0 && topic <= 4; topic++) {
      rc = puppet_say(&p, FRAME_TELL, body_of(42, 0, topic, 0));
    }
    if (i == 0) {
      EXPECT_INT(rc, 0);
      puppet_free(&p);
    } else {
      expect_ended(rc, ERR_INVALID, "asked for amiss");
    }
  }
}

static void test_many(void)
{
  be_called();
  expect_ended(say_many(1, 5, UINT64_C(1) << 53), ERR_INVALID,
               "a count is too large");
  be_called();
  EXPECT_INT(say_many(1, UINT64_C(1) << 40, 5), 0); /* window by window */
  EXPECT_INT(heard(FRAME_OPEN).p[2], LEVEL_IDS);
  expect_ended(say_many(1, UINT64_C(1) << 40, 5), ERR_INVALID,
               "no sketch, but none was asked for");
  be_called();
  NEED(say_many(1, UINT64_C(1) << 40, 5) == 0);
  expect_ended(say_part(1, 0, 10, 5, false), ERR_INVALID,
               "a sketch that nobody asked for");
  be_called();
  NEED(say_many(1, UINT64_C(1) << 40, 5) == 0);
  expect_ended(puppet_say(&p, FRAME_TELL, body_of(42, 0, 1, 0)), ERR_INVALID,
               "asked for amiss");
  /* Windows are so wide and so many. */
  uint64_t most = ((uint64_t)SESSION_WINDOW_IDS + 1) << SESSION_WINDOW_BITS_MAX;
  for (uint64_t count = most - 2; count <= most; count++) {
    be_called();
    int rc = say_many(1, UINT64_C(1) << 40, count);
    if (count < most) {
      EXPECT_INT(rc, 0);
      EXPECT_INT(heard(FRAME_OPEN).p[4], SESSION_WINDOW_BITS_MAX);
      puppet_free(&p);
    } else {
      expect_ended(rc, ERR_LIMIT, "a collection of");
    }
  }
}

/* A throwaway sketch that is taken apart comes no second time. */
static void test_keyed(void)
{
  be_called();
  NEED(say_many(1, 4000, 0) == 0);
  EXPECT_INT(heard(FRAME_OPEN).p[2], LEVEL_KEYED);
  EXPECT_INT(heard(FRAME_OPEN).p[4], 1);
  EXPECT_INT(say_part(1, 0, 200, 0, false), 0);
  expect_ended(say_part(1, 0, 200, 0, false), ERR_INVALID,
               "taken apart already");
  be_called();
  NEED(say_many(1, 4000, 0) == 0);
  expect_ended(say_list(1, 1, 3), ERR_INVALID, "a list that nobody asked for");
  be_called();
  NEED(say_many(1, 4000, 0) == 0);
  EXPECT_INT(say_part(1, 0, 200, 0, false), 0);
  EXPECT_INT(say_part(1, 1, 200, 0, false), 0);
  EXPECT(puppet_last(&p, FRAME_LACK) != NULL); /* both: it is settled */
  puppet_free(&p);
}

/* Noise instead of a sketch: it is compared in a dearer way, set and
 * catalogue alike. */
static void test_noise(void)
{
  be_called();
  EXPECT_INT(say_part(2, 0, SKETCH_CELLS, 3000, true), 0);
  EXPECT_INT(heard(FRAME_OPEN).p[2], LEVEL_KEYED);
  EXPECT_INT(host_status(p.s).fallbacks, 1);
  puppet_free(&p);
  set_up();
  puppet_greet(&p, false);
  EXPECT_INT(say_part(0, 0, SKETCH_CELLS, 3000, true), 0);
  EXPECT_INT(heard(FRAME_OPEN).p[2], LEVEL_IDS);
  EXPECT_INT(heard(FRAME_OPEN).p[4], 0);
  EXPECT_INT(say_list(0, 1, 0), 0); /* which is all it can say now */
  EXPECT_INT(wire_get(heard(FRAME_OPEN).p, 2), 3);
  puppet_free(&p);
}

/* So many sketches at the same time, and no more. */
static void test_sketches(void)
{
  set_up();
  host_add(&p.host, "c/5", 0, 500);
  host_add(&p.host, "c/6", 0, 500);
  puppet_greet(&p, false);
  NEED(say_list(0, 1, 0) == 0);
  for (unsigned i = 1; i <= SESSION_SKETCHES_MAX; i++) {
    EXPECT_INT(say_part(i, 0, 1, 0, false), 0);
    EXPECT(puppet_last(&p, FRAME_MORE) != NULL);
  }
  expect_ended(say_part(SESSION_SKETCHES_MAX + 1, 0, 1, 0, false), ERR_INVALID,
               "more sketches than were asked for");
}

/* Doubts are of what was compared by sketches or lists. */
static void test_doubts(void)
{
  static const unsigned wrong[] = {0, 4, SESSION_TOPICS_MAX,
                                   SESSION_TOPICS_MAX + 1, 0xffff};
  for (size_t i = 0; i <= 5; i++) {
    be_called();
    for (unsigned topic = 1; topic <= 3; topic++) {
      NEED(say_list(topic, 1, 0) == 0);
    }
    NEED(puppet_last(&p, FRAME_SETTLED) != NULL);
    struct span body = body_of(18, 0, 0, 0);
    wire_put(text + 16, i < 5 ? wrong[i] : 2, 2);
    int rc = puppet_say(&p, FRAME_SENT, body);
    if (i < 5) {
      expect_ended(rc, ERR_INVALID, "it doubts what was not compared");
    } else {
      EXPECT_INT(rc, 0);
      EXPECT_INT(wire_get(heard(FRAME_OPEN).p, 2), 2);
      EXPECT_INT(heard(FRAME_OPEN).p[2], LEVEL_KEYED);
      puppet_free(&p);
    }
  }
  be_called(); /* what was compared window by window is beyond doubt */
  NEED(say_many(1, UINT64_C(1) << 40, 5) == 0);
  for (unsigned topic = 1; topic <= 3; topic++) {
    NEED(say_list(topic, 1, 0) == 0);
  }
  struct span body = body_of(18, 0, 0, 0);
  wire_put(text + 16, 1, 2);
  expect_ended(puppet_say(&p, FRAME_SENT, body), ERR_INVALID,
               "it doubts what was not compared");
}

static void test_named(void)
{
  for (int i = 0; i < 3; i++) {
    set_up();
    puppet_greet(&p, false);
    NEED(say_list(0, 77, 1) == 0); /* a handle of no name that it knows */
    NEED(puppet_last(&p, FRAME_NAMES) != NULL);
    struct span body = body_of(5, i == 0 ? 2 : 1, 3, 'x');
    memcpy(text + 3, i == 1 ? "/\n" : "/y", 2);
    int rc = puppet_say(&p, FRAME_NAMED, body);
    if (i == 2) {
      EXPECT_INT(rc, 0);
      EXPECT_INT(host_status(p.s).collections, 4);
      puppet_free(&p);
    } else {
      expect_ended(rc, ERR_INVALID,
                   i == 0 ? "names that nobody asked for" : "a name is none");
    }
  }
  /* Names for more handles than one frame holds. */
  set_up();
  puppet_greet(&p, false);
  struct span body = body_of(43 + 8 * 8000, 0, 0, 0);
  for (size_t i = 0; i < 8000; i++) {
    wire_put(text + 43 + 8 * i, (i + 1) << 32, 8);
  }
  NEED(puppet_say(&p, FRAME_LIST, body) == 0);
  size_t before = p.heard_n;
  NEED(say_list(0, UINT64_C(9000) << 32, 1000) == 0);
  EXPECT_INT(p.heard[before].type, FRAME_NAMES);
  EXPECT_INT(p.heard[before].body.n, SESSION_CONTROL_MAX);
  EXPECT_INT(heard(FRAME_NAMES).n, 8 * 9000 - SESSION_CONTROL_MAX);
  puppet_free(&p);
}

/* A list that was asked for and has become too long: a dearer way. */
static void test_grown(void)
{
  memset(&p, 0, sizeof p);
  p.host.wish[0] = "*";
  host_add(&p.host, "c/0", 0, SESSION_LIST_MAX);
  puppet_greet(&p, false);
  NEED(say_list(0, 1, 0) == 0);
  host_add(&p.host, "c/0", SESSION_LIST_MAX, SESSION_LIST_MAX + 1);
  size_t opened = p.heard_n;
  EXPECT_INT(puppet_say(&p, FRAME_TELL, body_of(42, 0, 1, 0)), 0);
  EXPECT(p.heard_n > opened);
  EXPECT_INT(wire_get(heard(FRAME_OPEN).p, 2), 1);
  EXPECT_INT(heard(FRAME_OPEN).p[2], LEVEL_KEYED);
  puppet_free(&p);
}

/* ---- the end, and misuse ---- */

/* What was asked for is sent even to one who says at once that it is through:
 * the end waits for it. */
static void test_last_wish(void)
{
  be_called();
  host_file(&p.host, 5000, 1);
  for (unsigned topic = 1; topic <= 3; topic++) {
    NEED(say_list(topic, 1, 0) == 0);
  }
  NEED(puppet_say(&p, FRAME_SENT, body_of(16, 0, 0, 0)) == 0);
  NEED(puppet_last(&p, FRAME_FINISHED) != NULL);
  NEED(channel_put(&p.c, FRAME_GET, span_of(p.host.file_cid[0].b, CID_SIZE),
                   &p.e) == 0);
  EXPECT_INT(puppet_say(&p, FRAME_FINISHED, body_of(24, 0, 0, 0)), 0);
  EXPECT_INT(p.heard[(p.heard_n - 1) % PUPPET_FRAMES].type, FRAME_BLOCKS);
  EXPECT_INT(host_status(p.s).state, SESSION_DONE);
  EXPECT_INT(session_eof(p.s, &p.e), 0);
  puppet_free(&p);
}

/* A session that asks waits for its answer, and takes one at a time. */
static void test_questions(void)
{
  struct span about;
  struct buf out = {0};
  struct err e = {0};
  set_up();
  p.host.asks_serve = true;
  puppet_meet(&p, true);
  NEED(puppet_hello(&p) == 0);
  EXPECT_INT(session_answer(p.s, 1, &e), ERR_MISUSE);
  EXPECT_TEXT(e.text, "the session asks nothing");
  static const uint8_t all[] = {1, WISH_PREFIX, 1, '*'};
  NEED(channel_put(&p.c, FRAME_WISH, span_of(all, 4), &e) == 0);
  NEED(puppet_flush(&p) == 0);
  for (int i = 0; i < 3; i++) { /* asked, and asked again */
    EXPECT_INT(session_pull(p.s, &out, 1000, &e), 0);
    EXPECT_INT(session_asked(p.s, &about), SESSION_ASKS_SERVE);
    EXPECT(span_is(about, "c/1"));
  }
  EXPECT_INT(session_eof(p.s, &e), ERR_CLOSED);
  EXPECT_INT(session_asked(p.s, &about), SESSION_ASKS_NOTHING);
  buf_free(&out);
  puppet_free(&p);
}

/* A verdict that the host can't carry out ends the session. */
static void test_no_verdict(void)
{
  size_t taken;
  call_settled();
  p.host.asks_admit = true;
  struct span body = body_of(1 + 4 + 10, 0, ENTRY_RECORD, 0);
  struct buf out = {0};
  wire_put(text + 2, 10, 3);
  NEED(channel_put(&p.c, FRAME_BLOCKS, body, &p.e) == 0);
  NEED(channel_pull(&p.c, &out, 1u << 20, &p.e) > 0);
  EXPECT_INT(session_feed(p.s, buf_span(&out), &taken, &p.e), SESSION_ASK);
  buf_free(&out);
  expect_ended(session_answer(p.s, -1, &p.e), ERR_MISUSE, "no verdict");
}

/* The last byte was pulled and the stream closed, before we looked again: all
 * was said, so it is done. */
static void test_closed_at_the_end(void)
{
  static struct pair w;
  w.host[0].wish[0] = w.host[1].wish[0] = "*";
  host_add(&w.host[0], "c", 0, 3);
  w.pull = 1;
  w.feed = 1000;
  pair_begin(&w);
  while (host_status(w.s[1]).state != SESSION_DONE && w.rc == 0) {
    (void)pair_step(&w, 0);
    (void)pair_step(&w, 1);
  }
  EXPECT_INT(w.rc, 0);
  EXPECT(w.wire[1].n == 0);
  EXPECT_INT(session_eof(w.s[0], &w.e), 0);
  EXPECT_INT(host_status(w.s[0]).state, SESSION_DONE);
  pair_free(&w);
}

int main(void)
{
  RUN(test_order);
  RUN(test_entries);
  RUN(test_entries_amiss);
  RUN(test_full_amiss);
  RUN(test_opened_amiss);
  RUN(test_more);
  RUN(test_lack_unsent);
  RUN(test_window);
  RUN(test_lists_amiss);
  RUN(test_many);
  RUN(test_keyed);
  RUN(test_noise);
  RUN(test_sketches);
  RUN(test_doubts);
  RUN(test_named);
  RUN(test_grown);
  RUN(test_last_wish);
  RUN(test_questions);
  RUN(test_no_verdict);
  RUN(test_closed_at_the_end);
  return unit_done();
}
