/* SPDX-License-Identifier: 0BSD */
/* A peer that has shown its name says what it likes. The first byte says:
 *   bit 0      the peer is the initiator
 *   bit 1      the policy is asked about everything
 *   bit 2      it says its hello and that it follows all; else the input does
 *   bit 3      large sets are here
 * Then frames: type (1 byte), length (2, big endian), body. The session may
 * refuse any of it, with a sentence; it must not end otherwise, and what it
 * holds stays bounded by what came. All keys are known and fixed, so an input
 * that was taken once is taken again. */
#include "unit/session_puppet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct puppet p;

static void demand(bool truth)
{
  if (!truth) {
    abort();
  }
}

static void set_up(uint8_t how)
{
  memset(&p, 0, sizeof p);
  p.host.wish[0] = "c/*";
  p.host.wish[1] = "sole";
  p.host.asks_serve = p.host.asks_order = p.host.asks_admit = (how & 2) != 0;
  p.host.records = 1;
  host_add(&p.host, "c/1", 5, 103);
  host_add(&p.host, "c/3", 0, 3);
  host_add(&p.host, "sole", 0, (how & 8) != 0 ? 600 : 40);
  host_file(&p.host, 100, 1);
  NEED(cid_of(&p.host.want[p.host.wants++], CID_RAW, "x", 1) == 0);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct err e = {0};
  if (size == 0 || size > 100000) {
    return 0;
  }
  set_up(data[0]);
  puppet_meet(&p, (data[0] & 1) != 0);
  if ((data[0] & 4) != 0) {
    demand(puppet_hello(&p) == 0 && puppet_wish(&p) == 0);
  }
  int rc = say_all(span_of(data + 1, size - 1));
  struct session_status now = host_status(p.s);
  demand(rc == 0 || rc == ERR_INVALID || rc == ERR_LIMIT || rc == ERR_SIG);
  demand((rc < 0) == (now.state == SESSION_FAILED));
  demand(now.state != SESSION_FAILED || now.error.text[0] != '\0');
  demand(channel_queued(&p.s->channel) <= 1u << 20);
  rc = session_eof(p.s, &e);
  demand(rc == now.error.code || (rc == ERR_CLOSED && now.error.code == 0));
  puppet_free(&p);
  return 0;
}
