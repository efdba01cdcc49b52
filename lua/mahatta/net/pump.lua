-- SPDX-License-Identifier: 0BSD
-- One session over one stream of bytes: what comes in is fed, what is pulled
-- goes out, deadlines are kept. Every transport is a stream below a pump:
--
--   stream:read(max)          bytes; nil: nothing now; false: the end;
--                             false, message: broken
--   stream:write(bytes, from) how many of bytes[from ..] it took, 0: not now;
--                             false, message: broken
--   stream:shutdown()         nothing more will be written
--   stream:close()            after what write() took has gone out
--   stream:pollfd()           what to poll on, or nil
--   stream:timeout()          seconds after which to step anyway, or nil
--   stream:turn()             where it has one: its library's own loop moves
--
-- None of them waits. The pump is what the transport hands out: any loop can
-- drive it by pollfd, events, timeout and step. A step may yield where the
-- station's policy does; meanwhile other steps of the same pump do nothing.

local pump = {}

pump.CHUNK = 65536 -- bytes that move at a time, and the most that wait to go

local ROUNDS = 8 -- of reading and writing in one step: others want to move
local HANDSHAKE_S, IDLE_S = 10, 60
-- A stranger's bytes before the session knows him: its messages of Noise and
-- its hello take 220. What a greeting brings then, the session bounds.
local HANDSHAKE_BYTES = 4096
-- A peer that drips is idle: this much must move while IDLE_S pass.
local IDLE_BYTES = 256
local STRANGE = { handshake = true, greeting = true } -- it has no name yet
local SILENT = "the other side closed without a word: it may have no room now"
local LINGER_S = 1 -- the reason of a failure goes out before the stream closes

local Pump = { __name = "mahatta.Pump", __metatable = false }
Pump.__index = Pump

-- ---- time ----

-- Clocks of the wall jump: backwards counts as standing still.
local function seconds(self)
  local now = self.clock()
  self.elapsed = self.elapsed + math.max(0, now - self.at)
  self.at = now
  return self.elapsed
end

-- ---- making and ending ----

-- Raise for an options table with anything but the named keys, ${level}
-- functions up.
function pump.check_options(options, names, level)
  if options ~= nil and type(options) ~= "table" then
    error("bad options (table expected, got " .. type(options) .. ")",
      level + 1)
  end
  for key in pairs(options or {}) do
    if not names:find(" " .. tostring(key) .. " ", 1, true) then
      error(("bad options (unknown option '%s')"):format(tostring(key)),
        level + 1)
    end
  end
end

-- A pump over a session and a stream; both are the pump's from now on.
-- ${clock} tells seconds, monotonic where the system has that. Options:
--   handshake, idle   seconds; 10 and 60
--   peer(did)         called when the peer is known; nil, message refuses it
--   ended(pump)       called once, when all is over but the stream not yet
--                     closed: where a loop has to be told to forget pollfd()
function pump.new(session, stream, clock, options)
  local self = setmetatable({ session = session, stream = stream,
    clock = clock, at = clock(), elapsed = 0, out = "", from = 1,
    moved = 0, marked = 0, met = false, busy = false,
    handshake = options and options.handshake or HANDSHAKE_S,
    idle = options and options.idle or IDLE_S,
    on_peer = options and options.peer, on_end = options and options.ended },
    Pump)
  self.deadline = self.handshake
  return self
end

local function close_all(self)
  self.last = self.session:status()
  self.session:close()
  local ok, why = pcall(self.on_end or type, self)
  self.stream:close()
  self.closed = true
  if not ok then error(why, 0) end
end

-- The first outcome counts. In the middle of a call of the session the rest
-- waits until that returns.
local function over(self, fault)
  if not self.outcome then
    self.outcome = fault or { ok = true }
    if self.busy then return end
    close_all(self)
  end
end

local function fault(message, code)
  return { message = message or "failed", code = code or "EIO" }
end

-- A call of the session, which may ask the policy, which may do anything. The
-- time that it takes is ours, not the peer's.
local function call(self, name, argument)
  local before = seconds(self)
  self.busy = true
  local ok, value, message, code = pcall(self.session[name], self.session,
    argument)
  self.busy = false
  self.deadline = self.deadline + seconds(self) - before
  if self.outcome then -- closed meanwhile
    close_all(self)
    return nil
  end
  if not ok then return nil, tostring(value), "EPOLICY" end
  return value, message, code
end

-- Something is wrong: what the session has left to say goes out (nothing,
-- where it doesn't know of this), and then it ends.
local function fail(self, message, code, unknown)
  if self.outcome or self.failure then return end
  self.failure, self.mute = fault(message, code), unknown
  self.deadline = seconds(self) + LINGER_S
end

-- ---- the peer, once it is known ----

local function look_at_peer(self)
  local status = self.session:status()
  if not STRANGE[status.state] then
    self.met = true
    self.marked, self.deadline = self.moved, seconds(self) + self.idle
    if self.on_peer and status.peer then
      local good, message, code = self.on_peer(status.peer)
      if not good then fail(self, message, code or "EACCES", true) end
    end
  elseif not status.peer -- who has shown one may follow many collections
      and (status.bytes_in or self.moved) > HANDSHAKE_BYTES then
    fail(self, "the other side sent too much before the handshake ended",
      "ELIMIT", true)
  end
end

-- ---- moving ----

-- Bytes that moved keep the session alive.
local function count(self, n)
  self.moved = self.moved + n
  if self.met and not self.failure
      and self.moved - self.marked >= IDLE_BYTES then
    self.marked, self.deadline = self.moved, seconds(self) + self.idle
  end
end

-- Nothing goes out any more; what had come in before may still tell why.
local function mute(self, message)
  self.mute, self.unwritable = true, message
  self.out, self.from = "", 1
  self.deadline = math.min(self.deadline, seconds(self) + LINGER_S)
end

-- Write what waits, pulling more whenever nothing does. Did anything move?
local function write_some(self)
  local moved = false
  for _ = 1, ROUNDS do
    if self.from > #self.out then
      if self.mute then return moved end
      local bytes, message, code = call(self, "pull", pump.CHUNK)
      if self.outcome then return false end
      if not bytes then
        fail(self, message, code)
        return moved
      end
      self.out, self.from = bytes, 1
      if bytes == "" then return moved end
    end
    local n, message = self.stream:write(self.out, self.from)
    if not n then
      mute(self, message)
      return moved
    end
    if n == 0 then return moved end
    self.from = self.from + n
    moved = true
    count(self, n)
  end
  return moved
end

-- Feed what there is. After a failure it is dropped: closing with bytes unread
-- could cost the other side the last ones that we wrote.
local function read_some(self)
  local bytes, message = self.stream:read(pump.CHUNK)
  if bytes == nil then return false end
  if not bytes then
    local sound, why, code = call(self, "ended")
    self.eof = true
    if self.outcome then return false end
    if not sound and not self.failure then
      self.failure = fault(self.unwritable or message
        or self.heard and why or SILENT, code)
    end
    return false
  end
  self.heard = true
  if self.failure then return true end
  local taken, why, code = call(self, "feed", bytes)
  if self.outcome then return false end
  if not taken then fail(self, why, code) end
  count(self, #bytes)
  if not self.met and not self.failure then look_at_peer(self) end
  return true
end

-- Has it come to its end?
local function settle(self)
  if self.failure and self.eof then return over(self, self.failure) end
  if self.outcome or self.from <= #self.out then return end
  if self.failure then
    if not self.shut then
      self.shut = true
      self.stream:shutdown()
    end
  elseif self.session:finished() then
    local status = self.session:status()
    over(self, status.state == "failed"
      and fault(status.error, status.code) or nil)
  elseif self.eof then
    over(self, fault(self.unwritable
      or "the other side closed before the end", "ECLOSED"))
  end
end

local function late(self)
  if seconds(self) < self.deadline then return end
  if self.failure or self.unwritable then
    return over(self, self.failure or fault(self.unwritable))
  end
  local status = self.session:status()
  over(self, fault(STRANGE[status.state]
    and ("no handshake within %g s"):format(self.handshake)
    or ("nothing moved for %g s"):format(self.idle), "ETIMEDOUT"))
end

-- ---- the handle ----

-- Move what can be moved now. true: to be stepped again; false: finished;
-- nil, message, code: ended by a failure, and what had arrived is kept.
function Pump:step()
  if self.busy then return true end
  if self.stream.turn then self.stream:turn() end
  if not self.outcome then
    self.more = true
    for _ = 1, ROUNDS do
      local moved = write_some(self)
      moved = not self.outcome and not self.eof and read_some(self) or moved
      self.more = moved and not self.outcome
      if not self.more then break end
    end
    settle(self)
    self.more = self.more or not self.outcome and not self.failure
      and self.from > #self.out and self.session:busy()
    if not self.outcome then late(self) end
  end
  if not self.outcome then return true end
  if self.outcome.ok then return false end
  return nil, self.outcome.message, self.outcome.code
end

-- The descriptor to poll on, as the transport has it; nil when it has none.
function Pump:pollfd()
  if not self.closed then return self.stream:pollfd() end
end

-- What to poll for: "r", or "rw" while bytes wait to go out.
function Pump:events()
  if self.outcome or self.busy then return nil end
  return self.from <= #self.out and "rw" or "r"
end

-- Seconds after which to step even if nothing happens; nil when it is over.
function Pump:timeout()
  if self.outcome or self.busy then return nil end
  if self.more then return 0 end
  local left = math.max(0, self.deadline - seconds(self))
  return math.min(left, self.stream:timeout() or left)
end

-- What the session says of itself; afterwards, what it said last.
function Pump:status() return self.last or self.session:status() end

-- nil while it runs; then true, or false, message, code.
function Pump:result()
  if not self.outcome then return nil end
  if self.outcome.ok then return true end
  return false, self.outcome.message, self.outcome.code
end

-- Give it up. What has arrived stays, and the next session resumes.
function Pump:close()
  over(self, fault("closed before the end", "ECLOSED"))
end

Pump.__close = Pump.close

function Pump:__tostring()
  return ("mahatta.Pump (%s)"):format(self.outcome and "over"
    or self:status().state)
end

return pump
