-- SPDX-License-Identifier: 0BSD
-- The figures of the README, through the Lua face, each part in a process of
-- its own so that its memory can be told; beside them, in the same run, what
-- the machine itself can do and git.
--   make bench                        100,000 records, a file of 1 GiB
--   make bench RECORDS=20000 MIB=256  a smaller round
--   make bench PEERS=DIR              with hypercore and ssb-db2: DIR holds
--       hypercore/bench.cjs and ssb/bench.cjs with their node_modules, and
--       their 100,000 records of 496 bytes in data/base.ndjson
-- Data: tests/bench/records.lua. Numbers, never a gate.

package.path = "./lua/?.lua;./lua/?/init.lua;./tests/bench/?.lua;"
  .. package.path
if not os.getenv("LUA_CPATH") then
  package.cpath = "./build/5.4/?.so;" .. package.cpath
end

local mahatta = require "mahatta"

local common = require "bench_common"
local commas, lines_of, mb, output, peak_mb, row, seconds = common.commas,
  common.lines_of, common.mb, common.output, common.peak_mb, common.row,
  common.seconds

local RECORDS = common.setting("RECORDS", 100000)
local MIB = common.setting("MIB", 1024)
local SINGLES = math.min(3000, RECORDS)
local FLOOR = (os.getenv("BUILD_DIR") or "build/5.4") .. "/tests/tools/floor"

local function finish(job, message)
  local result, fault = assert(job, message):run()
  job:close()
  return assert(result, fault)
end

-- Records as they lie in the data file: made once, read by each part.
local function records(path)
  local next_line = io.lines(path)
  return function ()
    local line = next_line()
    if not line then return nil end
    local a = line:find("\t", 1, true)
    local b = line:find("\t", a + 1, true)
    return { type = "note", created = line:sub(1, a - 1),
      title = line:sub(a + 1, b - 1), text = line:sub(b + 1) }
  end
end

-- ---- the parts: each prints "seconds memory extra" ----

local part = {}

local function publish(home, index)
  local station = assert(mahatta.open(home .. "/" .. index .. ".mahatta",
    { index = index }))
  local took = seconds(function ()
    assert(station:publish_all("bench", records(home .. "/data.tsv")))
  end)
  local memory = peak_mb()
  station:close()
  return took, memory,
    tonumber(output(("stat -c %%s '%s/%s.mahatta'"):format(home, index)))
end

function part.publish(home) return publish(home, "now") end
function part.later(home) return publish(home, "later") end

function part.index(home)
  local station = assert(mahatta.open(home .. "/later.mahatta"))
  local took = seconds(function () finish(station:index()) end)
  return took, peak_mb(), 0
end

function part.single(home)
  local station = assert(mahatta.open(home .. "/single.mahatta"))
  local each = records(home .. "/data.tsv")
  local took = seconds(function ()
    for _ = 1, SINGLES do assert(station:publish("bench", each())) end
  end)
  return took, peak_mb(), 0
end

local function pack(home, name)
  local station = assert(mahatta.open(home .. "/now.mahatta"))
  local size
  local took = seconds(function ()
    size = finish(station:pack(home .. "/" .. name)).bytes
  end)
  return took, peak_mb(), size
end

part["pack.car"] = function (home) return pack(home, "all.car") end
part["pack.zst"] = function (home) return pack(home, "all.car.zst") end

local function unpack_into(home, name, index)
  local station = assert(mahatta.open(home .. "/" .. name,
    { index = index }))
  local took = seconds(function ()
    local report = finish(station:unpack(home .. "/all.car.zst"))
    assert(report.added == RECORDS and report.bad == 0)
  end)
  return took, peak_mb(), 0
end

function part.unpack(home) return unpack_into(home, "u1.mahatta", "now") end
part["unpack.later"] = function (home)
  return unpack_into(home, "u2.mahatta", "later")
end

part["file.in"] = function (home)
  local station = assert(mahatta.open(home .. "/file.mahatta"))
  local link
  local took = seconds(function ()
    link = finish(station:add_file(home .. "/big")).link
  end)
  local memory = peak_mb()
  local note = assert(io.open(home .. "/link", "w"))
  note:write(tostring(link))
  note:close()
  return took, memory, 0
end

part["file.out"] = function (home)
  local station = assert(mahatta.open(home .. "/file.mahatta",
    { readonly = true }))
  local note = assert(io.open(home .. "/link"))
  local link = note:read("a")
  note:close()
  local took = seconds(function ()
    finish(station:export_file(link, home, "out"))
  end)
  return took, peak_mb(), 0
end

local function search(home, words)
  local station = assert(mahatta.open(home .. "/now.mahatta",
    { readonly = true }))
  local n, times = 100, {}
  local each = records(home .. "/data.tsv")
  for i = 1, n do
    local found = {}
    for word in each().text:gmatch("%S+") do
      found[#found + 1] = #found < words and word or nil
    end
    local query = table.concat(found, " ")
    local from = os.clock()
    assert(station:find(query))
    times[i] = os.clock() - from
  end
  table.sort(times)
  return times[n // 2], peak_mb(), times[n * 95 // 100] * 1e6 // 1
end

part["search.2"] = function (home) return search(home, 2) end

-- ---- what stands beside ----

local function git(home)
  local dir = home .. "/git"
  output(("mkdir '%s' && cd '%s' && git init -q . && git config user.name b"
    .. " && git config user.email b@b.invalid && git config core.fsync all"
    .. " && git config advice.detachedHead false")
    :format(dir, dir))
  output(("split -l 1000 '%s/data.tsv' '%s/seg.'"):format(home, dir))
  local commit = seconds(function ()
    output(("cd '%s' && git add . && git commit -q -m all"):format(dir))
  end)
  local bundle = seconds(function ()
    output(("cd '%s' && git bundle create -q '%s/all.bundle' HEAD")
      :format(dir, home))
  end)
  local clone = seconds(function ()
    output(("git clone -q -c advice.detachedHead=false '%s/all.bundle'"
      .. " '%s/clone' && sync -f '%s/clone'"):format(home, home, home))
  end)
  return commit, bundle, clone,
    tonumber(output(("stat -c %%s '%s/all.bundle'"):format(home)))
end

local function bare_commits(home, bytes)
  return tonumber(output(("'%s' commit '%s/floor.db' %d %d")
    :format(FLOOR, home, SINGLES, bytes)))
end

-- A program of another system that publishes 100,000 records and prints the
-- seconds of that alone as @@{"s":..}. nil when it isn't there.
local function peer(home, script, arguments)
  local dir = os.getenv("PEERS")
  if not dir then return nil end
  local text = lines_of(("cd '%s' && mkdir -p run/hypercore run/ssb"
    .. " && rm -rf run/ssb/bench && PEERS='%s' node %s publish %s 2>&1")
    :format(dir, dir, script, (arguments:gsub("HOME", home))))
  return tonumber(text:match('"s":%s*([%d.]+)'))
end

-- ---- the table ----

local function run(home, name)
  local text = output(("lua5.4 tests/bench/commons_bench.lua %s '%s'")
    :format(name, home))
  local took, memory, extra = text:match("^(%S+) (%S+) (%S+)$")
  assert(took, text)
  return tonumber(took), tonumber(memory), tonumber(extra)
end

local function rate(took) return commas(RECORDS / took) .. " records/s" end
local function speed(took) return commas(MIB / took) .. " MiB/s" end
local function ram(megabytes) return ("%.0f MB"):format(megabytes) end

local function make_data(home)
  local bytes = 0
  local file = assert(io.open(home .. "/data.tsv", "w"))
  for r in require("records").iterator(RECORDS) do
    local line = table.concat({ r.created, r.title, r.text }, "\t")
    bytes = bytes + #mahatta.encode({ type = "note", created = r.created,
      title = r.title, text = r.text })
    assert(file:write(line, "\n"))
  end
  file:close()
  return bytes
end

local function bench_records(home)
  local bytes = make_data(home)
  print(("%s records of %d bytes (DAG-CBOR), one author, durable (FULL)\n")
    :format(commas(RECORDS), bytes // RECORDS))
  row("what", "mahatta", "memory", "beside it, same run")
  row("---", "---", "---", "---")
  local commit, bundle, clone, bundled = git(home)
  local took, memory, disk = run(home, "publish")
  row("publish in batches, indexed for search", rate(took), ram(memory),
    "git, 1,000 a file, one commit, no index: " .. rate(commit))
  row("disk with the index", mb(disk), "", "")
  for _, p in ipairs {
    { "hypercore, 1,000 a batch, no fsync, no index", "hypercore/bench.cjs",
      "HOME/hypercore 1000" },
    { "ssb-db2, fsync up to 250 ms late, no index", "ssb/bench.cjs", "bench" },
  } do
    local s = peer(home, p[2], p[3])
    if s then
      row("", "", "", ("%s: %s records/s"):format(p[1], commas(1e5 / s)))
    end
  end
  took, memory, disk = run(home, "later")
  row("publish, index = \"later\"", rate(took), ram(memory),
    "disk " .. mb(disk))
  took, memory = run(home, "index")
  row("index them afterwards", rate(took), ram(memory), "")
  local before = bare_commits(home, bytes // RECORDS + 250)
  took, memory = run(home, "single")
  local after = bare_commits(home, bytes // RECORDS + 250)
  local bare = (before + after) / 2
  row("publish one by one, indexed", commas(SINGLES / took) .. " records/s",
    ram(memory), ("bare SQLite FULL, same bytes: %s/s, ratio %.2f"):format(
      commas(bare), bare / (SINGLES / took)))
  took, memory, disk = run(home, "pack.car")
  row("pack all, verified, .car", rate(took) .. ", " .. mb(disk),
    ram(memory), "")
  took, memory, disk = run(home, "pack.zst")
  row("pack all, verified, .car.zst", rate(took) .. ", " .. mb(disk),
    ram(memory), "git bundle: " .. rate(bundle) .. ", " .. mb(bundled))
  took, memory = run(home, "unpack")
  row("unpack, verified, indexed", rate(took), ram(memory), "")
  took, memory = run(home, "unpack.later")
  row("unpack, verified, index = \"later\"", rate(took), ram(memory),
    "git clone of the bundle: " .. rate(clone))
  local median, _, p95 = run(home, "search.2")
  row("search, two words, any, of " .. commas(RECORDS),
    ("median %.1f ms, p95 %.1f ms"):format(median * 1e3, p95 / 1e3), "", "")
end

local function bench_file(home)
  output(("openssl enc -aes-256-ctr -nosalt -K 00 -iv 00 -in /dev/zero "
    .. "2>'%s/openssl.log' | head -c %dM > '%s/big'"):format(home, MIB, home))
  output(("sync -f '%s'"):format(home))
  local copy = seconds(function ()
    output(("cp '%s/big' '%s/copy' && sync '%s/copy' && sha256sum '%s/copy'")
      :format(home, home, home, home))
  end)
  os.remove(home .. "/copy")
  local took, memory = run(home, "file.in")
  row(("file in, %d MiB incompressible"):format(MIB), speed(took),
    ram(memory), ("cp, sync, sha256sum: %s, ratio %.2f"):format(speed(copy),
      copy / took))
  took, memory = run(home, "file.out")
  row("file out, each block verified", speed(took), ram(memory),
    ("the same: ratio %.2f"):format(copy / took))
  output(("cmp '%s/big' '%s/out'"):format(home, home))
end

local function all()
  local home = output("mktemp -d")
  local ok, fault = xpcall(function ()
    bench_records(home)
    bench_file(home)
  end, debug.traceback)
  os.execute(("rm -rf -- '%s'"):format(home)) -- made by mktemp above
  if not ok then error(fault, 0) end
end

if arg[1] then
  print(("%.6f %.1f %d"):format(part[arg[1]](arg[2])))
else
  all()
end
