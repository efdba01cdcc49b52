-- SPDX-License-Identifier: 0BSD
-- What was taken back is gone from the disk, and what lies there is readable
-- to those whom it concerns.

local lfs = require "lfs"
local support = require "support"

local RECORD, FILE = "CanaryOfTheRecord84721", "CanaryOfTheFile99317"

local function words(s) return s:lower() end
local function hex(s)
  return (s:gsub(".", function (c) return ("%02x"):format(c:byte()) end))
end
local function utf16(s) return (s:gsub(".", "%0\0")) end

-- Every file of the station's folder, as bytes.
local function on_disk(dir)
  local all = {}
  for name in lfs.dir(dir) do
    if name:find("^s%.mahatta") and not name:find("key$") then
      all[#all + 1] = assert(support.read(dir .. "/" .. name))
    end
  end
  return table.concat(all, "\n")
end

local function left(bytes, secret)
  local found = {}
  for name, form in pairs({ plain = secret, folded = words(secret),
      hex = hex(secret), utf16 = utf16(secret) }) do
    if bytes:find(form, 1, true) then found[#found + 1] = name end
  end
  return table.concat(found, " ")
end

describe("what was withdrawn", function ()
  after_each(support.clean)

  for _, reopened in ipairs({ false, true }) do
    it("is gone from the disk after a sweep" .. (reopened
        and ", also in a later run" or ""), function ()
      local station, dir = support.station()
      local path = support.write(support.folder() .. "/f.bin",
        (FILE .. support.noise(50)):rep(2000))
      for i = 1, 50 do
        assert(station:publish("c", { type = "note", title = "n " .. i }))
      end
      local id = assert(station:publish("c", { type = "note", key = RECORD,
        title = RECORD, text = RECORD .. " and " .. RECORD, tags = { RECORD },
        files = { { path = path } } }))
      assert.equal(1, #assert(station:find(RECORD)))
      assert(station:withdraw(id))
      if reopened then
        station:close()
        station = support.station(nil, dir)
      end
      assert.is_true(support.run(station:sweep()).freed > 0)
      assert.equal(0, #assert(station:find(RECORD)))
      station:close()
      local bytes = on_disk(dir)
      assert.equal("", left(bytes, RECORD))
      assert.equal("", left(bytes, FILE))
    end)
  end

  it("leaves a file that waits for its record", function ()
    local station, dir = support.station()
    support.write(dir .. "/a", support.noise(3000, 1))
    support.write(dir .. "/b", support.noise(5000, 2))
    local b = support.run(station:add_file(dir .. "/b"))
    local id = assert(station:publish("c", { type = "note",
      files = { { path = dir .. "/a" } } }))
    assert(station:withdraw(id))
    support.run(station:sweep())
    assert.equal(5000, station:stats().file_bytes)
    assert(station:publish("c", { type = "note",
      files = { { name = "b", data = b.link, size = 5000 } } }))
    support.run(station:sweep())
    assert.equal(5000, station:stats().file_bytes)
    station:close()
  end)
end)

describe("a station's files", function ()
  after_each(support.clean)

  it("can be written by nobody else, whatever the umask", function ()
    local dir = support.folder()
    local script = ("umask 0; exec %s -e 'local s = assert(require"
      .. "(\"mahatta\").open(\"%s/s.mahatta\")) "
      .. "s:publish(\"c\", {type=\"note\"}) os.execute(\"ls -l %s\") "
      .. "s:close()'"):format(os.getenv("LUA") or "lua5.4", dir, dir)
    local pipe = assert(io.popen(script))
    local count = 0
    for line in pipe:lines() do
      local mode, name = line:match("^(%S+).-(%S+)$")
      if name and name:find("mahatta") then
        count = count + 1
        assert.equal("--", mode:sub(6, 6) .. mode:sub(9, 9), name)
        if name:find("key$") then assert.equal("-rw-------", mode) end
      end
    end
    pipe:close()
    assert.is_true(count >= 4)
  end)
end)
