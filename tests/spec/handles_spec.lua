-- SPDX-License-Identifier: 0BSD
-- Every method of every handle: given another self it raises and names what
-- it wanted; closed, it raises or fails with ECLOSED, and closing again is
-- nothing.

local core = require "mahatta.core"
local mahatta = require "mahatta"
local support = require "support"

-- A handle of each class, with arguments that its methods take.
local function handles()
  local station, dir = support.station({}, support.folder(true))
  local file = support.write(dir .. "/f", ("bytes"):rep(1000))
  local link = support.run(station:add_file(file)).link
  local id = assert(station:publish("c", { type = "note" }))
  local job = assert(station:verify())
  assert(job:run())
  return {
    Station = station, Publisher = assert(station:publisher("c")),
    Reader = assert(station:reader(link)), Job = job,
    Session = assert(station:session()),
  }, {
    add = { { type = "note" } }, publisher = { "c" }, get = { id },
    current = { "c", "k" }, history = { id }, about = { id }, page = { "c" },
    follow = { "c" }, unfollow = { "c" }, add_file = { file },
    export_file = { link, dir, "g" }, reader = { link }, block = { link },
    salvage = { dir .. "/none" }, find = { "x" }, suggest = { "x" },
    tally = { "x" }, slip = { dir .. "/x.slip" }, lacks = { dir .. "/x" },
    pack = { dir .. "/x.car" }, unpack = { dir .. "/x.car" },
    feed = { "" }, seek = { 0 }, publish = { "c", { type = "note" } },
    publish_all = { "c", { { type = "note" } } }, list = { "c" },
    search = { "x" }, withdraw = { id }, label = { id, "x" },
    labels = { id }, export = { id, dir },
  }
end

-- Those that are Lua reach the core's only when they are used.
local function call(method, self, arguments)
  local value, message, code = method(self, table.unpack(arguments or {}))
  if type(value) == "function" then return value() end
  return value, message, code
end

describe("a method", function ()
  after_each(support.clean)

  it("of each handle wants its own self", function ()
    local of, given = handles()
    local strangers = { {}, "text", 7, print, io.stdout, false,
      mahatta.bytes("x"), mahatta.link(mahatta.id("x")) }
    for _, handle in pairs(of) do strangers[#strangers + 1] = handle end
    local n = 0
    for class, methods in pairs(core.methods) do
      for name, method in pairs(methods) do
        for _, self in ipairs(strangers) do
          if type(method) == "function" and self ~= of[class] then
            n = n + 1
            local ok, why = pcall(call, method, self, given[name])
            assert.is_false(ok, class .. "." .. name)
            assert.is_string(why, class .. "." .. name)
          end
        end
        if type(method) == "function" then
          assert.is_false((pcall(call, method)), class .. "." .. name)
        end
      end
    end
    assert.is_true(n > 500, tostring(n))
    of.Station:close()
  end)

  it("names the class that it wants", function ()
    local of = handles()
    local wrong = setmetatable({}, { __name = "mahatta.Station" })
    for class, name in pairs({ Station = "stats", Publisher = "commit",
      Reader = "read", Job = "step", Session = "pull" }) do
      support.raises("mahatta." .. class .. " expected",
        core.methods[class][name], io.stdout)
      support.raises("mahatta." .. class .. " expected",
        core.methods[class][name], wrong)
    end
    of.Station:close()
  end)

  it("of a closed handle raises, and closing again is nothing", function ()
    for class, methods in pairs(core.methods) do
      local of, given = handles()
      of[class]:close()
      of[class]:close()
      for name, method in pairs(methods) do
        if type(method) == "function" and name ~= "close" then
          local ok, why = pcall(call, method, of[class], given[name])
          assert.is_false(ok, class .. "." .. name)
          assert.matches("closed", why, 1, true)
        end
      end
      assert.matches("%(closed%)$", tostring(of[class]))
      assert.is_nil(of[class]:close())
      of.Station:close()
    end
  end)

  it("of a handle whose station is closed fails with ECLOSED", function ()
    local of, given = handles()
    local asks = { Publisher = { "add", "commit" }, Reader = { "read" },
      Job = { "step", "run", "result" },
      Session = { "feed", "pull", "ended" } }
    local tells = { Reader = { "size" },
      Session = { "status", "busy", "finished" } }
    of.Job = assert(of.Station:verify())
    of.Station:close()
    for class, names in pairs(asks) do
      for _, name in ipairs(names) do
        local value, message, code = call(core.methods[class][name],
          of[class], given[name])
        assert.is_nil(value, class .. "." .. name)
        assert.is_string(message, class .. "." .. name)
        assert.equal("ECLOSED", code, class .. "." .. name)
      end
      for _, name in ipairs(tells[class] or {}) do
        assert.not_nil(core.methods[class][name](of[class]))
      end
      of[class]:close()
    end
  end)
end)
