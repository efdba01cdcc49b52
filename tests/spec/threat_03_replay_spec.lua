-- SPDX-License-Identifier: 0BSD
-- Threats 3 and 4: an old stick, or a peer that keeps a withdrawal to itself,
-- brings back what was withdrawn.

local support = require "support"

local TIMES = 1000

describe("threat 3: an old stick after a withdrawal", function ()
  after_each(support.clean)

  it("never brings the record back, however often it comes", function ()
    local author, reader = support.station({}), support.station({})
    local dir = support.folder(true)
    local id = assert(author:publish("c", { type = "a", title = "gone",
      text = "unmistakable words" }))
    assert(author:publish("c", { type = "a", title = "stays" }))
    support.run(author:pack(dir .. "/old.car"))
    assert(author:withdraw(id))
    support.carry(author, reader)
    for i = 1, TIMES do
      local report = support.run(reader:unpack(dir .. "/old.car"))
      assert.equal(0, report.bad)
      assert.is_nil(reader:get(id), "after import " .. i)
      assert.is_nil(reader:block(id), "its block, after import " .. i)
    end
    assert.equal(0, #reader:find("unmistakable"))
    support.run(reader:rebuild())
    assert.is_nil(reader:get(id))
    assert.equal(0, #reader:find("unmistakable"))
    local left = {}
    for entry in reader:list("c") do left[#left + 1] = entry.record.title end
    assert.same({ "stays" }, { left[#left] })
    author:close()
    reader:close()
  end)
end)

describe("threat 3: a stranger's withdrawal", function ()
  after_each(support.clean)

  it("takes nothing back, whether it comes before or after", function ()
    local author, stranger = support.station({}), support.station({})
    local readers = { (support.station({})), (support.station({})) }
    local other = assert(author:publish("c", { type = "a", title = "x" }))
    assert(author:withdraw(other)) -- an author who does take things back
    local id = assert(author:publish("c", { type = "a", title = "stays" }))
    assert(stranger:publish("c", { type = "withdraw", about = id }))
    support.carry(stranger, readers[1])
    support.carry(author, readers[1])
    support.carry(author, readers[2])
    support.carry(stranger, readers[2])
    for i, reader in ipairs(readers) do
      assert.equal(id, assert(reader:get(id), "reader " .. i).id)
      support.run(reader:rebuild())
      assert.equal(id, assert(reader:get(id), "reader " .. i).id)
      reader:close()
    end
    author:close()
    stranger:close()
  end)
end)

-- A session between two stations, to its end.
local function sync(a, b)
  local to = assert(a:session({ initiator = true }))
  local from = assert(b:session())
  for _ = 1, 10000 do
    if to:finished() and from:finished() then
      assert.equal("done", to:status().state)
      assert.equal("done", from:status().state)
      return
    end
    for _, way in ipairs({ { to, from }, { from, to } }) do
      local bytes = assert(way[1]:pull())
      if bytes ~= "" then assert(way[2]:feed(bytes)) end
    end
  end
  error("the session never ends")
end

describe("threat 4: a peer that keeps a withdrawal to itself", function ()
  after_each(support.clean)

  it("is made good by the next honest one, in one session", function ()
    local author, honest = support.station({}), support.station({})
    local hostile, reader = support.station({}), support.station({})
    local id = assert(author:publish("c", { type = "a", title = "gone" }))
    sync(author, hostile)
    assert(author:withdraw(id))
    sync(author, honest)
    for i = 1, 5 do -- which serves the old state, as often as it likes
      sync(reader, hostile)
      assert.equal(id, reader:get(id).id, "round " .. i)
    end
    sync(reader, honest)
    assert.is_nil(reader:get(id))
    local stick = support.folder() .. "/old.car"
    support.run(hostile:pack(stick))
    support.run(reader:unpack(stick))
    assert.is_nil(reader:get(id))
    for _, one in ipairs({ author, honest, hostile, reader }) do one:close() end
  end)
end)
