-- SPDX-License-Identifier: 0BSD
-- Foreign strings made safe for people's eyes. A name or a title from
-- elsewhere may hold terminal commands, characters that turn the reading
-- order around, or ones that nobody sees.

local hiding = require "mahatta.hiding"

-- Ranges of code points that show nothing themselves but change or hide what
-- stands beside them.
local HIDING = {
  { 0x00, 0x1F }, { 0x7F, 0x9F }, { 0xAD, 0xAD }, { 0x34F, 0x34F },
  { 0x61C, 0x61C }, { 0x115F, 0x1160 }, { 0x17B4, 0x17B5 },
  { 0x180B, 0x180F }, { 0x200B, 0x200F }, { 0x2028, 0x202E },
  { 0x2060, 0x206F }, { 0x3164, 0x3164 }, { 0xFE00, 0xFE0F },
  { 0xFEFF, 0xFEFF }, { 0xFFA0, 0xFFA0 }, { 0xFFF9, 0xFFFB },
  { 0x1D173, 0x1D17A }, { 0xE0000, 0xE0FFF },
}

local RIGHT_TO_LEFT = {
  { 0x590, 0x61B }, { 0x61D, 0x8FF }, { 0xFB1D, 0xFDFF },
  { 0xFE70, 0xFEFC }, { 0x10800, 0x10FFF }, { 0x1E800, 0x1EEFF },
}

local ISOLATE, POP = utf8.char(0x2068), utf8.char(0x2069)

local function within(code, ranges)
  for _, range in ipairs(ranges) do
    if code >= range[1] and code <= range[2] then return true end
  end
  return false
end

-- LRM, RLM, ALM: they settle where punctuation stands in mixed text.
local function is_mark(code)
  return code == 0x200E or code == 0x200F or code == 0x61C
end

-- Characters that ordinary Arabic, Kurdish and Persian text needs (and emoji)
-- are left alone where such text has them; anywhere else they are there to
-- fool.
local function belongs(code, before, after, right_to_left)
  if code == 0x200C or code == 0x200D then
    return before and after and before >= 0x590 and after >= 0x590
      and not within(before, HIDING) and not within(after, HIDING)
  elseif is_mark(code) then
    return right_to_left
  elseif code == 0xFE0E or code == 0xFE0F then
    return before and before >= 0x2000 and not within(before, HIDING)
  end
  return false
end

local function escaped(codes, plain)
  local right_to_left, out = false, {}
  for _, code in ipairs(codes) do
    right_to_left = right_to_left or not plain and code > 0
      and within(code, RIGHT_TO_LEFT)
  end
  for i, code in ipairs(codes) do
    if code < 0 then -- a byte that is no UTF-8
      out[i] = ("\\x{%02X}"):format(-code)
    elseif within(code, HIDING)
        and not belongs(code, codes[i - 1], codes[i + 1], right_to_left) then
      -- Inside isolates a mark without right-to-left text settles nothing.
      out[i] = not plain and is_mark(code) and ""
        or ("\\u{%X}"):format(code)
    else
      out[i] = utf8.char(code)
    end
  end
  return table.concat(out)
end

-- Code points of s; a byte that belongs to none is given as its negative.
local function code_points(s)
  local codes, at = {}, 1
  while at <= #s do
    local length, bad = utf8.len(s, at)
    local last = length and #s or bad - 1
    for _, code in utf8.codes(s:sub(at, last)) do
      codes[#codes + 1] = code
    end
    if bad then codes[#codes + 1] = -s:byte(bad) end
    at = last + 2
  end
  return codes
end

local function display(s, plain)
  if type(s) ~= "string" then
    error(("bad argument #1 to 'display' (string expected, got %s)")
      :format(s == nil and "no value" or type(s)), 2)
  end
  if hiding.may(s) then
    s = escaped(code_points(s), plain)
  end
  return plain and s or ISOLATE .. s .. POP
end

return display
