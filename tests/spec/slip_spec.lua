-- SPDX-License-Identifier: 0BSD
-- Slips in their many forms, as the command makes and takes them. Another
-- program (zbarimg) reads the QR codes.
local mahatta = require "mahatta"
local support = require "support"

local quoted = support.quoted

describe("slip", function ()
  local dir, there
  before_each(function ()
    dir = support.folder()
    there = assert(mahatta.open(dir .. "/there.mahatta"))
    for i = 1, 30 do
      assert(there:publish("edu/x", { type = "note", title = "number " .. i }))
    end
    local here <close> = assert(mahatta.open(dir .. "/here.mahatta"))
    assert(here:follow("edu/*"))
    support.carry(there, here)
    for i = 1, 4 do
      assert(there:publish("edu/x", { type = "note", title = "new " .. i }))
    end
  end)
  after_each(function ()
    there:close()
    support.clean()
  end)

  -- The command on one of the stations; standard input from a file.
  local function run(station, words, input)
    return support.shell(("LUA_CPATH=%s lua5.4 lua/mahatta/cli/main.lua -s %s "
      .. "%s <%s"):format(quoted(package.cpath), quoted(dir .. "/" .. station),
      words:gsub("@", dir .. "/"), input and dir .. "/" .. input
      or "/dev/null"))
  end

  local function ok(...)
    local text, code = run(...)
    assert.equal(0, code, text)
    return text
  end

  -- What is packed for the slip: 4 records.
  local function answers(words, input)
    os.remove(dir .. "/x.car")
    local text = ok("there.mahatta", "pack @x.car " .. words, input)
    assert.is_truthy(text:find("4 records, 0 files, 4 parcels", 1, true), text)
    return text
  end

  -- What zbarimg reads in a picture.
  local function scan(path)
    local text, code = support.shell("{ zbarimg --quiet --raw -Sdisable "
      .. "-Sqrcode.enable " .. quoted(path) .. " 2>/dev/null; }")
    assert.equal(0, code, text)
    return text
  end

  -- Rows of modules (true: dark) as a picture.
  local function write_pbm(rows)
    local out = { ("P1 %d %d\n"):format(#rows[1] * 4, #rows * 4) }
    for _, row in ipairs(rows) do
      local line = {}
      for i, dark in ipairs(row) do line[i] = (dark and "1" or "0"):rep(4) end
      out[#out + 1] = (table.concat(line) .. "\n"):rep(4)
    end
    return support.write(dir .. "/code.pbm", table.concat(out))
  end

  it("is a picture that other programs read", function ()
    ok("here.mahatta", "slip @x.png")
    support.write(dir .. "/scan.txt", scan(dir .. "/x.png"))
    answers("--slip @scan.txt")
    answers("--slip -", "scan.txt")
    local text, code = run("here.mahatta", "slip @x.png")
    assert.equal(1, code, text)
    assert.is_truthy(text:find("exists", 1, true), text)
  end)

  it("is drawn as SVG", function ()
    ok("here.mahatta", "slip @x.svg")
    local svg = support.read(dir .. "/x.svg")
    local side = tonumber(svg:match('viewBox="0 0 (%d+) '))
    local rows = {}
    for y = 1, side do
      rows[y] = {}
      for x = 1, side do rows[y][x] = false end
    end
    local path = svg:match('.*<path d="([^"]+)"')
    for x, y, n in path:gmatch("M(%d+) (%d+)h(%d+)v1") do
      for i = 1, n do rows[y + 1][x + i] = true end
    end
    support.write(dir .. "/scan.txt", scan(write_pbm(rows)))
    answers("--slip @scan.txt")
  end)

  it("is printed for dark and for light terminals", function ()
    local text = ok("here.mahatta", "slip --qr")
    local rows = {}
    for line in text:gmatch("\27%[30;107m(.-)\27%[0m\n") do
      local upper, lower = {}, {}
      for _, c in utf8.codes(line) do
        upper[#upper + 1] = c == 0x2580 or c == 0x2588
        lower[#lower + 1] = c == 0x2584 or c == 0x2588
      end
      rows[#rows + 1] = upper
      rows[#rows + 1] = lower
    end
    assert.is_true(#rows >= 29)
    support.write(dir .. "/scan.txt", scan(write_pbm(rows)))
    answers("--slip @scan.txt")
    assert.is_truthy(text:find("30 parcels of 1 collection", 1, true), text)
  end)

  it("is lines for SMS, which prove nothing and say so", function ()
    local text = ok("here.mahatta", "slip --for sms")
    local line = text:match("^(mhs1[%w_-]+)\n") or text:match("\n(mhs1[%w_-]+)")
    assert.is_true(#line <= 140)
    assert.is_truthy(text:find("nobody can tell who wrote it", 1, true), text)
    support.write(dir .. "/sms", line)
    answers("--slip -", "sms")
    support.write(dir .. "/sms", line:sub(1, -2))
    ok("new.mahatta", "init")
    local none, failed = run("new.mahatta", "slip --for sms")
    assert.equal(1, failed, none)
    assert.is_truthy(none:find("nothing is here yet", 1, true), none)
    local fault, code = run("there.mahatta", "pack @y.car --slip @sms")
    assert.equal(1, code, fault)
    assert.is_truthy(fault:find("short slip", 1, true), fault)
    assert.is_nil(fault:find("traceback", 1, true), fault)
  end)

  it("can be made smaller, or exact", function ()
    local few = ok("here.mahatta", "slip @few.slip --max 400")
    assert.is_truthy(few:find("few.slip: 3%d%d bytes"), few)
    answers("--slip @few.slip")
    ok("here.mahatta", "slip @exact.slip --exact")
    answers("--slip @exact.slip")
    ok("here.mahatta", "slip @large.slip --max 1T --budget 9000T --expect 9")
    answers("--slip @large.slip")
    local fault, code = run("here.mahatta", "slip @none.slip --max 100")
    assert.equal(1, code, fault)
    assert.is_truthy(fault:find("can't tell a single collection", 1, true),
      fault)
    for words, want in pairs({
      ["slip"] = "say a FILE", ["slip @x --qr"] = "one of FILE",
      ["slip --for mail"] = "sms", ["slip @x --expect 0"] = "whole number",
    }) do
      fault, code = run("here.mahatta", words)
      assert.equal(2, code, fault)
      assert.is_truthy(fault:find(want, 1, true), fault)
    end
  end)

  it("tells scripts all of it", function ()
    local slip = dir .. "/x.slip"
    local here <close> = assert(mahatta.open(dir .. "/here.mahatta"))
    assert(here:publish("edu/x", { type = "note", title = "only here" }))
    local told = assert(here:slip(slip, { max = 2000 }))
    assert.equal(31, told.parcels)
    assert.equal(0, told.left_out)
    local said = assert(mahatta.read_slip(slip))
    assert.equal(here:id(), said.station)
    assert.is_false(said.short)
    local lacks = support.run(there:lacks(slip))
    assert.equal(4, lacks.parcels)
    assert.equal(4, lacks.records)
    assert.equal(0, lacks.whole)
    assert.is_nil(mahatta.read_slip(dir .. "/none"))
    assert.is_nil((mahatta.read_slip("lua/mahatta/init.lua")))
    assert.is_true(assert(mahatta.space(dir)) > 0)
    local none, message, code = mahatta.space(dir .. "/none")
    assert.is_nil(none)
    assert.is_string(message)
    assert.equal("ENOENT", code)
    support.raises("unknown option 'maximum'", here.slip, here, slip,
      { maximum = 3 })
    none, message, code = mahatta.qr(("x"):rep(3000))
    assert.is_nil(none)
    assert.equal("ELIMIT", code)
    assert.is_truthy(message:find("3000 letters", 1, true))
    assert.equal(0, mahatta.qr_room(-1))
    assert.equal(4296, mahatta.qr_room(1000))
    support.raises("invalid option", mahatta.qr, "x", "gif")
  end)
end)
