-- SPDX-License-Identifier: 0BSD
-- Other processes: one writes, others read; ends in the middle; lua_close
-- with everything open.
local mahatta = require "mahatta"
local support = require "support"

describe("processes", function ()
  local station, dir, path
  before_each(function ()
    station, dir = support.station({})
    path = dir .. "/s.mahatta"
  end)
  after_each(function ()
    station:close()
    support.clean()
  end)

  local function lua(program, ...)
    return support.lua("local mahatta = require 'mahatta'\n"
      .. "local path = " .. ("%q"):format(path) .. "\n"
      .. program:format(...))
  end

  it("a second writer is told who writes", function ()
    local opened, message, code = mahatta.open(path)
    assert.is_nil(opened)
    assert.equal("EBUSY", code, message)
    local text = lua("print(select(2, mahatta.open(path)))\n"
      .. "print(select(3, mahatta.open(path)))")
    assert.is_truthy(text:find("EBUSY", 1, true), text)
    assert.is_truthy(text:find("%d+"), text)
  end)

  it("readers see what is committed while another writes", function ()
    local id = assert(station:publish("c", { type = "a", title = "first" }))
    local text = lua([[
      local s = assert(mahatta.open(path, { readonly = true }))
      print(s:get(%q).record.title, #s:find("first"))
      print(s:publish("c", { type = "a" }))]], id)
    assert.is_truthy(text:find("first\t1\nnil\t", 1, true), text)
    assert.is_truthy(text:find("EREADONLY", 1, true), text)
    local reader = assert(mahatta.open(path, { readonly = true }))
    assert.equal(1, #support.ids(reader:list("c")))
    local second = assert(station:publish("c", { type = "a", title = "more" }))
    assert.equal(second, reader:get(second).id)
    assert.equal(2, #support.ids(reader:list("c")))
    assert.equal(1, #reader:find("more"))
    reader:close()
    assert(station:publish("c", { type = "a", title = "again" }))
  end)

  it("a writer that was killed leaves all that it had done", function ()
    station:close()
    local text = lua([[
      local s = assert(mahatta.open(path))
      for i = 1, 50 do
        assert(s:publish("c", { type = "a", n = i }))
        io.write(i, "\n")
        io.flush()
        if i == 20 then
          local stat = io.open("/proc/self/stat"):read("a")
          os.execute("kill -9 " .. stat:match("^%%d+"))
        end
      end]])
    local last = 0
    for n in text:gmatch("%f[%w](%d+)\n") do last = tonumber(n) end
    assert.is_true(last >= 20 and last < 50, text)
    station = assert(mahatta.open(path))
    assert.is_true(#support.ids(station:list("c")) >= last)
    assert.equal(0, support.run(station:verify({ read_data = true })).bad)
  end)

  it("a state may end with everything open", function ()
    station:close()
    local text, code = lua([[
      local s = assert(mahatta.open(path))
      s:publish("c", { type = "a" })
      p = s:publisher("c")
      p:add({ type = "b" })
      j = s:pack(path .. ".car")
      j:step(0)
      s:policy({ admit = function () return "keep" end })
      t = setmetatable({}, { __gc = function ()
        local ok = pcall(s.stats, s)
        io.write("end ", type(ok), "\n")
      end })
      os.exit(0, true)]])
    assert.equal("end boolean\n", text)
    assert.equal(0, code)
    station = assert(mahatta.open(path))
    assert.equal(1, #support.ids(station:list("c")))
  end)

  it("many states one after the other leave nothing behind", function ()
    station:close()
    local text, code = lua([[
      for i = 1, 200 do
        local s = assert(mahatta.open(path))
        assert(s:publish("c", { type = "a", n = i }))
        s:close()
        if i %% 2 == 0 then
          package.loaded.mahatta, package.loaded["mahatta.core"] = nil, nil
          mahatta = require "mahatta"
        end
      end
      local open = 0
      for _ in io.popen("ls /proc/" .. io.open("/proc/self/stat"):read("n")
          .. "/fd"):lines() do
        open = open + 1
      end
      print(open < 20)]])
    assert.equal("true\n", text)
    assert.equal(0, code)
    station = assert(mahatta.open(path))
    assert.equal(200, #support.ids(station:list("c")))
  end)
end)
