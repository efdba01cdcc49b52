-- SPDX-License-Identifier: 0BSD
-- A listening socket as a handle that any loop can drive, like the handles
-- that it makes.

local gates = require "mahatta.net.gate"
local pump = require "mahatta.net.pump"

local listener = {}

local Listener = { __name = "mahatta.Listener", __metatable = false }
Listener.__index = Listener

-- Over a transport's socket:
--   socket:accept()   the stream of a caller that waits, and its host; or nil
--   socket:address(), socket:pollfd(), socket:close()
-- Options are the pump's (handshake, idle, ended), a gate to share with other
-- listeners, session(handle, host) for each new one, refused(host, why).
function listener.new(station, socket, clock, options)
  return setmetatable({ station = station, socket = socket, clock = clock,
    options = options or {}, gate = options and options.gate or gates.new() },
    Listener)
end

function listener.check_options(options, level)
  pump.check_options(options, " handshake idle ended gate session refused ",
    level + 1)
end

-- Take all callers that wait. Always true: it does not end by itself.
function Listener:step()
  local options = self.options
  for stream, host in function () return self.socket:accept() end do
    local handle, why = self.gate:session(self.station, stream, host,
      self.clock, options)
    if handle and options.session then
      options.session(handle, host)
    elseif not handle and options.refused then
      options.refused(host, why)
    end
  end
  return true
end

-- Where it listens: host, port.
function Listener:address() return self.socket:address() end
function Listener:pollfd() return self.socket:pollfd() end
function Listener:events() return "r" end -- luacheck: ignore 212
function Listener:timeout() end -- luacheck: ignore 212
function Listener:close() self.socket:close() end
Listener.__close = Listener.close

return listener
