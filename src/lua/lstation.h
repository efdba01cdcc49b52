/* SPDX-License-Identifier: 0BSD */
/* The handles: station, publisher, reader, job. */
#ifndef LUA_LSTATION_H
#define LUA_LSTATION_H

#include "lua/lutil.h"
#include "station/link.h"
#include "station/station.h"

#define STATION "mahatta.Station"
#define PUBLISHER "mahatta.Publisher"
#define READER "mahatta.Reader"
#define JOB "mahatta.Job"
#define SESSION "mahatta.Session"

/* User values of a station's userdata lie in one table, its "own" table:
 * clock and hooks, which are its policy. Children hold the station's userdata.
 */
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

/* A handle keeps the station's userdata (clock and policy live there) in its
 * own table; push what lies in that; let the station's clock tell the time for
 * this call. */
void lstation_hold(lua_State *L, int handle, int station);
void lstation_held(lua_State *L, int handle, const char *name);
void lstation_tick_of(lua_State *L, int handle);

/* Push function ${name} of the policy of the station at ${arg}, or nil. */
void lstation_hook(lua_State *L, int arg, const char *name);

/* The record that a policy is asked about, as an entry, in place of the empty
 * table on top. False: its parcel can't be read. Nothing may be allocated
 * between taking ${q} and this. The verdict that the policy gave lies on top:
 * read it. Both raise. */
bool lstation_push_asked(lua_State *L, const struct link_question *q);
enum job_verdict lstation_verdict(lua_State *L);

/* Push an entry as scripts see it. */
void lstation_push_entry(lua_State *L, const struct entry *en);

/* Push a new, empty job of the station at ${arg}; fill its ${job} next.
 * ${from} is what a policy is told. */
struct ljob {
  struct job *job;      /* NULL: closed */
  lua_Integer answered; /* questions to the policy */
};
struct ljob *ljob_new(lua_State *L, int station, const char *from);

/* The job on top of the stack, begun with ${rc}, or the failure. */
static inline int lstation_give_job(lua_State *L, int rc, const struct err *e)
{
  return rc < 0 ? lutil_fail(L, rc, e) : 1;
}

/* A sink that appends entries to the table at ${table}. */
struct collect {
  lua_State *L;
  struct station *st;
  int table;
  lua_Integer left; /* entries that are wanted still */
  bool raised, was; /* what lutil_pause said */
};

/* From here to collect_end nothing raises, and no finaliser runs: it could
 * close the station under the core's feet. */
struct collect collect_start(lua_State *L, const struct lstation *s);
/* Let ${append} put ${thing} (lent for the call) into the table. */
int collect_one(struct collect *c, lua_CFunction append, const void *thing);
/* The table, or the failure, or the error that a sink met. */
int collect_end(struct collect *c, int rc, const struct err *e);

void lstation_open(lua_State *L); /* class; leaves its methods on the stack */
/* Add what is told in lcarry.c: methods of stations to the table on top, and
 * functions to the one below. */
void lcarry_open(lua_State *L);
/* The same of lsearch.c. */
void lsearch_open(lua_State *L);
/* And of ltexts.c. */
void ltexts_open(lua_State *L);
/* The same of lquota.c. */
void lquota_open(lua_State *L);
void ljob_open(lua_State *L);
void lpublisher_open(lua_State *L);
void lreader_open(lua_State *L);
void lsession_open(lua_State *L);

/* Methods that make the other handles. */
int lpublisher_make(lua_State *L);
int lreader_make(lua_State *L);
int lsession_make(lua_State *L);

#endif
