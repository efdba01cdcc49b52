-- SPDX-License-Identifier: 0BSD
-- What host_test.c has done in its states.

local mahatta = require "mahatta"
local acts = dofile "tests/host/acts.lua"

local cases = {}
local must, folder, folders = acts.must, acts.folder, acts.folders
local dir, station, link

function cases.prepare()
  acts.prepare()
  dir, station, link = acts.dir, acts.station, acts.link
end

function cases.still_sound()
  acts.station, acts.other = station, acts.other or station
  acts.still_sound()
end

-- ---- finalisers that close, at every moment of a call ----

-- Ways for the collector to come at every chance it has.
local restless = {
  function () -- whole cycles
    collectgarbage("incremental", 0, 1000, 30)
    collectgarbage("setpause", 0)
  end,
  function () collectgarbage("generational", 1, 100) end,
}
if _VERSION == "Lua 5.3" then
  restless = { function ()
    collectgarbage("setpause", 1)
    collectgarbage("setstepmul", 100000)
  end }
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
  function (s) return s:unread({ limit = 9 }) end,
  function (s) return s:file_text(acts.ids[1]) end,
  function (s) return s:quotas() end,
  function (s) return s:vouched() end,
  function (s) return s:why(acts.ids[1]) end,
  function (s) return s:tally("near", { collection = "c" }) end,
  function (s) return s:suggest("nea", { limit = 9 }) end,
  function (s)
    local hits = s:find("near", { limit = 9 })
    return s:find("near", { limit = 9, cursor = hits.next, trust = { s:id() },
      explain = true })
  end,
  function (s) return s:index_files({ once = true }):run() end,
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

local function close_at_every_moment(call)
  for n = 1, 30 do
    local s = must(mahatta.open(dir .. "/s", { readonly = true }))
    local stop = arm(n, function () s:close() end)
    local ok, why = pcall(call, s)
    stop()
    closed_or_fine(ok, why)
    s:close()
  end
end

function cases.finalisers()
  for _, come in ipairs(restless) do
    come()
    for n = 1, 300 do encode_and_change(n) end
    for _, call in ipairs(calls) do close_at_every_moment(call) end
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
  local author, record = acts.other:id(), acts.ids[1]
  for name, words in pairs({ page = { "c" }, find = { "near" },
      tally = { "near" }, suggest = { "nea" }, why = { record },
      quotas = { { budget = "64M" } }, vouch = { author }, vouched = {},
      unread = {}, put_texts = { { { id = record, text = "t" } } },
      file_text = { record }, verify = {}, scrub = {} }) do
    local good, fault = station[name](station, table.unpack(words))
    if good and type(good) == "userdata" then good, fault = good:run() end
    assert(not good and fault:find("fork"), name .. ": "
      .. (fault or "a child did it"))
  end
  local texts = station:index_files()
  local read, why_not = texts:run()
  assert(not read and why_not:find("fork"), why_not or "a child read files")
end

-- ---- everything open ----

-- Each makes a handle and leaves it half done. Kept until the state ends.
local kept = {}

local function halfway(job)
  local one = must(job)
  one:step(0)
  return one
end

local openers = {
  function ()
    local publisher = must(station:publisher("c"))
    must(publisher:add({ type = "note" }))
    return publisher
  end,
  function () return must(station:publisher("c")) end,
  function () return halfway(station:add_file(acts.file)) end,
  function () return must(station:add_file(acts.file)) end,
  function () return halfway(station:pack(dir .. "/half.car")) end,
  function () return halfway(station:verify({ read_data = true })) end,
  function () return halfway(station:scrub()) end,
  function () return halfway(station:index()) end,
  function () return halfway(station:sweep()) end,
  function () return halfway(station:index_files()) end,
  function () return halfway(station:lacks(dir .. "/other.slip")) end,
  function () return halfway(station:export_file(link, dir, "half")) end,
  function () return halfway(station:unpack(dir .. "/in.car")) end,
  function () -- a policy that waits in a coroutine
    local job = must(station:unpack(dir .. "/in.car"))
    local waiting = coroutine.create(job.run)
    assert(coroutine.resume(waiting, job))
    return waiting
  end,
  function ()
    local reader = must(station:reader(link))
    reader:read()
    return reader
  end,
  function ()
    local next_hit, next_entry = station:search("near"), station:list("*")
    return { next_hit(), next_hit, next_entry(), next_entry }
  end,
  function () -- as far as the first question of the policy
    local to = must(station:session({ initiator = true }))
    local from = must(acts.other:session())
    kept[#kept + 1] = from
    local waiting = coroutine.create(function ()
      while true do
        must(from:feed(must(to:pull())))
        must(to:feed(must(from:pull())))
      end
    end)
    assert(coroutine.resume(waiting))
    assert(to:status().state == "syncing")
    return { waiting, to }
  end,
  function () return must(station:session()) end,
  function () -- a stream half sent
    if not acts.act.http then return nil end
    acts.before.http()
    acts.act.http()
  end,
  function () -- a listener, and a call to it that has not come through
    local has, net = pcall(require, "mahatta.net.socket")
    if not has then return nil end
    local listener = must(net.listen(station, "127.0.0.1:0"))
    local _, port = listener:address()
    local call = must(net.connect(acts.other, "127.0.0.1:"
      .. math.tointeger(tonumber(port))))
    for _ = 1, 3 do
      call:step()
      listener:step()
    end
    return { listener, call }
  end,
  function () -- that uses all of them when it is too late
    return setmetatable({}, { __gc = function ()
      for _, one in ipairs(kept or {}) do
        for _, name in ipairs({ "step", "pull", "read", "add", "close" }) do
          pcall(function () return one[name](one, {}) end)
        end
      end
      pcall(station.publish, station, "c", { type = "note", n = 1 })
      pcall(mahatta.encode, { "begun", 1.5 }) -- and not ended
    end })
  end,
}

-- Orders of the openers, another for each n.
local function shuffled(n)
  local list = table.move(openers, 1, #openers, 1, {})
  local seed = n * 2654435761 % 4294967296
  for i = #list, 2, -1 do
    seed = (seed * 1103515245 + 12345) % 2147483648
    local k = seed // 65536 % i + 1
    list[i], list[k] = list[k], list[i]
  end
  return list
end

function cases.all_open(n)
  cases.prepare()
  station:policy { admit = function ()
    return coroutine.isyieldable() and coroutine.yield() or "keep"
  end, serve = function () return true end }
  for _, open in ipairs(shuffled(n)) do
    kept[#kept + 1] = open() or nil
    if n % 4 == 3 then collectgarbage("step") end
  end
  if n % 2 == 1 then kept = nil end -- the collector finds them all at once
  if n % 5 == 4 then station:close() end
end

-- In a coroutine that waits, and in one that is closed with its variables.
function cases.all_open_waiting(n)
  kept.waiting = coroutine.create(function ()
    cases.all_open(n)
    local _ <close> = station
    coroutine.yield()
  end)
  assert(coroutine.resume(kept.waiting))
  if n % 3 == 2 then assert(coroutine.close(kept.waiting)) end
end

-- All of the module is loaded a second time: handles of the first loading and
-- of the second are of one kind.
function cases.reloaded()
  cases.prepare()
  local first, old = station, mahatta
  for name in pairs(package.loaded) do
    if name:find("^mahatta") then package.loaded[name] = nil end
  end
  collectgarbage()
  local new = require "mahatta.core" -- and not yet what is Lua over it
  assert(new ~= old and new.null == old.null)
  acts.run(first:pack(dir .. "/re.car", { budget = "1G" }))
  mahatta = require "mahatta"
  assert(mahatta ~= old)
  local second = must(mahatta.open(dir .. "/second"))
  acts.run(second:unpack(dir .. "/re.car"))
  assert(old.link(acts.ids[1]) == mahatta.link(acts.ids[1]))
  assert(getmetatable(first) == getmetatable(second))
  assert(must(second:current("c", "k1", first:id())).record.title
    == "near 16")
  assert(old.encode(mahatta.map()) == "\xa0")
  second:close()
  first:close()
  acts.other:close()
end

-- ---- two states on one store ----

function cases.first_state()
  cases.path = folder() .. "/s"
  station = must(mahatta.open(cases.path))
end

function cases.second_state()
  local writer, message, code = mahatta.open(cases.path)
  assert(not writer and code == "EBUSY", message)
  station = must(mahatta.open(cases.path, { readonly = true }))
  local id, _, why = station:publish("c", { type = "note" })
  assert(not id and why, "a reader wrote")
end

function cases.writes(n)
  must(station:publish("c", { type = "note", title = "near " .. n, n = n }))
end

function cases.reads(n)
  assert(#must(station:page("c")) == n)
  assert(#must(station:find("near", { limit = 30 })) == n)
end

function cases.gives_up() station:close() end

function cases.takes_over()
  station:close()
  station = must(mahatta.open(cases.path))
  cases.writes(21)
  cases.reads(21)
  acts.run(station:verify({ read_data = true }))
end

-- ---- exits ----

-- Everything open, and then the process ends.
local function exit_with_all_open(close)
  for i = #folders, 1, -1 do folders[i] = nil end -- they are the parent's
  acts.folder = function () return dir end
  cases.all_open(close and 1 or 2)
  os.exit(7, close)
end

function cases.exit_folder() dir = folder() end
function cases.exit_at_once() exit_with_all_open(false) end
function cases.exit_closing() exit_with_all_open(true) end

function cases.after_exit()
  station = must(mahatta.open(dir .. "/s"))
  assert(#must(station:page("c")) >= 6, "what was published")
  cases.still_sound()
end

return cases
