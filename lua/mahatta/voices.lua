-- SPDX-License-Identifier: 0BSD
-- What is said of a record. Anybody may say any number of things under any
-- number of names: so this station, the record's author and authors who are
-- vouched for are asked first, each by name, and nobody crowds them out.

local voices = {}

local VOUCHED_MAX = 1000 -- who are asked: each is a look into the index
local PART = 4 -- one of them fills at most such a part of a bounded list

-- Those who come first, in the order in which they do: { author, rank } each.
local function known_of(station, by)
  local vouched, message, code = station:vouched()
  if not vouched then return nil, message, code end
  local list, rank = {}, {}
  local function put(author, n)
    if author and not rank[author] then
      rank[author] = n
      list[#list + 1] = author
    end
  end
  put(station:id(), 1)
  put(by, 2)
  for i = 1, math.min(#vouched, VOUCHED_MAX) do put(vouched[i], 3) end
  return list, rank
end

-- A list under construction of at most ${limit} entries, each once; where in
-- it each is; the function that adds some.
local function collector(limit)
  local list, at, seen = {}, {}, {}
  return list, at, function (entries)
    for _, entry in ipairs(entries) do
      local which = entry.id .. entry.author .. entry.collection
      if #list < limit and not seen[which] then
        list[#list + 1] = entry
        seen[which], at[entry] = true, #list
      end
    end
  end
end

-- At most ${limit} records about ${id}, which ${by} (or nil) published, newest
-- first, with the ranks of known authors as its field `rank`: 1 this station,
-- 2 ${by}, 3 vouched for. nil, message, code.
function voices.about(station, id, by, limit)
  local known, rank, code = known_of(station, by)
  if not known then return nil, rank, code end
  local list, at, put = collector(limit)
  for _, author in ipairs(known) do
    if #list == limit then break end
    local entries, message
    entries, message, code = station:about(id, { author = author,
      limit = math.min(limit, math.max(1, limit // PART)) })
    if not entries then return nil, message, code end
    put(entries)
  end
  local entries, message
  entries, message, code = station:about(id, { limit = limit })
  if not entries then return nil, message, code end
  put(entries)
  table.sort(list, function (a, b)
    if a.time ~= b.time then return a.time > b.time end
    return at[a] < at[b]
  end)
  list.rank = rank
  return list
end

-- Of a list of entries or labels, the ${n} to be shown: this station's first,
-- then at most ${each} of each other known author, then the rest.
function voices.first(list, rank, n, each)
  local order, given, at = {}, {}, {}
  for i, one in ipairs(list) do
    local author = one.author
    given[author] = (given[author] or 0) + 1
    local place = rank[author] or 4
    if place > 1 and given[author] > each then place = 4 end
    order[i], at[one] = one, { place, i }
  end
  table.sort(order, function (a, b)
    local x, y = at[a], at[b]
    if x[1] ~= y[1] then return x[1] < y[1] end
    return x[2] < y[2]
  end)
  return table.move(order, 1, math.min(#order, n), 1, {})
end

return voices
