/* SPDX-License-Identifier: 0BSD */
/* Sessions: bytes of any transport in and out. The policy is asked between
 * two steps of the core, so it may yield. */
#include "lua/lstation.h"

#include <string.h>

#define PULL_BYTES 65536
#define LEVEL 5 /* of zstd: still cheaper to make than to take in */

/* Its own table: the station, and under REST what it was fed and has not taken
 * yet (false: all is taken), under ASKER the thread that asks its policy, in
 * a weak table. Both places are made with the session: to use them asks for no
 * memory, so what raises anywhere in a feed leaves them right. */
enum { REST = 1, ASKER };

struct lsession {
  struct link *link; /* NULL: closed */
  size_t taken;      /* bytes of what lies under REST */
  struct buf out;    /* for the peer; Lua has not got it yet */
  bool asking;       /* its policy runs, or waits in a coroutine */
};

static struct lsession *to_lsession(lua_State *L)
{
  struct lsession *h = luaL_checkudata(L, 1, SESSION);
  if (h->link == NULL) {
    luaL_error(L, "attempt to use a closed session");
  }
  return h;
}

/* Its core, or NULL and the error: the station was closed. */
static struct session *to_session(lua_State *L, struct err *e)
{
  struct session *s = link_session(to_lsession(L)->link);
  if (s == NULL) {
    (void)err_set(e, ERR_CLOSED, "the station was closed");
  }
  return s;
}

static bool has_hook(lua_State *L, const char *name)
{
  lstation_hook(L, 1, name);
  bool has = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return has;
}

/* REST and ASKER in the own table of the session on top. */
static void make_places(lua_State *L)
{
  lutil_get_own(L, -1);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, REST);
  lua_createtable(L, 1, 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawseti(L, -2, ASKER);
  lua_pop(L, 1);
}

int lsession_make(lua_State *L)
{
  static const char *const known[] = {"initiator", "quiet", "level", "way",
                                      NULL};
  struct lstation *s = lstation_check(L, 1);
  struct link_options opt = {0};
  struct err e;
  lua_settop(L, 2);
  (void)lutil_options(L, 2, known);
  opt.initiator = lutil_opt_bool(L, 2, "initiator", false);
  opt.quiet = lutil_opt_bool(L, 2, "quiet", false);
  opt.level = (int)lutil_opt_int(L, 2, "level", LEVEL, 1, 19);
  opt.way = (const char *)lutil_opt_text(L, 2, "way").p;
  opt.serve = has_hook(L, "serve");
  opt.order = has_hook(L, "order");
  struct lsession *h = lua_newuserdatauv(L, sizeof *h, 1);
  memset(h, 0, sizeof *h);
  luaL_setmetatable(L, SESSION);
  lstation_hold(L, lua_gettop(L), 1);
  make_places(L);
  int rc = link_new(&h->link, lstation_core(L, s), &opt, &e);
  return rc < 0 ? lutil_fail(L, rc, &e) : 1;
}

/* ---- questions ---- */

/* Push the peer's name: "did:key:...", which it has proved. */
static void push_peer(lua_State *L, const struct lsession *h)
{
  struct link_status now;
  char did[CRYPT_DID_MAX];
  link_status(h->link, &now);
  if (now.session.peer == NULL) {
    lua_pushnil(L);
    return;
  }
  did_text(did, now.session.peer);
  lua_pushstring(L, did);
}

/* Push hook ${name} of the station's policy, or nil. */
static void push_hook(lua_State *L, const char *name)
{
  lstation_held(L, 1, "station");
  lstation_hook(L, lua_gettop(L), name);
  lua_remove(L, -2);
}

static bool push_admit(lua_State *L)
{
  struct link_question q;
  struct err e;
  push_hook(L, "admit");
  lua_createtable(L, 1, 0);
  struct session *s = to_session(L, &e); /* after the last allocation */
  struct span about;
  if (s == NULL || lua_isnil(L, -2) ||
      session_asked(s, &about) != SESSION_ASKS_ADMIT) {
    return false;
  }
  link_question(to_lsession(L)->link, &q);
  if (!lstation_push_asked(L, &q)) {
    return false;
  }
  lua_pushliteral(L, "session:");
  push_peer(L, to_lsession(L));
  lua_concat(L, 2);
  return true;
}

static bool push_about(lua_State *L, const char *hook,
                       enum session_question asked)
{
  struct err e;
  struct span about;
  push_hook(L, hook);
  struct session *s = to_session(L, &e);
  if (s == NULL || lua_isnil(L, -1) || session_asked(s, &about) != asked) {
    return false;
  }
  lua_pushlstring(L, (const char *)about.p, about.n);
  push_peer(L, to_lsession(L));
  return true;
}

/* What the answer is where there is no policy any more. */
static int64_t default_answer(enum session_question asked)
{
  if (asked == SESSION_ASKS_ADMIT) {
    return JOB_KEEP;
  }
  return asked == SESSION_ASKS_SERVE; /* and rank 0 */
}

/* The policy's answer, on top. Raises for one that is none. */
static int64_t read_answer(lua_State *L, enum session_question asked)
{
  int whole;
  if (asked == SESSION_ASKS_ADMIT) {
    return lstation_verdict(L);
  }
  if (asked == SESSION_ASKS_SERVE) {
    return lua_toboolean(L, -1);
  }
  lua_Integer rank = lua_tointegerx(L, -1, &whole);
  if (!whole) {
    luaL_error(L, "a policy's order is an integer, not %s",
               luaL_tolstring(L, -1, NULL));
  }
  return rank;
}

static enum session_question asked_of(lua_State *L)
{
  struct err e;
  struct span about;
  struct session *s = to_session(L, &e);
  return s != NULL ? session_asked(s, &about) : SESSION_ASKS_NOTHING;
}

/* The answer lies on top: give it. 0, or the code. It may have closed the
 * session meanwhile. */
static int take_answer(lua_State *L, struct err *e)
{
  enum session_question asked = asked_of(L);
  struct lsession *h = to_lsession(L);
  h->asking = false;
  if (asked == SESSION_ASKS_NOTHING) {
    return 0;
  }
  int64_t answer = read_answer(L, asked);
  struct session *s = to_session(L, e);
  return s == NULL ? ERR_CLOSED : session_answer(s, answer, e);
}

/* Push the policy's function and its arguments; false: it has no such. */
static bool push_question(lua_State *L)
{
  enum session_question asked = asked_of(L);
  switch (asked) {
  case SESSION_ASKS_ADMIT:
    return push_admit(L);
  case SESSION_ASKS_SERVE:
    return push_about(L, "serve", asked);
  case SESSION_ASKS_ORDER:
    return push_about(L, "order", asked);
  case SESSION_ASKS_NOTHING:
    break;
  }
  return false;
}

/* ---- who asks ---- */

/* Ended, closed or collected: nobody will bring its answer. */
static bool is_dead(lua_State *co)
{
  lua_Debug frame;
  int status = lua_status(co);
  return status != LUA_YIELD &&
         (status != LUA_OK || lua_getstack(co, 0, &frame) == 0);
}

/* Does the policy run, or wait in a coroutine that may go on yet? */
static bool is_asking(lua_State *L)
{
  struct lsession *h = to_lsession(L);
  if (!h->asking) {
    return false;
  }
  lutil_get_own(L, 1);
  lua_rawgeti(L, -1, ASKER);
  lua_rawgeti(L, -1, 1);
  lua_State *co = lua_tothread(L, -1);
  h->asking = co != NULL && !is_dead(co);
  lua_pop(L, 3);
  return h->asking;
}

static void set_asking(lua_State *L)
{
  lutil_get_own(L, 1);
  lua_rawgeti(L, -1, ASKER);
  (void)lua_pushthread(L);
  lua_rawseti(L, -2, 1);
  lua_pop(L, 2);
  to_lsession(L)->asking = true;
}

/* A policy that raises is not being asked any more: the next call asks it
 * again. Its error goes on. */
static void raise_if(lua_State *L, int status)
{
  if (status != LUA_OK && status != LUA_YIELD) {
    struct lsession *h = luaL_testudata(L, 1, SESSION);
    h->asking = false;
    (void)lua_error(L);
  }
}

/* Ask the policy, with ${top} values on the stack before and after. 0, or the
 * code. */
static int ask(lua_State *L, int top, lua_KFunction then, struct err *e)
{
  if (!push_question(L)) {
    lua_settop(L, top);
    struct session *s = to_session(L, e);
    enum session_question asked = asked_of(L);
    return s == NULL ? ERR_CLOSED
           : asked == SESSION_ASKS_NOTHING
               ? 0
               : session_answer(s, default_answer(asked), e);
  }
  set_asking(L);
  raise_if(L, lua_pcallk(L, 2, 1, 0, 0, then));
  int rc = take_answer(L, e);
  lua_settop(L, top);
  return rc;
}

/* ---- bytes ---- */

#define FEED_TOP 1 /* the session */

/* The bytes that wait under REST; the own table holds them. */
static struct span waiting(lua_State *L)
{
  size_t n = 0;
  lutil_get_own(L, 1);
  lua_rawgeti(L, -1, REST);
  bool any = lua_type(L, -1) == LUA_TSTRING;
  const char *p = any ? lua_tolstring(L, -1, &n) : "";
  size_t taken = any ? to_lsession(L)->taken : 0;
  lua_pop(L, 2);
  return span_of(p + taken, n - taken);
}

/* Put the bytes on top there, behind those that wait. */
static void let_wait(lua_State *L)
{
  struct span rest = waiting(L);
  if (rest.n > 0) {
    lua_pushlstring(L, (const char *)rest.p, rest.n);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  lutil_get_own(L, 1);
  lua_insert(L, -2);
  lua_rawseti(L, -2, REST);
  to_lsession(L)->taken = 0;
  lua_pop(L, 1);
}

/* None waits any more: all are taken, or the session has failed. */
static void forget_waiting(lua_State *L)
{
  lutil_get_own(L, 1);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, REST);
  lua_pop(L, 1);
}

/* A question may yield; a finaliser may feed meanwhile, what it brings comes
 * behind the rest. */
static int feed_on(lua_State *L, int status, lua_KContext ctx)
{
  struct err e;
  size_t taken;
  int rc = 0;
  (void)ctx;
  raise_if(L, status);
  if (status == LUA_YIELD) {
    rc = take_answer(L, &e);
    lua_settop(L, FEED_TOP);
  }
  while (rc >= 0) {
    struct session *s = to_session(L, &e);
    if (s == NULL) {
      rc = ERR_CLOSED;
      break;
    }
    rc = session_feed(s, waiting(L), &taken, &e);
    to_lsession(L)->taken += taken;
    if (rc != SESSION_ASK) {
      break;
    }
    rc = ask(L, FEED_TOP, feed_on, &e);
  }
  forget_waiting(L);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushboolean(L, true);
  return 1;
}

static int session_feed_bytes(lua_State *L)
{
  (void)to_lsession(L);
  (void)luaL_checklstring(L, 2, NULL);
  lua_settop(L, 2);
  lstation_tick_of(L, 1);
  if (is_asking(L)) {
    return luaL_error(L, "the session waits for its policy");
  }
  let_wait(L);
  return feed_on(L, LUA_OK, 0);
}

#define PULL_TOP 2 /* session, max */

/* Up to ${max} bytes of what is there for the peer. What Lua has no memory for
 * stays. */
static int give_out(lua_State *L, size_t max)
{
  struct buf *out = &to_lsession(L)->out;
  size_t n = out->n < max ? out->n : max;
  lua_pushlstring(L, (const char *)out->p, n);
  if (n < out->n) {
    memmove(out->p, out->p + n, out->n - n);
    out->n -= n;
  } else {
    buf_free(out);
  }
  return 1;
}

static int pull_on(lua_State *L, int status, lua_KContext ctx)
{
  struct err e;
  int rc = 0;
  (void)ctx;
  raise_if(L, status);
  if (status == LUA_YIELD) {
    rc = take_answer(L, &e);
    lua_settop(L, PULL_TOP);
  }
  size_t max = (size_t)lua_tointeger(L, 2);
  while (rc >= 0 && to_lsession(L)->out.n < max) {
    struct session *s = to_session(L, &e);
    if (s == NULL) {
      rc = ERR_CLOSED;
      break;
    }
    struct buf *out = &to_lsession(L)->out;
    rc = session_pull(s, out, max - out->n, &e);
    if (rc < 0 || is_asking(L) || asked_of(L) == SESSION_ASKS_NOTHING ||
        asked_of(L) == SESSION_ASKS_ADMIT) { /* the feeder's to ask */
      break;
    }
    rc = ask(L, PULL_TOP, pull_on, &e);
  }
  return rc < 0 ? lutil_fail(L, rc, &e) : give_out(L, max);
}

static int session_pull_bytes(lua_State *L)
{
  (void)to_lsession(L);
  lua_Integer max = luaL_optinteger(L, 2, PULL_BYTES);
  luaL_argcheck(L, max > 0 && max <= 1 << 30, 2, "1 to 2^30 bytes");
  lua_settop(L, 1);
  lua_pushinteger(L, max);
  lstation_tick_of(L, 1);
  return pull_on(L, LUA_OK, 0);
}

static int session_ended(lua_State *L)
{
  struct err e;
  struct session *s = to_session(L, &e);
  int rc = s == NULL ? ERR_CLOSED : session_eof(s, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushboolean(L, true);
  return 1;
}

/* ---- what it tells ---- */

static int session_is_busy(lua_State *L)
{
  struct err e;
  const struct session *s = to_session(L, &e);
  bool waits = to_lsession(L)->out.n > 0;
  lua_pushboolean(L, s != NULL && (waits || session_busy(s)));
  return 1;
}

static int session_finished(lua_State *L)
{
  struct link_status now;
  const struct lsession *h = to_lsession(L);
  link_status(h->link, &now);
  lua_pushboolean(L, now.session.state == SESSION_FAILED ||
                         (now.session.state == SESSION_DONE && h->out.n == 0));
  return 1;
}

static void set_count(lua_State *L, const char *name, uint64_t value)
{
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, name);
}

/* A table {done, total} as field ${name} of the table on top. */
static void set_pair(lua_State *L, const char *name, uint64_t done,
                     uint64_t total)
{
  lua_createtable(L, 2, 0);
  lua_pushinteger(L, (lua_Integer)done);
  lua_rawseti(L, -2, 1);
  lua_pushinteger(L, (lua_Integer)(total > done ? total : done));
  lua_rawseti(L, -2, 2);
  lua_setfield(L, -2, name);
}

static void set_faults(lua_State *L, struct span all)
{
  lua_Integer n = 0;
  lua_newtable(L);
  for (size_t at = 0; at < all.n;) {
    const char *line = (const char *)all.p + at;
    size_t len = strlen(line);
    lua_pushlstring(L, line, len);
    lua_rawseti(L, -2, ++n);
    at += len + 1;
  }
  lua_setfield(L, -2, "faults");
}

static void set_sent(lua_State *L, const struct session_counts *c)
{
  lua_createtable(L, 0, 4);
  set_count(L, "parcels", c->parcels);
  set_count(L, "records", c->records);
  set_count(L, "files", c->blocks);
  set_count(L, "bytes", c->bytes);
  lua_setfield(L, -2, "sent");
}

static void set_error(lua_State *L, const struct err *e)
{
  lua_pushstring(L, e->text);
  lua_setfield(L, -2, "error");
  lua_pushstring(L, err_name(e->code));
  lua_setfield(L, -2, "code");
}

static int session_status_table(lua_State *L)
{
  static const char *const states[] = {"handshake", "greeting", "syncing",
                                       "done", "failed"};
  struct link_status now;
  struct buf *faults = lutil_buf(L);
  struct lsession *h = to_lsession(L);
  struct span lines = link_faults(h->link);
  link_status(h->link, &now);
  if (buf_put(faults, lines.p, lines.n) < 0) {
    return luaL_error(L, "not enough memory");
  }
  lua_createtable(L, 0, 24);
  push_peer(L, h);
  lua_setfield(L, -2, "peer");
  lua_pushstring(L, states[now.session.state]);
  lua_setfield(L, -2, "state");
  set_pair(L, "parcels", now.session.in.parcels, now.session.parcels_due);
  set_pair(L, "files", now.session.in.blocks,
           now.session.blocks_due - now.session.blocks_gone + now.files_due);
  set_sent(L, &now.session.out);
  set_count(L, "bytes_in", now.session.bytes_in);
  set_count(L, "bytes_out", now.session.bytes_out);
  set_count(L, "collections", now.session.collections);
  set_count(L, "fallbacks", now.session.fallbacks);
  set_count(L, "received", now.session.in.bytes);
  set_count(L, "records", now.session.in.records);
  set_count(L, "added", now.added);
  set_count(L, "known", now.known);
  set_count(L, "withdrawn", now.withdrawn);
  set_count(L, "held", now.held);
  set_count(L, "refused", now.refused);
  set_count(L, "unwanted", now.unwanted);
  set_count(L, "bad", now.bad);
  set_count(L, "full", now.full);
  set_count(L, "peer_full", now.session.peer_full);
  set_count(L, "gone", now.session.blocks_gone);
  if (now.session.state == SESSION_FAILED) {
    set_error(L, &now.session.error);
  }
  set_faults(L, buf_span(faults));
  return 1;
}

/* ---- life ---- */

static int session_close(lua_State *L)
{
  struct lsession *h = luaL_checkudata(L, 1, SESSION);
  struct link *link = h->link;
  struct session *s = link != NULL ? link_session(link) : NULL;
  struct err e;
  h->link = NULL;
  if (s != NULL) {
    (void)!session_eof(s, &e); /* stores what waits; whether it had failed,
                                 the status told */
  }
  link_del(link);
  buf_free(&h->out);
  return 0;
}

static int session_tostring(lua_State *L)
{
  struct lsession *h = luaL_checkudata(L, 1, SESSION);
  if (h->link == NULL) {
    lua_pushliteral(L, SESSION " (closed)");
  } else {
    lua_pushfstring(L, SESSION " (%p)", (void *)h->link);
  }
  return 1;
}

void lsession_open(lua_State *L)
{
  static const luaL_Reg meta[] = {{"__gc", session_close},
                                  {"__close", session_close},
                                  {"__tostring", session_tostring},
                                  {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"feed", session_feed_bytes},     {"pull", session_pull_bytes},
      {"status", session_status_table}, {"busy", session_is_busy},
      {"finished", session_finished},   {"ended", session_ended},
      {"close", session_close},         {NULL, NULL}};
  lutil_class(L, SESSION, meta, methods);
}
