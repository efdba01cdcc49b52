-- SPDX-License-Identifier: 0BSD
-- Sessions over TCP in libuv's loop (Debian: lua-luv).

local uv = require "luv"
local address = require "mahatta.net.address"
local dial = require "mahatta.net.dial"
local listener = require "mahatta.net.listener"
local pump = require "mahatta.net.pump"
local uverror = require "mahatta.net.uverror"
local uvstream = require "mahatta.net.uvstream"

local luv = {}

-- One address of a host after the other, until one answers.
local function try_next(stream, list, i, port, why)
  if stream.closed then return end
  if not list[i] then return uvstream.fail(stream, why or "EAI_NONAME") end
  local tcp = uv.new_tcp()
  tcp:connect(list[i].addr, port, function (failed)
    if failed then
      tcp:close()
      return try_next(stream, list, i + 1, port, failed)
    end
    tcp:nodelay(true)
    uvstream.open(stream, tcp, tcp)
  end)
end

-- A session with the station that listens at ${where}; its handle. Options are
-- the pump's: handshake, idle, peer, ended.
function luv.connect(station, where, options)
  local session, host, port = dial(station, where, options)
  if not session then return nil, host, port end
  local stream = uvstream.stream()
  uv.getaddrinfo(host, nil, { socktype = "stream" }, function (why, list)
    try_next(stream, list or {}, 1, port, why)
  end)
  return uvstream.drive(stream,
    pump.new(session, stream, uvstream.clock, options))
end

-- ---- listening ----

local Socket = {}
Socket.__index = Socket

function Socket:accept()
  local tcp = uv.new_tcp()
  if not self.tcp:accept(tcp) then return tcp:close() end
  tcp:nodelay(true)
  local peer = tcp:getpeername()
  -- IPv4 as IPv6 has it, where one socket listens for both.
  local host = peer and peer.ip:gsub("^::ffff:(%d)", "%1")
  local stream = uvstream.stream()
  uvstream.open(stream, tcp, tcp)
  return stream, host or "?"
end

function Socket:address()
  local name = self.tcp:getsockname()
  return name.ip, name.port
end

function Socket:pollfd() return uv.backend_fd() end -- luacheck: ignore 212

function Socket:close() uvstream.close(self.tcp) end

-- The options, with new handles put into libuv's loop.
local function driven(options)
  local own = {}
  for name, value in pairs(options or {}) do own[name] = value end
  function own.session(handle, host)
    uvstream.drive(handle.stream, handle)
    if options and options.session then options.session(handle, host) end
  end
  return own
end

-- Listen at ${where}: a handle that needs no steps in libuv's own loop.
-- Options: see listener.lua.
function luv.listen(station, where, options)
  listener.check_options(options, 2)
  local host, port, code = address.parse(where)
  if not host then return nil, port, code end
  local list = uv.getaddrinfo(host, nil, { socktype = "stream" })
  local tcp, ok, message = uv.new_tcp(), nil, "EAI_NONAME"
  local self = listener.new(station, setmetatable({ tcp = tcp }, Socket),
    uvstream.clock, driven(options))
  if list and list[1] then ok, message = tcp:bind(list[1].addr, port) end
  if ok then
    ok, message = tcp:listen(64, function (why)
      if not why then self:step() end
    end)
  end
  if ok then return self end
  tcp:close()
  return nil, ("can't listen at %s: %s"):format(where,
    uverror.sentence(message)), "EIO"
end

return luv
