-- SPDX-License-Identifier: 0BSD
local mahatta = require "mahatta"
local support = require "support"

describe("publish", function ()
  local station, clock
  before_each(function ()
    clock = support.clock()
    station = support.station({ clock = clock.tell })
  end)
  after_each(function ()
    station:close()
    support.clean()
  end)

  it("gives back what was published", function ()
    local record = { type = "lesson", lang = "ar", tags = { "a", "b" },
      title = { ar = "قوانين نيوتن", en = "Newton's laws" }, text = "F = ma",
      license = "CC-BY-4.0", source = "https://example.org",
      created = "2026-01-01", grade = 9, deep = { list = { 1, true } } }
    local id = assert(station:publish("edu/physics", record))
    local entry = assert(station:get(id))
    assert.same(record, entry.record)
    assert.equal(id, entry.id)
    assert.equal("edu/physics", entry.collection)
    assert.equal(station:id(), entry.author)
    assert.equal(clock.now, entry.time)
    assert.is_truthy(entry.parcel:find("^bafyrei"))
    assert.equal(id, mahatta.id(mahatta.encode(record), "dag-cbor"))
  end)

  it("changes nothing of the record that it is given", function ()
    local path = support.write(support.folder() .. "/x.txt", "x")
    local record = { type = "note", files = { { path = path } } }
    assert(station:publish("c", record))
    assert.same({ type = "note", files = { { path = path } } }, record)
  end)

  it("takes time from the options", function ()
    local id = assert(station:publish("c", { type = "a" }, { time = 12345 }))
    assert.equal(12345, station:get(id).time)
  end)

  it("turns `about` text into a link", function ()
    local id = assert(station:publish("c", { type = "a", title = "one" }))
    local about = assert(station:publish("c", { type = "comment",
      about = id }))
    assert.equal(mahatta.link(id), station:get(about).record.about)
    local entries = assert(station:about(id))
    assert.equal(1, #entries)
    assert.equal(about, entries[1].id)
  end)

  it("refuses bad records in words, and stores nothing of them", function ()
    local function refused(record, what)
      local id, message, code = station:publish("c", record)
      assert.is_nil(id)
      assert.is_truthy(message:find(what, 1, true), message)
      assert.is_string(code)
    end
    refused({ title = "no type" }, "type")
    refused({ type = 7 }, "type")
    refused({ type = "a", title = 7 }, "title")
    refused({ type = "a", tags = "x" }, "tags")
    refused({ type = "a", about = "nonsense" }, "about")
    refused({ type = "a", files = { { path = 7 } } }, "path")
    refused({ type = "a", files = { { path = "/nowhere/x" } } }, "/nowhere/x")
    refused({ type = "a", text = ("x"):rep(70000) }, "")
    assert.same({}, support.ids(station:list("*")))
  end)

  it("refuses what the data model can't hold", function ()
    for _, value in ipairs({ 1.5, 2 ^ 53, print, "\xFF",
        setmetatable({ 1, x = 2 }, nil) }) do
      local ok, id = pcall(station.publish, station, "c",
        { type = "a", x = value })
      assert.is_false(ok and id ~= nil)
    end
  end)

  it("refuses bad names of collections", function ()
    for _, name in ipairs({ "", "/", "a/", "a//b", "*", "edu/*", "a\nb",
        ("x"):rep(129) }) do
      local id, message, code = station:publish(name, { type = "a" })
      assert.is_nil(id, name)
      assert.is_string(message)
      assert.is_string(code)
    end
    assert(station:publish(("x"):rep(128), { type = "a" }))
  end)

  it("holds the record's limit of 64 KiB", function ()
    local empty = #mahatta.encode({ type = "a", text = ("x"):rep(65000) })
      - 65000
    local function try(size)
      return station:publish("c",
        { type = "a", text = ("x"):rep(size - empty) })
    end
    assert(try(65535))
    assert(try(65536))
    local id, _, code = try(65537)
    assert.is_nil(id)
    assert.equal("ELIMIT", code)
  end)

  it("publishes many, 512 a parcel", function ()
    local n = 0
    local count = assert(station:publish_all("many", function ()
      n = n + 1
      return n <= 1300 and { type = "row", n = n } or nil
    end))
    assert.equal(1300, count)
    assert.equal(1300, #support.ids(station:list("many")))
    assert.equal(3, station:collections()[1].parcels)
  end)

  it("publishes a list, and tells of progress", function ()
    local seen = {}
    assert.equal(2, assert(station:publish_all("c",
      { { type = "a", n = 1 }, { type = "a", n = 2 } },
      { progress = function (done) seen[#seen + 1] = done end })))
    assert.same({ 1, 2 }, seen)
    assert.equal(0, assert(station:publish_all("c", {})))
  end)

  it("stops at the first bad record and keeps the ones before", function ()
    local count, message, code = station:publish_all("c",
      { { type = "a", n = 1 }, { type = "a", n = 2 }, { title = "bad" },
        { type = "a", n = 4 } })
    assert.is_nil(count)
    assert.is_truthy(message:find("record 3", 1, true), message)
    assert.is_truthy(message:find("2 before it", 1, true), message)
    assert.is_string(code)
    assert.equal(2, #support.ids(station:list("c")))
    count, message = station:publish_all("c", { 7 })
    assert.is_nil(count)
    assert.is_truthy(message:find("record 1", 1, true))
  end)

  it("passes on what the iterator raises", function ()
    support.raises("from the iterator", station.publish_all, station, "c",
      function () error("from the iterator") end)
    assert(station:publish("c", { type = "a" }))
  end)

  it("lets the iterator yield", function ()
    local coro = coroutine.wrap(function ()
      return station:publish_all("c", function ()
        return coroutine.yield("more")
      end)
    end)
    assert.equal("more", coro())
    assert.equal("more", coro({ type = "a", n = 1 }))
    assert.equal("more", coro({ type = "a", n = 2 }))
    assert.equal(2, coro(nil))
  end)

  it("has a publisher for loops of one's own", function ()
    local publisher = station:publisher("c")
    local id = assert(publisher:add({ type = "a" }))
    assert.is_nil(station:get(id))
    assert.equal(1, assert(publisher:commit()))
    assert.equal(id, station:get(id).id)
    assert(publisher:add({ type = "b" }))
    publisher:close()
    publisher:close()
    assert.equal(1, #support.ids(station:list("c")))
    support.raises("closed", publisher.add, publisher, { type = "a" })
  end)

  it("survives being closed and opened", function ()
    local dir = support.folder()
    local first = support.station({}, dir)
    local did = first:id()
    local id = assert(first:publish("c", { type = "a", title = "x" }))
    first:close()
    local second = support.station({ create = false }, dir)
    assert.equal(did, second:id())
    assert.equal("x", second:get(id).record.title)
    second:close()
  end)
end)

describe("lists", function ()
  local station
  setup(function ()
    station = support.station({})
    for i = 1, 120 do
      assert(station:publish(i % 2 == 0 and "edu/a" or "edu/b/c",
        { type = i % 3 == 0 and "x" or "y", n = i }, { time = 1000 + i }))
    end
    assert(station:publish("other", { type = "x", n = 0 }, { time = 2000 }))
  end)
  teardown(function ()
    station:close()
    support.clean()
  end)

  local function numbers(collection, options)
    local list = {}
    for entry in station:list(collection, options) do
      list[#list + 1] = entry.record.n
    end
    return list
  end

  local function counted(high, low, step)
    local list = {}
    for i = high, low, step do list[#list + 1] = i end
    return list
  end

  it("are newest first, over pages", function ()
    assert.same(counted(120, 2, -2), numbers("edu/a"))
    assert.same({}, numbers("nothing/here"))
  end)

  it("merge what a pattern matches", function ()
    assert.same(counted(120, 1, -1), numbers("edu/*"))
    local all = counted(120, 1, -1)
    table.insert(all, 1, 0)
    assert.same(all, numbers("*"))
    assert.same(counted(119, 1, -2), numbers("edu/b/*"))
    assert.same({}, numbers("ed/*"))
  end)

  it("filter and stop", function ()
    assert.same({ 120, 118 }, numbers("edu/a", { limit = 2 }))
    assert.same({ 120, 114 }, numbers("edu/a", { type = "x", limit = 2 }))
    assert.same({}, numbers("edu/a", { limit = 0 }))
    assert.same(60, #numbers("edu/a", { author = station:id() }))
    assert.same({}, numbers("edu/a", { author = "did:key:z6Mk" }))
  end)

  it("page by page gives the same", function ()
    local list, cursor = {}, nil
    repeat
      local page
      page, cursor = station:page("edu/a", { limit = 7, cursor = cursor })
      assert(page, cursor)
      assert.is_true(#page <= 7)
      for _, entry in ipairs(page) do list[#list + 1] = entry.record.n end
    until not cursor
    assert.same(counted(120, 2, -2), list)
  end)

  it("may be left half-way, and see what is published meanwhile", function ()
    local seen = 0
    for _ in station:list("edu/*") do
      seen = seen + 1
      if seen == 3 then break end
    end
    assert.equal(3, seen)
    local own = support.station({})
    for i = 1, 60 do
      assert(own:publish("c", { type = "a", n = i }, { time = 1000 + i }))
    end
    local n = 0
    for _ in own:list("c") do
      n = n + 1
      if n == 10 then
        assert(own:publish("c", { type = "late" }, { time = 5000 }))
      end
    end
    assert.equal(60, n)
    own:close()
  end)

  it("name collections with their parcels", function ()
    local by_name = {}
    for _, one in ipairs(station:collections()) do
      by_name[one.name] = one.parcels
    end
    assert.same({ ["edu/a"] = 60, ["edu/b/c"] = 60, other = 1 }, by_name)
  end)
end)
