/* SPDX-License-Identifier: 0BSD */
/* The module inside a host program: memory that runs out in Lua's allocator,
 * finalisers that run at the worst moment, many states, forks, exits without
 * farewell. What is done each time stands in cases.lua. */
#include "unit.h"

#include <lauxlib.h>
#include <lualib.h>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASES "tests/host/cases.lua"
#define LOOPS "tests/host/loops.lua"
#define HANDLES_MAX 8
#define STATES 1000
#define AT_ONCE 100

/* ---- an allocator that counts, and fails from a given request on ---- */

struct heap {
  size_t bytes;
  long requests, fail_from; /* fail_from < 0: never */
  bool each; /* every request fails first: a full collection, then again */
  bool refused;
};

static void *heap_alloc(void *ud, void *p, size_t was, size_t n)
{
  struct heap *h = ud;
  was = p != NULL ? was : 0;
  if (n == 0) {
    free(p);
    h->bytes -= was;
    return NULL;
  }
  if (n > was) {
    bool fails = h->fail_from >= 0 && h->requests >= h->fail_from;
    h->requests++;
    if (h->each && fails) {
      h->refused = !h->refused;
      fails = h->refused;
    }
    if (fails) {
      return NULL;
    }
  }
  void *q = realloc(p, n);
  if (q == NULL) {
    return n <= was ? p : NULL;
  }
  h->bytes += n;
  h->bytes -= was;
  return q;
}

static lua_State *new_state(struct heap *h)
{
  memset(h, 0, sizeof *h);
  h->fail_from = -1;
  lua_State *L = lua_newstate(heap_alloc, h);
  NEED(L != NULL);
  luaL_openlibs(L);
  return L;
}

static void end_state(lua_State *L, struct heap *h)
{
  lua_close(L);
  EXPECT_INT(h->bytes, 0);
}

/* The table that a script returns, on the stack. */
static void load_script(lua_State *L, const char *path)
{
  if (luaL_loadfile(L, path) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
    printf("  %s\n", lua_tostring(L, -1));
    exit(1);
  }
}

static void load_cases(lua_State *L)
{
  load_script(L, CASES);
}

/* Call ${name} of the cases' table at 1 with an integer. Its error message is
 * left when it raises. */
static bool call(lua_State *L, const char *name, lua_Integer arg)
{
  lua_settop(L, 1);
  luaL_checkstack(L, 20, "call");
  lua_getfield(L, 1, name);
  lua_pushinteger(L, arg);
  return lua_pcall(L, 1, 0, 0) == LUA_OK;
}

static void need_call(lua_State *L, const char *name, lua_Integer arg)
{
  if (!call(L, name, arg)) {
    printf("  %s: %s\n", name, lua_tostring(L, -1));
    exit(1);
  }
}

/* ---- memory ---- */

/* Every request up to 50, then ever fewer. */
static long next_failure(long at)
{
  return at + (at < 50 ? 1 : at < 300 ? 7 : at / 16);
}

/* From request ${at} on there is none. True while the call came so far. */
static bool starve(lua_State *L, struct heap *h, const char *name, long at)
{
  lua_settop(L, 1);
  lua_getfield(L, 1, "act");
  lua_getfield(L, -1, name);
  lua_pushinteger(L, at);
  h->requests = 0;
  h->fail_from = at;
  int rc = lua_pcall(L, 1, 0, 0);
  bool reached = h->requests > at;
  h->fail_from = -1;
  const char *why = rc == LUA_OK ? "" : lua_tostring(L, -1);
  if (rc != LUA_OK && (why == NULL || strstr(why, "enough memory") == NULL)) {
    printf("  %s, request %ld: %s\n", name, at, why != NULL ? why : "?");
    unit_faults++;
  }
  EXPECT(reached || rc == LUA_OK);
  return reached;
}

static void sweep_case(const char *name, bool each)
{
  struct heap h;
  lua_State *L = new_state(&h);
  load_cases(L);
  need_call(L, "prepare", 0);
  h.each = each;
  long at = 0, tries = 0;
  while (starve(L, &h, name, at)) {
    at = each ? at + 1 + at / 5 : next_failure(at);
    tries++;
  }
  if (tries < 4) {
    printf("  %s asks for memory %ld times\n", name, at);
    unit_faults++;
  }
  need_call(L, "still_sound", 0);
  end_state(L, &h);
}

static const char *const acts[] = {"open",   "publish", "add_file", "pack",
                                   "unpack", "search",  "list",     "decode",
                                   "encode", "reader",  "many",     NULL};

static void test_memory_runs_out(void)
{
  for (int i = 0; acts[i] != NULL; i++) {
    sweep_case(acts[i], false);
  }
}

static void test_memory_is_short(void)
{
  for (int i = 0; acts[i] != NULL; i++) {
    sweep_case(acts[i], true);
  }
}

/* ---- finalisers ---- */

static void test_finalisers(void)
{
  struct heap h;
  lua_State *L = new_state(&h);
  load_cases(L);
  need_call(L, "prepare", 0);
  need_call(L, "finalisers", 0);
  need_call(L, "still_sound", 0);
  end_state(L, &h);
}

/* ---- states ---- */

static void test_many_states(void)
{
  static struct heap heap[AT_ONCE];
  static lua_State *L[AT_ONCE];
  for (int i = 0; i < STATES + AT_ONCE; i++) {
    int at = i % AT_ONCE;
    if (L[at] != NULL) {
      end_state(L[at], &heap[at]);
      L[at] = NULL;
    }
    if (i < STATES) {
      L[at] = new_state(&heap[at]);
      load_cases(L[at]);
      need_call(L[at], "state", i);
    }
  }
}

/* ---- processes ---- */

/* Run ${name} in a child; its exit code, negative for a signal. */
static int in_child(lua_State *L, const char *name)
{
  int status = -1;
  (void)fflush(stdout);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    bool ok = call(L, name, 0);
    if (!ok) {
      printf("  in the child: %s\n", lua_tostring(L, -1));
    }
    lua_close(L);
    (void)fflush(stdout);
    _exit(ok ? 0 : 1);
  }
  NEED(waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_fork(void)
{
  struct heap h;
  lua_State *L = new_state(&h);
  load_cases(L);
  EXPECT_INT(in_child(L, "fresh_child"), 0); /* after require */
  need_call(L, "prepare", 0);
  EXPECT_INT(in_child(L, "child"), 0); /* with all of it open */
  need_call(L, "still_sound", 0);
  end_state(L, &h);
}

static void test_exit(void)
{
  static const char *const ways[] = {"exit_at_once", "exit_closing", NULL};
  for (int i = 0; ways[i] != NULL; i++) {
    struct heap h;
    lua_State *L = new_state(&h);
    load_cases(L);
    need_call(L, "exit_folder", 0);
    EXPECT_INT(in_child(L, ways[i]), 7);
    need_call(L, "after_exit", 0);
    end_state(L, &h);
  }
}

/* ---- a loop of the host's own ---- */

/* Call ${name} with ${arg} and leave ${results}; ends the test when it raises.
 */
static void ask(lua_State *L, const char *name, lua_Integer arg, int results)
{
  lua_settop(L, 1);
  lua_getfield(L, 1, name);
  lua_pushinteger(L, arg);
  if (lua_pcall(L, 1, results, 0) != LUA_OK) {
    printf("  %s: %s\n", name, lua_tostring(L, -1));
    exit(1);
  }
}

/* Wait as the handles ask for it. */
static void wait_for_handles(lua_State *L)
{
  struct pollfd fds[HANDLES_MAX];
  nfds_t n = 0;
  int wait_ms = 5000;
  for (int i = 1; n < HANDLES_MAX; i++) {
    ask(L, "wants", i, 4);
    if (lua_isnil(L, 2)) {
      break;
    }
    int events = (lua_toboolean(L, 3) ? POLLIN : 0) |
                 (lua_toboolean(L, 4) ? POLLOUT : 0);
    int ms = (int)lua_tointeger(L, 5);
    fds[n].fd = (int)lua_tointeger(L, 2);
    fds[n++].events = (short)events;
    wait_ms = ms >= 0 && ms < wait_ms ? ms : wait_ms;
  }
  EXPECT(poll(fds, n, wait_ms) >= 0);
}

static void test_foreign_loop(void)
{
  struct heap h;
  lua_State *L = new_state(&h);
  load_script(L, LOOPS);
  for (int transport = 1; transport <= 3; transport++) {
    bool through = false;
    ask(L, "begin", transport, 1);
    if (!lua_toboolean(L, 2)) {
      printf("  transport %d is not there\n", transport);
      continue;
    }
    for (int turn = 0; turn < 10000 && !through; turn++) {
      wait_for_handles(L);
      ask(L, "step", 0, 1);
      through = lua_toboolean(L, 2);
    }
    EXPECT(through);
    ask(L, "finish", 0, 0);
  }
  end_state(L, &h);
}

int main(void)
{
  RUN(test_memory_runs_out);
  RUN(test_memory_is_short);
  RUN(test_finalisers);
  RUN(test_many_states);
  RUN(test_fork);
  RUN(test_exit);
  RUN(test_foreign_loop);
  return unit_done();
}
