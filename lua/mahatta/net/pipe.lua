-- SPDX-License-Identifier: 0BSD
-- Sessions over pipes in libuv's loop (Debian: lua-luv): with a command that
-- speaks for another station ("ssh host mahatta serve --stdio"), and as that
-- command.

local uv = require "luv"
local gates = require "mahatta.net.gate"
local pump = require "mahatta.net.pump"
local uverror = require "mahatta.net.uverror"
local uvstream = require "mahatta.net.uvstream"

local pipe = {}

local REASON_MS = 300 -- for a command to end after its output has
local GRACE_MS = 2000 -- for a command to end once its input is closed

-- A command that ended before the session did is the reason for that.
local function exit_sentence(code, signal)
  if signal > 0 then
    return ("the command was ended by signal %d"):format(signal)
  elseif code == 127 then
    return "the command was not found (exit code 127)"
  elseif code > 0 then
    return ("the command failed with exit code %d"):format(code)
  end
end

-- Wait for the child, then end it.
local function let_go(child)
  if not child:is_active() then return end
  local timer = uv.new_timer()
  timer:unref()
  timer:start(GRACE_MS, 0, function ()
    if not child:is_closing() then child:kill("sigterm") end
    timer:close()
  end)
end

-- A session with what the shell runs for ${command}; its handle. Standard
-- error stays as it is. Options are the pump's: handshake, idle, ended.
function pipe.spawn(station, command, options)
  pump.check_options(options, " handshake idle ended peer ", 2)
  local session, message, code = station:session({ initiator = true })
  if not session then return nil, message, code end
  local stream = uvstream.stream()
  local input, output = uv.new_pipe(false), uv.new_pipe(false)
  local child
  child, message = uv.spawn("/bin/sh", { args = { "-c", command },
    stdio = { output, input, 2 } }, function (status, signal)
      child:close()
      stream.why = stream.why or exit_sentence(status, signal)
      uvstream.hold(stream, nil)
    end)
  if not child then
    input:close()
    output:close()
    session:close()
    return nil, uverror.sentence(message), "EIO"
  end
  uvstream.hold(stream, REASON_MS)
  uvstream.open(stream, input, output)
  options = options or {}
  return uvstream.drive(stream, pump.new(session, stream, uvstream.clock, {
    handshake = options.handshake, idle = options.idle, peer = options.peer,
    ended = function (handle)
      let_go(child)
      if options.ended then options.ended(handle) end
    end }))
end

local function uv_stream(fd)
  local kind = uv.guess_handle(fd)
  if kind == "pipe" then
    local handle = uv.new_pipe(false)
    return handle:open(fd) and handle, kind
  elseif kind == "tcp" then
    local handle = uv.new_tcp()
    return handle:open(fd) and handle, kind
  end
end

-- The listening side of a session over standard input and output. Options are
-- the pump's: handshake, idle, ended.
function pipe.stdio(station, options)
  pump.check_options(options, " handshake idle ended ", 2)
  local input, kind = uv_stream(0)
  -- A server that hands out its socket gives the same one twice.
  local output = kind == "tcp" and input or input and uv_stream(1)
  if not output then
    return nil, "standard input and output are no pipes: another program has "
      .. "to start this, as in `mahatta sync --exec \"ssh HOST mahatta serve "
      .. "--stdio\"`", "EINVALID"
  end
  local stream = uvstream.stream()
  uvstream.open(stream, input, output)
  local handle, message, code = gates.new():session(station, stream, "stdio",
    uvstream.clock, options or {})
  if not handle then return nil, message, code end
  return uvstream.drive(stream, handle)
end

return pipe
