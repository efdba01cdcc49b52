-- SPDX-License-Identifier: 0BSD
-- Commands about what strangers may take: quota, vouch, unvouch, why.

local out = require "mahatta.cli.out"
local work = require "mahatta.cli.work"

local quota = {
  name = "quota", does = "What strangers may take of the disk.",
  options = {
    { nil, "--budget", "SIZE", "all files of the station; none (default)" },
    { nil, "--author", "SIZE", "each stranger; default a 64th of the budget" },
    { nil, "--collection", "SIZE",
      "strangers in one collection; default half" },
    { nil, "--way", "SIZE", "strangers by one peer or stick; default half" },
  },
  notes = [[
A stranger is an author for whom neither you (`mahatta vouch`) nor the policy
vouches. A quarter of the budget is only for those who are vouched for. What
has no room is refused, the newest that is: nothing that is here goes for it.
SIZE may be `none` or `default`.]],
  examples = { "mahatta quota --budget 20G --author 100M" },
}

local SAID = { { "budget", "all files of the station" },
  { "author", "each stranger" }, { "collection", "strangers, a collection" },
  { "way", "strangers, a peer or stick" } }

-- A size, "none" or "default"; nil for nil.
local function size_of(text, name, run)
  local size = text == "default" and text or work.size(text, name, run)
  if size == "all" or size == 0 then
    return run.usage(("%s %s: a limit is a size as \"10M\" or \"8G\"; `none` "
      .. "takes the limit away"):format(name, out.name(text)))
  end
  return size
end

function quota.run(o, run)
  local set = { budget = size_of(o.budget, "--budget", run),
    author = size_of(o.author, "--author", run),
    collection = size_of(o.collection, "--collection", run),
    way = size_of(o.way, "--way", run) }
  local any = next(set) ~= nil
  local station = run.open(o, { readonly = not any })
  local now = run.check(station:quotas(any and set or nil))
  if o.json then return out.json(now) end
  for _, row in ipairs(SAID) do
    local size = now[row[1]]
    out.line("%-28s %s", row[2],
      type(size) == "number" and out.size(size) or size)
  end
  out.line("%-28s %s", "in use", out.size(now.used))
end

local vouch = {
  name = "vouch", does = "Vouch for an author: no quota holds for it.",
  arguments = { { "AUTHOR", optional = true } },
  notes = "Without AUTHOR: those who are vouched for.",
  examples = { "mahatta vouch did:key:z6Mk..." },
}

-- Do ${method} with the author that the command line names, and say so.
local function on_author(o, run, method, said)
  if not o.AUTHOR:find("^did:key:z6Mk%w+$") then
    return run.usage("AUTHOR is a did:key:z6Mk...")
  end
  local station = run.open(o)
  run.check(station[method](station, o.AUTHOR))
  if o.json then return out.json({ author = o.AUTHOR }) end
  out.line(said, o.AUTHOR)
end

function vouch.run(o, run)
  if not o.AUTHOR then
    local list = run.check(run.open(o, { readonly = true }):vouched())
    if o.json then return out.json(list) end
    for _, author in ipairs(list) do out.line("%s", author) end
    return
  end
  on_author(o, run, "vouch", "vouching for %s")
end

local unvouch = {
  name = "unvouch", does = "Vouch for it no longer. What is here stays.",
  arguments = { { "AUTHOR" } },
  examples = { "mahatta unvouch did:key:z6Mk..." },
}

function unvouch.run(o, run)
  on_author(o, run, "unvouch", "not vouching for %s any more")
end

-- ---- why ----

local why = {
  name = "why", does = "Why a block is held: whose it is, how it came.",
  arguments = { { "ID" } },
  notes = [[
ID may name a record, a parcel, a file or any block of one.]],
  examples = { "mahatta why bafyrei..." },
}

local function tell_listing(by)
  local reasons = { by.own and "our own" or nil }
  if by.vouched then
    reasons[#reasons + 1] = "vouched for by the " .. by.vouched
  end
  if by.followed then
    reasons[#reasons + 1] = "followed as " .. out.name(by.followed)
  end
  out.line("listed in %s by %s", out.name(by.collection), by.author)
  out.line("  parcel %s of %s%s", by.parcel, out.minute(by.time),
    #reasons > 0 and ": " .. table.concat(reasons, ", ") or "")
end

function why.run(o, run)
  local id = run.id(o.ID)
  local station = run.open(o, { readonly = true })
  local w = run.check(station:why(id))
  if o.json then return out.json(w) end
  out.line("%s: %s%s", id, w.kind == "part" and "part of a file" or w.kind,
    w.here and "" or ", not here but asked for")
  if w.way then out.line("came by: %s", out.name(w.way)) end
  for _, node in ipairs(w.above) do out.line("part of %s", node) end
  for _, record in ipairs(w.records) do
    out.line("file of record %s", record)
  end
  for _, by in ipairs(w.listings) do tell_listing(by) end
  if #w.listings == 0 and #w.records == 0 then
    out.line("nothing lists it: `mahatta sweep` frees it if it is of a file")
  end
end

return { quota, vouch, unvouch, why }
