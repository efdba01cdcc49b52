-- SPDX-License-Identifier: 0BSD
-- The command courier: what mahatta.courier does, in plain words.

local courier = require "mahatta.courier"
local out = require "mahatta.cli.out"
local work = require "mahatta.cli.work"

local command = {
  name = "courier", does = "Exchange with a stick: take in, ask, bring.",
  arguments = { { "DIR", many = true } },
  options = {
    { nil, "--all", nil, "also take in what was packed for others" },
    { nil, "--tidy", nil, "remove carry files of ours that have arrived" },
  },
  notes = [[
Takes in the carry files that lie there for this station, puts this station's
slip there, and for each other station's slip a carry file with just what that
station lacks, as far as there is room. Files on the stick are never changed.
Do the same at the next station, and the next.]],
  examples = { "mahatta courier /media/stick" },
}

local function who(did) return "station …" .. courier.tag(did) end

-- "of 2026-11-20", of a slip.
local function dated(event) return out.day(event.time) end

local say = {}

function say.taken(event)
  local r = event.report
  out.line("  took in %s: %s new, %s", out.file(event.file),
    out.count(r.added, "record"), out.count(r.files, "file block"))
  if r.bad > 0 then
    out.line("    %s, dropped", out.count(r.bad, "bad block"))
  end
  if r.withdrawn > 0 then
    out.line("    %s", out.count(r.withdrawn, "withdrawal took effect",
      "withdrawals took effect"))
  end
end

function say.slip(event)
  out.line("  wrote this station's slip: %s (%s)", out.file(event.file),
    out.size(event.told.bytes))
end

local function theirs(lacks)
  if lacks.theirs > 0 then
    out.line("    it has %s that %s not here", out.count(lacks.theirs,
      "parcel"), lacks.theirs == 1 and "is" or "are")
  end
end

function say.packed(event)
  local p = event.packed
  out.line("  for %s: %s, %s (%s)", who(event.station),
    out.count(p.records, "record"), out.count(p.files, "file"),
    out.size(p.bytes))
  out.line("    %s", out.file(event.file))
  if p.left_parcels + p.left_files > 0 then
    out.line("    no room for %s and %s: next time",
      out.count(p.left_parcels, "parcel"), out.count(p.left_files, "file"))
  end
  if p.whole > 0 then
    out.line("    its slip of %s says too little of %s: all of it is packed",
      dated(event), out.count(p.whole, "collection"))
  end
  theirs(event.lacks)
end

say["there already"] = function (event)
  out.line("  for %s: its carry file lies there already (%s)",
    who(event.station), out.file(event.file))
  theirs(event.lacks)
end

function say.complete(event)
  out.line("  %s has everything from here, by its slip of %s",
    who(event.station), dated(event))
  theirs(event.lacks)
end

function say.removed(event)
  out.line("    removed %s: it has arrived", out.file(event.file))
end

say["short slip"] = function (event)
  out.line("  %s is from an SMS and not signed: `mahatta pack FILE --slip` "
    .. "answers it", out.file(event.file))
end

function say.cut()
  out.line("  more than %s slips and carry files lie there: the rest is "
    .. "passed over", out.number(courier.FILES_MAX))
end

local function tell(event, run)
  if event.message then
    run.warn(event.file and out.file(event.file) or "courier",
      out.name(event.message))
  else
    say[event.what](event)
  end
end

-- One stick; an exit code.
local function visit(station, dir, o, run)
  if not o.json then out.line("%s", out.file(dir)) end
  local done, message = courier.visit(station, dir, {
    all = o.all, tidy = o.tidy,
    run = function (job, what) return work.try(run, job, what, o.json) end,
    report = not o.json and function (event) tell(event, run) end or nil,
  })
  if not done then
    run.warn(out.file(dir), out.name(message))
    return run.FAILED
  end
  local bad = 0
  for _, event in ipairs(done) do
    bad = bad + (event.report and event.report.bad or 0)
  end
  if o.json then
    local faults = done.faults
    done.faults = nil
    out.json({ stick = dir, events = done, faults = faults })
    done.faults = faults
  end
  return done.faults + bad > 0 and run.PARTLY or run.DONE
end

function command.run(o, run)
  local station = run.open(o)
  local failed, worst = 0, run.DONE
  for _, dir in ipairs(o.DIR) do
    local code = visit(station, dir, o, run)
    failed = failed + (code == run.FAILED and 1 or 0)
    worst = math.max(worst, code == run.DONE and code or run.PARTLY)
  end
  work.texts(run, station)
  return failed == #o.DIR and run.FAILED or worst
end

return command
