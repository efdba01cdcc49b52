-- SPDX-License-Identifier: 0BSD
-- What the specs share: folders that go away, stations in them, bytes.

local lfs = require "lfs"
local mahatta = require "mahatta"

local support = {}

support.VECTORS = os.getenv("VECTORS") or "../shared/vectors"

-- AddressSanitizer is preloaded, into programs that are run as well: it wants
-- terabytes of addresses.
support.SANITIZED = (os.getenv("LD_PRELOAD") or ""):find("asan", 1, true)
if support.SANITIZED then require("mahatta.helper").MEMORY_KIB = 1 << 40 end

local folders = {}

local function quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end
support.quoted = quoted

-- A fresh empty folder; support.clean() removes all of them. ${quick}: in
-- memory where the system has such a place, for many small stations.
function support.folder(quick)
  local memory = quick and lfs.attributes("/dev/shm", "mode") == "directory"
  local pipe = assert(io.popen(memory and "mktemp -d -p /dev/shm"
    or "mktemp -d"))
  local path = assert(pipe:read("l"))
  pipe:close()
  folders[#folders + 1] = path
  return path
end

function support.clean()
  for _, path in ipairs(folders) do
    os.execute("rm -rf -- " .. quoted(path)) -- made by mktemp above
  end
  folders = {}
end

function support.write(path, bytes)
  local parts = path:match("^(.*)/[^/]+$")
  local built = ""
  for part in parts:gmatch("[^/]+") do
    built = built .. "/" .. part
    lfs.mkdir(built)
  end
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  assert(file:close())
  return path
end

function support.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local bytes = file:read("a")
  file:close()
  return bytes
end

-- A clock that stands still until it is moved.
function support.clock(start)
  local clock = { now = start or 1700000000 }
  clock.tell = function () return clock.now end
  return clock
end

-- A station in a folder of its own (or in `dir`).
function support.station(options, dir)
  dir = dir or support.folder()
  return assert(mahatta.open(dir .. "/s.mahatta", options)), dir
end

-- Bytes that don't compress and never repeat: xorshift from a seed.
function support.noise(n, seed)
  local x, out = seed or 88172645463325252, {}
  for i = 1, (n + 7) // 8 do
    x = x ~ (x << 13)
    x = x ~ (x >> 7)
    x = x ~ (x << 17)
    out[i] = string.pack("<i8", x)
  end
  return table.concat(out):sub(1, n)
end

function support.run(job, message)
  local result, fault = assert(job, message):run()
  job:close()
  return assert(result, fault)
end

-- Everything an iterator yields, as a list.
function support.all(iterator)
  local list = {}
  for item in iterator do list[#list + 1] = item end
  return list
end

function support.ids(iterator)
  local list = {}
  for item in iterator do list[#list + 1] = item.id end
  return list
end

-- Move all that `from` has to `to` by a carry file.
function support.carry(from, to, options)
  local path = support.folder() .. "/all.car"
  support.run(from:pack(path, options))
  return support.run(to:unpack(path)), path
end

local function varint(n)
  local out = ""
  while n >= 128 do
    out = out .. string.char(n & 127 | 128)
    n = n >> 7
  end
  return out .. string.char(n)
end

-- A CARv1 archive of these blocks; their codecs beside them.
function support.car(blocks, codecs)
  local header = mahatta.encode({ version = 1, roots = {} })
  local out = { varint(#header), header }
  for i, bytes in ipairs(blocks) do
    local id = tostring(mahatta.encode({ mahatta.link(
      mahatta.id(bytes, codecs[i])) })):match("\0(.*)$")
    out[#out + 1] = varint(#id + #bytes)
    out[#out + 1] = id
    out[#out + 1] = bytes
  end
  return table.concat(out)
end

-- A page with one line, as the format's specification has the smallest one.
function support.pdf(line)
  local stream = "BT /F1 18 Tf 20 100 Td (" .. line .. ") Tj ET"
  local objects = {
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
      .. "/Resources << /Font << /F1 5 0 R >> >> >>",
    "<< /Length " .. #stream .. " >>\nstream\n" .. stream .. "\nendstream",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  }
  local out, places = "%PDF-1.4\n", {}
  for i, object in ipairs(objects) do
    places[i] = ("%010d 00000 n \n"):format(#out)
    out = out .. i .. " 0 obj\n" .. object .. "\nendobj\n"
  end
  return out .. "xref\n0 6\n0000000000 65535 f \n" .. table.concat(places)
    .. "trailer << /Size 6 /Root 1 0 R >>\nstartxref\n" .. #out .. "\n%%EOF\n"
end

-- A zip archive of ${files} (name -> bytes) as ${name}; nil without zip, whose
-- own leaks are nothing to a sanitizer that was preloaded.
function support.archive(name, files)
  local folder = support.folder()
  for inside, bytes in pairs(files) do
    support.write(folder .. "/" .. inside, bytes)
  end
  if not require("mahatta.helper").find("zip") then return nil end
  assert(os.execute("cd " .. support.quoted(folder)
    .. " && LD_PRELOAD= zip -qr " .. support.quoted(name) .. " . >/dev/null"))
  return folder .. "/" .. name
end

-- Run a shell command: output, exit code.
function support.shell(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("a")
  local _, _, code = pipe:close()
  return text, code
end

-- The command line `mahatta WORD...` for the station ${station} in ${dir}, for
-- a shell; "@name" is a path in ${dir}.
function support.command(dir, station, ...)
  local parts = { "LUA_CPATH=" .. quoted(package.cpath),
    "MAHATTA=" .. quoted(dir .. "/" .. station),
    "lua5.4 lua/mahatta/cli/main.lua" }
  for _, word in ipairs({ ... }) do
    parts[#parts + 1] = quoted((word:gsub("^@", dir .. "/")))
  end
  return table.concat(parts, " ")
end

-- A Lua program in a process of its own, with the modules of this one.
function support.lua(program)
  local path = support.write(support.folder() .. "/p.lua", program)
  return support.shell(("LUA_PATH=%s LUA_CPATH=%s lua5.4 %s"):format(
    quoted(package.path), quoted(package.cpath), quoted(path)))
end

-- Raises what matches `pattern` (plain text).
function support.raises(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "nothing was raised; wanted: " .. pattern)
  assert(tostring(message):find(pattern, 1, true),
    ("raised %q; wanted: %s"):format(tostring(message), pattern))
end

-- Let libuv's handles that were closed go, before the Lua state does: luv
-- (1.44) crashes over them otherwise.
function support.drain()
  local uv = package.loaded.luv
  if uv then uv.run() end
end

return support
