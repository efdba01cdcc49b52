-- SPDX-License-Identifier: 0BSD
-- Sessions over TCP with cqueues (Debian: lua-cqueues). cqueues.poll() takes
-- the handles as they are; so does the loop of any controller.

local cqueues = require "cqueues"
local errno = require "cqueues.errno"
local socket = require "cqueues.socket"
local address = require "mahatta.net.address"
local dial = require "mahatta.net.dial"
local listener = require "mahatta.net.listener"
local pump = require "mahatta.net.pump"

local module = {}

-- ---- the stream ----

local Stream = {}
Stream.__index = Stream

local function new_stream(tcp)
  tcp:setmode("bf", "bn")
  tcp:onerror(function (_, _, why) return why end) -- returned, never raised
  return setmetatable({ tcp = tcp }, Stream)
end

local function sentence(why)
  if why == errno.ECONNREFUSED then return "nobody listens there" end
  return errno.strerror(why)
end

function Stream:read(max)
  local bytes, why = self.tcp:recv(-max)
  if bytes then return bytes end
  self.tcp:clearerr()
  if why == errno.EAGAIN or why == errno.ETIMEDOUT then return nil end
  return false, why and why ~= errno.EPIPE and sentence(why) or nil
end

function Stream:write(bytes, from)
  local sent, why = self.tcp:send(bytes, from, #bytes)
  if why and why ~= errno.EAGAIN then return false, sentence(why) end
  self.tcp:clearerr()
  return sent
end

function Stream:shutdown() self.tcp:shutdown("w") end
function Stream:close() self.tcp:close() end
function Stream:pollfd() return self.tcp:pollfd() end
function Stream:timeout() end -- luacheck: ignore 212

-- ---- connect, listen ----

-- A session with the station that listens at ${where}; its handle. Options are
-- the pump's: handshake, idle, ended.
function module.connect(station, where, options)
  local session, host, port = dial(station, where, options)
  if not session then return nil, host, port end
  local tcp = socket.connect({ host = host, port = port, nodelay = true })
  return pump.new(session, new_stream(tcp), cqueues.monotime, options)
end

local Socket = {}
Socket.__index = Socket

function Socket:accept()
  local tcp = self.tcp:accept({ nodelay = true }, 0)
  self.tcp:clearerr()
  if not tcp then return nil end
  local _, host = tcp:peername()
  return new_stream(tcp), host or "?"
end

function Socket:address()
  local _, host, port = self.tcp:localname()
  return host, port
end

function Socket:pollfd() return self.tcp:pollfd() end
function Socket:close() self.tcp:close() end

-- Listen at ${where}: a handle to be stepped when it is readable. Options: see
-- listener.lua.
function module.listen(station, where, options)
  listener.check_options(options, 2)
  local host, port, code = address.parse(where)
  if not host then return nil, port, code end
  local tcp = socket.listen({ host = host, port = port })
  tcp:onerror(function (_, _, why) return why end)
  local ok, why = tcp:listen(5)
  if not ok then
    tcp:close()
    return nil, ("can't listen at %s: %s"):format(where, sentence(why)), "EIO"
  end
  return listener.new(station, setmetatable({ tcp = tcp }, Socket),
    cqueues.monotime, options)
end

-- Step a handle to its end, inside a coroutine of a controller: what its
-- last step returned.
function module.run(handle)
  local more, message, code = handle:step()
  while more do
    cqueues.poll(handle)
    more, message, code = handle:step()
  end
  return more, message, code
end

return module
