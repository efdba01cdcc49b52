/* SPDX-License-Identifier: 0BSD */
/* A peer that has shown its name says what it likes. The first byte says:
 *   bit 0      the peer is the initiator
 *   bit 1      the policy is asked about everything
 *   bit 2      it says its hello and that it follows all; else the input does
 *   bit 3      large sets are here
 *   bit 4      the policy keeps a collection from it
 *   bit 5      the station is quiet
 *   bit 6      after all frames the host's disk refuses
 * Then frames: type (1 byte), length (2, big endian), body. The session may
 * refuse any of it, with a sentence; it must not end otherwise, and what it
 * holds stays bounded by what came. All keys are known and fixed, so an input
 * that was taken once is taken again.
 *
 * What does not depend on the input is made once: sets, handshakes, hellos. */
#define HOST_NAMES 64 /* a run that has room for few begins sooner */
#include "unit/session_puppet.h"

#include "fuzz/demand.h"
#include "fuzz/pieces.h"

#define SETS 3

PIECES_MUTATOR(1, 1)

static struct puppet p;

/* ---- made once ---- */

static const struct host *shelf_of(bool large)
{
  static struct host made[2];
  struct host *h = &made[large];
  if (h->sets == 0) {
    host_add(h, "c/1", 5, 103);
    host_add(h, "c/3", 0, 3);
    host_add(h, "sole", 0, large ? 600 : 40);
    host_file(h, 100, 1);
    NEED(cid_of(&h->want[h->wants++], CID_RAW, "x", 1) == 0);
    h->zpack = zpack_new();
    NEED(h->zpack != NULL && h->sets == SETS);
  }
  return h;
}

/* Both ends of a handshake that is done; the session's first. */
static const struct noise *met(bool initiator)
{
  static struct noise after[2][2];
  static bool done[2];
  if (!done[initiator]) {
    struct channel end[2];
    struct buf wire = {0};
    struct frame f;
    struct err e = {0};
    size_t n;
    puppet_channel(&end[0], !initiator);
    puppet_channel(&end[1], initiator);
    for (int i = 0; i < NOISE_MESSAGES; i++) {
      int from = (i % 2 == 0) == initiator;
      buf_clear(&wire);
      NEED(channel_pull(&end[from], &wire, 1000, &e) > 0);
      NEED(channel_feed(&end[!from], buf_span(&wire), &n, &f, &e) == 0);
    }
    after[initiator][0] = end[0].noise;
    after[initiator][1] = end[1].noise;
    done[initiator] = true;
    buf_free(&wire);
    channel_end(&end[0]);
    channel_end(&end[1]);
  }
  return after[initiator];
}

/* ---- one run ---- */

static int few_parcels(void *ud, struct span block, struct session_parcel *out,
                       struct err *e)
{
  const struct host *h = ud;
  return h->sets < HOST_NAMES ? host_parcel(ud, block, out, e) : 0;
}

static void set_up(uint8_t how)
{
  const struct host *from = shelf_of((how & 8) != 0);
  struct host *h = &p.host;
  h->wish[0] = "c/*";
  h->wish[1] = "sole";
  h->asks_serve = h->asks_order = h->asks_admit = (how & 2) != 0;
  h->unserved = (how & 16) != 0 ? "c/3" : NULL;
  h->records = 1;
  h->zpack = from->zpack;
  h->sets = from->sets;
  for (size_t i = 0; i < from->sets; i++) {
    const struct host_set *s = &from->set[i];
    h->set[i] = *s;
    h->set[i].d = malloc(s->cap * sizeof *s->d);
    NEED(h->set[i].d != NULL);
    memcpy(h->set[i].d, s->d, s->n * sizeof *s->d);
  }
  NEED(buf_put(&h->file[0], from->file[0].p, from->file[0].n) == 0);
  h->file_cid[0] = from->file_cid[0];
  h->want[0] = from->want[0];
  h->files = h->wants = 1;
}

/* As puppet_meet leaves it. */
static void meet(uint8_t how)
{
  bool initiator = (how & 1) != 0;
  const struct noise *noise = met(initiator);
  p.initiator = initiator;
  p.s = host_session(&p.host, !initiator, (how & 32) != 0);
  p.s->host.parcel = few_parcels;
  p.s->channel.noise = noise[0];
  puppet_channel(&p.c, initiator);
  p.c.noise = noise[1];
  NEED(puppet_hear(&p) == 0);
}

/* The frames of the input, until one is refused. */
static int say_all(struct span s)
{
  int rc = 0;
  while (rc == 0 && s.n >= 3) {
    size_t n = (size_t)wire_get(s.p + 1, 2);
    n = n < s.n - 3 ? n : s.n - 3;
    rc = puppet_say(&p, s.p[0], span_of(s.p + 3, n));
    s = span_of(s.p + 3 + n, s.n - 3 - n);
  }
  return rc;
}

static void check_end(int rc, bool refuses)
{
  struct err e = {0};
  struct session_status now = host_status(p.s);
  demand(rc == 0 || rc == ERR_INVALID || rc == ERR_LIMIT || rc == ERR_SIG);
  /* What comes after the end is refused, and takes nothing back. */
  bool late = rc == ERR_INVALID && now.state == SESSION_DONE &&
              strcmp(p.e.text, "the peer spoke after the end") == 0;
  demand((rc < 0) == (now.state == SESSION_FAILED) || late);
  demand(now.state != SESSION_FAILED || now.error.text[0] != '\0');
  demand(channel_queued(&p.s->channel) <= 1u << 20);
  p.host.fails_at = refuses ? p.host.calls + 1 : 0;
  rc = session_eof(p.s, &e);
  demand(rc == now.error.code || (rc == ERR_CLOSED && now.error.code == 0));
  demand((rc < 0) == (e.text[0] != '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size == 0 || size > 100000) {
    return 0;
  }
  set_up(data[0]);
  meet(data[0]);
  if ((data[0] & 4) != 0) {
    demand(puppet_hello(&p) == 0 && puppet_wish(&p) == 0);
  }
  check_end(say_all(span_of(data + 1, size - 1)), (data[0] & 64) != 0);
  puppet_free(&p);
  return 0;
}
