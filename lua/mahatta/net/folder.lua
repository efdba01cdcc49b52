-- SPDX-License-Identifier: 0BSD
-- Sessions through a folder that two stations see: a share, a folder that
-- another program copies, a stick that two machines can reach.

local lfs = require "lfs"
local exchange = require "mahatta.net.exchange"
local meeting = require "mahatta.net.meeting"
local pump = require "mahatta.net.pump"

local folder = {}

local FOLDER = "mahatta-exchange" -- below the one that is named
local POLL_S = 0.2

local Meeting = { __name = "mahatta.Meeting", __metatable = false }
Meeting.__index = Meeting

-- Who never answered had only left its name behind: look for another.
local function again(self)
  local _, _, code = self.pump:result()
  return self.began and code == "ETIMEDOUT"
    and not self.pump:status().peer
end

local function over(self, message, code)
  self.outcome = { message = message, code = code }
  if self.options.ended then self.options.ended(self) end
  return nil, message, code
end

local function met(self, pair, began)
  local session, message, code = self.station:session({ initiator = began })
  if not session then return over(self, message, code) end
  self.began, self.pair = began, pair
  self.pump = pump.new(session, exchange.stream(self.dir, pair, began),
    self.clock, { handshake = self.options.handshake,
      idle = self.options.idle, peer = self.options.peer })
  return true
end

-- As a pump's; also true while nobody is there.
function Meeting:step()
  if self.outcome then
    return nil, self.outcome.message, self.outcome.code
  elseif not self.pump then
    local pair, began, message = meeting.look(self.dir, self.id)
    if message then return over(self, message, "EIO") end
    return not pair or met(self, pair, began)
  end
  local more, message, code = self.pump:step()
  if more then return true end
  if more == nil and again(self) then
    meeting.over(self.dir, self.pair)
    self.pump, self.id = nil, exchange.random()
    return true
  end
  self:close()
  return more, message, code
end

function Meeting:pollfd() end -- luacheck: ignore 212
function Meeting:events() end -- luacheck: ignore 212

function Meeting:timeout()
  if self.outcome then return nil end
  return self.pump and self.pump:timeout() or not self.pump and POLL_S or nil
end

-- As a pump's; nil while nobody is there.
function Meeting:status() return self.pump and self.pump:status() end

function Meeting:result()
  if self.outcome then return false, self.outcome.message, self.outcome.code end
  if self.pump then return self.pump:result() end
end

function Meeting:close()
  if self.closed then return end
  self.closed = true
  if self.pump then
    self.pump:close()
    meeting.over(self.dir, self.pair)
    if self.options.ended then self.options.ended(self) end
  else
    meeting.leave(self.dir, self.id)
    over(self, "closed before anybody came", "ECLOSED")
  end
  lfs.rmdir(self.dir) -- the last one out
end
Meeting.__close = Meeting.close

-- A session with whoever opens the same folder; its handle. ${clock} tells
-- seconds, monotonic where there is such a one; default os.time. Options are
-- the pump's: handshake, idle, peer, ended.
function folder.open(station, dir, options, clock)
  pump.check_options(options, " handshake idle peer ended ", 2)
  if lfs.attributes(dir, "mode") ~= "directory" then
    return nil, dir .. ": no folder", "ENOENT"
  end
  local self = setmetatable({ station = station, dir = dir .. "/" .. FOLDER,
    id = exchange.random(), options = options or {},
    clock = clock or os.time }, Meeting)
  meeting.sweep(self.dir)
  return self
end

return folder
