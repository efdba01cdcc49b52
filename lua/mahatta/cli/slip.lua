-- SPDX-License-Identifier: 0BSD
-- The command slip: as a file, a QR code, or lines for SMS.

local lfs = require "lfs"
local mahatta = require "mahatta"
local out = require "mahatta.cli.out"
local work = require "mahatta.cli.work"

local CODE_MAX = 4296 -- letters of the largest QR code

local slip = {
  name = "slip", does = "Write a slip: what is here, and what is wanted.",
  arguments = { { "FILE", optional = true } },
  options = {
    { nil, "--qr", nil, "print it as a QR code" },
    { nil, "--for", "sms", "print lines that fit an SMS, unsigned" },
    { nil, "--budget", "SIZE", "bytes that the answer may have: 8G" },
    { nil, "--files", "SIZE", "largest file wanted, over the follow rules" },
    { nil, "--max", "SIZE", "bytes the slip may have; the newest goes first" },
    { nil, "--expect", "N", "parcels that may differ; 512, or a sixteenth" },
    { nil, "--exact", nil, "name each parcel: larger, right in any case" },
  },
  notes = [[
Give the slip to whoever goes to another station. There, `mahatta pack` makes
the carry file that holds just what is lacking here. A FILE that ends in .png
or .svg becomes a picture of a QR code. Text from a QR code or an SMS goes to
`mahatta pack FILE --slip -`.]],
  examples = { "mahatta slip /media/stick/basra.slip --budget 8G",
    "mahatta slip --qr", "mahatta slip basra.png",
    "mahatta slip --for sms" },
}

local function tell(told)
  out.line("%s of %s%s", out.count(told.parcels, "parcel"),
    out.count(told.wishes, "collection or pattern",
      "collections or patterns"),
    told.sketches > 0 and (", %s told by a sketch"):format(
      out.number(told.sketches)) or "")
  if told.left_out > 0 then
    out.line("no room for %s: the next slip, or one without limit",
      out.count(told.left_out, "collection"))
  end
end

local function advise(station)
  if #station:follows() == 0 then
    out.line("nothing is followed here, so it asks for everything: `mahatta "
      .. "follow PATTERN` narrows it")
  end
end

-- ---- QR codes ----

-- Bytes of a slip whose text has that many letters.
local function bytes_for(letters)
  return math.max(1, (letters - #"MAHATTA:") // 3 * 2)
end

local function least(a, b) return a and math.min(a, b) or b end

-- Columns of the terminal, nil where there is none.
local function terminal_columns()
  local pipe = io.popen("stty size 2>/dev/null </dev/tty")
  local text = pipe and pipe:read("a") or ""
  if pipe then pipe:close() end
  local columns = tonumber(text:match("^%d+ (%d+)"))
  return columns and columns > 0 and columns or nil
end

local function print_code(station, options, o, run)
  local columns = terminal_columns()
  local room = columns and mahatta.qr_room(columns) or CODE_MAX
  options.max = least(options.max, bytes_for(room))
  local text, told, code = station:slip_text(options)
  if not text and code == "ELIMIT" and room < CODE_MAX then
    return run.fail("a terminal of %d columns has no room for a slip: make "
      .. "its letters smaller, or write a picture: `mahatta slip slip.png`",
      columns)
  end
  run.check(text, told, code)
  if o.json then
    told.text = text
    return out.json(told)
  end
  io.stdout:write((run.check(mahatta.qr(text))))
  tell(told)
  out.line("what a scanner reads goes to `mahatta pack FILE --slip -` at the "
    .. "other station")
  if told.left_out > 0 then
    out.line("(a wider terminal, or a picture, holds more: `mahatta slip "
      .. "slip.png`)")
  end
  advise(station)
end

local function write_picture(station, options, form, o, run)
  if lfs.symlinkattributes(o.FILE, "mode") then
    return run.fail("%s exists: pictures are not written over",
      out.name(o.FILE))
  end
  options.max = least(options.max, bytes_for(CODE_MAX))
  local text, told, code = station:slip_text(options)
  run.check(text, told, code)
  local picture = run.check(mahatta.qr(text, form))
  local file = run.check(io.open(o.FILE, "wb"))
  local ok, message = file:write(picture)
  run.check(file:close() and ok, message)
  if o.json then return out.json(told) end
  out.line("%s: a QR code with a slip of %s", out.file(o.FILE),
    out.size(told.bytes))
  tell(told)
  advise(station)
end

-- ---- SMS ----

local function print_lines(station, options, o, run)
  local lines, told, code = station:slip_short(options)
  run.check(lines, told, code)
  if o.json then
    told.lines = {}
    for line in lines:gmatch("[^\n]+") do table.insert(told.lines, line) end
    return out.json(told)
  end
  io.stdout:write(lines)
  -- Beside the lines, not among them: they may go into a file.
  local function note(format, ...)
    io.stderr:write(format:format(...), "\n")
  end
  if lines == "" then
    note("nothing is here yet that an SMS could tell: give somebody a slip "
      .. "as a file, or as a QR code")
    return run.FAILED
  end
  note("one SMS a collection; each tells up to 9 parcels that differ, and "
    .. "nobody can tell who wrote it")
  if told.left_out > 0 then
    note("the %s with the newest parcels; %s left out",
      out.number(told.sketches), out.number(told.left_out))
  end
end

function slip.run(o, run)
  local options = { budget = work.size(o.budget, "--budget", run),
    files = work.size(o.files, "--files", run), exact = o.exact,
    max = work.size(o.max, "--max", run),
    expect = work.whole(o.expect, "--expect", run, 1, 1000000000) }
  local medium = o["for"]
  if medium and medium ~= "sms" then
    return run.usage("--for takes one word: sms")
  end
  if not o.FILE and not o.qr and not medium then
    return run.usage("say a FILE, --qr or --for sms")
  end
  if (o.FILE and 1 or 0) + (o.qr and 1 or 0) + (medium and 1 or 0) > 1 then
    return run.usage("one of FILE, --qr and --for at a time")
  end
  local station = run.open(o, { readonly = true })
  if medium then return print_lines(station, options, o, run) end
  if o.qr then return print_code(station, options, o, run) end
  local form = o.FILE:lower():match("%.(%l%l%l)$")
  if form == "png" or form == "svg" then
    return write_picture(station, options, form, o, run)
  end
  local told = run.check(station:slip(o.FILE, options))
  if o.json then return out.json(told) end
  out.line("%s: %s", out.file(o.FILE), out.size(told.bytes))
  tell(told)
  advise(station)
end

return slip
