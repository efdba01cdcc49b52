/* SPDX-License-Identifier: 0BSD */
/* What the host programs share: Lua states over an allocator that counts and
 * fails, and calls of scripts' functions. */
#ifndef TESTS_HOST_H
#define TESTS_HOST_H

#include "unit.h"

#include <lauxlib.h>
#include <lualib.h>

/* ---- an allocator that counts, and fails on demand ---- */

struct heap {
  size_t bytes;
  long requests;          /* for new or more memory */
  long fail_from, fail_n; /* these fail; fail_n < 0: all from there on */
  bool each; /* from fail_from on each fails first: a full collection, then
                again */
  bool refused;
};

static inline bool heap_fails(struct heap *h)
{
  long at = h->requests++;
  if (h->fail_from < 0 || at < h->fail_from) {
    return false;
  }
  if (h->each) {
    h->refused = !h->refused;
    return h->refused;
  }
  return h->fail_n < 0 || at < h->fail_from + h->fail_n;
}

static void *heap_alloc(void *ud, void *p, size_t was, size_t n)
{
  struct heap *h = ud;
  was = p != NULL ? was : 0;
  if (n == 0) {
    free(p);
    h->bytes -= was;
    return NULL;
  }
  if (n > was && heap_fails(h)) {
    return NULL;
  }
  void *q = realloc(p, n);
  if (q == NULL) {
    return n <= was ? p : NULL;
  }
  h->bytes += n;
  h->bytes -= was;
  return q;
}

static inline lua_State *new_state(struct heap *h)
{
  memset(h, 0, sizeof *h);
  h->fail_from = -1;
  lua_State *L = lua_newstate(heap_alloc, h);
  NEED(L != NULL);
  luaL_openlibs(L);
  return L;
}

static inline void end_state(lua_State *L, struct heap *h)
{
  lua_close(L);
  EXPECT_INT(h->bytes, 0);
}

/* ---- scripts ---- */

/* The table that a script returns, on the stack. */
static inline void load_script(lua_State *L, const char *path)
{
  if (luaL_loadfile(L, path) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
    printf("  %s\n", lua_tostring(L, -1));
    exit(1);
  }
}

/* Call ${name} of the script's table at 1 with an integer. Its error message
 * is left when it raises. */
static inline bool call(lua_State *L, const char *name, lua_Integer arg)
{
  lua_settop(L, 1);
  luaL_checkstack(L, 20, "call");
  lua_getfield(L, 1, name);
  lua_pushinteger(L, arg);
  return lua_pcall(L, 1, 0, 0) == LUA_OK;
}

static inline void need_call(lua_State *L, const char *name, lua_Integer arg)
{
  if (!call(L, name, arg)) {
    printf("  %s: %s\n", name, lua_tostring(L, -1));
    exit(1);
  }
}

#endif
