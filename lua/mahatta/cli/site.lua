-- SPDX-License-Identifier: 0BSD
-- The command that serves the web page: site.

local lfs = require "lfs"
local out = require "mahatta.cli.out"
local work = require "mahatta.cli.work"

local site = {}

local command = {
  name = "site", does = "Serve the station's web page.",
  options = {
    { "-p", "--port", "N", "of the page; the next one is for files; 8484" },
    { nil, "--lan", "ADDRESS", "of this machine: others there may read" },
    { nil, "--name", "NAME", "that the machine has there; may be repeated",
      many = true },
    { nil, "--read-only", nil, "nobody publishes from the page" },
  },
  notes = [[
The page is at http://127.0.0.1:8484/ . To publish from it, type the code that
appears here when the page asks for it. Over a network the page is only read.
Ctrl-C ends it.]],
  examples = { "mahatta site", "mahatta site --lan 192.168.1.20 "
    .. "--name station.local" },
}

-- A folder beside the store for uploads and carry files under way; only for
-- us. What an earlier run left there half done is removed, drafts stay.
function site.spool(path)
  local dir = path .. "-spool"
  if lfs.symlinkattributes(dir, "mode") == nil then
    os.execute(("mkdir -m 700 -- '%s'"):format((dir:gsub("'", "'\\''"))))
  end
  if lfs.symlinkattributes(dir, "mode") ~= "directory" then
    return nil, "can't make the folder " .. out.file(dir)
  end
  local drafts = {}
  for name in lfs.dir(dir) do
    if name:find("^draft%-%x+$") then
      drafts[#drafts + 1] = name
    elseif name:find("^upload%-") or name:find("^carry%-")
        or name:find("%.part$") or name == "station.slip" then
      os.remove(dir .. "/" .. name)
    end
  end
  return dir, drafts
end

-- What the server needs besides the station, for hosts that serve more.
function site.options(station, o, run)
  local dir, drafts = site.spool(station:path())
  if not dir then return run.fail("%s", drafts) end
  return { port = o.port, lan = o.lan, names = o.name, spool = dir,
    drafts = drafts, read_only = o.read_only,
    log = function (line) io.stderr:write(out.name(line), "\n") end,
    show = function (code)
      out.line("the page asks for a code. It is, for two minutes:  %s", code)
      io.stdout:flush()
    end }
end

-- The port that an option names, or nil for the usual one.
function site.port(text, run)
  return work.whole(text, "--port", run, 0, 65534)
end

-- Open it: the handle with pollfd, events, timeout and step.
function site.open(station, o, run)
  local ok, server = pcall(require, "mahatta.site.server")
  if not ok then
    return run.fail("this mahatta was built without its web server: install "
      .. "libmicrohttpd-dev and build it again (%s)",
      tostring(server):match("^[^\n]*"))
  end
  local handle = run.check(server.open(station, site.options(station, o,
    run)))
  run.cleanup(function () handle:close() end)
  return handle
end

-- Step it inside a loop of luv. Gives what ends that.
function site.drive(uv, handle)
  local poll, timer = uv.new_poll(handle:pollfd()), uv.new_timer()
  local function step()
    handle:step()
    local seconds = handle:timeout()
    timer:stop()
    if seconds then timer:start(math.ceil(seconds * 1000), 0, step) end
  end
  poll:start("r", step)
  step()
  return function ()
    poll:close()
    timer:close()
  end
end

function command.run(o, run)
  o.port = site.port(o.port, run)
  local station = run.open(o)
  local handle = site.open(station, o, run)
  if o.json then
    out.json({ url = handle:url(), port = handle.port,
      files_port = handle.files_port })
  else
    out.line("the station's page is at %s", handle:url())
    if o.lan then
      out.line("others read it at http://%s:%d/", o.lan, handle.port)
    end
  end
  io.stdout:flush()
  while true do
    handle:wait(3600)
    handle:step()
  end
end

site[1] = command

return site
