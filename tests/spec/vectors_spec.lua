-- SPDX-License-Identifier: 0BSD
-- Hostile CARs at a station: what is taken, at what cost, and what reaches
-- the disk when somebody lists them as files. The small ones lie in the tree,
-- with the fuzzers' corpus; the others beside it.
local lfs = require "lfs"
local mahatta = require "mahatta"
local support = require "support"

local has_json, json = pcall(require, "dkjson")
local OWN = "tests/fuzz/corpus/car/own-"
-- Sanitizers make everything slower and larger.
local SANITIZED = support.SANITIZED
local SLOWER = SANITIZED and 20 or 1
local CORPUS = support.VECTORS .. "/own-hostile/car/"

-- A right reader's verdict in our terms. good: blocks that hash to their
-- names; stored: those of files that are well formed; refused: not one.
local EXPECT = {
  ["ok-tiny"] = { good = 1, stored = 1, bad = 0 },
  ["cid-mismatch"] = { refused = "differ from its name" },
  ["first-bad-then-good"] = { good = 1, stored = 1, bad = 1 },
  ["dag-bomb-2pow40"] = { good = 41, stored = 34, bad = 0 },
  ["dag-chain-depth-10000"] = { good = 10001, stored = 1, bad = 0 },
  ["unixfs-lying-sizes"] = { good = 2, stored = 1, bad = 0 },
  ["unixfs-tsize-overflow"] = { good = 2, stored = 2, bad = 0 },
  ["hostile-names-dir"] = { good = 2, stored = 2, bad = 0 },
  ["duplicate-names-dir"] = { good = 2, stored = 2, bad = 0 },
  ["symlink-then-write"] = { good = 3, stored = 3, bad = 0 },
  ["identity-cid-1000B"] = { refused = "a root of 1005 bytes" },
  ["identity-root-only"] = { refused = "no carry file" },
  ["weak-hash-sha1"] = { refused = "at byte" },
  ["truncated-digest-4B"] = { refused = "at byte" },
  ["cid-nonminimal-varint"] = { refused = "CID version" },
  ["section-len-nonminimal"] = { refused = "bad length" },
  ["section-len-10-bytes-ff"] = { refused = "bad length" },
  ["section-len-2pow62"] = { refused = "not in 36" },
  ["header-len-2pow40"] = { refused = "header" },
  ["header-version-9"] = { good = 1, stored = 1, bad = 1 },
  ["header-no-roots"] = { good = 1, stored = 1, bad = 0 },
  ["header-dup-key"] = { good = 1, stored = 1, bad = 1 },
  ["header-100000-roots"] = { refused = "header" },
  ["zero-len-section"] = { good = 2, stored = 1, bad = 1 },
  ["trailing-garbage"] = { good = 1, stored = 1, bad = 1 },
  ["empty"] = { refused = "empty" },
  ["same-block-10000-times"] = { good = 10000, stored = 1, bad = 0 },
  ["zstd-bomb-1GiB-in-raw-block"] = { good = 1, stored = 1, bad = 0 },
  ["zstd-liefcs"] = { good = 1, stored = 1, bad = 0 },
  ["zstd-win31"] = { good = 1, stored = 1, bad = 0 },
}

-- The path of a vector, here or beside the tree; nil when it is nowhere.
local function vector(name)
  for _, path in ipairs({ CORPUS .. name .. ".car", OWN .. name .. ".car" }) do
    if lfs.attributes(path, "mode") == "file" then return path end
  end
end

local function sorted_names()
  local names = {}
  for name in pairs(EXPECT) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- ---- making CARs and nodes of files ----

local function varint(n)
  local bytes = ""
  while n >= 0x80 do
    bytes, n = bytes .. string.char(n & 0x7f | 0x80), n >> 7
  end
  return bytes .. string.char(n)
end

local DIGITS = "abcdefghijklmnopqrstuvwxyz234567"

-- The bytes of an id: base32 without its "b".
local function cid_bytes(id)
  local out, bits, value = {}, 0, 0
  for c in id:sub(2):gmatch(".") do
    value = value << 5 | DIGITS:find(c, 1, true) - 1
    bits = bits + 5
    if bits >= 8 then
      bits = bits - 8
      out[#out + 1] = string.char(value >> bits & 0xff)
      value = value & ((1 << bits) - 1)
    end
  end
  return table.concat(out)
end

local function car_of(blocks)
  local parts = { "\x11\xa2eroots\x80gversion\x01" }
  for _, b in ipairs(blocks) do
    parts[#parts + 1] = varint(36 + #b.bytes) .. cid_bytes(b.id) .. b.bytes
  end
  return table.concat(parts)
end

-- A file's node over ${parts}, {id, size, tsize} each.
local function node(parts)
  local links, sizes, sum, tsize = "", "", 0, 0
  for _, part in ipairs(parts) do
    local link = "\x0a\x24" .. cid_bytes(part.id) .. "\x12\x00\x18"
      .. varint(part.tsize)
    links = links .. "\x12" .. varint(#link) .. link
    sizes = sizes .. "\x20" .. varint(part.size)
    sum, tsize = sum + part.size, tsize + part.tsize
  end
  local data = "\x08\x02\x18" .. varint(sum) .. sizes
  local bytes = links .. "\x0a" .. varint(#data) .. data
  return { bytes = bytes, id = mahatta.id(bytes, "dag-pb"), size = sum,
    tsize = tsize + #bytes }
end

local function leaf(bytes)
  return { bytes = bytes, id = mahatta.id(bytes), size = #bytes,
    tsize = #bytes }
end

-- ${levels} nodes that list the one before twice: 2^levels leaves.
local function bomb(levels)
  local blocks = { leaf("five!") }
  for i = 1, levels do
    blocks[i + 1] = node({ blocks[i], blocks[i] })
  end
  return blocks
end

-- ---- measuring ----

local function longest_step(job)
  local longest = 0
  repeat
    local start = os.clock()
    local more = job:step(1)
    longest = math.max(longest, os.clock() - start)
  until not more
  return longest, job:result()
end

-- Names, kinds, sizes and targets of all below ${dir}.
local function listing(dir)
  return (support.shell("cd " .. support.quoted(dir)
    .. " && find . -printf '%p %y %s %l\\n' | sort"))
end

describe("hostile carry files", function ()
  local dir, count
  setup(function () dir, count = support.folder(), 0 end)
  teardown(support.clean)

  local function fresh()
    count = count + 1
    return assert(mahatta.open(("%s/%d.mahatta"):format(dir, count),
      { key = dir .. "/key" }))
  end

  local function take(station, path, options)
    local job, message, code = station:unpack(path, options)
    local report
    if job then report, message, code = job:run() end
    return report, message, code
  end

  it("get the verdict that each deserves", function ()
    local tried = 0
    for _, name in ipairs(sorted_names()) do
      local want, path = EXPECT[name], vector(name)
      if path then
        tried = tried + 1
        local station <close> = fresh()
        local start = os.clock()
        local report, message, code = take(station, path)
        assert.is_true(os.clock() - start < SLOWER, name .. " takes long")
        if want.refused then
          assert.is_nil(report, name)
          assert.equal("EINVALID", code, name)
          assert.is_truthy(message:find(want.refused, 1, true), message)
        else
          assert.same({ want.good, want.bad, 0, 0 }, { report.unlisted,
            report.bad, report.files, report.added }, name)
        end
        assert.equal(0, station:stats().file_blocks, name)
      end
    end
    assert.is_true(tried >= 25, tried)
  end)

  it("give their good blocks where those are to be kept", function ()
    for _, name in ipairs(sorted_names()) do
      local want, path = EXPECT[name], vector(name)
      if path then
        local station <close> = fresh()
        local report = take(station, path, { keep = true })
        assert.equal(want.stored or 0, report and report.files or 0, name)
        assert.equal(want.stored or 0, station:stats().file_blocks, name)
        assert.equal(0, support.run(station:verify(
          { read_data = true })).bad, name)
      end
    end
  end)

  it("cost little memory", function ()
    if SANITIZED then return pending("sanitizers keep freed memory") end
    local paths = {}
    for _, name in ipairs(sorted_names()) do
      local path = vector(name)
      if path then paths[#paths + 1] = ("%q"):format(path) end
    end
    local text = support.lua(([[
      local mahatta = require "mahatta"
      local function peak()
        for line in io.lines "/proc/self/status" do
          local kb = line:match "^VmHWM:%%s*(%%d+)"
          if kb then return tonumber(kb) end
        end
      end
      local dir = %q
      local s = assert(mahatta.open(dir .. "/m.mahatta"))
      assert(s:publish("a", { type = "a", title = "warm" }))
      assert(s:pack(dir .. "/warm.car")):run()
      assert(s:unpack(dir .. "/warm.car")):run()
      local before = peak()
      for _, path in ipairs({ %s }) do
        for _, keep in ipairs({ false, true }) do
          local job = s:unpack(path, { keep = keep })
          if job then job:run() job:close() end
        end
      end
      print(peak() - before)
    ]]):format(support.folder(), table.concat(paths, ",")))
    local kb = assert(tonumber(text), text)
    assert.is_true(kb < 16 * 1024, kb .. " KiB more")
  end)

  it("with one block 10000 times store it once", function ()
    local blocks = {}
    for i = 1, 10000 do blocks[i] = leaf("hello") end
    local path = support.write(dir .. "/same.car", car_of(blocks))
    local station <close> = fresh()
    assert(station:publish("c", { type = "a", files = { { name = "x",
      size = 5, data = assert(mahatta.link(blocks[1].id)) } } }))
    local report = assert(take(station, path))
    assert.same({ 1, 9999, 0, 0 },
      { report.files, report.known, report.unlisted, report.missing })
  end)

  -- Publish a record that lists the block ${id} as a file of ${size} bytes.
  local function list(station, id, size)
    return assert(station:publish("c", { type = "a", files = { { name = "f",
      size = size, data = assert(mahatta.link(id)) } } }))
  end

  it("that are bombs don't hold up pack, sweep and export", function ()
    local blocks = bomb(32)
    local top = blocks[33]
    assert.equal(5 << 32, top.size)
    local path = support.write(dir .. "/bomb.car", car_of(blocks))
    local station <close> = fresh()
    list(station, top.id, top.size)
    local report = assert(take(station, path))
    assert.same({ 33, 0, 0 }, { report.files, report.bad, report.missing })
    local start = os.clock()
    local packed = support.run(station:pack(dir .. "/bomb2.car"))
    assert.equal(2 + 1 + 33, packed.blocks)
    assert.equal(0, support.run(station:sweep()).freed)
    assert.equal(33, station:stats().file_blocks)
    support.run(station:rebuild())
    support.run(station:verify({ read_data = true }))
    assert.is_true(os.clock() - start < SLOWER, "takes long")
    -- An export ends by its own rules, or when the host closes it.
    local target = support.folder()
    local job = assert(station:export_file(top.id, target, "f"))
    for _ = 1, 20 do
      start = os.clock()
      job:step(1)
      assert.is_true(os.clock() - start < 0.2 * SLOWER, "a step is long")
    end
    job:close()
    assert.equal(". d", listing(target):sub(1, 3))
    assert.is_nil(listing(target):find("\n.", 1, true))
  end)

  it("of small leaves end where the visits do", function ()
    local blocks = bomb(17) -- 131072 leaves of 5 bytes: too many for so few
    local top = blocks[18]
    local station <close> = fresh()
    list(station, top.id, top.size)
    assert(take(station, support.write(dir .. "/small.car", car_of(blocks))))
    local target = support.folder()
    local job = assert(station:export_file(top.id, target, "f"))
    local longest, result, message, code = longest_step(job)
    job:close()
    assert.is_nil(result)
    assert.equal("ELIMIT", code, message)
    assert.is_true(longest < 0.2 * SLOWER)
    assert.equal(1, select(2, listing(target):gsub("\n", "")))
  end)

  it("deeper than 32 levels are not walked", function ()
    local blocks = { leaf("deep") }
    for i = 1, 33 do blocks[i + 1] = node({ blocks[i] }) end
    local station <close> = fresh()
    list(station, blocks[34].id, 4)
    list(station, blocks[33].id, 4)
    assert(take(station, support.write(dir .. "/deep.car", car_of(blocks))))
    local target = support.folder()
    local _, message, code = assert(station:export_file(blocks[34].id,
      target, "f")):run()
    assert.equal("ELIMIT", code, message)
    assert.equal(4, assert(station:export_file(blocks[33].id, target,
      "g")):run().size)
  end)

  -- The parts of a good file stay, whatever else lists them.
  it("that share parts with a good file do it no harm", function ()
    local a, b = leaf(support.noise(3000, 1)), leaf(support.noise(3000, 2))
    local inner = node({ a, b })
    local good = node({ inner, a })
    local lying = { id = inner.id, size = 9, tsize = 9 }
    local evil = node({ inner, lying, inner })
    local blocks = { a, b, inner, good, evil }
    for _, order in ipairs({ { good, evil }, { evil, good } }) do
      local station <close> = fresh()
      for _, root in ipairs(order) do list(station, root.id, root.size) end
      local report = take(station, support.write(dir .. "/share.car",
        car_of(blocks)))
      assert.equal(0, report.missing)
      support.run(station:sweep())
      support.run(station:sweep())
      local car = support.folder() .. "/out.car"
      support.run(station:pack(car))
      local other <close> = fresh()
      assert(take(other, car))
      for _, one in ipairs({ station, other }) do
        local written = assert(one:export_file(good.id, support.folder(),
          "f")):run()
        assert.equal(9000, written.size)
        assert.is_nil((assert(one:export_file(evil.id, support.folder(),
          "f")):run()))
      end
    end
  end)

  it("listed with a wrong size keep their parts", function ()
    local a, b = leaf(support.noise(300, 1)), leaf(support.noise(300, 2))
    local top = node({ a, b })
    local station <close> = fresh()
    list(station, top.id, 7)
    assert(take(station, support.write(dir .. "/size.car",
      car_of({ top, a, b }))))
    support.run(station:sweep())
    support.run(station:sweep())
    assert.equal(600, assert(station:export_file(top.id, support.folder(),
      "f")):run().size)
  end)

  it("whose roots are no files export nothing", function ()
    for _, name in ipairs({ "hostile-names-dir", "duplicate-names-dir",
        "symlink-then-write", "unixfs-lying-sizes" }) do
      local path = assert(vector(name))
      local car = support.read(path)
      local root = mahatta.decode(car:sub(2, 1 + car:byte(1))).roots[1]
      local station <close> = fresh()
      local id = list(station, tostring(root), 5)
      assert(take(station, path), name)
      local target = support.folder()
      local written, message, code = station:export(id, target)
      assert.is_nil(written, name)
      assert.is_string(message)
      assert.is_string(code)
      assert.equal(1, select(2, listing(target):gsub("\n", "")), name)
    end
  end)

  it("of other people's tests are read or refused in words", function ()
    local folder = support.VECTORS .. "/car"
    if not lfs.attributes(folder, "mode") then
      return pending("no vectors here: 23 files skipped")
    end
    local names = support.shell("find " .. support.quoted(folder)
      .. " -type f")
    local tried, read = 0, 0
    for path in names:gmatch("[^\n]+") do
      local station <close> = fresh()
      local report, message, code = take(station, path, { keep = true })
      tried = tried + 1
      if report then
        read = read + 1
        assert.equal(0, support.run(station:verify(
          { read_data = true })).bad, path)
      else
        assert.equal("EINVALID", code, path)
        assert.is_true(#message > 10)
      end
    end
    assert.is_true(tried > 20, tried)
    assert.is_true(read >= 4, read)
  end)

  it("of version 2 are read to the end of their data", function ()
    for _, path in ipairs({ OWN .. "v2.car",
        support.VECTORS .. "/car/sample-unixfs-v2.car",
        support.VECTORS .. "/car/sample-rw-bs-v2.car" }) do
      if lfs.attributes(path, "mode") then
        local station <close> = fresh()
        local report = assert(take(station, path, { keep = true }))
        assert.same({ 0, 0 }, { report.bad, report.unlisted }, path)
        assert.is_true(report.files > 0, path)
      end
    end
  end)
end)

describe("hostile names", function ()
  local NAMES = { "../../etc/passwd", "/etc/passwd", "..", ".", "a/../../b",
    "a\\..\\..\\b", "C:\\x", "con", "NUL", "a\0b", "a\nb", "\27[31mred",
    "\u{202e}gpj.exe", "-rf", "~", ".ssh/authorized_keys", "trailing.",
    "way/in", "way", "taken", ("x"):rep(1000), "COM¹", "．．／x" }
  local station, id, names
  setup(function ()
    local bytes = support.read(support.VECTORS
      .. "/own-hostile/names-and-titles.json")
    names = table.move(NAMES, 1, #NAMES, 1, {})
    for _, name in ipairs(bytes and has_json and json.decode(bytes).names
        or {}) do
      if name ~= "" then names[#names + 1] = name end
    end
    station = support.station({})
    local path = support.write(support.folder() .. "/f", "payload")
    local link = support.run(station:add_file(path)).link
    local files = {}
    for i, name in ipairs(names) do
      files[i] = { name = name, size = 7, data = link }
    end
    id = assert(station:publish("c", { type = "a", files = files }))
  end)
  teardown(function ()
    station:close()
    support.clean()
  end)

  -- outer/in is the target; beside it and in it lie things to be hit.
  local function trap()
    local outer = support.folder()
    lfs.mkdir(outer .. "/in")
    lfs.mkdir(outer .. "/aside")
    support.write(outer .. "/secret", "secret")
    assert(lfs.link("../aside", outer .. "/in/way", true))
    assert(lfs.link("../aside", outer .. "/in/a", true))
    assert(lfs.link("../secret", outer .. "/in/b", true))
    assert(lfs.link("../none", outer .. "/in/red", true))
    support.write(outer .. "/in/taken", "mine")
    return outer
  end

  local function below(outer)
    local _, all = pcall(listing, outer)
    return (all:gsub("[^\n]*%./in/[^\n]*\n", ""):gsub("%./in d %d+", "./in"))
  end

  it("stay inside, and nothing there is written over", function ()
    local outer = trap()
    local before = below(outer)
    local exported = 0
    for round = 1, 2 do
      for i, file in ipairs(station:get(id).record.files) do
        local job, message = station:export_file(file.data, outer .. "/in",
          file.name)
        local result
        if job then result, message = job:run() end
        if result then
          exported = exported + 1
          assert.equal(outer .. "/in/", result.path:sub(1, #outer + 4))
          assert.is_nil(result.path:find("[\0-\31\127\\]"))
          assert.is_nil(result.path:find("/%.%.?/"))
          assert.equal("payload", support.read(result.path))
          assert.is_truthy(listing(outer):find("f 7 \n", 1, true))
        else
          assert.is_string(message)
          -- Only where a link stands in the way of a folder.
          local first = file.name:match("^[^/\\]+")
          assert.is_true(first == "a" or first == "way",
            ("%d %q: %s"):format(round, names[i], message))
        end
      end
    end
    assert.is_true(exported >= 2 * #names - 10, exported)
    assert.equal(before, below(outer))
    assert.equal("mine", support.read(outer .. "/in/taken"))
    assert.equal("payload", support.read(outer .. "/in/taken (2)"))
    assert.equal("payload", support.read(outer .. "/in/taken (3)"))
    assert.equal("secret", support.read(outer .. "/secret"))
    for _, link in ipairs({ "way", "a", "b", "red" }) do
      assert.equal("link", lfs.symlinkattributes(outer .. "/in/" .. link,
        "mode"))
    end
    assert.is_nil(listing(outer):find("%.part"))
  end)

  it("of one record are written side by side", function ()
    local outer = support.folder()
    lfs.mkdir(outer .. "/in")
    local before = below(outer)
    local written = assert(station:export(id, outer .. "/in"))
    assert.equal(#names, #written)
    local seen = {}
    for _, file in ipairs(written) do
      assert.is_nil(seen[file.path], file.path)
      seen[file.path] = true
      assert.equal("payload", support.read(file.path))
    end
    assert.equal(before, below(outer))
  end)
end)
