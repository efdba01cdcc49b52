-- SPDX-License-Identifier: 0BSD
local support = require "support"

describe("jobs", function ()
  local station, dir, path
  before_each(function ()
    station, dir = support.station({})
    path = support.write(dir .. "/big", support.noise(5 * 1024 * 1024, 5))
  end)
  after_each(function ()
    station:close()
    support.clean()
  end)

  it("do nothing until they are stepped", function ()
    local job = assert(station:add_file(path))
    assert.equal(0, station:stats().file_blocks)
    support.raises("", job.result, job)
    job:close()
  end)

  it("are stepped in slices, and tell how far they are", function ()
    local job, steps, last = assert(station:add_file(path)), 0, 0
    local more, done, total
    repeat
      more, done, total = job:step(0)
      assert(more ~= nil, done)
      assert.is_true(done >= last and done <= total)
      last, steps = done, steps + 1
    until not more
    assert.is_true(steps > 1)
    assert.equal(5 * 1024 * 1024, done)
    local result = assert(job:result())
    assert.equal(5 * 1024 * 1024, result.size)
    assert.is_true(result.blocks >= 6)
    assert.is_false((job:step()))
    assert.same(result, job:result())
    job:close()
  end)

  it("are walked by steps, and run to their end", function ()
    local job, last, top = assert(station:add_file(path)), nil, nil
    for done, total in job:steps(0) do last, top = done, total end
    assert.equal(last, top)
    assert.equal(5 * 1024 * 1024, last)
    assert(job:result())
    assert(assert(station:add_file(path)):run())
  end)

  it("given up half-way leave a station that is sound", function ()
    local job = assert(station:add_file(path))
    job:step(0)
    job:close()
    job:close()
    support.raises("closed", job.step, job)
    local check = support.run(station:verify({ read_data = true }))
    assert.equal(0, check.bad)
    assert(assert(station:add_file(path)):run())
  end)

  it("end with ECLOSED when their station is closed", function ()
    local job = assert(station:add_file(path))
    job:step(0)
    station:close()
    local more, message, code = job:step()
    assert.is_nil(more)
    assert.is_string(message)
    assert.equal("ECLOSED", code)
    local result
    result, message, code = job:run()
    assert.is_nil(result)
    assert.equal("ECLOSED", code, message)
    for _ in job:steps() do error("it still steps") end
  end)

  it("live on when the station's variable is collected", function ()
    local own = support.station({})
    local job = assert(own:add_file(path))
    own = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.equal(5 * 1024 * 1024, assert(job:run()).size)
  end)

  it("that nobody keeps are collected with their halves", function ()
    for _ = 1, 20 do
      local job = assert(station:pack(dir .. "/lost.car"))
      job:step(0)
      job = nil -- luacheck: ignore
      collectgarbage()
      collectgarbage()
      os.remove(dir .. "/lost.car")
    end
    assert.is_nil(support.read(dir .. "/lost.car.part"))
    local _, steps = station:stats(), 0
    for _ in assert(station:add_file(path)):steps(0) do steps = steps + 1 end
    assert.is_true(steps > 1)
  end)

  it("may run side by side", function ()
    local other = support.write(dir .. "/other",
      support.noise(3 * 1024 * 1024, 9))
    local a, b = station:add_file(path), station:add_file(other)
    local more_a, more_b = true, true
    while more_a or more_b do
      if more_a then more_a = a:step(0) end
      if more_b then more_b = b:step(0) end
    end
    assert.equal(5 * 1024 * 1024, a:result().size)
    assert.equal(3 * 1024 * 1024, b:result().size)
    assert.equal(0, support.run(station:verify({ read_data = true })).bad)
  end)

  it("rebuild what is derived, and change nothing by it", function ()
    for i = 1, 30 do
      assert(station:publish("c", { type = "a", key = "k" .. i % 7,
        title = "word " .. i }, { time = 1000 + i }))
    end
    local id = support.ids(station:list("c"))[1]
    assert(station:label(id, "x"))
    assert(station:withdraw(support.ids(station:list("c"))[7]))
    local digest = assert(station:digest())
    local ids = support.ids(station:list("*"))
    support.run(station:rebuild())
    assert.equal(digest, station:digest())
    assert.same(ids, support.ids(station:list("*")))
    assert.is_true(#station:find("word") > 0)
  end)

  it("verify says what there is", function ()
    assert(station:publish("c", { type = "a", files = { { path = path } } }))
    for _, read_data in ipairs({ false, true }) do
      local r = support.run(station:verify({ read_data = read_data }))
      assert.is_true(r.blocks >= 8)
      assert.same({ 0, 0, {} }, { r.bad, r.missing, r.faults })
    end
  end)

  it("scrubs a share at a time, and goes on where it was", function ()
    local noise = support.noise(50000, 9)
    support.write(dir .. "/noise.bin", noise)
    assert(station:publish("c", { type = "a",
      files = { { path = dir .. "/noise.bin" } } }))
    for n = 1, 30 do
      assert(station:publish("c", { type = "a", title = "number " .. n }))
    end
    local all = support.run(station:verify({ read_data = true })).blocks

    -- The bytes rot where they rest, once they are in the file itself.
    station:close()
    local files = dir .. "/s.mahatta-files"
    local bytes = support.read(files)
    local at = assert(bytes:find(noise:sub(1000, 1040), 1, true))
    support.write(files, bytes:sub(1, at - 1) .. "XYZ" .. bytes:sub(at + 3))

    local read, bad, runs = 0, 0, 0
    local r
    repeat
      station = support.station({}, dir)
      r = support.run(station:scrub({ share = 4 }))
      station:close()
      read, bad, runs = read + r.blocks, bad + r.bad, runs + 1
      assert.equal(r.bad, #r.faults)
    until r.whole == 1 or runs > 9
    assert.equal(all, read)
    assert.is_true(runs >= 4 and runs <= 5, "runs " .. runs)
    assert.equal(1, bad)
    station = support.station({}, dir)
    assert.equal(0, support.run(station:scrub({ share = 1000 })).whole)
    support.raises("share", station.scrub, station,
      { share = 0 })
  end)

  it("salvage takes intact blocks out of another store", function ()
    local id = assert(station:publish("c", { type = "a", title = "kept" }))
    station:close()
    local new = support.station({})
    local got = assert(new:salvage(dir .. "/s.mahatta"))
    assert.is_true(got.saved >= 2)
    assert.equal(0, got.lost)
    assert.equal("kept", new:get(id).record.title)
    new:close()
  end)
end)
