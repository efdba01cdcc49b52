/* SPDX-License-Identifier: 0BSD */
/* A host whose threads have a state each: all main calls of the module (see
 * acts.lua) at once in each of them, states beginning and ending meanwhile.
 * Nothing is shared, so nothing may be in anybody's way; `make tsan` runs it
 * under ThreadSanitizer, which sees what is. */
#include "host/host.h"

#include <pthread.h>

#define ACTS "tests/host/acts.lua"
#define THREADS 3
#define LIVES 2 /* states, one after another, of each thread */
#define ROUNDS 2
#define NAMES_MAX 64

struct worker {
  pthread_t thread;
  unsigned number;
  pthread_barrier_t *start;
  int done, faults;
  char fault[200];
};

static void note_fault(struct worker *w, lua_State *L, const char *name)
{
  if (w->faults++ == 0) {
    (void)snprintf(w->fault, sizeof w->fault, "%s: %s", name,
                   lua_tostring(L, -1));
  }
}

/* acts.${table}.${name}(${n}), if it is there. */
static bool act(lua_State *L, const char *table, const char *name, int n)
{
  lua_settop(L, 1);
  lua_getfield(L, 1, table);
  if (lua_getfield(L, -1, name) == LUA_TNIL) {
    return true;
  }
  lua_pushinteger(L, n);
  return lua_pcall(L, 1, 0, 0) == LUA_OK;
}

static int names_of(lua_State *L, const char *out[NAMES_MAX])
{
  int n = 0;
  lua_settop(L, 1);
  lua_getfield(L, 1, "act");
  for (lua_pushnil(L); n < NAMES_MAX && lua_next(L, 2) != 0; lua_pop(L, 1)) {
    out[n++] = lua_tostring(L, -2);
  }
  lua_settop(L, 1);
  return n;
}

/* Each thread has its acts in another order. */
static void do_acts(struct worker *w, lua_State *L, int round)
{
  const char *name[NAMES_MAX];
  int n = names_of(L, name);
  for (int i = 0; i < n; i++) {
    const char *one = name[((unsigned)i + w->number * 11) % (unsigned)n];
    if (!act(L, "before", one, round) || !act(L, "act", one, round) ||
        !act(L, "after", one, round)) {
      note_fault(w, L, one);
    }
    w->done++;
  }
}

static void *work(void *ud)
{
  struct worker *w = ud;
  struct heap heap;
  (void)pthread_barrier_wait(w->start);
  for (int life = 0; life < LIVES; life++) {
    lua_State *L = new_state(&heap);
    load_script(L, ACTS);
    if (!call(L, "prepare", 0)) {
      note_fault(w, L, "prepare");
    }
    for (int round = 1; w->faults == 0 && round <= ROUNDS; round++) {
      do_acts(w, L, round);
    }
    if (!call(L, "still_sound", 0)) {
      note_fault(w, L, "still_sound");
    }
    lua_close(L);
    w->faults += heap.bytes != 0;
  }
  return NULL;
}

static void test_a_state_each(void)
{
  static struct worker worker[THREADS];
  pthread_barrier_t start;
  NEED(pthread_barrier_init(&start, NULL, THREADS) == 0);
  for (unsigned i = 0; i < THREADS; i++) {
    worker[i].number = i;
    worker[i].start = &start;
    NEED(pthread_create(&worker[i].thread, NULL, work, &worker[i]) == 0);
  }
  for (unsigned i = 0; i < THREADS; i++) {
    NEED(pthread_join(worker[i].thread, NULL) == 0);
    EXPECT_INT(worker[i].faults, 0);
    EXPECT_TEXT(worker[i].fault, "");
    EXPECT(worker[i].done >= 25 * LIVES * ROUNDS);
  }
  (void)pthread_barrier_destroy(&start);
}

int main(void)
{
  RUN(test_a_state_each);
  return unit_done();
}
