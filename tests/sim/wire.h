/* SPDX-License-Identifier: 0BSD */
/* Wires: byte streams between two stations, and all that befalls one: bytes
 * come late, one by one, half of them, bent, or no more. */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include "villain.h"

#define IN_FLIGHT_MAX (128u * 1024) /* of one way: a sender has to wait */
#define WIRE_CHUNK (64u * 1024)
#define WIRES_MAX 64
/* Steps after which a session with a villain is ended by the host. */
#define PATIENCE 4000
#define SESSION_BYTES_MAX (4u * 1024 * 1024)

struct end {
  size_t post;
  struct link *l; /* of an honest end */
  struct villain v;
  struct buf in; /* what is under way to it */
  uint64_t out;  /* bytes that it has sent */
  bool over;
  int code;
  struct err why;
};

struct wire {
  bool live;
  bool clean;      /* nothing befalls it */
  bool villainous; /* one of its ends */
  struct end end[2];
  uint32_t owner; /* of its memory */
  uint64_t cut;   /* after so many bytes both ways; 0: never */
  uint64_t bend;  /* the byte, of the first end's, that is bent; 0: none */
  unsigned flaw;  /* how */
  size_t crumb;   /* bytes at a time for the first 2,000 steps; 0: many */
  uint64_t steps, idle;
};

/* A bug, for the test of the test: in every honest session. */
typedef void plant_bug(struct session *s);

struct net {
  struct world *w;
  struct wire wire[WIRES_MAX];
  plant_bug *plant;        /* or NULL */
  bool still;              /* there is nothing left to tell */
  uint64_t sessions, done; /* between honest ends */
  size_t heaviest;         /* memory of one of them, bytes */
};

/* ---- life ---- */

static inline void end_new(struct net *net, struct wire *x, int i)
{
  struct end *n = &x->end[i];
  struct post *p = &net->w->post[n->post];
  struct link_options opt = {.initiator = i == 0,
                             .quiet = p->quiet,
                             .serve = p->refuses == REFUSES_PEERS,
                             .order = true,
                             .level = 3};
  struct err e;
  if (!is_honest(p)) {
    villain_new(&n->v, net->w, p, i == 0);
    return;
  }
  uint32_t was = meter_enter(x->owner);
  int rc = link_new(&n->l, p->h.st, &opt, &e);
  (void)meter_enter(was);
  if (rc < 0) {
    FAIL(net->w, "station %zu has no session: %s", n->post, e.text);
  }
  if (net->plant != NULL) {
    net->plant(link_session(n->l));
  }
}

static inline void wire_open(struct net *net, struct wire *x, size_t a,
                             size_t b, bool clean)
{
  struct dice *d = &net->w->dice;
  memset(x, 0, sizeof *x);
  x->live = true;
  x->clean = clean;
  x->owner = meter_new();
  x->end[0].post = a;
  x->end[1].post = b;
  x->villainous = !is_honest(&net->w->post[a]) || !is_honest(&net->w->post[b]);
  if (!clean) {
    x->cut = dice_hit(d, 25) ? 1 + dice_below(d, 20000) : 0;
    x->bend = dice_hit(d, 10) ? 1 + dice_below(d, 8000) : 0;
    x->flaw = (unsigned)dice_below(d, 4);
    x->crumb = dice_hit(d, 10) ? 1 + dice_below(d, 40) : 0;
  }
  end_new(net, x, 0);
  end_new(net, x, 1);
  net->sessions += !x->villainous;
}

static inline bool end_done(const struct end *n)
{
  struct link_status st;
  if (n->l == NULL) {
    return false;
  }
  link_status(n->l, &st);
  return st.session.state == SESSION_DONE;
}

static inline void end_close(struct net *net, struct wire *x, struct end *n)
{
  struct post *p = &net->w->post[n->post];
  if (!is_honest(p)) {
    p->unsettled = p->unsettled || n->v.l != NULL;
    villain_del(&n->v);
  } else {
    uint32_t was = meter_enter(x->owner);
    p->unsettled = !end_done(n) && n->code == 0;
    link_del(n->l);
    (void)meter_enter(was);
  }
  buf_free(&n->in);
}

/* Both hold 4 MiB at most, with the sketches of the stations that a session's
 * calls are the first to want; but for zstd's contexts, which are the
 * stations'. */
static inline void wire_weigh(struct net *net, const struct wire *x)
{
  size_t both = meter.peak[x->owner];
  if (both > net->heaviest) {
    net->heaviest = both;
  }
  if (both > SESSION_BYTES_MAX) {
    FAIL(net->w, "a session of stations %zu and %zu held %zu bytes",
         x->end[0].post, x->end[1].post, both);
  }
}

static inline void wire_close(struct net *net, struct wire *x)
{
  end_close(net, x, &x->end[0]);
  end_close(net, x, &x->end[1]);
  wire_weigh(net, x);
  x->live = false;
}

/* ---- bytes ---- */

static inline void end_failed(struct net *net, struct wire *x, int i, int rc,
                              const struct err *e)
{
  struct end *n = &x->end[i];
  static const int foreign[] = {ERR_INVALID, ERR_LIMIT, ERR_SIG, ERR_CLOSED};
  bool ours = true;
  n->over = true;
  n->code = rc;
  n->why = *e;
  for (size_t k = 0; k < 4; k++) {
    ours = ours && rc != foreign[k];
  }
  bool hurt = x->villainous || x->bend > 0 || rc == ERR_CLOSED;
  if (ours || !hurt) {
    FAIL(net->w, "stations %zu and %zu: the session of %s failed: %s",
         x->end[0].post, x->end[1].post, i == 0 ? "the first" : "the second",
         e->text);
  }
}

/* What befalls the bytes on their way, from ${at} of ${b} on. */
static inline void befall(struct wire *x, int i, struct buf *b, size_t at)
{
  struct end *n = &x->end[i];
  uint64_t was = n->out;
  n->out += b->n - at;
  if (i != 0 || x->bend == 0 || x->bend <= was || x->bend > n->out) {
    return;
  }
  size_t k = at + (size_t)(x->bend - was - 1);
  if (x->flaw == 0) {
    b->p[k] ^= 0x20;
  } else if (x->flaw == 1) { /* lost */
    memmove(b->p + k, b->p + k + 1, b->n - k - 1);
    b->n--;
  } else if (x->flaw == 2) { /* twice */
    NEED(buf_byte(b, 0) == 0);
    memmove(b->p + k + 1, b->p + k, b->n - k - 1);
  } else if (k + 1 < b->n) { /* out of order */
    uint8_t swap = b->p[k];
    b->p[k] = b->p[k + 1];
    b->p[k + 1] = (uint8_t)(swap ^ 1);
  }
}

static inline size_t some_bytes(struct net *net, const struct wire *x)
{
  if (x->crumb > 0 && x->steps < 2000) {
    return x->crumb;
  }
  return x->clean ? WIRE_CHUNK : 1 + dice_below(&net->w->dice, WIRE_CHUNK);
}

/* Let it speak. Did anything move? */
static inline bool end_pull(struct net *net, struct wire *x, int i)
{
  struct end *n = &x->end[i], *to = &x->end[1 - i];
  struct err e = {0};
  size_t was = to->in.n;
  int rc;
  if (n->over || to->in.n > IN_FLIGHT_MAX) {
    return false;
  }
  size_t max = some_bytes(net, x);
  if (n->l == NULL) {
    rc = villain_pull(&n->v, &to->in, max);
    n->over = rc < 0;
  } else {
    struct buf out = {0};
    uint32_t caller = meter_enter(x->owner);
    rc = session_pull(link_session(n->l), &out, max, &e);
    (void)meter_enter(METER_NOBODY);
    NEED(buf_put(&to->in, out.p, out.n) == 0);
    (void)meter_enter(x->owner);
    buf_free(&out);
    (void)meter_enter(caller);
    if (rc < 0) {
      end_failed(net, x, i, rc, &e);
    }
  }
  befall(x, i, &to->in, was);
  return rc > 0 || (n->l != NULL && session_busy(link_session(n->l)));
}

/* ---- the policy ---- */

static inline void end_answer(struct net *net, struct wire *x, struct end *n)
{
  const struct post *p = &net->w->post[n->post];
  struct session *s = link_session(n->l);
  struct link_question q;
  struct span about;
  struct err e;
  int64_t value = 0;
  switch (session_asked(s, &about)) {
  case SESSION_ASKS_SERVE:
    value = !span_equal(about, text_of(UNSPOKEN));
    break;
  case SESSION_ASKS_ORDER:
    value = (int64_t)about.n;
    break;
  case SESSION_ASKS_ADMIT:
    link_question(n->l, &q);
    value = post_judge(p, &q.cid);
    break;
  case SESSION_ASKS_NOTHING:
    return;
  }
  int rc = session_answer(s, value, &e);
  if (rc < 0) {
    end_failed(net, x, n == &x->end[1], rc, &e);
  }
}

static inline bool end_asks(const struct end *n)
{
  struct span about;
  return n->l != NULL && !n->over &&
         session_asked(link_session(n->l), &about) != SESSION_ASKS_NOTHING;
}

/* ---- hearing ---- */

static inline void end_hear(struct net *net, struct wire *x, int i, size_t most)
{
  struct end *n = &x->end[i];
  struct session *s = link_session(n->l);
  struct err e = {0};
  size_t taken;
  int rc = SESSION_ASK;
  while (rc == SESSION_ASK && !n->over) {
    rc = session_feed(s, span_of(n->in.p, most), &taken, &e);
    NEED(taken <= most);
    buf_shift(&n->in, taken);
    most -= taken;
    if (rc == SESSION_ASK) {
      end_answer(net, x, n);
    }
  }
  if (rc < 0 && !n->over) {
    end_failed(net, x, i, rc, &e);
  }
}

static inline bool end_feed(struct net *net, struct wire *x, int i)
{
  struct end *n = &x->end[i];
  size_t most = some_bytes(net, x);
  if (n->over) {
    buf_clear(&n->in);
    return false;
  }
  if (n->in.n == 0) {
    return false;
  }
  most = most < n->in.n ? most : n->in.n;
  if (n->l == NULL) {
    n->over = villain_feed(&n->v, span_of(n->in.p, most)) < 0;
    buf_shift(&n->in, most);
    return true;
  }
  uint32_t was = meter_enter(x->owner);
  end_hear(net, x, i, most);
  (void)meter_enter(was);
  return true;
}

/* The stream has ended for it; or its host drops it without a word. */
static inline void end_eof(struct net *net, struct wire *x, int i)
{
  struct end *n = &x->end[i];
  struct err e = {0};
  if (n->l != NULL && !n->over && dice_hit(&net->w->dice, 80)) {
    uint32_t was = meter_enter(x->owner);
    int rc = session_eof(link_session(n->l), &e);
    (void)meter_enter(was);
    if (rc < 0) {
      end_failed(net, x, i, rc, &e);
    }
  }
  n->over = true;
}

/* ---- the whole wire ---- */

/* What both ends have said adds up, and costs what it may. */
static inline void wire_judge(struct net *net, const struct wire *x)
{
  struct link_status a, b;
  link_status(x->end[0].l, &a);
  link_status(x->end[1].l, &b);
  uint64_t moved = a.session.bytes_out + b.session.bytes_out;
  uint64_t lacked = a.session.in.bytes + b.session.in.bytes;
  if (moved > lacked + lacked / 5 + 8192) {
    FAIL(net->w, "stations %zu and %zu: %llu bytes moved for %llu",
         x->end[0].post, x->end[1].post, (unsigned long long)moved,
         (unsigned long long)lacked);
  }
  if (a.bad > 0 || b.bad > 0) {
    struct span why = link_faults(a.bad > 0 ? x->end[0].l : x->end[1].l);
    FAIL(net->w, "stations %zu and %zu: bad blocks between honest ones: %s",
         x->end[0].post, x->end[1].post, (const char *)why.p);
  }
  /* Nobody else spoke with them meanwhile: all that came was lacking. (A
   * record that is listed twice comes twice, with each of its parcels.) */
  uint64_t parcels = a.session.in.parcels + b.session.in.parcels;
  uint64_t fresh = a.parcels + b.parcels + a.held + b.held;
  if (x->clean && parcels > fresh && a.refused + b.refused == 0) {
    FAIL(net->w, "stations %zu and %zu: %llu parcels came, %llu were new",
         x->end[0].post, x->end[1].post, (unsigned long long)parcels,
         (unsigned long long)fresh);
  }
  uint64_t asked = a.session.blocks_due + b.session.blocks_due;
  if (net->still && (a.session.collections > 0 || moved > 1024 + 100 * asked)) {
    FAIL(net->w, "stations %zu and %zu: %llu bytes, and nothing was new",
         x->end[0].post, x->end[1].post, (unsigned long long)moved);
  }
  net->done++;
}

static inline void wire_cut(struct net *net, struct wire *x)
{
  for (int i = 0; i < 2; i++) {
    struct buf *in = &x->end[i].in;
    in->n = dice_below(&net->w->dice, in->n + 1);
    while (end_feed(net, x, i)) {
    }
    end_eof(net, x, i);
  }
}

/* One has ended and the other is not done: it hears so once it has heard all
 * that was under way. */
static inline void wire_hang_up(struct net *net, struct wire *x)
{
  for (int i = 0; i < 2; i++) {
    struct end *n = &x->end[i];
    const struct end *other = &x->end[1 - i];
    if (!n->over && other->over && n->in.n == 0 && !end_done(n)) {
      end_eof(net, x, i);
    }
  }
}

/* Is it over? Then it is closed. */
static inline bool wire_over(struct net *net, struct wire *x)
{
  bool a = end_done(&x->end[0]), b = end_done(&x->end[1]);
  if (!(a || x->end[0].over) || !(b || x->end[1].over)) {
    return false;
  }
  if (a && b) {
    wire_judge(net, x);
  }
  wire_close(net, x);
  return true;
}

/* A step of one end, and of the other. */
static inline void wire_step(struct net *net, struct wire *x)
{
  int i = (int)dice_below(&net->w->dice, 2);
  bool moved = end_pull(net, x, i);
  while (end_asks(&x->end[i])) {
    end_answer(net, x, &x->end[i]);
    moved = true;
  }
  moved = end_feed(net, x, 1 - i) || moved;
  x->steps++;
  x->idle = moved ? 0 : x->idle + 1;
  wire_hang_up(net, x);
  if (wire_over(net, x)) {
    return;
  }
  bool hurt = x->villainous || x->bend > 0;
  if (!hurt && (x->idle > 64 || x->steps > 1000000)) {
    FAIL(net->w, "stations %zu and %zu wait for each other", x->end[0].post,
         x->end[1].post);
  }
  if ((x->cut > 0 && x->end[0].out + x->end[1].out >= x->cut) ||
      (hurt && (x->idle > 64 || x->steps > PATIENCE))) {
    wire_cut(net, x);
    (void)wire_over(net, x);
  }
}

static inline void wire_run(struct net *net, struct wire *x)
{
  while (x->live) {
    wire_step(net, x);
  }
}

/* A session that nothing befalls, from begin to end. */
static inline void net_meet(struct net *net, size_t a, size_t b)
{
  static struct wire x;
  wire_open(net, &x, a, b, true);
  wire_run(net, &x);
}

static inline struct wire *net_free(struct net *net)
{
  for (size_t i = 0; i < WIRES_MAX; i++) {
    if (!net->wire[i].live) {
      return &net->wire[i];
    }
  }
  return NULL;
}

/* The station goes down: its sessions end without a word. */
static inline void net_drop(struct net *net, size_t post)
{
  for (size_t i = 0; i < WIRES_MAX; i++) {
    struct wire *x = &net->wire[i];
    if (x->live && (x->end[0].post == post || x->end[1].post == post)) {
      wire_close(net, x);
    }
  }
}

#endif
