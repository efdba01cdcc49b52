-- SPDX-License-Identifier: 0BSD
-- The search page.

local finder = require "mahatta.site.finder"
local layout = require "mahatta.site.layout"
local markup = require "mahatta.site.markup"
local shape = require "mahatta.site.shape"
local url = require "mahatta.site.url"
local words = require "mahatta.site.words"

local search = {}

local PAGE = markup.template [[
<h1 class="hidden">{=search}</h1>
<form class="asked" role="search" action="{action}">
<label class="hidden" for="q">{=query}</label>
<input id="q" type="search" name="q" value="{q}" dir="auto"
 placeholder="{=search_hint}" enterkeyhint="search" maxlength="500">
<button>{=search}</button>
{kept}
</form>
{conditions}{suggestion}
<div class="found">
{facets}
<div class="hits">{count}{cards}{more}</div>
</div>]]

local KEPT = markup.template
  [[<input type="hidden" name="{name}" value="{value}">]]
local COUNT = markup.template [[<p class="dim">{text}</p>]]
local SUGGESTION = markup.template
  [[<p class="note">{=did_you_mean} <a href="{link}">{q}</a></p>]]

-- What the query asks for; empty fields are none.
function search.wanted(query, lang)
  local function field(name, max)
    local value = query[name]
    return value and value:find("%S") and value:sub(1, max) or nil
  end
  return { q = query.q and query.q:sub(1, 2000) or "",
    collection = field("c", 128), type = field("type", 64),
    content_lang = field("l", 35), author = field("by", 80),
    year = field("year", 4), files = field("files", 1), lang = lang,
    cursor = query.after }
end

-- The same page with one more (or one less) condition.
local function narrowed(ctx, name, value)
  local query = {}
  for key, old in pairs(ctx.query) do query[key] = old end
  query[name], query.after = value or "", nil
  return ctx.page_path .. url.search(query)
end

local FACETS = markup.template [[
<aside class="facets" aria-label="{=narrow}">{groups}</aside>]]
local GROUP = markup.template [[
<details {open}><summary>{name}</summary><ul>{values}</ul></details>]]
local OPEN = markup.template [[open]]
local VALUE = markup.template [[
<li><a href="{link}" rel="nofollow">{label}</a>
<span class="dim">{count}</span></li>]]
local TAKEN = markup.template [[
<li><a class="taken" href="{link}" rel="nofollow">{label}
<span aria-hidden="true">×</span>
<span class="hidden">{=take_off}</span></a></li>]]
local CONDITIONS = markup.template
  [[<ul class="chips conditions" aria-label="{=narrow}">{items}</ul>]]
local CONDITION = markup.template [[
<li><a class="chip" href="{link}" rel="nofollow">
<span class="dim">{name}:</span> {label}
<span aria-hidden="true">×</span>
<span class="hidden">{=take_off}</span></a></li>]]

-- Facet of the search -> name in the page's address.
local FIELDS = { collection = "c", type = "type", lang = "l", author = "by",
  year = "year", files = "files" }

-- What a value is called, where it isn't by itself.
local LABELS = {
  type = layout.type_name,
  lang = function (_, value) return words.name_of(value) end,
  author = function (_, value) return shape.author(value) end,
  files = function (ctx) return markup.say(ctx.words, "has_files") end,
}

local function label_of(ctx, facet, value)
  return LABELS[facet] and LABELS[facet](ctx, value) or value
end

-- The conditions that are in force, each to be taken off; and the same for
-- the form, so that other words are looked for under them.
local ORDER = { "collection", "type", "lang", "author", "year", "files" }
local function conditions(ctx)
  local items, kept = {}, {}
  for _, facet in ipairs(ORDER) do
    local field = FIELDS[facet]
    local value = ctx.query[field]
    if value and value:find("%S") then
      items[#items + 1] = CONDITION(ctx.words, {
        name = markup.say(ctx.words, "facet_" .. facet),
        label = label_of(ctx, facet, value), link = narrowed(ctx, field) })
      kept[#kept + 1] = KEPT(ctx.words, { name = field, value = value })
    end
  end
  if #items == 0 then return markup.none, markup.none end
  return CONDITIONS(ctx.words, { items = items }), kept
end

local function facet_value(ctx, facet, one)
  local field = FIELDS[facet.name]
  local label = label_of(ctx, facet.name, one.value)
  if ctx.query[field] == one.value then
    return TAKEN(ctx.words, { label = label, link = narrowed(ctx, field) })
  end
  return VALUE(ctx.words, { label = label, count = one.count,
    link = narrowed(ctx, field, one.value) })
end

local function facets(ctx, found)
  local groups = {}
  for _, facet in ipairs(found.facets) do
    local values = {}
    for i, one in ipairs(facet.values) do
      values[i] = facet_value(ctx, facet, one)
    end
    if #values > 0 then
      groups[#groups + 1] = GROUP(ctx.words, { values = values,
        name = markup.say(ctx.words, "facet_" .. facet.name),
        open = (#groups < 1 or ctx.query[FIELDS[facet.name]])
          and OPEN(ctx.words, {}) or markup.none })
    end
  end
  if #groups == 0 then return markup.none end
  return FACETS(ctx.words, { groups = groups })
end

local function card(ctx, hit)
  local snippet = hit.snippet
  return layout.entry(ctx, { id = hit.id, type = hit.type,
    title = hit.title:find("%S") and hit.title or nil, lang = hit.lang,
    collection = hit.collection, time = hit.time,
    snippet = snippet ~= "" and markup.marked(snippet, finder.MARK_OPEN,
      finder.MARK_CLOSE) or nil })
end

local function suggestion(ctx, found)
  if not found.suggestion then return markup.none end
  return SUGGESTION(ctx.words, { q = found.suggestion,
    link = narrowed(ctx, "q", found.suggestion) })
end

function search.page(ctx)
  local wanted = search.wanted(ctx.query, ctx.words.tag)
  local found, message, code = finder.find(ctx.site.station, wanted)
  if not found and code ~= "EINVALID" then return nil, message end
  found = found or { hits = {}, facets = {} }
  local cards = {}
  for i, hit in ipairs(found.hits) do cards[i] = card(ctx, hit) end
  local count = markup.none
  if #cards == 0 then
    count = layout.note(ctx, wanted.q:find("%S") and "nothing_found"
      or "search_help", { q = wanted.q })
  elseif found.total then
    count = COUNT(ctx.words, { text = markup.say(ctx.words, "found",
      { n = shape.say(shape.number(found.total)) }) })
  end
  local taken, kept = conditions(ctx)
  return layout.page(ctx, { title = wanted.q ~= "" and wanted.q
      or ctx.words.say.search, own_search = true,
    head = layout.feed(ctx, "/feed.atom" .. url.search({ q = wanted.q,
      c = wanted.collection or "", type = wanted.type or "" })),
    body = PAGE(ctx.words, { action = url.path(ctx.lang, "search"),
      q = wanted.q, kept = kept, conditions = taken,
      suggestion = suggestion(ctx, found), facets = facets(ctx, found),
      count = count,
      cards = #cards > 0 and layout.cards(ctx, cards) or markup.none,
      more = layout.more(ctx, found.next) }) })
end

return search
