-- SPDX-License-Identifier: 0BSD
-- A session that stands in for the real one where only the pump is tested: a
-- handshake of three messages, then each side sends ${send} bytes in pieces of
-- ${piece}, at most ${credit} ahead of what the other has confirmed, and an
-- explicit end. Its stream is "kind byte, 4 bytes of length, body".

local fake = {}

local Session = {}
Session.__index = Session

-- Options: initiator, send, piece, credit, did, hook(session, kind) that is
-- called for each message and may raise, yield, or return nil, message, code.
function fake.session(options)
  local self = setmetatable({ initiator = options.initiator or false,
    to_send = options.send or 0, piece = options.piece or 1000,
    credit = options.credit or 200000, did = options.did or "did:key:zFake",
    hook = options.hook, inbox = "", outbox = {}, state = "handshake",
    bytes_in = 0, bytes_out = 0, received = 0, sent = 0, confirmed = 0,
    closed = 0 }, Session)
  if self.initiator then self:put("1", self.did) end
  return self
end

function Session:put(kind, body)
  self.outbox[#self.outbox + 1] = kind .. string.pack(">s4", body)
end

-- More content, as far as the credit goes.
function Session:fill()
  while self.state == "syncing" and self.to_send > 0
      and self.sent - self.confirmed < self.credit do
    local n = math.min(self.piece, self.to_send)
    self:put("d", ("x"):rep(n))
    self.to_send, self.sent = self.to_send - n, self.sent + n
  end
  if self.state == "syncing" and self.to_send == 0 and not self.said_end then
    self.said_end = true
    self:put("e", "")
  end
end

local on = {}

on["1"] = function (self, body)
  self.peer = body
  self:put("2", self.did)
end

on["2"] = function (self, body)
  self.peer, self.state = body, "syncing"
  self:put("3", "")
end

on["3"] = function (self) self.state = "syncing" end

function on.d(self, body)
  self.received = self.received + #body
  self:put("c", string.pack(">I4", #body))
end

function on.c(self, body)
  self.confirmed = self.confirmed + string.unpack(">I4", body)
end

function on.e(self) self.ended_by_peer = true end
function on.x(_, body) return "the other side says: " .. body, "EIO" end

function Session:broken(message, code)
  self.state, self.error, self.code = "failed", message, code
  self.outbox = { "x" .. string.pack(">s4", message) }
  return nil, message, code
end

function Session:feed(bytes)
  assert(self.closed == 0, "fed when closed")
  assert(#bytes <= 65536, "more than a piece")
  if self.state == "failed" then return nil, self.error, self.code end
  self.bytes_in = self.bytes_in + #bytes
  self.inbox = self.inbox .. bytes
  while #self.inbox >= 5 do
    local kind, n = string.unpack(">c1I4", self.inbox)
    if not on[kind] then return self:broken("no such message", "EINVALID") end
    if #self.inbox < 5 + n then break end
    local body = self.inbox:sub(6, 5 + n)
    self.inbox = self.inbox:sub(6 + n)
    if self.hook then
      local ok, message, code = self.hook(self, kind)
      if not ok then return self:broken(message, code) end
    end
    local message, code = on[kind](self, body)
    if message then
      self.state, self.error, self.code = "failed", message, code
      self.outbox = {}
      return nil, message, code
    end
  end
  if self.said_end and self.ended_by_peer then self.state = "done" end
  return true
end

function Session:pull(max)
  assert(self.closed == 0, "pulled when closed")
  self:fill()
  if self.said_end and self.ended_by_peer then self.state = "done" end
  local bytes = table.concat(self.outbox)
  self.outbox = { bytes:sub(max + 1) }
  if self.outbox[1] == "" then self.outbox = {} end
  self.bytes_out = self.bytes_out + math.min(#bytes, max)
  return bytes:sub(1, max)
end

function Session:status()
  return { state = self.state, peer = self.peer, error = self.error,
    code = self.code, bytes_in = self.bytes_in, bytes_out = self.bytes_out,
    parcels = { self.received, self.received }, records = 0,
    files = { 0, 0 },
    sent = { parcels = self.sent, records = 0, files = 0, bytes = 0 } }
end

function Session:busy() return #self.outbox > 0 end

function Session:finished()
  return (self.state == "done" or self.state == "failed")
    and #self.outbox == 0
end

function Session:ended()
  if self.state == "done" then return true end
  return self:broken("cut before the end", "ECLOSED")
end

function Session:close() self.closed = self.closed + 1 end

-- A station that gives such sessions; ${made} collects them.
function fake.station(options, made)
  return { session = function (_, side)
    local own = { initiator = side.initiator }
    for key, value in pairs(options or {}) do own[key] = value end
    local session = fake.session(own)
    if made then made[#made + 1] = session end
    return session
  end }
end

return fake
