-- SPDX-License-Identifier: 0BSD
-- Quotas, vouching and why, from Lua and on the command line. (Accounts and
-- limits to the byte: tests/unit/quota_test.c.)
local mahatta = require "mahatta"
local support = require "support"

describe("quotas", function ()
  local dir, station, stranger
  before_each(function ()
    dir = support.folder()
    station = assert(mahatta.open(dir .. "/a.mahatta"))
    stranger = assert(mahatta.open(dir .. "/b.mahatta"))
  end)
  after_each(function ()
    station:close()
    stranger:close()
    support.clean()
  end)

  -- ${n} records of the stranger, a parcel each, in a carry file.
  local function bring(n, name)
    for i = 1, n do
      assert(stranger:publish("c", { type = "a", title = name .. i }))
    end
    local path = dir .. "/" .. name .. ".car"
    support.run(stranger:pack(path))
    return support.run(station:unpack(path))
  end

  it("are sizes, kept in the station", function ()
    local q = assert(station:quotas())
    assert.same({ "none", "default", "default", "default" },
      { q.budget, q.author, q.collection, q.way })
    assert.is_true(q.used > 0)
    q = assert(station:quotas({ budget = "64M", author = "1M", way = "none" }))
    assert.same({ 64 << 20, 1 << 20, "default", "none" },
      { q.budget, q.author, q.collection, q.way })
    station:close()
    station = assert(mahatta.open(dir .. "/a.mahatta",
      { quotas = { author = "2M" } }))
    q = assert(station:quotas())
    assert.same({ 64 << 20, 2 << 20, "default", "none" },
      { q.budget, q.author, q.collection, q.way })
    q = assert(station:quotas({ budget = "none", author = "default" }))
    assert.same({ "none", "default" }, { q.budget, q.author })
  end)

  it("refuse what makes no sense", function ()
    local set, _, code = station:quotas({ budget = "1M" })
    assert.is_nil(set)
    assert.equal("EINVALID", code)
    support.raises("unknown option 'size'", station.quotas, station,
      { size = "1M" })
    support.raises("'x' is no size", station.quotas, station, { author = "x" })
    support.raises("say \"none\" or a size", station.quotas, station,
      { way = 0 })
    support.raises("table expected", mahatta.open, dir .. "/c", { quotas = 1 })
    station:close()
    local none, _, why = mahatta.open(dir .. "/a.mahatta",
      { quotas = { budget = 5 } })
    assert.is_nil(none)
    assert.equal("EINVALID", why)
    none, _, why = mahatta.open(dir .. "/a.mahatta",
      { readonly = true, quotas = { budget = "64M" } })
    assert.is_nil(none)
    assert.equal("EREADONLY", why)
    station = assert(mahatta.open(dir .. "/a.mahatta"))
  end)

  it("say what had no room, and vouching makes it", function ()
    assert(station:quotas({ author = 2048 }))
    local r = bring(4, "x")
    assert.same({ 2, 2, 0 }, { r.parcels, r.full, r.bad })
    assert.is_truthy(r.faults[1]:find("there is no room for it: its author",
      1, true), r.faults[1])
    local did = stranger:id()
    assert.same({}, station:vouched())
    assert.is_true(station:vouch(did))
    assert.same({ did }, station:vouched())
    r = bring(1, "y")
    assert.same({ 3, 0 }, { r.parcels, r.full })
    assert.is_true(station:unvouch(did))
    local none, _, code = station:unvouch(did)
    assert.is_nil(none)
    assert.equal("ENOENT", code)
    for _, name in ipairs({ "somebody", "", did:sub(1, -2), did .. "1",
        did:sub(1, 20) .. "0" .. did:sub(22), "did:key:z6Mkabc" }) do
      for _, method in ipairs({ "vouch", "unvouch" }) do
        local message
        none, message, code = station[method](station, name)
        assert.same({ nil, "EINVALID" }, { none, code }, name)
        assert.is_truthy(message:find("station id", 1, true), message)
      end
    end
    support.raises("string expected", station.vouch, station, {})
    assert.same({}, station:vouched())
  end)

  it("don't hold for whom the policy vouches for", function ()
    assert(station:quotas({ author = 1024 }))
    station:policy({ admit = function (entry)
      return entry.record.title == "x3" and "vouch" or "keep"
    end })
    local r = bring(4, "x")
    assert.is_true(r.parcels >= 2, r.parcels)
    assert.same({ stranger:id() }, station:vouched())
    assert.same({ 4 - r.parcels, 0 }, { bring(0, "y").parcels, r.refused })
  end)

  it("tell why a thing is here", function ()
    local noise = support.noise(2500000, 4)
    support.write(dir .. "/f.bin", noise)
    local id = assert(stranger:publish("c", { type = "a", title = "with file",
      files = { { path = dir .. "/f.bin", name = "f.bin" } } }))
    local own = assert(station:publish("d", { type = "a", title = "own" }))
    assert(station:follow("*"))
    bring(0, "stick")
    local w = assert(station:why(id))
    assert.same({ true, "record", "file stick.car", 1 },
      { w.here, w.kind, w.way, #w.listings })
    assert.same({ stranger:id(), "c", false, "*" }, { w.listings[1].author,
      w.listings[1].collection, w.listings[1].own, w.listings[1].followed })
    local parcel = assert(station:why(w.listings[1].parcel))
    assert.same({ "parcel", "c" },
      { parcel.kind, parcel.listings[1].collection })
    w = assert(station:why(own))
    assert.same({ "own", true }, { w.way, w.listings[1].own })
    local file = tostring(assert(station:get(id)).record.files[1].data)
    w = assert(station:why(file))
    assert.same({ true, "file", "file stick.car", { id }, {} },
      { w.here, w.kind, w.way, w.records, w.above })
    assert.equal(stranger:id(), w.listings[1].author)
    w = assert(station:why(mahatta.id(noise:sub(1, 1 << 20))))
    assert.same({ true, "part", { id }, { file } },
      { w.here, w.kind, w.records, w.above })
    local none, _, code = station:why(mahatta.id("nobody has this"))
    assert.is_nil(none)
    assert.equal("ENOENT", code)
  end)

  it("tell why a thing is wanted", function ()
    local id = assert(stranger:publish("c", { type = "a", title = "lost" }))
    local entry = assert(stranger:get(id))
    support.write(dir .. "/p.car", support.car(
      { assert(stranger:block(entry.parcel)) }, { "dag-cbor" }))
    support.run(station:unpack(dir .. "/p.car", { way = "the blue stick" }))
    local w = assert(station:why(id))
    assert.same({ false, "record", entry.parcel },
      { w.here, w.kind, w.listings[1].parcel })
    assert.equal("the blue stick", station:why(entry.parcel).way)
  end)

  it("are set and told on the command line", function ()
    local id = assert(stranger:publish("c", { type = "a", title = "b's" }))
    bring(0, "s")
    local did = stranger:id()
    station:close()
    local function ok(...)
      local text, code = support.shell(support.command(dir, "a.mahatta", ...))
      assert.equal(0, code, text)
      return text
    end
    local function says(text, words)
      assert.is_truthy(text:find(words, 1, true), text)
    end
    says(ok("quota"), "none")
    says(ok("quota", "--budget", "64M", "--author", "1M"), "64.0 MB")
    says(ok("vouch", did), "vouching for " .. did)
    says(ok("vouch"), did)
    local text = ok("why", id)
    says(text, "came by: file s.car")
    says(text, "listed in c by " .. did)
    says(text, "vouched for by the owner")
    says(ok("unvouch", did), "not vouching for")
    local function fails(with, words, ...)
      local said, code = support.shell(support.command(dir, "a.mahatta", ...))
      assert.equal(with, code, said)
      says(said, words)
      assert.is_nil(said:find("traceback", 1, true), said)
    end
    for _, verb in ipairs({ "vouch", "unvouch" }) do
      fails(1, "station id of 15 characters", verb, "did:key:z6Mkabc")
      fails(2, "AUTHOR is a did:key:z6Mk...", verb, "somebody")
    end
    fails(2, "--budget 0: a limit is a size", "quota", "--budget", "0")
    fails(2, "--way all: a limit is a size", "quota", "--way", "all")
    fails(2, "--author: 'x' is no size", "quota", "--author", "x")
    fails(1, "budget", "quota", "--budget", "5")
    station = assert(mahatta.open(dir .. "/a.mahatta"))
  end)
end)
