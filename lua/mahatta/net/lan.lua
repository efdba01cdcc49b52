-- SPDX-License-Identifier: 0BSD
-- The local network: be found there, and find others, by DNS-SD in libuv's
-- loop. Avahi speaks for us where it runs, so that there is one speaker.

local uv = require "luv"
local dns = require "mahatta.net.dns"
local exchange = require "mahatta.net.exchange"
local mdns = require "mahatta.net.mdns"
local multicast = require "mahatta.net.multicast"
local uverror = require "mahatta.net.uverror"

local lan = {}

local ASK_MS = { 0, 1000, 3000 } -- then every minute
local MINUTE_MS = 60000
local TOLD_S = 900 -- a browser tells of a station once in that time ...
local TOLD_MAX = 256 -- ... and of so many ...
local TOLD_SENDER_MAX = 8 -- ... and of so many that one neighbour names
local AGAIN_MS = 1000 -- the second announcement

-- ---- be found ----

local Announcer = {}
Announcer.__index = Announcer

-- Say it ourselves.
local function speak(self)
  local says = mdns.announcer(self.name, self.port)
  local group, message = multicast.open(self.group, function (bytes, from)
    local query = dns.decode(bytes)
    if not query or query.response then return end
    self.heard:answer(from, function (addresses, legacy)
      return says:answer(query, addresses, legacy)
    end)
  end)
  if not group then return nil, message end
  self.heard, self.says = group, says
  local function announce()
    group:say(function (addresses) return says:announcement(addresses) end)
  end
  announce()
  self.timer = uv.new_timer()
  self.timer:start(AGAIN_MS, 0, announce)
  return true
end

local function kill_all(self)
  for child in pairs(self.children) do child:kill("sigterm") end
end

-- Let avahi-publish say it; its end, unless we asked for that, is the sign
-- that no Avahi speaks for us here.
local function publish(self, ...)
  local child
  child = uv.spawn("avahi-publish", { args = { ... }, stdio = {} },
    function ()
      child:close()
      self.children[child] = nil
      if self.closed or self.heard then return end
      kill_all(self)
      speak(self)
    end)
  if child then self.children[child] = true end
  return child
end

local function by_avahi(self)
  local host = self.name .. ".local"
  if not publish(self, "-H", host, "-s", self.name, "_mahatta._tcp",
      tostring(self.port)) then
    return false
  end
  for _, address in ipairs(multicast.texts()) do
    publish(self, "-a", "-R", host, address)
  end
  return true
end

-- Be found as a station that listens at ${port}: a handle with name, close().
-- ${group}: options for multicast.open, where Avahi is not to be asked.
function lan.announce(port, group)
  local self = setmetatable({ name = exchange.random(), port = port,
    group = group, children = {} }, Announcer)
  if group or not by_avahi(self) then
    local ok, message = speak(self)
    if not ok then return nil, uverror.sentence(message), "EIO" end
  end
  return self
end

-- Say goodbye.
function Announcer:close()
  if self.closed then return end
  self.closed = true
  kill_all(self)
  if self.timer then self.timer:close() end
  if self.heard then
    self.heard:say(function (addresses)
      return self.says:announcement(addresses, 0)
    end)
    self.heard:close()
  end
end

-- ---- find ----

local Browser = {}
Browser.__index = Browser

-- Where to reach it: an address, or the first of several. Nobody is sent
-- elsewhere than to this network: nil.
local function where_of(self, station)
  local best
  for _, address in ipairs(station.addresses) do
    if self.group:near(address) then
      local text = multicast.text(address, { ip = station.from })
      if #address == 4 then return text .. ":" .. station.port end
      best = best or ("[%s]:%d"):format(text, station.port)
    end
  end
  return best
end

-- May the host be told of it now?
local function may_tell(self, station)
  local now, count, said = self.clock(), 0, 0
  for name, told in pairs(self.told) do
    if told.till <= now then
      self.told[name] = nil
    else
      count = count + 1
      said = said + (told.from == station.from and 1 or 0)
    end
  end
  return not self.told[station.name] and count < TOLD_MAX
    and said < TOLD_SENDER_MAX
end

local function hear(self, bytes, from)
  local message = dns.decode(bytes)
  if not message then return end
  self.browser:take(message, from.ip)
  for _, station in ipairs(self.browser:found()) do
    local where = station.name ~= self.but and station.port > 0
      and may_tell(self, station) and where_of(self, station)
    if where then
      self.told[station.name] = { from = station.from,
        till = self.clock() + TOLD_S }
      self.found(where, station.name)
    end
  end
end

-- Call found(address, name) for each station on the local network, at most
-- once in a quarter of an hour, but for the one called ${but}. A handle with
-- close().
function lan.browse(found, but, group)
  local function clock() return uv.now() // 1000 end
  local self = setmetatable({ browser = mdns.browser(clock), clock = clock,
    told = {}, found = found, but = but, timer = uv.new_timer() }, Browser)
  local handle, message = multicast.open(group, function (bytes, from)
    hear(self, bytes, from)
  end)
  if not handle then
    self.timer:close()
    return nil, uverror.sentence(message), "EIO"
  end
  self.group = handle
  local asked = 0
  local function ask()
    asked = asked + 1
    handle:say(mdns.query)
    local wait = ASK_MS[asked + 1] and ASK_MS[asked + 1] - ASK_MS[asked]
    self.timer:start(wait or MINUTE_MS, 0, ask)
  end
  ask()
  return self
end

function Browser:close()
  if self.closed then return end
  self.closed = true
  self.timer:close()
  self.group:close()
end

return lan
