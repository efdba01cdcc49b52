-- SPDX-License-Identifier: 0BSD
-- Holds tests/THREATS.md against the tree: each threat once, each test that it
-- names is there, each test that is called after a threat stands in it, each
-- limit of limits.h has its line. Optional argument: the root.
--
--   ### 14 CBOR that nests          a threat; "later: " in it: not all is there
--   - test: tests/x_test.c `name`   a test; a C function, or a spec's words
--   - `NAME`: tests/x_test.c `name` a limit and its test, which speaks of it
--   - `NAME` (4096): ...            which says this instead
--   - `NAME`: none: why             a limit without a border that bytes reach

local root = (arg[1] or ".") .. "/"
local THREATS = 66

local bad = 0
local function fail(...)
  bad = bad + 1
  print(string.format(...))
end

local files = {}
local function read(path)
  if files[path] == nil then
    local f = io.open(root .. path)
    files[path] = f and f:read "a" or false
    if f then f:close() end
  end
  return files[path]
end

-- Is there such a test, and does it run?
local function there(path, name)
  local text = read(path)
  if not text then return fail("%s: is not there", path) end
  local found
  if path:find "%.[ch]$" then
    found = text:find("test_" .. name .. "(void)\n{", 1, true)
      and text:find("[^%w_]test_" .. name .. "%)")
      or text:find("SCENE(" .. name .. ")", 1, true)
  else
    for _, mark in ipairs { "it(", "describe(", "test(" } do
      for _, quote in ipairs { '"', "'", "`" } do
        found = found or text:find(mark .. quote .. name .. quote, 1, true)
      end
    end
  end
  if not found then fail("%s: has no test `%s`", path, name) end
end

-- The tests that a line names: a path, then names between back quotes.
local function tests_of(line)
  local list, path, at = {}, nil, 1
  while true do
    local from, to = line:find("tests/[%w/_.]*%w", at)
    local name_from, name_to = line:find("`[^`]+`", at)
    if from and from < (name_from or #line + 1) then
      path, at = line:sub(from, to), to + 1
    elseif name_from then
      if not path then return {} end
      list[#list + 1] = { path, line:sub(name_from + 1, name_to - 1) }
      at = name_to + 1
    else
      return list
    end
  end
end

local seen, tested, limits, current = {}, {}, {}, nil

local function limit(line, name, rest)
  if limits[name] then fail("%s: is listed twice", name) end
  limits[name] = true
  if rest:find "^: none: %S" then return end
  local number = rest:match "^ %(([^)]+)%)"
  local list = tests_of(rest)
  if #list == 0 then fail("%s: names no test", line) end
  for _, one in ipairs(list) do
    there(one[1], one[2])
    local text = read(one[1]) or ""
    local says = number and text:find(number, 1, true)
    if not says and not text:find("%f[%w_]" .. name .. "%f[^%w_]") then
      fail("%s: never speaks of %s", one[1], name)
    end
  end
end

local function take(line)
  local n = line:match "^### (%d+) %S"
  local name, rest = line:match "^%- `([A-Z0-9_]+)`(.+)$"
  if n then
    current = tonumber(n)
    if seen[current] then fail("threat %d: is listed twice", current) end
    seen[current] = true
  elseif line:find "^## " then
    current = nil
  elseif current and line:find "^%- test: " then
    local list = tests_of(line)
    if #list == 0 then fail("threat %d: names no test", current) end
    for _, one in ipairs(list) do there(one[1], one[2]) end
    tested[current] = true
  elseif current and line:find "^%- later: %S" then
    tested[current] = true
  elseif name then
    limit(line, name, rest)
  end
end

-- A long line may go on in the next ones, indented.
local function lines_of(text)
  return (text:gsub("\n +", " ")):gmatch "[^\n]+"
end

local text = assert(read "tests/THREATS.md", "no tests/THREATS.md")
for line in lines_of(text) do take(line) end
for n = 1, THREATS do
  if not seen[n] then fail("threat %d: is not listed", n) end
  if seen[n] and not tested[n] then
    fail("threat %d: has no test, and says nothing of later", n)
  end
end
for name in (read "src/base/limits.h" or ""):gmatch "#define ([A-Z0-9_]+) " do
  if not limits[name] then fail("%s: has no line in THREATS.md", name) end
end
local pipe = assert(io.popen(("cd '%s' && ls tests/*/threat_* 2>/dev/null")
  :format(root)))
for path in pipe:lines() do
  if not text:find(path, 1, true) then
    fail("%s: is not named in THREATS.md", path)
  end
end
pipe:close()

local list = loadfile(root .. "tests/tools/mutants_list.lua")
local flat = text:gsub("%s+", " ")
for _, mutant in ipairs(list and list() or {}) do
  if not flat:find("- " .. mutant[1] .. ": tests/", 1, true) then
    fail("a check that is taken out has no line: %s", mutant[1])
  end
end

local count = 0
for _ in pairs(limits) do count = count + 1 end
print(("threats: %d threats, %d limits, %d faults"):format(THREATS, count,
  bad))
os.exit(bad == 0)
