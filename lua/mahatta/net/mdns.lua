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
local FOUND_MAX = 64 -- instances, and hosts, that are remembered
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

function mdns.browser()
  return setmetatable({ instances = {}, hosts = {}, count = 0, host_count = 0 },
    Browser)
end

-- What to ask.
function mdns.query()
  return dns.encode({ questions = { { name = mdns.SERVICE, type = T.PTR } } })
end

local function take_instance(self, record)
  local key = record.name:lower()
  local suffix = "." .. mdns.SERVICE
  if key:sub(-#suffix) ~= suffix then return end
  if not self.instances[key] then
    if self.count >= FOUND_MAX then return end
    self.count = self.count + 1
  end
  self.instances[key] = { name = key:sub(1, -#suffix - 1),
    host = record.target:lower(), port = record.port }
end

local function take_address(self, record)
  local key = record.name:lower()
  local host = self.hosts[key]
  if not host then
    if self.host_count >= FOUND_MAX then return end
    self.host_count = self.host_count + 1
    host = {}
    self.hosts[key] = host
  end
  for _, address in ipairs(host) do
    if address == record.address then return end
  end
  if #host < ADDRESSES_MAX then host[#host + 1] = record.address end
end

-- Take in what somebody said.
function Browser:take(message)
  if not message.response then return end
  for _, record in ipairs(message.records) do
    if record.ttl == 0 then
      local key = record.type == T.PTR and record.target:lower()
      if key and self.instances[key] then
        self.instances[key], self.count = nil, self.count - 1
      end
    elseif record.type == T.SRV then
      take_instance(self, record)
    elseif record.type == T.A or record.type == T.AAAA then
      take_address(self, record)
    end
  end
end

-- Stations whose addresses are known: { name, port, addresses } each, by name.
function Browser:found()
  local list = {}
  for _, instance in pairs(self.instances) do
    local addresses = self.hosts[instance.host]
    if addresses then
      list[#list + 1] = { name = instance.name, port = instance.port,
        addresses = addresses }
    end
  end
  table.sort(list, function (a, b) return a.name < b.name end)
  return list
end

return mdns
