/* SPDX-License-Identifier: 0BSD */
/* The module inside a host program: finalisers that run at the worst moment,
 * many states, states that end with everything open, forks, exits without
 * farewell, a module that is taken out of memory. What is done each time
 * stands in cases.lua. (Memory that runs out: memory_test.c.) */
#include "host/host.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASES "tests/host/cases.lua"
#define LOOPS "tests/host/loops.lua"
#define HANDLES_MAX 8
#define STATES 1000
#define AT_ONCE 100
#define ENDINGS 60
#define UNLOADS 20
#define UNLOADED "tests/host/unload/mahatta/core.so"

static void load_cases(lua_State *L)
{
  load_script(L, CASES);
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

/* ---- states that end ---- */

/* With all kinds of handles open and half done, made in ever other orders. */
static void test_all_open(void)
{
  for (int i = 0; i < ENDINGS; i++) {
    struct heap h;
    lua_State *L = new_state(&h);
    load_cases(L);
    if (i % 3 == 1) {
      (void)lua_gc(L, LUA_GCGEN, 0, 0);
    }
    need_call(L, "all_open", i);
    end_state(L, &h);
  }
}

/* The same where a coroutine holds them, waiting. */
static void test_all_open_in_a_coroutine(void)
{
  for (int i = 0; i < ENDINGS / 4; i++) {
    struct heap h;
    lua_State *L = new_state(&h);
    load_cases(L);
    need_call(L, "all_open_waiting", i);
    end_state(L, &h);
  }
}

static void put_text(lua_State *L, const char *name, const char *text)
{
  lua_pushstring(L, text);
  lua_setfield(L, 1, name);
}

/* Two states on one store: one writes, the other reads what is committed. */
static void test_two_states(void)
{
  struct heap h[2];
  lua_State *L[2];
  for (int i = 0; i < 2; i++) {
    L[i] = new_state(&h[i]);
    load_cases(L[i]);
  }
  need_call(L[0], "first_state", 0);
  lua_getfield(L[0], 1, "path");
  put_text(L[1], "path", lua_tostring(L[0], -1));
  need_call(L[1], "second_state", 0);
  for (int i = 1; i <= 20; i++) {
    need_call(L[0], "writes", i);
    need_call(L[1], "reads", i);
  }
  need_call(L[0], "gives_up", 0);
  need_call(L[1], "takes_over", 0);
  end_state(L[1], &h[1]);
  end_state(L[0], &h[0]);
}

/* ---- a module that is taken out of memory ---- */

static bool is_mapped(const char *path)
{
  char line[512];
  bool found = false;
  FILE *maps = fopen("/proc/self/maps", "r");
  NEED(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) {
    found = found || strstr(line, path) != NULL;
  }
  (void)fclose(maps);
  return found;
}

/* The build for this test is not linked to stay: each state's end unloads it,
 * whatever was open, and the next loads it anew. */
static void test_unloaded(void)
{
  const char *build = getenv("BUILD_DIR");
  NEED(build != NULL);
  for (int i = 0; i < UNLOADS; i++) {
    struct heap h;
    lua_State *L = new_state(&h);
    lua_getglobal(L, "package");
    lua_getfield(L, 1, "cpath");
    lua_pushfstring(L, "%s/tests/host/unload/?.so;%s", build,
                    lua_tostring(L, -1));
    lua_setfield(L, 1, "cpath");
    lua_settop(L, 0);
    load_cases(L);
    EXPECT(is_mapped(UNLOADED));
    need_call(L, "reloaded", i);
    need_call(L, "all_open", i);
    end_state(L, &h);
    EXPECT(!is_mapped(UNLOADED));
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
  RUN(test_all_open);
  RUN(test_all_open_in_a_coroutine);
  RUN(test_two_states);
  RUN(test_finalisers);
  RUN(test_many_states);
  RUN(test_unloaded);
  RUN(test_fork);
  RUN(test_exit);
  RUN(test_foreign_loop);
  return unit_done();
}
