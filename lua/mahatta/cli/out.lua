-- SPDX-License-Identifier: 0BSD
-- What the command prints: for people, with every foreign string escaped, or
-- as JSON for scripts, raw.

local json = require "dkjson"
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

local ALPHABET =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64(s)
  local function six(n)
    return ALPHABET:sub(n + 1, n + 1)
  end
  local coded = s:gsub("..?.?", function (part)
    local a, b, c = part:byte(1, 3)
    local n = a << 16 | (b or 0) << 8 | (c or 0)
    local text = six(n >> 18) .. six(n >> 12 & 63)
    if b then text = text .. six(n >> 6 & 63) end
    return c and text .. six(n & 63) or text
  end)
  return coded
end

local function unbase64(s)
  if s:find("[^%w+/=]") then return nil end
  s = s:gsub("=+$", "")
  local bits, held, bytes = 0, 0, {}
  for letter in s:gmatch(".") do
    held = (held << 6 | ALPHABET:find(letter, 1, true) - 1) & 0xFFFFFF
    bits = bits + 6
    if bits >= 8 then
      bits = bits - 8
      bytes[#bytes + 1] = string.char(held >> bits & 255)
    end
  end
  return table.concat(bytes)
end

local EMPTY_MAP = mahatta.encode(mahatta.map())

-- Links and bytes as DAG-JSON writes them; an empty map stays a map.
local function plain_leaf(value)
  if value == mahatta.null then return json.null end
  if type(value) == "table" and next(value) == nil
      and mahatta.encode(value) == EMPTY_MAP then
    return setmetatable({}, { __jsontype = "object" })
  end
  if type(value) ~= "userdata" then return value end
  local name = getmetatable(value) ~= nil and tostring(value) or ""
  if mahatta.link(name) then return { ["/"] = name } end
  return { ["/"] = { bytes = base64(name) } }
end

-- A copy without links, bytes and nulls of ours (or with them, the other way
-- round). ${keys} collects the names of fields.
local function copied(value, convert, keys)
  local root = {}
  local todo = { { from = { value }, to = root } }
  while #todo > 0 do
    local part = table.remove(todo)
    for key, item in pairs(part.from) do
      item = convert(item)
      if type(item) == "table" and next(item) ~= nil then
        local fresh = {}
        todo[#todo + 1] = { from = item, to = fresh }
        item = fresh
      end
      part.to[key] = item
      if keys and type(key) == "string" then keys[key] = true end
    end
  end
  return root[1]
end

-- dkjson escapes control characters and most that turn the reading order; the
-- rest of those that hide, too: a terminal may show it, JSON loses nothing.
local escapes = setmetatable({}, { __index = function (self, char)
  local escape = char
  if utf8.len(char) and mahatta.display(char, true) ~= char then
    local code = utf8.codepoint(char)
    escape = code < 0x10000 and ("\\u%04x"):format(code)
      or ("\\u%04x\\u%04x"):format(0xD7C0 + (code >> 10),
        0xDC00 + (code & 0x3FF))
  end
  self[char] = escape
  return escape
end })

-- One line. Fields stand in the order of their names, so that the same value
-- is always the same text.
function out.json(value)
  local keys, order = {}, {}
  local plain = copied(value, plain_leaf, keys)
  for key in pairs(keys) do order[#order + 1] = key end
  table.sort(order)
  local text = json.encode(plain, { keyorder = order })
  io.stdout:write((text:gsub("[\xC2-\xF4][\x80-\xBF]+", escapes)), "\n")
end

local function ours(value)
  if value == json.null then return mahatta.null end
  if type(value) ~= "table" then return value end
  local slash = value["/"]
  if type(slash) == "string" then return mahatta.link(slash) or value end
  if type(slash) == "table" and type(slash.bytes) == "string" then
    local bytes = unbase64(slash.bytes)
    return bytes and mahatta.bytes(bytes) or value
  end
  local mark = getmetatable(value)
  if next(value) == nil and mark and mark.__jsontype == "object" then
    return mahatta.map({})
  end
  return value
end

-- A value of the data model from JSON text; nil, message.
function out.from_json(text)
  local value, _, message = json.decode(text, 1, json.null)
  if message then
    return nil, "no JSON: " .. message:gsub("line %d+, ", "")
  end
  return copied(value, ours)
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
