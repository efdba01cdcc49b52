-- SPDX-License-Identifier: 0BSD
-- What host_test.c drives by poll(2): a listener, and a session with it, over
-- each transport that is there, between two real stations.

local mahatta = require "mahatta"

local memory = io.open("/dev/shm/.") and " -p /dev/shm" or ""
local loops = { transports = { "socket", "luv", "cqueues" } }
local handles, stations, dir, ended = {}, {}, nil, 0

local function station(name)
  local one = assert(mahatta.open(dir .. "/" .. name))
  assert(one:follow("*"))
  for i = 1, 50 do
    assert(one:publish("c/" .. name, { type = "note", title = name .. i }))
  end
  stations[#stations + 1] = one
  return one
end

-- Make the handles of transport number n. Is there such a one?
function loops.begin(n)
  local library = "mahatta.net." .. loops.transports[n]
  local has, net = pcall(require, library)
  if not has then return false end
  local pipe = assert(io.popen("mktemp -d" .. memory))
  dir = assert(pipe:read("l"))
  pipe:close()
  handles, stations, ended = {}, {}, 0
  local function count() ended = ended + 1 end
  handles[1] = assert(net.listen(station("a"), "127.0.0.1:0", {
    session = function (handle) handles[#handles + 1] = handle end,
    ended = count }))
  local _, port = handles[1]:address()
  handles[2] = assert(net.connect(station("b"), "127.0.0.1:"
    .. math.tointeger(tonumber(port)), { ended = count }))
  return true
end

-- What handle number i waits for: a descriptor or -1, whether to read, whether
-- to write, milliseconds or -1. nil: there is no such handle.
function loops.wants(i)
  local handle = handles[i]
  if not handle then return nil end
  local events, seconds = handle:events() or "", handle:timeout()
  return handle:pollfd() or -1, events:find("r") ~= nil,
    events:find("w") ~= nil, seconds and math.ceil(seconds * 1000) or -1
end

-- Step all. Are both sides through?
function loops.step()
  for _, handle in ipairs(handles) do handle:step() end
  return ended == 2
end

function loops.finish()
  for _, handle in ipairs(handles) do
    assert(not handle.result or handle:result(), "a session failed")
  end
  handles[1]:close()
  local uv = package.loaded.luv
  if uv then uv.run() end -- what was closed must be gone before the state is
  for _, one in ipairs(stations) do
    assert(assert(one:stats()).documents == 100, "not all came")
    one:close()
  end
  os.execute("rm -rf -- '" .. dir .. "'")
end

return loops
