-- SPDX-License-Identifier: 0BSD
-- What a facet says is what is shown when it is chosen.
local support = require "support"

local WORDS = { "alpha", "beta", "gamma", "delta" }
local QUERIES = { "alpha", "alpha gamma", '"alpha beta"', "-gamma delta",
  "type:lesson", 'beta -"alpha beta"', "alpha OR delta has:file" }

-- Records of two authors in three collections; some replace others.
local function world(seed)
  math.randomseed(seed)
  local clock = support.clock()
  local mine = support.station({ clock = clock.tell })
  local theirs = support.station({ clock = clock.tell })
  local path = support.write(support.folder() .. "/a.txt", "a file")
  for i = 1, 60 do
    clock.now = clock.now + 1
    local text = {}
    for k = 1, math.random(1, 6) do text[k] = WORDS[math.random(#WORDS)] end
    local at = math.random(2) == 1 and mine or theirs
    assert(at:publish("c/" .. math.random(3), {
      type = math.random(2) == 1 and "lesson" or "news",
      lang = math.random(2) == 1 and "en" or "ar",
      key = math.random(3) == 1 and "k" .. math.random(3) or nil,
      title = "record " .. i, text = table.concat(text, " "),
      files = math.random(4) == 1 and { { path = path } } or nil },
      { time = clock.now - math.random(0, 3) * 40000000 }))
  end
  support.carry(theirs, mine)
  theirs:close()
  return mine
end

local function shown(station, query)
  return #assert(station:find(query, { limit = 1000 }))
end

describe("a facet's count", function ()
  after_each(support.clean)

  it("is the number of hits that come when it is chosen", function ()
    for seed = 1, 8 do
      local station = world(seed)
      for _, query in ipairs(QUERIES) do
        local tally = assert(station:tally(query))
        assert.equal(shown(station, query), tally.total, query)
        for _, facet in ipairs({ "author", "collection", "lang", "type" }) do
          for value, n in pairs(tally[facet]) do
            assert.equal(shown(station, ("%s %s:%s"):format(query, facet,
              value)), n, query .. facet .. value)
          end
        end
        local years = 0
        for year, n in pairs(tally.year) do
          years = years + n
          assert.equal(shown(station, ("%s after:%s-01-01 before:%d-01-01")
            :format(query, year, tonumber(year) + 1)), n, query .. year)
        end
        assert.equal(tally.total, years)
        assert.equal(shown(station, query .. " has:file"), tally.file)
      end
      station:close()
    end
  end)

  it("is exact up to a bound, and about right above it", function ()
    local station = support.station({})
    local publisher = assert(station:publisher("c"))
    for i = 1, 301 do
      assert(publisher:add({ type = "a", title = "plum " .. i,
        key = i > 299 and "same" or nil, time = i }))
      if i >= 299 then assert(publisher:commit()) end
      if i == 300 then -- 300 match: one by one
        assert.equal(300, station:tally("plum").total)
      end
    end
    publisher:close()
    assert.equal(301, station:tally("plum").total)
    assert.equal(300, shown(station, "plum"))
    assert.equal(1, station:tally('"plum 301"').total)
    station:close()
  end)
end)
