/* SPDX-License-Identifier: 0BSD */
/* Publishers, readers and jobs. */
#include "base/limits.h"
#include "form/parcel.h"
#include "lua/lstation.h"
#include "lua/lvalue.h"

#include <string.h>
#include <time.h>

void lstation_hold(lua_State *L, int handle, int station)
{
  lua_createtable(L, 0, 2);
  lua_pushvalue(L, station);
  lua_setfield(L, -2, "station");
  lutil_set_own(L, handle);
}

void lstation_held(lua_State *L, int handle, const char *name)
{
  lutil_get_own(L, handle);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
}

void lstation_tick_of(lua_State *L, int handle)
{
  lstation_held(L, handle, "station");
  lstation_tick(L, lua_gettop(L));
  lua_pop(L, 1);
}

/* ---- publisher ---- */

struct lpublisher {
  struct publisher *p; /* NULL: closed */
  struct buf block;    /* room for a record, used again and again */
};

static struct lpublisher *to_publisher(lua_State *L)
{
  struct lpublisher *h = luaL_checkudata(L, 1, PUBLISHER);
  if (h->p == NULL) {
    luaL_error(L, "attempt to use a closed publisher");
  }
  lstation_tick_of(L, 1);
  if (h->p == NULL) {
    luaL_error(L, "the clock closed the publisher");
  }
  return h;
}

int lpublisher_make(lua_State *L)
{
  static const char *const known[] = {"time", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct span collection = lutil_span(L, 2);
  struct err e;
  lua_settop(L, 3);
  (void)lutil_options(L, 3, known);
  lua_Integer time = lutil_opt_int(L, 3, "time", -1, 0, CBOR_INT_MAX);
  struct lpublisher *h = lua_newuserdatauv(L, sizeof *h, 1);
  memset(h, 0, sizeof *h);
  luaL_setmetatable(L, PUBLISHER);
  lstation_hold(L, 4, 1);
  int rc = publisher_new(&h->p, lstation_core(L, s), collection, time, &e);
  return rc < 0 ? lutil_fail(L, rc, &e) : 1;
}

static void swap(struct buf *a, struct buf *b)
{
  struct buf was = *a;
  *a = *b;
  *b = was;
}

/* The room lies in a box meanwhile: an error frees it, and a finaliser that
 * publishes here, too, meets none. */
static int publisher_add_record(lua_State *L)
{
  struct lpublisher *h = to_publisher(L);
  struct cid id;
  struct err e;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  struct buf *block = lutil_buf(L);
  swap(block, &h->block);
  lvalue_encode(L, 2, block);
  if (h->p == NULL) {
    return luaL_error(L, "the publisher was closed meanwhile");
  }
  int rc = publisher_add(h->p, buf_span(block), &id, &e);
  buf_clear(block);
  swap(block, &h->block);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lvalue_push_id(L, &id);
  return 1;
}

static int publisher_commit_all(lua_State *L)
{
  struct lpublisher *h = to_publisher(L);
  uint64_t committed = 0;
  struct err e;
  int rc = publisher_commit(h->p, &committed, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushinteger(L, (lua_Integer)committed);
  return 1;
}

static int publisher_close(lua_State *L)
{
  struct lpublisher *h = luaL_checkudata(L, 1, PUBLISHER);
  publisher_del(h->p);
  h->p = NULL;
  buf_free(&h->block);
  return 0;
}

static int closed_or_not(lua_State *L, const char *name, const void *open)
{
  if (open == NULL) {
    lua_pushfstring(L, "%s (closed)", name);
  } else {
    lua_pushfstring(L, "%s (%p)", name, open);
  }
  return 1;
}

static int publisher_tostring(lua_State *L)
{
  struct lpublisher *h = luaL_checkudata(L, 1, PUBLISHER);
  return closed_or_not(L, PUBLISHER, h->p);
}

void lpublisher_open(lua_State *L)
{
  static const luaL_Reg meta[] = {{"__gc", publisher_close},
                                  {"__close", publisher_close},
                                  {"__tostring", publisher_tostring},
                                  {NULL, NULL}};
  static const luaL_Reg methods[] = {{"add", publisher_add_record},
                                     {"commit", publisher_commit_all},
                                     {"close", publisher_close},
                                     {NULL, NULL}};
  lutil_class(L, PUBLISHER, meta, methods);
}

/* ---- reader ---- */

struct lreader {
  struct reader *r;  /* NULL: closed */
  struct span piece; /* lent by it; left where Lua had no memory for it */
};

static struct lreader *to_reader(lua_State *L)
{
  struct lreader *h = luaL_checkudata(L, 1, READER);
  if (h->r == NULL) {
    luaL_error(L, "attempt to use a closed reader");
  }
  return h;
}

int lreader_make(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct cid cid = lutil_cid(L, 2);
  struct err e;
  struct lreader *h = lua_newuserdatauv(L, sizeof *h, 1);
  memset(h, 0, sizeof *h);
  luaL_setmetatable(L, READER);
  lstation_hold(L, lua_gettop(L), 1);
  int rc = reader_new(&h->r, lstation_core(L, s), &cid, &e);
  return rc < 0 ? lutil_fail(L, rc, &e) : 1;
}

static int reader_read(lua_State *L)
{
  struct err e;
  struct lreader *h = to_reader(L);
  lua_Integer max = luaL_optinteger(L, 2, BLOCK_SIZE_MAX);
  luaL_argcheck(L, max > 0, 2, "at least one byte has to be asked for");
  int rc = h->piece.n > 0 ? 0 : reader_next(h->r, (size_t)max, &h->piece, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  struct span give = h->piece;
  give.n = give.n < (size_t)max ? give.n : (size_t)max;
  if (give.n == 0) {
    lua_pushnil(L);
  } else {
    lua_pushlstring(L, (const char *)give.p, give.n);
    if (h->piece.p == give.p) { /* else a finaliser closed or read it */
      h->piece = span_of(give.p + give.n, h->piece.n - give.n);
    }
  }
  return 1;
}

static int reader_go(lua_State *L)
{
  struct lreader *h = to_reader(L);
  struct err e;
  lua_Integer offset = luaL_checkinteger(L, 2);
  luaL_argcheck(L, offset >= 0, 2, "no file has bytes before its first");
  h->piece = span_of(NULL, 0);
  int rc = reader_seek(h->r, (uint64_t)offset, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushboolean(L, 1);
  return 1;
}

static int reader_bytes(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)reader_size(to_reader(L)->r));
  return 1;
}

static int reader_close(lua_State *L)
{
  struct lreader *h = luaL_checkudata(L, 1, READER);
  reader_del(h->r);
  h->r = NULL;
  h->piece = span_of(NULL, 0);
  return 0;
}

static int reader_tostring(lua_State *L)
{
  struct lreader *h = luaL_checkudata(L, 1, READER);
  return closed_or_not(L, READER, h->r);
}

void lreader_open(lua_State *L)
{
  static const luaL_Reg meta[] = {{"__gc", reader_close},
                                  {"__close", reader_close},
                                  {"__tostring", reader_tostring},
                                  {NULL, NULL}};
  static const luaL_Reg methods[] = {{"read", reader_read},
                                     {"seek", reader_go},
                                     {"size", reader_bytes},
                                     {"close", reader_close},
                                     {NULL, NULL}};
  lutil_class(L, READER, meta, methods);
}

/* ---- jobs ---- */

#define STEP_MS 20

struct ljob *ljob_new(lua_State *L, int station, const char *from)
{
  struct ljob *h = lua_newuserdatauv(L, sizeof *h, 1);
  int at = lua_gettop(L);
  h->job = NULL;
  h->answered = 0;
  luaL_setmetatable(L, JOB);
  lstation_hold(L, at, station);
  if (from != NULL) {
    lutil_get_own(L, at);
    lua_pushfstring(L, "carry:%s", from);
    lua_setfield(L, -2, "from");
    lua_pop(L, 1);
  }
  return h;
}

static struct ljob *to_job(lua_State *L)
{
  struct ljob *h = luaL_checkudata(L, 1, JOB);
  if (h->job == NULL) {
    luaL_error(L, "attempt to use a closed job");
  }
  return h;
}

static lua_Integer now_ms(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (lua_Integer)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct buf lent_buf(struct span s)
{
  union {
    const uint8_t *in;
    uint8_t *out;
  } lend = {.in = s.p};
  return (struct buf){.p = lend.out, .n = s.n};
}

static int put_entry(lua_State *L)
{
  lstation_push_entry(L, lua_touserdata(L, 1));
  lua_rawseti(L, 2, 1);
  return 0;
}

bool lstation_push_asked(lua_State *L, const struct link_question *q)
{
  struct parcel view;
  struct entry en = {0};
  struct err e;
  if (parcel_read(&view, q->parcel, &e) < 0) {
    return false;
  }
  en.cid = q->cid;
  en.parcel = q->parcel_cid;
  en.time = view.time;
  memcpy(en.author, view.author, CRYPT_KEY_SIZE);
  en.block = lent_buf(q->block);
  en.collection = lent_buf(view.collection);
  bool was = lutil_pause(L); /* a finaliser could end what lends */
  int rc = lutil_protect(L, put_entry, &en, lua_gettop(L));
  lutil_resume(L, was);
  if (rc < 0) {
    (void)lua_error(L);
  }
  lua_rawgeti(L, -1, 1);
  lua_replace(L, -2);
  return true;
}

/* Push the number of the question, the policy and what it is asked about.
 * False when there is no policy (any more): the answer is to keep. */
static bool push_question(lua_State *L)
{
  lua_pushnil(L);
  lstation_held(L, 1, "station");
  lstation_hook(L, lua_gettop(L), "admit");
  lua_remove(L, -2);
  lua_createtable(L, 1, 0);
  const struct ljob *h = to_job(L); /* after the last allocation */
  const struct job *j = h->job;
  lua_pushinteger(L, h->answered);
  lua_replace(L, 3);
  struct link_question q = {j->ask_cid, j->ask_parcel_cid, j->ask,
                            j->ask_parcel};
  if (lua_isnil(L, -2) || j->state != JOB_ASK || !lstation_push_asked(L, &q)) {
    lua_settop(L, 2);
    return false;
  }
  lstation_held(L, 1, "from");
  return true;
}

enum job_verdict lstation_verdict(lua_State *L)
{
  static const struct {
    const char *word;
    enum job_verdict verdict;
  } answers[] = {{"keep", JOB_KEEP},
                 {"drop", JOB_DROP},
                 {"stop", JOB_STOP},
                 {"vouch", JOB_VOUCH}};
  size_t n = 0;
  const char *s =
      lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : "";
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    if (span_is(span_of(s, n), answers[i].word)) {
      return answers[i].verdict;
    }
  }
  luaL_error(L,
             "a policy answers \"keep\", \"drop\", \"stop\" or \"vouch\","
             " not %s",
             luaL_tolstring(L, -1, NULL));
  return JOB_KEEP;
}

/* The policy's answer lies on top, the question's number at 3. It may have
 * closed the job meanwhile, or stepped it itself: then that question has its
 * answer, and the one that waits now is another. */
static void take_answer(lua_State *L)
{
  enum job_verdict verdict = lstation_verdict(L);
  struct ljob *h = to_job(L);
  if (h->job->state == JOB_ASK && h->answered == lua_tointeger(L, 3)) {
    h->answered++;
    job_answer(h->job, verdict);
  }
  lua_settop(L, 2);
}

static void keep_unasked(struct job *j)
{
  if (j->state == JOB_ASK) { /* else a finaliser stepped it meanwhile */
    job_answer(j, JOB_KEEP);
  }
}

static int step_result(lua_State *L, const struct job *j, int rc,
                       const struct err *e)
{
  if (rc < 0) {
    return lutil_fail(L, rc, e);
  }
  lua_pushboolean(L, rc != JOB_DONE);
  lua_pushinteger(L, (lua_Integer)j->done);
  lua_pushinteger(L, (lua_Integer)j->total);
  return 3;
}

/* Step until ${deadline}; a question to the policy may yield in between, so
 * all state is in the job and in the stack: job, ms. */
static int step_on(lua_State *L, int status, lua_KContext deadline)
{
  struct err e;
  int rc;
  if (status == LUA_YIELD) {
    take_answer(L);
  }
  do {
    rc = job_step(to_job(L)->job, &e);
    if (rc == JOB_ASK && push_question(L)) {
      lua_callk(L, 2, 1, deadline, step_on);
      take_answer(L);
      rc = JOB_MORE;
    } else if (rc == JOB_ASK) {
      keep_unasked(to_job(L)->job);
      rc = JOB_MORE;
    }
  } while (rc == JOB_MORE && now_ms() < (lua_Integer)deadline);
  return step_result(L, to_job(L)->job, rc, &e);
}

static int job_step_ms(lua_State *L)
{
  (void)to_job(L);
  lua_Integer ms = luaL_optinteger(L, 2, STEP_MS);
  luaL_argcheck(L, ms >= 0 && ms <= 3600000, 2, "0 to 3,600,000 ms");
  lua_settop(L, 2);
  lstation_tick_of(L, 1);
  return step_on(L, LUA_OK, (lua_KContext)(now_ms() + ms));
}

static void push_hex(lua_State *L, const uint8_t *p, size_t n)
{
  static const char digit[] = "0123456789abcdef";
  char hex[128];
  for (size_t i = 0; i < n; i++) {
    hex[2 * i] = digit[p[i] >> 4];
    hex[2 * i + 1] = digit[p[i] & 15];
  }
  lua_pushlstring(L, hex, 2 * n);
}

/* Into the table at 2; light userdata at 1. */
static int fill_result(lua_State *L)
{
  const struct job_result *r = lua_touserdata(L, 1);
  for (size_t i = 0; i < r->nums; i++) {
    lua_pushinteger(L, r->num[i].value);
    lua_setfield(L, -2, r->num[i].name);
  }
  if (r->has_faults) {
    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t at = 0; at < r->faults.n;) {
      const char *line = (const char *)r->faults.p + at;
      lua_pushstring(L, line);
      lua_rawseti(L, -2, ++n);
      at += strlen(line) + 1;
    }
    lua_setfield(L, -2, "faults");
  }
  if (r->path != NULL) {
    lua_pushstring(L, r->path);
    lua_setfield(L, -2, "path");
  }
  if (r->has_link) {
    lvalue_push_link(L, &r->link);
    lua_setfield(L, -2, "link");
  }
  if (r->has_sha256) {
    lvalue_push_bytes(L, r->sha256, sizeof r->sha256);
    lua_setfield(L, -2, "sha256");
    push_hex(L, r->sha256, sizeof r->sha256);
    lua_setfield(L, -2, "sha256_hex");
  }
  return 0;
}

static int job_get_result(lua_State *L)
{
  struct ljob *h = to_job(L);
  if (h->job->failed < 0) {
    return lutil_fail(L, h->job->failed, &h->job->error);
  }
  if (h->job->state != JOB_DONE) {
    return luaL_error(L, "the job still runs: step it");
  }
  lua_settop(L, 1);
  lua_newtable(L);
  struct job *j = to_job(L)->job;
  bool was = lutil_pause(L); /* a finaliser could close the job */
  int rc = lutil_protect(L, fill_result, &j->result, 2);
  lutil_resume(L, was);
  return rc < 0 ? lua_error(L) : 1;
}

static int job_close(lua_State *L)
{
  struct ljob *h = luaL_checkudata(L, 1, JOB);
  struct job *j = h->job;
  h->job = NULL;
  job_del(j);
  return 0;
}

static int job_tostring(lua_State *L)
{
  struct ljob *h = luaL_checkudata(L, 1, JOB);
  return closed_or_not(L, JOB, h->job);
}

void ljob_open(lua_State *L)
{
  static const luaL_Reg meta[] = {{"__gc", job_close},
                                  {"__close", job_close},
                                  {"__tostring", job_tostring},
                                  {NULL, NULL}};
  static const luaL_Reg methods[] = {{"step", job_step_ms},
                                     {"result", job_get_result},
                                     {"close", job_close},
                                     {NULL, NULL}};
  lutil_class(L, JOB, meta, methods);
}
