-- SPDX-License-Identifier: 0BSD
-- The first page: what is here, what is new, and how to carry it further; and
-- the pages of lists: collections, one collection, one author.

local finder = require "mahatta.site.finder"
local layout = require "mahatta.site.layout"
local markup = require "mahatta.site.markup"
local mahatta = require "mahatta"
local shape = require "mahatta.site.shape"
local url = require "mahatta.site.url"

local home = {}

local NEWEST = 8
local COLLECTIONS = 24 -- on the first page, and looked into for what is new
local PAGE = 20
local NAMES = 100

local FRONT = markup.template [[
<section class="hero">
<h1>{=hero}</h1>
<p>{=hero_text}</p>
<p class="counts">{counts}</p>
</section>
<section>
<h2>{=newest}</h2>
{newest}
</section>
{collections}
<section class="split">
<div class="card"><h2>{=take_title}</h2><p>{=take_short}</p>
<p><a class="button" href="{take}">{=take_link}</a></p></div>
<div class="card"><h2>{=publish_title}</h2><p>{=publish_short}</p>
<p><a class="button" href="{publish}">{=publish_link}</a></p></div>
</section>]]

local COLLECTIONS_HERE = markup.template [[
<section>
<h2><a href="{all}">{=menu_collections}</a></h2>
<ul class="chips">{names}</ul>
{rest}
</section>]]
local CHIP = markup.template
  [[<li><a class="chip" href="{link}">{name}</a></li>]]
local ALL = markup.template [[<p><a href="{all}">{text}</a></p>]]

local function chip(ctx, name)
  return CHIP(ctx.words, { name = name,
    link = shape.collection_path(ctx.lang, name) })
end

-- The newest records of these collections, by their time.
local function newest_of(ctx, names)
  local found = {}
  for i = 1, math.min(#names, COLLECTIONS) do
    local page = ctx.site.station:page(names[i].name, { limit = NEWEST })
    for _, entry in ipairs(page or {}) do
      if entry.record.type ~= "label" and entry.record.type ~= "withdraw" then
        found[#found + 1] = entry
      end
    end
  end
  table.sort(found, function (a, b)
    if a.time ~= b.time then return a.time > b.time end
    return a.id < b.id
  end)
  return table.move(found, 1, NEWEST, 1, {})
end

local function chips(ctx, names, total)
  if #names == 0 then return markup.none end
  local all, items = url.path(ctx.lang, "collections"), {}
  for i, one in ipairs(names) do items[i] = chip(ctx, one.name) end
  return COLLECTIONS_HERE(ctx.words, { all = all, names = items,
    rest = total > #names and ALL(ctx.words, { all = all,
      text = markup.say(ctx.words, "all_collections", { n = total }) })
      or markup.none })
end

function home.front(ctx)
  local site = ctx.site
  local stats, message = site.station:stats()
  if not stats then return nil, message end
  local names = site.station:collections({ limit = COLLECTIONS })
  -- Of many collections, what came last: the index knows that, and a look into
  -- each of them would cost too much.
  local newest
  if stats.unindexed or stats.collections <= COLLECTIONS then
    newest = newest_of(ctx, names)
  else
    newest, message = finder.newest(site.station, NEWEST)
  end
  if not newest then return nil, message end
  local cards = {}
  for i, entry in ipairs(newest) do cards[i] = layout.entry_of(ctx, entry) end
  return layout.page(ctx, { head = layout.feed(ctx, "/feed.atom"),
    body = FRONT(ctx.words, {
      counts = markup.say(ctx.words, "counts", {
        records = shape.say(shape.number(stats.documents)),
        collections = shape.say(shape.number(stats.collections)),
        size = shape.say(shape.size(stats.disk)) }),
      newest = #cards > 0 and layout.cards(ctx, cards)
        or layout.note(ctx, "nothing_here"),
      collections = chips(ctx, names, stats.collections),
      take = url.path(ctx.lang, "take"),
      publish = url.path(ctx.lang, "publish") }) })
end

-- ---- collections ----

local NAMES_PAGE = markup.template [[
<h1>{=menu_collections}</h1>
<ul class="plain">{items}</ul>{more}]]
local NAME = markup.template [[<li class="card line">
<a href="{link}">{name}</a></li>]]

-- Names after ${after}, at most ${limit}; and the last when there are more.
function home.names(station, after, limit)
  local names = station:collections({ after = after, limit = limit + 1 })
  local following = names[limit + 1] and names[limit].name
  names[limit + 1] = nil
  return names, following
end

function home.collections(ctx)
  local names, following =
    home.names(ctx.site.station, ctx.query.after, NAMES)
  local items = {}
  for i, one in ipairs(names) do
    items[i] = NAME(ctx.words, { name = one.name,
      link = shape.collection_path(ctx.lang, one.name) })
  end
  return layout.page(ctx, { title = ctx.words.say.menu_collections,
    body = NAMES_PAGE(ctx.words, { items = items,
      more = layout.more(ctx, following) }) })
end

local COLLECTION = markup.template [[
<h1>{name}</h1>
<ul class="row actions">
<li><a href="{search}">{=search_here}</a></li>
<li><a href="{take}">{=take_link}</a></li>
<li><a href="{feed}">{=feed}</a></li>
</ul>
{cards}{more}]]

function home.collection(ctx, name)
  local page, cursor, code
  if #name > 0 and #name <= 128 then
    page, cursor, code = ctx.site.station:page(name,
      { limit = PAGE, cursor = shape.page_cursor(ctx.query) })
  end
  if not page and code and code ~= "EINVALID" then return nil, cursor end
  if not page or #page == 0 and not ctx.query.after then
    return layout.not_found(ctx)
  end
  local cards = {}
  for i, entry in ipairs(page) do cards[i] = layout.entry_of(ctx, entry) end
  local feed = "/feed.atom" .. url.search({ c = name })
  return layout.page(ctx, { title = name, head = layout.feed(ctx, feed),
    body = COLLECTION(ctx.words, { name = name, feed = feed,
      search = url.path(ctx.lang, "search") .. url.search({ c = name }),
      take = url.path(ctx.lang, "take") .. url.search({ c = name }),
      cards = layout.cards(ctx, cards), more = layout.more(ctx, cursor) }) })
end

-- ---- authors ----

local AUTHOR = markup.template [[
<h1>{=author} <code>{short:plain}</code></h1>
<p class="dim"><code class="long">{did:plain}</code></p>
{own}{cards}{more}]]

-- Of whom nothing is found here the page says so, and programs hear 404: that
-- may be anybody, or who only sent the label that linked there.
function home.author(ctx, did)
  if not shape.is_author(did) then return layout.not_found(ctx) end
  local entries, following = finder.by_author(ctx.site.station, did, PAGE,
    ctx.query.after)
  if not entries then return nil, following end
  local cards = {}
  for i, entry in ipairs(entries) do
    cards[i] = layout.entry_of(ctx, entry)
  end
  local own = did == ctx.site.station:id()
  return layout.page(ctx, { status = #cards == 0 and not own and 404 or nil,
    title = mahatta.display(shape.author(did), true),
    body = AUTHOR(ctx.words, { did = did, short = shape.author(did),
      own = own and layout.note(ctx, "this_station") or markup.none,
      cards = #cards > 0 and layout.cards(ctx, cards)
        or layout.note(ctx, "nothing_by_author"),
      more = layout.more(ctx, following) }) })
end

return home
