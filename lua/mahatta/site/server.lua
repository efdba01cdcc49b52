-- SPDX-License-Identifier: 0BSD
-- The site behind libmicrohttpd: which addresses it listens at, and one
-- handle for any loop: pollfd, events, timeout, step.
--
-- At home (127.0.0.1 and ::1) paired pages may write. For a local network
-- there is another listener, on demand, that only reads. Each has a second
-- port for people's files.

local http = require "mahatta.http"
local pairing = require "mahatta.site.pairing"
local site = require "mahatta.site"

local server = { PORT = 8484 }

local Server = {}
Server.__index = Server

-- Names that a listener answers to, with its port.
local function names(list, port)
  local out = {}
  for i, name in ipairs(list) do
    out[i] = (name:find(":", 1, true) and "[%s]:%d" or "%s:%d")
      :format(name, port)
  end
  return out
end

-- Listen at ${address}; the handle goes to the list of what is to be closed.
function Server:listen(address, port, handler, refuse)
  local one, message, code = http.listen({ host = address, port = port,
    handler = handler, refuse = refuse, log = self.log })
  if not one then return nil, message, code end
  self.servers[#self.servers + 1] = one
  return one
end

local function both(self, address, ports, pages)
  local function handle(request) return pages:site(request) end
  local function refuse(request) return pages:refuse(request) end
  local function file(request) return pages:files(request) end
  local one, message, code = self:listen(address, ports[1], handle, refuse)
  if not one then return nil, message, code end
  one, message, code = self:listen(address, ports[2], file)
  if not one then return nil, message, code end
  return true
end

local HOME = { "127.0.0.1", "localhost", "::1" }

-- Two free ports when none are told: the second listener may then fail, as
-- anybody may take a port in between.
local function free_ports()
  local taken = {}
  for i = 1, 2 do
    taken[i] = assert(http.listen({ port = 0, handler = print }))
  end
  local ports = { taken[1]:port(), taken[2]:port() }
  for i = 1, 2 do taken[i]:close() end
  return ports
end

local function at_home(self, options)
  local ports = { options.port or server.PORT,
    (options.port or server.PORT) + 1 }
  if options.port == 0 then ports = free_ports() end
  self.port, self.files_port = ports[1], ports[2]
  self.pairing = not options.read_only and options.spool and pairing.new({
    clock = options.clock, show = options.show }) or nil
  local pages = site.new(self.station, { hosts = names(HOME, ports[1]),
    files_hosts = names(HOME, ports[2]), files_port = ports[2],
    pairing = self.pairing, spool = options.spool, drafts = options.drafts,
    clock = options.clock, log = self.log })
  local done, message, code = both(self, "127.0.0.1", ports, pages)
  if not done then return nil, message, code end
  both(self, "::1", ports, pages) -- machines without IPv6 do without
  return true
end

-- Open, read-only routes for everybody on a network that we are in.
local function on_network(self, options)
  local ports = { options.lan_port or self.port,
    (options.lan_port or self.port) + 1 }
  local known = { options.lan }
  for _, name in ipairs(options.names or {}) do known[#known + 1] = name end
  local pages = site.new(self.station, { hosts = names(known, ports[1]),
    files_hosts = names(known, ports[2]), files_port = ports[2],
    spool = options.spool, clock = options.clock, log = self.log })
  return both(self, options.lan, ports, pages)
end

-- Options: port (8484; the next one is that of files; 0: any two free ones),
-- lan (an address of this machine: read there, too), lan_port, names (that
-- the machine has on the network), spool (an empty folder; without it nothing
-- is written and no carry file made), drafts (names in that folder),
-- read_only, show(code), log(line), clock.
-- nil, message, code.
function server.open(station, options)
  local self = setmetatable({ station = station, servers = {},
    log = options.log or function () end }, Server)
  local done, message, code = at_home(self, options)
  if done and options.lan then
    done, message, code = on_network(self, options)
  end
  if not done then
    self:close()
    return nil, message, code
  end
  self.group, message, code = http.group(self.servers)
  if not self.group then
    self:close()
    return nil, message, code
  end
  return self
end

function Server:pollfd() return self.group:pollfd() end
function Server:events() return self.group:events() end
function Server:timeout() return self.group:timeout() end

-- Do what there is to do; never waits.
function Server:step() self.group:step() end

-- For programs without a loop: wait for work, at most so long.
function Server:wait(seconds) return self.group:poll(seconds) end

-- Addresses for a browser.
function Server:url() return ("http://127.0.0.1:%d/"):format(self.port) end

function Server:close()
  for _, one in ipairs(self.servers) do one:close() end
  if self.group then self.group:close() end
end

Server.__close = Server.close

return server
