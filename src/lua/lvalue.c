/* SPDX-License-Identifier: 0BSD */
#include "lua/lvalue.h"

#include "base/limits.h"
#include "base/utf8.h"
#include "form/cbor.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LINK "mahatta.Link"
#define BYTES "mahatta.Bytes"
#define MAP "mahatta.map"

static const char null_tag = 0; /* its address is the data model's null */

/* ---- links and bytes ---- */

void lvalue_push_id(lua_State *L, const struct cid *cid)
{
  char text[CID_TEXT_SIZE + 1];
  cid_text(text, cid);
  lua_pushlstring(L, text, CID_TEXT_SIZE);
}

void lvalue_push_link(lua_State *L, const struct cid *cid)
{
  struct cid *c = lua_newuserdatauv(L, sizeof *c, 0);
  *c = *cid;
  luaL_setmetatable(L, LINK);
}

const struct cid *lvalue_link(lua_State *L, int idx)
{
  return luaL_testudata(L, idx, LINK);
}

static int link_tostring(lua_State *L)
{
  lvalue_push_id(L, luaL_checkudata(L, 1, LINK));
  return 1;
}

static int link_eq(lua_State *L)
{
  const struct cid *a = lvalue_link(L, 1), *b = lvalue_link(L, 2);
  lua_pushboolean(L, a != NULL && b != NULL && cid_equal(a, b));
  return 1;
}

void lvalue_push_bytes(lua_State *L, const void *p, size_t n)
{
  void *copy = lua_newuserdatauv(L, n, 0);
  if (n > 0) {
    memcpy(copy, p, n);
  }
  luaL_setmetatable(L, BYTES);
}

static struct span test_bytes(lua_State *L, int idx)
{
  void *p = luaL_testudata(L, idx, BYTES);
  return span_of(p, p != NULL ? lua_rawlen(L, idx) : 0);
}

static int bytes_tostring(lua_State *L)
{
  luaL_checkudata(L, 1, BYTES);
  struct span s = test_bytes(L, 1);
  lua_pushlstring(L, (const char *)s.p, s.n);
  return 1;
}

static int bytes_len(lua_State *L)
{
  luaL_checkudata(L, 1, BYTES);
  lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
  return 1;
}

static int bytes_eq(lua_State *L)
{
  struct span a = test_bytes(L, 1), b = test_bytes(L, 2);
  lua_pushboolean(L, a.p != NULL && b.p != NULL && span_equal(a, b));
  return 1;
}

/* ---- encode ---- */

#define SMALL_MAP 16

/* A list or map under way. Maps walk their keys in canonical order. */
struct level {
  int table; /* its place on the Lua stack */
  bool is_map;
  size_t at, count;
  struct span *key; /* ${small}, or a userdata on the stack; the strings
                       themselves are there, too */
  struct span small[SMALL_MAP];
};

struct encoder {
  lua_State *L;
  struct buf *out;
  struct level level[CBOR_DEPTH_MAX];
  int depth;
};

/* Raise, naming where: "field 'a.b[3]': why". */
static void refuse(struct encoder *x, const char *why)
{
  luaL_Buffer where;
  lua_State *L = x->L;
  luaL_buffinit(L, &where);
  for (int i = 0; i < x->depth; i++) {
    const struct level *v = &x->level[i];
    if (v->is_map) {
      const struct span *key = &v->key[v->at - 1];
      if (i > 0) {
        luaL_addchar(&where, '.');
      }
      luaL_addlstring(&where, (const char *)key->p, key->n);
    } else {
      lua_pushfstring(L, "[%d]", (int)v->at);
      luaL_addvalue(&where);
    }
  }
  luaL_pushresult(&where);
  if (x->depth == 0) {
    luaL_error(L, "%s", why);
  }
  luaL_error(L, "field '%s': %s", lua_tostring(L, -1), why);
}

static void must(struct encoder *x, int rc)
{
  if (rc < 0) {
    luaL_error(x->L, "not enough memory");
  }
}

static int compare_keys(const void *a, const void *b)
{
  const struct span *x = a, *y = b;
  return cbor_key_compare(*x, *y);
}

/* A list, unless it has other keys than 1 .. n or is marked as a map. */
static bool looks_like_list(lua_State *L, int table, size_t n)
{
  if (n > 0) {
    return true;
  }
  lua_pushnil(L);
  if (lua_next(L, table) != 0) {
    lua_pop(L, 2);
    return false;
  }
  if (!lua_getmetatable(L, table)) {
    return true;
  }
  luaL_getmetatable(L, MAP);
  bool marked = lua_rawequal(L, -1, -2) != 0;
  lua_pop(L, 2);
  return !marked;
}

static size_t count_keys(lua_State *L, int table)
{
  size_t n = 0;
  for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
    n++;
  }
  return n;
}

/* The key at the stack's ${idx} as a span of it. */
static struct span check_key(struct encoder *x, int idx)
{
  size_t len;
  if (lua_type(x->L, idx) != LUA_TSTRING) {
    refuse(x, "a map's keys must be strings (or it is a list with holes)");
  }
  const char *s = lua_tolstring(x->L, idx, &len);
  if (!utf8_valid((const uint8_t *)s, len)) {
    refuse(x, "a key is not well-formed UTF-8");
  }
  return span_of(s, len);
}

/* Gather the keys of a map, and hold them: a finaliser that runs later may
 * take them out of the table. Few lie on the stack, many in a table. */
static void gather_keys(struct encoder *x, struct level *v)
{
  lua_State *L = x->L;
  size_t n = 0, count = count_keys(L, v->table);
  bool small = count <= SMALL_MAP;
  v->count = count;
  v->key = v->small;
  if (!small) {
    v->key = lua_newuserdatauv(L, count * sizeof *v->key, 0);
    lua_createtable(L, count < INT_MAX ? (int)count : 0, 0);
  }
  int hold = lua_gettop(L);
  for (lua_pushnil(L); n < count && lua_next(L, v->table) != 0;) {
    v->key[n++] = check_key(x, -2);
    lua_pop(L, 1);
    lua_pushvalue(L, -1); /* lua_next takes one */
    if (small) {
      lua_insert(L, hold + (int)n);
    } else {
      lua_rawseti(L, hold, (lua_Integer)n);
    }
  }
  if (n < count || lua_next(L, v->table) != 0) {
    refuse(x, "the table changed while it was read");
  }
  qsort(v->key, n, sizeof *v->key, compare_keys);
}

/* The table on top of the stack begins. */
static void open_table(struct encoder *x)
{
  lua_State *L = x->L;
  if (x->depth == CBOR_DEPTH_MAX) {
    refuse(x, "nested deeper than 32 levels");
  }
  lutil_stack(L, SMALL_MAP + 12);
  struct level *v = &x->level[x->depth];
  v->table = lua_gettop(L);
  v->at = 0;
  size_t n = lua_rawlen(L, v->table);
  v->is_map = !looks_like_list(L, v->table, n);
  if (v->is_map) {
    gather_keys(x, v);
    must(x, cbor_put_map(x->out, v->count));
  } else {
    v->count = n;
    if (count_keys(L, v->table) != n) {
      refuse(x, "a list with other keys than 1 .. n");
    }
    must(x, cbor_put_list(x->out, n));
  }
  x->depth++;
}

static void put_text(struct encoder *x, int idx)
{
  size_t n;
  const char *s = lua_tolstring(x->L, idx, &n);
  if (!utf8_valid((const uint8_t *)s, n)) {
    refuse(x, "not well-formed UTF-8 (wrap other bytes in mahatta.bytes)");
  }
  must(x, cbor_put_text(x->out, s, n));
}

static void put_number(struct encoder *x, int idx)
{
  if (!lua_isinteger(x->L, idx)) {
    refuse(x, "floats are not allowed (use an integer or a string)");
  }
  lua_Integer v = lua_tointeger(x->L, idx);
  if (v > CBOR_INT_MAX || v < -CBOR_INT_MAX) {
    refuse(x, "integer beyond 2^53 - 1");
  }
  must(x, cbor_put_int(x->out, v));
}

static void put_userdata(struct encoder *x, int idx)
{
  const struct cid *link = lvalue_link(x->L, idx);
  if (link != NULL) {
    must(x, cbor_put_link(x->out, link));
    return;
  }
  struct span bytes = test_bytes(x->L, idx);
  if (bytes.p == NULL) {
    refuse(x, "this userdata is no value of the data model");
  }
  must(x, cbor_put_bytes(x->out, bytes.p, bytes.n));
}

/* Put the value on top; a table is opened and stays, all else is popped. */
static void put_top(struct encoder *x)
{
  lua_State *L = x->L;
  switch (lua_type(L, -1)) {
  case LUA_TTABLE:
    open_table(x);
    return;
  case LUA_TSTRING:
    put_text(x, -1);
    break;
  case LUA_TNUMBER:
    put_number(x, -1);
    break;
  case LUA_TBOOLEAN:
    must(x, cbor_put_bool(x->out, lua_toboolean(L, -1) != 0));
    break;
  case LUA_TUSERDATA:
    put_userdata(x, -1);
    break;
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, -1) != (const void *)&null_tag) {
      refuse(x, "this userdata is no value of the data model");
    }
    must(x, cbor_put_null(x->out));
    break;
  default:
    lua_pushfstring(L, "a %s is no value of the data model",
                    luaL_typename(L, -1));
    refuse(x, lua_tostring(L, -1));
  }
  lua_pop(L, 1);
}

/* Push the next value of the innermost level, or close it. */
static void next_value(struct encoder *x)
{
  lua_State *L = x->L;
  struct level *v = &x->level[x->depth - 1];
  if (v->at == v->count) {
    lua_settop(L, v->table - 1);
    x->depth--;
    return;
  }
  if (v->is_map) {
    struct span key = v->key[v->at++];
    must(x, cbor_put_text(x->out, (const char *)key.p, key.n));
    lua_pushlstring(L, (const char *)key.p, key.n);
    lua_rawget(L, v->table);
  } else {
    lua_rawgeti(L, v->table, (lua_Integer)++v->at);
  }
  put_top(x);
}

void lvalue_encode(lua_State *L, int idx, struct buf *out)
{
  struct encoder x;
  x.L = L;
  x.out = out;
  x.depth = 0;
  lutil_stack(L, 8);
  lua_pushvalue(L, idx);
  put_top(&x);
  while (x.depth > 0) {
    next_value(&x);
  }
}

/* ---- decode ---- */

struct opened {
  bool is_map;
  lua_Integer at;
  size_t left;
};

static void push_scalar(lua_State *L, const struct cbor_item *item)
{
  struct cid cid;
  switch (item->kind) {
  case CBOR_INT:
    lua_pushinteger(L, item->num);
    break;
  case CBOR_BYTES:
    lvalue_push_bytes(L, item->bytes.p, item->bytes.n);
    break;
  case CBOR_TEXT:
    lua_pushlstring(L, (const char *)item->bytes.p, item->bytes.n);
    break;
  case CBOR_LINK:
    cbor_item_cid(&cid, item);
    lvalue_push_link(L, &cid);
    break;
  case CBOR_BOOL:
    lua_pushboolean(L, item->num != 0);
    break;
  case CBOR_NULL:
    lua_pushlightuserdata(L, (void *)(uintptr_t)&null_tag);
    break;
  case CBOR_LIST:
  case CBOR_MAP:
  case CBOR_END:
  default:
    lua_pushnil(L); /* not reached: the caller takes these apart */
    break;
  }
}

static void open_container(lua_State *L, const struct cbor_item *item,
                           struct opened *o)
{
  /* Sizes come from checked bytes: no more than these can fill. */
  int n = item->count < 1024 ? (int)item->count : 1024;
  o->is_map = item->kind == CBOR_MAP;
  o->at = 0;
  o->left = item->count;
  lua_createtable(L, o->is_map ? 0 : n, o->is_map ? n : 0);
  if (o->is_map && n == 0) {
    luaL_setmetatable(L, MAP);
  }
}

void lvalue_push(lua_State *L, struct span bytes)
{
  struct cbor_reader r = cbor_reader_of(bytes);
  struct opened open[CBOR_DEPTH_MAX];
  struct cbor_item item;
  int depth = 0;
  lutil_stack(L, 2 * CBOR_DEPTH_MAX + 4);
  do {
    if (depth > 0 && open[depth - 1].left > 0 && open[depth - 1].is_map) {
      (void)cbor_next(&r, &item); /* the key */
      lua_pushlstring(L, (const char *)item.bytes.p, item.bytes.n);
    }
    if (depth == 0 || open[depth - 1].left > 0) {
      (void)cbor_next(&r, &item);
      if (item.kind == CBOR_LIST || item.kind == CBOR_MAP) {
        open_container(L, &item, &open[depth++]);
        continue;
      }
      push_scalar(L, &item);
    } else {
      depth--; /* the container on top is complete: a value itself */
    }
    if (depth > 0) {
      struct opened *o = &open[depth - 1];
      o->left--;
      if (o->is_map) {
        lua_rawset(L, -3);
      } else {
        lua_rawseti(L, -2, ++o->at);
      }
    }
  } while (depth > 0);
}

/* ---- functions of the module ---- */

static int value_encode(lua_State *L)
{
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  struct buf *out = lutil_buf(L);
  lvalue_encode(L, 1, out);
  lua_pushlstring(L, (const char *)out->p, out->n);
  buf_free(out);
  return 1;
}

static int value_decode(lua_State *L)
{
  struct span bytes = lutil_span(L, 1);
  struct err e;
  int rc = cbor_check(bytes.p, bytes.n, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lvalue_push(L, bytes);
  return 1;
}

static int value_link(lua_State *L)
{
  struct span text = lutil_span(L, 1);
  struct cid cid;
  struct err e;
  int rc = cid_parse(&cid, (const char *)text.p, text.n, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lvalue_push_link(L, &cid);
  return 1;
}

static int value_id(lua_State *L)
{
  static const char *const names[] = {"raw", "dag-cbor", "dag-pb", NULL};
  static const enum cid_codec codecs[] = {CID_RAW, CID_DAG_CBOR, CID_DAG_PB};
  struct span bytes = lutil_span(L, 1);
  enum cid_codec codec = codecs[luaL_checkoption(L, 2, "raw", names)];
  struct cid cid;
  if (cid_of(&cid, codec, bytes.p, bytes.n) < 0) {
    return luaL_error(L, "not enough memory");
  }
  lvalue_push_id(L, &cid);
  return 1;
}

static int value_bytes(lua_State *L)
{
  struct span s = lutil_span(L, 1);
  lvalue_push_bytes(L, s.p, s.n);
  return 1;
}

static int value_map(lua_State *L)
{
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_setmetatable(L, MAP);
  return 1;
}

void lvalue_open(lua_State *L)
{
  static const luaL_Reg link_meta[] = {
      {"__tostring", link_tostring}, {"__eq", link_eq}, {NULL, NULL}};
  static const luaL_Reg bytes_meta[] = {{"__tostring", bytes_tostring},
                                        {"__len", bytes_len},
                                        {"__eq", bytes_eq},
                                        {NULL, NULL}};
  static const luaL_Reg map_meta[] = {{NULL, NULL}};
  static const luaL_Reg functions[] = {{"encode", value_encode},
                                       {"decode", value_decode},
                                       {"link", value_link},
                                       {"id", value_id},
                                       {"bytes", value_bytes},
                                       {"map", value_map},
                                       {NULL, NULL}};
  lutil_class(L, LINK, link_meta, NULL);
  lutil_class(L, BYTES, bytes_meta, NULL);
  lutil_class(L, MAP, map_meta, NULL);
  lua_pop(L, 3);
  luaL_setfuncs(L, functions, 0);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&null_tag);
  lua_setfield(L, -2, "null");
}
