-- SPDX-License-Identifier: 0BSD
-- What a slip costs, and the carry file for the 500 records that its author
-- lacks of 100,000 (of 20,000 where each is a parcel of its own): by a sketch,
-- by the list of all parcels, and by SMS for a few. Each step on a station
-- that was just opened, the best of three; files are compressed, verified,
-- durable.
--   make bench RECORDS=20000
-- Data: tests/bench/records.lua. Numbers, never a gate.

package.path = "./lua/?.lua;./lua/?/init.lua;./tests/bench/?.lua;"
  .. package.path
if not os.getenv("LUA_CPATH") then
  package.cpath = "./build/5.4/?.so;" .. package.cpath
end

local mahatta = require "mahatta"
local common = require "bench_common"
local uv = require "luv"
local commas, output, row = common.commas, common.output, common.row

local RECORDS = common.setting("RECORDS", 100000)
local ALONE = math.min(RECORDS, 20000)
local NEW, FEW, TRIES = 500, 4, 3

local function finish(job, message)
  local result, fault = assert(job, message):run()
  job:close()
  return assert(result, fault)
end

local function with(path, work)
  local station = assert(mahatta.open(path))
  local result = table.pack(work(station))
  station:close()
  return table.unpack(result)
end

-- The shortest of some runs, in ms; what the last one returned.
local function best(path, work)
  local least, result = math.huge, nil
  for _ = 1, TRIES do
    with(path, function (station)
      local from = uv.hrtime()
      result = work(station)
      least = math.min(least, (uv.hrtime() - from) / 1e6)
    end)
  end
  return least, result
end

-- ${single}: a parcel for each record, as people publish by hand.
local function publish(station, n, first, single)
  local each = require("records").iterator(n, first)
  if not single then
    assert(station:publish_all("bench", each))
    return
  end
  for record in each do assert(station:publish("bench", record)) end
end

local function copy(home, from, to)
  output(("cp '%s/%s.mahatta' '%s/%s.mahatta'"):format(home, from, home, to))
  output(("cp -p '%s/%s.mahatta.key' '%s/%s.mahatta.key'"):format(home, from,
    home, to))
end

local function bench_one(home, what, single, options)
  local a, b = home .. "/a.mahatta", home .. "/b.mahatta"
  local slip, car = home .. "/b.slip", home .. "/x.car.zst"
  local asked, told = best(b, function (station)
    return assert(station:slip(slip, options))
  end)
  local made, packed = best(a, function (station)
    os.remove(car)
    return finish(station:pack(car, { slip = slip }))
  end)
  assert(packed.records == NEW and packed.whole == 0)
  local taken = math.huge
  for _ = 1, TRIES do
    copy(home, "b", "c")
    taken = math.min(taken, with(home .. "/c.mahatta", function (station)
      local from = uv.hrtime()
      assert(finish(station:unpack(car)).added == NEW)
      return (uv.hrtime() - from) / 1e6
    end))
  end
  row(what, single and "each alone" or "in batches",
    ("%s bytes, %.1f ms"):format(commas(told.bytes), asked),
    ("%s bytes, %.1f ms"):format(commas(packed.bytes), made),
    ("%.1f ms"):format(taken))
end

local function bench_sms(home, single, records)
  local a, b = home .. "/a.mahatta", home .. "/b.mahatta"
  with(b, function (station)
    finish(station:unpack(home .. "/x.car.zst"))
  end)
  with(a, function (station)
    publish(station, FEW, records + NEW + 1, true)
  end)
  local sms = home .. "/sms"
  local asked, lines = best(b, function (station)
    return (assert(station:slip_short()))
  end)
  local file = assert(io.open(sms, "w"))
  assert(file:write(lines))
  file:close()
  local made, packed = best(a, function (station)
    os.remove(home .. "/y.car.zst")
    return finish(station:pack(home .. "/y.car.zst", { slip = sms }))
  end)
  assert(packed.records == FEW and packed.whole == 0)
  row(("%d records, by SMS"):format(FEW), single and "each alone"
    or "in batches", ("%d letters, %.1f ms"):format(#lines - 1, asked),
    ("%s bytes, %.1f ms"):format(commas(packed.bytes), made), "")
end

local function bench(home, single)
  local records = single and ALONE or RECORDS
  with(home .. "/a.mahatta", function (station)
    publish(station, records, 1, single)
    finish(station:pack(home .. "/all.car.zst"))
  end)
  with(home .. "/b.mahatta", function (station)
    finish(station:unpack(home .. "/all.car.zst"))
  end)
  with(home .. "/a.mahatta", function (station)
    publish(station, NEW, records + 1, single)
  end)
  bench_one(home, NEW .. " records, as ever", single)
  bench_one(home, "by the list of all parcels", single, { exact = true })
  bench_sms(home, single, records)
  output(("rm -f '%s'/*"):format(home))
end

local home = output("mktemp -d")
local ok, fault = xpcall(function ()
  print(("%s records here and there (%s that were published alone), %d more "
    .. "here\n"):format(commas(RECORDS), commas(ALONE), NEW))
  row("what lacks", "published", "slip", "carry file", "taken in")
  row("---", "---", "---", "---", "---")
  bench(home, false)
  bench(home, true)
end, debug.traceback)
os.execute(("rm -rf -- '%s'"):format(home)) -- made by mktemp above
if not ok then error(fault, 0) end
