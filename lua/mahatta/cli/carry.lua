-- SPDX-License-Identifier: 0BSD
-- Commands that carry and keep: follow, unfollow, pack, unpack, verify, scrub,
-- rebuild, sweep; and those with files of their own, slip and courier.

local out = require "mahatta.cli.out"
local work = require "mahatta.cli.work"

local finish, size_of = work.finish, work.size

-- ---- follow ----

local follow = {
  name = "follow", does = "Ask for a collection, or all below a prefix.",
  arguments = { { "PATTERN" } },
  options = {
    { nil, "--files", "SIZE",
      "largest file to ask for: 10M, none, all (default)" },
  },
  notes = "What is followed goes into the slips that this station writes.",
  examples = { "mahatta follow 'edu/*' --files 10M" },
}

function follow.run(o, run)
  local files = size_of(o.files, "--files", run)
  local station = run.open(o)
  run.check(station:follow(o.PATTERN, { files = files }))
  if o.json then return out.json({ pattern = o.PATTERN }) end
  out.line("following %s", out.name(o.PATTERN))
end

local unfollow = {
  name = "unfollow", does = "Don't ask for it any more. What is here stays.",
  arguments = { { "PATTERN" } },
  examples = { "mahatta unfollow 'edu/*'" },
}

function unfollow.run(o, run)
  local station = run.open(o)
  run.check(station:unfollow(o.PATTERN))
  if o.json then return out.json({ pattern = o.PATTERN }) end
  out.line("not following %s any more", out.name(o.PATTERN))
end

-- ---- pack ----

local pack = {
  name = "pack", does = "Write a carry file for somebody else's station.",
  arguments = { { "FILE" } },
  options = {
    { nil, "--slip", "SLIP", "just what the slip's author lacks; - reads "
      .. "text" },
    { "-c", "--collection", "NAME", "only these; a name or pattern; may be "
      .. "repeated", many = true },
    { nil, "--budget", "SIZE", "bytes the file may have; default the slip's" },
    { nil, "--files", "SIZE", "largest file to take; default all" },
    { nil, "--level", "N", "of compression, 1 to 19; default 5" },
  },
  notes = [[
A name that ends in .car.zst is compressed. What matters most stands first, so
that a stick that is pulled out early has the right things on it.]],
  examples = {
    "mahatta pack /media/stick/basra.car.zst --slip /media/stick/basra.slip",
    "mahatta pack all.car --collection 'edu/*'",
  },
}

-- What the slip tells beside what its author lacks.
local function tell_theirs(packed)
  if packed.whole and packed.whole > 0 then
    out.line("  the slip says too little of %s: all of it is packed",
      out.count(packed.whole, "collection"))
  end
  if packed.theirs and packed.theirs > 0 then
    out.line("  there are %s that are not here: ask for them with a slip",
      out.count(packed.theirs, "parcel"))
  end
end

local function tell_packed(packed, o)
  if packed.parcels + packed.records + packed.files == 0
      and packed.left_parcels + packed.left_files == 0 then
    out.line("%s: %s", out.file(packed.path), o.slip
      and "nothing lacks: all that is here has arrived there"
      or "empty: there is nothing to carry")
    return tell_theirs(packed)
  end
  out.line("%s: %s", out.file(packed.path), out.size(packed.bytes))
  out.line("  %s, %s, %s; %s in all", out.count(packed.records, "record"),
    out.count(packed.files, "file"), out.count(packed.parcels, "parcel"),
    out.count(packed.blocks, "block"))
  if packed.left_parcels > 0 or packed.left_files > 0 then
    out.line("  left out, as the budget is full: %s, %s",
      out.count(packed.left_parcels, "parcel"),
      out.count(packed.left_files, "file"))
  end
  tell_theirs(packed)
end

function pack.run(o, run)
  local level = work.whole(o.level, "--level", run, 1, 19)
  local options = { slip = o.slip, collections = o.collection, level = level,
    budget = size_of(o.budget, "--budget", run),
    files = size_of(o.files, "--files", run) }
  local station = run.open(o, { readonly = true })
  local job = run.check(station:pack(o.FILE, options))
  local packed = finish(run, job, "packed", o.json)
  if o.json then return out.json(packed) end
  tell_packed(packed, o)
end

-- ---- unpack ----

local unpack = {
  name = "unpack", does = "Take in carry files. They are only read.",
  arguments = { { "FILE", many = true } },
  options = {
    { "-c", "--collection", "NAME", "only these; a name or pattern; may be "
      .. "repeated", many = true },
    { nil, "--keep", nil, "also keep good blocks that nothing asks for" },
  },
  notes = [[
Every block is checked. Damage costs the blocks that it hits; the good ones
beside them are kept, and the exit code is 3.]],
  examples = { "mahatta unpack /media/stick/*.car.zst" },
}

local function tell_report(path, r)
  out.line("%s: %s new, %s new, %s (%s)", out.file(path),
    out.count(r.added, "record"), out.count(r.parcels, "parcel"),
    out.count(r.files, "file block"), out.size(r.bytes))
  local function also(n, one, many)
    if n > 0 then out.line("  %s", out.count(n, one, many)) end
  end
  also(r.known, "block was here before", "blocks were here before")
  also(r.withdrawn, "withdrawal took effect", "withdrawals took effect")
  also(r.held, "parcel from the future waits for its day",
    "parcels from the future wait for their day")
  also(r.refused, "record refused by the policy",
    "records refused by the policy")
  also(r.full, "thing had no room here: `mahatta quota`",
    "things had no room here: `mahatta quota`")
  also(r.unlisted, "good block that nothing here asks for",
    "good blocks that nothing here asks for")
  also(r.missing, "block is still missing: `mahatta missing`",
    "blocks are still missing: `mahatta missing`")
  also(r.bad, "bad block, dropped", "bad blocks, dropped")
  for _, fault in ipairs(r.faults or {}) do
    out.line("    %s", out.name(fault))
  end
end

-- Take one carry file in; how that went, as an exit code.
local function unpack_one(station, path, o, run)
  local job = run.check(station:unpack(path,
    { collections = o.collection, keep = o.keep }))
  local report = finish(run, job, "taken in", o.json)
  if o.json then
    report.file = path
    out.json(report)
  else
    tell_report(path, report)
  end
  return report.bad + report.missing > 0 and run.PARTLY or run.DONE
end

function unpack.run(o, run)
  local station = run.open(o)
  local worst, failed = run.DONE, 0
  for _, path in ipairs(o.FILE) do
    -- One bad file on a stick doesn't keep the others out.
    local code, message = run.try(unpack_one, station, path, o, run)
    if code then
      worst = math.max(worst, code)
    else
      failed = failed + 1
      run.warn(out.file(path), message)
    end
  end
  if failed == #o.FILE then return run.FAILED end
  work.texts(run, station)
  return failed > 0 and run.PARTLY or worst
end

-- ---- verify, rebuild, sweep ----

local verify = {
  name = "verify", does = "Check that everything listed is here and sound.",
  options = { { nil, "--read-data", nil, "also hash every block" } },
  examples = { "mahatta verify --read-data" },
}

function verify.run(o, run)
  local station = run.open(o, { readonly = true })
  local job = run.check(station:verify({ read_data = o.read_data }))
  local r = finish(run, job, "checked", o.json)
  if o.json then
    out.json(r)
  else
    out.line("%s%s: %s bad, %s missing", out.count(r.blocks, "block"),
      o.read_data and ", " .. out.size(r.bytes) .. " read" or "",
      out.number(r.bad), out.number(r.missing))
    if not o.read_data then
      out.line("(`--read-data` also hashes what is here)")
    end
    for _, fault in ipairs(r.faults or {}) do
      out.line("  %s", out.name(fault))
    end
    if r.bad > 0 then
      out.line("`mahatta scrub --share 1` forgets them, so that a sync or a "
        .. "carry file")
      out.line("brings them again; if that fails: `mahatta rebuild --salvage` "
        .. "into a new station")
    end
  end
  if r.bad > 0 or r.missing > 0 then return run.PARTLY end
end

local scrub = {
  name = "scrub", does = "Read and hash a part of what is here.",
  options = { { nil, "--share", "N", "one of N parts; default 8" } },
  notes = [[
Each run goes on where the last one stopped: N of them read everything. One a
week finds bytes that have rotted while a stick can still bring them again: it
forgets them, and the next sync, slip or carry file asks for them.]],
  examples = { "mahatta scrub --share 4" },
}

local function tell_forgotten(r)
  if r.restored > 0 then
    out.line("%s of our own signed again: nothing of them is lost",
      out.count(r.restored, "parcel"))
  end
  if r.forgotten > r.restored then
    out.line("%s forgotten%s: `mahatta sync` with a station that has them, or",
      out.count(r.forgotten - r.restored, "block"),
      r.parcels > 0 and " (" .. out.count(r.parcels, "parcel") .. ")" or "")
    out.line("`mahatta slip` and a carry file made for it, brings them again")
  end
end

function scrub.run(o, run)
  local share = work.whole(o.share or 8, "--share", run, 1, 1000)
  local station = run.open(o)
  local r = finish(run, run.check(station:scrub({ share = share })), "read",
    o.json)
  if o.json then
    out.json(r)
  else
    out.line("%s, %s read: %s bad%s", out.count(r.blocks, "block"),
      out.size(r.bytes), out.number(r.bad),
      r.whole == 1 and "; that was the last part" or "")
    for _, fault in ipairs(r.faults or {}) do
      out.line("  %s", out.name(fault))
    end
    tell_forgotten(r)
  end
  if r.bad > 0 then return run.PARTLY end
end

local rebuild = {
  name = "rebuild", does = "Make index and lists anew from the blocks.",
  options = {
    { nil, "--salvage", "OLD",
      "first take in what is intact of a damaged station" },
    { nil, "--refused", nil,
      "ask again for what a policy refused: syncs bring it" } },
  notes = [[
With --salvage the station OLD is only read; run it in a station made with
`mahatta init`.]],
  examples = { "mahatta rebuild",
    "mahatta rebuild -s new.mahatta --salvage damaged.mahatta" },
}

function rebuild.run(o, run)
  local station = run.open(o)
  if o.salvage then
    local got = run.check(station:salvage(o.salvage))
    if o.json then
      out.json(got)
    else
      out.line("%s saved, %s lost", out.count(got.saved, "block"),
        out.number(got.lost))
    end
    return got.lost > 0 and run.PARTLY or nil
  end
  local r = finish(run,
    run.check(station:rebuild({ refused = o.refused })), "rebuilt", o.json)
  if o.json then return out.json(r) end
  out.line("rebuilt: %s, %s", out.count(r.parcels, "parcel"),
    out.count(r.records, "record"))
  for _, fault in ipairs(r.faults) do
    out.line("  %s", out.name(fault))
  end
  if r.forgotten > 0 then
    out.line("%s of them damaged and forgotten: a sync or a carry file brings "
      .. "them again", out.count(r.forgotten, "block"))
    return run.PARTLY
  end
end

local index = {
  name = "index", does = "Read the files that came, so that search finds them.",
  notes = [[
`sync`, `unpack` and `serve` do this, too, for a while: this goes on to the end,
and puts the index in order. PDF and what office programs write needs pdftotext,
pandoc or unzip.]],
  examples = { "mahatta index" },
}

function index.run(o, run)
  local station = run.open(o)
  local records = finish(run, run.check(station:index()), "indexed", o.json)
  local r = finish(run, station:index_files(), "read", true)
  if o.json then
    r.indexed = records.records
    return out.json(r)
  end
  out.line("text of %s, for %s", out.count(r.files, "file"),
    out.count(r.records, "record"))
  if r.waiting > 0 then
    out.line("%s wait for a file, or for a program that reads it",
      out.count(r.waiting, "record"))
  end
end

local sweep = {
  name = "sweep", does = "Free the bytes of files that nothing lists.",
  notes = [[
That is what a withdrawal leaves, and an `add` that was broken off.]],
  examples = { "mahatta sweep" },
}

function sweep.run(o, run)
  local station = run.open(o)
  local r = finish(run, run.check(station:sweep()), "swept", o.json)
  if o.json then return out.json(r) end
  out.line("freed: %s of files", out.size(r.freed))
end

return { follow, unfollow, require "mahatta.cli.slip", pack, unpack,
  require "mahatta.cli.courier", verify, scrub,
  rebuild, index, sweep }
