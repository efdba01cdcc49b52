-- SPDX-License-Identifier: 0BSD
-- What every listener does with a caller: is there room, then a session and
-- its pump. Asked before a stranger costs anything.

local address = require "mahatta.net.address"
local pump = require "mahatta.net.pump"

local gate = {}

-- Each session holds up to 2 MiB on this side; 64 of them are 128 MiB.
local SESSIONS, NEIGHBOUR, PEER = 64, 4, 2

local Gate = {}
Gate.__index = Gate

-- Options: sessions, neighbour, peer: how many at once in all, from one
-- network neighbour, with one station.
function gate.new(options)
  options = options or {}
  return setmetatable({ open = 0, counts = {},
    sessions = options.sessions or SESSIONS,
    neighbour = options.neighbour or NEIGHBOUR, peer = options.peer or PEER },
    Gate)
end

-- One more under this key, noted in ${keys}; false when there are enough.
local function add(self, keys, key, most)
  local n = self.counts[key] or 0
  if n >= most then return false end
  self.counts[key] = n + 1
  keys[#keys + 1] = key
  return true
end

local function leave(self, keys)
  for _, key in ipairs(keys) do
    local n = self.counts[key] - 1
    self.counts[key] = n > 0 and n or nil
  end
  self.open = self.open - 1
end

local function room(self, keys, host)
  if self.open >= self.sessions then
    return nil, ("%d sessions are open, no more"):format(self.open)
  end
  if not add(self, keys, "at " .. address.neighbour(host), self.neighbour) then
    return nil, ("%d sessions from there are open, no more")
      :format(self.neighbour)
  end
  self.open = self.open + 1
  return true
end

-- A pump for the caller from ${host}, on the listening side of a session. The
-- stream is closed when there is no room: nil, message, code. Options are the
-- pump's.
function Gate:session(station, stream, host, clock, options)
  local keys = {}
  local ok, full = room(self, keys, host)
  if not ok then
    stream:close()
    return nil, full, "ELIMIT"
  end
  -- Callers can name themselves anew as often as they like: what they bring
  -- counts by where they call from.
  local session, message, code = station:session({ initiator = false,
    way = "from " .. host })
  if not session then
    leave(self, keys)
    stream:close()
    return nil, message, code
  end
  return pump.new(session, stream, clock, {
    handshake = options.handshake, idle = options.idle,
    peer = function (did)
      if add(self, keys, did, self.peer) then return true end
      return nil, ("%d sessions with this station are open, no more")
        :format(self.peer), "ELIMIT"
    end,
    ended = function (handle)
      leave(self, keys)
      if options.ended then options.ended(handle) end
    end })
end

return gate
