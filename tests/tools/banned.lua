-- SPDX-License-Identifier: 0BSD
-- Words that do not enter the tree, each with what to write in its place.
-- Optional argument: the root.

local root = arg[1] or "."

-- Calls in C, looked for outside comments and strings.
local calls = {
  strcpy = "memcpy with a length, or buf_put",
  strncpy = "memcpy with a length",
  strcat = "buf_put",
  strncat = "buf_put",
  sprintf = "snprintf",
  vsprintf = "vsnprintf",
  gets = "fgets",
  strtok = "a loop over a span",
  atoi = "strtol, with its errors looked at",
  atol = "strtol, with its errors looked at",
  system = "nftw for folders, fork and exec for programs",
  alloca = "a buf, or an array of fixed size",
  rand = "crypt_random",
  setjmp = "an error code",
  longjmp = "an error code",
}

-- The core alone: one way to the heap, one way to die.
local core_calls = {
  malloc = "mem_alloc",
  calloc = "mem_zero or mem_resize",
  realloc = "mem_resize",
  free = "mem_free",
  strdup = "mem_alloc and memcpy",
  assert = "CHECK, or an error code for foreign bytes",
  abort = "CHECK",
  exit = "an error code",
  printf = "err_set",
  popen = "nothing: the host starts programs",
  fork = "nothing: the host starts programs",
}
local core_homes = { ["src/base/mem.c"] = true, ["src/base/check.c"] = true }

-- Anywhere, comments too. Written apart, so that this file passes.
local marks = { "TO" .. "DO", "FIX" .. "ME", "X" .. "XX", "HA" .. "CK" }

local bad, count = 0, 0

local function fail(...)
  bad = bad + 1
  print(string.format(...))
end

-- The end of the comment or literal that opens at ${from}.
local function close_of(text, from)
  local two = text:sub(from, from + 1)
  if two == "/*" then
    return select(2, text:find("*/", from + 2, true)) or #text
  elseif two == "//" then
    return (text:find("\n", from, true) or #text + 1) - 1
  end
  local mark, at = text:sub(from, from), from + 1
  while at < #text and text:sub(at, at) ~= mark do
    at = at + (text:sub(at, at) == "\\" and 2 or 1)
  end
  return at
end

-- C without comments and literals; lines keep their numbers.
local function bare(text)
  local out, at = {}, 1
  while true do
    local from = text:find("[\"'/]", at)
    if not from then
      break
    end
    local to = from
    if text:match("^/[*/]", from) or text:match("^[\"']", from) then
      to = close_of(text, from)
    end
    out[#out + 1] = text:sub(at, from - 1)
    out[#out + 1] = text:sub(from, to):gsub("[^\n]", " ")
    at = to + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

local function each_line(text, visit)
  local n = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    n = n + 1
    visit(line, n)
  end
end

local function check_calls(path, text, banned)
  each_line(text, function(line, n)
    for name in line:gmatch "%f[%w_]([%a_][%w_]*)%s*%(" do
      if banned[name] then
        fail("%s:%d: %s(): use %s", path, n, name, banned[name])
      end
    end
  end)
end

local function check_file(path)
  local f = assert(io.open(root .. "/" .. path, "rb"))
  local text = f:read "a"
  f:close()
  count = count + 1
  each_line(text, function(line, n)
    for _, mark in ipairs(marks) do
      if line:find("%f[%w_]" .. mark .. "%f[^%w_]") then
        fail("%s:%d: %s: finish it, or file it", path, n, mark)
      end
    end
  end)
  if path:match "%.[ch]$" then
    local code = bare(text)
    check_calls(path, code, calls)
    if path:match "^src/" and not core_homes[path] then
      check_calls(path, code, core_calls)
    end
  end
end

local list = assert(io.popen("cd '" .. root .. "' && find src lua tests .ci "
  .. "Makefile -name node_modules -prune -o -name corpus -prune -o -type f "
  .. "\\( -name '*.[ch]' -o -name '*.lua' -o -name '*.sh' -o -name '*.mjs' "
  .. "-o -name '*.mk' -o -name Makefile -o -name run -o -name '*.js' \\) "
  .. "-print | sort"))
for path in list:lines() do
  check_file(path)
end
list:close()
print(string.format("banned: %d files, %d faults", count, bad))
os.exit(bad == 0)
