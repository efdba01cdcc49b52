-- SPDX-License-Identifier: 0BSD
-- The command sync: sessions that this side begins, one after the other.

local book = require "mahatta.cli.book"
local live = require "mahatta.cli.live"
local out = require "mahatta.cli.out"
local work = require "mahatta.cli.work"

local INTERRUPTED = 130 -- as shells say it
local LOOK_MS = 3000 -- for stations on the local network to answer

local sync = {
  name = "sync", does = "Exchange with another station what either lacks.",
  arguments = { { "ADDRESS", many = true, optional = true } },
  options = {
    { nil, "--exec", "COMMAND", "by a command's input and output" },
    { nil, "--lan", nil, "with all that answer on the local network" },
    { nil, "--folder", "DIR", "by a folder that another station uses, too" },
  },
  notes = [[
ADDRESS is HOST, HOST:PORT or [V6]:PORT; the port is 9641 if none is given.
Each side gets what it follows (`mahatta follow`): everything, if nothing. The
session is encrypted, every block is checked, and a session that was cut goes
on where it was when the same command is given again.]],
  examples = {
    "mahatta sync 192.168.1.5",
    "mahatta sync --lan",
    "mahatta sync --exec \"ssh basra mahatta serve --stdio\"",
    "mahatta sync --folder /mnt/share",
  },
}

-- What there is to do: { name, start(options) } each.
local function targets_of(o, run, station)
  local list = {}
  local function add(name, start)
    list[#list + 1] = { name = name, start = start }
  end
  for _, where in ipairs(o.ADDRESS) do
    add(where, function (options)
      return live.need(run, "luv").connect(station, where, options)
    end)
  end
  if o.exec then
    add(o.exec, function (options)
      return live.need(run, "pipe").spawn(station, o.exec, options)
    end)
  end
  if o.folder then
    add(o.folder, function (options)
      local uvstream = live.need(run, "uvstream")
      local handle, message, code = live.need(run, "folder").open(station,
        o.folder, options, uvstream.clock)
      if handle then live.step_by_timer(require "luv", handle) end
      return handle, message, code
    end)
  end
  return list
end

-- Sessions of a run: begins them, waits for their ends, tells of them.
local Round = {}
Round.__index = Round

-- Tell how one came out; its exit code.
function Round:tell(target, handle)
  local o, run, status = self.o, self.run, handle:status()
  local _, message, code = handle:result()
  if self.signal then message = "interrupted" end
  local entry = book.entry(status, target.name, message, code)
  if status and status.peer then
    local kept, why = book.add(run.path(o), entry)
    if not kept then run.warn("what was met", why) end
  end
  self.line:wipe()
  if o.json then
    out.json(entry)
  elseif message == nil then
    out.line("%s", out.name(target.name))
    out.line("  with %s", status.peer)
    for _, line in ipairs(live.told(status)) do out.line("  %s", line) end
  end
  if message == nil then return status.bad > 0 and run.PARTLY or run.DONE end
  self.line:wipe()
  run.warn(out.name(target.name), out.name(message))
  if status and status.peer and not o.json then
    for _, line in ipairs(live.told(status)) do
      io.stderr:write("  ", line, "\n")
    end
    local lacking = live.lacking(status)
    io.stderr:write("  what came is kept; ", lacking
      and "still to come: " .. lacking .. "; " or "",
      "the same command goes on from there\n")
  end
  return run.FAILED
end

-- One session, to its end; its exit code.
function Round:one(target)
  local ended = false
  local handle, message = target.start({ ended = function ()
    ended = true
  end })
  if not handle then
    self.run.warn(out.name(target.name), out.name(message))
    return self.run.FAILED
  end
  self.handle = handle
  while not ended do
    if self.signal and handle:result() == nil then handle:close() end
    if not ended then self.uv.run("once") end
  end
  self.handle = nil
  return self:tell(target, handle)
end

-- Stations that answer on the local network, as targets.
local function look_around(run, station, round)
  local found, lan = {}, live.need(run, "lan")
  local browser = run.check(lan.browse(function (where)
    found[#found + 1] = where
  end))
  local timer, over = round.uv.new_timer(), false
  timer:start(LOOK_MS, 0, function () over = true end)
  while not over and not round.signal do round.uv.run("once") end
  timer:close()
  browser:close()
  if #found == 0 and not round.signal then
    run.fail("no station answers on this network: on the other one, run "
      .. "`mahatta serve --lan`")
  end
  return targets_of({ ADDRESS = found }, run, station)
end

function sync.run(o, run)
  local ways = (#o.ADDRESS > 0 and 1 or 0) + (o.exec and 1 or 0)
    + (o.lan and 1 or 0) + (o.folder and 1 or 0)
  if ways ~= 1 then
    return run.usage("say with whom: ADDRESS, or one of --lan, --exec and "
      .. "--folder")
  end
  local round = setmetatable({ o = o, run = run, uv = live.loop(run) }, Round)
  local station = run.open(o, { busy =
    "if that is `mahatta serve`, its option --sync does this" })
  round.line = live.line(o.json, function () return { round.handle } end)
  run.cleanup(function () round.line:clear() end)
  run.cleanup(live.signals(function (name) round.signal = name end))
  local targets = o.lan and look_around(run, station, round)
    or targets_of(o, run, station)
  local worst, failed = run.DONE, 0
  for _, target in ipairs(targets) do
    if round.signal then break end
    local code = round:one(target)
    worst = math.max(worst, code)
    failed = failed + (code == run.FAILED and 1 or 0)
  end
  if round.signal then return INTERRUPTED end
  work.texts(run, station)
  if failed > 0 then return failed < #targets and run.PARTLY or run.FAILED end
  return worst
end

return { sync }
