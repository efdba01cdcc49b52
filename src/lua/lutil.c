/* SPDX-License-Identifier: 0BSD */
#include "lua/lutil.h"

#include "lua/lvalue.h"

#include <string.h>

#define BOX "mahatta.box"

void lutil_add(lua_State *L, const luaL_Reg *more)
{
  for (; more->name != NULL; more++) {
    lua_getfield(L, -1, more->name);
    if (lua_isnil(L, -1)) {
      lua_pushcfunction(L, more->func);
      lua_setfield(L, -3, more->name);
    }
    lua_pop(L, 1);
  }
}

int lutil_fail(lua_State *L, int rc, const struct err *e)
{
  luaL_pushfail(L);
  lua_pushstring(L, e->text);
  lua_pushstring(L, err_name(rc));
  return 3;
}

static int box_free(lua_State *L)
{
  buf_free(luaL_checkudata(L, 1, BOX));
  return 0;
}

struct buf *lutil_buf(lua_State *L)
{
  struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  memset(b, 0, sizeof *b);
  luaL_setmetatable(L, BOX);
#if LUA_VERSION_NUM >= 504
  lua_toclose(L, -1);
#endif
  return b;
}

void lutil_open(lua_State *L)
{
  static const luaL_Reg meta[] = {
      {"__gc", box_free}, {"__close", box_free}, {NULL, NULL}};
  lutil_class(L, BOX, meta, NULL);
  lua_pop(L, 1);
}

int lutil_protect(lua_State *L, lua_CFunction fn, void *ud, int arg)
{
  int args = 1;
  lua_pushcfunction(L, fn);
  lua_pushlightuserdata(L, ud);
  if (arg != 0) {
    lua_pushvalue(L, arg);
    args = 2;
  }
  return lua_pcall(L, args, 0, 0) == LUA_OK ? 0 : -1;
}

bool lutil_pause(lua_State *L)
{
  bool was = lua_gc(L, LUA_GCISRUNNING, 0) == 1; /* not in a finaliser */
  (void)lua_gc(L, LUA_GCSTOP, 0);
  return was;
}

void lutil_resume(lua_State *L, bool was)
{
  if (was) {
    (void)lua_gc(L, LUA_GCRESTART, 0);
  }
}

/* ---- arguments ---- */

const char *lutil_path(lua_State *L, int arg)
{
  size_t n;
  const char *s = luaL_checklstring(L, arg, &n);
  luaL_argcheck(L, strlen(s) == n, arg, "string contains a zero byte");
  return s;
}

struct span lutil_span(lua_State *L, int arg)
{
  size_t n;
  const char *s = luaL_checklstring(L, arg, &n);
  return span_of(s, n);
}

static bool is_known(const char *key, const char *const *known)
{
  for (; *known != NULL; known++) {
    if (strcmp(key, *known) == 0) {
      return true;
    }
  }
  return false;
}

bool lutil_options(lua_State *L, int arg, const char *const *known)
{
  if (lua_isnoneornil(L, arg)) {
    return false;
  }
  luaL_checktype(L, arg, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, arg) != 0; lua_pop(L, 1)) {
    bool text = lua_type(L, -2) == LUA_TSTRING;
    const char *key = text ? lua_tostring(L, -2) : luaL_typename(L, -2);
    if (!text || !is_known(key, known)) {
      lua_pushfstring(L, "unknown option '%s'", key);
      luaL_argerror(L, arg, lua_tostring(L, -1));
    }
  }
  return true;
}

static int bad_option(lua_State *L, int arg, const char *key, const char *what)
{
  lua_pushfstring(L, "option '%s' must be %s", key, what);
  return luaL_argerror(L, arg, lua_tostring(L, -1));
}

/* Push the option; false (and nothing pushed) when absent. */
static bool get_option(lua_State *L, int arg, const char *key)
{
  if (lua_isnoneornil(L, arg)) {
    return false;
  }
  lua_pushstring(L, key);
  lua_rawget(L, arg);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  return true;
}

bool lutil_opt_bool(lua_State *L, int arg, const char *key, bool otherwise)
{
  if (!get_option(L, arg, key)) {
    return otherwise;
  }
  if (!lua_isboolean(L, -1)) {
    bad_option(L, arg, key, "a boolean");
  }
  bool v = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return v;
}

lua_Integer lutil_opt_int(lua_State *L, int arg, const char *key,
                          lua_Integer otherwise, lua_Integer min,
                          lua_Integer max)
{
  int ok;
  if (!get_option(L, arg, key)) {
    return otherwise;
  }
  lua_Integer v = lua_tointegerx(L, -1, &ok);
  if (!ok || v < min || v > max) {
    lua_pushfstring(L, "option '%s' must be an integer in %I .. %I", key, min,
                    max);
    luaL_argerror(L, arg, lua_tostring(L, -1));
  }
  lua_pop(L, 1);
  return v;
}

struct span lutil_opt_text(lua_State *L, int arg, const char *key)
{
  size_t n;
  if (!get_option(L, arg, key)) {
    return span_of(NULL, 0);
  }
  if (lua_type(L, -1) != LUA_TSTRING) {
    bad_option(L, arg, key, "a string");
  }
  const char *s = lua_tolstring(L, -1, &n);
  return span_of(s, n);
}

struct span *lutil_opt_list(lua_State *L, int arg, const char *key, size_t *n)
{
  *n = 0;
  if (!get_option(L, arg, key)) {
    return NULL;
  }
  if (!lua_istable(L, -1)) {
    bad_option(L, arg, key, "a list of strings");
  }
  size_t count = lua_rawlen(L, -1);
  struct span *list = lua_newuserdatauv(L, (count + 1) * sizeof *list, 0);
  lua_newtable(L); /* holds the strings, whatever becomes of the list */
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, -3, (lua_Integer)i + 1);
    if (lua_type(L, -1) != LUA_TSTRING) {
      bad_option(L, arg, key, "a list of strings");
    }
    list[i].p = (const uint8_t *)lua_tolstring(L, -1, &list[i].n);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_remove(L, -3);
  *n = count;
  return list;
}

struct cid lutil_cid(lua_State *L, int arg)
{
  struct cid cid;
  struct err e;
  const struct cid *link = lvalue_link(L, arg);
  if (link != NULL) {
    return *link;
  }
  struct span text = lutil_span(L, arg);
  if (cid_parse(&cid, (const char *)text.p, text.n, &e) < 0) {
    luaL_argerror(L, arg, e.text);
  }
  return cid;
}
