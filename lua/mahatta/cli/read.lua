-- SPDX-License-Identifier: 0BSD
-- Commands that only read: list, show, search, get, history, collections,
-- missing, stats. They work while another process writes.

local lfs = require "lfs"
local out = require "mahatta.cli.out"
local work = require "mahatta.cli.work"

local TITLE_CHARS = 100 -- of a title in a list
local FILES_SHOWN = 6 -- of a record, unless all are asked for

-- ---- what a record looks like ----

local function entry_json(entry)
  return { id = entry.id, collection = entry.collection,
    author = entry.author, time = entry.time, parcel = entry.parcel,
    record = entry.record }
end

local function title_line(title)
  return out.name(out.short(title, TITLE_CHARS))
end

local function tell_entry(entry, with_collection)
  local record = entry.record
  out.line("%s  %s", out.day(entry.time), title_line(out.title_of(record)))
  out.line("            %s%s", out.name(record.type),
    with_collection and " · " .. out.name(entry.collection) or "")
  out.line("            %s", entry.id)
end

-- ---- list ----

local list = {
  name = "list", does = "Records of a collection, newest first.",
  arguments = { { "COLLECTION", optional = true } },
  options = {
    { "-n", "--limit", "N", "at most N; default 20" },
    { nil, "--type", "TYPE", "only these: lesson, dataset, ..." },
    { nil, "--author", "DID", "only by this station" },
    { nil, "--history", nil, "older versions, too" },
  },
  notes = "A pattern such as 'edu/*' lists all below; default is all.",
  examples = { "mahatta list edu/physics", "mahatta list 'edu/*' -n 100" },
}

function list.run(o, run)
  local limit = work.whole(o.limit or "20", "--limit", run, 1, 1000000)
  local station = run.open(o, { readonly = true })
  local pattern, n, more = o.COLLECTION or "*", 0, false
  for entry in station:list(pattern, { type = o.type, author = o.author,
      history = o.history, limit = limit + 1 }) do
    n = n + 1
    more = n > limit
    if more then break end
    if o.json then
      out.json(entry_json(entry))
    else
      tell_entry(entry, pattern:find("*", 1, true))
    end
  end
  if o.json then return end
  if n == 0 then
    local narrowed = o.type or o.author
    out.line("%s%s", narrowed and "nothing like that" or "nothing",
      pattern == "*" and " here yet" or " in " .. out.name(pattern) .. " yet")
  elseif more then
    out.line("... and older ones: `--limit %d` shows more", limit * 5)
  end
end

-- ---- show ----

local SHOWN = {
  type = true, title = true, text = true, lang = true, tags = true,
  license = true, files = true, key = true, about = true, source = true,
  created = true,
}

local show = {
  name = "show", does = "A record: its words, files and labels.",
  arguments = { { "ID" } },
  options = {
    { nil, "--full", nil, "the whole text and all files" },
    { nil, "--lang", "CODE", "title and text in this language" },
  },
  examples = { "mahatta show bafyrei..." },
}

local function field(name, value)
  if value ~= nil and value ~= "" then
    out.line("  %-10s %s", name, value)
  end
end

local function own_fields(record)
  local names = {}
  for name in pairs(record) do
    if not SHOWN[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = record[name]
    if type(value) == "table" then value = "(see --json)" end
    field(out.name(name), out.name(tostring(value)))
  end
end

local function tell_text(record, o)
  local text = out.in_language(record.text, o.lang)
  if type(text) ~= "string" or text == "" then return end
  local shown = o.full and text or out.short(text, 800)
  out.line("")
  out.line("%s", out.text(shown, "  "))
  if shown ~= text then
    out.line("  (%s in all: `--full`)", out.count(#text, "byte"))
  end
end

local function tell_files(files, o)
  local shown = o.full and #files or math.min(#files, FILES_SHOWN)
  for i = 1, shown do
    local file = files[i]
    field(i == 1 and "files" or "", ("%s  (%s, %s)"):format(
      out.file(file.name), out.name(file.type or "?"), out.size(file.size)))
  end
  if shown < #files then
    field("", ("and %d more: `--full`"):format(#files - shown))
  end
end

-- An author's name; ours is known by heart.
local function who(station, author)
  return author == station:id() and "this station" or author
end

local function tell_about(station, entry, run)
  local labels = run.check(station:labels(entry.id))
  for _, label in ipairs(labels) do
    field("label", out.name(label.value))
    field("", "by " .. who(station, label.author))
  end
  for _, about in ipairs(run.check(station:about(entry.id))) do
    if about.record.type ~= "label" then
      field(out.name(about.record.type),
        title_line(out.title_of(about.record)))
      field("", about.id)
    end
  end
end

function show.run(o, run)
  local id = run.id(o.ID)
  local station = run.open(o, { readonly = true })
  local entry = run.check(station:get(id))
  local record = entry.record
  if o.json then return out.json(entry_json(entry)) end
  out.line("%s", out.name(out.title_of(record, o.lang)))
  field("type", out.name(record.type))
  field("collection", out.name(entry.collection))
  field("time", out.minute(entry.time))
  field("by", who(station, entry.author))
  field("language", record.lang and out.name(record.lang))
  field("license", record.license and out.name(record.license))
  field("tags", record.tags and out.name(table.concat(record.tags, ", ")))
  field("key", record.key and out.name(record.key))
  field("about", record.about and tostring(record.about))
  field("source", record.source and out.name(record.source))
  field("created", record.created and out.name(record.created))
  own_fields(record)
  tell_about(station, entry, run)
  tell_files(record.files or {}, o)
  tell_text(record, o)
  if record.files and #record.files > 0 then
    out.line("")
    out.line("  to write the files into a folder (-o FOLDER, or this one):")
    out.line("    mahatta get %s", entry.id)
  end
end

-- ---- search ----

local search = {
  name = "search", does = "Search titles and texts.",
  arguments = { { "WORD", many = true } },
  options = {
    { "-n", "--limit", "N", "at most N; default 10" },
    { "-c", "--collection", "NAME", "only in this collection" },
    { nil, "--type", "TYPE", "only these: lesson, dataset, ..." },
    { nil, "--lang", "CODE", "show titles in this language" },
    { nil, "--next", "CURSOR", "go on where an answer ended" },
  },
  notes = [[
Any words, in any order; rare ones count more. Arabic and Kurdish words are
found however they are spelled: with or without vowel marks, any alef, any
kaf and yeh; slips are mended. "A phrase", -not, OR, lang:ar, type:lesson,
author:DID, collection:NAME, before:2026-01-31, after:2025, has:file narrow
it down.]],
  examples = { "mahatta search قوانين نيوتن",
    "mahatta search water --type dataset" },
}

-- "lesson 12, news 3": the values of one facet, the most frequent first.
local function facet_line(name, counts)
  local values = {}
  for value in pairs(counts) do values[#values + 1] = value end
  table.sort(values, function (a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  if #values < 2 then return end
  local shown = {}
  for i = 1, math.min(#values, 4) do
    shown[i] = out.name(values[i]) .. " " .. counts[values[i]]
  end
  if #values > 4 then shown[5] = "…" end
  out.line("    %s: %s", name, table.concat(shown, ", "))
end

local function after_hits(o, run, station, query, hits)
  if hits.meant then
    out.line("did you mean: %s", out.name(hits.meant))
  end
  if hits.next then
    local tally = run.check(station:tally(query, { type = o.type,
      collection = o.collection }))
    out.line("%d in all; more with --next %s", tally.total, hits.next)
    facet_line("type", tally.type)
    facet_line("collection", tally.collection)
    facet_line("lang", tally.lang)
  end
end

function search.run(o, run)
  local limit = work.whole(o.limit or "10", "--limit", run, 1, 1000)
  local station = run.open(o, { readonly = true })
  local query = table.concat(o.WORD, " ")
  local hits = run.check(station:find(query, { limit = limit, type = o.type,
    lang = o.lang, collection = o.collection, cursor = o.next }))
  for i, hit in ipairs(hits) do
    if o.json then
      out.json(hit)
    else
      out.line("%2d  %s", i,
        title_line(hit.title ~= "" and hit.title or "(no title)"))
      out.line("    %s · %s · %s", out.name(hit.type),
        out.name(hit.collection), out.day(hit.time))
      local snippet = out.text(hit.snippet:gsub("%s+", " "), "    ")
      if snippet ~= "" then out.line("%s", snippet) end
      out.line("    %s", hit.id)
    end
  end
  if #hits == 0 and not o.json then
    out.line("nothing found for %s", out.name(query))
  end
  if not o.json then after_hits(o, run, station, query, hits) end
end

-- ---- get ----

local get = {
  name = "get", does = "Write the files of a record out.",
  arguments = { { "ID" } },
  options = {
    { "-o", "--output", "DIR", "into this folder (made when missing); "
      .. "default here" },
  },
  notes = [[
Names are cleaned, nothing is written outside the folder, and nothing that is
there is written over.]],
  examples = { "mahatta get bafyrei... -o ~/newton" },
}

function get.run(o, run)
  local id = run.id(o.ID)
  local dir = o.output or "."
  local station = run.open(o, { readonly = true })
  local entry = run.check(station:get(id))
  if not entry.record.files or #entry.record.files == 0 then
    return run.fail("this record has no files")
  end
  if lfs.attributes(dir, "mode") == nil then
    local made, message = lfs.mkdir(dir)
    if not made then
      return run.fail("can't make the folder %s: %s", out.file(dir), message)
    end
  end
  local line = out.progress(o.json)
  run.cleanup(function () line:clear() end)
  local files = run.check(station:export(id, dir,
    { progress = function (done, total)
      line:bytes("written", done, total)
    end }))
  line:clear()
  local bytes = 0
  for _, file in ipairs(files) do
    bytes = bytes + file.size
    if o.json then
      out.json(file)
    elseif #files <= 20 then
      out.line("%s  (%s)", out.file(file.path), out.size(file.size))
    end
  end
  if not o.json and #files > 1 then
    out.line("%s, %s in %s", out.count(#files, "file"), out.size(bytes),
      out.file(dir))
  end
end

-- ---- history ----

local history = {
  name = "history", does = "All versions of a thing, newest first.",
  arguments = { { "ID" } },
  examples = { "mahatta history bafyrei..." },
}

function history.run(o, run)
  local id = run.id(o.ID)
  local station = run.open(o, { readonly = true })
  for i, entry in ipairs(run.check(station:history(id))) do
    if o.json then
      out.json(entry_json(entry))
    else
      out.line("%s%s  %s", out.minute(entry.time),
        i == 1 and " (current)" or "",
        title_line(out.title_of(entry.record)))
      out.line("    %s", entry.id)
    end
  end
end

-- ---- collections, missing, stats ----

local collections = {
  name = "collections", does = "Collections that are here.",
  examples = { "mahatta collections" },
}

function collections.run(o, run)
  local station = run.open(o, { readonly = true })
  local all = station:collections()
  local follows = station:follows()
  if o.json then
    return out.json({ collections = all, follows = follows })
  end
  for _, one in ipairs(all) do
    out.line("%-32s  %s", out.name(one.name),
      out.count(one.parcels, "parcel"))
  end
  if #all == 0 then out.line("no collection yet") end
  for _, follow in ipairs(follows) do
    out.line("following %s%s", out.name(follow.pattern),
      follow.files == math.maxinteger and "" or
      follow.files == 0 and ", without files"
      or ", files up to " .. out.size(follow.files))
  end
end

local missing = {
  name = "missing", does = "What is listed here but has not come yet.",
  options = { { "-n", "--limit", "N", "at most N; default 20" } },
  examples = { "mahatta missing" },
}

local KIND = { record = "record", file = "file", part = "part of a file" }

function missing.run(o, run)
  local limit = work.whole(o.limit or "20", "--limit", run, 1, 1000000)
  local station = run.open(o, { readonly = true })
  local blocks = run.check(station:missing({ limit = limit }))
  for _, block in ipairs(blocks) do
    if o.json then
      out.json(block)
    else
      out.line("%-15s %s", KIND[block.kind] or block.kind, block.id)
      out.line("                wanted by %s", block["for"])
    end
  end
  if #blocks == 0 and not o.json then out.line("nothing is missing") end
end

local stats = {
  name = "stats", does = "What this station holds, in numbers.",
  examples = { "mahatta stats --json" },
}

function stats.run(o, run)
  local station = run.open(o, { readonly = true })
  local s = run.check(station:stats())
  if o.json then
    s.id, s.path = station:id(), station:path()
    return out.json(s)
  end
  out.line("%s", out.file(station:path()))
  field("name", station:id())
  field("holds", ("%s in %s, %s"):format(
    out.count(s.documents, "record to search", "records to search"),
    out.count(s.collections, "collection"), out.count(s.parcels, "parcel")))
  field("blocks", ("%s, %s"):format(out.number(s.blocks), out.size(s.bytes)))
  field("of files", ("%s, %s"):format(
    out.number(s.file_blocks), out.size(s.file_bytes)))
  field("on disk", out.size(s.disk))
  if s.held > 0 then
    field("held", out.count(s.held, "parcel") .. " from the future")
  end
  if s.unindexed then
    field("search", "some records wait for the index: `mahatta rebuild`")
  end
end

return { list, show, search, get, history, collections, missing, stats }
