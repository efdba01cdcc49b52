-- SPDX-License-Identifier: 0BSD
-- Commands that publish: init, add, publish, withdraw, label.

local adding = require "mahatta.cli.adding"
local dagjson = require "mahatta.dagjson"
local folder = require "mahatta.cli.folder"
local out = require "mahatta.cli.out"
local work = require "mahatta.cli.work"

-- ---- init ----

local init = {
  name = "init", does = "Make a station: a store and a key of its own.",
  arguments = { { "PATH", optional = true } },
  notes = [[
The key is kept beside the store, in PATH.key. Whoever has it can publish in
your name, so it never leaves this machine by itself; keep a copy of it in a
safe place. With $MAHATTA_PASSPHRASE set, the key file is locked with it.]],
  examples = { "mahatta init commons.mahatta" },
}

function init.run(o, run)
  if o.PATH then o.station = o.PATH end
  local path = run.path(o)
  local file = io.open(path, "rb")
  if file then
    file:close()
    return run.fail("%s is here already", out.file(path))
  end
  local station = run.open(o, { create = true })
  if o.json then
    out.json({ station = path, id = station:id() })
  else
    out.line("%s: a station", out.file(path))
    out.line("  name  %s", station:id())
    out.line("  key   %s", out.file(o.key or path .. ".key"))
    out.line("next: `mahatta add FOLDER --collection NAME`, or "
      .. "`mahatta follow PATTERN`")
  end
end

-- ---- add ----

local add = {
  name = "add", does = "Publish files and folders: a record a document.",
  arguments = { { "PATH", many = true } },
  options = {
    { "-c", "--collection", "NAME", "where to: a name such as edu/physics" },
    { "-l", "--license", "ID", "SPDX identifier, such as CC-BY-4.0" },
    { "-t", "--tag", "TAG", "a tag; may be repeated", many = true },
    { nil, "--type", "TYPE", "lesson, news, ...; default document" },
    { nil, "--lang", "CODE", "language; default what a page says of itself" },
    { nil, "--title", "TITLE", "for a single file, or with --one" },
    { nil, "--each", nil, "every file is a record, pictures too" },
    { nil, "--one", nil, "each PATH is one record with all its files" },
  },
  notes = [[
A folder with a datapackage.json becomes one dataset. A web page takes along
the pictures and styles that it shows. A document's name in the collection is
its path from the folder that is added: adding again publishes only what has
changed, as new versions. In a folder, pictures, styles and files of no known
kind go along only with a page that shows them (--each takes all). Hidden
files, symlinks, keys of stations and names that are no UTF-8 are left out.]],
  examples = {
    "mahatta add ~/lessons --collection edu/physics --license CC-BY-4.0",
    "mahatta add report.pdf -c news/basra --lang ar",
  },
}

local LEFT_OUT = {
  { "hidden", "hidden" }, { "symlink", "symlink", "symlinks" },
  { "special", "neither file nor folder" },
  { "station", "of a station" }, { "badly named", "badly named" },
  { "unreadable", "unreadable" },
  { "part", "part that no page shows (--each takes it)",
    "parts that no page shows (--each takes them)" },
}

local function left_out(counts)
  local said = {}
  for _, why in ipairs(LEFT_OUT) do
    local n = counts[why[1]]
    if n then
      said[#said + 1] = out.count(n, why[2], why[3] or why[2])
    end
  end
  return #said > 0 and table.concat(said, ", ") or nil
end

local NAMED_MAX = 10 -- more than that are only counted

-- To standard error, also with --json.
local function tell_named(named, run)
  for i = 1, math.min(#named, NAMED_MAX) do
    run.warn(out.file(named[i].path), "left out: " .. named[i].why)
  end
  if #named > NAMED_MAX then
    io.stderr:write("and ", out.number(#named - NAMED_MAX), " more\n")
  end
end

local function tell_added(sum, tally, o, run)
  if o.json then
    return out.json({ published = sum.published, unchanged = sum.unchanged,
      failed = sum.failed, files = sum.files, bytes = sum.bytes,
      faults = sum.faults, left_out = tally.counts })
  end
  for _, f in ipairs(sum.faults) do
    run.warn(out.file(f.path), out.text(f.fault, ""))
  end
  out.line("published %s in %s%s%s (of %s, %s)",
    out.count(sum.published, "record"), out.name(o.collection),
    sum.unchanged > 0 and " · unchanged " .. out.number(sum.unchanged) or "",
    sum.failed > 0 and " · failed " .. out.number(sum.failed) or "",
    out.count(sum.files, "file"), out.size(sum.bytes))
  local others = left_out(tally.counts)
  if others then out.line("left out: %s", others) end
end

function add.run(o, run)
  if not o.collection then
    return run.usage("--collection NAME is missing: where shall it go?")
  elseif o.each and o.one then
    return run.usage("--each and --one exclude each other")
  end
  local station = run.open(o)
  local path = run.path(o)
  local line = out.progress(o.json)
  run.cleanup(function () line:clear() end)
  local plans, tally = folder.plan(o.PATH, { each = o.each, one = o.one,
    own = { run.absolute(path), o.key and run.absolute(o.key) },
    looking = function (n)
      line:show("looking at page %s", out.number(n))
    end })
  if not plans then return run.fail("%s", out.name(tally)) end
  line:wipe()
  tell_named(tally.named, run)
  if o.title and #plans > 1 then
    return run.usage("--title is for a single record, and these are "
      .. #plans .. ": leave it out, or add --one")
  end
  if #plans == 0 then
    local others = left_out(tally.counts)
    return run.fail("nothing to publish in %s%s",
      out.file(table.concat(o.PATH, " ")),
      others and " (left out: " .. others .. ")" or "")
  end
  local sum = run.check(adding.run(station, plans, { collection = o.collection,
    license = o.license, tag = o.tag, type = o.type, lang = o.lang,
    title = o.title,
    progress = function (now, total)
      line:files(now, total)
    end,
    each = o.json and function (plan, what, id)
      out.json({ key = plan.key, result = what, id = id })
    end }))
  line:clear()
  tell_added(sum, tally, o, run)
  if sum.failed == #plans then return run.FAILED end
  return (sum.failed > 0 or tally.counts.unreadable) and run.PARTLY or nil
end

-- ---- publish ----

local publish = {
  name = "publish", does = "Publish one record, or JSON lines.",
  arguments = { { "COLLECTION" } },
  options = {
    { nil, "--title", "TITLE", "its title" },
    { nil, "--text", "TEXT", "its text; \"-\" reads standard input" },
    { nil, "--type", "TYPE", "default note" },
    { nil, "--lang", "CODE", "language of title and text" },
    { "-l", "--license", "ID", "SPDX identifier, such as CC-BY-4.0" },
    { "-t", "--tag", "TAG", "a tag; may be repeated", many = true },
    { "-f", "--file", "PATH", "a file of it; may be repeated", many = true },
    { nil, "--name", "KEY", "its own name: again means a new version" },
    { nil, "--about", "ID", "the record that it is about" },
    { nil, "--from", "FILE",
      "records as JSON, one a line; \"-\" is standard input" },
  },
  examples = {
    "mahatta publish news/basra --title 'Water' --text 'Back at noon.'",
    "mahatta publish edu/physics --from records.jsonl",
  },
}

-- Options that describe the one record.
local OF_ONE = { "title", "text", "type", "lang", "license", "tag", "file",
  "name", "about" }

local function record_of(o)
  if not (o.title or o.text or o.file) then
    return nil, "say --title, --text or --file (or --from FILE)"
  end
  local record = { type = o.type or "note", title = o.title, lang = o.lang,
    text = o.text == "-" and io.stdin:read("a") or o.text, tags = o.tag,
    license = o.license, key = o.name, about = o.about }
  for _, path in ipairs(o.file or {}) do
    record.files = record.files or {}
    table.insert(record.files, { path = path })
  end
  return record
end

-- An iterator over the records in lines of JSON. It ends at a bad line, and
-- says so in `bad.fault`: what stands before is published.
local function json_records(file, bad)
  local n = 0
  return function ()
    local line
    repeat
      n = n + 1
      line = file:read("l")
    until not line or line:find("%S")
    if not line then return nil end
    local record, fault = dagjson.decode(line)
    if type(record) == "table" then return record end
    bad.fault = ("line %d: %s"):format(n, fault or "a record is an object")
  end
end

local function publish_lines(o, run)
  local file, message = io.stdin, nil
  if o.from ~= "-" then file, message = io.open(o.from, "rb") end
  if not file then return run.fail("%s", out.name(message)) end
  local station, bad = run.open(o), {}
  local line = out.progress(o.json)
  run.cleanup(function () line:clear() end)
  local count = run.check(station:publish_all(o.COLLECTION,
    json_records(file, bad), { progress = function (done)
      line:show("records %s", out.number(done))
    end }))
  line:clear()
  if bad.fault then
    return run.fail("%s (%s before it published)", bad.fault,
      out.count(count, "record"))
  end
  if o.json then return out.json({ published = count }) end
  out.line("published %s in %s", out.count(count, "record"),
    out.name(o.COLLECTION))
end

function publish.run(o, run)
  if o.from then
    for _, name in ipairs(OF_ONE) do
      if o[name] then
        return run.usage("--from takes whole records, so --" .. name
          .. " has no place beside it")
      end
    end
    return publish_lines(o, run)
  end
  if o.about then run.id(o.about) end
  local record, message = record_of(o)
  if not record then return run.usage(message) end
  local station = run.open(o)
  local id = run.check(station:publish(o.COLLECTION, record))
  if o.json then return out.json({ id = id }) end
  out.line("published %s in %s", id, out.name(o.COLLECTION))
end

-- ---- withdraw, label ----

local withdraw = {
  name = "withdraw", does = "Take back what this station published.",
  arguments = { { "ID" } },
  options = {
    { nil, "--reason", "TEXT", "why; the withdrawal tells it" },
    { nil, "--only", nil, "this version alone, not the others of its key" },
  },
  notes = [[
It disappears here at once, and wherever the withdrawal arrives; it can't be
called back from those whom the withdrawal doesn't reach.]],
  examples = { "mahatta withdraw bafyrei... --reason 'wrong figures'" },
}

function withdraw.run(o, run)
  local about = run.id(o.ID)
  local station = run.open(o)
  local id = run.check(station:withdraw(about,
    { reason = o.reason, only = o.only }))
  if o.json then return out.json({ id = id }) end
  out.line("withdrawn; the withdrawal is %s", id)
end

local label = {
  name = "label", does = "Say something about a record, such as unverified.",
  arguments = { { "ID" }, { "VALUE" } },
  options = {
    { nil, "--negate", nil, "take the label back" },
    { nil, "--days", "N", "it holds that many days" },
    { "-c", "--collection", "NAME", "where to; default the record's own" },
  },
  examples = { "mahatta label bafyrei... unverified --days 7" },
}

function label.run(o, run)
  local days = work.whole(o.days, "--days", run, 1, 36500)
  local about = run.id(o.ID)
  local station = run.open(o)
  local id = run.check(station:label(about, o.VALUE, { negated = o.negate,
    expires = days and os.time() + days * 86400,
    collection = o.collection }))
  if o.json then return out.json({ id = id }) end
  out.line("labelled %s: %s", out.name(o.VALUE), id)
end

return { init, add, publish, withdraw, label }
