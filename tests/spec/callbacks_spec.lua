-- SPDX-License-Identifier: 0BSD
-- Every function that a host lends the module (clock, policies, progress,
-- iterators) raises, yields, closes, collects or calls back. What it raises
-- comes out as it is; nothing of what was done before is lost.

local mahatta = require "mahatta"
local support = require "support"

local function note(n) return { type = "note", title = "n" .. n, n = n } end

-- Values that may be raised, each of another kind; nil is one.
local function errors()
  return { n = 6, "text", 7, { code = 7 }, nil, print, setmetatable({}, {
    __tostring = function () error("of __tostring") end }) }
end

-- Raised as it is? Lua puts a place before a text that error() raises.
local function raised(wanted, ok, got)
  assert.is_false(ok)
  if wanted == "text" then
    assert.matches("text$", got)
  else
    assert.is_true(rawequal(wanted, got), type(got))
  end
end

local function titles(station)
  local list = {}
  for entry in station:list("*") do list[#list + 1] = entry.record.n end
  table.sort(list)
  return list
end

local function sound(station)
  local report = support.run(station:verify({ read_data = true }))
  assert.same({ 0, 0 }, { report.bad, report.missing })
end

-- A carry file with n records, from number ${first} or 1 on, by another author.
local function carried(n, first)
  local other, dir = support.station({}, support.folder(true))
  first = first or 1
  for i = first, first + n - 1 do assert(other:publish("c", note(i))) end
  support.run(other:pack(dir .. "/in.car"))
  other:close()
  return dir .. "/in.car"
end

-- Feed and pull until both are over; ${feed} takes the place of to:feed.
local function talk(to, from, feed)
  for _ = 1, 10000 do
    if to:finished() and from:finished() then return end
    local up = assert(to:pull())
    if up ~= "" then assert(from:feed(up)) end
    local down = assert(from:pull())
    if down ~= "" then assert(feed(to, down)) end
  end
  error("the session never ends")
end

describe("a clock", function ()
  after_each(support.clean)

  local act
  local function tell()
    if act then
      local now = act()
      if now ~= "go on" then return now end
    end
    return 1700000000
  end

  -- Every method that asks the time; each on its own handle.
  local function methods(station, dir)
    local file = support.write(dir .. "/f", ("bytes"):rep(1000))
    local link = support.run(station:add_file(file)).link
    local id = assert(station:publish("c", note(1)))
    local publisher, job = station:publisher("c"), station:verify()
    local session = assert(station:session())
    return {
      id = { station }, path = { station }, publisher = { station, "c" },
      get = { station, id }, current = { station, "c", "k" },
      history = { station, id }, about = { station, id },
      page = { station, "c" }, collections = { station },
      missing = { station }, follow = { station, "c" },
      unfollow = { station, "c" }, follows = { station },
      add_file = { station, file }, export_file = { station, link, dir, "f" },
      reader = { station, link }, block = { station, link },
      policy = { station }, session = { station }, rebuild = { station },
      index = { station }, verify = { station }, scrub = { station },
      sweep = { station }, salvage = { station, dir .. "/none" },
      stats = { station }, version = { station }, digest = { station },
      find = { station, "n1" }, suggest = { station, "n" },
      tally = { station, "n1" }, slip = { station, dir .. "/s.slip" },
      slip_text = { station }, slip_short = { station },
      lacks = { station, dir .. "/s.slip" },
      pack = { station, dir .. "/o.car" },
      unpack = { station, dir .. "/none.car" }, add = { publisher, note(2) },
      commit = { publisher }, step = { job, 0 }, feed = { session, "" },
      pull = { session },
    }
  end

  it("that raises is heard, whatever it raises, in every method", function ()
    local station, dir = support.station({ clock = tell },
      support.folder(true))
    local calls, list = methods(station, dir), errors()
    for name, call in pairs(calls) do
      for i = 1, list.n do
        act = function () error(list[i]) end
        raised(list[i], pcall(call[1][name], table.unpack(call)))
      end
      act = function () return "noon" end
      support.raises("the clock must return an integer", call[1][name],
        table.unpack(call))
      act = function () coroutine.yield() end
      support.raises("yield", coroutine.wrap(function ()
        call[1][name](table.unpack(call))
      end))
    end
    act = nil
    assert(station:publish("c", note(3)))
    sound(station)
    station:close()
  end)

  it("may close its station in every method", function ()
    local names = {}
    local station, dir = support.station({ clock = tell },
      support.folder(true))
    for name in pairs(methods(station, dir)) do names[#names + 1] = name end
    station:close()
    for _, name in ipairs(names) do
      local own = support.station({ clock = tell }, support.folder(true))
      local call = methods(own, dir)[name]
      act = function ()
        own:close()
        collectgarbage()
        return "go on"
      end
      local ok, value, message, code = pcall(call[1][name],
        table.unpack(call))
      if ok and value == nil then
        assert.equal("ECLOSED", code, name .. ": " .. tostring(message))
      else
        assert.is_false(ok, name)
        assert.matches("closed", value, name)
      end
      act = nil
    end
  end)

  it("may call its own station, from every method", function ()
    local station, dir = support.station({ clock = tell },
      support.folder(true))
    local calls = methods(station, dir)
    local deep
    act = function ()
      if deep then return "go on" end
      deep = true
      assert(station:publish("clock", note(9)))
      assert(#assert(station:page("clock", { limit = 1 })) == 1)
      deep = false
      return "go on"
    end
    for _, name in ipairs({ "get", "page", "find", "add", "commit", "step",
        "collections", "missing", "history", "pull", "feed", "stats" }) do
      local call = calls[name]
      local value, message = call[1][name](table.unpack(call))
      assert(value ~= nil, message)
    end
    act = nil
    sound(station)
    station:close()
  end)

  it("that raises when its station is opened leaves no store", function ()
    local dir = support.folder(true)
    support.raises("no time", mahatta.open, dir .. "/s",
      { clock = function () error("no time") end })
    support.raises("must return an integer", mahatta.open, dir .. "/s",
      { clock = function () return 0.5 end })
    assert.is_nil(support.read(dir .. "/s"))
    assert.is_nil(support.read(dir .. "/s.key"))
    mahatta.open(dir .. "/s"):close()
  end)
end)

describe("a policy of a job", function ()
  after_each(support.clean)

  it("that raises is asked again, whatever it raised", function ()
    local path, list = carried(6), errors()
    local station = support.station({}, support.folder(true))
    local job, at = assert(station:unpack(path)), 0
    station:policy { admit = function ()
      at = at + 1
      error(list[at])
    end }
    for i = 1, list.n do raised(list[i], pcall(job.run, job)) end
    assert.equal(list.n, at)
    station:policy { admit = function () return "keep" end }
    assert.equal(6, assert(job:run()).added)
    sound(station)
    station:close()
  end)

  it("that answers nonsense is asked again", function ()
    local path = carried(2)
    local station = support.station({}, support.folder(true))
    local job = assert(station:unpack(path))
    for _, answer in ipairs({ "maybe", 7, true, {}, "keep\0" }) do
      station:policy { admit = function () return answer end }
      support.raises("a policy answers", job.run, job)
    end
    station:policy { admit = function () return "keep" end }
    assert.equal(2, assert(job:run()).added)
    station:close()
  end)

  it("may close the job, or the station", function ()
    local path = carried(3)
    for _, what in ipairs({ "job", "station", "both" }) do
      local station, dir = support.station({}, support.folder(true))
      local job = assert(station:unpack(path))
      station:policy { admit = function ()
        if what ~= "station" then job:close() end
        if what ~= "job" then station:close() end
        collectgarbage()
        return "keep"
      end }
      local ok, report, _, code = pcall(job.run, job)
      if what == "station" then
        assert.is_true(ok)
        assert.is_nil(report)
        assert.equal("ECLOSED", code)
      else
        assert.is_false(ok)
        assert.matches("closed job", report)
      end
      station:close()
      station = support.station({}, dir)
      assert.equal(3, support.run(station:unpack(path)).added)
      sound(station)
      station:close()
    end
  end)

  it("may replace itself, publish, read and unpack", function ()
    local path = carried(4)
    local station = support.station({}, support.folder(true))
    local asked = 0
    station:policy { admit = function ()
      asked = asked + 1
      assert(station:publish("mine", note(10 + asked)))
      assert.equal(asked, #station:page("mine"))
      if asked == 2 then
        station:policy { admit = function () return "drop" end }
        collectgarbage()
      end
      return "keep"
    end }
    local report = support.run(station:unpack(path))
    assert.same({ 2, 2, 2 }, { asked, report.added, report.refused })
    path = carried(3, 20)
    station:policy { admit = function () -- it lets the same file in itself
      station:policy(nil)
      assert.equal(3, support.run(station:unpack(path)).added)
      return "keep"
    end }
    assert.equal(0, support.run(station:unpack(path)).added)
    sound(station)
    station:close()
  end)

  it("may wait in a coroutine that nobody resumes", function ()
    local path = carried(3)
    for _, way in ipairs({ "closed", "collected", "kept" }) do
      local station = support.station({}, support.folder(true))
      station:policy { admit = function ()
        return coroutine.yield("asked")
      end }
      local job = assert(station:unpack(path))
      local lost = coroutine.create(job.step)
      assert.same({ true, "asked" }, { coroutine.resume(lost, job) })
      if way == "closed" then assert(coroutine.close(lost)) end
      if way ~= "kept" then lost = nil end
      collectgarbage()
      -- Stepped from another coroutine, the question comes again.
      local run = coroutine.wrap(job.run)
      local answer = run(job)
      while answer == "asked" do answer = run("keep") end
      assert.equal(3, answer.added)
      if lost then -- too late: the job had its answer
        local _, more = coroutine.resume(lost, "drop")
        assert.is_false(more)
      end
      assert.same({ 1, 2, 3 }, titles(station))
      station:close()
    end
  end)
end)

describe("a policy of a session", function ()
  local a, b
  before_each(function ()
    a = support.station({}, support.folder(true))
    b = support.station({}, support.folder(true))
    for i = 1, 8 do assert(a:publish("c" .. i % 3, note(i))) end
  end)
  after_each(function ()
    a:close()
    b:close()
    support.clean()
  end)

  local function sessions()
    return assert(b:session { initiator = true }), assert(a:session())
  end

  it("that raises loses nothing of what was fed", function ()
    local list, at, which = errors(), 0, nil
    b:policy { admit = function ()
      at = at + 1
      which = at // 2 % list.n + 1
      if at % 2 == 1 then error(list[which]) end
      return "keep"
    end }
    local to, from = sessions()
    talk(to, from, function (s, bytes)
      local rest = bytes
      while true do
        local ok, value, message = pcall(s.feed, s, rest)
        if ok then return assert(value, message) end
        raised(list[which], ok, value)
        rest = ""
      end
    end)
    assert.is_true(at >= 12, "asked " .. at)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, titles(b))
  end)

  it("that answers nonsense loses nothing either", function ()
    local at = 0
    b:policy { admit = function ()
      at = at + 1
      if at % 2 == 1 then return "maybe" end
      return "keep"
    end }
    local to, from = sessions()
    talk(to, from, function (s, bytes)
      local rest = bytes
      while true do
        local ok, value = pcall(s.feed, s, rest)
        if ok then return value end
        assert.matches("a policy answers", value)
        rest = ""
      end
    end)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, titles(b))
  end)

  it("that raises and raises keeps its place", function ()
    local willing = false
    b:policy { admit = function ()
      if not willing then error("not now") end
      return "keep"
    end }
    local to, from = sessions()
    talk(to, from, function (s, bytes)
      for i = 1, #bytes, 100 do -- piece by piece, and nobody answers
        pcall(s.feed, s, bytes:sub(i, i + 99))
      end
      willing = true
      local fed = s:feed("")
      willing = false
      return fed
    end)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, titles(b))
  end)

  it("is not lost with the clock", function ()
    a:close()
    local now = os.time() -- else what comes is of the future
    local raises
    a = support.station({ clock = function ()
      if raises then error("no time") end
      return now
    end }, support.folder(true))
    for i = 1, 8 do assert(b:publish("c", note(i))) end
    local refuses = true
    a:policy { admit = function ()
      if refuses then error("not now") end
      return "keep"
    end }
    local to, from = assert(a:session { initiator = true }),
      assert(b:session())
    talk(to, from, function (s, bytes)
      local rest = bytes
      while true do
        local ok, value = pcall(s.feed, s, rest)
        if ok then return value end
        rest = ""
        raises = true
        support.raises("no time", s.feed, s, rest)
        raises, refuses = false, false
      end
    end)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, titles(a))
  end)

  it("may close the session, or either station", function ()
    for _, what in ipairs({ "session", "station", "both" }) do
      local to, from = sessions()
      b:policy { admit = function ()
        if what ~= "station" then to:close() end
        if what ~= "session" then b:close() end
        collectgarbage()
        return "keep"
      end }
      local ok, why = pcall(talk, to, from, to.feed)
      assert.is_false(ok)
      assert.matches("closed", why)
      from:close()
      to:close()
      if what ~= "session" then
        b = support.station({}, support.folder(true))
      end
    end
    b:policy(nil)
    local to, from = sessions()
    talk(to, from, to.feed)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, titles(b))
  end)

  it("may use its station, and is not fed meanwhile", function ()
    local to, from = sessions()
    local asked = 0
    b:policy { admit = function ()
      asked = asked + 1
      assert(b:publish("mine", note(10 + asked)))
      assert(to:status().state == "syncing")
      support.raises("waits for its policy", to.feed, to, "x")
      assert.is_string(to:pull())
      collectgarbage()
      return "keep"
    end }
    talk(to, from, to.feed)
    assert.equal(8, asked)
    sound(b)
  end)

  it("may wait in a coroutine that nobody resumes", function ()
    for _, way in ipairs({ "closed", "collected" }) do
      local to, from = sessions()
      b:policy { admit = function () return coroutine.yield("asked") end }
      talk(to, from, function (s, bytes)
        local lost = coroutine.create(s.feed)
        local _, value = assert(coroutine.resume(lost, s, bytes))
        if value ~= "asked" then return value end
        support.raises("waits for its policy", s.feed, s, "x")
        if way == "closed" then assert(coroutine.close(lost)) end
        lost = nil -- luacheck: ignore
        collectgarbage()
        b:policy { admit = function () return "keep" end }
        return s:feed("")
      end)
      assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, titles(b))
      assert.equal("done", to:status().state)
      b:close()
      b = support.station({}, support.folder(true))
    end
  end)

  it("that orders or serves may raise or answer nonsense, too", function ()
    for hook, answers in pairs({ order = { "first", 1.5, {} }, serve = {} }) do
      local list, at = errors(), 0
      a:policy { [hook] = function ()
        at = at + 1
        if at <= list.n then error(list[at]) end
        if answers[at - list.n] then return answers[at - list.n] end
        return hook == "serve" or 0
      end }
      local to, from = sessions()
      local function insist(method, ...)
        for _ = 1, 20 do
          local ok, value, message = pcall(method, ...)
          if ok then return assert(value, message) end
        end
        error("it never ends")
      end
      for _ = 1, 10000 do
        if to:finished() and from:finished() then break end
        local up = assert(to:pull())
        if up ~= "" then
          local ok = pcall(from.feed, from, up)
          if not ok then insist(from.feed, from, "") end
        end
        local down = insist(from.pull, from)
        if down ~= "" then assert(to:feed(down)) end
      end
      assert.is_true(at > list.n + #answers)
      assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, titles(b))
      b:close()
      b = support.station({}, support.folder(true))
    end
  end)
end)

describe("an iterator or a progress function", function ()
  after_each(support.clean)

  it("that raises is heard, and what came before is kept", function ()
    local list = errors()
    local station = support.station({}, support.folder(true))
    for i = 1, list.n do
      local at = 0
      raised(list[i], pcall(station.publish_all, station, "c", function ()
        at = at + 1
        if at == 3 then error(list[i]) end
        return note(at)
      end))
      raised(list[i], pcall(station.publish_all, station, "c", { note(1) },
        { progress = function () error(list[i]) end }))
    end
    assert(station:publish_all("c", { note(100) }))
    assert.equal(100, titles(station)[#titles(station)])
    sound(station)
    station:close()
  end)

  it("may yield", function ()
    local station = support.station({}, support.folder(true))
    local run = coroutine.wrap(function ()
      return station:publish_all("c", function ()
        return coroutine.yield("next")
      end, { progress = function (n) coroutine.yield(n) end })
    end)
    assert.equal("next", run())
    assert.equal(1, run(note(1)))
    assert.equal("next", run())
    assert.equal(2, run(note(2)))
    assert.equal("next", run())
    assert.equal(2, run(nil))
    assert.same({ 1, 2 }, titles(station))
    station:close()
  end)

  it("may close the station, and be told so", function ()
    local station = support.station({}, support.folder(true))
    local count, message, code = station:publish_all("c", function ()
      station:close()
      collectgarbage()
      return note(1)
    end)
    assert.is_nil(count)
    assert.is_string(message)
    assert.equal("ECLOSED", code)
  end)

  it("of an export may raise, yield or close the station", function ()
    local station, dir = support.station({}, support.folder(true))
    local file = support.write(dir .. "/f", support.noise(300000, 3))
    local id = assert(station:publish("c", { type = "note",
      files = { { path = file }, { path = file, name = "g" } } }))
    local list = errors()
    for i = 1, list.n do
      raised(list[i], pcall(station.export, station, id, support.folder(true),
        { progress = function () error(list[i]) end }))
    end
    local yields, out = 0, support.folder(true)
    local run = coroutine.wrap(function ()
      return station:export(id, out, { progress = coroutine.yield })
    end)
    local value = run()
    while type(value) == "number" do
      yields, value = yields + 1, run()
    end
    assert.equal(2, #value)
    assert.is_true(yields >= 2)
    assert.equal(support.read(file), support.read(out .. "/g"))
    out = support.folder(true)
    support.raises("closed station", station.export, station, id, out,
      { progress = function () station:close() end })
    assert.equal(support.read(file), support.read(out .. "/f"))
    for name in require("lfs").dir(out) do -- whole or not at all
      assert.is_truthy(("f .."):find(name, 1, true), name)
    end
  end)
end)
