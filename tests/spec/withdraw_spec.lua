-- SPDX-License-Identifier: 0BSD
local mahatta = require "mahatta"
local support = require "support"

describe("withdraw", function ()
  local station, other
  before_each(function ()
    station, other = support.station({}), support.station({})
  end)
  after_each(function ()
    station:close()
    other:close()
    support.clean()
  end)

  it("hides the record here, and its words", function ()
    local id = assert(station:publish("c", { type = "a",
      title = "unmistakable" }))
    local withdrawal = assert(station:withdraw(id, { reason = "wrong" }))
    local entry, message, code = station:get(id)
    assert.is_nil(entry)
    assert.equal("ENOENT", code)
    assert.is_truthy(message:find(withdrawal, 1, true), message)
    message = select(2, station:get(mahatta.id("x", "dag-cbor")))
    assert.equal("no such record here", message)
    assert.equal(0, #station:find("unmistakable"))
    for listed in station:list("c") do assert.not_equal(id, listed.id) end
    assert.equal("wrong", station:get(withdrawal).record.reason)
  end)

  it("takes all versions of a key, or only one", function ()
    local function publish(n)
      return assert(station:publish("c", { type = "a", key = "k", n = n },
        { time = 1000 + n }))
    end
    local one, two, three = publish(1), publish(2), publish(3)
    assert(station:withdraw(three, { only = true }))
    assert.equal(two, station:current("c", "k").id)
    assert(station:withdraw(two))
    assert.is_nil(station:get(one))
    assert.is_nil(station:get(two))
    assert.is_nil(station:current("c", "k"))
  end)

  it("travels, and an old carry file does not bring it back", function ()
    local id = assert(station:publish("c", { type = "a", title = "gone" }))
    local _, old = support.carry(station, other)
    assert.equal("gone", other:get(id).record.title)
    assert(station:withdraw(id))
    local report = support.carry(station, other)
    assert.equal(1, report.withdrawn)
    assert.is_nil(other:get(id))
    support.run(other:unpack(old))
    assert.is_nil(other:get(id))
    support.run(station:unpack(old))
    assert.is_nil(station:get(id))
  end)

  it("holds when it comes before the record", function ()
    local id = assert(station:publish("c", { type = "a" }))
    local path = support.folder() .. "/with.car"
    support.run(station:pack(path))
    assert(station:withdraw(id))
    support.carry(station, other)
    support.run(other:unpack(path))
    assert.is_nil(other:get(id))
  end)

  it("is for the author alone", function ()
    local id = assert(station:publish("c", { type = "a" }))
    support.carry(station, other)
    local withdrawal, message, code = other:withdraw(id)
    assert.is_nil(withdrawal)
    assert.equal("EACCES", code)
    assert.is_truthy(message:find(station:id(), 1, true))
    -- Published by hand it has no effect.
    assert(other:publish("c", { type = "withdraw", about = id }))
    assert.equal(id, other:get(id).id)
    support.carry(other, station)
    assert.equal(id, station:get(id).id)
  end)

  it("is the author's also when somebody else lists the record", function ()
    local record = { type = "a", key = "k", title = "mine" }
    local id = assert(station:publish("c", record))
    support.carry(station, other)
    assert(other:publish("c", record, { time = os.time() + 100 }))
    support.carry(other, station)
    assert.equal(station:id(), station:get(id).author)
    assert(station:withdraw(id))
    assert.is_nil(station:current("c", "k"))
  end)

  it("says what is not there", function ()
    local id = assert(station:publish("c", { type = "a" }))
    assert(station:withdraw(id))
    local withdrawal, _, code = station:withdraw(id)
    assert.is_nil(withdrawal)
    assert.equal("ENOENT", code)
  end)
end)

describe("labels", function ()
  local clock, station
  before_each(function ()
    clock = support.clock(1000000)
    station = support.station({ clock = clock.tell })
  end)
  after_each(function ()
    station:close()
    support.clean()
  end)

  local function values(id)
    local list = {}
    for i, label in ipairs(assert(station:labels(id))) do
      list[i] = label.value
    end
    table.sort(list)
    return list
  end

  it("are given, taken back and given again", function ()
    local id = assert(station:publish("c", { type = "a" }))
    assert.same({}, values(id))
    local label = assert(station:label(id, "unverified"))
    assert.same({ "unverified" }, values(id))
    assert.equal("c", station:get(label).collection)
    clock.now = clock.now + 1
    assert(station:label(id, "graphic"))
    assert(station:label(id, "unverified", { negated = true }))
    assert.same({ "graphic" }, values(id))
    clock.now = clock.now + 1
    assert(station:label(id, "unverified"))
    assert.same({ "graphic", "unverified" }, values(id))
  end)

  it("of one moment follow each other", function ()
    local id = assert(station:publish("c", { type = "a" }))
    for _ = 1, 3 do
      assert(station:label(id, "x"))
      assert.same({ "x" }, values(id))
      assert(station:label(id, "x", { negated = true }))
      assert.same({}, values(id))
    end
  end)

  it("expire by the station's clock", function ()
    local id = assert(station:publish("c", { type = "a" }))
    assert(station:label(id, "rumour", { expires = clock.now + 10 }))
    clock.now = clock.now + 9
    assert.same({ "rumour" }, values(id))
    clock.now = clock.now + 1
    assert.same({}, values(id))
  end)

  it("of several authors stand side by side", function ()
    local id = assert(station:publish("c", { type = "a" }))
    local other = support.station({ clock = clock.tell })
    support.carry(station, other)
    assert(other:label(id, "rumour"))
    assert(other:label(id, "false"))
    assert(other:label(id, "rumour", { collection = "labels/other" }))
    assert(station:label(id, "rumour"))
    support.carry(other, station)
    assert.same({ "false", "rumour", "rumour" }, values(id))
    other:close()
  end)

  it("need a record that is here, or a collection", function ()
    local absent = "bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
    local id, _, code = station:label(absent, "x")
    assert.is_nil(id)
    assert.equal("ENOENT", code)
    assert(station:label(absent, "x", { collection = "labels" }))
    assert.same({ "x" }, values(absent))
  end)
end)
