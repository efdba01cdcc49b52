-- SPDX-License-Identifier: 0BSD
-- A site over a station of its own, and requests to it as a server would make
-- them. No server runs.

local json = require "dkjson"
local lfs = require "lfs"
local pairing = require "mahatta.site.pairing"
local site = require "mahatta.site"
local support = require "support"

local web = { HOST = "127.0.0.1:8080", FILES = "127.0.0.1:8081" }

local Web = {}
Web.__index = Web

-- Options: read_only: without pairing. clock. quick: in memory.
function web.open(options)
  options = options or {}
  local station, dir = support.station({ clock = options.clock },
    support.folder(options.quick))
  local self = setmetatable({ station = station, dir = dir, shown = {},
    faults = {} }, Web)
  lfs.mkdir(dir .. "/spool")
  local pair = not options.read_only and pairing.new({
    clock = options.clock,
    show = function (code) self.shown[#self.shown + 1] = code end }) or nil
  self.pairing = pair
  self.site = site.new(station, { hosts = { web.HOST, "localhost:8080" },
    files_hosts = { web.FILES, "localhost:8081" }, files_port = 8081,
    pairing = pair, spool = dir .. "/spool", clock = options.clock,
    log = function (line) self.faults[#self.faults + 1] = line end })
  return self
end

function web.request(method, target, headers, body)
  local own = { host = web.HOST }
  for name, value in pairs(headers or {}) do
    own[name] = value ~= "" and value or nil
  end
  return { method = method, target = target, headers = own, repeated = {},
    body = body }
end

-- All bytes of a response's body.
function web.body(response)
  local body = response.body
  if type(body) == "string" then return body end
  local parts = {}
  repeat
    local part, message = body.read()
    assert(part or not message, message)
    parts[#parts + 1] = part
  until not part
  body.close()
  return table.concat(parts)
end

function Web:get(target, headers)
  local response = self.site:site(web.request("GET", target, headers))
  return web.body(response), response
end

function Web:file(target, headers)
  headers = headers or {}
  headers.host = headers.host or web.FILES
  local response = self.site:files(web.request("GET", target, headers))
  return web.body(response), response
end

-- As a server does it: first the headers, then the body. ${value}: a table
-- goes as JSON, a string as bytes.
function Web:send(method, target, value, headers)
  local bytes = type(value) == "string"
  local own = { origin = "http://" .. web.HOST,
    ["content-type"] = bytes and "application/octet-stream"
      or "application/json", ["x-station-token"] = self.token }
  for name, one in pairs(headers or {}) do own[name] = one end
  local request = web.request(method, target, own,
    bytes and value or json.encode(value or {}))
  local response = self.site:refuse(request) or self.site:site(request)
  local text = web.body(response)
  return json.decode(text) or text, response
end

function Web:pair()
  self:send("POST", "/api/1/code", {})
  local told = self:send("POST", "/api/1/pair",
    { code = self.shown[#self.shown] })
  self.token = assert(told.token, "not paired")
  return self.token
end

-- Upload some bytes; the upload's id.
function Web:upload(name, bytes)
  local told = self:send("POST", "/api/1/upload", { name = name })
  self:send("PUT", "/api/1/upload/" .. told.upload .. "?at=0", bytes)
  return told.upload
end

-- Start a job and step it to its end; its result, or the fault.
function Web:job(target, value)
  local told, response = self:send("POST", target, value)
  if response.status ~= 202 then return nil, told.error, response end
  repeat
    local job = told.job
    local step
    step, response = self:send("POST", "/api/1/job/" .. job, {})
    if response.status ~= 200 then return nil, step.error, response end
    if not step.more then return step.result end
  until false
end

function Web:close()
  self.station:close()
end

return web
