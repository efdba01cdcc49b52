-- SPDX-License-Identifier: 0BSD
-- Tests the tools that test everything else: each fault that they are there
-- for is planted in a scratch tree, and has to be found.

local LUA = os.getenv "LUA" or "lua5.4"
local passed, failed = 0, 0

local function sh(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1"))
  local out = pipe:read "a"
  local ok = pipe:close()
  return ok == true, out
end

local function expect(name, ok, out)
  if ok then
    passed = passed + 1
  else
    failed = failed + 1
    print("not ok - " .. name .. "\n" .. out)
  end
end

local _, work = sh "mktemp -d"
work = work:gsub("%s+$", "")

-- A tree of ${files}, path -> text, in a folder of its own.
local trees = 0
local function tree(files)
  trees = trees + 1
  local root = work .. "/" .. trees
  for path, text in pairs(files) do
    assert(sh(string.format("mkdir -p '%s/%s'", root, path:match "(.*)/")))
    local f = assert(io.open(root .. "/" .. path, "w"))
    f:write(text)
    f:close()
  end
  return root
end

-- ${tool} passes on ${files}, or fails with ${want} among what it says.
local function case(tool, name, files, want)
  files["src/a/keep.h"] = "int keep;\n"
  files["lua/keep.lua"] = "return 1\n"
  files["tests/a/keep.c"] = "int keep;\n"
  files[".ci/keep.sh"] = "true\n"
  files["src/../Makefile"] = "all:\n"
  local ok, out = sh(string.format("%s tests/tools/%s.lua '%s'", LUA, tool,
    tree(files)))
  local good = ok
  if want then
    good = not ok and out:find(want, 1, true)
  end
  expect(tool .. ": " .. name, good, out)
end

local map = "1 src/a/keep.h x\n1 lua/keep.lua x\n5 src/b/low.[ch] x\n"
  .. "9 src/b/high.[ch] x\n"
local function floors(name, extra, want)
  local files = { ["src/FLOORS"] = map, ["src/b/low.h"] = "int low;\n",
    ["src/b/low.c"] = '#include "b/low.h"\n', ["src/b/high.h"] = "int h;\n",
    ["src/b/high.c"] = '#include "b/high.h"\n#include "b/low.h"\n' }
  for path, text in pairs(extra) do
    files[path] = text
  end
  case("floors", name, files, want)
end

local function test_floors()
  floors("a sound tree", {})
  floors("up", { ["src/b/low.c"] = '#include "b/high.h"\n' },
    "(floor 5) may not use src/b/high.h (floor 9)")
  floors("up, beside", { ["src/b/low.c"] = '# include "high.h"\n' },
    "may not use")
  floors("sideways", { ["src/b/x.c"] = '#include "b/low.h"\n',
    ["src/FLOORS"] = map .. "5 src/b/x.c x\n" }, "may not use")
  floors("not listed", { ["src/b/new.h"] = "int x;\n" }, "not in src/FLOORS")
  floors("gone", { ["src/FLOORS"] = map .. "6 src/b/gone.c x\n" },
    "which is not there")
  floors("no job", { ["src/FLOORS"] = map .. "6 src/b/low.c\n" }, "want")
  floors("twice", { ["src/FLOORS"] = map .. "6 src/b/low.c x\n" }, "twice")
  for _, h in ipairs { "sqlite3.h", "sodium.h", "openssl/evp.h", "zstd.h",
    "utf8proc.h", "qrencode.h", "png.h", "lua.h", "lauxlib.h",
    "sys/socket.h", "pthread.h" } do
    floors("fence " .. h, { ["src/b/low.c"] = "#include <" .. h .. ">\n" },
      "may not include " .. h)
  end
  local lua = map .. "80 lua/mahatta/a.lua x\n81 lua/mahatta/b/init.lua x\n"
  floors("require down", { ["src/FLOORS"] = lua, ["lua/mahatta/a.lua"] = "",
    ["lua/mahatta/b/init.lua"] = "local a = require 'mahatta.a'\n" })
  floors("require up", { ["src/FLOORS"] = lua, ["lua/mahatta/b/init.lua"] = "",
    ["lua/mahatta/a.lua"] = 'local b = require("mahatta.b")\n' },
    "may not use")
end

local function lines(n, text)
  return (text .. "\n"):rep(n)
end

local function test_lengths()
  local function body(n)
    return "int f(void)\n{\n" .. lines(n - 3, "  ;") .. "}\n"
  end
  local file, a80 = "tests/a/x.c", ("a"):rep(80)
  case("lengths", "900 lines", { [file] = lines(900, "int a;") })
  case("lengths", "901 lines", { [file] = lines(901, "int a;") }, "901 lines")
  case("lengths", "80 columns", { [file] = "/*\n" .. a80 .. "\n*/\n" })
  case("lengths", "81 columns", { [file] = "/*\n" .. a80 .. "a\n*/\n" },
    "81 columns")
  case("lengths", "80 of UTF-8", { [file] = "/*\n" .. ("é"):rep(80)
    .. "\n*/\n" })
  case("lengths", "70 in C", { [file] = body(70) })
  case("lengths", "71 in C", { [file] = body(71) }, "f has 71 lines")
  case("lengths", "70 in Lua", { ["lua/x.lua"] = "return function()\n"
    .. lines(68, "  ;") .. "end\n" })
  case("lengths", "71 in Lua", { ["lua/x.lua"] = "return function()\n"
    .. lines(69, "  ;") .. "end\n" }, "71 lines")
  case("lengths", "901 in Lua", { ["lua/x.lua"] = lines(901, ";") },
    "901 lines")
  case("lengths", "tab", { [file] = "\tint a;\n" }, "a tab")
  case("lengths", "blank", { [file] = "int a; \n" }, "blank at the end")
end

local function test_banned()
  local core, test = "src/b/x.c", "tests/a/x.c"
  case("banned", "in a comment", { [core] = "/* strcpy(a) */ // gets(a)\n" })
  case("banned", "in a string", { [core] = 'p = "\\"gets(" ; c = \'"\';\n' })
  case("banned", "part of a name", { [core] = "my_strcpy(a); strcpy_n(a);\n" })
  for _, name in ipairs { "strcpy", "strcat", "sprintf", "gets", "strtok",
    "atoi", "system", "alloca" } do
    case("banned", name, { [test] = "int c = '\"'; " .. name .. " (a);\n" },
      "x.c:1: " .. name)
  end
  case("banned", "heap in core", { [core] = "/*\n*/ free(p);\n" },
    "x.c:2: free(): use mem_free")
  case("banned", "heap in a test", { [test] = "free(p);\n" })
  for _, mark in ipairs { "TO" .. "DO", "FIX" .. "ME", "X" .. "XX" } do
    case("banned", mark, { ["lua/x.lua"] = "-- " .. mark .. ": x\n" }, mark)
  end
  case("banned", "a template", { [core] = "mkstemp(\"aXX" .. "XXXX\");\n" })
end

-- A page of all threats, with more lines at its end.
local function page(more)
  local out = {}
  for n = 1, 66 do
    out[n] = ("### %d It happens\n- later: all of it\n"):format(n)
  end
  return table.concat(out) .. (more or "")
end

local function threats(name, more, files, want)
  files["tests/THREATS.md"] = page(more)
  case("threats", name, files, want)
end

local function test_threats()
  local test = "static void test_b(void)\n{\n}\nRUN(test_b);\nA_MAX\n"
  local limits = "#define A_MAX 5 /* so many */\n"
  threats("a sound page", "", {})
  threats("a test", "### 66 x\n- test: tests/u/a_test.c `b`\n",
    { ["tests/u/a_test.c"] = test }, "is listed twice")
  local here = "## Limits\n- `A_MAX`: tests/u/a_test.c `b`\n"
  threats("a limit", here, { ["tests/u/a_test.c"] = test,
    ["src/base/limits.h"] = limits })
  threats("no such test", here, { ["tests/u/a_test.c"] = "A_MAX RUN(test_b)",
    ["src/base/limits.h"] = limits }, "has no test `b`")
  threats("a test that never runs", here, { ["tests/u/a_test.c"] =
    test:gsub("RUN", "CALL"):gsub("%(test_b%)", ""),
    ["src/base/limits.h"] = limits }, "has no test `b`")
  threats("no such file", here, { ["src/base/limits.h"] = limits },
    "is not there")
  threats("a test of something else", here, { ["tests/u/a_test.c"] =
    test:gsub("A_MAX", ""), ["src/base/limits.h"] = limits },
    "never speaks of A_MAX")
  threats("a limit without a line", "", { ["src/base/limits.h"] = limits },
    "A_MAX: has no line")
  threats("a reason", "## L\n- `A_MAX`: none: ours\n",
    { ["src/base/limits.h"] = limits })
  threats("a test nobody names", "", { ["tests/u/threat_05_x_test.c"] = "" },
    "threat_05_x_test.c: is not named")
  threats("a check nobody names", "", { ["tests/tools/mutants_list.lua"] =
    "return { { 'who may' } }" }, "has no line: who may")
end

-- What run_tests.lua makes of one command.
local function run(name, command, want, good)
  local ok, out = sh(string.format(
    "%s tests/tools/run_tests.lua '%s/log' @p %s", LUA, work, command))
  local last = out:match "([^\n]*)\n?$"
  expect("run_tests: " .. name, last == want and ok == good,
    want .. " wanted of:\n" .. out)
end

local function test_run_tests()
  run("closing", "'echo 3 passed, 0 failed, 2 skipped'",
    "3 passed, 0 failed, 2 skipped", true)
  run("two programs", "'echo 3 passed, 0 failed' 'echo 1 passed, 0 failed'",
    "4 passed, 0 failed", true)
  run("a fault", "'echo 3 passed, 1 failed; exit 1'", "3 passed, 1 failed",
    false)
  run("a lie", "'echo 3 passed, 0 failed; exit 1'", "3 passed, 1 failed",
    false)
  run("died", "'echo fine; kill -9 $$'", "0 passed, 1 failed", false)
  run("mute", "true", "0 passed, 1 failed", false)
  run("no test", "'echo 0 passed, 0 failed'", "0 passed, 1 failed", false)
  run("nothing there", "/nowhere/x", "0 passed, 1 failed", false)
  run("exit code good", "=true", "1 passed, 0 failed", true)
  run("exit code bad", "=false", "0 passed, 1 failed", false)
  run("TAP", [['printf "ok 1 - a\nok 2 - # SKIP b\n1..2\n"']],
    "1 passed, 0 failed, 1 skipped", true)
  run("TAP, failed", [['printf "ok 1 - a\nnot ok 2 - b\n1..2\n"; exit 1']],
    "1 passed, 1 failed", false)
  run("TAP, cut", [['printf "1..3\nok 1 - a\n"']], "1 passed, 2 failed", false)
  run("nothing at all", "", "0 passed, 0 failed", false)
end

-- What cover.lua says of x.c with ${told} in COVERAGE.md. Its conditions, from
-- llvm-cov: a of line 3 taken both ways, b of line 4 one; c of CHECK, and d by
-- a macro that the export calls a file.
local COVERED = [=[{"data": [{"functions": [{"name": "x.c:f", "filenames":
  ["/root/src/b/x.c", "/root/src/b/m.h", "/root/src/b/m.h"],
  "regions": [[2,1,7,2,9,0,0,0], [5,3,5,8,9,0,1,1], [6,3,6,4,9,0,2,1]],
  "branches": [[3,7,3,8,5,4,0,0,4], [4,7,4,8,9,0,0,0,4],
    [1,18,1,20,0,9,1,0,4], [5,9,5,10,9,0,0,0,4], [2,14,2,15,9,0,2,0,4],
    [2,20,2,21,0,0,2,0,4]] }] }] }]=]
local function cover(name, told, good, want)
  local root = tree { ["tests/x.json"] = COVERED, ["tests/COVERAGE.md"] = told,
    ["src/b/x.c"] = "#define NO\nint f(void)\n  if (a)\n  if (b)\n"
      .. "  CHECK(c);\n  M;\n}\n",
    ["src/b/m.h"] = "#define CHECK if (!c)\n#define M if(d) if(0)\n" }
  local ok, out = sh(string.format("T=$PWD; cd '%s' && %s $T/tests/tools/"
    .. "cover.lua --show=src tests/x.json", root, LUA))
  expect("cover: " .. name, ok == good and out:find(want, 1, true), out)
end

local function test_cover()
  local named = "    b 60 named\n    src/b/x.c f 2 because\n"
  cover("the share", "    b 66.6\n", true, "b               4      6   66.67")
  cover("under its floor", "    b 66.7\n", false, "UNDER ITS FLOOR")
  cover("left out", "    b 0\n", true, "4 ways of CHECK, 2 of constants")
  cover("untaken", "    b 0\n", true, "src/b/x.c:4: f: never false: b\n")
  cover("of a macro", "    b 0\n", true, "src/b/x.c:6: f: never false: d\n")
  cover("named", named, true, "2 ways named")
  cover("not named", "    b 60 named\n", false, "2 untaken, 0 named")
  cover("one not named", named:gsub("2 b", "1 b"), false, "2 untaken, 1 named")
  cover("too many named", named:gsub("2 b", "3 b"), true,
    "2 untaken, 3 named")
  cover("named for nothing", named .. "    src/b/x.c g 1 because\n", true,
    "x.c g: all is taken, 1 named")
end

-- What fuzz.lua makes of a target that prints ${log} and ends with ${code}.
local function fuzz(name, log, code, want)
  local root = tree { ["tests/fuzz/x_fuzz"] = ("cat <<'.'\n%s.\nexit %d\n")
    :format(log, code) }
  local ok, out = sh(("T=$PWD; cd '%s' && chmod +x tests/fuzz/x_fuzz && "
    .. "%s $T/tests/tools/fuzz.lua . 1 1 x"):format(root, LUA))
  expect("fuzz: " .. name, ok == not want
    and out:find(want or "1 passed, 0 failed", 1, true), out)
end

local function test_fuzz()
  local function log(kept, runs)
    return ("#%d\tINITED cov: 9 ft: 9\n#%d\tDONE   cov: 12 ft: 9\n"
      .. "stat::number_of_executed_units: %d\n"):format(kept, runs, runs)
  end
  fuzz("a sound target", log(54, 55), 0)
  fuzz("a find", log(54, 55), 77, "STOPPED")
  fuzz("what was kept, and no more", log(54, 54), 0, "TRIED NOTHING NEW")
  fuzz("no run", log(0, 0), 0, "TRIED NOTHING NEW")
  fuzz("a mute one", "", 0, "TRIED NOTHING NEW")
  fuzz("no such target", "", 127, "STOPPED")
end

local function test_mutants()
  for shows, good in pairs { [""] = false, test_ = false, test_a = true } do
    local root = tree { ["tests/tools/mutants_list.lua"] =
      ("return { { 'c', 'f', 'a', 'b', 't', '%s' } }\n"):format(shows) }
    local ok, out = sh(("T=$PWD; cd '%s' && %s $T/tests/tools/mutants.lua list")
      :format(root, LUA))
    expect("mutants: '" .. shows .. "'", ok == good
      and out:find(good and "c: t, test_a" or "which test", 1, true), out)
  end
end

test_floors()
test_lengths()
test_cover()
test_fuzz()
test_mutants()
test_banned()
test_threats()
test_run_tests()
sh("rm -rf '" .. work .. "'")
print(string.format("%d passed, %d failed", passed, failed))
os.exit(failed == 0)
