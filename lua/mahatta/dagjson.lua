-- SPDX-License-Identifier: 0BSD
-- Values of the data model as JSON and back: links and bytes as DAG-JSON
-- writes them.

local json = require "dkjson"
local mahatta = require "mahatta"

local dagjson = {}

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

-- One line of JSON. Fields stand in the order of their names, so that the same
-- value is always the same text.
function dagjson.encode(value)
  local keys, order = {}, {}
  local plain = copied(value, plain_leaf, keys)
  for key in pairs(keys) do order[#order + 1] = key end
  table.sort(order)
  local text = json.encode(plain, { keyorder = order })
  return (text:gsub("[\xC2-\xF4][\x80-\xBF]+", escapes))
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
function dagjson.decode(text)
  local value, _, message = json.decode(text, 1, json.null)
  if message then
    return nil, "no JSON: " .. message:gsub("line %d+, ", "")
  end
  return copied(value, ours)
end

return dagjson
