-- SPDX-License-Identifier: 0BSD
-- Parcels from the future: 24 hours ahead is taken, more waits.
local support = require "support"

local NOW, DAY = 1700000000, 24 * 60 * 60

describe("a parcel from the future", function ()
  local far, clock, near, dir, car
  before_each(function ()
    far = support.station({})
    clock = support.clock(NOW)
    near, dir = support.station({ clock = clock.tell })
    car = dir .. "/x.car"
  end)
  after_each(function ()
    far:close()
    near:close()
    support.clean()
  end)

  local function publish(ahead, record)
    return assert(far:publish("edu/a", record or { type = "a",
      title = "physics " .. ahead }, { time = NOW + ahead }))
  end

  local function bring()
    os.remove(car)
    support.run(far:pack(car))
    return support.run(near:unpack(car))
  end

  local function reopen()
    near:close()
    near = support.station({ clock = clock.tell }, dir)
  end

  local function shows(id)
    local listed = false
    for entry in near:list("*") do listed = listed or entry.id == id end
    assert.equal(listed, near:get(id) ~= nil)
    assert.equal(listed, #near:find("physics") > 0)
    return listed
  end

  it("is taken at 24 hours exactly, and held a second later", function ()
    local ids = {}
    for _, ahead in ipairs({ DAY - 1, DAY, DAY + 1 }) do
      ids[ahead] = publish(ahead)
    end
    local report = bring()
    assert.same({ 2, 1, 2 }, { report.added, report.held, report.parcels })
    assert.is_not_nil(near:get(ids[DAY - 1]))
    assert.is_not_nil(near:get(ids[DAY]))
    assert.is_nil(near:get(ids[DAY + 1]))
    assert.equal(1, near:stats().held)
    assert.equal(2, near:stats().parcels)
  end)

  it("is nowhere to be seen until its day", function ()
    local id = publish(DAY + 3600)
    local report = bring()
    assert.same({ 0, 0, 1, 0, 0 }, { report.added, report.parcels,
      report.held, report.missing, report.bad })
    assert.is_false(shows(id))
    assert.same({}, near:missing())
    assert.same({}, near:collections())
    local packed = support.run(near:pack(dir .. "/out.car"))
    assert.same({ 0, 0 }, { packed.parcels, packed.records })
  end)

  it("survives closing, rebuilding and sweeping, and then appears", function ()
    local id = publish(DAY + 3600)
    bring()
    reopen()
    assert.is_false(shows(id))
    support.run(near:rebuild())
    support.run(near:sweep())
    assert.equal(1, near:stats().held)
    clock.now = NOW + 3599
    reopen()
    assert.is_false(shows(id))
    clock.now = NOW + 3600
    reopen()
    assert.is_true(shows(id))
    assert.equal(0, near:stats().held)
    assert.equal(far:digest(), near:digest())
    support.run(near:rebuild())
    assert.equal(far:digest(), near:digest())
  end)

  it("appears in an open station with its next parcel", function ()
    local id = publish(2 * DAY)
    bring()
    clock.now = NOW + DAY
    assert(near:publish("own", { type = "a" }))
    assert.is_true(shows(id))
    assert.equal(0, near:stats().held)
  end)

  it("that comes again is known, and appears once", function ()
    local id = publish(2 * DAY)
    assert.equal(1, bring().held)
    local again = bring()
    assert.same({ 0, 0, 0, 0 }, { again.held, again.added, again.bad,
      again.unlisted })
    assert.is_true(again.known > 0)
    assert.equal(1, near:stats().held)
    clock.now = NOW + DAY
    bring()
    assert.is_true(shows(id))
    assert.equal(1, near:stats().parcels)
    assert.equal(0, near:stats().held)
  end)

  it("has its files asked for when it appears", function ()
    local path = support.write(dir .. "/book", support.noise(5000, 1))
    local id = publish(2 * DAY, { type = "a", title = "physics",
      files = { { path = path } } })
    local report = bring()
    assert.same({ 0, 0 }, { report.files, report.missing })
    clock.now = NOW + DAY
    reopen()
    assert.equal(1, #near:missing())
    assert.equal(1, bring().files)
    assert(near:export(id, support.folder()))
  end)

  it("in many, all appear, each when it may", function ()
    for i = 1, 20 do publish(DAY + i * 100) end
    assert.equal(20, bring().held)
    for _, passed in ipairs({ 0, 99, 100, 950, 2000 }) do
      clock.now = NOW + passed
      reopen()
      assert.equal(20 - math.min(20, passed // 100), near:stats().held)
      assert.equal(math.min(20, passed // 100), #support.ids(near:list("*")))
    end
  end)

  it("from a clock gone mad does no harm", function ()
    far:close()
    far = support.station({ clock = function () return 1 << 52 end })
    publish((1 << 53) - 1 - NOW, { type = "a" }) -- held there, too
    publish((1 << 52) - NOW)
    assert.equal(1, bring().held)
    clock.now = 0
    reopen()
    assert.equal(1, near:stats().held)
    assert.is_string(near:digest())
  end)
end)
