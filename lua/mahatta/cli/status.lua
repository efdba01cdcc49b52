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

-- What is listed but not here, by the record that wants it:
-- { id, records, blocks } in the order in which they are found.
local function missing_by_owner(station, run)
  local blocks = run.check(station:missing({ limit = MISSING_MAX }))
  local owners, by_id, parts = {}, {}, {}
  for _, block in ipairs(blocks) do
    local id = parts[block["for"]] or block["for"]
    if block.kind == "file" then parts[block.id] = id end
    local owner = by_id[id] or { id = id, records = 0, blocks = 0 }
    if not by_id[id] then
      by_id[id] = owner
      owners[#owners + 1] = owner
    end
    local what = block.kind == "record" and "records" or "blocks"
    owner[what] = owner[what] + 1
  end
  return owners, #blocks
end

local function tell_missing(station, owners)
  if #owners == 0 then
    return field("missing", "nothing of what is listed here")
  end
  for i = 1, math.min(#owners, SHOWN) do
    local owner = owners[i]
    local entry = station:get(owner.id)
    local what = owner.records > 0 and out.count(owner.records, "record")
      or out.count(owner.blocks, "block of files", "blocks of files")
    field(i == 1 and "missing" or "", "%s of %s", what, entry
      and out.name(out.short(out.title_of(entry.record), 60)) or owner.id)
  end
  if #owners > SHOWN then
    field("", "and of %s: `mahatta missing`",
      out.count(#owners - SHOWN, "more"))
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
    if type(peers[i]) == "table" and peers[i].peer then tell_peer(peers[i]) end
  end
  if #peers > SHOWN then
    out.line("  and %s", out.count(#peers - SHOWN, "more"))
  end
end

function status.run(o, run)
  local station = run.open(o, { readonly = true })
  local held = run.check(station:stats())
  local owners, missing = missing_by_owner(station, run)
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
  tell_missing(station, owners)
  tell_peers(peers)
end

return { status }
