-- SPDX-License-Identifier: 0BSD
-- The groups of multicast DNS on every network of this machine, with libuv:
-- 224.0.0.251 and ff02::fb, port 5353, shared with whoever else is there.

local uv = require "luv"

local multicast = {}

local V4, V6, PORT = "224.0.0.251", "ff02::fb", 5353
local DELAY_MS = { 20, 120 } -- before an answer, so that not all speak at once

-- ---- addresses ----

local function v4_bytes(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  return a and string.char(a, b, c, d)
end

local function v6_bytes(text)
  local head, tail = text:gsub("%%.*$", ""):match("^(.-)::(.*)$")
  local groups, after = {}, {}
  for group in (head or text):gmatch("%x+") do groups[#groups + 1] = group end
  for group in (tail or ""):gmatch("%x+") do after[#after + 1] = group end
  while head and #groups + #after < 8 do groups[#groups + 1] = "0" end
  table.move(after, 1, #after, #groups + 1, groups)
  if #groups ~= 8 then return nil end
  for i = 1, 8 do groups[i] = tonumber(groups[i], 16) end
  return string.pack(">I2I2I2I2I2I2I2I2", table.unpack(groups))
end

-- Text of an address of 4 or 16 bytes; what is of one link gets the zone of
-- ${from}, the address that told of it.
function multicast.text(bytes, from)
  if #bytes == 4 then return ("%d.%d.%d.%d"):format(bytes:byte(1, 4)) end
  local text = ("%x:%x:%x:%x:%x:%x:%x:%x"):format(
    string.unpack(">I2I2I2I2I2I2I2I2", bytes))
  if text:find("^fe[89ab]%x:") then
    text = text .. (from and from.ip:match("%%.*$") or "")
  end
  return text
end

-- The networks of this machine: { name, v4 = { ip, mask }, v6 = { ip } ... }.
local function networks(loopback)
  local list = {}
  for name, addresses in pairs(uv.interface_addresses()) do
    local one = { name = name, v4 = {}, v6 = {}, bytes = {} }
    for _, address in ipairs(addresses) do
      local v4 = address.family == "inet"
      if address.internal == (loopback or false) then
        table.insert(v4 and one.v4 or one.v6, address)
        table.insert(one.bytes, (v4 and v4_bytes or v6_bytes)(address.ip))
      end
    end
    if #one.v4 + #one.v6 > 0 then list[#list + 1] = one end
  end
  table.sort(list, function (a, b) return a.name < b.name end)
  return list
end

-- Addresses of this machine, as text.
function multicast.texts()
  local texts = {}
  for _, network in ipairs(networks()) do
    for _, address in ipairs(network.v4) do texts[#texts + 1] = address.ip end
  end
  return texts
end

-- Are two addresses, of 4 or 16 bytes, of one network?
local function same_net(a, b, mask)
  if not a or not b or not mask or #a ~= #b then return false end
  for i = 1, #a do
    local m = mask:byte(i)
    if a:byte(i) & m ~= b:byte(i) & m then return false end
  end
  return true
end

-- The network that an address is of, if it is one of ours.
local function network_of(list, bytes, zone)
  for _, network in ipairs(list) do
    for _, address in ipairs(#bytes == 4 and network.v4 or network.v6) do
      local read = #bytes == 4 and v4_bytes or v6_bytes
      if (not zone or zone == network.name) and same_net(bytes,
          read(address.ip), read(address.netmask)) then
        return network
      end
    end
  end
end

-- ---- the groups ----

local Group = {}
Group.__index = Group

local function open_socket(self, host, hear)
  local udp = uv.new_udp()
  local ok, message = udp:bind(host, self.port,
    { reuseaddr = true, ipv6only = host == "::" })
  if ok then
    udp:set_multicast_ttl(255)
    ok, message = udp:recv_start(function (why, bytes, from)
      if not why and bytes and from then hear(bytes, from) end
    end)
  end
  if ok then return udp end
  udp:close()
  return nil, message
end

-- Hear what is said there: hear(bytes, from). Options: port, and loopback to
-- stay on this machine. nil, message when there is no network.
function multicast.open(options, hear)
  local self = setmetatable({ port = options and options.port or PORT,
    networks = networks(options and options.loopback), timers = {} }, Group)
  local message, message6
  self.v4, message = open_socket(self, "0.0.0.0", hear)
  self.v6, message6 = open_socket(self, "::", hear)
  local joined = 0
  for _, network in ipairs(self.networks) do
    for _, address in ipairs(self.v4 and network.v4 or {}) do
      if self.v4:set_membership(V4, address.ip, "join") then
        joined = joined + 1
      end
    end
    if self.v6 and #network.v6 > 0
        and self.v6:set_membership(V6, "::%" .. network.name, "join") then
      joined = joined + 1
    end
  end
  if joined > 0 then return self end
  self:close()
  return nil, message or message6 or "there is no network here"
end

-- Say on every network what make(addresses) returns for it.
function Group:say(make)
  for _, network in ipairs(self.networks) do
    local bytes = make(network.bytes)
    for _, address in ipairs(self.v4 and network.v4 or {}) do
      self.v4:set_multicast_interface(address.ip)
      self.v4:try_send(bytes, V4, self.port)
    end
    if self.v6 and #network.v6 > 0 then
      self.v6:try_send(bytes, V6 .. "%" .. network.name, self.port)
    end
  end
end

-- Say to one's network what make(addresses, legacy) returns, if anything:
-- after a moment to all of it, or at once to a plain resolver alone.
function Group:answer(from, make)
  -- Strangers from elsewhere get no answer that may be meant for others.
  local network = network_of(self.networks, v4_bytes(from.ip)
    or v6_bytes(from.ip) or "", from.ip:match("%%(.*)$"))
  if not network then return end
  local legacy = from.port ~= self.port
  local bytes = make(network.bytes, legacy)
  if not bytes then return end
  if legacy then
    local udp = v4_bytes(from.ip) and self.v4 or self.v6
    udp:try_send(bytes, from.ip, from.port)
  elseif #self.timers < 16 then -- asked by many at once: one answer is for all
    local timer = uv.new_timer()
    table.insert(self.timers, timer)
    timer:start(math.random(DELAY_MS[1], DELAY_MS[2]), 0, function ()
      for i, one in ipairs(self.timers) do
        if one == timer then table.remove(self.timers, i) end
      end
      timer:close()
      if not self.closed then self:say(make) end
    end)
  end
end

-- Is an address, of 4 or 16 bytes, on a network that we are on?
function Group:near(bytes) return network_of(self.networks, bytes) ~= nil end

function Group:close()
  self.closed = true
  for _, timer in ipairs(self.timers) do timer:close() end
  self.timers = {}
  if self.v4 and not self.v4:is_closing() then self.v4:close() end
  if self.v6 and not self.v6:is_closing() then self.v6:close() end
end

return multicast
