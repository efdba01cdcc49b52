-- SPDX-License-Identifier: 0BSD
-- Sessions over TCP with LuaSocket (Debian: lua-socket). Names are looked up
-- by the system, which may take its time: give addresses where that matters.

local socket = require "socket"
local address = require "mahatta.net.address"
local dial = require "mahatta.net.dial"
local listener = require "mahatta.net.listener"
local pump = require "mahatta.net.pump"

local luasocket = {}

local clock = socket.gettime

-- ---- the stream ----

local Stream = {}
Stream.__index = Stream

-- ${to} = { host, port } while it is not yet connected.
local function new_stream(tcp, to)
  tcp:settimeout(0)
  return setmetatable({ tcp = tcp, to = to }, Stream)
end

-- true when connected; nil: not yet; false, message.
local function connected(self)
  if not self.to then return true end
  local ok, message = self.tcp:connect(self.to[1], self.to[2])
  if ok or message == "already connected" then
    self.to = nil
    self.tcp:setoption("tcp-nodelay", true)
    return true
  elseif message == "timeout" or message:find("in progress", 1, true) then
    return nil
  end
  return false, message == "connection refused" and "nobody listens there"
    or message
end

function Stream:read(max)
  local ready, why = connected(self)
  if not ready then return ready, why end
  local bytes, message, part = self.tcp:receive(max)
  bytes = bytes or part
  if bytes and bytes ~= "" then return bytes end
  if message == "timeout" then return nil end
  return false, message ~= "closed" and message or nil
end

function Stream:write(bytes, from)
  local ready, why = connected(self)
  if not ready then return ready == nil and 0, why end
  local last, message, part = self.tcp:send(bytes, from)
  last = last or part
  if last >= from or message == "timeout" then return last - from + 1 end
  return false, "the connection was cut"
end

function Stream:shutdown()
  if not self.to then self.tcp:shutdown("send") end
end
function Stream:close() self.tcp:close() end
function Stream:pollfd() return self.tcp:getfd() end

-- Only poll for writing would tell that a connection has come about, and the
-- pump asks for that when it has something to write.
function Stream:timeout() return self.to and 0.05 or nil end

-- ---- connect, listen, run ----

-- A session with the station that listens at ${where}; its handle. Options are
-- the pump's: handshake, idle, ended.
function luasocket.connect(station, where, options)
  local session, host, port = dial(station, where, options)
  if not session then return nil, host, port end
  local found, message = socket.dns.getaddrinfo(host)
  if not found or not found[1] then
    session:close()
    return nil, ("%s: %s"):format(where, message or "no such host"), "EIO"
  end
  local tcp = found[1].family == "inet6" and socket.tcp6() or socket.tcp4()
  return pump.new(session, new_stream(tcp, { found[1].addr, port }), clock,
    options)
end

local Socket = {}
Socket.__index = Socket

function Socket:accept()
  local tcp = self.tcp:accept()
  if not tcp then return nil end
  tcp:setoption("tcp-nodelay", true)
  return new_stream(tcp), tcp:getpeername() or "?"
end

function Socket:address() return self.tcp:getsockname() end
function Socket:pollfd() return self.tcp:getfd() end
function Socket:close() self.tcp:close() end

-- Listen at ${where}: a handle to be stepped when it is readable. Options: see
-- listener.lua.
function luasocket.listen(station, where, options)
  listener.check_options(options, 2)
  local host, port, code = address.parse(where)
  if not host then return nil, port, code end
  local tcp, message = socket.bind(host, port, 64)
  if not tcp then
    return nil, ("can't listen at %s: %s"):format(where, message), "EIO"
  end
  tcp:settimeout(0)
  return listener.new(station, setmetatable({ tcp = tcp }, Socket), clock,
    options)
end

-- Wait until one of these handles can be stepped.
local function wait(handles)
  local reading, writing, left = {}, {}, nil
  for _, handle in ipairs(handles) do
    local events = handle:events() or ""
    local fd = { getfd = function () return handle:pollfd() end }
    if events:find("r") then reading[#reading + 1] = fd end
    if events:find("w") then writing[#writing + 1] = fd end
    local own = handle:timeout()
    left = own and math.min(left or own, own) or left
  end
  socket.select(reading, writing, left)
end

-- A small loop for programs that have none: step these handles and listeners
-- until all handles are over. The list may grow meanwhile.
function luasocket.run(handles)
  while #handles > 0 do
    for i = #handles, 1, -1 do
      if not handles[i]:step() then table.remove(handles, i) end
    end
    if #handles > 0 then wait(handles) end
  end
end

return luasocket
