-- SPDX-License-Identifier: 0BSD
local json = require "dkjson"
local lfs = require "lfs"
local spool = require "mahatta.site.spool"
local support = require "support"
local web = require "site_support"

describe("a paired page", function ()
  local site, now
  before_each(function ()
    now = 1700000000
    site = web.open({ clock = function () return now end })
    site:pair()
  end)
  after_each(function ()
    site:close()
    support.clean()
  end)

  local function publish(record, files, kept, collection)
    return site:job("/api/1/publish", { collection = collection or "a/b",
      record = record, files = files, kept = kept })
  end

  local function in_spool()
    local names = {}
    for name in lfs.dir(site.dir .. "/spool") do
      if name ~= "." and name ~= ".." then names[#names + 1] = name end
    end
    return names
  end

  it("publishes with files in pieces, and gets them back", function ()
    local bytes = support.noise(2500000, 9)
    local told = site:send("POST", "/api/1/upload", { name = "noise.bin" })
    local at = 0
    while at < #bytes do
      local piece = bytes:sub(at + 1, at + 1024 * 1024)
      told.size = site:send("PUT", ("/api/1/upload/%s?at=%d"):format(
        told.upload, at), piece).size
      at = at + #piece
      assert.equal(at, told.size)
    end
    local result = assert(publish({ type = "dataset", title = "عنوان",
      lang = "ar", license = "CC0-1.0", tags = { "x" } },
      { { upload = told.upload, name = "noise.bin" } }))
    local entry = site.station:get(result.id)
    assert.equal("عنوان", entry.record.title)
    assert.equal(2500000, entry.record.files[1].size)
    assert.is_true(site:file("/f/" .. result.id .. "/1/noise.bin") == bytes)
    assert.same({}, in_spool())
  end)

  it("goes on with an upload where it was cut", function ()
    local told = site:send("POST", "/api/1/upload", { name = "x" })
    local path = "/api/1/upload/" .. told.upload .. "?at="
    site:send("PUT", path .. "0", "abc")
    local _
    local again, response = site:send("PUT", path .. "0", "abc")
    assert.equal(409, response.status)
    assert.equal(3, again.size)
    assert.equal(6, site:send("PUT", path .. "3", "def").size)
    _, response = site:send("PUT", "/api/1/upload/" .. ("0"):rep(32)
      .. "?at=0", "x")
    assert.equal(404, response.status)
    _, response = site:send("PUT", "/api/1/upload/..%2f..%2fx?at=0", "x")
    assert.equal(404, response.status)
    site:send("DELETE", "/api/1/upload/" .. told.upload)
    assert.same({}, in_spool())
  end)

  it("publishes a new version that keeps files, and withdraws", function ()
    local first = assert(publish({ type = "lesson", title = "one",
      key = "k" }, { { upload = site:upload("a.txt", "aaa") } }))
    local entry = json.decode((site:get("/api/1/record/" .. first.id)))
    now = now + 5
    local second = assert(publish({ type = "lesson", title = "two",
      key = "k" }, { { upload = site:upload("b.txt", "bbb") } },
      entry.record.files))
    local record = site.station:get(second.id).record
    assert.equal(2, #record.files)
    assert.equal("aaa", site:file("/f/" .. second.id .. "/2/a.txt"))
    assert.equal(2, #site.station:history(second.id))
    local told = site:send("POST", "/api/1/withdraw", { id = second.id,
      reason = "wrong" })
    assert.is_string(told.id)
    assert.is_nil(site.station:get(second.id))
    assert.equal(404, select(2, site:file("/f/" .. first.id .. "/1/a")).status)
  end)

  it("keeps of a version what the form does not show", function ()
    local first = assert(site.station:publish("a/b", { type = "lesson",
      key = "k", title = { ar = "واحد", en = "one" }, grade = 6,
      created = "2020-01-01", tags = { "t" } }))
    now = now + 5
    local second = assert(site:job("/api/1/publish", { collection = "a/b",
      edit = first, record = { type = "lesson", title = { ar = "اثنان",
        en = "one" } } })).id
    local entry = site.station:get(second)
    assert.same({ ar = "اثنان", en = "one" }, entry.record.title)
    assert.equal(6, entry.record.grade)
    assert.equal("2020-01-01", entry.record.created)
    assert.equal("k", entry.record.key)
    assert.is_nil(entry.record.tags) -- the form has them, and they were empty
    assert.equal(2, #site.station:history(second))
    local keyless = assert(site.station:publish("a/b", { type = "lesson",
      title = "no key" }))
    local after = assert(site:job("/api/1/publish", { collection = "a/b",
      edit = keyless, record = { type = "update", title = "next" } })).id
    assert.equal(keyless, tostring(site.station:get(after).record.about))
    assert.is_truthy(site:get("/en/r/" .. keyless):find(after, 1, true))
    local fresh = assert(publish({ type = "lesson", title = "new" })).id
    assert.equal(32, #site.station:get(fresh).record.key)
    local other <close> = support.station({
      clock = function () return now end })
    local foreign = assert(other:publish("a/b", { type = "x", title = "f" }))
    support.carry(other, site.station)
    for _, edit in ipairs({ foreign, "x", 3, { "x" } }) do
      local _, fault = site:job("/api/1/publish", { collection = "a/b",
        edit = edit, record = { type = "lesson", title = "t" } })
      assert.equal("EINVALID", fault.code)
    end
  end)

  it("is told what is wrong, and nothing is published then", function ()
    for _, bad in ipairs({ { type = "withdraw" }, { type = "label" }, {},
        { type = 3 }, { type = "x", title = 3 }, { type = "x", files = {} },
        { type = "x", evil = "y" }, { type = "x", tags = "t" } }) do
      local result, fault, response = publish(bad)
      assert.is_nil(result)
      assert.equal(400, response.status)
      assert.equal("EINVALID", fault.code)
    end
    local _, fault = publish({ type = "x", title = ("t"):rep(5000) })
    assert.equal("ELIMIT", fault.code)
    _, fault = publish({ type = "x", title = "t" }, nil, nil, "bad name\n")
    assert.equal("EINVALID", fault.code)
    _, fault = publish({ type = "x", title = "t" }, { { upload = "x" } })
    assert.equal("EINVALID", fault.code)
    _, fault = publish({ type = "x", title = "t" }, nil, { { name = "n" } })
    assert.equal("EINVALID", fault.code)
    for _, value in ipairs({ "[]x", "nope", "" }) do
      local response = site.site:site(web.request("POST", "/api/1/publish", {
        origin = "http://" .. web.HOST, ["content-type"] = "application/json",
        ["x-station-token"] = site.token }, value))
      assert.equal(400, response.status)
    end
    assert.equal(0, #site.station:collections())
    assert.same({}, site.faults)
  end)

  it("may label, and says so only of what is here", function ()
    local id = assert(publish({ type = "news", title = "n" })).id
    assert.is_string(site:send("POST", "/api/1/label", { id = id,
      value = "rumour" }).id)
    assert.equal("rumour", site.station:labels(id)[1].value)
    now = now + 5
    site:send("POST", "/api/1/label", { id = id, value = "rumour",
      negated = true })
    assert.equal(0, #site.station:labels(id))
    local _, response = site:send("POST", "/api/1/label", { id = "x",
      value = "y" })
    assert.equal(400, response.status)
  end)

  it("keeps drafts, for itself alone", function ()
    local saved = site:send("PUT", "/api/1/draft",
      { draft = { record = { title = "later" } } })
    local headers = { ["x-station-token"] = site.token }
    local function drafts()
      return json.decode((site:get("/api/1/drafts", headers))).items
    end
    assert.equal("later", drafts()[1].draft.record.title)
    site:send("PUT", "/api/1/draft", { id = saved.id,
      draft = { record = { title = "now" } } })
    assert.equal(1, #drafts())
    assert.equal("now", drafts()[1].draft.record.title)
    local _, response = site:get("/api/1/drafts")
    assert.equal(403, response.status)
    site:send("DELETE", "/api/1/draft/" .. saved.id)
    assert.equal(0, #drafts())
    _, response = site:send("PUT", "/api/1/draft", { id = "../x",
      draft = {} })
    assert.equal(404, response.status)
    site:send("POST", "/api/1/lock", {})
    _, response = site:get("/api/1/drafts", headers)
    assert.equal(403, response.status)
  end)

  it("takes a carry file in, and answers a slip with one", function ()
    local other <close> = support.station({
      clock = function () return now end })
    assert(other:publish("far/away", { type = "idea", title = "far" }))
    local dir = support.folder()
    support.run(other:pack(dir .. "/x.car.zst"))
    local result = assert(site:job("/api/1/unpack",
      { upload = site:upload("x.car.zst", support.read(dir
        .. "/x.car.zst")) }))
    assert.equal(1, result.added)
    assert(publish({ type = "idea", title = "near" }))
    assert(other:slip(dir .. "/o.slip"))
    local packed = assert(site:job("/api/1/pack",
      { upload = site:upload("o.slip", support.read(dir .. "/o.slip")) }))
    assert.equal(1, packed.records)
    assert.is_nil(packed.path)
    local _
    local bytes, response = site:get(packed.link .. "/o.car.zst")
    assert.equal(200, response.status)
    local report = support.run(other:unpack(support.write(dir
      .. "/back.car.zst", bytes)))
    assert.equal(1, report.added)
    now = now + spool.READY_S
    _, response = site:get(packed.link .. "/o.car.zst")
    assert.equal(404, response.status)
    assert.same({}, in_spool())
    site:pair() -- half an hour later the token is too old
    local fault
    _, fault = site:job("/api/1/pack",
      { upload = site:upload("bad.slip", "no slip") })
    assert.is_string(fault.code)
  end)

  it("may not start more than there is room for", function ()
    local told
    for _ = 1, spool.UPLOADS do
      told = site:send("POST", "/api/1/upload", { name = "x" })
      assert.is_string(told.upload)
    end
    local _, response = site:send("POST", "/api/1/upload", { name = "x" })
    assert.equal(400, response.status)
    for _ = 1, spool.JOBS do
      _, response = site:send("POST", "/api/1/publish",
        { collection = "a/b", record = { type = "x", title = "t" } })
      assert.equal(202, response.status)
    end
    _, response = site:send("POST", "/api/1/publish",
      { collection = "a/b", record = { type = "x", title = "t" } })
    assert.equal(503, response.status)
    now = now + spool.JOB_IDLE_S
    _, response = site:send("POST", "/api/1/publish", -- the idle ones are gone
      { collection = "a/b", record = { type = "x", title = "t" } })
    assert.equal(202, response.status)
  end)

  it("makes carry files for anybody, one at a time", function ()
    assert(publish({ type = "idea", title = "near" }))
    local response = site.site:site(web.request("GET",
      "/take/carry.car.zst?c=a/*&files=none"))
    assert.equal(200, response.status)
    local busy = site.site:site(web.request("GET", "/take/carry.car.zst"))
    assert.equal(503, busy.status)
    assert.equal("30", busy.headers["retry-after"])
    local other <close> = support.station({
      clock = function () return now end })
    local report = support.run(other:unpack(support.write(support.folder()
      .. "/c.car.zst", web.body(response))))
    assert.equal(1, report.added)
    assert.same({}, in_spool())
    local again = site.site:site(web.request("GET", "/take/carry.car.zst"))
    assert.equal(200, again.status)
    again.body.close() -- the reader went away
    assert.same({}, in_spool())
    assert.is_nil(next(site.site.carries))
    local slip, slipped = site:get("/take/station.slip")
    assert.equal(200, slipped.status)
    assert.is_true(#slip > 0)
    assert.equal(slip, (site:get("/take/station.slip")))
  end)

  -- Ask for a carry file from there; made until its first byte.
  local function carry_for(address)
    local request = web.request("GET", "/take/carry.car.zst")
    request.address = address
    local response = site.site:site(request)
    if response.status ~= 200 then return nil, response.status end
    repeat local bytes = assert(response.body.read()) until bytes ~= ""
    return response.body
  end

  it("makes carry files while slow readers take theirs", function ()
    assert(publish({ type = "idea", title = "near" }))
    local slow = assert(carry_for("10.0.0.9"))
    local none, status = carry_for("10.0.0.9") -- one for each
    assert.is_nil(none)
    assert.equal(503, status)
    local held = { assert(carry_for("10.0.0.2")) }
    held[2] = assert(carry_for("127.0.0.1"))
    held[3] = assert(carry_for("127.0.0.1")) -- two behind a proxy
    assert.equal(4, #in_spool())
    none, status = carry_for("10.0.0.3")
    assert.is_nil(none)
    assert.equal(503, status)
    held[1].close()
    held[1] = assert(carry_for("10.0.0.3"))
    slow.close()
    slow = assert(carry_for("10.0.0.9"))
    slow.close()
    for _, body in ipairs(held) do body.close() end
    assert.same({}, in_spool())
    assert.is_nil(next(site.site.carries))
  end)

  it("waits a minute for who has a carry file made and goes", function ()
    assert(publish({ type = "idea", title = "near" }))
    local gone = site.site:site(web.request("GET", "/take/carry.car.zst"))
    now = now + 59
    assert.is_nil((carry_for("10.0.0.2")))
    now = now + 1
    local body = assert(carry_for("10.0.0.2"))
    gone.body.close()
    body.close()
    assert.same({}, in_spool())
  end)
end)
