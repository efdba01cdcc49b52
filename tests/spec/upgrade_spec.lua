-- SPDX-License-Identifier: 0BSD
-- A store that was made when the search index lay in FTS5 tables: 401 records
-- in five languages, published by the last version that had those.
local mahatta = require "mahatta"
local support = require "support"

local RECORDS = 401

local function old_store()
  local folder = support.folder()
  assert(os.execute("LD_PRELOAD= tar -xzf tests/spec/own-fts5.tar.gz -C "
    .. support.quoted(folder)))
  return folder .. "/fts5.mahatta"
end

local QUERIES = { ["newton"] = 80, ["basra"] = 80, ["quokka"] = 1,
  ["القوه"] = 80, ["قوتابخانە"] = 80, ["silemani"] = 80, ["aardvark"] = 0,
  ["zanzibar"] = 0, ["type:lesson newton"] = 40 }

local function count(station, query)
  return #assert(station:find(query, { limit = 1000 }))
end

describe("a store with the search index of before", function ()
  after_each(support.clean)

  it("is searched while it gets today's, a slice at a time", function ()
    local station <close> = assert(mahatta.open(old_store()))
    local before, rounds = 0, 0
    assert.is_true(station:stats().unindexed)
    while station:stats().unindexed do
      local n = count(station, "newton")
      assert.is_true(n >= before)
      before, rounds = n, rounds + 1
      assert.is_true(rounds < 50)
    end
    assert.is_true(rounds > 1)
    for query, n in pairs(QUERIES) do
      assert.equal(n, count(station, query), query)
    end
    assert.equal(RECORDS + 1, station:stats().documents) -- a replaced one
    local digest = station:digest() -- of rows, too
    support.run(station:rebuild())
    assert.equal(digest, station:digest())
    local report = support.run(station:verify({ read_data = true }))
    assert.equal(0, report.bad)
    assert.same({}, report.faults)
  end)

  it("takes records meanwhile, and loses none", function ()
    local station <close> = assert(mahatta.open(old_store()))
    local id = assert(station:publish("edu/physics", { type = "lesson",
      title = "newton the new" }))
    assert(station:withdraw(station:find("quokka")[1]
      and station:find("quokka")[1].id or id))
    support.run(station:index())
    assert.is_false(station:stats().unindexed)
    assert.is_true(count(station, "newton") >= 80)
    assert.equal(0, support.run(station:verify()).bad)
  end)

  it("goes on where it was when it is opened again", function ()
    local path = old_store()
    local first = assert(mahatta.open(path))
    first:find("newton") -- a slice
    local documents = first:stats().documents
    first:close()
    local again <close> = assert(mahatta.open(path))
    assert.is_true(documents > 0)
    assert.equal(documents, again:stats().documents)
    support.run(again:index())
    assert.equal(80, count(again, "newton"))
  end)

  it("says to a process that only reads what there is to do", function ()
    local path = old_store()
    local station <close> = assert(mahatta.open(path, { readonly = true }))
    assert.equal(2, #station:collections())
    local n = 0
    for _ in station:list("edu/physics") do n = n + 1 end
    assert.is_true(n > 100)
    for _, call in ipairs({ "find", "tally", "suggest" }) do
      local found, message, code = station[call](station, "newton")
      assert.is_nil(found)
      assert.equal("EREADONLY", code)
      assert.is_truthy(message:find("opening it for writing once", 1, true))
    end
    assert.is_table(station:stats())
    local report = support.run(station:verify())
    assert.equal(0, report.bad)
    local writer = assert(mahatta.open(path))
    support.run(writer:index())
    writer:close()
    local reader <close> = assert(mahatta.open(path, { readonly = true }))
    assert.equal(80, count(reader, "newton"))
  end)

  it("is searched by one that only reads while another makes it", function ()
    local path = old_store()
    local writer <close> = assert(mahatta.open(path))
    writer:find("newton")
    local reader <close> = assert(mahatta.open(path, { readonly = true }))
    local some = count(reader, "newton")
    assert.is_true(some > 0 and some < 80)
    support.run(writer:index())
    assert.equal(80, count(reader, "newton"))
  end)
end)
