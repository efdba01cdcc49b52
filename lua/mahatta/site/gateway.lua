-- SPDX-License-Identifier: 0BSD
-- Bytes by their ids: people's files on the origin of their own, and the
-- trustless gateway (GET /ipfs/CID?format=raw|car) for IPFS programs, which
-- check what they get themselves.

local dag = require "mahatta.site.dag"
local layout = require "mahatta.site.layout"
local record = require "mahatta.site.record"
local respond = require "mahatta.site.respond"
local shape = require "mahatta.site.shape"
local sniff = require "mahatta.site.sniff"
local url = require "mahatta.site.url"
local words = require "mahatta.site.words"

local gateway = {}

local function plain_404()
  return { status = 404, headers = { ["cache-control"] = "no-store",
    ["content-type"] = "text/plain; charset=utf-8" },
    body = "404 not here\n" }
end

-- A record that everybody can read names the file; only its bytes lack.
local function not_yet(request)
  local lang = words.preferred(request.headers["accept-language"])
  return { status = 404, headers = { ["cache-control"] = "no-store",
    vary = "Accept-Language", ["content-type"] = "text/plain; charset=utf-8" },
    body = words[lang].say.not_here_yet .. "\n" }
end

-- ---- files ----

-- RFC 6266: a plain name for old programs, the real one for others.
local function disposition(name)
  local safe = sniff.file_name(name)
  return ("attachment; filename=\"%s\"; filename*=UTF-8''%s"):format(
    (safe:gsub("[^\32-\126]", "_")), url.encode(safe))
end

local function file_of(site, parts)
  local entry, message, code = record.entry(site, parts[2])
  if not entry then return nil, message, code end
  local file = shape.files(entry.record)[math.tointeger(tonumber(parts[3]))]
  if not file then return nil, "no such file", "ENOENT" end
  return file
end

-- GET /f/RECORD/NUMBER/NAME. Shown only when its own bytes say that it is a
-- kind that can do nothing, and only on the origin that is for files alone.
function gateway.file(site, request, parts, query, may_show)
  local file, message, code = file_of(site, parts)
  if not file then
    if code == "ENOENT" then return plain_404() end
    return nil, message
  end
  local head
  head, message, code = record.head_of(site.station, file, sniff.BYTES)
  if not head then
    if code == "ENOENT" then return not_yet(request) end
    return nil, message
  end
  local shown = may_show and not query.save and sniff.shown(head, file.type)
  local headers = { ["content-type"] = shown or "application/octet-stream" }
  if not shown then
    headers["content-disposition"] = disposition(file.name)
  end
  local reader
  reader, message = site.station:reader(file.cid)
  if not reader then return nil, message end
  local size = reader:size()
  reader:close()
  return respond.forever(request, headers, file.cid, size,
    function (first, length)
      local own, fault = site.station:reader(file.cid)
      if not own then return nil, fault end
      return respond.part_of(own, first, length)
    end)
end

-- ---- the gateway ----

local RAW, CAR = "application/vnd.ipld.raw", "application/vnd.ipld.car"

local function format_of(request, query)
  if query.format == "raw" or query.format == "car" then
    return query.format
  end
  if query.format then return nil end
  local accept = request.headers.accept or ""
  return accept:find(RAW, 1, true) and "raw"
    or accept:find(CAR, 1, true) and "car" or nil
end

local function refuse(status, text)
  return { status = status, headers = { ["cache-control"] = "no-store",
    ["content-type"] = "text/plain; charset=utf-8" }, body = text .. "\n" }
end

-- GET /ipfs/CID
function gateway.ipfs(site, request, parts, query)
  local id = parts[2]
  local form = format_of(request, query)
  if #parts ~= 2 then
    return refuse(400, "400 this gateway gives blocks: no paths in them")
  end
  if not form then
    return refuse(406, "406 ask for ?format=raw or ?format=car")
  end
  if not id or not site.mahatta.link(id) then return plain_404() end
  local bytes, message, code = site.station:block(id)
  if not bytes then
    if code == "ENOENT" then return plain_404() end
    return nil, message
  end
  local name = id .. (form == "raw" and ".bin" or ".car")
  local headers = { ["content-disposition"] = ("attachment; filename=\"%s\"")
    :format(name), ["x-ipfs-path"] = "/ipfs/" .. id }
  if form == "raw" then
    headers["content-type"] = RAW
    return respond.forever(request, headers, id .. ".raw", #bytes,
      function (first, length)
        return bytes:sub(first + 1, first + length)
      end)
  end
  headers["content-type"] = CAR .. "; version=1; order=dfs; dups=n"
  headers["cache-control"] = "public, max-age=31536000, immutable"
  headers.etag = 'W/"' .. id .. '.car"'
  local scope = query["dag-scope"]
  return { status = 200, headers = headers,
    body = dag.car(site.station, id, bytes, scope == "block") }
end

-- Nothing else is on the origin of files.
function gateway.nothing(ctx) return ctx and layout.not_found(ctx)
  or plain_404() end

return gateway
