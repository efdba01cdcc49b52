-- SPDX-License-Identifier: 0BSD
-- The site of a station with thousands of collections: no page reads more than
-- it shows, and by its links one comes to everything.

local json = require "dkjson"
local web = require "site_support"

local MANY = 5000

describe("the site of many collections", function ()
  local site, asked
  setup(function ()
    site = web.open({ read_only = true, quick = true })
    local records = { type = "note", lang = "en" }
    for i = 1, MANY do
      records.title = "thing " .. i
      assert(site.station:publish(("many/%04d"):format(i), records))
    end
    -- What the pages ask the station for.
    site.site.station = setmetatable({}, { __index = function (_, name)
      return function (_, ...)
        asked[#asked + 1] = { name, ... }
        return site.station[name](site.station, ...)
      end
    end })
  end)
  before_each(function () asked = {} end)
  teardown(function () site:close() end)

  local function most_asked()
    local most = 0
    for _, call in ipairs(asked) do
      local options = call[3] or call[2]
      if call[1] == "collections" then
        assert.is_table(options, "all collections were asked for")
        most = math.max(most, options.limit)
      end
      assert.not_equal("list", call[1])
    end
    return most
  end

  -- Follow `next` from page to page; what ${find} gives of each, once.
  local function walk(path, find, following)
    local seen, n, pages = {}, 0, 0
    while path do
      local body = site:get(path)
      pages = pages + 1
      for one in find(body) do
        assert.is_nil(seen[one], one)
        seen[one], n = true, n + 1
      end
      path = following(body)
    end
    return n, pages
  end

  local function by_link(body)
    local link = body:match('rel="next" href="([^"]+)"')
    return link and link:gsub("&amp;", "&")
  end

  it("lists them page by page", function ()
    local n, pages = walk("/en/collections", function (body)
      return body:gmatch("<bdi>(many/%d+)</bdi>")
    end, by_link)
    assert.same({ MANY, 50 }, { n, pages })
    assert.is_true(most_asked() <= 101)
    n = walk("/api/1/collections", function (body)
      local items, i = json.decode(body).items, 0
      return function ()
        i = i + 1
        return items[i] and items[i].name
      end
    end, function (body)
      local following = json.decode(body).next
      return following and "/api/1/collections?after=" .. following
    end)
    assert.equal(MANY, n)
  end)

  it("lists all of an author, newest first", function ()
    local last
    local n = walk("/en/by/" .. site.station:id(), function (body)
      return body:gmatch("<bdi>(thing %d+)</bdi></a>")
    end, function (body)
      for stamp in body:gmatch('</a>%s*<time datetime="([^"]+)"') do
        assert.is_true(not last or stamp <= last, stamp)
        last = stamp
      end
      return by_link(body)
    end)
    assert.equal(MANY, n)
    assert.equal(0, most_asked())
  end)

  it("asks for no more than it shows, on any page", function ()
    for _, path in ipairs({ "/en", "/en/station", "/feed.atom", "/opds",
        "/catalog.jsonld", "/en/search?q=thing", "/en/c/many/0042" }) do
      local body, response = site:get(path)
      assert.equal(200, response.status, path)
      assert.is_true(#body < 100000, path)
    end
    assert.is_true(most_asked() <= 101)
    local front = site:get("/en")
    assert.is_truthy(front:find("All 5000 collections", 1, true))
    assert.is_truthy(front:find("thing 5000", 1, true))
  end)
end)
