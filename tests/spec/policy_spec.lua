-- SPDX-License-Identifier: 0BSD
local support = require "support"

describe("follow rules", function ()
  local station
  before_each(function () station = support.station({}) end)
  after_each(function ()
    station:close()
    support.clean()
  end)

  it("are kept, with sizes as people write them", function ()
    assert(station:follow("edu/*", { files = "10M" }))
    assert(station:follow("news"))
    assert(station:follow("x/y", { files = "none" }))
    assert(station:follow("z", { files = 512 }))
    local rules = {}
    for _, rule in ipairs(station:follows()) do
      rules[rule.pattern] = rule.files
    end
    assert.same({ ["edu/*"] = 10485760,
      news = math.maxinteger, ["x/y"] = 0, z = 512 }, rules)
  end)

  it("are replaced and dropped", function ()
    assert(station:follow("a", { files = "1k" }))
    assert(station:follow("a", { files = "2k" }))
    assert.same({ { pattern = "a", files = 2048 } }, station:follows())
    assert.is_true(station:unfollow("a"))
    assert.same({}, station:follows())
    local done, message, code = station:unfollow("a")
    assert.is_nil(done)
    assert.is_string(message)
    assert.equal("ENOENT", code)
  end)

  it("need a name, name/* or *", function ()
    assert(station:follow("*"))
    for _, bad in ipairs({ "", "/*", "**", "a*", "*/a", "a/*/b" }) do
      local done, message, code = station:follow(bad)
      assert.is_nil(done, bad)
      assert.is_string(message)
      assert.is_string(code)
    end
    support.raises("bad argument #2 to 'follow'", station.follow, station,
      "a", { files = "1 elephant" })
    support.raises("bad argument #2 to 'follow'", station.follow, station,
      "a", { files = {} })
  end)
end)

describe("policy", function ()
  local from, to
  before_each(function ()
    from, to = support.station({}), support.station({})
    assert(from:publish_all("c", { { type = "a", n = 1 },
      { type = "bad", n = 2 }, { type = "a", n = 3 } }))
    assert(from:publish("c", { type = "a", n = 4 }))
  end)
  after_each(function ()
    from:close()
    to:close()
    support.clean()
  end)

  local function numbers()
    local list = {}
    for entry in to:list("c") do list[#list + 1] = entry.record.n end
    table.sort(list)
    return list
  end

  it("sees each record, and where it comes from", function ()
    local seen = {}
    to:policy({ admit = function (entry, source)
      assert.equal("c", entry.collection)
      assert.equal(from:id(), entry.author)
      assert.is_truthy(entry.id:find("^bafyrei"))
      assert.is_truthy(source:find("^carry:/.*%.car$"))
      seen[#seen + 1] = entry.record.n
      return "keep"
    end })
    local report = support.carry(from, to)
    table.sort(seen)
    assert.same({ 1, 2, 3, 4 }, seen)
    assert.equal(4, report.added)
    assert.equal(0, report.refused)
  end)

  it("drops a record, and the rest stays", function ()
    to:policy({ admit = function (entry)
      return entry.record.type == "bad" and "drop" or "keep"
    end })
    local report = support.carry(from, to)
    assert.equal(1, report.refused)
    assert.same({ 1, 3, 4 }, numbers())
  end)

  it("is asked again about what it refused, once that is wished", function ()
    to:policy({ admit = function (entry)
      return entry.record.type == "bad" and "drop" or "keep"
    end })
    support.carry(from, to)
    to:policy({ admit = function () return "keep" end })
    assert.equal(0, support.carry(from, to).added)
    support.run(to:rebuild())
    assert.equal(0, support.carry(from, to).added)
    assert.equal(0, #to:missing())
    support.run(to:rebuild({ refused = true }))
    assert.equal(1, #to:missing())
    assert.equal(1, support.carry(from, to).added)
    assert.same({ 1, 2, 3, 4 }, numbers())
    support.raises("refusals", function () to:rebuild({ refusals = true }) end)
  end)

  it("stops a whole parcel", function ()
    to:policy({ admit = function (entry)
      return entry.record.type == "bad" and "stop" or "keep"
    end })
    support.carry(from, to)
    assert.same({ 4 }, numbers())
  end)

  it("is cleared", function ()
    to:policy({ admit = function () return "drop" end })
    to:policy(nil)
    assert.equal(4, support.carry(from, to).added)
  end)

  it("may yield", function ()
    to:policy({ admit = function (entry)
      return coroutine.yield(entry.record.n)
    end })
    local path = support.folder() .. "/x.car"
    support.run(from:pack(path))
    local job = assert(to:unpack(path))
    local coro = coroutine.create(function () return job:run() end)
    local asked, _, value = {}, coroutine.resume(coro)
    while coroutine.status(coro) == "suspended" do
      asked[#asked + 1] = value
      _, value = assert(coroutine.resume(coro, value == 2 and "drop"
        or "keep"))
    end
    table.sort(asked)
    assert.same({ 1, 2, 3, 4 }, asked)
    assert.equal(1, value.refused)
    assert.same({ 1, 3, 4 }, numbers())
  end)

  it("that raises ends the job, and harms nothing", function ()
    to:policy({ admit = function () error("from the policy") end })
    local path = support.folder() .. "/x.car"
    support.run(from:pack(path))
    local job = assert(to:unpack(path))
    local ok, message = pcall(job.run, job)
    assert.is_false(ok)
    assert.is_truthy(tostring(message):find("from the policy", 1, true))
    job:close()
    assert.same({}, numbers())
    to:policy(nil)
    assert.equal(4, support.run(to:unpack(path)).added)
  end)

  it("that answers nonsense is told so", function ()
    for _, answer in ipairs({ "maybe", "", 7, true }) do
      to:policy({ admit = function () return answer end })
      local path = support.folder() .. "/x.car"
      support.run(from:pack(path))
      local job = assert(to:unpack(path))
      local ok, message = pcall(job.run, job)
      assert.is_false(ok)
      assert.is_string(message)
      job:close()
    end
    assert.same({}, numbers())
  end)

  it("is not asked about one's own", function ()
    to:policy({ admit = function () return "drop" end })
    local id = assert(to:publish("mine", { type = "a" }))
    assert.equal(id, to:get(id).id)
  end)

  it("refuses what is no policy", function ()
    for _, bad in ipairs({ 7, { admit = 7 }, { keep = print } }) do
      support.raises("bad argument #1 to 'policy'", function ()
        to:policy(bad)
      end)
    end
  end)
end)
