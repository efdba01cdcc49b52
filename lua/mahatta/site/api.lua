-- SPDX-License-Identifier: 0BSD
-- The JSON API, version 1: reading. It describes itself at /api/1. Lists are
-- { items, next }: give `next` back as ?after= for the following page.

local dagjson = require "mahatta.dagjson"
local finder = require "mahatta.site.finder"
local home = require "mahatta.site.home"
local record = require "mahatta.site.record"
local csv = require "mahatta.site.csv"
local respond = require "mahatta.site.respond"
local search = require "mahatta.site.search"
local shape = require "mahatta.site.shape"
local voices = require "mahatta.voices"

local api = {}

local PAGE = 50

api.ROUTES = {
  { "GET", "/api/1/station", "this station: name, figures, what it follows" },
  { "GET", "/api/1/missing", "blocks that are listed here but not here" },
  { "GET", "/api/1/collections?after=", "names of collections" },
  { "GET", "/api/1/records?c=NAME&after=", "a collection, newest first" },
  { "GET", "/api/1/record/ID", "one record, with its labels in force" },
  { "GET", "/api/1/record/ID/history", "all its versions, newest first" },
  { "GET", "/api/1/record/ID/about", "records about it" },
  { "GET", "/api/1/record/ID/table/N", "the first rows of its Nth file" },
  { "GET", "/api/1/author/DID?after=", "records of one author" },
  { "GET", "/api/1/search?q=&c=&type=&l=&by=&year=&files=&after=",
    "search; found words stand between U+0001 and U+0002" },
  { "POST", "/api/1/code", "put a one-time code on the station's screen" },
  { "POST", "/api/1/pair", "{code}: a token, for the header X-Station-Token" },
  { "POST", "/api/1/lock", "all tokens are worth nothing any more" },
  { "POST", "/api/1/upload", "{name}: begin an upload" },
  { "PUT", "/api/1/upload/ID?at=N", "its next bytes, at most 1 MiB" },
  { "POST", "/api/1/publish", "{collection, record, files: [{upload, name, "
    .. "type}], kept: [file], edit: ID of the version before}: a job" },
  { "POST", "/api/1/withdraw", "{id, reason}" },
  { "POST", "/api/1/label", "{id, value, negated}" },
  { "POST", "/api/1/unpack", "{upload}: take a carry file in: a job" },
  { "POST", "/api/1/pack", "{upload}: a carry file for a slip: a job" },
  { "POST", "/api/1/job/ID", "do a slice: {more, done, total} or {result}" },
  { "GET", "/api/1/drafts", "drafts (with the token)" },
  { "PUT", "/api/1/draft", "{id?, draft}: save one" },
  { "DELETE", "/api/1/draft/ID", "drop one" },
}

function api.answer(value, status)
  local response = respond.bytes("application/json",
    dagjson.encode(value) .. "\n")
  response.status = status or 200
  return response
end

local STATUS = { ENOENT = 404, EINVALID = 400, ELIMIT = 400, EBUSY = 503,
  EACCES = 403, EEXIST = 409, EREADONLY = 403, EPOLICY = 403, EFULL = 507 }

-- What is not here has one answer, whyever it is not.
function api.fault(message, code)
  local status = STATUS[code] or 500
  if status == 404 then message = "not here" end
  if status == 500 then message = "the station could not do that" end
  return api.answer({ error = { code = code or "EIO", message = message } },
    status)
end

local function entry_of(entry)
  return { id = entry.id, collection = entry.collection,
    author = entry.author, time = entry.time, parcel = entry.parcel,
    record = entry.record }
end

local function list(entries, following)
  local items = {}
  for i, entry in ipairs(entries) do items[i] = entry_of(entry) end
  return api.answer({ items = items, next = following })
end

local get = {}

function get.station(ctx)
  local station = ctx.site.station
  local stats, message, code = station:stats()
  if not stats then return api.fault(message, code) end
  return api.answer({ id = station:id(), figures = stats,
    follows = station:follows(), as_of = ctx.site.clock() })
end

function get.missing(ctx)
  local blocks, message, code = ctx.site.station:missing({ limit = 1000 })
  if not blocks then return api.fault(message, code) end
  return api.answer({ items = blocks })
end

function get.collections(ctx)
  local names, following = home.names(ctx.site.station, ctx.query.after, 100)
  return api.answer({ items = names, next = following })
end

function get.records(ctx)
  local page, following, code = ctx.site.station:page(ctx.query.c or "",
    { limit = PAGE, cursor = shape.page_cursor(ctx.query) })
  if not page then return api.fault(following, code) end
  return list(page, following)
end

function get.author(ctx, did)
  if not did or not shape.is_author(did) then return api.fault("", "ENOENT") end
  local entries, following = finder.by_author(ctx.site.station, did, PAGE,
    ctx.query.after)
  if not entries then return api.fault(following, "EIO") end
  return list(entries, following)
end

function get.search(ctx)
  local found, message, code = finder.find(ctx.site.station,
    search.wanted(ctx.query, ctx.query.lang))
  if not found then return api.fault(message, code) end
  return api.answer({ items = found.hits, next = found.next,
    facets = found.facets, total = found.total,
    suggestion = found.suggestion })
end

local function table_of(ctx, entry, number)
  local file = shape.files(entry.record)[math.tointeger(tonumber(number))]
  if not file or not file.table then return api.fault("", "ENOENT") end
  local bytes, whole, code = record.head_of(ctx.site.station, file, 262144)
  if not bytes then return api.fault(whole, code) end
  return api.answer(csv.read(bytes, whole))
end

function get.record(ctx, id, what, number)
  local entry, message, code = record.entry(ctx.site, id or "")
  if not entry then return api.fault(message, code) end
  local entries
  if what == "history" then
    entries, message, code = ctx.site.station:history(id,
      { limit = record.VERSIONS_READ })
  elseif what == "about" then
    entries, message, code = voices.about(ctx.site.station, id,
      entry.author, record.ABOUT_READ)
  elseif what == "table" then
    return table_of(ctx, entry, number)
  elseif what then
    return api.fault("", "ENOENT")
  else
    local value = entry_of(entry)
    value.labels, message, code = ctx.site.station:labels(id,
      { limit = record.ABOUT_READ })
    if not value.labels then return api.fault(message, code) end
    return api.answer(value)
  end
  if not entries then return api.fault(message, code) end
  return list(entries)
end

local function index(ctx)
  local routes = {}
  for i, route in ipairs(api.ROUTES) do
    routes[i] = { method = route[1], path = route[2], does = route[3] }
  end
  return api.answer({ version = 1, station = ctx.site.station:id(),
    routes = routes })
end

-- GET /api/1/...; `parts` are those after the version.
function api.read(ctx, parts)
  if not parts[1] then return index(ctx) end
  local answer = get[parts[1]]
  if not answer then return api.fault("", "ENOENT") end
  return answer(ctx, table.unpack(parts, 2))
end

return api
