-- SPDX-License-Identifier: 0BSD
-- A station's file opened by tools that know nothing of stations.
local support = require "support"

local function have(tool)
  return select(2, support.shell("command -v " .. tool)) ~= 127
    and support.shell("command -v " .. tool) ~= ""
end

describe("a station's file in other people's tools", function ()
  local station, dir, path, ids
  setup(function ()
    station, dir = support.station({})
    path = support.quoted(dir .. "/s.mahatta")
    ids = {}
    local file = support.write(dir .. "/f", support.noise(300000, 1))
    for n = 1, 5 do
      ids[n] = assert(station:publish(n < 4 and "edu/a" or "علوم/ب",
        { type = "lesson", title = "قوانين " .. n, text = ("word "):rep(n * 20),
          files = n == 1 and { { path = file } } or nil }))
    end
  end)
  teardown(function ()
    station:close()
    support.clean()
  end)

  local function sql(statement)
    local text, code = support.shell("sqlite3 " .. path .. " "
      .. support.quoted(statement))
    assert.is_true(code == nil or code == 0, text)
    return (text:gsub("\n$", ""))
  end

  local function check_views()
    assert.equal("edu/a|3\nعلوم/ب|2", sql "SELECT * FROM collections")
    local blocks, parcels = {}, {}
    for id, codec in sql("SELECT id, codec FROM blocks")
        :gmatch("(b%w+)|([%w-]+)") do
      blocks[id] = codec
    end
    for id in sql("SELECT id FROM log_entries"):gmatch("%w+") do
      parcels[id] = true
    end
    local n = 0
    for entry in station:list("*") do
      n = n + 1
      assert.equal("dag-cbor", blocks[entry.id])
      assert.equal("dag-cbor", blocks[entry.parcel])
      assert.is_true(parcels[entry.parcel])
    end
    assert.equal(5, n)
    local link = tostring(station:get(ids[1]).record.files[1].data)
    assert.equal("raw", blocks[link])
  end

  it("shows collections, blocks and parcels by their ids", function ()
    if not have "sqlite3" then return pending("no sqlite3: skipped") end
    check_views()
    assert.equal("ok", sql "PRAGMA integrity_check")
  end)

  it("needs no function, tokenizer or collation of ours", function ()
    if not have "sqlite3" then return pending("no sqlite3: skipped") end
    local names = sql("SELECT name FROM sqlite_schema WHERE type IN "
      .. "('table', 'view') AND name NOT LIKE 'sqlite%'")
    local tried = 0
    for name in names:gmatch("[^\n]+") do
      tried = tried + 1
      sql(('SELECT count(*) FROM "%s"'):format(name))
      sql(('SELECT * FROM "%s" LIMIT 3'):format(name))
    end
    assert.is_true(tried >= 8, tried)
    assert.is_truthy(sql(".schema"):find("CREATE VIEW", 1, true))
  end)

  it("may be read while the station writes", function ()
    if not have "sqlite3" then return pending("no sqlite3: skipped") end
    for n = 6, 12 do
      local id = assert(station:publish("live", { type = "a", n = n }))
      assert.equal(tostring(n - 5),
        sql "SELECT parcels FROM collections WHERE name = 'live'")
      assert.equal("1", sql(("SELECT count(*) FROM blocks WHERE id = '%s'")
        :format(id)))
    end
    local n = 0
    for _ in station:list("live") do n = n + 1 end
    assert.equal(7, n)
    assert.equal(0, support.run(station:verify({ read_data = true })).bad)
  end)

  it("opens in sqlite-utils", function ()
    if not have "sqlite-utils" then
      return pending("no sqlite-utils: skipped")
    end
    local text = support.shell("sqlite-utils tables " .. path .. " --counts")
    assert.is_truthy(text:find('"table"', 1, true), text)
    text = support.shell("sqlite-utils views " .. path .. " --counts")
    for _, view in ipairs({ "collections", "blocks", "log_entries" }) do
      assert.is_truthy(text:find('"' .. view .. '"', 1, true), text)
    end
    text = support.shell("sqlite-utils query " .. path
      .. " 'SELECT name, parcels FROM collections' --no-headers --csv")
    assert.is_truthy(text:find("edu/a,3", 1, true), text)
  end)

  it("is the same station after all that", function ()
    if not have "sqlite3" then return pending("no sqlite3: skipped") end
    local digest = station:digest()
    station:close()
    sql "SELECT count(*) FROM blocks"
    station = support.station({}, dir)
    assert.equal(digest, station:digest())
    assert(station:publish("edu/a", { type = "a" }))
    assert.equal(0, support.run(station:verify({ read_data = true })).bad)
  end)
end)
