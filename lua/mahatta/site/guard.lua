-- SPDX-License-Identifier: 0BSD
-- Who may ask at all. Whatever is refused here is refused before anything is
-- looked up, and with the same few bytes every time.

local guard = {}

local HEADER_BYTES = 8192 -- of all header lines together

local function refusal(status, text, headers)
  headers = headers or {}
  headers["content-type"] = "text/plain; charset=utf-8"
  headers["cache-control"] = "no-store"
  return { status = status, headers = headers, body = text .. "\n" }
end

function guard.bad_request()
  return refusal(400, "400 this is no request that a station answers")
end

function guard.forbidden() return refusal(403, "403 not from there") end

-- Any page on the web may make a browser send requests here: only those that
-- name this station as it names itself are its own. (DNS rebinding gives a
-- foreign name our address; it cannot give it our name.)
local function misdirected(request, hosts)
  local host = request.headers.host
  if request.repeated.host or not host or not hosts[host:lower()] then
    return refusal(421, "421 this is not the station that you look for")
  end
end

local ONCE = { "content-length", "content-type", "origin", "range",
  "x-station-token", "sec-fetch-site", "authorization" }

local NO_TOKEN = "[^%w!#$%%&'*+.^_`|~-]" -- in a header's name

-- What the server below lets through and no browser of ours sends.
local function malformed(request)
  if request.target:sub(1, 1) ~= "/" or request.target:find("[%c%s]") then
    return guard.bad_request()
  end
  for _, name in ipairs(ONCE) do
    if request.repeated[name] then return guard.bad_request() end
  end
  if request.headers["transfer-encoding"]
      or request.headers["content-length"]
      and request.headers["content-length"]:find("%D") then
    return guard.bad_request()
  end
  local bytes = #request.target
  for name, value in pairs(request.headers) do
    if value:find("[%z\r\n]") or name:find(NO_TOKEN) then
      return guard.bad_request()
    end
    bytes = bytes + #name + #value
  end
  if bytes > HEADER_BYTES then
    return refusal(431, "431 these headers are too long")
  end
end

-- A foreign page may link here, and nothing else: no picture, frame, style or
-- fetch of it learns whether something is held here.
local function from_elsewhere(request)
  local site = request.headers["sec-fetch-site"]
  if not site or site == "same-origin" or site == "none" then return false end
  return request.headers["sec-fetch-mode"] ~= "navigate"
    or request.headers["sec-fetch-dest"] ~= "document"
end

local SAFE = { GET = true, HEAD = true }
local UNSAFE = { POST = true, PUT = true, DELETE = true }

-- Checks that hold for every request. ${hosts}: a set of names with their
-- port. ${writing}: are there unsafe methods at all? nil, or the refusal.
function guard.check(request, hosts, writing)
  local refused = malformed(request) or misdirected(request, hosts)
  if refused then return refused end
  local allow = writing and "GET, HEAD, POST, PUT, DELETE" or "GET, HEAD"
  if not SAFE[request.method] and not (writing and UNSAFE[request.method])
      then
    return refusal(405, "405 that method has no meaning here",
      { allow = allow })
  end
  if from_elsewhere(request) then return guard.forbidden() end
end

local OURS = { ["application/json"] = true,
  ["application/octet-stream"] = true }

-- Checks of everything that changes something. The token proves a paired
-- page; the rest keeps other pages from using it, should they ever learn it.
-- ${pairing}: nil where no token is asked for yet.
function guard.unsafe(request, hosts, pairing)
  local headers = request.headers
  local name = headers.origin and headers.origin:match("^http://([^/]+)$")
  local site = headers["sec-fetch-site"]
  if not name or not hosts[name] or name ~= headers.host:lower()
      or site and site ~= "same-origin"
      or not OURS[headers["content-type"] or ""]
      or pairing and not pairing:knows(headers["x-station-token"]) then
    return guard.forbidden()
  end
end

return guard
