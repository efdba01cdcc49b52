-- SPDX-License-Identifier: 0BSD
-- What readers of the site see when strangers fill what it shows.
local mahatta = require "mahatta"
local support = require "support"
local web = require "site_support"

local NOW = 1700000000

describe("among what many strangers say of a record", function ()
  local clock, site, station, friend
  before_each(function ()
    clock = support.clock(NOW)
    site = web.open({ clock = clock.tell, quick = true })
    station = site.station
    friend = support.station({ clock = clock.tell }, support.folder(true))
  end)
  after_each(function ()
    friend:close()
    site:close()
    support.clean()
  end)

  -- A record of another author, here.
  local function of_friend()
    local id = assert(friend:publish("news", { type = "note",
      title = "Take 50 mg" }))
    support.carry(friend, station)
    return id
  end

  -- ${n} newer records about it, of somebody new.
  local function flood(id, n, record)
    local other = support.station({ clock = clock.tell },
      support.folder(true))
    local publisher = assert(other:publisher("news"))
    clock.now = clock.now + 60
    for i = 1, n do
      local one = { about = mahatta.link(id), title = "junk " .. i }
      for key, value in pairs(record) do one[key] = value end
      if one.type == "label" then one.value = "junk" .. i end
      assert(publisher:add(one))
    end
    assert(publisher:commit())
    publisher:close()
    support.carry(other, station)
    local author = other:id()
    other:close()
    return author
  end

  local function shows(id, ...)
    local page, api = site:get("/en/r/" .. id),
      site:get("/api/1/record/" .. id .. "/about")
    for _, what in ipairs({ ... }) do
      assert.is_truthy(page:find(what, 1, true), what)
      assert.is_truthy(api:find(what, 1, true), what)
    end
    return page
  end

  it("the author's and this station's corrections are seen", function ()
    local id = of_friend()
    clock.now = clock.now + 60
    assert(friend:publish("news", { type = "correction", about = id,
      title = "AUTHOR 5 mg" }))
    support.carry(friend, station)
    assert(station:publish("news", { type = "retraction", about = id,
      title = "STATION doubts it" }))
    flood(id, 20, { type = "correction" })
    local page = shows(id, "AUTHOR 5 mg", "STATION doubts it", "junk 20")
    assert.is_true(page:find("STATION", 1, true)
      < page:find("AUTHOR 5", 1, true))
    assert.is_true(page:find("AUTHOR 5", 1, true)
      < page:find("junk 20", 1, true))
    flood(id, 301, { type = "note" })
    shows(id, "AUTHOR 5 mg", "STATION doubts it")
  end)

  it("those of authors who are vouched for are seen", function ()
    local id = assert(station:publish("news", { type = "note",
      title = "Take 50 mg" }))
    support.carry(station, friend)
    assert(friend:publish("news", { type = "correction", about = id,
      title = "FRIEND 5 mg" }))
    assert(friend:label(id, "friendly"))
    support.carry(friend, station)
    flood(id, 301, { type = "update" })
    assert.is_nil(site:get("/en/r/" .. id):find("FRIEND", 1, true))
    assert(station:vouch(friend:id()))
    shows(id, "FRIEND 5 mg", "friendly")
  end)

  it("labels of this station are seen, whatever their number", function ()
    local id = of_friend()
    for i = 1, 12 do assert(station:label(id, "mine" .. i)) end
    flood(id, 40, { type = "label" })
    flood(id, 301, { type = "note" })
    local page = site:get("/en/r/" .. id)
    local api = site:get("/api/1/record/" .. id)
    for i = 1, 12 do
      local value = "mine" .. i
      assert.is_truthy(page:find(value, 1, true), value)
      assert.is_truthy(api:find('"' .. value .. '"', 1, true), value)
    end
    clock.now = clock.now + 1
    assert(station:label(id, "mine1", { negated = true }))
    assert.is_nil(site:get("/api/1/record/" .. id):find('"mine1"', 1, true))
    assert.equal(11, #station:labels(id, { limit = 100 }))
  end)

  it("the author can't crowd out others either", function ()
    local id = of_friend()
    assert(station:label(id, "dangerous"))
    local publisher = assert(friend:publisher("news"))
    clock.now = clock.now + 60
    for i = 1, 400 do
      assert(publisher:add({ type = "label", about = mahatta.link(id),
        value = "own" .. i }))
    end
    assert(publisher:commit())
    publisher:close()
    support.carry(friend, station)
    local helper = flood(id, 2, { type = "label" })
    assert(station:vouch(helper))
    local page = site:get("/en/r/" .. id)
    for _, value in ipairs({ "dangerous", "junk1", "junk2" }) do
      assert.is_truthy(page:find(value, 1, true), value)
    end
    local labels = assert(station:labels(id, { limit = 8 }))
    local of = {}
    for i, label in ipairs(labels) do
      of[label.author] = (of[label.author] or 0) + 1
      assert.is_true(i == 1 or labels[i - 1].time >= label.time)
    end
    assert.same({ [station:id()] = 1, [helper] = 2, [friend:id()] = 5 }, of)
  end)

  it("one author is asked alone", function ()
    local id = of_friend()
    local label = assert(station:label(id, "dangerous"))
    local stranger = flood(id, 3, { type = "note" })
    local mine = assert(station:about(id, { author = station:id() }))
    assert.equal(1, #mine)
    assert.equal(label, mine[1].id)
    assert.equal(3, #station:about(id, { author = stranger }))
    assert.equal(2, #station:about(id, { author = stranger, limit = 2 }))
    assert.equal(0, #station:about(id, { author = friend:id() }))
    support.raises("bad argument", station.about, station, id,
      { author = "nobody" })
    support.raises("'limit'", station.labels, station, id, { limit = 0 })
    support.raises("unknown option 'most'", station.labels, station, id,
      { most = 1 })
    support.run(station:rebuild())
    assert.equal(3, #station:about(id, { author = stranger }))
  end)
end)
