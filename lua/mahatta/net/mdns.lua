-- SPDX-License-Identifier: 0BSD
-- DNS-SD over multicast DNS (RFC 6762, 6763) without sockets: what to say of a
-- station that is here, and what others say of theirs. What is said is a
-- random name, a port and addresses. As the names are random there is no
-- probing for others that have them.

local dns = require "mahatta.net.dns"

local mdns = {}

local T = dns.TYPES
local TTL_S, TTL_HOST_S = 4500, 120 -- RFC 6762, section 10
local TTL_LEGACY_S = 10 -- section 6.7
local FOUND_MAX = 64 -- instances, and hosts, that are remembered ...
local SENDER_MAX = 4 -- ... and of those, what one neighbour may say
local ADDRESSES_MAX = 8 -- of one host

mdns.SERVICE = "_mahatta._tcp.local"
local LIST = "_services._dns-sd._udp.local"

-- ---- saying ----

local Announcer = {}
Announcer.__index = Announcer

-- A station at ${port}, under a name that says nothing.
function mdns.announcer(name, port)
  return setmetatable({ name = name, port = port,
    instance = dns.join(name) .. "." .. mdns.SERVICE,
    host = dns.join(name) .. ".local" }, Announcer)
end

-- All records; ${addresses}: 4 or 16 bytes each, of one network.
function Announcer:records(addresses, ttl)
  local list = {
    { name = mdns.SERVICE, type = T.PTR, ttl = TTL_S, target = self.instance },
    { name = self.instance, type = T.SRV, ttl = TTL_HOST_S, flush = true,
      port = self.port, target = self.host },
    { name = self.instance, type = T.TXT, ttl = TTL_S, flush = true },
  }
  for _, address in ipairs(addresses) do
    list[#list + 1] = { name = self.host, ttl = TTL_HOST_S, flush = true,
      type = #address == 4 and T.A or T.AAAA, address = address }
  end
  list[#list + 1] = { name = LIST, type = T.PTR, ttl = TTL_S,
    target = mdns.SERVICE }
  for _, record in ipairs(list) do record.ttl = ttl or record.ttl end
  return list
end

-- Unasked, at the beginning; with ttl = 0 the goodbye.
function Announcer:announcement(addresses, ttl)
  return dns.encode({ response = true,
    records = self:records(addresses, ttl) })
end

local function asked(record, question)
  return dns.same(record.name, question.name)
    and (question.type == record.type or question.type == T.ANY)
end

-- The asker knows it, and will for a good while.
local function is_known(record, answers)
  for _, answer in ipairs(answers) do
    if answer.type == record.type and dns.same(answer.name, record.name)
        and answer.target == record.target and answer.ttl * 2 >= record.ttl
        and answer.address == record.address then
      return true
    end
  end
end

-- The answer to a query, or nil. ${legacy}: the asker is no multicast DNS but
-- a plain resolver, and gets its question back.
function Announcer:answer(query, addresses, legacy)
  if query.response then return nil end
  local message = { response = true, records = {}, extra = {} }
  for _, record in ipairs(self:records(addresses)) do
    local wanted = false
    for _, question in ipairs(query.questions) do
      wanted = wanted or asked(record, question)
    end
    if legacy then
      record.ttl, record.flush = TTL_LEGACY_S, nil
    end
    local list = wanted and message.records or message.extra
    if not wanted or not is_known(record, query.records) then
      list[#list + 1] = record
    end
  end
  if #message.records == 0 then return nil end
  if legacy then
    message.id = query.id
    message.questions = { query.questions[1] }
  end
  return dns.encode(message)
end

-- ---- listening ----

local Browser = {}
Browser.__index = Browser

-- ${clock}: tells seconds; os.time by default.
function mdns.browser(clock)
  return setmetatable({ clock = clock or os.time, instances = {}, hosts = {},
    order = 0 }, Browser)
end

-- What to ask.
function mdns.query()
  return dns.encode({ questions = { { name = mdns.SERVICE, type = T.PTR } } })
end

-- Room in ${list} for one more of ${from}, by key: what was said longest ago
-- makes it, so that nobody can fill the list against those who come later.
local function make_room(list, from)
  local count, said, oldest = 0, 0, nil
  for key, one in pairs(list) do
    count = count + 1
    said = said + (one.from == from and 1 or 0)
    if not oldest or one.order < list[oldest].order then oldest = key end
  end
  if said >= SENDER_MAX then return false end
  if count >= FOUND_MAX then list[oldest] = nil end
  return true
end

-- What is known under ${key}, for ${from} to say it (again); nil when it may
-- not: somebody else said it, or it has said enough.
local function known(self, list, key, from, ttl)
  local one = list[key]
  if one and one.from ~= from then return nil end
  if not one then
    if not make_room(list, from) then return nil end
    one = { from = from, addresses = {} }
    list[key] = one
  end
  one.till = self.clock() + math.min(ttl, TTL_HOST_S)
  self.order = self.order + 1
  one.order = self.order
  return one
end

local function forget(list, key, from)
  if list[key] and list[key].from == from then list[key] = nil end
end

local function take_instance(self, record, from)
  local key = record.name:lower()
  local suffix = "." .. mdns.SERVICE
  if key:sub(-#suffix) ~= suffix then return end
  if record.ttl == 0 then return forget(self.instances, key, from) end
  local instance = known(self, self.instances, key, from, record.ttl)
  if not instance then return end
  instance.name, instance.port = key:sub(1, -#suffix - 1), record.port
  instance.host = record.target:lower()
end

local function take_address(self, record, from)
  local key = record.name:lower()
  if record.ttl == 0 then return forget(self.hosts, key, from) end
  local host = known(self, self.hosts, key, from, record.ttl)
  if not host then return end
  for _, address in ipairs(host.addresses) do
    if address == record.address then return end
  end
  if #host.addresses < ADDRESSES_MAX then
    table.insert(host.addresses, record.address)
  end
end

local function expire(self)
  local now = self.clock()
  for _, list in ipairs({ self.instances, self.hosts }) do
    for key, one in pairs(list) do
      if one.till <= now then list[key] = nil end
    end
  end
end

-- Take in what somebody at the address ${from} said.
function Browser:take(message, from)
  if not message.response then return end
  expire(self)
  for _, record in ipairs(message.records) do
    if record.type == T.SRV then
      take_instance(self, record, from)
    elseif record.type == T.A or record.type == T.AAAA then
      take_address(self, record, from)
    elseif record.type == T.PTR and record.ttl == 0 then
      forget(self.instances, record.target:lower(), from)
    end
  end
end

-- Stations whose addresses are known: { name, port, addresses, from } each,
-- by name.
function Browser:found()
  local list = {}
  expire(self)
  for _, instance in pairs(self.instances) do
    local host = self.hosts[instance.host]
    if host then
      list[#list + 1] = { name = instance.name, port = instance.port,
        addresses = host.addresses, from = instance.from }
    end
  end
  table.sort(list, function (a, b) return a.name < b.name end)
  return list
end

return mdns
