-- SPDX-License-Identifier: 0BSD
-- The host tests have to notice bugs in the bindings: each is put into a copy
-- of one source, the module is linked with that, and the test has to fail.
--
--   plants.lua FOLDER [PLANT...]
--
-- FOLDER is a build under AddressSanitizer. The environment tells how to
-- COMPILE and LINK, and the LIBS.

package.path = "tests/tools/?.lua;" .. package.path
local planting = require "planting"

local env, run = planting.env, planting.run
local folder = assert(arg[1], "plants.lua FOLDER [PLANT...]")
local asked = { table.unpack(arg, 2) }
local HOST = folder .. "/tests/host/host_test"
local MEMORY = folder .. "/tests/host/memory_test"
local SPEC = "LD_PRELOAD=$(gcc -print-file-name=libasan.so) " .. env.BUSTED
  .. " tests/spec/%s_spec.lua"

local plants = {
  box = { "lutil.c", HOST, "boxes wait for the collector",
    "  lua_toclose(L, -1);", "" },
  pause = { "lutil.c", HOST, "finalisers run where the core calls back",
    "(void)lua_gc(L, LUA_GCSTOP, 0);", "" },
  room = { "lhandles.c", HOST, "a publisher's room is not freed",
    "  buf_free(&h->block);", "" },
  twice = { "lhandles.c", HOST, "a job is ended twice",
    "  h->job = NULL;\n  job_del(j);", "  job_del(j);" },
  late = { "lhandles.c", SPEC:format "hosts", "any answer is the last's",
    "h->job->state == JOB_ASK && h->answered == lua_tointeger(L, 3)",
    "h->job->state == JOB_ASK" },
  held = { "ltexts.c", SPEC:format "hosts", "nothing holds a text meanwhile",
    "  lua_remove(L, -2);", "  lua_pop(L, 2);" },
  gap = { "lhandles.c", MEMORY, "a read without memory leaves a gap",
    "h->piece.n > 0 ? 0 : reader_next(", "reader_next(" },
  half = { "lstation.c", SPEC:format "callbacks", "a clock may close",
    "    luaL_error(L, \"the clock closed the station\");", "" },
  rest = { "lsession.c", SPEC:format "callbacks", "bytes are taken twice",
    "  to_lsession(L)->taken += taken;\n", "" },
  dead = { "lsession.c", SPEC:format "callbacks", "a dead coroutine may answer",
    "h->asking = co != NULL && !is_dead(co);", "" },
  tell = { "lanswer.c", MEMORY, "the log is called unprotected",
    "(void)lua_pcall(L, 2, 0, 0);", "lua_call(L, 2, 0);" },
  refuse = { "lanswer.c", MEMORY, "the handler's error is not caught",
    "if (lua_pcall(L, 2, 0, 0) != LUA_OK) {\n    tell_top(L);\n    x->refused",
    "lua_call(L, 2, 0);\n  if (x->response == NULL) {\n    x->refused" },
}

local OF_HTTP = { lhttp = true, lanswer = true }

-- A module of its objects, the planted one in place of its like.
local function link(base, source)
  local http = OF_HTTP[source:match "%w+"] or false
  local objects = {}
  for path in io.popen(("ls %s/src/lua/*.o"):format(folder)):lines() do
    local name = path:match "(%w+)%.o$"
    if (OF_HTTP[name] or false) == http then
      objects[#objects + 1] = name .. ".c" == source and base .. ".o" or path
    end
  end
  assert(run("mkdir -p %s/mahatta && %s -shared -o %s/mahatta/%s.so %s "
    .. "%s/libmahatta.a %s", base, env.LINK, base, http and "http" or "core",
    table.concat(objects, " "), folder, env.LIBS))
end

local function noticed(name, plant)
  local source, test, what, from, to = table.unpack(plant)
  local base = folder .. "/plants/" .. name
  planting.plant("src/lua/" .. source, base .. ".c", from, to)
  assert(run("%s -Isrc/lua -c -o %s.o %s.c", env.COMPILE, base, base))
  link(base, source)
  local began = os.time()
  local quiet = run("LUA_CPATH='%s/?.so;%s/?.so;;' %s >%s.log 2>&1", base,
    folder, test, base)
  local log = planting.read(base .. ".log")
  print(("%-7s %3d s  %s: %s"):format(name, os.time() - began, what,
    quiet and "NOT NOTICED" or log:match "AddressSanitizer: [^\n(]*"
    or log:match "LeakSanitizer: [^\n(]*" or log:match "not ok[^\n]*"
    or log:match "  [^\n]*" or "it ended"))
  return not quiet
end

run("mkdir -p %s/plants", folder)
planting.try(plants, asked, noticed)
