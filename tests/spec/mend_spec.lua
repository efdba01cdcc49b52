-- SPDX-License-Identifier: 0BSD
-- What rots where it rests, on the command line: found, forgotten, brought
-- again. (tests/unit/mend_test.c damages each kind of block.)
local support = require "support"

describe("damage on the disk", function ()
  local dir, noise
  before_each(function () dir = support.folder() end)
  after_each(support.clean)

  local function on(station, ...)
    return support.shell(support.command(dir, station, ...))
  end

  local function ok(...)
    local text, code = on(...)
    assert.equal(0, code, text)
    return text
  end

  local function plant(name, needle)
    local path = dir .. "/" .. name
    local bytes = assert(support.read(path))
    local at = assert(bytes:find(needle, 1, true))
    support.write(path, bytes:sub(1, at - 1) .. "rot" .. bytes:sub(at + 3))
  end

  -- Two stations that have the same: b has it from a.
  before_each(function ()
    noise = support.noise(50000, 3)
    support.write(dir .. "/noise.bin", noise)
    ok("a.mahatta", "init")
    ok("b.mahatta", "init")
    ok("b.mahatta", "follow", "*")
    ok("a.mahatta", "add", "@noise.bin", "-c", "c")
    ok("a.mahatta", "pack", "@1.car")
    ok("b.mahatta", "unpack", "@1.car")
  end)

  it("in a file is said, forgotten and brought again", function ()
    plant("b.mahatta-files", noise:sub(1000, 1040))
    local text, code = on("b.mahatta", "verify", "--read-data")
    assert.equal(3, code, text)
    assert.is_truthy(text:find("1 bad", 1, true), text)
    assert.is_truthy(text:find("mahatta scrub --share 1", 1, true), text)
    text, code = on("b.mahatta", "scrub", "--share", "1")
    assert.equal(3, code, text)
    assert.is_truthy(text:find("its bytes differ from its name", 1, true), text)
    assert.is_truthy(text:find("1 block forgotten: `mahatta sync`", 1, true),
      text)
    text, code = on("b.mahatta", "verify")
    assert.equal(3, code, text)
    assert.is_truthy(text:find("0 bad, 1 missing", 1, true), text)
    ok("b.mahatta", "slip", "@b.slip")
    ok("a.mahatta", "pack", "@2.car", "--slip", "@b.slip")
    ok("b.mahatta", "unpack", "@2.car")
    text = ok("b.mahatta", "verify", "--read-data")
    assert.is_truthy(text:find("0 bad, 0 missing", 1, true), text)
  end)

  it("in a parcel of our own costs nothing", function ()
    local mahatta = require "mahatta"
    local station <close> = assert(mahatta.open(dir .. "/a.mahatta"))
    local entry = station:list("*")()
    local sig = mahatta.decode(assert(station:block(entry.parcel))).sig
    station:close()
    plant("a.mahatta", tostring(sig):sub(1, 20))
    local text, code = on("a.mahatta", "scrub", "--share", "1")
    assert.equal(3, code, text)
    assert.is_truthy(text:find("1 parcel of our own signed again", 1, true),
      text)
    assert.is_nil(text:find("brings it again", 1, true), text)
    text = ok("a.mahatta", "verify", "--read-data")
    assert.is_truthy(text:find("0 bad, 0 missing", 1, true), text)
  end)
end)
