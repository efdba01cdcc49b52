/* SPDX-License-Identifier: 0BSD */
/* Methods of the station: quotas, vouching, why. */
#include "lua/lstation.h"
#include "lua/lvalue.h"

#include <string.h>

static const char *const limits[] = {"budget", "author", "collection", "way",
                                     NULL};

/* quotas(): what is set; quotas{...}: set these, the others stay. Sizes come
 * as integers (init.lua reads "10M"): 0 the default, -1 none. */
static int station_quota_table(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct quotas q = {0};
  struct err e;
  uint64_t used = 0;
  lua_settop(L, 2);
  bool any = lutil_options(L, 2, limits);
  int rc = station_quotas(lstation_core(L, s), &q, &used, &e);
  int64_t *field[] = {&q.budget, &q.author, &q.collection, &q.way};
  for (int i = 0; rc == 0 && any && limits[i] != NULL; i++) {
    *field[i] = lutil_opt_int(L, 2, limits[i], *field[i], -1, LUA_MAXINTEGER);
  }
  if (rc == 0 && any) {
    rc = station_set_quotas(lstation_core(L, s), &q, &e);
  }
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_createtable(L, 0, 5);
  for (int i = 0; limits[i] != NULL; i++) {
    lua_pushinteger(L, *field[i]);
    lua_setfield(L, -2, limits[i]);
  }
  lua_pushinteger(L, (lua_Integer)used);
  lua_setfield(L, -2, "used");
  return 1;
}

/* The author that the argument names: a did:key. People type and cut those: a
 * bad one is no misuse of ours. */
static int check_author(lua_State *L, uint8_t key[CRYPT_KEY_SIZE],
                        struct err *e)
{
  struct span text = lutil_span(L, 2);
  return did_parse(key, (const char *)text.p, text.n, e);
}

static int station_vouch_for(lua_State *L)
{
  uint8_t key[CRYPT_KEY_SIZE];
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  int rc = check_author(L, key, &e);
  if (rc == 0) {
    rc = station_vouch(lstation_core(L, s), key, "owner", &e);
  }
  lua_pushboolean(L, 1);
  return rc < 0 ? lutil_fail(L, rc, &e) : 1;
}

static int station_unvouch_for(lua_State *L)
{
  uint8_t key[CRYPT_KEY_SIZE];
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  int rc = check_author(L, key, &e);
  if (rc == 0) {
    rc = station_unvouch(lstation_core(L, s), key, &e);
  }
  lua_pushboolean(L, 1);
  return rc < 0 ? lutil_fail(L, rc, &e) : 1;
}

static int station_vouched_list(lua_State *L)
{
  char did[CRYPT_DID_MAX];
  struct lstation *s = lstation_check(L, 1);
  struct buf *keys = lutil_buf(L);
  struct err e;
  int rc = station_vouched(lstation_core(L, s), keys, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_newtable(L);
  for (size_t i = 0; i < keys->n / CRYPT_KEY_SIZE; i++) {
    did_text(did, keys->p + i * CRYPT_KEY_SIZE);
    lua_pushstring(L, did);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* ---- why ---- */

static void set_text(lua_State *L, const char *name, const char *text)
{
  if (text[0] != 0) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
  }
}

static void push_listing(lua_State *L, const struct why_listing *by)
{
  char did[CRYPT_DID_MAX];
  lua_createtable(L, 0, 7);
  lvalue_push_id(L, &by->parcel);
  lua_setfield(L, -2, "parcel");
  did_text(did, by->author);
  set_text(L, "author", did);
  set_text(L, "collection", by->collection);
  set_text(L, "vouched", by->vouched);
  set_text(L, "followed", by->followed);
  lua_pushinteger(L, by->time);
  lua_setfield(L, -2, "time");
  lua_pushboolean(L, by->own);
  lua_setfield(L, -2, "own");
}

static void set_ids(lua_State *L, const char *name, const struct cid *id,
                    size_t n)
{
  lua_createtable(L, (int)n, 0);
  for (size_t i = 0; i < n; i++) {
    lvalue_push_id(L, &id[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, name);
}

static int station_why_held(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct cid id = lutil_cid(L, 2);
  struct err e;
  lua_settop(L, 2);
  struct why *w = lua_newuserdatauv(L, sizeof *w, 0); /* large for a stack */
  int rc = station_why(lstation_core(L, s), &id, w, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_createtable(L, 0, 6);
  lua_pushboolean(L, w->here);
  lua_setfield(L, -2, "here");
  set_text(L, "kind", w->kind);
  set_text(L, "way", w->way);
  set_ids(L, "records", w->record, w->records);
  set_ids(L, "above", w->above, w->above_n);
  lua_createtable(L, (int)w->listings, 0);
  for (size_t i = 0; i < w->listings; i++) {
    push_listing(L, &w->by[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "listings");
  return 1;
}

void lquota_open(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"quotas", station_quota_table},  {"vouch", station_vouch_for},
      {"unvouch", station_unvouch_for}, {"vouched", station_vouched_list},
      {"why", station_why_held},        {NULL, NULL}};
  lutil_add(L, methods);
}
