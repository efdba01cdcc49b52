-- SPDX-License-Identifier: 0BSD
-- The command line on a disk that is full, that only reads, that is gone:
-- a sentence, nothing lost, and the next run goes on. The disks are small
-- file systems in memory, for which one has to be root.
local lfs = require "lfs"
local support = require "support"

local quoted = support.quoted

describe("on a poor disk", function ()
  local dir, disk

  local function shell(format, ...)
    local text, code = support.shell(format:format(...))
    return code == 0, text
  end

  before_each(function ()
    dir = support.folder()
    disk = nil
    lfs.mkdir(dir .. "/disk")
  end)
  after_each(function ()
    if disk then shell("umount -l %s", quoted(disk)) end
    support.clean()
  end)

  local function mount(kib)
    if not shell("mount -t tmpfs -o size=%dk none %s 2>&1", kib,
        quoted(dir .. "/disk")) then
      return false
    end
    disk = dir .. "/disk"
    return true
  end

  local function remount(options)
    assert(shell("mount -o remount,%s %s 2>&1", options, quoted(disk)))
  end

  -- The command on the station at `where`; its exit code and what it said.
  local function on(where, ...)
    local words = { "LUA_CPATH=" .. quoted(package.cpath),
      "MAHATTA=" .. quoted(where), "lua5.4 lua/mahatta/cli/main.lua" }
    for _, word in ipairs({ ... }) do words[#words + 1] = quoted(word) end
    local text, code = support.shell(table.concat(words, " ") .. " 2>&1")
    return code, text
  end

  local function ok(...)
    local code, text = on(...)
    assert.equal(0, code, text)
    return text
  end

  local function add(where, n)
    local path = ("%s/n%d.bin"):format(dir, n)
    support.write(path, support.noise(60000, n))
    return on(where, "add", "-c", "c", path)
  end

  it("goes on when there is room again", function ()
    if not mount(1500) then return pending("not root") end
    local where = disk .. "/a.mahatta"
    ok(where, "init")
    local done = 0
    local code, text = add(where, 1)
    while code == 0 and done < 60 do
      done = done + 1
      code, text = add(where, done + 1)
    end
    assert.is_true(done > 2 and done < 60, "added " .. done)
    assert.matches("no space left", text, 1, true)
    ok(where, "verify", "--read-data")
    -- The next run fails in the same words, and still nothing is lost.
    code, text = add(where, done + 1)
    assert.not_equal(0, code)
    assert.matches("no space left", text, 1, true)
    local _, listed = ok(where, "list", "c", "-n", "100", "--json")
      :gsub("\n", "")
    assert.equal(done, listed)
    remount("size=6000k")
    code, text = add(where, done + 1)
    assert.equal(0, code, text)
    ok(where, "verify", "--read-data")
  end)

  it("leaves no half of a carry file", function ()
    if not mount(300) then return pending("not root") end
    local where = dir .. "/a.mahatta"
    ok(where, "init")
    for n = 1, 8 do assert.equal(0, (add(where, n))) end
    local code, text = on(where, "pack", disk .. "/x.car")
    assert.not_equal(0, code)
    assert.matches("[Nn]o space left", text)
    for name in lfs.dir(disk) do
      assert.is_truthy(name:match("^%.%.?$"), name .. " was left behind")
    end
    remount("size=6000k")
    ok(where, "pack", disk .. "/x.car")
    ok(dir .. "/b.mahatta", "init")
    ok(dir .. "/b.mahatta", "unpack", disk .. "/x.car")
  end)

  it("says so when it may only be read", function ()
    if not mount(6000) then return pending("not root") end
    local where = disk .. "/a.mahatta"
    ok(where, "init")
    assert.equal(0, (add(where, 1)))
    remount("ro")
    local code, text = add(where, 2)
    assert.not_equal(0, code)
    assert.matches("[Rr]ead%-only", text)
    code, text = on(where, "pack", disk .. "/x.car")
    assert.not_equal(0, code)
    assert.matches("[Rr]ead%-only", text)
    remount("rw")
    assert.equal(0, (add(where, 2)))
    ok(where, "verify", "--read-data")
  end)

  it("outlives a stick that is pulled out", function ()
    if not mount(6000) then return pending("not root") end
    local where = dir .. "/a.mahatta"
    ok(where, "init")
    assert.equal(0, (add(where, 1)))
    ok(where, "pack", disk .. "/x.car")
    assert(shell("umount -l %s", quoted(disk)))
    local gone = disk
    disk = nil
    local code, text = on(where, "unpack", gone .. "/x.car")
    assert.not_equal(0, code)
    assert.matches("No such file", text, 1, true)
    lfs.rmdir(gone)
    code, text = on(where, "pack", gone .. "/y.car")
    assert.not_equal(0, code)
    assert.matches("No such file", text, 1, true)
    ok(where, "verify", "--read-data")
  end)
end)
