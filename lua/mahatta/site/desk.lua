-- SPDX-License-Identifier: 0BSD
-- The pages around the records: publishing, the station itself, help.

local layout = require "mahatta.site.layout"
local markup = require "mahatta.site.markup"
local shape = require "mahatta.site.shape"
local take = require "mahatta.site.take"

local desk = {}

-- ---- publish ----

local PUBLISH = markup.template [[
<h1>{=publish_title}</h1>
<p>{=publish_text}</p>
<noscript><p class="note">{=needs_script}</p></noscript>
<section id="desk" data-lang="{lang}" data-edit="{edit}">
{pair}
<div class="paired" hidden>
<p class="row"><label>{=drafts} <select class="drafts"><option value="">
</option></select></label>
<button type="button" class="lock">{=lock}</button></p>
<form class="record" autocomplete="off">
<input type="hidden" name="key">
<label>{=collection} <input name="collection" dir="ltr" required
 maxlength="128" pattern="[^\s*]+"></label>
<label>{=kind} <select name="type">{types}</select></label>
<label>{=title} <input name="title" dir="auto" required maxlength="300">
</label>
<label>{=language} <select name="lang">
<option value="ar">العربية</option><option value="ckb">کوردی (سۆرانی)</option>
<option value="kmr">Kurdî (Kurmancî)</option><option value="en">English</option>
</select></label>
<label>{=text} <textarea name="text" dir="auto" rows="8"></textarea></label>
<label>{=tags} <input name="tags" dir="auto" maxlength="1000"></label>
<label>{=license} <select name="license">{licenses}</select></label>
<label>{=source} <input name="source" type="url" dir="ltr" maxlength="1000">
</label>
<label class="drop">{=files_drop}
<input type="file" name="file" multiple></label>
<ul class="files plain"></ul>
<p class="row">
<button type="button" class="preview">{=preview}</button>
<button type="button" class="save">{=save_draft}</button>
<button class="go">{=publish_go}</button></p>
<progress max="100" value="0" hidden></progress>
<p role="status" aria-live="polite"></p>
</form>
<section class="card shown" hidden aria-label="{=preview}"></section>
<form class="withdraw card" hidden>
<h2>{=withdraw}</h2>
<p>{=withdraw_text}</p>
<label>{=reason} <input name="reason" dir="auto" maxlength="1000"></label>
<button>{=withdraw}</button>
</form>
</div>
{say}
</section>]]

local OPTION = markup.template
  [[<option value="{value}">{label:plain}</option>]]
local TYPES = { "lesson", "dataset", "book", "news", "event", "idea",
  "correction" }

local function options(ctx, values, label)
  local out = {}
  for i, value in ipairs(values) do
    out[i] = OPTION(ctx.words, { value = value, label = label(value) })
  end
  return out
end

function desk.publish(ctx)
  local body
  if ctx.site.pairing then
    local edit = ctx.query.edit
    body = PUBLISH(ctx.words, { lang = ctx.lang, say = take.said(ctx),
      edit = edit and ctx.site.mahatta.link(edit) and edit or "",
      pair = take.PAIR(ctx.words, {}),
      types = options(ctx, TYPES, function (kind)
        return ctx.words.say["type_" .. kind]
      end),
      licenses = options(ctx, shape.OPEN, function (id) return id end) })
  else
    body = { layout.heading(ctx, markup.say(ctx.words, "publish_title")),
      layout.note(ctx, "read_only") }
  end
  return layout.page(ctx, { title = ctx.words.say.publish_title,
    script = ctx.site.pairing ~= nil, body = body })
end

-- ---- the station ----

local STATION = markup.template [[
<h1>{=menu_station}</h1>
<p class="dim"><code class="long">{id:plain}</code></p>
<h2>{=holdings}</h2>
<svg class="chart" viewBox="0 0 400 40" role="img" aria-label="{=holdings}"
 preserveAspectRatio="none">{bars}</svg>
<ul class="legend plain">{legend}</ul>
<dl class="facts">{facts}</dl>
<h2>{=missing}</h2>
{missing}
<h2>{=follows}</h2>
{follows}]]

local BAR = markup.template [[<rect class="{class}" x="{x}" y="0"
 width="{width}" height="40"/>]]
local LEGEND = markup.template
  [[<li><span class="swatch {class}"></span>{name} {size}</li>]]
local FACT = markup.template [[<dt>{name}</dt><dd>{value}</dd>]]
local ITEMS = markup.template [[<ul class="plain">{items}</ul>]]
local MISSING = markup.template [[<li>{kind}
<code class="long">{id:plain}</code> {wanted}</li>]]
local WANTED = markup.template [[<a href="{link}">{=wanted_by}</a>]]
local FOLLOW = markup.template [[<li><code>{pattern:plain}</code> {files}</li>]]

local MISSING_SHOWN = 50

-- The share of each part in what is on the disk, 400 units wide.
local function chart(ctx, stats)
  local rest = stats.disk - stats.bytes - stats.file_bytes
  local parts = { { "bar-files", "disk_files", stats.file_bytes },
    { "bar-records", "disk_records", stats.bytes },
    { "bar-index", "disk_index", math.max(rest, 0) } }
  local total, x, bars, legend = 0, 0, {}, {}
  for _, part in ipairs(parts) do total = total + part[3] end
  for i, part in ipairs(parts) do
    local width = total > 0 and part[3] * 400 // total or 0
    bars[i] = BAR(ctx.words, { class = part[1], x = x, width = width })
    legend[i] = LEGEND(ctx.words, { class = part[1],
      name = markup.say(ctx.words, part[2]),
      size = shape.say(shape.size(part[3])) })
    x = x + width
  end
  return bars, legend
end

local function missing(ctx)
  local blocks, message = ctx.site.station:missing({ limit = MISSING_SHOWN })
  if not blocks then return nil, message end
  if #blocks == 0 then return layout.note(ctx, "nothing_missing") end
  local items = {}
  for i, block in ipairs(blocks) do
    local of = block["for"]
    items[i] = MISSING(ctx.words, { id = block.id,
      kind = markup.say(ctx.words, "missing_" .. block.kind),
      wanted = of:find("^bafyrei") and WANTED(ctx.words, {
        link = shape.record_path(ctx.lang, of) }) or markup.none })
  end
  return ITEMS(ctx.words, { items = items })
end

local function follows(ctx)
  local items = {}
  for i, one in ipairs(ctx.site.station:follows()) do
    items[i] = FOLLOW(ctx.words, { pattern = one.pattern,
      files = one.files == math.maxinteger and markup.say(ctx.words,
        "files_all") or one.files == 0 and markup.say(ctx.words, "files_none")
        or markup.say(ctx.words, "files_up_to", {
          size = shape.say(shape.size(one.files)) }) })
  end
  if #items == 0 then return layout.note(ctx, "follows_nothing") end
  return ITEMS(ctx.words, { items = items })
end

local FACTS = { "documents", "collections", "parcels", "held" }

function desk.station(ctx)
  local station = ctx.site.station
  local stats, message = station:stats()
  if not stats then return nil, message end
  local lacks
  lacks, message = missing(ctx)
  if not lacks then return nil, message end
  local bars, legend = chart(ctx, stats)
  local facts = {}
  for i, name in ipairs(FACTS) do
    facts[i] = FACT(ctx.words, { name = markup.say(ctx.words, "n_" .. name),
      value = shape.say(shape.number(stats[name])) })
  end
  facts[#facts + 1] = FACT(ctx.words, {
    name = markup.say(ctx.words, "n_disk"),
    value = shape.say(shape.size(stats.disk)) })
  return layout.page(ctx, { title = ctx.words.say.menu_station,
    body = STATION(ctx.words, { id = station:id(), bars = bars,
      legend = legend, facts = facts, missing = lacks,
      follows = follows(ctx) }) })
end

-- ---- help ----

local HELP = markup.template [[
<h1>{=menu_help}</h1>
<p class="lead">{=help_lead}</p>
<ol class="steps">
<li><h2>{=help_find}</h2><p>{=help_find_text}</p></li>
<li><h2>{=help_take}</h2><p>{=help_take_text}</p></li>
<li><h2>{=help_publish}</h2><p>{=help_publish_text}</p></li>
<li><h2>{=help_cut}</h2><p>{=help_cut_text}</p></li>
<li><h2>{=help_trust}</h2><p>{=help_trust_text}</p></li>
</ol>
<h2>{=help_machines}</h2>
<ul class="plain">
<li><a href="/api/1">API</a></li>
<li><a href="/feed.atom">Atom</a></li>
<li><a href="/opds">OPDS</a></li>
<li><a href="/catalog.jsonld">DCAT</a></li>
</ul>]]

function desk.help(ctx)
  return layout.page(ctx, { title = ctx.words.say.menu_help,
    body = HELP(ctx.words, {}) })
end

return desk
