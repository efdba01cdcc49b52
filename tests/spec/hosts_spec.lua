-- SPDX-License-Identifier: 0BSD
-- What a host's own code may do in the middle of a call: finalisers, clocks
-- and policies that close what is in use, options that answer by metamethods.

local mahatta = require "mahatta"
local support = require "support"

-- Ten records; `options` for open.
local function filled(options)
  local station, dir = support.station(options, support.folder(true))
  for i = 1, 10 do
    assert(station:publish("c", { type = "note", title = "x " .. i }))
  end
  return station, dir
end

-- Calls `work` with a finaliser waiting that calls `act`, each time a little
-- later in it.
local function with_finaliser(act, work)
  collectgarbage("stop")
  for later = 0, 60 do
    setmetatable({}, { __gc = act })
    collectgarbage("restart")
    collectgarbage("step", later)
    work()
    collectgarbage("stop")
  end
  collectgarbage("restart")
end

describe("a finaliser of the host's", function ()
  after_each(support.clean)

  it("may close the station in any call", function ()
    local station, dir = filled()
    local file = support.write(dir .. "/f.txt", "text")
    local link = assert(station:add_file(file):run()).link
    local id = station:list("c")().id
    local calls = {
      function (s) return s:page("c", { limit = 5 }) end,
      function (s) return s:find("x", { mark = { "[", "]" } }) end,
      function (s) return s:history(id) end,
      function (s) return s:get(id) end,
      function (s) return s:about(id) end,
      function (s) return s:missing() end,
      function (s) return s:collections() end,
      function (s) return s:follows() end,
      function (s) return s:publisher("c") end,
      function (s) return s:reader(link):read() end,
      function (s)
        return s:pack(dir .. "/p.car", { collections = { "c" } })
      end,
      function (s) return s:verify() end,
    }
    station:close()
    for _, call in ipairs(calls) do
      local s
      with_finaliser(function () if s then s:close() end end, function ()
        if not s or tostring(s):find("closed") then
          s = assert(mahatta.open(dir .. "/s.mahatta"))
        end
        local ok, why = pcall(call, s)
        assert.is_true(ok or tostring(why):find("closed") ~= nil, why)
      end)
      if s then s:close() end
    end
  end)

  it("may close a reader or a job in use", function ()
    local station, dir = filled()
    local file = support.write(dir .. "/f.txt", ("text"):rep(1000))
    local link = assert(station:add_file(file):run()).link
    local reader, job
    with_finaliser(function () if reader then reader:close() end end,
      function ()
        reader = reader and tostring(reader):find("closed") and reader
          or assert(station:reader(link))
        pcall(reader.read, reader)
        reader = nil
      end)
    with_finaliser(function () if job then job:close() end end, function ()
      job = assert(station:verify())
      pcall(job.run, job)
      pcall(job.result, job)
      job = nil
    end)
    station:close()
  end)

  it("may empty a list of texts that is being read", function ()
    local station, dir = support.station({}, support.folder(true))
    local ids, file = {}, support.write(dir .. "/f.txt", "in a file")
    for i = 1, 10 do
      ids[i] = assert(station:publish("c", { type = "note", n = i,
        files = { { path = file } } }))
    end
    station:close()
    -- Only the core: no other string in the state is "done" or "files", so
    -- that looking for these allocates, and each time all is collected.
    local text, code = support.lua(([[
      local station = assert(require("mahatta.core").open(%q))
      local IDS, TEXT = %q, ("a text that somebody read "):rep(100)
      collectgarbage("incremental", 0, 1000, 30)
      collectgarbage("setpause", 0)
      for cycle = 1, 20 do
        local list, seen, over = {}, 0, false
        for id in IDS:gmatch("%%w+") do
          list[#list + 1] = { id = id, text = TEXT .. #list .. cycle }
        end
        local ID = list[1].id
        local function again()
          seen = seen + 1
          if seen == cycle then list[1].text = nil end
          if not over then setmetatable({}, { __gc = again }) end
        end
        setmetatable({}, { __gc = again })
        assert(station:put_texts(list) == #list)
        over = true
        local got = station:file_text(ID)
        assert(not got or got == "" or got == TEXT .. 0 .. cycle, got)
        io.write(got and #got > 0 and "kept " or "gone ")
      end]]):format(dir .. "/s.mahatta",
      table.concat(ids, " ")))
    assert.equal(0, code, text)
    assert.is_truthy(text:find("kept", 1, true), text)
    assert.is_truthy(text:find("gone", 1, true), text)
  end)

  it("may change a table that is being encoded", function ()
    for size = 15, 19 do
      local t
      with_finaliser(function ()
        for k = 1, 400 do t["more" .. k] = k end
        for k = 1, 9 do t["key" .. k] = nil end
      end, function ()
        t = {}
        for k = 1, size do t["key" .. k] = { n = "v" } end
        local ok, bytes = pcall(mahatta.encode, t)
        if ok then assert.is_table(mahatta.decode(bytes)) end
      end)
    end
  end)
end)

describe("a clock", function ()
  after_each(support.clean)

  it("may close the publisher that asks it", function ()
    local publisher
    local station = filled { clock = function ()
      if publisher then publisher:close() end
      return 1700000000
    end }
    publisher = assert(station:publisher("c"))
    local ok, why = pcall(publisher.commit, publisher)
    assert.is_false(ok)
    assert.matches("the clock closed the publisher", why)
  end)
end)

describe("an options table", function ()
  after_each(support.clean)

  it("is read without metamethods", function ()
    local station = filled()
    local hits = station:find("x", setmetatable({}, { __index = function ()
      station:close()
      return ("made up"):rep(10)
    end }))
    assert.equal(10, #hits)
    assert.is_table(station:stats())
  end)
end)

describe("a policy that steps its own job", function ()
  after_each(support.clean)

  it("answers the question that it was asked, no later one", function ()
    local from, dir = filled()
    assert(from:pack(dir .. "/a.car"):run())
    local station = support.station(nil, support.folder(true))
    local job, asked = nil, 0
    station:policy { admit = function ()
      asked = asked + 1
      if asked == 1 then
        pcall(job.step, job, 60000) -- asks the first again, and the second
        return "drop" -- the first has its answer: too late
      elseif asked == 3 then
        error("not now")
      end
      return "keep"
    end }
    job = assert(station:unpack(dir .. "/a.car"))
    local report = assert(job:run())
    assert.equal(10, report.added)
    assert.equal(0, report.refused)
  end)
end)
