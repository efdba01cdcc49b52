-- SPDX-License-Identifier: 0BSD
-- The JSON API: pairing, and everything that a paired page may change.

local api = require "mahatta.site.api"
local dagjson = require "mahatta.dagjson"
local guard = require "mahatta.site.guard"
local spool = require "mahatta.site.spool"

local write = {}

local FIELDS = { type = "string", title = "any", text = "any",
  lang = "string", tags = "table", license = "string", key = "string",
  about = "string", source = "string", created = "string" }

local post, put, delete = {}, {}, {}

local function bad(message) return api.fault(message, "EINVALID") end

-- ---- pairing ----

function post.code(ctx)
  local pairing = ctx.site.pairing
  if not pairing:offers() and not pairing:offer() then
    return api.fault("a code was shown a moment ago", "EBUSY")
  end
  return api.answer({ shown = true }, 202)
end

function post.pair(ctx, body)
  local code = type(body.code) == "string" and #body.code <= 64 and body.code
  local token = code and ctx.site.pairing:try(code)
  if not token then return guard.forbidden() end
  return api.answer({ token = token })
end

function post.lock(ctx)
  ctx.site.pairing:lock()
  local response = api.answer({ locked = true })
  response.headers["clear-site-data"] = '"cache", "storage"'
  return response
end

-- ---- uploads ----

function post.upload(ctx, body)
  if type(body.name) ~= "string" or #body.name > 1024 then
    return bad("a name is missing")
  end
  local id, message, code = ctx.site.spool:begin(body.name)
  if not id then return api.fault(message, code) end
  return api.answer({ upload = id })
end

function put.upload(ctx, bytes, id)
  local at = math.tointeger(tonumber(ctx.query.at))
  local size, message, code = ctx.site.spool:append(id, at, bytes)
  if not size then return api.fault(message, code) end
  return api.answer({ size = size }, code and 409 or 200)
end

function delete.upload(ctx, _, id)
  ctx.site.spool:forget(id)
  return api.answer({ dropped = true })
end

-- ---- publishing ----

-- The record as the page gave it: our fields alone, of our types. What they
-- may hold is the core's to say.
local function record_of(given)
  if type(given) ~= "table" then return nil, "a record is missing" end
  local out = {}
  for name, value in pairs(given) do
    local wanted = FIELDS[name]
    if not wanted then return nil, "field '" .. tostring(name)
      .. "' is none that a page publishes" end
    if wanted ~= "any" and type(value) ~= wanted
        or wanted == "any" and type(value) ~= "string"
        and type(value) ~= "table" then
      return nil, "field '" .. name .. "' is of another kind"
    end
    out[name] = value
  end
  if type(out.type) ~= "string" or out.type == "withdraw"
      or out.type == "label" then
    return nil, "a type is missing"
  end
  return out
end

-- Store the uploads one after the other, a slice at each call, then publish.
-- ${kept}: files of the version before, as the API gave them.
local function publishing(ctx, collection, record, files, kept)
  local station, at, job = ctx.site.station, 1, nil
  local stored_files = {}
  local function store_some(ms)
    local file = files[at]
    if not job then
      local message, code
      job, message, code = station:add_file(file.upload.path,
        { type = file.type })
      if not job then return nil, message, code end
    end
    local more, done, total = job:step(ms)
    if more == nil then return nil, done, total end
    if more then return true, done, total end
    local stored, message, code = job:result()
    if not stored then return nil, message, code end
    job:close()
    job = nil
    stored_files[at] = { name = file.name, type = file.type,
      size = stored.size, data = stored.link, sha256 = stored.sha256 }
    at = at + 1
    return true, at - 1, #files
  end
  local function step(ms)
    if files[at] then return store_some(ms) end
    table.move(kept, 1, #kept, #stored_files + 1, stored_files)
    if #stored_files > 0 then record.files = stored_files end
    local ok, id, message, code = pcall(station.publish, station, collection,
      record)
    if not ok then return nil, tostring(id), "EINVALID" end
    if not id then return nil, message, code end
    return false, { id = id }
  end
  return step, function ()
    if job then job:close() end
    for _, file in ipairs(files) do ctx.site.spool:forget(file.id) end
  end
end

-- What the page's form has fields for; all else of a version stays with the
-- next one.
local FORM = { type = true, title = true, text = true, lang = true,
  tags = true, license = true, source = true, files = true, key = true }

-- Make ${record} the next version of ${id}, which is ours. One without a key
-- can have no versions: the new one says what it is about. nil, message.
local function follow_on(ctx, record, id)
  if type(id) ~= "string" or not ctx.site.mahatta.link(id) then
    return nil, "the version before is none"
  end
  local entry = ctx.site.station:get(id)
  if not entry or entry.author ~= ctx.site.station:id() then
    return nil, "the version before is none of ours"
  end
  for name, value in pairs(entry.record) do
    if not FORM[name] and record[name] == nil then record[name] = value end
  end
  record.key = entry.record.key or record.key
  if not entry.record.key then record.about = record.about or id end
  return true
end

local function uploads_of(ctx, list)
  local files = {}
  for i, one in ipairs(type(list) == "table" and list or {}) do
    local upload = type(one) == "table" and ctx.site.spool:upload(one.upload)
    if not upload then return nil, "an upload is missing" end
    files[i] = { id = one.upload, upload = upload,
      name = type(one.name) == "string" and one.name or upload.name,
      type = type(one.type) == "string" and one.type ~= "" and one.type
        or ctx.site.mahatta_kinds.type(upload.name) }
  end
  return files
end

local function start(ctx, step, drop)
  local id, message, code = ctx.site.spool:start(step, drop)
  if not id then
    if drop then drop() end
    return api.fault(message, code)
  end
  return api.answer({ job = id }, 202)
end

function post.publish(ctx, body)
  local record, message = record_of(body.record)
  if not record then return bad(message) end
  local files
  files, message = uploads_of(ctx, body.files)
  if not files then return bad(message) end
  if type(body.collection) ~= "string" then
    return bad("a collection is missing")
  end
  if body.edit ~= nil then
    local followed
    followed, message = follow_on(ctx, record, body.edit)
    if not followed then return bad(message) end
  end
  record.key = record.key or ctx.site.spool:name()
  local kept = {}
  for i, file in ipairs(type(body.kept) == "table" and body.kept or {}) do
    if type(file) ~= "table" then return bad("a kept file is none") end
    kept[i] = file
  end
  return start(ctx, publishing(ctx, body.collection, record, files, kept))
end

function post.withdraw(ctx, body)
  local id = type(body.id) == "string" and ctx.site.mahatta.link(body.id)
  if not id then return bad("an id is missing") end
  local reason = type(body.reason) == "string" and body.reason ~= ""
    and body.reason or nil
  local withdrawal, message, code = ctx.site.station:withdraw(body.id,
    { reason = reason })
  if not withdrawal then return api.fault(message, code) end
  return api.answer({ id = withdrawal })
end

function post.label(ctx, body)
  if type(body.id) ~= "string" or not ctx.site.mahatta.link(body.id)
      or type(body.value) ~= "string" then
    return bad("an id or a value is missing")
  end
  local id, message, code = ctx.site.station:label(body.id, body.value,
    { negated = body.negated == true or nil })
  if not id then return api.fault(message, code) end
  return api.answer({ id = id })
end

-- ---- carrying ----

function post.unpack(ctx, body)
  local upload = ctx.site.spool:upload(body.upload)
  if not upload then return api.fault("", "ENOENT") end
  local job, message, code = ctx.site.station:unpack(upload.path)
  if not job then return api.fault(message, code) end
  return start(ctx, spool.step_of(job), function ()
    job:close()
    ctx.site.spool:forget(body.upload)
  end)
end

function post.pack(ctx, body)
  local upload = ctx.site.spool:upload(body.upload)
  if not upload then return api.fault("", "ENOENT") end
  local path = ctx.site.spool:path("carry-" .. ctx.site.spool:name()
    .. ".car.zst")
  local job, message, code = ctx.site.station:pack(path,
    { slip = upload.path, compress = true })
  if not job then return api.fault(message, code) end
  local name = upload.name:gsub("%.slip$", "") .. ".car.zst"
  return start(ctx, spool.step_of(job, function (packed)
    packed.path = nil
    packed.link = "/take/ready/" .. ctx.site.spool:offer(path, name)
    return packed
  end), function ()
    job:close()
    ctx.site.spool:forget(body.upload)
  end)
end

local SLICE_MS = 40

function post.job(ctx, _, id)
  local told, message, code = ctx.site.spool:work(id, SLICE_MS)
  if not told then return api.fault(message, code) end
  return api.answer(told)
end

-- ---- drafts ----

function put.draft(ctx, body)
  if type(body.draft) ~= "table" then return bad("a draft is missing") end
  local id, message, code = ctx.site.spool:save_draft(body.id, body.draft)
  if not id then return api.fault(message, code) end
  return api.answer({ id = id })
end

function delete.draft(ctx, _, id)
  ctx.site.spool:drop_draft(id)
  return api.answer({ dropped = true })
end

-- GET /api/1/drafts: private reading, so it needs the token, too.
function write.drafts(ctx)
  local pairing = ctx.site.pairing
  if not pairing or not pairing:knows(ctx.request.headers["x-station-token"])
      then
    return guard.forbidden()
  end
  local items = {}
  for _, id in ipairs(ctx.site.spool:drafts()) do
    local draft = ctx.site.spool:draft(id)
    if draft then items[#items + 1] = { id = id, draft = draft } end
  end
  local response = api.answer({ items = items })
  response.headers["cache-control"] = "no-store"
  return response
end

local METHODS = { POST = post, PUT = put, DELETE = delete }
local WITHOUT_TOKEN = { code = true, pair = true }

-- What an unsafe request has to show before its body is read: nil, or the
-- refusal.
function write.refusal(site, request, parts)
  local methods = METHODS[request.method]
  local asked = parts and parts[1] == "api" and parts[2] == "1" and methods
    and methods[parts[3]]
  if not asked or not site.spool then return guard.forbidden() end
  return guard.unsafe(request, site.hosts,
    not WITHOUT_TOKEN[parts[3]] and site.pairing or nil)
end

-- Unsafe requests that passed write.refusal(); `parts` after the version.
function write.answer(ctx, parts)
  local body = ctx.request.body or ""
  if ctx.request.headers["content-type"] == "application/json" then
    local message
    body, message = dagjson.decode(body)
    if type(body) ~= "table" then return bad(message or "no object") end
  elseif parts[1] ~= "upload" or ctx.request.method ~= "PUT" then
    return bad("JSON is wanted")
  end
  if (parts[1] == "upload" and ctx.request.method == "PUT")
      ~= (type(body) == "string") then
    return bad("bytes are wanted")
  end
  local response = METHODS[ctx.request.method][parts[1]](ctx, body,
    table.unpack(parts, 2))
  response.headers["cache-control"] = "no-store"
  return response
end

return write
