-- SPDX-License-Identifier: 0BSD
-- What the command prints: for people, with every foreign string escaped, or
-- as JSON for scripts, raw.

local dagjson = require "mahatta.dagjson"
local mahatta = require "mahatta"

local out = {}

-- ---- for people ----

function out.line(format, ...)
  io.stdout:write(select("#", ...) > 0 and format:format(...) or format, "\n")
end

-- A string from elsewhere, on one line. Isolates are left out of plain ASCII:
-- it can't turn anything around.
function out.name(s)
  s = tostring(s)
  return mahatta.display(s, not s:find("[\128-\255]"))
end

-- A file's name: nothing in it may move its ending elsewhere.
function out.file(s)
  local shown = mahatta.display(s, true)
  if not shown:find("[\128-\255]") then return shown end
  return utf8.char(0x2068) .. shown .. utf8.char(0x2069)
end

-- Text of several lines from elsewhere.
function out.text(s, indent)
  local lines = {}
  for line in (s .. "\n"):gmatch("(.-)\r?\n") do
    line = line:gsub("\t", "  ")
    lines[#lines + 1] = line == "" and "" or indent .. out.name(line)
  end
  while lines[#lines] == "" do lines[#lines] = nil end
  return table.concat(lines, "\n")
end

-- At most `max` characters.
function out.short(s, max)
  if (utf8.len(s) or 0) <= max then return s end
  return s:sub(1, utf8.offset(s, max) - 1) .. "…"
end

function out.number(n)
  local s = ("%d"):format(n)
  local head, tail = s:match("^(%-?%d%d?%d?)(%d*)$")
  while #tail % 3 ~= 0 do
    head, tail = s:sub(1, #head - 1), s:sub(#head)
  end
  return head .. tail:gsub("%d%d%d", ",%0")
end

-- "1 file", "213 files", "2 stories".
function out.count(n, one, many)
  return out.number(n) .. " " .. (n == 1 and one or many or one .. "s")
end

function out.size(bytes)
  if bytes >= math.maxinteger then return "any size" end
  local unit, value = 1, bytes
  local units = { "bytes", "KB", "MB", "GB", "TB", "PB", "EB" }
  while value >= 1024 and unit < #units do
    unit, value = unit + 1, value / 1024
  end
  if unit == 1 then return out.count(bytes, "byte") end
  return (value < 99.95 and "%.1f %s" or "%.0f %s"):format(value, units[unit])
end

function out.day(time)
  local ok, text = pcall(os.date, "!%Y-%m-%d", time)
  return ok and text or "time " .. tostring(time)
end

function out.minute(time)
  local ok, text = pcall(os.date, "!%Y-%m-%d %H:%M", time)
  return ok and text .. " UTC" or "time " .. tostring(time)
end

-- A text that may be a table of languages: in ${lang}, else in English, else
-- the first by language code.
function out.in_language(text, lang)
  if type(text) ~= "table" then return text end
  local codes = {}
  for code in pairs(text) do codes[#codes + 1] = code end
  table.sort(codes)
  return text[lang] or text.en or text[codes[1]]
end

function out.title_of(record, lang)
  local title = out.in_language(record.title, lang)
  return type(title) == "string" and title ~= "" and title or "(no title)"
end

-- ---- JSON ----

-- One line: records come as DAG-JSON.
function out.json(value)
  io.stdout:write(dagjson.encode(value), "\n")
end

-- ---- progress ----

local terminal

-- The shell's test is the one way that plain Lua has to ask whether standard
-- error is a terminal.
local function on_terminal()
  if terminal == nil then
    terminal = os.execute("test -t 2") == true
  end
  return terminal
end

local Progress = {}
Progress.__index = Progress

-- A line that is written over itself on a terminal, and nothing in a pipe.
function out.progress(quiet)
  local shown = not quiet and on_terminal()
  return setmetatable({ shown = shown, last = -1, started = os.time(),
    cpu = os.clock() }, Progress)
end

function Progress:due()
  if not self.shown or os.clock() - self.last < 0.05 then return false end
  self.last = os.clock()
  return true
end

-- Seconds since the start: whole ones of the clock on the wall, and the
-- processor's while they are too few to divide by.
function Progress:seconds()
  local wall = os.difftime(os.time(), self.started)
  return wall >= 3 and wall or math.max(os.clock() - self.cpu, 0.001)
end

function Progress:show(format, ...)
  if self:due() then
    io.stderr:write("\r\27[K", format:format(...))
    io.stderr:flush()
  end
end

-- Bytes that a job works through.
function Progress:bytes(what, done, total)
  if not self:due() then return end
  self.last = -1
  self:show("%s %s%s · %s/s", what, out.size(done),
    total > done and " of " .. out.size(total) or "",
    out.size(math.floor(done / self:seconds())))
end

-- Files that are stored one after the other.
function Progress:files(sum, total)
  if not self:due() then return end
  self.last = -1
  self:show("files %s of %s · %s of %s · %s/s", out.number(sum.files),
    out.number(total.files), out.size(sum.bytes), out.size(total.bytes),
    out.size(math.floor(sum.bytes / self:seconds())))
end

-- Make room for other words on standard error; the next show comes after.
function Progress:wipe()
  if self.shown then io.stderr:write("\r\27[K") end
end

function Progress:clear()
  self:wipe()
  self.shown = false
end

return out
