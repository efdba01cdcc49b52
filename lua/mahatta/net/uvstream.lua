-- SPDX-License-Identifier: 0BSD
-- A pump's stream over libuv's streams: TCP, pipes, a child's. The handles
-- move while uv.run() runs; another loop drives them by pollfd and step as
-- those of any transport. Let uv.run() come to its end before the Lua state
-- does: luv (1.44) crashes over handles that were closed and are not yet gone.

local uv = require "luv"
local pump = require "mahatta.net.pump"
local uverror = require "mahatta.net.uverror"

local uvstream = {}

-- Writing to somebody who has gone is an error like any other, not the end of
-- the process: libuv leaves that to its users. One for good, also when this
-- file is loaded again: to stop it would undo what others set.
local registry = debug.getregistry()
if not registry["mahatta.sigpipe"] then
  local sigpipe = uv.new_signal()
  sigpipe:start("sigpipe", function () end)
  sigpipe:unref()
  registry["mahatta.sigpipe"] = sigpipe
end

local FLUSH_MS = 5000 -- for what was written when it closes
local HELD_MAX = 4 * pump.CHUNK -- read, and not yet fed: then reading stops

function uvstream.clock() return uv.hrtime() / 1e9 end

-- ---- a stream over one or two uv streams ----

local Stream = {}
Stream.__index = Stream

-- The pump's turn, in a coroutine: the policy may yield there, and then the
-- one that wakes it up lets the rest run.
local function wake(stream)
  local handle = stream.pump
  if not handle or stream.closed then return end
  coroutine.wrap(function ()
    handle:step()
    stream.inside = true -- libuv's own timers are its own business
    local wait = handle:timeout()
    stream.inside = false
    if wait and not stream.closed then
      stream.timer:start(math.ceil(wait * 1000), 0, function ()
        wake(stream)
      end)
    end
  end)()
end

local function hold_on(stream)
  local timer = uv.new_timer()
  timer:start(stream.held_for, 0, function ()
    timer:close()
    stream.held_for = nil
    wake(stream)
  end)
end

local function on_read(stream, message, bytes)
  if message or not bytes then
    stream.ended, stream.why = true, message and uverror.sentence(message)
    if stream.held_for then hold_on(stream) end
  else
    stream.last = stream.last + 1
    stream.queue[stream.last] = bytes
    stream.held = stream.held + #bytes
    if stream.held >= HELD_MAX then
      stream.stopped = true
      stream.input:read_stop()
    end
  end
  wake(stream)
end

local function start_reading(stream)
  stream.stopped = false
  local ok, message = stream.input:read_start(function (why, bytes)
    on_read(stream, why, bytes)
  end)
  if not ok then stream.ended, stream.why = true, uverror.sentence(message) end
end

-- A stream that waits for uvstream.open(); until then nothing moves.
function uvstream.stream()
  return setmetatable({ queue = {}, first = 1, last = 0, held = 0,
    timer = uv.new_timer() }, Stream)
end

-- Let it move over these uv streams, which may be one.
function uvstream.open(stream, input, output)
  stream.input, stream.output = input, output
  if stream.closed then return stream:release() end
  start_reading(stream)
  wake(stream)
end

-- It won't come to that, for this reason.
function uvstream.fail(stream, message)
  stream.ended, stream.why = true, uverror.sentence(message)
  wake(stream)
end

-- When it ends, wait for so long with telling it: the reason may be on its way.
-- nil: it is known now.
function uvstream.hold(stream, ms)
  stream.held_for = ms
  if not ms then wake(stream) end
end

-- The stream's pump is made: from now on it is driven.
function uvstream.drive(stream, handle)
  stream.pump = handle
  stream.timer:start(0, 0, function () wake(stream) end)
  return handle
end

function Stream:read()
  local bytes = self.queue[self.first]
  if bytes then
    self.queue[self.first] = nil
    self.first = self.first + 1
    self.held = self.held - #bytes
    if self.stopped and self.held == 0 then start_reading(self) end
    return bytes
  end
  if self.ended and not self.held_for then return false, self.why end
end

function Stream:write(bytes, from)
  if self.broken then return false, self.broken end
  if not self.output or self.writing then return 0 end
  local ok, message = self.output:write(bytes:sub(from), function (why)
    self.writing = false
    self.broken = self.broken or why and uverror.sentence(why)
    if self.closed then return self:release() end
    wake(self)
  end)
  if not ok then return false, uverror.sentence(message) end
  self.writing = true
  return #bytes - from + 1
end

function Stream:shutdown()
  if self.output then self.output:shutdown() end
end

-- Close a handle. libuv is done with it when its loop has turned once more,
-- and to end the Lua state before that would be the end of the process.
function uvstream.close(handle)
  if not handle:is_closing() then handle:close() end
  if not uv.loop_mode() then uv.run("nowait") end
end

-- Close whatever is in libuv's loop: before a program ends.
function uvstream.drain()
  uv.walk(function (handle)
    if not handle:is_closing() then handle:close() end
  end)
  uv.run()
end

-- Let go of everything.
function Stream:release()
  uvstream.close(self.timer)
  for _, handle in pairs({ self.input or false, self.output or false }) do
    if handle then uvstream.close(handle) end
  end
end

function Stream:close()
  if self.closed then return end
  self.closed = true
  if self.writing then
    self.timer:start(FLUSH_MS, 0, function () self:release() end)
  else
    self:release()
  end
end

function Stream:pollfd() return uv.backend_fd() end -- luacheck: ignore 212

function Stream:timeout()
  local wait = not self.inside and uv.backend_timeout()
  return wait and wait >= 0 and wait / 1000 or nil
end

-- For other loops; libuv's own is at it already.
function Stream:turn() -- luacheck: ignore 212
  if not uv.loop_mode() then uv.run("nowait") end
end

return uvstream
