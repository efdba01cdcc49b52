-- SPDX-License-Identifier: 0BSD
-- The one place that knows the search of a station: its pages, feeds and API
-- all ask here.

local finder = { MARK_OPEN = "\1", MARK_CLOSE = "\2", LIMIT = 10,
  LIMIT_MAX = 100, DEPTH_MAX = 1000 }

-- A cursor is a place in the list of hits, as text; others are none.
local function place_of(cursor)
  local n = math.tointeger(tonumber((cursor or ""):match("^p(%d%d?%d?%d?)$")))
  return n or 0
end

-- { hits, next (cursor or nil), facets: list of { name, values: { { value,
-- count } } }, suggestion (text or nil) }; nil, message, code. `wanted`: q,
-- collection, type, lang, author, cursor, limit.
function finder.find(station, wanted)
  local limit = math.min(wanted.limit or finder.LIMIT, finder.LIMIT_MAX)
  local first = place_of(wanted.cursor)
  local hits, message, code = station:find(wanted.q, {
    collection = wanted.collection, type = wanted.type, lang = wanted.lang,
    limit = limit + 1, offset = first,
    mark = { finder.MARK_OPEN, finder.MARK_CLOSE } })
  if not hits then return nil, message, code end
  local following
  if #hits > limit then
    hits[#hits] = nil
    if first + limit <= finder.DEPTH_MAX then
      following = "p" .. first + limit
    end
  end
  return { hits = hits, next = following, facets = {} }
end

return finder
