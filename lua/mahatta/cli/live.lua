-- SPDX-License-Identifier: 0BSD
-- Sessions under way, for people: a line of counts that is written over itself
-- (in a pipe: one now and then), and what a session came to; signals.

local out = require "mahatta.cli.out"

local live = {}

local REDRAW_MS, PLAIN_MS = 100, 5000
local RATE_S = 2 -- seconds that the rate is taken over

-- A part of mahatta.net, or a sentence about what it needs.
function live.need(run, name)
  local ok, module = pcall(require, "mahatta.net." .. name)
  if ok then return module end
  if tostring(module):find("module 'luv' not found", 1, true) then
    run.fail("this needs libuv for Lua: `apt-get install lua-luv`")
  end
  error(module, 0)
end

-- Close what the loop still holds: libuv's handles must be gone before Lua's
-- state is.
local function drain()
  local uv = require "luv"
  uv.walk(function (handle)
    if not handle:is_closing() then handle:close() end
  end)
  uv.run()
end

-- libuv, for the time of a command; to be called before anything else is
-- cleaned up.
function live.loop(run)
  live.need(run, "uvstream")
  run.cleanup(drain)
  return require "luv"
end

-- Drive a handle that has nothing to poll on, by a timer.
function live.step_by_timer(uv, handle)
  local timer = uv.new_timer()
  local function turn()
    local wait = handle:step() and handle:timeout()
    if not wait then return timer:close() end
    timer:start(math.ceil(wait * 1000), 0, turn)
  end
  timer:start(0, 0, turn)
end

-- ---- a session in words ----

local function of(pair, what)
  if pair[2] == 0 then return nil end
  return ("%s %s of %s"):format(what, out.number(pair[1]), out.number(pair[2]))
end

-- Sums over the sessions' states.
local function sum_of(states)
  local sum = { parcels = { 0, 0 }, files = { 0, 0 }, records = 0, moved = 0,
    sent = 0 }
  for _, s in ipairs(states) do
    for i = 1, 2 do
      sum.parcels[i] = sum.parcels[i] + s.parcels[i]
      sum.files[i] = sum.files[i] + s.files[i]
    end
    sum.records = sum.records + s.records
    sum.sent = sum.sent + s.sent.parcels
    sum.moved = sum.moved + s.bytes_in + s.bytes_out
  end
  return sum
end

local function counts(sum, rate)
  local parts = {}
  local function add(text) parts[#parts + 1] = text end
  add(of(sum.parcels, "parcels"))
  if sum.records > 0 then add("records " .. out.number(sum.records)) end
  add(of(sum.files, "file blocks"))
  if sum.sent > 0 then add("parcels sent " .. out.number(sum.sent)) end
  if #parts == 0 then add("comparing") end
  if rate > 0 then add(out.size(math.floor(rate)) .. "/s") end
  return table.concat(parts, " · ")
end

local function list(parts)
  local there = {}
  for _, part in ipairs(parts) do
    if part[1] > 0 then there[#there + 1] = out.count(table.unpack(part)) end
  end
  return #there > 0 and table.concat(there, ", ")
end

-- What lacks here after this session, as far as it is known: or nil.
function live.lacking(s)
  return list({ { s.parcels[2] - s.parcels[1], "parcel" },
    { s.files[2] - s.files[1], "block of files", "blocks of files" } })
end

-- What a session came to, line by line.
function live.told(s)
  local got = list({ { s.added, "new record" }, { s.parcels[1], "parcel" },
    { s.files[1], "block of files", "blocks of files" } })
  local gave = list({ { s.sent.parcels, "parcel" },
    { s.sent.files, "block of files", "blocks of files" } })
  local lines = {}
  if got then lines[1] = "got " .. got end
  if gave then lines[#lines + 1] = "gave " .. gave end
  if not got and not gave then
    lines[1] = s.state == "done" and "nothing new on either side"
      or "nothing had come yet"
  end
  for _, part in ipairs({
    { s.withdrawn, "withdrawal took effect", "withdrawals took effect" },
    { s.held, "parcel from the future waits for its day",
      "parcels from the future wait for their day" },
    { s.refused, "record refused by the policy",
      "records refused by the policy" },
    { s.full, "thing had no room here (`mahatta quota`)",
      "things had no room here (`mahatta quota`)" },
    { s.peer_full, "thing that we sent had no room there (EQUOTA)",
      "things that we sent had no room there (EQUOTA)" },
    { s.gone, "block of files that the other lacks, too",
      "blocks of files that the other lacks, too" },
    { s.bad, "bad block, dropped", "bad blocks, dropped" } }) do
    lines[#lines + 1] = list({ part }) or nil
  end
  for _, line in ipairs(s.faults or {}) do
    lines[#lines + 1] = "  " .. out.name(line)
  end
  return lines
end

-- ---- the line that moves ----

local Line = {}
Line.__index = Line

-- Show what ${handles}() returns, a list, until clear() is called.
function live.line(quiet, handles)
  local uv = require "luv"
  local self = setmetatable({ uv = uv, handles = handles, drawn = false,
    marks = {}, quiet = quiet, tty = uv.guess_handle(2) == "tty" }, Line)
  if not quiet then
    self.timer = uv.new_timer()
    local ms = self.tty and REDRAW_MS or PLAIN_MS
    self.timer:start(ms, ms, function () self:draw() end)
    self.timer:unref()
  end
  return self
end

-- Bytes a second, over the last seconds.
function Line:rate(moved)
  local now, marks = self.uv.hrtime() / 1e9, self.marks
  marks[#marks + 1] = { now, moved }
  while #marks > 1 and now - marks[1][1] > RATE_S do table.remove(marks, 1) end
  local past = now - marks[1][1]
  -- A session that is over takes its bytes out of the sum.
  return past > 0 and math.max(0, (moved - marks[1][2]) / past) or 0
end

function Line:draw()
  local states, strange = {}, 0
  for _, handle in ipairs(self.handles()) do
    local s = handle:status()
    if s and s.peer then
      states[#states + 1] = s
    else
      strange = strange + 1
    end
  end
  if #states + strange == 0 then return self:wipe() end
  local sum = sum_of(states)
  local text = #states == 0 and "connecting" or counts(sum,
    self:rate(sum.moved))
  if #states > 1 then text = #states .. " sessions · " .. text end
  if self.tty then
    io.stderr:write("\r\27[K", text)
    self.drawn = true
  elseif text ~= self.text then
    io.stderr:write(text, "\n")
    self.text = text
  end
  io.stderr:flush()
end

-- Make room for other words; the next drawing comes after them.
function Line:wipe()
  if self.drawn then
    io.stderr:write("\r\27[K")
    self.drawn = false
  end
end

function Line:clear()
  self:wipe()
  if self.timer and not self.timer:is_closing() then self.timer:close() end
end

-- ---- signals ----

-- Call stop(name) for the first signal that asks for an end; a second one ends
-- the process, which loses nothing that was stored. Returns how to let go.
function live.signals(stop)
  local uv, handles, seen = require "luv", {}, false
  for i, name in ipairs({ "sigint", "sigterm", "sighup" }) do
    handles[i] = uv.new_signal()
    handles[i]:start(name, function ()
      if seen then os.exit(130, false) end
      seen = true
      stop(name)
    end)
    handles[i]:unref()
  end
  return function ()
    for _, handle in ipairs(handles) do
      if not handle:is_closing() then handle:close() end
    end
  end
end

return live
