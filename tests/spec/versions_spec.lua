-- SPDX-License-Identifier: 0BSD
local support = require "support"

describe("versions", function ()
  local station
  before_each(function () station = support.station({}) end)
  after_each(function ()
    station:close()
    support.clean()
  end)

  local function publish(n, time, key)
    return assert(station:publish("c", { type = "a", key = key or "k", n = n },
      { time = time }))
  end

  it("the newest of a key is the current one", function ()
    local one, two = publish(1, 100), publish(2, 200)
    assert.same({ two }, support.ids(station:list("c")))
    assert.same({ two, one },
      support.ids(station:list("c", { history = true })))
    assert.equal(2, station:current("c", "k").record.n)
    assert.equal(1, station:get(one).record.n)
  end)

  it("does not depend on the order of arrival", function ()
    local newer, older = publish(2, 200), publish(1, 100)
    assert.same({ newer }, support.ids(station:list("c")))
    assert.equal(newer, station:current("c", "k").id)
    local ids = {}
    for i, entry in ipairs(station:history(older)) do ids[i] = entry.id end
    assert.same({ newer, older }, ids)
  end)

  it("at the same time, the greater id wins everywhere", function ()
    local a, b = publish(1, 100), publish(2, 100)
    local current = station:current("c", "k").id
    assert.is_true(current == a or current == b)
    local other = support.station({})
    support.carry(station, other)
    assert.equal(current, other:current("c", "k", station:id()).id)
    other:close()
  end)

  it("of one moment follow each other", function ()
    local clock = support.clock()
    local own = support.station({ clock = clock.tell })
    local last
    for n = 1, 10 do
      last = assert(own:publish("c", { type = "a", key = "k", n = n }))
      assert.equal(n, own:current("c", "k").record.n)
    end
    assert.equal(clock.now + 9, own:get(last).time)
    assert(own:publish_all("c", { { type = "a", key = "k", n = 11 },
      { type = "a", key = "j", n = 1 }, { type = "a", n = 0 },
      { type = "a", key = "k", n = 12 } }))
    assert.equal(12, own:current("c", "k").record.n)
    assert.equal(1, own:current("c", "j").record.n)
    local history = own:history(last)
    for i, entry in ipairs(history) do
      assert.equal(13 - i, entry.record.n)
    end
    assert.equal(12, #history)
    own:close()
  end)

  it("keys belong to an author and a collection", function ()
    local mine = publish(1, 100)
    assert(station:publish("d", { type = "a", key = "k" }, { time = 500 }))
    local other = support.station({})
    support.carry(station, other)
    local theirs = assert(other:publish("c", { type = "a", key = "k", n = 9 },
      { time = 900 }))
    assert.equal(mine, other:current("c", "k", station:id()).id)
    assert.equal(theirs, other:current("c", "k").id)
    assert.equal(2, #support.ids(other:list("c")))
    other:close()
  end)

  it("a record without a key is its own history", function ()
    local id = assert(station:publish("c", { type = "a" }))
    local versions = assert(station:history(id))
    assert.equal(1, #versions)
    assert.equal(id, versions[1].id)
  end)

  it("says what is not there", function ()
    local entry, message, code = station:current("c", "nothing")
    assert.is_nil(entry)
    assert.is_string(message)
    assert.equal("ENOENT", code)
    local absent = "bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
    for _, method in ipairs({ "get", "history" }) do
      entry, _, code = station[method](station, absent)
      assert.is_nil(entry)
      assert.equal("ENOENT", code)
    end
    support.raises("bad argument #1 to 'get'", function ()
      return (station:get("nonsense"))
    end)
  end)
end)
