-- SPDX-License-Identifier: 0BSD
local mahatta = require "mahatta"
local support = require "support"

describe("manners", function ()
  local station, dir
  before_each(function () station, dir = support.station({}) end)
  after_each(function ()
    station:close()
    support.clean()
  end)

  it("unknown options raise, by name", function ()
    local path, id = dir .. "/x", mahatta.id("x", "dag-cbor")
    local calls = {
      publish = { 3, "c", { type = "a" } }, publish_all = { 3, "c", {} },
      list = { 2, "c" }, page = { 2, "c" }, withdraw = { 2, id },
      label = { 3, id, "x" }, follow = { 2, "c" }, search = { 2, "x" },
      find = { 2, "x" }, add_file = { 2, path }, export = { 3, id, dir },
      slip = { 2, path }, pack = { 2, path }, unpack = { 2, path },
      verify = { 1 }, scrub = { 1 }, missing = { 1 }, policy = { 1 },
      publisher = { 2, "c" },
    }
    for name, call in pairs(calls) do
      local given = table.move(call, 2, #call, 1, {})
      given[call[1]] = { elephant = 1 }
      -- By its name, as people write it: Lua puts that into the message.
      local method = load(("return function (s, ...) local r = s:%s(...)\n"
        .. "return r end"):format(name))()
      local ok, message = pcall(method, station,
        table.unpack(given, 1, call[1]))
      assert.is_false(ok, name)
      assert.is_truthy(message:find("bad argument #" .. call[1], 1, true),
        name .. ": " .. message)
      assert.is_truthy(message:find("unknown option 'elephant'", 1, true),
        name .. ": " .. message)
    end
    support.raises("unknown option 'elephant'", mahatta.open, path,
      { elephant = 1 })
  end)

  it("wrong arguments raise at the caller's line", function ()
    local calls = {
      { "publish" }, { "publish", "c" }, { "publish", "c", 7 },
      { "publish_all", "c" }, { "publish_all", {}, {} }, { "get" },
      { "get", {} }, { "list" }, { "search" }, { "find", {} },
      { "withdraw" }, { "label", "x" }, { "labels" }, { "follow" },
      { "unfollow" }, { "export", "x" }, { "slip" }, { "pack" },
      { "unpack" }, { "add_file" }, { "current", "c" }, { "about" },
      { "list", "c", 7 }, { "publish", "c", { type = "a" }, 7 },
    }
    for _, call in ipairs(calls) do
      local ok, message = pcall(function ()
        local result = station[call[1]](station, table.unpack(call, 2))
        return result
      end)
      assert.is_false(ok, call[1])
      assert.is_truthy(message:find("manners_spec.lua:%d+: bad argument #"),
        call[1] .. ": " .. message)
    end
    assert.is_false(pcall(mahatta.open))
    assert.is_false(pcall(station.id, {}))
    assert.is_false(pcall(station.id, io.stdout))
  end)

  it("paths hold no zero byte", function ()
    for _, name in ipairs({ "slip", "pack", "unpack", "add_file",
        "salvage" }) do
      local ok, job = pcall(station[name], station, dir .. "/x\0y")
      assert.is_false(ok and job ~= nil, name)
    end
    local ok, opened = pcall(mahatta.open, dir .. "/x\0y")
    assert.is_false(ok and opened ~= nil)
    assert.is_nil(support.read(dir .. "/x"))
  end)

  it("closed handles raise; closing again does not", function ()
    local publisher = station:publisher("c")
    local path = support.write(dir .. "/f", "x")
    local stored = support.run(station:add_file(path))
    local reader = station:reader(stored.link)
    reader:close()
    reader:close()
    support.raises("closed", reader.read, reader)
    station:close()
    station:close()
    for _, name in ipairs({ "id", "stats", "collections", "publish", "get",
        "list", "find" }) do
      local ok, message = pcall(function ()
        return station[name](station, "c", { type = "a" })
      end)
      assert.is_false(ok, name)
      assert.is_truthy(message:find("closed", 1, true), message)
    end
    local ok, id, _, code = pcall(publisher.add, publisher, { type = "a" })
    assert.is_true(not ok or id == nil and code == "ECLOSED")
  end)

  it("handles say what they are, and no more", function ()
    local path = support.write(dir .. "/f", "x")
    local job = station:add_file(path)
    local stored = support.run(station:add_file(path))
    local reader, publisher = station:reader(stored.link),
      station:publisher("c")
    local handles = { Station = station, Job = job, Reader = reader,
      Publisher = publisher }
    for name, handle in pairs(handles) do
      assert.is_truthy(tostring(handle):find(name, 1, true),
        tostring(handle))
      assert.is_false(getmetatable(handle))
      handle:close()
      assert.is_truthy(tostring(handle):find("closed", 1, true))
    end
  end)

  it("close at the end of a block", function ()
    local kept
    do
      local own <close> = support.station({}) -- luacheck: ignore
      kept = own
    end
    assert.is_false(pcall(kept.id, kept))
    support.raises("thrown", function ()
      local own <close> = support.station({})
      kept = own
      error("thrown")
    end)
    assert.is_false(pcall(kept.id, kept))
  end)

  it("survive collection in any order", function ()
    local path = support.write(dir .. "/f", support.noise(100000, 3))
    for round = 1, 30 do
      local own = support.station({})
      local set = { own, own:publisher("c"), own:add_file(path),
        own:pack(dir .. "/never" .. round) }
      set[2]:add({ type = "a" })
      set[3]:step(0)
      set.policy = function () return set end
      own:policy({ admit = set.policy })
      set, own = nil, nil -- luacheck: ignore
      if round % 3 == 0 then collectgarbage() end
    end
    collectgarbage()
    collectgarbage()
    for name in require("lfs").dir(dir) do -- no pack has left anything
      assert.is_nil(name:find("^never") or name:find("part", 1, true), name)
    end
  end)

  it("failures are nil, message, code", function ()
    local opened, message, code = mahatta.open("/nowhere/at/all")
    assert.is_nil(opened)
    assert.is_truthy(message:find("/nowhere", 1, true))
    assert.is_string(code)
    opened, message, code = mahatta.open(dir .. "/none", { create = false })
    assert.is_nil(opened)
    assert.is_string(message)
    assert.equal("ENOENT", code)
    assert.is_nil(support.read(dir .. "/none"))
    assert.is_nil(support.read(dir .. "/none.key"))
  end)

  it("sets no global, and may be loaded twice", function ()
    local before = {}
    for name in pairs(_G) do before[name] = true end
    for name in pairs(package.loaded) do
      if name:find("^mahatta") and name ~= "mahatta.core" then
        package.loaded[name] = nil
      end
    end
    local again = require "mahatta"
    assert(again.open(support.folder() .. "/x"))
    local own = assert(again.open(support.folder() .. "/x"))
    assert(own:follow("a", { files = "10M" }))
    assert.equal(10 * 1024 ^ 2, own:follows()[1].files)
    own:close()
    for name in pairs(_G) do assert.is_true(before[name], name) end
  end)

  it("a key is its owner's alone", function ()
    local text = support.shell("stat -c %a "
      .. support.quoted(dir .. "/s.mahatta.key"))
    assert.equal("600\n", text)
    station:close()
    os.rename(dir .. "/s.mahatta.key", dir .. "/elsewhere.key")
    local opened, message = mahatta.open(dir .. "/s.mahatta")
    assert.is_nil(opened)
    assert.is_string(message)
    station = assert(mahatta.open(dir .. "/s.mahatta",
      { key = dir .. "/elsewhere.key" }))
  end)

  it("a passphrase locks the key file", function ()
    local own_dir = support.folder()
    local own = support.station({ passphrase = "سر" }, own_dir)
    local did = own:id()
    own:close()
    for _, wrong in ipairs({ "", "wrong" }) do
      local opened, message, code = mahatta.open(own_dir .. "/s.mahatta",
        { passphrase = wrong })
      assert.is_nil(opened)
      assert.is_string(message)
      assert.is_string(code)
    end
    own = support.station({ passphrase = "سر" }, own_dir)
    assert.equal(did, own:id())
    own:close()
  end)
end)
