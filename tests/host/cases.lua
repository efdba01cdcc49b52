-- SPDX-License-Identifier: 0BSD
-- What host_test.c has done in its states. Folders go away with the state.

local mahatta = require "mahatta"

local memory = io.open("/dev/shm/.") and " -p /dev/shm" or ""
local cases = { act = {} }
local folders = setmetatable({}, { __gc = function (list)
  for _, dir in ipairs(list) do os.execute("rm -rf -- '" .. dir .. "'") end
end })

local dir, station, link
local nested, deep = nil, { n = 1 }

local function folder()
  local pipe = assert(io.popen("mktemp -d" .. memory))
  folders[#folders + 1] = assert(pipe:read("l"))
  pipe:close()
  return folders[#folders]
end

local function write(name, bytes)
  local file = assert(io.open(dir .. "/" .. name, "wb"))
  assert(file:write(bytes))
  file:close()
end

-- nil, message, code becomes an error, as a host that asserts makes of it.
local function must(value, message)
  if value == nil then error(message, 0) end
  return value
end

-- A station with records and a file; a carry file of another author's.
function cases.prepare()
  dir = folder()
  local other = must(mahatta.open(dir .. "/other"))
  for i = 1, 5 do
    must(other:publish("d", { type = "note", title = "far " .. i, n = i }))
  end
  must(must(other:pack(dir .. "/in.car")):run())
  other:close()
  station = must(mahatta.open(dir .. "/s"))
  write("f.txt", ("bytes of a file "):rep(3000))
  link = must(must(station:add_file(dir .. "/f.txt")):run()).link
  must(station:publish("c", { type = "note", title = "a file",
    files = { { name = "f.txt", data = link, size = 48000 } } }))
  for i = 1, 20 do
    must(station:publish("c", { type = "note", title = "near " .. i }))
  end
  for i = 1, 14 do -- of two levels each; some with many keys
    deep = { list = { deep, i }, ["key " .. i] = "v" }
    for k = 1, i % 2 * 40 do deep["wide " .. k] = mahatta.bytes("b") end
  end
  nested = mahatta.encode(deep)
end

function cases.still_sound()
  local report = must(must(station:verify({ read_data = true })):run())
  assert(report.bad == 0, "damaged blocks")
  assert(#must(station:find("near")) > 0)
  station:close()
end

-- ---- acts: each may run out of memory anywhere ----

local act = cases.act

function act.open(n)
  local own = must(mahatta.open(dir .. "/new" .. n))
  own:close()
end

function act.publish(n)
  must(station:publish("c", { type = "note", title = { ar = "x", en = "y" },
    n = n, tags = { "a", "b" } }))
end

function act.many(n)
  must(station:publish_all("c", { { type = "note", title = "m" .. n },
    { type = "note", text = "two" } }))
end

function act.add_file()
  must(must(station:add_file(dir .. "/f.txt")):run())
end

function act.pack(n)
  must(must(station:pack(dir .. "/out" .. n .. ".car.zst",
    { collections = { "c" }, level = 1 })):run())
end

function act.unpack()
  station:policy { admit = function (entry, from)
    return #(entry.record.title .. from) > 0 and "drop" or "stop"
  end }
  must(must(station:unpack(dir .. "/in.car")):run())
end

function act.search()
  for hit in station:search("near", { limit = 30 }) do assert(hit.title) end
end

function act.list()
  for entry in station:list("*") do assert(entry.id) end
  must(station:collections())
  must(station:stats())
  must(station:missing())
end

function act.decode()
  must(mahatta.decode(nested))
end

function act.encode()
  mahatta.encode(deep)
end

function act.reader()
  local reader = must(station:reader(link))
  while reader:read() do end -- luacheck: ignore 542
end

-- ---- finalisers that close, at every moment of a call ----

local function small_steps()
  if _VERSION == "Lua 5.3" then
    collectgarbage("setpause", 1)
    collectgarbage("setstepmul", 100000)
  else
    collectgarbage("generational", 1, 100)
  end
end

-- A finaliser that comes again and again and acts at the n-th time.
local function arm(n, act_now)
  local armed = true
  local function again()
    if not armed then return end
    n = n - 1
    if n == 0 then act_now() end
    setmetatable({}, { __gc = again })
  end
  setmetatable({}, { __gc = again })
  return function () armed = false end
end

local function closed_or_fine(ok, why)
  assert(ok or tostring(why):find("closed")
    or tostring(why):find("changed while")
    or tostring(why):find("a nil is no value")
    or tostring(why):find("invalid key to 'next'"), why)
end

local calls = {
  function (s) return s:page("c", { limit = 9 }) end,
  function (s) return s:find("near", { mark = { "[", "]" }, limit = 9 }) end,
  function (s) return s:missing() end,
  function (s) return s:collections() end,
  function (s) return s:follows() end,
  function (s) return s:publisher("c") end,
  function (s) return s:verify() end,
  function (s)
    local reader = s:reader(link)
    local stop = arm(3, function () reader:close() end)
    local ok, why = pcall(reader.read, reader)
    stop()
    closed_or_fine(ok, why)
  end,
  function (s)
    local job = s:verify()
    job:run()
    local stop = arm(2, function () job:close() end)
    local ok, why = pcall(job.result, job)
    stop()
    closed_or_fine(ok, why)
  end,
}

local function encode_and_change(n)
  local t = {}
  for k = 1, 14 + n % 6 do t["key" .. k] = { n = "v" .. k } end
  local stop = arm(1 + n % 4, function ()
    for k = 1, 3000 do t["more" .. k] = k end
    for k = 1, 9 do t["key" .. k] = nil end
  end)
  local ok, bytes = pcall(mahatta.encode, t)
  stop()
  closed_or_fine(ok, bytes)
  if ok then must(mahatta.decode(bytes)) end
end

function cases.finalisers()
  small_steps()
  for n = 1, 300 do encode_and_change(n) end
  for _, call in ipairs(calls) do
    for n = 1, 25 do
      local s = must(mahatta.open(dir .. "/s", { readonly = true }))
      local stop = arm(n, function () s:close() end)
      local ok, why = pcall(call, s)
      stop()
      closed_or_fine(ok, why)
      s:close()
    end
  end
end

-- ---- states and processes ----

function cases.state(n)
  assert(mahatta.decode(mahatta.encode({ n = n })).n == n)
  if n % 25 == 0 then
    dir = folder()
    station = must(mahatta.open(dir .. "/s"))
    must(station:publish("c", { type = "note", title = "of a state" }))
  end
end

function cases.fresh_child()
  dir = folder()
  local own = must(mahatta.open(dir .. "/s"))
  must(own:publish("c", { type = "note", title = "a child's" }))
end

function cases.child()
  for i = #folders, 1, -1 do folders[i] = nil end -- they are the parent's
  local id, why = station:publish("c", { type = "note", title = "not mine" })
  assert(not id and why:find("fork"), why or "a child wrote")
  local entries, fault = station:page("c")
  assert(not entries and fault:find("fork"), fault or "a child read")
end

-- Everything open, and then the process ends.
local function exit_with_all_open(close)
  for i = #folders, 1, -1 do folders[i] = nil end -- they are the parent's
  station = must(mahatta.open(dir .. "/s"))
  must(station:publish("c", { type = "note", title = "near" }))
  write("f.txt", ("bytes"):rep(100000))
  local job = must(station:add_file(dir .. "/f.txt"))
  local publisher = must(station:publisher("c"))
  local packing = must(station:pack(dir .. "/out.car"))
  job:step(0)
  publisher:add({ type = "note", title = "never committed" })
  packing:step(0)
  os.exit(7, close)
end

function cases.exit_folder() dir = folder() end
function cases.exit_at_once() exit_with_all_open(false) end
function cases.exit_closing() exit_with_all_open(true) end

function cases.after_exit()
  station = must(mahatta.open(dir .. "/s"))
  assert(#must(station:page("c")) == 1, "what was published")
  cases.still_sound()
end

return cases
