-- SPDX-License-Identifier: 0BSD
-- Synthetic records for the benches, the same each time: 6,000 random Arabic
-- words, Zipf-distributed; a title of 3 to 6 and a text of 20 to 35 of them.
-- As JSON one has about 496 bytes.
local records = {}

local letters = {}
for _, c in utf8.codes "ابتثجحخدذرزسشصضطظعغفقكلمنهوي" do
  letters[#letters + 1] = utf8.char(c)
end

-- mulberry32, so that any language can make the same data
local function generator(seed)
  local s = seed
  return function()
    s = (s + 0x6D2B79F5) & 0xffffffff
    local t = ((s ~ (s >> 15)) * (1 | s)) & 0xffffffff
    t = ((t + (((t ~ (t >> 7)) * (61 | t)) & 0xffffffff)) ~ t) & 0xffffffff
    return ((t ~ (t >> 14)) & 0xffffffff) / 4294967296
  end
end

--- An iterator over ${n} records, numbered from ${first} (default 1).
function records.iterator(n, first)
  local rnd = generator(0x9e3779b9)
  local words = {}
  for i = 1, 6000 do
    local w = rnd() < 0.4 and "ال" or ""
    for _ = 1, 2 + math.floor(rnd() * 5) do
      w = w .. letters[1 + math.floor(rnd() * #letters)]
    end
    words[i] = w
  end
  local log = math.log(#words)
  local function text(count)
    local t = {}
    for i = 1, count do
      local at = math.floor(math.exp(rnd() * log) - 1) + 1
      t[i] = words[math.min(#words, at)]
    end
    return table.concat(t, " ")
  end
  local i, last = (first or 1) - 1, (first or 1) - 1 + n
  return function()
    if i == last then return nil end
    i = i + 1
    return {
      type = "note",
      created = os.date("!%Y-%m-%dT%H:%M:%SZ", 1700000000 + i * 61),
      title = text(3 + math.floor(rnd() * 4)),
      text = text(20 + math.floor(rnd() * 16)),
    }
  end
end

return records
