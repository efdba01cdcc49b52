-- SPDX-License-Identifier: 0BSD
-- Holds the limits of size: a file has 900 lines at most, a function 70, a
-- line 80 columns; no tabs, no blanks at line ends. Optional argument: the
-- root. Functions of C are measured by ctags, those of Lua by luac.

local FILE_LINES, FUNCTION_LINES, COLUMNS = 900, 70, 80

local root = arg[1] or "."
local bad, files, functions = 0, 0, 0

local function fail(...)
  bad = bad + 1
  print(string.format(...))
end

local function lines_of(command)
  local pipe = assert(io.popen(string.format("cd '%s' && %s", root, command)))
  local lines = {}
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  if not pipe:close() then
    fail("failed: %s", command)
  end
  return lines
end

local function find(dirs, names)
  return lines_of(string.format("find %s -name node_modules -prune -o "
    .. "-name corpus -prune -o -type f \\( %s \\) -print | sort", dirs, names))
end

local function check_lines(path)
  local n = 0
  files = files + 1
  for line in io.lines(root .. "/" .. path) do
    n = n + 1
    -- An annotation of LuaLS is one line by its grammar.
    if (utf8.len(line) or #line) > COLUMNS and not line:match "^%-%-%-@" then
      fail("%s:%d: %d columns, at most %d", path, n, utf8.len(line) or #line,
        COLUMNS)
    end
    if line:match "\t" or line:match "%s$" then
      fail("%s:%d: a tab, or a blank at the end", path, n)
    end
  end
  if n > FILE_LINES then
    fail("%s: %d lines, at most %d", path, n, FILE_LINES)
  end
end

local function check_function(path, name, first, last)
  functions = functions + 1
  local n = last - first + 1
  if n > FUNCTION_LINES then
    fail("%s:%d: %s has %d lines, at most %d", path, first, name, n,
      FUNCTION_LINES)
  end
end

local function check_c_functions(paths)
  if #paths == 0 then
    return
  end
  for _, line in ipairs(lines_of("ctags -x --language-force=C --c-kinds=f "
    .. "--fields=+ne --_xformat='%n %e %N %F' " .. table.concat(paths, " "))) do
    local first, last, name, path = line:match "^(%d+) (%d+) (%S+) (.*)$"
    if first then
      check_function(path, name, tonumber(first), tonumber(last))
    end
  end
end

local function check_lua_functions(path)
  for _, line in ipairs(lines_of("luac5.4 -l -p " .. path)) do
    local first, last = line:match "^function <.*:(%d+),(%d+)>"
    if first then
      check_function(path, "function", tonumber(first), tonumber(last))
    end
  end
end

local c = find("src tests", "-name '*.[ch]'")
for _, path in ipairs(c) do
  check_lines(path)
end
check_c_functions(c)
for _, path in ipairs(find("lua tests", "-name '*.lua'")) do
  check_lines(path)
  -- A spec is one long function by nature: describe().
  if not path:match "^tests/spec/" then
    check_lua_functions(path)
  end
end
for _, path in ipairs(find("tests .ci", "-name '*.sh' -o -name '*.mjs'")) do
  check_lines(path)
end
print(string.format("lengths: %d files, %d functions, %d faults", files,
  functions, bad))
os.exit(bad == 0)
