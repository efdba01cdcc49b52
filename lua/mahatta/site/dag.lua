-- SPDX-License-Identifier: 0BSD
-- A CARv1 stream of a block and all that is below it, as far as it is here.

local mahatta = require "mahatta"

local dag = {}

local SEEN_MAX = 1000000 -- blocks of one stream

local function varint(n)
  local out = {}
  while n >= 128 do
    out[#out + 1] = string.char(n & 127 | 128)
    n = n >> 7
  end
  return table.concat(out) .. string.char(n)
end

-- A CID's bytes, as a link has them inside DAG-CBOR: tag 42, 37 bytes, the
-- first of them zero.
local function binary(id)
  return mahatta.encode(assert(mahatta.link(id))):sub(-36)
end

-- A varint of protobuf at `at`: its value, and where the next byte is.
local function read_varint(s, at)
  local value, shift = 0, 0
  repeat
    local byte = s:byte(at)
    if not byte or shift > 56 then return nil end
    value = value | (byte & 127) << shift
    shift, at = shift + 7, at + 1
  until byte < 128
  return value, at
end

-- Each field of a protobuf message with bytes in it: number, content.
local function fields(s)
  local at = 1
  return function ()
    local tag, length
    tag, at = read_varint(s, at or #s + 1)
    if not tag or tag & 7 ~= 2 then return nil end
    length, at = read_varint(s, at)
    if not length or length > #s - at + 1 then return nil end
    local content = s:sub(at, at + length - 1)
    at = at + length
    return tag >> 3, content
  end
end

local BASE32 = "abcdefghijklmnopqrstuvwxyz234567"

-- The text of a binary CIDv1; nil for other ids.
local function text_of(cid)
  if #cid ~= 36 or cid:byte(1) ~= 1 then return nil end
  local out, held, bits = {}, 0, 0
  for i = 1, #cid do
    held, bits = (held << 8 | cid:byte(i)) & 0xFFFFF, bits + 8
    while bits >= 5 do
      bits = bits - 5
      local five = held >> bits & 31
      out[#out + 1] = BASE32:sub(five + 1, five + 1)
    end
  end
  if bits > 0 then
    local five = held << (5 - bits) & 31
    out[#out + 1] = BASE32:sub(five + 1, five + 1)
  end
  local id = "b" .. table.concat(out)
  return mahatta.link(id) and id or nil
end

local function links_of_node(bytes, out)
  for number, content in fields(bytes) do
    if number == 2 then -- Links
      for part, cid in fields(content) do
        local id = part == 1 and text_of(cid)
        if id then out[#out + 1] = id end
      end
    end
  end
end

local function links_of_value(value, out)
  if type(value) == "table" then
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys, function (a, b) return tostring(a) < tostring(b) end)
    for _, key in ipairs(keys) do links_of_value(value[key], out) end
  elseif type(value) == "userdata" and mahatta.link(tostring(value)) then
    out[#out + 1] = tostring(value)
  end
end

-- Ids that a block links to, in its order.
function dag.links(id, bytes)
  local out = {}
  if id:find("^bafybei") then
    links_of_node(bytes, out)
  elseif id:find("^bafyrei") then
    links_of_value(mahatta.decode(bytes), out)
  end
  return out
end

-- The stream: the root first, then depth first, no block twice. Blocks that
-- are not here are left out, and so is what is below them.
function dag.car(station, root, bytes, only_root)
  local todo, seen, count, started = { root }, {}, 0, false
  local function section(id, block)
    return varint(36 + #block) .. binary(id) .. block
  end
  local function header()
    local head = mahatta.encode({ version = 1,
      roots = { assert(mahatta.link(root)) } })
    return varint(#head) .. head
  end
  return {
    read = function ()
      if not started then
        started = true
        return header()
      end
      while #todo > 0 and count < SEEN_MAX do
        local id = table.remove(todo)
        if not seen[id] then
          seen[id], count = true, count + 1
          local block, message, code = id == root and bytes, nil, nil
          if not block then block, message, code = station:block(id) end
          if not block and code ~= "ENOENT" then return nil, message end
          if block then
            local below = only_root and {} or dag.links(id, block)
            for i = #below, 1, -1 do todo[#todo + 1] = below[i] end
            return section(id, block)
          end
        end
      end
      return nil
    end,
    close = function () todo = {} end,
  }
end

return dag
