/* SPDX-License-Identifier: 0BSD */
/* Limits of a session that take large worlds to reach, at their borders. */
#include "session_puppet.h"

#include "sync/session_int.h"

static struct puppet p;

/* ---- collections ---- */

static uint64_t names_there;

/* As many as ${names_there}, "n000000000" and on. */
static int many_collections(void *ud, struct span after,
                            struct session_collection *out, struct err *e)
{
  static char name[24];
  uint64_t next = after.n == 10 ? strtoull((const char *)after.p + 1, NULL, 10)
                                : UINT64_MAX;
  (void)ud;
  (void)e;
  if (++next >= names_there) {
    return 0;
  }
  (void)snprintf(name, sizeof name, "n%09llu", (unsigned long long)next);
  out->name = span_of(name, 10);
  out->count = next + 1;
  memset(out->digest, (int)next, sizeof out->digest);
  return 1;
}

static bool in_catalogue(const char *name)
{
  return catalogue_find(p.s, span_of(name, strlen(name))) != NULL;
}

/* Of too many a part is spoken of, and all that is followed by its name. */
static void test_names(void)
{
  for (uint64_t i = 0; i < 4; i++) {
    names_there = i < 3 ? SESSION_NAMES_MAX - 1 + i : 3 * SESSION_NAMES_MAX;
    memset(&p, 0, sizeof p);
    p.host.wish[0] = "*";
    p.host.wish[1] = "n000000005";
    p.host.wish[2] = "n000196000";
    puppet_meet(&p, true);
    p.s->host.collection = many_collections;
    NEED(puppet_hello(&p) == 0);
    EXPECT_INT(puppet_wish(&p), 0);
    size_t n = p.s->catalogue.n;
    EXPECT(i < 2 ? n == names_there
                 : n > SESSION_NAMES_MAX / 3 && n <= SESSION_NAMES_MAX);
    EXPECT(in_catalogue("n000000005"));
    EXPECT(i < 3 || in_catalogue("n000196000"));
    int kept = 0;
    for (int k = 0; k < 100; k++) { /* wherever they stand in the alphabet */
      char name[24];
      (void)snprintf(name, sizeof name, "n%09d", 1960 * k);
      kept += in_catalogue(name);
    }
    EXPECT(i < 3 || (kept > 10 && kept < 60));
    puppet_free(&p);
  }
}

/* ---- ids of one window ---- */

static void test_window_ids(void)
{
  uint64_t most = 4u * SESSION_WINDOW_IDS;
  for (uint64_t i = 0; i < 3; i++) {
    memset(&p, 0, sizeof p);
    p.host.wish[0] = "*";
    host_add(&p.host, "c", 0, most - 1 + i);
    puppet_greet(&p, true);
    NEED(puppet_open(&p, 0, 0, 0, 0, 1, "") == 0);
    int rc = puppet_open(&p, 1, 2, 0, 0, 1, "c");
    EXPECT_INT(rc, i < 2 ? 0 : ERR_INVALID);
    puppet_free(&p);
  }
}

/* ---- credit ---- */

/* What was spent may be given back, to the byte. */
static void test_credit(void)
{
  uint8_t body[4];
  memset(&p, 0, sizeof p);
  p.host.wish[0] = "*";
  host_file(&p.host, 700000, 1);
  puppet_greet(&p, true);
  NEED(puppet_say(&p, FRAME_GET, span_of(p.host.file_cid[0].b, CID_SIZE)) == 0);
  int64_t spent = SESSION_CREDIT - p.s->credit;
  EXPECT(spent >= 700000);
  wire_put(body, (uint64_t)spent - 1, 4);
  EXPECT_INT(puppet_say(&p, FRAME_CREDIT, span_of(body, 4)), 0);
  wire_put(body, 1, 4);
  EXPECT_INT(puppet_say(&p, FRAME_CREDIT, span_of(body, 4)), 0);
  EXPECT_INT(p.s->credit, SESSION_CREDIT);
  EXPECT_INT(puppet_say(&p, FRAME_CREDIT, span_of(body, 4)), ERR_INVALID);
  puppet_free(&p);
}

int main(void)
{
  RUN(test_names);
  RUN(test_window_ids);
  RUN(test_credit);
  return unit_done();
}
