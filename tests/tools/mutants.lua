-- SPDX-License-Identifier: 0BSD
-- Takes the checks that matter most out of the source, one at a time, in a
-- copy of the tree: a test must fail. A patch that no longer applies is a
-- fault, too, and so is a test that fails before anything was taken out.
--
--   lua tests/tools/mutants.lua            all of them
--   lua tests/tools/mutants.lua 7 12       these
--   lua tests/tools/mutants.lua list       their names and tests
--
-- `make mutants` calls it, with a tree that is built.

io.stdout:setvbuf "line"

local LUA = os.getenv "LUA" or "lua5.4"
local BUILD = os.getenv "BUILD_DIR" or "build/5.4"
local MUTANTS = dofile "tests/tools/mutants_list.lua"

local function sh(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1"))
  local out = pipe:read "a"
  return pipe:close() == true, out
end

local function must(command)
  local ok, out = sh(command)
  if not ok then error(command .. ":\n" .. out, 0) end
  return (out:gsub("%s+$", ""))
end

local function slurp(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read "a"
  f:close()
  return text
end

local function write(path, text)
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
end

-- ---- a copy of the tree ----

local here = must "pwd"
local vectors = os.getenv "VECTORS" or "../shared/vectors"
vectors = vectors:sub(1, 1) == "/" and vectors or here .. "/" .. vectors

-- With what is built already, its times kept: make has little to do.
local function copy()
  local root = must "mktemp -d"
  must(("cp -a Makefile src lua tests mahatta-scm-1.rockspec '%s'"):format(
    root))
  must(("mkdir -p '%s/%s' && cp -a '%s/.' '%s/%s'"):format(root, BUILD, BUILD,
    root, BUILD))
  return root
end

local function inside(root, command)
  return sh(("cd '%s' && export VECTORS='%s' CUT_STATES=6000; %s"):format(
    root, vectors, command))
end

local function make(root, target)
  return inside(root, ("make -s %s WERROR=0 SETUP=no"):format(target))
end

-- Build and run a test: "passed" or "failed" and its output; "no build" and
-- "not in time" say nothing of the test.
local function run(root, test)
  local spec = test:find "%.lua$"
  local program = ("%s/tests/%s"):format(BUILD, test)
  local ok, out = make(root, spec and "core" or program)
  if not ok then return "no build", out end
  local command = spec and ("%s /usr/bin/busted -o TAP tests/%s"):format(LUA,
    test) or program
  ok, out = inside(root, "timeout 300 " .. command
    .. "; code=$?; [ $code != 124 ] || echo timed out; exit $code")
  local late = out:find "timed out\n$"
  return ok and "passed" or late and "not in time" or "failed", out
end

-- ---- one check less ----

local function count(text, part)
  local n, at = 0, 1
  while true do
    local from, to = text:find(part, at, true)
    if not from then return n end
    n, at = n + 1, to + 1
  end
end

-- nil, or what is wrong.
local function try(root, m)
  local path = root .. "/" .. m.file
  local text = slurp(path)
  if count(text, m.from) ~= 1 then
    return ("the patch of %s applies %d times"):format(m.file,
      count(text, m.from))
  end
  local from, to = text:find(m.from, 1, true)
  write(path, text:sub(1, from - 1) .. m.to .. text:sub(to + 1))
  local how, out = run(root, m.test)
  write(path, text)
  if how == "no build" or how == "not in time" then
    return how .. ":\n" .. out
  end
  if how == "passed" then return "lives: " .. m.test .. " passes" end
  if not ("\n" .. out):gsub("\nok [^\n]*", ""):find(m.shows, 1, true) then
    return ("%s fails, but not of '%s':\n%s"):format(m.test, m.shows, out)
  end
end

local function before(root, chosen)
  local seen, faults = {}, 0
  for _, m in ipairs(chosen) do
    if not seen[m.test] then
      seen[m.test] = true
      local how, out = run(root, m.test)
      if how ~= "passed" then
        faults = faults + 1
        print(("%s %s before anything was taken out:\n%s"):format(m.test, how,
          out))
      end
    end
  end
  return faults
end

local function choose()
  local chosen = {}
  for _, n in ipairs(arg) do
    chosen[#chosen + 1] = assert(MUTANTS[tonumber(n)], "no mutant " .. n)
  end
  return #chosen > 0 and chosen or MUTANTS
end

for i, m in ipairs(MUTANTS) do
  m.n, m.title, m.file, m.from, m.to = i, m[1], m[2], m[3], m[4]
  m.test, m.shows = m[5], m[6]
  assert(#m.shows > #"test_", m.title .. ": which test shows it?")
end
if arg[1] == "list" then
  for _, m in ipairs(MUTANTS) do
    print(("%2d %s: %s, %s"):format(m.n, m.title, m.test, m.shows))
  end
  os.exit(true)
end

local chosen, root = choose(), copy()
local faults = before(root, chosen)
local dead = 0
for _, m in ipairs(faults == 0 and chosen or {}) do
  local wrong = try(root, m)
  dead = dead + (wrong and 0 or 1)
  print(("%s %2d without: %s"):format(wrong and "not ok" or "ok    ", m.n,
    m.title))
  if wrong then print("  " .. wrong:gsub("\n", "\n  ")) end
end
must(("rm -rf '%s'"):format(root))
print(("%d passed, %d failed, 0 skipped"):format(dead,
  #chosen - dead))
os.exit(faults == 0 and dead == #chosen)
