-- SPDX-License-Identifier: 0BSD
-- The demo: a book and a dataset travel from a station in Baghdad to one in
-- Basra that has never had a network, on a stick. FOLDER=path publishes that
-- folder instead; KEEP=1 keeps what it made.

package.path = "./lua/?.lua;./lua/?/init.lua;./tests/tools/?.lua;"
  .. package.path
package.cpath = (os.getenv("LUA_CPATH") and "" or "./build/5.4/?.so;")
  .. package.cpath

local lfs = require "lfs"
local adding = require "mahatta.cli.adding"
local demo_data = require "demo_data"
local folder = require "mahatta.cli.folder"
local mahatta = require "mahatta"
local out = require "mahatta.cli.out"

local HANDBOOK = "/usr/share/doc/debian-handbook/html/"
local FOLDER = os.getenv("FOLDER")
if FOLDER == "" then FOLDER = nil end

local home -- the temporary folder
local published -- what is published where, see sources()
local begun, step_started -- seconds, see now()

-- ---- small helpers ----

-- Seconds since the machine started, to 1/100; plain Lua has no finer clock
-- on the wall.
local function now()
  local file = io.open("/proc/uptime")
  local seconds = file and tonumber(file:read("a"):match("^%S+"))
  if file then file:close() end
  return seconds or os.time()
end

local function quoted(path)
  return "'" .. path:gsub("'", "'\\''") .. "'"
end

local function first_line_of(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read("l")
  pipe:close()
  return line
end

local function sha256(path)
  local line = first_line_of("sha256sum < " .. quoted(path)) or ""
  return assert(line:match("^%x+"), "sha256sum says nothing of " .. path)
end

local function size_of(path)
  return assert(lfs.attributes(path, "size"), path .. " is not there")
end

local function step(n, what)
  out.line("")
  out.line("%d  %s", n, what)
  step_started = now()
end

local function note(format, ...)
  out.line("     " .. format, ...)
end

local function took()
  return math.max(now() - step_started, 0.01)
end

local function finish(job, message)
  return assert(assert(job, message):run())
end

-- ---- the steps ----

-- What is published where: { path, collection, and options of adding.run }.
local function sources()
  if FOLDER then
    local base = FOLDER:gsub("/+$", ""):match("([^/]+)$") or "folder"
    local name = base:lower():gsub("[^%w]+", "-"):gsub("^%-+", "")
      :gsub("%-+$", "")
    return { { FOLDER, "folder/" .. (name ~= "" and name or "x") } }
  end
  local list = {}
  for _, edition in ipairs({ "ar-MA", "en-US" }) do
    if lfs.attributes(HANDBOOK .. edition, "mode") == "directory" then
      list[#list + 1] = { HANDBOOK .. edition,
        "books/debian-handbook/" .. edition:sub(1, 2),
        type = "lesson", license = "CC-BY-SA-3.0" }
    end
  end
  if demo_data.available() then
    assert(lfs.mkdir(home .. "/places-of-iraq"))
    demo_data.write(home .. "/places-of-iraq")
    list[#list + 1] = { home .. "/places-of-iraq", "data/iraq" }
  end
  assert(#list > 0, "neither debian-handbook nor iso-codes is installed: "
    .. "`make deps`, or FOLDER=path")
  return list
end

-- Tell of the first few documents that were left out, and of all by number.
local function tell_faults(faults)
  for i = 1, math.min(#faults, 3) do
    note("left out %s: %s", out.file(faults[i].path), faults[i].fault)
  end
  if #faults > 3 then note("and %d more", #faults - 3) end
end

local function publish(baghdad)
  local records, files, bytes = 0, 0, 0
  published = sources()
  for _, source in ipairs(published) do
    local plans = assert(folder.plan({ source[1] }, {}))
    local sum = assert(adding.run(baghdad, plans, { collection = source[2],
      type = source.type, license = source.license }))
    tell_faults(sum.faults)
    note("%-26s %s", out.name(source[2]), out.count(sum.published, "record"))
    records, files = records + sum.published, files + sum.files
    bytes = bytes + sum.bytes
  end
  assert(records > 0, "nothing to publish in " .. (FOLDER or "the packages"))
  local seconds = took()
  note("%s, %s, %s in %.2f s: %s records/s, %s/s",
    out.count(records, "record"), out.count(files, "file"), out.size(bytes),
    seconds, out.number(math.floor(records / seconds)),
    out.size(math.floor(bytes / seconds)))
end

-- Words to search for: of the handbook and the dataset, or of the titles.
local function queries(station)
  if not FOLDER then
    return { "جدار ناري", "إدارة الحزم", "تشفير القرص", "البصره", "هەولێر",
      "silemani" }
  end
  local words, seen = {}, {}
  for entry in station:list("*", { limit = 500 }) do
    local title, best = out.title_of(entry.record), ""
    for word in title:gmatch("[%w\128-\255]+") do
      if #word > #best and #word < 40 then best = word end
    end
    if #best >= 4 and not seen[best] and #words < 5 then
      seen[best] = true
      words[#words + 1] = best
    end
  end
  return words
end

local AROUND = 40 -- characters before and after the first word found

-- Whole words from the end (or the start) of a text, AROUND characters at most:
-- a cut within a word could part a letter from its marks.
local function last_words(text)
  if (utf8.len(text) or 0) <= AROUND then return text end
  return "…" .. (text:sub(utf8.offset(text, -AROUND)):match("%s(.*)$") or "")
end

local function first_words(text)
  if (utf8.len(text) or 0) <= AROUND then return text end
  local start = text:sub(1, utf8.offset(text, AROUND + 1) - 1)
  return (start:match("^(.*)%s") or "") .. "…"
end

-- The snippet's first found word with what stands around it.
local function around(snippet)
  local line = snippet:gsub("%s+", " ")
  local from = line:find("«", 1, true) or 1
  local to = select(2, line:find("»", from, true)) or from
  return out.name(last_words(line:sub(1, from - 1)) .. line:sub(from, to)
    .. first_words(line:sub(to + 1)))
end

local TIMES = 20 -- a query, as one is too quick to measure

local function search(station)
  for _, query in ipairs(queries(station)) do
    local hits
    local started = os.clock()
    for _ = 1, TIMES do hits = assert(station:find(query)) end
    local ms = (os.clock() - started) * 1000 / TIMES
    assert(#hits > 0, "nothing found for " .. query)
    note("%s   %s, %.1f ms", out.name(query), out.count(
      #station:find(query, { limit = 1000 }), "record"), ms)
    note("   %s", out.name(out.short(hits[1].title, 70)))
    note("   %s", around(hits[1].snippet))
  end
end

-- A record with a picture if there is one, else any with a file.
local function one_with_files(station)
  local found
  for entry in station:list("*") do
    for i, file in ipairs(entry.record.files or {}) do
      found = found or { entry = entry, file = file }
      if i > 1 and (file.type or ""):find("^image/png")
          and file.size > 100000 then
        return { entry = entry, file = file }
      end
    end
  end
  return found
end

-- Where Baghdad's original of an exported file lies.
local function original(entry, file)
  for _, source in ipairs(published) do
    if source[2] == entry.collection then
      local path = source[1] .. "/" .. file.name
      if lfs.attributes(path, "mode") == "file" then return path end
    end
  end
end

local function export(station)
  local chosen = one_with_files(station)
  local entry = chosen.entry
  local files = assert(station:export(entry.id, home .. "/out"))
  note("%s", out.name(out.short(out.title_of(entry.record), 70)))
  local compared = 0
  for _, file in ipairs(files) do
    local source = original(entry, file)
    if source then
      assert(sha256(source) == sha256(file.path),
        file.path .. " is not what was published")
      compared = compared + 1
      if file.name == chosen.file.name then
        note("%s  %s", out.name(file.name), out.size(file.size))
        note("   sha256 there %s", sha256(source))
        note("   sha256 here  %s", sha256(file.path))
      end
    end
  end
  assert(compared > 0, "no original to compare with")
  note("%d of %s compared by sha256sum, all equal", compared,
    out.count(#files, "file"))
end

local function receipt(basra, baghdad, stick)
  assert(basra:slip(stick .. "/basra-2.slip"))
  local packed = finish(baghdad:pack(stick .. "/basra-2.car.zst",
    { slip = stick .. "/basra-2.slip" }))
  assert(packed.parcels + packed.records + packed.files == 0,
    "something still lacks")
  note("second slip %s; Baghdad finds: nothing lacks",
    out.size(size_of(stick .. "/basra-2.slip")))
end

local function carry(baghdad, basra, stick)
  local slip, car = stick .. "/basra.slip", stick .. "/basra.car.zst"
  step(2, "Basra follows the collections and writes what it wants")
  for _, pattern in ipairs(FOLDER and { "folder/*" }
      or { "books/*", "data/*" }) do
    assert(basra:follow(pattern))
  end
  local told = assert(basra:slip(slip, { budget = "8G" }))
  note("%-14s %s: has %s, asks for %s", "basra.slip", out.size(told.bytes),
    out.count(told.parcels, "parcel"), out.count(told.wishes, "pattern"))

  step(3, "The stick goes to Baghdad, which packs just that")
  local packed = finish(baghdad:pack(car, { slip = slip }))
  note("%-14s %s: %s, %s, %s in %.2f s", "basra.car.zst",
    out.size(packed.bytes), out.count(packed.records, "record"),
    out.count(packed.files, "file"), out.count(packed.blocks, "block"),
    took())

  step(4, "The stick comes back; Basra checks every block and takes it in")
  local report = finish(basra:unpack(car))
  assert(report.bad == 0 and report.missing == 0, "something is missing")
  note("%s, %s in %.2f s: %s/s; %d bad, %d missing",
    out.count(report.added, "record"), out.size(report.bytes), took(),
    out.size(math.floor(report.bytes / took())), report.bad, report.missing)
end

local function demo()
  local stick = home .. "/stick"
  assert(lfs.mkdir(stick))
  assert(lfs.mkdir(home .. "/out"))
  local baghdad = assert(mahatta.open(home .. "/baghdad.mahatta"))
  local basra = assert(mahatta.open(home .. "/basra.mahatta"))
  out.line("%s: from Baghdad to Basra, without a network", mahatta._VERSION)

  step(1, "Baghdad publishes " .. (FOLDER and out.name(FOLDER)
    or "the Debian handbook and a dataset"))
  publish(baghdad)
  carry(baghdad, basra, stick)
  step(5, "Basra searches, in its own languages")
  search(basra)
  step(6, "Basra opens one and compares it with the original")
  export(basra)
  step(7, "The receipt")
  receipt(basra, baghdad, stick)

  local stats = assert(basra:stats())
  out.line("")
  out.line("Basra holds %s in %s blocks, %s on disk. Whole way %.1f s.",
    out.size(stats.bytes), out.number(stats.blocks), out.size(stats.disk),
    now() - begun)
  baghdad:close()
  basra:close()
end

-- The temporary folder, which mktemp made for us alone.
local function remove_home()
  if os.getenv("KEEP") == "1" then
    out.line("kept in %s", home)
  else
    os.execute("rm -rf -- " .. quoted(home)) -- plain Lua removes no folders
  end
end

if FOLDER and lfs.attributes(FOLDER, "mode") ~= "directory" then
  io.stderr:write("demo: FOLDER=", FOLDER, " is no folder\n")
  os.exit(1)
end
begun = now()
home = assert(first_line_of("mktemp -d"), "mktemp makes no folder")
local ok, fault = xpcall(demo, debug.traceback)
if not ok then io.stderr:write("demo: ", tostring(fault), "\n") end
remove_home()
os.exit(ok and 0 or 1, true)
