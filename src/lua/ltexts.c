/* SPDX-License-Identifier: 0BSD */
/* Methods of the station: which files nobody read yet, and what was read. */
#include "lua/lstation.h"
#include "lua/lvalue.h"

/* ---- what is unread ---- */

static int append_id(lua_State *L)
{
  lvalue_push_id(L, lua_touserdata(L, 1));
  lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
  return 0;
}

static int collect_id(void *ud, const struct cid *id)
{
  return collect_one(ud, append_id, id);
}

static int station_list_unread(lua_State *L)
{
  static const char *const known[] = {"limit", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  lua_settop(L, 2);
  (void)lutil_options(L, 2, known);
  lua_Integer limit = lutil_opt_int(L, 2, "limit", 256, 2, STORE_LIST_MAX);
  struct collect c = collect_start(L, s);
  int rc = station_unread(c.st, (size_t)limit, collect_id, &c, &e);
  int given = collect_end(&c, rc, &e);
  if (given != 1) {
    return given;
  }
  lua_pushboolean(L, rc > 0);
  return 2;
}

/* ---- what was read ---- */

/* Push field ${key} of the table on top: the string there, p NULL when it is
 * none. It is valid while it is on the stack: a finaliser may empty tables. */
static struct span push_text(lua_State *L, const char *key)
{
  lua_pushstring(L, key);
  lua_rawget(L, -2);
  return lua_type(L, -1) == LUA_TSTRING ? lutil_span(L, lua_gettop(L))
                                        : span_of(NULL, 0);
}

static bool id_field(lua_State *L, struct cid *out)
{
  struct err e;
  struct span id = push_text(L, "id");
  bool good = cid_parse(out, (const char *)id.p, id.n, &e) == 0;
  lua_pop(L, 1);
  return good;
}

/* The bits in field "files", 0 when there are none. */
static bool bits_field(lua_State *L, uint32_t *out)
{
  int isnum = 0;
  lua_pushliteral(L, "files");
  lua_rawget(L, -2);
  lua_Integer v = lua_tointegerx(L, -1, &isnum);
  bool good =
      lua_isnil(L, -1) || (isnum && v >= 0 && v <= (lua_Integer)UINT32_MAX);
  *out = (uint32_t)v;
  lua_pop(L, 1);
  return good;
}

/* The entry on top; its text takes its place. */
static bool read_entry(lua_State *L, struct file_read *out)
{
  if (!lua_istable(L, -1) || !id_field(L, &out->id) ||
      !bits_field(L, &out->files)) {
    return false;
  }
  lua_pushliteral(L, "done");
  lua_rawget(L, -2);
  out->done = lua_toboolean(L, -1);
  lua_pop(L, 1);
  out->text = push_text(L, "text");
  lua_remove(L, -2);
  return true;
}

static int station_put_read(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  size_t gone = 0;
  struct err e;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  size_t n = lua_rawlen(L, 2);
  if (n > FILE_TEXT_BATCH) {
    luaL_argerror(L, 2, "more than 64 records at once");
  }
  lutil_stack(L, FILE_TEXT_BATCH + 8);
  struct file_read *in = lua_newuserdata(L, (n + 1) * sizeof *in);
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 2, (lua_Integer)i + 1);
    if (!read_entry(L, &in[i])) {
      luaL_argerror(L, 2, "a list of { id, text, files, done } is needed");
    }
    if (in[i].text.n > FILE_TEXT_MAX) {
      luaL_argerror(L, 2, "a text of more than 64 KiB");
    }
  }
  int rc = station_put_texts(lstation_core(L, s), in, n, &gone, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushinteger(L, (lua_Integer)(n - gone));
  return 1;
}

static int station_get_file_text(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct cid id = lutil_cid(L, 2);
  uint32_t files = 0;
  struct err e;
  struct buf *text = lutil_buf(L);
  int rc = station_file_text(lstation_core(L, s), &id, text, &files, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushlstring(L, (const char *)text->p, text->n);
  lua_pushinteger(L, (lua_Integer)files);
  return 2;
}

void ltexts_open(lua_State *L)
{
  static const luaL_Reg methods[] = {{"unread", station_list_unread},
                                     {"put_texts", station_put_read},
                                     {"file_text", station_get_file_text},
                                     {NULL, NULL}};
  lutil_add(L, methods);
}
