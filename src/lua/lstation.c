/* SPDX-License-Identifier: 0BSD */
#include "lua/lstation.h"

#include "base/limits.h"
#include "form/cbor.h"
#include "lua/lvalue.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILES_ALL LUA_MAXINTEGER

static int64_t told_time(void *ud)
{
  return ((const struct lstation *)ud)->now;
}

void lstation_tick(lua_State *L, int arg)
{
  struct lstation *s = lua_touserdata(L, arg);
  int ok;
  lutil_get_own(L, arg);
  lua_getfield(L, -1, "clock");
  if (lua_isnil(L, -1)) {
    s->now = (int64_t)time(NULL);
  } else {
    lua_call(L, 0, 1);
    s->now = lua_tointegerx(L, -1, &ok);
    if (!ok) {
      luaL_error(L, "the clock must return an integer");
    }
  }
  lua_pop(L, 2);
}

struct lstation *lstation_check(lua_State *L, int arg)
{
  struct lstation *s = luaL_checkudata(L, arg, STATION);
  if (s->st == NULL) {
    luaL_error(L, "attempt to use a closed station");
  }
  lstation_tick(L, arg);
  if (s->st == NULL) {
    luaL_error(L, "the clock closed the station");
  }
  return s;
}

struct station *lstation_core(lua_State *L, const struct lstation *s)
{
  if (s->st == NULL) {
    luaL_error(L, "attempt to use a closed station");
  }
  return s->st;
}

/* ---- life ---- */

static const char *const open_options[] = {
    "create", "readonly", "key", "passphrase", "clock", "index", NULL};

static void read_open_options(lua_State *L, struct station_options *opt)
{
  struct span index = lutil_opt_text(L, 2, "index");
  struct span key = lutil_opt_text(L, 2, "key");
  struct span pass = lutil_opt_text(L, 2, "passphrase");
  opt->create = lutil_opt_bool(L, 2, "create", true);
  opt->readonly = lutil_opt_bool(L, 2, "readonly", false);
  opt->key = (const char *)key.p;
  opt->pass = (const char *)pass.p;
  if (index.p != NULL && !span_is(index, "now") && !span_is(index, "later")) {
    luaL_argerror(L, 2, "option 'index' must be \"now\" or \"later\"");
  }
  opt->index_later = index.p != NULL && span_is(index, "later");
  if ((key.p != NULL && strlen(opt->key) != key.n) ||
      (pass.p != NULL && strlen(opt->pass) != pass.n)) {
    luaL_argerror(L, 2, "key and passphrase hold no zero byte");
  }
}

static int station_make(lua_State *L)
{
  const char *path = lutil_path(L, 1);
  struct station_options opt = {.create = true};
  struct err e;
  lua_settop(L, 2);
  if (lutil_options(L, 2, open_options)) {
    read_open_options(L, &opt);
  }
  struct lstation *s = lua_newuserdatauv(L, sizeof *s, 1);
  int at = lua_gettop(L);
  memset(s, 0, sizeof *s);
  luaL_setmetatable(L, STATION);
  lua_createtable(L, 0, 2);
  lua_newtable(L);
  lua_setfield(L, -2, "hooks");
  if (!lua_isnil(L, 2)) {
    lua_pushliteral(L, "clock");
    lua_rawget(L, 2);
    if (!lua_isnil(L, -1) && !lua_isfunction(L, -1)) {
      return luaL_argerror(L, 2, "option 'clock' must be a function");
    }
    lua_setfield(L, -2, "clock");
  }
  lutil_set_own(L, at);
  lstation_tick(L, at);
  opt.host.now = told_time;
  opt.host.ud = s;
  int rc = station_open(&s->st, path, &opt, &e);
  return rc < 0 ? lutil_fail(L, rc, &e) : 1;
}

static int station_shut(lua_State *L)
{
  struct lstation *s = luaL_checkudata(L, 1, STATION);
  struct station *st = s->st;
  s->st = NULL;
  station_close(st);
  return 0;
}

static int station_tostring(lua_State *L)
{
  struct lstation *s = luaL_checkudata(L, 1, STATION);
  if (s->st == NULL) {
    lua_pushliteral(L, STATION " (closed)");
  } else {
    lua_pushfstring(L, STATION " (%s)", station_path(s->st));
  }
  return 1;
}

static int station_id(lua_State *L)
{
  lua_pushstring(L, station_did(lstation_check(L, 1)->st));
  return 1;
}

static int station_where(lua_State *L)
{
  lua_pushstring(L, station_path(lstation_check(L, 1)->st));
  return 1;
}

/* ---- entries ---- */

void lstation_push_entry(lua_State *L, const struct entry *en)
{
  char did[CRYPT_DID_MAX];
  lua_createtable(L, 0, 6);
  lvalue_push_id(L, &en->cid);
  lua_setfield(L, -2, "id");
  lvalue_push(L, buf_span(&en->block));
  lua_setfield(L, -2, "record");
  lua_pushlstring(L, (const char *)en->collection.p, en->collection.n);
  lua_setfield(L, -2, "collection");
  did_text(did, en->author);
  lua_pushstring(L, did);
  lua_setfield(L, -2, "author");
  lua_pushinteger(L, en->time);
  lua_setfield(L, -2, "time");
  lvalue_push_id(L, &en->parcel);
  lua_setfield(L, -2, "parcel");
}

static int push_entry_protected(lua_State *L)
{
  const struct entry *en = lua_touserdata(L, 1);
  lstation_push_entry(L, en);
  lua_setfield(L, 2, "entry");
  return 0;
}

/* Run a core call that fills an entry, push it. ${rc} is the call's. */
static int give_entry(lua_State *L, int rc, struct entry *en, struct err *e)
{
  if (rc < 0) {
    return lutil_fail(L, rc, e);
  }
  /* The carrier was made before the entry: nothing is lost if this raises. */
  rc = lutil_protect(L, push_entry_protected, en, lua_gettop(L));
  entry_free(en);
  if (rc < 0) {
    return lua_error(L);
  }
  lua_getfield(L, -1, "entry");
  return 1;
}

static int station_get_entry(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct cid cid = lutil_cid(L, 2);
  struct entry en = {0};
  struct err e;
  lutil_stack(L, 10);
  lua_newtable(L);
  int rc = station_get(lstation_core(L, s), &cid, &en, &e);
  return give_entry(L, rc, &en, &e);
}

int collect_one(struct collect *c, lua_CFunction append, const void *thing)
{
  union {
    const void *in;
    void *out;
  } lend = {.in = thing};
  c->raised = lutil_protect(c->L, append, lend.out, c->table) < 0;
  return c->raised ? ERR_MISUSE : 0;
}

static int append_entry(lua_State *L)
{
  lstation_push_entry(L, lua_touserdata(L, 1));
  lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
  return 0;
}

static int collect_entry(void *ud, const struct entry *en)
{
  struct collect *c = ud;
  int rc = collect_one(c, append_entry, en);
  return rc < 0 ? rc : --c->left <= 0;
}

/* The bound of a list that the options at ${arg} give, or none. */
static lua_Integer limit_arg(lua_State *L, int arg)
{
  static const char *const known[] = {"limit", NULL};
  (void)lutil_options(L, arg, known);
  return lutil_opt_int(L, arg, "limit", LUA_MAXINTEGER, 1, LUA_MAXINTEGER);
}

struct collect collect_start(lua_State *L, const struct lstation *s)
{
  struct collect c = {.L = L, .left = LUA_MAXINTEGER};
  lutil_stack(L, 12);
  lua_newtable(L);
  c.table = lua_gettop(L);
  c.st = lstation_core(L, s);
  c.was = lutil_pause(L);
  return c;
}

int collect_end(struct collect *c, int rc, const struct err *e)
{
  lutil_resume(c->L, c->was);
  if (c->raised) {
    return lua_error(c->L);
  }
  if (rc < 0) {
    return lutil_fail(c->L, rc, e);
  }
  lua_settop(c->L, c->table);
  return 1;
}

static void author_arg(lua_State *L, int arg, uint8_t key[CRYPT_KEY_SIZE],
                       const struct station *st)
{
  struct err e;
  struct span did = lua_isnoneornil(L, arg)
                        ? span_of(station_did(st), strlen(station_did(st)))
                        : lutil_span(L, arg);
  if (did_parse(key, (const char *)did.p, did.n, &e) < 0) {
    luaL_argerror(L, arg, e.text);
  }
}

static int first_entry(void *ud, const struct entry *en)
{
  int rc = collect_entry(ud, en);
  return rc < 0 ? rc : 1;
}

static int station_current(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  uint8_t author[CRYPT_KEY_SIZE];
  struct err e;
  struct version_query q = {lutil_span(L, 2), lutil_span(L, 3), author};
  author_arg(L, 4, author, lstation_core(L, s));
  struct collect c = collect_start(L, s);
  int rc = station_versions(c.st, &q, first_entry, &c, &e);
  if (rc >= 0 && !c.raised && lua_rawlen(L, c.table) == 0) {
    rc = err_set(&e, ERR_NOENT, "no record with this key");
  }
  if (collect_end(&c, rc, &e) != 1) {
    return 3;
  }
  lua_rawgeti(L, c.table, 1);
  return 1;
}

static int station_history(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct cid cid = lutil_cid(L, 2);
  lua_Integer limit = limit_arg(L, 3);
  struct entry en = {0};
  struct err e;
  struct collect c = collect_start(L, s);
  c.left = limit;
  int rc = station_get(c.st, &cid, &en, &e);
  if (rc == 0 && en.record.key.n == 0) {
    rc = collect_entry(&c, &en);
  } else if (rc == 0) {
    struct version_query q = {buf_span(&en.collection), en.record.key,
                              en.author};
    rc = station_versions(c.st, &q, collect_entry, &c, &e);
  }
  entry_free(&en);
  return collect_end(&c, rc, &e);
}

static int station_about_list(lua_State *L)
{
  static const char *const known[] = {"author", "limit", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct cid cid = lutil_cid(L, 2);
  struct err e;
  (void)lutil_options(L, 3, known);
  lua_Integer limit =
      lutil_opt_int(L, 3, "limit", LUA_MAXINTEGER, 1, LUA_MAXINTEGER);
  struct span did = lutil_opt_text(L, 3, "author");
  uint8_t author[CRYPT_KEY_SIZE];
  if (did.p != NULL && did_parse(author, (const char *)did.p, did.n, &e) < 0) {
    return luaL_argerror(L, 3, e.text);
  }
  struct collect c = collect_start(L, s);
  c.left = limit;
  int rc = did.p == NULL
               ? station_about(c.st, &cid, collect_entry, &c, &e)
               : station_about_by(c.st, &cid, author, collect_entry, &c, &e);
  return collect_end(&c, rc, &e);
}

/* 16 hex digits; false for other characters. */
static bool read_hex(const uint8_t *p, uint64_t *out)
{
  uint64_t v = 0;
  for (int i = 0; i < 16; i++) {
    bool digit = p[i] >= '0' && p[i] <= '9';
    if (!digit && (p[i] < 'a' || p[i] > 'f')) {
      return false;
    }
    v = v << 4 | (uint64_t)(digit ? p[i] - '0' : p[i] - 'a' + 10);
  }
  *out = v;
  return true;
}

/* A cursor is the place of the last row, as 32 hex digits. */
static void read_cursor(lua_State *L, struct span text, struct page *page)
{
  uint64_t sort = 0;
  if (text.p == NULL) {
    return;
  }
  if (text.n != 32 || !read_hex(text.p, &sort) ||
      !read_hex(text.p + 16, &page->ref)) {
    luaL_argerror(L, 3, "option 'cursor' is none that page() gave");
  }
  page->started = true;
  page->sort = (int64_t)sort;
}

static int station_page_list(lua_State *L)
{
  static const char *const known[] = {"limit", "cursor", "history", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct page_query q = {.collection = lutil_span(L, 2)};
  struct page page = {0};
  struct err e;
  (void)lutil_options(L, 3, known);
  q.max = (size_t)lutil_opt_int(L, 3, "limit", 50, 1, STORE_LIST_MAX);
  q.history = lutil_opt_bool(L, 3, "history", false);
  read_cursor(L, lutil_opt_text(L, 3, "cursor"), &page);
  struct collect c = collect_start(L, s);
  int rc = station_page(c.st, &q, &page, collect_entry, &c, &e);
  if (collect_end(&c, rc, &e) != 1) {
    return 3;
  }
  if (page.ended) {
    lua_pushnil(L);
  } else {
    char text[40];
    (void)snprintf(text, sizeof text, "%016llx%016llx",
                   (unsigned long long)page.sort, (unsigned long long)page.ref);
    lua_pushstring(L, text);
  }
  return 2;
}

static int station_collection_list(lua_State *L)
{
  static const char *const known[] = {"after", "limit", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  lua_settop(L, 2);
  (void)lutil_options(L, 2, known);
  struct span after = lutil_opt_text(L, 2, "after");
  lua_Integer max =
      lutil_opt_int(L, 2, "limit", LUA_MAXINTEGER, 1, LUA_MAXINTEGER);
  struct buf *names = lutil_buf(L);
  int rc =
      station_collections(lstation_core(L, s), after, (size_t)max, names, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_newtable(L);
  lua_Integer n = 0;
  for (size_t at = 0; at < names->n;) {
    const char *name = (const char *)names->p + at;
    uint64_t parcels = 0;
    rc = station_collection_count(lstation_core(L, s),
                                  span_of(name, strlen(name)), &parcels, &e);
    if (rc < 0) {
      return lutil_fail(L, rc, &e);
    }
    lua_createtable(L, 0, 2);
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    lua_pushinteger(L, (lua_Integer)parcels);
    lua_setfield(L, -2, "parcels");
    lua_rawseti(L, -2, ++n);
    at += strlen(name) + 1;
  }
  return 1;
}

struct missing_place {
  struct collect c;
  lua_Integer limit;
  const struct cid *cid, *wanted_by;
  const char *kind;
};

static int append_missing(lua_State *L)
{
  const struct missing_place *m = lua_touserdata(L, 1);
  lua_createtable(L, 0, 3);
  lvalue_push_id(L, m->cid);
  lua_setfield(L, -2, "id");
  lua_pushstring(L, m->kind);
  lua_setfield(L, -2, "kind");
  lvalue_push_id(L, m->wanted_by);
  lua_setfield(L, -2, "for");
  lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
  return 0;
}

static int collect_missing(void *ud, const struct cid *cid, const char *kind,
                           const struct cid *wanted_by)
{
  struct missing_place *m = ud;
  m->cid = cid;
  m->kind = kind;
  m->wanted_by = wanted_by;
  int rc = collect_one(&m->c, append_missing, m);
  return rc < 0 ? rc : --m->limit <= 0;
}

static int station_missing_list(lua_State *L)
{
  static const char *const known[] = {"limit", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct missing_place m = {0};
  struct err e;
  (void)lutil_options(L, 2, known);
  m.limit = lutil_opt_int(L, 2, "limit", 1000, 1, LUA_MAXINTEGER);
  m.c = collect_start(L, s);
  int rc = station_missing(m.c.st, collect_missing, &m, &e);
  return collect_end(&m.c, rc, &e);
}

/* ---- follow ---- */

static int done(lua_State *L, int rc, const struct err *e)
{
  if (rc < 0) {
    return lutil_fail(L, rc, e);
  }
  lua_pushboolean(L, 1);
  return 1;
}

static int station_follow_one(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct span pattern = lutil_span(L, 2);
  lua_Integer files = luaL_optinteger(L, 3, FILES_ALL);
  struct err e;
  luaL_argcheck(L, files >= 0, 3, "a size can't be negative");
  return done(L, station_follow(lstation_core(L, s), pattern, files, &e), &e);
}

static int station_unfollow_one(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  struct span pattern = lutil_span(L, 2);
  return done(L, station_unfollow(lstation_core(L, s), pattern, &e), &e);
}

static int station_follow_list(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  struct buf *list = lutil_buf(L);
  int rc = station_follows(lstation_core(L, s), list, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_newtable(L);
  lua_Integer n = 0;
  for (size_t at = 0; at < list->n;) {
    const char *pattern = (const char *)list->p + at;
    const char *size = pattern + strlen(pattern) + 1;
    lua_createtable(L, 0, 2);
    lua_pushstring(L, pattern);
    lua_setfield(L, -2, "pattern");
    lua_pushinteger(L, (lua_Integer)strtoll(size, NULL, 10));
    lua_setfield(L, -2, "files");
    lua_rawseti(L, -2, ++n);
    at = (size_t)(size - (const char *)list->p) + strlen(size) + 1;
  }
  return 1;
}

/* ---- files and carry ---- */

static int station_add_file(lua_State *L)
{
  static const char *const known[] = {"cut", "type", NULL};
  struct lstation *s = lstation_check(L, 1);
  const char *path = lutil_path(L, 2);
  struct err e;
  lua_settop(L, 3);
  (void)lutil_options(L, 3, known);
  struct span cut = lutil_opt_text(L, 3, "cut");
  if (cut.p != NULL && !span_is(cut, "fixed") && !span_is(cut, "content")) {
    return luaL_argerror(L, 3, "option 'cut' must be \"fixed\" or \"content\"");
  }
  enum file_cut how = cut.p != NULL && span_is(cut, "content")
                          ? FILE_CUT_CONTENT
                          : FILE_CUT_FIXED;
  struct ljob *j = ljob_new(L, 1, NULL);
  struct station *st = lstation_core(L, s);
  return lstation_give_job(L, files_add(&j->job, st, path, how, &e), &e);
}

static int station_export_file(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct cid cid = lutil_cid(L, 2);
  const char *dir = lutil_path(L, 3);
  struct span name = lutil_span(L, 4);
  struct err e;
  struct ljob *j = ljob_new(L, 1, NULL);
  struct station *st = lstation_core(L, s);
  return lstation_give_job(L, files_export(&j->job, st, &cid, dir, name, &e),
                           &e);
}

static int station_give_block(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct cid cid = lutil_cid(L, 2);
  struct err e;
  struct buf *out = lutil_buf(L);
  int rc = station_block(lstation_core(L, s), &cid, out, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushlstring(L, (const char *)out->p, out->n);
  buf_free(out); /* two megabytes needn't wait for the collector */
  return 1;
}

void lstation_hook(lua_State *L, int arg, const char *name)
{
  lutil_get_own(L, arg);
  lua_getfield(L, -1, "hooks");
  lua_getfield(L, -1, name);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* All hooks are replaced, or none when memory runs out on the way. */
static int station_set_hooks(lua_State *L)
{
  static const char *const known[] = {"admit", "serve", "order", NULL};
  struct lstation *s = lstation_check(L, 1);
  bool asks = false;
  lua_settop(L, 2);
  (void)lutil_options(L, 2, known);
  lua_createtable(L, 0, 3);
  for (int i = 0; known[i] != NULL && !lua_isnil(L, 2); i++) {
    lua_pushstring(L, known[i]);
    lua_rawget(L, 2);
    if (!lua_isnil(L, -1) && !lua_isfunction(L, -1)) {
      return luaL_argerror(
          L, 2, lua_pushfstring(L, "option '%s' must be a function", known[i]));
    }
    asks = asks || (i == 0 && !lua_isnil(L, -1));
    lua_setfield(L, 3, known[i]);
  }
  lutil_get_own(L, 1);
  lua_insert(L, 3);
  lua_setfield(L, 3, "hooks");
  station_set_policy(lstation_core(L, s), asks);
  return 0;
}

static int station_rebuild_all(lua_State *L)
{
  static const char *const known[] = {"refused", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  uint64_t n;
  lua_settop(L, 2);
  (void)lutil_options(L, 2, known);
  if (lutil_opt_bool(L, 2, "refused", false)) {
    int rc = station_forget_refusals(lstation_core(L, s), &n, &e);
    if (rc < 0) {
      return lutil_fail(L, rc, &e);
    }
  }
  struct ljob *j = ljob_new(L, 1, NULL);
  return lstation_give_job(L, station_rebuild(&j->job, lstation_core(L, s), &e),
                           &e);
}

static int station_index_rest(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  struct ljob *j = ljob_new(L, 1, NULL);
  return lstation_give_job(L, station_index(&j->job, lstation_core(L, s), &e),
                           &e);
}

static int station_verify_all(lua_State *L)
{
  static const char *const known[] = {"read_data", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  lua_settop(L, 2);
  (void)lutil_options(L, 2, known);
  bool read = lutil_opt_bool(L, 2, "read_data", false);
  struct ljob *j = ljob_new(L, 1, NULL);
  return lstation_give_job(
      L, station_verify(&j->job, lstation_core(L, s), read, &e), &e);
}

static int station_scrub_share(lua_State *L)
{
  static const char *const known[] = {"share", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  lua_settop(L, 2);
  (void)lutil_options(L, 2, known);
  lua_Integer share = lutil_opt_int(L, 2, "share", 8, 1, 1000);
  struct ljob *j = ljob_new(L, 1, NULL);
  return lstation_give_job(
      L, station_scrub(&j->job, lstation_core(L, s), (uint32_t)share, &e), &e);
}

static int station_sweep_all(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct err e;
  struct ljob *j = ljob_new(L, 1, NULL);
  return lstation_give_job(L, station_sweep(&j->job, lstation_core(L, s), &e),
                           &e);
}

static int station_salvage_from(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  uint64_t saved = 0, lost = 0;
  struct err e;
  const char *path = lutil_path(L, 2);
  int rc = station_salvage(lstation_core(L, s), path, &saved, &lost, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, (lua_Integer)saved);
  lua_setfield(L, -2, "saved");
  lua_pushinteger(L, (lua_Integer)lost);
  lua_setfield(L, -2, "lost");
  return 1;
}

static void set_number(lua_State *L, const char *name, uint64_t v)
{
  lua_pushinteger(L, (lua_Integer)v);
  lua_setfield(L, -2, name);
}

static int station_sums(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  struct station_stats n;
  struct err e;
  int rc = station_stats(s->st, &n, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_createtable(L, 0, 10);
  set_number(L, "blocks", n.store.blocks);
  set_number(L, "bytes", n.store.block_bytes);
  set_number(L, "file_blocks", n.store.file_blocks);
  set_number(L, "file_bytes", n.store.file_bytes);
  set_number(L, "disk", n.store.disk_bytes);
  set_number(L, "documents", n.store.documents);
  set_number(L, "collections", n.collections);
  set_number(L, "parcels", n.parcels);
  set_number(L, "held", n.held);
  lua_pushboolean(L, n.unindexed);
  lua_setfield(L, -2, "unindexed");
  return 1;
}

static int station_state(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  uint64_t version = 0;
  struct err e;
  int rc = station_version(lstation_core(L, s), &version, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushinteger(L, (lua_Integer)version);
  return 1;
}

static int station_digest_hex(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  uint8_t digest[32];
  char hex[65];
  struct err e;
  int rc = station_digest(s->st, digest, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  for (int i = 0; i < 32; i++) {
    (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  }
  lua_pushlstring(L, hex, 64);
  return 1;
}

void lstation_open(lua_State *L)
{
  static const luaL_Reg meta[] = {{"__gc", station_shut},
                                  {"__close", station_shut},
                                  {"__tostring", station_tostring},
                                  {NULL, NULL}};
  static const luaL_Reg methods[] = {{"close", station_shut},
                                     {"id", station_id},
                                     {"path", station_where},
                                     {"publisher", lpublisher_make},
                                     {"get", station_get_entry},
                                     {"current", station_current},
                                     {"history", station_history},
                                     {"about", station_about_list},
                                     {"page", station_page_list},
                                     {"collections", station_collection_list},
                                     {"missing", station_missing_list},
                                     {"follow", station_follow_one},
                                     {"unfollow", station_unfollow_one},
                                     {"follows", station_follow_list},
                                     {"add_file", station_add_file},
                                     {"export_file", station_export_file},
                                     {"reader", lreader_make},
                                     {"block", station_give_block},
                                     {"policy", station_set_hooks},
                                     {"session", lsession_make},
                                     {"rebuild", station_rebuild_all},
                                     {"index", station_index_rest},
                                     {"verify", station_verify_all},
                                     {"scrub", station_scrub_share},
                                     {"sweep", station_sweep_all},
                                     {"salvage", station_salvage_from},
                                     {"stats", station_sums},
                                     {"version", station_state},
                                     {"digest", station_digest_hex},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {{"open", station_make}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  lutil_class(L, STATION, meta, methods);
}
