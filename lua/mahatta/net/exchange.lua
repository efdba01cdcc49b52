-- SPDX-License-Identifier: 0BSD
-- A pump's stream through a folder that two stations see: numbered files, each
-- there whole or not at all, removed by the one that has read it.
--
-- Of the pair "A-B" B began: its bytes lie in "A-B.i00000001" and so on, those
-- of A in "A-B.r00000001"; "A-B.i00000007.end" says that no more will come.

local lfs = require "lfs"
local pump = require "mahatta.net.pump"

local exchange = {}

local AHEAD_MAX = 16 -- files of ours that the other has not yet taken
local FILE_MAX = pump.CHUNK
local POLL_S = 0.05

local Stream = {}
Stream.__index = Stream

-- Eight random bytes in hex.
function exchange.random()
  local source = assert(io.open("/dev/urandom", "rb"))
  local bytes = source:read(8)
  source:close()
  return (bytes:gsub(".", function (c) return ("%02x"):format(c:byte()) end))
end

-- Not what a link leads to.
function exchange.is_file(path)
  return lfs.symlinkattributes(path, "mode") == "file"
end

-- Names in a folder; none when it is gone.
function exchange.names(dir)
  local names = {}
  local ok, iterator, state = pcall(lfs.dir, dir)
  if not ok then return names end
  for name in iterator, state do names[#names + 1] = name end
  return names
end

-- A file that appears whole. Beside it nobody can lay a link in the way, as
-- the name that it is written under can't be told beforehand.
function exchange.put(dir, name, bytes)
  local part = ("%s/%s.part"):format(dir, exchange.random())
  local file, message = io.open(part, "wb")
  if not file then return nil, message end
  local written, closed
  written, message = file:write(bytes)
  closed, message = file:close(), written and "no room" or message
  if written and closed then
    written, message = os.rename(part, dir .. "/" .. name)
    if written then return true end
  end
  os.remove(part)
  return nil, message
end

-- The stream of one of the pair.
function exchange.stream(dir, pair, initiator)
  return setmetatable({ dir = dir, pair = pair, taken = 0, written = 0,
    ours = initiator and "i" or "r", theirs = initiator and "r" or "i" },
    Stream)
end

local function name_of(self, side, n, suffix)
  return ("%s.%s%08d%s"):format(self.pair, side, n, suffix or "")
end

local function path_of(self, side, n, suffix)
  return self.dir .. "/" .. name_of(self, side, n, suffix)
end

function Stream:read()
  local path = path_of(self, self.theirs, self.taken + 1)
  if exchange.is_file(path) then
    local file, message = io.open(path, "rb")
    if not file then return false, message end
    local bytes = file:read(FILE_MAX + 1) or ""
    file:close()
    if #bytes > FILE_MAX or bytes == "" then
      return false, path .. ": not of another station"
    end
    self.taken = self.taken + 1
    os.remove(path)
    return bytes
  elseif exchange.is_file(path .. ".end") then
    return false
  elseif lfs.attributes(self.dir, "mode") ~= "directory" then
    return false, "the folder is gone"
  end
end

function Stream:write(bytes, from)
  local oldest = self.written - AHEAD_MAX + 1
  if oldest > 0 and exchange.is_file(path_of(self, self.ours, oldest)) then
    return 0
  end
  local ok, message = exchange.put(self.dir,
    name_of(self, self.ours, self.written + 1), bytes:sub(from))
  if not ok then return false, message end
  self.written = self.written + 1
  return #bytes - from + 1
end

-- Has the other said its end? Then it reads no more, either.
local function deserted(self)
  local last = path_of(self, self.theirs, self.taken + 1, ".end")
  return exchange.is_file(last)
end

function Stream:shutdown()
  if self.shut or deserted(self) then return end
  self.shut = true
  exchange.put(self.dir, name_of(self, self.ours, self.written + 1, ".end"),
    "")
end

-- What the other has left goes; it does the same with ours, once read.
function Stream:close()
  local all = deserted(self)
  self:shutdown()
  local prefix = self.pair .. "." .. (all and "" or self.theirs)
  for _, name in ipairs(exchange.names(self.dir)) do
    if name:sub(1, #prefix) == prefix then
      os.remove(self.dir .. "/" .. name)
    end
  end
end

function Stream:pollfd() end -- luacheck: ignore 212
function Stream:timeout() return POLL_S end -- luacheck: ignore 212

return exchange
