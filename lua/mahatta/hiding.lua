-- SPDX-License-Identifier: 0BSD
-- Is there nothing in a text that hides or turns what stands beside it? Most
-- foreign text is harmless, and this finds it out at the speed of a search.

local hiding = {}

-- Bytes that characters which hide begin with: in Arabic, Kurdish and English
-- there are few of them.
local LEADS = "()[\0-\31\127\xC2\xCD\xE1-\xE3\xEF\xF0\xF3]"

-- What follows such a byte in characters that hide: second bytes, each with
-- the range of the third.
local THIRD = {
  [0xE1] = { [0x85] = { 0x9F, 0xA0 }, [0x9E] = { 0xB4, 0xB5 },
    [0xA0] = { 0x8B, 0x8F } },
  [0xE2] = { [0x80] = { 0x8B, 0x8F }, [0x81] = { 0xA0, 0xAF } },
  [0xE3] = { [0x85] = { 0xA4, 0xA4 } },
  [0xEF] = { [0xB8] = { 0x80, 0x8F }, [0xBB] = { 0xBF, 0xBF },
    [0xBE] = { 0xA0, 0xA0 }, [0xBF] = { 0xB9, 0xBB } },
}

local function hides(lead, second, third)
  if THIRD[lead] then
    local range = THIRD[lead][second]
    return range ~= nil and third >= range[1] and third <= range[2]
      or lead == 0xE2 and second == 0x80 and third >= 0xA8 and third <= 0xAE
  elseif lead == 0xC2 then
    return second <= 0x9F or second == 0xAD
  elseif lead == 0xCD then
    return second == 0x8F
  elseif lead == 0xF0 then
    return second == 0x9D and third == 0x85
  end
  return lead ~= 0xF3 or second == 0xA0
end

-- May there be something in it that hides? False is certain.
function hiding.may(s)
  if not s:find("[^\32-\126]") then return false end
  if not utf8.len(s) or s:find("\xD8\x9C", 1, true) then return true end
  for at in s:gmatch(LEADS) do
    if hides(s:byte(at, at + 2)) then return true end
  end
  return false
end

return hiding
