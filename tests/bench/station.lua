-- SPDX-License-Identifier: 0BSD
-- lua5.4 tests/bench/station.lua [RECORDS]: what a station does in a second,
-- through the Lua face, on the disk where mktemp makes folders.

package.path = "./lua/?.lua;./lua/?/init.lua;" .. package.path
if not os.getenv("LUA_CPATH") then
  package.cpath = "./build/5.4/?.so;" .. package.cpath
end

local mahatta = require "mahatta"
local out = require "mahatta.cli.out"

local RECORDS = math.tointeger(tonumber(arg[1] or 20000))
local FILE_MB = 64

local function now() -- seconds, to 1/100
  local file = assert(io.open("/proc/uptime"))
  local seconds = file:read("n")
  file:close()
  return seconds
end

local function measured(what, amount, unit, work)
  local started = now()
  work()
  local seconds = math.max(now() - started, 0.01)
  out.line("%-44s %8.2f s  %12s %s/s", what, seconds,
    out.number(math.floor(amount / seconds)), unit)
end

local WORDS = { "water", "school", "river", "ماء", "مدرسة", "نهر", "کتێب",
  "lesson", "station", "history", "تاريخ", "قانون", "market", "health" }

local function record(n)
  local words = {}
  for i = 1, 40 do
    words[i] = WORDS[(n * 31 + i * i * 7) % #WORDS + 1] .. (n * i) % 977
  end
  return { type = "lesson", title = "Lesson " .. n, lang = "en",
    key = "k" .. n, text = table.concat(words, " ") }
end

local function run(job, message)
  local result, fault = assert(job, message):run()
  job:close()
  return assert(result, fault)
end

local function bench(home)
  local a = assert(mahatta.open(home .. "/a.mahatta"))
  local b = assert(mahatta.open(home .. "/b.mahatta"))
  local car, n = home .. "/x.car.zst", 0
  out.line("%s records of about 500 bytes", out.number(RECORDS))
  measured("publish", RECORDS, "records", function ()
    assert(a:publish_all("edu/all", function ()
      n = n + 1
      return n <= RECORDS and record(n) or nil
    end))
  end)
  measured("publish, one by one (each durable)", 200, "records", function ()
    for i = 1, 200 do assert(a:publish("edu/one", record(-i))) end
  end)
  measured("pack, compressed", RECORDS, "records", function ()
    run(a:pack(car))
  end)
  measured("unpack, checked and indexed", RECORDS, "records", function ()
    assert(run(b:unpack(car)).bad == 0)
  end)
  measured("list", RECORDS, "records", function ()
    for _ in b:list("*") do n = n + 1 end
  end)
  measured("search, two words", 100, "queries", function ()
    for i = 1, 100 do b:find("مدرسه" .. i * 7 % 977 .. " water" .. i) end
  end)
  local file = assert(io.open(home .. "/file", "wb"))
  local x = 88172645463325252
  for _ = 1, FILE_MB * 16 do
    local part = {}
    for i = 1, 8192 do
      x = x ~ (x << 13)
      x = x ~ (x >> 7)
      x = x ~ (x << 17)
      part[i] = string.pack("<i8", x)
    end
    file:write(table.concat(part))
  end
  file:close()
  local stored
  for _, cut in ipairs({ "fixed", "content" }) do
    measured(("add a file of %d MB, cut %s"):format(FILE_MB, cut), FILE_MB,
      "MB", function ()
        stored = run(a:add_file(home .. "/file", { cut = cut }))
      end)
  end
  measured("export it", FILE_MB, "MB", function ()
    run(a:export_file(stored.link, home, "exported"))
  end)
  a:close()
  b:close()
end

local pipe = assert(io.popen("mktemp -d"))
local home = assert(pipe:read("l"))
pipe:close()
local ok, fault = xpcall(bench, debug.traceback, home)
os.execute("rm -rf -- '" .. home .. "'") -- made by mktemp above
if not ok then io.stderr:write(fault, "\n") end
os.exit(ok and 0 or 1, true)
