/* SPDX-License-Identifier: 0BSD */
/* The handles: station, publisher, reader, job. */
#ifndef LUA_LSTATION_H
#define LUA_LSTATION_H

#include "lua/lutil.h"
#include "station/station.h"

#define STATION "mahatta.Station"
#define PUBLISHER "mahatta.Publisher"
#define READER "mahatta.Reader"
#define JOB "mahatta.Job"

/* User values of a station's userdata lie in one table, its "own" table:
 * clock and policy. Children hold the station's userdata. */
struct lstation {
  struct station *st; /* NULL: closed */
  int64_t now;        /* what the clock said when this call began */
};

/* The open station at ${arg}; asks its clock first. Raises. */
struct lstation *lstation_check(lua_State *L, int arg);

/* Its core, if it is still open after whatever Lua did. Raises. */
struct station *lstation_core(lua_State *L, const struct lstation *s);

/* Ask the clock of the station at ${arg} (an absolute index). */
void lstation_tick(lua_State *L, int arg);

/* Push an entry as scripts see it. */
void lstation_push_entry(lua_State *L, const struct entry *en);

/* Push a new, empty job of the station at ${arg}; fill its ${job} next.
 * ${from} is what a policy is told. */
struct ljob {
  struct job *job;      /* NULL: closed */
  lua_Integer answered; /* questions to the policy */
};
struct ljob *ljob_new(lua_State *L, int station, const char *from);

void lstation_open(lua_State *L); /* class; leaves its methods on the stack */
void ljob_open(lua_State *L);
void lpublisher_open(lua_State *L);
void lreader_open(lua_State *L);

/* Methods that make the other handles. */
int lpublisher_make(lua_State *L);
int lreader_make(lua_State *L);

#endif
