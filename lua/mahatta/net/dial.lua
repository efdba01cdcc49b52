-- SPDX-License-Identifier: 0BSD
-- What every transport does before it dials.

local address = require "mahatta.net.address"
local pump = require "mahatta.net.pump"

-- The beginning side of a session, and where to: host, port. nil, message,
-- code; raises for the caller of the caller when the options are none.
local function dial(station, where, options)
  pump.check_options(options, " handshake idle peer ended ", 3)
  local host, port, code = address.parse(where)
  if not host then return nil, port, code end
  local session, message
  session, message, code = station:session({ initiator = true })
  if not session then return nil, message, code end
  return session, host, port
end

return dial
