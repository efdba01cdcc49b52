/* SPDX-License-Identifier: 0BSD */
/* mahatta.http: an HTTP server over libmicrohttpd whose loop is the host's. A
 * module of its own, so that the core depends on no network library.
 *
 * The daemon runs in external epoll mode: it owns no thread, and one
 * descriptor tells when it wants to be stepped. Parsing, connections and
 * keep-alive are libmicrohttpd's; here are the limits of time and size that it
 * lacks, and the way to Lua. All callbacks happen inside a call of step or
 * close, with the server at stack index 1, and enter Lua protected: no longjmp
 * crosses frames of libmicrohttpd.
 *
 * lhttp.c speaks to the daemon; lanswer.c makes requests and responses of Lua
 * values. */
#include "lua/lhttp.h"

#include "base/limits.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GROUP "mahatta.http.group"

LUTIL_EXPORT int luaopen_mahatta_http(lua_State *L);

static int64_t now_ms(void)
{
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- connections and their deadlines ---- */

/* Where a client comes from, as far as it can't choose that: no port. */
struct origin {
  uint8_t b[16]; /* IPv4: 4 of them */
  bool six;
};

/* libmicrohttpd's own timeout is one of silence: a client that sends a byte
 * now and then would hold its place for ever. */
struct visit {
  struct visit *prev, *next;
  struct MHD_Connection *connection;
  struct origin from;
  int64_t until; /* 0: none */
};

static struct origin origin_of(const struct sockaddr *at)
{
  struct origin o = {{0}, at->sa_family == AF_INET6};
  if (o.six) {
    memcpy(o.b, &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr,
           16);
  } else {
    memcpy(o.b, &((const struct sockaddr_in *)(const void *)at)->sin_addr, 4);
  }
  return o;
}

static bool same_origin(const struct origin *a, const struct origin *b)
{
  return a->six == b->six && memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* 127.0.0.1 and ::1, where browsers and proxies of this machine come from. */
static bool is_own(const struct origin *o)
{
  static const struct origin own[] = {
      {{127, 0, 0, 1}, false},
      {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, true}};
  return same_origin(o, &own[0]) || same_origin(o, &own[1]);
}

_Static_assert(LHTTP_ADDRESS_SIZE >= INET6_ADDRSTRLEN, "any address fits");

const char *lhttp_address(struct MHD_Connection *c,
                          char text[LHTTP_ADDRESS_SIZE])
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  if (info == NULL) {
    return NULL;
  }
  struct origin from = origin_of(info->client_addr);
  return inet_ntop(from.six ? AF_INET6 : AF_INET, from.b, text,
                   LHTTP_ADDRESS_SIZE);
}

/* May one more come from there? */
static enum MHD_Result visit_allowed(void *cls, const struct sockaddr *at,
                                     socklen_t n)
{
  const struct lhttp *s = cls;
  struct origin from = origin_of(at);
  int there = 0;
  (void)n;
  for (const struct visit *v = s->visits; v != NULL; v = v->next) {
    there += same_origin(&v->from, &from);
  }
  return there < HTTP_ADDRESS_MAX || is_own(&from) ? MHD_YES : MHD_NO;
}

static void visit_begin(struct lhttp *s, struct MHD_Connection *c, void **ctx)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  struct visit *v = mem_zero(sizeof *v);
  *ctx = v; /* without memory it has the time of silence only */
  if (v != NULL) {
    v->connection = c;
    if (info != NULL) {
      v->from = origin_of(info->client_addr);
    }
    v->until = now_ms() + HTTP_HEADER_MS;
    v->next = s->visits;
    if (v->next != NULL) {
      v->next->prev = v;
    }
    s->visits = v;
  }
}

static void visit_end(struct lhttp *s, struct visit *v)
{
  if (v == NULL) {
    return;
  }
  if (v->prev != NULL) {
    v->prev->next = v->next;
  } else {
    s->visits = v->next;
  }
  if (v->next != NULL) {
    v->next->prev = v->prev;
  }
  mem_free(v);
}

static void visit_notify(void *cls, struct MHD_Connection *c, void **ctx,
                         enum MHD_ConnectionNotificationCode what)
{
  struct lhttp *s = cls;
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    visit_begin(s, c, ctx);
  } else {
    visit_end(s, *ctx);
    *ctx = NULL;
    s->ended = true;
  }
}

static void set_deadline(struct MHD_Connection *c, int64_t ms)
{
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  struct visit *v = info == NULL ? NULL : info->socket_context;
  if (v != NULL) {
    v->until = ms == 0 ? 0 : now_ms() + ms;
  }
}

/* Shut connections whose time is over; the daemon then finds them ended.
 * Returns the ms until the next deadline, or -1. */
static int64_t visits_check(struct lhttp *s, bool shut)
{
  int64_t now = now_ms(), next = -1;
  for (struct visit *v = s->visits; v != NULL; v = v->next) {
    if (v->until == 0) {
      continue;
    }
    int64_t left = v->until > now ? v->until - now : 0;
    if (left == 0 && shut) {
      const union MHD_ConnectionInfo *info = MHD_get_connection_info(
          v->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
      v->until = 0;
      if (info != NULL) {
        (void)shutdown(info->connect_fd, SHUT_RDWR);
      }
    } else if (next < 0 || left < next) {
      next = left;
    }
  }
  return next;
}

/* ---- exchanges: one request and its response ---- */

static void *exchange_begin(void *cls, const char *uri,
                            struct MHD_Connection *c)
{
  struct exchange *x = mem_zero(sizeof *x);
  (void)c;
  if (x != NULL) {
    x->server = cls;
    if (buf_put(&x->target, uri, strlen(uri)) < 0) {
      mem_free(x);
      x = NULL;
    }
  }
  return x;
}

static void exchange_end(void *cls, struct MHD_Connection *c, void **ctx,
                         enum MHD_RequestTerminationCode why)
{
  struct exchange *x = *ctx;
  (void)cls;
  (void)why;
  if (x != NULL) {
    buf_free(&x->target);
    buf_free(&x->body);
    mem_free(x);
  }
  *ctx = NULL;
  set_deadline(c, HTTP_HEADER_MS);
}

/* A percent sign in an address stays what it is: the handler reads it. */
static size_t unescape_nothing(void *cls, struct MHD_Connection *c, char *s)
{
  (void)cls;
  (void)c;
  return strlen(s);
}

/* Queue the response that a call into Lua left in ${x}. */
static enum MHD_Result queue(struct exchange *x)
{
  if (x->response == NULL) {
    return MHD_NO; /* out of memory: the connection closes */
  }
  enum MHD_Result ok =
      MHD_queue_response(x->connection, x->status, x->response);
  MHD_destroy_response(x->response);
  x->response = NULL;
  x->answered = true;
  return ok;
}

static const char *header(struct MHD_Connection *c, const char *name)
{
  return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static bool has_body(struct MHD_Connection *c)
{
  const char *length = header(c, "Content-Length");
  return header(c, "Transfer-Encoding") != NULL ||
         (length != NULL && strcmp(length, "0") != 0);
}

/* The headers are here. A body is read only when the host's `refuse` lets it;
 * a refusal ends the connection. All others are answered when libmicrohttpd
 * calls again: a response that is queued now would close the connection. */
static enum MHD_Result begin(struct exchange *x)
{
  x->begun = true;
  bool unsafe = has_body(x->connection) || (strcmp(x->method, "GET") != 0 &&
                                            strcmp(x->method, "HEAD") != 0);
  set_deadline(x->connection, unsafe ? HTTP_BODY_MS : 0);
  if (unsafe) {
    lanswer_refuse(x);
  }
  return x->refused ? queue(x) : MHD_YES;
}

/* The signature is libmicrohttpd's.
 * NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *c,
                                  const char *url, const char *method,
                                  const char *version, const char *bytes,
                                  size_t *n, void **ctx)
{
  struct exchange *x = *ctx;
  (void)cls;
  (void)url;
  (void)version;
  if (x == NULL) {
    return MHD_NO;
  }
  x->connection = c;
  x->method = method;
  if (!x->begun) {
    return begin(x);
  }
  if (*n > 0) {
    /* No more comes than the length that `refuse` and we have agreed to. */
    if (x->body.n + *n > HTTP_BODY_MAX || buf_put(&x->body, bytes, *n) < 0) {
      return MHD_NO;
    }
    *n = 0;
    return MHD_YES;
  }
  set_deadline(c, 0);
  lanswer_handle(x);
  return queue(x);
}

/* ---- the handle ---- */

static struct lhttp *to_server(lua_State *L)
{
  struct lhttp *s = luaL_checkudata(L, 1, HTTP);
  if (s->daemon == NULL) {
    luaL_error(L, "attempt to use a closed server");
  }
  return s;
}

static int server_close(lua_State *L)
{
  struct lhttp *s = luaL_checkudata(L, 1, HTTP);
  struct MHD_Daemon *d = s->daemon;
  if (s->L != NULL) {
    return luaL_error(L, "the server can't be closed while it is stepped");
  }
  if (d != NULL) {
    lutil_stack(L, 40);
    s->daemon = NULL;
    s->L = L;
    MHD_stop_daemon(d); /* ends its streams, each in Lua */
    s->L = NULL;
  }
  return 0;
}

static int server_step(lua_State *L)
{
  struct lhttp *s = to_server(L);
  if (s->L != NULL) {
    return luaL_error(L, "the server is being stepped already");
  }
  lua_settop(L, 1);
  lutil_stack(L, 40);
  s->L = L;
  s->ended = false;
  (void)visits_check(s, true);
  (void)MHD_run(s->daemon);
  if (s->ended) {
    /* A full daemon watches for new clients again only from the beginning of a
     * run in which it is not full; and nothing else may wake us for one. */
    (void)MHD_run(s->daemon);
  }
  s->L = NULL;
  lua_settop(L, 1);
  return 1;
}

static int64_t wait_ms(struct lhttp *s)
{
  MHD_UNSIGNED_LONG_LONG ms;
  int64_t until = visits_check(s, false);
  if (MHD_get_timeout(s->daemon, &ms) == MHD_YES) {
    int64_t mine = ms > INT32_MAX ? INT32_MAX : (int64_t)ms;
    until = until < 0 || mine < until ? mine : until;
  }
  return until;
}

static int server_timeout(lua_State *L)
{
  int64_t ms = wait_ms(to_server(L));
  if (ms < 0) {
    lua_pushnil(L);
  } else {
    lua_pushnumber(L, (lua_Number)ms / 1000);
  }
  return 1;
}

static int server_pollfd(lua_State *L)
{
  lua_pushinteger(L, to_server(L)->epoll);
  return 1;
}

static int server_events(lua_State *L)
{
  (void)to_server(L);
  lua_pushliteral(L, "r");
  return 1;
}

static int server_port(lua_State *L)
{
  const union MHD_DaemonInfo *info =
      MHD_get_daemon_info(to_server(L)->daemon, MHD_DAEMON_INFO_BIND_PORT);
  lua_pushinteger(L, info == NULL ? 0 : info->port);
  return 1;
}

static int server_tostring(lua_State *L)
{
  struct lhttp *s = luaL_checkudata(L, 1, HTTP);
  if (s->daemon == NULL) {
    lua_pushliteral(L, HTTP " (closed)");
  } else {
    lua_pushfstring(L, HTTP " (%p)", (void *)s);
  }
  return 1;
}

/* ---- listening ---- */

/* As lutil_fail, without the core that it comes with. */
static int failed(lua_State *L, int rc, const struct err *e)
{
  luaL_pushfail(L);
  lua_pushstring(L, e->text);
  lua_pushstring(L, err_name(rc));
  return 3;
}

struct where {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } at;
  bool six;
};

/* A literal address: names would need a resolver, and that blocks. */
static bool read_address(struct where *w, const char *host, uint16_t port)
{
  memset(w, 0, sizeof *w);
  if (inet_pton(AF_INET, host, &w->at.v4.sin_addr) == 1) {
    w->at.v4.sin_family = AF_INET;
    w->at.v4.sin_port = htons(port);
    return true;
  }
  if (inet_pton(AF_INET6, host, &w->at.v6.sin6_addr) == 1) {
    w->at.v6.sin6_family = AF_INET6;
    w->at.v6.sin6_port = htons(port);
    w->six = true;
    return true;
  }
  return false;
}

static void take_function(lua_State *L, const char *name, bool needed)
{
  lua_getfield(L, 1, name);
  if (!lua_isfunction(L, -1) && (needed || !lua_isnil(L, -1))) {
    lua_pushfstring(L, "option '%s' must be a function", name);
    luaL_argerror(L, 1, lua_tostring(L, -1));
  }
  lua_setfield(L, -2, name);
}

static void check_options(lua_State *L)
{
  static const char *const known = " host port handler refuse log ";
  luaL_checktype(L, 1, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    lua_pushfstring(L, " %s ", key);
    if (strstr(known, lua_tostring(L, -1)) == NULL) {
      lua_pushfstring(L, "unknown option '%s'", key);
      luaL_argerror(L, 1, lua_tostring(L, -1));
    }
    lua_pop(L, 1);
  }
}

static int http_listen(lua_State *L)
{
  struct where w;
  check_options(L);
  lua_settop(L, 1);
  lua_getfield(L, 1, "host");
  const char *host = luaL_optstring(L, 2, "127.0.0.1");
  lua_getfield(L, 1, "port");
  lua_Integer port = luaL_optinteger(L, 3, 0);
  luaL_argcheck(L, port >= 0 && port <= 65535, 1, "no such port");
  if (!read_address(&w, host, (uint16_t)port)) {
    return luaL_argerror(L, 1, "option 'host' must be an IP address");
  }
  struct lhttp *s = lua_newuserdatauv(L, sizeof *s, 1);
  memset(s, 0, sizeof *s);
  luaL_setmetatable(L, HTTP);
  lua_createtable(L, 0, 3);
  take_function(L, "handler", true);
  take_function(L, "refuse", false);
  take_function(L, "log", false);
  lutil_set_own(L, 4);
  errno = 0;
  s->daemon = MHD_start_daemon(
      MHD_USE_EPOLL | (w.six ? MHD_USE_IPv6 : 0), (uint16_t)port, visit_allowed,
      s, on_request, NULL, MHD_OPTION_SOCK_ADDR, &w.at.any,
      MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_POOL_SIZE,
      MHD_OPTION_CONNECTION_TIMEOUT, HTTP_SILENCE_S,
      MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
      unescape_nothing, NULL, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, s,
      MHD_OPTION_NOTIFY_COMPLETED, exchange_end, s,
      MHD_OPTION_NOTIFY_CONNECTION, visit_notify, s, MHD_OPTION_END);
  if (s->daemon == NULL) {
    struct err e;
    int rc = errno == EADDRINUSE ? ERR_BUSY : ERR_IO;
    rc = err_set(&e, rc, "can't listen at %s, port %d: %s", host, (int)port,
                 errno != 0 ? strerror(errno) : "no such address here");
    return failed(L, rc, &e);
  }
  s->epoll = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  lua_settop(L, 4);
  return 1;
}

/* ---- several servers as one ---- */

/* Servers of one site, driven by one descriptor: an epoll of their epolls. */
struct group {
  int epoll; /* < 0: closed */
};

static struct group *to_group(lua_State *L)
{
  struct group *g = luaL_checkudata(L, 1, GROUP);
  if (g->epoll < 0) {
    luaL_error(L, "attempt to use a closed group of servers");
  }
  return g;
}

/* The ${i}th server of the group at 1, left on the stack; NULL after the
 * last. */
static struct lhttp *member(lua_State *L, lua_Integer i)
{
  lutil_get_own(L, 1);
  lua_rawgeti(L, -1, i);
  lua_remove(L, -2);
  return lua_isnil(L, -1) ? NULL : lua_touserdata(L, -1);
}

static int group_step(lua_State *L)
{
  struct lhttp *s;
  (void)to_group(L);
  for (lua_Integer i = 1; (s = member(L, i)) != NULL; i++) {
    if (s->daemon != NULL) {
      lua_pushcfunction(L, server_step);
      lua_insert(L, -2);
      lua_call(L, 1, 0);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_settop(L, 1);
  return 1;
}

static int64_t group_wait(lua_State *L)
{
  struct lhttp *s;
  int64_t until = -1;
  for (lua_Integer i = 1; (s = member(L, i)) != NULL; i++) {
    int64_t mine = s->daemon == NULL ? -1 : wait_ms(s);
    until = mine >= 0 && (until < 0 || mine < until) ? mine : until;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return until;
}

static int group_timeout(lua_State *L)
{
  (void)to_group(L);
  int64_t ms = group_wait(L);
  if (ms < 0) {
    lua_pushnil(L);
  } else {
    lua_pushnumber(L, (lua_Number)ms / 1000);
  }
  return 1;
}

static int group_pollfd(lua_State *L)
{
  lua_pushinteger(L, to_group(L)->epoll);
  return 1;
}

static int group_events(lua_State *L)
{
  (void)to_group(L);
  lua_pushliteral(L, "r");
  return 1;
}

/* For hosts without a loop: wait until something wants to be stepped, at most
 * so many seconds. */
static int group_poll(lua_State *L)
{
  struct group *g = to_group(L);
  lua_Number seconds = luaL_optnumber(L, 2, 3600);
  luaL_argcheck(L, seconds >= 0 && seconds <= 1e6, 2, "no such time");
  int64_t ms = (int64_t)(seconds * 1000), until = group_wait(L);
  struct pollfd fd = {.fd = g->epoll, .events = POLLIN};
  ms = until >= 0 && until < ms ? until : ms;
  lua_pushboolean(L, poll(&fd, 1, (int)ms) > 0);
  return 1;
}

static int group_close(lua_State *L)
{
  struct group *g = luaL_checkudata(L, 1, GROUP);
  for (lua_Integer i = 1; g->epoll >= 0 && member(L, i) != NULL; i++) {
    lua_pushcfunction(L, server_close);
    lua_insert(L, -2);
    lua_call(L, 1, 0);
  }
  if (g->epoll >= 0) {
    (void)close(g->epoll);
    g->epoll = -1;
  }
  return 0;
}

/* The collector may have ended its members before it: they end themselves. */
static int group_gc(lua_State *L)
{
  struct group *g = luaL_checkudata(L, 1, GROUP);
  if (g->epoll >= 0) {
    (void)close(g->epoll);
    g->epoll = -1;
  }
  return 0;
}

static int http_group(lua_State *L)
{
  struct err e;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
  lua_settop(L, 1);
  struct group *g = lua_newuserdatauv(L, sizeof *g, 1);
  g->epoll = -1;
  luaL_setmetatable(L, GROUP);
  lua_createtable(L, (int)n, 0);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    struct lhttp *s = luaL_checkudata(L, -1, HTTP);
    luaL_argcheck(L, s->daemon != NULL, 1, "one of them is closed");
    lua_rawseti(L, 3, i);
  }
  g->epoll = epoll_create1(EPOLL_CLOEXEC);
  for (lua_Integer i = 1; g->epoll >= 0 && i <= n; i++) {
    struct epoll_event wanted = {.events = EPOLLIN};
    lua_rawgeti(L, 3, i);
    struct lhttp *s = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (epoll_ctl(g->epoll, EPOLL_CTL_ADD, s->epoll, &wanted) < 0) {
      (void)close(g->epoll);
      g->epoll = -1;
    }
  }
  if (g->epoll < 0) {
    int rc = err_sys(&e, errno, "can't watch several servers");
    return failed(L, rc, &e);
  }
  lutil_set_own(L, 2);
  return 1;
}

LUTIL_EXPORT int luaopen_mahatta_http(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"listen", http_listen}, {"group", http_group}, {NULL, NULL}};
  static const luaL_Reg server_meta[] = {{"__gc", server_close},
                                         {"__close", server_close},
                                         {"__tostring", server_tostring},
                                         {NULL, NULL}};
  static const luaL_Reg server_methods[] = {{"close", server_close},
                                            {"step", server_step},
                                            {"timeout", server_timeout},
                                            {"pollfd", server_pollfd},
                                            {"events", server_events},
                                            {"port", server_port},
                                            {NULL, NULL}};
  static const luaL_Reg group_meta[] = {
      {"__gc", group_gc}, {"__close", group_close}, {NULL, NULL}};
  static const luaL_Reg group_methods[] = {{"close", group_close},
                                           {"step", group_step},
                                           {"timeout", group_timeout},
                                           {"pollfd", group_pollfd},
                                           {"events", group_events},
                                           {"poll", group_poll},
                                           {NULL, NULL}};
  luaL_checkversion(L);
  lutil_class(L, HTTP, server_meta, server_methods);
  lutil_class(L, GROUP, group_meta, group_methods);
  lua_pop(L, 2);
  luaL_newlib(L, functions);
  return 1;
}
