-- SPDX-License-Identifier: 0BSD
-- Threats 10 and 9: strangers who have said who they are to nobody get little
-- for little, and hold a place for a bounded time.

local support = require "support"

describe("threat 10: before it knows the peer a station", function ()
  local station, other
  before_each(function ()
    station, other = support.station({}), support.station({})
    for i = 1, 50 do
      assert(station:publish("edu/c" .. i, { type = "a",
        text = support.noise(2000, i) :gsub("[^%w]", "x") }))
    end
    assert(other:follow("*"))
  end)
  after_each(function ()
    station:close()
    other:close()
    support.clean()
  end)

  it("says at most three times what it was told", function ()
    local guest = assert(other:session({ initiator = true }))
    local host = assert(station:session())
    local heard, said, met = 0, 0, false
    assert.equal("", assert(host:pull())) -- nothing unasked
    for _ = 1, 20 do
      local bytes = assert(guest:pull())
      for i = 1, #bytes do
        assert(host:feed(bytes:sub(i, i)))
        heard = heard + 1
        local answer = assert(host:pull())
        said = said + #answer
        -- The peer is known once its hello was good.
        met = met or host:status().peer ~= nil
        if met then break end
        assert.is_true(said <= 3 * heard,
          ("%d bytes said for %d"):format(said, heard))
        if answer ~= "" then assert(guest:feed(answer)) end
      end
      if met then break end
    end
    assert.is_true(met)
  end)

  it("tells a stranger's noise nothing", function ()
    for seed = 1, 200 do
      local host = assert(station:session())
      local noise, said = support.noise(4096, seed), 0
      local ok = host:feed(noise)
      for _ = 1, 3 do
        local bytes = host:pull()
        said = said + #(bytes or "")
        if not bytes then break end
      end
      assert.is_true(said <= 256, ("%d bytes for noise"):format(said))
      assert.is_true(not ok or host:status().state ~= "done")
      host:close()
    end
  end)
end)
