-- SPDX-License-Identifier: 0BSD
-- The frame about every page, and the pieces that many pages share.

local markup = require "mahatta.site.markup"
local respond = require "mahatta.site.respond"
local shape = require "mahatta.site.shape"
local url = require "mahatta.site.url"
local words = require "mahatta.site.words"

local layout = {}

local FRAME = markup.template [[
<html lang="{code}" dir="{dir}">
<head>
<meta charset="utf-8">
<title>{title:plain}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="{style}">
<link rel="icon" type="image/svg+xml" href="/icon.svg">
{alternates}{head}
</head>
<body>
<a class="skip" href="#main">{=skip}</a>
<header class="top">
<div class="bar">
<a class="brand" href="{home}">{=name}</a>
{find}
</div>
<nav class="bar menu" aria-label="{=menu}">{menu}</nav>
</header>
<main id="main" tabindex="-1">
{body}
</main>
<footer class="bar">
<nav aria-label="{=languages}"><ul class="row">{languages}</ul></nav>
<p>{=motto}</p>
<p class="dim">{=as_of} <time datetime="{stamp}">{minute}</time> UTC</p>
</footer>
{script}
</body>
</html>]]

local FIND = markup.template [[
<form class="find" role="search" action="{search}">
<label class="hidden" for="q">{=search}</label>
<input id="q" type="search" name="q" dir="auto"
 placeholder="{=search_hint}" enterkeyhint="search" maxlength="500">
<button>{=search}</button>
</form>]]
local MENU_ITEM = markup.template [[<a href="{link}">{label}</a>]]
local MENU_HERE = markup.template
  [[<a href="{link}" aria-current="page">{label}</a>]]
local ITEMS = markup.template [[{items}]]
local LANGUAGE = [[<li><a href="/%s{rest}" lang="%s" hreflang="%s">%s</a></li>]]
local ALTERNATE = [[<link rel="alternate" hreflang="%s" href="/%s{rest}">]]
local SCRIPT = markup.template [[<script src="{link}" defer></script>]]

local MENU = { { "collections", "menu_collections" },
  { "station", "menu_station" }, { "take", "menu_take" },
  { "publish", "menu_publish" }, { "help", "menu_help" } }

-- Made once for each language and place in the menu.
local menus = {}

local function menu(ctx)
  local key, here = ctx.lang, nil
  for _, item in ipairs(MENU) do
    if #ctx.rest == 1 and ctx.rest[1] == item[1] then here = item[1] end
  end
  key = key .. (here or "")
  if not menus[key] then
    local out = {}
    for i, item in ipairs(MENU) do
      out[i] = (item[1] == here and MENU_HERE or MENU_ITEM)(ctx.words, {
        link = url.path(ctx.lang, item[1]),
        label = markup.say(ctx.words, item[2]) })
    end
    menus[key] = ITEMS(ctx.words, { items = out })
  end
  return menus[key]
end

-- This page in the other languages: the links differ in their first part only,
-- so there is one template for all of them.
local languages, alternates = {}, {}
for i, code in ipairs(words.CODES) do
  local tag, name = words[code].tag, words[code].say.own_name
  languages[i] = LANGUAGE:format(code, tag, tag, name)
  alternates[i] = ALTERNATE:format(tag, code)
end
languages = markup.template(table.concat(languages))
alternates = markup.template(table.concat(alternates))

-- A whole page. `parts`: title (text), body; head, script, status,
-- own_search: the page has a search field of its own.
function layout.page(ctx, parts)
  local here = { rest = (#ctx.rest > 0 and url.path(table.unpack(ctx.rest))
    or "") .. url.search(ctx.query) }
  local script = parts.script and SCRIPT(ctx.words,
    { link = ctx.site.assets.script }) or markup.none
  local name = ctx.words.say.name
  local now = ctx.site.clock()
  return respond.html(FRAME(ctx.words, { code = ctx.words.tag,
    dir = ctx.words.dir, style = ctx.site.assets.style,
    title = parts.title and parts.title .. " · " .. name or name,
    alternates = alternates(ctx.words, here),
    head = parts.head or markup.none,
    home = url.path(ctx.lang), find = parts.own_search and markup.none
      or FIND(ctx.words, { search = url.path(ctx.lang, "search") }),
    menu = menu(ctx), body = parts.body,
    languages = languages(ctx.words, here), stamp = shape.stamp(now),
    minute = shape.say(shape.minute(now)), script = script }), parts.status)
end

-- ---- pieces ----

local HEAD_LINE = markup.template [[<h1>{title}</h1>]]
function layout.heading(ctx, title)
  return HEAD_LINE(ctx.words, { title = title })
end

-- A phrase, or what a type is called that we have no word for.
function layout.type_name(ctx, kind)
  if ctx.words.say["type_" .. kind] then
    return markup.say(ctx.words, "type_" .. kind)
  end
  return kind
end

local ENTRY = markup.template [[
<li class="card">
<h3><a href="{link}" {lang}>{title}</a></h3>
<p class="meta"><span class="kind">{kind}</span>
<a href="{place}">{collection}</a>
<time datetime="{stamp}">{day}</time></p>
{snippet}
</li>]]
local SNIPPET = markup.template
  [[<p class="snippet" dir="auto">{text:plain}</p>]]
local LANG = markup.template [[lang="{code}"]]
local LIST = markup.template [[<ol class="cards">{items}</ol>]]

-- `lang="..."` of a text whose language is told.
function layout.lang(ctx, code)
  if not code or not code:find("^%a[%w-]*$") then return markup.none end
  return LANG(ctx.words, { code = code })
end

local RIGHT_TO_LEFT = { ar = true, ckb = true, fa = true, ur = true }
local DIRECTION = markup.template [[lang="{code}" dir="{dir}"]]

-- The same with its direction, for a heading that stands where its text does.
function layout.direction(ctx, code)
  if not code or not code:find("^%a[%w-]*$") then return markup.none end
  return DIRECTION(ctx.words, { code = code,
    dir = RIGHT_TO_LEFT[code:match("^%a+")] and "rtl" or "ltr" })
end

-- One record in a list. `snippet`: text, marked text, or nil.
function layout.entry(ctx, item)
  local snippet = markup.none
  if item.snippet then
    snippet = SNIPPET(ctx.words, { text = item.snippet })
  end
  return ENTRY(ctx.words, {
    link = shape.record_path(ctx.lang, item.id),
    lang = layout.lang(ctx, item.lang),
    title = item.title or markup.say(ctx.words, "no_title"),
    kind = layout.type_name(ctx, item.type),
    place = shape.collection_path(ctx.lang, item.collection),
    collection = item.collection, stamp = shape.stamp(item.time),
    day = shape.say(shape.day(item.time)), snippet = snippet })
end

-- The same from a station's entry, with the first words of its text.
function layout.entry_of(ctx, entry)
  local title, lang = shape.title(entry.record, ctx.lang)
  local text = shape.text(entry.record, ctx.lang)
  return layout.entry(ctx, { id = entry.id, title = title, lang = lang,
    type = entry.record.type, collection = entry.collection,
    time = entry.time, snippet = text and shape.short(text, 200) })
end

function layout.cards(ctx, items)
  return LIST(ctx.words, { items = items })
end

local MORE = markup.template
  [[<p class="more"><a rel="next" href="{link}">{=more}</a></p>]]

-- The link to the next page, when there is one: this page's query with
-- another cursor.
function layout.more(ctx, cursor)
  if not cursor then return markup.none end
  local query = {}
  for name, value in pairs(ctx.query) do query[name] = value end
  query.after = cursor
  return MORE(ctx.words, { link = ctx.page_path .. url.search(query) })
end

local NOTE = markup.template [[<p class="note">{text}</p>]]
function layout.note(ctx, key, values)
  return NOTE(ctx.words, { text = markup.say(ctx.words, key, values) })
end

local FEED = markup.template [[<link rel="alternate"
 type="application/atom+xml" href="{link}" title="{=feed}">]]
function layout.feed(ctx, link) return FEED(ctx.words, { link = link }) end

local PLAIN = markup.template [[<h1>{title}</h1><p>{text}</p>
<p><a href="{home}">{=to_home}</a></p>]]

-- One page for all that is not to be had here, whyever: unknown, withdrawn,
-- private. The same bytes for each.
function layout.not_found(ctx)
  local at = setmetatable({ rest = {}, query = {}, page_path = "" },
    { __index = ctx })
  return layout.page(at, { status = 404, title = ctx.words.say.not_found,
    body = PLAIN(ctx.words, { title = markup.say(ctx.words, "not_found"),
      text = markup.say(ctx.words, "not_found_text"),
      home = url.path(ctx.lang) }) })
end

function layout.failed(ctx, status, key)
  return layout.page(ctx, { status = status, title = ctx.words.say[key],
    body = PLAIN(ctx.words, { title = markup.say(ctx.words, key),
      text = markup.say(ctx.words, key .. "_text"),
      home = url.path(ctx.lang) }) })
end

return layout
