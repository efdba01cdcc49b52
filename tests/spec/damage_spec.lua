-- SPDX-License-Identifier: 0BSD
-- Damaged carry files, each brought to a fresh station: what was not hit
-- arrives. (tests/fault/carry_damage_test.c damages every single byte.)
local mahatta = require "mahatta"
local support = require "support"

local RECORDS, PER_PARCEL = 60, 6

-- Little is left of the time when each fresh station waits for a disk.
local function quick_folder()
  if support.shell("test -w /dev/shm") == "" then
    local path, code = support.shell("mktemp -d /dev/shm/mahatta-XXXXXX")
    if code == nil or code == 0 then return (path:gsub("\n", "")) end
  end
  return support.folder()
end

-- ---- a CAR, section by section ----

local function varint(bytes, at)
  local value, shift = 0, 0
  repeat
    local byte = bytes:byte(at)
    value = value | (byte & 0x7f) << shift
    shift, at = shift + 7, at + 1
  until byte < 0x80
  return value, at
end

-- The sections from byte ${at} on: first, last (bytes, from 1), body (where
-- the block begins), codec, block. The header's length comes second.
local function sections_of(bytes, at)
  local list, header = {}, 0
  if not at then
    local size, from = varint(bytes, 1)
    header, at = from + size - 1, from + size
  end
  while at <= #bytes do
    local size, from = varint(bytes, at)
    list[#list + 1] = { first = at, last = from + size - 1, body = from + 36,
      codec = bytes:byte(from + 1),
      block = bytes:sub(from + 36, from + size - 1) }
    at = from + size
  end
  return list, header
end

-- What each section is, and what goes with it.
local function describe_sections(list)
  local listed_by = {}
  for _, s in ipairs(list) do
    local value = s.codec == 0x71 and mahatta.decode(s.block)
    if not value then
      s.kind, s.id = "file", mahatta.id(s.block)
    else
      s.id = mahatta.id(s.block, "dag-cbor")
      s.kind = value.kind == "parcel/1" and "parcel"
        or value.kind == "carry/1" and "manifest" or "record"
      local links = s.kind == "parcel" and value.records or {}
      for _, file in ipairs(value.files or {}) do
        links[#links + 1] = file.data
      end
      for _, link in ipairs(links) do listed_by[tostring(link)] = s end
    end
  end
  for _, s in ipairs(list) do s.by = listed_by[s.id] end
  return list
end

describe("a damaged carry file", function ()
  local dir, key, car, list, header, count

  -- 60 records of about 1 kB (or ${size}) in parcels of 6, and a file.
  local function make(name, size)
    local from = assert(mahatta.open(dir .. "/" .. name .. ".mahatta",
      { index = "later" }))
    local path = support.write(dir .. "/book", support.noise(3000, 5))
    for n = 1, RECORDS, PER_PARCEL do
      local batch = {}
      for i = n, n + PER_PARCEL - 1 do
        local text = support.noise(size or 450, i):gsub(".", function (c)
          return ("%02x"):format(c:byte())
        end)
        batch[#batch + 1] = { type = "lesson", title = "n" .. i, text = text,
          files = i == 1 and { { path = path } } or nil }
      end
      assert(from:publish_all("edu/a", batch, { time = 1000 + n }))
    end
    return from
  end

  setup(function ()
    dir = quick_folder()
    local from = make("from")
    key = dir .. "/from.mahatta.key"
    support.run(from:pack(dir .. "/x.car"))
    from:close()
    car = assert(support.read(dir .. "/x.car"))
    list, header = sections_of(car)
    describe_sections(list)
    count = 0
  end)
  teardown(function ()
    os.execute("rm -rf -- " .. support.quoted(dir)) -- made by mktemp
    support.clean()
  end)

  -- A fresh station's report on these bytes, and the set of what it holds.
  local function unpack(bytes, ending)
    count = count + 1
    local path = dir .. "/to" .. count .. (ending or ".car")
    local store = dir .. "/to.mahatta"
    support.write(path, bytes)
    local to <close> = assert(mahatta.open(store,
      { key = key, index = "later" }))
    local job, message, code = to:unpack(path)
    local report
    if job then report, message, code = job:run() end
    local have, n = {}, 0
    for entry in to:list("*") do
      have[entry.id], n = true, n + 1
    end
    local reader = to:reader(list[#list].id)
    if reader then
      have[list[#list].id] = reader:read() == list[#list].block
      reader:close()
    end
    os.remove(path)
    os.remove(store)
    return report, have, n, message, code
  end

  -- All is there but what was hit, and what only that lists.
  local function expect_rest(have, sections, hit, what)
    for _, s in ipairs(sections) do
      local lost = hit(s) or (s.by and hit(s.by))
        or (s.by and s.by.by and hit(s.by.by))
      if not lost and (s.kind == "record" or s.kind == "file") then
        assert.is_true(have[s.id], s.kind .. " lost: " .. what)
      end
    end
  end

  local function flip(bytes, at, mask)
    return bytes:sub(1, at - 1) .. string.char(bytes:byte(at) ~ mask)
      .. bytes:sub(at + 1)
  end

  local function try_flip(at, mask)
    local what = ("byte %d ~ %02x"):format(at, mask)
    local report, have, n, message = unpack(flip(car, at, mask))
    assert(report, what .. ": " .. tostring(message))
    local function hit(s) return s.first <= at and at <= s.last end
    expect_rest(have, list, hit, what)
    -- Not even a parcel's records: it stands twice.
    assert.is_true(n >= RECORDS - 1, what)
    assert.is_true(report.bad <= 2, what)
    -- A root in the header may be damaged unnoticed: nothing relies on it.
    assert.is_true(report.bad + report.unlisted > 0 or at <= header, what)
    assert.is_true(#report.faults >= math.min(report.bad, 1), what)
  end

  it("is what the test thinks it is", function ()
    local kinds = {}
    for _, s in ipairs(list) do
      kinds[s.kind] = (kinds[s.kind] or 0) + 1
    end
    assert.same({ manifest = 1, parcel = 2 * (RECORDS // PER_PARCEL),
      record = RECORDS, file = 1 }, kinds)
    assert.is_true(#car > 60000, #car)
    local report, have, n = unpack(car)
    assert.same({ 0, 0, 0 }, { report.bad, report.missing, report.unlisted })
    assert.equal(RECORDS, n)
    expect_rest(have, list, function () return false end, "whole")
  end)

  it("loses one block to a flipped byte", function ()
    for at = 1, 300 do try_flip(at, 1 << at % 8) end
    for at = 301, #car, 179 do try_flip(at, 1 << at % 7) end
    for at = 340, #car, 211 do try_flip(at, 0xff) end
  end)

  it("loses one block to a flipped byte of its head", function ()
    for i = 1, #list do
      local s = list[i]
      for at = s.first, s.body - 32, i % 4 == 1 and 1 or 3 do
        try_flip(at, 1 << (i + at) % 8)
      end
    end
  end)

  it("says what is missing after the loss of a record", function ()
    for i = 1, #list do
      local s = list[i]
      if s.kind == "record" and i % 5 == 0 then
        local report, have, n = unpack(flip(car, s.last, 1))
        assert.equal(RECORDS - 1, n)
        assert.is_nil(have[s.id])
        assert.same({ 1, 1 }, { report.bad, report.missing })
        assert.is_truthy(report.faults[1]:find(s.id, 1, true))
      end
    end
  end)

  it("that is cut gives all that stands before the cut", function ()
    for n = 0, #car - 1, #car // 200 do
      local report, have, held, message, code = unpack(car:sub(1, n))
      local whole = 0
      for _, s in ipairs(list) do
        if s.last <= n then
          whole = whole + 1
          if s.kind == "record" then
            assert.is_true(have[s.id], "cut at " .. n)
          end
        end
      end
      if whole == 0 then
        assert.is_nil(report)
        assert.equal("EINVALID", code)
        assert.is_string(message)
      else
        assert.is_true(report.bad <= 1)
      end
      assert.is_true(held <= whole)
    end
  end)

  it("loses just what lies in sectors of zeros", function ()
    for from = 1, #car, 512 * 4 do
      local to = math.min(from + 511, #car)
      local report, have = unpack(car:sub(1, from - 1)
        .. ("\0"):rep(to - from + 1) .. car:sub(to + 1))
      expect_rest(have, list, function (s)
        return s.first <= to and from <= s.last
      end, "zeros from " .. from)
      assert.is_true(report.bad >= 1)
    end
  end)

  it("loses just what lies in sectors of noise", function ()
    for from = 513, #car, 512 * 5 do
      local to = math.min(from + 1023, #car)
      local report, have = unpack(car:sub(1, from - 1)
        .. support.noise(to - from + 1, from) .. car:sub(to + 1))
      expect_rest(have, list, function (s)
        return s.first <= to and from <= s.last
      end, "noise from " .. from)
      assert.is_true(report.bad >= 1)
    end
  end)

  local function joined(order)
    local parts = { car:sub(1, header) }
    for _, s in ipairs(order) do
      parts[#parts + 1] = car:sub(s.first, s.last)
    end
    return table.concat(parts)
  end

  it("with blocks in another order loses nothing", function ()
    local function try(what, a, b)
      local order = table.move(list, 1, #list, 1, {})
      order[a], order[b] = order[b], order[a]
      local report, have, n = unpack(joined(order))
      assert.equal(RECORDS, n, what)
      assert.same({ 0, 0 }, { report.bad, report.missing }, what)
      expect_rest(have, list, function () return false end, what)
    end
    local parcels = {}
    for i, s in ipairs(list) do
      if s.kind == "parcel" then parcels[#parcels + 1] = i end
    end
    try("records of one parcel", parcels[1] + 1, parcels[1] + 3)
    try("records of two parcels", parcels[1] + 1, parcels[2] + 1)
    try("parcel and its record", parcels[3], parcels[3] + 2)
    try("two parcels", parcels[1], parcels[4])
    try("parcel and the file", parcels[10], #list)
    try("manifest and the last", 1, #list)
    local order = {}
    for i = #list, 1, -1 do order[#order + 1] = list[i] end
    local _, have, n = unpack(joined(order))
    assert.equal(RECORDS, n)
    expect_rest(have, list, function () return false end, "backwards")
  end)

  it("with each block twice stores it once", function ()
    local twice = {}
    for _, s in ipairs(list) do
      twice[#twice + 1] = s
      twice[#twice + 1] = s
    end
    local bytes = joined(twice)
    local whole = unpack(car)
    for _, doubled in ipairs({ bytes, car .. car:sub(header + 1) }) do
      local report, have, n = unpack(doubled)
      assert.equal(RECORDS, n)
      assert.same({ whole.added, whole.parcels, whole.files, whole.bytes },
        { report.added, report.parcels, report.files, report.bytes })
      assert.same({ 0, 0, 0 },
        { report.bad, report.missing, report.unlisted })
      expect_rest(have, list, function () return false end, "twice")
    end
  end)

  it("between whole carry files and rubbish gives all", function ()
    local rubbish = support.noise(700, 99)
    local report, _, n = unpack(car .. rubbish .. car)
    assert.equal(RECORDS, n)
    assert.is_true(report.bad >= 1)
    report, _, n = unpack(rubbish .. car)
    assert.equal(RECORDS, n)
    assert.is_true(report.bad >= 1)
  end)

  describe("when compressed", function ()
    local packed, frames, inside

    setup(function ()
      local from = make("large", 7500)
      support.run(from:pack(dir .. "/large.car.zst", { level = 1 }))
      from:close()
      packed = assert(support.read(dir .. "/large.car.zst"))
      frames = {}
      local at = 1
      while at do
        local next_at = packed:find("\x28\xb5\x2f\xfd", at + 1, true)
        frames[#frames + 1] = { first = at,
          last = (next_at or #packed + 1) - 1 }
        at = next_at
      end
      inside = {}
      for _, f in ipairs(frames) do
        support.write(dir .. "/one.zst", packed:sub(f.first, f.last))
        local text, code = support.shell("zstd -q -d -f "
          .. support.quoted(dir .. "/one.zst"))
        assert(code == nil or code == 0, text)
        local raw = assert(support.read(dir .. "/one"))
        for _, s in ipairs((sections_of(raw, f.first > 1 and 1 or nil))) do
          s.frame = f
          inside[#inside + 1] = s
        end
      end
      describe_sections(inside)
    end)

    it("lies in several frames of whole sections", function ()
      assert.is_true(#frames >= 4, #frames)
      local report, have, n = unpack(packed, ".car.zst")
      assert.equal(RECORDS, n)
      assert.same({ 0, 0 }, { report.bad, report.missing })
      expect_rest(have, inside, function () return false end, "whole")
    end)

    local function try(bytes, at, what)
      local report, have, n, message = unpack(bytes, ".car.zst")
      assert(report, what .. ": " .. tostring(message))
      expect_rest(have, inside, function (s)
        return s.frame.first <= at and at <= s.frame.last
      end, what)
      -- Some bits of a frame's head mean nothing to what is in it (the size
      -- of the window): then nothing is lost and nothing to report.
      if n < RECORDS then
        assert.is_true(report.bad >= 1, what)
        assert.is_true(#report.faults >= 1, what)
      end
      assert.is_true(n > 0, what)
    end

    it("loses one frame to a flipped byte", function ()
      for _, f in ipairs(frames) do
        for at = f.first, math.min(f.first + 12, f.last) do
          try(flip(packed, at, 1 << at % 8), at, "frame head " .. at)
        end
        for at = f.first + 13, f.last, (f.last - f.first) // 12 do
          try(flip(packed, at, 1 << at % 8), at, "frame " .. at)
        end
        try(flip(packed, f.last, 0x80), f.last, "frame end " .. f.last)
      end
    end)

    it("that is cut gives the frames before the cut", function ()
      for n = #packed // 40, #packed - 1, #packed // 40 do
        local _, have = unpack(packed:sub(1, n), ".car.zst")
        expect_rest(have, inside, function (s)
          return s.frame.last > n
        end, "cut at " .. n)
      end
    end)
  end)
end)
