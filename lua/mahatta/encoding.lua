-- SPDX-License-Identifier: 0BSD
-- Text of old disks, as UTF-8: UTF-16 by its mark, windows-1256 (Arabic and
-- Persian Windows before UTF-8) for what is no UTF-8.

local encoding = {}

-- Code points of the bytes 0x80 .. 0xFF in windows-1256 (WHATWG Encoding).
local CP1256 = {
  0x20AC, 0x067E, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
  0x02C6, 0x2030, 0x0679, 0x2039, 0x0152, 0x0686, 0x0698, 0x0688,
  0x06AF, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
  0x06A9, 0x2122, 0x0691, 0x203A, 0x0153, 0x200C, 0x200D, 0x06BA,
  0x00A0, 0x060C, 0x00A2, 0x00A3, 0x00A4, 0x00A5, 0x00A6, 0x00A7,
  0x00A8, 0x00A9, 0x06BE, 0x00AB, 0x00AC, 0x00AD, 0x00AE, 0x00AF,
  0x00B0, 0x00B1, 0x00B2, 0x00B3, 0x00B4, 0x00B5, 0x00B6, 0x00B7,
  0x00B8, 0x00B9, 0x061B, 0x00BB, 0x00BC, 0x00BD, 0x00BE, 0x061F,
  0x06C1, 0x0621, 0x0622, 0x0623, 0x0624, 0x0625, 0x0626, 0x0627,
  0x0628, 0x0629, 0x062A, 0x062B, 0x062C, 0x062D, 0x062E, 0x062F,
  0x0630, 0x0631, 0x0632, 0x0633, 0x0634, 0x0635, 0x0636, 0x00D7,
  0x0637, 0x0638, 0x0639, 0x063A, 0x0640, 0x0641, 0x0642, 0x0643,
  0x00E0, 0x0644, 0x00E2, 0x0645, 0x0646, 0x0647, 0x0648, 0x00E7,
  0x00E8, 0x00E9, 0x00EA, 0x00EB, 0x0649, 0x064A, 0x00EE, 0x00EF,
  0x064B, 0x064C, 0x064D, 0x064E, 0x00F4, 0x064F, 0x0650, 0x00F7,
  0x0651, 0x00F9, 0x0652, 0x00FB, 0x00FC, 0x200E, 0x200F, 0x06D2,
}

local high = {} -- byte -> UTF-8
for i, code in ipairs(CP1256) do
  high[string.char(0x7F + i)] = utf8.char(code)
end

local function from_utf16(s, format)
  local out, at = {}, 3 -- behind the mark
  while at + 1 <= #s do
    local unit = string.unpack(format, s, at)
    at = at + 2
    if unit >= 0xD800 and unit < 0xDC00 and at + 1 <= #s then
      local low = string.unpack(format, s, at)
      if low >= 0xDC00 and low < 0xE000 then
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
        at = at + 2
      end
    end
    -- Half a pair is no character, and a zero byte no text.
    if unit ~= 0 and (unit < 0xD800 or unit >= 0xE000) then
      out[#out + 1] = utf8.char(unit)
    end
  end
  return table.concat(out)
end

-- Bytes that are no UTF-8 are dropped.
local function without_bad(s)
  local out, at = {}, 1
  while at <= #s do
    local length, bad = utf8.len(s, at)
    if length then
      if at == 1 then return s end
      out[#out + 1] = s:sub(at)
      break
    end
    out[#out + 1] = s:sub(at, bad - 1)
    at = bad + 1
  end
  return table.concat(out)
end

-- Is ${s} UTF-8 but for a few bytes (a cut end, a stray byte)? In other
-- encodings nearly every letter beyond ASCII is one that UTF-8 refuses.
local function nearly_utf8(s, clean)
  local beyond = select(2, s:gsub("[\x80-\xFF]", ""))
  return #s - #clean <= beyond // 10
end

--- ${s} as valid UTF-8 without a byte order mark.
function encoding.utf8(s)
  local mark = s:sub(1, 2)
  if mark == "\xFF\xFE" then return from_utf16(s, "<I2") end
  if mark == "\xFE\xFF" then return from_utf16(s, ">I2") end
  local clean = without_bad(s)
  if not nearly_utf8(s, clean) then
    clean = s:gsub("[\x80-\xFF]", high)
  end
  return (clean:gsub("^" .. utf8.char(0xFEFF), ""))
end

return encoding
