-- SPDX-License-Identifier: 0BSD
-- DNS messages (RFC 1035), as far as finding services by multicast needs them
-- (RFC 6762, 6763). Reads anything without raising, looping or growing.
--
-- Names are text: labels joined by ".", where a "." or "\" inside a label has
-- a "\" before it. A message is { id, response, questions, records }; a
-- question { name, type, unicast }; a record { name, type, ttl, flush, ... }
-- with, by type, target (PTR, SRV), port (SRV), address (A, AAAA: its bytes).

local dns = {}

local MESSAGE_MAX = 9000 -- RFC 6762, section 17
local NAME_MAX, LABEL_MAX = 255, 63
local ENTRIES_MAX = 256 -- questions and records of one message

dns.TYPES = { A = 1, PTR = 12, TXT = 16, AAAA = 28, SRV = 33, ANY = 255 }
local TYPES = dns.TYPES
local IN, TOP_BIT = 1, 0x8000 -- of a class: "flush", or "unicast, please"

-- ---- writing ----

-- A name of labels.
function dns.join(...)
  local labels = { ... }
  for i, label in ipairs(labels) do labels[i] = label:gsub("[.\\]", "\\%0") end
  return table.concat(labels, ".")
end

local function put_name(name)
  local out, label = {}, {}
  for mark, char in (name .. "."):gmatch("(\\?)(.)") do
    if mark == "" and char == "." then
      local text = table.concat(label)
      out[#out + 1] = string.pack(">s1", text)
      label = {}
    else
      label[#label + 1] = char
    end
  end
  return table.concat(out) .. "\0"
end

local function put_data(record)
  if record.type == TYPES.PTR then return put_name(record.target) end
  if record.type == TYPES.SRV then
    return string.pack(">I2I2I2", 0, 0, record.port) .. put_name(record.target)
  end
  return record.address or "\0" -- TXT: one empty string
end

local function put_record(record)
  return put_name(record.name) .. string.pack(">I2I2I4s2", record.type,
    IN | (record.flush and TOP_BIT or 0), record.ttl, put_data(record))
end

function dns.encode(message)
  local questions, records = message.questions or {}, message.records or {}
  local extra = message.extra or {}
  local out = { string.pack(">I2I2I2I2I2I2", message.id or 0,
    message.response and 0x8400 or 0, #questions, #records, 0, #extra) }
  for _, question in ipairs(questions) do
    out[#out + 1] = put_name(question.name) .. string.pack(">I2I2",
      question.type, IN | (question.unicast and TOP_BIT or 0))
  end
  for _, list in ipairs({ records, extra }) do
    for _, record in ipairs(list) do out[#out + 1] = put_record(record) end
  end
  return table.concat(out)
end

-- ---- reading ----

-- The name at ${at}, and where it ends. A pointer leads back, before all that
-- was read of the name: so it can't go on for ever.
local function get_name(bytes, at)
  local labels, size, after, floor = {}, 0, nil, at
  while true do
    local n = bytes:byte(at)
    if not n then return nil end
    if n == 0 then return table.concat(labels, "."), after or at + 1 end
    if n >= 0xC0 then
      local low = bytes:byte(at + 1)
      local to = low and ((n & 0x3F) << 8 | low) + 1
      if not to or to >= floor then return nil end
      after, at, floor = after or at + 2, to, to
    else
      size = size + n + 1
      if n > LABEL_MAX or size >= NAME_MAX or at + n > #bytes then
        return nil
      end
      labels[#labels + 1] = bytes:sub(at + 1, at + n):gsub("[.\\]", "\\%0")
      at = at + n + 1
    end
  end
end

local function get_data(record, bytes, at, n)
  local kind = record.type
  if kind == TYPES.PTR then
    record.target = get_name(bytes, at)
    return record.target ~= nil
  elseif kind == TYPES.SRV then
    if n < 7 then return false end
    record.port = string.unpack(">I2", bytes, at + 4)
    record.target = get_name(bytes, at + 6)
    return record.target ~= nil
  elseif kind == TYPES.A or kind == TYPES.AAAA then
    record.address = bytes:sub(at, at + n - 1)
    return n == (kind == TYPES.A and 4 or 16)
  end
  return true
end

-- One question or record at ${at}, and where it ends; nil when it is cut.
local function get_entry(bytes, at, is_record)
  local name, kind, class, ttl, n
  name, at = get_name(bytes, at)
  if not name or at + 3 > #bytes then return nil end
  kind, class, at = string.unpack(">I2I2", bytes, at)
  local entry = { name = name, type = kind }
  if not is_record then
    entry.unicast = class & TOP_BIT ~= 0
  else
    if at + 5 > #bytes then return nil end
    ttl, n, at = string.unpack(">I4I2", bytes, at)
    if at + n - 1 > #bytes then return nil end
    entry.ttl, entry.flush = ttl, class & TOP_BIT ~= 0
    if not get_data(entry, bytes, at, n) then return nil end
    at = at + n
  end
  entry.known = class & ~TOP_BIT == IN or class & ~TOP_BIT == TYPES.ANY
  return entry, at
end

-- A message; nil when it is none.
function dns.decode(bytes)
  if #bytes < 12 or #bytes > MESSAGE_MAX then return nil end
  local id, flags, q, an, ns, ar, at = string.unpack(">I2I2I2I2I2I2", bytes)
  if q + an + ns + ar > ENTRIES_MAX or flags & 0x7800 ~= 0 then return nil end
  local message = { id = id, response = flags & 0x8000 ~= 0, questions = {},
    records = {} }
  for i = 1, q + an + ns + ar do
    local list = i <= q and message.questions or message.records
    local entry
    entry, at = get_entry(bytes, at, i > q)
    if not entry then return nil end
    if entry.known then list[#list + 1] = entry end
  end
  return message
end

-- Names are the same whatever the case of their ASCII letters.
function dns.same(a, b)
  return a == b or a:lower() == b:lower()
end

return dns
