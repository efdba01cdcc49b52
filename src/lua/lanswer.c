/* SPDX-License-Identifier: 0BSD */
/* Requests as Lua tables, and what the host's handler gives back as responses
 * of libmicrohttpd. */
#include "base/limits.h"
#include "base/mem.h"
#include "lua/lhttp.h"

#include <stdlib.h>
#include <string.h>

#define SERVER 1 /* stack index of the server in every step */

/* ---- the request ---- */

struct headers {
  lua_State *L;
  int values, repeated; /* stack indices */
};

static void push_lower(lua_State *L, const char *s)
{
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (; *s != '\0'; s++) {
    luaL_addchar(&b, *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s);
  }
  luaL_pushresult(&b);
}

/* Inside a protected call; nothing of libmicrohttpd's is held meanwhile that
 * an error could leak. */
static enum MHD_Result add_header(void *ud, enum MHD_ValueKind kind,
                                  const char *name, const char *value)
{
  struct headers *h = ud;
  lua_State *L = h->L;
  (void)kind;
  push_lower(L, name);
  lua_pushvalue(L, -1);
  lua_rawget(L, h->values);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushstring(L, value == NULL ? "" : value);
  } else {
    lua_pushfstring(L, "%s, %s", lua_tostring(L, -1),
                    value == NULL ? "" : value);
    lua_remove(L, -2);
    lua_pushvalue(L, -2);
    lua_pushboolean(L, 1);
    lua_rawset(L, h->repeated);
  }
  lua_rawset(L, h->values);
  return MHD_YES;
}

static void push_request(lua_State *L, const struct exchange *x)
{
  lua_createtable(L, 0, 6);
  int at = lua_gettop(L);
  char from[LHTTP_ADDRESS_SIZE];
  lua_pushstring(L, lhttp_address(x->connection, from)); /* NULL: nil */
  lua_setfield(L, at, "address");
  lua_pushstring(L, x->method);
  lua_setfield(L, at, "method");
  lua_pushlstring(L, (const char *)x->target.p, x->target.n);
  lua_setfield(L, at, "target");
  lua_pushlstring(L, (const char *)x->body.p, x->body.n);
  lua_setfield(L, at, "body");
  lua_newtable(L);
  lua_newtable(L);
  struct headers h = {L, at + 1, at + 2};
  (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, add_header,
                                  &h);
  lua_setfield(L, at, "repeated");
  lua_setfield(L, at, "headers");
}

/* ---- streams ---- */

/* The body that Lua gives piece by piece. Its table, with the piece that is
 * being sent at [1], stands in the registry. */
struct stream {
  struct lhttp *server;
  int ref;
  struct span left; /* of that piece */
  int64_t rest;     /* bytes still promised; < 0: not known */
  lua_State *L;     /* during a protected call */
};

/* Protected; the server's own table at 1, an error at 2. */
static int tell(lua_State *L)
{
  const char *s = lua_tostring(L, 2);
  lua_getfield(L, 1, "log");
  if (lua_isfunction(L, -1)) {
    lua_pushstring(L, s == NULL ? "an error that is no text" : s);
    lua_call(L, 1, 0);
  }
  return 0;
}

/* The error on top goes to the log, whatever it is. What the log raises, or
 * memory that runs out on the way, has nowhere to go. */
static void tell_top(lua_State *L)
{
  lua_pushcfunction(L, tell);
  lutil_get_own(L, SERVER);
  lua_pushvalue(L, -3);
  (void)lua_pcall(L, 2, 0, 0);
}

/* Protected; the stream at 1. Leaves the next piece in it, or nil. */
static int read_piece(lua_State *L)
{
  struct stream *st = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, st->ref);
  lua_getfield(L, 2, "read");
  lua_call(L, 0, 2);
  if (lua_isnil(L, 3) && !lua_isnil(L, 4)) {
    lua_pushvalue(L, 4);
    return lua_error(L);
  }
  if (!lua_isnil(L, 3) && lua_type(L, 3) != LUA_TSTRING) {
    return luaL_error(L, "a stream's read() gave a %s", luaL_typename(L, 3));
  }
  size_t n = 0;
  const char *p = lua_isnil(L, 3) ? NULL : lua_tolstring(L, 3, &n);
  st->left = span_of(p, n);
  lua_pushvalue(L, 3);
  lua_rawseti(L, 2, 1); /* keeps it while it is sent */
  return 0;
}

static bool next_piece(struct stream *st)
{
  lua_State *L = st->server->L;
  int top = lua_gettop(L);
  lua_pushcfunction(L, read_piece);
  lua_pushlightuserdata(L, st);
  bool ok = lua_pcall(L, 1, 0, 0) == LUA_OK;
  if (!ok) {
    tell_top(L);
  }
  lua_settop(L, top);
  return ok;
}

static ssize_t stream_read(void *cls, uint64_t at, char *out, size_t max)
{
  struct stream *st = cls;
  (void)at;
  if (st->left.n == 0) {
    st->left.p = NULL;
    if (!next_piece(st)) {
      return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (st->left.p == NULL) {
      return st->rest > 0 ? MHD_CONTENT_READER_END_WITH_ERROR
                          : MHD_CONTENT_READER_END_OF_STREAM;
    }
  }
  size_t n = st->left.n < max ? st->left.n : max;
  if (st->rest >= 0 && n > (uint64_t)st->rest) {
    return MHD_CONTENT_READER_END_WITH_ERROR; /* more than was promised */
  }
  if (n > 0) {
    memcpy(out, st->left.p, n);
  }
  st->left = span_of(st->left.p + n, st->left.n - n);
  st->rest -= st->rest >= 0 ? (int64_t)n : 0;
  return (ssize_t)n; /* 0: nothing yet */
}

static int close_stream(lua_State *L)
{
  struct stream *st = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, st->ref);
  luaL_unref(L, LUA_REGISTRYINDEX, st->ref);
  lua_getfield(L, 2, "close");
  if (lua_isfunction(L, -1)) {
    lua_call(L, 0, 0);
  }
  return 0;
}

static void stream_free(void *cls)
{
  struct stream *st = cls;
  lua_State *L = st->server->L;
  int top = lua_gettop(L);
  lua_pushcfunction(L, close_stream);
  lua_pushlightuserdata(L, st);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    tell_top(L);
  }
  lua_settop(L, top);
  mem_free(st);
}

/* ---- the response ---- */

/* Of the stream at ${at}. What raises here leaks nothing: the stream is the
 * response's once it has one. */
static struct MHD_Response *stream_response(lua_State *L, int at,
                                            struct lhttp *server)
{
  lua_getfield(L, at, "size");
  lua_Integer size = lua_isnil(L, -1) ? -1 : luaL_checkinteger(L, -1);
  lua_getfield(L, at, "read");
  if (!lua_isfunction(L, -1) || size < -1) {
    luaL_error(L, "the handler gave a stream without read()");
  }
  lua_pushvalue(L, at);
  int ref = luaL_ref(L, LUA_REGISTRYINDEX);
  struct stream *st = mem_zero(sizeof *st);
  if (st == NULL) {
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    return NULL;
  }
  st->server = server;
  st->ref = ref;
  st->rest = size;
  struct MHD_Response *r = MHD_create_response_from_callback(
      size < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)size, HTTP_STREAM_BLOCK,
      stream_read, st, stream_free);
  if (r == NULL) {
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    mem_free(st);
  }
  return r;
}

static void put_headers(lua_State *L, int at, struct exchange *x)
{
  lua_getfield(L, at, "headers");
  if (!lua_istable(L, -1)) {
    luaL_error(L, "the handler gave a response without headers");
  }
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) {
      luaL_error(L, "headers are texts by name");
    }
    const char *name = lua_tostring(L, -2), *value = lua_tostring(L, -1);
    if (MHD_add_response_header(x->response, name, value) != MHD_YES) {
      luaL_error(L, "the header '%s' can't be sent", name);
    }
  }
  lua_pop(L, 1);
}

/* Protected; the exchange at 1, the response's table at 2. */
static int make_response(lua_State *L)
{
  struct exchange *x = lua_touserdata(L, 1);
  if (!lua_istable(L, 2)) {
    return luaL_error(L, "the handler gave a %s", luaL_typename(L, 2));
  }
  lua_getfield(L, 2, "status");
  lua_Integer status = luaL_checkinteger(L, -1);
  if (status < 200 || status > 599) {
    return luaL_error(L, "the handler gave status %I", status);
  }
  x->status = (unsigned)status;
  lua_getfield(L, 2, "body");
  if (lua_istable(L, -1)) {
    x->response = stream_response(L, lua_gettop(L), x->server);
  } else {
    size_t n;
    const char *p = luaL_checklstring(L, -1, &n);
    union {
      const char *in;
      void *out;
    } lend = {.in = p}; /* only copied from */
    x->response =
        MHD_create_response_from_buffer(n, lend.out, MHD_RESPMEM_MUST_COPY);
  }
  if (x->response != NULL) {
    put_headers(L, 2, x);
  }
  return 0;
}

/* Protected; the exchange at 1, the server's own table at 2. Calls the host's
 * function with the request: `refuse` where it has one and ${x->refusing}, else
 * the handler. A response that comes back is made. */
static int ask(lua_State *L)
{
  struct exchange *x = lua_touserdata(L, 1);
  bool refusing = false;
  if (x->refusing) {
    lua_getfield(L, 2, "refuse");
    refusing = !lua_isnil(L, -1);
  }
  if (!refusing) {
    lua_getfield(L, 2, "handler");
  }
  push_request(L, x);
  lua_call(L, 1, 1);
  if (refusing && !lua_toboolean(L, -1)) {
    return 0;
  }
  x->refused = x->refusing;
  lua_replace(L, 2);
  lua_settop(L, 2);
  return make_response(L);
}

static const char broken[] = "500 the station could not answer\n";

static void apologise(struct exchange *x)
{
  union {
    const char *in;
    void *out;
  } lend = {.in = broken};
  if (x->response != NULL) {
    MHD_destroy_response(x->response);
  }
  x->status = 500;
  x->response = MHD_create_response_from_buffer(sizeof broken - 1, lend.out,
                                                MHD_RESPMEM_PERSISTENT);
}

static void call(struct exchange *x)
{
  lua_State *L = x->server->L;
  int top = lua_gettop(L);
  lua_pushcfunction(L, ask);
  lua_pushlightuserdata(L, x);
  lutil_get_own(L, SERVER);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    tell_top(L);
    x->refused = true; /* nothing more is read of a request that broke */
    apologise(x);
  }
  lua_settop(L, top);
}

/* A length over the limit is refused before anything is asked. */
static bool too_long(struct exchange *x)
{
  const char *length = MHD_lookup_connection_value(
      x->connection, MHD_HEADER_KIND, "Content-Length");
  size_t digits = length == NULL ? 0 : strspn(length, "0123456789");
  if (length == NULL || (digits <= 7 && length[digits] == '\0' &&
                         strtoul(length, NULL, 10) <= HTTP_BODY_MAX)) {
    return false;
  }
  static const char text[] = "413 that is too long for one request\n";
  union {
    const char *in;
    void *out;
  } lend = {.in = text};
  x->status = 413;
  x->refused = true;
  x->response = MHD_create_response_from_buffer(sizeof text - 1, lend.out,
                                                MHD_RESPMEM_PERSISTENT);
  return true;
}

void lanswer_refuse(struct exchange *x)
{
  if (!too_long(x)) {
    x->refusing = true;
    call(x);
    x->refusing = false;
  }
}

void lanswer_handle(struct exchange *x)
{
  call(x);
}
