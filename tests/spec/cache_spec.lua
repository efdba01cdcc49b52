-- SPDX-License-Identifier: 0BSD
local cache = require "mahatta.site.cache"
local mahatta = require "mahatta"
local support = require "support"

describe("the site's cache", function ()
  local function page(n, status)
    return { status = status or 200, headers = { a = "b" },
      body = ("x"):rep(n) }
  end

  it("keeps small whole pages, and forgets them with the state", function ()
    local pages = cache.new()
    pages:as_of("1")
    pages:put("k", page(10), 7)
    assert.equal(10, #pages:get("k", 7).body)
    pages:as_of("1")
    assert.is_table(pages:get("k", 7))
    assert.is_nil(pages:get("k", 7 + cache.SECONDS)) -- its foot would lie
    assert.is_nil(pages:get("k", 7))
    pages:put("k", page(10), 7)
    pages:as_of("2")
    assert.is_nil(pages:get("k", 7))
    pages:put("gone", page(10, 404), 7)
    pages:put("stream", { status = 200, headers = {}, body = {} }, 7)
    pages:put("large", page(cache.PAGE + 1), 7)
    for _, key in ipairs({ "gone", "stream", "large" }) do
      assert.is_nil(pages:get(key, 7))
    end
    pages:put("fits", page(cache.PAGE), 7)
    assert.is_table(pages:get("fits", 7))
  end)

  it("stays within its bytes", function ()
    local pages = cache.new()
    for i = 1, 1000 do pages:put("k" .. i, page(60000), 7) end
    local kept = 0
    for i = 1, 1000 do kept = kept + (pages:get("k" .. i, 7) and 60000 or 0) end
    assert.is_true(kept > 0 and kept <= cache.BYTES)
  end)

  it("is told by the station's version what has changed", function ()
    local station, dir = support.station({})
    local reader <close> = assert(mahatta.open(dir .. "/s.mahatta",
      { readonly = true }))
    local mine, other = station:version(), reader:version()
    assert.equal(mine, station:version())
    assert.equal(other, reader:version())
    local id = assert(station:publish("a/b", { type = "x", title = "t" }))
    assert.not_equal(mine, station:version())
    assert.not_equal(other, reader:version())
    mine, other = station:version(), reader:version()
    assert(station:withdraw(id))
    assert.not_equal(mine, station:version())
    assert.not_equal(other, reader:version())
    station:close()
    support.raises("closed station", station.version, station)
    support.clean()
  end)
end)
