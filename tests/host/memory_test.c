/* SPDX-License-Identifier: 0BSD */
/* Every main call of the module while Lua's memory runs out: at the k-th
 * request, once and for ever after, while it is always short, and while the
 * collector runs at every chance, in both its modes. What is called stands in
 * acts.lua: it checks its own results. MEMORY_ALL=1: every k. */
#include "host/host.h"

#define ACTS "tests/host/acts.lua"
#define NAMES_MAX 64
#define ONCE 2 /* Lua collects and asks again: both fail */

/* ---- acts ---- */

struct names {
  const char *name[NAMES_MAX]; /* keys of the table: Lua keeps them */
  int n;
};

static struct names act_names(lua_State *L)
{
  struct names all = {.n = 0};
  lua_settop(L, 1);
  lua_getfield(L, 1, "act");
  for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1)) {
    NEED(all.n < NAMES_MAX);
    all.name[all.n++] = lua_tostring(L, -2);
  }
  lua_settop(L, 1);
  EXPECT(all.n > 25);
  return all;
}

/* Call ${name} of ${table} with ${n}, if it is there: LUA_OK or the error. */
static int act(lua_State *L, const char *table, const char *name, long n)
{
  lua_settop(L, 1);
  lua_getfield(L, 1, table);
  if (lua_getfield(L, -1, name) == LUA_TNIL) {
    return LUA_OK;
  }
  lua_pushinteger(L, n);
  return lua_pcall(L, 1, 0, 0);
}

static void need_act(lua_State *L, const char *table, const char *name, long n)
{
  if (act(L, table, name, n) != LUA_OK) {
    printf("  %s %s %ld: %s\n", table, name, n, lua_tostring(L, -1));
    exit(1);
  }
}

/* ---- memory that fails ---- */

static bool all_of_them;

/* Every request up to 40, then ever fewer. */
static long next_failure(long at)
{
  return at + (all_of_them || at < 40 ? 1 : at < 200 ? 9 : at / 12);
}

/* The act fails from request ${at} on. True while it came so far. */
static bool starve(lua_State *L, struct heap *h, const char *name, long at)
{
  need_act(L, "before", name, at);
  luaL_checkstack(L, 20, "act");
  h->requests = 0;
  h->fail_from = at;
  int rc = act(L, "act", name, at);
  bool reached = h->requests > at;
  h->fail_from = -1;
  const char *why = rc == LUA_OK ? "" : lua_tostring(L, -1);
  if (rc != LUA_OK && (why == NULL || strstr(why, "enough memory") == NULL)) {
    printf("  %s, request %ld: %s\n", name, at, why != NULL ? why : "?");
    unit_faults++;
  }
  EXPECT(reached || rc == LUA_OK);
  if (rc != LUA_OK) { /* handles that were not handed over are closed */
    (void)lua_gc(L, LUA_GCCOLLECT, 0);
  }
  need_act(L, "after", name, at);
  return reached;
}

/* And the same call succeeds when there is memory again. */
static void again(lua_State *L, const char *name, long at)
{
  need_act(L, "before", name, at);
  need_act(L, "act", name, at);
  need_act(L, "after", name, at);
}

static long sweep_act(lua_State *L, struct heap *h, const char *name)
{
  long at = 0, tries = 0;
  while (starve(L, h, name, at)) {
    again(L, name, at);
    at = h->each ? at + 1 + at / 3 : next_failure(at);
    tries++;
  }
  return tries;
}

/* Sweep all acts in one state; ${fail_n} as in struct heap. */
static void sweep_all(long fail_n, bool each, int mode)
{
  struct heap h;
  lua_State *L = new_state(&h);
  load_script(L, ACTS);
  need_call(L, "prepare", 0);
  (void)lua_gc(L, mode, 0, 0, 0);
  struct names all = act_names(L);
  h.fail_n = fail_n;
  h.each = each;
  long tries = 0;
  for (int i = 0; i < all.n; i++) {
    tries += sweep_act(L, &h, all.name[i]);
  }
  EXPECT(tries > (each ? 10 : 40) * all.n / 2);
  need_call(L, "still_sound", 0);
  end_state(L, &h);
}

static void test_runs_out_for_ever(void)
{
  sweep_all(-1, false, LUA_GCINC);
}

static void test_runs_out_once(void)
{
  sweep_all(ONCE, false, LUA_GCINC);
}

static void test_is_always_short(void)
{
  sweep_all(0, true, LUA_GCINC);
}

static void test_is_always_short_in_generations(void)
{
  sweep_all(0, true, LUA_GCGEN);
}

/* A state that has no memory for the module itself. */
static void test_runs_out_in_require(void)
{
  bool reached = true;
  for (long at = 0; reached; at = next_failure(at)) {
    struct heap h;
    lua_State *L = new_state(&h);
    h.fail_n = -1;
    lua_settop(L, 0);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "mahatta");
    h.requests = 0;
    h.fail_from = at;
    int rc = lua_pcall(L, 1, 1, 0);
    reached = h.requests > at;
    h.fail_from = -1;
    EXPECT(reached ? rc == LUA_ERRMEM || rc == LUA_ERRRUN : rc == LUA_OK);
    lua_settop(L, 0);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "mahatta");
    EXPECT(lua_pcall(L, 1, 1, 0) == LUA_OK && lua_istable(L, -1));
    end_state(L, &h);
  }
}

/* ---- collectors that never rest ---- */

static void collect(lua_State *L, lua_Debug *ar)
{
  (void)ar;
  (void)lua_gc(L, LUA_GCCOLLECT, 0);
}

static void all_acts(lua_State *L, long n)
{
  struct names all = act_names(L);
  for (int i = 0; i < all.n; i++) {
    again(L, all.name[i], n);
  }
}

enum stress { WHOLE_CYCLES, SMALL_STEPS, GENERATIONS, HOOK };

static void stress(enum stress how)
{
  struct heap h;
  lua_State *L = new_state(&h);
  load_script(L, ACTS);
  need_call(L, "prepare", 0);
  switch (how) {
  case WHOLE_CYCLES: /* one at every chance that the collector has */
    (void)lua_gc(L, LUA_GCINC, 0, 1000, 30);
    (void)lua_gc(L, LUA_GCSETPAUSE, 0);
    break;
  case SMALL_STEPS: /* always in the middle of a cycle */
    (void)lua_gc(L, LUA_GCINC, 0, 1, 1);
    (void)lua_gc(L, LUA_GCSETPAUSE, 0);
    break;
  case GENERATIONS:
    (void)lua_gc(L, LUA_GCGEN, 1, 1);
    break;
  case HOOK: /* between any few instructions */
    lua_sethook(L, collect, LUA_MASKCOUNT, all_of_them ? 1 : 23);
    break;
  }
  for (long n = 0; n < 3; n++) {
    all_acts(L, n);
  }
  lua_sethook(L, NULL, 0, 0);
  need_call(L, "still_sound", 0);
  end_state(L, &h);
}

static void test_whole_cycles(void)
{
  stress(WHOLE_CYCLES);
}

static void test_small_steps(void)
{
  stress(SMALL_STEPS);
}

static void test_generations(void)
{
  stress(GENERATIONS);
}

static void test_collected_between_instructions(void)
{
  stress(HOOK);
}

int main(void)
{
  all_of_them = getenv("MEMORY_ALL") != NULL;
  RUN(test_runs_out_for_ever);
  RUN(test_runs_out_once);
  RUN(test_is_always_short);
  RUN(test_is_always_short_in_generations);
  RUN(test_runs_out_in_require);
  RUN(test_whole_cycles);
  RUN(test_small_steps);
  RUN(test_generations);
  RUN(test_collected_between_instructions);
  return unit_done();
}
