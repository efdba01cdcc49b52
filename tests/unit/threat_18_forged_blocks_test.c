/* SPDX-License-Identifier: 0BSD */
/* Threat 18: a peer that sends other bytes under a block's name. They are
 * counted, named and dropped; an honest peer brings the block. */
#include "link_pair.h"
#include "sync/session_int.h"

#define SIZE 300000

static int (*honest_load)(void *ud, const struct cid *cid, struct buf *out,
                          struct err *e);

enum lie { FLIPPED, CUT, LONGER, OTHER, LIES };
static enum lie lie;

static int lying_load(void *ud, const struct cid *cid, struct buf *out,
                      struct err *e)
{
  size_t was = out->n;
  int rc = honest_load(ud, cid, out, e);
  if (rc <= 0) {
    return rc;
  }
  switch (lie) {
  case FLIPPED:
    out->p[out->n - 1] ^= 1;
    break;
  case CUT:
    out->n--;
    break;
  case LONGER:
    NEED(buf_byte(out, 0) == 0);
    break;
  case OTHER:
    memset(out->p + was, 7, out->n - was);
    break;
  case LIES:
    break;
  }
  return rc;
}

static struct link_status meet(struct home *reader, struct home *from,
                               bool lying)
{
  struct link_pair p = {.seed = 3};
  struct link_status told;
  link_pair_begin(&p, reader, from);
  struct session *s = link_session(p.link[1]);
  honest_load = s->host.load;
  if (lying) {
    s->host.load = lying_load;
  }
  EXPECT(link_pair_run(&p));
  link_status(p.link[0], &told);
  EXPECT((link_faults(p.link[0]).n > 0) == lying);
  link_pair_end(&p);
  return told;
}

static bool has_block(struct home *h, const struct cid *cid)
{
  struct buf b = {0};
  struct err e;
  int rc = station_block(h->st, cid, &b, &e);
  buf_free(&b);
  NEED(rc == 0 || rc == ERR_NOENT);
  return rc == 0;
}

static void test_lies(void)
{
  struct home reader, from;
  struct buf bytes = {0};
  struct err e = {0};
  struct job *j = NULL;
  home_new(&reader);
  home_new(&from);
  NEED(station_follow(reader.st, span_of("*", 1), INT64_MAX, &e) == 0);
  shelf_noise(&bytes, SIZE, 5);
  shelf_write(home_file(&from, "f"), buf_span(&bytes));
  NEED(files_add(&j, from.st, home_file(&from, "f"), FILE_CUT_FIXED, &e) == 0);
  NEED(run_job(j, &e) == 0);
  struct cid file = j->result.link;
  job_del(j);
  struct made m = {.n = 1, .files = 1, .file = &file, .size = SIZE};
  struct cid record = home_publish(&from, "c", &m, -1);
  for (lie = 0; lie < LIES; lie++) {
    struct link_status told = meet(&reader, &from, true);
    EXPECT_INT(told.bad, 1);
    EXPECT_INT(told.files, 0);
    EXPECT(!has_block(&reader, &file));
    EXPECT(home_has(&reader, &record));
    EXPECT_INT(home_missing(&reader), 1);
  }
  struct link_status told = meet(&reader, &from, false);
  EXPECT_INT(told.bad, 0);
  EXPECT(has_block(&reader, &file));
  EXPECT_INT(home_missing(&reader), 0);
  buf_free(&bytes);
  home_end(&reader);
  home_end(&from);
}

int main(void)
{
  RUN(test_lies);
  return unit_done();
}
