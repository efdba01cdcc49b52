-- SPDX-License-Identifier: 0BSD
-- The site: a function from request to response, whatever server asks it.
--
-- A request is { method, target, headers, repeated, body }: the target as it
-- came; headers by lower-case name, those that came twice joined by ", " and
-- counted in `repeated`. Responses: see respond.lua.

local api = require "mahatta.site.api"
local assets = require "mahatta.site.assets"
local cache = require "mahatta.site.cache"
local desk = require "mahatta.site.desk"
local feeds = require "mahatta.site.feeds"
local gateway = require "mahatta.site.gateway"
local guard = require "mahatta.site.guard"
local home = require "mahatta.site.home"
local kinds = require "mahatta.kinds"
local layout = require "mahatta.site.layout"
local mahatta = require "mahatta"
local packages = require "mahatta.site.packages"
local record = require "mahatta.site.record"
local respond = require "mahatta.site.respond"
local search = require "mahatta.site.search"
local spool = require "mahatta.site.spool"
local take = require "mahatta.site.take"
local url = require "mahatta.site.url"
local words = require "mahatta.site.words"
local write = require "mahatta.site.write"

local site = {}

local Site = {}
Site.__index = Site

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do set[name:lower()] = true end
  return set
end

-- Options:
--   hosts        names with ports that this site answers to, exactly
--   files_hosts  the same of the origin of people's files
--   files_port   port of that origin; without one, files are only for saving
--   pairing      lets paired pages write; without it the site only reads
--   spool        an empty folder for uploads and carry files
--   drafts       names of what is in it, when it is not empty
--   clock, random, log
function site.new(station, options)
  local self = setmetatable({ station = station, mahatta = mahatta,
    mahatta_kinds = kinds, hosts = set_of(options.hosts),
    files_hosts = set_of(options.files_hosts or {}),
    files_port = options.files_port, pairing = options.pairing,
    clock = options.clock or os.time, log = options.log or function () end,
    assets = assets.load(), cache = cache.new(), carries = {} }, Site)
  if options.spool then
    self.spool = spool.new(options.spool, { clock = self.clock,
      random = options.random })
    self.spool:know_drafts(options.drafts or {})
  end
  return self
end

-- ---- pages ----

local PAGES = {
  search = function (ctx) return search.page(ctx) end,
  collections = function (ctx) return home.collections(ctx) end,
  station = function (ctx) return desk.station(ctx) end,
  take = function (ctx) return take.page(ctx) end,
  publish = function (ctx) return desk.publish(ctx) end,
  help = function (ctx) return desk.help(ctx) end,
}

local function page_of_record(ctx, rest)
  if #rest == 2 then return record.page(ctx, rest[2]) end
  if #rest == 4 and rest[3] == "table" then
    return record.table(ctx, rest[2], rest[4])
  end
  return layout.not_found(ctx)
end

-- A page in a language; `rest` is the path after it.
local function page(ctx, rest)
  if #rest == 0 then return home.front(ctx) end
  if rest[1] == "r" then return page_of_record(ctx, rest) end
  if #rest > 1 and rest[1] == "c" then
    return home.collection(ctx, table.concat(rest, "/", 2))
  elseif #rest == 2 and rest[1] == "by" then
    return home.author(ctx, rest[2])
  elseif #rest == 1 and PAGES[rest[1]] then
    return PAGES[rest[1]](ctx)
  end
  return layout.not_found(ctx)
end

-- ---- what has no language ----

local function asset(ctx, name)
  local bytes, media = ctx.site.assets.get(name)
  return respond.bytes(media, bytes,
    { ["cache-control"] = "public, max-age=31536000, immutable" })
end

local function descriptor(ctx, id)
  local entry, message, code = record.entry(ctx.site, id)
  if not entry then return nil, message, code end
  return packages.json(ctx, entry) or layout.not_found(ctx)
end

local function record_file(ctx, parts)
  if #parts == 3 and parts[3] == "datapackage.json" then
    return descriptor(ctx, parts[2])
  end
  return layout.not_found(ctx)
end

local TAKES = { ["carry.car.zst"] = take.carry, ["station.slip"] = take.slip,
  ready = take.ready }

local ROUTES = {
  ["site.css"] = function (ctx) return asset(ctx, "site.css") end,
  ["site.js"] = function (ctx) return asset(ctx, "site.js") end,
  ["icon.svg"] = function (ctx) return asset(ctx, "icon.svg") end,
  ["favicon.ico"] = function (ctx) return asset(ctx, "icon.svg") end,
  ["robots.txt"] = feeds.robots,
  ["feed.atom"] = feeds.atom,
  opds = function (ctx) return feeds.opds(ctx, home.names) end,
  ["sitemap.xml"] = function (ctx) return feeds.sitemap(ctx, home.names) end,
  ["catalog.jsonld"] = function (ctx)
    return packages.catalog(ctx, home.names)
  end,
  r = record_file,
  ipfs = function (ctx, parts)
    return gateway.ipfs(ctx.site, ctx.request, parts, ctx.query)
  end,
  f = function (ctx, parts)
    return gateway.file(ctx.site, ctx.request, parts, ctx.query, false)
  end,
  take = function (ctx, parts)
    local answer = TAKES[parts[2] or ""]
    return answer and answer(ctx, parts) or layout.not_found(ctx)
  end,
  api = function (ctx, parts)
    if parts[2] ~= "1" then return layout.not_found(ctx) end
    local rest = table.move(parts, 3, #parts, 1, {})
    if ctx.request.method ~= "GET" and ctx.request.method ~= "HEAD" then
      return write.answer(ctx, rest)
    end
    if rest[1] == "drafts" and #rest == 1 then return write.drafts(ctx) end
    return api.read(ctx, rest)
  end,
}

-- ---- the way of a request ----

local function split(target)
  local path, query = target:match("^([^?#]*)%??([^#]*)")
  return url.parts(path), url.query(query), path
end

-- The host's name without its port, as it came: pages link to their own.
local function name_of(host) return (host:gsub(":%d+$", "")) end

local function context(self, request, parts, query, path)
  local host = request.headers.host:lower()
  local lang = words.of_path(parts[1])
  local files = self.files_port
    and "http://" .. name_of(host) .. ":" .. self.files_port or ""
  local origin = "http://" .. host
  local ctx = { site = self, request = request, query = query,
    lang = lang or words.preferred(request.headers["accept-language"],
      query.lang), page_path = path, origin = origin, files = files,
    files_absolute = files ~= "" and files or origin }
  ctx.words = words[ctx.lang]
  ctx.rest = lang and table.move(parts, 2, #parts, 1, {}) or {}
  return ctx, lang
end

local function answer(ctx, parts, lang)
  if #parts == 0 or lang then
    if #parts == 0 then ctx.page_path = url.path(ctx.lang) end
    local response, message = page(ctx, ctx.rest)
    if response and #parts == 0 then
      response.headers.vary = "Accept-Language"
    end
    return response, message
  end
  local route = ROUTES[parts[1]]
  if not route then return layout.not_found(ctx) end
  local response, message, code = route(ctx, parts)
  if not response and code == "ENOENT" or code == "EINVALID" then
    return layout.not_found(ctx)
  end
  return response, message
end

-- Routes whose answers depend on nothing but the address, the language and
-- what the station holds; and pages.
local LASTING = { ["feed.atom"] = true, opds = true, ["sitemap.xml"] = true,
  ["catalog.jsonld"] = true, r = true, ["robots.txt"] = true, api = true }

-- The key of a page in the cache; nil for what is asked anew each time.
local function cache_key(ctx, parts, lang)
  if ctx.request.method ~= "GET" or not (#parts == 0 or lang
      or LASTING[parts[1]]) or parts[3] == "drafts" then
    return nil
  end
  local version = ctx.site.station:version()
  if not version then return nil end
  ctx.site.cache:as_of(version)
  return ctx.origin .. " " .. ctx.lang .. " " .. ctx.request.target
end

local function answer_once(ctx, parts, lang)
  local key = cache_key(ctx, parts, lang)
  local response = key and ctx.site.cache:get(key, ctx.site.clock())
  if response then return response end
  local message
  response, message = answer(ctx, parts, lang)
  if key and response then
    ctx.site.cache:put(key, response, ctx.site.clock())
  end
  return response, message
end

local function broken(self, ctx, message)
  self.log(("%s: %s"):format(ctx.request.method, message))
  return layout.failed(ctx, 500, "broken")
end

-- One request to the site.
function Site:site(request)
  local refused = guard.check(request, self.hosts, self.pairing ~= nil)
  if refused then return respond.from_site(refused) end
  local parts, query, path = split(request.target)
  if not parts then return respond.from_site(guard.bad_request()) end
  if request.method ~= "GET" and request.method ~= "HEAD" then
    refused = write.refusal(self, request, parts)
    if refused then return respond.from_site(refused) end
  end
  local ctx, lang = context(self, request, parts, query, path)
  local ok, response, message = xpcall(answer_once, debug.traceback, ctx,
    parts, lang)
  if not ok then
    response = broken(self, ctx, response)
  elseif not response then
    response = broken(self, ctx, message)
  end
  return respond.from_site(response)
end

-- One request to the origin of people's files: nothing else is there.
function Site:files(request)
  local refused = guard.check(request, self.files_hosts, false)
  if refused then return respond.from_files(refused) end
  local parts, query = split(request.target)
  local response
  if parts and #parts == 4 and parts[1] == "f" then
    local ok, message
    ok, response, message = xpcall(gateway.file, debug.traceback, self,
      request, parts, query, true)
    if not ok or not response then
      self.log("files: " .. (ok and message or response))
      response = nil
    end
  end
  return respond.from_files(response or gateway.nothing())
end

-- Before the body of a request is read: nil to read it, or the refusal.
function Site:refuse(request)
  local refused = guard.check(request, self.hosts, self.pairing ~= nil)
  local parts = not refused and split(request.target)
  refused = refused or not parts and guard.bad_request()
    or write.refusal(self, request, parts)
  return refused and respond.from_site(refused)
end

return site
