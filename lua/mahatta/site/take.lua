-- SPDX-License-Identifier: 0BSD
-- "Take this with you": carry files and this station's slip, for whoever
-- leaves; the page where they are fetched and brought.

local layout = require "mahatta.site.layout"
local markup = require "mahatta.site.markup"
local respond = require "mahatta.site.respond"
local shape = require "mahatta.site.shape"
local sniff = require "mahatta.site.sniff"
local spool = require "mahatta.site.spool"
local url = require "mahatta.site.url"

local take = {}

local PAGE = markup.template [[
<h1>{=take_title}</h1>
<p>{=take_text}</p>
<section class="card">
<h2>{=take_carry}</h2>
<form action="/take/carry.car.zst">
<label>{=collection} <input name="c" value="{c}" dir="ltr"
 placeholder="*" maxlength="128" aria-describedby="c-help"></label>
<p class="dim" id="c-help">{=take_pattern}</p>
<label>{=take_files} <select name="files">
<option value="all">{=files_all}</option>
<option value="10M">{=files_small}</option>
<option value="none">{=files_none}</option>
</select></label>
<button>{=take_make}</button>
</form>
</section>
<section class="card">
<h2>{=take_slip}</h2>
<p>{=take_slip_text}</p>
<p><a class="button" href="/take/station.slip" download>{=take_slip_get}</a>
</p>
</section>
{bring}]]

local BRING = markup.template [[
<section class="card" id="bring" data-lang="{lang}">
<h2>{=bring_title}</h2>
<p>{=bring_text}</p>
<noscript><p class="note">{=needs_script}</p></noscript>
{pair}
<div class="paired" hidden>
<label class="drop">{=bring_drop}
<input type="file" id="carry" accept=".car,.zst,.slip"></label>
<progress max="100" value="0" hidden></progress>
<p role="status" aria-live="polite"></p>
</div>
{say}
</section>]]

-- The form of the one-time code; both pages that write have it.
take.PAIR = markup.template [[
<form class="pair" hidden>
<p>{=pair_text}</p>
<p><button type="button" class="show">{=pair_show}</button></p>
<label>{=pair_code} <input name="code" dir="ltr" maxlength="16"
 autocomplete="off" autocapitalize="characters" spellcheck="false"
 inputmode="text" required></label>
<button>{=pair_open}</button>
<p role="alert" class="fault"></p>
</form>]]

local SAY = markup.template
  [[<template id="say">{phrases}</template>]]
local PHRASE = markup.template
  [[<span data-key="{key}">{text:plain}</span>]]

local SAID = { "js_uploading", "js_working", "js_done", "js_failed",
  "js_wrong_code", "js_code_shown", "js_draft_saved", "js_open", "js_added",
  "js_offline", "js_remove", "js_withdrawn", "js_fetch" }

-- What the page's script says, in the page's language.
function take.said(ctx)
  local out = {}
  for i, key in ipairs(SAID) do
    out[i] = PHRASE(ctx.words, { key = key, text = ctx.words.say[key] })
  end
  return SAY(ctx.words, { phrases = out })
end

function take.page(ctx)
  local bring = layout.note(ctx, "read_only")
  if ctx.site.pairing then
    bring = BRING(ctx.words, { lang = ctx.lang,
      pair = take.PAIR(ctx.words, {}), say = take.said(ctx) })
  end
  return layout.page(ctx, { title = ctx.words.say.take_title,
    script = ctx.site.pairing ~= nil, body = PAGE(ctx.words, {
      c = ctx.query.c or "", bring = bring }) })
end

-- ---- the slip ----

local SLIP_S = 60 -- a slip is made anew after that; it is signed work

-- GET /take/station.slip
function take.slip(ctx)
  local site, now = ctx.site, ctx.site.clock()
  if not site.spool then return layout.not_found(ctx) end
  if not site.slip or now - site.slip.since >= SLIP_S then
    local path = site.spool:path("station.slip")
    local told, message = site.station:slip(path)
    local file = told and io.open(path, "rb")
    if not file then return nil, message or path .. " is gone" end
    site.slip = { since = now, bytes = file:read("a") }
    file:close()
  end
  return respond.bytes("application/octet-stream", site.slip.bytes,
    { ["content-disposition"] = "attachment; filename=\"station.slip\"" })
end

-- ---- carry files ----

-- A name or a pattern that a collection can have; "*" for nothing.
local function patterns(text)
  if not text or not text:find("%S") then return nil end
  return { text:sub(1, 128) }
end

local SIZES = { all = "all", none = "none", ["10M"] = "10M" }

take.CARRIES = 4 -- at once: each needs its size on the disk
local STALLED_S = 60 -- a job that nobody steps holds no place
local OWN = { ["127.0.0.1"] = true, ["::1"] = true } -- proxies speak from there

-- May one more be made for ${address} (nil: not known)? One is made at a time;
-- those that are made and on their way hold nobody up but their reader.
local function free(site, address)
  local n, now = 0, site.clock()
  for carry in pairs(site.carries) do
    n = n + 1
    if (carry.job and now - carry.used < STALLED_S)
        or (address and not OWN[address] and carry.address == address) then
      return false
    end
  end
  return n < take.CARRIES
end

-- First the job, a slice at each call; then what it wrote.
local function packing(site, carry, path)
  local file
  local function open()
    carry.used = site.clock()
    local more, message = carry.job:step(20)
    if more then return "" end
    if more == nil then return nil, message end
    carry.job:close()
    carry.job = nil
    file, message = io.open(path, "rb")
    if not file then return nil, message end
  end
  return {
    read = function ()
      if not file then
        local nothing, message = open()
        if nothing or message then return nothing, message end
      end
      local bytes, fault = file:read(spool.CHUNK)
      if not bytes then return nil, fault end
      return bytes
    end,
    close = function ()
      if carry.job then carry.job:close() end
      if file then file:close() end
      os.remove(path)
      site.carries[carry] = nil
    end,
  }
end

-- GET /take/carry.car.zst?c=PATTERN&files=SIZE
function take.carry(ctx)
  local site, address = ctx.site, ctx.request.address
  if not site.spool then return layout.not_found(ctx) end
  if not free(site, address) then
    local busy = layout.failed(ctx, 503, "busy")
    busy.headers["retry-after"] = "30"
    return busy
  end
  if ctx.request.method == "HEAD" then
    return respond.bytes("application/zstd", "")
  end
  local path = site.spool:path("carry-" .. site.spool:name() .. ".car.zst")
  local ok, job, message, code = pcall(site.station.pack, site.station, path,
    { collections = patterns(ctx.query.c), compress = true,
      files = SIZES[ctx.query.files or "all"] or "all" })
  if not ok or not job then
    if not ok or code == "EINVALID" then return layout.not_found(ctx) end
    return nil, message
  end
  local carry = { job = job, address = address, used = site.clock() }
  site.carries[carry] = true
  return respond.bytes("application/zstd", packing(site, carry, path),
    { ["content-disposition"] = ("attachment; filename=\"carry-%s.car.zst\"")
      :format(shape.day(site.clock())), ["cache-control"] = "no-store" })
end

-- GET /take/ready/SECRET/NAME: what a paired page has had made.
function take.ready(ctx, parts)
  local site = ctx.site
  local one = site.spool and site.spool:offered(parts[3])
  local file = one and io.open(one.path, "rb")
  if not file then return layout.not_found(ctx) end
  local size = file:seek("end")
  file:seek("set", 0)
  local response = respond.bytes("application/octet-stream",
    spool.stream(file, size), { ["cache-control"] = "no-store",
      ["content-disposition"] = ("attachment; filename*=UTF-8''%s")
        :format(url.encode(sniff.file_name(one.name))) })
  return response
end

return take
