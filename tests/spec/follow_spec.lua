-- SPDX-License-Identifier: 0BSD
-- What follow rules steer: which files are stored, what the next slip asks
-- for, what a courier brings then. And what comes late.
local mahatta = require "mahatta"
local support = require "support"

local MIB = 1024 * 1024

describe("follow rules", function ()
  local from, to, dir, trip
  before_each(function ()
    from, to = support.station({}), support.station({})
    dir, trip = support.folder(), 0
  end)
  after_each(function ()
    from:close()
    to:close()
    support.clean()
  end)

  local function publish(collection, n, size)
    local path = support.write(("%s/f%d"):format(dir, n),
      support.noise(size, n))
    return assert(from:publish(collection, { type = "lesson",
      title = "lesson " .. n, files = { { path = path } } },
      { time = 1000 + n }))
  end

  -- By slip and carry file: what was packed, what was taken.
  local function travel(options)
    trip = trip + 1
    local slip, car = dir .. "/x.slip", ("%s/%d.car"):format(dir, trip)
    assert(to:slip(slip))
    options = options or {}
    options.slip = slip
    local packed = support.run(from:pack(car, options))
    return packed, support.run(to:unpack(car)), car
  end

  -- Both show the same, and would after a rebuild.
  local function alike()
    local function shown(station)
      local lines = {}
      for entry in station:list("*") do
        lines[#lines + 1] = table.concat({ entry.collection, entry.time,
          entry.id, entry.author, entry.parcel }, " ")
      end
      table.sort(lines)
      return lines
    end
    assert.same(shown(from), shown(to))
    local digest = to:digest()
    support.run(to:rebuild())
    assert.equal(digest, to:digest())
  end

  -- A slip as its maker wrote it.
  local function slip_wishes()
    assert(to:slip(dir .. "/look.slip"))
    return assert(mahatta.decode(support.read(dir .. "/look.slip"))).wishes
  end

  local function has_file(id)
    return to:export(id, support.folder()) ~= nil
  end

  it("of files = \"none\" bring records alone", function ()
    local id = publish("edu/a", 1, 3000)
    assert(to:follow("edu/*", { files = "none" }))
    local packed, report = travel()
    assert.same({ 1, 1, 0 }, { packed.parcels, packed.records, packed.files })
    assert.same({ 1, 0, 0 }, { report.added, report.files, report.missing })
    assert.is_false(has_file(id))
    assert.same({}, slip_wishes()[1].want)
    assert.equal(0, slip_wishes()[1].files)
    -- Also from a carry file that holds it.
    local all = dir .. "/all.car"
    support.run(from:pack(all))
    report = support.run(to:unpack(all))
    assert.same({ 0, 1 }, { report.files, report.unlisted })
    assert.equal(0, to:stats().file_blocks)
  end)

  it("of files = \"10M\" draw the line there", function ()
    local small = publish("edu/a", 1, 10 * MIB)
    local large = publish("edu/a", 2, 10 * MIB + 1)
    assert(to:follow("edu/*", { files = "10M" }))
    local packed, report = travel()
    assert.same({ 2, 1 }, { packed.records, packed.files })
    assert.same({ 2, 0 }, { report.added, report.missing })
    assert.is_true(has_file(small))
    assert.is_false(has_file(large))
    assert.equal(10 * MIB, slip_wishes()[1].files)
    packed, report = travel()
    assert.same({ 0, 0, 0 },
      { packed.parcels, packed.records, packed.files })
    assert.same({ 0, 0 }, { report.added, report.files })
  end)

  it("that grow have the next slip ask for the files", function ()
    local id = publish("edu/a", 1, 2000)
    assert(to:follow("edu/*", { files = 1999 }))
    travel()
    assert.is_false(has_file(id))
    assert.equal(0, #slip_wishes()[1].want)
    assert(to:follow("edu/*", { files = 2000 }))
    local wish = slip_wishes()[1]
    assert.equal(1, #wish.want)
    assert.equal(from:get(id).record.files[1].data, wish.want[1])
    local packed, report = travel()
    assert.same({ 0, 0, 1 },
      { packed.parcels, packed.records, packed.files })
    assert.same({ 0, 1, 0 },
      { report.added, report.files, report.missing })
    assert.is_true(has_file(id))
    assert.equal(0, #slip_wishes()[1].want)
  end)

  it("differ by collection, and the more generous one counts", function ()
    local a, b = publish("edu/a", 1, 5000), publish("edu/b", 2, 5000)
    assert(to:follow("edu/*", { files = "none" }))
    assert(to:follow("edu/b", { files = "1M" }))
    travel()
    assert.is_false(has_file(a))
    assert.is_true(has_file(b))
  end)

  it("are obeyed to the block: just the lack is packed", function ()
    for n = 1, 6 do publish("edu/a", n, 3000) end
    for n = 7, 9 do publish("news", n, 3000) end
    assert(to:follow("edu/a"))
    -- A manifest; 6 parcels, records and files.
    local packed = travel()
    assert.same({ 19, 6, 6, 6 }, { packed.blocks, packed.parcels,
      packed.records, packed.files })
    packed = travel()
    assert.same({ 1, 0, 0, 0 }, { packed.blocks, packed.parcels,
      packed.records, packed.files })
    publish("edu/a", 10, 3000)
    publish("edu/a", 11, 3 * MIB)
    packed = travel() -- the large one: a node and three leaves
    assert.same({ 1 + 2 + 2 + 1 + 4, 2, 2, 2 }, { packed.blocks,
      packed.parcels, packed.records, packed.files })
    local report
    packed, report = travel()
    assert.equal(1, packed.blocks)
    assert.same({ 0, 0, 0, 0 }, { report.added, report.files, report.bad,
      report.missing })
  end)

  it("are met from the other side, too", function ()
    publish("edu/a", 1, 3000)
    assert(to:publish("edu/a", { type = "answer", title = "from afar" }))
    assert(to:follow("*"))
    assert(from:follow("*"))
    travel()
    local slip, car = dir .. "/back.slip", dir .. "/back.car"
    assert(from:slip(slip))
    local packed = support.run(to:pack(car, { slip = slip }))
    assert.same({ 3, 1, 1, 0 }, { packed.blocks, packed.parcels,
      packed.records, packed.files })
    assert.equal(1, support.run(from:unpack(car)).added)
    alike()
    assert(from:slip(slip))
    os.remove(car)
    assert.equal(1, support.run(to:pack(car, { slip = slip })).blocks)
  end)

  -- ---- what comes late ----

  -- ${car} without the block that holds ${bytes}.
  local function without(car, bytes)
    local all = assert(support.read(car))
    local at = assert(all:find(bytes, 1, true))
    local head = at - 36
    assert.equal("\1", all:sub(head, head))
    repeat head = head - 1 until all:byte(head - 1) < 0x80 or head < 60
    local path = dir .. "/less.car"
    support.write(path, all:sub(1, head - 1) .. all:sub(at + #bytes))
    return path
  end

  it("have a late record asked for, and brought by the next", function ()
    local ids = {}
    local publisher = assert(from:publisher("edu/a"))
    for n = 1, 3 do
      ids[n] = assert(publisher:add({ type = "a", title = "lesson " .. n }))
    end
    assert(publisher:commit())
    publisher:close()
    assert(to:follow("edu/a"))
    local car = dir .. "/whole.car"
    support.run(from:pack(car))
    local record = mahatta.encode({ type = "a", title = "lesson 2" })
    local report = support.run(to:unpack(without(car, record)))
    assert.same({ 2, 1, 1, 0 }, { report.added, report.parcels,
      report.missing, report.bad })
    assert.is_nil(to:get(ids[2]))
    local missing = to:missing()
    assert.equal(1, #missing)
    assert.same({ ids[2], "record" }, { missing[1].id, missing[1].kind })
    assert.equal(ids[2], tostring(slip_wishes()[1].want[1]))
    local packed
    packed, report = travel()
    assert.same({ 2, 0, 1 },
      { packed.blocks, packed.parcels, packed.records })
    assert.same({ 1, 0, 0 },
      { report.added, report.missing, report.bad })
    assert.equal("lesson 2", to:get(ids[2]).record.title)
    assert.equal(1, #to:find("lesson 2", { limit = 1 }))
    alike()
    assert.equal(1, (travel()).blocks)
  end)

  it("have a late part of a file brought by the next", function ()
    local id = publish("edu/a", 1, 3 * MIB)
    assert(to:follow("edu/a"))
    local car = dir .. "/whole.car"
    support.run(from:pack(car))
    local part = support.noise(3 * MIB, 1):sub(MIB + 1, 2 * MIB)
    local report = support.run(to:unpack(without(car, part)))
    assert.same({ 1, 3, 1, 0 }, { report.added, report.files,
      report.missing, report.bad })
    assert.is_false(has_file(id))
    local missing = to:missing()
    assert.same({ mahatta.id(part), "part" },
      { missing[1].id, missing[1].kind })
    local packed
    packed, report = travel()
    assert.equal(2, packed.blocks)
    assert.same({ 1, 0 }, { report.files, report.missing })
    assert.is_true(has_file(id))
    assert.equal(1, (travel()).blocks)
  end)

  it("have a late root of a file brought with its parts", function ()
    local id = publish("edu/a", 1, 2 * MIB + 5)
    assert(to:follow("edu/a", { files = "none" }))
    travel()
    assert(to:follow("edu/a", { files = "all" }))
    local packed, report = travel()
    assert.equal(1 + 4, packed.blocks)
    assert.same({ 4, 0 }, { report.files, report.missing })
    assert.is_true(has_file(id))
  end)
end)
