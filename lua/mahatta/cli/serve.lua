-- SPDX-License-Identifier: 0BSD
-- The command serve: a station that others reach, until it is told to stop.

local address = require "mahatta.net.address"
local book = require "mahatta.cli.book"
local live = require "mahatta.cli.live"
local out = require "mahatta.cli.out"
local page = require "mahatta.cli.site"
local work = require "mahatta.cli.work"

local EVERY_MIN = 15

local serve = {
  name = "serve", does = "Let other stations sync with this one.",
  options = {
    { nil, "--listen", "ADDR:PORT", "where; may be repeated; default all, "
      .. "9641", many = true },
    { nil, "--lan", nil, "be found on the local network, and find others" },
    { nil, "--sync", "ADDRESS", "also sync with this one; may be repeated",
      many = true },
    { nil, "--every", "MINUTES", "how often with all those; default 15" },
    { nil, "--sessions", "N", "at most so many at once; default 64" },
    { nil, "--stdio", nil, "one session by standard input and output" },
    { nil, "--site", nil, "also serve the web page, as `mahatta site` does" },
    { nil, "--port", "N", "of the page; 8484" },
    { nil, "--site-lan", "ADDR", "let others read the page at this address" },
  },
  notes = [[
It runs until Ctrl-C or SIGTERM. Meanwhile other commands can read from the
station, and `--sync` is how it syncs with others. Nothing is announced to the
network without --lan; with it, only that some station is here: no name, no
collection.]],
  examples = { "mahatta serve", "mahatta serve --lan --site",
    "mahatta serve --listen 192.168.1.5:9641 --sync basra.example" },
}

-- ---- a server: its sessions, and what it says of them ----

local Server = {}
Server.__index = Server

-- One line on what a session came to.
function Server:tell(handle, where, dialled)
  local s, run, o = handle:status(), self.run, self.o
  local _, message, code = handle:result()
  if self.stopping and message then
    message = "stopped here"
  elseif code == "ECLOSED" and not s.peer and not dialled then
    message = "it left before it said who it is"
  end
  local entry = book.entry(s, dialled and where or nil, message, code)
  if s.peer then
    local kept, why = book.add(run.path(o), entry)
    if not kept then run.warn("what was met", why) end
  end
  self.line:wipe()
  if o.json then
    entry.event, entry.address = "session", where
    return out.json(entry)
  end
  out.line("%s  %s  %s%s", os.date("%H:%M:%S"), out.name(s.peer or where),
    s.peer and table.concat(live.told(s), "; ") or "no session",
    message and " (" .. out.name(message) .. ")" or "")
end

-- Options for a handle's end.
function Server:options(where, dialled)
  return { ended = function (handle)
    self.handles[handle] = nil
    self:tell(handle, where, dialled)
  end }
end

function Server:list()
  local list = {}
  for handle in pairs(self.handles) do list[#list + 1] = handle end
  return list
end

-- A session that we begin, unless one with that address is under way.
function Server:dial(where)
  if self.dialled[where] or self.stopping then return end
  local options = self:options(where, true)
  local ended = options.ended
  function options.ended(handle)
    self.dialled[where] = nil
    self:forget(handle, where)
    ended(handle)
  end
  local handle, message = live.need(self.run, "luv").connect(self.station,
    where, options)
  if not handle then
    return self.run.warn(out.name(where), out.name(message))
  end
  self.dialled[where], self.handles[handle] = true, true
end

-- Who was found on the local network and does not answer any more is gone.
function Server:forget(handle, where)
  if not handle:status().peer then self.partners[where] = nil end
end

-- Listen at one address; what to give to others for it.
function Server:listen(where)
  local net, refused = live.need(self.run, "luv"), 0
  local listener
  listener = self.run.check(net.listen(self.station, where, {
    gate = self.gate,
    session = function (handle, host)
      self.handles[handle], self.hosts[handle] = true, host
    end,
    ended = function (handle)
      local host = self.hosts[handle] or "?"
      self.hosts[handle], self.handles[handle] = nil, nil
      self:tell(handle, host)
    end,
    refused = function (host, why)
      refused = refused + 1
      if refused > 10 then return end -- a flood says no more than this
      self.line:wipe()
      self.run.warn(host, why)
    end }))
  self.run.cleanup(function () listener:close() end)
  table.insert(self.listeners, listener)
end

-- Addresses of this machine that others can use.
local function own_addresses(uv, host)
  if host ~= "::" and host ~= "0.0.0.0" then return { host } end
  local list = {}
  for _, list_of in pairs(uv.interface_addresses()) do
    for _, one in ipairs(list_of) do
      if not one.internal and one.family == "inet" then
        list[#list + 1] = one.ip
      end
    end
  end
  table.sort(list)
  return list
end

function Server:say_where()
  local o = self.o
  if o.json then
    for _, listener in ipairs(self.listeners) do
      local host, port = listener:address()
      out.json({ event = "listening", address = host, port = port,
        id = self.station:id() })
    end
  else
    out.line("%s", out.file(self.station:path()))
    out.line("is served as %s", self.station:id())
    for _, listener in ipairs(self.listeners) do
      local host, port = listener:address()
      out.line("listening at %s", address.format(host, port))
      for _, own in ipairs(own_addresses(self.uv, host)) do
        out.line("  others can run: mahatta sync %s",
          port == address.PORT and own or address.format(own, port))
      end
    end
  end
  io.stdout:flush()
end

-- The plain default falls back to IPv4 where there is no IPv6.
function Server:listen_all()
  for _, where in ipairs(self.o.listen or {}) do
    if where:find("^:%d+$") then where = "[::]" .. where end
    self:listen(where)
  end
  if self.o.listen then return end
  if not self.run.try(self.listen, self, "[::]:" .. address.PORT) then
    if #self.listeners == 0 then self:listen("0.0.0.0:" .. address.PORT) end
  end
end

function Server:sync_often(minutes)
  local timer = self.uv.new_timer()
  timer:start(0, minutes * 60000, function ()
    for _, where in ipairs(self.o.sync or {}) do self:dial(where) end
    for where in pairs(self.partners) do self:dial(where) end
  end)
  self.run.cleanup(function () timer:close() end)
end

-- Be found, and sync with each that is found. Of two that find each other, the
-- one with the smaller name begins.
function Server:on_lan()
  local lan = live.need(self.run, "lan")
  local _, port = self.listeners[1]:address()
  local announcer = self.run.check(lan.announce(port))
  self.run.cleanup(function () announcer:close() end)
  local browser = self.run.check(lan.browse(function (where, name)
    if announcer.name >= name then return end
    self.partners[where] = true
    self:dial(where)
  end, announcer.name))
  self.run.cleanup(function () browser:close() end)
end

-- The web page, in the same loop and over the same station.
function Server:serve_page()
  local o, run = self.o, self.run
  local handle = page.open(self.station, { port = self.port,
    lan = o.site_lan }, run)
  run.cleanup(page.drive(self.uv, handle))
  if o.json then
    out.json({ event = "site", url = handle:url() })
  else
    out.line("the station's page is at %s", handle:url())
  end
end

-- Make what came searchable, a little at a time.
function Server:read_files()
  local timer, read = self.uv.new_timer(), work.reading(self.run, self.station)
  local function step()
    timer:start(math.ceil(read() * 1000), 0, step)
  end
  timer:start(1000, 0, step)
  self.run.cleanup(function () timer:close() end)
end

-- Run until somebody says stop; then sessions end where they are.
function Server:run_on()
  local signals = live.signals(function ()
    self.stopping = true
    for _, handle in ipairs(self:list()) do handle:close() end
  end)
  self.run.cleanup(signals)
  while not self.stopping do self.uv.run("once") end
  self.line:clear()
  if not self.o.json then out.line("stopped") end
end

-- One session with whoever started us; only failures are told.
local function serve_stdio(o, run)
  local uv, ended = live.loop(run), false
  local pipe = live.need(run, "pipe")
  local station = run.open(o)
  local handle = run.check(pipe.stdio(station, { ended = function ()
    ended = true
  end }))
  run.cleanup(live.signals(function () handle:close() end))
  while not ended do uv.run("once") end
  local s = handle:status()
  if s.peer then
    local _, message, code = handle:result()
    local kept, why = book.add(run.path(o), book.entry(s, nil, message, code))
    if not kept then run.warn("what was met", why) end
  end
  run.check(handle:result())
end

function serve.run(o, run)
  local every = work.whole(o.every or EVERY_MIN, "--every", run, 1, 100000)
  local sessions = work.whole(o.sessions or 64, "--sessions", run, 1, 10000)
  local port = page.port(o.port, run)
  if o.stdio then
    if o.listen or o.lan or o.sync or o.json or o.site then
      return run.usage("--stdio stands alone")
    end
    return serve_stdio(o, run)
  end
  local uv = live.loop(run)
  io.stdout:setvbuf("line")
  local server = setmetatable({ o = o, run = run, uv = uv,
    station = run.open(o), handles = {}, hosts = {}, dialled = {},
    partners = {}, listeners = {}, port = port,
    gate = require("mahatta.net.gate").new({ sessions = sessions }) }, Server)
  server.line = live.line(o.json, function () return server:list() end)
  run.cleanup(function () server.line:clear() end)
  server:listen_all()
  server:say_where()
  if o.site then server:serve_page() end
  if o.lan then server:on_lan() end
  if o.sync or o.lan then server:sync_often(every) end
  server:read_files()
  server:run_on()
end

return { serve }
