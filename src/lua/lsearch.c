/* SPDX-License-Identifier: 0BSD */
/* Methods of the station: search, tally, suggest. */
#include "lua/lstation.h"
#include "lua/lvalue.h"
#include "station/document.h"

#include <limits.h>
#include <string.h>

/* ---- hits ---- */

static void push_why(lua_State *L, const struct search_why *w)
{
  const struct {
    const char *name;
    double value;
  } number[] = {{"beside", w->beside},
                {"newer", w->newer},
                {"held", w->held},
                {"labels", w->labels}};
  lua_createtable(L, (int)w->words, 4);
  for (size_t i = 0; i < w->words; i++) {
    lua_createtable(L, 0, 2);
    lua_pushlstring(L, (const char *)w->word[i].p, w->word[i].n);
    lua_setfield(L, -2, "word");
    lua_pushnumber(L, w->part[i]);
    lua_setfield(L, -2, "part");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
    lua_pushnumber(L, number[i].value);
    lua_setfield(L, -2, number[i].name);
  }
}

static int append_hit(lua_State *L)
{
  const struct search_hit *hit = lua_touserdata(L, 1);
  const struct entry *en = hit->entry;
  char did[CRYPT_DID_MAX];
  lua_createtable(L, 0, 10);
  lvalue_push_id(L, &en->cid);
  lua_setfield(L, -2, "id");
  lua_pushlstring(L, (const char *)hit->title.p, hit->title.n);
  lua_setfield(L, -2, "title");
  lua_pushlstring(L, (const char *)hit->snippet.p, hit->snippet.n);
  lua_setfield(L, -2, "snippet");
  lua_pushnumber(L, hit->score);
  lua_setfield(L, -2, "score");
  lua_pushlstring(L, (const char *)en->collection.p, en->collection.n);
  lua_setfield(L, -2, "collection");
  did_text(did, en->author);
  lua_pushstring(L, did);
  lua_setfield(L, -2, "author");
  lua_pushinteger(L, en->time);
  lua_setfield(L, -2, "time");
  lua_pushlstring(L, (const char *)en->record.type.p, en->record.type.n);
  lua_setfield(L, -2, "type");
  if (hit->lang.n > 0) {
    lua_pushlstring(L, (const char *)hit->lang.p, hit->lang.n);
    lua_setfield(L, -2, "lang");
  }
  if (hit->why != NULL) {
    push_why(L, hit->why);
    lua_setfield(L, -2, "why");
  }
  lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
  return 0;
}

static int collect_hit(void *ud, const struct search_hit *hit)
{
  return collect_one(ud, append_hit, hit);
}

/* ---- find ---- */

/* The keys of the authors in option "trust", in a userdata that is left on
 * the stack. */
static void read_trust(lua_State *L, struct search_query *q)
{
  size_t n;
  const struct span *did = lutil_opt_list(L, 3, "trust", &n);
  if (did == NULL || n == 0) {
    return;
  }
  uint8_t(*key)[CRYPT_KEY_SIZE] = lua_newuserdata(L, n * sizeof *key);
  for (size_t i = 0; i < n; i++) {
    if (did_parse(key[i], (const char *)did[i].p, did[i].n, NULL) < 0) {
      luaL_argerror(L, 3, "option 'trust' must be a list of did:key texts");
    }
  }
  q->trust = (const uint8_t(*)[CRYPT_KEY_SIZE])key;
  q->trusts = n;
}

static void read_marks(lua_State *L, struct search_query *q)
{
  static const char open[] = "\xc2\xab", close[] = "\xc2\xbb";
  size_t n;
  const struct span *mark = lutil_opt_list(L, 3, "mark", &n);
  if (mark != NULL && n != 2) {
    luaL_argerror(L, 3, "option 'mark' must hold two strings");
  }
  q->mark_open = mark != NULL ? mark[0] : span_of(open, sizeof open - 1);
  q->mark_close = mark != NULL ? mark[1] : span_of(close, sizeof close - 1);
}

/* What the search told, as fields of its list. A protected call: memory may
 * run out. */
static int put_report(lua_State *L)
{
  const struct search_report *r = lua_touserdata(L, 1);
  if (r->meant.n > 0) {
    lua_pushlstring(L, (const char *)r->meant.p, r->meant.n);
    lua_setfield(L, 2, "meant");
  }
  if (r->cursor.n > 0) {
    lua_pushlstring(L, (const char *)r->cursor.p, r->cursor.n);
    lua_setfield(L, 2, "next");
  }
  return 0;
}

static int station_find(lua_State *L)
{
  static const char *const known[] = {"collection", "type", "lang",  "limit",
                                      "offset",     "mark", "trust", "cursor",
                                      "explain",    NULL};
  struct lstation *s = lstation_check(L, 1);
  struct search_report report = {.meant = {0}};
  struct search_query q = {.text = lutil_span(L, 2), .report = &report};
  struct err e;
  lua_settop(L, 3);
  (void)lutil_options(L, 3, known);
  q.collection = lutil_opt_text(L, 3, "collection");
  q.type = lutil_opt_text(L, 3, "type");
  q.lang = lutil_opt_text(L, 3, "lang");
  q.limit = (size_t)lutil_opt_int(L, 3, "limit", 10, 0, STORE_LIST_MAX);
  q.offset = (size_t)lutil_opt_int(L, 3, "offset", 0, 0, INT_MAX);
  q.cursor = lutil_opt_text(L, 3, "cursor");
  q.explain = lutil_opt_bool(L, 3, "explain", false);
  read_trust(L, &q);
  read_marks(L, &q);
  struct collect c = collect_start(L, s);
  int rc = station_search(c.st, &q, collect_hit, &c, &e);
  if (rc >= 0 && !c.raised) {
    rc = collect_one(&c, put_report, &report);
  }
  search_report_free(&report);
  return collect_end(&c, rc, &e);
}

/* ---- suggest ---- */

static int append_text(lua_State *L)
{
  const struct span *text = lua_touserdata(L, 1);
  lua_pushlstring(L, (const char *)text->p, text->n);
  lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
  return 0;
}

static int collect_text(void *ud, struct span text)
{
  return collect_one(ud, append_text, &text);
}

static int station_suggestions(lua_State *L)
{
  static const char *const known[] = {"limit", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct span text = lutil_span(L, 2);
  struct err e;
  lua_settop(L, 3);
  (void)lutil_options(L, 3, known);
  lua_Integer limit = lutil_opt_int(L, 3, "limit", 10, 0, STORE_LIST_MAX);
  struct collect c = collect_start(L, s);
  int rc = station_suggest(c.st, text, (size_t)limit, collect_text, &c, &e);
  return collect_end(&c, rc, &e);
}

/* ---- tally ---- */

static const char *facet_name(enum facet_kind kind)
{
  switch (kind) {
  case FACET_AUTHOR:
    return "author";
  case FACET_COLLECTION:
    return "collection";
  case FACET_FILE:
    return "file";
  case FACET_LANG:
    return "lang";
  case FACET_TYPE:
    return "type";
  }
  return NULL;
}

/* Add ${n} to table[name][value]; "file" has no values. */
static void count_facet(lua_State *L, enum facet_kind kind, struct span value,
                        lua_Integer n)
{
  char did[CRYPT_DID_MAX];
  const char *name = facet_name(kind);
  if (name == NULL) {
    return;
  }
  if (kind == FACET_AUTHOR && value.n == CRYPT_KEY_SIZE) {
    did_text(did, value.p);
    value = span_of(did, strlen(did));
  }
  lua_getfield(L, 2, name);
  if (kind == FACET_FILE) {
    lua_pushinteger(L, luaL_optinteger(L, -1, 0) + n);
    lua_setfield(L, 2, name);
    lua_pop(L, 1);
    return;
  }
  lua_pushlstring(L, (const char *)value.p, value.n);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  lua_Integer had = luaL_optinteger(L, -1, 0);
  lua_pop(L, 1);
  lua_pushinteger(L, had + n);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

static uint64_t number(const uint8_t *p, int bytes)
{
  uint64_t v = 0;
  while (bytes-- > 0) {
    v = v << 8 | p[bytes];
  }
  return v;
}

/* table.year[year], for the years that have any. */
static void put_years(lua_State *L, const uint64_t year[SEARCH_YEARS])
{
  lua_getfield(L, 2, "year");
  for (int i = 0; i < SEARCH_YEARS; i++) {
    if (year[i] > 0) {
      lua_pushfstring(L, "%d", 1970 + i);
      lua_pushinteger(L, (lua_Integer)year[i]);
      lua_rawset(L, -3);
    }
  }
  lua_pop(L, 1);
}

static int put_tally(lua_State *L)
{
  static const char *const table[] = {"author", "collection", "lang", "type",
                                      "year"};
  const struct search_tally *t = lua_touserdata(L, 1);
  lua_pushinteger(L, (lua_Integer)t->total);
  lua_setfield(L, 2, "total");
  lua_pushinteger(L, 0);
  lua_setfield(L, 2, "file");
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    lua_newtable(L);
    lua_setfield(L, 2, table[i]);
  }
  put_years(L, t->year);
  for (size_t at = 0; at + 12 <= t->sets.n;) {
    uint64_t n = number(t->sets.p + at, 8);
    size_t len = (size_t)number(t->sets.p + at + 8, 4), next = 0;
    struct span facets = span_of(t->sets.p + at + 12, len), value;
    enum facet_kind kind;
    while (facet_next(facets, &next, &kind, &value)) {
      count_facet(L, kind, value, (lua_Integer)n);
    }
    at += 12 + len;
  }
  return 0;
}

static int station_tallied(lua_State *L)
{
  static const char *const known[] = {"collection", "type", NULL};
  struct lstation *s = lstation_check(L, 1);
  struct search_query q = {.text = lutil_span(L, 2)};
  struct search_tally t = {.total = 0};
  struct err e;
  lua_settop(L, 3);
  (void)lutil_options(L, 3, known);
  q.collection = lutil_opt_text(L, 3, "collection");
  q.type = lutil_opt_text(L, 3, "type");
  struct collect c = collect_start(L, s);
  int rc = station_tally(c.st, &q, &t, &e);
  if (rc >= 0) {
    rc = collect_one(&c, put_tally, &t);
  }
  buf_free(&t.sets);
  return collect_end(&c, rc, &e);
}

void lsearch_open(lua_State *L)
{
  static const luaL_Reg methods[] = {{"find", station_find},
                                     {"suggest", station_suggestions},
                                     {"tally", station_tallied},
                                     {NULL, NULL}};
  lutil_add(L, methods);
}
