-- SPDX-License-Identifier: 0BSD
-- Sessions whose bytes come in any portions, and whose two sides are fed and
-- pulled in any order.
local support = require "support"

describe("a session", function ()
  after_each(support.clean)

  local function filled(names, n, with_file)
    local station, dir = support.station({}, support.folder(true))
    station:follow("*")
    for i = 1, n do
      assert(station:publish(names[i % #names + 1], { type = "note",
        title = tostring(i) .. station:id() }))
    end
    if with_file then
      local path = support.write(dir .. "/f", support.noise(100000, n + 1))
      assert(station:publish(names[1], { type = "note", title = "file",
        files = { { path = path } } }))
    end
    return station
  end

  -- Move bytes by chance until both are through.
  local function shuffle(a, b, random)
    local sides = { { a, "" }, { b, "" } } -- and what waits for each
    for _ = 1, 20000 do
      if a:finished() and b:finished() then return true end
      local to = random(2)
      local from, at = sides[3 - to][1], sides[to]
      if random(2) == 1 then
        at[2] = at[2] .. assert(from:pull(random(2) == 1 and 65536 or 90))
      elseif at[2] ~= "" then
        local n = random(3) == 1 and random(#at[2]) or #at[2]
        assert(at[1]:feed(at[2]:sub(1, n)))
        at[2] = at[2]:sub(n + 1)
      end
    end
  end

  it("comes to its end in any order", function ()
    for seed = 1, 60 do
      local state = seed * 7919
      local function random(n)
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        return (state >> 12) % n + 1
      end
      local a = filled({ "x", "y/z" }, seed % 4, seed % 5 == 0)
      local b = filled({ "y/z", "w" }, seed // 4 % 4, seed % 7 == 0)
      local one, other = a:session({ initiator = true }), b:session()
      assert.is_true(shuffle(one, other, random), seed)
      assert.equal("done", one:status().state)
      assert.equal("done", other:status().state)
      one:close()
      other:close()
      assert.same(a:collections(), b:collections(), seed)
      assert.same({}, a:missing())
      assert.same({}, b:missing())
      a:close()
      b:close()
    end
  end)
end)
