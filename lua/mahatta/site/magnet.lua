-- SPDX-License-Identifier: 0BSD
-- The site inside lighttpd (mod_magnet), for reading: a station that another
-- process writes to, behind a web server that was there before. In
-- lighttpd.conf, with LUA_PATH and LUA_CPATH in its environment where they are
-- needed:
--
--   server.modules += ( "mod_magnet" )
--   magnet.attract-raw-url-to = ( "/etc/lighttpd/mahatta.lua" )
--   $SERVER["socket"] == ":8081" { }           # the origin of people's files
--
-- and in mahatta.lua:
--
--   return require "mahatta.site.magnet".answer(lighty, {
--     station = "/srv/commons.mahatta", spool = "/srv/mahatta-spool",
--     hosts = { "library.example:8080" },
--     files_hosts = { "library.example:8081" }, files_port = 8081 })

local mahatta = require "mahatta"
local site = require "mahatta.site"

local magnet = {}

local LARGE = 1024 * 1024 -- bytes of a stream that are kept in memory
local BUSY_ROUNDS = 100000 -- of a stream that has nothing yet

-- lighttpd runs a script anew for each request, in a state that stays: so do
-- the sites. A worker is a process of its own.
local sites = {}

local function site_of(options)
  local one = sites[options.station]
  if not one then
    local station, message = mahatta.open(options.station,
      { readonly = true, create = false })
    if not station then return nil, message end
    one = site.new(station, options)
    sites[options.station] = one
  end
  return one
end

local function request_of(r)
  local headers = {}
  for name, value in pairs(r.req_header) do headers[name:lower()] = value end
  return { method = r.req_attr["request.method"],
    target = r.req_attr["request.orig-uri"] or r.req_attr["request.uri"],
    headers = headers, repeated = {}, body = "" }
end

-- All of a stream: small ones as text, large ones through a file that is
-- nameless as soon as lighttpd has opened it.
local function drain(body, spool)
  local parts, size, file, path = {}, 0, nil, nil
  for _ = 1, BUSY_ROUNDS do
    local bytes, message = body.read()
    if not bytes then
      if message then return nil, message end
      if file then file:close() end
      return file and { filename = path } or table.concat(parts), nil, path
    end
    size = size + #bytes
    if not file and size > LARGE then
      path = os.tmpname()
      if spool then
        os.remove(path)
        path = spool .. "/" .. path:match("[^/]*$")
      end
      local fault
      file, fault = io.open(path, "wb")
      if not file then return nil, fault end
      file:write(table.concat(parts))
    end
    if file then
      local done, fault = file:write(bytes)
      if not done then return nil, fault end
    else
      parts[#parts + 1] = bytes
    end
  end
  return nil, "a stream took too long"
end

local function give(r, response, spool)
  for name, value in pairs(response.headers) do
    r.resp_header[name] = value
  end
  if r.req_attr["request.method"] == "HEAD" or response.status == 304 then
    if type(response.body) == "table" then response.body.close() end
    return response.status
  end
  if type(response.body) == "string" then
    r.resp_body:set({ response.body })
    return response.status
  end
  local content, message, path = drain(response.body, spool)
  response.body.close()
  if not content then return 500, message end
  r.resp_body:set({ content })
  if path then os.remove(path) end
  return response.status
end

-- Answer lighttpd's request; gives the status that its script returns.
-- Options: those of site.new (without pairing), and `station`, a path.
function magnet.answer(lighty, options)
  local one, message = site_of(options)
  local status = 500
  if one then
    local request = request_of(lighty.r)
    local host = (request.headers.host or ""):lower()
    local response = one.files_hosts[host] and one:files(request)
      or one:site(request)
    status, message = give(lighty.r, response, options.spool)
  end
  if message then io.stderr:write("mahatta: ", message, "\n") end
  return status
end

return magnet
