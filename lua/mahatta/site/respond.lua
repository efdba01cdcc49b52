-- SPDX-License-Identifier: 0BSD
-- Answers, and the headers that all of them carry. A response is { status,
-- headers, body }; the body is a string, or a stream: { size (nil when not
-- known), read() -> bytes ("" when there are none yet), nil at the end; nil,
-- message when it fails; close() }.

local slice = require "mahatta.site.slice"

local respond = {}

local EVERYWHERE = {
  ["x-content-type-options"] = "nosniff",
  ["referrer-policy"] = "no-referrer",
  ["cross-origin-opener-policy"] = "same-origin",
  ["cross-origin-resource-policy"] = "same-origin",
  ["permissions-policy"] = "accelerometer=(), ambient-light-sensor=(), "
    .. "autoplay=(), bluetooth=(), browsing-topics=(), camera=(), "
    .. "display-capture=(), geolocation=(), gyroscope=(), hid=(), "
    .. "microphone=(), midi=(), payment=(), serial=(), usb=(), "
    .. "xr-spatial-tracking=()",
}

local SITE_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; "
  .. "style-src 'self'; script-src 'self'; connect-src 'self'; "
  .. "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
  .. "require-trusted-types-for 'script'"

-- Files of people: whatever they are, they run nothing and reach nothing.
local FILES_POLICY = "sandbox; default-src 'none'; img-src 'self'; "
  .. "media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"

local function sealed(response, policy)
  local headers = response.headers
  for name, value in pairs(EVERYWHERE) do headers[name] = value end
  headers["content-security-policy"] = policy
  return response
end

-- Every answer leaves through one of these two.
function respond.from_site(response) return sealed(response, SITE_POLICY) end
function respond.from_files(response) return sealed(response, FILES_POLICY) end

function respond.bytes(media, body, headers)
  headers = headers or {}
  headers["content-type"] = media
  headers["cache-control"] = headers["cache-control"] or "no-cache"
  return { status = 200, headers = headers, body = body }
end

function respond.html(page, status)
  local response = respond.bytes("text/html; charset=utf-8",
    "<!doctype html>\n" .. tostring(page))
  response.status = status or 200
  return response
end

local FOREVER = "public, max-age=31536000, immutable"

local function unchanged(request, tag)
  local known = request.headers["if-none-match"]
  return known ~= nil and (known == tag or known == "*"
    or known:find(tag, 1, true) ~= nil)
end

-- What never changes under its address: `open(first, length)` makes the
-- stream of a part. Honours If-None-Match and one Range.
function respond.forever(request, headers, tag, size, open)
  headers["cache-control"] = FOREVER
  headers.etag = '"' .. tag .. '"'
  headers["accept-ranges"] = "bytes"
  if unchanged(request, headers.etag) then
    headers["content-type"] = nil
    return { status = 304, headers = headers, body = "" }
  end
  local if_range = request.headers["if-range"]
  local wanted = (not if_range or if_range == headers.etag)
    and request.headers.range or nil
  local first, length = slice.of(wanted, size)
  if first == false then
    headers["content-range"] = ("bytes */%d"):format(size)
    headers["content-type"] = "text/plain; charset=utf-8"
    headers["cache-control"] = "no-store"
    return { status = 416, headers = headers,
      body = "416 the file ends before that\n" }
  end
  local status = 200
  if first then
    status = 206
    headers["content-range"] = ("bytes %d-%d/%d"):format(first,
      first + length - 1, size)
  end
  local body, message, code = open(first or 0, length or size)
  if not body then return nil, message, code end
  return { status = status, headers = headers, body = body }
end

-- Short pieces: they stay in the processor's cache on their way out.
local PIECE = 128 * 1024

-- A stream of `length` bytes of a station's reader from `first` on.
function respond.part_of(reader, first, length)
  local left = length
  local done, message, code = reader:seek(first)
  if not done then
    reader:close()
    return nil, message, code
  end
  return {
    size = length,
    read = function ()
      if left == 0 then return nil end
      local bytes, fault = reader:read(math.min(PIECE, left))
      if not bytes then return nil, fault or "the file ended early" end
      left = left - #bytes
      return bytes
    end,
    close = function () reader:close() end,
  }
end

return respond
