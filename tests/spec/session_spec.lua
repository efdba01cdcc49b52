-- SPDX-License-Identifier: 0BSD
local support = require "support"

local function note(title)
  return { type = "note", title = title, text = title }
end

-- Feed and pull until both are over; ${each} is called after each turn.
local function talk(a, b, each)
  for _ = 1, 10000 do
    if a:finished() and b:finished() then return end
    for _, way in ipairs({ { a, b }, { b, a } }) do
      local bytes = assert(way[1]:pull())
      if bytes ~= "" then assert(way[2]:feed(bytes)) end
    end
    if each then each() end
  end
  error("the session never ends")
end

local function titles(station)
  local found = {}
  for entry in station:list("*") do found[#found + 1] = entry.record.title end
  table.sort(found)
  return found
end

describe("a session", function ()
  local a, b
  before_each(function ()
    a, b = support.station({}), support.station({})
  end)
  after_each(function ()
    a:close()
    b:close()
    support.clean()
  end)

  local function sync(options)
    local to = assert(b:session({ initiator = true }))
    local from = assert(a:session(options))
    talk(to, from)
    return to:status(), from:status()
  end

  it("brings to each what the other has", function ()
    assert(a:publish("edu/physics", note("one")))
    assert(b:publish("news", note("two")))
    local s = sync()
    assert.equal("done", s.state)
    assert.equal(a:id(), s.peer)
    assert.same({ "one", "two" }, titles(a))
    assert.same({ "one", "two" }, titles(b))
    assert.same({ 1, 1 }, s.parcels)
    assert.equal(1, s.sent.parcels)
  end)

  it("brings what is followed, and no other name", function ()
    assert(a:publish("edu/physics", note("one")))
    assert(a:publish("secret", note("two")))
    assert(b:follow("edu/*"))
    assert(a:follow("edu/physics"))
    sync()
    assert.same({ "one" }, titles(b))
    assert.same({ { name = "edu/physics", parcels = 1 } }, b:collections())
  end)

  it("of a quiet station brings what is known by name", function ()
    assert(a:publish("edu/physics", note("one")))
    assert(a:publish("edu/maths", note("two")))
    assert(a:follow("none"))
    assert(b:follow("edu/*"))
    sync({ quiet = true })
    assert.same({}, titles(b))
    assert(b:follow("edu/maths"))
    sync({ quiet = true })
    assert.same({ "two" }, titles(b))
  end)

  it("fetches files by the follow rules", function ()
    local path = support.folder(true) .. "/file"
    support.write(path, ("x"):rep(300000))
    assert(a:publish("f", { type = "note", title = "t",
      files = { { path = path } } }))
    assert(b:follow("f", { files = "none" }))
    sync()
    assert.equal(1, #assert(b:missing()))
    assert(b:follow("f", { files = "10M" }))
    sync()
    assert.same({}, assert(b:missing()))
  end)

  it("asks the policy what to keep, and may wait for it", function ()
    assert(a:publish_all("c", { note("good"), note("bad") }))
    local asked = {}
    b:policy({ admit = function (entry, from)
      asked[#asked + 1] = from
      coroutine.yield("thinking")
      return entry.record.title == "bad" and "drop" or "keep"
    end })
    local to = assert(b:session({ initiator = true }))
    local from = assert(a:session())
    local yields = 0
    local run = coroutine.wrap(function () talk(to, from) return "over" end)
    while run() ~= "over" do yields = yields + 1 end
    assert.equal(2, yields)
    assert.same({ "session:" .. a:id(), "session:" .. a:id() }, asked)
    assert.same({ "good" }, titles(b))
    assert.equal(1, to:status().refused)
  end)

  it("asks again after a policy that raised", function ()
    assert(a:publish("c", note("one")))
    local first = true
    b:policy({ admit = function ()
      if first then
        first = false
        error("not now")
      end
      return "keep"
    end })
    local to = assert(b:session({ initiator = true }))
    local from = assert(a:session())
    local ok, why = pcall(talk, to, from)
    assert.is_false(ok)
    assert.truthy(tostring(why):find("not now", 1, true))
    assert(to:feed(""))
    talk(to, from)
    assert.same({ "one" }, titles(b))
  end)

  it("keeps from a peer what the policy does not serve", function ()
    assert(a:publish("open", note("one")))
    assert(a:publish("kept", note("two")))
    a:policy({ serve = function (collection, peer)
      assert.equal(b:id(), peer)
      return collection ~= "kept"
    end })
    sync()
    assert.same({ "one" }, titles(b))
  end)

  it("sends in the policy's order, withdrawals first", function ()
    for i = 1, 3 do assert(a:publish("c" .. i, note("n" .. i))) end
    local wrong = assert(a:publish("c1", note("wrong")))
    sync()
    for i = 1, 3 do assert(a:publish("c" .. i, note("new" .. i))) end
    assert(a:withdraw(wrong))
    a:policy({ order = function (collection)
      return -tonumber(collection:sub(2))
    end })
    local came = {}
    b:policy({ admit = function (entry)
      came[#came + 1] = entry.record.title or entry.record.type
      return "keep"
    end })
    sync()
    assert.same({ "withdraw", "new3", "new2", "new1" }, came)
  end)

  it("that is cut keeps what came, and the next goes on", function ()
    for i = 1, 50 do assert(a:publish("c", note("n" .. i))) end
    local to = assert(b:session({ initiator = true }))
    local from = assert(a:session())
    for _ = 1, 8 do
      local up = assert(to:pull())
      if up ~= "" then assert(from:feed(up)) end
      local down = assert(from:pull(700))
      if down ~= "" then assert(to:feed(down)) end
    end
    local ended, message, code = to:ended()
    assert.is_nil(ended)
    assert.equal("ECLOSED", code)
    assert.is_string(message)
    to:close()
    from:close()
    local s = sync()
    assert.equal("done", s.state)
    assert.equal(50, #titles(b))
  end)

  it("fails for strangers' bytes, and says why", function ()
    local from = assert(a:session())
    local fed, message, code = from:feed(("\0\32"):rep(100))
    assert.is_nil(fed)
    assert.is_string(message)
    assert.is_string(code)
    assert.is_true(from:finished())
    assert.equal("failed", from:status().state)
    assert.equal(message, from:status().error)
  end)

  it("ends with its station", function ()
    local to = assert(b:session({ initiator = true }))
    b:close()
    local bytes, _, code = to:pull()
    assert.is_nil(bytes)
    assert.equal("ECLOSED", code)
    to:close()
    to:close()
    assert.has_error(function () to:pull() end)
    assert.truthy(tostring(to):find("closed", 1, true))
  end)
end)
