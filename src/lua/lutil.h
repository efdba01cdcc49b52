/* SPDX-License-Identifier: 0BSD */
/* What the bindings share: classes, failures, options, boxes. Compiles for
 * Lua 5.4 and, through the shim below, for 5.3.
 *
 * Two rules keep a longjmp of Lua's from leaking: memory of the core that
 * outlives a Lua call lies in a box (a userdata), and what the core calls back
 * enters Lua only through lutil_protect.
 *
 * A third keeps handles from vanishing: whatever allocates may run a
 * finaliser of the host's, and that may close anything. So a handle is asked
 * whether it is open after the last allocation before the core is called, and
 * where the core calls back, or its memory is read between allocations, the
 * collector pauses. */
#ifndef LUA_LUTIL_H
#define LUA_LUTIL_H

#include "base/buf.h"
#include "base/err.h"
#include "form/cid.h"

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM < 504
#define lua_newuserdatauv(L, n, uv) ((void)(uv), lua_newuserdata(L, n))
#define luaL_pushfail(L) lua_pushnil(L)
#define lutil_get_own(L, i) lua_getuservalue(L, i)
#define lutil_set_own(L, i) lua_setuservalue(L, i)
#else
/* A handle's own table: its one user value. */
#define lutil_get_own(L, i) lua_getiuservalue(L, i, 1)
#define lutil_set_own(L, i) lua_setiuservalue(L, i, 1)
#endif

#if defined(__GNUC__)
#define LUTIL_EXPORT __attribute__((visibility("default")))
#else
#define LUTIL_EXPORT
#endif

/* Make the metatable ${name} from ${meta} and ${methods} (may be NULL). The
 * metatable is hidden from scripts. Leaves the methods' table (or nil) on the
 * stack. It is registered once it is whole: memory may run out before. */
static inline void lutil_class(lua_State *L, const char *name,
                               const luaL_Reg *meta, const luaL_Reg *methods)
{
  luaL_getmetatable(L, name);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__name");
    luaL_setfuncs(L, meta, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    if (methods != NULL) {
      lua_newtable(L);
      luaL_setfuncs(L, methods, 0);
      lua_setfield(L, -2, "__index");
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, name);
  }
  lua_getfield(L, -1, "__index");
  lua_remove(L, -2);
}

/* Those of ${more} that the methods' table on top has not: a module that is
 * loaded anew finds Lua's own methods over some of them. */
void lutil_add(lua_State *L, const luaL_Reg *more);

/* Before all else here: the class of the boxes. */
void lutil_open(lua_State *L);

/* Room for ${n} more values. Lua tells want of memory as a stack overflow:
 * ours are no recursions, so it is memory that is not there. */
static inline void lutil_stack(lua_State *L, int n)
{
  if (!lua_checkstack(L, n)) {
    luaL_error(L, "not enough memory");
  }
}

/* Push nil, message, code; returns 3. */
int lutil_fail(lua_State *L, int rc, const struct err *e);

/* Push an empty buf; valid until the function returns or raises, which frees
 * it: what a finaliser makes while its state ends, the collector never sees.
 * Nothing may pop it before (Lua 5.4.4 can't). */
struct buf *lutil_buf(lua_State *L);

/* Call ${fn} protected with a light userdata and the value at ${arg} (0:
 * none). 0, or -1 with the error message on the stack. Needs 4 free slots and
 * allocates nothing itself. */
int lutil_protect(lua_State *L, lua_CFunction fn, void *ud, int arg);

/* Between the two no finaliser runs; nothing there may raise. ${was} is what
 * lutil_pause returned. */
bool lutil_pause(lua_State *L);
void lutil_resume(lua_State *L, bool was);

/* ---- arguments ---- */

/* A string without zero bytes. */
const char *lutil_path(lua_State *L, int arg);
struct span lutil_span(lua_State *L, int arg);

/* The options table at ${arg}, or none: 0. Raises for keys that aren't in
 * ${known} (NULL-terminated). */
bool lutil_options(lua_State *L, int arg, const char *const *known);
/* One option each; ${otherwise} when absent. Raise for other types. Read
 * without metamethods, which could do anything meanwhile. A text stays on the
 * stack (nothing does when it is absent): it is valid as long. */
bool lutil_opt_bool(lua_State *L, int arg, const char *key, bool otherwise);
lua_Integer lutil_opt_int(lua_State *L, int arg, const char *key,
                          lua_Integer otherwise, lua_Integer min,
                          lua_Integer max);
/* Absent: p NULL. */
struct span lutil_opt_text(lua_State *L, int arg, const char *key);
/* A list of strings: as spans in a new userdata that is left on the stack
 * with the strings (nothing is when it is absent); the number in ${n}. */
struct span *lutil_opt_list(lua_State *L, int arg, const char *key, size_t *n);

/* A CID from text or from a link. Raises. */
struct cid lutil_cid(lua_State *L, int arg);

#endif
