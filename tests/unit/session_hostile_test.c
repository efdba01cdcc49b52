/* SPDX-License-Identifier: 0BSD */
/* Peers that break the protocol: each frame out of turn, each limit at its
 * border, each message cut at each length. The session ends with a sentence,
 * what had come is kept, and the same host has another session. */
#include "session_puppet.h"

static struct puppet p;

/* The session's host: a few collections, one of them large. */
static void set_up(void)
{
  memset(&p, 0, sizeof p);
  p.host.wish[0] = "*";
  host_add(&p.host, "c/1", 0, 5);
  host_add(&p.host, "c/2", 0, 3000);
  host_add(&p.host, "c/3", 0, 5);
}

/* With one that is large. */
static void set_up_large(void)
{
  set_up();
  host_add(&p.host, "c/3", 5, 70000);
}

static int say_bytes(uint8_t type, size_t n)
{
  static const uint8_t zeros[SESSION_FRAME_MAX];
  return puppet_say(&p, type, span_of(zeros, n));
}

/* It has failed with this code, says why, and keeps saying it. */
static void expect_failed(int rc, int code)
{
  struct err e = {0};
  struct session_status now = host_status(p.s);
  size_t taken;
  EXPECT_INT(rc, code);
  EXPECT_INT(now.state, SESSION_FAILED);
  EXPECT_INT(now.error.code, code);
  EXPECT(now.error.text[0] != '\0');
  EXPECT(p.host.flushes > 0);
  EXPECT_INT(session_feed(p.s, span_of("x", 1), &taken, &e), code);
  EXPECT_INT(session_eof(p.s, &e), code);
  EXPECT_TEXT(e.text, now.error.text);
}

/* It had come to its end, and what is said afterwards changes nothing: the
 * transport alone hears of it. */
static void expect_over(int rc)
{
  struct err e = {0};
  struct session_status now = host_status(p.s);
  struct buf out = {0};
  EXPECT_INT(rc, ERR_INVALID);
  EXPECT_TEXT(p.e.text, "the peer spoke after the end");
  EXPECT_INT(now.state, SESSION_DONE);
  EXPECT_INT(now.error.code, 0);
  EXPECT_INT(session_pull(p.s, &out, SIZE_MAX, &e), 0);
  EXPECT_INT(session_eof(p.s, &e), 0);
  buf_free(&out);
}

/* ---- turns ---- */

enum stage { /* how far the puppet has come */
             MET,
             HELLO,
             GREETED,
             COMPARED, /* initiator: the catalogue was opened */
             OPENED,   /* initiator: a topic was; responder: it has seen one */
             SETTLED,
             SENT,
             FINISHED,
             STAGES
};

/* The answer to the session's OPEN of ${topic}: ours is the empty list. */
static int answer_empty(unsigned topic)
{
  uint8_t body[2 + 1 + 8 + HASH_SIZE] = {0, (uint8_t)topic, LACK_LAST};
  static struct setsum none;
  NEED(setsum_digest(body + 11, &none) == 0);
  return puppet_say(&p, FRAME_LIST, span_of(body, sizeof body));
}

/* The puppet calls. */
static void reach_calling(enum stage stage)
{
  static const uint8_t counts[24];
  puppet_meet(&p, true);
  NEED(stage < HELLO || puppet_hello(&p) == 0);
  NEED(stage < GREETED || puppet_wish(&p) == 0);
  NEED(stage < COMPARED || puppet_open(&p, 0, 0, 0, 0, 1, "") == 0);
  NEED(stage != OPENED || puppet_open(&p, 1, 0, 0, 0, 1, "c/1") == 0);
  NEED(stage < SETTLED || say_bytes(FRAME_SETTLED, 0) == 0);
  NEED(stage < SENT || puppet_say(&p, FRAME_SENT, span_of(counts, 16)) == 0);
  NEED(stage < FINISHED ||
       puppet_say(&p, FRAME_FINISHED, span_of(counts, 24)) == 0);
}

/* The puppet is called: it lists nothing, so all three topics are opened. */
static void reach_called(enum stage stage)
{
  static const uint8_t counts[24];
  puppet_meet(&p, false);
  NEED(stage < HELLO || puppet_hello(&p) == 0);
  NEED(stage < GREETED || puppet_wish(&p) == 0);
  NEED(stage < OPENED || answer_empty(0) == 0);
  for (unsigned i = 1; stage >= SETTLED && i <= 3; i++) {
    NEED(answer_empty(i) == 0);
  }
  NEED(stage < SENT || puppet_say(&p, FRAME_SENT, span_of(counts, 16)) == 0);
}

static bool may(bool calling, enum stage stage, uint8_t type)
{
  bool greeted = stage >= GREETED && stage < FINISHED;
  switch (type) {
  case FRAME_HELLO:
    return stage == MET;
  case FRAME_WISH:
    return stage == HELLO;
  case FRAME_CREDIT: /* of nothing, as these have it */
    return greeted;
  case FRAME_OPEN:
  case FRAME_NAMES:
  case FRAME_MORE:
  case FRAME_LACK:
  case FRAME_PART:
  case FRAME_LIST:
  case FRAME_TELL:
  case FRAME_MANY:
  case FRAME_NAMED:
    return false;  /* with the bodies below */
  case FRAME_SAME: /* of the catalogue */
  case FRAME_REFUSE:
    return !calling && stage == GREETED;
  case FRAME_SETTLED:
    return calling && (stage == COMPARED || stage == SENT);
  case FRAME_SENT:
    return stage == SETTLED;
  case FRAME_GET:
    return greeted;
  default:
    return false;
  }
}

/* Bodies that would do if it were the frame's turn, or hardly anything. */
static struct span body_for(uint8_t type)
{
  static const uint8_t zeros[64];
  static struct cid cid;
  switch (type) {
  case FRAME_GET:
    NEED(cid_of(&cid, CID_RAW, "x", 1) == 0);
    return span_of(cid.b, CID_SIZE);
  case FRAME_CREDIT:
    return span_of(zeros, 4);
  case FRAME_SENT:
    return span_of(zeros, 16);
  case FRAME_FINISHED:
    return span_of(zeros, 24);
  case FRAME_SETTLED:
    return span_of(NULL, 0);
  default:
    return span_of(zeros, 2);
  }
}

static void expect_turns(bool calling, enum stage stage)
{
  for (uint8_t type = 0; type < 24; type++) {
    set_up();
    if (calling) {
      reach_calling(stage);
    } else {
      reach_called(stage);
    }
    bool whole = type == FRAME_HELLO || type == FRAME_WISH;
    bool last = type == FRAME_FINISHED &&
                (stage == SENT || (calling && stage == COMPARED));
    bool over = host_status(p.s).state == SESSION_DONE;
    int faults = unit_faults;
    EXPECT(over == (stage == FINISHED));
    if (whole && may(calling, stage, type)) {
      EXPECT_INT(type == FRAME_HELLO ? puppet_hello(&p) : puppet_wish(&p), 0);
    } else {
      int rc = puppet_say(&p, type, body_for(type));
      if (last || may(calling, stage, type)) {
        EXPECT_INT(rc, 0);
        EXPECT((host_status(p.s).state == SESSION_DONE) == last);
      } else if (over) {
        expect_over(rc);
      } else {
        expect_failed(rc, ERR_INVALID);
      }
    }
    if (unit_faults > faults) {
      printf("  calling %d, stage %d, frame %d\n", calling, stage, type);
    }
    puppet_free(&p);
  }
}

static void test_turns(void)
{
  for (int stage = MET; stage < STAGES; stage++) {
    expect_turns(true, (enum stage)stage);
    if (stage != COMPARED && stage != FINISHED) {
      expect_turns(false, (enum stage)stage);
    }
  }
}

/* That there was no room is said once, of something, before the end. */
static void test_full(void)
{
  static const uint8_t some[8] = {0, 0, 0, 0, 0, 0, 1, 0}, none[8];
  for (int i = 0; i < 4; i++) {
    set_up();
    reach_calling(SENT);
    struct span body = span_of(i == 1 ? none : some, i == 2 ? 7 : 8);
    int rc = puppet_say(&p, FRAME_FULL, body);
    if (i == 0 || i == 3) {
      EXPECT_INT(rc, 0);
      EXPECT_INT(host_status(p.s).peer_full, 256);
      rc = i == 0 ? puppet_say(&p, FRAME_FULL, body) : 0;
    }
    if (i < 3) {
      expect_failed(rc, ERR_INVALID);
    }
    puppet_free(&p);
  }
}

/* ---- limits ---- */

static void test_sizes_of_frames(void)
{
  for (size_t i = 0; i < 3; i++) {
    set_up();
    puppet_greet(&p, true);
    int rc = say_bytes(FRAME_GET, SESSION_CONTROL_MAX - 1 + i);
    expect_failed(rc, i < 2 ? ERR_INVALID : ERR_LIMIT); /* no CIDs */
    puppet_free(&p);
  }
}

/* ${n} wishes in frames of 3,000. */
static int wish_for(size_t n)
{
  static uint8_t body[1 + 3000 * (1 + TOKEN_SIZE)];
  for (size_t left = n; left > 0;) {
    size_t some = left < 3000 ? left : 3000;
    left -= some;
    body[0] = left == 0;
    int rc =
        puppet_say(&p, FRAME_WISH, span_of(body, 1 + some * (1 + TOKEN_SIZE)));
    if (rc < 0) {
      return rc;
    }
  }
  return 0;
}

static void test_wishes(void)
{
  for (size_t i = 0; i < 3; i++) {
    set_up();
    puppet_meet(&p, true);
    NEED(puppet_hello(&p) == 0);
    int rc = wish_for(SESSION_WISHES_MAX - 1 + i);
    EXPECT_INT(rc, i < 2 ? 0 : ERR_LIMIT);
    puppet_free(&p);
  }
}

static void test_blocks_asked_for(void)
{
  static uint8_t body[(SESSION_ASKED_MAX + 1) * CID_SIZE];
  struct cid cid;
  NEED(cid_of(&cid, CID_RAW, "x", 1) == 0);
  for (size_t i = 0; i <= SESSION_ASKED_MAX; i++) {
    memcpy(body + i * CID_SIZE, cid.b, CID_SIZE);
  }
  for (size_t i = 0; i < 3; i++) {
    set_up();
    puppet_greet(&p, true);
    size_t n = SESSION_ASKED_MAX - 1 + i;
    int rc = puppet_say(&p, FRAME_GET, span_of(body, n * CID_SIZE));
    EXPECT_INT(rc, i < 2 ? 0 : ERR_INVALID);
    const struct said *f = puppet_last(&p, FRAME_BLOCKS);
    EXPECT(i == 2 || (f != NULL && f->body.n > 0));
    puppet_free(&p);
  }
}

static void test_topics(void)
{
  for (unsigned i = 0; i < 3; i++) {
    set_up();
    reach_calling(COMPARED);
    int rc = puppet_open(&p, SESSION_TOPICS_MAX - 1 + i, 0, 0, 0, 1, "c/1");
    EXPECT_INT(rc, i < 2 ? 0 : ERR_INVALID);
    puppet_free(&p);
  }
  set_up(); /* one collection, twice in a round */
  reach_calling(COMPARED);
  NEED(puppet_open(&p, 1, 0, 0, 0, 1, "c/1") == 0);
  expect_failed(puppet_open(&p, 2, 0, 0, 0, 1, "c/1"), ERR_INVALID);
  puppet_free(&p);
  set_up(); /* one that is refused is settled: no second try in this round */
  p.host.wish[0] = "c/1";
  reach_calling(COMPARED);
  NEED(puppet_open(&p, 1, 0, 0, 0, 1, "elsewhere") == 0);
  EXPECT(puppet_last(&p, FRAME_REFUSE) != NULL);
  expect_failed(puppet_open(&p, 1, 1, 0, 0, 1, "elsewhere"), ERR_INVALID);
  puppet_free(&p);
}

static void test_windows(void)
{
  for (unsigned i = 0; i < 3; i++) {
    unsigned bits = SESSION_WINDOW_BITS_MAX - 1 + i;
    set_up_large();
    reach_calling(COMPARED);
    EXPECT_INT(puppet_open(&p, 1, 2, bits, (1u << bits) - 1, 1, "c/3"),
               i < 2 ? 0 : ERR_INVALID);
    puppet_free(&p);
    set_up_large();
    reach_calling(COMPARED);
    EXPECT_INT(puppet_open(&p, 1, 1, SKETCH_SCAN_BITS_MAX - 1 + i, 0, 1, "c/3"),
               i < 2 ? 0 : ERR_INVALID);
    puppet_free(&p);
  }
  set_up_large();
  reach_calling(COMPARED);
  expect_failed(puppet_open(&p, 1, 2, 3, 8, 1, "c/3"), ERR_INVALID);
  puppet_free(&p);
  set_up_large();
  reach_calling(COMPARED);
  expect_failed(puppet_open(&p, 1, 3, 0, 0, 1, "c/3"), ERR_INVALID);
  puppet_free(&p);
}

static void test_names(void)
{
  for (int n = 8; n <= 10; n++) {
    uint8_t handles[16] = {0};
    int rc = 0;
    set_up();
    reach_calling(COMPARED);
    for (int i = 0; i < n && rc == 0; i++) {
      rc = puppet_say(&p, FRAME_NAMES, span_of(handles, 16));
    }
    EXPECT_INT(rc, n < 10 ? 0 : ERR_INVALID);
    puppet_free(&p);
  }
}

/* All that is here may be lacked, and what a wrong sketch may show besides;
 * no more, or a list of any length would be kept. */
static void test_lacks(void)
{
  for (size_t i = 0; i < 3; i++) {
    size_t n = 3000 + PEEL_HANDLES_MAX - 1 + i;
    set_up();
    reach_calling(COMPARED);
    NEED(puppet_open(&p, 1, 0, 0, 0, 1, "c/2") == 0);
    NEED(puppet_lack(&p, 1, LACK_SEND, 1, 4000) == 0);
    int rc = puppet_lack(&p, 1, LACK_SEND | LACK_LAST, 1, n - 4000);
    EXPECT_INT(rc, i < 2 ? 0 : ERR_INVALID);
    puppet_free(&p);
  }
  for (size_t i = 0; i < 3; i++) { /* in one frame */
    set_up_large();
    reach_calling(COMPARED);
    NEED(puppet_open(&p, 1, 0, 0, 0, 100000, "c/3") == 0);
    int rc = puppet_lack(&p, 1, LACK_SEND, 1, SESSION_LIST_MAX - 1 + i);
    EXPECT_INT(rc, i < 2 ? 0 : ERR_INVALID);
    puppet_free(&p);
  }
}

/* The host's list of names stays bounded, however often a peer names them. */
static int name_many(size_t frames)
{
  static uint8_t body[SESSION_CONTROL_MAX];
  size_t n = 1;
  for (; n + 9 < sizeof body; n += 9) {
    body[n] = 8;
    (void)snprintf((char *)body + n + 1, 8, "n/%05zu", n / 9);
    memcpy(body + n + 8, "x", 1);
  }
  for (size_t i = 0; i < frames; i++) {
    int rc = puppet_say(&p, FRAME_NAMED, span_of(body, n));
    if (rc < 0) {
      return rc;
    }
  }
  return 0;
}

static void test_named(void)
{
  uint8_t body[2 + 1 + 8 + HASH_SIZE + 8] = {0, 0, LACK_LAST};
  static struct setsum none;
  set_up();
  puppet_greet(&p, false);
  body[sizeof body - 1] = 77; /* a handle of no name that it knows */
  NEED(setsum_digest(body + 11, &none) == 0);
  NEED(puppet_say(&p, FRAME_LIST, span_of(body, sizeof body)) == 0);
  NEED(puppet_last(&p, FRAME_NAMES) != NULL);
  EXPECT_INT(name_many(9), 0); /* 65,529 names, but for three all new */
  int rc = name_many(1);
  expect_failed(rc, ERR_LIMIT);
  puppet_free(&p);
}

/* More than so many bytes are one entry: tiny parcels can't hide in zstd. */
static void test_entries(void)
{
  static uint8_t body[1 + SESSION_BLOCKS_RAW + 200];
  size_t most = SESSION_BLOCKS_RAW + 2 * (4 + CID_SIZE);
  for (size_t i = 0; i < 3; i++) {
    size_t n = most - 1 + i, first = 1000;
    set_up();
    reach_calling(COMPARED);
    NEED(say_bytes(FRAME_SETTLED, 0) == 0);
    memset(body, 0, sizeof body);
    body[1] = ENTRY_RECORD;
    wire_put(body + 2, first, 3);
    body[1 + 4 + first] = ENTRY_RECORD;
    wire_put(body + 1 + 4 + first + 1, n - first - 8, 3);
    int rc = puppet_say(&p, FRAME_BLOCKS, span_of(body, 1 + n));
    EXPECT_INT(rc, i < 2 ? 0 : ERR_INVALID);
    wire_put(body + 2, n - 4, 3); /* and so it is one */
    if (i < 2) {
      EXPECT_INT(puppet_say(&p, FRAME_BLOCKS, span_of(body, 1 + n)), 0);
    }
    puppet_free(&p);
  }
}

/* Rounds without end. */
static void test_rounds(void)
{
  static const uint8_t counts[16];
  int rc = 0;
  unsigned rounds = 0;
  set_up();
  reach_calling(COMPARED);
  while (rc == 0) {
    rc = say_bytes(FRAME_SETTLED, 0);
    rounds += rc == 0;
    rc = rc < 0 ? rc : puppet_say(&p, FRAME_SENT, span_of(counts, 16));
  }
  EXPECT_INT(rounds, SESSION_ROUNDS_MAX);
  expect_failed(rc, ERR_LIMIT);
  puppet_free(&p);
}

static void test_credit(void)
{
  uint8_t body[4] = {0, 0, 0, 1};
  set_up();
  puppet_greet(&p, true);
  expect_failed(puppet_say(&p, FRAME_CREDIT, span_of(body, 4)), ERR_INVALID);
  puppet_free(&p);
  /* Who gives no credit gets so much and no more. */
  set_up();
  host_file(&p.host, 700000, 1);
  puppet_greet(&p, true);
  size_t before = p.heard_n;
  for (int i = 0; i < 4; i++) {
    NEED(puppet_say(&p, FRAME_GET, span_of(p.host.file_cid[0].b, CID_SIZE)) ==
         0);
  }
  EXPECT_INT(p.heard_n - before, 2); /* the second one overdraws it */
  wire_put(body, 700000, 4);
  NEED(puppet_say(&p, FRAME_CREDIT, span_of(body, 4)) == 0);
  EXPECT_INT(p.heard_n - before, 3);
  puppet_free(&p);
}

/* ---- what one session said, said to another: cut, and turned over ---- */

struct script {
  struct buf frames; /* type, length (3), body */
  struct pair pair;
};

static void make_pair(struct pair *w)
{
  memset(w, 0, sizeof *w);
  w->host[0].wish[0] = "c/*";
  w->host[0].wish[1] = "sole";
  w->host[1].wish[0] = "*";
  host_add(&w->host[0], "c/1", 0, 100);
  host_add(&w->host[1], "c/1", 5, 103);
  host_add(&w->host[0], "c/2", 0, 2);
  host_add(&w->host[1], "c/3", 0, 3);
  host_add(&w->host[1], "sole", 0, 40);
  host_add(&w->host[0], "sole", 38, 41);
  for (int i = 0; i < 2; i++) {
    host_file(&w->host[i], 100, (uint64_t)i);
    w->host[1 - i].want[w->host[1 - i].wants++] = w->host[i].file_cid[0];
  }
  w->seed = 1;
  w->keep = true;
  w->pull = w->feed = 1u << 20;
}

/* Run the honest session, keep what end ${i} said, and put its hosts back. */
static void record(struct script *x, int i)
{
  make_pair(&x->pair);
  NEED(pair_sync(&x->pair));
  buf_clear(&x->frames);
  puppet_overhear(&x->frames, i == 0, buf_span(&x->pair.kept[i]));
  pair_free(&x->pair);
}

/* Say the first ${k} frames as they were, then ${last} of type ${type}. */
static int replay(const struct script *x, int i, size_t k, uint8_t type,
                  struct span last)
{
  static struct pair w;
  size_t at = 0;
  int rc = 0;
  make_pair(&w);
  p.host = w.host[1 - i];
  host_free(&w.host[i]);
  puppet_meet(&p, i == 0);
  for (; rc == 0 && k > 0; k--) {
    size_t n = wire_get(x->frames.p + at + 1, 3);
    rc = puppet_say(&p, x->frames.p[at], span_of(x->frames.p + at + 4, n));
    at += 4 + n;
  }
  NEED(rc == 0);
  rc = puppet_say(&p, type, last);
  if (rc < 0) {
    struct session_status now = host_status(p.s);
    NEED(now.state == SESSION_FAILED && now.error.text[0] != '\0');
    NEED(rc == ERR_INVALID || rc == ERR_LIMIT || rc == ERR_SIG);
  }
  puppet_end(&p);
  host_free(&p.host);
  return rc;
}

/* May a frame of this type be taken though it was cut? Lists that lose an
 * entry; a name that becomes another; a version's flags. */
static bool may_be_cut(uint8_t type, size_t n)
{
  switch (type) {
  case FRAME_WISH:
  case FRAME_OPEN:
  case FRAME_NAMED:
    return true;
  case FRAME_LIST:
    return n >= 43 && (n - 43) % 8 == 0;
  case FRAME_LACK:
    return n >= 3 && (n - 3) % 8 == 0;
  case FRAME_NAMES:
    return n % 8 == 0;
  case FRAME_GET:
    return n > 0 && n % CID_SIZE == 0;
  default:
    return false;
  }
}

static void expect_cuts(int i, struct script *x)
{
  uint64_t seen = 0;
  size_t k = 0;
  record(x, i);
  for (size_t at = 0; at < x->frames.n; k++) {
    uint8_t type = x->frames.p[at];
    size_t n = wire_get(x->frames.p + at + 1, 3);
    struct span body = span_of(x->frames.p + at + 4, n);
    seen |= UINT64_C(1) << type;
    for (size_t cut = 0; cut < n; cut += cut < 100 || cut + 20 > n ? 1 : 37) {
      int rc = replay(x, i, k, type, span_of(body.p, cut));
      if (rc == 0 && !may_be_cut(type, cut) &&
          (type != FRAME_BLOCKS || cut != 1)) { /* without any entry */
        printf("  frame %d cut to %zu of %zu was taken\n", type, cut, n);
        EXPECT(false);
      }
    }
    struct buf turned = {0};
    NEED(buf_put(&turned, body.p, n) == 0);
    for (size_t b = 0; b < n; b += b < 100 ? 1 : 31) {
      turned.p[b] ^= (uint8_t)(1u << b % 8);
      (void)replay(x, i, k, type, buf_span(&turned));
      turned.p[b] ^= (uint8_t)(1u << b % 8);
    }
    buf_free(&turned);
    at += 4 + n;
  }
  /* The script has the frames that it is there for. */
  uint64_t want = i == 0
                      ? 1u << FRAME_OPEN | 1u << FRAME_NAMES |
                            1u << FRAME_LACK | 1u << FRAME_SETTLED
                      : 1u << FRAME_PART | 1u << FRAME_LIST | 1u << FRAME_NAMED;
  want |= 1u << FRAME_HELLO | 1u << FRAME_WISH | 1u << FRAME_BLOCKS |
          1u << FRAME_SENT | 1u << FRAME_GET | 1u << FRAME_FINISHED;
  EXPECT_INT(want & ~seen, 0);
}

static void test_cuts(void)
{
  static struct script x;
  for (int i = 0; i < 2; i++) {
    memset(&p, 0, sizeof p);
    expect_cuts(i, &x);
    puppet_free(&p);
  }
  buf_free(&x.frames);
}

int main(void)
{
  RUN(test_turns);
  RUN(test_full);
  RUN(test_sizes_of_frames);
  RUN(test_wishes);
  RUN(test_blocks_asked_for);
  RUN(test_topics);
  RUN(test_windows);
  RUN(test_names);
  RUN(test_lacks);
  RUN(test_named);
  RUN(test_entries);
  RUN(test_rounds);
  RUN(test_credit);
  RUN(test_cuts);
  return unit_done();
}
