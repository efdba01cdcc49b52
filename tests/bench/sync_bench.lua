-- SPDX-License-Identifier: 0BSD
-- What a sync costs: two processes, loopback TCP, encrypted, each block
-- verified, durable when it ends. Memory is the peak of the process named.
--   make bench                        100,000 records, a file of 1 GiB
--   RECORDS=20000 MIB=256 MANY=100000 make bench    a smaller round
--   PEERS=DIR make bench              with git, hypercore and ssb-db2:
--       DIR holds their scripts (PEER/run.sh, lib/, data/), which append to
--       DIR/results; only those rows are shown that this run made
-- Data: tests/bench/records.lua. Numbers, never a gate.

package.path = "./lua/?.lua;./lua/?/init.lua;./tests/bench/?.lua;"
  .. package.path
if not os.getenv("LUA_CPATH") then
  package.cpath = "./build/5.4/?.so;" .. package.cpath
end

local mahatta = require "mahatta"
local common = require "bench_common"
local commas, mb, now, output, peak_mb, row = common.commas, common.mb,
  common.now, common.output, common.peak_mb, common.row

local RECORDS = common.setting("RECORDS", 100000)
local MIB = common.setting("MIB", 1024)
local MANY = common.setting("MANY", 1000000)
local NEW = 500

local part = {}

-- ---- processes ----

-- Listen until standard input ends; says the port first, its memory last.
function part.serve(home, name)
  local uv = require "luv"
  local station = assert(mahatta.open(home .. "/" .. name))
  local handle = assert(require("mahatta.net.luv").listen(station,
    "127.0.0.1:0"))
  local _, port = handle:address()
  print(port)
  io.stdout:flush()
  local stdin = uv.new_pipe()
  stdin:open(0)
  stdin:read_start(function (_, data)
    if not data then
      stdin:close()
      handle:close()
    end
  end)
  uv.run()
  station:close()
  local note = assert(io.open(home .. "/served", "w"))
  note:write(peak_mb())
  note:close()
end

-- One session: seconds, peak memory, bytes both ways, parcels and blocks that
-- came.
function part.sync(home, name, port, index)
  local uv = require "luv"
  local net = require "mahatta.net.luv"
  local station = assert(mahatta.open(home .. "/" .. name,
    { index = index }))
  local from = uv.hrtime()
  local handle = assert(net.connect(station, "127.0.0.1:" .. port))
  uv.run()
  local took = (uv.hrtime() - from) / 1e9
  assert(handle:result())
  local s = handle:status()
  station:close()
  print(("%.6f %.1f %d %d %d"):format(took, peak_mb(),
    s.bytes_in + s.bytes_out, s.records, s.files[1]))
end

local function publish(home, name, first, count)
  local station = assert(mahatta.open(home .. "/" .. name,
    { index = "later" }))
  local each = require("records").iterator(count, first)
  assert(station:publish_all("bench", function ()
    local r = each()
    return r and { type = "note", created = r.created, title = r.title,
      text = r.text }
  end))
  station:close()
end

function part.publish(home, name, first, count)
  publish(home, name, tonumber(first), tonumber(count))
end

function part.file(home, name, path)
  local station = assert(mahatta.open(home .. "/" .. name))
  assert(station:publish("files", { type = "dataset", key = "big",
    title = "big", files = { { path = path, name = "big.csv",
    type = "text/csv" } } }))
  station:close()
end

local function run(...)
  return output("lua5.4 tests/bench/sync_bench.lua "
    .. table.concat({ ... }, " "))
end

-- Sync ${to} with ${from}: what part.sync says, and the server's memory.
local function sync(home, to, from, index)
  local fifo = home .. "/fifo"
  output(("rm -f '%s' && mkfifo '%s'"):format(fifo, fifo))
  local server = assert(io.popen(("lua5.4 tests/bench/sync_bench.lua serve "
    .. "'%s' %s < '%s'"):format(home, from, fifo)))
  local hold = assert(io.open(fifo, "w"))
  local port = assert(server:read("l"))
  local took, memory, bytes, records, blocks = run("sync", home, to, port,
    index or "now"):match("(%S+) (%S+) (%S+) (%S+) (%S+)")
  hold:close()
  assert(server:close())
  local note = assert(io.open(home .. "/served"))
  local served = note:read("n")
  note:close()
  return { s = tonumber(took), memory = tonumber(memory),
    bytes = tonumber(bytes), records = tonumber(records),
    blocks = tonumber(blocks), served = served }
end

-- ---- a link of 20 kB/s for a minute ----

-- In one process, against a clock that counts bytes: what has come by when.
function part.minute(home)
  local a = assert(mahatta.open(home .. "/minute-a", { index = "later" }))
  local b = assert(mahatta.open(home .. "/minute-b"))
  local from = assert(a:session())
  local to = assert(b:session({ initiator = true }))
  local sent, second, rate = 0, 0, 20000
  while second < 60 and not to:finished() do
    local up = assert(to:pull())
    if up ~= "" then assert(from:feed(up)) end
    local down = assert(from:pull(rate // 10))
    sent = sent + #up + #down
    if down ~= "" then assert(to:feed(down)) end
    if sent >= (second + 1) * rate then
      second = sent // rate
      if second == 1 or second % 10 == 0 then
        local s = to:status()
        print(("%d %d %d %d"):format(second, s.withdrawn, s.records,
          s.files[1]))
      end
    end
  end
end

local function make_minute(home)
  local a = assert(mahatta.open(home .. "/minute-a", { index = "later" }))
  local b = assert(mahatta.open(home .. "/minute-b"))
  local old = assert(a:publish("news", { type = "note", title = "wrong" }))
  local wrong = {}
  for i = 1, 50 do
    wrong[i] = assert(a:publish("news", { type = "note", title = "n" .. i }))
  end
  -- The other one has these, and not yet what came later.
  assert(assert(a:pack(home .. "/minute.car")):run())
  assert(assert(b:unpack(home .. "/minute.car")):run())
  b:close()
  for _, id in ipairs(wrong) do assert(a:withdraw(id)) end
  for i = 1, 50 do assert(a:label(old, "label" .. i)) end
  a:close()
  publish(home, "minute-a", 1, 50000)
  a = assert(mahatta.open(home .. "/minute-a", { index = "later" }))
  for i = 1, 8 do
    output(("head -c %d /dev/urandom > '%s/film'"):format(MIB << 18, home))
    assert(a:publish("films", { type = "film", title = "film " .. i,
      files = { { path = home .. "/film" } } }))
  end
  a:close()
end

local function bench_minute(home)
  make_minute(home)
  print("\nA link of 20 kB/s to a station that lacks 50 withdrawals, 50 "
    .. "labels, 50,000 records and " .. 2 * MIB .. " MiB of files:\n")
  row("after", "withdrawals", "records in all (newest first)", "file blocks")
  row("---", "---", "---", "---")
  for line in run("minute", home):gmatch("[^\n]+") do
    local s, withdrawn, records, blocks = line:match(
      "(%d+) (%d+) (%d+) (%d+)")
    row(s .. " s", withdrawn, commas(records), blocks)
  end
end

-- ---- the table ----

local function ms(s) return ("%.1f ms"):format(s * 1e3) end
local function kb(bytes) return ("%.1f kB"):format(bytes / 1e3) end

local function bench_records(home, peers)
  run("publish", home, "a", 1, RECORDS)
  for _, index in ipairs { "now", "later" } do
    local r = sync(home, "b-" .. index, "a", index)
    assert(r.records == RECORDS)
    row(("first sync of %s records, %s"):format(commas(RECORDS),
        index == "now" and "indexed for search" or "index = \"later\""),
      ("%s records/s, %s"):format(commas(RECORDS / r.s), mb(r.bytes)),
      ("%.0f / %.0f MB"):format(r.memory, r.served), peers.W2 or "")
  end
  run("publish", home, "a", RECORDS + 1, NEW)
  run("publish", home, "b-now", RECORDS + NEW + 1, NEW)
  local r = sync(home, "b-now", "a")
  assert(r.records == NEW)
  row(("%d + %d new on both sides"):format(NEW, NEW),
    ms(r.s) .. ", " .. kb(r.bytes), "", peers.W3 or "")
  r = sync(home, "b-now", "a")
  row("nothing new", ms(r.s) .. ", " .. kb(r.bytes), "", peers.W4 or "")
  run("publish", home, "many", 1, MANY)
  r = sync(home, "b-many", "many", "later")
  row(("serving a first sync of %s records"):format(commas(MANY)),
    commas(MANY / r.s) .. " records/s",
    ("%.0f / %.0f MB"):format(r.memory, r.served), peers.memory or "")
end

-- A byte put in near the start, ten places of a thousandth each made anew.
local function edit(home)
  local from = assert(io.open(home .. "/big", "rb"))
  local to = assert(io.open(home .. "/big2", "wb"))
  local size, at, chunk = MIB << 20, 1000, 1 << 20
  to:write(from:read(at), "x")
  local step = size // 10
  while at < size do
    local part_at = at % step
    local fresh = part_at < size // 1000
    local n = fresh and math.min(chunk, size // 1000 - part_at)
      or math.min(chunk, step - part_at)
    local bytes = from:read(n)
    if not bytes then break end
    to:write(fresh and bytes:reverse() or bytes)
    at = at + #bytes
  end
  from:close()
  to:close()
end

local function bench_files(home, peers)
  output(("openssl enc -aes-256-ctr -nosalt -K 00 -iv 00 -in /dev/zero "
    .. "2>'%s/openssl.log' | head -c %dM > '%s/big'"):format(home, MIB, home))
  edit(home)
  run("file", home, "fa", home .. "/big")
  local from = now()
  output(("cp '%s/big' '%s/copy' && sync '%s/copy' && sha256sum '%s/copy'")
    :format(home, home, home, home))
  local copy = now() - from
  os.remove(home .. "/copy")
  local r = sync(home, "fb", "fa")
  row(("a file of %d MiB"):format(MIB), ("%.0f MB/s"):format(
      MIB * 1.048576 / r.s), ("%.0f / %.0f MB"):format(r.memory, r.served),
    ("cp, sync, sha256sum: %.0f MB/s; "):format(MIB * 1.048576 / copy)
      .. (peers.W5 or ""))
  run("file", home, "fa", home .. "/big2")
  r = sync(home, "fb", "fa")
  row("the same, a byte put in and 1 % changed in ten places",
    ("%.2f s, %s moved"):format(r.s, mb(r.bytes)), "", peers.W5delta or "")
end

-- ---- beside it ----

-- Run the peers' own scripts; what they said of each workload, in words.
local function run_peers()
  local dir, said = os.getenv("PEERS"), {}
  if not dir then return said end
  for _, p in ipairs { { "git", "seg.sh", "git-seg" },
    { "hypercore", "run.sh" }, { "ssb", "run.sh" } } do
    local results = ("%s/results/%s.jsonl"):format(dir, p[3] or p[1])
    local before = common.count_lines(results)
    os.execute(("cd '%s' && PEERS='%s' RUNS=1 NOBIG=1 bash %s/%s "
      .. ">'%s/log' 2>&1"):format(dir, dir, p[1], p[2], dir))
    for line in common.lines_after(results, before) do
      local w = line:match('"w": *"([%w]+)"')
      local s = tonumber(line:match('"s": *([%d.]+)'))
      local wire = tonumber(line:match('"wire": *([%d.]+)'))
      if w and s and (w:match("^W[234]$") or w == "W2packed") then
        local key = w:sub(1, 2)
        said[key] = (said[key] and said[key] .. "; " or "")
          .. ("%s %s%s"):format(p[1], s < 1 and ms(s)
            or ("%.1f s"):format(s), wire and ", " .. kb(wire) or "")
      end
    end
  end
  return said
end

local function all()
  local home = output("mktemp -d")
  local ok, fault = xpcall(function ()
    local peers = run_peers()
    row("what", "mahatta", "memory: receiver / server", "beside it, same run")
    row("---", "---", "---", "---")
    bench_records(home, peers)
    bench_files(home, peers)
    bench_minute(home)
  end, debug.traceback)
  os.execute(("rm -rf -- '%s'"):format(home)) -- made by mktemp above
  if not ok then error(fault, 0) end
end

if arg[1] then
  part[arg[1]](table.unpack(arg, 2))
else
  all()
end
