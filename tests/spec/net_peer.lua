-- SPDX-License-Identifier: 0BSD
-- The other process of net_spec: one side of a session over a transport that
-- is named, with a fake station. Prints the port that it listens on, then how
-- the session ended: "state received message".

local fake = require "fake_session"

local transport, side, where, send, credit = table.unpack(arg)
local made = {}
local station = fake.station({ send = math.tointeger(send) or 0, piece = 30000,
  credit = math.tointeger(credit) or 100000, did = "did:" .. side }, made)

local function report(handle)
  local ok, message = handle:result()
  io.stderr:write(("%s %d %s\n"):format(ok and "done" or "failed",
    made[#made] and made[#made].received or -1, message or ""))
end

local function listening(handle)
  local _, port = handle:address()
  io.stdout:write(math.tointeger(tonumber(port)), "\n")
  io.stdout:flush()
end

local run = {}

function run.luv()
  local uv, net = require "luv", require "mahatta.net.luv"
  local listener
  if side == "listen" then
    listener = assert(net.listen(station, where, { ended = function (handle)
      report(handle)
      listener:close()
    end }))
    listening(listener)
  else
    assert(net.connect(station, where, { ended = report }))
  end
  uv.run()
end

function run.socket()
  local net = require "mahatta.net.socket"
  local handles = {}
  if side == "listen" then
    handles[1] = assert(net.listen(station, where, {
      session = function (handle) handles[#handles + 1] = handle end,
      ended = function (handle)
        report(handle)
        table.remove(handles, 1):close()
      end }))
    listening(handles[1])
  else
    handles[1] = assert(net.connect(station, where, { ended = report }))
  end
  net.run(handles)
end

function run.cqueues()
  local cqueues, net = require "cqueues", require "mahatta.net.cqueues"
  local loop = cqueues.new()
  if side == "listen" then
    local listener
    listener = assert(net.listen(station, where, { session = function (handle)
      loop:wrap(function ()
        net.run(handle)
        report(handle)
        listener:close()
      end)
      listener.done = true
    end }))
    listening(listener)
    loop:wrap(function ()
      while not listener.done do
        cqueues.poll(listener)
        listener:step()
      end
    end)
  else
    loop:wrap(function ()
      net.run(assert(net.connect(station, where, { ended = report })))
    end)
  end
  assert(loop:loop())
end

function run.pipe()
  local uv, net = require "luv", require "mahatta.net.pipe"
  if side == "listen" then
    assert(net.stdio(station, { ended = report }))
  else
    assert(net.spawn(station, where, { ended = report }))
  end
  uv.run()
end

function run.folder()
  local socket, net = require "socket", require "mahatta.net.folder"
  local handle = assert(net.open(station, where, { ended = report }))
  while handle:step() do socket.sleep(handle:timeout()) end
end

run[transport]()
