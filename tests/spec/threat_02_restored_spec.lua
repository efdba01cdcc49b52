-- SPDX-License-Identifier: 0BSD
-- Threats 1 and 2: a station restored from an old backup, or two devices with
-- one key, publish side by side. There are no sequence numbers: what both have
-- said is the union.

local lfs = require "lfs"
local mahatta = require "mahatta"
local support = require "support"

-- Are these records here, by their ids?
local function holds(station, ids)
  for i, id in ipairs(ids) do
    assert.equal(id, assert(station:get(id), "number " .. i).id)
  end
end

local function copy(from, to)
  for name in lfs.dir(from) do
    local path = from .. "/" .. name
    if lfs.attributes(path, "mode") == "file" then
      support.write(to .. "/" .. name, support.read(path))
      if name:find("%.key$") then
        support.shell("chmod 600 " .. support.quoted(to .. "/" .. name))
      end
    end
  end
end

describe("threat 2: a station restored from yesterday's backup", function ()
  after_each(support.clean)

  it("publishes on, and nobody is forked", function ()
    local dir, backup = support.folder(), support.folder()
    local peer = support.station({})
    local station = support.station({}, dir)
    local all = { assert(station:publish("c", { type = "a", n = 0 })) }
    station:close()
    copy(dir, backup)
    station = support.station({}, dir)
    local id = station:id()
    all[2] = assert(station:publish("c", { type = "a", key = "k",
      title = "lost" }))
    support.carry(station, peer)
    station:close()

    local restored = assert(mahatta.open(backup .. "/s.mahatta"))
    assert.equal(id, restored:id())
    holds(restored, { all[1] })
    assert.is_nil(restored:get(all[2]))
    all[3] = assert(restored:publish("c", { type = "a", key = "k",
      title = "after" }, { time = os.time() + 60 }))
    local report = support.carry(restored, peer)
    assert.equal(0, report.bad)
    assert.equal(0, report.held)
    support.carry(peer, restored)
    for _, one in ipairs({ peer, restored }) do
      holds(one, all)
      local history = {}
      for _, entry in ipairs(one:history(all[3])) do
        history[#history + 1] = entry.id
      end
      assert.same({ all[3], all[2] }, history)
      assert.equal("after", one:current("c", "k", id).record.title)
      assert.equal(0, support.run(one:verify({ read_data = true })).bad)
    end
    restored:close()
    peer:close()
  end)

  it("as well as two that run with one key at a time", function ()
    local a_dir, b_dir = support.folder(), support.folder()
    support.station({}, a_dir):close()
    copy(a_dir, b_dir)
    local a = support.station({}, a_dir)
    local b = assert(mahatta.open(b_dir .. "/s.mahatta"))
    assert.equal(a:id(), b:id())
    local all = {}
    for i = 1, 20 do
      for name, one in pairs({ a = a, b = b }) do
        all[#all + 1] = assert(one:publish("c", { type = "a",
          key = "k" .. i % 3, title = name .. i }, { time = 1700000000 + i }))
      end
    end
    support.carry(a, b)
    support.carry(b, a)
    assert.equal(40, #all)
    holds(a, all)
    holds(b, all)
    for i = 0, 2 do
      assert.equal(a:current("c", "k" .. i).id, b:current("c", "k" .. i).id)
    end
    a:close()
    b:close()
  end)
end)
