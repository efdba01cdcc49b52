-- SPDX-License-Identifier: 0BSD
-- A record's page: what is said of it first, then its words, files, history,
-- licence and how to cite it; and the first rows of its tables.

local csv = require "mahatta.site.csv"
local layout = require "mahatta.site.layout"
local markup = require "mahatta.site.markup"
local packages = require "mahatta.site.packages"
local shape = require "mahatta.site.shape"
local url = require "mahatta.site.url"
local voices = require "mahatta.voices"
local words = require "mahatta.site.words"

local record = {}

local TEXT_SHOWN, LINES_SHOWN = 4000, 60 -- before one has to ask for all
local FILES_SHOWN = 50
local ABOUT_SHOWN = 20
local EACH_SHOWN = 5 -- of one who comes before others
record.ABOUT_READ = 300 -- of what is written about it
record.VERSIONS_READ = 300
local VERSIONS_SHOWN = 20
local TABLE_BYTES = 256 * 1024 -- of a file that are read for its table

local PAGE = markup.template [[
<article>
<h1 {lang}>{title}</h1>
<p class="meta"><span class="kind">{kind}</span>
<a href="{place}">{collection}</a>
<time datetime="{stamp}">{day}</time>
<a href="{by}"><code>{author:plain}</code></a></p>
{own}
{said}
{text}
{files}
<h2>{=about_it}</h2>
<dl class="facts">{facts}</dl>
{cite}
{history}
{comments}
</article>]]

-- ---- what others say ----

local SAID = markup.template [[
<section class="said" aria-label="{=said}"><ul>{items}</ul></section>]]
local LABEL = markup.template [[
<li><strong>{value}</strong> <span class="dim">{=label_by}
<a href="{by}"><code>{author:plain}</code></a>, {day}</span></li>]]
local CORRECTION = markup.template [[
<li><strong>{kind}</strong>: <a href="{link}">{title}</a>
<span class="dim">{day}</span></li>]]
local NEWER = markup.template [[
<li><strong>{=newer_version}</strong>:
<a href="{link}">{day}</a></li>]]

local ABOVE = { correction = true, retraction = true, clarification = true,
  update = true }

local function about_line(ctx, entry, template)
  return template(ctx.words, { kind = layout.type_name(ctx, entry.record.type),
    link = shape.record_path(ctx.lang, entry.id),
    title = shape.title(entry.record, ctx.lang)
      or markup.say(ctx.words, "no_title"),
    day = shape.say(shape.day(entry.time)) })
end

local function said(ctx, entry, about, versions)
  local items = {}
  if versions[1] and versions[1].id ~= entry.id then
    items[1] = NEWER(ctx.words, {
      link = shape.record_path(ctx.lang, versions[1].id),
      day = shape.say(shape.day(versions[1].time)) })
  end
  local above = {}
  for _, other in ipairs(about) do
    if ABOVE[other.record.type] then above[#above + 1] = other end
  end
  for _, other in ipairs(voices.first(above, about.rank, ABOUT_SHOWN,
      EACH_SHOWN)) do
    items[#items + 1] = about_line(ctx, other, CORRECTION)
  end
  local labels = ctx.site.station:labels(entry.id,
    { limit = record.ABOUT_READ }) or {}
  for _, label in ipairs(voices.first(labels, about.rank,
      2 * ABOUT_SHOWN - #items, EACH_SHOWN)) do
    items[#items + 1] = LABEL(ctx.words, { value = label.value,
      author = shape.author(label.author),
      by = shape.author_path(ctx.lang, label.author),
      day = shape.say(shape.day(label.time)) })
  end
  if #items == 0 then return markup.none end
  return SAID(ctx.words, { items = items })
end

-- ---- the words ----

local TEXT = markup.template
  [[<div class="text" dir="auto" {lang}>{paragraphs}</div>{rest}]]
local PARAGRAPH = markup.template [[<p dir="auto">{line:plain}</p>]]
local WHOLE = markup.template
  [[<p class="more"><a href="{link}">{=whole_text}</a></p>]]

local function text(ctx, entry)
  local whole, lang = shape.text(entry.record, ctx.lang)
  if not whole then return markup.none end
  local shown = ctx.query.full and whole or shape.short(whole, TEXT_SHOWN)
  local paragraphs = {}
  local all = shown == whole
  for line in shown:gmatch("[^\r\n]+") do
    if #paragraphs == LINES_SHOWN and not ctx.query.full then
      all = false
      break
    end
    paragraphs[#paragraphs + 1] = PARAGRAPH(ctx.words, { line = line })
  end
  local rest = markup.none
  if not all then
    rest = WHOLE(ctx.words, { link = ctx.page_path .. "?full=1" })
  end
  return TEXT(ctx.words, { paragraphs = paragraphs, rest = rest,
    lang = layout.lang(ctx, lang) })
end

-- ---- files ----

local FILES = markup.template [[
<h2 id="files">{=files} <span class="dim">{count}</span></h2>
<ul class="files">{items}</ul>{rest}]]
local FILE = markup.template [[
<li class="card">
<p class="name"><a class="file" href="{link}">{name}</a>
<span class="dim">{size} · <code>{type:plain}</code></span></p>
<p class="row"><a class="button" href="{save}">{=download}</a>{table}</p>
{hash}
</li>]]
local TABLE_LINK = markup.template
  [[<a class="button table" href="{link}">{=show_table}</a>]]
local HASH = markup.template [[<p class="dim hash">SHA-256
<code class="long">{sha256:plain}</code></p>]]
local REST = markup.template
  [[<p class="more"><a href="{link}">{=all_files}</a></p>]]

local function file_line(ctx, entry, file)
  local at = ctx.files .. url.path("f", entry.id, file.number, file.name)
  return FILE(ctx.words, { name = file.name, size = shape.say(
      shape.size(file.size)), type = file.type,
    link = at, save = at .. "?save=1",
    table = file.table and TABLE_LINK(ctx.words, { link = url.path(ctx.lang,
      "r", entry.id, "table", file.number) }) or markup.none,
    hash = file.sha256 and HASH(ctx.words, { sha256 = file.sha256 })
      or markup.none })
end

local function files(ctx, entry)
  local list = shape.files(entry.record)
  if #list == 0 then return markup.none end
  local items = {}
  local shown = ctx.query.full and #list or math.min(#list, FILES_SHOWN)
  for i = 1, shown do items[i] = file_line(ctx, entry, list[i]) end
  return FILES(ctx.words, { count = #list, items = items,
    rest = shown < #list and REST(ctx.words,
      { link = ctx.page_path .. "?full=1" }) or markup.none })
end

-- ---- facts ----

local FACT = markup.template [[<dt>{name}</dt><dd>{value}</dd>]]
local LINK = markup.template
  [[<a href="{link}" rel="external nofollow noopener">{label}</a>]]
local INSIDE = markup.template [[<a href="{link}">{label}</a>]]
local CODE = markup.template [[<code class="long">{text:plain}</code>]]

local function license(ctx, id)
  local link = shape.license_link(id)
  return link and LINK(ctx.words, { link = link, label = id }) or id
end

local function source(ctx, where)
  local link = shape.link(where)
  return link and LINK(ctx.words, { link = link, label = where }) or where
end

-- Other stations that say they hold it.
local function holders(about)
  local seen, n = {}, 0
  for _, entry in ipairs(about) do
    if entry.record.type == "holdings" and not seen[entry.author] then
      seen[entry.author], n = true, n + 1
    end
  end
  return n
end

local OWN = { type = true, title = true, text = true, lang = true,
  tags = true, license = true, files = true, key = true, about = true,
  source = true, created = true }

-- Fields of the application's own, in the order of their names.
local function own_fields(ctx, entry, put)
  local names = {}
  for name in pairs(entry.record) do
    if not OWN[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = entry.record[name]
    if type(value) == "string" then
      put(name, shape.short(value, 500))
    elseif type(value) == "number" or type(value) == "boolean" then
      put(name, tostring(value))
    end
  end
  if #names > 0 then
    put(markup.say(ctx.words, "as_data"), INSIDE(ctx.words, { label = "JSON",
      link = url.path("api", "1", "record", entry.id) }))
  end
end

local TAGS = markup.template [[<ul class="chips tags">{items}</ul>]]
local TAG = markup.template
  [[<li><a class="chip" href="{link}">{tag}</a></li>]]

local function tags(ctx, list)
  local items = {}
  for i, tag in ipairs(list) do
    items[i] = TAG(ctx.words, { tag = tag, link = url.path(ctx.lang, "search")
      .. url.search({ q = tag }) })
  end
  return TAGS(ctx.words, { items = items })
end

local function facts(ctx, entry, about)
  local it, out = entry.record, {}
  local function put(name, value)
    out[#out + 1] = FACT(ctx.words, { name = name, value = value })
  end
  local function say(key) return markup.say(ctx.words, key) end
  put(say("license"), type(it.license) == "string" and it.license ~= ""
    and license(ctx, it.license) or say("no_license"))
  local held = holders(about)
  put(say("held_by"), markup.say(ctx.words,
    held > 0 and "held_by_others" or "held_here", { n = held }))
  if type(it.tags) == "table" and #it.tags > 0 then
    put(say("tags"), tags(ctx, it.tags))
  end
  if type(it.lang) == "string" then
    put(say("language"), words.name_of(it.lang) or it.lang)
  end
  if type(it.source) == "string" then
    put(say("source"), source(ctx, it.source))
  end
  if type(it.created) == "string" then put(say("created"), it.created) end
  if it.about then
    put(say("about"), INSIDE(ctx.words, { label = tostring(it.about),
      link = shape.record_path(ctx.lang, tostring(it.about)) }))
  end
  own_fields(ctx, entry, put)
  put(say("id"), CODE(ctx.words, { text = entry.id }))
  put(say("machines"), { INSIDE(ctx.words, { label = "datapackage.json",
      link = url.path("r", entry.id, "datapackage.json") }), " ",
    INSIDE(ctx.words, { label = "CAR",
      link = url.path("ipfs", entry.id) .. "?format=car" }), " ",
    INSIDE(ctx.words, { label = "JSON",
      link = url.path("api", "1", "record", entry.id) }) })
  return out
end

local CITE = markup.template [[
<h2>{=cite}</h2>
<p class="cite" dir="auto">{author:plain}. {title}. {year}.
{collection}. ipfs://{id:plain}</p>]]

local function cite(ctx, entry, title)
  return CITE(ctx.words, { author = shape.author(entry.author),
    title = title, year = shape.say(os.date("!%Y", entry.time)),
    collection = entry.collection, id = entry.id })
end

-- ---- history and comments ----

local HISTORY = markup.template
  [[<h2>{=history}</h2><ol class="plain">{items}</ol>]]
local VERSION = markup.template [[
<li><a href="{link}">{day}</a> {title}</li>]]
local VERSION_HERE = markup.template [[
<li><strong aria-current="true">{day}</strong> {title}</li>]]

local function history(ctx, entry, versions)
  if #versions < 2 then return markup.none end
  local items = {}
  for i = 1, math.min(#versions, VERSIONS_SHOWN) do
    local one = versions[i]
    items[i] = (one.id == entry.id and VERSION_HERE or VERSION)(ctx.words, {
      link = shape.record_path(ctx.lang, one.id),
      day = shape.say(shape.minute(one.time)),
      title = shape.title(one.record, ctx.lang)
        or markup.say(ctx.words, "no_title") })
  end
  return HISTORY(ctx.words, { items = items })
end

local COMMENTS = markup.template
  [[<h2>{=comments}</h2><ul class="plain">{items}</ul>]]

local NO_COMMENT = { label = true, withdraw = true, holdings = true }

local function comments(ctx, about)
  local list, items = {}, {}
  for _, entry in ipairs(about) do
    if not ABOVE[entry.record.type] and not NO_COMMENT[entry.record.type] then
      list[#list + 1] = entry
    end
  end
  for i, entry in ipairs(voices.first(list, about.rank, ABOUT_SHOWN,
      EACH_SHOWN)) do
    items[i] = about_line(ctx, entry, CORRECTION)
  end
  if #items == 0 then return markup.none end
  return COMMENTS(ctx.words, { items = items })
end

local EDIT = markup.template [[<p><a href="{link}">{=edit}</a></p>]]

-- Where paired pages may write, the way to a new version of one's own.
local function own_line(ctx, entry)
  if not ctx.site.pairing or entry.author ~= ctx.site.station:id() then
    return markup.none
  end
  return EDIT(ctx.words, { link = url.path(ctx.lang, "publish")
    .. url.search({ edit = entry.id }) })
end

-- The entry of an id from an address. nil, message, code.
function record.entry(site, id)
  if not site.mahatta.link(id) then return nil, "no id", "ENOENT" end
  local entry, message, code = site.station:get(id)
  if not entry and code == "EINVALID" then code = "ENOENT" end
  return entry, message, code
end

local function absent(ctx, message, code)
  if code == "ENOENT" then return layout.not_found(ctx) end
  return nil, message
end

function record.page(ctx, id)
  local station = ctx.site.station
  local entry, message, code = record.entry(ctx.site, id)
  if not entry then return absent(ctx, message, code) end
  local about, fault = voices.about(station, id, entry.author,
    record.ABOUT_READ)
  if not about then return nil, fault end
  local versions = { entry } -- without a key there are no others
  if entry.record.key then
    versions, fault = station:history(id, { limit = record.VERSIONS_READ })
    if not versions then return nil, fault end
  end
  local name, lang = shape.title(entry.record, ctx.lang)
  local title = name or markup.say(ctx.words, "no_title")
  return layout.page(ctx, { title = name or ctx.words.say.no_title,
    head = packages.head(ctx, entry), body = PAGE(ctx.words, {
      title = title, lang = layout.direction(ctx, lang),
      kind = layout.type_name(ctx, entry.record.type),
      place = shape.collection_path(ctx.lang, entry.collection),
      collection = entry.collection, stamp = shape.stamp(entry.time),
      day = shape.say(shape.day(entry.time)),
      by = shape.author_path(ctx.lang, entry.author),
      author = shape.author(entry.author),
      own = own_line(ctx, entry),
      said = said(ctx, entry, about, versions), text = text(ctx, entry),
      files = files(ctx, entry), facts = facts(ctx, entry, about),
      cite = cite(ctx, entry, title),
      history = history(ctx, entry, versions),
      comments = comments(ctx, about) }) })
end

-- ---- tables ----

local TABLE_PAGE = markup.template [[
<h1>{name}</h1>
<p><a href="{back}">{title}</a></p>
<p class="row"><a class="button" href="{save}">{=download}</a>
<span class="dim">{size}</span></p>
{note}
<div class="wide" role="region" tabindex="0" aria-label="{name_attr}">
<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>
</div>]]
local TABLE_HEAD = markup.template
  [[<th scope="col" class="{class}">{name}<br>
<span class="dim">{kind}</span></th>]]
local ROW = markup.template [[<tr>{cells}</tr>]]
local CELL = markup.template
  [[<td dir="auto" class="{kind}">{text:plain}</td>]]

-- The first bytes of a file; whether that is all of it.
function record.head_of(station, file, limit)
  local reader, message, code = station:reader(file.cid)
  if not reader then return nil, message, code end
  local parts, n, fault = {}, 0, nil
  while n < limit do
    local bytes
    bytes, fault, code = reader:read()
    if not bytes then break end
    parts[#parts + 1] = bytes
    n = n + #bytes
  end
  local whole = n <= limit and reader:size() == n
  reader:close()
  if fault then return nil, fault, code end
  return table.concat(parts):sub(1, limit), whole
end

local function cells(ctx, read, columns, row)
  local out = {}
  for i = 1, columns do
    out[i] = CELL(ctx.words, { text = shape.short(row[i] or "", csv.CELL),
      kind = "kind-" .. read.columns[i].kind })
  end
  return ROW(ctx.words, { cells = out })
end

function record.table(ctx, id, number)
  local entry, message, code = record.entry(ctx.site, id)
  if not entry then return absent(ctx, message, code) end
  local file = shape.files(entry.record)[math.tointeger(tonumber(number))]
  if not file or not file.table then return layout.not_found(ctx) end
  local bytes, whole = record.head_of(ctx.site.station, file, TABLE_BYTES)
  local read = bytes and csv.read(bytes, whole) or { columns = {}, rows = {} }
  local heads, rows = {}, {}
  local columns = math.min(#read.columns, csv.COLUMNS)
  for i = 1, columns do
    local column = read.columns[i]
    heads[i] = TABLE_HEAD(ctx.words, { name = shape.short(column.name,
      csv.CELL), kind = markup.say(ctx.words, "kind_" .. column.kind),
      class = "kind-" .. column.kind })
  end
  for i, row in ipairs(read.rows) do
    rows[i] = cells(ctx, read, columns, row)
  end
  local at = ctx.files .. url.path("f", id, file.number, file.name)
  return layout.page(ctx, { title = file.name, body = TABLE_PAGE(ctx.words, {
    name = file.name, name_attr = file.name, save = at .. "?save=1",
    back = shape.record_path(ctx.lang, id), size = shape.say(
      shape.size(file.size)),
    title = shape.title(entry.record, ctx.lang)
      or markup.say(ctx.words, "no_title"),
    note = layout.note(ctx, bytes and "first_rows" or "not_here_yet",
      { n = #rows }), heads = heads, rows = rows }) })
end

return record
