-- SPDX-License-Identifier: 0BSD
-- Threat 5: clocks that are years wrong, or jump while two stations speak.
-- Nothing is lost, and what is current is the same everywhere in the end.

local support = require "support"

local YEARS = 10 * 365 * 86400
local NOW = 1700000000

local function drive(to, from, each)
  for turn = 1, 10000 do
    if to:finished() and from:finished() then return end
    for _, way in ipairs({ { to, from }, { from, to } }) do
      local bytes = assert(way[1]:pull(2000))
      if bytes ~= "" then assert(way[2]:feed(bytes)) end
    end
    each(turn)
  end
  error("the session never ends")
end

describe("threat 5: a clock", function ()
  local clock, other, a, b
  before_each(function ()
    clock, other = support.clock(NOW), support.clock(NOW)
    a = support.station({ clock = clock.tell })
    b = support.station({ clock = other.tell })
  end)
  after_each(function ()
    a:close()
    b:close()
    support.clean()
  end)

  local function sync(each)
    drive(assert(a:session({ initiator = true })), assert(b:session()),
      each or function () end)
  end

  local function titles(station)
    local found = {}
    for entry in station:list("c") do
      found[#found + 1] = entry.record.title
    end
    table.sort(found)
    return found
  end

  it("that went back ten years loses nothing", function ()
    local ids = { assert(a:publish("c", { type = "a", key = "k" })) }
    clock.now = NOW - YEARS
    ids[2] = assert(a:publish("c", { type = "a", key = "k", title = "two" }))
    ids[3] = assert(a:publish("c", { type = "a", title = "three" }))
    clock.now = NOW -- somebody set it right
    ids[4] = assert(a:publish("c", { type = "a", key = "k", title = "four" }))
    sync()
    for _, id in ipairs(ids) do
      assert.equal(id, a:get(id).id)
      assert.equal(id, b:get(id).id)
    end
    assert.same({ "four", "three" }, titles(a))
    assert.same({ "four", "three" }, titles(b))
  end)

  it("that went back an hour lets no new version fall behind", function ()
    assert(a:publish("c", { type = "a", key = "k", title = "one" }))
    clock.now = NOW - 3600
    assert(a:publish("c", { type = "a", key = "k", title = "two" }))
    sync()
    assert.equal("two", a:current("c", "k").record.title)
    assert.equal("two", b:current("c", "k", a:id()).record.title)
  end)

  it("that is ten years ahead loses nothing, and rules nobody", function ()
    clock.now = NOW + YEARS
    assert(a:publish("c", { type = "a", title = "from afar" }))
    assert(b:publish("c", { type = "a", title = "of today" }))
    sync()
    assert.same({ "of today" }, titles(b)) -- the other waits
    assert.same({ "from afar", "of today" }, titles(a))
    other.now = NOW + YEARS
    sync()
    assert.same({ "from afar", "of today" }, titles(b))
  end)

  it("may jump in the middle of a session", function ()
    local all = {}
    for i = 1, 200 do
      for name, one in pairs({ a = a, b = b }) do
        all[#all + 1] = assert(one:publish("c", { type = "a",
          key = "k" .. i % 7, title = name .. i }, { time = NOW - i }))
      end
    end
    sync(function (turn)
      clock.now = NOW + (turn % 3 - 1) * YEARS
      other.now = NOW + ((turn + 1) % 3 - 1) * YEARS
    end)
    clock.now, other.now = NOW, NOW
    sync()
    assert.equal(400, #all)
    for _, id in ipairs(all) do
      assert.equal(id, a:get(id).id)
      assert.equal(id, b:get(id).id)
    end
    for i = 0, 6 do
      for _, author in ipairs({ a:id(), b:id() }) do
        assert.equal(a:current("c", "k" .. i, author).id,
          b:current("c", "k" .. i, author).id)
      end
    end
    assert.equal(0, support.run(a:verify({ read_data = true })).bad)
  end)
end)
