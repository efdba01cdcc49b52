-- SPDX-License-Identifier: 0BSD
-- Lists for programs that follow: Atom feeds of collections and searches,
-- OPDS catalogues of lessons and books, the site map, robots.txt.

local finder = require "mahatta.site.finder"
local markup = require "mahatta.site.markup"
local respond = require "mahatta.site.respond"
local shape = require "mahatta.site.shape"
local url = require "mahatta.site.url"

local feeds = {}

local FEED_PAGE, MAP_PAGE = 50, 1000
local OPDS_ACQUISITION = "application/atom+xml;profile=opds-catalog;"
  .. "kind=acquisition"
local OPDS_NAVIGATION = "application/atom+xml;profile=opds-catalog;"
  .. "kind=navigation"

local FEED = markup.xml [[
<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{lang}">
<id>{id}</id>
<title>{title}</title>
<updated>{updated}</updated>
<author><name>{author}</name></author>
<link rel="self" type="{media}" href="{here}"/>
{links}{entries}</feed>
]]
local LINK = markup.xml [[<link rel="{rel}" type="{media}" href="{href}"/>
]]
local FILE_LINK = markup.xml
  [[<link rel="{rel}" type="{media}" length="{size}" href="{href}"
 title="{name}"/>
]]
local ENTRY = markup.xml [[<entry>
<id>ipfs://{id}</id>
<title>{title}</title>
<updated>{updated}</updated>
<author><name>{author}</name></author>
<category term="{kind}"/>
{links}{summary}</entry>
]]
local SUMMARY = markup.xml [[<summary>{text}</summary>
]]

-- XML has no way to say most control characters.
local function readable(s)
  return (s:gsub("[\0-\8\11\12\14-\31\127]", utf8.char(0xFFFD))
    :gsub("\xEF\xBF[\xBE\xBF]", utf8.char(0xFFFD)))
end

local function title_of(ctx, record)
  return readable(shape.title(record, ctx.lang) or ctx.words.say.no_title)
end

local function entry_xml(ctx, entry, rel)
  local links = { LINK({ rel = "alternate", media = "text/html",
    href = ctx.origin .. shape.record_path(ctx.lang, entry.id) }) }
  for i, file in ipairs(shape.files(entry.record)) do
    if i > 20 then break end
    links[#links + 1] = FILE_LINK({ rel = rel, media = readable(file.type),
      size = file.size, name = readable(file.name), href = ctx.files_absolute
        .. url.path("f", entry.id, file.number, file.name) })
  end
  if entry.record.about then
    links[#links + 1] = LINK({ rel = "related", media = "text/html",
      href = ctx.origin .. shape.record_path(ctx.lang,
        tostring(entry.record.about)) })
  end
  local text = shape.text(entry.record, ctx.lang)
  return ENTRY({ id = entry.id, title = title_of(ctx, entry.record),
    updated = shape.stamp(entry.time), author = entry.author,
    kind = readable(entry.record.type), links = links,
    summary = text and SUMMARY({ text = readable(shape.short(text, 1000)) })
      or markup.none })
end

local function feed_xml(ctx, feed)
  local links = {}
  if feed.next then
    links[1] = LINK({ rel = "next", media = feed.media, href = feed.next })
  end
  for _, link in ipairs(feed.links or {}) do links[#links + 1] = LINK(link) end
  return respond.bytes(feed.media .. "; charset=utf-8", tostring(FEED({
    lang = ctx.words.tag, id = feed.here, title = readable(feed.title),
    updated = shape.stamp(feed.updated or 0),
    author = ctx.site.station:id(), media = feed.media, here = feed.here,
    links = links, entries = feed.entries })))
end

local function following(ctx, path, query, cursor)
  if not cursor then return nil end
  query.after = cursor
  return ctx.origin .. path .. url.search(query)
end

-- ---- Atom ----

local function newest_of(entries)
  local newest = 0
  for _, entry in ipairs(entries) do newest = math.max(newest, entry.time) end
  return newest
end

local function collection_feed(ctx, name)
  local page, cursor, code = ctx.site.station:page(name,
    { limit = FEED_PAGE, cursor = shape.page_cursor(ctx.query) })
  if not page then return nil, cursor, code end
  local entries = {}
  for i, entry in ipairs(page) do
    entries[i] = entry_xml(ctx, entry, "enclosure")
  end
  return feed_xml(ctx, { title = name, entries = entries,
    media = "application/atom+xml", updated = newest_of(page),
    here = ctx.origin .. "/feed.atom" .. url.search({ c = name,
      lang = ctx.lang }),
    next = following(ctx, "/feed.atom", { c = name, lang = ctx.lang },
      cursor) })
end

-- The newest first among the best hits: a feed is read by time.
local function search_feed(ctx, query)
  local found, message, code = finder.find(ctx.site.station, { q = query.q,
    collection = query.c, type = query.type, lang = ctx.lang,
    cursor = query.after, limit = FEED_PAGE, plain = true })
  if not found then return nil, message, code end
  local entries, times = {}, {}
  for _, hit in ipairs(found.hits) do
    local entry = ctx.site.station:get(hit.id)
    if entry then times[#times + 1] = entry end
  end
  table.sort(times, function (a, b)
    if a.time ~= b.time then return a.time > b.time end
    return a.id < b.id
  end)
  for i, entry in ipairs(times) do
    entries[i] = entry_xml(ctx, entry, "enclosure")
  end
  local own = { q = query.q, c = query.c or "", type = query.type or "",
    lang = ctx.lang }
  return feed_xml(ctx, { title = query.q, entries = entries,
    media = "application/atom+xml", updated = newest_of(times),
    here = ctx.origin .. "/feed.atom" .. url.search(own),
    next = following(ctx, "/feed.atom", own, found.next) })
end

-- The newest of all collections.
local function all_feed(ctx)
  local times, cursor, code = finder.newest(ctx.site.station, FEED_PAGE,
    ctx.query.after)
  if not times then return nil, cursor, code end
  local entries = {}
  for i, entry in ipairs(times) do
    entries[i] = entry_xml(ctx, entry, "enclosure")
  end
  local own = { lang = ctx.lang }
  return feed_xml(ctx, { title = ctx.words.say.name, entries = entries,
    media = "application/atom+xml", updated = newest_of(times),
    here = ctx.origin .. "/feed.atom" .. url.search(own),
    next = following(ctx, "/feed.atom", own, cursor) })
end

-- GET /feed.atom?c=COLLECTION or ?q=WORDS, of everything without both.
function feeds.atom(ctx)
  local query = ctx.query
  if query.q and query.q:find("%S") then return search_feed(ctx, query) end
  if query.c then return collection_feed(ctx, query.c) end
  return all_feed(ctx)
end

-- ---- OPDS 1.2 ----

local SHELF = markup.xml [[<entry>
<id>{href}</id>
<title>{title}</title>
<updated>{updated}</updated>
<link rel="subsection" type="{media}" href="{href}"/>
<content type="text">{title}</content>
</entry>
]]

local BOOKS = { lesson = true, book = true, lecture = true, article = true }

local function shelf(ctx, name)
  local page, cursor, code = ctx.site.station:page(name,
    { limit = FEED_PAGE, cursor = shape.page_cursor(ctx.query) })
  if not page then return nil, cursor, code end
  local entries = {}
  for _, entry in ipairs(page) do
    if BOOKS[entry.record.type] and #shape.files(entry.record) > 0 then
      entries[#entries + 1] = entry_xml(ctx, entry,
        "http://opds-spec.org/acquisition/open-access")
    end
  end
  return feed_xml(ctx, { title = name, media = OPDS_ACQUISITION,
    entries = entries, updated = newest_of(page),
    here = ctx.origin .. "/opds" .. url.search({ c = name,
      lang = ctx.lang }),
    links = { { rel = "start", media = OPDS_NAVIGATION,
      href = ctx.origin .. "/opds" } },
    next = following(ctx, "/opds", { c = name, lang = ctx.lang }, cursor) })
end

-- GET /opds: shelves; GET /opds?c=COLLECTION: what stands on one.
function feeds.opds(ctx, names_of)
  if ctx.query.c then return shelf(ctx, ctx.query.c) end
  local names, more = names_of(ctx.site.station, ctx.query.after, 100)
  local entries = {}
  for i, one in ipairs(names) do
    entries[i] = SHELF({ title = readable(one.name), media = OPDS_ACQUISITION,
      updated = shape.stamp(0), href = ctx.origin .. "/opds"
        .. url.search({ c = one.name, lang = ctx.lang }) })
  end
  return feed_xml(ctx, { title = ctx.words.say.name, entries = entries,
    media = OPDS_NAVIGATION, here = ctx.origin .. "/opds",
    links = { { rel = "start", media = OPDS_NAVIGATION,
      href = ctx.origin .. "/opds" } },
    next = following(ctx, "/opds", { lang = ctx.lang }, more) })
end

-- ---- for crawlers ----

local MAP_INDEX = markup.xml [[
<?xml version="1.0" encoding="utf-8"?>
<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{parts}</sitemapindex>
]]
local MAP_PART = markup.xml [[<sitemap><loc>{href}</loc></sitemap>
]]
local MAP = markup.xml [[
<?xml version="1.0" encoding="utf-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{urls}</urlset>
]]
local MAP_URL = markup.xml
  [[<url><loc>{href}</loc><lastmod>{stamp}</lastmod></url>
]]

-- GET /sitemap.xml: one map for each collection; ?c=: its newest records.
-- Older ones are reached by the links of its pages.
function feeds.sitemap(ctx, names_of)
  local parts = {}
  local media = "application/xml; charset=utf-8"
  if not ctx.query.c then
    for i, one in ipairs(names_of(ctx.site.station, nil, 50000)) do
      parts[i] = MAP_PART({ href = ctx.origin .. "/sitemap.xml"
        .. url.search({ c = one.name }) })
    end
    return respond.bytes(media, tostring(MAP_INDEX({ parts = parts })))
  end
  local page, message, code = ctx.site.station:page(ctx.query.c,
    { limit = MAP_PAGE })
  if not page then return nil, message, code end
  for i, entry in ipairs(page) do
    parts[i] = MAP_URL({ href = ctx.origin .. shape.record_path(ctx.lang,
      entry.id), stamp = shape.stamp(entry.time) })
  end
  return respond.bytes(media, tostring(MAP({ urls = parts })))
end

function feeds.robots(ctx)
  return respond.bytes("text/plain; charset=utf-8",
    "User-agent: *\nAllow: /\n\nSitemap: " .. ctx.origin .. "/sitemap.xml\n")
end

return feeds
