-- SPDX-License-Identifier: 0BSD
-- The command status: what is here, what is asked for, what is missing, whom
-- this station has met.

local book = require "mahatta.cli.book"
local out = require "mahatta.cli.out"

local MISSING_MAX = 10000 -- blocks that are looked at
local SHOWN = 8 -- of a list

local status = {
  name = "status", does = "What is here, what is missing, who was met.",
  notes = [[
It reads only, and works while `mahatta serve` runs. The stations met are kept
in PATH-peers; that file may be deleted.]],
  examples = { "mahatta status" },
}

local function field(name, ...)
  out.line("%-9s %s", name, (...):format(select(2, ...)))
end

local function follow_text(follow)
  return out.name(follow.pattern)
    .. (follow.files == math.maxinteger and ""
    or follow.files == 0 and " (no files)"
    or (" (files up to %s)"):format(out.size(follow.files)))
end

-- What is listed but not here: how many records, and of which records' files
-- how many blocks: { id, blocks } each, in the order in which they are found.
local function missing_parts(station, run)
  local all = run.check(station:missing({ limit = MISSING_MAX }))
  local records, owners, by_id, owner_of = 0, {}, {}, {}
  for _, block in ipairs(all) do
    if block.kind == "record" then
      records = records + 1
    else
      local id = owner_of[block["for"]] or block["for"]
      if block.kind == "file" then owner_of[block.id] = id end
      if not by_id[id] then
        by_id[id] = { id = id, blocks = 0 }
        owners[#owners + 1] = by_id[id]
      end
      by_id[id].blocks = by_id[id].blocks + 1
    end
  end
  return records, owners, #all
end

local function tell_missing(station, records, owners)
  if records + #owners == 0 then
    return field("missing", "nothing of what is listed here")
  end
  local word = "missing"
  if records > 0 then
    field(word, "%s that parcels here list", out.count(records, "record"))
    word = ""
  end
  for i = 1, math.min(#owners, SHOWN) do
    local entry = station:get(owners[i].id)
    field(word, "files of %s (at least %s)", entry
      and out.name(out.short(out.title_of(entry.record), 60)) or owners[i].id,
      out.count(owners[i].blocks, "block"))
    word = ""
  end
  if #owners > SHOWN then
    field("", "and files of %s: `mahatta missing`",
      out.count(#owners - SHOWN, "more record"))
  end
end

local function part(n, one, many)
  return math.type(n) == "integer" and n > 0 and out.count(n, one, many)
    or nil
end

local function joined(...)
  local list = {}
  for i = 1, select("#", ...) do list[#list + 1] = (select(i, ...)) end
  return #list > 0 and table.concat(list, ", ")
end

local function tell_peer(entry)
  local blocks = "blocks of files"
  out.line("  %s  %s", out.minute(entry.time), out.name(entry.peer))
  local got = joined(part(entry.added, "new record"),
    part(entry.blocks, "block of files", blocks))
  local gave = joined(part(entry.sent_parcels, "parcel"),
    part(entry.sent_blocks, "block of files", blocks))
  local lacked = joined(part(entry.missing_parcels, "parcel"),
    part(entry.missing_blocks, "block of files", blocks))
  out.line("    %s%s%s", entry.address and "by "
    .. out.name(entry.address) .. ": " or "",
    got and "got " .. got or "got nothing new",
    gave and "; gave " .. gave or "")
  if not entry.ended then
    out.line("    it was cut (%s)%s", out.name(entry.error or "?"),
      lacked and "; it had still to come: " .. lacked or "")
  end
end

local function tell_peers(peers)
  if #peers == 0 then return out.line("no station was met yet") end
  out.line("stations met, the last first:")
  for i = 1, math.min(#peers, SHOWN) do
    tell_peer(peers[i])
  end
  if #peers > SHOWN then
    out.line("  and %s", out.count(#peers - SHOWN, "more"))
  end
end

function status.run(o, run)
  local station = run.open(o, { readonly = true })
  local held = run.check(station:stats())
  local records, owners, missing = missing_parts(station, run)
  local peers, follows = book.read(run.path(o)), station:follows()
  if o.json then
    return out.json({ id = station:id(), path = station:path(), stats = held,
      collections = station:collections(), follows = follows,
      missing = missing, peers = peers })
  end
  out.line("%s", out.file(station:path()))
  field("name", "%s", station:id())
  field("holds", "%s in %s; files: %s", out.count(held.documents, "record"),
    out.count(held.collections, "collection"), out.size(held.file_bytes))
  for i, follow in ipairs(follows) do
    field(i == 1 and "follows" or "", "%s", follow_text(follow))
  end
  if #follows == 0 then
    field("follows", "nothing by name, so it takes everything: "
      .. "`mahatta follow PATTERN` narrows that")
  end
  tell_missing(station, records, owners)
  tell_peers(peers)
end

return { status }
