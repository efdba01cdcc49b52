-- SPDX-License-Identifier: 0BSD
-- Reads src/FLOORS and fails when a file is not listed there, when an include
-- or a require goes up or sideways (foo.c may include its own foo.h), or when
-- a fenced header is used outside its home. Optional argument: the root.

local root = (arg[1] or ".") .. "/"

-- header (a pattern) -> the paths (a pattern) that may include it. The core
-- opens no socket and starts no thread: those headers have no home in it, and
-- no other than mahatta.http.
local fences = {
  { "^sqlite3", "^src/store/sqlite[%w_]*%.[ch]$" },
  { "^sodium", "^src/form/crypt%.c$" },
  { "^openssl/", "^src/form/hash%.c$" },
  { "^zstd", "^src/form/zpack%.c$" },
  { "^utf8proc%.h$", "^src/text/fold%.c$" },
  { "^qrencode%.h$", "^src/form/qr%.c$" },
  { "^png%.h$", "^src/form/qr%.c$" },
  { "^libstemmer%.h$", "^src/text/stem_en%.c$" },
  { "^lua%.h$", "^src/lua/" },
  { "^lauxlib%.h$", "^src/lua/" },
  { "^lualib%.h$", "^src/lua/" },
  { "^microhttpd%.h$", "^src/lua/lhttp%.h$" },
  { "^sys/socket%.h$", "^src/lua/lhttp%.c$" },
  { "^netinet/", "^src/lua/lhttp%.c$" },
  { "^arpa/", "^src/lua/lhttp%.c$" },
  { "^netdb%.h$", "^$" },
  { "^pthread%.h$", "^$" },
  { "^threads%.h$", "^$" },
}

local floor, bad, count = {}, 0, 0

local function fail(...)
  bad = bad + 1
  print(string.format(...))
end

local function read(path)
  local f = io.open(root .. path)
  if not f then
    return nil
  end
  local text = f:read "a"
  f:close()
  return text
end

-- "src/base/buf.[ch]" stands for the pair.
local function names(path)
  local stem = path:match "^(.*)%.%[ch%]$"
  return stem and { stem .. ".c", stem .. ".h" } or { path }
end

local function load_floors()
  for line in assert(io.lines(root .. "src/FLOORS")) do
    local n, path = line:match "^(%d+)%s+(%S+)%s+%S"
    if n then
      for _, name in ipairs(names(path)) do
        if floor[name] then
          fail("src/FLOORS lists %s twice", name)
        end
        floor[name] = tonumber(n)
      end
    elseif line:match "%S" and not line:match "^#" then
      fail("src/FLOORS: want 'floor path its one job', got: %s", line)
    end
  end
end

local function check_fence(path, header)
  for _, fence in ipairs(fences) do
    if header:match(fence[1]) and not path:match(fence[2]) then
      fail("%s may not include %s: its home is %s", path, header,
        fence[2] == "^$" and "nowhere in src/" or fence[2])
    end
  end
end

local function stem(path)
  return (path:gsub("%.%w+$", ""))
end

local function check_down(path, target)
  if floor[target] and stem(target) ~= stem(path)
    and floor[target] >= floor[path] then
    fail("%s (floor %d) may not use %s (floor %d)", path, floor[path], target,
      floor[target])
  end
end

local function c_target(path, header)
  local beside = path:match "^.*/" .. header
  return floor["src/" .. header] and "src/" .. header or beside
end

local function lua_target(name)
  local p = "lua/" .. name:gsub("%.", "/")
  return floor[p .. ".lua"] and p .. ".lua" or p .. "/init.lua"
end

local function check_c(path, text)
  for mark, header in text:gmatch "\n%s*#%s*include%s+([\"<])([^\">]+)" do
    check_fence(path, header)
    if mark == '"' then
      local target = c_target(path, header)
      check_down(path, target)
      if not read(target) then
        fail("%s includes %s, which is not there", path, header)
      end
    end
  end
end

local function check_lua(path, text)
  for name in text:gmatch "require%s*%(?%s*[\"'](mahatta[%w_.]*)[\"']" do
    if name ~= "mahatta.core" then
      check_down(path, lua_target(name))
    end
  end
end

local function check_file(path)
  count = count + 1
  if not floor[path] then
    return fail("%s: not in src/FLOORS", path)
  end
  local text = "\n" .. assert(read(path))
  if path:match "%.lua$" then
    check_lua(path, text)
  else
    check_c(path, text)
  end
end

load_floors()
local list = assert(io.popen("cd '" .. root .. "' && find src lua -type f "
  .. "\\( -name '*.[ch]' -o -name '*.lua' \\) | sort"))
for path in list:lines() do
  check_file(path)
end
list:close()
for path in pairs(floor) do
  if not read(path) then
    fail("src/FLOORS lists %s, which is not there", path)
  end
end
print(string.format("floors: %d files, %d faults", count, bad))
os.exit(bad == 0)
