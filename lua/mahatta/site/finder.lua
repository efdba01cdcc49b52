-- SPDX-License-Identifier: 0BSD
-- The one place that knows the search of a station: its pages, feeds and API
-- all ask here.

local finder = { MARK_OPEN = "\1", MARK_CLOSE = "\2", LIMIT = 10,
  LIMIT_MAX = 100, VALUES = 8 }

-- Conditions of an address, as the query language has them. What is no value
-- of its field is left out: it could be read as something else.
local function conditions(wanted)
  local out = {}
  local lang, year = wanted.content_lang, wanted.year
  if lang and lang:find("^%a[%w-]*$") then out[#out + 1] = "lang:" .. lang end
  if wanted.author and wanted.author:find("^did:key:%w+$") then
    out[#out + 1] = "author:" .. wanted.author
  end
  if year and year:find("^[12]%d%d%d$") then
    out[#out + 1] = ("after:%s-01-01 before:%d-01-01"):format(year,
      tonumber(year) + 1)
  end
  if wanted.files == "1" then out[#out + 1] = "has:file" end
  return table.concat(out, " ")
end

local function most_frequent(a, b)
  if a.count ~= b.count then return a.count > b.count end
  return a.value < b.value
end

local function latest(a, b) return a.value > b.value end

-- The first few values in the order `comes`: there may be thousands.
local function values_of(counts, comes)
  local list = {}
  for value, count in pairs(counts) do
    local one, at = { value = value, count = count }, #list + 1
    while at > 1 and comes(one, list[at - 1]) do at = at - 1 end
    if at <= finder.VALUES then
      table.insert(list, at, one)
      list[finder.VALUES + 1] = nil
    end
  end
  return list
end

local FACETS = { "collection", "type", "lang", "author", "year" }

local function facets_of(station, query, options)
  local tally, message, code = station:tally(query, options)
  if not tally then return nil, message, code end
  local facets = {}
  for i, name in ipairs(FACETS) do
    facets[i] = { name = name, values = values_of(tally[name],
      name == "year" and latest or most_frequent) }
  end
  facets[#facets + 1] = { name = "files", values = tally.file > 0
    and { { value = "1", count = tally.file } } or {} }
  return facets, tally.total
end

-- One page of hits. A cursor that is none (addresses are typed, cut, kept for
-- years) is the first page's.
local function page_of(station, query, options)
  local hits, message, code = station:find(query, options)
  if not hits and code == "EINVALID" and options.cursor then
    options.cursor = nil
    hits, message, code = station:find(query, options)
  end
  return hits, message, code
end

-- { hits, next (cursor or nil), facets: list of { name, values: { { value,
-- count } } }, total, suggestion (text or nil) }; nil, message, code.
-- `wanted`: q, collection, type, content_lang, author, year, files, lang,
-- cursor, limit; `plain`: without facets.
function finder.find(station, wanted)
  local query = wanted.q .. " " .. conditions(wanted)
  local limit = math.min(wanted.limit or finder.LIMIT, finder.LIMIT_MAX)
  local hits, message, code = page_of(station, query, {
    collection = wanted.collection, type = wanted.type, lang = wanted.lang,
    limit = limit, cursor = wanted.cursor,
    mark = { finder.MARK_OPEN, finder.MARK_CLOSE } })
  if not hits then return nil, message, code end
  local found = { hits = hits, facets = {}, next = hits.next }
  if hits.meant and not wanted.plain then
    -- The conditions stand in the address, not in the field.
    found.suggestion = hits.meant:sub(1, -#conditions(wanted) - 1)
      :match("^%s*(.-)%s*$")
  end
  if not wanted.plain and query:find("%S") then
    found.facets, found.total, code = facets_of(station, query,
      { collection = wanted.collection, type = wanted.type })
    if not found.facets then return nil, found.total, code end
  end
  return found
end

-- What nobody publishes after: all that the index holds.
local EVERYTHING = "before:9999-01-01"

local function entries_of(station, query, limit, cursor)
  local hits, message, code = page_of(station, query, { limit = limit,
    cursor = cursor })
  if not hits then return nil, message, code end
  local entries = {}
  for _, hit in ipairs(hits) do
    entries[#entries + 1] = station:get(hit.id)
  end
  return entries, hits.next
end

-- The newest records of all collections; and where to go on (cursor or nil).
-- nil, message, code.
function finder.newest(station, limit, cursor)
  return entries_of(station, EVERYTHING, limit, cursor)
end

-- The same of one author.
function finder.by_author(station, did, limit, cursor)
  return entries_of(station, "author:" .. did, limit, cursor)
end

return finder
