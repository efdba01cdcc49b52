/* SPDX-License-Identifier: 0BSD */
/* Carrying: slips and their QR codes, what their authors lack, carry files. */
#include "form/qr.h"
#include "lua/lstation.h"

#include <string.h>

static struct slip_options slip_options(lua_State *L, int at)
{
  static const char *const known[] = {"budget", "files", "expect",
                                      "exact",  "max",   NULL};
  struct slip_options opt;
  (void)lutil_options(L, at, known);
  opt.budget = lutil_opt_int(L, at, "budget", 0, 0, CBOR_INT_MAX);
  opt.files = lutil_opt_int(L, at, "files", -1, 0, LUA_MAXINTEGER);
  opt.expect = (uint64_t)lutil_opt_int(L, at, "expect", 0, 0, LUA_MAXINTEGER);
  opt.exact = lutil_opt_bool(L, at, "exact", false);
  opt.max = (size_t)lutil_opt_int(L, at, "max", 0, 0, SLIP_SIZE_MAX);
  return opt;
}

static void push_slip(lua_State *L, const struct slip_report *r)
{
  const struct {
    const char *name;
    uint64_t value;
  } row[] = {{"bytes", r->bytes},
             {"wishes", r->wishes},
             {"parcels", r->parcels},
             {"sketches", r->sketches},
             {"left_out", r->left_out}};
  lua_createtable(L, 0, 5);
  for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
    lua_pushinteger(L, (lua_Integer)row[i].value);
    lua_setfield(L, -2, row[i].name);
  }
}

static int station_write_slip(lua_State *L)
{
  struct lstation *s = lstation_check(L, 1);
  const char *path = lutil_path(L, 2);
  struct slip_report r;
  struct err e;
  lua_settop(L, 3);
  struct slip_options opt = slip_options(L, 3);
  int rc = station_slip(lstation_core(L, s), path, &opt, &r, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  push_slip(L, &r);
  return 1;
}

typedef int slip_writer_of(struct station *st, const struct slip_options *opt,
                           struct buf *text, struct slip_report *out,
                           struct err *e);

static int give_slip_text(lua_State *L, slip_writer_of *write)
{
  struct lstation *s = lstation_check(L, 1);
  struct slip_report r;
  struct err e;
  lua_settop(L, 2);
  struct slip_options opt = slip_options(L, 2);
  struct buf *text = lutil_buf(L);
  int rc = write(lstation_core(L, s), &opt, text, &r, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushlstring(L, (const char *)text->p, text->n);
  push_slip(L, &r);
  return 2;
}

static int station_text_slip(lua_State *L)
{
  return give_slip_text(L, station_slip_text);
}

static int station_short_slip(lua_State *L)
{
  return give_slip_text(L, station_slip_short);
}

static int station_lacks_of(lua_State *L)
{
  static const char *const known[] = {"collections", NULL};
  struct lstation *s = lstation_check(L, 1);
  const char *slip = lutil_path(L, 2);
  struct lacks_options opt = {0};
  struct err e;
  lua_settop(L, 3);
  (void)lutil_options(L, 3, known);
  opt.pattern = lutil_opt_list(L, 3, "collections", &opt.patterns);
  struct ljob *j = ljob_new(L, 1, NULL);
  struct station *st = lstation_core(L, s);
  return lstation_give_job(L, station_lacks(&j->job, st, slip, &opt, &e), &e);
}

static int station_pack_file(lua_State *L)
{
  static const char *const known[] = {
      "slip", "collections", "budget", "files", "compress", "level", NULL};
  struct lstation *s = lstation_check(L, 1);
  const char *path = lutil_path(L, 2);
  struct pack_options opt = {0};
  struct err e;
  lua_settop(L, 3);
  (void)lutil_options(L, 3, known);
  struct span slip = lutil_opt_text(L, 3, "slip");
  size_t n = strlen(path);
  opt.slip = (const char *)slip.p;
  opt.budget = lutil_opt_int(L, 3, "budget", 0, 0, LUA_MAXINTEGER);
  opt.files = lutil_opt_int(L, 3, "files", -1, 0, LUA_MAXINTEGER);
  opt.compress = lutil_opt_bool(L, 3, "compress",
                                n > 4 && strcmp(path + n - 4, ".zst") == 0);
  opt.level = (int)lutil_opt_int(L, 3, "level", 5, 1, 19);
  opt.pattern = lutil_opt_list(L, 3, "collections", &opt.patterns);
  struct ljob *j = ljob_new(L, 1, NULL);
  struct station *st = lstation_core(L, s);
  return lstation_give_job(L, station_pack(&j->job, st, path, &opt, &e), &e);
}

static int station_unpack_file(lua_State *L)
{
  static const char *const known[] = {"collections", "keep", "way", NULL};
  struct lstation *s = lstation_check(L, 1);
  const char *path = lutil_path(L, 2);
  struct unpack_options opt = {0};
  struct err e;
  lua_settop(L, 3);
  (void)lutil_options(L, 3, known);
  opt.keep = lutil_opt_bool(L, 3, "keep", false);
  opt.pattern = lutil_opt_list(L, 3, "collections", &opt.patterns);
  opt.way = (const char *)lutil_opt_text(L, 3, "way").p;
  struct ljob *j = ljob_new(L, 1, path);
  struct station *st = lstation_core(L, s);
  return lstation_give_job(L, station_unpack(&j->job, st, path, &opt, &e), &e);
}

/* ---- a slip that somebody brought ---- */

static int push_brought(lua_State *L, const struct slip_told *t)
{
  lua_createtable(L, 0, 7);
  lua_pushstring(L, t->station);
  lua_setfield(L, -2, "station");
  lua_pushboolean(L, t->shorts);
  lua_setfield(L, -2, "short");
  lua_pushinteger(L, (lua_Integer)t->wishes);
  lua_setfield(L, -2, "wishes");
  lua_pushinteger(L, (lua_Integer)t->sketches);
  lua_setfield(L, -2, "sketches");
  if (!t->shorts) {
    lua_pushinteger(L, (lua_Integer)t->time);
    lua_setfield(L, -2, "time");
    lua_pushinteger(L, (lua_Integer)t->budget);
    lua_setfield(L, -2, "budget");
  }
  return 1;
}

static int read_slip(lua_State *L)
{
  const char *path = lutil_path(L, 1);
  struct slip_told told;
  struct err e;
  int rc = station_read_slip(&told, path, &e);
  return rc < 0 ? lutil_fail(L, rc, &e) : push_brought(L, &told);
}

static int free_space(lua_State *L)
{
  const char *path = lutil_path(L, 1);
  uint64_t bytes = 0;
  struct err e;
  int rc = station_space(path, &bytes, &e);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushinteger(L,
                  bytes > LUA_MAXINTEGER ? LUA_MAXINTEGER : (lua_Integer)bytes);
  return 1;
}

/* ---- QR codes ---- */

static int draw(struct buf *out, const struct qr *q, const char *form,
                struct err *e)
{
  if (strcmp(form, "png") == 0) {
    return qr_png(out, q, e);
  }
  int rc = strcmp(form, "svg") == 0 ? qr_svg(out, q) : qr_terminal(out, q);
  return rc < 0 ? err_set(e, rc, "not enough memory") : 0;
}

static int make_qr(lua_State *L)
{
  static const char *const forms[] = {"terminal", "svg", "png", NULL};
  struct span text = lutil_span(L, 1);
  const char *form = forms[luaL_checkoption(L, 2, "terminal", forms)];
  struct buf *out = lutil_buf(L);
  struct qr q = {0};
  struct err e;
  int rc = qr_make(&q, text, &e);
  if (rc == 0) {
    rc = draw(out, &q, form, &e);
  }
  qr_free(&q);
  if (rc < 0) {
    return lutil_fail(L, rc, &e);
  }
  lua_pushlstring(L, (const char *)out->p, out->n);
  return 1;
}

static int room_of_qr(lua_State *L)
{
  lua_Integer columns = luaL_checkinteger(L, 1);
  size_t wide = columns > 0 ? (size_t)columns : 0;
  lua_pushinteger(L, (lua_Integer)qr_room(wide));
  return 1;
}

void lcarry_open(lua_State *L)
{
  static const luaL_Reg methods[] = {{"slip", station_write_slip},
                                     {"slip_text", station_text_slip},
                                     {"slip_short", station_short_slip},
                                     {"lacks", station_lacks_of},
                                     {"pack", station_pack_file},
                                     {"unpack", station_unpack_file},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {{"read_slip", read_slip},
                                       {"space", free_space},
                                       {"qr", make_qr},
                                       {"qr_room", room_of_qr},
                                       {NULL, NULL}};
  lutil_add(L, methods);
  lua_pushvalue(L, -2);
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
}
