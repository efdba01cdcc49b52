/* SPDX-License-Identifier: 0BSD */
/* mahatta.core: what the C core registers. lua/mahatta/init.lua adds the
 * manners of a Lua module to it. */
#include "lua/lstation.h"
#include "lua/lvalue.h"

LUTIL_EXPORT int luaopen_mahatta_core(lua_State *L);

LUTIL_EXPORT int luaopen_mahatta_core(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  luaL_checkversion(L);
  lutil_open(L);
  luaL_newlib(L, none);
  lvalue_open(L);
  lua_newtable(L); /* methods, for init.lua to add to */
  lua_pushvalue(L, -2);
  lstation_open(L);
  lcarry_open(L);
  lsearch_open(L);
  ltexts_open(L);
  lquota_open(L);
  lua_setfield(L, -3, "Station");
  lua_pop(L, 1);
  lpublisher_open(L);
  lua_setfield(L, -2, "Publisher");
  lreader_open(L);
  lua_setfield(L, -2, "Reader");
  ljob_open(L);
  lua_setfield(L, -2, "Job");
  lsession_open(L);
  lua_setfield(L, -2, "Session");
  lua_setfield(L, -2, "methods");
  lua_pushliteral(L, "mahatta 0.1.0");
  lua_setfield(L, -2, "_VERSION");
  return 1;
}
