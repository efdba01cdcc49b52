-- SPDX-License-Identifier: 0BSD
-- What the site serves, one process, wrk on loopback beside it: search pages,
-- record pages, the first page, the style, a large file; and its memory with
-- 64 clients. Pages that were made before and still hold ("kept") are told
-- apart from pages each made anew.
--   make bench RECORDS=100000 MIB=512 SECONDS=5
-- Numbers, never a gate.

package.path = "./lua/?.lua;./lua/?/init.lua;./tests/bench/?.lua;"
  .. package.path
if not os.getenv("LUA_CPATH") then
  package.cpath = "./build/5.4/?.so;" .. package.cpath
end

local common = require "bench_common"
local mahatta = require "mahatta"
local records = require "records"

local RECORDS = common.setting("RECORDS", 100000)
local MIB = math.min(common.setting("MIB", 512), 512)
local SECONDS = common.setting("SECONDS", 5)
local QUERIES = 300 -- distinct ones: a third one word, the rest two

-- ---- the server, in a process of its own ----

local function serve(home)
  local server = require "mahatta.site.server"
  local station = assert(mahatta.open(home .. "/s.mahatta"))
  local handle = assert(server.open(station, { port = 0,
    spool = home .. "/spool", show = print, log = print }))
  print(handle.port, handle.files_port)
  io.stdout:flush()
  while true do
    handle:wait(60)
    handle:step()
  end
end

if arg[1] == "serve" then return serve(arg[2]) end

-- ---- what it holds ----

local function fill(home)
  local station = assert(mahatta.open(home .. "/s.mahatta"))
  local words, ids, seen = {}, {}, 0
  local next_record = records.iterator(RECORDS)
  local publisher = assert(station:publisher("bench/all"))
  for record in next_record do
    seen = seen + 1
    record.type = seen % 3 == 0 and "lesson" or "dataset"
    record.lang, record.license = "ar", "CC0-1.0"
    local title, id = record.title, assert(publisher:add(record))
    if seen % (RECORDS // 500 + 1) == 0 then ids[#ids + 1] = id end
    local query = title:match(#words < QUERIES // 3 and "^%S+"
      or "^%S+ %S+")
    if #words < QUERIES and query and not words[query] then
      words[#words + 1], words[query] = query, true
    end
  end
  assert(publisher:commit())
  publisher:close()
  os.execute(("head -c %d /dev/urandom >%s/big.bin"):format(MIB << 20, home))
  local big = assert(station:publish("bench/big", { type = "dataset",
    title = "big", files = { { path = home .. "/big.bin" } } }))
  os.remove(home .. "/big.bin")
  station:close()
  return words, ids, big
end

-- ---- wrk ----

local ROTATE = [[
local paths, at = {}, 0
for line in io.lines(%q) do paths[#paths + 1] = line end
request = function ()
  at = at %% #paths + 1
  return wrk.format("GET", paths[at])
end
done = function (summary, latency)
  io.write(("%%.0f %%.2f %%d\n"):format(
    summary.requests / summary.duration * 1e6,
    latency:percentile(99) / 1000, summary.errors.status
      + summary.errors.read + summary.errors.timeout))
end
]]

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

-- Processor time of the server so far: on a machine that is shared, figures
-- by it say more than those by the clock.
local function own_seconds(pid)
  local stat = assert(io.open("/proc/" .. pid .. "/stat")):read("a")
  local user, system = stat:match("%) " .. ("%S+ "):rep(11) .. "(%d+) (%d+)")
  return (tonumber(user) + tonumber(system))
    / tonumber(common.output("getconf CLK_TCK"))
end

-- requests/s, p99 in ms, requests per second of its own, of one kind of page.
local function load(home, port, paths, clients, pid)
  local list = write(home .. "/paths", table.concat(paths, "\n") .. "\n")
  local script = write(home .. "/wrk.lua", ROTATE:format(list))
  local before = own_seconds(pid)
  local text = common.output(("wrk -t1 -c%d -d%ds --timeout 10s -s %s "
    .. "http://127.0.0.1:%d/"):format(clients, SECONDS, script, port))
  local per_s, p99, faults = text:match("(%d+) ([%d.]+) (%d+)%s*$")
  assert(per_s, text)
  assert(faults == "0", "wrk counted faults: " .. text)
  local own = tonumber(per_s) * SECONDS / (own_seconds(pid) - before)
  return tonumber(per_s), tonumber(p99), own
end

-- One download of a file: MB/s by the clock, and by the server's own time.
local function download(port, path, pid)
  local before = own_seconds(pid)
  local took = common.seconds(function ()
    assert(os.execute(("bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d; printf "
      .. "\"GET %s HTTP/1.1\\r\\nHost: 127.0.0.1:%d\\r\\nConnection: close"
      .. "\\r\\n\\r\\n\" >&3; test $(cat <&3 | wc -c) -gt %d'"):format(port,
      path, port, MIB << 20)))
  end)
  local bytes = (MIB << 20) / 1e6
  return bytes / took, bytes / (own_seconds(pid) - before)
end

local function memory(pid)
  local status = assert(io.open("/proc/" .. pid .. "/status")):read("a")
  return tonumber(status:match("VmRSS:%s*(%d+)")) / 1024
end

local function encoded(s)
  return (s:gsub("[^%w]", function (c)
    return ("%%%02X"):format(c:byte())
  end))
end

local function map(list, f)
  local out = {}
  for i, one in ipairs(list) do out[i] = f(one) end
  return out
end

-- Each of ${paths} once.
local function visit_all(home, port, paths)
  local list = write(home .. "/urls", table.concat(map(paths, function (path)
    return ("url = http://127.0.0.1:%d%s\noutput = /dev/null\n"):format(port,
      path)
  end)))
  common.output("curl -s -f -K " .. list)
end

local MIX = 6000

-- As people ask: the nth query 1/n as often as the first.
local function zipf(paths)
  local sums, sum, out = {}, 0, {}
  for i = 1, #paths do
    sum = sum + 1 / i
    sums[i] = sum
  end
  local x = 88172645463325252
  for i = 1, MIX do
    x = x ~ (x << 13)
    x = x ~ (x >> 7)
    x = x ~ (x << 17)
    local wanted, at = (x >> 11) / 2.0 ^ 53 * sum, 1
    while sums[at] < wanted do at = at + 1 end
    out[i] = paths[at]
  end
  return out
end

-- The same pages with nothing kept from the request before.
local function anew(paths)
  local out = {}
  for n = 1, MIX do
    out[n] = paths[(n - 1) % #paths + 1]
    out[n] = out[n] .. (out[n]:find("?", 1, true) and "&" or "?") .. "n=" .. n
  end
  return out
end

-- What a first visit costs: the page, the style, the icon; in kB.
local function visit(port)
  local function bytes(path)
    return tonumber(common.output(("bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d; "
      .. "printf \"GET %s HTTP/1.1\\r\\nHost: 127.0.0.1:%d\\r\\nConnection: "
      .. "close\\r\\n\\r\\n\" >&3; wc -c <&3'"):format(port, path, port)))
  end
  local page = bytes("/ar")
  return page / 1000,
    (page + bytes("/site.css") + bytes("/icon.svg")) / 1000
end

local function measure(home, port, files_port, pid, words, ids, big)
  local search = map(words, function (q)
    return "/ar/search?q=" .. encoded(q)
  end)
  local pages = map(ids, function (id) return "/ar/r/" .. id end)
  local function told(what, per_s, p99, own)
    common.row(what, ("%s/s"):format(common.commas(per_s)),
      ("p99 %.1f ms"):format(p99), ("%s/s of its own time"):format(
        common.commas(own)))
  end
  local mix = zipf(search)
  told(("search pages, %d queries in Zipf's order, the first %d s"):format(
    #search, SECONDS), load(home, port, mix, 16, pid))
  visit_all(home, port, search)
  told("the same, kept", load(home, port, mix, 16, pid))
  told("the same, each made anew", load(home, port, anew(mix), 16, pid))
  visit_all(home, port, pages)
  told("record pages, kept", load(home, port, pages, 16, pid))
  told("record pages, each made anew", load(home, port, anew(pages), 16, pid))
  told("the first page, kept", load(home, port, { "/ar" }, 16, pid))
  told("the style sheet", load(home, port, { "/site.css" }, 16, pid))
  load(home, port, mix, 64, pid)
  common.row("memory after 64 clients of search pages",
    ("%.1f MB"):format(memory(pid)))
  common.row("the first page; with style and icon", ("%.1f; %.1f kB"):format(
    visit(port)))
  local mb, own = download(files_port, "/f/" .. big .. "/1/big.bin", pid)
  common.row(("a file of %d MiB, verified as it is read"):format(MIB),
    ("%.0f MB/s"):format(mb), ("%.0f MB per second of its own time, "
      .. "memory then %.1f MB"):format(own, memory(pid)))
end

local function main()
  assert(QUERIES <= RECORDS)
  local home = common.output("mktemp -d"):gsub("%s+$", "")
  os.execute("mkdir " .. home .. "/spool")
  local words, ids, big = fill(home)
  os.execute(("sh -c 'echo $$ >%s/pid; exec %s tests/bench/site_bench.lua "
    .. "serve %s' >%s/out 2>&1 &"):format(home, os.getenv("LUA") or "lua5.4",
    home, home))
  local port, files_port
  repeat
    os.execute("sleep 0.2")
    local out = io.open(home .. "/out")
    if out then
      port, files_port = out:read("a"):match("(%d+)\t(%d+)")
      out:close()
    end
  until port
  local pid = assert(io.open(home .. "/pid")):read("l")
  print(("the site, one process, %s records, wrk with 16 clients"):format(
    common.commas(RECORDS)))
  local ok, message = pcall(measure, home, port, files_port, pid, words, ids,
    big)
  os.execute("kill " .. pid)
  os.execute("rm -rf " .. home)
  assert(ok, message)
end

main()
